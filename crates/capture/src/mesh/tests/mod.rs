//! Odd and hostile files of all formats. What they must give is a mesh with its findings, or a clear error.

mod gltf;
mod ply;

use proptest::prelude::*;

use super::*;
use intake::Budget;

fn read_one(name: &str, bytes: &[u8]) -> Result<MeshFile, CaptureError> {
    read(&[NamedBytes { name, bytes }], 0)
}

fn read_with(main: (&str, &[u8]), others: &[(&str, &[u8])]) -> Result<MeshFile, CaptureError> {
    let files: Vec<NamedBytes> = std::iter::once(&main)
        .chain(others)
        .map(|&(name, bytes)| NamedBytes { name, bytes })
        .collect();
    read(&files, 0)
}

fn message(result: Result<MeshFile, CaptureError>) -> String {
    result.map(drop).unwrap_err().to_string()
}

const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 not really";

// STL

fn stl(header: &[u8], declared: u32, facets: usize) -> Vec<u8> {
    let mut bytes = header.to_vec();
    bytes.resize(80, b' ');
    bytes.extend(declared.to_le_bytes());
    for i in 0..facets {
        let x = i as f32;
        for v in [0.0, 0.0, 1.0, x, 0.0, 0.0, x + 1.0, 0.0, 0.5, x, 2.0, 3.0] {
            bytes.extend(v.to_le_bytes());
        }
        bytes.extend([0, 0]);
    }
    bytes
}

#[test]
fn stl_counts_are_taken_from_the_bytes() {
    for (declared, extra, read, findings) in [
        (5, 0, 5, vec![]),
        (9, 0, 5, vec![MeshFinding::TriangleCount { declared: 9, read: 5 }]),
        (
            9,
            30,
            5,
            vec![MeshFinding::TriangleCount { declared: 9, read: 5 }],
        ),
        (0, 0, 5, vec![MeshFinding::TriangleCount { declared: 0, read: 5 }]),
        (
            u32::MAX,
            0,
            5,
            vec![MeshFinding::TriangleCount {
                declared: u32::MAX.into(),
                read: 5,
            }],
        ),
        (5, 7, 5, vec![MeshFinding::Trailing { bytes: 7 }]),
        (4, 7, 4, vec![MeshFinding::Trailing { bytes: 57 }]),
    ] {
        // A header that begins as text does changes nothing.
        for header in [&b"made by hand"[..], b"solid but binary"] {
            let mut bytes = stl(header, declared, 5);
            bytes.extend(vec![1; extra]);
            let mesh = read_one("a.stl", &bytes).unwrap();
            assert_eq!(
                (mesh.triangles.len(), &mesh.findings),
                (read, &findings),
                "{declared} {extra}"
            );
            assert_eq!(mesh.format, Some(MeshFormat::StlBinary));
            assert_eq!(mesh.positions[mesh.triangles[2][1] as usize], [3.0, 0.0, 0.5]);
        }
    }
    let message = message(read_one("a.stl", &stl(b"", 3, 0)));
    assert_eq!(
        message,
        "STL: the file ends at byte 84, its first triangle is missing"
    );
    assert!(read_one("a.stl", &[0; 83]).is_err());
}

#[test]
fn stl_headers_may_declare_a_unit() {
    for (header, unit) in [
        (&b"x UNITS=mm COLOR="[..], Some(LengthUnit::Millimeter)),
        (b"UNITS= in", Some(LengthUnit::Inch)),
        (b"UNITS=parsec", None),
        (b"", None),
    ] {
        assert_eq!(read_one("a", &stl(header, 1, 1)).unwrap().unit, unit);
    }
}

#[test]
fn stl_text_is_read_in_any_layout() {
    let text = b"  SOLID one\nFACET normal 0 0 1 outer LOOP vertex 0 0 0\r\nvertex 1 0 0 vertex 0 1 0 endloop ENDFACET\n\
        facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 2 0 0\nvertex 2 2 0\nvertex 0 2 0\nendloop\nendfacet\n\
        facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 2 x nan\nendloop\nendfacet\nendsolid\nsolid two\nendsolid";
    let mesh = read_one("a.stl", text).unwrap();
    assert_eq!((mesh.triangles.len(), mesh.positions.len()), (3, 6));
    assert_eq!(
        mesh.findings,
        [
            MeshFinding::FacesIncomplete { faces: 1 },
            MeshFinding::NumbersUnread { numbers: 1 }
        ]
    );
    assert!(
        message(read_one("a.stl", b"solid a facet vertex 0 0 0 vertex 1"))
            .contains("a coordinate is missing")
    );
    assert!(
        message(read_one("a.stl", b"solid a facet vertex 0 0 0")).contains("the end of a facet is missing")
    );
    assert_eq!(
        read_one("a", b"solid a\nendsolid").unwrap().findings,
        [MeshFinding::Empty]
    );
}

