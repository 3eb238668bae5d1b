//! Isosurfaces by marching cubes on bits.
//!
//! One bit a sample says whether it is inside; 64 cells are then searched for the surface by a few operations on
//! words, and a vertex finds its number by counting bits ([`count`](mod@count)). Two passes, one that counts and one that writes,
//! run over the planes in parallel. The surface is closed by construction: see [`table`].

mod batch;
mod cap;
mod count;
mod emit;
mod mask;
pub(crate) mod table;

use std::ops::RangeInclusive;

use geometry::GridGeometry;
use parallel::prelude::*;
use volume::Sample;

use self::batch::{Placement, Vertices};
use self::cap::Lids;
use self::count::{Plane, count};
use self::emit::Emitter;
use self::mask::{Masks, floor_of};
use crate::{Mesh, SurfaceError};

/// The most triangles that a surface may have.
pub const MAX_TRIANGLES: u64 = 50_000_000;

/// What happens where the body reaches the edge of the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The surface ends there, with a border.
    Open,
    /// Lids on the outermost sample planes close the surface.
    Closed,
}

/// Successive whole slices of a volume.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a, T> {
    /// `[slice][row][column]`, stored values.
    pub samples: &'a [T],
    /// Which slice of the volume the first one is.
    pub first_slice: u32,
}

/// The surface between inside (`value >= threshold`) and outside, in patient space, with unit normals that point
/// outward, against the gradient.
///
/// `samples` is `[slice][row][column]`, stored values; `threshold` is a stored value too, and may lie between two
/// values of an integer type. Vertices lie on grid edges, where linear interpolation reaches the threshold; each is
/// there once, shared by its triangles. Normals are central differences of the samples (one-sided at the border),
/// interpolated like the position. Every edge has two triangles, except at an open end of the volume. NaN and
/// infinities are outside.
///
/// # Errors
/// When `samples` does not have the size of the grid, the threshold is not finite, or the surface has more than
/// [`MAX_TRIANGLES`] triangles.
///
/// # Limits
/// A grid with a single sample along any axis has no cells and gives no surface. Samples exactly on the threshold
/// give triangles without area, as in VTK: several vertices at the place of the sample.
pub fn isosurface<T: Sample>(
    grid: &GridGeometry,
    samples: &[T],
    threshold: f64,
    closing: Closing,
) -> Result<Mesh, SurfaceError> {
    let window = Window {
        samples,
        first_slice: 0,
    };
    let last = grid.dims()[2] - 1;
    if samples.len() as u64 != grid.len() {
        return Err(SurfaceError::SampleCount {
            expected: grid.len(),
            actual: samples.len() as u64,
        });
    }
    extract(grid, window, 0..=last, threshold, closing, Shading::Gradient).map(|slab| slab.mesh)
}

/// The surface between two planes of slices.
///
/// The vertices in the first plane are the first of the mesh, those in the last plane the last; in both they are
/// ordered by their place in the plane, so that two slabs that share a plane agree on them one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawSlab {
    pub(crate) mesh: Mesh,
    pub(crate) vertices_in_first_plane: usize,
    pub(crate) vertices_in_last_plane: usize,
}

/// Whether vertices get normals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shading {
    /// From the gradient of the samples.
    Gradient,
    /// None: the mesh is simplified and gets others.
    None,
}

/// The part of a volume that is worked on.
struct Extent {
    columns: usize,
    rows: usize,
    /// Planes of the slab: one more than layers of cells.
    planes: usize,
    /// Slice of the first plane in the volume, and in the window.
    first_plane: usize,
    first_plane_in_window: usize,
    /// Slices of the whole volume.
    slices: usize,
    closing: Closing,
    /// Whether the axes of the grid are left-handed in the patient, which turns every triangle over.
    is_mirrored: bool,
}

impl Extent {
    fn slice_of_plane(&self, plane: usize) -> usize {
        self.first_plane_in_window + plane
    }

    fn grid_slice_of_plane(&self, plane: usize) -> usize {
        self.first_plane + plane
    }

    fn is_first_plane(&self, plane: usize) -> bool {
        self.first_plane + plane == 0
    }

    fn is_last_plane(&self, plane: usize) -> bool {
        self.first_plane + plane + 1 == self.slices
    }

    fn is_border_row(&self, y: usize, plane: usize) -> bool {
        y == 0 || y + 1 == self.rows || self.is_first_plane(plane) || self.is_last_plane(plane)
    }
}

