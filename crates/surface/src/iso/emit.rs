//! Writes the vertices and triangles of a plane and of the layer of cells above it.

use volume::Sample;

use super::batch::{Batch, Gathered, Placement, Vertices};
use super::count::{CellRow, Plane, border_word};
use super::mask::{Masks, columns_below, next_column, set_bits};
use super::table::CASES;
use super::{Extent, Shading};

/// What is needed to place vertices: samples, bits, counts and the map to the patient.
pub(super) struct Emitter<'a, T> {
    pub(super) extent: &'a Extent,
    /// `[slice][row][column]`, stored values, the slices of the window.
    pub(super) samples: &'a [T],
    pub(super) masks: &'a Masks,
    pub(super) planes: &'a [Plane],
    /// Stored value at which the surface lies.
    pub(super) threshold: f64,
    /// Whether gradients are needed.
    pub(super) shading: Shading,
    /// Where voxels lie in the patient.
    pub(super) placement: &'a Placement,
}

/// A row of samples with its neighbors, for gradients.
struct Neighborhood<'a, T> {
    here: &'a [T],
    rows: [&'a [T]; 2],
    slices: [&'a [T]; 2],
    /// What the differences of rows and of slices are multiplied with: a half between two neighbors, 1 at the border.
    scale: [f32; 2],
}

impl<T: Sample> Neighborhood<'_, T> {
    /// Central differences at column `x`, one-sided at the border, per voxel.
    #[inline(always)]
    fn gradient(&self, x: usize) -> [f32; 3] {
        let (before, after) = (x.saturating_sub(1), (x + 1).min(self.here.len() - 1));
        let scale_x = if after - before == 2 { 0.5 } else { 1.0 };
        [
            difference(self.here[after], self.here[before], scale_x),
            difference(self.rows[1][x], self.rows[0][x], self.scale[0]),
            difference(self.slices[1][x], self.slices[0][x], self.scale[1]),
        ]
    }
}

/// `(a - b) * scale`. Samples of up to 16 bits are subtracted exactly in `f32`; wider ones need `f64`.
#[inline(always)]
fn difference<T: Sample>(a: T, b: T, scale: f32) -> f32 {
    if T::TYPE.size() <= 2 {
        (a.to_f32() - b.to_f32()) * scale
    } else {
        ((a.to_f64() - b.to_f64()) * f64::from(scale)) as f32
    }
}

/// Crossed edges of one row: both ends, and where they are.
struct EdgeRow<'a, T> {
    ends: [&'a Neighborhood<'a, T>; 2],
    /// How many columns the second end is further.
    step: usize,
    /// Axis of the edges.
    axis: usize,
    /// Row and slice of the first end in the volume.
    row: f64,
    slice: f64,
}

