//! Slices at different places to a volume with its geometry and its verdict.

use geometry::{DAffine3, DMat3, DVec3, GridGeometry};

use super::finding::{Finding, Gap};
use super::model::{Plane, SplitReason, Stack};
use super::phases::Part;
use super::sheet::{Frame, Sheet};
use super::spacing::{self, Arrangement, Kind};
use super::{mosaic, values};

/// A step that leaves the normal by less than half a pixel over the whole stack is rounding, not tilt.
const TILT_DRIFT_PIXELS: f64 = 0.5;
const TILT_LEAST_DEGREES: f64 = 0.1;

/// Directions nearer to a body axis than this are not worth calling oblique.
const OBLIQUE_LEAST_DEGREES: f64 = 0.5;

/// Slices off the line through the first and the last by more than this are told of.
const SHIFT_MM: f64 = 0.05;
const SHIFT_PIXELS: f64 = 0.05;

/// Slice Thickness may be rounded.
const THICKNESS_MM: f64 = 0.05;
const THICKNESS_PART: f64 = 0.05;

/// Cuts a part where gaps are too wide to be bridged. Reasons are those of the part and, after a cut, the gap.
pub(super) fn cut_at_wide_gaps(part: Part<'_>) -> (Vec<Part<'_>>, Option<SplitReason>) {
    let cuts = spacing::wide_gaps(&positions(&part.sheets));
    if cuts.is_empty() {
        return (vec![part], None);
    }
    let Part {
        mut sheets,
        phases,
        mut left_out,
    } = part;
    let mut pieces = Vec::new();
    for &cut in cuts.iter().rev() {
        let tail = sheets.split_off(cut.min(sheets.len()));
        let (here, before) = left_out.into_iter().partition(|(slice, _)| *slice >= cut);
        left_out = before;
        let here: Vec<(usize, Sheet)> = here;
        pieces.push(Part {
            sheets: tail,
            phases: phases.clone(),
            left_out: here
                .into_iter()
                .map(|(slice, sheet)| (slice.saturating_sub(cut), sheet))
                .collect(),
        });
    }
    pieces.push(Part {
        sheets,
        phases,
        left_out,
    });
    pieces.reverse();
    (pieces, Some(SplitReason::Gap))
}

/// Positions along the normal of the first slice, mm from it.
fn positions(sheets: &[Sheet]) -> Vec<f64> {
    let Some(first) = sheets.first() else {
        return Vec::new();
    };
    let normal = first.normal();
    sheets
        .iter()
        .map(|sheet| (sheet.plane.origin_mm - first.plane.origin_mm).dot(normal))
        .collect()
}

/// The volume of at least two slices at different places; `None` when they span no space after all.
pub(super) fn build(part: &Part) -> Option<Stack> {
    let sheets = part.sheets.as_slice();
    let (first, last) = (sheets.first()?, sheets.last()?);
    let positions = positions(sheets);
    let arrangement = spacing::arrange(&positions);
    let steps = arrangement
        .planes
        .len()
        .checked_sub(1)
        .filter(|&steps| steps > 0)?;
    let step_mm = (last.plane.origin_mm - first.plane.origin_mm) / steps as f64;
    let [x_mm, y_mm] = first.plane.spacing_mm;
    let patient_from_voxel = DAffine3 {
        matrix3: DMat3::from_cols(first.plane.row * x_mm, first.plane.column * y_mm, step_mm),
        translation: first.plane.origin_mm,
    };
    let [columns, rows] = first.frame.dims;
    let planes = u32::try_from(arrangement.planes.len()).ok()?;
    let grid = GridGeometry::new([columns, rows, planes], patient_from_voxel).ok()?;
    let frames: Vec<Frame> = sheets.iter().map(|sheet| sheet.frame).collect();
    let values = values::of(&frames)?;

    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(spacing_finding(&arrangement, sheets, &positions));
    findings.extend(shift(sheets, &positions));
    findings.extend(duplicates(part, &arrangement));
    findings.extend(part.phases.iter().map(|phase| Finding::Phase {
        index: phase.index,
        count: phase.count,
        by: phase.by,
    }));
    findings.extend(direction_finding(first, step_mm, steps));
    findings.extend(thickness(&frames, step_mm.dot(first.normal()), step_mm.length()));
    findings.extend(mosaic_findings(&first.frame));
    findings.extend(values.findings);
    Some(Stack {
        slices: sheets.iter().map(|sheet| sheet.frame.at).collect(),
        planes: arrangement.planes,
        grid,
        rescale: values.rescale,
        unit: values.unit,
        suv: values.suv,
        padding: values.padding,
        layout: values.layout,
        windows: values.windows,
        polarity: values.polarity,
        frame_of_reference_uid: first.frame.instance.frame_of_reference_uid.clone(),
        phases: part.phases.clone(),
        findings,
    })
}

