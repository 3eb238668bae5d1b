//! The part of rayon that is used here, one after the other on the calling thread.
//!
//! Names, arguments and results are those of rayon 1, to which readers may turn for what each does. All goes in order,
//! which is one of the orders that rayon allows.

use std::iter;

/// What brings `par_iter` and the like.
pub mod prelude {
    pub use super::{
        IntoParallelIterator, IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelSlice,
        ParallelSliceMut,
    };
}

/// Does both, the first first.
pub fn join<A, B>(first: impl FnOnce() -> A, second: impl FnOnce() -> B) -> (A, B) {
    (first(), second())
}

/// One.
pub fn current_num_threads() -> usize {
    1
}

/// An iterator whose methods are named and called as those of a parallel one.
#[derive(Clone, Debug)]
pub struct Par<I>(I);

impl<I: Iterator> Iterator for Par<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

// What stays a parallel iterator, and what takes other arguments than the plain one.
impl<I: Iterator> Par<I> {
    /// As rayon's `map`.
    pub fn map<T>(self, f: impl FnMut(I::Item) -> T) -> Par<impl Iterator<Item = T>> {
        Par(self.0.map(f))
    }

    /// As rayon's `filter`.
    pub fn filter(self, f: impl FnMut(&I::Item) -> bool) -> Par<impl Iterator<Item = I::Item>> {
        Par(self.0.filter(f))
    }

    /// As rayon's `filter_map`.
    pub fn filter_map<T>(self, f: impl FnMut(I::Item) -> Option<T>) -> Par<impl Iterator<Item = T>> {
        Par(self.0.filter_map(f))
    }

    /// As rayon's `flat_map_iter`.
    pub fn flat_map_iter<T: IntoIterator>(
        self,
        f: impl FnMut(I::Item) -> T,
    ) -> Par<impl Iterator<Item = T::Item>> {
        Par(self.0.flat_map(f))
    }

    /// As rayon's `flatten`.
    pub fn flatten(self) -> Par<iter::Flatten<I>>
    where
        I::Item: IntoIterator,
    {
        Par(self.0.flatten())
    }

    /// As rayon's `enumerate`.
    pub fn enumerate(self) -> Par<iter::Enumerate<I>> {
        Par(self.0.enumerate())
    }

    /// As rayon's `zip`.
    pub fn zip<T: IntoIterator>(self, other: T) -> Par<iter::Zip<I, T::IntoIter>> {
        Par(self.0.zip(other))
    }

    /// There is nothing to divide.
    pub fn with_min_len(self, _: usize) -> Self {
        self
    }

    /// There is nothing to divide.
    pub fn with_max_len(self, _: usize) -> Self {
        self
    }

    /// As rayon's `fold`, whose every piece begins anew: here there is one.
    pub fn fold<T>(self, begin: impl FnOnce() -> T, f: impl FnMut(T, I::Item) -> T) -> Par<iter::Once<T>> {
        Par(iter::once(self.0.fold(begin(), f)))
    }

    /// As rayon's `fold_chunks`.
    pub fn fold_chunks<T>(
        mut self,
        len: usize,
        mut begin: impl FnMut() -> T,
        mut f: impl FnMut(T, I::Item) -> T,
    ) -> Par<impl Iterator<Item = T>> {
        Par(iter::from_fn(move || {
            let first = self.0.next()?;
            let rest = self.0.by_ref().take(len.saturating_sub(1));
            Some(iter::once(first).chain(rest).fold(begin(), &mut f))
        }))
    }

    /// As rayon's `reduce`.
    pub fn reduce(
        self,
        begin: impl FnOnce() -> I::Item,
        f: impl FnMut(I::Item, I::Item) -> I::Item,
    ) -> I::Item {
        self.0.fold(begin(), f)
    }

    /// As rayon's `reduce_with`.
    pub fn reduce_with(self, f: impl FnMut(I::Item, I::Item) -> I::Item) -> Option<I::Item> {
        self.0.reduce(f)
    }

    /// As rayon's `for_each_init`.
    pub fn for_each_init<T>(self, begin: impl FnOnce() -> T, mut f: impl FnMut(&mut T, I::Item)) {
        let mut kept = begin();
        self.0.for_each(|item| f(&mut kept, item));
    }

    /// As rayon's `find_any`.
    pub fn find_any(mut self, f: impl FnMut(&I::Item) -> bool) -> Option<I::Item> {
        self.0.find(f)
    }
}

impl<'a, T: Copy + 'a, I: Iterator<Item = &'a T>> Par<I> {
    /// As rayon's `copied`.
    pub fn copied(self) -> Par<iter::Copied<I>> {
        Par(self.0.copied())
    }
}

/// What can be gone through by value.
pub trait IntoParallelIterator: IntoIterator + Sized {
    /// As rayon's.
    fn into_par_iter(self) -> Par<Self::IntoIter> {
        Par(self.into_iter())
    }
}

impl<T: IntoIterator> IntoParallelIterator for T {}

/// What can be gone through by reference.
pub trait IntoParallelRefIterator<'a> {
    /// Its iterator.
    type Iter;

    /// As rayon's.
    fn par_iter(&'a self) -> Par<Self::Iter>;
}

impl<'a, T: ?Sized + 'a> IntoParallelRefIterator<'a> for T
where
    &'a T: IntoIterator,
{
    type Iter = <&'a T as IntoIterator>::IntoIter;

    fn par_iter(&'a self) -> Par<Self::Iter> {
        Par(self.into_iter())
    }
}

