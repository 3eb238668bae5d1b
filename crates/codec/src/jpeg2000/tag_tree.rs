//! Tag trees (ISO/IEC 15444-1 B.10.2): a coarse-to-fine code for a grid of small numbers, of which packet
//! headers tell a little more each time.

use super::packets::HeaderBits;
use crate::CodecError;

/// What is known of one node's value: it is at least `low`, and exactly that once `settled`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node {
    low: u16,
    settled: bool,
}

/// A tree over a grid; its nodes lie in a pool shared by all trees of a tile, leaves first, then level by level.
#[derive(Clone, Copy, Debug)]
pub(super) struct TagTree {
    first: usize,
    size: [u32; 2],
}

impl TagTree {
    /// A tree over `size` leaves (both at least 1), its nodes appended to `pool`.
    pub(super) fn new(size: [u32; 2], pool: &mut Vec<Node>) -> Self {
        let first = pool.len();
        let mut level = size;
        loop {
            pool.resize(
                pool.len() + level[0] as usize * level[1] as usize,
                Node::default(),
            );
            if level[0] <= 1 && level[1] <= 1 {
                return Self { first, size };
            }
            level = [level[0].div_ceil(2), level[1].div_ceil(2)];
        }
    }

    /// Reads on until it is known whether the leaf's value is below `limit`; says so, with the value.
    pub(super) fn below(
        &self,
        leaf: [u32; 2],
        limit: u16,
        pool: &mut [Node],
        bits: &mut HeaderBits<'_>,
    ) -> Result<Option<u16>, CodecError> {
        // Node indices from leaf to root; 32 levels hold any 32-bit grid.
        let mut path = [0_usize; 33];
        let mut depth = 0;
        let (mut first, mut size, mut at) = (self.first, self.size, leaf);
        for slot in &mut path {
            *slot = first + at[1] as usize * size[0] as usize + at[0] as usize;
            depth += 1;
            if size[0] <= 1 && size[1] <= 1 {
                break;
            }
            first += size[0] as usize * size[1] as usize;
            size = [size[0].div_ceil(2), size[1].div_ceil(2)];
            at = [at[0] / 2, at[1] / 2];
        }
        let mut low = 0;
        let mut settled = false;
        for index in path.iter().take(depth).rev() {
            let Some(node) = pool.get_mut(*index) else {
                continue;
            };
            node.low = node.low.max(low);
            while !node.settled && node.low < limit {
                if bits.bit()? {
                    node.settled = true;
                } else {
                    node.low += 1;
                }
            }
            (low, settled) = (node.low, node.settled);
        }
        Ok((settled && low < limit).then_some(low))
    }
}
