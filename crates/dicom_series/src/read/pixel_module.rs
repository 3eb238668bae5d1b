//! The Image Pixel module (PS3.3 C.7.6.3): how pixels are stored and where they lie, checked before anyone relies
//! on it.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use intake::budget::{self, BudgetError};

use crate::instance::{ByteOrder, Photometric, PixelDescription, PixelLocation, Planar, SampleFormat, Sign};

use super::error::ReadError;
use super::header::Order;
use super::locate::{Encapsulated, frames_of};
use super::syntax::{Compression, Syntax, sniff};
use super::tree::{Element, RawPixels, Tree, View};
use super::value::Kind;
use super::walk::wide;

/// Frames of one instance: each costs memory for its description, which the file need not hold.
pub const MAX_FRAMES: u64 = 65_536;

/// Reads the module of a data set that has pixel data.
pub(crate) fn pixel_description(
    tree: &Tree<'_>,
    pixels: &RawPixels,
    syntax: Syntax,
    sop_class: &str,
) -> Result<PixelDescription, ReadError> {
    let module = Module {
        view: tree.root(),
        sop_class,
    };
    let element = *match pixels {
        RawPixels::Native(element) | RawPixels::Encapsulated { element, .. } => element,
    };
    let format = match element.tag {
        tags::FLOAT_PIXEL_DATA => SampleFormat::Float32,
        tags::DOUBLE_FLOAT_PIXEL_DATA => SampleFormat::Float64,
        _ => SampleFormat::Integer,
    };
    let rows = module.side(tags::ROWS, "Rows", budget::Budget::Rows)?;
    let columns = module.side(tags::COLUMNS, "Columns", budget::Budget::Columns)?;
    let photometric = module.photometric();
    let samples_per_pixel = module.samples_per_pixel(photometric)?;
    let bits = module.bits(format)?;
    let sign = module.sign(format)?;
    let planar = module.planar(samples_per_pixel)?;
    let frames = module.frames()?;
    let bytes_per_sample = u64::from(bits.allocated.div_ceil(8));
    budget::check_frame(
        u64::from(rows),
        u64::from(columns),
        u64::from(samples_per_pixel),
        bytes_per_sample,
    )
    .map_err(|source| module.over(tags::ROWS, source))?;
    let mut description = PixelDescription {
        rows,
        columns,
        frames,
        samples_per_pixel,
        photometric,
        planar,
        bits_allocated: bits.allocated,
        bits_stored: bits.stored,
        high_bit: bits.high,
        sign,
        padding: module.padding(sign),
        format,
        byte_order: byte_order(element, syntax, bits.allocated),
        location: PixelLocation::Native { offset: 0, len: 0 },
    };
    description.location = match pixels {
        RawPixels::Native(element) => native(tree, *element, syntax, &mut description)?,
        RawPixels::Encapsulated {
            element,
            table,
            fragments,
        } => encapsulated(tree, *element, *table, fragments, syntax, frames)?,
    };
    Ok(description)
}

/// Order of the bytes of native samples.
fn byte_order(element: Element, syntax: Syntax, bits_allocated: u16) -> ByteOrder {
    if element.order == Order::Little && !syntax.big_samples {
        return ByteOrder::Little;
    }
    match bits_allocated {
        // Pixel data of at most 8 bits are words only where the file says so.
        1..=8 if element.vr == VR::OW => ByteOrder::BigWords,
        1..=8 => ByteOrder::Little,
        _ => ByteOrder::Big,
    }
}

/// Checks that native pixel data hold what the picture needs.
fn native(
    tree: &Tree<'_>,
    element: Element,
    syntax: Syntax,
    description: &mut PixelDescription,
) -> Result<PixelLocation, ReadError> {
    let actual = wide(element.len);
    let needed = native_len(description);
    if description.photometric == Photometric::YbrFull422 && actual >= full_len(description) {
        tree.notes
            .odd("pixels declared as YBR_FULL_422 are not subsampled".to_owned());
        description.photometric = Photometric::YbrFull;
    }
    if actual < needed {
        return Err(ReadError::PixelDataShort {
            tag: element.tag,
            offset: wide(element.offset),
            actual,
            needed,
            frames: description.frames,
            columns: description.columns,
            rows: description.rows,
        });
    }
    let needed = native_len(description);
    if actual > needed.saturating_add(needed % 2) {
        tree.notes.odd(format!(
            "{} bytes follow the pixels within the pixel data",
            actual.saturating_sub(needed)
        ));
    }
    if syntax.compression != Compression::Native {
        tree.notes
            .odd("pixels are not compressed, although the transfer syntax says so".to_owned());
    }
    Ok(PixelLocation::Native {
        offset: wide(element.offset),
        len: actual,
    })
}

/// Bytes of all frames without subsampling.
fn full_len(description: &PixelDescription) -> u64 {
    let samples = u64::from(description.rows)
        .saturating_mul(u64::from(description.columns))
        .saturating_mul(u64::from(description.samples_per_pixel))
        .saturating_mul(u64::from(description.frames));
    if description.bits_allocated == 1 {
        samples.div_ceil(8)
    } else {
        samples.saturating_mul(u64::from(description.bits_allocated / 8))
    }
}

