//! The JSON of a glTF file with one surface: glTF 2.0 section 5, and the extensions' properties.
//!
//! [`Document::new`] is the only place that knows the layout. Reading takes the few numbers out of a document, builds
//! the document anew from them and compares: whatever this program would not write, down to one offset, is refused
//! without a check of its own. Any change to what it builds is therefore a new version of the format, with a way to build
//! the old one.

use serde::{Deserialize, Serialize};

use super::quantize::Positions;

const EXTENSIONS: [&str; 2] = ["KHR_mesh_quantization", "EXT_meshopt_compression"];

/// The version of the lasting artifact, in `asset.extras.version`.
pub(super) const FORMAT_VERSION: u16 = 1;
const FORMAT: &str = "vitrine surface";
const UNIT: &str = "mm";
const AXES: &str = "patient LPS: +x left, +y posterior, +z superior";

// glTF 2.0 sections 3.6.2.2 and 5.11.5.
const COMPONENT_SHORT: u32 = 5122;
pub(super) const COMPONENT_UNSIGNED_SHORT: u32 = 5123;
const COMPONENT_UNSIGNED_INT: u32 = 5125;
pub(super) const COMPONENT_FLOAT: u32 = 5126;
const TARGET_VERTICES: u32 = 34962;
const TARGET_INDEXES: u32 = 34963;
const MODE_TRIANGLES: u32 = 4;

/// `[lowest, highest][x, y, z]`.
pub(super) type Bounds = [[f64; 3]; 2];

