//! Which files of an upload form a depth capture, told from their names.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A way in which captures are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LayoutKind {
    /// Open3D and Redwood: `depth/`, `color/`, `camera_intrinsic.json`, `trajectory.log`.
    Open3d,
    /// TUM RGB-D: `depth.txt`, `rgb.txt`, `groundtruth.txt`.
    Tum,
    /// Record3D: `metadata`, `rgbd/0.depth`, `rgbd/0.jpg`.
    Record3d,
    /// Polycam's raw export: `keyframes/depth/`, `keyframes/cameras/`.
    Polycam,
    /// Standard Cyborg's TrueDepth frames: a PLY each, with a JSON header.
    TrueDepthPly,
    /// TrueDepth frames as PNG with `DepthMetadata.json`.
    TrueDepthPng,
    /// Depth pictures and a file of intrinsics in one folder; a single photograph with depth.
    Flat,
}

/// The files of one frame, by their names in the upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameFiles {
    /// Its depth.
    pub depth: String,
    /// Its color picture.
    pub color: Option<String>,
    /// How sure the device is of each depth.
    pub confidence: Option<String>,
    /// Its camera, where each frame has a file of its own.
    pub camera: Option<String>,
}

/// The files of one capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How they are laid out.
    pub kind: LayoutKind,
    /// The folder that holds the capture, without a slash at its end; empty for the upload itself.
    pub root: String,
    /// The frames that the names tell of, in order.
    pub frames: Vec<FrameFiles>,
    /// The files that describe the capture: what [`Layout::read`] needs.
    pub description: Vec<String>,
}

impl Layout {
    /// All files of the capture, each once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let frames = self.frames.iter().flat_map(|frame| {
            let others = [&frame.color, &frame.confidence];
            std::iter::once(&frame.depth).chain(others.into_iter().flatten())
        });
        frames.chain(&self.description).map(String::as_str)
    }

    /// The first described file with this name in the capture's folder.
    pub(super) fn described(&self, name: &str) -> Option<&str> {
        let wanted = join(&self.root, name);
        self.description
            .iter()
            .find(|d| **d == wanted)
            .map(String::as_str)
    }
}

/// Finds the captures among the names of an upload (`/` between folders). A file belongs to at most one.
pub fn recognize<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Layout> {
    let tree = Tree::of(names);
    let mut found = Vec::new();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let finders = [record3d, polycam, tum, open3d, truedepth_png, truedepth_ply, flat];
    for finder in finders {
        for folder in tree.folders.keys() {
            for layout in finder(&tree, folder) {
                let is_free = |frame: &FrameFiles| !taken.contains(frame.depth.as_str());
                if !layout.frames.is_empty() && layout.frames.iter().all(is_free) {
                    let depths = layout.frames.iter().filter_map(|f| tree.name(&f.depth));
                    taken.extend(depths);
                    found.push(layout);
                }
            }
        }
    }
    found.sort_by(|a, b| a.root.cmp(&b.root));
    found
}

/// Names by their folders.
struct Tree<'a> {
    folders: BTreeMap<&'a str, Vec<&'a str>>,
    names: BTreeSet<&'a str>,
}

impl<'a> Tree<'a> {
    fn of(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut tree = Self {
            folders: BTreeMap::new(),
            names: BTreeSet::new(),
        };
        for name in names {
            let (folder, file) = split(name);
            // What file systems and archivers leave behind is no capture.
            if file.starts_with('.') || name.contains("__MACOSX/") || !tree.names.insert(name) {
                continue;
            }
            tree.folders.entry(folder).or_default().push(file);
            let mut parent = folder;
            while !parent.is_empty() {
                parent = split(parent).0;
                tree.folders.entry(parent).or_default();
            }
        }
        for files in tree.folders.values_mut() {
            files.sort_by_cached_key(|name| natural(name));
        }
        tree
    }

