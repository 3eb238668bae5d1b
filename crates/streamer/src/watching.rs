//! What somebody has seen: distinct slices and distinct directions of an item, and whether it was a sweep.
//!
//! A slice is told from another by its direction and its place along it, in steps of the item's own slices; turning,
//! moving or enlarging the picture of it makes no other one. Directions are told apart on the faces of a cube
//! around the item: coarsely for the record, finely to notice a script that goes from one to the next.
//!
//! # Limits
//! Who looks at few slices a minute is not noticed as a sweep, however many days it takes; the record tells it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{ItemId, UserId};
use geometry::{Aabb, DVec3, GridGeometry};
use protocol::Shows;

/// In which time a sweep is noticed.
pub const SPAN: Duration = Duration::from_secs(60);
/// Distinct slices within [`SPAN`] that make a sweep.
pub const SLICES: usize = 150;
/// Distinct directions within [`SPAN`] that make a sweep, where the viewer waited for each.
pub const DIRECTIONS: usize = 150;
/// The same of all directions, told apart coarsely, whether waited for or passed.
pub const COARSE_DIRECTIONS: usize = 220;
/// How often something new is shown after a sweep was noticed.
pub const SLOWED_EVERY: Duration = Duration::from_millis(500);

/// Parts of a face of the cube along each side: coarsely, 864 directions in all, and finely, about two degrees.
const COARSE: u32 = 12;
const FINE: u32 = 45;
/// Places along a direction that are told apart, to both sides of the middle.
const PLACES: i64 = 1 << 20;

/// What a picture shows, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sight {
    /// A slice.
    Slice(u32),
    /// A direction, coarsely and finely.
    Direction(u32, u32),
    /// A photograph, which has one side.
    Flat,
}

/// Whether the viewer waited for a picture or has asked for another since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// It was the newest that was asked for when it was sent.
    Waited,
    /// It was one of many on the way.
    Passed,
}

/// What a picture shows of an item whose samples lie on `grid`, or which fills `bounds_mm`.
pub fn sight(shows: &Shows, grid: Option<&GridGeometry>, bounds_mm: Aabb) -> Sight {
    match shows {
        Shows::Plane(plane) => {
            let mut normal = plane.right.cross(plane.down);
            // The same slice from behind.
            let first = normal.to_array().into_iter().find(|part| part.abs() > 1e-6);
            if first.is_some_and(|part| part < 0.0) {
                normal = -normal;
            }
            let step = grid.map_or(1.0, |grid| step_mm(grid, normal)).max(0.05);
            let first = grid.map_or(bounds_mm.center(), |grid| {
                grid.patient_from_voxel().transform_point3(DVec3::ZERO)
            });
            let place = ((plane.center_mm - first).dot(normal) / step).round();
            let place = (place as i64).clamp(-PLACES / 2, PLACES / 2 - 1) + PLACES / 2;
            Sight::Slice(cell(normal, COARSE) * PLACES as u32 + place as u32)
        }
        Shows::Space(camera) => {
            let direction = camera.eye_mm - camera.target_mm;
            Sight::Direction(cell(direction, COARSE), cell(direction, FINE))
        }
        Shows::Photo(_) => Sight::Flat,
    }
}

/// The distance of the grid's slices along the axis that comes nearest to a direction.
fn step_mm(grid: &GridGeometry, direction: DVec3) -> f64 {
    let axes = grid.patient_from_voxel().matrix3;
    [axes.x_axis, axes.y_axis, axes.z_axis]
        .into_iter()
        .map(|axis| {
            (
                axis.normalize_or_zero().dot(direction).abs(),
                axis.dot(direction).abs(),
            )
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(1.0, |(_, step)| step)
}

/// The part of a cube's surface that a direction meets.
fn cell(direction: DVec3, parts: u32) -> u32 {
    let d = direction.to_array();
    let axis = (0..3)
        .max_by(|&a, &b| d[a].abs().total_cmp(&d[b].abs()))
        .unwrap_or(0);
    let face = axis as u32 * 2 + u32::from(d[axis] < 0.0);
    let (u, v) = (d[(axis + 1) % 3], d[(axis + 2) % 3]);
    // Equal angles rather than equal lengths.
    let part = |side: f64| {
        let angle = (side / d[axis].abs().max(1e-12)).atan() / std::f64::consts::FRAC_PI_4;
        (((angle + 1.0) * 0.5 * f64::from(parts)) as u32).min(parts - 1)
    };
    (face * parts + part(u)) * parts + part(v)
}

/// Whether it was a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As people look.
    Usual,
    /// So much in so short a time that it is slowed. `First` the first time in this span.
    Sweep(Noticed),
}

/// Whether a sweep is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// It was not noticed before.
    First,
    /// It goes on.
    Already,
}

