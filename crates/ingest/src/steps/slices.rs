//! Decoding the slices of a stack in order, a batch ahead of what is being worked on.

use std::ops::Range;
use std::sync::Mutex;

use dicom_series::group::{RescalePolicy, SliceRef, Stack};
use dicom_series::{Content, Instance};
use volume::Sample;

use super::find::failure;
use super::planes::PlaneStream;
use super::read::Scanned;
use crate::IngestError;
use crate::guard::{Arena, Conversion, FrameJob, GuardError, Pool, Tile};
use crate::report::Failure;

/// Samples of a batch, bytes. Two batches are in memory.
const BATCH_BYTES: usize = 12 << 20;
/// Slices of a batch, at most.
const BATCH_SLICES: usize = 64;
/// Frames of one file that one request decodes.
const FRAMES_A_REQUEST: usize = 8;

/// What became of the slices of a stack.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// Files of slices that could not be decoded, with the reason.
    pub(crate) failed: Vec<Failure>,
    /// Planes of the grid that stand in for lost slices.
    pub(crate) filled: Vec<usize>,
}

/// One acquired slice and what to make of it.
pub(crate) struct Want {
    pub(crate) at: SliceRef,
    pub(crate) conversion: Conversion,
}

/// Decodes slices into shared memory.
pub(crate) struct Decoder<'a> {
    pub(crate) scanned: &'a [Scanned],
    pub(crate) pool: &'a Pool,
    /// Workers at once.
    pub(crate) threads: usize,
}

impl Decoder<'_> {
    /// Decodes the slices of `stack` and gives its planes to `consume`, `[plane][row][column]`, several at a time, in
    /// ascending order. A slice that cannot be decoded is filled from its neighbors.
    ///
    /// # Errors
    /// When no slice can be decoded, when `consume` fails, or when there is no memory or no worker to be had.
    pub(crate) fn decode<T: Sample>(
        &self,
        stack: &Stack,
        mut consume: impl FnMut(&[T]) -> Result<(), IngestError>,
    ) -> Result<Decoded, IngestError> {
        let [columns, rows, _] = stack.grid.dims();
        let layout = BatchLayout::new::<T>(columns, rows, 1, stack.slices.len());
        let wants = wants(stack, T::TYPE);
        let arenas = [layout.arena()?, layout.arena()?];
        let range_of = |batch: usize| {
            let start = (batch * layout.slices).min(wants.len());
            start..(start + layout.slices).min(wants.len())
        };
        let batch = |number: usize, range: Range<usize>| {
            self.batch(&arenas[number % 2], &layout, wants.get(range).unwrap_or_default())
        };

        let mut planes = PlaneStream::<T>::new(&stack.planes);
        let mut decoded = Decoded::default();
        let mut results = batch(0, range_of(0))?;
        for number in 0..wants.len().div_ceil(layout.slices) {
            results = std::thread::scope(|scope| {
                let ahead = scope.spawn(|| batch(number + 1, range_of(number + 1)));
                let first = range_of(number).start;
                let samples: &[T] = bytemuck::cast_slice(arenas[number % 2].bytes());
                hand_out(first, &results, samples, &layout, &mut planes, &mut consume)?;
                decoded
                    .failed
                    .extend(self.failures(&wants[range_of(number)], &results));
                ahead
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })?;
        }
        if decoded.failed.len() == wants.len() {
            return Err(IngestError::NoSlice {
                failed: decoded.failed,
            });
        }
        decoded.filled = planes.finish(&mut consume)?;
        Ok(decoded)
    }

    /// Decodes a batch, one result a slice.
    pub(crate) fn batch(
        &self,
        arena: &Arena,
        layout: &BatchLayout,
        wants: &[Want],
    ) -> Result<Vec<Result<(), String>>, IngestError> {
        let requests = Mutex::new(requests(wants));
        let results = Mutex::new(vec![Ok(()); wants.len()]);
        let lock = |e: std::sync::PoisonError<_>| e.into_inner();
        let work = || -> Result<(), IngestError> {
            loop {
                let Some(range) = requests.lock().unwrap_or_else(lock).pop() else {
                    return Ok(());
                };
                let outcome = self.request(arena, layout, &wants[range.clone()], range.start)?;
                let mut results = results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                for (slot, result) in results[range].iter_mut().zip(outcome) {
                    *slot = result;
                }
            }
        };
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..self.threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            helpers.into_iter().fold(own, |all, helper| {
                all.and(
                    helper
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                )
            })
        })?;
        Ok(results
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Decodes slices of one file. Only what has nothing to do with the file is an error.
    fn request(
        &self,
        arena: &Arena,
        layout: &BatchLayout,
        wants: &[Want],
        first_slot: usize,
    ) -> Result<Vec<Result<(), String>>, IngestError> {
        let Some(scanned) = wants.first().and_then(|want| self.scanned.get(want.at.instance)) else {
            return Ok(vec![Err("the slice belongs to no file".to_owned()); wants.len()]);
        };
        let file = match scanned.part.open() {
            Ok(file) => file,
            Err(reason) => return Ok(vec![Err(reason); wants.len()]),
        };
        let jobs = wants
            .iter()
            .zip(first_slot..)
            .map(|(want, slot)| layout.job(want, slot))
            .collect();
        match self
            .pool
            .with(|worker| worker.decode(arena, &file, &scanned.instance, jobs))
        {
            Ok(frames) => Ok(frames.into_iter().map(|frame| layout.check(frame)).collect()),
            // One frame ended the worker: the others of the request get a worker of their own.
            Err(GuardError::Died(_)) if wants.len() > 1 => wants
                .iter()
                .zip(first_slot..)
                .map(|(want, slot)| {
                    let one = self.request(arena, layout, std::slice::from_ref(want), slot)?;
                    Ok(one
                        .into_iter()
                        .next()
                        .unwrap_or_else(|| Err("the worker gave no answer".to_owned())))
                })
                .collect(),
            Err(GuardError::Died(reason) | GuardError::Refused(reason)) => Ok(vec![Err(reason); wants.len()]),
            Err(error @ GuardError::Spawn { .. }) => Err(error.into()),
        }
    }

    pub(crate) fn failures(&self, wants: &[Want], results: &[Result<(), String>]) -> Vec<Failure> {
        let lost = wants.iter().zip(results).filter_map(|(want, result)| {
            let reason = result.as_ref().err()?;
            let scanned = self.scanned.get(want.at.instance)?;
            let of = if frame_count(&scanned.instance) > 1 {
                format!("frame {}: ", want.at.frame + 1)
            } else {
                String::new()
            };
            Some(failure(&scanned.part.label, format!("{of}{reason}")))
        });
        lost.collect()
    }
}

