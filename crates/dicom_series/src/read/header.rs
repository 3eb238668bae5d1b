//! One element header (PS3.5 section 7): tag, value representation and length, in each of the three encodings.
//!
//! Real files mix the encodings: implicit elements in explicit data sets, the reverse, and value representations
//! that do not exist. A header that looks wrong is therefore read in each way, and the way after which another
//! believable element follows wins.

use dicom_core::{Tag, VR};

/// Item (FFFE,E000).
pub(crate) const ITEM: Tag = Tag(0xFFFE, 0xE000);
/// Item Delimitation Item (FFFE,E00D).
pub(crate) const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
/// Sequence Delimitation Item (FFFE,E0DD).
pub(crate) const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
/// The length that says that a delimiter follows.
const UNDEFINED: u32 = u32::MAX;

/// Order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Order {
    /// Two bytes as a number.
    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// Four bytes as a number.
    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// Eight bytes as a number.
    pub(crate) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// How headers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Without value representation, 32-bit length (PS3.5 7.1.3).
    Implicit,
    /// With value representation (PS3.5 7.1.2).
    Explicit,
}

/// How a data set is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// How headers are written.
    pub(crate) form: Form,
    /// Order of the bytes of numbers.
    pub(crate) order: Order,
}

impl Encoding {
    /// Implicit VR Little Endian.
    pub(crate) const IMPLICIT: Self = Self {
        form: Form::Implicit,
        order: Order::Little,
    };
    /// Explicit VR Little Endian.
    pub(crate) const EXPLICIT: Self = Self {
        form: Form::Explicit,
        order: Order::Little,
    };
    /// Explicit VR Big Endian.
    pub(crate) const BIG: Self = Self {
        form: Form::Explicit,
        order: Order::Big,
    };
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The tag.
    pub(crate) tag: Tag,
    /// The value representation; `UN` where the encoding does not say it.
    pub(crate) vr: VR,
    /// Length of the value; `None` where it is undefined.
    pub(crate) len: Option<u32>,
    /// Where the value begins.
    pub(crate) value: usize,
    /// How the header was written.
    pub(crate) form: Form,
    /// Whether the header was not written as its data set is.
    pub(crate) confused: bool,
}

/// The `N` bytes at `at`.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The value representation of two letters.
fn vr_of(letters: [u8; 2]) -> Option<VR> {
    Some(match &letters {
        b"AE" => VR::AE,
        b"AS" => VR::AS,
        b"AT" => VR::AT,
        b"CS" => VR::CS,
        b"DA" => VR::DA,
        b"DS" => VR::DS,
        b"DT" => VR::DT,
        b"FD" => VR::FD,
        b"FL" => VR::FL,
        b"IS" => VR::IS,
        b"LO" => VR::LO,
        b"LT" => VR::LT,
        b"OB" => VR::OB,
        b"OD" => VR::OD,
        b"OF" => VR::OF,
        b"OL" => VR::OL,
        b"OV" => VR::OV,
        b"OW" => VR::OW,
        b"PN" => VR::PN,
        b"SH" => VR::SH,
        b"SL" => VR::SL,
        b"SQ" => VR::SQ,
        b"SS" => VR::SS,
        b"ST" => VR::ST,
        b"SV" => VR::SV,
        b"TM" => VR::TM,
        b"UC" => VR::UC,
        b"UI" => VR::UI,
        b"UL" => VR::UL,
        b"UN" => VR::UN,
        b"UR" => VR::UR,
        b"US" => VR::US,
        b"UT" => VR::UT,
        b"UV" => VR::UV,
        _ => return None,
    })
}

/// Whether an explicit header of this representation has two reserved bytes and a 32-bit length.
fn is_long(vr: VR) -> bool {
    matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    )
}

/// The tag at `at`.
pub(crate) fn tag_at(bytes: &[u8], at: usize, order: Order) -> Option<Tag> {
    let [a, b, c, d] = array::<4>(bytes, at)?;
    Some(Tag(order.u16([a, b]), order.u16([c, d])))
}

/// The header of an item or delimiter at `at`: its tag and its length, `None` where that is undefined.
pub(crate) fn item_at(bytes: &[u8], at: usize, order: Order) -> Option<(Tag, Option<u32>)> {
    let tag = tag_at(bytes, at, order)?;
    let len = order.u32(array(bytes, at.checked_add(4)?)?);
    Some((tag, defined(len)))
}

/// `None` for the undefined length.
fn defined(len: u32) -> Option<u32> {
    (len != UNDEFINED).then_some(len)
}

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The bytes end within it.
    Cut,
    /// Its value representation does not exist, and no way to read on makes sense.
    Representation(Tag),
}

/// Reads the element header at `at` of the bytes up to `end`.
pub(crate) fn header_at(
    bytes: &[u8],
    at: usize,
    end: usize,
    encoding: Encoding,
) -> Result<Header, Unreadable> {
    let order = encoding.order;
    let [t0, t1, t2, t3, r0, r1, r2, r3] = array::<8>(bytes, at).ok_or(Unreadable::Cut)?;
    let tag = Tag(order.u16([t0, t1]), order.u16([t2, t3]));
    let rest = [r0, r1, r2, r3];
    if tag.0 == ITEM.0 {
        return Ok(implicit(at, tag, order.u32(rest)));
    }
    let vr = vr_of([r0, r1]);
    match (encoding.form, vr) {
        (Form::Explicit, Some(vr)) => explicit(bytes, at, tag, vr, order, is_long(vr)).ok_or(Unreadable::Cut),
        (Form::Implicit, None) => Ok(implicit(at, tag, order.u32(rest))),
        (Form::Implicit, Some(vr)) => {
            let plain = implicit(at, tag, order.u32(rest));
            let Some(other) = explicit(bytes, at, tag, vr, order, is_long(vr)) else {
                return Ok(plain);
            };
            let believable = !fits(bytes, plain, end, encoding) && fits(bytes, other, end, encoding);
            Ok(if believable { confused(other) } else { plain })
        }
        (Form::Explicit, None) => {
            unknown_vr(bytes, at, end, tag, [r0, r1], encoding).ok_or(Unreadable::Representation(tag))
        }
    }
}

