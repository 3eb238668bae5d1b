//! Steps 4 to 7 for mesh files.

use std::fs::File;

use catalog::{ItemOriginal, NewArtifact};
use domain::{ArtifactKind, ItemKind};
use geometry::PatientDirection;
use renderer::cpu::{self, Quality};
use renderer::{Camera, Clip, ResidentSurface, Scene, SurfaceLayer};
use serde_json::{Value, json};
use surface::repair::{RepairReport, UnitSource};

use super::{Workshop, thumbnail};
use crate::IngestError;
use crate::guard::model::{ARENA_BYTES, Shown};
use crate::guard::{Arena, GuardError, MeshJob, MeshReply, Pool};
use crate::progress::{Event, Step};
use crate::report::Stopwatch;
use crate::steps::find::Part;
use crate::steps::read::{Hash, Kept};
use crate::steps::record::{Built, Identity, artifact, files_key};

/// Name of the surface of a mesh within its item.
pub(crate) const SURFACE: &str = "surface";
/// How far a stored position may lie from the one in the file: this share of the longest side, and at most
/// [`MAX_TOLERANCE_MM`]; `artifact::mesh` stays below a quarter of it.
const TOLERANCE_SHARE: f64 = 1e-5;
const MAX_TOLERANCE_MM: f64 = 0.04;
const MIN_TOLERANCE_MM: f64 = 1e-6;

/// A mesh file with those it may use.
pub(crate) struct MeshFiles<'a> {
    pub(crate) main: &'a Kept,
    /// Hash and original of each companion, with its part.
    pub(crate) companions: Vec<(Part, Hash, ItemOriginal)>,
}

impl MeshFiles<'_> {
    /// What tells this mesh from others: its files, and the unit that was asked for.
    pub(crate) fn content_key(&self, unit: Option<geometry::LengthUnit>) -> Hash {
        let mut others: Vec<Hash> = self.companions.iter().map(|(_, hash, _)| *hash).collect();
        others.sort_unstable();
        let files = std::iter::once(self.main.hash).chain(others);
        let wish = unit.map_or(String::new(), |unit| format!("unit={unit}"));
        files_key(ItemKind::Mesh, files, &wish)
    }
}

/// A mesh read, repaired, stored and drawn. The inner error is what is wrong with the file.
pub(crate) fn build(
    workshop: &Workshop<'_>,
    pool: &Pool,
    files: &MeshFiles<'_>,
    clock: &mut Stopwatch,
) -> Result<Result<(Identity, Built), String>, IngestError> {
    let part = &files.main.part;
    let read = clock.time(Step::Build, part.len, || read(workshop, pool, files))?;
    workshop.progress.event(Event::Advanced {
        step: Step::Build,
        count: 1,
        bytes: part.len,
    });
    let (reply, shown) = match read {
        Ok(read) => read,
        Err(reason) => return Ok(Err(reason)),
    };
    let details = details(&reply, &shown);
    let artifacts = keep(workshop, &reply, shown, clock)?;
    let built = Built {
        kind: ItemKind::Mesh,
        grid: None,
        frames: None,
        details,
        notes: reply.notes,
        artifacts,
    };
    let identity = Identity {
        name: format!("Mesh ({}, {} triangles)", reply.format, reply.report.triangles),
        ..Identity::default()
    };
    Ok(Ok((identity, built)))
}

fn read(
    workshop: &Workshop<'_>,
    pool: &Pool,
    files: &MeshFiles<'_>,
) -> Result<Result<(MeshReply, Shown), String>, IngestError> {
    let parts = || std::iter::once(&files.main.part).chain(files.companions.iter().map(|(part, ..)| part));
    let opened: Result<Vec<File>, String> = parts().map(Part::open).collect();
    let opened = match opened {
        Ok(opened) => opened,
        Err(reason) => return Ok(Err(reason)),
    };
    let job = MeshJob {
        names: parts().map(|part| part.path.clone()).collect(),
        unit: workshop.options.unit,
    };
    // Memory is taken as the surface is written, not before.
    let arena = Arena::new(ARENA_BYTES)?;
    match pool.with(|worker| worker.mesh(&arena, &opened, job)) {
        Ok(reply) => match reply.layout.take(arena.bytes()) {
            Some(shown) => Ok(Ok((reply, shown))),
            None => Ok(Err("the worker gave a surface that contradicts itself".to_owned())),
        },
        Err(GuardError::Refused(reason)) => Ok(Err(reason)),
        Err(error @ GuardError::Died(_)) => Ok(Err(error.to_string())),
        Err(error @ GuardError::Spawn { .. }) => Err(error.into()),
    }
}

