//! The view state: what a viewer wants to see now. The newest counts, so each is whole in itself.

use domain::ItemId;
use geometry::{DVec2, DVec3};
use serde::{Deserialize, Serialize};

/// A picture of the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pane {
    /// Across the body axis, seen from the feet.
    Axial,
    /// Seen from the front.
    Coronal,
    /// Seen from the patient's left.
    Sagittal,
    /// In three dimensions; photographs too.
    Space,
}

impl Pane {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Axial, Self::Coronal, Self::Sagittal, Self::Space];

    /// Those that show a plane.
    pub const PLANES: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// Its place in [`Pane::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Its place in [`Pane::PLANES`]; the picture in space has none.
    pub fn plane_index(self) -> Option<usize> {
        Self::PLANES.iter().position(|pane| *pane == self)
    }

    /// The word by which it is known on the wire, in styles and in tests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Axial => "axial",
            Self::Coronal => "coronal",
            Self::Sagittal => "sagittal",
            Self::Space => "space",
        }
    }
}

/// Size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PixelSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// The longest side of a picture, pixels.
const MOST_SIDE: u32 = 4096;
/// Pixels of a picture at most.
pub const MOST_PIXELS: u64 = 4_200_000;
/// Layers that a view state names at most.
pub const MOST_LAYERS: usize = 64;
/// Planes that cut, at most.
const MOST_CLIPS: usize = 12;
/// Corners of a transfer function at most.
const MOST_CORNERS: usize = 64;
/// Points of what is being measured, at most.
pub const MOST_MEASURED: usize = 64;
/// Panes at most.
const MOST_PANES: usize = 4;
/// Farther away from the middle of the patient's space nothing lies, mm.
const FARTHEST_MM: f64 = 1e6;

/// A plane through the patient as a picture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaneLook {
    /// What is in the middle of the picture, patient mm.
    pub center_mm: DVec3,
    /// Where the picture's right leads, unit length.
    pub right: DVec3,
    /// Where the picture's down leads, unit length, across `right`.
    pub down: DVec3,
    /// Size of a pixel of the viewer's picture.
    pub mm_per_pixel: f64,
}

/// A camera.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CameraLook {
    /// Where it stands, patient mm.
    pub eye_mm: DVec3,
    /// What is in the middle, patient mm.
    pub target_mm: DVec3,
    /// Which way is up; need not be across the line of sight.
    pub up: DVec3,
    /// Vertical field of view.
    pub field_of_view_radians: f64,
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shows {
    /// A plane.
    Plane(PlaneLook),
    /// The patient in space.
    Space(CameraLook),
    /// A photograph.
    Photo(PhotoLook),
}

/// How a photograph lies in its picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoLook {
    /// How much larger than fitting.
    pub zoom: f64,
    /// What part of its width and height is in the middle, each 0 to 1.
    pub middle: DVec2,
}

/// One picture of the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaneLook {
    /// Which.
    pub pane: Pane,
    /// How large it is there.
    pub size: PixelSize,
    /// What it shows.
    pub shows: Shows,
}

/// Which values are dark and which are bright in a plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowLook {
    /// The value of middle gray, in the unit of the volume.
    pub center: f64,
    /// From dark to bright.
    pub width: f64,
}

/// What becomes of the values through a thick slab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// The largest is shown.
    #[default]
    Maximum,
    /// The least.
    Minimum,
    /// The mean.
    Mean,
}

/// How thick a plane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlabLook {
    /// Thickness; 0 for a thin plane.
    pub thickness_mm: f64,
    /// What becomes of the values through it.
    pub projection: Projection,
}

/// Everything on one side of a plane is cut away.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipLook {
    /// A point of the plane, patient mm.
    pub point_mm: DVec3,
    /// Unit length; points to what is kept.
    pub normal: DVec3,
}

/// A surface, and how much of it is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The item that it is of, where that is one that was added beside what is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// Its name in the item.
    pub name: String,
    /// 0 invisible, 1 opaque.
    pub opacity: f64,
    /// A color of one's choice, sRGB between 0 and 1; its own where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<[f32; 3]>,
}

