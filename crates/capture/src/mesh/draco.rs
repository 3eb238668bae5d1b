//! Draco ("Draco 3D Data Compression", bitstream 2.2), in files of its own and within glTF.

use draco_core::{DecodeLimits, DecoderBuffer, ErrorKind, GeometryAttributeType, Mesh, MeshDecoder};
use intake::budget;

use super::text::channel;
use super::{MAX_VERTICES, MeshFile, MeshFormat, check_counts};
use crate::CaptureError;

const FORMAT: &str = "Draco";

/// Bytes of attributes that a stream may expand to. Constant ones need hardly any bytes in the stream, so that its own
/// length is no measure.
const MAX_ATTRIBUTE_BYTES: u64 = 1 << 30;

/// The mesh in a stream, within the budgets, with indexes in range.
pub(super) struct Decoded {
    mesh: Mesh,
    pub(super) triangles: Vec<[u32; 3]>,
}

impl Decoded {
    pub(super) fn new(bytes: &[u8]) -> Result<Self, CaptureError> {
        let limits = DecodeLimits::default()
            .with_max_faces(budget::MAX_MESH_TRIANGLES)
            .with_max_points(MAX_VERTICES)
            .with_max_decoded_bytes(MAX_ATTRIBUTE_BYTES);
        let mut buffer = DecoderBuffer::new(bytes).with_limits(limits);
        let mut mesh = Mesh::new();
        MeshDecoder::new()
            .decode(&mut buffer, &mut mesh)
            .map_err(|error| {
                let what = match error.message() {
                    "" => "the stream is damaged".to_owned(),
                    message => message.to_owned(),
                };
                match error.kind() {
                    ErrorKind::UnsupportedVersion
                    | ErrorKind::UnsupportedFeature
                    | ErrorKind::UnknownVersion => CaptureError::Unsupported { format: FORMAT, what },
                    _ => CaptureError::Malformed { format: FORMAT, what },
                }
            })?;
        let points = mesh.num_points();
        check_counts(points as u64, mesh.num_faces() as u64)?;
        let triangles: Vec<[u32; 3]> = mesh
            .faces()
            .iter()
            .map(|face| face.map(|point| point.0))
            .collect();
        match triangles.as_flattened().iter().find(|&&v| v as usize >= points) {
            Some(index) => Err(CaptureError::Malformed {
                format: FORMAT,
                what: format!("index {index} is beyond the {points} vertices"),
            }),
            None => Ok(Self { mesh, triangles }),
        }
    }

    /// The values of the attribute with a number of its own, one a vertex, and how many each has; numbers as stored.
    pub(super) fn attribute(&self, id: u32) -> Option<(usize, Vec<f32>)> {
        let attribute = self.mesh.attribute_by_unique_id(id)?;
        let width = usize::from(attribute.num_components());
        Some((width, attribute.read_f32s(self.mesh.num_points(), width)))
    }

    /// The values of the first attribute of a kind, `N` a vertex; empty where there is none of that width.
    fn named<const N: usize>(&self, kind: GeometryAttributeType) -> Vec<[f32; N]> {
        let attribute = self.mesh.named_attribute(kind);
        let Some(attribute) = attribute.filter(|attribute| usize::from(attribute.num_components()) == N)
        else {
            return Vec::new();
        };
        let values = attribute.read_f32s(self.mesh.num_points(), N);
        values.as_chunks().0.to_vec()
    }
}

/// Reads a file of its own. It declares neither unit nor axes, and names no picture.
pub(super) fn read(bytes: &[u8]) -> Result<MeshFile, CaptureError> {
    let decoded = Decoded::new(bytes)?;
    let positions: Vec<[f32; 3]> = decoded.named(GeometryAttributeType::Position);
    if positions.is_empty() && !decoded.triangles.is_empty() {
        return Err(CaptureError::Malformed {
            format: FORMAT,
            what: "there are no positions".to_owned(),
        });
    }
    let opaque = decoded.named::<3>(GeometryAttributeType::Color);
    let colors = decoded.named::<4>(GeometryAttributeType::Color);
    let byte = |v: f32| channel(f64::from(v) / 255.0);
    let mut mesh = MeshFile {
        format: Some(MeshFormat::Drc),
        colors: colors
            .into_iter()
            .chain(opaque.into_iter().map(|[r, g, b]| [r, g, b, 255.0]))
            .map(|color| color.map(byte))
            .collect(),
        triangles: decoded.triangles,
        positions,
        ..MeshFile::default()
    };
    mesh.note_emptiness();
    Ok(mesh)
}