// OBJ

#[test]
fn obj_corners_count_from_either_end() {
    let text = b"v 0 0 0\nv 1 0 0 \\\n\nv 1 1 0\nf -3 -2 -1\nv 5 5 5\nf 1/1/1 2//9 4\nf 1 2\nl 1 2\np 1\n";
    let mesh = read_one("a.obj", text).unwrap();
    assert_eq!(mesh.triangles, [[0, 1, 2], [0, 1, 3]]);
    assert_eq!(mesh.positions[3], [5.0; 3]);
    assert_eq!(
        mesh.findings,
        [
            MeshFinding::FacesIncomplete { faces: 1 },
            MeshFinding::NotTriangles { elements: 2 }
        ]
    );
    for face in [
        "0 1 2",
        "1 2 4",
        "-4 1 2",
        "1 2 99999999999999999999",
        "a b c",
        "1 2 -9223372036854775808",
    ] {
        let text = format!("v 0 0 0\nv 1 0 0\nv 1 1 0\nf {face}\n");
        assert!(
            message(read_one("a.obj", text.as_bytes())).contains("beyond the 3 points"),
            "{face}"
        );
    }
}

#[test]
fn obj_places_on_the_texture_split_vertices() {
    let text = b"mtllib my mat.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0.25\nvt nan 1\n\
        usemtl skin\nf 1/1 2/2 3/3\nf 1/2 3/3 4/77\n";
    let material = b"newmtl skin\nKd 1 1 1\nmap_Kd -s 1 1 1 Skin.JPG\n";
    let mesh = read_with(
        ("scan/a.obj", text),
        &[("scan/my mat.mtl", material), ("scan/skin.jpg", JPEG)],
    )
    .unwrap();
    assert_eq!((mesh.positions.len(), mesh.triangles.len()), (5, 2));
    let texture = mesh.texture.unwrap();
    assert_eq!(texture.uv[..3], [[0.0, 1.0], [1.0, 0.75], [0.0, 0.0]]);
    assert_eq!(texture.uv[3], [1.0, 0.75]);
    assert_eq!(mesh.positions[3], [0.0; 3]);
    assert_eq!(texture.image, JPEG);
    assert_eq!(
        mesh.files_used,
        ["scan/a.obj", "scan/my mat.mtl", "scan/skin.jpg"]
    );
    assert!(mesh.findings.is_empty());

    let missing = read_with(("scan/a.obj", text), &[("scan/my mat.mtl", material)]).unwrap();
    assert_eq!(
        missing.findings,
        [MeshFinding::FileMissing {
            name: "Skin.JPG".to_owned()
        }]
    );
    let missing = read_one("scan/a.obj", text).unwrap();
    assert_eq!(missing.findings.len(), 2);
    let odd = read_with(
        ("a.obj", text),
        &[("my mat.mtl", material), ("skin.jpg", b"BM bitmap")],
    )
    .unwrap();
    assert_eq!(
        odd.findings,
        [MeshFinding::TextureFormat {
            name: "Skin.JPG".to_owned()
        }]
    );
    assert!(odd.texture.is_none());
}

#[test]
fn obj_colors_come_as_fractions_or_bytes() {
    let mesh = read_one(
        "a.obj",
        b"v 0 0 0 1 0 0.5\nv 1 0 0 255 0 51\nv 0 1 0\nv 1 1 1 nan 0 1\nf 1 2 3\nf 2 3 4",
    )
    .unwrap();
    assert_eq!(
        mesh.colors,
        [
            [255, 0, 128, 255],
            [255, 0, 51, 255],
            [255; 4],
            [255, 0, 255, 255]
        ]
    );
    assert_eq!(mesh.findings, [MeshFinding::ColorsPartly { vertices: 1 }]);
}

