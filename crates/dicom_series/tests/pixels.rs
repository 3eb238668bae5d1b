//! Pixels of every file of the test data against what pydicom 3.0.2 decodes: equal where nothing is lost.

mod data;

use data::Row;
use dicom_series::Content;
use dicom_series::pixels::{DataSet, Frame, PixelSamples, to_display_rgb};
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

/// Files whose hash in the manifest is that of another decoder's rounding: a JPEG in JPEG XL is a lossy picture
/// packed without loss.
const ROUNDED: &[&str] = &["zoo-jxl/SC_rgb_JXL_JPEG_RECOMPRESSION.dcm"];

#[test]
fn lossless_pixels_equal_those_of_pydicom() {
    let Some(rows) = data::manifest() else { return };
    let wanted: Vec<&Row> = rows
        .iter()
        .filter(|row| row.decode.starts_with("ok") && !row.lossy && !ROUNDED.contains(&row.path.as_str()))
        .collect();
    assert!(wanted.len() > 1000, "the manifest holds {} files", wanted.len());
    let different = wanted
        .par_iter()
        .filter_map(|row| match hash_of(row) {
            Ok(hash) if hash == row.pixel_sha256 => None,
            Ok(_) => Some(format!("{}: other pixels", row.path)),
            Err(error) => Some(format!("{}: {error}", row.path)),
        })
        .collect();
    none(different);
}

