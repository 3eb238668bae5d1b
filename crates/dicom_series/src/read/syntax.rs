//! Transfer syntaxes (PS3.5 section 10, PS3.6 annex A): how a data set is written and how its pixels are.

use super::header::Encoding;

/// How pixels are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    Native,
    /// RLE Lossless (PS3.5 annex G).
    Rle,
    /// JPEG in any process.
    Jpeg,
    /// JPEG-LS.
    JpegLs,
    /// JPEG 2000 and its high-throughput form.
    Jpeg2000,
    /// JPEG XL.
    JpegXl,
    /// Each frame deflated (PS3.5 A.4.13).
    DeflatedFrame,
    /// A video stream.
    Video,
    /// Encapsulated in a way that is not known.
    Unknown,
}

/// Whether the data set after the meta group is compressed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Deflated,
}

/// What a transfer syntax says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) encoding: Encoding,
    pub(crate) packing: Packing,
    pub(crate) compression: Compression,
    /// Whether the compression always or commonly loses something.
    pub(crate) lossy: bool,
    /// Whether native samples are big-endian although the data set is not (a private syntax of GE).
    pub(crate) big_samples: bool,
}

/// Implicit VR Little Endian.
pub(crate) const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
/// Explicit VR Little Endian.
pub(crate) const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
/// Explicit VR Big Endian (retired).
pub(crate) const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";
/// Deflated Explicit VR Little Endian.
pub(crate) const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
/// GE's implicit little-endian syntax with big-endian pixels.
pub(crate) const GE_BIG_PIXELS: &str = "1.2.840.113619.5.2";
/// Encapsulated Uncompressed Explicit VR Little Endian.
pub(crate) const ENCAPSULATED_UNCOMPRESSED: &str = "1.2.840.10008.1.2.1.98";

/// The syntax of a UID; `None` for one that is not known.
pub(crate) fn syntax_of(uid: &str) -> Option<Syntax> {
    let plain = Syntax {
        encoding: Encoding::EXPLICIT,
        packing: Packing::Plain,
        compression: Compression::Native,
        lossy: false,
        big_samples: false,
    };
    let lossless = |compression| Syntax { compression, ..plain };
    let lossy = |compression| Syntax {
        compression,
        lossy: true,
        ..plain
    };
    Some(match uid {
        IMPLICIT_LITTLE => Syntax {
            encoding: Encoding::IMPLICIT,
            ..plain
        },
        EXPLICIT_LITTLE | ENCAPSULATED_UNCOMPRESSED => plain,
        EXPLICIT_BIG => Syntax {
            encoding: Encoding::BIG,
            ..plain
        },
        DEFLATED => Syntax {
            packing: Packing::Deflated,
            ..plain
        },
        GE_BIG_PIXELS => Syntax {
            encoding: Encoding::IMPLICIT,
            big_samples: true,
            ..plain
        },
        "1.2.840.10008.1.2.5" => lossless(Compression::Rle),
        "1.2.840.10008.1.2.8.1" => lossless(Compression::DeflatedFrame),
        _ => {
            let number: u16 = uid.strip_prefix("1.2.840.10008.1.2.4.")?.parse().ok()?;
            match number {
                50..=56 | 59..=64 => lossy(Compression::Jpeg),
                57 | 58 | 65..=70 => lossless(Compression::Jpeg),
                80 => lossless(Compression::JpegLs),
                81 => lossy(Compression::JpegLs),
                90 | 92 | 201 | 202 => lossless(Compression::Jpeg2000),
                91 | 93 | 203 => lossy(Compression::Jpeg2000),
                110 => lossless(Compression::JpegXl),
                111 | 112 => lossy(Compression::JpegXl),
                100..=109 => lossy(Compression::Video),
                _ => return None,
            }
        }
    })
}

/// How a compressed stream announces itself, if it does.
pub(crate) fn sniff(stream: &[u8]) -> Option<Compression> {
    match stream {
        [0xFF, 0xD8, 0xFF, ..] => Some(sniff_jpeg(stream)),
        [0xFF, 0x4F, 0xFF, 0x51, ..] | [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => {
            Some(Compression::Jpeg2000)
        }
        [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Some(Compression::JpegXl),
        _ => None,
    }
}

/// The transfer syntax of a compressed stream of which nothing is declared.
pub(crate) fn uid_of_stream(stream: &[u8]) -> Option<&'static str> {
    Some(match sniff(stream) {
        Some(Compression::JpegLs) => "1.2.840.10008.1.2.4.80",
        Some(Compression::Jpeg2000) => "1.2.840.10008.1.2.4.90",
        Some(Compression::JpegXl) => "1.2.840.10008.1.2.4.112",
        Some(_) => "1.2.840.10008.1.2.4.50",
        // The header of RLE: how many segments, and that the first begins behind it.
        None => match stream.first_chunk::<8>() {
            Some(&[1..=15, 0, 0, 0, 64, 0, 0, 0]) => "1.2.840.10008.1.2.5",
            _ => return None,
        },
    })
}

/// Tells JPEG from JPEG-LS by the frame header (ITU-T T.87 C.1.1), which comes before any scan.
fn sniff_jpeg(stream: &[u8]) -> Compression {
    let mut at = 2_usize;
    // A frame header lies among the first segments.
    for _ in 0..64 {
        let Some(&[0xFF, marker, high, low]) = stream.get(at..).and_then(|rest| rest.first_chunk::<4>())
        else {
            break;
        };
        match marker {
            0xF7 => return Compression::JpegLs,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xDA => break,
            0xFF => at = at.saturating_add(1),
            _ => {
                let len = u16::from_be_bytes([high, low]);
                at = at.saturating_add(2).saturating_add(usize::from(len));
            }
        }
    }
    Compression::Jpeg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_announce_themselves() {
        let app0 = [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2];
        let with = |marker: u8| [&app0[..], &[0xFF, marker, 0, 11]].concat();
        assert_eq!(sniff(&with(0xC0)), Some(Compression::Jpeg));
        assert_eq!(sniff(&with(0xC3)), Some(Compression::Jpeg));
        assert_eq!(sniff(&with(0xF7)), Some(Compression::JpegLs));
        assert_eq!(sniff(&[0xFF, 0x4F, 0xFF, 0x51, 0]), Some(Compression::Jpeg2000));
        assert_eq!(sniff(&[0xFF, 0x0A, 1]), Some(Compression::JpegXl));
        assert_eq!(sniff(&[1, 0, 0, 0]), None);
        assert_eq!(sniff(&[0xFF, 0xD8, 0xFF]), Some(Compression::Jpeg));
    }

    #[test]
    fn every_syntax_of_the_issue_is_known() {
        for number in [
            50, 51, 53, 55, 57, 70, 80, 81, 90, 91, 110, 111, 112, 201, 202, 203,
        ] {
            assert!(
                syntax_of(&format!("1.2.840.10008.1.2.4.{number}")).is_some(),
                "{number}"
            );
        }
        assert_eq!(syntax_of("1.2.3"), None);
        assert_eq!(syntax_of("1.2.840.10008.1.2.4.999999"), None);
    }
}
