//! The zero crossing of the distances as a mesh: marching cubes over blocks.
//!
//! A vertex lies on an edge of the grid and belongs to the block of the edge's lower end. Blocks first mark the edges
//! that their cells use, in their own and in neighboring blocks; counting the marks then numbers every vertex of the
//! whole surface, so that blocks can write their shares in parallel and agree on shared vertices.

use std::sync::atomic::{AtomicU64, Ordering};

use parallel::prelude::*;

use super::grid::{Grid, Key, SIDE, VOXELS};
use super::{FusedMesh, FusionError};
use crate::iso::MAX_TRIANGLES;
use crate::iso::table::{CASES, EDGE_CORNERS};

/// Voxels along an edge of a block with its surroundings: one before, two after.
const PADDED: usize = SIDE + 3;
/// Words of 64 edges: three edges start at each voxel.
const WORDS: usize = 3 * VOXELS / 64;

/// A block with the voxels around it: NaN where nothing is known.
struct Padded {
    distance_mm: [f32; PADDED * PADDED * PADDED],
    /// The blocks at this place or one further along each axis: bit 0 is x.
    neighbors: [Option<usize>; 8],
}

fn place([x, y, z]: [usize; 3]) -> usize {
    (z * PADDED + y) * PADDED + x
}

impl Padded {
    fn around(grid: &Grid, key: Key, least_weight: f32) -> Self {
        let mut padded = Self {
            distance_mm: [f32::NAN; PADDED * PADDED * PADDED],
            neighbors: [None; 8],
        };
        for (n, [i, j, k]) in cube(3).enumerate() {
            debug_assert!(n < 27);
            let Some(at) = grid.find([0, 1, 2].map(|a| key[a] + [i, j, k][a] as i32 - 1)) else {
                continue;
            };
            if i > 0 && j > 0 && k > 0 {
                padded.neighbors[(i - 1) + 2 * (j - 1) + 4 * (k - 1)] = Some(at);
            }
            let block = &grid.blocks[at];
            let [xs, ys, zs] = [i, j, k].map(part);
            for (z, to_z) in zs.clone() {
                for (y, to_y) in ys.clone() {
                    for (x, to_x) in xs.clone() {
                        let from = (z * SIDE + y) * SIDE + x;
                        if block.weight[from] >= least_weight {
                            padded.distance_mm[place([to_x, to_y, to_z])] = block.distance_mm[from];
                        }
                    }
                }
            }
        }
        padded
    }

    fn at(&self, voxel: [usize; 3]) -> f32 {
        self.distance_mm[place(voxel)]
    }

    /// The change of distance a voxel, by central differences where both sides are known.
    fn gradient(&self, voxel: [usize; 3]) -> [f32; 3] {
        std::array::from_fn(|axis| {
            let side = |forward: bool| {
                let mut v = voxel;
                v[axis] = if forward { v[axis] + 1 } else { v[axis] - 1 };
                self.at(v)
            };
            let (before, here, after) = (side(false), self.at(voxel), side(true));
            match (before.is_nan(), after.is_nan()) {
                (false, false) => 0.5 * (after - before),
                (true, false) => after - here,
                (false, true) => here - before,
                (true, true) => 0.0,
            }
        })
    }
}

/// All places of a cube, x first.
fn cube(side: usize) -> impl Iterator<Item = [usize; 3]> {
    (0..side * side * side).map(move |i| [i % side, i / side % side, i / side / side])
}

/// Which voxels of the block before (0), here (1) or after (2) are needed, with their padded places.
fn part(which: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let (from, count, to) = [(SIDE - 1, 1, 0), (0, SIDE, 1), (0, 2, SIDE + 1)][which];
    (from..from + count).zip(to..)
}

/// The kind of a cell, if all of its corners are known and the surface goes through it.
fn case_of(padded: &Padded, cell: [usize; 3]) -> Option<usize> {
    let mut case = 0;
    for corner in 0..8usize {
        let value = padded.at([0, 1, 2].map(|axis| cell[axis] + 1 + (corner >> axis & 1)));
        if value.is_nan() {
            return None;
        }
        case |= usize::from(value < 0.0) << corner;
    }
    (case != 0 && case != 255).then_some(case)
}

