//! From samples of tiles to the frame: the level shift, the range of each component, the layout by pixels
//! (ISO/IEC 15444-1 annex G), and repeated samples where a component has fewer than the picture.

use super::component::Plane;
use super::header::{ComponentSize, Size};
use super::tile::Rect;
use crate::{CodecError, ColorSpace, Decoded, Expected, Samples};

/// The frame as far as its tiles are decoded.
#[derive(Debug)]
pub(super) struct Picture {
    decoded: Decoded,
    components: Vec<Component>,
    /// Left and upper edge on the reference grid.
    origin: [u32; 2],
}

#[derive(Debug)]
struct Component {
    size: ComponentSize,
    /// The whole component on its own grid.
    rect: Rect,
    /// Its samples, kept apart until all are there, when there are fewer than the picture has pixels.
    apart: Option<Vec<i32>>,
}

impl Picture {
    /// A frame without samples; room for them is made when the first tile comes.
    ///
    /// # Errors
    /// When the stream's size is not the expected one, or a component has more bits than a sample holds.
    pub(super) fn new(size: &Size, expected: Expected) -> Result<Self, CodecError> {
        let mut components: Vec<Component> = size
            .components
            .iter()
            .map(|of| Component::new(size, *of))
            .collect();
        let grid = Rect {
            start: size.origin,
            end: size.end,
        };
        let extent = match components.as_slice() {
            [first, rest @ ..] if rest.iter().all(|other| other.size.step == first.size.step) => first.rect,
            _ => grid,
        };
        let [columns, rows] = extent.size();
        for component in &mut components {
            if component.rect.size() != extent.size() {
                component.apart = Some(Vec::new());
            }
        }
        let channels = components.len() as u16;
        if [columns, rows] != [expected.columns, expected.rows] || channels != expected.channels {
            return Err(CodecError::Mismatch {
                codec: super::NAME,
                actual: format!("{columns} x {rows} x {channels}"),
                expected: format!("{} x {} x {}", expected.columns, expected.rows, expected.channels),
            });
        }
        let precision_bits = components
            .iter()
            .map(|component| component.size.precision)
            .max()
            .unwrap_or(0);
        if precision_bits > 32 {
            return Err(super::unsupported("a sample of more than 32 bits"));
        }
        let signed = components.iter().any(|component| component.size.signed);
        let samples = match (precision_bits, signed) {
            (..=8, false) => Samples::U8(Vec::new()),
            (..=16, _) => Samples::U16(Vec::new()),
            _ => Samples::I32(Vec::new()),
        };
        let color = ColorSpace::AsDeclared;
        let decoded = Decoded {
            columns,
            rows,
            channels,
            precision_bits,
            signed,
            color,
            samples,
        };
        Ok(Self {
            decoded,
            components,
            origin: extent.start,
        })
    }

    /// Notes that a color transform was undone.
    pub(super) fn is_rgb(&mut self) {
        self.decoded.color = ColorSpace::Rgb;
    }

    /// Stores the samples of `component` in `area` of its own grid.
    pub(super) fn store(&mut self, component: usize, area: Rect, plane: &Plane) {
        self.make_room();
        let (columns, channels) = (self.decoded.columns as usize, usize::from(self.decoded.channels));
        let Some(Component { size, rect, apart }) = self.components.get_mut(component) else {
            return;
        };
        let at = [area.start[0] - rect.start[0], area.start[1] - rect.start[1]];
        if let Some(apart) = apart {
            let [columns, rows] = rect.size().map(|extent| extent as usize);
            apart.resize(columns * rows, 0);
            let target = Target {
                columns,
                channels: 1,
                channel: 0,
                at,
            };
            target.store(apart, plane, area, *size, |sample| sample);
            return;
        }
        let target = Target {
            columns,
            channels,
            channel: component,
            at,
        };
        match &mut self.decoded.samples {
            Samples::U8(samples) => {
                target.store(samples, plane, area, *size, |sample| sample as u8);
            }
            Samples::U16(samples) => {
                target.store(samples, plane, area, *size, |sample| sample as u16);
            }
            Samples::I32(samples) => {
                target.store(samples, plane, area, *size, |sample| sample);
            }
        }
    }

    /// Makes room for all samples, once.
    fn make_room(&mut self) {
        let Decoded {
            columns,
            rows,
            channels,
            ..
        } = self.decoded;
        let count = columns as usize * rows as usize * usize::from(channels);
        match &mut self.decoded.samples {
            Samples::U8(samples) => samples.resize(count, 0),
            Samples::U16(samples) => samples.resize(count, 0),
            Samples::I32(samples) => samples.resize(count, 0),
        }
    }

    /// The frame, when all tiles are stored.
    pub(super) fn finish(mut self) -> Decoded {
        self.make_room();
        for (channel, component) in self.components.iter().enumerate() {
            if component.apart.is_some() {
                component.spread(channel, self.origin, &mut self.decoded);
            }
        }
        self.decoded
    }
}

impl Component {
    fn new(size: &Size, of: ComponentSize) -> Self {
        let [dx, dy] = of.step;
        let rect = Rect {
            start: [size.origin[0].div_ceil(dx), size.origin[1].div_ceil(dy)],
            end: [size.end[0].div_ceil(dx), size.end[1].div_ceil(dy)],
        };
        Self {
            size: of,
            rect,
            apart: None,
        }
    }

