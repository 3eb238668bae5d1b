//! Lists of points in text: three coordinates a line, then perhaps colors.

use super::text::{lines, number, short};
use super::{MeshFile, MeshFinding, MeshFormat, check_counts};
use crate::CaptureError;

/// Whether the first lines that begin with a number are points.
pub(super) fn is_xyz(bytes: &[u8]) -> bool {
    let start = bytes.get(..4096).unwrap_or(bytes);
    lines(start)
        .filter_map(|line| {
            let mut words = coordinates(line);
            words
                .next()
                .and_then(number)
                .map(|_| words.map_while(number).take(2).count())
        })
        .take(2)
        .any(|more| more == 2)
}

fn coordinates(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| b.is_ascii_whitespace() || matches!(b, b',' | b';'))
        .filter(|word| !word.is_empty())
}

/// Reads one point a line; lines that begin with no number are comments or headings. What follows the coordinates has no
/// fixed meaning and is left out.
pub(super) fn read(bytes: &[u8]) -> Result<MeshFile, CaptureError> {
    let mut positions = Vec::new();
    for line in lines(bytes) {
        let mut words = coordinates(line);
        let Some(x) = words.next().and_then(number) else {
            continue;
        };
        match (words.next().and_then(number), words.next().and_then(number)) {
            (Some(y), Some(z)) => positions.push([x, y, z]),
            // The first line may count the points.
            (None, _) if positions.is_empty() => {}
            _ => {
                return Err(CaptureError::Malformed {
                    format: "XYZ",
                    what: format!("\"{}\" is no point", short(line)),
                });
            }
        }
        check_counts(positions.len() as u64, 0)?;
    }
    let mut mesh = MeshFile {
        format: Some(MeshFormat::Xyz),
        findings: vec![MeshFinding::PointsOnly],
        ..MeshFile::default()
    };
    mesh.set_positions(positions);
    Ok(mesh)
}
