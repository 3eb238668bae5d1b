use std::sync::Mutex;

use super::*;
use crate::pyramid::BodySink;

#[derive(Default)]
struct Memory(Mutex<Vec<u8>>);

impl BodySink for Memory {
    type Error = std::convert::Infallible;

    fn append(&self, bytes: Vec<u8>) -> Result<u64, Self::Error> {
        let mut all = self.0.lock().unwrap();
        let start = all.len() as u64;
        all.extend(bytes);
        Ok(start)
    }
}

fn picture(columns: usize, rows: usize) -> Vec<u8> {
    (0..columns * rows)
        .flat_map(|at| {
            let (x, y) = (at % columns, at / columns);
            [(x * 3 + y) as u8, (x ^ y) as u8, (y * 5) as u8]
        })
        .collect()
}

fn written(columns: u32, rows: u32, rgb: &[u8]) -> (PhotoHead, Vec<u8>, Vec<u8>) {
    let body = Memory::default();
    let notes = [Note {
        code: "turned_upright".to_owned(),
        severity: volume::Severity::Info,
        message: "turned".to_owned(),
        values: vec![("exif_orientation".to_owned(), 6.0)],
    }];
    let bytes = write((columns, rows), rgb, &notes, &body).unwrap();
    let head = PhotoHead::parse(&bytes).unwrap();
    assert_eq!(head.findings(), notes);
    (head, bytes, body.0.into_inner().unwrap())
}

fn tile(head: &PhotoHead, body: &[u8], key: (u32, u32, u32)) -> Vec<u8> {
    let range = head.byte_range(key.0, key.1, key.2).unwrap();
    head.decode_tile(key, &body[range.start as usize..range.end as usize])
        .unwrap()
}

#[test]
fn every_pixel_comes_back_from_its_tile() {
    let (columns, rows) = (1100, 530);
    let rgb = picture(columns, rows);
    let (head, _, body) = written(columns as u32, rows as u32, &rgb);
    let sizes: Vec<(u32, u32)> = head.levels().iter().map(|l| (l.columns, l.rows)).collect();
    assert_eq!(sizes, [(1100, 530), (550, 265), (275, 133)]);
    for (row, column) in (0..2u32).flat_map(|row| (0..3u32).map(move |column| (row, column))) {
        let tile = tile(&head, &body, (0, column, row));
        let width = (columns - column as usize * 512).min(512);
        for (y, line) in tile.chunks(width * 3).enumerate() {
            let at = ((row as usize * 512 + y) * columns + column as usize * 512) * 3;
            assert_eq!(line, &rgb[at..at + width * 3]);
        }
    }
    let level = head.levels()[0];
    let mut whole = vec![0; rgb.len()];
    for (row, column) in (0..2).flat_map(|row| (0..3).map(move |column| (row, column))) {
        level.place_tile((column, row), &tile(&head, &body, (0, column, row)), &mut whole);
    }
    assert!(whole == rgb);
    assert_eq!(head.byte_range(0, 3, 0), None);
    assert_eq!(head.byte_range(0, 0, 2), None);
    assert_eq!(head.byte_range(3, 0, 0), None);
}

#[test]
fn a_checkerboard_keeps_its_light_when_it_shrinks() {
    // Half of the light is 188 in sRGB, not 128.
    let (columns, rows) = (600, 520);
    let rgb: Vec<u8> = (0..columns * rows)
        .flat_map(|at| {
            [if (at % columns + at / columns) % 2 == 0 {
                255
            } else {
                0
            }; 3]
        })
        .collect();
    let (head, _, body) = written(columns as u32, rows as u32, &rgb);
    let coarse = tile(&head, &body, (1, 0, 0));
    let inner = coarse[(130 * 300 + 150) * 3];
    assert_eq!(inner, 188);
    let (width, height, rgba) = fitted((columns as u32, rows as u32), &rgb, 320);
    assert_eq!((width, height), (320, 277));
    assert!(rgba[(100 * 320 + 100) * 4].abs_diff(188) <= 12);
}

#[test]
fn flat_pictures_stay_flat_at_every_size() {
    for (columns, rows) in [(1u32, 1u32), (1, 1031), (1031, 1), (513, 3), (777, 555)] {
        let rgb = [17, 200, 99].repeat(columns as usize * rows as usize);
        let (head, _, body) = written(columns, rows, &rgb);
        for (index, level) in head.levels().iter().enumerate() {
            let (across, down) = level.tiles();
            for (column, row) in (0..down).flat_map(|row| (0..across).map(move |column| (column, row))) {
                let tile = tile(&head, &body, (index as u32, column, row));
                assert!(
                    tile.as_chunks::<3>()
                        .0
                        .iter()
                        .all(|pixel| *pixel == [17, 200, 99])
                );
            }
        }
        let (width, height, rgba) = fitted((columns, rows), &rgb, 320);
        assert!(width <= 320 && height <= 320 && rgba.len() as u32 == width * height * 4);
        assert!(rgba.as_chunks::<4>().0.iter().all(|p| *p == [17, 200, 99, 255]));
    }
}

#[test]
fn damaged_heads_and_tiles_are_refused() {
    let rgb = picture(600, 40);
    let (head, bytes, body) = written(600, 40, &rgb);
    for len in 0..bytes.len() {
        assert!(PhotoHead::parse(&bytes[..len]).is_err(), "{len}");
    }
    for at in 0..bytes.len() {
        for value in [0, 0x7F, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let _ = PhotoHead::parse(&damaged);
        }
    }
    let range = head.byte_range(0, 0, 0).unwrap();
    let coded = &body[range.start as usize..range.end as usize];
    assert!(head.decode_tile((0, 1, 0), coded).is_err(), "of another size");
    assert!(head.decode_tile((0, 0, 0), &coded[..coded.len() / 2]).is_err());
    assert!(head.decode_tile((9, 0, 0), coded).is_err());
}

#[test]
fn impossible_pictures_are_refused() {
    let body = Memory::default();
    for (columns, rows, len) in [(0, 5, 0), (5, 0, 0), (2, 2, 11), (10_001, 10_000, 0)] {
        assert!(write((columns, rows), &vec![0; len], &[], &body).is_err());
    }
}