/// The surface between the first and the last of `planes`, which the window must hold. Gradients are one-sided at
/// the ends of the window.
pub(crate) fn extract<T: Sample>(
    grid: &GridGeometry,
    window: Window<'_, T>,
    planes: RangeInclusive<u32>,
    threshold: f64,
    closing: Closing,
    shading: Shading,
) -> Result<RawSlab, SurfaceError> {
    let extent = extent_of(grid, &window, &planes, closing)?;
    if !threshold.is_finite() {
        return Err(SurfaceError::Threshold(threshold));
    }
    let Some(floor) = floor_of::<T>(threshold) else {
        return Ok(RawSlab::default());
    };
    if extent.columns < 2 || extent.rows < 2 || extent.planes < 2 {
        return Ok(RawSlab::default());
    }
    let masks = Masks::classify(window.samples, extent.columns, extent.rows, floor);
    let counts = count(&extent, &masks);
    check_budget(&counts)?;
    let lids: Vec<Vec<[u32; 3]>> = match closing {
        Closing::Open => Vec::new(),
        Closing::Closed => {
            let lids = Lids {
                extent: &extent,
                masks: &masks,
                planes: &counts,
            };
            (0..extent.planes - 1)
                .into_par_iter()
                .map(|plane| lids.triangles(plane))
                .collect()
        }
    };
    let patient_from_voxel = grid.patient_from_voxel();
    let emitter = Emitter {
        extent: &extent,
        samples: window.samples,
        masks: &masks,
        planes: &counts,
        threshold,
        shading,
        placement: &Placement {
            axes_mm: patient_from_voxel.matrix3,
            origin_mm: patient_from_voxel.translation,
            gradient_from_voxel: patient_from_voxel.matrix3.inverse().transpose(),
        },
    };
    let mesh = write(&emitter, &lids, shading)?;
    Ok(RawSlab {
        mesh,
        vertices_in_first_plane: counts.first().map_or(0, Plane::vertices),
        vertices_in_last_plane: counts.last().map_or(0, Plane::vertices),
    })
}

fn extent_of<T>(
    grid: &GridGeometry,
    window: &Window<'_, T>,
    planes: &RangeInclusive<u32>,
    closing: Closing,
) -> Result<Extent, SurfaceError> {
    let [columns, rows, slices] = grid.dims();
    let slice_len = u64::from(columns) * u64::from(rows);
    let held = window.samples.len() as u64;
    let (first, last) = (*planes.start(), *planes.end());
    let window_end = u64::from(window.first_slice) + held / slice_len;
    // Three vertices a sample have to be numbered within a plane.
    if slice_len > u64::from(u32::MAX / 4) {
        return Err(SurfaceError::SliceTooLarge { columns, rows });
    }
    if held == 0 || !held.is_multiple_of(slice_len) {
        return Err(SurfaceError::SampleCount {
            expected: slice_len * (u64::from(last.saturating_sub(first)) + 1),
            actual: held,
        });
    }
    if first > last
        || last >= slices
        || window_end > u64::from(slices)
        || window.first_slice > first
        || window_end <= u64::from(last)
    {
        return Err(SurfaceError::Window {
            first,
            last,
            window_first: window.first_slice,
            window_last: u32::try_from(window_end - 1).unwrap_or(u32::MAX),
        });
    }
    Ok(Extent {
        columns: columns as usize,
        rows: rows as usize,
        planes: (last - first + 1) as usize,
        first_plane: first as usize,
        first_plane_in_window: (first - window.first_slice) as usize,
        slices: slices as usize,
        closing,
        is_mirrored: grid.patient_from_voxel().matrix3.determinant() < 0.0,
    })
}

fn check_budget(counts: &[Plane]) -> Result<(), SurfaceError> {
    let triangles: u64 = counts.iter().map(|plane| plane.triangles).sum();
    // Every vertex is a corner of a triangle, so their number is bounded as well.
    if triangles > MAX_TRIANGLES {
        return Err(SurfaceError::TooManyTriangles {
            triangles,
            limit: MAX_TRIANGLES,
        });
    }
    Ok(())
}

fn write<T: Sample>(
    emitter: &Emitter<'_, T>,
    lids: &[Vec<[u32; 3]>],
    shading: Shading,
) -> Result<Mesh, SurfaceError> {
    let counts = emitter.planes;
    let vertices: usize = counts.iter().map(|p| p.vertices() + p.gap_vertices()).sum();
    let in_cells: usize = counts.iter().map(|p| p.triangles as usize).sum();
    let in_lids: usize = lids.iter().map(Vec::len).sum();
    let total = (in_cells + in_lids) as u64;
    if total > MAX_TRIANGLES {
        return Err(SurfaceError::TooManyTriangles {
            triangles: total,
            limit: MAX_TRIANGLES,
        });
    }
    let mut mesh = Mesh {
        positions_mm: vec![[0.0; 3]; vertices],
        normals: match shading {
            Shading::Gradient => vec![[0.0; 3]; vertices],
            Shading::None => Vec::new(),
        },
        triangles: vec![[0; 3]; in_cells + in_lids],
    };
    let mut positions = mesh.positions_mm.as_mut_slice();
    let mut normals = mesh.normals.as_mut_slice();
    let mut triangles = mesh.triangles.as_mut_slice();
    let mut jobs = Vec::with_capacity(counts.len());
    for plane in counts {
        let mut take = |count: usize| Vertices {
            positions_mm: positions.split_off_mut(..count).unwrap_or_default(),
            normals: normals.split_off_mut(..count).unwrap_or_default(),
        };
        let (in_plane, in_gap) = (take(plane.vertices()), take(plane.gap_vertices()));
        let in_layer = triangles
            .split_off_mut(..plane.triangles as usize)
            .unwrap_or_default();
        jobs.push((in_plane, in_gap, in_layer));
    }
    jobs.into_par_iter()
        .enumerate()
        .for_each(|(plane, (in_plane, in_gap, in_layer))| {
            emitter.plane_vertices(plane, in_plane);
            if plane + 1 < counts.len() {
                emitter.gap_vertices(plane, in_gap);
                emitter.triangles(plane, in_layer);
            }
        });
    for lid in lids {
        if let Some(places) = triangles.split_off_mut(..lid.len()) {
            places.copy_from_slice(lid);
        }
    }
    Ok(mesh)
}
