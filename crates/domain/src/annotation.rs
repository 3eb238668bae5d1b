//! Marks in a case: where they are, and what they measure.

use geometry::DVec3;
use serde::{Deserialize, Serialize};

use crate::error::DomainError;
use crate::word::words;

words! {
    /// The space that the points of a mark are in.
    MarkSpace {
        /// Patient space (LPS), millimeters.
        Patient = "patient",
        /// The pixels of an upright picture: x to the right, y down, from its upper left corner; z is 0.
        Picture = "picture",
    }
}

words! {
    /// What a mark is.
    AnnotationKind {
        /// A point.
        Pin = "pin",
        /// Two points and what lies between them.
        Distance = "distance",
        /// Three points, the second of which is the vertex.
        Angle = "angle",
        /// A line through points.
        Polyline = "polyline",
        /// A closed line through points.
        Region = "region",
        /// From the first point to the second.
        Arrow = "arrow",
        /// Words at a point.
        Text = "text",
    }
}

words! {
    /// The color of a mark, where it is not its author's.
    MarkColor {
        /// The accent of the interface.
        Cyan = "cyan",
        /// Yellow.
        Yellow = "yellow",
        /// Orange.
        Orange = "orange",
        /// Pink.
        Pink = "pink",
        /// Violet.
        Violet = "violet",
        /// Green.
        Green = "green",
        /// White.
        White = "white",
    }
}

words! {
    /// What became of a mark or a comment.
    AnnotationState {
        /// In force.
        Current = "current",
        /// Taken back by its author, or removed by a clinician; its history stays.
        Withdrawn = "withdrawn",
    }
}

/// Most points of a polyline or a region.
pub const MOST_POINTS: usize = 10_000;

/// Largest magnitude of a coordinate: 100 m, or 100,000 pixels.
const FARTHEST: f64 = 100_000.0;

/// A mark that passed its checks: points, their number right for the kind, finite and within bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawGeometry")]
pub struct AnnotationGeometry {
    kind: AnnotationKind,
    space: MarkSpace,
    points: Vec<DVec3>,
}

#[derive(Deserialize)]
struct RawGeometry {
    kind: AnnotationKind,
    space: MarkSpace,
    points: Vec<DVec3>,
}

impl TryFrom<RawGeometry> for AnnotationGeometry {
    type Error = DomainError;

    fn try_from(raw: RawGeometry) -> Result<Self, Self::Error> {
        Self::new(raw.kind, raw.space, raw.points)
    }
}

/// What a mark measures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "quantity", content = "value", rename_all = "snake_case")]
pub enum Measure {
    /// A length in patient space, millimeters.
    LengthMm(f64),
    /// An angle, radians, 0 to π.
    AngleRad(f64),
    /// The area that a closed line in a plane surrounds, square millimeters. Where the points are in no plane, the
    /// area of the line's shadow on the plane in which it is largest.
    AreaMm2(f64),
}

impl AnnotationGeometry {
    /// A mark, checked.
    ///
    /// # Errors
    /// [`DomainError::PointCount`] or [`DomainError::Coordinate`].
    pub fn new(kind: AnnotationKind, space: MarkSpace, points: Vec<DVec3>) -> Result<Self, DomainError> {
        let (least, most) = match kind {
            AnnotationKind::Pin | AnnotationKind::Text => (1, 1),
            AnnotationKind::Distance | AnnotationKind::Arrow => (2, 2),
            AnnotationKind::Angle => (3, 3),
            AnnotationKind::Polyline => (2, MOST_POINTS),
            AnnotationKind::Region => (3, MOST_POINTS),
        };
        if !(least..=most).contains(&points.len()) {
            return Err(DomainError::PointCount {
                kind: kind.word(),
                actual: points.len(),
                least,
                most,
            });
        }
        let is_inside = |p: &DVec3| p.to_array().iter().all(|c| (-FARTHEST..=FARTHEST).contains(c));
        if !points.iter().all(is_inside) {
            return Err(DomainError::Coordinate { limit: FARTHEST });
        }
        Ok(Self { kind, space, points })
    }

    /// What it is.
    pub fn kind(&self) -> AnnotationKind {
        self.kind
    }

    /// The space that its points are in.
    pub fn space(&self) -> MarkSpace {
        self.space
    }

    /// Its points, in the order in which they were set.
    pub fn points(&self) -> &[DVec3] {
        &self.points
    }

    /// What it measures. A picture has no scale, so that only angles are measured there.
    pub fn measure(&self) -> Option<Measure> {
        match (self.kind, self.space, self.points.as_slice()) {
            (AnnotationKind::Angle, _, &[a, vertex, b]) => {
                angle(a - vertex, b - vertex).map(Measure::AngleRad)
            }
            (AnnotationKind::Distance | AnnotationKind::Polyline, MarkSpace::Patient, points) => {
                Some(Measure::LengthMm(length(points)))
            }
            (AnnotationKind::Region, MarkSpace::Patient, points) => Some(Measure::AreaMm2(area(points))),
            _ => None,
        }
    }
}

