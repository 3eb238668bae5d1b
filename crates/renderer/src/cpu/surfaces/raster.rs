//! Triangles to the pixels whose middle they cover.
//!
//! Corners are held at 1/256 of a pixel, so that edges are decided in integers: of two triangles that share an edge, exactly
//! one covers a pixel middle on it. Transparent surfaces and cuts need that, as every wall counts once.

use geometry::{DAffine3, DVec3};
use parallel::prelude::*;
use surface::Mesh;

use super::super::View;

/// Rows that one task draws.
pub(super) const BAND: usize = 32;
/// Nearest depth that is drawn, mm.
const NEAR_MM: f32 = 0.1;
/// Parts of a pixel.
const PARTS: f32 = 256.0;
/// Farther from the picture than this, corners are moved nearer, pixels.
const FAR_PIXELS: f32 = 4e6;

/// A corner before the camera: mm to the right, up and along the line of sight.
#[derive(Clone, Copy, Debug)]
struct Corner {
    right: f32,
    up: f32,
    depth: f32,
}

/// A corner on the picture.
#[derive(Clone, Copy, Debug)]
struct Projected {
    x: i64,
    y: i64,
    inverse_depth: f32,
}

/// Where a triangle covers the middle of a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Covered {
    /// Row and column within the band: `row * columns + column`.
    pub(super) pixel: u32,
    /// Along the line of sight, mm.
    pub(super) depth_mm: f32,
    pub(super) triangle: u32,
    /// Weights of the second and third corner; the first has the rest.
    pub(super) weights: [f32; 2],
    pub(super) side: Side,
}

/// Which side of a triangle faces the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The outer one: the ray enters.
    Front,
    /// The inner one: the ray leaves.
    Back,
}

/// A mesh before the camera, with the triangles that touch each band of rows.
pub(super) struct Projection<'a> {
    mesh: &'a Mesh,
    corners: Vec<Corner>,
    bins: Vec<Vec<u32>>,
    scale: f32,
    size: [usize; 2],
    /// The surface lies mirrored in the patient, so that its outer sides are inner ones.
    is_mirrored: bool,
}

impl<'a> Projection<'a> {
    pub(super) fn new(mesh: &'a Mesh, patient_from_surface: &DAffine3, view: &View) -> Self {
        let positions = mesh.positions_mm.par_iter();
        let corners = positions
            .map(|p| {
                let p = patient_from_surface.transform_point3(DVec3::from_array(p.map(f64::from)));
                let p = p - view.eye_mm;
                Corner {
                    right: p.dot(view.right) as f32,
                    up: p.dot(view.up) as f32,
                    depth: p.dot(view.forward) as f32,
                }
            })
            .collect();
        let mut projection = Self {
            mesh,
            corners,
            bins: Vec::new(),
            scale: view.scale as f32,
            size: [view.columns, view.rows],
            is_mirrored: patient_from_surface.matrix3.determinant() < 0.0,
        };
        projection.bins = projection.bin();
        projection
    }

    /// Visits all pixels of a band of rows that triangles cover.
    pub(super) fn for_each_in_band(&self, band: usize, mut visit: impl FnMut(Covered)) {
        let first_row = band * BAND;
        let rows = BAND.min(self.size[1] - first_row);
        for &triangle in &self.bins[band] {
            self.pieces(triangle, |corners, parts| {
                self.scan(
                    corners,
                    [first_row, rows],
                    |pixel, inverse_depth, weights, side| {
                        let weights = parts.map_or(weights, |parts| {
                            std::array::from_fn(|corner| (0..3).map(|i| weights[i] * parts[i][corner]).sum())
                        });
                        visit(Covered {
                            pixel,
                            depth_mm: 1.0 / inverse_depth,
                            triangle,
                            weights: [weights[1], weights[2]],
                            side,
                        });
                    },
                );
            });
        }
    }