/// What is watched: each viewer of each item, over all of their sessions.
#[derive(Debug, Default)]
pub struct Watches(Mutex<HashMap<(UserId, ItemId), Watched>>);

/// What one viewer has seen of one item, shared by their sessions.
pub type Watched = Arc<Mutex<Watch>>;

impl Watches {
    /// What a viewer has seen of an item. What nobody holds any more and is older than [`SPAN`] is let go.
    pub fn of(&self, user: UserId, item: ItemId, now: Instant) -> Watched {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, watch| {
            let is_held = Arc::strong_count(watch) > 1;
            let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch.forget(now);
            is_held || !watch.recent.is_empty() || !watch.seen.is_empty()
        });
        Arc::clone(all.entry((user, item)).or_default())
    }
}

/// What one viewer has seen of one item since it was last taken down.
#[derive(Debug, Default)]
pub struct Watch {
    /// In the order in which they were seen, within [`SPAN`].
    recent: VecDeque<(Instant, Key)>,
    counts: HashMap<Key, u32>,
    distinct: [usize; 3],
    is_sweep: bool,
    seen: Seen,
}

/// What is told apart within [`SPAN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Slice(u32),
    Direction(u32),
    Coarse(u32),
}

impl Key {
    fn kind(self) -> usize {
        match self {
            Self::Slice(_) => 0,
            Self::Direction(_) => 1,
            Self::Coarse(_) => 2,
        }
    }
}

/// What was seen: to be added to the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Distinct slices.
    pub slices: BTreeSet<u32>,
    /// Distinct directions.
    pub directions: BTreeSet<u32>,
    /// Pictures.
    pub frames: u64,
    /// Questions that were answered.
    pub questions: u64,
    /// Sweeps that were noticed.
    pub sweeps: u64,
    /// For how long something was looked at.
    pub looked: Duration,
}

impl Seen {
    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Watch {
    /// Counts a picture that was sent.
    pub fn saw(&mut self, sight: Sight, attention: Attention, now: Instant) -> Pace {
        self.forget(now);
        self.seen.frames += 1;
        match sight {
            Sight::Slice(slice) => self.seen.slices.insert(slice),
            Sight::Direction(coarse, _) => self.seen.directions.insert(coarse),
            Sight::Flat => false,
        };
        for key in keys(sight, attention) {
            self.recent.push_back((now, key));
            let count = self.counts.entry(key).or_insert(0);
            *count += 1;
            if *count == 1 {
                self.distinct[key.kind()] += 1;
            }
        }
        self.pace()
    }

    /// Counts an answered question.
    pub fn asked(&mut self) {
        self.seen.questions += 1;
    }

    /// Adds time for which something was looked at.
    pub fn looked(&mut self, time: Duration) {
        self.seen.looked += time;
    }

    /// Whether it is a sweep now.
    pub fn is_sweep(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.pace();
        self.is_sweep
    }

    /// What was seen since it was last taken.
    pub fn take(&mut self) -> Seen {
        std::mem::take(&mut self.seen)
    }

    fn pace(&mut self) -> Pace {
        let limits = [SLICES, DIRECTIONS, COARSE_DIRECTIONS];
        let is_sweep = self
            .distinct
            .iter()
            .zip(limits)
            .any(|(count, limit)| *count >= limit);
        let was_sweep = std::mem::replace(&mut self.is_sweep, is_sweep);
        match (is_sweep, was_sweep) {
            (false, _) => Pace::Usual,
            (true, true) => Pace::Sweep(Noticed::Already),
            (true, false) => {
                self.seen.sweeps += 1;
                Pace::Sweep(Noticed::First)
            }
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, key)) = self.recent.front().copied() {
            if now.saturating_duration_since(at) < SPAN {
                break;
            }
            self.recent.pop_front();
            if let Some(count) = self.counts.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&key);
                    self.distinct[key.kind()] -= 1;
                }
            }
        }
    }
}