/// An explicit header whose representation does not exist: a 16-bit length, a 32-bit length after two zeros, or
/// no representation at all.
fn unknown_vr(
    bytes: &[u8],
    at: usize,
    end: usize,
    tag: Tag,
    letters: [u8; 2],
    encoding: Encoding,
) -> Option<Header> {
    let order = encoding.order;
    let short = explicit(bytes, at, tag, VR::UN, order, false);
    let long = explicit(bytes, at, tag, VR::UN, order, true)
        .filter(|_| array::<2>(bytes, at.saturating_add(6)) == Some([0, 0]));
    let implicit = array::<4>(bytes, at.saturating_add(4)).map(|len| implicit(at, tag, order.u32(len)));
    let ways = if letters.iter().all(u8::is_ascii_uppercase) {
        [long, short, implicit]
    } else {
        [implicit, long, short]
    };
    ways.into_iter()
        .flatten()
        .find(|&header| fits(bytes, header, end, encoding))
        .map(confused)
}

/// Marks a header as not written in the way of its data set.
fn confused(header: Header) -> Header {
    Header {
        confused: true,
        ..header
    }
}

/// Reads an implicit header.
fn implicit(at: usize, tag: Tag, len: u32) -> Header {
    Header {
        tag,
        vr: VR::UN,
        len: defined(len),
        value: at.saturating_add(8),
        form: Form::Implicit,
        confused: false,
    }
}

/// Reads the length of an explicit header.
fn explicit(bytes: &[u8], at: usize, tag: Tag, vr: VR, order: Order, long: bool) -> Option<Header> {
    let (len, value) = if long {
        let len = order.u32(array(bytes, at.checked_add(8)?)?);
        (defined(len), at.checked_add(12)?)
    } else {
        let len = order.u16(array(bytes, at.checked_add(6)?)?);
        (Some(u32::from(len)), at.checked_add(8)?)
    };
    Some(Header {
        tag,
        vr,
        len,
        value,
        form: Form::Explicit,
        confused: false,
    })
}

/// Whether a value lies within the bytes and something believable follows it.
fn fits(bytes: &[u8], header: Header, end: usize, encoding: Encoding) -> bool {
    let Some(len) = header.len else {
        // An undefined length is followed by an item.
        return tag_at(bytes, header.value, encoding.order) == Some(ITEM);
    };
    let next = header
        .value
        .saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
    next == end || (next < end && believable(bytes, next, end, header.tag, encoding))
}

/// Whether an element or delimiter that may follow `after` lies at `at`.
fn believable(bytes: &[u8], at: usize, end: usize, after: Tag, encoding: Encoding) -> bool {
    let Some(tag) = tag_at(bytes, at, encoding.order) else {
        return false;
    };
    if matches!(tag, ITEM | ITEM_END | SEQUENCE_END) {
        return true;
    }
    let Some(rest) = array::<4>(bytes, at.saturating_add(4)) else {
        return false;
    };
    let [r0, r1, ..] = rest;
    let vr = vr_of([r0, r1]);
    if encoding.form == Form::Explicit && vr.is_some() {
        return true;
    }
    if tag <= after {
        return false;
    }
    let remaining = end.saturating_sub(at).saturating_sub(8);
    let implicit_fits = || {
        let len = encoding.order.u32(rest);
        usize::try_from(len).is_ok_and(|len| len <= remaining)
    };
    match (encoding.form, vr) {
        (_, Some(_)) => true,
        // Elements near one another may all lack a representation that exists.
        (Form::Explicit, None) => implicit_fits() || (r0.is_ascii_uppercase() && r1.is_ascii_uppercase()),
        (Form::Implicit, None) => implicit_fits(),
    }
}

/// Whether the bytes from `at` on read as a data set in `encoding`: as many as four elements in rising order whose
/// values lie within the bytes.
pub(crate) fn reads_as(bytes: &[u8], at: usize, encoding: Encoding) -> bool {
    let end = bytes.len();
    let mut at = at;
    let mut last = None;
    for _ in 0..4 {
        if at == end {
            return last.is_some();
        }
        let Some([t0, t1, t2, t3, r0, r1, r2, r3]) = array::<8>(bytes, at) else {
            return false;
        };
        let order = encoding.order;
        let tag = Tag(order.u16([t0, t1]), order.u16([t2, t3]));
        // The first element of any object lies in one of the first groups.
        if last.map_or(tag.0 > 0x0020 || tag == Tag(0, 0), |last| tag <= last) {
            return false;
        }
        let header = match (encoding.form, vr_of([r0, r1])) {
            (Form::Implicit, _) => Some(implicit(at, tag, order.u32([r0, r1, r2, r3]))),
            (Form::Explicit, Some(vr)) => explicit(bytes, at, tag, vr, order, is_long(vr)),
            (Form::Explicit, None) => None,
        };
        let Some(header) = header else {
            return false;
        };
        let Some(len) = header.len else {
            return matches!(tag_at(bytes, header.value, order), Some(ITEM | SEQUENCE_END));
        };
        at = header
            .value
            .saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
        if at > end {
            // A first element may be whole while the file is cut later.
            return last.is_some_and(|last: Tag| last.0 >= 0x0008);
        }
        last = Some(tag);
    }
    true
}
