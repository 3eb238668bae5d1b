//! Steps 4 and 5 for surfaces: which ones, at which stored value, and how they are kept.

use catalog::NewArtifact;
use dicom_series::group::{Group, Plane, Stack};
use domain::ArtifactKind;
use geometry::GridGeometry;
use rayon::prelude::*;
use serde_json::{Value, json};
use surface::{Closing, IslandRule, Reduction, SlabRange, Stitcher, Surface, SurfacePlan, Window};
use vault::ObjectId;
use volume::{Rescale, Sample, StatisticsBuilder, Unit, air_threshold};

use super::Builder;
use crate::IngestError;
use crate::options::{SurfaceChoice, SurfaceRequest};
use crate::place::Place;
use crate::steps::record::artifact;

/// Skin against air: far from both, so that noise on neither side reaches it.
const SKIN_HU: f64 = -300.0;
/// Bone against soft tissue.
const BONE_HU: f64 = 300.0;
/// Components of less area than this share of the largest are dropped as islands.
const ISLAND_SHARE: f64 = 0.005;
/// Layers of cells that are extracted and reduced together.
const LAYERS: u32 = 32;
/// Slabs that are worked on side by side, so that no processor waits for the other at the end of each.
const SLABS_AT_ONCE: usize = 3;
/// Pieces of less area than this are dropped before anything is simplified, mm^2: a ball of 1 mm radius.
const SPECK_MM2: f64 = 12.0;
/// The share of triangles that is kept, where the error allows it.
const KEEP_SHARE: f64 = 0.1;
/// Error of the simplification, as a share of the smallest spacing.
const ERROR_SHARE: f64 = 0.5;
/// Slices from which a threshold is found before all have been decoded.
const SAMPLED_SLICES: usize = 24;

/// A surface that a volume gets.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    name: String,
    /// Rescaled value on the surface.
    value: f64,
    surface: SurfacePlan,
}

/// The surfaces that a volume gets.
///
/// # Errors
/// When finding a threshold needs slices and none can be decoded.
pub(super) fn plan<T: Sample>(
    builder: &Builder<'_>,
    group: &Group,
    stack: &Stack,
    rescale: &Rescale,
) -> Result<Vec<Plan>, IngestError> {
    // A falling rescale turns inside out; none of the units that have surfaces does that.
    if rescale.slope.is_nan() || rescale.slope <= 0.0 {
        return Ok(Vec::new());
    }
    let request = |name: &str, value| SurfaceRequest {
        name: name.to_owned(),
        value,
    };
    let requests = match (&builder.options.surfaces, group.modality.as_deref()) {
        (SurfaceChoice::None, _) => Vec::new(),
        (SurfaceChoice::These(some), _) => some.clone(),
        (SurfaceChoice::ByModality, Some("CT")) if rescale.unit == Unit::Hu => {
            vec![request("skin", SKIN_HU), request("bone", BONE_HU)]
        }
        (SurfaceChoice::ByModality, Some("MR")) => {
            let found = threshold_of_data::<T>(builder, stack)?;
            found
                .map(|stored| request("skin", rescale.value(stored)))
                .into_iter()
                .collect()
        }
        (SurfaceChoice::ByModality, _) => Vec::new(),
    };
    let smallest = stack.grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
    let plan = |request: SurfaceRequest| Plan {
        surface: SurfacePlan {
            grid: stack.grid,
            threshold: rescale.stored(request.value),
            closing: Closing::Closed,
            islands: IslandRule {
                min_area_mm2: SPECK_MM2,
                min_share_of_largest: ISLAND_SHARE,
            },
            reduction: Some(Reduction {
                share: KEEP_SHARE,
                max_error_mm: (smallest * ERROR_SHARE) as f32,
            }),
        },
        name: request.name,
        value: request.value,
    };
    Ok(requests.into_iter().map(plan).collect())
}

/// The stored value between air and tissue, from slices spread over the volume.
fn threshold_of_data<T: Sample>(builder: &Builder<'_>, stack: &Stack) -> Result<Option<f64>, IngestError> {
    let some = spread(stack)?;
    let [columns, rows, _] = stack.grid.dims();
    let mut statistics = StatisticsBuilder::<T>::new(columns as usize * rows as usize);
    builder.decoder().decode::<T>(&some, |planes| {
        statistics.add(planes);
        Ok(())
    })?;
    Ok(air_threshold(&statistics.finish().histogram))
}

/// A stack of some slices of another, spread evenly.
fn spread(stack: &Stack) -> Result<Stack, IngestError> {
    let count = stack.slices.len().min(SAMPLED_SLICES);
    let last = stack.slices.len().saturating_sub(1);
    let slices = (0..count)
        .map(|i| stack.slices[i * last / count.saturating_sub(1).max(1)])
        .collect();
    let [columns, rows, _] = stack.grid.dims();
    let grid = GridGeometry::new([columns, rows, count as u32], stack.grid.patient_from_voxel())
        .map_err(|e| IngestError::Broken(e.to_string()))?;
    Ok(Stack {
        slices,
        planes: (0..count).map(Plane::Slice).collect(),
        grid,
        ..stack.clone()
    })
}

