//! What nearly all PLY files of bytes are: vertices of one length, then triangles. Read in parallel.

use rayon::prelude::*;

use super::super::text::channel;
use super::body::{Binary, decode};
use super::header::{Element, Encoding, Kind, Scalar};
use super::{FACE_CORNERS, Reader, Row, Slot, malformed, place_of};
use crate::CaptureError;

/// Takes the element as a whole where all its rows have one length; false where they have not, with nothing taken.
pub(super) fn element(
    reader: &mut Reader<'_>,
    source: &mut Binary<'_>,
    element: &Element,
) -> Result<bool, CaptureError> {
    match element.name.as_str() {
        "vertex" if reader.points.narrow.is_empty() && reader.points.wide.is_empty() => {
            vertices(reader, source, element)
        }
        "face" => triangles(reader, source, element),
        _ => Ok(false),
    }
}

/// The places of all properties in a row, and its length; `None` where a list makes rows differ.
fn layout(element: &Element) -> Option<(Vec<(usize, Scalar)>, usize)> {
    let mut at = 0;
    let mut places = Vec::with_capacity(element.properties.len());
    for property in &element.properties {
        let Kind::One(scalar) = property.kind else {
            return None;
        };
        places.push((at, scalar));
        at += scalar.bytes();
    }
    Some((places, at))
}

fn vertices(
    reader: &mut Reader<'_>,
    source: &mut Binary<'_>,
    element: &Element,
) -> Result<bool, CaptureError> {
    let Some((places, stride)) = layout(element) else {
        return Ok(false);
    };
    let is_big_endian = reader.header.encoding == Encoding::BigEndian;
    let body = source.take(stride.saturating_mul(element.count as usize))?;
    let fields: Vec<(Slot, usize, Scalar)> = element
        .properties
        .iter()
        .zip(places)
        .map(|(property, (at, scalar))| (Slot::of(&property.name), at, scalar))
        .collect();
    let row = |bytes: &[u8], wanted: fn(Slot) -> bool| {
        let mut row = Row::default();
        for &(slot, at, scalar) in fields.iter().filter(|(slot, ..)| wanted(*slot)) {
            let number = bytes.get(at..).map(|bytes| decode(bytes, scalar, is_big_endian));
            row.set(slot, number.unwrap_or_default(), scalar);
        }
        row
    };
    let has = |wanted: Slot| fields.iter().any(|(slot, ..)| *slot == wanted);
    let rows = || body.par_chunks_exact(stride);
    let is_narrow = fields
        .iter()
        .all(|(slot, _, scalar)| !matches!(slot, Slot::Axis(_)) || *scalar == Scalar::F32);
    let is_axis: fn(Slot) -> bool = |slot| matches!(slot, Slot::Axis(_));
    let points = &mut reader.points;
    if is_narrow {
        let mut at = [0; 3];
        for &(slot, place, _) in &fields {
            if let Slot::Axis(axis) = slot
                && let Some(to) = at.get_mut(axis)
            {
                *to = place;
            }
        }
        let coordinate = |row: &[u8], at: usize| {
            let bytes = row
                .get(at..)
                .and_then(<[u8]>::first_chunk)
                .copied()
                .unwrap_or_default();
            if is_big_endian {
                f32::from_be_bytes(bytes)
            } else {
                f32::from_le_bytes(bytes)
            }
        };
        points.narrow = rows().map(|row| at.map(|at| coordinate(row, at))).collect();
    } else {
        points.wide = rows().map(|bytes| row(bytes, is_axis).position).collect();
    }
    if has(Slot::Channel(0)) {
        let is_channel: fn(Slot) -> bool = |slot| matches!(slot, Slot::Channel(_));
        points.colors = rows()
            .map(|bytes| row(bytes, is_channel).color.map(channel))
            .collect();
    }
    if reader.is_textured && has(Slot::Place(0)) {
        let is_place: fn(Slot) -> bool = |slot| matches!(slot, Slot::Place(_));
        points.uv = rows().map(|bytes| place_of(row(bytes, is_place).place)).collect();
    }
    Ok(true)
}

/// Rows with one list, of three corners each in four bytes.
fn triangles(
    reader: &mut Reader<'_>,
    source: &mut Binary<'_>,
    element: &Element,
) -> Result<bool, CaptureError> {
    let corners_at = element.find(&FACE_CORNERS);
    let (mut before, mut after, mut list) = (0, 0, None);
    for (i, property) in element.properties.iter().enumerate() {
        match property.kind {
            Kind::List {
                count,
                item: Scalar::I32 | Scalar::U32,
            } if Some(i) == corners_at => list = Some(count),
            Kind::List { .. } => return Ok(false),
            Kind::One(scalar) if list.is_none() => before += scalar.bytes(),
            Kind::One(scalar) => after += scalar.bytes(),
        }
    }
    let (Some(count), None, true) = (list, element.find(&["texnumber"]), reader.triangles.is_empty()) else {
        return Ok(false);
    };
    super::check_counts(0, element.count)?;
    reader.check_order(element)?;
    let first = before + count.bytes();
    let stride = first + 12 + after;
    let len = stride.saturating_mul(element.count as usize);
    let Some(body) = source.rest().get(..len) else {
        return Ok(false);
    };
    let is_big_endian = reader.header.encoding == Encoding::BigEndian;
    let is_triangle = |row: &[u8]| {
        row.get(before..)
            .is_some_and(|bytes| decode(bytes, count, is_big_endian) == 3.0)
    };
    if !body.par_chunks_exact(stride).all(is_triangle) {
        return Ok(false);
    }
    let corner = |bytes: &[u8; 4]| {
        if is_big_endian {
            u32::from_be_bytes(*bytes)
        } else {
            u32::from_le_bytes(*bytes)
        }
    };
    let triangle = |row: &[u8]| -> [u32; 3] {
        let (words, _) = row.get(first..).unwrap_or_default().as_chunks::<4>();
        match words {
            [a, b, c, ..] => [a, b, c].map(corner),
            _ => [0; 3],
        }
    };
    reader.triangles = body.par_chunks_exact(stride).map(triangle).collect();
    let vertices = reader.vertices;
    let is_outside = |triangle: &[u32; 3]| triangle.iter().any(|&v| u64::from(v) >= vertices);
    if let Some(face) = reader.triangles.par_iter().position_first(is_outside) {
        return Err(malformed(format!(
            "a corner of face {face} is beyond the {vertices} vertices"
        )));
    }
    source.take(len)?;
    Ok(true)
}
