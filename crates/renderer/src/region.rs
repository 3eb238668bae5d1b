//! The values of a volume inside a closed line, read from its samples as picking is.

use geometry::{DVec2, DVec3};

/// What the values inside a closed line are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionValues {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub sd: f64,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// How many there are.
    pub count: u64,
}

/// The values at points `step_mm` apart inside a closed line through `points`, in the plane that fits them; `None` where
/// the line surrounds nothing or there is no value.
pub fn region_values(
    points: &[DVec3],
    step_mm: f64,
    value: impl Fn(DVec3) -> Option<f64>,
) -> Option<RegionValues> {
    let (&origin, rest) = points.split_first()?;
    let normal: DVec3 = rest
        .iter()
        .zip(rest.iter().skip(1))
        .map(|(a, b)| (*a - origin).cross(*b - origin))
        .sum();
    let normal = normal.try_normalize()?;
    let right = normal.any_orthonormal_vector();
    let down = normal.cross(right);
    let flat: Vec<DVec2> = points
        .iter()
        .map(|p| DVec2::new((*p - origin).dot(right), (*p - origin).dot(down)))
        .collect();
    let least = flat.iter().copied().reduce(DVec2::min)?;
    let most = flat.iter().copied().reduce(DVec2::max)?;
    // A step as fine as asked for, but no more than a million places.
    let area = (most - least).x * (most - least).y;
    let step = step_mm.max((area / 1e6).sqrt()).max(1e-3);
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0_u64);
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    let [columns, rows] = ((most - least) / step)
        .to_array()
        .map(|n| n.ceil().max(1.0) as u32);
    let mut first = None;
    for row in 0..rows {
        for column in 0..columns {
            let p = least + (DVec2::new(f64::from(column), f64::from(row)) + 0.5) * step;
            if !is_inside(p, &flat) {
                continue;
            }
            let Some(value) = value(origin + right * p.x + down * p.y) else {
                continue;
            };
            // From the first value on, so that squares of large values do not cancel.
            let offset = value - *first.get_or_insert(value);
            sum += offset;
            squares += offset * offset;
            min = min.min(value);
            max = max.max(value);
            count += 1;
        }
    }
    let n = count as f64;
    let mean = sum / n;
    first.map(|first| RegionValues {
        mean: first + mean,
        sd: (squares / n - mean * mean).max(0.0).sqrt(),
        min,
        max,
        count,
    })
}

/// By the number of edges that a ray to the right crosses.
fn is_inside(p: DVec2, outline: &[DVec2]) -> bool {
    let next = outline.iter().cycle().skip(1);
    outline
        .iter()
        .zip(next)
        .filter(|(a, b)| (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x)
        .count()
        % 2
        == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_over_a_ramp_has_the_ramp_s_mean_and_spread() {
        // A square of 20 x 10 mm in an oblique plane; the value rises by 3 a mm along its long side.
        let right = DVec3::new(0.6, 0.0, 0.8);
        let down = DVec3::Y;
        let corner = DVec3::new(100.0, -50.0, 30.0);
        let points = [
            corner,
            corner + right * 20.0,
            corner + right * 20.0 + down * 10.0,
            corner + down * 10.0,
        ];
        let ramp = |p: DVec3| Some(1_000.0 + 3.0 * (p - corner).dot(right));
        let values = region_values(&points, 0.1, ramp).unwrap();
        assert!((values.mean - 1_030.0).abs() < 0.05, "{values:?}");
        assert!((values.sd - 60.0 / 12f64.sqrt()).abs() < 0.05, "{values:?}");
        assert!((values.min - 1_000.0).abs() < 0.5 && (values.max - 1_060.0).abs() < 0.5);
        assert!((values.count as f64 - 20_000.0).abs() < 400.0);
        let line = [corner, corner + right, corner + right * 2.0];
        assert_eq!(region_values(&line, 0.1, ramp), None);
        assert_eq!(region_values(&points, 0.1, |_| None), None);
        let huge = points.map(|p| (p - corner) * 1_000.0);
        assert!(region_values(&huge, 0.1, |_| Some(1.0)).unwrap().count <= 1_100_000);
    }
}
