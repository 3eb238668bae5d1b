//! A coarse CT of the head.

use std::path::Path;

use geometry::DVec3;

use super::Face;
use crate::dicom::SeriesSpec;

const DIMS: [u32; 3] = [88, 104, 84];
const SPACING_MM: [f64; 3] = [2.2, 2.1, 2.0];
/// The center of the first voxel where the head lies, LPS mm.
const FIRST_MM: DVec3 = DVec3::new(-96.0, -120.0, -70.0);

impl Face {
    /// Writes a CT of the head to `folder`, as series `number`. It says that it lies `offset_mm` from where the head
    /// is, LPS. The skin is at -300 HU, and 4 um of depth are one HU up to air and bone.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_ct(
        &self,
        folder: &Path,
        number: u32,
        description: &str,
        offset_mm: DVec3,
    ) -> std::io::Result<()> {
        let mut spec = SeriesSpec::ct(DIMS, SPACING_MM);
        spec.series_number = number;
        spec.description = description.to_owned();
        spec.origin_mm = FIRST_MM + offset_mm;
        spec.write(folder, |z, pixels| {
            for (at, pixel) in pixels.iter_mut().enumerate() {
                let columns = DIMS[0] as usize;
                let voxel = DVec3::new((at % columns) as f64, (at / columns) as f64, f64::from(z));
                let p = (FIRST_MM + voxel * DVec3::from_array(SPACING_MM)).as_vec3();
                let hu = -300.0 - 250.0 * self.distance_mm(p.to_array());
                *pixel = hu.clamp(-1000.0, 1000.0) as i16;
            }
        })
    }
}
