//! How triangles hang together along their edges.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use parallel::prelude::*;

use super::union::SharedSets;

/// Vertices of a piece that is worked on at once.
const PIECE: usize = 1 << 14;

/// The sides of all triangles, listed by the lower one of their two points. Side `3 * t + k` leads from corner `k` of
/// triangle `t` to the next one.
pub(super) struct Sides<'a> {
    /// `[triangle][corner]`, points: vertices at one place have one number.
    triangles: &'a [[u32; 3]],
    /// For each point, where the list of its sides ends.
    ends: Vec<u32>,
    sides: Vec<AtomicU32>,
}

/// What is known about all edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Edges with one triangle.
    pub(super) boundary: u64,
    /// Edges with three triangles or more.
    pub(super) non_manifold: u64,
    /// Edges whose two triangles run the same way along them.
    pub(super) misoriented: u64,
    /// Triangles with the same corners as an earlier one.
    pub(super) duplicates: u64,
}

/// What one pass over all edges finds.
pub(super) struct Topology {
    pub(super) counts: Counts,
    /// Pieces of triangles that share edges.
    pub(super) pieces: SharedSets,
    /// Border points joined along the border, and which points these are.
    border: SharedSets,
    is_border: Vec<AtomicBool>,
    /// Triangles at an edge that has not two triangles.
    pub(super) is_at_flaw: Vec<AtomicBool>,
    /// Triangles that are there already.
    pub(super) is_duplicate: Vec<AtomicBool>,
}

/// One edge: the other side's point, and the side.
type Side = (u32, u32);

impl<'a> Sides<'a> {
    /// `triangles` have three different points each, all below `points`.
    pub(super) fn new(triangles: &'a [[u32; 3]], points: usize) -> Self {
        let counts = zeros(points);
        let low_of = |[a, b, c]: [u32; 3]| [a.min(b), b.min(c), c.min(a)];
        triangles.par_iter().for_each(|&triangle| {
            for low in low_of(triangle) {
                counts[low as usize].fetch_add(1, Relaxed);
            }
        });
        let mut total = 0;
        for count in &counts {
            let start = total;
            total += count.load(Relaxed);
            count.store(start, Relaxed);
        }
        let sides = zeros(triangles.len() * 3);
        triangles.par_iter().enumerate().for_each(|(t, &triangle)| {
            for (k, low) in (0..).zip(low_of(triangle)) {
                let at = counts[low as usize].fetch_add(1, Relaxed);
                sides[at as usize].store(t as u32 * 3 + k, Relaxed);
            }
        });
        Self {
            triangles,
            ends: counts.into_iter().map(AtomicU32::into_inner).collect(),
            sides,
        }
    }

    /// The points that a side leads from and to.
    fn points(&self, side: u32) -> (u32, u32) {
        let triangle = self.triangles[(side / 3) as usize];
        let k = (side % 3) as usize;
        (triangle[k], triangle[if k == 2 { 0 } else { k + 1 }])
    }

    /// The point of a side's triangle that is not on it.
    fn opposite(&self, side: u32) -> u32 {
        self.triangles[(side / 3) as usize][((side + 2) % 3) as usize]
    }

    /// Calls `edge` with the lower point of each edge and its sides, which are in the order of their numbers, from many
    /// threads, and adds up what it counts.
    fn each(&self, edge: impl Fn(u32, &[Side], &mut Counts) + Sync) -> Counts {
        let of_piece = |piece: usize| {
            let mut counts = Counts::default();
            let mut sides: Vec<Side> = Vec::new();
            for low in piece * PIECE..((piece + 1) * PIECE).min(self.ends.len()) {
                let start = if low == 0 { 0 } else { self.ends[low - 1] };
                sides.clear();
                for side in &self.sides[start as usize..self.ends[low] as usize] {
                    let side = side.load(Relaxed);
                    let (from, to) = self.points(side);
                    sides.push((from.max(to), side));
                }
                sides.sort_unstable();
                for same in sides.chunk_by(|a, b| a.0 == b.0) {
                    edge(low as u32, same, &mut counts);
                }
            }
            counts
        };
        (0..self.ends.len().div_ceil(PIECE))
            .into_par_iter()
            .map(of_piece)
            .reduce(Counts::default, |a, b| Counts {
                boundary: a.boundary + b.boundary,
                non_manifold: a.non_manifold + b.non_manifold,
                misoriented: a.misoriented + b.misoriented,
                duplicates: a.duplicates + b.duplicates,
            })
    }

