//! The JSON of a glTF file, as far as it is read: glTF 2.0 section 5.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// Entries that a list may have: enough for any scan, and few enough that the lists of a small hostile file are small.
const MAX_ENTRIES: usize = 1 << 16;

/// A list that stops at [`MAX_ENTRIES`].
fn limited<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Limited<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Limited<T> {
        type Value = Vec<T>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(out, "a list of at most {MAX_ENTRIES} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(entry) = entries.next_element()? {
                if list.len() == MAX_ENTRIES {
                    return Err(de::Error::invalid_length(MAX_ENTRIES + 1, &self));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(Limited(PhantomData))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Root {
    pub(super) asset: Asset,
    #[serde(default, deserialize_with = "limited")]
    pub(super) extensions_required: Vec<String>,
    pub(super) scene: Option<usize>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) scenes: Vec<Scene>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) nodes: Vec<Node>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) meshes: Vec<Mesh>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) materials: Vec<Material>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) textures: Vec<Texture>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) images: Vec<Image>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) accessors: Vec<Accessor>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) buffer_views: Vec<View>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) buffers: Vec<Buffer>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) animations: Vec<de::IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Asset {
    pub(super) version: String,
    #[serde(default)]
    pub(super) extras: serde_json::Value,
}

#[derive(Deserialize)]
pub(super) struct Scene {
    #[serde(default, deserialize_with = "limited")]
    pub(super) nodes: Vec<usize>,
}

#[derive(Deserialize)]
pub(super) struct Node {
    #[serde(default, deserialize_with = "limited")]
    pub(super) children: Vec<usize>,
    pub(super) mesh: Option<usize>,
    pub(super) skin: Option<usize>,
    /// Columns.
    pub(super) matrix: Option<[f64; 16]>,
    pub(super) translation: Option<[f64; 3]>,
    /// `[x, y, z, w]`.
    pub(super) rotation: Option<[f64; 4]>,
    pub(super) scale: Option<[f64; 3]>,
}

#[derive(Deserialize)]
pub(super) struct Mesh {
    #[serde(deserialize_with = "limited")]
    pub(super) primitives: Vec<Primitive>,
}

#[derive(Deserialize)]
pub(super) struct Primitive {
    pub(super) attributes: std::collections::BTreeMap<String, usize>,
    pub(super) indices: Option<usize>,
    pub(super) material: Option<usize>,
    pub(super) mode: Option<u32>,
    #[serde(default, deserialize_with = "limited")]
    pub(super) targets: Vec<de::IgnoredAny>,
    #[serde(default)]
    pub(super) extensions: PrimitiveExtensions,
}

#[derive(Default, Deserialize)]
pub(super) struct PrimitiveExtensions {
    #[serde(rename = "KHR_draco_mesh_compression")]
    pub(super) draco: Option<Draco>,
}

/// `KHR_draco_mesh_compression`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Draco {
    pub(super) buffer_view: usize,
    /// Numbers of attributes in the stream, by their names.
    pub(super) attributes: std::collections::BTreeMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Material {
    #[serde(default)]
    pub(super) pbr_metallic_roughness: Pbr,
    #[serde(default)]
    pub(super) extensions: MaterialExtensions,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pbr {
    pub(super) base_color_texture: Option<TextureInfo>,
}

#[derive(Default, Deserialize)]
pub(super) struct MaterialExtensions {
    #[serde(rename = "KHR_materials_pbrSpecularGlossiness")]
    pub(super) specular: Option<Specular>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Specular {
    pub(super) diffuse_texture: Option<TextureInfo>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextureInfo {
    pub(super) index: usize,
    #[serde(default)]
    pub(super) tex_coord: u32,
    #[serde(default)]
    pub(super) extensions: TextureInfoExtensions,
}

#[derive(Clone, Default, Deserialize)]
pub(super) struct TextureInfoExtensions {
    #[serde(rename = "KHR_texture_transform")]
    pub(super) transform: Option<TextureTransform>,
}

/// `KHR_texture_transform`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextureTransform {
    #[serde(default)]
    pub(super) offset: [f64; 2],
    /// Radians.
    #[serde(default)]
    pub(super) rotation: f64,
    pub(super) scale: Option<[f64; 2]>,
    pub(super) tex_coord: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Texture {
    pub(super) source: Option<usize>,
    #[serde(default)]
    pub(super) extensions: TextureExtensions,
}

#[derive(Default, Deserialize)]
pub(super) struct TextureExtensions {
    #[serde(rename = "EXT_texture_webp")]
    pub(super) webp: Option<TextureSource>,
    #[serde(rename = "KHR_texture_basisu")]
    pub(super) basis: Option<TextureSource>,
}

#[derive(Deserialize)]
pub(super) struct TextureSource {
    pub(super) source: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Image {
    pub(super) uri: Option<String>,
    pub(super) buffer_view: Option<usize>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accessor {
    pub(super) buffer_view: Option<usize>,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) component_type: u32,
    #[serde(default)]
    pub(super) normalized: bool,
    pub(super) count: u64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) sparse: Option<Sparse>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Sparse {
    pub(super) count: u64,
    pub(super) indices: SparseIndices,
    pub(super) values: SparseValues,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SparseIndices {
    pub(super) buffer_view: usize,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) component_type: u32,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SparseValues {
    pub(super) buffer_view: usize,
    #[serde(default)]
    pub(super) byte_offset: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    pub(super) buffer: usize,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) byte_length: u64,
    pub(super) byte_stride: Option<u64>,
    #[serde(default)]
    pub(super) extensions: ViewExtensions,
}

#[derive(Default, Deserialize)]
pub(super) struct ViewExtensions {
    #[serde(rename = "EXT_meshopt_compression", alias = "KHR_meshopt_compression")]
    pub(super) meshopt: Option<Compressed>,
}

/// `EXT_meshopt_compression` of a view.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compressed {
    pub(super) buffer: usize,
    #[serde(default)]
    pub(super) byte_offset: u64,
    pub(super) byte_length: u64,
    pub(super) byte_stride: u64,
    pub(super) count: u64,
    pub(super) mode: String,
    pub(super) filter: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Buffer {
    pub(super) uri: Option<String>,
    pub(super) byte_length: u64,
}
