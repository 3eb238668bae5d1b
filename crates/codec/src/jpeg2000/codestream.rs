//! From markers to tiles: the main header's parameters, and for each tile its headers and packet bytes
//! (ISO/IEC 15444-1 annex A).

use super::header::{Parameters, Scope, Size};
use super::malformed;
use super::reader::Reader;
use crate::CodecError;

const SIZ: u16 = 0xFF51;
const SOT: u16 = 0xFF90;
const SOD: u16 = 0xFF93;
const PPM: u16 = 0xFF60;
const PPT: u16 = 0xFF61;

/// A codestream, taken apart but not decoded.
#[derive(Debug)]
pub(super) struct Codestream<'a> {
    pub(super) size: Size,
    /// What the main header says; `Tile` adds what the tile says.
    main: Parameters,
    /// One entry a tile, by rows.
    pub(super) tiles: Vec<Tile<'a>>,
    /// Offset in the frame of what follows the last tile-part.
    end: usize,
}

/// The parts of one tile, in the order of the stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Tile<'a> {
    parts: Vec<Part<'a>>,
}

#[derive(Clone, Debug)]
struct Part<'a> {
    /// Marker segments between SOT and SOD.
    header: Reader<'a>,
    /// What follows SOD.
    body: &'a [u8],
    body_offset: usize,
    /// This part's share of the packet headers of PPM.
    packed_headers: Option<Vec<u8>>,
}

/// A tile's packets, as one run of bytes.
#[derive(Debug, Default)]
pub(super) struct TileBytes {
    /// Packet bodies, with their headers unless those are packed.
    pub(super) body: Vec<u8>,
    /// Packet headers that the stream keeps apart (PPM, PPT).
    pub(super) headers: Option<Vec<u8>>,
    /// Offset in the frame of the first body byte, for messages.
    pub(super) offset: usize,
}

/// The main header, and where the first tile-part begins.
#[derive(Debug)]
pub(super) struct MainHeader<'a> {
    pub(super) size: Size,
    parameters: Parameters,
    packed: PackedHeaders,
    rest: Reader<'a>,
}

impl<'a> MainHeader<'a> {
    /// Reads the main header of `data`, which begins with SOC and lies at `base` in the frame.
    pub(super) fn read(data: &'a [u8], base: usize) -> Result<Self, CodecError> {
        let mut rest = Reader::new(data, base);
        rest.take(2)?;
        let at = rest.offset();
        let (marker, mut body) = segment(&mut rest)?;
        if marker != SIZ {
            return Err(malformed("SIZ is not the first segment", at));
        }
        let size = Size::read(&mut body)?;
        let mut parameters = Parameters::new(size.components.len());
        let mut packed = Vec::new();
        loop {
            let mut ahead = rest.clone();
            let (marker, body) = segment(&mut ahead)?;
            match marker {
                SOT => break,
                PPM => packed.push(body),
                _ => parameters.apply(marker, body, Scope::Main)?,
            }
            rest = ahead;
        }
        Ok(Self {
            size,
            parameters,
            packed: PackedHeaders::new(packed)?,
            rest,
        })
    }

    /// Takes what follows the main header apart.
    pub(super) fn tiles(self) -> Result<Codestream<'a>, CodecError> {
        let Self {
            size,
            parameters,
            mut packed,
            rest: mut r,
        } = self;
        let count = usize::try_from(size.tile_count()).unwrap_or(usize::MAX);
        let mut tiles = vec![Tile::default(); count];
        while r.remaining() >= 2 && r.clone().u16()? == SOT {
            let at = r.offset();
            let (index, mut part) = tile_part(&mut r)?;
            part.packed_headers = packed.next()?;
            let tile = tiles
                .get_mut(index)
                .ok_or_else(|| malformed("tile-part of a tile that is not there", at))?;
            tile.parts.push(part);
        }
        // A tile without any part may be one without any sample; else its packets will be missed.
        Ok(Codestream {
            size,
            main: parameters,
            tiles,
            end: r.offset(),
        })
    }
}