    /// Whether two sides of an edge run the same way.
    fn run_alike(&self, a: u32, b: u32) -> bool {
        self.points(a).0 == self.points(b).0
    }

    pub(super) fn topology(&self) -> Topology {
        let flags = |count: usize| -> Vec<AtomicBool> {
            (0..count)
                .into_par_iter()
                .map(|_| AtomicBool::new(false))
                .collect()
        };
        let mut topology = Topology {
            counts: Counts::default(),
            pieces: SharedSets::new(self.triangles.len()),
            border: SharedSets::new(self.ends.len()),
            is_border: flags(self.ends.len()),
            is_at_flaw: flags(self.triangles.len()),
            is_duplicate: flags(self.triangles.len()),
        };
        topology.counts = self.each(|low, sides, counts| {
            let high = sides[0].0;
            let flaw = |side: u32| topology.is_at_flaw[(side / 3) as usize].store(true, Relaxed);
            match *sides {
                [(_, side)] => {
                    counts.boundary += 1;
                    flaw(side);
                    for point in [low, high] {
                        topology.is_border[point as usize].store(true, Relaxed);
                    }
                    topology.border.join(low, high);
                }
                [(_, a), (_, b)] => {
                    counts.misoriented += u64::from(self.run_alike(a, b));
                    topology.pieces.join(a / 3, b / 3);
                }
                _ => {
                    counts.non_manifold += 1;
                    for pair in sides.windows(2) {
                        topology.pieces.join(pair[0].1 / 3, pair[1].1 / 3);
                    }
                    sides.iter().for_each(|&(_, side)| flaw(side));
                }
            }
            if sides.len() > 1 {
                self.find_duplicates(sides, &topology.is_duplicate, counts);
            }
        });
        topology
    }

    /// Marks triangles whose third point another triangle at the same edge has, too. Each triangle is looked at from one
    /// of its edges only: that of its two lowest points.
    fn find_duplicates(&self, sides: &[Side], is_duplicate: &[AtomicBool], counts: &mut Counts) {
        let mut thirds: Vec<Side> = sides
            .iter()
            .map(|&(_, side)| (self.opposite(side), side))
            .filter(|&(third, _)| third > sides[0].0)
            .collect();
        thirds.sort_unstable();
        for pair in thirds.windows(2) {
            if pair[0].0 == pair[1].0 {
                is_duplicate[(pair[1].1 / 3) as usize].store(true, Relaxed);
                counts.duplicates += 1;
            }
        }
    }

    /// For each side, the only other one at its edge; `u32::MAX` where there is none or more than one.
    pub(super) fn partners(&self) -> Vec<u32> {
        let partners: Vec<AtomicU32> = (0..self.triangles.len() * 3)
            .into_par_iter()
            .map(|_| AtomicU32::new(u32::MAX))
            .collect();
        self.each(|_, sides, _| {
            if let [(_, a), (_, b)] = *sides {
                partners[a as usize].store(b, Relaxed);
                partners[b as usize].store(a, Relaxed);
            }
        });
        partners.into_iter().map(AtomicU32::into_inner).collect()
    }
}

impl Topology {
    /// Borders: points joined along edges of one triangle. Borders that touch in a point count as one.
    pub(super) fn holes(&self) -> u64 {
        let is_root =
            |&point: &u32| self.is_border[point as usize].load(Relaxed) && self.border.root(point) == point;
        (0..self.is_border.len() as u32)
            .into_par_iter()
            .filter(is_root)
            .count() as u64
    }
}

fn zeros(count: usize) -> Vec<AtomicU32> {
    (0..count).into_par_iter().map(|_| AtomicU32::new(0)).collect()
}
