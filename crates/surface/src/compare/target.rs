//! The surface that distances are measured to: nearest points on its triangles, by a tree of boxes.

use geometry::{Aabb, DVec3};
use glam::{Vec3, Vec3A};
use parallel::prelude::*;

use super::topology::Topology;
use crate::Mesh;

/// Triangles in a leaf of the tree, about.
const A_LEAF: usize = 4;
/// Triangles that are worth a task of their own when sorting.
const A_TASK: usize = 1 << 14;

/// A surface that is ready to be asked for nearest points. Triangles without area or with corners that are not finite
/// are left out.
pub struct Target {
    /// Numbers below are relative to this, mm: `f32` is exact enough near it.
    origin_mm: DVec3,
    /// `[triangle][corner]`, sorted so that each leaf of the tree has its triangles in a row.
    triangles: Vec<[Vec3A; 3]>,
    topology: Topology,
    /// A complete binary tree: box 1 is around everything, boxes 2 k and 2 k + 1 are within box k.
    boxes: Vec<[Vec3A; 2]>,
    leaves: usize,
}

/// The nearest point of a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// Where it is, mm.
    pub point_mm: DVec3,
    /// Unit, outward; at an edge or vertex the one that tells the sides apart.
    pub normal: DVec3,
    /// How far it is, mm.
    pub distance_mm: f64,
    /// Whether the surface ends there, so that the point asked for may lie beyond it.
    pub is_on_border: bool,
    /// The triangle, for [`Target::nearest_from`].
    pub(super) triangle: u32,
}

impl Nearest {
    /// How far `from_mm` lies outside of the surface, mm, negative inside.
    pub fn signed_mm(&self, from_mm: DVec3) -> f64 {
        let is_inside = (from_mm - self.point_mm).dot(self.normal) < 0.0;
        if is_inside {
            -self.distance_mm
        } else {
            self.distance_mm
        }
    }
}

impl Target {
    /// Sorts the triangles of `mesh`; `None` when it has none with an area.
    pub fn new(mesh: &Mesh) -> Option<Self> {
        let position = |v: u32| {
            let p = mesh.positions_mm.get(v as usize)?;
            Some(DVec3::from_array(p.map(f64::from)))
        };
        let origin_mm = middle_of(mesh)?;
        let all: Vec<[Vec3A; 3]> = mesh
            .triangles
            .par_iter()
            .filter_map(|t| match t.map(position) {
                [Some(a), Some(b), Some(c)] => Some([a, b, c].map(|p| (p - origin_mm).as_vec3a())),
                _ => None,
            })
            .filter(|&[a, b, c]| {
                let area = (b - a).cross(c - a).length_squared();
                area > 0.0 && area.is_finite()
            })
            .collect();
        if all.is_empty() || all.len() > u32::MAX as usize / 3 {
            return None;
        }
        let leaves = all.len().div_ceil(A_LEAF).next_power_of_two();
        let mut order: Vec<(Vec3A, u32)> = all
            .par_iter()
            .zip(0..all.len() as u32)
            .map(|(t, at)| (t[0] + t[1] + t[2], at))
            .collect();
        sort(&mut order, leaves);
        let triangles: Vec<[Vec3A; 3]> = order.par_iter().map(|&(_, at)| all[at as usize]).collect();
        let plain: Vec<[Vec3; 3]> = triangles.par_iter().map(|t| t.map(Vec3::from)).collect();
        let mut target = Self {
            origin_mm,
            topology: Topology::of(&plain),
            boxes: vec![[Vec3A::INFINITY, Vec3A::NEG_INFINITY]; 2 * leaves],
            triangles,
            leaves,
        };
        target.wrap();
        Some(target)
    }

    /// The box around the surface, mm.
    pub fn bounds_mm(&self) -> Aabb {
        let [low, high] = self.boxes[1];
        Aabb {
            min: low.as_dvec3() + self.origin_mm,
            max: high.as_dvec3() + self.origin_mm,
        }
    }

    /// The nearest point to `p_mm`; its distance is not finite where `p_mm` is not.
    pub fn nearest(&self, p_mm: DVec3) -> Nearest {
        self.nearest_from(p_mm, 0)
    }

