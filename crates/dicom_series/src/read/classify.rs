//! What an instance is, by its SOP class (PS3.4 annex B, PS3.6 annex A).

use crate::instance::DocumentKind;

/// What a SOP class promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A picture: without pixel data the instance is not whole.
    Image,
    /// No picture of its own, or none that is looked at as such.
    Document(DocumentKind),
    /// A class that is not known: a picture if it has pixels.
    Unknown,
}

/// The storage classes share this root.
const STORAGE: &str = "1.2.840.10008.5.1.4.1.1.";

/// What a SOP class promises.
pub(crate) fn class_of(sop_class_uid: &str) -> Class {
    use DocumentKind as Kind;
    let Some(rest) = sop_class_uid.strip_prefix(STORAGE) else {
        return match sop_class_uid {
            "1.2.840.10008.1.3.10" => Class::Document(Kind::Directory),
            // Siemens CSA non-image.
            "1.3.12.2.1107.5.9.1" => Class::Document(Kind::RawData),
            uid if uid.starts_with("1.2.840.10008.") => Class::Document(Kind::Other),
            _ => Class::Unknown,
        };
    };
    let (family, member) = rest.split_once('.').unwrap_or((rest, ""));
    match (family, member) {
        ("4", "2") | ("66", "") => Class::Document(Kind::RawData),
        ("9", _) => Class::Document(Kind::Waveform),
        ("11", _) => Class::Document(Kind::PresentationState),
        ("30", _) => Class::Document(Kind::ParametricMap),
        ("66", "1" | "2" | "3") => Class::Document(Kind::Registration),
        ("66", "4" | "5" | "7" | "8") => Class::Document(Kind::Segmentation),
        ("77", "1.6") | ("91", _) => Class::Document(Kind::Microscopy),
        ("88", _) => Class::Document(Kind::StructuredReport),
        ("104", "3" | "4" | "5") => Class::Document(Kind::EncapsulatedModel),
        ("104", _) => Class::Document(Kind::EncapsulatedDocument),
        // RT Image is a projection that is looked at.
        ("481", "1") => Class::Image,
        ("481", "3") => Class::Document(Kind::StructureSet),
        ("481", _) => Class::Document(Kind::Radiotherapy),
        ("1" | "2" | "3" | "4" | "5" | "6" | "7" | "12" | "13" | "14" | "20" | "77" | "128" | "130", _) => {
            Class::Image
        }
        _ => Class::Unknown,
    }
}

/// Whether a SOP class is one of pictures that move in time.
pub(crate) fn is_cine_class(sop_class_uid: &str) -> bool {
    sop_class_uid.strip_prefix(STORAGE).is_some_and(|rest| {
        matches!(
            rest,
            "3" | "3.1" | "12.1" | "12.1.1" | "12.2" | "12.2.1" | "77.1.1.1" | "77.1.2.1" | "77.1.4.1"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_apart() {
        use DocumentKind as Kind;
        for (uid, class) in [
            ("1.2.840.10008.5.1.4.1.1.2", Class::Image),
            ("1.2.840.10008.5.1.4.1.1.2.1", Class::Image),
            ("1.2.840.10008.5.1.4.1.1.4.2", Class::Document(Kind::RawData)),
            ("1.2.840.10008.5.1.4.1.1.481.1", Class::Image),
            (
                "1.2.840.10008.5.1.4.1.1.481.2",
                Class::Document(Kind::Radiotherapy),
            ),
            (
                "1.2.840.10008.5.1.4.1.1.481.3",
                Class::Document(Kind::StructureSet),
            ),
            (
                "1.2.840.10008.5.1.4.1.1.88.59",
                Class::Document(Kind::StructuredReport),
            ),
            (
                "1.2.840.10008.5.1.4.1.1.11.1",
                Class::Document(Kind::PresentationState),
            ),
            (
                "1.2.840.10008.5.1.4.1.1.66.4",
                Class::Document(Kind::Segmentation),
            ),
            (
                "1.2.840.10008.5.1.4.1.1.77.1.6",
                Class::Document(Kind::Microscopy),
            ),
            ("1.2.840.10008.5.1.4.1.1.77.1.4", Class::Image),
            (
                "1.2.840.10008.5.1.4.1.1.104.1",
                Class::Document(Kind::EncapsulatedDocument),
            ),
            (
                "1.2.840.10008.5.1.4.1.1.104.4",
                Class::Document(Kind::EncapsulatedModel),
            ),
            ("1.2.840.10008.5.1.4.39.1", Class::Document(Kind::Other)),
            ("1.2.840.10008.1.3.10", Class::Document(Kind::Directory)),
            ("1.2.840.113619.4.26", Class::Unknown),
            ("", Class::Unknown),
        ] {
            assert_eq!(class_of(uid), class, "{uid}");
        }
    }
}
