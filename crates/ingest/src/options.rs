//! What may be chosen about an ingest.

use std::ffi::OsString;
use std::path::PathBuf;

use geometry::LengthUnit;

use crate::guard::{Limits, Pool};

/// The hidden command of the `vitrine` program that runs a worker.
pub const WORKER_COMMAND: &str = "decode-worker";

/// What may be chosen about an ingest.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which surfaces volumes get.
    pub surfaces: SurfaceChoice,
    /// The unit of mesh files, where somebody says so; it goes before what they declare.
    pub unit: Option<LengthUnit>,
    /// The program whose [`WORKER_COMMAND`] runs [`crate::guard::run_worker`].
    pub program: PathBuf,
    /// What a worker may use.
    pub limits: Limits,
    /// What a worker that reads meshes may use.
    pub mesh_limits: Limits,
    /// Workers at once.
    pub threads: usize,
}

/// Which surfaces volumes get.
#[derive(Clone, Debug, PartialEq)]
pub enum SurfaceChoice {
    /// Skin and bone of CT, skin of MR, none of anything else.
    ByModality,
    /// These, of every volume.
    These(Vec<SurfaceRequest>),
    /// None.
    None,
}

/// One surface.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceRequest {
    /// Its name within the item, such as `bone`.
    pub name: String,
    /// The rescaled value on it, in the unit of the volume (HU for CT).
    pub value: f64,
}

impl Options {
    /// The defaults, with `program` for workers.
    pub fn new(program: PathBuf) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            surfaces: SurfaceChoice::ByModality,
            unit: None,
            program,
            limits: Limits::default(),
            mesh_limits: Limits::MESH,
            threads,
        }
    }

    pub(crate) fn pool(&self) -> Pool {
        self.pool_of(self.limits)
    }

    pub(crate) fn mesh_pool(&self) -> Pool {
        self.pool_of(self.mesh_limits)
    }

    fn pool_of(&self, limits: Limits) -> Pool {
        Pool::new(self.program.clone(), vec![OsString::from(WORKER_COMMAND)], limits)
    }
}
