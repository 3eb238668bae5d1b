//! Rigid registration of two surfaces.

use geometry::{DAffine3, DVec3};

use super::icp::Ground;
use super::sample::{areas_up_to, spread};
use super::target::Target;
use super::{Region, icp, rigid, start};
use crate::{Mesh, SurfaceError};

/// Where a registration starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Start {
    /// Anywhere: it is searched for.
    #[default]
    Anywhere,
    /// Near to this motion.
    Near(DAffine3),
    /// From points that are known on both surfaces: three or more, not on a line.
    Landmarks(Vec<Landmark>),
    /// This motion is right: nothing is registered, only judged.
    Given(DAffine3),
}

/// The same point of the body on both surfaces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Landmark {
    /// On the first surface, mm.
    pub a_mm: DVec3,
    /// On the second surface, mm.
    pub b_mm: DVec3,
}

/// How two surfaces lie to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Registration {
    /// Takes points of the first surface to where they are on the second, mm; a turn and a shift.
    pub b_from_a: DAffine3,
    /// Root mean square distance of the points that agree, mm.
    pub residual_mm: f64,
    /// What 95 % of the points that agree stay within, mm.
    pub percentile_95_mm: f64,
    /// The share of the stable region (of the second surface, where that is much smaller) that agrees, 0 to 1; the rest
    /// has changed, or has no counterpart.
    pub agreeing: f64,
    /// How firmly the stable region holds the surfaces to each other, 0 to 1: the least resistance to any motion
    /// beside the most. Near 0 they can slide or turn, as spheres and planes do.
    pub firmness: f64,
    /// Root mean square distance of the landmarks after the registration, mm, where there were any.
    pub landmarks_mm: Option<f64>,
}

impl Registration {
    /// Firmness below which the motion is not to be trusted in every direction.
    pub const LOOSE: f64 = 1e-3;

    /// `b_from_a` as a matrix of 4 x 4, by rows.
    pub fn b_from_a_rows(&self) -> [f64; 16] {
        let (m, t) = (self.b_from_a.matrix3.transpose(), self.b_from_a.translation);
        let row = |row: DVec3, t: f64| [row.x, row.y, row.z, t];
        let rows = [
            row(m.x_axis, t.x),
            row(m.y_axis, t.y),
            row(m.z_axis, t.z),
            [0.0, 0.0, 0.0, 1.0],
        ];
        std::array::from_fn(|i| rows[i / 4][i % 4])
    }
}

/// A second surface of less area than this share of the first's is laid onto the first, not the other way about.
const SMALLER: f64 = 0.6;
/// Samples of the search, of the quick rounds and of the last ones.
const SEARCH_SAMPLES: usize = 1500;
const QUICK_SAMPLES: usize = 3000;
const ALL_SAMPLES: usize = 24_000;
/// Rounds of either.
const QUICK_ROUNDS: usize = 60;
const LAST_ROUNDS: usize = 40;
/// Steps below this end the rounds, mm.
const QUICK_MM: f64 = 1e-3;
const SETTLED_MM: f64 = 3e-5;

