//! Round trips and exports of what is on a surface: colors, a texture, values.

use serde_json::{Value, json};
use surface::{ImageMedia, Model, Scalars, Texture};

use super::*;

/// A strip of unequal triangles with everything on it. `v` is the number of the vertex in x, so that order shows.
fn dressed() -> Model {
    let count = 11u32;
    let mesh = Mesh {
        positions_mm: (0..count)
            .map(|v| [v as f32, (v % 2) as f32 * 3.0, 0.5 * (v % 3) as f32])
            .collect(),
        normals: vec![[0.0, 0.6, 0.8]; count as usize],
        triangles: (0..count - 2)
            .rev()
            .map(|v| {
                if v % 2 == 0 {
                    [v, v + 1, v + 2]
                } else {
                    [v + 1, v, v + 2]
                }
            })
            .collect(),
    };
    Model {
        colors: (0..count as u8)
            .map(|v| [v * 23, 255 - v, 7 * v, 255 - 20 * v])
            .collect(),
        texture: Some(Texture {
            uv: (0..count)
                .map(|v| [v as f32 / 10.0, 1.0 - v as f32 / 20.0])
                .collect(),
            media: ImageMedia::Png,
            image: b"\x89PNG\r\n\x1A\nnot a picture, but 33 bytes".to_vec(),
        }),
        scalars: vec![
            Scalars {
                name: "distance".to_owned(),
                unit: "mm".to_owned(),
                values: (0..count).map(|v| v as f32 * -0.25 + 1e-9).collect(),
            },
            Scalars {
                name: "weight".to_owned(),
                unit: String::new(),
                values: (0..count).map(|v| (v * v) as f32).collect(),
            },
        ],
        mesh,
    }
}

/// Checks that all attributes of `back` are those of the vertex of `model` that its x tells.
fn check_dress(model: &Model, back: &Model) {
    assert_eq!(back.mesh.positions_mm.len(), model.mesh.positions_mm.len());
    for (new, position) in back.mesh.positions_mm.iter().enumerate() {
        let old = position[0].round() as usize;
        if !model.colors.is_empty() {
            assert_eq!(back.colors[new], model.colors[old]);
        }
        for (read, given) in back.scalars.iter().zip(&model.scalars) {
            assert_eq!((&read.name, &read.unit), (&given.name, &given.unit));
            assert_eq!(read.values[new], given.values[old]);
        }
        if let (Some(read), Some(given)) = (&back.texture, &model.texture) {
            for axis in 0..2 {
                assert!((read.uv[new][axis] - given.uv[old][axis]).abs() < 1.0 / 131_000.0);
            }
        }
    }
    assert_eq!(back.colors.len(), model.colors.len());
    assert_eq!(back.scalars.len(), model.scalars.len());
    let picture = |model: &Model| model.texture.clone().map(|t| (t.media, t.image));
    assert_eq!(picture(back), picture(model));
}

#[test]
fn everything_on_a_surface_comes_back() {
    let model = dressed();
    let provenance = json!({"file": "scan.obj"});
    let bytes = encode_model(&model, &provenance, 0.01).unwrap();
    let (back, described) = read_model(&bytes).unwrap();
    assert_eq!(described, provenance);
    check_dress(&model, &back);
    let (mesh, _) = read_surface(&bytes).unwrap();
    assert_eq!(mesh, back.mesh);
    assert_eq!(bytes, encode_model(&model, &provenance, 0.01).unwrap());
}

#[test]
fn each_part_comes_back_alone() {
    let parts: [fn(&mut Model); 5] = [
        |m| m.colors.clear(),
        |m| m.texture = None,
        |m| m.scalars.clear(),
        |m| m.mesh.normals.clear(),
        |m| m.texture.as_mut().unwrap().uv[3] = [-0.5, 7.25],
    ];
    for chosen in 0..1 << parts.len() {
        let mut model = dressed();
        for (i, drop) in parts.iter().enumerate().rev() {
            if chosen >> i & 1 == 1 {
                drop(&mut model);
            }
        }
        let bytes = encode_model(&model, &Value::Null, 0.01).unwrap();
        let (back, _) = read_model(&bytes).unwrap();
        check_dress(&model, &back);
        assert_eq!(back.mesh.normals.is_empty(), model.mesh.normals.is_empty());
    }
}

