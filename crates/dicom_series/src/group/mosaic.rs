//! Siemens mosaics: many slices as tiles of one frame.
//!
//! Image Position (Patient) of a mosaic is that of a frame of mosaic size around the center of the first slice, so
//! the first tile begins further in by half of what the mosaic is larger than a tile. The slices follow along the
//! normal that the CSA header gives, which may be the opposite of row x column.

use super::model::{FramePlane, SliceRef, Tile};
use super::sheet::{Frame, Sheet};
use crate::instance::Mosaic;

/// More tiles than any scanner writes; also keeps a lying header from asking for much memory.
const MOST_TILES: u32 = 4096;

/// The slices of a mosaic frame, or `None` when the tiles do not fit or their distance is unknown.
pub(super) fn tiles<'a>(
    frame: &Frame<'a>,
    mosaic_plane: &FramePlane,
    mosaic: &Mosaic,
) -> Option<Vec<Sheet<'a>>> {
    let per_side = mosaic.tiles_per_side;
    let fits = (1..=MOST_TILES).contains(&mosaic.count)
        && frame.dims.iter().all(|&n| per_side > 0 && n % per_side == 0)
        && mosaic.count <= per_side.saturating_mul(per_side);
    let (spacing_mm, _) = spacing(frame)?;
    if !fits {
        return None;
    }
    let tile_dims = frame.dims.map(|n| n / per_side);
    let inset = |axis: usize| {
        let (whole, tile) = (frame.dims.get(axis).copied(), tile_dims.get(axis).copied());
        let step = mosaic_plane.spacing_mm.get(axis).copied();
        match (whole, tile, step) {
            (Some(whole), Some(tile), Some(step)) => f64::from(whole.saturating_sub(tile)) * 0.5 * step,
            _ => 0.0,
        }
    };
    let first = mosaic_plane.origin_mm + mosaic_plane.row * inset(0) + mosaic_plane.column * inset(1);
    let normal = mosaic_plane.row.cross(mosaic_plane.column);
    let along = match mosaic.slice_normal {
        Some(given) if normal.dot(given.into()) < 0.0 => -normal,
        _ => normal,
    };
    let sheet = |index: u32| Sheet {
        frame: Frame {
            at: SliceRef {
                tile: Some(Tile::of(index, per_side, tile_dims)),
                ..frame.at
            },
            dims: tile_dims,
            ..*frame
        },
        plane: FramePlane {
            origin_mm: first + along * (spacing_mm * f64::from(index)),
            ..*mosaic_plane
        },
    };
    Some((0..mosaic.count).map(sheet).collect())
}

/// Where the distance between slices comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpacingSource {
    SpacingBetweenSlices,
    SliceThickness,
}

/// The distance between slices of a mosaic, mm.
pub(super) fn spacing(frame: &Frame) -> Option<(f64, SpacingSource)> {
    let usable = |mm: &f64| (1e-6..=1e4).contains(mm);
    let between = frame
        .description
        .spacing_between_slices_mm
        .map(f64::abs)
        .filter(usable);
    let thickness = frame.description.slice_thickness_mm.filter(usable);
    between
        .map(|mm| (mm, SpacingSource::SpacingBetweenSlices))
        .or(thickness.map(|mm| (mm, SpacingSource::SliceThickness)))
}
