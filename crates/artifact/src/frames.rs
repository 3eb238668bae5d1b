//! The lasting bytes of pictures that are no volume: cine, color and single pictures.
//!
//! Frames are two objects, as a pyramid is ([`crate::pyramid`]). The **body** holds the packed frames, in the order in
//! which they were finished; the **head** what is known of them and where each lies. Version 1, little endian:
//!
//! | offset | type | content |
//! |---|---|---|
//! | 0 | 8 bytes | `VTRNFRM` and a line feed |
//! | 8 | u16 | version, 1 |
//! | 10 | u8 | sample type: 0 u8, 1 i16, 2 u16, 3 i32, 4 u32, 5 f32 |
//! | 11 | u8 | channels: 1 gray, 3 red, green, blue |
//! | 12 | 3 x u32 | columns, rows, frames |
//! | 24 | 2 x f64 | rescale slope and intercept |
//! | 40 | u32 | bytes of the description |
//! | 44 | u32 | 0 |
//! | 48 | u64 | bytes of the body |
//! | 56 | JSON | unit, frame time, calibration and the [`Description`] |
//! | | 12 bytes each | for each frame its offset in the body (u64) and its length (u32) |
//!
//! A gray frame is packed as an array of one slice. A color frame is three: green, red less green, blue less green,
//! all wrapping, because what the channels share is then stored once.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::marker::PhantomData;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use volume::{Rescale, Sample, SampleType, Samples, Unit};

use crate::cursor::{Cursor, sample_type_code};
use crate::pyramid::{BodySink, Description};
use crate::{ArtifactError, packing};

const MAGIC: &[u8; 8] = b"VTRNFRM\n";
const VERSION: u16 = 1;
const WHAT: &str = "a stack of frames";
/// Bytes of an entry in the frame table.
const ENTRY: u64 = 12;
/// Bytes of samples in a frame at most.
const FRAME_BYTES_LIMIT: u64 = 512 << 20;

/// What the samples of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One: brightness.
    Gray,
    /// Three: red, green, blue.
    Rgb,
}

impl Channels {
    /// Samples a pixel.
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// The shape of every frame, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameShape {
    /// Pixels along a row.
    pub columns: u32,
    /// Pixels down a column.
    pub rows: u32,
    /// How many frames.
    pub frames: u32,
    /// What the samples of a pixel are.
    pub channels: Channels,
}

impl FrameShape {
    /// Samples a frame.
    pub fn frame_len(&self) -> usize {
        self.columns as usize * self.rows as usize * self.channels.count()
    }

    /// Refuses shapes without pixels and frames beyond the budget.
    fn check(&self, sample_type: SampleType) -> Result<(), ArtifactError> {
        for (what, n) in [
            ("columns of a frame", self.columns),
            ("rows of a frame", self.rows),
            ("number of frames", self.frames),
        ] {
            if n == 0 {
                return Err(ArtifactError::Inconsistent {
                    what,
                    expected: 1,
                    actual: 0,
                });
            }
        }
        let pixels = u64::from(self.columns) * u64::from(self.rows);
        let actual = pixels.saturating_mul((self.channels.count() * sample_type.size()) as u64);
        if actual > FRAME_BYTES_LIMIT {
            return Err(ArtifactError::Inconsistent {
                what: "bytes of a frame",
                expected: FRAME_BYTES_LIMIT,
                actual,
            });
        }
        Ok(())
    }
}

/// What is known of frames besides their samples.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameNotes {
    /// What stored values mean.
    pub rescale: Rescale,
    /// Time from frame to frame, ms, where they run in time.
    pub frame_time_ms: Option<f64>,
    /// Calibrated distance between the centers of pixels along columns and rows, mm, where there is one. It holds for
    /// the picture, not for places in the patient.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Findings, windows and the like.
    pub description: Description,
}

/// The free-form section.
#[derive(Serialize, Deserialize)]
struct FreeForm {
    unit: Unit,
    frame_time_ms: Option<f64>,
    pixel_spacing_mm: Option<[f64; 2]>,
    #[serde(flatten)]
    description: Description,
}

/// Packs frames, in any order and from several threads; their bytes go to a body.
#[derive(Debug)]
pub struct FrameStackWriter<T, S> {
    shape: FrameShape,
    notes: FrameNotes,
    body: S,
    entries: Mutex<Vec<Option<(u64, u32)>>>,
    of: PhantomData<fn(T)>,
}

