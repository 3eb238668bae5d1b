//! Measures of a mesh: area, volume, extent, and whether it is the skin of a body.

use geometry::{Aabb, DVec3};
use parallel::prelude::*;

use crate::Mesh;
use crate::islands::Components;

/// What a mesh measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    /// Area of all triangles, mm^2.
    pub area_mm2: f64,
    /// Volume enclosed, mm^3: positive where triangles are counter-clockwise seen from outside; cavities count
    /// against it. Without meaning for a mesh with a border.
    pub volume_mm3: f64,
    /// The box around all vertices that a triangle uses, patient mm; empty for an empty mesh.
    pub bounds_mm: Aabb,
    /// Connected pieces.
    pub components: usize,
    /// Edges with one triangle.
    pub boundary_edges: usize,
    /// Edges with three triangles or more.
    pub non_manifold_edges: usize,
    /// Edges whose two triangles disagree about which side is outside.
    pub misoriented_edges: usize,
}

impl Measures {
    /// Whether the mesh is closed and its triangles agree about the outside: every edge has two triangles that run
    /// along it in opposite directions.
    pub fn is_watertight(&self) -> bool {
        self.boundary_edges == 0 && self.non_manifold_edges == 0 && self.misoriented_edges == 0
    }
}

impl Mesh {
    /// The corners of a triangle, patient mm.
    ///
    /// # Panics
    /// When a corner is no vertex of the mesh.
    pub fn corners_mm(&self, triangle: [u32; 3]) -> [DVec3; 3] {
        triangle.map(|v| DVec3::from_array(self.positions_mm[v as usize].map(f64::from)))
    }

    /// Everything that there is to measure. Takes the time of sorting the edges.
    pub fn measure(&self) -> Measures {
        let used = || self.triangles.iter().flat_map(|&t| self.corners_mm(t));
        let [boundary_edges, non_manifold_edges, misoriented_edges] = self.count_edges();
        Measures {
            area_mm2: self.area_mm2(),
            volume_mm3: self.volume_mm3(),
            bounds_mm: Aabb::around(used()),
            components: Components::of(self).list.len(),
            boundary_edges,
            non_manifold_edges,
            misoriented_edges,
        }
    }

    /// Area of all triangles, mm^2.
    pub fn area_mm2(&self) -> f64 {
        let area = |&t: &[u32; 3]| area_of(self.corners_mm(t));
        self.triangles.par_iter().map(area).sum()
    }

    /// Volume enclosed, mm^3, by the divergence theorem. Measured from the first vertex, not from the origin of the
    /// patient, which may be far away.
    pub fn volume_mm3(&self) -> f64 {
        let Some(first) = self.positions_mm.first() else {
            return 0.0;
        };
        let from = DVec3::from_array(first.map(f64::from));
        let volume = |&t: &[u32; 3]| volume_of(self.corners_mm(t).map(|p| p - from));
        self.triangles.par_iter().map(volume).sum()
    }

    /// Edges with one triangle, with more than two, and with two that run the same way.
    fn count_edges(&self) -> [usize; 3] {
        let mut edges: Vec<(u32, u32, i8)> = self
            .triangles
            .par_iter()
            .flat_map_iter(|&[a, b, c]| [(a, b), (b, c), (c, a)])
            .map(|(a, b)| if a < b { (a, b, 1) } else { (b, a, -1) })
            .collect();
        edges.par_sort_unstable();
        let mut counts = [0; 3];
        for same in edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let turns: i32 = same.iter().map(|edge| i32::from(edge.2)).sum();
            match same.len() {
                1 => counts[0] += 1,
                2 => counts[2] += usize::from(turns != 0),
                _ => counts[1] += 1,
            }
        }
        counts
    }
}

pub(crate) fn area_of([a, b, c]: [DVec3; 3]) -> f64 {
    (b - a).cross(c - a).length() * 0.5
}

/// Volume of the tetrahedron between a triangle and the origin, positive when the triangle is counter-clockwise seen
/// from outside.
pub(crate) fn volume_of([a, b, c]: [DVec3; 3]) -> f64 {
    a.dot(b.cross(c)) / 6.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A box from `min` to `max`, mm, with outward triangles.
    pub(crate) fn block(min: [f32; 3], max: [f32; 3]) -> Mesh {
        let corner =
            |i: usize| std::array::from_fn(|axis| if i >> axis & 1 == 0 { min[axis] } else { max[axis] });
        let quads = [
            [0, 4, 6, 2],
            [1, 3, 7, 5],
            [0, 1, 5, 4],
            [2, 6, 7, 3],
            [0, 2, 3, 1],
            [4, 5, 7, 6],
        ];
        Mesh {
            positions_mm: (0..8).map(corner).collect(),
            normals: Vec::new(),
            triangles: quads
                .iter()
                .flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]])
                .collect(),
        }
    }

    #[test]
    fn a_block_far_from_the_origin_is_measured_exactly() {
        let measures = block([1000.0, -2000.0, 500.0], [1002.0, -1997.0, 507.0]).measure();
        assert!((measures.volume_mm3 - 42.0).abs() < 1e-9);
        assert!((measures.area_mm2 - 82.0).abs() < 1e-9);
        assert_eq!(measures.bounds_mm.size(), DVec3::new(2.0, 3.0, 7.0));
        assert_eq!(measures.components, 1);
        assert!(measures.is_watertight());
    }

    #[test]
    fn holes_fins_and_turned_triangles_are_counted() {
        let mut open = block([0.0; 3], [1.0, 2.0, 3.0]);
        open.triangles.pop();
        assert_eq!(open.measure().boundary_edges, 3);
        let mut turned = block([0.0; 3], [1.0, 2.0, 3.0]);
        turned.triangles[0].swap(0, 1);
        assert_eq!(turned.measure().misoriented_edges, 3);
        let mut fin = block([0.0; 3], [1.0, 2.0, 3.0]);
        fin.positions_mm.push([5.0, 5.0, 5.0]);
        fin.triangles.push([0, 1, 8]);
        let measures = fin.measure();
        assert_eq!((measures.non_manifold_edges, measures.boundary_edges), (1, 2));
        assert!(!measures.is_watertight());
    }

    #[test]
    fn nothing_measures_nothing() {
        let measures = Mesh::default().measure();
        assert_eq!(
            (measures.area_mm2, measures.volume_mm3, measures.components),
            (0.0, 0.0, 0)
        );
        assert!(measures.bounds_mm.is_empty());
    }
}
