//! Lines around selected surfaces.

use parallel::prelude::*;

use super::surfaces::Surfaces;
use crate::picture::Picture;

/// Width of an outline, pixels.
const WIDTH: usize = 2;

/// Draws the outlines of the layers that have one, around what they cover whether it is hidden or not. `factor` is how many
/// pixels of `surfaces` there are for each of the picture along each axis.
pub(super) fn draw(surfaces: &Surfaces, factor: usize, picture: &mut Picture) {
    for (color, rows) in surfaces.outlines() {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let covered = shares(rows, factor, width);
        if covered.len() != width * height {
            continue;
        }
        let color = color.map(|c| c.clamp(0.0, 1.0) * 255.0);
        let rows = picture.rgba.par_chunks_exact_mut(width * 4).enumerate();
        rows.for_each(|(y, row)| {
            for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
                let here = covered[y * width + x];
                let around = largest_around(&covered, [width, height], [x, y]);
                let part = around - here;
                if part > 0.0 {
                    for (out, color) in pixel.iter_mut().zip(color) {
                        *out = (f32::from(*out) + (color - f32::from(*out)) * part + 0.5) as u8;
                    }
                }
            }
        });
    }
}

/// For each pixel of the picture, the part of it that is covered.
fn shares<'a>(rows: impl Iterator<Item = &'a [bool]>, factor: usize, width: usize) -> Vec<f32> {
    let mut shares = Vec::new();
    let weight = 1.0 / (factor * factor) as f32;
    for (y, row) in rows.enumerate() {
        if y % factor == 0 {
            shares.resize(shares.len() + width, 0.0);
        }
        let start = shares.len() - width;
        for (x, is_covered) in row.iter().enumerate() {
            shares[start + (x / factor).min(width - 1)] += f32::from(u8::from(*is_covered)) * weight;
        }
    }
    shares
}

/// The largest part within the width of the line around a pixel.
fn largest_around(covered: &[f32], [width, height]: [usize; 2], [x, y]: [usize; 2]) -> f32 {
    let mut largest = 0.0f32;
    for v in y.saturating_sub(WIDTH)..=(y + WIDTH).min(height - 1) {
        for u in x.saturating_sub(WIDTH)..=(x + WIDTH).min(width - 1) {
            let (dx, dy) = (u.abs_diff(x), v.abs_diff(y));
            if dx * dx + dy * dy <= WIDTH * WIDTH {
                largest = largest.max(covered[v * width + u]);
            }
        }
    }
    largest
}
