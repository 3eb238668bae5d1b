//! The head of a pyramid in memory, from and to bytes.

use geometry::{DAffine3, DMat3, DVec3, GridGeometry};
use serde::{Deserialize, Serialize};
use volume::{BrickKey, Histogram, PyramidLayout, Rescale, SampleType, Statistics, Unit, ValueKind};

use super::Description;
use crate::ArtifactError;
use crate::cursor::{Cursor, put_varint, sample_type_code};

const MAGIC: &[u8; 8] = b"VTRNPYR\n";
const VERSION: u16 = 1;
/// Bytes before the description.
const FIXED: usize = 256;
/// Where the fixed part says how long the index is.
const INDEX_LEN_AT: u64 = 232;
/// Bytes of an entry in the brick table.
const ENTRY: u64 = 20;
/// Bytes of samples in a volume at most.
const SAMPLE_BYTES_LIMIT: u64 = 16 << 30;
/// Bins of a histogram at most.
const BINS_LIMIT: u32 = 1 << 16;
const WHAT: &str = "a volume pyramid";

/// Which object holds the bytes of a brick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrickObject {
    /// The head: bricks of level 1 and coarser.
    Head,
    /// The body: bricks of level 0.
    Body,
}

/// Where the bytes of a brick lie, and what it holds at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrickEntry {
    /// Which object holds it.
    pub object: BrickObject,
    /// Its first byte in that object.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u32,
    /// Smallest stored value, border included.
    pub min: f64,
    /// Largest stored value, border included.
    pub max: f64,
}

/// Everything about a pyramid but the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct PyramidHead {
    pub(super) layout: PyramidLayout,
    pub(super) sample_type: SampleType,
    pub(super) rescale: Rescale,
    pub(super) statistics: Statistics,
    pub(super) description: Description,
    /// For each level, finest first, its bricks in order.
    pub(super) entries: Vec<Vec<BrickEntry>>,
    pub(super) head_len: u64,
    pub(super) body_len: u64,
}

/// The free-form section.
#[derive(Serialize, Deserialize)]
struct FreeForm {
    unit: Unit,
    #[serde(flatten)]
    description: Description,
}

impl PyramidHead {
    /// How many bytes from the start of the head [`PyramidHead::parse`] needs, told by its first 256.
    ///
    /// # Errors
    /// When these are no head of a known version.
    pub fn index_len(start: &[u8]) -> Result<u64, ArtifactError> {
        let mut cursor = Cursor::new(start);
        cursor.start(MAGIC, VERSION, WHAT)?;
        cursor.take(INDEX_LEN_AT - cursor.offset() as u64, WHAT)?;
        cursor.u64("length of the index")
    }

    /// Reads a head from its bytes; the index is enough ([`PyramidHead::index_len`]), more is not looked at.
    ///
    /// # Errors
    /// When the bytes are no head of a known version, end too early, or contradict themselves: wherever a brick is
    /// said to lie, it lies inside its object and has a length that a brick can have.
    pub fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let mut cursor = Cursor::new(bytes);
        cursor.start(MAGIC, VERSION, WHAT)?;
        let sample_type = cursor.sample_type()?;
        let level_count = cursor.u8("number of levels")?;
        let layout = PyramidLayout::new(read_grid(&mut cursor, sample_type)?);
        expect_equal(
            "number of levels",
            layout.levels().len() as u64,
            level_count.into(),
        )?;
        let [slope, intercept] = [cursor.f64("rescale slope")?, cursor.f64("rescale intercept")?];
        let [min, max, mean] = [
            cursor.f64("minimum")?,
            cursor.f64("maximum")?,
            cursor.f64("mean")?,
        ];
        let mut histogram = Histogram {
            first: cursor.f64("histogram")?,
            width: cursor.f64("histogram")?,
            not_finite: cursor.u64("histogram")?,
            counts: Vec::new(),
            kind: ValueKind::Integers,
        };
        let bins = cursor.u32("number of bins")?;
        histogram.kind = match cursor.u32("kind of bins")? {
            0 => ValueKind::Integers,
            1 => ValueKind::Reals,
            code => {
                return Err(ArtifactError::UnknownCode {
                    what: "kind of bins",
                    code,
                });
            }
        };
        let description_len = cursor.u32("length of the description")?;
        let histogram_len = cursor.u32("length of the histogram")?;
        let index_len = cursor.u64("length of the index")?;
        let head_len = cursor.u64("length of the head")?;
        let body_len = cursor.u64("length of the body")?;
        expect_at_most("length of the index", head_len, index_len)?;

