//! Step 4 for a volume: slices go through the pyramid and the surfaces, batch by batch, and are forgotten.

use std::sync::{Mutex, PoisonError};

use artifact::pyramid::{BodySink, Description, Polarity, PyramidWriter, Window};
use dicom_series::group::{Group, Plane, Polarity as Brightness, RescalePolicy, Stack};
use dicom_series::instance::{SampleFormat, Sign};
use domain::{ArtifactKind, ItemKind};
use serde_json::{Value, json};
use vault::{ObjectId, ObjectWriter};
use volume::{
    Built as Finished, Note, PyramidBuilder, PyramidLayout, Rescale, Sample, SampleType, Severity, Unit,
};

use super::streams::Streams;
use super::{Builder, surfaces, thumbnail};
use crate::IngestError;
use crate::place::{Place, row};
use crate::progress::{Event, Step};
use crate::report::{Failure, Stopwatch};
use crate::steps::find::chain;
use crate::steps::record::{Built, artifact, note};
use crate::steps::slices::Decoded;

/// The type that holds the samples of a stack: stored values, or rescaled ones where the rescale varies.
pub(super) fn sample_type(stack: &Stack) -> SampleType {
    let layout = &stack.layout;
    match (&stack.rescale, layout.format, layout.sign, layout.bits) {
        (RescalePolicy::PerSlice(_), ..) => SampleType::F32,
        (_, SampleFormat::Float32 | SampleFormat::Float64, ..) => SampleType::F32,
        (_, _, Sign::Unsigned, 0..=8) => SampleType::U8,
        (_, _, Sign::Unsigned, 9..=16) => SampleType::U16,
        (_, _, Sign::Unsigned, _) => SampleType::U32,
        (_, _, Sign::Signed, 0..=16) => SampleType::I16,
        (_, _, Sign::Signed, _) => SampleType::I32,
    }
}

