//! Depth captures: every layout in small, every set of test data that is there, and files that lie.

use std::path::{Path, PathBuf};

use capture::depth::{
    Capture, DepthEncoding, Finding, Frame, FrameBytes, Layout, LayoutKind, decode_frame, recognize,
};
use capture::{CaptureError, NamedBytes};
use geometry::DVec3;

/// The folder of a set of test data, if it is there.
fn data(set: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VITRINE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(set);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {set} is not there");
    None
}

/// An upload in memory.
struct Upload(Vec<(String, Vec<u8>)>);

impl Upload {
    fn of(files: &[(&str, &[u8])]) -> Self {
        Self(files.iter().map(|(n, b)| ((*n).to_owned(), b.to_vec())).collect())
    }

    fn from_folder(folder: &Path) -> Self {
        fn walk(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
                if entry.path().is_dir() {
                    walk(&entry.path(), &format!("{name}/"), files);
                } else {
                    files.push((name, std::fs::read(entry.path()).unwrap()));
                }
            }
        }
        let mut files = Vec::new();
        walk(folder, "", &mut files);
        Self(files)
    }

    fn layouts(&self) -> Vec<Layout> {
        recognize(self.0.iter().map(|(name, _)| name.as_str()))
    }

    fn only(&self) -> Layout {
        let mut layouts = self.layouts();
        assert_eq!(layouts.len(), 1, "{layouts:?}");
        layouts.remove(0)
    }

    fn bytes(&self, name: &str) -> &[u8] {
        &self.0.iter().find(|(n, _)| n == name).unwrap().1
    }

    fn read(&self, layout: &Layout) -> Result<Capture, CaptureError> {
        let wanted = self
            .0
            .iter()
            .filter(|(name, _)| layout.description.contains(name));
        let files: Vec<NamedBytes<'_>> = wanted.map(|(name, bytes)| NamedBytes { name, bytes }).collect();
        layout.read(&files)
    }

    fn frame(&self, capture: &Capture, n: usize) -> Result<Frame, CaptureError> {
        let plan = &capture.frames[n];
        let optional = |name: &Option<String>| name.as_ref().map(|name| self.bytes(name));
        let bytes = FrameBytes {
            depth: self.bytes(&plan.files.depth),
            color: optional(&plan.files.color),
            confidence: optional(&plan.files.confidence),
        };
        decode_frame(plan, &bytes)
    }
}

fn png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    out
}

/// A depth picture whose value is its column plus ten times its row, plus `base`.
fn depth_png(width: u32, height: u32, base: u32) -> Vec<u8> {
    let values = (0..width * height).map(|i| (base + i % width + 10 * (i / width)) as u16);
    let bytes: Vec<u8> = values.flat_map(u16::to_be_bytes).collect();
    png(
        width,
        height,
        png::ColorType::Grayscale,
        png::BitDepth::Sixteen,
        &bytes,
    )
}

fn color_png(width: u32, height: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (0..width * height)
        .flat_map(|i| [(i % width) as u8, (i / width) as u8, 7])
        .collect();
    png(width, height, png::ColorType::Rgb, png::BitDepth::Eight, &bytes)
}

const INTRINSIC: &[u8] =
    br#"{"width": 7, "height": 5, "intrinsic_matrix": [6.0, 0, 0, 0, 6.5, 0, 3.25, 2.5, 1]}"#;
const TURN: &str = "0 -1 0 0.1\n1 0 0 0.2\n0 0 1 0.3\n0 0 0 1\n";

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

