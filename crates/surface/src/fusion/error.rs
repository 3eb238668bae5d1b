//! Why a frame or a capture cannot be fused.

/// Why a frame or a capture cannot be fused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FusionError {
    /// A picture has another number of samples than its camera has pixels.
    #[error("{actual} samples were given where the camera has {expected} pixels")]
    SampleCount {
        /// Pixels of the camera.
        expected: usize,
        /// Samples given.
        actual: usize,
    },
    /// The camera has no size or no focal length.
    #[error("the camera's size, focal length or center is not usable")]
    Camera,
    /// The pose is not rigid, or not finite.
    #[error("the pose of a frame is no rigid map")]
    Pose,
    /// No frame shows anything within reach.
    #[error("no frame shows anything within reach of the camera")]
    Nothing,
    /// The voxel size is not usable.
    #[error("a voxel of {0} mm is not usable")]
    Voxel(f64),
    /// The surface would need more memory than is granted.
    #[error("the capture needs more than {limit} blocks of voxels; a larger voxel would fit")]
    TooLarge {
        /// Blocks that are granted.
        limit: usize,
    },
    /// The surface is too large to be worked on.
    #[error("the surface has {triangles} triangles; {limit} are allowed")]
    TooManyTriangles {
        /// Triangles of the surface.
        triangles: u64,
        /// Triangles allowed.
        limit: u64,
    },
}
