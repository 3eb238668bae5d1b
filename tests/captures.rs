//! Depth captures through the real program: recognized by their folders, fused, graded, exported.

use std::path::Path;

use crate::support::{Store, codes, data, of_kind, run};
use testkit::face::{Face, FaceCapture};

/// A few frames of the synthetic head, in the layout of Open3D.
fn few_frames(folder: &Path) {
    let capture = FaceCapture {
        face: Face::default(),
        frames: 6,
        noise_mm: 0.4,
        seed: 7,
    };
    capture.write(folder).expect("the capture is written");
}

#[test]
fn a_capture_becomes_a_graded_surface() {
    let store = Store::new();
    let input = store.input("sweep");
    few_frames(&input);
    let report = store.ingest(&[&input]);
    let captures = of_kind(&report, "capture");
    let [item] = captures.as_slice() else {
        panic!("one capture: {report}")
    };
    assert_eq!(
        of_kind(&report, "photo").len(),
        0,
        "frames are no photographs: {report}"
    );
    let details = &item["details"];
    assert_eq!(
        (&details["frames"], &details["frames_used"]),
        (&6.into(), &6.into())
    );
    assert_eq!(details["has_colors"], true);
    let card = &details["accuracy"];
    assert!(card["expected_error_mm"].as_f64().unwrap() > 0.0, "{card}");
    // A coarse capture is told to be no ground for measures, and why.
    let fit = details["fit_for_measuring"].as_bool().unwrap();
    let unfit = codes(item)
        .iter()
        .filter(|code| code.starts_with("unfit_"))
        .count();
    assert_eq!(fit, unfit == 0, "{item}");
    let surface = &item["artifacts"][0];
    assert_eq!(
        (&surface["kind"], &surface["details"]["accuracy"]),
        (&"surface".into(), card)
    );
    let id = item["id"].as_str().unwrap();
    for name in ["face.ply", "face.glb", "face.stl"] {
        let out = store.folder.path().join(name);
        run(store
            .command(&["export", id, "--surface", "surface"])
            .arg("--out")
            .arg(&out));
        assert!(std::fs::metadata(&out).unwrap().len() > 10_000, "{name}");
    }

    let again = store.ingest(&[&input]);
    let again = of_kind(&again, "capture");
    assert_eq!(
        (&again[0]["id"], &again[0]["state"]),
        (&item["id"], &"already_there".into())
    );
}

#[test]
fn a_lost_frame_is_named_and_the_rest_is_fused() {
    let store = Store::new();
    let input = store.input("sweep");
    few_frames(&input);
    let mut depth: Vec<_> = std::fs::read_dir(input.join("depth"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    depth.sort();
    let whole = std::fs::read(&depth[2]).unwrap();
    std::fs::write(&depth[2], &whole[..whole.len() / 2]).unwrap();
    let report = store.ingest(&[&input]);
    let captures = of_kind(&report, "capture");
    assert!(codes(captures[0]).contains(&"undecodable_frames"), "{report}");
    assert_eq!(captures[0]["details"]["frames_used"], 5);
    let failed = report["failed"].as_array().unwrap();
    let name = depth[2].file_name().unwrap().to_str().unwrap();
    assert!(
        failed.iter().any(|f| f["file"].as_str().unwrap().ends_with(name)),
        "{failed:?}"
    );
}

#[test]
fn the_captures_of_the_test_data_are_read() {
    for (set, colors) in [
        ("capture-truedepth-face", true),
        ("capture-truedepth-charuco-a", true),
        ("capture-open3d", true),
    ] {
        let Some(folder) = data(set) else { continue };
        let store = Store::new();
        let report = store.ingest(&[&folder]);
        let captures = of_kind(&report, "capture");
        assert!(!captures.is_empty(), "{set}: {report}");
        for item in captures {
            let details = &item["details"];
            println!(
                "{set}: {} frames, {} used, {}",
                details["frames"], details["frames_used"], details["accuracy"]
            );
            assert_eq!(details["has_colors"], colors, "{set}");
            assert!(details["triangles"].as_u64().unwrap() > 1000, "{set}: {item}");
        }
    }
}

#[test]
fn a_single_capture_in_an_archive_is_one_item() {
    let Some(folder) = data("capture-truedepth-charuco-a") else {
        return;
    };
    let store = Store::new();
    let inner = folder.join("iPhone11Pro_iOS14");
    let files: Vec<(String, Vec<u8>)> = std::fs::read_dir(&inner)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|p| {
            (
                format!("board/{}", p.file_name().unwrap().to_str().unwrap()),
                std::fs::read(&p).unwrap(),
            )
        })
        .collect();
    let entries: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let archive = store.folder.path().join("board.zip");
    std::fs::write(&archive, testkit::archive::zip(&entries)).unwrap();
    let report = store.ingest(&[&archive]);
    assert_eq!(of_kind(&report, "capture").len(), 1, "{report}");
    assert_eq!(of_kind(&report, "photo").len(), 0, "{report}");
}
