//! How positions and normals become small whole numbers, and back.

use super::unit;
use crate::ArtifactError;

/// No tolerance makes a stored position farther from the given one than this, where 24 bits allow it.
const MAX_ERROR_MM: f64 = 0.01;

/// No tolerance asks for more than this: a nanometer.
const MIN_ERROR_MM: f64 = 1e-6;

/// How positions are stored. The numbers of all axes have the same step, so that an error is the same in all directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Positions {
    /// `u16` steps from `origin_mm` (the node's `scale` and `translation`).
    Grid {
        step_mm: f64,
        /// `[x, y, z]`, a whole number of steps.
        origin_mm: [f64; 3],
    },
    /// Steps of a power of two from the patient's origin, in 24 bits: what the `EXPONENTIAL` filter stores, for surfaces
    /// that are too long for 16 bits.
    Floats { exponent: i32 },
}

/// Length of the diagonal of half a step, in steps.
const HALF_DIAGONAL: f64 = 0.866_025_403_784_438_6;

impl Positions {
    /// The coarsest storage of positions between `low_mm` and `high_mm` (`[x, y, z]`, finite) whose error is at most a
    /// quarter of `tolerance_mm` and 0.01 mm, or as good as 24 bits are where those do not suffice.
    pub(super) fn choose(low_mm: [f64; 3], high_mm: [f64; 3], tolerance_mm: f64) -> Self {
        let error_mm = (tolerance_mm / 4.0).clamp(MIN_ERROR_MM, MAX_ERROR_MM);
        let coarsest_mm = error_mm / HALF_DIAGONAL;
        let exponent = coarsest_mm.log2().floor() as i32;
        let eighth = 2f64.powi(exponent - 3);
        let step_mm = (coarsest_mm / eighth).floor() * eighth;
        let origin_mm = low_mm.map(|low| (low / step_mm).floor() * step_mm);
        let fits = high_mm
            .iter()
            .zip(origin_mm)
            .all(|(high, origin)| (high - origin) / step_mm < f64::from(u16::MAX));
        if fits {
            return Self::Grid { step_mm, origin_mm };
        }
        let farthest_mm = low_mm
            .iter()
            .chain(&high_mm)
            .fold(0.0, |far: f64, v| far.max(v.abs()));
        let limit = f64::from(Self::MAX_MANTISSA);
        let mut exponent = exponent;
        while farthest_mm / 2f64.powi(exponent) > limit {
            exponent += 1;
        }
        Self::Floats { exponent }
    }

    const MAX_MANTISSA: i32 = (1 << 23) - 1;

    /// How far a stored position may be from the given one, mm; rounding to `f32` comes on top.
    pub(super) fn max_error_mm(self) -> f64 {
        let step_mm = match self {
            Self::Grid { step_mm, .. } => step_mm,
            Self::Floats { exponent } => 2f64.powi(exponent),
        };
        step_mm * HALF_DIAGONAL
    }

    /// Whether all that this storage can hold is finite as `f32`, and the step is one.
    pub(super) fn is_possible(self) -> bool {
        match self {
            Self::Grid { step_mm, origin_mm } => {
                step_mm.is_normal()
                    && step_mm > 0.0
                    && origin_mm.iter().all(|origin| {
                        let last = origin + step_mm * f64::from(u16::MAX);
                        (*origin as f32).is_finite() && (last as f32).is_finite()
                    })
            }
            Self::Floats { exponent } => (-126..=104).contains(&exponent),
        }
    }
}

/// `[x, y, z, 0]` on the grid of `step_mm` from `origin_mm`, for positions that [`Positions::choose`] has seen.
pub(super) fn to_grid(positions_mm: &[[f32; 3]], step_mm: f64, origin_mm: [f64; 3]) -> Vec<[u16; 4]> {
    let [ox, oy, oz] = origin_mm;
    let steps_per_mm = 1.0 / step_mm;
    // Nothing is below the origin, so cutting off what follows the point rounds.
    let quantize = |p: f32, origin: f64| ((f64::from(p) - origin) * steps_per_mm + 0.5) as u16;
    positions_mm
        .iter()
        .map(|[x, y, z]| [quantize(*x, ox), quantize(*y, oy), quantize(*z, oz), 0])
        .collect()
}

