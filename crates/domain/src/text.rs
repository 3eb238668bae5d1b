//! Texts that people write, bounded.

use crate::error::DomainError;

/// Longest text of a comment, a caption or an address, bytes.
pub const LONG_TEXT: usize = 16 * 1024;

/// Longest name, title or single line, bytes.
pub const LINE: usize = 300;

/// A single line: trimmed, not empty, at most [`LINE`] bytes, no control characters.
///
/// # Errors
/// [`DomainError::Empty`], [`DomainError::TooLong`] or [`DomainError::ControlCharacters`], about `what`.
pub fn line(what: &'static str, text: &str) -> Result<String, DomainError> {
    bounded(what, text, LINE, |c| c.is_control())
}

/// Several lines: trimmed, not empty, at most [`LONG_TEXT`] bytes, no control characters but tabs and line feeds.
///
/// # Errors
/// [`DomainError::Empty`], [`DomainError::TooLong`] or [`DomainError::ControlCharacters`], about `what`.
pub fn lines(what: &'static str, text: &str) -> Result<String, DomainError> {
    bounded(what, text, LONG_TEXT, |c| {
        c.is_control() && c != '\n' && c != '\t'
    })
}

fn bounded(
    what: &'static str,
    text: &str,
    limit: usize,
    is_forbidden: impl Fn(char) -> bool,
) -> Result<String, DomainError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DomainError::Empty { what });
    }
    if text.len() > limit {
        return Err(DomainError::TooLong { what, limit });
    }
    if text.chars().any(is_forbidden) {
        return Err(DomainError::ControlCharacters { what });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_bounded() {
        assert_eq!(line("title", "  Genioplasty \n").unwrap(), "Genioplasty");
        assert_eq!(
            line("title", " \t ").unwrap_err(),
            DomainError::Empty { what: "title" }
        );
        assert!(line("title", &"x".repeat(LINE)).is_ok());
        assert_eq!(
            line("title", &"x".repeat(LINE + 1)).unwrap_err(),
            DomainError::TooLong {
                what: "title",
                limit: LINE
            }
        );
        for text in ["a\nb", "a\u{0}b", "a\u{1b}[2J"] {
            assert_eq!(
                line("title", text).unwrap_err(),
                DomainError::ControlCharacters { what: "title" }
            );
        }
    }

    #[test]
    fn lines_may_be_broken() {
        assert_eq!(lines("comment", "one\n\ttwo").unwrap(), "one\n\ttwo");
        assert!(lines("comment", "one\rtwo").is_err());
        assert!(lines("comment", &"é".repeat(LONG_TEXT / 2)).is_ok());
        assert!(lines("comment", &"é".repeat(LONG_TEXT / 2 + 1)).is_err());
    }
}