    /// The nearest point to `p_mm`, found sooner when `triangle` is near it.
    pub(super) fn nearest_from(&self, p_mm: DVec3, triangle: u32) -> Nearest {
        let p = (p_mm - self.origin_mm).as_vec3a();
        let first = (triangle as usize).min(self.triangles.len() - 1);
        let mut best = (self.squared(p, first), first);
        let mut open = [(0.0f32, 1u32); 64];
        let mut count = 1;
        while count > 0 {
            count -= 1;
            let (near, node) = open[count];
            if near >= best.0 {
                continue;
            }
            let node = node as usize;
            if node >= self.leaves {
                for t in self.members(node - self.leaves) {
                    let squared = self.squared(p, t);
                    if squared < best.0 {
                        best = (squared, t);
                    }
                }
                continue;
            }
            let (left, right) = (2 * node, 2 * node + 1);
            let (a, b) = (self.reach(p, left), self.reach(p, right));
            let far_first = if a <= b {
                [(b, right), (a, left)]
            } else {
                [(a, left), (b, right)]
            };
            for (reach, child) in far_first {
                if reach < best.0 {
                    open[count] = (reach, child as u32);
                    count += 1;
                }
            }
        }
        self.describe(p_mm, p, best.1)
    }

    /// How far along `direction` (unit), forward or backward, a line through `p_mm` meets the surface first, mm, within
    /// `within_mm`. Only where the surface faces `direction` is it met.
    pub fn along(&self, p_mm: DVec3, direction: DVec3, within_mm: f64) -> Option<f64> {
        let (p, d) = ((p_mm - self.origin_mm).as_vec3a(), direction.as_vec3a());
        let mut best = within_mm as f32;
        let mut hit = None;
        let mut open = [1u32; 64];
        let mut count = 1;
        while count > 0 {
            count -= 1;
            let node = open[count] as usize;
            let [low, high] = self.boxes[node];
            if !meets(p, d, best, low, high) {
                continue;
            }
            if node < self.leaves {
                open[count] = 2 * node as u32;
                open[count + 1] = 2 * node as u32 + 1;
                count += 2;
                continue;
            }
            for t in self.members(node - self.leaves) {
                let faces = self.topology.faces[t].dot(d.into()) > 0.0;
                if let Some(at) = crossing(p, d, self.triangles[t]).filter(|at| faces && at.abs() < best) {
                    best = at.abs();
                    hit = Some(at.into());
                }
            }
        }
        hit
    }

    fn members(&self, leaf: usize) -> std::ops::Range<usize> {
        let at = |leaf: usize| self.triangles.len() * leaf / self.leaves;
        at(leaf)..at(leaf + 1)
    }

    #[inline]
    fn squared(&self, p: Vec3A, triangle: usize) -> f32 {
        nearest_in(p, self.triangles[triangle]).0.distance_squared(p)
    }

    /// Squared distance to a box.
    #[inline]
    fn reach(&self, p: Vec3A, node: usize) -> f32 {
        let [low, high] = self.boxes[node];
        (low - p).max(p - high).max(Vec3A::ZERO).length_squared()
    }

    fn describe(&self, p_mm: DVec3, p: Vec3A, triangle: usize) -> Nearest {
        let (q, feature) = nearest_in(p, self.triangles[triangle]);
        let face = self.topology.faces[triangle];
        let (normal, is_on_border) = match feature {
            Feature::Face => (face, false),
            Feature::Edge(k) => {
                let edge = self.topology.edges[triangle][k];
                (edge, edge == Vec3::ZERO)
            }
            Feature::Corner(k) => {
                let vertex = self.topology.vertices[self.topology.corners[triangle][k] as usize];
                (vertex.normal, vertex.is_on_border)
            }
        };
        let point_mm = q.as_dvec3() + self.origin_mm;
        Nearest {
            point_mm,
            normal: normal.try_normalize().unwrap_or(face).as_dvec3(),
            distance_mm: p_mm.distance(point_mm),
            is_on_border,
            triangle: triangle as u32,
        }
    }

    /// Boxes around leaves, then around boxes.
    fn wrap(&mut self) {
        let leaves = self.leaves;
        let around: Vec<[Vec3A; 2]> = (0..leaves)
            .into_par_iter()
            .map(|leaf| {
                let corners = self.triangles[self.members(leaf)].as_flattened();
                corners
                    .iter()
                    .fold([Vec3A::INFINITY, Vec3A::NEG_INFINITY], |[low, high], &p| {
                        [low.min(p), high.max(p)]
                    })
            })
            .collect();
        self.boxes[leaves..].copy_from_slice(&around);
        for node in (1..leaves).rev() {
            let ([a, b], [c, d]) = (self.boxes[2 * node], self.boxes[2 * node + 1]);
            self.boxes[node] = [a.min(c), b.max(d)];
        }
    }
}

/// The middle of the box around all finite vertices.
fn middle_of(mesh: &Mesh) -> Option<DVec3> {
    let finite = mesh
        .positions_mm
        .iter()
        .map(|p| DVec3::from_array(p.map(f64::from)));
    let bounds = Aabb::around(finite.filter(|p| p.is_finite()));
    (!bounds.is_empty()).then(|| bounds.center())
}

