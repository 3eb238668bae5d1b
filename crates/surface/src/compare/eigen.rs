//! Eigenvectors of small symmetric matrices.

/// Sweeps after which even an ill-conditioned matrix of this size is diagonal.
const SWEEPS: usize = 60;

/// Eigenvalues of a symmetric matrix, largest first, and unit eigenvectors: `vectors[k]` belongs to `values[k]`
/// (cyclic Jacobi; Golub and Van Loan, "Matrix Computations", 4th edition, 8.5).
pub(super) fn symmetric<const N: usize>(mut m: [[f64; N]; N]) -> ([f64; N], [[f64; N]; N]) {
    // Row k of `v` becomes eigenvector k.
    let mut v: [[f64; N]; N] = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    for _ in 0..SWEEPS {
        let off: f64 = (0..N)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| m[i][j].abs())
            .sum();
        if off == 0.0 || !off.is_finite() {
            break;
        }
        for p in 0..N {
            for q in p + 1..N {
                rotate(&mut m, &mut v, p, q);
            }
        }
    }
    let mut order: [usize; N] = std::array::from_fn(|i| i);
    order.sort_by(|&i, &j| m[j][j].total_cmp(&m[i][i]));
    (order.map(|k| m[k][k]), order.map(|k| v[k]))
}

/// Makes `m[p][q]` zero.
fn rotate<const N: usize>(m: &mut [[f64; N]; N], v: &mut [[f64; N]; N], p: usize, q: usize) {
    if m[p][q] == 0.0 {
        return;
    }
    let theta = (m[q][q] - m[p][p]) / (2.0 * m[p][q]);
    let t = if theta.is_finite() {
        theta.signum() / (theta.abs() + theta.hypot(1.0))
    } else {
        0.0
    };
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for row in m.iter_mut() {
        let (a, b) = (row[p], row[q]);
        (row[p], row[q]) = (c * a - s * b, s * a + c * b);
    }
    for k in 0..N {
        let (a, b) = (m[p][k], m[q][k]);
        (m[p][k], m[q][k]) = (c * a - s * b, s * a + c * b);
        let (a, b) = (v[p][k], v[q][k]);
        (v[p][k], v[q][k]) = (c * a - s * b, s * a + c * b);
    }
    (m[p][q], m[q][p]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use super::symmetric;

    #[test]
    fn vectors_are_stretched_by_their_values() {
        let m = [
            [4.0, 1.0, -2.0, 0.5],
            [1.0, 3.0, 0.0, 7.0],
            [-2.0, 0.0, -5.0, 1.5],
            [0.5, 7.0, 1.5, 2.0],
        ];
        let (values, vectors) = symmetric(m);
        assert!(values.is_sorted_by(|a, b| a >= b), "{values:?}");
        assert!((values.iter().sum::<f64>() - 4.0).abs() < 1e-12);
        for (value, vector) in values.iter().zip(vectors) {
            let length: f64 = vector.iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-12);
            for (row, x) in m.iter().zip(vector) {
                let image: f64 = row.iter().zip(vector).map(|(a, b)| a * b).sum();
                assert!((image - value * x).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_diagonal_matrix_is_only_sorted() {
        let (values, vectors) = symmetric([[1.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 4.0]]);
        assert_eq!(values, [9.0, 4.0, 1.0]);
        assert_eq!(vectors[0], [0.0, 1.0, 0.0]);
    }
}
