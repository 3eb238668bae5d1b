//! From positions and triangles to a chunk: quadrics, lists of triangles, borders.

use super::super::clusters::{self, Cells};
use super::super::quadric::{Quadric, cross, dot, sub};
use super::{ASLEEP, BORDER, BUCKETS, Chunk, HELD, Histories, LOCKED, Queue, Scratch, Vertex, pack};

impl Chunk {
    /// A chunk of `positions` (mm) and `triangles`; `is_locked` vertices neither move nor go, and no vertex drifts
    /// farther than `max_error_mm` from the surface. The clusters of a full surface in `cells` are merged at once.
    pub(in super::super) fn new(
        positions: &[[f32; 3]],
        triangles: &[[u32; 3]],
        histories: Histories<'_>,
        is_locked: impl Fn(usize) -> bool,
        max_error_mm: f32,
        cells: Option<Cells>,
    ) -> Self {
        let (Histories::None, Some(cells)) = (histories, cells) else {
            let is_full = matches!(histories, Histories::None);
            return Self::of(positions, triangles, histories, is_locked, max_error_mm, is_full);
        };
        let clustered = clusters::merge(positions, triangles, &is_locked, cells, max_error_mm);
        let mut locked = vec![false; clustered.positions.len()];
        for (v, &now) in clustered.became.iter().enumerate() {
            locked[now as usize] |= is_locked(v);
        }
        let chunk = Self::of(
            &clustered.positions,
            &clustered.triangles,
            Histories::Given(&clustered.histories),
            |v| locked[v],
            max_error_mm,
            true,
        );
        Self {
            clustered: clustered.became,
            ..chunk
        }
    }

    fn of(
        positions: &[[f32; 3]],
        triangles: &[[u32; 3]],
        histories: Histories<'_>,
        is_locked: impl Fn(usize) -> bool,
        max_error_mm: f32,
        is_full: bool,
    ) -> Self {
        let vertex = |(i, position): (usize, &[f32; 3])| Vertex {
            position: *position,
            quadric: match histories {
                Histories::None => Quadric::default(),
                Histories::Given(given) => given[i].quadric,
            },
            drift: match histories {
                Histories::None => 0,
                Histories::Given(given) => pack(given[i].drift_mm),
            },
            list: 0,
            flags: if is_locked(i) { LOCKED } else { 0 },
        };
        let mut chunk = Self {
            vertices: positions.iter().enumerate().map(vertex).collect(),
            triangles: triangles.to_vec(),
            lists: Vec::new(),
            merged_into: (0..positions.len() as u32).collect(),
            live_triangles: triangles.len(),
            // Nothing is known about any edge yet: the first bucket is a lower bound.
            buckets: (0..positions.len())
                .map(|v| if is_locked(v) { HELD } else { 0 })
                .collect(),
            queue: Queue {
                window: 0..0,
                last: 0,
                lowest: ASLEEP,
                lists: vec![Vec::new(); usize::from(BUCKETS)],
            },
            max_error_mm,
            marks: vec![0; positions.len()],
            mark: 0,
            scratch: Scratch::default(),
            clustered: Vec::new(),
        };
        if matches!(histories, Histories::None) {
            chunk.add_planes();
        }
        chunk.list_triangles();
        chunk.find_borders(is_full);
        chunk
    }

    fn add_planes(&mut self) {
        for triangle in &self.triangles {
            let [a, b, c] = triangle.map(|v| self.vertices[v as usize].position);
            let normal = cross(sub(b, a), sub(c, a));
            let length = dot(normal, normal).sqrt();
            if length > 0.0 && length.is_finite() {
                let plane = Quadric::plane(normal, length);
                for &v in triangle {
                    self.vertices[v as usize].quadric.add(&plane);
                }
            }
        }
    }

    fn list_triangles(&mut self) {
        let mut counts = vec![0u32; self.vertices.len()];
        for &v in self.triangles.iter().flatten() {
            counts[v as usize] += 1;
        }
        // Room for the lists that merging adds.
        self.lists.reserve(self.triangles.len() * 6);
        for (vertex, count) in self.vertices.iter_mut().zip(&counts) {
            vertex.list = self.lists.len() as u32;
            self.lists.push(0);
            self.lists.resize(self.lists.len() + *count as usize, 0);
        }
        for (t, triangle) in self.triangles.iter().enumerate() {
            for &v in triangle {
                let list = self.vertices[v as usize].list as usize;
                self.lists[list] += 1;
                let place = list + self.lists[list] as usize;
                self.lists[place] = t as u32;
            }
        }
    }

    /// Marks vertices whose triangles do not close a ring, and holds free border edges in place.
    fn find_borders(&mut self, adds_planes: bool) {
        let mut sums = vec![0u32; self.vertices.len()];
        for triangle in &self.triangles {
            let [a, b, c] = *triangle;
            for (v, next, previous) in [(a, b, c), (b, c, a), (c, a, b)] {
                // Around a closed ring each neighbor is once the next and once the previous one.
                let sum = &mut sums[v as usize];
                *sum = sum.wrapping_add(next).wrapping_sub(previous);
            }
        }
        let mut ring = Vec::new();
        for v in (0..sums.len()).filter(|&v| sums[v] != 0) {
            if self.vertices[v].flags & LOCKED == 0 {
                self.vertices[v].flags |= BORDER;
            }
            self.spokes(v as u32, &mut ring);
            for spoke in &ring {
                let [next, other] = spoke.others;
                let is_border = !ring.iter().any(|s| s.others[1] == next);
                let both_locked = self.vertices[v].flags & self.vertices[next as usize].flags & LOCKED != 0;
                if adds_planes && is_border && !both_locked {
                    self.hold_border(v as u32, next, other);
                }
            }
        }
    }

    fn hold_border(&mut self, from: u32, to: u32, other: u32) {
        let [a, b, c] = [from, to, other].map(|v| self.vertices[v as usize].position);
        let along = sub(b, a);
        let across = cross(along, cross(along, sub(c, a)));
        let length = dot(across, across).sqrt();
        if length > 0.0 && length.is_finite() {
            let plane = Quadric::border(across.map(|v| v * dot(along, along) / length), dot(along, along));
            self.vertices[from as usize].quadric.add(&plane);
            self.vertices[to as usize].quadric.add(&plane);
        }
    }
}
