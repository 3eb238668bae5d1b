//! Which frame comes next.
//!
//! A session keeps the newest view state alone. A pane that shows something else than it should is drawn at once,
//! as well as there is time for; one that shows what it should is drawn better when it has rested. No more frames are
//! on their way than the viewer can take, so a slow line gets fewer pictures and never old ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{FrameHeader, Grade, Look, Pane, PaneLook, PixelSize, Shows};
use renderer::cpu::{Pace, Quality};

use crate::clearing::{Clearing, Part};
use crate::coding::Coding;
use crate::studio::Urgency;

/// What a picture in space may take while it moves.
const MOVING: Duration = Duration::from_millis(55);
/// The longest round trip at which moving pictures are as large as the processor allows.
const QUICK_TRIP: Duration = Duration::from_millis(120);
/// After how long at rest a pane becomes full, and fine.
const REST: Duration = Duration::from_millis(160);
const FINE: Duration = Duration::from_millis(800);
/// Frames on their way: of a pane, and in all.
const PANE_ON_WAY: usize = 2;
const ALL_ON_WAY: usize = 4;

/// What to do next.
#[derive(Clone, Debug)]
pub enum Next {
    /// Draw this.
    Draw(Order),
    /// Nothing before this moment, unless something comes in.
    At(Instant),
    /// Nothing until something comes in.
    Idle,
}

/// A picture to be drawn.
#[derive(Clone, Debug)]
pub struct Order {
    /// The view state.
    pub look: Arc<Look>,
    /// The pane of it.
    pub pane: PaneLook,
    /// How good.
    pub grade: Grade,
    /// By how much each side is divided.
    pub divisor: u32,
    /// How it is sampled.
    pub quality: Quality,
    /// How it is coded.
    pub coding: Coding,
    /// Where the visible mark is left out.
    pub clear: Option<Part>,
    /// Which work of its pane it is.
    work: u64,
}

