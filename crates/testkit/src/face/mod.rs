//! Depth captures of the synthetic head, before and after a change of its nose: nobody's face.
//!
//! The skin is that of [`crate::head`], so that captures, photographs and CT belong to one case. The change is exact:
//! within [`MOVED_MM`] of the tip of the nose everything is shifted forward by the same length, beyond [`CHANGED_MM`]
//! nothing is. [`FaceCapture`] writes what a phone's depth camera would record, in the folder layout of Open3D, with the
//! true surface beside it.

mod capture;
mod lattice;
mod nets;
mod photo;
mod png;
mod scan;

pub use capture::{Camera, FaceCapture};
pub use nets::TrueSurface;
pub use photo::{Photo, Upright, encode_photo};

use crate::head::skin_distance_mm;
use crate::head::{capsule, ellipsoid, mirrored};

/// Around the tip of the nose, everything this near to it is shifted by all of the shift, mm.
pub const MOVED_MM: f32 = 9.0;
/// Nothing farther from the tip than this is changed, mm.
pub const CHANGED_MM: f32 = 28.0;
/// The largest shift that leaves the skin in one piece, mm.
pub const MAX_SHIFT_MM: f32 = 8.0;

/// The head, with the tip of its nose shifted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Face {
    shift_mm: f32,
}

impl Face {
    /// The head with the tip of its nose moved forward by `shift_mm`, from -[`MAX_SHIFT_MM`] to [`MAX_SHIFT_MM`].
    pub fn shifted(shift_mm: f32) -> Self {
        Self {
            shift_mm: shift_mm.clamp(-MAX_SHIFT_MM, MAX_SHIFT_MM),
        }
    }

    /// Distance to the skin near it, mm, negative inside; patient LPS. Far from it, of the right sign and order.
    pub fn distance_mm(&self, [x, y, z]: [f32; 3]) -> f32 {
        skin_distance_mm([x, y + self.shift_at([x, y, z]), z])
    }

    /// Which way is outward at a point near the skin, unit.
    pub fn normal(&self, p: [f32; 3]) -> [f32; 3] {
        const H: f32 = 0.05;
        let slope = |i: usize| {
            let (mut ahead, mut behind) = (p, p);
            ahead[i] += H;
            behind[i] -= H;
            self.distance_mm(ahead) - self.distance_mm(behind)
        };
        capture::unit(std::array::from_fn(slope))
    }

    /// How far forward the skin at a point has come, mm.
    fn shift_at(&self, p: [f32; 3]) -> f32 {
        if self.shift_mm == 0.0 {
            return 0.0;
        }
        let [x, y, z] = p;
        let tip = Self::default_tip_mm();
        // Measured from between the old tip and the new one, so that both are moved alike.
        let from = [x - tip[0], y - tip[1] + 0.5 * self.shift_mm, z - tip[2]];
        let t = ((crate::head::length(from) - MOVED_MM) / (CHANGED_MM - MOVED_MM)).clamp(0.0, 1.0);
        self.shift_mm * (1.0 - t * t * (3.0 - 2.0 * t))
    }

    /// The foremost point of the nose, patient LPS, mm.
    pub fn tip_mm(&self) -> [f32; 3] {
        let [x, y, z] = Self::default_tip_mm();
        [x, y - self.shift_mm, z]
    }

    fn default_tip_mm() -> [f32; 3] {
        static TIP: std::sync::OnceLock<[f32; 3]> = std::sync::OnceLock::new();
        *TIP.get_or_init(find_tip)
    }

    /// Color of the skin at a point, linear light, 0 to 1: lips, brows, the line of the lids, hair.
    pub fn albedo(&self, p: [f32; 3]) -> [f32; 3] {
        let (tint, share) = self.tint(p);
        let blush = 0.04 * (p[0] * 0.11).sin() * (p[2] * 0.09 + p[1] * 0.05).cos();
        let skin = [0.74 + blush, 0.41, 0.27 - 0.5 * blush];
        let other = match tint {
            Tint::Skin => skin,
            Tint::Lip => [0.52, 0.19, 0.16],
            Tint::Brow => [0.10, 0.06, 0.04],
            Tint::Hair => [0.06, 0.035, 0.022],
        };
        std::array::from_fn(|i| skin[i] + (other[i] - skin[i]) * share)
    }