/// Stores the surface and its small picture. Points without triangles have neither.
fn keep(
    workshop: &Workshop<'_>,
    reply: &MeshReply,
    shown: Shown,
    clock: &mut Stopwatch,
) -> Result<Vec<NewArtifact>, IngestError> {
    if shown.model.mesh.triangles.is_empty() {
        return Ok(Vec::new());
    }
    let place = workshop.place;
    let ids = place.reserve(workshop.run, 2)?;
    let [surface_id, thumbnail_id] = ids[..] else {
        return Err(IngestError::Broken("too few names were reserved".to_owned()));
    };
    let surface = clock.time(Step::Surfaces, 0, || {
        let longest_mm = reply.report.unit.longest_mm();
        let tolerance_mm = (longest_mm * TOLERANCE_SHARE).clamp(MIN_TOLERANCE_MM, MAX_TOLERANCE_MM);
        let details = surface_details(&reply.report, &shown);
        let bytes = artifact::mesh::encode_model(&shown.model, &details, tolerance_mm)?;
        let object = place.put(surface_id, &bytes)?;
        artifact(ArtifactKind::Surface, SURFACE, details, vec![("glb", object)])
    })?;
    let thumbnail = clock.time(Step::Thumbnail, 0, || {
        let colors = if shown.seen_colors.is_empty() {
            shown.model.colors
        } else {
            shown.seen_colors
        };
        let png = picture_of(shown.model.mesh, colors)?;
        thumbnail::artifact_of(place, thumbnail_id, &png)
    })?;
    Ok(vec![surface, thumbnail])
}

/// A surface from the front, a little from the left, as PNG.
pub(super) fn picture_of(mesh: surface::Mesh, colors: Vec<[u8; 4]>) -> Result<Vec<u8>, IngestError> {
    let surface = ResidentSurface::new(mesh)
        .and_then(|surface| surface.with_colors(colors))
        .map_err(|e| IngestError::Broken(e.to_string()))?;
    let layer = SurfaceLayer::new(&surface);
    let mut scene = Scene {
        volumes: Vec::new(),
        surfaces: vec![layer],
        clip: Clip::NONE,
        camera: Camera::from_side(PatientDirection::Anterior, geometry::Aabb::EMPTY, 1.0),
        background: thumbnail::GROUND,
    };
    scene.camera = Camera::from_side(PatientDirection::Anterior, scene.bounds_mm(), 1.0).turned(0.45);
    let drawn = cpu::Renderer::new().draw(&scene, thumbnail::SIDE, thumbnail::SIDE, Quality::FINE);
    let picture = drawn.map_err(|e| IngestError::Broken(format!("the thumbnail could not be drawn: {e}")))?;
    Ok(artifact::thumbnail::encode_png(
        picture.width,
        picture.height,
        &picture.rgba,
    )?)
}

/// What is told of the surface.
fn surface_details(report: &RepairReport, shown: &Shown) -> Value {
    let mesh = &shown.model.mesh;
    let measures = mesh.measure();
    json!({
        "vertices": mesh.positions_mm.len(),
        "triangles": mesh.triangles.len(),
        "components": report.components,
        "watertight": report.is_watertight(),
        "area_mm2": measures.area_mm2,
        "volume_mm3": measures.volume_mm3,
        "accuracy": accuracy(),
    })
}

/// What is told of the item.
fn details(reply: &MeshReply, shown: &Shown) -> Value {
    let report = &reply.report;
    json!({
        "format": reply.format,
        "unit": report.unit.unit,
        "unit_source": unit_source(report.unit.source),
        "longest_mm": report.unit.longest_mm(),
        "vertices": report.vertices,
        "triangles": report.triangles,
        "components": report.components,
        "holes": report.holes,
        "watertight": report.is_watertight(),
        "has_colors": !shown.model.colors.is_empty(),
        "has_texture": shown.model.texture.is_some(),
        "repair": report,
        "accuracy": accuracy(),
    })
}

fn unit_source(source: UnitSource) -> &'static str {
    match source {
        UnitSource::Given => "given",
        UnitSource::Declared => "declared",
        UnitSource::Inferred => "inferred",
    }
}

/// What is known of how near a mesh file is to what it shows: nothing.
fn accuracy() -> Value {
    json!({
        "expected_error_mm": null,
        "note": "A mesh file does not say how it was measured; its accuracy is not known.",
    })
}
