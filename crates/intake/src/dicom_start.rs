//! Where a DICOM data set begins in a file, told without reading it.
//!
//! Files leave scanners, archives and mail with the preamble of PS3.10 section 7.1, without it, or with a damaged
//! one. Where the word `DICM` is not in its place, the first elements have to look like a data set: ascending tags
//! from group 0002 or 0008, with value representations that exist or, in implicit VR, lengths that lead from one
//! tag to the next.

/// Length of the preamble.
const PREAMBLE: usize = 128;
/// Elements that have to follow one another before bytes without `DICM` pass for DICOM.
const ELEMENTS_TO_SEE: usize = 3;

/// The offset of the first data element, or `None` where the bytes are no DICOM.
pub(crate) fn find(bytes: &[u8]) -> Option<usize> {
    if word_at(bytes, PREAMBLE) {
        return Some(PREAMBLE + 4);
    }
    let candidates = [
        (true, 0),
        // `DICM` at the very beginning, its preamble lost.
        (word_at(bytes, 0), 4),
        // A preamble with another word behind it, or with none.
        (true, PREAMBLE + 4),
        (true, PREAMBLE),
    ];
    candidates
        .into_iter()
        .find(|&(allowed, start)| allowed && is_data_set(bytes, start))
        .map(|(_, start)| start)
}

fn word_at(bytes: &[u8], offset: usize) -> bool {
    bytes.get(offset..).is_some_and(|rest| rest.starts_with(b"DICM"))
}

fn is_data_set(bytes: &[u8], start: usize) -> bool {
    let Some(bytes) = bytes.get(start..) else {
        return false;
    };
    [
        Encoding::ExplicitLittle,
        Encoding::ImplicitLittle,
        Encoding::ExplicitBig,
    ]
    .into_iter()
    .any(|encoding| looks_like(bytes, encoding))
}

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    ExplicitLittle,
    ImplicitLittle,
    ExplicitBig,
}

/// One element's header.
struct Header {
    tag: (u16, u16),
    /// Where the value begins, counted from the header.
    value: usize,
    /// `None` for an undefined length.
    len: Option<usize>,
}

fn looks_like(bytes: &[u8], encoding: Encoding) -> bool {
    let mut rest = bytes;
    let mut last_tag = None;
    for seen in 0..ELEMENTS_TO_SEE {
        // A file that ends right after good elements is a short data set.
        if rest.is_empty() {
            return seen > 0;
        }
        let Some(header) = header(rest, encoding) else {
            return false;
        };
        let plausible = match last_tag {
            None => matches!(header.tag.0, 0x0002 | 0x0008),
            Some(last) => header.tag > last,
        };
        if !plausible {
            return false;
        }
        last_tag = Some(header.tag);
        let next = header
            .len
            .and_then(|len| rest.get(header.value.checked_add(len)?..));
        match next {
            Some(next) => rest = next,
            // The value runs out of sight: a sequence, or a file cut short. A value representation that exists has
            // been seen, or an implicit length has led here.
            None => return encoding != Encoding::ImplicitLittle || seen > 0,
        }
    }
    true
}

/// Reads an element's header (PS3.5 section 7.1).
fn header(bytes: &[u8], encoding: Encoding) -> Option<Header> {
    let u16_at = |offset: usize| -> Option<u16> {
        let two = bytes.get(offset..offset.checked_add(2)?)?.try_into().ok()?;
        Some(if encoding == Encoding::ExplicitBig {
            u16::from_be_bytes(two)
        } else {
            u16::from_le_bytes(two)
        })
    };
    let u32_at = |offset: usize| -> Option<u32> {
        let four = bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?;
        Some(if encoding == Encoding::ExplicitBig {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        })
    };
    let tag = (u16_at(0)?, u16_at(2)?);
    let long = |value: usize, len: u32| {
        let len = if len == u32::MAX {
            None
        } else {
            Some(usize::try_from(len).ok()?)
        };
        Some(Header { tag, value, len })
    };
    if encoding == Encoding::ImplicitLittle {
        return long(8, u32_at(4)?);
    }
    let vr: [u8; 2] = bytes.get(4..6)?.try_into().ok()?;
    match &vr {
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT"
        | b"UV" => long(12, u32_at(8)?),
        b"AE" | b"AS" | b"AT" | b"CS" | b"DA" | b"DS" | b"DT" | b"FD" | b"FL" | b"IS" | b"LO" | b"LT"
        | b"PN" | b"SH" | b"SL" | b"SS" | b"ST" | b"TM" | b"UI" | b"UL" | b"US" => Some(Header {
            tag,
            value: 8,
            len: Some(usize::from(u16_at(6)?)),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explicit(elements: &[(u16, u16, &[u8; 2], &[u8])], big: bool) -> Vec<u8> {
        let u16_bytes = |value: u16| {
            if big {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        let mut bytes = Vec::new();
        for (group, element, vr, value) in elements {
            bytes.extend(u16_bytes(*group));
            bytes.extend(u16_bytes(*element));
            bytes.extend(*vr);
            bytes.extend(u16_bytes(value.len() as u16));
            bytes.extend(*value);
        }
        bytes
    }

    const CT: &[(u16, u16, &[u8; 2], &[u8])] = &[
        (8, 5, b"CS", b"ISO_IR 100"),
        (8, 0x16, b"UI", b"1.2.840\0"),
        (8, 0x60, b"CS", b"CT"),
    ];

    fn implicit(elements: &[(u16, u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (group, element, value) in elements {
            bytes.extend(group.to_le_bytes());
            bytes.extend(element.to_le_bytes());
            bytes.extend((value.len() as u32).to_le_bytes());
            bytes.extend(*value);
        }
        bytes
    }

    #[test]
    fn a_data_set_is_found_wherever_it_begins() {
        let data_set = explicit(CT, false);
        assert_eq!(find(&data_set), Some(0));
        assert_eq!(find(&explicit(CT, true)), Some(0));
        assert_eq!(find(&[b"DICM", &data_set[..]].concat()), Some(4));
        assert_eq!(find(&[&[0; 128], &b"DICM"[..], &data_set].concat()), Some(132));
        assert_eq!(find(&[&[0; 128], &b"DICX"[..], &data_set].concat()), Some(132));
        assert_eq!(find(&[&[0; 128], &data_set[..]].concat()), Some(128));
    }

    #[test]
    fn implicit_elements_have_to_lead_to_one_another() {
        let good = implicit(&[(8, 5, b"ISO_IR 100"), (8, 0x16, b"1.2.840\0"), (8, 0x60, b"MR")]);
        assert_eq!(find(&good), Some(0));
        // Cut within the second element's value: one length has led to another tag.
        assert_eq!(find(&good[..30]), Some(0));
        // Cut within the first: nothing but two bytes say DICOM.
        assert_eq!(find(&good[..12]), None);
        let descending = implicit(&[(8, 0x16, b"1.2.840\0"), (8, 5, b"ISO_IR 100")]);
        assert_eq!(find(&descending), None);
    }

    #[test]
    fn what_only_begins_alike_is_no_dicom() {
        assert_eq!(find(b""), None);
        assert_eq!(find(&[8, 0]), None);
        assert_eq!(find(&[8; 200]), None);
        assert_eq!(find(&[0; 4096]), None);
        assert_eq!(find(b"DICM"), None);
        assert_eq!(find(&explicit(&[(8, 5, b"ZZ", b"x ")], false)), None);
        assert_eq!(find(&explicit(&[(0x10, 0x10, b"PN", b"Doe^Jane")], false)), None);
    }
}
