//! The JSON of a glTF file with one surface: glTF 2.0 section 5, and the extensions' properties.
//!
//! [`Document::new`] is the only place that knows the layout. Reading takes the few numbers out of a document, builds
//! the document anew from them and compares: whatever this program would not write, down to one offset, is refused
//! without a check of its own. Any change to what it builds is therefore a new version of the format, with a way to build
//! the old one.

use serde::{Deserialize, Serialize};
use surface::ImageMedia;

use super::attributes::{Attributes, ScalarEntry};
use super::quantize::Positions;

const EXTENSIONS: [&str; 2] = ["KHR_mesh_quantization", "EXT_meshopt_compression"];

/// The versions of the lasting artifact, in `asset.extras.version`: 1 for a surface without colors, texture and values,
/// 2 for one with some.
pub(super) const VERSION_BARE: u16 = 1;
pub(super) const VERSION_DRESSED: u16 = 2;
const FORMAT: &str = "vitrine surface";
const UNIT: &str = "mm";
const AXES: &str = "patient LPS: +x left, +y posterior, +z superior";

// glTF 2.0 sections 3.6.2.2 and 5.11.5.
const COMPONENT_SHORT: u32 = 5122;
pub(super) const COMPONENT_UNSIGNED_SHORT: u32 = 5123;
const COMPONENT_UNSIGNED_INT: u32 = 5125;
pub(super) const COMPONENT_FLOAT: u32 = 5126;
// glTF 2.0 section 5.26.4.
const FILTER_LINEAR: u32 = 9729;
const FILTER_LINEAR_MIPMAP_LINEAR: u32 = 9987;
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
    pub(super) normals: Presence,
    pub(super) colors: Presence,
    pub(super) texture: Option<TextureContent>,
    pub(super) scalars: Vec<ScalarEntry>,
    /// Lowest and highest of the stored numbers: mm as floats, steps on a grid.
    pub(super) bounds: Bounds,
    pub(super) storage: Storage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Absent,
    OnePerVertex,
}

