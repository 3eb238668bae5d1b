//! Pictures that are looked at one by one.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::model::{FrameList, FrameRef, SplitReason};
use super::sheet::{Defect, Frame, Loose, is_color};
use super::values;
use crate::instance::SampleFormat;

/// What pictures of one list have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    localizer: bool,
    dims: [u32; 2],
    samples_per_pixel: u16,
    /// The photometric interpretation by its place in the enumeration: color models don't mix.
    color: Option<u8>,
    float: bool,
    unit: Option<&'a str>,
    /// A moving picture is a list of its own; the parts of a concatenation are one.
    clip: Option<Clip<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Clip<'a> {
    Instance(usize),
    Concatenation(&'a str),
}

impl<'a> Key<'a> {
    fn of(frame: &Frame<'a>) -> Self {
        let pixels = &frame.image.pixels;
        Self {
            localizer: frame.is_localizer(),
            dims: frame.dims,
            samples_per_pixel: pixels.samples_per_pixel,
            color: is_color(frame.image).then_some(pixels.photometric as u8),
            float: pixels.format != SampleFormat::Integer,
            unit: frame.image.unit.as_deref(),
            clip: match &frame.image.concatenation {
                Some(whole) => Some(Clip::Concatenation(&whole.uid)),
                None => (frame.image.frames.len() > 1).then_some(Clip::Instance(frame.at.instance)),
            },
        }
    }
}

/// The lists that `loose` frames make, those with the most pictures first, each with whether it holds localizers.
pub(super) fn lists(loose: Vec<Loose<'_>>, total: u32) -> Vec<(FrameList, bool)> {
    let mut by_key: BTreeMap<Key, Vec<Loose>> = BTreeMap::new();
    for picture in loose {
        by_key.entry(Key::of(&picture.frame)).or_default().push(picture);
    }
    let mut lists: Vec<(FrameList, bool)> = by_key
        .into_iter()
        .filter_map(|(key, mut pictures)| {
            pictures.sort_by_key(|picture| picture.frame.order());
            Some((list(&pictures, total)?, key.localizer))
        })
        .collect();
    lists.sort_by_key(|(list, _)| std::cmp::Reverse(list.frames.len()));
    lists
}

fn list(pictures: &[Loose], total: u32) -> Option<FrameList> {
    let frames: Vec<Frame> = pictures.iter().map(|picture| picture.frame).collect();
    let first = frames.first()?;
    let values = values::of(&frames)?;
    let mut findings = defects(pictures, total);
    findings.extend(reasons(pictures, total));
    if let [
        Loose {
            plane: Some(_),
            defect: None,
            ..
        },
    ] = pictures
        && !first.is_localizer()
        && !is_color(first.image)
        && is_of_slices(first)
    {
        findings.push(Finding::SingleSlice);
    }
    // Of color only what is lost is told: it has no rescale, padding or polarity.
    let told = |finding: &Finding| !is_color(first.image) || matches!(finding, Finding::Lossy { .. });
    findings.extend(values.findings.into_iter().filter(told));
    let common = |of: &dyn Fn(&Frame) -> Option<[f64; 2]>| {
        let [rows_mm, columns_mm] = of(first)?;
        let usable = rows_mm.is_finite() && columns_mm.is_finite() && rows_mm > 0.0 && columns_mm > 0.0;
        let agreed = frames.iter().all(|frame| of(frame) == of(first));
        (usable && agreed).then_some([columns_mm, rows_mm])
    };
    let [columns, rows] = first.dims;
    Some(FrameList {
        columns,
        rows,
        samples_per_pixel: first.image.pixels.samples_per_pixel,
        photometric: first.image.pixels.photometric,
        layout: values.layout,
        rescale: values.rescale,
        unit: values.unit,
        padding: values.padding,
        windows: values.windows,
        frame_time_ms: first.image.frame_time_ms.filter(|ms| ms.is_finite() && *ms > 0.0),
        pixel_spacing_mm: common(&|frame| frame.description.pixel_spacing_mm),
        imager_spacing_mm: common(&|frame| frame.image.imager_spacing_mm),
        frames: pictures
            .iter()
            .map(|picture| FrameRef {
                at: picture.frame.at,
                plane: picture.plane,
            })
            .collect(),
        findings,
    })
}

/// Whether pictures of this modality are slices, so that a plane in the patient is expected.
pub(super) fn is_of_slices(frame: &Frame) -> bool {
    matches!(frame.instance.modality.as_deref(), Some("CT" | "MR" | "PT"))
}

/// One finding for each defect among the pictures.
pub(super) fn defects(pictures: &[Loose], total: u32) -> Vec<Finding> {
    let mut counts: BTreeMap<Defect, u32> = BTreeMap::new();
    for defect in pictures.iter().filter_map(|picture| picture.defect) {
        let count = counts.entry(defect).or_default();
        *count = count.saturating_add(1);
    }
    counts
        .into_iter()
        .map(|(defect, count)| match defect {
            Defect::MissingPosition => Finding::MissingPosition { count, total },
            Defect::MissingOrientation => Finding::MissingOrientation { count, total },
            Defect::BadOrientation => Finding::BadOrientation { count, total },
            Defect::MissingPixelSpacing => Finding::MissingPixelSpacing { count, total },
            Defect::BadPixelSpacing => Finding::BadPixelSpacing { count, total },
            Defect::BadMosaic => Finding::BadMosaic { count, total },
        })
        .collect()
}

fn reasons(pictures: &[Loose], total: u32) -> Vec<Finding> {
    let mut reasons: Vec<SplitReason> = pictures
        .iter()
        .flat_map(|picture| picture.reasons.iter().copied())
        .collect();
    reasons.sort_unstable();
    reasons.dedup();
    let here = u32::try_from(pictures.len()).unwrap_or(u32::MAX);
    // Pictures that differ among themselves are simply pictures.
    reasons
        .into_iter()
        .filter(|_| here < total)
        .map(|reason| Finding::Mixed { reason, here, total })
        .collect()
}
