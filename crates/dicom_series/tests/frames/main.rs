//! What is read of pictures: functional groups, vendors' private elements, nuclear medicine, uptake, tables.

mod groups;
mod samples;
mod values;

use dicom_series::instance::{Image, Instance};
use dicom_series::{Content, read};
use testkit::dicom::{DataSet, File, Value, Vr, syntax, tag};

pub(crate) const MR: &str = "1.2.840.10008.5.1.4.1.1.4";
pub(crate) const ENHANCED_MR: &str = "1.2.840.10008.5.1.4.1.1.4.1";
pub(crate) const PET: &str = "1.2.840.10008.5.1.4.1.1.128";
pub(crate) const NM: &str = "1.2.840.10008.5.1.4.1.1.20";
pub(crate) const SECONDARY: &str = "1.2.840.10008.5.1.4.1.1.7";

/// A picture of 4 x 2 pixels of 16 bits, signed.
pub(crate) fn picture(class: &str, frames: usize) -> DataSet {
    let samples = (0..8 * frames).map(|i| (i * 257) as u16).collect();
    let set = DataSet::new()
        .text(tag::SOP_CLASS_UID, Vr::UI, class)
        .text(tag::SOP_INSTANCE_UID, Vr::UI, "1.2.3")
        .us(tag::SAMPLES_PER_PIXEL, 1)
        .text(tag::PHOTOMETRIC, Vr::CS, "MONOCHROME2")
        .us(tag::ROWS, 2)
        .us(tag::COLUMNS, 4)
        .us(tag::BITS_ALLOCATED, 16)
        .us(tag::BITS_STORED, 16)
        .us(tag::HIGH_BIT, 15)
        .us(tag::PIXEL_REPRESENTATION, 1)
        .with(tag::PIXEL_DATA, Vr::OW, Value::U16(samples));
    if frames == 1 {
        return set;
    }
    set.integer(tag::NUMBER_OF_FRAMES, frames as i64)
}

pub(crate) fn bytes_of(set: DataSet) -> Vec<u8> {
    File::new(set, syntax::EXPLICIT_LITTLE).to_bytes()
}

/// Reads a set in both forms of little-endian, which must say the same.
pub(crate) fn instance_of(set: DataSet) -> Instance {
    let explicit = read(&bytes_of(set.clone())).unwrap();
    let implicit = read(&File::new(set, syntax::IMPLICIT_LITTLE).to_bytes()).unwrap();
    let (Content::Image(a), Content::Image(b)) = (&explicit.content, &implicit.content) else {
        panic!("no images");
    };
    // Without value representations a private element is what its vendor's readers take it for.
    assert_eq!(a.frames, b.frames);
    assert_eq!((&a.suv, &a.mosaic, &a.unit), (&b.suv, &b.mosaic, &b.unit));
    assert_eq!(explicit.oddities, implicit.oddities);
    explicit
}

pub(crate) fn image_of(set: DataSet) -> Image {
    match instance_of(set).content {
        Content::Image(image) => *image,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn f64s(values: &[f64]) -> Value {
    Value::F64(values.to_vec())
}