impl Presence {
    /// Whether `list` has entries.
    pub(super) fn of<T>(list: &[T]) -> Self {
        if list.is_empty() {
            Self::Absent
        } else {
            Self::OnePerVertex
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextureContent {
    pub(super) uv: Uv,
    pub(super) media: ImageMedia,
    /// Bytes of the picture.
    pub(super) image_len: u64,
}

/// How places on the texture are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uv {
    /// `u16`, normalized: where all lie on the picture.
    Steps,
    /// `f32`: where it repeats.
    Floats,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Storage {
    /// Floats and `u32` as they are.
    Plain,
    /// Through `EXT_meshopt_compression`.
    Compressed {
        positions: Positions,
        /// Bytes of each stream, in the order of [`Content::streams`].
        encoded_lens: Vec<u64>,
    },
}

/// One array of the surface.
struct Stream {
    /// Its name among the attributes; `None` for the indexes.
    attribute: Option<String>,
    kind: &'static str,
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

    /// Whether whole numbers stand for fractions of the largest one.
    fn is_normalized(&self) -> bool {
        self.component == COMPONENT_SHORT
            || (self.component == COMPONENT_UNSIGNED_SHORT && self.attribute.as_deref() != Some(POSITION))
    }
}

const POSITION: &str = "POSITION";
const NORMAL: &str = "NORMAL";
pub(super) const COLOR: &str = "COLOR_0";
pub(super) const UV: &str = "TEXCOORD_0";

impl Content {
    /// Positions; normals, colors, places on the texture and values where there are any; indexes.
    fn streams(&self) -> Vec<Stream> {
        let attributes = |name: &str, kind, stride, filter, component| Stream {
            attribute: Some(name.to_owned()),
            kind,
            stride,
            count: self.vertices,
            mode: "ATTRIBUTES",
            filter,
            component,
        };
        let (positions, normals) = match &self.storage {
            Storage::Plain => (
                attributes(POSITION, "VEC3", 12, None, COMPONENT_FLOAT),
                attributes(NORMAL, "VEC3", 12, None, COMPONENT_FLOAT),
            ),
            Storage::Compressed { positions, .. } => (
                match positions {
                    Positions::Grid { .. } => attributes(POSITION, "VEC3", 8, None, COMPONENT_UNSIGNED_SHORT),
                    Positions::Floats { .. } => {
                        attributes(POSITION, "VEC3", 12, Some("EXPONENTIAL"), COMPONENT_FLOAT)
                    }
                },
                attributes(NORMAL, "VEC3", 8, Some("OCTAHEDRAL"), COMPONENT_SHORT),
            ),
        };
        let mut streams = vec![positions];
        if self.normals == Presence::OnePerVertex {
            streams.push(normals);
        }
        if self.colors == Presence::OnePerVertex {
            streams.push(attributes(COLOR, "VEC4", 8, None, COMPONENT_UNSIGNED_SHORT));
        }
        if let Some(texture) = self.texture {
            streams.push(match texture.uv {
                Uv::Steps => attributes(UV, "VEC2", 4, None, COMPONENT_UNSIGNED_SHORT),
                Uv::Floats => attributes(UV, "VEC2", 8, None, COMPONENT_FLOAT),
            });
        }
        for entry in &self.scalars {
            streams.push(attributes(&entry.attribute(), "SCALAR", 4, None, COMPONENT_FLOAT));
        }
        streams.push(Stream {
            attribute: None,
            kind: "SCALAR",
            stride: 4,
            count: self.triangles * 3,
            mode: "TRIANGLES",
            filter: None,
            component: COMPONENT_UNSIGNED_INT,
        });
        streams
    }

    fn image_len(&self) -> u64 {
        self.texture.map_or(0, |texture| texture.image_len)
    }

    /// Bytes of the arrays in the binary chunk; the picture follows.
    fn streams_len(&self) -> u64 {
        match &self.storage {
            Storage::Plain => self.streams().iter().map(Stream::plain_len).sum(),
            Storage::Compressed { encoded_lens, .. } => {
                encoded_lens.iter().map(|len| len.next_multiple_of(4)).sum()
            }
        }
    }

    /// Bytes of the binary chunk.
    pub(super) fn binary_len(&self) -> u64 {
        self.streams_len() + self.image_len().next_multiple_of(4)
    }

    fn version(&self) -> u16 {
        let is_bare = self.colors == Presence::Absent && self.texture.is_none() && self.scalars.is_empty();
        if is_bare { VERSION_BARE } else { VERSION_DRESSED }
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
    pub(super) meshes: Vec<MeshEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    materials: Vec<Material>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    textures: Vec<TextureEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    samplers: Vec<Sampler>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) images: Vec<Image>,
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
    /// The names and units of the values, in the order of their attributes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) scalars: Vec<ScalarEntry>,
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
pub(super) struct MeshEntry {
    pub(super) primitives: Vec<Primitive>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Primitive {
    pub(super) attributes: Attributes,
    indices: u32,
    material: u32,
    mode: u32,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_color_texture: Option<TextureReference>,
    metallic_factor: f64,
    roughness_factor: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextureReference {
    index: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextureEntry {
    sampler: u32,
    source: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sampler {
    mag_filter: u32,
    min_filter: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Image {
    buffer_view: u32,
    pub(super) mime_type: MimeType,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum MimeType {
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/png")]
    Png,
}

impl From<ImageMedia> for MimeType {
    fn from(media: ImageMedia) -> Self {
        match media {
            ImageMedia::Jpeg => Self::Jpeg,
            ImageMedia::Png => Self::Png,
        }
    }
}

impl From<MimeType> for ImageMedia {
    fn from(kind: MimeType) -> Self {
        match kind {
            MimeType::Jpeg => Self::Jpeg,
            MimeType::Png => Self::Png,
        }
    }
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
    pub(super) byte_length: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    byte_stride: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<u32>,
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
                    version: content.map_or(VERSION_BARE, Content::version),
                    unit: UNIT.to_owned(),
                    axes: AXES.to_owned(),
                    max_error_mm,
                    scalars: content.map(|content| content.scalars.clone()).unwrap_or_default(),
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
            textures: Vec::new(),
            samplers: Vec::new(),
            images: Vec::new(),
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
        let names = streams.iter().filter_map(|stream| stream.attribute.clone());
        self.meshes.push(MeshEntry {
            primitives: vec![Primitive {
                attributes: Attributes(names.zip(0..).collect()),
                indices: streams.len() as u32 - 1,
                material: 0,
                mode: MODE_TRIANGLES,
            }],
        });
        // The default material is a metal; and the cut edge of a scan shows the inside.
        self.materials.push(Material {
            pbr_metallic_roughness: MetallicRoughness {
                base_color_texture: content.texture.map(|_| TextureReference { index: 0 }),
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
                normalized: stream.is_normalized().then_some(true),
                count: stream.count,
                kind: stream.kind.to_owned(),
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
        if let Some(texture) = content.texture {
            self.add_texture(texture, content.streams_len());
        }
    }

    /// The picture comes last: `offset` is the end of the arrays.
    fn add_texture(&mut self, texture: TextureContent, offset: u64) {
        self.textures.push(TextureEntry {
            sampler: 0,
            source: 0,
        });
        self.samplers.push(Sampler {
            mag_filter: FILTER_LINEAR,
            min_filter: FILTER_LINEAR_MIPMAP_LINEAR,
        });
        self.images.push(Image {
            buffer_view: self.buffer_views.len() as u32,
            mime_type: texture.media.into(),
        });
        self.buffer_views.push(BufferView {
            buffer: 0,
            byte_offset: offset,
            byte_length: texture.image_len,
            byte_stride: None,
            target: None,
            extensions: None,
        });
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
                target: Some(if is_indexes {
                    TARGET_INDEXES
                } else {
                    TARGET_VERTICES
                }),
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