/// The inverse of [`to_grid`], mm.
pub(super) fn from_grid(stored: &[[u16; 4]], step_mm: f64, origin_mm: [f64; 3]) -> Vec<[f32; 3]> {
    let [ox, oy, oz] = origin_mm;
    let position = |q: u16, origin: f64| (f64::from(q) * step_mm + origin) as f32;
    stored
        .iter()
        .map(|[x, y, z, _]| [position(*x, ox), position(*y, oy), position(*z, oz)])
        .collect()
}

/// `[x, y, z]` as the `EXPONENTIAL` filter stores them (`EXT_meshopt_compression`, appendix B): the exponent in the upper
/// 8 bits, the mantissa in the lower 24, both with a sign.
pub(super) fn to_exponential(positions_mm: &[[f32; 3]], exponent: i32) -> Vec<[u32; 3]> {
    let steps_per_mm = 2f64.powi(-exponent);
    let upper = (exponent as u32) << 24;
    positions_mm
        .iter()
        .map(|p| {
            p.map(|v| {
                let steps = f64::from(v) * steps_per_mm;
                let mantissa = (steps + 0.5f64.copysign(steps)) as i32;
                upper | (mantissa as u32 & 0x00FF_FFFF)
            })
        })
        .collect()
}

/// The inverse of [`to_exponential`], mm.
///
/// # Errors
/// When a number has another exponent.
pub(super) fn from_exponential(stored: &[[u32; 3]], exponent: i32) -> Result<Vec<[f32; 3]>, ArtifactError> {
    if stored
        .as_flattened()
        .iter()
        .any(|word| exponent_of(*word) != exponent)
    {
        return Err(ArtifactError::Damaged {
            what: "the positions of the surface have several exponents",
        });
    }
    // Exact: 24 bits times a power of two, which `Positions::is_possible` has bounded.
    let step_mm = 2f64.powi(exponent) as f32;
    let position = |word: u32| ((word << 8) as i32 >> 8) as f32 * step_mm;
    Ok(stored.iter().map(|words| words.map(position)).collect())
}

/// The exponent in a number that [`to_exponential`] has stored.
pub(super) fn exponent_of(word: u32) -> i32 {
    word as i32 >> 24
}

/// Bits of each of the two coordinates of a normal: errors of at most 0.3 degrees.
const NORMAL_BITS: u32 = 10;
const NORMAL_ONE: i16 = (1 << (NORMAL_BITS - 1)) - 1;

/// A normal as the `OCTAHEDRAL` filter stores it (`EXT_meshopt_compression`, appendix B): the two coordinates on the
/// unfolded octahedron, one, and 0.
pub(super) fn to_octahedral(normal: [f32; 3]) -> [i16; 4] {
    let [x, y, z] = unit(normal);
    let sum = x.abs() + y.abs() + z.abs();
    let (x, y) = (x / sum, y / sum);
    let (x, y) = if z < 0.0 {
        ((1.0 - y.abs()).copysign(x), (1.0 - x.abs()).copysign(y))
    } else {
        (x, y)
    };
    let quantize = |v: f32| (v * f32::from(NORMAL_ONE) + 0.5f32.copysign(v)) as i16;
    [quantize(x), quantize(y), NORMAL_ONE, 0]
}

/// The inverse of [`to_octahedral`]: unit normals.
///
/// # Errors
/// When a normal was stored with another number of bits.
pub(super) fn from_octahedral(stored: &[[i16; 4]]) -> Result<Vec<[f32; 3]>, ArtifactError> {
    if stored.iter().any(|[_, _, one, w]| (*one, *w) != (NORMAL_ONE, 0)) {
        return Err(ArtifactError::Damaged {
            what: "the normals of the surface have another precision",
        });
    }
    let normal = |[x, y, one, _]: &[i16; 4]| {
        let [x, y, one] = [*x, *y, *one].map(f32::from);
        let z = one - x.abs() - y.abs();
        let fold = z.min(0.0);
        unit([x + fold.copysign(-x), y + fold.copysign(-y), z])
    };
    Ok(stored.iter().map(normal).collect())
}
