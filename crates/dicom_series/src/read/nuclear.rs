//! Multi-frame nuclear medicine (PS3.3 C.8.4): frames told apart by vectors, placed by detector and slice.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::instance::FrameDescription;

use super::tree::View;
use super::value::Kind;

/// Vectors of which each combination is a stack of its own.
const STACKS: [Tag; 3] = [
    tags::ENERGY_WINDOW_VECTOR,
    tags::DETECTOR_VECTOR,
    tags::PHASE_VECTOR,
];
/// Vectors that count in time.
const TIMES: [Tag; 3] = [
    tags::TIME_SLOT_VECTOR,
    tags::RR_INTERVAL_VECTOR,
    tags::TIME_SLICE_VECTOR,
];

/// Fills in what the vectors say. Reconstructed slices follow one another along the normal of the first one,
/// Spacing Between Slices apart (PS3.3 C.8.4.15: the position is that of the first slice).
pub(crate) fn place(root: View<'_>, frames: &mut [FrameDescription]) {
    let vector = |tag: Tag| -> Option<Vec<i64>> {
        let values = root.get(tag)?.integers(Kind::U16)?;
        (values.len() == frames.len()).then_some(values)
    };
    let stacks: Vec<Vec<i64>> = STACKS.into_iter().filter_map(vector).collect();
    let time = TIMES
        .into_iter()
        .find_map(|tag| vector(tag).filter(|values| varies(values)));
    let detectors = vector(tags::DETECTOR_VECTOR);
    let slices = vector(tags::SLICE_VECTOR);
    let infos: Vec<_> = root
        .items(tags::DETECTOR_INFORMATION_SEQUENCE)
        .map(|info| {
            (
                info.exactly(tags::IMAGE_POSITION_PATIENT, Kind::Digits),
                info.exactly(tags::IMAGE_ORIENTATION_PATIENT, Kind::Digits),
            )
        })
        .collect();
    for (index, frame) in frames.iter_mut().enumerate() {
        let at = |values: &Vec<i64>| values.get(index).copied();
        if stacks.iter().any(|values| varies(values)) {
            let id: Vec<String> = stacks
                .iter()
                .filter_map(|values| at(values).map(|value| value.to_string()))
                .collect();
            frame.stack_id = Some(id.join("."));
        }
        if let Some(time) = time.as_ref().and_then(at) {
            frame.temporal_position = Some(time);
        }
        let detector = detectors
            .as_ref()
            .and_then(at)
            .and_then(|number| usize::try_from(number).ok()?.checked_sub(1))
            .unwrap_or(0);
        let Some(&(position, orientation)) = infos.get(detector).or(infos.first()) else {
            continue;
        };
        frame.orientation = frame.orientation.or(orientation);
        let Some(slice) = slices.as_ref().and_then(at) else {
            frame.position_mm = frame.position_mm.or(position);
            continue;
        };
        frame.in_stack_position = u32::try_from(slice).ok();
        frame.position_mm = slice_position(frame, frame.position_mm.or(position), slice);
    }
}

/// The position of the slice of a number, from 1.
fn slice_position(frame: &FrameDescription, first: Option<[f64; 3]>, slice: i64) -> Option<[f64; 3]> {
    let [rx, ry, rz, cx, cy, cz] = frame.orientation?;
    let [x, y, z] = first?;
    // Files without the spacing have their slices in contact.
    let spacing = frame.spacing_between_slices_mm.or(frame.slice_thickness_mm)?;
    let along = spacing * (slice.saturating_sub(1) as f64);
    Some([
        x + along * (ry * cz - rz * cy),
        y + along * (rz * cx - rx * cz),
        z + along * (rx * cy - ry * cx),
    ])
}

fn varies(values: &[i64]) -> bool {
    values.iter().any(|value| Some(value) != values.first())
}
