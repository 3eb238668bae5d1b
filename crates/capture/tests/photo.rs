//! Photographs of every format, upright and in sRGB, whole or refused.

use std::io::Cursor;

use capture::photo::{self, Photo, PhotoFinding};
use capture::{CaptureError, Severity};
use testkit::encode::{DctComponent, DctPicture, DctProcess, encode_jpeg_dct};

/// Six flat blocks of 8 x 8, three columns and two rows, each channel `[block row][block column]`.
fn blocks_jpeg(channels: &[[u8; 6]], process: DctProcess) -> Vec<u8> {
    let component = |values: &[u8; 6]| DctComponent {
        h: 1,
        v: 1,
        steps: [8; 64],
        blocks: values
            .iter()
            .map(|&value| {
                let mut block = [0; 64];
                block[0] = i16::from(value) - 128;
                block
            })
            .collect(),
    };
    encode_jpeg_dct(&DctPicture {
        columns: 24,
        rows: 16,
        precision: 8,
        components: channels.iter().map(component).collect(),
        restart_interval: 0,
        process,
    })
}

/// Puts a segment behind the first marker.
fn with_segment(jpeg: &[u8], code: u8, body: &[u8]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    out.extend([0xFF, code]);
    out.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
    out.extend(body);
    out.extend(&jpeg[2..]);
    out
}

/// An Exif block with an orientation and personal words.
fn exif(orientation: u16) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0\x02\0".to_vec();
    out.extend([0x0F, 0x01, 2, 0]);
    out.extend(u32::try_from(CANARY.len()).unwrap().to_le_bytes());
    out.extend(38u32.to_le_bytes());
    out.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0]);
    out.extend(u32::from(orientation).to_le_bytes());
    out.extend([0; 4]);
    out.extend(CANARY);
    out
}

/// Must never come out.
const CANARY: &[u8] = b"CANARY-lat-48.20849-lon-16.37208";

fn exif_segment(orientation: u16) -> Vec<u8> {
    let mut out = b"Exif\0\0".to_vec();
    out.extend(exif(orientation));
    out
}

/// A PNG of `width` x `height` with chunks before its pixels.
fn png(width: u32, height: u32, color: png::ColorType, data: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    let mut writer = encoder.write_header().unwrap();
    for (kind, body) in chunks {
        writer.write_chunk(png::chunk::ChunkType(**kind), body).unwrap();
    }
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    out
}

fn codes(photo: &Photo) -> Vec<&'static str> {
    photo.facts.findings.iter().map(PhotoFinding::code).collect()
}

fn pixel(photo: &Photo, column: usize, row: usize) -> [u8; 3] {
    let at = (row * photo.facts.columns as usize + column) * 3;
    photo.rgb[at..at + 3].try_into().unwrap()
}

const GRAYS: [u8; 6] = [10, 50, 90, 130, 170, 210];

/// The gray of each block of an upright picture, by rows.
fn block_grays(photo: &Photo) -> Vec<u8> {
    let (columns, rows) = (photo.facts.columns as usize / 8, photo.facts.rows as usize / 8);
    (0..columns * rows)
        .map(|at| pixel(photo, at % columns * 8 + 3, at / columns * 8 + 4)[0])
        .collect()
}

#[test]
fn a_jpeg_comes_upright_from_all_orientations() {
    let [a, b, c, d, e, f] = GRAYS;
    for (orientation, expected) in [
        (1, [a, b, c, d, e, f]),
        (2, [c, b, a, f, e, d]),
        (3, [f, e, d, c, b, a]),
        (4, [d, e, f, a, b, c]),
        (5, [a, d, b, e, c, f]),
        (6, [d, a, e, b, f, c]),
        (7, [f, c, e, b, d, a]),
        (8, [c, f, b, e, a, d]),
    ] {
        for process in [DctProcess::Sequential, DctProcess::Progressive] {
            let file = with_segment(&blocks_jpeg(&[GRAYS], process), 0xE1, &exif_segment(orientation));
            let photo = photo::read(&file).unwrap();
            assert_eq!(block_grays(&photo), expected, "{orientation}");
            let size = if orientation < 5 { (24, 16) } else { (16, 24) };
            assert_eq!((photo.facts.columns, photo.facts.rows), size);
            let told: &[&str] = if orientation == 1 {
                &[]
            } else {
                &["turned_upright"]
            };
            assert_eq!(codes(&photo), told);
        }
    }
}

