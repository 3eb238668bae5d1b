//! Steps 4 to 7 for depth captures: frames are decoded by workers some at a time, placed, fused and forgotten.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use capture::depth::{Capture, FramePlan, Layout};
use catalog::ItemOriginal;
use domain::{ArtifactKind, ItemKind};
use geometry::DVec3;
use rayon::prelude::*;
use serde_json::{Value, json};
use surface::Model;
use surface::fusion::{
    AccuracyCard, ColorImage, DepthFrame, DepthImage, Facing, Fusion, PoseUse, Registration, Survey, Upright,
    orient,
};
use volume::{Note, Severity};

use super::mesh::{SURFACE, picture_of};
use super::{Workshop, thumbnail};
use crate::IngestError;
use crate::guard::depth::{FRAME_ARENA_BYTES, FrameRequest, SeenFrame};
use crate::guard::{Arena, GuardError};
use crate::progress::{Event, Step};
use crate::report::{Failure, Stopwatch};
use crate::steps::find::{Part, chain, failure};
use crate::steps::read::Hash;
use crate::steps::record::{Built, Identity, artifact, files_key, typed_note};

/// Frames that are decoded side by side, and so in memory at once.
const FRAMES_AT_ONCE: usize = 8;
/// Bytes of decoded frames that are kept from the first pass to the second.
const KEPT_BYTES: usize = 512 << 20;
/// Bytes of the files that describe a capture.
const MAX_DESCRIPTION_BYTES: u64 = 256 << 20;
/// How far a stored position may lie from the fused one, mm; `artifact::mesh` stays below a quarter of it.
const TOLERANCE_MM: f64 = 0.04;

/// The files of a capture.
pub(crate) struct CaptureFiles {
    pub(crate) layout: Layout,
    /// The folder or archive, and the place in it, for messages.
    pub(crate) label: String,
    /// The files by their names in the upload, each with its content and original.
    pub(crate) files: HashMap<String, (Part, Hash, ItemOriginal)>,
}

impl CaptureFiles {
    /// What tells this capture from others.
    pub(crate) fn content_key(&self) -> Hash {
        let mut hashes: Vec<Hash> = self.files.values().map(|(_, hash, _)| *hash).collect();
        hashes.sort_unstable();
        files_key(ItemKind::Capture, hashes.into_iter(), "")
    }

    /// The originals in the order of the layout.
    pub(crate) fn originals(&self) -> Vec<ItemOriginal> {
        let mut names: Vec<&String> = self.files.keys().collect();
        names.sort_unstable();
        names.into_iter().map(|name| self.files[name].2.clone()).collect()
    }

    fn open(&self, name: &str) -> Result<File, String> {
        let (part, ..) = self
            .files
            .get(name)
            .ok_or_else(|| format!("the file {name} is missing"))?;
        part.open()
    }

    fn label_of(&self, name: &str) -> String {
        self.files
            .get(name)
            .map_or_else(|| self.label.clone(), |(part, ..)| part.label.clone())
    }
}

/// A capture that was built, with the files of frames that were lost.
pub(crate) type BuiltCapture = (Identity, Built, Vec<Failure>);

