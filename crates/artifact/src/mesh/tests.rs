//! Round trips, damage, and what the exports hold.

use std::collections::HashMap;

use expect_test::expect;
use serde_json::{Value, json};

use super::quantize::Positions;
use super::*;

/// A bumpy ball of unequal axes around `center_mm`, in order of its rings. The first and the last ring are a point each,
/// so that most of their vertices are unused.
fn ball(center_mm: [f32; 3], radii_mm: [f32; 3], rings: u32, segments: u32) -> Mesh {
    let mut mesh = Mesh::default();
    for ring in 0..=rings {
        for segment in 0..segments {
            let polar = std::f32::consts::PI * ring as f32 / rings as f32;
            let around = std::f32::consts::TAU * segment as f32 / segments as f32;
            let direction = [
                polar.sin() * around.cos(),
                polar.sin() * around.sin(),
                polar.cos(),
            ];
            let bump = 1.0 + 0.02 * (9.0 * polar).sin() * (7.0 * around).cos();
            let position = [0, 1, 2].map(|axis| center_mm[axis] + radii_mm[axis] * bump * direction[axis]);
            mesh.positions_mm.push(position);
            mesh.normals.push(unit(direction));
        }
    }
    let vertex = |ring: u32, segment: u32| {
        let is_point = ring == 0 || ring == rings;
        ring * segments + if is_point { 0 } else { segment % segments }
    };
    for ring in 0..rings {
        for segment in 0..segments {
            let [a, b] = [vertex(ring, segment), vertex(ring, segment + 1)];
            let [c, d] = [vertex(ring + 1, segment), vertex(ring + 1, segment + 1)];
            if ring > 0 {
                mesh.triangles.push([a, c, b]);
            }
            if ring + 1 < rings {
                mesh.triangles.push([b, c, d]);
            }
        }
    }
    mesh
}

fn small_ball() -> Mesh {
    ball([-412.5, 987.0, 55.5], [41.0, 29.0, 67.0], 14, 23)
}