fn length(points: &[DVec3]) -> f64 {
    points
        .iter()
        .zip(points.iter().skip(1))
        .map(|(a, b)| a.distance(*b))
        .sum()
}

/// By the arctangent, which is exact near 0 and π where the arccosine is not; `None` where a leg has no length.
fn angle(a: DVec3, b: DVec3) -> Option<f64> {
    (a.length_squared() > 0.0 && b.length_squared() > 0.0).then(|| a.cross(b).length().atan2(a.dot(b)))
}

/// Half the length of the sum of cross products (Newell), from the first point so that large coordinates cancel.
fn area(points: &[DVec3]) -> f64 {
    let Some((&origin, rest)) = points.split_first() else {
        return 0.0;
    };
    let sum: DVec3 = rest
        .iter()
        .zip(rest.iter().skip(1))
        .map(|(a, b)| (*a - origin).cross(*b - origin))
        .sum();
    sum.length() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(kind: AnnotationKind, points: &[[f64; 3]]) -> Result<AnnotationGeometry, DomainError> {
        let points = points.iter().map(|&p| DVec3::from_array(p)).collect();
        AnnotationGeometry::new(kind, MarkSpace::Patient, points)
    }

    #[test]
    fn lengths_angles_and_areas_are_those_of_school() {
        let offset = [1_000.0, -2_000.0, 3_000.0];
        let at = |x: f64, y: f64, z: f64| [offset[0] + x, offset[1] + y, offset[2] + z];
        let distance = mark(AnnotationKind::Distance, &[at(0.0, 0.0, 0.0), at(2.0, 3.0, 6.0)]).unwrap();
        assert_eq!(distance.measure(), Some(Measure::LengthMm(7.0)));
        let line = mark(
            AnnotationKind::Polyline,
            &[at(0.0, 0.0, 0.0), at(3.0, 4.0, 0.0), at(3.0, 4.0, 12.0)],
        );
        assert_eq!(line.unwrap().measure(), Some(Measure::LengthMm(17.0)));
        let right = mark(
            AnnotationKind::Angle,
            &[at(5.0, 0.0, 0.0), at(0.0, 0.0, 0.0), at(0.0, 0.0, 2.0)],
        );
        assert_eq!(
            right.unwrap().measure(),
            Some(Measure::AngleRad(std::f64::consts::FRAC_PI_2))
        );
        // A rectangle of 3 by 5 in a tilted plane, with one more point on an edge.
        let region = mark(
            AnnotationKind::Region,
            &[
                at(0.0, 0.0, 0.0),
                at(1.5, 0.0, 0.0),
                at(3.0, 0.0, 0.0),
                at(3.0, 3.0, 4.0),
                at(0.0, 3.0, 4.0),
            ],
        );
        let Some(Measure::AreaMm2(area)) = region.unwrap().measure() else {
            panic!("a region measures an area");
        };
        assert!((area - 15.0).abs() < 1e-9, "{area}");
    }

    #[test]
    fn a_picture_has_no_scale() {
        let points = vec![DVec3::ZERO, DVec3::new(30.0, 40.0, 0.0)];
        let geometry = AnnotationGeometry::new(AnnotationKind::Distance, MarkSpace::Picture, points).unwrap();
        assert_eq!(geometry.measure(), None);
    }

    #[test]
    fn an_angle_without_a_leg_measures_nothing() {
        let angle = mark(AnnotationKind::Angle, &[[1.0; 3], [1.0; 3], [2.0, 0.0, 0.0]]).unwrap();
        assert_eq!(angle.measure(), None);
    }

    #[test]
    fn poison_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 100_000.1, f64::MAX] {
            assert_eq!(
                mark(AnnotationKind::Pin, &[[0.0, bad, 0.0]]),
                Err(DomainError::Coordinate { limit: FARTHEST }),
                "{bad}"
            );
        }
        assert!(mark(AnnotationKind::Pin, &[[0.0, -100_000.0, 0.0]]).is_ok());
        assert!(mark(AnnotationKind::Pin, &[]).is_err());
        assert!(mark(AnnotationKind::Region, &[[0.0; 3]; 2]).is_err());
        assert!(mark(AnnotationKind::Polyline, &vec![[0.0; 3]; MOST_POINTS]).is_ok());
        assert!(mark(AnnotationKind::Polyline, &vec![[0.0; 3]; MOST_POINTS + 1]).is_err());
    }
}
