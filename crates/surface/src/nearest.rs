//! The nearest triangle to a point, by a grid of cells.

use crate::distance::to_triangle_squared;
use crate::simplify::Shape;
use crate::simplify::quadric::{cross, dot, sub};

/// The most cells of a grid.
const MAX_CELLS: f32 = 4e6;

/// Triangles by the cells of a grid that they may touch.
pub(crate) struct TriangleGrid<'a> {
    shape: Shape<'a>,
    corner: [f32; 3],
    cell_mm: f32,
    cells: [usize; 3],
    /// Where the triangles of each cell start; one more entry than cells.
    starts: Vec<u32>,
    triangles: Vec<u32>,
}

impl<'a> TriangleGrid<'a> {
    /// Sorts the triangles of `shape` into cells about twice as long as its edges.
    pub(crate) fn new(shape: Shape<'a>) -> Self {
        let used = || {
            shape
                .triangles
                .iter()
                .flatten()
                .map(|&v| shape.positions[v as usize])
        };
        let finite = || used().filter(|p| p.iter().all(|v| v.is_finite()));
        let corner = finite().fold([f32::MAX; 3], |a, p| std::array::from_fn(|i| a[i].min(p[i])));
        let end = finite().fold([f32::MIN; 3], |a, p| std::array::from_fn(|i| a[i].max(p[i])));
        let size = sub(end, corner).map(|v| v.max(0.0));
        let edges: f32 = shape
            .triangles
            .iter()
            .map(|t| {
                let [a, b] = [t[0], t[1]].map(|v| shape.positions[v as usize]);
                dot(sub(b, a), sub(b, a)).sqrt()
            })
            .filter(|length| length.is_finite())
            .sum();
        let mean = edges / shape.triangles.len().max(1) as f32;
        let longest = size.into_iter().fold(f32::MIN_POSITIVE, f32::max);
        let volume: f32 = size.iter().map(|v| v.max(longest * 1e-3)).product();
        let cell_mm = (2.0 * mean)
            .max((volume / MAX_CELLS).cbrt())
            .max(longest / 1000.0);
        let cells = size.map(|v| (v / cell_mm) as usize + 1);
        let mut grid = Self {
            shape,
            corner,
            cell_mm,
            cells,
            starts: vec![0; cells.iter().product::<usize>() + 1],
            triangles: Vec::new(),
        };
        grid.sort();
        grid
    }

