//! The shared test data, which lie beside the repository and are never part of it.

use std::path::{Path, PathBuf};

/// One DICOM file of the manifest.
#[allow(dead_code, reason = "each test reads what it needs")]
pub(crate) struct Row {
    /// The folder of the test data.
    pub(crate) root: PathBuf,
    /// Path within it.
    pub(crate) path: String,
    /// How the reference decoder ended: `ok`, `no-pixels`, `ERR ...`.
    pub(crate) decode: String,
    /// Whether the file lost something when it was compressed.
    pub(crate) lossy: bool,
    /// Samples per Pixel; 0 where the manifest does not say.
    pub(crate) samples_per_pixel: u16,
    /// Hash of all frames as the reference decoder gives them.
    pub(crate) pixel_sha256: String,
    /// Smallest and largest sample.
    pub(crate) range: Option<[f64; 2]>,
}

#[allow(dead_code, reason = "each test reads what it needs")]
impl Row {
    /// The bytes of the file.
    pub(crate) fn read(&self) -> Vec<u8> {
        std::fs::read(self.root.join(&self.path)).unwrap()
    }
}

/// The folder of the test data; `None`, after saying so, where it is not there.
pub(crate) fn root() -> Option<PathBuf> {
    let root = std::env::var_os("VITRINE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    if root.join("MANIFEST.tsv").is_file() {
        return Some(root);
    }
    println!("skipped: no test data at {}", root.display());
    None
}

/// The DICOM files of the manifest.
#[allow(dead_code, reason = "each test reads what it needs")]
pub(crate) fn manifest() -> Option<Vec<Row>> {
    let root = root()?;
    let text = std::fs::read_to_string(root.join("MANIFEST.tsv")).unwrap();
    let rows = text.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        columns[4].starts_with("dicom").then(|| Row {
            root: root.clone(),
            path: columns[1].to_owned(),
            decode: columns[17].to_owned(),
            lossy: columns[18] == "1",
            samples_per_pixel: columns[12].parse().unwrap_or(0),
            pixel_sha256: columns[19].to_owned(),
            range: columns[20]
                .parse()
                .ok()
                .zip(columns[21].parse().ok())
                .map(|(low, high)| [low, high]),
        })
    });
    Some(rows.collect())
}
