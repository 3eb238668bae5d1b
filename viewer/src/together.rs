//! Looking together: who is there, where they point, who leads.

use std::collections::BTreeMap;

use domain::{ItemId, PersonColor, SessionId};
use geometry::DVec2;
use protocol::{Look, Person, Pointed, RoomEvent, Said};

use crate::marking::{Projector, place};

/// What follows a hand is said 20 times a second at most, milliseconds.
const PACE_MS: f64 = 50.0;

/// Colors of people, told apart on bone and on air, sRGB; the same for their pointers and for their marks.
const COLORS: [&str; PersonColor::COUNT as usize] = [
    "#63c7e3", "#f2d14b", "#f27fb2", "#7ed491", "#f59a4c", "#b79cf5", "#e8896f", "#5fd0b5", "#d6e07a",
    "#8fa8ff", "#e59be6", "#d9b38c",
];

/// How somebody's color is written in styles.
pub fn css_of_person(color: u8) -> &'static str {
    COLORS[usize::from(color) % COLORS.len()]
}

/// The first letters of the first and the last word of a name; titles such as "Dr." are none of it.
pub fn initials(name: &str) -> String {
    let is_title = |word: &&str| word.ends_with('.') && word.chars().count() > 2;
    let mut words = name.split_whitespace().filter(|word| !is_title(word));
    let first = words.next();
    let letters = [first, words.next_back()].into_iter().flatten();
    letters
        .filter_map(|word| word.chars().next())
        .flat_map(char::to_uppercase)
        .collect()
}

/// The others in a room, as one is told of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Company {
    own: Option<SessionId>,
    people: BTreeMap<SessionId, Person>,
    pointers: BTreeMap<SessionId, Pointed>,
    leader: Option<SessionId>,
    shown: Option<(ItemId, Look)>,
}

impl Company {
    /// Nobody, as one who comes in finds a room before anything is told.
    pub fn of(own: SessionId) -> Self {
        Self {
            own: Some(own),
            ..Self::default()
        }
    }

    /// Takes what is told; gives what is to be read anew.
    pub fn hear(&mut self, event: RoomEvent) -> Option<Said> {
        match event {
            RoomEvent::Here { person } => drop(self.people.insert(person.session, person)),
            RoomEvent::Gone { session } => {
                self.people.remove(&session);
                self.pointers.remove(&session);
            }
            RoomEvent::Points { pointers } => {
                for (session, at) in pointers {
                    match at {
                        Some(at) => self.pointers.insert(session, at),
                        None => self.pointers.remove(&session),
                    };
                }
            }
            RoomEvent::Says { what } => return Some(what),
            RoomEvent::Leads { session } => {
                self.leader = session;
                self.shown = None;
            }
            RoomEvent::Shows { item, look } => self.shown = Some((item, *look)),
        }
        None
    }

    /// Oneself, as others see one.
    pub fn me(&self) -> Option<&Person> {
        self.people.get(&self.own?)
    }

    /// Everybody else.
    pub fn others(&self) -> impl Iterator<Item = &Person> {
        self.people
            .values()
            .filter(|person| Some(person.session) != self.own)
    }

    /// Who leads, if it is not oneself.
    pub fn leader(&self) -> Option<&Person> {
        let leader = self.leader.filter(|leader| Some(*leader) != self.own)?;
        self.people.get(&leader)
    }

    /// Whether one leads.
    pub fn is_leading(&self) -> bool {
        self.leader.is_some() && self.leader == self.own
    }

    /// What the leader sees.
    pub fn shown(&self) -> Option<&(ItemId, Look)> {
        self.leader().and(self.shown.as_ref())
    }

    /// Who points where in an item.
    pub fn pointers(&self, item: ItemId) -> impl Iterator<Item = (&Person, &Pointed)> {
        let is_in = move |at: &Pointed| match at {
            Pointed::Patient { item: of, .. } | Pointed::Picture { item: of, .. } => *of == item,
        };
        self.pointers
            .iter()
            .filter(move |(_, at)| is_in(at))
            .filter_map(|(session, at)| Some((self.people.get(session)?, at)))
    }
}

