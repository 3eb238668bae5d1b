//! What must be told about a group, typed.

use super::model::{PhaseBy, SplitReason};
use super::sentence;

/// How much a finding matters to someone who measures or judges by the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing in the picture is less true for it.
    Info,
    /// Something in the picture is interpolated, missing or assumed.
    Caution,
    /// The picture must not be measured.
    Danger,
}

/// A place in a stack where planes are missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// The plane below, counted from 1 in the grid.
    pub below: u32,
    /// The plane above, counted from 1 in the grid.
    pub above: u32,
    /// Distance between the two along the normal, mm.
    pub gap_mm: f64,
    /// Instance Number of the slice below and of the one above.
    pub instance_numbers: [Option<i64>; 2],
}

impl Gap {
    /// How many planes are missing.
    pub fn missing(&self) -> u32 {
        self.above.saturating_sub(self.below).saturating_sub(1)
    }
}

/// One thing worth telling about a volume or a list of pictures. Slices are counted from 1.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    missing_docs,
    reason = "the fields are the numbers of the sentence that each variant makes"
)]
pub enum Finding {
    /// Slices are absent at whole multiples of the spacing; planes there are interpolated.
    MissingSlices {
        gaps: Vec<Gap>,
        acquired: u32,
        planes: u32,
    },
    /// Distances between slices differ; planes between them are interpolated.
    UnevenSpacing {
        min_mm: f64,
        median_mm: f64,
        max_mm: f64,
        interpolated: u32,
        planes: u32,
    },
    /// Slices do not lie on one line, so the grid misplaces some of them.
    ShiftedSlices { max_shift_mm: f64 },
    /// The same instance came several times; copies were left out.
    DuplicateInstances { count: u32 },
    /// Different pictures claim the same SOP Instance UID; all were kept.
    ReusedUid { count: u32 },
    /// Slices lie where another does and nothing tells why; those with higher instance numbers were left out.
    DuplicatePosition {
        count: u32,
        first_plane: u32,
        kept: Option<i64>,
        left_out: Option<i64>,
    },
    /// One of several volumes at the same place.
    Phase { index: u32, count: u32, by: PhaseBy },
    /// The series holds frames that can't be one grid; this group holds some of them.
    Mixed {
        reason: SplitReason,
        here: u32,
        total: u32,
    },
    /// Slices are sheared against each other, as by a tilted gantry; the grid keeps that exactly.
    GantryTilt {
        measured_degrees: f64,
        tag_degrees: Option<f64>,
    },
    /// The slices are not parallel to an anatomical plane.
    Oblique {
        normal_degrees: f64,
        in_plane_degrees: f64,
    },
    /// Slice Thickness is not the distance between slices.
    SliceThicknessDiffers { thickness_mm: f64, spacing_mm: f64 },
    /// Each slice has a rescale of its own.
    RescaleVaries {
        min_slope: f64,
        max_slope: f64,
        min_intercept: f64,
        max_intercept: f64,
    },
    /// Slices without rescale where one is needed: in CT, or beside slices that have one. Values have no unit.
    MissingRescale { count: u32 },
    /// A rescale with a slope of zero or numbers that are none; stored values are shown.
    BadRescale { count: u32 },
    /// Compressed with loss.
    Lossy { count: u32, total: u32 },
    /// High values are shown dark.
    Monochrome1,
    /// Stored values that stand for no measurement.
    PixelPadding { low: i64, high: i64 },
    /// Slices disagree about padding values, so none is taken as padding.
    PaddingVaries,
    /// Slices without Image Position (Patient), or with an absurd one.
    MissingPosition { count: u32, total: u32 },
    /// Slices without Image Orientation (Patient).
    MissingOrientation { count: u32, total: u32 },
    /// Image Orientation (Patient) whose directions are not perpendicular unit vectors.
    BadOrientation { count: u32, total: u32 },
    /// Slices without Pixel Spacing.
    MissingPixelSpacing { count: u32, total: u32 },
    /// Pixel Spacing of zero, below zero or no number.
    BadPixelSpacing { count: u32, total: u32 },
    /// A mosaic that does not say how far apart its slices are, or whose tiles do not fit.
    BadMosaic { count: u32, total: u32 },
    /// The order of slices in a mosaic is assumed: the file does not give their normal.
    MosaicNormalAssumed,
    /// The spacing of a mosaic is taken from Slice Thickness.
    MosaicSpacingAssumed { thickness_mm: f64 },
    /// One slice: the distance to a neighbor is unknown, so there is no volume.
    SingleSlice,
    /// The files carry no Series Instance UID; they were taken as one series of their study.
    MissingSeriesUid,
    /// Something odd in a file that could be read over.
    FileOddity { message: String, count: u32 },
}

