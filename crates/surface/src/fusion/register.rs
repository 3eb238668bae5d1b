//! Poses from shapes: frames are followed one after the other, then all poses are improved together.
//!
//! Following compares a frame with the frames before it, coarse to fine, from where the motion so far leads; where
//! that fails it tries turns about the subject. The joint step minimizes the distances between all frames that see
//! the same, both ways, over all poses at once, so that no error grows along the sequence.

use geometry::{DAffine3, DMat3, DVec3};

use super::align::{Gate, Pair, Placed, compare, patches};
use super::frame::inverse;
use super::solve::{Six, Symmetric, extreme_eigenvalues, moved};
use super::survey::{Seen, in_parallel};

/// Frames that a frame is compared with.
const PARTNERS: usize = 12;
/// How many earlier frames a frame is followed by.
const FOLLOWED: usize = 4;
/// A frame of which less agrees is lost.
const LEAST_AGREEMENT: f64 = 0.5;

/// The pose of each frame; `None` where it is not known.
#[derive(Clone)]
pub(super) struct Poses(pub(super) Vec<Option<DAffine3>>);

impl Poses {
    pub(super) fn all(poses: &[DAffine3]) -> Self {
        Self(poses.iter().copied().map(Some).collect())
    }
}

/// How well poses fit.
pub(super) struct Verdict {
    pub(super) residual_mm: Vec<f64>,
    pub(super) agreement: Vec<f64>,
    pub(super) total_residual_mm: f64,
    pub(super) misfit_mm: f64,
    pub(super) firmness: f64,
}

impl Verdict {
    pub(super) fn mean_agreement(&self) -> f64 {
        self.agreement.iter().sum::<f64>() / self.agreement.len().max(1) as f64
    }
}

/// All frames, and which of them are compared.
pub(super) struct Problem<'a> {
    seen: &'a [Seen],
    distance_mm: f64,
}

impl<'a> Problem<'a> {
    pub(super) fn new(seen: &'a [Seen]) -> Self {
        let mut medians: Vec<f32> = seen.iter().map(|s| s.median_mm).collect();
        Self {
            seen,
            distance_mm: f64::from(super::prepare::median(&mut medians)),
        }
    }

    fn gate(&self, share: f64, samples: usize) -> Gate {
        let distance_mm = (share * self.distance_mm) as f32;
        Gate {
            distance_mm,
            scale_mm: 0.3 * distance_mm,
            samples,
        }
    }

    /// The middle of what is seen, and how far it reaches, mm.
    fn extent(&self, poses: &Poses) -> (DVec3, f64) {
        let (mut sum, mut count) = (DVec3::ZERO, 0.0);
        let each = |visit: &mut dyn FnMut(DVec3)| {
            for (seen, pose) in self.seen.iter().zip(&poses.0) {
                let Some(pose) = pose else { continue };
                for &i in seen.coarse.valid.iter().step_by(7) {
                    let p = seen.coarse.points_mm[i as usize].map(f64::from);
                    visit(pose.transform_point3(DVec3::from_array(p)));
                }
            }
        };
        each(&mut |p| {
            sum += p;
            count += 1.0;
        });
        let center = sum / f64::max(count, 1.0);
        let mut squares = 0.0;
        each(&mut |p| squares += p.distance_squared(center));
        (center, (squares / f64::max(count, 1.0)).sqrt().max(1.0))
    }

