//! Cuts a mesh into slabs across its longest side, so that they can be worked on side by side.

use parallel::prelude::*;

use super::chunk::{Chunk, Histories, History, Reduced};
use super::clusters::{CELL_BITS, Cells};
use super::deviation::Shape;
use super::quadric::{dot, sub};

/// A mesh on its way through several passes.
#[derive(Default)]
pub(crate) struct Working {
    /// `[vertex][x, y, z]`, mm.
    pub(crate) positions: Vec<[f32; 3]>,
    /// `[triangle][corner]`.
    pub(crate) triangles: Vec<[u32; 3]>,
    /// One a vertex; empty for a full surface.
    pub(crate) histories: Vec<History>,
}

impl Working {
    pub(crate) fn shape(&self) -> Shape<'_> {
        Shape {
            positions: &self.positions,
            triangles: &self.triangles,
        }
    }
}

/// Where a mesh is cut.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Seams {
    /// Between slabs of about equal numbers of vertices.
    First,
    /// In the middle of the slabs of the first cut.
    Shifted,
}

/// The slabs of a mesh, and blocks within them.
pub(super) struct Partition {
    axis: usize,
    /// Coordinates where one slab ends and the next begins, rising.
    cuts: Vec<f32>,
    /// Lowest corner of the first block.
    corner: [f32; 3],
    /// Blocks a mm.
    blocks_a_mm: f32,
    /// Whether the blocks are as small as they should be: there are enough of them for a mesh of this size.
    is_fine: bool,
}

/// The vertices of a slab in the order of its chunk, and how many of them belong to it alone.
pub(super) struct Members {
    vertices: Vec<u32>,
    own: usize,
}

/// Blocks along each axis, at most.
const BLOCKS: f32 = 63.0;
/// The side of a block in edges of the mesh: several windows of a chunk fill it.
const EDGES_A_BLOCK: f32 = 32.0;

impl Partition {
    /// Cuts `mesh` across its longest side.
    pub(super) fn new(mesh: &Working, slabs: usize, seams: Seams) -> Self {
        let positions = &mesh.positions;
        let lowest = |a: [f32; 3], b: [f32; 3]| std::array::from_fn(|i| a[i].min(b[i]));
        let highest = |a: [f32; 3], b: [f32; 3]| std::array::from_fn(|i| a[i].max(b[i]));
        let min: [f32; 3] = positions.iter().copied().fold([f32::INFINITY; 3], lowest);
        let max: [f32; 3] = positions.iter().copied().fold([f32::NEG_INFINITY; 3], highest);
        let size = sub(max, min);
        let axis = (0..3).max_by(|&a, &b| size[a].total_cmp(&size[b])).unwrap_or(0);
        // A thousand of the coordinates tell well enough where the others are.
        let step = (positions.len() / 1000).max(1);
        let mut sorted: Vec<f32> = positions.iter().step_by(step).map(|p| p[axis]).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let halves = match seams {
            Seams::First => 2..2 * slabs - 1,
            Seams::Shifted => 3..2 * slabs - 2,
        };
        let wanted = 1.0 / (EDGES_A_BLOCK * mean_edge_mm(mesh));
        let most = BLOCKS / size[axis];
        let at_half = |half: usize| sorted.get(half * sorted.len() / (2 * slabs)).copied();
        let cuts = halves.step_by(2).filter_map(at_half);
        Self {
            axis,
            cuts: cuts.collect(),
            corner: min,
            blocks_a_mm: wanted.min(most),
            is_fine: wanted <= most,
        }
    }

    fn slab_of(&self, position: [f32; 3]) -> u32 {
        let coordinate = position[self.axis];
        self.cuts.iter().take_while(|&&cut| cut <= coordinate).count() as u32
    }

    /// The slab of a vertex, and its block in Morton order: what is near in space is near in the order.
    fn place_of(&self, position: [f32; 3]) -> u32 {
        let block = sub(position, self.corner).map(|mm| ((mm * self.blocks_a_mm).clamp(0.0, BLOCKS)) as u32);
        let morton = (0..6).fold(0, |code, bit| {
            let along = |axis: usize| (block[axis] >> bit & 1) << (3 * bit + axis as u32);
            code | along(0) | along(1) | along(2)
        });
        self.slab_of(position) << BLOCK_BITS | morton
    }

