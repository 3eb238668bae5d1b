//! Planes through volumes. Shader: `slice.wgsl`.

use std::collections::HashMap;

use geometry::DVec3;
use shaders::Names;
use volume::BRICK_SIDE;
use wgpu::util::DeviceExt;

use super::cast::{Drawing, Target, entry, full_picture_pass, uniform_buffer};
use super::field::{Field, FieldKind};
use super::pipelines::{full_picture, module, pipeline_layout, repeated, storage, uniform, volume_texture};
use super::placed::UNWANTED;
use super::{Device, DrawError, MAX_VOLUMES, layout};
use crate::slice::{Interpolation, Inversion, SlabProjection, Slice, SliceLayer, WindowFunction};
use crate::{ResidentVolume, TransferFunction};

/// Entries of a ramp of colors.
const RAMP: usize = 1024;
/// The most steps through a slab. Twin: `cpu::slice`.
const MAX_DEPTH: f64 = 8192.0;
/// Parts of a voxel that are no distance.
const EXACT: f64 = 1e-6;

/// A layer as the shader binds it.
struct BoundLayer {
    kind: FieldKind,
    group: wgpu::BindGroup,
}

/// Records the picture of `slice` to `target`, sRGB.
pub(super) fn draw(mut drawing: Drawing<'_>, slice: &Slice<'_>, target: Target<'_>) -> Result<(), DrawError> {
    slice.check()?;
    let volumes = slice.layers.len();
    if volumes > MAX_VOLUMES {
        return Err(DrawError::Volumes { volumes });
    }
    drawing
        .store
        .begin(slice.layers.iter().map(|layer| layer.volume), u64::MAX);
    let layers = slice.layers.iter().filter(|layer| !layer.volume.is_empty());
    let layers: Vec<BoundLayer> = layers
        .map(|layer| bind_layer(&mut drawing, slice, layer))
        .collect();
    let kinds: Vec<FieldKind> = layers.iter().map(|layer| layer.kind).collect();
    let frame = bind_slice(&mut drawing, slice, target.size)?;
    let pipeline =
        drawing
            .pipelines
            .slices
            .pipeline(drawing.device, &kinds, "slice_picture", target.format)?;
    let groups: Vec<&wgpu::BindGroup> = [&frame]
        .into_iter()
        .chain(layers.iter().map(|layer| &layer.group))
        .collect();
    full_picture_pass(drawing.encoder, pipeline, &groups, target.view);
    Ok(())
}

/// Records the bits of the values of one layer to `target`, which is `R32Uint`.
pub(super) fn draw_values(
    mut drawing: Drawing<'_>,
    slice: &Slice<'_>,
    layer: &SliceLayer<'_>,
    target: Target<'_>,
) -> Result<(), DrawError> {
    let layer = bind_layer(&mut drawing, slice, layer);
    let frame = bind_slice(&mut drawing, slice, target.size)?;
    let pipeline =
        drawing
            .pipelines
            .slices
            .pipeline(drawing.device, &[layer.kind], "slice_values", target.format)?;
    full_picture_pass(drawing.encoder, pipeline, &[&frame, &layer.group], target.view);
    Ok(())
}

fn bind_slice(
    drawing: &mut Drawing<'_>,
    slice: &Slice<'_>,
    size: [u32; 2],
) -> Result<wgpu::BindGroup, DrawError> {
    let plane = &slice.plane;
    let mut clip = [[0.0; 4]; layout::MAX_PLANES];
    let mut planes = 0;
    for face in slice.clip.faces() {
        // A face that is no number cuts nothing off.
        if !(face.inward.is_finite() && face.depth(plane.center_mm).is_finite()) {
            continue;
        }
        let at = clip.get_mut(planes).ok_or(DrawError::Planes)?;
        let along = |direction: DVec3| (face.inward.dot(direction) * plane.mm_per_pixel) as f32;
        *at = [
            along(plane.right),
            along(plane.down),
            0.0,
            face.depth(plane.center_mm) as f32,
        ];
        planes += 1;
    }
    let uniform = uniform_buffer(
        &drawing.device.device,
        &layout::Slice {
            size,
            projection: match slice.slab.projection {
                SlabProjection::Maximum => 0,
                SlabProjection::Minimum => 1,
                SlabProjection::Mean => 2,
            },
            planes: planes as u32,
            background: slice.background,
            _after: 0,
            clip,
        },
    );
    Ok(drawing
        .device
        .device
        .create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("slice"),
            layout: &drawing.pipelines.slices.frame_layout,
            entries: &[entry(0, uniform.as_entire_binding())],
        }))
}

