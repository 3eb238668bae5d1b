//! The layout of one tile (ISO/IEC 15444-1 annex B): resolutions, bands, precincts and code-blocks of each
//! component. What packets add to a code-block is kept with it.

use super::codestream::TileBytes;
use super::header::{BlockStyle, Component, ComponentStyle, Parameters, Quantization, Size};
use super::tag_tree::{Node, TagTree};
use super::{malformed, truncated};
use crate::CodecError;

/// A half-open rectangle: left and upper edge, right and lower edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) start: [u32; 2],
    pub(super) end: [u32; 2],
}

impl Rect {
    /// Columns and rows.
    pub(super) fn size(&self) -> [u32; 2] {
        [
            self.end[0].saturating_sub(self.start[0]),
            self.end[1].saturating_sub(self.start[1]),
        ]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.size().contains(&0)
    }

    /// Each edge put through `f(axis, edge)`.
    fn map(&self, f: impl Fn(usize, u64) -> u64) -> Self {
        let edge = |axis: usize, at: u32| u32::try_from(f(axis, u64::from(at))).unwrap_or(u32::MAX);
        Self {
            start: [edge(0, self.start[0]), edge(1, self.start[1])],
            end: [edge(0, self.end[0]), edge(1, self.end[1])],
        }
    }

    /// Cells across and down of a grid of 2^`log` that it touches.
    fn cells(&self, log: [u8; 2]) -> [u32; 2] {
        if self.is_empty() {
            return [0, 0];
        }
        let count = |start: u32, end: u32, log: u8| {
            (u64::from(end).div_ceil(1 << log) - (u64::from(start) >> log)) as u32
        };
        [
            count(self.start[0], self.end[0], log[0]),
            count(self.start[1], self.end[1], log[1]),
        ]
    }

    fn intersect(&self, other: &Self) -> Self {
        Self {
            start: [
                self.start[0].max(other.start[0]),
                self.start[1].max(other.start[1]),
            ],
            end: [self.end[0].min(other.end[0]), self.end[1].min(other.end[1])],
        }
    }
}

/// One tile, laid out. Precincts, their parts, blocks and nodes lie in pools.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) components: Vec<TileComponent>,
    pub(super) precincts: Vec<Precinct>,
    pub(super) parts: Vec<Part>,
    pub(super) blocks: Vec<Block>,
    pub(super) nodes: Vec<Node>,
    /// Contributions of packets to blocks; each block heads a list of them.
    pub(super) chunks: Vec<Chunk>,
}

/// One component of a tile.
#[derive(Debug)]
pub(super) struct TileComponent {
    /// On the component's own grid.
    pub(super) rect: Rect,
    pub(super) style: ComponentStyle,
    pub(super) roi_shift: u8,
    /// Distance of its samples on the reference grid.
    pub(super) step: [u32; 2],
    /// From the lowest to the highest.
    pub(super) resolutions: Vec<Resolution>,
}

/// One resolution level of a component.
#[derive(Debug)]
pub(super) struct Resolution {
    pub(super) rect: Rect,
    /// Binary logarithms of a precinct's width and height.
    pub(super) precinct: [u8; 2],
    /// Precincts across and down.
    pub(super) grid: [u32; 2],
    /// Index of its first precinct in the pool.
    pub(super) first_precinct: usize,
    /// LL alone, or HL, LH, HH.
    pub(super) bands: Vec<Band>,
}

/// Which filters made a band, horizontally and vertically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BandKind {
    Ll,
    Hl,
    Lh,
    Hh,
}

/// One band of a resolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) kind: BandKind,
    /// On the band's own grid.
    pub(super) rect: Rect,
    /// Where it begins in the component's plane of coefficients: low halves first on both axes.
    pub(super) origin: [u32; 2],
    /// Magnitude bits (equation E-2), with the shift of the region of interest.
    pub(super) bits: u8,
    /// Quantization step (equation E-3).
    pub(super) quantum: f32,
}

/// One precinct: what packets have said of it so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precinct {
    /// Layers whose packets were read.
    pub(super) layers_read: u16,
    /// Index of its first part in the pool; there is one a band.
    pub(super) first_part: usize,
}

/// The code-blocks of one band in one precinct.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Blocks across and down.
    pub(super) grid: [u32; 2],
    pub(super) first_block: usize,
    /// In which layer blocks are first included.
    pub(super) inclusion: TagTree,
    /// How many upper bit-planes of blocks are zero.
    pub(super) zero_planes: TagTree,
}

/// No chunk.
pub(super) const NONE: u32 = u32::MAX;

