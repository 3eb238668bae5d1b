//! What surfaces are drawn into.

use super::Fragments;
use super::pipelines::{COLOR, COUNT, DEPTH, NEAREST, SHARE, SurfacePipelines};
use crate::gpu::Device;
use crate::gpu::cast::entry;

/// What a picture needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) size: [u32; 2],
    /// Whether transparent surfaces are peeled.
    pub(super) peels: bool,
    /// Surfaces with a cut.
    pub(super) counts: u32,
    /// Surfaces with a line.
    pub(super) shares: u32,
}

/// Textures of the size of a picture.
#[derive(Debug)]
pub(super) struct Targets {
    pub(super) wanted: Wanted,
    opaque: [wgpu::TextureView; 2],
    /// Depths of even and odd peels, and their color.
    peeled: Option<([wgpu::TextureView; 2], wgpu::TextureView)>,
    nearest: wgpu::TextureView,
    counts: Option<wgpu::Texture>,
    shares: Option<wgpu::Texture>,
    bytes: u64,
}

impl Targets {
    pub(super) fn new(device: &Device, wanted: Wanted) -> Self {
        let [width, height] = wanted.size;
        let mut bytes = 0;
        let mut texture = |label, format: wgpu::TextureFormat, layers: u32| {
            bytes += u64::from(width)
                * u64::from(height)
                * u64::from(layers)
                * u64::from(format.block_copy_size(None).unwrap_or(4));
            device.device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d {
                    width,
                    height,
                    depth_or_array_layers: layers,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            })
        };
        let view = |texture: wgpu::Texture| texture.create_view(&wgpu::TextureViewDescriptor::default());
        Self {
            wanted,
            opaque: [
                view(texture("opaque depths", DEPTH, 1)),
                view(texture("opaque colors", COLOR, 1)),
            ],
            peeled: wanted.peels.then(|| {
                let depths = [
                    view(texture("even depths", DEPTH, 1)),
                    view(texture("odd depths", DEPTH, 1)),
                ];
                (depths, view(texture("peeled colors", COLOR, 1)))
            }),
            nearest: view(texture("nearest", NEAREST, 1)),
            counts: (wanted.counts > 0).then(|| texture("counts", COUNT, wanted.counts)),
            shares: (wanted.shares > 0).then(|| texture("shares", SHARE, wanted.shares)),
            bytes,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn opaque_fragments(&self) -> Fragments {
        let [depths, colors] = self.opaque.clone();
        Fragments { depths, colors }
    }

    pub(super) fn peeled_fragments(&self, peel: u32) -> Fragments {
        match &self.peeled {
            Some((depths, colors)) => Fragments {
                depths: depths[peel as usize % 2].clone(),
                colors: colors.clone(),
            },
            None => self.opaque_fragments(),
        }
    }

    pub(super) fn begin_opaque<'a>(&self, encoder: &'a mut wgpu::CommandEncoder) -> wgpu::RenderPass<'a> {
        let [depths, colors] = &self.opaque;
        self.begin_fragments(encoder, [depths, colors], CLEAR)
    }

    pub(super) fn begin_peel<'a>(
        &self,
        encoder: &'a mut wgpu::CommandEncoder,
        peel: u32,
    ) -> wgpu::RenderPass<'a> {
        let Fragments { depths, colors } = self.peeled_fragments(peel);
        // Where no wall is left, none comes later either.
        self.begin_fragments(encoder, [&depths, &colors], wgpu::LoadOp::Clear(BEYOND))
    }

    /// Before the first peel nothing was peeled.
    pub(super) fn forget_peeled(&self, encoder: &mut wgpu::CommandEncoder) {
        if let Some(([_, odd], _)) = &self.peeled {
            begin(encoder, &[attachment(odd, CLEAR)], None);
        }
    }

    fn begin_fragments<'a>(
        &self,
        encoder: &'a mut wgpu::CommandEncoder,
        [depths, colors]: [&wgpu::TextureView; 2],
        none: wgpu::LoadOp<wgpu::Color>,
    ) -> wgpu::RenderPass<'a> {
        let nearest = depth_attachment(&self.nearest, 0.0);
        begin(
            encoder,
            &[attachment(depths, none), attachment(colors, CLEAR)],
            Some(nearest),
        )
    }

    pub(super) fn begin_counts<'a>(
        &self,
        encoder: &'a mut wgpu::CommandEncoder,
        layer: u32,
    ) -> wgpu::RenderPass<'a> {
        let view = self.counts.as_ref().map(|texture| layer_of(texture, layer));
        begin(
            encoder,
            &[view.as_ref().and_then(|view| attachment(view, CLEAR))],
            None,
        )
    }

    pub(super) fn begin_shares<'a>(
        &self,
        encoder: &'a mut wgpu::CommandEncoder,
        layer: u32,
        pass_index: u32,
    ) -> wgpu::RenderPass<'a> {
        let view = self.shares.as_ref().map(|texture| layer_of(texture, layer));
        let load = if pass_index == 0 {
            CLEAR
        } else {
            wgpu::LoadOp::Load
        };
        begin(
            encoder,
            &[view.as_ref().and_then(|view| attachment(view, load))],
            Some(depth_attachment(&self.nearest, 1.0)),
        )
    }

    /// The counts as caps read them.
    pub(super) fn counts_group(
        &self,
        device: &Device,
        pipelines: &SurfacePipelines,
    ) -> Option<wgpu::BindGroup> {
        let counts = all_layers(self.counts.as_ref()?);
        Some(device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("counts"),
            layout: &pipelines.counts_layout,
            entries: &[entry(0, wgpu::BindingResource::TextureView(&counts))],
        }))
    }

    /// What tells which walls were peeled before.
    pub(super) fn passed_group(
        &self,
        device: &Device,
        pipelines: &SurfacePipelines,
        peel: u32,
    ) -> wgpu::BindGroup {
        let before = self.peeled_fragments(peel + 1).depths;
        device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("passed"),
            layout: &pipelines.passed_layout,
            entries: &[
                entry(0, wgpu::BindingResource::TextureView(&before)),
                entry(1, wgpu::BindingResource::TextureView(&self.opaque[0])),
            ],
        })
    }

    pub(super) fn outline_group(
        &self,
        device: &Device,
        pipelines: &SurfacePipelines,
        uniform: &wgpu::Buffer,
    ) -> Option<wgpu::BindGroup> {
        let shares = all_layers(self.shares.as_ref()?);
        Some(device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("outline"),
            layout: &pipelines.outline_layout,
            entries: &[
                entry(0, uniform.as_entire_binding()),
                entry(1, wgpu::BindingResource::TextureView(&shares)),
            ],
        }))
    }
}

