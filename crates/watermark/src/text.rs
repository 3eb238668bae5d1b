//! Words to coverage: outlines of a font that comes with the program, turned by any angle and filled with exact areas.

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Latin, Greek, Cyrillic, Armenian and Georgian letters of DejaVu Sans Condensed (`assets/fonts/LICENSE.txt`).
const FONT: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSansCondensed.ttf");

/// The font at one size.
pub(crate) struct Font {
    face: Face<'static>,
    /// Pixels of a font unit.
    scale: f32,
}

/// Coverage, 0 to 1, `[row][column]`, of words that were drawn around the middle.
pub(crate) struct Coverage {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<f32>,
}

impl Font {
    /// The font with letters `size_px` high from descender to ascender; none where the program's own font is damaged.
    pub(crate) fn new(size_px: f32) -> Option<Self> {
        let face = Face::parse(FONT, 0).ok()?;
        let high = f32::from(face.ascender()) - f32::from(face.descender());
        Some(Self {
            scale: size_px / high.max(1.0),
            face,
        })
    }

    /// Whether every letter can be drawn.
    pub(crate) fn has(&self, text: &str) -> bool {
        text.chars().all(|letter| self.face.glyph_index(letter).is_some())
    }

    /// Pixels that a word takes from left to right.
    pub(crate) fn width(&self, text: &str) -> f32 {
        self.glyphs(text).map(|(_, advance)| advance).sum()
    }

    /// Draws lines, the first on top, each centered, all turned by `radians` to the left.
    pub(crate) fn draw(&self, lines: &[String], line_px: f32, radians: f32) -> Coverage {
        let widest = lines.iter().map(|line| self.width(line)).fold(0.0, f32::max);
        let high = line_px * lines.len() as f32;
        let (sin, cos) = radians.sin_cos();
        let width = (widest * cos.abs() + high * sin.abs()).ceil() as usize + 4;
        let height = (widest * sin.abs() + high * cos.abs()).ceil() as usize + 4;
        let mut pen = Pen {
            rasterizer: Rasterizer::new(width, height),
            middle: point(width as f32 / 2.0, height as f32 / 2.0),
            turn: (sin, cos),
            scale: self.scale,
            origin: point(0.0, 0.0),
            start: point(0.0, 0.0),
            last: point(0.0, 0.0),
        };
        let body = f32::from(self.face.ascender()) + f32::from(self.face.descender());
        for (index, line) in lines.iter().enumerate() {
            let middle = line_px * (index as f32 + 0.5) - high / 2.0;
            pen.origin = point(-self.width(line) / 2.0, middle + body * self.scale / 2.0);
            for (glyph, advance) in self.glyphs(line) {
                self.face.outline_glyph(glyph, &mut pen);
                pen.origin.x += advance;
            }
        }
        let mut values = vec![0.0; width * height];
        pen.rasterizer.for_each_pixel(|index, coverage| {
            if let Some(value) = values.get_mut(index) {
                *value = coverage.clamp(0.0, 1.0);
            }
        });
        Coverage {
            width,
            height,
            values,
        }
    }

    fn glyphs(&self, text: &str) -> impl Iterator<Item = (GlyphId, f32)> {
        text.chars().filter_map(|letter| {
            let glyph = self.face.glyph_index(letter)?;
            let advance = f32::from(self.face.glyph_hor_advance(glyph)?);
            Some((glyph, advance * self.scale))
        })
    }
}

/// Places outlines: font units to pixels.
struct Pen {
    rasterizer: Rasterizer,
    middle: Point,
    /// Sine and cosine.
    turn: (f32, f32),
    scale: f32,
    /// Where the present glyph stands, in pixels from the middle, before turning.
    origin: Point,
    start: Point,
    last: Point,
}

impl Pen {
    fn place(&self, x: f32, y: f32) -> Point {
        let (x, y) = (self.origin.x + x * self.scale, self.origin.y - y * self.scale);
        let (sin, cos) = self.turn;
        point(
            self.middle.x + x * cos + y * sin,
            self.middle.y - x * sin + y * cos,
        )
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.start = self.place(x, y);
        self.last = self.start;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.rasterizer.draw_line(self.last, to);
        self.last = to;
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (by, to) = (self.place(x1, y1), self.place(x, y));
        self.rasterizer.draw_quad(self.last, by, to);
        self.last = to;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (by, then, to) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.rasterizer.draw_cubic(self.last, by, then, to);
        self.last = to;
    }

    fn close(&mut self) {
        self.rasterizer.draw_line(self.last, self.start);
        self.last = self.start;
    }
}
