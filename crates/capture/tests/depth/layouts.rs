//! Every layout in small.

use capture::depth::{DepthEncoding, Finding, LayoutKind, recognize};
use geometry::DVec3;

use super::{INTRINSIC, TURN, Upload, color_png, depth_png, lzfse, png};

#[test]
fn open3d_folders_are_read_with_what_their_description_says() {
    let log = format!("0 0 1\n{TURN}1 1 2\n{TURN}");
    let upload = Upload::of(&[
        ("scan/depth/00000.png", &depth_png(7, 5, 1000)),
        ("scan/depth/00001.png", &depth_png(7, 5, 0)),
        ("scan/color/00000.png", &color_png(14, 10)),
        ("scan/camera_intrinsic.json", INTRINSIC),
        ("scan/trajectory.log", log.as_bytes()),
        (
            "scan/capture.json",
            br#"{"depth_unit_mm": 0.5, "depth_rounding": "nearest", "pose": "camera_to_world"}"#,
        ),
    ]);
    let layout = upload.only();
    assert_eq!((layout.kind, layout.root.as_str()), (LayoutKind::Open3d, "scan"));
    let capture = upload.read(&layout).unwrap();
    assert_eq!(
        capture.findings,
        [Finding::MissingColor {
            missing: 1,
            frames: 2
        }]
    );
    let frame = upload.frame(&capture, 0).unwrap();
    // Open3D's pixels have their centers at halves.
    assert_eq!(frame.camera.center_px, [2.75, 2.0]);
    assert_eq!(frame.depth_mm[2 * 7 + 3], 0.5 * 1023.0);
    let color = frame.color.unwrap();
    assert_eq!((color.camera.width, color.rgb[3 * 14 + 9]), (14, [9, 3, 7]));
    let pose = frame.world_from_camera.unwrap();
    assert!(
        pose.transform_point3(DVec3::X)
            .distance(DVec3::new(100.0, 201.0, 300.0))
            < 1e-9
    );
    // Nothing was measured where the value is zero.
    assert!(upload.frame(&capture, 1).unwrap().depth_mm[0].is_nan());
}