/// A capture fused, stored and drawn. The inner error is what is wrong with it.
pub(crate) fn build(
    workshop: &Workshop<'_>,
    files: &CaptureFiles,
    clock: &mut Stopwatch,
) -> Result<Result<BuiltCapture, String>, IngestError> {
    let planned = clock.time(Step::Group, 0, || plan(workshop, files))?;
    let plan = match planned {
        Ok(plan) => plan,
        Err(reason) => return Ok(Err(reason)),
    };
    let bytes = files.files.values().map(|(part, ..)| part.len).sum();
    let fused = clock.time(Step::Build, bytes, || {
        let mut frames = Frames::new(workshop, files, &plan);
        fuse(&mut frames).map(|fused| fused.map(|fused| (fused, frames.lost)))
    })?;
    let (fused, lost) = match fused {
        Ok(fused) => fused,
        Err(reason) => return Ok(Err(reason)),
    };
    let notes = notes(&plan, &fused, &lost);
    let card = json!(fused.card);
    let surface_details = json!({
        "vertices": fused.model.mesh.positions_mm.len(),
        "triangles": fused.model.mesh.triangles.len(),
        "area_mm2": fused.card.area_mm2,
        "islands_dropped": fused.islands_dropped,
        "accuracy": card,
    });
    let place = workshop.place;
    let ids = place.reserve(workshop.run, 2)?;
    let [surface_id, thumbnail_id] = ids[..] else {
        return Err(IngestError::Broken("too few names were reserved".to_owned()));
    };
    let surface = clock.time(Step::Surfaces, 0, || {
        let bytes = artifact::mesh::encode_model(&fused.model, &surface_details, TOLERANCE_MM)?;
        let object = place.put(surface_id, &bytes)?;
        artifact(
            ArtifactKind::Surface,
            SURFACE,
            surface_details,
            vec![("glb", object)],
        )
    })?;
    let details = details(files, &plan, &fused, &card);
    let thumbnail = clock.time(Step::Thumbnail, 0, || {
        let png = picture_of(fused.model.mesh, fused.model.colors)?;
        thumbnail::artifact_of(place, thumbnail_id, &png)
    })?;
    let built = Built {
        kind: ItemKind::Capture,
        grid: None,
        frames: None,
        details,
        notes,
        artifacts: vec![surface, thumbnail],
    };
    let identity = Identity {
        name: format!("Capture ({} frames)", plan.frames.len()),
        ..Identity::default()
    };
    Ok(Ok((identity, built, lost)))
}

/// The frames of a capture and their cameras, from the files that describe it.
fn plan(workshop: &Workshop<'_>, files: &CaptureFiles) -> Result<Result<Capture, String>, IngestError> {
    let mut read = Vec::new();
    let mut total = 0;
    for name in &files.layout.description {
        let bytes = files.open(name).and_then(|mut file| {
            let mut bytes = Vec::new();
            let limit = MAX_DESCRIPTION_BYTES - total;
            let len = file.by_ref().take(limit + 1).read_to_end(&mut bytes);
            match len.map_err(|e| e.to_string())? as u64 {
                len if len > limit => Err(format!(
                    "the files that describe it have more than {MAX_DESCRIPTION_BYTES} bytes"
                )),
                len => {
                    total += len;
                    Ok(bytes)
                }
            }
        });
        match bytes {
            Ok(bytes) => read.push((name.clone(), bytes)),
            Err(reason) => return Ok(Err(reason)),
        }
    }
    told(workshop.pool.with(|worker| worker.capture(&files.layout, &read)))
}

/// What a worker says of a file is the inner result; that there is none, the outer.
fn told<T>(answer: Result<T, GuardError>) -> Result<Result<T, String>, IngestError> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(GuardError::Refused(reason)) => Ok(Err(reason)),
        Err(error @ GuardError::Died(_)) => Ok(Err(error.to_string())),
        Err(error @ GuardError::Spawn { .. }) => Err(error.into()),
    }
}

/// The frames of a capture, decoded some at a time, twice.
struct Frames<'a> {
    workshop: &'a Workshop<'a>,
    files: &'a CaptureFiles,
    plan: &'a Capture,
    /// Frames that are kept for the second pass.
    kept: HashMap<usize, SeenFrame>,
    kept_bytes: usize,
    lost: Vec<Failure>,
}

impl<'a> Frames<'a> {
    fn new(workshop: &'a Workshop<'a>, files: &'a CaptureFiles, plan: &'a Capture) -> Self {
        Self {
            workshop,
            files,
            plan,
            kept: HashMap::new(),
            kept_bytes: 0,
            lost: Vec::new(),
        }
    }

