//! A volume on another grid.

use geometry::{DVec3, GridGeometry};
use parallel::prelude::*;

use crate::{Sample, Volume};

/// The stored values of `volume` on `grid`, linear between samples and rounded to nearest for integers; `outside`
/// where the volume has none. Rows are computed in parallel.
///
/// # Limits
/// Nothing is filtered: a grid much coarser than the volume aliases. Take a coarse pyramid level for that.
pub fn resample<T: Sample>(volume: &Volume<T>, grid: GridGeometry, outside: T) -> Volume<T> {
    let [nx, ny, _] = grid.dims();
    let source_from_target = volume.grid().voxel_from_patient() * grid.patient_from_voxel();
    let mut samples = vec![outside; grid.len() as usize];
    samples
        .par_chunks_mut(nx as usize)
        .enumerate()
        .for_each(|(row, out)| {
            let (y, z) = (row % ny as usize, row / ny as usize);
            for (x, sample) in out.iter_mut().enumerate() {
                let p = source_from_target.transform_point3(DVec3::new(x as f64, y as f64, z as f64));
                if let Some(value) = volume.stored_at_voxel(p) {
                    *sample = T::from_f64(value);
                }
            }
        });
    match Volume::new(grid, volume.rescale().clone(), samples) {
        Ok(resampled) => resampled,
        Err(_) => unreachable!("one sample was made for each place of the grid"),
    }
}

#[cfg(test)]
mod tests {
    use geometry::{DAffine3, DMat3};

    use super::*;
    use crate::Rescale;

    #[test]
    fn a_linear_field_stays_itself_on_an_oblique_grid() {
        let source =
            GridGeometry::axis_aligned([20, 16, 12], [0.5, 0.7, 1.25], DVec3::new(-4.0, -5.0, -6.0)).unwrap();
        let field = |p: DVec3| 3.0 * p.x - 2.0 * p.y + 0.5 * p.z + 7.0;
        let [nx, ny, nz] = source.dims();
        let mut samples = Vec::new();
        for z in 0..nz {
            for y in 0..ny {
                for x in 0..nx {
                    let p = DVec3::new(f64::from(x), f64::from(y), f64::from(z));
                    samples.push(field(source.patient_from_voxel().transform_point3(p)) as f32);
                }
            }
        }
        let volume = Volume::new(source, Rescale::IDENTITY, samples).unwrap();
        let target = GridGeometry::new(
            [5, 4, 3],
            DAffine3 {
                matrix3: DMat3::from_rotation_z(0.3) * DMat3::from_diagonal(DVec3::new(0.4, 0.6, 0.9)),
                translation: DVec3::new(-1.0, -1.5, -2.0),
            },
        )
        .unwrap();
        let out = resample(&volume, target, f32::NAN);
        for (i, &value) in out.samples().iter().enumerate() {
            let p = DVec3::new((i % 5) as f64, (i / 5 % 4) as f64, (i / 20) as f64);
            let expected = field(target.patient_from_voxel().transform_point3(p));
            assert!(
                (f64::from(value) - expected).abs() < 1e-4,
                "{i}: {value} {expected}"
            );
        }
    }

    #[test]
    fn what_lies_outside_gets_the_given_value() {
        let grid = GridGeometry::axis_aligned([2, 3, 4], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
        let volume = Volume::new(grid, Rescale::IDENTITY, vec![9i16; 24]).unwrap();
        let wider =
            GridGeometry::axis_aligned([4, 3, 4], [1.0, 2.0, 3.0], DVec3::new(-1.0, 0.0, 0.0)).unwrap();
        let out = resample(&volume, wider, i16::MIN);
        assert_eq!(&out.samples()[..4], &[i16::MIN, 9, 9, i16::MIN]);
    }
}
