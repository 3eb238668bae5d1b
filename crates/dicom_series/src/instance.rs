//! What one DICOM file says, as values: the boundary between reading tags and reasoning about series.
//!
//! Everything here is plain data that crosses the pipe from the guarded worker, so it is `serde` and holds no
//! borrowed bytes. Attributes that are absent, empty or not readable as what they should be are `None`; what was
//! wrong with them is told in [`Instance::oddities`].

use serde::{Deserialize, Serialize};

/// One DICOM file (SOP instance), read without its pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// SOP Class UID (0008,0016), or the one of the meta group.
    pub sop_class_uid: String,
    /// SOP Instance UID (0008,0018), or the one of the meta group.
    pub sop_instance_uid: String,
    /// Transfer Syntax UID (0002,0010), or the one that the bytes turned out to be in.
    pub transfer_syntax_uid: String,
    /// Study Instance UID (0020,000D).
    pub study_uid: Option<String>,
    /// Series Instance UID (0020,000E).
    pub series_uid: Option<String>,
    /// Frame of Reference UID (0020,0052).
    pub frame_of_reference_uid: Option<String>,
    /// Modality (0008,0060).
    pub modality: Option<String>,
    /// Series Number (0020,0011).
    pub series_number: Option<i64>,
    /// Instance Number (0020,0013).
    pub instance_number: Option<i64>,
    /// Series Description (0008,103E), decoded to Unicode.
    pub series_description: Option<String>,
    /// Study Description (0008,1030), decoded to Unicode.
    pub study_description: Option<String>,
    /// Patient's Name (0010,0010), decoded to Unicode, component groups separated by `=` as stored. Personal data.
    pub patient_name: Option<String>,
    /// Patient ID (0010,0020). Personal data.
    pub patient_id: Option<String>,
    /// Manufacturer (0008,0070).
    pub manufacturer: Option<String>,
    /// What the file holds.
    pub content: Content,
    /// What was odd but could be read over, one sentence each, such as a wrong group length.
    pub oddities: Vec<String>,
}

/// What an instance holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// Pixels that are looked at.
    Image(Box<Image>),
    /// Anything else: kept as an original and listed.
    Document(DocumentKind),
}

/// What an instance without a picture of its own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// DICOMDIR, Media Storage Directory.
    Directory,
    /// Structured report, key object selection.
    StructuredReport,
    /// Presentation state.
    PresentationState,
    /// Segmentation, surface segmentation.
    Segmentation,
    /// RT structure set.
    StructureSet,
    /// RT plan, dose, beams and other radiotherapy objects.
    Radiotherapy,
    /// Encapsulated PDF or CDA.
    EncapsulatedDocument,
    /// Encapsulated STL, OBJ or MTL.
    EncapsulatedModel,
    /// Waveform, such as an ECG.
    Waveform,
    /// Spatial registration or fiducials.
    Registration,
    /// Raw data, spectroscopy.
    RawData,
    /// Parametric map.
    ParametricMap,
    /// Whole-slide microscopy and its annotations.
    Microscopy,
    /// Encapsulated video (MPEG-2, H.264, H.265).
    Video,
    /// Anything else with a SOP class but without pixels.
    Other,
}

/// The picture of an instance: its pixels, and where each frame lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// How pixels are stored and where they lie in the file.
    pub pixels: PixelDescription,
    /// Image Type (0008,0008), upper case, such as `ORIGINAL`, `PRIMARY`, `AXIAL`.
    pub image_type: Vec<String>,
    /// Whether the picture was ever compressed with loss (0028,2110, or a lossy transfer syntax).
    pub lossy: bool,
    /// Acquisition Number (0020,0012).
    pub acquisition_number: Option<i64>,
    /// Gantry/Detector Tilt (0018,1120), degrees as stored.
    pub gantry_tilt_degrees: Option<f64>,
    /// Patient Position (0018,5100), such as `HFS`.
    pub patient_position: Option<String>,
    /// The unit of rescaled values: Rescale Type (0028,1054) or Units (0054,1001); `HU` for CT where absent.
    pub unit: Option<String>,
    /// Siemens mosaic: tiles of one slice each in one frame. `None` for ordinary pictures.
    pub mosaic: Option<Mosaic>,
    /// What turns PET stored values into SUV by body weight, where the file has it all.
    pub suv: Option<SuvScale>,
    /// Whether the frames run in time, as in ultrasound or angiography: Frame Time, Cine Rate or a SOP class of
    /// moving pictures.
    pub cine: bool,
    /// Milliseconds a frame (0018,1063) or from the cine rate (0018,0040).
    pub frame_time_ms: Option<f64>,
    /// Pixel Spacing (0028,0030) or, without it, the calibration of the picture only: Imager Pixel Spacing
    /// (0018,1164) or ultrasound regions are not spacing in the patient and stand here. Row then column, mm.
    pub imager_spacing_mm: Option<[f64; 2]>,
    /// Where the lookup tables of the picture lie.
    pub lookup: LookupTables,
    /// The part that this instance is of one multi-frame picture split over several instances.
    pub concatenation: Option<Concatenation>,
    /// One entry a frame; never empty, and as many as `pixels.frames`.
    pub frames: Vec<FrameDescription>,
}

