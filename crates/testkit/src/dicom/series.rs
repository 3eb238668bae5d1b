//! A whole CT series from a closure or an array.

use std::path::Path;

use geometry::{DMat3, DVec3};
use rayon::prelude::*;

use super::dataset::{DataSet, Value, Vr};
use super::file::{File, syntax};
use super::tag;

/// One file with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedFile {
    /// File name without folder; it says nothing about the order of slices.
    pub name: String,
    /// The bytes of the file.
    pub bytes: Vec<u8>,
}

/// A CT series: 16 bits signed, one file a slice, any orientation, spacing and step.
///
/// Slice `z` lies at `origin_mm + z * step_mm`; a step that is not along the normal makes a tilted gantry.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSpec {
    /// Columns, rows, slices.
    pub dims: [u32; 3],
    /// Distance between neighboring columns, then between neighboring rows, mm.
    pub pixel_spacing_mm: [f64; 2],
    /// From one slice to the next, LPS mm.
    pub step_mm: DVec3,
    /// Center of the first pixel of slice 0, LPS mm.
    pub origin_mm: DVec3,
    /// Unit direction along a row (x of the picture), LPS.
    pub row: DVec3,
    /// Unit direction down a column (y of the picture), LPS.
    pub column: DVec3,
    /// Rescale Slope and Intercept.
    pub rescale: [f64; 2],
    /// Series Description.
    pub description: String,
    /// Modality; `CT` also decides the SOP class CT Image Storage, anything else is MR Image Storage.
    pub modality: String,
    /// Transfer syntax of the files, an uncompressed one of [`syntax`].
    pub transfer_syntax: String,
    /// Series of different numbers have different UIDs; also shuffles the file names.
    pub series_number: u32,
    /// Elements set in every file last, in place of what is there.
    pub extra: DataSet,
}

impl SeriesSpec {
    /// An upright axial CT of `dims` (columns, rows, slices) with spacing along x, y and z.
    pub fn ct(dims: [u32; 3], spacing_mm: [f64; 3]) -> Self {
        Self {
            dims,
            pixel_spacing_mm: [spacing_mm[0], spacing_mm[1]],
            step_mm: DVec3::Z * spacing_mm[2],
            origin_mm: DVec3::new(-37.5, -61.25, 12.75),
            row: DVec3::X,
            column: DVec3::Y,
            rescale: [1.0, 0.0],
            description: "Synthetic CT".to_owned(),
            modality: "CT".to_owned(),
            transfer_syntax: syntax::EXPLICIT_LITTLE.to_owned(),
            series_number: 1,
            extra: DataSet::new(),
        }
    }

    /// Turned as a whole: orientation and step; the origin stays.
    #[must_use]
    pub fn turned(mut self, rotation: DMat3) -> Self {
        self.row = rotation * self.row;
        self.column = rotation * self.column;
        self.step_mm = rotation * self.step_mm;
        self
    }

    /// Samples of one slice.
    pub fn plane_len(&self) -> usize {
        self.dims[0] as usize * self.dims[1] as usize
    }

    /// Series Instance UID of all files.
    pub fn series_uid(&self) -> String {
        uid(self.series_number, 1, 0)
    }

    /// SOP Instance UID of slice `z`.
    pub fn sop_instance_uid(&self, z: u32) -> String {
        uid(self.series_number, 2, z)
    }

