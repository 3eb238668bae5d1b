//! Siemens CSA headers (0029,xx10) and (0029,xx20): a list of named elements with text items, in two versions.
//!
//! The layout is not published; it is the one that open readers agree on. Both versions are little-endian:
//! `SV10`, four bytes, count of elements, 77 (version 2), or the count alone (version 1). Each element: name of 64
//! bytes, multiplicity, representation of 4 bytes, type, count of items, mark; each item: four lengths, then its
//! bytes, padded to four.

use super::header::array;
use super::value::trimmed;

/// What is needed of a header.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Csa {
    /// `NumberOfImagesInMosaic`.
    pub(crate) mosaic_images: Option<u32>,
    /// `SliceNormalVector`, LPS.
    pub(crate) slice_normal: Option<[f64; 3]>,
}

/// Headers have about a hundred elements of a few items.
const MAX_ELEMENTS: u32 = 1024;
const MAX_ITEMS: u32 = 1024;

/// Reads a header as far as it is readable.
pub(crate) fn parse(bytes: &[u8]) -> Csa {
    let mut found = Csa::default();
    read(bytes, &mut found);
    found
}

/// Reads until the end or the first thing that makes no sense.
fn read(bytes: &[u8], found: &mut Csa) -> Option<()> {
    let version_2 = bytes.starts_with(b"SV10");
    let mut at = if version_2 { 8_usize } else { 0 };
    let elements = number(bytes, at)?;
    if elements > MAX_ELEMENTS {
        return None;
    }
    at = at.checked_add(8)?;
    // The first element of version 1 tells what its lengths are relative to.
    let mut base = None;
    for _ in 0..elements {
        let name = array::<64>(bytes, at)?;
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let items = number(bytes, at.checked_add(76)?)?;
        if items > MAX_ITEMS {
            return None;
        }
        at = at.checked_add(84)?;
        let mut values = [0.0; 3];
        let mut count = 0_usize;
        for _ in 0..items {
            let first = number(bytes, at)?;
            let len = if version_2 {
                number(bytes, at.checked_add(4)?)?
            } else {
                first.checked_sub(*base.get_or_insert(items))?
            };
            at = at.checked_add(16)?;
            let len = usize::try_from(len).ok()?;
            let text = trimmed(bytes.get(at..at.checked_add(len)?)?);
            let value = std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.trim_end_matches('\0').trim().parse::<f64>().ok());
            if let (Some(value), Some(slot)) =
                (value.filter(|value| value.is_finite()), values.get_mut(count))
            {
                *slot = value;
                count = count.saturating_add(1);
            }
            at = at.checked_add(len.next_multiple_of(4))?;
        }
        match name {
            b"NumberOfImagesInMosaic" if count > 0 && (1.0..=65_536.0).contains(&values[0]) => {
                found.mosaic_images = Some(values[0] as u32);
            }
            b"SliceNormalVector" if count == 3 => found.slice_normal = unit(values),
            _ => {}
        }
    }
    Some(())
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// The vector with length 1; `None` for one that has no direction.
fn unit(vector: [f64; 3]) -> Option<[f64; 3]> {
    let length = vector.iter().map(|part| part * part).sum::<f64>().sqrt();
    (length.is_finite() && length > 1e-6).then(|| vector.map(|part| part / length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(elements: &[(&str, &[&str])], version_2: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        if version_2 {
            bytes.extend(b"SV10\x04\x03\x02\x01");
        }
        bytes.extend((elements.len() as u32).to_le_bytes());
        bytes.extend(77_u32.to_le_bytes());
        let base = elements[0].1.len() as u32;
        for (name, items) in elements {
            let mut padded = name.as_bytes().to_vec();
            padded.resize(64, 0);
            bytes.extend(padded);
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(b"FD\0\0");
            bytes.extend(4_u32.to_le_bytes());
            bytes.extend((items.len() as u32).to_le_bytes());
            bytes.extend(77_u32.to_le_bytes());
            for item in *items {
                let len = item.len() as u32;
                let first = if version_2 { len } else { len + base };
                for number in [first, len, 77, len] {
                    bytes.extend(number.to_le_bytes());
                }
                bytes.extend(item.as_bytes());
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
        }
        bytes
    }

    const ELEMENTS: &[(&str, &[&str])] = &[
        ("EchoLinePosition", &["64", "", "", "", "", ""]),
        (
            "SliceNormalVector",
            &["0.00000000", "-0.60000000", "0.80000000", "", "", ""],
        ),
        ("NumberOfImagesInMosaic", &["36  ", "", "", "", "", ""]),
    ];

    #[test]
    fn both_versions_are_read() {
        for version_2 in [true, false] {
            let csa = parse(&header(ELEMENTS, version_2));
            assert_eq!(csa.mosaic_images, Some(36));
            assert_eq!(csa.slice_normal, Some([0.0, -0.6, 0.8]));
        }
    }

    #[test]
    fn cut_headers_are_read_in_part() {
        let whole = header(ELEMENTS, true);
        for len in 0..whole.len() {
            parse(&whole[..len]);
        }
        assert_eq!(parse(&whole[..whole.len() - 300]).mosaic_images, None);
        assert_eq!(parse(&[0xFF; 400]), Csa::default());
    }
}