/// Sorts triangles so that leaf `i` of `leaves` gets those from `len * i / leaves` on: halves along the longest axis.
fn sort(order: &mut [(Vec3A, u32)], leaves: usize) {
    fn halve(order: &mut [(Vec3A, u32)], from: usize, leaves: std::ops::Range<usize>, of: (usize, usize)) {
        if leaves.len() < 2 || order.len() < 2 {
            return;
        }
        let (low, high) = order
            .iter()
            .fold((Vec3A::INFINITY, Vec3A::NEG_INFINITY), |(low, high), (p, _)| {
                (low.min(*p), high.max(*p))
            });
        let size = high - low;
        let axis = if size.x >= size.y && size.x >= size.z {
            0
        } else if size.y >= size.z {
            1
        } else {
            2
        };
        let half = leaves.start + leaves.len() / 2;
        let at = of.0 * half / of.1 - from;
        if at > 0 && at < order.len() {
            order.select_nth_unstable_by(at, |a, b| a.0[axis].total_cmp(&b.0[axis]).then(a.1.cmp(&b.1)));
        }
        let (left, right) = order.split_at_mut(at);
        let is_large = left.len() > A_TASK;
        let mut go_left = move || halve(left, from, leaves.start..half, of);
        let mut go_right = move || halve(right, from + at, half..leaves.end, of);
        if is_large {
            parallel::join(go_left, go_right);
        } else {
            go_left();
            go_right();
        }
    }
    let count = order.len();
    halve(order, 0, 0..leaves, (count, leaves));
}

/// Whether the line through `p` along `d` meets the box within `reach`, either way.
#[inline]
fn meets(p: Vec3A, d: Vec3A, reach: f32, low: Vec3A, high: Vec3A) -> bool {
    let (a, b) = ((low - p) / d, (high - p) / d);
    // A line within the plane of a side gives no number there, which neither bound takes.
    let enter = a.min(b).to_array().into_iter().fold(-reach, f32::max);
    let leave = a.max(b).to_array().into_iter().fold(reach, f32::min);
    enter <= leave
}

