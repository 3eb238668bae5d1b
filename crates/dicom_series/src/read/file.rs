//! The outside of a file (PS3.10 section 7): preamble, meta group, transfer syntax. All three may be absent or lie.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::error::ReadError;
use super::header::{Encoding, ITEM, header_at, reads_as, tag_at};
use super::syntax::{
    Compression, DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Packing, Syntax, syntax_of,
};
use super::tree::Notes;
use super::value::trimmed;
use super::walk::wide;

/// Where the data set begins and how it is written.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    /// First byte of the data set, or of its compressed form.
    pub(crate) data_set: usize,
    /// The syntax that the bytes are in.
    pub(crate) syntax: Syntax,
    /// Its UID: the declared one, unless the bytes contradict it.
    pub(crate) transfer_syntax_uid: String,
    /// Whether the file names a transfer syntax that is known.
    pub(crate) declared: Declared,
    /// Media Storage SOP Class UID.
    pub(crate) sop_class_uid: Option<String>,
    /// Media Storage SOP Instance UID.
    pub(crate) sop_instance_uid: Option<String>,
}

/// What the meta group says of the transfer syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    Known,
    Unknown,
    Missing,
}

const PREAMBLE: usize = 128;
const MAGIC: &[u8] = b"DICM";
/// Data sets are nested in nothing shorter.
const SHORTEST: usize = 8;

/// Reads the outside of a file.
pub(crate) fn outside(bytes: &[u8], notes: &Notes) -> Result<Outside, ReadError> {
    let start = start_of(bytes, notes)?;
    let meta = meta_group(bytes, start, notes)?;
    let uid = meta.transfer_syntax_uid;
    let (declared, syntax) = match uid.as_deref() {
        None => (Declared::Missing, None),
        Some(uid) => match syntax_of(uid) {
            Some(syntax) => (Declared::Known, Some(syntax)),
            None => (Declared::Unknown, None),
        },
    };
    let (syntax, uid) = settle(bytes, meta.end, syntax, uid, notes);
    Ok(Outside {
        data_set: meta.end,
        syntax,
        transfer_syntax_uid: uid,
        declared,
        sop_class_uid: meta.sop_class_uid,
        sop_instance_uid: meta.sop_instance_uid,
    })
}

/// Where the meta group or, without one, the data set begins.
fn start_of(bytes: &[u8], notes: &Notes) -> Result<usize, ReadError> {
    let after_preamble = PREAMBLE.saturating_add(MAGIC.len());
    if bytes.get(PREAMBLE..after_preamble) == Some(MAGIC) {
        return Ok(after_preamble);
    }
    if bytes.starts_with(MAGIC) && begins_as_data_set(bytes, MAGIC.len()) {
        notes.odd("the preamble is missing".to_owned());
        return Ok(MAGIC.len());
    }
    if begins_as_data_set(bytes, 0) {
        notes.odd("the preamble is missing".to_owned());
        return Ok(0);
    }
    let what = match bytes {
        [] => "the file is empty",
        _ if bytes.len() < SHORTEST => "the file is too short",
        _ => "neither a preamble nor a data set is found",
    };
    Err(ReadError::NotDicom { what })
}

/// Whether bytes without preamble are a data set. Stricter than what follows one, since anything may come here.
fn begins_as_data_set(bytes: &[u8], at: usize) -> bool {
    [Encoding::EXPLICIT, Encoding::IMPLICIT, Encoding::BIG]
        .into_iter()
        .any(|encoding| {
            let first = tag_at(bytes, at, encoding.order);
            first.is_some_and(|tag| matches!(tag.0, 0x0002 | 0x0004 | 0x0008))
                && reads_as(bytes, at, encoding)
        })
}

/// What the meta group says.
#[derive(Debug, Default)]
struct Meta {
    end: usize,
    transfer_syntax_uid: Option<String>,
    sop_class_uid: Option<String>,
    sop_instance_uid: Option<String>,
}