    /// The data set of slice `z`, pixels `[row][column]` as stored values.
    ///
    /// # Panics
    /// When `pixels` is not one plane.
    pub fn data_set(&self, z: u32, pixels: &[i16]) -> DataSet {
        assert_eq!(pixels.len(), self.plane_len(), "one plane of {:?}", self.dims);
        let position = self.origin_mm + self.step_mm * f64::from(z);
        let normal = self.row.cross(self.column);
        let [slope, intercept] = self.rescale;
        let [columns, rows, _] = self
            .dims
            .map(|n| u16::try_from(n).expect("DICOM counts pixels in 16 bits"));
        let class = match self.modality.as_str() {
            "CT" => "1.2.840.10008.5.1.4.1.1.2",
            _ => "1.2.840.10008.5.1.4.1.1.4",
        };
        let mut set = DataSet::new()
            .text(tag::SPECIFIC_CHARACTER_SET, Vr::CS, "ISO_IR 192")
            .text(tag::IMAGE_TYPE, Vr::CS, "ORIGINAL\\PRIMARY\\AXIAL")
            .text(tag::SOP_CLASS_UID, Vr::UI, class)
            .text(tag::SOP_INSTANCE_UID, Vr::UI, &self.sop_instance_uid(z))
            .text(tag::STUDY_DATE, Vr::DA, "20260312")
            .text(tag::MODALITY, Vr::CS, &self.modality)
            .text(tag::MANUFACTURER, Vr::LO, "Vitrine phantom")
            .text(tag::SERIES_DESCRIPTION, Vr::LO, &self.description)
            .text(tag::PATIENT_NAME, Vr::PN, "Phantom^Test")
            .text(tag::PATIENT_ID, Vr::LO, "PHANTOM")
            .decimals(tag::SLICE_THICKNESS, &[self.step_mm.dot(normal).abs()])
            .text(tag::PATIENT_POSITION, Vr::CS, "HFS")
            .text(tag::STUDY_INSTANCE_UID, Vr::UI, &uid(0, 0, 0))
            .text(tag::SERIES_INSTANCE_UID, Vr::UI, &self.series_uid())
            .integer(tag::SERIES_NUMBER, i64::from(self.series_number))
            .integer(tag::INSTANCE_NUMBER, i64::from(z) + 1)
            .decimals(tag::IMAGE_POSITION, &position.to_array())
            .decimals(
                tag::IMAGE_ORIENTATION,
                &[self.row.to_array(), self.column.to_array()].concat(),
            )
            .text(
                tag::FRAME_OF_REFERENCE_UID,
                Vr::UI,
                &uid(self.series_number, 3, 0),
            )
            .us(tag::SAMPLES_PER_PIXEL, 1)
            .text(tag::PHOTOMETRIC, Vr::CS, "MONOCHROME2")
            .us(tag::ROWS, rows)
            .us(tag::COLUMNS, columns)
            .decimals(
                tag::PIXEL_SPACING,
                &[self.pixel_spacing_mm[1], self.pixel_spacing_mm[0]],
            )
            .us(tag::BITS_ALLOCATED, 16)
            .us(tag::BITS_STORED, 16)
            .us(tag::HIGH_BIT, 15)
            .us(tag::PIXEL_REPRESENTATION, 1)
            .decimals(tag::RESCALE_INTERCEPT, &[intercept])
            .decimals(tag::RESCALE_SLOPE, &[slope])
            .with(
                tag::PIXEL_DATA,
                Vr::OW,
                Value::U16(pixels.iter().map(|&stored| stored.cast_unsigned()).collect()),
            );
        if self.modality == "CT" {
            set = set.text(tag::RESCALE_TYPE, Vr::LO, "HU");
        }
        set.elements.extend(self.extra.elements.clone());
        set
    }

    /// The file of slice `z`, pixels `[row][column]` as stored values.
    pub fn file(&self, z: u32, pixels: &[i16]) -> NamedFile {
        NamedFile {
            name: self.file_name(z),
            bytes: File::new(self.data_set(z, pixels), &self.transfer_syntax).to_bytes(),
        }
    }

    /// All files in order of their names, which is not that of the slices. `fill(z, plane)` writes the stored values
    /// of slice `z` into a plane `[row][column]` of zeros.
    pub fn files(&self, fill: impl Fn(u32, &mut [i16]) + Sync) -> Vec<NamedFile> {
        let mut files: Vec<_> = (0..self.dims[2])
            .into_par_iter()
            .map(|z| self.file(z, &self.plane(z, &fill)))
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }

