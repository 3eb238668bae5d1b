//! Marks as the viewer draws them: what is where in a picture, what it says, and what lies under a hand.

use domain::{AnnotationGeometry, AnnotationKind, MarkColor, MarkSpace, Measure};
use geometry::{DVec2, DVec3};
pub use renderer::RegionValues;
use renderer::{Camera, SlicePlane};

use crate::view_state::{PhotoPlace, Size};

/// How near a hand must come to what it takes, CSS pixels.
pub const REACH: f64 = 12.0;

/// A picture's way from the patient to its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Projector {
    /// A plane, and how far from it things are still shown, mm.
    Plane {
        /// The plane.
        plane: SlicePlane,
        /// Half of its thickness, at least half a slice.
        half_mm: f64,
        /// The picture's size.
        size: Size,
    },
    /// In space.
    Space {
        /// The camera.
        camera: Camera,
        /// The picture's size.
        size: Size,
    },
    /// On a photograph.
    Photo(PhotoPlace),
}

impl Projector {
    /// The space that its points are in.
    pub fn space(&self) -> MarkSpace {
        match self {
            Self::Plane { .. } | Self::Space { .. } => MarkSpace::Patient,
            Self::Photo(_) => MarkSpace::Picture,
        }
    }

    /// Where a point of the patient is in the picture, CSS pixels; `None` behind the camera.
    pub fn pixel_of(&self, p_mm: DVec3) -> Option<DVec2> {
        match self {
            Self::Plane { plane, size, .. } => Some(plane.pixel_of(p_mm, size.width, size.height)),
            Self::Space { camera, size } => camera.pixel_of(p_mm, size.width, size.height).ok().flatten(),
            Self::Photo(place) => Some(place.origin + p_mm.truncate() * place.scale),
        }
    }

    /// Whether the picture shows a mark with these points: a plane, those of which every point lies in it; in space, all.
    pub fn shows(&self, points: &[DVec3]) -> bool {
        match self {
            Self::Plane { plane, half_mm, .. } => points
                .iter()
                .all(|p| plane.distance_mm(*p).abs() <= half_mm + 1e-6),
            Self::Space { .. } | Self::Photo(_) => true,
        }
    }
}

/// What a mark measures, in words: millimeters and degrees to a tenth.
pub fn measured(geometry: &AnnotationGeometry) -> Option<String> {
    Some(match geometry.measure()? {
        Measure::LengthMm(mm) => format!("{mm:.1} mm"),
        Measure::AngleRad(angle) => format!("{:.1}°", angle.to_degrees()),
        Measure::AreaMm2(area) => format!("{area:.1} mm²"),
    })
}

/// A mark of these points, where they are right for its kind.
pub fn geometry_of(kind: AnnotationKind, space: MarkSpace, points: &[DVec3]) -> Option<AnnotationGeometry> {
    AnnotationGeometry::new(kind, space, points.to_vec()).ok()
}

/// Colors that read on bone and on air, sRGB.
const PALETTE: [(MarkColor, &str); 7] = [
    (MarkColor::Cyan, "#63c7e3"),
    (MarkColor::Yellow, "#f2d14b"),
    (MarkColor::Orange, "#f59a4c"),
    (MarkColor::Pink, "#f27fb2"),
    (MarkColor::Violet, "#b79cf5"),
    (MarkColor::Green, "#7ed491"),
    (MarkColor::White, "#f2f4f6"),
];

/// How a color is written in styles.
pub fn css_of(color: MarkColor) -> &'static str {
    let found = PALETTE.iter().find(|(other, _)| *other == color);
    found.map_or(PALETTE[0].1, |(_, css)| css)
}

/// How many points a mark of this kind has: at least, and where it ends by itself.
pub fn point_count(kind: AnnotationKind) -> (usize, Option<usize>) {
    match kind {
        AnnotationKind::Pin | AnnotationKind::Text => (1, Some(1)),
        AnnotationKind::Distance | AnnotationKind::Arrow => (2, Some(2)),
        AnnotationKind::Angle => (3, Some(3)),
        AnnotationKind::Polyline => (2, None),
        AnnotationKind::Region => (3, None),
    }
}

/// The points of a mark in a picture, CSS pixels; `None` where it does not show the mark.
pub fn place(projector: &Projector, points: &[DVec3]) -> Option<Vec<DVec2>> {
    if !projector.shows(points) {
        return None;
    }
    points.iter().map(|p| projector.pixel_of(*p)).collect()
}

/// Whether a hand is on the line of a mark.
pub fn is_on_line(hand: DVec2, points: &[DVec2], is_closed: bool) -> bool {
    let last = points.last().zip(points.first()).filter(|_| is_closed);
    let edges = points.iter().zip(points.iter().skip(1)).chain(last);
    edges
        .map(|(a, b)| distance_to(hand, *a, *b))
        .any(|distance| distance <= REACH / 2.0)
}

/// How far a point is from the line between two others.
fn distance_to(p: DVec2, a: DVec2, b: DVec2) -> f64 {
    let along = b - a;
    let part = (p - a).dot(along) / along.length_squared().max(f64::MIN_POSITIVE);
    p.distance(a + along * part.clamp(0.0, 1.0))
}

