//! JPEG XL, ISO/IEC 18181, by way of `jxl-oxide`: integer samples of 1 to 16 bits, gray or color, lossless,
//! lossy, or a recompressed JPEG.
//!
//! A module of its own for what the library leaves to its caller: bounds on memory, agreement with what the
//! file declares, and samples as integers of the stream's precision. The container is taken apart here and
//! only the codestream goes to the library, so that compressed metadata beside it are never inflated.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jxl_oxide::image::BitDepth;
use jxl_oxide::{AllocTracker, ImageStream, InitializeResult, JxlImage, PixelFormat};

use crate::{CodecError, ColorSpace, Decoded, Expected, Samples};

const CODEC: &str = "JPEG XL";

/// The first box of a container (ISO/IEC 18181-2).
const CONTAINER_SIGNATURE: &[u8] = b"\0\0\0\x0CJXL \r\n\x87\n";

/// What the library may allocate whatever the size of the picture.
const BASE_BYTES: usize = 32 << 20;

/// What it may allocate for each sample: four bytes in each of the planes that frames, references and filters
/// hold at a time. Lossy gray, which has three planes of color inside, takes 40.
const BYTES_PER_SAMPLE: usize = 96;

fn malformed(what: &'static str, offset: usize) -> CodecError {
    CodecError::Malformed {
        codec: CODEC,
        what,
        offset,
    }
}

fn unsupported(what: &'static str) -> CodecError {
    CodecError::Unsupported { codec: CODEC, what }
}

/// Decodes one frame; orientation is applied, alpha and other extra channels are left out. Color comes as
/// [`ColorSpace::Rgb`] whatever space it was coded in, for a recompressed JPEG too.
///
/// # Errors
/// [`CodecError::Mismatch`] if the stream holds a picture of another size than `expected`, before anything of
/// that size is allocated; the others as the stream has it.
pub fn decode(data: &[u8], expected: Expected) -> Result<Decoded, CodecError> {
    // The library asserts what it believes; a stream that proves it wrong must not end the process.
    catch_unwind(AssertUnwindSafe(|| decode_codestream(data, expected)))
        .unwrap_or(Err(malformed("a stream that breaks the decoder", 0)))
}

fn decode_codestream(data: &[u8], expected: Expected) -> Result<Decoded, CodecError> {
    let truncated = CodecError::Truncated {
        codec: CODEC,
        offset: data.len(),
    };
    let codestream = codestream(data)?;
    let samples = sample_count(expected)?;
    let budget = samples
        .saturating_mul(BYTES_PER_SAMPLE)
        .saturating_add(BASE_BYTES);
    let mut decoder = JxlImage::builder()
        .alloc_tracker(AllocTracker::with_limit(budget))
        .build_uninit();
    decoder
        .feed_bytes(&codestream)
        .map_err(|_| malformed("bad signature or header", 0))?;
    let image = match decoder.try_init().map_err(|_| malformed("bad header", 0))? {
        InitializeResult::Initialized(image) => image,
        InitializeResult::NeedMoreData(_) => return Err(truncated),
    };
    let precision_bits = check_header(&image, expected)?;
    if !image.is_loading_done() {
        return Err(truncated);
    }
    if image.num_loaded_keyframes() != 1 {
        return Err(unsupported("an animation"));
    }
    let render = image
        .render_frame(0)
        .map_err(|_| malformed("a picture that cannot be decoded", 0))?;
    let mut stream = render.stream_no_alpha();
    if (stream.width(), stream.height(), stream.channels())
        != (expected.columns, expected.rows, expected.channels.into())
    {
        return Err(malformed("a frame of another size than the picture", 0));
    }
    let samples = match precision_bits {
        ..=8 => Samples::U8(read_rows(&mut stream, expected, |value| {
            quantize(value, precision_bits) as u8
        })),
        _ => Samples::U16(read_rows(&mut stream, expected, |value| {
            quantize(value, precision_bits)
        })),
    };
    Ok(Decoded {
        columns: expected.columns,
        rows: expected.rows,
        channels: expected.channels,
        precision_bits,
        signed: false,
        color: if expected.channels == 3 {
            ColorSpace::Rgb
        } else {
            ColorSpace::AsDeclared
        },
        samples,
    })
}

