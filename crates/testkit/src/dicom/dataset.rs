//! A data set as values, before any encoding is chosen.

use std::collections::BTreeMap;

/// A data element tag: group and element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u16, pub u16);

/// Value representation (PS3.5 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the terms of the standard")]
#[rustfmt::skip]
pub enum Vr {
    AE, AS, AT, CS, DA, DS, DT, FD, FL, IS, LO, LT, OB, OD, OF, OL, OV, OW, PN, SH, SL, SQ, SS, ST, SV, TM, UC, UI,
    UL, UN, UR, US, UT, UV,
}

impl Vr {
    /// Whether explicit encoding gives this VR two reserved bytes and a length of 32 bits (PS3.5 7.1.2).
    pub fn is_long(self) -> bool {
        matches!(
            self,
            Self::OB
                | Self::OD
                | Self::OF
                | Self::OL
                | Self::OV
                | Self::OW
                | Self::SQ
                | Self::SV
                | Self::UC
                | Self::UN
                | Self::UR
                | Self::UT
                | Self::UV
        )
    }

    /// The two letters of explicit encoding.
    pub fn letters(self) -> String {
        format!("{self:?}")
    }

    /// The byte that makes a value of odd length even: zero for UIDs and bytes, a space for text.
    pub(super) fn padding(self) -> u8 {
        match self {
            Self::UI | Self::OB | Self::UN => 0,
            _ => b' ',
        }
    }
}

/// The value of an element.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Bytes written as they are, padded to even length.
    Bytes(Vec<u8>),
    /// 16-bit numbers, in the byte order of the file; signed ones by their bits.
    U16(Vec<u16>),
    /// 32-bit numbers, in the byte order of the file; signed ones by their bits.
    U32(Vec<u32>),
    /// 64-bit numbers, in the byte order of the file.
    U64(Vec<u64>),
    /// IEEE 754 binary32.
    F32(Vec<f32>),
    /// IEEE 754 binary64.
    F64(Vec<f64>),
    /// Tags.
    Tags(Vec<Tag>),
    /// Items of a sequence.
    Items(Vec<DataSet>),
    /// Encapsulated pixel data: the value of the basic offset table, then the fragments.
    Fragments {
        /// Offsets of the basic offset table; empty for none.
        table: Vec<u32>,
        /// The fragments in order, each padded to even length.
        fragments: Vec<Vec<u8>>,
    },
}

/// An element of a data set: its VR and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Value representation, written where the syntax is explicit.
    pub vr: Vr,
    /// The value.
    pub value: Value,
}

/// A data set: elements by tag, written in ascending order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataSet {
    pub(super) elements: BTreeMap<Tag, Element>,
}

impl DataSet {
    /// A data set without elements.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this element, in place of one of the same tag.
    #[must_use]
    pub fn with(mut self, tag: Tag, vr: Vr, value: Value) -> Self {
        self.put(tag, vr, value);
        self
    }

    /// Sets an element, in place of one of the same tag.
    pub fn put(&mut self, tag: Tag, vr: Vr, value: Value) {
        self.elements.insert(tag, Element { vr, value });
    }

    /// Without this element.
    #[must_use]
    pub fn without(mut self, tag: Tag) -> Self {
        self.elements.remove(&tag);
        self
    }

    /// The element of this tag.
    pub fn get(&self, tag: Tag) -> Option<&Element> {
        self.elements.get(&tag)
    }

    /// With text, several values separated by `\`.
    #[must_use]
    pub fn text(self, tag: Tag, vr: Vr, text: &str) -> Self {
        self.with(tag, vr, Value::Bytes(text.as_bytes().to_vec()))
    }

    /// With decimal strings (DS).
    #[must_use]
    pub fn decimals(self, tag: Tag, values: &[f64]) -> Self {
        let text: Vec<String> = values.iter().copied().map(decimal_string).collect();
        self.text(tag, Vr::DS, &text.join("\\"))
    }

    /// With an integer string (IS).
    #[must_use]
    pub fn integer(self, tag: Tag, value: i64) -> Self {
        self.text(tag, Vr::IS, &value.to_string())
    }

    /// With an unsigned short (US).
    #[must_use]
    pub fn us(self, tag: Tag, value: u16) -> Self {
        self.with(tag, Vr::US, Value::U16(vec![value]))
    }

    /// With a sequence (SQ).
    #[must_use]
    pub fn items(self, tag: Tag, items: Vec<Self>) -> Self {
        self.with(tag, Vr::SQ, Value::Items(items))
    }
}

/// `value` as a decimal string: as exact as 16 characters allow (PS3.5 6.2).
pub fn decimal_string(value: f64) -> String {
    let shortest = value.to_string();
    if shortest.len() <= 16 {
        return shortest;
    }
    let fixed = (0..=14).rev().map(|digits| format!("{value:.digits$}"));
    let scientific = (0..=10).rev().map(|digits| format!("{value:.digits$e}"));
    let error = |text: &String| (text.parse::<f64>().unwrap_or(f64::INFINITY) - value).abs();
    fixed
        .chain(scientific)
        .filter(|text| text.len() <= 16)
        .min_by(|a, b| error(a).total_cmp(&error(b)))
        .unwrap_or(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_strings_keep_as_much_as_sixteen_characters_hold() {
        assert_eq!(decimal_string(0.5), "0.5");
        assert_eq!(decimal_string(-1024.0), "-1024");
        for value in [1.0 / 3.0, -200.0 / 3.0, 1.234_567_890_123e-9, -9.87e17 / 7.0] {
            let text = decimal_string(value);
            assert!(text.len() <= 16, "{text}");
            let relative = (text.parse::<f64>().unwrap() - value).abs() / value.abs();
            assert!(relative < 1e-9, "{text} for {value}");
        }
    }

    #[test]
    fn an_element_replaces_one_of_its_tag() {
        let set = DataSet::new()
            .us(Tag(0x28, 0x10), 3)
            .us(Tag(0x28, 0x10), 4)
            .us(Tag(0x28, 0x11), 5)
            .without(Tag(0x28, 0x11));
        assert_eq!(set.elements.len(), 1);
        assert_eq!(set.get(Tag(0x28, 0x10)).unwrap().value, Value::U16(vec![4]));
    }
}
