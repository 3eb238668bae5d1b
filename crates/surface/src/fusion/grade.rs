//! What a fused capture is good for.

use std::collections::HashMap;

use geometry::DVec3;
use serde::{Deserialize, Serialize};

use super::fuse::Fused;
use super::prepare::median;
use super::survey::{PoseSource, Registration, Rejection};
use crate::Mesh;

/// Why a capture is not fit for measuring. Each says what was found and what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum Unfit {
    /// One frame shows one side only, and nothing confirms it.
    #[error("a single frame: nothing confirms what it shows")]
    SingleFrame,
    /// The cameras did not go around the subject.
    #[error("the camera moved {actual_deg:.0} degrees around the subject; {asked_deg:.0} are asked")]
    Coverage {
        /// Largest angle between two cameras, seen from the subject, degrees.
        actual_deg: f64,
        /// Angle asked, degrees.
        asked_deg: f64,
    },
    /// The surface has holes within.
    #[error(
        "holes make up {actual_percent:.1} % of the surface; at most {allowed_percent:.0} % are accepted"
    )]
    Gaps {
        /// Share of the area of surface and holes, percent.
        actual_percent: f64,
        /// Share accepted, percent.
        allowed_percent: f64,
    },
    /// Too many frames do not agree with the rest.
    #[error("{rejected} of {frames} frames do not agree with the others: something moved")]
    Motion {
        /// Frames that were left out for it.
        rejected: usize,
        /// Frames that show something.
        frames: usize,
    },
    /// Frames that see the same do not lie on each other.
    #[error(
        "frames lie {actual_mm:.2} mm apart where they show the same; at most {allowed_mm:.2} mm are accepted"
    )]
    Misfit {
        /// Root mean square of what is left once noise is averaged out, mm.
        actual_mm: f64,
        /// Accepted, mm.
        allowed_mm: f64,
    },
    /// The surface is too uncertain.
    #[error("the surface is expected to be {actual_mm:.2} mm off; at most {allowed_mm:.2} mm are accepted")]
    Error {
        /// Expected error, mm.
        actual_mm: f64,
        /// Accepted, mm.
        allowed_mm: f64,
    },
    /// The sensor was too far away, or too near.
    #[error("the sensor was {actual_mm:.0} mm away; {nearest_mm:.0} to {farthest_mm:.0} mm are asked")]
    Distance {
        /// Middle distance, mm.
        actual_mm: f64,
        /// Least distance, mm.
        nearest_mm: f64,
        /// Largest distance, mm.
        farthest_mm: f64,
    },
    /// The shape can slide on itself, so that the poses are not fixed by it.
    #[error("the shape is too even to fix the poses of the camera, and the capture brings none")]
    Sliding,
}

/// How good a fused surface is, measured from the capture itself. Travels with the surface.
///
/// # Limits
/// What all frames have in common does not show: a wrong scale of the sensor or of its focal length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccuracyCard {
    /// Expected root mean square distance of the surface to the true one, mm: from noise, misfit and voxel size.
    pub expected_error_mm: f64,
    /// Root mean square distance of samples to the fused surface, mm.
    pub residual_mm: f64,
    /// What frames lie apart once noise is averaged out, mm; absent for a single frame.
    pub misfit_mm: Option<f64>,
    /// Noise of one depth sample, mm; absent when it could not be told.
    pub noise_mm: Option<f64>,
    /// Frontal samples that a vertex rests on, middle value.
    pub samples: f64,
    /// The size of a voxel, mm: finer detail is lost.
    pub voxel_mm: f64,
    /// Where the poses come from.
    pub poses: PoseSource,
    /// How firmly the shape holds the poses, 0 to 1.
    pub firmness: f64,
    /// Frames of the capture.
    pub frames: usize,
    /// Frames in the surface.
    pub frames_used: usize,
    /// Frames left out because they disagree or could not be placed.
    pub frames_moved: usize,
    /// Smallest, middle and largest distance from sensor to subject, mm.
    pub distance_mm: [f64; 3],
    /// Largest angle between two cameras, seen from the middle of the surface, degrees.
    pub view_span_deg: f64,
    /// Share of all directions that the surface faces, 0 to 1: one for a closed body.
    pub faced_share: f64,
    /// Area of the surface, mm^2.
    pub area_mm2: f64,
    /// Holes within the surface, its outer rim not counted.
    pub holes: usize,
    /// Their area, mm^2, as flat lids.
    pub hole_area_mm2: f64,
    /// Why it is not fit for measuring; empty when it is.
    pub unfit: Vec<Unfit>,
}

impl AccuracyCard {
    /// Whether distances may be measured on the surface.
    pub fn is_fit_for_measuring(&self) -> bool {
        self.unfit.is_empty()
    }

