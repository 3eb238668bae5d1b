//! A first step that merges many vertices at once, before edges are priced one by one.
//!
//! Space is divided into cells. The vertices in a cell are a cluster, and become one vertex where their planes say that
//! the surface is (Lindstrom, "Out-of-core simplification of large polygonal models", SIGGRAPH 2000). Clusters that
//! would change the surface too much are left as they were: those that cost more than others, that move away from a
//! vertex farther than allowed, or turn a triangle; and those without which the surface would not stay what it was. It
//! stays what it was if each cluster is a disk, and what is around it is one ring that meets each neighbor once.

use super::chunk::History;
use super::incidence::Lists;
use super::quadric::{Quadric, cross, dot, sub};
use crate::distance::Four;

/// Where the cells are.
#[derive(Clone, Copy)]
pub(super) struct Cells {
    /// A corner of a cell, mm; all vertices lie beyond it.
    pub(super) corner: [f32; 3],
    /// Cells a mm.
    pub(super) a_mm: f32,
}

/// Cells along each side of a block, as a power of two. Vertices are expected block by block.
pub(super) const CELL_BITS: u32 = 4;
/// The share of the clusters that are merged, those that cost the least for each vertex that goes. The others would
/// have cost more than the edges that go instead.
const SHARE: f32 = 0.6;
/// The least cosine between a new triangle and what its new vertex stood for.
const LEAST_COSINE: f32 = 0.25;
/// No vertex.
const NONE: u32 = u32::MAX;

/// A mesh after its clusters were merged.
pub(super) struct Clustered {
    /// `[vertex][x, y, z]`, mm, in the order of what was merged.
    pub(super) positions: Vec<[f32; 3]>,
    /// One a vertex.
    pub(super) histories: Vec<History>,
    /// Indexes into `positions`.
    pub(super) triangles: Vec<[u32; 3]>,
    /// For each vertex before, the one that it became.
    pub(super) became: Vec<u32>,
}

/// Merges the clusters of a full surface. Locked vertices, and those at a border, stay as they are.
pub(super) fn merge(
    positions: &[[f32; 3]],
    triangles: &[[u32; 3]],
    is_locked: impl Fn(usize) -> bool,
    cells: Cells,
    max_error_mm: f32,
) -> Clustered {
    let mut clusters = Clusters::new(positions, triangles, is_locked, cells, max_error_mm);
    clusters.add_planes();
    let mut asked = clusters.place();
    let around = clusters.around(&asked);
    let mut surfaced = Vec::new();
    while !asked.is_empty() {
        let unfit = clusters.unfit(&asked, &around, &surfaced);
        asked = clusters.part(&unfit, &mut surfaced);
    }
    clusters.finish()
}

/// A vertex, and what its triangles add to: one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Node {
    position: [f32; 3],
    quadric: Quadric,
    /// 0 where the triangles close a ring.
    ring: u32,
}

/// What the triangles of a cluster add to, at its first vertex.
#[derive(Clone, Copy, Default)]
struct Sum {
    /// The sum of the normals, each twice as long as the area.
    normal: [f32; 3],
    /// Vertices less edges plus triangles, twice: 2 for a disk.
    euler: i32,
    /// How many pieces it is in.
    pieces: u32,
}

impl Sum {
    /// By Euler's formula, for what hangs together.
    fn is_disk(&self) -> bool {
        self.pieces == 1 && self.euler == 2
    }
}

struct Clusters<'a> {
    triangles: &'a [[u32; 3]],
    cells: Cells,
    max_error_mm: f32,
    nodes: Vec<Node>,
    /// For each vertex the first one of its cluster, which stands for it: itself where it is alone.
    first: Vec<u32>,
    /// The next vertex of the same cluster, or [`NONE`].
    next: Vec<u32>,
    sums: Vec<Sum>,
    /// Where each vertex goes.
    places: Vec<[f32; 3]>,
    /// How far the surface moves away from the cluster, mm.
    drifts: Vec<f32>,
    is_merged: Vec<bool>,
    /// The planes of clusters that may be merged, about their first vertices.
    quadrics: Vec<(u32, Quadric)>,
}

