//! A photograph as it lies in memory, and how it is laid into a picture: from the level that has a pixel for each of the
//! picture's, of which finer ones are read where somebody looks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use artifact::photo::{Level, TILE, fitted};
use geometry::DVec2;
use ingest::LookedPhoto;
use protocol::{PhotoLook, PixelSize};
use renderer::Picture;

use crate::draw::GROUND;

/// Bytes of tiles that stay in memory, at most.
const NEAR_BYTES: usize = 64 << 20;
/// Pixels around what is seen that its edges are mixed with.
const MARGIN: f64 = 2.0;
/// Where a pixel of the picture takes less of a level's than this, it is mixed of several.
const FINE: f64 = 0.9;

/// Level, column and row of a tile.
type Key = (u32, u32, u32);

/// A photograph.
#[derive(Debug)]
pub struct Photo {
    looked: LookedPhoto,
    size: PixelSize,
    whole: Level,
    /// Tiles of finer levels, those that were needed last at the end.
    near: Mutex<VecDeque<(Key, Arc<Vec<u8>>)>>,
}

/// Pixels of a level, or of a smaller one that was made of it, `[row][column][samples]`, sRGB.
struct Region<'a> {
    columns: u32,
    rows: u32,
    samples: usize,
    pixels: std::borrow::Cow<'a, [u8]>,
    /// Where its first pixel lies, pixels of its kind.
    origin: DVec2,
    /// Its pixels for each of the photograph's.
    scale: DVec2,
}

impl Photo {
    /// A photograph that was read; `None` where it has no pixels.
    pub fn new(looked: LookedPhoto) -> Option<Self> {
        let finest = *looked.levels().first()?;
        let whole = *looked.levels().get(looked.whole().0 as usize)?;
        Some(Self {
            looked,
            size: PixelSize {
                width: finest.columns,
                height: finest.rows,
            },
            whole,
            near: Mutex::default(),
        })
    }

    /// Its size, all of it.
    pub fn size(&self) -> PixelSize {
        self.size
    }

    /// Bytes that it takes now.
    pub fn resident_bytes(&self) -> u64 {
        let near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        let tiles: usize = near.iter().map(|(_, tile)| tile.len()).sum();
        (self.looked.whole().1.len() + tiles) as u64
    }

    /// The photograph as it lies in its picture: as large as it fits times `zoom`, with its `middle` in the middle.
    pub fn draw(&self, look: PhotoLook, size: PixelSize) -> Picture {
        let all = dvec(self.size);
        let picture = dvec(size);
        // Pixels of the picture for each of the photograph's.
        let scale = (picture / all).min_element() * look.zoom;
        let start = look.middle * all - picture * 0.5 / scale;
        let seen = [start, start + picture / scale];
        let region = self.near(seen, scale).unwrap_or_else(|| self.whole_at(scale));
        let ground = GROUND.map(|part| (part * 255.0).round() as u8);
        let per = region.scale / scale;
        let parts: &[DVec2] = match per.max_element() > 1.0 / FINE {
            true => &QUARTERS,
            false => &[DVec2::ZERO],
        };
        let mut rgba = Vec::with_capacity(size.width as usize * size.height as usize * 4);
        for row in 0..size.height {
            for column in 0..size.width {
                let p = start + DVec2::new(f64::from(column) + 0.5, f64::from(row) + 0.5) / scale;
                let is_in = p.cmpge(DVec2::ZERO).all() && p.cmple(all).all();
                match is_in {
                    true => rgba.extend(region.mixed(p * region.scale - 0.5, per, parts)),
                    false => rgba.extend(ground),
                }
                rgba.push(255);
            }
        }
        Picture {
            width: size.width,
            height: size.height,
            rgba,
        }
    }

