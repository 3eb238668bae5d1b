//! Edge collapse in one chunk of a mesh.
//!
//! Every vertex waits in a bucket by the cost of the cheapest edge that it answers for. Costs only grow while
//! vertices merge, so a cost that has become stale is a lower bound: it is brought up to date when its turn comes.
//! The limit of cost rises in steps; below it, the chunk is worked through window by window, each small enough to
//! stay in the cache.
//!
//! An edge is collapsed only if the surface stays what it was: no hole opens or closes, no edge gets a third
//! triangle, no triangle turns over, and no vertex that goes is farther from the surface than allowed.

mod build;
mod rules;

use std::hint::select_unpredictable;

use super::quadric::{Placing, Quadric, sub};

/// No vertex.
const NONE: u32 = u32::MAX;
/// Buckets a factor of two in cost is divided into: two bits of the mantissa.
const BUCKET_SHIFT: u32 = 21;
/// The exponent of the first bucket: costs below 2^-40 mm^4 are all the same.
const FIRST_BUCKET: u32 = (127 - 40) << 2;
/// How many buckets there are; the last one holds all that cost more.
pub(super) const BUCKETS: u8 = 240;
/// The bucket of a vertex that waits for a change in its neighborhood.
const ASLEEP: u8 = u8::MAX;
/// The bucket of a locked vertex, which waits for nothing.
const HELD: u8 = ASLEEP - 1;
/// The least cosine between the normals of a triangle before and after: no triangle turns by more than about 75
/// degrees at once.
const LEAST_COSINE: f32 = 0.25;

const LOCKED: u8 = 1;
const BORDER: u8 = 2;

/// A vertex and all that is asked about it together: one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Vertex {
    position: [f32; 3],
    quadric: Quadric,
    /// How far the surface has moved away from what was merged here, mm; see [`pack`].
    drift: u16,
    /// Where its triangles are listed in [`Chunk::lists`].
    list: u32,
    flags: u8,
}

/// Vertices in a window: with their triangles about a quarter of a megabyte.
const WINDOW: usize = 2048;

/// A triangle that is gone.
const DEAD: [u32; 3] = [NONE; 3];

/// A triangle at a vertex, and its two other vertices in order.
#[derive(Clone, Copy, Default)]
struct Spoke {
    triangle: u32,
    others: [u32; 2],
}

/// Part of a mesh whose locked vertices are shared with others.
pub(super) struct Chunk {
    vertices: Vec<Vertex>,
    triangles: Vec<[u32; 3]>,
    /// The triangles at each vertex: how many, then which ones. Some may be gone by now. A vertex that takes in
    /// another one gets its list anew at the end.
    lists: Vec<u32>,
    merged_into: Vec<u32>,
    live_triangles: usize,
    /// The bucket of each vertex.
    buckets: Vec<u8>,
    queue: Queue,
    max_error_mm: f32,
    marks: Vec<u32>,
    mark: u32,
    scratch: Scratch,
    /// For each vertex of the input, the one of this chunk that it became before; empty where they are the same.
    clustered: Vec<u32>,
}

/// The vertices of the window that is being worked on, by bucket.
struct Queue {
    window: std::ops::Range<usize>,
    /// The last bucket of this step.
    last: u8,
    /// The lowest bucket that something was put into since it was last asked.
    lowest: u8,
    lists: Vec<Vec<u32>>,
}

#[derive(Default)]
struct Scratch {
    ring: Vec<Spoke>,
    other_ring: Vec<Spoke>,
    edges: Vec<(f32, u32)>,
}

/// What is left of a chunk.
pub(super) struct Reduced {
    /// `[vertex][x, y, z]`, mm.
    pub(super) positions: Vec<[f32; 3]>,
    /// One a vertex.
    pub(super) histories: Vec<History>,
    /// Indexes into `positions`.
    pub(super) triangles: Vec<[u32; 3]>,
    /// For each vertex of the input, the vertex that it became; `u32::MAX` when it is gone with its triangles.
    pub(super) became: Vec<u32>,
}

/// What a vertex stands for.
#[derive(Clone, Copy, Default)]
pub(crate) struct History {
    /// The planes of the full surface, about the vertex.
    pub(crate) quadric: Quadric,
    /// How far the surface has moved away from the vertices that were merged here, summed over the merges, mm.
    pub(crate) drift_mm: f32,
}

impl History {
    /// Adds what the same vertex stands for in another part of the surface.
    pub(crate) fn add(&mut self, other: &Self) {
        self.quadric.add(&other.quadric);
        self.drift_mm = self.drift_mm.max(other.drift_mm);
    }
}

