//! Every mesh of the test data, read and repaired, with the counts that other programs give.

use std::fs;
use std::path::{Path, PathBuf};

use capture::mesh::{Axes, MeshFile, read};
use capture::{CaptureError, NamedBytes};
use surface::repair::{Input, InputAxes, Options, Repaired, repair};
use surface::{ImageMedia, Texture};

/// Path, kind, and counts; see its first lines.
const COUNTS: &str = include_str!("reference/mesh_counts.tsv");

fn data() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("VITRINE_TEST_DATA").map_or(beside, PathBuf::from);
    if path.join("mesh-a").is_dir() {
        return Some(path);
    }
    println!("skipped: no mesh files in {}", path.display());
    None
}

/// Reads a file with everything in its folder as the upload.
fn read_file(path: &Path) -> Result<MeshFile, CaptureError> {
    let folder = path.parent().unwrap();
    let mut files = Vec::new();
    collect(folder, folder, &mut files);
    let main = path.file_name().unwrap().to_str().unwrap();
    let named: Vec<NamedBytes> = files
        .iter()
        .map(|(name, bytes)| NamedBytes { name, bytes })
        .collect();
    let main = named.iter().position(|file| file.name == main).unwrap();
    read(&named, main)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if !path.extension().is_some_and(|e| e == "drc" || e == "zip") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(&path).unwrap()));
        }
    }
}

fn repaired(file: MeshFile) -> Repaired {
    let input = Input {
        positions: file.positions,
        origin: file.origin,
        triangles: file.triangles,
        colors: file.colors,
        texture: file.texture.and_then(|texture| {
            Some(Texture {
                uv: texture.uv,
                media: ImageMedia::of(&texture.image)?,
                image: texture.image,
            })
        }),
        scalars: Vec::new(),
        unit: file.unit,
        axes: match file.axes {
            Axes::YUp => InputAxes::YUp,
            Axes::Unknown | Axes::Patient => InputAxes::Patient,
        },
    };
    repair(input, &Options::default()).unwrap()
}

#[test]
fn all_meshes_have_the_counts_of_other_programs() {
    let Some(data) = data() else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in COUNTS.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let path = data.join(columns[0]);
        if !path.is_file() {
            println!("skipped: {} is missing", columns[0]);
            continue;
        }
        count += 1;
        let found = match read_file(&path) {
            Err(error) if columns[1] == "refused" && error.to_string().contains(columns[2]) => continue,
            Err(error) => format!("error: {error}"),
            Ok(file) if columns[1] == "points" => format!("points\t{}", file.positions.len()),
            Ok(file) => {
                let faces = file.triangles.len();
                let Repaired { model, report } = repaired(file);
                let measures = model.mesh.measure();
                if model.colors.is_empty() && model.texture.is_none() {
                    // What repair counted is what is there to be counted.
                    assert_eq!(measures.boundary_edges as u64, report.boundary_edges, "{row}");
                    assert_eq!(
                        measures.non_manifold_edges as u64, report.non_manifold_edges,
                        "{row}"
                    );
                    assert_eq!(measures.misoriented_edges as u64, report.one_sided_edges, "{row}");
                }
                assert_eq!(
                    model.mesh.normals.len(),
                    model.mesh.positions_mm.len() * usize::from(report.triangles > 0)
                );
                [
                    faces as u64,
                    report.points,
                    report.triangles,
                    report.degenerate,
                    report.duplicates,
                    report.components,
                    report.holes,
                    report.boundary_edges,
                    report.non_manifold_edges,
                ]
                .iter()
                .fold("mesh".to_owned(), |line, count| format!("{line}\t{count}"))
            }
        };
        let expected = columns[1..].join("\t");
        if found != expected {
            wrong.push(format!(
                "{}\n  expected {expected}\n     found {found}",
                columns[0]
            ));
        }
    }
    println!("{count} meshes");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Area, volume and bounds of the real models, in the files' units.
