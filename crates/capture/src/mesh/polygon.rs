//! Polygons to triangles.

use super::MeshFinding;

/// Cuts polygons into triangles: fans where they are convex, ears where they are not (Meisters, "Polygons have ears",
/// 1975).
pub(super) struct Polygons {
    /// Comparisons that ears may still take. Cutting them takes the square of the corners, and a file may ask for many.
    work_left: u64,
    /// Polygons that were cut from one corner though they are not convex.
    fanned: u64,
}

impl Default for Polygons {
    fn default() -> Self {
        Self {
            work_left: 1 << 31,
            fanned: 0,
        }
    }
}

impl Polygons {
    /// What there is to say about the faces of a file, of which `incomplete` had fewer than three corners.
    pub(super) fn findings(&self, incomplete: u64) -> Vec<MeshFinding> {
        let mut findings = Vec::new();
        if incomplete > 0 {
            findings.push(MeshFinding::FacesIncomplete { faces: incomplete });
        }
        if self.fanned > 0 {
            findings.push(MeshFinding::PolygonsFanned {
                polygons: self.fanned,
            });
        }
        findings
    }

    /// Appends the triangles of the polygon with `corners` (indexes that `position` knows), two fewer than corners;
    /// nothing for fewer than three.
    pub(super) fn cut(
        &mut self,
        corners: &[u32],
        position: impl Fn(u32) -> [f64; 3],
        triangles: &mut Vec<[u32; 3]>,
    ) {
        match *corners {
            [a, b, c] => triangles.push([a, b, c]),
            [_, _, _, ..] => {
                let flat = flatten(corners, position);
                if is_convex(&flat) {
                    fan(corners, triangles);
                    return;
                }
                let work = (corners.len() as u64).saturating_mul(corners.len() as u64);
                if work > self.work_left {
                    self.fanned += 1;
                    fan(corners, triangles);
                    return;
                }
                self.work_left -= work;
                clip_ears(corners, &flat, triangles);
            }
            _ => {}
        }
    }
}

fn fan(corners: &[u32], triangles: &mut Vec<[u32; 3]>) {
    let [first, rest @ ..] = corners else { return };
    for pair in rest.windows(2) {
        if let [b, c] = *pair {
            triangles.push([*first, b, c]);
        }
    }
}

type Point = [f64; 2];

/// The corners seen along the polygon's normal (Newell's sum), counter-clockwise.
fn flatten(corners: &[u32], position: impl Fn(u32) -> [f64; 3]) -> Vec<Point> {
    let points: Vec<[f64; 3]> = corners.iter().map(|&v| position(v)).collect();
    let mut normal = [0.0; 3];
    let next = points.iter().cycle().skip(1);
    let [ox, oy, oz] = points.first().copied().unwrap_or_default();
    for ([ax, ay, az], [bx, by, bz]) in points.iter().zip(next) {
        let ([ax, ay, az], [bx, by, bz]) = ([ax - ox, ay - oy, az - oz], [bx - ox, by - oy, bz - oz]);
        let [x, y, z] = normal;
        normal = [
            x + ay * bz - az * by,
            y + az * bx - ax * bz,
            z + ax * by - ay * bx,
        ];
    }
    // Leave out the axis that the normal is nearest to; a turned sign turns the picture.
    let [nx, ny, nz] = normal;
    let flat = |[x, y, z]: &[f64; 3]| {
        if nz.abs() >= nx.abs() && nz.abs() >= ny.abs() {
            if nz < 0.0 { [*y, *x] } else { [*x, *y] }
        } else if nx.abs() >= ny.abs() {
            if nx < 0.0 { [*z, *y] } else { [*y, *z] }
        } else if ny < 0.0 {
            [*x, *z]
        } else {
            [*z, *x]
        }
    };
    points.iter().map(flat).collect()
}

