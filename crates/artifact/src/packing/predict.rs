//! What a row of samples probably is, from the rows before it.
//!
//! Every predictor is the sample above (`U`) or the one to the left (`L`) plus an *offset* from rows that are known
//! as a whole: the row above in the same slice and the rows of the slice before. So an offset never waits for the
//! sample just decoded; what remains is at most a running sum. Means of many neighbors suit noise, gradients suit
//! smooth tissue; which is best changes from scanner to scanner, so it is tried.

#![expect(
    clippy::indexing_slicing,
    reason = "hot kernels; every row is cut to the same length before the first index"
)]

use super::word::{Lane, Word};

/// Known rows around the one that is predicted, all of its length.
#[derive(Clone, Copy)]
pub(super) struct Known<'a, W> {
    /// The row above.
    pub(super) up: &'a [W],
    /// The same row of the slice before.
    pub(super) front: &'a [W],
    /// The row above in the slice before.
    pub(super) front_up: &'a [W],
    /// The row below in the slice before.
    pub(super) front_down: &'a [W],
}

impl<'a, W: Word> Known<'a, W> {
    /// The rows known for row `y` of slice `z` when all before it are `done` (`[slice][row][column]`). A neighbor
    /// beyond the edge is replaced by the nearest that is known; the very first row knows only `zeros`.
    pub(super) fn of(done: &'a [W], zeros: &'a [W], [columns, rows]: [usize; 2], y: usize, z: usize) -> Self {
        let row = |y: usize, z: usize| &done[(z * rows + y) * columns..][..columns];
        if z == 0 {
            let up = if y == 0 { zeros } else { row(y - 1, 0) };
            return Self {
                up,
                front: up,
                front_up: up,
                front_down: up,
            };
        }
        let front = row(y, z - 1);
        Self {
            up: if y == 0 { front } else { row(y - 1, z) },
            front,
            front_up: if y == 0 { front } else { row(y - 1, z - 1) },
            front_down: if y + 1 < rows { row(y + 1, z - 1) } else { front },
        }
    }
}

/// How many predictors there are.
pub(super) const PREDICTORS: usize = 10;

/// Whether predictor `K` starts from the sample to the left, not from the one above.
const fn from_left(predictor: usize) -> bool {
    predictor >= 3
}

/// The offset of predictor `K` at one column from `[left, here, right]` of the known rows.
///
/// With `U` above, `F` in front, `l` and `r` for left and right, `u` and `d` for up and down, `dX = X - Xl`:
///
/// | `K` | prediction |
/// |---|---|
/// | 0 | mean of `U, Ul, Ur, F, Fl, Fr, Fu, Fd` |
/// | 1 | `(4 U + 4 F - 2 Fu + Fl + Fr) / 8` |
/// | 2 | `U + 3/4 (F - Fu)` |
/// | 3 | `L + 3/4 dU + 3/4 dF - 1/2 dFu` |
/// | 4 | `L + dU + dF - dFu` |
/// | 5 | `L + dU` |
/// | 6 | `L + 1/2 dU + 1/2 dF` |
/// | 7 | `L + 1/2 dU` |
/// | 8 | `L + 3/4 dU` |
/// | 9 | `L + dF` |
///
/// At the start of a row, where there is no left, `dX` is 0 and `L` is `U`, or `U + F - Fu` for 3, 4 and 9.
#[inline(always)]
fn offset<W: Word, A: Lane<W>, const K: usize>(
    [ul, u, ur]: [W; 3],
    [fl, f, fr]: [W; 3],
    [ful, fu]: [W; 2],
    fd: W,
) -> A {
    let above = |other: W| A::difference(other, u);
    let (du, df, dfu) = (A::difference(u, ul), A::difference(f, fl), A::difference(fu, ful));
    let twice = |a: A| a.add(a);
    let thrice = |a: A| a.add(a).add(a);
    match K {
        0 => {
            let in_front = above(f).add(above(fl)).add(above(fr));
            let sum = above(ul)
                .add(above(ur))
                .add(in_front)
                .add(above(fu))
                .add(above(fd));
            sum.shr(3)
        }
        1 => twice(twice(above(f)).sub(above(fu)))
            .add(above(fl))
            .add(above(fr))
            .shr(3),
        2 => thrice(A::difference(f, fu)).shr(2),
        3 => thrice(du.add(df)).sub(twice(dfu)).shr(2),
        4 => du.add(df).sub(dfu),
        5 => du,
        6 => du.add(df).shr(1),
        7 => du.shr(1),
        8 => thrice(du).shr(2),
        _ => df,
    }
}

