//! What a volume looks like under a transfer function: a table of colors, and how far it is to anything visible.

use parallel::prelude::*;

use volume::BRICK_SIDE;

use super::field::FieldKind;
use crate::{BlockRanges, Projection, ResidentVolume, TransferFunction};

/// Entries of the table.
const TABLE: usize = 4096;

/// The table and the map, made on the processor.
pub(super) struct Look {
    /// `[entry][red, green, blue, opacity of one step]`, linear light.
    pub(super) table: Vec<[f32; 4]>,
    /// Texel to entry: scale and offset.
    pub(super) entry_from_texel: (f32, f32),
    /// `[block in z][y][x]`: how far (in blocks, by the largest axis) the nearest visible block lies; of a projected volume,
    /// what the block reaches of the table, of 255.
    pub(super) distances: Vec<u8>,
    /// Blocks along columns, rows and slices.
    pub(super) blocks: [usize; 3],
    /// Samples along each edge of a block.
    cell_side: usize,
}

impl Look {
    /// `ranges`: those of the cells of `volume`.
    pub(super) fn new(
        volume: &ResidentVolume,
        ranges: &BlockRanges,
        (transfer, projection): (&TransferFunction, Projection),
        step_mm: f64,
        kind: FieldKind,
    ) -> Self {
        let (low, high) = extremes(ranges);
        let span = if high > low { high - low } else { 1.0 };
        let entry_from_stored = ((TABLE - 1) as f64 / span, -low * (TABLE - 1) as f64 / span);
        let table: Vec<[f32; 4]> = (0..TABLE)
            .map(|entry| {
                let stored = (entry as f64 - entry_from_stored.1) / entry_from_stored.0;
                let [r, g, b, opacity] = transfer.at(volume.rescale().value(stored));
                // Opacity is given for 1 mm; a step of another length lets another part through (Beer-Lambert).
                let of_step = 1.0 - (1.0 - opacity.min(0.999_9)).powf(step_mm as f32);
                [r, g, b, of_step]
            })
            .collect();
        let distances = match projection {
            Projection::Composite => {
                let mut distances = empty_blocks(ranges, &table, entry_from_stored);
                spread(&mut distances, ranges.counts());
                distances
            }
            Projection::Maximum | Projection::Minimum | Projection::Average => {
                bounds(ranges, projection, entry_from_stored)
            }
        };
        let (scale, offset) = kind.stored_from_texel();
        Self {
            table,
            entry_from_texel: (
                (scale * entry_from_stored.0) as f32,
                (offset * entry_from_stored.0 + entry_from_stored.1) as f32,
            ),
            distances,
            blocks: ranges.counts(),
            cell_side: kind.cell_side(),
        }
    }
}

impl Look {
    /// Whether anything is visible in each brick of 64 samples, columns first.
    pub(super) fn visible_bricks(&self) -> Vec<bool> {
        let cells = BRICK_SIDE as usize / self.cell_side;
        let bricks = self.blocks.map(|n| n.div_ceil(cells));
        let mut visible = vec![false; bricks.iter().product()];
        for (index, _) in self.distances.iter().enumerate().filter(|(_, d)| **d == 0) {
            let [x, y, _] = self.blocks;
            let [x, y, z] = [index % x, index / x % y, index / x / y].map(|n| n / cells);
            visible[(z * bricks[1] + y) * bricks[0] + x] = true;
        }
        visible
    }
}

/// Smallest and largest stored value of a volume.
fn extremes(ranges: &BlockRanges) -> (f64, f64) {
    let (low, high) = ranges
        .iter()
        .filter(|[low, high]| low <= high)
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), [low, high]| {
            (l.min(low), h.max(high))
        });
    if low <= high {
        (f64::from(low.max(f32::MIN)), f64::from(high.min(f32::MAX)))
    } else {
        (0.0, 0.0)
    }
}