/// How far along `d` the line through `p` crosses a triangle (Moeller and Trumbore, "Fast, minimum storage ray-triangle
/// intersection", 1997).
#[inline]
fn crossing(p: Vec3A, d: Vec3A, [a, b, c]: [Vec3A; 3]) -> Option<f32> {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let across = d.cross(ac);
    let determinant = ab.dot(across);
    let up = ap.cross(ab);
    let (u, v) = (ap.dot(across) / determinant, d.dot(up) / determinant);
    // A hair of room at the edges, so that no line slips between two triangles.
    let is_inside = u >= -1e-5 && v >= -1e-5 && u + v <= 1.0 + 1e-5;
    is_inside
        .then(|| ac.dot(up) / determinant)
        .filter(|at| at.is_finite())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feature {
    Face,
    /// 0 a-b, 1 b-c, 2 c-a.
    Edge(usize),
    Corner(usize),
}

/// The point of a triangle nearest to `p`, and what it lies on (Ericson, "Real-Time Collision Detection", 2005, 5.1.5).
#[inline]
fn nearest_in(p: Vec3A, [a, b, c]: [Vec3A; 3]) -> (Vec3A, Feature) {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return (a, Feature::Corner(0));
    }
    let bp = p - b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return (b, Feature::Corner(1));
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return (a + ab * (d1 / (d1 - d3)), Feature::Edge(0));
    }
    let cp = p - c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return (c, Feature::Corner(2));
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return (a + ac * (d2 / (d2 - d6)), Feature::Edge(2));
    }
    let va = d3 * d6 - d5 * d4;
    let (from_b, from_c) = (d4 - d3, d5 - d6);
    if va <= 0.0 && from_b >= 0.0 && from_c >= 0.0 {
        return (b + (c - b) * (from_b / (from_b + from_c)), Feature::Edge(1));
    }
    let scale = 1.0 / (va + vb + vc);
    (a + ab * (vb * scale) + ac * (vc * scale), Feature::Face)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::block;

    /// Numbers from 0 to `scale`, the same every time.
    fn numbers() -> impl FnMut(f32) -> f32 {
        let mut seed = 11u64;
        move |scale| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f32 / (1 << 24) as f32 * scale
        }
    }

    #[test]
    fn the_tree_finds_what_trying_all_finds() {
        let mut next = numbers();
        for count in [1u32, 2, 5, 37, 900] {
            let positions_mm = (0..count + 2)
                .map(|_| [next(9.0) + 500.0, next(30.0) - 50.0, next(14.0)])
                .collect();
            let mesh = Mesh {
                positions_mm,
                normals: Vec::new(),
                triangles: (0..count).map(|i| [i, i + 1, i + 2]).collect(),
            };
            let target = Target::new(&mesh).unwrap();
            for _ in 0..200 {
                let p = DVec3::new(
                    f64::from(next(20.0)) + 495.0,
                    f64::from(next(50.0)) - 60.0,
                    f64::from(next(30.0)) - 8.0,
                );
                let hint = next(count as f32) as u32;
                let found = target.nearest_from(p, hint);
                let local = (p - target.origin_mm).as_vec3a();
                let expected = (0..count as usize)
                    .map(|t| target.squared(local, t))
                    .fold(f32::INFINITY, f32::min)
                    .sqrt();
                assert!((found.distance_mm - f64::from(expected)).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn sides_are_told_at_faces_edges_and_corners() {
        let target = Target::new(&block([-10.0, -20.0, -30.0], [10.0, 20.0, 30.0])).unwrap();
        let mut next = numbers();
        for _ in 0..2000 {
            let p = DVec3::new(
                f64::from(next(40.0)) - 20.0,
                f64::from(next(80.0)) - 40.0,
                f64::from(next(120.0)) - 60.0,
            );
            let beyond = p.abs() - DVec3::new(10.0, 20.0, 30.0);
            let expected = beyond.max(DVec3::ZERO).length() + beyond.max_element().min(0.0);
            let found = target.nearest(p);
            assert!((found.signed_mm(p) - expected).abs() < 1e-4, "{p}: {found:?}");
            assert!(!found.is_on_border);
        }
    }

    #[test]
    fn a_line_meets_the_side_that_faces_it() {
        let target = Target::new(&block([-10.0, -20.0, -30.0], [10.0, 20.0, 30.0])).unwrap();
        let check = |p: [f64; 3], d: DVec3, within_mm: f64, expected: Option<f64>| {
            let found = target.along(DVec3::from_array(p), d, within_mm);
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-4,
                (found, expected) => found == expected,
            };
            assert!(same, "{p:?} {d}: {found:?}");
        };
        check([3.0, 4.0, 5.0], DVec3::X, 50.0, Some(7.0));
        check([13.0, 4.0, 5.0], DVec3::X, 50.0, Some(-3.0));
        check([13.0, 4.0, 5.0], DVec3::NEG_X, 50.0, Some(23.0));
        check([13.0, 4.0, 5.0], DVec3::NEG_X, 20.0, None);
        check([0.0, -26.0, 0.0], DVec3::NEG_Y, 50.0, Some(-6.0));
        check([0.0, 0.0, 31.0], DVec3::X, 50.0, None);
        let slanted = DVec3::new(0.0, 0.6, 0.8);
        check([1.0, 14.0, 1.0], slanted, 50.0, Some(10.0));
    }

    #[test]
    fn a_repeated_vertex_is_no_border_but_an_edge_with_one_triangle_is() {
        let whole = block([0.0; 3], [4.0, 5.0, 6.0]);
        let soup = Mesh {
            positions_mm: whole
                .triangles
                .as_flattened()
                .iter()
                .map(|&v| whole.positions_mm[v as usize])
                .collect(),
            normals: Vec::new(),
            triangles: (0..12).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect(),
        };
        let corner = DVec3::new(-1.0, -1.0, -1.0);
        assert!(!Target::new(&soup).unwrap().nearest(corner).is_on_border);
        let mut open = whole;
        open.triangles.remove(0);
        assert!(Target::new(&open).unwrap().nearest(corner).is_on_border);
        let before_a_face = DVec3::new(2.0, 2.5, 8.0);
        assert!(!Target::new(&open).unwrap().nearest(before_a_face).is_on_border);
    }

    #[test]
    fn what_has_no_area_or_is_not_finite_is_left_out() {
        let mut mesh = block([0.0; 3], [4.0, 5.0, 6.0]);
        mesh.positions_mm
            .extend([[f32::NAN; 3], [f32::INFINITY, 0.0, 0.0], [9.0, 9.0, 9.0]]);
        mesh.triangles
            .extend([[0, 1, 8], [1, 2, 9], [10, 10, 10], [0, 1, 0], [0, 1, 99]]);
        let target = Target::new(&mesh).unwrap();
        let nearest = target.nearest(DVec3::new(9.0, 2.0, 3.0));
        assert!(nearest.point_mm.distance(DVec3::new(4.0, 2.0, 3.0)) < 1e-5);
        assert!(!target.nearest(DVec3::NAN).distance_mm.is_finite());
        assert!(Target::new(&Mesh::default()).is_none());
        mesh.triangles = vec![[0, 0, 0]];
        assert!(Target::new(&mesh).is_none());
    }
}
