//! Boxes in boxes around triangles: which of them a ray crosses.

use geometry::DVec3;
use parallel::prelude::*;
use surface::Mesh;

/// Triangles of a leaf, at most.
const LEAF: usize = 4;

/// Where a ray crosses a triangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Crossing {
    /// Along the ray, in lengths of its direction.
    pub(crate) at: f64,
    pub(crate) triangle: u32,
    /// Weights of the three corners.
    pub(crate) weights: [f64; 3],
}

/// A binary tree of boxes; the children of an inner node lie one behind the other.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    triangles: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    low: [f32; 3],
    high: [f32; 3],
    /// First triangle of a leaf, or first child.
    first: u32,
    /// Triangles of a leaf; 0 for an inner node.
    count: u32,
}

/// A triangle while the tree is made.
#[derive(Clone, Copy)]
struct Item {
    triangle: u32,
    low: [f32; 3],
    high: [f32; 3],
}

impl Tree {
    pub(crate) fn new(mesh: &Mesh) -> Self {
        let mut items: Vec<Item> = mesh
            .triangles
            .par_iter()
            .enumerate()
            .filter_map(|(triangle, corners)| {
                let corners = corners.map(|v| mesh.positions_mm[v as usize]);
                let pick = |f: fn(f32, f32) -> f32| {
                    std::array::from_fn(|i| f(f(corners[0][i], corners[1][i]), corners[2][i]))
                };
                let is_finite = corners.iter().flatten().all(|v| v.is_finite());
                is_finite.then(|| Item {
                    triangle: triangle as u32,
                    low: pick(f32::min),
                    high: pick(f32::max),
                })
            })
            .collect();
        let mut tree = Self {
            nodes: Vec::with_capacity(items.len()),
            triangles: Vec::with_capacity(items.len()),
        };
        if !items.is_empty() {
            tree.nodes.push(around(&items));
            tree.split(0, &mut items);
        }
        tree
    }

    /// Makes the children of a node, halving its triangles by their middles along its longest side.
    fn split(&mut self, node: usize, items: &mut [Item]) {
        if items.len() <= LEAF {
            self.nodes[node].first = self.triangles.len() as u32;
            self.nodes[node].count = items.len() as u32;
            self.triangles.extend(items.iter().map(|item| item.triangle));
            return;
        }
        let Node { low, high, .. } = self.nodes[node];
        let longest = |a: &usize, b: &usize| (high[*a] - low[*a]).total_cmp(&(high[*b] - low[*b]));
        let axis = (0..3).max_by(longest).unwrap_or(0);
        let middle = items.len() / 2;
        let place = |item: &Item| item.low[axis] * 0.5 + item.high[axis] * 0.5;
        items.select_nth_unstable_by(middle, |a, b| place(a).total_cmp(&place(b)));
        let (left, right) = items.split_at_mut(middle);
        let first = self.nodes.len();
        self.nodes[node].first = first as u32;
        self.nodes.push(around(left));
        self.nodes.push(around(right));
        self.split(first, left);
        self.split(first + 1, right);
    }

    /// All crossings of a ray with `mesh`, nearest first.
    pub(crate) fn crossings(&self, mesh: &Mesh, origin: DVec3, direction: DVec3) -> Vec<Crossing> {
        let mut found = Vec::new();
        let mut open: Vec<usize> = if self.nodes.is_empty() {
            Vec::new()
        } else {
            vec![0]
        };
        while let Some(node) = open.pop() {
            let node = &self.nodes[node];
            if !crosses_box(node, origin, direction) {
                continue;
            }
            let first = node.first as usize;
            if node.count == 0 {
                open.extend([first, first + 1]);
                continue;
            }
            let triangles = &self.triangles[first..first + node.count as usize];
            let met = triangles
                .iter()
                .filter_map(|&t| crossing(mesh, t, origin, direction));
            found.extend(met);
        }
        found.sort_by(|a, b| a.at.total_cmp(&b.at));
        found
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.nodes[..]) + size_of_val(&self.triangles[..])
    }
}

fn around(items: &[Item]) -> Node {
    let mut node = Node {
        low: [f32::INFINITY; 3],
        high: [f32::NEG_INFINITY; 3],
        first: 0,
        count: 0,
    };
    for item in items {
        for axis in 0..3 {
            node.low[axis] = node.low[axis].min(item.low[axis]);
            node.high[axis] = node.high[axis].max(item.high[axis]);
        }
    }
    node
}

