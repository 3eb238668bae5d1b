//! Pipelines, made when a scene first needs them and kept.

use std::collections::HashMap;

use shaders::Names;

use super::field::FieldKind;
use super::slice::SlicePipelines;
use super::store::CELL_SIDE;
use super::{Device, DrawError, surface};

/// What distinguishes one casting pipeline from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CastKey {
    /// One entry a volume.
    pub(super) volumes: Vec<VolumeKey>,
    pub(super) surfaces: bool,
}

/// What distinguishes the code for one volume from that for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct VolumeKey {
    pub(super) field: FieldKind,
}

/// Names under which the files of `shaders` make a casting module.
impl CastKey {
    fn names(&self) -> Names {
        let volumes = self.volumes.iter().enumerate();
        let volumes = volumes.map(|(k, volume)| repeated(k, volume.field));
        let names = Names::default()
            .with("CELL", CELL_SIDE.to_string())
            .with_list("VOLUMES", volumes.collect());
        let names = if self.volumes.len() == 1 {
            names.with("SINGLE", "")
        } else {
            names
        };
        if self.surfaces {
            names.with("SURFACES", "")
        } else {
            names
        }
    }

    /// The text of the module.
    pub(super) fn source(&self) -> Result<String, DrawError> {
        Ok(shaders::assemble("cast.wgsl", &self.names())?)
    }
}

/// All pipelines of one device.
#[derive(Debug)]
pub(super) struct Pipelines {
    frame_layout: [wgpu::BindGroupLayout; 2],
    resolve_layout: wgpu::BindGroupLayout,
    volume_layouts: HashMap<VolumeKey, wgpu::BindGroupLayout>,
    cast: HashMap<CastKey, wgpu::ComputePipeline>,
    resolve: HashMap<wgpu::TextureFormat, wgpu::RenderPipeline>,
    pub(super) slices: SlicePipelines,
    surface_layouts: [wgpu::BindGroupLayout; 2],
    surface: Option<wgpu::RenderPipeline>,
    pub(super) sampler: wgpu::Sampler,
    /// Of the shader files that the pipelines were made from.
    revision: u64,
}

impl Pipelines {
    pub(super) fn new(device: &Device) -> Self {
        let slices = SlicePipelines::new(device);
        let device = &device.device;
        let frame = uniform(0, wgpu::ShaderStages::COMPUTE);
        let sums = storage(1, wgpu::ShaderStages::COMPUTE, false);
        let layers = |binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable: false },
                view_dimension: wgpu::TextureViewDimension::D2Array,
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
            ],
            resolve_layout: layout("resolve", &[uniform(0, fragment), storage(1, fragment, true)]),
            volume_layouts: HashMap::new(),
            cast: HashMap::new(),
            resolve: HashMap::new(),
            slices,
            surface_layouts: [
                layout(
                    "frame of surfaces",
                    &[uniform(0, wgpu::ShaderStages::VERTEX_FRAGMENT)],
                ),
                layout("surface", &[uniform(0, wgpu::ShaderStages::VERTEX_FRAGMENT)]),
            ],
            surface: None,
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
            self.surface = None;
        }
    }

    pub(super) fn frame_layout(&self, surfaces: bool) -> &wgpu::BindGroupLayout {
        &self.frame_layout[usize::from(surfaces)]
    }

    pub(super) fn resolve_layout(&self) -> &wgpu::BindGroupLayout {
        &self.resolve_layout
    }

    pub(super) fn volume_layout(&mut self, device: &Device, key: VolumeKey) -> &wgpu::BindGroupLayout {
        self.volume_layouts
            .entry(key)
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
            .map(|volume| Some(&self.volume_layouts[volume]));
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

impl Pipelines {
    pub(super) fn surface_layouts(&self) -> &[wgpu::BindGroupLayout; 2] {
        &self.surface_layouts
    }

    /// The pipeline that draws surfaces.
    ///
    /// # Errors
    /// When the shader files make no module.
    pub(super) fn surface(&mut self, device: &Device) -> Result<&wgpu::RenderPipeline, DrawError> {
        let pipeline = match self.surface.take() {
            Some(pipeline) => pipeline,
            None => {
                let source = shaders::assemble("surface.wgsl", &Names::default())?;
                let module = module(device, "surface", source);
                let [frame, surface] = &self.surface_layouts;
                let layout = pipeline_layout(device, &[Some(frame), Some(surface)]);
                surface_pipeline(device, &module, &layout)
            }
        };
        Ok(self.surface.insert(pipeline))
    }
}

fn surface_pipeline(
    device: &Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::PipelineLayout,
) -> wgpu::RenderPipeline {
    device
        .device
        .create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("surface"),
            layout: Some(layout),
            vertex: wgpu::VertexState {
                module,
                entry_point: Some("place"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[Some(surface::VERTEX)],
            },
            // Surfaces have two sides.
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: Some(wgpu::DepthStencilState {
                format: surface::NEAREST_FORMAT,
                depth_write_enabled: Some(true),
                depth_compare: Some(wgpu::CompareFunction::Greater),
                stencil: wgpu::StencilState::default(),
                bias: wgpu::DepthBiasState::default(),
            }),
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module,
                entry_point: Some("show"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[
                    Some(surface::DEPTH_FORMAT.into()),
                    Some(surface::COLOR_FORMAT.into()),
                ],
            }),
            multiview_mask: None,
            cache: None,
        })
}

/// The names of volume `k` of a module.
pub(super) fn repeated(k: usize, field: FieldKind) -> Names {
    let names = Names::default()
        .with("K", k.to_string())
        .with("GROUP", (k + 1).to_string())
        .with("TEXEL", field.texel());
    let names = if k == 0 { names.with("FIRST", "") } else { names };
    if field.filtered {
        names.with("FILTERED", "")
    } else {
        names
    }
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
    let compute = wgpu::ShaderStages::COMPUTE;
    let texture = |binding, sample_type| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: compute,
        ty: wgpu::BindingType::Texture {
            sample_type,
            view_dimension: wgpu::TextureViewDimension::D3,
            multisampled: false,
        },
        count: None,
    };
    let mut entries = vec![
        uniform(0, compute),
        storage(1, compute, true),
        texture(2, wgpu::TextureSampleType::Uint),
        texture(3, key.field.sample_kind()),
    ];
    if key.field.filtered {
        entries.push(wgpu::BindGroupLayoutEntry {
            binding: 4,
            visibility: compute,
            ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
            count: None,
        });
    }
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("volume"),
        entries: &entries,
    })
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
