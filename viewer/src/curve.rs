//! Transfer functions under the hand: their corners moved, added, removed and colored over the values of the volume.

use renderer::ControlPoint;
use volume::{Histogram, Rescale};

/// Bars that the values of a volume are shown as.
const BARS: usize = 96;
/// What of the values at either end is so rare that the axis leaves it out.
const RARE: f64 = 1e-5;

/// How often which values occur, over the axis that a transfer function is edited on.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// The first and the last value of the axis, in the unit of the volume.
    pub range: [f64; 2],
    /// Heights from 0 to 1, by the logarithm of the counts.
    pub bars: Vec<f32>,
}

impl Spread {
    /// Of the values of a volume.
    pub fn of(histogram: &Histogram, rescale: &Rescale) -> Self {
        let at = |fraction| histogram.percentile(fraction).map(|stored| rescale.value(stored));
        let (a, b) = (at(RARE).unwrap_or(0.0), at(1.0 - RARE).unwrap_or(1.0));
        let (low, high) = (a.min(b), a.max(b));
        let high = if high > low { high } else { low + 1.0 };
        let mut counts = [0_u64; BARS];
        for (i, &count) in histogram.counts.iter().enumerate() {
            let part = (rescale.value(histogram.value(i)) - low) / (high - low);
            if count > 0 && (0.0..=1.0).contains(&part) {
                counts[((part * BARS as f64) as usize).min(BARS - 1)] += count;
            }
        }
        let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
        let height = |count: u64| ((count as f64 + 1.0).ln() / (most + 1.0).ln()) as f32;
        Self {
            range: [low, high],
            bars: counts.into_iter().map(height).collect(),
        }
    }

    /// Where a value lies on the axis, 0 to 1 on it.
    pub fn part_of(&self, value: f64) -> f64 {
        (value - self.range[0]) / (self.range[1] - self.range[0])
    }

    /// The value at a part of the axis.
    pub fn value_at(&self, part: f64) -> f64 {
        self.range[0] + part * (self.range[1] - self.range[0])
    }

    /// A hundredth of the axis.
    pub fn step(&self) -> f64 {
        (self.range[1] - self.range[0]) / 100.0
    }
}

/// The least distance between corners, as a part of what they span.
const GAP: f64 = 1e-4;
/// Corners at least, and at most.
pub const COUNTS: [usize; 2] = [2, 24];

fn gap(points: &[ControlPoint]) -> f64 {
    match (points.first(), points.last()) {
        (Some(first), Some(last)) => ((last.value - first.value) * GAP).max(1e-6),
        _ => 1e-6,
    }
}

/// Color and opacity at a value: straight between corners.
pub fn at(points: &[ControlPoint], value: f64) -> Option<ControlPoint> {
    let after = points.partition_point(|p| p.value <= value);
    let high = points.get(after).or(points.last())?;
    let low = points.get(after.saturating_sub(1))?;
    let span = high.value - low.value;
    let part = if span > 0.0 {
        ((value - low.value) / span).clamp(0.0, 1.0) as f32
    } else {
        0.0
    };
    let mix = |a: f32, b: f32| a + (b - a) * part;
    Some(ControlPoint {
        value,
        color: std::array::from_fn(|i| mix(low.color[i], high.color[i])),
        opacity: mix(low.opacity, high.opacity),
    })
}

/// Moves a corner, no farther than to its neighbors.
pub fn move_point(points: &mut [ControlPoint], index: usize, value: f64, opacity: f64) {
    let gap = gap(points);
    let low = index
        .checked_sub(1)
        .and_then(|before| points.get(before))
        .map_or(f64::NEG_INFINITY, |p| p.value + gap);
    let high = points.get(index + 1).map_or(f64::INFINITY, |p| p.value - gap);
    if let Some(point) = points.get_mut(index) {
        if value.is_finite() && low <= high {
            point.value = value.clamp(low, high);
        }
        if opacity.is_finite() {
            point.opacity = opacity.clamp(0.0, 1.0) as f32;
        }
    }
}

/// Adds a corner with the color that is there; gives its place, or nothing where there is one already or are too many.
pub fn add_point(points: &mut Vec<ControlPoint>, value: f64, opacity: f64) -> Option<usize> {
    let gap = gap(points);
    let is_taken = points.iter().any(|p| (p.value - value).abs() < gap);
    if is_taken || points.len() >= COUNTS[1] || !value.is_finite() || !opacity.is_finite() {
        return None;
    }
    let color = at(points, value)?.color;
    let index = points.partition_point(|p| p.value < value);
    points.insert(
        index,
        ControlPoint {
            value,
            color,
            opacity: opacity.clamp(0.0, 1.0) as f32,
        },
    );
    Some(index)
}

/// Adds a corner in the middle of the longest way from `index` to a neighbor, where the curve stays as it is.
pub fn split_at(points: &mut Vec<ControlPoint>, index: usize) -> Option<usize> {
    let here = points.get(index)?.value;
    let before = index.checked_sub(1).and_then(|i| points.get(i)).map(|p| p.value);
    let after = points.get(index + 1).map(|p| p.value);
    let other = [before, after]
        .into_iter()
        .flatten()
        .max_by(|a, b| (a - here).abs().total_cmp(&(b - here).abs()))?;
    let middle = (here + other) / 2.0;
    let opacity = f64::from(at(points, middle)?.opacity);
    add_point(points, middle, opacity)
}

