//! What is said of each frame: at the top level of classic objects, in functional groups of enhanced ones
//! (PS3.3 C.7.6.16), where what is said of one frame overrides what is said of all.
//!
//! What is shared is repeated for each of up to 65,536 frames, so lists and texts of a frame are kept short: a
//! small file must not become a large description.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::instance::{FrameDescription, Rescale};

use super::tree::View;
use super::value::Kind;
use super::vendor;

/// Entries of a list of one frame.
const MAX_LIST: usize = 16;
/// Characters of a code of one frame; Frame Type has four of 16.
const MAX_CODE: usize = 80;

/// Describes each of `frames` frames.
pub(crate) fn describe(root: View<'_>, frames: u32) -> Vec<FrameDescription> {
    let count = usize::try_from(frames).unwrap_or(1);
    let mut shared = classic(root);
    if let Some(groups) = root.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE) {
        functional_groups(&mut shared, groups);
    }
    let mut described = Vec::with_capacity(count);
    let mut offsets = Vec::new();
    for groups in root.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).take(count) {
        let mut frame = shared.clone();
        functional_groups(&mut frame, groups);
        offsets.push(
            groups
                .item(tags::TEMPORAL_POSITION_SEQUENCE)
                .and_then(|item| item.number(tags::TEMPORAL_POSITION_TIME_OFFSET, Kind::F64)),
        );
        described.push(frame);
    }
    if !described.is_empty() && described.len() < count {
        root.tree().notes.odd(format!(
            "{count} frames are declared, {} are described",
            described.len()
        ));
    }
    rank_offsets(&mut described, &offsets);
    described.resize(count, shared);
    described
}

/// Temporal positions that are given as times become indexes by rank.
fn rank_offsets(frames: &mut [FrameDescription], offsets: &[Option<f64>]) {
    let mut times: Vec<f64> = offsets.iter().copied().flatten().collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    for (frame, offset) in frames.iter_mut().zip(offsets) {
        if let (None, Some(offset)) = (frame.temporal_position, offset) {
            let rank = times.partition_point(|time| time < offset);
            frame.temporal_position = i64::try_from(rank).ok().map(|rank| rank.saturating_add(1));
        }
    }
}

/// What the top level of the data set says.
fn classic(root: View<'_>) -> FrameDescription {
    let mut frame = FrameDescription {
        position_mm: root.exactly(tags::IMAGE_POSITION_PATIENT, Kind::Digits),
        orientation: root.exactly(tags::IMAGE_ORIENTATION_PATIENT, Kind::Digits),
        modality_lut: root.item(tags::MODALITY_LUT_SEQUENCE).is_some(),
        temporal_position: root.integer(tags::TEMPORAL_POSITION_IDENTIFIER, Kind::Digits),
        echo_number: root.integer(tags::ECHO_NUMBERS, Kind::Digits),
        echo_time_ms: root.number(tags::ECHO_TIME, Kind::Digits),
        trigger_time_ms: root.number(tags::TRIGGER_TIME, Kind::Digits),
        b_value: root.number(tags::DIFFUSION_B_VALUE, Kind::F64),
        gradient: root.exactly(tags::DIFFUSION_GRADIENT_ORIENTATION, Kind::F64),
        acquired: acquired(root),
        content_time: short(root, tags::CONTENT_TIME),
        inversion_time_ms: root.number(tags::INVERSION_TIME, Kind::Digits),
        ..FrameDescription::default()
    };
    pixel_measures(&mut frame, root);
    rescale(&mut frame, root);
    windows(&mut frame, root);
    if frame.b_value.is_none() {
        (frame.b_value, frame.gradient) = vendor::diffusion(root);
    }
    frame
}

/// Acquisition DateTime, or date and time.
fn acquired(root: View<'_>) -> Option<String> {
    short(root, tags::ACQUISITION_DATE_TIME).or_else(|| {
        let date = short(root, tags::ACQUISITION_DATE).unwrap_or_default();
        let time = short(root, tags::ACQUISITION_TIME)?;
        Some(date + &time)
    })
}

/// Overrides `frame` by the macros of one functional groups item.
fn functional_groups(frame: &mut FrameDescription, groups: View<'_>) {
    if let Some(item) = groups.item(tags::PLANE_POSITION_SEQUENCE) {
        set(
            &mut frame.position_mm,
            item.exactly(tags::IMAGE_POSITION_PATIENT, Kind::Digits),
        );
    }
    if let Some(item) = groups.item(tags::PLANE_ORIENTATION_SEQUENCE) {
        set(
            &mut frame.orientation,
            item.exactly(tags::IMAGE_ORIENTATION_PATIENT, Kind::Digits),
        );
    }
    if let Some(item) = groups.item(tags::PIXEL_MEASURES_SEQUENCE) {
        pixel_measures(frame, item);
    }
    if let Some(item) = groups.item(tags::FRAME_CONTENT_SEQUENCE) {
        frame_content(frame, item);
    }
    if let Some(item) = groups.item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE) {
        rescale(frame, item);
    }
    if let Some(item) = groups.item(tags::FRAME_VOILUT_SEQUENCE) {
        windows(frame, item);
    }
    if let Some(item) = groups.item(tags::MR_ECHO_SEQUENCE) {
        set(
            &mut frame.echo_time_ms,
            item.number(tags::EFFECTIVE_ECHO_TIME, Kind::F64),
        );
    }
    if let Some(item) = groups.item(tags::MR_MODIFIER_SEQUENCE) {
        set(
            &mut frame.inversion_time_ms,
            item.number(tags::INVERSION_TIMES, Kind::F64),
        );
    }
    if let Some(item) = groups.item(tags::MR_DIFFUSION_SEQUENCE) {
        diffusion(frame, item);
    }
    if let Some(item) = groups.item(tags::CARDIAC_SYNCHRONIZATION_SEQUENCE) {
        set(
            &mut frame.trigger_time_ms,
            item.number(tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME, Kind::F64),
        );
    }
    frame_type(frame, groups);
}

