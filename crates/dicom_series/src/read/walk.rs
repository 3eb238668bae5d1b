//! One pass over the bytes of a data set, without recursion: PS3.5 section 7 with the liberties that files take.
//!
//! What is open is kept on a stack of our own, at most [`MAX_NESTING`](intake::budget::MAX_NESTING) sequences
//! deep. Every length is checked against the end of what encloses it before it is used. Damage within a sequence
//! of defined length costs that sequence; damage elsewhere costs the file, unless the pixel data were complete.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use intake::budget::{self, BudgetError};

use super::error::ReadError;
use super::header::{
    Encoding, Form, Header, ITEM, ITEM_END, Order, SEQUENCE_END, Unreadable, header_at, item_at, tag_at,
};
use super::tree::{Element, Notes, RawPixels, Tree};

/// A sequence or an item whose end has not been reached.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// Index of its element.
    index: usize,
    /// Its tag, or for an item that of its sequence.
    tag: Tag,
    kind: Kind,
    /// Where it ends, if its length is defined.
    end: Option<usize>,
    /// Where the innermost thing of defined length ends that holds it, itself included.
    limit: usize,
    /// How its content is written.
    encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sequence,
    Item,
}

/// The state of the pass.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    encoding: Encoding,
    open: Vec<Open>,
    sequences: u64,
    elements: Vec<Element>,
    /// Elements, items and fragments met so far, those that are not kept included.
    met: u64,
    top: Vec<(Tag, u32)>,
    pixels: Option<RawPixels>,
    /// The pixel data are cut by the end of the file.
    cut: Option<ReadError>,
    notes: Notes,
    last: Tag,
    /// Elements of the top level that came before the pixel data.
    before_pixels: Option<usize>,
    /// Whether zeros at the end were looked for: once, since looking takes as long as the rest of the file.
    zeros: Zeros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zeros {
    NotLooked,
    Looked,
}

/// Builds the tree of the data set that begins at `start`.
pub(crate) fn walk(
    bytes: &[u8],
    start: usize,
    encoding: Encoding,
    notes: Notes,
) -> Result<Tree<'_>, ReadError> {
    let mut walk = Walk {
        bytes,
        at: start,
        encoding,
        open: Vec::new(),
        sequences: 0,
        elements: Vec::with_capacity(256),
        met: 0,
        top: Vec::with_capacity(192),
        pixels: None,
        cut: None,
        notes,
        last: Tag(0, 0),
        before_pixels: None,
        zeros: Zeros::NotLooked,
    };
    if let Err(error) = walk.run() {
        walk.forgive(error)?;
    }
    if let Some(cut) = walk.cut {
        return Err(cut);
    }
    // Of repeated elements the last one counts, but what lies behind the pixel data is more likely garbage than a
    // correction.
    if let Some(before) = walk.before_pixels.filter(|&before| before < walk.top.len()) {
        walk.top.rotate_left(before);
        walk.top.sort_by_key(|&(tag, _)| tag);
    }
    if !walk.top.is_sorted_by_key(|&(tag, _)| tag) {
        walk.notes.odd("elements are out of order".to_owned());
        walk.top.sort_by_key(|&(tag, _)| tag);
    }
    if walk.top.array_windows().any(|[(a, _), (b, _)]| a == b) {
        walk.notes
            .odd("elements are repeated; the last one counts".to_owned());
    }
    Ok(Tree {
        bytes,
        elements: walk.elements,
        top: walk.top,
        pixels: walk.pixels,
        notes: walk.notes,
    })
}

impl<'a> Walk<'a> {
    /// Reads to the end.
    fn run(&mut self) -> Result<(), ReadError> {
        loop {
            self.close_ended();
            let step = match self.open.last() {
                None if self.at >= self.bytes.len() => return Ok(()),
                None => self.element(),
                Some(top) if top.kind == Kind::Sequence => self.item(*top),
                Some(_) => self.element(),
            };
            if self.cut.is_some() {
                self.close_all();
                return Ok(());
            }
            if let Err(error) = step {
                self.recover(error)?;
            }
        }
    }

