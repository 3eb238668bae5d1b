//! Pipelines for surfaces.

use std::collections::HashMap;

use shaders::Names;

use super::mesh::VERTEX;
use crate::gpu::pipelines::{module, pipeline_layout, storage, uniform};
use crate::gpu::{Device, DrawError};

/// Depth, and the place of the surface in the scene.
pub(super) const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Rg32Float;
pub(super) const COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
pub(super) const NEAREST: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;
pub(super) const COUNT: wgpu::TextureFormat = wgpu::TextureFormat::Rg16Float;
pub(super) const SHARE: wgpu::TextureFormat = wgpu::TextureFormat::R8Unorm;

/// Which walls a pass is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Walls {
    /// The nearest.
    Nearest,
    /// The nearest behind those that were peeled.
    Next,
}

/// What a pipeline draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Show(Walls),
    Cap(Walls),
    Count,
    Share,
}

/// Pipelines for surfaces, made when they are first needed and kept.
#[derive(Debug)]
pub(in crate::gpu) struct SurfacePipelines {
    pub(super) frame_layout: wgpu::BindGroupLayout,
    pub(super) surface_layout: wgpu::BindGroupLayout,
    pub(super) passed_layout: wgpu::BindGroupLayout,
    pub(super) counts_layout: wgpu::BindGroupLayout,
    pub(super) outline_layout: wgpu::BindGroupLayout,
    pub(super) sampler: wgpu::Sampler,
    kept: HashMap<Kind, wgpu::RenderPipeline>,
    outlines: HashMap<wgpu::TextureFormat, wgpu::RenderPipeline>,
}

impl SurfacePipelines {
    pub(in crate::gpu) fn new(device: &Device) -> Self {
        let both = wgpu::ShaderStages::VERTEX_FRAGMENT;
        let fragment = wgpu::ShaderStages::FRAGMENT;
        let texture = |binding, view_dimension, filterable| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: fragment,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable },
                view_dimension,
                multisampled: false,
            },
            count: None,
        };
        let flat = wgpu::TextureViewDimension::D2;
        let layers = wgpu::TextureViewDimension::D2Array;
        let sampler = wgpu::BindGroupLayoutEntry {
            binding: 2,
            visibility: fragment,
            ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
            count: None,
        };
        let layout = |label, entries: &[wgpu::BindGroupLayoutEntry]| {
            device
                .device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                    label: Some(label),
                    entries,
                })
        };
        Self {
            frame_layout: layout("frame of surfaces", &[uniform(0, both)]),
            surface_layout: layout(
                "surface",
                &[
                    uniform(0, both),
                    texture(1, flat, true),
                    sampler,
                    storage(3, fragment, true),
                ],
            ),
            passed_layout: layout("passed", &[texture(0, flat, false), texture(1, flat, false)]),
            counts_layout: layout("counts", &[texture(0, layers, false)]),
            outline_layout: layout("outline", &[uniform(0, fragment), texture(1, layers, false)]),
            // Beyond the picture it repeats.
            sampler: device.device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("picture on a surface"),
                address_mode_u: wgpu::AddressMode::Repeat,
                address_mode_v: wgpu::AddressMode::Repeat,
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..wgpu::SamplerDescriptor::default()
            }),
            kept: HashMap::new(),
            outlines: HashMap::new(),
        }
    }

    /// Forgets the pipelines, as when a shader file changed.
    pub(in crate::gpu) fn clear(&mut self) {
        self.kept.clear();
        self.outlines.clear();
    }

    /// The pipeline for `kind`.
    ///
    /// # Errors
    /// When the shader files make no module.
    pub(super) fn get(&mut self, device: &Device, kind: Kind) -> Result<&wgpu::RenderPipeline, DrawError> {
        if !self.kept.contains_key(&kind) {
            let pipeline = self.make(device, kind)?;
            self.kept.insert(kind, pipeline);
        }
        Ok(self.kept(kind))
    }

    /// Makes the pipelines that a pass over `walls` needs.
    ///
    /// # Errors
    /// When the shader files make no module.
    pub(super) fn prepare(&mut self, device: &Device, walls: Walls, caps: bool) -> Result<(), DrawError> {
        self.get(device, Kind::Show(walls))?;
        if caps {
            self.get(device, Kind::Cap(walls))?;
        }
        Ok(())
    }

    /// A pipeline that was made before.
    pub(super) fn kept(&self, kind: Kind) -> &wgpu::RenderPipeline {
        &self.kept[&kind]
    }

    fn make(&self, device: &Device, kind: Kind) -> Result<wgpu::RenderPipeline, DrawError> {
        let mut names = Names::default();
        if let Kind::Show(Walls::Next) | Kind::Cap(Walls::Next) = kind {
            names = names.with("PEEL", "");
        }
        if let Kind::Cap(_) = kind {
            names = names.with("CAP", "");
        }
        let module = module(device, "surface", shaders::assemble("surface.wgsl", &names)?);
        let layout = pipeline_layout(
            device,
            &[
                Some(&self.frame_layout),
                Some(&self.surface_layout),
                matches!(kind, Kind::Show(Walls::Next) | Kind::Cap(Walls::Next))
                    .then_some(&self.passed_layout),
                matches!(kind, Kind::Cap(_)).then_some(&self.counts_layout),
            ],
        );
        Ok(make(device, &module, &layout, kind))
    }

    /// The pipeline that draws lines into a target of `format`.
    ///
    /// # Errors
    /// When the shader files make no module.
    pub(super) fn outline(
        &mut self,
        device: &Device,
        format: wgpu::TextureFormat,
    ) -> Result<&wgpu::RenderPipeline, DrawError> {
        if !self.outlines.contains_key(&format) {
            let source = shaders::assemble("outline.wgsl", &Names::default())?;
            let module = module(device, "outline", source);
            let layout = pipeline_layout(device, &[Some(&self.outline_layout)]);
            let target = wgpu::ColorTargetState {
                format,
                blend: Some(wgpu::BlendState::ALPHA_BLENDING),
                // The picture stays opaque.
                write_mask: wgpu::ColorWrites::COLOR,
            };
            let stages = Stages {
                module: &module,
                vertex: "cover",
                buffers: &[],
                fragment: "outline",
                targets: &[Some(target)],
            };
            let pipeline = stages.pipeline(device, &layout, None);
            self.outlines.insert(format, pipeline);
        }
        Ok(&self.outlines[&format])
    }
}

