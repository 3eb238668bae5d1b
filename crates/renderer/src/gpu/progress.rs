//! Pictures that move within their time, and settle to the full quality when they rest.

use crate::cpu::Quality;
use crate::{
    Camera, Clip, Cut, DataId, Material, Occlusion, Paint, Projection, Scene, Shading, TransferFunction,
};

/// How much work a picture of a window or a canvas may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// While the scene changes: of its rays as many are cast as the time allows.
    pub moving: Quality,
    /// When it rests: one ray of each pixel more with each picture.
    pub resting: Quality,
    /// Time of the device for a picture while the scene changes, ms.
    pub frame_ms: f64,
    /// Bytes of volumes that a picture may bring to the device.
    pub upload_bytes: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            moving: Quality::QUICK,
            resting: Quality::FINE,
            frame_ms: 12.0,
            upload_bytes: 32 << 20,
        }
    }
}

/// Whether the next picture of the same scene will be better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Rays or bricks are still to come.
    More,
    /// It is as good as it gets.
    Settled,
}

/// What a picture shows, to tell whether the next one shows the same.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SceneKey {
    size: [u32; 2],
    resting: Quality,
    camera: Camera,
    background: [f32; 3],
    clip: Clip,
    volumes: Vec<(DataId, u64, TransferFunction, Projection, Shading, Occlusion)>,
    surfaces: Vec<SurfaceKey>,
}

#[derive(Clone, Debug, PartialEq)]
struct SurfaceKey {
    surface: DataId,
    place: geometry::DAffine3,
    material: Material,
    paint: Vec<[f32; 3]>,
    opacity: f32,
    cut: Cut,
    outline: Option<[f32; 3]>,
}

impl SceneKey {
    pub(super) fn new(scene: &Scene<'_>, size: [u32; 2], resting: Quality) -> Self {
        let volumes = scene.volumes.iter();
        let surfaces = scene.surfaces.iter().map(|layer| SurfaceKey {
            surface: layer.surface.id(),
            place: layer.patient_from_surface,
            material: layer.material,
            paint: match layer.paint {
                Paint::Plain(color) => vec![color],
                Paint::Own => Vec::new(),
                Paint::Distances(scale) => {
                    let [low, high] = scale.range();
                    scale.colors().chain([[low, high, 0.0]]).collect()
                }
            },
            opacity: layer.opacity,
            cut: layer.cut,
            outline: layer.outline,
        });
        Self {
            size,
            resting,
            camera: scene.camera,
            background: scene.background,
            clip: scene.clip.clone(),
            volumes: volumes
                .map(|layer| {
                    let volume = layer.volume;
                    (
                        volume.id(),
                        volume.revision(),
                        layer.transfer.clone(),
                        layer.projection,
                        layer.shading,
                        layer.occlusion,
                    )
                })
                .collect(),
            surfaces: surfaces.collect(),
        }
    }
}

/// Which part of the pixels are cast along each axis while the scene changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    scale: f64,
}

/// The least part of the pixels along each axis.
const LEAST: f64 = 0.2;

impl Pace {
    /// Where to begin: in full on a graphics device, a quarter of the pixels where the processor plays one.
    pub(super) fn new(software: bool) -> Self {
        Self {
            scale: if software { 0.5 } else { 1.0 },
        }
    }

    /// Takes note of how long a picture took.
    pub(super) fn learn(&mut self, frame_ms: f64, wanted_ms: f64) {
        if !(frame_ms > 0.0 && wanted_ms > 0.0) {
            return;
        }
        // Time goes with the number of pixels. Down at once, up in small steps, and not at all when it nearly fits.
        let fitting = (wanted_ms / frame_ms).sqrt();
        if !(1.0..1.25).contains(&fitting) {
            self.scale = (self.scale * fitting.min(1.1)).clamp(LEAST, 1.0);
        }
    }

    /// The size of what is cast for a picture of `size`.
    pub(super) fn size(&self, size: [u32; 2]) -> [u32; 2] {
        size.map(|n| ((f64::from(n) * self.scale).round() as u32).clamp(1, n.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_finds_what_fits() {
        let mut pace = Pace::new(false);
        let cost = |size: [u32; 2]| f64::from(size[0] * size[1]) * 1e-4;
        for _ in 0..40 {
            pace.learn(cost(pace.size([1000, 800])), 20.0);
        }
        let [width, height] = pace.size([1000, 800]);
        assert!(cost([width, height]) <= 20.0 && cost([width, height]) > 12.0);
        assert!((f64::from(width) / f64::from(height) - 1.25).abs() < 0.01);
    }

    #[test]
    fn the_pace_keeps_within_bounds() {
        let mut pace = Pace::new(true);
        for _ in 0..99 {
            pace.learn(1e9, 10.0);
        }
        assert_eq!(pace.size([500, 500]), [100, 100]);
        for _ in 0..99 {
            pace.learn(0.1, 10.0);
        }
        assert_eq!(pace.size([500, 1]), [500, 1]);
        pace.learn(f64::NAN, 10.0);
        pace.learn(5.0, 0.0);
        assert_eq!(pace.size([0, 500]), [1, 500]);
    }
}
