//! Huffman codes for a set of symbols, limited to 16 bits.

use super::bits::{BitWriter, segment};

/// A code for each symbol.
pub(super) struct HuffmanCode {
    counts: [u8; 16],
    symbols: Vec<u8>,
    /// By symbol: code and length; length 0 for a symbol that does not occur.
    codes: [(u32, u32); 256],
}

impl HuffmanCode {
    /// The code that is short for frequent symbols, after T.81 K.2: one code of all ones stays unused.
    pub(super) fn for_frequencies(frequencies: &[u64; 256]) -> Self {
        let mut order: Vec<usize> = (0..256).filter(|&symbol| frequencies[symbol] > 0).collect();
        order.sort_by_key(|&symbol| std::cmp::Reverse(frequencies[symbol]));
        // The reserved code takes part as a symbol that never occurs.
        let weights: Vec<u64> = order
            .iter()
            .map(|&symbol| frequencies[symbol])
            .chain([0])
            .collect();
        let mut counts = [0usize; 33];
        for length in lengths(&weights) {
            counts[length.min(32)] += 1;
        }
        limit(&mut counts);
        if let Some(longest) = (1..=16).rev().find(|&length| counts[length] > 0) {
            counts[longest] -= 1;
        }
        Self::with_counts(std::array::from_fn(|index| counts[index + 1] as u8), &order)
    }

    fn with_counts(counts: [u8; 16], order: &[usize]) -> Self {
        let mut codes = [(0, 0); 256];
        let mut symbols = order.iter();
        let mut code = 0;
        for (length, &count) in (1u32..).zip(&counts) {
            for _ in 0..count {
                if let Some(&symbol) = symbols.next() {
                    codes[symbol] = (code, length);
                }
                code += 1;
            }
            code <<= 1;
        }
        Self {
            counts,
            symbols: order.iter().map(|&symbol| symbol as u8).collect(),
            codes,
        }
    }

    /// Appends the code of `symbol`.
    pub(super) fn put(&self, bits: &mut BitWriter, symbol: u8) {
        let (code, length) = self.codes[usize::from(symbol)];
        assert!(length > 0, "symbol {symbol:#x} has no code");
        bits.put(code, length);
    }

    /// Appends a DHT segment. `head` is class and number.
    pub(super) fn write(&self, stream: &mut Vec<u8>, head: u8) {
        let body: Vec<u8> = [head]
            .into_iter()
            .chain(self.counts)
            .chain(self.symbols.iter().copied())
            .collect();
        segment(stream, 0xC4, &body);
    }
}

/// Lengths of the optimal code for `weights`.
fn lengths(weights: &[u64]) -> Vec<usize> {
    let mut lengths = vec![0; weights.len()];
    let mut groups: Vec<(u64, Vec<usize>)> = weights.iter().enumerate().map(|(i, &w)| (w, vec![i])).collect();
    if groups.len() == 1 {
        return vec![1];
    }
    while groups.len() > 1 {
        groups.sort_by_key(|group| std::cmp::Reverse(group.0));
        if let (Some(a), Some(b)) = (groups.pop(), groups.pop()) {
            let members: Vec<usize> = a.1.into_iter().chain(b.1).collect();
            for &member in &members {
                lengths[member] += 1;
            }
            groups.push((a.0 + b.0, members));
        }
    }
    lengths
}

/// Shortens codes to 16 bits (T.81 figure K.3).
fn limit(counts: &mut [usize; 33]) {
    for length in (17..=32).rev() {
        while counts[length] > 0 {
            let Some(shorter) = (1..length - 1).rev().find(|&shorter| counts[shorter] > 0) else {
                return;
            };
            counts[length] -= 2;
            counts[length - 1] += 1;
            counts[shorter + 1] += 2;
            counts[shorter] -= 1;
        }
    }
}