/// The lookup tables of a picture. They are not copied out of the file: each is a byte range of the data set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupTables {
    /// LUT Data (0028,3006) of the Modality LUT Sequence (0028,3000).
    pub modality: Option<LookupTable>,
    /// Red, green and blue palette (0028,1201) to (0028,1203), or their segmented forms (0028,1221) to (0028,1223).
    pub palette: Option<[LookupTable; 3]>,
}

/// One lookup table (PS3.3 C.11.1.1, C.7.6.3.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupTable {
    /// How many entries it has, 1 to 65,536.
    pub entries: u32,
    /// The stored value that takes the first entry.
    pub first: i32,
    /// Bits an entry, 8 or 16, as the descriptor says; entries of 8 bits may still lie in 16.
    pub bits: u16,
    /// Whether the entries are packed as segments (PS3.3 C.7.9.2).
    pub form: LookupForm,
    /// Order of the bytes of 16-bit entries.
    pub byte_order: ByteOrder,
    /// First byte of the table.
    pub offset: u64,
    /// Length of the table, bytes; never beyond the data set.
    pub len: u64,
}

/// How the entries of a lookup table are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookupForm {
    /// One entry after another.
    Plain,
    /// Discrete, linear and indirect segments.
    Segmented,
}

/// Which part of a concatenation an instance is (PS3.3 C.7.6.16.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concatenation {
    /// Concatenation UID (0020,9161), the same in every part.
    pub uid: String,
    /// In-concatenation Number (0020,9162), from 1.
    pub number: Option<u32>,
    /// Concatenation Frame Offset Number (0020,9228): frames before the first of this part.
    pub frame_offset: Option<u32>,
}

/// Where one frame lies and how its values are read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameDescription {
    /// Image Position (Patient) (0020,0032): center of the first pixel, LPS mm.
    pub position_mm: Option<[f64; 3]>,
    /// Image Orientation (Patient) (0020,0037): direction along a row, then down a column, as stored.
    pub orientation: Option<[f64; 6]>,
    /// Pixel Spacing (0028,0030): between rows, then between columns, mm, as stored.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Slice Thickness (0018,0050), mm.
    pub slice_thickness_mm: Option<f64>,
    /// Spacing Between Slices (0018,0088), mm.
    pub spacing_between_slices_mm: Option<f64>,
    /// Rescale of stored values; `None` where the file has none.
    pub rescale: Option<Rescale>,
    /// A modality lookup table stands in place of the rescale (0028,3000); decoding applies it.
    pub modality_lut: bool,
    /// Window center and width pairs (0028,1050) (0028,1051).
    pub windows: Vec<[f64; 2]>,
    /// Stack ID (0020,9056).
    pub stack_id: Option<String>,
    /// In-Stack Position Number (0020,9057).
    pub in_stack_position: Option<u32>,
    /// Temporal Position Index (0020,9128) or Identifier (0020,0100).
    pub temporal_position: Option<i64>,
    /// Echo Number (0018,0086).
    pub echo_number: Option<i64>,
    /// Echo Time (0018,0081) or Effective Echo Time (0018,9082), ms.
    pub echo_time_ms: Option<f64>,
    /// Trigger Time (0018,1060) or Nominal Cardiac Trigger Delay Time (0020,9153), ms.
    pub trigger_time_ms: Option<f64>,
    /// Diffusion b-value (0018,9087), s/mm^2.
    pub b_value: Option<f64>,
    /// Diffusion gradient orientation (0018,9089), LPS.
    pub gradient: Option<[f64; 3]>,
    /// Acquisition date and time (0008,002A), or date with time (0008,0022) (0008,0032), digits as stored.
    pub acquired: Option<String>,
    /// Content time (0008,0033), digits as stored.
    pub content_time: Option<String>,
    /// Inversion Time (0018,0082), ms.
    pub inversion_time_ms: Option<f64>,
    /// Frame Type (0008,9007) where it differs from the Image Type, upper case.
    pub frame_type: Option<Vec<String>>,
    /// Dimension Index Values (0020,9157).
    pub dimension_indexes: Vec<u32>,
}

