#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for name in capture::references::names(input) {
        assert!(!name.is_empty() && !name.contains(['/', '\\']));
    }
});
