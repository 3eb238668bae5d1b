//! Draws the pictures of the case viewer: one loop that takes what arrived, answers questions and draws what changed.
//!
//! Volumes and the back end belong to the loop alone. Everything else reaches it by [`Painter`]: bytes through a queue
//! that is bounded, questions with a place for the answer, and the view state, of which the newest counts.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use geometry::{Aabb, DVec2, DVec3, GridGeometry};
use leptos::prelude::*;
use renderer::cpu::Quality;
use renderer::{
    Clip, Inversion, Picture, ResidentSurface, Scene, Slab, Slice, SliceLayer, SurfaceLayer,
    TransferFunction, VolumeLayer, Window, pick, preset,
};
use volume::Unit;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlCanvasElement;

use crate::back_end::BackEnd;
use crate::canvas;
use crate::loading::Loading;
use crate::marking::{RegionValues, region_values};
use crate::view_state::{Pane, Size, ViewState};

/// Behind everything, sRGB between 0 and 1.
const GROUND: [f32; 3] = [0.043, 0.055, 0.067];
/// Bytes of a volume in memory at most.
const BUDGET_BYTES: u64 = 1_500_000_000;
/// Bytes that wait to be taken, at most.
const QUEUED_BYTES: usize = 32 << 20;
/// How long bytes are taken before the next picture, milliseconds.
const TAKING_MS: f64 = 24.0;
/// How often pictures are drawn anew while a volume arrives, milliseconds.
const ARRIVING_MS: f64 = 220.0;
/// What a picture in space may take while it moves, milliseconds.
const MOVING_MS: f64 = 45.0;
/// After how long at rest the picture in space becomes full, and fine, milliseconds.
const REST_MS: f64 = 140.0;
const FINE_MS: f64 = 700.0;

/// What arrives.
pub(crate) enum Arrival {
    Head(Vec<u8>),
    Body(Vec<u8>),
    Complete,
    Surface { name: String, bytes: Vec<u8> },
    Photo(Picture),
    Failed(String),
}

/// What is asked of the scene.
pub(crate) enum Question {
    /// What a picture in space shows at a pixel, patient mm and value.
    Pick(DVec2, Size, Box<dyn FnOnce(Option<(DVec3, Option<f64>)>)>),
    /// The value at a point.
    Value(DVec3, Box<dyn FnOnce(Option<f64>)>),
    /// The values inside a closed line.
    Region(Vec<DVec3>, Box<dyn FnOnce(Option<RegionValues>)>),
}

/// A surface of the scene.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) opacity: f64,
}

/// What the pages learn of the loop.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Status {
    /// Where the volume lies, as soon as that is known.
    pub(crate) grid: Option<GridGeometry>,
    /// What of the volume is there, 0 to 1.
    pub(crate) fraction: f64,
    /// The unit of its values.
    pub(crate) unit: String,
    /// What draws.
    pub(crate) back_end: String,
    /// What went wrong.
    pub(crate) failure: Option<String>,
    /// How many pictures were drawn, by which tests know that one came.
    pub(crate) pictures: u32,
    /// When the first one in space was there, milliseconds after the viewer was opened.
    pub(crate) first_picture_ms: Option<f64>,
}

/// The way to the loop.
pub(crate) struct Painter {
    arrivals: RefCell<VecDeque<Arrival>>,
    questions: RefCell<Vec<Question>>,
    canvases: RefCell<Vec<(Pane, HtmlCanvasElement)>>,
    is_closed: Cell<bool>,
}

impl Painter {
    /// Begins to draw.
    pub(crate) fn start(
        state: RwSignal<Option<ViewState>>,
        layers: RwSignal<Vec<Layer>>,
        volume_shown: RwSignal<bool>,
        status: RwSignal<Status>,
    ) -> Rc<Self> {
        let painter = Rc::new(Self {
            arrivals: RefCell::default(),
            questions: RefCell::default(),
            canvases: RefCell::default(),
            is_closed: Cell::new(false),
        });
        let loop_of = Rc::clone(&painter);
        spawn_local(async move {
            if let Err(failure) = Drawing::run(&loop_of, state, layers, volume_shown, status).await {
                status.update(|status| status.failure = Some(failure));
            }
        });
        painter
    }