/// Bytes that all native frames take.
fn native_len(description: &PixelDescription) -> u64 {
    if description.photometric == Photometric::YbrFull422 {
        // Two pixels share one pair of chrominances: four samples in place of six.
        full_len(description) / 3 * 2
    } else {
        full_len(description)
    }
}

/// Finds the frames of encapsulated pixel data.
fn encapsulated(
    tree: &Tree<'_>,
    element: Element,
    table: (usize, usize),
    fragments: &[(u64, u64)],
    syntax: Syntax,
    frames: u32,
) -> Result<PixelLocation, ReadError> {
    if syntax.compression == Compression::Native {
        tree.notes
            .odd("pixels are encapsulated, although the transfer syntax says that they are not".to_owned());
    }
    let basic = tree
        .bytes
        .get(table.0..table.0.saturating_add(table.1))
        .unwrap_or_default();
    let frames = frames_of(
        Encapsulated {
            bytes: tree.bytes,
            order: element.order,
            basic,
            extended: tree
                .root()
                .get(tags::EXTENDED_OFFSET_TABLE)
                .map(|value| value.bytes),
            fragments,
            frames,
        },
        &tree.notes,
    )?;
    let found = frames
        .first()
        .and_then(|frame| frame.first())
        .and_then(|&(offset, len)| {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(len).ok()?)?;
            sniff(tree.bytes.get(start..end)?)
        });
    if found.is_some_and(|found| found != syntax.compression) && syntax.compression != Compression::Video {
        tree.notes
            .odd("the compressed stream is not of the declared transfer syntax".to_owned());
    }
    Ok(PixelLocation::Encapsulated { frames })
}

/// Bits of a sample.
struct Bits {
    allocated: u16,
    stored: u16,
    high: u16,
}

/// The module while it is read.
struct Module<'t> {
    view: View<'t>,
    sop_class: &'t str,
}

