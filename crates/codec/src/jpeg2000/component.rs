//! One tile, from packets to samples: its code-blocks are decoded into a plane of coefficients a component,
//! scaled on the way, and the planes go through the wavelet and the component transform.

use super::codestream::Codestream;
use super::header::Size;
use super::output::Picture;
use super::packets::{self, MAX_BITS};
use super::tile::{Band, Block, BlockShape, Chunk, Layout, NONE, Part, Rect, TileComponent};
use super::{color, ebcot, ht, malformed, wavelet};
use crate::CodecError;

/// The coefficients, later the samples, of one component of a tile: `[row][column]`, as many as its
/// [`rect`](TileComponent::rect) says.
#[derive(Debug)]
pub(super) enum Plane {
    /// Of the reversible path.
    Whole(Vec<i32>),
    /// Of the irreversible path.
    Real(Vec<f32>),
}

/// Decodes tile `index` into `picture`.
pub(super) fn decode_tile(
    stream: &Codestream<'_>,
    index: usize,
    picture: &mut Picture,
    blocks: &mut Blocks,
) -> Result<(), CodecError> {
    let (parameters, bytes) = stream.tile(index)?;
    let area = tile_area(&stream.size, index);
    let mut layout = Layout::new(&stream.size, area, &parameters, &bytes)?;
    packets::read(&mut layout, &parameters, &bytes, area)?;
    let mut decoder = TileDecoder {
        layout: &layout,
        body: &bytes.body,
        at: bytes.offset,
        blocks,
    };
    let mut first = 0;
    // Some encoders announce a transform of fewer than three components, and make none.
    if let ([a, b, c, ..], true) = (layout.components.as_slice(), parameters.color_transform) {
        if a.rect != b.rect || a.rect != c.rect {
            return Err(malformed(
                "a color transform of components of different size",
                bytes.offset,
            ));
        }
        let mut planes = [decoder.plane(a)?, decoder.plane(b)?, decoder.plane(c)?];
        color::undo(&mut planes).ok_or_else(|| {
            malformed(
                "a color transform of components of different wavelets",
                bytes.offset,
            )
        })?;
        for (component, plane) in planes.iter().enumerate() {
            picture.store(component, a.rect, plane);
        }
        picture.is_rgb();
        first = 3;
    }
    for (index, component) in layout.components.iter().enumerate().skip(first) {
        let plane = decoder.plane(component)?;
        picture.store(index, component.rect, &plane);
    }
    Ok(())
}

/// Tile `index` on the reference grid (equations B-7 to B-10).
fn tile_area(size: &Size, index: usize) -> Rect {
    let across = size.tiles_across().max(1);
    let cell = [index as u64 % across, index as u64 / across];
    let edge = |axis: usize, plus: u64| {
        let pick = |pair: [u32; 2]| pair.get(axis).copied().unwrap_or_default();
        let cell = cell.get(axis).copied().unwrap_or_default();
        let at = u64::from(pick(size.tile_origin)) + (cell + plus) * u64::from(pick(size.tile));
        at.clamp(u64::from(pick(size.origin)), u64::from(pick(size.end))) as u32
    };
    Rect {
        start: [edge(0, 0), edge(1, 0)],
        end: [edge(0, 1), edge(1, 1)],
    }
}

struct TileDecoder<'a> {
    layout: &'a Layout,
    body: &'a [u8],
    /// Offset of the body in the frame, for messages.
    at: usize,
    blocks: &'a mut Blocks,
}

/// The block decoders and what they need from block to block, and from tile to tile.
#[derive(Default)]
pub(super) struct Blocks {
    /// Made when the first block needs it.
    part1: Option<ebcot::BlockDecoder>,
    high_throughput: ht::BlockDecoder,
    /// The bytes of one codeword, and the two bytes of ones behind it.
    codeword: Vec<u8>,
}

