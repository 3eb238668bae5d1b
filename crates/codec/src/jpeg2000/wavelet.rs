//! The inverse wavelet transforms (ISO/IEC 15444-1 annex F), in place.
//!
//! A plane holds, at each level, the low half in front of the high half on both axes. Rows are taken apart, lifted
//! and interleaved one by one; columns go the same way sixteen at a time, as one column of sixteen lanes, so that
//! one piece of code serves both and the compiler makes vector instructions of it.

use super::component::Plane;
use super::tile::TileComponent;

/// Columns that are lifted together.
const LANES: usize = 16;

/// Filter coefficients of the 9/7 transform (table F.4).
const ALPHA: f32 = -1.586_134_3;
const BETA: f32 = -0.052_980_12;
const GAMMA: f32 = 0.882_911_1;
const DELTA: f32 = 0.443_506_85;
const K: f32 = 1.230_174_1;

/// Makes samples of the coefficients of `component`.
pub(super) fn inverse(plane: &mut Plane, component: &TileComponent) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor was just found to have these instructions.
        #[expect(unsafe_code, reason = "the same code with vectors of twice the width")]
        unsafe {
            inverse_avx2(plane, component);
        }
        return;
    }
    inverse_portable(plane, component);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn inverse_avx2(plane: &mut Plane, component: &TileComponent) {
    inverse_portable(plane, component);
}

#[inline(always)]
fn inverse_portable(plane: &mut Plane, component: &TileComponent) {
    match plane {
        Plane::Whole(samples) => inverse_levels(samples, component, lift_53, lift_53),
        Plane::Real(samples) => inverse_levels(samples, component, lift_97, lift_97),
    }
}

/// Goes up the levels with the lifting given for rows and for columns.
#[inline(always)]
fn inverse_levels<T: Copy + Default>(
    samples: &mut [T],
    component: &TileComponent,
    lift_row: impl Fn(&mut Halves<T>),
    lift_columns: impl Fn(&mut Halves<[T; LANES]>),
) {
    let stride = component.rect.size()[0] as usize;
    let mut row = Halves::default();
    let mut columns = Halves::default();
    for level in component
        .resolutions
        .iter()
        .skip(1)
        .map(|resolution| resolution.rect)
    {
        let [width, height] = level.size().map(|extent| extent as usize);
        let [odd_x, odd_y] = level.start.map(|start| start & 1 != 0);
        if width == 0 || height == 0 {
            continue;
        }
        row.resize(width, odd_x);
        for line in samples.chunks_mut(stride).take(height) {
            let line = line.get_mut(..width).unwrap_or_default();
            inverse_row(line, &mut row, &lift_row);
        }
        columns.resize(height, odd_y);
        for first in (0..width).step_by(LANES) {
            let count = LANES.min(width - first);
            inverse_columns(samples, stride, first, count, &mut columns, &lift_columns);
        }
    }
}

/// The two halves of a line, each with an element before and behind for the extension at its ends (F.3.7).
#[derive(Default)]
struct Halves<T> {
    low: Vec<T>,
    high: Vec<T>,
    /// Whether the line begins with an element of the high half.
    odd: bool,
}

impl<T: Copy + Default> Halves<T> {
    fn resize(&mut self, length: usize, odd: bool) {
        let high = if odd { length.div_ceil(2) } else { length / 2 };
        self.low.resize(length - high + 2, T::default());
        self.high.resize(high + 2, T::default());
        self.odd = odd;
    }

    /// Repeats the elements at both ends of a half, which is what symmetric extension comes to.
    #[inline(always)]
    fn extend(half: &mut [T]) {
        if let [before, first, .., last, behind] = half {
            (*before, *behind) = (*first, *last);
        } else if let [before, only, behind] = half {
            (*before, *behind) = (*only, *only);
        }
    }

    /// `low[n] = f(low[n], both neighbors in high)` for all `n`.
    #[inline(always)]
    fn update_low(&mut self, f: impl Fn(&mut T, &T, &T)) {
        Self::extend(&mut self.high);
        Self::update(&mut self.low, &self.high, usize::from(self.odd), f);
    }

    /// `high[n] = f(high[n], both neighbors in low)` for all `n`.
    #[inline(always)]
    fn update_high(&mut self, f: impl Fn(&mut T, &T, &T)) {
        Self::extend(&mut self.low);
        Self::update(&mut self.high, &self.low, usize::from(!self.odd), f);
    }

    #[inline(always)]
    fn update(target: &mut [T], source: &[T], offset: usize, f: impl Fn(&mut T, &T, &T)) {
        let count = target.len().saturating_sub(2);
        let target = target.get_mut(1..=count).unwrap_or_default();
        let before = source.get(offset..).unwrap_or_default();
        let behind = source.get(offset + 1..).unwrap_or_default();
        for ((target, before), behind) in target.iter_mut().zip(before).zip(behind) {
            f(target, before, behind);
        }
    }

    fn inner(half: &[T]) -> &[T] {
        half.get(1..half.len().saturating_sub(1)).unwrap_or_default()
    }

    fn inner_mut(half: &mut [T]) -> &mut [T] {
        let end = half.len().saturating_sub(1);
        half.get_mut(1..end).unwrap_or_default()
    }

    /// Whether the line has one element only, and that in the high half: it is then half of itself (F.3.6).
    fn is_single_high(&self) -> bool {
        self.low.len() == 2
    }

    /// Whether it has one element only, and that in the low half: it then stays as it is.
    fn is_single_low(&self) -> bool {
        self.high.len() == 2
    }
}

