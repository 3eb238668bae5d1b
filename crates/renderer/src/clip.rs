//! What is cut away from a picture.

use geometry::{DAffine3, DVec3};

/// Half of space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// A point of the plane, patient mm.
    pub point_mm: DVec3,
    /// Points to the half that is kept; needs not have unit length.
    pub normal: DVec3,
}

/// What is cut away: everything that a plane leaves behind it, and everything outside the box.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clip {
    /// Each keeps the side that its normal points to.
    pub planes: Vec<Plane>,
    /// Takes the patient to a box: what lands between 0 and 1 on every axis is kept.
    pub box_from_patient: Option<DAffine3>,
}

/// The part of a ray that is kept, with the outward normals (patient, unit) of the faces where it begins and ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) from_normal: DVec3,
    pub(crate) to_normal: DVec3,
}

impl Clip {
    /// Nothing is cut away.
    pub const NONE: Self = Self {
        planes: Vec::new(),
        box_from_patient: None,
    };

    /// Whether anything may be cut away.
    pub fn cuts(&self) -> bool {
        !self.planes.is_empty() || self.box_from_patient.is_some()
    }

    /// Whether a point (patient mm) is kept.
    pub fn keeps(&self, p_in_patient_mm: DVec3) -> bool {
        self.faces().all(|face| face.depth(p_in_patient_mm) >= 0.0)
    }

    /// The half spaces whose common part is kept.
    pub(crate) fn faces(&self) -> impl Iterator<Item = Face> + '_ {
        let planes = self.planes.iter().map(|plane| Face {
            inward: plane.normal,
            offset: -plane.normal.dot(plane.point_mm),
        });
        let sides = self.box_from_patient.iter().flat_map(|map| {
            let rows = map.matrix3.transpose();
            let rows = [rows.x_axis, rows.y_axis, rows.z_axis];
            let offsets = map.translation.to_array();
            (0..3).flat_map(move |axis| {
                let low = Face {
                    inward: rows[axis],
                    offset: offsets[axis],
                };
                let high = Face {
                    inward: -rows[axis],
                    offset: 1.0 - offsets[axis],
                };
                [low, high]
            })
        });
        planes.chain(sides)
    }

    /// The part of a ray that is kept, in lengths of `direction`; `None` when nothing is.
    pub(crate) fn kept(&self, origin_mm: DVec3, direction: DVec3) -> Option<Kept> {
        let mut kept = Kept {
            from: f64::NEG_INFINITY,
            to: f64::INFINITY,
            from_normal: DVec3::ZERO,
            to_normal: DVec3::ZERO,
        };
        for face in self.faces() {
            let (depth, speed) = (face.depth(origin_mm), face.inward.dot(direction));
            if speed.abs() < 1e-12 {
                // Along the face; a face that is no number cuts nothing off.
                if depth < 0.0 {
                    return None;
                }
                continue;
            }
            let at = -depth / speed;
            let outward = -face.inward.normalize_or_zero();
            if speed > 0.0 && at > kept.from {
                (kept.from, kept.from_normal) = (at, outward);
            } else if speed < 0.0 && at < kept.to {
                (kept.to, kept.to_normal) = (at, outward);
            }
        }
        (kept.from <= kept.to).then_some(kept)
    }
}

/// Keeps what lies where `inward . p + offset` is not negative.
pub(crate) struct Face {
    pub(crate) inward: DVec3,
    offset: f64,
}

impl Face {
    /// How far inside a point lies, in lengths of `inward`.
    pub(crate) fn depth(&self, p: DVec3) -> f64 {
        self.inward.dot(p) + self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ray_is_kept_where_its_points_are() {
        let turned = DAffine3::from_cols(
            DVec3::new(0.02, 0.01, 0.0),
            DVec3::new(-0.01, 0.03, 0.002),
            DVec3::new(0.0, 0.004, 0.05),
            DVec3::new(0.4, 0.5, 0.6),
        );
        let clip = Clip {
            planes: vec![Plane {
                point_mm: DVec3::new(3.0, 1.0, 2.0),
                normal: DVec3::new(-1.0, 2.0, 0.5),
            }],
            box_from_patient: Some(turned),
        };
        let origin = DVec3::new(-60.0, 2.0, -3.0);
        let direction = DVec3::new(1.0, 0.1, 0.05);
        let kept = clip.kept(origin, direction).unwrap();
        for i in 0..1200 {
            let t = f64::from(i) * 0.1;
            let inside = t >= kept.from && t <= kept.to;
            assert_eq!(clip.keeps(origin + direction * t), inside, "{t}");
        }
        assert!(kept.from_normal.dot(direction) < 0.0 && kept.to_normal.dot(direction) > 0.0);
        assert!(clip.kept(origin, DVec3::Z).is_none());
        assert!(Clip::NONE.kept(origin, direction).unwrap().to.is_infinite());
        assert!(!Clip::NONE.cuts() && clip.cuts());
    }

    #[test]
    fn a_plane_that_is_no_number_breaks_nothing() {
        let clip = Clip {
            planes: vec![Plane {
                point_mm: DVec3::NAN,
                normal: DVec3::X,
            }],
            box_from_patient: None,
        };
        assert!(clip.kept(DVec3::ZERO, DVec3::X).is_some());
    }
}
