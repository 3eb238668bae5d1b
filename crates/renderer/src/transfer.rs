//! Transfer functions: values to color and opacity.

use serde::{Deserialize, Serialize};

use crate::picture::decode;

/// One corner of a transfer function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlPoint {
    /// Rescaled value (HU for CT).
    pub value: f64,
    /// sRGB between 0 and 1.
    pub color: [f32; 3],
    /// Opacity of 1 mm of it, 0 to 1.
    pub opacity: f32,
}

/// Why control points make no transfer function.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TransferError {
    /// There is no point.
    #[error("a transfer function needs at least one control point")]
    Empty,
    /// Values must rise from point to point.
    #[error("control point {index} has the value {value}, which does not follow the one before it")]
    Order {
        /// Which point, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// A color or an opacity is outside 0 to 1, or not a number.
    #[error("control point {index} has a color or an opacity outside 0 to 1")]
    Range {
        /// Which point, from 0.
        index: usize,
    },
}

/// Color and opacity by value: straight lines between control points, constant beyond the outer ones.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferFunction {
    points: Vec<ControlPoint>,
}

impl TransferFunction {
    /// A transfer function through `points`.
    ///
    /// # Errors
    /// When there is none, values do not rise, or a component is out of range.
    pub fn new(points: Vec<ControlPoint>) -> Result<Self, TransferError> {
        if points.is_empty() {
            return Err(TransferError::Empty);
        }
        for (index, point) in points.iter().enumerate() {
            let follows = index == 0 || points[index - 1].value < point.value;
            if !follows || !point.value.is_finite() {
                return Err(TransferError::Order {
                    index,
                    value: point.value,
                });
            }
            let in_range = |c: &f32| (0.0..=1.0).contains(c);
            if !point.color.iter().all(in_range) || !in_range(&point.opacity) {
                return Err(TransferError::Range { index });
            }
        }
        Ok(Self { points })
    }

    /// The control points, by rising value.
    pub fn points(&self) -> &[ControlPoint] {
        &self.points
    }

    /// Color in linear light and opacity of 1 mm at `value`. NaN is invisible.
    pub(crate) fn at(&self, value: f64) -> [f32; 4] {
        if value.is_nan() {
            return [0.0; 4];
        }
        let (low, high, t) = self.around(value);
        let mix = |a: f32, b: f32| a + (b - a) * t;
        let c = |i: usize| mix(decode(low.color[i]), decode(high.color[i]));
        [c(0), c(1), c(2), mix(low.opacity, high.opacity)]
    }

    /// Opacity of 1 mm at `value`. NaN is invisible.
    pub(crate) fn opacity_at(&self, value: f64) -> f32 {
        if value.is_nan() {
            return 0.0;
        }
        let (low, high, t) = self.around(value);
        low.opacity + (high.opacity - low.opacity) * t
    }

    /// Color (sRGB, straight between points as displays show it) and opacity at `value`, which is a number.
    pub(crate) fn display_at(&self, value: f64) -> ([f32; 3], f32) {
        let (low, high, t) = self.around(value);
        let mix = |a: f32, b: f32| a + (b - a) * t;
        let color = std::array::from_fn(|i| mix(low.color[i], high.color[i]));
        (color, mix(low.opacity, high.opacity))
    }

    /// The points before and behind `value`, and how far between them it lies.
    fn around(&self, value: f64) -> (&ControlPoint, &ControlPoint, f32) {
        let after = self.points.partition_point(|p| p.value <= value);
        let high = &self.points[after.min(self.points.len() - 1)];
        let low = &self.points[after.saturating_sub(1)];
        let span = high.value - low.value;
        let t = if span > 0.0 {
            ((value - low.value) / span) as f32
        } else {
            0.0
        };
        (low, high, t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: f64, opacity: f32) -> ControlPoint {
        ControlPoint {
            value,
            color: [1.0, 0.5, 0.0],
            opacity,
        }
    }

    #[test]
    fn opacity_runs_straight_between_points() {
        let tf = TransferFunction::new(vec![point(-100.0, 0.0), point(300.0, 0.8)]).unwrap();
        assert_eq!(tf.at(-500.0)[3], 0.0);
        assert!((tf.at(100.0)[3] - 0.4).abs() < 1e-6);
        assert_eq!(tf.at(1000.0)[3], 0.8);
        assert_eq!(tf.at(f64::NAN), [0.0; 4]);
    }

    #[test]
    fn points_must_rise_and_stay_in_range() {
        assert_eq!(TransferFunction::new(vec![]), Err(TransferError::Empty));
        let twice = TransferFunction::new(vec![point(1.0, 0.0), point(1.0, 1.0)]);
        assert_eq!(twice, Err(TransferError::Order { index: 1, value: 1.0 }));
        assert_eq!(
            TransferFunction::new(vec![point(0.0, 1.5)]),
            Err(TransferError::Range { index: 0 })
        );
        assert_eq!(
            TransferFunction::new(vec![point(0.0, f32::NAN)]),
            Err(TransferError::Range { index: 0 })
        );
    }
}
