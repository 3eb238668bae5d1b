//! What marker segments say (ISO/IEC 15444-1 annex A): the picture's size, how components are coded and
//! quantized, in which order packets come. Segments of a tile override those of the main header, segments of one
//! component those of all (A.6).

use super::reader::Reader;
use super::{malformed, unsupported};
use crate::CodecError;

/// Most decomposition levels (table A.15).
pub(super) const MAX_LEVELS: u8 = 32;
/// Most progression order changes that are read for one tile, so that hostile streams can't multiply work.
const MAX_PROGRESSIONS: usize = 256;
/// Most pairs of a tile and a component. Each costs time even when it holds no sample.
const MAX_TILE_COMPONENTS: u64 = 1 << 22;

/// Image and tile size (A.5.1). All positions are on the reference grid.
#[derive(Clone, Debug)]
pub(super) struct Size {
    /// Left and upper edge of the image.
    pub(super) origin: [u32; 2],
    /// Right and lower edge of the image, exclusive.
    pub(super) end: [u32; 2],
    /// Width and height of a tile.
    pub(super) tile: [u32; 2],
    /// Left and upper edge of the first tile.
    pub(super) tile_origin: [u32; 2],
    /// One entry a component.
    pub(super) components: Vec<ComponentSize>,
}

/// Precision and subsampling of one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ComponentSize {
    /// Bits a sample, 1 to 38.
    pub(super) precision: u8,
    /// Whether samples have a sign.
    pub(super) signed: bool,
    /// Distance of samples on the reference grid, along a row and down a column.
    pub(super) step: [u32; 2],
}

impl Size {
    /// Reads the body of SIZ.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let at = r.offset();
        r.u16()?; // Capabilities: what a stream uses shows where it uses it.
        let mut pair = || Ok::<_, CodecError>([r.u32()?, r.u32()?]);
        let (end, origin, tile, tile_origin) = (pair()?, pair()?, pair()?, pair()?);
        let count = r.u16()?;
        if count == 0 || count > 16_384 {
            return Err(malformed("component count out of range", at));
        }
        let mut components = Vec::new();
        for _ in 0..count {
            let (depth, dx, dy) = (r.u8()?, r.u8()?, r.u8()?);
            let component = ComponentSize {
                precision: (depth & 0x7F) + 1,
                signed: depth & 0x80 != 0,
                step: [u32::from(dx), u32::from(dy)],
            };
            if dx == 0 || dy == 0 || component.precision > 38 {
                return Err(malformed(
                    "component with impossible precision or subsampling",
                    at,
                ));
            }
            components.push(component);
        }
        let size = Self {
            origin,
            end,
            tile,
            tile_origin,
            components,
        };
        for axis in [0_usize, 1] {
            let pick = |pair: [u32; 2]| pair.get(axis).copied().unwrap_or_default();
            let (start, first) = (pick(size.origin), pick(size.tile_origin));
            if start >= pick(size.end) || pick(size.tile) == 0 || first > start {
                return Err(malformed("image or tile area is empty", at));
            }
            if u64::from(first) + u64::from(pick(size.tile)) <= u64::from(start) {
                return Err(malformed("first tile lies outside the image", at));
            }
        }
        if size.tile_count() > 65_535 || size.tile_count() * u64::from(count) > MAX_TILE_COMPONENTS {
            return Err(malformed("too many tiles", at));
        }
        Ok(size)
    }

    /// Tiles along a row of tiles (equation B-5).
    pub(super) fn tiles_across(&self) -> u64 {
        u64::from(self.end[0] - self.tile_origin[0]).div_ceil(u64::from(self.tile[0]))
    }

    /// All tiles.
    pub(super) fn tile_count(&self) -> u64 {
        self.tiles_across() * u64::from(self.end[1] - self.tile_origin[1]).div_ceil(u64::from(self.tile[1]))
    }
}

