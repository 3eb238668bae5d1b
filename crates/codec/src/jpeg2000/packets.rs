//! Packets (ISO/IEC 15444-1 B.9, B.10): which code-blocks they add to, how many passes, how many bytes, and where
//! those bytes lie. Nothing is decoded here.

use super::codestream::TileBytes;
use super::header::{BlockStyle, Parameters};
use super::progression::{Stop, walk};
use super::tag_tree::Node;
use super::tile::{Block, Chunk, Layout, NONE, Part, Rect};
use super::{malformed, truncated, unsupported};
use crate::CodecError;

/// Magnitude bits that a coefficient has room for; its sign takes the last of 32.
pub(super) const MAX_BITS: u8 = 31;
/// Passes that a codeword takes when nothing ends it: more than there can be.
const UNBOUNDED: u8 = u8::MAX;
/// The most coding passes a packet can add to a block (table B.4), and that a block is let have.
const MAX_PASSES: u8 = 164;

/// Reads all packets of a tile into `layout`.
///
/// # Errors
/// When a packet is cut or broken, or when packets are missing.
pub(super) fn read(
    layout: &mut Layout,
    parameters: &Parameters,
    bytes: &TileBytes,
    area: Rect,
) -> Result<(), CodecError> {
    if u32::try_from(bytes.body.len()).is_err() {
        return Err(unsupported("a tile of 4 GiB"));
    }
    let mut cursor = Cursor {
        body: &bytes.body,
        at: 0,
        headers: bytes.headers.as_deref(),
        headers_at: 0,
        offset: bytes.offset,
        additions: Vec::new(),
    };
    for progression in parameters.progressions() {
        walk(
            &progression,
            layout,
            area,
            parameters.layers,
            |layout, stop, layer| {
                let seen = layout.precincts.get_mut(stop.precinct).map(|precinct| {
                    let due = precinct.layers_read == layer;
                    precinct.layers_read += u16::from(due);
                    due
                });
                if seen == Some(true) {
                    cursor.packet(layout, stop, layer, parameters)
                } else {
                    Ok(())
                }
            },
        )?;
    }
    if layout
        .precincts
        .iter()
        .any(|precinct| precinct.layers_read < parameters.layers)
    {
        return Err(malformed(
            "progression changes leave packets out",
            cursor.offset + cursor.at,
        ));
    }
    Ok(())
}

/// Where reading stands in the packets of a tile.
struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
    headers: Option<&'a [u8]>,
    headers_at: usize,
    /// Offset of the body in the frame, for messages.
    offset: usize,
    /// What the packet at hand adds, until its body is shared out: block, passes, bytes, whether it opens a
    /// codeword.
    additions: Vec<Addition>,
}

#[derive(Clone, Copy)]
struct Addition {
    block: u32,
    passes: u8,
    length: u32,
    opens: bool,
}

