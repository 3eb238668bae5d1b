//! Surfaces: the nearest fragment of each layer at each pixel. Shader: `surface.wgsl`.
//!
//! Opaque surfaces share one layer, for what lies behind the nearest of them is not seen. A transparent one has a layer
//! of its own, and the caster blends the layers and the volumes between them by depth.

use std::collections::BTreeMap;

use geometry::DMat3;
use wgpu::util::DeviceExt;

use super::cast::{Drawing, View, entry, uniform_buffer};
use super::{Device, DrawError, layout};
use crate::picture::decode;
use crate::{DataId, Paint, ResidentSurface, Scene, SurfaceLayer};

/// Layers that a picture can hold: 31 can be told apart, but memory goes with each.
const MAX_LAYERS: usize = 16;

pub(super) const DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::R32Float;
pub(super) const COLOR_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
pub(super) const NEAREST_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// Surfaces on the device, and the layers that they are drawn in.
#[derive(Debug, Default)]
pub(super) struct Surfaces {
    meshes: BTreeMap<DataId, PlacedMesh>,
    layers: Option<Layers>,
}

/// A mesh on the device.
#[derive(Debug)]
struct PlacedMesh {
    vertices: wgpu::Buffer,
    triangles: wgpu::Buffer,
    corners: u32,
}

/// A vertex as the shader reads it.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Vertex {
    position: [f32; 3],
    normal: [f32; 3],
    color: [u8; 4],
}

/// How [`Vertex`] lies in a buffer.
pub(super) const VERTEX: wgpu::VertexBufferLayout<'static> = wgpu::VertexBufferLayout {
    array_stride: size_of::<Vertex>() as u64,
    step_mode: wgpu::VertexStepMode::Vertex,
    attributes: &wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3, 2 => Unorm8x4],
};

#[derive(Debug)]
struct Layers {
    size: [u32; 2],
    count: u32,
    depths: wgpu::Texture,
    colors: wgpu::Texture,
    nearest: wgpu::Texture,
}

/// Which surfaces of a scene are drawn in which layer.
pub(super) struct Plan {
    /// Indexes of surfaces by layer.
    layers: Vec<Vec<usize>>,
}

impl Plan {
    pub(super) fn new(scene: &Scene<'_>) -> Result<Self, DrawError> {
        let mut opaque = Vec::new();
        let mut layers = Vec::new();
        for (index, layer) in scene.surfaces.iter().enumerate() {
            if layer.opacity >= 1.0 {
                opaque.push(index);
            } else if layer.opacity > 0.0 {
                layers.push(vec![index]);
            }
        }
        if !opaque.is_empty() {
            layers.push(opaque);
        }
        if layers.len() > MAX_LAYERS {
            return Err(DrawError::Surfaces);
        }
        Ok(Self { layers })
    }

    pub(super) fn layers(&self) -> u32 {
        self.layers.len() as u32
    }
}

impl Surfaces {
    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        let meshes: u64 = self
            .meshes
            .values()
            .map(|mesh| mesh.vertices.size() + mesh.triangles.size())
            .sum();
        let layers = self.layers.as_ref().map_or(0, |layers| {
            let pixels = u64::from(layers.size[0]) * u64::from(layers.size[1]);
            pixels * (u64::from(layers.count) * 12 + 4)
        });
        meshes + layers
    }

    /// Brings what the scene shows to the device, gives up what it does not, and makes room for the layers of a picture.
    pub(super) fn prepare(&mut self, device: &Device, scene: &Scene<'_>, plan: &Plan, size: [u32; 2]) {
        self.meshes
            .retain(|id, _| scene.surfaces.iter().any(|layer| layer.surface.id() == *id));
        for layer in &scene.surfaces {
            self.meshes
                .entry(layer.surface.id())
                .or_insert_with(|| PlacedMesh::new(device, layer.surface));
        }
        let count = plan.layers();
        if count == 0 {
            self.layers = None;
        } else if self
            .layers
            .as_ref()
            .is_none_or(|layers| layers.size != size || layers.count != count)
        {
            self.layers = Some(Layers::new(device, size, count));
        }
    }

    /// The depths and colors of all layers, as the caster binds them.
    pub(super) fn views(&self) -> Option<[wgpu::TextureView; 2]> {
        let layers = self.layers.as_ref()?;
        let view = |texture: &wgpu::Texture| {
            texture.create_view(&wgpu::TextureViewDescriptor {
                dimension: Some(wgpu::TextureViewDimension::D2Array),
                ..wgpu::TextureViewDescriptor::default()
            })
        };
        Some([view(&layers.depths), view(&layers.colors)])
    }

    /// Records the fragments of all layers.
    pub(super) fn draw(
        &self,
        drawing: &mut Drawing<'_>,
        scene: &Scene<'_>,
        plan: &Plan,
        view: &View,
        frame: &wgpu::Buffer,
    ) -> Result<(), DrawError> {
        let Some(layers) = &self.layers else {
            return Ok(());
        };
        let device = &drawing.device.device;
        let frame = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("frame"),
            layout: &drawing.pipelines.surface_layouts()[0],
            entries: &[entry(0, frame.as_entire_binding())],
        });
        for (index, surfaces) in plan.layers.iter().enumerate() {
            let groups: Vec<wgpu::BindGroup> = surfaces
                .iter()
                .map(|&surface| bind_surface(drawing, &scene.surfaces[surface], view))
                .collect();
            let pipeline = drawing.pipelines.surface(drawing.device)?;
            let mut pass = layers.begin(drawing.encoder, index as u32);
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &frame, &[]);
            for (&surface, group) in surfaces.iter().zip(&groups) {
                let mesh = &self.meshes[&scene.surfaces[surface].surface.id()];
                if mesh.corners == 0 {
                    continue;
                }
                pass.set_bind_group(1, group, &[]);
                pass.set_vertex_buffer(0, mesh.vertices.slice(..));
                pass.set_index_buffer(mesh.triangles.slice(..), wgpu::IndexFormat::Uint32);
                pass.draw_indexed(0..mesh.corners, 0, 0..1);
            }
        }
        Ok(())
    }
}

