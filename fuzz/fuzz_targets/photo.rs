#![no_main]

use libfuzzer_sys::fuzz_target;

/// Bytes that a picture may have here: small ones reach as much of the code, sooner.
const ROOM: usize = 4 << 20;

fuzz_target!(|input: &[u8]| {
    if let Ok(clean) = capture::photo::stripped(input) {
        assert!(clean.len() <= input.len());
    }
    let mut out = vec![0; ROOM];
    if let Ok(facts) = capture::photo::read_into(input, &mut out) {
        assert!(facts.columns > 0 && facts.rows > 0);
        assert!(facts.picture_bytes() <= ROOM as u64);
    }
});
