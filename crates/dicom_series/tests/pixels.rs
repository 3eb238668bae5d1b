//! Pixels of every file of the test data against what pydicom 3.0.2 decodes: equal where nothing is lost.

mod data;

use std::collections::BTreeMap;

use data::Row;
use dicom_series::Content;
use dicom_series::pixels::{DataSet, Frame, PixelSamples};
use dicom_series::read::read_picture;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// Samples as numpy has them: little-endian.
fn bytes_of(frame: &Frame) -> Vec<u8> {
    match &frame.samples {
        PixelSamples::U8(s) => s.clone(),
        PixelSamples::I8(s) => s.iter().flat_map(|v| v.to_le_bytes()).collect(),
        PixelSamples::U16(s) => s.iter().flat_map(|v| v.to_le_bytes()).collect(),
        PixelSamples::I16(s) => s.iter().flat_map(|v| v.to_le_bytes()).collect(),
        PixelSamples::U32(s) => s.iter().flat_map(|v| v.to_le_bytes()).collect(),
        PixelSamples::I32(s) => s.iter().flat_map(|v| v.to_le_bytes()).collect(),
        PixelSamples::F32(s) => s.iter().flat_map(|v| v.to_le_bytes()).collect(),
        PixelSamples::F64(s) => s.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

/// The hash of all frames of a file, or why there is none.
fn hash_of(row: &Row) -> Result<String, String> {
    let bytes = row.read();
    let instance = read_picture(&bytes).map_err(|error| error.to_string())?;
    let Content::Image(image) = &instance.content else {
        return Err("no image".to_owned());
    };
    let data_set = DataSet::open(&bytes, &instance).map_err(|error| error.to_string())?;
    let mut hash = Sha256::new();
    for index in 0..image.pixels.frames {
        let frame = data_set.decode_frame(&instance, index).map_err(|error| {
            format!(
                "{error}: {:?}",
                std::error::Error::source(&error).map(ToString::to_string)
            )
        })?;
        hash.update(bytes_of(&frame));
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[test]
fn lossless_pixels_equal_those_of_pydicom() {
    let Some(rows) = data::manifest() else { return };
    let wanted: Vec<&Row> = rows
        .iter()
        .filter(|row| row.decode.starts_with("ok") && !row.lossy)
        .collect();
    assert!(wanted.len() > 1000, "the manifest holds {} files", wanted.len());
    let different: BTreeMap<String, String> = wanted
        .par_iter()
        .filter_map(|row| match hash_of(row) {
            Ok(hash) if hash == row.pixel_sha256 => None,
            Ok(_) => Some((row.path.clone(), "other pixels".to_owned())),
            Err(error) => Some((row.path.clone(), error)),
        })
        .collect();
    for (path, why) in &different {
        println!("{path}: {why}");
    }
    assert!(different.is_empty(), "{} differ", different.len());
}
