//! One frame (or mosaic tile) as a rectangle in the patient, or the reason why it is none.

use geometry::DVec3;

use super::model::{FramePlane, SliceRef, SplitReason, Tile};
use super::mosaic;
use crate::Instance;
use crate::instance::{FrameDescription, Image, Photometric};

/// How far a direction may be from a unit vector, and two directions from perpendicular: three decimals of text
/// round to less, and at 250 mm from the first pixel it moves nothing by more than 0.5 mm.
const ORIENTATION_TOLERANCE: f64 = 2e-3;

/// Coordinates beyond a kilometer are no places in a patient.
const FARTHEST_MM: f64 = 1e6;

/// A frame, read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) at: SliceRef,
    pub(super) instance: &'a Instance,
    pub(super) image: &'a Image,
    pub(super) description: &'a FrameDescription,
    /// Columns and rows of the picture (of the tile in a mosaic).
    pub(super) dims: [u32; 2],
}

impl<'a> Frame<'a> {
    /// Frame Type where the frame has its own, else Image Type.
    pub(super) fn image_type(&self) -> &'a [String] {
        self.description
            .frame_type
            .as_deref()
            .unwrap_or(&self.image.image_type)
    }

    /// Whether it was made to plan others on.
    pub(super) fn is_localizer(&self) -> bool {
        self.image_type().iter().any(|term| {
            ["LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW"]
                .iter()
                .any(|word| term.contains(word))
        })
    }

    /// What breaks ties between pictures: instance number, frames before it in its concatenation, frame, then the
    /// order of arrival, so that the result is the same for the same input.
    pub(super) fn order(&self) -> (i64, u32, u32, u32, usize) {
        let offset = self
            .image
            .concatenation
            .as_ref()
            .and_then(|whole| whole.frame_offset);
        let tile = self.at.tile.map_or(0, |tile| tile.index);
        (
            self.instance.instance_number.unwrap_or(i64::MAX),
            offset.unwrap_or(0),
            self.at.frame,
            tile,
            self.at.instance,
        )
    }
}

/// A frame that lies in the patient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) plane: FramePlane,
}

impl Sheet<'_> {
    /// Unit normal: row direction x column direction.
    pub(super) fn normal(&self) -> DVec3 {
        self.plane.row.cross(self.plane.column)
    }
}

/// A frame that is looked at as a picture.
#[derive(Clone, Debug)]
pub(super) struct Loose<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) plane: Option<FramePlane>,
    /// What keeps it from being placed.
    pub(super) defect: Option<Defect>,
    /// What keeps it from the volumes of its series.
    pub(super) reasons: Vec<SplitReason>,
}

impl<'a> Loose<'a> {
    /// A frame that could be placed but has no neighbors.
    pub(super) fn alone(sheet: &Sheet<'a>, reasons: &[SplitReason]) -> Self {
        Self {
            frame: sheet.frame,
            plane: Some(sheet.plane),
            defect: None,
            reasons: reasons.to_vec(),
        }
    }
}

/// Why a frame that should lie in the patient can't be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Defect {
    MissingPosition,
    MissingOrientation,
    BadOrientation,
    MissingPixelSpacing,
    BadPixelSpacing,
    BadMosaic,
}

/// What became of the frames of an instance.
#[derive(Debug, Default)]
pub(super) struct Placed<'a> {
    pub(super) sheets: Vec<Sheet<'a>>,
    pub(super) loose: Vec<Loose<'a>>,
}