/// Where the slices of a batch lie in shared memory.
pub(crate) struct BatchLayout {
    columns: u32,
    rows: u32,
    channels: usize,
    /// Slices a batch.
    slices: usize,
    plane_len: usize,
    plane_bytes: usize,
    /// From one slice to the next, bytes: jobs start at multiples of 8.
    stride: usize,
}

impl BatchLayout {
    pub(crate) fn new<T: Sample>(columns: u32, rows: u32, channels: usize, slices: usize) -> Self {
        let plane_len = columns as usize * rows as usize * channels;
        let plane_bytes = plane_len * size_of::<T>();
        let stride = plane_bytes.next_multiple_of(8);
        let slices = (BATCH_BYTES / stride).clamp(1, BATCH_SLICES).min(slices.max(1));
        Self {
            columns,
            rows,
            channels,
            slices,
            plane_len,
            plane_bytes,
            stride,
        }
    }

    /// Slices of a batch.
    pub(crate) fn slices(&self) -> usize {
        self.slices
    }

    /// Samples of a slice.
    pub(crate) fn plane_len(&self) -> usize {
        self.plane_len
    }

    /// The samples of one slice of a batch.
    pub(crate) fn slice<'s, T>(&self, samples: &'s [T], slot: usize) -> &'s [T] {
        let start = slot * self.stride / size_of::<T>();
        &samples[start..start + self.plane_len]
    }

    pub(crate) fn arena(&self) -> Result<Arena, IngestError> {
        Ok(Arena::new((self.stride * self.slices) as u64)?)
    }

    fn job(&self, want: &Want, slot: usize) -> FrameJob {
        let tile = want.at.tile.map(|t| Tile {
            column: t.left,
            row: t.top,
            columns: t.columns,
            rows: t.rows,
        });
        FrameJob {
            frame: want.at.frame,
            tile,
            conversion: want.conversion,
            offset: (slot * self.stride) as u64,
            capacity: self.plane_bytes as u64,
        }
    }

    fn check(&self, reply: Result<crate::guard::FrameReply, String>) -> Result<(), String> {
        let reply = reply?;
        if (reply.columns, reply.rows, usize::from(reply.channels))
            == (self.columns, self.rows, self.channels)
        {
            return Ok(());
        }
        Err(format!(
            "the picture is {} x {} x {}, the series {} x {} x {}",
            reply.columns, reply.rows, reply.channels, self.columns, self.rows, self.channels
        ))
    }
}

fn frame_count(instance: &Instance) -> u32 {
    match &instance.content {
        Content::Image(image) => image.pixels.frames,
        Content::Document(_) => 0,
    }
}

/// Hands the good slices of a batch on, in runs.
fn hand_out<T: Sample>(
    first: usize,
    results: &[Result<(), String>],
    samples: &[T],
    layout: &BatchLayout,
    planes: &mut PlaneStream<'_, T>,
    consume: &mut impl FnMut(&[T]) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    let stride = layout.stride / size_of::<T>();
    let contiguous = layout.stride == layout.plane_bytes;
    let mut at = 0;
    while at < results.len() {
        let good = results[at..].iter().take_while(|r| r.is_ok()).count();
        let run = if contiguous { good } else { good.min(1) };
        if run == 0 {
            at += 1;
            continue;
        }
        let start = at * stride;
        planes.push_run(
            first + at,
            &samples[start..start + run * layout.plane_len],
            layout.plane_len,
            consume,
        )?;
        at += run;
    }
    Ok(())
}

/// What is wanted of each acquired slice: stored values of one type, or rescaled ones where the rescale varies.
fn wants(stack: &Stack, sample_type: volume::SampleType) -> Vec<Want> {
    let conversion = |index: usize| match (&stack.rescale, stack.rescale.of(index)) {
        (RescalePolicy::PerSlice(_), Some(r)) => Conversion::Rescaled {
            slope: r.slope,
            intercept: r.intercept,
        },
        _ => Conversion::Stored(sample_type),
    };
    stack
        .slices
        .iter()
        .enumerate()
        .map(|(index, &at)| Want {
            at,
            conversion: conversion(index),
        })
        .collect()
}

/// Ranges of wants, each of one file, the last first.
fn requests(wants: &[Want]) -> Vec<Range<usize>> {
    let mut requests = Vec::new();
    let mut start = 0;
    for end in 1..=wants.len() {
        let same = wants
            .get(end)
            .is_some_and(|next| next.at.instance == wants[start].at.instance);
        if !same || end - start == FRAMES_A_REQUEST {
            requests.push(start..end);
            start = end;
        }
    }
    requests.reverse();
    requests
}
