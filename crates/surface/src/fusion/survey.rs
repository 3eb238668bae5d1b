//! The first pass over a capture: every frame is looked at once, reduced to a few thousand points, and forgotten;
//! then the poses of all frames are decided together.

use geometry::{DAffine3, DVec3};
use parallel::prelude::*;
use serde::{Deserialize, Serialize};

use super::frame::{DepthFrame, DepthImage, orthogonal};
use super::prepare::{Reach, median, prepare};
use super::register::{Poses, Problem, track_all};
use super::view::View;
use super::{FusionError, MAX_SURVEYED_FRAMES};

/// Fewest points of a view that can be placed.
const LEAST_POINTS: usize = 200;

/// What is done with the poses that a capture brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoseUse {
    /// They are taken as they are.
    Given,
    /// They are refined.
    Refined,
    /// They are refined if that makes the frames agree clearly better.
    Judged,
    /// They are not looked at.
    Ignored,
}

/// Where the poses of a surface come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoseSource {
    /// The capture's own.
    Given,
    /// The capture's own, refined.
    Refined,
    /// Found from the shapes alone.
    Found,
}

/// Why a frame is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// It shows too little within reach.
    Empty,
    /// It could not be placed among the others.
    Lost,
    /// It does not agree with the others: something moved, or it was measured badly.
    Moved,
    /// There are more frames than are needed; every second one is left out until the rest fits.
    Spare,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// Where the camera was; `None` when the frame is not used.
    pub world_from_camera: Option<DAffine3>,
    /// Why it is not used.
    pub rejection: Option<Rejection>,
    /// Its root mean square distance from the frames that see the same, mm; NaN for a single frame.
    pub residual_mm: f64,
    /// Share of its points that lie where other frames say, 0 to 1; 1 for a single frame.
    pub agreement: f64,
}

/// The poses of all frames, and how well they fit.
#[derive(Clone, Debug)]
pub struct Registration {
    /// One for each frame, in order.
    pub frames: Vec<Placement>,
    /// Where the poses come from.
    pub source: PoseSource,
    /// Root mean square distance between frames, point by point, noise included, mm; NaN for a single frame.
    pub residual_mm: f64,
    /// Root mean square distance between frames once noise is averaged out: what the poses are off, mm; NaN for a
    /// single frame.
    pub misfit_mm: f64,
    /// How firmly the shape holds the poses: the smallest over the largest eigenvalue of what fixes a frame. A plane
    /// or a sphere has nearly zero. 1 where poses are given or there is one frame.
    pub firmness: f64,
    /// Noise of a single depth sample, mm.
    pub noise_mm: f64,
    /// What a pixel of depth covers of the subject, mm.
    pub footprint_mm: f64,
    /// Smallest, middle and largest of the frames' middle distances, mm.
    pub distance_mm: [f64; 3],
    /// Which depths were looked at.
    pub reach: Reach,
    /// Which way is down, if the device said so; unit, in the world.
    pub gravity_in_world: Option<DVec3>,
}

impl Registration {
    /// A voxel size that suits the samples, mm: about one and a half pixels, rounded to a quarter of a millimeter.
    pub fn suggested_voxel_mm(&self) -> f64 {
        ((self.footprint_mm * 1.5 * 4.0).round() / 4.0).clamp(0.75, 20.0)
    }

    /// Frames that are used.
    pub fn used(&self) -> usize {
        self.frames
            .iter()
            .filter(|f| f.world_from_camera.is_some())
            .count()
    }
}

/// A frame as it is remembered.
pub(super) struct Seen {
    pub(super) fine: View,
    pub(super) coarse: View,
    pub(super) median_mm: f32,
    noise_mm: f32,
    footprint_mm: f32,
    given: Option<DAffine3>,
    gravity: Option<DVec3>,
    /// Which frame of the capture it is.
    number: usize,
}

/// Looks at the frames of a capture one by one and then places them.
///
/// Memory: about a megabyte a frame, for at most [`MAX_SURVEYED_FRAMES`] frames.
pub struct Survey {
    poses: PoseUse,
    reach: Option<Reach>,
    seen: Vec<Seen>,
    rejected: Vec<(usize, Rejection)>,
    frames: usize,
    /// Frames of the capture from one that is looked at to the next.
    stride: usize,
}