    /// The chunks of `mesh`, with their members. Vertices between two chunks, and those locked from outside, are
    /// locked.
    pub(super) fn chunks(
        &self,
        mesh: &Working,
        is_locked: &(dyn Fn(usize) -> bool + Sync),
        max_error_mm: f32,
        is_far: bool,
    ) -> Vec<(Members, Chunk)> {
        // Two edges wide, and so that clusters lie within blocks, and their vertices are near each other in the order.
        let cells = (is_far && self.is_fine).then_some(Cells {
            corner: self.corner,
            a_mm: self.blocks_a_mm * (1 << CELL_BITS) as f32,
        });
        let slabs = self.cuts.len() + 1;
        let place_of_vertex: Vec<u32> = mesh.positions.par_iter().map(|&p| self.place_of(p)).collect();
        let slab_of = |v: u32| place_of_vertex[v as usize] >> BLOCK_BITS;
        let place_of_triangle: Vec<u32> = mesh
            .triangles
            .par_iter()
            .map(|t| {
                t.map(|v| place_of_vertex[v as usize])
                    .into_iter()
                    .min()
                    .unwrap_or(0)
            })
            .collect();
        let (vertices, triangles) = parallel::join(
            || Sorted::by_place(&place_of_vertex, slabs),
            || Sorted::by_place(&place_of_triangle, slabs),
        );
        let numbers = vertices.numbers();
        let guests: Vec<Vec<u32>> = (0..slabs)
            .into_par_iter()
            .map(|slab| {
                let corners = triangles
                    .of_slab(slab)
                    .iter()
                    .flat_map(|&t| mesh.triangles[t as usize]);
                let mut guests: Vec<u32> = corners.filter(|&v| slab_of(v) != slab as u32).collect();
                guests.sort_unstable();
                guests.dedup();
                guests
            })
            .collect();
        let mut is_shared = vec![false; mesh.positions.len()];
        for &v in guests.iter().flatten() {
            is_shared[v as usize] = true;
        }
        guests
            .into_par_iter()
            .enumerate()
            .map(|(slab, guests)| {
                let own = vertices.of_slab(slab);
                let local = |v: u32| match slab_of(v) == slab as u32 {
                    true => numbers[v as usize],
                    false => (own.len() + guests.partition_point(|&guest| guest < v)) as u32,
                };
                let triangles = triangles.of_slab(slab).iter();
                let triangles: Vec<[u32; 3]> = triangles
                    .map(|&t| mesh.triangles[t as usize].map(local))
                    .collect();
                let members = Members {
                    vertices: [own, &guests].concat(),
                    own: own.len(),
                };
                let chunk = members.chunk(
                    mesh,
                    &triangles,
                    &|v| is_shared[v] || is_locked(v),
                    max_error_mm,
                    cells,
                );
                (members, chunk)
            })
            .collect()
    }
}

/// Bits of a block in a place.
const BLOCK_BITS: u32 = 18;

/// The mean length of some edges, mm.
fn mean_edge_mm(mesh: &Working) -> f32 {
    let step = (mesh.triangles.len() / 1000).max(1);
    let lengths = mesh.triangles.iter().step_by(step).map(|t| {
        let [a, b] = [t[0], t[1]].map(|v| mesh.positions[v as usize]);
        dot(sub(b, a), sub(b, a)).sqrt()
    });
    let (sum, count) = lengths.fold((0.0, 0.0), |(sum, count), length| (sum + length, count + 1.0f32));
    (sum / count.max(1.0)).max(f32::MIN_POSITIVE)
}

/// Things in the order of their places.
struct Sorted {
    order: Vec<u32>,
    /// Where each slab starts in the order; one more entry than slabs.
    starts: Vec<u32>,
}