    /// Judges a surface by the placing of its frames.
    pub fn of(registration: &Registration, fused: &Fused) -> Self {
        let mesh = &fused.surface.mesh;
        let holes = Holes::of(mesh, fused.voxel_mm);
        let agreement = fused.history.agreement;
        let samples = f64::from(median(&mut fused.surface.weights.clone()));
        let frames_moved = registration
            .frames
            .iter()
            .filter(|f| matches!(f.rejection, Some(Rejection::Moved | Rejection::Lost)))
            .count();
        let finite = |value: f64| value.is_finite().then_some(value);
        let mut card = Self {
            expected_error_mm: expected_error_mm(registration, fused.voxel_mm, samples),
            residual_mm: if agreement.voxels > 0 {
                (agreement.squared_mm2 / agreement.voxels as f64).sqrt()
            } else {
                0.0
            },
            misfit_mm: finite(registration.misfit_mm),
            noise_mm: finite(registration.noise_mm),
            samples,
            voxel_mm: fused.voxel_mm,
            poses: registration.source,
            firmness: registration.firmness,
            frames: registration.frames.len(),
            frames_used: fused.history.cameras.len(),
            frames_moved,
            distance_mm: registration.distance_mm,
            view_span_deg: view_span(mesh, &fused.history.cameras).to_degrees(),
            faced_share: faced_share(mesh),
            area_mm2: mesh.area_mm2(),
            holes: holes.count,
            hole_area_mm2: holes.area_mm2,
            unfit: Vec::new(),
        };
        card.unfit = card.reasons();
        card
    }

    fn reasons(&self) -> Vec<Unfit> {
        const SPAN_DEG: f64 = 60.0;
        const GAPS_PERCENT: f64 = 5.0;
        const MISFIT_MM: f64 = 1.0;
        const ERROR_MM: f64 = 1.0;
        const NEAREST_MM: f64 = 120.0;
        const FARTHEST_MM: f64 = 900.0;
        const FIRMNESS: f64 = 0.002;
        let mut reasons = Vec::new();
        let mut reason = |holds: bool, unfit: Unfit| {
            if holds {
                reasons.push(unfit);
            }
        };
        let single = self.frames_used < 2;
        reason(single, Unfit::SingleFrame);
        reason(
            !single && self.view_span_deg < SPAN_DEG,
            Unfit::Coverage {
                actual_deg: self.view_span_deg,
                asked_deg: SPAN_DEG,
            },
        );
        let gaps = 100.0 * self.hole_area_mm2 / (self.area_mm2 + self.hole_area_mm2).max(1e-9);
        reason(
            gaps > GAPS_PERCENT,
            Unfit::Gaps {
                actual_percent: gaps,
                allowed_percent: GAPS_PERCENT,
            },
        );
        let shown = self.frames_used + self.frames_moved;
        reason(
            self.frames_moved * 4 > shown,
            Unfit::Motion {
                rejected: self.frames_moved,
                frames: shown,
            },
        );
        let misfit = self.misfit_mm.unwrap_or(0.0);
        reason(
            misfit > MISFIT_MM,
            Unfit::Misfit {
                actual_mm: misfit,
                allowed_mm: MISFIT_MM,
            },
        );
        reason(
            self.expected_error_mm.is_nan() || self.expected_error_mm > ERROR_MM,
            Unfit::Error {
                actual_mm: self.expected_error_mm,
                allowed_mm: ERROR_MM,
            },
        );
        reason(
            !(NEAREST_MM..=FARTHEST_MM).contains(&self.distance_mm[1]),
            Unfit::Distance {
                actual_mm: self.distance_mm[1],
                nearest_mm: NEAREST_MM,
                farthest_mm: FARTHEST_MM,
            },
        );
        reason(
            self.poses != PoseSource::Given && self.firmness < FIRMNESS,
            Unfit::Sliding,
        );
        reasons
    }
}

/// Noise is averaged over the samples of a vertex and, before that, over neighboring pixels; what frames lie apart is
/// shared by the two; a voxel rounds off what is smaller than itself.
fn expected_error_mm(registration: &Registration, voxel_mm: f64, samples: f64) -> f64 {
    let noise = if registration.noise_mm.is_finite() {
        0.4 * registration.noise_mm / samples.max(1.0).sqrt()
    } else {
        voxel_mm
    };
    let misfit = if registration.misfit_mm.is_finite() {
        registration.misfit_mm / 2f64.sqrt()
    } else {
        0.0
    };
    (noise * noise + misfit * misfit + (0.03 * voxel_mm).powi(2)).sqrt()
}

/// The largest angle between two cameras seen from the middle of the surface, radians.
fn view_span(mesh: &Mesh, cameras: &[(DVec3, DVec3)]) -> f64 {
    let middle = middle_of(mesh);
    let directions: Vec<DVec3> = cameras
        .iter()
        .filter_map(|(place, _)| (*place - middle).try_normalize())
        .collect();
    // Of thousands of frames some hundred say as much.
    let step = (directions.len() / 200).max(1);
    let mut least: f64 = 1.0;
    for a in directions.iter().step_by(step) {
        for b in directions.iter().step_by(step) {
            least = least.min(a.dot(*b));
        }
    }
    least.clamp(-1.0, 1.0).acos()
}