fn tetrahedron() -> Mesh {
    Mesh {
        positions_mm: vec![
            [1.0, 2.0, 3.0],
            [11.0, 2.0, 3.0],
            [1.0, 22.0, 3.0],
            [1.0, 2.0, 33.0],
        ],
        normals: vec![
            [-0.6, -0.8, 0.0],
            [1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [0.0, 0.0, 1.0],
        ],
        triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
    }
}

fn provenance() -> Value {
    json!({"series": "1.2.840.1", "threshold_hu": 226.5, "steps": ["isosurface", "simplify"], "name": "Knöchel"})
}

fn volume_mm3(mesh: &Mesh) -> f64 {
    let origin = mesh.positions_mm[0];
    let volume = |triangle: &[u32; 3]| {
        let [a, b, c] = triangle.map(|index| {
            let p = mesh.positions_mm[index as usize];
            [0, 1, 2].map(|axis| f64::from(p[axis]) - f64::from(origin[axis]))
        });
        let [x, y, z] = [
            b[1] * c[2] - b[2] * c[1],
            b[2] * c[0] - b[0] * c[2],
            b[0] * c[1] - b[1] * c[0],
        ];
        (a[0] * x + a[1] * y + a[2] * z) / 6.0
    };
    mesh.triangles.iter().map(volume).sum()
}

fn distance_mm(a: [f32; 3], b: [f32; 3]) -> f64 {
    let square = |axis: usize| (f64::from(a[axis]) - f64::from(b[axis])).powi(2);
    (square(0) + square(1) + square(2)).sqrt()
}

/// The triangles, each from its lowest index on, sorted: equal where two meshes have the same ones with the same sides out.
fn canonical(triangles: impl Iterator<Item = [u32; 3]>) -> Vec<[u32; 3]> {
    let mut triangles: Vec<_> = triangles
        .map(|mut triangle| {
            let lowest = (0..3).min_by_key(|i| triangle[*i]).unwrap();
            triangle.rotate_left(lowest);
            triangle
        })
        .collect();
    triangles.sort_unstable();
    triangles
}

/// Checks that `back` is `mesh` less its unused vertices: every vertex within `error_mm` and 0.3 degrees, the same triangles.
fn check_same(mesh: &Mesh, back: &Mesh, error_mm: f64) {
    let mut used: Vec<u32> = mesh.triangles.as_flattened().to_vec();
    used.sort_unstable();
    used.dedup();
    assert_eq!(back.positions_mm.len(), used.len());
    let mut old_from_new = HashMap::new();
    for (new, position) in (0..).zip(&back.positions_mm) {
        let distance = |old: &&u32| distance_mm(mesh.positions_mm[**old as usize], *position);
        let old = *used
            .iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap();
        let far = distance(&&old);
        assert!(far <= error_mm, "vertex {old} is {far} mm off, not {error_mm}");
        old_from_new.insert(new, old);
        if mesh.normals.is_empty() {
            continue;
        }
        let normal = back.normals[new as usize].map(f64::from);
        let given = mesh.normals[old as usize].map(f64::from);
        let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!((length - 1.0).abs() < 1e-6);
        let cosine: f64 = (0..3).map(|axis| normal[axis] * given[axis]).sum();
        let degrees = cosine.min(1.0).acos().to_degrees();
        assert!(
            degrees < 0.3,
            "the normal of vertex {old} is {degrees} degrees off"
        );
    }
    assert_eq!(back.normals.is_empty(), mesh.normals.is_empty());
    let renamed = back
        .triangles
        .iter()
        .map(|triangle| triangle.map(|new| old_from_new[&new]));
    assert_eq!(canonical(renamed), canonical(mesh.triangles.iter().copied()));
}

/// A GLB's description and its binary chunk.
fn parts(bytes: &[u8]) -> (Value, Vec<u8>) {
    let (json, binary) = glb::read(bytes).unwrap();
    (serde_json::from_slice(json).unwrap(), binary.to_vec())
}

fn assemble(json: &[u8], binary: &[u8]) -> Vec<u8> {
    let mut json = json.to_vec();
    json.resize(json.len().next_multiple_of(4), b' ');
    let total = (28 + json.len() + binary.len()) as u32;
    let mut bytes = b"glTF\x02\0\0\0".to_vec();
    bytes.extend(total.to_le_bytes());
    bytes.extend((json.len() as u32).to_le_bytes());
    bytes.extend(b"JSON");
    bytes.extend(json);
    bytes.extend((binary.len() as u32).to_le_bytes());
    bytes.extend(b"BIN\0");
    bytes.extend(binary);
    bytes
}

#[test]
fn a_surface_far_from_the_origin_comes_back() {
    let mesh = small_ball();
    for (tolerance_mm, error_mm) in [(1e-3, 0.25e-3), (0.012, 0.003), (0.04, 0.01), (5.0, 0.01)] {
        let bytes = encode_surface(&mesh, &provenance(), tolerance_mm).unwrap();
        let (back, described) = read_surface(&bytes).unwrap();
        assert_eq!(described, provenance());
        // `f32` has steps of 0.00006 mm here.
        check_same(&mesh, &back, error_mm + 3.1e-5);
        let [before, after] = [&mesh, &back].map(volume_mm3);
        assert!((before - after).abs() / before < 1e-3, "{before} and {after}");
        assert_eq!(bytes, encode_surface(&mesh, &provenance(), tolerance_mm).unwrap());
    }
}

#[test]
fn coarse_steps_cost_less() {
    let mesh = small_ball();
    let len = |tolerance_mm| encode_surface(&mesh, &provenance(), tolerance_mm).unwrap().len();
    assert!(len(1e-3) > len(0.01));
    assert!(len(0.01) > len(0.04));
    assert_eq!(len(0.04), len(f64::MAX));
}

#[test]
fn a_surface_too_long_for_16_bits_keeps_its_precision() {
    let mesh = ball([-300.0, 12.0, 870.0], [240.0, 190.0, 905.0], 16, 19);
    let bytes = encode_surface(&mesh, &provenance(), 0.1).unwrap();
    let (description, _) = parts(&bytes);
    assert_eq!(description["accessors"][0]["componentType"], 5126);
    assert_eq!(description["nodes"][0].get("scale"), None);
    let (back, _) = read_surface(&bytes).unwrap();
    check_same(&mesh, &back, 0.01);
}

#[test]
fn positions_on_the_grid_are_exact_in_f32() {
    let low_mm = [-999.875, -512.3, 0.001];
    let storage = Positions::choose(low_mm, [-400.0, -100.0, 600.0], 0.04);
    let Positions::Grid { step_mm, origin_mm } = storage else {
        panic!("600 mm fit 16 bits: {storage:?}");
    };
    assert_eq!(step_mm, 11.0 / 1024.0);
    assert!(storage.max_error_mm() <= 0.01);
    for (origin, low) in origin_mm.iter().zip(low_mm) {
        assert!(*origin <= low && low - origin < step_mm);
        assert_eq!(origin % step_mm, 0.0);
        for steps in [0, 1, 1000, 65535] {
            let position = origin + f64::from(steps) * step_mm;
            assert_eq!(f64::from(position as f32), position);
        }
    }
}

#[test]
fn no_tolerance_is_missed() {
    for tolerance_mm in [1e-300, 1e-6, 0.001, 0.0399, 0.04, 0.3, f64::MAX] {
        for size_mm in [0.0, 1e-20, 1.0, 300.0, 704.0, 4000.0, 1e30] {
            let low_mm = [-0.5, 0.25, 0.5].map(|at| at * size_mm);
            let storage = Positions::choose(low_mm, low_mm.map(|low| low + size_mm), tolerance_mm);
            let allowed = (tolerance_mm / 4.0).clamp(1e-6, 0.01);
            let possible = size_mm * 1.5 / f64::from((1 << 23) - 1) * 2.0;
            assert!(storage.is_possible(), "{storage:?}");
            assert!(
                storage.max_error_mm() <= allowed.max(possible),
                "{storage:?} for {size_mm}"
            );
        }
    }
}

#[test]
fn surfaces_without_normals_and_without_triangles_come_back() {
    let bare = Mesh {
        normals: Vec::new(),
        ..small_ball()
    };
    let (back, _) = read_surface(&encode_surface(&bare, &Value::Null, 0.1).unwrap()).unwrap();
    check_same(&bare, &back, 0.01 + 3.1e-5);

    let unused = Mesh {
        triangles: Vec::new(),
        ..small_ball()
    };
    for mesh in [Mesh::default(), unused] {
        let bytes = encode_surface(&mesh, &provenance(), 0.1).unwrap();
        assert_eq!(read_surface(&bytes).unwrap(), (Mesh::default(), provenance()));
        let mut plain = Vec::new();
        write_plain_glb(&mesh, &provenance(), &mut plain).unwrap();
        assert_eq!(plain, bytes);
    }
}

#[test]
fn normals_without_a_direction_point_to_the_head() {
    let mut mesh = tetrahedron();
    mesh.normals = vec![
        [0.0; 3],
        [f32::NAN, 1.0, 0.0],
        [f32::INFINITY, 0.0, 0.0],
        [0.0, 3e-30, 0.0],
    ];
    let (back, _) = read_surface(&encode_surface(&mesh, &Value::Null, 0.1).unwrap()).unwrap();
    mesh.normals = vec![[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]];
    check_same(&mesh, &back, 0.01);
}

#[test]
fn impossible_meshes_are_refused() {
    let poisoned = |poison: fn(&mut Mesh)| {
        let mut mesh = small_ball();
        poison(&mut mesh);
        mesh
    };
    let vertices = small_ball().positions_mm.len();
    assert_eq!(vertices, 345);
    for mesh in [
        poisoned(|mesh| mesh.triangles[5][1] = 345),
        poisoned(|mesh| mesh.triangles[0][2] = u32::MAX),
        poisoned(|mesh| mesh.positions_mm[7][2] = f32::NAN),
        poisoned(|mesh| mesh.positions_mm[0][0] = f32::INFINITY),
        poisoned(|mesh| mesh.normals.truncate(344)),
    ] {
        assert!(encode_surface(&mesh, &Value::Null, 0.1).is_err());
        assert!(write_plain_glb(&mesh, &Value::Null, &mut Vec::new()).is_err());
        assert!(write_stl(&mesh, &mut Vec::new()).is_err());
        assert!(write_ply(&mesh, &mut Vec::new()).is_err());
    }
    for tolerance_mm in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(encode_surface(&small_ball(), &Value::Null, tolerance_mm).is_err());
    }
    let long = Value::String("x".repeat(MAX_DESCRIPTION_BYTES));
    assert!(encode_surface(&small_ball(), &long, 0.1).is_err());
}

