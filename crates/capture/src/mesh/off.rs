//! OFF: vertices, then polygons, in text (Geomview's manual, "OFF Files").

use super::polygon::Polygons;
use super::text::{integer, lines, number, short, words};
use super::{MeshFile, MeshFormat, check_counts};
use crate::CaptureError;

const FORMAT: &str = "OFF";

/// Whether the first word is `OFF`, with letters for what vertices carry before it; a count may be glued to it.
pub(super) fn is_off(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let Some(at) = start
        .get(..8.min(start.len()))
        .and_then(|s| s.windows(3).position(|w| w == b"OFF"))
    else {
        return false;
    };
    let (before, after) = start.split_at(at);
    let follows = after.get(3).copied().unwrap_or(b'\n');
    before
        .iter()
        .all(|b| matches!(b, b'S' | b'T' | b'C' | b'N' | b'4' | b'n'))
        && (follows.is_ascii_whitespace() || follows.is_ascii_digit() || follows == b'#')
}

/// Reads the coordinates of each vertex and the corners of each face; colors, normals and places on a texture are left
/// out.
pub(super) fn read(bytes: &[u8]) -> Result<MeshFile, CaptureError> {
    let start = bytes.trim_ascii_start();
    let at = start.windows(3).position(|w| w == b"OFF").unwrap_or(0);
    let (mark, rest) = start.split_at(at + 3);
    if mark.iter().any(|b| matches!(b, b'4' | b'n')) {
        return Err(unsupported("more than three dimensions"));
    }
    if rest.trim_ascii_start().starts_with(b"BINARY") {
        return Err(unsupported("its binary form"));
    }
    let mut rows = lines(rest)
        .map(|line| line.split(|&b| b == b'#').next().unwrap_or_default())
        .filter(|line| words(line).next().is_some());
    let truncated = |what: &str| CaptureError::Truncated {
        format: FORMAT,
        what: what.to_owned(),
        offset: bytes.len() as u64,
    };
    let counts: Vec<u64> = words(rows.next().ok_or_else(|| truncated("the counts"))?)
        .map_while(|word| integer(word).and_then(|n| u64::try_from(n).ok()))
        .collect();
    let [vertices, faces, ..] = *counts.as_slice() else {
        return Err(truncated("the counts of vertices and faces"));
    };
    check_counts(vertices, faces)?;

    let mut positions: Vec<[f64; 3]> = Vec::new();
    for _ in 0..vertices {
        let line = rows.next().ok_or_else(|| truncated("a vertex"))?;
        let mut coordinates = words(line).map(number);
        let mut next = || coordinates.next().flatten();
        match (next(), next(), next()) {
            (Some(x), Some(y), Some(z)) => positions.push([x, y, z]),
            _ => return Err(malformed(format!("\"{}\" is no vertex", short(line)))),
        }
    }
    let mut mesh = MeshFile {
        format: Some(MeshFormat::Off),
        ..MeshFile::default()
    };
    let mut polygons = Polygons::default();
    let (mut corners, mut incomplete) = (Vec::new(), 0);
    for face in 0..faces {
        let line = rows.next().ok_or_else(|| truncated("a face"))?;
        let mut numbers = words(line).map(integer);
        let count = numbers.next().flatten().unwrap_or(-1);
        corners.clear();
        for index in numbers.by_ref().take(usize::try_from(count).unwrap_or(0)) {
            let index = index.and_then(|index| u32::try_from(index).ok());
            corners.push(index.filter(|&v| u64::from(v) < vertices).ok_or_else(|| {
                malformed(format!(
                    "a corner of face {face} is beyond the {vertices} vertices"
                ))
            })?);
        }
        if corners.len() as i64 != count {
            return Err(malformed(format!(
                "face {face} has not the corners that it counts"
            )));
        }
        incomplete += u64::from(corners.len() < 3);
        let position = |v: u32| positions.get(v as usize).copied().unwrap_or_default();
        polygons.cut(&corners, position, &mut mesh.triangles);
        check_counts(0, mesh.triangles.len() as u64)?;
    }
    mesh.findings = polygons.findings(incomplete);
    mesh.set_positions(positions);
    mesh.note_emptiness();
    Ok(mesh)
}

fn malformed(what: String) -> CaptureError {
    CaptureError::Malformed { format: FORMAT, what }
}

fn unsupported(what: &str) -> CaptureError {
    CaptureError::Unsupported {
        format: FORMAT,
        what: what.to_owned(),
    }
}
