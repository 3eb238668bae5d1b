//! Frames into voxels (Curless and Levoy, "A volumetric method for building complex models from range images", 1996).
//!
//! What is averaged in a voxel is not the difference in depth along the ray but the distance to the plane through the
//! sample (Bylow et al., "Real-time camera tracking and 3D reconstruction using signed distance functions", 2013), so
//! that oblique and frontal views agree about voxels beside the surface.

use geometry::{DAffine3, DVec3, Pinhole};
use parallel::prelude::*;

use super::frame::{ColorImage, inverse};
use super::grid::{Block, ColorBlock, Grid, Key, SIDE};
use super::prepare::Prepared;
use super::{FusionError, MAX_BLOCKS};

/// The weight of "there is nothing here" beside that of a sample: enough to clear what moved, too little to shave
/// off silhouettes, which every view passes closely.
const EMPTY_WEIGHT: f32 = 0.1;
/// The largest weight of a voxel, as samples: later frames still count.
const MOST_WEIGHT: f32 = 4096.0;

/// How frames go into the grid.
#[derive(Clone, Copy)]
pub(super) struct Sampling {
    pub(super) voxel_mm: f32,
    /// How far on both sides of the surface distances are kept, mm.
    pub(super) band_mm: f32,
}

/// What a frame said about voxels that were known before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Agreement {
    /// Sum over near voxels of the squared difference from what was known, mm^2.
    pub(super) squared_mm2: f64,
    /// Such voxels.
    pub(super) voxels: u64,
}

impl Agreement {
    fn and(self, other: Self) -> Self {
        Self {
            squared_mm2: self.squared_mm2 + other.squared_mm2,
            voxels: self.voxels + other.voxels,
        }
    }
}