        let free_form = cursor.take(description_len.into(), "the description")?;
        let free_form: FreeForm = serde_json::from_slice(free_form).map_err(ArtifactError::Description)?;
        histogram.counts = read_counts(cursor.take(histogram_len.into(), "the histogram")?, bins)?;
        let entries = read_table(&mut cursor, &layout, sample_type, [index_len, head_len, body_len])?;
        expect_equal("length of the index", cursor.offset() as u64, index_len)?;
        Ok(Self {
            layout,
            sample_type,
            rescale: Rescale {
                slope,
                intercept,
                unit: free_form.unit,
            },
            statistics: Statistics {
                min,
                max,
                mean,
                histogram,
            },
            description: free_form.description,
            entries,
            head_len,
            body_len,
        })
    }

    /// The levels and bricks.
    pub fn layout(&self) -> &PyramidLayout {
        &self.layout
    }

    /// The type of the samples.
    pub fn sample_type(&self) -> SampleType {
        self.sample_type
    }

    /// What stored values mean.
    pub fn rescale(&self) -> &Rescale {
        &self.rescale
    }

    /// Of the stored values of level 0.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// What is known of the volume besides.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Where a brick lies; `None` when there is no such brick.
    pub fn entry(&self, key: BrickKey) -> Option<&BrickEntry> {
        self.entries.get(key.level as usize)?.get(self.layout.index(key)?)
    }

    /// Bytes of the whole head, coarse bricks included.
    pub fn head_len(&self) -> u64 {
        self.head_len
    }

    /// Bytes of the body.
    pub fn body_len(&self) -> u64 {
        self.body_len
    }

    /// Bytes of the head up to and with the bricks of `level` and of all coarser levels: so many from its start
    /// are enough to show that level. For level 0 all of it, the bricks of level 0 being in the body.
    pub fn head_len_for_level(&self, level: u32) -> u64 {
        let entries = self.entries.get(level.max(1) as usize);
        entries
            .and_then(|entries| entries.last())
            .map_or(self.head_len, |last| last.offset + u64::from(last.len))
    }
}

/// What a head is made of, for the writer.
pub(super) struct HeadParts<'a> {
    pub(super) layout: &'a PyramidLayout,
    pub(super) sample_type: SampleType,
    pub(super) rescale: &'a Rescale,
    pub(super) statistics: &'a Statistics,
    pub(super) description: &'a Description,
    pub(super) body_len: u64,
    /// For each level, finest first, its bricks in order: their ranges, and the bytes of those in the head or the
    /// place in the body.
    pub(super) bricks: &'a [Vec<Placed>],
}

