//! Casting rays through volumes and surface fragments. Shader: `cast.wgsl`.

use std::collections::BTreeMap;

use geometry::{DAffine3, DMat3, DVec3, GridGeometry};
use wgpu::util::DeviceExt;

use super::layout;
use super::pipelines::{CastKey, Pipelines, SurfaceMode, VolumeKey};
use super::placed::{Placed, PlacedCoverage, PlacedLook, wanted_levels};
use super::progress::{Effort, Pace, Progress, SceneKey};
use super::store::{Source, Store};
use super::surface::{Fragments, Plan, Surfaces};
use super::{Device, DrawError, MAX_VOLUMES};
use crate::cpu::Quality;
use crate::picture::decode;
use crate::{Camera, Clip, DataId, Projection, Scene, VolumeLayer};

/// Pixels along each edge of a workgroup.
const GROUP: u32 = 8;

/// What a pass needs to be recorded.
pub(super) struct Drawing<'a> {
    pub(super) device: &'a Device,
    pub(super) pipelines: &'a mut Pipelines,
    pub(super) store: &'a mut Store,
    pub(super) encoder: &'a mut wgpu::CommandEncoder,
}

/// Where a picture goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// What is drawn to.
    pub view: &'a wgpu::TextureView,
    /// Its format; where that is not an sRGB one, the picture is encoded before it is written.
    pub format: wgpu::TextureFormat,
    /// Pixels along a row, and rows.
    pub size: [u32; 2],
}

/// What volumes look like, and the picture that rays are added up in.
#[derive(Debug, Default)]
pub(super) struct Caster {
    /// By volume and its place in the scene: the same volume may be seen twice.
    looks: BTreeMap<(DataId, usize), PlacedLook>,
    /// Likewise, of volumes that keep light away.
    occluders: BTreeMap<(DataId, usize), PlacedCoverage>,
    sums: Option<Sums>,
    /// What is seen so far, while transparent surfaces are peeled.
    states: Option<wgpu::Buffer>,
    surfaces: Surfaces,
    /// What a window showed last, and how many rays of each pixel were cast for it.
    refined: Option<(SceneKey, u32)>,
}

/// A picture about to be recorded.
struct Shot {
    size: [u32; 2],
    /// Rays along each axis of a pixel.
    factor: u32,
    view: View,
    clip: (u32, [[f32; 4]; layout::MAX_PLANES]),
    volumes: Vec<(VolumeKey, wgpu::BindGroup)>,
    plan: Plan,
    peels: u32,
}

impl Shot {
    /// Rays of each pixel.
    fn passes(&self) -> u32 {
        self.factor * self.factor
    }
}

/// Bytes of a `State` of `cast.wgsl`.
const STATE_BYTES: u64 = 20;

#[derive(Debug)]
struct Sums {
    size: [u32; 2],
    buffer: wgpu::Buffer,
}

/// The camera as the shaders know it.
pub(super) struct View {
    pub(super) view_from_patient: DAffine3,
    /// Half the height of the picture at unit distance.
    pub(super) half: f64,
    eye_mm: DVec3,
}

impl View {
    pub(super) fn new(camera: &Camera) -> Result<Self, DrawError> {
        let axes = camera.axes()?;
        let patient_from_view = DAffine3 {
            matrix3: DMat3::from_cols(axes.right, axes.up, -axes.forward),
            translation: camera.eye_mm,
        };
        Ok(Self {
            view_from_patient: patient_from_view.inverse(),
            half: (camera.field_of_view_radians * 0.5).tan(),
            eye_mm: camera.eye_mm,
        })
    }

    /// The half spaces that are kept, as unit normals and distances in view space, and how many they are.
    fn clip(&self, clip: &Clip) -> Result<(u32, [[f32; 4]; layout::MAX_PLANES]), DrawError> {
        let mut planes = [[0.0; 4]; layout::MAX_PLANES];
        let mut count = 0;
        for face in clip.faces() {
            let length = face.inward.length();
            let (normal, depth) = if length > 0.0 {
                (face.inward / length, face.depth(self.eye_mm) / length)
            } else {
                (face.inward, face.depth(self.eye_mm))
            };
            // A face that is no number cuts nothing off.
            if !(normal.is_finite() && depth.is_finite()) {
                continue;
            }
            let [x, y, z] = (self.view_from_patient.matrix3 * normal).as_vec3().to_array();
            *planes.get_mut(count).ok_or(DrawError::Planes)? = [x, y, z, depth as f32];
            count += 1;
        }
        Ok((count as u32, planes))
    }
}