/// What a surface with triangles consists of; everything that [`Document::new`] has to know.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub(super) vertices: u64,
    pub(super) triangles: u64,
    pub(super) normals: Normals,
    /// Lowest and highest of the stored numbers: mm as floats, steps on a grid.
    pub(super) bounds: Bounds,
    pub(super) storage: Storage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Normals {
    Absent,
    OnePerVertex,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Storage {
    /// Floats and `u32` as they are.
    Plain,
    /// Through `EXT_meshopt_compression`.
    Compressed {
        positions: Positions,
        /// Bytes of each stream: positions, normals where there are any, indexes.
        encoded_lens: Vec<u64>,
    },
}

/// One array of the surface.
struct Stream {
    stride: u64,
    count: u64,
    mode: &'static str,
    filter: Option<&'static str>,
    component: u32,
}

impl Stream {
    fn plain_len(&self) -> u64 {
        self.stride * self.count
    }
}

impl Content {
    /// Positions, normals where there are any, indexes.
    fn streams(&self) -> Vec<Stream> {
        let attributes = |stride, filter, component| Stream {
            stride,
            count: self.vertices,
            mode: "ATTRIBUTES",
            filter,
            component,
        };
        let (positions, normals) = match &self.storage {
            Storage::Plain => (
                attributes(12, None, COMPONENT_FLOAT),
                attributes(12, None, COMPONENT_FLOAT),
            ),
            Storage::Compressed { positions, .. } => (
                match positions {
                    Positions::Grid { .. } => attributes(8, None, COMPONENT_UNSIGNED_SHORT),
                    Positions::Floats { .. } => attributes(12, Some("EXPONENTIAL"), COMPONENT_FLOAT),
                },
                attributes(8, Some("OCTAHEDRAL"), COMPONENT_SHORT),
            ),
        };
        let indexes = Stream {
            stride: 4,
            count: self.triangles * 3,
            mode: "TRIANGLES",
            filter: None,
            component: COMPONENT_UNSIGNED_INT,
        };
        match self.normals {
            Normals::Absent => vec![positions, indexes],
            Normals::OnePerVertex => vec![positions, normals, indexes],
        }
    }

    /// Bytes of the binary chunk.
    pub(super) fn binary_len(&self) -> u64 {
        match &self.storage {
            Storage::Plain => self.streams().iter().map(Stream::plain_len).sum(),
            Storage::Compressed { encoded_lens, .. } => {
                encoded_lens.iter().map(|len| len.next_multiple_of(4)).sum()
            }
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    pub(super) asset: Asset,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    extensions_used: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    extensions_required: Vec<String>,
    scene: u32,
    scenes: Vec<Scene>,
    pub(super) nodes: Vec<Node>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    meshes: Vec<MeshEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    materials: Vec<Material>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) accessors: Vec<Accessor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) buffer_views: Vec<BufferView>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    buffers: Vec<Buffer>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asset {
    version: String,
    generator: String,
    pub(super) extras: Extras,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extras {
    format: String,
    pub(super) version: u16,
    unit: String,
    axes: String,
    /// How far a stored position may be from the one given to the writer, mm.
    pub(super) max_error_mm: f64,
    pub(super) provenance: serde_json::Value,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scene {
    nodes: Vec<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Node {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mesh: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) translation: Option<[f64; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scale: Option<[f64; 3]>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeshEntry {
    primitives: Vec<Primitive>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Primitive {
    attributes: Attributes,
    indices: u32,
    material: u32,
    mode: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE", deny_unknown_fields)]
struct Attributes {
    position: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    normal: Option<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Material {
    pbr_metallic_roughness: MetallicRoughness,
    double_sided: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MetallicRoughness {
    metallic_factor: f64,
    roughness_factor: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Accessor {
    buffer_view: u32,
    pub(super) component_type: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    normalized: Option<bool>,
    pub(super) count: u64,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<[f64; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<[f64; 3]>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BufferView {
    buffer: u32,
    byte_offset: u64,
    byte_length: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    byte_stride: Option<u64>,
    target: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) extensions: Option<ViewExtensions>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewExtensions {
    #[serde(rename = "EXT_meshopt_compression")]
    pub(super) meshopt: CompressedView,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CompressedView {
    buffer: u32,
    pub(super) byte_offset: u64,
    pub(super) byte_length: u64,
    byte_stride: u64,
    count: u64,
    mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Buffer {
    byte_length: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extensions: Option<BufferExtensions>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BufferExtensions {
    #[serde(rename = "EXT_meshopt_compression")]
    meshopt: Fallback,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fallback {
    fallback: bool,
}

impl Document {
    /// The document of `content`, or of a surface without triangles.
    ///
    /// The counts in `content` must be bounded: products of them are not checked here.
    pub(super) fn new(content: Option<&Content>, max_error_mm: f64, provenance: &serde_json::Value) -> Self {
        let mut document = Self {
            asset: Asset {
                version: "2.0".to_owned(),
                generator: "Vitrine".to_owned(),
                extras: Extras {
                    format: FORMAT.to_owned(),
                    version: FORMAT_VERSION,
                    unit: UNIT.to_owned(),
                    axes: AXES.to_owned(),
                    max_error_mm,
                    provenance: provenance.clone(),
                },
            },
            extensions_used: Vec::new(),
            extensions_required: Vec::new(),
            scene: 0,
            scenes: vec![Scene { nodes: vec![0] }],
            nodes: Vec::new(),
            meshes: Vec::new(),
            materials: Vec::new(),
            accessors: Vec::new(),
            buffer_views: Vec::new(),
            buffers: Vec::new(),
        };
        document.nodes.push(node(content));
        if let Some(content) = content {
            document.add(content);
        }
        document
    }

    fn add(&mut self, content: &Content) {
        let streams = content.streams();
        let last = streams.len() as u32 - 1;
        self.meshes.push(MeshEntry {
            primitives: vec![Primitive {
                attributes: Attributes {
                    position: 0,
                    normal: (content.normals == Normals::OnePerVertex).then_some(1),
                },
                indices: last,
                material: 0,
                mode: MODE_TRIANGLES,
            }],
        });
        // The default material is a metal; and the cut edge of a scan shows the inside.
        self.materials.push(Material {
            pbr_metallic_roughness: MetallicRoughness {
                metallic_factor: 0.0,
                roughness_factor: 0.75,
            },
            double_sided: true,
        });
        for (view, stream) in (0..).zip(&streams) {
            let [min, max] = content.bounds;
            self.accessors.push(Accessor {
                buffer_view: view,
                component_type: stream.component,
                normalized: (stream.component == COMPONENT_SHORT).then_some(true),
                count: stream.count,
                kind: if view == last { "SCALAR" } else { "VEC3" }.to_owned(),
                min: (view == 0).then_some(min),
                max: (view == 0).then_some(max),
            });
        }
        self.buffers.push(Buffer {
            byte_length: content.binary_len(),
            extensions: None,
        });
        if let Storage::Compressed { encoded_lens, .. } = &content.storage {
            self.extensions_used = EXTENSIONS.map(str::to_owned).to_vec();
            self.extensions_required = self.extensions_used.clone();
            self.buffers.push(Buffer {
                byte_length: streams.iter().map(Stream::plain_len).sum(),
                extensions: Some(BufferExtensions {
                    meshopt: Fallback { fallback: true },
                }),
            });
            self.add_views(&streams, Some(encoded_lens));
        } else {
            self.add_views(&streams, None);
        }
    }

    fn add_views(&mut self, streams: &[Stream], encoded_lens: Option<&[u64]>) {
        let (mut offset, mut encoded_offset) = (0, 0);
        for (i, stream) in streams.iter().enumerate() {
            let is_indexes = i + 1 == streams.len();
            let encoded_len = encoded_lens.and_then(|lens| lens.get(i)).copied();
            self.buffer_views.push(BufferView {
                buffer: u32::from(encoded_lens.is_some()),
                byte_offset: offset,
                byte_length: stream.plain_len(),
                byte_stride: (!is_indexes).then_some(stream.stride),
                target: if is_indexes {
                    TARGET_INDEXES
                } else {
                    TARGET_VERTICES
                },
                extensions: encoded_len.map(|byte_length| ViewExtensions {
                    meshopt: CompressedView {
                        buffer: 0,
                        byte_offset: encoded_offset,
                        byte_length,
                        byte_stride: stream.stride,
                        count: stream.count,
                        mode: stream.mode.to_owned(),
                        filter: stream.filter.map(str::to_owned),
                    },
                }),
            });
            offset += stream.plain_len();
            encoded_offset += encoded_len.unwrap_or(0).next_multiple_of(4);
        }
    }
}

fn node(content: Option<&Content>) -> Node {
    let (translation, scale) = match content.map(|content| &content.storage) {
        Some(Storage::Compressed {
            positions: Positions::Grid { step_mm, origin_mm },
            ..
        }) => (Some(*origin_mm), Some([*step_mm; 3])),
        _ => (None, None),
    };
    Node {
        name: "surface".to_owned(),
        mesh: content.map(|_| 0),
        translation,
        scale,
    }
}
