//! The sparse grid: blocks of 8 cubed voxels in a hash map (Niessner et al., "Real-time 3D reconstruction at scale
//! using voxel hashing", ACM TOG 32, 2013).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Voxels along an edge of a block.
pub(super) const SIDE: usize = 8;
/// Voxels of a block.
pub(super) const VOXELS: usize = SIDE * SIDE * SIDE;

/// The place of a block, in blocks from the origin of the grid.
pub(super) type Key = [i32; 3];

/// A block of voxels: `[z][y][x]`.
pub(super) struct Block {
    pub(super) key: Key,
    /// The last frame that touched it, counted from 1.
    pub(super) stamp: u32,
    /// Distance to the surface, mm, positive in front of it.
    pub(super) distance_mm: [f32; VOXELS],
    /// Sum of the weights of the samples; 0 where nothing is known.
    pub(super) weight: [f32; VOXELS],
    /// Mean color, present once a frame with color reached the block.
    pub(super) color: Option<Box<ColorBlock>>,
}

/// The colors of a block's voxels near the surface.
pub(super) struct ColorBlock {
    /// Red, green, blue, 0 to 255.
    pub(super) rgb: [[f32; 3]; VOXELS],
    /// Sum of the weights of the samples.
    pub(super) weight: [f32; VOXELS],
}

impl ColorBlock {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            rgb: [[0.0; 3]; VOXELS],
            weight: [0.0; VOXELS],
        })
    }
}

/// The blocks by their places.
#[derive(Default)]
pub(super) struct Grid {
    index: HashMap<Key, u32, BuildHasherDefault<KeyHasher>>,
    pub(super) blocks: Vec<Box<Block>>,
}

impl Grid {
    /// The block at `key`.
    pub(super) fn find(&self, key: Key) -> Option<usize> {
        self.index.get(&key).map(|&i| i as usize)
    }

    /// Marks the block at `key` as touched by frame `stamp`, and makes it if need be.
    pub(super) fn touch(&mut self, key: Key, stamp: u32) {
        let next = self.blocks.len() as u32;
        let at = *self.index.entry(key).or_insert(next);
        if at == next {
            self.blocks.push(Box::new(Block {
                key,
                stamp,
                distance_mm: [0.0; VOXELS],
                weight: [0.0; VOXELS],
                color: None,
            }));
        } else {
            self.blocks[at as usize].stamp = stamp;
        }
    }

    /// Puts the blocks into an order that does not depend on the order of samples, for equal surfaces every time.
    pub(super) fn sort(&mut self) {
        self.blocks
            .sort_unstable_by_key(|block| [block.key[2], block.key[1], block.key[0]]);
        self.index = self
            .blocks
            .iter()
            .zip(0..)
            .map(|(block, i)| (block.key, i))
            .collect();
    }
}

/// Mixes three small integers; the keys are our own, so nobody can choose them to collide.
#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_i32(i32::from(byte));
        }
    }

    fn write_i32(&mut self, value: i32) {
        self.0 = (self.0.rotate_left(23) ^ u64::from(value as u32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, _length: usize) {}
}
