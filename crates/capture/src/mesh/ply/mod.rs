//! PLY: any elements of any properties, of which the vertices, faces and strips of triangles are read.

mod body;
mod fast;
mod header;

use super::polygon::Polygons;
use super::reference::Upload;
use super::split::Splitter;
use super::text::channel;
use super::{Axes, FileTexture, MeshFile, MeshFinding, MeshFormat, check_counts};
use crate::CaptureError;
use body::{Binary, Source, Text};
use geometry::LengthUnit;
use header::{Element, Encoding, Header, Kind, Scalar};

const FORMAT: &str = "PLY";

/// Whether the first line is `ply`.
pub(super) fn is_ply(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [
            b'p' | b'P',
            b'l' | b'L',
            b'y' | b'Y',
            b'\n' | b'\r' | b' ' | b'\t',
            ..
        ]
    )
}

/// Reads the file and the picture that it names.
pub(super) fn read(bytes: &[u8], upload: &Upload<'_>) -> Result<MeshFile, CaptureError> {
    let header = header::read(bytes)?;
    let mut mesh = MeshFile {
        format: Some(MeshFormat::Ply),
        ..MeshFile::default()
    };
    let ours = "Vitrine surface, millimeters, patient LPS";
    if header.comments.iter().any(|comment| comment.contains(ours)) {
        (mesh.unit, mesh.axes) = (Some(LengthUnit::Millimeter), Axes::Patient);
    }
    let picture = picture(&header, upload, &mut mesh)?;
    let mut reader = Reader {
        header: &header,
        vertices: 0,
        points: Points::default(),
        wedges: None,
        is_textured: picture.is_some(),
        triangles: Vec::new(),
        polygons: Polygons::default(),
        incomplete: 0,
        other_pictures: 0,
    };
    match header.encoding {
        Encoding::Text => {
            let mut text = Text::new(bytes, header.body);
            reader.elements(
                &mut text,
                bytes.len() - header.body.min(bytes.len()),
                |_, _, _| Ok(false),
            )?;
            if text.unread > 0 {
                mesh.findings
                    .push(MeshFinding::NumbersUnread { numbers: text.unread });
            }
        }
        encoding => {
            let mut binary = Binary::new(bytes, header.body, encoding);
            let left = binary.rest().len();
            reader.elements(&mut binary, left, fast::element)?;
            let rest = binary.rest().len() as u64;
            if rest > 0 && reader.is_last_element_read() {
                mesh.findings.push(MeshFinding::Trailing { bytes: rest });
            }
        }
    }
    reader.finish(mesh, picture)
}

/// The bytes of the picture that a comment names, as MeshLab writes it: `comment TextureFile skin.jpg`.
fn picture(
    header: &Header,
    upload: &Upload<'_>,
    mesh: &mut MeshFile,
) -> Result<Option<Vec<u8>>, CaptureError> {
    let name = header.comments.iter().find_map(|comment| {
        let rest = comment.trim_start().strip_prefix("comment")?.trim_start();
        rest.strip_prefix("TextureFile").map(str::trim)
    });
    let Some(name) = name else { return Ok(None) };
    let found = super::find_picture(FORMAT, name, upload, &mut mesh.findings)?;
    Ok(found.map(|(name, bytes)| {
        mesh.files_used.push(name);
        bytes
    }))
}

/// What is known of each vertex.
#[derive(Default)]
struct Points {
    /// Where coordinates have 32 bits.
    narrow: Vec<[f32; 3]>,
    /// Where they have more, or are text.
    wide: Vec<[f64; 3]>,
    colors: Vec<[u8; 4]>,
    uv: Vec<[f32; 2]>,
}

struct Reader<'a> {
    header: &'a Header,
    vertices: u64,
    points: Points,
    /// Where faces carry places on the texture.
    wedges: Option<Splitter>,
    is_textured: bool,
    triangles: Vec<[u32; 3]>,
    polygons: Polygons,
    incomplete: u64,
    /// Faces with another picture than the first.
    other_pictures: u64,
}

/// What a property of a vertex is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Axis(usize),
    Channel(usize),
    Place(usize),
    Other,
}

