//! What a case holds.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The word for it, in the interface, in reports and in the database.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The kind whose word this is.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// What an item is.
    ItemKind {
        /// Slices on one grid in the patient.
        Volume = "volume",
        /// Pictures that are no grid: cine, color, a single slice.
        Frames = "frames",
        /// Content without a picture of its own.
        Document = "document",
        /// A surface from a mesh file.
        Mesh = "mesh",
        /// A surface fused from depth frames.
        Capture = "capture",
        /// A photograph.
        Photo = "photo",
    }
}

words! {
    /// What an artifact is.
    ArtifactKind {
        /// Brick pyramid of a volume.
        Pyramid = "pyramid",
        /// Losslessly compressed frames.
        FrameStack = "frame_stack",
        /// Triangle mesh in patient millimeters.
        Surface = "surface",
        /// A surface with its distances to another one.
        Comparison = "comparison",
        /// Small picture.
        Thumbnail = "thumbnail",
        /// Tiles of a photograph.
        Photo = "photo",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways() {
        for kind in [
            ItemKind::Volume,
            ItemKind::Frames,
            ItemKind::Document,
            ItemKind::Mesh,
            ItemKind::Capture,
            ItemKind::Photo,
        ] {
            assert_eq!(ItemKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(ArtifactKind::from_word("pyramids"), None);
    }
}