/// Why a frame could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError<E> {
    /// It is no frame of the stack.
    #[error("this is no frame of the stack")]
    Frame(#[source] ArtifactError),
    /// The body refused its bytes.
    #[error("the frame could not be stored")]
    Body(#[source] E),
}

impl<T: Sample, S: BodySink> FrameStackWriter<T, S> {
    /// A writer for frames of `shape`.
    ///
    /// # Errors
    /// When the shape has no pixels, or a frame more than 512 MiB.
    pub fn new(shape: FrameShape, notes: FrameNotes, body: S) -> Result<Self, ArtifactError> {
        shape.check(T::TYPE)?;
        Ok(Self {
            shape,
            notes,
            body,
            entries: Mutex::new(vec![None; shape.frames as usize]),
            of: PhantomData,
        })
    }

    /// The same writer with another description: some findings are known only when all frames were seen.
    #[must_use]
    pub fn with_description(mut self, description: Description) -> Self {
        self.notes.description = description;
        self
    }

    /// Packs frame `index` (from 0), stored values `[row][column][channel]`.
    ///
    /// # Errors
    /// When there is no such frame, `samples` have not its length, or the body refuses the bytes.
    pub fn frame(&self, index: u32, samples: &[T]) -> Result<(), FrameError<S::Error>> {
        let (expected, actual) = (self.shape.frame_len(), samples.len());
        if expected != actual {
            return Err(FrameError::Frame(ArtifactError::Inconsistent {
                what: "number of samples of a frame",
                expected: expected as u64,
                actual: actual as u64,
            }));
        }
        if index >= self.shape.frames {
            return Err(FrameError::Frame(ArtifactError::NoSuchFrame {
                index,
                frames: self.shape.frames,
            }));
        }
        let mut bytes = Vec::new();
        let [columns, rows] = [self.shape.columns as usize, self.shape.rows as usize];
        match self.shape.channels {
            Channels::Gray => packing::encode(samples, [columns, rows, 1], &mut bytes),
            Channels::Rgb => packing::encode(&planes_from_rgb(samples), [columns, rows, 3], &mut bytes),
        }
        let len = bytes.len() as u32;
        let offset = self.body.append(bytes).map_err(FrameError::Body)?;
        let mut entries = self
            .entries
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(entry) = entries.get_mut(index as usize) {
            *entry = Some((offset, len));
        }
        Ok(())
    }

    /// The bytes of the head, and the body.
    ///
    /// # Errors
    /// When a frame was never written, or a number in the notes is not finite.
    pub fn finish(self) -> Result<(Vec<u8>, S), ArtifactError> {
        let entries = self
            .entries
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let expected = entries.len() as u64;
        let entries: Vec<(u64, u32)> = entries.into_iter().flatten().collect();
        if entries.len() as u64 != expected {
            return Err(ArtifactError::Incomplete {
                what: "frames",
                missing: expected - entries.len() as u64,
                expected,
            });
        }
        let FrameNotes {
            rescale,
            frame_time_ms,
            pixel_spacing_mm,
            description,
        } = self.notes;
        let free_form = serde_json::to_vec(&FreeForm {
            unit: rescale.unit,
            frame_time_ms,
            pixel_spacing_mm,
            description,
        })
        .map_err(ArtifactError::Description)?;
        // A number that is not finite would be written as null, and not read back as it was meant.
        serde_json::from_slice::<FreeForm>(&free_form).map_err(ArtifactError::Description)?;
        let body_len = entries.iter().map(|&(offset, len)| offset + u64::from(len)).max();

        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.push(sample_type_code(T::TYPE));
        out.push(self.shape.channels.count() as u8);
        for n in [self.shape.columns, self.shape.rows, self.shape.frames] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        out.extend_from_slice(&rescale.slope.to_le_bytes());
        out.extend_from_slice(&rescale.intercept.to_le_bytes());
        out.extend_from_slice(&(free_form.len() as u32).to_le_bytes());
        out.extend_from_slice(&0u32.to_le_bytes());
        out.extend_from_slice(&body_len.unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&free_form);
        for (offset, len) in entries {
            out.extend_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(&len.to_le_bytes());
        }
        Ok((out, self.body))
    }
}

/// Everything about a stack of frames but the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameStackHead {
    shape: FrameShape,
    sample_type: SampleType,
    notes: FrameNotes,
    entries: Vec<(u64, u32)>,
    body_len: u64,
}

impl FrameStackHead {
    /// Reads a head from its bytes.
    ///
    /// # Errors
    /// When the bytes are no head of a known version, end too early, or contradict themselves.
    pub fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let mut cursor = Cursor::new(bytes);
        cursor.start(MAGIC, VERSION, WHAT)?;
        let sample_type = cursor.sample_type()?;
        let channels = match cursor.u8("channels")? {
            1 => Channels::Gray,
            3 => Channels::Rgb,
            code => {
                return Err(ArtifactError::UnknownCode {
                    what: "channels",
                    code: code.into(),
                });
            }
        };
        let shape = FrameShape {
            columns: cursor.u32("columns")?,
            rows: cursor.u32("rows")?,
            frames: cursor.u32("frames")?,
            channels,
        };
        shape.check(sample_type)?;
        let [slope, intercept] = [cursor.f64("rescale slope")?, cursor.f64("rescale intercept")?];
        let free_form_len = cursor.u32("length of the description")?;
        cursor.u32("reserved")?;
        let body_len = cursor.u64("length of the body")?;
        let free_form = cursor.take(free_form_len.into(), "the description")?;
        let free_form: FreeForm = serde_json::from_slice(free_form).map_err(ArtifactError::Description)?;