/// The plane, counted from 1, on which each acquired slice lies; planes between slices have none.
fn plane_numbers(planes: &[Plane], slices: usize) -> Vec<Option<u32>> {
    let mut numbers = vec![None; slices];
    for (number, plane) in (1u32..).zip(planes) {
        if let Plane::Slice(slice) = plane
            && let Some(entry) = numbers.get_mut(*slice)
        {
            *entry = Some(number);
        }
    }
    numbers
}

fn spacing_finding(arrangement: &Arrangement, sheets: &[Sheet], positions: &[f64]) -> Option<Finding> {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let planes = count(arrangement.planes.len());
    let on_slices = arrangement
        .planes
        .iter()
        .filter(|plane| matches!(plane, Plane::Slice(_)))
        .count();
    let uneven = |min_mm, median_mm, max_mm| Finding::UnevenSpacing {
        min_mm,
        median_mm,
        max_mm,
        interpolated: planes.saturating_sub(count(on_slices)),
        planes,
    };
    match arrangement.kind {
        Kind::Regular => None,
        Kind::Uneven {
            min_mm,
            median_mm,
            max_mm,
        } => Some(uneven(min_mm, median_mm, max_mm)),
        Kind::Gaps => {
            let gaps = missing(arrangement, sheets, positions);
            if gaps.iter().all(is_numbered_through) {
                let all = spacing::gaps(positions);
                let smallest = all.iter().copied().fold(f64::INFINITY, f64::min);
                let largest = all.iter().copied().fold(0.0, f64::max);
                return Some(uneven(smallest, spacing::median(&all), largest));
            }
            Some(Finding::MissingSlices {
                gaps,
                acquired: count(sheets.len()),
                planes,
            })
        }
    }
}

/// Whether the slices on both sides of a gap have successive instance numbers: then nothing is missing, the slices
/// were taken that way.
fn is_numbered_through(gap: &Gap) -> bool {
    let [below, above] = gap.instance_numbers;
    below
        .zip(above)
        .is_some_and(|(below, above)| below.abs_diff(above) == 1)
}

/// The places where planes have no slice.
fn missing(arrangement: &Arrangement, sheets: &[Sheet], positions: &[f64]) -> Vec<Gap> {
    let numbers = plane_numbers(&arrangement.planes, sheets.len());
    let mut gaps = Vec::new();
    let pairs = numbers
        .windows(2)
        .zip(sheets.windows(2))
        .zip(spacing::gaps(positions));
    for ((numbers, sheets), gap_mm) in pairs {
        let ([Some(below), Some(above)], [low, high]) = (numbers, sheets) else {
            continue;
        };
        if above - below > 1 {
            gaps.push(Gap {
                below: *below,
                above: *above,
                gap_mm,
                instance_numbers: [low, high].map(|sheet| sheet.frame.instance.instance_number),
            });
        }
    }
    gaps
}

/// The farthest that a slice lies beside the line from the first to the last.
fn shift(sheets: &[Sheet], positions: &[f64]) -> Option<Finding> {
    let (first, last) = (sheets.first()?.plane, sheets.last()?.plane);
    let length = positions.last().copied().filter(|&mm| mm > 0.0)?;
    let along = (last.origin_mm - first.origin_mm) / length;
    let max_shift_mm = sheets
        .iter()
        .zip(positions)
        .map(|(sheet, &mm)| (sheet.plane.origin_mm - first.origin_mm - along * mm).length())
        .fold(0.0, f64::max);
    let pixel_mm = first.spacing_mm.iter().copied().fold(f64::INFINITY, f64::min);
    (max_shift_mm > SHIFT_MM.max(SHIFT_PIXELS * pixel_mm)).then_some(Finding::ShiftedSlices { max_shift_mm })
}

