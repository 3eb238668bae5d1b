//! Mesh files through the real program: read, repaired, told, exported, or refused with a reason; and nothing outside
//! the upload is ever touched.

use std::path::{Path, PathBuf};

use crate::photos::png;
use crate::support::{Store, codes, data, items, of_kind, run};
use serde_json::Value;

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A box of 60 x 40 x 20, as binary STL: 12 triangles, 36 corners.
fn box_stl() -> Vec<u8> {
    let corner = |n: u8| {
        [
            f32::from(n & 1) * 60.0,
            f32::from(n >> 1 & 1) * 40.0,
            f32::from(n >> 2) * 20.0,
        ]
    };
    let faces: [[u8; 4]; 6] = [
        [0, 2, 3, 1],
        [4, 5, 7, 6],
        [0, 1, 5, 4],
        [2, 6, 7, 3],
        [0, 4, 6, 2],
        [1, 3, 7, 5],
    ];
    let mut out = vec![b' '; 80];
    out.extend(12u32.to_le_bytes());
    for [a, b, c, d] in faces {
        for triangle in [[a, b, c], [a, c, d]] {
            out.extend([0; 12]);
            for n in triangle {
                out.extend(corner(n).iter().flat_map(|v| v.to_le_bytes()));
            }
            out.extend([0; 2]);
        }
    }
    out
}

const PLY: &str = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n\
                   property uchar red\nproperty uchar green\nproperty uchar blue\nelement face 4\n\
                   property list uchar int vertex_indices\nend_header\n\
                   0 0 0 255 0 0\n70 0 0 0 255 0\n0 80 0 0 0 255\n0 0 90 9 8 7\n\
                   3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 2\n";

fn only(report: &Value) -> &Value {
    let [item] = items(report) else {
        panic!("one item: {report}")
    };
    item
}

