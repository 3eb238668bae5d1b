//! Between what the viewer shows and what is said of it to others: what it asks the server for, when pictures come from
//! there, and what a leader's view is in one's own pictures.

use geometry::{Aabb, DMat3, DVec3, GridGeometry};
use protocol::{
    CameraLook, ClipLook, Corner, Exhibit, Inversion, Look, PaneLook, PhotoLook, PixelSize, PlaneLook,
    Projection, Shown, Shows, SlabLook, WindowLook,
};
use renderer::{ControlPoint, SlabProjection, Window};

use crate::view_state::{Layout, Pane, PhotoView, PlaneAxes, SavedCamera, Size, ThickSlab, ViewState};

/// What is shown of an item, apart from where it is looked from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Whether its volume is shown in space.
    pub volume: Shown,
    /// Its surfaces.
    pub layers: Vec<protocol::Layer>,
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
            let corner = |point: &ControlPoint| Corner {
                value: point.value,
                color: point.color,
                opacity: point.opacity,
            };
            points.iter().map(corner).collect()
        }),
        volume: content.volume,
        layers: content.layers.clone(),
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

/// The layout of a view state; `None` for one that no layout has.
pub fn layout_of(look: &Look) -> Option<Layout> {
    let panes: Vec<Pane> = look.panes.iter().map(|pane| pane.pane).collect();
    let several = [Layout::FourUp, Layout::OneAndThree, Layout::Slices];
    match panes.as_slice() {
        [pane] => Some(Layout::Single(*pane)),
        _ => several.into_iter().find(|layout| layout.panes() == panes),
    }
}

/// One's own view as the leader's: everything that the leader's pictures say, in pictures of any size; the rest stays.
pub fn as_shown(own: &ViewState, look: &Look, grid: Option<&GridGeometry>) -> ViewState {
    let mut view = ViewState {
        window_center: look.window.center,
        window_width: look.window.width,
        inverted: look.inversion == Inversion::On,
        preset: look.preset.clone(),
        slab: ThickSlab {
            mm: look.slab.thickness_mm,
            projection: match look.slab.projection {
                Projection::Maximum => SlabProjection::Maximum,
                Projection::Minimum => SlabProjection::Minimum,
                Projection::Mean => SlabProjection::Mean,
            },
        },
        transfer: look.transfer.as_ref().map(|corners| {
            let point = |corner: &Corner| ControlPoint {
                value: corner.value,
                color: corner.color,
                opacity: corner.opacity,
            };
            corners.iter().map(point).collect()
        }),
        clip_mm: kept(&look.clips),
        ..own.clone()
    };
    let planes: Vec<(&PaneLook, &PlaneLook)> = look
        .panes
        .iter()
        .filter_map(|pane| match &pane.shows {
            Shows::Plane(plane) => Some((pane, plane)),
            Shows::Space(_) | Shows::Photo(_) => None,
        })
        .collect();
    view.cross_mm = meeting(own.cross_mm, &planes);
    for (pane, plane) in planes {
        put_plane(&mut view, pane, plane, grid);
    }
    for pane in &look.panes {
        match pane.shows {
            Shows::Space(camera) => {
                view.camera = SavedCamera {
                    eye_mm: camera.eye_mm,
                    target_mm: camera.target_mm,
                    up: camera.up,
                    field_of_view_radians: camera.field_of_view_radians,
                }
            }
            Shows::Photo(photo) => {
                view.photo = PhotoView {
                    zoom: photo.zoom,
                    middle: photo.middle,
                }
            }
            Shows::Plane(_) => {}
        }
    }
    view
}

/// How a plane lies, how large it is shown and what is in its middle.
fn put_plane(view: &mut ViewState, pane: &PaneLook, plane: &PlaneLook, grid: Option<&GridGeometry>) {
    let Some(index) = pane.pane.plane_index() else {
        return;
    };
    view.axes[index] = PlaneAxes {
        right: plane.right,
        down: plane.down,
    };
    let size = Size {
        width: pane.size.width,
        height: pane.size.height,
    };
    (view.zoom[index], view.pan_mm[index]) = (1.0, DVec3::ZERO);
    if let Some(fitted) = grid.and_then(|grid| view.plane(pane.pane, grid, size)) {
        view.zoom[index] = fitted.mm_per_pixel / plane.mm_per_pixel;
        view.pan_mm[index] = plane.center_mm - fitted.center_mm;
    }
}

/// Where planes meet: in a point if there are three, else what is in all of them and nearest to `from_mm`.
fn meeting(from_mm: DVec3, planes: &[(&PaneLook, &PlaneLook)]) -> DVec3 {
    let normal = |plane: &PlaneLook| plane.right.cross(plane.down);
    if let [(_, a), (_, b), (_, c)] = planes {
        let normals = DMat3::from_cols(normal(a), normal(b), normal(c)).transpose();
        let along = [a, b, c].map(|plane| normal(plane).dot(plane.center_mm));
        if normals.determinant().abs() > 1e-6 {
            return normals.inverse() * DVec3::from_array(along);
        }
    }
    planes.iter().fold(from_mm, |p, (_, plane)| {
        p + normal(plane) * normal(plane).dot(plane.center_mm - p)
    })
}