/// All samples, `[row][column][channel]`.
fn read_rows<T>(stream: &mut ImageStream<'_>, expected: Expected, convert: impl Fn(f32) -> T) -> Vec<T> {
    let mut row = vec![0.0_f32; (expected.columns as usize).saturating_mul(expected.channels.into())];
    let mut samples = Vec::with_capacity(row.len().saturating_mul(expected.rows as usize));
    for _ in 0..expected.rows {
        stream.write_to_buffer(&mut row);
        samples.extend(row.iter().copied().map(&convert));
    }
    samples
}

/// From 0..=1 to integers of the given precision. Exact for what was such an integer: 16 bits divided by 2^n
/// - 1 fit the 24 bits of the fraction.
fn quantize(value: f32, precision_bits: u8) -> u16 {
    let largest = ((1_u32 << precision_bits) - 1) as f32;
    (value * largest + 0.5).clamp(0.0, largest) as u16
}

fn sample_count(expected: Expected) -> Result<usize, CodecError> {
    [expected.rows as usize, usize::from(expected.channels)]
        .into_iter()
        .try_fold(expected.columns as usize, usize::checked_mul)
        .ok_or(unsupported("a picture larger than memory"))
}

/// Compares the header with what the caller expects, and gives the bits of a sample.
fn check_header(image: &JxlImage, expected: Expected) -> Result<u8, CodecError> {
    let (columns, rows) = (image.width(), image.height());
    let channels = match image.pixel_format() {
        PixelFormat::Gray | PixelFormat::Graya => 1,
        PixelFormat::Rgb | PixelFormat::Rgba => 3,
        PixelFormat::Cmyk | PixelFormat::Cmyka => return Err(unsupported("a picture in CMYK")),
    };
    if (Expected {
        columns,
        rows,
        channels,
    }) != expected
    {
        return Err(CodecError::Mismatch {
            codec: CODEC,
            actual: format!("{columns} x {rows} x {channels}"),
            expected: format!("{} x {} x {}", expected.columns, expected.rows, expected.channels),
        });
    }
    match image.image_header().metadata.bit_depth {
        BitDepth::IntegerSample {
            bits_per_sample: bits @ 1..=16,
        } => Ok(bits as u8),
        _ => Err(unsupported("floating point or more than 16 bits a sample")),
    }
}

/// The codestream: all of the data, or what the boxes `jxlc` and `jxlp` of a container hold (ISO/IEC
/// 18181-2). A box cut short gives what is left of it.
fn codestream(data: &[u8]) -> Result<Cow<'_, [u8]>, CodecError> {
    if !data.starts_with(CONTAINER_SIGNATURE) {
        return Ok(Cow::Borrowed(data));
    }
    let mut joined = Vec::new();
    let mut rest = data;
    while let Some((kind, payload, after)) = split_box(rest) {
        match kind {
            b"jxlc" => return Ok(Cow::Borrowed(payload)),
            // The first four bytes count the parts.
            b"jxlp" => joined.extend_from_slice(payload.get(4..).unwrap_or_default()),
            _ => {}
        }
        rest = after;
    }
    if joined.is_empty() {
        return Err(malformed("a container without a codestream", 0));
    }
    Ok(Cow::Owned(joined))
}

/// Type and payload of the first box, and what follows it; `None` where no box begins.
fn split_box(data: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (size, rest) = data.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (payload_len, rest) = match u32::from_be_bytes(*size) {
        0 => (rest.len(), rest),
        1 => {
            let (size, rest) = rest.split_first_chunk::<8>()?;
            let payload_len = u64::from_be_bytes(*size).checked_sub(16)?;
            (usize::try_from(payload_len).unwrap_or(usize::MAX), rest)
        }
        size => (size.checked_sub(8)? as usize, rest),
    };
    let (payload, after) = rest.split_at_checked(payload_len).unwrap_or((rest, &[]));
    Some((kind, payload, after))
}
