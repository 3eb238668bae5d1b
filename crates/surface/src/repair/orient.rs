//! Which side of a triangle is outside.

use std::sync::atomic::Ordering::Relaxed;

use geometry::{Aabb, DVec3};
use parallel::prelude::*;

use super::edges::{Sides, Topology};
use crate::measure::volume_of;

/// The connected pieces of a mesh, and what orienting them needs.
pub(super) struct Pieces {
    /// For each triangle, its piece.
    of_triangle: Vec<u32>,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
struct Piece {
    triangles: u64,
    is_closed: bool,
    /// Volume enclosed, in the cube of the file's unit; positive where triangles look outward.
    volume: f64,
    bounds: Aabb,
}

/// So many of the largest closed pieces are looked at to tell whether another one is a cavity in them.
const LARGEST: usize = 32;

impl Pieces {
    pub(super) fn new(triangles: &[[u32; 3]], topology: &Topology) -> Self {
        let mut number = vec![u32::MAX; triangles.len()];
        let roots: Vec<u32> = (0..triangles.len() as u32)
            .into_par_iter()
            .map(|t| topology.pieces.root(t))
            .collect();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut of_triangle = roots;
        for (t, piece) in of_triangle.iter_mut().enumerate() {
            // A root is the lowest number of its piece: it comes first.
            let root = *piece as usize;
            if root == t {
                number[t] = pieces.len() as u32;
                pieces.push(Piece {
                    triangles: 0,
                    is_closed: true,
                    volume: 0.0,
                    bounds: Aabb::EMPTY,
                });
            }
            *piece = number[root];
            let piece = &mut pieces[*piece as usize];
            piece.triangles += 1;
            piece.is_closed &= !topology.is_at_flaw[t].load(Relaxed);
        }
        Self { of_triangle, pieces }
    }

    pub(super) fn count(&self) -> u64 {
        self.pieces.len() as u64
    }

    pub(super) fn closed(&self) -> u64 {
        self.pieces.iter().filter(|piece| piece.is_closed).count() as u64
    }

    /// Marks triangles to be turned so that neighbors agree, as few as possible in each piece. Returns the edges whose
    /// triangles cannot be made to agree: the surface has one side only.
    pub(super) fn align(&mut self, sides: &Sides<'_>, triangles: &[[u32; 3]], is_turned: &mut [bool]) -> u64 {
        let partners = sides.partners();
        let mut one_sided_edges = 0;
        let mut is_seen = vec![false; triangles.len()];
        let mut turned_in = vec![0u64; self.pieces.len()];
        let mut has_one_side = vec![false; self.pieces.len()];
        let mut waiting = Vec::new();
        for start in 0..triangles.len() as u32 {
            if is_seen[start as usize] {
                continue;
            }
            is_seen[start as usize] = true;
            waiting.push(start);
            while let Some(t) = waiting.pop() {
                // In an order that does not depend on how triangles are turned: where they cannot all agree, the same ones
                // agree when it is done again.
                let mut sides = [3 * t, 3 * t + 1, 3 * t + 2];
                sides.sort_unstable_by_key(|&side| {
                    let ends = [from(triangles, side), to(triangles, side)];
                    (
                        partners[side as usize] / 3,
                        ends[0].min(ends[1]),
                        ends[0].max(ends[1]),
                    )
                });
                for side in sides {
                    let partner = partners[side as usize];
                    if partner == u32::MAX {
                        continue;
                    }
                    let other = (partner / 3) as usize;
                    let is_alike = from(triangles, side) == from(triangles, partner);
                    let wanted = is_turned[t as usize] ^ is_alike;
                    if !is_seen[other] {
                        is_seen[other] = true;
                        is_turned[other] = wanted;
                        turned_in[self.of_triangle[other] as usize] += u64::from(wanted);
                        waiting.push(other as u32);
                    } else if is_turned[other] != wanted && partner > side {
                        one_sided_edges += 1;
                        has_one_side[self.of_triangle[other] as usize] = true;
                    }
                }
            }
        }
        for (piece, one_sided) in self.pieces.iter_mut().zip(has_one_side) {
            piece.is_closed &= !one_sided;
        }
        // Islands within a piece that hang on by bad edges only follow their own start.
        let is_most: Vec<bool> = self
            .pieces
            .iter()
            .zip(turned_in)
            .map(|(piece, turned)| turned * 2 > piece.triangles)
            .collect();
        for (is_turned, piece) in is_turned.iter_mut().zip(&self.of_triangle) {
            *is_turned ^= is_most[*piece as usize];
        }
        one_sided_edges
    }

