//! Surfaces: fragments for the caster, and lines around those that are selected. Shaders: `surface.wgsl`,
//! `outline.wgsl`.
//!
//! Of opaque surfaces the nearest fragment of each pixel is kept. Transparent ones are peeled: each pass finds the
//! nearest wall behind the last, and the caster blends it with the volumes before it. So memory does not grow with the
//! number of walls.

mod mesh;
mod pipelines;
mod targets;

use std::collections::BTreeMap;

use super::cast::{Drawing, Target, View, entry, uniform_buffer};
use super::{DrawError, layout};
use crate::scene::Cut;
use crate::{DataId, Scene, SurfaceLayer};
use mesh::PlacedMesh;
pub(super) use pipelines::SurfacePipelines;
use pipelines::{Kind, Walls};
use targets::Targets;

/// Surfaces with a cut or a line that a picture can hold.
const MAX_MARKED: usize = 32;
/// Walls of transparent surfaces that are blended at most.
const MAX_PEELS: u32 = 24;

/// Surfaces on the device, and what they are drawn into.
#[derive(Debug, Default)]
pub(super) struct Surfaces {
    meshes: BTreeMap<DataId, PlacedMesh>,
    targets: Option<Targets>,
}

/// How the surfaces of a scene are drawn.
pub(super) struct Plan {
    /// By surface of the scene: opaque ones, transparent ones, and those with a line.
    opaque: Vec<usize>,
    transparent: Vec<usize>,
    outlined: Vec<usize>,
    /// Those that are closed where they are cut.
    capped: Vec<usize>,
}

impl Plan {
    pub(super) fn new(scene: &Scene<'_>) -> Result<Self, DrawError> {
        let is_placed = |layer: &SurfaceLayer<'_>| {
            layer.patient_from_surface.is_finite()
                && layer.patient_from_surface.matrix3.determinant().abs() > 0.0
        };
        let which = |wanted: &dyn Fn(&SurfaceLayer<'_>) -> bool| -> Vec<usize> {
            let layers = scene.surfaces.iter().enumerate();
            let wanted = layers.filter(|(_, layer)| is_placed(layer) && wanted(layer));
            wanted.map(|(index, _)| index).collect()
        };
        let cuts = scene.clip.cuts();
        let plan = Self {
            opaque: which(&|layer| layer.opacity >= 1.0),
            transparent: which(&|layer| layer.opacity > 0.0 && layer.opacity < 1.0),
            outlined: which(&|layer| layer.outline.is_some()),
            capped: which(&|layer| cuts && layer.cut == Cut::Capped && layer.opacity > 0.0),
        };
        if plan.outlined.len() > MAX_MARKED || plan.capped.len() > MAX_MARKED {
            return Err(DrawError::Surfaces);
        }
        Ok(plan)
    }

    /// Whether surfaces give fragments.
    pub(super) fn has_fragments(&self) -> bool {
        !self.opaque.is_empty() || !self.transparent.is_empty()
    }

    /// Walls of transparent surfaces that are peeled off: as many as can be seen through.
    pub(super) fn peels(&self, scene: &Scene<'_>) -> u32 {
        let opacity = |&index: &usize| scene.surfaces[index].opacity;
        let Some(least) = self.transparent.iter().map(opacity).reduce(f32::min) else {
            return 0;
        };
        // Behind so many walls a hundredth is left.
        let walls = 0.01f32.ln() / (1.0 - least).max(1e-6).ln();
        (walls.ceil() as u32).clamp(2, MAX_PEELS)
    }
}

/// The fragments of one pass, as the caster binds them.
pub(super) struct Fragments {
    pub(super) depths: wgpu::TextureView,
    pub(super) colors: wgpu::TextureView,
}

/// A pass over surfaces.
pub(super) struct Pass<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) plan: &'a Plan,
    /// By surface of the scene.
    groups: Vec<wgpu::BindGroup>,
    frame: wgpu::BindGroup,
}