#[test]
fn other_formats_come_upright_too() {
    let gray: Vec<u8> = vec![10, 50, 90, 130, 170, 210];
    let file = png(3, 2, png::ColorType::Grayscale, &gray, &[(b"eXIf", &exif(6))]);
    let photo = photo::read(&file).unwrap();
    let upright = [130, 10, 170, 50, 210, 90];
    let grays = |photo: &Photo| photo.rgb.iter().step_by(3).copied().collect::<Vec<u8>>();
    assert_eq!(grays(&photo), upright);

    let mut file = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.set_exif_metadata(exif(6));
    encoder.encode(&gray, 3, 2, image_webp::ColorType::L8).unwrap();
    assert_eq!(grays(&photo::read(&file).unwrap()), upright);

    let mut file = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
    let mut image = encoder
        .new_image::<tiff::encoder::colortype::Gray8>(3, 2)
        .unwrap();
    image
        .encoder()
        .write_tag(tiff::tags::Tag::Orientation, 6u16)
        .unwrap();
    image.write_data(&gray).unwrap();
    let photo = photo::read(file.get_ref()).unwrap();
    assert_eq!(grays(&photo), upright);
    assert_eq!((photo.facts.columns, photo.facts.rows), (2, 3));
}

#[test]
fn luminance_and_chrominance_become_colors() {
    // Red, green, blue, white, black, gray by JFIF's equations.
    let file = blocks_jpeg(
        &[
            [76, 150, 29, 255, 0, 128],
            [85, 44, 255, 128, 128, 128],
            [255, 21, 107, 128, 128, 128],
        ],
        DctProcess::Sequential,
    );
    let photo = photo::read(&file).unwrap();
    let near = |at: [u8; 3], expected: [u8; 3]| at.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 2);
    for (block, expected) in [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 255],
        [0, 0, 0],
        [128, 128, 128],
    ]
    .into_iter()
    .enumerate()
    {
        let found = pixel(&photo, block % 3 * 8 + 2, block / 3 * 8 + 5);
        assert!(near(found, expected), "{block}: {found:?}");
    }
    assert_eq!(photo.facts.findings, []);
}

#[test]
fn ink_becomes_light() {
    let full = [
        [0, 255, 255, 255, 255, 0],
        [255, 0, 255, 255, 255, 0],
        [255, 255, 0, 255, 255, 0],
        [255, 255, 255, 255, 0, 255],
    ];
    // As image programs store it: the complement of the ink, with an Adobe segment.
    let file = with_segment(
        &blocks_jpeg(&full, DctProcess::Sequential),
        0xEE,
        b"Adobe\0\x64\0\0\0\0\0",
    );
    let photo = photo::read(&file).unwrap();
    let colors: Vec<[u8; 3]> = (0..6)
        .map(|b| pixel(&photo, b % 3 * 8 + 2, b / 3 * 8 + 5))
        .collect();
    let expected = [
        [0, 255, 255],
        [255, 0, 255],
        [255, 255, 0],
        [255; 3],
        [0; 3],
        [0; 3],
    ];
    assert_eq!(colors, expected);
    assert_eq!(codes(&photo), ["ink_without_profile"]);
    // Without it, 0 is no ink.
    let photo = photo::read(&blocks_jpeg(
        &[[0; 6], [0; 6], [0; 6], [0, 255, 0, 0, 0, 0]],
        DctProcess::Sequential,
    ))
    .unwrap();
    assert_eq!((pixel(&photo, 2, 2), pixel(&photo, 10, 2)), ([255; 3], [0; 3]));
}

#[test]
fn what_is_transparent_lies_on_white() {
    let file = png(
        3,
        1,
        png::ColorType::Rgba,
        &[10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 128],
        &[],
    );
    let photo = photo::read(&file).unwrap();
    assert_eq!(photo.rgb, [10, 20, 30, 255, 255, 255, 127, 177, 227]);
    assert_eq!(codes(&photo), ["transparency_on_white"]);
    let opaque = png(1, 1, png::ColorType::GrayscaleAlpha, &[77, 255], &[]);
    let photo = photo::read(&opaque).unwrap();
    assert_eq!(
        (photo.rgb.as_slice(), codes(&photo).len()),
        (&[77, 77, 77][..], 0)
    );
}

