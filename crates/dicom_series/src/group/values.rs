//! What the stored values of several frames mean together: rescale, unit, padding, layout, windows.

use super::Finding;
use super::model::{Polarity, RescalePolicy, SampleLayout};
use super::sheet::Frame;
use crate::instance::{Photometric, Rescale, Sign, SuvScale};

/// Stored values as they are.
const IDENTITY: Rescale = Rescale {
    slope: 1.0,
    intercept: 0.0,
};

/// What stored values mean, and what must be told about it.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) rescale: RescalePolicy,
    pub(super) unit: Option<String>,
    pub(super) suv: Option<SuvScale>,
    pub(super) padding: Option<[i64; 2]>,
    pub(super) layout: SampleLayout,
    pub(super) windows: Vec<[f64; 2]>,
    pub(super) polarity: Polarity,
    pub(super) findings: Vec<Finding>,
}

/// The common meaning of `frames`, in their order; `None` for no frames.
pub(super) fn of(frames: &[Frame]) -> Option<Values> {
    let first = frames.first()?;
    let middle = frames.get(frames.len() / 2).unwrap_or(first);
    let mut findings = Vec::new();
    let (rescale, meaningful) = rescale(frames, &mut findings);
    let padding = padding(frames, &mut findings);
    let lossy = count(frames, |frame| frame.image.lossy);
    if lossy > 0 {
        findings.push(Finding::Lossy {
            count: lossy,
            total: count(frames, |_| true),
        });
    }
    let polarity = match first.image.pixels.photometric {
        Photometric::Monochrome1 => Polarity::HighIsDark,
        _ => Polarity::HighIsBright,
    };
    if polarity == Polarity::HighIsDark {
        findings.push(Finding::Monochrome1);
    }
    let agreed = |suv: &Option<SuvScale>| frames.iter().all(|frame| frame.image.suv == *suv);
    Some(Values {
        rescale,
        unit: first.image.unit.clone().filter(|_| meaningful),
        suv: Some(first.image.suv)
            .filter(agreed)
            .flatten()
            .filter(|_| meaningful),
        padding,
        layout: frames
            .iter()
            .map(layout_of)
            .reduce(SampleLayout::joined)
            .unwrap_or_else(|| layout_of(first)),
        windows: middle
            .description
            .windows
            .iter()
            .copied()
            .filter(|[center, width]| center.is_finite() && width.is_finite())
            .collect(),
        polarity,
        findings,
    })
}

/// How many of `frames` are so.
pub(super) fn count(frames: &[Frame], is: impl Fn(&Frame) -> bool) -> u32 {
    let count = frames.iter().filter(|frame| is(frame)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The rescale of all frames, and whether its result has the unit that the files name.
fn rescale(frames: &[Frame], findings: &mut Vec<Finding>) -> (RescalePolicy, bool) {
    let given = |frame: &Frame| {
        frame
            .description
            .rescale
            .filter(|_| !frame.description.modality_lut)
    };
    let is_bad = |frame: &Frame| given(frame).is_some_and(|rescale| !is_usable(rescale));
    let is_missing = |frame: &Frame| given(frame).is_none() && !frame.description.modality_lut;
    let (bad, missing) = (count(frames, is_bad), count(frames, is_missing));
    let is_ct = frames
        .first()
        .is_some_and(|frame| frame.instance.modality.as_deref() == Some("CT"));
    let some_have = u64::from(missing) < frames.len() as u64;
    if bad > 0 {
        findings.push(Finding::BadRescale { count: bad });
    }
    if missing > 0 && (is_ct || some_have) {
        findings.push(Finding::MissingRescale { count: missing });
    }
    let all: Vec<Rescale> = frames
        .iter()
        .map(|frame| {
            given(frame)
                .filter(|&rescale| is_usable(rescale))
                .unwrap_or(IDENTITY)
        })
        .collect();
    let meaningful = bad == 0 && (missing == 0 || (!is_ct && !some_have));
    let first = all.first().copied().unwrap_or(IDENTITY);
    if all.iter().all(|&rescale| rescale == first) {
        return (RescalePolicy::Uniform(first), meaningful);
    }
    let range = |of: fn(&Rescale) -> f64| {
        all.iter()
            .map(of)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), n| {
                (low.min(n), high.max(n))
            })
    };
    let ((min_slope, max_slope), (min_intercept, max_intercept)) =
        (range(|rescale| rescale.slope), range(|rescale| rescale.intercept));
    findings.push(Finding::RescaleVaries {
        min_slope,
        max_slope,
        min_intercept,
        max_intercept,
    });
    (RescalePolicy::PerSlice(all), meaningful)
}

fn is_usable(rescale: Rescale) -> bool {
    rescale.slope.is_finite() && rescale.slope != 0.0 && rescale.intercept.is_finite()
}

/// The padding of all frames. Frames that name none follow those that do; frames that contradict leave none.
fn padding(frames: &[Frame], findings: &mut Vec<Finding>) -> Option<[i64; 2]> {
    let mut named = frames.iter().filter_map(|frame| frame.image.pixels.padding);
    let first = named.next()?;
    if named.any(|other| other != first) {
        findings.push(Finding::PaddingVaries);
        return None;
    }
    let [a, b] = first;
    let (low, high) = (a.min(b), a.max(b));
    findings.push(Finding::PixelPadding { low, high });
    Some([low, high])
}

fn layout_of(frame: &Frame) -> SampleLayout {
    let pixels = &frame.image.pixels;
    match frame.image.lookup.modality {
        // The results of a lookup table are unsigned (PS3.3 C.11.1.1.1).
        Some(table) if frame.description.modality_lut => SampleLayout {
            bits: table.bits,
            sign: Sign::Unsigned,
            format: pixels.format,
        },
        _ => SampleLayout {
            bits: if (1..=pixels.bits_allocated).contains(&pixels.bits_stored) {
                pixels.bits_stored
            } else {
                pixels.bits_allocated
            },
            sign: pixels.sign,
            format: pixels.format,
        },
    }
}

impl SampleLayout {
    /// The layout that holds the values of both: a sign costs unsigned values one more bit.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let sign = match (self.sign, other.sign) {
            (Sign::Unsigned, Sign::Unsigned) => Sign::Unsigned,
            _ => Sign::Signed,
        };
        let bits = |layout: Self| match (layout.sign, sign) {
            (Sign::Unsigned, Sign::Signed) => layout.bits.saturating_add(1),
            _ => layout.bits,
        };
        Self {
            bits: bits(self).max(bits(other)),
            sign,
            format: self.format,
        }
    }
}
