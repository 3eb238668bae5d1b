//! What vendors of MR scanners say only in private elements: diffusion, and slices laid out as a mosaic.

use dicom_dictionary_std::tags;

use crate::instance::Mosaic;

use super::csa;
use super::tree::View;
use super::value::Kind;

/// Diffusion b-value, s/mm^2, and gradient direction of a classic MR image.
pub(crate) fn diffusion(root: View<'_>) -> (Option<f64>, Option<[f64; 3]>) {
    const SIEMENS: &str = "SIEMENS MR HEADER";
    if let Some(b_value) = root.private(0x0019, SIEMENS, 0x0C) {
        let gradient = root
            .private(0x0019, SIEMENS, 0x0E)
            .and_then(|value| value.exactly(Kind::F64));
        return (b_value.number(Kind::Digits), gradient);
    }
    const PHILIPS: &str = "Philips Imaging DD 001";
    if let Some(b_value) = root.private(0x2001, PHILIPS, 0x03) {
        return (b_value.number(Kind::F32), None);
    }
    // GE adds 10^9 to the b-value of some sequences.
    const GE: &str = "GEMS_PARM_01";
    let b_value = root
        .private(0x0043, GE, 0x39)
        .and_then(|value| value.number(Kind::Digits))
        .map(|b_value| b_value % 1e9);
    (b_value, None)
}

/// The mosaic of a Siemens MR image: from the CSA headers, wherever their block lies, or from (0019,xx0A).
pub(crate) fn mosaic(root: View<'_>, image_type: &[String]) -> Option<Mosaic> {
    const CSA: &str = "SIEMENS CSA HEADER";
    let says_mosaic = image_type.iter().any(|term| term == "MOSAIC" || term == "VFRAME");
    if !says_mosaic {
        return None;
    }
    let mut count = None;
    let mut normal = None;
    for low in [0x10, 0x20] {
        let Some(value) = root.private(0x0029, CSA, low) else {
            continue;
        };
        let header = csa::parse(value.bytes);
        count = count.or(header.mosaic_images);
        normal = normal.or(header.slice_normal);
    }
    let count = count
        .or_else(|| {
            root.private(0x0019, "SIEMENS MR HEADER", 0x0A)
                .and_then(|value| value.integer(Kind::U16))
                .and_then(|count| u32::try_from(count).ok())
        })
        .filter(|&count| count > 0);
    let Some(count) = count else {
        root.tree()
            .notes
            .odd("a mosaic does not say how many slices it holds".to_owned());
        return None;
    };
    let tiles_per_side = count
        .isqrt()
        .saturating_add(u32::from(count.isqrt().pow(2) < count));
    let divides = [tags::ROWS, tags::COLUMNS].into_iter().all(|tag| {
        root.count(tag, Kind::U16)
            .is_some_and(|side| side >= tiles_per_side && side % tiles_per_side == 0)
    });
    if !divides {
        root.tree()
            .notes
            .odd(format!("a mosaic of {count} slices does not divide its frame"));
        return None;
    }
    Some(Mosaic {
        count,
        tiles_per_side,
        slice_normal: normal,
    })
}