/// Where the histories of a chunk come from.
#[derive(Clone, Copy)]
pub(super) enum Histories<'a> {
    /// The mesh is the full surface: its own triangles are the history.
    None,
    /// The mesh is already reduced: one a vertex.
    Given(&'a [History]),
}

impl Chunk {
    /// The median bucket of some vertices: a first limit of cost that is worth a pass.
    pub(super) fn median_bucket(&self) -> u8 {
        let step = (self.vertices.len() / 512).max(1);
        let mut buckets: Vec<u8> = (0..self.vertices.len() as u32)
            .step_by(step)
            .map(|v| self.cheapest(v))
            .collect();
        buckets.sort_unstable();
        buckets
            .get(buckets.len() / 2)
            .copied()
            .unwrap_or(0)
            .min(BUCKETS - 1)
    }

    /// Triangles that are left.
    pub(super) fn live_triangles(&self) -> usize {
        self.live_triangles
    }

    /// Vertices that wait in buckets up to `last`.
    pub(super) fn waiting(&self, last: u8) -> usize {
        self.buckets.iter().filter(|&&bucket| bucket <= last).count()
    }

    /// Collapses the edges in the buckets up to `last`, until at most `least_triangles` are left.
    pub(super) fn run(&mut self, last: u8, least_triangles: usize) {
        self.queue.last = last;
        for start in (0..self.vertices.len()).step_by(WINDOW) {
            if self.live_triangles <= least_triangles {
                break;
            }
            self.queue.window = start..(start + WINDOW).min(self.vertices.len());
            for v in self.queue.window.clone() {
                let bucket = self.buckets[v];
                if bucket <= last {
                    self.queue.lists[usize::from(bucket)].push(v as u32);
                }
            }
            self.run_window(least_triangles);
        }
        self.queue.window = 0..0;
    }

    fn run_window(&mut self, least_triangles: usize) {
        let mut bucket = 0;
        while bucket <= self.queue.last {
            let mut list = std::mem::take(&mut self.queue.lists[usize::from(bucket)]);
            self.queue.lowest = ASLEEP;
            for &v in &list {
                if self.live_triangles > least_triangles && self.buckets[v as usize] == bucket {
                    self.visit(v);
                }
            }
            list.clear();
            let refilled = &mut self.queue.lists[usize::from(bucket)];
            if refilled.is_empty() {
                *refilled = list;
            }
            bucket = self.queue.lowest.min(bucket + 1);
        }
    }

    /// What is left, without the vertices and triangles that are gone. Locked vertices keep their order.
    pub(super) fn finish(self) -> Reduced {
        let mut result = Reduced {
            positions: Vec::new(),
            histories: Vec::new(),
            triangles: Vec::with_capacity(self.live_triangles),
            became: Vec::new(),
        };
        let live = || self.triangles.iter().filter(|triangle| **triangle != DEAD);
        let mut is_used = vec![false; self.vertices.len()];
        for &v in live().flatten() {
            is_used[v as usize] = true;
        }
        let mut numbers = vec![NONE; self.vertices.len()];
        for (i, vertex) in self.vertices.iter().enumerate() {
            if is_used[i] || vertex.flags & LOCKED != 0 {
                numbers[i] = result.positions.len() as u32;
                result.positions.push(vertex.position);
                result.histories.push(History {
                    quadric: vertex.quadric,
                    drift_mm: unpack(vertex.drift),
                });
            }
        }
        result
            .triangles
            .extend(live().map(|triangle| triangle.map(|v| numbers[v as usize])));
        let mut merged_into = self.merged_into;
        result.became = (0..merged_into.len())
            .map(|start| {
                let mut end = start as u32;
                while merged_into[end as usize] != end {
                    end = merged_into[end as usize];
                }
                merged_into[start] = end;
                numbers[end as usize]
            })
            .collect();
        if !self.clustered.is_empty() {
            let became = self.clustered.iter().map(|&v| result.became[v as usize]);
            result.became = became.collect();
        }
        result
    }

    /// The triangles at `v`. Without a branch for each: which corner is `v`, and what is gone, nobody can foretell.
    #[inline]
    fn spokes(&self, v: u32, out: &mut Vec<Spoke>) {
        let start = self.vertices[v as usize].list as usize;
        let count = self.lists[start] as usize;
        if out.len() < count {
            out.resize(count, Spoke::default());
        }
        let mut live = 0;
        for &t in &self.lists[start + 1..=start + count] {
            let [a, b, c] = self.triangles[t as usize];
            let (at_a, at_b) = (a == v, b == v);
            let next = select_unpredictable(at_a, b, select_unpredictable(at_b, c, a));
            let last = select_unpredictable(at_a, c, select_unpredictable(at_b, a, b));
            out[live] = Spoke {
                triangle: t,
                others: [next, last],
            };
            live += usize::from(a != NONE);
        }
        out.truncate(live);
    }

