//! A data set to bytes (PS3.5 7).

use super::dataset::{DataSet, Element, Tag, Value, Vr};

const UNDEFINED: u32 = u32::MAX;

/// Whether elements carry their VR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VrMode {
    /// They do not.
    Implicit,
    /// They do.
    Explicit,
}

/// The order of bytes in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Lowest byte first.
    Little,
    /// Highest byte first.
    Big,
}

/// How the ends of sequences or items are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// By a length in bytes.
    Defined,
    /// By a delimiter.
    Undefined,
}

/// How a data set becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Implicit or explicit VR.
    pub vr: VrMode,
    /// Byte order.
    pub order: Order,
    /// How sequences end.
    pub sequences: Lengths,
    /// How items end.
    pub items: Lengths,
}

impl Encoding {
    /// Explicit VR, little endian, defined lengths.
    pub const EXPLICIT_LITTLE: Self = Self {
        vr: VrMode::Explicit,
        order: Order::Little,
        sequences: Lengths::Defined,
        items: Lengths::Defined,
    };

    /// The bytes of `set`.
    pub fn encode(self, set: &DataSet) -> Vec<u8> {
        let mut out = Vec::new();
        self.set_to(&mut out, set);
        out
    }

    fn set_to(self, out: &mut Vec<u8>, set: &DataSet) {
        for (&tag, element) in &set.elements {
            self.element_to(out, tag, element);
        }
    }

    fn element_to(self, out: &mut Vec<u8>, tag: Tag, element: &Element) {
        let vr = element.vr;
        match &element.value {
            Value::Items(items) => {
                let mut body = Vec::new();
                for item in items {
                    self.item_to(&mut body, item);
                }
                self.sequence_to(out, tag, vr, self.sequences, &body);
            }
            Value::Fragments { table, fragments } => {
                let mut body = Vec::new();
                let table: Vec<u8> = table.iter().flat_map(|&n| self.bytes4(n)).collect();
                for fragment in std::iter::once(&table).chain(fragments) {
                    let padded = fragment.len().next_multiple_of(2);
                    self.tag_to(&mut body, Tag(0xFFFE, 0xE000));
                    self.length_to(&mut body, padded);
                    body.extend(fragment);
                    body.resize(body.len() + padded - fragment.len(), 0);
                }
                self.sequence_to(out, tag, vr, Lengths::Undefined, &body);
            }
            value => {
                let mut bytes = self.value_bytes(value);
                if bytes.len() % 2 == 1 {
                    bytes.push(vr.padding());
                }
                self.header_to(out, tag, vr, length(bytes.len()));
                out.extend(bytes);
            }
        }
    }

    fn value_bytes(self, value: &Value) -> Vec<u8> {
        match value {
            Value::Bytes(bytes) => bytes.clone(),
            Value::U16(numbers) => numbers.iter().flat_map(|&n| self.bytes2(n)).collect(),
            Value::U32(numbers) => numbers.iter().flat_map(|&n| self.bytes4(n)).collect(),
            Value::U64(numbers) => numbers.iter().flat_map(|&n| self.bytes8(n)).collect(),
            Value::F32(numbers) => numbers.iter().flat_map(|&n| self.bytes4(n.to_bits())).collect(),
            Value::F64(numbers) => numbers.iter().flat_map(|&n| self.bytes8(n.to_bits())).collect(),
            Value::Tags(tags) => {
                let mut bytes = Vec::new();
                for &tag in tags {
                    self.tag_to(&mut bytes, tag);
                }
                bytes
            }
            Value::Items(_) | Value::Fragments { .. } => unreachable!("these have bodies of their own"),
        }
    }

    fn item_to(self, out: &mut Vec<u8>, item: &DataSet) {
        let body = self.encode(item);
        self.tag_to(out, Tag(0xFFFE, 0xE000));
        match self.items {
            Lengths::Defined => self.length_to(out, body.len()),
            Lengths::Undefined => out.extend(self.bytes4(UNDEFINED)),
        }
        out.extend(body);
        if self.items == Lengths::Undefined {
            self.tag_to(out, Tag(0xFFFE, 0xE00D));
            out.extend([0; 4]);
        }
    }

    fn sequence_to(self, out: &mut Vec<u8>, tag: Tag, vr: Vr, lengths: Lengths, body: &[u8]) {
        match lengths {
            Lengths::Defined => self.header_to(out, tag, vr, length(body.len())),
            Lengths::Undefined => self.header_to(out, tag, vr, UNDEFINED),
        }
        out.extend(body);
        if lengths == Lengths::Undefined {
            self.tag_to(out, Tag(0xFFFE, 0xE0DD));
            out.extend([0; 4]);
        }
    }