impl Survey {
    /// Begins; without `reach` the subject is told from the background in the first frame that shows one.
    pub fn new(poses: PoseUse, reach: Option<Reach>) -> Self {
        Self {
            poses,
            reach,
            seen: Vec::new(),
            rejected: Vec::new(),
            frames: 0,
            stride: 1,
        }
    }

    /// Looks at the next frame.
    ///
    /// # Errors
    /// When the parts of the frame do not fit each other. The frame then counts as not shown.
    pub fn add(&mut self, frame: &DepthFrame<'_>) -> Result<(), FusionError> {
        frame.check()?;
        let number = self.frames;
        self.frames += 1;
        if !number.is_multiple_of(self.stride) {
            self.rejected.push((number, Rejection::Spare));
            return Ok(());
        }
        let reach = match self.reach {
            Some(reach) => reach,
            None => match subject(&frame.depth) {
                Some(reach) => *self.reach.insert(reach),
                None => {
                    self.rejected.push((number, Rejection::Empty));
                    return Ok(());
                }
            },
        };
        let prepared = prepare(&frame.depth, reach, None);
        let fine = View::fine(&prepared);
        if fine.valid.len() < LEAST_POINTS {
            self.rejected.push((number, Rejection::Empty));
            return Ok(());
        }
        let coarse = fine.halved(prepared.median_mm);
        self.seen.push(Seen {
            coarse,
            fine,
            median_mm: prepared.median_mm,
            noise_mm: prepared.noise_mm,
            footprint_mm: prepared.median_mm / frame.depth.camera.focal_px[0] as f32,
            given: frame.world_from_camera.as_ref().map(orthogonal),
            gravity: frame.gravity_in_camera,
            number,
        });
        if self.seen.len() > MAX_SURVEYED_FRAMES {
            self.thin();
        }
        Ok(())
    }

    /// Leaves out every second frame.
    fn thin(&mut self) {
        self.stride *= 2;
        let stride = self.stride;
        let rejected = &mut self.rejected;
        self.seen.retain(|seen| {
            let stays = seen.number.is_multiple_of(stride);
            if !stays {
                rejected.push((seen.number, Rejection::Spare));
            }
            stays
        });
    }

    /// Decides the poses. Without given poses the world is the camera of the first frame that is used.
    ///
    /// # Errors
    /// When no frame shows anything.
    pub fn place(self) -> Result<Registration, FusionError> {
        if self.seen.is_empty() {
            return Err(FusionError::Nothing);
        }
        let given: Option<Vec<DAffine3>> = self.seen.iter().map(|seen| seen.given).collect();
        let given = given.filter(|poses| self.poses != PoseUse::Ignored && tell_apart(poses));
        let problem = Problem::new(&self.seen);
        let (poses, source) = match (given, self.poses) {
            (Some(given), PoseUse::Given) => (Poses::all(&given), PoseSource::Given),
            (Some(given), use_) => {
                let before = Poses::all(&given);
                let refined = problem.refine(before.clone(), Some(&given));
                let worth = |poses: &Poses| {
                    let verdict = problem.judge(poses);
                    (verdict.misfit_mm, verdict.mean_agreement())
                };
                let ((misfit, agreement), (better, firmer)) = (worth(&before), worth(&refined));
                let pays = misfit - better >= (0.25 * misfit).max(0.05) || firmer - agreement > 0.03;
                if use_ == PoseUse::Refined || pays {
                    (refined, PoseSource::Refined)
                } else {
                    (before, PoseSource::Given)
                }
            }
            (None, _) => {
                let tracked = track_all(&self.seen);
                (problem.refine(tracked, None), PoseSource::Found)
            }
        };
        Ok(self.report(&problem, poses, source))
    }