impl<'a> Placed<'a> {
    /// Places every frame of `image`, which is instance number `index`.
    pub(super) fn add(&mut self, index: usize, instance: &'a Instance, image: &'a Image) {
        let moving = image.cine && image.frames.len() > 1 && !runs_through_space(image);
        for (number, description) in (0u32..).zip(&image.frames) {
            let frame = Frame {
                at: SliceRef {
                    instance: index,
                    frame: number,
                    tile: None,
                },
                instance,
                image,
                description,
                dims: [image.pixels.columns, image.pixels.rows],
            };
            let plane = plane_of(description);
            if is_color(image) || moving || frame.dims.contains(&0) {
                self.set_apart(frame, plane.ok(), None);
                continue;
            }
            match (plane, &image.mosaic) {
                (Ok(plane), Some(mosaic)) => match mosaic::tiles(&frame, &plane, mosaic) {
                    Some(tiles) => self.sheets.extend(tiles),
                    None => self.set_apart(frame, None, Some(Defect::BadMosaic)),
                },
                (Ok(plane), None) if is_projection(&frame) => self.set_apart(frame, Some(plane), None),
                (Ok(plane), None) => self.sheets.push(Sheet { frame, plane }),
                (Err(defect), _) => self.set_apart(frame, None, Some(defect)),
            }
        }
    }

    fn set_apart(&mut self, frame: Frame<'a>, plane: Option<FramePlane>, defect: Option<Defect>) {
        self.loose.push(Loose {
            frame,
            plane,
            defect,
            reasons: Vec::new(),
        });
    }
}

/// Whether the picture has several samples a pixel or stands for color.
pub(super) fn is_color(image: &Image) -> bool {
    image.pixels.samples_per_pixel != 1
        || !matches!(
            image.pixels.photometric,
            Photometric::Monochrome1 | Photometric::Monochrome2
        )
}

/// A localizer of CT is a projection through the patient: it has a plane, but never neighbors.
fn is_projection(frame: &Frame) -> bool {
    frame.instance.modality.as_deref() == Some("CT") && frame.is_localizer()
}

/// Whether the frames of a multi-frame picture lie at more than one place.
fn runs_through_space(image: &Image) -> bool {
    let mut positions = image.frames.iter().map(|frame| frame.position_mm);
    let first = positions.next().flatten();
    first.is_some() && positions.any(|position| position.is_some() && position != first)
}

/// Where a frame lies (PS3.3 C.7.6.2.1.1), or the first thing that is wrong.
fn plane_of(description: &FrameDescription) -> Result<FramePlane, Defect> {
    let position = description.position_mm.ok_or(Defect::MissingPosition)?;
    if !position.iter().all(|mm| mm.abs() <= FARTHEST_MM) {
        return Err(Defect::MissingPosition);
    }
    let cosines = description.orientation.ok_or(Defect::MissingOrientation)?;
    let (row, column) = directions(cosines).ok_or(Defect::BadOrientation)?;
    let [between_rows, between_columns] = description.pixel_spacing_mm.ok_or(Defect::MissingPixelSpacing)?;
    let usable = |mm: f64| (1e-6..=1e4).contains(&mm);
    if !usable(between_rows) || !usable(between_columns) {
        return Err(Defect::BadPixelSpacing);
    }
    Ok(FramePlane {
        origin_mm: DVec3::from_array(position),
        row,
        column,
        spacing_mm: [between_columns, between_rows],
    })
}

/// Row and column direction, made exactly perpendicular unit vectors; `None` when they are too far from it.
fn directions([rx, ry, rz, cx, cy, cz]: [f64; 6]) -> Option<(DVec3, DVec3)> {
    let (row, column) = (DVec3::new(rx, ry, rz), DVec3::new(cx, cy, cz));
    let off = [row.length() - 1.0, column.length() - 1.0, row.dot(column)];
    // NaN is not within any tolerance.
    if !off.iter().all(|error| error.abs() <= ORIENTATION_TOLERANCE) {
        return None;
    }
    let row = row.normalize();
    Some((row, (column - row * row.dot(column)).normalize()))
}

impl Tile {
    /// The tile of this number in a frame that is `per_side` tiles wide.
    pub(super) fn of(index: u32, per_side: u32, dims: [u32; 2]) -> Self {
        let [columns, rows] = dims;
        let per_side = per_side.max(1);
        Self {
            index,
            left: (index % per_side).saturating_mul(columns),
            top: (index / per_side).saturating_mul(rows),
            columns,
            rows,
        }
    }
}
