//! Proves that imports run from left to right (ARCHITECTURE.md, "The rooms").
//!
//! Each crate states its layer and the rooms that it may import in `[package.metadata.vitrine]`. An import must be
//! on that list, and the list may not point to the right. Libraries that one room owns are held by `deny.toml`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell;

struct Room {
    layer: i64,
    may_import: Vec<String>,
    imports: Vec<String>,
}

pub(crate) fn check() -> Result<()> {
    let text =
        shell::output(shell::cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let rooms = rooms(&metadata)?;
    let faults = faults(&rooms);
    if faults.is_empty() {
        println!(
            "layers: {} rooms, every import runs from left to right",
            rooms.len()
        );
        return Ok(());
    }
    bail!("imports against the layers:\n  {}", faults.join("\n  "))
}

fn rooms(metadata: &Value) -> Result<BTreeMap<String, Room>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let names: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut rooms = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().context("a package without a name")?;
        let stated = &package["metadata"]["vitrine"];
        let layer = stated["layer"]
            .as_i64()
            .with_context(|| format!("{name} states no layer"))?;
        let may_import = strings(&stated["may_import"]);
        let imports = package["dependencies"].as_array().into_iter().flatten();
        let imports = imports
            .filter(|d| d["kind"].as_str() != Some("dev"))
            .filter_map(|d| d["name"].as_str())
            .filter(|d| names.contains(d))
            .map(str::to_owned)
            .collect();
        rooms.insert(
            name.to_owned(),
            Room {
                layer,
                may_import,
                imports,
            },
        );
    }
    Ok(rooms)
}

fn faults(rooms: &BTreeMap<String, Room>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, room) in rooms {
        for import in &room.imports {
            if !room.may_import.contains(import) {
                faults.push(format!(
                    "{name} imports {import}, which its `may_import` does not list"
                ));
            }
        }
        for import in &room.may_import {
            match rooms.get(import) {
                None => faults.push(format!("{name} lists {import}, which does not exist")),
                Some(other) if other.layer > room.layer => {
                    faults.push(format!(
                        "{name} ({}) lists {import} ({}), to its right",
                        room.layer, other.layer
                    ));
                }
                Some(_) => {}
            }
        }
    }
    faults
}

fn strings(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(layer: i64, may_import: &[&str], imports: &[&str]) -> Room {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        Room {
            layer,
            may_import: own(may_import),
            imports: own(imports),
        }
    }

    #[test]
    fn an_import_to_the_right_is_a_fault() {
        let rooms = BTreeMap::from([
            ("left".to_owned(), room(0, &["right"], &["right"])),
            ("right".to_owned(), room(4, &["left"], &["left"])),
        ]);
        assert_eq!(faults(&rooms), ["left (0) lists right (4), to its right"]);
    }

    #[test]
    fn an_import_that_is_not_listed_is_a_fault() {
        let rooms = BTreeMap::from([
            ("left".to_owned(), room(0, &[], &[])),
            ("right".to_owned(), room(4, &[], &["left"])),
        ]);
        assert_eq!(
            faults(&rooms),
            ["right imports left, which its `may_import` does not list"]
        );
    }
}
