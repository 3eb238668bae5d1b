//! Every module that the renderer can ask for is valid WGSL.

use naga::valid::{Capabilities, ValidationFlags, Validator};
use shaders::{Names, assemble, entries};

fn volume(k: usize, texel: &str, filtered: bool) -> Names {
    let names = Names::default()
        .with("K", k.to_string())
        .with("GROUP", (k + 1).to_string())
        .with("TEXEL", texel)
        .with("CELL", "4");
    let names = if k == 0 { names.with("FIRST", "") } else { names };
    if filtered {
        names.with("FILTERED", "")
    } else {
        names
    }
}

/// The names under which `entry` is assembled somewhere.
fn variants(entry: &str) -> Vec<Names> {
    let list = match entry {
        "cast.wgsl" => "VOLUMES",
        "slice.wgsl" => "LAYERS",
        "surface.wgsl" => {
            let plain = Names::default();
            let peel = plain.clone().with("PEEL", "");
            let cap = |names: &Names| names.clone().with("CAP", "");
            return vec![cap(&plain), cap(&peel), plain, peel];
        }
        _ => return vec![Names::default()],
    };
    let volumes = [
        vec![],
        vec![volume(0, "f32", true)],
        vec![volume(0, "f32", false)],
        vec![volume(0, "i32", false)],
        vec![volume(0, "f32", true).with("OCCLUDED", "")],
        vec![volume(0, "u32", false).with("BRICKS", "")],
        vec![
            volume(0, "f32", true).with("PROJECTED", ""),
            volume(1, "i32", false).with("PROJECTED", ""),
        ],
        vec![
            volume(0, "f32", true).with("BRICKS", ""),
            volume(1, "f32", false).with("BRICKS", ""),
        ],
        vec![
            volume(0, "u32", false),
            volume(1, "f32", true).with("OCCLUDED", ""),
            volume(2, "i32", false),
        ],
    ];
    volumes
        .into_iter()
        .flat_map(|volumes| {
            let others: &[&[&'static str]] = match entry {
                "cast.wgsl" => &[
                    &[],
                    &["SURFACES"],
                    &["SURFACES", "STATES"],
                    &["SURFACES", "STATES", "PEEL"],
                ],
                _ if volumes.is_empty() => &[&[]],
                _ => &[&[], &["VALUES"]],
            };
            let names = if volumes.len() == 1 {
                Names::default().with("SINGLE", "")
            } else {
                Names::default()
            };
            let names = names.with_list(list, volumes);
            let with = |more: &&[&'static str]| {
                more.iter()
                    .fold(names.clone(), |names, name| names.with(name, ""))
            };
            others.iter().map(with).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_module_is_valid() {
    for entry in entries() {
        for names in variants(entry) {
            let text = assemble(entry, &names).unwrap();
            let module = naga::front::wgsl::parse_str(&text)
                .unwrap_or_else(|error| panic!("{entry}:\n{}", error.emit_to_string(&text)));
            Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16_IN_FLOAT32)
                .validate(&module)
                .unwrap_or_else(|error| panic!("{entry}: {}", error.emit_to_string(&text)));
        }
    }
}
