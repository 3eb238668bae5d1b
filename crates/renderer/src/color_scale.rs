//! Values to colors, for measured values on surfaces.

/// Values to colors: straight between colors that lie evenly from the lowest value to the highest.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorScale {
    low: f32,
    high: f32,
    colors: Vec<[f32; 3]>,
    missing: [f32; 3],
}

/// Why colors make no scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// The highest value must lie above the lowest.
    #[error("the highest value of a color scale must lie above the lowest")]
    Range,
    /// Two colors are needed, with components between 0 and 1.
    #[error("a color scale needs two colors or more, with components between 0 and 1")]
    Colors,
}

impl ColorScale {
    /// A scale over values from `low` to `high` through `colors` (sRGB between 0 and 1). Values beyond take the color at the
    /// end, what was not measured takes `missing`.
    ///
    /// # Errors
    /// When the range is empty or no number, or there are fewer than two colors or a component is out of range.
    pub fn new(low: f32, high: f32, colors: Vec<[f32; 3]>, missing: [f32; 3]) -> Result<Self, ScaleError> {
        if !(low < high && low.is_finite() && high.is_finite()) {
            return Err(ScaleError::Range);
        }
        let all = colors.iter().chain([&missing]).flatten();
        if colors.len() < 2 || !all.into_iter().all(|c| (0.0..=1.0).contains(c)) {
            return Err(ScaleError::Colors);
        }
        Ok(Self {
            low,
            high,
            colors,
            missing,
        })
    }

    /// Signed distances: inward blue, none light, outward red, told apart by lightness too; what was not measured gray.
    /// `full_mm` is the distance of full color.
    pub fn of_distances(full_mm: f32) -> Self {
        let full_mm = if full_mm.is_finite() {
            full_mm.abs().max(1e-3)
        } else {
            1.0
        };
        Self {
            low: -full_mm,
            high: full_mm,
            colors: vec![
                [0.09, 0.16, 0.48],
                [0.13, 0.36, 0.78],
                [0.55, 0.74, 0.92],
                [0.92, 0.90, 0.88],
                [0.96, 0.68, 0.52],
                [0.80, 0.18, 0.16],
                [0.42, 0.02, 0.10],
            ],
            missing: [0.47, 0.47, 0.49],
        }
    }

    /// The colors from the lowest value to the highest, and that of what was not measured.
    #[cfg(any(feature = "gpu", feature = "webgpu"))]
    pub(crate) fn colors(&self) -> impl Iterator<Item = [f32; 3]> {
        self.colors.iter().copied().chain([self.missing])
    }

    /// The color of `value`, sRGB; NaN was not measured.
    pub fn color(&self, value: f32) -> [f32; 3] {
        if value.is_nan() {
            return self.missing;
        }
        let last = self.colors.len() - 1;
        let at = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0) * last as f32;
        let low = (at as usize).min(last - 1);
        let part = at - low as f32;
        let (a, b) = (self.colors[low], self.colors[low + 1]);
        std::array::from_fn(|i| a[i] + (b[i] - a[i]) * part)
    }

    /// The lowest and the highest value.
    pub fn range(&self) -> [f32; 2] {
        [self.low, self.high]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle_have_their_colors() {
        let scale = ColorScale::of_distances(2.0);
        assert_eq!(scale.range(), [-2.0, 2.0]);
        assert_eq!(scale.color(-2.0), scale.color(-99.0));
        assert_eq!(scale.color(f32::INFINITY), scale.color(2.0));
        let ([r, _, b], [red, _, blue]) = (scale.color(1.0), scale.color(-1.0));
        assert!(r > b && blue > red);
        assert_eq!(scale.color(0.0), [0.92, 0.90, 0.88]);
        assert_eq!(scale.color(f32::NAN), [0.47, 0.47, 0.49]);
    }

    #[test]
    fn what_is_no_scale_is_refused() {
        let two = vec![[0.0; 3], [1.0; 3]];
        assert_eq!(
            ColorScale::new(1.0, 1.0, two.clone(), [0.5; 3]),
            Err(ScaleError::Range)
        );
        assert_eq!(
            ColorScale::new(f32::NAN, 1.0, two.clone(), [0.5; 3]),
            Err(ScaleError::Range)
        );
        assert_eq!(
            ColorScale::new(0.0, 1.0, vec![[0.0; 3]], [0.5; 3]),
            Err(ScaleError::Colors)
        );
        assert_eq!(ColorScale::new(0.0, 1.0, two, [1.5; 3]), Err(ScaleError::Colors));
    }
}