/// A corner of a transfer function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Corner {
    /// The value, in the unit of the volume.
    pub value: f64,
    /// sRGB between 0 and 1.
    pub color: [f32; 3],
    /// 0 invisible, 1 opaque.
    pub opacity: f32,
}

/// Whether something is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// It is.
    #[default]
    Yes,
    /// It is not.
    No,
}

/// What a viewer wants to see now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Rises with every view state of a session; frames say which one they answer.
    pub sequence: u64,
    /// The pictures.
    pub panes: Vec<PaneLook>,
    /// Of the planes.
    pub window: WindowLook,
    /// Whether bright and dark are exchanged.
    #[serde(default)]
    pub inversion: crate::Inversion,
    /// Thickness of the planes.
    pub slab: SlabLook,
    /// Name of the transfer function of the volume in space.
    pub preset: String,
    /// The corners of a transfer function of one's own, which goes before `preset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Vec<Corner>>,
    /// Whether the volume is shown in space.
    #[serde(default)]
    pub volume: Shown,
    /// The surfaces in space; those that are not named are not shown.
    #[serde(default)]
    pub layers: Vec<Layer>,
    /// What is cut away in space.
    #[serde(default)]
    pub clips: Vec<ClipLook>,
    /// Points of what is being measured, patient mm: around them pictures at rest are kept clear of the visible mark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measured_mm: Vec<DVec3>,
}

/// Why a view state cannot be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// More panes, layers or planes than there can be, or names that are too long.
    #[error("the view state names too much")]
    TooMuch,
    /// A picture is too small or too large.
    #[error("a picture has a size that is not drawn")]
    Size,
    /// A number is not finite, too large, or a direction has no unit length.
    #[error("a number of the view state means nothing")]
    Number,
    /// A pane shows what it cannot.
    #[error("a pane shows what it cannot")]
    Pane,
}

impl Look {
    /// These pictures, in a thin plane and of the whole volume by a preset, with nothing cut away.
    pub fn new(sequence: u64, panes: Vec<PaneLook>, window: WindowLook, preset: &str) -> Self {
        Self {
            sequence,
            panes,
            window,
            inversion: crate::Inversion::default(),
            slab: SlabLook::default(),
            preset: preset.to_owned(),
            transfer: None,
            volume: Shown::default(),
            layers: Vec::new(),
            clips: Vec::new(),
            measured_mm: Vec::new(),
        }
    }

    /// Whether everything in it can be drawn, whoever made it.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), LookError> {
        let names_fit = self.layers.iter().all(|layer| layer.name.len() <= 300) && self.preset.len() <= 100;
        let counts_fit = self.panes.len() <= MOST_PANES
            && self.layers.len() <= MOST_LAYERS
            && self.clips.len() <= MOST_CLIPS
            && self.measured_mm.len() <= MOST_MEASURED
            && self
                .transfer
                .as_ref()
                .is_none_or(|corners| (2..=MOST_CORNERS).contains(&corners.len()));
        if !names_fit || !counts_fit {
            return Err(LookError::TooMuch);
        }
        for pane in &self.panes {
            pane.check()?;
        }
        let is_part = |part: f32| (0.0..=1.0).contains(&part);
        let layers_are_fine = self.layers.iter().all(|layer| {
            (0.0..=1.0).contains(&layer.opacity) && layer.color.iter().flatten().all(|part| is_part(*part))
        });
        let corners_are_fine = self.transfer.iter().flatten().all(|corner| {
            corner.value.abs() <= 1e12 && corner.color.into_iter().all(is_part) && is_part(corner.opacity)
        });
        let is_fine = self.window.center.abs() <= 1e12
            && (1e-9..=1e12).contains(&self.window.width)
            && (0.0..=10_000.0).contains(&self.slab.thickness_mm)
            && layers_are_fine
            && corners_are_fine
            && self
                .clips
                .iter()
                .all(|clip| is_place(clip.point_mm) && is_unit(clip.normal))
            && self.measured_mm.iter().all(|p_mm| is_place(*p_mm));
        if is_fine { Ok(()) } else { Err(LookError::Number) }
    }
}

