//! Values and gradients between samples: the innermost kernel of the caster.
//!
//! Four places are looked at together. A value takes the eight samples around its place; the gradient, which is read only
//! where something is visible, takes 24 more: the central differences at those eight, blended. Blending is linear, so that
//! is the same as the difference of two values a voxel before and a voxel after the place.

use super::lanes::F32x4;
use super::voxel::Voxel;
use super::window::Window;

/// Samples as the kernel reads them.
#[derive(Clone, Copy)]
pub(super) struct Field<'a, V> {
    /// `[slice][row][column]`, stored values.
    samples: &'a [V],
    /// Columns, rows, slices.
    dims: [i32; 3],
    /// From a row to the next, and from a slice to the next.
    strides: [usize; 2],
    /// Just inside the last sample along each axis, so that truncation leaves a neighbor.
    last: [f32; 3],
}

/// Four places and the cells of eight samples that they lie in.
#[derive(Clone, Copy)]
pub(super) struct Cells {
    /// The first sample of each cell, by axis.
    voxels: [[i32; 4]; 3],
    /// The same as floats.
    firsts: [F32x4; 3],
    /// How far the places lie between the samples, 0 to 1, by axis.
    fractions: [F32x4; 3],
}

/// Values at four places, with what their gradients need too.
pub(super) struct Sampled<V: Voxel> {
    /// Stored values.
    pub(super) values: F32x4,
    weights: V::Weights,
    /// `[z][y]`: blended along x, times [`Voxel::UNIT`].
    rows: [[F32x4; 2]; 2],
}

impl Cells {
    /// The first sample of one of the cells.
    #[inline(always)]
    pub(super) fn voxel(&self, which: usize) -> [i32; 3] {
        let [x, y, z] = self.voxels;
        [x[which], y[which], z[which]]
    }

    /// The first samples, by axis.
    #[inline(always)]
    pub(super) fn firsts(&self) -> [F32x4; 3] {
        self.firsts
    }
}

impl<'a, V: Voxel> Field<'a, V> {
    /// # Panics
    /// When there are not as many samples as `dims` says.
    pub(super) fn new(samples: &'a [V], dims: [u32; 3]) -> Self {
        let [nx, ny, nz] = dims.map(|n| n as usize);
        assert_eq!(samples.len(), nx * ny * nz, "as many samples as the grid has");
        Self {
            samples,
            dims: dims.map(|n| n as i32),
            strides: [nx, nx * ny],
            last: dims.map(|n| ((n.max(1) - 1) as f32).next_down().max(0.0)),
        }
    }

    /// The cells around four places in voxels, by axis; places outside are moved to the outermost samples.
    #[inline(always)]
    pub(super) fn cells(&self, places: [F32x4; 3]) -> Cells {
        let within = |axis: usize| {
            let place = places[axis]
                .max(F32x4::splat(0.0))
                .min(F32x4::splat(self.last[axis]));
            let (voxels, firsts) = place.truncated();
            (voxels, firsts, place - firsts)
        };
        let [(x, x_first, fx), (y, y_first, fy), (z, z_first, fz)] = [within(0), within(1), within(2)];
        Cells {
            voxels: [x, y, z],
            firsts: [x_first, y_first, z_first],
            fractions: [fx, fy, fz],
        }
    }

    /// The values at four places.
    #[inline(always)]
    pub(super) fn sample(&self, cells: &Cells) -> Sampled<V> {
        let [fx, fy, fz] = cells.fractions;
        let weights = V::weights(fx);
        let Some(window) = Window::<V, 0, 1>::new(self.samples, self.strides, self.indexes(cells)) else {
            return self.sample_at_border(cells);
        };
        let rows = [
            [
                V::blend(window.pairs::<0, 0, 0>(), weights),
                V::blend(window.pairs::<0, 1, 0>(), weights),
            ],
            [
                V::blend(window.pairs::<0, 0, 1>(), weights),
                V::blend(window.pairs::<0, 1, 1>(), weights),
            ],
        ];
        let blended = between(
            between(rows[0][0], rows[0][1], fy),
            between(rows[1][0], rows[1][1], fy),
            fz,
        );
        Sampled {
            values: blended * F32x4::splat(1.0 / V::UNIT) + F32x4::splat(V::OFFSET),
            weights,
            rows,
        }
    }

    /// The central differences over two voxels along x, y and z at four places, times [`Voxel::UNIT`].
    #[inline(always)]
    pub(super) fn gradients(&self, cells: &Cells, sampled: &Sampled<V>) -> [F32x4; 3] {
        if !self.are_inside(cells) {
            return self.gradients_at_border(cells);
        }
        let Some(window) = Window::<V, 1, 2>::new(self.samples, self.strides, self.indexes(cells)) else {
            return self.gradients_at_border(cells);
        };
        let [_, fy, fz] = cells.fractions;
        let weights = sampled.weights;
        let [[s00, s01], [s10, s11]] = sampled.rows;

        // Between two samples the difference is that of the pair after and the pair before.
        macro_rules! along_x {
            ($y:literal, $z:literal) => {
                V::blend(window.pairs::<1, $y, $z>(), weights)
                    - V::blend(window.pairs::<-1, $y, $z>(), weights)
            };
        }
        macro_rules! row {
            ($y:literal, $z:literal) => {
                V::blend(window.pairs::<0, $y, $z>(), weights)
            };
        }
        let x = between(
            between(along_x!(0, 0), along_x!(1, 0), fy),
            between(along_x!(0, 1), along_x!(1, 1), fy),
            fz,
        );
        let y = between(
            between(s01 - row!(-1, 0), row!(2, 0) - s00, fy),
            between(s11 - row!(-1, 1), row!(2, 1) - s10, fy),
            fz,
        );
        let z = between(
            between(s10, s11, fy) - between(row!(0, -1), row!(1, -1), fy),
            between(row!(0, 2), row!(1, 2), fy) - between(s00, s01, fy),
            fz,
        );
        [x, y, z]
    }