impl Finding {
    /// Stable name in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingSlices { .. } => "missing_slices",
            Self::UnevenSpacing { .. } => "uneven_spacing",
            Self::ShiftedSlices { .. } => "shifted_slices",
            Self::DuplicateInstances { .. } => "duplicate_instances",
            Self::ReusedUid { .. } => "reused_uid",
            Self::DuplicatePosition { .. } => "duplicate_position",
            Self::Phase { .. } => "phase",
            Self::Mixed { reason, .. } => match reason {
                SplitReason::Localizer => "localizer_apart",
                SplitReason::Orientation => "mixed_orientation",
                SplitReason::MatrixSize => "mixed_matrix_size",
                SplitReason::PixelSpacing => "mixed_pixel_spacing",
                SplitReason::FrameOfReference => "mixed_frame_of_reference",
                SplitReason::ImageType => "mixed_image_type",
                SplitReason::StackId => "several_stacks",
                SplitReason::Samples => "mixed_samples",
                SplitReason::Gap => "split_at_gap",
            },
            Self::GantryTilt { .. } => "gantry_tilt",
            Self::Oblique { .. } => "oblique",
            Self::SliceThicknessDiffers { .. } => "slice_thickness_differs",
            Self::RescaleVaries { .. } => "rescale_varies",
            Self::MissingRescale { .. } => "missing_rescale",
            Self::BadRescale { .. } => "bad_rescale",
            Self::Lossy { .. } => "lossy",
            Self::Monochrome1 => "monochrome1",
            Self::PixelPadding { .. } => "pixel_padding",
            Self::PaddingVaries => "padding_varies",
            Self::MissingPosition { .. } => "missing_position",
            Self::MissingOrientation { .. } => "missing_orientation",
            Self::BadOrientation { .. } => "bad_orientation",
            Self::MissingPixelSpacing { .. } => "missing_pixel_spacing",
            Self::BadPixelSpacing { .. } => "bad_pixel_spacing",
            Self::BadMosaic { .. } => "bad_mosaic",
            Self::MosaicNormalAssumed => "mosaic_normal_assumed",
            Self::MosaicSpacingAssumed { .. } => "mosaic_spacing_assumed",
            Self::SingleSlice => "single_slice",
            Self::MissingSeriesUid => "missing_series_uid",
            Self::FileOddity { .. } => "file_oddity",
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::MissingSlices { acquired, planes, .. } => gap_severity(*acquired, *planes),
            Self::UnevenSpacing { min_mm, max_mm, .. } if *max_mm > 1.5 * min_mm => Severity::Danger,
            Self::ShiftedSlices { .. }
            | Self::BadRescale { .. }
            | Self::BadOrientation { .. }
            | Self::MissingPixelSpacing { .. }
            | Self::BadPixelSpacing { .. }
            | Self::BadMosaic { .. } => Severity::Danger,
            Self::UnevenSpacing { .. }
            | Self::ReusedUid { .. }
            | Self::DuplicatePosition { .. }
            | Self::MissingRescale { .. }
            | Self::Lossy { .. }
            | Self::PaddingVaries
            | Self::MissingPosition { .. }
            | Self::MissingOrientation { .. }
            | Self::MosaicNormalAssumed
            | Self::MosaicSpacingAssumed { .. }
            | Self::MissingSeriesUid => Severity::Caution,
            Self::Mixed { reason, .. } => match reason {
                SplitReason::Localizer | SplitReason::ImageType | SplitReason::StackId => Severity::Info,
                _ => Severity::Caution,
            },
            // Slices thinner than their distance leave tissue between them that was never imaged.
            Self::SliceThicknessDiffers {
                thickness_mm,
                spacing_mm,
            } if thickness_mm < spacing_mm => Severity::Caution,
            Self::DuplicateInstances { .. }
            | Self::Phase { .. }
            | Self::GantryTilt { .. }
            | Self::Oblique { .. }
            | Self::SliceThicknessDiffers { .. }
            | Self::RescaleVaries { .. }
            | Self::Monochrome1
            | Self::PixelPadding { .. }
            | Self::SingleSlice
            | Self::FileOddity { .. } => Severity::Info,
        }
    }

    /// One sentence for a person.
    pub fn message(&self) -> String {
        sentence::of(self)
    }

    /// The numbers behind the sentence by name, each with its unit in the name.
    pub fn values(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::MissingSlices {
                gaps,
                acquired,
                planes,
            } => gap_values(gaps, *acquired, *planes),
            Self::UnevenSpacing {
                min_mm,
                median_mm,
                max_mm,
                interpolated,
                planes,
            } => vec![
                ("min_mm", *min_mm),
                ("median_mm", *median_mm),
                ("max_mm", *max_mm),
                ("interpolated", f64::from(*interpolated)),
                ("planes", f64::from(*planes)),
            ],
            Self::ShiftedSlices { max_shift_mm } => vec![("max_shift_mm", *max_shift_mm)],
            Self::DuplicatePosition {
                count,
                first_plane,
                kept,
                left_out,
            } => {
                let mut values = vec![
                    ("count", f64::from(*count)),
                    ("first_plane", f64::from(*first_plane)),
                ];
                values.extend(kept.map(|n| ("kept_instance_number", n as f64)));
                values.extend(left_out.map(|n| ("left_out_instance_number", n as f64)));
                values
            }
            Self::Phase { index, count, .. } => {
                vec![("index", f64::from(*index)), ("count", f64::from(*count))]
            }
            Self::Mixed { here, total, .. } => vec![("here", f64::from(*here)), ("total", f64::from(*total))],
            Self::GantryTilt {
                measured_degrees,
                tag_degrees,
            } => {
                let mut values = vec![("measured_degrees", *measured_degrees)];
                values.extend(tag_degrees.map(|degrees| ("tag_degrees", degrees)));
                values
            }
            Self::Oblique {
                normal_degrees,
                in_plane_degrees,
            } => vec![
                ("normal_degrees", *normal_degrees),
                ("in_plane_degrees", *in_plane_degrees),
            ],
            Self::SliceThicknessDiffers {
                thickness_mm,
                spacing_mm,
            } => {
                vec![("thickness_mm", *thickness_mm), ("spacing_mm", *spacing_mm)]
            }
            Self::RescaleVaries {
                min_slope,
                max_slope,
                min_intercept,
                max_intercept,
            } => vec![
                ("min_slope", *min_slope),
                ("max_slope", *max_slope),
                ("min_intercept", *min_intercept),
                ("max_intercept", *max_intercept),
            ],
            Self::PixelPadding { low, high } => vec![("low", *low as f64), ("high", *high as f64)],
            Self::MosaicSpacingAssumed { thickness_mm } => vec![("thickness_mm", *thickness_mm)],
            Self::DuplicateInstances { count }
            | Self::ReusedUid { count }
            | Self::MissingRescale { count }
            | Self::BadRescale { count }
            | Self::FileOddity { count, .. } => vec![("count", f64::from(*count))],
            Self::Lossy { count, total }
            | Self::MissingPosition { count, total }
            | Self::MissingOrientation { count, total }
            | Self::BadOrientation { count, total }
            | Self::MissingPixelSpacing { count, total }
            | Self::BadPixelSpacing { count, total }
            | Self::BadMosaic { count, total } => {
                vec![("count", f64::from(*count)), ("total", f64::from(*total))]
            }
            Self::Monochrome1
            | Self::PaddingVaries
            | Self::MosaicNormalAssumed
            | Self::SingleSlice
            | Self::MissingSeriesUid => Vec::new(),
        }
    }
}

/// Missing planes are a caution until they are more than a quarter of the volume.
fn gap_severity(acquired: u32, planes: u32) -> Severity {
    if u64::from(planes.saturating_sub(acquired)) * 4 > u64::from(planes) {
        Severity::Danger
    } else {
        Severity::Caution
    }
}

fn gap_values(gaps: &[Gap], acquired: u32, planes: u32) -> Vec<(&'static str, f64)> {
    let mut values = vec![
        ("missing", f64::from(planes.saturating_sub(acquired))),
        ("acquired", f64::from(acquired)),
        ("planes", f64::from(planes)),
    ];
    for gap in gaps {
        values.push(("below", f64::from(gap.below)));
        values.push(("above", f64::from(gap.above)));
        values.push(("gap_mm", gap.gap_mm));
        let [below, above] = gap.instance_numbers;
        values.extend(below.map(|n| ("below_instance_number", n as f64)));
        values.extend(above.map(|n| ("above_instance_number", n as f64)));
    }
    values
}
