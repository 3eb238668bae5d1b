//! The second pass over a capture: frames with known poses to a colored surface.

use geometry::{DAffine3, DVec3};

use super::extract::extract;
use super::frame::{DepthFrame, orthogonal};
use super::grid::{Grid, SIDE};
use super::integrate::{Agreement, Sampling, allocate, integrate};
use super::prepare::{Reach, prepare};
use super::survey::subject;
use super::{FusionError, NO_COLOR};
use crate::islands::{Components, IslandRule};
use crate::{Mesh, Model, Scalars};

/// How far on both sides of the surface distances are kept, voxels.
const BAND_VOXELS: f32 = 4.0;

/// A surface with what the frames said about each vertex.
#[derive(Clone, Debug, Default)]
pub struct FusedMesh {
    /// The surface, world mm, with unit normals toward the cameras. Open where nothing was seen.
    pub mesh: Mesh,
    /// `[vertex][red, green, blue]`, sRGB; [`NO_COLOR`] where no color was seen.
    pub colors: Vec<[u8; 3]>,
    /// How much was measured at each vertex, in frontal samples.
    pub weights: Vec<f32>,
}

impl FusedMesh {
    pub(super) fn of_size(vertices: usize, triangles: usize) -> Self {
        Self {
            mesh: Mesh {
                positions_mm: vec![[0.0; 3]; vertices],
                normals: vec![[0.0; 3]; vertices],
                triangles: vec![[0; 3]; triangles],
            },
            colors: vec![NO_COLOR; vertices],
            weights: vec![0.0; vertices],
        }
    }

    /// Drops small pieces, and returns how many.
    fn drop_islands(&mut self, rule: &IslandRule) -> u64 {
        let pieces = Components::of(&self.mesh);
        let largest = pieces.list.iter().map(|piece| piece.area_mm2).fold(0.0, f64::max);
        let least = rule.least_area_mm2(largest);
        let stays = |vertex: u32| {
            let piece = pieces.of_vertex[vertex as usize];
            piece != u32::MAX && pieces.list[piece as usize].area_mm2 >= least
        };
        let old = std::mem::take(self);
        let mut numbers = vec![u32::MAX; old.weights.len()];
        for (vertex, number) in numbers.iter_mut().enumerate() {
            if stays(vertex as u32) {
                *number = self.weights.len() as u32;
                self.mesh.positions_mm.push(old.mesh.positions_mm[vertex]);
                self.mesh.normals.push(old.mesh.normals[vertex]);
                self.colors.push(old.colors[vertex]);
                self.weights.push(old.weights[vertex]);
            }
        }
        self.mesh.triangles = old
            .mesh
            .triangles
            .iter()
            .filter(|triangle| stays(triangle[0]))
            .map(|triangle| triangle.map(|v| numbers[v as usize]))
            .collect();
        pieces.list.iter().filter(|piece| piece.area_mm2 < least).count() as u64
    }

    /// The surface as a model: with its colors, if any frame had one, and the samples of each vertex as values.
    pub fn into_model(self) -> Model {
        let is_colored = self.colors.iter().any(|color| *color != NO_COLOR);
        Model {
            mesh: self.mesh,
            colors: if is_colored {
                self.colors.iter().map(|&[r, g, b]| [r, g, b, 255]).collect()
            } else {
                Vec::new()
            },
            texture: None,
            scalars: vec![Scalars {
                name: "samples".to_owned(),
                unit: String::new(),
                values: self.weights,
            }],
        }
    }

    /// Moves the surface by a rigid map.
    pub fn transform(&mut self, map: &DAffine3) {
        for p in &mut self.mesh.positions_mm {
            let moved = map.transform_point3(DVec3::from_array(p.map(f64::from)));
            *p = moved.as_vec3().to_array();
        }
        for n in &mut self.mesh.normals {
            let turned = map.matrix3 * DVec3::from_array(n.map(f64::from));
            *n = turned.as_vec3().to_array();
        }
    }
}

/// What the frames of a fusion had in common.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Where the cameras were, and where they looked; world.
    pub(super) cameras: Vec<(DVec3, DVec3)>,
    /// Sum of the upward directions of the cameras' pictures; world.
    pub(super) up: DVec3,
    pub(super) agreement: Agreement,
}