impl Module<'_> {
    fn missing(&self, tag: Tag, name: &'static str) -> ReadError {
        missing(tag, name, self.sop_class)
    }

    fn bad(&self, tag: Tag, name: &'static str, actual: i64, expected: &'static str) -> ReadError {
        ReadError::Value {
            tag,
            name,
            offset: self.offset(tag),
            actual,
            expected,
        }
    }

    fn over(&self, tag: Tag, source: BudgetError) -> ReadError {
        ReadError::Budget {
            tag,
            offset: self.offset(tag),
            source,
        }
    }

    fn offset(&self, tag: Tag) -> u64 {
        self.view.element(tag).map_or(0, |element| wide(element.offset))
    }

    fn odd(&self, what: &str) {
        self.view.tree().notes.odd(what.to_owned());
    }

    /// An integer that must be there.
    fn needed(&self, tag: Tag, name: &'static str) -> Result<i64, ReadError> {
        self.view
            .integer(tag, Kind::U16)
            .ok_or_else(|| self.missing(tag, name))
    }

    /// Rows or Columns.
    fn side(&self, tag: Tag, name: &'static str, limit: budget::Budget) -> Result<u32, ReadError> {
        let side = self.needed(tag, name)?;
        let Ok(side @ 1..) = u32::try_from(side) else {
            return Err(self.bad(tag, name, side, "at least 1"));
        };
        limit
            .check(u64::from(side), budget::MAX_FRAME_SIDE)
            .map_err(|source| self.over(tag, source))?;
        Ok(side)
    }

    fn photometric(&self) -> Photometric {
        let Some(term) = self.view.code(tags::PHOTOMETRIC_INTERPRETATION) else {
            self.odd("the photometric interpretation is missing");
            return Photometric::Other;
        };
        match term.trim_end_matches('\\').trim().to_ascii_uppercase().as_str() {
            "MONOCHROME1" => Photometric::Monochrome1,
            "MONOCHROME2" => Photometric::Monochrome2,
            "PALETTE COLOR" | "PALETTECOLOR" | "PALETTE_COLOR" => Photometric::PaletteColor,
            "RGB" => Photometric::Rgb,
            "YBR_FULL" => Photometric::YbrFull,
            "YBR_FULL_422" => Photometric::YbrFull422,
            "YBR_PARTIAL_422" => Photometric::YbrPartial422,
            "YBR_PARTIAL_420" => Photometric::YbrPartial420,
            "YBR_ICT" => Photometric::YbrIct,
            "YBR_RCT" => Photometric::YbrRct,
            _ => {
                self.odd("the photometric interpretation is not known");
                Photometric::Other
            }
        }
    }

    fn samples_per_pixel(&self, photometric: Photometric) -> Result<u16, ReadError> {
        const NAME: &str = "Samples per Pixel";
        let tag = tags::SAMPLES_PER_PIXEL;
        let Some(samples) = self.view.integer(tag, Kind::U16) else {
            self.odd("the samples per pixel are missing and are taken from the photometric interpretation");
            return Ok(match photometric {
                Photometric::Monochrome1
                | Photometric::Monochrome2
                | Photometric::PaletteColor
                | Photometric::Other => 1,
                _ => 3,
            });
        };
        // 4 was allowed with the retired ARGB and CMYK.
        match u16::try_from(samples) {
            Ok(samples @ (1 | 3 | 4)) => Ok(samples),
            _ => Err(self.bad(tag, NAME, samples, "1, 3 or 4")),
        }
    }

    fn bits(&self, format: SampleFormat) -> Result<Bits, ReadError> {
        let whole = |bits: u16| Bits {
            allocated: bits,
            stored: bits,
            high: bits.saturating_sub(1),
        };
        match format {
            SampleFormat::Float32 => return Ok(whole(32)),
            SampleFormat::Float64 => return Ok(whole(64)),
            SampleFormat::Integer => {}
        }
        let tag = tags::BITS_ALLOCATED;
        let allocated = self.needed(tag, "Bits Allocated")?;
        let Ok(allocated @ (1 | 8 | 16 | 24 | 32)) = u16::try_from(allocated) else {
            return Err(self.bad(tag, "Bits Allocated", allocated, "1, 8, 16, 24 or 32"));
        };
        let tag = tags::BITS_STORED;
        let stored = match self.view.integer(tag, Kind::U16) {
            None => {
                self.odd("the bits stored are missing and are taken to be all");
                allocated
            }
            Some(stored) => match u16::try_from(stored) {
                Ok(stored) if (1..=allocated).contains(&stored) => stored,
                _ => return Err(self.bad(tag, "Bits Stored", stored, "from 1 to the bits allocated")),
            },
        };
        let lowest = stored.saturating_sub(1);
        let high = match self.view.integer(tags::HIGH_BIT, Kind::U16).map(u16::try_from) {
            Some(Ok(high)) if (lowest..allocated).contains(&high) => high,
            _ => {
                self.odd("the high bit is missing or wrong and is taken from the bits stored");
                lowest
            }
        };
        Ok(Bits {
            allocated,
            stored,
            high,
        })
    }

    fn sign(&self, format: SampleFormat) -> Result<Sign, ReadError> {
        if format != SampleFormat::Integer {
            return Ok(Sign::Signed);
        }
        let tag = tags::PIXEL_REPRESENTATION;
        match self.view.integer(tag, Kind::U16) {
            Some(0) => Ok(Sign::Unsigned),
            Some(1) => Ok(Sign::Signed),
            Some(other) => Err(self.bad(tag, "Pixel Representation", other, "0 or 1")),
            None => {
                self.odd("the pixel representation is missing; values are taken as unsigned");
                Ok(Sign::Unsigned)
            }
        }
    }

    fn planar(&self, samples_per_pixel: u16) -> Result<Planar, ReadError> {
        if samples_per_pixel == 1 {
            return Ok(Planar::ByPixel);
        }
        let tag = tags::PLANAR_CONFIGURATION;
        match self.view.integer(tag, Kind::U16) {
            Some(0) => Ok(Planar::ByPixel),
            Some(1) => Ok(Planar::ByPlane),
            Some(other) => Err(self.bad(tag, "Planar Configuration", other, "0 or 1")),
            None => {
                self.odd("the planar configuration is missing; colors are taken to be by pixel");
                Ok(Planar::ByPixel)
            }
        }
    }

    /// Number of Frames; one where it is absent or makes no sense.
    fn frames(&self) -> Result<u32, ReadError> {
        let tag = tags::NUMBER_OF_FRAMES;
        let Some(value) = self.view.get(tag) else {
            return Ok(1);
        };
        let frames = match value.integer(Kind::Digits).map(u32::try_from) {
            Some(Ok(frames @ 1..)) => frames,
            Some(Err(_)) if value.integer(Kind::Digits).is_some_and(|frames| frames > 0) => u32::MAX,
            _ => {
                self.odd("the number of frames is not readable and is taken to be 1");
                1
            }
        };
        if u64::from(frames) > MAX_FRAMES {
            return Err(self.bad(tag, "Number of Frames", i64::from(frames), "at most 65536"));
        }
        Ok(frames)
    }

    /// Pixel Padding Value and Range Limit, in order.
    fn padding(&self, sign: Sign) -> Option<[i64; 2]> {
        let read = |tag| {
            let value = self.view.get(tag)?;
            let number = value.integer(Kind::U16)?;
            // Where the file does not say `SS`, it is that of the pixels.
            let signed = sign == Sign::Signed && value.element.vr != VR::SS && value.element.len == 2;
            Some(match i16::try_from(number.saturating_sub(0x1_0000)) {
                Ok(negative @ ..0) if signed && number >= 0x8000 => i64::from(negative),
                _ => number,
            })
        };
        let value = read(tags::PIXEL_PADDING_VALUE)?;
        let limit = read(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(value);
        Some([value.min(limit), value.max(limit)])
    }
}

/// An element that the object needs is absent.
pub(crate) fn missing(tag: Tag, name: &'static str, sop_class: &str) -> ReadError {
    ReadError::Missing {
        tag,
        name,
        sop_class: if sop_class.is_empty() {
            "an unknown class".to_owned()
        } else {
            sop_class.to_owned()
        },
    }
}
