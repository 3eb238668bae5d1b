//! NIfTI-1 export, so that other programs can read what is stored.
//!
//! Written from the definition in `nifti1.h` (NIfTI-1 data format, 2003, revised 2007): a header of 348 bytes, four
//! bytes that say that no extension follows, and the stored values as they are, from the first slice to the
//! last. Space is RAS+ millimeters there, so the first two axes change their sign.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::io::Write;

use geometry::{DMat3, DVec3, GridGeometry};
use volume::{Rescale, Sample, SampleType};

use crate::ArtifactError;

/// Header and the four bytes after it.
const DATA_OFFSET: usize = 352;
/// Samples along an axis at most: the format counts them in 16 bits with a sign.
const AXIS_LIMIT: u32 = i16::MAX as u32;
/// Axes whose cosine is larger are not at right angles; a quaternion could not hold them.
const RIGHT_ANGLE_COSINE: f64 = 1e-4;

/// Writes a volume slice by slice as an uncompressed `.nii`. Wrap the output in a gzip encoder for `.nii.gz`.
#[derive(Debug)]
pub struct NiftiWriter<W> {
    out: W,
    sample_type: SampleType,
    slice_len: u64,
    expected: u64,
    written: u64,
}

impl<W: Write> NiftiWriter<W> {
    /// Writes the header of a volume on `grid` whose stored values mean what `rescale` says.
    ///
    /// The place goes into the sform; into the qform too where rows, columns and slices are at right angles (a sheared
    /// grid has no quaternion). Both say "scanner" as their space. No name, date or source is written.
    ///
    /// # Errors
    /// When an axis has more than 32,767 samples, and when `out` fails.
    pub fn new(
        mut out: W,
        grid: &GridGeometry,
        sample_type: SampleType,
        rescale: &Rescale,
    ) -> Result<Self, ArtifactError> {
        if let Some(&n) = grid.dims().iter().find(|&&n| n > AXIS_LIMIT) {
            return Err(ArtifactError::Inconsistent {
                what: "samples along an axis of a NIfTI file",
                expected: AXIS_LIMIT.into(),
                actual: n.into(),
            });
        }
        let header = header(grid, sample_type, rescale);
        debug_assert_eq!(header.len(), DATA_OFFSET);
        out.write_all(&header)?;
        let [columns, rows, _] = grid.dims().map(u64::from);
        Ok(Self {
            out,
            sample_type,
            slice_len: columns * rows,
            expected: grid.len(),
            written: 0,
        })
    }

    /// Writes the next whole slices, `[slice][row][column]`, stored values.
    ///
    /// # Errors
    /// When the samples are of another type, no whole slices or too many, and when the output fails.
    pub fn write_slices<T: Sample>(&mut self, slices: &[T]) -> Result<(), ArtifactError> {
        if T::TYPE != self.sample_type {
            return Err(ArtifactError::WrongType {
                expected: self.sample_type,
                actual: T::TYPE,
            });
        }
        let count = slices.len() as u64;
        let left = self.expected - self.written;
        if count > left || !count.is_multiple_of(self.slice_len) {
            return Err(ArtifactError::Inconsistent {
                what: "number of samples in slices",
                expected: left,
                actual: count,
            });
        }
        self.out.write_all(bytemuck::cast_slice(slices))?;
        self.written += count;
        Ok(())
    }