#[test]
fn references_out_of_the_upload_are_refused_in_every_format() {
    let face = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
    for name in [
        "../secret.mtl",
        "file:///etc/passwd",
        "http://example.org/a.mtl",
        "..\\a.mtl",
        "a/../../b.mtl",
    ] {
        let others: [(&str, &[u8]); 2] = [
            ("secret.mtl", b""),
            ("m.mtl", &format!("newmtl a\nmap_Kd {name}").into_bytes()),
        ];
        let by_library = format!("mtllib {name}\n{face}f 1 2 3\n");
        let by_material = format!("mtllib m.mtl\n{face}usemtl a\nf 1 2 3\n");
        let ply = format!(
            "ply\nformat ascii 1.0\ncomment TextureFile {name}\nelement vertex 0\nproperty float x\nproperty float y\n\
             property float z\nend_header\n"
        );
        let uri = name.replace('\\', "\\\\");
        let buffer = format!(
            r#"{{"asset":{{"version":"2.0"}},"meshes":[{{"primitives":[{{"attributes":{{"POSITION":0}}}}]}}],"accessors":[{{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}}],"bufferViews":[{{"buffer":0,"byteLength":36}}],"buffers":[{{"uri":"{uri}","byteLength":36}}]}}"#
        );
        let image = format!(
            r#"{{"asset":{{"version":"2.0"}},"images":[{{"uri":"{uri}"}}],"textures":[{{"source":0}}],"materials":[{{"pbrMetallicRoughness":{{"baseColorTexture":{{"index":0}}}}}}],"meshes":[{{"primitives":[{{"attributes":{{}},"material":0}}]}}]}}"#
        );
        for (file, text) in [
            ("a.obj", by_library),
            ("a.obj", by_material),
            ("a.ply", ply),
            ("a.gltf", buffer),
            ("a.gltf", image),
        ] {
            let error = read_with((file, text.as_bytes()), &others).map(drop).unwrap_err();
            assert!(
                matches!(error, CaptureError::Reference { .. }),
                "{file} {name}: {error}"
            );
        }
    }
}