fn reason(report: &Value, name: &str) -> String {
    let failed = report["failed"].as_array().unwrap();
    let found = failed
        .iter()
        .find(|f| f["file"].as_str().unwrap().ends_with(name));
    let found = found.unwrap_or_else(|| panic!("{name} is not named in {report}"));
    found["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_mesh_becomes_a_surface_in_millimeters() {
    let store = Store::new();
    let input = store.input("lab");
    let file = write(&input, "Mr Smith jaw.stl", &box_stl());
    let report = store.ingest(&[&file]);
    assert_eq!(report["failed"], serde_json::json!([]));
    let item = only(&report);
    assert_eq!(item["kind"], "mesh");
    assert!(!item["name"].as_str().unwrap().contains("Smith"));
    let details = &item["details"];
    for (field, expected) in [
        ("unit", serde_json::json!("mm")),
        ("unit_source", "inferred".into()),
        ("vertices", 8.into()),
        ("triangles", 12.into()),
        ("components", 1.into()),
        ("holes", 0.into()),
        ("watertight", true.into()),
        ("longest_mm", 60.0.into()),
    ] {
        assert_eq!(details[field], expected, "{field} in {details}");
    }
    assert!(
        details["accuracy"]["note"]
            .as_str()
            .unwrap()
            .contains("not known")
    );
    assert!(codes(item).contains(&"unit_inferred"), "{item}");
    let surface = &item["artifacts"][0];
    assert_eq!(
        (&surface["kind"], &surface["name"]),
        (&"surface".into(), &"surface".into())
    );
    assert!(
        (surface["details"]["volume_mm3"].as_f64().unwrap() - 48_000.0).abs() < 1.0,
        "{surface}"
    );
    assert_eq!(item["artifacts"][1]["kind"], "thumbnail");
    assert!(!store.inspect().to_string().contains("Smith"));

    // The unit may be said; that is another item, of the same original.
    let report = store.ingest_with(&[&file], &["--unit", "in"]);
    let item = only(&report);
    assert_eq!(
        (&item["state"], &item["details"]["unit_source"]),
        (&"added".into(), &"given".into())
    );
    assert!((item["details"]["longest_mm"].as_f64().unwrap() - 1524.0).abs() < 1e-6);
    let again = store.ingest_with(&[&file], &["--unit", "in"]);
    assert_eq!(
        (&only(&again)["id"], &only(&again)["state"]),
        (&item["id"], &"already_there".into())
    );
    assert_eq!(items(&store.inspect()).len(), 2);
}

#[test]
fn colors_are_kept_drawn_and_exported() {
    let store = Store::new();
    let input = store.input("scan");
    let report = store.ingest(&[&write(&input, "scan.ply", PLY.as_bytes())]);
    let item = only(&report);
    assert_eq!(item["details"]["has_colors"], true);
    let id = item["id"].as_str().unwrap();
    let out = |name: &str| store.folder.path().join(name);
    for name in ["s.ply", "s.glb", "s.stl"] {
        run(store
            .command(&["export", id, "--surface", "surface"])
            .arg("--out")
            .arg(out(name)));
    }
    let ply = String::from_utf8_lossy(&std::fs::read(out("s.ply")).unwrap()).into_owned();
    assert!(ply.contains("property uchar red"), "{ply}");
    let glb = std::fs::read(out("s.glb")).unwrap();
    assert!(String::from_utf8_lossy(&glb).contains("COLOR_0"));
    run(store
        .command(&["render", id, "--size", "90x70"])
        .arg("--png")
        .arg(out("s.png")));
    let mut reader = png::Decoder::new(std::io::Cursor::new(std::fs::read(out("s.png")).unwrap()))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let colorful = pixels
        .as_chunks::<4>()
        .0
        .iter()
        .filter(|p| p[0].abs_diff(p[1]) > 60 || p[1].abs_diff(p[2]) > 60);
    assert!(colorful.count() > 100, "the colors of vertices are not drawn");
}

/// An OBJ file with its library and texture, in folders, and a photograph that nothing names.
fn textured(folder: &Path) {
    write(folder, "model/head.obj", b"mtllib parts/head.mtl\nv 0 0 0\nv 100 0 0\nv 0 120 0\nv 0 0 90\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl skin\nf 1/1 3/2 2/3\nf 1/1 2/2 4/3\nf 2/1 3/2 4/3\nf 1/1 4/2 3/3\n");
    write(
        folder,
        "model/parts/head.mtl",
        b"newmtl skin\nKd 1 1 1\nmap_Kd skin.png\n",
    );
    let exif = [b"II*\0\x08\0\0\0\0\0\0\0\0\0", &b"CANARY-texture"[..]].concat();
    write(
        folder,
        "model/skin.png",
        &png(4, 4, &[200; 48], &[(b"eXIf", &exif)]),
    );
    write(folder, "model/me.png", &png(5, 3, &[90; 45], &[]));
}

#[test]
fn companions_belong_to_their_mesh() {
    let store = Store::new();
    let input = store.input("model");
    textured(&input);
    let report = store.ingest(&[&input]);
    assert_eq!(report["failed"], serde_json::json!([]));
    let mesh = of_kind(&report, "mesh");
    let [mesh] = mesh.as_slice() else {
        panic!("one mesh: {report}")
    };
    assert_eq!(
        (&mesh["originals"], &mesh["details"]["has_texture"]),
        (&3.into(), &true.into())
    );
    assert_eq!(mesh["files"].as_array().unwrap().len(), 3, "{mesh}");
    let photos = of_kind(&report, "photo");
    assert_eq!(
        photos.len(),
        1,
        "the texture is no photograph, the other picture is: {report}"
    );
    assert_eq!(photos[0]["dims"], serde_json::json!([5, 3, 1]));
    let id = mesh["id"].as_str().unwrap();
    let out = store.folder.path().join("t.glb");
    run(store
        .command(&["export", id, "--surface", "surface"])
        .arg("--out")
        .arg(&out));
    let glb = std::fs::read(&out).unwrap();
    assert!(glb.windows(8).any(|w| w == b"\x89PNG\r\n\x1a\n") && !glb.windows(6).any(|w| w == b"CANARY"));

    // The same files in an archive are the same item.
    let files = ["head.obj", "parts/head.mtl", "skin.png"]
        .map(|name| (name, std::fs::read(input.join("model").join(name)).unwrap()));
    let entries: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()))
        .collect();
    let archive = write(&input, "upload.zip", &testkit::archive::zip(&entries));
    let report = store.ingest(&[&archive]);
    assert_eq!(
        (&only(&report)["id"], &only(&report)["state"]),
        (&mesh["id"], &"already_there".into())
    );
}

