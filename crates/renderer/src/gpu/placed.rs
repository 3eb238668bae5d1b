//! What volumes look like, as it lies on the device.

use geometry::DVec3;
use volume::BRICK_SIDE;
use wgpu::util::DeviceExt;

use super::cast::{View, entry, uniform_buffer};
use super::field::Field;
use super::look::Look;
use super::pipelines::{Pipelines, VolumeKey};
use super::store::Source;
use super::{Device, layout};
use crate::occlusion::Coverage;
use crate::{AmbientOcclusion, Projection, ResidentVolume, Shading, Shadows, TransferFunction, VolumeLayer};

/// A [`Look`] on the device, with what it was made from.
#[derive(Debug)]
pub(super) struct PlacedLook {
    revision: u64,
    transfer: TransferFunction,
    projection: Projection,
    step_mm: f64,
    table: wgpu::Buffer,
    distances: wgpu::TextureView,
    bytes: u64,
    entry_from_texel: (f32, f32),
    entries: u32,
    blocks: [u32; 3],
    /// In an atlas, whether anything is visible in each brick of the finest level, columns first.
    bricks: Vec<bool>,
}

impl PlacedLook {
    pub(super) fn new(device: &Device, layer: &VolumeLayer<'_>, step_mm: f64, source: &Source) -> Self {
        let Source { field, cells, .. } = source;
        let look = Look::new(
            layer.volume,
            cells,
            (layer.transfer, layer.projection),
            step_mm,
            field.kind,
        );
        let table = device
            .device
            .create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("table"),
                contents: bytemuck::cast_slice(&look.table),
                usage: wgpu::BufferUsages::STORAGE,
            });
        let blocks = look.blocks.map(|n| n as u32);
        let [width, height, depth_or_array_layers] = blocks;
        let distances = device.device.create_texture_with_data(
            &device.queue,
            &wgpu::TextureDescriptor {
                label: Some("distances"),
                size: wgpu::Extent3d {
                    width,
                    height,
                    depth_or_array_layers,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D3,
                format: wgpu::TextureFormat::R8Uint,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            },
            wgpu::util::TextureDataOrder::default(),
            &look.distances,
        );
        Self {
            bricks: match (field.kind.bricks, layer.projection) {
                (false, _) => Vec::new(),
                (true, Projection::Composite) => look.visible_bricks(),
                // Every value counts.
                (true, _) => vec![true; look.visible_bricks().len()],
            },
            revision: layer.volume.revision(),
            transfer: layer.transfer.clone(),
            projection: layer.projection,
            step_mm,
            bytes: table.size() + look.distances.len() as u64,
            table,
            distances: distances.create_view(&wgpu::TextureViewDescriptor::default()),
            entry_from_texel: look.entry_from_texel,
            entries: look.table.len() as u32,
            blocks,
        }
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether this was made for `layer` as it is now.
    pub(super) fn is_for(&self, layer: &VolumeLayer<'_>, step_mm: f64) -> bool {
        self.revision == layer.volume.revision()
            && self.step_mm == step_mm
            && self.projection == layer.projection
            && self.transfer == *layer.transfer
    }
}

/// A [`Coverage`] on the device.
#[derive(Debug)]
pub(super) struct PlacedCoverage {
    coverage: Coverage,
    view: wgpu::TextureView,
}

impl PlacedCoverage {
    pub(super) fn new(device: &Device, layer: &VolumeLayer<'_>) -> Self {
        let coverage = Coverage::new(layer);
        let [width, height, depth_or_array_layers] = coverage.cells().map(|n| n as u32);
        let texture = device.device.create_texture_with_data(
            &device.queue,
            &wgpu::TextureDescriptor {
                label: Some("coverage"),
                size: wgpu::Extent3d {
                    width,
                    height,
                    depth_or_array_layers,
                },
                mip_level_count: coverage.levels().len() as u32,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D3,
                format: wgpu::TextureFormat::R8Unorm,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            },
            wgpu::util::TextureDataOrder::MipMajor,
            &coverage.levels().concat(),
        );
        Self {
            view: texture.create_view(&wgpu::TextureViewDescriptor::default()),
            coverage,
        }
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        self.coverage.bytes()
    }

    /// Whether this was made for `layer` as it is now.
    pub(super) fn is_of(&self, layer: &VolumeLayer<'_>) -> bool {
        self.coverage.is_of(layer)
    }
}

/// All of a volume on the device.
pub(super) struct Placed<'a> {
    pub(super) field: &'a Field,
    pub(super) look: &'a PlacedLook,
    pub(super) occluder: Option<&'a PlacedCoverage>,
}

