//! Values and gradients between samples: the innermost kernel of the caster.
//!
//! Values are read at four places at once, eight samples each. Gradients are read only where something is visible: the
//! central differences at the eight samples around a place take 24 more, all in twelve rows of four along x. Blending is
//! linear, so the gradient between samples is what blending the gradients of the eight would give.

use super::lanes::F32x4;
use super::voxel::Voxel;

/// Samples as the kernel reads them.
#[derive(Clone, Copy)]
pub(super) struct Field<'a, V> {
    /// `[slice][row][column]`, stored values.
    samples: &'a [V],
    /// Columns, rows, slices.
    dims: [i32; 3],
    /// From a sample to the next, from a row to the next, and from a slice to the next.
    strides: [usize; 3],
    /// Just inside the last sample along each axis, so that truncation leaves a neighbor.
    last: [f32; 3],
}

/// Four places and the cells of eight samples that they lie in.
#[derive(Clone, Copy)]
pub(super) struct Cells {
    /// The first sample of each cell, by axis.
    voxels: [[i32; 4]; 3],
    /// How far the places lie between the samples, 0 to 1, by axis.
    fractions: [F32x4; 3],
}

impl Cells {
    /// The first sample of one of the cells.
    #[inline(always)]
    pub(super) fn voxel(&self, which: usize) -> [i32; 3] {
        let [x, y, z] = self.voxels;
        [x[which], y[which], z[which]]
    }
}

impl<'a, V: Voxel> Field<'a, V> {
    /// # Panics
    /// When there are not as many samples as `dims` says.
    pub(super) fn new(samples: &'a [V], dims: [u32; 3]) -> Self {
        let [nx, ny, nz] = dims.map(|n| n as usize);
        assert_eq!(samples.len(), nx * ny * nz, "as many samples as the grid has");
        let steps = [1, nx, nx * ny];
        Self {
            samples,
            dims: dims.map(|n| n as i32),
            strides: steps,
            last: dims.map(|n| ((n.max(1) - 1) as f32).next_down().max(0.0)),
        }
    }

    /// The cells around four places in voxels, by axis; places outside are moved to the outermost samples.
    #[inline(always)]
    pub(super) fn cells(&self, places: [F32x4; 3]) -> Cells {
        let [x, y, z] = places;
        let within = |place: F32x4, last: f32| {
            let place = place.max(F32x4::splat(0.0)).min(F32x4::splat(last));
            let (voxels, whole) = place.truncated();
            (voxels, place - whole)
        };
        let [(x, fx), (y, fy), (z, fz)] = [
            within(x, self.last[0]),
            within(y, self.last[1]),
            within(z, self.last[2]),
        ];
        Cells {
            voxels: [x, y, z],
            fractions: [fx, fy, fz],
        }
    }

    /// The stored values at four places.
    #[inline(always)]
    pub(super) fn values(&self, cells: &Cells) -> F32x4 {
        let [fx, fy, fz] = cells.fractions;
        let weights = V::pairs(fx);
        let [x, y, z] = cells.voxels;
        let at = |i: usize| self.index([x[i], y[i], z[i]]);
        let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
        // Along an axis of one sample there is no next one.
        let [dx, row, slice] = self.next_steps();
        let at = [a, b, c, d];
        let along_x = [
            self.within_pairs(at, 0, dx, weights),
            self.within_pairs(at, row, dx, weights),
            self.within_pairs(at, slice, dx, weights),
            self.within_pairs(at, slice + row, dx, weights),
        ];
        let between = |near: F32x4, far: F32x4, fraction: F32x4| near + (far - near) * fraction;
        let near = between(along_x[0], along_x[1], fy);
        let far = between(along_x[2], along_x[3], fy);
        between(near, far, fz) * F32x4::splat(1.0 / V::UNIT) + F32x4::splat(V::OFFSET)
    }

    /// Blends the samples `offset` after four others with the next ones along x, which lie `dx` further.
    #[inline(always)]
    fn within_pairs(&self, at: [usize; 4], offset: usize, dx: usize, weights: V::Pairs) -> F32x4 {
        let [a, b, c, d] = at;
        V::within(
            [
                self.pair(a + offset, dx),
                self.pair(b + offset, dx),
                self.pair(c + offset, dx),
                self.pair(d + offset, dx),
            ],
            weights,
        )
    }

    #[inline(always)]
    fn pair(&self, at: usize, dx: usize) -> [V; 2] {
        if dx == 0 {
            return [self.samples[at]; 2];
        }
        let pair = &self.samples[at..at + 2];
        [pair[0], pair[1]]
    }

