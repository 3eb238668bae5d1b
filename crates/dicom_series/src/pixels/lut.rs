//! Lookup tables out of the data set: the modality LUT (PS3.3 C.11.1), which turns stored values into measured
//! ones, and palettes, plain or in segments (PS3.3 C.7.9.2).

use crate::instance::{ByteOrder, Image, Instance, LookupForm, LookupTable, Sign};

use super::error::PixelError;
use super::{DataSet, Frame, PixelSamples, image_of, native};

/// The values that frame number `index`, decoded as `frame`, stands for: `[row][column][channel]`, in the unit of
/// [`Image::unit`]. Its rescale or modality lookup table is applied; without either they are the stored values.
///
/// # Errors
/// [`PixelError::Lookup`] if the table is damaged; if the instance has no such frame.
pub fn modality_values(
    frame: &Frame,
    data_set: &DataSet<'_>,
    instance: &Instance,
    index: u32,
) -> Result<Vec<f32>, PixelError> {
    let image = image_of(instance, index)?;
    let description = usize::try_from(index)
        .ok()
        .and_then(|index| image.frames.get(index));
    if description.is_some_and(|description| description.modality_lut) {
        let (table, entries) = modality(&data_set.bytes, image)?;
        return Ok(map(&frame.samples, |value| {
            f32::from(entry(&entries, table.first, value as i64))
        }));
    }
    let rescale = description.and_then(|description| description.rescale);
    let (slope, intercept) = rescale.map_or((1.0, 0.0), |rescale| (rescale.slope, rescale.intercept));
    Ok(map(&frame.samples, |value| (slope * value + intercept) as f32))
}

/// Maps samples of any type.
fn map(samples: &PixelSamples, value: impl Fn(f64) -> f32) -> Vec<f32> {
    match samples {
        PixelSamples::U8(samples) => samples.iter().map(|&sample| value(f64::from(sample))).collect(),
        PixelSamples::I8(samples) => samples.iter().map(|&sample| value(f64::from(sample))).collect(),
        PixelSamples::U16(samples) => samples.iter().map(|&sample| value(f64::from(sample))).collect(),
        PixelSamples::I16(samples) => samples.iter().map(|&sample| value(f64::from(sample))).collect(),
        PixelSamples::U32(samples) => samples.iter().map(|&sample| value(f64::from(sample))).collect(),
        PixelSamples::I32(samples) => samples.iter().map(|&sample| value(f64::from(sample))).collect(),
        PixelSamples::F32(samples) => samples.iter().map(|&sample| value(f64::from(sample))).collect(),
        PixelSamples::F64(samples) => samples.iter().map(|&sample| value(sample)).collect(),
    }
}

/// Applies the modality lookup table to 16-bit samples.
pub(crate) fn apply_modality_in_place(
    bytes: &[u8],
    image: &Image,
    samples: &mut [u16],
) -> Result<(), PixelError> {
    let (table, entries) = modality(bytes, image)?;
    for sample in samples {
        let stored = match image.pixels.sign {
            Sign::Unsigned => i64::from(*sample),
            Sign::Signed => i64::from(sample.cast_signed()),
        };
        *sample = entry(&entries, table.first, stored);
    }
    Ok(())
}

/// The modality lookup table of a picture.
fn modality(bytes: &[u8], image: &Image) -> Result<(LookupTable, Vec<u16>), PixelError> {
    let table = image.lookup.modality.ok_or(PixelError::Lookup {
        name: "modality",
        what: "is not readable",
    })?;
    let entries = entries(bytes, table, "modality")?;
    Ok((table, entries))
}

/// The entry that a stored value takes; values outside the table take its ends.
pub(crate) fn entry(entries: &[u16], first: i32, stored: i64) -> u16 {
    let last = entries.len().saturating_sub(1);
    let index = usize::try_from(stored.saturating_sub(i64::from(first)).max(0))
        .unwrap_or(last)
        .min(last);
    entries.get(index).copied().unwrap_or(0)
}

/// The entries of a table.
pub(crate) fn entries(bytes: &[u8], table: LookupTable, name: &'static str) -> Result<Vec<u16>, PixelError> {
    let data = native::range(bytes, table.offset, table.len)?;
    let count = usize::try_from(table.entries).unwrap_or(usize::MAX);
    let short = PixelError::Lookup {
        name,
        what: "has fewer entries than it declares",
    };
    // Entries of 8 bits are often written in words of 16.
    let in_words =
        table.bits > 8 || (table.form == LookupForm::Plain && data.len() >= count.saturating_mul(2));
    let numbers: Vec<u16> = if in_words {
        data.as_chunks::<2>()
            .0
            .iter()
            .map(|&word| match table.byte_order {
                ByteOrder::Big => u16::from_be_bytes(word),
                _ => u16::from_le_bytes(word),
            })
            .collect()
    } else if table.byte_order == ByteOrder::Big {
        data.as_chunks::<2>()
            .0
            .iter()
            .flat_map(|&[high, low]| [u16::from(low), u16::from(high)])
            .collect()
    } else {
        data.iter().map(|&byte| u16::from(byte)).collect()
    };
    match table.form {
        LookupForm::Plain => numbers.get(..count).map(<[u16]>::to_vec).ok_or(short),
        LookupForm::Segmented => {
            let mut expanded = Segments::new(&numbers, in_words, count);
            expanded.run(&numbers).ok_or(short)?;
            Ok(expanded.out)
        }
    }
}

/// The expansion of a segmented table.
struct Segments<'n> {
    numbers: &'n [u16],
    in_words: bool,
    count: usize,
    /// Segments that may still be expanded: indirect ones could repeat empty ones for long.
    budget: u32,
    out: Vec<u16>,
}