/// Where a pointer is in a picture, CSS pixels; `None` where the picture does not show that place.
pub fn pointer_pixel(projector: &Projector, at: &Pointed) -> Option<DVec2> {
    let p = match (projector, at) {
        (Projector::Plane { .. } | Projector::Space { .. }, Pointed::Patient { p_mm, .. }) => *p_mm,
        (Projector::Photo(_), Pointed::Picture { p_px, .. }) => p_px.extend(0.0),
        _ => return None,
    };
    place(projector, &[p])?.first().copied()
}

/// Something that changes all the time: the newest counts, and it is said now and then.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest<T> {
    wanted: Option<T>,
    said: Option<T>,
    since_ms: f64,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self {
            wanted: None,
            said: None,
            since_ms: f64::NEG_INFINITY,
        }
    }
}

impl<T: Clone + PartialEq> Newest<T> {
    /// It is this now.
    pub fn put(&mut self, now: T) {
        self.wanted = Some(now);
    }

    /// Nobody has been told of it.
    pub fn unsaid(&mut self) {
        self.said = None;
    }

    /// What is to be said now, where it is something else than before and not too early.
    pub fn due(&mut self, now_ms: f64) -> Option<T> {
        if self.wanted == self.said || now_ms - self.since_ms < PACE_MS {
            return None;
        }
        self.since_ms = now_ms;
        self.said.clone_from(&self.wanted);
        self.wanted.clone()
    }
}

#[cfg(test)]
mod tests {
    use geometry::DVec3;
    use protocol::{Called, CanLead, Follows};
    use renderer::Camera;

    use super::*;
    use crate::looks::tests::{grid, shown, size, view};
    use crate::view_state::Pane;

    fn session(n: u8) -> SessionId {
        SessionId::from_random([n; 16])
    }

    fn person(n: u8) -> Person {
        Person {
            session: session(n),
            called: Called::Name(format!("Doctor {n}")),
            color: n,
            hand_ms: None,
            follows: Follows::Nobody,
            can_lead: CanLead::Yes,
        }
    }

    /// What somebody who sees `view` in panes of these sizes shows.
    #[test]
    fn pointers_are_seen_where_their_place_is_seen() {
        let view = view();
        let plane = view.plane(Pane::Axial, &grid(), size(300, 200)).unwrap();
        let projector = Projector::Plane {
            plane,
            half_mm: 0.75,
            size: size(300, 200),
        };
        let item = ItemId::from_random([1; 16]);
        let at = |p_mm| Pointed::Patient { item, p_mm };
        let in_plane = plane.mm_of(DVec2::new(30.0, 40.0), 300, 200);
        let pixel = pointer_pixel(&projector, &at(in_plane)).unwrap();
        assert!(pixel.distance(DVec2::new(30.0, 40.0)) < 1e-9);
        assert_eq!(pointer_pixel(&projector, &at(in_plane + DVec3::Z * 2.0)), None);
        let of_picture = Pointed::Picture {
            item,
            p_px: DVec2::ZERO,
        };
        assert_eq!(pointer_pixel(&projector, &of_picture), None);
        let camera: Camera = view.camera.camera();
        let space = Projector::Space {
            camera,
            size: size(300, 200),
        };
        let middle = pointer_pixel(&space, &at(camera.target_mm)).unwrap();
        assert!(middle.distance(DVec2::new(150.0, 100.0)) < 1e-6);
        let behind = camera.eye_mm * 2.0 - camera.target_mm;
        assert_eq!(pointer_pixel(&space, &at(behind)), None);
    }

