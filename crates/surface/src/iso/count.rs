//! How many vertices and triangles there are before and in every row, so that all can be written at their places at
//! once and no table of edges is ever stored.
//!
//! Vertices lie on crossed grid edges. Those of one plane come row by row: on edges along x, on edges along y, then
//! (for a closed surface) on inside samples at the border of the volume. Those between two planes follow, on edges
//! along z, row by row. The number of a vertex is the first number of its kind in its row plus its rank in the row.

use parallel::prelude::*;

use super::mask::{Masks, columns_below, next_column};
use super::table::CASES;
use super::{Closing, Extent};

/// First numbers of the vertices of a row in its plane, counted from the first vertex of the plane.
#[derive(Clone, Copy, Default)]
pub(super) struct RowStart {
    /// First vertex on an edge along x.
    pub(super) x: u32,
    /// First vertex on an edge along y, to the next row.
    pub(super) y: u32,
    /// First vertex on a sample at the border.
    pub(super) s: u32,
    /// One past the last vertex of the row.
    pub(super) end: u32,
}

/// The counts of a plane and of the layer of cells above it.
#[derive(Clone, Default)]
pub(super) struct Plane {
    /// The vertices in the plane, by row.
    pub(super) rows: Vec<RowStart>,
    /// The first vertex of each row on an edge along z to the next plane, counted from the first of them; one more
    /// entry than rows. Empty on the last plane.
    pub(super) gap: Vec<u32>,
    /// Triangles in the cells between this plane and the next.
    pub(super) triangles: u64,
    /// Number of the first vertex of the plane.
    pub(super) first: u64,
    /// Number of the first vertex between this plane and the next.
    pub(super) gap_first: u64,
}

impl Plane {
    /// Vertices in the plane.
    pub(super) fn vertices(&self) -> usize {
        self.rows.last().map_or(0, |row| row.end as usize)
    }

    /// Vertices between this plane and the next.
    pub(super) fn gap_vertices(&self) -> usize {
        self.gap.last().map_or(0, |&end| end as usize)
    }
}

/// The border samples of a row that get a vertex, word by word.
pub(super) fn border_word(extent: &Extent, row: &[u64], word: usize, y: usize, plane: usize) -> u64 {
    if extent.is_border_row(y, plane) {
        return row[word];
    }
    let last = extent.columns - 1;
    let mut ends = u64::from(word == 0);
    if last / 64 == word {
        ends |= 1 << (last % 64);
    }
    row[word] & ends
}

/// Counts every plane of `extent`, then numbers the vertices.
pub(super) fn count(extent: &Extent, masks: &Masks) -> Vec<Plane> {
    let mut planes: Vec<Plane> = (0..extent.planes)
        .into_par_iter()
        .map(|plane| count_plane(extent, masks, plane))
        .collect();
    let mut next = 0;
    for plane in &mut planes {
        plane.first = next;
        plane.gap_first = next + plane.vertices() as u64;
        next = plane.gap_first + plane.gap_vertices() as u64;
    }
    planes
}

fn count_plane(extent: &Extent, masks: &Masks, plane: usize) -> Plane {
    let mut result = Plane::default();
    let slice = extent.slice_of_plane(plane);
    let mut next = 0;
    for y in 0..extent.rows {
        let row = masks.row(slice, y);
        let mut start = RowStart {
            x: next,
            ..RowStart::default()
        };
        start.y = start.x
            + count_words(row, |w| {
                (row[w] ^ next_column(row, w)) & columns_below(extent.columns - 1, w)
            });
        start.s = start.y
            + match y + 1 < extent.rows {
                true => {
                    let beside = masks.row(slice, y + 1);
                    count_words(row, |w| row[w] ^ beside[w])
                }
                false => 0,
            };
        start.end = start.s
            + match extent.closing {
                Closing::Closed => count_words(row, |w| border_word(extent, row, w, y, plane)),
                Closing::Open => 0,
            };
        next = start.end;
        result.rows.push(start);
    }
    if plane + 1 < extent.planes {
        count_layer(extent, masks, slice, &mut result);
    }
    result
}

fn count_layer(extent: &Extent, masks: &Masks, slice: usize, result: &mut Plane) {
    let mut next = 0;
    for y in 0..extent.rows {
        result.gap.push(next);
        let (row, above) = (masks.row(slice, y), masks.row(slice + 1, y));
        next += count_words(row, |w| row[w] ^ above[w]);
        if y + 1 < extent.rows {
            let cells = CellRow::new(extent, masks, slice, y);
            cells.for_each_active(|case, _| result.triangles += u64::from(CASES[case].count));
        }
    }
    result.gap.push(next);
}

#[inline]
fn count_words(row: &[u64], word: impl Fn(usize) -> u64) -> u32 {
    let mut count = 0;
    for w in 0..row.len() {
        let bits = word(w);
        // Nearly all words are empty, and counting bits takes a dozen operations on the baseline target.
        if bits != 0 {
            count += bits.count_ones();
        }
    }
    count
}

/// A row of cells between two rows and two planes.
pub(super) struct CellRow<'a> {
    corners: [&'a [u64]; 4],
    cells: usize,
}

impl<'a> CellRow<'a> {
    /// The cells between rows `y` and `y + 1` of the slices `slice` and `slice + 1`.
    pub(super) fn new(extent: &Extent, masks: &'a Masks, slice: usize, y: usize) -> Self {
        Self {
            corners: [
                masks.row(slice, y),
                masks.row(slice, y + 1),
                masks.row(slice + 1, y),
                masks.row(slice + 1, y + 1),
            ],
            cells: extent.columns - 1,
        }
    }

    /// Calls `visit` with the case and the column of each cell that the surface crosses, from the left.
    #[inline(always)]
    pub(super) fn for_each_active(&self, mut visit: impl FnMut(usize, usize)) {
        let words = self.corners[0].len();
        for w in 0..words {
            let here = self.corners.map(|row| row[w]);
            // Most words lie all outside or all inside, with the word that follows.
            let (any, all) = (
                here[0] | here[1] | here[2] | here[3],
                here[0] & here[1] & here[2] & here[3],
            );
            if any == 0 && (w + 1 == words || self.corners.iter().all(|row| row[w + 1] & 1 == 0)) {
                continue;
            }
            let next = self.corners.map(|row| next_column(row, w));
            let any = any | next[0] | next[1] | next[2] | next[3];
            let all = all & next[0] & next[1] & next[2] & next[3];
            let mut active = any & !all & columns_below(self.cells, w);
            while active != 0 {
                let bit = active.trailing_zeros();
                active &= active - 1;
                let mut case = 0;
                for row in 0..4 {
                    case |= (here[row] >> bit & 1) << (2 * row);
                    case |= (next[row] >> bit & 1) << (2 * row + 1);
                }
                visit((case & 255) as usize, w * 64 + bit as usize);
            }
        }
    }
}
