//! What pictures are drawn from: the view that an item asks for, surfaces as they arrive, the transfer function, color
//! scales.

use artifact::mesh::read_model;
use artifact::pyramid::{Polarity, PyramidHead};
use geometry::Aabb;
use renderer::{
    ColorScale, ControlPoint, Paint, ResidentSurface, Scene, SurfaceLayer, TransferFunction, VolumeLayer,
    Window,
};
use volume::Unit;

use super::painter::Layer;
use crate::loading::Loading;
use crate::view_state::ViewState;

/// Behind everything, sRGB between 0 and 1.
const GROUND: [f32; 3] = [0.043, 0.055, 0.067];
/// What part of the measured distances lies within full color.
const WITHIN: f64 = 0.98;

/// What a volume is seen through, and what that was made of.
pub(super) struct Looked {
    pub(super) name: String,
    pub(super) own: Option<Vec<ControlPoint>>,
    pub(super) transfer: TransferFunction,
    pub(super) projection: renderer::Projection,
}

/// A surface with its colors or measured distances, and the distance of full color where it has any.
pub(super) fn surface(bytes: &[u8]) -> Result<(ResidentSurface, Option<f64>), String> {
    let (mut model, _) = read_model(bytes).map_err(|e| e.to_string())?;
    let surface = ResidentSurface::new(model.mesh).map_err(|e| e.to_string())?;
    if let Some(measured) = model.scalars.pop() {
        let mut sizes: Vec<f32> = measured.values.iter().map(|value| value.abs()).collect();
        sizes.sort_by(f32::total_cmp);
        let index = (sizes.len() as f64 * WITHIN) as usize;
        let full = sizes
            .get(index.min(sizes.len().saturating_sub(1)))
            .copied()
            .unwrap_or(1.0);
        let surface = surface.with_values(measured.values).map_err(|e| e.to_string())?;
        return Ok((surface, Some(round_up(f64::from(full)))));
    }
    if model.colors.is_empty() {
        return Ok((surface, None));
    }
    let surface = surface.with_colors(model.colors).map_err(|e| e.to_string())?;
    Ok((surface, None))
}

/// The next 1, 2 or 5 times a power of ten.
fn round_up(mm: f64) -> f64 {
    let mm = mm.max(0.01);
    let decade = 10f64.powf(mm.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * decade >= mm * (1.0 - 1e-9));
    step.unwrap_or(10.0) * decade
}

/// The color scales of the surfaces with measured distances.
pub(super) fn scales(layers: &[Layer]) -> Vec<(String, ColorScale)> {
    let measured = layers
        .iter()
        .filter_map(|layer| Some((layer, layer.distances_mm?)));
    measured
        .map(|(layer, full_mm)| (layer.name.clone(), ColorScale::of_distances(full_mm as f32)))
        .collect()
}

/// The scene; apart from the loop, so that the back end can be borrowed beside it.
pub(super) fn scene_of<'a>(
    loading: &'a Loading,
    look: Option<&'a Looked>,
    surfaces: &'a [(String, ResidentSurface)],
    view: &ViewState,
    layers: &[Layer],
    scales: &'a [(String, ColorScale)],
    has_volume: bool,
) -> Scene<'a> {
    let volume = loading.volume().filter(|volume| has_volume && !volume.is_empty());
    let volumes = match (volume, look) {
        (Some(volume), Some(look)) => vec![VolumeLayer {
            projection: look.projection,
            ..VolumeLayer::new(volume, &look.transfer)
        }],
        _ => Vec::new(),
    };
    let surfaces = surfaces.iter().filter_map(|(name, surface)| {
        let layer = layers.iter().find(|layer| layer.name == *name)?;
        let plain = SurfaceLayer::new(surface);
        let scale = scales.iter().find(|(measured, _)| measured == name);
        let paint = match (scale, layer.color) {
            (Some((_, scale)), _) => Paint::Distances(scale),
            (None, Some(color)) => Paint::Plain(color),
            (None, None) => plain.paint,
        };
        (layer.opacity > 0.0).then_some(SurfaceLayer {
            opacity: layer.opacity as f32,
            paint,
            ..plain
        })
    });
    Scene {
        volumes,
        surfaces: surfaces.collect(),
        clip: view.clip(),
        camera: view.camera.camera(),
        background: GROUND,
    }
}

/// How an item is seen at first: all of it, and a volume as its head asks for.
pub(super) fn first_view(bounds_mm: Aabb, head: Option<&PyramidHead>) -> ViewState {
    let Some(head) = head else {
        return ViewState::of(bounds_mm, Window::new(0.5, 1.0), "");
    };
    let is_hu = matches!(head.rescale().unit, Unit::Hu);
    let range = range_of(head);
    let window = match head.description().windows.first() {
        Some(window) if window.width > 0.0 => Window::new(window.center, window.width),
        _ if is_hu => Window::new(40.0, 400.0),
        _ => Window::new((range[0] + range[1]) / 2.0, (range[1] - range[0]).max(1.0)),
    };
    let preset = if is_hu { "CT-Bone" } else { "MR-Default" };
    let mut state = ViewState::of(bounds_mm, window, preset);
    state.inverted = head.description().polarity == Polarity::SmallIsBright;
    state
}

/// The least and the largest value, in the unit of the volume.
pub(super) fn range_of(head: &PyramidHead) -> [f64; 2] {
    let statistics = head.statistics();
    let [a, b] = [statistics.min, statistics.max].map(|stored| head.rescale().value(stored));
    [a.min(b), a.max(b)]
}

/// How the unit of values is written.
pub(super) fn unit_word(unit: &Unit) -> &str {
    match unit {
        Unit::Hu => "HU",
        Unit::SuvBw => "g/ml",
        Unit::None => "",
        Unit::Named(name) => name,
    }
}