    fn sort(&mut self) {
        let mut starts = std::mem::take(&mut self.starts);
        for t in 0..self.shape.triangles.len() {
            self.for_each_cell(t, |cell| starts[cell + 1] += 1);
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut triangles = vec![0; starts.last().map_or(0, |&end| end as usize)];
        for t in 0..self.shape.triangles.len() {
            self.for_each_cell(t, |cell| {
                triangles[next[cell] as usize] = t as u32;
                next[cell] += 1;
            });
        }
        self.starts = starts;
        self.triangles = triangles;
    }

    fn cell_of(&self, p: [f32; 3]) -> [usize; 3] {
        std::array::from_fn(|i| (((p[i] - self.corner[i]) / self.cell_mm) as usize).min(self.cells[i] - 1))
    }

    fn index(&self, [x, y, z]: [usize; 3]) -> usize {
        (z * self.cells[1] + y) * self.cells[0] + x
    }

    /// Visits the cells in the box of a triangle that its plane goes through.
    fn for_each_cell(&self, t: usize, mut visit: impl FnMut(usize)) {
        let corners = self.shape.corners(t);
        let cells = corners.map(|p| self.cell_of(p));
        let low: [usize; 3] = std::array::from_fn(|i| cells.iter().map(|c| c[i]).min().unwrap_or(0));
        let high: [usize; 3] = std::array::from_fn(|i| cells.iter().map(|c| c[i]).max().unwrap_or(0));
        let normal = cross(sub(corners[1], corners[0]), sub(corners[2], corners[0]));
        let reach = 0.501 * self.cell_mm * normal.iter().map(|v| v.abs()).sum::<f32>();
        for z in low[2]..=high[2] {
            for y in low[1]..=high[1] {
                for x in low[0]..=high[0] {
                    let cell = [x, y, z];
                    let middle =
                        std::array::from_fn(|i| self.corner[i] + (cell[i] as f32 + 0.5) * self.cell_mm);
                    let is_far = dot(sub(middle, corners[0]), normal).abs() > reach;
                    if low == high || !is_far {
                        visit(self.index(cell));
                    }
                }
            }
        }
    }

    /// The squared distance from `p` to the nearest triangle, if it is below `bound`; else `bound`. Where it is at most
    /// `enough`, the search may end at any triangle that is so near.
    pub(crate) fn squared(&self, p: [f32; 3], bound: f32, enough: f32) -> f32 {
        let center = self.cell_of(p);
        let mut nearest = bound;
        let largest = self.cells.into_iter().max().unwrap_or(1);
        for shell in 0..=largest {
            // All that is nearer than so many cells has been seen.
            let seen = (shell as f32 - 1.0).max(0.0) * self.cell_mm;
            if nearest <= enough || shell > 0 && seen * seen > nearest {
                break;
            }
            self.for_each_in_shell(center, shell, |cell| {
                if nearest <= enough || shell > 0 && self.away_squared(p, cell) > nearest {
                    return;
                }
                let cell = self.index(cell);
                let range = self.starts[cell] as usize..self.starts[cell + 1] as usize;
                for &t in &self.triangles[range] {
                    nearest = nearest.min(to_triangle_squared(p, self.shape.corners(t as usize)));
                    if nearest <= enough {
                        return;
                    }
                }
            });
        }
        nearest
    }

    /// At most the squared distance from `p` to what the triangles of a cell have in it.
    fn away_squared(&self, p: [f32; 3], cell: [usize; 3]) -> f32 {
        let away: [f32; 3] = std::array::from_fn(|i| {
            let middle = (cell[i] as f32 + 0.5) * self.cell_mm;
            // A little more than half a cell, for what rounding does to what lies on its sides.
            ((p[i] - self.corner[i] - middle).abs() - 0.51 * self.cell_mm).max(0.0)
        });
        dot(away, away)
    }

    fn for_each_in_shell(&self, center: [usize; 3], shell: usize, mut visit: impl FnMut([usize; 3])) {
        let range = |i: usize| center[i].saturating_sub(shell)..=(center[i] + shell).min(self.cells[i] - 1);
        for z in range(2) {
            for y in range(1) {
                let is_side = z.abs_diff(center[2]) == shell || y.abs_diff(center[1]) == shell;
                if is_side {
                    range(0).for_each(|x| visit([x, y, z]));
                    continue;
                }
                let first = center[0].checked_sub(shell);
                let last = Some(center[0] + shell).filter(|&x| shell > 0 && x < self.cells[0]);
                for x in [first, last].into_iter().flatten() {
                    visit([x, y, z]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_finds_what_trying_all_finds() {
        let mut seed = 7u64;
        let mut next = |scale: f32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 40) as f32 / (1 << 24) as f32 * scale
        };
        let positions: Vec<[f32; 3]> = (0..300)
            .map(|_| [next(9.0), next(30.0) - 50.0, next(14.0)])
            .collect();
        let mut triangles: Vec<[u32; 3]> = (0..297).map(|i| [i, i + 1, i + 2]).collect();
        triangles.extend((0..100).map(|i| [i, i, i + 150]));
        let shape = Shape {
            positions: &positions,
            triangles: &triangles,
        };
        let grid = TriangleGrid::new(shape);
        for _ in 0..500 {
            let p = [next(20.0) - 5.0, next(50.0) - 60.0, next(30.0) - 8.0];
            let all = (0..triangles.len()).map(|t| to_triangle_squared(p, shape.corners(t)));
            let expected = all.fold(f32::INFINITY, f32::min);
            assert_eq!(grid.squared(p, f32::INFINITY, 0.0), expected);
            assert_eq!(grid.squared(p, expected * 0.5, 0.0), expected * 0.5);
            assert!(grid.squared(p, f32::INFINITY, expected * 2.0) <= expected * 2.0);
        }
    }
}
