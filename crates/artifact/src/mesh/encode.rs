//! Writing the lasting artifact. The encoders are those of meshoptimizer, which is why browsers only read.

use meshopt::{encode_index_buffer, encode_vertex_buffer_level};
use surface::{Mesh, Model};

use super::attributes::{Parts, to_linear, to_steps, uv_storage};
use super::compressed::{bounds, check_triangles, content_to_write, grid_bounds};
use super::document::{Bounds, Document, Storage, Uv};
use super::glb;
use super::order::Ordered;
use super::quantize::{Positions, from_exponential, to_exponential, to_grid, to_octahedral};
use crate::ArtifactError;

/// The version of the vertex codec that `EXT_meshopt_compression` knows; later ones need another extension.
const VERTEX_CODEC: Option<i32> = Some(0);
/// Has no meaning in that version.
const VERTEX_LEVEL: i32 = 0;

/// `mesh` as the lasting artifact, a compressed glTF binary (see [the module](super)).
///
/// A stored position differs from the given one by at most a quarter of `tolerance_mm` (what the surface was simplified
/// by, mm), by at most 0.01 mm, and by no less than it costs: a nanometer, or what 24 bits allow this far from the
/// patient's origin. Normals differ by at most 0.3 degrees; one without a direction becomes `[0, 0, 1]`. Triangles and
/// vertices change their order, unused vertices go. `provenance` comes back from [`read_surface`](super::read_surface) as it is.
///
/// # Errors
/// When the tolerance is not a positive number, an index is out of range, a position is not finite, normals are neither
/// absent nor one a vertex, there are more than [`MAX_TRIANGLES`](super::MAX_TRIANGLES), or `provenance` is too long for
/// [`MAX_DESCRIPTION_BYTES`](super::MAX_DESCRIPTION_BYTES).
pub fn encode_surface(
    mesh: &Mesh,
    provenance: &serde_json::Value,
    tolerance_mm: f64,
) -> Result<Vec<u8>, ArtifactError> {
    encode(Parts::from(mesh), provenance, tolerance_mm)
}

/// `model` as the lasting artifact, like [`encode_surface`] with what is on the surface: colors and values come back as
/// they are, places on the texture within 1/131,070 of the picture's sides (where it repeats: as they are), the picture
/// byte for byte. A model without any of them gives the bytes of its mesh.
///
/// # Errors
/// Those of [`encode_surface`], and when an attribute has not one entry a vertex, a value or place is not finite, there
/// are more than [`MAX_SCALARS`](super::MAX_SCALARS) lists of values, or their names are not usable or the same.
pub fn encode_model(
    model: &Model,
    provenance: &serde_json::Value,
    tolerance_mm: f64,
) -> Result<Vec<u8>, ArtifactError> {
    encode(Parts::from(model), provenance, tolerance_mm)
}

fn encode(
    parts: Parts<'_>,
    provenance: &serde_json::Value,
    tolerance_mm: f64,
) -> Result<Vec<u8>, ArtifactError> {
    if !(tolerance_mm.is_finite() && tolerance_mm > 0.0) {
        return Err(ArtifactError::Damaged {
            what: "the tolerance of a surface is not a positive number of millimeters",
        });
    }
    parts.check()?;
    let mesh = parts.mesh;
    check_triangles(mesh.triangles.len() as u64)?;
    let mut bytes = Vec::new();
    if mesh.triangles.is_empty() {
        glb::write_head(&Document::new(None, 0.0, provenance), 0, &mut bytes)?;
        return Ok(bytes);
    }

    let ordered = Ordered::new(mesh);
    let positions_mm = ordered.gather(&mesh.positions_mm);
    let (low_mm, high_mm) = bounds(positions_mm.iter().map(|p| p.map(f64::from)));
    let positions = Positions::choose(low_mm, high_mm, tolerance_mm);
    let (attributes, indexes) = parallel::join(
        || {
            parallel::join(
                || encode_positions(&positions_mm, positions),
                || encode_dress(parts, &ordered),
            )
        },
        || encode_index_buffer(&ordered.indexes, ordered.vertices()).map_err(codec_error),
    );
    let (encoded_positions, stored_bounds) = attributes.0?;
    let mut streams = vec![encoded_positions];
    streams.extend(attributes.1?);
    streams.push(indexes?);

    let storage = Storage::Compressed {
        positions,
        encoded_lens: streams.iter().map(|stream| stream.len() as u64).collect(),
    };
    let content = content_to_write(parts, ordered.vertices(), stored_bounds, storage);
    let binary_len = content.binary_len();
    bytes.reserve(usize::try_from(binary_len).unwrap_or(0));
    let document = Document::new(Some(&content), positions.max_error_mm(), provenance);
    glb::write_head(&document, binary_len, &mut bytes)?;
    let image = parts.texture.map(|texture| &texture.image);
    for stream in streams.iter().chain(image) {
        bytes.extend_from_slice(stream);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    Ok(bytes)
}

/// The streams between positions and indexes.
fn encode_dress(parts: Parts<'_>, ordered: &Ordered) -> Result<Vec<Vec<u8>>, ArtifactError> {
    let mut streams = Vec::new();
    streams.extend(encode_normals(&ordered.gather(&parts.mesh.normals))?);
    if !parts.colors.is_empty() {
        streams.push(encode_attributes(&to_linear(&ordered.gather(parts.colors)))?);
    }
    if let Some(texture) = parts.texture {
        let uv = ordered.gather(&texture.uv);
        streams.push(match uv_storage(&texture.uv) {
            Uv::Steps => encode_attributes(&to_steps(&uv))?,
            Uv::Floats => encode_attributes(&uv)?,
        });
    }
    for scalars in parts.scalars {
        streams.push(encode_attributes(&ordered.gather(&scalars.values))?);
    }
    Ok(streams)
}

/// The stream of positions, and lowest and highest of the numbers that it holds.
fn encode_positions(
    positions_mm: &[[f32; 3]],
    storage: Positions,
) -> Result<(Vec<u8>, Bounds), ArtifactError> {
    match storage {
        Positions::Grid { step_mm, origin_mm } => {
            let stored = to_grid(positions_mm, step_mm, origin_mm);
            Ok((encode_attributes(&stored)?, grid_bounds(&stored)))
        }
        Positions::Floats { exponent } => {
            let stored = to_exponential(positions_mm, exponent);
            let (low, high) = bounds(
                from_exponential(&stored, exponent)?
                    .iter()
                    .map(|p| p.map(f64::from)),
            );
            Ok((encode_attributes(&stored)?, [low, high]))
        }
    }
}

fn encode_normals(normals: &[[f32; 3]]) -> Result<Option<Vec<u8>>, ArtifactError> {
    if normals.is_empty() {
        return Ok(None);
    }
    let stored: Vec<[i16; 4]> = normals.iter().copied().map(to_octahedral).collect();
    encode_attributes(&stored).map(Some)
}

fn encode_attributes<T>(elements: &[T]) -> Result<Vec<u8>, ArtifactError> {
    encode_vertex_buffer_level(elements, VERTEX_LEVEL, VERTEX_CODEC).map_err(codec_error)
}

fn codec_error(_: meshopt::Error) -> ArtifactError {
    ArtifactError::Damaged {
        what: "a compressed stream of the surface cannot be written",
    }
}
