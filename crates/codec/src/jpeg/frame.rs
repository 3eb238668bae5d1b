//! The frame header (T.81 B.2.2) and the sizes that follow from it (A.1.1, A.2).

use super::{CODEC, malformed, unsupported};
use crate::{CodecError, Expected};

/// Samples along the edge of a block of the DCT processes.
pub(super) const BLOCK_EDGE: usize = 8;

/// How the frame is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// Baseline and extended sequential DCT.
    Sequential,
    /// Progressive DCT: spectral selection, successive approximation or both.
    Progressive,
    /// Lossless prediction.
    Lossless,
}

/// One component of the frame.
#[derive(Clone, Debug)]
pub(super) struct Component {
    /// The identifier by which scans name it.
    pub(super) id: u8,
    /// Horizontal sampling factor, 1 to 4.
    pub(super) h: usize,
    /// Vertical sampling factor, 1 to 4.
    pub(super) v: usize,
    /// Which quantization table it uses, 0 to 3.
    pub(super) quantization: usize,
    /// Samples along a row, without padding.
    pub(super) columns: usize,
    /// Samples down a column, without padding.
    pub(super) rows: usize,
}

/// The frame header, checked.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) process: Process,
    /// Bits a sample, 2 to 16.
    pub(super) precision: u8,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// The largest sampling factors of all components.
    pub(super) h_max: usize,
    pub(super) v_max: usize,
    pub(super) components: Vec<Component>,
}

impl Frame {
    /// Reads a frame header from the bytes after its length. `line_count` finds the height where the header leaves it to
    /// a later marker; the expected height holds where there is none. `offset` is where the header begins.
    pub(super) fn parse(
        process: Process,
        header: &[u8],
        expected: Expected,
        line_count: impl FnOnce() -> Option<u16>,
        offset: usize,
    ) -> Result<Self, CodecError> {
        let short = || malformed("frame header shorter than its components", offset);
        let (&[precision, y1, y0, x1, x0, count], specs) =
            header.split_first_chunk::<6>().ok_or_else(short)?;
        let declared_rows = u16::from_be_bytes([y1, y0]);
        let rows = if declared_rows == 0 {
            line_count().map_or(expected.rows, u32::from)
        } else {
            u32::from(declared_rows)
        };
        let columns = u32::from(u16::from_be_bytes([x1, x0]));
        if (columns, rows, u16::from(count)) != (expected.columns, expected.rows, expected.channels) {
            return Err(CodecError::Mismatch {
                codec: CODEC,
                actual: format!("{columns} x {rows} x {count}"),
                expected: format!("{} x {} x {}", expected.columns, expected.rows, expected.channels),
            });
        }
        if columns == 0 || rows == 0 || columns > 65_535 || rows > 65_535 {
            return Err(malformed("picture without pixels or beyond 65535", offset));
        }
        let valid = match process {
            Process::Lossless => (2..=16).contains(&precision),
            Process::Sequential | Process::Progressive => precision == 8 || precision == 12,
        };
        if !valid {
            return Err(unsupported("this number of bits a sample"));
        }
        if !(1..=4).contains(&count) {
            return Err(unsupported("a number of components beyond 1 to 4"));
        }
        let specs = specs
            .get(..usize::from(count) * 3)
            .ok_or_else(short)?
            .as_chunks::<3>()
            .0;
        Self::with_components(process, precision, columns as usize, rows as usize, specs, offset)
    }

    fn with_components(
        process: Process,
        precision: u8,
        columns: usize,
        rows: usize,
        specs: &[[u8; 3]],
        offset: usize,
    ) -> Result<Self, CodecError> {
        let factor = |spec: &[u8; 3]| (usize::from(spec[1] >> 4), usize::from(spec[1] & 0xF));
        let h_max = specs.iter().map(|spec| factor(spec).0).max().unwrap_or(1);
        let v_max = specs.iter().map(|spec| factor(spec).1).max().unwrap_or(1);
        let components = specs
            .iter()
            .map(|spec| {
                let (h, v) = factor(spec);
                if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
                    return Err(malformed("sampling factor outside 1 to 4", offset));
                }
                Ok(Component {
                    id: spec[0],
                    h,
                    v,
                    quantization: usize::from(spec[2] & 3),
                    columns: (columns * h).div_ceil(h_max),
                    rows: (rows * v).div_ceil(v_max),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            process,
            precision,
            columns,
            rows,
            h_max,
            v_max,
            components,
        })
    }

    /// Samples along the edge of the unit that a component is coded in.
    pub(super) fn unit(&self) -> usize {
        if self.process == Process::Lossless {
            1
        } else {
            BLOCK_EDGE
        }
    }

    /// Minimum coded units of an interleaved scan: along a row, down a column.
    pub(super) fn mcus(&self) -> (usize, usize) {
        let unit = self.unit();
        (
            self.columns.div_ceil(unit * self.h_max),
            self.rows.div_ceil(unit * self.v_max),
        )
    }

    /// Units (samples or blocks) of a component, padded to whole minimum coded units: along a row, down a column.
    pub(super) fn padded_units(&self, component: &Component) -> (usize, usize) {
        let (across, down) = self.mcus();
        (across * component.h, down * component.v)
    }

    /// Units of a component in a scan of its own: along a row, down a column.
    pub(super) fn own_units(&self, component: &Component) -> (usize, usize) {
        let unit = self.unit();
        (component.columns.div_ceil(unit), component.rows.div_ceil(unit))
    }
}