    fn name(&self, name: &str) -> Option<&'a str> {
        self.names.get(name).copied()
    }

    fn has(&self, folder: &str, file: &str) -> bool {
        self.names.contains(join(folder, file).as_str())
    }

    fn files(&self, folder: &str) -> &[&'a str] {
        self.folders.get(folder).map(Vec::as_slice).unwrap_or_default()
    }

    /// Files of a folder by their stems, those that end in one of `endings`.
    fn by_stem(&self, folder: &str, endings: &[&str]) -> BTreeMap<&'a str, &'a str> {
        self.files(folder)
            .iter()
            .filter(|file| endings.contains(&ending(file).as_str()))
            .map(|file| (stem(file), *file))
            .collect()
    }

    /// The full names of those of `files` that are there.
    fn present(&self, folder: &str, files: &[&str]) -> Vec<String> {
        files
            .iter()
            .map(|file| join(folder, file))
            .filter(|name| self.names.contains(name.as_str()))
            .collect()
    }

    /// JSON files that may hold intrinsics, in this folder or the one above, the most telling first.
    fn intrinsics(&self, folder: &str) -> Vec<String> {
        let rank = |file: &str| {
            let lower = file.to_ascii_lowercase();
            let words = ["camera_intrinsic", "intrinsic", "primesense", "camera", "calib"];
            words.iter().position(|word| lower.contains(word))
        };
        let mut found = Vec::new();
        let mut places = vec![folder];
        if !folder.is_empty() {
            places.push(split(folder).0);
        }
        for (distance, place) in places.into_iter().enumerate() {
            for file in self.files(place) {
                if let (Some(rank), "json") = (rank(file), ending(file).as_str()) {
                    found.push((distance, rank, join(place, file)));
                }
            }
        }
        found.sort();
        found.into_iter().map(|(_, _, name)| name).take(8).collect()
    }
}

const COLOR: [&str; 3] = ["jpg", "jpeg", "png"];

fn record3d(tree: &Tree<'_>, root: &str) -> Vec<Layout> {
    let description = tree.present(root, &["metadata", "metadata.json"]);
    let rgbd = join(root, "rgbd");
    if description.is_empty() {
        return Vec::new();
    }
    let colors = tree.by_stem(&rgbd, &COLOR);
    let frames = tree
        .files(&rgbd)
        .iter()
        .filter(|file| ending(file) == "depth")
        .map(|file| FrameFiles {
            depth: join(&rgbd, file),
            color: colors.get(stem(file)).map(|color| join(&rgbd, color)),
            ..FrameFiles::default()
        })
        .collect();
    vec![Layout {
        kind: LayoutKind::Record3d,
        root: root.to_owned(),
        frames,
        description,
    }]
}

fn polycam(tree: &Tree<'_>, root: &str) -> Vec<Layout> {
    let keyframes = join(root, "keyframes");
    let depth = join(&keyframes, "depth");
    let corrected = [
        join(&keyframes, "corrected_cameras"),
        join(&keyframes, "corrected_images"),
    ];
    let raw = [join(&keyframes, "cameras"), join(&keyframes, "images")];
    let [cameras, images] = if tree.files(&corrected[0]).is_empty() {
        raw
    } else {
        corrected
    };
    let (camera_of, image_of) = (tree.by_stem(&cameras, &["json"]), tree.by_stem(&images, &COLOR));
    let confidence = join(&keyframes, "confidence");
    let confidence_of = tree.by_stem(&confidence, &["png"]);
    let frames: Vec<FrameFiles> = tree
        .files(&depth)
        .iter()
        .filter(|file| ending(file) == "png")
        .filter_map(|file| {
            Some(FrameFiles {
                depth: join(&depth, file),
                camera: Some(join(&cameras, camera_of.get(stem(file))?)),
                color: image_of.get(stem(file)).map(|f| join(&images, f)),
                confidence: confidence_of.get(stem(file)).map(|f| join(&confidence, f)),
            })
        })
        .collect();
    let description = frames.iter().filter_map(|frame| frame.camera.clone()).collect();
    vec![Layout {
        kind: LayoutKind::Polycam,
        root: root.to_owned(),
        frames,
        description,
    }]
}