/// Twice the signed area of a triangle: positive when it turns left.
fn turn([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point) -> f64 {
    (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
}

fn is_convex(flat: &[Point]) -> bool {
    let next = || flat.iter().cycle();
    flat.iter()
        .zip(next().skip(1))
        .zip(next().skip(2))
        .all(|((a, b), c)| turn(*a, *b, *c) >= 0.0)
}

#[expect(
    clippy::indexing_slicing,
    reason = "all indexes are places in `flat`, which is as long as `corners`, or reduced to the length of `left`"
)]
fn clip_ears(corners: &[u32], flat: &[Point], triangles: &mut Vec<[u32; 3]>) {
    let mut left: Vec<usize> = (0..corners.len()).collect();
    let mut at = 0;
    let mut tried = 0;
    while left.len() > 3 {
        let n = left.len();
        let (a, b, c) = (left[(at + n - 1) % n], left[at % n], left[(at + 1) % n]);
        let is_ear = || {
            turn(flat[a], flat[b], flat[c]) > 0.0
                && !left.iter().any(|&p| {
                    ![a, b, c].contains(&p)
                        && ![flat[a], flat[b], flat[c]].contains(&flat[p])
                        && turn(flat[a], flat[b], flat[p]) >= 0.0
                        && turn(flat[b], flat[c], flat[p]) >= 0.0
                        && turn(flat[c], flat[a], flat[p]) >= 0.0
                })
        };
        // A polygon that crosses itself may have no ear: any corner goes then.
        if tried >= n || is_ear() {
            triangles.push([corners[a], corners[b], corners[c]]);
            left.remove(at % n);
            at = (at % n + n - 1) % (n - 1).max(1);
            tried = 0;
        } else {
            at = (at + 1) % n;
            tried += 1;
        }
    }
    if let [a, b, c] = *left.as_slice() {
        triangles.push([corners[a], corners[b], corners[c]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The area of the triangles, all of which must turn the same way.
    fn check_cut(points: &[[f64; 3]], area: f64) {
        let corners: Vec<u32> = (0..points.len() as u32).collect();
        for shift in 0..points.len() {
            let mut corners = corners.clone();
            corners.rotate_left(shift);
            let mut triangles = Vec::new();
            let mut polygons = Polygons::default();
            polygons.cut(&corners, |v| points[v as usize], &mut triangles);
            assert_eq!((triangles.len(), polygons.fanned), (points.len() - 2, 0));
            let sum: f64 = triangles
                .iter()
                .map(|t| {
                    let [a, b, c] = t.map(|v| points[v as usize]);
                    let [u, v] = [b, c].map(|p| [p[0] - a[0], p[1] - a[1], p[2] - a[2]]);
                    let cross = [
                        u[1] * v[2] - u[2] * v[1],
                        u[2] * v[0] - u[0] * v[2],
                        u[0] * v[1] - u[1] * v[0],
                    ];
                    cross.iter().map(|v| v * v).sum::<f64>().sqrt() / 2.0
                })
                .sum();
            assert!(
                (sum - area).abs() < 1e-9,
                "area {sum}, not {area}, from corner {shift}"
            );
        }
    }

    #[test]
    fn concave_polygons_are_covered_once() {
        // An L, a dart, and a comb, in planes across each axis and both ways round.
        let shapes: [(&[Point], f64); 3] = [
            (&[[0., 0.], [3., 0.], [3., 1.], [1., 1.], [1., 5.], [0., 5.]], 7.0),
            (&[[0., 0.], [2., 1.], [4., 0.], [2., 7.]], 12.0),
            (
                &[
                    [0., 0.],
                    [5., 0.],
                    [5., 3.],
                    [4., 3.],
                    [4., 1.],
                    [3., 1.],
                    [3., 2.],
                    [2., 2.],
                    [2., 1.],
                    [1., 1.],
                    [1., 4.],
                    [0., 4.],
                ],
                11.0,
            ),
        ];
        for (shape, area) in shapes {
            let planes: [fn(&Point) -> [f64; 3]; 4] = [
                |p| [p[0], p[1], 7.0],
                |p| [7.0, p[0], p[1]],
                |p| [p[0], -2.0, p[1]],
                |p| [p[0], p[1], 0.5 * p[0]],
            ];
            for (i, plane) in planes.iter().enumerate() {
                let slant = if i == 3 { 1.25f64.sqrt() } else { 1.0 };
                let mut points: Vec<_> = shape.iter().map(plane).collect();
                check_cut(&points, area * slant);
                points.reverse();
                check_cut(&points, area * slant);
            }
        }
    }

    #[test]
    fn impossible_polygons_end() {
        let cut = |points: &[[f64; 3]]| {
            let corners: Vec<u32> = (0..points.len() as u32).collect();
            let mut triangles = Vec::new();
            Polygons::default().cut(&corners, |v| points[v as usize], &mut triangles);
            triangles.len()
        };
        assert_eq!(cut(&[[0.0; 3]; 9]), 7);
        assert_eq!(cut(&[[f64::NAN; 3]; 5]), 3);
        assert_eq!(
            cut(&[[0.0; 3], [4.0, 4.0, 0.0], [4.0, 0.0, 0.0], [0.0, 4.0, 0.0]]),
            2
        );
        assert_eq!(cut(&[[0.0; 3]; 2]), 0);
    }

    #[test]
    fn the_work_on_polygons_is_bounded() {
        let spikes = 100_000;
        let position = |v: u32| {
            let angle = f64::from(v) / f64::from(spikes) * std::f64::consts::TAU;
            let radius = f64::from(1 + v % 2);
            [radius * angle.cos(), radius * angle.sin(), 0.0]
        };
        let corners: Vec<u32> = (0..spikes).collect();
        let mut polygons = Polygons::default();
        let mut triangles = Vec::new();
        polygons.cut(&corners, position, &mut triangles);
        assert_eq!((polygons.fanned, triangles.len()), (1, spikes as usize - 2));
    }
}