        let table = cursor.take(u64::from(shape.frames) * ENTRY, "the frame table")?;
        let mut rows = Cursor::new(table);
        let mut entries = Vec::with_capacity(shape.frames as usize);
        for _ in 0..shape.frames {
            let (offset, len) = (rows.u64("a frame")?, rows.u32("a frame")?);
            let end = offset.saturating_add(len.into());
            if end > body_len {
                return Err(ArtifactError::Inconsistent {
                    what: "end of a frame",
                    expected: body_len,
                    actual: end,
                });
            }
            entries.push((offset, len));
        }
        Ok(Self {
            shape,
            sample_type,
            notes: FrameNotes {
                rescale: Rescale {
                    slope,
                    intercept,
                    unit: free_form.unit,
                },
                frame_time_ms: free_form.frame_time_ms,
                pixel_spacing_mm: free_form.pixel_spacing_mm,
                description: free_form.description,
            },
            entries,
            body_len,
        })
    }

    /// The shape of every frame, and how many there are.
    pub fn shape(&self) -> &FrameShape {
        &self.shape
    }

    /// The type of the samples.
    pub fn sample_type(&self) -> SampleType {
        self.sample_type
    }

    /// What is known of the frames besides.
    pub fn notes(&self) -> &FrameNotes {
        &self.notes
    }

    /// Bytes of the body.
    pub fn body_len(&self) -> u64 {
        self.body_len
    }

    /// The bytes of frame `index` in the body; `None` when there is no such frame.
    pub fn byte_range(&self, index: u32) -> Option<std::ops::Range<u64>> {
        let &(offset, len) = self.entries.get(index as usize)?;
        Some(offset..offset + u64::from(len))
    }

    /// The stored values of a frame, `[row][column][channel]`, from its packed bytes.
    ///
    /// # Errors
    /// When `bytes` are no frame of this shape.
    pub fn decode_frame(&self, bytes: &[u8]) -> Result<Samples, ArtifactError> {
        match self.sample_type {
            SampleType::U8 => self.decode_as::<u8>(bytes),
            SampleType::I16 => self.decode_as::<i16>(bytes),
            SampleType::U16 => self.decode_as::<u16>(bytes),
            SampleType::I32 => self.decode_as::<i32>(bytes),
            SampleType::U32 => self.decode_as::<u32>(bytes),
            SampleType::F32 => self.decode_as::<f32>(bytes),
        }
    }

    fn decode_as<T: Sample>(&self, bytes: &[u8]) -> Result<Samples, ArtifactError> {
        let [columns, rows] = [self.shape.columns as usize, self.shape.rows as usize];
        let mut samples = Vec::<T>::new();
        packing::decode(bytes, [columns, rows, self.shape.channels.count()], &mut samples)?;
        Ok(T::into_samples(match self.shape.channels {
            Channels::Gray => samples,
            Channels::Rgb => rgb_from_planes(&samples),
        }))
    }
}

/// `a - b`, or `a + b`, of the bits of two samples, wrapping.
fn wrapping<T: Sample>(a: T, b: T, combine: fn(u32, u32) -> u32) -> T {
    let word = |sample: T| {
        let mut bytes = [0; 4];
        for (byte, &from) in bytes.iter_mut().zip(bytemuck::bytes_of(&sample)) {
            *byte = from;
        }
        u32::from_le_bytes(bytes)
    };
    let combined = combine(word(a), word(b)).to_le_bytes();
    let mut sample = T::default();
    for (byte, from) in bytemuck::bytes_of_mut(&mut sample).iter_mut().zip(combined) {
        *byte = from;
    }
    sample
}

/// Pixels of red, green, blue as planes of green, red less green, blue less green.
fn planes_from_rgb<T: Sample>(rgb: &[T]) -> Vec<T> {
    let (pixels, _) = rgb.as_chunks::<3>();
    let less_green = |channel: T, green: T| wrapping(channel, green, u32::wrapping_sub);
    let mut planes = Vec::with_capacity(rgb.len());
    planes.extend(pixels.iter().map(|&[_, green, _]| green));
    planes.extend(pixels.iter().map(|&[red, green, _]| less_green(red, green)));
    planes.extend(pixels.iter().map(|&[_, green, blue]| less_green(blue, green)));
    planes
}

/// Undoes [`planes_from_rgb`].
fn rgb_from_planes<T: Sample>(planes: &[T]) -> Vec<T> {
    let (greens, rest) = planes.split_at(planes.len() / 3);
    let (reds, blues) = rest.split_at(rest.len() / 2);
    let mut rgb = Vec::with_capacity(planes.len());
    for ((&green, &red), &blue) in greens.iter().zip(reds).zip(blues) {
        let plus_green = |channel: T| wrapping(channel, green, u32::wrapping_add);
        rgb.extend([plus_green(red), green, plus_green(blue)]);
    }
    rgb
}
