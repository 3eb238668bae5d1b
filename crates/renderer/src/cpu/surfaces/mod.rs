//! What surfaces show at each pixel, front to back.
//!
//! Opaque surfaces give the nearest place; of transparent ones every wall counts, so that glass is seen through its front
//! and its back. Clipping is decided for each ray: what lies outside the part that is kept is not drawn, and where the kept
//! part begins or ends inside of a capped surface there is a cut face.

mod band;
mod paint;
mod raster;

use parallel::prelude::*;

use super::View;
use crate::scene::{Cut, Scene, SurfaceLayer};
use band::Drawing;
use paint::Painter;
use raster::{BAND, Projection};

/// What a surface shows at a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    /// Along the line of sight, mm.
    pub(super) depth_mm: f32,
    /// Lit, linear.
    pub(super) color: [f32; 3],
    /// 0 to 1.
    pub(super) opacity: f32,
}

/// The fragments of all surfaces of a picture.
pub(super) struct Surfaces {
    columns: usize,
    bands: Vec<Band>,
    /// The colors of the outlines, sRGB.
    outlines: Vec<[f32; 3]>,
}

/// The fragments of some rows.
#[derive(Default)]
struct Band {
    /// Where the fragments of each pixel begin, and the end of the last; empty when there are none.
    starts: Vec<u32>,
    fragments: Vec<Fragment>,
    /// For each layer with an outline: which pixels it covers, hidden or not.
    covered: Vec<Vec<bool>>,
}

impl Surfaces {
    pub(super) fn new(scene: &Scene<'_>, view: &View) -> Self {
        let layers: Vec<Drawn<'_>> = scene
            .surfaces
            .iter()
            .filter_map(|layer| Drawn::new(layer, view))
            .collect();
        let drawing = Drawing {
            clip: &scene.clip,
            view,
            layers: &layers,
        };
        let bands = if layers.is_empty() {
            0
        } else {
            view.rows.div_ceil(BAND)
        };
        Self {
            columns: view.columns,
            outlines: layers.iter().filter_map(|layer| layer.outline).collect(),
            bands: (0..bands)
                .into_par_iter()
                .with_max_len(1)
                .map(|band| drawing.band(band))
                .collect(),
        }
    }

    /// Whether there is none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.bands.is_empty()
    }

    /// What surfaces show at a pixel, `row * columns + column`, nearest first; nothing lies behind an opaque one.
    pub(super) fn at(&self, pixel: usize) -> &[Fragment] {
        let len = self.columns * BAND;
        let Some(band) = self.bands.get(pixel / len) else {
            return &[];
        };
        match band.starts.get(pixel % len..pixel % len + 2) {
            Some(&[start, end]) => &band.fragments[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The outlines: their color (sRGB), and which pixels their layer covers, `[row][column]`.
    pub(super) fn outlines(&self) -> impl Iterator<Item = ([f32; 3], impl Iterator<Item = &[bool]>)> {
        self.outlines.iter().enumerate().map(|(index, &color)| {
            let bands = self.bands.iter().filter_map(move |band| band.covered.get(index));
            (
                color,
                bands.flat_map(|covered| covered.chunks_exact(self.columns)),
            )
        })
    }
}

/// A layer that can be seen.
struct Drawn<'a> {
    projection: Projection<'a>,
    painter: Painter<'a>,
    opacity: f32,
    cut: Cut,
    outline: Option<[f32; 3]>,
}

impl<'a> Drawn<'a> {
    fn new(layer: &'a SurfaceLayer<'a>, view: &View) -> Option<Self> {
        let opacity = layer.opacity.clamp(0.0, 1.0);
        // Neither what is invisible nor what is no number is drawn.
        let is_seen = opacity > 0.0 || layer.outline.is_some();
        let is_placed = layer.patient_from_surface.is_finite()
            && layer.patient_from_surface.matrix3.determinant().abs() > 0.0;
        (is_seen && is_placed).then(|| Self {
            projection: Projection::new(layer.surface.mesh(), &layer.patient_from_surface, view),
            painter: Painter::new(layer),
            opacity: if opacity.is_nan() { 0.0 } else { opacity },
            cut: layer.cut,
            outline: layer.outline,
        })
    }

    /// Whether only its nearest place counts.
    fn is_simple(&self, cuts: bool) -> bool {
        self.opacity >= 1.0 && (self.cut == Cut::Open || !cuts)
    }
}