    /// Hands the frames that `wanted` asks for to `each` in order, with their numbers; `None` for one that is lost.
    fn each(
        &mut self,
        wanted: impl Fn(usize) -> bool,
        mut each: impl FnMut(usize, Option<&SeenFrame>),
    ) -> Result<(), IngestError> {
        let plan = self.plan;
        let numbers: Vec<usize> = (0..plan.frames.len()).filter(|number| wanted(*number)).collect();
        for some in numbers.chunks(FRAMES_AT_ONCE) {
            let missing: Vec<usize> = some
                .iter()
                .copied()
                .filter(|n| !self.kept.contains_key(n))
                .collect();
            let decoded: Vec<_> = missing
                .par_iter()
                .map(|&number| Ok((number, self.decode(&plan.frames[number])?)))
                .collect::<Result<_, IngestError>>()?;
            let mut fresh: HashMap<usize, SeenFrame> = HashMap::new();
            for (number, frame) in decoded {
                match frame {
                    Ok(frame) => {
                        fresh.insert(number, frame);
                    }
                    Err(reason) => self.lose(&plan.frames[number], reason),
                }
            }
            for number in some {
                each(*number, self.kept.get(number).or_else(|| fresh.get(number)));
            }
            for (number, frame) in fresh {
                let bytes = frame.bytes();
                if self.kept_bytes + bytes <= KEPT_BYTES {
                    self.kept_bytes += bytes;
                    self.kept.insert(number, frame);
                }
            }
        }
        Ok(())
    }

    fn decode(&self, plan: &FramePlan) -> Result<Result<SeenFrame, String>, IngestError> {
        let open = || {
            let mut opened = vec![self.files.open(&plan.files.depth)?];
            let mut request = FrameRequest {
                plan: plan.clone(),
                has_color: false,
                has_confidence: false,
            };
            // A picture or confidence that is missing takes no depth away.
            if let Some(Ok(file)) = plan.files.color.as_deref().map(|name| self.files.open(name)) {
                opened.push(file);
                request.has_color = true;
            }
            if let Some(Ok(file)) = plan.files.confidence.as_deref().map(|name| self.files.open(name)) {
                opened.push(file);
                request.has_confidence = true;
            }
            Ok::<_, String>((opened, request))
        };
        let (opened, request) = match open() {
            Ok(opened) => opened,
            Err(reason) => return Ok(Err(reason)),
        };
        let arena = Arena::new(FRAME_ARENA_BYTES)?;
        let reply = told(
            self.workshop
                .pool
                .with(|worker| worker.frame(&arena, &opened, request)),
        )?;
        Ok(reply.and_then(|reply| {
            let mut frame = reply
                .take(arena.bytes())
                .ok_or("the worker gave a frame that contradicts itself")?;
            frame.gravity_in_camera = frame
                .gravity_in_camera
                .or_else(|| frame.timestamp_secs.and_then(|secs| self.plan.gravity_at(secs)));
            Ok(frame)
        }))
    }

    fn lose(&mut self, plan: &FramePlan, reason: String) {
        let file = self.files.label_of(&plan.files.depth);
        if self.lost.iter().any(|lost| lost.file == file) {
            return;
        }
        self.workshop.progress.event(Event::Refused {
            file: &file,
            reason: &reason,
        });
        self.lost.push(failure(&file, reason));
    }
}

impl SeenFrame {
    fn borrowed(&self) -> DepthFrame<'_> {
        DepthFrame {
            depth: DepthImage {
                samples_mm: &self.depth_mm,
                camera: self.camera,
            },
            color: self.color.as_ref().map(|(samples, camera)| ColorImage {
                samples,
                camera: *camera,
            }),
            world_from_camera: self.world_from_camera,
            gravity_in_camera: self.gravity_in_camera,
        }
    }
}

/// A finished surface with what is known of it.
struct FusedCapture {
    model: Model,
    card: AccuracyCard,
    upright: Upright,
    gravity_in_world: Option<DVec3>,
    islands_dropped: u64,
}

