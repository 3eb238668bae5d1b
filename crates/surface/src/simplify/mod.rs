//! Fewer triangles within a stated error.
//!
//! Quadric edge collapse ([`chunk`]) in slabs of the mesh side by side ([`partition`]), which share one limit of cost
//! that rises until few enough triangles are left: the same order of collapses as in one queue, nearly. Vertices
//! between two slabs are locked; a second pass over slabs that have their middles there reduces them as well.
//!
//! A full surface has clusters of vertices merged before ([`clusters`]); afterwards its edges are turned ([`flips`]) and
//! its vertices moved ([`fit`]) towards what it was.

mod chunk;
mod clusters;
mod deviation;
mod fit;
mod flips;
mod incidence;
mod partition;
pub(crate) mod quadric;

use parallel::prelude::*;

pub(crate) use self::chunk::History;
use self::chunk::{BUCKETS, Chunk, Reduced};
pub use self::deviation::Deviation;
pub(crate) use self::deviation::{Shape, fit_and_measure, measure};
pub(crate) use self::partition::Working;
use self::partition::{Members, Partition, Seams, gather};

use crate::{Mesh, normals};

/// How far a surface is reduced: to `triangles`, or until nothing can go without more than `max_error_mm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Triangles that are enough.
    pub triangles: usize,
    /// How far the surface may move away from any of its vertices, mm; summed over all merges on the way, so that
    /// the distance in the end is less.
    pub max_error_mm: f32,
}

/// A simplified mesh, and how far it is from the full one.
#[derive(Clone, Debug)]
pub struct Simplified {
    /// The mesh, with smooth normals.
    pub mesh: Mesh,
    /// Its measured distance to the full mesh.
    pub deviation: Deviation,
}

/// Triangles that make a slab worth its seams.
const TRIANGLES_A_SLAB: usize = 400_000;
/// How many times fewer triangles are asked for at least, if clusters are to be merged first: nearer to the goal they
/// save nothing.
const FAR: usize = 4;
/// The most slabs: seams cost more than they bring.
const MAX_SLABS: usize = 32;

/// Reduces `mesh` towards `goal`.
///
/// Edges go in the order of the error that they cause, and only where the surface stays what it was: a watertight
/// mesh stays watertight, no edge gets a third triangle, no triangle turns over, and every component and every hole
/// stays. Normals are computed from the new triangles, weighted by their angles.
pub fn simplify(mesh: &Mesh, goal: Goal) -> Simplified {
    let full = Working {
        positions: mesh.positions_mm.clone(),
        triangles: mesh.triangles.clone(),
        histories: Vec::new(),
    };
    let (mut reduced, became) = reduce(&full, goal, &|_| false);
    let fixed = vec![false; reduced.positions.len()];
    let deviation = fit_and_measure(
        full.shape(),
        &mut reduced,
        &became,
        &fixed,
        goal.max_error_mm,
        0.0,
    );
    let normals = normals::smooth(&reduced.positions, &reduced.triangles);
    Simplified {
        mesh: Mesh {
            positions_mm: reduced.positions,
            normals,
            triangles: reduced.triangles,
        },
        deviation,
    }
}

/// Reduces `mesh` towards `goal` and tells for each vertex which one it became (`u32::MAX` when it is gone). Locked
/// vertices neither move nor go.
pub(crate) fn reduce(
    mesh: &Working,
    goal: Goal,
    is_locked: &(dyn Fn(usize) -> bool + Sync),
) -> (Working, Vec<u32>) {
    let slabs = (mesh.triangles.len() / TRIANGLES_A_SLAB).clamp(1, MAX_SLABS);
    let first = pass(mesh, goal, is_locked, slabs, Seams::First);
    if slabs == 1 {
        return first;
    }
    let (half, became_first) = first;
    let mut locked = vec![false; half.positions.len()];
    for (v, &now) in became_first.iter().enumerate() {
        if is_locked(v) {
            locked[now as usize] = true;
        }
    }
    let (reduced, became_second) = pass(&half, goal, &|v| locked[v], slabs, Seams::Shifted);
    let became = became_first
        .into_par_iter()
        .map(|v| became_second.get(v as usize).copied().unwrap_or(u32::MAX))
        .collect();
    (reduced, became)
}

fn pass(
    mesh: &Working,
    goal: Goal,
    is_locked: &(dyn Fn(usize) -> bool + Sync),
    slabs: usize,
    seams: Seams,
) -> (Working, Vec<u32>) {
    let partition = Partition::new(mesh, slabs, seams);
    let is_far = mesh.histories.is_empty() && goal.triangles < mesh.triangles.len() / FAR;
    let mut chunks = partition.chunks(mesh, is_locked, goal.max_error_mm, is_far);
    // A seam cannot be reduced before the next pass. Its surplus must not be taken from the rest.
    let share_left = goal.triangles as f64 / mesh.triangles.len().max(1) as f64;
    let in_seams: usize = chunks.iter().map(|(members, _)| members.guests()).sum();
    let surplus = match seams {
        Seams::First => 2.0 * in_seams as f64 * (1.0 - share_left).max(0.0),
        Seams::Shifted => 0.0,
    };
    run(&mut chunks, goal.triangles + surplus as usize);
    let reduced: Vec<(Members, Reduced)> = chunks
        .into_par_iter()
        .map(|(members, chunk)| (members, chunk.finish()))
        .collect();
    gather(mesh.positions.len(), &reduced)
}

/// Collapses edges in all chunks, the cheapest first, until `goal` triangles are left in all of them together.
fn run(chunks: &mut [(Members, Chunk)], goal: usize) {
    let left = |chunks: &[(Members, Chunk)]| -> usize {
        chunks.iter().map(|(_, chunk)| chunk.live_triangles()).sum()
    };
    let medians = chunks.par_iter().map(|(_, chunk)| chunk.median_bucket());
    let first = medians.min().unwrap_or(0);
    let mut next = 0;
    while next < BUCKETS {
        let now = left(chunks);
        if now <= goal {
            return;
        }
        // Far from the goal the steps are long, so that each window stays in the cache for many collapses. Steps of a
        // factor of four keep the order of costs well enough: longer ones are hardly sooner, and end farther away.
        let step = match now / goal.max(1) {
            2.. if next == 0 => first.max(1),
            2.. => 8,
            _ if now > goal + goal / 4 => 4,
            _ => 2,
        };
        let bucket = next.saturating_add(step - 1).min(BUCKETS - 1);
        next = bucket + 1;
        let waiting: usize = chunks.iter().map(|(_, chunk)| chunk.waiting(bucket)).sum();
        if waiting == 0 {
            continue;
        }
        // What is too much is divided among the chunks by what each has in these buckets.
        let surplus = (now - goal) as f64;
        chunks.par_iter_mut().for_each(|(_, chunk)| {
            let share = chunk.waiting(bucket) as f64 / waiting as f64;
            let least = chunk.live_triangles() as f64 - (surplus * share).ceil();
            chunk.run(bucket, least.max(0.0) as usize);
        });
    }
}