/// Sets `out` to the offsets of predictor `K` for a row of `out.len()` columns.
#[inline(always)]
fn offsets<W: Word, A: Lane<W>, const K: usize>(known: &Known<'_, W>, out: &mut [W]) {
    let columns = out.len();
    let (u, f) = (&known.up[..columns], &known.front[..columns]);
    let (fu, fd) = (&known.front_up[..columns], &known.front_down[..columns]);
    if columns < 3 {
        for (x, out) in out.iter_mut().enumerate() {
            *out = at_edge::<W, A, K>([u, f, fu, fd], x);
        }
        return;
    }
    out[0] = at_edge::<W, A, K>([u, f, fu, fd], 0);
    out[columns - 1] = at_edge::<W, A, K>([u, f, fu, fd], columns - 1);
    // Slices of one length, each shifted by its place, so that the loop needs no checks and runs on vectors.
    let inner = columns - 2;
    let (ul, u, ur) = (&u[..inner], &u[1..][..inner], &u[2..][..inner]);
    let (fl, f, fr) = (&f[..inner], &f[1..][..inner], &f[2..][..inner]);
    let (ful, fu, fd) = (&fu[..inner], &fu[1..][..inner], &fd[1..][..inner]);
    let out = &mut out[1..][..inner];
    for x in 0..inner {
        let around_up = [ul[x], u[x], ur[x]];
        let around_front = [fl[x], f[x], fr[x]];
        out[x] = offset::<W, A, K>(around_up, around_front, [ful[x], fu[x]], fd[x]).word();
    }
}

/// The offset at column `x` where a neighbor may be missing: it is replaced by the nearest column.
#[inline(always)]
fn at_edge<W: Word, A: Lane<W>, const K: usize>([u, f, fu, fd]: [&[W]; 4], x: usize) -> W {
    let (left, right) = (x.saturating_sub(1), (x + 1).min(u.len() - 1));
    let around_up = [u[left], u[x], u[right]];
    let around_front = [f[left], f[x], f[right]];
    offset::<W, A, K>(around_up, around_front, [fu[left], fu[x]], fd[x]).word()
}

/// What stands to the left of a row: the first sample above, moved on as the slice before moves there, where `K`
/// follows that slice.
#[inline(always)]
fn left_of_row<W: Word, const K: usize>(known: &Known<'_, W>) -> W {
    match K {
        3 | 4 | 9 => known.up[0].add(known.front[0]).sub(known.front_up[0]),
        _ => known.up[0],
    }
}

/// Sets `out` to what is left of `row` after predictor `K`, zigzag. Both have the same length, not zero.
fn remove<W: Word, A: Lane<W>, const K: usize>(row: &[W], known: &Known<'_, W>, out: &mut [W]) {
    offsets::<W, A, K>(known, out);
    if from_left(K) {
        out[0] = row[0].sub(left_of_row::<W, K>(known).add(out[0])).zigzag();
        for ((out, &left), &here) in out[1..].iter_mut().zip(row).zip(&row[1..]) {
            *out = here.sub(left.add(*out)).zigzag();
        }
    } else {
        for ((out, &up), &here) in out.iter_mut().zip(known.up).zip(row) {
            *out = here.sub(up.add(*out)).zigzag();
        }
    }
}

/// Undoes [`remove`] in place; `scratch` has the length of the row.
fn restore<W: Word, A: Lane<W>, const K: usize>(row: &mut [W], known: &Known<'_, W>, scratch: &mut [W]) {
    offsets::<W, A, K>(known, scratch);
    if from_left(K) {
        for (step, &left_over) in scratch.iter_mut().zip(&*row) {
            *step = step.add(left_over.unzigzag());
        }
        let mut here = left_of_row::<W, K>(known);
        for (out, &step) in row.iter_mut().zip(&*scratch) {
            here = here.add(step);
            *out = here;
        }
    } else {
        for ((out, &offset), &up) in row.iter_mut().zip(&*scratch).zip(known.up) {
            *out = out.unzigzag().add(up.add(offset));
        }
    }
}

/// Takes a row, what is known and a place for what is left.
pub(super) type Remove<W> = fn(&[W], &Known<'_, W>, &mut [W]);
/// Takes what is left, what is known and scratch.
pub(super) type Restore<W> = fn(&mut [W], &Known<'_, W>, &mut [W]);

macro_rules! for_each_predictor {
    ($kernel:ident) => {
        [
            $kernel::<W, A, 0>,
            $kernel::<W, A, 1>,
            $kernel::<W, A, 2>,
            $kernel::<W, A, 3>,
            $kernel::<W, A, 4>,
            $kernel::<W, A, 5>,
            $kernel::<W, A, 6>,
            $kernel::<W, A, 7>,
            $kernel::<W, A, 8>,
            $kernel::<W, A, 9>,
        ]
    };
}

/// The encoding side of every predictor.
pub(super) fn removers<W: Word, A: Lane<W>>() -> [Remove<W>; PREDICTORS] {
    for_each_predictor!(remove)
}

/// The decoding side of every predictor.
pub(super) fn restorers<W: Word, A: Lane<W>>() -> [Restore<W>; PREDICTORS] {
    for_each_predictor!(restore)
}
