//! Bytes of one file to an [`Instance`]: our own bounded reader of DICOM data sets (PS3.5, PS3.10).
//!
//! Its own because files come from strangers: no declared length is trusted, nothing is allocated by one, nothing
//! recurses, and every budget of [`intake::budget`] is checked before it is spent. Only the dictionary of tags
//! comes from elsewhere. The pass over the bytes copies nothing; values are read from their ranges afterwards.
//!
//! - `file`: preamble, meta group, transfer syntax; `inflate`: the deflated data set.
//! - `header`, `walk`, `tree`: elements; `value`, `charset`: what is in them.
//! - `pixel_module`, `locate`: how pixels are stored and where; `lookup`: tables that decoding needs.
//! - `image`, `frames`, `nuclear`, `vendor`, `csa`, `suv`: what placing and reading pixels needs.
//!
//! What is odd but can be read over becomes one of [`Instance::oddities`].

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod charset;
mod classify;
mod csa;
mod error;
mod file;
mod frames;
mod header;
mod image;
pub(crate) mod inflate;
mod locate;
mod lookup;
mod nuclear;
mod pixel_module;
mod suv;
pub(crate) mod syntax;
mod tree;
mod value;
mod vendor;
mod walk;

#[cfg(test)]
mod tests;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

pub use error::ReadError;
pub use pixel_module::MAX_FRAMES;

use crate::instance::{Content, DocumentKind, Instance};

use charset::{Charset, TextKind, charset_of};
use classify::{Class, class_of};
use file::{Declared, Outside, outside};
use syntax::{Compression, Packing, syntax_of, uid_of_stream};
use tree::{Notes, RawPixels, Tree, View};
use value::{Kind, trimmed};
use walk::walk;

/// Reads the bytes of one file. No pixel is decoded; offsets of pixels count in `bytes`, or in the inflated data
/// set of a deflated file.
///
/// # Errors
/// [`ReadError::NotDicom`] for other bytes, and what is wrong with those of a DICOM file that is damaged, exceeds
/// a budget, or is a picture without what a picture needs.
pub fn read(bytes: &[u8]) -> Result<Instance, ReadError> {
    read_by(bytes, Judge::SopClass)
}

/// As [`read`], but whatever has pixel data is [`Content::Image`], whatever its SOP class says: for the pixels of
/// segmentations, dose grids and parametric maps, which [`read`] lists as documents.
///
/// # Errors
/// As [`read`].
pub fn read_picture(bytes: &[u8]) -> Result<Instance, ReadError> {
    read_by(bytes, Judge::Pixels)
}

/// What decides whether an instance is a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judge {
    SopClass,
    Pixels,
}

fn read_by(bytes: &[u8], judge: Judge) -> Result<Instance, ReadError> {
    let notes = Notes::default();
    let outside = outside(bytes, &notes)?;
    if outside.syntax.packing == Packing::Plain {
        let tree = walk(bytes, outside.data_set, outside.syntax.encoding, notes)?;
        return instance(tree, outside, judge);
    }
    let (inflated, rest) = inflate::inflate(bytes, outside.data_set)?;
    // One byte makes the length even.
    if rest > 1 {
        notes.odd(format!("{rest} bytes follow the deflated data set"));
    }
    let tree = walk(&inflated, 0, outside.syntax.encoding, notes)?;
    instance(tree, outside, judge)
}

/// The data set that a file's offsets count in, where it is not the file itself.
pub(crate) fn inflated_data_set(bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
    let outside = outside(bytes, &Notes::default())?;
    inflate::inflate(bytes, outside.data_set).map(|(inflated, _)| inflated)
}

/// Makes the instance of a data set.
fn instance(mut tree: Tree<'_>, mut outside: Outside, judge: Judge) -> Result<Instance, ReadError> {
    if tree.top.is_empty() && tree.pixels.is_none() {
        return Err(ReadError::NotDicom {
            what: "no element follows the preamble",
        });
    }
    let pixels = tree.pixels.take();
    if let (Declared::Missing, Some(RawPixels::Encapsulated { fragments, .. })) = (outside.declared, &pixels)
    {
        name_compression(&tree, &mut outside, fragments);
    }
    let root = tree.root();
    let sop_class_uid = uid(root, tags::SOP_CLASS_UID)
        .or(outside.sop_class_uid.take())
        .unwrap_or_default();
    let content = content(&tree, pixels.as_ref(), &outside, &sop_class_uid, judge)?;
    let texts = Texts::new(root);
    let mut instance = Instance {
        sop_instance_uid: uid(root, tags::SOP_INSTANCE_UID)
            .or(outside.sop_instance_uid.take())
            .unwrap_or_default(),
        sop_class_uid,
        transfer_syntax_uid: outside.transfer_syntax_uid,
        study_uid: uid(root, tags::STUDY_INSTANCE_UID),
        series_uid: uid(root, tags::SERIES_INSTANCE_UID),
        frame_of_reference_uid: uid(root, tags::FRAME_OF_REFERENCE_UID),
        modality: root.code(tags::MODALITY),
        series_number: root.integer(tags::SERIES_NUMBER, Kind::Digits),
        instance_number: root.integer(tags::INSTANCE_NUMBER, Kind::Digits),
        series_description: texts.read(tags::SERIES_DESCRIPTION, TextKind::Text),
        study_description: texts.read(tags::STUDY_DESCRIPTION, TextKind::Text),
        patient_name: texts.read(tags::PATIENT_NAME, TextKind::Name),
        patient_id: texts.read(tags::PATIENT_ID, TextKind::Text),
        manufacturer: texts.read(tags::MANUFACTURER, TextKind::Text),
        content,
        oddities: Vec::new(),
    };
    instance.oddities = tree.notes.into_oddities()?;
    Ok(instance)
}

