//! Samples around four places, read without a check for each.
//!
//! Of its own because it is the one place where the caster reads memory unchecked, which makes its innermost loop a third
//! faster: 64 samples a place are read by offsets that are known to lie within what was checked once.

/// Four places in a grid with all samples from `BEFORE` before to `AFTER` after each along every axis.
#[derive(Clone, Copy)]
pub(super) struct Window<'a, V, const BEFORE: usize, const AFTER: usize> {
    samples: &'a [V],
    /// From a row to the next, and from a slice to the next.
    strides: [usize; 2],
    /// Indexes of the places. Between the sample `BEFORE` along all axes and the one `AFTER` lies nothing that is not in
    /// `samples`.
    at: [usize; 4],
}

impl<'a, V: Copy, const BEFORE: usize, const AFTER: usize> Window<'a, V, BEFORE, AFTER> {
    /// `None` when any of it lies outside `samples`.
    #[inline(always)]
    pub(super) fn new(samples: &'a [V], strides: [usize; 2], at: [usize; 4]) -> Option<Self> {
        // No overflow: strides are far below what fits in memory, and so is their sum.
        let diagonal = 1 + strides[0] + strides[1];
        let (before, after) = (BEFORE * diagonal, AFTER * diagonal);
        let least = at[0].min(at[1]).min(at[2].min(at[3]));
        let most = at[0].max(at[1]).max(at[2].max(at[3]));
        let is_inside = least >= before && after < samples.len() && most < samples.len() - after;
        is_inside.then_some(Self { samples, strides, at })
    }

    /// For each place, the samples `X`, `Y` and `Z` from it along columns, rows and slices, and the next ones along
    /// columns.
    #[inline(always)]
    pub(super) fn pairs<const X: isize, const Y: isize, const Z: isize>(&self) -> [[V; 2]; 4] {
        const {
            let (before, after) = (BEFORE as isize, AFTER as isize);
            assert!(-before <= X && X < after);
            assert!(-before <= Y && Y <= after);
            assert!(-before <= Z && Z <= after);
        }
        let offset = X + Y * self.strides[0] as isize + Z * self.strides[1] as isize;
        let [a, b, c, d] = self.at;
        [
            self.pair(a, offset),
            self.pair(b, offset),
            self.pair(c, offset),
            self.pair(d, offset),
        ]
    }

    #[expect(
        unsafe_code,
        reason = "measured: a check for each of these reads costs a third"
    )]
    #[inline(always)]
    fn pair(&self, at: usize, offset: isize) -> [V; 2] {
        let first = at.wrapping_add_signed(offset);
        debug_assert!(first + 1 < self.samples.len());
        // SAFETY: `pairs` admits only offsets of at most BEFORE back and AFTER ahead along each axis, one less ahead along
        // columns; `new` found the indexes from `at - BEFORE * (1 + row + slice)` to `at + AFTER * (1 + row + slice)`
        // inside, and `first` and `first + 1` lie between those.
        unsafe {
            [
                *self.samples.get_unchecked(first),
                *self.samples.get_unchecked(first + 1),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_inside_is_read() {
        // 5 x 4 x 3 samples, each its own index.
        let samples: Vec<u16> = (0..60).collect();
        let strides = [5, 20];
        let at = |at: [usize; 4]| Window::<u16, 1, 1>::new(&samples, strides, at);
        // The middle of the grid reaches exactly its first and last samples.
        for (places, is_inside) in [
            ([26, 33, 30, 28], true),
            ([26, 25, 33, 33], false),
            ([26, 34, 33, 33], false),
            ([26, 26, 26, usize::MAX], false),
        ] {
            assert_eq!(at(places).is_some(), is_inside, "{places:?}");
        }
        let window = at([26, 33, 30, 28]).unwrap();
        assert_eq!(window.pairs::<-1, -1, -1>(), [[0, 1], [7, 8], [4, 5], [2, 3]]);
        assert_eq!(
            window.pairs::<0, 1, 1>(),
            [[51, 52], [58, 59], [55, 56], [53, 54]]
        );
        assert!(Window::<u16, 0, 1>::new(&samples, strides, [0, 33, 1, 2]).is_some());
        assert!(Window::<u16, 0, 1>::new(&samples, strides, [0, 34, 1, 2]).is_none());
        assert!(Window::<u16, 0, 1>::new(&samples[..3], strides, [0; 4]).is_none());
    }
}
