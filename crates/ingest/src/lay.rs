//! One item laid onto another by their stored surfaces. Nothing is changed: where the item lies is for the caller to keep.

use domain::Fit;
use geometry::DVec3;
use surface::compare::{Landmark, Region, Registration, Start, Target, register};
use surface::{Mesh, SurfaceError};

use crate::IngestError;
use crate::compare::SurfaceOf;
use crate::place::Place;

/// Triangles of a surface that is laid, at most: more take too long for somebody who waits.
pub const MOST_TRIANGLES: u64 = 6_000_000;
/// Below this share of the smaller surface that meets the other, it may lie anywhere.
const LEAST_AGREEING: f64 = 0.25;
/// What meets lies no farther apart than this, root mean square, mm.
const MOST_RESIDUAL_MM: f64 = 3.0;
/// Pairs of points farther apart than this after all are not the same points, mm.
const MOST_LANDMARKS_MM: f64 = 10.0;
/// What is smaller than this in all directions is no part of a body, but in another unit, mm.
const LEAST_SIZE_MM: f64 = 10.0;

/// Why an item could not be laid.
#[derive(Debug, thiserror::Error)]
pub enum LayError {
    /// What is stored could not be read, or has no such surface.
    #[error(transparent)]
    Stored(#[from] IngestError),
    /// A surface has too many triangles.
    #[error("a surface of {0} triangles is not laid; the limit is {MOST_TRIANGLES}")]
    TooLarge(u64),
    /// A surface is as small as one in another unit.
    #[error("a surface is {0:.3} mm across: its unit is not millimeters")]
    TooSmall(f64),
    /// The pairs of points fix no motion.
    #[error("the pairs of points lie on a line or in one place")]
    Landmarks,
    /// The surfaces have nothing in common that could be found.
    #[error("the surfaces were not found to lie on each other")]
    NothingInCommon,
    /// Too little of the surfaces meets.
    #[error("only {:.0} % of the surface meet the other", agreeing * 100.0)]
    TooLittle {
        /// The share that meets, 0 to 1.
        agreeing: f64,
    },
    /// What meets lies too far apart.
    #[error("the surfaces lie {residual_mm:.1} mm apart where they meet")]
    TooFar {
        /// Root mean square distance, mm.
        residual_mm: f64,
    },
    /// The surfaces can slide or turn on each other.
    #[error("the surfaces can slide or turn on each other")]
    Loose,
    /// The pairs of points lie too far apart after the surfaces were laid.
    #[error("the pairs of points are {landmarks_mm:.1} mm apart where the surfaces meet")]
    LandmarksApart {
        /// Root mean square distance, mm.
        landmarks_mm: f64,
    },
}

impl Place {
    /// Lays a surface of an item onto that of another one, by the points that are the same on both, on the first and on
    /// the second in mm, or from anywhere where there are none.
    ///
    /// # Errors
    /// When something is not there or not to be read, and when the surfaces do not meet well enough to be trusted.
    pub fn lay(
        &self,
        item: &SurfaceOf,
        onto: &SurfaceOf,
        landmarks: &[[[f64; 3]; 2]],
    ) -> Result<Fit, LayError> {
        let (side, model) = self.side(item)?;
        let (onto_side, onto_model) = self.side(onto)?;
        for mesh in [&model.mesh, &onto_model.mesh] {
            let triangles = mesh.triangles.len() as u64;
            if triangles > MOST_TRIANGLES {
                return Err(LayError::TooLarge(triangles));
            }
        }
        let registration = laid(&model.mesh, &onto_model.mesh, landmarks)?;
        judged(&registration)?;
        Ok(Fit {
            onto_from_item: registration.b_from_a_rows(),
            surface: side.surface,
            onto_surface: onto_side.surface,
            residual_mm: registration.residual_mm,
            percentile_95_mm: registration.percentile_95_mm,
            agreeing: registration.agreeing,
            firmness: registration.firmness,
            landmarks_mm: registration.landmarks_mm,
            landmarks: landmarks.to_vec(),
        })
    }
}

fn laid(a: &Mesh, b: &Mesh, landmarks: &[[[f64; 3]; 2]]) -> Result<Registration, LayError> {
    let failed = |error: SurfaceError| match error {
        SurfaceError::Landmarks { .. } => LayError::Landmarks,
        _ => LayError::NothingInCommon,
    };
    for mesh in [a, b] {
        let size_mm = size_mm(mesh);
        if size_mm < LEAST_SIZE_MM {
            return Err(LayError::TooSmall(size_mm));
        }
    }
    let target = Target::new(b).ok_or(LayError::NothingInCommon)?;
    let start = match landmarks {
        [] => Start::Anywhere,
        pairs => Start::Landmarks(
            pairs
                .iter()
                .map(|[on_a, on_b]| Landmark {
                    a_mm: DVec3::from_array(*on_a),
                    b_mm: DVec3::from_array(*on_b),
                })
                .collect(),
        ),
    };
    register(a, b, &target, &Region::Everything, &start).map_err(failed)
}

/// How far it is across, mm.
fn size_mm(mesh: &Mesh) -> f64 {
    let points = mesh.positions_mm.iter();
    let points = points.map(|p| DVec3::from_array(p.map(f64::from)));
    let bounds = geometry::Aabb::around(points.filter(|p| p.is_finite()));
    (bounds.max - bounds.min).max_element()
}

/// Whether it can be trusted.
fn judged(registration: &Registration) -> Result<(), LayError> {
    let Registration {
        residual_mm,
        agreeing,
        firmness,
        landmarks_mm,
        ..
    } = *registration;
    if agreeing < LEAST_AGREEING {
        return Err(LayError::TooLittle { agreeing });
    }
    if residual_mm > MOST_RESIDUAL_MM {
        return Err(LayError::TooFar { residual_mm });
    }
    if firmness < Registration::LOOSE {
        return Err(LayError::Loose);
    }
    match landmarks_mm.filter(|apart| *apart > MOST_LANDMARKS_MM) {
        Some(landmarks_mm) => Err(LayError::LandmarksApart { landmarks_mm }),
        None => Ok(()),
    }
}
