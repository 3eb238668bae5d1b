//! Smooth normals from triangles.

use parallel::prelude::*;

use crate::simplify::quadric::{cross, dot, sub};

/// Unit normals, one a vertex: the mean of the normals of its triangles, weighted by their angles there (Thuermer
/// and Wuethrich, "Computing vertex normals from polygonal facets", Journal of Graphics Tools 3, 1998). A vertex
/// without any area around it gets +z.
pub(crate) fn smooth(positions: &[[f32; 3]], triangles: &[[u32; 3]]) -> Vec<[f32; 3]> {
    let mut sums = vec![[0.0f32; 3]; positions.len()];
    // Each thread adds up for vertices of its own, in the order of the triangles: the sums do not depend on how many
    // there are.
    let share = positions.len().div_ceil(parallel::current_num_threads()).max(1);
    sums.par_chunks_mut(share).enumerate().for_each(|(i, sums)| {
        let first = (i * share) as u32;
        for triangle in triangles {
            add_normal(positions, *triangle, first, sums);
        }
        sums.iter_mut().for_each(normalize);
    });
    sums
}

/// Adds the normal of a triangle to those of its corners among `sums`, which begin at vertex `first`.
fn add_normal(positions: &[[f32; 3]], triangle: [u32; 3], first: u32, sums: &mut [[f32; 3]]) {
    let is_own = |v: u32| (v.wrapping_sub(first) as usize) < sums.len();
    if !triangle.into_iter().any(is_own) {
        return;
    }
    let corners = triangle.map(|v| positions[v as usize]);
    let normal = cross(sub(corners[1], corners[0]), sub(corners[2], corners[0]));
    let length = dot(normal, normal).sqrt();
    if length == 0.0 || !length.is_finite() {
        return;
    }
    for k in 0..3 {
        let Some(sum) = sums.get_mut(triangle[k].wrapping_sub(first) as usize) else {
            continue;
        };
        let (to_next, to_last) = (
            sub(corners[(k + 1) % 3], corners[k]),
            sub(corners[(k + 2) % 3], corners[k]),
        );
        let angle = length.atan2(dot(to_next, to_last));
        for i in 0..3 {
            sum[i] += normal[i] * (angle / length);
        }
    }
}

fn normalize(sum: &mut [f32; 3]) {
    let length = dot(*sum, *sum).sqrt();
    *sum = if length > 0.0 {
        sum.map(|v| v / length)
    } else {
        [0.0, 0.0, 1.0]
    };
}
