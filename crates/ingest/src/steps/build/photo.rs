//! Steps 4 to 7 for photographs.

use capture::photo::PhotoFacts;
use domain::{ArtifactKind, ItemKind};
use serde_json::json;
use volume::Note;

use super::volume::Body;
use super::{Workshop, thumbnail};
use crate::IngestError;
use crate::guard::{Arena, GuardError};
use crate::progress::{Event, Step};
use crate::report::Stopwatch;
use crate::steps::find::chain;
use crate::steps::read::{Hash, Kept};
use crate::steps::record::{Built, Identity, artifact, files_key, photo_note};

/// What tells this photograph from others.
pub(crate) fn content_key(photo: &Kept) -> Hash {
    files_key(ItemKind::Photo, std::iter::once(photo.hash), "")
}

/// A photograph in tiles with its thumbnail. The inner error is what is wrong with the file.
pub(crate) fn build(
    workshop: &Workshop<'_>,
    photo: &Kept,
    clock: &mut Stopwatch,
) -> Result<Result<(Identity, Built), String>, IngestError> {
    // Memory is taken as pixels are written, not before.
    let arena = Arena::new(capture::photo::MAX_PICTURE_BYTES)?;
    let decoded = clock.time(Step::Build, photo.part.len, || decode(workshop, photo, &arena))?;
    workshop.progress.event(Event::Advanced {
        step: Step::Build,
        count: 1,
        bytes: photo.part.len,
    });
    let facts = match decoded {
        Ok(facts) => facts,
        Err(reason) => return Ok(Err(reason)),
    };
    let pixels = arena
        .bytes()
        .get(..facts.picture_bytes() as usize)
        .unwrap_or_default();
    keep(workshop, &facts, pixels, clock).map(Ok)
}

fn decode(
    workshop: &Workshop<'_>,
    photo: &Kept,
    arena: &Arena,
) -> Result<Result<PhotoFacts, String>, IngestError> {
    let file = match photo.part.open() {
        Ok(file) => file,
        Err(reason) => return Ok(Err(reason)),
    };
    match workshop.pool.with(|worker| worker.photo(arena, &file)) {
        Ok(facts) => Ok(Ok(facts)),
        Err(GuardError::Refused(reason)) => Ok(Err(reason)),
        Err(error @ GuardError::Died(_)) => Ok(Err(error.to_string())),
        Err(error @ GuardError::Spawn { .. }) => Err(error.into()),
    }
}

/// Stores the tiles and the thumbnail of `pixels`.
fn keep(
    workshop: &Workshop<'_>,
    facts: &PhotoFacts,
    pixels: &[u8],
    clock: &mut Stopwatch,
) -> Result<(Identity, Built), IngestError> {
    let place = workshop.place;
    let ids = place.reserve(workshop.run, 3)?;
    let [head_id, body_id, thumbnail_id] = ids[..] else {
        return Err(IngestError::Broken("too few names were reserved".to_owned()));
    };
    let size = (facts.columns, facts.rows);
    let notes: Vec<Note> = facts.findings.iter().map(photo_note).collect();
    let objects = clock.time(Step::Build, 0, || {
        let body = Body::new(place, body_id)?;
        let head = artifact::photo::write(size, pixels, &notes, &body)
            .map_err(|e| IngestError::Broken(chain(&e)))?;
        Ok::<_, IngestError>(vec![
            ("head", place.put(head_id, &head)?),
            ("body", body.finish()?),
        ])
    })?;
    let details = json!({ "columns": facts.columns, "rows": facts.rows });
    let tiles = artifact(ArtifactKind::Photo, "photo", details, objects)?;
    let thumbnail = clock.time(Step::Thumbnail, 0, || {
        let (width, height, rgba) = artifact::photo::fitted(size, pixels, thumbnail::SIDE);
        let png = artifact::thumbnail::encode_png(width, height, &rgba)?;
        thumbnail::artifact_of(place, thumbnail_id, &png)
    })?;
    let built = Built {
        kind: ItemKind::Photo,
        grid: None,
        frames: Some(([facts.columns, facts.rows, 1], None)),
        details: json!({ "format": facts.format, "color_space": "sRGB" }),
        notes,
        artifacts: vec![tiles, thumbnail],
    };
    let identity = Identity {
        name: format!(
            "Photograph ({}, {} x {})",
            facts.format, facts.columns, facts.rows
        ),
        ..Identity::default()
    };
    Ok((identity, built))
}