/// A brick whose bytes are placed.
pub(super) struct Placed {
    pub(super) place: Place,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// Where the bytes of a brick are while a head is written.
pub(super) enum Place {
    Body { offset: u64, len: u32 },
    Held(Vec<u8>),
}

impl HeadParts<'_> {
    /// The bytes of the head.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        let free_form = serde_json::to_vec(&FreeForm {
            unit: self.rescale.unit.clone(),
            description: self.description.clone(),
        })
        .map_err(ArtifactError::Description)?;
        // A number that is not finite would be written as null, and no reader would take it.
        serde_json::from_slice::<FreeForm>(&free_form).map_err(ArtifactError::Description)?;
        let mut counts = Vec::new();
        for &count in &self.statistics.histogram.counts {
            put_varint(&mut counts, count);
        }
        let bricks: usize = self.bricks.iter().map(Vec::len).sum();
        let index_len = (FIXED + free_form.len() + counts.len()) as u64 + ENTRY * bricks as u64;
        let held: usize = self.bricks.iter().flatten().map(Placed::held).sum();
        let head_len = index_len + held as u64;

        let mut out = Vec::with_capacity(head_len as usize);
        self.put_fixed(&mut out, [free_form.len(), counts.len()], [index_len, head_len]);
        out.extend_from_slice(&free_form);
        out.extend_from_slice(&counts);
        self.put_table(&mut out, index_len);
        for level in self.bricks.iter().rev() {
            for brick in level {
                if let Place::Held(bytes) = &brick.place {
                    out.extend_from_slice(bytes);
                }
            }
        }
        Ok(out)
    }

    fn put_fixed(&self, out: &mut Vec<u8>, sections: [usize; 2], lengths: [u64; 2]) {
        let grid = self.layout.finest();
        let statistics = self.statistics;
        let histogram = &statistics.histogram;
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.push(sample_type_code(self.sample_type));
        out.push(self.layout.levels().len() as u8);
        let put_u32 = |out: &mut Vec<u8>, value: u32| out.extend_from_slice(&value.to_le_bytes());
        let put_f64 = |out: &mut Vec<u8>, value: f64| out.extend_from_slice(&value.to_le_bytes());
        grid.dims().into_iter().for_each(|n| put_u32(out, n));
        grid.patient_from_voxel_rows()
            .into_iter()
            .for_each(|v| put_f64(out, v));
        let rescale = [self.rescale.slope, self.rescale.intercept];
        let range = [statistics.min, statistics.max, statistics.mean];
        let bins = [histogram.first, histogram.width];
        rescale
            .into_iter()
            .chain(range)
            .chain(bins)
            .for_each(|v| put_f64(out, v));
        out.extend_from_slice(&histogram.not_finite.to_le_bytes());
        put_u32(out, histogram.counts.len() as u32);
        put_u32(
            out,
            match histogram.kind {
                ValueKind::Integers => 0,
                ValueKind::Reals => 1,
            },
        );
        sections.into_iter().for_each(|n| put_u32(out, n as u32));
        for length in lengths.into_iter().chain([self.body_len]) {
            out.extend_from_slice(&length.to_le_bytes());
        }
        debug_assert_eq!(out.len(), FIXED);
    }

    fn put_table(&self, out: &mut Vec<u8>, index_len: u64) {
        // Coarser levels come first among the bricks, finer ones first in the table.
        let held = |level: &Vec<Placed>| level.iter().map(Placed::held).sum::<usize>() as u64;
        let mut ahead: u64 = self.bricks.iter().map(held).sum();
        for level in self.bricks {
            ahead -= held(level);
            let mut at = index_len + ahead;
            for brick in level {
                let (offset, len) = match &brick.place {
                    Place::Body { offset, len } => (*offset, *len),
                    Place::Held(bytes) => (at, bytes.len() as u32),
                };
                at += brick.held() as u64;
                out.extend_from_slice(&offset.to_le_bytes());
                out.extend_from_slice(&len.to_le_bytes());
                out.extend_from_slice(&four_bytes(self.sample_type, brick.min));
                out.extend_from_slice(&four_bytes(self.sample_type, brick.max));
            }
        }
    }
}

impl Placed {
    fn held(&self) -> usize {
        match &self.place {
            Place::Body { .. } => 0,
            Place::Held(bytes) => bytes.len(),
        }
    }
}

fn expect_equal(what: &'static str, expected: u64, actual: u64) -> Result<(), ArtifactError> {
    if actual == expected {
        return Ok(());
    }
    Err(ArtifactError::Inconsistent {
        what,
        expected,
        actual,
    })
}

fn expect_at_most(what: &'static str, limit: u64, actual: u64) -> Result<(), ArtifactError> {
    expect_equal(what, limit, actual.max(limit))
}

