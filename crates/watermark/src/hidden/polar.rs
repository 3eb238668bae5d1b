//! A polar code (Arıkan, IEEE Trans. Inf. Theory 55(7), 2009) with successive cancellation lists (Tal and Vardy, IEEE
//! Trans. Inf. Theory 61(5), 2015): few bits in many, found again far below the noise of each.

/// Bits that are sent.
pub(super) const LENGTH: usize = 512;
/// Bits that are said.
pub(super) const MESSAGE: usize = 52;
const STAGES: usize = LENGTH.trailing_zeros() as usize;
/// Paths that are followed at once.
const LIST: usize = 32;

/// Which positions carry the message.
pub(super) struct Polar {
    /// Ascending.
    carriers: Vec<usize>,
}

impl Polar {
    /// Takes the positions of the highest polarization weight with base `2^(1/4)` (3GPP R1-167209).
    pub(super) fn new() -> Self {
        let weight = |position: usize| -> f64 {
            (0..STAGES)
                .filter(|bit| position >> bit & 1 == 1)
                .map(|bit| 2.0_f64.powf(bit as f64 / 4.0))
                .sum()
        };
        let mut carriers: Vec<usize> = (0..LENGTH).collect();
        carriers.sort_by(|&a, &b| weight(b).total_cmp(&weight(a)));
        carriers.truncate(MESSAGE);
        carriers.sort_unstable();
        Self { carriers }
    }

    /// The bits to send for a message, of which the lowest [`MESSAGE`] bits count.
    pub(super) fn encode(&self, message: u64) -> Vec<bool> {
        let mut bits = vec![false; LENGTH];
        for (index, &carrier) in self.carriers.iter().enumerate() {
            bits[carrier] = message >> index & 1 == 1;
        }
        let mut half = 1;
        while half < LENGTH {
            for block in bits.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (a, b) in low.iter_mut().zip(high) {
                    *a ^= *b;
                }
            }
            half *= 2;
        }
        bits
    }

    /// The likeliest messages, the best first. `evidence` has one value for each sent bit: positive for 0, negative
    /// for 1, by how much.
    pub(super) fn decode(&self, evidence: &[f32]) -> Vec<u64> {
        let mut paths = vec![Path::new(evidence)];
        let mut carried = 0;
        for position in 0..LENGTH {
            for path in &mut paths {
                path.advance(position);
            }
            if self.carriers.get(carried) != Some(&position) {
                for path in &mut paths {
                    path.decide(position, false);
                }
                continue;
            }
            let mut choices: Vec<(f32, usize, bool)> = paths
                .iter()
                .enumerate()
                .flat_map(|(index, path)| [false, true].map(|bit| (path.cost_of(bit), index, bit)))
                .collect();
            choices.sort_by(|a, b| a.0.total_cmp(&b.0));
            choices.truncate(LIST);
            paths = choices
                .into_iter()
                .map(|(_, index, bit)| {
                    let mut path = paths[index].clone();
                    path.message |= u64::from(bit) << carried;
                    path.decide(position, bit);
                    path
                })
                .collect();
            carried += 1;
        }
        paths.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        paths.into_iter().map(|path| path.message).collect()
    }
}

/// What one guess of the message has come to.
#[derive(Clone)]
struct Path {
    cost: f32,
    message: u64,
    /// Evidence at each stage: `2^stage` values from `2^stage` on; the evidence of what was sent at the last.
    evidence: Vec<f32>,
    /// The bits of the left halves that are decided, laid out in the same way.
    left: Vec<bool>,
}

impl Path {
    fn new(sent: &[f32]) -> Self {
        let mut evidence = vec![0.0; 2 * LENGTH];
        for (to, from) in evidence[LENGTH..].iter_mut().zip(sent) {
            *to = *from;
        }
        Self {
            cost: 0.0,
            message: 0,
            evidence,
            left: vec![false; LENGTH],
        }
    }

    /// Computes the evidence for the bit at `position`, all before it being decided.
    fn advance(&mut self, position: usize) {
        let first = match position {
            0 => STAGES,
            _ => position.trailing_zeros() as usize,
        };
        if first < STAGES {
            let size = 1 << first;
            let (below, above) = self.evidence.split_at_mut(2 * size);
            let (a, b) = above[..2 * size].split_at(size);
            let left = &self.left[size..2 * size];
            for (to, ((a, b), &bit)) in below[size..].iter_mut().zip(a.iter().zip(b).zip(left)) {
                *to = if bit { b - a } else { b + a };
            }
        }
        for stage in (0..first).rev() {
            let size = 1 << stage;
            let (below, above) = self.evidence.split_at_mut(2 * size);
            let (a, b) = above[..2 * size].split_at(size);
            for (to, (a, b)) in below[size..].iter_mut().zip(a.iter().zip(b)) {
                *to = a.abs().min(b.abs()) * a.signum() * b.signum();
            }
        }
    }

    fn cost_of(&self, bit: bool) -> f32 {
        let evidence = self.evidence[1];
        match bit == (evidence < 0.0) {
            true => self.cost,
            false => self.cost + evidence.abs(),
        }
    }

    fn decide(&mut self, position: usize, bit: bool) {
        self.cost = self.cost_of(bit);
        let mut bits = vec![bit];
        let mut stage = 0;
        while position >> stage & 1 == 1 {
            let size = 1 << stage;
            let left = &self.left[size..2 * size];
            let mut both: Vec<bool> = left.iter().zip(&bits).map(|(a, b)| a ^ b).collect();
            both.append(&mut bits);
            bits = both;
            stage += 1;
        }
        if stage < STAGES {
            self.left[1 << stage..2 << stage].copy_from_slice(&bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hidden::key::{Draw, Key};

    #[test]
    fn messages_come_back_from_far_below_the_noise() {
        let polar = Polar::new();
        let mut draw = Draw::new(&Key::new([7; 32]), "noise");
        let mut gauss = || {
            let sum: f32 = (0..12).map(|_| draw.below(1 << 16) as f32 / 65_536.0).sum();
            sum - 6.0
        };
        let mut right = 0;
        for n in 0..40_u64 {
            let message = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 12;
            let sent = polar.encode(message);
            // Each bit at a third of the noise's deviation and under: one in three is read wrong.
            let evidence: Vec<f32> = sent
                .iter()
                .map(|&bit| if bit { -0.52 } else { 0.52 } + gauss())
                .collect();
            right += usize::from(polar.decode(&evidence).contains(&message));
        }
        assert!(right >= 37, "{right} of 40");
    }

    #[test]
    fn poison_is_no_panic() {
        let polar = Polar::new();
        for value in [0.0, f32::NAN, f32::INFINITY, f32::MIN] {
            assert!(!polar.decode(&[value; LENGTH]).is_empty());
        }
    }
}