fn bind_layer(drawing: &mut Drawing<'_>, slice: &Slice<'_>, layer: &SliceLayer<'_>) -> BoundLayer {
    let device = drawing.device;
    let wanted = |bricks| wanted_levels(slice, layer.volume, bricks);
    let (_, source) = drawing.store.serve(device, layer.volume, wanted);
    let field = &source.field;
    let kind = field.kind;
    let uniform = uniform_buffer(&device.device, &layer_uniform(slice, layer, field));
    let ramp = device
        .device
        .create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("ramp"),
            contents: bytemuck::cast_slice(&ramp(layer.colors)),
            usage: wgpu::BufferUsages::STORAGE,
        });
    let mut entries = vec![
        entry(0, uniform.as_entire_binding()),
        entry(1, wgpu::BindingResource::TextureView(field.view())),
        entry(2, ramp.as_entire_binding()),
    ];
    if let Some(table) = field.table() {
        entries.push(entry(3, wgpu::BindingResource::TextureView(table)));
    }
    let group = device.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("layer"),
        layout: drawing.pipelines.slices.layer_layout(device, kind),
        entries: &entries,
    });
    BoundLayer { kind, group }
}

/// The finest level for each brick that the plane or its slab passes through; anything for the others.
fn wanted_levels(slice: &Slice<'_>, volume: &ResidentVolume, bricks: [u32; 3]) -> Vec<u32> {
    let grid = volume.grid();
    let side = f64::from(BRICK_SIDE);
    // From the middle of a brick to its corner, along the normal of the plane; with the next samples.
    let matrix = grid.patient_from_voxel().matrix3;
    let inward = slice.plane.inward();
    let along = [matrix.x_axis, matrix.y_axis, matrix.z_axis].map(|axis| axis.dot(inward).abs());
    let reach_mm = along.iter().sum::<f64>() * (side * 0.5 + 1.0);
    let [bx, by, bz] = bricks;
    (0..bx * by * bz)
        .map(|index| {
            let brick = [index % bx, index / bx % by, index / bx / by].map(f64::from);
            let middle = (DVec3::from_array(brick) + 0.5) * side;
            let p = grid.patient_from_voxel().transform_point3(middle);
            let away = slice.plane.distance_mm(p).abs() - slice.slab.thickness_mm * 0.5;
            if away <= reach_mm { 0 } else { UNWANTED }
        })
        .collect()
}

/// sRGB and opacity by brightness; one entry of nothing for gray.
fn ramp(colors: Option<&TransferFunction>) -> Vec<[f32; 4]> {
    let entry = |colors: &TransferFunction, i: usize| {
        let ([r, g, b], opacity) = colors.display_at(i as f64 / (RAMP - 1) as f64);
        [r, g, b, opacity]
    };
    colors.map_or_else(
        || vec![[0.0; 4]],
        |colors| (0..RAMP).map(|i| entry(colors, i)).collect(),
    )
}

