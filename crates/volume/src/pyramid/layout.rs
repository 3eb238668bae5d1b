//! Which levels and bricks the pyramid of a grid has.

use geometry::GridGeometry;

/// Samples along each axis of a brick's core.
pub const BRICK_SIDE: u32 = 64;
/// Samples on every side of a brick's core.
pub const BRICK_BORDER: u32 = 1;

/// Names one brick of a pyramid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrickKey {
    /// 0 is the finest level.
    pub level: u32,
    /// Bricks along columns before this one.
    pub x: u32,
    /// Bricks along rows before this one.
    pub y: u32,
    /// Bricks along slices before this one.
    pub z: u32,
}

/// The levels of a pyramid, finest first, and how bricks cover them.
#[derive(Clone, Debug, PartialEq)]
pub struct PyramidLayout {
    levels: Vec<GridGeometry>,
}

impl PyramidLayout {
    /// The pyramid over `grid`.
    pub fn new(grid: GridGeometry) -> Self {
        let mut levels = vec![grid];
        let mut coarsest = grid;
        while coarsest.dims().iter().any(|&n| n > BRICK_SIDE) {
            coarsest = coarsest.halved();
            levels.push(coarsest);
        }
        Self { levels }
    }

    /// The grid of each level, finest first; never empty.
    pub fn levels(&self) -> &[GridGeometry] {
        &self.levels
    }

    /// The grid of level 0.
    pub fn finest(&self) -> &GridGeometry {
        &self.levels[0]
    }

    /// The grid of `level`, if there is such a level.
    pub fn grid(&self, level: u32) -> Option<&GridGeometry> {
        self.levels.get(level as usize)
    }

    /// Bricks along columns, rows and slices of `level`; zeros for a level that is not there.
    pub fn brick_counts(&self, level: u32) -> [u32; 3] {
        self.grid(level)
            .map_or([0; 3], |grid| grid.dims().map(|n| n.div_ceil(BRICK_SIDE)))
    }

    /// How many bricks `level` has.
    pub fn brick_count(&self, level: u32) -> u64 {
        self.brick_counts(level).iter().map(|&n| u64::from(n)).product()
    }

    /// The bricks of `level` in the order of [`PyramidLayout::index`]: along columns first, then rows, then slices.
    pub fn bricks(&self, level: u32) -> impl Iterator<Item = BrickKey> + use<> {
        let [nx, ny, nz] = self.brick_counts(level);
        (0..nz)
            .flat_map(move |z| (0..ny).flat_map(move |y| (0..nx).map(move |x| BrickKey { level, x, y, z })))
    }

    /// The number of a brick within its level; `None` when there is no such brick.
    pub fn index(&self, key: BrickKey) -> Option<usize> {
        let [nx, ny, nz] = self.brick_counts(key.level);
        let inside = key.x < nx && key.y < ny && key.z < nz;
        inside.then(|| (key.z as usize * ny as usize + key.y as usize) * nx as usize + key.x as usize)
    }

    /// Column, row and slice of the first sample of a brick's core, in voxels of its level.
    pub fn core_start(&self, key: BrickKey) -> [u32; 3] {
        [key.x, key.y, key.z].map(|n| n.saturating_mul(BRICK_SIDE))
    }

    /// Samples of a brick's core along columns, rows and slices: 1 to 64; `None` when there is no such brick.
    pub fn core(&self, key: BrickKey) -> Option<[u32; 3]> {
        self.index(key)?;
        let dims = self.grid(key.level)?.dims();
        let start = self.core_start(key);
        Some(std::array::from_fn(|axis| {
            (dims[axis] - start[axis]).min(BRICK_SIDE)
        }))
    }

    /// Samples of a brick with its border along columns, rows and slices: 3 to 66; `None` when there is no such
    /// brick.
    pub fn extent(&self, key: BrickKey) -> Option<[u32; 3]> {
        Some(self.core(key)?.map(|n| n + 2 * BRICK_BORDER))
    }
}

#[cfg(test)]
mod tests {
    use geometry::DVec3;

    use super::*;

    fn layout(dims: [u32; 3]) -> PyramidLayout {
        PyramidLayout::new(GridGeometry::axis_aligned(dims, [0.5, 0.75, 2.0], DVec3::ZERO).unwrap())
    }

    #[test]
    fn levels_end_with_one_brick() {
        let dims: Vec<_> = layout([512, 300, 65]).levels().iter().map(|g| g.dims()).collect();
        assert_eq!(dims, [[512, 300, 65], [256, 150, 33], [128, 75, 17], [64, 38, 9]]);
        assert_eq!(layout([64, 64, 64]).levels().len(), 1);
        assert_eq!(layout([1, 1, 1]).brick_count(0), 1);
    }

    #[test]
    fn an_end_brick_is_as_small_as_what_is_left() {
        let layout = layout([129, 64, 70]);
        assert_eq!(layout.brick_counts(0), [3, 1, 2]);
        let key = BrickKey {
            level: 0,
            x: 2,
            y: 0,
            z: 1,
        };
        assert_eq!(layout.core(key), Some([1, 64, 6]));
        assert_eq!(layout.extent(key), Some([3, 66, 8]));
        assert_eq!(layout.index(key), Some(5));
        assert_eq!(layout.extent(BrickKey { x: 3, ..key }), None);
        assert_eq!(layout.extent(BrickKey { level: 9, ..key }), None);
        assert_eq!(layout.brick_counts(9), [0; 3]);
    }

    #[test]
    fn indexes_follow_the_order_of_bricks() {
        let layout = layout([200, 100, 300]);
        for (i, key) in layout.bricks(0).enumerate() {
            assert_eq!(layout.index(key), Some(i));
        }
        assert_eq!(layout.bricks(0).count() as u64, layout.brick_count(0));
    }
}