impl Builder<'_> {
    /// Decodes, builds, stores and draws a volume.
    pub(crate) fn volume(
        &self,
        group: &Group,
        stack: &Stack,
        clock: &mut Stopwatch,
    ) -> Result<(Built, Vec<Failure>), IngestError> {
        match sample_type(stack) {
            SampleType::U8 => self.volume_of::<u8>(group, stack, clock),
            SampleType::I16 => self.volume_of::<i16>(group, stack, clock),
            SampleType::U16 => self.volume_of::<u16>(group, stack, clock),
            SampleType::I32 => self.volume_of::<i32>(group, stack, clock),
            SampleType::U32 => self.volume_of::<u32>(group, stack, clock),
            SampleType::F32 => self.volume_of::<f32>(group, stack, clock),
        }
    }

    fn volume_of<T: Sample>(
        &self,
        group: &Group,
        stack: &Stack,
        clock: &mut Stopwatch,
    ) -> Result<(Built, Vec<Failure>), IngestError> {
        let rescale = rescale(stack);
        let bytes = stack.grid.len() * size_of::<T>() as u64;
        let plans = clock.time(Step::Build, 0, || {
            surfaces::plan::<T>(self, group, stack, &rescale)
        })?;
        let mut ids = self.place.reserve(self.run, 3 + plans.len())?.into_iter();
        let mut next_id = || {
            ids.next()
                .ok_or_else(|| IngestError::Broken("too few names were reserved".to_owned()))
        };
        let (body_id, head_id, thumbnail_id) = (next_id()?, next_id()?, next_id()?);
        let surface_ids = plans.iter().map(|_| next_id()).collect::<Result<Vec<_>, _>>()?;

        let body = Body::new(self.place, body_id)?;
        let writer = PyramidWriter::<T, _>::new(stack.grid, rescale.clone(), Description::default(), body);
        let mut pyramid = PyramidBuilder::new(stack.grid, writer)
            .keep_level_with_at_most(thumbnail::LEVEL_SAMPLES, rescale.clone());
        let streams = Streams::<T>::new(self.place, stack.grid, plans, surface_ids);

        // The pyramid is closed, what is stored so far goes to the disk, and the thumbnail is drawn while the last slabs
        // of the surfaces are worked on.
        let close = |pyramid: PyramidBuilder<T, PyramidWriter<T, Body<'_>>>,
                     (notes, decoded): (&[Note], &Decoded),
                     clock: &mut Stopwatch|
         -> Result<_, IngestError> {
            let (Finished { statistics, kept }, volume) = clock.time(Step::Build, 0, || {
                let (finished, writer) = pyramid.finish().map_err(|e| broken(&e))?;
                let (head, body) = writer
                    .with_description(description(stack, notes, decoded))
                    .finish(&finished.statistics)?;
                let levels = json!({ "levels": PyramidLayout::new(stack.grid).levels().len() });
                let objects = vec![
                    ("head", self.place.put(head_id, &head)?),
                    ("body", body.finish()?),
                ];
                let volume = artifact(ArtifactKind::Pyramid, "volume", levels, objects)?;
                Ok::<_, IngestError>((finished, volume))
            })?;
            self.place.start_sync();
            let Some(kept) = kept else {
                return Ok((volume, None::<catalog::NewArtifact>));
            };
            clock.time(Step::Thumbnail, 0, || {
                let grid = *kept.volume.grid();
                let samples = T::into_samples(kept.volume.into_samples());
                let png =
                    thumbnail::of_volume(samples, grid, &rescale, &statistics, group.modality.as_deref())?;
                Ok((
                    volume,
                    Some(thumbnail::artifact_of(self.place, thumbnail_id, &png)?),
                ))
            })
        };

        // Slices are decoded and packed; slabs of them become surfaces on the other threads meanwhile.
        let mut beside = Stopwatch::default();
        let mut all_read = std::time::Instant::now();
        let (decoded, notes, closed) = std::thread::scope(|scope| {
            let mut feed = streams.feed(scope)?;
            let decoded = clock.time(Step::Build, bytes, || {
                self.decoder().decode::<T>(stack, |planes| {
                    feed.push(planes)?;
                    pyramid.push_slices(planes).map_err(|e| broken(&e))?;
                    let done = size_of_val(planes) as u64;
                    self.progress.event(Event::Advanced {
                        step: Step::Build,
                        count: 1,
                        bytes: done,
                    });
                    Ok(())
                })
            })?;
            all_read = std::time::Instant::now();
            let notes = notes(stack, &decoded);
            let closed = close(pyramid, (&notes, &decoded), &mut beside)?;
            Ok::<_, IngestError>((decoded, notes, closed))
        })?;
        clock.add(Step::Surfaces, all_read.elapsed(), 0);
        clock.merge(&beside);
        let (volume, thumbnail) = closed;
        let artifacts = [volume]
            .into_iter()
            .chain(streams.finish()?)
            .chain(thumbnail)
            .collect();
        let details = details(group, stack, T::TYPE, &rescale, &decoded);
        let built = Built {
            kind: ItemKind::Volume,
            grid: Some(stack.grid),
            frames: None,
            notes,
            details,
            artifacts,
        };
        Ok((built, decoded.failed))
    }
}

fn broken(error: &dyn std::error::Error) -> IngestError {
    IngestError::Broken(chain(error))
}

/// The large object of an artifact on its way to the vault, piece by piece, from several threads.
pub(super) struct Body<'a> {
    place: &'a Place,
    writer: Mutex<ObjectWriter>,
}

impl<'a> Body<'a> {
    pub(super) fn new(place: &'a Place, id: ObjectId) -> Result<Self, IngestError> {
        Ok(Self {
            place,
            writer: Mutex::new(place.vault.writer(&place.key, id)?),
        })
    }

    pub(super) fn finish(self) -> Result<catalog::ObjectRow, IngestError> {
        let writer = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(row(&self.place.wait(writer.finish())?))
    }
}