    /// Turns closed pieces that look inward: those with a negative volume. A piece within the box of a larger closed one
    /// is taken for a cavity or a body in it, and turns with it, if at all.
    pub(super) fn face_outward(
        &mut self,
        triangles: &[[u32; 3]],
        positions: &[[f32; 3]],
        is_turned: &mut [bool],
    ) {
        if !self.pieces.iter().any(|piece| piece.is_closed) {
            return;
        }
        self.measure(triangles, positions, is_turned);
        let mut by_size: Vec<u32> = (0..self.pieces.len() as u32)
            .filter(|i| self.pieces[*i as usize].is_closed)
            .collect();
        by_size.sort_by(|a, b| {
            let volume = |i: &u32| self.pieces[*i as usize].volume.abs();
            volume(b).total_cmp(&volume(a))
        });
        let mut inward = vec![false; self.pieces.len()];
        for (rank, &i) in by_size.iter().enumerate() {
            let piece = &self.pieces[i as usize];
            let around = by_size[..rank.min(LARGEST)].iter().rev().find(|&&other| {
                let (outer, inner) = (self.pieces[other as usize].bounds, piece.bounds);
                outer.min.cmple(inner.min).all() && outer.max.cmpge(inner.max).all()
            });
            inward[i as usize] = match around {
                Some(&outer) => inward[outer as usize],
                None => piece.volume < 0.0,
            };
        }
        if !inward.contains(&true) {
            return;
        }
        for (is_turned, piece) in is_turned.iter_mut().zip(&self.of_triangle) {
            *is_turned ^= inward[*piece as usize];
        }
    }

    /// Volumes and boxes of the pieces, with the triangles that are to be turned.
    fn measure(&mut self, triangles: &[[u32; 3]], positions: &[[f32; 3]], is_turned: &[bool]) {
        /// Fixed, so that sums do not depend on the number of threads.
        const PIECE: usize = 1 << 16;
        let origin = positions.first().copied().unwrap_or_default();
        let origin = DVec3::from_array(origin.map(f64::from));
        let one = |t: usize| {
            let corners = triangles[t].map(|v| DVec3::from_array(positions[v as usize].map(f64::from)));
            let volume = volume_of(corners.map(|p| p - origin));
            (if is_turned[t] { -volume } else { volume }, corners)
        };
        if self.pieces.len() == 1 {
            let volumes: Vec<f64> = (0..triangles.len().div_ceil(PIECE))
                .into_par_iter()
                .map(|part| {
                    let range = part * PIECE..((part + 1) * PIECE).min(triangles.len());
                    range.map(|t| one(t).0).sum()
                })
                .collect();
            self.pieces[0].volume = volumes.iter().sum();
            return;
        }
        for t in 0..triangles.len() {
            let piece = &mut self.pieces[self.of_triangle[t] as usize];
            let (volume, corners) = one(t);
            piece.volume += volume;
            piece.bounds = corners.into_iter().fold(piece.bounds, Aabb::grown_to);
        }
    }
}

/// The point that a side leads from.
fn from(triangles: &[[u32; 3]], side: u32) -> u32 {
    triangles[(side / 3) as usize][(side % 3) as usize]
}

/// The point that a side leads to.
fn to(triangles: &[[u32; 3]], side: u32) -> u32 {
    triangles[(side / 3) as usize][((side + 1) % 3) as usize]
}