#[test]
fn real_models_measure_what_trimesh_measures() {
    let Some(data) = data() else { return };
    let reference = fs::read_to_string(data.join("mesh-a/reference.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_str(&reference).unwrap();
    for (name, folder) in [
        ("skull_low_resolution.obj", "mesh-a/real/skull"),
        ("demosthenes-low-res.obj", "mesh-a/real/demosthenes"),
        ("leg-left.femur.stl", "mesh-a/real/bones"),
        ("leg-left.tibia.stl", "mesh-a/real/bones"),
        ("LeePerrySmith_plain.glb", "mesh-a/real/LeePerrySmith"),
    ] {
        let file = read_file(&data.join(folder).join(name)).unwrap();
        let expected = &reference[name];
        assert_eq!(
            file.triangles.len() as u64,
            expected["faces"].as_u64().unwrap(),
            "{name}"
        );
        for axis in 0..3 {
            let values = || file.positions.iter().map(|p| f64::from(p[axis]));
            let low = expected["bounds"][0][axis].as_f64().unwrap();
            let high = expected["bounds"][1][axis].as_f64().unwrap();
            assert!((values().fold(f64::MAX, f64::min) - low).abs() < 2e-5, "{name}");
            assert!((values().fold(f64::MIN, f64::max) - high).abs() < 2e-5, "{name}");
        }
        let Repaired { model, report } = repaired(file);
        assert_eq!(report.points, expected["vertices"].as_u64().unwrap(), "{name}");
        let factor = report.unit.unit.mm();
        let area = expected["area"].as_f64().unwrap() * factor * factor;
        assert!((model.mesh.area_mm2() - area).abs() < 1e-4 * area, "{name}");
        if expected["watertight"] == true {
            assert!(report.is_watertight(), "{name}");
            let volume = expected["volume"].as_f64().unwrap() * factor.powi(3);
            assert!((model.mesh.volume_mm3() - volume).abs() < 1e-4 * volume, "{name}");
        }
    }
}

/// The same skull in every form that there is of it.
#[test]
fn compressed_and_quantized_forms_are_the_same_skull() {
    let Some(data) = data() else { return };
    let volumes: Vec<f64> = ["skull_plain", "skull_quantized", "skull_meshopt"]
        .iter()
        .map(|name| {
            let file = read_file(&data.join(format!("mesh-a/derived/{name}.glb"))).unwrap();
            repaired(file).model.mesh.volume_mm3()
        })
        .collect();
    for volume in &volumes {
        assert!((volume - volumes[0]).abs() < 1e-3 * volumes[0], "{volumes:?}");
    }
}

#[test]
fn textures_and_colors_are_found() {
    let Some(data) = data() else { return };
    for (name, len) in [
        ("mesh-a/trimesh/fuze.obj", None),
        ("mesh-a/trimesh/capsule.obj", Some("capsule0.jpg")),
        ("mesh-a/trimesh/BoxTextured.glb", Some("")),
        ("mesh-a/trimesh/Duck.glb", Some("")),
        (
            "mesh-a/gltf-transform/core/test/in/BoxTextured_glTF/BoxTextured.gltf",
            Some("CesiumLogoFlat.png"),
        ),
        ("mesh-a/assimp/OBJ/spider.obj", Some("wal67ar_small.jpg")),
    ] {
        let file = read_file(&data.join(name)).unwrap();
        match (&file.texture, len) {
            (None, None) => assert!(!file.findings.is_empty(), "{name}"),
            (Some(texture), Some(picture)) => {
                assert_eq!(texture.uv.len(), file.positions.len(), "{name}");
                assert!(ImageMedia::of(&texture.image).is_some(), "{name}");
                assert!(
                    picture.is_empty() || file.files_used.iter().any(|f| f == picture),
                    "{name}: {:?}",
                    file.files_used
                );
            }
            other => panic!("{name}: {:?}, {:?}", other.1, file.findings),
        }
        // Through the artifact, with what is on it.
        let repaired = repaired(file);
        let bytes = artifact::mesh::encode_model(&repaired.model, &serde_json::Value::Null, 0.01).unwrap();
        let (back, _) = artifact::mesh::read_model(&bytes).unwrap();
        assert_eq!(back.texture.is_some(), repaired.model.texture.is_some());
        assert_eq!(back.mesh.triangles.len(), repaired.model.mesh.triangles.len());
    }
    let colors: Vec<Vec<[u8; 4]>> = ["ascii", "binle", "binbe"]
        .iter()
        .map(|form| {
            let name = format!("mesh-a/derived/demosthenes_vcolor_{form}.ply");
            read_file(&data.join(name)).unwrap().colors
        })
        .collect();
    assert_eq!(colors[0].len(), 8394);
    assert!(colors[0] == colors[1] && colors[1] == colors[2]);
    assert!(colors[0].iter().any(|c| c[0] != c[2]));
}

#[test]
fn what_is_no_mesh_is_refused() {
    let Some(data) = data() else { return };
    for (name, word) in [
        ("mesh-a/assimp/PLY/payload_JVN42386607", "property \"y\""),
        ("mesh-a/SOURCE.txt", "kind of file"),
        ("mesh-a/trimesh/capsule0.jpg", "kind of file"),
    ] {
        let path = data.join(name);
        let bytes = fs::read(&path).unwrap();
        let error = read(&[NamedBytes { name, bytes: &bytes }], 0)
            .map(drop)
            .unwrap_err();
        assert!(error.to_string().contains(word), "{name}: {error}");
    }
    // Cut short anywhere, a file is refused or read in part; nothing else happens.
    for name in [
        "mesh-a/derived/skull_meshopt.glb",
        "mesh-a/trimesh/fuze.ply",
        "mesh-a/trimesh/teapot.stl",
    ] {
        let bytes = fs::read(data.join(name)).unwrap();
        for parts in 1..40 {
            let bytes = &bytes[..bytes.len() * parts / 40];
            if let Ok(file) = read(&[NamedBytes { name, bytes }], 0) {
                repaired(file);
            }
        }
    }
}
