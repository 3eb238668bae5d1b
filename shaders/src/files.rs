//! Where the files are: in the program, and in the source tree while debugging.

use std::borrow::Cow;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../wgsl/", $name)))),+];
    };
}

files!(
    "cast.wgsl",
    "outline.wgsl",
    "resolve.wgsl",
    "slice.wgsl",
    "surface.wgsl",
    "lib/blend.wgsl",
    "lib/cover.wgsl",
    "lib/field.wgsl",
    "lib/frame.wgsl",
    "lib/light.wgsl",
    "lib/layer.wgsl",
    "lib/march.wgsl",
    "lib/occlusion.wgsl",
);

/// The files that start a module.
pub fn entries() -> impl Iterator<Item = &'static str> {
    FILES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !name.contains('/'))
}

/// The text of a file.
pub(crate) fn read(name: &str) -> Option<Cow<'static, str>> {
    let (name, embedded) = FILES.iter().find(|(known, _)| *known == name)?;
    Some(on_disk(name).map_or(Cow::Borrowed(*embedded), Cow::Owned))
}

/// A number that changes when a file does: 0 for ever where the files are embedded only.
pub fn revision() -> u64 {
    FILES.iter().map(|(name, _)| modified(name)).fold(0, u64::max)
}

#[cfg(all(debug_assertions, not(target_arch = "wasm32")))]
fn path(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("wgsl")
        .join(name)
}

#[cfg(all(debug_assertions, not(target_arch = "wasm32")))]
fn on_disk(name: &str) -> Option<String> {
    std::fs::read_to_string(path(name)).ok()
}

#[cfg(all(debug_assertions, not(target_arch = "wasm32")))]
fn modified(name: &str) -> u64 {
    let changed = || {
        let time = std::fs::metadata(path(name)).ok()?.modified().ok()?;
        let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(since.as_millis() as u64)
    };
    changed().unwrap_or(0)
}

#[cfg(not(all(debug_assertions, not(target_arch = "wasm32"))))]
fn on_disk(_name: &str) -> Option<String> {
    None
}

#[cfg(not(all(debug_assertions, not(target_arch = "wasm32"))))]
fn modified(_name: &str) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("wgsl");
        let mut found = Vec::new();
        for folder in [root.clone(), root.join("lib")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        let mut embedded: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        embedded.sort_unstable();
        assert_eq!(found, embedded);
    }

    #[test]
    fn a_file_that_is_not_there_is_not_read() {
        assert!(read("lib/light.wgsl").is_some());
        assert!(read("../Cargo.toml").is_none());
        assert!(read("light.wgsl").is_none());
    }
}
