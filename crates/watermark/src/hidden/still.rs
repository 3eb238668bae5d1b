//! What is left of a picture when what it has itself is taken away: its local mean, and its local strength.

/// Steps beyond this many deviations are cut: edges are strong and tell nothing.
const CUT: f32 = 2.5;
/// Variance of rounding and of what is not seen.
const FLOOR: f32 = 0.7;

/// Brightness, `[row][column]`, 0 to 255.
pub(super) struct Luma {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
}

impl Luma {
    /// Of RGB, 8 bits a channel (ITU-R BT.601, as JPEG has it).
    pub(super) fn of(pixels: &[u8], width: usize, height: usize) -> Self {
        let values = pixels
            .chunks_exact(3)
            .take(width * height)
            .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
            .collect();
        Self {
            width,
            height,
            values,
        }
    }

    /// Half as wide and high: means of four.
    pub(super) fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let at = |x: usize, y: usize| self.values[y * self.width + x];
        let values = (0..width * height)
            .map(|n| (n % width * 2, n / width * 2))
            .map(|(x, y)| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0)
            .collect();
        Self {
            width,
            height,
            values,
        }
    }

    /// What a mark could be seen in, `radius` being about its shortest wave: the steps from the local mean, each
    /// weighted by how strong a mark is likely to be there over how strong the picture is.
    pub(super) fn still(&self, radius: usize) -> Self {
        let mean = self.mean(radius);
        let steps = |n: usize| self.values[n] - mean.values[n];
        let squares = Self {
            values: (0..self.values.len()).map(|n| steps(n).powi(2)).collect(),
            ..*self
        };
        let power = squares.mean(2 * radius);
        let values = power.values.iter().enumerate().map(|(n, &power)| {
            let power = power.max(0.0);
            let deviation = power.sqrt();
            let likely = (1.6 + 0.1 * deviation).min(4.5);
            let cut = CUT * deviation;
            steps(n).clamp(-cut, cut) * likely / (power + FLOOR)
        });
        Self {
            values: values.collect(),
            ..*self
        }
    }

    /// Means over squares of `2 radius + 1`, as much of them as there is.
    fn mean(&self, radius: usize) -> Self {
        let (width, height) = (self.width, self.height);
        let mut across = vec![0.0; width * height];
        for (from, to) in self
            .values
            .chunks_exact(width)
            .zip(across.chunks_exact_mut(width))
        {
            let mut sum: f32 = from.iter().take(radius).sum();
            for x in 0..width {
                if x + radius < width {
                    sum += from[x + radius];
                }
                if x > radius {
                    sum -= from[x - radius - 1];
                }
                let count = (x + radius).min(width - 1) - x.saturating_sub(radius) + 1;
                to[x] = sum / count as f32;
            }
        }
        let mut values = vec![0.0; width * height];
        let mut sums = vec![0.0; width];
        let row = |y: usize| &across[y * width..][..width];
        for y in 0..radius.min(height) {
            sums.iter_mut().zip(row(y)).for_each(|(sum, value)| *sum += value);
        }
        for y in 0..height {
            if y + radius < height {
                sums.iter_mut()
                    .zip(row(y + radius))
                    .for_each(|(sum, value)| *sum += value);
            }
            if y > radius {
                sums.iter_mut()
                    .zip(row(y - radius - 1))
                    .for_each(|(sum, value)| *sum -= value);
            }
            let count = (y + radius).min(height - 1) - y.saturating_sub(radius) + 1;
            let share = 1.0 / count as f32;
            let to = &mut values[y * width..][..width];
            to.iter_mut()
                .zip(&sums)
                .for_each(|(value, sum)| *value = sum * share);
        }
        Self {
            width,
            height,
            values,
        }
    }
}
