//! Values of elements as numbers and text (PS3.5 section 6.2), from whatever representation they are in.
//!
//! A value that is not readable as what it should be is `None` and leaves a note; it never stops a file. The one
//! exception is text beyond its budget, which refuses the file.

use std::borrow::Cow;

use dicom_core::{Tag, VR};
use intake::budget;

use super::error::ReadError;
use super::header::array;
use super::tree::{Element, Tree, View};
use super::walk::wide;

/// A value that is not empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'t> {
    tree: &'t Tree<'t>,
    /// The element that holds it.
    pub(crate) element: &'t Element,
    /// Its bytes.
    pub(crate) bytes: &'t [u8],
}

/// The binary number that an element holds by the standard, for files that do not say it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `US`, or `SS` where the value representation says so.
    U16,
    /// `UL`.
    U32,
    /// `FL`.
    F32,
    /// `FD`.
    F64,
    /// `DS` or `IS`: decimal digits.
    Digits,
}

impl<'t> Value<'t> {
    /// The value of an element of `tree`.
    pub(crate) fn new(tree: &'t Tree<'t>, element: &'t Element) -> Self {
        Self {
            tree,
            element,
            bytes: tree.value_bytes(element),
        }
    }

    /// Notes that the value is not what it should be.
    fn odd(&self, what: &str) {
        self.tree
            .notes
            .odd(format!("element {}: {what}", self.element.tag));
    }