/// One code-block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Where it lies in the component's plane of coefficients.
    pub(super) origin: [u32; 2],
    pub(super) size: [u16; 2],
    /// Upper bit-planes that are zero.
    pub(super) zero_planes: u8,
    /// State of the code for lengths, 0 before the block is first included (B.10.7.1).
    pub(super) length_bits: u8,
    /// Coding passes so far.
    pub(super) passes: u8,
    /// Passes that the codeword at the end of the list still takes.
    pub(super) room: u8,
    /// Head and tail of the list of chunks.
    pub(super) first_chunk: u32,
    pub(super) last_chunk: u32,
}

/// What does not change while a block is decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockShape {
    /// Columns and rows.
    pub(super) size: [u16; 2],
    /// The band that the block is of.
    pub(super) kind: BandKind,
    pub(super) style: BlockStyle,
    /// Upper bit-planes that are not coded.
    pub(super) zero_planes: u8,
    /// The bit-planes below them, 1 to 31.
    pub(super) planes: u8,
    /// Bits of decoded magnitudes below the unit, 0 or 1.
    pub(super) fraction_bits: u32,
}

/// What one packet adds to one codeword of one block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Where its bytes begin in the tile's body.
    pub(super) start: u32,
    pub(super) length: u32,
    pub(super) passes: u8,
    /// Whether it begins another codeword.
    pub(super) opens: bool,
    pub(super) next: u32,
}

impl Layout {
    /// Lays out the tile that covers `area` of the reference grid.
    ///
    /// # Errors
    /// When the parameters contradict each other, or when `bytes` can't hold even empty packets for all precincts,
    /// which is found before anything is allocated for them.
    pub(super) fn new(
        size: &Size,
        area: Rect,
        parameters: &Parameters,
        bytes: &TileBytes,
    ) -> Result<Self, CodecError> {
        let mut layout = Self::default();
        let mut precincts = 0_u64;
        for (component, sampling) in parameters.components.iter().zip(&size.components) {
            let rect = area.map(|axis, at| {
                at.div_ceil(u64::from(if axis == 0 {
                    sampling.step[0]
                } else {
                    sampling.step[1]
                }))
            });
            let component = tile_component(component, rect, sampling.precision, sampling.step, bytes.offset)?;
            for resolution in &component.resolutions {
                let count = u64::from(resolution.grid[0]) * u64::from(resolution.grid[1]);
                precincts = precincts.saturating_add(count);
            }
            layout.components.push(component);
        }
        let available = bytes.body.len() + bytes.headers.as_ref().map_or(0, Vec::len);
        if precincts.saturating_mul(u64::from(parameters.layers)) > available as u64 {
            return Err(truncated(bytes.offset + bytes.body.len()));
        }
        let mut components = std::mem::take(&mut layout.components);
        for component in &mut components {
            let block = component.style.block;
            for (level, resolution) in component.resolutions.iter_mut().enumerate() {
                layout.add_precincts(resolution, level > 0, block);
            }
        }
        layout.components = components;
        Ok(layout)
    }

    /// Fills the pools with the precincts of `resolution` and all that is in them (B.6, B.7).
    fn add_precincts(&mut self, resolution: &mut Resolution, halved: bool, block: [u8; 2]) {
        resolution.first_precinct = self.precincts.len();
        let extent = resolution.precinct.map(|log| log - u8::from(halved));
        let block = [block[0].min(extent[0]), block[1].min(extent[1])];
        let first = [0, 1].map(|axis: usize| {
            resolution.rect.start.get(axis).map_or(0, |start| {
                u64::from(*start) >> resolution.precinct.get(axis).copied().unwrap_or_default()
            })
        });
        for y in 0..u64::from(resolution.grid[1]) {
            for x in 0..u64::from(resolution.grid[0]) {
                self.precincts.push(Precinct {
                    layers_read: 0,
                    first_part: self.parts.len(),
                });
                let cell = [first[0] + x, first[1] + y];
                let edge = |axis: usize, plus: u64| {
                    let (at, log) = if axis == 0 {
                        (cell[0], extent[0])
                    } else {
                        (cell[1], extent[1])
                    };
                    u32::try_from((at + plus) << log).unwrap_or(u32::MAX)
                };
                let cell = Rect {
                    start: [edge(0, 0), edge(1, 0)],
                    end: [edge(0, 1), edge(1, 1)],
                };
                for band in &resolution.bands {
                    self.add_part(band, &band.rect.intersect(&cell), block);
                }
            }
        }
    }

    /// Adds the code-blocks of `area` of `band`, which are cut by a grid of 2^`log`.
    fn add_part(&mut self, band: &Band, area: &Rect, log: [u8; 2]) {
        let first_block = self.blocks.len();
        let grid = area.cells(log);
        for y in 0..grid[1] {
            let rows = span(area.start[1], area.end[1], y, log[1]);
            for x in 0..grid[0] {
                let columns = span(area.start[0], area.end[0], x, log[0]);
                self.blocks.push(Block {
                    origin: [
                        band.origin[0] + (columns.0 - band.rect.start[0]),
                        band.origin[1] + (rows.0 - band.rect.start[1]),
                    ],
                    size: [(columns.1 - columns.0) as u16, (rows.1 - rows.0) as u16],
                    zero_planes: 0,
                    length_bits: 0,
                    passes: 0,
                    room: 0,
                    first_chunk: NONE,
                    last_chunk: NONE,
                });
            }
        }
        let leaves = grid.map(|count| count.max(1));
        let inclusion = TagTree::new(leaves, &mut self.nodes);
        let zero_planes = TagTree::new(leaves, &mut self.nodes);
        self.parts.push(Part {
            grid,
            first_block,
            inclusion,
            zero_planes,
        });
    }
}