    /// Which frames see the same: for each its neighbors in time, and others spread over the rest.
    fn pairs(&self, poses: &Poses) -> Vec<(usize, usize)> {
        let gate = self.gate(0.05, 150);
        let (center, _) = self.extent(poses);
        let count = self.seen.len();
        let overlaps = in_parallel(count, |i| {
            let Some(own) = &poses.0[i] else {
                return Vec::new();
            };
            let facing = |pose: &DAffine3| pose.matrix3.z_axis;
            let mut found: Vec<usize> = (0..count)
                .filter(|&j| j != i)
                .filter(|&j| poses.0[j].is_some_and(|p| facing(&p).dot(facing(own)) > 0.3))
                .filter(|&j| {
                    let Some(other) = &poses.0[j] else { return false };
                    let a = Placed {
                        view: &self.seen[i].coarse,
                        world_from_view: own,
                    };
                    let b = Placed {
                        view: &self.seen[j].coarse,
                        world_from_view: other,
                    };
                    compare(a, b, center, gate).share() > 0.25
                })
                .collect();
            found.sort_by_key(|&j| j.abs_diff(i));
            found
        });
        let mut chosen = Vec::new();
        for (i, others) in overlaps.iter().enumerate() {
            let near = others.len().min(PARTNERS / 3);
            let rest = &others[near..];
            let step = rest.len().div_ceil(PARTNERS - near).max(1);
            let partners = others[..near].iter().chain(rest.iter().rev().step_by(step));
            chosen.extend(partners.map(|&j| (i.min(j), i.max(j))));
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    fn placed<'b>(&'b self, poses: &'b Poses, i: usize) -> Option<Placed<'b>> {
        Some(Placed {
            view: &self.seen[i].fine,
            world_from_view: poses.0[i].as_ref()?,
        })
    }

    /// Improves all known poses together. `anchors` are poses that they should stay near; without them the first
    /// known pose stays.
    pub(super) fn refine(&self, mut poses: Poses, anchors: Option<&[DAffine3]>) -> Poses {
        let schedule = [
            (0.04, 800),
            (0.03, 800),
            (0.02, 800),
            (0.015, 1500),
            (0.012, 1500),
            (0.01, 3000),
            (0.01, 3000),
            (0.01, 4000),
            (0.01, 4000),
            (0.01, 4000),
            (0.01, 4000),
            (0.01, 4000),
        ];
        let mut pairs = self.pairs(&poses);
        for (round, (share, samples)) in schedule.into_iter().enumerate() {
            if round == 4 {
                pairs = self.pairs(&poses);
            }
            let largest = self.step(&mut poses, &pairs, anchors, self.gate(share, samples));
            if round > 6 && largest < 0.003 {
                break;
            }
        }
        if let Some(anchors) = anchors {
            self.settle(&mut poses, anchors);
        }
        poses
    }

    /// Moves all poses as one to where the anchors, which are off each in its own way, say that they are.
    ///
    /// Anchors may be off by a turn about the camera or about the subject: of the points along the optical axis, the
    /// one that they scatter least about is brought to its mean place.
    fn settle(&self, poses: &mut Poses, anchors: &[DAffine3]) {
        let known: Vec<(DAffine3, DAffine3)> = poses
            .0
            .iter()
            .zip(anchors)
            .filter_map(|(pose, anchor)| Some(((*pose)?, *anchor)))
            .collect();
        let best = [0.0, 0.5, 1.0, 1.2]
            .into_iter()
            .filter_map(|share| common_motion(&known, share * self.distance_mm))
            .min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((motion, _)) = best {
            for pose in poses.0.iter_mut().flatten() {
                *pose = super::frame::orthogonal(&(motion * *pose));
            }
        }
    }

    /// One Gauss-Newton step of all poses; returns the largest motion of a point of the subject, mm.
    fn step(
        &self,
        poses: &mut Poses,
        pairs: &[(usize, usize)],
        anchors: Option<&[DAffine3]>,
        gate: Gate,
    ) -> f64 {
        let (center, radius) = self.extent(poses);
        let current = &*poses;
        let found: Vec<[Pair; 2]> = in_parallel(pairs.len(), |n| {
            let (i, j) = pairs[n];
            match (self.placed(current, i), self.placed(current, j)) {
                (Some(a), Some(b)) => [compare(a, b, center, gate), compare(b, a, center, gate)],
                _ => Default::default(),
            }
        });
        let count = self.seen.len();
        let mut matrix = Symmetric::zero(6 * count);
        let mut right = vec![0.0; 6 * count];
        for (&(i, j), both) in pairs.iter().zip(&found) {
            for (a, b, pair) in [(i, j, &both[0]), (j, i, &both[1])] {
                add_pair(&mut matrix, &mut right, a, b, pair);
            }
        }
        let first = poses.0.iter().position(Option::is_some);
        for i in 0..count {
            self.hold(
                &mut matrix,
                &mut right,
                poses,
                i,
                anchors,
                first == Some(i),
                (center, radius),
            );
        }
        let Some(steps) = matrix.solve(&right) else {
            return 0.0;
        };
        let mut largest: f64 = 0.0;
        for (pose, step) in poses.0.iter_mut().zip(steps.chunks_exact(6)) {
            let Some(pose) = pose else { continue };
            let mut six: Six = [0.0; 6];
            six.copy_from_slice(step);
            let turn = DVec3::new(six[0], six[1], six[2]).length() * radius;
            largest = largest.max(turn).max(DVec3::new(six[3], six[4], six[5]).length());
            *pose = moved(pose, &six, center);
        }
        largest
    }

    /// Adds what holds a pose where it should be: stiff for the first of a free chain, soft toward an anchor, and
    /// hardly at all for the others, only so that the system can be solved.
    #[expect(clippy::too_many_arguments, reason = "the parts of one system of equations")]
    fn hold(
        &self,
        matrix: &mut Symmetric,
        right: &mut [f64],
        poses: &Poses,
        i: usize,
        anchors: Option<&[DAffine3]>,
        is_first: bool,
        (center, radius): (DVec3, f64),
    ) {
        let (turn_rad, shift_mm) = match (anchors, is_first) {
            (Some(_), _) => (0.02, 0.01 * self.distance_mm),
            (None, true) => (1e-5, 1e-3),
            (None, false) => (0.3, 0.3 * radius),
        };
        let mut off = [0.0; 6];
        if let (Some(anchors), Some(pose)) = (anchors, &poses.0[i]) {
            let back = anchors[i] * inverse(pose);
            let axis = small_turn(&back);
            let shift = back.transform_point3(center) - center;
            off = [axis.x, axis.y, axis.z, shift.x, shift.y, shift.z];
        }
        for (k, off) in off.into_iter().enumerate() {
            let deviation = if k < 3 { turn_rad } else { shift_mm };
            let weight = 1.0 / (deviation * deviation);
            matrix.add(6 * i + k, 6 * i + k, weight);
            right[6 * i + k] += weight * off;
        }
    }

    /// How well the poses fit.
    pub(super) fn judge(&self, poses: &Poses) -> Verdict {
        let (center, radius) = self.extent(poses);
        let gate = self.gate(0.012, 6000);
        let pairs = self.pairs(poses);
        let found = in_parallel(pairs.len(), |n| {
            let (i, j) = pairs[n];
            let (a, b) = (self.placed(poses, i)?, self.placed(poses, j)?);
            let both = [compare(a, b, center, gate), compare(b, a, center, gate)];
            Some((both, patches(a, b, gate), patches(b, a, gate)))
        });
        let count = self.seen.len();
        let mut frames = vec![Pair::default(); count];
        let mut misfit = (0.0, 0);
        for (&(i, j), found) in pairs.iter().zip(&found) {
            let Some((both, p, q)) = found else { continue };
            frames[i].add(&both[0]);
            frames[j].add(&both[1]);
            misfit = (misfit.0 + p.0 + q.0, misfit.1 + p.1 + q.1);
        }
        let rms = |pair: &Pair| (pair.squared_mm2 / f64::from(pair.matched)).sqrt();
        let mut total = Pair::default();
        let mut firmness: Vec<f32> = Vec::new();
        for pair in &frames {
            if pair.matched > 0 {
                total.squared_mm2 += pair.squared_mm2 / f64::from(pair.matched);
                total.matched += 1;
                firmness.push(firmness_of(pair, radius) as f32);
            }
        }
        let single = poses.0.iter().flatten().count() < 2;
        Verdict {
            residual_mm: frames.iter().map(rms).collect(),
            agreement: frames
                .iter()
                .map(|pair| if single { 1.0 } else { pair.agreement() })
                .collect(),
            total_residual_mm: rms(&total),
            misfit_mm: (misfit.0.max(0.0) / f64::from(misfit.1)).sqrt(),
            firmness: if single {
                1.0
            } else {
                f64::from(super::prepare::median(&mut firmness))
            },
        }
    }

    /// Drops the frames that disagree with the others; says whether there were any.
    pub(super) fn reject_moved(&self, poses: &mut Poses, verdict: &Verdict) -> bool {
        let mut known: Vec<f32> = verdict
            .residual_mm
            .iter()
            .map(|&r| r as f32)
            .filter(|r| r.is_finite())
            .collect();
        let usual = f64::from(super::prepare::median(&mut known));
        let used = poses.0.iter().flatten().count();
        let mut any = false;
        for (i, pose) in poses.0.iter_mut().enumerate() {
            let is_off = verdict.agreement[i] < LEAST_AGREEMENT || verdict.residual_mm[i] > 2.5 * usual;
            if pose.is_some() && is_off && used > 2 {
                *pose = None;
                any = true;
            }
        }
        // When nothing agrees with anything, nothing is the odd one out: the first frame stays.
        if poses.0.iter().all(Option::is_none) {
            poses.0[0] = Some(DAffine3::IDENTITY);
        }
        any
    }
}

/// The rigid motion that brings first poses to second ones: by the places of a point on the optical axis and by the
/// turns, each by its own scatter; and the scatter of the places, mm.
fn common_motion(pairs: &[(DAffine3, DAffine3)], along_mm: f64) -> Option<(DAffine3, f64)> {
    let count = pairs.len() as f64;
    let point = DVec3::new(0.0, 0.0, along_mm);
    let mut motion = DAffine3::IDENTITY;
    let (mut turn_scatter, mut shift_scatter) = (1e-3, 1.0);
    let mut left = 0.0;
    for _ in 0..6 {
        let moved_pairs = || pairs.iter().map(|(from, to)| (motion * *from, *to));
        let center = moved_pairs()
            .map(|(from, _)| from.transform_point3(point))
            .sum::<DVec3>()
            / count;
        let mut matrix = Symmetric::zero(6);
        let mut right = [0.0; 6];
        let (mut turns, mut shifts) = (0.0, 0.0);
        for (from, to) in moved_pairs() {
            let turn = small_turn(&(to * inverse(&from)));
            let at = from.transform_point3(point) - center;
            let shift = to.transform_point3(point) - center - at;
            turns += turn.length_squared();
            shifts += shift.length_squared();
            let (a, b) = (
                1.0 / (turn_scatter * turn_scatter),
                1.0 / (shift_scatter * shift_scatter),
            );
            for k in 0..3 {
                matrix.add(k, k, a);
                matrix.add(3 + k, 3 + k, b);
                right[k] += a * turn[k];
                right[3 + k] += b * shift[k];
                // A turn r moves the point by r x at.
                let by_k = DVec3::AXES[k].cross(at);
                right[k] += b * by_k.dot(shift);
                for j in 0..3 {
                    matrix.add(3 + j, k, b * by_k[j]);
                    if j <= k {
                        matrix.add(k, j, b * by_k.dot(DVec3::AXES[j].cross(at)));
                    }
                }
            }
        }
        turn_scatter = (turns / count).sqrt().max(1e-6);
        shift_scatter = (shifts / count).sqrt().max(1e-4);
        left = shift_scatter;
        let step: Six = matrix.solve(&right)?.try_into().ok()?;
        motion = moved(&DAffine3::IDENTITY, &step, center) * motion;
    }
    Some((motion, left))
}

/// The axis of a small rotation, with its angle as length, radians.
fn small_turn(map: &DAffine3) -> DVec3 {
    let turn = &map.matrix3;
    DVec3::new(
        turn.y_axis.z - turn.z_axis.y,
        turn.z_axis.x - turn.x_axis.z,
        turn.x_axis.y - turn.y_axis.x,
    ) * 0.5
}

/// How firmly a frame is held: rotations are taken as motions at the rim of the subject.
fn firmness_of(pair: &Pair, radius: f64) -> f64 {
    let scale = |k: usize| if k < 3 { 1.0 / radius } else { 1.0 };
    let scaled = std::array::from_fn(|i| std::array::from_fn(|j| pair.matrix[i][j] * scale(i) * scale(j)));
    let [low, high] = extreme_eigenvalues(&scaled);
    if high > 0.0 { (low / high).max(0.0) } else { 0.0 }
}

/// Adds one comparison to the equations of all poses. Neighboring points err together, so a pair counts as at most
/// so many independent points, each good to a fraction of a millimeter.
fn add_pair(matrix: &mut Symmetric, right: &mut [f64], a: usize, b: usize, pair: &Pair) {
    const INDEPENDENT: f64 = 200.0;
    const DEVIATION_MM: f64 = 0.5;
    if pair.matched < 30 {
        return;
    }
    let n = f64::from(pair.matched);
    let weight = n.min(INDEPENDENT) / n / (DEVIATION_MM * DEVIATION_MM);
    for i in 0..6 {
        for j in 0..6 {
            let value = weight * pair.matrix[i][j];
            if j <= i {
                matrix.add(6 * a + i, 6 * a + j, value);
                matrix.add(6 * b + i, 6 * b + j, value);
            }
            matrix.add(6 * a + i, 6 * b + j, -value);
        }
        right[6 * a + i] -= weight * pair.right[i];
        right[6 * b + i] += weight * pair.right[i];
    }
}

/// A pose that was found, and how good it is.
#[derive(Clone, Copy)]
struct Found {
    pose: DAffine3,
    /// Share of the points that should lie on the neighbors' surfaces and do, 0 to 1.
    agreement: f64,
    /// The same, less for what is matched badly.
    score: f64,
}

/// Follows all frames in turn; what could not be placed is tried again when the others are.
pub(super) fn track_all(seen: &[Seen]) -> Poses {
    let mut poses = Poses(vec![None; seen.len()]);
    if let Some(first) = poses.0.first_mut() {
        *first = Some(DAffine3::IDENTITY);
    }
    for k in 1..seen.len() {
        let guesses = predicted(&poses, k);
        poses.0[k] = place(seen, &poses, k, &guesses);
    }
    for k in 0..seen.len() {
        if poses.0[k].is_none() {
            let near = nearest_known(&poses, k, 3)
                .iter()
                .filter_map(|&j| poses.0[j])
                .collect::<Vec<_>>();
            poses.0[k] = place(seen, &poses, k, &near);
        }
    }
    poses
}

/// Where frame `k` may be: as the last one moved on, and as the last one.
fn predicted(poses: &Poses, k: usize) -> Vec<DAffine3> {
    let known: Vec<DAffine3> = poses.0[..k].iter().rev().flatten().take(2).copied().collect();
    match known[..] {
        [last, before] => {
            let next = super::frame::orthogonal(&(last * inverse(&before) * last));
            vec![next, last]
        }
        [last] => vec![last],
        _ => Vec::new(),
    }
}

fn nearest_known(poses: &Poses, k: usize, count: usize) -> Vec<usize> {
    let mut known: Vec<usize> = (0..poses.0.len())
        .filter(|&j| j != k && poses.0[j].is_some())
        .collect();
    known.sort_by_key(|&j| j.abs_diff(k));
    known.truncate(count);
    known
}

/// The pose of frame `k` among its neighbors, from the best of the guesses; turns of them are tried when none is
/// good.
fn place(seen: &[Seen], poses: &Poses, k: usize, guesses: &[DAffine3]) -> Option<DAffine3> {
    // A pose that is merely similar, an eye upon the other eye, leaves a few percent of the points somewhere else.
    const GOOD: f64 = 0.7;
    const ALL_BUT: f64 = 0.97;
    let neighbors = nearest_known(poses, k, FOLLOWED);
    let follow = |starts: &[DAffine3]| -> Option<Found> {
        let mut rough = in_parallel(starts.len(), |n| {
            align(seen, poses, k, &neighbors, starts[n], Level::Coarse)
        });
        // The coarse picture does not tell good from fair; the fine one does.
        rough.sort_by(|a, b| b.score.total_cmp(&a.score));
        rough.truncate(5);
        let refined = in_parallel(rough.len(), |n| {
            align(seen, poses, k, &neighbors, rough[n].pose, Level::Fine)
        });
        refined.into_iter().max_by(|a, b| a.score.total_cmp(&b.score))
    };
    let mut best = follow(guesses);
    if best.is_none_or(|found| found.score < GOOD || found.agreement < ALL_BUT) {
        let turned: Vec<DAffine3> = guesses.last().map(|g| turns(&seen[k], g)).unwrap_or_default();
        let other = follow(&turned);
        if other.map_or(0.0, |o| o.score) > best.map_or(0.0, |b| b.score) {
            best = other;
        }
    }
    best.filter(|found| found.agreement > LEAST_AGREEMENT)
        .map(|found| found.pose)
}

/// The pose `guess` turned about the middle of what the frame shows, as if the camera had gone around it.
fn turns(seen: &Seen, guess: &DAffine3) -> Vec<DAffine3> {
    let valid = &seen.coarse.valid;
    let sum: DVec3 = valid
        .iter()
        .map(|&i| DVec3::from_array(seen.coarse.points_mm[i as usize].map(f64::from)))
        .sum();
    let middle = guess.transform_point3(sum / (valid.len().max(1)) as f64);
    let mut starts = Vec::new();
    for degrees in [8.0f64, -8.0, 16.0, -16.0, 26.0, -26.0] {
        for axis in [guess.matrix3.x_axis, guess.matrix3.y_axis, guess.matrix3.z_axis] {
            let turn = DMat3::from_axis_angle(axis, degrees.to_radians());
            starts.push(DAffine3 {
                matrix3: turn * guess.matrix3,
                translation: turn * (guess.translation - middle) + middle,
            });
        }
    }
    starts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Coarse,
    Fine,
}

/// Moves frame `k` from `start` onto what its neighbors saw.
fn align(
    seen: &[Seen],
    poses: &Poses,
    k: usize,
    neighbors: &[usize],
    start: DAffine3,
    level: Level,
) -> Found {
    let distance = f64::from(seen[k].median_mm);
    let view = |i: usize| match level {
        Level::Coarse => &seen[i].coarse,
        Level::Fine => &seen[i].fine,
    };
    let shares: &[f64] = match level {
        Level::Coarse => &[
            0.12, 0.12, 0.12, 0.1, 0.1, 0.1, 0.08, 0.08, 0.06, 0.06, 0.05, 0.05, 0.04, 0.04, 0.03, 0.03,
        ],
        Level::Fine => &[0.03, 0.025, 0.02, 0.015, 0.015, 0.012, 0.012, 0.01],
    };
    let mut pose = start;
    let (mut agreement, mut score) = (0.0, 0.0);
    for (n, share) in shares.iter().chain([&0.012]).enumerate() {
        let distance_mm = (share * distance) as f32;
        let gate = Gate {
            distance_mm,
            scale_mm: 0.4 * distance_mm,
            samples: 2500,
        };
        let center = pose.transform_point3(DVec3::new(0.0, 0.0, distance));
        let mut total = Pair::default();
        for &j in neighbors {
            let Some(other) = &poses.0[j] else { continue };
            let a = Placed {
                view: view(k),
                world_from_view: &pose,
            };
            let b = Placed {
                view: view(j),
                world_from_view: other,
            };
            total.add(&compare(a, b, center, gate));
        }
        // The agreement counts only where there is enough to agree about. A round head lies on itself fairly well
        // whichever way it is turned, so what is left matters too.
        agreement = total.agreement() * (total.share() / 0.3).min(1.0);
        let usual = 0.004 * distance;
        let left = total.squared_mm2 / f64::from(total.matched.max(1));
        score = agreement / (1.0 + left / (usual * usual));
        if n == shares.len() || total.matched < 20 {
            break;
        }
        let mut matrix = Symmetric::zero(6);
        for (i, row) in total.matrix.iter().enumerate() {
            for (j, value) in row.iter().enumerate().take(i + 1) {
                matrix.add(i, j, *value);
            }
            // A little stiffness, for shapes that can slide.
            let size = if i < 3 { 0.01 * distance * distance } else { 1.0 };
            matrix.add(i, i, 1e-3 * f64::from(total.matched) * size);
        }
        let right = total.right.map(|v| -v);
        let Some(step) = matrix.solve(&right) else { break };
        let mut six: Six = [0.0; 6];
        six.copy_from_slice(&step);
        pose = moved(&pose, &six, center);
    }
    Found {
        pose,
        agreement,
        score,
    }
}