fn ply(encoding: &str, header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("ply\nformat {encoding} 1.0\n{header}end_header\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

const VERTEX: &str = "element vertex 3\nproperty float x\nproperty float y\nproperty float z\n";

/// A GLB of `json` and `binary`.
fn glb(json: &str, binary: &[u8]) -> Vec<u8> {
    let mut json = json.to_owned();
    while !json.len().is_multiple_of(4) {
        json.push(' ');
    }
    let mut bytes = b"glTF\x02\0\0\0".to_vec();
    bytes.extend((28 + json.len() as u32 + binary.len() as u32).to_le_bytes());
    bytes.extend((json.len() as u32).to_le_bytes());
    bytes.extend(b"JSON");
    bytes.extend(json.as_bytes());
    bytes.extend((binary.len() as u32).to_le_bytes());
    bytes.extend(b"BIN\0");
    bytes.extend(binary);
    bytes
}

fn floats(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// One triangle, 36 bytes of positions, then indexes `0 1 2` as bytes and a byte of padding. `{}` stands for more.
fn triangle_json(nodes: &str, more: &str) -> String {
    format!(
        r#"{{"asset":{{"version":"2.0"}},"nodes":{nodes},"meshes":[{{"primitives":[{{"attributes":{{"POSITION":0}},"indices":1}}]}}],
        "accessors":[{{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}},{{"bufferView":1,"componentType":5121,"count":3,"type":"SCALAR"}}],
        "bufferViews":[{{"buffer":0,"byteLength":36}},{{"buffer":0,"byteOffset":36,"byteLength":3}}],"buffers":[{{"byteLength":39}}]{more}}}"#
    )
}

fn triangle_bytes() -> Vec<u8> {
    let mut bytes = floats(&[0., 0., 0., 2., 0., 0., 0., 3., 1.]);
    bytes.extend([0, 1, 2, 0]);
    bytes
}

// OFF, XYZ, and what is none

#[test]
fn off_and_xyz_are_read() {
    let mesh = read_one(
        "a.off",
        b"COFF # c\n4 2 0\n0 0 0 1 0 0 1\n1 0 0\n1 1 0\n0 1 0\n\n4 0 1 2 3 0.5\n2 0 1\n",
    )
    .unwrap();
    assert_eq!((mesh.triangles.len(), mesh.positions.len()), (2, 4));
    assert_eq!(mesh.findings, [MeshFinding::FacesIncomplete { faces: 1 }]);
    for (text, expected) in [
        (&b"OFF\n3 1 0\n0 0 0\n1 0 0\n1 1 0\n3 0 1 3\n"[..], "beyond the 3"),
        (b"OFF\n3 1 0\n0 0 0\n1 0 0\n", "a vertex is missing"),
        (b"OFF\n3 1 0\n0 0\n", "is no vertex"),
        (b"OFF\n99999999999 1 0\n", "at most 100000000"),
        (b"OFF BINARY\n", "binary form"),
        (b"4OFF\n1 0 0\n", "three dimensions"),
    ] {
        assert!(message(read_one("a.off", text)).contains(expected), "{expected}");
    }
    let mesh = read_one("a.xyz", b"// x y z\n2\n1 2 3 255 0 0\n4,5,6\n").unwrap();
    assert_eq!(mesh.positions, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert!(message(read_one("a.xyz", b"1 2 3\n1 x 3\n")).contains("is no point"));
}

#[test]
fn formats_are_recognized_by_their_bytes() {
    for (bytes, format) in seeds().iter().zip([
        MeshFormat::StlBinary,
        MeshFormat::StlText,
        MeshFormat::Obj,
        MeshFormat::Ply,
        MeshFormat::Ply,
        MeshFormat::Glb,
        MeshFormat::Gltf,
        MeshFormat::Off,
    ]) {
        assert_eq!(recognize("no name", bytes), Some(format));
    }
    assert_eq!(recognize("a.xyz", b"1 2 3\n"), Some(MeshFormat::Xyz));
    for (name, bytes) in [
        ("notes.txt", &b"12 apples\n"[..]),
        ("a.json", b"{\"a\":1}"),
        ("a.png", b"\x89PNG"),
    ] {
        assert_eq!(recognize(name, bytes), None, "{name}");
    }
}

#[test]
fn what_is_no_mesh_is_named_so() {
    for bytes in [&b"hello"[..], b"\x7FELF\0\0\0", b"<html></html>", b"v"] {
        assert!(message(read_one("a.bin", bytes)).contains("this kind of file"));
    }
    assert!(message(read_one("a.drc", b"DRACO\x02\x02")).starts_with("Draco: "));
    assert!(message(read_one("a.stl", b"")).contains("everything is missing"));
    assert!(read(&[], 0).is_err());
    assert!(
        read_one("any.obj", b"\xFE\xFF\0v\0 \x001\0 \x002\0 \x003")
            .unwrap()
            .positions
            == [[1.0, 2.0, 3.0]]
    );
}

#[test]
fn triangles_are_accepted_up_to_the_budget() {
    let budget = |result: Result<MeshFile, CaptureError>| matches!(result, Err(CaptureError::Budget(error)) if error.budget == Budget::MeshTriangles);
    for (count, is_over) in [(49_999_999u64, false), (50_000_000, false), (50_000_001, true)] {
        // All promise more than they have; only what is over the budget is refused for that.
        let header = format!("{VERTEX}element face {count}\nproperty list uchar int vertex_indices\n");
        for encoding in ["ascii", "binary_little_endian"] {
            let result = read_one("a.ply", &ply(encoding, &header, &[b' '; 36]));
            assert_eq!(budget(result), is_over, "{encoding} {count}");
        }
        assert_eq!(
            budget(read_one("a.off", format!("OFF\n3 {count} 0\n0 0 0\n").as_bytes())),
            is_over
        );
        let json = triangle_json("[{\"mesh\":0}]", "").replace(
            "\"count\":3,\"type\":\"SCALAR\"",
            &format!("\"count\":{},\"type\":\"SCALAR\"", count * 3),
        );
        assert_eq!(budget(read_one("a.glb", &glb(&json, &triangle_bytes()))), is_over);
        assert_eq!(check_counts(0, count).is_err(), is_over);
    }
    for (count, is_over) in [(99_999_999, false), (100_000_000, false), (100_000_001, true)] {
        assert_eq!(check_counts(count, 0).is_err(), is_over);
        let header = VERTEX.replace('3', &count.to_string());
        assert_eq!(
            message(read_one("a.ply", &ply("ascii", &header, b""))).contains("at most"),
            is_over
        );
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let faces = format!("{VERTEX}element face 1\nproperty list uchar int vertex_indices\n");
    let mut body = floats(&[0., 0., 0., 1., 0., 0., 0., 1., 0.]);
    body.push(3);
    body.extend([0i32, 1, 2].iter().flat_map(|v| v.to_le_bytes()));
    vec![
        stl(b"", 4, 4),
        b"solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\nendsolid\n".to_vec(),
        b"mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 1\nusemtl a\nf 1/1 2/1 3/-1 4\n".to_vec(),
        ply("ascii", &faces, b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"),
        ply("binary_little_endian", &faces, &body),
        glb(&triangle_json("[{\"mesh\":0}]", ""), &triangle_bytes()),
        triangle_json("[{\"mesh\":0}]", "").into_bytes(),
        b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n".to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Damage anywhere gives an error or a mesh that keeps its promises, and never a crash.
    #[test]
    fn damaged_files_are_refused_or_read(
        seed in 0usize..8,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..6),
        extension in prop::sample::select(vec!["stl", "obj", "ply", "glb", "xyz", "bin"]),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, byte, how) in edits {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        if let Ok(mesh) = read_one(&format!("a.{extension}"), &bytes) {
            mesh.check().unwrap();
        }
    }
}
