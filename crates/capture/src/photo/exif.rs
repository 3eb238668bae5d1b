//! The two things of Exif that decide how a picture looks: which way is up, and Adobe RGB told without a profile.
//!
//! Nothing else is read: places, devices and thumbnails are not looked at.

use super::Orientation;

const ORIENTATION: u16 = 0x0112;
const EXIF_IFD: u16 = 0x8769;
const INTEROP_IFD: u16 = 0xA005;
const INTEROP_INDEX: u16 = 0x0001;
/// Entries of one directory that are looked at; cameras write some dozens.
const MAX_ENTRIES: usize = 512;

/// What Exif says of how a picture looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Exif {
    pub(super) orientation: Option<Orientation>,
    /// The interoperability index is `R03`: the colors are Adobe RGB (DCF 2.0, 4.3.4).
    pub(super) adobe_rgb: bool,
}

/// Reads a TIFF structure (Exif 3.0, 4.5), with or without the `Exif\0\0` before it. What is damaged says nothing.
pub(super) fn parse(bytes: &[u8]) -> Exif {
    let bytes = bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes);
    read(bytes).unwrap_or_default()
}

fn read(bytes: &[u8]) -> Option<Exif> {
    let reader = Reader {
        bytes,
        big_endian: match bytes.get(..2)? {
            b"MM" => true,
            b"II" => false,
            _ => return None,
        },
    };
    let root = reader.u32(4)?;
    let orientation = reader.number(root, ORIENTATION).and_then(Orientation::from_exif);
    let index = reader
        .number(root, EXIF_IFD)
        .and_then(|exif| reader.number(exif, INTEROP_IFD))
        .and_then(|interop| reader.entry(interop, INTEROP_INDEX))
        .and_then(|at| bytes.get(at.checked_add(8)?..at.checked_add(11)?));
    Some(Exif {
        orientation,
        adobe_rgb: index == Some(b"R03"),
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Reader<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let two = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big_endian {
            u16::from_be_bytes(two)
        } else {
            u16::from_le_bytes(two)
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        })
    }

    /// Where the entry of `tag` lies in the directory at `directory`.
    fn entry(&self, directory: u32, tag: u16) -> Option<usize> {
        let start = usize::try_from(directory).ok()?;
        let count = usize::from(self.u16(start)?).min(MAX_ENTRIES);
        (0..count)
            .filter_map(|index| start.checked_add(2)?.checked_add(index.checked_mul(12)?))
            .find(|&at| self.u16(at) == Some(tag))
    }

    /// A single SHORT or LONG.
    fn number(&self, directory: u32, tag: u16) -> Option<u32> {
        let at = self.entry(directory, tag)?;
        match self.u16(at.checked_add(2)?)? {
            3 => self.u16(at.checked_add(8)?).map(u32::from),
            4 | 13 => self.u32(at.checked_add(8)?),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF structure with an orientation, and an interoperability directory.
    fn block(big_endian: bool, orientation: u16, index: &[u8; 4]) -> Vec<u8> {
        let two = |v: u16| {
            if big_endian {
                v.to_be_bytes()
            } else {
                v.to_le_bytes()
            }
        };
        let four = |v: u32| {
            if big_endian {
                v.to_be_bytes()
            } else {
                v.to_le_bytes()
            }
        };
        let mut out = if big_endian {
            b"MM".to_vec()
        } else {
            b"II".to_vec()
        };
        out.extend(two(42));
        out.extend(four(8));
        let mut directory = |entries: &[(u16, u16, [u8; 4])]| {
            out.extend(two(entries.len() as u16));
            for (tag, kind, value) in entries {
                out.extend(two(*tag));
                out.extend(two(*kind));
                out.extend(four(1));
                out.extend(value);
            }
            out.extend(four(0));
        };
        let [a, b] = two(orientation);
        // 8 + 2 + 24 + 4 = 38; 38 + 18 = 56.
        directory(&[(0x0112, 3, [a, b, 0, 0]), (0x8769, 4, four(38))]);
        directory(&[(0xA005, 4, four(56))]);
        directory(&[(1, 2, *index)]);
        out
    }

    #[test]
    fn orientation_and_color_are_read_in_both_orders() {
        for big_endian in [false, true] {
            for number in 1..=8u16 {
                let exif = parse(&block(big_endian, number, b"R98\0"));
                assert_eq!(exif.orientation, Orientation::from_exif(number.into()));
                assert!(!exif.adobe_rgb);
            }
            let mut bytes = b"Exif\0\0".to_vec();
            bytes.extend(block(big_endian, 0, b"R03\0"));
            assert_eq!(
                parse(&bytes),
                Exif {
                    orientation: None,
                    adobe_rgb: true
                }
            );
        }
    }

    #[test]
    fn damage_says_nothing() {
        let whole = block(false, 6, b"R03\0");
        for len in 0..whole.len() {
            let _ = parse(&whole[..len]);
        }
        for at in 0..whole.len() {
            for value in [0, 0x7F, 0xFF] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = parse(&bytes);
            }
        }
        assert_eq!(parse(b""), Exif::default());
        assert_eq!(parse(b"II*\0\xff\xff\xff\xff"), Exif::default());
    }
}