    /// The level that is whole, made smaller first where the picture is, so that no pixel of it is passed over.
    fn whole_at(&self, scale: f64) -> Region<'_> {
        let all = dvec(self.size);
        let (columns, rows) = (self.whole.columns, self.whole.rows);
        let rgb = self.looked.whole().1;
        let longest = (all.max_element() * scale).round().max(1.0);
        if longest >= f64::from(columns.max(rows)) {
            return Region {
                columns,
                rows,
                samples: 3,
                pixels: rgb.into(),
                origin: DVec2::ZERO,
                scale: DVec2::new(f64::from(columns), f64::from(rows)) / all,
            };
        }
        let (columns, rows, rgba) = fitted((columns, rows), rgb, longest as u32);
        Region {
            columns,
            rows,
            samples: 4,
            pixels: rgba.into(),
            origin: DVec2::ZERO,
            scale: DVec2::new(f64::from(columns), f64::from(rows)) / all,
        }
    }

    /// What is seen, from the coarsest level that has a pixel for each of the picture's; `None` where the whole one has, or
    /// something of it cannot be read.
    fn near(&self, seen: [DVec2; 2], scale: f64) -> Option<Region<'static>> {
        let all = dvec(self.size);
        let per = |level: &Level| DVec2::new(f64::from(level.columns), f64::from(level.rows)) / all;
        let levels = self.looked.levels();
        let index = levels
            .iter()
            .rposition(|level| per(level).min_element() >= scale * (1.0 - 1e-6))
            .unwrap_or(0);
        let level = *levels.get(index)?;
        if index >= self.looked.whole().0 as usize {
            return None;
        }
        let index = u32::try_from(index).ok()?;
        let last = DVec2::new(f64::from(level.columns), f64::from(level.rows));
        let [low, high] = [
            (seen[0] * per(&level) - MARGIN).floor(),
            (seen[1] * per(&level) + MARGIN).ceil(),
        ]
        .map(|p| p.clamp(DVec2::ZERO, last));
        let (first, end) = ([low.x as u32, low.y as u32], [high.x as u32, high.y as u32]);
        let (columns, rows) = (end[0].checked_sub(first[0])?, end[1].checked_sub(first[1])?);
        if columns == 0 || rows == 0 {
            return None;
        }
        let mut pixels = vec![0; columns as usize * rows as usize * 3];
        for row in first[1] / TILE..end[1].div_ceil(TILE) {
            for column in first[0] / TILE..end[0].div_ceil(TILE) {
                let tile = self.tile((index, column, row))?;
                let corner = [column * TILE, row * TILE];
                let width = TILE.min(level.columns - corner[0]);
                copy((&tile, corner, width), (&mut pixels, first, columns));
            }
        }
        Some(Region {
            columns,
            rows,
            samples: 3,
            pixels: pixels.into(),
            origin: low,
            scale: per(&level),
        })
    }

    /// A tile, from memory or from where it is stored.
    fn tile(&self, key: Key) -> Option<Arc<Vec<u8>>> {
        let known = {
            let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
            let at = near.iter().position(|(other, _)| *other == key);
            let known = at.and_then(|at| near.remove(at));
            near.extend(known.clone());
            known
        };
        if let Some((_, tile)) = known {
            return Some(tile);
        }
        // Nobody waits meanwhile; two who read the same keep it once.
        let tile = Arc::new(self.looked.tile(key).ok()?);
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        near.retain(|(other, _)| *other != key);
        near.push_back((key, Arc::clone(&tile)));
        let mut bytes: usize = near.iter().map(|(_, tile)| tile.len()).sum();
        while bytes > NEAR_BYTES {
            let Some((_, oldest)) = near.pop_front() else {
                break;
            };
            bytes -= oldest.len();
        }
        Some(tile)
    }
}

/// The middles of the quarters of a pixel.
const QUARTERS: [DVec2; 4] = [
    DVec2::new(-0.25, -0.25),
    DVec2::new(0.25, -0.25),
    DVec2::new(-0.25, 0.25),
    DVec2::new(0.25, 0.25),
];

fn dvec(size: PixelSize) -> DVec2 {
    DVec2::new(f64::from(size.width), f64::from(size.height))
}

/// Copies what a tile and a region share. Each is given with the place of its first pixel in the level and its columns.
fn copy((tile, corner, width): (&[u8], [u32; 2], u32), (region, first, columns): (&mut [u8], [u32; 2], u32)) {
    let rows = (tile.len() / 3) as u32 / width.max(1);
    let left = corner[0].max(first[0]);
    let right = (corner[0] + width).min(first[0] + columns);
    let bytes = right.saturating_sub(left) as usize * 3;
    for row in corner[1].max(first[1])..corner[1] + rows {
        let from = ((row - corner[1]) as usize * width as usize + (left - corner[0]) as usize) * 3;
        let to = ((row - first[1]) as usize * columns as usize + (left - first[0]) as usize) * 3;
        match (tile.get(from..from + bytes), region.get_mut(to..to + bytes)) {
            (Some(from), Some(to)) => to.copy_from_slice(from),
            _ => return,
        }
    }
}

