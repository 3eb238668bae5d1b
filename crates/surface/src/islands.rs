//! The connected pieces of a surface, and which of them are kept.

use crate::Mesh;
use crate::measure::{area_of, volume_of};

/// Which pieces of a surface are dropped as islands: noise, specks, small cavities. The largest piece always stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IslandRule {
    /// Pieces with less area than this are dropped, mm^2.
    pub min_area_mm2: f64,
    /// Pieces with less than this share of the area of the largest one are dropped, 0 to 1.
    pub min_share_of_largest: f64,
}

impl IslandRule {
    /// Every piece stays.
    pub const KEEP_ALL: Self = Self {
        min_area_mm2: 0.0,
        min_share_of_largest: 0.0,
    };

    /// The area that a piece needs beside one of `largest_mm2`, mm^2.
    pub(crate) fn least_area_mm2(&self, largest_mm2: f64) -> f64 {
        self.min_area_mm2
            .max(self.min_share_of_largest * largest_mm2)
            .min(largest_mm2)
    }
}

impl Default for IslandRule {
    /// Less than half a percent of the largest piece, or than 20 mm^2, is an island.
    fn default() -> Self {
        Self {
            min_area_mm2: 20.0,
            min_share_of_largest: 0.005,
        }
    }
}

/// A connected piece of a mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Component {
    /// Its triangles.
    pub triangles: u64,
    /// Its area, mm^2.
    pub area_mm2: f64,
    /// The volume that it encloses, mm^3; negative for a cavity.
    pub volume_mm3: f64,
}

/// The pieces of a mesh.
#[derive(Clone, Debug, Default)]
pub struct Components {
    /// For each vertex, its piece in `list`; `u32::MAX` for a vertex without triangles.
    pub of_vertex: Vec<u32>,
    /// The pieces, in the order of their first triangles.
    pub list: Vec<Component>,
}

impl Components {
    /// The pieces of `mesh`: triangles that share a vertex belong together.
    pub fn of(mesh: &Mesh) -> Self {
        let mut sets = DisjointSets::new(mesh.positions_mm.len());
        for &[a, b, c] in &mesh.triangles {
            sets.join(a, b);
            sets.join(b, c);
        }
        let mut result = Self {
            of_vertex: vec![u32::MAX; mesh.positions_mm.len()],
            list: Vec::new(),
        };
        for &triangle in &mesh.triangles {
            let root = sets.root(triangle[0]) as usize;
            if result.of_vertex[root] == u32::MAX {
                result.of_vertex[root] = result.list.len() as u32;
                result.list.push(Component::default());
            }
            let piece = &mut result.list[result.of_vertex[root] as usize];
            let corners = mesh.corners_mm(triangle);
            piece.triangles += 1;
            piece.area_mm2 += area_of(corners);
            piece.volume_mm3 += volume_of(corners);
        }
        for triangle in &mesh.triangles {
            for &v in triangle {
                let root = sets.root(v) as usize;
                result.of_vertex[v as usize] = result.of_vertex[root];
            }
        }
        result
    }
}

/// Drops the pieces of `mesh` that `rule` calls islands, and says how many.
pub fn drop_islands(mesh: &mut Mesh, rule: IslandRule) -> u64 {
    let pieces = Components::of(mesh);
    let areas = pieces.list.iter().map(|piece| piece.area_mm2);
    let least = rule.least_area_mm2(areas.fold(0.0, f64::max));
    let dropped = pieces.list.iter().filter(|piece| piece.area_mm2 < least).count();
    if dropped > 0 {
        keep_triangles(mesh, |t| {
            pieces.list[pieces.of_vertex[t[0] as usize] as usize].area_mm2 >= least
        });
    }
    dropped as u64
}

/// Keeps the triangles that `is_kept` says and the vertices that they use; both keep their order.
pub(crate) fn keep_triangles(mesh: &mut Mesh, is_kept: impl Fn(&[u32; 3]) -> bool) -> Vec<u32> {
    mesh.triangles.retain(is_kept);
    let mut numbers = vec![u32::MAX; mesh.positions_mm.len()];
    for &v in mesh.triangles.iter().flatten() {
        numbers[v as usize] = 0;
    }
    let mut next = 0;
    for number in &mut numbers {
        if *number == 0 {
            *number = next;
            next += 1;
        }
    }
    let mut at = 0..;
    mesh.positions_mm
        .retain(|_| at.next().is_some_and(|v: usize| numbers[v] != u32::MAX));
    let mut at = 0..;
    mesh.normals
        .retain(|_| at.next().is_some_and(|v: usize| numbers[v] != u32::MAX));
    for triangle in &mut mesh.triangles {
        *triangle = triangle.map(|v| numbers[v as usize]);
    }
    numbers
}

/// Union-find with path halving (Tarjan, van Leeuwen, "Worst-case analysis of set union algorithms", 1984); the
/// smaller number becomes the root.
pub(crate) struct DisjointSets {
    parents: Vec<u32>,
}

impl DisjointSets {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            parents: (0..count as u32).collect(),
        }
    }

    /// Adds a set of one, and returns its number.
    pub(crate) fn add(&mut self) -> u32 {
        let number = self.parents.len() as u32;
        self.parents.push(number);
        number
    }

    pub(crate) fn root(&mut self, mut of: u32) -> u32 {
        while self.parents[of as usize] != of {
            let parent = self.parents[of as usize];
            self.parents[of as usize] = self.parents[parent as usize];
            of = parent;
        }
        of
    }

    pub(crate) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b) as usize] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::block;

    fn joined(meshes: &[Mesh]) -> Mesh {
        let mut all = Mesh::default();
        for mesh in meshes {
            let start = all.positions_mm.len() as u32;
            all.positions_mm.extend_from_slice(&mesh.positions_mm);
            all.triangles
                .extend(mesh.triangles.iter().map(|t| t.map(|v| v + start)));
        }
        all.normals = all.positions_mm.iter().map(|_| [0.0, 0.0, 1.0]).collect();
        all
    }

    #[test]
    fn small_pieces_go_and_the_largest_stays() {
        let blocks = [
            block([0.0; 3], [1.0, 1.0, 1.0]),
            block([5.0; 3], [15.0, 16.0, 17.0]),
            block([20.0; 3], [22.0, 23.0, 24.0]),
        ];
        let mut mesh = joined(&blocks);
        let pieces = Components::of(&mesh);
        assert_eq!(pieces.list.len(), 3);
        assert!((pieces.list[1].volume_mm3 - 1320.0).abs() < 1e-6);
        let rule = IslandRule {
            min_area_mm2: 10.0,
            min_share_of_largest: 0.05,
        };
        assert_eq!(drop_islands(&mut mesh, rule), 1);
        let measures = mesh.measure();
        assert_eq!(
            (measures.components, mesh.positions_mm.len(), mesh.normals.len()),
            (2, 16, 16)
        );
        assert!((measures.volume_mm3 - 1344.0).abs() < 1e-6 && measures.is_watertight());
        let all = IslandRule {
            min_area_mm2: 1e9,
            min_share_of_largest: 0.0,
        };
        assert_eq!(drop_islands(&mut mesh, all), 1);
        assert_eq!(mesh.triangles.len(), 12);
        assert_eq!(drop_islands(&mut mesh, IslandRule::KEEP_ALL), 0);
    }
}
