//! Every file of the test data is told as what its manifest says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use intake::{HEAD_BYTES, Kind, sniff};

/// The folder of the test data, or `None` with a word about it.
fn data() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let folder = PathBuf::from(std::env::var_os("VITRINE_TEST_DATA").unwrap_or_else(|| default.into()));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

#[test]
fn dicom_is_told_from_everything_else() {
    let Some(folder) = data() else { return };
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::new();
    for line in manifest.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let (path, kind) = (cells[1], cells[4]);
        let Ok(bytes) = std::fs::read(folder.join(path)) else {
            continue;
        };
        let told = sniff(&bytes);
        let is_dicom = matches!(told, Kind::Dicom { .. });
        if is_dicom {
            let head = bytes.get(..HEAD_BYTES).unwrap_or(&bytes);
            assert_eq!(sniff(head), told, "{path}: its head tells something else");
        }
        *counts.entry(told.word()).or_insert(0_usize) += 1;
        // The manifest leaves it open for damaged files without a preamble.
        if kind != "dicom-nopreamble?" && is_dicom != (kind == "dicom") {
            wrong.push(format!("{path}: manifest says {kind:?}, told as {told:?}"));
        }
    }
    println!("{counts:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
