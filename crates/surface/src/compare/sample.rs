//! Points spread evenly over a surface: vertices are dense where a mesh is fine, not where there is much of it.

use geometry::DVec3;
use parallel::prelude::*;

use super::Region;
use crate::Mesh;
use crate::measure::area_of;

/// A point of a surface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) point_mm: DVec3,
    /// Of its triangle, unit, outward.
    pub(super) normal: DVec3,
}

/// Areas of the triangles of `mesh` whose middle lies in `region`, summed up to and with each, mm^2.
pub(super) fn areas_up_to(mesh: &Mesh, region: &Region) -> Vec<f64> {
    let mut areas: Vec<f64> = mesh
        .triangles
        .par_iter()
        .map(|&t| {
            let [a, b, c] = mesh.corners_mm(t);
            let area = area_of([a, b, c]);
            if area.is_finite() && region.contains((a + b + c) / 3.0) {
                area
            } else {
                0.0
            }
        })
        .collect();
    let mut sum = 0.0;
    for area in &mut areas {
        sum += *area;
        *area = sum;
    }
    areas
}

/// `count` points of `mesh`, the same for the same mesh, each of which stands for the same area; `areas` are those of
/// [`areas_up_to`]. None when there is no area.
pub(super) fn spread(mesh: &Mesh, areas: &[f64], count: usize) -> Vec<Sample> {
    let all = areas.last().copied().unwrap_or(0.0);
    if all.is_nan() || all <= 0.0 {
        return Vec::new();
    }
    (0..count)
        .into_par_iter()
        .filter_map(|i| {
            let at = (i as f64 + 0.5) / count as f64 * all;
            let triangle = areas.partition_point(|&sum| sum <= at);
            let [a, b, c] = mesh.corners_mm(*mesh.triangles.get(triangle)?);
            // The additive sequence of the plastic number covers the plane evenly (Roberts, 2018).
            let (mut u, mut v) = (
                (i as f64 * 0.754_877_666_246_693).fract(),
                (i as f64 * 0.569_840_290_998_053).fract(),
            );
            if u + v > 1.0 {
                (u, v) = (1.0 - u, 1.0 - v);
            }
            Some(Sample {
                point_mm: a + (b - a) * u + (c - a) * v,
                normal: (b - a).cross(c - a).normalize_or_zero(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::block;

    #[test]
    fn samples_are_as_dense_everywhere() {
        let mesh = block([0.0; 3], [10.0, 20.0, 40.0]);
        let samples = spread(&mesh, &areas_up_to(&mesh, &Region::Everything), 2800);
        assert_eq!(samples.len(), 2800);
        let on = |normal: DVec3| {
            samples
                .iter()
                .filter(|s| s.normal.distance(normal) < 1e-9)
                .count()
        };
        // One a mm^2.
        for (normal, expected) in [(DVec3::X, 800), (DVec3::NEG_Y, 400), (DVec3::Z, 200)] {
            assert!(on(normal).abs_diff(expected) <= 2, "{normal}: {}", on(normal));
        }
        assert!(samples.iter().all(|s| s.point_mm.min_element() > -1e-9));
    }

    #[test]
    fn only_the_region_is_sampled() {
        let mesh = crate::compare::refine(&block([0.0; 3], [10.0, 20.0, 40.0]), 0.5, 1_000_000).mesh;
        let region: Region = "box:-1,-1,-1,11,21,10".parse().unwrap();
        let areas = areas_up_to(&mesh, &region);
        assert!((areas.last().unwrap() - 800.0).abs() < 40.0);
        let samples = spread(&mesh, &areas, 500);
        assert!(samples.iter().all(|s| s.point_mm.z < 10.5));
        assert!(spread(&mesh, &areas_up_to(&mesh, &region.complement().complement()), 0).is_empty());
        let nothing = Region::Sphere {
            center_mm: DVec3::splat(500.0),
            radius_mm: 1.0,
        };
        assert!(spread(&mesh, &areas_up_to(&mesh, &nothing), 10).is_empty());
    }
}
