//! What a nearest point lies on: normals of faces, edges and vertices, and the border.
//!
//! Vertices at one position count as one: files that repeat corners for each triangle have no border for that.

use glam::Vec3;
use parallel::prelude::*;

/// Normals of a mesh, so that the side of a point can be told from the nearest point on any face, edge or vertex
/// (Baerentzen and Aanaes, "Signed distance computation using the angle weighted pseudonormal", IEEE TVCG 11, 2005).
pub(super) struct Topology {
    /// Unit, one a triangle.
    pub(super) faces: Vec<Vec3>,
    /// Sums over the triangles of an edge, for each triangle its edges a-b, b-c, c-a; zero on the border.
    pub(super) edges: Vec<[Vec3; 3]>,
    /// For each corner of a triangle, its vertex in `vertices`.
    pub(super) corners: Vec<[u32; 3]>,
    pub(super) vertices: Vec<Vertex>,
}

/// What is known of a vertex.
#[derive(Clone, Copy, Default)]
pub(super) struct Vertex {
    /// The sum of the normals around it, weighted by angle.
    pub(super) normal: Vec3,
    pub(super) is_on_border: bool,
}

impl Topology {
    /// Of triangles `[triangle][corner]` with area and finite corners.
    pub(super) fn of(triangles: &[[Vec3; 3]]) -> Self {
        let faces: Vec<Vec3> = triangles
            .par_iter()
            .map(|&[a, b, c]| (b - a).cross(c - a).normalize_or_zero())
            .collect();
        let (corners, count) = weld(triangles);
        let mut vertices = vec![Vertex::default(); count];
        for ((triangle, ids), face) in triangles.iter().zip(&corners).zip(&faces) {
            for k in 0..3 {
                let (next, last) = (triangle[(k + 1) % 3], triangle[(k + 2) % 3]);
                let (u, v) = (next - triangle[k], last - triangle[k]);
                let angle = u.cross(v).length().atan2(u.dot(v));
                vertices[ids[k] as usize].normal += *face * angle;
            }
        }
        let edges = edges(&corners, &faces, &mut vertices);
        Self {
            faces,
            edges,
            corners,
            vertices,
        }
    }
}

/// A number for each position, and how many there are.
fn weld(triangles: &[[Vec3; 3]]) -> (Vec<[u32; 3]>, usize) {
    // Adding zero makes the two zeros one.
    let bits = |p: Vec3| p.to_array().map(|v| (v + 0.0).to_bits());
    let mut order: Vec<([u32; 3], u32)> = triangles
        .par_iter()
        .enumerate()
        .flat_map_iter(|(t, corners)| (0..3u32).map(move |k| (bits(corners[k as usize]), t as u32 * 3 + k)))
        .collect();
    order.par_sort_unstable();
    let mut corners = vec![[0u32; 3]; triangles.len()];
    let mut count = 0;
    for same in order.chunk_by(|a, b| a.0 == b.0) {
        for &(_, corner) in same {
            corners[corner as usize / 3][corner as usize % 3] = count;
        }
        count += 1;
    }
    (corners, count as usize)
}

/// The sums of normals along every edge; marks the vertices of edges that have one triangle.
fn edges(corners: &[[u32; 3]], faces: &[Vec3], vertices: &mut [Vertex]) -> Vec<[Vec3; 3]> {
    let mut order: Vec<(u32, u32, u32)> = corners
        .par_iter()
        .enumerate()
        .flat_map_iter(|(t, &[a, b, c])| {
            [(a, b), (b, c), (c, a)]
                .into_iter()
                .zip(0..3u32)
                .map(move |((a, b), k)| (a.min(b), a.max(b), t as u32 * 3 + k))
        })
        .collect();
    order.par_sort_unstable();
    let mut edges = vec![[Vec3::ZERO; 3]; corners.len()];
    for same in order.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        if let [(a, b, _)] = *same {
            vertices[a as usize].is_on_border = true;
            vertices[b as usize].is_on_border = true;
            continue;
        }
        let face = |edge: u32| faces[edge as usize / 3];
        let sum: Vec3 = same.iter().map(|&(_, _, edge)| face(edge)).sum();
        for &(_, _, edge) in same {
            // Two triangles folded onto each other leave no sum; the face has a side at least.
            let normal = sum.try_normalize().unwrap_or_else(|| face(edge));
            edges[edge as usize / 3][edge as usize % 3] = normal;
        }
    }
    edges
}
