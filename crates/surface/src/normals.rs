//! Smooth normals from triangles.

use crate::simplify::quadric::{cross, dot, sub};

/// Unit normals, one a vertex: the mean of the normals of its triangles, weighted by their angles there (Thuermer
/// and Wuethrich, "Computing vertex normals from polygonal facets", Journal of Graphics Tools 3, 1998). A vertex
/// without any area around it gets +z.
pub(crate) fn smooth(positions: &[[f32; 3]], triangles: &[[u32; 3]]) -> Vec<[f32; 3]> {
    let mut sums = vec![[0.0f32; 3]; positions.len()];
    for triangle in triangles {
        let corners = triangle.map(|v| positions[v as usize]);
        let normal = cross(sub(corners[1], corners[0]), sub(corners[2], corners[0]));
        let length = dot(normal, normal).sqrt();
        if length == 0.0 || !length.is_finite() {
            continue;
        }
        for k in 0..3 {
            let (to_next, to_last) = (
                sub(corners[(k + 1) % 3], corners[k]),
                sub(corners[(k + 2) % 3], corners[k]),
            );
            let angle = length.atan2(dot(to_next, to_last));
            let sum = &mut sums[triangle[k] as usize];
            for i in 0..3 {
                sum[i] += normal[i] * (angle / length);
            }
        }
    }
    for sum in &mut sums {
        let length = dot(*sum, *sum).sqrt();
        *sum = if length > 0.0 {
            sum.map(|v| v / length)
        } else {
            [0.0, 0.0, 1.0]
        };
    }
    sums
}