/// The frame type macro of the modality.
fn frame_type(frame: &mut FrameDescription, groups: View<'_>) {
    const SEQUENCES: [Tag; 5] = [
        tags::MR_IMAGE_FRAME_TYPE_SEQUENCE,
        tags::CT_IMAGE_FRAME_TYPE_SEQUENCE,
        tags::PET_FRAME_TYPE_SEQUENCE,
        tags::X_RAY3_D_FRAME_TYPE_SEQUENCE,
        tags::XAXRF_FRAME_CHARACTERISTICS_SEQUENCE,
    ];
    for sequence in SEQUENCES {
        if let Some(item) = groups.item(sequence) {
            let terms = match short(item, tags::FRAME_TYPE) {
                Some(_) => item.codes(tags::FRAME_TYPE),
                None => Vec::new(),
            };
            set(&mut frame.frame_type, (!terms.is_empty()).then_some(terms));
        }
    }
}

/// Frame Content macro (PS3.3 C.7.6.16.2.2).
fn frame_content(frame: &mut FrameDescription, item: View<'_>) {
    set(&mut frame.stack_id, short(item, tags::STACK_ID));
    set(
        &mut frame.in_stack_position,
        item.count(tags::IN_STACK_POSITION_NUMBER, Kind::U32),
    );
    set(
        &mut frame.temporal_position,
        item.integer(tags::TEMPORAL_POSITION_INDEX, Kind::U32),
    );
    set(
        &mut frame.acquired,
        short(item, tags::FRAME_ACQUISITION_DATE_TIME),
    );
    let indexes = item
        .get(tags::DIMENSION_INDEX_VALUES)
        .and_then(|value| value.integers(Kind::U32));
    if let Some(indexes) = indexes {
        frame.dimension_indexes = indexes
            .into_iter()
            .take(MAX_LIST)
            .map(|index| u32::try_from(index).unwrap_or(0))
            .collect();
    }
}

/// MR Diffusion macro (PS3.3 C.8.13.5.9).
fn diffusion(frame: &mut FrameDescription, item: View<'_>) {
    set(
        &mut frame.b_value,
        item.number(tags::DIFFUSION_B_VALUE, Kind::F64),
    );
    if let Some(direction) = item.item(tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE) {
        set(
            &mut frame.gradient,
            direction.exactly(tags::DIFFUSION_GRADIENT_ORIENTATION, Kind::F64),
        );
    }
}

/// Pixel Measures macro, and the same attributes of classic objects.
fn pixel_measures(frame: &mut FrameDescription, view: View<'_>) {
    set(
        &mut frame.pixel_spacing_mm,
        view.exactly(tags::PIXEL_SPACING, Kind::Digits),
    );
    set(
        &mut frame.slice_thickness_mm,
        view.number(tags::SLICE_THICKNESS, Kind::Digits),
    );
    set(
        &mut frame.spacing_between_slices_mm,
        view.number(tags::SPACING_BETWEEN_SLICES, Kind::Digits),
    );
}

/// Rescale Slope and Intercept; a lone one has its neutral counterpart.
fn rescale(frame: &mut FrameDescription, view: View<'_>) {
    let slope = view.number(tags::RESCALE_SLOPE, Kind::Digits);
    let intercept = view.number(tags::RESCALE_INTERCEPT, Kind::Digits);
    if slope == Some(0.0) {
        view.tree().notes.odd("a rescale slope is 0".to_owned());
    }
    if slope.is_some() || intercept.is_some() {
        frame.rescale = Some(Rescale {
            slope: slope.unwrap_or(1.0),
            intercept: intercept.unwrap_or(0.0),
        });
    }
}

/// Window Center and Width, in pairs.
fn windows(frame: &mut FrameDescription, view: View<'_>) {
    let numbers = |tag| {
        view.get(tag)
            .and_then(|value| value.numbers(Kind::Digits))
            .unwrap_or_default()
    };
    let pairs: Vec<[f64; 2]> = numbers(tags::WINDOW_CENTER)
        .into_iter()
        .zip(numbers(tags::WINDOW_WIDTH))
        .filter(|(center, width)| center.is_finite() && width.is_finite())
        .take(MAX_LIST)
        .map(|(center, width)| [center, width])
        .collect();
    if !pairs.is_empty() {
        frame.windows = pairs;
    }
}

/// A code, unless it is longer than any that the standard allows here.
fn short(view: View<'_>, tag: Tag) -> Option<String> {
    let code = view.code(tag)?;
    if code.len() > MAX_CODE {
        view.tree()
            .notes
            .odd(format!("element {tag}: longer than {MAX_CODE} characters"));
    }
    (code.len() <= MAX_CODE).then_some(code)
}

/// Overrides what is known by what is said here.
fn set<T>(known: &mut Option<T>, said: Option<T>) {
    if said.is_some() {
        *known = said;
    }
}