impl TileDecoder<'_> {
    /// The samples of one component, before any component transform.
    fn plane(&mut self, component: &TileComponent) -> Result<Plane, CodecError> {
        let [width, height] = component.rect.size().map(|extent| extent as usize);
        let mut plane = if component.style.reversible {
            Plane::Whole(vec![0; width * height])
        } else {
            Plane::Real(vec![0.0; width * height])
        };
        for resolution in &component.resolutions {
            let count = resolution.grid[0] as usize * resolution.grid[1] as usize;
            for precinct in self
                .layout
                .precincts
                .iter()
                .skip(resolution.first_precinct)
                .take(count)
            {
                let parts = self.layout.parts.iter().skip(precinct.first_part);
                for (part, band) in parts.zip(&resolution.bands) {
                    self.part(component, part, band, &mut plane, width)?;
                }
            }
        }
        wavelet::inverse(&mut plane, component);
        Ok(plane)
    }

    fn part(
        &mut self,
        component: &TileComponent,
        part: &Part,
        band: &Band,
        plane: &mut Plane,
        width: usize,
    ) -> Result<(), CodecError> {
        let count = part.grid[0] as usize * part.grid[1] as usize;
        let layout = self.layout;
        for block in layout.blocks.iter().skip(part.first_block).take(count) {
            let style = component.style.block_style;
            let planes = band.bits.saturating_sub(block.zero_planes);
            if block.passes == 0 || planes == 0 {
                continue;
            }
            // Room for half a unit, unless magnitudes take all bits.
            let widest = if style.high_throughput() {
                band.bits
            } else {
                planes
            };
            let shape = BlockShape {
                size: block.size,
                kind: band.kind,
                style,
                zero_planes: block.zero_planes,
                planes,
                fraction_bits: u32::from(widest < MAX_BITS),
            };
            let scale = Scale {
                fraction_bits: shape.fraction_bits,
                roi_shift: component.roi_shift,
                quantum: band.quantum,
            };
            if shape.style.high_throughput() {
                self.high_throughput(block, &shape)?;
                scale.place(block, plane, width, |y| self.blocks.high_throughput.row(y));
            } else {
                let decoder = self.part1(block, &shape);
                scale.place(block, plane, width, |y| decoder.row(y));
            }
        }
        Ok(())
    }

    /// Decodes a block of part 1, codeword by codeword.
    fn part1(&mut self, block: &Block, shape: &BlockShape) -> &ebcot::BlockDecoder {
        let Blocks { part1, codeword, .. } = &mut *self.blocks;
        let decoder = part1.get_or_insert_with(ebcot::BlockDecoder::new);
        decoder.start(shape);
        let mut first = 0_u8;
        let mut chunks = Chunks {
            all: &self.layout.chunks,
            next: block.first_chunk,
        }
        .peekable();
        while let Some(head) = chunks.next() {
            codeword.clear();
            codeword.extend_from_slice(body_of(self.body, head));
            let mut passes = head.passes;
            while let Some(more) = chunks.next_if(|chunk| !chunk.opens) {
                codeword.extend_from_slice(body_of(self.body, more));
                passes = passes.saturating_add(more.passes);
            }
            codeword.extend([0xFF, 0xFF]);
            decoder.codeword(shape, first, passes, codeword);
            first = first.saturating_add(passes);
        }
        decoder.finish(shape, first);
        decoder
    }

    /// Decodes a high-throughput block, whose clean-up pass comes in one chunk and whose refining passes in others.
    fn high_throughput(&mut self, block: &Block, shape: &BlockShape) -> Result<(), CodecError> {
        let mut chunks = Chunks {
            all: &self.layout.chunks,
            next: block.first_chunk,
        };
        let clean_up = chunks
            .next()
            .map(|chunk| body_of(self.body, chunk))
            .unwrap_or_default();
        let refining = &mut self.blocks.codeword;
        refining.clear();
        for chunk in chunks {
            refining.extend_from_slice(body_of(self.body, chunk));
        }
        self.blocks
            .high_throughput
            .decode(shape, block.passes, clean_up, refining)
            .ok_or_else(|| malformed("a broken high-throughput code-block", self.at))
    }
}

/// The chunks of a block, in order.
struct Chunks<'a> {
    all: &'a [Chunk],
    next: u32,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a Chunk;

    fn next(&mut self) -> Option<&'a Chunk> {
        let chunk = if self.next == NONE {
            None
        } else {
            self.all.get(self.next as usize)
        }?;
        self.next = chunk.next;
        Some(chunk)
    }
}

fn body_of<'a>(body: &'a [u8], chunk: &Chunk) -> &'a [u8] {
    body.get(chunk.start as usize..)
        .and_then(|rest| rest.get(..chunk.length as usize))
        .unwrap_or_default()
}

/// How decoded magnitudes become coefficients.
#[derive(Clone, Copy)]
struct Scale {
    /// Bits of the magnitude below the unit, 0 or 1.
    fraction_bits: u32,
    roi_shift: u8,
    quantum: f32,
}

impl Scale {
    /// Scales the rows of a block and puts them in their place.
    fn place<'a>(&self, block: &Block, plane: &mut Plane, width: usize, row: impl Fn(usize) -> &'a [u32]) {
        let [x, y] = block.origin.map(|at| at as usize);
        let [columns, rows] = block.size.map(usize::from);
        for line in 0..rows {
            let start = (y + line) * width + x;
            let source = row(line);
            match plane {
                Plane::Whole(plane) => {
                    let target = plane.get_mut(start..start + columns).unwrap_or_default();
                    for (target, sample) in target.iter_mut().zip(source) {
                        let magnitude = (self.magnitude(*sample) >> self.fraction_bits) as i32;
                        let negative = (*sample as i32) >> 31;
                        *target = (magnitude ^ negative) - negative;
                    }
                }
                Plane::Real(plane) => {
                    let quantum = if self.fraction_bits == 0 {
                        self.quantum
                    } else {
                        self.quantum * 0.5
                    };
                    let target = plane.get_mut(start..start + columns).unwrap_or_default();
                    for (target, sample) in target.iter_mut().zip(source) {
                        let magnitude = self.magnitude(*sample) as i32 as f32 * quantum;
                        *target = if *sample >> 31 == 0 { magnitude } else { -magnitude };
                    }
                }
            }
        }
    }

    /// The magnitude, shifted down when it is in the region of interest (H.1).
    #[inline(always)]
    fn magnitude(&self, sample: u32) -> u32 {
        let magnitude = sample & 0x7FFF_FFFF;
        if self.roi_shift == 0 {
            return magnitude;
        }
        let shift = u32::from(self.roi_shift);
        let inside = (magnitude >> self.fraction_bits).checked_shr(shift).unwrap_or(0) != 0;
        if inside { magnitude >> shift } else { magnitude }
    }
}