#[test]
fn values_that_are_cut_off_stand_for_their_middle() {
    let upload = Upload::of(&[
        ("depth/0.png", &depth_png(7, 5, 100)),
        ("camera_intrinsic.json", INTRINSIC),
        ("capture.json", br#"{"depth_unit_mm": 0.1}"#),
    ]);
    let capture = upload.read(&upload.only()).unwrap();
    assert!((upload.frame(&capture, 0).unwrap().depth_mm[0] - 10.05).abs() < 1e-5);
}

#[test]
fn poses_that_are_no_motions_are_left_out_and_said_to_be() {
    let log = format!("0 0 1\n{TURN}1 1 2\n2 0 0 0\n0 2 0 0\n0 0 2 0\n0 0 0 1\n");
    let upload = Upload::of(&[
        ("depth/0.png", &depth_png(7, 5, 100)),
        ("depth/1.png", &depth_png(7, 5, 100)),
        ("camera_intrinsic.json", INTRINSIC),
        ("trajectory.log", log.as_bytes()),
    ]);
    let capture = upload.read(&upload.only()).unwrap();
    assert!(capture.findings.contains(&Finding::BrokenPoses { count: 1 }));
    assert!(capture.findings.contains(&Finding::MissingPoses {
        missing: 1,
        frames: 2
    }));
    assert_eq!(capture.frames[1].world_from_camera, None);
}

#[test]
fn tum_lists_bring_depth_color_and_pose_of_one_moment_together() {
    let upload = Upload::of(&[
        ("depth/10.05.png", &depth_png(7, 5, 5000)),
        ("depth/10.15.png", &depth_png(7, 5, 5000)),
        ("rgb/10.06.png", &color_png(7, 5)),
        (
            "depth.txt",
            b"# depth\n10.05 depth/10.05.png\n10.15 depth/10.15.png\n10.3 depth/../../etc/passwd\n",
        ),
        ("rgb.txt", b"# color\n10.06 rgb/10.06.png\n"),
        (
            "groundtruth.txt",
            b"# t x y z q\n10.00 0 0 0 0 0 0 1\n10.10 1 0 0 0 0 0.0998334 0.9950042\n",
        ),
    ]);
    let layout = upload.only();
    assert_eq!(layout.kind, LayoutKind::Tum);
    let capture = upload.read(&layout).unwrap();
    assert_eq!(capture.frames.len(), 2);
    assert!(capture.findings.contains(&Finding::MissingFiles { count: 1 }));
    assert!(capture.findings.contains(&Finding::AssumedIntrinsics));
    let frame = upload.frame(&capture, 0).unwrap();
    assert!((frame.depth_mm[0] - 1000.0).abs() < 1e-3);
    assert!(frame.color.is_some());
    // Half way between the two poses: half a meter, and half of 0.2 radians.
    let pose = frame.world_from_camera.unwrap();
    assert!((pose.translation.x - 500.0).abs() < 1e-6);
    assert!((pose.matrix3.x_axis.y.asin() - 0.1).abs() < 1e-3);
    assert!(capture.frames[1].files.color.is_none());
}

#[test]
fn record3d_recordings_are_read_in_the_axes_of_every_capture() {
    let meters: Vec<u8> = (0..12u16)
        .flat_map(|i| (0.25 + f32::from(i) / 100.0).to_le_bytes())
        .collect();
    let metadata = br#"{"w": 8, "h": 6, "dw": 4, "dh": 3, "K": [8.0, 0, 0, 0, 8.4, 0, 3.5, 2.5, 1], "fps": 30,
        "poses": [[0, 0, 0, 1, 0.1, 0.2, 0.3], [0, 0, 0, 1, 0, 0, 0], [0.7071068, 0, 0, 0.7071068, 0, 0, 1]]}"#;
    let upload = Upload::of(&[
        ("take/metadata", metadata),
        ("take/rgbd/10.depth", &lzfse(&meters)),
        ("take/rgbd/0.depth", &lzfse(&meters)),
        ("take/rgbd/0.jpg", b""),
        ("take/rgbd/2.depth", &lzfse(&meters)),
    ]);
    let layout = upload.only();
    assert_eq!(layout.kind, LayoutKind::Record3d);
    let mut capture = upload.read(&layout).unwrap();
    // In the order of their numbers, not of their letters.
    let names: Vec<&str> = capture.frames.iter().map(|f| f.files.depth.as_str()).collect();
    assert_eq!(
        names,
        ["take/rgbd/0.depth", "take/rgbd/2.depth", "take/rgbd/10.depth"]
    );
    capture.frames[0].files.color = None;
    let frame = upload.frame(&capture, 0).unwrap();
    assert_eq!((frame.camera.width, frame.camera.height), (4, 3));
    assert!((frame.camera.focal_px[0] - 4.0).abs() < 1e-9);
    assert!((frame.depth_mm[5] - 300.0).abs() < 1e-3);
    // ARKit looks along -z with y up; down is y of the picture.
    let pose = frame.world_from_camera.unwrap();
    assert!(
        pose.transform_point3(DVec3::Z)
            .distance(DVec3::new(100.0, 200.0, 299.0))
            < 1e-9
    );
    assert!(frame.gravity_in_camera.unwrap().distance(DVec3::Y) < 1e-9);
    let turned = &capture.frames[1];
    assert!(
        turned.gravity_in_camera.unwrap().distance(DVec3::NEG_Z) < 1e-3,
        "{turned:?}"
    );
    assert_eq!(capture.frames[2].world_from_camera, None);
}

