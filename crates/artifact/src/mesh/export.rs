//! Files for other programs: glTF binary without compression, STL and PLY. All in patient LPS, mm.

use std::io::Write;

use surface::{Mesh, Model};

use super::attributes::{Parts, to_linear};
use super::compressed::{bounds, content_to_write};
use super::document::{Document, Storage};
use super::{check, glb, unit};
use crate::ArtifactError;

/// Writes `mesh` as a glTF 2.0 binary without extensions: positions and normals as floats, indexes as `u32`, vertices and
/// triangles in their order, the provenance in `asset.extras`.
///
/// # Errors
/// When an index is out of range, a position is not finite, normals are neither absent nor one a vertex, the file would be
/// longer than 4 GiB, `provenance` is too long for [`MAX_DESCRIPTION_BYTES`](super::MAX_DESCRIPTION_BYTES), or `out` fails.
pub fn write_plain_glb(
    mesh: &Mesh,
    provenance: &serde_json::Value,
    out: &mut dyn Write,
) -> Result<(), ArtifactError> {
    write_glb(Parts::from(mesh), provenance, out)
}

/// Writes `model` like [`write_plain_glb`], with what is on the surface: colors (`u16`, linear), the texture, values as
/// attributes such as `_DISTANCE_MM`.
///
/// # Errors
/// Those of [`write_plain_glb`] and of the attributes in [`encode_model`](super::encode_model).
pub fn write_model_glb(
    model: &Model,
    provenance: &serde_json::Value,
    out: &mut dyn Write,
) -> Result<(), ArtifactError> {
    write_glb(Parts::from(model), provenance, out)
}

fn write_glb(
    parts: Parts<'_>,
    provenance: &serde_json::Value,
    out: &mut dyn Write,
) -> Result<(), ArtifactError> {
    parts.check()?;
    let mesh = parts.mesh;
    if mesh.triangles.is_empty() {
        return glb::write_head(&Document::new(None, 0.0, provenance), 0, out);
    }
    let (low, high) = bounds(mesh.positions_mm.iter().map(|p| p.map(f64::from)));
    let content = content_to_write(parts, mesh.positions_mm.len(), [low, high], Storage::Plain);
    let document = Document::new(Some(&content), 0.0, provenance);
    glb::write_head(&document, content.binary_len(), out)?;
    out.write_all(bytemuck::cast_slice(&mesh.positions_mm))?;
    write_each(mesh.normals.iter(), out, |normal, bytes| {
        bytes.extend_from_slice(bytemuck::bytes_of(&unit(*normal)));
    })?;
    out.write_all(bytemuck::cast_slice(&to_linear(parts.colors)))?;
    if let Some(texture) = parts.texture {
        out.write_all(bytemuck::cast_slice(&texture.uv))?;
    }
    for scalars in parts.scalars {
        out.write_all(bytemuck::cast_slice(&scalars.values))?;
    }
    out.write_all(bytemuck::cast_slice(&mesh.triangles))?;
    if let Some(texture) = parts.texture {
        let padding = texture.image.len().next_multiple_of(4) - texture.image.len();
        out.write_all(&texture.image)?;
        out.write_all([0; 3].get(..padding).unwrap_or_default())?;
    }
    Ok(())
}

/// Bytes of the header of a binary STL. It must not start with `solid`, as files of text do.
const STL_HEADER: [u8; 80] =
    *b"Vitrine surface, binary STL, millimeters, patient LPS (+x left +y back +z head) ";

/// Writes `mesh` as binary STL: a header of 80 bytes, the number of triangles as `u32`, and for each triangle its normal
/// (by the right-hand rule; zeros where it has no area), its three corners and two zero bytes.
///
/// # Errors
/// When an index is out of range, a position is not finite, there are more triangles than a `u32` counts, or `out` fails.
pub fn write_stl(mesh: &Mesh, out: &mut dyn Write) -> Result<(), ArtifactError> {
    check(mesh)?;
    let triangles = count(
        "the number of triangles of an STL file",
        mesh.triangles.len(),
        u32::MAX,
    )?;
    out.write_all(&STL_HEADER)?;
    out.write_all(&triangles.to_le_bytes())?;
    write_each(mesh.triangles.iter(), out, |triangle, bytes| {
        let corners = triangle.map(|index| corner(mesh, index));
        bytes.extend_from_slice(bytemuck::bytes_of(&facet_normal(corners)));
        bytes.extend_from_slice(bytemuck::bytes_of(&corners));
        bytes.extend_from_slice(&[0; 2]);
    })
}