#[test]
fn sixteen_bits_are_rounded() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 3, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Sixteen);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&[0xFF, 0xFF, 0x00, 0x81, 0x80, 0x7F])
        .unwrap();
    writer.finish().unwrap();
    let photo = photo::read(&file).unwrap();
    assert_eq!(
        photo.rgb.iter().step_by(3).copied().collect::<Vec<_>>(),
        [255, 1, 128]
    );
    assert_eq!(codes(&photo), ["depth_reduced"]);
}

/// Chunks that say another color space, with the sRGB value of `[200, 60, 60]` in it.
#[test]
fn color_spaces_become_srgb() {
    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
    let read = |profile: &[u8]| {
        let file = blocks_jpeg(&[[200; 6], [60; 6], [60; 6]], DctProcess::Sequential);
        let file = with_segment(&file, 0xEE, b"Adobe\0\x64\0\0\0\0\0");
        // The profile in two pieces, the second first.
        let (first, second) = profile.split_at(profile.len() / 3);
        let piece = |number: u8, body: &[u8]| [b"ICC_PROFILE\0", &[number, 2][..], body].concat();
        let file = with_segment(&file, 0xE2, &piece(1, first));
        photo::read(&with_segment(&file, 0xE2, &piece(2, second))).unwrap()
    };
    let photo = read(&p3);
    let [red, green, blue] = pixel(&photo, 3, 3);
    // Display P3 (200, 60, 60) is (216, 44, 52) in sRGB by the matrices of both.
    assert!(
        red.abs_diff(216) <= 2 && green.abs_diff(44) <= 3 && blue.abs_diff(52) <= 3,
        "{red} {green} {blue}"
    );
    assert_eq!(codes(&photo), ["color_converted"]);
    let photo = read(&srgb);
    assert_eq!(pixel(&photo, 3, 3), [200, 60, 60]);
    assert_eq!(codes(&photo), [""; 0]);
    // A damaged profile takes nothing from the picture, and is told.
    let photo = read(&p3[..p3.len() / 2]);
    assert_eq!(pixel(&photo, 3, 3), [200, 60, 60]);
    assert_eq!(codes(&photo), ["color_profile_unusable"]);
    assert_eq!(photo.facts.findings[0].severity(), Severity::Caution);
}

#[test]
fn a_png_says_its_colors_without_a_profile() {
    let linear = 100_000u32.to_be_bytes();
    let photo = photo::read(&png(
        1,
        1,
        png::ColorType::Grayscale,
        &[55],
        &[(b"gAMA", &linear)],
    ))
    .unwrap();
    // 55 / 255 of light is 128 in sRGB.
    assert!(photo.rgb[0].abs_diff(128) <= 1, "{:?}", photo.rgb);
    assert_eq!(codes(&photo), ["color_converted"]);
    let usual = 45_455u32.to_be_bytes();
    let photo = photo::read(&png(1, 1, png::ColorType::Grayscale, &[55], &[(b"gAMA", &usual)])).unwrap();
    assert_eq!((photo.rgb[0], codes(&photo).len()), (55, 0));
    for absurd in [0u32, 1, u32::MAX] {
        let file = png(
            1,
            1,
            png::ColorType::Grayscale,
            &[55],
            &[(b"gAMA", &absurd.to_be_bytes())],
        );
        let _ = photo::read(&file);
    }
}

#[test]
fn a_phone_picture_is_read() {
    let (width, height) = (70, 50);
    let rgba: Vec<u16> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [x as u16 * 3, y as u16 * 4, 90, 255]))
        .collect();
    let image = heifer::Image {
        width,
        height,
        bit_depth: 8,
        has_alpha: false,
        data: rgba,
    };
    let metadata = heifer::Metadata {
        exif: Some(exif(6)),
        xmp: Some(CANARY.to_vec()),
        icc_profile: None,
    };
    let options = heifer::EncodeOptions {
        quality: 100,
        max_threads: 1,
    };
    let file = heifer::encode_with_metadata(&image, &metadata, &options).unwrap();
    let photo = photo::read(&file).unwrap();
    // The container says which way is up, not Exif.
    assert_eq!(
        (photo.facts.columns, photo.facts.rows, photo.facts.format.as_str()),
        (width, height, "HEIC")
    );
    let found = pixel(&photo, 40, 30);
    assert!(
        found.iter().zip([120, 120, 90]).all(|(a, b)| a.abs_diff(b) <= 8),
        "{found:?}"
    );
    for len in (0..file.len()).step_by(7) {
        assert!(photo::read(&file[..len]).is_err(), "{len}");
    }
}

