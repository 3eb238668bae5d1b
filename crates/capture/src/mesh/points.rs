//! Positions with the precision of the file, brought to 32 bits.

use super::{MeshFile, MeshFinding};

/// How often farther from the origin than it is long a mesh must be for its positions to be kept relative to a nearer
/// origin: its smallest steps are then still a millionth of its length.
const FAR: f64 = 8.0;

impl MeshFile {
    /// Takes positions of 64 bits.
    pub(super) fn set_positions(&mut self, positions: Vec<[f64; 3]>) {
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for position in &positions {
            for ((low, high), v) in low.iter_mut().zip(&mut high).zip(position) {
                // Infinities would hide the rest; NaN loses every comparison.
                if v.is_finite() {
                    *low = low.min(*v);
                    *high = high.max(*v);
                }
            }
        }
        let sides = || low.iter().zip(&high);
        let length = sides().map(|(low, high)| high - low).fold(0.0, f64::max);
        let far = sides()
            .map(|(low, high)| low.abs().max(high.abs()))
            .fold(0.0, f64::max);
        if length > 0.0 && far.is_finite() && far > FAR * length {
            let [a, b, c] = [0, 1, 2].map(|axis: usize| {
                let middle = low.get(axis).zip(high.get(axis)).map(|(l, h)| (l + h) / 2.0);
                middle.filter(|m| m.is_finite()).unwrap_or_default().round()
            });
            // Bytes of 32 bits have lost the rest already: moving them gains nothing, but is exact.
            self.origin = [a, b, c];
            self.findings.push(MeshFinding::FarFromOrigin);
        }
        let [x0, y0, z0] = self.origin;
        self.positions = positions
            .into_iter()
            .map(|[x, y, z]| [(x - x0) as f32, (y - y0) as f32, (z - z0) as f32])
            .collect();
    }
}

impl MeshFile {
    /// Says so when there are no triangles.
    pub(super) fn note_emptiness(&mut self) {
        if self.positions.is_empty() {
            self.findings.push(MeshFinding::Empty);
        } else if self.triangles.is_empty() {
            self.findings.push(MeshFinding::PointsOnly);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_far_away_keep_their_distances() {
        let mut file = MeshFile::default();
        file.set_positions(vec![
            [665_171.375, 5_648_340.5, 233.5141],
            [665_171.376, 5_648_341.5, 233.5141],
            [f64::NAN, f64::INFINITY, 0.0],
        ]);
        assert_eq!(file.findings, [MeshFinding::FarFromOrigin]);
        let [a, b] = [0, 1].map(|i: usize| file.positions[i]);
        assert!((f64::from(b[0] - a[0]) - 0.001).abs() < 1e-6);
        assert!((f64::from(a[1]) + file.origin[1] - 5_648_340.5).abs() < 1e-6);
        assert!(file.positions[2][0].is_nan() && file.positions[2][1].is_infinite());
    }

    #[test]
    fn points_nearby_stay_as_they_are() {
        let mut file = MeshFile::default();
        file.set_positions(vec![[-3.0, 0.25, 100.0], [20.0, 5.0, 90.0]]);
        assert_eq!((file.origin, file.findings.len()), ([0.0; 3], 0));
        assert_eq!(file.positions[1], [20.0, 5.0, 90.0]);
        file.set_positions(Vec::new());
        assert!(file.positions.is_empty());
    }
}
