//! Where the words of marks go: beside what they name, and neither over it nor over each other.

use geometry::DVec2;

use crate::view_state::Size;

/// A label that looks for its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The points of the mark in the picture.
    pub points: Vec<DVec2>,
    /// Whether the last is joined to the first.
    pub is_closed: bool,
    /// Width and height of the label; zero where there are no words.
    pub size: DVec2,
}

/// The place of a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// Its upper left corner.
    pub corner: DVec2,
    /// Where its leader ends at the mark.
    pub anchor: DVec2,
}

/// How far from the mark a label may hang, the nearest first.
const DISTANCES: [f64; 4] = [14.0, 30.0, 54.0, 90.0];
/// The best place first: to the upper right.
const DIRECTIONS: [[f64; 2]; 8] = [
    [1.0, -1.0],
    [1.0, 0.0],
    [1.0, 1.0],
    [0.0, -1.0],
    [-1.0, -1.0],
    [-1.0, 0.0],
    [0.0, 1.0],
    [-1.0, 1.0],
];
/// Places of a mark's line that are kept free, at most.
const INK: usize = 48;
/// Air around a label.
const AIR: f64 = 3.0;

#[derive(Clone, Copy)]
struct Rect {
    low: DVec2,
    high: DVec2,
}

impl Rect {
    fn holds(&self, p: DVec2) -> bool {
        p.cmpge(self.low - AIR).all() && p.cmple(self.high + AIR).all()
    }

    fn shared(&self, other: &Self) -> f64 {
        let common = self.high.min(other.high) - self.low.max(other.low) + AIR;
        common.x.max(0.0) * common.y.max(0.0)
    }

    fn area(&self) -> f64 {
        let size = self.high - self.low;
        size.x * size.y
    }
}

/// Places labels one after the other; each has a place, the best that is left.
pub fn place_labels(wanted: &[Wanted], picture: Size) -> Vec<Placed> {
    let picture = Rect {
        low: DVec2::ZERO,
        high: DVec2::new(f64::from(picture.width), f64::from(picture.height)),
    };
    let ink: Vec<Vec<DVec2>> = wanted.iter().map(ink_of).collect();
    let mut taken: Vec<Rect> = Vec::new();
    wanted
        .iter()
        .map(|label| {
            let (rect, anchor) = best(label, &ink, &taken, &picture);
            if label.size.x > 0.0 {
                taken.push(rect);
            }
            Placed {
                corner: rect.low,
                anchor,
            }
        })
        .collect()
}

fn best(label: &Wanted, ink: &[Vec<DVec2>], taken: &[Rect], picture: &Rect) -> (Rect, DVec2) {
    let cost = |rect: &Rect| {
        let outside = rect.area() - rect.shared(picture).min(rect.area());
        let over: f64 = taken.iter().map(|other| rect.shared(other)).sum();
        let covered = ink.iter().flatten().filter(|p| rect.holds(**p)).count();
        outside * 10.0 + over + covered as f64 * 60.0
    };
    let anchors: Vec<DVec2> = DIRECTIONS.iter().map(|d| anchor(&label.points, *d)).collect();
    let mut best: Option<(f64, Rect, DVec2)> = None;
    for distance in DISTANCES {
        for (rank, (direction, anchor)) in DIRECTIONS.iter().zip(&anchors).enumerate() {
            let direction = DVec2::from_array(*direction);
            let middle = *anchor + direction * (label.size * 0.5 + distance);
            let rect = Rect {
                low: middle - label.size * 0.5,
                high: middle + label.size * 0.5,
            };
            let cost = cost(&rect) + distance + rank as f64 * 2.0;
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, rect, *anchor));
            }
        }
        // Nothing is covered here: farther away is no better.
        if best.as_ref().is_some_and(|(least, ..)| *least < 40.0) {
            break;
        }
    }
    let nowhere = Rect {
        low: DVec2::ZERO,
        high: label.size,
    };
    best.map_or((nowhere, DVec2::ZERO), |(_, rect, anchor)| (rect, anchor))
}

/// The point of a mark that lies farthest in a direction.
fn anchor(points: &[DVec2], direction: [f64; 2]) -> DVec2 {
    let direction = DVec2::from_array(direction);
    let along = |p: &DVec2| p.dot(direction);
    let farthest = points
        .iter()
        .copied()
        .max_by(|a, b| along(a).total_cmp(&along(b)));
    farthest.unwrap_or(DVec2::ZERO)
}

/// Places along a mark's line.
fn ink_of(label: &Wanted) -> Vec<DVec2> {
    let count = label.points.len();
    let stride = count.div_ceil(INK).max(1);
    let corners: Vec<DVec2> = label.points.iter().copied().step_by(stride).collect();
    let next = corners
        .iter()
        .skip(1)
        .chain(label.is_closed.then_some(()).and(corners.first()));
    let steps = (INK / corners.len().max(1)).max(2);
    let between = corners
        .iter()
        .zip(next)
        .flat_map(|(a, b)| (1..steps).map(move |i| a.lerp(*b, i as f64 / steps as f64)));
    let mut all: Vec<DVec2> = between.collect();
    all.extend(corners);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: Size = Size {
        width: 400,
        height: 300,
    };

    fn label(points: &[[f64; 2]]) -> Wanted {
        Wanted {
            points: points.iter().map(|p| DVec2::from_array(*p)).collect(),
            is_closed: points.len() > 2,
            size: DVec2::new(70.0, 22.0),
        }
    }

    fn rect(label: &Wanted, placed: &Placed) -> Rect {
        Rect {
            low: placed.corner,
            high: placed.corner + label.size,
        }
    }

    #[test]
    fn labels_cover_neither_marks_nor_each_other() {
        // A region over a line, another line beside it, and a pin in the corner.
        let all = [
            label(&[[120.0, 150.0], [280.0, 150.0]]),
            label(&[[170.0, 130.0], [230.0, 130.0], [230.0, 175.0], [170.0, 175.0]]),
            label(&[[200.0, 90.0], [285.0, 120.0]]),
            label(&[[397.0, 3.0]]),
        ];
        let placed = place_labels(&all, PICTURE);
        let rects: Vec<Rect> = all.iter().zip(&placed).map(|(l, p)| rect(l, p)).collect();
        for (i, a) in rects.iter().enumerate() {
            assert!(
                a.low.cmpge(DVec2::ZERO).all() && a.high.x <= 400.0 && a.high.y <= 300.0,
                "{i}"
            );
            for b in &rects[i + 1..] {
                assert!(a.shared(b) < 1e-9, "{i}: {} {}", a.low, b.low);
            }
            for p in all.iter().flat_map(ink_of) {
                assert!(!a.holds(p), "{i} covers {p}");
            }
        }
    }

    #[test]
    fn where_there_is_no_room_there_is_still_a_place() {
        let all = vec![label(&[[20.0, 20.0]]); 40];
        let tiny = Size {
            width: 60,
            height: 60,
        };
        assert!(
            place_labels(&all, tiny)
                .iter()
                .all(|placed| placed.corner.is_finite())
        );
        let empty = Wanted {
            points: Vec::new(),
            is_closed: true,
            size: DVec2::ZERO,
        };
        assert_eq!(place_labels(&[empty], tiny).len(), 1);
        let long: Vec<[f64; 2]> = (0..10_000).map(|i| [f64::from(i) * 0.03, 50.0]).collect();
        assert!(ink_of(&label(&long)).len() < 200);
    }
}