/// The order of packets (table A.16): layer, resolution, component, position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Layer, resolution, component, position.
    Lrcp,
    /// Resolution, layer, component, position.
    Rlcp,
    /// Resolution, position, component, layer.
    Rpcl,
    /// Position, component, resolution, layer.
    Pcrl,
    /// Component, position, resolution, layer.
    Cprl,
}

impl Order {
    fn read(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let at = r.offset();
        match r.u8()? {
            0 => Ok(Self::Lrcp),
            1 => Ok(Self::Rlcp),
            2 => Ok(Self::Rpcl),
            3 => Ok(Self::Pcrl),
            4 => Ok(Self::Cprl),
            _ => Err(malformed("unknown progression order", at)),
        }
    }
}

/// One progression volume (A.6.6): which packets come next, and in which order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progression {
    pub(super) order: Order,
    pub(super) layers_end: u16,
    pub(super) resolutions: [u8; 2],
    pub(super) components: [usize; 2],
}

/// How code-blocks are coded (table A.19), as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockStyle(u8);

impl BlockStyle {
    /// The style of these bits.
    pub(super) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
    /// Later bit-planes hold raw bits in their first two passes.
    pub(super) fn bypass(self) -> bool {
        self.0 & 1 != 0
    }
    /// Contexts start afresh in each pass.
    pub(super) fn reset(self) -> bool {
        self.0 & 2 != 0
    }
    /// Each pass has its own codeword.
    pub(super) fn terminate_all(self) -> bool {
        self.0 & 4 != 0
    }
    /// Contexts see nothing of the stripe below.
    pub(super) fn vertically_causal(self) -> bool {
        self.0 & 8 != 0
    }
    /// Four fixed symbols follow each clean-up pass.
    pub(super) fn segmentation_symbols(self) -> bool {
        self.0 & 32 != 0
    }
    /// The blocks are of the high-throughput coder (15444-15).
    pub(super) fn high_throughput(self) -> bool {
        self.0 & 64 != 0
    }
}

/// Coding style of one component (tables A.15, A.20).
#[derive(Clone, Copy, Debug)]
pub(super) struct ComponentStyle {
    /// Decomposition levels.
    pub(super) levels: u8,
    /// Binary logarithms of a code-block's width and height.
    pub(super) block: [u8; 2],
    pub(super) block_style: BlockStyle,
    /// 5/3 on integers if set, else 9/7.
    pub(super) reversible: bool,
    /// Binary logarithms of precinct width (low 4 bits) and height, by resolution.
    precincts: [u8; MAX_LEVELS as usize + 1],
}

impl ComponentStyle {
    fn read(r: &mut Reader<'_>, own_precincts: bool) -> Result<Self, CodecError> {
        let at = r.offset();
        let (levels, width, height) = (r.u8()?, r.u8()?, r.u8()?);
        let (style, transform) = (r.u8()?, r.u8()?);
        if levels > MAX_LEVELS {
            return Err(malformed("too many decomposition levels", at));
        }
        if width > 8 || height > 8 || width + height > 8 {
            return Err(malformed("code-blocks out of range", at));
        }
        if transform > 1 {
            return Err(unsupported("a wavelet other than 5/3 and 9/7"));
        }
        if style & 0x80 != 0 {
            return Err(unsupported("mixing both block coders"));
        }
        let mut precincts = [0xFF; MAX_LEVELS as usize + 1];
        if own_precincts {
            for (resolution, slot) in precincts.iter_mut().take(usize::from(levels) + 1).enumerate() {
                *slot = r.u8()?;
                if resolution > 0 && (*slot & 0x0F == 0 || *slot & 0xF0 == 0) {
                    return Err(malformed("precinct narrower than its bands allow", at));
                }
            }
        }
        let block = [width + 2, height + 2];
        Ok(Self {
            levels,
            block,
            block_style: BlockStyle::from_bits(style),
            reversible: transform == 1,
            precincts,
        })
    }

    /// Binary logarithms of a precinct's width and height at `resolution`.
    pub(super) fn precinct(&self, resolution: u8) -> [u8; 2] {
        let packed = self
            .precincts
            .get(usize::from(resolution))
            .copied()
            .unwrap_or(0xFF);
        [packed & 0x0F, packed >> 4]
    }
}

