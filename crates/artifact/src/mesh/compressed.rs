//! The lasting artifact read back: what [`super`] describes, and what describes it.

use surface::{Mesh, Model, Scalars, Texture};

use super::attributes::{Parts, check_entries, from_linear, from_steps, uv_storage};
use super::document::{
    Bounds, COLOR, COMPONENT_FLOAT, COMPONENT_UNSIGNED_SHORT, Content, Document, Presence, Storage,
    TextureContent, UV, Uv, VERSION_DRESSED,
};
use super::quantize::{Positions, exponent_of, from_exponential, from_grid, from_octahedral};
use super::stream::{decode_attributes, decode_triangles};
use super::{MAX_TRIANGLES, glb};
use crate::ArtifactError;

/// What [`Document::new`] has to know of `parts`, of which `vertices` are stored.
pub(super) fn content_to_write(
    parts: Parts<'_>,
    vertices: usize,
    bounds: Bounds,
    storage: Storage,
) -> Content {
    Content {
        vertices: vertices as u64,
        triangles: parts.mesh.triangles.len() as u64,
        normals: Presence::of(&parts.mesh.normals),
        colors: Presence::of(parts.colors),
        texture: parts.texture.map(|texture| TextureContent {
            uv: match storage {
                Storage::Plain => Uv::Floats,
                Storage::Compressed { .. } => uv_storage(&texture.uv),
            },
            media: texture.media,
            image_len: texture.image.len() as u64,
        }),
        scalars: parts.entries(),
        bounds,
        storage,
    }
}

pub(super) fn check_triangles(triangles: u64) -> Result<(), ArtifactError> {
    if triangles > MAX_TRIANGLES as u64 {
        return Err(ArtifactError::Inconsistent {
            what: "the number of triangles of a surface",
            expected: MAX_TRIANGLES as u64,
            actual: triangles,
        });
    }
    Ok(())
}

/// Lowest and highest of each axis; positive and negative infinity where there is nothing.
pub(super) fn bounds(points: impl Iterator<Item = [f64; 3]>) -> ([f64; 3], [f64; 3]) {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for point in points {
        for ((low, high), v) in low.iter_mut().zip(&mut high).zip(point) {
            *low = low.min(v);
            *high = high.max(v);
        }
    }
    (low, high)
}

pub(super) fn grid_bounds(stored: &[[u16; 4]]) -> Bounds {
    let (mut low, mut high) = ([u16::MAX; 4], [0; 4]);
    for element in stored {
        for ((low, high), v) in low.iter_mut().zip(&mut high).zip(element) {
            *low = (*low).min(*v);
            *high = (*high).max(*v);
        }
    }
    [low, high].map(|[x, y, z, _]| [x, y, z].map(f64::from))
}

/// The surface and the provenance that [`encode_surface`](super::encode_surface) or [`encode_model`](super::encode_model) wrote. Positions in mm, unit normals. What
/// is on the surface is left out.
///
/// Reads what these write and nothing else: glTF files of other programs are refused. Takes at most some 400 bytes of
/// memory for each byte given.
///
/// # Errors
/// When the bytes are no such artifact, of a later version, cut off, or damaged in a way that shows.
pub fn read_surface(bytes: &[u8]) -> Result<(Mesh, serde_json::Value), ArtifactError> {
    read_model(bytes).map(|(model, provenance)| (model.mesh, provenance))
}

/// The model and the provenance that [`encode_model`](super::encode_model) or [`encode_surface`](super::encode_surface) wrote.
///
/// # Errors
/// Those of [`read_surface`].
pub fn read_model(bytes: &[u8]) -> Result<(Model, serde_json::Value), ArtifactError> {
    let (json, binary) = glb::read(bytes)?;
    let document: Document = serde_json::from_slice(json).map_err(ArtifactError::Description)?;
    let extras = &document.asset.extras;
    if extras.version > VERSION_DRESSED {
        return Err(ArtifactError::UnknownVersion {
            what: "surface",
            found: extras.version,
            supported: VERSION_DRESSED,
        });
    }
    let content = content_of(&document, binary.len() as u64)?;
    if Document::new(content.as_ref(), extras.max_error_mm, &extras.provenance) != document {
        return Err(ArtifactError::Damaged {
            what: "the description of the surface is not what its numbers make it",
        });
    }
    let binary_len = content.as_ref().map_or(0, Content::binary_len);
    if binary_len != binary.len() as u64 {
        return Err(ArtifactError::Inconsistent {
            what: "the length of the binary chunk",
            expected: binary_len,
            actual: binary.len() as u64,
        });
    }
    let model = content.map_or_else(|| Ok(Model::default()), |content| decode(&content, binary))?;
    Ok((model, document.asset.extras.provenance))
}

