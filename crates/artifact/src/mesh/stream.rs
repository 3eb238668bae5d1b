//! Reading the streams of `EXT_meshopt_compression`: vertex attributes (version 0) and triangles (versions 0 and 1).
//!
//! The decoders are our own, safe and the same on every platform: a browser has no C++ library to call, and what comes
//! out of a store is not to be trusted. Source: `EXT_meshopt_compression`, appendix A ("Bitstream").

use crate::ArtifactError;

const VERTEX_HEADER: u8 = 0xa0;
const INDEX_HEADER: u8 = 0xe0;
/// Elements that share one byte of modes.
const GROUP: usize = 16;
/// Bytes of a block of elements, at most.
const BLOCK_BYTES: usize = 8192;
/// Elements of a block, at most.
const BLOCK_ELEMENTS: usize = 256;
/// Bytes after the last block, at least.
const TAIL_BYTES: usize = 32;
/// Bytes of the table after the triangles.
const TABLE_BYTES: usize = 16;

const DAMAGED: ArtifactError = ArtifactError::Damaged {
    what: "a compressed stream of the surface cannot be read",
};

/// `count` elements of `T` from a stream of attributes.
///
/// # Errors
/// When the stream is not of this version, is too short or too long, or the size of an element is no multiple of four
/// up to 256 bytes.
pub(super) fn decode_attributes<T: bytemuck::Pod>(
    stream: &[u8],
    count: usize,
) -> Result<Vec<T>, ArtifactError> {
    let stride = size_of::<T>();
    if stride == 0 || !stride.is_multiple_of(4) || stride > 256 {
        return Err(DAMAGED);
    }
    let mut elements = vec![T::zeroed(); count];
    let (&header, mut data) = stream.split_first().ok_or(DAMAGED)?;
    let tail_len = stride.max(TAIL_BYTES);
    if header != VERTEX_HEADER || data.len() < tail_len {
        return Err(DAMAGED);
    }
    let mut last = data.get(data.len() - stride..).ok_or(DAMAGED)?.to_vec();
    let block_elements = ((BLOCK_BYTES / stride) & !(GROUP - 1)).min(BLOCK_ELEMENTS);
    let mut column = [0u8; BLOCK_ELEMENTS];
    for block in bytemuck::cast_slice_mut::<T, u8>(&mut elements).chunks_mut(block_elements * stride) {
        let in_block = block.len() / stride;
        for (at, last) in last.iter_mut().enumerate() {
            data = decode_column(data, &mut column, in_block)?;
            let places = block.iter_mut().skip(at).step_by(stride);
            for (place, &delta) in places.zip(&column) {
                *last = last.wrapping_add(from_zigzag(delta));
                *place = *last;
            }
        }
    }
    if data.len() == tail_len {
        Ok(elements)
    } else {
        Err(DAMAGED)
    }
}

/// One byte of each element of a block, as differences; gives what follows.
fn decode_column<'a>(
    data: &'a [u8],
    column: &mut [u8; BLOCK_ELEMENTS],
    elements: usize,
) -> Result<&'a [u8], ArtifactError> {
    let groups = elements.div_ceil(GROUP);
    let (modes, mut data) = data.split_at_checked(groups.div_ceil(4)).ok_or(DAMAGED)?;
    for (at, group) in column.chunks_exact_mut(GROUP).take(groups).enumerate() {
        let mode = modes.get(at / 4).map_or(0, |byte| byte >> (at % 4 * 2) & 3);
        data = match mode {
            0 => {
                group.fill(0);
                data
            }
            1 => unpack::<2>(data, group)?,
            2 => unpack::<4>(data, group)?,
            _ => {
                let (bytes, rest) = data.split_at_checked(GROUP).ok_or(DAMAGED)?;
                group.copy_from_slice(bytes);
                rest
            }
        };
    }
    Ok(data)
}

/// A group of `BITS` an element, highest bits first; where all are set, a byte that follows the group holds the value.
fn unpack<'a, const BITS: usize>(data: &'a [u8], group: &mut [u8]) -> Result<&'a [u8], ArtifactError> {
    let (packed, mut rest) = data.split_at_checked(GROUP * BITS / 8).ok_or(DAMAGED)?;
    let all = (1u8 << BITS) - 1;
    for (byte, values) in packed.iter().zip(group.chunks_exact_mut(8 / BITS)) {
        let mut byte = *byte;
        for value in values {
            byte = byte.rotate_left(BITS as u32);
            *value = byte & all;
            if *value == all {
                let (&whole, after) = rest.split_first().ok_or(DAMAGED)?;
                (*value, rest) = (whole, after);
            }
        }
    }
    Ok(rest)
}

