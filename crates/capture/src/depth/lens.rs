//! Radial lens distortion by a table, as Apple's cameras state it.

use geometry::Pinhole;

use super::frame::Color;

/// A lens: how far each point of the real picture is from where a straight one has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lens {
    /// For radii from 0 to the farthest corner, evenly: what is added to the radius, as a share of it, to go from the
    /// real picture to the straight one.
    pub(super) table: Vec<f64>,
    /// The middle of the distortion, pixels of `size`.
    pub(super) center_px: [f64; 2],
    /// Width and height of the picture that the numbers refer to.
    pub(super) size: [f64; 2],
}

impl Lens {
    /// The largest radius in the picture, pixels of `size`.
    fn farthest(&self) -> f64 {
        let reach = |center: f64, size: f64| center.max(size - center);
        let [x, y] = self.center_px;
        reach(x, self.size[0]).hypot(reach(y, self.size[1]))
    }

    fn magnified(&self, radius: f64, farthest: f64) -> f64 {
        let last = self.table.len().saturating_sub(1);
        let place = (radius / farthest * last as f64).clamp(0.0, last as f64);
        let value = |i: usize| self.table.get(i.min(last)).copied().unwrap_or(0.0);
        let whole = place as usize;
        value(whole) + (place - whole as f64) * (value(whole + 1) - value(whole))
    }

    /// Where a point of the straight picture lies in the real one, pixels of `size` from its corner.
    ///
    /// The table leads the other way (Apple, `LensDistortionData`: a point's vector from the center is lengthened by
    /// the magnification at its radius to rectify it), so the radius is found by iteration.
    fn distorted(&self, [x, y]: [f64; 2], farthest: f64) -> [f64; 2] {
        let (dx, dy) = (x - self.center_px[0], y - self.center_px[1]);
        let straight = dx.hypot(dy);
        let mut scale = 1.0;
        // Magnifications are a few percent and even, so each round gains two digits.
        for _ in 0..4 {
            scale = 1.0 / (1.0 + self.magnified(straight * scale, farthest));
        }
        [self.center_px[0] + dx * scale, self.center_px[1] + dy * scale]
    }

    /// For each pixel of a picture its place in the distorted picture of the same size, pixels.
    fn places(&self, camera: &Pinhole) -> Vec<[f32; 2]> {
        let scale = [
            self.size[0] / f64::from(camera.width),
            self.size[1] / f64::from(camera.height),
        ];
        let farthest = self.farthest();
        let mut places = Vec::with_capacity(camera.pixel_count());
        for row in 0..camera.height {
            for column in 0..camera.width {
                let from = [
                    (f64::from(column) + 0.5) * scale[0],
                    (f64::from(row) + 0.5) * scale[1],
                ];
                let [x, y] = self.distorted(from, farthest);
                places.push([(x / scale[0] - 0.5) as f32, (y / scale[1] - 0.5) as f32]);
            }
        }
        places
    }

    /// Undoes the distortion of depth; samples are interpolated where their neighbors belong to the same surface.
    pub(super) fn straighten_depth(&self, depth: &[f32], camera: &Pinhole) -> Vec<f32> {
        let (width, height) = (camera.width as usize, camera.height as usize);
        let sample = |x: usize, y: usize| depth.get(y * width + x).copied().unwrap_or(f32::NAN);
        let straight = |&[u, v]: &[f32; 2]| {
            if !(u > -0.5 && v > -0.5 && u < width as f32 - 0.5 && v < height as f32 - 0.5) {
                return f32::NAN;
            }
            let nearest = sample((u + 0.5) as usize, (v + 0.5) as usize);
            if !(u >= 0.0 && v >= 0.0 && u < (width - 1) as f32 && v < (height - 1) as f32) {
                return nearest;
            }
            let (x, y) = (u as usize, v as usize);
            let (s, t) = (u - x as f32, v - y as f32);
            let corners = [
                sample(x, y),
                sample(x + 1, y),
                sample(x, y + 1),
                sample(x + 1, y + 1),
            ];
            let [a, b, c, d] = corners;
            let range = corners.iter().fold(0.0f32, |r, z| r.max((z - nearest).abs()));
            let above = a + s * (b - a);
            let mean = above + t * (c + s * (d - c) - above);
            // Across an edge, or beside a missing sample, a mean would float in the air.
            if mean.is_finite() && range < 0.02 * nearest {
                mean
            } else {
                nearest
            }
        };
        self.places(camera).iter().map(straight).collect()
    }

    /// Undoes the distortion of color, by the nearest sample.
    pub(super) fn straighten_color(&self, color: &mut Color) {
        let (width, height) = (color.camera.width as usize, color.camera.height as usize);
        let last = [width.saturating_sub(1) as f32, height.saturating_sub(1) as f32];
        let straight = self.places(&color.camera).into_iter().map(|[u, v]| {
            let (x, y) = (
                u.round().clamp(0.0, last[0]) as usize,
                v.round().clamp(0.0, last[1]) as usize,
            );
            color.rgb.get(y * width + x).copied().unwrap_or_default()
        });
        color.rgb = straight.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens() -> Lens {
        Lens {
            table: (0..40).map(|i| 4e-4 * f64::from(i)).collect(),
            center_px: [330.0, 235.0],
            size: [640.0, 480.0],
        }
    }

    #[test]
    fn a_point_taken_to_the_real_picture_is_straightened_to_itself() {
        let lens = lens();
        for point in [[0.0, 0.0], [639.0, 12.0], [330.0, 235.0], [100.0, 470.0]] {
            let [x, y] = lens.distorted(point, lens.farthest());
            let (dx, dy) = (x - 330.0, y - 235.0);
            let scale = 1.0 + lens.magnified(dx.hypot(dy), lens.farthest());
            assert!((330.0 + dx * scale - point[0]).abs() < 1e-4, "{point:?}");
            assert!((235.0 + dy * scale - point[1]).abs() < 1e-4, "{point:?}");
        }
    }

    #[test]
    fn depth_is_moved_and_holes_stay_holes() {
        let camera = Pinhole {
            width: 64,
            height: 48,
            focal_px: [60.0; 2],
            center_px: [31.5, 23.5],
        };
        // A ramp along x tells where each sample came from.
        let mut depth: Vec<f32> = (0..64 * 48).map(|i| 500.0 + (i % 64) as f32).collect();
        depth[10 * 64 + 40] = f32::NAN;
        let lens = lens();
        let straight = lens.straighten_depth(&depth, &camera);
        let [x, _] = lens.distorted([605.0, 405.0], lens.farthest());
        let from = x / 10.0 - 0.5;
        assert!((f64::from(straight[40 * 64 + 60]) - 500.0 - from).abs() < 1e-2);
        assert!(straight.iter().filter(|z| z.is_nan()).count() < 6);
        assert!(straight[10 * 64 + 40].is_nan());
    }
}
