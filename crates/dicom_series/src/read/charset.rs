//! Text of any Specific Character Set (0008,0005) to Unicode: PS3.3 C.12.1.1.2, PS3.5 6.1.2 and annexes H to K.
//!
//! With code extensions (ISO 2022) a value carries escape sequences that switch the repertoire of the lower half
//! (G0) or the upper half (G1) of the code table. The initial repertoires return after every delimiter.

use encoding_rs::Encoding;

/// The character sets of a data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Charset {
    /// One encoding without code extensions: UTF-8, GB18030, GBK.
    Whole(&'static Encoding),
    /// Repertoires that may be switched by escape sequences.
    Extended {
        /// The lower half at the beginning of a value.
        g0: Lower,
        /// The upper half at the beginning of a value.
        g1: Upper,
    },
    /// Not said. Bytes beyond ASCII are guessed, and told of.
    Default,
}

/// A repertoire of the lower half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lower {
    /// ISO 646, and the roman part of JIS X 0201, whose yen sign and overline take the places of two characters
    /// that files mean as backslash and tilde.
    Ascii,
    /// JIS X 0208 (IR 87), two bytes.
    Kanji,
    /// JIS X 0212 (IR 159), two bytes.
    SupplementaryKanji,
}

/// A repertoire of the upper half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Upper {
    /// Nothing is designated.
    None,
    /// ISO 8859-1 (IR 100): the code is the character.
    Latin1,
    /// One byte a character.
    Table(&'static Encoding),
    /// Katakana of JIS X 0201 (IR 13).
    Katakana,
    /// Two bytes a character: KS X 1001 (IR 149) or GB 2312 (IR 58).
    Pairs(&'static Encoding),
}

/// What kind of value a text is: it decides what delimits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// `LO`, `SH`.
    Text,
    /// `PN`, where `^` and `=` delimit as well.
    Name,
}

/// A decoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// The text.
    pub(crate) text: String,
    /// What did not fit the character set.
    pub(crate) oddity: Option<&'static str>,
}

const WRONG_CHARSET: &str = "text does not fit its character set";
const NO_CHARSET: &str = "text beyond ASCII without a character set";
const UNKNOWN_ESCAPE: &str = "text has an unknown escape sequence";

/// The character set of the values of Specific Character Set; the oddity where one is not known.
pub(crate) fn charset_of(terms: &[String]) -> (Charset, Option<&'static str>) {
    let mut odd = None;
    let mut first = None;
    for (index, term) in terms.iter().enumerate() {
        let known = term_of(term);
        if known.is_none() && !term.trim().is_empty() {
            odd = Some("the character set is not known");
        }
        if index == 0 {
            first = known;
        }
    }
    let charset = match first {
        Some(charset @ Charset::Whole(_)) if terms.len() == 1 => charset,
        Some(charset @ Charset::Whole(_)) => {
            odd = Some("a character set that allows no code extensions is given with others");
            charset
        }
        Some(charset) => charset,
        // An empty first value is the default repertoire, extended by the others.
        None if terms.len() > 1 => Charset::Extended {
            g0: Lower::Ascii,
            g1: Upper::None,
        },
        None => Charset::Default,
    };
    (charset, odd)
}

/// The character set of one defined term, in the spellings that files use: `ISO_IR 100`, `ISO 2022 IR 100`,
/// `ISO-IR 100`, `ISO_IR_100`.
fn term_of(term: &str) -> Option<Charset> {
    let term = term.trim().to_ascii_uppercase();
    match term.as_str() {
        "GB18030" => return Some(Charset::Whole(encoding_rs::GB18030)),
        "GBK" => return Some(Charset::Whole(encoding_rs::GBK)),
        "UTF-8" | "UTF8" => return Some(Charset::Whole(encoding_rs::UTF_8)),
        _ => {}
    }
    if !term.starts_with("ISO") {
        return None;
    }
    let number = term.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    let upper = match number.parse::<u16>().ok()? {
        6 => return Some(Charset::Default),
        192 => return Some(Charset::Whole(encoding_rs::UTF_8)),
        13 => Upper::Katakana,
        // Two-byte sets are designated by escape sequences only, but Korean and Chinese files often leave the
        // first value to them.
        87 | 159 => Upper::None,
        149 => Upper::Pairs(encoding_rs::EUC_KR),
        58 => Upper::Pairs(encoding_rs::GBK),
        number => single_byte(number)?,
    };
    Some(Charset::Extended {
        g0: Lower::Ascii,
        g1: upper,
    })
}

