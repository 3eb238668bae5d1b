//! What marching cubes draws in a cell, and marching squares on a face of the volume, built from one rule.
//!
//! A cell has eight corners; corner `dx + 2 dy + 4 dz` is inside or outside. On each face of the cell the crossings
//! are joined so that every run of inside corners is cut off by itself: on an ambiguous face the inside corners stay
//! apart. The rule looks at the face alone, so two cells agree on the face that they share and the surface has no
//! holes (Montani, Scateni, Scopigno, "A modified look-up table for implicit disambiguation of marching cubes",
//! Visual Computer 10, 1994). The loops of a cell are cut into triangles without a chord inside a face of the cell,
//! because the neighbor could draw the same chord, and an edge would have four triangles.

use std::sync::LazyLock;

use geometry::DVec3;

/// The two corners of each edge of a cell: four along x, four along y, four along z.
pub(crate) const EDGE_CORNERS: [[u8; 2]; 12] = [
    [0, 1],
    [2, 3],
    [4, 5],
    [6, 7],
    [0, 2],
    [1, 3],
    [4, 6],
    [5, 7],
    [0, 4],
    [1, 5],
    [2, 6],
    [3, 7],
];

/// The corners of each face of a cell, counter-clockwise seen from outside the cell.
const FACES: [[u8; 4]; 6] = [
    [0, 4, 6, 2],
    [1, 3, 7, 5],
    [0, 1, 5, 4],
    [2, 6, 7, 3],
    [0, 2, 3, 1],
    [4, 5, 7, 6],
];

/// The edges whose crossings are counted along a row of cells: one for each row of edges that the cells touch. The
/// others are the same rows one sample further.
const COUNTED_EDGES: [usize; 8] = [0, 1, 2, 3, 4, 6, 8, 10];

/// What is drawn in a cell.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// Whether each of [`COUNTED_EDGES`] is crossed, 0 or 1.
    pub(super) crossed: [u32; 8],
    /// How many of `triangles` are meant.
    pub(crate) count: u8,
    /// Corners of the triangles as edges of the cell, counter-clockwise seen from outside.
    pub(crate) triangles: [[u8; 3]; 5],
}

/// What is drawn in each of the 256 kinds of cells, by the bits of the inside corners.
pub(crate) static CASES: LazyLock<[Case; 256]> =
    LazyLock::new(|| std::array::from_fn(|case| cell(case as u8)));

fn is_inside(case: u8, corner: u8) -> bool {
    case >> corner & 1 == 1
}

fn edge_between(a: u8, b: u8) -> usize {
    let ends = [a.min(b), a.max(b)];
    EDGE_CORNERS.iter().position(|e| *e == ends).unwrap_or(0)
}

fn cell(case: u8) -> Case {
    let mut result = Case {
        crossed: COUNTED_EDGES.map(|edge| {
            let [a, b] = EDGE_CORNERS[edge];
            u32::from(is_inside(case, a) != is_inside(case, b))
        }),
        count: 0,
        triangles: [[0; 3]; 5],
    };
    for polygon in loops(case) {
        for [a, b, c] in unbiased(&polygon) {
            result.triangles[usize::from(result.count)] = [a, b, c].map(|i| polygon[i] as u8);
            result.count += 1;
        }
    }
    result
}

/// The closed loops of crossed edges in a cell.
fn loops(case: u8) -> Vec<Vec<usize>> {
    let mut next = [None; 12];
    for face in FACES {
        let crossings: Vec<(usize, bool)> = (0..4)
            .map(|i| (face[i], face[(i + 1) % 4]))
            .filter(|&(a, b)| is_inside(case, a) != is_inside(case, b))
            .map(|(a, b)| (edge_between(a, b), is_inside(case, b)))
            .collect();
        for (i, &(edge, enters)) in crossings.iter().enumerate() {
            if enters {
                let (leaving, _) = crossings[(i + 1) % crossings.len()];
                next[edge] = Some(leaving);
            }
        }
    }
    let mut polygons = Vec::new();
    for start in 0..next.len() {
        let mut polygon = Vec::new();
        let mut edge = start;
        while let Some(following) = next[edge].take() {
            polygon.push(edge);
            edge = following;
        }
        if !polygon.is_empty() {
            polygons.push(polygon);
        }
    }
    polygons
}

/// All ways to cut `polygon[first..=last]` into triangles without a chord inside a face of the cell.
fn chordless(polygon: &[usize], first: usize, last: usize) -> Vec<Vec<[usize; 3]>> {
    if last - first < 2 {
        return vec![Vec::new()];
    }
    let is_side = |a: usize, b: usize| b - a == 1 || b - a == polygon.len() - 1;
    let is_allowed = |a: usize, b: usize| is_side(a, b) || !share_a_face(polygon[a], polygon[b]);
    let mut ways = Vec::new();
    for middle in (first + 1..last).filter(|&m| is_allowed(first, m) && is_allowed(m, last)) {
        for before in chordless(polygon, first, middle) {
            for after in chordless(polygon, middle, last) {
                ways.push([before.as_slice(), &after, &[[first, middle, last]]].concat());
            }
        }
    }
    ways
}

