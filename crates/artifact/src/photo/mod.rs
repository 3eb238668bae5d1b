//! The lasting bytes of a photograph: tiles in levels, so that a viewer of a large one takes what it shows.
//!
//! A photograph is two objects, as a pyramid of bricks is ([`crate::pyramid`]). The **body** holds the tiles one after
//! the other; the **head** what is known of the picture and where each tile lies. Level 0 is the picture itself; each
//! level after it has half as many columns and rows, rounded up, down to the one that fits one tile. Version 1, little
//! endian:
//!
//! | offset | type | content |
//! |---|---|---|
//! | 0 | 8 bytes | `VTRNPHO` and a line feed |
//! | 8 | u16 | version, 1 |
//! | 10 | u8 | coding of tiles: 1 lossless WebP |
//! | 11 | u8 | samples a pixel, 3: red, green, blue, 8 bits, sRGB |
//! | 12 | 2 x u32 | columns, rows |
//! | 20 | u16 | columns and rows of a tile, 512; the last of a row or column may have fewer |
//! | 22 | u16 | levels |
//! | 24 | u32 | bytes of the description |
//! | 28 | u32 | 0 |
//! | 32 | u64 | bytes of the body |
//! | 40 | JSON | findings |
//! | | 12 bytes each | for each tile its offset in the body (u64) and its length (u32): level by level, by rows |
//!
//! Tiles are coded without loss, because what is looked at for a judgment must not be what a second encoder made of it.
//! Lossless WebP is read by every browser and holds nothing but pixels; tiles of photographs of skin took 0.8 to 1.0
//! times the bytes of PNG in an eighth of its time.
//!
//! Levels are halved in linear light with the binomial filter 1-3-3-1, so that fine texture neither darkens nor
//! aliases.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod shrink;
#[cfg(test)]
mod tests;
mod writer;

use std::io::Cursor as Bytes;
use std::ops::Range;

use image_webp::WebPDecoder;
use serde::{Deserialize, Serialize};
use volume::Note;

use crate::ArtifactError;
use crate::cursor::Cursor;

pub use shrink::fitted;
pub use writer::{PhotoWriteError, write};

const MAGIC: &[u8; 8] = b"VTRNPHO\n";
const VERSION: u16 = 1;
const WHAT: &str = "a photograph";
const CODING_WEBP: u8 = 1;
/// Bytes of an entry in the table of tiles.
const ENTRY: u64 = 12;
/// Columns and rows of a tile.
pub const TILE: u32 = 512;
/// Pixels of a photograph, at most.
pub const MAX_PIXELS: u64 = 100_000_000;
/// Bytes of the description, at most.
const MAX_DESCRIPTION_BYTES: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Description {
    findings: Vec<Note>,
}

/// One level of a photograph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Pixels along a row.
    pub columns: u32,
    /// Rows.
    pub rows: u32,
    /// Tiles of the levels before this.
    first: u32,
}

impl Level {
    /// Tiles along a row and down a column.
    pub fn tiles(&self) -> (u32, u32) {
        (self.columns.div_ceil(TILE), self.rows.div_ceil(TILE))
    }

    /// Copies the pixels of a tile to their place in those of the whole level. What does not fit is left out.
    pub fn place_tile(&self, (column, row): (u32, u32), tile: &[u8], rgb: &mut [u8]) {
        let Some((columns, _)) = self.tile_size(column, row) else {
            return;
        };
        let line = columns as usize * 3;
        for (y, source) in tile.chunks_exact(line).enumerate() {
            let pixel =
                (row as usize * TILE as usize + y) * self.columns as usize + column as usize * TILE as usize;
            if let Some(target) = rgb.get_mut(pixel * 3..pixel * 3 + line) {
                target.copy_from_slice(source);
            }
        }
    }

    fn tile_count(&self) -> u32 {
        let (across, down) = self.tiles();
        across.saturating_mul(down)
    }

    /// Columns and rows of a tile; `None` where there is none.
    fn tile_size(&self, column: u32, row: u32) -> Option<(u32, u32)> {
        let (across, down) = self.tiles();
        let size = |all: u32, at: u32| all.saturating_sub(at.saturating_mul(TILE)).min(TILE);
        (column < across && row < down).then(|| (size(self.columns, column), size(self.rows, row)))
    }
}

/// The levels of a picture, the finest first.
fn levels(columns: u32, rows: u32) -> Result<Vec<Level>, ArtifactError> {
    let pixels = u64::from(columns).saturating_mul(u64::from(rows));
    if pixels == 0 || pixels > MAX_PIXELS {
        return Err(ArtifactError::Inconsistent {
            what: "the number of pixels of a photograph",
            expected: MAX_PIXELS,
            actual: pixels,
        });
    }
    let mut levels = Vec::new();
    let mut level = Level {
        columns,
        rows,
        first: 0,
    };
    loop {
        levels.push(level);
        if level.tile_count() == 1 {
            return Ok(levels);
        }
        level = Level {
            columns: level.columns.div_ceil(2),
            rows: level.rows.div_ceil(2),
            first: level.first.saturating_add(level.tile_count()),
        };
    }
}