impl Surfaces {
    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        let meshes: u64 = self.meshes.values().map(PlacedMesh::bytes).sum();
        meshes + self.targets.as_ref().map_or(0, Targets::bytes)
    }

    /// Brings what the scene shows to the device, gives up what it does not, and makes room for a picture.
    pub(super) fn prepare(
        &mut self,
        drawing: &mut Drawing<'_>,
        scene: &Scene<'_>,
        plan: &Plan,
        size: [u32; 2],
    ) {
        self.meshes
            .retain(|id, _| scene.surfaces.iter().any(|layer| layer.surface.id() == *id));
        for layer in &scene.surfaces {
            self.meshes
                .entry(layer.surface.id())
                .or_insert_with(|| PlacedMesh::new(drawing.device, layer.surface));
        }
        if !plan.has_fragments() && plan.outlined.is_empty() {
            self.targets = None;
            return;
        }
        let wanted = targets::Wanted {
            size,
            peels: !plan.transparent.is_empty(),
            counts: plan.capped.len() as u32,
            shares: plan.outlined.len() as u32,
        };
        if self
            .targets
            .as_ref()
            .is_none_or(|targets| targets.wanted != wanted)
        {
            self.targets = Some(Targets::new(drawing.device, wanted));
        }
    }

    /// A pass over the surfaces of a scene with the rays of `frame`.
    pub(super) fn pass<'a>(
        &self,
        drawing: &mut Drawing<'_>,
        scene: &'a Scene<'a>,
        plan: &'a Plan,
        view: &View,
        frame: &wgpu::Buffer,
    ) -> Pass<'a> {
        let device = drawing.device;
        let pipelines = &drawing.pipelines.surfaces;
        let groups = scene.surfaces.iter().enumerate().map(|(index, layer)| {
            let cap = plan.capped.iter().position(|&capped| capped == index);
            self.meshes[&layer.surface.id()].bind(device, pipelines, layer, view, (index, cap.unwrap_or(0)))
        });
        Pass {
            groups: groups.collect(),
            frame: device.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("frame of surfaces"),
                layout: &pipelines.frame_layout,
                entries: &[entry(0, frame.as_entire_binding())],
            }),
            scene,
            plan,
        }
    }

    /// Records what comes before fragments: which rays are inside of capped surfaces where they are cut, and which share of
    /// each pixel the selected ones cover.
    pub(super) fn begin(
        &self,
        drawing: &mut Drawing<'_>,
        pass: &Pass<'_>,
        pass_index: u32,
    ) -> Result<(), DrawError> {
        let Some(targets) = &self.targets else {
            return Ok(());
        };
        for (index, &surface) in pass.plan.capped.iter().enumerate() {
            let pipeline = drawing.pipelines.surfaces.get(drawing.device, Kind::Count)?;
            let mut commands = targets.begin_counts(drawing.encoder, index as u32);
            self.draw(&mut commands, pipeline, pass, &[surface]);
        }
        for (index, &surface) in pass.plan.outlined.iter().enumerate() {
            let pipeline = drawing.pipelines.surfaces.get(drawing.device, Kind::Share)?;
            let mut commands = targets.begin_shares(drawing.encoder, index as u32, pass_index);
            self.draw(&mut commands, pipeline, pass, &[surface]);
        }
        Ok(())
    }

    /// Records the nearest fragments of opaque surfaces.
    pub(super) fn opaque(
        &self,
        drawing: &mut Drawing<'_>,
        pass: &Pass<'_>,
    ) -> Result<Option<Fragments>, DrawError> {
        let Some(targets) = &self.targets else {
            return Ok(None);
        };
        let walls = &pass.plan.opaque;
        let capped = Self::capped(pass, walls);
        drawing
            .pipelines
            .surfaces
            .prepare(drawing.device, Walls::Nearest, !capped.is_empty())?;
        let pipelines = &drawing.pipelines.surfaces;
        let counts = targets.counts_group(drawing.device, pipelines);
        let mut commands = targets.begin_opaque(drawing.encoder);
        self.draw(
            &mut commands,
            pipelines.kept(Kind::Show(Walls::Nearest)),
            pass,
            walls,
        );
        if let Some(counts) = &counts {
            Self::draw_caps(
                &mut commands,
                pipelines.kept(Kind::Cap(Walls::Nearest)),
                counts,
                pass,
                &capped,
            );
        }
        Ok(Some(targets.opaque_fragments()))
    }

    /// Records the nearest fragments of transparent surfaces behind those of the passes before.
    pub(super) fn peel(
        &self,
        drawing: &mut Drawing<'_>,
        pass: &Pass<'_>,
        peel: u32,
    ) -> Result<Option<Fragments>, DrawError> {
        let Some(targets) = &self.targets else {
            return Ok(None);
        };
        let walls = &pass.plan.transparent;
        let capped = Self::capped(pass, walls);
        drawing
            .pipelines
            .surfaces
            .prepare(drawing.device, Walls::Next, !capped.is_empty())?;
        let pipelines = &drawing.pipelines.surfaces;
        if peel == 0 {
            targets.forget_peeled(drawing.encoder);
        }
        let counts = targets.counts_group(drawing.device, pipelines);
        let passed = targets.passed_group(drawing.device, pipelines, peel);
        let mut commands = targets.begin_peel(drawing.encoder, peel);
        commands.set_bind_group(2, &passed, &[]);
        self.draw(
            &mut commands,
            pipelines.kept(Kind::Show(Walls::Next)),
            pass,
            walls,
        );
        if let Some(counts) = &counts {
            Self::draw_caps(
                &mut commands,
                pipelines.kept(Kind::Cap(Walls::Next)),
                counts,
                pass,
                &capped,
            );
        }
        Ok(Some(targets.peeled_fragments(peel)))
    }

    /// Records the lines around selected surfaces over a finished picture.
    pub(super) fn outline(
        &self,
        drawing: &mut Drawing<'_>,
        scene: &Scene<'_>,
        plan: &Plan,
        target: Target<'_>,
    ) -> Result<(), DrawError> {
        let Some(targets) = &self.targets else {
            return Ok(());
        };
        for (index, &surface) in plan.outlined.iter().enumerate() {
            let color = scene.surfaces[surface].outline.unwrap_or_default();
            let uniform = uniform_buffer(
                &drawing.device.device,
                &layout::Outline {
                    color: color.map(|c| c.clamp(0.0, 1.0)),
                    layer: index as u32,
                    size: target.size,
                    _after: [0; 2],
                },
            );
            let pipelines = &mut drawing.pipelines.surfaces;
            let group = targets.outline_group(drawing.device, pipelines, &uniform);
            let pipeline = pipelines.outline(drawing.device, target.format)?;
            let mut commands = targets::over(drawing.encoder, target.view);
            commands.set_pipeline(pipeline);
            commands.set_bind_group(0, &group, &[]);
            commands.draw(0..3, 0..1);
        }
        Ok(())
    }

    fn capped(pass: &Pass<'_>, among: &[usize]) -> Vec<usize> {
        let capped = pass.plan.capped.iter().copied();
        capped.filter(|surface| among.contains(surface)).collect()
    }

    fn draw(
        &self,
        commands: &mut wgpu::RenderPass<'_>,
        pipeline: &wgpu::RenderPipeline,
        pass: &Pass<'_>,
        surfaces: &[usize],
    ) {
        commands.set_pipeline(pipeline);
        commands.set_bind_group(0, &pass.frame, &[]);
        for &surface in surfaces {
            commands.set_bind_group(1, &pass.groups[surface], &[]);
            self.meshes[&pass.scene.surfaces[surface].surface.id()].draw(commands);
        }
    }

    fn draw_caps(
        commands: &mut wgpu::RenderPass<'_>,
        pipeline: &wgpu::RenderPipeline,
        counts: &wgpu::BindGroup,
        pass: &Pass<'_>,
        capped: &[usize],
    ) {
        if capped.is_empty() {
            return;
        }
        commands.set_pipeline(pipeline);
        commands.set_bind_group(0, &pass.frame, &[]);
        commands.set_bind_group(3, counts, &[]);
        for &surface in capped {
            commands.set_bind_group(1, &pass.groups[surface], &[]);
            commands.draw(0..3, 0..2);
        }
    }
}
