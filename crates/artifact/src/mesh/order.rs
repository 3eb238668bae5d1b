//! The order in which the lasting artifact stores triangles and vertices.
//!
//! The codecs (and a GPU's vertex cache) want triangles that share vertices close to each other, and vertices in the
//! order of their first use. The search for such an order of triangles is nearly all of the time that encoding takes; it
//! works on pieces of the mesh here, in parallel and each small enough for a processor's cache. Surfaces come out of
//! their extraction piece by piece, so that little is lost where two pieces meet.

use parallel::prelude::*;
use surface::Mesh;

/// Triangles of a piece. Fixed, so that the bytes do not depend on the number of threads.
const PIECE_TRIANGLES: usize = 1 << 14;

/// Triangles are ordered for a cache of so many vertices that forgets the oldest: what the index codec remembers.
const CACHE_VERTICES: u32 = 16;

/// The vertices and triangles that are stored, in their order.
pub(super) struct Ordered {
    /// Three for each triangle.
    pub(super) indexes: Vec<u32>,
    /// For each vertex that is stored, its number in the mesh; each is used.
    old_from_new: Vec<u32>,
}

impl Ordered {
    /// `mesh` must have passed [`check`](super::check) and have at most [`MAX_TRIANGLES`](super::MAX_TRIANGLES).
    pub(super) fn new(mesh: &Mesh) -> Self {
        let mut indexes = vec![0; mesh.triangles.len() * 3];
        indexes
            .par_chunks_mut(PIECE_TRIANGLES * 3)
            .zip(mesh.triangles.par_chunks(PIECE_TRIANGLES))
            .for_each(|(ordered, piece)| order_piece(piece.as_flattened(), ordered));
        let old_from_new = number_by_first_use(&mut indexes, mesh.positions_mm.len());
        Self {
            indexes,
            old_from_new,
        }
    }

    /// Vertices that are stored.
    pub(super) fn vertices(&self) -> usize {
        self.old_from_new.len()
    }

    /// `values` (one a vertex of the mesh, or none) for the vertices that are stored, in their order.
    #[expect(
        clippy::indexing_slicing,
        reason = "the numbers are those of vertices, and there are as many values"
    )]
    pub(super) fn gather<T: Copy>(&self, values: &[T]) -> Vec<T> {
        if values.is_empty() {
            return Vec::new();
        }
        self.old_from_new
            .iter()
            .map(|old| values[*old as usize])
            .collect()
    }
}

/// Marks a place without a vertex: no mesh here has so many.
const NONE: u32 = u32::MAX;

/// Writes the triangles of `piece` (three indexes each) to `ordered` in an order that a vertex cache likes.
#[expect(
    clippy::indexing_slicing,
    reason = "local numbers are below the number of vertices met, which is that of `old_from_local`"
)]
fn order_piece(piece: &[u32], ordered: &mut [u32]) {
    let mut numbers = Numbers::new();
    let local: Vec<u32> = piece.iter().map(|index| numbers.local(*index)).collect();
    let old_from_local = numbers.old_from_local;
    let local = meshopt::optimize_vertex_cache_fifo(&local, old_from_local.len(), CACHE_VERTICES);
    for (index, local) in ordered.iter_mut().zip(local) {
        *index = old_from_local[local as usize];
    }
}

/// Numbers the vertices of a piece from 0 on, so that the work on a piece takes no more memory than the piece.
struct Numbers {
    /// A hash table with open addressing: vertex and its local number, or [`NONE`].
    table: Vec<[u32; 2]>,
    old_from_local: Vec<u32>,
}

impl Numbers {
    /// A piece has at most three quarters as many vertices as the table has places.
    const TABLE_BITS: u32 = (PIECE_TRIANGLES * 4).ilog2();