impl Cursor<'_> {
    fn packet(
        &mut self,
        layout: &mut Layout,
        stop: Stop,
        layer: u16,
        parameters: &Parameters,
    ) -> Result<(), CodecError> {
        if parameters.sop && self.rest().starts_with(&[0xFF, 0x91]) {
            self.at += 6;
        }
        let (source, start) = match self.headers {
            Some(headers) => (headers, self.headers_at),
            None => (self.body, self.at),
        };
        let mut bits = HeaderBits::new(source, start, self.offset);
        self.additions.clear();
        if bits.bit()? {
            self.header(layout, stop, layer, &mut bits)?;
        }
        let mut end = bits.finish();
        if parameters.eph
            && source
                .get(end..)
                .is_some_and(|rest| rest.starts_with(&[0xFF, 0x92]))
        {
            end += 2;
        }
        match self.headers {
            Some(_) => self.headers_at = end,
            None => self.at = end,
        }
        self.share_out(layout)
    }

    fn rest(&self) -> &[u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// Reads the header of a packet that is not empty.
    fn header(
        &mut self,
        layout: &mut Layout,
        stop: Stop,
        layer: u16,
        bits: &mut HeaderBits<'_>,
    ) -> Result<(), CodecError> {
        let at = self.offset + self.at;
        let component = layout.components.get(stop.component);
        let first = layout
            .precincts
            .get(stop.precinct)
            .map(|precinct| precinct.first_part);
        let (Some(component), Some(first)) = (component, first) else {
            return Ok(());
        };
        let Some(resolution) = component.resolutions.get(usize::from(stop.resolution)) else {
            return Ok(());
        };
        let style = component.style.block_style;
        for (part, band) in layout.parts.iter().skip(first).zip(&resolution.bands) {
            let reader = BlockReader {
                part,
                band_bits: band.bits,
                style,
                layer,
                at,
            };
            let blocks = layout.blocks.get_mut(part.first_block..).unwrap_or_default();
            let leaves = (0..part.grid[1]).flat_map(|y| (0..part.grid[0]).map(move |x| [x, y]));
            for ((index, block), leaf) in (part.first_block..).zip(blocks).zip(leaves) {
                let index = u32::try_from(index).map_err(|_| unsupported("a tile of 4 Gi code-blocks"))?;
                reader.read(leaf, index, block, &mut layout.nodes, bits, &mut self.additions)?;
            }
        }
        Ok(())
    }

    /// Gives each addition its bytes from the packet's body.
    fn share_out(&mut self, layout: &mut Layout) -> Result<(), CodecError> {
        for addition in &self.additions {
            let start = self.at;
            let end = start.saturating_add(addition.length as usize);
            if end > self.body.len() {
                return Err(truncated(self.offset + self.body.len()));
            }
            self.at = end;
            let Some(block) = layout.blocks.get_mut(addition.block as usize) else {
                continue;
            };
            let index =
                u32::try_from(layout.chunks.len()).map_err(|_| unsupported("a tile of 4 Gi passes"))?;
            match layout.chunks.get_mut(block.last_chunk as usize) {
                Some(tail) if block.last_chunk != NONE => tail.next = index,
                _ => block.first_chunk = index,
            }
            block.last_chunk = index;
            let Addition {
                passes,
                length,
                opens,
                ..
            } = *addition;
            layout.chunks.push(Chunk {
                start: start as u32,
                length,
                passes,
                opens,
                next: NONE,
            });
        }
        Ok(())
    }
}

/// Reads what a packet header says of the blocks of one part.
struct BlockReader<'a> {
    part: &'a Part,
    band_bits: u8,
    style: BlockStyle,
    layer: u16,
    /// Offset of the packet, for messages.
    at: usize,
}

impl BlockReader<'_> {
    /// Reads what is said of one block, the one at `leaf` in its part.
    fn read(
        &self,
        leaf: [u32; 2],
        index: u32,
        block: &mut Block,
        nodes: &mut [Node],
        bits: &mut HeaderBits<'_>,
        additions: &mut Vec<Addition>,
    ) -> Result<(), CodecError> {
        if block.length_bits == 0 {
            let limit = self.layer.saturating_add(1);
            if self.part.inclusion.below(leaf, limit, nodes, bits)?.is_none() {
                return Ok(());
            }
            block.zero_planes = self.zero_planes(leaf, nodes, bits)?;
            block.length_bits = 3;
        } else if !bits.bit()? {
            return Ok(());
        }
        let passes = pass_count(bits)?;
        while bits.bit()? {
            block.length_bits += 1;
            if block.length_bits > 32 {
                return Err(malformed("code-block length of too many bits", self.at));
            }
        }
        if self.style.high_throughput() {
            high_throughput_lengths(block, index, passes, bits, additions, self.at)?;
        } else {
            lengths(block, index, passes, self.style, bits, additions)?;
        }
        check_block(block, self.band_bits, self.style, self.at)
    }

    fn zero_planes(
        &self,
        leaf: [u32; 2],
        nodes: &mut [Node],
        bits: &mut HeaderBits<'_>,
    ) -> Result<u8, CodecError> {
        for limit in 1..=u16::from(self.band_bits) + 1 {
            if let Some(planes) = self.part.zero_planes.below(leaf, limit, nodes, bits)? {
                return Ok(planes as u8);
            }
        }
        Err(malformed(
            "code-block with more zero bit-planes than bits",
            self.at,
        ))
    }
}

/// Table B.4.
fn pass_count(bits: &mut HeaderBits<'_>) -> Result<u8, CodecError> {
    if !bits.bit()? {
        return Ok(1);
    }
    if !bits.bit()? {
        return Ok(2);
    }
    Ok(match bits.bits(2)? {
        3 => match bits.bits(5)? {
            31 => 37 + bits.bits(7)? as u8,
            few => 6 + few as u8,
        },
        few => 3 + few as u8,
    })
}

