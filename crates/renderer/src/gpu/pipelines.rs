//! Pipelines, made when a scene first needs them and kept.

use std::collections::HashMap;

use shaders::Names;

use super::field::FieldKind;
use super::slice::SlicePipelines;
use super::surface::SurfacePipelines;
use super::{Device, DrawError};

/// What distinguishes one casting pipeline from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CastKey {
    /// One entry a volume.
    pub(super) volumes: Vec<VolumeKey>,
    pub(super) surfaces: SurfaceMode,
}

/// What surfaces have to do with a casting pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SurfaceMode {
    /// There are none.
    None,
    /// There is one fragment a pixel.
    Nearest,
    /// There is one fragment a pixel, and more will come.
    Peel,
    /// There were fragments, and this is the last.
    Last,
}

/// What distinguishes the code for one volume from that for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct VolumeKey {
    pub(super) field: FieldKind,
    /// Whether it is one value a ray.
    pub(super) projected: bool,
    /// Whether its rest keeps light away.
    pub(super) occluded: bool,
}

/// Names under which the files of `shaders` make a casting module.
impl CastKey {
    fn names(&self) -> Names {
        let volumes = self.volumes.iter().enumerate();
        let volumes = volumes.map(|(k, volume)| {
            let flags = [("PROJECTED", volume.projected), ("OCCLUDED", volume.occluded)];
            let flags = flags.into_iter().filter(|(_, is_set)| *is_set);
            flags.fold(repeated(k, volume.field), |names, (flag, _)| names.with(flag, ""))
        });
        let names = Names::default().with_list("VOLUMES", volumes.collect());
        let names = if self.volumes.len() == 1 {
            names.with("SINGLE", "")
        } else {
            names
        };
        let flags: &[&'static str] = match self.surfaces {
            SurfaceMode::None => &[],
            SurfaceMode::Nearest => &["SURFACES"],
            SurfaceMode::Peel => &["SURFACES", "STATES", "PEEL"],
            SurfaceMode::Last => &["SURFACES", "STATES"],
        };
        flags.iter().fold(names, |names, flag| names.with(flag, ""))
    }

    /// The text of the module.
    pub(super) fn source(&self) -> Result<String, DrawError> {
        Ok(shaders::assemble("cast.wgsl", &self.names())?)
    }
}

/// All pipelines of one device.
#[derive(Debug)]
pub(super) struct Pipelines {
    frame_layout: [wgpu::BindGroupLayout; 3],
    resolve_layout: wgpu::BindGroupLayout,
    volume_layouts: HashMap<(FieldKind, bool), wgpu::BindGroupLayout>,
    cast: HashMap<CastKey, wgpu::ComputePipeline>,
    resolve: HashMap<wgpu::TextureFormat, wgpu::RenderPipeline>,
    pub(super) slices: SlicePipelines,
    pub(super) surfaces: SurfacePipelines,
    pub(super) sampler: wgpu::Sampler,
    /// Of the shader files that the pipelines were made from.
    revision: u64,
}

impl Pipelines {
    pub(super) fn new(device: &Device) -> Self {
        let slices = SlicePipelines::new(device);
        let surfaces = SurfacePipelines::new(device);
        let device = &device.device;
        let compute = wgpu::ShaderStages::COMPUTE;
        let frame = uniform(0, compute);
        let sums = storage(1, compute, false);
        let layers = |binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: compute,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable: false },
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            },
            count: None,
        };
        let layout = |label, entries: &[wgpu::BindGroupLayoutEntry]| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(label),
                entries,
            })
        };
        let fragment = wgpu::ShaderStages::FRAGMENT;
        Self {
            frame_layout: [
                layout("frame", &[frame, sums]),
                layout("frame with surfaces", &[frame, sums, layers(2), layers(3)]),
                layout(
                    "frame with states",
                    &[frame, sums, layers(2), layers(3), storage(4, compute, false)],
                ),
            ],
            resolve_layout: layout("resolve", &[uniform(0, fragment), storage(1, fragment, true)]),
            volume_layouts: HashMap::new(),
            cast: HashMap::new(),
            resolve: HashMap::new(),
            slices,
            surfaces,
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("linear"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..wgpu::SamplerDescriptor::default()
            }),
            revision: shaders::revision(),
        }
    }

    /// Forgets the pipelines when a shader file changed.
    pub(super) fn refresh(&mut self) {
        let revision = shaders::revision();
        if revision != self.revision {
            self.revision = revision;
            self.cast.clear();
            self.resolve.clear();
            self.slices.clear();
            self.surfaces.clear();
        }
    }

    pub(super) fn frame_layout(&self, surfaces: SurfaceMode) -> &wgpu::BindGroupLayout {
        match surfaces {
            SurfaceMode::None => &self.frame_layout[0],
            SurfaceMode::Nearest => &self.frame_layout[1],
            SurfaceMode::Peel | SurfaceMode::Last => &self.frame_layout[2],
        }
    }

    pub(super) fn resolve_layout(&self) -> &wgpu::BindGroupLayout {
        &self.resolve_layout
    }

    pub(super) fn volume_layout(&mut self, device: &Device, key: VolumeKey) -> &wgpu::BindGroupLayout {
        self.volume_layouts
            .entry((key.field, key.occluded))
            .or_insert_with(|| volume_layout(&device.device, key))
    }

    /// The pipeline that casts rays through volumes and surfaces of these kinds.
    ///
    /// # Errors
    /// When the shader files make no module.
    pub(super) fn cast(
        &mut self,
        device: &Device,
        key: &CastKey,
    ) -> Result<&wgpu::ComputePipeline, DrawError> {
        if !self.cast.contains_key(key) {
            let pipeline = self.make_cast(device, key)?;
            self.cast.insert(key.clone(), pipeline);
        }
        Ok(&self.cast[key])
    }

    fn make_cast(&mut self, device: &Device, key: &CastKey) -> Result<wgpu::ComputePipeline, DrawError> {
        for &volume in &key.volumes {
            self.volume_layout(device, volume);
        }
        let volumes = key
            .volumes
            .iter()
            .map(|volume| Some(&self.volume_layouts[&(volume.field, volume.occluded)]));
        let groups: Vec<_> = [Some(self.frame_layout(key.surfaces))]
            .into_iter()
            .chain(volumes)
            .collect();
        let module = module(device, "cast", key.source()?);
        let layout = pipeline_layout(device, &groups);
        Ok(device
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("cast"),
                layout: Some(&layout),
                module: &module,
                entry_point: Some("cast_rays"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            }))
    }

    /// The pipeline that brings sums of light to a target of `format`.
    ///
    /// # Errors
    /// When the shader files make no module.
    pub(super) fn resolve(
        &mut self,
        device: &Device,
        format: wgpu::TextureFormat,
    ) -> Result<&wgpu::RenderPipeline, DrawError> {
        if !self.resolve.contains_key(&format) {
            let module = module(
                device,
                "resolve",
                shaders::assemble("resolve.wgsl", &Names::default())?,
            );
            let layout = pipeline_layout(device, &[Some(&self.resolve_layout)]);
            let pipeline = full_picture(device, &module, &layout, "resolve_sums", format);
            self.resolve.insert(format, pipeline);
        }
        Ok(&self.resolve[&format])
    }
}