fn read_grid(cursor: &mut Cursor<'_>, sample_type: SampleType) -> Result<GridGeometry, ArtifactError> {
    let dims = [cursor.u32("columns")?, cursor.u32("rows")?, cursor.u32("slices")?];
    let bytes = dims
        .iter()
        .try_fold(sample_type.size() as u64, |bytes, &n| bytes.checked_mul(n.into()));
    expect_at_most(
        "bytes of all samples",
        SAMPLE_BYTES_LIMIT,
        bytes.unwrap_or(u64::MAX),
    )?;
    let mut m = [0.0; 16];
    for value in &mut m {
        *value = cursor.f64("patient_from_voxel")?;
    }
    let [xx, yx, zx, tx, xy, yy, zy, ty, xz, yz, zz, tz, last @ ..] = m;
    if last != [0.0, 0.0, 0.0, 1.0] {
        return Err(ArtifactError::Damaged {
            what: "patient_from_voxel is not affine",
        });
    }
    let patient_from_voxel = DAffine3 {
        matrix3: DMat3::from_cols(
            DVec3::new(xx, xy, xz),
            DVec3::new(yx, yy, yz),
            DVec3::new(zx, zy, zz),
        ),
        translation: DVec3::new(tx, ty, tz),
    };
    Ok(GridGeometry::new(dims, patient_from_voxel)?)
}

fn read_counts(bytes: &[u8], bins: u32) -> Result<Vec<u64>, ArtifactError> {
    expect_at_most("number of bins", BINS_LIMIT.into(), bins.into())?;
    let mut cursor = Cursor::new(bytes);
    let counts = (0..bins)
        .map(|_| cursor.varint("a bin"))
        .collect::<Result<Vec<_>, _>>()?;
    expect_equal(
        "length of the histogram",
        cursor.offset() as u64,
        bytes.len() as u64,
    )?;
    // Sums of counts must not overflow in whoever reads them.
    if counts
        .iter()
        .try_fold(0u64, |total, &n| total.checked_add(n))
        .is_none()
    {
        return Err(ArtifactError::Damaged {
            what: "the histogram counts more samples than there can be",
        });
    }
    Ok(counts)
}

fn read_table(
    cursor: &mut Cursor<'_>,
    layout: &PyramidLayout,
    sample_type: SampleType,
    [index_len, head_len, body_len]: [u64; 3],
) -> Result<Vec<Vec<BrickEntry>>, ArtifactError> {
    let mut entries = Vec::new();
    for level in 0..layout.levels().len() as u32 {
        let table = cursor.take(layout.brick_count(level).saturating_mul(ENTRY), "the brick table")?;
        let mut rows = Cursor::new(table);
        let (object, first, end) = match level {
            0 => (BrickObject::Body, 0, body_len),
            _ => (BrickObject::Head, index_len, head_len),
        };
        let mut level_entries = Vec::with_capacity(layout.brick_count(level) as usize);
        for key in layout.bricks(level) {
            let entry = BrickEntry {
                object,
                offset: rows.u64("a brick")?,
                len: rows.u32("a brick")?,
                min: from_four_bytes(sample_type, rows.u32("a brick")?),
                max: from_four_bytes(sample_type, rows.u32("a brick")?),
            };
            let samples: u64 = layout
                .extent(key)
                .unwrap_or_default()
                .iter()
                .map(|&n| u64::from(n))
                .product();
            let longest = 1 + samples * sample_type.size() as u64;
            expect_at_most("length of a brick", longest, entry.len.into())?;
            if entry.offset < first {
                return Err(ArtifactError::Inconsistent {
                    what: "start of a brick",
                    expected: first,
                    actual: entry.offset,
                });
            }
            let brick_end = entry.offset.saturating_add(entry.len.into());
            expect_at_most("end of a brick", end, brick_end)?;
            level_entries.push(entry);
        }
        entries.push(level_entries);
    }
    Ok(entries)
}

/// A sample of `sample_type` in the four bytes of the brick table.
fn four_bytes(sample_type: SampleType, value: f64) -> [u8; 4] {
    match sample_type {
        SampleType::U8 | SampleType::U16 | SampleType::U32 => (value as u32).to_le_bytes(),
        SampleType::I16 | SampleType::I32 => (value as i32).to_le_bytes(),
        SampleType::F32 => (value as f32).to_le_bytes(),
    }
}

fn from_four_bytes(sample_type: SampleType, bits: u32) -> f64 {
    match sample_type {
        SampleType::U8 | SampleType::U16 | SampleType::U32 => bits.into(),
        SampleType::I16 | SampleType::I32 => (bits as i32).into(),
        SampleType::F32 => f32::from_bits(bits).into(),
    }
}
