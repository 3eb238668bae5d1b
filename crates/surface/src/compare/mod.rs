//! Two surfaces of one body, before and after: what has moved, by how much, and the volume between them.
//!
//! [`register()`] lays the first surface onto the second by what is said to be stable; [`distances`] measures, at every
//! vertex of the first, how far the second lies from it; [`Distances::peak`] and [`Distances::local`] tell one place
//! as a figure to be quoted. [`compare`] does all of it. Its parts are apart from isosurfaces because they take
//! meshes of any origin: of a volume, a scanner or a depth camera.
//!
//! The same input gives the same output to the last bit: work is cut into pieces of fixed size, and sums are taken in
//! their order.

mod between;
mod distance;
mod eigen;
mod icp;
mod local;
mod refine;
mod region;
mod register;
mod rigid;
mod sample;
mod start;
mod target;
mod topology;

pub use between::Between;
pub use distance::{Distances, Onto, Statistics, distances};
pub use local::Local;
pub use refine::{Refined, refine};
pub use region::{Region, RegionError};
pub use register::{Landmark, Registration, Start, register};
pub use target::{Nearest, Target};

use crate::{Mesh, SurfaceError};

/// How two surfaces are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Where nothing has changed, in the space of the first surface: the registration is made there.
    pub stable: Region,
    /// Where the registration starts.
    pub start: Start,
    /// Where the volume between the surfaces is measured; without one, where the surface is not stable, or everywhere
    /// when all of it may be.
    pub inside: Option<Region>,
    /// Points farther apart than this are not compared, mm.
    pub reach_mm: f64,
    /// Edges of the first surface longer than this are halved before distances are taken, mm.
    pub longest_edge_mm: f64,
    /// Radius of the disc over which a peak is measured, mm.
    pub disc_mm: f64,
}

impl Default for Options {
    /// All of the surface may be stable, and everything is compared.
    fn default() -> Self {
        Self {
            stable: Region::Everything,
            start: Start::Anywhere,
            inside: None,
            reach_mm: f64::INFINITY,
            longest_edge_mm: 1.5,
            disc_mm: 4.0,
        }
    }
}

/// What was found out about two surfaces.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// How the first surface was laid onto the second.
    pub registration: Registration,
    /// The first surface, in its own place, fine enough to carry the distances, with smooth normals.
    pub refined: Refined,
    /// How far the second surface lies from it, one a vertex of the refined mesh.
    pub distances: Distances,
    /// Over all of the surface.
    pub everywhere: Option<Statistics>,
    /// Over the stable region, where one was given.
    pub stable: Option<Statistics>,
    /// Over everything else, where a stable region was given.
    pub elsewhere: Option<Statistics>,
    /// Where the volume was measured.
    pub inside: Region,
    /// The volume between the surfaces there.
    pub between: Between,
    /// Where the surface has moved farthest, within the same region.
    pub peak: Option<Local>,
}

/// The most triangles that a surface is refined to, unless it has more already.
const MOST_TRIANGLES: usize = 4_000_000;

/// Registers `a` to `b` and measures what has changed.
///
/// # Errors
/// As [`register()`]; [`SurfaceError::Nothing`] when a surface has no area.
pub fn compare(a: &Mesh, b: &Mesh, options: &Options) -> Result<Comparison, SurfaceError> {
    let target = Target::new(b).ok_or(SurfaceError::Nothing("the second surface"))?;
    let refined = refine(a, options.longest_edge_mm, MOST_TRIANGLES.max(a.triangles.len()));
    let mesh = &refined.mesh;
    let from = Target::new(mesh).ok_or(SurfaceError::Nothing("the first surface"))?;
    let registration = register(mesh, b, &target, &options.stable, &options.start)?;
    let onto = Onto {
        target: &target,
        b_from_a: registration.b_from_a,
    };
    let distances = distances(mesh, onto, options.reach_mm);
    let has_stable = options.stable != Region::Everything;
    let inside = match &options.inside {
        Some(inside) => inside.clone(),
        None if has_stable => options.stable.complement(),
        None => Region::Everything,
    };
    let there = distances.statistics(mesh, &inside);
    let area_mm2 = there.map_or(0.0, |there| there.area_mm2);
    let only = |wanted: bool, region: &Region| wanted.then(|| distances.statistics(mesh, region)).flatten();
    let normals = distances.normals.clone();
    Ok(Comparison {
        everywhere: distances.statistics(mesh, &Region::Everything),
        stable: only(has_stable, &options.stable),
        elsewhere: only(has_stable, &options.stable.complement()),
        between: between::between(&from, onto, &inside, area_mm2),
        peak: distances.peak(mesh, onto, &inside, options.disc_mm),
        inside,
        registration,
        distances,
        refined: Refined {
            mesh: Mesh {
                normals,
                ..refined.mesh
            },
            ..refined
        },
    })
}