/// One sample, or several side by side that go through the same steps.
trait Lanes<B>: Copy + Default {
    /// Puts `f(self, before, behind)` in each lane.
    fn update(&mut self, before: &Self, behind: &Self, f: impl Fn(B, B, B) -> B);
}

impl Lanes<i32> for i32 {
    #[inline(always)]
    fn update(&mut self, before: &Self, behind: &Self, f: impl Fn(i32, i32, i32) -> i32) {
        *self = f(*self, *before, *behind);
    }
}

impl Lanes<f32> for f32 {
    #[inline(always)]
    fn update(&mut self, before: &Self, behind: &Self, f: impl Fn(f32, f32, f32) -> f32) {
        *self = f(*self, *before, *behind);
    }
}

impl<B: Copy + Default> Lanes<B> for [B; LANES] {
    #[inline(always)]
    fn update(&mut self, before: &Self, behind: &Self, f: impl Fn(B, B, B) -> B) {
        for ((lane, before), behind) in self.iter_mut().zip(before).zip(behind) {
            *lane = f(*lane, *before, *behind);
        }
    }
}

/// Equations F-5 and F-6.
#[inline(always)]
fn lift_53<T: Lanes<i32>>(line: &mut Halves<T>) {
    if line.is_single_high() {
        Halves::inner_mut(&mut line.high)
            .iter_mut()
            .for_each(|only| only.update(&T::default(), &T::default(), |x, _, _| x / 2));
        return;
    }
    if line.is_single_low() {
        return;
    }
    let even = |x: i32, a: i32, b: i32| x.wrapping_sub(a.wrapping_add(b).wrapping_add(2) >> 2);
    let odd = |x: i32, a: i32, b: i32| x.wrapping_add(a.wrapping_add(b) >> 1);
    line.update_low(|x, a, b| x.update(a, b, even));
    line.update_high(|x, a, b| x.update(a, b, odd));
}

/// Equation F-7: six steps, of which the first two scale.
#[inline(always)]
fn lift_97<T: Lanes<f32>>(line: &mut Halves<T>) {
    if line.is_single_high() {
        Halves::inner_mut(&mut line.high)
            .iter_mut()
            .for_each(|only| only.update(&T::default(), &T::default(), |x, _, _| x * 0.5));
        return;
    }
    if line.is_single_low() {
        return;
    }
    let none = T::default();
    Halves::inner_mut(&mut line.low)
        .iter_mut()
        .for_each(|x| x.update(&none, &none, |x, _, _| x * K));
    Halves::inner_mut(&mut line.high)
        .iter_mut()
        .for_each(|x| x.update(&none, &none, |x, _, _| x * (1.0 / K)));
    line.update_low(|x, a, b| x.update(a, b, |x, a, b| x - DELTA * (a + b)));
    line.update_high(|x, a, b| x.update(a, b, |x, a, b| x - GAMMA * (a + b)));
    line.update_low(|x, a, b| x.update(a, b, |x, a, b| x - BETA * (a + b)));
    line.update_high(|x, a, b| x.update(a, b, |x, a, b| x - ALPHA * (a + b)));
}

/// Takes a row apart, lifts it and interleaves it.
#[inline(always)]
fn inverse_row<T: Copy + Default>(row: &mut [T], halves: &mut Halves<T>, lift: &impl Fn(&mut Halves<T>)) {
    let (low, high) = row.split_at(Halves::inner(&halves.low).len().min(row.len()));
    Halves::inner_mut(&mut halves.low).copy_from_slice(low);
    Halves::inner_mut(&mut halves.high).copy_from_slice(high);
    lift(halves);
    let (low, high) = (Halves::inner(&halves.low), Halves::inner(&halves.high));
    let (first, second) = if halves.odd { (high, low) } else { (low, high) };
    let mut pairs = row.chunks_exact_mut(2);
    for ((pair, first), second) in pairs.by_ref().zip(first).zip(second) {
        pair.copy_from_slice(&[*first, *second]);
    }
    if let ([last], Some(value)) = (pairs.into_remainder(), first.last()) {
        *last = *value;
    }
}

/// The same for `count` columns from `first` on.
#[inline(always)]
fn inverse_columns<T: Copy + Default>(
    samples: &mut [T],
    stride: usize,
    first: usize,
    count: usize,
    halves: &mut Halves<[T; LANES]>,
    lift: &impl Fn(&mut Halves<[T; LANES]>),
) {
    let mut rows = samples.chunks(stride);
    for lanes in Halves::inner_mut(&mut halves.low)
        .iter_mut()
        .chain(Halves::inner_mut(&mut halves.high))
    {
        let row = rows
            .next()
            .and_then(|row| row.get(first..first + count))
            .unwrap_or_default();
        match <&[T; LANES]>::try_from(row) {
            Ok(row) => *lanes = *row,
            Err(_) => lanes
                .iter_mut()
                .zip(row)
                .for_each(|(lane, sample)| *lane = *sample),
        }
    }
    lift(halves);
    let (low, high) = (Halves::inner(&halves.low), Halves::inner(&halves.high));
    let (even, odd) = if halves.odd { (high, low) } else { (low, high) };
    for (half, lines) in [(0, even), (1, odd)] {
        for (row, lanes) in samples.chunks_mut(stride).skip(half).step_by(2).zip(lines) {
            let row = row.get_mut(first..first + count).unwrap_or_default();
            match <&mut [T; LANES]>::try_from(&mut *row) {
                Ok(row) => *row = *lanes,
                Err(_) => row
                    .iter_mut()
                    .zip(lanes)
                    .for_each(|(sample, lane)| *sample = *lane),
            }
        }
    }
}
