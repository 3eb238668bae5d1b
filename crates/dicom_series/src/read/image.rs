//! The picture of an instance: how its pixels are stored, and what it says of them as a whole.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::instance::{Concatenation, FrameDescription, Image};

use super::classify::is_cine_class;
use super::error::ReadError;
use super::syntax::Syntax;
use super::tree::{RawPixels, Tree, View};
use super::value::Kind;
use super::{frames, lookup, nuclear, pixel_module, suv, vendor};

/// Reads the picture of a data set that has pixel data.
pub(crate) fn image(
    tree: &Tree<'_>,
    raw: &RawPixels,
    syntax: Syntax,
    sop_class_uid: &str,
) -> Result<Image, ReadError> {
    let root = tree.root();
    let pixels = pixel_module::pixel_description(tree, raw, syntax, sop_class_uid)?;
    let mut frames = frames::describe(root, pixels.frames);
    let modality = root.code(tags::MODALITY).unwrap_or_default();
    if root.element(tags::DETECTOR_INFORMATION_SEQUENCE).is_some() || modality == "NM" {
        nuclear::place(root, &mut frames);
    }
    let image_type = root.codes(tags::IMAGE_TYPE);
    for frame in &mut frames {
        frame.frame_type = frame.frame_type.take().filter(|terms| *terms != image_type);
    }
    let frame_time_ms = frame_time_ms(root);
    let described = root.element(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).is_some();
    Ok(Image {
        mosaic: vendor::mosaic(root, &image_type),
        lossy: syntax.lossy || root.code(tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01"),
        acquisition_number: root.integer(tags::ACQUISITION_NUMBER, Kind::Digits),
        gantry_tilt_degrees: root.number(tags::GANTRY_DETECTOR_TILT, Kind::Digits),
        patient_position: root.code(tags::PATIENT_POSITION),
        unit: unit(root, &modality, &frames),
        suv: (modality == "PT").then(|| suv::scale(root)).flatten(),
        cine: pixels.frames > 1 && !described && (frame_time_ms.is_some() || is_cine_class(sop_class_uid)),
        frame_time_ms,
        imager_spacing_mm: imager_spacing_mm(root),
        lookup: lookup::tables(root, pixels.photometric, pixels.sign),
        concatenation: concatenation(root),
        image_type,
        frames,
        pixels,
    })
}

/// The unit of rescaled values. An unspecified one (`US`) is none.
fn unit(root: View<'_>, modality: &str, frames: &[FrameDescription]) -> Option<String> {
    let groups = [
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    ];
    let enhanced = || {
        groups.into_iter().find_map(|groups| {
            root.item(groups)?
                .item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE)?
                .code(tags::RESCALE_TYPE)
        })
    };
    let modality_lut = || {
        root.item(tags::MODALITY_LUT_SEQUENCE)?
            .code(tags::MODALITY_LUT_TYPE)
    };
    let said = if modality == "PT" {
        root.code(tags::UNITS).or_else(|| root.code(tags::RESCALE_TYPE))
    } else {
        root.code(tags::RESCALE_TYPE).or_else(|| root.code(tags::UNITS))
    };
    match said.or_else(enhanced).or_else(modality_lut) {
        Some(unit) if unit != "US" => Some(unit),
        // PS3.3 C.11.1.1.2: Hounsfield units where a CT image does not say otherwise.
        None if modality == "CT" && frames.iter().any(|frame| frame.rescale.is_some()) => {
            Some("HU".to_owned())
        }
        _ => None,
    }
}

/// Milliseconds a frame: Frame Time, the mean of the Frame Time Vector, or a rate.
fn frame_time_ms(root: View<'_>) -> Option<f64> {
    let positive = |number: &f64| *number > 0.0;
    root.number(tags::FRAME_TIME, Kind::Digits)
        .filter(positive)
        .or_else(|| {
            let times = root.get(tags::FRAME_TIME_VECTOR)?.numbers(Kind::Digits)?;
            // The first entry is the time before the first frame.
            let times = times.get(1..).filter(|times| !times.is_empty())?;
            Some(times.iter().sum::<f64>() / times.len() as f64).filter(positive)
        })
        .or_else(|| {
            [tags::CINE_RATE, tags::RECOMMENDED_DISPLAY_FRAME_RATE]
                .into_iter()
                .find_map(|tag| root.number(tag, Kind::Digits).filter(positive))
                .map(|rate| 1000.0 / rate)
        })
}

/// Spacing at the detector or within the picture, which is none in the patient.
fn imager_spacing_mm(root: View<'_>) -> Option<[f64; 2]> {
    [tags::IMAGER_PIXEL_SPACING, tags::NOMINAL_SCANNED_PIXEL_SPACING]
        .into_iter()
        .find_map(|tag: Tag| root.exactly(tag, Kind::Digits))
        .or_else(|| {
            /// Physical Units: centimeters (PS3.3 C.8.5.5.1.15).
            const CENTIMETERS: i64 = 3;
            root.items(tags::SEQUENCE_OF_ULTRASOUND_REGIONS)
                .find_map(|region| {
                    let in_cm = [tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_UNITS_Y_DIRECTION]
                        .into_iter()
                        .all(|tag| region.integer(tag, Kind::U16) == Some(CENTIMETERS));
                    let delta = |tag| {
                        region
                            .number(tag, Kind::F64)
                            .map(f64::abs)
                            .filter(|&delta_cm| delta_cm > 0.0)
                    };
                    let spacing = [
                        delta(tags::PHYSICAL_DELTA_Y)? * 10.0,
                        delta(tags::PHYSICAL_DELTA_X)? * 10.0,
                    ];
                    in_cm.then_some(spacing)
                })
        })
}

fn concatenation(root: View<'_>) -> Option<Concatenation> {
    Some(Concatenation {
        uid: root.code(tags::CONCATENATION_UID)?,
        number: root.count(tags::IN_CONCATENATION_NUMBER, Kind::U16),
        frame_offset: root.count(tags::CONCATENATION_FRAME_OFFSET_NUMBER, Kind::U32),
    })
}