#[test]
fn the_streams_have_the_versions_that_the_extension_knows() {
    let (description, binary) = parts(&encode_surface(&small_ball(), &provenance(), 0.1).unwrap());
    let marks: Vec<u8> = description["bufferViews"]
        .as_array()
        .unwrap()
        .iter()
        .map(|view| {
            let offset = &view["extensions"]["EXT_meshopt_compression"]["byteOffset"];
            binary[offset.as_u64().unwrap() as usize]
        })
        .collect();
    assert_eq!(marks, [0xA0, 0xA0, 0xE1]);
}

#[test]
fn cut_surfaces_are_refused() {
    let bytes = encode_surface(&small_ball(), &provenance(), 0.1).unwrap();
    for len in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(read_surface(&bytes[..len]).is_err(), "{len} bytes");
        let mut shorter = bytes[..len].to_vec();
        if let Some(total) = shorter.get_mut(8..12) {
            total.copy_from_slice(&(len as u32).to_le_bytes());
            assert!(read_surface(&shorter).is_err(), "{len} bytes that say so");
        }
    }
    let longer = [bytes.as_slice(), &[0; 4]].concat();
    assert!(read_surface(&longer).is_err());
}

#[test]
fn damage_gives_an_error_or_a_possible_mesh() {
    let long = ball([-300.0, 12.0, 870.0], [240.0, 190.0, 905.0], 9, 11);
    for mesh in [small_ball(), long] {
        let bytes = encode_surface(&mesh, &provenance(), 0.1).unwrap();
        for place in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut bytes = bytes.clone();
                bytes[place] ^= flip;
                if let Ok((mesh, _)) = read_surface(&bytes) {
                    check(&mesh).unwrap();
                    assert_eq!(mesh.normals.len(), mesh.positions_mm.len());
                }
            }
        }
    }
}

