//! Which triangles lie around each vertex.

use super::deviation::Shape;
use crate::distance::Four;

/// The triangles around each vertex.
pub(super) struct Incidence<'a> {
    shape: Shape<'a>,
    triangles: Lists,
}

/// The triangles around a vertex, four by four.
pub(super) struct Fan(Vec<Four>);

impl Fan {
    /// The squared distance from `p` to the nearest of them.
    pub(super) fn squared(&self, p: [f32; 3]) -> f32 {
        let each = self.0.iter().map(|four| four.squared(p));
        each.fold(f32::INFINITY, f32::min)
    }
}

impl<'a> Incidence<'a> {
    pub(super) fn new(shape: Shape<'a>) -> Self {
        Self::of(shape, |_| true)
    }

    /// The triangles around some vertices only.
    pub(super) fn of(shape: Shape<'a>, is_asked: impl Fn(u32) -> bool) -> Self {
        let corners = || {
            let triangles = shape.triangles.iter().zip(0..);
            let corners = triangles.flat_map(|(triangle, t)| triangle.map(|v| (v, t)));
            corners.filter(|&(v, _)| is_asked(v))
        };
        Self {
            shape,
            triangles: Lists::new(shape.positions.len(), corners),
        }
    }

    /// The triangles around `v`, laid out for measuring.
    pub(super) fn fan(&self, v: u32) -> Fan {
        let fours = self.triangles.of(v).chunks(4).map(|some| {
            let corners = |i: usize| self.shape.corners(some[i.min(some.len() - 1)] as usize);
            Four::new([0, 1, 2, 3].map(corners))
        });
        Fan(fours.collect())
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