#[test]
fn no_reference_leaves_the_upload() {
    let store = Store::new();
    let secret = write(&store.input("elsewhere"), "secret.png", &png(2, 2, &[1; 12], &[]));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/t.png", listener.local_addr().unwrap());
    let input = store.input("upload");
    let obj = |library: &str| {
        format!("mtllib {library}\nv 0 0 0\nv 9 0 0\nv 0 9 0\nvt 0 0\nusemtl m\nf 1/1 2/1 3/1\n")
    };
    write(&input, "a/traversal.obj", obj("../../elsewhere/x.mtl").as_bytes());
    write(&input, "b/address.obj", obj("b.mtl").as_bytes());
    write(
        &input,
        "b/b.mtl",
        format!("newmtl m\nmap_Kd {address}\n").as_bytes(),
    );
    write(&input, "c/file.obj", obj("c.mtl").as_bytes());
    write(
        &input,
        "c/c.mtl",
        format!("newmtl m\nmap_Kd file://{}\n", secret.display()).as_bytes(),
    );
    for (name, uri) in [
        ("d.gltf", "file:///etc/passwd"),
        ("e.gltf", "http://127.0.0.1:9/b.bin"),
        ("f.gltf", "../elsewhere/b.bin"),
    ] {
        let json = format!(
            "{{\"asset\":{{\"version\":\"2.0\"}},\"buffers\":[{{\"byteLength\":36,\"uri\":\"{uri}\"}}],\"bufferViews\":[{{\"buffer\":0,\"byteLength\":36}}],\"accessors\":[{{\"bufferView\":0,\"componentType\":5126,\"count\":3,\"type\":\"VEC3\"}}],\"meshes\":[{{\"primitives\":[{{\"attributes\":{{\"POSITION\":0}}}}]}}],\"nodes\":[{{\"mesh\":0}}],\"scenes\":[{{\"nodes\":[0]}}]}}"
        );
        write(&input, name, json.as_bytes());
    }
    let report = store.ingest(&[&input]);
    assert_eq!(items(&report).len(), 0, "{report}");
    for name in [
        "traversal.obj",
        "address.obj",
        "file.obj",
        "d.gltf",
        "e.gltf",
        "f.gltf",
    ] {
        let reason = reason(&report, name);
        assert!(
            reason.contains("refers to") && reason.contains("only files of the upload"),
            "{name}: {reason}"
        );
    }
    assert!(listener.accept().is_err(), "something was fetched");
    // A name that is in no upload is told, and nothing is looked for elsewhere.
    let missing = write(&store.input("alone"), "missing.obj", obj("gone.mtl").as_bytes());
    let report = store.ingest(&[&missing]);
    assert!(codes(only(&report)).contains(&"file_missing"), "{report}");
}

#[test]
fn hostile_meshes_are_named_and_the_rest_goes_on() {
    let store = Store::new();
    let input = store.input("hostile");
    write(&input, "good.stl", &box_stl());
    let mut lying = box_stl();
    lying[80..84].copy_from_slice(&u32::MAX.to_le_bytes());
    write(&input, "count.stl", &lying);
    write(&input, "cut.ply", &PLY.as_bytes()[..PLY.len() - 40]);
    write(
        &input,
        "index.ply",
        PLY.replace("3 0 3 2", "3 0 3 9999999").as_bytes(),
    );
    write(
        &input,
        "huge.ply",
        PLY.replace("element vertex 4", "element vertex 4000000000")
            .as_bytes(),
    );
    write(&input, "nan.ply", PLY.replace("70 0 0", "nan inf 0").as_bytes());
    write(&input, "cycle.gltf", b"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"children\":[1]},{\"children\":[0]}],\"scenes\":[{\"nodes\":[0]}]}");
    write(&input, "empty.obj", b"# nothing\n");
    write(&input, "nothing.stl", b"");
    let report = store.ingest(&[&input]);
    for name in [
        "cut.ply",
        "index.ply",
        "huge.ply",
        "cycle.gltf",
        "empty.obj",
        "nothing.stl",
    ] {
        assert!(
            reason(&report, name).len() > 10,
            "{name}: {}",
            reason(&report, name)
        );
    }
    let item = |name: &str| {
        let found = items(&report)
            .iter()
            .find(|item| item["files"][0].as_str().unwrap().ends_with(name));
        found.unwrap_or_else(|| panic!("{name} is no item: {report}"))
    };
    assert!(
        codes(item("nan.ply")).contains(&"undefined"),
        "{}",
        item("nan.ply")
    );
    assert!(
        codes(item("count.stl")).contains(&"triangle_count"),
        "{}",
        item("count.stl")
    );
    assert_eq!(item("good.stl")["details"]["triangles"], 12);
}

#[test]
fn every_mesh_of_the_test_data_ends_in_an_item_or_a_reason() {
    let Some(set) = data("mesh-a") else { return };
    let store = Store::new();
    let report = store.ingest(&[&set]);
    for failure in report["failed"].as_array().unwrap() {
        let reason = failure["reason"].as_str().unwrap();
        assert!(
            reason.len() > 10 && !reason.contains("no check foresaw"),
            "{failure}"
        );
    }
    let by_name = |name: &str| {
        let found = items(&report)
            .iter()
            .find(|item| item["files"][0].as_str().is_some_and(|f| f.ends_with(name)));
        found.unwrap_or_else(|| panic!("{name} is no item"))
    };
    for (name, vertices, triangles) in [
        ("real/bones/leg-left.femur.stl", 1776, 3548),
        ("trimesh/featuretype.STL", 1722, 3476),
        ("trimesh/20mm-xyz-cube.stl", 132, 260),
        ("derived/skull_meshopt.glb", 5154, 10_312),
    ] {
        let details = &by_name(name)["details"];
        assert_eq!(
            (&details["vertices"], &details["triangles"]),
            (&vertices.into(), &triangles.into()),
            "{name}"
        );
    }
    println!(
        "mesh-a: {} items, {} refused",
        items(&report).len(),
        report["failed"].as_array().unwrap().len()
    );
}
