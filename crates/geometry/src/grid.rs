//! Where a regular grid of samples lies in the patient.

use glam::{DAffine3, DMat3, DVec3};
use serde::{Deserialize, Serialize};

use crate::Aabb;

/// Why a grid cannot be placed in patient space.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum GridError {
    /// An axis has no samples.
    #[error("axis {axis} has no samples")]
    EmptyAxis {
        /// 0 columns, 1 rows, 2 slices.
        axis: usize,
    },
    /// The map is not finite or cannot be inverted, so voxels have no volume.
    #[error("the axes of the grid do not span space (determinant {determinant})")]
    Degenerate {
        /// Determinant of the linear part, mm^3 a voxel.
        determinant: f64,
    },
}

/// A regular, possibly sheared grid of samples in patient space.
///
/// `dims` is columns, rows, slices; memory order is `[slice][row][column]`. `patient_from_voxel` takes
/// (column, row, slice) indexes to LPS millimeters. A tilted gantry gives a sheared map, which is kept as it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridGeometry {
    dims: [u32; 3],
    patient_from_voxel: DAffine3,
}

impl GridGeometry {
    /// A grid of `dims` samples (columns, rows, slices) placed by `patient_from_voxel`.
    ///
    /// # Errors
    /// When an axis is empty, or when the map is not finite or not invertible.
    pub fn new(dims: [u32; 3], patient_from_voxel: DAffine3) -> Result<Self, GridError> {
        if let Some(axis) = dims.iter().position(|&n| n == 0) {
            return Err(GridError::EmptyAxis { axis });
        }
        let determinant = patient_from_voxel.matrix3.determinant();
        if !patient_from_voxel.is_finite() || !determinant.is_finite() || determinant.abs() < 1e-12 {
            return Err(GridError::Degenerate { determinant });
        }
        Ok(Self {
            dims,
            patient_from_voxel,
        })
    }

    /// An upright grid with `spacing_mm` along x, y and z whose first voxel lies at `origin_mm`.
    ///
    /// # Errors
    /// As [`GridGeometry::new`].
    pub fn axis_aligned(dims: [u32; 3], spacing_mm: [f64; 3], origin_mm: DVec3) -> Result<Self, GridError> {
        let axes = DMat3::from_diagonal(DVec3::from_array(spacing_mm));
        Self::new(
            dims,
            DAffine3 {
                matrix3: axes,
                translation: origin_mm,
            },
        )
    }

    /// Samples along columns, rows and slices.
    pub fn dims(&self) -> [u32; 3] {
        self.dims
    }

    /// How many samples the grid has.
    pub fn len(&self) -> u64 {
        self.dims.iter().map(|&n| u64::from(n)).product()
    }

    /// Never true: a grid has at least one sample.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Voxel (column, row, slice) to patient LPS, mm.
    pub fn patient_from_voxel(&self) -> DAffine3 {
        self.patient_from_voxel
    }

    /// Patient LPS, mm, to voxel (column, row, slice).
    pub fn voxel_from_patient(&self) -> DAffine3 {
        self.patient_from_voxel.inverse()
    }

    /// Distance between neighbors along columns, rows and slices, mm. On a sheared grid the last is the length of
    /// the step from slice to slice, not the gap along the normal.
    pub fn spacing_mm(&self) -> [f64; 3] {
        let m = self.patient_from_voxel.matrix3;
        [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()]
    }

    /// Volume of one voxel, mm^3.
    pub fn voxel_volume_mm3(&self) -> f64 {
        self.patient_from_voxel.matrix3.determinant().abs()
    }

    /// The 4 x 4 matrix of `patient_from_voxel`, by rows.
    pub fn patient_from_voxel_rows(&self) -> [f64; 16] {
        let (m, t) = (
            self.patient_from_voxel.matrix3,
            self.patient_from_voxel.translation,
        );
        [
            m.x_axis.x, m.y_axis.x, m.z_axis.x, t.x, //
            m.x_axis.y, m.y_axis.y, m.z_axis.y, t.y, //
            m.x_axis.z, m.y_axis.z, m.z_axis.z, t.z, //
            0.0, 0.0, 0.0, 1.0,
        ]
    }

    /// The box around all voxels, from voxel faces, patient mm.
    pub fn bounds_mm(&self) -> Aabb {
        let end = self.dims.map(|n| f64::from(n) - 0.5);
        Aabb::around((0..8u8).map(|corner| {
            let pick = |axis: usize| {
                if corner & (1 << axis) == 0 {
                    -0.5
                } else {
                    end[axis]
                }
            };
            self.patient_from_voxel
                .transform_point3(DVec3::new(pick(0), pick(1), pick(2)))
        }))
    }

