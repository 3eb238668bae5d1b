//! The distance to the skin on a lattice, to find quickly about where a ray meets it.

use rayon::prelude::*;

use super::Face;

/// Lowest and highest corner, patient mm: the head down to where the CT begins.
pub(super) const LOW: [f32; 3] = [-98.0, -124.0, -92.0];
pub(super) const HIGH: [f32; 3] = [98.0, 112.0, 146.0];
/// Distance between samples, mm.
const STEP: f32 = 2.0;

/// Distances, `[z][y][x]`, mm.
pub(super) struct Lattice {
    counts: [usize; 3],
    values: Vec<f32>,
}

impl Lattice {
    pub(super) fn of(face: &Face) -> Self {
        let counts: [usize; 3] = std::array::from_fn(|i| ((HIGH[i] - LOW[i]) / STEP).round() as usize + 1);
        let [columns, rows, slices] = counts;
        let values = (0..slices * rows)
            .into_par_iter()
            .flat_map_iter(|line| {
                let (y, z) = (line % rows, line / rows);
                (0..columns).map(move |x| {
                    face.distance_mm([
                        LOW[0] + x as f32 * STEP,
                        LOW[1] + y as f32 * STEP,
                        LOW[2] + z as f32 * STEP,
                    ])
                })
            })
            .collect();
        Self { counts, values }
    }

    /// About the distance at a point within the lattice, and its gradient.
    pub(super) fn at(&self, p: [f32; 3]) -> (f32, [f32; 3]) {
        let [columns, rows, _] = self.counts;
        let mut cell = [0usize; 3];
        let mut t = [0.0f32; 3];
        for i in 0..3 {
            let u = ((p[i] - LOW[i]) / STEP).clamp(0.0, (self.counts[i] - 1) as f32);
            cell[i] = (u as usize).min(self.counts[i] - 2);
            t[i] = u - cell[i] as f32;
        }
        let first = (cell[2] * rows + cell[1]) * columns + cell[0];
        let v = |dx: usize, dy: usize, dz: usize| self.values[first + (dz * rows + dy) * columns + dx];
        let along_x = |dy, dz| (v(0, dy, dz), v(1, dy, dz) - v(0, dy, dz));
        let ((a, sa), (b, sb)) = (along_x(0, 0), along_x(1, 0));
        let ((c, sc), (d, sd)) = (along_x(0, 1), along_x(1, 1));
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let (fa, fb, fc, fd) = (a + sa * t[0], b + sb * t[0], c + sc * t[0], d + sd * t[0]);
        let (low, high) = (mix(fa, fb, t[1]), mix(fc, fd, t[1]));
        let gradient = [
            mix(mix(sa, sb, t[1]), mix(sc, sd, t[1]), t[2]) / STEP,
            mix(fb - fa, fd - fc, t[2]) / STEP,
            (high - low) / STEP,
        ];
        (mix(low, high, t[2]), gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lattice_is_near_the_skin() {
        let face = Face::default();
        let lattice = Lattice::of(&face);
        for p in [[3.0, -104.3, -5.1], [40.2, -60.0, 10.7], [-70.1, 12.0, 50.9]] {
            let (value, gradient) = lattice.at(p);
            assert!((value - face.distance_mm(p)).abs() < 0.6, "{p:?}");
            let h = 0.5;
            for i in 0..3 {
                let mut ahead = p;
                ahead[i] += h;
                let slope = (face.distance_mm(ahead) - face.distance_mm(p)) / h;
                assert!(
                    (gradient[i] - slope).abs() < 0.5,
                    "{p:?} {i}: {} {slope}",
                    gradient[i]
                );
            }
        }
    }
}