    fn report(&self, problem: &Problem<'_>, mut poses: Poses, source: PoseSource) -> Registration {
        let mut verdict = problem.judge(&poses);
        let lost: Vec<bool> = poses.0.iter().map(Option::is_none).collect();
        if problem.reject_moved(&mut poses, &verdict) {
            if source != PoseSource::Given {
                let anchors: Option<Vec<DAffine3>> = self.seen.iter().map(|seen| seen.given).collect();
                let anchors = anchors.filter(|_| source == PoseSource::Refined);
                poses = problem.refine(poses, anchors.as_deref());
            }
            verdict = problem.judge(&poses);
        }
        let mut frames = vec![
            Placement {
                world_from_camera: None,
                rejection: None,
                residual_mm: f64::NAN,
                agreement: 0.0,
            };
            self.frames
        ];
        for &(number, rejection) in &self.rejected {
            frames[number].rejection = Some(rejection);
        }
        for (i, seen) in self.seen.iter().enumerate() {
            frames[seen.number] = Placement {
                world_from_camera: poses.0[i],
                rejection: match (poses.0[i], lost[i]) {
                    (Some(_), _) => None,
                    (None, true) => Some(Rejection::Lost),
                    (None, false) => Some(Rejection::Moved),
                },
                residual_mm: verdict.residual_mm[i],
                agreement: verdict.agreement[i],
            };
        }
        let used = || {
            self.seen
                .iter()
                .zip(&poses.0)
                .filter_map(|(seen, pose)| pose.map(|p| (seen, p)))
        };
        let gravity: DVec3 = used()
            .filter_map(|(seen, pose)| Some(pose.matrix3 * seen.gravity?.try_normalize()?))
            .sum();
        let middle = |value: fn(&Seen) -> f32| {
            let mut values: Vec<f32> = used()
                .map(|(seen, _)| value(seen))
                .filter(|v| v.is_finite())
                .collect();
            f64::from(median(&mut values))
        };
        let distances = || used().map(|(seen, _)| f64::from(seen.median_mm));
        Registration {
            frames,
            source,
            residual_mm: verdict.total_residual_mm,
            misfit_mm: verdict.misfit_mm,
            firmness: if source == PoseSource::Given {
                1.0
            } else {
                verdict.firmness
            },
            noise_mm: middle(|seen| seen.noise_mm),
            footprint_mm: middle(|seen| seen.footprint_mm),
            distance_mm: [
                distances().fold(f64::INFINITY, f64::min),
                middle(|seen| seen.median_mm),
                distances().fold(0.0, f64::max),
            ],
            reach: self.reach.unwrap_or(Reach::ALL),
            gravity_in_world: gravity.try_normalize(),
        }
    }
}

/// Whether poses say anything: a capture without tracking often has the same one for every frame.
fn tell_apart(poses: &[DAffine3]) -> bool {
    let Some(first) = poses.first() else {
        return false;
    };
    let differs = |pose: &DAffine3| {
        pose.translation.distance(first.translation) > 1e-3
            || (pose.matrix3 - first.matrix3)
                .to_cols_array()
                .iter()
                .any(|v| v.abs() > 1e-6)
    };
    poses.len() == 1 || poses.iter().any(differs)
}

/// Which depths are the subject: from the nearest that there is a good part of, to the first gap behind it. Beyond a
/// meter from the camera everything is.
pub(super) fn subject(depth: &DepthImage<'_>) -> Option<Reach> {
    const BIN_MM: f32 = 10.0;
    const BINS: usize = 200;
    let step = (depth.samples_mm.len() / 65_536).max(1);
    let mut counts = [0u32; BINS];
    let mut valid = 0u32;
    for &z in depth.samples_mm.iter().step_by(step) {
        if z > 1.0 && z < Reach::ALL.far_mm {
            valid += 1;
            if let Some(count) = counts.get_mut((z / BIN_MM) as usize) {
                *count += 1;
            }
        }
    }
    if valid < 100 {
        return None;
    }
    let mut sum = 0;
    let near = counts.iter().position(|&count| {
        sum += count;
        sum > valid / 20
    });
    let Some(near) = near.filter(|&bin| bin < 80) else {
        return Some(Reach::ALL);
    };
    let mut far = near + 40;
    // A gap: so little over 80 mm that it is only mixed pixels.
    for bin in near + 5..far {
        let around: u32 = counts[bin..bin + 8].iter().sum();
        if around * 500 < valid {
            far = bin;
            break;
        }
    }
    Some(Reach {
        near_mm: 1.0,
        far_mm: far as f32 * BIN_MM + 20.0,
    })
}

/// Runs `work` for each index in parallel and keeps the order.
pub(super) fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    (0..count).into_par_iter().map(work).collect()
}