fn make(
    device: &Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::PipelineLayout,
    kind: Kind,
) -> wgpu::RenderPipeline {
    let add = wgpu::BlendComponent {
        src_factor: wgpu::BlendFactor::One,
        dst_factor: wgpu::BlendFactor::One,
        operation: wgpu::BlendOperation::Add,
    };
    let added = |format| {
        Some(wgpu::ColorTargetState {
            format,
            blend: Some(wgpu::BlendState {
                color: add,
                alpha: add,
            }),
            write_mask: wgpu::ColorWrites::ALL,
        })
    };
    let fragments = [Some(DEPTH.into()), Some(COLOR.into())];
    let mesh = [Some(VERTEX)];
    let (vertex, buffers, fragment, targets, compare): (_, &[_], _, &[_], _) = match kind {
        Kind::Show(_) => (
            "place",
            &mesh,
            "show",
            &fragments,
            Some(wgpu::CompareFunction::Greater),
        ),
        Kind::Cap(_) => (
            "place_cap",
            &[],
            "show_cap",
            &fragments,
            Some(wgpu::CompareFunction::Greater),
        ),
        Kind::Count => ("place", &mesh, "count", &[added(COUNT)], None),
        Kind::Share => (
            "place",
            &mesh,
            "cover_share",
            &[added(SHARE)],
            Some(wgpu::CompareFunction::Less),
        ),
    };
    let stages = Stages {
        module,
        vertex,
        buffers,
        fragment,
        targets,
    };
    stages.pipeline(device, layout, compare)
}

/// What the stages of a pipeline run.
struct Stages<'a> {
    module: &'a wgpu::ShaderModule,
    vertex: &'a str,
    buffers: &'a [Option<wgpu::VertexBufferLayout<'a>>],
    fragment: &'a str,
    targets: &'a [Option<wgpu::ColorTargetState>],
}

impl Stages<'_> {
    /// The pipeline, with a depth buffer where there is a comparison for it. Surfaces have two sides: none is left out.
    fn pipeline(
        &self,
        device: &Device,
        layout: &wgpu::PipelineLayout,
        compare: Option<wgpu::CompareFunction>,
    ) -> wgpu::RenderPipeline {
        device
            .device
            .create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some(self.fragment),
                layout: Some(layout),
                vertex: wgpu::VertexState {
                    module: self.module,
                    entry_point: Some(self.vertex),
                    compilation_options: wgpu::PipelineCompilationOptions::default(),
                    buffers: self.buffers,
                },
                primitive: wgpu::PrimitiveState::default(),
                depth_stencil: compare.map(|compare| wgpu::DepthStencilState {
                    format: NEAREST,
                    depth_write_enabled: Some(true),
                    depth_compare: Some(compare),
                    stencil: wgpu::StencilState::default(),
                    bias: wgpu::DepthBiasState::default(),
                }),
                multisample: wgpu::MultisampleState::default(),
                fragment: Some(wgpu::FragmentState {
                    module: self.module,
                    entry_point: Some(self.fragment),
                    compilation_options: wgpu::PipelineCompilationOptions::default(),
                    targets: self.targets,
                }),
                multiview_mask: None,
                cache: None,
            })
    }
}