    /// The central differences over two voxels along x, y and z at one of four places, times [`Voxel::UNIT`]; the
    /// last lane is zero.
    #[inline(always)]
    pub(super) fn gradient(&self, cells: &Cells, which: usize) -> F32x4 {
        let voxel = cells.voxel(which);
        let fraction = |axis: usize| cells.fractions[axis].lanes()[which];
        let [fx, fy, fz] = [fraction(0), fraction(1), fraction(2)];
        let rows = V::rows(fy);
        let quads = if self.is_inside(voxel) {
            self.inner_quads(voxel)
        } else {
            self.border_quads(voxel)
        };
        let Quads {
            inner,
            outer_rows,
            outer_slices,
        } = quads;
        let (w_far, w_near) = (F32x4::splat(fz), F32x4::splat(1.0 - fz));
        let plane = |[near, far]: [V::Quad; 2]| V::between(near, far, rows);
        let planes = [plane(inner[0]), plane(inner[1])];
        let along_x = planes[0] * w_near + planes[1] * w_far;
        let slope = |z: usize| {
            let ([near, far], [before, after]) = (inner[z], outer_rows[z]);
            V::slope([before, near, far, after], rows)
        };
        let along_y = slope(0) * w_near + slope(1) * w_far;
        let [before, after] = [plane(outer_slices[0]), plane(outer_slices[1])];
        let along_z = (planes[1] - before) * w_near + (after - planes[0]) * w_far;

        let fx = F32x4::splat(fx);
        let middle = F32x4::new([0.0, 1.0, 0.0, 0.0]) + fx * F32x4::new([0.0, -1.0, 1.0, 0.0]);
        let difference = F32x4::new([-1.0, 0.0, 1.0, 0.0]) + fx * F32x4::new([1.0, -1.0, -1.0, 1.0]);
        F32x4::sums([
            along_x * difference,
            along_y * middle,
            along_z * middle,
            F32x4::splat(0.0),
        ])
    }

    /// How far the next sample along each axis lies; 0 where there is none.
    #[inline(always)]
    fn next_steps(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            if self.dims[axis] > 1 {
                self.strides[axis]
            } else {
                0
            }
        })
    }

    /// Whether all 64 samples around a cell are there.
    #[inline(always)]
    fn is_inside(&self, [x, y, z]: [i32; 3]) -> bool {
        let [nx, ny, nz] = self.dims;
        let inside = |v: i32, n: i32| ((v - 1) as u32) < (n - 3).max(0) as u32;
        inside(x, nx) & inside(y, ny) & inside(z, nz)
    }

    #[inline(always)]
    fn index(&self, [x, y, z]: [i32; 3]) -> usize {
        z as usize * self.strides[2] + y as usize * self.strides[1] + x as usize
    }

    #[inline(always)]
    fn quad(&self, at: usize) -> V::Quad {
        let four = &self.samples[at..at + 4];
        V::quad([four[0], four[1], four[2], four[3]])
    }

    #[inline(always)]
    fn inner_quads(&self, voxel: [i32; 3]) -> Quads<V> {
        let [_, row, slice] = self.strides;
        let at = self.index(voxel) - 1;
        Quads {
            inner: [self.two_quads(at, row), self.two_quads(at + slice, row)],
            outer_rows: [
                self.two_quads(at - row, 3 * row),
                self.two_quads(at + slice - row, 3 * row),
            ],
            outer_slices: [
                self.two_quads(at - slice, row),
                self.two_quads(at + 2 * slice, row),
            ],
        }
    }

    #[inline(always)]
    fn two_quads(&self, at: usize, step: usize) -> [V::Quad; 2] {
        [self.quad(at), self.quad(at + step)]
    }

    #[cold]
    #[inline(never)]
    fn border_quads(&self, [x, y, z]: [i32; 3]) -> Quads<V> {
        let quads =
            |zs: [i32; 2], ys: [i32; 2]| zs.map(|dz| ys.map(|dy| self.clamped_quad([x, y + dy, z + dz])));
        Quads {
            inner: quads([0, 1], [0, 1]),
            outer_rows: quads([0, 1], [-1, 2]),
            outer_slices: quads([-1, 2], [0, 1]),
        }
    }

    /// The four samples around `x` and the next; those beyond the grid are the outermost.
    fn clamped_quad(&self, [x, y, z]: [i32; 3]) -> V::Quad {
        let [nx, ny, nz] = self.dims;
        let (y, z) = (y.clamp(0, ny - 1), z.clamp(0, nz - 1));
        V::quad([-1, 0, 1, 2].map(|dx| self.samples[self.index([(x + dx).clamp(0, nx - 1), y, z])]))
    }
}

/// The rows of four around a cell.
struct Quads<V: Voxel> {
    /// `[z][y]` of the cell itself.
    inner: [[V::Quad; 2]; 2],
    /// In the slices of the cell, the rows before and after it.
    outer_rows: [[V::Quad; 2]; 2],
    /// In the slices before and after the cell, its rows.
    outer_slices: [[V::Quad; 2]; 2],
}

#[cfg(test)]
mod tests {
    use volume::Sample;

    use super::*;

    const DIMS: [u32; 3] = [9, 7, 6];