/// Where the lower end of a cell's edge is: which neighbor, and which of its edges.
fn edge_place(cell: [usize; 3], edge: usize) -> (usize, usize) {
    let corner = usize::from(EDGE_CORNERS[edge][0]);
    let axis = edge / 4;
    let mut neighbor = 0;
    let mut voxel = 0;
    for a in (0..3).rev() {
        let v = cell[a] + (corner >> a & 1);
        neighbor |= (v / SIDE) << a;
        voxel = voxel * SIDE + v % SIDE;
    }
    (neighbor, axis * VOXELS + voxel)
}

/// The marks of a block's edges, and how many marks come before each word.
struct Numbering {
    first: u64,
    before: [u32; WORDS],
}

/// The surface where the distance changes sign, among voxels of at least `least_weight`.
///
/// # Errors
/// More triangles than are accepted.
pub(super) fn extract(grid: &Grid, voxel_mm: f64, least_weight: f32) -> Result<FusedMesh, FusionError> {
    let marks: Vec<[AtomicU64; WORDS]> = grid
        .blocks
        .iter()
        .map(|_| std::array::from_fn(|_| AtomicU64::new(0)))
        .collect();
    let triangles: Vec<u64> = grid
        .blocks
        .par_iter()
        .map(|block| mark(&Padded::around(grid, block.key, least_weight), &marks))
        .collect();
    let total: u64 = triangles.iter().sum();
    if total > MAX_TRIANGLES {
        return Err(FusionError::TooManyTriangles {
            triangles: total,
            limit: MAX_TRIANGLES,
        });
    }
    let mut next = 0u64;
    let numbers: Vec<Numbering> = marks
        .iter()
        .map(|words| {
            let first = next;
            let before = std::array::from_fn(|w| {
                let before = next - first;
                next += u64::from(words[w].load(Ordering::Relaxed).count_ones());
                before as u32
            });
            Numbering { first, before }
        })
        .collect();
    let mut mesh = FusedMesh::of_size(next as usize, total as usize);
    let mut jobs = Vec::with_capacity(numbers.len());
    {
        let mut positions = mesh.mesh.positions_mm.as_mut_slice();
        let mut normals = mesh.mesh.normals.as_mut_slice();
        let mut colors = mesh.colors.as_mut_slice();
        let mut weights = mesh.weights.as_mut_slice();
        let mut faces = mesh.mesh.triangles.as_mut_slice();
        for (i, &count) in triangles.iter().enumerate() {
            let end = numbers.get(i + 1).map_or(next, |n| n.first);
            let vertices = (end - numbers[i].first) as usize;
            if vertices == 0 && count == 0 {
                continue;
            }
            jobs.push(Job {
                block: i,
                positions: positions.split_off_mut(..vertices).unwrap_or_default(),
                normals: normals.split_off_mut(..vertices).unwrap_or_default(),
                colors: colors.split_off_mut(..vertices).unwrap_or_default(),
                weights: weights.split_off_mut(..vertices).unwrap_or_default(),
                triangles: faces.split_off_mut(..count as usize).unwrap_or_default(),
            });
        }
    }
    let writer = Writer {
        grid,
        voxel_mm,
        least_weight,
        marks: &marks,
        numbers: &numbers,
    };
    jobs.into_par_iter().for_each(|job| writer.write(job));
    Ok(mesh)
}

/// Marks the edges that the cells of a block use, and counts its triangles.
fn mark(padded: &Padded, marks: &[[AtomicU64; WORDS]]) -> u64 {
    let mut triangles = 0;
    for cell in cube(SIDE) {
        let Some(case) = case_of(padded, cell).map(|case| &CASES[case]) else {
            continue;
        };
        for &edge in case.triangles[..usize::from(case.count)].iter().flatten() {
            let (neighbor, at) = edge_place(cell, usize::from(edge));
            if let Some(block) = padded.neighbors[neighbor] {
                marks[block][at / 64].fetch_or(1 << (at % 64), Ordering::Relaxed);
            }
        }
        triangles += u64::from(case.count);
    }
    triangles
}

/// A block's share of the mesh.
struct Job<'a> {
    block: usize,
    positions: &'a mut [[f32; 3]],
    normals: &'a mut [[f32; 3]],
    colors: &'a mut [[u8; 3]],
    weights: &'a mut [f32],
    triangles: &'a mut [[u32; 3]],
}

