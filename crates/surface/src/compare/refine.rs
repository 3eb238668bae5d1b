//! A mesh without long edges: what is carried by vertices says nothing about the inside of a large triangle.

use parallel::prelude::*;

use crate::Mesh;

/// The most rounds of halving.
const ROUNDS: usize = 8;

/// A mesh with the shape of another and shorter edges.
#[derive(Clone, Debug)]
pub struct Refined {
    /// The mesh; its first vertices are those of the original, without normals.
    pub mesh: Mesh,
    /// For each added vertex in order, the two earlier vertices that it lies midway between.
    pub middles: Vec<[u32; 2]>,
}

/// Halves edges longer than `longest_mm` until there are none, or the next round would make more than
/// `max_triangles`. The surface is the same set of points, and stays as closed as it was.
pub fn refine(mesh: &Mesh, longest_mm: f64, max_triangles: usize) -> Refined {
    let mut refined = Refined {
        mesh: Mesh {
            positions_mm: mesh.positions_mm.clone(),
            normals: Vec::new(),
            triangles: mesh.triangles.clone(),
        },
        middles: Vec::new(),
    };
    for _ in 0..ROUNDS {
        if !round(&mut refined, longest_mm as f32, max_triangles) {
            break;
        }
    }
    refined
}

/// Halves every long edge once; whether there was one, and room for it.
fn round(refined: &mut Refined, longest_mm: f32, max_triangles: usize) -> bool {
    let Refined { mesh, middles } = refined;
    let mut long: Vec<[u32; 2]> = mesh
        .triangles
        .par_iter()
        .flat_map_iter(|&[a, b, c]| [[a, b], [b, c], [c, a]])
        .map(|[a, b]| [a.min(b), a.max(b)])
        .filter(|&[a, b]| {
            let (a, b) = (mesh.positions_mm[a as usize], mesh.positions_mm[b as usize]);
            (0..3).map(|i| (b[i] - a[i]).powi(2)).sum::<f32>() > longest_mm * longest_mm
        })
        .collect();
    long.par_sort_unstable();
    long.dedup();
    // Every halved edge makes its two triangles three.
    let too_many = mesh.triangles.len() + 2 * long.len() > max_triangles
        || mesh.positions_mm.len() + long.len() > u32::MAX as usize;
    if long.is_empty() || too_many {
        return false;
    }
    let first = mesh.positions_mm.len() as u32;
    let middle = |a: u32, b: u32| {
        let found = long.binary_search(&[a.min(b), a.max(b)]);
        found.ok().map(|at| first + at as u32)
    };
    let triangles = mesh
        .triangles
        .par_iter()
        .flat_map_iter(|&[a, b, c]| split([a, b, c], [middle(a, b), middle(b, c), middle(c, a)]))
        .collect();
    mesh.triangles = triangles;
    let positions = &mesh.positions_mm;
    let halves: Vec<[f32; 3]> = long
        .iter()
        .map(|&[a, b]| {
            let (a, b) = (positions[a as usize], positions[b as usize]);
            std::array::from_fn(|i| 0.5 * (a[i] + b[i]))
        })
        .collect();
    mesh.positions_mm.extend(halves);
    middles.extend(long);
    true
}

/// The triangles that a triangle becomes when some of its edges (a-b, b-c, c-a) are halved.
fn split([a, b, c]: [u32; 3], middles: [Option<u32>; 3]) -> impl Iterator<Item = [u32; 3]> {
    let parts = match middles {
        [None, None, None] => [Some([a, b, c]), None, None, None],
        [Some(m), None, None] => [Some([a, m, c]), Some([m, b, c]), None, None],
        [None, Some(m), None] => [Some([b, m, a]), Some([m, c, a]), None, None],
        [None, None, Some(m)] => [Some([c, m, b]), Some([m, a, b]), None, None],
        [Some(m), Some(n), None] => [Some([m, b, n]), Some([a, m, n]), Some([a, n, c]), None],
        [None, Some(m), Some(n)] => [Some([m, c, n]), Some([b, m, n]), Some([b, n, a]), None],
        [Some(n), None, Some(m)] => [Some([m, a, n]), Some([c, m, n]), Some([c, n, b]), None],
        [Some(m), Some(n), Some(o)] => [Some([a, m, o]), Some([m, b, n]), Some([o, n, c]), Some([m, n, o])],
    };
    parts.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::block;

    #[test]
    fn a_refined_block_is_the_same_block() {
        let full = block([1.0, -2.0, 5.0], [4.0, 9.0, 6.5]);
        let refined = refine(&full, 0.7, 1_000_000);
        let (before, after) = (full.measure(), refined.mesh.measure());
        assert!(after.is_watertight());
        assert!((before.area_mm2 - after.area_mm2).abs() < 1e-4);
        assert!((before.volume_mm3 - after.volume_mm3).abs() < 1e-4);
        assert_eq!(refined.mesh.positions_mm.len(), 8 + refined.middles.len());
        for [a, b, c] in &refined.mesh.triangles {
            for (p, q) in [(a, b), (b, c), (c, a)] {
                let (p, q) = (
                    refined.mesh.positions_mm[*p as usize],
                    refined.mesh.positions_mm[*q as usize],
                );
                let length = (0..3).map(|i| (p[i] - q[i]).powi(2)).sum::<f32>().sqrt();
                assert!(length <= 0.7001, "{length}");
            }
        }
    }

    #[test]
    fn there_is_an_end_to_triangles() {
        let refined = refine(&block([0.0; 3], [30.0, 20.0, 10.0]), 0.1, 500);
        assert!(refined.mesh.triangles.len() <= 500 && refined.mesh.triangles.len() > 12);
        assert!(refined.mesh.measure().is_watertight());
        assert!(refine(&Mesh::default(), 1.0, 10).mesh.triangles.is_empty());
    }
}
