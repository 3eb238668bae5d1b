//! Why a surface cannot be made.

/// Why a surface cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SurfaceError {
    /// The samples do not fill whole slices of the grid, or not as many as were announced.
    #[error("{actual} samples were given where the grid needs {expected}")]
    SampleCount {
        /// Samples that the grid needs.
        expected: u64,
        /// Samples that were given.
        actual: u64,
    },
    /// A slab or its window lies outside of the grid, or the window lacks slices of the slab.
    #[error("a slab of slices {first} to {last} cannot be taken from slices {window_first} to {window_last}")]
    Window {
        /// First plane of the slab.
        first: u32,
        /// Last plane of the slab.
        last: u32,
        /// First slice in the window.
        window_first: u32,
        /// Last slice in the window.
        window_last: u32,
    },
    /// The threshold is NaN or infinite.
    #[error("a threshold of {0} is no finite number")]
    Threshold(f64),
    /// The surface is too large to be worked on.
    #[error("the surface has {triangles} triangles; {limit} are allowed")]
    TooManyTriangles {
        /// Triangles of the surface.
        triangles: u64,
        /// Triangles allowed.
        limit: u64,
    },
    /// A slab was handed over twice, or overlaps another one.
    #[error("a slab that starts at plane {actual} came where plane {expected} is next")]
    SlabOrder {
        /// Plane at which the next slab must start.
        expected: u32,
        /// Plane at which the slab starts.
        actual: u32,
    },
    /// Two slabs do not agree about the plane that they share: they are not of the same samples.
    #[error("{actual} vertices in plane {plane}, where the slab before has {expected}")]
    Seam {
        /// The shared plane.
        plane: u32,
        /// Vertices of the earlier slab in it.
        expected: usize,
        /// Vertices of the later slab in it.
        actual: usize,
    },
    /// A slice has more samples than can be numbered.
    #[error("a slice of {columns} x {rows} samples is too large for a surface")]
    SliceTooLarge {
        /// Samples along a row.
        columns: u32,
        /// Rows.
        rows: u32,
    },
    /// The last slab has not arrived.
    #[error("slabs up to plane {reached} of {last} arrived")]
    Unfinished {
        /// Last plane that arrived.
        reached: u32,
        /// Last plane of the grid.
        last: u32,
    },
    /// A surface, or the part of it that is needed, has no area.
    #[error("{0} has no area")]
    Nothing(&'static str),
    /// Landmarks that fix no motion.
    #[error("{count} landmarks fix no motion: three or more are needed that do not lie on a line")]
    Landmarks {
        /// How many were given.
        count: usize,
    },
    /// Two surfaces that no motion brings together.
    #[error("the two surfaces have nothing in common: no motion brings them together")]
    NothingInCommon,
    /// A corner of a triangle is no vertex.
    #[error("a triangle names vertex {index} of {vertices}")]
    Index {
        /// The index.
        index: u32,
        /// Vertices that there are.
        vertices: u64,
    },
    /// An attribute has not one entry a vertex.
    #[error("{actual} entries of an attribute for {expected} vertices")]
    AttributeCount {
        /// Vertices.
        expected: u64,
        /// Entries.
        actual: u64,
    },
    /// A tolerance is not a positive number.
    #[error("a tolerance of {0} is no positive number")]
    Tolerance(f64),
}
