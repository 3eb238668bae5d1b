//! A depth picture made ready: what is far off, at an edge or seen at a grazing angle is removed, the rest is
//! smoothed a little and gets its slope.
//!
//! Removed samples are NaN, and every filter here is a sum, so that a sample beside a missing one goes missing by
//! itself: that is the erosion which keeps mixed pixels at depth edges out of the surface.

use geometry::Pinhole;
use parallel::prelude::*;

use super::frame::DepthImage;

/// Cosine of the steepest angle between view and surface that is still measured.
const LEAST_FACING: f32 = 0.2;

/// Which depths belong to the subject, mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Nearer samples are left out.
    pub near_mm: f32,
    /// Farther samples are left out.
    pub far_mm: f32,
}

impl Reach {
    /// All that is measured.
    pub const ALL: Self = Self {
        near_mm: 1.0,
        far_mm: 20_000.0,
    };
}

/// A prepared depth picture.
pub(super) struct Prepared {
    pub(super) camera: Pinhole,
    /// `[row][column]`, mm, NaN where nothing is.
    pub(super) depth_mm: Vec<f32>,
    /// `[row][column]`: what a difference in depth is as a distance to the surface, and the weight of the sample.
    pub(super) factors: Vec<[f32; 2]>,
    /// Noise of a single sample of the picture, mm, from its third differences; NaN when there are too few.
    pub(super) noise_mm: f32,
    /// The middle of the depths, mm; NaN when there are none.
    pub(super) median_mm: f32,
}

/// The steps are one function a pass over rows, each in parallel.
pub(super) fn prepare(image: &DepthImage<'_>, reach: Reach, reference_mm: Option<f32>) -> Prepared {
    let camera = image.camera;
    let (width, height) = (camera.width as usize, camera.height as usize);
    let clean: Vec<f32> = image
        .samples_mm
        .par_iter()
        .map(|&z| {
            if z >= reach.near_mm && z <= reach.far_mm {
                z
            } else {
                f32::NAN
            }
        })
        .collect();
    let median_mm = median_of(&clean, width);
    let noise_mm = noise_of(&clean, width, height);
    // A step between neighbors that neither slope nor noise explains is an edge.
    let footprint = median_mm / camera.focal_px[0] as f32;
    let edge_mm = (6.0 * footprint).max(0.01 * median_mm) + 6.0 * noise_mm.max(0.0);
    let depth_mm = smooth(&clean, width, height, edge_mm);
    let factors = slopes(&depth_mm, &camera, reference_mm.unwrap_or(median_mm));
    Prepared {
        camera,
        depth_mm,
        factors,
        noise_mm,
        median_mm,
    }
}

/// The median of some thousand valid samples.
fn median_of(depth: &[f32], width: usize) -> f32 {
    let step = (depth.len() / 8192).max(1) | 1;
    let step = if step.is_multiple_of(width.max(1)) {
        step + 2
    } else {
        step
    };
    let mut valid: Vec<f32> = depth
        .iter()
        .step_by(step)
        .copied()
        .filter(|z| !z.is_nan())
        .collect();
    median(&mut valid)
}

/// The median; NaN of nothing.
pub(super) fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return f32::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// The noise of single samples from a difference operator that planes and most curved surfaces do not answer to
/// (Immerkaer, "Fast noise variance estimation", 1996), by its median, which edges do not move.
fn noise_of(depth: &[f32], width: usize, height: usize) -> f32 {
    if width < 3 || height < 3 {
        return f32::NAN;
    }
    let rows = (height / 120).max(1);
    let mut answers: Vec<f32> = (1..height - 1)
        .step_by(rows)
        .flat_map(|y| (1..width - 1).step_by(3).map(move |x| y * width + x))
        .map(|i| {
            let row = |at: usize| depth[at - 1] - 2.0 * depth[at] + depth[at + 1];
            (row(i - width) - 2.0 * row(i) + row(i + width)).abs()
        })
        .filter(|v| v.is_finite())
        .collect();
    // A normal variable's median is 0.6745 of its deviation; the operator's gain is 6.
    median(&mut answers) / (6.0 * 0.6745)
}