/// Writes `mesh` as PLY, binary and little-endian: vertices with normals where there are any, then triangles, both in
/// their order.
///
/// # Errors
/// When an index is out of range, a position is not finite, normals are neither absent nor one a vertex, there are more
/// vertices than an `i32` counts, or `out` fails.
pub fn write_ply(mesh: &Mesh, out: &mut dyn Write) -> Result<(), ArtifactError> {
    write_ply_parts(Parts::from(mesh), out)
}

/// Writes `model` like [`write_ply`], with colors as `uchar red green blue alpha` (sRGB) and each list of values as a
/// `float` property such as `distance_mm`. PLY has no place for a picture: the texture is left out.
///
/// # Errors
/// Those of [`write_ply`] and of the attributes in [`encode_model`](super::encode_model).
pub fn write_model_ply(model: &Model, out: &mut dyn Write) -> Result<(), ArtifactError> {
    write_ply_parts(Parts::from(model), out)
}

fn write_ply_parts(parts: Parts<'_>, out: &mut dyn Write) -> Result<(), ArtifactError> {
    parts.check()?;
    let mesh = parts.mesh;
    // Readers know indexes as `int` more often than as `uint`.
    let vertices = count(
        "the number of vertices of a PLY file",
        mesh.positions_mm.len(),
        i32::MAX as u32,
    )?;
    let mut properties = String::new();
    if !mesh.normals.is_empty() {
        properties.push_str("property float nx\nproperty float ny\nproperty float nz\n");
    }
    if !parts.colors.is_empty() {
        for channel in ["red", "green", "blue", "alpha"] {
            properties.push_str(&format!("property uchar {channel}\n"));
        }
    }
    for entry in parts.entries() {
        let name = entry.attribute().to_ascii_lowercase();
        properties.push_str(&format!("property float {}\n", name.trim_start_matches('_')));
    }
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\n\
         comment Vitrine surface, millimeters, patient LPS: +x left, +y posterior, +z superior\n\
         element vertex {vertices}\nproperty float x\nproperty float y\nproperty float z\n{properties}\
         element face {}\nproperty list uchar int vertex_indices\nend_header\n",
        mesh.triangles.len()
    )?;
    if properties.is_empty() {
        out.write_all(bytemuck::cast_slice(&mesh.positions_mm))?;
    } else {
        write_each(
            mesh.positions_mm.iter().enumerate(),
            out,
            |(vertex, position), bytes| {
                bytes.extend_from_slice(bytemuck::bytes_of(position));
                if let Some(normal) = mesh.normals.get(vertex) {
                    bytes.extend_from_slice(bytemuck::bytes_of(&unit(*normal)));
                }
                bytes.extend_from_slice(parts.colors.get(vertex).map_or(&[], |color| color));
                for value in parts.scalars.iter().filter_map(|list| list.values.get(vertex)) {
                    bytes.extend_from_slice(&value.to_le_bytes());
                }
            },
        )?;
    }
    write_each(mesh.triangles.iter(), out, |triangle, bytes| {
        bytes.push(3);
        bytes.extend_from_slice(bytemuck::bytes_of(triangle));
    })
}

fn count(what: &'static str, actual: usize, limit: u32) -> Result<u32, ArtifactError> {
    u32::try_from(actual)
        .ok()
        .filter(|count| *count <= limit)
        .ok_or(ArtifactError::Inconsistent {
            what,
            expected: limit.into(),
            actual: actual as u64,
        })
}

/// A vertex of a mesh that has passed [`check`].
#[expect(
    clippy::indexing_slicing,
    reason = "`check` has bounded the indexes by the vertices"
)]
fn corner(mesh: &Mesh, index: u32) -> [f32; 3] {
    mesh.positions_mm[index as usize]
}

fn facet_normal(corners: [[f32; 3]; 3]) -> [f32; 3] {
    let [a, b, c] = corners.map(|corner| corner.map(f64::from));
    let along = |to: [f64; 3]| [to[0] - a[0], to[1] - a[1], to[2] - a[2]];
    let ([ux, uy, uz], [vx, vy, vz]) = (along(b), along(c));
    let normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    let length = normal.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length > 0.0 && length.is_finite() {
        normal.map(|v| (v / length) as f32)
    } else {
        [0.0; 3]
    }
}

/// Writes all items in pieces of some 64 KiB, so that `out` needs no buffer and no second copy of the mesh is held.
fn write_each<T>(
    items: impl Iterator<Item = T>,
    out: &mut dyn Write,
    mut put: impl FnMut(T, &mut Vec<u8>),
) -> Result<(), ArtifactError> {
    const PIECE_BYTES: usize = 1 << 16;
    let mut bytes = Vec::with_capacity(PIECE_BYTES + 64);
    for item in items {
        put(item, &mut bytes);
        if bytes.len() >= PIECE_BYTES {
            out.write_all(&bytes)?;
            bytes.clear();
        }
    }
    out.write_all(&bytes)?;
    Ok(())
}
