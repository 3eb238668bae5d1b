//! Hostile and damaged files end in a value or a typed error, in bounded memory and time.
//!
//! One test, since memory is counted for the whole process.

mod data;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dicom_series::pixels::DataSet;
use dicom_series::read::read_picture;
use dicom_series::{Content, Instance, read};

/// Counts what is allocated.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(by: usize) {
    let now = NOW.fetch_add(by, Ordering::Relaxed) + by;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "an allocator that counts has to be one")]
// SAFETY: every call is passed on to the system's allocator unchanged; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        grow(new_size);
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reading a file may take this much and eight times the file: a list of elements of four bytes a byte, and what
/// growing it takes; the smallest deflated file may expand to 16 MiB, which growing makes 40.
const READ_BASE: usize = 48 << 20;
/// Decoding a frame may take four times its samples besides: the codec's, those of the container, and one in
/// between.
const DECODE_FACTOR: usize = 4;
/// No file of the set is large.
const TIME: Duration = Duration::from_secs(4);

/// The most memory that `work` had at a time beyond what was there before, and what came of it.
fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = work();
    (PEAK.load(Ordering::Relaxed).saturating_sub(before), result)
}

/// Reads a file and decodes its frames. What comes of it is checked elsewhere; here it must come.
fn try_all(name: &str, bytes: &[u8]) -> bool {
    let begun = Instant::now();
    let budget = READ_BASE + 8 * bytes.len();
    let (peak, classed) = peak_of(|| read(bytes));
    assert!(peak <= budget, "{name}: reading took {peak} bytes");
    let picture = read_picture(bytes);
    for instance in [classed, picture].iter().flatten() {
        frames_of(name, bytes, instance, budget);
    }
    let took = begun.elapsed();
    assert!(took < TIME, "{name} took {took:?}");
    read(bytes).is_ok()
}

fn frames_of(name: &str, bytes: &[u8], instance: &Instance, budget: usize) {
    let Content::Image(image) = &instance.content else {
        return;
    };
    let pixels = &image.pixels;
    let samples = pixels.rows as usize * pixels.columns as usize * usize::from(pixels.samples_per_pixel);
    let frame_bytes = samples * usize::from(pixels.bits_allocated.div_ceil(8));
    let budget = budget + DECODE_FACTOR * frame_bytes;
    let Ok(data_set) = DataSet::open(bytes, instance) else {
        return;
    };
    for frame in 0..pixels.frames.min(8) {
        let (peak, _) = peak_of(|| data_set.decode_frame(instance, frame));
        assert!(peak <= budget, "{name}: decoding took {peak} bytes");
        let mut out = vec![0; samples];
        let (peak, _) = peak_of(|| data_set.decode_frame_into(instance, frame, &mut out));
        assert!(peak <= budget, "{name}: decoding took {peak} bytes");
    }
}

/// Mutations of a file: bytes overwritten, cut out, and the end cut off, by a small linear generator.
fn mutations(whole: &[u8], count: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..count).map(|seed| {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below.max(1) as u64) as usize
        };
        let mut bytes = whole.to_vec();
        for _ in 0..=random(6) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = [0, 0xFF, 0x7F, 0x80][random(4)],
                1 => bytes[at] ^= 1 << random(8),
                2 => {
                    let end = (at + random(16)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    let end = (at + random(16)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    let to = random(bytes.len());
                    bytes.splice(to..to, copy);
                }
            }
            if bytes.len() < 2 {
                break;
            }
        }
        if random(4) == 0 {
            bytes.truncate(random(bytes.len()));
        }
        bytes
    })
}

#[test]
fn hostile_files_end_in_a_value_or_an_error() {
    let Some(rows) = data::manifest() else { return };
    let hostile = |set: &str| {
        rows.iter()
            .filter(|row| row.path.starts_with(set))
            .collect::<Vec<_>>()
    };
    let (mut files, mut loaded) = (0, 0);
    for row in hostile("malformed-a/").into_iter().chain(hostile("zoo-pydicom/")) {
        files += 1;
        loaded += usize::from(try_all(&row.path, &row.read()));
    }
    assert!(files > 400, "{files} files");
    // Most of the set is readable in spite of its oddities: refusing everything would be no answer either.
    assert!(loaded > 300, "{loaded} of {files} loaded");
    for (path, count) in [
        ("zoo-pydicom/test_files/MR_small_RLE.dcm", 400),
        ("zoo-pydicom/test_files/MR_small_implicit.dcm", 400),
        ("zoo-pydicom/test_files/nested_priv_SQ.dcm", 2000),
        ("zoo-pydicom/test_files/UN_sequence.dcm", 2000),
        ("zoo-pydicom/test_files/dicomdirtests/DICOMDIR", 400),
        ("zoo-pydicom/test_files/image_dfl.dcm", 200),
        ("objects-a/pydicom-data/emri_small.dcm", 100),
        ("zoo-pydicom/charset_files/chrH32.dcm", 1000),
    ] {
        let row = rows.iter().find(|row| row.path == path).unwrap();
        for bytes in mutations(&row.read(), count) {
            try_all(path, &bytes);
        }
    }
}
