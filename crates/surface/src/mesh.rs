//! An indexed triangle mesh in patient space.

/// A triangle mesh in patient millimeters (LPS). Triangles are counter-clockwise seen from outside, so that normals
/// point out of the body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// `[vertex][x, y, z]`, patient LPS, mm.
    pub positions_mm: Vec<[f32; 3]>,
    /// `[vertex][x, y, z]`, unit length; empty, or one a vertex.
    pub normals: Vec<[f32; 3]>,
    /// `[triangle][corner]`, indexes of vertices.
    pub triangles: Vec<[u32; 3]>,
}
