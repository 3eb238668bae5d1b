//! What a surface carries beside positions and normals, and how it is numbered: colors, places on a texture, values.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use surface::{Mesh, Model, Scalars, Texture};

use super::document::Uv;
use crate::ArtifactError;

/// Lists of values that a surface may carry.
pub const MAX_SCALARS: usize = 8;

/// Letters of the name or the unit of values.
const MAX_NAME_BYTES: usize = 32;

/// Attributes of a primitive: names and accessors, in the order of the accessors.
#[derive(Debug, PartialEq)]
pub(super) struct Attributes(pub(super) Vec<(String, u32)>);

impl Attributes {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, accessor)| (name, accessor)))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Attributes;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("the attributes of a primitive")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut pairs: Vec<(String, u32)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                // A JSON object has no order of its own.
                pairs.sort_by_key(|(_, accessor)| *accessor);
                Ok(Attributes(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// What values are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScalarEntry {
    pub(super) name: String,
    pub(super) unit: String,
}

impl ScalarEntry {
    /// The name of the attribute: `_DISTANCE_MM`. glTF 2.0 section 3.7.2.1 reserves names without the first line.
    pub(super) fn attribute(&self) -> String {
        let mut name = format!("_{}", self.name);
        if !self.unit.is_empty() {
            name.push('_');
            name.push_str(&self.unit);
        }
        name.make_ascii_uppercase();
        name
    }

    fn is_possible(&self) -> bool {
        let is_word = |word: &str| {
            word.len() <= MAX_NAME_BYTES
                && word.starts_with(|c: char| c.is_ascii_lowercase())
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        is_word(&self.name) && (self.unit.is_empty() || is_word(&self.unit))
    }
}

/// What is written, borrowed from a [`Mesh`] or a [`Model`].
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) mesh: &'a Mesh,
    /// sRGB; empty, or one a vertex.
    pub(super) colors: &'a [[u8; 4]],
    pub(super) texture: Option<&'a Texture>,
    pub(super) scalars: &'a [Scalars],
}

impl<'a> From<&'a Mesh> for Parts<'a> {
    fn from(mesh: &'a Mesh) -> Self {
        Self {
            mesh,
            colors: &[],
            texture: None,
            scalars: &[],
        }
    }
}

impl<'a> From<&'a Model> for Parts<'a> {
    fn from(model: &'a Model) -> Self {
        Self {
            mesh: &model.mesh,
            colors: &model.colors,
            texture: model.texture.as_ref(),
            scalars: &model.scalars,
        }
    }
}

impl Parts<'_> {
    pub(super) fn entries(&self) -> Vec<ScalarEntry> {
        let entry = |scalars: &Scalars| ScalarEntry {
            name: scalars.name.clone(),
            unit: scalars.unit.clone(),
        };
        self.scalars.iter().map(entry).collect()
    }

    /// Checks what all writers rely on, beside what [`check`](super::check) does: one entry a vertex, finite numbers,
    /// usable names.
    pub(super) fn check(&self) -> Result<(), ArtifactError> {
        super::check(self.mesh)?;
        let vertices = self.mesh.positions_mm.len();
        let one_per_vertex = |what, count: usize| {
            if count == vertices {
                return Ok(());
            }
            Err(ArtifactError::Inconsistent {
                what,
                expected: vertices as u64,
                actual: count as u64,
            })
        };
        if !self.colors.is_empty() {
            one_per_vertex("the number of colors", self.colors.len())?;
        }
        if let Some(texture) = self.texture {
            one_per_vertex("the number of places on the texture", texture.uv.len())?;
            finite(
                texture.uv.as_flattened(),
                "a place on the texture of the surface is not finite",
            )?;
        }
        for scalars in self.scalars {
            one_per_vertex("the number of values", scalars.values.len())?;
            finite(&scalars.values, "a value on the surface is not finite")?;
        }
        check_entries(&self.entries())
    }
}

/// Checks the names of values: usable, different, not too many.
pub(super) fn check_entries(entries: &[ScalarEntry]) -> Result<(), ArtifactError> {
    if entries.len() > MAX_SCALARS {
        return Err(ArtifactError::Inconsistent {
            what: "the number of lists of values",
            expected: MAX_SCALARS as u64,
            actual: entries.len() as u64,
        });
    }
    let mut names: Vec<String> = entries.iter().map(ScalarEntry::attribute).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < entries.len() || !entries.iter().all(ScalarEntry::is_possible) {
        return Err(ArtifactError::Damaged {
            what: "the values on the surface need different names of lower-case letters",
        });
    }
    Ok(())
}

