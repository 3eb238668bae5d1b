//! Rigid motions from pairs of points, and small steps of them.

use geometry::{DAffine3, DMat3, DVec3};
use glam::DQuat;

use super::eigen;

/// The motion that takes the first points of `pairs` nearest to the second, least squares (Horn, "Closed-form solution
/// of absolute orientation using unit quaternions", JOSA A 4, 1987). `None` where the first points or the second ones
/// lie on a line, which leaves a turn about it open.
pub(super) fn from_pairs(pairs: &[(DVec3, DVec3)]) -> Option<DAffine3> {
    let count = pairs.len() as f64;
    let (mean_a, mean_b) = pairs
        .iter()
        .fold((DVec3::ZERO, DVec3::ZERO), |(a, b), (p, q)| (a + *p, b + *q));
    let (mean_a, mean_b) = (mean_a / count, mean_b / count);
    let spans_a_plane = |points: &mut dyn Iterator<Item = DVec3>| {
        let (values, _) = spread(points);
        values[1] > 1e-8 * values[0] && values[1].is_finite()
    };
    if !spans_a_plane(&mut pairs.iter().map(|(a, _)| *a - mean_a))
        || !spans_a_plane(&mut pairs.iter().map(|(_, b)| *b - mean_b))
    {
        return None;
    }
    let mut s = [[0.0; 3]; 3];
    for (a, b) in pairs {
        let (a, b) = ((*a - mean_a).to_array(), (*b - mean_b).to_array());
        for (row, a) in s.iter_mut().zip(a) {
            for (sum, b) in row.iter_mut().zip(b) {
                *sum += a * b;
            }
        }
    }
    let [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = s;
    let (_, vectors) = eigen::symmetric([
        [xx + yy + zz, yz - zy, zx - xz, xy - yx],
        [yz - zy, xx - yy - zz, xy + yx, zx + xz],
        [zx - xz, xy + yx, yy - xx - zz, yz + zy],
        [xy - yx, zx + xz, yz + zy, zz - xx - yy],
    ]);
    let [w, x, y, z] = vectors[0];
    let rotation = DMat3::from_quat(DQuat::from_xyzw(x, y, z, w).normalize());
    Some(DAffine3::from_mat3_translation(
        rotation,
        mean_b - rotation * mean_a,
    ))
}

/// How points spread about the origin: the eigenvalues of their second moment, largest first, and its axes.
pub(super) fn spread(points: &mut dyn Iterator<Item = DVec3>) -> ([f64; 3], [DVec3; 3]) {
    let mut m = [[0.0; 3]; 3];
    for p in points {
        let p = p.to_array();
        for (row, a) in m.iter_mut().zip(p) {
            for (sum, b) in row.iter_mut().zip(p) {
                *sum += a * b;
            }
        }
    }
    let (values, vectors) = eigen::symmetric(m);
    (values, vectors.map(DVec3::from_array))
}

/// A turn by the vector `turn` (radians, about its direction) around `center`, then a shift.
pub(super) fn step(turn: DVec3, shift: DVec3, center: DVec3) -> DAffine3 {
    let rotation = DMat3::from_quat(DQuat::from_scaled_axis(turn));
    DAffine3::from_mat3_translation(rotation, center - rotation * center + shift)
}

/// The nearest proper rotation, so that rounding over many steps neither stretches nor shears.
pub(super) fn tidy(motion: DAffine3) -> DAffine3 {
    let rotation = DMat3::from_quat(DQuat::from_mat3(&motion.matrix3).normalize());
    DAffine3::from_mat3_translation(rotation, motion.translation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_motion_is_found_from_its_pairs() {
        let motion = step(
            DVec3::new(0.4, -1.9, 0.7),
            DVec3::new(120.0, -35.0, 8.0),
            DVec3::new(3.0, 2.0, 1.0),
        );
        let points = [[1.0, 2.0, 3.0], [90.0, -4.0, 2.0], [5.0, 70.0, -20.0]].map(DVec3::from_array);
        let pairs = points.map(|p| (p, motion.transform_point3(p)));
        let found = from_pairs(&pairs).unwrap();
        assert!(found.abs_diff_eq(motion, 1e-9), "{found:?}");
    }

    #[test]
    fn points_on_a_line_fix_no_motion() {
        let on_line = [1.0, 2.0, 5.0].map(|t| DVec3::new(1.0, 2.0 * t, 3.0 - t));
        let elsewhere = [DVec3::ZERO, DVec3::X, DVec3::Y];
        let pairs = |a: [DVec3; 3], b: [DVec3; 3]| [(a[0], b[0]), (a[1], b[1]), (a[2], b[2])];
        assert_eq!(from_pairs(&pairs(on_line, elsewhere)), None);
        assert_eq!(from_pairs(&pairs(elsewhere, on_line)), None);
        assert_eq!(from_pairs(&[(DVec3::X, DVec3::Y); 2]), None);
        assert_eq!(from_pairs(&[]), None);
        let nan = [DVec3::NAN, DVec3::X, DVec3::Y];
        assert_eq!(from_pairs(&pairs(nan, elsewhere)), None);
    }
}
