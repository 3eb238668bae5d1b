//! What grouping gives: the contract with the rooms to the right.

use geometry::{DVec3, GridGeometry};

use super::Finding;
use crate::instance::{DocumentKind, Photometric, Rescale, SampleFormat, Sign, SuvScale};

/// What belongs together and becomes one item of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Series Instance UID, where the files have one.
    pub series_uid: Option<String>,
    /// Study Instance UID, where the files have one.
    pub study_uid: Option<String>,
    /// Modality, such as `CT`.
    pub modality: Option<String>,
    /// Series Number.
    pub series_number: Option<i64>,
    /// What a person reads in a list: the series description or modality and number, and what sets this group apart
    /// from others of its series. Never the patient's name.
    pub name: String,
    /// What it is.
    pub kind: GroupKind,
}

impl Group {
    /// What must be told about the group; nothing for documents.
    pub fn findings(&self) -> &[Finding] {
        match &self.kind {
            GroupKind::Volume(stack) => &stack.findings,
            GroupKind::Frames(list) => &list.findings,
            GroupKind::Document(_) => &[],
        }
    }
}

/// What a group is.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupKind {
    /// One grid of samples in the patient.
    Volume(Box<Stack>),
    /// Pictures looked at one by one.
    Frames(Box<FrameList>),
    /// No pictures: kept and listed.
    Document(DocumentList),
}

/// One picture of a slice: a frame of an instance, or a tile of a mosaic frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SliceRef {
    /// Which instance.
    pub instance: usize,
    /// Which of its frames, from 0.
    pub frame: u32,
    /// Which part of the frame; `None` for all of it.
    pub tile: Option<Tile>,
}

/// A rectangle of a mosaic frame that holds one slice, in pixels of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Which tile, row by row from the top left, from 0.
    pub index: u32,
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Columns of the tile.
    pub columns: u32,
    /// Rows of the tile.
    pub rows: u32,
}

/// A verified volume: acquired slices on one regular, possibly sheared grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// The acquired slices, ascending along the normal (row direction x column direction).
    pub slices: Vec<SliceRef>,
    /// One entry a plane of the grid, ascending; as many as `grid.dims()[2]`.
    pub planes: Vec<Plane>,
    /// Columns, rows, planes, and where they lie in the patient. Always right-handed.
    pub grid: GridGeometry,
    /// Stored values to values with a unit.
    pub rescale: RescalePolicy,
    /// The unit of rescaled values as the file names it, such as `HU`. `None` where the files give no usable rescale.
    pub unit: Option<String>,
    /// Rescaled values to SUV by body weight, where all slices agree.
    pub suv: Option<SuvScale>,
    /// Stored values from and to that stand for no measurement.
    pub padding: Option<[i64; 2]>,
    /// The type that holds the stored values of all slices.
    pub layout: SampleLayout,
    /// Window center and width pairs of the middle slice, rescaled units.
    pub windows: Vec<[f64; 2]>,
    /// Whether high values are shown bright or dark.
    pub polarity: Polarity,
    /// Frame of Reference UID.
    pub frame_of_reference_uid: Option<String>,
    /// Which of several volumes at the same place this is.
    pub phases: Vec<Phase>,
    /// What must be told, in order of severity, worst first.
    pub findings: Vec<Finding>,
}

impl Stack {
    /// How many planes of the grid lie between acquired slices and are interpolated.
    pub fn interpolated(&self) -> usize {
        self.planes
            .iter()
            .filter(|plane| matches!(plane, Plane::Interpolated { .. }))
            .count()
    }
}

/// Where the samples of one plane of the grid come from. Indexes count in [`Stack::slices`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plane {
    /// An acquired slice as it is.
    Slice(usize),
    /// Linear between two acquired slices, in rescaled values: `(1 - weight) * below + weight * above`.
    Interpolated {
        /// The next acquired slice below.
        below: usize,
        /// The next acquired slice above.
        above: usize,
        /// The part of the one above, 0 to 1.
        weight: f64,
    },
}

/// How stored values become values with a unit.
#[derive(Clone, Debug, PartialEq)]
pub enum RescalePolicy {
    /// The same for all slices.
    Uniform(Rescale),
    /// One an acquired slice, in the order of the slices.
    PerSlice(Vec<Rescale>),
}

impl RescalePolicy {
    /// The rescale of an acquired slice or picture; `None` beyond the last.
    pub fn of(&self, slice: usize) -> Option<Rescale> {
        match self {
            Self::Uniform(rescale) => Some(*rescale),
            Self::PerSlice(all) => all.get(slice).copied(),
        }
    }
}

