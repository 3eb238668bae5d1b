//! Accessors to lists of numbers: glTF 2.0 section 3.6.2.

use intake::budget;
use rayon::prelude::*;

use super::super::check_counts;
use super::buffers::{Buffers, missing};
use super::json::{Accessor, Root};
use super::malformed;
use crate::CaptureError;

/// Elements that an accessor without a view (zeros, changed by sparse values) may have.
const MAX_ZEROS: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Component {
    I8,
    U8,
    I16,
    U16,
    U32,
    F32,
}

impl Component {
    fn of(code: u32) -> Result<Self, CaptureError> {
        Ok(match code {
            5120 => Self::I8,
            5121 => Self::U8,
            5122 => Self::I16,
            5123 => Self::U16,
            5125 => Self::U32,
            5126 => Self::F32,
            _ => return Err(malformed(format!("the component type {code} is not known"))),
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }

    /// What whole numbers are divided by where they stand for fractions (section 3.11).
    fn full(self) -> f32 {
        match self {
            Self::I8 => 127.0,
            Self::U8 => 255.0,
            Self::I16 => 32767.0,
            Self::U16 => 65535.0,
            Self::U32 | Self::F32 => 1.0,
        }
    }

    fn decode(self, bytes: &[u8]) -> f32 {
        macro_rules! as_type {
            ($type:ty) => {
                <$type>::from_le_bytes(bytes.first_chunk().copied().unwrap_or_default()) as f32
            };
        }
        match self {
            Self::I8 => as_type!(i8),
            Self::U8 => as_type!(u8),
            Self::I16 => as_type!(i16),
            Self::U16 => as_type!(u16),
            Self::U32 => as_type!(u32),
            Self::F32 => as_type!(f32),
        }
    }

    /// As an index; `None` for types that indexes have not.
    fn decode_index(self, bytes: &[u8]) -> Option<u32> {
        Some(match self {
            Self::U8 => u32::from(*bytes.first()?),
            Self::U16 => u32::from(u16::from_le_bytes(*bytes.first_chunk()?)),
            Self::U32 => u32::from_le_bytes(*bytes.first_chunk()?),
            _ => return None,
        })
    }
}

/// The accessor `i`.
pub(super) fn get(root: &Root, i: usize) -> Result<&Accessor, CaptureError> {
    root.accessors.get(i).ok_or_else(|| missing("accessor", i))
}

/// `[element][component]` of an accessor with `N` components (or fewer: what is missing is `fill`), whole numbers divided
/// where they stand for fractions.
pub(super) fn vectors<const N: usize>(
    root: &Root,
    buffers: &mut Buffers<'_>,
    i: usize,
    kinds: &[&str],
    fill: f32,
) -> Result<Vec<[f32; N]>, CaptureError> {
    let accessor = get(root, i)?;
    let width = match accessor.kind.as_str() {
        "SCALAR" => 1,
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" => 4,
        _ => 0,
    };
    if !kinds.contains(&accessor.kind.as_str()) || width > N {
        return Err(malformed(format!(
            "accessor {i} is not of type {}",
            kinds.join(" or ")
        )));
    }
    check_counts(accessor.count, 0)?;
    let component = Component::of(accessor.component_type)?;
    let element_bytes = width * component.bytes();
    let full = if accessor.normalized {
        component.full()
    } else {
        1.0
    };
    let element = |bytes: &[u8]| {
        let mut element = [fill; N];
        for (to, bytes) in element
            .iter_mut()
            .zip(bytes.chunks_exact(component.bytes()))
            .take(width)
        {
            // The lowest number of a signed type would be beyond -1.
            *to = component.decode(bytes) / full;
            if full > 1.0 {
                *to = to.max(-1.0);
            }
        }
        element
    };
    if let Some((width, values)) = buffers.decoded(i) {
        return from_draco(accessor, i, (width, values), (full, fill));
    }
    let mut list: Vec<[f32; N]> = match accessor.buffer_view {
        Some(view) => {
            buffers.load(view)?;
            let (bytes, stride) = buffers.view(view)?;
            let stride = stride.unwrap_or(element_bytes);
            let bytes = rows(bytes, accessor.byte_offset, accessor.count, stride, element_bytes)?;
            bytes.par_chunks(stride.max(1)).map(element).collect()
        }
        None => {
            if accessor.sparse.is_none() || accessor.count > MAX_ZEROS {
                return Err(malformed(format!("accessor {i} has no data")));
            }
            vec![[0.0; N]; accessor.count as usize]
        }
    };
    if let Some(sparse) = &accessor.sparse {
        let indexes = numbers(
            buffers,
            sparse.indices.buffer_view,
            sparse.indices.byte_offset,
            sparse.indices.component_type,
            sparse.count,
        )?;
        buffers.load(sparse.values.buffer_view)?;
        let (bytes, _) = buffers.view(sparse.values.buffer_view)?;
        let bytes = rows(
            bytes,
            sparse.values.byte_offset,
            sparse.count,
            element_bytes,
            element_bytes,
        )?;
        for (&index, bytes) in indexes.iter().zip(bytes.chunks(element_bytes)) {
            let to = list.get_mut(index as usize);
            *to.ok_or_else(|| {
                malformed(format!("accessor {i} changes element {index}, which it has not"))
            })? = element(bytes);
        }
    }
    Ok(list)
}

/// What a Draco stream holds for accessor `i`, as the accessor describes it.
fn from_draco<const N: usize>(
    accessor: &Accessor,
    i: usize,
    (width, values): (usize, &[f32]),
    (full, fill): (f32, f32),
) -> Result<Vec<[f32; N]>, CaptureError> {
    if width == 0 || width > N || (values.len() / width) as u64 != accessor.count {
        return Err(malformed(format!("accessor {i} does not fit its Draco stream")));
    }
    let element = |numbers: &[f32]| {
        let mut element = [fill; N];
        for (to, number) in element.iter_mut().zip(numbers) {
            *to = number / full;
        }
        element
    };
    Ok(values.chunks_exact(width).map(element).collect())
}

/// The bytes of `count` elements that begin `stride` bytes apart.
fn rows(
    bytes: &[u8],
    offset: u64,
    count: u64,
    stride: usize,
    element_bytes: usize,
) -> Result<&[u8], CaptureError> {
    if stride < element_bytes {
        return Err(malformed(format!(
            "elements of {element_bytes} bytes lie {stride} bytes apart"
        )));
    }
    let start = budget::check_length(offset, bytes.len())?;
    let rest = bytes.get(start..).unwrap_or_default();
    let needed = match count.checked_sub(1) {
        None => 0,
        Some(last) => last
            .saturating_mul(stride as u64)
            .saturating_add(element_bytes as u64),
    };
    let needed = budget::check_length(needed, rest.len())?;
    Ok(rest.get(..needed).unwrap_or_default())
}

/// Whole numbers, one after the other.
fn numbers(
    buffers: &mut Buffers<'_>,
    view: usize,
    offset: u64,
    component: u32,
    count: u64,
) -> Result<Vec<u32>, CaptureError> {
    let component = Component::of(component)?;
    buffers.load(view)?;
    let (bytes, _) = buffers.view(view)?;
    let bytes = rows(bytes, offset, count, component.bytes(), component.bytes())?;
    let numbers: Option<Vec<u32>> = bytes
        .par_chunks_exact(component.bytes())
        .map(|bytes| component.decode_index(bytes))
        .collect();
    numbers.ok_or_else(|| malformed("indexes are not whole numbers".to_owned()))
}

/// The indexes of an accessor, all below `vertices`.
pub(super) fn indexes(
    root: &Root,
    buffers: &mut Buffers<'_>,
    i: usize,
    vertices: usize,
) -> Result<Vec<u32>, CaptureError> {
    let accessor = get(root, i)?;
    check_counts(0, accessor.count / 3)?;
    if let Some(indexes) = buffers.decoded_indexes(i) {
        return in_range(indexes.to_vec(), vertices);
    }
    let Some(view) = accessor
        .buffer_view
        .filter(|_| accessor.sparse.is_none() && accessor.kind == "SCALAR")
    else {
        return Err(malformed(format!("accessor {i} holds no indexes")));
    };
    let list = numbers(
        buffers,
        view,
        accessor.byte_offset,
        accessor.component_type,
        accessor.count,
    )?;
    in_range(list, vertices)
}

fn in_range(list: Vec<u32>, vertices: usize) -> Result<Vec<u32>, CaptureError> {
    match list.par_iter().find_any(|&&v| v as usize >= vertices) {
        Some(index) => Err(malformed(format!(
            "index {index} is beyond the {vertices} vertices"
        ))),
        None => Ok(list),
    }
}