    fn new() -> Self {
        Self {
            table: vec![[NONE; 2]; 1 << Self::TABLE_BITS],
            old_from_local: Vec::with_capacity(PIECE_TRIANGLES),
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a place is reduced to the size of the table before it is used"
    )]
    fn local(&mut self, old: u32) -> u32 {
        // Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4.
        let mut place = (old.wrapping_mul(0x9E37_79B1) >> (u32::BITS - Self::TABLE_BITS)) as usize;
        loop {
            let [vertex, local] = self.table[place];
            if vertex == old {
                return local;
            }
            if vertex == NONE {
                let local = self.old_from_local.len() as u32;
                self.table[place] = [old, local];
                self.old_from_local.push(old);
                return local;
            }
            place = (place + 1) % (1 << Self::TABLE_BITS);
        }
    }
}

/// Numbers the vertices anew, in the order in which `indexes` first name them, and tells the old number of each.
#[expect(
    clippy::indexing_slicing,
    reason = "`check` has bounded the indexes by the vertices"
)]
fn number_by_first_use(indexes: &mut [u32], vertices: usize) -> Vec<u32> {
    let mut new_from_old = vec![NONE; vertices];
    let mut old_from_new = Vec::with_capacity(vertices.min(indexes.len()));
    for index in indexes {
        let new = &mut new_from_old[*index as usize];
        if *new == NONE {
            *new = old_from_new.len() as u32;
            old_from_new.push(*index);
        }
        *index = *new;
    }
    old_from_new
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sheet of `columns` by `rows` squares; the first vertex is unused. Normals tell the number of their vertex.
    fn sheet(columns: u32, rows: u32) -> Mesh {
        let mut mesh = Mesh::default();
        let stride = columns + 1;
        for i in 0..=stride * (rows + 1) {
            mesh.positions_mm
                .push([(i % stride) as f32, (i / stride) as f32 * 0.5, -(i as f32)]);
            mesh.normals.push([i as f32, 0.0, 0.0]);
        }
        for row in 0..rows {
            for column in 0..columns {
                let a = 1 + row * stride + column;
                mesh.triangles.push([a, a + 1, a + stride]);
                mesh.triangles.push([a + 1, a + stride + 1, a + stride]);
            }
        }
        mesh
    }

    #[test]
    fn several_pieces_keep_every_triangle_and_its_side() {
        let mesh = sheet(211, 170);
        assert!(mesh.triangles.len() > 4 * PIECE_TRIANGLES);
        let ordered = Ordered::new(&mesh);
        assert_eq!(ordered.vertices(), mesh.positions_mm.len() - 1);
        let normals = ordered.gather(&mesh.normals);
        let old_from_new: Vec<u32> = normals.iter().map(|[old, ..]| *old as u32).collect();
        for (position, old) in ordered.gather(&mesh.positions_mm).iter().zip(&old_from_new) {
            assert_eq!(*position, mesh.positions_mm[*old as usize]);
        }
        let from_lowest = |mut triangle: [u32; 3]| {
            while triangle[0] > triangle[1].min(triangle[2]) {
                triangle.rotate_left(1);
            }
            triangle
        };
        let (ordered_triangles, _) = ordered.indexes.as_chunks::<3>();
        let mut back: Vec<_> = ordered_triangles
            .iter()
            .map(|triangle| from_lowest(triangle.map(|new| old_from_new[new as usize])))
            .collect();
        back.sort_unstable();
        let mut expected: Vec<_> = mesh.triangles.iter().copied().map(from_lowest).collect();
        expected.sort_unstable();
        assert_eq!(back, expected);
    }

    #[test]
    fn triangles_that_share_vertices_come_close_to_each_other() {
        // In the order of its rows, the sheet loads 1 vertex for each triangle with a cache shorter than a row.
        let mesh = sheet(211, 170);
        let ordered = Ordered::new(&mesh);
        let loads = |indexes: &[u32]| {
            let mut cache = std::collections::VecDeque::new();
            let mut loads = 0;
            for index in indexes {
                if !cache.contains(index) {
                    loads += 1;
                    cache.push_back(*index);
                    if cache.len() > CACHE_VERTICES as usize {
                        cache.pop_front();
                    }
                }
            }
            f64::from(loads) / (indexes.len() / 3) as f64
        };
        assert!(loads(mesh.triangles.as_flattened()) > 0.99);
        assert!(loads(&ordered.indexes) < 0.75, "{}", loads(&ordered.indexes));
    }
}