/// What can be gone through by reference, and changed.
pub trait IntoParallelRefMutIterator<'a> {
    /// Its iterator.
    type Iter;

    /// As rayon's.
    fn par_iter_mut(&'a mut self) -> Par<Self::Iter>;
}

impl<'a, T: ?Sized + 'a> IntoParallelRefMutIterator<'a> for T
where
    &'a mut T: IntoIterator,
{
    type Iter = <&'a mut T as IntoIterator>::IntoIter;

    fn par_iter_mut(&'a mut self) -> Par<Self::Iter> {
        Par(self.into_iter())
    }
}

/// Pieces of slices.
pub trait ParallelSlice<T> {
    /// As rayon's.
    fn par_chunks(&self, len: usize) -> Par<std::slice::Chunks<'_, T>>;
}

impl<T> ParallelSlice<T> for [T] {
    fn par_chunks(&self, len: usize) -> Par<std::slice::Chunks<'_, T>> {
        Par(self.chunks(len))
    }
}

/// Pieces of slices that can be changed, and their order.
pub trait ParallelSliceMut<T> {
    /// As rayon's.
    fn par_chunks_mut(&mut self, len: usize) -> Par<std::slice::ChunksMut<'_, T>>;

    /// As rayon's.
    fn par_chunks_exact_mut(&mut self, len: usize) -> Par<std::slice::ChunksExactMut<'_, T>>;

    /// As rayon's.
    fn par_sort_unstable(&mut self)
    where
        T: Ord;

    /// As rayon's.
    fn par_sort_unstable_by(&mut self, order: impl FnMut(&T, &T) -> std::cmp::Ordering);
}

impl<T> ParallelSliceMut<T> for [T] {
    fn par_chunks_mut(&mut self, len: usize) -> Par<std::slice::ChunksMut<'_, T>> {
        Par(self.chunks_mut(len))
    }

    fn par_chunks_exact_mut(&mut self, len: usize) -> Par<std::slice::ChunksExactMut<'_, T>> {
        Par(self.chunks_exact_mut(len))
    }

    fn par_sort_unstable(&mut self)
    where
        T: Ord,
    {
        self.sort_unstable();
    }

    fn par_sort_unstable_by(&mut self, order: impl FnMut(&T, &T) -> std::cmp::Ordering) {
        self.sort_unstable_by(order);
    }
}

#[cfg(test)]
mod tests {
    /// The same lines under both preludes.
    macro_rules! results {
        ($prelude:path) => {{
            use $prelude::*;
            let numbers: Vec<u32> = (0..100).map(|n| n * 7919 % 109).collect();
            let sums: Vec<u32> = numbers.par_chunks(37).map(|piece| piece.iter().sum()).collect();
            let sum = numbers
                .par_iter()
                .copied()
                .filter(|n| n % 3 == 1)
                .reduce(|| 0, |a, b| a + b);
            let folded = numbers
                .par_iter()
                .fold(|| 0, |a, n| a ^ n)
                .reduce(|| 0, |a, b| a ^ b);
            let pieces: Vec<u64> = (0..1000_u32)
                .into_par_iter()
                .fold_chunks(16, || 1, |a, n| a * 3 % 1_000_003 + u64::from(n))
                .collect();
            let most = numbers.par_iter().copied().reduce_with(u32::max);
            let nothing = Vec::<u32>::new().par_iter().copied().reduce_with(u32::max);
            let flat: Vec<u32> = numbers.par_iter().flat_map_iter(|n| [*n, n + 1]).collect();
            let pairs = [[1, 2], [3, 4]]
                .par_iter()
                .flatten()
                .copied()
                .filter(|n| *n > 1)
                .reduce(|| 0, |a, b| a * 10 + b)
                > 0;
            let found = numbers.par_iter().find_any(|n| **n == 7919 * 50 % 109).copied();
            let mut out = vec![0_u32; 30];
            out.par_chunks_mut(7)
                .enumerate()
                .for_each(|(at, piece)| piece.fill(at as u32));
            let mut exact = vec![0_u32; 30];
            exact
                .par_chunks_exact_mut(7)
                .zip(numbers.par_chunks(7))
                .for_each(|(to, from)| to.copy_from_slice(from));
            let mut own = numbers.clone();
            own.par_iter_mut()
                .for_each_init(Vec::new, |kept: &mut Vec<u32>, n| {
                    kept.clear();
                    kept.push(*n);
                    *n += kept.len() as u32;
                });
            let mut sorted = numbers.clone();
            sorted.par_sort_unstable();
            let mut down = numbers.clone();
            down.par_sort_unstable_by(|a, b| b.cmp(a));
            let failed: Result<Vec<u32>, u32> = numbers
                .par_iter()
                .map(|&n| if n == 50 { Err(n) } else { Ok(n) })
                .collect();
            (
                (sums, sum, folded, pieces, most, nothing),
                (flat, pairs, found, out, exact, own),
                (sorted, down, failed),
            )
        }};
    }

    #[test]
    fn alone_gives_what_rayon_gives() {
        assert_eq!(results!(super::prelude), results!(rayon::prelude));
        assert_eq!(super::join(|| 1, || "b"), rayon::join(|| 1, || "b"));
    }
}