impl PlacedMesh {
    fn new(device: &Device, surface: &ResidentSurface) -> Self {
        let mesh = surface.mesh();
        let vertices: Vec<Vertex> = mesh
            .positions_mm
            .iter()
            .enumerate()
            .map(|(at, &position)| Vertex {
                position,
                normal: mesh.normals.get(at).copied().unwrap_or_default(),
                color: surface.colors().get(at).copied().unwrap_or([255; 4]),
            })
            .collect();
        let buffer = |label, contents: &[u8], usage| {
            // A buffer of nothing cannot be bound.
            let nothing = [0u8; 40];
            device
                .device
                .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                    label: Some(label),
                    contents: if contents.is_empty() { &nothing } else { contents },
                    usage,
                })
        };
        Self {
            vertices: buffer(
                "vertices",
                bytemuck::cast_slice(&vertices),
                wgpu::BufferUsages::VERTEX,
            ),
            triangles: buffer(
                "triangles",
                bytemuck::cast_slice(&mesh.triangles),
                wgpu::BufferUsages::INDEX,
            ),
            corners: mesh.triangles.len() as u32 * 3,
        }
    }
}

impl Layers {
    fn new(device: &Device, [width, height]: [u32; 2], count: u32) -> Self {
        let texture = |label, format, depth_or_array_layers, usage| {
            device.device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d {
                    width,
                    height,
                    depth_or_array_layers,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | usage,
                view_formats: &[],
            })
        };
        let read = wgpu::TextureUsages::TEXTURE_BINDING;
        Self {
            size: [width, height],
            count,
            depths: texture("depths", DEPTH_FORMAT, count, read),
            colors: texture("colors", COLOR_FORMAT, count, read),
            nearest: texture("nearest", NEAREST_FORMAT, 1, wgpu::TextureUsages::empty()),
        }
    }

    fn begin<'a>(&self, encoder: &'a mut wgpu::CommandEncoder, layer: u32) -> wgpu::RenderPass<'a> {
        let view = |texture: &wgpu::Texture, base_array_layer| {
            texture.create_view(&wgpu::TextureViewDescriptor {
                dimension: Some(wgpu::TextureViewDimension::D2),
                base_array_layer,
                array_layer_count: Some(1),
                ..wgpu::TextureViewDescriptor::default()
            })
        };
        let (depth, color) = (view(&self.depths, layer), view(&self.colors, layer));
        let nearest = view(&self.nearest, 0);
        fn cleared(view: &wgpu::TextureView) -> Option<wgpu::RenderPassColorAttachment<'_>> {
            Some(wgpu::RenderPassColorAttachment {
                view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })
        }
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("surfaces"),
            color_attachments: &[cleared(&depth), cleared(&color)],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &nearest,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Discard,
                }),
                stencil_ops: None,
            }),
            ..wgpu::RenderPassDescriptor::default()
        })
    }
}

fn bind_surface(drawing: &mut Drawing<'_>, layer: &SurfaceLayer<'_>, view: &View) -> wgpu::BindGroup {
    let device = &drawing.device.device;
    let uniform = uniform_buffer(device, &surface_uniform(layer, view));
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("surface"),
        layout: &drawing.pipelines.surface_layouts()[1],
        entries: &[entry(0, uniform.as_entire_binding())],
    })
}

fn surface_uniform(layer: &SurfaceLayer<'_>, view: &View) -> layout::Surface {
    let view_from_surface = view.view_from_patient * layer.patient_from_surface;
    let column = |v: geometry::DVec3| {
        let [x, y, z] = v.as_vec3().to_array();
        [x, y, z, 0.0]
    };
    let matrix = view_from_surface.matrix3;
    let normal: DMat3 = matrix.inverse().transpose();
    let (color, painted) = match layer.paint {
        Paint::Plain(color) => (color, false),
        Paint::Own | Paint::Distances(_) => ([1.0; 3], layer.surface.is_painted()),
    };
    let [r, g, b] = color.map(decode);
    layout::Surface {
        view_from_surface_x: column(matrix.x_axis),
        view_from_surface_y: column(matrix.y_axis),
        view_from_surface_z: column(matrix.z_axis),
        origin_in_view: column(view_from_surface.translation),
        normal_x: column(normal.x_axis),
        normal_y: column(normal.y_axis),
        normal_z: column(normal.z_axis),
        color: [r, g, b, layer.opacity.clamp(0.0, 1.0)],
        material: [layer.material.roughness, layer.material.metallic],
        painted: u32::from(painted),
        smooth_shaded: u32::from(!layer.surface.mesh().normals.is_empty()),
    }
}