    /// Repeats samples kept apart so that each pixel has the one that lies at it or before it, on both axes.
    fn spread(&self, channel: usize, origin: [u32; 2], decoded: &mut Decoded) {
        let apart = self.apart.as_deref().unwrap_or_default();
        let [columns, rows] = self.rect.size();
        if columns == 0 || rows == 0 {
            return;
        }
        let nearest = |axis: usize, at: u32, count: u32| {
            let pick = |pair: [u32; 2]| pair.get(axis).copied().unwrap_or_default();
            let at = u64::from(pick(origin)) + u64::from(at);
            let sample = (at / u64::from(pick(self.size.step))) as u32;
            sample.saturating_sub(pick(self.rect.start)).min(count - 1) as usize
        };
        let (width, channels) = (decoded.columns, usize::from(decoded.channels));
        let pixels = (0..decoded.rows).flat_map(|y| {
            let line = nearest(1, y, rows) * columns as usize;
            (0..width).map(move |x| line + nearest(0, x, columns))
        });
        let values = pixels.map(|index| apart.get(index).copied().unwrap_or_default());
        let channel = (channel, channels);
        match &mut decoded.samples {
            Samples::U8(samples) => fill(samples, channel, values, |value| value as u8),
            Samples::U16(samples) => fill(samples, channel, values, |value| value as u16),
            Samples::I32(samples) => fill(samples, channel, values, |value| value),
        }
    }
}

/// Puts `values` in one channel, given with the number of channels, of all pixels.
fn fill<T>(
    samples: &mut [T],
    (channel, channels): (usize, usize),
    values: impl Iterator<Item = i32>,
    cast: impl Fn(i32) -> T,
) {
    let slots = samples.iter_mut().skip(channel).step_by(channels);
    slots.zip(values).for_each(|(slot, value)| *slot = cast(value));
}

/// Where a plane goes in a buffer of samples.
struct Target {
    columns: usize,
    channels: usize,
    channel: usize,
    /// Column and row of the plane's first sample.
    at: [u32; 2],
}

impl Target {
    /// Shifts, limits and stores the samples of `plane`, which covers `area`.
    #[inline(always)]
    fn store<T>(&self, out: &mut [T], plane: &Plane, area: Rect, of: ComponentSize, cast: impl Fn(i32) -> T) {
        let width = area.size()[0] as usize;
        if width == 0 {
            return;
        }
        let [x, y] = self.at.map(|at| at as usize);
        let first = (y * self.columns + x) * self.channels + self.channel;
        let lines = out
            .get_mut(first..)
            .unwrap_or_default()
            .chunks_mut(self.columns * self.channels);
        let range = Range::new(of);
        match plane {
            Plane::Whole(samples) if of.precision <= 30 => {
                for (line, samples) in lines.zip(samples.chunks(width)) {
                    self.line(line, samples, |sample: i32| cast(range.limit(sample)));
                }
            }
            Plane::Whole(samples) => {
                for (line, samples) in lines.zip(samples.chunks(width)) {
                    self.line(line, samples, |sample: i32| {
                        cast(range.limit_wide(i64::from(sample)))
                    });
                }
            }
            Plane::Real(samples) if of.precision <= 16 => {
                for (line, samples) in lines.zip(samples.chunks(width)) {
                    self.line(line, samples, |sample: f32| cast(range.round(sample)));
                }
            }
            Plane::Real(samples) => {
                for (line, samples) in lines.zip(samples.chunks(width)) {
                    self.line(line, samples, |sample: f32| {
                        cast(range.limit_wide(sample.round_ties_even() as i64))
                    });
                }
            }
        }
    }

    #[inline(always)]
    fn line<S: Copy, T>(&self, line: &mut [T], samples: &[S], convert: impl Fn(S) -> T) {
        if self.channels == 1 {
            line.iter_mut()
                .zip(samples)
                .for_each(|(target, sample)| *target = convert(*sample));
        } else {
            let targets = line.iter_mut().step_by(self.channels);
            targets
                .zip(samples)
                .for_each(|(target, sample)| *target = convert(*sample));
        }
    }
}

/// The level shift of a component and the values its samples may take.
#[derive(Clone, Copy)]
struct Range {
    shift: i64,
    low: i64,
    high: i64,
}

impl Range {
    fn new(of: ComponentSize) -> Self {
        let half = 1_i64 << (of.precision - 1);
        if of.signed {
            Self {
                shift: 0,
                low: -half,
                high: half - 1,
            }
        } else {
            Self {
                shift: half,
                low: 0,
                high: 2 * half - 1,
            }
        }
    }

    /// For components of at most 30 bits.
    #[inline(always)]
    fn limit(self, sample: i32) -> i32 {
        sample
            .wrapping_add(self.shift as i32)
            .clamp(self.low as i32, self.high as i32)
    }

    /// For any; unsigned samples of 32 bits by their pattern.
    #[inline(always)]
    fn limit_wide(self, sample: i64) -> i32 {
        sample.saturating_add(self.shift).clamp(self.low, self.high) as i32
    }

    /// To the nearest whole number, even in a tie, for components of at most 16 bits: adding 1.5 * 2^23 leaves a
    /// 32-bit float no bits below the unit.
    #[inline(always)]
    fn round(self, sample: f32) -> i32 {
        const UNIT: f32 = 12_582_912.0;
        let sample = (sample + self.shift as f32).clamp(self.low as f32, self.high as f32);
        ((sample + UNIT) - UNIT) as i32
    }
}