    /// Ends the loop.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Where a pane is drawn.
    pub(crate) fn put_canvas(&self, pane: Pane, canvas: HtmlCanvasElement) {
        let mut canvases = self.canvases.borrow_mut();
        canvases.retain(|(other, _)| *other != pane);
        canvases.push((pane, canvas));
    }

    /// Gives the loop what arrived, and waits while it has enough.
    pub(crate) async fn push(&self, arrival: Arrival) {
        self.arrivals.borrow_mut().push_back(arrival);
        while !self.is_closed() && self.queued() > QUEUED_BYTES {
            sleep(8).await;
        }
    }

    fn queued(&self) -> usize {
        let size = |arrival: &Arrival| match arrival {
            Arrival::Head(bytes) | Arrival::Body(bytes) | Arrival::Surface { bytes, .. } => bytes.len(),
            Arrival::Complete | Arrival::Photo(_) | Arrival::Failed(_) => 0,
        };
        self.arrivals.borrow().iter().map(size).sum()
    }

    pub(crate) fn ask(&self, question: Question) {
        self.questions.borrow_mut().push(question);
    }
}

/// Milliseconds since the page was opened.
pub(crate) fn now_ms() -> f64 {
    web_sys::window()
        .and_then(|window| window.performance())
        .map_or(0.0, |clock| clock.now())
}

/// Waits.
pub(crate) async fn sleep(ms: i32) {
    let promise = js_sys::Promise::new(&mut |done, _| {
        if let Some(window) = web_sys::window() {
            drop(window.set_timeout_with_callback_and_timeout_and_arguments_0(&done, ms));
        }
    });
    drop(JsFuture::from(promise).await);
}

/// Waits until the browser is about to show the next picture.
async fn next_frame() {
    let promise = js_sys::Promise::new(&mut |done, _| {
        if let Some(window) = web_sys::window() {
            drop(window.request_animation_frame(&done));
        }
    });
    drop(JsFuture::from(promise).await);
}

/// What a pane shows.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    state: ViewState,
    layers: Vec<Layer>,
    has_volume: bool,
    revision: u64,
    size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Grade {
    Moving,
    Full,
    Fine,
}

struct Drawn {
    shown: Shown,
    grade: Grade,
    at_ms: f64,
}

struct Drawing {
    loading: Loading,
    back_end: BackEnd,
    surfaces: Vec<(String, ResidentSurface)>,
    photo: Option<Picture>,
    transfer: Option<(String, TransferFunction)>,
    drawn: Vec<(Pane, Drawn)>,
    /// Placed bricks and surfaces so far.
    revision: u64,
    is_complete: bool,
    /// What a pixel in space took lately, milliseconds.
    ms_a_pixel: f64,
    began_ms: f64,
}

impl Drawing {
    async fn run(
        painter: &Painter,
        state: RwSignal<Option<ViewState>>,
        layers: RwSignal<Vec<Layer>>,
        volume_shown: RwSignal<bool>,
        status: RwSignal<Status>,
    ) -> Result<(), String> {
        let began_ms = now_ms();
        let back_end = BackEnd::open("auto").await.map_err(words)?;
        status.update(|status| back_end.name().clone_into(&mut status.back_end));
        let mut drawing = Self {
            loading: Loading::new(BUDGET_BYTES),
            back_end,
            surfaces: Vec::new(),
            photo: None,
            transfer: None,
            drawn: Vec::new(),
            revision: 0,
            is_complete: false,
            ms_a_pixel: 2e-4,
            began_ms,
        };
        while !painter.is_closed() {
            next_frame().await;
            if painter.is_closed() {
                break;
            }
            drawing.take(painter, status)?;
            if state.with_untracked(Option::is_none)
                && let Some(first) = drawing.first_state()
            {
                state.set(Some(first));
            }
            let Some(view) = state.get_untracked() else {
                continue;
            };
            let layers = layers.get_untracked();
            let has_volume = volume_shown.get_untracked();
            let questions = painter.questions.take();
            for question in questions {
                drawing.answer(question, &view, &layers, has_volume);
            }
            let canvases = painter.canvases.borrow().clone();
            let mut pictures = 0;
            for (pane, canvas) in canvases {
                if canvas.is_connected() && drawing.paint(pane, &canvas, &view, &layers, has_volume).await? {
                    pictures += 1;
                    if pane == Pane::Space
                        && status.with_untracked(|status| status.first_picture_ms.is_none())
                    {
                        let ms = now_ms() - drawing.began_ms;
                        status.update(|status| status.first_picture_ms = Some(ms));
                    }
                }
            }
            if pictures > 0 {
                status.update(|status| status.pictures += pictures);
            }
        }
        Ok(())
    }