/// Makes the blocks that the samples of a frame reach and marks them with `stamp`.
pub(super) fn allocate(
    grid: &mut Grid,
    prepared: &Prepared,
    world_from_camera: &DAffine3,
    sampling: Sampling,
    stamp: u32,
) -> Result<(), FusionError> {
    let camera = &prepared.camera;
    let width = camera.width as usize;
    let block_mm = f64::from(sampling.voxel_mm) * SIDE as f64;
    // Samples a voxel and a half apart: what lies between them reaches the same blocks, as the band is wider.
    let apart = 1.5 * f64::from(sampling.voxel_mm) * camera.focal_px[0] / f64::from(prepared.median_mm);
    let stride = (apart as usize).clamp(1, 16);
    let band = f64::from(sampling.band_mm);
    let steps = (2.0 * band / (0.5 * block_mm)).ceil().max(1.0);
    let rows: Vec<usize> = (0..camera.height as usize).step_by(stride).collect();
    let keys_of = |rows: &[usize]| {
        let mut keys: Vec<Key> = Vec::new();
        let mut last = [[i32::MAX; 3]; 32];
        for &y in rows {
            for x in (0..width).step_by(stride) {
                let z = f64::from(prepared.depth_mm[y * width + x]);
                if z.is_nan() {
                    continue;
                }
                let ray = camera.point_mm(x as f64, y as f64, 1.0);
                let length = ray.length();
                for step in 0..=steps as usize {
                    let along = z + (2.0 * step as f64 / steps - 1.0) * band / length;
                    let p = world_from_camera.transform_point3(ray * along) / block_mm;
                    let key = p.floor().to_array().map(|v| v as i32);
                    // Most samples fall into the block of the sample before.
                    if last[step % 32] != key {
                        last[step % 32] = key;
                        keys.push(key);
                    }
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    };
    let lists: Vec<Vec<Key>> = rows
        .par_chunks(rows.len().div_ceil(8).max(1))
        .map(keys_of)
        .collect();
    for key in lists.into_iter().flatten() {
        grid.touch(key, stamp);
        if grid.blocks.len() > MAX_BLOCKS {
            return Err(FusionError::TooLarge { limit: MAX_BLOCKS });
        }
    }
    Ok(())
}

/// Averages a frame into the blocks that carry its `stamp`.
pub(super) fn integrate(
    grid: &mut Grid,
    prepared: &Prepared,
    color: Option<&ColorImage<'_>>,
    world_from_camera: &DAffine3,
    sampling: Sampling,
    stamp: u32,
) -> Agreement {
    let view = FrameView {
        prepared,
        color,
        camera_from_world: inverse(world_from_camera),
        sampling,
    };
    grid.blocks
        .par_iter_mut()
        .filter(|block| block.stamp == stamp)
        .map(|block| view.update(block))
        .reduce(Agreement::default, Agreement::and)
}

struct FrameView<'a> {
    prepared: &'a Prepared,
    color: Option<&'a ColorImage<'a>>,
    camera_from_world: DAffine3,
    sampling: Sampling,
}

/// A camera in the numbers of the inner loop.
#[derive(Clone, Copy)]
struct Projection {
    fx: f32,
    fy: f32,
    cx: f32,
    cy: f32,
}

impl Projection {
    fn of(camera: &Pinhole) -> Self {
        let [fx, fy] = camera.focal_px.map(|v| v as f32);
        let [cx, cy] = camera.center_px.map(|v| v as f32);
        Self { fx, fy, cx, cy }
    }
}

/// Eight voxels along x.
#[derive(Default)]
struct Row {
    u: [f32; SIDE],
    v: [f32; SIDE],
    z: [f32; SIDE],
}

impl FrameView<'_> {
    fn update(&self, block: &mut Block) -> Agreement {
        let voxel = f64::from(self.sampling.voxel_mm);
        let corner = DVec3::from_array(block.key.map(|k| f64::from(k) * SIDE as f64 * voxel));
        let origin = self.camera_from_world.transform_point3(corner).as_vec3();
        let axes = self.camera_from_world.matrix3;
        let [dx, dy, dz] = [axes.x_axis, axes.y_axis, axes.z_axis].map(|a| (a * voxel).as_vec3());
        let projection = Projection::of(&self.prepared.camera);
        let mut agreement = Agreement::default();
        if self.color.is_some() && block.color.is_none() {
            block.color = Some(ColorBlock::new());
        }
        let mut row = Row::default();
        for line in 0..SIDE * SIDE {
            let start = origin + dy * (line % SIDE) as f32 + dz * (line / SIDE) as f32;
            for i in 0..SIDE {
                let p = start + dx * i as f32;
                row.z[i] = p.z;
                row.u[i] = projection.fx * p.x / p.z + projection.cx;
                row.v[i] = projection.fy * p.y / p.z + projection.cy;
            }
            for i in 0..SIDE {
                let Some((distance, weight)) = self.sample(row.u[i], row.v[i], row.z[i]) else {
                    continue;
                };
                let at = line * SIDE + i;
                self.average(block, at, distance, weight, &mut agreement);
                if let (Some(color), Some(colors)) = (self.color, &mut block.color)
                    && distance.abs() < 2.0 * self.sampling.voxel_mm
                {
                    paint(
                        colors,
                        at,
                        color,
                        [row.u[i], row.v[i]],
                        &self.prepared.camera,
                        weight,
                    );
                }
            }
        }
        agreement
    }

    /// The distance of a voxel to the surface that the frame shows there, mm, and what that is worth.
    fn sample(&self, u: f32, v: f32, z: f32) -> Option<(f32, f32)> {
        let (width, height) = (
            self.prepared.camera.width as usize,
            self.prepared.camera.height as usize,
        );
        // Written so that NaN fails.
        if !(z > 1.0 && u >= 0.0 && v >= 0.0 && u < (width - 1) as f32 && v < (height - 1) as f32) {
            return None;
        }
        let (x, y) = (u as usize, v as usize);
        let (s, t) = (u - x as f32, v - y as f32);
        let at = y * width + x;
        let (upper, lower) = (
            &self.prepared.depth_mm[at..at + 2],
            &self.prepared.depth_mm[at + width..at + width + 2],
        );
        let above = upper[0] + s * (upper[1] - upper[0]);
        let below = lower[0] + s * (lower[1] - lower[0]);
        let difference = above + t * (below - above) - z;
        let band = self.sampling.band_mm;
        if difference.is_nan() || difference <= -6.0 * band {
            return None;
        }
        let nearest = at + usize::from(s > 0.5) + if t > 0.5 { width } else { 0 };
        let [factor, weight] = self.prepared.factors[nearest];
        let distance = difference * factor;
        if weight == 0.0 || distance < -band {
            return None;
        }
        if distance > band {
            return Some((band, weight * EMPTY_WEIGHT));
        }
        // What lies far behind the surface is hidden from it, and may be the inside of another one.
        let behind = (2.0 * (1.0 + distance / band)).min(1.0);
        Some((distance, weight * behind))
    }

    fn average(&self, block: &mut Block, at: usize, distance: f32, weight: f32, agreement: &mut Agreement) {
        let (old, known) = (block.distance_mm[at], block.weight[at]);
        let near = self.sampling.voxel_mm;
        if known > 2.0 && old.abs() < near && distance.abs() < self.sampling.band_mm {
            agreement.squared_mm2 += f64::from((distance - old) * (distance - old));
            agreement.voxels += 1;
        }
        let sum = known + weight;
        if sum > 0.0 {
            block.distance_mm[at] = old + (distance - old) * (weight / sum);
            block.weight[at] = sum.min(MOST_WEIGHT);
        }
    }
}

/// Averages the color of a frame at a pixel of its depth into a voxel.
fn paint(
    block: &mut ColorBlock,
    at: usize,
    image: &ColorImage<'_>,
    pixel: [f32; 2],
    depth: &Pinhole,
    weight: f32,
) {
    let (from, to) = (depth, &image.camera);
    let place = |i: usize| {
        let scale = to.focal_px[i] / from.focal_px[i];
        ((f64::from(pixel[i]) - from.center_px[i]) * scale + to.center_px[i]) as f32
    };
    let (u, v) = (place(0), place(1));
    let (width, height) = (to.width as usize, to.height as usize);
    if !(u >= 0.0 && v >= 0.0 && u < (width - 1) as f32 && v < (height - 1) as f32) {
        return;
    }
    let (x, y) = (u as usize, v as usize);
    let (s, t) = (u - x as f32, v - y as f32);
    let first = y * width + x;
    let corners = [first, first + 1, first + width, first + width + 1].map(|i| image.samples[i]);
    let shares = [(1.0 - s) * (1.0 - t), s * (1.0 - t), (1.0 - s) * t, s * t];
    let sum = block.weight[at] + weight;
    if sum <= 0.0 {
        return;
    }
    for channel in 0..3 {
        let value: f32 = corners
            .iter()
            .zip(shares)
            .map(|(corner, share)| share * f32::from(corner[channel]))
            .sum();
        let mean = &mut block.rgb[at][channel];
        *mean += (value - *mean) * (weight / sum);
    }
    block.weight[at] = sum.min(MOST_WEIGHT);
}
