//! Where each frame of encapsulated pixel data lies (PS3.5 A.4, PS3.3 C.7.6.3.1.8).
//!
//! Offset tables are used where they agree with the items that are there. Where there is none, or it lies, frames
//! are told apart by their count, or by the markers with which compressed streams begin and end.

use super::error::ReadError;
use super::header::Order;
use super::syntax::sniff;
use super::tree::Notes;

/// Offset and length of a fragment.
type Fragment = (u64, u64);

/// What is known of encapsulated pixel data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encapsulated<'a> {
    /// The data set.
    pub(crate) bytes: &'a [u8],
    /// Order of the bytes of the offset tables.
    pub(crate) order: Order,
    /// Value of the basic offset table.
    pub(crate) basic: &'a [u8],
    /// Value of the Extended Offset Table (7FE0,0001).
    pub(crate) extended: Option<&'a [u8]>,
    /// Fragments in the order of the file.
    pub(crate) fragments: &'a [Fragment],
    /// Number of Frames.
    pub(crate) frames: u32,
}

/// The fragments of each frame.
pub(crate) fn frames_of(pixels: Encapsulated<'_>, notes: &Notes) -> Result<Vec<Vec<Fragment>>, ReadError> {
    let Encapsulated { fragments, .. } = pixels;
    let frames = usize::try_from(pixels.frames).unwrap_or(usize::MAX);
    let first = fragments.first().map_or(0, |&(offset, _)| offset);
    let impossible = || ReadError::Frames {
        offset: first.saturating_sub(8),
        fragments: u64::try_from(fragments.len()).unwrap_or(u64::MAX),
        frames: pixels.frames,
    };
    if fragments.len() < frames || fragments.is_empty() {
        return Err(impossible());
    }
    if let Some(table) = pixels.extended {
        match by_table(
            pixels,
            frames,
            offsets::<8>(table, |bytes| pixels.order.u64(bytes)),
        ) {
            Some(found) => return Ok(found),
            None => notes.odd("the extended offset table is wrong and is not used".to_owned()),
        }
    }
    if !pixels.basic.is_empty() {
        let table = offsets::<4>(pixels.basic, |bytes| u64::from(pixels.order.u32(bytes)));
        match by_table(pixels, frames, table) {
            Some(found) => return Ok(found),
            None => notes.odd("the basic offset table is wrong and is not used".to_owned()),
        }
    }
    if frames == 1 {
        return Ok(vec![fragments.to_vec()]);
    }
    if fragments.len() == frames {
        return Ok(fragments.iter().map(|&fragment| vec![fragment]).collect());
    }
    let mut found = by_markers(pixels)
        .filter(|found| found.len() >= frames)
        .ok_or_else(impossible)?;
    if found.len() > frames {
        notes.odd(format!(
            "{} frames lie in the pixel data, {frames} are declared",
            found.len()
        ));
        found.truncate(frames);
    }
    Ok(found)
}

/// The entries of an offset table.
fn offsets<'a, const N: usize>(
    table: &'a [u8],
    number: impl Fn([u8; N]) -> u64 + 'a,
) -> impl Iterator<Item = u64> + 'a {
    table.as_chunks::<N>().0.iter().map(move |&bytes| number(bytes))
}

/// Frames by a table of offsets from the first fragment's item. `None` unless it has an entry a frame, rises, and
/// points at items.
fn by_table(
    pixels: Encapsulated<'_>,
    frames: usize,
    offsets: impl Iterator<Item = u64>,
) -> Option<Vec<Vec<Fragment>>> {
    let base = pixels.fragments.first()?.0;
    let mut found: Vec<Vec<Fragment>> = Vec::with_capacity(frames);
    let mut offsets = offsets.peekable();
    if offsets.peek() != Some(&0) {
        return None;
    }
    for &fragment in pixels.fragments {
        // Values and items are equally far from one another: each header has eight bytes.
        let relative = fragment.0.checked_sub(base)?;
        if offsets.next_if_eq(&relative).is_some() {
            found.push(vec![fragment]);
        } else {
            found.last_mut()?.push(fragment);
        }
    }
    (offsets.next().is_none() && found.len() == frames).then_some(found)
}

