//! Where a picture is kept clear of the visible mark: around what is being measured in it.
//!
//! Of pictures at rest alone, for nobody measures in what moves, and of few in a minute: whoever names one place after
//! another, to put a picture together that has no visible mark, soon gets it marked all over again.

use std::time::Instant;

use geometry::DVec2;
use protocol::{CameraLook, Look, Pane, PaneLook, PixelSize, PlaneLook, Shows};
use renderer::{Camera, SlicePlane};
use watermark::visible::Rect;

/// What is free beside what is measured, pixels of the viewer's picture.
const BESIDE: f64 = 12.0;
/// As far from a plane as this something still counts as measured in it, mm.
const NEAR_MM: f64 = 1.0;
/// Pictures that can be kept clear at once, and how fast that fills again, a second.
const PICTURES: f64 = 10.0;
const PICTURES_A_SEC: f64 = 0.25;

/// A part of a picture, in shares of its width and height from its left upper corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    min: DVec2,
    max: DVec2,
}

impl Part {
    /// Where a view state measures something in one of its panes; `None` where it does not.
    fn measured(look: &Look, pane: &PaneLook) -> Option<Self> {
        let PixelSize { width, height } = pane.size;
        let mut min = DVec2::splat(f64::MAX);
        let mut max = DVec2::splat(f64::MIN);
        for p_mm in &look.measured_mm {
            let pixel = match pane.shows {
                Shows::Plane(plane) => {
                    let plane = plane_of(plane);
                    let near_mm = (look.slab.thickness_mm * 0.5).max(NEAR_MM);
                    if plane.distance_mm(*p_mm).abs() > near_mm {
                        return None;
                    }
                    plane.pixel_of(*p_mm, width, height)
                }
                Shows::Space(camera) => camera_of(camera).pixel_of(*p_mm, width, height).ok()??,
                // Nothing on a photograph has a length.
                Shows::Photo(_) => return None,
            };
            min = min.min(pixel);
            max = max.max(pixel);
        }
        let size = DVec2::new(f64::from(width), f64::from(height));
        let part = Self {
            min: ((min - BESIDE) / size).clamp(DVec2::ZERO, DVec2::ONE),
            max: ((max + BESIDE) / size).clamp(DVec2::ZERO, DVec2::ONE),
        };
        part.min.cmplt(part.max).all().then_some(part)
    }

    #[cfg(test)]
    pub(crate) fn of_shares(min: [f64; 2], max: [f64; 2]) -> Self {
        Self {
            min: DVec2::from_array(min),
            max: DVec2::from_array(max),
        }
    }

    /// The pixels of it in a picture of this size.
    pub(crate) fn pixels(self, size: PixelSize) -> Rect {
        let size = DVec2::new(f64::from(size.width), f64::from(size.height));
        let min = (self.min * size).floor();
        let span = (self.max * size).ceil() - min;
        Rect {
            x: min.x as u32,
            y: min.y as u32,
            width: span.x as u32,
            height: span.y as u32,
        }
    }
}

/// What was kept clear, and how much more may be.
#[derive(Debug)]
pub(crate) struct Clearing {
    kept: [Option<(Part, Shows)>; Pane::ALL.len()],
    level: f64,
    since: Option<Instant>,
}

impl Clearing {
    pub(crate) fn new() -> Self {
        Self {
            kept: [None; Pane::ALL.len()],
            level: PICTURES,
            since: None,
        }
    }

    /// What is kept clear in a picture at rest.
    pub(crate) fn of(&mut self, look: &Look, pane: &PaneLook, now: Instant) -> Option<Part> {
        let part = Part::measured(look, pane)?;
        let secs = self
            .since
            .replace(now)
            .map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        self.level = (self.level + secs * PICTURES_A_SEC).min(PICTURES);
        let kept = &mut self.kept[pane.pane.index()];
        if *kept != Some((part, pane.shows)) {
            if self.level < 1.0 {
                return None;
            }
            self.level -= 1.0;
            *kept = Some((part, pane.shows));
        }
        Some(part)
    }
}

pub(crate) fn plane_of(look: PlaneLook) -> SlicePlane {
    SlicePlane {
        center_mm: look.center_mm,
        right: look.right,
        down: look.down,
        mm_per_pixel: look.mm_per_pixel,
    }
}