impl Slot {
    fn of(name: &str) -> Self {
        match name {
            "x" => Self::Axis(0),
            "y" => Self::Axis(1),
            "z" => Self::Axis(2),
            "red" | "r" | "diffuse_red" => Self::Channel(0),
            "green" | "g" | "diffuse_green" => Self::Channel(1),
            "blue" | "b" | "diffuse_blue" => Self::Channel(2),
            "alpha" | "a" | "diffuse_alpha" => Self::Channel(3),
            "u" | "s" | "texture_u" | "s0" | "tx" => Self::Place(0),
            "v" | "t" | "texture_v" | "t0" | "ty" => Self::Place(1),
            _ => Self::Other,
        }
    }
}

const FACE_CORNERS: [&str; 2] = ["vertex_indices", "vertex_index"];

/// One row of vertices as numbers of 64 bits.
struct Row {
    position: [f64; 3],
    /// Fractions of one.
    color: [f64; 4],
    place: [f64; 2],
}

impl Default for Row {
    fn default() -> Self {
        Self {
            position: [0.0; 3],
            color: [1.0; 4],
            place: [0.0; 2],
        }
    }
}

impl Row {
    fn set(&mut self, slot: Slot, value: f64, scalar: Scalar) {
        let (to, value) = match slot {
            Slot::Axis(axis) => (self.position.get_mut(axis), value),
            Slot::Channel(channel) => (self.color.get_mut(channel), value * scalar.fraction()),
            Slot::Place(axis) => (self.place.get_mut(axis), value),
            Slot::Other => return,
        };
        if let Some(to) = to {
            *to = value;
        }
    }
}

