//! Marker segments: what the stream says of the frame, of its scans, and of the coding parameters.

use super::{malformed, truncated, unsupported};
use crate::CodecError;

pub(super) const SOI: u8 = 0xD8;
pub(super) const EOI: u8 = 0xD9;
pub(super) const SOS: u8 = 0xDA;
pub(super) const DRI: u8 = 0xDD;
pub(super) const RST0: u8 = 0xD0;
pub(super) const APP8: u8 = 0xE8;
pub(super) const SOF55: u8 = 0xF7;
pub(super) const LSE: u8 = 0xF8;

/// A place in the stream; every read is checked against its end.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    pub(super) offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, offset: 0 }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.offset..).unwrap_or_default()
    }

    /// The next bytes, or an error at the end of the stream if fewer remain.
    fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let bytes = self.rest().get(..count).ok_or(truncated(self.data.len()))?;
        self.offset = self.offset.saturating_add(count);
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, CodecError> {
        self.take(1).map(|bytes| be(bytes) as u8)
    }

    fn word(&mut self) -> Result<u16, CodecError> {
        self.take(2).map(|bytes| be(bytes) as u16)
    }

    /// The code of the marker that must stand here; fill bytes before it are passed over (T.81 B.1.1.2).
    pub(super) fn marker(&mut self) -> Result<u8, CodecError> {
        let start = self.offset;
        if self.byte()? != 0xFF {
            return Err(malformed("no marker where one must stand", start));
        }
        loop {
            match self.byte()? {
                0xFF => {}
                code => return Ok(code),
            }
        }
    }

    /// The payload of the segment whose marker has just been read, as a cursor that ends with it.
    pub(super) fn segment(&mut self) -> Result<Cursor<'a>, CodecError> {
        let start = self.offset;
        let length = usize::from(self.word()?);
        let payload = length
            .checked_sub(2)
            .ok_or(malformed("segment length below two", start))?;
        self.take(payload)?;
        let data = self.data.get(..self.offset).unwrap_or_default();
        Ok(Cursor {
            data,
            offset: self.offset.saturating_sub(payload),
        })
    }
}

/// A big-endian number of at most four bytes.
fn be(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, &byte| value << 8 | u32::from(byte))
}

/// The frame header, SOF55 (T.87 C.2.2).
pub(super) struct Frame {
    /// P, 2..=16.
    pub(super) precision_bits: u8,
    /// X.
    pub(super) columns: u16,
    /// Y; 0 where a later DNL segment tells it.
    pub(super) rows: u16,
    /// Component identifiers in the order of the channels, 1..=4.
    pub(super) components: Vec<u8>,
}

impl Frame {
    pub(super) fn parse(segment: &mut Cursor<'_>) -> Result<Self, CodecError> {
        let start = segment.offset;
        let precision_bits = segment.byte()?;
        let rows = segment.word()?;
        let columns = segment.word()?;
        let count = segment.byte()?;
        if !(2..=16).contains(&precision_bits) {
            return Err(malformed("precision outside 2 to 16 bits", start));
        }
        if columns == 0 {
            return Err(unsupported("a picture wider than 65535 pixels"));
        }
        if !(1..=4).contains(&count) {
            return Err(unsupported("a picture of more than four components"));
        }
        let mut components = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let id = segment.byte()?;
            let sampling = segment.byte()?;
            segment.byte()?;
            if components.contains(&id) {
                return Err(malformed("two components of one name", start));
            }
            if count > 1 && sampling != 0x11 {
                return Err(unsupported("subsampling of components"));
            }
            components.push(id);
        }
        Ok(Self {
            precision_bits,
            columns,
            rows,
            components,
        })
    }
}

/// How the components of a scan follow each other (T.87 C.2.3, ILV).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interleave {
    /// One component in the scan.
    None,
    /// A line of each in turn.
    Line,
    /// A sample of each in turn.
    Sample,
}

/// The scan header, SOS (T.87 C.2.3).
pub(super) struct Scan {
    /// Channels, as indices into [`Frame::components`], in the order in which the scan codes them.
    pub(super) channels: Vec<usize>,
    /// NEAR: by how much a decoded sample may differ from the original.
    pub(super) near: u8,
    /// ILV.
    pub(super) interleave: Interleave,
}

impl Scan {
    pub(super) fn parse(segment: &mut Cursor<'_>, frame: &Frame) -> Result<Self, CodecError> {
        let start = segment.offset;
        let count = segment.byte()?;
        if !(1..=4).contains(&count) {
            return Err(malformed("a scan must have one to four components", start));
        }
        let mut channels = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let id = segment.byte()?;
            let mapping_table = segment.byte()?;
            let channel = frame.components.iter().position(|&component| component == id);
            let channel = channel.ok_or(malformed(
                "the scan names a component that the frame lacks",
                start,
            ))?;
            if channels.contains(&channel) {
                return Err(malformed("the scan names a component twice", start));
            }
            if mapping_table != 0 {
                return Err(unsupported("a mapping table"));
            }
            channels.push(channel);
        }
        let near = segment.byte()?;
        let interleave = match (segment.byte()?, count) {
            (0..=2, 1) => Interleave::None,
            (1, _) => Interleave::Line,
            (2, _) => Interleave::Sample,
            (0, _) => return Err(malformed("several components without interleaving", start)),
            _ => return Err(malformed("unknown interleave mode", start)),
        };
        if segment.byte()? != 0 {
            return Err(unsupported("a point transform"));
        }
        Ok(Self {
            channels,
            near,
            interleave,
        })
    }
}

/// Coding parameters of an LSE segment; 0 stands for the default (T.87 C.2.4.1.1).
#[derive(Clone, Copy, Default)]
pub(super) struct Preset {
    pub(super) maxval: u16,
    pub(super) thresholds: [u16; 3],
    pub(super) reset: u16,
}

impl Preset {
    /// Reads an LSE segment. Mapping tables are passed over: a scan that uses one is refused by
    /// [`Scan::parse`].
    pub(super) fn parse(segment: &mut Cursor<'_>) -> Result<Option<Self>, CodecError> {
        let start = segment.offset;
        match segment.byte()? {
            1 => Ok(Some(Self {
                maxval: segment.word()?,
                thresholds: [segment.word()?, segment.word()?, segment.word()?],
                reset: segment.word()?,
            })),
            2 | 3 => Ok(None),
            4 => Err(unsupported("a picture larger than 65535 pixels a side")),
            _ => Err(malformed("unknown type of preset parameters", start)),
        }
    }
}

/// The restart interval in lines, 0 for none (T.87 C.2.5 allows two to four bytes).
pub(super) fn parse_restart_interval(segment: &mut Cursor<'_>) -> Result<u32, CodecError> {
    match segment.rest() {
        bytes @ ([_, _] | [_, _, _] | [_, _, _, _]) => Ok(be(bytes)),
        _ => Err(malformed("restart interval of an odd length", segment.offset)),
    }
}

/// Refuses the color transforms that HP's encoder announces in APP8 as `mrfx` and a number other than 0: no
/// DICOM photometric interpretation describes them.
pub(super) fn check_color_transform(segment: &Cursor<'_>) -> Result<(), CodecError> {
    match segment.rest() {
        [b'm', b'r', b'f', b'x', transform, ..] if *transform != 0 => {
            Err(unsupported("the color transform of HP's encoder"))
        }
        _ => Ok(()),
    }
}
