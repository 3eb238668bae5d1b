//! The real test data through the real program: what is found must be what its README says.

use std::path::Path;

use crate::support::{Store, codes, data, items, of_kind};
use serde_json::Value;

fn ingest(set: &Path) -> Value {
    Store::new().ingest_with(&[set], &["--no-surfaces"])
}

fn dims(item: &Value) -> Vec<u64> {
    serde_json::from_value(item["dims"].clone()).expect("dims")
}

fn rows(item: &Value) -> Vec<f64> {
    serde_json::from_value(item["patient_from_voxel"].clone()).expect("16 numbers")
}

#[test]
fn the_head_phantom_is_a_volume_and_a_scout() {
    let Some(set) = data("ct-head-phantom") else {
        return;
    };
    let report = ingest(&set);
    let volumes = of_kind(&report, "volume");
    assert_eq!(volumes.len(), 1, "{report}");
    assert_eq!(dims(volumes[0]), [512, 512, 140]);
    assert!(!codes(volumes[0]).contains(&"missing_slices"));
    assert!((rows(volumes[0])[10] - 1.0).abs() < 1e-6);
    let scouts = of_kind(&report, "frames");
    assert_eq!(scouts.len(), 1);
    assert_eq!(dims(scouts[0]), [512, 256, 1]);
}

#[test]
fn the_mixed_brain_has_three_series_and_a_gap() {
    let Some(set) = data("mr-brain-mixed") else { return };
    let report = ingest(&set);
    let pictures = items(&report).iter().filter(|i| i["kind"] != "document").count();
    assert_eq!(pictures, 3, "{report}");
    let main = items(&report)
        .iter()
        .find(|item| item["originals"] == 175)
        .expect("the series of 175");
    // 175 slices and the one that is missing between them.
    assert_eq!(dims(main), [192, 192, 176]);
    assert!(codes(main).contains(&"missing_slices"));
    // The two perfusion pictures are mosaics of twelve slices each.
    let mosaics = of_kind(&report, "volume")
        .into_iter()
        .filter(|item| item["originals"] == 1);
    assert_eq!(mosaics.map(dims).collect::<Vec<_>>(), [[64, 64, 12]; 2]);
}

#[test]
fn the_tilted_gantry_is_a_sheared_grid() {
    let Some(set) = data("ct-gantry-tilt") else { return };
    let report = ingest(&set);
    let volumes = of_kind(&report, "volume");
    assert_eq!(volumes.len(), 1, "{report}");
    assert_eq!(dims(volumes[0]), [512, 512, 54]);
    let rows = rows(volumes[0]);
    for (at, expected) in [(2, 0.0), (6, 0.0), (10, 2.5)] {
        assert!(
            (rows[at] - expected).abs() < 1e-3,
            "step {:?}",
            [rows[2], rows[6], rows[10]]
        );
    }
    let tilt = volumes[0]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["code"] == "gantry_tilt")
        .expect("tilt");
    assert!(tilt["message"].as_str().unwrap().contains("18.5"), "{tilt}");
}

#[test]
fn the_cranium_has_the_voxels_of_its_reference() {
    let Some(set) = data("ct-head-cranium") else {
        return;
    };
    let store = Store::new();
    let report = store.ingest(&[&set]);
    let volumes = of_kind(&report, "volume");
    assert_eq!(dims(volumes[0]), [256, 256, 108]);
    let file = store.folder.path().join("v.nii");
    let id = volumes[0]["id"].as_str().unwrap();
    crate::support::run(store.command(&["export", id]).arg("--nifti").arg(&file));
    let bytes = std::fs::read(&file).unwrap();
    let start = f32::from_le_bytes(bytes[108..112].try_into().unwrap()) as usize;
    let (slope, intercept) = (float(&bytes, 112), float(&bytes, 116));
    let hu: Vec<f32> = bytes[start..]
        .chunks_exact(2)
        .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) * slope + intercept)
        .collect();
    let count = |low: f32, high: f32| hu.iter().filter(|v| (low..=high).contains(*v)).count();
    assert_eq!(count(226.0, 3071.0), 475_759, "bone");
    assert_eq!(count(-142.0, 2986.0), 2_319_106, "skin");
}

fn float(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn documents_are_kept_and_listed() {
    let Some(set) = data("objects-a") else { return };
    let report = ingest(&set);
    let names: Vec<String> = of_kind(&report, "document")
        .iter()
        .map(|d| d["details"].to_string())
        .collect();
    for kind in [
        "structured_report",
        "segmentation",
        "structure_set",
        "encapsulated_document",
        "encapsulated_model",
    ] {
        assert!(names.iter().any(|n| n.contains(kind)), "{kind} in {names:?}");
    }
}

#[test]
fn every_hostile_file_ends_in_an_item_or_a_reason() {
    for set in ["malformed-a", "zoo-pydicom", "geom-traps-a"] {
        let Some(folder) = data(set) else { continue };
        let start = std::time::Instant::now();
        let report = ingest(&folder);
        let failed = report["failed"].as_array().unwrap();
        for failure in failed {
            let reason = failure["reason"].as_str().unwrap();
            assert!(reason.len() > 8 && reason.len() < 2000, "{failure}");
        }
        println!(
            "{set}: {} items, {} refused, {:.1} s",
            items(&report).len(),
            failed.len(),
            start.elapsed().as_secs_f64()
        );
        assert!(!items(&report).is_empty(), "{set}");
    }
}