fn tum(tree: &Tree<'_>, root: &str) -> Vec<Layout> {
    if !tree.has(root, "depth.txt") && !tree.has(root, "associations.txt") {
        return Vec::new();
    }
    let depth = join(root, "depth");
    let colors = ["rgb", "color"].map(|folder| join(root, folder));
    let color_files: Vec<String> = colors
        .iter()
        .flat_map(|folder| tree.files(folder).iter().map(move |file| join(folder, file)))
        .collect();
    let frames = tree
        .files(&depth)
        .iter()
        .filter(|file| ending(file) == "png")
        .enumerate()
        .map(|(i, file)| FrameFiles {
            depth: join(&depth, file),
            // Which color belongs to which depth is in the lists; here the files are only claimed.
            color: color_files.get(i).cloned(),
            ..FrameFiles::default()
        })
        .collect();
    let lists = ["associations.txt", "depth.txt", "rgb.txt", "groundtruth.txt"];
    let mut description = tree.present(root, &lists);
    description.extend(tree.intrinsics(root));
    vec![Layout {
        kind: LayoutKind::Tum,
        root: root.to_owned(),
        frames,
        description,
    }]
}

fn open3d(tree: &Tree<'_>, root: &str) -> Vec<Layout> {
    let depth = join(root, "depth");
    let color = ["color", "rgb", "image", "images"]
        .map(|folder| join(root, folder))
        .into_iter()
        .find(|folder| !tree.files(folder).is_empty());
    let depths: Vec<&str> = tree
        .files(&depth)
        .iter()
        .copied()
        .filter(|file| ending(file) == "png")
        .collect();
    let mut description = tree.present(root, &["trajectory.log", "capture.json"]);
    let intrinsics = tree.intrinsics(root);
    // A folder called depth alone could be anything.
    if depths.is_empty() || (color.is_none() && intrinsics.is_empty() && description.is_empty()) {
        return Vec::new();
    }
    description.extend(intrinsics);
    let colors = color
        .as_deref()
        .map(|folder| (folder, tree.by_stem(folder, &COLOR)));
    let in_order: Vec<String> = color
        .as_deref()
        .map(|folder| {
            let pictures = tree
                .files(folder)
                .iter()
                .filter(|f| COLOR.contains(&ending(f).as_str()));
            pictures.map(|file| join(folder, file)).collect()
        })
        .unwrap_or_default();
    let frames = depths
        .iter()
        .enumerate()
        .map(|(i, file)| {
            let same_name = colors
                .as_ref()
                .and_then(|(folder, by_stem)| by_stem.get(stem(file)).map(|color| join(folder, color)));
            // Redwood names its pictures by number and time: the order tells which belong together.
            let same_place = in_order.get(i).filter(|_| in_order.len() == depths.len());
            FrameFiles {
                depth: join(&depth, file),
                color: same_name.or_else(|| same_place.cloned()),
                ..FrameFiles::default()
            }
        })
        .collect();
    vec![Layout {
        kind: LayoutKind::Open3d,
        root: root.to_owned(),
        frames,
        description,
    }]
}

fn truedepth_png(tree: &Tree<'_>, root: &str) -> Vec<Layout> {
    let mut description = tree.present(root, &["DepthMetadata.json"]);
    if description.is_empty() {
        return Vec::new();
    }
    description.extend(tree.present(root, &["Accelerometer.txt"]));
    let colors = tree.by_stem(root, &COLOR);
    let frames = tree
        .files(root)
        .iter()
        .filter(|file| ending(file) == "png")
        .filter_map(|file| {
            let number = stem(file).strip_prefix("depth_")?;
            let color = colors.get(format!("rgb_{number}").as_str());
            Some(FrameFiles {
                depth: join(root, file),
                color: color.map(|color| join(root, color)),
                ..FrameFiles::default()
            })
        })
        .collect();
    vec![Layout {
        kind: LayoutKind::TrueDepthPng,
        root: root.to_owned(),
        frames,
        description,
    }]
}