/// Fails with one line a file, if there is any.
fn none(mut different: Vec<String>) {
    different.sort();
    assert!(
        different.is_empty(),
        "{} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}

/// Decodes the first frame of a file of the test data, and its colors if it has any.
fn first_frame(row: &Row) -> Result<(Frame, Option<Vec<u8>>), String> {
    let bytes = row.read();
    let instance = read_picture(&bytes).map_err(|error| error.to_string())?;
    let data_set = DataSet::open(&bytes, &instance).map_err(|error| error.to_string())?;
    let frame = data_set
        .decode_frame(&instance, 0)
        .map_err(|error| format!("{error:?}"))?;
    let rgb = to_display_rgb(&frame, &data_set, &instance).ok();
    Ok((frame, rgb))
}

/// All samples as numbers.
fn numbers_of(frame: &Frame) -> Vec<f64> {
    match &frame.samples {
        PixelSamples::U8(s) => s.iter().map(|&v| f64::from(v)).collect(),
        PixelSamples::I8(s) => s.iter().map(|&v| f64::from(v)).collect(),
        PixelSamples::U16(s) => s.iter().map(|&v| f64::from(v)).collect(),
        PixelSamples::I16(s) => s.iter().map(|&v| f64::from(v)).collect(),
        PixelSamples::U32(s) => s.iter().map(|&v| f64::from(v)).collect(),
        PixelSamples::I32(s) => s.iter().map(|&v| f64::from(v)).collect(),
        PixelSamples::F32(s) => s.iter().map(|&v| f64::from(v)).collect(),
        PixelSamples::F64(s) => s.clone(),
    }
}

/// Colors as pydicom makes them: hashes of `[row][column][rgb]`, 8 bits, of the first frame.
const COLORS: &[(&str, &str)] = &[
    (
        "objects-a/highdicom/seg_image_sm_control_labelmap_palette_color.dcm",
        "326bf1a615dcfec06edff10926dc1e2bdd1feb8b1ccf969e29b280c6935d0895",
    ),
    (
        "zoo-ctimage/US-YBR_FULL_422-EVRLE.dcm",
        "8abcb325f74c3b88b425c50386ca417531cdfa7d6cd3d1e727539c62a18aa1f6",
    ),
    (
        "zoo-ctimage/no-pixel-spacing.dcm",
        "d4c564cf88bf9fe0654d380ad45744c9579b4e456150e40e5577f87103949c4a",
    ),
    (
        "zoo-pydicom/test_files/ExplVR_BigEnd.dcm",
        "1583c4339dd36e91dd2c30d278ef1ed95f3ea9a6de4401868d5712a76036ef2d",
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_rle_32bit_2frame.dcm",
        "169e619557b12114a7f0be8602026e9abb3d5045804311736ec14cecb026aca9",
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_small_odd_big_endian.dcm",
        "ef2df252ba3cd066405c4dd121d0efea1341083ae2f676e1f4c844b5a4838cb8",
    ),
    (
        "zoo-pydicom/test_files/SC_ybr_full_422_uncompressed.dcm",
        "ddb100d8f45a7fbf420e8ce5d1b376a5479f068c5109daac31eb982f662d228f",
    ),
    (
        "zoo-pydicom/test_files/examples_palette.dcm",
        "322156a65198e9bee9b231c14fcb48d06306bea5d39e9f3c0b0befb037eb834f",
    ),
    (
        "zoo-wg04-a/J2KR/VL6_J2KR",
        "2ccf3ac25d0a394af5626c2ee9c262fd563dd7d93884ba1bc15060c8bba51815",
    ),
];

#[test]
fn colors_equal_those_of_pydicom() {
    let Some(rows) = data::manifest() else { return };
    let hash_of = |row: &Row| {
        let (_, rgb) = first_frame(row)?;
        let digest = Sha256::digest(rgb.ok_or("no colors")?);
        Ok::<String, String>(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let different = COLORS.iter().filter_map(|(path, hash)| {
        let found = hash_of(rows.iter().find(|row| row.path == *path).unwrap());
        (found.as_deref() != Ok(*hash)).then(|| format!("{path}: {found:?}"))
    });
    none(different.collect());
}

/// Means of the channels of lossy files as pydicom decodes their first frame, color as RGB.
const MEANS: &[(&str, &[f64])] = &[
    (
        "zoo-ctimage/CT0012.fragmented_no_bot_jpeg_baseline.51.dcm",
        &[1407.64],
    ),
    (
        "zoo-ctimage/CTImage.dcm_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm",
        &[74.87],
    ),
    (
        "zoo-ctimage/CTImage.dcm_JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81.dcm",
        &[75.05],
    ),
    (
        "zoo-ctimage/CTImage.dcm_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm",
        &[95.86],
    ),
    (
        "zoo-ctimage/CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm",
        &[1548.28],
    ),
    ("zoo-pydicom/test_files/693_J2KI.dcm", &[-8.32]),
    ("zoo-pydicom/test_files/JPEG2000.dcm", &[13.46]),
    ("zoo-pydicom/test_files/JPEGLSNearLossless_08.dcm", &[55.56]),
    ("zoo-pydicom/test_files/JPEGLSNearLossless_16.dcm", &[12014.5]),
    ("zoo-pydicom/test_files/JPGExtended.dcm", &[14.38]),
    (
        "zoo-pydicom/test_files/SC_jpeg_no_color_transform.dcm",
        &[243.98, 243.98, 243.96],
    ),
    (
        "zoo-pydicom/test_files/SC_jpeg_no_color_transform_2.dcm",
        &[245.5, 245.52, 245.9],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_dcmtk_+eb+cr.dcm",
        &[127.75, 127.72, 127.75],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_dcmtk_+eb+cy+n1.dcm",
        &[127.51, 127.72, 127.41],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_dcmtk_+eb+cy+n2.dcm",
        &[127.72, 127.65, 127.83],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_dcmtk_+eb+cy+np.dcm",
        &[127.51, 127.72, 127.41],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_dcmtk_+eb+cy+s2.dcm",
        &[127.72, 127.65, 127.83],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_dcmtk_+eb+cy+s4.dcm",
        &[127.72, 127.65, 127.83],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_gdcm_KY.dcm",
        &[127.7, 127.7, 127.7],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_jls_lossy_line.dcm",
        &[128.0, 128.0, 128.0],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_jls_lossy_sample.dcm",
        &[128.0, 128.0, 128.0],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_jpeg.dcm",
        &[243.98, 243.98, 243.96],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_jpeg_app14_dcmd.dcm",
        &[245.5, 245.52, 245.9],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_jpeg_dcmtk.dcm",
        &[127.72, 127.65, 127.83],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_jpeg_lossy_gdcm.dcm",
        &[127.53, 127.54, 127.52],
    ),
    (
        "zoo-pydicom/test_files/SC_rgb_small_odd_jpeg.dcm",
        &[128.67, 129.0, 127.33],
    ),
    (
        "zoo-pydicom/test_files/examples_ybr_color.dcm",
        &[9.21, 9.53, 9.67],
    ),
    ("zoo-wg04-a/J2KI/CT1_J2KI", &[152.8]),
    ("zoo-wg04-a/J2KI/MR4_J2KI", &[1515.76]),
    ("zoo-wg04-a/J2KI/NM1_J2KI", &[13.46]),
    ("zoo-wg04-a/J2KI/US1_J2KI", &[40.45, 34.62, 29.01]),
    ("zoo-wg04-a/J2KI/VL6_J2KI", &[141.7, 116.59, 182.63]),
    ("zoo-wg04-a/JLSN/CT1_JLSN", &[152.88]),
    ("zoo-wg04-a/JLSN/MR4_JLSN", &[1515.9]),
    ("zoo-wg04-a/JLSN/NM1_JLSN", &[13.93]),
];

/// Means of the channels of a frame, color as RGB.
fn means_of(row: &Row, channels: usize) -> Result<Vec<f64>, String> {
    let (frame, rgb) = first_frame(row)?;
    let values: Vec<f64> = match rgb {
        Some(rgb) => rgb.into_iter().map(f64::from).collect(),
        None => numbers_of(&frame),
    };
    let of = |channel| values.iter().skip(channel).step_by(channels);
    Ok((0..channels)
        .map(|channel| of(channel).sum::<f64>() / of(channel).count() as f64)
        .collect())
}

#[test]
fn lossy_pixels_are_those_of_pydicom_within_rounding() {
    let Some(rows) = data::manifest() else { return };
    let different = MEANS.iter().filter_map(|(path, means)| {
        let found = means_of(rows.iter().find(|row| row.path == *path).unwrap(), means.len());
        let near = found.as_ref().is_ok_and(|found| {
            found
                .iter()
                .zip(*means)
                .all(|(found, mean)| (found - mean).abs() < 0.6)
        });
        (!near).then(|| format!("{path}: {found:?}, expected {means:?}"))
    });
    none(different.collect());
}

#[test]
fn lossy_pixels_keep_their_range() {
    let Some(rows) = data::manifest() else { return };
    // Color files may be decoded to either color space; their means are tested as RGB.
    let gray: Vec<&Row> = rows
        .iter()
        .filter(|row| row.lossy && row.decode.starts_with("ok") && row.samples_per_pixel == 1)
        .collect();
    assert!(gray.len() > 15, "{} files", gray.len());
    let different = gray.into_iter().filter_map(|row| {
        let [low, high] = row.range?;
        let found = first_frame(row).map(|(frame, _)| {
            let values = numbers_of(&frame);
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            [least, values.into_iter().fold(f64::NEG_INFINITY, f64::max)]
        });
        let tolerance = 2.0 + 0.02 * (high - low);
        let near = found
            .as_ref()
            .is_ok_and(|[least, most]| (least - low).abs() <= tolerance && (most - high).abs() <= tolerance);
        (!near).then(|| format!("{}: {found:?}, expected {low} to {high}", row.path))
    });
    none(different.collect());
}

/// All frames of a file of the test data.
fn frames_of(rows: &[Row], path: &str) -> Vec<Frame> {
    let bytes = rows.iter().find(|row| row.path == path).unwrap().read();
    let instance = read_picture(&bytes).unwrap();
    let Content::Image(image) = &instance.content else {
        panic!("{path} is no image");
    };
    let data_set = DataSet::open(&bytes, &instance).unwrap();
    (0..image.pixels.frames)
        .map(|index| {
            data_set
                .decode_frame(&instance, index)
                .unwrap_or_else(|error| panic!("{path}: {error:?}"))
        })
        .collect()
}

#[test]
fn frames_that_pydicom_does_not_decode_equal_those_they_were_made_from() {
    let Some(rows) = data::manifest() else { return };
    assert_eq!(
        frames_of(&rows, "objects-a/pydicom-data/liver_deflate.dcm"),
        frames_of(&rows, "objects-a/pydicom-data/liver.dcm")
    );
    // A JPEG and the same JPEG packed into JPEG XL, by two decoders that round on their own.
    let jpeg = frames_of(&rows, "zoo-pydicom/test_files/SC_rgb_jpeg_dcmtk.dcm");
    for path in ROUNDED {
        let packed = frames_of(&rows, path);
        assert_eq!(packed.len(), jpeg.len());
        let rgb = |path: &str| {
            let row = rows.iter().find(|row| row.path == path).unwrap();
            first_frame(row).unwrap().1.unwrap()
        };
        let pairs = rgb(path)
            .into_iter()
            .zip(rgb("zoo-pydicom/test_files/SC_rgb_jpeg_dcmtk.dcm"));
        let differences: Vec<u8> = pairs.map(|(a, b)| a.abs_diff(b)).collect();
        let mean = differences.iter().copied().map(f64::from).sum::<f64>() / differences.len() as f64;
        assert!(mean < 1.0, "{path} differs by {mean} on average");
    }
}