    fn take(&mut self, painter: &Painter, status: RwSignal<Status>) -> Result<(), String> {
        let until = now_ms() + TAKING_MS;
        let mut is_changed = false;
        while now_ms() < until {
            let Some(arrival) = painter.arrivals.borrow_mut().pop_front() else {
                break;
            };
            is_changed = true;
            match arrival {
                Arrival::Head(bytes) => {
                    self.revision += self.loading.push_head(&bytes).map_err(|e| e.to_string())? as u64;
                }
                Arrival::Body(bytes) => {
                    self.revision += self.loading.push_body(&bytes).map_err(|e| e.to_string())? as u64;
                }
                Arrival::Complete => {
                    self.is_complete = true;
                    self.revision += 1;
                }
                Arrival::Surface { name, bytes } => {
                    let (mesh, _) = artifact::mesh::read_surface(&bytes).map_err(|e| e.to_string())?;
                    let surface = ResidentSurface::new(mesh).map_err(|e| e.to_string())?;
                    self.surfaces.push((name, surface));
                    self.revision += 1;
                }
                Arrival::Photo(photo) => {
                    self.photo = Some(photo);
                    self.revision += 1;
                }
                Arrival::Failed(failure) => return Err(failure),
            }
        }
        if is_changed {
            let fraction = match self.loading.volume() {
                _ if self.is_complete => 1.0,
                Some(volume) => volume.resident_fraction(),
                None => 0.0,
            };
            let head = self.loading.head();
            let grid = head.map(|head| *head.layout().finest());
            let unit = head.map_or_else(String::new, |head| unit_word(&head.rescale().unit).to_owned());
            status.update(|status| {
                status.fraction = fraction;
                status.grid = grid;
                status.unit = unit;
            });
        }
        Ok(())
    }

    fn bounds(&self) -> Option<Aabb> {
        let volume = self.loading.volume().filter(|volume| !volume.is_empty());
        let surfaces = self.surfaces.iter().map(|(_, surface)| surface.bounds_mm());
        let boxes: Vec<Aabb> = volume
            .map(|volume| volume.grid().bounds_mm())
            .into_iter()
            .chain(surfaces)
            .collect();
        let corners = boxes.iter().flat_map(|bounds| [bounds.min, bounds.max]);
        (!boxes.is_empty()).then(|| Aabb::around(corners))
    }

    /// The view as the item asks for it.
    fn first_state(&self) -> Option<ViewState> {
        let bounds = match &self.photo {
            Some(photo) => {
                let size = DVec3::new(f64::from(photo.width), f64::from(photo.height), 1.0);
                Aabb::around([DVec3::ZERO, size])
            }
            None => self.bounds()?,
        };
        let Some(head) = self.loading.head() else {
            return Some(ViewState::of(bounds, Window::new(0.5, 1.0), ""));
        };
        let is_hu = matches!(head.rescale().unit, Unit::Hu);
        let statistics = head.statistics();
        let range = [statistics.min, statistics.max].map(|stored| head.rescale().value(stored));
        let window = match head.description().windows.first() {
            Some(window) if window.width > 0.0 => Window::new(window.center, window.width),
            _ if is_hu => Window::new(40.0, 400.0),
            _ => Window::new((range[0] + range[1]) / 2.0, (range[1] - range[0]).max(1.0)),
        };
        Some(ViewState::of(
            bounds,
            window,
            if is_hu { "CT-Bone" } else { "MR-Default" },
        ))
    }

    fn transfer(&mut self, name: &str) {
        if self.transfer.as_ref().is_some_and(|(known, _)| known == name) {
            return;
        }
        let Some(head) = self.loading.head() else { return };
        let statistics = head.statistics();
        let range = (
            head.rescale().value(statistics.min),
            head.rescale().value(statistics.max),
        );
        self.transfer = preset(name).map(|preset| (name.to_owned(), preset.transfer(range)));
    }