/// The upper half of a single-byte character set by its ISO registration number.
fn single_byte(registration: u16) -> Option<Upper> {
    Some(match registration {
        100 => Upper::Latin1,
        101 => Upper::Table(encoding_rs::ISO_8859_2),
        109 => Upper::Table(encoding_rs::ISO_8859_3),
        110 => Upper::Table(encoding_rs::ISO_8859_4),
        144 => Upper::Table(encoding_rs::ISO_8859_5),
        127 => Upper::Table(encoding_rs::ISO_8859_6),
        126 => Upper::Table(encoding_rs::ISO_8859_7),
        138 => Upper::Table(encoding_rs::ISO_8859_8),
        // The upper 96 characters are those of ISO 8859-9.
        148 => Upper::Table(encoding_rs::WINDOWS_1254),
        203 => Upper::Table(encoding_rs::ISO_8859_15),
        // The upper 96 characters are those of TIS 620.
        166 => Upper::Table(encoding_rs::WINDOWS_874),
        _ => return None,
    })
}

/// What an escape sequence designates.
enum Designation {
    Lower(Lower),
    Upper(Upper),
}

/// The escape sequence at the beginning of `bytes`, after ESC, and its length (PS3.3 tables C.12-3 and C.12-4).
fn escape(bytes: &[u8]) -> Option<(Designation, usize)> {
    use Designation::{Lower as G0, Upper as G1};
    Some(match bytes {
        [b'(', b'B' | b'J', ..] => (G0(Lower::Ascii), 2),
        [b')', b'I', ..] => (G1(Upper::Katakana), 2),
        [b'$', b'B' | b'@', ..] => (G0(Lower::Kanji), 2),
        [b'$', b'(', b'D', ..] => (G0(Lower::SupplementaryKanji), 3),
        [b'$', b')', b'C', ..] => (G1(Upper::Pairs(encoding_rs::EUC_KR)), 3),
        [b'$', b')', b'A', ..] => (G1(Upper::Pairs(encoding_rs::GBK)), 3),
        [b'-', set, ..] => {
            let registration = match set {
                b'A' => 100,
                b'B' => 101,
                b'C' => 109,
                b'D' => 110,
                b'L' => 144,
                b'G' => 127,
                b'F' => 126,
                b'H' => 138,
                b'M' => 148,
                b'T' => 166,
                b'b' => 203,
                _ => return None,
            };
            (G1(single_byte(registration)?), 2)
        }
        _ => return None,
    })
}

impl Charset {
    /// Decodes a value.
    pub(crate) fn decode(self, bytes: &[u8], kind: TextKind) -> Text {
        if bytes.iter().all(|&byte| byte < 0x80 && byte != 0x1B) {
            return Text {
                text: String::from_utf8_lossy(bytes).into_owned(),
                oddity: None,
            };
        }
        match self {
            Self::Whole(encoding) => {
                match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
                    Some(text) => Text {
                        text: text.into_owned(),
                        oddity: None,
                    },
                    None => guessed(bytes, WRONG_CHARSET),
                }
            }
            Self::Extended { g0, g1 } => extended(bytes, kind, g0, g1),
            Self::Default if bytes.contains(&0x1B) => extended(bytes, kind, Lower::Ascii, Upper::None),
            Self::Default => guessed(bytes, NO_CHARSET),
        }
    }
}

