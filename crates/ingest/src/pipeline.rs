//! What happens to an upload, from top to bottom.

use std::path::PathBuf;

use dicom_series::Instance;
use dicom_series::group::{Group, GroupKind};
use domain::{IngestId, ItemId};
use vault::ObjectId;

use crate::place::Place;
use crate::progress::{Event, Progress, Step};
use crate::report::{Failure, ItemReport, ItemState, Report, Stopwatch};
use crate::steps::{build, find, process, read};
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
    place.sweep()?;
    let run = IngestId::from_random(*ObjectId::random()?.as_bytes());
    place.wait(place.catalog.begin_ingest(run, &process::this()))?;
    let outcome = run_steps(place, run, paths, options, progress);
    place.wait(place.catalog.finish_ingest(run))?;
    // What this run stored for items that failed, or twice, goes now.
    place.sweep()?;
    outcome
}

fn run_steps(
    place: &Place,
    run: IngestId,
    paths: &[PathBuf],
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, IngestError> {
    let pool = options.pool();
    let mut clock = Stopwatch::default();

    // 1. Paths to parts.
    let (parts, mut failed) = clock.time(Step::Find, 0, || find::find(paths));
    let bytes: u64 = parts.iter().map(|part| part.len).sum();
    progress.event(Event::Started {
        step: Step::Read,
        count: parts.len() as u64,
        bytes,
    });

    // 2. Parts to instances; originals are stored.
    let (scanned, refused) = clock.time(Step::Read, bytes, || {
        read::read(place, run, parts, &pool, progress)
    })?;
    failed.extend(refused);
    progress.event(Event::Finished { step: Step::Read });

    // 3. Instances to groups, each of which becomes an item.
    let groups = clock.time(Step::Group, 0, || {
        let instances: Vec<Instance> = scanned.iter().map(|s| s.instance.clone()).collect();
        dicom_series::group::group(&instances)
    });
    let samples: u64 = groups.iter().map(build::sample_bytes).sum();
    progress.event(Event::Started {
        step: Step::Build,
        count: groups.len() as u64,
        bytes: samples,
    });

    // 4 to 7. Each group is decoded, built, drawn and recorded.
    let mut builder = build::Builder::new(place, run, &scanned, &groups, (&pool, options, progress));
    let mut items = Vec::with_capacity(groups.len());
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
    progress.event(Event::Finished { step: Step::Build });
    Ok(Report {
        items,
        failed,
        steps: clock.report(),
    })
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
    let known = place.wait(place.catalog.item_by_content_key(place.case, &key))?;
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