impl<'a> Clusters<'a> {
    fn new(
        positions: &[[f32; 3]],
        triangles: &'a [[u32; 3]],
        is_locked: impl Fn(usize) -> bool,
        cells: Cells,
        max_error_mm: f32,
    ) -> Self {
        let count = positions.len();
        let mut first: Vec<u32> = (0..count as u32).collect();
        let mut next = vec![NONE; count];
        let mut of_cell = vec![NONE; 1 << (3 * CELL_BITS)];
        let mut filled: Vec<usize> = Vec::new();
        let mut block = [NONE; 3];
        for (v, &position) in positions.iter().enumerate() {
            if is_locked(v) {
                continue;
            }
            let cell = sub(position, cells.corner).map(|mm| (mm * cells.a_mm) as u32);
            if block != cell.map(|c| c >> CELL_BITS) {
                block = cell.map(|c| c >> CELL_BITS);
                for cell in filled.drain(..) {
                    of_cell[cell] = NONE;
                }
            }
            let within = cell.map(|c| c as usize & ((1 << CELL_BITS) - 1));
            let cell = within.into_iter().fold(0, |cell, c| cell << CELL_BITS | c);
            if of_cell[cell] == NONE {
                of_cell[cell] = v as u32;
                filled.push(cell);
            } else {
                first[v] = of_cell[cell];
                next[v] = next[first[v] as usize];
                next[first[v] as usize] = v as u32;
            }
        }
        let node = |&position: &[f32; 3]| Node {
            position,
            quadric: Quadric::default(),
            ring: 0,
        };
        Self {
            triangles,
            cells,
            max_error_mm,
            nodes: positions.iter().map(node).collect(),
            first,
            next,
            sums: vec![Sum::default(); count],
            places: positions.to_vec(),
            drifts: vec![0.0; count],
            is_merged: vec![false; count],
            quadrics: Vec::new(),
        }
    }

    /// Adds each triangle to its vertices and their clusters.
    fn add_planes(&mut self) {
        for &first in &self.first {
            let sum = &mut self.sums[first as usize];
            sum.euler += 2;
            sum.pieces += 1;
        }
        let mut leads: Vec<u32> = (0..self.first.len() as u32).collect();
        for &[a, b, c] in self.triangles {
            let corners = [a, b, c].map(|v| self.nodes[v as usize].position);
            let normal = cross(sub(corners[1], corners[0]), sub(corners[2], corners[0]));
            let length = dot(normal, normal).sqrt();
            let plane = match length > 0.0 && length.is_finite() {
                true => Quadric::plane(normal, length),
                false => Quadric::default(),
            };
            for (v, next, last) in [(a, b, c), (b, c, a), (c, a, b)] {
                let node = &mut self.nodes[v as usize];
                node.quadric.add(&plane);
                // Around a closed ring each neighbor is once the next and once the last one.
                node.ring = node.ring.wrapping_add(next).wrapping_sub(last);
            }
            let [first, second, third] = self.firsts([a, b, c]);
            let is_same = [first == second, second == third, third == first];
            for (first, (is_same, [v, w])) in [first, second, third]
                .into_iter()
                .zip(is_same.into_iter().zip([[a, b], [b, c], [c, a]]))
            {
                let sum = &mut self.sums[first as usize];
                sum.normal = std::array::from_fn(|i| sum.normal[i] + normal[i]);
                // Each edge inside a surface is seen from both sides.
                sum.euler -= i32::from(is_same);
                sum.pieces -= u32::from(is_same && v < w && join(&mut leads, v, w));
            }
            self.sums[first as usize].euler += 2 * i32::from(is_same == [true; 3]);
        }
    }

    #[inline]
    fn firsts(&self, triangle: [u32; 3]) -> [u32; 3] {
        triangle.map(|v| self.first[v as usize])
    }

