//! What is odd about a mesh file that could be read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Severity;

/// Something about a mesh file that its reader should know. `Display` gives a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MeshFinding {
    /// A binary STL whose header counts other triangles than its bytes hold.
    TriangleCount {
        /// What the header says.
        declared: u64,
        /// What was read.
        read: u64,
    },
    /// Bytes or rows behind the end of what the file declares were left out.
    Trailing {
        /// How many bytes.
        bytes: u64,
    },
    /// A material library or picture that the file names is not in the upload.
    FileMissing {
        /// The name as written, shortened.
        name: String,
    },
    /// A texture is neither JPEG nor PNG, and was left out.
    TextureFormat {
        /// Its name.
        name: String,
    },
    /// The file has several textures, of which one is kept.
    TexturesDropped {
        /// How many are not.
        dropped: u64,
        /// Triangles that lose theirs.
        triangles: u64,
    },
    /// Faces with fewer than three corners were left out.
    FacesIncomplete {
        /// How many.
        faces: u64,
    },
    /// Lines, points or curves beside the triangles were left out.
    NotTriangles {
        /// How many.
        elements: u64,
    },
    /// Polygons too large or too crossed for their outline to be followed were cut from one corner.
    PolygonsFanned {
        /// How many.
        polygons: u64,
    },
    /// Numbers that could not be read; their points count as undefined.
    NumbersUnread {
        /// How many.
        numbers: u64,
    },
    /// Rows of text with more or fewer numbers than the file declares; what was left over or missing is no position.
    RowsUneven {
        /// How many.
        rows: u64,
    },
    /// Some vertices have a color and some have none: these are white.
    ColorsPartly {
        /// Vertices without one.
        vertices: u64,
    },
    /// The mesh can be posed or moved; it is shown as it is at rest.
    AtRest,
    /// The file holds several scenes; the first or default one is shown.
    ScenesDropped {
        /// How many are not shown.
        scenes: u64,
    },
    /// The coordinates are so far from their origin that they are kept relative to a nearer one.
    FarFromOrigin,
    /// The file holds points without triangles.
    PointsOnly,
    /// The file holds nothing to show.
    Empty,
}

impl MeshFinding {
    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Trailing { .. } | Self::AtRest | Self::FarFromOrigin | Self::ColorsPartly { .. } => {
                Severity::Info
            }
            Self::TriangleCount { .. } | Self::NumbersUnread { .. } | Self::PolygonsFanned { .. } => {
                Severity::Danger
            }
            _ => Severity::Caution,
        }
    }
}

impl fmt::Display for MeshFinding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TriangleCount { declared, read } => write!(
                out,
                "The file says that it has {declared} triangles; {read} were found and read."
            ),
            Self::Trailing { bytes } => {
                write!(out, "{bytes} bytes behind the end of the mesh were left out.")
            }
            Self::FileMissing { name } => {
                write!(out, "The file \"{name}\" that it names is not in the upload.")
            }
            Self::TextureFormat { name } => write!(
                out,
                "The texture \"{name}\" is neither JPEG nor PNG and was left out."
            ),
            Self::TexturesDropped { dropped, triangles } => write!(
                out,
                "Of several textures one is kept: {dropped} on {triangles} triangles were left out."
            ),
            Self::FacesIncomplete { faces } => {
                write!(out, "{faces} faces with fewer than three corners were left out.")
            }
            Self::NotTriangles { elements } => write!(
                out,
                "{elements} lines, points or curves beside the surface were left out."
            ),
            Self::PolygonsFanned { polygons } => write!(
                out,
                "{polygons} polygons could not be followed along their outline and were cut from one corner."
            ),
            Self::NumbersUnread { numbers } => {
                write!(
                    out,
                    "{numbers} numbers could not be read; their points are undefined."
                )
            }
            Self::RowsUneven { rows } => {
                write!(
                    out,
                    "{rows} rows have more or fewer numbers than the file declares."
                )
            }
            Self::ColorsPartly { vertices } => {
                write!(out, "{vertices} vertices have no color and are shown white.")
            }
            Self::AtRest => out.write_str("The model can be posed or moved; it is shown at rest."),
            Self::ScenesDropped { scenes } => {
                write!(out, "{scenes} further scenes of the file were left out.")
            }
            Self::FarFromOrigin => out.write_str(
                "The coordinates lie far from their origin and are kept relative to a nearer one.",
            ),
            Self::PointsOnly => out.write_str("The file holds points without a surface."),
            Self::Empty => out.write_str("The file holds nothing to show."),
        }
    }
}
