//! One word for one thing: enums whose variants are words of the interface, of reports and of the database.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every one of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it, in the interface, in reports and in the database.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one whose word this is.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::{ArtifactKind, GrantRight, ItemKind, MemberRole};

    #[test]
    fn words_go_both_ways() {
        for &kind in ItemKind::ALL {
            assert_eq!(ItemKind::from_word(kind.word()), Some(kind));
        }
        for &role in MemberRole::ALL {
            assert_eq!(MemberRole::from_word(role.word()), Some(role));
        }
        for &right in GrantRight::ALL {
            assert_eq!(GrantRight::from_word(right.word()), Some(right));
        }
        assert_eq!(ArtifactKind::from_word("pyramids"), None);
    }
}
