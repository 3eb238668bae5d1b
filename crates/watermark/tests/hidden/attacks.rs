//! What happens to copies of a picture.

use std::f64::consts::PI;

/// RGB, 8 bits a channel, `[row][column][channel]`.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

impl Picture {
    /// A part of it.
    pub(crate) fn cropped(&self, x: usize, y: usize, width: usize, height: usize) -> Self {
        let rgb = (y..y + height)
            .flat_map(|row| &self.rgb[(row * self.width + x) * 3..][..width * 3])
            .copied()
            .collect();
        Self { width, height, rgb }
    }

    /// Scaled: by means where it becomes smaller, by lines between pixels where it becomes larger.
    pub(crate) fn scaled(&self, by: f64) -> Self {
        let size = |n: usize| ((n as f64 * by).round() as usize).max(1);
        let (width, height) = (size(self.width), size(self.height));
        let across = taps(self.width, width);
        let down = taps(self.height, height);
        let mut wide = vec![0.0_f32; width * self.height * 3];
        for y in 0..self.height {
            for (x, (first, weights)) in across.iter().enumerate() {
                for channel in 0..3 {
                    wide[(y * width + x) * 3 + channel] = (weights.iter().enumerate())
                        .map(|(n, weight)| {
                            weight * f32::from(self.rgb[(y * self.width + first + n) * 3 + channel])
                        })
                        .sum();
                }
            }
        }
        let mut rgb = Vec::with_capacity(width * height * 3);
        for (first, weights) in &down {
            for at in 0..width * 3 {
                let value: f32 = (weights.iter().enumerate())
                    .map(|(n, weight)| weight * wide[(first + n) * width * 3 + at])
                    .sum();
                rgb.push(value.round().clamp(0.0, 255.0) as u8);
            }
        }
        Self { width, height, rgb }
    }

    /// What baseline JPEG makes of it: 4:2:0, the tables of ITU-T T.81 annex K scaled to a quality as libjpeg does.
    pub(crate) fn through_jpeg(&self, quality: u32) -> Self {
        let scale = if quality < 50 {
            5000 / quality
        } else {
            200 - 2 * quality
        };
        let table = |base: &[u32; 64]| base.map(|q| f64::from(((q * scale + 50) / 100).clamp(1, 255)));
        let (luma, chroma) = (table(&LUMA), table(&CHROMA));
        let (w, h) = (self.width, self.height);
        let plane = |weights: [f64; 3], offset: f64| -> Vec<f64> {
            let sum = |p: &[u8]| (0..3).map(|c| weights[c] * f64::from(p[c])).sum::<f64>() + offset;
            self.rgb.chunks_exact(3).map(sum).collect()
        };
        let y = coded(&plane([0.299, 0.587, 0.114], 0.0), w, h, &luma);
        let half = |values: Vec<f64>| -> Vec<f64> {
            let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
            let at = |x: usize, y: usize| values[y.min(h - 1) * w + x.min(w - 1)];
            let small: Vec<f64> = (0..cw * ch)
                .map(|n| (n % cw * 2, n / cw * 2))
                .map(|(x, y)| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0)
                .collect();
            let small = coded(&small, cw, ch, &chroma);
            (0..w * h).map(|n| small[n / w / 2 * cw + n % w / 2]).collect()
        };
        let cb = half(plane([-0.168_736, -0.331_264, 0.5], 128.0));
        let cr = half(plane([0.5, -0.418_688, -0.081_312], 128.0));
        let rgb = (0..w * h)
            .flat_map(|n| {
                let (y, cb, cr) = (y[n], cb[n] - 128.0, cr[n] - 128.0);
                [
                    y + 1.402 * cr,
                    y - 0.344_136 * cb - 0.714_136 * cr,
                    y + 1.772 * cb,
                ]
            })
            .map(|value| value.round().clamp(0.0, 255.0) as u8)
            .collect();
        Self { rgb, ..*self }
    }

    /// Peak signal to noise against another picture of the same size, dB.
    pub(crate) fn psnr(&self, other: &Self) -> f64 {
        let square: f64 = (self.rgb.iter().zip(&other.rgb))
            .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
            .sum();
        10.0 * (255.0 * 255.0 * self.rgb.len() as f64 / square).log10()
    }
}

/// For each new pixel: the first old one that it is made of, and the weights from there on.
fn taps(old: usize, new: usize) -> Vec<(usize, Vec<f32>)> {
    let step = old as f64 / new as f64;
    let reach = step.max(1.0);
    (0..new)
        .map(|n| {
            let center = (n as f64 + 0.5) * step;
            let first = (center - reach).floor().max(0.0) as usize;
            let last = ((center + reach).ceil() as usize).min(old);
            let weight = |at: usize| (1.0 - ((at as f64 + 0.5 - center) / reach).abs()).max(0.0);
            let sum: f64 = (first..last).map(weight).sum();
            (first, (first..last).map(|at| (weight(at) / sum) as f32).collect())
        })
        .collect()
}

/// A plane after its blocks went through the transform and back.
fn coded(values: &[f64], width: usize, height: usize, table: &[f64; 64]) -> Vec<f64> {
    let basis: Vec<[f64; 8]> = (0..8)
        .map(|u| {
            let norm = if u == 0 { (1.0_f64 / 8.0).sqrt() } else { 0.5 };
            std::array::from_fn(|x| norm * ((2 * x + 1) as f64 * u as f64 * PI / 16.0).cos())
        })
        .collect();
    let mut out = vec![0.0; width * height];
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            let at = |x: usize, y: usize| {
                values[(top + y).min(height - 1) * width + (left + x).min(width - 1)] - 128.0
            };
            let rows: [[f64; 8]; 8] = std::array::from_fn(|y| {
                std::array::from_fn(|u| (0..8).map(|x| basis[u][x] * at(x, y)).sum())
            });
            let modes: [[f64; 8]; 8] = std::array::from_fn(|v| {
                std::array::from_fn(|u| {
                    let mode: f64 = (0..8).map(|y| basis[v][y] * rows[y][u]).sum();
                    let q = table[v * 8 + u];
                    (mode / q).round() * q
                })
            });
            let back: [[f64; 8]; 8] = std::array::from_fn(|y| {
                std::array::from_fn(|u| (0..8).map(|v| basis[v][y] * modes[v][u]).sum())
            });
            for (y, back) in back.iter().enumerate().take(height - top) {
                for x in 0..8.min(width - left) {
                    let value: f64 = (0..8).map(|u| basis[u][x] * back[u]).sum();
                    out[(top + y) * width + left + x] = (value + 128.0).clamp(0.0, 255.0);
                }
            }
        }
    }
    out
}

const LUMA: [u32; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA: [u32; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];
