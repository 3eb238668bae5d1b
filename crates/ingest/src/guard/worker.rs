//! The worker's side of the wall: a process that reads and decodes what it is handed, and nothing else.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use capture::NamedBytes;
use capture::depth::{Capture, Layout};
use capture::photo::PhotoFacts;
use dicom_series::pixels::{self, DataSet};
use dicom_series::{Content, Instance};
use memmap2::MmapMut;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::arena::{map_shared, map_source};
use super::convert;
use super::depth::{self, DepthReply, FrameRequest};
use super::model;
use super::protocol::{
    ARENAS, Conversion, FrameJob, FrameReply, MeshJob, MeshReply, NamedLen, Reply, Request,
};
use super::transport;
use crate::steps::find::chain;

/// Serves requests from the socket on standard input until it closes. The process may use `memory_bytes` of private
/// memory; more ends it.
pub fn run_worker(memory_bytes: u64) {
    confine(memory_bytes);
    // What a panic says may hold bytes of the file; the pipeline says what happened.
    std::panic::set_hook(Box::new(|_| {}));
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return;
    };
    let mut stream = UnixStream::from(socket);
    let mut arenas = [const { None }; ARENAS];
    while let Ok(Some((request, files))) = transport::receive::<Request>(&mut stream) {
        let reply = answer(request, &files, &mut arenas);
        if transport::send(&mut stream, &reply, &[]).is_err() {
            return;
        }
    }
}

/// Takes away what the work does not need. A limit that cannot be set leaves the ones of the system.
fn confine(memory_bytes: u64) {
    let limit = |resource, value| {
        let _ = setrlimit(
            resource,
            Rlimit {
                current: Some(value),
                maximum: Some(value),
            },
        );
    };
    // Private memory. Shared memory and mapped files do not count, so a large file can still be read.
    limit(Resource::Data, memory_bytes);
    limit(Resource::Core, 0);
    limit(Resource::Nofile, 64 + transport::MAX_FILES as u64);
    limit(Resource::Stack, 64 << 20);
}

fn answer(request: Request, files: &[File], arenas: &mut [Option<MmapMut>; ARENAS]) -> Reply {
    let arena = &mut arenas[0];
    if let Request::Capture(layout, parts) = request {
        return Reply::Capture(describe(&layout, &parts, arena.take()).map(Box::new));
    }
    let Some(file) = files.first() else {
        return Reply::Ready(Err("no file came with the request".to_owned()));
    };
    // Memory of one request is let go of with its answer: it may be large, and this process idle for long.
    match request {
        Request::UseArena(number) => {
            let mapped = map_shared(file).map(|map| arenas[number as usize] = Some(map));
            Reply::Ready(mapped.map_err(|e| format!("shared memory could not be used: {e}")))
        }
        Request::Read => {
            let read = || {
                let bytes = map_source(file).map_err(|e| e.to_string())?;
                dicom_series::read(&bytes).map_err(|e| chain(&e))
            };
            Reply::Instance(caught(read).map(Box::new))
        }
        Request::Decode(number, instance, jobs) => {
            let arena = &mut arenas[number as usize];
            Reply::Frames(decode(file, &instance, &jobs, arena))
        }
        Request::Photo => Reply::Photo(photo(file, arena.take())),
        Request::References => {
            let read = || {
                let bytes = map_source(file).map_err(|e| e.to_string())?;
                Ok(capture::references::names(&bytes))
            };
            Reply::References(caught(read))
        }
        Request::Mesh(job) => Reply::Mesh(mesh(files, &job, arena.take()).map(Box::new)),
        Request::Frame(request) => Reply::Frame(frame(files, &request, arena.take()).map(Box::new)),
        Request::Capture(..) => Reply::Ready(Err("no file belongs to the request".to_owned())),
    }
}

/// Reads the files that describe a capture, which lie in the shared memory.
fn describe(layout: &Layout, parts: &[NamedLen], arena: Option<MmapMut>) -> Result<Capture, String> {
    let arena = arena.ok_or("there is no shared memory")?;
    let mut rest: &[u8] = &arena;
    let mut named = Vec::with_capacity(parts.len());
    for part in parts {
        let len = usize::try_from(part.len).unwrap_or(usize::MAX);
        let (bytes, after) = rest
            .split_at_checked(len)
            .ok_or("a file is longer than the shared memory")?;
        rest = after;
        named.push(NamedBytes {
            name: &part.name,
            bytes,
        });
    }
    caught(|| depth::describe(layout, &named))
}

/// Decodes a depth frame to the shared memory.
fn frame(files: &[File], request: &FrameRequest, arena: Option<MmapMut>) -> Result<DepthReply, String> {
    let mut arena = arena.ok_or("there is no shared memory")?;
    let mapped = files
        .iter()
        .map(map_source)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?;
    let bytes: Vec<&[u8]> = mapped.iter().map(|map| &**map).collect();
    caught(|| depth::decode(request, &bytes, &mut arena))
}