impl Placed<'_> {
    /// The volume as the shader binds it.
    pub(super) fn bind(
        &self,
        device: &Device,
        pipelines: &mut Pipelines,
        key: VolumeKey,
        layer: &VolumeLayer<'_>,
        view: &View,
    ) -> wgpu::BindGroup {
        let uniform = uniform_buffer(&device.device, &self.uniform(layer, view));
        let sampler = pipelines.sampler.clone();
        let texture = wgpu::BindingResource::TextureView;
        let mut entries = vec![
            entry(0, uniform.as_entire_binding()),
            entry(1, self.look.table.as_entire_binding()),
            entry(2, texture(&self.look.distances)),
            entry(3, texture(self.field.view())),
        ];
        if self.field.kind.filtered {
            entries.push(entry(4, wgpu::BindingResource::Sampler(&sampler)));
        }
        if let Some(table) = self.field.table() {
            entries.push(entry(5, texture(table)));
        }
        if let Some(occluder) = self.occluder {
            entries.push(entry(6, texture(&occluder.view)));
            entries.push(entry(7, wgpu::BindingResource::Sampler(&sampler)));
        }
        device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("volume"),
            layout: pipelines.volume_layout(device, key),
            entries: &entries,
        })
    }

    fn uniform(&self, layer: &VolumeLayer<'_>, view: &View) -> layout::Volume {
        let (look, occluder) = (self.look, self.occluder);
        let grid = layer.volume.grid();
        let voxel_from_view = grid.voxel_from_patient() * view.view_from_patient.inverse();
        let column = |v: DVec3| {
            let [x, y, z] = v.as_vec3().to_array();
            [x, y, z, 0.0]
        };
        let [nx, ny, nz] = grid.dims().map(|n| n as f32);
        let [bx, by, bz] = look.blocks;
        let spacing = grid.spacing_mm();
        let diagonal: f64 = (0..3)
            .map(|axis| f64::from(grid.dims()[axis]) * spacing[axis])
            .sum();
        layout::Volume {
            voxel_from_view_x: column(voxel_from_view.matrix3.x_axis),
            voxel_from_view_y: column(voxel_from_view.matrix3.y_axis),
            voxel_from_view_z: column(voxel_from_view.matrix3.z_axis),
            eye_in_voxel: column(voxel_from_view.translation),
            dims_and_step: [nx, ny, nz, look.step_mm as f32],
            blocks: [bx, by, bz, 0],
            coverage: occluder.map_or([0.0; 4], |of| {
                let [x, y, z] = of.coverage.unit_from_voxel();
                [x, y, z, of.coverage.cell_mm()]
            }),
            table_scale: look.entry_from_texel.0,
            table_offset: look.entry_from_texel.1,
            table_last: (look.entries - 1) as f32,
            shaded: u32::from(layer.shading == Shading::Lit),
            // Each step is looked at twice at most: for what its block holds, and for itself.
            most_steps: 2 * (diagonal / look.step_mm) as u32 + 16,
            projection: match layer.projection {
                Projection::Composite => 0,
                Projection::Maximum => 1,
                Projection::Minimum => 2,
                Projection::Average => 3,
            },
            occlusion: u32::from(layer.occlusion.shadows == Shadows::Soft)
                | u32::from(layer.occlusion.ambient == AmbientOcclusion::On) << 1,
            _after: 0,
        }
    }
}

/// A level coarser than all: for bricks that a picture does not show.
pub(super) const UNWANTED: u32 = 31;

/// The level that a picture wants of each brick: where a pixel covers about one sample.
pub(super) fn wanted_levels(
    look: &PlacedLook,
    volume: &ResidentVolume,
    view: &View,
    [width, height]: [u32; 2],
    bricks: [u32; 3],
) -> Vec<u32> {
    let grid = volume.grid();
    let view_from_voxel = view.view_from_patient * grid.patient_from_voxel();
    let spacing = grid.spacing_mm();
    let sample_mm = spacing.into_iter().fold(f64::INFINITY, f64::min);
    let side = f64::from(BRICK_SIDE);
    let radius_mm = DVec3::from_array(spacing).length() * side * 0.5;
    let pixel_at_1mm = 2.0 * view.half / f64::from(height);
    let [bx, by, _] = bricks;
    let level = |(index, &is_visible): (usize, &bool)| {
        let index = index as u32;
        let brick = [index % bx, index / bx % by, index / bx / by].map(f64::from);
        let p = view_from_voxel.transform_point3((DVec3::from_array(brick) + 0.5) * side);
        let depth = -p.z;
        let reach = view.half * depth.max(0.0) + radius_mm * 1.5;
        let is_beside =
            p.y.abs() > reach || p.x.abs() > reach * f64::from(width) / f64::from(height) + radius_mm;
        if !is_visible || depth < -radius_mm || is_beside {
            return UNWANTED;
        }
        let pixel_mm = (depth - radius_mm).max(1.0) * pixel_at_1mm;
        (pixel_mm / sample_mm).log2().clamp(0.0, f64::from(UNWANTED)) as u32
    };
    look.bricks.iter().enumerate().map(level).collect()
}