#[test]
fn forged_descriptions_are_refused() {
    let bytes = encode_surface(&small_ball(), &provenance(), 0.1).unwrap();
    let (description, binary) = parts(&bytes);
    let unchanged = assemble(&serde_json::to_vec(&description).unwrap(), &binary);
    assert!(read_surface(&unchanged).is_ok());

    let view = "/bufferViews/0/extensions/EXT_meshopt_compression";
    for (path, forged) in [
        ("/accessors/0/count", json!(u64::MAX)),
        ("/accessors/0/count", json!(0)),
        ("/accessors/0/count", json!(-1)),
        ("/accessors/0/count", json!(150_000_000)),
        ("/accessors/2/count", json!(u64::MAX)),
        ("/accessors/2/count", json!(150_000_003)),
        ("/accessors/2/count", json!(150_000_000)),
        ("/accessors/2/count", json!(0)),
        ("/accessors/2/count", json!(1)),
        ("/accessors/0/componentType", json!(5126)),
        ("/accessors/0/min/1", json!(9)),
        ("/accessors/0/max/2", json!(65535)),
        ("/accessors", json!([])),
        ("/bufferViews", json!([])),
        ("/bufferViews/0/byteLength", json!(u64::MAX)),
        ("/bufferViews/1/byteOffset", json!(4)),
        ("/buffers/0/byteLength", json!(8)),
        ("/buffers/1/byteLength", json!(u64::MAX)),
        ("/nodes", json!([])),
        ("/nodes/0/scale/0", json!(0)),
        ("/nodes/0/scale", json!([0, 0, 0])),
        ("/nodes/0/scale", json!([-0.01, -0.01, -0.01])),
        ("/nodes/0/scale", json!([1e300, 1e300, 1e300])),
        ("/nodes/0/scale", json!([1e-320, 1e-320, 1e-320])),
        ("/nodes/0/translation/2", json!(1e39)),
        ("/nodes/0/mesh", json!(1)),
        ("/extensionsRequired", json!([])),
        ("/asset/version", json!("2.1")),
        ("/asset/extras/unit", json!("m")),
        ("/asset/extras/version", json!(0)),
        ("/asset/extras/version", json!(2)),
        (&format!("{view}/byteLength"), json!(u64::MAX)),
        (&format!("{view}/byteLength"), json!(0)),
        (&format!("{view}/count"), json!(7)),
        (&format!("{view}/mode"), json!("INDICES")),
        (
            "/bufferViews/1/extensions/EXT_meshopt_compression/filter",
            json!("QUATERNION"),
        ),
    ] {
        let mut description = description.clone();
        *description.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = forged.clone();
        let bytes = assemble(&serde_json::to_vec(&description).unwrap(), &binary);
        assert!(read_surface(&bytes).is_err(), "{path} = {forged}");
    }

    let nested = "[".repeat(100_000);
    assert!(read_surface(&assemble(nested.as_bytes(), &binary)).is_err());
    let mut later = description.clone();
    later["asset"]["extras"]["version"] = json!(3);
    let error = read_surface(&assemble(&serde_json::to_vec(&later).unwrap(), &binary)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "version 3 of surface is not known, only up to 2"
    );
}

