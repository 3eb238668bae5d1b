//! Vertices that lie at one place but have several places on a texture.

use std::collections::HashMap;

/// Numbers the corners of faces: each pair of a point and a place on the texture becomes a vertex.
#[derive(Default)]
pub(super) struct Splitter {
    /// For each point, the key of the first pair with it and that pair's vertex.
    first: Vec<Option<(u64, u32)>>,
    others: HashMap<(u32, u64), u32>,
    /// For each vertex, its point and its key.
    pub(super) vertices: Vec<(u32, u64)>,
}

impl Splitter {
    /// `points`: how many there are, which the caller has bounded.
    pub(super) fn new(points: usize) -> Self {
        Self {
            first: vec![None; points],
            ..Self::default()
        }
    }

    /// Knows `points` from now on, where they come in between faces.
    pub(super) fn grow(&mut self, points: usize) {
        self.first.resize(points.max(self.first.len()), None);
    }

    /// The vertex of `point` and `key`; `None` when there is no such point.
    pub(super) fn vertex(&mut self, point: u32, key: u64) -> Option<u32> {
        let next = self.vertices.len() as u32;
        let first = self.first.get_mut(point as usize)?;
        let vertex = match first {
            None => {
                *first = Some((key, next));
                next
            }
            Some((known, vertex)) if *known == key => *vertex,
            Some(_) => *self.others.entry((point, key)).or_insert(next),
        };
        if vertex == next {
            self.vertices.push((point, key));
        }
        Some(vertex)
    }

    /// `values`, one a point, for each vertex.
    pub(super) fn spread<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let value = |&(point, _): &(u32, u64)| values.get(point as usize).copied().unwrap_or_default();
        if values.is_empty() {
            Vec::new()
        } else {
            self.vertices.iter().map(value).collect()
        }
    }

    /// Adds a vertex for each point that has none, so that point clouds keep theirs.
    pub(super) fn keep_all(&mut self, key: u64) {
        for point in 0..self.first.len() as u32 {
            if self.first.get(point as usize).is_some_and(Option::is_none) {
                self.vertex(point, key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_become_vertices_once() {
        let mut splitter = Splitter::new(3);
        let vertices = [(0, 5), (1, 5), (0, 6), (0, 5), (0, 6), (2, 9)].map(|(p, k)| splitter.vertex(p, k));
        assert_eq!(vertices.map(Option::unwrap), [0, 1, 2, 0, 2, 3]);
        assert_eq!(splitter.vertex(3, 0), None);
        assert_eq!(splitter.spread(&[10, 20, 30]), [10, 20, 10, 30]);
    }
}
