//! Step 4 for pictures that are no grid: cine, color, single slices.

use artifact::frames::{Channels, FrameNotes, FrameShape, FrameStackWriter};
use artifact::pyramid::{Description, Polarity, Window};
use dicom_series::group::{FrameList, FrameRef, Group, RescalePolicy};
use dicom_series::instance::{Photometric, SampleFormat, Sign};
use domain::{ArtifactKind, ItemKind};
use serde_json::{Value, json};
use volume::{Note, Rescale, Sample, SampleType, Severity, Unit};

use super::volume::Body;
use super::{Builder, thumbnail};
use crate::IngestError;
use crate::guard::{Arena, Conversion};
use crate::progress::{Event, Step};
use crate::report::{Failure, Stopwatch};
use crate::steps::find::chain;
use crate::steps::record::{Built, artifact, note};
use crate::steps::slices::{BatchLayout, Want};

/// How the frames of a list are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameLayout {
    channels: Channels,
    sample_type: SampleType,
}

impl FrameLayout {
    pub(super) fn pixel_bytes(self) -> usize {
        self.channels.count() * self.sample_type.size()
    }
}

/// Color becomes RGB of 8 bits; gray keeps its stored values.
pub(super) fn frame_layout(list: &FrameList) -> FrameLayout {
    let gray = matches!(
        list.photometric,
        Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Other
    ) && list.samples_per_pixel == 1;
    if !gray {
        return FrameLayout {
            channels: Channels::Rgb,
            sample_type: SampleType::U8,
        };
    }
    let layout = &list.layout;
    let sample_type = match (&list.rescale, layout.format, layout.sign, layout.bits) {
        (RescalePolicy::PerSlice(_), ..) => SampleType::F32,
        (_, SampleFormat::Float32 | SampleFormat::Float64, ..) => SampleType::F32,
        (_, _, Sign::Unsigned, 0..=8) => SampleType::U8,
        (_, _, Sign::Unsigned, 9..=16) => SampleType::U16,
        (_, _, Sign::Unsigned, _) => SampleType::U32,
        (_, _, Sign::Signed, 0..=16) => SampleType::I16,
        (_, _, Sign::Signed, _) => SampleType::I32,
    };
    FrameLayout {
        channels: Channels::Gray,
        sample_type,
    }
}