/// Quantization of one component (A.6.4).
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantization {
    /// Guard bits.
    pub(super) guard: u8,
    style: u8,
    count: u8,
    /// Exponent in the upper 5 bits, mantissa in the lower 11, by band.
    steps: [u16; 3 * MAX_LEVELS as usize + 1],
}

impl Quantization {
    fn read(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let at = r.offset();
        let style = r.u8()?;
        let mut steps = [0; 3 * MAX_LEVELS as usize + 1];
        let mut count = 0;
        for slot in &mut steps {
            *slot = match style & 0x1F {
                0 if r.remaining() >= 1 => u16::from(r.u8()? >> 3) << 11,
                1 | 2 if r.remaining() >= 2 => r.u16()?,
                0..=2 => break,
                _ => return Err(malformed("unknown quantization style", at)),
            };
            count += 1;
        }
        if count == 0 {
            return Err(malformed("quantization without a step", at));
        }
        Ok(Self {
            guard: style >> 5,
            style: style & 0x1F,
            count,
            steps,
        })
    }

    /// Exponent and mantissa for one band: `index` counts bands from the lowest resolution, `depth` says how many
    /// levels above the lowest one it lies (equation E-5). `None` when the stream gives no step for it.
    pub(super) fn step(&self, index: usize, depth: u8) -> Option<(u8, u16)> {
        let derived = self.style == 1;
        let index = if derived { 0 } else { index };
        let packed = *self.steps.get(..usize::from(self.count))?.get(index)?;
        let exponent = (packed >> 11) as u8;
        Some((
            exponent.saturating_sub(if derived { depth } else { 0 }),
            packed & 0x7FF,
        ))
    }
}

/// Style and quantization of one component, with the rank of the segments that set them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    style: Option<ComponentStyle>,
    style_rank: u8,
    quantization: Option<Quantization>,
    quantization_rank: u8,
    /// Shift of the region of interest (A.6.3), 0 without one.
    pub(super) roi_shift: u8,
}

impl Component {
    /// Its coding style.
    pub(super) fn style(&self) -> Result<ComponentStyle, CodecError> {
        self.style
            .ok_or_else(|| malformed("no coding style before the first tile", 0))
    }

    /// Its quantization.
    pub(super) fn quantization(&self) -> Result<Quantization, CodecError> {
        self.quantization
            .ok_or_else(|| malformed("no quantization before the first tile", 0))
    }
}

/// Where a segment stands: later variants override earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// In the main header.
    Main = 0,
    /// In the header of a tile-part.
    Tile = 2,
}

/// All parameters that hold for a tile.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    order: Order,
    /// Quality layers, at least 1.
    pub(super) layers: u16,
    /// Whether the first three components went through a color transform.
    pub(super) color_transform: bool,
    /// Whether packets may begin with SOP.
    pub(super) sop: bool,
    /// Whether packet headers end with EPH.
    pub(super) eph: bool,
    pub(super) components: Vec<Component>,
    /// Progression order changes; those of a tile replace those of the main header.
    changes: Vec<Progression>,
    changes_scope: Scope,
}

impl Parameters {
    /// Parameters before any segment is read.
    pub(super) fn new(components: usize) -> Self {
        let blank = Component {
            style: None,
            style_rank: 0,
            quantization: None,
            quantization_rank: 0,
            roi_shift: 0,
        };
        Self {
            order: Order::Lrcp,
            layers: 1,
            color_transform: false,
            sop: false,
            eph: false,
            components: vec![blank; components],
            changes: Vec::new(),
            changes_scope: Scope::Main,
        }
    }

