//! RLE Lossless (PS3.5 Annex G): PackBits over byte planes, the most significant plane first.
//!
//! Its own module because it shares nothing with the JPEG family: no entropy coder, no frame header, and the picture's
//! size comes from the caller alone.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use crate::{CodecError, ColorSpace, Decoded, Expected, Samples};

const CODEC: &str = "RLE";
/// Bytes of the header: a segment count and 15 offsets, each a little-endian `u32` (PS3.5 G.5).
const HEADER_BYTES: usize = 64;
const MAX_SEGMENTS: usize = 15;
/// The most bytes that one packet can produce.
const PACKET_BYTES: usize = 128;
/// Packets are written in whole blocks of this many bytes, so that short ones need no call to `memcpy`.
const BLOCK: usize = 16;

/// Decodes one RLE frame (PS3.5 Annex G).
///
/// `bits_allocated` is 8, 16 or 32 and says how many byte planes a channel has. The samples come back as
/// `[row][column][channel]`; 32-bit samples as the two's complement of their bits.
///
/// Bytes after the last sample of a segment (padding, as some writers add) are ignored.
///
/// # Errors
///
/// [`CodecError::Mismatch`] if the segment count is not `channels * bits_allocated / 8`,
/// [`CodecError::Truncated`] if a segment holds fewer bytes than `columns * rows`,
/// [`CodecError::Malformed`] if a segment lies outside the data, [`CodecError::Unsupported`] for other depths.
pub fn decode(data: &[u8], expected: Expected, bits_allocated: u16) -> Result<Decoded, CodecError> {
    let bytes_per_sample: usize = match bits_allocated {
        8 => 1,
        16 => 2,
        32 => 4,
        _ => {
            return Err(CodecError::Unsupported {
                codec: CODEC,
                what: "a depth other than 8, 16 or 32 bits",
            });
        }
    };
    let channels = usize::from(expected.channels);
    if channels == 0 {
        return Err(CodecError::Unsupported {
            codec: CODEC,
            what: "a frame without channels",
        });
    }
    let pixels =
        usize::try_from(u64::from(expected.columns) * u64::from(expected.rows)).unwrap_or(usize::MAX);
    let planes = segments(data, channels * bytes_per_sample)?
        .iter()
        .map(|segment| unpack(segment, pixels))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Decoded {
        columns: expected.columns,
        rows: expected.rows,
        channels: expected.channels,
        precision_bits: u8::try_from(bits_allocated).unwrap_or(u8::MAX),
        signed: false,
        color: ColorSpace::AsDeclared,
        samples: join(planes, bytes_per_sample),
    })
}

/// One segment's bytes and where they start in the frame.
struct Segment<'a> {
    bytes: &'a [u8],
    start: usize,
}

/// Cuts the frame into its segments by the header's offsets. Each ends where the next begins, the last at the end of the data.
fn segments(data: &[u8], wanted: usize) -> Result<Vec<Segment<'_>>, CodecError> {
    let Some(header) = data.get(..HEADER_BYTES) else {
        return Err(CodecError::Truncated {
            codec: CODEC,
            offset: data.len(),
        });
    };
    let mut words = header
        .as_chunks::<4>()
        .0
        .iter()
        .map(|word| usize::try_from(u32::from_le_bytes(*word)).unwrap_or(usize::MAX));
    let count = words.next().unwrap_or(0);
    if count != wanted || count > MAX_SEGMENTS {
        return Err(CodecError::Mismatch {
            codec: CODEC,
            actual: format!("{count} segments"),
            expected: format!("{wanted} segments"),
        });
    }
    let mut starts: Vec<usize> = words.take(count).collect();
    starts.push(data.len());
    starts
        .windows(2)
        .enumerate()
        .map(|(index, pair)| {
            let malformed = CodecError::Malformed {
                codec: CODEC,
                what: "segment offset outside the data or out of order",
                offset: 4 + 4 * index,
            };
            let &[start, end] = pair else {
                return Err(malformed);
            };
            match data.get(start..end) {
                Some(bytes) if start >= HEADER_BYTES => Ok(Segment { bytes, start }),
                _ => Err(malformed),
            }
        })
        .collect()
}

