//! Surfaces as bytes: the lasting artifact and the files that people take away.
//!
//! Everything here is in patient millimeters, LPS (x to the left, y to the back, z to the head). glTF 2.0 section 3.4
//! asks for meters with y upward; a surface of a patient keeps the frame of reference of the images that it was made
//! from, so that a measure or a plan needs no conversion. `asset.extras` of every glTF file says so, next to the
//! provenance.
//!
//! - [`encode_surface`] writes the lasting artifact, [`read_surface`] reads it back; [`encode_model`] and [`read_model`]
//!   do so with what is on the surface: colors, a texture, values.
//! - [`write_plain_glb`], [`write_stl`] and [`write_ply`] write files for other programs, [`write_model_glb`] and
//!   [`write_model_ply`] those with what is on the surface; nothing here reads them.
//!
//! # The lasting artifact
//!
//! A glTF 2.0 binary (section 4.4): a JSON chunk of at most [`MAX_DESCRIPTION_BYTES`] and one binary chunk. It requires
//! `KHR_mesh_quantization` and `EXT_meshopt_compression`. One node holds one mesh of one primitive of triangles. The
//! binary chunk is buffer 0 and holds these streams, each padded with zeros to a multiple of four bytes; buffer 1 is the
//! placeholder that the extension asks for ("Fallback buffers").
//!
//! | stream | decoded, one element | mode and filter |
//! |---|---|---|
//! | positions on a grid | `[x, y, z, 0]`, `u16`, steps from the node's `translation` by its `scale` | `ATTRIBUTES` |
//! | or positions as floats | `[x, y, z]`, `f32`, mm | `ATTRIBUTES`, `EXPONENTIAL` with one exponent for all |
//! | normals, where there are any | `[x, y, z, 0]`, `i16`, normalized | `ATTRIBUTES`, `OCTAHEDRAL` with 10 bits |
//! | colors (`COLOR_0`), where there are any | `[r, g, b, a]`, `u16`, normalized, linear as glTF has them | `ATTRIBUTES` |
//! | places on the texture (`TEXCOORD_0`), where there is one | `[u, v]`, `u16`, normalized; `f32` where it repeats | `ATTRIBUTES` |
//! | each list of values (`_DISTANCE_MM`) | `f32` | `ATTRIBUTES` |
//! | indexes of vertices | `u32` | `TRIANGLES` |
//! | the texture's picture, where there is one | JPEG or PNG | not compressed |
//!
//! `asset.extras.version` is 2 where there are colors, a texture or values, else 1; a reader of version 2 reads both.
//! `asset.extras.scalars` gives name and unit of each list of values, in their order.
//!
//! Attributes use version 0 of the vertex codec and indexes version 1 of the index codec, the ones of the extension.
//! Triangles are put in an order that a GPU's vertex cache likes and vertices in the order of their first use; a vertex
//! that no triangle uses is left out. The same mesh gives the same bytes.
//!
//! The step of the grid has four significant bits and the grid's origin is a whole number of steps from that of the
//! patient: every position is then exact in `f32`, and surfaces of one case share their grid.
//!
//! A surface without triangles has no mesh, no buffers and no required extensions, as glTF has no empty accessors.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]
#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, reason = "browsers read surfaces and write none")
)]

mod attributes;
mod compressed;
mod document;
#[cfg(not(target_family = "wasm"))]
mod encode;
mod export;
mod glb;
#[cfg(test)]
mod model_tests;
#[cfg(not(target_family = "wasm"))]
mod order;
mod quantize;
mod stream;
#[cfg(test)]
mod tests;

use surface::Mesh;

use crate::ArtifactError;

pub use attributes::MAX_SCALARS;
pub use compressed::{read_model, read_surface};
#[cfg(not(target_family = "wasm"))]
pub use encode::{encode_model, encode_surface};
pub use export::{write_model_glb, write_model_ply, write_plain_glb, write_ply, write_stl};

/// Triangles that a lasting surface may have.
pub const MAX_TRIANGLES: usize = 50_000_000;

/// Bytes that the JSON chunk of a lasting surface may have, provenance included.
pub const MAX_DESCRIPTION_BYTES: usize = 1 << 20;

const _: () = assert!(
    cfg!(target_endian = "little"),
    "all formats here are little-endian and arrays are written as they lie in memory"
);

/// Checks what all writers rely on: indexes in range, finite positions, no normals or one a vertex.
fn check(mesh: &Mesh) -> Result<(), ArtifactError> {
    let vertices = mesh.positions_mm.len();
    let highest = mesh.triangles.as_flattened().iter().copied().max();
    if let Some(highest) = highest.filter(|highest| *highest as usize >= vertices) {
        return Err(ArtifactError::Inconsistent {
            what: "the highest index of a vertex",
            expected: vertices as u64,
            actual: highest.into(),
        });
    }
    if !mesh.normals.is_empty() && mesh.normals.len() != vertices {
        return Err(ArtifactError::Inconsistent {
            what: "the number of normals",
            expected: vertices as u64,
            actual: mesh.normals.len() as u64,
        });
    }
    // A sum is not finite when a term is not; positions are too small for it to overflow otherwise in `f64`.
    let sum: f64 = mesh
        .positions_mm
        .as_flattened()
        .iter()
        .map(|v| f64::from(*v))
        .sum();
    if !sum.is_finite() {
        return Err(ArtifactError::Damaged {
            what: "a position of the surface is not finite",
        });
    }
    Ok(())
}

/// `normal` with unit length; toward the head where it has no direction.
fn unit(normal: [f32; 3]) -> [f32; 3] {
    let [x, y, z] = normal.map(f64::from);
    let length = (x * x + y * y + z * z).sqrt();
    if length.is_finite() && length > 0.0 {
        [x / length, y / length, z / length].map(|v| v as f32)
    } else {
        [0.0, 0.0, 1.0]
    }
}