/// Reads the elements of group 0002. The group length is often wrong, so the group ends where another begins.
fn meta_group(bytes: &[u8], start: usize, notes: &Notes) -> Result<Meta, ReadError> {
    let mut meta = Meta {
        end: start,
        ..Meta::default()
    };
    let mut declared_end = None;
    let encoding = meta_encoding(bytes, start, notes);
    while let Some(tag) = tag_at(bytes, meta.end, encoding.order).filter(|tag| tag.0 == 0x0002) {
        let Some((value, end)) = meta_element(bytes, meta.end, encoding) else {
            let Some(end) = believable_end(bytes, declared_end) else {
                return Err(unreadable(bytes, tag, meta.end));
            };
            notes.odd(format!("the meta group is damaged at element {tag}"));
            meta.end = end;
            return Ok(meta);
        };
        let text = || {
            let text = String::from_utf8_lossy(trimmed(value)).into_owned();
            // A UID has at most 64 characters; longer ones are kept within reason.
            (!text.is_empty() && text.len() <= 256).then_some(text)
        };
        match tag {
            tags::FILE_META_INFORMATION_GROUP_LENGTH => {
                let length = value.first_chunk::<4>().map(|&length| encoding.order.u32(length));
                declared_end = length
                    .and_then(|length| usize::try_from(length).ok())
                    .and_then(|length| end.checked_add(length));
            }
            tags::MEDIA_STORAGE_SOP_CLASS_UID => meta.sop_class_uid = text(),
            tags::MEDIA_STORAGE_SOP_INSTANCE_UID => meta.sop_instance_uid = text(),
            tags::TRANSFER_SYNTAX_UID => meta.transfer_syntax_uid = text(),
            _ => {}
        }
        meta.end = end;
    }
    if meta.end == start {
        notes.odd("the meta group is missing".to_owned());
    } else if declared_end.is_some_and(|end| end != meta.end) {
        notes.odd("the meta group's length is wrong".to_owned());
    }
    Ok(meta)
}

/// The meta group is Explicit VR Little Endian; some writers use the encoding of their data set.
fn meta_encoding(bytes: &[u8], start: usize, notes: &Notes) -> Encoding {
    let is = |encoding: Encoding| {
        tag_at(bytes, start, encoding.order).is_some_and(|tag| tag.0 == 0x0002)
            && reads_as(bytes, start, encoding)
    };
    if is(Encoding::EXPLICIT) {
        return Encoding::EXPLICIT;
    }
    for (encoding, name) in [(Encoding::IMPLICIT, "implicit"), (Encoding::BIG, "big-endian")] {
        if is(encoding) {
            notes.odd(format!("the meta group is {name}"));
            return encoding;
        }
    }
    Encoding::EXPLICIT
}

/// The value of the element at `at` and where the next begins.
fn meta_element(bytes: &[u8], at: usize, encoding: Encoding) -> Option<(&[u8], usize)> {
    let header = header_at(bytes, at, bytes.len(), encoding).ok()?;
    let len = usize::try_from(header.len?).ok()?;
    let end = header.value.checked_add(len)?;
    Some((bytes.get(header.value..end)?, end))
}

/// The declared end of the meta group, if a data set begins there.
fn believable_end(bytes: &[u8], end: Option<usize>) -> Option<usize> {
    end.filter(|&end| {
        [Encoding::EXPLICIT, Encoding::IMPLICIT, Encoding::BIG]
            .into_iter()
            .any(|encoding| reads_as(bytes, end, encoding))
    })
}

/// Why a meta element is not readable.
fn unreadable(bytes: &[u8], tag: Tag, at: usize) -> ReadError {
    let header = header_at(bytes, at, bytes.len(), Encoding::EXPLICIT);
    match header {
        Ok(header) if header.len.is_some() => {
            let declared = u64::from(header.len.unwrap_or(0));
            let remaining = bytes.len().saturating_sub(header.value);
            match intake::budget::check_length(declared, remaining) {
                Err(source) => ReadError::Budget {
                    tag,
                    offset: wide(at),
                    source,
                },
                Ok(_) => ReadError::Malformed {
                    tag,
                    offset: wide(at),
                    what: "the meta group is damaged",
                },
            }
        }
        Ok(_) => ReadError::Malformed {
            tag,
            offset: wide(at),
            what: "an element of the meta group has no length",
        },
        Err(_) if bytes.len().saturating_sub(at) < 12 => ReadError::Truncated {
            tag,
            offset: wide(bytes.len()),
            what: "within the meta group",
        },
        Err(_) => ReadError::Malformed {
            tag,
            offset: wide(at),
            what: "its value representation does not exist",
        },
    }
}