impl BodySink for Body<'_> {
    type Error = vault::VaultError;

    fn append(&self, bytes: Vec<u8>) -> Result<u64, Self::Error> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = writer.len();
        self.place.wait(writer.append(&bytes))?;
        Ok(offset)
    }
}

/// Stored samples to values with a unit.
pub(super) fn rescale(stack: &Stack) -> Rescale {
    let unit = match stack.unit.as_deref() {
        None | Some("" | "US") => Unit::None,
        Some("HU") => Unit::Hu,
        Some(other) => Unit::Named(other.to_owned()),
    };
    match &stack.rescale {
        RescalePolicy::Uniform(r) => Rescale {
            slope: r.slope,
            intercept: r.intercept,
            unit,
        },
        RescalePolicy::PerSlice(_) => Rescale {
            unit,
            ..Rescale::IDENTITY
        },
    }
}

/// The findings of the series, and what decoding adds to them.
fn notes(stack: &Stack, decoded: &Decoded) -> Vec<Note> {
    let mut notes: Vec<Note> = stack.findings.iter().map(note).collect();
    if let Some(&first) = decoded.filled.first() {
        let (lost, shown) = (decoded.filled.len(), stack.planes.len() - decoded.filled.len());
        let which = if lost == 1 {
            format!("Slice {}", first + 1)
        } else {
            format!("{lost} slices, the first of them {},", first + 1)
        };
        notes.insert(0, Note {
            code: "undecodable_slices".to_owned(),
            severity: Severity::Danger,
            message: format!(
                "{which} could not be decoded and {} filled from {} neighbors; the other {shown} are shown.",
                if lost == 1 { "is" } else { "are" },
                if lost == 1 { "its" } else { "their" },
            ),
            values: vec![("slices".to_owned(), lost as f64), ("first_slice".to_owned(), (first + 1) as f64)],
        });
    }
    notes
}

/// What travels with the samples.
fn description(stack: &Stack, notes: &[Note], decoded: &Decoded) -> Description {
    let per_slice = matches!(stack.rescale, RescalePolicy::PerSlice(_));
    Description {
        findings: notes.to_vec(),
        missing_slices: made_planes(stack, decoded),
        // Where samples are rescaled slice by slice, no single value stands for padding.
        padding: stack
            .padding
            .filter(|_| !per_slice)
            .map(|range| range.map(|value| value as f64)),
        windows: stack
            .windows
            .iter()
            .map(|&[center, width]| Window {
                center,
                width,
                label: String::new(),
            })
            .collect(),
        polarity: match stack.polarity {
            Brightness::HighIsBright => Polarity::LargeIsBright,
            Brightness::HighIsDark => Polarity::SmallIsBright,
        },
    }
}

/// What is shown of a volume besides its grid and findings.
fn details(
    group: &Group,
    stack: &Stack,
    sample_type: SampleType,
    rescale: &Rescale,
    decoded: &Decoded,
) -> Value {
    json!({
        "modality": group.modality,
        "sample_type": sample_type,
        "rescale": { "slope": rescale.slope, "intercept": rescale.intercept },
        "unit": rescale.unit,
        "acquired_slices": stack.slices.len() - decoded.failed.len(),
        "interpolated_slices": made_planes(stack, decoded).len(),
        "windows": stack.windows,
        "frame_of_reference_uid": stack.frame_of_reference_uid,
        "suv_bw_per_unit": stack.suv.map(|suv| suv.suv_bw_per_bqml),
    })
}

/// Planes of the grid that hold no acquired slice.
fn made_planes(stack: &Stack, decoded: &Decoded) -> Vec<u32> {
    let between = stack
        .planes
        .iter()
        .enumerate()
        .filter(|(_, p)| matches!(p, Plane::Interpolated { .. }));
    let mut made: Vec<u32> = between
        .map(|(index, _)| index)
        .chain(decoded.filled.iter().copied())
        .map(|i| i as u32)
        .collect();
    made.sort_unstable();
    made.dedup();
    made
}
