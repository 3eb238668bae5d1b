//! The lids of a closed surface: where the body is cut by the edge of the volume, the outermost sample planes are
//! covered with the squares of marching squares, whose corners are inside samples and crossings.

use super::Extent;
use super::count::Plane;
use super::mask::{Masks, columns_below, next_column, set_bits};
use super::table::SQUARES;

/// Lids that touch the layer of cells above a plane.
pub(super) struct Lids<'a> {
    pub(super) extent: &'a Extent,
    pub(super) masks: &'a Masks,
    pub(super) planes: &'a [Plane],
}

/// Two neighboring rows of samples on a lid, with the first vertex of each kind.
struct Strip<'a> {
    rows: [&'a [u64]; 2],
    samples: [u32; 2],
    along: [u32; 2],
    across: u32,
    turn: Turn,
}

/// Whether a square's triangles are taken as they are or turned over.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    Keep,
    Over,
}

impl Turn {
    fn over_if(condition: bool) -> Self {
        if condition { Self::Over } else { Self::Keep }
    }

    fn push(self, out: &mut Vec<[u32; 3]>, [a, b, c]: [u32; 3]) {
        out.push(if self == Self::Keep { [a, b, c] } else { [a, c, b] });
    }
}

impl Lids<'_> {
    /// The triangles of all lids that touch the cells between `plane` and the next.
    pub(super) fn triangles(&self, plane: usize) -> Vec<[u32; 3]> {
        let mut out = Vec::new();
        let extent = self.extent;
        // Counter-clockwise from x to y is seen from above; from x to z from the front; from y to z from the right.
        if extent.is_first_plane(plane) {
            self.lid_in_plane(plane, Turn::Over, &mut out);
        }
        if extent.is_last_plane(plane + 1) {
            self.lid_in_plane(plane + 1, Turn::Keep, &mut out);
        }
        for (y, turn) in [(0, Turn::Keep), (extent.rows - 1, Turn::Over)] {
            self.side_along_x(plane, y, turn, &mut out);
        }
        for (x, turn) in [(0, Turn::Over), (extent.columns - 1, Turn::Keep)] {
            self.side_along_y(plane, x, turn, &mut out);
        }
        out
    }

    fn turn(&self, turn: Turn) -> Turn {
        Turn::over_if((turn == Turn::Over) != self.extent.is_mirrored)
    }

    fn lid_in_plane(&self, plane: usize, turn: Turn, out: &mut Vec<[u32; 3]>) {
        let (slice, counts) = (self.extent.slice_of_plane(plane), &self.planes[plane]);
        for y in 0..self.extent.rows - 1 {
            let (a, b) = (counts.rows[y], counts.rows[y + 1]);
            let first = counts.first as u32;
            let strip = Strip {
                rows: [self.masks.row(slice, y), self.masks.row(slice, y + 1)],
                samples: [first + a.s, first + b.s],
                along: [first + a.x, first + b.x],
                across: first + a.y,
                turn: self.turn(turn),
            };
            strip.emit(self.extent.columns - 1, out);
        }
    }

    fn side_along_x(&self, plane: usize, y: usize, turn: Turn, out: &mut Vec<[u32; 3]>) {
        let slice = self.extent.slice_of_plane(plane);
        let [below, above] = [&self.planes[plane], &self.planes[plane + 1]];
        let strip = Strip {
            rows: [self.masks.row(slice, y), self.masks.row(slice + 1, y)],
            samples: [below, above].map(|p| p.first as u32 + p.rows[y].s),
            along: [below, above].map(|p| p.first as u32 + p.rows[y].x),
            across: below.gap_first as u32 + below.gap[y],
            turn: self.turn(turn),
        };
        strip.emit(self.extent.columns - 1, out);
    }

    /// The lid at the first or the last column: of each kind, the first or the last vertex of a row is the one there.
    fn side_along_y(&self, plane: usize, x: usize, turn: Turn, out: &mut Vec<[u32; 3]>) {
        let turn = self.turn(turn);
        let slice = self.extent.slice_of_plane(plane);
        let is_inside = |slice: usize, y: usize| self.masks.row(slice, y)[x / 64] >> (x % 64) & 1 == 1;
        let at_x = |start: u32, end: u32| if x == 0 { start } else { end.wrapping_sub(1) };
        for y in 0..self.extent.rows - 1 {
            let corners = [(0, y), (0, y + 1), (1, y), (1, y + 1)];
            let case = (0..4).fold(0, |case, i| {
                let (dz, y) = corners[i];
                case | usize::from(is_inside(slice + dz, y)) << i
            });
            if case == 0 {
                continue;
            }
            let planes = [&self.planes[plane], &self.planes[plane + 1]];
            let sample = |(dz, y): (usize, usize)| {
                let row = planes[dz].rows[y];
                (planes[dz].first as u32).wrapping_add(at_x(row.s, row.end))
            };
            let along = |dz: usize| {
                let row = planes[dz].rows[y];
                (planes[dz].first as u32).wrapping_add(at_x(row.y, row.s))
            };
            let across = |y: usize| {
                let gap = &planes[0].gap;
                (planes[0].gap_first as u32).wrapping_add(at_x(gap[y], gap[y + 1]))
            };
            let [c0, c1, c2, c3] = corners.map(sample);
            let ids = [c0, c1, c2, c3, along(0), along(1), across(y), across(y + 1)];
            for triangle in &SQUARES[case].triangles {
                turn.push(out, triangle.map(|code| ids[usize::from(code)]));
            }
        }
    }
}

impl Strip<'_> {
    fn emit(&self, squares: usize, out: &mut Vec<[u32; 3]>) {
        let [a, b] = self.rows;
        let (mut samples, mut along, mut across) = (self.samples, self.along, self.across);
        for w in 0..a.len() {
            let columns = [a[w], next_column(a, w), b[w], next_column(b, w)];
            let any = columns.iter().fold(0, |all, word| all | word) & columns_below(squares, w);
            for bit in set_bits(any) {
                let [a0, a1, b0, b1] = columns.map(|word| (word >> bit & 1) as u32);
                let ids = [
                    samples[0],
                    samples[0] + a0,
                    samples[1],
                    samples[1] + b0,
                    along[0],
                    along[1],
                    across,
                    across + (a0 ^ b0),
                ];
                let case = a0 | a1 << 1 | b0 << 2 | b1 << 3;
                for triangle in &SQUARES[case as usize].triangles {
                    self.turn.push(out, triangle.map(|code| ids[usize::from(code)]));
                }
                samples = [samples[0] + a0, samples[1] + b0];
                along = [along[0] + (a0 ^ a1), along[1] + (b0 ^ b1)];
                across += a0 ^ b0;
            }
        }
    }
}
