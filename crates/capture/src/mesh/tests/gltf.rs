//! glTF: placement, buffers, compression, cycles and wild numbers.

use super::*;

#[test]
fn gltf_instances_are_placed_and_mirrors_turned() {
    let nodes = r#"[{"mesh":0,"translation":[10,0,0]},{"children":[2],"scale":[1,1,-2]},{"mesh":0}]"#;
    let mesh = read_one("a.glb", &glb(&triangle_json(nodes, ""), &triangle_bytes())).unwrap();
    assert_eq!(mesh.triangles, [[0, 1, 2], [4, 3, 5]]);
    assert_eq!(mesh.positions[1], [12.0, 0.0, 0.0]);
    assert_eq!(mesh.positions[5], [0.0, 3.0, -2.0]);
    assert_eq!((mesh.unit, mesh.axes), (Some(LengthUnit::Meter), Axes::YUp));
    let ours = r#"{"version":"2.0","extras":{"format":"vitrine surface","unit":"mm"}}"#;
    let json = triangle_json("[{\"mesh\":0}]", "").replace(r#"{"version":"2.0"}"#, ours);
    let mesh = read_one("a.glb", &glb(&json, &triangle_bytes())).unwrap();
    assert_eq!(
        (mesh.unit, mesh.axes),
        (Some(LengthUnit::Millimeter), Axes::Patient)
    );
}

#[test]
fn gltf_data_may_be_in_the_file_or_beside_it() {
    let json = triangle_json("[{\"mesh\":0}]", "");
    let beside = json.replace(r#""buffers":[{"#, r#""buffers":[{"uri":"a%20b.bin","#);
    let mesh = read_with(
        ("x/a.gltf", beside.as_bytes()),
        &[("x/a b.bin", &triangle_bytes())],
    )
    .unwrap();
    assert_eq!((mesh.triangles.len(), mesh.files_used.len()), (1, 2));
    let error = read_one("x/a.gltf", beside.as_bytes()).map(drop).unwrap_err();
    assert!(matches!(error, CaptureError::Reference { .. }), "{error}");
    let inside = json.replace(
        r#""buffers":[{"#,
        r#""buffers":[{"uri":"data:application/octet-stream;base64,AAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAQEAAAIA/AAEC","#,
    );
    let mesh = read_one("a.gltf", inside.as_bytes()).unwrap();
    assert_eq!(
        (mesh.positions[2], mesh.format),
        ([0.0, 3.0, 1.0], Some(MeshFormat::Gltf))
    );
}

#[test]
fn gltf_cycles_and_wild_numbers_are_refused() {
    let good = triangle_json("[{\"mesh\":0}]", "");
    for (from, to, expected) in [
        (
            "[{\"mesh\":0}]",
            "[{\"children\":[1]},{\"children\":[0]}],\"scenes\":[{\"nodes\":[0]}]",
            "above itself",
        ),
        (
            "[{\"mesh\":0}]",
            "[{\"children\":[0],\"mesh\":0}],\"scenes\":[{\"nodes\":[0]}]",
            "above itself",
        ),
        (
            "[{\"mesh\":0}]",
            "[{\"children\":[2]},{\"children\":[2]},{\"mesh\":0}]",
            "two parents",
        ),
        ("[{\"mesh\":0}]", "[{\"mesh\":7}]", "no mesh 7"),
        ("[{\"mesh\":0}]", "[{\"children\":[9]}]", "no node 9"),
        ("\"indices\":1", "\"indices\":5", "no accessor 5"),
        ("\"POSITION\":0", "\"POSITION\":1", "not of type VEC3"),
        ("\"POSITION\":0", "\"NORMAL\":0", "no positions"),
        (
            "\"count\":3,\"type\":\"VEC3\"",
            "\"count\":2,\"type\":\"VEC3\"",
            "index 2 is beyond the 2",
        ),
        (
            "\"count\":3,\"type\":\"VEC3\"",
            "\"count\":4,\"type\":\"VEC3\"",
            "declared length: 48 bytes",
        ),
        (
            "\"count\":3,\"type\":\"VEC3\"",
            "\"count\":18446744073709551615,\"type\":\"VEC3\"",
            "at most 100000000",
        ),
        (
            "\"count\":3,\"type\":\"VEC3\"",
            "\"count\":-3,\"type\":\"VEC3\"",
            "JSON",
        ),
        (
            "\"componentType\":5121",
            "\"componentType\":5126",
            "declared length",
        ),
        (
            "\"componentType\":5121",
            "\"componentType\":5120",
            "whole numbers",
        ),
        (
            "\"componentType\":5121",
            "\"componentType\":1",
            "component type 1",
        ),
        (
            "\"byteOffset\":36",
            "\"byteOffset\":18446744073709551615",
            "declared length",
        ),
        ("\"byteLength\":36", "\"byteLength\":3600", "declared length"),
        (
            "\"byteLength\":36",
            "\"byteStride\":4,\"byteLength\":36",
            "12 bytes lie 4 bytes apart",
        ),
        ("\"byteLength\":39", "\"byteLength\":390", "declared length"),
        (
            "\"bufferView\":0,\"componentType\":5126",
            "\"componentType\":5126",
            "has no data",
        ),
        ("\"version\":\"2.0\"", "\"version\":\"1.0\"", "version 1.0"),
        (
            "\"asset\"",
            "\"extensionsRequired\":[\"EXT_made_up\"],\"asset\"",
            "EXT_made_up",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let json = good.replacen(from, to, 1);
        let message = message(read_one("a.glb", &glb(&json, &triangle_bytes())));
        assert!(message.contains(expected), "{to}: {message}, not {expected}");
    }
    let chain: Vec<String> = (1..60_000).map(|i| format!("{{\"children\":[{i}]}}")).collect();
    let deep = format!("[{},{{\"mesh\":0}}]", chain.join(","));
    let mesh = read_one("a.glb", &glb(&triangle_json(&deep, ""), &triangle_bytes())).unwrap();
    assert_eq!(mesh.triangles.len(), 1);
    let many = vec!["{}"; 70_000].join(",");
    assert!(
        message(read_one(
            "a.glb",
            &glb(&triangle_json(&format!("[{many}]"), ""), &[])
        ))
        .contains("at most 65536")
    );
    let nested = "[".repeat(100_000);
    assert!(read_one("a.gltf", format!("{{\"asset\":{nested}").as_bytes()).is_err());
}

#[test]
fn gltf_strips_fans_colors_and_sparse_values_are_read() {
    let json = r#"{"asset":{"version":"2.0"},"meshes":[{"primitives":[
        {"attributes":{"POSITION":0,"COLOR_0":1},"mode":5},{"attributes":{"POSITION":0,"COLOR_0":1},"mode":6},
        {"attributes":{"POSITION":0},"mode":1},{"attributes":{"POSITION":2}}]}],
        "accessors":[{"bufferView":0,"componentType":5122,"normalized":true,"count":4,"type":"VEC3"},
            {"bufferView":1,"componentType":5121,"normalized":true,"count":4,"type":"VEC3"},
            {"componentType":5126,"count":3,"type":"VEC3","sparse":{"count":1,"indices":{"bufferView":2,"componentType":5123},"values":{"bufferView":3}}}],
        "bufferViews":[{"buffer":0,"byteLength":32,"byteStride":8},{"buffer":0,"byteOffset":32,"byteLength":16,"byteStride":4},
            {"buffer":0,"byteOffset":48,"byteLength":2},{"buffer":0,"byteOffset":52,"byteLength":12}],
        "buffers":[{"byteLength":64}]}"#;
    let mut bytes = Vec::new();
    for [x, y] in [[0, 0], [32767, 0], [0, 32767], [-32768, 16384i16]] {
        bytes.extend([x, y, 0, 0].iter().flat_map(|v: &i16| v.to_le_bytes()));
    }
    // Half of the light is step 188 of sRGB.
    bytes.extend([255, 0, 128, 9, 0, 0, 0, 9, 255, 255, 255, 9, 1, 2, 3, 9]);
    bytes.extend([2, 0, 0, 0]);
    bytes.extend(floats(&[7.0, 8.0, 9.0]));
    let mesh = read_one("a.glb", &glb(json, &bytes)).unwrap();
    assert_eq!(
        mesh.triangles,
        [[0, 1, 2], [2, 1, 3], [0, 1, 2], [0, 2, 3], [4, 5, 6]]
    );
    assert_eq!(mesh.positions[1], [1.0, 0.0, 0.0]);
    assert_eq!(mesh.positions[3], [-1.0, 16384.0 / 32767.0, 0.0]);
    assert_eq!(mesh.positions[6], [7.0, 8.0, 9.0]);
    assert_eq!(mesh.colors[0], [255, 0, 188, 255]);
    assert_eq!(
        mesh.findings,
        [
            MeshFinding::ColorsPartly { vertices: 3 },
            MeshFinding::NotTriangles { elements: 1 }
        ]
    );
}