fn crosses_box(node: &Node, origin: DVec3, direction: DVec3) -> bool {
    let (origin, direction) = (origin.to_array(), direction.to_array());
    let (mut from, mut to) = (0.0f64, f64::INFINITY);
    for axis in 0..3 {
        let (low, high) = (f64::from(node.low[axis]), f64::from(node.high[axis]));
        if direction[axis] == 0.0 {
            if origin[axis] < low || origin[axis] > high {
                return false;
            }
            continue;
        }
        let a = (low - origin[axis]) / direction[axis];
        let b = (high - origin[axis]) / direction[axis];
        from = from.max(a.min(b));
        to = to.min(a.max(b));
    }
    from <= to * (1.0 + 1e-12)
}

/// Where a ray crosses a triangle (Moller and Trumbore 1997), from either side.
fn crossing(mesh: &Mesh, triangle: u32, origin: DVec3, direction: DVec3) -> Option<Crossing> {
    let corners = mesh.triangles[triangle as usize];
    let [a, b, c] = corners.map(|v| DVec3::from_array(mesh.positions_mm[v as usize].map(f64::from)));
    let (ab, ac) = (b - a, c - a);
    let p = direction.cross(ac);
    let determinant = ab.dot(p);
    if determinant == 0.0 {
        return None;
    }
    let to_origin = origin - a;
    let v = to_origin.dot(p) / determinant;
    let q = to_origin.cross(ab);
    let w = direction.dot(q) / determinant;
    let at = ac.dot(q) / determinant;
    // A ray along an edge is to meet one of its triangles rather than none.
    let slack = 1e-9;
    let is_inside = v >= -slack && w >= -slack && v + w <= 1.0 + slack && at >= 0.0;
    is_inside.then_some(Crossing {
        at,
        triangle,
        weights: [1.0 - v - w, v, w],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_finds_what_trying_all_finds() {
        let mut seed = 11u64;
        let mut next = |scale: f32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f32 / (1 << 24) as f32 * scale
        };
        let mesh = Mesh {
            positions_mm: (0..200)
                .map(|_| [next(9.0), next(30.0) - 50.0, next(14.0)])
                .collect(),
            normals: vec![],
            triangles: (0..198).map(|i| [i, i + 1, i + 2]).collect(),
        };
        let tree = Tree::new(&mesh);
        let mut met = 0;
        for _ in 0..300 {
            let mut point = |spread: f32| {
                DVec3::new(
                    f64::from(next(9.0 + spread)),
                    f64::from(next(30.0 + spread)) - 50.0,
                    f64::from(next(14.0 + spread)),
                )
            };
            let (origin, toward) = (point(9.0), point(0.0));
            let direction = toward - origin;
            let mut all: Vec<Crossing> = (0..198)
                .filter_map(|t| crossing(&mesh, t, origin, direction))
                .collect();
            all.sort_by(|a, b| a.at.total_cmp(&b.at));
            let found = tree.crossings(&mesh, origin, direction);
            assert_eq!(
                found.iter().map(|c| c.at).collect::<Vec<_>>(),
                all.iter().map(|c| c.at).collect::<Vec<_>>()
            );
            met += found.len();
            for c in found {
                let corners = mesh.triangles[c.triangle as usize];
                let p = corners
                    .into_iter()
                    .zip(c.weights)
                    .fold(DVec3::ZERO, |sum, (v, weight)| {
                        sum + DVec3::from_array(mesh.positions_mm[v as usize].map(f64::from)) * weight
                    });
                assert!((p - origin - direction * c.at).length() < 1e-6);
            }
        }
        assert!(met > 300);
    }

    #[test]
    fn poison_is_left_out() {
        let mesh = Mesh {
            positions_mm: vec![
                [f32::NAN, 0.0, 0.0],
                [1.0, 0.0, 0.0],
                [0.0, 1.0, 0.0],
                [0.0, 0.0, 0.0],
            ],
            normals: vec![],
            triangles: vec![[0, 1, 2], [3, 1, 2], [1, 1, 1]],
        };
        let tree = Tree::new(&mesh);
        let found = tree.crossings(&mesh, DVec3::new(0.2, 0.2, -3.0), DVec3::Z);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].at, found[0].triangle), (3.0, 1));
        assert!(tree.crossings(&mesh, DVec3::NAN, DVec3::Z).is_empty());
        assert!(
            Tree::new(&Mesh::default())
                .crossings(&mesh, DVec3::ZERO, DVec3::Z)
                .is_empty()
        );
    }
}