    /// Lists the neighbors that `v` answers for its edges with, each with what merging costs; infinitely much where it is
    /// never allowed.
    fn price(&self, v: u32, ring: &[Spoke], edges: &mut Vec<(f32, u32)>) {
        self.list_neighbors(v, ring, edges);
        let first = &self.vertices[v as usize];
        let most = self.max_error_mm * self.max_error_mm;
        for four in edges.chunks_mut(4) {
            let last = four.len() - 1;
            let others = [0, 1, 2, 3].map(|i: usize| &self.vertices[four[i.min(last)].1 as usize]);
            let merge = first.quadric.merge_four(
                others.map(|other| &other.quadric),
                others.map(|other| sub(other.position, first.position)),
                others.map(placing),
            );
            for (i, edge) in four.iter_mut().enumerate() {
                let is_near = merge.mean_square[i] <= most && merge.cost[i].is_finite();
                edge.0 = select_unpredictable(is_near, merge.cost[i], f32::INFINITY);
            }
        }
    }

    /// The neighbors that `v` answers for its edges with: later ones, and locked ones; a locked vertex answers for none.
    /// Without a branch for each: which come later, nobody can foretell.
    #[inline]
    fn list_neighbors(&self, v: u32, ring: &[Spoke], edges: &mut Vec<(f32, u32)>) {
        edges.clear();
        let flags = self.vertices[v as usize].flags;
        if flags & LOCKED != 0 {
            return;
        }
        edges.resize(2 * ring.len(), (0.0, 0));
        let mut count = 0;
        let mut list = |w: u32| {
            edges[count] = (0.0, w);
            count += usize::from(v < w) | usize::from(self.buckets[w as usize] == HELD);
        };
        for spoke in ring {
            list(spoke.others[0]);
        }
        if flags & BORDER != 0 {
            for spoke in ring {
                list(spoke.others[1]);
            }
        }
        edges.truncate(count);
    }

    /// The bucket of the cheapest edge of `v`.
    fn cheapest(&self, v: u32) -> u8 {
        let (mut ring, mut edges) = (Vec::new(), Vec::new());
        self.spokes(v, &mut ring);
        self.price(v, &ring, &mut edges);
        bucket_or_asleep(cheapest_of(&edges).1)
    }

    #[inline]
    fn for_each_neighbor(&self, v: u32, ring: &[Spoke], mut visit: impl FnMut(&Self, u32)) {
        let is_border = self.vertices[v as usize].flags & (BORDER | LOCKED) != 0;
        for spoke in ring {
            visit(self, spoke.others[0]);
            if is_border {
                visit(self, spoke.others[1]);
            }
        }
    }

    fn put(&mut self, v: u32, bucket: u8) {
        self.buckets[v as usize] = bucket;
        if bucket <= self.queue.last && self.queue.window.contains(&(v as usize)) {
            self.queue.lists[usize::from(bucket)].push(v);
            self.queue.lowest = self.queue.lowest.min(bucket);
        }
    }

    /// Brings the edges of `v` up to date and collapses the cheapest one that may be, if its cost is within the limit of
    /// this step: nothing would be gained by coming back for it.
    fn visit(&mut self, v: u32) {
        let bucket = self.queue.last;
        let mut ring = std::mem::take(&mut self.scratch.ring);
        let mut edges = std::mem::take(&mut self.scratch.edges);
        self.spokes(v, &mut ring);
        self.price(v, &ring, &mut edges);
        loop {
            let (cheapest, cost) = cheapest_of(&edges);
            if bucket_or_asleep(cost) > bucket {
                self.put(v, bucket_or_asleep(cost));
                break;
            }
            let (_, w) = edges[cheapest];
            if self.collapse(v, w, &ring, bucket) {
                break;
            }
            edges[cheapest].0 = f32::INFINITY;
        }
        self.scratch.ring = ring;
        self.scratch.edges = edges;
    }

