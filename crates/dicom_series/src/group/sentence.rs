//! The sentence of each finding. Plain words, numbers with units, mm and degrees to 0.1.

use super::finding::{Finding, Gap};
use super::model::{PhaseBy, SplitReason};

/// How many gaps a sentence names before it only counts.
const NAMED_GAPS: usize = 3;

/// One sentence for a person. A table: one arm a finding.
pub(super) fn of(finding: &Finding) -> String {
    match finding {
        Finding::MissingSlices { gaps, .. } => missing_slices(gaps),
        Finding::UnevenSpacing {
            min_mm,
            median_mm,
            max_mm,
            interpolated,
            planes,
        } => format!(
            "Slices lie {} to {} mm apart, mostly {}; {interpolated} of {planes} planes are interpolated.",
            mm(*min_mm),
            mm(*max_mm),
            mm(*median_mm)
        ),
        Finding::ShiftedSlices { max_shift_mm } => format!(
            "Slices are shifted sideways against each other by up to {} mm; lengths across them are wrong.",
            mm(*max_shift_mm)
        ),
        Finding::DuplicateInstances { count: 1 } => {
            "1 copy of a picture already here was left out.".to_owned()
        }
        Finding::DuplicateInstances { count } => {
            format!("{count} copies of pictures already here were left out.")
        }
        Finding::ReusedUid { count: 1 } => {
            "1 picture carries the identifier of another one; both are kept.".to_owned()
        }
        Finding::ReusedUid { count } => {
            format!("{count} pictures carry the identifiers of others; all are kept.")
        }
        Finding::DuplicatePosition {
            count,
            first_plane,
            kept,
            left_out,
        } => duplicate_position(*count, *first_plane, *kept, *left_out),
        Finding::Phase {
            index,
            count,
            by: PhaseBy::FieldOfView,
        } => format!("{count} fields of view lie beside each other; this is {index} of {count}."),
        Finding::Phase { index, count, by } => format!(
            "The same place was taken {count} times; this is {} {index} of {count}.",
            by.noun()
        ),
        Finding::Mixed { reason, here, total } => mixed(*reason, *here, *total),
        Finding::GantryTilt { measured_degrees, .. } => format!(
            "The gantry was tilted by {measured_degrees:.1} degrees; the slices are kept where they lie."
        ),
        Finding::Oblique {
            normal_degrees,
            in_plane_degrees,
        } => format!(
            "The slices are oblique: {normal_degrees:.1} degrees off the nearest body axis, turned by \
             {in_plane_degrees:.1} degrees in their plane."
        ),
        Finding::SliceThicknessDiffers {
            thickness_mm,
            spacing_mm,
        } => slice_thickness(*thickness_mm, *spacing_mm),
        Finding::RescaleVaries { .. } => {
            "Each slice has its own scale of values; all are brought to the same unit.".to_owned()
        }
        Finding::MissingRescale { count } => format!(
            "{count} {} no scale of values; stored values are shown.",
            slices_have(*count)
        ),
        Finding::BadRescale { count } => format!(
            "{count} {} no usable scale of values; stored values are shown.",
            slices_have(*count)
        ),
        Finding::Lossy { count, total } if count == total => {
            "The pictures were compressed with loss; fine detail may be changed.".to_owned()
        }
        Finding::Lossy { count, total } => {
            format!("{count} of {total} pictures were compressed with loss; fine detail may be changed.")
        }
        Finding::Monochrome1 => "High values are shown dark, as the file asks.".to_owned(),
        Finding::PixelPadding { low, high } if low == high => {
            format!("Stored value {low} marks what was not measured.")
        }
        Finding::PixelPadding { low, high } => {
            format!("Stored values {low} to {high} mark what was not measured.")
        }
        Finding::PaddingVaries => {
            "Slices disagree about which values mark what was not measured; all values are shown.".to_owned()
        }
        Finding::MissingPosition { count, total } => defect("no usable position", *count, *total),
        Finding::MissingOrientation { count, total } => defect("no orientation", *count, *total),
        Finding::BadOrientation { count, total } => defect(
            "directions that are not perpendicular unit vectors",
            *count,
            *total,
        ),
        Finding::MissingPixelSpacing { count, total } => defect("no pixel spacing", *count, *total),
        Finding::BadPixelSpacing { count, total } => defect("an impossible pixel spacing", *count, *total),
        Finding::BadMosaic { count, total } => defect("a mosaic that can't be taken apart", *count, *total),
        Finding::MosaicNormalAssumed => {
            "The file does not say which way its slices follow each other; the usual way is assumed."
                .to_owned()
        }
        Finding::MosaicSpacingAssumed { thickness_mm } => format!(
            "The distance between slices is taken from their thickness, {} mm.",
            mm(*thickness_mm)
        ),
        Finding::SingleSlice => "One slice only: there is no volume.".to_owned(),
        Finding::MissingSeriesUid => {
            "The files do not name their series; those of one study were taken together.".to_owned()
        }
        Finding::FileOddity { message, count } => {
            let files = if *count == 1 { "file" } else { "files" };
            format!("Read over in {count} {files}: {}.", message.trim_end_matches('.'))
        }
    }
}

