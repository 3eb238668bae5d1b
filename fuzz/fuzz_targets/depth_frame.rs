#![no_main]

use capture::NamedBytes;
use capture::depth::{DepthEncoding, FrameBytes, FrameFiles, FramePlan, decode_frame, recognize};
use geometry::Pinhole;
use libfuzzer_sys::fuzz_target;

/// The names of a layout each, and which of its files gets the input.
const LAYOUTS: [(&[&str], &str); 5] = [
    (&["depth/0.png", "color/0.jpg", "trajectory.log", "capture.json"], "trajectory.log"),
    (&["depth/0.png", "rgb/0.png", "depth.txt", "rgb.txt", "groundtruth.txt"], "groundtruth.txt"),
    (&["metadata", "rgbd/0.depth", "rgbd/0.jpg"], "metadata"),
    (&["depth_1.png", "rgb_1.png", "DepthMetadata.json", "Accelerometer.txt"], "DepthMetadata.json"),
    (&["DepthFrames/frame-1.ply", "DepthFrames/motion-data.json"], "DepthFrames/motion-data.json"),
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let encoding = match choice % 8 {
        0 => DepthEncoding::TrueDepthPly,
        1 => DepthEncoding::Record3d,
        2 => DepthEncoding::SunPng,
        other => {
            let (names, target) = LAYOUTS[usize::from(other) - 3];
            for layout in recognize(names.iter().copied()) {
                let _ = layout.read(&[NamedBytes { name: target, bytes }]);
            }
            return;
        }
    };
    let plan = FramePlan {
        files: FrameFiles::default(),
        encoding,
        camera: Some(Pinhole {
            width: 64,
            height: 48,
            focal_px: [60.0; 2],
            center_px: [31.5, 23.5],
        }),
        depth_size: None,
        world_from_camera: None,
        gravity_in_camera: None,
        timestamp_secs: None,
    };
    let frame = FrameBytes {
        depth: bytes,
        color: None,
        confidence: None,
    };
    if let Ok(frame) = decode_frame(&plan, &frame) {
        assert_eq!(frame.depth_mm.len(), frame.camera.pixel_count());
        assert!(frame.depth_mm.iter().all(|z| z.is_nan() || *z > 0.0));
    }
});
