//! Draws volumes and surfaces; knows no patient.
//!
//! One scene description ([`Scene`]) and a back end on the CPU ([`cpu`]) that draws it with rayon: the oracle for
//! every other back end, and the one in use where there is no GPU. `gpu` is the same on a graphics device, behind the
//! features `gpu` (native) and `webgpu` (browsers). Scenes borrow long-lived data ([`ResidentVolume`],
//! [`ResidentSurface`]) and are made anew for each picture; back ends keep what they prepare by the identity of that data.
//!
//! Spaces: patient (LPS, mm), voxel (indexes of one volume), view (camera at the origin, x right, y up, looking
//! along -z, mm) and pixels (x right, y down, from the top left corner).

pub mod annotate;
mod camera;
mod clip;
mod color_scale;
pub mod cpu;
#[cfg(any(feature = "gpu", feature = "webgpu"))]
pub mod gpu;
mod id;
mod model;
mod navigate;
mod occlusion;
mod picking;
mod picture;
mod preset;
mod region;
mod resident;
mod scene;
mod slice;
mod stack;
mod transfer;

pub use camera::{Camera, CameraError};
pub use clip::{Clip, Plane};
pub use color_scale::{ColorScale, ScaleError};
pub use id::DataId;
pub use model::{ResidentSurface, SurfaceError, TextureImage};
pub use picking::{Hit, LayerIndex, Ray, pick};
pub use picture::Picture;
pub use preset::{Preset, preset, preset_names};
pub use region::{RegionValues, region_values};
pub use resident::{BLOCK_SIDE, BlockRanges, Growing, ResidentError, ResidentVolume, SampleBox};
pub use scene::{
    AmbientOcclusion, Cut, Material, Occlusion, Paint, Projection, Scene, Shading, Shadows, SurfaceLayer,
    VolumeLayer,
};
pub use slice::{
    EdgeLetters, Interpolation, Inversion, ScaleBar, Slab, SlabProjection, Slice, SliceError, SliceLayer,
    SlicePlane, Window, WindowFunction,
};
pub use transfer::{ControlPoint, TransferError, TransferFunction};
