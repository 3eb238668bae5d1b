//! STL, of bytes and of text (Marshall Burns, "Automated Fabrication", 1993, section 6.5).

use geometry::LengthUnit;

use super::polygon::Polygons;
use super::text::{number, words};
use super::{Axes, MeshFile, MeshFinding, MeshFormat, check_counts, soup};
use crate::CaptureError;

const FORMAT: &str = "STL";
const HEADER_BYTES: usize = 84;
const FACET_BYTES: usize = 50;

/// Whether the count of triangles in the header fits the length: then it is no text, whatever the header says.
pub(super) fn is_exact_binary(bytes: &[u8]) -> bool {
    declared(bytes).is_some_and(|count| {
        (count as usize).checked_mul(FACET_BYTES) == bytes.len().checked_sub(HEADER_BYTES)
            // Text that happens to have this length.
            && !(count == 0 && is_text(bytes))
    })
}

fn declared(bytes: &[u8]) -> Option<u32> {
    let count = bytes.get(HEADER_BYTES - 4..HEADER_BYTES)?.first_chunk()?;
    Some(u32::from_le_bytes(*count))
}

/// Whether it starts as text does: `solid`, and no byte that text has not in the beginning. Some programs begin the
/// header of binary files with the same word.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let start = start.get(..512).unwrap_or(start);
    let is_solid = start
        .get(..5)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"solid"));
    let has_word = |word: &[u8]| {
        start
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
    };
    is_solid && !start.contains(&0) && (has_word(b"facet") || has_word(b"endsolid") || start.len() < 512)
}

/// Reads a file of bytes. A wrong count is a finding where whole triangles are there.
pub(super) fn read_binary(bytes: &[u8]) -> Result<MeshFile, CaptureError> {
    let truncated = |what: &str| CaptureError::Truncated {
        format: FORMAT,
        what: what.to_owned(),
        offset: bytes.len() as u64,
    };
    let declared = declared(bytes).ok_or_else(|| truncated("the header of 84 bytes"))?;
    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let (facets, tail) = body.as_chunks::<FACET_BYTES>();
    let present = facets.len() as u64;
    let declared = u64::from(declared);
    check_counts(0, declared.min(present))?;
    let mut mesh = MeshFile {
        format: Some(MeshFormat::StlBinary),
        ..MeshFile::default()
    };
    // More bytes than declared: triangles if they are whole ones, else something behind the mesh.
    let count = if declared > present || tail.is_empty() {
        present
    } else {
        declared
    };
    check_counts(0, count)?;
    if count == 0 && declared > 0 {
        return Err(truncated("its first triangle"));
    }
    if count != declared {
        mesh.findings.push(MeshFinding::TriangleCount {
            declared,
            read: count,
        });
    }
    let used = HEADER_BYTES as u64 + count * FACET_BYTES as u64;
    if declared <= present && bytes.len() as u64 > used {
        mesh.findings.push(MeshFinding::Trailing {
            bytes: bytes.len() as u64 - used,
        });
    }
    (mesh.unit, mesh.axes) = declared_unit(bytes.get(..80).unwrap_or_default());
    let facets = facets.get(..count as usize).unwrap_or_default();
    (mesh.positions, mesh.triangles) =
        soup::index(facets.len(), |i| facets.get(i).map(corners).unwrap_or_default());
    mesh.note_emptiness();
    Ok(mesh)
}

/// The three corners, after the normal of 12 bytes.
fn corners(facet: &[u8; FACET_BYTES]) -> [[f32; 3]; 3] {
    let mut corners = [[0.0; 3]; 3];
    let (words, _) = facet.as_chunks::<4>();
    for (to, word) in corners.as_flattened_mut().iter_mut().zip(words.iter().skip(3)) {
        *to = f32::from_le_bytes(*word);
    }
    corners
}

/// What a header says: that of this platform's exports, or `UNITS=mm` as Magics writes it.
fn declared_unit(header: &[u8]) -> (Option<LengthUnit>, Axes) {
    let text = String::from_utf8_lossy(header);
    if text.starts_with("Vitrine surface") && text.contains("millimeters, patient LPS") {
        return (Some(LengthUnit::Millimeter), Axes::Patient);
    }
    let unit = text.split_once("UNITS=").and_then(|(_, rest)| {
        let rest = rest.trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        LengthUnit::from_symbol(&rest.get(..end)?.to_ascii_lowercase())
    });
    (unit, Axes::Unknown)
}

/// Reads a file of text: all its solids as one mesh. Only the corners count, as words: `vertex`, three numbers; a loop
/// ends them.
pub(super) fn read_text(bytes: &[u8]) -> Result<MeshFile, CaptureError> {
    let mut mesh = MeshFile {
        format: Some(MeshFormat::StlText),
        ..MeshFile::default()
    };
    let mut loops = Loops::default();
    let mut words = words(bytes);
    let mut unread = 0;
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case(b"vertex") {
            let mut coordinate = || -> Result<f32, CaptureError> {
                let word = words.next().ok_or(CaptureError::Truncated {
                    format: FORMAT,
                    what: "a coordinate".to_owned(),
                    offset: bytes.len() as u64,
                })?;
                Ok(number(word).unwrap_or_else(|| {
                    unread += 1;
                    f64::NAN
                }) as f32)
            };
            loops.corners.push([coordinate()?, coordinate()?, coordinate()?]);
        } else if word.eq_ignore_ascii_case(b"endloop") || word.eq_ignore_ascii_case(b"endfacet") {
            loops.end();
            check_counts(0, loops.triangles.len() as u64)?;
        }
    }
    if !loops.corners.is_empty() {
        return Err(CaptureError::Truncated {
            format: FORMAT,
            what: "the end of a facet".to_owned(),
            offset: bytes.len() as u64,
        });
    }
    mesh.findings = loops.polygons.findings(loops.incomplete);
    if unread > 0 {
        mesh.findings.push(MeshFinding::NumbersUnread { numbers: unread });
    }
    let triangles = loops.triangles;
    (mesh.positions, mesh.triangles) =
        soup::index(triangles.len(), |i| triangles.get(i).copied().unwrap_or_default());
    mesh.note_emptiness();
    Ok(mesh)
}

#[derive(Default)]
struct Loops {
    corners: Vec<[f32; 3]>,
    triangles: Vec<[[f32; 3]; 3]>,
    polygons: Polygons,
    incomplete: u64,
}

impl Loops {
    fn end(&mut self) {
        match *self.corners.as_slice() {
            [] => return,
            [a, b, c] => self.triangles.push([a, b, c]),
            [_] | [_, _] => self.incomplete += 1,
            _ => {
                let numbers: Vec<u32> = (0..self.corners.len() as u32).collect();
                let corner = |v: u32| self.corners.get(v as usize).copied().unwrap_or_default();
                let mut cut = Vec::new();
                self.polygons
                    .cut(&numbers, |v| corner(v).map(f64::from), &mut cut);
                self.triangles.extend(cut.into_iter().map(|t| t.map(corner)));
            }
        }
        self.corners.clear();
    }
}