/// The stretch of `start..end` in cell `index` of a grid of 2^`log`, counted from the cell that holds `start`.
fn span(start: u32, end: u32, index: u32, log: u8) -> (u32, u32) {
    let cell = (u64::from(start) >> log) + u64::from(index);
    let clip = |at: u64| at.clamp(u64::from(start), u64::from(end)) as u32;
    (clip(cell << log), clip((cell + 1) << log))
}

/// Resolutions and bands of one component, without their precincts.
fn tile_component(
    component: &Component,
    rect: Rect,
    precision: u8,
    step: [u32; 2],
    offset: usize,
) -> Result<TileComponent, CodecError> {
    let (style, quantization) = (component.style()?, component.quantization()?);
    let mut resolutions = Vec::new();
    let mut lower = [0, 0];
    for level in 0..=style.levels {
        let area = rect.map(|_, at| at.div_ceil(1 << (style.levels - level)));
        // Bands are counted from the lowest; the levels of this resolution's lie this far below the picture.
        let (kinds, first, depth): (&[BandKind], usize, u8) = match level {
            0 => (&[BandKind::Ll], 0, style.levels),
            _ => (
                &[BandKind::Hl, BandKind::Lh, BandKind::Hh],
                3 * usize::from(level) - 2,
                style.levels - level + 1,
            ),
        };
        let mut bands = Vec::with_capacity(kinds.len());
        for (index, kind) in (first..).zip(kinds) {
            let (exponent, mantissa) = quantization
                .step(index, level.saturating_sub(1))
                .ok_or_else(|| malformed("no quantization step for a band", offset))?;
            bands.push(Band {
                kind: *kind,
                rect: kind.of(rect, depth),
                origin: kind.origin(lower),
                bits: magnitude_bits(&quantization, exponent).saturating_add(component.roi_shift),
                quantum: quantum(*kind, precision, exponent, mantissa),
            });
        }
        lower = area.size();
        let precinct = style.precinct(level);
        let grid = area.cells(precinct);
        resolutions.push(Resolution {
            rect: area,
            precinct,
            grid,
            first_precinct: 0,
            bands,
        });
    }
    Ok(TileComponent {
        rect,
        style,
        roi_shift: component.roi_shift,
        step,
        resolutions,
    })
}

impl BandKind {
    /// Whether it holds the high half on each axis.
    fn high(self) -> [bool; 2] {
        match self {
            Self::Ll => [false, false],
            Self::Hl => [true, false],
            Self::Lh => [false, true],
            Self::Hh => [true, true],
        }
    }

    /// The band of this kind, `depth` levels below a component that covers `rect` (equation B-15).
    fn of(self, rect: Rect, depth: u8) -> Rect {
        rect.map(|axis, at| {
            let high = self.high().get(axis) == Some(&true);
            let half = if high { 1_u64 << (depth - 1) } else { 0 };
            at.saturating_sub(half).div_ceil(1 << depth)
        })
    }

    /// Where it begins in a plane whose next lower resolution has size `lower`.
    fn origin(self, lower: [u32; 2]) -> [u32; 2] {
        let [right, down] = self.high();
        [if right { lower[0] } else { 0 }, if down { lower[1] } else { 0 }]
    }
}

/// Equation E-2.
fn magnitude_bits(quantization: &Quantization, exponent: u8) -> u8 {
    (quantization.guard + exponent).saturating_sub(1)
}

/// Equations E-3 and E-4, with the gain of table E.1.
fn quantum(kind: BandKind, precision: u8, exponent: u8, mantissa: u16) -> f32 {
    let gain = match kind {
        BandKind::Ll => 0,
        BandKind::Hl | BandKind::Lh => 1,
        BandKind::Hh => 2,
    };
    let range = i32::from(precision) + gain - i32::from(exponent);
    (1.0 + f32::from(mantissa) / 2048.0) * 2_f32.powi(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_cut_at_the_grid_and_the_edges() {
        assert_eq!(span(5, 29, 0, 3), (5, 8));
        assert_eq!(span(5, 29, 1, 3), (8, 16));
        assert_eq!(span(5, 29, 3, 3), (24, 29));
        assert_eq!(span(u32::MAX - 3, u32::MAX, 0, 6), (u32::MAX - 3, u32::MAX));
    }
}
