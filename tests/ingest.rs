//! `vitrine ingest` and what comes after it, as a person or a script uses them.

use std::path::Path;

use crate::bucket::{self, Bucket};
use crate::support::{Store, codes, items, of_kind, run};
use serde_json::Value;
use testkit::dicom::SeriesSpec;

/// A CT of a bright ball in air, unequal on every axis, written to `folder`.
fn ball(folder: &Path, number: u32) -> SeriesSpec {
    let dims = [48, 40, 32];
    let mut spec = SeriesSpec::ct(dims, [0.7, 0.9, 1.3]);
    spec.series_number = number;
    spec.rescale = [1.0, -1024.0];
    spec.write(folder, |z, pixels| {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = ((at % 48) as f64, (at / 48) as f64);
            let p = [(x - 23.0) * 0.7, (y - 19.0) * 0.9, (f64::from(z) - 15.0) * 1.3];
            let r = p.iter().map(|c| c * c).sum::<f64>().sqrt();
            let hu = ((12.0 - r) * 500.0).clamp(-1000.0, 1000.0);
            *pixel = hu as i16 + 1024;
        }
    })
    .expect("the series is written");
    spec
}

#[test]
fn a_series_becomes_a_volume_with_artifacts() {
    let store = Store::new();
    let input = store.input("ct");
    ball(&input, 3);
    let report = store.ingest(&[&input]);

    assert_eq!(report["failed"], serde_json::json!([]));
    let [item] = items(&report) else {
        panic!("one item: {report}")
    };
    assert_eq!(item["kind"], "volume");
    assert_eq!(item["state"], "added");
    assert_eq!(item["dims"], serde_json::json!([48, 40, 32]));
    let spacing: Vec<f64> = serde_json::from_value(item["spacing_mm"].clone()).unwrap();
    for (measured, expected) in spacing.iter().zip([0.7, 0.9, 1.3]) {
        assert!((measured - expected).abs() < 1e-6, "{spacing:?}");
    }
    let rows: Vec<f64> = serde_json::from_value(item["patient_from_voxel"].clone()).unwrap();
    assert_eq!(rows.len(), 16);
    assert_eq!(&rows[12..], [0.0, 0.0, 0.0, 1.0]);
    let artifacts: Vec<&str> = item["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["name"].as_str().unwrap())
        .collect();
    for name in ["skin", "bone", "thumbnail"] {
        assert!(artifacts.contains(&name), "{artifacts:?}");
    }
    let steps: Vec<&str> = report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        steps,
        [
            "find",
            "read",
            "group",
            "build",
            "surfaces",
            "thumbnail",
            "record"
        ]
    );
}

#[test]
fn the_same_files_make_no_second_copy() {
    let store = Store::new();
    let input = store.input("ct");
    ball(&input, 3);
    let first = store.ingest(&[&input]);
    let size = folder_size(&store.folder.path().join("data/objects"));
    let second = store.ingest(&[&input]);
    assert_eq!(items(&second).len(), 1);
    assert_eq!(items(&second)[0]["id"], items(&first)[0]["id"]);
    assert_eq!(items(&second)[0]["state"], "already_there");
    assert_eq!(items(&store.inspect()).len(), 1);
    assert_eq!(folder_size(&store.folder.path().join("data/objects")), size);
}

#[test]
fn a_bad_file_is_named_and_the_rest_goes_on() {
    let store = Store::new();
    let input = store.input("mixed");
    ball(&input, 3);
    let mut files: Vec<_> = std::fs::read_dir(&input)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    // One is cut in the middle of its pixels, one is noise, one is empty.
    let whole = std::fs::read(&files[7]).unwrap();
    std::fs::write(&files[7], &whole[..whole.len() - 700]).unwrap();
    std::fs::write(input.join("notes.txt"), "buy milk").unwrap();
    std::fs::write(input.join("nothing.dcm"), "").unwrap();
    let report = store.ingest(&[&input]);

    let failed = report["failed"].as_array().unwrap();
    let named = |name: &str| {
        failed
            .iter()
            .find(|f| f["file"].as_str().unwrap().ends_with(name))
    };
    for name in [
        files[7].file_name().unwrap().to_str().unwrap(),
        "notes.txt",
        "nothing.dcm",
    ] {
        let reason = named(name).unwrap_or_else(|| panic!("{name} is not named in {failed:?}"))["reason"]
            .as_str()
            .unwrap();
        assert!(reason.len() > 10, "{name}: {reason}");
    }
    assert_eq!(failed.len(), 3, "{failed:?}");
    let [item] = items(&report) else {
        panic!("one item: {report}")
    };
    // The lost slice leaves a gap that is told, and the volume keeps its extent.
    assert_eq!(item["dims"], serde_json::json!([48, 40, 32]));
    assert!(codes(item).contains(&"missing_slices"), "{item}");
}

#[test]
fn an_archive_is_as_good_as_its_files() {
    let store = Store::new();
    let input = store.input("ct");
    ball(&input, 3);
    let files: Vec<(String, Vec<u8>)> = std::fs::read_dir(&input)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|p| {
            (
                format!("a/b/{}", p.file_name().unwrap().to_str().unwrap()),
                std::fs::read(&p).unwrap(),
            )
        })
        .collect();
    let mut entries: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    entries.push(("../../evil.dcm", b"MZ this is no picture"));
    let archive = store.folder.path().join("upload.bin");
    std::fs::write(&archive, testkit::archive::zip(&entries)).unwrap();

    let from_archive = store.ingest(&[&archive]);
    assert_eq!(of_kind(&from_archive, "volume").len(), 1, "{from_archive}");
    let failed = from_archive["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(
        failed[0]["file"].as_str().unwrap().contains("upload.bin!"),
        "{failed:?}"
    );
    // The same content from a folder is the same item.
    let from_folder = store.ingest(&[&input]);
    assert_eq!(items(&from_folder)[0]["state"], "already_there");
}