/// A finished fusion.
#[derive(Clone, Debug)]
pub struct Fused {
    /// The surface.
    pub surface: FusedMesh,
    /// Small pieces that were dropped.
    pub islands_dropped: u64,
    /// The size of a voxel, mm.
    pub voxel_mm: f64,
    pub(super) history: History,
}

/// Fuses frames into a surface.
///
/// Memory: five kilobytes a block of 8 cubed voxels near the surface, twelve with color, whatever the number of
/// frames; at most [`MAX_BLOCKS`](super::MAX_BLOCKS) blocks.
pub struct Fusion {
    grid: Grid,
    voxel_mm: f64,
    reach: Option<Reach>,
    /// The distance at which a sample weighs one, and the sampling; set by the first frame.
    scale: Option<(f32, Sampling)>,
    history: History,
    stamp: u32,
}

impl Fusion {
    /// Begins with voxels of `voxel_mm`. Without `reach` the first frame tells the subject from the background.
    ///
    /// # Errors
    /// When the voxel is not between 0.05 and 1000 mm.
    pub fn new(voxel_mm: f64, reach: Option<Reach>) -> Result<Self, FusionError> {
        if !(0.05..=1000.0).contains(&voxel_mm) {
            return Err(FusionError::Voxel(voxel_mm));
        }
        Ok(Self {
            grid: Grid::default(),
            voxel_mm,
            reach,
            scale: None,
            history: History::default(),
            stamp: 0,
        })
    }

    /// Adds a frame that was seen from `world_from_camera`. A frame that shows nothing within reach adds nothing.
    ///
    /// # Errors
    /// When the parts of the frame do not fit each other, the pose is not rigid, or the surface needs too much memory.
    pub fn integrate(
        &mut self,
        frame: &DepthFrame<'_>,
        world_from_camera: &DAffine3,
    ) -> Result<(), FusionError> {
        DepthFrame {
            world_from_camera: Some(*world_from_camera),
            ..*frame
        }
        .check()?;
        let pose = orthogonal(world_from_camera);
        if self.reach.is_none() {
            self.reach = subject(&frame.depth);
        }
        let Some(reach) = self.reach else { return Ok(()) };
        let prepared = prepare(&frame.depth, reach, self.scale.map(|(reference, _)| reference));
        if prepared.median_mm.is_nan() {
            return Ok(());
        }
        let (_, sampling) = *self.scale.get_or_insert_with(|| {
            let voxel_mm = self.voxel_mm as f32;
            let least = (3.0 * prepared.noise_mm.max(0.0)).min(10.0 * voxel_mm);
            let sampling = Sampling {
                voxel_mm,
                band_mm: (BAND_VOXELS * voxel_mm).max(least),
            };
            (prepared.median_mm, sampling)
        });
        // Keys of blocks are 32 bits.
        let far = pose.translation.abs().max_element() + f64::from(reach.far_mm);
        if far / (self.voxel_mm * SIDE as f64) > 1e9 {
            return Err(FusionError::Pose);
        }
        self.stamp += 1;
        allocate(&mut self.grid, &prepared, &pose, sampling, self.stamp)?;
        let agreement = integrate(
            &mut self.grid,
            &prepared,
            frame.color.as_ref(),
            &pose,
            sampling,
            self.stamp,
        );
        self.history.agreement.squared_mm2 += agreement.squared_mm2;
        self.history.agreement.voxels += agreement.voxels;
        self.history.cameras.push((pose.translation, pose.matrix3.z_axis));
        self.history.up -= pose.matrix3.y_axis;
        Ok(())
    }

    /// The surface of all frames so far.
    ///
    /// # Errors
    /// When no frame showed anything, or the surface has too many triangles.
    pub fn finish(mut self) -> Result<Fused, FusionError> {
        if self.stamp == 0 {
            return Err(FusionError::Nothing);
        }
        self.grid.sort();
        // What was seen once or twice in many frames is an outlier; in few frames it is all there is.
        let least_weight = match self.stamp {
            0..4 => 0.02,
            _ => 0.3,
        };
        let mut surface = extract(&self.grid, self.voxel_mm, least_weight)?;
        let islands_dropped = surface.drop_islands(&IslandRule {
            min_area_mm2: 30.0 * self.voxel_mm * self.voxel_mm,
            min_share_of_largest: 0.01,
        });
        if surface.mesh.triangles.is_empty() {
            return Err(FusionError::Nothing);
        }
        Ok(Fused {
            surface,
            islands_dropped,
            voxel_mm: self.voxel_mm,
            history: self.history,
        })
    }
}