/// Frames by the signatures with which their streams begin or, without any, by the marker that ends a JPEG.
fn by_markers(pixels: Encapsulated<'_>) -> Option<Vec<Vec<Fragment>>> {
    let bytes_of = |&(offset, len): &Fragment| {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        pixels.bytes.get(start..end)
    };
    let begins = |fragment: &Fragment| bytes_of(fragment).is_some_and(|bytes| sniff(bytes).is_some());
    if !begins(pixels.fragments.first()?) {
        return None;
    }
    let mut found: Vec<Vec<Fragment>> = Vec::new();
    let mut ended = true;
    for fragment in pixels.fragments {
        if begins(fragment) && ended {
            found.push(vec![*fragment]);
        } else {
            found.last_mut()?.push(*fragment);
        }
        ended = bytes_of(fragment).is_some_and(may_end);
    }
    Some(found)
}

/// Whether a fragment may be the last of its frame: the end marker of JPEG and JPEG 2000 (FFD9), perhaps before
/// padding, or a stream that has no such marker.
fn may_end(bytes: &[u8]) -> bool {
    let tail = bytes.get(bytes.len().saturating_sub(10)..).unwrap_or_default();
    tail.array_windows().any(|pair| *pair == [0xFF, 0xD9])
        || matches!(
            bytes,
            [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..]
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lays fragments out as items one after another from byte 100 on.
    fn laid_out(contents: &[&[u8]]) -> (Vec<u8>, Vec<Fragment>) {
        let mut bytes = vec![0; 100];
        let mut fragments = Vec::new();
        for content in contents {
            bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
            bytes.extend((content.len() as u32).to_le_bytes());
            fragments.push((bytes.len() as u64, content.len() as u64));
            bytes.extend(*content);
        }
        (bytes, fragments)
    }

    fn split(contents: &[&[u8]], frames: u32, basic: &[u32], extended: Option<&[u64]>) -> Option<Vec<usize>> {
        let (bytes, fragments) = laid_out(contents);
        let basic: Vec<u8> = basic.iter().flat_map(|entry| entry.to_le_bytes()).collect();
        let extended: Option<Vec<u8>> =
            extended.map(|table| table.iter().flat_map(|entry| entry.to_le_bytes()).collect());
        let pixels = Encapsulated {
            bytes: &bytes,
            order: Order::Little,
            basic: &basic,
            extended: extended.as_deref(),
            fragments: &fragments,
            frames,
        };
        frames_of(pixels, &Notes::default())
            .ok()
            .map(|frames| frames.iter().map(Vec::len).collect())
    }

    const HEAD: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 0, 2];
    const TAIL: &[u8] = &[1, 2, 0xFF, 0xD9];
    const WHOLE: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 0, 2, 0xFF, 0xD9];

    #[test]
    fn tables_that_agree_with_the_items_are_used() {
        assert_eq!(split(&[HEAD, TAIL, WHOLE], 2, &[0, 26], None), Some(vec![2, 1]));
        assert_eq!(split(&[&[1], &[2], &[3]], 2, &[0, 9], None), Some(vec![1, 2]));
        assert_eq!(
            split(&[&[1], &[2], &[3]], 2, &[], Some(&[0, 18])),
            Some(vec![2, 1])
        );
    }

    #[test]
    fn tables_that_lie_are_not() {
        for table in [&[0_u32, 27][..], &[4, 26], &[0], &[0, 26, 40], &[26, 0], &[0, 0]] {
            assert_eq!(
                split(&[HEAD, TAIL, WHOLE], 2, table, None),
                Some(vec![2, 1]),
                "{table:?}"
            );
        }
        assert_eq!(
            split(&[&[1], &[2]], 2, &[], Some(&[0, u64::MAX])),
            Some(vec![1, 1])
        );
    }

    #[test]
    fn without_a_table_counts_or_markers_decide() {
        assert_eq!(split(&[&[1], &[2], &[3]], 1, &[], None), Some(vec![3]));
        assert_eq!(split(&[&[1], &[2], &[3]], 3, &[], None), Some(vec![1, 1, 1]));
        assert_eq!(
            split(&[HEAD, TAIL, HEAD, &[5], TAIL], 2, &[], None),
            Some(vec![2, 3])
        );
        // A fragment that happens to begin like a stream in the middle of a frame.
        assert_eq!(split(&[HEAD, HEAD, TAIL, WHOLE], 2, &[], None), Some(vec![3, 1]));
        // More frames than declared: the first ones count.
        assert_eq!(split(&[WHOLE, WHOLE, WHOLE], 2, &[], None), Some(vec![1, 1]));
        assert_eq!(split(&[&[1], &[2], &[3]], 2, &[], None), None);
        assert_eq!(split(&[&[1]], 2, &[], None), None);
        assert_eq!(split(&[], 1, &[], None), None);
    }
}
