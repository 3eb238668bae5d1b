//! The visible mark: who looks, when, and in which session, in quiet diagonal lines over the whole picture.
//!
//! Letters are a veil of white with a soft dark rim, so that they are read on black, on white and on noise. What they
//! take from the picture is bounded: no value moves by more than about a quarter of the range.
//!
//! # Limits
//! Names in scripts that the font lacks (Arabic, Hebrew, Indic and East Asian scripts) give way to the account's id. In
//! pictures under about 128 pixels long names are cut by the edge.

use std::sync::OnceLock;

use domain::{Phi, Timestamp};
use unicode_normalization::UnicodeNormalization;

use crate::text::{Coverage, Font};

/// How far lines rise, radians.
const RISE: f32 = 0.42;
/// The veil of the letters and of their rim at full coverage, of 255.
const LETTER: f32 = 66.0;
const RIM: f32 = 72.0;
/// Letters of a name that are drawn.
const LONGEST_NAME: usize = 40;
/// Most of a picture that can be kept clear: the mark cannot be switched off by measuring everything.
const MOST_CLEAR: f64 = 0.25;

/// For pictures whose shorter side is below this: height of letters, and where lines wrap, in pixels.
const SIZES: [(u32, f32, f32); 8] = [
    (100, 9.0, 50.0),
    (160, 10.0, 80.0),
    (256, 11.0, 120.0),
    (400, 13.0, 200.0),
    (800, 15.0, 380.0),
    (1300, 19.0, 520.0),
    (2000, 25.0, 700.0),
    (u32::MAX, 34.0, 950.0),
];

/// What the mark says.
#[derive(Clone, Debug)]
pub struct Lines {
    /// The viewer's name.
    pub name: Phi<String>,
    /// Stands in for a name that cannot be drawn: the id of the viewer's account, or its first letters.
    pub account: String,
    /// When the frame was drawn; shown in UTC to the minute.
    pub when: Timestamp,
    /// The first letters of the session's id.
    pub session: String,
}

impl Lines {
    /// The words with where they may wrap: at each space.
    fn words(&self, font: &Font) -> String {
        let name: String = self
            .name
            .reveal()
            .nfc()
            .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
            .collect();
        let name = match !name.trim().is_empty() && font.has(&name) {
            true => cut(name.trim()),
            false => self.account.clone(),
        };
        let minutes = self.when.ms().div_euclid(60_000).rem_euclid(24 * 60);
        let time = format!("{} {:02}:{:02} UTC", self.when.date(), minutes / 60, minutes % 60);
        format!("{name} · {time} · {}", self.session)
    }
}