    /// Merges `v` and `w` if the surface allows it, and says whether it did.
    ///
    /// The vertex that stays is `v`, which answers for its edges to later vertices. Earlier ones answered for their
    /// edges to both `v` and `w`, so what they wait for is still a lower bound. Only a locked `w` stays itself.
    fn collapse(&mut self, v: u32, w: u32, ring_of_v: &[Spoke], bucket: u8) -> bool {
        let mut ring_of_w = std::mem::take(&mut self.scratch.other_ring);
        self.spokes(w, &mut ring_of_w);
        let (from, target) = (&self.vertices[v as usize], &self.vertices[w as usize]);
        let is_locked = target.flags & LOCKED != 0;
        let step = sub(target.position, from.position);
        let offset = from.quadric.place(&target.quadric, step, placing(target));
        let to: [f32; 3] = std::array::from_fn(|i| target.position[i] + offset[i]);
        let is_allowed = self.is_simple(v, w, ring_of_v, &ring_of_w)
            && self.turns_nothing(v, w, to, ring_of_v)
            && (is_locked || self.turns_nothing(w, v, to, &ring_of_w));
        let drift = match is_allowed {
            true => self.drift_of(v, w, to, ring_of_v, &ring_of_w),
            false => None,
        };
        if let Some(drift) = drift {
            if is_locked {
                self.join(v, w, to, ring_of_v, &ring_of_w);
                self.vertices[w as usize].drift = drift;
            } else {
                self.join(w, v, to, &ring_of_w, ring_of_v);
                self.vertices[v as usize].drift = drift;
                self.put(v, bucket);
            }
            for spoke in ring_of_v.iter().chain(&ring_of_w) {
                for x in spoke.others {
                    self.refresh(x, w, is_locked, bucket);
                }
            }
        }
        self.scratch.other_ring = ring_of_w;
        drift.is_some()
    }

    /// `gone` becomes part of `kept`, which goes to `to`.
    fn join(&mut self, gone: u32, kept: u32, to: [f32; 3], ring_of_gone: &[Spoke], ring_of_kept: &[Spoke]) {
        let from = self.vertices[gone as usize];
        let target = &mut self.vertices[kept as usize];
        let mut quadric = from.quadric.moved(sub(to, from.position));
        quadric.add(&target.quadric.moved(sub(to, target.position)));
        target.quadric = quadric;
        target.position = to;
        target.flags |= from.flags & BORDER;
        let list = self.lists.len();
        self.vertices[kept as usize].list = list as u32;
        self.lists.push(0);
        for spoke in ring_of_gone {
            let triangle = &mut self.triangles[spoke.triangle as usize];
            if spoke.others.contains(&kept) {
                *triangle = DEAD;
                self.live_triangles -= 1;
            } else {
                *triangle = [kept, spoke.others[0], spoke.others[1]];
                self.lists.push(spoke.triangle);
            }
        }
        let stays = ring_of_kept.iter().filter(|spoke| !spoke.others.contains(&gone));
        self.lists.extend(stays.map(|spoke| spoke.triangle));
        self.lists[list] = (self.lists.len() - list - 1) as u32;
        self.vertices[gone as usize].list = NONE;
        self.buckets[gone as usize] = ASLEEP;
        self.merged_into[gone as usize] = kept;
    }

    /// Wakes `x` when something next to it changed: its edges may be allowed now, and with a locked `w` it has an
    /// edge that it did not answer for.
    #[inline]
    fn refresh(&mut self, x: u32, w: u32, is_locked: bool, bucket: u8) {
        let waits = self.buckets[x as usize];
        if waits != ASLEEP && !is_locked {
            return;
        }
        let vertex = &self.vertices[x as usize];
        if vertex.flags & LOCKED != 0 || vertex.list == NONE {
            return;
        }
        if waits == ASLEEP {
            self.put(x, bucket);
        } else if waits > bucket {
            let target = &self.vertices[w as usize];
            let step = sub(target.position, vertex.position);
            let merge = vertex
                .quadric
                .merge_four([&target.quadric; 4], [step; 4], [Placing::Second; 4]);
            if bucket_of(merge.cost[0]) < waits {
                self.put(x, bucket_of(merge.cost[0]));
            }
        }
    }
}

/// The upper half of the bits, rounded up: three digits of the number, and room in a vertex.
fn pack(drift_mm: f32) -> u16 {
    drift_mm.to_bits().div_ceil(1 << 16) as u16
}

fn unpack(packed: u16) -> f32 {
    f32::from_bits(u32::from(packed) << 16)
}

#[inline]
fn placing(second: &Vertex) -> Placing {
    if second.flags & LOCKED == 0 {
        Placing::Best
    } else {
        Placing::Second
    }
}

/// Which edge costs the least, and how much; infinitely much when there is none.
#[inline]
fn cheapest_of(edges: &[(f32, u32)]) -> (usize, f32) {
    let mut cheapest = (0, f32::INFINITY);
    for (i, &(cost, _)) in edges.iter().enumerate() {
        cheapest = select_unpredictable(cost < cheapest.1, (i, cost), cheapest);
    }
    cheapest
}

#[inline]
fn bucket_or_asleep(cost: f32) -> u8 {
    if cost < f32::INFINITY {
        bucket_of(cost)
    } else {
        ASLEEP
    }
}

#[inline]
fn bucket_of(cost: f32) -> u8 {
    let place = (cost.to_bits() >> BUCKET_SHIFT).saturating_sub(FIRST_BUCKET);
    place.min(u32::from(BUCKETS) - 1) as u8
}
