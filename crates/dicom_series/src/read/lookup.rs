//! Where the lookup tables lie that decoding needs: the modality LUT (PS3.3 C.11.1) and the palette
//! (PS3.3 C.7.6.3.1.5, C.7.9).

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use crate::instance::{ByteOrder, LookupForm, LookupTable, LookupTables, Photometric, Sign};

use super::header::Order;
use super::tree::View;
use super::value::Kind;
use super::walk::wide;

/// Finds the tables of a picture.
pub(crate) fn tables(root: View<'_>, photometric: Photometric, sign: Sign) -> LookupTables {
    let modality = root.item(tags::MODALITY_LUT_SEQUENCE).and_then(|item| {
        let table = table(
            item,
            tags::LUT_DESCRIPTOR,
            tags::LUT_DATA,
            LookupForm::Plain,
            sign,
        );
        if table.is_none() {
            root.tree()
                .notes
                .odd("the modality lookup table is not readable".to_owned());
        }
        table
    });
    let palette = (photometric == Photometric::PaletteColor)
        .then(|| palette(root, sign))
        .flatten();
    if photometric == Photometric::PaletteColor && palette.is_none() {
        root.tree().notes.odd("the palette is not readable".to_owned());
    }
    LookupTables { modality, palette }
}

/// Red, green and blue.
fn palette(root: View<'_>, sign: Sign) -> Option<[LookupTable; 3]> {
    let color = |descriptor, plain, segmented| {
        table(root, descriptor, plain, LookupForm::Plain, sign)
            .or_else(|| table(root, descriptor, segmented, LookupForm::Segmented, sign))
    };
    Some([
        color(
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        )?,
        color(
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        )?,
        color(
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        )?,
    ])
}

/// One table by its descriptor: entries (0 means 65,536), first stored value, bits an entry.
fn table(view: View<'_>, descriptor: Tag, data: Tag, form: LookupForm, sign: Sign) -> Option<LookupTable> {
    let element = view.element(data).filter(|element| element.len > 0)?;
    let descriptor = view.get(descriptor)?.integers(Kind::U16)?;
    let &[entries, first, bits] = descriptor.as_slice() else {
        return None;
    };
    // The counts are unsigned even where a file says `SS`; the first value has the sign of the pixels.
    let entries = match entries & 0xFFFF {
        0 => 65_536,
        entries => u32::try_from(entries).ok()?,
    };
    let first = match sign {
        Sign::Unsigned => i32::try_from(first & 0xFFFF).ok()?,
        Sign::Signed => i32::from(u16::try_from(first & 0xFFFF).ok()?.cast_signed()),
    };
    let bits = match u16::try_from(bits).ok()? {
        8 => 8,
        9..=16 => 16,
        _ => return None,
    };
    let byte_order = match (element.order, element.vr) {
        (Order::Little, _) => ByteOrder::Little,
        (Order::Big, VR::OB) => ByteOrder::Little,
        (Order::Big, _) => ByteOrder::Big,
    };
    Some(LookupTable {
        entries,
        first,
        bits,
        form,
        byte_order,
        offset: wide(element.offset),
        len: wide(element.len),
    })
}