#[test]
fn the_first_picture_of_several_is_taken_and_told() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_animated(3, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for gray in [40, 80, 120] {
        writer.write_image_data(&[gray, gray + 1]).unwrap();
    }
    writer.finish().unwrap();
    let photo = photo::read(&file).unwrap();
    assert_eq!(photo.rgb, [40, 40, 40, 41, 41, 41]);
    assert_eq!(
        photo.facts.findings,
        [PhotoFinding::FirstPictureOnly { pictures: Some(3) }]
    );

    let mut file = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
    encoder
        .write_image::<tiff::encoder::colortype::Gray8>(1, 1, &[9])
        .unwrap();
    encoder
        .write_image::<tiff::encoder::colortype::Gray8>(1, 1, &[10])
        .unwrap();
    let photo = photo::read(file.get_ref()).unwrap();
    assert_eq!((photo.rgb[0], codes(&photo)), (9, vec!["first_picture_only"]));
}

/// The header of a picture of this size, with nothing behind it.
fn headers(width: u32, height: u32) -> Vec<(&'static str, Vec<u8>)> {
    let mut ihdr = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    ihdr.extend(width.to_be_bytes());
    ihdr.extend(height.to_be_bytes());
    ihdr.extend([8, 2, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&ihdr[12..]);
    ihdr.extend(crc.sum().to_be_bytes());
    ihdr.extend([0, 0, 0, 5]);
    ihdr.extend(b"IDAT");

    let mut tiff = b"II*\0\x08\0\0\0\x09\0".to_vec();
    for (tag, value) in [
        (256u16, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 150),
        (277, 1),
        (278, height),
        (279, 10),
    ] {
        tiff.extend(tag.to_le_bytes());
        tiff.extend([4, 0, 1, 0, 0, 0]);
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend([0; 60]);
    let mut all = vec![("PNG", ihdr), ("TIFF", tiff)];
    if width <= 65_535 && height <= 65_535 {
        let mut jpeg = b"\xff\xd8\xff\xc0\0\x0b\x08".to_vec();
        jpeg.extend((height as u16).to_be_bytes());
        jpeg.extend((width as u16).to_be_bytes());
        jpeg.extend(b"\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\0\0\0\0");
        all.push(("JPEG", jpeg));
    }
    all
}

#[test]
fn a_hundred_megapixels_are_the_limit_told_from_the_header() {
    for (width, height, refused) in [
        (9_999, 10_000, false),
        (10_000, 10_000, false),
        (10_000, 10_001, true),
        (65_535, 65_535, true),
    ] {
        for (format, file) in headers(width, height) {
            let error = photo::read(&file).unwrap_err();
            assert_eq!(
                matches!(error, CaptureError::Budget(_)),
                refused,
                "{format} {width} x {height}: {error}"
            );
        }
    }
    for (format, file) in headers(u32::MAX >> 1, u32::MAX >> 1) {
        assert!(
            matches!(photo::read(&file), Err(CaptureError::Budget(_))),
            "{format}"
        );
    }
    // A canvas of 16384 x 16384 in the header of WebP.
    let webp = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\x00\0\0\0\xff\x3f\0\xff\x3f\0";
    let mut webp = webp.to_vec();
    webp.extend(b"VP8L\x05\0\0\0\x2f\0\0\0\0\0");
    let error = photo::read(&webp).unwrap_err();
    assert!(matches!(error, CaptureError::Budget(_)), "{error}");
}

#[test]
fn a_picture_that_is_not_complete_is_refused() {
    let gradient: Vec<u8> = (0..64 * 48 * 3).map(|i| (i * 7 % 251) as u8).collect();
    let jpeg = blocks_jpeg(&[GRAYS, GRAYS, GRAYS], DctProcess::Sequential);
    let mut webp = Vec::new();
    image_webp::WebPEncoder::new(&mut webp)
        .encode(&gradient, 64, 48, image_webp::ColorType::Rgb8)
        .unwrap();
    let png = png(64, 48, png::ColorType::Rgb, &gradient, &[]);
    let mut tiff = Cursor::new(Vec::new());
    tiff::encoder::TiffEncoder::new(&mut tiff)
        .unwrap()
        .write_image::<tiff::encoder::colortype::RGB8>(64, 48, &gradient)
        .unwrap();
    for (name, file) in [
        ("JPEG", jpeg),
        ("WebP", webp),
        ("PNG", png),
        ("TIFF", tiff.into_inner()),
    ] {
        photo::read(&file).unwrap();
        let error = photo::read(&file[..file.len() * 2 / 3]).unwrap_err();
        assert!(!error.to_string().is_empty(), "{name}");
        for len in (0..file.len() * 2 / 3).step_by(3) {
            assert!(photo::read(&file[..len]).is_err(), "{name} cut at {len}");
        }
    }
}

#[test]
fn damage_is_an_error_or_a_picture() {
    let gradient: Vec<u8> = (0..31 * 17 * 4).map(|i| (i * 7 % 251) as u8).collect();
    let jpeg = with_segment(
        &blocks_jpeg(&[GRAYS, GRAYS, GRAYS], DctProcess::Progressive),
        0xE1,
        &exif_segment(8),
    );
    let mut webp = Vec::new();
    image_webp::WebPEncoder::new(&mut webp)
        .encode(&gradient, 31, 17, image_webp::ColorType::Rgba8)
        .unwrap();
    let png = png(31, 17, png::ColorType::Rgba, &gradient, &[(b"eXIf", &exif(3))]);
    let mut tiff = Cursor::new(Vec::new());
    tiff::encoder::TiffEncoder::new(&mut tiff)
        .unwrap()
        .write_image::<tiff::encoder::colortype::RGBA8>(31, 17, &gradient)
        .unwrap();
    for file in [jpeg, webp, png, tiff.into_inner()] {
        for at in (0..file.len()).step_by(1 + file.len() / 400) {
            for value in [0x00, 0x7F, 0xFF] {
                let mut damaged = file.clone();
                damaged[at] = value;
                if let Ok(photo) = photo::read(&damaged) {
                    assert_eq!(photo.rgb.len() as u64, photo.facts.picture_bytes());
                }
            }
        }
    }
}

#[test]
fn other_files_are_refused_with_a_word() {
    for (file, word) in [
        (&b"GIF89a\x01\0\x01\0"[..], "GIF"),
        (b"hello", "text"),
        (b"", "empty"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "HEIC"),
    ] {
        let error = photo::read(file).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn pixels_go_to_the_memory_of_the_caller() {
    let file = png(2, 1, png::ColorType::Grayscale, &[3, 4], &[]);
    let mut out = [9; 8];
    let facts = photo::read_into(&file, &mut out).unwrap();
    assert_eq!((facts.picture_bytes(), out), (6, [3, 3, 3, 4, 4, 4, 9, 9]));
    assert!(photo::read_into(&file, &mut [0; 5]).is_err());
}

#[test]
fn a_texture_keeps_its_pixels_and_loses_the_rest() {
    let jpeg = blocks_jpeg(&[GRAYS, GRAYS, GRAYS], DctProcess::Progressive);
    let adobe = with_segment(&jpeg, 0xEE, b"Adobe\0\x64\0\0\0\0\0and more");
    let mut noisy = with_segment(&adobe, 0xE1, &exif_segment(6));
    noisy = with_segment(&noisy, 0xFE, CANARY);
    noisy = with_segment(&noisy, 0xE2, &[b"ICC_PROFILE\0\x01\x01", CANARY].concat());
    noisy.extend(CANARY);
    let pixels: Vec<u8> = (0..5 * 4 * 3).map(|i| i * 3).collect();
    let quiet = png(5, 4, png::ColorType::Rgb, &pixels, &[]);
    let mut loud = png(
        5,
        4,
        png::ColorType::Rgb,
        &pixels,
        &[(b"eXIf", &exif(6)), (b"tEXt", CANARY)],
    );
    loud.extend(CANARY);
    for (noisy, quiet) in [(noisy, adobe), (loud, quiet)] {
        let clean = photo::stripped(&noisy).unwrap();
        assert!(!clean.windows(CANARY.len()).any(|w| w == CANARY));
        assert_eq!(photo::read(&clean).unwrap(), photo::read(&quiet).unwrap());
        // Places on a texture are told by its stored pixels.
        assert_eq!(
            photo::read_texture(&noisy).unwrap().rgb,
            photo::read(&quiet).unwrap().rgb
        );
        for len in 0..clean.len() {
            assert!(photo::stripped(&noisy[..len.min(20)]).is_err());
            let _ = photo::stripped(&clean[..len]);
        }
    }
    assert!(photo::stripped(b"GIF89a").is_err());
}
