//! Letters, lines and scales drawn into a finished picture, for pictures that leave the program.
//!
//! A viewer draws these over its pictures itself, sharper and in the fonts of its page; their places and lengths come from
//! [`SlicePlane`](crate::SlicePlane). Everything has a dark rim, so that it is read on bright and dark ground.

mod font;

use geometry::DVec2;

use crate::color_scale::ColorScale;
use crate::picture::Picture;
use crate::slice::{EdgeLetters, ScaleBar};

/// Color of letters and lines, sRGB bytes.
const INK: [f32; 3] = [235.0, 238.0, 240.0];
/// Of the rim around them.
const RIM: [f32; 3] = [8.0, 10.0, 12.0];

/// Where a text stands to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The place is the middle of its left side.
    Left,
    /// The place is its middle.
    Middle,
    /// The place is the middle of its right side.
    Right,
}

/// Draws lines of `width` pixels between pairs of places (pixels; x right, y down, (0, 0) the top left corner) in `color`,
/// sRGB between 0 and 1.
pub fn lines(picture: &mut Picture, lines: &[[DVec2; 2]], width: f64, color: [f32; 3]) {
    strokes(picture, lines, width, color.map(|c| c.clamp(0.0, 1.0) * 255.0));
}

/// Draws a text of capitals `height` pixels high. What is not among letters, digits and `. , - + / ( ) : %` is left blank.
pub fn text(picture: &mut Picture, text: &str, place: DVec2, height: f64, anchor: Anchor) {
    let scale = height / font::HEIGHT;
    let width = font::width(text) * scale;
    let left = match anchor {
        Anchor::Left => 0.0,
        Anchor::Middle => -width * 0.5,
        Anchor::Right => -width,
    };
    let origin = place + DVec2::new(left, -height * 0.5);
    let drawn: Vec<[DVec2; 2]> = font::strokes(text)
        .map(|stroke| stroke.map(|p| origin + p * scale))
        .collect();
    strokes(picture, &drawn, (height * 0.12).max(1.2), INK);
}

/// Draws the letters of a plane on the edges of its picture.
pub fn letters(picture: &mut Picture, letters: &EdgeLetters) {
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let size = letter_size(picture);
    let middle = |along: f64| along * 0.5;
    for (text_of_edge, place, anchor) in [
        (
            &letters.left,
            DVec2::new(size * 0.7, middle(height)),
            Anchor::Left,
        ),
        (
            &letters.right,
            DVec2::new(width - size * 0.7, middle(height)),
            Anchor::Right,
        ),
        (
            &letters.top,
            DVec2::new(middle(width), size * 1.1),
            Anchor::Middle,
        ),
        (
            &letters.bottom,
            DVec2::new(middle(width), height - size * 1.1),
            Anchor::Middle,
        ),
    ] {
        text(picture, text_of_edge, place, size, anchor);
    }
}

/// Draws a line of known length in the lower right corner, with its length.
pub fn scale_bar(picture: &mut Picture, bar: &ScaleBar) {
    let size = letter_size(picture) * 0.75;
    let right = f64::from(picture.width) - size * 1.2;
    let bottom = f64::from(picture.height) - size * 1.2;
    let left = right - bar.pixels;
    let up = DVec2::new(0.0, -size * 0.4);
    let (a, b) = (DVec2::new(left, bottom), DVec2::new(right, bottom));
    strokes(picture, &[[a, b], [a, a + up], [b, b + up]], 1.6, INK);
    let label = length(bar.mm);
    text(
        picture,
        &label,
        (a + b) * 0.5 - DVec2::new(0.0, size * 1.1),
        size,
        Anchor::Middle,
    );
}

