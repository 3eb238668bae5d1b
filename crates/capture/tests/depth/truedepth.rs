//! Frames of the TrueDepth camera.

use capture::depth::LayoutKind;
use geometry::DVec3;

use super::Upload;

pub(crate) fn truedepth(width: u32, height: u32, depth: &[f32], intrinsics: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"width": {width}, "height": {height}, "timestamp": 5.5, "camera_intrinsics": {intrinsics}}}"#
    );
    let mut out = format!(
        "ply\nformat binary_little_endian 1.0\nelement metadata {}\nproperty uchar char\nelement color {}\n\
         property float r\nproperty float g\nproperty float b\nelement depth {}\nproperty float d\nend_header\n",
        json.len(),
        depth.len(),
        depth.len()
    )
    .into_bytes();
    out.extend(json.bytes());
    out.extend(
        depth
            .iter()
            .flat_map(|_| [1.0f32, 0.5, 0.0])
            .flat_map(f32::to_le_bytes),
    );
    out.extend(depth.iter().flat_map(|v| v.to_le_bytes()));
    out
}

pub(crate) const FULL: &str = r#"{"intrinsic_matrix": [60.0, 0, 0, 0, 62.0, 0, 34.5, 24.5, 1],
    "intrinsic_matrix_reference_dimensions_width": 70, "intrinsic_matrix_reference_dimensions_height": 50}"#;

#[test]
fn truedepth_frames_carry_their_camera_and_find_their_gravity() {
    let depth: Vec<f32> = (0..35)
        .map(|i| if i == 3 { 9999.0 } else { 0.3 + i as f32 * 1e-3 })
        .collect();
    let motion = br#"[{"timestamp": 5.52, "gravity_x": 0.0, "gravity_y": -1.0, "gravity_z": 0.0}]"#;
    let upload = Upload::of(&[
        ("DepthFrames/frame-0.ply", &truedepth(7, 5, &depth, FULL)),
        ("DepthFrames/motion-data.json", motion),
    ]);
    let layout = upload.only();
    assert_eq!(layout.kind, LayoutKind::TrueDepthPly);
    let capture = upload.read(&layout).unwrap();
    let frame = upload.frame(&capture, 0).unwrap();
    assert_eq!(frame.camera.width, 7);
    assert!((frame.camera.focal_px[0] - 6.0).abs() < 1e-9);
    assert!((frame.depth_mm[4] - 304.0).abs() < 1e-3);
    assert!(frame.depth_mm[3].is_nan());
    // Linear 0.5 is 188 in sRGB.
    assert_eq!(frame.color.unwrap().rgb[0], [255, 188, 0]);
    // The device's down, held upright, is the picture's right.
    assert_eq!(capture.gravity_at(frame.timestamp_secs.unwrap()), Some(DVec3::X));
    assert_eq!(capture.gravity_at(7.0), None);
}