/// Binomial means over 3 x 3 samples; NaN where one is missing or differs from another by more than `edge_mm`.
fn smooth(depth: &[f32], width: usize, height: usize, edge_mm: f32) -> Vec<f32> {
    let mut out = vec![f32::NAN; depth.len()];
    if width < 3 || height < 3 {
        return out;
    }
    out.par_chunks_mut(width)
        .enumerate()
        .filter(|(y, _)| *y > 0 && *y + 1 < height)
        .for_each_init(
            || vec![[0.0f32; 3]; width],
            |columns, (y, row)| {
                let above = &depth[(y - 1) * width..y * width];
                let here = &depth[y * width..(y + 1) * width];
                let below = &depth[(y + 1) * width..(y + 2) * width];
                for (((column, a), b), c) in columns.iter_mut().zip(above).zip(here).zip(below) {
                    *column = [a + 2.0 * b + c, a.min(*b).min(*c), a.max(*b).max(*c)];
                }
                for (value, three) in row[1..width - 1].iter_mut().zip(columns.windows(3)) {
                    let [l, m, r] = [three[0], three[1], three[2]];
                    let range = l[2].max(m[2]).max(r[2]) - l[1].min(m[1]).min(r[1]);
                    *value = if range <= edge_mm {
                        (l[0] + 2.0 * m[0] + r[0]) * (1.0 / 16.0)
                    } else {
                        f32::NAN
                    };
                }
            },
        );
    out
}

/// Slopes by regression over 5 x 5 samples, or differences over 3 x 3 at the rim, as [`Prepared::factors`].
fn slopes(depth: &[f32], camera: &Pinhole, reference_mm: f32) -> Vec<[f32; 2]> {
    let (width, height) = (camera.width as usize, camera.height as usize);
    let mut out = vec![[0.0f32; 2]; depth.len()];
    if width < 5 || height < 5 {
        return out;
    }
    let [fx, fy] = camera.focal_px.map(|v| v as f32);
    let [cx, cy] = camera.center_px.map(|v| v as f32);
    out.par_chunks_mut(width)
        .enumerate()
        .filter(|(y, _)| *y > 0 && *y + 1 < height)
        .for_each_init(
            || vec![[f32::NAN; 2]; width],
            |columns, (y, row)| {
                let line = |dy: usize| &depth[(y + dy - 2) * width..(y + dy - 1) * width];
                if y >= 2 && y + 2 < height {
                    let rows = [line(0), line(1), line(2), line(3), line(4)];
                    for (x, column) in columns.iter_mut().enumerate() {
                        let [a, b, c, d, e] = rows.map(|r| r[x]);
                        *column = [a + b + c + d + e, 2.0 * (e - a) + (d - b)];
                    }
                } else {
                    columns.fill([f32::NAN; 2]);
                }
                let (above, here, below) = (line(1), line(2), line(3));
                let ray_y = (y as f32 - cy) / fy;
                for x in 1..width - 1 {
                    let z = here[x];
                    if z.is_nan() {
                        continue;
                    }
                    let wide = (x >= 2 && x + 2 < width).then(|| {
                        let s = &columns[x - 2..=x + 2];
                        let along = 2.0 * (s[4][0] - s[0][0]) + (s[3][0] - s[1][0]);
                        let down: f32 = s.iter().map(|c| c[1]).sum();
                        [along * (1.0 / 50.0), down * (1.0 / 50.0)]
                    });
                    let [du, dv] = match wide {
                        Some([a, b]) if !(a + b).is_nan() => [a, b],
                        _ => [0.5 * (here[x + 1] - here[x - 1]), 0.5 * (below[x] - above[x])],
                    };
                    let ray_x = (x as f32 - cx) / fx;
                    // The normal is (-fx du, -fy dv, z + (u - cx) du + (v - cy) dv); its product with the ray is z.
                    let (nx, ny) = (fx * du, fy * dv);
                    let nz = z + ray_x * nx + ray_y * ny;
                    let factor = z / (nx * nx + ny * ny + nz * nz).sqrt();
                    let facing = factor / (1.0 + ray_x * ray_x + ray_y * ray_y).sqrt();
                    if facing > LEAST_FACING {
                        let near = reference_mm / z;
                        row[x] = [factor, facing * facing * (near * near).min(4.0)];
                    }
                }
            },
        );
    out
}
