#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

/// Bytes that all entries together may expand to.
const ROOM: u64 = 4 << 20;

fuzz_target!(|input: &[u8]| {
    let Ok(archive) = intake::Archive::list(Cursor::new(input), ROOM) else { return };
    let mut written = 0;
    for entry in archive.entries() {
        assert!(!entry.name().starts_with('/') && !entry.name().split('/').any(|part| part == ".."));
        let mut out = Vec::new();
        let _ = archive.extract(&mut Cursor::new(input), entry, &mut out);
        written += out.len() as u64;
    }
    assert!(written <= ROOM);
});