#[test]
fn gltf_compressed_views_cannot_promise_too_much() {
    let json = |count: u64, stride: u64, mode: &str| {
        format!(
            r#"{{"asset":{{"version":"2.0"}},"meshes":[{{"primitives":[{{"attributes":{{"POSITION":0}}}}]}}],
            "accessors":[{{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}}],
            "bufferViews":[{{"buffer":1,"byteLength":36,"extensions":{{"EXT_meshopt_compression":{{"buffer":0,"byteLength":16,"byteStride":{stride},"count":{count},"mode":"{mode}"}}}}}}],
            "buffers":[{{"byteLength":16}},{{"byteLength":36}}]}}"#
        )
    };
    for (count, stride, mode, expected) in [
        (u64::MAX, 12, "ATTRIBUTES", "expanded data"),
        (1 << 40, 12, "ATTRIBUTES", "expanded data"),
        (3, 12, "ATTRIBUTES", "damaged"),
        (3, 0, "ATTRIBUTES", "0 bytes an element"),
        (3, 13, "ATTRIBUTES", "13 bytes an element"),
        (3, 4, "TRIANGLES", "damaged"),
        (4, 4, "TRIANGLES", "the mode TRIANGLES"),
        (3, 4, "WRONG", "the mode WRONG"),
    ] {
        let message = message(read_one("a.glb", &glb(&json(count, stride, mode), &[0; 16])));
        assert!(message.contains(expected), "{count} {stride} {mode}: {message}");
    }
}

#[test]
fn glb_containers_that_lie_are_refused() {
    let good = glb(&triangle_json("[{\"mesh\":0}]", ""), &triangle_bytes());
    for len in 0..good.len() {
        assert!(read_one("a.glb", &good[..len]).is_err(), "{len}");
    }
    let mut longer = good.clone();
    longer.extend([0; 9]);
    assert_eq!(
        read_one("a.glb", &longer).unwrap().findings,
        [MeshFinding::Trailing { bytes: 9 }]
    );
    let mut chunk = good;
    chunk[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(message(read_one("a.glb", &chunk)).contains("the rest of a chunk"));
}