/// Removes a corner, where enough remain.
pub fn remove_point(points: &mut Vec<ControlPoint>, index: usize) {
    if points.len() > COUNTS[0] && index < points.len() {
        points.remove(index);
    }
}

/// Moves all corners by as much.
pub fn shift(points: &mut [ControlPoint], by: f64) {
    if by.is_finite() {
        for point in points {
            point.value += by;
        }
    }
}

/// A color as style sheets write it, `#rrggbb`.
pub fn hex(color: [f32; 3]) -> String {
    let [r, g, b] = color.map(|c| (c.clamp(0.0, 1.0) * 255.0).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The color that `#rrggbb` means.
pub fn color_of(hex: &str) -> Option<[f32; 3]> {
    let digits = hex.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    Some([16, 8, 0].map(|shift| ((number >> shift) & 0xff) as f32 / 255.0))
}

#[cfg(test)]
mod tests {
    use renderer::{TransferFunction, preset};
    use volume::{Unit, ValueKind};

    use super::*;

    fn points() -> Vec<ControlPoint> {
        let point = |value, red, opacity| ControlPoint {
            value,
            color: [red, 0.5, 0.0],
            opacity,
        };
        vec![
            point(-100.0, 0.0, 0.0),
            point(200.0, 0.6, 0.3),
            point(300.0, 1.0, 0.9),
        ]
    }

    fn is_good(points: &[ControlPoint]) -> bool {
        TransferFunction::new(points.to_vec()).is_ok()
    }

    #[test]
    fn corners_never_pass_each_other() {
        for (index, value, opacity) in [
            (1, 1e9, 2.0),
            (1, -1e9, -1.0),
            (0, 250.0, 0.5),
            (2, f64::NAN, f64::INFINITY),
            (9, 0.0, 0.0),
        ] {
            let mut points = points();
            move_point(&mut points, index, value, opacity);
            assert!(is_good(&points), "{index} to {value}: {points:?}");
        }
        let mut moved = points();
        move_point(&mut moved, 1, 120.0, 0.25);
        assert_eq!((moved[1].value, moved[1].opacity), (120.0, 0.25));
    }

    #[test]
    fn an_added_corner_takes_the_color_that_is_there() {
        let mut points = points();
        assert_eq!(add_point(&mut points, 50.0, 0.8), Some(1));
        assert!((points[1].color[0] - 0.3).abs() < 1e-6);
        assert_eq!(add_point(&mut points, 50.0, 0.8), None);
        assert_eq!(add_point(&mut points, -900.0, 0.1), Some(0));
        assert!(is_good(&points));
        while points.len() < COUNTS[1] {
            let width = |i: &usize| points[i + 1].value - points[*i].value;
            let widest = (0..points.len() - 1).max_by(|a, b| width(a).total_cmp(&width(b)));
            assert!(split_at(&mut points, widest.unwrap()).is_some());
            assert!(is_good(&points));
        }
        assert_eq!(split_at(&mut points, 0), None);
        for _ in 0..100 {
            remove_point(&mut points, 1);
        }
        assert_eq!(points.len(), COUNTS[0]);
        shift(&mut points, 40.0);
        shift(&mut points, f64::NAN);
        assert_eq!(points[0].value, -860.0);
    }

    #[test]
    fn a_split_leaves_the_curve_as_it_was() {
        let before = points();
        let mut after = before.clone();
        assert_eq!(split_at(&mut after, 1), Some(1));
        for value in [-200.0, -100.0, 20.0, 50.0, 51.0, 250.0, 900.0] {
            let (a, b) = (at(&before, value).unwrap(), at(&after, value).unwrap());
            assert!((a.opacity - b.opacity).abs() < 1e-6, "{value}");
        }
    }

    #[test]
    fn the_spread_is_told_in_the_unit_of_the_volume() {
        let mut counts = vec![0; 400];
        counts[10] = 1_000_000;
        counts[200] = 1_000;
        counts[399] = 1;
        let histogram = Histogram {
            first: 0.0,
            width: 1.0,
            kind: ValueKind::Integers,
            counts,
            not_finite: 0,
        };
        let rescale = Rescale {
            slope: 2.0,
            intercept: -1_000.0,
            unit: Unit::Hu,
        };
        let spread = Spread::of(&histogram, &rescale);
        assert!((spread.range[0] + 980.0).abs() <= 2.0, "{:?}", spread.range);
        // The one value at the end is rare.
        assert!((spread.range[1] + 600.0).abs() <= 2.0, "{:?}", spread.range);
        assert_eq!(spread.bars[0], 1.0);
        assert!(spread.bars[BARS - 1] > 0.4 && spread.bars[BARS / 2] == 0.0);
        let value = spread.value_at(0.25);
        assert!((spread.part_of(value) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn colors_are_written_and_read() {
        assert_eq!(hex([1.0, 0.5, 0.0]), "#ff8000");
        assert_eq!(color_of("#ff8000").map(hex).as_deref(), Some("#ff8000"));
        for bad in ["ff8000", "#ff80", "#gg8000", "", "#ff800é"] {
            assert_eq!(color_of(bad), None, "{bad}");
        }
        let bone = preset("CT-Bone").unwrap().transfer((-1_024.0, 3_071.0));
        assert!(at(bone.points(), 300.0).unwrap().opacity > 0.1);
    }
}