/// An LZFSE stream of one uncompressed block.
fn lzfse(raw: &[u8]) -> Vec<u8> {
    let length = u32::try_from(raw.len()).unwrap().to_le_bytes();
    [b"bvx-", &length[..], raw, b"bvx$"].concat()
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

fn truedepth(width: u32, height: u32, depth: &[f32], intrinsics: &str) -> Vec<u8> {
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

const FULL: &str = r#"{"intrinsic_matrix": [60.0, 0, 0, 0, 62.0, 0, 34.5, 24.5, 1],
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

#[test]
fn frames_that_lie_are_refused_with_a_reason() {
    let good = truedepth(7, 5, &[0.3; 35], FULL);
    let layout = Upload::of(&[("DepthFrames/frame-0.ply", &good)]).only();
    let plan = &layout.read(&[]).unwrap().frames[0];
    let decode = |bytes: &[u8]| {
        let bytes = FrameBytes {
            depth: bytes,
            color: None,
            confidence: None,
        };
        decode_frame(plan, &bytes)
    };
    decode(&good).unwrap();
    let text = String::from_utf8_lossy(&good[..300]).into_owned();
    let replaced = |from: &str, to: &str| {
        let at = text.find(from).unwrap();
        [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat()
    };
    let cases = [
        (
            "count beyond the bytes",
            replaced("element depth 35", "element depth 36"),
        ),
        (
            "a count of all there is",
            replaced("element color 35", "element color 18446744073709551615"),
        ),
        (
            "a count that is no number",
            replaced("element color 35", "element color -1"),
        ),
        ("ASCII", replaced("binary_little_endian", "ascii")),
        (
            "a list",
            replaced("property float d", "property list uchar int d"),
        ),
        ("an unknown type", replaced("property float d", "property quad d")),
        ("no depth", replaced("element depth", "element width")),
        ("another size", replaced(r#""width": 7"#, r#""width": 9"#)),
        ("a huge size", replaced(r#""width": 7"#, r#""width": 65000"#)),
        (
            "a negative focal length",
            truedepth(7, 5, &[0.3; 35], &FULL.replace("60.0", "-1")),
        ),
        ("no intrinsics", truedepth(7, 5, &[0.3; 35], "{}")),
        ("nothing", Vec::new()),
    ];
    for (what, bytes) in cases {
        let error = decode(&bytes).expect_err(what);
        assert!(error.to_string().len() > 10, "{what}: {error}");
    }
    for end in (0..good.len()).step_by(7) {
        decode(&good[..end]).expect_err("a frame that is cut off");
    }
    // Poison is nothing measured, not an error.
    let poison = [f32::NAN, f32::INFINITY, -1.0, 0.0, f32::MAX];
    let depth: Vec<f32> = (0..35).map(|i| poison[i % 5]).collect();
    let frame = decode(&truedepth(7, 5, &depth, FULL)).unwrap();
    assert!(frame.depth_mm.iter().all(|z| z.is_nan()));
}

#[test]
fn pictures_beyond_their_budget_are_refused_before_they_are_decoded() {
    let upload = Upload::of(&[
        ("depth/0.png", &depth_png(7, 5, 1)),
        ("camera_intrinsic.json", INTRINSIC),
    ]);
    let capture = upload.read(&upload.only()).unwrap();
    let refuse = |depth: &[u8]| {
        let bytes = FrameBytes {
            depth,
            color: None,
            confidence: None,
        };
        decode_frame(&capture.frames[0], &bytes).unwrap_err()
    };
    // A header that claims 60,000 x 60,000 pixels.
    let mut huge = depth_png(7, 5, 1);
    huge[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    let crc = crc32(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    assert!(
        matches!(refuse(&huge), CaptureError::Budget(_)),
        "{:?}",
        refuse(&huge)
    );
    assert!(matches!(
        refuse(&color_png(7, 5)),
        CaptureError::Unsupported { .. }
    ));
    assert!(matches!(
        refuse(&depth_png(7, 5, 1)[..40]),
        CaptureError::Malformed { .. }
    ));
    // LZFSE that gives more than its picture.
    let meters = vec![0u8; 4 * 12 + 4];
    let mut plan = capture.frames[0].clone();
    plan.encoding = DepthEncoding::Record3d;
    plan.depth_size = Some([4, 3]);
    let bytes = FrameBytes {
        depth: &lzfse(&meters),
        color: None,
        confidence: None,
    };
    assert!(matches!(
        decode_frame(&plan, &bytes),
        Err(CaptureError::Malformed { .. })
    ));
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn descriptions_that_lie_are_refused_with_a_reason() {
    let frames: [(&str, &[u8]); 2] = [("depth/0.png", b""), ("camera_intrinsic.json", INTRINSIC)];
    let check = |extra: (&str, &[u8])| {
        let upload = Upload::of(&[frames[0], frames[1], extra]);
        upload.read(&upload.only())
    };
    let huge = vec![b' '; (1 << 20) + 1];
    let deep = "[".repeat(100_000);
    for (what, extra) in [
        ("a JSON beyond its budget", ("capture.json", huge.as_slice())),
        (
            "a JSON without an end",
            ("capture.json", br#"{"depth_unit_mm": "#),
        ),
        ("a JSON nested deeply", ("capture.json", deep.as_bytes())),
        ("a unit of nothing", ("capture.json", br#"{"depth_unit_mm": 0}"#)),
        (
            "a unit beyond reason",
            ("capture.json", br#"{"depth_unit_mm": 1e9}"#),
        ),
        ("an unknown unit", ("capture.json", br#"{"pose_unit": "parsec"}"#)),
        (
            "a trajectory without an end",
            ("trajectory.log", b"0 0 1\n1 0 0 0\n"),
        ),
        ("a trajectory of words", ("trajectory.log", b"a b c")),
        (
            "a trajectory that is no text",
            ("trajectory.log", b"0 0 1 \xFF\xFE"),
        ),
    ] {
        check(extra).expect_err(what);
    }
    let infinite = "0 0 1\ninf 0 0 0\n0 1 0 0\n0 0 nan 0\n0 0 0 1\n";
    let capture = check(("trajectory.log", infinite.as_bytes())).unwrap();
    assert!(capture.findings.contains(&Finding::BrokenPoses { count: 1 }));
}

#[test]
fn the_face_sweep_is_eighteen_frames_with_gravity() {
    let Some(folder) = data("capture-truedepth-face") else {
        return;
    };
    let upload = Upload::from_folder(&folder);
    let layout = upload.only();
    assert_eq!((layout.kind, layout.frames.len()), (LayoutKind::TrueDepthPly, 18));
    let capture = upload.read(&layout).unwrap();
    for n in 0..18 {
        let frame = upload.frame(&capture, n).unwrap();
        assert_eq!((frame.camera.width, frame.camera.height), (320, 240));
        assert!((frame.camera.focal_px[0] - 2_881.155_76 * 320.0 / 3088.0).abs() < 1e-3);
        // A face at arm's length fills a good third of the picture.
        let near = frame
            .depth_mm
            .iter()
            .filter(|z| **z > 240.0 && **z < 600.0)
            .count();
        assert!((20_000..50_000).contains(&near), "frame {n}: {near}");
        // The phone was held upright: down is the picture's right.
        let down = capture.gravity_at(frame.timestamp_secs.unwrap()).unwrap();
        assert!(down.normalize().x > 0.97, "{down}");
    }
}

#[test]
fn the_board_lies_where_its_readme_says() {
    let Some(folder) = data("capture-truedepth-charuco-a") else {
        return;
    };
    let upload = Upload::from_folder(&folder);
    let layout = upload.only();
    assert_eq!((layout.kind, layout.frames.len()), (LayoutKind::TrueDepthPng, 5));
    let capture = upload.read(&layout).unwrap();
    assert!(capture.findings.contains(&Finding::NoPoses));
    for n in 0..5 {
        let frame = upload.frame(&capture, n).unwrap();
        assert!((frame.camera.focal_px[0] - 436.775_85).abs() < 1e-5);
        let middle = frame.depth_mm[240 * 640 + 320];
        assert!((150.0..260.0).contains(&middle), "{middle} mm");
        assert!(frame.gravity_in_camera.unwrap().length() > 9.0);
        let edge = checker_edge(&frame);
        assert!((edge - 20.875).abs() < 0.2, "frame {n}: {edge} mm");
    }
}

/// The middle distance between neighboring corners of the checkers, mm: saddles of brightness, lifted by the depth.
fn checker_edge(frame: &Frame) -> f64 {
    const STEP: usize = 4;
    let color = frame.color.as_ref().unwrap();
    let (width, height) = (color.camera.width as usize, color.camera.height as usize);
    assert_eq!((width, height), (640, 480));
    let mut gray: Vec<f32> = color
        .rgb
        .iter()
        .map(|p| f32::from(p[0]) + f32::from(p[1]) + f32::from(p[2]))
        .collect();
    for _ in 0..3 {
        let old = gray.clone();
        for y in 2..height - 2 {
            for x in 2..width - 2 {
                let rows =
                    (y - 2..=y + 2).map(|r| old[r * width + x - 2..=r * width + x + 2].iter().sum::<f32>());
                gray[y * width + x] = rows.sum::<f32>() / 25.0;
            }
        }
    }
    let saddle = |x: usize, y: usize| {
        let at = |dx: usize, dy: usize| gray[(y + dy - STEP) * width + x + dx - STEP];
        let middle = at(STEP, STEP);
        let xx = at(0, STEP) - 2.0 * middle + at(2 * STEP, STEP);
        let yy = at(STEP, 0) - 2.0 * middle + at(STEP, 2 * STEP);
        let xy = (at(0, 0) + at(2 * STEP, 2 * STEP) - at(0, 2 * STEP) - at(2 * STEP, 0)) / 4.0;
        xy * xy - xx * yy
    };
    let mut found: Vec<(f32, usize, usize)> = Vec::new();
    for y in 10..height - 10 {
        found.extend((10..width - 10).map(|x| (saddle(x, y), x, y)));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let strongest = found[0].0;
    let mut corners: Vec<(usize, usize)> = Vec::new();
    for &(_, x, y) in found.iter().take_while(|(s, _, _)| *s > 0.35 * strongest) {
        if corners
            .iter()
            .all(|&(u, v)| u.abs_diff(x).max(v.abs_diff(y)) > 12)
        {
            corners.push((x, y));
        }
    }
    let points: Vec<DVec3> = corners
        .iter()
        .map(|&(x, y)| (x, y, frame.depth_mm[y * width + x]))
        .filter(|(_, _, z)| z.is_finite())
        .map(|(x, y, z)| frame.camera.point_mm(x as f64, y as f64, f64::from(z)))
        .collect();
    let mut edges: Vec<f64> = points
        .iter()
        .enumerate()
        .flat_map(|(i, p)| points[..i].iter().map(move |q| p.distance(*q)))
        .filter(|d| (18.0..24.0).contains(d))
        .collect();
    assert!(edges.len() > 40, "{} edges", edges.len());
    edges.sort_by(f64::total_cmp);
    edges[edges.len() / 2]
}

#[test]
fn the_open3d_set_holds_a_sequence_and_two_photographs() {
    let Some(folder) = data("capture-open3d") else {
        return;
    };
    let upload = Upload::from_folder(&folder);
    let layouts = upload.layouts();
    let sequence = layouts.iter().find(|l| l.kind == LayoutKind::Open3d).unwrap();
    assert_eq!((sequence.root.as_str(), sequence.frames.len()), ("RGBD", 5));
    let capture = upload.read(sequence).unwrap();
    assert_eq!(capture.findings, []);
    let first = upload.frame(&capture, 0).unwrap();
    assert_eq!(first.camera.focal_px, [525.0, 525.0]);
    let place = first.world_from_camera.unwrap().translation;
    assert!(place.distance(DVec3::new(-310.579_970, 573.012_244, 2_126.480_018)) < 1e-3);
    let encodings: Vec<DepthEncoding> = layouts
        .iter()
        .filter(|l| l.kind == LayoutKind::Flat)
        .map(|l| {
            let capture = upload.read(l).unwrap();
            let frame = upload.frame(&capture, 0).unwrap();
            let middle = frame.depth_mm[240 * 640 + 320];
            assert!(
                (500.0..5000.0).contains(&middle) || middle.is_nan(),
                "{middle} mm"
            );
            assert!(frame.color.is_some());
            capture.frames[0].encoding
        })
        .collect();
    assert_eq!(encodings.len(), 2);
    assert!(encodings.contains(&DepthEncoding::SunPng));
    assert!(encodings.contains(&DepthEncoding::Png {
        unit_mm: 0.2,
        offset_mm: 0.0
    }));
}