impl Order {
    /// Whether somebody waits for it.
    pub fn urgency(&self) -> Urgency {
        match self.grade {
            Grade::Moving => Urgency::Now,
            Grade::Full | Grade::Fine => Urgency::Later,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct PaneState {
    /// Since when it should show what it should show now.
    changed: Option<Instant>,
    /// What was drawn last of what it should show now.
    grade: Option<Grade>,
    /// When anything was drawn last.
    drawn: Option<Instant>,
    /// The order that is at work.
    at_work: Option<(u64, Grade)>,
    on_way: usize,
    pace: Option<Pace>,
}

struct Sent {
    frame: u64,
    pane: Pane,
    at: Instant,
}

/// One viewer's pictures of one item.
pub struct Session {
    look: Option<Arc<Look>>,
    panes: [PaneState; Pane::ALL.len()],
    sent: Vec<Sent>,
    next_frame: u64,
    next_work: u64,
    trip: Duration,
    /// At most so often a new picture is drawn, after this moment.
    slowed: Option<(Duration, Instant)>,
    clearing: Clearing,
}

impl Session {
    /// A session that shows nothing yet. The frames of one connection go on counting from `next_frame`.
    pub fn new(next_frame: u64) -> Self {
        Self {
            look: None,
            panes: Default::default(),
            sent: Vec::new(),
            next_frame,
            next_work: 0,
            trip: Duration::ZERO,
            slowed: None,
            clearing: Clearing::new(),
        }
    }

    /// The number of the frame after the last.
    pub fn next_frame(&self) -> u64 {
        self.next_frame
    }

    /// The newest view state.
    pub fn newest(&self) -> Option<&Arc<Look>> {
        self.look.as_ref()
    }

    /// Takes a view state, which must have been checked. One that is not newer than the newest is none.
    pub fn look(&mut self, look: Look, now: Instant) {
        if self
            .look
            .as_ref()
            .is_some_and(|newest| newest.sequence >= look.sequence)
        {
            return;
        }
        let before = self.look.replace(Arc::new(look));
        let Some(look) = &self.look else { return };
        for pane in &look.panes {
            let is_same = before.as_ref().is_some_and(|before| {
                let shown = before.panes.iter().find(|shown| shown.pane == pane.pane);
                shown.is_some_and(|shown| is_same_picture((before, shown), (look, pane)))
            });
            let is_as_clear = before
                .as_ref()
                .is_some_and(|before| before.measured_mm == look.measured_mm);
            let state = &mut self.panes[pane.pane.index()];
            if !is_same || !is_as_clear {
                state.changed = Some(now);
                // What only has another part clear is not drawn before it rests.
                state.grade = state.grade.filter(|_| is_same).and(Some(Grade::Moving));
                // What would make better what is no longer shown is waited for by nobody.
                state.at_work = state.at_work.filter(|(_, grade)| *grade == Grade::Moving);
            }
        }
        for pane in Pane::ALL {
            if !look.panes.iter().any(|shown| shown.pane == pane) {
                self.panes[pane.index()].changed = None;
            }
        }
    }

    /// From now on a new picture comes at most every `every`.
    pub fn slow(&mut self, every: Duration, now: Instant) {
        if self.slowed.is_none_or(|(known, _)| known != every) {
            self.slowed = Some((every, now));
        }
    }

    /// As quick as it goes again.
    pub fn hurry(&mut self) {
        self.slowed = None;
    }

    /// What to draw next.
    pub fn next(&mut self, now: Instant) -> Next {
        let Some(look) = self.look.clone() else {
            return Next::Idle;
        };
        let mut earliest: Option<Instant> = None;
        let mut best: Option<(Grade, Option<Instant>, PaneLook)> = None;
        if self.sent.len() >= ALL_ON_WAY {
            return Next::Idle;
        }
        for pane in &look.panes {
            let state = &self.panes[pane.pane.index()];
            let Some(changed) = state.changed else { continue };
            if state.at_work.is_some() || state.on_way >= PANE_ON_WAY {
                continue;
            }
            let (grade, due) = match state.grade {
                None => (
                    Grade::Moving,
                    self.slowed.map_or(changed, |(_, after)| after.max(changed)),
                ),
                Some(Grade::Moving) => (Grade::Full, changed + REST),
                Some(Grade::Full) => (Grade::Fine, changed + FINE),
                Some(Grade::Fine) => continue,
            };
            if due > now {
                earliest = Some(earliest.map_or(due, |known| known.min(due)));
                continue;
            }
            // What moves goes first, and of that what was drawn the longest ago.
            let key = (grade, state.drawn);
            if best
                .as_ref()
                .is_none_or(|(grade, drawn, _)| key < (*grade, *drawn))
            {
                best = Some((grade, state.drawn, *pane));
            }
        }
        match (best, earliest) {
            (Some((grade, _, pane)), _) => Next::Draw(self.order(look, pane, grade, now)),
            (None, Some(at)) => Next::At(at),
            (None, None) => Next::Idle,
        }
    }

    fn order(&mut self, look: Arc<Look>, pane: PaneLook, grade: Grade, now: Instant) -> Order {
        let trip = self.trip;
        let clear = match grade {
            Grade::Moving => None,
            Grade::Full | Grade::Fine => self.clearing.of(&look, &pane, now),
        };
        let work = self.next_work;
        self.next_work += 1;
        let state = &mut self.panes[pane.pane.index()];
        let is_space = matches!(pane.shows, Shows::Space(_));
        let pace = state.pace.get_or_insert_with(|| Pace::new(MOVING.as_secs_f64()));
        // Over a slow line less is sent as well.
        let far = u32::from(trip > QUICK_TRIP);
        let (divisor, quality, coding) = match (is_space, grade) {
            (true, Grade::Moving) => {
                let divisor = (pace.divisor() + far).min(Pace::COARSEST);
                (divisor, Quality::QUICK, Coding::MOVING)
            }
            (true, Grade::Full) => (1, Quality::QUICK, Coding::FULL),
            (true, Grade::Fine) => (1, Quality::FINE, Coding::FINE),
            (false, Grade::Moving) => (1, Quality::QUICK, Coding::SLICE),
            (false, Grade::Full | Grade::Fine) => (1, Quality::FINE, Coding::FINE),
        };
        // A plane that is fine has all pixels: nothing better follows.
        let grade = match (is_space, grade) {
            (false, Grade::Full) => Grade::Fine,
            (_, grade) => grade,
        };
        state.at_work = Some((work, grade));
        Order {
            look,
            pane,
            grade,
            divisor,
            quality,
            coding,
            clear,
            work,
        }
    }

    /// What the frame of an order is called; `None` where it is no longer wanted and must not be sent. Of what moves,
    /// each picture is sent, or there would be none.
    pub fn finish(&mut self, order: &Order, took: Duration, now: Instant) -> Option<FrameHeader> {
        let newest = self.look.clone()?;
        let wanted = newest.panes.iter().find(|pane| pane.pane == order.pane.pane);
        let is_same = wanted.is_some_and(|pane| is_same_picture((&order.look, &order.pane), (&newest, pane)));
        let state = &mut self.panes[order.pane.pane.index()];
        state.at_work.take_if(|(work, _)| *work == order.work)?;
        if order.grade == Grade::Moving
            && matches!(order.pane.shows, Shows::Space(_))
            && let Some(pace) = &mut state.pace
        {
            pace.took(took.as_secs_f64());
        }
        if is_same {
            state.grade = Some(order.grade);
        } else if order.grade != Grade::Moving || wanted.is_none() {
            return None;
        }
        state.drawn = Some(now);
        state.on_way += 1;
        if let Some((every, after)) = &mut self.slowed {
            *after = now + *every;
        }
        let frame = self.next_frame;
        self.next_frame += 1;
        self.sent.push(Sent {
            frame,
            pane: order.pane.pane,
            at: now,
        });
        Some(FrameHeader {
            frame,
            pane: order.pane.pane,
            sequence: order.look.sequence,
            shows: order.pane.shows,
            size: order.pane.size,
            coded: PixelSize { width: 0, height: 0 },
            grade: order.grade,
            codec: protocol::Codec::Jpeg,
        })
    }

    /// An order came to nothing: it is not tried again before the view state changes.
    pub fn give_up(&mut self, order: &Order) {
        let state = &mut self.panes[order.pane.pane.index()];
        if state.at_work.take_if(|(work, _)| *work == order.work).is_some() {
            state.grade = Some(Grade::Fine);
        }
    }

    /// A frame is on the screen.
    pub fn seen(&mut self, frame: u64, now: Instant) {
        let panes = &mut self.panes;
        let mut trip = None;
        self.sent.retain(|sent| {
            let is_seen = sent.frame <= frame;
            if is_seen {
                let state = &mut panes[sent.pane.index()];
                state.on_way = state.on_way.saturating_sub(1);
                trip = Some(now.saturating_duration_since(sent.at));
            }
            !is_seen
        });
        if let Some(trip) = trip {
            self.trip = (self.trip * 3 + trip) / 4;
        }
    }

    /// Whether the viewer has asked for nothing else since what an order answers.
    pub fn is_awaited(&self, order: &Order) -> bool {
        self.look
            .as_ref()
            .is_some_and(|look| look.sequence == order.look.sequence)
    }
}

/// Whether a pane would look the same.
fn is_same_picture((look_a, a): (&Look, &PaneLook), (look_b, b): (&Look, &PaneLook)) -> bool {
    a.size == b.size
        && a.shows == b.shows
        && match a.shows {
            Shows::Plane(_) => {
                look_a.window == look_b.window
                    && look_a.inversion == look_b.inversion
                    && look_a.slab == look_b.slab
            }
            Shows::Space(_) => {
                look_a.preset == look_b.preset
                    && look_a.transfer == look_b.transfer
                    && look_a.volume == look_b.volume
                    && look_a.layers == look_b.layers
                    && look_a.clips == look_b.clips
            }
            Shows::Photo(_) => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geometry::DVec3;
    use protocol::{CameraLook, PlaneLook, WindowLook};

    const SIZE: PixelSize = PixelSize {
        width: 300,
        height: 200,
    };

    fn plane(z_mm: f64) -> PaneLook {
        PaneLook {
            pane: Pane::Axial,
            size: SIZE,
            shows: Shows::Plane(PlaneLook {
                center_mm: DVec3::new(0.0, 0.0, z_mm),
                right: DVec3::X,
                down: DVec3::Y,
                mm_per_pixel: 0.5,
            }),
        }
    }

    fn space(x_mm: f64) -> PaneLook {
        PaneLook {
            pane: Pane::Space,
            size: SIZE,
            shows: Shows::Space(CameraLook {
                eye_mm: DVec3::new(x_mm, -300.0, 0.0),
                target_mm: DVec3::ZERO,
                up: DVec3::Z,
                field_of_view_radians: 0.5,
            }),
        }
    }

    fn look(sequence: u64, panes: &[PaneLook]) -> Look {
        let panes = panes.to_vec();
        let window = WindowLook {
            center: 40.0,
            width: 400.0,
        };
        Look::new(sequence, panes, window, "CT-Bone")
    }

    fn order(next: Next) -> Order {
        match next {
            Next::Draw(order) => order,
            other => panic!("a picture is due: {other:?}"),
        }
    }

    const SHORT: Duration = Duration::from_millis(10);

    #[test]
    fn what_rests_gets_better_and_what_is_best_is_left_alone() {
        let start = Instant::now();
        let mut session = Session::new(5);
        assert!(matches!(session.next(start), Next::Idle));
        session.look(look(1, &[plane(0.0), space(0.0)]), start);
        let mut now = start;
        let mut grades = Vec::new();
        for _ in 0..20 {
            match session.next(now) {
                Next::Draw(order) => {
                    let header = session.finish(&order, SHORT, now).expect("it is wanted");
                    grades.push((header.pane, header.grade));
                    assert_eq!((header.sequence, header.frame), (1, 4 + grades.len() as u64));
                    session.seen(header.frame, now);
                }
                Next::At(at) => now = at,
                Next::Idle => break,
            }
        }
        let of = |pane: Pane| {
            grades
                .iter()
                .filter(move |(of, _)| *of == pane)
                .map(|(_, grade)| *grade)
        };
        assert!(of(Pane::Axial).eq([Grade::Moving, Grade::Fine]));
        assert!(of(Pane::Space).eq([Grade::Moving, Grade::Full, Grade::Fine]));
        assert!(matches!(session.next(now + FINE * 9), Next::Idle));
        // The same again is nothing new; an older one is nothing at all.
        session.look(look(2, &[plane(0.0), space(0.0)]), now);
        assert!(matches!(session.next(now + FINE * 9), Next::Idle));
        session.look(look(1, &[plane(7.0), space(0.0)]), now);
        assert!(matches!(session.next(now + FINE * 9), Next::Idle));
    }

    #[test]
    fn what_is_measured_is_clear_at_rest_and_marked_while_it_moves() {
        let start = Instant::now();
        let mut session = Session::new(0);
        let measuring = |sequence, x_mm| Look {
            measured_mm: vec![DVec3::new(x_mm, 0.0, 0.0)],
            ..look(sequence, &[plane(0.0)])
        };
        session.look(measuring(1, 0.0), start);
        let moving = order(session.next(start));
        assert_eq!(moving.clear, None);
        let header = session.finish(&moving, SHORT, start).unwrap();
        session.seen(header.frame, start);
        let rested = start + REST;
        let fine = order(session.next(rested));
        let clear = fine.clear.expect("it rests");
        let header = session.finish(&fine, SHORT, rested).unwrap();
        session.seen(header.frame, rested);
        // Another place is clear after the next rest; no picture comes before.
        session.look(measuring(2, 9.0), rested);
        assert!(matches!(session.next(rested), Next::At(at) if at == rested + REST));
        let next = order(session.next(rested + REST));
        assert_ne!(next.clear.expect("it rests"), clear);
    }

    #[test]
    fn the_newest_counts_and_nothing_queues() {
        let now = Instant::now();
        let mut session = Session::new(0);
        session.look(look(1, &[space(0.0)]), now);
        let first = order(session.next(now));
        for sequence in 2..50 {
            session.look(look(sequence, &[space(sequence as f64)]), now);
            assert!(!matches!(session.next(now), Next::Draw(_)), "one at a time");
        }
        // What moves is shown though it was passed, and then the newest.
        assert_eq!(session.finish(&first, SHORT, now).unwrap().sequence, 1);
        assert!(!session.is_awaited(&first));
        let second = order(session.next(now));
        assert_eq!(session.finish(&second, SHORT, now).unwrap().sequence, 49);
        assert!(session.is_awaited(&second));
        // Two are on their way, and none was seen.
        session.look(look(50, &[space(50.0)]), now);
        assert!(!matches!(session.next(now), Next::Draw(_)));
        session.seen(0, now);
        assert_eq!(order(session.next(now)).look.sequence, 50);
    }

    #[test]
    fn what_moves_does_not_wait_for_what_would_have_been_fine() {
        let now = Instant::now();
        let mut session = Session::new(0);
        session.look(look(1, &[space(0.0)]), now);
        let moving = order(session.next(now));
        session.finish(&moving, SHORT, now);
        session.seen(0, now);
        let full = order(session.next(now + REST));
        assert_eq!((full.grade, full.urgency()), (Grade::Full, Urgency::Later));
        let later = now + REST + SHORT;
        session.look(look(2, &[space(1.0)]), later);
        let next = order(session.next(later));
        assert_eq!((next.grade, next.look.sequence), (Grade::Moving, 2));
        assert!(
            session.finish(&full, SHORT, later).is_none(),
            "nobody waits for it"
        );
        assert_eq!(session.finish(&next, SHORT, later).unwrap().sequence, 2);
    }

    #[test]
    fn slow_pictures_get_smaller_and_a_slowed_session_waits() {
        let mut now = Instant::now();
        let mut session = Session::new(0);
        session.look(look(1, &[space(0.0)]), now);
        let slow = order(session.next(now));
        assert_eq!(slow.divisor, 1);
        let header = session.finish(&slow, MOVING * 3, now).unwrap();
        session.seen(header.frame, now);
        session.look(look(2, &[space(1.0)]), now);
        let smaller = order(session.next(now));
        assert!(smaller.divisor > 1);
        session.finish(&smaller, SHORT, now);
        let every = Duration::from_millis(500);
        session.slow(every, now);
        for sequence in 3..6 {
            session.seen(u64::MAX, now);
            session.look(look(sequence, &[plane(sequence as f64)]), now);
            let picture = match session.next(now) {
                Next::Draw(picture) => picture,
                Next::At(at) => {
                    assert_eq!(at, now + every, "{sequence}");
                    now = at;
                    order(session.next(now))
                }
                Next::Idle => panic!("a picture is due"),
            };
            session.finish(&picture, SHORT, now);
        }
        session.hurry();
        session.seen(u64::MAX, now);
        session.look(look(9, &[plane(9.0)]), now);
        assert!(matches!(session.next(now), Next::Draw(_)));
    }
}
