//! From a view state to a picture, on the processor.

use std::sync::Arc;

use protocol::{CameraLook, Corner, Look, PaneLook, PixelSize, PlaneLook, Shown, Shows};
use renderer::cpu::{self, Quality};
use renderer::{
    Clip, ControlPoint, Inversion, Paint, Picture, Plane, Scene, Slab, SlabProjection, Slice, SliceLayer,
    SlicePlane, SurfaceLayer, TransferFunction, VolumeLayer, Window, preset,
};

use crate::clearing::{camera_of, plane_of};
use crate::exhibit::Exhibited;

/// What is seen in one scene: an item, and the surfaces of others where they lie in its space.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The item that is looked at.
    pub exhibited: &'a Exhibited,
    /// The others.
    pub beside: &'a [Arc<Exhibited>],
}

impl<'a> From<&'a Exhibited> for Seen<'a> {
    fn from(exhibited: &'a Exhibited) -> Self {
        Self {
            exhibited,
            beside: &[],
        }
    }
}

/// Behind everything, sRGB between 0 and 1: as the viewer draws it.
pub(crate) const GROUND: [f32; 3] = [0.043, 0.055, 0.067];

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// The item has nothing that this pane shows.
    #[error("there is nothing to draw")]
    Nothing,
    /// The view state means nothing.
    #[error("the view state cannot be drawn")]
    Meaningless,
}

/// Draws for one session. It keeps what it derived from the item for the next picture.
#[derive(Default)]
pub struct Drawer {
    renderer: cpu::Renderer,
    transfer: Option<(Chosen, TransferFunction)>,
}

/// What a transfer function was made of.
#[derive(Clone, Debug, PartialEq)]
enum Chosen {
    Preset(String),
    Own(Vec<Corner>),
}

impl Drawer {
    /// One that keeps nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws a pane of a view state with every side divided by `divisor`.
    ///
    /// # Errors
    /// When there is nothing to draw, or the view state means nothing.
    pub fn draw<'a>(
        &mut self,
        seen: impl Into<Seen<'a>>,
        look: &Look,
        pane: &PaneLook,
        divisor: u32,
        quality: Quality,
    ) -> Result<Picture, DrawError> {
        let seen = seen.into();
        let exhibited = seen.exhibited;
        let part = |side: u32| side.div_ceil(divisor.max(1)).max(1);
        let size = PixelSize {
            width: part(pane.size.width),
            height: part(pane.size.height),
        };
        match pane.shows {
            Shows::Photo(look) => match &exhibited.photo {
                Some(photo) => Ok(photo.draw(look, pane.size)),
                None => Err(DrawError::Nothing),
            },
            Shows::Plane(plane) => self.slice(exhibited, look, (plane, pane.size), size),
            Shows::Space(camera) => self.space(seen, look, camera, size, quality),
        }
    }

    fn slice(
        &mut self,
        exhibited: &Exhibited,
        look: &Look,
        (plane, shown): (PlaneLook, PixelSize),
        size: PixelSize,
    ) -> Result<Picture, DrawError> {
        let volume = &exhibited.volume.as_ref().ok_or(DrawError::Nothing)?.volume;
        let slice = Slice {
            layers: vec![SliceLayer {
                inversion: match look.inversion {
                    protocol::Inversion::Off => Inversion::Off,
                    protocol::Inversion::On => Inversion::On,
                },
                ..SliceLayer::new(
                    volume,
                    Window::new(look.window.center, look.window.width.max(1e-9)),
                )
            }],
            plane: SlicePlane {
                mm_per_pixel: plane.mm_per_pixel * f64::from(shown.height) / f64::from(size.height),
                ..plane_of(plane)
            },
            slab: Slab {
                thickness_mm: look.slab.thickness_mm,
                projection: match look.slab.projection {
                    protocol::Projection::Maximum => SlabProjection::Maximum,
                    protocol::Projection::Minimum => SlabProjection::Minimum,
                    protocol::Projection::Mean => SlabProjection::Mean,
                },
            },
            clip: Clip::NONE,
            background: [0.0; 3],
        };
        self.renderer
            .draw_slice(&slice, size.width, size.height)
            .map_err(|_| DrawError::Meaningless)
    }

    fn space(
        &mut self,
        seen: Seen<'_>,
        look: &Look,
        camera: CameraLook,
        size: PixelSize,
        quality: Quality,
    ) -> Result<Picture, DrawError> {
        let exhibited = seen.exhibited;
        self.prepare(exhibited, look);
        let scene = scene_of(seen, self.transfer.as_ref(), look, camera);
        if exhibited.volume.is_none() && exhibited.surfaces.is_empty() {
            return Err(DrawError::Nothing);
        }
        self.renderer
            .draw(&scene, size.width, size.height, quality)
            .map_err(|_| DrawError::Meaningless)
    }

    /// Makes the transfer function that a view state asks for; one that is not known leaves the item's first.
    fn prepare(&mut self, exhibited: &Exhibited, look: &Look) {
        let Some(shown) = &exhibited.volume else { return };
        let chosen = match &look.transfer {
            Some(corners) => Chosen::Own(corners.clone()),
            None => Chosen::Preset(look.preset.clone()),
        };
        if self.transfer.as_ref().is_some_and(|(known, _)| *known == chosen) {
            return;
        }
        let own = look.transfer.as_ref().and_then(|corners| {
            let points = corners.iter().map(|corner| ControlPoint {
                value: corner.value,
                color: corner.color,
                opacity: corner.opacity,
            });
            TransferFunction::new(points.collect()).ok()
        });
        let wanted = || preset(&look.preset).or_else(|| preset(&exhibited.told.preset));
        let made = own.or_else(|| wanted().map(|preset| preset.transfer(shown.range)));
        self.transfer = made.map(|transfer| (chosen, transfer));
    }

    /// The scene of a view state, and what is done with it.
    pub(crate) fn with_scene<T>(
        &mut self,
        seen: Seen<'_>,
        look: &Look,
        camera: CameraLook,
        act: impl FnOnce(&Scene<'_>) -> T,
    ) -> T {
        self.prepare(seen.exhibited, look);
        act(&scene_of(seen, self.transfer.as_ref(), look, camera))
    }
}