/// What one stored sample needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleLayout {
    /// Bits that hold every stored value, the sign among them.
    pub bits: u16,
    /// Whether stored values have a sign.
    pub sign: Sign,
    /// Integers or floating point numbers.
    pub format: SampleFormat,
}

/// Which end of the values is bright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// High values are bright: MONOCHROME2.
    HighIsBright,
    /// High values are dark: MONOCHROME1.
    HighIsDark,
}

/// Which of several volumes at the same place a stack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Which one, from 1.
    pub index: u32,
    /// Of how many.
    pub count: u32,
    /// What tells them apart.
    pub by: PhaseBy,
}

/// What tells volumes at the same place apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhaseBy {
    /// Fields of view beside each other.
    FieldOfView,
    /// Image Type or Frame Type beyond its third value, such as magnitude and phase.
    ImageType,
    /// Echo Number or Echo Time.
    Echo,
    /// Inversion Time.
    InversionTime,
    /// Diffusion b-value.
    BValue,
    /// Diffusion gradient.
    Gradient,
    /// Temporal position.
    TemporalPosition,
    /// Acquisition Number.
    Acquisition,
    /// Trigger Time.
    TriggerTime,
    /// An index of a dimension that the file declares.
    Dimension,
    /// The instance: each file holds a volume.
    Instance,
    /// Acquisition date and time.
    AcquisitionTime,
    /// Content Time.
    ContentTime,
    /// Only the order of Instance Number.
    InstanceOrder,
}

impl PhaseBy {
    /// The word for a volume of this kind, such as `echo`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::FieldOfView => "field of view",
            Self::ImageType => "image type",
            Self::Echo => "echo",
            Self::InversionTime => "inversion time",
            Self::BValue => "b-value",
            Self::Gradient => "gradient direction",
            Self::TemporalPosition
            | Self::Instance
            | Self::AcquisitionTime
            | Self::ContentTime
            | Self::InstanceOrder => "time point",
            Self::Acquisition => "acquisition",
            Self::TriggerTime => "cardiac phase",
            Self::Dimension => "index",
        }
    }
}

/// Why frames of one series can't be one grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SplitReason {
    /// Some are localizers.
    Localizer,
    /// Different directions of rows or columns.
    Orientation,
    /// Different numbers of rows or columns.
    MatrixSize,
    /// Different distances between pixels.
    PixelSpacing,
    /// Different frames of reference: their positions can't be compared.
    FrameOfReference,
    /// Different image types, such as original and derived.
    ImageType,
    /// The files say that they are several stacks.
    StackId,
    /// Stored values of different kinds or units.
    Samples,
    /// A gap too wide to be filled.
    Gap,
}

/// Pictures of one size and kind, looked at one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameList {
    /// The pictures in order: by instance number and frame.
    pub frames: Vec<FrameRef>,
    /// Columns of each.
    pub columns: u32,
    /// Rows of each.
    pub rows: u32,
    /// Samples a pixel: 1, or 3 for color.
    pub samples_per_pixel: u16,
    /// How samples are to be read as gray or color.
    pub photometric: Photometric,
    /// The type that holds the stored values of all pictures.
    pub layout: SampleLayout,
    /// Stored values to values with a unit, one entry a picture where they differ.
    pub rescale: RescalePolicy,
    /// The unit of rescaled values.
    pub unit: Option<String>,
    /// Stored values from and to that stand for no measurement.
    pub padding: Option<[i64; 2]>,
    /// Window center and width pairs of the middle picture.
    pub windows: Vec<[f64; 2]>,
    /// Milliseconds a picture, for moving ones.
    pub frame_time_ms: Option<f64>,
    /// Distance between columns, then between rows, mm, in the patient; only where all pictures agree.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Distance between columns, then between rows, mm, at the detector or by calibration of the picture; lengths
    /// measured with it are not lengths in the patient.
    pub imager_spacing_mm: Option<[f64; 2]>,
    /// What must be told, worst first.
    pub findings: Vec<Finding>,
}

/// One picture of a [`FrameList`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameRef {
    /// Which picture.
    pub at: SliceRef,
    /// Where it lies in the patient, where that is known.
    pub plane: Option<FramePlane>,
}

/// Where one picture lies in the patient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FramePlane {
    /// Center of the first pixel, LPS mm.
    pub origin_mm: DVec3,
    /// Unit direction along a row.
    pub row: DVec3,
    /// Unit direction down a column.
    pub column: DVec3,
    /// Distance between columns, then between rows, mm.
    pub spacing_mm: [f64; 2],
}

/// Instances without pictures, all of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentList {
    /// What they are.
    pub kind: DocumentKind,
    /// Which instances, in order of instance number.
    pub instances: Vec<usize>,
}