    fn header_to(self, out: &mut Vec<u8>, tag: Tag, vr: Vr, length: u32) {
        self.tag_to(out, tag);
        if self.vr == VrMode::Implicit {
            out.extend(self.bytes4(length));
            return;
        }
        out.extend(vr.letters().bytes());
        if vr.is_long() {
            out.extend([0; 2]);
            out.extend(self.bytes4(length));
        } else {
            let short = u16::try_from(length).expect("the value is longer than its VR can say");
            out.extend(self.bytes2(short));
        }
    }

    fn tag_to(self, out: &mut Vec<u8>, Tag(group, element): Tag) {
        out.extend(self.bytes2(group));
        out.extend(self.bytes2(element));
    }

    fn length_to(self, out: &mut Vec<u8>, bytes: usize) {
        out.extend(self.bytes4(length(bytes)));
    }

    fn bytes2(self, n: u16) -> [u8; 2] {
        match self.order {
            Order::Little => n.to_le_bytes(),
            Order::Big => n.to_be_bytes(),
        }
    }

    fn bytes4(self, n: u32) -> [u8; 4] {
        match self.order {
            Order::Little => n.to_le_bytes(),
            Order::Big => n.to_be_bytes(),
        }
    }

    fn bytes8(self, n: u64) -> [u8; 8] {
        match self.order {
            Order::Little => n.to_le_bytes(),
            Order::Big => n.to_be_bytes(),
        }
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a value of a test fits into 32 bits")
}

#[cfg(test)]
mod tests {
    use super::super::tag;
    use super::*;

    fn small() -> DataSet {
        DataSet::new()
            .us(tag::ROWS, 0x0102)
            .text(tag::MODALITY, Vr::CS, "CTX")
            .items(Tag(0x0040, 0xA730), vec![DataSet::new().us(tag::COLUMNS, 7)])
    }

    #[test]
    fn explicit_little_endian_with_defined_lengths() {
        let expected = b"\x08\x00\x60\x00CS\x04\x00CTX \
            \x28\x00\x10\x00US\x02\x00\x02\x01\
            \x40\x00\x30\xA7SQ\x00\x00\x12\x00\x00\x00\
            \xFE\xFF\x00\xE0\x0A\x00\x00\x00\
            \x28\x00\x11\x00US\x02\x00\x07\x00";
        assert_eq!(Encoding::EXPLICIT_LITTLE.encode(&small()), expected);
    }

    #[test]
    fn implicit_big_endian_is_written_when_asked_for() {
        let odd = Encoding {
            vr: VrMode::Implicit,
            order: Order::Big,
            ..Encoding::EXPLICIT_LITTLE
        };
        let rows = DataSet::new().us(tag::ROWS, 0x0102);
        assert_eq!(odd.encode(&rows), b"\x00\x28\x00\x10\x00\x00\x00\x02\x01\x02");
    }

    #[test]
    fn undefined_lengths_end_with_delimiters() {
        let open = Encoding {
            sequences: Lengths::Undefined,
            items: Lengths::Undefined,
            ..Encoding::EXPLICIT_LITTLE
        };
        let set = DataSet::new().items(Tag(0x0040, 0xA730), vec![DataSet::new()]);
        let expected = b"\x40\x00\x30\xA7SQ\x00\x00\xFF\xFF\xFF\xFF\
            \xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF\
            \xFE\xFF\x0D\xE0\x00\x00\x00\x00\
            \xFE\xFF\xDD\xE0\x00\x00\x00\x00";
        assert_eq!(open.encode(&set), expected);
    }

    #[test]
    fn fragments_are_padded_and_delimited() {
        let value = Value::Fragments {
            table: vec![0, 10],
            fragments: vec![vec![1], vec![2, 3]],
        };
        let set = DataSet::new().with(tag::PIXEL_DATA, Vr::OB, value);
        let expected = b"\xE0\x7F\x10\x00OB\x00\x00\xFF\xFF\xFF\xFF\
            \xFE\xFF\x00\xE0\x08\x00\x00\x00\x00\x00\x00\x00\x0A\x00\x00\x00\
            \xFE\xFF\x00\xE0\x02\x00\x00\x00\x01\x00\
            \xFE\xFF\x00\xE0\x02\x00\x00\x00\x02\x03\
            \xFE\xFF\xDD\xE0\x00\x00\x00\x00";
        assert_eq!(Encoding::EXPLICIT_LITTLE.encode(&set), expected);
    }
}