    /// All files of a volume `[z][y][x]` of stored values.
    pub fn files_of(&self, volume: &[i16]) -> Vec<NamedFile> {
        let len = self.plane_len();
        self.files(|z, plane| plane.copy_from_slice(&volume[z as usize * len..][..len]))
    }

    /// Writes all files into `folder`, a few slices in memory at a time; `fill` as in [`SeriesSpec::files`].
    ///
    /// # Errors
    /// The first that writing gives.
    pub fn write(&self, folder: &Path, fill: impl Fn(u32, &mut [i16]) + Sync) -> std::io::Result<()> {
        (0..self.dims[2]).into_par_iter().try_for_each(|z| {
            let file = self.file(z, &self.plane(z, &fill));
            std::fs::write(folder.join(file.name), file.bytes)
        })
    }

    fn plane(&self, z: u32, fill: &(impl Fn(u32, &mut [i16]) + Sync)) -> Vec<i16> {
        let mut plane = vec![0; self.plane_len()];
        fill(z, &mut plane);
        plane
    }

    /// A name whose order among its kind has nothing to do with `z`.
    fn file_name(&self, z: u32) -> String {
        format!(
            "{:016x}.dcm",
            mixed(u64::from(self.series_number) << 32 | u64::from(z))
        )
    }
}

/// A UID of the form for UUIDs (PS3.5 B.2), the same for the same numbers.
fn uid(series: u32, kind: u32, index: u32) -> String {
    let seed = u64::from(series) << 32 | u64::from(index);
    let high = mixed(seed ^ u64::from(kind) << 60);
    format!("2.25.{}", u128::from(high) << 64 | u128::from(mixed(high ^ seed)))
}

/// One step of SplitMix64: different inputs give different, unordered outputs.
fn mixed(seed: u64) -> u64 {
    let mut n = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn spec() -> SeriesSpec {
        SeriesSpec::ct([5, 3, 7], [0.5, 0.75, 1.25])
    }

    fn text(set: &DataSet, of: crate::dicom::Tag) -> String {
        match &set.get(of).unwrap().value {
            Value::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            other => panic!("not text: {other:?}"),
        }
    }

    #[test]
    fn names_are_unique_and_out_of_order() {
        let names: Vec<_> = (0..40).map(|z| spec().file_name(z)).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 40);
        assert!(!names.is_sorted());
    }

    #[test]
    fn spacing_and_position_are_written_as_the_standard_orders_them() {
        let set = spec().data_set(2, &[0; 15]);
        assert_eq!(text(&set, tag::PIXEL_SPACING), "0.75\\0.5");
        assert_eq!(text(&set, tag::IMAGE_POSITION), "-37.5\\-61.25\\15.25");
        assert_eq!(text(&set, tag::SLICE_THICKNESS), "1.25");
        assert_eq!(set.get(tag::ROWS).unwrap().value, Value::U16(vec![3]));
    }

    #[test]
    fn files_hold_the_planes_of_the_volume() {
        let volume: Vec<i16> = (0..105).map(|n| n * 311 - 16_000).collect();
        let files = spec().files_of(&volume);
        assert_eq!(files.len(), 7);
        for (z, plane) in volume.chunks(15).enumerate() {
            let bytes: Vec<u8> = plane.iter().flat_map(|n| n.to_le_bytes()).collect();
            assert_eq!(
                files.iter().filter(|file| file.bytes.ends_with(&bytes)).count(),
                1,
                "slice {z}"
            );
        }
    }

    #[test]
    fn extra_elements_win() {
        let mut spec = spec();
        spec.extra = DataSet::new().text(tag::MODALITY, Vr::CS, "PT");
        assert_eq!(text(&spec.data_set(0, &[0; 15]), tag::MODALITY), "PT");
    }

    #[test]
    fn uids_are_legal() {
        let uid = spec().sop_instance_uid(3);
        assert!(uid.len() <= 64 && uid.chars().all(|c| c.is_ascii_digit() || c == '.'));
        assert!(!uid[5..].starts_with('0'));
    }
}