impl PaneLook {
    /// Whether the picture can be drawn.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), LookError> {
        self.size.check()?;
        match (self.pane, &self.shows) {
            (Pane::Space, Shows::Space(camera)) => camera.check(),
            (Pane::Space, Shows::Photo(photo)) => photo.check(),
            (Pane::Axial | Pane::Coronal | Pane::Sagittal, Shows::Plane(plane)) => plane.check(),
            _ => Err(LookError::Pane),
        }
    }
}

impl PixelSize {
    /// Whether a picture of this size is drawn.
    ///
    /// # Errors
    /// [`LookError::Size`].
    pub fn check(&self) -> Result<(), LookError> {
        let sides = [self.width, self.height];
        let fits = sides.iter().all(|side| (8..=MOST_SIDE).contains(side))
            && u64::from(self.width) * u64::from(self.height) <= MOST_PIXELS;
        if fits { Ok(()) } else { Err(LookError::Size) }
    }
}

impl CameraLook {
    /// Whether it looks somewhere.
    ///
    /// # Errors
    /// [`LookError::Number`].
    pub fn check(&self) -> Result<(), LookError> {
        let looks = self.eye_mm.distance(self.target_mm) > 1e-6
            && self.up.is_finite()
            && (self.target_mm - self.eye_mm)
                .normalize_or_zero()
                .cross(self.up.normalize_or_zero())
                .length()
                > 1e-6;
        let is_fine = is_place(self.eye_mm)
            && is_place(self.target_mm)
            && self.up.abs().max_element() <= FARTHEST_MM
            && looks
            && (0.01..=3.0).contains(&self.field_of_view_radians);
        if is_fine { Ok(()) } else { Err(LookError::Number) }
    }
}

impl PhotoLook {
    /// Whether there is a picture.
    ///
    /// # Errors
    /// [`LookError::Number`].
    pub fn check(&self) -> Result<(), LookError> {
        let is_inside = self.middle.cmpge(DVec2::ZERO).all() && self.middle.cmple(DVec2::ONE).all();
        let is_fine = is_inside && (0.01..=1000.0).contains(&self.zoom);
        if is_fine { Ok(()) } else { Err(LookError::Number) }
    }
}

impl PlaneLook {
    /// Whether it is a plane.
    ///
    /// # Errors
    /// [`LookError::Number`].
    pub fn check(&self) -> Result<(), LookError> {
        let is_fine = is_place(self.center_mm)
            && is_unit(self.right)
            && is_unit(self.down)
            && self.right.dot(self.down).abs() <= 1e-6
            && (1e-4..=1e4).contains(&self.mm_per_pixel);
        if is_fine { Ok(()) } else { Err(LookError::Number) }
    }
}

fn is_place(p: DVec3) -> bool {
    p.is_finite() && p.abs().max_element() <= FARTHEST_MM
}