    /// Flushes and gives the output back.
    ///
    /// # Errors
    /// When slices are missing, and when the output fails.
    pub fn finish(mut self) -> Result<W, ArtifactError> {
        let missing = (self.expected - self.written) / self.slice_len;
        if missing > 0 {
            return Err(ArtifactError::Incomplete {
                what: "slices",
                missing,
                expected: self.expected / self.slice_len,
            });
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The header, field by field in the order of `nifti1.h`.
fn header(grid: &GridGeometry, sample_type: SampleType, rescale: &Rescale) -> Vec<u8> {
    let (datatype, bits): (i16, i16) = match sample_type {
        SampleType::U8 => (2, 8),
        SampleType::I16 => (4, 16),
        SampleType::I32 => (8, 32),
        SampleType::F32 => (16, 32),
        SampleType::U16 => (512, 16),
        SampleType::U32 => (768, 32),
    };
    let ras_from_lps = DMat3::from_diagonal(DVec3::new(-1.0, -1.0, 1.0));
    let axes = ras_from_lps * grid.patient_from_voxel().matrix3;
    let origin = ras_from_lps * grid.patient_from_voxel().translation;
    let (qform, sign, quaternion) = match quaternion(axes) {
        Some((sign, quaternion)) => (1, sign, quaternion),
        None => (0, 1.0, [0.0; 3]),
    };
    let mut out = Vec::with_capacity(DATA_OFFSET);
    let put_i16 = |out: &mut Vec<u8>, values: &[i16]| {
        values
            .iter()
            .for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
    };
    let put_f32 = |out: &mut Vec<u8>, values: &[f64]| {
        values
            .iter()
            .for_each(|&v| out.extend_from_slice(&(v as f32).to_le_bytes()));
    };
    out.extend_from_slice(&348i32.to_le_bytes()); // sizeof_hdr
    out.resize(40, 0); // data_type to dim_info: unused
    let [columns, rows, slices] = grid.dims().map(|n| n as i16);
    put_i16(&mut out, &[3, columns, rows, slices, 1, 1, 1, 1]); // dim
    out.resize(68, 0); // intent_p1 to intent_p3
    put_i16(&mut out, &[0, datatype, bits, 0]); // intent_code, datatype, bitpix, slice_start
    let [dx, dy, dz] = grid.spacing_mm();
    put_f32(&mut out, &[sign, dx, dy, dz, 0.0, 0.0, 0.0, 0.0]); // pixdim
    put_f32(&mut out, &[DATA_OFFSET as f64, rescale.slope, rescale.intercept]); // vox_offset, scl_slope, scl_inter
    put_i16(&mut out, &[0]); // slice_end
    out.extend_from_slice(&[0, 2]); // slice_code, xyzt_units: millimeters
    out.resize(148, 0); // cal_max to glmin
    out.extend_from_slice(b"Vitrine"); // descrip
    out.resize(252, 0); // descrip, aux_file
    put_i16(&mut out, &[qform, 1]); // qform_code, sform_code: scanner
    put_f32(&mut out, &quaternion);
    put_f32(&mut out, &origin.to_array()); // qoffset
    let rows = axes.transpose();
    for (row, offset) in [rows.x_axis, rows.y_axis, rows.z_axis]
        .into_iter()
        .zip(origin.to_array())
    {
        put_f32(&mut out, &[row.x, row.y, row.z, offset]); // srow
    }
    out.resize(344, 0); // intent_name
    out.extend_from_slice(b"n+1\0");
    out.resize(DATA_OFFSET, 0);
    out
}

/// The sign of the third axis (`qfac`) and the parts b, c, d of the unit quaternion that turns voxel axes into `axes`;
/// `None` when these are not at right angles.
fn quaternion(axes: DMat3) -> Option<(f64, [f64; 3])> {
    let [x, y, z] = [axes.x_axis, axes.y_axis, axes.z_axis].map(DVec3::normalize_or_zero);
    let oblique = [x.dot(y), y.dot(z), z.dot(x)]
        .iter()
        .any(|cosine| cosine.abs() > RIGHT_ANGLE_COSINE);
    if oblique {
        return None;
    }
    let sign = if x.cross(y).dot(z) < 0.0 { -1.0 } else { 1.0 };
    // The nearest true rotation: what rounding left of skew goes.
    let y = (y - x * x.dot(y)).normalize_or_zero();
    let z = x.cross(y);
    let m = DMat3::from_cols(x, y, z);
    Some((sign, quaternion_of_rotation(m)))
}

/// Parts b, c, d of the unit quaternion of a rotation with a part a that is not negative, by the largest of its
/// four parts, as `nifti_mat44_to_quatern` of the reference library chooses it.
fn quaternion_of_rotation(m: DMat3) -> [f64; 3] {
    let (r11, r21, r31) = m.x_axis.into();
    let (r12, r22, r32) = m.y_axis.into();
    let (r13, r23, r33) = m.z_axis.into();
    let a2 = r11 + r22 + r33 + 1.0;
    if a2 > 0.5 {
        let a = 0.5 * a2.sqrt();
        return [r32 - r23, r13 - r31, r21 - r12].map(|part| 0.25 * part / a);
    }
    let squares = [
        1.0 + r11 - r22 - r33,
        1.0 + r22 - r11 - r33,
        1.0 + r33 - r11 - r22,
    ];
    let [xd, yd, zd] = squares;
    let (a, parts) = if xd >= yd && xd >= zd {
        let b = 0.5 * xd.sqrt();
        (r32 - r23, [b, 0.25 * (r12 + r21) / b, 0.25 * (r13 + r31) / b])
    } else if yd >= zd {
        let c = 0.5 * yd.sqrt();
        (r13 - r31, [0.25 * (r12 + r21) / c, c, 0.25 * (r23 + r32) / c])
    } else {
        let d = 0.5 * zd.sqrt();
        (r21 - r12, [0.25 * (r13 + r31) / d, 0.25 * (r23 + r32) / d, d])
    };
    if a < 0.0 { parts.map(|part| -part) } else { parts }
}
