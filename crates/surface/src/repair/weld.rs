//! Which vertices are one and the same.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use parallel::prelude::*;

/// Items are dealt to so many tables by their hash, which are filled side by side and each fit a cache.
const SHARD_BITS: u32 = 6;
/// Items of a piece that is dealt out at once.
const PIECE: usize = 1 << 16;
const NONE: u32 = u32::MAX;

/// A hash that a file cannot be made for: it differs from run to run. What is made from it must not.
#[derive(Clone, Copy)]
pub(super) struct Mixer {
    seed: u64,
}

impl Mixer {
    pub(super) fn new() -> Self {
        Self {
            seed: RandomState::new().hash_one(0u8),
        }
    }

    /// The hash of some words.
    pub(super) fn mix(self, words: impl IntoIterator<Item = u32>) -> u64 {
        let mut hash = self.seed;
        for word in words {
            hash = (hash ^ u64::from(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash ^= hash >> 29;
        }
        hash.wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }
}

/// Tells places from each other: to half a step that is at most a hundred-millionth of the mesh's longest side. Numbers of
/// 32 bits have longer steps than that but near zero, where what differs by less is noise of a program's arithmetic.
#[derive(Clone, Copy)]
pub(super) struct Places {
    /// Adding and taking off this number of 64 bits rounds to steps.
    rounder: f64,
}

impl Places {
    /// For a mesh with a longest side of `longest`.
    pub(super) fn new(longest: f64) -> Self {
        let step = if longest > 0.0 && longest.is_finite() {
            2f64.powi((longest * 1e-8).log2().floor() as i32)
        } else {
            // Rounds nothing that 32 bits can hold.
            0.0
        };
        Self {
            rounder: step * 1.5 * 2f64.powi(52),
        }
    }

    /// What is the same for positions at one place, 0 and -0 included.
    pub(super) fn of(self, position: [f32; 3]) -> [u32; 3] {
        position.map(|v| ((f64::from(v) + self.rounder - self.rounder + 0.0) as f32).to_bits())
    }
}

/// For each of `count` items, the first one that is the `same`. Items that are the same must have the same `hash`.
pub(super) fn representatives(
    count: usize,
    hash: impl Fn(usize) -> u64 + Sync,
    same: impl Fn(usize, usize) -> bool + Sync,
) -> Vec<u32> {
    let shards = 1 << SHARD_BITS;
    let shard = |item: usize| (hash(item) >> (u64::BITS - SHARD_BITS)) as usize;
    let piece_items = |piece: usize| piece * PIECE..((piece + 1) * PIECE).min(count);

    // Deal the items out in their order: count, sum up, place.
    let mut starts: Vec<Vec<u32>> = (0..count.div_ceil(PIECE))
        .into_par_iter()
        .map(|piece| {
            let mut counts = vec![0; shards];
            piece_items(piece).for_each(|item| counts[shard(item)] += 1);
            counts
        })
        .collect();
    let mut ends = Vec::with_capacity(shards);
    let mut total = 0;
    for shard in 0..shards {
        for counts in &mut starts {
            total += std::mem::replace(&mut counts[shard], total);
        }
        ends.push(total);
    }
    let dealt: Vec<AtomicU32> = (0..count).into_par_iter().map(|_| AtomicU32::new(0)).collect();
    starts.into_par_iter().enumerate().for_each(|(piece, mut next)| {
        for item in piece_items(piece) {
            let next = &mut next[shard(item)];
            dealt[*next as usize].store(item as u32, Relaxed);
            *next += 1;
        }
    });

    let first: Vec<AtomicU32> = (0..count).into_par_iter().map(|_| AtomicU32::new(0)).collect();
    (0..shards).into_par_iter().for_each(|shard| {
        let start = if shard == 0 { 0 } else { ends[shard - 1] };
        let items = &dealt[start as usize..ends[shard] as usize];
        let slots = (items.len() * 2).next_power_of_two().max(2);
        let mut table = vec![NONE; slots];
        for item in items {
            let item = item.load(Relaxed);
            // The upper bits have chosen the shard.
            let mut slot = hash(item as usize) as usize & (slots - 1);
            let found = loop {
                let known = table[slot];
                if known == NONE {
                    table[slot] = item;
                    break item;
                }
                if same(known as usize, item as usize) {
                    break known;
                }
                slot = (slot + 1) & (slots - 1);
            };
            first[item as usize].store(found, Relaxed);
        }
    });
    first.into_iter().map(AtomicU32::into_inner).collect()
}

/// Moves positions to the first one within `tolerance` (same unit) of them, in their order; positive and finite.
pub(super) fn snap(positions: &mut [[f32; 3]], tolerance: f64) {
    let cell_of = |p: [f32; 3]| p.map(|v| (f64::from(v) / tolerance).floor() as i64);
    let mut kept: HashMap<[i64; 3], Vec<u32>> = HashMap::new();
    for i in 0..positions.len() {
        let here = positions[i];
        if !here.iter().all(|v| v.is_finite()) {
            continue;
        }
        let cell = cell_of(here);
        let mut nearest: Option<(u32, f64)> = None;
        for step in 0..27i64 {
            let neighbor = [step % 3, step / 3 % 3, step / 9];
            let neighbor = [0, 1, 2].map(|axis| cell[axis].saturating_add(neighbor[axis] - 1));
            for &other in kept.get(&neighbor).into_iter().flatten() {
                let there = positions[other as usize];
                let square = |axis: usize| (f64::from(here[axis]) - f64::from(there[axis])).powi(2);
                let distance = (square(0) + square(1) + square(2)).sqrt();
                if distance <= tolerance && nearest.is_none_or(|(_, least)| distance < least) {
                    nearest = Some((other, distance));
                }
            }
        }
        match nearest {
            Some((other, _)) => positions[i] = positions[other as usize],
            None => kept.entry(cell).or_default().push(i as u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_items_stands_for_them() {
        for count in [0, 1, 5, 300_000] {
            let mixer = Mixer::new();
            let value = |i: usize| (i as u32).wrapping_mul(7919) % 1013;
            let first = representatives(count, |i| mixer.mix([value(i)]), |a, b| value(a) == value(b));
            let mut seen = HashMap::new();
            for (i, found) in first.iter().enumerate() {
                let expected = *seen.entry(value(i)).or_insert(i as u32);
                assert_eq!(*found, expected, "{i}");
            }
        }
    }

    #[test]
    fn all_items_in_one_shard_are_told_apart() {
        let first = representatives(2000, |_| 42, |a, b| a % 1500 == b % 1500);
        assert!(first.iter().enumerate().all(|(i, f)| *f as usize == i % 1500));
    }

    #[test]
    fn noise_near_zero_is_no_place_of_its_own() {
        let places = Places::new(130.0);
        assert_eq!(places.of([1e-17, -0.0, 0.0]), places.of([0.0; 3]));
        assert_ne!(places.of([2e-6, 0.0, 0.0]), places.of([0.0; 3]));
        // Neighbors of 32 bits stay apart.
        for v in [65.0f32, 20.0, 129.99, 1000.0] {
            assert_ne!(places.of([v, 0.0, 0.0]), places.of([v.next_up(), 0.0, 0.0]));
            assert_eq!(places.of([v, 0.0, 0.0])[0], v.to_bits());
        }
        let exact = Places::new(0.0);
        assert_ne!(exact.of([f32::MIN_POSITIVE, 0.0, 0.0]), exact.of([0.0; 3]));
    }

    #[test]
    fn near_positions_become_one_and_far_ones_stay() {
        let mut positions = vec![
            [0.0, 0.0, 0.0],
            [0.09, 0.0, 0.0],
            [0.11, 0.0, 0.0],
            [-0.05, 0.05, 0.05],
            [f32::NAN, 0.0, 0.0],
            [f32::MAX, 0.0, 0.0],
        ];
        snap(&mut positions, 0.1);
        assert_eq!(positions[1], [0.0; 3]);
        assert_eq!(positions[2], [0.11, 0.0, 0.0]);
        assert_eq!(positions[3], [0.0; 3]);
        assert_eq!(positions[5], [f32::MAX, 0.0, 0.0]);
    }
}