/// 255 for each block in which nothing is visible, 0 for the others.
fn empty_blocks(ranges: &BlockRanges, table: &[[f32; 4]], (scale, offset): (f64, f64)) -> Vec<u8> {
    let mut visible_before = Vec::with_capacity(TABLE + 1);
    let mut count = 0u32;
    visible_before.push(0);
    for entry in table {
        count += u32::from(entry[3] > 0.0);
        visible_before.push(count);
    }
    // An entry to either side, because looking up rounds.
    let entry =
        |v: f32, slack: f64| ((f64::from(v) * scale + offset + slack).max(0.0) as usize).min(TABLE - 1);
    (0..ranges.len())
        .into_par_iter()
        .map(|block| {
            let [low, high] = ranges.at(block);
            let visible =
                low <= high && visible_before[entry(high, 1.0) + 1] > visible_before[entry(low, -1.0)];
            if visible { 0 } else { u8::MAX }
        })
        .collect()
}

/// What each block reaches of the table, of 255: at most where the largest value is sought, at least otherwise.
fn bounds(ranges: &BlockRanges, projection: Projection, (scale, offset): (f64, f64)) -> Vec<u8> {
    let part = |v: f32| (f64::from(v) * scale + offset) * 255.0 / (TABLE - 1) as f64;
    (0..ranges.len())
        .into_par_iter()
        .map(|block| {
            let [low, high] = ranges.at(block);
            match projection {
                Projection::Maximum if low <= high => part(high).ceil() as u8,
                Projection::Maximum => 0,
                _ if low <= high => part(low).floor() as u8,
                _ => u8::MAX,
            }
        })
        .collect()
}

/// Turns 0 and 255 into chessboard distances to the nearest 0, axis by axis: the largest of three distances along one
/// axis each is smallest where each step picks the smallest of the larger of what it adds and what it finds.
fn spread(distances: &mut [u8], [bx, by, bz]: [usize; 3]) {
    distances.par_chunks_mut(bx * by).for_each(|layer| {
        let mut line = Vec::new();
        for row in 0..by {
            spread_line(layer, row * bx, 1, bx, &mut line);
        }
        for column in 0..bx {
            spread_line(layer, column, bx, by, &mut line);
        }
    });
    let mut line = Vec::new();
    for column in 0..bx * by {
        spread_line(distances, column, bx * by, bz, &mut line);
    }
}

fn spread_line(distances: &mut [u8], first: usize, stride: usize, count: usize, line: &mut Vec<u8>) {
    line.clear();
    line.extend(distances[first..].iter().step_by(stride).take(count));
    for at in 0..count {
        let mut best = line[at];
        let mut away = 1usize;
        while away < usize::from(best) && (at >= away || at + away < count) {
            let before = at.checked_sub(away).map_or(u8::MAX, |i| line[i]);
            let after = line.get(at + away).copied().unwrap_or(u8::MAX);
            best = best.min(before.min(after).max(away as u8));
            away += 1;
        }
        distances[first + at * stride] = best;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_a_chessboard() {
        let dims = [7, 5, 3];
        let mut distances = vec![u8::MAX; 7 * 5 * 3];
        let at = |x: usize, y: usize, z: usize| (z * 5 + y) * 7 + x;
        let visible = [[2, 1, 1], [6, 4, 0]];
        for [x, y, z] in visible {
            distances[at(x, y, z)] = 0;
        }
        spread(&mut distances, dims);
        for z in 0..3usize {
            for y in 0..5usize {
                for x in 0..7usize {
                    let to =
                        |[vx, vy, vz]: [usize; 3]| x.abs_diff(vx).max(y.abs_diff(vy)).max(z.abs_diff(vz));
                    let expected = visible.map(to).into_iter().min().unwrap();
                    assert_eq!(usize::from(distances[at(x, y, z)]), expected, "{x} {y} {z}");
                }
            }
        }
    }

    #[test]
    fn far_from_everything_is_as_far_as_can_be_said() {
        let mut distances = vec![u8::MAX; 300];
        spread(&mut distances, [300, 1, 1]);
        assert!(distances.iter().all(|&d| d == u8::MAX));
        distances[0] = 0;
        let mut distances: Vec<u8> = distances
            .iter()
            .map(|&d| if d == 0 { 0 } else { u8::MAX })
            .collect();
        spread(&mut distances, [300, 1, 1]);
        assert_eq!((distances[1], distances[254], distances[299]), (1, 254, 255));
    }
}