impl Builder<'_> {
    /// Decodes and stores pictures one by one.
    pub(crate) fn frames(
        &self,
        group: &Group,
        list: &FrameList,
        clock: &mut Stopwatch,
    ) -> Result<(Built, Vec<Failure>), IngestError> {
        match frame_layout(list).sample_type {
            SampleType::U8 => self.frames_of::<u8>(group, list, clock),
            SampleType::I16 => self.frames_of::<i16>(group, list, clock),
            SampleType::U16 => self.frames_of::<u16>(group, list, clock),
            SampleType::I32 => self.frames_of::<i32>(group, list, clock),
            SampleType::U32 => self.frames_of::<u32>(group, list, clock),
            SampleType::F32 => self.frames_of::<f32>(group, list, clock),
        }
    }

    fn frames_of<T: Sample>(
        &self,
        group: &Group,
        list: &FrameList,
        clock: &mut Stopwatch,
    ) -> Result<(Built, Vec<Failure>), IngestError> {
        let layout = frame_layout(list);
        let shape = FrameShape {
            columns: list.columns,
            rows: list.rows,
            frames: list.frames.len() as u32,
            channels: layout.channels,
        };
        let ids = self.place.reserve(self.run, 3)?;
        let [head_id, body_id, thumbnail_id] = ids[..] else {
            return Err(IngestError::Broken("too few names were reserved".to_owned()));
        };
        let body = Body::new(self.place, body_id)?;
        let frame_notes = FrameNotes {
            rescale: rescale(list),
            frame_time_ms: list.frame_time_ms,
            pixel_spacing_mm: list.pixel_spacing_mm.or(list.imager_spacing_mm),
            description: Description::default(),
        };
        let writer = FrameStackWriter::<T, _>::new(shape, frame_notes, body)?;
        let bytes = shape.frame_len() as u64 * u64::from(shape.frames) * size_of::<T>() as u64;
        let middle = list.frames.len() / 2;
        let mut shown = None;
        let failed = clock.time(Step::Build, bytes, || {
            self.each_frame::<T>(list, &mut |index, samples| {
                writer
                    .frame(index as u32, samples)
                    .map_err(|e| IngestError::Broken(chain(&e)))?;
                if index == middle {
                    shown = Some(samples.to_vec());
                }
                Ok(())
            })
        })?;
        let notes = notes(list, &failed);
        let (head, body) = clock.time(Step::Build, 0, || {
            let (head, body) = writer
                .with_description(description(list, &notes, &failed))
                .finish()?;
            Ok::<_, IngestError>((self.place.put(head_id, &head)?, body.finish()?))
        })?;
        let objects = vec![("head", head), ("body", body)];
        let frames = json!({ "frames": shape.frames });
        let mut artifacts = vec![artifact(ArtifactKind::FrameStack, "frames", frames, objects)?];
        if let Some(samples) = shown {
            artifacts.push(clock.time(Step::Thumbnail, 0, || {
                let png = thumbnail::of_frame(&samples, shape, &window(list, &samples))?;
                thumbnail::artifact_of(self.place, thumbnail_id, &png)
            })?);
        }
        let built = Built {
            kind: ItemKind::Frames,
            grid: None,
            frames: Some(([list.columns, list.rows, shape.frames], list.pixel_spacing_mm)),
            details: details(group, list, layout),
            notes,
            artifacts,
        };
        Ok((built, failed.into_iter().map(|(_, failure)| failure).collect()))
    }

    /// Decodes all frames in batches and hands each on; one that cannot be decoded is black, and named.
    fn each_frame<T: Sample>(
        &self,
        list: &FrameList,
        each: &mut impl FnMut(usize, &[T]) -> Result<(), IngestError>,
    ) -> Result<Vec<(usize, Failure)>, IngestError> {
        let layout = frame_layout(list);
        let wants: Vec<Want> = list
            .frames
            .iter()
            .enumerate()
            .map(|(index, frame)| Want {
                at: frame.at,
                conversion: conversion(list, layout, index),
            })
            .collect();
        let channels = layout.channels.count();
        let batch = BatchLayout::new::<T>(list.columns, list.rows, channels, wants.len());
        let arena: Arena = batch.arena()?;
        let decoder = self.decoder();
        let mut failed = Vec::new();
        for (number, some) in wants.chunks(batch.slices()).enumerate() {
            let first = number * batch.slices();
            let results = decoder.batch(&arena, &batch, some)?;
            let samples: &[T] = bytemuck::cast_slice(arena.bytes());
            for (slot, result) in results.iter().enumerate() {
                match result {
                    Ok(()) => each(first + slot, batch.slice(samples, slot))?,
                    Err(_) => each(first + slot, &vec![T::default(); batch.plane_len()])?,
                }
                let done = (batch.plane_len() * size_of::<T>()) as u64;
                self.progress.event(Event::Advanced {
                    step: Step::Build,
                    count: 1,
                    bytes: done,
                });
            }
            let lost = results
                .iter()
                .enumerate()
                .filter(|(_, r)| r.is_err())
                .map(|(slot, _)| first + slot);
            failed.extend(lost.zip(decoder.failures(some, &results)));
        }
        if failed.len() == wants.len() {
            return Err(IngestError::NoSlice {
                failed: failed.into_iter().map(|(_, failure)| failure).collect(),
            });
        }
        Ok(failed)
    }
}