/// Rescale of one frame: `slope * stored + intercept` (PS3.3 C.11.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rescale {
    /// Rescale Slope (0028,1053).
    pub slope: f64,
    /// Rescale Intercept (0028,1052).
    pub intercept: f64,
}

/// A Siemens mosaic: `count` slices as tiles of one frame, row by row from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mosaic {
    /// How many tiles hold a slice.
    pub count: u32,
    /// Tiles along a row and a column of the frame.
    pub tiles_per_side: u32,
    /// Unit normal along which slices follow one another, LPS, from the CSA header.
    pub slice_normal: Option<[f64; 3]>,
}

/// What standardized uptake values by body weight need (PS3.3 C.8.9.1, C.8.9.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuvScale {
    /// SUVbw a unit of rescaled values (Bq/ml; counts or g/ml where [`Image::unit`] says `CNTS` or `GML`), decay
    /// corrected to the start of the series.
    pub suv_bw_per_bqml: f64,
}

/// How pixels are stored (PS3.3 C.7.6.3) and where they lie in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PixelDescription {
    /// Rows (0028,0010).
    pub rows: u32,
    /// Columns (0028,0011).
    pub columns: u32,
    /// Number of Frames (0028,0008); 1 where absent.
    pub frames: u32,
    /// Samples per Pixel (0028,0002).
    pub samples_per_pixel: u16,
    /// Photometric Interpretation (0028,0004).
    pub photometric: Photometric,
    /// Planar Configuration (0028,0006).
    pub planar: Planar,
    /// Bits Allocated (0028,0100): 1, or 8 to 32 in steps of 8.
    pub bits_allocated: u16,
    /// Bits Stored (0028,0101).
    pub bits_stored: u16,
    /// High Bit (0028,0102).
    pub high_bit: u16,
    /// Pixel Representation (0028,0103).
    pub sign: Sign,
    /// Pixel Padding Value (0028,0120) and Range Limit (0028,0121), stored values; equal where only one is given.
    pub padding: Option<[i64; 2]>,
    /// What the bytes of a native sample are: integers or floating point numbers.
    pub format: SampleFormat,
    /// Order of the bytes of a native sample.
    pub byte_order: ByteOrder,
    /// Where the pixel data lie.
    pub location: PixelLocation,
}

/// What the bytes of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SampleFormat {
    /// Integers: Pixel Data (7FE0,0010).
    Integer,
    /// IEEE 754 single precision: Float Pixel Data (7FE0,0008).
    Float32,
    /// IEEE 754 double precision: Double Float Pixel Data (7FE0,0009).
    Float64,
}

/// Order of the bytes of numbers in native data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
    /// Samples of at most 8 bits in 16-bit words, most significant byte first: neighbors are swapped (PS3.5 8.1.1).
    BigWords,
}

/// Whether stored values have a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// Unsigned integers.
    Unsigned,
    /// Two's complement.
    Signed,
}

/// How samples of several channels follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Planar {
    /// R1 G1 B1 R2 G2 B2.
    ByPixel,
    /// R1 R2 ... G1 G2 ... B1 B2.
    ByPlane,
}

/// Photometric Interpretation (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the defined terms of the standard")]
pub enum Photometric {
    Monochrome1,
    Monochrome2,
    PaletteColor,
    Rgb,
    YbrFull,
    YbrFull422,
    YbrPartial422,
    YbrPartial420,
    YbrIct,
    YbrRct,
    /// A retired or unknown term.
    Other,
}

/// Where pixel data lie, as byte ranges that were checked against the bytes of the data set. In a deflated file
/// they count in the inflated data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PixelLocation {
    /// Uncompressed frames, one after the other from `offset`, `len` bytes in all.
    Native {
        /// First byte of the value.
        offset: u64,
        /// Length of the value.
        len: u64,
    },
    /// Encapsulated frames (PS3.5 A.4): for each frame the fragments that hold it.
    Encapsulated {
        /// One entry a frame: (offset, length) of each fragment, in order.
        frames: Vec<Vec<(u64, u64)>>,
    },
}
