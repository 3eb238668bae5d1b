//! The picture on the primitives: which one is kept, and where it lies.

use std::collections::BTreeSet;

use super::super::reference::Upload;
use super::super::text::short;
use super::super::{FileTexture, MeshFile, MeshFinding, is_picture};
use super::accessor::{get, vectors};
use super::buffers::{Buffers, resolve};
use super::json::{Primitive, Root, TextureInfo, TextureTransform};
use crate::CaptureError;

/// The picture that is kept, and the places on it of the vertices so far.
pub(super) struct Textures {
    /// Its number among the images.
    image: usize,
    bytes: Vec<u8>,
    file: Option<String>,
    uv: Vec<[f32; 2]>,
    /// For each material, its image.
    image_of: Vec<Option<usize>>,
    dropped: BTreeSet<usize>,
    dropped_triangles: u64,
    findings: Vec<MeshFinding>,
}

fn info(root: &Root, material: usize) -> Option<&TextureInfo> {
    let material = root.materials.get(material)?;
    let specular = material.extensions.specular.as_ref();
    material
        .pbr_metallic_roughness
        .base_color_texture
        .as_ref()
        .or_else(|| specular?.diffuse_texture.as_ref())
}

fn image(root: &Root, material: usize) -> Option<usize> {
    let texture = root.textures.get(info(root, material)?.index)?;
    let other = || {
        let extensions = &texture.extensions;
        extensions.webp.as_ref().or(extensions.basis.as_ref())?.source
    };
    texture.source.or_else(other)
}

impl Textures {
    /// The picture on most indexes of the file's meshes; `None` where there is none that can be used and nothing to say.
    pub(super) fn choose(
        root: &Root,
        buffers: &mut Buffers<'_>,
        upload: &Upload<'_>,
    ) -> Result<Option<Self>, CaptureError> {
        let image_of: Vec<Option<usize>> = (0..root.materials.len()).map(|i| image(root, i)).collect();
        let mut corners = vec![0u64; root.images.len()];
        for primitive in root.meshes.iter().flat_map(|mesh| &mesh.primitives) {
            let image = primitive
                .material
                .and_then(|m| image_of.get(m).copied().flatten());
            if let Some(count) = image.and_then(|image| corners.get_mut(image)) {
                let accessor = primitive
                    .indices
                    .or_else(|| primitive.attributes.get("POSITION").copied());
                let own = accessor.and_then(|i| get(root, i).ok()).map_or(0, |a| a.count);
                *count = count.saturating_add(own.max(1));
            }
        }
        let most = corners.iter().enumerate().rev().max_by_key(|(_, count)| **count);
        let Some((image, 1..)) = most.map(|(i, count)| (i, *count)) else {
            return Ok(None);
        };
        let mut textures = Self {
            image,
            bytes: Vec::new(),
            file: None,
            uv: Vec::new(),
            image_of,
            dropped: BTreeSet::new(),
            dropped_triangles: 0,
            findings: Vec::new(),
        };
        textures.load(root, buffers, upload)?;
        Ok(Some(textures))
    }

    /// A picture that is missing is a finding; one that must not be followed is an error, as everywhere.
    fn load(
        &mut self,
        root: &Root,
        buffers: &mut Buffers<'_>,
        upload: &Upload<'_>,
    ) -> Result<(), CaptureError> {
        let Some(image) = root.images.get(self.image) else {
            return Ok(());
        };
        let (bytes, name) = match (&image.uri, image.buffer_view) {
            (Some(uri), _) => {
                let Some((bytes, file)) = resolve(uri, upload)? else {
                    self.findings.push(MeshFinding::FileMissing {
                        name: short(uri.as_bytes()),
                    });
                    return Ok(());
                };
                let name = file.clone().unwrap_or_else(|| "data:".to_owned());
                self.file = file;
                (bytes.into_owned(), name)
            }
            (None, Some(view)) => {
                buffers.load(view)?;
                let (bytes, _) = buffers.view(view)?;
                (bytes.to_vec(), format!("image {}", self.image))
            }
            (None, None) => return Ok(()),
        };
        if is_picture(&bytes) {
            self.bytes = bytes;
        } else {
            self.file = None;
            self.findings.push(MeshFinding::TextureFormat {
                name: short(name.as_bytes()),
            });
        }
        Ok(())
    }

    /// Appends the places of the vertices of `primitive`, which are `count` from number `start` on.
    pub(super) fn append(
        &mut self,
        root: &Root,
        buffers: &mut Buffers<'_>,
        primitive: &Primitive,
        start: usize,
        count: usize,
    ) -> Result<(), CaptureError> {
        self.uv.resize(start, [0.0; 2]);
        let material = primitive
            .material
            .filter(|m| self.image_of.get(*m) == Some(&Some(self.image)));
        if let Some(info) = material
            .and_then(|m| info(root, m))
            .filter(|_| !self.bytes.is_empty())
        {
            let transform = info.extensions.transform.as_ref();
            let set = transform.and_then(|t| t.tex_coord).unwrap_or(info.tex_coord);
            if let Some(&accessor) = primitive.attributes.get(&format!("TEXCOORD_{set}")) {
                let uv: Vec<[f32; 2]> = vectors(root, buffers, accessor, &["VEC2"], 0.0)?;
                let place = |uv: [f32; 2]| {
                    let uv = transform.map_or(uv, |transform| transformed(transform, uv));
                    uv.map(|v| if v.is_finite() { v } else { 0.0 })
                };
                self.uv.extend(uv.into_iter().take(count).map(place));
            }
        }
        self.uv.resize(start + count, [0.0; 2]);
        Ok(())
    }

    /// Counts `triangles` with `material`, to tell what is lost by keeping one picture.
    pub(super) fn count(&mut self, material: Option<usize>, triangles: usize) {
        let image = material.and_then(|m| self.image_of.get(m).copied().flatten());
        if let Some(image) = image.filter(|image| *image != self.image) {
            self.dropped.insert(image);
            self.dropped_triangles += triangles as u64;
        }
    }
}

/// Gives `mesh` of `vertices` its texture, and says what was lost.
pub(super) fn finish(mut textures: Textures, mesh: &mut MeshFile, vertices: usize) {
    mesh.findings.append(&mut textures.findings);
    if !textures.dropped.is_empty() {
        mesh.findings.push(MeshFinding::TexturesDropped {
            dropped: textures.dropped.len() as u64,
            triangles: textures.dropped_triangles,
        });
    }
    mesh.files_used.extend(textures.file);
    if !textures.bytes.is_empty() {
        textures.uv.resize(vertices, [0.0; 2]);
        mesh.texture = Some(FileTexture {
            uv: textures.uv,
            image: textures.bytes,
        });
    }
}

/// `KHR_texture_transform`: scaled, turned, moved.
fn transformed(transform: &TextureTransform, [u, v]: [f32; 2]) -> [f32; 2] {
    let [sx, sy] = transform.scale.unwrap_or([1.0; 2]);
    let [x, y] = [f64::from(u) * sx, f64::from(v) * sy];
    let (sin, cos) = transform.rotation.sin_cos();
    let [ox, oy] = transform.offset;
    [(cos * x + sin * y + ox) as f32, (cos * y - sin * x + oy) as f32]
}