impl Reader<'_> {
    /// Reads all elements that count. `fast` may take one as a whole from the source.
    fn elements<S: Source>(
        &mut self,
        source: &mut S,
        bytes: usize,
        fast: impl Fn(&mut Self, &mut S, &Element) -> Result<bool, CaptureError>,
    ) -> Result<(), CaptureError> {
        let header = self.header;
        let elements = || header.elements.iter();
        let faces = elements().filter(|element| element.name == "face");
        check_counts(0, faces.map(|element| element.count).fold(0, u64::saturating_add))?;
        for element in elements().take(self.relevant()) {
            let is_vertices = element.name == "vertex" && self.vertices == 0;
            if is_vertices {
                check_counts(element.count, 0)?;
                check_axes(element)?;
                self.vertices = element.count;
            }
            let least = element.least_bytes(header.encoding) as u64;
            // The last word of a text needs nothing behind it.
            if element.count.saturating_mul(least) > bytes as u64 + 1 {
                return Err(truncated(
                    &format!("the rest of {} {}", element.count, element.name),
                    bytes,
                ));
            }
            if element.count == 0 || element.properties.is_empty() || fast(self, source, element)? {
                continue;
            }
            match element.name.as_str() {
                "vertex" if is_vertices => self.vertices(source, element)?,
                "face" => self.faces(source, element)?,
                "tristrips" => self.strips(source, element)?,
                _ => skip(source, element)?,
            }
        }
        Ok(())
    }

    /// Elements up to the last one that is read.
    fn relevant(&self) -> usize {
        let counts = |element: &Element| matches!(element.name.as_str(), "vertex" | "face" | "tristrips");
        self.header
            .elements
            .iter()
            .rposition(counts)
            .map_or(0, |last| last + 1)
    }

    fn is_last_element_read(&self) -> bool {
        self.relevant() == self.header.elements.len()
    }

    fn vertices(&mut self, source: &mut impl Source, element: &Element) -> Result<(), CaptureError> {
        let slots: Vec<Slot> = element.properties.iter().map(|p| Slot::of(&p.name)).collect();
        let has = |wanted: fn(&Slot) -> bool| slots.iter().any(wanted);
        let (has_color, has_place) = (
            has(|slot| matches!(slot, Slot::Channel(0))),
            self.is_textured && has(|slot| matches!(slot, Slot::Place(0))),
        );
        // Where a row is short, what is missing is decoration.
        let axes = slots.iter().rposition(|slot| matches!(slot, Slot::Axis(_)));
        for _ in 0..element.count {
            let mut row = Row::default();
            source.start_row()?;
            for (i, (property, slot)) in element.properties.iter().zip(&slots).enumerate() {
                if axes < Some(i) && !source.has_more() {
                    break;
                }
                match property.kind {
                    Kind::One(scalar) => row.set(*slot, source.next(scalar)?, scalar),
                    Kind::List { count, item } => skip_list(source, count, item)?,
                }
            }
            self.points.wide.push(row.position);
            if has_color {
                self.points.colors.push(row.color.map(channel));
            }
            if has_place {
                self.points.uv.push(place_of(row.place));
            }
        }
        Ok(())
    }

    fn faces(&mut self, source: &mut impl Source, element: &Element) -> Result<(), CaptureError> {
        self.check_order(element)?;
        let corners_at = element.find(&FACE_CORNERS);
        let wedges_at = element.find(&["texcoord"]).filter(|_| self.is_textured);
        let picture_at = element.find(&["texnumber"]);
        if wedges_at.is_some() {
            self.wedges = Some(Splitter::new(self.vertices as usize));
        }
        let (mut corners, mut wedges) = (Vec::new(), Vec::new());
        for face in 0..element.count {
            corners.clear();
            wedges.clear();
            source.start_row()?;
            for (i, property) in element.properties.iter().enumerate() {
                if corners_at < Some(i) && !source.has_more() {
                    break;
                }
                match property.kind {
                    Kind::List { count, item } if Some(i) == corners_at => {
                        self.corners(source, (count, item), face, &mut corners)?;
                    }
                    Kind::List { count, item } if Some(i) == wedges_at => {
                        for _ in 0..list_len(source, count)? {
                            wedges.push(source.next(item)?);
                        }
                    }
                    Kind::List { count, item } => skip_list(source, count, item)?,
                    Kind::One(scalar) => {
                        let value = source.next(scalar)?;
                        if Some(i) == picture_at && value > 0.0 {
                            self.other_pictures += 1;
                        }
                    }
                }
            }
            self.face(&mut corners, &wedges);
            check_counts(0, self.triangles.len() as u64)?;
        }
        Ok(())
    }

    /// The corners of one face, each in range.
    fn corners(
        &self,
        source: &mut impl Source,
        (count, item): (Scalar, Scalar),
        face: u64,
        corners: &mut Vec<u32>,
    ) -> Result<(), CaptureError> {
        for _ in 0..list_len(source, count)? {
            let index = source.next(item)?;
            if !(index >= 0.0 && index < self.vertices as f64 && index.fract() == 0.0) {
                return Err(malformed(format!(
                    "a corner of face {face} is beyond the {} vertices",
                    self.vertices
                )));
            }
            corners.push(index as u32);
        }
        Ok(())
    }

    fn face(&mut self, corners: &mut [u32], wedges: &[f64]) {
        self.incomplete += u64::from(corners.len() < 3);
        let mut points = None;
        if let Some(splitter) = &mut self.wedges {
            let (pairs, _) = wedges.as_chunks::<2>();
            for (i, corner) in corners.iter_mut().enumerate() {
                let [u, v] = place_of(pairs.get(i).copied().unwrap_or_default());
                let key = u64::from(u.to_bits()) << 32 | u64::from(v.to_bits());
                *corner = splitter.vertex(*corner, key).unwrap_or_default();
            }
            points = Some(&*splitter);
        }
        let position = |v: u32| {
            let point = points.map_or(Some(v), |s| s.vertices.get(v as usize).map(|(point, _)| *point));
            point.map(|point| self.points.position(point)).unwrap_or_default()
        };
        self.polygons.cut(corners, position, &mut self.triangles);
    }

    /// Strips: each corner makes a triangle with the two before it, every second one turned; -1 begins anew.
    fn strips(&mut self, source: &mut impl Source, element: &Element) -> Result<(), CaptureError> {
        self.check_order(element)?;
        let corners_at = element.find(&FACE_CORNERS);
        for _ in 0..element.count {
            source.start_row()?;
            for (i, property) in element.properties.iter().enumerate() {
                match property.kind {
                    Kind::List { count, item } if Some(i) == corners_at => {
                        let mut strip: Vec<u32> = Vec::new();
                        for _ in 0..list_len(source, count)? {
                            let index = source.next(item)?;
                            if index == -1.0 {
                                strip.clear();
                                continue;
                            }
                            if !(index >= 0.0 && index < self.vertices as f64) {
                                return Err(malformed(format!(
                                    "a corner of a strip is beyond the {} vertices",
                                    self.vertices
                                )));
                            }
                            strip.push(index as u32);
                            if let [.., a, b, c] = *strip.as_slice() {
                                let triangle = if strip.len() % 2 == 1 {
                                    [a, b, c]
                                } else {
                                    [b, a, c]
                                };
                                // Strips turn corners by triangles without area.
                                if a != b && b != c && c != a {
                                    self.triangles.push(triangle);
                                }
                            }
                        }
                        check_counts(0, self.triangles.len() as u64)?;
                    }
                    Kind::List { count, item } => skip_list(source, count, item)?,
                    Kind::One(scalar) => source.next(scalar).map(drop)?,
                }
            }
        }
        Ok(())
    }

    /// Polygons are cut by the positions of their corners.
    fn check_order(&self, element: &Element) -> Result<(), CaptureError> {
        let position = |name: &str| self.header.elements.iter().position(|e| e.name == name);
        if position("vertex") < position(&element.name) && position("vertex").is_some() {
            return Ok(());
        }
        Err(CaptureError::Unsupported {
            format: FORMAT,
            what: "a face before all vertices".to_owned(),
        })
    }

    fn finish(self, mut mesh: MeshFile, picture: Option<Vec<u8>>) -> Result<MeshFile, CaptureError> {
        mesh.findings.extend(self.polygons.findings(self.incomplete));
        if self.other_pictures > 0 && picture.is_some() {
            mesh.findings.push(MeshFinding::TexturesDropped {
                dropped: 1,
                triangles: self.other_pictures,
            });
        }
        let Points {
            narrow,
            wide,
            colors,
            uv,
        } = self.points;
        mesh.triangles = self.triangles;
        let (narrow, wide, uv) = match &self.wedges {
            Some(splitter) => {
                mesh.colors = splitter.spread(&colors);
                let place = |&(_, key): &(u32, u64)| [key >> 32, key].map(|half| f32::from_bits(half as u32));
                let uv = splitter.vertices.iter().map(place).collect();
                (splitter.spread(&narrow), splitter.spread(&wide), uv)
            }
            None => {
                mesh.colors = colors;
                (narrow, wide, uv)
            }
        };
        if narrow.is_empty() {
            mesh.set_positions(wide);
        } else {
            mesh.positions = narrow;
        }
        if let Some(image) = picture.filter(|_| !uv.is_empty()) {
            mesh.texture = Some(FileTexture { uv, image });
        }
        mesh.note_emptiness();
        Ok(mesh)
    }
}

