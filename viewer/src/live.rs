//! From what the viewer shows to what it asks the server for, when the pictures come from there.

use geometry::{DVec3, GridGeometry};
use protocol::{
    CameraLook, ClipLook, Corner, Exhibit, Inversion, Look, PaneLook, PhotoLook, PixelSize, PlaneLook,
    Projection, Shown, Shows, SlabLook, WindowLook,
};
use renderer::{SlabProjection, Window};

use crate::view_state::{Pane, Size, ViewState};

/// A surface as it is asked for: its name, its opacity and the color that was chosen for it.
pub type LayerWanted = (String, f64, Option<[f32; 3]>);

/// What is shown of an item, apart from where it is looked from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Whether its volume is shown in space.
    pub volume: Shown,
    /// Its surfaces.
    pub layers: Vec<LayerWanted>,
}

/// What of an item decides which pictures there can be of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Subject<'a> {
    /// Where the samples of its volume lie.
    pub grid: Option<&'a GridGeometry>,
    /// The size of the photograph, where it is one.
    pub photo: Option<Size>,
}

/// How an item is seen at first.
pub fn first_view(exhibit: &Exhibit) -> ViewState {
    let window = exhibit.window.map_or(Window::new(0.5, 1.0), |window| {
        Window::new(window.center, window.width)
    });
    ViewState {
        inverted: exhibit.inversion == Inversion::On,
        ..ViewState::of(exhibit.bounds_mm, window, &exhibit.preset)
    }
}

/// The view state that is sent; panes that show nothing of the item are left out.
pub fn look(
    sequence: u64,
    subject: Subject<'_>,
    view: &ViewState,
    panes: &[(Pane, Size)],
    content: &Content,
) -> Look {
    Look {
        sequence,
        panes: panes
            .iter()
            .filter_map(|(pane, size)| pane_look(subject, view, *pane, *size))
            .collect(),
        window: WindowLook {
            center: view.window_center,
            width: view.window().width,
        },
        inversion: match view.inverted {
            true => Inversion::On,
            false => Inversion::Off,
        },
        slab: SlabLook {
            thickness_mm: view.slab.mm,
            projection: match view.slab.projection {
                SlabProjection::Maximum => Projection::Maximum,
                SlabProjection::Minimum => Projection::Minimum,
                SlabProjection::Mean => Projection::Mean,
            },
        },
        preset: view.preset.clone(),
        transfer: view.transfer.as_ref().map(|points| {
            let corner = |point: &renderer::ControlPoint| Corner {
                value: point.value,
                color: point.color,
                opacity: point.opacity,
            };
            points.iter().map(corner).collect()
        }),
        volume: content.volume,
        layers: content
            .layers
            .iter()
            .map(|(name, opacity, color)| protocol::Layer {
                name: name.clone(),
                opacity: *opacity,
                color: *color,
            })
            .collect(),
        clips: view.clip_mm.map_or_else(Vec::new, |kept| {
            [DVec3::X, DVec3::Y, DVec3::Z]
                .into_iter()
                .flat_map(|axis| {
                    [(kept.min, axis), (kept.max, -axis)]
                        .map(|(point_mm, normal)| ClipLook { point_mm, normal })
                })
                .collect()
        }),
        measured_mm: Vec::new(),
    }
}

fn pane_look(subject: Subject<'_>, view: &ViewState, pane: Pane, size: Size) -> Option<PaneLook> {
    let shows = match pane.plane_index() {
        Some(_) => {
            let plane = view.plane(pane, subject.grid?, size)?;
            Shows::Plane(PlaneLook {
                center_mm: plane.center_mm,
                right: plane.right,
                down: plane.down,
                mm_per_pixel: plane.mm_per_pixel,
            })
        }
        None if subject.photo.is_some() => Shows::Photo(PhotoLook {
            zoom: view.photo.zoom,
            middle: view.photo.middle,
        }),
        None => Shows::Space(CameraLook {
            eye_mm: view.camera.eye_mm,
            target_mm: view.camera.target_mm,
            up: view.camera.up,
            field_of_view_radians: view.camera.field_of_view_radians,
        }),
    };
    let look = PaneLook {
        pane,
        size: PixelSize {
            width: size.width,
            height: size.height,
        },
        shows,
    };
    look.check().is_ok().then_some(look)
}

#[cfg(test)]
mod tests {
    use domain::{ItemId, ItemKind};
    use protocol::Unit;

    use super::*;

    fn exhibit() -> Exhibit {
        let grid = GridGeometry::axis_aligned([60, 50, 40], [0.5, 0.7, 1.5], DVec3::new(-10.0, 20.0, -30.0))
            .unwrap();
        Exhibit {
            item: ItemId::from_random([1; 16]),
            kind: ItemKind::Volume,
            grid: Some(grid),
            bounds_mm: grid.bounds_mm(),
            unit: Unit::Hu,
            range: [-1000.0, 2000.0],
            level: 0,
            window: Some(WindowLook {
                center: 40.0,
                width: 400.0,
            }),
            inversion: Inversion::Off,
            preset: "CT-Bone".to_owned(),
            surfaces: vec!["bone".to_owned()],
            photo: None,
        }
    }

    fn subject(exhibit: &Exhibit) -> Subject<'_> {
        Subject {
            grid: exhibit.grid.as_ref(),
            photo: None,
        }
    }

    #[test]
    fn what_is_shown_is_what_is_asked_for() {
        let exhibit = exhibit();
        let mut view = first_view(&exhibit);
        let size = Size {
            width: 300,
            height: 200,
        };
        view.clip_mm = Some(exhibit.bounds_mm);
        let content = Content {
            volume: Shown::Yes,
            layers: vec![("bone".to_owned(), 0.5, None)],
        };
        let look = look(
            3,
            subject(&exhibit),
            &view,
            &Pane::ALL.map(|pane| (pane, size)),
            &content,
        );
        assert_eq!(look.check(), Ok(()));
        assert_eq!((look.panes.len(), look.clips.len()), (4, 6));
        let plane = view
            .plane(Pane::Coronal, exhibit.grid.as_ref().unwrap(), size)
            .unwrap();
        let asked = look
            .panes
            .iter()
            .find(|asked| asked.pane == Pane::Coronal)
            .unwrap();
        let Shows::Plane(asked) = asked.shows else {
            panic!("a plane")
        };
        assert_eq!(
            (asked.center_mm, asked.right, asked.mm_per_pixel),
            (plane.center_mm, plane.right, plane.mm_per_pixel)
        );
        for clip in &look.clips {
            let inside = (exhibit.bounds_mm.center() - clip.point_mm).dot(clip.normal);
            assert!(inside > 0.0, "what is inside is kept");
        }
    }

    #[test]
    fn a_pane_without_size_is_not_asked_for() {
        let exhibit = exhibit();
        let view = first_view(&exhibit);
        let none = look(
            1,
            subject(&exhibit),
            &view,
            &[(Pane::Axial, Size::default())],
            &Content::default(),
        );
        assert!(none.panes.is_empty());
    }
}
