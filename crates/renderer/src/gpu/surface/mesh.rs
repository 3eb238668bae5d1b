//! Meshes on the device, and how they are painted.

use geometry::DVec3;
use wgpu::util::DeviceExt;

use super::SurfacePipelines;
use crate::gpu::cast::{View, entry, uniform_buffer};
use crate::gpu::{Device, layout};
use crate::model::texture::{Texture, TextureImage};
use crate::picture::decode;
use crate::{ColorScale, Paint, ResidentSurface, SurfaceLayer};

/// Of what a cut through a surface is painted whose paint says nothing of its inside, sRGB. Twin: `cpu::surfaces`.
const INSIDE: [f32; 3] = [0.62, 0.60, 0.58];

/// A vertex as the shader reads it.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Vertex {
    position: [f32; 3],
    normal: [f32; 3],
    /// sRGB; the last is 0 where nothing was measured.
    color: [u8; 4],
    uv: [f32; 2],
    value: f32,
}

/// How vertices lie in a buffer.
pub(super) const VERTEX: wgpu::VertexBufferLayout<'static> = wgpu::VertexBufferLayout {
    array_stride: size_of::<Vertex>() as u64,
    step_mode: wgpu::VertexStepMode::Vertex,
    attributes: &wgpu::vertex_attr_array![
        0 => Float32x3, 1 => Float32x3, 2 => Unorm8x4, 3 => Float32x2, 4 => Float32
    ],
};

/// A mesh on the device, with the picture on it.
#[derive(Debug)]
pub(super) struct PlacedMesh {
    vertices: wgpu::Buffer,
    triangles: wgpu::Buffer,
    corners: u32,
    picture: wgpu::TextureView,
    /// Pixels of the largest size of the picture.
    texels: [f32; 2],
    picture_bytes: u64,
}

impl PlacedMesh {
    pub(super) fn new(device: &Device, surface: &ResidentSurface) -> Self {
        let mesh = surface.mesh();
        let vertices: Vec<Vertex> = (0..mesh.positions_mm.len())
            .map(|at| vertex(surface, at))
            .collect();
        // Triangles with a corner that is no place are not drawn.
        let is_placed = |&v: &u32| mesh.positions_mm[v as usize].iter().all(|c| c.is_finite());
        let triangles: Vec<[u32; 3]> = mesh
            .triangles
            .iter()
            .filter(|triangle| triangle.iter().all(is_placed))
            .copied()
            .collect();
        let buffer = |label, contents: &[u8], usage| {
            // A buffer of nothing cannot be bound.
            let nothing = [0u8; size_of::<Vertex>()];
            device
                .device
                .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                    label: Some(label),
                    contents: if contents.is_empty() { &nothing } else { contents },
                    usage,
                })
        };
        let (picture, texels) = place_picture(device, surface.texture());
        Self {
            vertices: buffer(
                "vertices",
                bytemuck::cast_slice(&vertices),
                wgpu::BufferUsages::VERTEX,
            ),
            triangles: buffer(
                "triangles",
                bytemuck::cast_slice(&triangles),
                wgpu::BufferUsages::INDEX,
            ),
            corners: triangles.len() as u32 * 3,
            picture_bytes: (texels[0] * texels[1] * 16.0 / 3.0) as u64,
            picture: picture.create_view(&wgpu::TextureViewDescriptor::default()),
            texels,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.vertices.size() + self.triangles.size() + self.picture_bytes
    }

    pub(super) fn draw(&self, commands: &mut wgpu::RenderPass<'_>) {
        if self.corners == 0 {
            return;
        }
        commands.set_vertex_buffer(0, self.vertices.slice(..));
        commands.set_index_buffer(self.triangles.slice(..), wgpu::IndexFormat::Uint32);
        commands.draw_indexed(0..self.corners, 0, 0..1);
    }

    /// The layer as the shader binds it, by its place in the scene; `cap` names its counts.
    pub(super) fn bind(
        &self,
        device: &Device,
        pipelines: &SurfacePipelines,
        layer: &SurfaceLayer<'_>,
        view: &View,
        (order, cap): (usize, usize),
    ) -> wgpu::BindGroup {
        let scale: Vec<[f32; 4]> = match layer.paint {
            Paint::Distances(scale) => scale.colors().map(|[r, g, b]| [r, g, b, 1.0]).collect(),
            Paint::Plain(_) | Paint::Own => vec![[0.0; 4]],
        };
        let uniform = uniform_buffer(
            &device.device,
            &layout::Surface {
                texels: self.texels,
                cap: cap as u32,
                order: order as f32,
                scale_colors: scale.len() as u32 - 1,
                ..surface_uniform(layer, view)
            },
        );
        let scale = device
            .device
            .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("scale"),
                contents: bytemuck::cast_slice(&scale),
                usage: wgpu::BufferUsages::STORAGE,
            });
        device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("surface"),
            layout: &pipelines.surface_layout,
            entries: &[
                entry(0, uniform.as_entire_binding()),
                entry(1, wgpu::BindingResource::TextureView(&self.picture)),
                entry(2, wgpu::BindingResource::Sampler(&pipelines.sampler)),
                entry(3, scale.as_entire_binding()),
            ],
        })
    }
}

