//! Going through a volume slice by slice with a plane.

use geometry::{DVec3, GridGeometry};

use crate::SlicePlane;

impl SlicePlane {
    /// Which slice of `grid` the plane shows, and how many there are: along the axis of the grid that comes nearest to the
    /// line of sight, counted from 0 away from the viewer. Between slices it is no whole number.
    pub fn slice_of(&self, grid: &GridGeometry) -> (f64, u32) {
        let (step_mm, count) = self.stack(grid);
        let [nx, ny, nz] = grid.dims().map(|n| (f64::from(n) - 1.0) * 0.5);
        let middle = grid.patient_from_voxel().transform_point3(DVec3::new(nx, ny, nz));
        let behind_middle = (self.center_mm - middle).dot(self.inward());
        (behind_middle / step_mm + (f64::from(count) - 1.0) * 0.5, count)
    }

    /// The plane moved along the line of sight to a slice as [`SlicePlane::slice_of`] counts them, and no farther than the
    /// first and the last.
    #[must_use]
    pub fn at_slice(&self, slice: f64, grid: &GridGeometry) -> Self {
        let (now, count) = self.slice_of(grid);
        let last = f64::from(count.saturating_sub(1));
        self.moved((slice.clamp(0.0, last) - now) * self.stack(grid).0)
    }

    /// The distance between slices along the line of sight, mm, and their number.
    fn stack(&self, grid: &GridGeometry) -> (f64, u32) {
        let axes = grid.patient_from_voxel().matrix3;
        let inward = self.inward();
        let along = |axis: DVec3| axis.normalize_or_zero().dot(inward).abs();
        let [x, y, z] = [axes.x_axis, axes.y_axis, axes.z_axis];
        let [nx, ny, nz] = grid.dims();
        let all = [(x, nx), (y, ny), (z, nz)];
        let nearest = all.into_iter().max_by(|a, b| along(a.0).total_cmp(&along(b.0)));
        let (axis, count) = nearest.unwrap_or((z, nz));
        (axis.dot(inward).abs().max(1e-6), count)
    }
}

#[cfg(test)]
mod tests {
    use geometry::{DAffine3, DMat3};

    use super::*;

    #[test]
    fn planes_count_slices_away_from_the_viewer_and_stop_at_the_last() {
        // Columns to the left, rows to the back, slices downward: nothing lies as the planes count.
        let axes = DMat3::from_cols(DVec3::X * -0.5, DVec3::Y * 0.7, DVec3::Z * -1.5);
        let to_patient = DAffine3::from_mat3_translation(axes, DVec3::new(30.0, -20.0, 90.0));
        let grid = GridGeometry::new([60, 50, 40], to_patient).unwrap();
        let start = grid
            .patient_from_voxel()
            .transform_point3(DVec3::new(10.0, 11.0, 12.0));
        for (plane, at, count) in [
            (SlicePlane::axial(start, 1.0), 27.0, 40),
            (SlicePlane::coronal(start, 1.0), 11.0, 50),
            (SlicePlane::sagittal(start, 1.0), 10.0, 60),
        ] {
            let (slice, all) = plane.slice_of(&grid);
            assert!((slice - at).abs() < 1e-9 && all == count, "{slice} of {all}");
            let next = plane.at_slice(at + 1.0, &grid);
            assert!((next.center_mm - plane.center_mm).dot(plane.inward()) > 0.4);
            assert!((plane.at_slice(1e9, &grid).slice_of(&grid).0 - f64::from(count - 1)).abs() < 1e-9);
            assert!(plane.at_slice(-1e9, &grid).slice_of(&grid).0.abs() < 1e-9);
        }
    }
}