fn finite(numbers: &[f32], what: &'static str) -> Result<(), ArtifactError> {
    if numbers.iter().all(|number| number.is_finite()) {
        Ok(())
    } else {
        Err(ArtifactError::Damaged { what })
    }
}

/// `[red, green, blue, alpha]` as glTF wants colors of vertices (2.0 section 3.9.2: linear), normalized to 16 bits, which
/// are enough to tell all of sRGB's 256 steps apart.
pub(super) fn to_linear(colors: &[[u8; 4]]) -> Vec<[u16; 4]> {
    let table: Vec<u16> = (0..=255u8)
        .map(|step| {
            let v = f64::from(step) / 255.0;
            let linear = if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            };
            (linear * 65535.0).round() as u16
        })
        .collect();
    let step = |v: u8| table.get(usize::from(v)).copied().unwrap_or_default();
    colors
        .iter()
        .map(|&[r, g, b, a]| [step(r), step(g), step(b), u16::from(a) * 257])
        .collect()
}

/// The inverse of [`to_linear`].
pub(super) fn from_linear(stored: &[[u16; 4]]) -> Vec<[u8; 4]> {
    let table: Vec<u8> = (0..=65535u16)
        .map(|linear| {
            let v = f64::from(linear) / 65535.0;
            let step = if v <= 0.003_130_8 {
                v * 12.92
            } else {
                1.055 * v.powf(1.0 / 2.4) - 0.055
            };
            (step * 255.0).round() as u8
        })
        .collect();
    let step = |v: u16| table.get(usize::from(v)).copied().unwrap_or_default();
    stored
        .iter()
        .map(|&[r, g, b, a]| [step(r), step(g), step(b), (a / 257) as u8])
        .collect()
}

/// How `uv` is stored: as steps where every place is on the picture.
pub(super) fn uv_storage(uv: &[[f32; 2]]) -> Uv {
    if uv.as_flattened().iter().all(|v| (0.0..=1.0).contains(v)) {
        Uv::Steps
    } else {
        Uv::Floats
    }
}

/// Places on the picture, normalized to 16 bits: a tenth of a pixel of 8192.
pub(super) fn to_steps(uv: &[[f32; 2]]) -> Vec<[u16; 2]> {
    uv.iter()
        .map(|place| place.map(|v| (v * 65535.0).round() as u16))
        .collect()
}

/// The inverse of [`to_steps`].
pub(super) fn from_steps(stored: &[[u16; 2]]) -> Vec<[f32; 2]> {
    stored
        .iter()
        .map(|place| place.map(|v| f32::from(v) / 65535.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_color_comes_back() {
        let colors: Vec<[u8; 4]> = (0..=255).map(|v| [v, 255 - v, v / 2, v]).collect();
        let stored = to_linear(&colors);
        assert_eq!(stored[255], [65535, 0, stored[127][0], 65535]);
        // Half of the light is step 188.
        assert!((to_linear(&[[188; 4]])[0][0] as i32 - 32768).abs() < 500);
        assert_eq!(from_linear(&stored), colors);
    }

    #[test]
    fn names_of_values_are_checked() {
        let entry = |name: &str, unit: &str| ScalarEntry {
            name: name.to_owned(),
            unit: unit.to_owned(),
        };
        assert_eq!(entry("distance", "mm").attribute(), "_DISTANCE_MM");
        assert_eq!(entry("weight", "").attribute(), "_WEIGHT");
        check_entries(&[entry("distance", "mm"), entry("weight", "")]).unwrap();
        for bad in [
            vec![entry("", "mm")],
            vec![entry("Distance", "")],
            vec![entry("a b", "")],
            vec![entry("a", "\"")],
            vec![entry("a_mm", ""), entry("a", "mm")],
            vec![entry(&"a".repeat(33), "")],
            (0..9).map(|i| entry(&format!("a{i}"), "")).collect(),
        ] {
            assert!(check_entries(&bad).is_err(), "{bad:?}");
        }
    }
}
