//! Lines, words and numbers of text formats.

/// The text of bytes that a mark or a zero in every other byte shows to be UTF-16; `None` for others. Takes at most one
/// and a half times their memory.
pub(super) fn from_utf16(bytes: &[u8]) -> Option<String> {
    let decode = |bytes: &[u8], word: fn([u8; 2]) -> u16| {
        let (words, _) = bytes.as_chunks::<2>();
        char::decode_utf16(words.iter().map(|&pair| word(pair)))
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        Some(decode(rest, u16::from_be_bytes))
    } else {
        let rest = bytes.strip_prefix(b"\xFF\xFE")?;
        Some(decode(rest, u16::from_le_bytes))
    }
}

/// Lines, ended by a line feed with or without a carriage return before it, or, where the beginning of the text has no
/// line feed, by carriage returns alone.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let start = bytes.get(..1 << 16).unwrap_or(bytes);
    let end = if start.contains(&b'\n') || !start.contains(&b'\r') {
        b'\n'
    } else {
        b'\r'
    };
    bytes
        .split(move |&b| b == end)
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Words between white space.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| is_space(*b)).filter(|word| !word.is_empty())
}

fn is_space(byte: u8) -> bool {
    // Vertical tabulators and zeros are found in the wild, too.
    byte.is_ascii_whitespace() || byte == 0x0B || byte == 0
}

/// A number; NaN where C's runtime wrote one (`-1.#IND`), `None` where it is none.
pub(super) fn number(word: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(word).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) if text.contains('#') => Some(f64::NAN),
        Err(_) => None,
    }
}

/// A whole number.
pub(super) fn integer(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// At most 80 characters of a stranger's text, for a message.
pub(super) fn short(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..240).unwrap_or(text));
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    match clean.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

/// A color channel: bytes as they are, fractions of one as bytes. NaN is full.
pub(super) fn channel(fraction: f64) -> u8 {
    if fraction.is_nan() {
        return 255;
    }
    (fraction * 255.0).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_all_spellings() {
        for (text, expected) in [
            ("1", 1.0),
            ("+2.", 2.0),
            ("-.5", -0.5),
            ("3E2", 300.0),
            ("+inf", f64::INFINITY),
            ("-Inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(number(text.as_bytes()), Some(expected), "{text}");
        }
        for nan in ["nan", "NaN", "-1.#IND", "1.#QNAN"] {
            assert!(number(nan.as_bytes()).unwrap().is_nan(), "{nan}");
        }
        for none in ["", "x", "3.1+e2", "1,5", "0x10"] {
            assert_eq!(number(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn lines_end_in_three_ways() {
        for text in ["a\n\nb", "a\r\n\r\nb", "a\r\rb"] {
            let found: Vec<&[u8]> = lines(text.as_bytes()).collect();
            assert_eq!(found, [&b"a"[..], b"", b"b"], "{text:?}");
        }
    }

    #[test]
    fn utf_16_is_known_by_its_mark() {
        assert_eq!(from_utf16(b"\xFE\xFF\0v\0 \0\xE4").as_deref(), Some("v ä"));
        assert_eq!(from_utf16(b"\xFF\xFEv\0 \0").as_deref(), Some("v "));
        assert_eq!(from_utf16(b"v 1 2 3"), None);
    }

    #[test]
    fn messages_hold_little_of_a_file() {
        assert_eq!(short(b"a\x1B\nb"), "ab");
        assert_eq!(short("ä".repeat(1000).as_bytes()).chars().count(), 83);
    }
}