#[test]
fn an_interrupted_ingest_leaves_nothing_and_goes_on() {
    let store = Store::new();
    let input = store.input("ct");
    for number in 1..=6 {
        ball(&store.input(&format!("ct/{number}")), number);
    }
    // Stop it at several moments: none may leave a half item.
    for pause_ms in [5, 30, 80, 150] {
        let mut child = store
            .command(&["ingest", "--json"])
            .arg(&input)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        if !store.folder.path().join("data/catalog.sqlite").exists() {
            continue;
        }
        let listed = store.command(&["inspect", "--json"]).output().unwrap();
        if listed.status.success() {
            for item in items(&crate::support::report(&listed)) {
                assert_eq!(
                    item["artifacts"].as_array().unwrap().len(),
                    4,
                    "a half item: {item}"
                );
            }
        }
    }
    let report = store.ingest(&[&input]);
    assert_eq!(of_kind(&report, "volume").len(), 6);
    assert_eq!(report["failed"], serde_json::json!([]));
    // Nothing of the stopped runs stays behind: a store that was never stopped holds as many objects.
    let calm = Store::new();
    calm.ingest(&[&input]);
    let count = |store: &Store| file_count(&store.folder.path().join("data/objects"));
    assert_eq!(count(&store), count(&calm));
}

#[test]
fn exports_open_in_other_programs() {
    let store = Store::new();
    let input = store.input("ct");
    ball(&input, 3);
    let report = store.ingest(&[&input]);
    let id = items(&report)[0]["id"].as_str().unwrap();
    let out = |name: &str| store.folder.path().join(name);
    run(store.command(&["export", id]).arg("--nifti").arg(out("v.nii")));
    run(store.command(&["export", id]).arg("--nifti").arg(out("v.nii.gz")));
    for ending in ["glb", "stl", "ply"] {
        let file = out(&format!("bone.{ending}"));
        run(store
            .command(&["export", id, "--surface", "bone"])
            .arg("--out")
            .arg(&file));
        assert!(std::fs::metadata(&file).unwrap().len() > 1000, "{ending}");
    }
    let Some(python) = std::env::var_os("VITRINE_PYTHON") else {
        println!("skipped: nibabel is asked through VITRINE_PYTHON, which ./x test sets");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/read_nifti.py");
    for name in ["v.nii", "v.nii.gz"] {
        let read = run(std::process::Command::new(&python).arg(&script).arg(out(name)));
        let told: Value = serde_json::from_slice(&read.stdout).unwrap();
        assert_eq!(told["shape"], serde_json::json!([48, 40, 32]));
        // The ball's center and far corner in HU, and the affine, which is RAS in NIfTI.
        assert_eq!(told["center"], 1000.0);
        assert_eq!(told["corner"], -1000.0);
        let affine: Vec<f64> = serde_json::from_value(told["affine"].clone()).unwrap();
        let ours: Vec<f64> = serde_json::from_value(items(&report)[0]["patient_from_voxel"].clone()).unwrap();
        for (at, (theirs, ours)) in affine.iter().zip(&ours).enumerate() {
            let sign = if at < 8 { -1.0 } else { 1.0 };
            assert!((theirs - sign * ours).abs() < 1e-3, "{at}: {theirs} {ours}");
        }
    }
}

#[test]
fn pictures_show_something() {
    let store = Store::new();
    let input = store.input("ct");
    ball(&input, 3);
    let report = store.ingest(&[&input]);
    let id = items(&report)[0]["id"].as_str().unwrap();
    for options in [
        &["--preset", "CT-Bone"][..],
        &["--surfaces"][..],
        &["--view", "left"][..],
    ] {
        let file = store.folder.path().join("p.png");
        run(store
            .command(&["render", id, "--size", "80x60"])
            .args(options)
            .arg("--png")
            .arg(&file));
        let png = std::fs::read(&file).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        assert!(
            png.len() > 900,
            "{options:?}: {} bytes are an empty picture",
            png.len()
        );
    }
}

#[test]
fn objects_may_lie_in_a_bucket() {
    let Some(bucket) = Bucket::start() else { return };
    let store = Store::with_objects(bucket::URL);
    let input = store.input("ct");
    ball(&input, 3);
    let mut ingest = store.command(&["ingest", "--json"]);
    run(ingest.arg(&input).envs(bucket.variables()));
    let inspected = run(store.command(&["inspect", "--json"]).envs(bucket.variables()));
    assert_eq!(items(&crate::support::report(&inspected)).len(), 1);
    assert_eq!(
        file_count(&store.folder.path().join("data/objects")),
        0,
        "nothing lies on the disk"
    );
}

#[test]
fn the_wrong_key_opens_nothing() {
    let store = Store::new();
    let input = store.input("ct");
    ball(&input, 3);
    store.ingest(&[&input]);
    let mut other = std::process::Command::new(env!("CARGO_BIN_EXE_vitrine"));
    other
        .args(["inspect", "--data"])
        .arg(store.folder.path().join("data"));
    let refused = other
        .arg("--key-file")
        .arg(store.folder.path().join("other.key"))
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("key"), "{told}");
}

fn folder_size(folder: &Path) -> u64 {
    walk(folder)
        .iter()
        .map(|p| std::fs::metadata(p).unwrap().len())
        .sum()
}

fn file_count(folder: &Path) -> usize {
    walk(folder).len()
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            all.extend(walk(&entry.path()));
        } else {
            all.push(entry.path());
        }
    }
    all
}
