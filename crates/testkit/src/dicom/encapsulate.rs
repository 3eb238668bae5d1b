//! Encapsulated pixel data (PS3.5 A.4).

use super::dataset::{DataSet, Value, Vr};
use super::tag;

/// How the frames of encapsulated pixel data are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetTable {
    /// The basic offset table is an empty item.
    Empty,
    /// A basic offset table with one entry a frame.
    Basic,
    /// An empty basic offset table and (7FE0,0001), (7FE0,0002). Right only with one fragment a frame.
    Extended,
}

impl DataSet {
    /// With encapsulated pixel data: `frames` as lists of fragments, and Number of Frames where there are several.
    #[must_use]
    pub fn encapsulated(mut self, frames: &[Vec<Vec<u8>>], offsets: OffsetTable) -> Self {
        let padded = |bytes: &Vec<u8>| bytes.len().next_multiple_of(2) as u64;
        let starts: Vec<u64> = frames
            .iter()
            .scan(0, |next, frame| {
                let start = *next;
                *next += frame.iter().map(|fragment| 8 + padded(fragment)).sum::<u64>();
                Some(start)
            })
            .collect();
        let table = match offsets {
            OffsetTable::Basic => starts.iter().map(|&start| start as u32).collect(),
            OffsetTable::Empty | OffsetTable::Extended => Vec::new(),
        };
        if offsets == OffsetTable::Extended {
            let lengths = frames
                .iter()
                .map(|frame| frame.iter().map(|fragment| fragment.len() as u64).sum())
                .collect();
            self.put(tag::EXTENDED_OFFSET_TABLE, Vr::OV, Value::U64(starts));
            self.put(tag::EXTENDED_OFFSET_TABLE_LENGTHS, Vr::OV, Value::U64(lengths));
        }
        if frames.len() > 1 {
            self = self.integer(tag::NUMBER_OF_FRAMES, frames.len() as i64);
        }
        let fragments = frames.concat();
        self.with(tag::PIXEL_DATA, Vr::OB, Value::Fragments { table, fragments })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_from_the_first_fragment() {
        let frames = [vec![vec![1, 2, 3], vec![4, 5]], vec![vec![6]]];
        let basic = DataSet::new().encapsulated(&frames, OffsetTable::Basic);
        let Value::Fragments { table, fragments } = &basic.get(tag::PIXEL_DATA).unwrap().value else {
            panic!("not fragments")
        };
        assert_eq!(table, &[0, 22]);
        assert_eq!(fragments, &[vec![1, 2, 3], vec![4, 5], vec![6]]);
    }

    #[test]
    fn the_extended_table_has_lengths_without_padding() {
        let frames = [vec![vec![1, 2, 3]], vec![vec![6, 7]]];
        let set = DataSet::new().encapsulated(&frames, OffsetTable::Extended);
        let starts = &set.get(tag::EXTENDED_OFFSET_TABLE).unwrap().value;
        let lengths = &set.get(tag::EXTENDED_OFFSET_TABLE_LENGTHS).unwrap().value;
        assert_eq!(starts, &Value::U64(vec![0, 12]));
        assert_eq!(lengths, &Value::U64(vec![3, 2]));
    }
}