/// Finds the rigid motion from `a` to `b` on the part of `a` in `stable` (in the space of `a`). The same input gives
/// the same motion.
///
/// # Errors
/// [`SurfaceError::Nothing`] when a surface, or the stable region on it, has no area; [`SurfaceError::Landmarks`] when
/// the landmarks fix no motion; [`SurfaceError::NothingInCommon`] when the surfaces cannot be brought together.
///
/// # Limits
/// Without landmarks or a start, the surfaces must share about half of the area of the smaller one. Sizes are not
/// fitted: a surface in the wrong unit does not register.
pub fn register(
    a: &Mesh,
    b: &Mesh,
    target: &Target,
    stable: &Region,
    from: &Start,
) -> Result<Registration, SurfaceError> {
    let a_target = Target::new(a).ok_or(SurfaceError::Nothing("the first surface"))?;
    let start = match from {
        Start::Given(motion) | Start::Near(motion) => Some(*motion),
        Start::Landmarks(landmarks) => Some(from_landmarks(landmarks)?),
        Start::Anywhere => None,
    };
    let rounds = if let Start::Given(_) = from {
        Rounds::Judge
    } else {
        Rounds::Improve
    };
    let (a_areas, b_areas) = (areas_up_to(a, stable), areas_up_to(b, &Region::Everything));
    let total = |areas: &[f64]| areas.last().copied().unwrap_or(0.0);
    if total(&a_areas) <= 0.0 {
        return Err(SurfaceError::Nothing("the stable region of the first surface"));
    }
    let (a_side, b_side) = (
        Side {
            mesh: a,
            areas: &a_areas,
            target: &a_target,
            region: stable,
        },
        Side {
            mesh: b,
            areas: &b_areas,
            target,
            region: &Region::Everything,
        },
    );
    // What is small finds its place on what is large; most of the large has none on the small.
    let fit = if total(&b_areas) < SMALLER * total(&a_areas) {
        let fit = lay(&b_side, &a_side, start.map(|motion| motion.inverse()), rounds)?;
        icp::Fit {
            b_from_a: rigid::tidy(fit.b_from_a.inverse()),
            ..fit
        }
    } else {
        lay(&a_side, &b_side, start, rounds)?
    };
    let b_from_a = match from {
        Start::Given(motion) => *motion,
        _ => fit.b_from_a,
    };
    Ok(Registration {
        b_from_a,
        residual_mm: fit.rms_mm,
        percentile_95_mm: fit.percentile_95_mm,
        agreeing: fit.share,
        firmness: fit.stiffness,
        landmarks_mm: match from {
            Start::Landmarks(landmarks) => Some(landmark_error(landmarks, b_from_a)),
            _ => None,
        },
    })
}

/// A surface with what of it counts.
struct Side<'a> {
    mesh: &'a Mesh,
    areas: &'a [f64],
    target: &'a Target,
    region: &'a Region,
}

/// Whether a motion is looked for, or one is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounds {
    Improve,
    Judge,
}

/// Lays `a` onto `b`, from `start` or from anywhere.
fn lay(
    a: &Side<'_>,
    b: &Side<'_>,
    start: Option<DAffine3>,
    rounds: Rounds,
) -> Result<icp::Fit, SurfaceError> {
    let ground = Ground {
        target: b.target,
        region: b.region,
    };
    let improve = |count: usize, from: DAffine3, rounds: usize, settled_mm: f64| {
        let samples = spread(a.mesh, a.areas, count);
        icp::improve(&samples, ground, from, rounds, settled_mm).ok_or(SurfaceError::NothingInCommon)
    };
    let start = match start {
        Some(start) => start,
        None => {
            let sides = start::Sides {
                a_samples: &spread(a.mesh, a.areas, SEARCH_SAMPLES),
                b_samples: &spread(b.mesh, b.areas, SEARCH_SAMPLES),
                a: a.target,
                b: ground,
            };
            start::find(&sides).ok_or(SurfaceError::NothingInCommon)?
        }
    };
    match rounds {
        Rounds::Judge => improve(ALL_SAMPLES, start, 1, 0.0),
        Rounds::Improve => {
            let quick = improve(QUICK_SAMPLES, start, QUICK_ROUNDS, QUICK_MM)?;
            improve(ALL_SAMPLES, quick.b_from_a, LAST_ROUNDS, SETTLED_MM)
        }
    }
}

fn from_landmarks(landmarks: &[Landmark]) -> Result<DAffine3, SurfaceError> {
    let pairs: Vec<(DVec3, DVec3)> = landmarks.iter().map(|l| (l.a_mm, l.b_mm)).collect();
    rigid::from_pairs(&pairs).ok_or(SurfaceError::Landmarks { count: pairs.len() })
}

fn landmark_error(landmarks: &[Landmark], b_from_a: DAffine3) -> f64 {
    let squares = landmarks
        .iter()
        .map(|l| b_from_a.transform_point3(l.a_mm).distance_squared(l.b_mm));
    (squares.sum::<f64>() / landmarks.len() as f64).sqrt()
}