/// The way to cut `polygon` that neither fills nor hollows the cell, with all crossings in the middle of their edges;
/// among equals the one with the shortest chords. Other choices would make every body a little larger or smaller.
fn unbiased(polygon: &[usize]) -> Vec<[usize; 3]> {
    let middle =
        |i: usize| EDGE_CORNERS[polygon[i]].map(corner).iter().sum::<DVec3>() * 0.5 - DVec3::splat(0.5);
    let weight = |triangles: &Vec<[usize; 3]>| {
        let points = || triangles.iter().map(|t| t.map(middle));
        let filled: f64 = points().map(|[a, b, c]| a.dot(b.cross(c))).sum();
        let lengths: f64 = points()
            .map(|[a, b, c]| a.distance(b) + b.distance(c) + c.distance(a))
            .sum();
        filled.abs() + 1e-3 * lengths
    };
    chordless(polygon, 0, polygon.len() - 1)
        .into_iter()
        .min_by(|a, b| weight(a).total_cmp(&weight(b)))
        .unwrap_or_default()
}

fn corner(corner: u8) -> DVec3 {
    DVec3::from_array([0, 1, 2].map(|axis| f64::from(corner >> axis & 1)))
}

fn share_a_face(a: usize, b: usize) -> bool {
    FACES.iter().any(|face| {
        [a, b]
            .iter()
            .all(|&edge| EDGE_CORNERS[edge].iter().all(|corner| face.contains(corner)))
    })
}

/// What is drawn on a square of a face of the volume: corners `du + 2 dv`, then the edges 4 (v = 0), 5 (v = 1),
/// 6 (u = 0), 7 (u = 1).
#[derive(Clone, Default)]
pub(super) struct Square {
    /// Counter-clockwise when u leads to v counter-clockwise.
    pub(super) triangles: Vec<[u8; 3]>,
}

/// What is drawn on each of the 16 kinds of squares, by the bits of the inside corners.
pub(super) static SQUARES: LazyLock<[Square; 16]> =
    LazyLock::new(|| std::array::from_fn(|case| square(case as u8)));

/// Corners of a square in turn, and the edge that follows each.
const SQUARE_RING: [(u8, u8); 4] = [(0, 4), (1, 7), (3, 5), (2, 6)];

fn square(case: u8) -> Square {
    let mut triangles = Vec::new();
    let mut fan = |polygon: &[u8]| {
        for pair in polygon.get(1..).unwrap_or_default().windows(2) {
            triangles.push([polygon[0], pair[0], pair[1]]);
        }
    };
    let Some(start) = SQUARE_RING
        .iter()
        .position(|&(corner, _)| !is_inside(case, corner))
    else {
        fan(&SQUARE_RING.map(|(corner, _)| corner));
        return Square { triangles };
    };
    // From an outside corner around the ring: each run of inside corners, between its two crossings, is a polygon.
    let mut polygon = Vec::new();
    for i in 0..4 {
        let (corner, edge) = SQUARE_RING[(start + i) % 4];
        let (following, _) = SQUARE_RING[(start + i + 1) % 4];
        match (is_inside(case, corner), is_inside(case, following)) {
            (false, true) => polygon = vec![edge, following],
            (true, true) => polygon.push(following),
            (true, false) => {
                polygon.push(edge);
                fan(&polygon);
            }
            (false, false) => {}
        }
    }
    Square { triangles }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every directed edge that is not between two crossings of one face has its reverse in the same cell.
    #[test]
    fn triangles_of_a_cell_meet_everywhere_but_on_its_faces() {
        for (case, cell) in CASES.iter().enumerate() {
            let triangles = &cell.triangles[..usize::from(cell.count)];
            let directed: Vec<[u8; 2]> = triangles
                .iter()
                .flat_map(|&[a, b, c]| [[a, b], [b, c], [c, a]])
                .collect();
            for &[a, b] in &directed {
                let reverse = directed.iter().filter(|e| **e == [b, a]).count();
                let same = directed.iter().filter(|e| **e == [a, b]).count();
                let on_face = share_a_face(a.into(), b.into());
                assert_eq!(same, 1, "case {case}");
                assert_eq!(reverse, usize::from(!on_face), "case {case}, edge {a}-{b}");
            }
        }
    }

    #[test]
    fn loops_use_each_crossed_edge_once() {
        for case in 0..=255u8 {
            let mut used: Vec<usize> = loops(case).concat();
            used.sort_unstable();
            let crossed: Vec<usize> = (0..12)
                .filter(|&e| is_inside(case, EDGE_CORNERS[e][0]) != is_inside(case, EDGE_CORNERS[e][1]))
                .collect();
            assert_eq!(used, crossed, "case {case}");
        }
    }

    /// The total over all cases is that of VTK 9's flying edges, which follows the same rule.
    #[test]
    fn all_cases_together_have_as_many_triangles_as_in_vtk() {
        let total: u32 = CASES.iter().map(|case| u32::from(case.count)).sum();
        assert_eq!(total, 820);
    }

    #[test]
    fn squares_cover_their_inside_corners() {
        let counts: Vec<usize> = SQUARES.iter().map(|square| square.triangles.len()).collect();
        assert_eq!(counts, [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 2]);
    }
}
