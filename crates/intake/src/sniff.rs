//! What a file is, told from its bytes. Names are never asked: medical files carry any name or none.

use crate::dicom_start;

/// What the bytes of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// DICOM, with or without the preamble of PS3.10 section 7.1.
    Dicom {
        /// Where the first data element lies: 132 after a preamble, 0 where a data set stands alone, other offsets
        /// where the preamble is damaged.
        start: usize,
    },
    /// Nothing at all.
    Empty,
    /// ZIP.
    Zip,
    /// gzip.
    Gzip,
    /// tar.
    Tar,
    /// 7z.
    SevenZip,
    /// RAR.
    Rar,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// PDF.
    Pdf,
    /// JPEG, JFIF or Exif.
    Jpeg,
    /// JPEG 2000, as a file or a bare codestream.
    Jpeg2000,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// TIFF, either byte order.
    Tiff,
    /// BMP.
    Bmp,
    /// WebP.
    WebP,
    /// HEIF and AVIF.
    Heif,
    /// glTF 2.0 binary.
    Glb,
    /// STL, binary or text.
    Stl,
    /// PLY.
    Ply,
    /// Wavefront OBJ.
    Obj,
    /// NIfTI-1 or -2 in one file.
    Nifti,
    /// NRRD.
    Nrrd,
    /// A program: ELF, PE or Mach-O.
    Program,
    /// JSON.
    Json,
    /// XML or HTML.
    Xml,
    /// Other text in UTF-8.
    Text,
    /// Anything else.
    Other,
}

impl Kind {
    /// The name of the kind, for messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dicom { .. } => "DICOM",
            Self::Empty => "empty file",
            Self::Zip => "ZIP archive",
            Self::Gzip => "gzip archive",
            Self::Tar => "tar archive",
            Self::SevenZip => "7z archive",
            Self::Rar => "RAR archive",
            Self::Bzip2 => "bzip2 archive",
            Self::Xz => "xz archive",
            Self::Zstd => "Zstandard archive",
            Self::Pdf => "PDF document",
            Self::Jpeg => "JPEG picture",
            Self::Jpeg2000 => "JPEG 2000 picture",
            Self::Png => "PNG picture",
            Self::Gif => "GIF picture",
            Self::Tiff => "TIFF picture",
            Self::Bmp => "BMP picture",
            Self::WebP => "WebP picture",
            Self::Heif => "HEIF picture",
            Self::Glb => "glTF mesh",
            Self::Stl => "STL mesh",
            Self::Ply => "PLY mesh",
            Self::Obj => "OBJ mesh",
            Self::Nifti => "NIfTI volume",
            Self::Nrrd => "NRRD volume",
            Self::Program => "program",
            Self::Json => "JSON",
            Self::Xml => "XML",
            Self::Text => "text",
            Self::Other => "unknown data",
        }
    }

    /// Whether it holds other files, or one in compressed form.
    pub fn is_archive(self) -> bool {
        matches!(
            self,
            Self::Zip
                | Self::Gzip
                | Self::Tar
                | Self::SevenZip
                | Self::Rar
                | Self::Bzip2
                | Self::Xz
                | Self::Zstd
        )
    }
}

/// Tells what `bytes` are: a whole file, or its first [`HEAD_BYTES`] where only those are at hand (binary STL,
/// which has no signature, is then told only where it is that short).
///
/// DICOM comes first: its preamble may hold any other signature (PS3.10 section 7.1), and often does on purpose.
pub fn sniff(bytes: &[u8]) -> Kind {
    if bytes.is_empty() {
        return Kind::Empty;
    }
    if let Some(start) = dicom_start::find(bytes) {
        return Kind::Dicom { start };
    }
    signature(bytes)
        .or_else(|| binary_stl(bytes).then_some(Kind::Stl))
        .or_else(|| text(bytes))
        .unwrap_or(Kind::Other)
}

/// How many bytes from its beginning tell a file.
pub const HEAD_BYTES: usize = 4096;

/// Signatures at fixed offsets.
const SIGNATURES: &[(usize, &[u8], Kind)] = &[
    (0, b"PK\x03\x04", Kind::Zip),
    (0, b"PK\x05\x06", Kind::Zip),
    (0, b"PK\x07\x08PK", Kind::Zip),
    (0, b"\x1f\x8b\x08", Kind::Gzip),
    (0, b"7z\xbc\xaf\x27\x1c", Kind::SevenZip),
    (0, b"Rar!\x1a\x07", Kind::Rar),
    (4, b"1AY&SY", Kind::Bzip2),
    (0, b"\xfd7zXZ\0", Kind::Xz),
    (0, b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (257, b"ustar", Kind::Tar),
    (0, b"%PDF-", Kind::Pdf),
    (0, b"\xff\xd8\xff", Kind::Jpeg),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Kind::Jpeg2000),
    (0, b"\xff\x4f\xff\x51", Kind::Jpeg2000),
    (0, b"\x89PNG\r\n\x1a\n", Kind::Png),
    (0, b"GIF87a", Kind::Gif),
    (0, b"GIF89a", Kind::Gif),
    (0, b"II*\0", Kind::Tiff),
    (0, b"MM\0*", Kind::Tiff),
    (8, b"WEBP", Kind::WebP),
    (4, b"ftypheic", Kind::Heif),
    (4, b"ftypheix", Kind::Heif),
    (4, b"ftypheim", Kind::Heif),
    (4, b"ftypheis", Kind::Heif),
    (4, b"ftyphevc", Kind::Heif),
    (4, b"ftypmsf1", Kind::Heif),
    (4, b"ftypmif1", Kind::Heif),
    (4, b"ftypavif", Kind::Heif),
    (0, b"glTF\x02\0\0\0", Kind::Glb),
    (0, b"ply\n", Kind::Ply),
    (0, b"ply\r", Kind::Ply),
    (344, b"n+1\0", Kind::Nifti),
    (4, b"n+2\0\r\n\x1a\n", Kind::Nifti),
    (0, b"NRRD000", Kind::Nrrd),
    (0, b"\x7fELF", Kind::Program),
    (0, b"\xcf\xfa\xed\xfe", Kind::Program),
];

