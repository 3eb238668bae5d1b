//! A transfer function looked up instead of computed.

use volume::Rescale;

use super::blocks::Shown;
use super::lanes::F32x4;
use crate::TransferFunction;

/// Entries over the values between the outer control points, beyond which a transfer function is constant. A power of
/// two.
const ENTRIES: usize = 4096;

/// Color and opacity of one step, by stored value.
pub(super) struct Table {
    /// Linear red, green, blue, and the opacity of one step.
    entries: Box<[[f32; 4]; ENTRIES]>,
    /// How many of the entries before each are visible.
    visible_before: Vec<u32>,
    scale: f32,
    offset: f32,
}

impl Table {
    /// The table of `transfer` for stored values that `rescale` gives their meaning, and steps of `step_mm`.
    pub(super) fn new(transfer: &TransferFunction, rescale: &Rescale, step_mm: f64) -> Self {
        let points = transfer.points();
        let ends = [&points[0], &points[points.len() - 1]].map(|p| rescale.stored(p.value));
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        // One control point, or a slope of zero: the same everywhere.
        let (low, span) = if low.is_finite() && high > low && high.is_finite() {
            (low, high - low)
        } else {
            (0.0, 1.0)
        };
        let last = (ENTRIES - 1) as f64;
        let entries: Box<[[f32; 4]]> = (0..ENTRIES)
            .map(|i| {
                let stored = low + span * (i as f64 / last);
                let [r, g, b, opacity] = transfer.at(rescale.value(stored));
                [r, g, b, opacity_of_step(opacity, step_mm)]
            })
            .collect();
        let mut count = 0;
        let visible_before = std::iter::once(0)
            .chain(entries.iter().map(|entry| {
                count += u32::from(entry[3] > 0.0);
                count
            }))
            .collect();
        let entries = entries
            .try_into()
            .unwrap_or_else(|_| unreachable!("as many entries as were asked for"));
        Self {
            entries,
            visible_before,
            scale: (last / span) as f32,
            offset: (0.5 - low * last / span) as f32,
        }
    }

    /// The entries of four samples; NaN has the lowest.
    #[inline(always)]
    pub(super) fn at(&self, stored: F32x4) -> [&[f32; 4]; 4] {
        let [a, b, c, d] = self.indexes(stored);
        [
            &self.entries[a],
            &self.entries[b],
            &self.entries[c],
            &self.entries[d],
        ]
    }

    /// How much of the samples between two is visible.
    pub(super) fn shows(&self, [low, high]: [f32; 2]) -> Shown {
        if low > high || low.is_nan() || high.is_nan() {
            return Shown::Nothing;
        }
        // An entry to either side, because looking up rounds.
        let (first, end) = (
            self.index(low).saturating_sub(1),
            (self.index(high) + 2).min(ENTRIES),
        );
        match (self.visible_before[end] - self.visible_before[first]) as usize {
            0 => Shown::Nothing,
            count if count == end - first => Shown::All,
            _ => Shown::Part,
        }
    }

    fn index(&self, stored: f32) -> usize {
        self.indexes(F32x4::splat(stored))[0]
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.entries.as_ref()) + size_of_val(self.visible_before.as_slice())
    }

    #[inline(always)]
    fn indexes(&self, stored: F32x4) -> [usize; 4] {
        let at = stored * F32x4::splat(self.scale) + F32x4::splat(self.offset);
        let last = F32x4::splat((ENTRIES - 1) as f32);
        let [a, b, c, d] = at.max(F32x4::splat(0.0)).min(last).truncated().0;
        // All lie within already; the mask tells the compiler so.
        let within = |i: i32| i as usize & (ENTRIES - 1);
        [within(a), within(b), within(c), within(d)]
    }
}

/// Opacity is given for 1 mm; a step of another length lets another part through (Beer-Lambert).
fn opacity_of_step(opacity_of_mm: f32, step_mm: f64) -> f32 {
    (1.0 - (1.0 - f64::from(opacity_of_mm.min(0.999_9))).powf(step_mm)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ControlPoint;

    fn transfer(points: &[(f64, f32)]) -> TransferFunction {
        let point = |&(value, opacity)| ControlPoint {
            value,
            color: [opacity, 0.25, 1.0],
            opacity,
        };
        TransferFunction::new(points.iter().map(point).collect()).unwrap()
    }

    #[test]
    fn entries_follow_the_transfer_function() {
        let transfer = transfer(&[(-50.0, 0.0), (30.0, 0.5), (350.0, 0.25)]);
        let rescale = Rescale {
            slope: -0.5,
            intercept: 100.0,
            ..Rescale::IDENTITY
        };
        let table = Table::new(&transfer, &rescale, 1.0);
        for stored in -1000..1000 {
            let value = rescale.value(f64::from(stored));
            let found = table.at(F32x4::splat(stored as f32))[1];
            let expected = transfer.at(value);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-3, "{value}: {found} {expected}");
            }
        }
    }

    #[test]
    fn what_is_visible_is_never_missed() {
        let table = Table::new(
            &transfer(&[(0.0, 0.0), (10.0, 0.0), (11.0, 0.7), (12.0, 0.0), (90.0, 0.0)]),
            &Rescale::IDENTITY,
            1.0,
        );
        let check = |low, high, expected| assert_eq!(table.shows([low, high]), expected, "{low} {high}");
        check(10.5, 10.5, Shown::All);
        check(-1e30, 1e30, Shown::Part);
        check(9.0, 11.0, Shown::Part);
        check(-1e30, 9.0, Shown::Nothing);
        check(13.0, f32::INFINITY, Shown::Nothing);
        check(f32::INFINITY, f32::NEG_INFINITY, Shown::Nothing);
        check(f32::NAN, 1.0, Shown::Nothing);
    }

    #[test]
    fn thin_steps_add_up_to_a_thick_one() {
        let (thick, thin) = (opacity_of_step(0.6, 1.0), opacity_of_step(0.6, 0.125));
        assert!((1.0 - (1.0 - thin).powi(8) - thick).abs() < 1e-6);
        assert!((thick - 0.6).abs() < 1e-6);
    }
}