#[test]
fn a_promise_of_many_triangles_in_few_bytes_is_refused_before_memory_is_taken() {
    let mesh = small_ball();
    let content = document::Content {
        vertices: 150_000_000,
        triangles: 50_000_000,
        normals: document::Presence::Absent,
        colors: document::Presence::Absent,
        texture: None,
        scalars: Vec::new(),
        bounds: [[0.0; 3], [1.0; 3]],
        storage: document::Storage::Compressed {
            positions: Positions::choose([0.0; 3], [1.0; 3], 0.1),
            encoded_lens: vec![64, 64],
        },
    };
    let (_, binary) = parts(&encode_surface(&mesh, &Value::Null, 0.1).unwrap());
    let description =
        serde_json::to_vec(&document::Document::new(Some(&content), 0.01, &Value::Null)).unwrap();
    let error = read_surface(&assemble(&description, &binary[..128])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number of triangles of a surface is 50000000, which does not fit 64"
    );
}

/// A tetrahedron as version 1 was written first.
const FIRST_VERSION: &[u8] = include_bytes!("surface_v1.glb");

#[test]
fn the_first_version_stays_readable() {
    let (back, described) = read_surface(FIRST_VERSION).unwrap();
    assert_eq!(described, json!({"series": "1.2.3"}));
    check_same(&tetrahedron(), &back, 0.01);
}

#[test]
fn the_first_version_is_what_is_written() {
    let bytes = encode_surface(&tetrahedron(), &json!({"series": "1.2.3"}), 0.1).unwrap();
    assert_eq!(parts(&bytes), parts(FIRST_VERSION));
    assert_eq!(bytes, FIRST_VERSION);
}

#[test]
fn a_plain_glb_holds_the_mesh_as_it_is() {
    let mesh = small_ball();
    let mut bytes = Vec::new();
    write_plain_glb(&mesh, &provenance(), &mut bytes).unwrap();
    let (description, binary) = parts(&bytes);
    assert_eq!(description["asset"]["extras"]["provenance"], provenance());
    assert_eq!(description["asset"]["extras"]["unit"], "mm");
    assert_eq!(description.get("extensionsUsed"), None);
    assert_eq!(description["buffers"], json!([{"byteLength": binary.len()}]));
    let expected = [
        bytemuck::cast_slice::<_, u8>(&mesh.positions_mm),
        bytemuck::cast_slice(&mesh.normals),
        bytemuck::cast_slice(&mesh.triangles),
    ];
    let mut offset = 0;
    for (view, expected) in expected.iter().enumerate() {
        assert_eq!(description["bufferViews"][view]["byteOffset"], offset);
        assert_eq!(description["bufferViews"][view]["byteLength"], expected.len());
        offset += expected.len();
    }
    // Normals are scaled to unit length once more, which may change their last bit.
    let normals = mesh.positions_mm.len() * 12..mesh.positions_mm.len() * 24;
    assert_eq!(binary[..normals.start], *expected[0]);
    assert_eq!(binary[normals.end..], *expected[2]);
    for (written, given) in binary[normals].chunks_exact(12).zip(&mesh.normals) {
        assert!(distance_mm(bytemuck::pod_read_unaligned(written), *given) < 1e-6);
    }
    let min = &description["accessors"][0]["min"];
    assert_eq!(
        min[0].as_f64().unwrap() as f32,
        mesh.positions_mm.iter().map(|p| p[0]).fold(f32::MAX, f32::min)
    );
    // It is no lasting artifact.
    assert!(read_surface(&bytes).is_err());
}