pub(crate) fn camera_of(look: CameraLook) -> Camera {
    Camera {
        eye_mm: look.eye_mm,
        target_mm: look.target_mm,
        up: look.up,
        field_of_view_radians: look.field_of_view_radians,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use geometry::DVec3;
    use protocol::WindowLook;

    use super::*;

    const SIZE: PixelSize = PixelSize {
        width: 300,
        height: 200,
    };

    fn axial(z_mm: f64) -> PaneLook {
        PaneLook {
            pane: Pane::Axial,
            size: SIZE,
            shows: Shows::Plane(PlaneLook {
                center_mm: DVec3::new(10.0, 20.0, z_mm),
                right: DVec3::X,
                down: DVec3::Y,
                mm_per_pixel: 0.5,
            }),
        }
    }

    fn measuring(points_mm: &[[f64; 3]]) -> Look {
        let window = WindowLook {
            center: 0.0,
            width: 1.0,
        };
        Look {
            measured_mm: points_mm.iter().copied().map(DVec3::from_array).collect(),
            ..Look::new(1, Vec::new(), window, "CT-Bone")
        }
    }

    #[test]
    fn what_is_measured_lies_in_the_clear_part() {
        let look = measuring(&[[0.0, 30.0, 5.0], [25.0, 15.0, 5.4]]);
        let part = Part::measured(&look, &axial(5.0)).unwrap();
        // 20 pixels left and 20 down of the middle; 30 right and 10 up.
        let rect = part.pixels(SIZE);
        assert_eq!((rect.x, rect.y), (130 - 12, 90 - 12));
        assert_eq!((rect.width, rect.height), (50 + 24, 30 + 24));
        let half = part.pixels(PixelSize {
            width: 150,
            height: 100,
        });
        assert_eq!((half.x, half.y, half.width, half.height), (59, 39, 37, 27));
        assert_eq!(Part::measured(&look, &axial(9.0)), None, "another slice");
        assert_eq!(Part::measured(&measuring(&[]), &axial(5.0)), None);
        let outside = measuring(&[[900.0, 30.0, 5.0]]);
        assert_eq!(Part::measured(&outside, &axial(5.0)), None);
    }

    #[test]
    fn in_space_it_is_where_the_camera_sees_it() {
        let look = measuring(&[[-20.2, 0.0, -0.2], [20.2, 0.0, 10.2]]);
        let camera = CameraLook {
            eye_mm: DVec3::new(0.0, -500.0, 0.0),
            target_mm: DVec3::ZERO,
            up: DVec3::Z,
            field_of_view_radians: 2.0 * (0.1_f64).atan(),
        };
        let space = |camera| PaneLook {
            pane: Pane::Space,
            size: SIZE,
            shows: Shows::Space(camera),
        };
        // 100 mm are 200 pixels high at this distance.
        let rect = Part::measured(&look, &space(camera)).unwrap().pixels(SIZE);
        assert_eq!((rect.x, rect.width), (109 - 12, 82 + 24));
        assert_eq!((rect.y, rect.height), (79 - 12, 22 + 24));
        let away = CameraLook {
            target_mm: DVec3::new(0.0, -900.0, 0.0),
            ..camera
        };
        assert_eq!(Part::measured(&look, &space(away)), None);
    }

    #[test]
    fn who_names_one_place_after_another_gets_few() {
        let mut clearing = Clearing::new();
        let start = Instant::now();
        let at = |x: f64| measuring(&[[x, 20.0, 5.0]]);
        let granted = |clearing: &mut Clearing, from: u32, now: Instant| {
            let places = (from..from + 40).map(|n| at(f64::from(n)));
            places
                .filter(|look| clearing.of(look, &axial(5.0), now).is_some())
                .count()
        };
        assert_eq!(granted(&mut clearing, 0, start), 10);
        // What is clear stays so, however often it is drawn.
        assert!(clearing.of(&at(9.0), &axial(5.0), start).is_some());
        assert!(clearing.of(&at(9.0), &axial(5.0), start).is_some());
        // The same place of another picture is another.
        assert!(clearing.of(&at(9.0), &axial(5.5), start).is_none());
        assert_eq!(granted(&mut clearing, 50, start + Duration::from_secs(8)), 2);
    }
}