    fn answer(&mut self, question: Question, view: &ViewState, layers: &[Layer], has_volume: bool) {
        self.transfer(&view.preset);
        // What is still coarse has no values to tell.
        let volume = self.loading.volume().filter(|volume| volume.is_complete());
        let is_complete = self.is_complete;
        match question {
            Question::Pick(p, size, tell) => {
                let scene = scene_of(
                    &self.loading,
                    &self.transfer,
                    &self.surfaces,
                    view,
                    layers,
                    has_volume,
                );
                let ray = scene.camera.ray(p, size.width, size.height).ok();
                let hit = ray.and_then(|ray| pick(&scene, &ray));
                tell(hit.map(|hit| (hit.p_in_patient_mm, hit.value.filter(|_| is_complete))));
            }
            Question::Value(p, tell) => tell(volume.and_then(|volume| volume.value_at_mm(p))),
            Question::Region(points, tell) => {
                let spacing = volume.map_or(1.0, |volume| {
                    volume
                        .grid()
                        .spacing_mm()
                        .into_iter()
                        .fold(f64::INFINITY, f64::min)
                });
                tell(
                    volume
                        .and_then(|volume| region_values(&points, spacing / 2.0, |p| volume.value_at_mm(p))),
                );
            }
        }
    }

    /// Draws a pane where it shows something else than it should; says whether it did.
    async fn paint(
        &mut self,
        pane: Pane,
        canvas: &HtmlCanvasElement,
        view: &ViewState,
        layers: &[Layer],
        has_volume: bool,
    ) -> Result<bool, String> {
        let css = Size {
            width: canvas.client_width().max(0) as u32,
            height: canvas.client_height().max(0) as u32,
        };
        if css.width < 8 || css.height < 8 {
            return Ok(false);
        }
        let shown = Shown {
            state: view.clone(),
            layers: layers.to_vec(),
            has_volume,
            revision: self.revision,
            size: css,
        };
        let now = now_ms();
        let before = self
            .drawn
            .iter()
            .find(|(known, _)| *known == pane)
            .map(|(_, drawn)| drawn);
        let is_same = before.is_some_and(|drawn| is_same_picture(pane, &drawn.shown, &shown));
        if let Some(drawn) = before {
            let arrived_only = is_same_picture(
                pane,
                &Shown {
                    revision: shown.revision,
                    ..drawn.shown.clone()
                },
                &shown,
            );
            let is_early = !self.is_complete && arrived_only && now - drawn.at_ms < ARRIVING_MS;
            if !is_same && is_early {
                return Ok(false);
            }
        }
        if let Some(photo) = &self.photo {
            if pane != Pane::Space || is_same {
                return Ok(false);
            }
            show(canvas, photo)?;
            self.keep(pane, shown, Grade::Fine, now);
            return Ok(true);
        }
        if pane != Pane::Space {
            if is_same {
                return Ok(false);
            }
            let picture = self.slice(pane, view, css).await?;
            let Some(picture) = picture else { return Ok(false) };
            show(canvas, &picture)?;
            self.keep(pane, shown, Grade::Fine, now);
            return Ok(true);
        }
        let grade = match before {
            Some(drawn) if is_same => {
                let rest = now - drawn.at_ms;
                match drawn.grade {
                    Grade::Moving if rest > REST_MS => Grade::Full,
                    Grade::Full if rest > FINE_MS && self.is_complete => Grade::Fine,
                    _ => return Ok(false),
                }
            }
            Some(_) => Grade::Moving,
            None => Grade::Full,
        };
        self.transfer(&view.preset);
        let pixels = f64::from(css.width) * f64::from(css.height);
        let share = match grade {
            Grade::Moving => (MOVING_MS / (self.ms_a_pixel * pixels)).sqrt().clamp(0.3, 1.0),
            Grade::Full | Grade::Fine => 1.0,
        };
        let [width, height] = [css.width, css.height].map(|n| ((f64::from(n) * share).round() as u32).max(8));
        let quality = if grade == Grade::Fine {
            Quality::FINE
        } else {
            Quality::QUICK
        };
        let scene = scene_of(
            &self.loading,
            &self.transfer,
            &self.surfaces,
            view,
            layers,
            has_volume,
        );
        if scene.volumes.is_empty() && scene.surfaces.is_empty() {
            return Ok(false);
        }
        let picture = self
            .back_end
            .draw(&scene, width, height, quality)
            .await
            .map_err(words)?;
        drop(scene);
        show(canvas, &picture)?;
        let took = now_ms() - now;
        if grade != Grade::Fine {
            let measured = took / (f64::from(width) * f64::from(height));
            self.ms_a_pixel = self.ms_a_pixel * 0.6 + measured * 0.4;
        }
        self.keep(pane, shown, grade, now_ms());
        Ok(true)
    }

