//! HEIC, the photographs of phones.

use heifer::{Error, Options};
use heifer_isobmff::HeifFile;

use super::color::ColorSource;
use super::{Channels, Orientation, PhotoFinding, Raw, Samples, check_size, malformed, unsupported};
use crate::CaptureError;
use intake::budget;

const FORMAT: &str = "HEIC";

pub(super) fn decode(bytes: &[u8]) -> Result<Raw, CaptureError> {
    let options = Options {
        max_threads: 0,
        max_pixels: budget::MAX_PHOTO_PIXELS,
    };
    let has_profile = check_container(bytes)?;
    // The decoder turns the picture as the container says, which goes before what Exif says, and converts its colors.
    let (image, findings) = match heifer::decode_srgb_rgba8(bytes, &options) {
        Ok(image) if has_profile => (image, vec![PhotoFinding::ColorConverted]),
        Ok(image) => (image, Vec::new()),
        Err(Error::Unsupported(_)) if has_profile => {
            let image = heifer::decode_rgba8(bytes, &options).map_err(|error| from_heif(&error))?;
            (image, vec![PhotoFinding::ProfileUnusable])
        }
        Err(error) => return Err(from_heif(&error)),
    };
    check_size(FORMAT, image.width, image.height)?;
    Ok(Raw {
        format: FORMAT,
        columns: image.width,
        rows: image.height,
        channels: Channels::Rgba,
        samples: Samples::U8(image.data),
        color: ColorSource::Srgb,
        orientation: Orientation::UPRIGHT,
        findings,
    })
}

/// Checks the sizes of all pictures and tiles that the container declares, and tells whether the main one has a color
/// profile.
fn check_container(bytes: &[u8]) -> Result<bool, CaptureError> {
    let failed = |error| from_heif(&Error::from(error));
    let file = HeifFile::parse(bytes).map_err(failed)?;
    for item in &file.items {
        if let Ok(Some((columns, rows))) = file.image_size(item.id) {
            check_size(FORMAT, columns, rows)?;
        }
    }
    let main = file.primary_id;
    if let Ok(grid) = file.grid(main) {
        check_size(FORMAT, grid.output_width, grid.output_height)?;
    }
    Ok(file.icc_profile(main).map_err(failed)?.is_some())
}

fn from_heif(error: &Error) -> CaptureError {
    match error {
        Error::Unsupported(what) => unsupported(FORMAT, what.clone()),
        error => malformed(FORMAT, error.to_string()),
    }
}