/// UTF-8 if the bytes are that, else Latin-1, which takes any.
fn guessed(bytes: &[u8], oddity: &'static str) -> Text {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    };
    Text {
        text,
        oddity: Some(oddity),
    }
}

/// Decodes a value with code extensions.
fn extended(bytes: &[u8], kind: TextKind, initial_g0: Lower, initial_g1: Upper) -> Text {
    let (mut g0, mut g1) = (initial_g0, initial_g1);
    let mut text = String::with_capacity(bytes.len());
    let mut oddity = None;
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == 0x1B {
            if let Some((designation, len)) = escape(rest) {
                match designation {
                    Designation::Lower(lower) => g0 = lower,
                    Designation::Upper(upper) => g1 = upper,
                }
                rest = rest.get(len..).unwrap_or_default();
            } else {
                oddity = Some(UNKNOWN_ESCAPE);
            }
            continue;
        }
        let pair = matches!(byte, 0x21..=0x7E) && g0 != Lower::Ascii || byte > 0xA0 && is_pairs(g1);
        if pair {
            match rest
                .split_first()
                .and_then(|(&second, after)| Some((double(byte, second, g0, g1)?, after)))
            {
                Some((character, after)) => {
                    text.push(character);
                    rest = after;
                }
                None => {
                    text.push(char::REPLACEMENT_CHARACTER);
                    oddity = Some(WRONG_CHARSET);
                }
            }
            continue;
        }
        if byte < 0x80 {
            if delimits(byte, kind) {
                (g0, g1) = (initial_g0, initial_g1);
            }
            text.push(char::from(byte));
            continue;
        }
        match single(byte, g1) {
            Some(character) => text.push(character),
            // One bad byte makes the character set doubtful as a whole.
            None if !bytes.contains(&0x1B) => return guessed(bytes, WRONG_CHARSET),
            None => {
                text.push(char::REPLACEMENT_CHARACTER);
                oddity = Some(WRONG_CHARSET);
            }
        }
    }
    Text { text, oddity }
}

fn is_pairs(g1: Upper) -> bool {
    matches!(g1, Upper::Pairs(_))
}

/// Whether the initial repertoires return after this character (PS3.5 6.1.2.5.3).
fn delimits(byte: u8, kind: TextKind) -> bool {
    matches!(byte, b'\\' | b'\t' | b'\n' | 0x0C | b'\r')
        || (kind == TextKind::Name && matches!(byte, b'^' | b'='))
}

/// The character of one byte of the upper half.
fn single(byte: u8, g1: Upper) -> Option<char> {
    match g1 {
        Upper::Latin1 => Some(char::from(byte)),
        // Codes below the graphic ones are controls, in which the tables of the web differ from ISO 8859.
        Upper::Table(_) if byte < 0xA0 => Some(char::from(byte)),
        Upper::Table(encoding) => one_character(encoding, &[byte]),
        Upper::Katakana if matches!(byte, 0xA1..=0xDF) => {
            char::from_u32(0xFF61_u32.saturating_add(u32::from(byte)).saturating_sub(0xA1))
        }
        Upper::Katakana | Upper::Pairs(_) | Upper::None => None,
    }
}

/// The character of two bytes.
fn double(first: u8, second: u8, g0: Lower, g1: Upper) -> Option<char> {
    let (high, low) = (first | 0x80, second | 0x80);
    if first < 0x80 {
        return match g0 {
            Lower::Ascii => None,
            Lower::Kanji => one_character(encoding_rs::EUC_JP, &[high, low]),
            Lower::SupplementaryKanji => one_character(encoding_rs::EUC_JP, &[0x8F, high, low]),
        };
    }
    match g1 {
        Upper::Pairs(encoding) => one_character(encoding, &[first, second]),
        _ => None,
    }
}

