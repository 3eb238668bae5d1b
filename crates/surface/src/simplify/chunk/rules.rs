//! Which collapses are allowed.

use super::super::quadric::{cross, dot, sub};
use super::{BORDER, Chunk, LEAST_COSINE, LOCKED, NONE, Spoke, pack, unpack};
use crate::distance::Four;

impl Chunk {
    /// How far the surface will have moved away from what was merged into `v` and `w` when both go to `to`; nothing
    /// when that is too far.
    #[inline]
    pub(super) fn drift_of(
        &self,
        v: u32,
        w: u32,
        to: [f32; 3],
        ring_of_v: &[Spoke],
        ring_of_w: &[Spoke],
    ) -> Option<u16> {
        let (from, target) = (&self.vertices[v as usize], &self.vertices[w as usize]);
        let so_far = unpack(from.drift).max(unpack(target.drift));
        // Below a twentieth of what is allowed it does not matter how far exactly.
        let enough = (0.05 * self.max_error_mm).powi(2);
        let ends = [from.position, target.position];
        let mut nearest = [f32::INFINITY; 2];
        let around = |spoke: &&Spoke| !spoke.others.iter().any(|x| [v, w].contains(x));
        let mut rest = ring_of_v.iter().chain(ring_of_w).filter(around);
        while nearest[0].max(nearest[1]) > enough
            && let Some(first) = rest.next()
        {
            let four = [Some(first), rest.next(), rest.next(), rest.next()].map(|spoke| {
                let [p, q] = spoke.unwrap_or(first).others;
                [
                    to,
                    self.vertices[p as usize].position,
                    self.vertices[q as usize].position,
                ]
            });
            let four = Four::new(four);
            nearest = [0, 1].map(|i| nearest[i].min(four.squared(ends[i])));
        }
        let drift = so_far + nearest[0].max(nearest[1]).sqrt();
        (drift <= self.max_error_mm).then(|| pack(drift))
    }

    /// Whether the neighborhoods of `v` and `w` meet in their shared triangles only (the link condition: Dey,
    /// Edelsbrunner, Guha, Nekhayev, "Topology preserving edge contraction", 1999), and no edge between two locked
    /// vertices would appear, which another chunk could have too.
    #[inline]
    pub(super) fn is_simple(&mut self, v: u32, w: u32, ring_of_v: &[Spoke], ring_of_w: &[Spoke]) -> bool {
        self.mark = self.mark.wrapping_add(1);
        let mark = self.mark;
        for spoke in ring_of_w {
            for other in spoke.others {
                self.marks[other as usize] = mark;
            }
        }
        let mut shared = 0;
        let mut opposite = [NONE; 2];
        for spoke in ring_of_v {
            let [p, q] = spoke.others;
            if p == w || q == w {
                if shared == 2 {
                    return false;
                }
                opposite[shared] = if p == w { q } else { p };
                shared += 1;
            }
        }
        let (flags_v, flags_w) = (self.vertices[v as usize].flags, self.vertices[w as usize].flags);
        if shared == 0 || shared == 1 && flags_v & BORDER == 0 {
            return false;
        }
        if shared == 2 && flags_v & BORDER != 0 && flags_w & (BORDER | LOCKED) != 0 {
            return false;
        }
        let mut is_simple = true;
        self.for_each_neighbor(v, ring_of_v, |chunk, p| {
            if p != w && !opposite.contains(&p) {
                let is_common = chunk.marks[p as usize] == mark;
                let is_new_seam = flags_w & chunk.vertices[p as usize].flags & LOCKED != 0;
                is_simple &= !is_common && !is_new_seam;
            }
        });
        let spans = |ring: &[Spoke]| {
            ring.iter()
                .any(|spoke| opposite.contains(&spoke.others[0]) && opposite.contains(&spoke.others[1]))
        };
        is_simple && !(shared == 2 && spans(ring_of_v) && spans(ring_of_w))
    }

    /// Whether the triangles at `v`, other than those with `w`, keep their sides when `v` goes to `to`.
    #[inline]
    pub(super) fn turns_nothing(&self, v: u32, w: u32, to: [f32; 3], ring: &[Spoke]) -> bool {
        let from = self.vertices[v as usize].position;
        let mut whole = [0.0; 3];
        let mut flat = [0.0; 3];
        for spoke in ring {
            let [p, q] = spoke.others;
            if p == w || q == w {
                continue;
            }
            let [p, q] = [p, q].map(|x| self.vertices[x as usize].position);
            let side = sub(q, p);
            let before = cross(side, sub(from, p));
            let after = cross(side, sub(to, p));
            let (b, a) = (dot(before, before), dot(after, after));
            whole = [whole[0] + before[0], whole[1] + before[1], whole[2] + before[2]];
            if b < 1e-16 {
                // A triangle without area has no side: judge it by its neighbors.
                flat = [flat[0] + after[0], flat[1] + after[1], flat[2] + after[2]];
            } else if a < 1e-4 * b || dot(before, after) < LEAST_COSINE * (a * b).sqrt() {
                return false;
            }
        }
        dot(flat, whole) >= 0.0
    }
}
