//! Mesh files to triangles: STL, OBJ, PLY, glTF, Draco, OFF and plain lists of points.
//!
//! [`read`] says what a file holds, in its own coordinates, with what was odd about it as [`MeshFinding`]s. Nothing is
//! repaired here: `surface::repair` takes what comes out, welds, drops, orients, and converts to patient millimeters:
//!
//! ```text
//! let file = capture::mesh::read(&files, main)?;
//! let input = surface::repair::Input {
//!     positions: file.positions, origin: file.origin, triangles: file.triangles, colors: file.colors, texture, ..
//! };
//! let repaired = surface::repair::repair(input, &surface::repair::Options::default())?;
//! let bytes = artifact::mesh::encode_model(&repaired.model, &provenance, tolerance_mm)?;
//! ```
//!
//! A picture is handed on as the bytes that the upload has: whoever shows it decodes it within the budget of
//! photographs and strips its metadata.
//!
//! # Units and axes
//! glTF declares meters and y upward (2.0 section 3.4); files that this platform has exported declare patient
//! millimeters, and some programs put `UNITS=` in the header of an STL. Everything else has neither: [`MeshFile::unit`] is
//! `None`, axes are [`Axes::Unknown`].
//!
//! # References
//! A name in a file (material library, texture, buffer) is looked up among the files of the upload: as written, without
//! regard to case, at last by its last part alone. Addresses (`file:`, `http:`) and names with `..` are refused with
//! [`CaptureError::Reference`], whatever the upload holds.
//!
//! # Limits
//! One texture: of several, the one on most triangles stays, with a finding. Normals of the file are not kept (repair
//! makes them anew), nor colors of materials and faces, skins, morphs and animations. Draco compression is refused.

mod draco;
mod finding;
mod gltf;
mod obj;
mod off;
mod ply;
mod points;
mod polygon;
mod reference;
mod soup;
mod split;
mod stl;
#[cfg(test)]
mod tests;
mod text;
mod xyz;

use geometry::LengthUnit;
use intake::budget;

use crate::{CaptureError, NamedBytes};

pub use finding::MeshFinding;

/// What [`read`] knows to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum MeshFormat {
    /// STL of bytes.
    StlBinary,
    /// STL of text.
    StlText,
    /// Wavefront OBJ.
    Obj,
    /// PLY, in text or bytes.
    Ply,
    /// glTF 2.0 as JSON.
    Gltf,
    /// glTF 2.0, binary.
    Glb,
    /// A mesh of Google's Draco.
    Drc,
    /// Object File Format of Geomview.
    Off,
    /// Lines of three coordinates, points only.
    Xyz,
}

impl MeshFormat {
    /// Its name for a person.
    pub fn word(self) -> &'static str {
        match self {
            Self::StlBinary | Self::StlText => "STL",
            Self::Obj => "OBJ",
            Self::Ply => "PLY",
            Self::Gltf | Self::Glb => "glTF",
            Self::Drc => "Draco",
            Self::Off => "OFF",
            Self::Xyz => "XYZ",
        }
    }
}

/// What the axes of a file mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Axes {
    /// The format says nothing.
    #[default]
    Unknown,
    /// y upward, z to the front, x to the model's left: glTF 2.0 section 3.4.
    YUp,
    /// Patient space, LPS: files that this platform wrote.
    Patient,
}

/// The picture on a mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct FileTexture {
    /// `[vertex][u, v]`, one a vertex, (0, 0) the upper left corner of the picture whatever the format says.
    pub uv: Vec<[f32; 2]>,
    /// The encoded picture, as it is in the upload: JPEG or PNG by its first bytes.
    pub image: Vec<u8>,
}

/// What a mesh file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeshFile {
    /// The format; `None` only for [`Default`].
    pub format: Option<MeshFormat>,
    /// `[vertex][x, y, z]`, in the file's unit and axes, from `origin` on. May be NaN or infinite where the file is.
    pub positions: Vec<[f32; 3]>,
    /// `[x, y, z]`, what to add to each position: not zero only for files that lie far from their origin.
    pub origin: [f64; 3],
    /// `[triangle][corner]`, indexes of vertices, all in range. A polygon is several triangles, a point cloud has none.
    pub triangles: Vec<[u32; 3]>,
    /// `[vertex][red, green, blue, alpha]`, sRGB; empty, or one a vertex.
    pub colors: Vec<[u8; 4]>,
    /// The texture, if the file has one and its picture is in the upload.
    pub texture: Option<FileTexture>,
    /// The unit that the file declares.
    pub unit: Option<LengthUnit>,
    /// What the file declares about its axes.
    pub axes: Axes,
    /// Names of the files of the upload that were read, the main one first.
    pub files_used: Vec<String>,
    /// What was odd.
    pub findings: Vec<MeshFinding>,
}

/// The most vertices that a file may have: beyond, a format could ask for memory that its bytes do not bear out.
pub const MAX_VERTICES: u64 = 100_000_000;

