//! A whole volume in memory, and its value at any place in the patient.

use geometry::{DVec3, GridGeometry};

use crate::{Rescale, Sample, SampleType, Samples, Statistics, StatisticsBuilder};

/// Why samples and a grid are no volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VolumeError {
    /// The grid has another number of places than there are samples.
    #[error("a grid of {expected} places got {actual} samples")]
    WrongLength {
        /// Places of the grid.
        expected: u64,
        /// Samples given.
        actual: u64,
    },
}

/// A grid with a sample at every place.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume<T: Sample> {
    grid: GridGeometry,
    rescale: Rescale,
    samples: Vec<T>,
}

impl<T: Sample> Volume<T> {
    /// A volume of stored values `[slice][row][column]`.
    ///
    /// # Errors
    /// When `samples` are not as many as the grid has places.
    pub fn new(grid: GridGeometry, rescale: Rescale, samples: Vec<T>) -> Result<Self, VolumeError> {
        let (expected, actual) = (grid.len(), samples.len() as u64);
        if expected != actual {
            return Err(VolumeError::WrongLength { expected, actual });
        }
        Ok(Self {
            grid,
            rescale,
            samples,
        })
    }

    /// Where the samples lie.
    pub fn grid(&self) -> &GridGeometry {
        &self.grid
    }

    /// What stored values mean.
    pub fn rescale(&self) -> &Rescale {
        &self.rescale
    }

    /// Stored values `[slice][row][column]`.
    pub fn samples(&self) -> &[T] {
        &self.samples
    }

    /// The stored values, taken out: `[slice][row][column]`.
    pub fn into_samples(self) -> Vec<T> {
        self.samples
    }

    /// The stored value at whole indexes (column, row, slice); `None` outside.
    pub fn get(&self, [x, y, z]: [u32; 3]) -> Option<T> {
        let [nx, ny, nz] = self.grid.dims();
        let inside = x < nx && y < ny && z < nz;
        let index = (z as usize * ny as usize + y as usize) * nx as usize + x as usize;
        inside.then(|| self.samples[index])
    }

    /// The stored value at (column, row, slice), linear between the eight samples around it. Up to half a voxel
    /// beyond the outermost centers the value of the border holds; farther out there is none.
    pub fn stored_at_voxel(&self, p_in_voxel: DVec3) -> Option<f64> {
        let dims = self.grid.dims().map(f64::from);
        let p = p_in_voxel.to_array();
        let inside = (0..3).all(|axis| p[axis] >= -0.5 && p[axis] <= dims[axis] - 0.5);
        inside.then(|| self.stored_at_voxel_clamped(p_in_voxel))
    }

    /// As [`Volume::stored_at_voxel`], with the value of the nearest border everywhere outside. A coordinate that is
    /// no number counts as 0.
    pub fn stored_at_voxel_clamped(&self, p_in_voxel: DVec3) -> f64 {
        let p = p_in_voxel.to_array();
        let dims = self.grid.dims().map(|n| n as usize);
        let mut low = [0; 3];
        let mut high = [0; 3];
        let mut part = [0.0; 3];
        for axis in 0..3 {
            let last = dims[axis] - 1;
            let clamped = p[axis].max(0.0).min(last as f64);
            low[axis] = (clamped as usize).min(last);
            high[axis] = (low[axis] + 1).min(last);
            part[axis] = clamped - low[axis] as f64;
        }
        let at = |x: usize, y: usize, z: usize| self.samples[(z * dims[1] + y) * dims[0] + x].to_f64();
        let along_x = |y: usize, z: usize| mix(at(low[0], y, z), at(high[0], y, z), part[0]);
        let along_y = |z: usize| mix(along_x(low[1], z), along_x(high[1], z), part[1]);
        mix(along_y(low[2]), along_y(high[2]), part[2])
    }

    /// The meaningful value at a point in the patient (LPS, mm), linear between samples; `None` outside the volume.
    pub fn value_at_mm(&self, p_in_patient_mm: DVec3) -> Option<f64> {
        let p_in_voxel = self.grid.voxel_from_patient().transform_point3(p_in_patient_mm);
        Some(self.rescale.value(self.stored_at_voxel(p_in_voxel)?))
    }

