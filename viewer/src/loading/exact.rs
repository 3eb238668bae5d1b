//! Planes of level 0 that came by themselves, exact while the bricks around them are still on their way.

use artifact::pyramid::{Across, Section};
use geometry::{DVec3, GridGeometry};
use renderer::{ResidentVolume, SlicePlane};

/// Parts of a voxel that are no distance.
const EXACT: f64 = 1e-6;

/// A section as it is drawn and read from.
#[derive(Debug)]
pub(super) struct Exact {
    pub(super) section: Section,
    pub(super) volume: ResidentVolume,
}

impl Exact {
    /// The value at a point between or on its planes, linear between samples: that of the whole volume.
    pub(super) fn value_at_mm(&self, p_in_patient_mm: DVec3) -> Option<f64> {
        let grid = self.volume.grid();
        let p_in_voxel = grid.voxel_from_patient().transform_point3(p_in_patient_mm);
        let along = *p_in_voxel.to_array().get(self.section.across.axis())?;
        let last = f64::from(self.section.count) - 1.0;
        let is_between = along >= -EXACT && along <= last + EXACT;
        is_between
            .then(|| self.volume.value_at_mm(p_in_patient_mm))
            .flatten()
    }
}

/// The planes of `grid` that a picture of `plane` is mixed from: one where it lies on samples, else the two around it.
/// `None` where it is oblique to the grid or beside it.
pub(super) fn section_of(plane: &SlicePlane, grid: &GridGeometry) -> Option<Section> {
    let voxel_from_patient = grid.voxel_from_patient();
    let size = grid.bounds_mm().size();
    let reach_mm = size.length();
    let [right, down] = [plane.right, plane.down]
        .map(|direction| (voxel_from_patient.transform_vector3(direction) * reach_mm).to_array());
    let middle = voxel_from_patient.transform_point3(plane.center_mm).to_array();
    let across = Across::ALL.into_iter().find(|across| {
        let axis = across.axis();
        right[axis].abs() < EXACT && down[axis].abs() < EXACT
    })?;
    let axis = across.axis();
    let last = f64::from(grid.dims()[axis]) - 1.0;
    let at = middle[axis];
    if !(at >= -0.5 - EXACT && at <= last + 0.5 + EXACT) {
        return None;
    }
    let at = at.clamp(0.0, last);
    let nearest = at.round();
    let (first, count) = if (at - nearest).abs() < EXACT {
        (nearest, 1)
    } else {
        (at.floor(), 2)
    };
    Some(Section {
        across,
        first: first as u32,
        count,
    })
}