/// What is known of a photograph, and where its tiles lie.
#[derive(Clone, Debug, PartialEq)]
pub struct PhotoHead {
    levels: Vec<Level>,
    findings: Vec<Note>,
    entries: Vec<(u64, u32)>,
    body_len: u64,
}

impl PhotoHead {
    /// Reads a head.
    ///
    /// # Errors
    /// When the bytes are no head, of a later version, cut off, or contradict themselves.
    pub fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let mut cursor = Cursor::new(bytes);
        cursor.start(MAGIC, VERSION, WHAT)?;
        let inconsistent = |what, expected: u64, actual: u64| ArtifactError::Inconsistent {
            what,
            expected,
            actual,
        };
        let coding = cursor.u8("coding of tiles")?;
        if coding != CODING_WEBP {
            return Err(ArtifactError::UnknownCode {
                what: "coding of tiles",
                code: coding.into(),
            });
        }
        let samples = cursor.u8("samples a pixel")?;
        if samples != 3 {
            return Err(inconsistent("the number of samples a pixel", 3, samples.into()));
        }
        let levels = levels(cursor.u32("columns")?, cursor.u32("rows")?)?;
        let tile = cursor.u16("size of a tile")?;
        if u32::from(tile) != TILE {
            return Err(inconsistent("the size of a tile", TILE.into(), tile.into()));
        }
        let count = cursor.u16("number of levels")?;
        if usize::from(count) != levels.len() {
            return Err(inconsistent(
                "the number of levels",
                levels.len() as u64,
                count.into(),
            ));
        }
        let description_len = u64::from(cursor.u32("length of the description")?);
        if description_len > MAX_DESCRIPTION_BYTES {
            return Err(inconsistent(
                "the length of a photograph's description",
                MAX_DESCRIPTION_BYTES,
                description_len,
            ));
        }
        cursor.u32("reserved")?;
        let body_len = cursor.u64("length of the body")?;
        let description = cursor.take(description_len, "the description")?;
        let description: Description =
            serde_json::from_slice(description).map_err(ArtifactError::Description)?;
        let tiles: u64 = levels.iter().map(|level| u64::from(level.tile_count())).sum();
        let mut table = Cursor::new(cursor.take(tiles * ENTRY, "the table of tiles")?);
        let mut entries = Vec::with_capacity(tiles as usize);
        for _ in 0..tiles {
            let (offset, len) = (table.u64("a tile")?, table.u32("a tile")?);
            let end = offset.saturating_add(len.into());
            if end > body_len {
                return Err(inconsistent("the end of a tile", body_len, end));
            }
            entries.push((offset, len));
        }
        Ok(Self {
            levels,
            findings: description.findings,
            entries,
            body_len,
        })
    }

    /// The levels, the finest first.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// What was found.
    pub fn findings(&self) -> &[Note] {
        &self.findings
    }

    /// Bytes of the body.
    pub fn body_len(&self) -> u64 {
        self.body_len
    }

    /// The bytes of a tile in the body; `None` when there is no such tile.
    pub fn byte_range(&self, level: u32, column: u32, row: u32) -> Option<Range<u64>> {
        let level = self.levels.get(level as usize)?;
        level.tile_size(column, row)?;
        let (across, _) = level.tiles();
        let index = level
            .first
            .checked_add(row.checked_mul(across)?.checked_add(column)?)?;
        let &(offset, len) = self.entries.get(index as usize)?;
        Some(offset..offset.saturating_add(len.into()))
    }

    /// The pixels of a tile, `[row][column][red, green, blue]`, from its bytes.
    ///
    /// # Errors
    /// When there is no such tile, or `bytes` are none of its size.
    pub fn decode_tile(
        &self,
        (level, column, row): (u32, u32, u32),
        bytes: &[u8],
    ) -> Result<Vec<u8>, ArtifactError> {
        let damaged = ArtifactError::Damaged {
            what: "a tile of the photograph cannot be read",
        };
        let size = self
            .levels
            .get(level as usize)
            .and_then(|level| level.tile_size(column, row));
        let Some((columns, rows)) = size else {
            return Err(ArtifactError::Damaged {
                what: "there is no such tile in the photograph",
            });
        };
        let Ok(mut decoder) = WebPDecoder::new(Bytes::new(bytes)) else {
            return Err(damaged);
        };
        if decoder.dimensions() != (columns, rows) || decoder.has_alpha() || decoder.is_animated() {
            return Err(damaged);
        }
        let mut rgb = vec![0; columns as usize * rows as usize * 3];
        match decoder.read_image(&mut rgb) {
            Ok(()) => Ok(rgb),
            Err(_) => Err(damaged),
        }
    }
}
