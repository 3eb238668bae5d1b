//! What is kept of a frame to find its pose: points and normals on a coarse raster, in two sizes.

use geometry::Pinhole;

use super::prepare::Prepared;

/// Points seen along the rows and columns of a small picture. About this many columns.
pub(super) const FINE_COLUMNS: usize = 160;

/// A small picture of points.
#[derive(Clone)]
pub(super) struct View {
    pub(super) camera: Pinhole,
    /// `[row][column]`, camera mm; NaN where nothing is.
    pub(super) points_mm: Vec<[f32; 3]>,
    /// `[row][column]`, unit, toward the camera; NaN where nothing is.
    pub(super) normals: Vec<[f32; 3]>,
    /// Pixels that have both.
    pub(super) valid: Vec<u32>,
}

const NOTHING: [f32; 3] = [f32::NAN; 3];

impl View {
    /// A view of about [`FINE_COLUMNS`] columns from a prepared frame.
    pub(super) fn fine(prepared: &Prepared) -> Self {
        let longest = prepared.camera.width.max(prepared.camera.height) as usize;
        let factor = longest.div_ceil(FINE_COLUMNS * 4 / 3).max(1);
        let jump = 0.02 * prepared.median_mm + 4.0 * prepared.noise_mm.max(0.0);
        Self::reduced(&prepared.depth_mm, &prepared.camera, factor, jump)
    }

    /// The same with half the columns and rows.
    pub(super) fn halved(&self, median_mm: f32) -> Self {
        let depth: Vec<f32> = self.points_mm.iter().map(|p| p[2]).collect();
        Self::reduced(&depth, &self.camera, 2, 0.04 * median_mm)
    }

    /// Means of the depths over squares of `factor` pixels, where at least half are known and all are close.
    fn reduced(depth: &[f32], camera: &Pinhole, factor: usize, jump_mm: f32) -> Self {
        let width = camera.width as usize;
        let (columns, rows) = (width / factor, camera.height as usize / factor);
        let mut means = vec![f32::NAN; columns * rows];
        for row in 0..rows {
            for column in 0..columns {
                let (mut sum, mut count) = (0.0f32, 0usize);
                let (mut low, mut high) = (f32::MAX, f32::MIN);
                for y in row * factor..(row + 1) * factor {
                    for &z in &depth[y * width + column * factor..y * width + (column + 1) * factor] {
                        if !z.is_nan() {
                            sum += z;
                            count += 1;
                            low = low.min(z);
                            high = high.max(z);
                        }
                    }
                }
                if 2 * count >= factor * factor && count > 0 && high - low < jump_mm {
                    means[row * columns + column] = sum / count as f32;
                }
            }
        }
        // Pixels that do not fill a square are left out, so the scale is exactly the factor.
        let scale = 1.0 / factor as f64;
        let camera = Pinhole {
            width: columns as u32,
            height: rows as u32,
            focal_px: camera.focal_px.map(|f| f * scale),
            center_px: camera.center_px.map(|c| (c + 0.5) * scale - 0.5),
        };
        Self::of(&means, camera, 2.0 * jump_mm)
    }

    fn of(depth: &[f32], camera: Pinhole, jump_mm: f32) -> Self {
        let (width, height) = (camera.width as usize, camera.height as usize);
        let [fx, fy] = camera.focal_px.map(|f| f as f32);
        let [cx, cy] = camera.center_px.map(|c| c as f32);
        let points_mm: Vec<[f32; 3]> = depth
            .iter()
            .enumerate()
            .map(|(i, &z)| {
                let (x, y) = ((i % width.max(1)) as f32, (i / width.max(1)) as f32);
                [(x - cx) / fx * z, (y - cy) / fy * z, z]
            })
            .collect();
        let mut normals = vec![NOTHING; depth.len()];
        let mut valid = Vec::new();
        for y in 1..height.max(2) - 1 {
            for x in 1..width.max(2) - 1 {
                let i = y * width + x;
                let (du, dv) = (depth[i + 1] - depth[i - 1], depth[i + width] - depth[i - width]);
                // Written so that NaN fails.
                if !(du.abs() < jump_mm && dv.abs() < jump_mm && depth[i] > 0.0) {
                    continue;
                }
                let (nx, ny) = (0.5 * fx * du, 0.5 * fy * dv);
                let nz = depth[i] + (x as f32 - cx) / fx * nx + (y as f32 - cy) / fy * ny;
                let length = (nx * nx + ny * ny + nz * nz).sqrt();
                normals[i] = [nx / length, ny / length, -nz / length];
                valid.push(i as u32);
            }
        }
        Self {
            camera,
            points_mm,
            normals,
            valid,
        }
    }
}