fn scene_of<'a>(
    seen: Seen<'a>,
    transfer: Option<&'a (Chosen, TransferFunction)>,
    look: &Look,
    camera: CameraLook,
) -> Scene<'a> {
    let exhibited = seen.exhibited;
    let volumes = match (&exhibited.volume, transfer, look.volume) {
        (Some(shown), Some((_, transfer)), Shown::Yes) => vec![VolumeLayer {
            projection: preset(&look.preset)
                .map(|preset| preset.projection)
                .unwrap_or_default(),
            ..VolumeLayer::new(&shown.volume, transfer)
        }],
        _ => Vec::new(),
    };
    let own = exhibited
        .surfaces
        .iter()
        .map(|(name, surface)| (None, name, surface));
    let others = seen.beside.iter().flat_map(|other| {
        let item = Some(other.told.item);
        other
            .surfaces
            .iter()
            .map(move |(name, surface)| (item, name, surface))
    });
    let surfaces = own.chain(others).filter_map(|(item, name, surface)| {
        let is_it = |layer: &&protocol::Layer| layer.item == item && layer.name == *name;
        let layer = look.layers.iter().find(is_it)?;
        (layer.opacity > 0.0).then(|| SurfaceLayer {
            opacity: layer.opacity as f32,
            paint: match layer.color {
                Some(color) => Paint::Plain(color),
                None => SurfaceLayer::new(surface).paint,
            },
            ..SurfaceLayer::new(surface)
        })
    });
    Scene {
        volumes,
        surfaces: surfaces.collect(),
        clip: Clip {
            planes: look
                .clips
                .iter()
                .map(|clip| Plane {
                    point_mm: clip.point_mm,
                    normal: clip.normal,
                })
                .collect(),
            box_from_patient: None,
        },
        camera: camera_of(camera),
        background: GROUND,
    }
}

#[cfg(test)]
mod tests {
    use domain::ItemId;
    use geometry::DVec3;
    use protocol::{Answer, Ask, Inversion as Inverted, Pane, WindowLook};