    /// The bytes of a text, unless they are beyond the budget.
    pub(crate) fn text_bytes(&self) -> Option<&'t [u8]> {
        match budget::check_text(wide(self.bytes.len())) {
            Ok(()) => Some(self.bytes),
            Err(source) => {
                self.tree.notes.refuse(ReadError::Budget {
                    tag: self.element.tag,
                    offset: wide(self.element.offset),
                    source,
                });
                None
            }
        }
    }

    /// The text of a value in the default repertoire, such as codes and identifiers, without its padding.
    pub(crate) fn code(&self) -> Option<Cow<'t, str>> {
        let text = String::from_utf8_lossy(trimmed(self.text_bytes()?));
        (!text.is_empty()).then_some(text)
    }

    /// The numbers of the value, `kind` by the standard.
    pub(crate) fn numbers(&self, kind: Kind) -> Option<Vec<f64>> {
        match self.kind(kind) {
            Kind::Digits => {
                let mut numbers = Vec::new();
                for part in self.text_bytes()?.split(|&byte| byte == b'\\') {
                    numbers.push(self.decimal(part)?);
                }
                Some(numbers)
            }
            Kind::F64 => Some(
                self.chunks::<8>()?
                    .map(|bytes| f64::from_bits(self.element.order.u64(bytes)))
                    .collect(),
            ),
            Kind::F32 => Some(
                self.chunks::<4>()?
                    .map(|bytes| f64::from(f32::from_bits(self.element.order.u32(bytes))))
                    .collect(),
            ),
            kind @ (Kind::U16 | Kind::U32) => Some(
                self.binary_integers(kind)?
                    .into_iter()
                    .map(|number| number as f64)
                    .collect(),
            ),
        }
    }

    /// The `N` finite numbers of the value; a value of another count or with other content is noted.
    pub(crate) fn exactly<const N: usize>(&self, kind: Kind) -> Option<[f64; N]> {
        let mut numbers = [0.0; N];
        let mut count = 0_usize;
        let mut push = |number: f64| {
            if let Some(slot) = numbers.get_mut(count) {
                *slot = number;
            }
            count = count.saturating_add(1);
        };
        if self.kind(kind) == Kind::Digits {
            for part in self.text_bytes()?.split(|&byte| byte == b'\\') {
                push(self.decimal(part)?);
            }
        } else {
            self.numbers(kind)?.into_iter().for_each(push);
        }
        if count != N {
            self.odd(&format!("{count} numbers where {N} are expected"));
            return None;
        }
        if numbers.iter().any(|number| !number.is_finite()) {
            self.odd("a number is not finite");
            return None;
        }
        Some(numbers)
    }

    /// The first number of the value, if it is finite.
    pub(crate) fn number(&self, kind: Kind) -> Option<f64> {
        let number = if self.kind(kind) == Kind::Digits {
            self.decimal(first_part(self.text_bytes()?))?
        } else {
            *self.numbers(kind)?.first()?
        };
        if !number.is_finite() {
            self.odd("a number is not finite");
            return None;
        }
        Some(number)
    }

    /// The integers of the value, `kind` by the standard.
    pub(crate) fn integers(&self, kind: Kind) -> Option<Vec<i64>> {
        match self.kind(kind) {
            Kind::Digits => {
                let mut integers = Vec::new();
                for part in self.text_bytes()?.split(|&byte| byte == b'\\') {
                    integers.push(self.digits(part)?);
                }
                Some(integers)
            }
            Kind::F32 | Kind::F64 => {
                self.odd("a floating point number where an integer is expected");
                None
            }
            kind @ (Kind::U16 | Kind::U32) => self.binary_integers(kind),
        }
    }

    /// The first integer of the value.
    pub(crate) fn integer(&self, kind: Kind) -> Option<i64> {
        match self.kind(kind) {
            Kind::Digits => self.digits(first_part(self.text_bytes()?)),
            // The common case, without a list.
            Kind::U16 if self.element.vr != VR::SS => {
                array(self.bytes, 0).map(|bytes| i64::from(self.element.order.u16(bytes)))
            }
            kind => self.integers(kind)?.first().copied(),
        }
    }

    /// What the value is written as: what the file says, or `kind` where it does not.
    fn kind(&self, kind: Kind) -> Kind {
        match self.element.vr {
            VR::US | VR::SS | VR::OW => Kind::U16,
            VR::UL | VR::SL | VR::OL => Kind::U32,
            VR::FL | VR::OF => Kind::F32,
            VR::FD | VR::OD => Kind::F64,
            VR::DS | VR::IS => Kind::Digits,
            VR::UN | VR::OB => kind,
            // A text representation: digits, unless the length is that of the number that should be there.
            _ if kind == Kind::Digits || self.bytes.iter().any(u8::is_ascii_digit) => Kind::Digits,
            _ => kind,
        }
    }

    fn binary_integers(&self, kind: Kind) -> Option<Vec<i64>> {
        let order = self.element.order;
        let vr = self.element.vr;
        if kind == Kind::U16 && vr != VR::SS && vr != VR::US && self.bytes.len() == 1 {
            return self.bytes.first().map(|&byte| vec![i64::from(byte)]);
        }
        Some(match kind {
            Kind::U16 => self
                .chunks::<2>()?
                .map(|bytes| {
                    let number = order.u16(bytes);
                    if vr == VR::SS {
                        i64::from(number.cast_signed())
                    } else {
                        i64::from(number)
                    }
                })
                .collect(),
            _ => self
                .chunks::<4>()?
                .map(|bytes| {
                    let number = order.u32(bytes);
                    if vr == VR::SL {
                        i64::from(number.cast_signed())
                    } else {
                        i64::from(number)
                    }
                })
                .collect(),
        })
    }

    /// The value in parts of `N` bytes.
    fn chunks<const N: usize>(&self) -> Option<impl Iterator<Item = [u8; N]>> {
        let (chunks, rest) = self.bytes.as_chunks::<N>();
        if chunks.is_empty() || !rest.is_empty() {
            self.odd(&format!("{} bytes are no numbers of {N}", self.bytes.len()));
        }
        (!chunks.is_empty()).then(|| chunks.iter().copied())
    }

    /// A decimal string (`DS`, `IS`).
    fn decimal(&self, part: &[u8]) -> Option<f64> {
        let text = trimmed(part);
        if let Some(number) = parse_decimal(text) {
            return Some(number);
        }
        if text.is_empty() {
            self.odd("a number is empty");
            return None;
        }
        // Some writers use the decimal comma of their country, or the exponent letter of Fortran.
        let mended: Vec<u8> = text
            .iter()
            .map(|&byte| match byte {
                b',' => b'.',
                b'd' | b'D' => b'e',
                other => other,
            })
            .collect();
        let number = parse_decimal(&mended);
        self.odd(if number.is_some() {
            "a number is written with a comma or a foreign exponent"
        } else {
            "a number is not readable"
        });
        number
    }

    /// An integer string (`IS`).
    fn digits(&self, part: &[u8]) -> Option<i64> {
        let text = trimmed(part);
        let number = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<i64>().ok());
        if number.is_some() {
            return number;
        }
        // `1.0` and `1e3` are integers written as decimals.
        let number = parse_decimal(text).filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
        self.odd(if number.is_some() {
            "an integer is written as a decimal"
        } else {
            "an integer is not readable"
        });
        number.map(|number| number as i64)
    }
}

