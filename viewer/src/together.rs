//! Looking together: who is there, where they point, who leads, and what the leader's view is in one's own pictures.

use std::collections::BTreeMap;

use domain::{ItemId, SessionId};
use geometry::{Aabb, DMat3, DVec2, DVec3, GridGeometry};
use protocol::{
    ClipLook, Inversion, Look, PaneLook, Person, PlaneLook, Pointed, Projection, RoomEvent, Said, Shows,
};
use renderer::{ControlPoint, SlabProjection};

use crate::marking::{Projector, place};
use crate::view_state::{Layout, Pane, PhotoView, PlaneAxes, SavedCamera, Size, ThickSlab, ViewState};

/// What follows a hand is said 20 times a second at most, milliseconds.
const PACE_MS: f64 = 50.0;

/// Colors of people, told apart on bone and on air, sRGB.
const COLORS: [&str; 12] = [
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

/// The layout of a view state; `None` for one that no layout has.
pub fn layout_of(look: &Look) -> Option<Layout> {
    let panes: Vec<Pane> = look.panes.iter().map(|pane| pane.pane).collect();
    let several = [Layout::FourUp, Layout::OneAndThree, Layout::Slices];
    match panes.as_slice() {
        [pane] => Some(Layout::Single(*pane)),
        _ => several.into_iter().find(|layout| layout.panes() == panes),
    }
}

/// One's own view as the leader's: everything that the leader's pictures say, in pictures of any size; the rest stays.
pub fn as_shown(own: &ViewState, look: &Look, grid: Option<&GridGeometry>) -> ViewState {
    let mut view = ViewState {
        window_center: look.window.center,
        window_width: look.window.width,
        inverted: look.inversion == Inversion::On,
        preset: look.preset.clone(),
        slab: ThickSlab {
            mm: look.slab.thickness_mm,
            projection: match look.slab.projection {
                Projection::Maximum => SlabProjection::Maximum,
                Projection::Minimum => SlabProjection::Minimum,
                Projection::Mean => SlabProjection::Mean,
            },
        },
        transfer: look.transfer.as_ref().map(|corners| {
            let point = |corner: &protocol::Corner| ControlPoint {
                value: corner.value,
                color: corner.color,
                opacity: corner.opacity,
            };
            corners.iter().map(point).collect()
        }),
        clip_mm: kept(&look.clips),
        ..own.clone()
    };
    let planes: Vec<(&PaneLook, &PlaneLook)> = look
        .panes
        .iter()
        .filter_map(|pane| match &pane.shows {
            Shows::Plane(plane) => Some((pane, plane)),
            Shows::Space(_) | Shows::Photo(_) => None,
        })
        .collect();
    view.cross_mm = meeting(own.cross_mm, &planes);
    for (pane, plane) in planes {
        put_plane(&mut view, pane, plane, grid);
    }
    for pane in &look.panes {
        match pane.shows {
            Shows::Space(camera) => {
                view.camera = SavedCamera {
                    eye_mm: camera.eye_mm,
                    target_mm: camera.target_mm,
                    up: camera.up,
                    field_of_view_radians: camera.field_of_view_radians,
                }
            }
            Shows::Photo(photo) => {
                view.photo = PhotoView {
                    zoom: photo.zoom,
                    middle: photo.middle,
                }
            }
            Shows::Plane(_) => {}
        }
    }
    view
}

/// How a plane lies, how large it is shown and what is in its middle.
fn put_plane(view: &mut ViewState, pane: &PaneLook, plane: &PlaneLook, grid: Option<&GridGeometry>) {
    let Some(index) = pane.pane.plane_index() else {
        return;
    };
    view.axes[index] = PlaneAxes {
        right: plane.right,
        down: plane.down,
    };
    let size = Size {
        width: pane.size.width,
        height: pane.size.height,
    };
    (view.zoom[index], view.pan_mm[index]) = (1.0, DVec3::ZERO);
    if let Some(fitted) = grid.and_then(|grid| view.plane(pane.pane, grid, size)) {
        view.zoom[index] = fitted.mm_per_pixel / plane.mm_per_pixel;
        view.pan_mm[index] = plane.center_mm - fitted.center_mm;
    }
}

/// Where planes meet: in a point if there are three, else what is in all of them and nearest to `from_mm`.
fn meeting(from_mm: DVec3, planes: &[(&PaneLook, &PlaneLook)]) -> DVec3 {
    let normal = |plane: &PlaneLook| plane.right.cross(plane.down);
    if let [(_, a), (_, b), (_, c)] = planes {
        let normals = DMat3::from_cols(normal(a), normal(b), normal(c)).transpose();
        let along = [a, b, c].map(|plane| normal(plane).dot(plane.center_mm));
        if normals.determinant().abs() > 1e-6 {
            return normals.inverse() * DVec3::from_array(along);
        }
    }
    planes.iter().fold(from_mm, |p, (_, plane)| {
        p + normal(plane) * normal(plane).dot(plane.center_mm - p)
    })
}

/// The box that planes along the axes leave.
fn kept(clips: &[ClipLook]) -> Option<Aabb> {
    let mut kept = Aabb {
        min: DVec3::NEG_INFINITY,
        max: DVec3::INFINITY,
    };
    for clip in clips {
        for (axis, direction) in DVec3::AXES.into_iter().enumerate() {
            let along = clip.normal.dot(direction);
            if along > 1.0 - 1e-6 {
                kept.min[axis] = kept.min[axis].max(clip.point_mm[axis]);
            } else if along < -1.0 + 1e-6 {
                kept.max[axis] = kept.max[axis].min(clip.point_mm[axis]);
            }
        }
    }
    (kept.min.is_finite() && kept.max.is_finite()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use protocol::{Called, CanLead, Follows, Shown};
    use renderer::{Camera, Window};

    use super::*;
    use crate::live::{Content, Subject, look};
    use crate::view_state::Mirror;

    fn grid() -> GridGeometry {
        GridGeometry::axis_aligned([60, 50, 40], [0.5, 0.7, 1.5], DVec3::new(-10.0, 20.0, -30.0)).unwrap()
    }

    fn view() -> ViewState {
        ViewState::of(grid().bounds_mm(), Window::new(40.0, 400.0), "CT-Bone")
    }

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

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
    fn shown(view: &ViewState, panes: &[(Pane, Size)]) -> Look {
        let grid = grid();
        let subject = Subject {
            grid: Some(&grid),
            photo: None,
        };
        let content = Content {
            volume: Shown::Yes,
            layers: Vec::new(),
        };
        let look = look(1, subject, view, panes, &content);
        assert_eq!(look.check(), Ok(()));
        look
    }

    fn turned() -> ViewState {
        let mut view = view();
        view.cross_mm += DVec3::new(3.0, -4.5, 11.0);
        view.zoom = [1.7, 0.6, 4.0];
        view.tilt(Pane::Coronal, Pane::Axial, 0.3);
        view.mirror(Pane::Sagittal, Mirror::Across);
        let grid = grid();
        for pane in Pane::PLANES {
            view.pan(pane, DVec2::new(12.0, -7.0), Some(&grid), size(320, 200));
        }
        view.turn(DVec2::new(31.0, 17.0), size(320, 200));
        view.drag_window(DVec2::new(20.0, 5.0));
        view.inverted = true;
        view.slab = ThickSlab {
            mm: 5.0,
            projection: SlabProjection::Mean,
        };
        let bounds = grid.bounds_mm();
        view.clip_mm = Some(Aabb {
            min: bounds.min + DVec3::new(1.0, 2.0, 3.0),
            max: bounds.max - DVec3::new(2.0, 1.0, 4.0),
        });
        view
    }

    #[test]
    fn who_follows_sees_what_the_leader_sees_in_pictures_of_another_size() {
        let leader = turned();
        let sizes = [(320, 200), (500, 310), (320, 260), (250, 333)];
        let panes: Vec<(Pane, Size)> = Layout::FourUp
            .panes()
            .into_iter()
            .zip(sizes)
            .map(|(pane, (width, height))| (pane, size(width, height)))
            .collect();
        let look = shown(&leader, &panes);
        assert_eq!(layout_of(&look), Some(Layout::FourUp));
        let follower = as_shown(&view(), &look, Some(&grid()));
        assert!(follower.cross_mm.distance(leader.cross_mm) < 1e-9);
        assert_eq!(
            (follower.camera, follower.slab, follower.inverted),
            (leader.camera, leader.slab, true)
        );
        assert_eq!(follower.window(), leader.window());
        assert_eq!(follower.clip_mm, leader.clip_mm);
        for pane in Pane::PLANES {
            for at in [size(320, 200), size(411, 700)] {
                let [a, b] = [&leader, &follower].map(|view| view.plane(pane, &grid(), at).unwrap());
                assert!(a.center_mm.distance(b.center_mm) < 1e-9, "{pane:?}");
                assert!((a.mm_per_pixel / b.mm_per_pixel - 1.0).abs() < 1e-9, "{pane:?}");
                assert_eq!((a.right, a.down), (b.right, b.down));
            }
        }
    }

    #[test]
    fn what_the_leader_does_not_see_stays_as_it_is() {
        let leader = turned();
        let own = view();
        let look = shown(&leader, &[(Pane::Axial, size(300, 200))]);
        assert_eq!(layout_of(&look), Some(Layout::Single(Pane::Axial)));
        let follower = as_shown(&own, &look, Some(&grid()));
        assert_eq!(follower.camera, own.camera);
        assert_eq!(follower.axes[1..], own.axes[1..]);
        // Into the leader's slice, and no farther.
        assert!((follower.cross_mm.z - leader.cross_mm.z).abs() < 1e-9);
        assert!((follower.cross_mm - own.cross_mm).truncate().length() < 1e-9);
        let mut odd = look;
        odd.panes.push(odd.panes[0]);
        assert_eq!(layout_of(&odd), None);
        odd.panes.clear();
        assert_eq!(layout_of(&odd), None);
    }

    #[test]
    fn a_photograph_is_followed_and_planes_wait_for_their_volume() {
        let mut leader = view();
        leader.photo = PhotoView {
            zoom: 3.0,
            middle: DVec2::new(0.25, 0.75),
        };
        let subject = Subject {
            grid: None,
            photo: Some(size(640, 480)),
        };
        let panes = [(Pane::Space, size(300, 200))];
        let photo = look(1, subject, &leader, &panes, &Content::default());
        assert_eq!(as_shown(&view(), &photo, None).photo, leader.photo);
        let planes = shown(&turned(), &[(Pane::Coronal, size(300, 200))]);
        assert_eq!(as_shown(&view(), &planes, None).zoom, [1.0; 3]);
    }

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
}