    fn members(&self, first: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(first), |&v| {
            Some(self.next[v as usize]).filter(|&v| v != NONE)
        })
    }

    /// Finds where the vertices of clusters go, leaves alone what costs too much, and tells what is to be merged.
    fn place(&mut self) -> Vec<u32> {
        let reach = 0.25 / (self.cells.a_mm * self.cells.a_mm);
        let mut found: Vec<(f32, u32)> = Vec::new();
        for v in 0..self.nodes.len() as u32 {
            let at = v as usize;
            if self.first[at] != v || self.next[at] == NONE || !self.sums[at].is_disk() {
                continue;
            }
            let about = self.nodes[at].position;
            let (mut sum, mut middle, mut count, mut is_closed) = (Quadric::default(), [0.0; 3], 0.0, true);
            for m in self.members(v) {
                let node = &self.nodes[m as usize];
                let step = sub(node.position, about);
                sum.add(&node.quadric.moved(step.map(|mm| -mm)));
                middle = std::array::from_fn(|i| middle[i] + step[i]);
                count += 1.0;
                is_closed &= node.ring == 0;
            }
            let ends = self
                .members(v)
                .map(|m| sub(self.nodes[m as usize].position, about));
            let (place, cost) = sum.lowest_of(middle.map(|sum: f32| sum / count), reach, ends);
            let is_near = cost <= sum.weight() * self.max_error_mm * self.max_error_mm;
            if is_closed && is_near && cost.is_finite() {
                self.places[at] = std::array::from_fn(|i| about[i] + place[i]);
                found.push((cost / (count - 1.0), v));
                self.quadrics.push((v, sum));
            }
        }
        let enough = (found.len() as f32 * SHARE) as usize;
        if enough < found.len() {
            found.select_nth_unstable_by(enough, |a, b| a.0.total_cmp(&b.0));
            for (_, v) in found.drain(enough..) {
                self.places[v as usize] = self.nodes[v as usize].position;
            }
        }
        for &(_, v) in &found {
            self.is_merged[v as usize] = true;
        }
        for v in 0..self.nodes.len() {
            if !self.is_merged[self.first[v] as usize] {
                self.first[v] = v as u32;
            }
        }
        found.into_iter().map(|(_, v)| v).collect()
    }

    /// The triangles that are left around each of some clusters.
    fn around(&self, some: &[u32]) -> Lists {
        if some.is_empty() {
            return Lists::new(0, std::iter::empty);
        }
        let firsts = self.triangles.iter().map(|&t| self.firsts(t)).zip(0..);
        let left: Vec<([u32; 3], u32)> = firsts.filter(|(t, _)| is_whole(*t)).collect();
        Lists::new(self.nodes.len(), || {
            let corners = left.iter().flat_map(|&(corners, t)| corners.map(|v| (v, t)));
            corners.filter(|&(v, _)| self.is_merged[v as usize])
        })
    }

    /// Which of some clusters may not be merged. The triangles around each are those of `around`, and those that
    /// surfaced since.
    fn unfit(&mut self, some: &[u32], around: &Lists, surfaced: &[(u32, u32)]) -> Vec<u32> {
        let mut ring = Vec::new();
        let mut unfit = Vec::new();
        for &v in some {
            let since = &surfaced[surfaced.partition_point(|&(at, _)| at < v)..];
            let since = since.iter().take_while(|&&(at, _)| at == v).map(|(_, t)| t);
            ring.clear();
            ring.extend(around.of(v).iter().chain(since).map(|&t| {
                let [a, b, c] = self.firsts(self.triangles[t as usize]);
                if a == v {
                    [b, c]
                } else if b == v {
                    [c, a]
                } else {
                    [a, b]
                }
            }));
            let drift = match is_ring(&ring) && self.turns_nothing(v, &ring) {
                true => self.drift_of(v, &ring),
                false => f32::INFINITY,
            };
            self.drifts[v as usize] = drift;
            // Without a limit, no drift is asked for.
            if drift > self.max_error_mm || drift.is_infinite() {
                unfit.push(v);
            }
        }
        unfit
    }

    /// Whether the triangles around the new vertex lie as those before did.
    fn turns_nothing(&self, v: u32, ring: &[[u32; 2]]) -> bool {
        let (normal, to) = (self.sums[v as usize].normal, self.places[v as usize]);
        let whole = dot(normal, normal);
        let least = 1e-8 / self.cells.a_mm.powi(4);
        ring.iter().all(|&[p, q]| {
            let [p, q] = [p, q].map(|x| self.places[x as usize]);
            let now = cross(sub(p, to), sub(q, to));
            let along = dot(now, normal);
            let area = dot(now, now);
            area > least && along > 0.0 && along * along > LEAST_COSINE * LEAST_COSINE * area * whole
        })
    }

    /// How far the new surface is from the vertices that were merged, mm.
    fn drift_of(&self, v: u32, ring: &[[u32; 2]]) -> f32 {
        // Below a twentieth of what is allowed it does not matter how far exactly.
        let enough = (0.05 * self.max_error_mm).powi(2);
        if enough.is_infinite() {
            return 0.0;
        }
        let mut nearest = [f32::INFINITY; FEW];
        let mut points = [[0.0; 3]; FEW];
        let mut farthest = 0.0f32;
        let mut members = self.members(v);
        loop {
            let mut count = 0;
            for m in members.by_ref().take(FEW) {
                (points[count], nearest[count]) = (self.nodes[m as usize].position, f32::INFINITY);
                count += 1;
            }
            for some in ring.chunks(4) {
                let four = Four::new([0, 1, 2, 3].map(|i: usize| {
                    let [p, q] = some[i.min(some.len() - 1)];
                    [v, p, q].map(|x| self.places[x as usize])
                }));
                for (nearest, &p) in nearest.iter_mut().zip(&points[..count]) {
                    *nearest = nearest.min(four.squared(p));
                }
                if nearest[..count].iter().all(|&nearest| nearest <= enough) {
                    break;
                }
            }
            farthest = nearest[..count].iter().copied().fold(farthest, f32::max);
            if count < FEW {
                return farthest.sqrt();
            }
        }
    }

    /// Leaves the vertices of some clusters alone, adds the triangles that `surfaced`, each with a cluster that it is
    /// at, and tells which others must be looked at again.
    fn part(&mut self, some: &[u32], surfaced: &mut Vec<(u32, u32)>) -> Vec<u32> {
        if some.is_empty() {
            return Vec::new();
        }
        let mut is_parted = vec![false; self.nodes.len()];
        for &v in some {
            self.is_merged[v as usize] = false;
            self.places[v as usize] = self.nodes[v as usize].position;
            self.drifts[v as usize] = 0.0;
            for m in self.members(v).collect::<Vec<u32>>() {
                is_parted[m as usize] = true;
            }
        }
        let mut beside = Vec::new();
        for (t, triangle) in self.triangles.iter().enumerate() {
            if !triangle.iter().any(|&v| is_parted[v as usize]) {
                continue;
            }
            let before = self.firsts(*triangle);
            let now = [0, 1, 2].map(|i| match is_parted[triangle[i] as usize] {
                true => triangle[i],
                false => before[i],
            });
            let is_new = is_whole(now) && !is_whole(before);
            for v in now.into_iter().filter(|&v| self.is_merged[v as usize]) {
                beside.push(v);
                if is_new {
                    surfaced.push((v, t as u32));
                }
            }
        }
        for (v, first) in self.first.iter_mut().enumerate() {
            if is_parted[v] {
                *first = v as u32;
            }
        }
        surfaced.sort_unstable();
        beside.sort_unstable();
        beside.dedup();
        beside
    }

    fn finish(mut self) -> Clustered {
        for (v, quadric) in &self.quadrics {
            let at = *v as usize;
            if self.is_merged[at] {
                let offset = sub(self.places[at], self.nodes[at].position);
                self.nodes[at].quadric = quadric.moved(offset);
            }
        }
        let mut became = vec![NONE; self.nodes.len()];
        let (mut positions, mut histories) = (Vec::new(), Vec::new());
        for (v, &first) in self.first.iter().enumerate() {
            // The first vertex of a cluster comes before the others.
            if first == v as u32 {
                became[v] = positions.len() as u32;
                positions.push(self.places[v]);
                histories.push(History {
                    quadric: self.nodes[v].quadric,
                    drift_mm: self.drifts[v],
                });
            } else {
                became[v] = became[first as usize];
            }
        }
        let triangles = self.triangles.iter().map(|t| t.map(|v| became[v as usize]));
        Clustered {
            positions,
            histories,
            triangles: triangles.filter(|&t| is_whole(t)).collect(),
            became,
        }
    }
}