pub(super) fn middle_of(mesh: &Mesh) -> DVec3 {
    let sum: DVec3 = mesh
        .positions_mm
        .iter()
        .map(|p| DVec3::from_array(p.map(f64::from)))
        .sum();
    sum / mesh.positions_mm.len().max(1) as f64
}

/// The share of 20 x 40 cells of equal area of the sphere of directions that normals point into.
fn faced_share(mesh: &Mesh) -> f64 {
    const BANDS: usize = 20;
    const SECTORS: usize = 40;
    let mut hit = [false; BANDS * SECTORS];
    for n in &mesh.normals {
        let band = ((n[2] + 1.0) * 0.5 * BANDS as f32) as usize;
        let turn = (n[1].atan2(n[0]) / std::f32::consts::TAU + 0.5) * SECTORS as f32;
        hit[band.min(BANDS - 1) * SECTORS + (turn as usize).min(SECTORS - 1)] = true;
    }
    hit.iter().filter(|&&h| h).count() as f64 / hit.len() as f64
}

/// Holes of a surface: closed borders other than the longest, which is its rim.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Holes {
    count: usize,
    area_mm2: f64,
}

impl Holes {
    fn of(mesh: &Mesh, voxel_mm: f64) -> Self {
        let mut loops: Vec<(f64, f64)> = border_loops(mesh)
            .iter()
            .map(|border| {
                let points: Vec<DVec3> = border
                    .iter()
                    .map(|&v| DVec3::from_array(mesh.positions_mm[v as usize].map(f64::from)))
                    .collect();
                let middle = points.iter().sum::<DVec3>() / points.len().max(1) as f64;
                let mut length = 0.0;
                let mut area = DVec3::ZERO;
                for (i, p) in points.iter().enumerate() {
                    let next = points[(i + 1) % points.len()];
                    length += p.distance(next);
                    area += (*p - middle).cross(next - middle) * 0.5;
                }
                (length, area.length())
            })
            .collect();
        loops.sort_by(|a, b| b.0.total_cmp(&a.0));
        // A missing voxel is no hole.
        let holes = || {
            loops
                .iter()
                .skip(1)
                .filter(|(_, area)| *area > 2.0 * voxel_mm * voxel_mm)
        };
        Self {
            count: holes().count(),
            area_mm2: holes().map(|(_, area)| area).sum(),
        }
    }
}

/// The closed chains of edges with one triangle.
fn border_loops(mesh: &Mesh) -> Vec<Vec<u32>> {
    let mut edges: Vec<(u32, u32, bool)> = mesh
        .triangles
        .iter()
        .flat_map(|&[a, b, c]| [[a, b], [b, c], [c, a]])
        .map(|[a, b]| (a.min(b), a.max(b), a < b))
        .collect();
    edges.sort_unstable();
    let mut next: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut starts = Vec::new();
    for same in edges.chunk_by(|p, q| (p.0, p.1) == (q.0, q.1)) {
        if let [(low, high, forward)] = *same {
            let (from, to) = if forward { (low, high) } else { (high, low) };
            next.entry(from).or_default().push(to);
            starts.push(from);
        }
    }
    let mut loops = Vec::new();
    for start in starts {
        let mut border = Vec::new();
        let mut at = start;
        while let Some(to) = next.get_mut(&at).and_then(Vec::pop) {
            border.push(at);
            at = to;
            if at == start {
                break;
            }
        }
        if border.len() > 2 {
            loops.push(border);
        }
    }
    loops
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flat sheet of `size` squares of 2 mm with a square hole of `hole` squares in it.
    fn sheet(size: u32, hole: u32) -> Mesh {
        let mut mesh = Mesh::default();
        for y in 0..=size {
            for x in 0..=size {
                mesh.positions_mm.push([2.0 * x as f32, 2.0 * y as f32, 5.0]);
                mesh.normals.push([0.0, 0.0, 1.0]);
            }
        }
        for y in 0..size {
            for x in 0..size {
                if (3..3 + hole).contains(&x) && (4..4 + hole).contains(&y) {
                    continue;
                }
                let a = y * (size + 1) + x;
                mesh.triangles.push([a, a + 1, a + size + 2]);
                mesh.triangles.push([a, a + size + 2, a + size + 1]);
            }
        }
        mesh
    }

    #[test]
    fn a_hole_is_counted_and_the_rim_is_not() {
        assert_eq!(
            Holes::of(&sheet(12, 0), 1.0),
            Holes {
                count: 0,
                area_mm2: 0.0
            }
        );
        let holes = Holes::of(&sheet(12, 3), 1.0);
        assert_eq!(holes.count, 1);
        assert!((holes.area_mm2 - 36.0).abs() < 1e-9);
    }

    #[test]
    fn a_sheet_faces_one_direction() {
        assert!((faced_share(&sheet(3, 0)) - 1.0 / 800.0).abs() < 1e-12);
    }
}
