//! Wavefront OBJ ("Object Files (.obj)", Wavefront Technologies, appendix B1): points, places on the texture, faces.
//!
//! Points may carry a color behind their coordinates, as scanners write it. Normals, groups, smoothing and free-form
//! surfaces are passed over; lines and single points are counted as findings.

mod mtl;

use super::polygon::Polygons;
use super::reference::{Upload, check_reference};
use super::split::Splitter;
use super::text::{channel, integer, lines, number, short, words};
use super::{FileTexture, MeshFile, MeshFinding, MeshFormat, check_counts, find_picture};
use crate::CaptureError;
use mtl::Materials;

const FORMAT: &str = "OBJ";
/// The key of a corner without a place on the texture.
const NO_PLACE: u64 = u64::MAX;

/// Whether one of the first lines with content is a vertex, or a word that only OBJ has.
pub(super) fn is_obj(bytes: &[u8]) -> bool {
    let start = bytes.get(..4096).unwrap_or(bytes);
    let mut first = lines(start).filter_map(|line| words(line).next().map(|word| (word, line)));
    first.by_ref().take(64).any(|(word, line)| match word {
        b"v" => {
            words(line)
                .skip(1)
                .take(3)
                .filter(|w| number(w).is_some())
                .count()
                == 3
        }
        b"mtllib" | b"usemtl" => true,
        _ => false,
    })
}

/// Reads the file and what it names.
pub(super) fn read(bytes: &[u8], upload: &Upload<'_>) -> Result<MeshFile, CaptureError> {
    let mut reader = Reader::new(upload);
    let mut continued: Vec<u8> = Vec::new();
    for line in lines(bytes) {
        // A backslash at the end continues the line.
        if let Some(part) = line.strip_suffix(b"\\") {
            continued.extend_from_slice(part);
            continued.push(b' ');
        } else if continued.is_empty() {
            reader.line(line)?;
        } else {
            continued.extend_from_slice(line);
            reader.line(&std::mem::take(&mut continued))?;
        }
    }
    if !continued.is_empty() {
        reader.line(&continued)?;
    }
    reader.finish()
}

struct Reader<'a> {
    upload: &'a Upload<'a>,
    points: Vec<[f64; 3]>,
    /// One a point once one has a color; those before it get none.
    colors: Vec<Option<[u8; 4]>>,
    places: Vec<[f32; 2]>,
    /// Corners of all faces: point and key of the place.
    corners: Splitter,
    triangles: Vec<[u32; 3]>,
    materials: Materials,
    /// The picture of the material in use, and for each face's triangles which it was.
    picture: Option<usize>,
    runs: Vec<(usize, Option<usize>)>,
    polygons: Polygons,
    unread: u64,
    incomplete: u64,
    elements: u64,
    findings: Vec<MeshFinding>,
    files_used: Vec<String>,
    face: Vec<u32>,
}

impl<'a> Reader<'a> {
    fn new(upload: &'a Upload<'a>) -> Self {
        Self {
            upload,
            points: Vec::new(),
            colors: Vec::new(),
            places: Vec::new(),
            corners: Splitter::default(),
            triangles: Vec::new(),
            materials: Materials::default(),
            picture: None,
            runs: Vec::new(),
            polygons: Polygons::default(),
            unread: 0,
            incomplete: 0,
            elements: 0,
            findings: Vec::new(),
            files_used: Vec::new(),
            face: Vec::new(),
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), CaptureError> {
        let mut words = words(line);
        match words.next() {
            Some(b"v") => self.point(words)?,
            Some(b"vt") => {
                let mut next = || words.next().and_then(number).unwrap_or(0.0) as f32;
                // The first line of the picture is at the top: OBJ counts v from the bottom.
                let (u, v) = (next(), next());
                let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
                self.places.push([finite(u), finite(1.0 - v)]);
            }
            // `fo` is an outdated spelling.
            Some(b"f" | b"fo") => self.polygon(words)?,
            Some(b"l" | b"p" | b"curv" | b"curv2" | b"surf") => self.elements += 1,
            Some(b"mtllib") => self.library(after_word(line))?,
            Some(b"usemtl") => {
                self.picture = self.materials.picture_of(&after_word(line));
                self.runs.push((self.triangles.len(), self.picture));
            }
            _ => {}
        }
        Ok(())
    }

    /// `x y z`, then a weight, a color, or both.
    fn point<'w>(&mut self, words: impl Iterator<Item = &'w [u8]>) -> Result<(), CaptureError> {
        let mut numbers = [0.0; 7];
        let mut count = 0;
        for (to, word) in numbers
            .iter_mut()
            .zip(words.take_while(|word| !word.starts_with(b"#")))
        {
            *to = number(word).unwrap_or_else(|| {
                self.unread += 1;
                f64::NAN
            });
            count += 1;
        }
        if count < 3 {
            return Err(malformed(format!(
                "point {} has fewer than three coordinates",
                self.points.len() + 1
            )));
        }
        let [x, y, z, a, b, c, d] = numbers;
        let color = match count {
            6 => Some([a, b, c]),
            7 => Some([b, c, d]),
            _ => None,
        };
        if let Some(color) = color {
            self.colors.resize(self.points.len(), None);
            // Most programs write fractions; some write bytes.
            let scale = if color.iter().any(|v| *v > 1.0) {
                1.0 / 255.0
            } else {
                1.0
            };
            let [r, g, b] = color.map(|v| channel(v * scale));
            self.colors.push(Some([r, g, b, 255]));
        }
        self.points.push([x, y, z]);
        check_counts(self.points.len() as u64, 0)
    }

