//! Writing a photograph.

use image_webp::{ColorType, WebPEncoder};
use parallel::prelude::*;
use volume::Note;

use super::shrink::halved;
use super::{CODING_WEBP, Description, Level, MAGIC, MAX_DESCRIPTION_BYTES, TILE, VERSION, levels};
use crate::ArtifactError;
use crate::pyramid::BodySink;

/// Why a photograph could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PhotoWriteError<E> {
    /// The picture is none that can be kept.
    #[error("the picture cannot be kept")]
    Picture(#[source] ArtifactError),
    /// The body refused its bytes.
    #[error("the picture could not be stored")]
    Body(#[source] E),
}

/// Writes the tiles of `rgb` (`[row][column][red, green, blue]`, sRGB) to `body`, row by row of tiles and level by level,
/// and gives the head. Tiles of a row are coded in parallel; beside the picture it takes a third of its memory.
///
/// # Errors
/// When there are no or too many pixels, `rgb` has not their length, the findings are too long, or the body refuses
/// bytes.
pub fn write<S: BodySink>(
    (columns, rows): (u32, u32),
    rgb: &[u8],
    findings: &[Note],
    body: &S,
) -> Result<Vec<u8>, PhotoWriteError<S::Error>> {
    let picture = |error| PhotoWriteError::Picture(error);
    let levels = levels(columns, rows).map_err(picture)?;
    let expected = u64::from(columns) * u64::from(rows) * 3;
    if expected != rgb.len() as u64 {
        return Err(picture(ArtifactError::Inconsistent {
            what: "the number of bytes of a photograph",
            expected,
            actual: rgb.len() as u64,
        }));
    }
    let mut entries = Vec::new();
    let mut smaller: Option<Vec<u8>> = None;
    for (index, level) in levels.iter().enumerate() {
        if let Some(above) = index.checked_sub(1).and_then(|above| levels.get(above)) {
            let from = smaller.as_deref().unwrap_or(rgb);
            smaller = Some(halved(above.columns as usize, above.rows as usize, from));
        }
        write_level(level, smaller.as_deref().unwrap_or(rgb), body, &mut entries)?;
    }
    head(&levels, &entries, findings).map_err(picture)
}

fn write_level<S: BodySink>(
    level: &Level,
    rgb: &[u8],
    body: &S,
    entries: &mut Vec<(u64, u32)>,
) -> Result<(), PhotoWriteError<S::Error>> {
    let (across, down) = level.tiles();
    for row in 0..down {
        let coded: Result<Vec<Vec<u8>>, ArtifactError> = (0..across)
            .into_par_iter()
            .map(|column| encode(level, column, row, rgb))
            .collect();
        for bytes in coded.map_err(PhotoWriteError::Picture)? {
            // A tile has at most 512 x 512 x 3 bytes and little more.
            let len = bytes.len() as u32;
            let offset = body.append(bytes).map_err(PhotoWriteError::Body)?;
            entries.push((offset, len));
        }
    }
    Ok(())
}

fn encode(level: &Level, column: u32, row: u32, rgb: &[u8]) -> Result<Vec<u8>, ArtifactError> {
    let outside = ArtifactError::Damaged {
        what: "a tile lies outside the photograph",
    };
    let Some((columns, rows)) = level.tile_size(column, row) else {
        return Err(outside);
    };
    let line = columns as usize * 3;
    let mut tile = Vec::with_capacity(line * rows as usize);
    for y in 0..rows {
        let pixel = (row * TILE + y) as usize * level.columns as usize + (column * TILE) as usize;
        tile.extend_from_slice(rgb.get(pixel * 3..pixel * 3 + line).unwrap_or_default());
    }
    if tile.len() != line * rows as usize {
        return Err(outside);
    }
    let mut bytes = Vec::new();
    match WebPEncoder::new(&mut bytes).encode(&tile, columns, rows, ColorType::Rgb8) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(ArtifactError::Damaged {
            what: "a tile of the photograph cannot be coded",
        }),
    }
}

fn head(levels: &[Level], entries: &[(u64, u32)], findings: &[Note]) -> Result<Vec<u8>, ArtifactError> {
    let description = Description {
        findings: findings.to_vec(),
    };
    let description = serde_json::to_vec(&description).map_err(ArtifactError::Description)?;
    if description.len() as u64 > MAX_DESCRIPTION_BYTES {
        return Err(ArtifactError::Inconsistent {
            what: "the length of a photograph's description",
            expected: MAX_DESCRIPTION_BYTES,
            actual: description.len() as u64,
        });
    }
    let (columns, rows) = levels.first().map_or((0, 0), |level| (level.columns, level.rows));
    let body_len = entries
        .iter()
        .map(|(offset, len)| offset.saturating_add(u64::from(*len)))
        .max()
        .unwrap_or(0);
    let mut head = MAGIC.to_vec();
    head.extend(VERSION.to_le_bytes());
    head.extend([CODING_WEBP, 3]);
    head.extend(columns.to_le_bytes());
    head.extend(rows.to_le_bytes());
    head.extend((TILE as u16).to_le_bytes());
    head.extend((levels.len() as u16).to_le_bytes());
    head.extend((description.len() as u32).to_le_bytes());
    head.extend([0; 4]);
    head.extend(body_len.to_le_bytes());
    head.extend(description);
    for (offset, len) in entries {
        head.extend(offset.to_le_bytes());
        head.extend(len.to_le_bytes());
    }
    Ok(head)
}
