//! Acquired slices to the planes of a regular grid.
//!
//! Acquired slices come in ascending order, some of them lost. Planes go out in ascending order: a plane that was
//! acquired as it is, one between acquired slices as their linear mean, and one whose slice was lost as the linear
//! mean of its nearest neighbors. At an end of the stack the nearest slice stands in.

use dicom_series::group::Plane;
use volume::Sample;

/// Turns slices into planes, one stack at a time.
#[derive(Debug)]
pub(super) struct PlaneStream<'a, T> {
    planes: &'a [Plane],
    /// The next plane to go out.
    next: usize,
    /// The last slice that was not lost.
    below: Option<(usize, Vec<T>)>,
    filled: Vec<usize>,
}

impl<'a, T: Sample> PlaneStream<'a, T> {
    pub(super) fn new(planes: &'a [Plane]) -> Self {
        Self {
            planes,
            next: 0,
            below: None,
            filled: Vec::new(),
        }
    }

    /// Takes acquired slices from `first` on, one after the other, none of them lost, and gives the planes that are
    /// now complete to `out`, several at a time where it can.
    pub(super) fn push_run<E>(
        &mut self,
        first: usize,
        samples: &[T],
        plane_len: usize,
        out: &mut impl FnMut(&[T]) -> Result<(), E>,
    ) -> Result<(), E> {
        let count = samples.len() / plane_len;
        let planes = self.planes.get(self.next..self.next + count).unwrap_or_default();
        let as_acquired = !planes.is_empty()
            && planes
                .iter()
                .zip(first..)
                .all(|(plane, index)| matches!(plane, Plane::Slice(own) if *own == index));
        if as_acquired {
            out(samples)?;
            self.next += count;
            self.keep(first + count - 1, &samples[samples.len() - plane_len..]);
            return Ok(());
        }
        for (index, slice) in (first..).zip(samples.chunks_exact(plane_len)) {
            self.push(index, slice, out)?;
        }
        Ok(())
    }

    /// Takes acquired slice `index`, and gives the planes that are now complete to `out`.
    fn push<E>(
        &mut self,
        index: usize,
        samples: &[T],
        out: &mut impl FnMut(&[T]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(&plane) = self.planes.get(self.next) {
            let place = place(plane);
            if place > index as f64 {
                break;
            }
            match (&self.below, plane) {
                (_, Plane::Slice(own)) if own == index => out(samples)?,
                (Some((below, low)), plane) => {
                    if matches!(plane, Plane::Slice(_)) {
                        self.filled.push(self.next);
                    }
                    let weight = (place - *below as f64) / (index - below) as f64;
                    out(&mean(low, samples, weight))?;
                }
                (None, _) => {
                    self.filled.push(self.next);
                    out(samples)?;
                }
            }
            self.next += 1;
        }
        self.keep(index, samples);
        Ok(())
    }

    /// Gives the planes above the last slice, and the numbers of all planes that stand in for lost slices.
    pub(super) fn finish<E>(mut self, out: &mut impl FnMut(&[T]) -> Result<(), E>) -> Result<Vec<usize>, E> {
        if let Some((_, last)) = &self.below {
            for plane in self.next..self.planes.len() {
                self.filled.push(plane);
                out(last)?;
            }
        }
        Ok(self.filled)
    }

    /// Keeps a copy of a slice that a later plane may need. The next slice may be lost, so one is kept always; it
    /// is written over in place.
    fn keep(&mut self, index: usize, samples: &[T]) {
        match &mut self.below {
            Some((at, kept)) => {
                *at = index;
                kept.copy_from_slice(samples);
            }
            None => self.below = Some((index, samples.to_vec())),
        }
    }
}

/// Where a plane lies, counted in acquired slices.
fn place(plane: Plane) -> f64 {
    match plane {
        Plane::Slice(index) => index as f64,
        Plane::Interpolated { below, above, weight } => below as f64 + weight * (above - below) as f64,
    }
}

/// `(1 - weight) * low + weight * high`, rounded to nearest for integers.
fn mean<T: Sample>(low: &[T], high: &[T], weight: f64) -> Vec<T> {
    low.iter()
        .zip(high)
        .map(|(&a, &b)| T::from_f64(a.to_f64() + (b.to_f64() - a.to_f64()) * weight))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Pushes one-sample slices (`None` is lost) and collects planes and the filled ones.
    fn run(planes: &[Plane], slices: &[Option<i16>]) -> (Vec<i16>, Vec<usize>) {
        let mut out = Vec::new();
        let mut take = |samples: &[i16]| {
            out.extend_from_slice(samples);
            Ok::<(), Infallible>(())
        };
        let mut stream = PlaneStream::new(planes);
        for (index, slice) in slices.iter().enumerate() {
            if let Some(value) = slice {
                stream.push(index, &[*value], &mut take).unwrap();
            }
        }
        let filled = stream.finish(&mut take).unwrap();
        (out, filled)
    }

    #[test]
    fn acquired_planes_go_through() {
        let planes = [Plane::Slice(0), Plane::Slice(1), Plane::Slice(2)];
        assert_eq!(
            run(&planes, &[Some(5), Some(-7), Some(9)]),
            (vec![5, -7, 9], vec![])
        );
    }

    #[test]
    fn gaps_are_linear() {
        let between = |weight| Plane::Interpolated {
            below: 0,
            above: 1,
            weight,
        };
        let planes = [
            Plane::Slice(0),
            between(0.25),
            between(0.5),
            between(0.75),
            Plane::Slice(1),
        ];
        assert_eq!(
            run(&planes, &[Some(0), Some(100)]),
            (vec![0, 25, 50, 75, 100], vec![])
        );
    }

    #[test]
    fn lost_slices_are_filled_and_named() {
        let planes = [0, 1, 2, 3, 4].map(Plane::Slice);
        let slices = [None, Some(10), None, None, Some(40)];
        assert_eq!(run(&planes, &slices), (vec![10, 10, 20, 30, 40], vec![0, 2, 3]));
        assert_eq!(
            run(&planes, &[Some(1), Some(2), None, None, None]),
            (vec![1, 2, 2, 2, 2], vec![2, 3, 4])
        );
    }
}
