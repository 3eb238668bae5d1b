//! Which triangles lie around each vertex.

use super::deviation::Shape;
use crate::distance::{Four, Nearest};

/// The triangles around each vertex.
pub(super) struct Incidence<'a> {
    shape: Shape<'a>,
    triangles: Lists,
}

/// The triangles around a vertex, four by four.
pub(super) struct Fan<'a> {
    fours: Vec<Four>,
    triangles: &'a [u32],
}

impl Fan<'_> {
    /// The squared distance from `p` to the nearest of them.
    pub(super) fn squared(&self, p: [f32; 3]) -> f32 {
        let each = self.fours.iter().map(|four| four.squared(p));
        each.fold(f32::INFINITY, f32::min)
    }

    /// The nearest place to `p` on them.
    pub(super) fn nearest(&self, p: [f32; 3]) -> Nearest {
        let mut best = Nearest {
            squared: f32::INFINITY,
            triangle: 0,
            shares: [0.0; 2],
        };
        for (i, four) in self.fours.iter().enumerate() {
            let here = four.nearest(p);
            if here.squared < best.squared {
                // The last triangle fills lanes that are left.
                let at = (4 * i + here.triangle as usize).min(self.triangles.len() - 1);
                best = Nearest {
                    triangle: self.triangles[at],
                    ..here
                };
            }
        }
        best
    }
}

impl<'a> Incidence<'a> {
    pub(super) fn new(shape: Shape<'a>) -> Self {
        let corners = || {
            let triangles = shape.triangles.iter().zip(0..);
            triangles.flat_map(|(triangle, t)| triangle.map(|v| (v, t)))
        };
        Self {
            shape,
            triangles: Lists::new(shape.positions.len(), corners),
        }
    }

    /// The shape that they are of.
    pub(super) fn shape(&self) -> Shape<'a> {
        self.shape
    }

    /// The triangles around `v`.
    pub(super) fn triangles(&self, v: u32) -> &[u32] {
        self.triangles.of(v)
    }

    /// Whether a triangle has both vertices.
    pub(super) fn meet(&self, v: u32, w: u32) -> bool {
        let mut around = self.triangles.of(v).iter();
        around.any(|&t| self.shape.triangles[t as usize].contains(&w))
    }

    /// The triangles around `v`, laid out for measuring.
    pub(super) fn fan(&self, v: u32) -> Fan<'_> {
        let triangles = self.triangles.of(v);
        let fours = triangles.chunks(4).map(|some| {
            let corners = |i: usize| self.shape.corners(some[i.min(some.len() - 1)] as usize);
            Four::new([0, 1, 2, 3].map(corners))
        });
        Fan {
            fours: fours.collect(),
            triangles,
        }
    }

    /// The triangles around `v`, each by its two other corners in order.
    pub(super) fn ring(&self, v: u32, out: &mut Vec<[u32; 2]>) {
        out.clear();
        out.extend(self.triangles.of(v).iter().map(|&t| {
            let [a, b, c] = self.shape.triangles[t as usize];
            if a == v {
                [b, c]
            } else if b == v {
                [c, a]
            } else {
                [a, b]
            }
        }));
    }
}

/// Numbers in lists that lie one after the other.
pub(super) struct Lists {
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Lists {
    /// `count` lists of the `(list, member)` that are gone through twice.
    pub(super) fn new<M: Iterator<Item = (u32, u32)>>(count: usize, members: impl Fn() -> M) -> Self {
        let mut starts = vec![0u32; count + 1];
        for (list, _) in members() {
            starts[list as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut all = vec![0; starts[count] as usize];
        for (list, member) in members() {
            let place = &mut next[list as usize];
            all[*place as usize] = member;
            *place += 1;
        }
        Self { starts, members: all }
    }

    pub(super) fn of(&self, list: u32) -> &[u32] {
        let list = list as usize;
        &self.members[self.starts[list] as usize..self.starts[list + 1] as usize]
    }
}