/// The names of volume `k` of a module.
pub(super) fn repeated(k: usize, field: FieldKind) -> Names {
    let names = Names::default()
        .with("K", k.to_string())
        .with("GROUP", (k + 1).to_string())
        .with("TEXEL", field.texel())
        .with("CELL", field.cell_side().to_string());
    let flags = [
        ("FIRST", k == 0),
        ("FILTERED", field.filtered),
        ("BRICKS", field.bricks),
    ];
    let flags = flags.into_iter().filter(|(_, is_set)| *is_set);
    flags.fold(names, |names, (flag, _)| names.with(flag, ""))
}

/// A module of our own text.
pub(super) fn module(device: &Device, label: &str, source: String) -> wgpu::ShaderModule {
    device.device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    })
}

pub(super) fn pipeline_layout(
    device: &Device,
    groups: &[Option<&wgpu::BindGroupLayout>],
) -> wgpu::PipelineLayout {
    device
        .device
        .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: groups,
            immediate_size: 0,
        })
}

/// A pipeline that runs `entry` for every pixel of a target; the module has a vertex stage `cover`.
pub(super) fn full_picture(
    device: &Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::PipelineLayout,
    entry: &str,
    format: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    device
        .device
        .create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(entry),
            layout: Some(layout),
            vertex: wgpu::VertexState {
                module,
                entry_point: Some("cover"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(format.into())],
            }),
            multiview_mask: None,
            cache: None,
        })
}

fn volume_layout(device: &wgpu::Device, key: VolumeKey) -> wgpu::BindGroupLayout {
    let kind = key.field;
    let compute = wgpu::ShaderStages::COMPUTE;
    let mut entries = vec![
        uniform(0, compute),
        storage(1, compute, true),
        volume_texture(2, compute, wgpu::TextureSampleType::Uint),
        volume_texture(3, compute, kind.sample_kind()),
    ];
    if kind.filtered {
        entries.push(filter(4, compute));
    }
    if kind.bricks {
        entries.push(volume_texture(5, compute, wgpu::TextureSampleType::Uint));
    }
    if key.occluded {
        let filterable = wgpu::TextureSampleType::Float { filterable: true };
        entries.push(volume_texture(6, compute, filterable));
        entries.push(filter(7, compute));
    }
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("volume"),
        entries: &entries,
    })
}

/// A sampler that goes linearly from texel to texel.
fn filter(binding: u32, visibility: wgpu::ShaderStages) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility,
        ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
        count: None,
    }
}

/// A 3D texture.
pub(super) fn volume_texture(
    binding: u32,
    visibility: wgpu::ShaderStages,
    sample_type: wgpu::TextureSampleType,
) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility,
        ty: wgpu::BindingType::Texture {
            sample_type,
            view_dimension: wgpu::TextureViewDimension::D3,
            multisampled: false,
        },
        count: None,
    }
}

pub(super) fn uniform(binding: u32, visibility: wgpu::ShaderStages) -> wgpu::BindGroupLayoutEntry {
    buffer(binding, visibility, wgpu::BufferBindingType::Uniform)
}

pub(super) fn storage(
    binding: u32,
    visibility: wgpu::ShaderStages,
    read_only: bool,
) -> wgpu::BindGroupLayoutEntry {
    buffer(
        binding,
        visibility,
        wgpu::BufferBindingType::Storage { read_only },
    )
}

fn buffer(
    binding: u32,
    visibility: wgpu::ShaderStages,
    ty: wgpu::BufferBindingType,
) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}