const CLEAR: wgpu::LoadOp<wgpu::Color> = wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT);

/// A depth behind everything, mm.
const BEYOND: wgpu::Color = wgpu::Color {
    r: 3e38,
    g: 0.0,
    b: 0.0,
    a: 0.0,
};

fn layer_of(texture: &wgpu::Texture, layer: u32) -> wgpu::TextureView {
    texture.create_view(&wgpu::TextureViewDescriptor {
        dimension: Some(wgpu::TextureViewDimension::D2),
        base_array_layer: layer,
        array_layer_count: Some(1),
        ..wgpu::TextureViewDescriptor::default()
    })
}

fn all_layers(texture: &wgpu::Texture) -> wgpu::TextureView {
    texture.create_view(&wgpu::TextureViewDescriptor {
        dimension: Some(wgpu::TextureViewDimension::D2Array),
        ..wgpu::TextureViewDescriptor::default()
    })
}

fn attachment(
    view: &wgpu::TextureView,
    load: wgpu::LoadOp<wgpu::Color>,
) -> Option<wgpu::RenderPassColorAttachment<'_>> {
    Some(wgpu::RenderPassColorAttachment {
        view,
        depth_slice: None,
        resolve_target: None,
        ops: wgpu::Operations {
            load,
            store: wgpu::StoreOp::Store,
        },
    })
}

fn depth_attachment(view: &wgpu::TextureView, clear: f32) -> wgpu::RenderPassDepthStencilAttachment<'_> {
    wgpu::RenderPassDepthStencilAttachment {
        view,
        depth_ops: Some(wgpu::Operations {
            load: wgpu::LoadOp::Clear(clear),
            store: wgpu::StoreOp::Discard,
        }),
        stencil_ops: None,
    }
}

fn begin<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    colors: &[Option<wgpu::RenderPassColorAttachment<'_>>],
    depth_stencil_attachment: Option<wgpu::RenderPassDepthStencilAttachment<'_>>,
) -> wgpu::RenderPass<'a> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("surfaces"),
        color_attachments: colors,
        depth_stencil_attachment,
        ..wgpu::RenderPassDescriptor::default()
    })
}

/// A pass that draws over what is there.
pub(super) fn over<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    view: &wgpu::TextureView,
) -> wgpu::RenderPass<'a> {
    begin(encoder, &[attachment(view, wgpu::LoadOp::Load)], None)
}