impl Caster {
    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        let looks: u64 = self.looks.values().map(PlacedLook::bytes).sum();
        let occluders: u64 = self.occluders.values().map(PlacedCoverage::bytes).sum();
        let sums = self.sums.as_ref().map_or(0, |sums| sums.buffer.size());
        let states = self.states.as_ref().map_or(0, wgpu::Buffer::size);
        looks + occluders + sums + states + self.surfaces.bytes()
    }

    /// Records everything from the scene to `target`. The volumes may bring `allowance` bytes to the device.
    pub(super) fn draw(
        &mut self,
        mut drawing: Drawing<'_>,
        scene: &Scene<'_>,
        quality: Quality,
        target: Target<'_>,
    ) -> Result<(), DrawError> {
        let shot = self.prepare(&mut drawing, scene, quality, u64::MAX, target.size)?;
        for pass_index in 0..shot.passes() {
            self.pass(&mut drawing, scene, &shot, pass_index)?;
        }
        self.refined = None;
        self.finish(&mut drawing, scene, &shot, shot.passes(), target)
    }

    /// Records what a window shows next: a quick picture when the scene changed, and one ray of each pixel more when it did
    /// not.
    pub(super) fn refine(
        &mut self,
        mut drawing: Drawing<'_>,
        scene: &Scene<'_>,
        effort: &Effort,
        pace: Pace,
        target: Target<'_>,
    ) -> Result<Progress, DrawError> {
        let key = SceneKey::new(scene, target.size, effort.resting);
        let done = match self.refined.take() {
            Some((before, done)) if before == key => Some(done),
            _ => None,
        };
        let (quality, size) = match done {
            Some(_) => (effort.resting, target.size),
            None => (effort.moving, pace.size(target.size)),
        };
        let shot = self.prepare(&mut drawing, scene, quality, effort.upload_bytes, size)?;
        let done = match done {
            None => {
                let quick = Shot { factor: 1, ..shot };
                self.pass(&mut drawing, scene, &quick, 0)?;
                self.finish(&mut drawing, scene, &quick, 1, target)?;
                0
            }
            Some(done) => {
                let next = (done + 1).min(shot.passes());
                if done < next {
                    self.pass(&mut drawing, scene, &shot, done)?;
                }
                self.finish(&mut drawing, scene, &shot, next, target)?;
                next
            }
        };
        // What was drawn from stand-ins begins again.
        let is_current = drawing.store.is_current();
        let passes = effort.resting.supersampling.max(1).pow(2);
        self.refined = Some((key, if is_current { done } else { 0 }));
        Ok(if is_current && done == passes {
            Progress::Settled
        } else {
            Progress::More
        })
    }

    /// Brings what the scene shows to the device, and makes room for a picture of `size`.
    fn prepare(
        &mut self,
        drawing: &mut Drawing<'_>,
        scene: &Scene<'_>,
        quality: Quality,
        allowance: u64,
        size: [u32; 2],
    ) -> Result<Shot, DrawError> {
        let view = View::new(&scene.camera)?;
        let volumes = scene.volumes.iter().map(|layer| layer.volume);
        drawing.store.begin(volumes, allowance);
        self.make_room(drawing.device, size)?;
        let volumes = self.volumes(drawing, scene, &view, size, quality)?;
        let plan = Plan::new(scene)?;
        self.surfaces.prepare(drawing, scene, &plan, size);
        let peels = plan.peels(scene);
        self.make_states(drawing.device, size, peels);
        Ok(Shot {
            size,
            factor: quality.supersampling.max(1),
            clip: view.clip(&scene.clip)?,
            view,
            volumes,
            plan,
            peels,
        })
    }

    /// Records one ray of each pixel.
    fn pass(
        &mut self,
        drawing: &mut Drawing<'_>,
        scene: &Scene<'_>,
        shot: &Shot,
        pass_index: u32,
    ) -> Result<(), DrawError> {
        let Shot {
            size,
            factor,
            ref plan,
            peels,
            ..
        } = *shot;
        let (planes, clip) = shot.clip;
        let frame = layout::Frame {
            size,
            sub: [pass_index % factor, pass_index / factor],
            factor,
            planes,
            peel: 0,
            pass_index,
            scale: (f64::from(size[1] * factor) * 0.5 / shot.view.half) as f32,
            phase: 0.0,
            _space: [0; 2],
            fill: fill_light(),
            _after: 0,
            clip,
        };
        let first = uniform_buffer(&drawing.device.device, &frame);
        let pass = self.surfaces.pass(drawing, scene, plan, &shot.view, &first);
        self.surfaces.begin(drawing, &pass, pass_index)?;
        if !plan.has_fragments() {
            return self.cast(drawing, &first, shot, (SurfaceMode::None, None));
        }
        let nearest = self.surfaces.opaque(drawing, &pass)?;
        if peels == 0 {
            return self.cast(drawing, &first, shot, (SurfaceMode::Nearest, nearest));
        }
        let later = uniform_buffer(&drawing.device.device, &layout::Frame { peel: 1, ..frame });
        for peel in 0..peels {
            let walls = self.surfaces.peel(drawing, &pass, peel)?;
            let frame = if peel == 0 { &first } else { &later };
            self.cast(drawing, frame, shot, (SurfaceMode::Peel, walls))?;
        }
        self.cast(drawing, &later, shot, (SurfaceMode::Last, nearest))
    }

    /// Records the picture from the sums of `passes`.
    fn finish(
        &self,
        drawing: &mut Drawing<'_>,
        scene: &Scene<'_>,
        shot: &Shot,
        passes: u32,
        target: Target<'_>,
    ) -> Result<(), DrawError> {
        let picture = layout::Resolve {
            source: shot.size,
            size: target.size,
            background: scene.background.map(decode),
            weight: 1.0 / passes as f32,
            encode: u32::from(!target.format.is_srgb()),
            _after: [0; 3],
        };
        self.resolve(drawing, &picture, target)?;
        self.surfaces.outline(drawing, scene, &shot.plan, target)
    }

    /// A buffer for what is seen between passes over transparent surfaces.
    fn make_states(&mut self, device: &Device, [width, height]: [u32; 2], peels: u32) {
        let bytes = u64::from(width) * u64::from(height) * STATE_BYTES;
        if peels == 0 {
            self.states = None;
        } else if self.states.as_ref().is_none_or(|states| states.size() != bytes) {
            self.states = Some(device.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("states"),
                size: bytes,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            }));
        }
    }

    /// A buffer for the sums of a picture of `size` pixels.
    fn make_room(&mut self, device: &Device, size: [u32; 2]) -> Result<(), DrawError> {
        let bytes = u64::from(size[0]) * u64::from(size[1]) * 8;
        let tier = device.tier();
        if bytes > tier.buffer_bytes || size.iter().any(|&n| n > tier.picture_side) {
            let [width, height] = size;
            return Err(DrawError::Size { width, height });
        }
        if self.sums.as_ref().is_none_or(|sums| sums.size != size) {
            self.sums = Some(Sums {
                size,
                buffer: device.device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("sums"),
                    size: bytes,
                    usage: wgpu::BufferUsages::STORAGE,
                    mapped_at_creation: false,
                }),
            });
        }
        Ok(())
    }

    /// The volumes of the scene on the device, as the shader binds them.
    fn volumes(
        &mut self,
        drawing: &mut Drawing<'_>,
        scene: &Scene<'_>,
        view: &View,
        size: [u32; 2],
        quality: Quality,
    ) -> Result<Vec<(VolumeKey, wgpu::BindGroup)>, DrawError> {
        let volumes = scene.volumes.len();
        if volumes > MAX_VOLUMES {
            return Err(DrawError::Volumes { volumes });
        }
        let device = drawing.device;
        let mut used = Vec::with_capacity(volumes);
        let mut bound = Vec::with_capacity(volumes);
        for (k, layer) in scene.volumes.iter().enumerate() {
            let source = drawing.store.source(device, layer.volume);
            let place = (layer.volume.id(), k);
            self.look(device, layer, k, quality, source);
            let look = &self.looks[&place];
            let wanted = |bricks| wanted_levels(look, layer.volume, view, size, bricks);
            let (drawn, source) = drawing.store.serve(device, layer.volume, wanted);
            let layer = VolumeLayer {
                volume: drawn,
                ..*layer
            };
            used.extend([place, (drawn.id(), k)]);
            self.look(device, &layer, k, quality, source);
            self.occluder(device, &layer, k);
            let look = &self.looks[&(drawn.id(), k)];
            let occluder = self.occluders.get(&(drawn.id(), k));
            let key = VolumeKey {
                field: source.field.kind,
                projected: layer.projection != Projection::Composite,
                occluded: occluder.is_some(),
            };
            let placed = Placed {
                field: &source.field,
                look,
                occluder,
            };
            bound.push((key, placed.bind(device, drawing.pipelines, key, &layer, view)));
        }
        self.looks.retain(|place, _| used.contains(place));
        self.occluders.retain(|place, _| used.contains(place));
        Ok(bound)
    }

    /// Makes sure of what a volume looks like.
    fn look(
        &mut self,
        device: &Device,
        layer: &VolumeLayer<'_>,
        k: usize,
        quality: Quality,
        source: &Source,
    ) {
        let step_mm = step_mm(layer.volume.grid(), quality);
        let place = (layer.volume.id(), k);
        if self
            .looks
            .get(&place)
            .is_none_or(|look| !look.is_for(layer, step_mm))
        {
            self.looks
                .insert(place, PlacedLook::new(device, layer, step_mm, source));
        }
    }

    /// Makes sure of what a volume keeps light away with, if it does.
    fn occluder(&mut self, device: &Device, layer: &VolumeLayer<'_>, k: usize) {
        let place = (layer.volume.id(), k);
        if !layer.is_occluded() {
            self.occluders.remove(&place);
        } else if self.occluders.get(&place).is_none_or(|of| !of.is_of(layer)) {
            self.occluders.insert(place, PlacedCoverage::new(device, layer));
        }
    }

    fn cast(
        &self,
        drawing: &mut Drawing<'_>,
        frame: &wgpu::Buffer,
        shot: &Shot,
        (mode, fragments): (SurfaceMode, Option<Fragments>),
    ) -> Result<(), DrawError> {
        let Some(sums) = &self.sums else {
            return Ok(());
        };
        let ([width, height], volumes) = (shot.size, &shot.volumes);
        let mut entries = vec![
            entry(0, frame.as_entire_binding()),
            entry(1, sums.buffer.as_entire_binding()),
        ];
        if let Some(fragments) = &fragments {
            entries.push(entry(2, wgpu::BindingResource::TextureView(&fragments.depths)));
            entries.push(entry(3, wgpu::BindingResource::TextureView(&fragments.colors)));
        }
        if let (SurfaceMode::Peel | SurfaceMode::Last, Some(states)) = (mode, &self.states) {
            entries.push(entry(4, states.as_entire_binding()));
        }
        let frame_group = drawing
            .device
            .device
            .create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("frame"),
                layout: drawing.pipelines.frame_layout(mode),
                entries: &entries,
            });
        let key = CastKey {
            volumes: volumes.iter().map(|(key, _)| *key).collect(),
            surfaces: mode,
        };
        let pipeline = drawing.pipelines.cast(drawing.device, &key)?;
        let mut pass = drawing
            .encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &frame_group, &[]);
        for (k, (_, group)) in volumes.iter().enumerate() {
            pass.set_bind_group(k as u32 + 1, group, &[]);
        }
        pass.dispatch_workgroups(width.div_ceil(GROUP), height.div_ceil(GROUP), 1);
        Ok(())
    }

    fn resolve(
        &self,
        drawing: &mut Drawing<'_>,
        picture: &layout::Resolve,
        target: Target<'_>,
    ) -> Result<(), DrawError> {
        let Some(sums) = &self.sums else {
            return Ok(());
        };
        let device = &drawing.device.device;
        let uniform = uniform_buffer(device, picture);
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("resolve"),
            layout: drawing.pipelines.resolve_layout(),
            entries: &[
                entry(0, uniform.as_entire_binding()),
                entry(1, sums.buffer.as_entire_binding()),
            ],
        });
        let pipeline = drawing.pipelines.resolve(drawing.device, target.format)?;
        full_picture_pass(drawing.encoder, pipeline, &[&group], target.view);
        Ok(())
    }
}