/// The part of a value before the first backslash.
fn first_part(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == b'\\').next().unwrap_or_default()
}

/// A finite decimal number, and nothing else.
fn parse_decimal(text: &[u8]) -> Option<f64> {
    // Longer ones are garbage that would cost time.
    if text.is_empty() || text.len() > 64 || text.iter().any(|byte| matches!(byte, b'i' | b'I' | b'n' | b'N'))
    {
        return None;
    }
    let number = std::str::from_utf8(text).ok()?.parse::<f64>().ok()?;
    number.is_finite().then_some(number)
}

/// Without the padding at both ends.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let pad = |byte: &u8| matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n');
    let Some(first) = bytes.iter().position(|byte| !pad(byte)) else {
        return &[];
    };
    let last = bytes.iter().rposition(|byte| !pad(byte)).unwrap_or(first);
    bytes.get(first..=last).unwrap_or_default()
}

/// Shorthands for the values of a level.
impl<'t> View<'t> {
    /// A code or identifier.
    pub(crate) fn code(self, tag: Tag) -> Option<String> {
        self.get(tag)?.code().map(Cow::into_owned)
    }

    /// The values of a code string, upper case, without empty ones at the end.
    pub(crate) fn codes(self, tag: Tag) -> Vec<String> {
        let Some(text) = self.get(tag).and_then(|value| value.code()) else {
            return Vec::new();
        };
        text.split('\\')
            .map(|part| part.trim().to_ascii_uppercase())
            .collect()
    }

    /// The first number.
    pub(crate) fn number(self, tag: Tag, kind: Kind) -> Option<f64> {
        self.get(tag)?.number(kind)
    }

    /// Exactly `N` numbers.
    pub(crate) fn exactly<const N: usize>(self, tag: Tag, kind: Kind) -> Option<[f64; N]> {
        self.get(tag)?.exactly(kind)
    }

    /// The first integer.
    pub(crate) fn integer(self, tag: Tag, kind: Kind) -> Option<i64> {
        self.get(tag)?.integer(kind)
    }

    /// The first integer, if it is a `u32`.
    pub(crate) fn count(self, tag: Tag, kind: Kind) -> Option<u32> {
        u32::try_from(self.integer(tag, kind)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_numbers_and_nothing_else() {
        for (text, number) in [
            ("1", 1.0),
            ("-1.5", -1.5),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1e-3", 0.001),
            ("-2E+02", -200.0),
        ] {
            assert_eq!(parse_decimal(text.as_bytes()), Some(number), "{text}");
        }
        for text in [
            "",
            "nan",
            "inf",
            "-Infinity",
            "1.0mm",
            "0x10",
            "1 2",
            "1e999",
            "--1",
        ] {
            assert_eq!(parse_decimal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn padding_is_trimmed_at_both_ends() {
        assert_eq!(trimmed(b"  a b\0 "), b"a b");
        assert_eq!(trimmed(b"\0\0"), b"");
        assert_eq!(trimmed(b""), b"");
    }
}