/// Reads and repairs a mesh, and writes it to the shared memory.
fn mesh(files: &[File], job: &MeshJob, arena: Option<MmapMut>) -> Result<MeshReply, String> {
    let mut arena = arena.ok_or("there is no shared memory")?;
    let bytes = files
        .iter()
        .map(map_source)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?;
    let named: Vec<NamedBytes<'_>> = job
        .names
        .iter()
        .zip(&bytes)
        .map(|(name, bytes)| NamedBytes { name, bytes })
        .collect();
    caught(|| model::read(&named, job, &mut arena))
}

/// A panic is an answer: the file is to blame, and the next one gets a clean start.
fn caught<R>(work: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("reading it failed in a way that no check foresaw".to_owned()))
}

fn photo(file: &File, arena: Option<MmapMut>) -> Result<PhotoFacts, String> {
    let mut arena = arena.ok_or("there is no shared memory")?;
    let bytes = map_source(file).map_err(|e| e.to_string())?;
    caught(|| capture::photo::read_into(&bytes, &mut arena).map_err(|e| chain(&e)))
}

fn decode(
    file: &File,
    instance: &Instance,
    jobs: &[FrameJob],
    arena: &mut Option<MmapMut>,
) -> Vec<Result<FrameReply, String>> {
    let Some(arena) = arena else {
        return vec![Err("there is no shared memory".to_owned()); jobs.len()];
    };
    let bytes = match map_source(file) {
        Ok(bytes) => bytes,
        Err(error) => return vec![Err(error.to_string()); jobs.len()],
    };
    let opened = caught(|| DataSet::open(&bytes, instance).map_err(|e| chain(&e)));
    match opened {
        Ok(set) => jobs
            .iter()
            .map(|job| caught(|| decode_frame(&set, instance, job, arena)))
            .collect(),
        Err(reason) => vec![Err(reason); jobs.len()],
    }
}

fn decode_frame(
    set: &DataSet<'_>,
    instance: &Instance,
    job: &FrameJob,
    arena: &mut MmapMut,
) -> Result<FrameReply, String> {
    let start = usize::try_from(job.offset).unwrap_or(usize::MAX);
    let end = usize::try_from(job.offset.saturating_add(job.capacity)).unwrap_or(usize::MAX);
    let out = arena
        .get_mut(start..end)
        .ok_or("the frame does not fit the shared memory")?;
    if let Some(reply) = directly(set, instance, job, out)? {
        return Ok(reply);
    }
    let frame = set.decode_frame(instance, job.frame).map_err(|e| chain(&e))?;
    let (columns, rows) = (frame.columns, frame.rows);
    let converted = match job.conversion {
        Conversion::Rgb8 => {
            let rgb = pixels::to_display_rgb(&frame, set, instance).map_err(|e| chain(&e))?;
            convert::Converted {
                channels: 3,
                bytes: rgb,
            }
        }
        Conversion::Stored(sample_type) if has_modality_lut(instance, job.frame) => {
            let values = pixels::modality_values(&frame, set, instance, job.frame).map_err(|e| chain(&e))?;
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            convert::values(&values, frame.channels, sample_type)
        }
        Conversion::Stored(sample_type) => convert::stored(&frame, sample_type)?,
        Conversion::Rescaled { slope, intercept } => convert::rescaled(&frame, slope, intercept),
    };
    convert::write(&converted, (columns, rows), job.tile, out)
}

/// Whole gray frames of 16 bits go straight from the file or the codec to shared memory.
fn directly(
    set: &DataSet<'_>,
    instance: &Instance,
    job: &FrameJob,
    out: &mut [u8],
) -> Result<Option<FrameReply>, String> {
    let Content::Image(image) = &instance.content else {
        return Ok(None);
    };
    let pixels = &image.pixels;
    let signed = match job.conversion {
        Conversion::Stored(volume::SampleType::I16) => dicom_series::instance::Sign::Signed,
        Conversion::Stored(volume::SampleType::U16) => dicom_series::instance::Sign::Unsigned,
        _ => return Ok(None),
    };
    let fits = pixels.samples_per_pixel == 1
        && job.tile.is_none()
        && pixels.bits_allocated <= 16
        && pixels.sign == signed
        && !has_modality_lut(instance, job.frame);
    let len = pixels.rows as usize * pixels.columns as usize * 2;
    let Some(out) = out.get_mut(..len).filter(|_| fits) else {
        return Ok(None);
    };
    let Ok(samples) = bytemuck::try_cast_slice_mut::<u8, u16>(out) else {
        return Ok(None);
    };
    set.decode_frame_into(instance, job.frame, samples)
        .map_err(|e| chain(&e))?;
    Ok(Some(FrameReply {
        columns: pixels.columns,
        rows: pixels.rows,
        channels: 1,
        len: len as u64,
    }))
}

fn has_modality_lut(instance: &Instance, frame: u32) -> bool {
    let Content::Image(image) = &instance.content else {
        return false;
    };
    image
        .frames
        .get(frame as usize)
        .is_some_and(|frame| frame.modality_lut)
}