impl Points {
    fn position(&self, point: u32) -> [f64; 3] {
        let wide = self.wide.get(point as usize).copied();
        wide.or_else(|| self.narrow.get(point as usize).map(|p| p.map(f64::from)))
            .unwrap_or_default()
    }
}

/// A place counted from the lower left corner, from the upper left one.
fn place_of([u, v]: [f64; 2]) -> [f32; 2] {
    [u, 1.0 - v].map(|v| if v.is_finite() { v as f32 } else { 0.0 })
}

fn check_axes(element: &Element) -> Result<(), CaptureError> {
    for axis in ["x", "y", "z"] {
        let found = element.find(&[axis]).and_then(|i| element.properties.get(i));
        if !matches!(found.map(|property| property.kind), Some(Kind::One(_))) && element.count > 0 {
            return Err(malformed(format!("vertices have no property \"{axis}\"")));
        }
    }
    Ok(())
}

fn list_len(source: &mut impl Source, count: Scalar) -> Result<u64, CaptureError> {
    let len = source.next(count)?;
    if len >= 0.0 && len.fract() == 0.0 {
        Ok(len as u64)
    } else {
        Err(malformed(format!("a list of {len} numbers")))
    }
}

fn skip_list(source: &mut impl Source, count: Scalar, item: Scalar) -> Result<(), CaptureError> {
    for _ in 0..list_len(source, count)? {
        source.next(item)?;
    }
    Ok(())
}

fn skip(source: &mut impl Source, element: &Element) -> Result<(), CaptureError> {
    for _ in 0..element.count {
        source.start_row()?;
        for property in &element.properties {
            if !source.has_more() {
                break;
            }
            match property.kind {
                Kind::One(scalar) => source.next(scalar).map(drop)?,
                Kind::List { count, item } => skip_list(source, count, item)?,
            }
        }
    }
    Ok(())
}

fn malformed(what: String) -> CaptureError {
    CaptureError::Malformed { format: FORMAT, what }
}

fn truncated(what: &str, offset: usize) -> CaptureError {
    CaptureError::Truncated {
        format: FORMAT,
        what: what.to_owned(),
        offset: offset as u64,
    }
}