/// Places all frames, then fuses those that are placed.
fn fuse(frames: &mut Frames<'_>) -> Result<Result<FusedCapture, String>, IngestError> {
    let mut survey = Survey::new(PoseUse::Judged, None);
    // Numbers of the capture by those of the survey, which sees no lost frames.
    let mut shown: Vec<usize> = Vec::new();
    frames.each(
        |_| true,
        |number, frame| {
            if let Some(frame) = frame
                && survey.add(&frame.borrowed()).is_ok()
            {
                shown.push(number);
            }
        },
    )?;
    let registration: Registration = match survey.place() {
        Ok(registration) => registration,
        Err(error) => return Ok(Err(no_frame(frames).unwrap_or_else(|| chain(&error)))),
    };
    let poses: HashMap<usize, _> = shown
        .iter()
        .zip(&registration.frames)
        .filter_map(|(number, frame)| Some((*number, frame.world_from_camera?)))
        .collect();
    let fusion = Fusion::new(registration.suggested_voxel_mm(), Some(registration.reach));
    let mut fusion = match fusion {
        Ok(fusion) => fusion,
        Err(error) => return Ok(Err(chain(&error))),
    };
    let progress = frames.workshop.progress;
    let mut fault = None;
    frames.each(
        |number| poses.contains_key(&number),
        |number, frame| {
            if let (Some(frame), Some(pose), None) = (frame, poses.get(&number), &fault) {
                fault = fusion.integrate(&frame.borrowed(), pose).err();
            }
            progress.event(Event::Advanced {
                step: Step::Build,
                count: 1,
                bytes: 0,
            });
        },
    )?;
    if let Some(error) = fault {
        return Ok(Err(chain(&error)));
    }
    let mut fused = match fusion.finish() {
        Ok(fused) => fused,
        Err(error) => return Ok(Err(chain(&error))),
    };
    let card = AccuracyCard::of(&registration, &fused);
    let upright = orient(&fused, registration.gravity_in_world);
    fused.surface.transform(&upright.patient_from_world);
    Ok(Ok(FusedCapture {
        islands_dropped: fused.islands_dropped,
        model: fused.surface.into_model(),
        card,
        upright,
        gravity_in_world: registration.gravity_in_world,
    }))
}

/// Why there is no frame at all, if there is none.
fn no_frame(frames: &Frames<'_>) -> Option<String> {
    let first = frames.lost.first()?;
    (frames.lost.len() == frames.plan.frames.len())
        .then(|| format!("none of its frames can be decoded; the first: {}", first.reason))
}

/// What is to be told, most important first.
fn notes(plan: &Capture, fused: &FusedCapture, lost: &[Failure]) -> Vec<Note> {
    let mut notes = Vec::new();
    if !lost.is_empty() {
        notes.push(Note {
            code: "undecodable_frames".to_owned(),
            severity: Severity::Caution,
            message: format!(
                "{} of {} frames could not be decoded and are not in the surface.",
                lost.len(),
                plan.frames.len()
            ),
            values: vec![("frames".to_owned(), lost.len() as f64)],
        });
    }
    for reason in &fused.card.unfit {
        let told = format!("Not fit for measuring: {reason}.");
        let mut note = typed_note(reason, Severity::Caution, told);
        note.code = format!("unfit_{}", note.code);
        notes.push(note);
    }
    for finding in &plan.findings {
        let text = finding.to_string();
        let mut letters = text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        notes.push(typed_note(
            finding,
            Severity::Caution,
            format!("{first}{}.", letters.as_str()),
        ));
    }
    if !fused.upright.is_certain() {
        notes.push(Note {
            code: "orientation_assumed".to_owned(),
            severity: Severity::Caution,
            message: "Which way is up or to the front is taken from how the camera was held.".to_owned(),
            values: Vec::new(),
        });
    }
    notes
}

/// What is told of the item.
fn details(files: &CaptureFiles, plan: &Capture, fused: &FusedCapture, card: &Value) -> Value {
    json!({
        "layout": files.layout.kind,
        "frames": plan.frames.len(),
        "frames_used": fused.card.frames_used,
        "vertices": fused.model.mesh.positions_mm.len(),
        "triangles": fused.model.mesh.triangles.len(),
        "has_colors": !fused.model.colors.is_empty(),
        "unit": "mm",
        "fit_for_measuring": fused.card.is_fit_for_measuring(),
        "accuracy": card,
        "orientation": {
            "up": facing(fused.upright.up),
            "front": facing(fused.upright.front),
            "symmetry": fused.upright.symmetry,
            "gravity_known": fused.gravity_in_world.is_some(),
        },
    })
}

fn facing(facing: Facing) -> &'static str {
    match facing {
        Facing::Gravity => "gravity",
        Facing::Shape => "shape",
        Facing::Camera => "camera",
    }
}