    /// Skips the innermost thing of defined length after damage within it; fails where there is none, or where a
    /// budget is exceeded.
    fn recover(&mut self, error: ReadError) -> Result<(), ReadError> {
        let Some(damaged) = self.open.iter().rposition(|open| open.end.is_some()) else {
            return Err(error);
        };
        if is_budget(&error) {
            return Err(error);
        }
        self.notes
            .odd(format!("a damaged sequence is read in part: {error}"));
        let end = self.open.get(damaged).and_then(|open| open.end);
        while self.open.len() > damaged {
            self.close();
        }
        self.at = end.unwrap_or(self.bytes.len());
        Ok(())
    }

    /// Takes damage after complete pixel data, and a tail of padding, as an oddity.
    fn forgive(&mut self, error: ReadError) -> Result<(), ReadError> {
        let padding = self.open.is_empty() && self.rest_is(|byte| matches!(byte, 0 | 0xFF | b' '));
        if is_budget(&error) || !(self.pixels.is_some() || padding) {
            return Err(error);
        }
        self.close_all();
        let rest = self.bytes.len().saturating_sub(self.at);
        self.notes.odd(if padding {
            format!("{rest} bytes of padding follow the last element")
        } else {
            format!("what follows the pixel data is not read: {error}")
        });
        Ok(())
    }

    /// Whether all bytes from here on are such.
    fn rest_is(&self, such: impl Fn(u8) -> bool) -> bool {
        self.bytes
            .get(self.at..)
            .is_some_and(|rest| rest.iter().all(|&byte| such(byte)))
    }