#[test]
fn an_stl_holds_the_corners_and_their_normals() {
    let mesh = small_ball();
    let mut bytes = Vec::new();
    write_stl(&mesh, &mut bytes).unwrap();
    assert_eq!(bytes.len(), 84 + 50 * mesh.triangles.len());
    let header = std::str::from_utf8(&bytes[..80]).unwrap();
    assert!(header.contains("LPS") && header.contains("millimeters") && !header.starts_with("solid"));
    assert_eq!(bytes[80..84], (mesh.triangles.len() as u32).to_le_bytes());
    let mut back = Mesh::default();
    for (facet, triangle) in bytes[84..].chunks_exact(50).zip(&mesh.triangles) {
        let [normal, corners @ ..]: [[f32; 3]; 4] = bytemuck::pod_read_unaligned(&facet[..48]);
        let outward = mesh.normals[triangle[0] as usize];
        let cosine: f32 = (0..3).map(|axis| normal[axis] * outward[axis]).sum();
        assert!(cosine > 0.5, "{normal:?} of {triangle:?}");
        assert_eq!(facet[48..], [0, 0]);
        let first = back.positions_mm.len() as u32;
        back.positions_mm.extend(corners);
        back.triangles.push([first, first + 1, first + 2]);
    }
    assert!((volume_mm3(&back) - volume_mm3(&mesh)).abs() < 1.0);

    let mut flat = tetrahedron();
    flat.triangles = vec![[1, 1, 2]];
    let mut bytes = Vec::new();
    write_stl(&flat, &mut bytes).unwrap();
    assert_eq!(bytes[84..96], [0; 12]);
    let mut empty = Vec::new();
    write_stl(&Mesh::default(), &mut empty).unwrap();
    assert_eq!((empty.len(), &empty[80..]), (84, &[0; 4][..]));
}

#[test]
fn a_ply_holds_the_mesh_as_it_is() {
    let mesh = tetrahedron();
    let mut bytes = Vec::new();
    write_ply(&mesh, &mut bytes).unwrap();
    let body = bytes.len() - 4 * 24 - 4 * 13;
    expect![[r#"
        ply
        format binary_little_endian 1.0
        comment Vitrine surface, millimeters, patient LPS: +x left, +y posterior, +z superior
        element vertex 4
        property float x
        property float y
        property float z
        property float nx
        property float ny
        property float nz
        element face 4
        property list uchar int vertex_indices
        end_header
    "#]]
    .assert_eq(std::str::from_utf8(&bytes[..body]).unwrap());
    for (vertex, stored) in bytes[body..].chunks_exact(24).take(4).enumerate() {
        let [position, normal]: [[f32; 3]; 2] = bytemuck::pod_read_unaligned(stored);
        assert_eq!(position, mesh.positions_mm[vertex]);
        assert!(distance_mm(normal, mesh.normals[vertex]) < 1e-6);
    }
    for (face, triangle) in bytes[body + 96..].chunks_exact(13).zip(&mesh.triangles) {
        assert_eq!(face[0], 3);
        assert_eq!(bytemuck::pod_read_unaligned::<[u32; 3]>(&face[1..]), *triangle);
    }

    let bare = Mesh {
        normals: Vec::new(),
        ..mesh
    };
    let mut bytes = Vec::new();
    write_ply(&bare, &mut bytes).unwrap();
    assert!(!bytes.windows(2).any(|two| two == b"nx"));
    assert_eq!(
        bytes[bytes.len() - 52 - 48..][..48],
        *bytemuck::cast_slice::<_, u8>(&bare.positions_mm)
    );
    let mut empty = Vec::new();
    write_ply(&Mesh::default(), &mut empty).unwrap();
    assert!(empty.ends_with(b"element face 0\nproperty list uchar int vertex_indices\nend_header\n"));
}

/// A writer that fails once it has taken some bytes.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 && !bytes.is_empty() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let mesh = small_ball();
    let mut whole = Vec::new();
    write_plain_glb(&mesh, &Value::Null, &mut whole).unwrap();
    for room in [0, 5, 100, whole.len() - 1] {
        let error = write_plain_glb(&mesh, &Value::Null, &mut Full(room)).unwrap_err();
        assert!(matches!(error, ArtifactError::Write(_)), "{error}");
    }
    assert!(matches!(
        write_stl(&mesh, &mut Full(200)),
        Err(ArtifactError::Write(_))
    ));
    assert!(matches!(
        write_ply(&mesh, &mut Full(500)),
        Err(ArtifactError::Write(_))
    ));
}