fn vertex(surface: &ResidentSurface, at: usize) -> Vertex {
    let mesh = surface.mesh();
    let [red, green, blue, _] = surface.colors().get(at).copied().unwrap_or([255; 4]);
    let value = surface.values().get(at).copied().unwrap_or(f32::NAN);
    let uv = surface.texture().map_or([0.0; 2], |texture| texture.uv[at]);
    Vertex {
        position: mesh.positions_mm[at],
        normal: mesh.normals.get(at).copied().unwrap_or_default(),
        color: [red, green, blue, if value.is_nan() { 0 } else { 255 }],
        uv: uv.map(|c| if c.is_finite() { c } else { 0.0 }),
        value: if value.is_nan() {
            0.0
        } else {
            value.clamp(f32::MIN, f32::MAX)
        },
    }
}

/// The picture with its smaller sizes, and the pixels of the largest; one white pixel for none.
fn place_picture(device: &Device, texture: Option<&Texture>) -> (wgpu::Texture, [f32; 2]) {
    let white = [TextureImage {
        columns: 1,
        rows: 1,
        rgb: vec![255; 3],
    }];
    let sizes = texture.map_or(&white[..], |texture| &texture.sizes);
    let side = device.tier().picture_side;
    let fits = |image: &TextureImage| image.columns <= side && image.rows <= side;
    let first = sizes.iter().position(fits).unwrap_or(sizes.len() - 1);
    let (columns, rows) = (sizes[first].columns, sizes[first].rows);
    let levels = columns.max(rows).ilog2() + 1;
    let mut texels = Vec::new();
    for level in 0..levels {
        // Sizes round up where the device rounds down: the last column or row is then left out.
        let image = &sizes[(first + level as usize).min(sizes.len() - 1)];
        let size = [(columns >> level).max(1), (rows >> level).max(1)];
        for y in 0..size[1].min(image.rows) as usize {
            let row = &image.rgb[y * image.columns as usize * 3..][..size[0].min(image.columns) as usize * 3];
            texels.extend(row.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]));
        }
    }
    let picture = device.device.create_texture_with_data(
        &device.queue,
        &wgpu::TextureDescriptor {
            label: Some("picture on a surface"),
            size: wgpu::Extent3d {
                width: columns,
                height: rows,
                depth_or_array_layers: 1,
            },
            mip_level_count: levels,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8UnormSrgb,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        },
        wgpu::util::TextureDataOrder::LayerMajor,
        &texels,
    );
    (picture, [columns as f32, rows as f32])
}

/// What does not depend on the mesh.
fn surface_uniform(layer: &SurfaceLayer<'_>, view: &View) -> layout::Surface {
    let view_from_surface = view.view_from_patient * layer.patient_from_surface;
    let column = |v: DVec3| {
        let [x, y, z] = v.as_vec3().to_array();
        [x, y, z, 0.0]
    };
    let matrix = view_from_surface.matrix3;
    let normal = matrix.inverse().transpose();
    let (plain, inside, paint) = match layer.paint {
        Paint::Plain(color) => (color, color, 0),
        Paint::Own => ([1.0; 3], INSIDE, 1),
        Paint::Distances(_) => ([1.0; 3], INSIDE, 2),
    };
    let linear = |color: [f32; 3], opacity: f32| {
        let [r, g, b] = color.map(decode);
        [r, g, b, opacity]
    };
    let [scale_low, scale_high] = match layer.paint {
        Paint::Distances(scale) => ColorScale::range(scale),
        Paint::Plain(_) | Paint::Own => [0.0, 1.0],
    };
    layout::Surface {
        view_from_surface_x: column(matrix.x_axis),
        view_from_surface_y: column(matrix.y_axis),
        view_from_surface_z: column(matrix.z_axis),
        origin_in_view: column(view_from_surface.translation),
        normal_x: column(normal.x_axis),
        normal_y: column(normal.y_axis),
        normal_z: column(normal.z_axis),
        color: linear(plain, layer.opacity.clamp(0.0, 1.0)),
        inside: linear(inside, 1.0),
        texels: [1.0; 2],
        material: [layer.material.roughness, layer.material.metallic],
        scale_low,
        scale_high,
        scale_colors: 0,
        paint,
        smooth_shaded: u32::from(!layer.surface.mesh().normals.is_empty()),
        mirrored: u32::from(layer.patient_from_surface.matrix3.determinant() < 0.0),
        cap: 0,
        order: 0.0,
    }
}