#[test]
fn polycam_exports_prefer_corrected_cameras_and_drop_what_is_not_trusted() {
    let camera = |x: f64| {
        format!(
            r#"{{"fx": 60, "fy": 61, "cx": 34.5, "cy": 24.5, "width": 70, "height": 50, "timestamp": 2000000,
            "t_00": 1, "t_01": 0, "t_02": 0, "t_03": {x}, "t_10": 0, "t_11": 1, "t_12": 0, "t_13": 0,
            "t_20": 0, "t_21": 0, "t_22": 1, "t_23": 0}}"#
        )
    };
    let mut confidence = vec![255; 35];
    confidence[8] = 0;
    let confidence = png(7, 5, png::ColorType::Grayscale, png::BitDepth::Eight, &confidence);
    let upload = Upload::of(&[
        ("room/keyframes/depth/77.png", &depth_png(7, 5, 400)),
        ("room/keyframes/confidence/77.png", &confidence),
        ("room/keyframes/images/77.jpg", b""),
        ("room/keyframes/corrected_images/77.png", &color_png(70, 50)),
        ("room/keyframes/cameras/77.json", camera(9.0).as_bytes()),
        ("room/keyframes/corrected_cameras/77.json", camera(0.5).as_bytes()),
        ("room/mesh_info.json", b"{}"),
    ]);
    let layout = upload.only();
    assert_eq!((layout.kind, layout.root.as_str()), (LayoutKind::Polycam, "room"));
    let capture = upload.read(&layout).unwrap();
    let frame = upload.frame(&capture, 0).unwrap();
    assert!((frame.camera.focal_px[0] - 6.0).abs() < 1e-9);
    assert_eq!(frame.depth_mm[9], 412.0);
    assert!(frame.depth_mm[8].is_nan());
    assert_eq!(
        frame.world_from_camera.unwrap().translation,
        DVec3::new(500.0, 0.0, 0.0)
    );
    assert_eq!(frame.timestamp_secs, Some(2.0));
    assert_eq!(frame.color.unwrap().camera.width, 70);
}

#[test]
fn a_single_photograph_with_depth_is_a_capture_of_one_frame() {
    let upload = Upload::of(&[
        ("depth.png", &depth_png(7, 5, 300)),
        ("color.png", &color_png(7, 5)),
        (
            "intrinsics.json",
            br#"{"width": 7, "height": 5, "fx": 6, "fy": 6, "cx": 3, "cy": 2, "depth_scale": 1000}"#,
        ),
    ]);
    let layout = upload.only();
    assert_eq!((layout.kind, layout.frames.len()), (LayoutKind::Flat, 1));
    let capture = upload.read(&layout).unwrap();
    assert_eq!(capture.findings, [Finding::NoPoses]);
    let frame = upload.frame(&capture, 0).unwrap();
    assert!(frame.color.is_some());
    assert_eq!(frame.camera.center_px, [3.0, 2.0]);
}

#[test]
fn other_uploads_are_no_captures() {
    let names = [
        "IMG_0001.jpg",
        "model/head.ply",
        "scans/frame.obj",
        "notes/depth.png",
        "__MACOSX/scan/depth/._0.png",
        "series/I10",
        "depth/readme.md",
        "metadata",
    ];
    assert_eq!(recognize(names), []);
}

#[test]
fn sun_depth_is_turned_back() {
    let millimeters = [1234u16, 0, 40_000 >> 3, 8191];
    let stored: Vec<u8> = millimeters
        .iter()
        .flat_map(|v| v.rotate_left(3).to_be_bytes())
        .collect();
    let depth = png(2, 2, png::ColorType::Grayscale, png::BitDepth::Sixteen, &stored);
    let upload = Upload::of(&[("SUN_depth.png", &depth), ("SUN_color.png", &color_png(2, 2))]);
    let capture = upload.read(&upload.only()).unwrap();
    assert_eq!(capture.frames[0].encoding, DepthEncoding::SunPng);
    let frame = upload.frame(&capture, 0).unwrap();
    assert_eq!(frame.depth_mm[0], 1234.0);
    assert!(frame.depth_mm[1].is_nan());
    assert_eq!(frame.depth_mm[2..], [5000.0, 8191.0]);
}