/// Draws the colors of a scale along the right edge, with its lowest, middle and highest value and their `unit`.
pub fn color_scale(picture: &mut Picture, scale: &ColorScale, unit: &str) {
    let size = letter_size(picture) * 0.75;
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let (top, bottom) = (height * 0.2, height * 0.8);
    let (left, right) = (width - size * 2.4, width - size * 1.2);
    let [low, high] = scale.range();
    let columns = left.max(0.0) as u32..right.min(width) as u32;
    for row in top as u32..bottom as u32 {
        let part = (bottom - f64::from(row) - 0.5) / (bottom - top);
        let color = scale.color(low + (high - low) * part as f32);
        for column in columns.clone() {
            let at = (row as usize * picture.width as usize + column as usize) * 4;
            for (out, c) in picture.rgba[at..at + 3].iter_mut().zip(color) {
                *out = (c * 255.0 + 0.5) as u8;
            }
        }
    }
    let corner = |x: f64, y: f64| DVec2::new(x, y);
    let frame = [
        [corner(left, top), corner(right, top)],
        [corner(right, top), corner(right, bottom)],
        [corner(right, bottom), corner(left, bottom)],
        [corner(left, bottom), corner(left, top)],
    ];
    strokes(picture, &frame, 1.2, INK);
    for (value, y) in [
        (high, top),
        ((low + high) * 0.5, (top + bottom) * 0.5),
        (low, bottom),
    ] {
        let sign = if value > 0.0 && low < 0.0 { "+" } else { "" };
        let label = format!("{sign}{} {unit}", number(f64::from(value)));
        text(
            picture,
            &label,
            DVec2::new(left - size * 0.5, y),
            size,
            Anchor::Right,
        );
    }
}

fn letter_size(picture: &Picture) -> f64 {
    (f64::from(picture.width.min(picture.height)) * 0.035).clamp(9.0, 40.0)
}

/// A length in the unit that says it shortest.
fn length(mm: f64) -> String {
    if mm >= 10.0 {
        format!("{} cm", number(mm / 10.0))
    } else {
        format!("{} mm", number(mm))
    }
}

/// With as many digits as it needs, three at most behind the point.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Draws strokes with a rim. Where strokes meet, they are drawn once.
fn strokes(picture: &mut Picture, strokes: &[[DVec2; 2]], width: f64, ink: [f32; 3]) {
    let reach = width * 0.5 + 2.0;
    let points = strokes.iter().flatten();
    let (low, high) = points.fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(low, high), p| {
        (low.min(*p), high.max(*p))
    });
    let range = |low: f64, high: f64, end: u32| {
        let first = (low - reach).floor().max(0.0) as u32;
        first..((high + reach).ceil().max(0.0) as u32).min(end)
    };
    if !(low.is_finite() && high.is_finite()) {
        return;
    }
    for y in range(low.y, high.y, picture.height) {
        for x in range(low.x, high.x, picture.width) {
            let p = DVec2::new(f64::from(x) + 0.5, f64::from(y) + 0.5);
            let distance = strokes
                .iter()
                .map(|stroke| distance(p, stroke))
                .fold(f64::INFINITY, f64::min);
            let cover = |half: f64| (half + 0.5 - distance).clamp(0.0, 1.0) as f32;
            let (rim, line) = (cover(width * 0.5 + 1.0) * 0.7, cover(width * 0.5));
            if rim <= 0.0 {
                continue;
            }
            let at = (y as usize * picture.width as usize + x as usize) * 4;
            for (out, (rim_color, ink)) in picture.rgba[at..at + 3].iter_mut().zip(RIM.into_iter().zip(ink)) {
                let under = f32::from(*out) + (rim_color - f32::from(*out)) * rim;
                *out = (under + (ink - under) * line + 0.5) as u8;
            }
        }
    }
}