/// 0, 1, 2, 3, 4 ... stand for 0, -1, 1, -2, 2 ...
fn from_zigzag(v: u8) -> u8 {
    (v >> 1) ^ (v & 1).wrapping_neg()
}

/// `count` triangles from a stream of indexes.
///
/// # Errors
/// When the stream is of another version, too short or too long. Whether an index is in range is not looked at.
pub(super) fn decode_triangles(stream: &[u8], count: usize) -> Result<Vec<[u32; 3]>, ArtifactError> {
    let (&header, rest) = stream.split_first().ok_or(DAMAGED)?;
    let free_from = match header {
        INDEX_HEADER => 15,
        v if v == INDEX_HEADER | 1 => 13,
        _ => return Err(DAMAGED),
    };
    let (codes, rest) = rest.split_at_checked(count).ok_or(DAMAGED)?;
    let (data, table) = rest
        .len()
        .checked_sub(TABLE_BYTES)
        .and_then(|at| rest.split_at_checked(at))
        .ok_or(DAMAGED)?;
    let mut state = Triangles {
        edges: Recent::new([u32::MAX; 2]),
        vertices: Recent::new(u32::MAX),
        next: 0,
        last: 0,
        free_from,
        data,
    };
    let mut triangles = Vec::with_capacity(count);
    for &code in codes {
        triangles.push(match code {
            0..0xf0 => state.beside_edge(code)?,
            0xf0..0xfe => {
                let pair = table.get(usize::from(code & 15)).copied().ok_or(DAMAGED)?;
                state.alone(0, pair)?
            }
            _ => {
                let pair = state.byte()?;
                if pair == 0 {
                    state.next = 0;
                }
                state.alone(if code == 0xfe { 0 } else { 15 }, pair)?
            }
        });
    }
    if state.data.is_empty() {
        Ok(triangles)
    } else {
        Err(DAMAGED)
    }
}

/// The sixteen last things that were put in.
struct Recent<T> {
    ring: [T; 16],
    /// Where the next one goes.
    at: usize,
}

impl<T: Copy> Recent<T> {
    fn new(nothing: T) -> Self {
        Self {
            ring: [nothing; 16],
            at: 0,
        }
    }

    /// The one put in `ago` things before the last; wraps around.
    #[expect(clippy::indexing_slicing, reason = "a number below 16 indexes 16 entries")]
    fn ago(&self, ago: u8) -> T {
        self.ring[self.at.wrapping_sub(1 + usize::from(ago)) & 15]
    }

    #[expect(clippy::indexing_slicing, reason = "a number below 16 indexes 16 entries")]
    fn push(&mut self, value: T) {
        self.ring[self.at & 15] = value;
        self.at = self.at.wrapping_add(1);
    }
}

/// What the decoder of triangles remembers.
struct Triangles<'a> {
    edges: Recent<[u32; 2]>,
    vertices: Recent<u32>,
    /// The lowest index that was not yet used.
    next: u32,
    /// The last index that was told as a number.
    last: u32,
    /// Codes of the third corner from here on stand for a number.
    free_from: u8,
    data: &'a [u8],
}

