//! What can be one grid: the placed frames of a series by everything that must be the same in a volume.

use std::collections::BTreeMap;

use super::model::{Phase, PhaseBy, SplitReason};
use super::sheet::Sheet;
use crate::instance::{Photometric, SampleFormat};

/// More directions and spacings than frames of one kind have; comparing every frame with each stays cheap.
const MAX_GRIDS: usize = 512;

/// How far directions of one grid may differ: 0.05 mm at 250 mm.
const DIRECTION_TOLERANCE: f64 = 2e-4;

/// How far pixel spacings of one grid may differ, as a part.
const SPACING_TOLERANCE: f64 = 1e-4;

/// How many values of Image Type must agree: pixel data, patient, and modality characteristics (PS3.3 C.7.6.1.1.2).
/// What vendors put behind them may differ from slice to slice, so it divides only repeated positions.
pub(super) const IMAGE_TYPE_VALUES: usize = 3;

/// Frames that agree in everything but their position.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    key: Key<'a>,
    /// In tie-breaking order; never empty.
    pub(super) sheets: Vec<Sheet<'a>>,
    /// What the rest of the series differs in.
    pub(super) reasons: Vec<SplitReason>,
    /// Which of several mosaics it is.
    pub(super) phase: Option<Phase>,
}

/// What must be equal to the letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    localizer: bool,
    dims: [u32; 2],
    frame_of_reference: Option<&'a str>,
    stack_id: Option<&'a str>,
    image_type: &'a [String],
    samples: Samples<'a>,
    /// A mosaic is a volume of its own: prospective motion correction moves each.
    mosaic: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Samples<'a> {
    high_is_dark: bool,
    float_bytes: u8,
    lookup: bool,
    unit: Option<&'a str>,
}

impl<'a> Key<'a> {
    fn of(sheet: &Sheet<'a>) -> Self {
        let frame = &sheet.frame;
        let types = frame.image_type();
        Self {
            localizer: frame.is_localizer(),
            dims: frame.dims,
            frame_of_reference: frame.instance.frame_of_reference_uid.as_deref(),
            stack_id: frame.description.stack_id.as_deref(),
            image_type: types.get(..IMAGE_TYPE_VALUES).unwrap_or(types),
            samples: Samples {
                high_is_dark: frame.image.pixels.photometric == Photometric::Monochrome1,
                float_bytes: match frame.image.pixels.format {
                    SampleFormat::Integer => 0,
                    SampleFormat::Float32 => 4,
                    SampleFormat::Float64 => 8,
                },
                lookup: frame.description.modality_lut,
                unit: frame.image.unit.as_deref(),
            },
            mosaic: frame.at.tile.map(|_| frame.at.instance),
        }
    }

    fn but_for_mosaic(&self) -> Self {
        Self {
            mosaic: None,
            ..self.clone()
        }
    }
}

/// Divides `sheets`, and gives back those of more than [`MAX_GRIDS`] grids of one kind. Candidates come largest first.
pub(super) fn candidates(sheets: Vec<Sheet<'_>>) -> (Vec<Candidate<'_>>, Vec<Sheet<'_>>) {
    let mut all: Vec<Candidate> = Vec::new();
    let mut by_key: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let mut beyond = Vec::new();
    for sheet in sheets {
        let key = Key::of(&sheet);
        let with_key = by_key.entry(key.clone()).or_default();
        let known = all.len();
        let home = with_key.iter().copied().find(|&index| {
            let first = all.get(index).and_then(|candidate| candidate.sheets.first());
            first.is_some_and(|first| differences(first, &sheet).is_empty())
        });
        match home.and_then(|index| all.get_mut(index)) {
            Some(candidate) => candidate.sheets.push(sheet),
            None if with_key.len() < MAX_GRIDS => {
                with_key.push(known);
                all.push(Candidate {
                    key,
                    sheets: vec![sheet],
                    reasons: Vec::new(),
                    phase: None,
                });
            }
            None => beyond.push(sheet),
        }
    }
    // A stable sort: equal ones stay in the order of their first frame.
    all.sort_by_key(|candidate| std::cmp::Reverse(candidate.sheets.len()));
    give_reasons(&mut all);
    number_mosaics(&mut all);
    (all, beyond)
}

/// What two frames with the same key differ in.
fn differences(a: &Sheet, b: &Sheet) -> Vec<SplitReason> {
    let (a, b) = (&a.plane, &b.plane);
    let mut reasons = Vec::new();
    if (a.row - b.row).length() > DIRECTION_TOLERANCE || (a.column - b.column).length() > DIRECTION_TOLERANCE
    {
        reasons.push(SplitReason::Orientation);
    }
    let alike = |(a, b): (&f64, &f64)| (a - b).abs() <= SPACING_TOLERANCE * a.max(*b);
    if !a.spacing_mm.iter().zip(&b.spacing_mm).all(alike) {
        reasons.push(SplitReason::PixelSpacing);
    }
    reasons
}

/// Compares each candidate with the largest one, and the largest with all.
fn give_reasons(all: &mut [Candidate]) {
    let Some((largest, others)) = all.split_first_mut() else {
        return;
    };
    for other in others {
        other.reasons = reasons(largest, other);
        largest.reasons.extend(other.reasons.iter().copied());
    }
    largest.reasons.sort_unstable();
    largest.reasons.dedup();
}

fn reasons(a: &Candidate, b: &Candidate) -> Vec<SplitReason> {
    let mosaics = a.key.mosaic.is_some() && b.key.mosaic.is_some();
    if mosaics && a.key.but_for_mosaic() == b.key.but_for_mosaic() {
        return Vec::new();
    }
    let (a_key, b_key) = (&a.key, &b.key);
    let mut reasons = match (a.sheets.first(), b.sheets.first()) {
        (Some(a), Some(b)) => differences(a, b),
        _ => Vec::new(),
    };
    let tests = [
        (a_key.localizer != b_key.localizer, SplitReason::Localizer),
        (a_key.dims != b_key.dims, SplitReason::MatrixSize),
        (
            a_key.frame_of_reference != b_key.frame_of_reference,
            SplitReason::FrameOfReference,
        ),
        (a_key.stack_id != b_key.stack_id, SplitReason::StackId),
        // A localizer differs in its image type by being one.
        (
            a_key.image_type != b_key.image_type && a_key.localizer == b_key.localizer,
            SplitReason::ImageType,
        ),
        (a_key.samples != b_key.samples, SplitReason::Samples),
    ];
    reasons.extend(
        tests
            .iter()
            .filter(|(differs, _)| *differs)
            .map(|(_, reason)| *reason),
    );
    reasons.sort_unstable();
    reasons
}

/// Mosaics that differ only in their instance are time points of one acquisition.
fn number_mosaics(all: &mut [Candidate]) {
    let mut families: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (index, candidate) in all.iter().enumerate() {
        if candidate.key.mosaic.is_some() {
            families
                .entry(candidate.key.but_for_mosaic())
                .or_default()
                .push(index);
        }
    }
    for family in families.values().filter(|family| family.len() > 1) {
        for (number, &index) in (1u32..).zip(family) {
            if let Some(candidate) = all.get_mut(index) {
                candidate.phase = Some(Phase {
                    index: number,
                    count: u32::try_from(family.len()).unwrap_or(u32::MAX),
                    by: PhaseBy::Instance,
                });
            }
        }
    }
}