    /// Minimum, maximum, mean and histogram of the stored values.
    pub fn statistics(&self) -> Statistics {
        let [nx, ny, _] = self.grid.dims();
        let mut statistics = StatisticsBuilder::new(nx as usize * ny as usize);
        statistics.add(&self.samples);
        statistics.finish()
    }
}

/// `a` at 0, `b` at 1. A neighbor without weight is not touched, so that its NaN or infinity stays its own.
fn mix(a: f64, b: f64, part: f64) -> f64 {
    if part == 0.0 { a } else { a + (b - a) * part }
}

/// Runs `$body` with `$name` bound to the typed volume inside an [`AnyVolume`].
#[macro_export]
macro_rules! with_volume {
    ($volume:expr, $name:ident => $body:expr) => {
        match $volume {
            $crate::AnyVolume::U8($name) => $body,
            $crate::AnyVolume::I16($name) => $body,
            $crate::AnyVolume::U16($name) => $body,
            $crate::AnyVolume::I32($name) => $body,
            $crate::AnyVolume::U32($name) => $body,
            $crate::AnyVolume::F32($name) => $body,
        }
    };
}

/// A volume of any sample type.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyVolume {
    /// Unsigned, 8 bits.
    U8(Volume<u8>),
    /// Signed, 16 bits.
    I16(Volume<i16>),
    /// Unsigned, 16 bits.
    U16(Volume<u16>),
    /// Signed, 32 bits.
    I32(Volume<i32>),
    /// Unsigned, 32 bits.
    U32(Volume<u32>),
    /// IEEE 754 binary32.
    F32(Volume<f32>),
}

impl AnyVolume {
    /// A volume of stored values `[slice][row][column]` of whatever type they have.
    ///
    /// # Errors
    /// As [`Volume::new`].
    pub fn new(grid: GridGeometry, rescale: Rescale, samples: Samples) -> Result<Self, VolumeError> {
        Ok(match samples {
            Samples::U8(samples) => Self::U8(Volume::new(grid, rescale, samples)?),
            Samples::I16(samples) => Self::I16(Volume::new(grid, rescale, samples)?),
            Samples::U16(samples) => Self::U16(Volume::new(grid, rescale, samples)?),
            Samples::I32(samples) => Self::I32(Volume::new(grid, rescale, samples)?),
            Samples::U32(samples) => Self::U32(Volume::new(grid, rescale, samples)?),
            Samples::F32(samples) => Self::F32(Volume::new(grid, rescale, samples)?),
        })
    }

    /// Where the samples lie.
    pub fn grid(&self) -> &GridGeometry {
        with_volume!(self, volume => volume.grid())
    }

    /// What stored values mean.
    pub fn rescale(&self) -> &Rescale {
        with_volume!(self, volume => volume.rescale())
    }

    /// The type of the samples.
    pub fn sample_type(&self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::I16(_) => SampleType::I16,
            Self::U16(_) => SampleType::U16,
            Self::I32(_) => SampleType::I32,
            Self::U32(_) => SampleType::U32,
            Self::F32(_) => SampleType::F32,
        }
    }

    /// The stored values, taken out: `[slice][row][column]`.
    pub fn into_samples(self) -> Samples {
        with_volume!(self, volume => Sample::into_samples(volume.into_samples()))
    }

    /// The meaningful value at a point in the patient (LPS, mm), linear between samples; `None` outside the volume.
    pub fn value_at_mm(&self, p_in_patient_mm: DVec3) -> Option<f64> {
        with_volume!(self, volume => volume.value_at_mm(p_in_patient_mm))
    }

    /// Minimum, maximum, mean and histogram of the stored values.
    pub fn statistics(&self) -> Statistics {
        with_volume!(self, volume => volume.statistics())
    }
}