    /// Closes what ends here. A thing of undefined length ends, without its delimiter, where what holds it does.
    fn close_ended(&mut self) {
        while let Some(&top) = self.open.last() {
            if self.at < top.limit {
                return;
            }
            if let Some(end) = top.end {
                // A header that straddles the end may have led past it.
                self.at = end;
            } else if self.open.iter().any(|open| open.end.is_some()) {
                self.notes
                    .odd(format!("sequence {} lacks its delimiter", top.tag));
            } else {
                return;
            }
            self.close();
        }
    }

    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// Closes the innermost open thing.
    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if open.kind == Kind::Sequence {
            self.sequences = self.sequences.saturating_sub(1);
        }
        let next = index32(self.elements.len());
        if let Some(element) = self.elements.get_mut(open.index) {
            element.next = next;
            if open.end.is_none() {
                element.len = self.at.saturating_sub(element.offset);
            }
        }
    }

    /// Where the innermost thing of defined length ends.
    fn limit(&self) -> usize {
        self.open.last().map_or(self.bytes.len(), |open| open.limit)
    }

    /// How what comes next is written.
    fn here(&self) -> Encoding {
        self.open.last().map_or(self.encoding, |open| open.encoding)
    }

    /// Counts one element, item or fragment.
    fn count(&mut self, tag: Tag) -> Result<(), ReadError> {
        self.met = self.met.saturating_add(1);
        budget::check_elements(self.met).map_err(|source| self.over(tag, source))
    }

    fn over(&self, tag: Tag, source: BudgetError) -> ReadError {
        ReadError::Budget {
            tag,
            offset: wide(self.at),
            source,
        }
    }

    fn malformed(&self, tag: Tag, what: &'static str) -> ReadError {
        ReadError::Malformed {
            tag,
            offset: wide(self.at),
            what,
        }
    }

    fn truncated(&self, what: &'static str) -> ReadError {
        ReadError::Truncated {
            tag: self.last,
            offset: wide(self.bytes.len()),
            what,
        }
    }

    /// Where a value of `len` bytes at `value` ends, within what encloses it.
    fn end_of(&self, tag: Tag, value: usize, len: u32) -> Result<usize, ReadError> {
        let remaining = self.limit().saturating_sub(value);
        let len = budget::check_length(u64::from(len), remaining).map_err(|source| self.over(tag, source))?;
        Ok(value.saturating_add(len))
    }

    /// Keeps an element and returns its index.
    fn keep(&mut self, element: Element) -> usize {
        let index = self.elements.len();
        if self.open.is_empty() {
            self.top.push((element.tag, index32(index)));
        }
        self.elements.push(Element {
            next: index32(index.saturating_add(1)),
            ..element
        });
        index
    }

    /// Reads an item header or the delimiter within a sequence.
    fn item(&mut self, sequence: Open) -> Result<(), ReadError> {
        let order = sequence.encoding.order;
        let Some((tag, len)) = item_at(self.bytes, self.at, order) else {
            return Err(self.truncated("within a sequence"));
        };
        match tag {
            SEQUENCE_END => {
                self.at = self.at.saturating_add(8);
                self.close();
                Ok(())
            }
            ITEM => {
                self.count(ITEM)?;
                let value = self.at.saturating_add(8);
                let end = len.map(|len| self.end_of(sequence.tag, value, len)).transpose()?;
                let index = self.keep(Element {
                    tag: ITEM,
                    vr: VR::UN,
                    order,
                    offset: value,
                    len: end.map_or(0, |end| end.saturating_sub(value)),
                    next: 0,
                });
                self.open.push(Open {
                    index,
                    tag: sequence.tag,
                    kind: Kind::Item,
                    end,
                    limit: end.unwrap_or(sequence.limit),
                    encoding: sequence.encoding,
                });
                self.at = value;
                Ok(())
            }
            // An item delimiter after an item of defined length.
            ITEM_END => {
                self.stray(tag);
                Ok(())
            }
            _ if sequence.end.is_none() && tag > sequence.tag => {
                self.notes
                    .odd(format!("sequence {} lacks its delimiter", sequence.tag));
                self.close();
                Ok(())
            }
            _ => Err(self.malformed(sequence.tag, "something else than an item lies in a sequence")),
        }
    }

    /// Passes over a delimiter that delimits nothing.
    fn stray(&mut self, tag: Tag) {
        self.notes.odd(format!("a stray delimiter {tag} is passed over"));
        self.at = self.at.saturating_add(8);
    }

    /// Reads an element, or the delimiter of the item that is open.
    fn element(&mut self) -> Result<(), ReadError> {
        let encoding = self.here();
        let header = match header_at(self.bytes, self.at, self.limit(), encoding) {
            Ok(header) => header,
            Err(Unreadable::Cut) => return Err(self.truncated("within an element header")),
            Err(Unreadable::Representation(tag)) => {
                return Err(self.malformed(tag, "its value representation does not exist"));
            }
        };
        if header.tag.0 == ITEM.0 {
            return self.delimiter(header);
        }
        if header.tag == Tag(0, 0) && self.open.is_empty() && self.zeros == Zeros::NotLooked {
            self.zeros = Zeros::Looked;
            if self.rest_is(|byte| byte == 0) {
                self.notes.odd("zeros follow the last element".to_owned());
                self.at = self.bytes.len();
                return Ok(());
            }
        }
        self.count(header.tag)?;
        self.last = header.tag;
        if header.confused {
            self.notes.odd(format!(
                "element {} has a value representation that does not fit its data set",
                header.tag
            ));
        }
        let in_image = matches!(
            header.tag,
            tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA
        );
        if in_image && header.vr != VR::SQ {
            return self.pixel_data(header, encoding.order);
        }
        match header.len {
            Some(len) => self.defined(header, len, encoding),
            None => self.undefined(header, encoding),
        }
    }

    /// Item (FFFE,xxxx) tags among elements.
    fn delimiter(&mut self, header: Header) -> Result<(), ReadError> {
        let tag = header.tag;
        let top = self.open.last().copied();
        match (tag, top) {
            (ITEM_END, Some(Open { end: None, .. })) => {
                self.at = self.at.saturating_add(8);
                self.close();
            }
            (SEQUENCE_END, Some(Open { end: None, tag, .. })) => {
                // The item lacks its delimiter; the sequence reads its own next.
                self.notes.odd(format!("an item of {tag} lacks its delimiter"));
                self.close();
            }
            (ITEM_END | SEQUENCE_END, _) => self.stray(tag),
            (ITEM, Some(Open { end: None, tag, .. })) => {
                self.notes.odd(format!("an item of {tag} lacks its delimiter"));
                self.close();
            }
            _ => {
                let end = self.end_of(tag, header.value, header.len.unwrap_or(0))?;
                self.notes
                    .odd(format!("a stray item at byte {} is passed over", self.at));
                self.at = end;
            }
        }
        Ok(())
    }

    /// An element of defined length: a value, or a sequence.
    fn defined(&mut self, header: Header, len: u32, encoding: Encoding) -> Result<(), ReadError> {
        let end = self.end_of(header.tag, header.value, len)?;
        let index = self.keep(Element {
            tag: header.tag,
            vr: header.vr,
            order: encoding.order,
            offset: header.value,
            len: end.saturating_sub(header.value),
            next: 0,
        });
        if let Some(content) = self.sequence_content(header, end, encoding) {
            self.open_sequence(index, header.tag, Some(end), content)?;
            self.at = header.value;
        } else {
            self.at = end;
        }
        Ok(())
    }

    /// How the items of an element of defined length are written, where it is a sequence. An unknown
    /// representation holds items if it begins as one and the dictionary agrees; those of an explicit `UN` are
    /// implicit and little-endian (PS3.5 6.2.2, note 2).
    fn sequence_content(&self, header: Header, end: usize, encoding: Encoding) -> Option<Encoding> {
        if header.vr == VR::SQ {
            return Some(encoding);
        }
        if header.vr != VR::UN {
            return None;
        }
        let content = match header.form {
            Form::Explicit => Encoding::IMPLICIT,
            Form::Implicit => encoding,
        };
        let begins = end > header.value && tag_at(self.bytes, header.value, content.order) == Some(ITEM);
        (begins && is_sequence(header.tag)).then_some(content)
    }

    /// An element of undefined length: a sequence, or items of bytes.
    fn undefined(&mut self, header: Header, encoding: Encoding) -> Result<(), ReadError> {
        let content = match (header.vr, header.form) {
            (VR::UN, Form::Explicit) => Encoding::IMPLICIT,
            _ => encoding,
        };
        let index = self.keep(Element {
            tag: header.tag,
            vr: VR::SQ,
            order: content.order,
            offset: header.value,
            len: 0,
            next: 0,
        });
        match header.vr {
            VR::SQ | VR::UN => {
                self.open_sequence(index, header.tag, None, content)?;
                self.at = header.value;
                Ok(())
            }
            VR::OB | VR::OW => {
                self.at = header.value;
                self.fragments(header.tag, encoding.order).map(drop)
            }
            _ => Err(self.malformed(header.tag, "its value representation allows no undefined length")),
        }
    }

    fn open_sequence(
        &mut self,
        index: usize,
        tag: Tag,
        end: Option<usize>,
        encoding: Encoding,
    ) -> Result<(), ReadError> {
        self.sequences = self.sequences.saturating_add(1);
        budget::check_nesting(self.sequences).map_err(|source| self.over(tag, source))?;
        let limit = end.unwrap_or_else(|| self.limit());
        self.open.push(Open {
            index,
            tag,
            kind: Kind::Sequence,
            end,
            limit,
            encoding,
        });
        Ok(())
    }

    /// Pixel data of the data set, or of an icon within it.
    fn pixel_data(&mut self, header: Header, order: Order) -> Result<(), ReadError> {
        let own = self.open.is_empty();
        if own && self.before_pixels.is_none() {
            self.before_pixels = Some(self.top.len());
        }
        let element = Element {
            tag: header.tag,
            vr: header.vr,
            order,
            offset: header.value,
            len: 0,
            next: 0,
        };
        let Some(len) = header.len else {
            self.at = header.value;
            let items = self.fragments(header.tag, order);
            if let (true, Err(error)) = (own, &items)
                && let Some(missing) = missing_bytes(error)
            {
                let there = wide(self.at.saturating_sub(header.value));
                self.cut = Some(self.cut_pixels(header, there.saturating_add(missing)));
                return Ok(());
            }
            let (table, fragments) = items?;
            if own && self.pixels.is_none() {
                self.pixels = Some(RawPixels::Encapsulated {
                    element,
                    table,
                    fragments,
                });
            }
            return Ok(());
        };
        match self.end_of(header.tag, header.value, len) {
            Ok(end) => {
                let element = Element {
                    len: end.saturating_sub(header.value),
                    ..element
                };
                if own && self.pixels.is_none() {
                    self.pixels = Some(RawPixels::Native(element));
                }
                self.at = end;
            }
            Err(_) if own => self.cut = Some(self.cut_pixels(header, u64::from(len))),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn cut_pixels(&self, header: Header, declared: u64) -> ReadError {
        ReadError::PixelDataCut {
            tag: header.tag,
            offset: wide(header.value),
            declared,
            remaining: wide(self.bytes.len().saturating_sub(header.value)),
        }
    }

    /// Reads the items of encapsulated pixel data (PS3.5 A.4): the basic offset table, then the fragments.
    #[expect(clippy::type_complexity, reason = "a range and a list of ranges")]
    fn fragments(&mut self, tag: Tag, order: Order) -> Result<((usize, usize), Vec<(u64, u64)>), ReadError> {
        let mut table = None;
        let mut fragments = Vec::new();
        loop {
            let Some((item, len)) = item_at(self.bytes, self.at, order) else {
                if self.at == self.bytes.len() && self.open.is_empty() && !fragments.is_empty() {
                    self.notes.odd("the pixel data lack their delimiter".to_owned());
                    break;
                }
                return Err(self.truncated("within encapsulated pixel data"));
            };
            let value = self.at.saturating_add(8);
            match (item, len) {
                (SEQUENCE_END, _) => {
                    self.at = value;
                    break;
                }
                (ITEM, Some(len)) => {
                    self.count(tag)?;
                    let end = self.end_of(tag, value, len)?;
                    let len = end.saturating_sub(value);
                    if table.is_none() {
                        table = Some((value, len));
                    } else {
                        fragments.push((wide(value), wide(len)));
                    }
                    self.at = end;
                }
                (ITEM, None) => return Err(self.malformed(tag, "a fragment has no length")),
                _ => return Err(self.malformed(tag, "something else than an item lies in the pixel data")),
            }
        }
        Ok((table.unwrap_or((self.at, 0)), fragments))
    }
}

/// Whether the dictionary says that an element is a sequence.
fn is_sequence(tag: Tag) -> bool {
    StandardDataDictionary
        .by_tag(tag)
        .is_some_and(|entry| entry.vr() == VirtualVr::Exact(VR::SQ))
}

/// Whether an error is a budget that no leniency may pass: all but a length beyond the bytes.
fn is_budget(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Budget { source, .. } if source.budget != budget::Budget::DeclaredLength
    )
}

/// How many bytes an item needs from its header on, where the end of the file cuts it.
fn missing_bytes(error: &ReadError) -> Option<u64> {
    match error {
        ReadError::Budget { source, .. } if !is_budget(error) => Some(source.actual.saturating_add(8)),
        ReadError::Truncated { .. } => Some(8),
        _ => None,
    }
}

/// A position as it is reported.
pub(crate) fn wide(position: usize) -> u64 {
    u64::try_from(position).unwrap_or(u64::MAX)
}

/// An index of an element; the element budget keeps it below 2^32.
fn index32(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