    /// Corners as `point`, `point/place`, `point//normal` or `point/place/normal`, counted from 1, or from the end if
    /// negative.
    fn polygon<'w>(&mut self, words: impl Iterator<Item = &'w [u8]>) -> Result<(), CaptureError> {
        let mut face = std::mem::take(&mut self.face);
        face.clear();
        self.corners.grow(self.points.len());
        for word in words.take_while(|word| !word.starts_with(b"#")) {
            let mut parts = word.split(|&b| b == b'/');
            let point = parts.next().unwrap_or_default();
            let point = index_of(point, self.points.len()).ok_or_else(|| self.bad_corner(word))?;
            let place = match parts.next() {
                None | Some(b"") => NO_PLACE,
                // Places are decoration: one out of range does not cost the mesh.
                Some(place) => index_of(place, self.places.len()).map_or(NO_PLACE, u64::from),
            };
            let vertex = self
                .corners
                .vertex(point, place)
                .ok_or_else(|| self.bad_corner(word))?;
            face.push(vertex);
        }
        self.incomplete += u64::from(face.len() < 3);
        let position = |v: u32| {
            let point = self
                .corners
                .vertices
                .get(v as usize)
                .map(|(point, _)| *point as usize);
            point
                .and_then(|point| self.points.get(point))
                .copied()
                .unwrap_or_default()
        };
        self.polygons.cut(&face, position, &mut self.triangles);
        self.face = face;
        check_counts(self.corners.vertices.len() as u64, self.triangles.len() as u64)
    }

    fn bad_corner(&self, word: &[u8]) -> CaptureError {
        malformed(format!(
            "corner \"{}\" of a face is beyond the {} points before it",
            short(word),
            self.points.len()
        ))
    }

    /// Names of libraries may have spaces in them, and there may be several.
    fn library(&mut self, names: String) -> Result<(), CaptureError> {
        let whole = self.upload.find(FORMAT, &names)?;
        let parts: Vec<String> = match whole {
            Some(_) => vec![names],
            None => names.split_ascii_whitespace().map(str::to_owned).collect(),
        };
        for name in parts {
            match self.upload.find(FORMAT, &name)? {
                Some(file) => {
                    self.materials.add(file.bytes);
                    self.files_used.push(file.name.to_owned());
                }
                None => self.findings.push(MeshFinding::FileMissing {
                    name: short(name.as_bytes()),
                }),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<MeshFile, CaptureError> {
        self.corners.grow(self.points.len());
        if self.triangles.is_empty() {
            self.corners.keep_all(NO_PLACE);
        }
        let mut mesh = MeshFile {
            format: Some(MeshFormat::Obj),
            findings: std::mem::take(&mut self.findings),
            ..MeshFile::default()
        };
        mesh.findings.extend(self.polygons.findings(self.incomplete));
        if self.unread > 0 {
            mesh.findings
                .push(MeshFinding::NumbersUnread { numbers: self.unread });
        }
        if self.elements > 0 {
            mesh.findings.push(MeshFinding::NotTriangles {
                elements: self.elements,
            });
        }
        if !self.colors.is_empty() {
            self.colors.resize(self.points.len(), None);
            let colors = self.corners.spread(&self.colors);
            let bare = colors.iter().filter(|color| color.is_none()).count() as u64;
            if bare > 0 {
                mesh.findings.push(MeshFinding::ColorsPartly { vertices: bare });
            }
            mesh.colors = colors
                .into_iter()
                .map(|color| color.unwrap_or([255; 4]))
                .collect();
        }
        if let Some(image) = self.picture(&mut mesh.findings)? {
            let place = |&(_, key): &(u32, u64)| {
                let at = usize::try_from(key).ok();
                at.and_then(|at| self.places.get(at)).copied().unwrap_or_default()
            };
            mesh.texture = Some(FileTexture {
                uv: self.corners.vertices.iter().map(place).collect(),
                image,
            });
        }
        let points = self.corners.spread(&self.points);
        mesh.triangles = self.triangles;
        mesh.files_used = self.files_used;
        mesh.set_positions(points);
        mesh.note_emptiness();
        Ok(mesh)
    }
}

impl Reader<'_> {
    /// The picture on most triangles that can be used. All names are looked at: none may lead out of the upload.
    fn picture(&mut self, findings: &mut Vec<MeshFinding>) -> Result<Option<Vec<u8>>, CaptureError> {
        let mut kept = None;
        let (mut dropped, mut dropped_triangles) = (0, 0);
        for (name, triangles) in self.materials.by_use(&self.runs, self.triangles.len()) {
            if kept.is_some() {
                check_reference(FORMAT, &name)?;
                dropped += 1;
                dropped_triangles += triangles as u64;
            } else if let Some((file, image)) = find_picture(FORMAT, &name, self.upload, findings)? {
                self.files_used.push(file);
                kept = Some(image);
            }
        }
        if dropped > 0 {
            findings.push(MeshFinding::TexturesDropped {
                dropped,
                triangles: dropped_triangles,
            });
        }
        Ok(kept)
    }
}

/// What follows the first word of a line, as text.
fn after_word(line: &[u8]) -> String {
    let line = line.trim_ascii();
    let end = line
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(line.len());
    let rest = line.get(end..).unwrap_or_default().trim_ascii();
    String::from_utf8_lossy(rest).into_owned()
}

/// An index counted from 1, or from behind the last one if negative, as one from 0.
fn index_of(word: &[u8], count: usize) -> Option<u32> {
    let index = integer(word)?;
    let count = i64::try_from(count).ok()?;
    let from_zero = if index > 0 {
        index - 1
    } else {
        count.checked_add(index)?
    };
    // Zero would be the one behind the last.
    (0..count)
        .contains(&from_zero)
        .then(|| u32::try_from(from_zero).ok())
        .flatten()
}

fn malformed(what: String) -> CaptureError {
    CaptureError::Malformed { format: FORMAT, what }
}
