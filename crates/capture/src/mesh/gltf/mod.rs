//! glTF 2.0 (Khronos Group, version 2.0.1), as JSON with buffers beside it or as one binary.
//!
//! Meters, y upward (section 3.4), but for files that this platform has exported, which say so in `asset.extras`. All
//! instances of the default scene are brought into its frame. Colors of vertices are linear (section 3.9.2) and come out
//! as sRGB.

mod accessor;
mod buffers;
mod json;
mod scene;
mod texture;
mod transform;

use geometry::LengthUnit;

use super::reference::Upload;
use super::text::short;
use super::{Axes, MeshFile, MeshFinding, MeshFormat};
use crate::CaptureError;
use buffers::Buffers;
use json::Root;

const FORMAT: &str = "glTF";

/// Extensions that may be required: those that are read, and, by their beginning, those that only change looks.
const KNOWN: [&str; 7] = [
    "KHR_draco_mesh_compression",
    "KHR_mesh_quantization",
    "EXT_meshopt_compression",
    "KHR_meshopt_compression",
    "KHR_texture_transform",
    "KHR_lights_punctual",
    "EXT_texture_webp",
];

/// Whether it is JSON that soon names `asset`, which all glTF files have.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    let start = bytes.get(..1 << 16).unwrap_or(bytes);
    start.trim_ascii_start().starts_with(b"{") && start.windows(7).any(|word| word == b"\"asset\"")
}

/// Reads a binary: section 4.4.
pub(super) fn read_glb(bytes: &[u8], upload: &Upload<'_>) -> Result<MeshFile, CaptureError> {
    let word = |at: usize| -> Result<u32, CaptureError> {
        let word = bytes.get(at..).and_then(<[u8]>::first_chunk);
        word.map(|word| u32::from_le_bytes(*word))
            .ok_or_else(|| truncated("a header", bytes.len()))
    };
    let version = word(4)?;
    if version != 2 {
        return Err(CaptureError::Unsupported {
            format: FORMAT,
            what: format!("version {version}"),
        });
    }
    let total = word(8)? as usize;
    if total > bytes.len() {
        return Err(truncated(&format!("the rest of {total} bytes"), bytes.len()));
    }
    let (mut json, mut binary, mut at) = (None, None, 12usize);
    while at + 8 <= total {
        let (len, kind) = (word(at)? as usize, word(at + 4)?);
        let content = bytes
            .get(at + 8..)
            .and_then(|rest| rest.get(..len))
            .ok_or_else(|| truncated("the rest of a chunk", bytes.len()))?;
        match &kind.to_le_bytes() {
            b"JSON" if json.is_none() => json = Some(content),
            b"BIN\0" if binary.is_none() => binary = Some(content),
            _ => {}
        }
        at = at.saturating_add(8).saturating_add(len);
    }
    let json = json.ok_or_else(|| malformed("there is no chunk of JSON".to_owned()))?;
    let mut mesh = read_root(json, binary, upload)?;
    mesh.format = Some(MeshFormat::Glb);
    if bytes.len() > total {
        mesh.findings.push(MeshFinding::Trailing {
            bytes: (bytes.len() - total) as u64,
        });
    }
    Ok(mesh)
}

/// Reads a file of JSON.
pub(super) fn read_json(bytes: &[u8], upload: &Upload<'_>) -> Result<MeshFile, CaptureError> {
    let mut mesh = read_root(bytes, None, upload)?;
    mesh.format = Some(MeshFormat::Gltf);
    Ok(mesh)
}

fn read_root(json: &[u8], binary: Option<&[u8]>, upload: &Upload<'_>) -> Result<MeshFile, CaptureError> {
    let root: Root = serde_json::from_slice(json)
        .map_err(|error| malformed(format!("its JSON cannot be read: {error}")))?;
    if !root.asset.version.starts_with("2.") {
        return Err(CaptureError::Unsupported {
            format: FORMAT,
            what: format!("version {}", short(root.asset.version.as_bytes())),
        });
    }
    for extension in &root.extensions_required {
        if !KNOWN.contains(&extension.as_str()) && !extension.starts_with("KHR_materials_") {
            return Err(CaptureError::Unsupported {
                format: FORMAT,
                what: format!("the extension {}", short(extension.as_bytes())),
            });
        }
    }
    let mut buffers = Buffers::new(&root, upload, binary);
    let mut mesh = scene::assemble(&root, &mut buffers, upload)?;
    mesh.files_used.splice(0..0, buffers.files_used);
    (mesh.unit, mesh.axes) = (Some(LengthUnit::Meter), Axes::YUp);
    let extras = &root.asset.extras;
    let says = |key: &str, value: &str| extras.get(key).and_then(|v| v.as_str()) == Some(value);
    if says("format", "vitrine surface") && says("unit", "mm") {
        (mesh.unit, mesh.axes) = (Some(LengthUnit::Millimeter), Axes::Patient);
    }
    Ok(mesh)
}

fn malformed(what: String) -> CaptureError {
    CaptureError::Malformed { format: FORMAT, what }
}

fn truncated(what: &str, offset: usize) -> CaptureError {
    CaptureError::Truncated {
        format: FORMAT,
        what: what.to_owned(),
        offset: offset as u64,
    }
}