impl<T: Sample> Emitter<'_, T> {
    /// The vertices of `plane`, in order.
    pub(super) fn plane_vertices(&self, plane: usize, out: Vertices<'_>) {
        let mut batch = Batch::new(self.placement, out);
        let slice = self.extent.slice_of_plane(plane);
        for y in 0..self.extent.rows {
            let start = self.planes[plane].rows[y];
            if start.x == start.end {
                continue;
            }
            let row = self.masks.row(slice, y);
            let here = self.neighborhood(slice, y);
            let along_x = self.edge_row([&here, &here], 0, y, plane);
            for w in 0..row.len() {
                let crossed = (row[w] ^ next_column(row, w)) & columns_below(self.extent.columns - 1, w);
                self.gather(&along_x, crossed, w, &mut batch);
            }
            if start.y < start.s {
                let (beside, there) = (self.masks.row(slice, y + 1), self.neighborhood(slice, y + 1));
                let along_y = self.edge_row([&here, &there], 1, y, plane);
                for w in 0..row.len() {
                    self.gather(&along_y, row[w] ^ beside[w], w, &mut batch);
                }
            }
            if start.s < start.end {
                for w in 0..row.len() {
                    for bit in set_bits(border_word(self.extent, row, w, y, plane)) {
                        batch.push(&self.border_vertex(w * 64 + bit, y, plane));
                    }
                }
            }
        }
        batch.flush();
    }

    /// The vertices between `plane` and the next, in order.
    pub(super) fn gap_vertices(&self, plane: usize, out: Vertices<'_>) {
        let mut batch = Batch::new(self.placement, out);
        let slice = self.extent.slice_of_plane(plane);
        let gap = &self.planes[plane].gap;
        for y in 0..self.extent.rows {
            if gap[y] == gap[y + 1] {
                continue;
            }
            let (row, above) = (self.masks.row(slice, y), self.masks.row(slice + 1, y));
            let ends = [&self.neighborhood(slice, y), &self.neighborhood(slice + 1, y)];
            let along_z = self.edge_row(ends, 2, y, plane);
            for w in 0..row.len() {
                self.gather(&along_z, row[w] ^ above[w], w, &mut batch);
            }
        }
        batch.flush();
    }

    /// The triangles of the cells between `plane` and the next.
    pub(super) fn triangles(&self, plane: usize, out: &mut [[u32; 3]]) {
        let [below, above] = [&self.planes[plane], &self.planes[plane + 1]];
        let slice = self.extent.slice_of_plane(plane);
        let (first, first_above, first_gap) =
            (below.first as u32, above.first as u32, below.gap_first as u32);
        let mut out = out.iter_mut();
        for y in 0..self.extent.rows - 1 {
            let [a, b, c, d] = [below.rows[y], below.rows[y + 1], above.rows[y], above.rows[y + 1]];
            // The next vertex on each of the eight rows of edges that touch this row of cells. Walking the cells
            // from the left, a row of edges moves on whenever its edge is crossed: that is the rank.
            let mut next = [
                first + a.x,
                first + b.x,
                first_above + c.x,
                first_above + d.x,
                first + a.y,
                first_above + c.y,
                first_gap + below.gap[y],
                first_gap + below.gap[y + 1],
            ];
            CellRow::new(self.extent, self.masks, slice, y).for_each_active(|case, _| {
                let case = &CASES[case];
                let after: [u32; 8] = std::array::from_fn(|i| next[i] + case.crossed[i]);
                let numbers = [
                    next[0], next[1], next[2], next[3], next[4], after[4], next[5], after[5], next[6],
                    after[6], next[7], after[7], 0, 0, 0, 0,
                ];
                for corners in &case.triangles[..usize::from(case.count)] {
                    let [a, b, c] = corners.map(|edge| numbers[usize::from(edge & 15)]);
                    if let Some(place) = out.next() {
                        *place = if self.extent.is_mirrored {
                            [a, c, b]
                        } else {
                            [a, b, c]
                        };
                    }
                }
                next = after;
            });
        }
    }

    fn edge_row<'n>(
        &self,
        ends: [&'n Neighborhood<'n, T>; 2],
        axis: usize,
        y: usize,
        plane: usize,
    ) -> EdgeRow<'n, T> {
        EdgeRow {
            ends,
            step: usize::from(axis == 0),
            axis,
            row: y as f64,
            slice: self.extent.grid_slice_of_plane(plane) as f64,
        }
    }

    #[inline(always)]
    fn gather(&self, row: &EdgeRow<'_, T>, crossed: u64, word: usize, batch: &mut Batch<'_>) {
        for bit in set_bits(crossed) {
            let x = word * 64 + bit;
            let beyond = x + row.step;
            let (a, b) = (row.ends[0].here[x].to_f64(), row.ends[1].here[beyond].to_f64());
            let share = (self.threshold - a) / (b - a);
            // A sample that is no number has no place for the crossing: the middle is as good as any.
            let share = if share.is_finite() { share } else { 0.5 };
            let mut vertex = Gathered {
                voxel: [x as f64, row.row, row.slice],
                outward: [0.0; 3],
                fallback: [0.0; 3],
            };
            vertex.voxel[row.axis] += share;
            if self.shading == Shading::None {
                batch.push(&vertex);
                continue;
            }
            let (from, to) = (row.ends[0].gradient(x), row.ends[1].gradient(beyond));
            vertex.outward = std::array::from_fn(|i| -(from[i] + (to[i] - from[i]) * share as f32));
            // The end that is inside reaches the threshold, whatever the other one is.
            let is_first_inside = a >= self.threshold && a <= T::HIGHEST.to_f64();
            vertex.fallback[row.axis] = if is_first_inside { 1.0 } else { -1.0 };
            batch.push(&vertex);
        }
    }

    /// A vertex on a sample at the border, which looks away from all the borders that it lies on.
    fn border_vertex(&self, x: usize, y: usize, plane: usize) -> Gathered {
        let extent = self.extent;
        let side =
            |is_first: bool, is_last: bool| f32::from(u8::from(is_last)) - f32::from(u8::from(is_first));
        let sides = [
            side(x == 0, x + 1 == extent.columns),
            side(y == 0, y + 1 == extent.rows),
            side(extent.is_first_plane(plane), extent.is_last_plane(plane)),
        ];
        let length = |axis: usize| self.placement.gradient_from_voxel.col(axis).length() as f32;
        Gathered {
            voxel: [x as f64, y as f64, extent.grid_slice_of_plane(plane) as f64],
            outward: std::array::from_fn(|axis| sides[axis] / length(axis)),
            fallback: sides,
        }
    }

    fn row(&self, slice: usize, y: usize) -> &[T] {
        let start = (slice * self.extent.rows + y) * self.extent.columns;
        &self.samples[start..start + self.extent.columns]
    }

    fn neighborhood(&self, slice: usize, y: usize) -> Neighborhood<'_, T> {
        let slices = self.samples.len() / (self.extent.rows * self.extent.columns);
        let around = |i: usize, count: usize| (i.saturating_sub(1), (i + 1).min(count - 1));
        let scale = |(before, after): (usize, usize)| if after - before == 2 { 0.5 } else { 1.0 };
        let (rows, layers) = (around(y, self.extent.rows), around(slice, slices));
        Neighborhood {
            here: self.row(slice, y),
            rows: [self.row(slice, rows.0), self.row(slice, rows.1)],
            slices: [self.row(layers.0, y), self.row(layers.1, y)],
            scale: [scale(rows), scale(layers)],
        }
    }
}