    /// What the skin at a point is most like.
    pub fn tint_at(&self, p: [f32; 3]) -> Tint {
        match self.tint(p) {
            (tint, share) if share >= 0.5 => tint,
            _ => Tint::Skin,
        }
    }

    /// What the skin at a point is like, and by how much, 0 to 1.
    fn tint(&self, p: [f32; 3]) -> (Tint, f32) {
        let m = mirrored(p);
        let lips = ellipsoid([m[0], p[1], p[2]], [0.0, -92.0, -34.0], [21.5, 14.0, 9.5]);
        let brow = capsule([m[0], 0.0, p[2]], [13.0, 0.0, 37.0], [44.0, 0.0, 36.5], 2.6);
        let lids = capsule(m, [21.0, -87.0, 20.5], [42.0, -81.0, 20.0], 1.6);
        let hairline = 47.0 - 0.55 * p[1] - 0.08 * m[0] - p[2];
        let is_front = p[1] < -50.0;
        let share = |distance: f32, soft: f32| (0.5 - distance / soft).clamp(0.0, 1.0);
        let candidates = [
            (Tint::Hair, share(hairline, 5.0)),
            (Tint::Lip, share(lips, 2.5)),
            (
                Tint::Brow,
                if is_front { share(brow.min(lids), 1.6) } else { 0.0 },
            ),
        ];
        candidates.into_iter().fold(
            (Tint::Skin, 0.0),
            |best, one| if one.1 > best.1 { one } else { best },
        )
    }
}

/// What skin is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// Bare skin.
    Skin,
    /// The red of the lips.
    Lip,
    /// Eyebrows and lashes.
    Brow,
    /// Hair, cut short.
    Hair,
}

/// Looks along the middle line for the foremost skin.
fn find_tip() -> [f32; 3] {
    let foremost = |z: f32| {
        let (mut outside, mut inside) = (-150.0f32, -80.0f32);
        for _ in 0..40 {
            let middle = 0.5 * (outside + inside);
            if skin_distance_mm([0.0, middle, z]) > 0.0 {
                outside = middle;
            } else {
                inside = middle;
            }
        }
        inside
    };
    let heights = (-200..150).map(|i| i as f32 * 0.1);
    let tip = heights
        .map(|z| [0.0, foremost(z), z])
        .min_by(|a, b| a[1].total_cmp(&b[1]));
    tip.unwrap_or([0.0; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tip_moves_by_the_shift_and_the_rest_stays() {
        let (before, after) = (Face::default(), Face::shifted(3.0));
        let tip = before.tip_mm();
        assert!(tip[0] == 0.0 && (-115.0..-105.0).contains(&tip[1]), "{tip:?}");
        assert_eq!(after.tip_mm(), [tip[0], tip[1] - 3.0, tip[2]]);
        for face in [before, after, Face::shifted(-2.0)] {
            let [x, y, z] = face.tip_mm();
            assert!(face.distance_mm([x, y, z]).abs() < 1e-3);
            // It is the foremost point: its normal points forward.
            for (dx, dz) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
                assert!(face.distance_mm([x + dx, y, z + dz]) > 0.0);
            }
        }
        for p in [
            [40.0, -70.0, 30.0],
            [0.0, -85.0, -60.0],
            [75.0, 10.0, 5.0],
            [20.0, -80.0, 20.0],
        ] {
            assert_eq!(before.distance_mm(p), after.distance_mm(p), "{p:?}");
        }
        let beside = [tip[0] + 4.0, tip[1] + 1.5, tip[2] + 2.0];
        let shifted = [beside[0], beside[1] - 3.0, beside[2]];
        assert!((before.distance_mm(beside) - after.distance_mm(shifted)).abs() < 1e-4);
    }

    #[test]
    fn a_face_has_lips_brows_and_hair() {
        let face = Face::default();
        assert_eq!(face.tint_at([0.0, -98.0, -30.0]), Tint::Lip);
        assert_eq!(face.tint_at([28.0, -82.0, 37.0]), Tint::Brow);
        assert_eq!(face.tint_at([0.0, 12.0, 140.0]), Tint::Hair);
        assert_eq!(face.tint_at([0.0, -82.0, 60.0]), Tint::Skin);
        assert!(face.albedo([0.0, -98.0, -30.0])[0] > face.albedo([0.0, 12.0, 140.0])[0]);
    }
}