impl<T: Sample> From<Volume<T>> for AnyVolume {
    fn from(volume: Volume<T>) -> Self {
        let Volume {
            grid,
            rescale,
            samples,
        } = volume;
        match T::into_samples(samples) {
            Samples::U8(samples) => Self::U8(Volume {
                grid,
                rescale,
                samples,
            }),
            Samples::I16(samples) => Self::I16(Volume {
                grid,
                rescale,
                samples,
            }),
            Samples::U16(samples) => Self::U16(Volume {
                grid,
                rescale,
                samples,
            }),
            Samples::I32(samples) => Self::I32(Volume {
                grid,
                rescale,
                samples,
            }),
            Samples::U32(samples) => Self::U32(Volume {
                grid,
                rescale,
                samples,
            }),
            Samples::F32(samples) => Self::F32(Volume {
                grid,
                rescale,
                samples,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;

    /// Stored value `x + 10 y + 100 z` on 4 x 3 x 2 samples of unequal spacing, rescaled to `2 v - 5`.
    fn ramp() -> Volume<i16> {
        let grid =
            GridGeometry::axis_aligned([4, 3, 2], [0.5, 0.75, 3.0], DVec3::new(10.0, -20.0, 30.0)).unwrap();
        let rescale = Rescale {
            slope: 2.0,
            intercept: -5.0,
            unit: Unit::Hu,
        };
        let samples = (0..2)
            .flat_map(|z| (0..3).flat_map(move |y| (0..4).map(move |x| x + 10 * y + 100 * z)))
            .collect();
        Volume::new(grid, rescale, samples).unwrap()
    }

    #[test]
    fn a_linear_field_is_sampled_exactly() {
        let volume = ramp();
        let p = DVec3::new(1.25, 0.5, 0.75);
        assert_eq!(volume.stored_at_voxel(p), Some(1.25 + 5.0 + 75.0));
        let p_mm = volume.grid().patient_from_voxel().transform_point3(p);
        assert!((volume.value_at_mm(p_mm).unwrap() - (2.0 * 81.25 - 5.0)).abs() < 1e-9);
    }

    #[test]
    fn the_border_holds_for_half_a_voxel() {
        let volume = ramp();
        assert_eq!(volume.stored_at_voxel(DVec3::new(-0.5, 2.5, 1.5)), Some(120.0));
        assert_eq!(volume.stored_at_voxel(DVec3::new(-0.51, 0.0, 0.0)), None);
        assert_eq!(volume.stored_at_voxel(DVec3::new(0.0, 2.51, 0.0)), None);
        assert_eq!(volume.stored_at_voxel(DVec3::NAN), None);
        assert_eq!(
            volume.stored_at_voxel_clamped(DVec3::new(99.0, -99.0, f64::NAN)),
            3.0
        );
        assert_eq!(volume.stored_at_voxel_clamped(DVec3::INFINITY), 123.0);
    }

    #[test]
    fn a_nan_sample_spoils_only_what_touches_it() {
        let grid = GridGeometry::axis_aligned([3, 1, 1], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
        let volume = Volume::new(grid, Rescale::IDENTITY, vec![1.0f32, f32::NAN, 5.0]).unwrap();
        assert_eq!(volume.stored_at_voxel(DVec3::ZERO), Some(1.0));
        assert_eq!(volume.stored_at_voxel(DVec3::X * 2.0), Some(5.0));
        assert!(volume.stored_at_voxel(DVec3::X * 0.5).unwrap().is_nan());
    }

    #[test]
    fn indexes_run_columns_first() {
        let volume = ramp();
        assert_eq!(volume.get([3, 1, 1]), Some(113));
        assert_eq!(volume.get([0, 3, 0]), None);
        assert_eq!(volume.get([4, 0, 0]), None);
    }

    #[test]
    fn a_volume_needs_a_sample_at_every_place() {
        let grid = *ramp().grid();
        assert_eq!(
            Volume::new(grid, Rescale::IDENTITY, vec![0u8; 23]),
            Err(VolumeError::WrongLength {
                expected: 24,
                actual: 23
            })
        );
    }

    #[test]
    fn any_volume_keeps_type_and_samples() {
        let volume = ramp();
        let any = AnyVolume::from(volume.clone());
        assert_eq!(any.sample_type(), SampleType::I16);
        assert_eq!(any, AnyVolume::I16(volume.clone()));
        let samples = any.into_samples();
        assert_eq!(i16::of_samples(&samples), Some(volume.samples()));
        assert_eq!(u16::of_samples(&samples), None);
    }
}