fn keys(sight: Sight, attention: Attention) -> impl Iterator<Item = Key> {
    let (first, second) = match (sight, attention) {
        (Sight::Slice(slice), _) => (Some(Key::Slice(slice)), None),
        (Sight::Direction(coarse, fine), Attention::Waited) => {
            (Some(Key::Coarse(coarse)), Some(Key::Direction(fine)))
        }
        (Sight::Direction(coarse, _), Attention::Passed) => (Some(Key::Coarse(coarse)), None),
        (Sight::Flat, _) => (None, None),
    };
    first.into_iter().chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{CameraLook, PlaneLook};

    fn grid() -> GridGeometry {
        GridGeometry::axis_aligned([60, 50, 300], [0.5, 0.7, 1.5], DVec3::new(-10.0, 20.0, -30.0)).unwrap()
    }

    fn plane(z_mm: f64) -> Shows {
        Shows::Plane(PlaneLook {
            center_mm: DVec3::new(0.0, 30.0, z_mm),
            right: DVec3::X,
            down: DVec3::Y,
            mm_per_pixel: 0.3,
        })
    }

    fn from(direction: DVec3) -> Shows {
        Shows::Space(CameraLook {
            eye_mm: direction * 400.0,
            target_mm: DVec3::ZERO,
            up: DVec3::Z,
            field_of_view_radians: 0.5,
        })
    }

    /// Directions evenly over the sphere.
    fn around(count: u32) -> impl Iterator<Item = DVec3> {
        (0..count).map(move |i| {
            let z = 1.0 - (2.0 * f64::from(i) + 1.0) / f64::from(count);
            let turn = f64::from(i) * 2.399_963;
            let flat = (1.0 - z * z).sqrt();
            DVec3::new(flat * turn.cos(), flat * turn.sin(), z)
        })
    }

    fn told(shows: &Shows) -> Sight {
        sight(shows, Some(&grid()), grid().bounds_mm())
    }

    #[test]
    fn a_slice_is_the_same_however_it_is_shown() {
        let usual = told(&plane(12.0));
        assert_eq!(told(&plane(12.3)), usual);
        assert_ne!(told(&plane(13.5)), usual);
        let behind = Shows::Plane(PlaneLook {
            center_mm: DVec3::new(3.0, 37.0, 12.0),
            right: -DVec3::X,
            down: DVec3::Y,
            mm_per_pixel: 2.0,
        });
        assert_eq!(told(&behind), usual);
        let across = Shows::Plane(PlaneLook {
            center_mm: DVec3::new(0.0, 30.0, 12.0),
            right: DVec3::X,
            down: DVec3::Z,
            mm_per_pixel: 0.3,
        });
        assert_ne!(told(&across), usual);
    }

    #[test]
    fn directions_are_told_apart_evenly() {
        let coarse = |d: DVec3| match told(&from(d)) {
            Sight::Direction(coarse, _) => coarse,
            _ => unreachable!("a camera has a direction"),
        };
        let all: BTreeSet<u32> = around(20_000).map(coarse).collect();
        assert_eq!(all.len(), 6 * 12 * 12);
        assert!(all.iter().all(|cell| *cell < 864));
        assert_eq!(coarse(DVec3::X), coarse(DVec3::new(1.0, 0.01, 0.01)));
    }

    #[test]
    fn scripted_sweeps_are_noticed_within_a_minute_and_once() {
        let start = Instant::now();
        let slices: Vec<Shows> = (0..200).map(|n| plane(f64::from(n) * 1.5)).collect();
        let circle: Vec<Shows> = (0..200)
            .map(|n| {
                let turn = f64::from(n) * std::f64::consts::TAU / 200.0;
                from(DVec3::new(turn.cos(), turn.sin(), 0.02))
            })
            .collect();
        let sphere: Vec<Shows> = around(200).map(from).collect();
        for (name, shows) in [("slices", slices), ("circle", circle), ("sphere", sphere)] {
            let mut watch = Watch::default();
            let mut first = None;
            for (n, shows) in shows.iter().enumerate() {
                let now = start + Duration::from_millis(300 * n as u64);
                if watch.saw(told(shows), Attention::Waited, now) == Pace::Sweep(Noticed::First) {
                    assert!(first.replace(now).is_none(), "{name} was noticed twice");
                }
            }
            let first = first.unwrap_or_else(|| panic!("{name} was not noticed"));
            assert!(first - start < SPAN, "{name}");
            let later = start + Duration::from_secs(130);
            assert!(!watch.is_sweep(later));
            let seen = watch.take();
            assert_eq!((seen.frames, seen.sweeps), (200, 1), "{name}");
            assert!(watch.take().is_empty());
        }
    }

    #[test]
    fn looking_as_people_do_is_no_sweep() {
        let start = Instant::now();
        let mut watch = Watch::default();
        // To and fro through a hundred slices, and the model turned by hand for most of a minute at twenty pictures a
        // second, of which few are waited for.
        for n in 0..1_000_u64 {
            let now = start + Duration::from_millis(n * 50);
            let slice = (n % 200).min(200 - n % 200);
            assert_eq!(
                watch.saw(told(&plane(slice as f64 * 1.5)), Attention::Waited, now),
                Pace::Usual
            );
            let turn = (n as f64 * 0.07).sin() * 1.5;
            let tilt = (n as f64 * 0.013).sin() * 0.4;
            let direction = DVec3::new(turn.cos(), turn.sin(), tilt);
            let attention = match n % 20 {
                0 => Attention::Waited,
                _ => Attention::Passed,
            };
            assert_eq!(watch.saw(told(&from(direction)), attention, now), Pace::Usual);
        }
        let seen = watch.take();
        assert_eq!(seen.slices.len(), 101);
    }
}