/// The numbers in a document that [`Document::new`] needs to build it, with counts that `binary_len` bytes can hold.
fn content_of(document: &Document, binary_len: u64) -> Result<Option<Content>, ArtifactError> {
    let missing = ArtifactError::Damaged {
        what: "the description of the surface lacks a part",
    };
    let (positions, indexes) = match document.accessors.as_slice() {
        [] => return Ok(None),
        [positions, .., indexes] => (positions, indexes),
        _ => return Err(missing),
    };
    let Some(attributes) = document
        .meshes
        .first()
        .and_then(|mesh| mesh.primitives.first())
        .map(|primitive| &primitive.attributes)
    else {
        return Err(missing);
    };
    let presence = |name| {
        if attributes.has(name) {
            Presence::OnePerVertex
        } else {
            Presence::Absent
        }
    };
    check_entries(&document.asset.extras.scalars)?;
    let views = document
        .buffer_views
        .iter()
        .filter_map(|view| view.extensions.as_ref());
    let encoded_lens: Vec<u64> = views.map(|extensions| extensions.meshopt.byte_length).collect();
    let (Some(min), Some(max), Some(indexes_len), [node]) = (
        positions.min,
        positions.max,
        encoded_lens.last(),
        document.nodes.as_slice(),
    ) else {
        return Err(missing);
    };

    let triangles = indexes.count / 3;
    if triangles == 0 || positions.count == 0 {
        return Err(missing);
    }
    check_triangles(triangles)?;
    // The index codec stores a triangle in no less than a byte, and every vertex is used.
    check_at_most("the number of triangles of a surface", triangles, *indexes_len)?;
    check_at_most(
        "the number of vertices of a surface",
        positions.count,
        triangles * 3,
    )?;
    for len in &encoded_lens {
        check_at_most("the length of a compressed stream", *len, binary_len)?;
    }
    let texture = texture_of(document, attributes.has(UV), binary_len)?;
    let storage = match (positions.component_type, node.translation, node.scale) {
        (COMPONENT_UNSIGNED_SHORT, Some(origin_mm), Some([step_mm, ..])) => {
            Positions::Grid { step_mm, origin_mm }
        }
        // The stream itself says which exponent it has.
        (COMPONENT_FLOAT, None, None) => Positions::Floats { exponent: 0 },
        _ => return Err(missing),
    };
    Ok(Some(Content {
        vertices: positions.count,
        triangles,
        normals: presence("NORMAL"),
        colors: presence(COLOR),
        texture,
        scalars: document.asset.extras.scalars.clone(),
        bounds: [min, max],
        storage: Storage::Compressed {
            positions: storage,
            encoded_lens,
        },
    }))
}

/// The texture that a document describes: its last view is the picture, and the places have steps or floats.
fn texture_of(
    document: &Document,
    has_places: bool,
    binary_len: u64,
) -> Result<Option<TextureContent>, ArtifactError> {
    let (Some(image), Some(view), true) = (document.images.first(), document.buffer_views.last(), has_places)
    else {
        return Ok(None);
    };
    check_at_most("the length of a picture", view.byte_length, binary_len)?;
    // Values and indexes come after the places.
    let place = document
        .accessors
        .len()
        .checked_sub(2 + document.asset.extras.scalars.len());
    let component = place
        .and_then(|place| document.accessors.get(place))
        .map(|accessor| accessor.component_type);
    Ok(Some(TextureContent {
        uv: if component == Some(COMPONENT_FLOAT) {
            Uv::Floats
        } else {
            Uv::Steps
        },
        media: image.mime_type.into(),
        image_len: view.byte_length,
    }))
}