impl Sorted {
    fn by_place(places: &[u32], slabs: usize) -> Self {
        let mut next = vec![0u32; (slabs << BLOCK_BITS) + 1];
        for &place in places {
            next[place as usize + 1] += 1;
        }
        for i in 1..next.len() {
            next[i] += next[i - 1];
        }
        let starts = next.iter().step_by(1 << BLOCK_BITS).copied().collect();
        let mut order = vec![0; places.len()];
        for (i, &place) in places.iter().enumerate() {
            let next = &mut next[place as usize];
            order[*next as usize] = i as u32;
            *next += 1;
        }
        Self { order, starts }
    }

    fn of_slab(&self, slab: usize) -> &[u32] {
        &self.order[self.starts[slab] as usize..self.starts[slab + 1] as usize]
    }

    /// For each thing, how many of its slab come before it.
    fn numbers(&self) -> Vec<u32> {
        let mut numbers = vec![0; self.order.len()];
        for slab in 0..self.starts.len() - 1 {
            for (number, &thing) in self.of_slab(slab).iter().enumerate() {
                numbers[thing as usize] = number as u32;
            }
        }
        numbers
    }
}

impl Members {
    /// How many of the vertices belong to other slabs.
    pub(super) fn guests(&self) -> usize {
        self.vertices.len() - self.own
    }

    fn own(&self) -> &[u32] {
        &self.vertices[..self.own]
    }

    fn chunk(
        &self,
        mesh: &Working,
        triangles: &[[u32; 3]],
        is_locked: &dyn Fn(usize) -> bool,
        max_error_mm: f32,
        cells: Option<Cells>,
    ) -> Chunk {
        let global = || self.vertices.iter().map(|&v| v as usize);
        let positions: Vec<[f32; 3]> = global().map(|v| mesh.positions[v]).collect();
        // The history of a guest stays at home.
        let histories: Vec<History> = global()
            .enumerate()
            .filter_map(|(i, v)| {
                let history = mesh.histories.get(v)?;
                Some(if i < self.own {
                    *history
                } else {
                    History::default()
                })
            })
            .collect();
        let given = match mesh.histories.is_empty() {
            true => Histories::None,
            false => Histories::Given(&histories),
        };
        let is_locked = |i: usize| is_locked(self.vertices[i] as usize);
        Chunk::new(&positions, triangles, given, is_locked, max_error_mm, cells)
    }
}

/// Puts reduced chunks together again. Returns the mesh and, for each vertex before, the one that it became
/// (`u32::MAX` when it is gone).
pub(super) fn gather(vertices_before: usize, chunks: &[(Members, Reduced)]) -> (Working, Vec<u32>) {
    let mut became = vec![u32::MAX; vertices_before];
    let mut mesh = Working {
        positions: Vec::new(),
        triangles: Vec::new(),
        histories: Vec::new(),
    };
    let mut starts = Vec::with_capacity(chunks.len());
    for (members, reduced) in chunks {
        // Guests are locked and come last, so what is left of the own vertices is a prefix.
        let own_left = reduced.positions.len() - (members.vertices.len() - members.own);
        let start = mesh.positions.len() as u32;
        starts.push((start, own_left as u32));
        mesh.positions.extend_from_slice(&reduced.positions[..own_left]);
        mesh.histories.extend_from_slice(&reduced.histories[..own_left]);
        for (&v, &now) in members.own().iter().zip(&reduced.became) {
            if (now as usize) < own_left {
                became[v as usize] = start + now;
            }
        }
    }
    for ((members, reduced), &(start, own_left)) in chunks.iter().zip(&starts) {
        let guests = &members.vertices[members.own..];
        let number = |v: u32, became: &[u32]| match v.checked_sub(own_left) {
            None => start + v,
            Some(guest) => became[guests[guest as usize] as usize],
        };
        for (guest, history) in guests.iter().zip(&reduced.histories[own_left as usize..]) {
            mesh.histories[became[*guest as usize] as usize].add(history);
        }
        for (&v, &now) in members.own().iter().zip(&reduced.became) {
            if now != u32::MAX {
                became[v as usize] = number(now, &became);
            }
        }
        let triangles = reduced.triangles.iter();
        mesh.triangles
            .extend(triangles.map(|t| t.map(|v| number(v, &became))));
    }
    (mesh, became)
}