impl Triangles<'_> {
    /// A triangle on an edge of one of the last.
    fn beside_edge(&mut self, code: u8) -> Result<[u32; 3], ArtifactError> {
        let [a, b] = self.edges.ago(code >> 4);
        let corner = code & 15;
        let c = if corner >= self.free_from {
            let c = match corner {
                13 => self.last.wrapping_sub(1),
                14 => self.last.wrapping_add(1),
                _ => self.number()?,
            };
            self.last = c;
            self.vertices.push(c);
            c
        } else if corner == 0 {
            let c = self.fresh();
            self.vertices.push(c);
            c
        } else {
            self.vertices.ago(corner)
        };
        self.edges.push([c, b]);
        self.edges.push([a, c]);
        Ok([a, b, c])
    }

    /// A triangle that shares no edge with the last ones: `first` says where its first corner comes from, `pair` the
    /// others: 0 is a vertex not yet used, 15 a number, else one of the last.
    fn alone(&mut self, first: u8, pair: u8) -> Result<[u32; 3], ArtifactError> {
        let codes = [first, pair >> 4, pair & 15];
        // The last vertices are looked up before this triangle's own are put in.
        let mut corners = codes.map(|code| match code {
            0 => self.fresh(),
            15 => 0,
            _ => self.vertices.ago(code - 1),
        });
        for (corner, code) in corners.iter_mut().zip(codes) {
            if code == 15 {
                *corner = self.number()?;
                self.last = *corner;
            }
        }
        for (corner, code) in corners.into_iter().zip(codes) {
            if code == 0 || code == 15 {
                self.vertices.push(corner);
            }
        }
        let [a, b, c] = corners;
        self.edges.push([b, a]);
        self.edges.push([c, b]);
        self.edges.push([a, c]);
        Ok(corners)
    }

    fn fresh(&mut self) -> u32 {
        let fresh = self.next;
        self.next = self.next.wrapping_add(1);
        fresh
    }

    fn byte(&mut self) -> Result<u8, ArtifactError> {
        let (&byte, rest) = self.data.split_first().ok_or(DAMAGED)?;
        self.data = rest;
        Ok(byte)
    }

    /// An index told by its difference to the last one: seven bits a byte, lowest first, the sign in the lowest bit.
    fn number(&mut self) -> Result<u32, ArtifactError> {
        let mut coded = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            coded |= u32::from(byte & 127).wrapping_shl(shift);
            if byte < 128 {
                let difference = (coded >> 1) ^ (coded & 1).wrapping_neg();
                return Ok(self.last.wrapping_add(difference));
            }
        }
        Err(DAMAGED)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn encoded<T: bytemuck::Pod>(elements: &[T]) -> Vec<u8> {
        meshopt::encode_vertex_buffer_level(elements, 0, Some(0)).unwrap()
    }

    /// Elements that differ little, much and not at all, so that every mode occurs.
    fn bumpy(len: usize, seed: u32) -> Vec<[u32; 3]> {
        let mut state = seed | 1;
        (0..len)
            .map(|i| {
                std::array::from_fn(|axis| {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    let reach = [0, 1, 7, 200, u32::MAX - 1][(i / 40 + axis) % 5];
                    (i as u32 * 3).wrapping_add(state % (reach + 1))
                })
            })
            .collect()
    }

    #[test]
    fn attributes_come_back_at_every_length_of_block() {
        for len in [1usize, 15, 16, 17, 255, 256, 257, 1031] {
            let elements = bumpy(len, len as u32);
            assert_eq!(
                decode_attributes::<[u32; 3]>(&encoded(&elements), len).unwrap(),
                elements
            );
            let wide: Vec<[u32; 64]> = elements
                .iter()
                .map(|&[x, y, z]| std::array::from_fn(|i| [x, y, z][i % 3]))
                .collect();
            assert_eq!(
                decode_attributes::<[u32; 64]>(&encoded(&wide), len).unwrap(),
                wide
            );
        }
    }

    #[test]
    fn a_stream_that_is_cut_or_too_long_is_refused() {
        let stream = encoded(&bumpy(300, 9));
        for len in 0..stream.len() {
            assert!(decode_attributes::<[u32; 3]>(&stream[..len], 300).is_err());
        }
        let longer = [&stream[..], &[0]].concat();
        assert!(decode_attributes::<[u32; 3]>(&longer, 300).is_err());
        let triangles: Vec<u32> = (0..900u32).map(|i| i * 7 % 301).collect();
        let stream = meshopt::encode_index_buffer(&triangles, 301).unwrap();
        for len in 0..stream.len() {
            assert!(decode_triangles(&stream[..len], 300).is_err());
        }
    }

    /// Up to rotation within a triangle, which the codec does not keep.
    fn turned(triangle: [u32; 3]) -> [u32; 3] {
        let [a, b, c] = triangle;
        [[a, b, c], [b, c, a], [c, a, b]].into_iter().min().unwrap()
    }

    proptest! {
        #[test]
        fn triangles_come_back(indexes in vec(0u32..500, 0..900), step in 1u32..5) {
            // Runs that share edges, and jumps.
            let mut triangles: Vec<[u32; 3]> = Vec::new();
            for three in indexes.as_chunks::<3>().0 {
                triangles.push(*three);
                let [a, b, c] = *three;
                triangles.push([c, b, (a + step) % 500]);
            }
            let stream = meshopt::encode_index_buffer(triangles.as_flattened(), 500).unwrap();
            let back = decode_triangles(&stream, triangles.len()).unwrap();
            let lib: Vec<u32> = meshopt::decode_index_buffer(&stream, triangles.len() * 3).unwrap();
            prop_assert_eq!(back.as_flattened(), &lib[..]);
            for (a, b) in back.into_iter().zip(triangles) {
                prop_assert_eq!(turned(a), turned(b));
            }
        }

        #[test]
        fn any_bytes_end_in_an_answer(mut bytes in vec(any::<u8>(), 0..400), count in 0usize..200) {
            let _ = decode_attributes::<[u32; 2]>(&bytes, count);
            let _ = decode_triangles(&bytes, count);
            if let Some(first) = bytes.first_mut() {
                *first = VERTEX_HEADER;
                let _ = decode_attributes::<[u32; 2]>(&bytes, count);
                bytes[0] = INDEX_HEADER | 1;
                let _ = decode_triangles(&bytes, count);
            }
        }
    }
}
