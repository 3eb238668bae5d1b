//! What happens to an upload, from top to bottom.

use std::path::PathBuf;

use dicom_series::Instance;
use dicom_series::group::{Group, GroupKind};
use domain::{IngestId, ItemId};
use vault::ObjectId;

use crate::guard::Pool;
use crate::place::{Place, StoredFile};
use crate::progress::{Event, Progress, Step};
use crate::report::{Failure, ItemReport, ItemState, Report, Stopwatch};
use crate::steps::build::Workshop;
use crate::steps::build::capture::CaptureFiles;
use crate::steps::build::mesh::MeshFiles;
use crate::steps::find::Part;
use crate::steps::gather::Taken;
use crate::steps::read::{Kept, Understood};
use crate::steps::{build, find, gather, process, read, record};
use crate::{IngestError, Options};

/// Takes what lies under `paths` into `place`: files, folders and ZIP archives, in any mixture, with any names.
///
/// A file that cannot be read is told in the report and the rest goes on. Items appear one by one, each whole; when
/// the process is stopped, what is not finished has left nothing, and another call goes on.
///
/// # Errors
/// Only what concerns the whole: the catalog, the vault, no worker to be had.
pub fn ingest(
    place: &Place,
    paths: &[PathBuf],
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, IngestError> {
    ingest_with(place, options, progress, || Ok(find::find(paths)))
}

/// Takes uploads into the case of `place` that lie in its vault already, in the same way.
///
/// # Errors
/// As [`ingest`]; and where the vault did not give back what it had taken, which is told of no file: what became an
/// item stays one, and another call goes on.
pub fn ingest_stored(
    place: &Place,
    files: Vec<StoredFile>,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, IngestError> {
    let report = ingest_with(place, options, progress, || find::find_stored(place, files))?;
    match place.lost.take() {
        Some(error) => Err(error.into()),
        None => Ok(report),
    }
}

/// What is found, and what could not be looked into.
type Finding = Result<(Vec<Part>, Vec<Failure>), IngestError>;

fn ingest_with(
    place: &Place,
    options: &Options,
    progress: &dyn Progress,
    find: impl FnOnce() -> Finding,
) -> Result<Report, IngestError> {
    place.sweep()?;
    let run = IngestId::from_random(*ObjectId::random()?.as_bytes());
    place.wait(place.catalog.begin_ingest(run, &process::this()))?;
    let outcome = run_steps(place, run, find, options, progress);
    place.release()?;
    place.wait(place.catalog.finish_ingest(run))?;
    // What this run stored for items that failed, or twice, goes now.
    place.sweep()?;
    outcome
}

fn run_steps(
    place: &Place,
    run: IngestId,
    find: impl FnOnce() -> Finding,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, IngestError> {
    let pool = options.pool();
    let mut clock = Stopwatch::default();

    // 1. Paths to parts.
    let (parts, mut failed) = clock.time(Step::Find, 0, find)?;
    let bytes: u64 = parts.iter().map(|part| part.len).sum();
    progress.event(Event::Started {
        step: Step::Read,
        count: parts.len() as u64,
        bytes,
    });

    // 2. Parts to instances and other files; originals are stored.
    let (mut understood, refused) = clock.time(Step::Read, bytes, || {
        read::read(place, run, parts, &pool, progress)
    })?;
    failed.extend(refused);
    progress.event(Event::Finished { step: Step::Read });
    // The originals go to the disk while items are built.
    place.start_sync();

    // 3. Instances to groups, other files to what belongs together: each becomes an item.
    let groups = clock.time(Step::Group, 0, || {
        let instances: Vec<Instance> = understood.dicom.iter().map(|s| s.instance.clone()).collect();
        dicom_series::group::group(&instances)
    });
    let workshop = Workshop {
        place,
        run,
        pool: &pool,
        options,
        progress,
    };
    let mut taken = Taken::default();
    let (captures, refused) = clock.time(Step::Group, 0, || {
        gather::captures(&workshop, &mut understood, &mut taken)
    })?;
    failed.extend(refused);
    let meshes = gather::meshes(&understood.files, &taken);
    let samples: u64 = groups.iter().map(build::sample_bytes).sum();
    progress.event(Event::Started {
        step: Step::Build,
        count: (groups.len() + captures.len() + meshes.len()) as u64,
        bytes: samples + bytes_of(&meshes),
    });

    // 4 to 7. Each is decoded, built, drawn and recorded.
    let dicom = std::mem::take(&mut understood.dicom);
    let mut builder = build::Builder::new(workshop, &dicom, &groups);
    let mut items = Vec::with_capacity(groups.len() + meshes.len());
    for group in &groups {
        progress.event(Event::Item { name: &group.name });
        match one_item(place, &mut builder, group, &mut clock)? {
            Ok((item, lost)) => {
                items.push(item);
                failed.extend(lost);
            }
            Err(reasons) => failed.extend(reasons),
        }
    }
    for capture in &captures {
        match one_capture(&workshop, capture, &mut clock)? {
            Ok((item, lost)) => {
                items.push(item);
                failed.extend(lost);
            }
            Err(failure) => failed.push(failure),
        }
    }
    let mesh_pool = options.mesh_pool();
    for mesh in &meshes {
        match one_mesh(
            &workshop,
            &mesh_pool,
            mesh,
            (&mut understood, &mut taken),
            &mut clock,
        )? {
            Ok(item) => items.push(item),
            Err(failure) => failed.push(failure),
        }
    }
    // What no mesh uses is a photograph of its own.
    let photos = gather::photos(&understood.files, &taken);
    progress.event(Event::Started {
        step: Step::Build,
        count: photos.len() as u64,
        bytes: bytes_of(&photos),
    });
    for photo in &photos {
        match one_photo(&workshop, photo, &mut clock)? {
            Ok(item) => items.push(item),
            Err(failure) => failed.push(failure),
        }
    }
    failed.extend(gather::refused(understood.rest, &taken, progress));
    progress.event(Event::Finished { step: Step::Build });
    Ok(Report {
        items,
        failed,
        steps: clock.report(),
    })
}

fn bytes_of(files: &[Kept]) -> u64 {
    files.iter().map(|file| file.part.len).sum()
}

/// Builds the item of a capture unless it is there. The inner error is what is wrong with it.
fn one_capture(
    workshop: &Workshop<'_>,
    capture: &CaptureFiles,
    clock: &mut Stopwatch,
) -> Result<Result<(ItemReport, Vec<Failure>), Failure>, IngestError> {
    let (place, progress) = (workshop.place, workshop.progress);
    progress.event(Event::Item { name: &capture.label });
    let files = vec![capture.label.clone()];
    let key = capture.content_key();
    if let Some(id) = place.wait(
        place
            .catalog
            .item_by_content_key(place.case, place.uploader, &key),
    )? {
        let item = report(place, id, ItemState::AlreadyThere)?;
        return Ok(Ok((ItemReport { files, ..item }, Vec::new())));
    }
    let (identity, built, lost) = match build::capture::build(workshop, capture, clock)? {
        Ok(built) => built,
        Err(reason) => {
            progress.event(Event::Refused {
                file: &capture.label,
                reason: &reason,
            });
            return Ok(Err(find::failure(&capture.label, reason)));
        }
    };
    let id = clock.time(Step::Record, 0, || {
        record::record(place, workshop.run, identity, key, capture.originals(), built)
    })?;
    let item = report(place, id, ItemState::Added)?;
    Ok(Ok((ItemReport { files, ..item }, lost)))
}

/// Builds the item of a mesh file unless it is there. The inner error is what is wrong with the file.
fn one_mesh(
    workshop: &Workshop<'_>,
    pool: &Pool,
    mesh: &Kept,
    (all, taken): (&mut Understood, &mut Taken),
    clock: &mut Stopwatch,
) -> Result<Result<ItemReport, Failure>, IngestError> {
    let (place, progress) = (workshop.place, workshop.progress);
    progress.event(Event::Item {
        name: &mesh.part.file_name,
    });
    let mut companions = Vec::new();
    for part in clock.time(Step::Group, 0, || gather::companions(&mesh.part, all, pool))? {
        match all.originals.add(place, workshop.run, &part)? {
            Ok((hash, original)) => companions.push((part, hash, original)),
            Err(reason) => {
                let reason = format!("{}, which it names, cannot be read: {reason}", part.path);
                return Ok(Err(gather::refuse(&mesh.part, reason, progress)));
            }
        }
    }
    let files = MeshFiles {
        main: mesh,
        companions,
    };
    let key = files.content_key(workshop.options.unit);
    if let Some(item) = known(place, &key, [&mesh.part])? {
        files.companions.iter().for_each(|(part, ..)| taken.take(part));
        return Ok(Ok(item));
    }
    let (identity, built) = match build::mesh::build(workshop, pool, &files, clock)? {
        Ok(built) => built,
        Err(reason) => return Ok(Err(gather::refuse(&mesh.part, reason, progress))),
    };
    // What a mesh names stays with it, whether it is seen on the surface or not.
    let mut names = vec![mesh.part.label.clone()];
    let mut originals = vec![mesh.original.clone()];
    for (part, _, original) in &files.companions {
        taken.take(part);
        names.push(part.label.clone());
        originals.push(original.clone());
    }
    let id = clock.time(Step::Record, 0, || {
        record::record(place, workshop.run, identity, key, originals, built)
    })?;
    Ok(Ok(ItemReport {
        files: names,
        ..report(place, id, ItemState::Added)?
    }))
}

/// Builds the item of a photograph unless it is there. The inner error is what is wrong with the file.
fn one_photo(
    workshop: &Workshop<'_>,
    photo: &Kept,
    clock: &mut Stopwatch,
) -> Result<Result<ItemReport, Failure>, IngestError> {
    let place = workshop.place;
    let key = build::photo::content_key(photo);
    if let Some(item) = known(place, &key, [&photo.part])? {
        return Ok(Ok(item));
    }
    let (identity, built) = match build::photo::build(workshop, photo, clock)? {
        Ok(built) => built,
        Err(reason) => return Ok(Err(gather::refuse(&photo.part, reason, workshop.progress))),
    };
    let originals = vec![photo.original.clone()];
    let id = clock.time(Step::Record, 0, || {
        record::record(place, workshop.run, identity, key, originals, built)
    })?;
    Ok(Ok(ItemReport {
        files: vec![photo.part.label.clone()],
        ..report(place, id, ItemState::Added)?
    }))
}

/// The item of this content, if the case has it.
fn known<'p>(
    place: &Place,
    key: &[u8; 32],
    parts: impl IntoIterator<Item = &'p Part>,
) -> Result<Option<ItemReport>, IngestError> {
    let Some(id) = place.wait(place.catalog.item_by_content_key(place.case, place.uploader, key))? else {
        return Ok(None);
    };
    Ok(Some(ItemReport {
        files: parts.into_iter().map(|part| part.label.clone()).collect(),
        ..report(place, id, ItemState::AlreadyThere)?
    }))
}

/// An item with the slices that were lost, or what is wrong with all of its files.
type Outcome = Result<(ItemReport, Vec<Failure>), Vec<Failure>>;

/// Builds one item unless it is there. The inner error is what is wrong with the files of the group.
fn one_item(
    place: &Place,
    builder: &mut build::Builder<'_>,
    group: &Group,
    clock: &mut Stopwatch,
) -> Result<Outcome, IngestError> {
    let files = builder.take_files(group);
    let key = builder.content_key(group, &files);
    let known = place.wait(
        place
            .catalog
            .item_by_content_key(place.case, place.uploader, &key),
    )?;
    if let Some(id) = known {
        return Ok(Ok((report(place, id, ItemState::AlreadyThere)?, Vec::new())));
    }
    let built = match &group.kind {
        GroupKind::Volume(stack) => builder.volume(group, stack, clock),
        GroupKind::Frames(list) => builder.frames(group, list, clock),
        GroupKind::Document(list) => Ok((builder.document(list), Vec::new())),
    };
    let (built, lost) = match built {
        Ok(built) => built,
        Err(IngestError::NoSlice { failed }) => return Ok(Err(failed)),
        Err(error @ (IngestError::Surface { .. } | IngestError::Broken(_) | IngestError::Artifact(_))) => {
            return Ok(Err(builder.fault(group, &error)));
        }
        Err(error) => return Err(error),
    };
    let id = clock.time(Step::Record, 0, || builder.record(group, key, &files, built))?;
    Ok(Ok((report(place, id, ItemState::Added)?, lost)))
}

fn report(place: &Place, id: ItemId, state: ItemState) -> Result<ItemReport, IngestError> {
    let item = place.wait(place.catalog.item(&id.to_string()))?;
    place.report(item, state)
}
