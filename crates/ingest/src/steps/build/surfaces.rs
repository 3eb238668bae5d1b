//! Steps 4 and 5 for surfaces: which ones, at which stored value, and what is told of them.

use dicom_series::group::{Group, Plane, Stack};
use geometry::GridGeometry;
use serde_json::{Value, json};
use surface::{Closing, IslandRule, Reduction, Surface, SurfacePlan};
use volume::{Rescale, Sample, StatisticsBuilder, Unit, air_threshold};

use super::Builder;
use crate::IngestError;
use crate::options::{SurfaceChoice, SurfaceRequest};

/// Skin against air: far from both, so that noise on neither side reaches it.
const SKIN_HU: f64 = -300.0;
/// Bone against soft tissue.
const BONE_HU: f64 = 300.0;
/// Components of less area than this share of the largest are dropped as islands.
const ISLAND_SHARE: f64 = 0.005;
/// Pieces of less area than this are dropped before anything is simplified, mm^2: a ball of 1 mm radius.
const SPECK_MM2: f64 = 12.0;
/// The share of triangles that is kept, where the error allows it.
const KEEP_SHARE: f64 = 0.1;
/// Error of the simplification, as a share of the smallest spacing.
pub(super) const ERROR_SHARE: f64 = 0.5;
/// Slices from which a threshold is found before all have been decoded.
const SAMPLED_SLICES: usize = 24;

/// A surface that a volume gets.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    /// Rescaled value on the surface.
    value: f64,
    pub(super) surface: SurfacePlan,
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

impl Plan {
    pub(super) fn fault(&self, source: surface::SurfaceError) -> IngestError {
        IngestError::Surface {
            name: self.name.clone(),
            source,
        }
    }
}

/// What is told of a surface: how it was made, and what it measures.
pub(super) fn details(plan: &Plan, surface: &Surface) -> Value {
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