fn truedepth_ply(tree: &Tree<'_>, root: &str) -> Vec<Layout> {
    let is_depth_folder = split(root).1.to_ascii_lowercase().contains("depth");
    let frames: Vec<FrameFiles> = tree
        .files(root)
        .iter()
        .filter(|file| ending(file) == "ply")
        .filter(|file| {
            let stem = stem(file).to_ascii_lowercase();
            let number = stem.trim_end_matches(|c: char| c.is_ascii_digit());
            number.len() < stem.len() && (is_depth_folder || number.starts_with("frame"))
        })
        .map(|file| FrameFiles {
            depth: join(root, file),
            ..FrameFiles::default()
        })
        .collect();
    vec![Layout {
        kind: LayoutKind::TrueDepthPly,
        root: root.to_owned(),
        frames,
        description: tree.present(root, &["motion-data.json"]),
    }]
}

/// Every depth picture in a folder with the color picture of the same name. Pictures whose names differ by a number are
/// one sequence; others are photographs of their own.
fn flat(tree: &Tree<'_>, root: &str) -> Vec<Layout> {
    let mut sequences: BTreeMap<String, Vec<FrameFiles>> = BTreeMap::new();
    for file in tree.files(root) {
        let lower = file.to_ascii_lowercase();
        if ending(file) != "png" || !lower.contains("depth") {
            continue;
        }
        let color = ["color", "rgb", "image"].iter().find_map(|word| {
            let wanted = stem(&lower).replace("depth", word);
            let files = tree.files(root).iter();
            let mut pictures = files.filter(|f| COLOR.contains(&ending(f).as_str()));
            pictures.find(|f| stem(f).eq_ignore_ascii_case(&wanted))
        });
        let key: String = stem(&lower).chars().filter(|c| !c.is_ascii_digit()).collect();
        sequences.entry(key).or_default().push(FrameFiles {
            depth: join(root, file),
            color: color.map(|color| join(root, color)),
            ..FrameFiles::default()
        });
    }
    let mut description = tree.present(root, &["trajectory.log", "capture.json"]);
    description.extend(tree.intrinsics(root));
    sequences
        .into_values()
        // Without color or a description a picture called depth is only a picture.
        .filter(|frames| !description.is_empty() || frames.iter().all(|f| f.color.is_some()))
        .map(|frames| Layout {
            kind: LayoutKind::Flat,
            root: root.to_owned(),
            frames,
            description: description.clone(),
        })
        .collect()
}

/// Folder and file of a path.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

pub(super) fn join(folder: &str, file: &str) -> String {
    if folder.is_empty() {
        file.to_owned()
    } else {
        format!("{folder}/{file}")
    }
}

pub(super) fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

fn ending(file: &str) -> String {
    file.rsplit_once('.')
        .map_or_else(String::new, |(_, e)| e.to_ascii_lowercase())
}

/// Sorts numbers by their value: `frame-9` before `frame-10`.
fn natural(name: &str) -> Vec<(u8, u64, String)> {
    let mut parts: Vec<(u8, u64, String)> = Vec::new();
    for c in name.chars() {
        match (c.to_digit(10), parts.last_mut()) {
            (Some(digit), Some((0, value, _))) => {
                *value = value.saturating_mul(10).saturating_add(u64::from(digit));
            }
            (Some(digit), _) => parts.push((0, u64::from(digit), String::new())),
            (None, Some((1, _, text))) => text.push(c),
            (None, _) => parts.push((1, 0, c.to_string())),
        }
    }
    parts
}
