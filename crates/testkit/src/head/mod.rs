//! A synthetic head: the CT of nobody.
//!
//! The head is described by signed distances in patient space (LPS, mm; origin between the ears), so that the same
//! head can be sampled on any grid and its skin is known exactly. It has skin, fat and muscle, a skull with tables
//! and diploe, orbits, sinuses, a nasal cavity with an airway, a jaw with joints, teeth with enamel and pulp, a
//! cervical spine, a brain with ventricles, and noise. It is believable rather than anatomical.

mod anatomy;
mod shape;

pub use anatomy::{skin_distance_mm, tissue_hu};
pub(crate) use shape::{capsule, dot, ellipsoid, length, mirrored, sub};

use geometry::{DVec3, GridGeometry};
use rayon::prelude::*;

/// Sampling of the synthetic head as a CT series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadCt {
    /// Columns and rows of a slice.
    pub size: u32,
    /// Slices, from the neck to above the vertex.
    pub slices: u32,
    /// Standard deviation of the noise, HU.
    pub noise_hu: f32,
    /// Seed of the noise.
    pub seed: u64,
}

/// Width of the field of view, mm.
const FIELD_MM: f64 = 240.0;
/// Lowest and highest slice, mm.
const Z_RANGE_MM: (f64, f64) = (-92.0, 152.0);

impl HeadCt {
    /// Where the samples lie.
    ///
    /// # Panics
    /// When there are no columns, rows or slices.
    pub fn grid(&self) -> GridGeometry {
        let in_plane = FIELD_MM / f64::from(self.size);
        let between = (Z_RANGE_MM.1 - Z_RANGE_MM.0) / f64::from(self.slices.max(2) - 1);
        let origin = DVec3::new(
            (in_plane - FIELD_MM) * 0.5,
            (in_plane - FIELD_MM) * 0.5 - 4.0,
            Z_RANGE_MM.0,
        );
        let dims = [self.size, self.size, self.slices];
        GridGeometry::axis_aligned(dims, [in_plane, in_plane, between], origin).expect("a head has extent")
    }

    /// One slice, `[row][column]`, HU from -1024 to 3071.
    pub fn slice(&self, index: u32) -> Vec<i16> {
        let grid = self.grid();
        let [columns, rows, _] = grid.dims();
        let softness = grid.spacing_mm()[0] as f32 * 0.5;
        let mut noise = Noise::new(self.seed ^ (u64::from(index) << 32));
        let mut out = Vec::with_capacity(columns as usize * rows as usize);
        let scene = anatomy::Slice::new(
            grid.patient_from_voxel().translation.z as f32 + grid.spacing_mm()[2] as f32 * index as f32,
            softness,
        );
        for row in 0..rows {
            for column in 0..columns {
                let voxel = DVec3::new(column.into(), row.into(), index.into());
                let p = grid.patient_from_voxel().transform_point3(voxel);
                let hu = scene.hu([p.x as f32, p.y as f32, p.z as f32]) + noise.gaussian() * self.noise_hu;
                out.push(hu.round().clamp(-1024.0, 3071.0) as i16);
            }
        }
        out
    }

    /// All slices, `[slice][row][column]`, HU.
    pub fn volume(&self) -> Vec<i16> {
        (0..self.slices)
            .into_par_iter()
            .flat_map_iter(|index| self.slice(index))
            .collect()
    }
}

/// Gaussian noise that is the same on every machine (SplitMix64, Steele et al. 2014).
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// Mean 0, standard deviation 1: the sum of four uniform 16-bit numbers (Irwin-Hall), centered and scaled.
    pub(crate) fn gaussian(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let sum = (z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48);
        (sum as f32 / 65_535.0 - 2.0) * 1.732_050_8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: HeadCt = HeadCt {
        size: 96,
        slices: 61,
        noise_hu: 10.0,
        seed: 1,
    };

    #[test]
    fn tissues_are_where_anatomy_has_them() {
        let at = |x, y, z| tissue_hu([x, y, z]);
        assert_eq!(at(0.0, -150.0, 0.0), -1000.0, "air before the face");
        assert!((0.0..80.0).contains(&at(20.0, 10.0, 80.0)), "brain");
        assert!(at(0.0, -70.0, 75.0) > 300.0, "frontal bone");
        assert!(at(26.0, -52.0, -6.0) < -900.0, "maxillary sinus");
        assert!(skin_distance_mm([0.0, 0.0, 60.0]) < -50.0 && skin_distance_mm([0.0, -150.0, 0.0]) > 20.0);
    }

    #[test]
    fn the_series_holds_every_kind_of_tissue() {
        let volume = SMALL.volume();
        assert_eq!(volume.len() as u64, SMALL.grid().len());
        let share = |range: std::ops::Range<i16>| {
            volume.iter().filter(|v| range.contains(v)).count() as f64 / volume.len() as f64
        };
        assert!(share(-1024..-900) > 0.3, "air");
        assert!(share(-120..100) > 0.15, "soft tissue");
        assert!(share(300..2000) > 0.02, "bone");
        assert!(share(2000..3072) > 0.0003, "enamel");
        assert_eq!(SMALL.slice(30), SMALL.slice(30), "noise is the same twice");
    }

    #[test]
    fn noise_has_its_deviation() {
        let mut noise = Noise::new(7);
        let values: Vec<f32> = (0..20_000).map(|_| noise.gaussian()).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04,
            "{mean} {variance}"
        );
    }
}