/// Millimeters to 0.1, finer where that would say nothing.
fn mm(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.995 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    }
}

fn slices(count: u32) -> &'static str {
    if count == 1 { "slice" } else { "slices" }
}

fn slices_have(count: u32) -> &'static str {
    if count == 1 { "slice has" } else { "slices have" }
}

fn missing_slices(gaps: &[Gap]) -> String {
    let missing = gaps.iter().map(Gap::missing).fold(0, u32::saturating_add);
    let named: Vec<String> = gaps
        .iter()
        .take(NAMED_GAPS)
        .map(|gap| format!("between {} and {}", gap.below, gap.above))
        .collect();
    let mut places = named.join(", ");
    match gaps.len().saturating_sub(NAMED_GAPS) {
        0 => {}
        1 => places.push_str(" and in 1 more place"),
        more => places.push_str(&format!(" and in {more} more places")),
    }
    format!(
        "{missing} {} missing {places}; distances across {} are interpolated.",
        slices(missing),
        if missing == 1 { "it" } else { "them" }
    )
}

fn duplicate_position(count: u32, first_plane: u32, kept: Option<i64>, left_out: Option<i64>) -> String {
    let numbers = match (kept, left_out) {
        (Some(kept), Some(left_out)) if kept != left_out => {
            format!("; number {kept} is shown, {left_out} is left out")
        }
        _ if count == 1 => "; one is left out".to_owned(),
        _ => "; they are left out".to_owned(),
    };
    if count == 1 {
        format!("2 different slices lie at the same place, slice {first_plane}{numbers}.")
    } else {
        format!("{count} slices lie where others do, first at slice {first_plane}{numbers}.")
    }
}

fn mixed(reason: SplitReason, here: u32, total: u32) -> String {
    let why = match reason {
        SplitReason::Localizer => "localizers are kept apart",
        SplitReason::Orientation => "the others point elsewhere",
        SplitReason::MatrixSize => "the others have another number of rows or columns",
        SplitReason::PixelSpacing => "the others have another pixel spacing",
        SplitReason::FrameOfReference => "the others lie in another frame of reference",
        SplitReason::ImageType => "the others are of another image type",
        SplitReason::StackId => "the others belong to other stacks",
        SplitReason::Samples => "the others store values of another kind",
        SplitReason::Gap => "the others lie beyond a wide gap",
    };
    format!("{here} of {total} slices of the series are here; {why}.")
}

fn slice_thickness(thickness_mm: f64, spacing_mm: f64) -> String {
    let (thickness, spacing) = (mm(thickness_mm), mm(spacing_mm));
    if thickness_mm < spacing_mm {
        format!("Slices of {thickness} mm lie {spacing} mm apart; what is between them was not imaged.")
    } else {
        format!("Slices of {thickness} mm lie {spacing} mm apart and overlap.")
    }
}

fn defect(what: &str, count: u32, total: u32) -> String {
    let (verb, apart) = if count == 1 {
        ("has", "it is kept apart as a picture")
    } else {
        ("have", "they are kept apart as pictures")
    };
    format!("{count} of {total} {} {verb} {what}; {apart}.", slices(total))
}