fn signature(bytes: &[u8]) -> Option<Kind> {
    let known = |&&(offset, magic, _): &&(usize, &[u8], Kind)| {
        bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    if let Some(&(_, _, kind)) = SIGNATURES.iter().find(known) {
        return Some(kind);
    }
    // Two letters are too little by themselves: both formats say where something else lies.
    let word_at = |offset: usize| {
        let four = bytes.get(offset..offset.checked_add(4)?)?;
        Some(u32::from_le_bytes(four.try_into().ok()?))
    };
    match bytes {
        [b'B', b'M', ..] if word_at(14).is_some_and(|header| (12..=124).contains(&header)) => Some(Kind::Bmp),
        [b'M', b'Z', ..] if word_at(60).is_some_and(|header| (64..0x1000).contains(&header)) => {
            Some(Kind::Program)
        }
        _ => None,
    }
}

/// 80 bytes of anything, a count, and exactly 50 bytes for each triangle.
fn binary_stl(bytes: &[u8]) -> bool {
    let count = bytes
        .get(80..84)
        .and_then(|four| four.try_into().ok())
        .map(u32::from_le_bytes);
    count.is_some_and(|count| count > 0 && u64::from(count) * 50 + 84 == bytes.len() as u64)
}

fn text(bytes: &[u8]) -> Option<Kind> {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let head = match std::str::from_utf8(head) {
        Ok(head) => head,
        // The head may end within a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    if head
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c'))
    {
        return None;
    }
    let trimmed = head.trim_start_matches('\u{feff}').trim_start();
    Some(match trimmed.as_bytes().first() {
        Some(b'{' | b'[') => Kind::Json,
        Some(b'<') => Kind::Xml,
        _ if trimmed.starts_with("solid") && trimmed.contains("facet") => Kind::Stl,
        _ if is_obj(trimmed) => Kind::Obj,
        _ => Kind::Text,
    })
}

/// A vertex, and nothing but lines of an OBJ file before it.
fn is_obj(head: &str) -> bool {
    for line in head.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("v") => return words.take(3).filter(|word| word.parse::<f64>().is_ok()).count() == 3,
            None | Some("mtllib" | "usemtl" | "o" | "g" | "s") => {}
            Some(word) if word.starts_with('#') => {}
            Some(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(offset: usize, magic: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xEE; offset];
        bytes.extend_from_slice(magic);
        bytes.extend_from_slice(&[0xEE; 40]);
        bytes
    }

    #[test]
    fn every_signature_tells_its_kind_and_not_when_cut() {
        for &(offset, magic, kind) in SIGNATURES {
            assert_eq!(sniff(&padded(offset, magic)), kind, "{kind:?}");
            let cut = &padded(offset, magic)[..offset + magic.len() - 1];
            assert_ne!(sniff(cut), kind, "{kind:?}");
        }
    }

    #[test]
    fn meshes_without_a_signature_are_told_by_their_form() {
        let mut stl = vec![b' '; 80];
        stl.extend_from_slice(&3_u32.to_le_bytes());
        stl.extend_from_slice(&[0xAB; 150]);
        assert_eq!(sniff(&stl), Kind::Stl);
        assert_eq!(sniff(&stl[..stl.len() - 1]), Kind::Other);
        assert_eq!(sniff(b"solid skull\n facet normal 0 0 1\n"), Kind::Stl);
        assert_eq!(sniff(b"# made by\nmtllib a.mtl\n\nv 1.5 -2 3e1\n"), Kind::Obj);
        assert_eq!(sniff(b"v for vendetta, a film\n"), Kind::Text);
    }

    #[test]
    fn text_is_told_from_data() {
        assert_eq!(sniff(b"\xef\xbb\xbf {\"a\": 1}"), Kind::Json);
        assert_eq!(sniff(b"<?xml version='1.0'?>"), Kind::Xml);
        assert_eq!(sniff("Größe\n".as_bytes()), Kind::Text);
        assert_eq!(sniff(b"abc\0def"), Kind::Other);
        assert_eq!(sniff(b"caf\xe9 "), Kind::Other);
        // The last character of the head is cut in two.
        let long = "a".repeat(HEAD_BYTES - 1) + "äää";
        assert_eq!(sniff(long.as_bytes()), Kind::Text);
        assert_eq!(sniff(b""), Kind::Empty);
    }

    #[test]
    fn two_letters_alone_tell_nothing() {
        assert_eq!(sniff(b"BMI: 24\n"), Kind::Text);
        assert_eq!(sniff(b"MZ"), Kind::Text);
    }

    #[test]
    fn dicom_wins_over_what_its_preamble_pretends() {
        for magic in [&b"MZ"[..], b"\x7fELF", b"PK\x03\x04", b"II*\0", b"%PDF-"] {
            let mut bytes = vec![0; 128];
            bytes[..magic.len()].copy_from_slice(magic);
            bytes.extend_from_slice(b"DICM");
            assert_eq!(sniff(&bytes), Kind::Dicom { start: 132 });
        }
    }
}
