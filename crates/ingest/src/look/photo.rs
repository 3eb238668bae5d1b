//! A photograph as it is looked at: one level of it whole, and tiles of finer ones as they are needed.

use std::fmt;
use std::ops::Range;

use artifact::photo::{Level, PhotoHead};
use domain::{ArtifactKind, ItemId};

use crate::IngestError;
use crate::place::Place;

/// Reads bytes of the body.
type Read = Box<dyn Fn(Range<u64>) -> Result<Vec<u8>, IngestError> + Send + Sync>;

/// A photograph, of which the finest levels stay where they are stored until somebody comes near.
pub struct LookedPhoto {
    head: PhotoHead,
    whole: u32,
    rgb: Vec<u8>,
    read: Read,
}

impl fmt::Debug for LookedPhoto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookedPhoto")
            .field("levels", &self.head.levels())
            .field("whole", &self.whole)
            .finish_non_exhaustive()
    }
}

impl LookedPhoto {
    /// A photograph by its head, whose body `read` reads; the finest level with at most `longest` pixels along each side
    /// is read whole, or the coarsest.
    ///
    /// # Errors
    /// When stored bytes are damaged, or `read` fails.
    pub fn new(
        head: PhotoHead,
        longest: u32,
        read: impl Fn(Range<u64>) -> Result<Vec<u8>, IngestError> + Send + Sync + 'static,
    ) -> Result<Self, IngestError> {
        let fits = |level: &Level| level.columns.max(level.rows) <= longest;
        let last = head.levels().len().saturating_sub(1);
        let whole = head.levels().iter().position(fits).unwrap_or(last);
        let whole = u32::try_from(whole).unwrap_or_default();
        let rgb = level_pixels(&head, whole, &read)?;
        Ok(Self {
            head,
            whole,
            rgb,
            read: Box::new(read),
        })
    }

    /// Its levels, the finest first.
    pub fn levels(&self) -> &[Level] {
        self.head.levels()
    }

    /// Which level is here whole, and its pixels, `[row][column][red, green, blue]`, sRGB.
    pub fn whole(&self) -> (u32, &[u8]) {
        (self.whole, &self.rgb)
    }

    /// The pixels of a tile by level, column and row, `[row][column][red, green, blue]`, sRGB, read from where they are
    /// stored. Not to be called on a thread that drives asynchronous work.
    ///
    /// # Errors
    /// When there is no such tile, it is damaged, or cannot be read.
    pub fn tile(&self, key: (u32, u32, u32)) -> Result<Vec<u8>, IngestError> {
        tile(&self.head, key, &self.read)
    }
}

fn tile(
    head: &PhotoHead,
    key: (u32, u32, u32),
    read: &dyn Fn(Range<u64>) -> Result<Vec<u8>, IngestError>,
) -> Result<Vec<u8>, IngestError> {
    let range = head.byte_range(key.0, key.1, key.2).ok_or_else(broken)?;
    Ok(head.decode_tile(key, &read(range)?)?)
}

/// All pixels of a level, `[row][column][red, green, blue]`.
pub(crate) fn level_pixels(
    head: &PhotoHead,
    index: u32,
    read: &dyn Fn(Range<u64>) -> Result<Vec<u8>, IngestError>,
) -> Result<Vec<u8>, IngestError> {
    let level = *head.levels().get(index as usize).ok_or_else(broken)?;
    let mut rgb = vec![0; level.columns as usize * level.rows as usize * 3];
    let (across, down) = level.tiles();
    for (column, row) in (0..down).flat_map(|row| (0..across).map(move |column| (column, row))) {
        level.place_tile((column, row), &tile(head, (index, column, row), read)?, &mut rgb);
    }
    Ok(rgb)
}

fn broken() -> IngestError {
    IngestError::Broken("the photograph is not complete".to_owned())
}

impl Place {
    /// A photograph with at most `longest` pixels along each side, and the way to the rest of it.
    pub(super) fn look_at_photo(&self, item: ItemId, longest: u32) -> Result<LookedPhoto, IngestError> {
        let artifacts = self.artifacts(item)?;
        let photo = artifacts
            .iter()
            .find(|artifact| artifact.kind == ArtifactKind::Photo)
            .ok_or_else(broken)?;
        let (head, body) = photo
            .object("head")
            .zip(photo.object("body"))
            .ok_or_else(broken)?;
        let head = PhotoHead::parse(&self.read(head)?)?;
        LookedPhoto::new(head, longest, self.reader(body)?)
    }
}