/// Undoes PackBits (PS3.5 G.3.2) for one segment that must give `length` bytes.
///
/// While it is written the plane has one packet of slack, so that every packet can be written in whole blocks.
fn unpack(segment: &Segment<'_>, length: usize) -> Result<Vec<u8>, CodecError> {
    let source = segment.bytes;
    let truncated = || CodecError::Truncated {
        codec: CODEC,
        offset: segment.start + source.len(),
    };
    // Two bytes give at most one full packet: a segment too short for the picture is refused before memory is taken.
    if length > source.len().saturating_mul(PACKET_BYTES / 2) {
        return Err(truncated());
    }
    let mut plane = vec![0u8; length + PACKET_BYTES];
    let (mut read, mut written) = (0usize, 0usize);
    while written < length {
        let Some(&control) = source.get(read) else {
            return Err(truncated());
        };
        read += 1;
        // `written < length`, so a packet of at most 128 bytes fits in the slack.
        let Some(target) = plane.get_mut(written..written + PACKET_BYTES) else {
            return Err(truncated());
        };
        match control {
            0..=127 => {
                let count = usize::from(control) + 1;
                copy_literal(
                    source.get(read..).unwrap_or_default(),
                    target,
                    count.min(length - written),
                )
                .ok_or_else(truncated)?;
                read += count;
                written += count;
            }
            128 => {}
            129..=255 => {
                let Some(&value) = source.get(read) else {
                    return Err(truncated());
                };
                let count = 257 - usize::from(control);
                for block in target
                    .as_chunks_mut::<BLOCK>()
                    .0
                    .iter_mut()
                    .take(count.div_ceil(BLOCK))
                {
                    *block = [value; BLOCK];
                }
                read += 1;
                written += count;
            }
        }
    }
    plane.truncate(length);
    Ok(plane)
}

/// Copies `count` bytes, rounded up to whole blocks where the source has them. `None` if the source is too short.
#[inline(always)]
fn copy_literal(source: &[u8], target: &mut [u8], count: usize) -> Option<()> {
    let blocks = count.div_ceil(BLOCK);
    if let Some(rounded) = source.get(..blocks * BLOCK) {
        for (to, from) in target
            .as_chunks_mut::<BLOCK>()
            .0
            .iter_mut()
            .zip(rounded.as_chunks::<BLOCK>().0)
        {
            *to = *from;
        }
    } else {
        target.get_mut(..count)?.copy_from_slice(source.get(..count)?);
    }
    Some(())
}

/// Joins byte planes (channel by channel, most significant byte first) to `[row][column][channel]`.
fn join(planes: Vec<Vec<u8>>, bytes_per_sample: usize) -> Samples {
    match bytes_per_sample {
        1 => match <[Vec<u8>; 1]>::try_from(planes) {
            Ok([plane]) => Samples::U8(plane),
            Err(planes) => Samples::U8(interleave(&planes, 1, |group| bytes(group, 0).iter().copied())),
        },
        2 => Samples::U16(interleave(&planes, 2, |group| {
            bytes(group, 0)
                .iter()
                .zip(bytes(group, 1))
                .map(|(&high, &low)| u16::from_be_bytes([high, low]))
        })),
        _ => Samples::I32(interleave(&planes, 4, |group| {
            let high = bytes(group, 0).iter().zip(bytes(group, 1));
            let low = bytes(group, 2).iter().zip(bytes(group, 3));
            high.zip(low)
                .map(|((&a, &b), (&c, &d))| i32::from_be_bytes([a, b, c, d]))
        })),
    }
}

/// The plane of one byte of a channel.
fn bytes(group: &[Vec<u8>], index: usize) -> &[u8] {
    group.get(index).map_or(&[], Vec::as_slice)
}

/// Puts channel beside channel. `samples_of` gives the samples of one channel from its `planes_each` byte planes.
fn interleave<'p, T: Copy + Default, I: Iterator<Item = T>>(
    planes: &'p [Vec<u8>],
    planes_each: usize,
    samples_of: impl Fn(&'p [Vec<u8>]) -> I,
) -> Vec<T> {
    if planes.len() == planes_each {
        return samples_of(planes).collect();
    }
    let channels = planes.len() / planes_each;
    let pixels = planes.first().map_or(0, Vec::len);
    let mut samples = vec![T::default(); pixels * channels];
    for (channel, group) in planes.chunks_exact(planes_each).enumerate() {
        for (slot, sample) in samples
            .iter_mut()
            .skip(channel)
            .step_by(channels)
            .zip(samples_of(group))
        {
            *slot = sample;
        }
    }
    samples
}
