//! The discrete Fourier transform of a square tile, by Cooley and Tukey's radix 2.

use std::f32::consts::TAU;

/// A complex number: real and imaginary part.
pub(super) type Complex = [f32; 2];

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Values to modes: the sum of values times `exp(-i phase)`.
    Forward,
    /// Modes to values: the sum of modes times `exp(i phase)`, not divided by their number.
    Back,
}

/// A transform of tiles `side` by `side`, a power of two.
pub(super) struct Transform {
    side: usize,
    /// `exp(-i phase)` for phases of half a turn.
    roots: Vec<Complex>,
}

impl Transform {
    pub(super) fn new(side: usize) -> Self {
        let roots = (0..side / 2)
            .map(|k| {
                let (sin, cos) = (TAU * k as f32 / side as f32).sin_cos();
                [cos, -sin]
            })
            .collect();
        Self { side, roots }
    }

    /// Transforms `[row][column]` in place.
    pub(super) fn run(&self, values: &mut [Complex], way: Way) {
        let mut line = vec![[0.0; 2]; self.side];
        for row in values.chunks_exact_mut(self.side) {
            self.line(row, way);
        }
        for column in 0..self.side {
            for (row, value) in line.iter_mut().enumerate() {
                *value = values[row * self.side + column];
            }
            self.line(&mut line, way);
            for (row, value) in line.iter().enumerate() {
                values[row * self.side + column] = *value;
            }
        }
    }

    fn line(&self, values: &mut [Complex], way: Way) {
        let bits = self.side.trailing_zeros();
        for at in 0..self.side {
            let other = at.reverse_bits() >> (usize::BITS - bits);
            if at < other {
                values.swap(at, other);
            }
        }
        let mut half = 1;
        while half < self.side {
            let step = self.side / (2 * half);
            for block in values.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let root = self.roots[k * step];
                    let root = if way == Way::Forward {
                        root
                    } else {
                        [root[0], -root[1]]
                    };
                    let turned = times(*b, root);
                    *b = [a[0] - turned[0], a[1] - turned[1]];
                    *a = [a[0] + turned[0], a[1] + turned[1]];
                }
            }
            half *= 2;
        }
    }
}

/// The product.
pub(super) fn times(a: Complex, b: Complex) -> Complex {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_that_defines_it_and_comes_back() {
        let side = 8;
        let values: Vec<Complex> = (0..64_i16)
            .map(|n| [f32::from(n * 37 % 11), f32::from(n * 13 % 7)])
            .collect();
        let transform = Transform::new(side);
        let mut modes = values.clone();
        transform.run(&mut modes, Way::Forward);
        for ky in 0..side {
            for kx in 0..side {
                let sum = (0..64).fold([0.0, 0.0], |sum: Complex, at| {
                    let phase = -TAU * ((kx * (at % 8) + ky * (at / 8)) as f32) / 8.0;
                    let term = times(values[at], [phase.cos(), phase.sin()]);
                    [sum[0] + term[0], sum[1] + term[1]]
                });
                let found = modes[ky * side + kx];
                assert!((found[0] - sum[0]).abs() < 1e-3 && (found[1] - sum[1]).abs() < 1e-3);
            }
        }
        transform.run(&mut modes, Way::Back);
        for (back, value) in modes.iter().zip(&values) {
            assert!((back[0] / 64.0 - value[0]).abs() < 1e-4 && (back[1] / 64.0 - value[1]).abs() < 1e-4);
        }
    }
}