#[test]
fn a_bare_model_gives_the_bytes_of_its_mesh() {
    let mesh = dressed().mesh;
    assert_eq!(
        encode_model(&Model::from(mesh.clone()), &Value::Null, 0.1).unwrap(),
        encode_surface(&mesh, &Value::Null, 0.1).unwrap()
    );
}

#[test]
fn impossible_attributes_are_refused() {
    let poisons: [fn(&mut Model); 8] = [
        |m| m.colors.truncate(10),
        |m| m.texture.as_mut().unwrap().uv.truncate(10),
        |m| m.texture.as_mut().unwrap().uv[2][1] = f32::NAN,
        |m| m.scalars[0].values.push(0.0),
        |m| m.scalars[1].values[4] = f32::INFINITY,
        |m| m.scalars[1].name = "distance_mm".to_owned(),
        |m| m.scalars[1].name = "Ä".to_owned(),
        |m| m.scalars = vec![m.scalars[0].clone(); 9],
    ];
    for (i, poison) in poisons.iter().enumerate() {
        let mut model = dressed();
        poison(&mut model);
        assert!(encode_model(&model, &Value::Null, 0.1).is_err(), "{i}");
        assert!(
            write_model_glb(&model, &Value::Null, &mut Vec::new()).is_err(),
            "{i}"
        );
        assert!(write_model_ply(&model, &mut Vec::new()).is_err(), "{i}");
    }
}

#[test]
fn damage_gives_an_error_or_a_possible_model() {
    let bytes = encode_model(&dressed(), &Value::Null, 0.1).unwrap();
    for place in 0..bytes.len() {
        for flip in [0x01, 0x04, 0x80, 0xFF] {
            let mut bytes = bytes.clone();
            bytes[place] ^= flip;
            if let Ok((model, _)) = read_model(&bytes) {
                attributes::Parts::from(&model).check().unwrap();
            }
        }
        assert!(read_model(&bytes[..place]).is_err());
    }
}

#[test]
fn a_plain_glb_carries_what_is_on_the_surface() {
    let model = dressed();
    let mut bytes = Vec::new();
    write_model_glb(&model, &Value::Null, &mut bytes).unwrap();
    let (json, binary) = glb::read(&bytes).unwrap();
    let description: Value = serde_json::from_slice(json).unwrap();
    let attributes = &description["meshes"][0]["primitives"][0]["attributes"];
    let view = |name: &str| {
        let accessor = &description["accessors"][attributes[name].as_u64().unwrap() as usize];
        let view = &description["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize];
        let [start, len] = ["byteOffset", "byteLength"].map(|key| view[key].as_u64().unwrap() as usize);
        &binary[start..start + len]
    };
    let distances: &[f32] = bytemuck::cast_slice(view("_DISTANCE_MM"));
    assert_eq!(distances, model.scalars[0].values);
    let colors: &[[u16; 4]] = bytemuck::cast_slice(view("COLOR_0"));
    assert_eq!(attributes::from_linear(colors), model.colors);
    let texture = model.texture.unwrap();
    assert_eq!(view("TEXCOORD_0"), bytemuck::cast_slice::<_, u8>(&texture.uv));
    let picture =
        &description["bufferViews"][description["images"][0]["bufferView"].as_u64().unwrap() as usize];
    let start = picture["byteOffset"].as_u64().unwrap() as usize;
    assert_eq!(binary[start..start + texture.image.len()], texture.image);
    assert_eq!(binary.len(), start + texture.image.len().next_multiple_of(4));
    assert_eq!(description["images"][0]["mimeType"], "image/png");
    assert_eq!(
        description["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]["index"],
        0
    );
}

#[test]
fn a_ply_carries_colors_and_values() {
    let model = dressed();
    let mut bytes = Vec::new();
    write_model_ply(&model, &mut bytes).unwrap();
    let end = bytes.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = std::str::from_utf8(&bytes[..end]).unwrap();
    let properties =
        "property uchar alpha\nproperty float distance_mm\nproperty float weight\nelement face 9\n";
    assert!(header.contains(properties), "{header}");
    let stride = 24 + 4 + 8;
    for (vertex, stored) in bytes[end..].chunks_exact(stride).take(11).enumerate() {
        assert_eq!(stored[24..28], model.colors[vertex]);
        let values: [f32; 2] = bytemuck::pod_read_unaligned(&stored[28..]);
        assert_eq!(values, [0, 1].map(|list| model.scalars[list].values[vertex]));
    }
    assert_eq!(bytes.len(), end + 11 * stride + 9 * 13);
}