    /// The grid one pyramid level coarser: every axis halved (rounded up), voxel centers moved by half a voxel so
    /// that each coarse sample lies in the middle of the up to eight that it stands for. An axis of one sample
    /// stays as it is.
    #[must_use]
    pub fn halved(&self) -> Self {
        let factor = self.dims.map(|n| if n > 1 { 2.0 } else { 1.0 });
        let m = self.patient_from_voxel.matrix3;
        let fine_from_coarse = DAffine3 {
            matrix3: DMat3::from_diagonal(DVec3::from_array(factor)),
            translation: DVec3::from_array(factor.map(|f| (f - 1.0) * 0.5)),
        };
        Self {
            dims: self.dims.map(|n| n.div_ceil(2)),
            patient_from_voxel: DAffine3 {
                matrix3: m,
                translation: self.patient_from_voxel.translation,
            } * fine_from_coarse,
        }
    }

    /// Angle in radians between the step from slice to slice and the normal of the slices: 0 for an orthogonal
    /// stack, the gantry tilt for a sheared one.
    pub fn tilt_radians(&self) -> f64 {
        let m = self.patient_from_voxel.matrix3;
        let normal = m.x_axis.cross(m.y_axis).normalize_or_zero();
        let step = m.z_axis.normalize_or_zero();
        normal.cross(step).length().atan2(normal.dot(step).abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheared() -> GridGeometry {
        let matrix3 = DMat3::from_cols(
            DVec3::new(0.5, 0.0, 0.0),
            DVec3::new(0.0, 0.7 * 0.9, -0.7 * 0.19_f64.sqrt()),
            DVec3::new(0.0, 0.0, 2.5),
        );
        GridGeometry::new(
            [7, 5, 3],
            DAffine3 {
                matrix3,
                translation: DVec3::new(1.0, -2.0, 3.0),
            },
        )
        .unwrap()
    }

    #[test]
    fn spacing_is_the_length_of_each_step() {
        let [x, y, z] = sheared().spacing_mm();
        assert!((x - 0.5).abs() < 1e-12 && (y - 0.7).abs() < 1e-12 && (z - 2.5).abs() < 1e-12);
    }

    #[test]
    fn tilt_is_the_angle_between_step_and_normal() {
        assert!((sheared().tilt_radians() - 0.9_f64.acos()).abs() < 1e-9);
        let upright = GridGeometry::axis_aligned([2, 3, 4], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
        assert_eq!(upright.tilt_radians(), 0.0);
    }

    #[test]
    fn halving_keeps_the_outer_corner_in_place() {
        let fine =
            GridGeometry::axis_aligned([8, 6, 4], [1.0, 2.0, 3.0], DVec3::new(10.0, 20.0, 30.0)).unwrap();
        let coarse = fine.halved();
        assert_eq!(coarse.dims(), [4, 3, 2]);
        assert_eq!(coarse.bounds_mm(), fine.bounds_mm());
    }

    #[test]
    fn an_axis_of_one_sample_is_not_halved() {
        let flat = GridGeometry::axis_aligned([8, 6, 1], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
        assert_eq!(flat.halved().dims(), [4, 3, 1]);
        assert_eq!(flat.halved().spacing_mm(), [2.0, 4.0, 3.0]);
    }

    #[test]
    fn a_grid_without_extent_is_refused() {
        let flat = DAffine3::from_mat3(DMat3::from_diagonal(DVec3::new(1.0, 0.0, 1.0)));
        assert_eq!(
            GridGeometry::new([2, 2, 2], flat),
            Err(GridError::Degenerate { determinant: 0.0 })
        );
        assert_eq!(
            GridGeometry::new([2, 0, 2], DAffine3::IDENTITY),
            Err(GridError::EmptyAxis { axis: 1 })
        );
        let nan = DAffine3::from_translation(DVec3::NAN);
        assert!(GridGeometry::new([2, 2, 2], nan).is_err());
    }

    #[test]
    fn rows_are_the_matrix_by_rows() {
        let rows = sheared().patient_from_voxel_rows();
        let p = sheared()
            .patient_from_voxel()
            .transform_point3(DVec3::new(2.0, 1.0, 2.0));
        for (axis, expected) in p.to_array().into_iter().enumerate() {
            let r = &rows[axis * 4..axis * 4 + 4];
            assert!((r[0] * 2.0 + r[1] + r[2] * 2.0 + r[3] - expected).abs() < 1e-12);
        }
    }
}