    /// Whether all 64 samples around each cell are there.
    #[inline(always)]
    fn are_inside(&self, cells: &Cells) -> bool {
        let inside = |axis: usize| {
            let last = (self.dims[axis] - 2) as f32;
            cells.firsts[axis].between(F32x4::splat(0.5), F32x4::splat(last - 0.5))
        };
        inside(0).and(inside(1)).and(inside(2)).all()
    }

    #[inline(always)]
    fn indexes(&self, cells: &Cells) -> [usize; 4] {
        let [x, y, z] = cells.voxels;
        let [row, slice] = self.strides;
        let at = |i: usize| z[i] as usize * slice + y[i] as usize * row + x[i] as usize;
        [at(0), at(1), at(2), at(3)]
    }

    #[cold]
    #[inline(never)]
    fn sample_at_border(&self, cells: &Cells) -> Sampled<V> {
        let values = [0, 1, 2, 3].map(|which| self.value_beside(cells, which, [0; 3]));
        Sampled {
            values: F32x4::new(values),
            weights: V::weights(cells.fractions[0]),
            // Not asked for: where a cell has no next samples, its gradients are read at the border, too.
            rows: [[F32x4::splat(0.0); 2]; 2],
        }
    }

    #[cold]
    #[inline(never)]
    fn gradients_at_border(&self, cells: &Cells) -> [F32x4; 3] {
        [0, 1, 2].map(|axis| {
            F32x4::new([0, 1, 2, 3].map(|which| {
                let moved = |by: i32| {
                    let mut offset = [0; 3];
                    offset[axis] = by;
                    self.value_beside(cells, which, offset)
                };
                (moved(1) - moved(-1)) * V::UNIT
            }))
        })
    }

    /// The value whole voxels away from one of four places; beyond the grid lie the outermost samples again.
    fn value_beside(&self, cells: &Cells, which: usize, offset: [i32; 3]) -> f32 {
        let voxel = cells.voxel(which);
        let fraction = cells.fractions.map(|f| f.lanes()[which]);
        let mut sum = 0.0;
        for corner in 0..8 {
            let mut at = [0usize; 3];
            let mut weight = 1.0;
            for axis in 0..3 {
                let side = corner >> axis & 1;
                let last = self.dims[axis] - 1;
                at[axis] = (voxel[axis] + offset[axis] + side).clamp(0, last) as usize;
                weight *= if side == 0 {
                    1.0 - fraction[axis]
                } else {
                    fraction[axis]
                };
            }
            if weight > 0.0 {
                let index = at[2] * self.strides[1] + at[1] * self.strides[0] + at[0];
                sum += weight * self.samples[index].to_f32();
            }
        }
        sum
    }
}

#[inline(always)]
fn between(near: F32x4, far: F32x4, fraction: F32x4) -> F32x4 {
    near + (far - near) * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMS: [u32; 3] = [9, 7, 6];

    fn noise(index: usize) -> f64 {
        let mixed = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 40) as f64 / f64::from(1u32 << 24)
    }

    /// Trilinear, clamped to the outermost samples.
    fn reference<V: Voxel>(samples: &[V], p: [f64; 3]) -> f64 {
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

    fn check<V: Voxel>(samples: &[V], tolerance: f64) {
        let field = Field::new(samples, DIMS);
        let places: Vec<[f64; 3]> = places().collect();
        for (i, &p) in places.iter().enumerate() {
            // The place among three others, each lane in turn.
            let lane = i % 4;
            let four: [[f64; 3]; 4] = std::array::from_fn(|l| places[(i + l + 4 - lane) % places.len()]);
            let four: [[f64; 3]; 4] = std::array::from_fn(|l| if l == lane { p } else { four[l] });
            let cells = field.cells([0, 1, 2].map(|axis| F32x4::new(four.map(|p| p[axis] as f32))));
            let sampled = field.sample(&cells);
            let value = sampled.values.lanes()[lane];
            let p = std::array::from_fn(|axis| p[axis].clamp(0.0, f64::from(DIMS[axis] - 1)));
            let expected = reference(samples, p);
            assert!(
                (f64::from(value) - expected).abs() <= tolerance,
                "{p:?}: {value} and not {expected}"
            );
            let gradient = field.gradients(&cells, &sampled).map(|g| g.lanes()[lane]);
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
        let sampled = field.sample(&cells);
        assert_eq!(sampled.values.lanes(), [8.0; 4]);
        let gradients = field.gradients(&cells, &sampled);
        assert_eq!(gradients.map(|g| g.lanes()[2] / i16::UNIT), [2.0, 0.0, 0.0]);
        let column = Field::new(&[1.0f32, 5.0], [1, 1, 2]);
        let cells = column.cells([9.0, 0.0, 0.25].map(F32x4::splat));
        assert_eq!(column.sample(&cells).values.lanes(), [2.0; 4]);
    }
}