/// Puts `a` and `b` into one set, and says whether they were in two.
#[inline]
fn join(leads: &mut [u32], a: u32, b: u32) -> bool {
    let lead = |mut v: u32| {
        while leads[v as usize] != v {
            v = leads[v as usize];
        }
        v
    };
    let (a, b) = (lead(a), lead(b));
    leads[b as usize] = a;
    a != b
}

/// Vertices that are measured at once.
const FEW: usize = 8;

/// Whether a triangle has three vertices.
#[inline]
fn is_whole([a, b, c]: [u32; 3]) -> bool {
    a != b && b != c && c != a
}

/// Whether edges close one ring that meets each vertex once.
fn is_ring(edges: &[[u32; 2]]) -> bool {
    let Some(&[start, mut at]) = edges.first() else {
        return false;
    };
    let is_met_again = |(i, edge): (usize, &[u32; 2])| edges[..i].iter().any(|before| before[0] == edge[0]);
    if edges.len() < 3 || edges.iter().enumerate().any(is_met_again) {
        return false;
    }
    let mut steps = 1;
    while at != start && steps < edges.len() {
        let Some(&[_, next]) = edges.iter().find(|edge| edge[0] == at) else {
            return false;
        };
        at = next;
        steps += 1;
    }
    at == start && steps == edges.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_closed_and_meets_each_vertex_once() {
        assert!(is_ring(&[[1, 2], [3, 1], [2, 3]]));
        assert!(!is_ring(&[]));
        assert!(!is_ring(&[[1, 2], [2, 1]]));
        assert!(!is_ring(&[[1, 2], [2, 3], [3, 4]]), "open");
        assert!(!is_ring(&[[1, 2], [2, 1], [3, 4], [4, 3]]), "two rings");
        assert!(
            !is_ring(&[[1, 2], [2, 3], [3, 1], [1, 4], [4, 5], [5, 1]]),
            "a vertex is met twice"
        );
    }

    /// A flat square of 16 x 16 small ones, two triangles each.
    fn flat() -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
        let positions = (0..17 * 17)
            .map(|i| [(i % 17) as f32, (i / 17) as f32, 0.25])
            .collect();
        let corner = |i: u32| i / 16 * 17 + i % 16;
        let two = |i: u32| [[0, 1, 18], [0, 18, 17]].map(|t: [u32; 3]| t.map(|v| v + corner(i)));
        (positions, (0..256).flat_map(two).collect())
    }

    #[test]
    fn clusters_become_one_vertex_and_what_is_held_stays() {
        let (positions, triangles) = flat();
        let cells = Cells {
            corner: [-0.5; 3],
            a_mm: 0.5,
        };
        let held = 5 * 17 + 8;
        let merged = merge(&positions, &triangles, |v| v == held, cells, 0.1);
        // 48 cells of four vertices touch neither the border nor what is held; more than half of them are merged.
        assert!(
            merged.positions.len() < 289 - 24 * 3,
            "{} of 289 are left",
            merged.positions.len()
        );
        assert_eq!(merged.positions.len(), merged.histories.len());
        let stays = |v: usize| merged.positions[merged.became[v] as usize] == positions[v];
        assert!(stays(held));
        // The border stays vertex by vertex.
        assert!((0..17).all(|v| stays(v) && stays(v * 17) && stays(16 * 17 + v)));
        let area = |positions: &[[f32; 3]], triangles: &[[u32; 3]]| -> f32 {
            let twice = triangles.iter().map(|t| {
                let [a, b, c] = t.map(|v| positions[v as usize]);
                cross(sub(b, a), sub(c, a))[2]
            });
            twice.sum::<f32>() / 2.0
        };
        assert_eq!(area(&positions, &triangles), 256.0);
        assert!((area(&merged.positions, &merged.triangles) - 256.0).abs() < 1e-3);
    }
}