/// Reads `files[main]`, following its references among `files` only.
///
/// Memory: at most some three times the bytes of the file, on top of them; time grows with the bytes. What the format is
/// is told from the bytes; the name is asked only for OBJ and lists of points, which have no mark.
///
/// # Errors
/// When the bytes are none of [`MeshFormat`], break their format in a way that leaves nothing to trust (an index out of
/// range, a missing buffer, rows that end early), use what is not read here, refer to something that must not be
/// followed, or exceed a budget.
pub fn read(files: &[NamedBytes<'_>], main: usize) -> Result<MeshFile, CaptureError> {
    let Some(file) = files.get(main) else {
        return Err(CaptureError::Malformed {
            format: "mesh",
            what: format!("there is no file {main} among {}", files.len()),
        });
    };
    let upload = reference::Upload::new(files, file.name);
    if file.bytes.is_empty() {
        return Err(CaptureError::Truncated {
            format: "mesh",
            what: "everything".to_owned(),
            offset: 0,
        });
    }
    let text = text::from_utf16(file.bytes);
    let bytes = text.as_ref().map_or(file.bytes, String::as_bytes);
    let bytes = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    let mut mesh = match recognize_text(file.name, bytes) {
        Some(MeshFormat::StlBinary) => stl::read_binary(bytes),
        Some(MeshFormat::StlText) => stl::read_text(bytes),
        Some(MeshFormat::Obj) => obj::read(bytes, &upload),
        Some(MeshFormat::Ply) => ply::read(bytes, &upload),
        Some(MeshFormat::Gltf) => gltf::read_json(bytes, &upload),
        Some(MeshFormat::Glb) => gltf::read_glb(bytes, &upload),
        Some(MeshFormat::Drc) => draco::read(bytes),
        Some(MeshFormat::Off) => off::read(bytes),
        Some(MeshFormat::Xyz) => xyz::read(bytes),
        None => Err(CaptureError::Unsupported {
            format: "mesh",
            what: "this kind of file".to_owned(),
        }),
    }?;
    mesh.files_used.insert(0, file.name.to_owned());
    mesh.check()?;
    Ok(mesh)
}

/// What UTF-8 text may begin with.
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What [`read`] would take a file for, told from its beginning and, where formats have no mark, its name. Looks at a few
/// kilobytes only; a file that is recognized may still be damaged.
pub fn recognize(name: &str, bytes: &[u8]) -> Option<MeshFormat> {
    // Cut at an even place, where UTF-16 may be cut.
    let start = bytes.get(..8192).unwrap_or(bytes);
    match text::from_utf16(start) {
        Some(text) => recognize_text(name, text.as_bytes()),
        None => recognize_text(name, bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes)),
    }
}

fn recognize_text(name: &str, bytes: &[u8]) -> Option<MeshFormat> {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    let extension = extension.as_deref();
    Some(if bytes.starts_with(b"glTF") {
        MeshFormat::Glb
    } else if ply::is_ply(bytes) {
        MeshFormat::Ply
    } else if bytes.starts_with(b"DRACO") {
        MeshFormat::Drc
    } else if stl::is_exact_binary(bytes) {
        MeshFormat::StlBinary
    } else if stl::is_text(bytes) {
        MeshFormat::StlText
    } else if gltf::is_json(bytes) {
        MeshFormat::Gltf
    } else if off::is_off(bytes) {
        MeshFormat::Off
    } else {
        match extension {
            Some("stl") => MeshFormat::StlBinary,
            Some("gltf") => MeshFormat::Gltf,
            Some("obj") => MeshFormat::Obj,
            Some("xyz" | "pts" | "txt" | "asc") if xyz::is_xyz(bytes) => MeshFormat::Xyz,
            _ if obj::is_obj(bytes) => MeshFormat::Obj,
            _ => return None,
        }
    })
}

/// Whether these are pictures that a surface may carry: JPEG or PNG.
fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xFF\xD8\xFF") || bytes.starts_with(b"\x89PNG\r\n\x1A\n")
}

/// The bytes of the picture called `name`, and the name of its file; `None`, with a finding, where it cannot be used.
fn find_picture(
    format: &'static str,
    name: &str,
    upload: &reference::Upload<'_>,
    findings: &mut Vec<MeshFinding>,
) -> Result<Option<(String, Vec<u8>)>, CaptureError> {
    let short_name = text::short(name.as_bytes());
    match upload.find(format, name)? {
        None => findings.push(MeshFinding::FileMissing { name: short_name }),
        Some(file) if is_picture(file.bytes) => {
            return Ok(Some((file.name.to_owned(), file.bytes.to_vec())));
        }
        Some(_) => findings.push(MeshFinding::TextureFormat { name: short_name }),
    }
    Ok(None)
}

impl MeshFile {
    /// The invariants that the fields promise, and the budgets; the last line of defence behind each reader's own.
    fn check(&self) -> Result<(), CaptureError> {
        check_counts(self.positions.len() as u64, self.triangles.len() as u64)?;
        let vertices = self.positions.len();
        let of = |len: usize| len == 0 || len == vertices;
        let uv = self.texture.as_ref().map_or(0, |texture| texture.uv.len());
        let highest = self.triangles.as_flattened().iter().max();
        if of(self.colors.len()) && of(uv) && highest.is_none_or(|&v| (v as usize) < vertices) {
            return Ok(());
        }
        Err(CaptureError::Malformed {
            format: self.format.map_or("mesh", MeshFormat::word),
            what: format!("an index or attribute is beyond the {vertices} vertices"),
        })
    }
}

/// The budget of a mesh, before memory is taken for it.
fn check_counts(vertices: u64, triangles: u64) -> Result<(), CaptureError> {
    budget::check_triangles(triangles)?;
    if vertices > MAX_VERTICES {
        return Err(CaptureError::Malformed {
            format: "mesh",
            what: format!("{vertices} vertices, at most {MAX_VERTICES} accepted"),
        });
    }
    Ok(())
}