/// Names the transfer syntax of compressed pixels in a file that does not.
fn name_compression(tree: &Tree<'_>, outside: &mut Outside, fragments: &[(u64, u64)]) {
    let stream = fragments.first().and_then(|&(offset, len)| {
        let start = usize::try_from(offset).ok()?;
        tree.bytes
            .get(start..start.checked_add(usize::try_from(len).ok()?)?)
    });
    let Some(uid) = stream.and_then(uid_of_stream) else {
        return;
    };
    if let Some(syntax) = syntax_of(uid) {
        outside.syntax.compression = syntax.compression;
        outside.syntax.lossy = syntax.lossy;
        uid.clone_into(&mut outside.transfer_syntax_uid);
    }
}

/// Decides what an instance holds.
fn content(
    tree: &Tree<'_>,
    pixels: Option<&RawPixels>,
    outside: &Outside,
    sop_class_uid: &str,
    judge: Judge,
) -> Result<Content, ReadError> {
    let root = tree.root();
    let class = class_of(sop_class_uid);
    let picture = |pixels| {
        image::image(tree, pixels, outside.syntax, sop_class_uid).map(|image| Content::Image(Box::new(image)))
    };
    if let (Class::Document(kind), Judge::SopClass) = (class, judge) {
        return Ok(Content::Document(kind));
    }
    match pixels {
        Some(_) if outside.syntax.compression == Compression::Video => {
            Ok(Content::Document(DocumentKind::Video))
        }
        Some(pixels) => picture(pixels),
        None if root.element(tags::DIRECTORY_RECORD_SEQUENCE).is_some() => {
            Ok(Content::Document(DocumentKind::Directory))
        }
        None => match class {
            Class::Image => Err(pixel_module::missing(
                tags::PIXEL_DATA,
                "Pixel Data",
                sop_class_uid,
            )),
            Class::Document(kind) => Ok(Content::Document(kind)),
            Class::Unknown => Ok(Content::Document(DocumentKind::Other)),
        },
    }
}

/// A UID as it is stored, at most four times as long as the standard allows.
fn uid(root: View<'_>, tag: Tag) -> Option<String> {
    let uid = root.code(tag)?;
    if uid.len() > 64 {
        root.tree()
            .notes
            .odd(format!("element {tag}: a UID has more than 64 characters"));
    }
    (uid.len() <= 256).then_some(uid)
}

/// Reads text of the data set's character set.
struct Texts<'t> {
    root: View<'t>,
    charset: Charset,
}

impl<'t> Texts<'t> {
    fn new(root: View<'t>) -> Self {
        let terms: Vec<String> = root
            .get(tags::SPECIFIC_CHARACTER_SET)
            .and_then(|value| value.code())
            .map(|text| text.split('\\').map(|term| term.trim().to_owned()).collect())
            .unwrap_or_default();
        let (charset, oddity) = charset_of(&terms);
        if let Some(oddity) = oddity {
            root.tree().notes.odd(oddity.to_owned());
        }
        Self { root, charset }
    }

    fn read(&self, tag: Tag, kind: TextKind) -> Option<String> {
        let bytes = trimmed(self.root.get(tag)?.text_bytes()?);
        let decoded = self.charset.decode(bytes, kind);
        if let Some(oddity) = decoded.oddity {
            self.root.tree().notes.odd(format!("element {tag}: {oddity}"));
        }
        let text = match kind {
            TextKind::Text => decoded.text.trim_matches([' ', '\0']),
            // Component groups at the end may be empty, and then say nothing.
            TextKind::Name => decoded.text.trim_matches([' ', '\0']).trim_end_matches('='),
        };
        (!text.is_empty()).then(|| text.to_owned())
    }
}