/// More segments than any table of 65,536 entries needs.
const MAX_SEGMENTS: u32 = 1 << 18;

impl<'n> Segments<'n> {
    fn new(numbers: &'n [u16], in_words: bool, count: usize) -> Self {
        Self {
            numbers,
            in_words,
            count,
            budget: MAX_SEGMENTS,
            out: Vec::with_capacity(count),
        }
    }

    /// Expands segments until the table is full.
    fn run(&mut self, numbers: &[u16]) -> Option<()> {
        let mut rest = numbers;
        while self.out.len() < self.count {
            rest = match rest {
                [2, segments, offset @ ..] => {
                    let (from, after) = self.offset(offset)?;
                    self.indirect(usize::from(*segments), from)?;
                    after
                }
                other => self.direct(other)?,
            };
        }
        Some(())
    }

    /// The offset of an indirect segment, as an index of numbers, and what follows it. It counts bytes, the least
    /// significant part first.
    fn offset<'r>(&self, rest: &'r [u16]) -> Option<(usize, &'r [u16])> {
        if self.in_words {
            let (&[low, high], after) = rest.split_first_chunk::<2>()?;
            let bytes = u32::from(low) | (u32::from(high) << 16);
            Some((usize::try_from(bytes / 2).ok()?, after))
        } else {
            let (&[a, b, c, d], after) = rest.split_first_chunk::<4>()?;
            let bytes = [a, b, c, d].map(|number| number as u8);
            Some((usize::try_from(u32::from_le_bytes(bytes)).ok()?, after))
        }
    }

    /// Expands segments that lie elsewhere, which must not be indirect themselves.
    fn indirect(&mut self, segments: usize, from: usize) -> Option<()> {
        let numbers = self.numbers;
        let mut rest = numbers.get(from..)?;
        for _ in 0..segments {
            rest = self.direct(rest)?;
        }
        Some(())
    }

    /// Expands a discrete or linear segment and returns what follows it.
    fn direct<'r>(&mut self, rest: &'r [u16]) -> Option<&'r [u16]> {
        self.budget = self.budget.checked_sub(1)?;
        let (&[opcode, len], rest) = rest.split_first_chunk::<2>()?;
        let len = usize::from(len);
        let room = self.count.saturating_sub(self.out.len());
        match opcode {
            0 => {
                let (values, after) = rest.split_at_checked(len)?;
                self.out.extend(values.iter().take(room));
                Some(after)
            }
            1 => {
                let (&end, after) = rest.split_first()?;
                let start = f64::from(*self.out.last()?);
                let step = (f64::from(end) - start) / (len.max(1) as f64);
                self.out.extend(
                    (1..=len)
                        .take(room)
                        .map(|i| (start + step * i as f64).round() as u16),
                );
                Some(after)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(data: &[u8], entries: u32, bits: u16, form: LookupForm, byte_order: ByteOrder) -> LookupTable {
        LookupTable {
            entries,
            first: 0,
            bits,
            form,
            byte_order,
            offset: 0,
            len: data.len() as u64,
        }
    }

    fn read(data: &[u8], count: u32, bits: u16, form: LookupForm, order: ByteOrder) -> Option<Vec<u16>> {
        entries(data, table(data, count, bits, form, order), "test").ok()
    }

    #[test]
    fn plain_tables_are_read_in_each_width_and_order() {
        use ByteOrder::{Big, Little};
        use LookupForm::Plain;
        assert_eq!(
            read(&[1, 2, 3, 4], 2, 16, Plain, Little),
            Some(vec![0x201, 0x403])
        );
        assert_eq!(read(&[1, 2, 3, 4], 2, 16, Plain, Big), Some(vec![0x102, 0x304]));
        assert_eq!(read(&[1, 2, 3, 4], 3, 8, Plain, Little), Some(vec![1, 2, 3]));
        assert_eq!(read(&[1, 2, 3, 4], 3, 8, Plain, Big), Some(vec![2, 1, 4]));
        assert_eq!(read(&[1, 0, 3, 0], 2, 8, Plain, Little), Some(vec![1, 3]));
        assert_eq!(read(&[1, 2, 3], 2, 16, Plain, Little), None);
    }

    #[test]
    fn segments_expand() {
        let words = |words: &[u16]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
        let segmented = |data: &[u8], count| read(data, count, 16, LookupForm::Segmented, ByteOrder::Little);
        // Discrete 10, 20; linear to 60 in 4; the discrete segment again.
        let data = words(&[0, 2, 10, 20, 1, 4, 60, 2, 1, 0, 0]);
        assert_eq!(segmented(&data, 8), Some(vec![10, 20, 30, 40, 50, 60, 10, 20]));
        assert_eq!(segmented(&data, 5), Some(vec![10, 20, 30, 40, 50]));
        assert_eq!(segmented(&data, 9), None);
        // Linear without a start, an indirect segment that leads to itself, empty segments for ever.
        assert_eq!(segmented(&words(&[1, 2, 5]), 2), None);
        assert_eq!(segmented(&words(&[2, 1, 0, 0]), 2), None);
        let empty = words(&[0, 0, 2, 65535, 0, 0]);
        assert_eq!(segmented(&empty.repeat(50), 2), None);
    }

    #[test]
    fn values_outside_take_the_ends() {
        let entries = [7, 8, 9];
        assert_eq!(
            [-40, -3, -2, -1, 0, i64::MAX].map(|stored| entry(&entries, -3, stored)),
            [7, 7, 8, 9, 9, 9]
        );
    }
}