fn layer_uniform(slice: &Slice<'_>, layer: &SliceLayer<'_>, field: &Field) -> layout::Layer {
    let plane = &slice.plane;
    let grid = layer.volume.grid();
    let voxel_from_patient = grid.voxel_from_patient();
    let middle = voxel_from_patient.transform_point3(plane.center_mm);
    let step = |direction: DVec3| voxel_from_patient.transform_vector3(direction);
    // One step through the slab passes one sample along the axis that is passed fastest.
    let into = step(plane.inward());
    let fastest = into.abs().max_element().max(f64::MIN_POSITIVE);
    let depth = (slice.slab.thickness_mm * 0.5 * fastest + EXACT).floor();
    let scale = (2.0 * depth / MAX_DEPTH).max(1.0);
    // A plane far from the volume shows nothing of it, however far it is.
    let far = DVec3::splat(1e6);
    let whole = middle.floor().clamp(-far, far);
    let rest = (middle - whole).clamp(-far, far);
    let vector = |v: DVec3| {
        let [x, y, z] = v.as_vec3().to_array();
        [x, y, z, 0.0]
    };
    let [x, y, z] = whole.to_array().map(|v| v as i32);
    let [nx, ny, nz] = grid.dims().map(|n| n as i32);
    let (stored_scale, stored_offset) = field.kind.stored_from_texel();
    let rescale = layer.volume.rescale();
    layout::Layer {
        middle: [x, y, z, 0],
        rest: vector(rest),
        right: vector(step(plane.right) * plane.mm_per_pixel),
        down: vector(step(plane.down) * plane.mm_per_pixel),
        into: vector(into / fastest * scale),
        dims: [nx, ny, nz, 0],
        stored_scale: stored_scale as f32,
        stored_offset: stored_offset as f32,
        value_scale: rescale.slope as f32,
        value_offset: rescale.intercept as f32,
        window_center: layer.window.center as f32,
        window_width: layer.window.width as f32,
        window_function: match layer.window.function {
            WindowFunction::Linear => 0,
            WindowFunction::LinearExact => 1,
            WindowFunction::Sigmoid => 2,
        },
        inverted: u32::from(layer.inversion == Inversion::On),
        interpolated: u32::from(layer.interpolation == Interpolation::Linear),
        colors: if layer.colors.is_some() { RAMP as u32 } else { 0 },
        opacity: if layer.opacity.is_nan() {
            0.0
        } else {
            layer.opacity.clamp(0.0, 1.0)
        },
        rounded: u32::from(field.kind.is_normalized()),
        depth: (depth / scale) as u32,
        _after: [0; 3],
    }
}

/// Pipelines for planes.
#[derive(Debug)]
pub(super) struct SlicePipelines {
    frame_layout: wgpu::BindGroupLayout,
    layer_layouts: HashMap<FieldKind, wgpu::BindGroupLayout>,
    kept: HashMap<SliceKey, wgpu::RenderPipeline>,
}

/// The kinds of the layers, the entry and the target.
type SliceKey = (Vec<FieldKind>, &'static str, wgpu::TextureFormat);

impl SlicePipelines {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            frame_layout: device
                .device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                    label: Some("slice"),
                    entries: &[uniform(0, wgpu::ShaderStages::FRAGMENT)],
                }),
            layer_layouts: HashMap::new(),
            kept: HashMap::new(),
        }
    }

    /// Forgets the pipelines, as when a shader file changed.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    fn layer_layout(&mut self, device: &Device, kind: FieldKind) -> &wgpu::BindGroupLayout {
        self.layer_layouts
            .entry(kind)
            .or_insert_with(|| layer_layout(&device.device, kind))
    }

    /// The pipeline that shows a plane through volumes of these kinds.
    ///
    /// # Errors
    /// When the shader files make no module.
    fn pipeline(
        &mut self,
        device: &Device,
        kinds: &[FieldKind],
        entry: &'static str,
        format: wgpu::TextureFormat,
    ) -> Result<&wgpu::RenderPipeline, DrawError> {
        let key = (kinds.to_vec(), entry, format);
        if !self.kept.contains_key(&key) {
            for &kind in kinds {
                self.layer_layout(device, kind);
            }
            let layers = kinds.iter().map(|kind| Some(&self.layer_layouts[kind]));
            let groups: Vec<_> = [Some(&self.frame_layout)].into_iter().chain(layers).collect();
            let layers = kinds.iter().enumerate().map(|(k, kind)| repeated(k, *kind));
            let names = Names::default().with_list("LAYERS", layers.collect());
            let names = if entry == "slice_values" {
                names.with("VALUES", "")
            } else {
                names
            };
            let module = module(device, "slice", shaders::assemble("slice.wgsl", &names)?);
            let layout = pipeline_layout(device, &groups);
            let pipeline = full_picture(device, &module, &layout, entry, format);
            self.kept.insert(key.clone(), pipeline);
        }
        Ok(&self.kept[&key])
    }
}

fn layer_layout(device: &wgpu::Device, kind: FieldKind) -> wgpu::BindGroupLayout {
    let fragment = wgpu::ShaderStages::FRAGMENT;
    let mut entries = vec![
        uniform(0, fragment),
        volume_texture(1, fragment, kind.sample_kind()),
        storage(2, fragment, true),
    ];
    if kind.bricks {
        entries.push(volume_texture(3, fragment, wgpu::TextureSampleType::Uint));
    }
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("layer"),
        entries: &entries,
    })
}