fn duplicates(part: &Part, arrangement: &Arrangement) -> Option<Finding> {
    let (slice, left_out) = part.left_out.first()?;
    let kept = part.sheets.get(*slice)?;
    let numbers = plane_numbers(&arrangement.planes, part.sheets.len());
    Some(Finding::DuplicatePosition {
        count: u32::try_from(part.left_out.len()).unwrap_or(u32::MAX),
        first_plane: numbers.get(*slice).copied().flatten().unwrap_or(0),
        kept: kept.frame.instance.instance_number,
        left_out: left_out.frame.instance.instance_number,
    })
}

/// Tilted, oblique or neither.
fn direction_finding(first: &Sheet, step_mm: DVec3, steps: usize) -> Option<Finding> {
    let normal = first.normal();
    let gap_mm = step_mm.dot(normal);
    let aside = step_mm - normal * gap_mm;
    let degrees = aside.length().atan2(gap_mm).to_degrees();
    let pixel_mm = first
        .plane
        .spacing_mm
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    let drift_mm = aside.length() * steps as f64;
    if degrees > TILT_LEAST_DEGREES && drift_mm > TILT_DRIFT_PIXELS * pixel_mm {
        let tag_degrees = first
            .frame
            .image
            .gantry_tilt_degrees
            .filter(|tag| *tag != 0.0 && tag.is_finite());
        // A step that goes against the column direction is a gantry whose top leans away from the table's entry.
        let measured_sign = if aside.dot(first.plane.column) < 0.0 {
            -1.0
        } else {
            1.0
        };
        return Some(Finding::GantryTilt {
            measured_degrees: degrees * tag_degrees.map_or(measured_sign, f64::signum),
            tag_degrees,
        });
    }
    let normal_degrees = degrees_off_axis(normal);
    let in_plane_degrees = degrees_off_axis(first.plane.row);
    (normal_degrees.max(in_plane_degrees) > OBLIQUE_LEAST_DEGREES).then_some(Finding::Oblique {
        normal_degrees,
        in_plane_degrees,
    })
}

/// The angle between a unit vector and the nearest body axis, degrees.
fn degrees_off_axis(direction: DVec3) -> f64 {
    let [x, y, z] = direction.abs().to_array();
    let along = x.max(y).max(z);
    let across = (direction.length_squared() - along * along).max(0.0).sqrt();
    across.atan2(along).to_degrees()
}

/// Slice Thickness against the gap along the normal, where all slices have the same thickness. Of tilted slices some
/// scanners give the thickness along the step instead.
fn thickness(frames: &[Frame], spacing_mm: f64, step_mm: f64) -> Option<Finding> {
    let thickness_mm = frames.first()?.description.slice_thickness_mm?;
    let agreed = frames
        .iter()
        .all(|frame| frame.description.slice_thickness_mm == Some(thickness_mm));
    let tolerance = THICKNESS_MM.max(THICKNESS_PART * spacing_mm);
    let is_near = |distance_mm: f64| (thickness_mm - distance_mm).abs() <= tolerance;
    let usable = thickness_mm > 0.0 && thickness_mm.is_finite();
    let differs = usable && !is_near(spacing_mm) && !is_near(step_mm);
    (agreed && differs).then_some(Finding::SliceThicknessDiffers {
        thickness_mm,
        spacing_mm,
    })
}

fn mosaic_findings(first: &Frame) -> Vec<Finding> {
    let (Some(mosaic), Some(_)) = (&first.image.mosaic, first.at.tile) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if mosaic.slice_normal.is_none() {
        findings.push(Finding::MosaicNormalAssumed);
    }
    if let Some((thickness_mm, mosaic::SpacingSource::SliceThickness)) = mosaic::spacing(first) {
        findings.push(Finding::MosaicSpacingAssumed { thickness_mm });
    }
    findings
}