/// Splits `passes` among codewords and reads the length of each (B.10.7).
fn lengths(
    block: &mut Block,
    index: u32,
    passes: u8,
    style: BlockStyle,
    bits: &mut HeaderBits<'_>,
    additions: &mut Vec<Addition>,
) -> Result<(), CodecError> {
    let mut left = passes;
    while left > 0 {
        let opens = block.room == 0;
        if opens {
            block.room = codeword_passes(block.passes, style);
        }
        let count = left.min(block.room);
        let length = bits.bits(block.length_bits + count.ilog2() as u8)?;
        additions.push(Addition {
            block: index,
            passes: count,
            length,
            opens,
        });
        if block.room != UNBOUNDED {
            block.room -= count;
        }
        block.passes = block.passes.saturating_add(count);
        left -= count;
    }
    Ok(())
}

/// How many passes the codeword takes that begins with pass number `first` (D.4.2, D.6).
fn codeword_passes(first: u8, style: BlockStyle) -> u8 {
    match (style.terminate_all(), style.bypass()) {
        (true, _) => 1,
        (false, false) => UNBOUNDED,
        (false, true) if first < 10 => 10 - first,
        // From the fifth plane on: two raw passes, then a clean-up pass.
        (false, true) if (first - 10).is_multiple_of(3) => 2,
        (false, true) => 1,
    }
}

/// The lengths of a high-throughput block: its clean-up pass, then both refining passes together (15444-15, 7.3
/// and annex B). Passes in front of the clean-up pass, in threes, are only counted: each three stand for a
/// bit-plane that is skipped.
fn high_throughput_lengths(
    block: &mut Block,
    index: u32,
    passes: u8,
    bits: &mut HeaderBits<'_>,
    additions: &mut Vec<Addition>,
    at: usize,
) -> Result<(), CodecError> {
    let mut left = passes;
    if block.passes == 0 {
        let skipped = (passes - 1) / 3;
        block.zero_planes = block.zero_planes.saturating_add(skipped);
        left -= 3 * skipped;
        let length = bits.bits(block.length_bits + (3 * skipped + 1).ilog2() as u8)?;
        if length < 2 {
            return Err(malformed("clean-up pass shorter than its own tail", at));
        }
        additions.push(Addition {
            block: index,
            passes: 1,
            length,
            opens: true,
        });
        block.passes = 1;
        left -= 1;
    }
    if left > 0 {
        let length = bits.bits(block.length_bits + left.ilog2() as u8)?;
        additions.push(Addition {
            block: index,
            passes: left,
            length,
            opens: block.passes == 1,
        });
        block.passes = block.passes.saturating_add(left);
    }
    Ok(())
}

/// Refuses blocks that can't be decoded.
fn check_block(block: &Block, band_bits: u8, style: BlockStyle, at: usize) -> Result<(), CodecError> {
    let planes = band_bits.saturating_sub(block.zero_planes);
    if planes > MAX_BITS || style.high_throughput() && band_bits > MAX_BITS {
        return Err(unsupported("a code-block of more than 31 magnitude bits"));
    }
    // A part 1 block may have passes beyond its last bit-plane, which some encoders write; they say nothing.
    let limit = match (planes, style.high_throughput()) {
        (_, false) => MAX_PASSES,
        (0, true) => 0,
        (1, true) => 1,
        (_, true) => 3,
    };
    if block.passes > limit {
        Err(malformed("more coding passes than bit-planes", at))
    } else {
        Ok(())
    }
}

/// The bits of packet headers: after a byte of ones comes a stuffed zero bit (B.10.1).
pub(super) struct HeaderBits<'a> {
    data: &'a [u8],
    at: usize,
    byte: u8,
    left: u8,
    offset: usize,
}

impl<'a> HeaderBits<'a> {
    fn new(data: &'a [u8], at: usize, offset: usize) -> Self {
        Self {
            data,
            at,
            byte: 0,
            left: 0,
            offset,
        }
    }

    /// The next bit.
    pub(super) fn bit(&mut self) -> Result<bool, CodecError> {
        if self.left == 0 {
            self.left = if self.byte == 0xFF { 7 } else { 8 };
            self.byte = *self
                .data
                .get(self.at)
                .ok_or_else(|| truncated(self.offset + self.at))?;
            self.at += 1;
        }
        self.left -= 1;
        Ok(self.byte >> self.left & 1 != 0)
    }

    /// The next `count` bits, at most 32 of them kept.
    fn bits(&mut self, count: u8) -> Result<u32, CodecError> {
        let mut value = 0_u32;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bit()?);
        }
        Ok(value)
    }

    /// Where the header ends: at a byte, and past the stuffed bit that follows a last byte of ones.
    fn finish(self) -> usize {
        self.at + usize::from(self.byte == 0xFF)
    }
}