    #[test]
    fn the_company_is_as_it_was_told_last() {
        let mut company = Company::of(session(1));
        let item = ItemId::from_random([9; 16]);
        let point = Pointed::Patient {
            item,
            p_mm: DVec3::new(1.0, 2.0, 3.0),
        };
        for n in 1..=3 {
            assert_eq!(company.hear(RoomEvent::Here { person: person(n) }), None);
        }
        company.hear(RoomEvent::Points {
            pointers: vec![(session(2), Some(point)), (session(3), Some(point))],
        });
        assert_eq!(company.others().count(), 2);
        assert_eq!(company.me(), Some(&person(1)));
        assert_eq!(company.pointers(item).count(), 2);
        assert_eq!(company.pointers(ItemId::from_random([8; 16])).count(), 0);
        company.hear(RoomEvent::Points {
            pointers: vec![(session(3), None)],
        });
        assert_eq!(company.pointers(item).next(), Some((&person(2), &point)));
        let leads = |n| RoomEvent::Leads {
            session: Some(session(n)),
        };
        company.hear(leads(2));
        let look = shown(&view(), &[(Pane::Axial, size(300, 200))]);
        company.hear(RoomEvent::Shows {
            item,
            look: Box::new(look),
        });
        assert!(company.shown().is_some() && !company.is_leading());
        // What another has shown is not what the next one shows.
        company.hear(leads(1));
        assert!(company.shown().is_none() && company.leader().is_none() && company.is_leading());
        company.hear(leads(3));
        assert_eq!(company.leader(), Some(&person(3)));
        company.hear(RoomEvent::Gone { session: session(3) });
        assert_eq!((company.leader(), company.others().count()), (None, 1));
        let said = RoomEvent::Says { what: Said::Views };
        assert_eq!(company.hear(said), Some(Said::Views));
    }

    #[test]
    fn nothing_is_said_twice_or_too_often() {
        let mut newest = Newest::default();
        assert_eq!(newest.due(0.0), None);
        newest.put(1);
        newest.put(2);
        assert_eq!(newest.due(0.0), Some(2));
        assert_eq!(newest.due(100.0), None);
        newest.put(3);
        assert_eq!(newest.due(130.0), Some(3));
        newest.put(4);
        assert_eq!(newest.due(179.0), None);
        newest.put(5);
        assert_eq!(newest.due(180.0), Some(5));
        newest.unsaid();
        assert_eq!(newest.due(300.0), Some(5));
        let mut said = 0;
        for ms in 0..1000 {
            newest.put(1000 + ms);
            said += usize::from(newest.due(400.0 + f64::from(ms)).is_some());
        }
        assert_eq!(said, 20);
    }

    #[test]
    fn people_are_told_apart() {
        let check = |name: &str, wanted: &str| assert_eq!(initials(name), wanted, "{name}");
        check("Otto Adler", "OA");
        check("  maría de la  cruz ", "MC");
        check("Curie", "C");
        check("Prof. Dr. Marie Curie", "MC");
        check("O. Adler", "OA");
        check("Dr.", "");
        check("", "");
        check("élodie ßtein", "ÉSS");
        let mut colors = COLORS.to_vec();
        colors.sort_unstable();
        colors.dedup();
        assert_eq!(colors.len(), COLORS.len());
        assert_eq!(css_of_person(12), css_of_person(0));
    }

    #[test]
    fn colors_of_people_are_read_on_pictures_and_panels_and_carry_dark_letters() {
        // WCAG 2.2: relative luminance and contrast.
        let luminance = |css: &str| {
            let part = |at: usize| {
                let value = f64::from(u8::from_str_radix(&css[at..at + 2], 16).unwrap()) / 255.0;
                match value <= 0.04045 {
                    true => value / 12.92,
                    false => ((value + 0.055) / 1.055).powf(2.4),
                }
            };
            0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
        };
        let contrast = |a: &str, b: &str| {
            let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
            a.max(b) / a.min(b)
        };
        for color in COLORS {
            // The viewer's ground and panels, and letters in discs.
            for dark in ["#0b0e11", "#12161b", "#1a2027"] {
                assert!(contrast(color, dark) >= 4.5, "{color} on {dark}");
            }
        }
        // Neighbors in the list stand beside each other most: they differ enough to be told apart at a glance.
        let parts =
            |css: &str| [1, 3, 5].map(|at| f64::from(u8::from_str_radix(&css[at..at + 2], 16).unwrap()));
        let apart = |a: &str, b: &str| {
            let (a, b) = (parts(a), parts(b));
            (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
        };
        for (i, a) in COLORS.iter().enumerate() {
            for b in &COLORS[i + 1..] {
                assert!(apart(a, b) >= 40.0, "{a} and {b}: {}", apart(a, b));
            }
        }
    }
}
