//! The sets of test data that are there.

use capture::depth::{DepthEncoding, Finding, Frame, LayoutKind};
use geometry::DVec3;

use super::{Upload, data};

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
