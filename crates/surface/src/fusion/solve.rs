//! Small symmetric systems of equations, and rigid maps from their solutions.

use geometry::{DAffine3, DMat3, DVec3};

/// Six unknowns: a small rotation (radians, world axes), then a shift (mm).
pub(super) type Six = [f64; 6];

/// A symmetric matrix of any size, solved by Cholesky's method.
pub(super) struct Symmetric {
    size: usize,
    /// `[row][column]`, the lower triangle.
    values: Vec<f64>,
}

impl Symmetric {
    pub(super) fn zero(size: usize) -> Self {
        Self {
            size,
            values: vec![0.0; size * size],
        }
    }

    pub(super) fn add(&mut self, row: usize, column: usize, value: f64) {
        let (row, column) = (row.max(column), row.min(column));
        self.values[row * self.size + column] += value;
    }

    /// The solution for `right`; `None` when the matrix is not positive definite.
    pub(super) fn solve(mut self, right: &[f64]) -> Option<Vec<f64>> {
        let n = self.size;
        for row in 0..n {
            let (done, rest) = self.values.split_at_mut(row * n);
            let current = &mut rest[..n];
            for column in 0..row {
                let other = &done[column * n..column * n + column + 1];
                let sum: f64 = current[..column].iter().zip(other).map(|(a, b)| a * b).sum();
                current[column] = (current[column] - sum) / other[column];
            }
            let sum: f64 = current[..row].iter().map(|v| v * v).sum();
            let pivot = current[row] - sum;
            if pivot.is_nan() || pivot <= 0.0 {
                return None;
            }
            current[row] = pivot.sqrt();
        }
        let mut x = right.to_vec();
        for row in 0..n {
            let line = &self.values[row * n..row * n + row + 1];
            let sum: f64 = line[..row].iter().zip(&x).map(|(a, b)| a * b).sum();
            x[row] = (x[row] - sum) / line[row];
        }
        for row in (0..n).rev() {
            x[row] /= self.values[row * n + row];
            let value = x[row];
            let line = &self.values[row * n..row * n + row];
            for (other, factor) in x[..row].iter_mut().zip(line) {
                *other -= factor * value;
            }
        }
        Some(x)
    }
}

/// Moves `map` by a small rotation about `center` and a shift, both in world axes.
pub(super) fn moved(map: &DAffine3, step: &Six, center: DVec3) -> DAffine3 {
    let rotation = DVec3::new(step[0], step[1], step[2]);
    let shift = DVec3::new(step[3], step[4], step[5]);
    let angle = rotation.length();
    let turn = if angle > 0.0 {
        DMat3::from_axis_angle(rotation / angle, angle)
    } else {
        DMat3::IDENTITY
    };
    DAffine3 {
        matrix3: turn * map.matrix3,
        translation: turn * (map.translation - center) + center + shift,
    }
}

/// The smallest and largest eigenvalue of a symmetric 6 x 6 matrix, by Jacobi's rotations.
pub(super) fn extreme_eigenvalues(matrix: &[Six; 6]) -> [f64; 2] {
    let mut m = *matrix;
    for _ in 0..30 {
        for p in 0..5 {
            for q in p + 1..6 {
                if m[p][q].abs() < 1e-300 {
                    continue;
                }
                let theta = 0.5 * (m[q][q] - m[p][p]) / m[p][q];
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in &mut m {
                    let (a, b) = (row[p], row[q]);
                    row[p] = c * a - s * b;
                    row[q] = s * a + c * b;
                }
                let (row_p, row_q) = (m[p], m[q]);
                m[p] = std::array::from_fn(|k| c * row_p[k] - s * row_q[k]);
                m[q] = std::array::from_fn(|k| s * row_p[k] + c * row_q[k]);
            }
        }
    }
    let values = [0, 1, 2, 3, 4, 5].map(|i| m[i][i]);
    [
        values.into_iter().fold(f64::INFINITY, f64::min),
        values.into_iter().fold(f64::NEG_INFINITY, f64::max),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_solved() {
        let mut matrix = Symmetric::zero(3);
        let rows = [[4.0, 1.0, -2.0], [1.0, 5.0, 0.5], [-2.0, 0.5, 6.0]];
        for (i, row) in rows.iter().enumerate() {
            for (j, value) in row.iter().enumerate().take(i + 1) {
                matrix.add(i, j, *value);
            }
        }
        let x = [1.5, -2.0, 0.25];
        let right: Vec<f64> = rows
            .iter()
            .map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
            .collect();
        let found = matrix.solve(&right).unwrap();
        assert!(
            found.iter().zip(x).all(|(a, b)| (a - b).abs() < 1e-12),
            "{found:?}"
        );
        assert_eq!(Symmetric::zero(2).solve(&[1.0, 1.0]), None);
    }

    #[test]
    fn eigenvalues_of_a_turned_diagonal_are_found() {
        // A Householder reflection of a diagonal has the same eigenvalues.
        let v = [1.0, -2.0, 0.5, 3.0, 1.0, -1.0f64];
        let norm: f64 = v.iter().map(|a| a * a).sum();
        let h = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / norm;
        let diagonal = [3.0, 9.0, 0.25, 4.0, 5.0, 6.0];
        let matrix = std::array::from_fn(|i| {
            std::array::from_fn(|j| (0..6).map(|k| h(i, k) * diagonal[k] * h(k, j)).sum())
        });
        let [low, high] = extreme_eigenvalues(&matrix);
        assert!(
            (low - 0.25).abs() < 1e-9 && (high - 9.0).abs() < 1e-9,
            "{low} {high}"
        );
    }

    #[test]
    fn a_step_turns_about_its_center() {
        let center = DVec3::new(10.0, -4.0, 3.0);
        let step = [0.0, 0.0, std::f64::consts::FRAC_PI_2, 1.0, 2.0, 3.0];
        let p = moved(&DAffine3::IDENTITY, &step, center).transform_point3(center + DVec3::X);
        assert!(p.distance(center + DVec3::Y + DVec3::new(1.0, 2.0, 3.0)) < 1e-12);
    }
}