    fn noise(index: usize) -> f64 {
        let mixed = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 40) as f64 / f64::from(1u32 << 24)
    }

    /// Trilinear, clamped to the outermost samples.
    fn reference<V: Sample>(samples: &[V], p: [f64; 3]) -> f64 {
        let mut sum = 0.0;
        let mut corner = |offsets: [usize; 3]| {
            let mut at = [0usize; 3];
            let mut weight = 1.0;
            for axis in 0..3 {
                let v = p[axis].clamp(0.0, f64::from(DIMS[axis] - 1));
                let whole = (v as usize).min(DIMS[axis] as usize - 2);
                at[axis] = whole + offsets[axis];
                let fraction = v - whole as f64;
                weight *= if offsets[axis] == 0 {
                    1.0 - fraction
                } else {
                    fraction
                };
            }
            let index = (at[2] * DIMS[1] as usize + at[1]) * DIMS[0] as usize + at[0];
            sum += weight * f64::from(samples[index].to_f32());
        };
        for corner_bits in 0..8usize {
            corner([corner_bits & 1, corner_bits >> 1 & 1, corner_bits >> 2]);
        }
        sum
    }

    /// Places all over the grid and outside; on samples, too.
    fn places() -> impl Iterator<Item = [f64; 3]> {
        (0..600).map(|i| {
            std::array::from_fn(|axis| {
                let v = noise(i * 3 + axis) * (f64::from(DIMS[axis]) + 1.0) - 1.0;
                if i % 5 == 0 { v.round() } else { v }
            })
        })
    }

    fn check<V: Voxel + Sample>(samples: &[V], tolerance: f64) {
        let field = Field::new(samples, DIMS);
        let places: Vec<[f64; 3]> = places().collect();
        for (i, &p) in places.iter().enumerate() {
            // The place among three others, each lane in turn.
            let lane = i % 4;
            let four: [[f64; 3]; 4] = std::array::from_fn(|l| places[(i + l + 4 - lane) % places.len()]);
            let four: [[f64; 3]; 4] = std::array::from_fn(|l| if l == lane { p } else { four[l] });
            let cells = field.cells([0, 1, 2].map(|axis| F32x4::new(four.map(|p| p[axis] as f32))));
            let value = field.values(&cells).lanes()[lane];
            let p = std::array::from_fn(|axis| p[axis].clamp(0.0, f64::from(DIMS[axis] - 1)));
            let expected = reference(samples, p);
            assert!(
                (f64::from(value) - expected).abs() <= tolerance,
                "{p:?}: {value} and not {expected}"
            );
            let gradient = field.gradient(&cells, lane).lanes();
            for axis in 0..3 {
                let moved = |by: f64| {
                    let mut q = p;
                    q[axis] += by;
                    reference(samples, q)
                };
                let expected = moved(1.0) - moved(-1.0);
                let found = f64::from(gradient[axis] / V::UNIT);
                assert!(
                    (found - expected).abs() <= 2.0 * tolerance,
                    "{p:?} along {axis}: {found} and not {expected}"
                );
            }
        }
    }

    #[test]
    fn values_and_gradients_are_trilinear_for_every_type() {
        let count = DIMS.iter().product::<u32>() as usize;
        let noise = |scale: f64, offset: f64| (0..count).map(move |i| noise(i) * scale + offset);
        // A weight is off by at most 2^-15, and twice by the placing of f32.
        check::<u8>(&noise(255.0, 0.0).map(|v| v as u8).collect::<Vec<_>>(), 0.03);
        check::<i16>(
            &noise(65_535.0, -32_768.0).map(|v| v as i16).collect::<Vec<_>>(),
            6.0,
        );
        check::<u16>(&noise(65_535.0, 0.0).map(|v| v as u16).collect::<Vec<_>>(), 6.0);
        check::<i32>(&noise(2e9, -1e9).map(|v| v as i32).collect::<Vec<_>>(), 2e3);
        check::<u32>(&noise(4e9, 0.0).map(|v| v as u32).collect::<Vec<_>>(), 4e3);
        check::<f32>(&noise(2.0, -1.0).map(|v| v as f32).collect::<Vec<_>>(), 1e-5);
    }

    #[test]
    fn grids_one_sample_thin_have_values() {
        let field = Field::new(&[7i16, 9], [2, 1, 1]);
        let cells = field.cells([0.5, 3.0, f32::NAN].map(F32x4::splat));
        assert!((field.values(&cells).lanes()[2] - 8.0).abs() < 1e-3);
        assert_eq!(
            field.gradient(&cells, 2).lanes().map(|g| g / i16::UNIT),
            [2.0, 0.0, 0.0, 0.0]
        );
        let column = Field::new(&[1.0f32, 5.0], [1, 1, 2]);
        let cells = column.cells([9.0, 0.0, 0.25].map(F32x4::splat));
        assert_eq!(column.values(&cells).lanes(), [2.0; 4]);
    }
}