impl Codestream<'_> {
    /// The parameters that hold for tile `index`, and its packets.
    pub(super) fn tile(&self, index: usize) -> Result<(Parameters, TileBytes), CodecError> {
        let mut parameters = self.main.clone();
        let mut bytes = TileBytes::default();
        let parts = self
            .tiles
            .get(index)
            .map(|tile| tile.parts.as_slice())
            .unwrap_or_default();
        bytes.offset = parts.first().map_or(self.end, |part| part.body_offset);
        let mut packed = Vec::new();
        for part in parts {
            let mut r = part.header.clone();
            while r.remaining() > 0 {
                let (marker, body) = segment(&mut r)?;
                if marker == PPT {
                    packed.push(body);
                } else {
                    parameters.apply(marker, body, Scope::Tile)?;
                }
            }
            bytes.body.extend_from_slice(part.body);
            if let Some(headers) = &part.packed_headers {
                bytes.headers.get_or_insert_default().extend_from_slice(headers);
            }
        }
        if !packed.is_empty() {
            bytes.headers = Some(in_order(packed)?);
        }
        Ok((parameters, bytes))
    }
}

/// The next marker and its body. Markers without a body (A.1.2) give an empty one.
fn segment<'a>(r: &mut Reader<'a>) -> Result<(u16, Reader<'a>), CodecError> {
    let at = r.offset();
    let marker = r.u16()?;
    if marker < 0xFF30 {
        return Err(malformed("no marker where one must be", at));
    }
    if (0xFF30..=0xFF3F).contains(&marker) || marker == SOD {
        return Ok((marker, Reader::new(&[], r.offset())));
    }
    let length = usize::from(r.u16()?);
    let length = length
        .checked_sub(2)
        .ok_or_else(|| malformed("segment shorter than its own length", at))?;
    let offset = r.offset();
    Ok((marker, Reader::new(r.take(length)?, offset)))
}

/// One tile-part: the index of its tile, its header segments and its body (A.4.2).
fn tile_part<'a>(r: &mut Reader<'a>) -> Result<(usize, Part<'a>), CodecError> {
    let at = r.offset();
    let available = r.remaining();
    let mut ahead = r.clone();
    let (_, mut fields) = segment(&mut ahead)?;
    let index = usize::from(fields.u16()?);
    let declared = fields.u32()? as usize;
    // A length of 0 means up to the end; a longer one than there is shows as a packet that is cut.
    let length = if declared == 0 {
        available
    } else {
        declared.min(available)
    };
    let whole = r.take(length)?;
    let mut part = Reader::new(whole, at);
    segment(&mut part)?;
    let start = part.offset();
    loop {
        let end = part.offset();
        let (marker, _) = segment(&mut part)?;
        if marker == SOD {
            let header = whole.get(start - at..end - at).unwrap_or_default();
            let header = Reader::new(header, start);
            let body_offset = part.offset();
            return Ok((
                index,
                Part {
                    header,
                    body: part.rest(),
                    body_offset,
                    packed_headers: None,
                },
            ));
        }
    }
}

/// Joins segments that carry their place in a sequence in the first byte.
fn in_order(mut segments: Vec<Reader<'_>>) -> Result<Vec<u8>, CodecError> {
    let mut keyed = Vec::new();
    for body in &mut segments {
        keyed.push((body.u8()?, body.rest()));
    }
    keyed.sort_by_key(|(key, _)| *key);
    Ok(keyed
        .iter()
        .flat_map(|(_, bytes)| bytes.iter().copied())
        .collect())
}

/// The packet headers of PPM, shared out to tile-parts in the order of the stream (A.7.4).
#[derive(Debug)]
struct PackedHeaders {
    bytes: Option<Vec<u8>>,
    at: usize,
}

impl PackedHeaders {
    fn new(segments: Vec<Reader<'_>>) -> Result<Self, CodecError> {
        let bytes = if segments.is_empty() {
            None
        } else {
            Some(in_order(segments)?)
        };
        Ok(Self { bytes, at: 0 })
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, CodecError> {
        let Some(bytes) = &self.bytes else { return Ok(None) };
        let mut r = Reader::new(bytes.get(self.at..).unwrap_or_default(), 0);
        let length = r.u32()? as usize;
        let share = r.take(length)?.to_vec();
        self.at += 4 + length;
        Ok(Some(share))
    }
}
