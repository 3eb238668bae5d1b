#![no_main]

use dicom_series::instance::Content;
use libfuzzer_sys::fuzz_target;

// A file is read, its first frames are decoded, and it is grouped with itself: two instances at one place.
fuzz_target!(|input: &[u8]| {
    let Ok(instance) = dicom_series::read::read_picture(input) else { return };
    if matches!(instance.content, Content::Image(_)) {
        for frame in 0..2 {
            if let Ok(frame) = dicom_series::pixels::decode_frame(input, &instance, frame) {
                assert!(frame.rows > 0 && frame.columns > 0);
            }
        }
    }
    let _ = dicom_series::group(&[instance.clone(), instance]);
});