impl Region<'_> {
    /// The color around a place, pixels of the level: the mean of `parts` of a pixel of the picture, which takes `per` of
    /// them.
    fn mixed(&self, p: DVec2, per: DVec2, parts: &[DVec2]) -> [u8; 3] {
        let mut sum = [0.0; 3];
        for part in parts {
            let color = self.between(p + *part * per - self.origin);
            for (sum, channel) in sum.iter_mut().zip(color) {
                *sum += channel;
            }
        }
        sum.map(|sum| (sum / parts.len().max(1) as f64).round() as u8)
    }

    /// The color at a place between the middles of its own pixels; at the edges, theirs.
    fn between(&self, p: DVec2) -> [f64; 3] {
        let last = DVec2::new(f64::from(self.columns) - 1.0, f64::from(self.rows) - 1.0);
        let p = p.clamp(DVec2::ZERO, last);
        let low = p.floor();
        let high = (low + 1.0).min(last);
        let part = p - low;
        let pixel = |x: f64, y: f64| {
            let at = (y as usize * self.columns as usize + x as usize) * self.samples;
            self.pixels.get(at..at + 3).unwrap_or(&[0; 3])
        };
        let corners = [
            pixel(low.x, low.y),
            pixel(high.x, low.y),
            pixel(low.x, high.y),
            pixel(high.x, high.y),
        ];
        std::array::from_fn(|channel| {
            let of = |corner: usize| f64::from(corners[corner][channel]);
            let top = of(0) + (of(1) - of(0)) * part.x;
            let bottom = of(2) + (of(3) - of(2)) * part.x;
            top + (bottom - top) * part.y
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use artifact::photo::{PhotoHead, write};
    use artifact::pyramid::BodySink;

    use super::*;

    const SIZE: PixelSize = PixelSize {
        width: 90,
        height: 60,
    };

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

    /// A photograph whose levels of at most `longest` pixels are whole, and how often the rest was read.
    fn photo(
        size: (u32, u32),
        longest: u32,
        color: impl Fn(u32, u32) -> [u8; 3],
    ) -> (Photo, Arc<AtomicUsize>) {
        let (columns, rows) = size;
        let pixels = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
        let rgb: Vec<u8> = pixels.flat_map(|(x, y)| color(x, y)).collect();
        let body = Memory::default();
        let head = PhotoHead::parse(&write(size, &rgb, &[], &body).unwrap()).unwrap();
        let body = body.0.into_inner().unwrap();
        let reads = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&reads);
        let looked = LookedPhoto::new(head, longest, move |range| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(body[range.start as usize..range.end as usize].to_vec())
        });
        let photo = Photo::new(looked.unwrap()).unwrap();
        reads.store(0, Ordering::Relaxed);
        (photo, reads)
    }

    fn look(zoom: f64, x: f64, y: f64) -> PhotoLook {
        PhotoLook {
            zoom,
            middle: DVec2::new(x, y),
        }
    }

    #[test]
    fn a_photograph_lies_where_it_is_asked_for() {
        // Red to the left, blue to the right.
        let (photo, _) = photo(
            (80, 50),
            2048,
            |x, _| if x < 40 { [255, 0, 0] } else { [0, 0, 255] },
        );
        let picture = |zoom: f64, x: f64| photo.draw(look(zoom, x, 0.5), SIZE);
        let whole = picture(1.0, 0.5);
        assert_eq!((whole.width, whole.height), (90, 60));
        assert_eq!(whole.pixel(2, 30).unwrap()[..3], [255, 0, 0]);
        assert_eq!(whole.pixel(87, 30).unwrap()[..3], [0, 0, 255]);
        assert_eq!(whole.pixel(45, 1).unwrap()[..3], [11, 14, 17]);
        let near = picture(3.0, 0.1);
        assert_eq!(near.pixel(89, 30).unwrap()[..3], [255, 0, 0]);
        assert_eq!(near.pixel(1, 30).unwrap()[..3], [11, 14, 17]);
        let small = picture(0.25, 0.5);
        assert_eq!(small.pixel(20, 30).unwrap()[..3], [11, 14, 17]);
        assert_eq!(small.pixel(40, 30).unwrap()[..3], [255, 0, 0]);
    }

    /// Unlike its neighbors at every pixel, on both axes.
    fn grain(x: u32, y: u32) -> [u8; 3] {
        let mixed = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77);
        let [a, b, c, _] = (mixed ^ (mixed >> 15)).wrapping_mul(0x2C1B_3C6D).to_le_bytes();
        [a, b, c]
    }

    #[test]
    fn who_comes_near_sees_the_pixels_of_the_original() {
        let size = (1700, 1100);
        let (photo, reads) = photo(size, 512, grain);
        assert_eq!(
            photo.size(),
            PixelSize {
                width: 1700,
                height: 1100
            }
        );
        assert!(photo.resident_bytes() < 512 * 512 * 3);
        // One pixel of the picture for each of the original: over the corner of four tiles, all of them are its own.
        let zoom = 1.0 / (90.0_f64 / 1700.0).min(60.0 / 1100.0);
        let middle = DVec2::new(512.0, 512.0);
        let at = |middle: DVec2, zoom: f64| {
            let middle = middle / DVec2::new(1700.0, 1100.0);
            photo.draw(look(zoom, middle.x, middle.y), SIZE)
        };
        let near = at(middle, zoom);
        let mut apart = 0;
        for y in 0..SIZE.height {
            for x in 0..SIZE.width {
                let own = grain(512 - 45 + x, 512 - 30 + y);
                apart += usize::from(near.pixel(x, y).unwrap()[..3] != own);
            }
        }
        assert_eq!(apart, 0);
        assert_eq!(reads.load(Ordering::Relaxed), 4);
        // Twice as near, still so, and nothing is read again.
        let nearer = at(middle + DVec2::new(0.25, 0.25), zoom * 2.0);
        assert_eq!(nearer.pixel(45, 30).unwrap()[..3], grain(512, 512));
        assert_eq!(reads.load(Ordering::Relaxed), 4);
        // Beyond an edge there is ground, and up to it the last pixels.
        let edge = at(DVec2::new(1700.0, 550.0), zoom);
        assert_eq!(edge.pixel(44, 30).unwrap()[..3], grain(1699, 550));
        assert_eq!(edge.pixel(45, 30).unwrap()[..3], [11, 14, 17]);
        // All of it is drawn from what is whole.
        let before = reads.load(Ordering::Relaxed);
        at(DVec2::new(850.0, 550.0), 1.0);
        assert_eq!(reads.load(Ordering::Relaxed), before);
    }

    #[test]
    fn between_levels_pixels_are_mixed_and_keep_their_places() {
        // A slope is the same at every distance.
        let slope = |x: u32, y: u32| [(x / 8) as u8, (y / 8) as u8, 128];
        let (photo, _) = photo((1700, 1100), 512, slope);
        let fit = (90.0_f64 / 1700.0).min(60.0 / 1100.0);
        for scale in [0.3, 0.45, 0.7, 0.95, 1.0, 1.7] {
            let picture = photo.draw(look(scale / fit, 0.5, 0.5), SIZE);
            for (x, y) in [(3, 5), (45, 30), (80, 52)] {
                let at = |n: u32, size: f64, all: f64| all / 2.0 + (f64::from(n) + 0.5 - size / 2.0) / scale;
                let expected = [at(x, 90.0, 1700.0) / 8.0, at(y, 60.0, 1100.0) / 8.0];
                let got = picture.pixel(x, y).unwrap();
                for (got, expected) in got[..2].iter().zip(expected) {
                    assert!(
                        (f64::from(*got) - (expected - 0.5)).abs() <= 1.0,
                        "{scale}: {got} for {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_shown_as_it_is_at_hand() {
        let (columns, rows) = (1100, 700);
        let rgb = [90, 120, 30].repeat(columns as usize * rows as usize);
        let body = Memory::default();
        let head = PhotoHead::parse(&write((columns, rows), &rgb, &[], &body).unwrap()).unwrap();
        let body = body.0.into_inner().unwrap();
        let is_there = Arc::new(AtomicUsize::new(1));
        let asked = Arc::clone(&is_there);
        let looked = LookedPhoto::new(head, 600, move |range| match asked.load(Ordering::Relaxed) {
            1 => Ok(body[range.start as usize..range.end as usize].to_vec()),
            _ => Err(ingest::IngestError::Missing("it is gone".to_owned())),
        });
        let photo = Photo::new(looked.unwrap()).unwrap();
        is_there.store(0, Ordering::Relaxed);
        let near = photo.draw(look(20.0, 0.5, 0.5), SIZE);
        assert_eq!(near.pixel(45, 30).unwrap()[..3], [90, 120, 30]);
    }
}
