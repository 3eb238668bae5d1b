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
    /// A slab lies outside of the grid or its window lacks slices that it needs.
    #[error(
        "planes {first} to {last} need slices {needed_first} to {needed_last}; the window holds {window_first} to {window_last}"
    )]
    Window {
        /// First plane of the slab.
        first: u32,
        /// Last plane of the slab.
        last: u32,
        /// First slice that must be in the window.
        needed_first: u32,
        /// Last slice that must be in the window.
        needed_last: u32,
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
    /// The last slab has not arrived.
    #[error("slabs up to plane {reached} of {last} arrived")]
    Unfinished {
        /// Last plane that arrived.
        reached: u32,
        /// Last plane of the grid.
        last: u32,
    },
}
