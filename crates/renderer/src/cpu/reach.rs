//! How far the visible blocks of a volume reach, for each small square of the picture: where rays may begin and must
//! have ended. Rays through squares that no block covers are not cast at all.

use geometry::{DAffine3, DVec3, GridGeometry};
use parallel::prelude::*;

use super::View;
use super::lanes::F32x4;
use crate::BLOCK_SIDE;

/// Pixels along each edge of a square.
const SQUARE: usize = 8;

/// Nearest and farthest depth along the line of sight, mm, by square of the picture.
pub(super) struct Reach {
    columns: usize,
    /// `[row][column]`; the nearest is beyond the farthest where there is nothing.
    depths: Vec<[f32; 2]>,
}

const NOTHING: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];

/// Blocks that one task projects.
const CHUNK: usize = 1024;

impl Reach {
    /// The reach of `blocks` (each of 8 cubed samples and the next ones) of `grid`.
    pub(super) fn of_blocks(view: &View, grid: &GridGeometry, blocks: &[[u16; 3]]) -> Self {
        let lens = Lens::new(view, grid.patient_from_voxel());
        let last = grid.dims().map(|n| (n.max(1) - 1) as f32);
        let corners = |block: &[u16; 3]| {
            let start = block.map(|b| f32::from(b) * BLOCK_SIDE as f32);
            let end = std::array::from_fn(|axis| (start[axis] + BLOCK_SIDE as f32).min(last[axis]));
            (start, end)
        };
        blocks
            .par_chunks(CHUNK)
            .fold(
                || Self::empty(view),
                |mut reach, chunk| {
                    for block in chunk {
                        let (start, end) = corners(block);
                        reach.cover(&lens, start, end);
                    }
                    reach
                },
            )
            .reduce(|| Self::empty(view), Self::joined)
    }

    /// The reach of all of `grid`.
    pub(super) fn of_grid(view: &View, grid: &GridGeometry) -> Self {
        let mut reach = Self::empty(view);
        let last = grid.dims().map(|n| (n.max(1) - 1) as f32);
        reach.cover(&Lens::new(view, grid.patient_from_voxel()), [0.0; 3], last);
        reach
    }

    /// Depths between which a pixel may show something.
    #[inline(always)]
    pub(super) fn at(&self, x: usize, y: usize) -> Option<[f32; 2]> {
        // Four rays are looked at together, of which the last may lie beside the picture.
        let depths = self.depths[y / SQUARE * self.columns + (x / SQUARE).min(self.columns - 1)];
        (depths[0] <= depths[1]).then_some(depths)
    }

    /// Whether any pixel of a rectangle may show something.
    pub(super) fn touches(&self, x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> bool {
        let squares = |range: std::ops::Range<usize>| range.start / SQUARE..range.end.div_ceil(SQUARE);
        squares(y).any(|row| {
            let row = &self.depths[row * self.columns..][squares(x.clone())];
            row.iter().any(|[nearest, farthest]| nearest <= farthest)
        })
    }

    fn empty(view: &View) -> Self {
        let columns = view.columns.div_ceil(SQUARE);
        Self {
            columns,
            depths: vec![NOTHING; columns * view.rows.div_ceil(SQUARE)],
        }
    }

    fn joined(mut self, other: Self) -> Self {
        for (a, b) in self.depths.iter_mut().zip(other.depths) {
            *a = [a[0].min(b[0]), a[1].max(b[1])];
        }
        self
    }

    /// Covers the squares that a box of voxels falls on.
    fn cover(&mut self, lens: &Lens, start: [f32; 3], end: [f32; 3]) {
        let [low, high] = lens.corners(start, end);
        let depths = bounds([low[2], high[2]]);
        let rows = self.depths.len() / self.columns;
        if depths[0].is_nan() || depths[1] <= 0.0 {
            return;
        }
        let (columns, rows) = if depths[0] < NEAR_MM {
            // Some of it lies beside or behind the eye: it may fall anywhere.
            (0..self.columns, 0..rows)
        } else {
            let across = |axis: usize, count: usize| {
                let [first, last] = bounds([low[axis] / low[2], high[axis] / high[2]]);
                let slack = 0.6;
                let square = |v: f32| ((v / SQUARE as f32).clamp(-1.0, count as f32) + 1.0) as usize;
                square(first - slack).max(1) - 1..square(last + slack).min(count)
            };
            (across(0, self.columns), across(1, rows))
        };
        let nearest = depths[0].max(0.0);
        for row in rows {
            for square in &mut self.depths[row * self.columns..][columns.clone()] {
                *square = [square[0].min(nearest), square[1].max(depths[1])];
            }
        }
    }
}

/// Boxes nearer than this are not projected, mm.
const NEAR_MM: f32 = 1e-2;

/// Voxels to pixels: homogeneous column, homogeneous row and depth are linear in voxels.
struct Lens {
    origin: [f32; 3],
    /// By voxel axis.
    steps: [[f32; 3]; 3],
}

impl Lens {
    fn new(view: &View, patient_from_voxel: DAffine3) -> Self {
        let (center_x, center_y) = (view.columns as f64 * 0.5, view.rows as f64 * 0.5);
        let project = |v: DVec3| {
            let depth = v.dot(view.forward);
            [
                (view.scale * v.dot(view.right) + center_x * depth) as f32,
                (center_y * depth - view.scale * v.dot(view.up)) as f32,
                depth as f32,
            ]
        };
        let matrix = patient_from_voxel.matrix3;
        Self {
            origin: project(patient_from_voxel.translation - view.eye_mm),
            steps: [matrix.x_axis, matrix.y_axis, matrix.z_axis].map(project),
        }
    }

    /// The corners of a box: four with the first z, four with the last; column, row and depth each.
    fn corners(&self, start: [f32; 3], end: [f32; 3]) -> [[F32x4; 3]; 2] {
        let x = F32x4::new([start[0], end[0], start[0], end[0]]);
        let y = F32x4::new([start[1], start[1], end[1], end[1]]);
        [start[2], end[2]].map(|z| {
            std::array::from_fn(|i| {
                F32x4::splat(self.origin[i] + self.steps[2][i] * z)
                    + F32x4::splat(self.steps[0][i]) * x
                    + F32x4::splat(self.steps[1][i]) * y
            })
        })
    }
}

fn bounds([a, b]: [F32x4; 2]) -> [f32; 2] {
    let (low, high) = (a.min(b).lanes(), a.max(b).lanes());
    [
        low[0].min(low[1]).min(low[2].min(low[3])),
        high[0].max(high[1]).max(high[2].max(high[3])),
    ]
}
