//! What must never reach anybody but its uploader, and the search for it.

use std::collections::HashSet;

use serde_json::{Value, json};
use testkit::face::{Photo, Upright, encode_photo};

use super::{DIMS, Scene, stored};

/// Bytes of a run that must not be found.
const RUN: usize = 64;
/// Words that must not be found.
const WORDS: &[&[u8]] = &[
    b"Canaryname",
    b"CANARY-4711",
    b"Canary Tomographs",
    b"Canary-Texture-Comment",
    // The beginning of every DICOM file, and of the identifiers in it.
    b"DICM\x02\x00",
    b"1.2.840.10008.",
];

/// What must not come.
pub(crate) struct Forbidden {
    /// The first bytes of every run, as numbers, and all runs behind them.
    runs: HashSet<[u8; RUN]>,
    /// Lest thousands of bytes that are all alike count as content.
    words: Vec<Vec<u8>>,
}

impl Forbidden {
    fn new() -> Self {
        Self {
            runs: HashSet::new(),
            words: WORDS.iter().map(|word| word.to_vec()).collect(),
        }
    }

    /// All aligned runs of some content: in what came, any place is looked at, so a run of twice the length has one.
    fn add(&mut self, content: &[u8]) {
        for run in content.as_chunks::<RUN>().0 {
            // What is nearly all the same byte is in every file.
            let distinct: HashSet<u8> = run.iter().copied().collect();
            if distinct.len() >= 8 {
                self.runs.insert(*run);
            }
        }
    }

    /// How many runs are looked for.
    pub(crate) fn count(&self) -> usize {
        self.runs.len()
    }

    /// What of it is in what came.
    pub(crate) fn hits(&self, came: &[u8]) -> Vec<String> {
        let mut hits: Vec<String> = came
            .windows(RUN)
            .filter(|run| <&[u8; RUN]>::try_from(*run).is_ok_and(|run| self.runs.contains(run)))
            .map(|run| format!("a run of content: {:02x?}", &run[..12]))
            .collect();
        for word in &self.words {
            if came.windows(word.len()).any(|bytes| bytes == word.as_slice()) {
                hits.push(format!("the word {}", String::from_utf8_lossy(word)));
            }
        }
        hits
    }
}

/// A head of triangles as OBJ, whose comment is a canary; and its vertices as they lie in memory.
fn mesh() -> (Vec<u8>, Vec<u8>) {
    let mut text = String::from("# Canary-Texture-Comment\n");
    let mut vertices = Vec::new();
    let (across, around) = (24, 32);
    for ring in 0..=across {
        for step in 0..around {
            let tilt = std::f32::consts::PI * ring as f32 / across as f32;
            let turn = std::f32::consts::TAU * step as f32 / around as f32;
            let bump = 1.0 + 0.07 * (5.0 * turn).sin() * tilt.sin();
            let p = [
                60.0 * bump * tilt.sin() * turn.cos(),
                75.0 * bump * tilt.sin() * turn.sin(),
                90.0 * tilt.cos(),
            ];
            text.push_str(&format!("v {} {} {}\n", p[0], p[1], p[2]));
            vertices.extend(p.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    for ring in 0..across {
        for step in 0..around {
            let at = |ring: usize, step: usize| ring * around + step % around + 1;
            let (a, b) = (at(ring, step), at(ring, step + 1));
            let (c, d) = (at(ring + 1, step), at(ring + 1, step + 1));
            text.push_str(&format!("f {a} {c} {b}\nf {b} {c} {d}\n"));
        }
    }
    (text.into_bytes(), vertices)
}

/// A case with an item of every kind, all of whose bytes are forbidden to others.
pub(crate) struct Exhibition {
    pub(crate) scene: Scene,
    pub(crate) items: Vec<String>,
    pub(crate) forbidden: Forbidden,
}

impl Exhibition {
    pub(crate) fn new() -> Self {
        let scene = Scene::new();
        let mut forbidden = Forbidden::new();
        for (_, file) in super::files() {
            forbidden.add(&file);
        }
        // Samples in memory, as they were decoded: stored, and rescaled.
        let mut samples: Vec<u8> = Vec::new();
        let mut rescaled: Vec<u8> = Vec::new();
        for z in (0..DIMS[2]).step_by(10) {
            for y in 0..DIMS[1] {
                for x in 0..DIMS[0] {
                    let value = stored([x, y, z]);
                    samples.extend(value.to_le_bytes());
                    rescaled.extend((f32::from(value) - 1024.0).to_le_bytes());
                }
            }
        }
        forbidden.add(&samples);
        forbidden.add(&rescaled);
        // A mesh and a photograph.
        let (obj, vertices) = mesh();
        forbidden.add(&obj);
        forbidden.add(&vertices);
        let photograph = Photo {
            columns: 300,
            rows: 200,
            rgb: (0..300 * 200)
                .flat_map(|at: u32| {
                    let (x, y) = (at % 300, at / 300);
                    [x * 255 / 300, y * 255 / 200, (x * y / 7 + x * 3) % 256].map(|part| part as u8)
                })
                .collect(),
        };
        forbidden.add(&photograph.rgb);
        let picture = encode_photo(&photograph, Upright::AsStored);
        // What comes before its scan are tables that every JPEG has.
        let scan = picture
            .windows(2)
            .position(|marker| marker == [0xff, 0xda])
            .expect("a scan");
        forbidden.add(&picture[scan..]);
        let set = scene.admin.open_set(&scene.case);
        let sent = scene.admin.send_many(
            &set,
            &[
                ("models/head.obj".to_owned(), obj),
                ("photos/face.jpg".to_owned(), picture),
            ],
        );
        assert_eq!(sent.status, 201, "{sent:?}");
        let job = scene.admin.ingest(&set);
        assert_eq!(job["outcome"]["refused"], json!([]), "{job}");
        let items = scene.admin.get(&format!("/api/cases/{}/items", scene.case)).json;
        let ids: Vec<String> = items
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        let kinds: HashSet<&str> = items
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|item| item["kind"].as_str())
            .collect();
        assert_eq!(kinds, HashSet::from(["volume", "mesh", "photo"]), "{items}");
        // What the uploader may have is what the others must not get.
        for id in &ids {
            let artifacts = scene.admin.get(&format!("/api/items/{id}/artifacts")).json;
            for artifact in artifacts.as_array().unwrap() {
                let of = |name: &Value| {
                    let path = format!(
                        "/api/items/{id}/artifacts/{}/{}",
                        artifact["id"].as_str().unwrap(),
                        name.as_str().unwrap()
                    );
                    scene.admin.get(&path).body
                };
                for part in artifact["parts"].as_array().unwrap() {
                    forbidden.add(&of(&part["name"]));
                }
            }
        }
        Self {
            scene,
            items: ids,
            forbidden,
        }
    }
}

/// The bytes of one original, as its uploader gets them.
pub(crate) fn first_file(scene: &Scene) -> Vec<u8> {
    let originals = scene
        .admin
        .get(&format!("/api/items/{}/originals", scene.item))
        .json;
    let id = originals[0]["id"].as_str().unwrap();
    scene.admin.get(&format!("/api/originals/{id}/content")).body
}