    /// Takes in one segment. Markers that say nothing about decoding are passed over.
    pub(super) fn apply(&mut self, marker: u16, body: Reader<'_>, scope: Scope) -> Result<(), CodecError> {
        let mut r = body;
        match marker {
            0xFF52 => self.coding_default(&mut r, scope),
            0xFF53 => self.coding_component(&mut r, scope),
            0xFF5C => {
                let quantization = Quantization::read(&mut r)?;
                for component in &mut self.components {
                    component.quantize(quantization, scope as u8 + 1);
                }
                Ok(())
            }
            0xFF5D => {
                let count = self.components.len();
                let index = r.component(count)?;
                let quantization = Quantization::read(&mut r)?;
                self.component(index, r.offset())?
                    .quantize(quantization, scope as u8 + 2);
                Ok(())
            }
            0xFF5E => {
                let count = self.components.len();
                let index = r.component(count)?;
                let (style, shift) = (r.u8()?, r.u8()?);
                if style != 0 {
                    return Err(unsupported("a region of interest other than by shift"));
                }
                self.component(index, r.offset())?.roi_shift = shift;
                Ok(())
            }
            0xFF5F => self.progression_change(&mut r, scope),
            0xFF72..=0xFF79 => Err(unsupported("an extension of part 2")),
            _ => Ok(()),
        }
    }

    fn component(&mut self, index: usize, at: usize) -> Result<&mut Component, CodecError> {
        self.components
            .get_mut(index)
            .ok_or_else(|| malformed("segment for a component that is not there", at))
    }

    fn coding_default(&mut self, r: &mut Reader<'_>, scope: Scope) -> Result<(), CodecError> {
        let at = r.offset();
        let flags = r.u8()?;
        self.order = Order::read(r)?;
        self.layers = r.u16()?;
        let transform = r.u8()?;
        if self.layers == 0 {
            return Err(malformed("no quality layer", at));
        }
        if transform > 1 {
            return Err(unsupported("a component transform of part 2"));
        }
        self.color_transform = transform == 1;
        (self.sop, self.eph) = (flags & 2 != 0, flags & 4 != 0);
        let style = ComponentStyle::read(r, flags & 1 != 0)?;
        for component in &mut self.components {
            component.restyle(style, scope as u8 + 1);
        }
        Ok(())
    }

    fn coding_component(&mut self, r: &mut Reader<'_>, scope: Scope) -> Result<(), CodecError> {
        let count = self.components.len();
        let index = r.component(count)?;
        let flags = r.u8()?;
        let style = ComponentStyle::read(r, flags & 1 != 0)?;
        self.component(index, r.offset())?.restyle(style, scope as u8 + 2);
        Ok(())
    }

    fn progression_change(&mut self, r: &mut Reader<'_>, scope: Scope) -> Result<(), CodecError> {
        if self.changes_scope != scope {
            self.changes.clear();
            self.changes_scope = scope;
        }
        let count = self.components.len();
        while r.remaining() > 0 {
            let at = r.offset();
            let (first, component) = (r.u8()?, r.component(count)?);
            let (layers_end, last) = (r.u16()?, r.u8()?);
            // An end of 0 stands for 256 where the field has 8 bits (table A.32).
            let component_end = match r.component(count)? {
                0 => count,
                end => end.min(count),
            };
            let order = Order::read(r)?;
            if self.changes.len() == MAX_PROGRESSIONS {
                return Err(malformed("too many progression changes", at));
            }
            self.changes.push(Progression {
                order,
                layers_end,
                resolutions: [first, last],
                components: [component, component_end],
            });
        }
        Ok(())
    }

    /// The progression volumes in order: one of everything, unless the stream changes order.
    pub(super) fn progressions(&self) -> Vec<Progression> {
        if self.changes.is_empty() {
            return vec![Progression {
                order: self.order,
                layers_end: self.layers,
                resolutions: [0, MAX_LEVELS + 1],
                components: [0, self.components.len()],
            }];
        }
        self.changes.clone()
    }
}

impl Component {
    fn restyle(&mut self, style: ComponentStyle, rank: u8) {
        if rank >= self.style_rank {
            (self.style, self.style_rank) = (Some(style), rank);
        }
    }

    fn quantize(&mut self, quantization: Quantization, rank: u8) {
        if rank >= self.quantization_rank {
            (self.quantization, self.quantization_rank) = (Some(quantization), rank);
        }
    }
}