/// Runs a pipeline for every pixel of `target`.
pub(super) fn full_picture_pass(
    encoder: &mut wgpu::CommandEncoder,
    pipeline: &wgpu::RenderPipeline,
    groups: &[&wgpu::BindGroup],
    target: &wgpu::TextureView,
) {
    let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: target,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                store: wgpu::StoreOp::Store,
            },
        })],
        ..wgpu::RenderPassDescriptor::default()
    });
    pass.set_pipeline(pipeline);
    for (index, group) in groups.iter().enumerate() {
        pass.set_bind_group(index as u32, *group, &[]);
    }
    pass.draw(0..3, 0..1);
}

/// Length of a step along a ray, mm.
fn step_mm(grid: &GridGeometry, quality: Quality) -> f64 {
    let smallest = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
    smallest / quality.steps_per_voxel.max(0.1)
}

/// Toward the fill light in view space: above the viewer's left. Twin: `cpu::light::Lights`.
fn fill_light() -> [f32; 3] {
    DVec3::new(-0.7, 0.8, 0.5).normalize().as_vec3().to_array()
}

pub(super) fn entry(binding: u32, resource: wgpu::BindingResource<'_>) -> wgpu::BindGroupEntry<'_> {
    wgpu::BindGroupEntry { binding, resource }
}

pub(super) fn uniform_buffer<T: bytemuck::Pod>(device: &wgpu::Device, content: &T) -> wgpu::Buffer {
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: None,
        contents: bytemuck::bytes_of(content),
        usage: wgpu::BufferUsages::UNIFORM,
    })
}