/// Which point of which mark lies under a hand: the nearest within [`REACH`]. `marks` are lists of pixels.
pub fn point_under<'a>(hand: DVec2, marks: impl Iterator<Item = &'a [DVec2]>) -> Option<(usize, usize)> {
    marks
        .enumerate()
        .flat_map(|(mark, points)| {
            points
                .iter()
                .enumerate()
                .map(move |(i, p)| (mark, i, p.distance(hand)))
        })
        .filter(|(_, _, distance)| *distance <= REACH)
        .min_by(|a, b| a.2.total_cmp(&b.2))
        .map(|(mark, point, _)| (mark, point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_shows_what_lies_in_it_and_space_shows_all() {
        let size = Size {
            width: 200,
            height: 100,
        };
        let plane = SlicePlane::axial(DVec3::new(0.0, 0.0, 10.0), 0.5);
        let projector = Projector::Plane {
            plane,
            half_mm: 0.75,
            size,
        };
        let flat = [DVec3::new(-5.0, 2.0, 10.0), DVec3::new(5.0, 2.0, 10.5)];
        let pixels = place(&projector, &flat).unwrap();
        assert_eq!(pixels[1], DVec2::new(110.0, 54.0));
        assert!(place(&projector, &[DVec3::new(0.0, 0.0, 11.0)]).is_none());
        let camera = Camera {
            eye_mm: DVec3::new(0.0, -100.0, 10.0),
            target_mm: DVec3::new(0.0, 0.0, 10.0),
            up: DVec3::Z,
            field_of_view_radians: 0.5,
        };
        let space = Projector::Space { camera, size };
        assert!(place(&space, &[DVec3::new(0.0, 40.0, 11.0)]).is_some());
        assert!(place(&space, &[DVec3::new(0.0, -140.0, 11.0)]).is_none());
    }

    #[test]
    fn measures_are_told_with_their_units() {
        let at = |x, y| DVec3::new(x, y, 7.0);
        let geometry_of = |kind, points: &[DVec3]| geometry_of(kind, MarkSpace::Patient, points);
        let distance = geometry_of(AnnotationKind::Distance, &[at(0.0, 0.0), at(3.0, 4.0)]).unwrap();
        assert_eq!(measured(&distance).unwrap(), "5.0 mm");
        let angle = geometry_of(AnnotationKind::Angle, &[at(1.0, 0.0), at(0.0, 0.0), at(0.0, 9.0)]).unwrap();
        assert_eq!(measured(&angle).unwrap(), "90.0°");
        let region = geometry_of(
            AnnotationKind::Region,
            &[at(0.0, 0.0), at(4.0, 0.0), at(4.0, 5.0), at(0.0, 5.0)],
        )
        .unwrap();
        assert_eq!(measured(&region).unwrap(), "20.0 mm²");
        assert_eq!(geometry_of(AnnotationKind::Region, &[at(0.0, 0.0)]), None);
        for kind in [
            AnnotationKind::Pin,
            AnnotationKind::Distance,
            AnnotationKind::Angle,
            AnnotationKind::Region,
        ] {
            let (least, _) = point_count(kind);
            let points: Vec<DVec3> = (0..least).map(|i| at(i as f64, (i * i) as f64)).collect();
            assert!(geometry_of(kind, &points).is_some(), "{kind:?}");
        }
    }

    #[test]
    fn a_hand_takes_the_nearest_point() {
        let marks = [
            vec![DVec2::new(0.0, 0.0), DVec2::new(30.0, 0.0)],
            vec![DVec2::new(34.0, 0.0)],
        ];
        let under = |x| point_under(DVec2::new(x, 0.0), marks.iter().map(Vec::as_slice));
        assert_eq!(under(31.0), Some((0, 1)));
        assert_eq!(under(33.0), Some((1, 0)));
        assert_eq!(under(16.0), None);
    }

    #[test]
    fn a_hand_is_on_a_line_or_it_is_not() {
        let points = [DVec2::ZERO, DVec2::new(100.0, 0.0), DVec2::new(100.0, 80.0)];
        assert!(is_on_line(DVec2::new(50.0, 5.0), &points, false));
        assert!(!is_on_line(DVec2::new(50.0, 40.0), &points, false));
        assert!(is_on_line(DVec2::new(50.0, 40.0), &points, true));
        assert!(!is_on_line(DVec2::new(-20.0, 0.0), &points, true));
        assert!(!is_on_line(DVec2::ZERO, &[], true));
    }

    #[test]
    fn a_mark_on_a_photograph_lies_in_its_pixels() {
        let place_of = PhotoPlace {
            origin: DVec2::new(10.0, 20.0),
            scale: 0.5,
        };
        let projector = Projector::Photo(place_of);
        assert_eq!(projector.space(), MarkSpace::Picture);
        let pixels = place(&projector, &[DVec3::new(100.0, 40.0, 0.0)]).unwrap();
        assert_eq!(pixels[0], DVec2::new(60.0, 40.0));
    }

    #[test]
    fn marks_have_colors_to_choose() {
        for color in MarkColor::ALL {
            assert!(css_of(*color).starts_with('#'));
        }
    }
}