/// The plain encoding in which the bytes read as a data set, with the UID of its syntax.
fn found(bytes: &[u8], at: usize) -> Option<(Encoding, &'static str)> {
    [
        (Encoding::EXPLICIT, EXPLICIT_LITTLE),
        (Encoding::IMPLICIT, IMPLICIT_LITTLE),
        (Encoding::BIG, EXPLICIT_BIG),
    ]
    .into_iter()
    .find(|&(encoding, _)| reads_as(bytes, at, encoding))
}

/// A syntax by its UID, which is a known one.
fn named(uid: &'static str) -> (Syntax, String) {
    (syntax_of(uid).unwrap_or(FALLBACK), uid.to_owned())
}

/// Compares what is declared with what the bytes are in, which counts.
fn settle(
    bytes: &[u8],
    at: usize,
    syntax: Option<Syntax>,
    uid: Option<String>,
    notes: &Notes,
) -> (Syntax, String) {
    let Some(declared) = syntax else {
        return undeclared(bytes, at, uid, notes);
    };
    let uid = uid.unwrap_or_default();
    if declared.packing == Packing::Deflated {
        return match found(bytes, at) {
            Some((_, name)) if begins_as_data_set(bytes, at) => {
                notes.odd(format!("the data set is not deflated as declared, but in {name}"));
                named(name)
            }
            _ => (declared, uid),
        };
    }
    if reads_as(bytes, at, declared.encoding) {
        return (declared, uid);
    }
    match found(bytes, at) {
        Some((encoding, name)) => {
            notes.odd(format!(
                "the data set is not in the declared transfer syntax, but in {name}"
            ));
            if declared.compression == Compression::Native && !declared.big_samples {
                named(name)
            } else {
                (Syntax { encoding, ..declared }, uid)
            }
        }
        None if looks_deflated(bytes, at, declared) => {
            notes.odd("the data set is deflated, which is not declared".to_owned());
            named(DEFLATED)
        }
        None => (declared, uid),
    }
}

/// The syntax of bytes that name none, or one that is not known.
fn undeclared(bytes: &[u8], at: usize, uid: Option<String>, notes: &Notes) -> (Syntax, String) {
    let (encoding, name) = found(bytes, at).unwrap_or((Encoding::EXPLICIT, EXPLICIT_LITTLE));
    let Some(uid) = uid else {
        notes.odd(format!(
            "the transfer syntax is missing; the bytes are those of {name}"
        ));
        return named(name);
    };
    notes.odd(format!(
        "the transfer syntax is not known; the bytes are those of {name}"
    ));
    let unknown = Syntax {
        encoding,
        compression: Compression::Unknown,
        ..FALLBACK
    };
    (unknown, uid)
}

/// What bytes of an unknown syntax are taken for.
const FALLBACK: Syntax = Syntax {
    encoding: Encoding::EXPLICIT,
    packing: Packing::Plain,
    compression: Compression::Native,
    lossy: false,
    big_samples: false,
};

/// Whether an undeclared deflate stream begins here: nothing reads as a data set, but its inflated head does.
fn looks_deflated(bytes: &[u8], at: usize, declared: Syntax) -> bool {
    let compressed = bytes.get(at..).unwrap_or_default();
    declared.compression == Compression::Native
        && tag_at(bytes, at, declared.encoding.order).is_some_and(|tag| tag != ITEM)
        && super::inflate::head(compressed).is_some_and(|head| begins_as_data_set(&head, 0))
}