    use super::*;
    use crate::exhibit::tests::ball;

    const SIZE: PixelSize = PixelSize {
        width: 90,
        height: 60,
    };

    fn look(exhibited: &Exhibited) -> Look {
        let bounds = exhibited.told.bounds_mm;
        let panes = vec![
            PaneLook {
                pane: Pane::Axial,
                size: SIZE,
                shows: Shows::Plane(PlaneLook {
                    center_mm: bounds.center(),
                    right: DVec3::X,
                    down: DVec3::Y,
                    mm_per_pixel: 0.9,
                }),
            },
            PaneLook {
                pane: Pane::Space,
                size: SIZE,
                shows: Shows::Space(CameraLook {
                    eye_mm: bounds.center() - DVec3::Y * 150.0,
                    target_mm: bounds.center(),
                    up: DVec3::Z,
                    field_of_view_radians: 0.4,
                }),
            },
        ];
        let window = WindowLook {
            center: 300.0,
            width: 1500.0,
        };
        Look::new(1, panes, window, "CT-Bone")
    }

    #[test]
    fn panes_are_drawn_as_large_as_they_are_asked_for() {
        let exhibited = ball(ItemId::from_random([1; 16]));
        let look = look(&exhibited);
        let mut drawer = Drawer::new();
        let gray = |picture: &Picture, x, y| picture.pixel(x, y).unwrap()[0];
        let plane = drawer
            .draw(&exhibited, &look, &look.panes[0], 1, Quality::QUICK)
            .unwrap();
        assert_eq!((plane.width, plane.height), (90, 60));
        assert!(gray(&plane, 45, 30) > 240 && gray(&plane, 22, 30) < 10);
        let inverted = Look {
            inversion: Inverted::On,
            ..look.clone()
        };
        let plane = drawer
            .draw(&exhibited, &inverted, &look.panes[0], 1, Quality::QUICK)
            .unwrap();
        assert!(gray(&plane, 45, 30) < 10);
        let half = drawer
            .draw(&exhibited, &look, &look.panes[1], 2, Quality::QUICK)
            .unwrap();
        assert_eq!((half.width, half.height), (45, 30));
        assert!(gray(&half, 22, 15) > gray(&half, 2, 2) + 60);
        let hidden = Look {
            volume: Shown::No,
            ..look.clone()
        };
        let nothing = drawer
            .draw(&exhibited, &hidden, &look.panes[1], 2, Quality::QUICK)
            .unwrap();
        assert_eq!(gray(&nothing, 22, 15), gray(&nothing, 2, 2));
    }

    #[test]
    fn questions_are_answered_from_the_samples() {
        let exhibited = ball(ItemId::from_random([1; 16]));
        let look = look(&exhibited);
        let mut drawer = Drawer::new();
        let mut ask = |ask: &Ask| crate::answer(&mut drawer, &exhibited, &look, ask);
        let center = exhibited.told.bounds_mm.center();
        assert_eq!(ask(&Ask::Value { p_mm: center }), Answer::Value(1200.0));
        let far = Ask::Value {
            p_mm: center + DVec3::X * 500.0,
        };
        assert_eq!(ask(&far), Answer::Nothing);
        let Shows::Space(camera) = look.panes[1].shows else {
            unreachable!("the second pane is in space")
        };
        let pick = |x: f64| Ask::Pick {
            camera,
            size: SIZE,
            pixel: geometry::DVec2::new(x, 30.0),
        };
        let Answer::Point { p_mm, .. } = ask(&pick(45.0)) else {
            panic!("the ball is there")
        };
        assert!((p_mm.distance(center) - 16.0).abs() < 1.5, "{p_mm}");
        assert_eq!(ask(&pick(1.0)), Answer::Nothing);
        let square = [(-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0)];
        let region = Ask::Region {
            points_mm: square.map(|(x, y)| center + DVec3::new(x, y, 0.0)).to_vec(),
        };
        let Answer::Region(values) = ask(&region) else {
            panic!("there are values")
        };
        assert_eq!((values.mean, values.sd), (1200.0, 0.0));
    }
}