struct Writer<'a> {
    grid: &'a Grid,
    voxel_mm: f64,
    least_weight: f32,
    marks: &'a [[AtomicU64; WORDS]],
    numbers: &'a [Numbering],
}

impl Writer<'_> {
    fn write(&self, mut job: Job<'_>) {
        let padded = Padded::around(self.grid, self.grid.blocks[job.block].key, self.least_weight);
        let mut vertex = 0;
        for word in 0..WORDS {
            let mut left = self.marks[job.block][word].load(Ordering::Relaxed);
            while left != 0 {
                let edge = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                self.vertex(&padded, edge, vertex, &mut job);
                vertex += 1;
            }
        }
        let mut written = 0;
        for cell in cube(SIDE) {
            let Some(case) = case_of(&padded, cell).map(|case| &CASES[case]) else {
                continue;
            };
            for triangle in &case.triangles[..usize::from(case.count)] {
                job.triangles[written] = triangle.map(|edge| self.number(&padded, cell, edge));
                written += 1;
            }
        }
    }

    fn number(&self, padded: &Padded, cell: [usize; 3], edge: u8) -> u32 {
        let (neighbor, at) = edge_place(cell, usize::from(edge));
        let block = padded.neighbors[neighbor].unwrap_or_default();
        let below = self.marks[block][at / 64].load(Ordering::Relaxed) & ((1u64 << (at % 64)) - 1);
        let numbers = &self.numbers[block];
        (numbers.first + u64::from(numbers.before[at / 64] + below.count_ones())) as u32
    }

    fn vertex(&self, padded: &Padded, edge: usize, vertex: usize, job: &mut Job<'_>) {
        let (axis, voxel) = (edge / VOXELS, edge % VOXELS);
        let low = [voxel % SIDE, voxel / SIDE % SIDE, voxel / SIDE / SIDE];
        let from = low.map(|v| v + 1);
        let mut to = from;
        to[axis] += 1;
        let (a, b) = (padded.at(from), padded.at(to));
        // Off the very ends, where the vertices of several edges would meet and triangles lose their area.
        let t = (a / (a - b)).clamp(0.001, 0.999);
        let key = self.grid.blocks[job.block].key;
        job.positions[vertex] = std::array::from_fn(|i| {
            let along = if i == axis { f64::from(t) } else { 0.0 };
            ((f64::from(key[i]) * SIDE as f64 + low[i] as f64 + along) * self.voxel_mm) as f32
        });
        let (ga, gb) = (padded.gradient(from), padded.gradient(to));
        let mean: [f32; 3] = std::array::from_fn(|i| ga[i] + t * (gb[i] - ga[i]));
        let length = mean.iter().map(|v| v * v).sum::<f32>().sqrt();
        job.normals[vertex] = if length > 0.0 {
            mean.map(|v| v / length)
        } else {
            let mut along = [0.0; 3];
            along[axis] = (b - a).signum();
            along
        };
        let ends = [(low, 1.0 - t), (to.map(|v| v - 1), t)];
        let (color, weight) = self.tint(key, ends);
        job.colors[vertex] = color;
        job.weights[vertex] = weight;
    }

    /// The color and the weight between two voxels, given in voxels from a block.
    fn tint(&self, key: Key, ends: [([usize; 3], f32); 2]) -> ([u8; 3], f32) {
        let (mut rgb, mut known, mut weight) = ([0.0; 3], 0.0, 0.0);
        for (voxel, share) in ends {
            let at = [0, 1, 2].map(|a| key[a] + (voxel[a] / SIDE) as i32);
            let Some(block) = self.grid.find(at).map(|i| &self.grid.blocks[i]) else {
                continue;
            };
            let index = voxel.iter().rev().fold(0, |sum, v| sum * SIDE + v % SIDE);
            weight += share * block.weight[index];
            if let Some(colors) = &block.color
                && colors.weight[index] > 0.0
            {
                let share = share + 1e-3;
                known += share;
                for (sum, value) in rgb.iter_mut().zip(colors.rgb[index]) {
                    *sum += share * value;
                }
            }
        }
        let color = if known > 0.0 {
            rgb.map(|v| (v / known).round() as u8)
        } else {
            super::NO_COLOR
        };
        (color, weight)
    }
}