fn check_at_most(what: &'static str, actual: u64, limit: u64) -> Result<(), ArtifactError> {
    if actual > limit {
        return Err(ArtifactError::Inconsistent {
            what,
            expected: limit,
            actual,
        });
    }
    Ok(())
}

/// The model in a binary chunk that has the length that `content` gives it, with counts that [`content_of`] has bounded.
fn decode(content: &Content, binary: &[u8]) -> Result<Model, ArtifactError> {
    let Storage::Compressed {
        positions,
        encoded_lens,
    } = &content.storage
    else {
        return Err(ArtifactError::Damaged {
            what: "the surface is not compressed",
        });
    };
    let mut rest = binary;
    let mut take = |len: u64| {
        // The lengths add up to that of the chunk, which `read_model` has compared.
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
        let (stream, after) = rest.split_at(len);
        rest = after.get(len.next_multiple_of(4) - len..).unwrap_or_default();
        stream
    };
    let mut lens = encoded_lens.iter();
    let mut next = || take(lens.next().copied().unwrap_or_default());
    let vertices = content.vertices as usize;

    let (positions_mm, stored_bounds) = decode_positions(*positions, next(), vertices)?;
    if stored_bounds != content.bounds {
        return Err(ArtifactError::Damaged {
            what: "the positions of the surface are not within the bounds that it gives",
        });
    }
    let normals = match content.normals {
        Presence::Absent => Vec::new(),
        Presence::OnePerVertex => from_octahedral(&decode_attributes(next(), vertices)?)?,
    };
    let colors = match content.colors {
        Presence::Absent => Vec::new(),
        Presence::OnePerVertex => from_linear(&decode_attributes(next(), vertices)?),
    };
    let mut texture = match content.texture {
        None => None,
        Some(texture) => Some(Texture {
            uv: match texture.uv {
                Uv::Steps => from_steps(&decode_attributes(next(), vertices)?),
                Uv::Floats => decode_attributes(next(), vertices)?,
            },
            media: texture.media,
            image: Vec::new(),
        }),
    };
    let mut scalars = Vec::with_capacity(content.scalars.len());
    for entry in &content.scalars {
        scalars.push(Scalars {
            name: entry.name.clone(),
            unit: entry.unit.clone(),
            values: decode_attributes(next(), vertices)?,
        });
    }
    let triangles = decode_triangles(next(), content.triangles as usize)?;
    if let (Some(texture), Some(stored)) = (&mut texture, content.texture) {
        texture.image = take(stored.image_len).to_vec();
    }
    let model = Model {
        mesh: Mesh {
            positions_mm,
            normals,
            triangles,
        },
        colors,
        texture,
        scalars,
    };
    Parts::from(&model).check()?;
    Ok(model)
}

/// Positions in mm, and lowest and highest of the stored numbers.
fn decode_positions(
    positions: Positions,
    stream: &[u8],
    vertices: usize,
) -> Result<(Vec<[f32; 3]>, Bounds), ArtifactError> {
    let impossible = ArtifactError::Damaged {
        what: "the positions of the surface cannot be in a patient",
    };
    match positions {
        Positions::Grid { step_mm, origin_mm } if positions.is_possible() => {
            let stored = decode_attributes(stream, vertices)?;
            Ok((from_grid(&stored, step_mm, origin_mm), grid_bounds(&stored)))
        }
        Positions::Grid { .. } => Err(impossible),
        Positions::Floats { .. } => {
            let stored: Vec<[u32; 3]> = decode_attributes(stream, vertices)?;
            let exponent = stored.first().map_or(0, |[x, ..]| exponent_of(*x));
            if !(Positions::Floats { exponent }).is_possible() {
                return Err(impossible);
            }
            let positions_mm = from_exponential(&stored, exponent)?;
            let (low, high) = bounds(positions_mm.iter().map(|p| p.map(f64::from)));
            Ok((positions_mm, [low, high]))
        }
    }
}