fn cut(name: &str) -> String {
    match name.chars().count() > LONGEST_NAME {
        true => name.chars().take(LONGEST_NAME - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

/// A part of a picture, in pixels from its left upper corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// The mark of a session at a minute, ready to be laid over pictures of any size. Drawn once for each range of sizes.
pub struct Stamp {
    lines: Lines,
    tiles: [OnceLock<Tile>; SIZES.len()],
}

impl std::fmt::Debug for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stamp")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

impl Stamp {
    /// The mark that says `lines`.
    pub fn new(lines: &Lines) -> Self {
        Self {
            lines: lines.clone(),
            tiles: [const { OnceLock::new() }; SIZES.len()],
        }
    }

    /// What it says.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Lays the mark over a picture: `pixels` is `[row][column][channel]`, RGB of 8 bits, `width` times `height`.
    ///
    /// `keep_clear` is where something is being measured; nothing is drawn there. It is honored up to a quarter of
    /// the picture around its middle, so that naming everything does not remove the mark.
    pub fn apply(&self, pixels: &mut [u8], width: u32, height: u32, keep_clear: Option<Rect>) {
        if width == 0 || height == 0 {
            return;
        }
        let shorter = width.min(height);
        let class = SIZES
            .iter()
            .position(|(below, ..)| shorter < *below)
            .unwrap_or(SIZES.len() - 1);
        let tile = self.tiles[class].get_or_init(|| Tile::draw(&self.lines, SIZES[class].1, SIZES[class].2));
        let clear = keep_clear.map(|clear| bounded(clear, width, height));
        let columns = width as usize;
        // The middle of a block of words lies in the middle of the picture.
        let left = offset(columns, tile.width);
        let top = offset(height as usize, tile.height);
        for (row, line) in pixels
            .chunks_exact_mut(columns * 3)
            .take(height as usize)
            .enumerate()
        {
            let veil = tile.row((row + top) % tile.height);
            let Some(clear) = clear.filter(|clear| (clear.y..clear.y + clear.height).contains(&(row as u32)))
            else {
                lay(line, veil, left);
                continue;
            };
            let (from, until) = (clear.x as usize, (clear.x + clear.width) as usize);
            let (before, rest) = line.split_at_mut(from * 3);
            lay(before, veil, left);
            let after = &mut rest[(until - from) * 3..];
            lay(after, veil, (left + until) % tile.width);
        }
    }
}

/// The column of the tile under the first column of the picture.
fn offset(picture: usize, tile: usize) -> usize {
    (tile - (picture / 2) % tile) % tile
}

/// The part of `clear` inside the picture, and no more than [`MOST_CLEAR`] of it.
fn bounded(clear: Rect, width: u32, height: u32) -> Rect {
    let x = clear.x.min(width);
    let y = clear.y.min(height);
    let inside = Rect {
        x,
        y,
        width: clear.width.min(width - x),
        height: clear.height.min(height - y),
    };
    let most = f64::from(width) * f64::from(height) * MOST_CLEAR;
    let area = f64::from(inside.width) * f64::from(inside.height);
    if area <= most {
        return inside;
    }
    let by = (most / area).sqrt();
    let (w, h) = (
        (f64::from(inside.width) * by) as u32,
        (f64::from(inside.height) * by) as u32,
    );
    Rect {
        x: inside.x + (inside.width - w) / 2,
        y: inside.y + (inside.height - h) / 2,
        width: w,
        height: h,
    }
}

/// Lays a row of the tile, from its pixel `from` on and again and again, over pixels.
fn lay(mut pixels: &mut [u8], veil: &[[u8; 2]], from: usize) {
    let mut rest = veil.get(from * 3..).unwrap_or_default();
    while !pixels.is_empty() {
        let count = pixels.len().min(rest.len());
        if count == 0 {
            return;
        }
        let (now, later) = pixels.split_at_mut(count);
        for (value, &[keeps_out, adds]) in now.iter_mut().zip(rest) {
            let taken = (u16::from(*value) * u16::from(keeps_out) + 128) >> 8;
            *value = (u16::from(*value) - taken + u16::from(adds)).min(255) as u8;
        }
        pixels = later;
        rest = veil;
    }
}

/// A rectangle that repeats in both directions without a seam.
struct Tile {
    width: usize,
    height: usize,
    /// `[row][column][channel]`: how much of a value goes, of 256, and what comes instead. Once for each channel, so
    /// that laying runs over values without steps.
    veil: Vec<[u8; 2]>,
}

impl Tile {
    fn draw(lines: &Lines, size_px: f32, wrap_px: f32) -> Self {
        let Some(font) = Font::new(size_px) else {
            return Self::blank();
        };
        let text = wrapped(&lines.words(&font), &font, wrap_px);
        let line_px = size_px * 1.05;
        let block = font.draw(&text, line_px, RISE);
        let long = text.iter().map(|line| font.width(line)).fold(0.0, f32::max);
        let high = line_px * text.len() as f32;
        // Blocks stand in lines that rise, with room after each; the tile is as high as a line rises along its width,
        // so that lines go on where tiles meet.
        let gap = size_px * 1.4;
        let (sin, cos) = RISE.sin_cos();
        let across = ((long + gap) * cos).max((high + gap) / sin);
        let width = across.ceil().max(block.width as f32 / 2.0) as usize;
        let height = ((width as f32 * RISE.tan()).round() as usize).max(1);
        let mut letters = vec![0.0; width * height];
        add(&mut letters, width, &block, 0);
        if width as f32 * sin / 2.0 >= high + gap {
            add(&mut letters, width, &block, width / 2);
        }
        let rim = soft(
            &letters,
            width,
            height,
            (size_px / 11.0).round().max(1.0) as usize,
        );
        let veil = letters.iter().zip(&rim).flat_map(|(&letter, &rim)| {
            let dark = (rim * 2.4).min(1.0) * (1.0 - letter) * RIM;
            let bright = letter * LETTER;
            [[(dark + bright).round() as u8, bright.round() as u8]; 3]
        });
        Self {
            width,
            height,
            veil: veil.collect(),
        }
    }

    fn blank() -> Self {
        Self {
            width: 1,
            height: 1,
            veil: vec![[0, 0]; 3],
        }
    }

    fn row(&self, row: usize) -> &[[u8; 2]] {
        &self.veil[row * self.width * 3..][..self.width * 3]
    }
}

/// Breaks words into lines no longer than `wrap_px` where they can be.
fn wrapped(words: &str, font: &Font, wrap_px: f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if font.width(line) + font.width(" ") + font.width(word) <= wrap_px => {
                line.push(' ');
                line.push_str(word);
            }
            _ if word == "·" => {}
            _ => lines.push(word.to_owned()),
        }
    }
    for line in &mut lines {
        if let Some(rest) = line.strip_suffix(" ·") {
            *line = rest.to_owned();
        }
    }
    lines
}

/// Adds a block, its middle at column `x` of row 0 of the tile, around the edges where it passes them.
fn add(tile: &mut [f32], width: usize, block: &Coverage, x: usize) {
    let height = tile.len() / width;
    for (row, line) in block.values.chunks_exact(block.width).enumerate() {
        let y = (row + height * (1 + block.height / height) - block.height / 2) % height;
        for (column, &value) in line.iter().enumerate() {
            let x = (x + column + width * (1 + block.width / width) - block.width / 2) % width;
            let under = &mut tile[y * width + x];
            *under = under.max(value);
        }
    }
}

/// The mean over the square of `2 radius + 1` around each value; the tile repeats.
fn soft(values: &[f32], width: usize, height: usize, radius: usize) -> Vec<f32> {
    let share = 1.0 / (2 * radius + 1) as f32;
    let shift = |at: usize, by: usize, size: usize| (at + size * (1 + radius / size) + by - radius) % size;
    let across: Vec<f32> = (0..values.len())
        .map(|at| {
            let (y, x) = (at / width, at % width);
            let sum: f32 = (0..=2 * radius)
                .map(|by| values[y * width + shift(x, by, width)])
                .sum();
            sum * share
        })
        .collect();
    (0..values.len())
        .map(|at| {
            let (y, x) = (at / width, at % width);
            let sum: f32 = (0..=2 * radius)
                .map(|by| across[shift(y, by, height) * width + x])
                .sum();
            sum * share
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str) -> Lines {
        Lines {
            name: Phi::new(name.to_owned()),
            account: "5f0c2a9e".to_owned(),
            when: Timestamp::from_ms(1_795_342_199_000),
            session: "7f3a91c2".to_owned(),
        }
    }

    fn flat(width: u32, height: u32, value: u8) -> Vec<u8> {
        vec![value; (width * height * 3) as usize]
    }

    #[test]
    fn names_of_many_alphabets_are_drawn_and_others_give_way_to_the_account() {
        let font = Font::new(15.0).unwrap();
        for name in [
            "Zoë Nováková-Łęcka",
            "Nguyễn Thị Hương",
            "Ελένη Παπαδοπούλου",
            "Юрій Ґалаґан",
            // Letters with their accents apart.
            "Rene\u{301} Mu\u{308}ller",
        ] {
            let words = lines(name).words(&font);
            let composed: String = name.nfc().collect();
            assert!(words.starts_with(&composed), "{words}");
        }
        for name in ["王小明", "محمد", "Anna\u{202e}", " ", "a\u{0}b"] {
            assert!(lines(name).words(&font).starts_with("5f0c2a9e ·"), "{name}");
        }
        assert_eq!(
            lines("Anna").words(&font),
            "Anna · 2026-11-22 10:09 UTC · 7f3a91c2"
        );
        assert_eq!(lines(&"ab ".repeat(40)).words(&font).find('…'), Some(39));
    }

    #[test]
    fn it_is_seen_on_black_on_white_and_on_gray_and_is_quiet() {
        for (width, height) in [(64, 64), (97, 131), (512, 512), (640, 360), (1921, 1083)] {
            for value in [0, 40, 128, 215, 255] {
                let stamp = Stamp::new(&lines("Anna Müller"));
                let mut picture = flat(width, height, value);
                stamp.apply(&mut picture, width, height, None);
                let moved: Vec<i32> = picture
                    .iter()
                    .map(|&p| (i32::from(p) - i32::from(value)).abs())
                    .collect();
                let most = moved.iter().max().unwrap();
                let seen = moved.iter().filter(|&&by| by >= 20).count();
                let share = seen as f64 / moved.len() as f64;
                assert!((30..=80).contains(most), "{width} {value}: {most}");
                assert!(
                    (0.005..0.25).contains(&share),
                    "{width} x {height}, {value}: {share}"
                );
            }
        }
    }

    #[test]
    fn it_is_everywhere() {
        let (width, height) = (768, 512);
        let mut picture = flat(width, height, 0);
        Stamp::new(&lines("Anna Müller")).apply(&mut picture, width, height, None);
        for top in (0..height as usize - 128).step_by(64) {
            for left in (0..width as usize - 128).step_by(64) {
                let seen = (top..top + 128)
                    .flat_map(|y| (left..left + 128).map(move |x| (y * width as usize + x) * 3))
                    .filter(|&at| picture[at] > 20)
                    .count();
                assert!(seen > 128, "{left}, {top}: {seen}");
            }
        }
    }

    #[test]
    fn what_is_measured_stays_clear_and_cannot_be_everything() {
        let (width, height) = (300, 220);
        let stamp = Stamp::new(&lines("Anna Müller"));
        let clear = Rect {
            x: 41,
            y: 30,
            width: 120,
            height: 100,
        };
        let (mut all, mut with) = (flat(width, height, 90), flat(width, height, 90));
        stamp.apply(&mut all, width, height, None);
        stamp.apply(&mut with, width, height, Some(clear));
        for y in 0..height {
            for x in 0..width {
                let at = ((y * width + x) * 3) as usize;
                let inside = (41..161).contains(&x) && (30..130).contains(&y);
                assert_eq!(with[at], if inside { 90 } else { all[at] }, "{x}, {y}");
            }
        }
        for everything in [
            Rect {
                x: 0,
                y: 0,
                width,
                height,
            },
            Rect {
                x: 0,
                y: 0,
                width: u32::MAX,
                height: u32::MAX,
            },
        ] {
            let mut hidden = flat(width, height, 90);
            stamp.apply(&mut hidden, width, height, Some(everything));
            let count = |picture: &[u8]| picture.iter().filter(|&&p| p != 90).count();
            assert!(count(&hidden) * 2 > count(&all));
        }
        let outside = Rect {
            x: 900,
            y: 900,
            width: 5,
            height: 5,
        };
        let mut same = flat(width, height, 90);
        stamp.apply(&mut same, width, height, Some(outside));
        assert_eq!(same, all);
    }

    #[test]
    fn neither_empty_pictures_nor_short_buffers_hurt() {
        let stamp = Stamp::new(&lines("Anna Müller"));
        stamp.apply(&mut [], 0, 7, None);
        stamp.apply(&mut [9; 20], 64, 64, None);
        stamp.apply(&mut [9; 3], 1, 1, None);
    }
}
