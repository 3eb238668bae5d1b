//! Halving: each coarse sample is the mean of the up to eight that it stands for.

use crate::Sample;
use crate::sample::sealed::Sealed;

/// Makes one coarse slice of the fine slices `near` and, except at an odd end, `far`, all `[row][column]`.
///
/// `dims` are the columns and rows of the fine slices; `out` has half of each, rounded up.
pub(super) fn halve_slices<T: Sample>(near: &[T], far: Option<&[T]>, dims: [usize; 2], out: &mut [T]) {
    let [columns, rows] = dims;
    let mut sums = vec![<T as Sealed>::Sum::default(); columns];
    for (y, out) in out.chunks_exact_mut(columns.div_ceil(2)).enumerate() {
        let upper = 2 * y * columns..(2 * y + 1) * columns;
        let lower = (2 * y + 1) * columns..(2 * y + 2) * columns;
        let log2_rows = match (far, 2 * y + 1 < rows) {
            (None, false) => add_rows(&mut sums, [&near[upper]]),
            (None, true) => add_rows(&mut sums, [&near[upper], &near[lower]]),
            (Some(far), false) => add_rows(&mut sums, [&near[upper.clone()], &far[upper]]),
            (Some(far), true) => add_rows(
                &mut sums,
                [
                    &near[upper.clone()],
                    &near[lower.clone()],
                    &far[upper],
                    &far[lower],
                ],
            ),
        };
        mean_of_pairs::<T>(&sums, log2_rows, out);
    }
}

/// Sets `sums` to the sums of the rows, column by column; returns log2 of the number of rows.
fn add_rows<T: Sample, const N: usize>(sums: &mut [T::Sum], rows: [&[T]; N]) -> u32 {
    // Equal lengths, known before the loop, let it run on many columns at a time.
    let rows = rows.map(|row| &row[..sums.len()]);
    for (x, sum) in sums.iter_mut().enumerate() {
        let mut total = rows[0][x].widen();
        for row in &rows[1..] {
            total = total + row[x].widen();
        }
        *sum = total;
    }
    N.ilog2()
}

/// Sets `out` to the means of neighboring columns, each the sum of `2^log2_rows` samples; an odd column at the end
/// stands alone.
fn mean_of_pairs<T: Sample>(sums: &[T::Sum], log2_rows: u32, out: &mut [T]) {
    let (pairs, odd) = sums.as_chunks::<2>();
    for (out, [left, right]) in out.iter_mut().zip(pairs) {
        *out = T::mean(*left + *right, log2_rows + 1);
    }
    if let ([alone], Some(out)) = (odd, out.last_mut()) {
        *out = T::mean(*alone, log2_rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_ends_average_what_there_is() {
        let near = [1i16, 2, 10, 3, 4, 20, 5, 6, 30];
        let far = [1i16, 2, 11, 3, 4, 21, 7, 8, 33];
        let mut out = [i16::MIN; 4];
        halve_slices(&near, Some(&far), [3, 3], &mut out);
        // (20 + 4) / 8, (10 + 11 + 20 + 21 = 62 + 2) / 4, (26 + 2) / 4, (63 + 1) / 2
        assert_eq!(out, [3, 16, 7, 32]);
        halve_slices(&near, None, [3, 3], &mut out);
        assert_eq!(out, [3, 15, 6, 30]);
    }

    #[test]
    fn one_column_stays_one_column() {
        let mut out = [0u8; 2];
        halve_slices(&[10u8, 20, 35], None, [1, 3], &mut out);
        assert_eq!(out, [15, 35]);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut out = [0i32; 1];
        halve_slices(&[i32::MIN; 4], Some(&[i32::MIN; 4]), [2, 2], &mut out);
        assert_eq!(out, [i32::MIN]);
        let mut out = [0u32; 1];
        halve_slices(&[u32::MAX; 4], Some(&[u32::MAX; 4]), [2, 2], &mut out);
        assert_eq!(out, [u32::MAX]);
    }
}
