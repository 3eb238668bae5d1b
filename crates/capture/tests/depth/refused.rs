//! Files that lie.

use capture::CaptureError;
use capture::depth::{DepthEncoding, Finding, FrameBytes, decode_frame};

use super::truedepth::{FULL, truedepth};
use super::{INTRINSIC, Upload, color_png, depth_png, lzfse};

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
