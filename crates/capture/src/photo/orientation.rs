//! Which way is up (Exif 3.0, 4.6.5.1.6 "Orientation").

use serde::{Deserialize, Serialize};

/// Where the first row and column of the stored picture are seen, by the numbers 1 to 8 of Exif.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orientation(u8);

impl Orientation {
    /// The stored picture is upright.
    pub const UPRIGHT: Self = Self(1);

    /// The orientation of an Exif number; `None` for numbers without meaning.
    pub fn from_exif(number: u32) -> Option<Self> {
        u8::try_from(number)
            .ok()
            .filter(|number| (1..=8).contains(number))
            .map(Self)
    }

    /// The Exif number, 1 to 8.
    pub fn exif(self) -> u8 {
        self.0
    }

    /// What turns the stored picture upright, in words.
    pub fn what_is_done(self) -> &'static str {
        match self.0 {
            2 => "mirrored",
            3 => "turned by 180 degrees",
            4 => "mirrored upside down",
            5 => "mirrored and turned counter-clockwise",
            6 => "turned clockwise",
            7 => "mirrored and turned clockwise",
            8 => "turned counter-clockwise",
            _ => "left as it is",
        }
    }

    /// Columns and rows of the upright picture.
    pub(super) fn size(self, columns: u32, rows: u32) -> (u32, u32) {
        if self.0 >= 5 {
            (rows, columns)
        } else {
            (columns, rows)
        }
    }

    /// Where the rows of a stored picture of `columns` x `rows` go.
    pub(super) fn turn(self, columns: usize, rows: usize) -> Turn {
        Turn {
            orientation: self.0,
            columns,
            rows,
        }
    }
}

/// Places stored rows in the upright picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    orientation: u8,
    columns: usize,
    rows: usize,
}

impl Turn {
    /// The upright pixel of the first pixel of a stored row, and the step to that of the next pixel.
    fn start_and_step(self, row: usize) -> (usize, isize) {
        let (columns, rows) = (self.columns, self.rows);
        let (last_column, last_row) = (columns.saturating_sub(1), rows.saturating_sub(1));
        let from_end = last_row.saturating_sub(row);
        let down = rows as isize;
        match self.orientation {
            2 => (row * columns + last_column, -1),
            3 => (from_end * columns + last_column, -1),
            4 => (from_end * columns, 1),
            5 => (row, down),
            6 => (from_end, down),
            7 => (last_column * rows + from_end, -down),
            8 => (last_column * rows + row, -down),
            _ => (row * columns, 1),
        }
    }

    /// Places one stored row, `[column][red, green, blue]`, in the upright picture. What lies outside `out` is dropped.
    pub(super) fn place_row(self, row: usize, line: &[u8], out: &mut [u8]) {
        let (start, step) = self.start_and_step(row);
        if step == 1 {
            if let Some(target) = out.get_mut(start * 3..start * 3 + line.len()) {
                target.copy_from_slice(line);
            }
            return;
        }
        let (pixels, _) = out.as_chunks_mut::<3>();
        let mut at = start;
        for source in line.as_chunks::<3>().0 {
            if let Some(pixel) = pixels.get_mut(at) {
                *pixel = *source;
            }
            at = at.wrapping_add_signed(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stored pixels of a picture of three columns and two rows, upright.
    fn turned(exif: u32) -> (u32, u32, Vec<u8>) {
        let orientation = Orientation::from_exif(exif).unwrap();
        let stored: Vec<u8> = (0..6u8).flat_map(|v| [v, v, v]).collect();
        let mut out = vec![99; 18];
        let turn = orientation.turn(3, 2);
        for (row, line) in stored.chunks(9).enumerate() {
            turn.place_row(row, line, &mut out);
        }
        let (columns, rows) = orientation.size(3, 2);
        (columns, rows, out.iter().step_by(3).copied().collect())
    }

    #[test]
    fn all_eight_orientations_come_upright() {
        // Stored: 0 1 2 / 3 4 5.
        for (exif, expected) in [
            (1, (3, 2, vec![0, 1, 2, 3, 4, 5])),
            (2, (3, 2, vec![2, 1, 0, 5, 4, 3])),
            (3, (3, 2, vec![5, 4, 3, 2, 1, 0])),
            (4, (3, 2, vec![3, 4, 5, 0, 1, 2])),
            (5, (2, 3, vec![0, 3, 1, 4, 2, 5])),
            (6, (2, 3, vec![3, 0, 4, 1, 5, 2])),
            (7, (2, 3, vec![5, 2, 4, 1, 3, 0])),
            (8, (2, 3, vec![2, 5, 1, 4, 0, 3])),
        ] {
            assert_eq!(turned(exif), expected, "{exif}");
        }
    }

    #[test]
    fn other_numbers_mean_nothing() {
        for number in [0, 9, 255, 256, 257, u32::MAX] {
            assert_eq!(Orientation::from_exif(number), None);
        }
    }
}