fn distance(p: DVec2, [a, b]: &[DVec2; 2]) -> f64 {
    let along = *b - *a;
    let length = along.length_squared();
    let part = if length > 0.0 {
        ((p - *a).dot(along) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    p.distance(*a + along * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blank(width: u32, height: u32) -> Picture {
        Picture {
            width,
            height,
            rgba: [40, 40, 40, 255].repeat(width as usize * height as usize),
        }
    }

    /// Columns and rows of the brightest pixels.
    fn bright(picture: &Picture) -> Vec<(u32, u32)> {
        (0..picture.width * picture.height)
            .map(|i| (i % picture.width, i / picture.width))
            .filter(|&(x, y)| picture.pixel(x, y).is_some_and(|p| p[1] > 180))
            .collect()
    }

    #[test]
    fn letters_stand_on_their_edges() {
        let mut picture = blank(300, 200);
        let all = EdgeLetters {
            left: "R".into(),
            right: "LA".into(),
            top: "A".into(),
            bottom: "P".into(),
        };
        letters(&mut picture, &all);
        let bright = bright(&picture);
        let near = |x0: u32, x1: u32, y0: u32, y1: u32| {
            bright
                .iter()
                .filter(|(x, y)| (x0..x1).contains(x) && (y0..y1).contains(y))
                .count()
        };
        let edges = [
            near(0, 40, 80, 120),
            near(260, 300, 80, 120),
            near(130, 170, 0, 30),
            near(130, 170, 170, 200),
        ];
        assert!(edges.iter().all(|&n| n > 5), "{edges:?}");
        assert!(edges[1] > edges[0]);
        assert_eq!(edges.iter().sum::<usize>(), bright.len());
    }

    #[test]
    fn a_scale_bar_is_as_long_as_it_says() {
        let mut picture = blank(400, 300);
        scale_bar(
            &mut picture,
            &ScaleBar {
                mm: 50.0,
                pixels: 87.0,
            },
        );
        let row = bright(&picture).iter().map(|p| p.1).max().unwrap();
        let line: Vec<u32> = bright(&picture)
            .into_iter()
            .filter(|p| p.1 == row - 1)
            .map(|p| p.0)
            .collect();
        let long = line.iter().max().unwrap() - line.iter().min().unwrap();
        assert!(long.abs_diff(87) <= 2, "{long}");
        assert_eq!(
            (length(50.0), length(5.0), number(-0.0), number(2.5)),
            ("5 cm".into(), "5 mm".into(), "0".into(), "2.5".into())
        );
    }

    #[test]
    fn every_letter_and_digit_has_strokes() {
        for c in ('A'..='Z')
            .chain('a'..='z')
            .chain('0'..='9')
            .chain(".,-+/():%".chars())
        {
            assert!(font::strokes(&c.to_string()).count() > 0, "{c}");
        }
        assert_eq!(font::strokes(" ").count(), 0);
        assert!(font::width("WW") > font::width("W"));
        assert_eq!(font::width(""), 0.0);
    }

    #[test]
    fn nothing_is_drawn_outside_or_at_no_place() {
        let mut picture = blank(20, 10);
        let before = picture.clone();
        lines(
            &mut picture,
            &[
                [DVec2::NAN, DVec2::ZERO],
                [DVec2::splat(-90.0), DVec2::splat(-80.0)],
            ],
            2.0,
            [1.0; 3],
        );
        text(
            &mut picture,
            "FAR AWAY",
            DVec2::new(500.0, 5.0),
            8.0,
            Anchor::Left,
        );
        assert_eq!(picture, before);
        lines(
            &mut picture,
            &[[DVec2::new(-50.0, 5.0), DVec2::new(70.0, 5.0)]],
            2.0,
            [1.0, 0.0, 0.0],
        );
        assert!(picture.pixel(0, 5).unwrap()[0] > 200 && picture.pixel(19, 5).unwrap()[0] > 200);
    }

    #[test]
    fn a_color_scale_runs_from_low_to_high() {
        let mut picture = blank(400, 300);
        color_scale(&mut picture, &ColorScale::of_distances(3.0), "mm");
        let x = 400 - 15;
        let (top, bottom) = (picture.pixel(x, 75).unwrap(), picture.pixel(x, 225).unwrap());
        assert!(top[0] > top[2] && bottom[2] > bottom[0], "{top:?} {bottom:?}");
    }
}
