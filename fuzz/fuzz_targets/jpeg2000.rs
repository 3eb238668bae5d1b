#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((expected, stream)) = fuzz::split(input) else { return };
    fuzz::check(codec::jpeg2000::decode(stream, expected), expected);
});
