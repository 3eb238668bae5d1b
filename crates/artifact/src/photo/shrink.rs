//! Making pictures smaller in linear light.

use std::sync::LazyLock;

use parallel::prelude::*;

/// Light of an sRGB byte (IEC 61966-2-1), 0 to 65535.
static LIGHT: LazyLock<[u16; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let s = byte as f64 / 255.0;
        let light = if s <= 0.040_45 {
            s / 12.92
        } else {
            ((s + 0.055) / 1.055).powf(2.4)
        };
        (light * 65_535.0).round() as u16
    })
});

/// The sRGB byte of light from 0 to 65535.
static BYTE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..=65_535u32)
        .map(|light| {
            let l = f64::from(light) / 65_535.0;
            let s = if l <= 0.003_130_8 {
                l * 12.92
            } else {
                1.055 * l.powf(1.0 / 2.4) - 0.055
            };
            (s * 255.0).round() as u8
        })
        .collect()
});

fn light(byte: u8) -> u32 {
    LIGHT.get(usize::from(byte)).copied().unwrap_or(0).into()
}

fn byte(light: u32) -> u8 {
    BYTE.get(light as usize).copied().unwrap_or(255)
}

/// A picture of half as many columns and rows, rounded up, by the filter 1-3-3-1 along both. What lies beyond the edge
/// is taken to be as the edge.
pub(super) fn halved(columns: usize, rows: usize, rgb: &[u8]) -> Vec<u8> {
    let (half_columns, half_rows) = (columns.div_ceil(2), rows.div_ceil(2));
    let mut out = vec![0; half_columns * half_rows * 3];
    let stride = columns * 3;
    let row = |y: usize| rgb.get(y * stride..(y + 1) * stride).unwrap_or_default();
    out.par_chunks_exact_mut(half_columns * 3)
        .enumerate()
        .for_each_init(Vec::new, |column_sums: &mut Vec<u32>, (y, out)| {
            let last = rows.saturating_sub(1);
            let near = [row((2 * y).min(last)), row((2 * y + 1).min(last))];
            let far = [row((2 * y).saturating_sub(1)), row((2 * y + 2).min(last))];
            column_sums.clear();
            let sums = near[0].iter().zip(near[1]).zip(far[0].iter().zip(far[1]));
            column_sums
                .extend(sums.map(|((b, c), (a, d))| (light(*b) + light(*c)) * 3 + light(*a) + light(*d)));
            let (pixels, _) = column_sums.as_chunks::<3>();
            let last = pixels.len().saturating_sub(1);
            let at = |x: usize| pixels.get(x.min(last)).copied().unwrap_or_default();
            for (x, out) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                let [a, b, c, d] = [
                    at((2 * x).saturating_sub(1)),
                    at(2 * x),
                    at(2 * x + 1),
                    at(2 * x + 2),
                ];
                for (channel, out) in out.iter_mut().enumerate() {
                    let of = |pixel: [u32; 3]| pixel.get(channel).copied().unwrap_or(0);
                    *out = byte(((of(b) + of(c)) * 3 + of(a) + of(d) + 32) / 64);
                }
            }
        });
    out
}

/// The picture with at most `longest` pixels along each side, as columns, rows and
/// `[row][column][red, green, blue, 255]`; a smaller one keeps its size. For thumbnails.
pub fn fitted((columns, rows): (u32, u32), rgb: &[u8], longest: u32) -> (u32, u32, Vec<u8>) {
    let (mut columns, mut rows) = (columns as usize, rows as usize);
    let longest = longest.max(1) as usize;
    let mut smaller: Option<Vec<u8>> = None;
    while columns.max(rows) >= longest * 2 {
        smaller = Some(halved(columns, rows, smaller.as_deref().unwrap_or(rgb)));
        (columns, rows) = (columns.div_ceil(2), rows.div_ceil(2));
    }
    let rgb = smaller.as_deref().unwrap_or(rgb);
    let side = columns.max(rows).max(1);
    let fit = |n: usize| {
        if side <= longest {
            n
        } else {
            ((n * longest + side / 2) / side).max(1)
        }
    };
    let (width, height) = (fit(columns), fit(rows));
    let mut rgba = Vec::with_capacity(width * height * 4);
    let (across, down) = (spans(columns, width), spans(rows, height));
    for y in &down {
        for x in &across {
            let (mut sum, mut total) = ([0.0f64; 3], 0.0f64);
            for &(row, row_weight) in y {
                for &(column, weight) in x {
                    let at = (row * columns + column) * 3;
                    let weight = weight * row_weight;
                    total += weight;
                    for (sum, v) in sum.iter_mut().zip(rgb.get(at..at + 3).unwrap_or_default()) {
                        *sum += f64::from(light(*v)) * weight;
                    }
                }
            }
            rgba.extend(sum.map(|sum| byte((sum / total.max(f64::MIN_POSITIVE)).round() as u32)));
            rgba.push(255);
        }
    }
    (width as u32, height as u32, rgba)
}

/// For each of `to` pixels, which of `from` pixels it covers and how much of each.
fn spans(from: usize, to: usize) -> Vec<Vec<(usize, f64)>> {
    let scale = from as f64 / to.max(1) as f64;
    (0..to)
        .map(|at| {
            let (start, end) = (at as f64 * scale, (at + 1) as f64 * scale);
            let last = (end.ceil() as usize).min(from);
            (start as usize..last)
                .map(|pixel| {
                    let covered = end.min(pixel as f64 + 1.0) - start.max(pixel as f64);
                    (pixel, covered.max(0.0))
                })
                .collect()
        })
        .collect()
}