/// The one character that the bytes are in an encoding.
fn one_character(encoding: &'static Encoding, bytes: &[u8]) -> Option<char> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    let mut characters = text.chars();
    let character = characters.next()?;
    characters.next().is_none().then_some(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(terms: &[&str], bytes: &[u8]) -> Text {
        let terms: Vec<String> = terms.iter().map(|&term| term.to_owned()).collect();
        charset_of(&terms).0.decode(bytes, TextKind::Name)
    }

    #[test]
    fn single_byte_sets_decode_their_upper_half() {
        for (term, bytes, text) in [
            ("ISO_IR 100", &b"Buc^J\xe9r\xf4me"[..], "Buc^Jérôme"),
            ("ISO 2022 IR 100", b"\xc4neas", "Äneas"),
            ("ISO-IR 101", b"Dvo\xf8\xe1k", "Dvořák"),
            ("ISO_IR 109", b"\xa1\xa6", "ĦĤ"),
            ("ISO_IR 110", b"\xa2\xa3", "ĸŖ"),
            ("ISO_IR 144", b"\xbb\xee", "Лю"),
            ("ISO_IR 127", b"\xc2\xc8", "آب"),
            ("ISO_IR 126", b"\xc4\xe9", "Δι"),
            ("ISO_IR 138", b"\xf9\xf8", "שר"),
            ("ISO_IR 148", b"\xd0\xfe", "Ğş"),
            ("ISO_IR 203", b"\xa4", "€"),
            ("ISO_IR 166", b"\xa1\xa2", "กข"),
            ("ISO_IR 13", b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ"),
        ] {
            assert_eq!(
                decode(&[term], bytes),
                Text {
                    text: text.to_owned(),
                    oddity: None
                },
                "{term}"
            );
        }
    }

    #[test]
    fn escape_sequences_switch_and_delimiters_switch_back() {
        let kanji = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B";
        assert_eq!(
            decode(&["", "ISO 2022 IR 87"], kanji).text,
            "Yamada^Tarou=山田^太郎"
        );
        // The upper half falls back to Latin-1 after the caret.
        let mixed = b"\x1b-F\xc4\xe9^\xe9";
        assert_eq!(
            decode(&["ISO 2022 IR 100", "ISO 2022 IR 126"], mixed).text,
            "Δι^é"
        );
        let supplementary = b"\x1b$(D\x30\x6f\x1b(B";
        assert_eq!(
            decode(&["ISO 2022 IR 6", "ISO 2022 IR 159"], supplementary).oddity,
            None
        );
        let chinese = b"\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab";
        assert_eq!(decode(&["", "ISO 2022 IR 58"], chinese).text, "王^小东");
    }

    #[test]
    fn a_wrong_set_is_guessed_and_told() {
        let utf8 = "Jérôme".as_bytes();
        assert_eq!(decode(&[], utf8).text, "Jérôme");
        assert!(decode(&[], utf8).oddity.is_some());
        assert_eq!(decode(&["ISO_IR 192"], b"J\xe9r\xf4me").text, "Jérôme");
        assert!(decode(&["ISO_IR 192"], b"J\xe9r\xf4me").oddity.is_some());
        assert!(charset_of(&["KLINGON".to_owned()]).1.is_some());
        assert_eq!(decode(&["ISO_IR 126"], b"\xae").oddity, Some(WRONG_CHARSET));
    }

    #[test]
    fn cut_pairs_and_unknown_escapes_end_in_text() {
        for bytes in [
            &b"\x1b"[..],
            b"\x1b$",
            b"\x1b$B;",
            b"\x1b$)C\xb1",
            b"\x1bZZ",
            b"\x1b$B\x7f\x7f",
        ] {
            decode(&["", "ISO 2022 IR 87"], bytes);
        }
        assert!(decode(&["", "ISO 2022 IR 87"], b"a\x1b$B;").oddity.is_some());
    }
}
