//! A font of strokes: letters, digits and a few signs on a grid of 5 x 7 places.

use geometry::DVec2;

/// Height of a capital.
pub(super) const HEIGHT: f64 = 6.0;
/// From one letter to the next beyond its own width.
const GAP: f64 = 2.0;
/// Width of a blank.
const BLANK: f64 = 2.5;

/// The strokes of `text`, x right, y down, from its upper left corner.
pub(super) fn strokes(text: &str) -> impl Iterator<Item = [DVec2; 2]> + '_ {
    let mut left = 0.0;
    text.chars().flat_map(move |c| {
        let start = DVec2::new(left, 0.0);
        left += advance(c);
        let lines = glyph(c).split('|');
        lines.flat_map(move |line| {
            let points: Vec<DVec2> = line
                .split_whitespace()
                .filter_map(point)
                .map(|p| start + p)
                .collect();
            points
                .windows(2)
                .map(|pair| [pair[0], pair[1]])
                .collect::<Vec<_>>()
        })
    })
}

/// Width of `text`.
pub(super) fn width(text: &str) -> f64 {
    let all: f64 = text.chars().map(advance).sum();
    (all - GAP).max(0.0)
}

fn advance(c: char) -> f64 {
    let points = glyph(c).split(['|', ' ']).filter_map(point);
    let widest = points.map(|p| p.x).fold(0.0, f64::max);
    GAP + if glyph(c).is_empty() { BLANK } else { widest }
}

/// Two digits: column and row.
fn point(text: &str) -> Option<DVec2> {
    let mut digits = text.chars().filter_map(|c| c.to_digit(10));
    Some(DVec2::new(f64::from(digits.next()?), f64::from(digits.next()?)))
}

/// Lines through points, column and row each. Small letters but `c`, `m` and `u` look like capitals.
fn glyph(c: char) -> &'static str {
    match c {
        'c' => "43 32 12 03 05 16 36 45",
        'm' => "06 02|03 12 23 26|23 32 43 46",
        'u' => "02 05 16 36 45|42 46",
        c => capital(c.to_ascii_uppercase()),
    }
}

fn capital(c: char) -> &'static str {
    match c {
        'A' => "06 20 46|14 34",
        'B' => "33 03 00 30 41 42 33 44 45 36 06 03",
        'C' => "41 30 10 01 05 16 36 45",
        'D' => "06 00 20 42 44 26 06",
        'E' => "40 00 06 46|03 33",
        'F' => "40 00 06|03 33",
        'G' => "41 30 10 01 05 16 36 45 43 23",
        'H' => "00 06|40 46|03 43",
        'I' => "00 06",
        'J' => "40 45 36 16 05",
        'K' => "00 06|40 03 46",
        'L' => "00 06 46",
        'M' => "06 00 23 40 46",
        'N' => "06 00 46 40",
        'O' => "10 30 41 45 36 16 05 01 10",
        'P' => "06 00 30 41 42 33 03",
        'Q' => "10 30 41 45 36 16 05 01 10|34 46",
        'R' => "06 00 30 41 42 33 03|23 46",
        'S' => "41 30 10 01 02 13 33 44 45 36 16 05",
        'T' => "00 40|20 26",
        'U' => "00 05 16 36 45 40",
        'V' => "00 26 40",
        'W' => "00 16 23 36 40",
        'X' => "00 46|40 06",
        'Y' => "00 23 40|23 26",
        'Z' => "00 40 06 46",
        '0' => "10 30 41 45 36 16 05 01 10",
        '1' => "01 20 26",
        '2' => "01 10 30 41 42 06 46",
        '3' => "01 10 30 41 42 33 44 45 36 16 05|33 13",
        '4' => "36 30 04 44",
        '5' => "40 00 03 33 44 45 36 16 05",
        '6' => "41 30 10 01 05 16 36 45 44 33 03",
        '7' => "00 40 16",
        '8' => "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33",
        '9' => "05 16 36 45 41 30 10 01 02 13 43",
        '.' => "06 06",
        ',' => "15 07",
        '-' => "03 33",
        '+' => "03 43|21 25",
        '/' => "06 40",
        '(' => "20 02 04 26",
        ')' => "00 22 24 06",
        ':' => "02 02|05 05",
        '%' => "06 40|01 01|45 45",
        _ => "",
    }
}