/// The surfaces of a volume while its slices pass by: slices are gathered to slabs, each of which is extracted,
/// reduced and joined to what is there.
pub(super) struct Streams<T> {
    surfaces: Vec<(Plan, Stitcher)>,
    /// Slabs to come, the next one last.
    slabs: Vec<SlabRange>,
    /// `[slice][row][column]`, from slice `first` on.
    window: Vec<T>,
    first: u32,
    slice_len: usize,
    smallest_mm: f64,
}

impl<T: Sample> Streams<T> {
    pub(super) fn new(grid: GridGeometry, plans: Vec<Plan>) -> Self {
        let [columns, rows, _] = grid.dims();
        let mut slabs: Vec<SlabRange> = plans
            .first()
            .map_or_else(Vec::new, |plan| plan.surface.slabs(LAYERS).collect());
        slabs.reverse();
        Self {
            surfaces: plans
                .into_iter()
                .map(|plan| (plan.clone(), Stitcher::new(plan.surface)))
                .collect(),
            slabs,
            window: Vec::new(),
            first: 0,
            slice_len: columns as usize * rows as usize,
            smallest_mm: grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min),
        }
    }

    /// Takes the next whole slices.
    pub(super) fn push(&mut self, mut planes: &[T]) -> Result<(), IngestError> {
        loop {
            let waiting = self.slabs.len().saturating_sub(SLABS_AT_ONCE);
            let Some(last) = self.slabs.get(waiting) else {
                return Ok(());
            };
            let needed = (last.slices.end - self.first) as usize * self.slice_len;
            let missing = needed.saturating_sub(self.window.len()).min(planes.len());
            let (now, later) = planes.split_at(missing);
            self.window.extend_from_slice(now);
            planes = later;
            if self.window.len() < needed {
                return Ok(());
            }
            let ready = self.slabs.split_off(waiting);
            self.work(&ready)?;
        }
    }

    /// Extracts and reduces slabs of every surface, and lets go of the slices that no later slab needs.
    fn work(&mut self, slabs: &[SlabRange]) -> Result<(), IngestError> {
        let window = Window {
            samples: self.window.as_slice(),
            first_slice: self.first,
        };
        let surfaces = &self.surfaces;
        let tasks: Vec<(usize, &SlabRange)> = slabs
            .iter()
            .flat_map(|slab| (0..surfaces.len()).map(move |surface| (surface, slab)))
            .collect();
        let pieces: Vec<_> = tasks
            .into_par_iter()
            .with_max_len(1)
            .map(|(surface, slab)| {
                let plan = &surfaces[surface].0;
                let piece = plan.surface.slab(window, slab.planes.clone());
                piece
                    .map(|piece| (surface, piece))
                    .map_err(|source| plan.fault(source))
            })
            .collect();
        for piece in pieces {
            let (surface, piece) = piece?;
            let (plan, stitcher) = &mut self.surfaces[surface];
            stitcher.push(piece).map_err(|source| plan.fault(source))?;
        }
        let keep_from = slabs
            .iter()
            .map(|slab| *slab.planes.end())
            .max()
            .unwrap_or(self.first);
        self.window
            .drain(..(keep_from - self.first) as usize * self.slice_len);
        self.first = keep_from;
        Ok(())
    }

    /// Joins and simplifies the surfaces, and stores them.
    pub(super) fn finish(self, place: &Place, ids: Vec<ObjectId>) -> Result<Vec<NewArtifact>, IngestError> {
        drop(self.window);
        let tolerance_mm = self.smallest_mm * ERROR_SHARE;
        let all: Vec<_> = self.surfaces.into_iter().zip(ids).collect();
        all.into_par_iter()
            .map(|((plan, stitcher), id)| {
                let surface = stitcher.finish().map_err(|source| plan.fault(source))?;
                let details = details(&plan, &surface);
                let bytes = artifact::mesh::encode_surface(&surface.mesh, &details, tolerance_mm)?;
                let object = place.put(id, &bytes)?;
                artifact(ArtifactKind::Surface, &plan.name, details, vec![("glb", object)])
            })
            .collect()
    }
}

impl Plan {
    fn fault(&self, source: surface::SurfaceError) -> IngestError {
        IngestError::Surface {
            name: self.name.clone(),
            source,
        }
    }
}

/// What is told of a surface: how it was made, and what it measures.
fn details(plan: &Plan, surface: &Surface) -> Value {
    let measures = surface.mesh.measure();
    json!({
        "value": plan.value,
        "threshold_stored": surface.threshold,
        "triangles": surface.mesh.triangles.len(),
        "triangles_extracted": surface.triangles_extracted,
        "islands_dropped": surface.islands_dropped,
        "components": measures.components,
        "watertight": measures.is_watertight(),
        "area_mm2": measures.area_mm2,
        "volume_mm3": measures.volume_mm3,
        "max_error_mm": surface.error_mm,
        "mean_error_mm": surface.mean_error_mm,
    })
}