    /// Pixels a mm at the depth of a triangle's first corner, for choosing among sizes of a texture.
    pub(super) fn screen_area(&self, triangle: u32) -> f32 {
        let [a, b, c] = self.mesh.triangles[triangle as usize].map(|v| self.corners[v as usize]);
        let place = |p: Corner| {
            let scale = self.scale / p.depth.max(NEAR_MM);
            [p.right * scale, p.up * scale]
        };
        let (a, b, c) = (place(a), place(b), place(c));
        ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs()
    }

    fn corners_of(&self, triangle: u32) -> Option<[Corner; 3]> {
        let corners = self.mesh.triangles[triangle as usize].map(|v| self.corners[v as usize]);
        let is_finite = |p: &Corner| (p.right + p.up + p.depth).is_finite();
        corners.iter().all(is_finite).then_some(corners)
    }

    /// Which triangles touch which band.
    fn bin(&self) -> Vec<Vec<u32>> {
        let bands = self.size[1].div_ceil(BAND);
        let empty = || vec![Vec::new(); bands];
        let count = self.mesh.triangles.len() as u32;
        (0..count.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let mut bins = empty();
                for triangle in chunk * CHUNK..(chunk * CHUNK + CHUNK).min(count) {
                    if let Some([first, last]) = self.rows_of(triangle) {
                        for bin in &mut bins[first / BAND..=last / BAND] {
                            bin.push(triangle);
                        }
                    }
                }
                bins
            })
            .reduce(empty, |mut all, part| {
                for (all, part) in all.iter_mut().zip(part) {
                    all.extend(part);
                }
                all
            })
    }

    /// The first and last row of the picture that a triangle may touch.
    fn rows_of(&self, triangle: u32) -> Option<[usize; 2]> {
        let (mut left, mut right) = (i64::MAX, i64::MIN);
        let (mut top, mut bottom) = (i64::MAX, i64::MIN);
        self.pieces(triangle, |corners, _| {
            for p in corners {
                (left, right) = (left.min(p.x), right.max(p.x));
                (top, bottom) = (top.min(p.y), bottom.max(p.y));
            }
        });
        let [columns, rows] = self.size.map(|n| n as i64 * PARTS as i64);
        let is_seen = left < columns && right >= 0 && top < rows && bottom >= 0;
        is_seen.then(|| {
            let row = |y: i64| (y.clamp(0, rows - 1) / PARTS as i64) as usize;
            [row(top), row(bottom)]
        })
    }

    /// Gives what of a triangle lies before the near plane: itself, or one or two triangles with the weights that their
    /// corners have in it.
    fn pieces(&self, triangle: u32, mut give: impl FnMut([Projected; 3], Option<[[f32; 3]; 3]>)) {
        let Some(corners) = self.corners_of(triangle) else {
            return;
        };
        let is_before = corners.map(|p| p.depth > NEAR_MM);
        match is_before {
            [true, true, true] => give(corners.map(|p| self.project(p)), None),
            [false, false, false] => {}
            _ => {
                let (polygon, count) = cut_near(corners);
                for i in 2..count {
                    let piece = [polygon[0], polygon[i - 1], polygon[i]];
                    give(
                        piece.map(|(p, _)| self.project(p)),
                        Some(piece.map(|(_, parts)| parts)),
                    );
                }
            }
        }
    }

    fn project(&self, p: Corner) -> Projected {
        let part = |v: f32| (v.clamp(-FAR_PIXELS, FAR_PIXELS) * PARTS).round() as i64;
        let scale = self.scale / p.depth;
        Projected {
            x: part(self.size[0] as f32 * 0.5 + p.right * scale),
            y: part(self.size[1] as f32 * 0.5 - p.up * scale),
            inverse_depth: 1.0 / p.depth,
        }
    }

    /// Visits each pixel of some rows whose middle lies in a triangle.
    fn scan(
        &self,
        [a, b, c]: [Projected; 3],
        [first_row, rows]: [usize; 2],
        mut visit: impl FnMut(u32, f32, [f32; 3], Side),
    ) {
        let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
        if area == 0 {
            return;
        }
        // Rows run downward: what is counter-clockwise seen from outside has a negative area here.
        let side = if (area < 0) == self.is_mirrored {
            Side::Back
        } else {
            Side::Front
        };
        let (b, c, area, is_swapped) = if area < 0 {
            (c, b, -area, true)
        } else {
            (b, c, area, false)
        };
        let edges = [Edge::new(b, c), Edge::new(c, a), Edge::new(a, b)];
        let parts = PARTS as i64;
        let range = |low: i64, high: i64, from: usize, count: usize| {
            // Middles lie half a pixel in.
            let first = (low - parts / 2 + parts - 1).div_euclid(parts).max(from as i64);
            let last = (high - parts / 2)
                .div_euclid(parts)
                .min((from + count) as i64 - 1);
            first..last + 1
        };
        let down = range(a.y.min(b.y).min(c.y), a.y.max(b.y).max(c.y), first_row, rows);
        let across = range(a.x.min(b.x).min(c.x), a.x.max(b.x).max(c.x), 0, self.size[0]);
        let scale = 1.0 / area as f32;
        for y in down {
            let middle = |x: i64| [x * parts + parts / 2, y * parts + parts / 2];
            let mut at = edges.map(|edge| edge.at(middle(across.start)));
            for x in across.clone() {
                if edges
                    .iter()
                    .zip(at)
                    .all(|(edge, at)| at > 0 || (at == 0 && edge.has_its_pixels))
                {
                    let linear = at.map(|at| at as f32 * scale);
                    let of_depth = [
                        linear[0] * a.inverse_depth,
                        linear[1] * b.inverse_depth,
                        linear[2] * c.inverse_depth,
                    ];
                    let inverse_depth = of_depth[0] + of_depth[1] + of_depth[2];
                    let [u, v, w] = of_depth.map(|part| part / inverse_depth);
                    let weights = if is_swapped { [u, w, v] } else { [u, v, w] };
                    let pixel = (y as usize - first_row) * self.size[0] + x as usize;
                    visit(pixel as u32, inverse_depth, weights, side);
                }
                for (at, edge) in at.iter_mut().zip(&edges) {
                    *at += edge.step_right;
                }
            }
        }
    }
}