    fn keep(&mut self, pane: Pane, shown: Shown, grade: Grade, at_ms: f64) {
        self.drawn.retain(|(known, _)| *known != pane);
        self.drawn.push((pane, Drawn { shown, grade, at_ms }));
    }

    async fn slice(&mut self, pane: Pane, view: &ViewState, size: Size) -> Result<Option<Picture>, String> {
        let Some(volume) = self.loading.volume().filter(|volume| !volume.is_empty()) else {
            return Ok(None);
        };
        let Some(plane) = view.plane(pane, volume.grid(), size) else {
            return Ok(None);
        };
        let inversion = if view.inverted {
            Inversion::On
        } else {
            Inversion::Off
        };
        let slice = Slice {
            layers: vec![SliceLayer {
                inversion,
                ..SliceLayer::new(volume, view.window())
            }],
            plane,
            slab: Slab {
                thickness_mm: view.slab.mm,
                projection: view.slab.projection,
            },
            clip: Clip::NONE,
            background: [0.0; 3],
        };
        let picture = self
            .back_end
            .draw_slice(&slice, size.width, size.height)
            .await
            .map_err(words)?;
        Ok(Some(picture))
    }
}

/// The scene; apart from the loop, so that the back end can be borrowed beside it.
fn scene_of<'a>(
    loading: &'a Loading,
    transfer: &'a Option<(String, TransferFunction)>,
    surfaces: &'a [(String, ResidentSurface)],
    view: &ViewState,
    layers: &[Layer],
    has_volume: bool,
) -> Scene<'a> {
    let volume = loading.volume().filter(|volume| has_volume && !volume.is_empty());
    let volumes = match (volume, transfer) {
        (Some(volume), Some((_, transfer))) => vec![VolumeLayer::new(volume, transfer)],
        _ => Vec::new(),
    };
    let surfaces = surfaces.iter().filter_map(|(name, surface)| {
        let layer = layers.iter().find(|layer| layer.name == *name)?;
        (layer.opacity > 0.0).then(|| SurfaceLayer {
            opacity: layer.opacity as f32,
            ..SurfaceLayer::new(surface)
        })
    });
    Scene {
        volumes,
        surfaces: surfaces.collect(),
        clip: Clip::NONE,
        camera: view.camera.camera(),
        background: GROUND,
    }
}

fn unit_word(unit: &Unit) -> &str {
    match unit {
        Unit::Hu => "HU",
        Unit::SuvBw => "g/ml",
        Unit::None => "",
        Unit::Named(name) => name,
    }
}

/// Whether a pane would look the same.
fn is_same_picture(pane: Pane, a: &Shown, b: &Shown) -> bool {
    if a.revision != b.revision || a.size != b.size {
        return false;
    }
    let (x, y) = (&a.state, &b.state);
    match pane.plane_index() {
        None => {
            x.camera == y.camera
                && x.preset == y.preset
                && a.layers == b.layers
                && a.has_volume == b.has_volume
        }
        Some(index) => {
            x.cross_mm == y.cross_mm
                && x.zoom[index] == y.zoom[index]
                && x.pan_mm[index] == y.pan_mm[index]
                && x.window() == y.window()
                && x.inverted == y.inverted
                && x.slab == y.slab
        }
    }
}

fn show(canvas: &HtmlCanvasElement, picture: &Picture) -> Result<(), String> {
    if canvas.width() != picture.width || canvas.height() != picture.height {
        canvas.set_width(picture.width);
        canvas.set_height(picture.height);
    }
    let context = canvas::context(canvas).map_err(|error| error.to_string())?;
    canvas::put(&context, picture).map_err(|error| error.to_string())
}

fn words(error: JsError) -> String {
    let value = JsValue::from(error);
    let message = js_sys::Reflect::get(&value, &"message".into())
        .ok()
        .and_then(|text| text.as_string());
    message.unwrap_or_else(|| "the picture could not be drawn".to_owned())
}
