//! Samples of one level into the dense array of a finer one.

use geometry::GridGeometry;
use parallel::prelude::*;
use volume::{BRICK_SIDE, Sample};

use super::{SampleBox, mix};

/// Where given samples lie on their level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// Column, row and slice of the first given sample; -1 for a border before the volume.
    pub(super) start: [i64; 3],
    /// Given samples along columns, rows and slices.
    pub(super) extent: [usize; 3],
}

/// What of the dense array takes them.
pub(super) struct Target<'a> {
    /// From the level of the dense array to that of the given samples.
    pub(super) levels: &'a [GridGeometry],
    /// Bricks of the dense array along columns, rows and slices.
    pub(super) bricks: [usize; 3],
    /// Which bricks take what is given.
    pub(super) takes: &'a [bool],
    /// Samples of the dense array that the given ones stand for.
    pub(super) place: SampleBox,
}

/// For each sample of a range along one axis: the two given samples that it lies between, and how far from the first.
struct Axis {
    start: usize,
    between: Vec<(usize, usize, f64)>,
}

impl Axis {
    fn new(axis: usize, source: Source, target: &Target<'_>) -> Self {
        let (start, end) = (target.place.start[axis] as usize, target.place.end[axis] as usize);
        let last = target.levels.last();
        let last = last.map_or(0, |coarse| i64::from(coarse.dims()[axis]) - 1);
        let between = (start..end)
            .map(|at| {
                let p = between(target.levels, axis, at);
                let low = p.floor();
                let given = |index: i64| {
                    let at = (index - source.start[axis]).max(0) as usize;
                    at.min(source.extent[axis] - 1)
                };
                let high = (low as i64 + 1).min(last);
                (given(low as i64), given(high), p - low)
            })
            .collect();
        Self { start, between }
    }

    fn at(&self, index: usize) -> (usize, usize, f64) {
        self.between[index - self.start]
    }
}

/// Where a sample of the finest of `levels` lies along an axis of the coarsest, in samples, within its ends.
pub(super) fn between(levels: &[GridGeometry], axis: usize, at: usize) -> f64 {
    let Some((coarse, steps)) = levels.split_last() else {
        return 0.0;
    };
    // The middle of a coarse sample is that of the two which it stands for (`GridGeometry::halved`).
    let p = steps.iter().fold(at as f64, |p, finer| {
        if finer.dims()[axis] > 1 {
            (p - 0.5) * 0.5
        } else {
            p
        }
    });
    p.clamp(0.0, f64::from(coarse.dims()[axis] - 1))
}

/// Writes what `from` says into the bricks of `into` that take it, slices in parallel. `into` begins with the first slice of
/// the place.
pub(super) fn fill<T: Sample>(into: &mut [T], from: &[T], source: Source, target: &Target<'_>) {
    let axes: [Axis; 3] = std::array::from_fn(|axis| Axis::new(axis, source, target));
    let Some([nx, ny, _]) = target.levels.first().map(|grid| grid.dims().map(|n| n as usize)) else {
        return;
    };
    let side = BRICK_SIDE as usize;
    let SampleBox { start, end } = target.place;
    let (start, end) = (start.map(|n| n as usize), end.map(|n| n as usize));
    let slices = into[..(end[2] - start[2]) * nx * ny].par_chunks_mut(nx * ny);
    slices.enumerate().for_each(|(slice, out)| {
        let z = start[2] + slice;
        let mut row = vec![0.0; source.extent[0]];
        for y in start[1]..end[1] {
            let bricks = (z / side * target.bricks[1] + y / side) * target.bricks[0];
            let takes = |x: usize| target.takes[bricks + x / side];
            if !(start[0]..end[0]).step_by(side).any(takes) {
                continue;
            }
            between_rows(from, source, axes[1].at(y), axes[2].at(z), &mut row);
            for brick in (start[0]..end[0]).step_by(side).filter(|&x| takes(x)) {
                for x in brick..(brick + side).min(end[0]) {
                    let (low, high, part) = axes[0].at(x);
                    out[y * nx + x] = T::from_f64_up(mix(row[low], row[high], part));
                }
            }
        }
    });
}

/// One row of given samples, between four of them.
fn between_rows<T: Sample>(
    from: &[T],
    source: Source,
    (y_low, y_high, y_part): (usize, usize, f64),
    (z_low, z_high, z_part): (usize, usize, f64),
    out: &mut [f64],
) {
    let [nx, ny, _] = source.extent;
    let row = |y: usize, z: usize| &from[(z * ny + y) * nx..][..nx];
    let near = row(y_low, z_low).iter().zip(row(y_high, z_low));
    let far = row(y_low, z_high).iter().zip(row(y_high, z_high));
    for (out, (near, far)) in out.iter_mut().zip(near.zip(far)) {
        let along_y = |(low, high): (&T, &T)| mix(low.to_f64(), high.to_f64(), y_part);
        *out = mix(along_y(near), along_y(far), z_part);
    }
}