/// Triangles of one task of sorting.
const CHUNK: u32 = 1 << 15;

/// One edge of a triangle, as a function that is positive inside.
#[derive(Clone, Copy)]
struct Edge {
    from: Projected,
    step_right: i64,
    step_down: i64,
    /// Whether pixel middles on the edge belong to this triangle and not to its neighbor.
    has_its_pixels: bool,
}

impl Edge {
    fn new(from: Projected, to: Projected) -> Self {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        Self {
            from,
            step_right: -dy * PARTS as i64,
            step_down: dx * PARTS as i64,
            has_its_pixels: dy < 0 || (dy == 0 && dx > 0),
        }
    }

    fn at(&self, [x, y]: [i64; 2]) -> i64 {
        let parts = PARTS as i64;
        (self.step_down / parts) * (y - self.from.y) + (self.step_right / parts) * (x - self.from.x)
    }
}

/// What of a triangle lies before the near plane: up to four corners with their weights in it.
fn cut_near(corners: [Corner; 3]) -> ([(Corner, [f32; 3]); 4], usize) {
    let unit = |i: usize| std::array::from_fn(|j| f32::from(u8::from(i == j)));
    let mut polygon = [(corners[0], unit(0)); 4];
    let mut count = 0;
    let mut put = |corner| {
        polygon[count] = corner;
        count += 1;
    };
    for i in 0..3 {
        let j = (i + 1) % 3;
        let (p, q) = (corners[i], corners[j]);
        if p.depth > NEAR_MM {
            put((p, unit(i)));
        }
        if (p.depth > NEAR_MM) != (q.depth > NEAR_MM) {
            let t = (NEAR_MM - p.depth) / (q.depth - p.depth);
            let mix = |a: f32, b: f32| a + (b - a) * t;
            let corner = Corner {
                right: mix(p.right, q.right),
                up: mix(p.up, q.up),
                depth: NEAR_MM,
            };
            let mut parts = [0.0; 3];
            (parts[i], parts[j]) = (1.0 - t, t);
            put((corner, parts));
        }
    }
    (polygon, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Camera;

    fn view(columns: usize, rows: usize) -> View {
        let camera = Camera {
            eye_mm: DVec3::new(0.0, -50.0, 0.0),
            target_mm: DVec3::ZERO,
            up: DVec3::Z,
            field_of_view_radians: 0.9,
        };
        View::new(&camera, camera.axes().unwrap(), columns, rows)
    }

    /// A square fan around a point off the grid of pixels, seen from outside.
    fn fan() -> Mesh {
        let rim = 37u32;
        let mut mesh = Mesh::default();
        mesh.positions_mm.push([0.3, 0.0, -0.7]);
        for i in 0..rim {
            let angle = i as f32 / rim as f32 * std::f32::consts::TAU;
            mesh.positions_mm
                .push([12.0 * angle.cos(), (i % 5) as f32, 9.0 * angle.sin()]);
            mesh.triangles.push([0, 1 + i, 1 + (i + 1) % rim]);
        }
        mesh
    }

    #[test]
    fn a_pixel_on_a_shared_edge_is_covered_once() {
        let mesh = fan();
        let view = view(101, 67);
        let projection = Projection::new(&mesh, &DAffine3::IDENTITY, &view);
        let mut seen = vec![0u8; 101 * 67];
        for band in 0..67usize.div_ceil(BAND) {
            projection.for_each_in_band(band, |covered| {
                seen[band * BAND * 101 + covered.pixel as usize] += 1;
                assert_eq!(covered.side, Side::Front);
                let [v, w] = covered.weights;
                assert!(v >= -1e-4 && w >= -1e-4 && v + w <= 1.0001);
            });
        }
        assert!(seen.iter().all(|&n| n <= 1));
        let count = seen.iter().filter(|&&n| n == 1).count();
        assert!(count > 600, "{count}");
        // No hole: between the first and the last pixel of each row all are covered.
        for row in seen.chunks(101) {
            let first = row.iter().position(|&n| n > 0);
            if let (Some(first), Some(last)) = (first, row.iter().rposition(|&n| n > 0)) {
                assert!(row[first..=last].iter().all(|&n| n == 1));
            }
        }
    }

    #[test]
    fn what_reaches_behind_the_eye_is_cut_at_the_near_plane() {
        // A floor below the eye, from far before it to far behind.
        let mesh = Mesh {
            positions_mm: vec![
                [-500.0, -900.0, -10.0],
                [0.0, 900.0, -10.0],
                [500.0, -900.0, -10.0],
            ],
            normals: vec![],
            triangles: vec![[0, 1, 2]],
        };
        let view = view(40, 60);
        let projection = Projection::new(&mesh, &DAffine3::IDENTITY, &view);
        let mut rows = [0; 60];
        for band in 0..2 {
            projection.for_each_in_band(band, |covered| {
                let row = band * BAND + covered.pixel as usize / 40;
                rows[row] += 1;
                // Depth by the angle below the line of sight.
                let tangent = (row as f64 + 0.5 - 30.0) / view.scale;
                let expected = 10.0 / tangent;
                assert!(
                    (f64::from(covered.depth_mm) / expected - 1.0).abs() < 1e-2,
                    "{row}"
                );
                let [v, w] = covered.weights;
                let y = -900.0 + 1800.0 * v;
                assert!(
                    (f64::from(y) + 50.0 - expected).abs() < expected * 0.02,
                    "{v} {w}"
                );
            });
        }
        assert_eq!(rows[59], 40);
        assert_eq!(rows[29], 0);
    }

    #[test]
    fn poison_covers_nothing() {
        let mesh = Mesh {
            positions_mm: vec![
                [f32::NAN, 0.0, 0.0],
                [1.0, f32::INFINITY, 1.0],
                [2.0, 2.0, 2.0],
                [f32::MAX; 3],
            ],
            normals: vec![],
            triangles: vec![[0, 1, 2], [0, 0, 0], [2, 2, 3], [1, 2, 3]],
        };
        let view = view(40, 60);
        let projection = Projection::new(&mesh, &DAffine3::IDENTITY, &view);
        for band in 0..2 {
            projection.for_each_in_band(band, |covered| panic!("{covered:?}"));
        }
    }
}