/// The box that planes along the axes leave.
fn kept(clips: &[ClipLook]) -> Option<Aabb> {
    let mut kept = Aabb {
        min: DVec3::NEG_INFINITY,
        max: DVec3::INFINITY,
    };
    for clip in clips {
        for (axis, direction) in DVec3::AXES.into_iter().enumerate() {
            let along = clip.normal.dot(direction);
            if along > 1.0 - 1e-6 {
                kept.min[axis] = kept.min[axis].max(clip.point_mm[axis]);
            } else if along < -1.0 + 1e-6 {
                kept.max[axis] = kept.max[axis].min(clip.point_mm[axis]);
            }
        }
    }
    (kept.min.is_finite() && kept.max.is_finite()).then_some(kept)
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::{ItemId, ItemKind};
    use geometry::DVec2;
    use protocol::Unit;

    use super::*;
    use crate::view_state::Mirror;

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
            layers: vec![protocol::Layer {
                item: None,
                name: "bone".to_owned(),
                opacity: 0.5,
                color: None,
            }],
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

    pub(crate) fn grid() -> GridGeometry {
        GridGeometry::axis_aligned([60, 50, 40], [0.5, 0.7, 1.5], DVec3::new(-10.0, 20.0, -30.0)).unwrap()
    }

    pub(crate) fn view() -> ViewState {
        ViewState::of(grid().bounds_mm(), Window::new(40.0, 400.0), "CT-Bone")
    }

    pub(crate) fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    pub(crate) fn shown(view: &ViewState, panes: &[(Pane, Size)]) -> Look {
        let grid = grid();
        let subject = Subject {
            grid: Some(&grid),
            photo: None,
        };
        let content = Content {
            volume: Shown::Yes,
            layers: Vec::new(),
        };
        let look = look(1, subject, view, panes, &content);
        assert_eq!(look.check(), Ok(()));
        look
    }

    fn turned() -> ViewState {
        let mut view = view();
        view.cross_mm += DVec3::new(3.0, -4.5, 11.0);
        view.zoom = [1.7, 0.6, 4.0];
        view.tilt(Pane::Coronal, Pane::Axial, 0.3);
        view.mirror(Pane::Sagittal, Mirror::Across);
        let grid = grid();
        for pane in Pane::PLANES {
            view.pan(pane, DVec2::new(12.0, -7.0), Some(&grid), size(320, 200));
        }
        view.turn(DVec2::new(31.0, 17.0), size(320, 200));
        view.drag_window(DVec2::new(20.0, 5.0));
        view.inverted = true;
        view.slab = ThickSlab {
            mm: 5.0,
            projection: SlabProjection::Mean,
        };
        let bounds = grid.bounds_mm();
        view.clip_mm = Some(Aabb {
            min: bounds.min + DVec3::new(1.0, 2.0, 3.0),
            max: bounds.max - DVec3::new(2.0, 1.0, 4.0),
        });
        view
    }

    #[test]
    fn who_follows_sees_what_the_leader_sees_in_pictures_of_another_size() {
        let leader = turned();
        let sizes = [(320, 200), (500, 310), (320, 260), (250, 333)];
        let panes: Vec<(Pane, Size)> = Layout::FourUp
            .panes()
            .into_iter()
            .zip(sizes)
            .map(|(pane, (width, height))| (pane, size(width, height)))
            .collect();
        let look = shown(&leader, &panes);
        assert_eq!(layout_of(&look), Some(Layout::FourUp));
        let follower = as_shown(&view(), &look, Some(&grid()));
        assert!(follower.cross_mm.distance(leader.cross_mm) < 1e-9);
        assert_eq!(
            (follower.camera, follower.slab, follower.inverted),
            (leader.camera, leader.slab, true)
        );
        assert_eq!(follower.window(), leader.window());
        assert_eq!(follower.clip_mm, leader.clip_mm);
        for pane in Pane::PLANES {
            for at in [size(320, 200), size(411, 700)] {
                let [a, b] = [&leader, &follower].map(|view| view.plane(pane, &grid(), at).unwrap());
                assert!(a.center_mm.distance(b.center_mm) < 1e-9, "{pane:?}");
                assert!((a.mm_per_pixel / b.mm_per_pixel - 1.0).abs() < 1e-9, "{pane:?}");
                assert_eq!((a.right, a.down), (b.right, b.down));
            }
        }
    }

    #[test]
    fn what_the_leader_does_not_see_stays_as_it_is() {
        let leader = turned();
        let own = view();
        let look = shown(&leader, &[(Pane::Axial, size(300, 200))]);
        assert_eq!(layout_of(&look), Some(Layout::Single(Pane::Axial)));
        let follower = as_shown(&own, &look, Some(&grid()));
        assert_eq!(follower.camera, own.camera);
        assert_eq!(follower.axes[1..], own.axes[1..]);
        // Into the leader's slice, and no farther.
        assert!((follower.cross_mm.z - leader.cross_mm.z).abs() < 1e-9);
        assert!((follower.cross_mm - own.cross_mm).truncate().length() < 1e-9);
        let mut odd = look;
        odd.panes.push(odd.panes[0]);
        assert_eq!(layout_of(&odd), None);
        odd.panes.clear();
        assert_eq!(layout_of(&odd), None);
    }

    #[test]
    fn a_photograph_is_followed_and_planes_wait_for_their_volume() {
        let mut leader = view();
        leader.photo = PhotoView {
            zoom: 3.0,
            middle: DVec2::new(0.25, 0.75),
        };
        let subject = Subject {
            grid: None,
            photo: Some(size(640, 480)),
        };
        let panes = [(Pane::Space, size(300, 200))];
        let photo = look(1, subject, &leader, &panes, &Content::default());
        assert_eq!(as_shown(&view(), &photo, None).photo, leader.photo);
        let planes = shown(&turned(), &[(Pane::Coronal, size(300, 200))]);
        assert_eq!(as_shown(&view(), &planes, None).zoom, [1.0; 3]);
    }
}
