//! A data set as a flat list of elements, each a range of the bytes: built in one pass, copied from never.
//!
//! Sequences and items are elements whose content follows them in the list; `next` leads past it. So the whole
//! tree is one allocation whose size is bounded by the element budget, and no walk over it recurses.

use std::cell::RefCell;

use dicom_core::{Tag, VR};

use super::error::ReadError;
use super::header::{ITEM, Order};
use super::value::Value;

/// One element, item or sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    /// The tag.
    pub(crate) tag: Tag,
    /// The value representation; `UN` where the file does not say it.
    pub(crate) vr: VR,
    /// Order of the bytes of its numbers.
    pub(crate) order: Order,
    /// Where its value begins.
    pub(crate) offset: usize,
    /// Length of its value.
    pub(crate) len: usize,
    /// Index of the element after its content.
    pub(crate) next: u32,
}

/// What was odd but could be read over, and the first thing that could not. Both are noted where they are met,
/// deep within the reading of values.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    sentences: RefCell<Vec<String>>,
    refused: RefCell<Option<ReadError>>,
}

/// Enough to explain a file; a hostile one must not fill memory with explanations.
const MAX_ODDITIES: usize = 32;

impl Notes {
    /// Notes an oddity, once.
    pub(crate) fn odd(&self, sentence: String) {
        let mut sentences = self.sentences.borrow_mut();
        if sentences.contains(&sentence) {
            return;
        }
        if sentences.len() < MAX_ODDITIES {
            sentences.push(sentence);
        } else if sentences.len() == MAX_ODDITIES {
            sentences.push("further oddities are not listed".to_owned());
        }
    }

    /// Notes what makes the file unreadable; the first one counts.
    pub(crate) fn refuse(&self, error: ReadError) {
        self.refused.borrow_mut().get_or_insert(error);
    }

    /// The oddities, or what made the file unreadable.
    pub(crate) fn into_oddities(self) -> Result<Vec<String>, ReadError> {
        match self.refused.into_inner() {
            Some(error) => Err(error),
            None => Ok(self.sentences.into_inner()),
        }
    }
}

/// The pixel data of the data set itself.
#[derive(Clone, Debug)]
pub(crate) enum RawPixels {
    /// A value of the declared length.
    Native(Element),
    /// Items.
    Encapsulated {
        /// The element.
        element: Element,
        /// The basic offset table.
        table: (usize, usize),
        /// Offset and length of each fragment.
        fragments: Vec<(u64, u64)>,
    },
}

/// A data set.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) elements: Vec<Element>,
    /// The elements of the top level by tag, in the order of the file where tags are equal.
    pub(crate) top: Vec<(Tag, u32)>,
    pub(crate) pixels: Option<RawPixels>,
    pub(crate) notes: Notes,
}

impl<'a> Tree<'a> {
    /// The top level.
    pub(crate) fn root(&self) -> View<'_> {
        View {
            tree: self,
            start: 0,
            end: u32::try_from(self.elements.len()).unwrap_or(u32::MAX),
            level: Level::Top,
        }
    }

    /// The element at an index.
    fn at(&self, index: u32) -> Option<&Element> {
        self.elements.get(usize::try_from(index).ok()?)
    }

    /// The bytes of an element's value.
    pub(crate) fn value_bytes(&self, element: &Element) -> &'a [u8] {
        self.bytes
            .get(element.offset..)
            .and_then(|rest| rest.get(..element.len))
            .unwrap_or_default()
    }
}

/// Whether a view is of the data set itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Top,
    Item,
}

/// The elements of the data set or of one item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'t> {
    tree: &'t Tree<'t>,
    start: u32,
    end: u32,
    level: Level,
}

impl<'t> View<'t> {
    /// The tree that it is a part of.
    pub(crate) fn tree(self) -> &'t Tree<'t> {
        self.tree
    }

    /// The index of the element of `tag`; the last one where there are several.
    fn find(self, tag: Tag) -> Option<u32> {
        if self.level == Level::Top {
            let top = &self.tree.top;
            let after = top.partition_point(|&(other, _)| other <= tag);
            let &(found, index) = top.get(after.checked_sub(1)?)?;
            return (found == tag).then_some(index);
        }
        let mut found = None;
        let mut at = self.start;
        while let Some(element) = self.tree.at(at).filter(|_| at < self.end) {
            if element.tag == tag {
                found = Some(at);
            }
            at = element.next.max(at.saturating_add(1));
        }
        found
    }

    /// The element of `tag`; the last one where there are several.
    pub(crate) fn element(self, tag: Tag) -> Option<&'t Element> {
        self.tree.at(self.find(tag)?)
    }

    /// The elements of this level, in the order of the file.
    pub(crate) fn elements(self) -> impl Iterator<Item = &'t Element> {
        let mut at = self.start;
        std::iter::from_fn(move || {
            if at >= self.end {
                return None;
            }
            let element = self.tree.at(at)?;
            // Never back, whatever the list holds.
            at = element.next.max(at.saturating_add(1));
            Some(element)
        })
    }

    /// The value of `tag`, unless it is absent or empty.
    pub(crate) fn get(self, tag: Tag) -> Option<Value<'t>> {
        let element = self.element(tag)?;
        (element.len > 0).then(|| Value::new(self.tree, element))
    }

    /// The items of the sequence `tag`; none where it is absent or no sequence.
    pub(crate) fn items(self, tag: Tag) -> impl Iterator<Item = View<'t>> {
        let range = self
            .find(tag)
            .and_then(|index| Some((index.saturating_add(1), self.tree.at(index)?.next)));
        let (mut at, end) = range.unwrap_or((0, 0));
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let item = self.tree.at(at)?;
            let content = at.saturating_add(1);
            at = item.next.max(content);
            (item.tag == ITEM).then_some(View {
                tree: self.tree,
                start: content,
                end: at,
                level: Level::Item,
            })
        })
    }

    /// The first item of the sequence `tag`.
    pub(crate) fn item(self, tag: Tag) -> Option<View<'t>> {
        self.items(tag).next()
    }
}

impl<'t> View<'t> {
    /// The value of the private element `low` of the block that `creator` reserves in `group` (PS3.5 7.8.1),
    /// wherever that block lies: archives move blocks.
    pub(crate) fn private(self, group: u16, creator: &str, low: u8) -> Option<Value<'t>> {
        let reserves = |element: &Element| {
            element.tag.0 == group
                && (0x10..=0xFF).contains(&element.tag.1)
                && super::value::trimmed(self.tree.value_bytes(element)) == creator.as_bytes()
        };
        let block = match self.level {
            Level::Top => {
                let top = &self.tree.top;
                let first = top.partition_point(|&(tag, _)| tag < Tag(group, 0x10));
                top.get(first..)?
                    .iter()
                    .take_while(|&&(tag, _)| tag <= Tag(group, 0xFF))
                    .filter_map(|&(_, index)| self.tree.at(index))
                    .find(|element| reserves(element))?
                    .tag
            }
            Level::Item => self.elements().find(|element| reserves(element))?.tag,
        };
        self.get(Tag(group, (block.1 << 8) | u16::from(low)))
    }
}
