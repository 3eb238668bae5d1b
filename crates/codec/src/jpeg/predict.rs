//! The predictors of lossless JPEG (T.81 H.1.2.1), a row at a time.
//!
//! A row comes in as differences and goes out as samples, in place, modulo 2^16.

/// How a sample is predicted from its neighbors: `a` to the left, `b` above, `c` above to the left (T.81 table H.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    /// 1: a
    Left,
    /// 2: b
    Above,
    /// 3: c
    AboveLeft,
    /// 4: a + b - c
    Plane,
    /// 5: a + (b - c) / 2
    LeftHalfSlope,
    /// 6: b + (a - c) / 2
    AboveHalfSlope,
    /// 7: (a + b) / 2
    Mean,
}

impl Predictor {
    /// The predictor that a scan header names by `selection`, 1 to 7.
    pub(super) fn new(selection: u8) -> Option<Self> {
        Some(match selection {
            1 => Self::Left,
            2 => Self::Above,
            3 => Self::AboveLeft,
            4 => Self::Plane,
            5 => Self::LeftHalfSlope,
            6 => Self::AboveHalfSlope,
            7 => Self::Mean,
            _ => return None,
        })
    }

    /// Turns the differences in `row` into samples. `above` is the row before, of the same length.
    pub(super) fn restore(self, row: &mut [u16], above: &[u16]) {
        let Some((first, rest)) = row.split_first_mut() else {
            return;
        };
        // The first column is predicted from above, whatever the predictor (T.81 H.1.2.1).
        let left = first.wrapping_add(above.first().copied().unwrap_or_default());
        *first = left;
        match self {
            Self::Left => accumulate(rest, left),
            Self::Above => each(rest, above, |b, _| b),
            Self::AboveLeft => each(rest, above, |_, c| c),
            // What does not depend on the sample to the left is added first, in a loop without a chain.
            Self::Plane => {
                each(rest, above, u16::wrapping_sub);
                accumulate(rest, left);
            }
            Self::LeftHalfSlope => {
                each(rest, above, half_difference);
                accumulate(rest, left);
            }
            Self::AboveHalfSlope => chain(rest, above, left, |a, b, c| b.wrapping_add(half_difference(a, c))),
            Self::Mean => chain(rest, above, left, |a, b, _| {
                ((u32::from(a) + u32::from(b)) >> 1) as u16
            }),
        }
    }
}

/// Turns differences into samples for the first row of a restart interval, which has nothing above: the first sample is
/// predicted as `origin`, the others as the one to the left.
pub(super) fn restore_first_row(row: &mut [u16], origin: u16) {
    accumulate(row, origin);
}

/// (x - y) / 2, rounded down, on the full range of the samples.
#[inline(always)]
fn half_difference(x: u16, y: u16) -> u16 {
    ((i32::from(x) - i32::from(y)) >> 1) as u16
}

/// Adds a prediction from the row above only; `row` begins in the second column.
#[inline(always)]
fn each(row: &mut [u16], above: &[u16], predict: impl Fn(u16, u16) -> u16) {
    for (sample, neighbors) in row.iter_mut().zip(above.array_windows()) {
        let &[c, b] = neighbors;
        *sample = sample.wrapping_add(predict(b, c));
    }
}

/// Predicts from the sample to the left alone.
#[inline(always)]
fn accumulate(row: &mut [u16], mut left: u16) {
    for sample in row {
        left = left.wrapping_add(*sample);
        *sample = left;
    }
}

/// Predicts from the sample to the left and the row above; `row` begins in the second column.
#[inline(always)]
fn chain(row: &mut [u16], above: &[u16], mut left: u16, predict: impl Fn(u16, u16, u16) -> u16) {
    for (sample, neighbors) in row.iter_mut().zip(above.array_windows()) {
        let &[c, b] = neighbors;
        left = sample.wrapping_add(predict(left, b, c));
        *sample = left;
    }
}
