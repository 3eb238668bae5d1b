#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((expected, stream)) = fuzz::split(input) else { return };
    for bits_allocated in [1, 8, 16, 32] {
        fuzz::check(codec::rle::decode(stream, expected, bits_allocated), expected);
    }
});
