//! Which items of a case lie in one space: those that share a frame of reference, and those that were laid onto each
//! other.

use std::collections::{BTreeMap, VecDeque};

use geometry::{DAffine3, DMat3, DVec3};
use serde::{Deserialize, Serialize};

use crate::ItemId;

/// How well one surface lies on another, and how it was brought there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Takes points of the item to where they are on the other one, mm; a turn and a shift, 4 x 4 by rows.
    pub onto_from_item: [f64; 16],
    /// The surface of the item that was laid.
    pub surface: String,
    /// The surface that it was laid onto.
    pub onto_surface: String,
    /// Root mean square distance of the points that meet, mm.
    pub residual_mm: f64,
    /// What 95 % of the points that meet stay within, mm.
    pub percentile_95_mm: f64,
    /// The share of the smaller surface that meets the other, 0 to 1.
    pub agreeing: f64,
    /// How firmly the surfaces hold each other, 0 to 1: near 0 they can slide or turn.
    pub firmness: f64,
    /// Root mean square distance of the pairs of points, mm, where there were any.
    pub landmarks_mm: Option<f64>,
    /// The pairs of points that it started from: on the item and on the other, mm.
    pub landmarks: Vec<[[f64; 3]; 2]>,
}

/// Where an item lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lying {
    /// In whose patient space.
    pub space: ItemId,
    /// Takes points of the item into that space, mm; a turn and a shift.
    pub space_from_item: DAffine3,
}

/// An item that was laid onto another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Laid {
    /// The item.
    pub item: ItemId,
    /// The item that it was laid onto.
    pub onto: ItemId,
    /// Takes points of the one to where they are on the other, mm; a turn and a shift.
    pub onto_from_item: DAffine3,
}

/// Where each item lies, by what was laid onto what; items with the same frame of reference lie as they are. What is
/// reached in two ways lies as the shorter one says, and the one that comes first in `items` is whose space it is.
pub fn spaces(items: &[(ItemId, Option<&str>)], laid: &[Laid]) -> BTreeMap<ItemId, Lying> {
    let mut found: BTreeMap<ItemId, Lying> = BTreeMap::new();
    for (first, _) in items {
        if found.contains_key(first) {
            continue;
        }
        let mut open = VecDeque::from([(*first, DAffine3::IDENTITY)]);
        while let Some((item, space_from_item)) = open.pop_front() {
            if found.contains_key(&item) {
                continue;
            }
            // What was deleted meanwhile leads nowhere.
            let Some((_, frame)) = items.iter().find(|(known, _)| *known == item) else {
                continue;
            };
            let lying = Lying {
                space: *first,
                space_from_item,
            };
            found.insert(item, lying);
            let alike = items
                .iter()
                .filter(|(_, other)| frame.is_some() && other == frame)
                .map(|(other, _)| (*other, space_from_item));
            let along = laid.iter().filter_map(|laid| match (laid.item, laid.onto) {
                (from, onto) if from == item => Some((onto, space_from_item * laid.onto_from_item.inverse())),
                (from, onto) if onto == item => Some((from, space_from_item * laid.onto_from_item)),
                _ => None,
            });
            open.extend(alike.chain(along));
        }
    }
    found
}

/// A turn and a shift as a matrix of 4 x 4, by rows.
pub fn rows_of(affine: &DAffine3) -> [f64; 16] {
    let (m, t) = (affine.matrix3.transpose(), affine.translation);
    let [a, b, c] = [m.x_axis, m.y_axis, m.z_axis].map(|row| row.to_array());
    [
        a[0], a[1], a[2], t.x, b[0], b[1], b[2], t.y, c[0], c[1], c[2], t.z, 0.0, 0.0, 0.0, 1.0,
    ]
}

/// What [`rows_of`] made.
pub fn from_rows(rows: &[f64; 16]) -> DAffine3 {
    let [a, b, c, x, d, e, f, y, g, h, i, z, ..] = *rows;
    DAffine3 {
        matrix3: DMat3::from_cols(DVec3::new(a, d, g), DVec3::new(b, e, h), DVec3::new(c, f, i)),
        translation: DVec3::new(x, y, z),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u8) -> ItemId {
        ItemId::from_random([number; 16])
    }

    fn motion(angle: f64, shift: [f64; 3]) -> DAffine3 {
        DAffine3 {
            matrix3: DMat3::from_axis_angle(DVec3::new(1.0, 2.0, -0.5).normalize(), angle),
            translation: DVec3::from_array(shift),
        }
    }

    #[test]
    fn a_matrix_survives_its_rows() {
        let there = motion(0.7, [3.0, -5.0, 11.0]);
        let rows = rows_of(&there);
        assert_eq!(from_rows(&rows), there);
        assert_eq!([rows[3], rows[7], rows[11]], [3.0, -5.0, 11.0]);
        let p = DVec3::new(1.0, 2.0, 3.0);
        let x = rows[0] * p.x + rows[1] * p.y + rows[2] * p.z + rows[3];
        assert!((x - there.transform_point3(p).x).abs() < 1e-12);
    }

    #[test]
    fn items_lie_in_one_space_by_frame_and_by_registration() {
        let (one, two) = (motion(0.4, [1.0, 2.0, 30.0]), motion(-1.1, [-7.0, 0.5, 4.0]));
        let items = [
            (item(1), None),
            (item(2), Some("a")),
            (item(3), Some("a")),
            (item(4), None),
            (item(5), Some("b")),
        ];
        let laid = [
            Laid {
                item: item(1),
                onto: item(3),
                onto_from_item: one,
            },
            Laid {
                item: item(4),
                onto: item(2),
                onto_from_item: two,
            },
            // Its target was deleted.
            Laid {
                item: item(5),
                onto: item(9),
                onto_from_item: one,
            },
        ];
        let found = spaces(&items, &laid);
        let lies = |number: u8| found[&item(number)];
        for number in 1..=4 {
            assert_eq!(lies(number).space, item(1), "{number}");
        }
        assert_eq!(lies(5).space, item(5));
        assert_eq!(lies(2), lies(3));
        let p = DVec3::new(10.0, -20.0, 5.0);
        let through = |from: u8, to: u8, p: DVec3| {
            (lies(to).space_from_item.inverse() * lies(from).space_from_item).transform_point3(p)
        };
        assert!(through(1, 2, p).distance(one.transform_point3(p)) < 1e-9);
        assert!(through(4, 3, p).distance(two.transform_point3(p)) < 1e-9);
        assert!(through(4, 1, p).distance((one.inverse() * two).transform_point3(p)) < 1e-9);
    }

    #[test]
    fn a_circle_ends() {
        let items = [(item(1), None), (item(2), None)];
        let both = |item, onto| Laid {
            item,
            onto,
            onto_from_item: motion(0.2, [1.0; 3]),
        };
        let found = spaces(
            &items,
            &[
                both(item(1), item(2)),
                both(item(2), item(1)),
                both(item(1), item(1)),
            ],
        );
        assert_eq!(found[&item(2)].space, item(1));
    }
}