fn conversion(list: &FrameList, layout: FrameLayout, index: usize) -> Conversion {
    match (layout.channels, &list.rescale, list.rescale.of(index)) {
        (Channels::Rgb, ..) => Conversion::Rgb8,
        (Channels::Gray, RescalePolicy::PerSlice(_), Some(r)) => Conversion::Rescaled {
            slope: r.slope,
            intercept: r.intercept,
        },
        _ => Conversion::Stored(layout.sample_type),
    }
}

fn rescale(list: &FrameList) -> Rescale {
    let unit = match list.unit.as_deref() {
        None | Some("" | "US") => Unit::None,
        Some("HU") => Unit::Hu,
        Some(other) => Unit::Named(other.to_owned()),
    };
    match &list.rescale {
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

fn notes(list: &FrameList, failed: &[(usize, Failure)]) -> Vec<Note> {
    let mut notes: Vec<Note> = list.findings.iter().map(note).collect();
    if let Some((first, _)) = failed.first() {
        let (lost, shown) = (failed.len(), list.frames.len() - failed.len());
        let which = if lost == 1 {
            format!("Picture {} is", first + 1)
        } else {
            format!("{lost} pictures are")
        };
        notes.insert(
            0,
            Note {
                code: "undecodable_frames".to_owned(),
                severity: Severity::Danger,
                message: format!("{which} black because decoding failed; the other {shown} are shown."),
                values: vec![
                    ("frames".to_owned(), lost as f64),
                    ("first_frame".to_owned(), (first + 1) as f64),
                ],
            },
        );
    }
    notes
}

fn description(list: &FrameList, notes: &[Note], failed: &[(usize, Failure)]) -> Description {
    Description {
        findings: notes.to_vec(),
        missing_slices: failed.iter().map(|(index, _)| *index as u32).collect(),
        padding: list.padding.map(|range| range.map(|value| value as f64)),
        windows: list
            .windows
            .iter()
            .map(|&[center, width]| Window {
                center,
                width,
                label: String::new(),
            })
            .collect(),
        polarity: polarity(list),
    }
}

fn polarity(list: &FrameList) -> Polarity {
    match list.photometric {
        Photometric::Monochrome1 => Polarity::SmallIsBright,
        _ => Polarity::LargeIsBright,
    }
}

/// From dark to bright in stored values: the first window of the file, or the values that are there.
fn window<T: Sample>(list: &FrameList, samples: &[T]) -> (f64, f64) {
    let rescale = rescale(list);
    let (low, high) = match list.windows.first() {
        Some(&[center, width]) => (
            rescale.stored(center - width * 0.5),
            rescale.stored(center + width * 0.5),
        ),
        None => {
            let (low, high) = volume::range_of(samples);
            (low.to_f64(), high.to_f64())
        }
    };
    match polarity(list) {
        Polarity::LargeIsBright => (low, high),
        Polarity::SmallIsBright => (high, low),
    }
}

fn details(group: &Group, list: &FrameList, layout: FrameLayout) -> Value {
    json!({
        "modality": group.modality,
        "sample_type": layout.sample_type,
        "channels": layout.channels.count(),
        "unit": rescale(list).unit,
        "frame_time_ms": list.frame_time_ms,
        "imager_spacing_mm": list.imager_spacing_mm,
        "windows": list.windows,
        "planes": planes(&list.frames),
    })
}

/// Where pictures lie in the patient, for the few that say so: pixel to patient LPS mm, origin and the steps along a
/// row and down a column.
fn planes(frames: &[FrameRef]) -> Value {
    const SHOWN: usize = 64;
    let plane = |frame: &FrameRef| {
        let plane = frame.plane?;
        let (along, down) = (
            plane.row * plane.spacing_mm[0],
            plane.column * plane.spacing_mm[1],
        );
        Some(
            json!({ "origin_mm": plane.origin_mm.to_array(), "column_step_mm": along.to_array(), "row_step_mm": down.to_array() }),
        )
    };
    frames
        .iter()
        .take(SHOWN)
        .map(plane)
        .collect::<Option<Vec<_>>>()
        .map_or(Value::Null, Value::from)
}
