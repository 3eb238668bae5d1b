//! Texts between servers, in pieces that PostgreSQL's `NOTIFY` takes.

use std::collections::VecDeque;

/// Bytes of a piece at most, its head included: `NOTIFY` takes fewer than 8000.
const PIECE: usize = 7_500;
/// Texts that wait for the rest of their pieces.
const WAITING: usize = 64;

/// A text in pieces. Who sends it, a word, and its number tell it from others.
pub(crate) fn cut(sender: &str, number: u64, text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(rest.floor_char_boundary(PIECE - 100));
        parts.push(part);
        rest = later;
    }
    let count = parts.len();
    let piece = |(index, part)| format!("{sender} {number} {index} {count}\n{part}");
    parts.into_iter().enumerate().map(piece).collect()
}

/// Pieces of texts of which others are missing.
#[derive(Default)]
pub(crate) struct Pieces(VecDeque<Text>);

struct Text {
    sender: String,
    number: u64,
    parts: Vec<Option<String>>,
}

impl Pieces {
    /// The text that this piece makes whole.
    pub(crate) fn join(&mut self, piece: &str) -> Option<String> {
        let (head, part) = piece.split_once('\n')?;
        let mut words = head.split(' ');
        let sender = words.next()?;
        let number: u64 = words.next()?.parse().ok()?;
        let index: usize = words.next()?.parse().ok()?;
        let count: usize = words.next()?.parse().ok()?;
        if index >= count || count > WAITING {
            return None;
        }
        if count == 1 {
            return Some(part.to_owned());
        }
        let is_it = |text: &Text| (&*text.sender, text.number, text.parts.len()) == (sender, number, count);
        let at = self.0.iter().position(is_it).unwrap_or_else(|| {
            if self.0.len() == WAITING {
                self.0.pop_front();
            }
            self.0.push_back(Text {
                sender: sender.to_owned(),
                number,
                parts: vec![None; count],
            });
            self.0.len() - 1
        });
        let text = self.0.get_mut(at)?;
        *text.parts.get_mut(index)? = Some(part.to_owned());
        let whole: Option<String> = text.parts.iter().map(Option::as_deref).collect();
        if whole.is_some() {
            self.0.remove(at);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_from_its_pieces_in_any_order() {
        let text = "Zoë ".repeat(5_000);
        let mut pieces = cut("7", 3, &text);
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() < 8_000));
        pieces.reverse();
        let mut waiting = Pieces::default();
        let (last, first) = pieces.split_last().unwrap();
        for piece in first {
            assert_eq!(waiting.join(piece), None);
            // Twice is as good as once.
            assert_eq!(waiting.join(piece), None);
        }
        assert_eq!(waiting.join(last), Some(text));
        assert_eq!(waiting.join(&cut("7", 4, "short")[0]), Some("short".to_owned()));
        for poison in ["", "x", "1 2 3\nx", "1 2 5 4\nx", "1 2 0 99999999\nx"] {
            assert_eq!(waiting.join(poison), None);
        }
    }
}