fn is_unit(direction: DVec3) -> bool {
    direction.is_finite() && (direction.length() - 1.0).abs() <= 1e-6
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn look() -> Look {
        let panes = vec![
            PaneLook {
                pane: Pane::Axial,
                size: PixelSize {
                    width: 512,
                    height: 400,
                },
                shows: Shows::Plane(PlaneLook {
                    center_mm: DVec3::new(1.0, -2.0, 3.5),
                    right: DVec3::X,
                    down: DVec3::Y,
                    mm_per_pixel: 0.5,
                }),
            },
            PaneLook {
                pane: Pane::Space,
                size: PixelSize {
                    width: 300,
                    height: 200,
                },
                shows: Shows::Space(CameraLook {
                    eye_mm: DVec3::new(0.0, -500.0, 4.0),
                    target_mm: DVec3::ZERO,
                    up: DVec3::Z,
                    field_of_view_radians: 0.5,
                }),
            },
        ];
        let window = WindowLook {
            center: 40.0,
            width: 400.0,
        };
        Look {
            transfer: Some(vec![
                Corner {
                    value: -100.5,
                    color: [0.0, 0.25, 1.0],
                    opacity: 0.0,
                },
                Corner {
                    value: 900.0,
                    color: [1.0; 3],
                    opacity: 0.75,
                },
            ]),
            layers: vec![Layer {
                item: None,
                name: "bone".to_owned(),
                opacity: 0.5,
                color: Some([0.9, 0.8, 0.7]),
            }],
            clips: vec![ClipLook {
                point_mm: DVec3::new(0.0, 0.0, 9.0),
                normal: DVec3::NEG_Z,
            }],
            measured_mm: vec![DVec3::new(1.5, -2.0, 3.5)],
            ..Look::new(7, panes, window, "CT-Bone")
        }
    }

    #[test]
    fn a_view_state_comes_through_the_wire() {
        let text = serde_json::to_string(&look()).unwrap();
        let back: Look = serde_json::from_str(&text).unwrap();
        assert_eq!(back, look());
        assert_eq!(back.check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        type Change = fn(&mut Look);
        let plane = |look: &mut Look, change: fn(&mut PlaneLook)| match &mut look.panes[0].shows {
            Shows::Plane(plane) => change(plane),
            _ => unreachable!("the first pane is a plane"),
        };
        let camera = |look: &mut Look, change: fn(&mut CameraLook)| match &mut look.panes[1].shows {
            Shows::Space(camera) => change(camera),
            _ => unreachable!("the second pane is in space"),
        };
        let numbers: [fn(&mut PlaneLook); 5] = [
            |plane| plane.center_mm.x = f64::NAN,
            |plane| plane.right = DVec3::ZERO,
            |plane| plane.down = DVec3::X,
            |plane| plane.mm_per_pixel = 0.0,
            |plane| plane.mm_per_pixel = f64::INFINITY,
        ];
        for change in numbers {
            let mut bad = look();
            plane(&mut bad, change);
            assert_eq!(bad.check(), Err(LookError::Number));
        }
        let numbers: [fn(&mut CameraLook); 4] = [
            |camera| camera.eye_mm = camera.target_mm,
            |camera| camera.up = camera.target_mm - camera.eye_mm,
            |camera| camera.up = DVec3::splat(f64::NAN),
            |camera| camera.field_of_view_radians = 4.0,
        ];
        for change in numbers {
            let mut bad = look();
            camera(&mut bad, change);
            assert_eq!(bad.check(), Err(LookError::Number));
        }
        let others: [(Change, LookError); 12] = [
            (|look| look.measured_mm[0].z = f64::NAN, LookError::Number),
            (
                |look| look.measured_mm = vec![DVec3::ZERO; MOST_MEASURED + 1],
                LookError::TooMuch,
            ),
            (
                |look| look.layers[0].color = Some([0.0, f32::NAN, 0.0]),
                LookError::Number,
            ),
            (|look| look.transfer = Some(Vec::new()), LookError::TooMuch),
            (|look| look.window.width = 0.0, LookError::Number),
            (|look| look.slab.thickness_mm = -1.0, LookError::Number),
            (|look| look.layers[0].opacity = f64::NAN, LookError::Number),
            (|look| look.clips[0].normal = DVec3::ONE, LookError::Number),
            (|look| look.panes[0].size.width = 4097, LookError::Size),
            (|look| look.panes[0].size.height = 7, LookError::Size),
            (|look| look.panes[0].pane = Pane::Space, LookError::Pane),
            (
                |look| look.panes = vec![look.panes[0]; MOST_PANES + 1],
                LookError::TooMuch,
            ),
        ];
        for (change, error) in others {
            let mut bad = look();
            change(&mut bad);
            assert_eq!(bad.check(), Err(error));
        }
    }
}
