//! Round trips, damage, and what the exports hold.

use serde_json::json;

use super::quantize::Positions;
use super::*;

/// A bumpy ball of unequal axes around `center_mm`: `rings * 2 * segments` triangles less the two caps.
fn ball(center_mm: [f32; 3], radii_mm: [f32; 3], rings: u32, segments: u32) -> Mesh {
    let mut mesh = Mesh::default();
    let vertex = |ring: u32, segment: u32| {
        let polar = std::f32::consts::PI * ring as f32 / rings as f32;
        let around = std::f32::consts::TAU * segment as f32 / segments as f32;
        let direction = [
            polar.sin() * around.cos(),
            polar.sin() * around.sin(),
            polar.cos(),
        ];
        let bump = 1.0 + 0.02 * (9.0 * polar).sin() * (7.0 * around).cos();
        let position = [0, 1, 2].map(|axis| center_mm[axis] + radii_mm[axis] * bump * direction[axis]);
        (position, unit(direction))
    };
    for ring in 0..=rings {
        for segment in 0..segments {
            let (position, normal) = vertex(ring, segment);
            mesh.positions_mm.push(position);
            mesh.normals.push(normal);
        }
    }
    for ring in 0..rings {
        for segment in 0..segments {
            let next = (segment + 1) % segments;
            let [a, b] = [ring * segments + segment, ring * segments + next];
            let [c, d] = [a + segments, b + segments];
            if ring > 0 {
                mesh.triangles.push([a, c, b]);
            }
            if ring + 1 < rings {
                mesh.triangles.push([b, c, d]);
            }
        }
    }
    mesh
}

fn small_ball() -> Mesh {
    ball([-412.5, 987.0, 55.5], [41.0, 29.0, 67.0], 14, 23)
}

/// All corners with their normals, in an order that storage does not change: sorted by their place on a coarse grid.
fn corners(mesh: &Mesh) -> Vec<([f32; 3], [f32; 3])> {
    let mut corners: Vec<_> = mesh
        .triangles
        .as_flattened()
        .iter()
        .map(|index| {
            let index = *index as usize;
            (
                mesh.positions_mm[index],
                mesh.normals.get(index).copied().unwrap_or_default(),
            )
        })
        .collect();
    corners.sort_by_key(|(position, _)| position.map(|v| (f64::from(v) * 2.0).round() as i64));
    corners
}

fn volume_mm3(mesh: &Mesh) -> f64 {
    mesh.triangles
        .iter()
        .map(|triangle| {
            let origin = mesh.positions_mm[0];
            let [a, b, c] = triangle.map(|index| {
                let p = mesh.positions_mm[index as usize];
                [0, 1, 2].map(|axis| f64::from(p[axis]) - f64::from(origin[axis]))
            });
            (a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
                + a[2] * (b[0] * c[1] - b[1] * c[0]))
                / 6.0
        })
        .sum()
}
