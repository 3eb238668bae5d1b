//! Draws the pictures of the case viewer: one loop that takes what arrived, answers questions and draws what changed.
//! Volumes, surfaces and the back end belong to it alone.

mod taking;

use std::cell::RefCell;
use std::rc::Rc;

use geometry::{Aabb, DVec3, GridGeometry};
use leptos::prelude::*;
use renderer::cpu::Quality;
use renderer::{
    Clip, ColorScale, Inversion, Picture, ResidentSurface, Scene, Slab, Slice, SliceLayer, SlicePlane,
    TransferFunction, pick, preset,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlCanvasElement;

use super::drawn::{Drawn, Grade, Shown};
use super::painter::{Layer, Painter, Question, Status, Wanted, next_frame, now_ms, sleep};
use super::photo::{Photo, device_pixels, show};
use super::scene::{Looked, first_view, range_of, scales, scene_of};
use crate::back_end::BackEnd;
use crate::loading::{Loading, Source};
use crate::view_state::{Pane, Size, ViewState};

/// Bytes of a volume in memory at most.
const BUDGET_BYTES: u64 = 1_700_000_000;
/// How often pictures are drawn anew while a volume arrives, milliseconds.
const ARRIVING_MS: f64 = 220.0;
/// How many times as long as it takes it is waited until a picture in space is drawn anew from what arrives.
const ARRIVING_SHARE: f64 = 4.0;
/// What a picture in space may take while it moves, milliseconds.
const MOVING_MS: f64 = 45.0;
/// After how long at rest the picture in space becomes full, and fine, milliseconds.
const REST_MS: f64 = 140.0;
const FINE_MS: f64 = 700.0;
/// How long all else waits for the first pictures at most, milliseconds.
const FIRST_MS: f64 = 2500.0;
/// How long it is waited before a graphics device that was lost is opened again, milliseconds.
const REOPEN_MS: i32 = 400;

pub(super) struct Drawing {
    loading: Loading,
    back_end: BackEnd,
    /// Draws planes that came by themselves: too little to be brought to a graphics device each time.
    processor: BackEnd,
    surfaces: Vec<(String, ResidentSurface)>,
    photo: Option<Photo>,
    look: Option<Looked>,
    drawn: Vec<Drawn>,
    /// Placed bricks and surfaces so far.
    revision: u64,
    is_complete: bool,
    /// What a pixel in space took lately, milliseconds.
    ms_a_pixel: f64,
    /// What the last picture in space at rest took, milliseconds.
    full_ms: f64,
    began_ms: f64,
}

impl Drawing {
    pub(super) async fn run(
        painter: &Rc<Painter>,
        wanted: Wanted,
        status: RwSignal<Status>,
    ) -> Result<(), String> {
        let began_ms = now_ms();
        let opened = Rc::new(RefCell::new(None));
        let mut is_asked = false;
        let mut drawing = Self {
            loading: Loading::new(BUDGET_BYTES),
            back_end: BackEnd::processor(),
            processor: BackEnd::processor(),
            surfaces: Vec::new(),
            photo: None,
            look: None,
            drawn: Vec::new(),
            revision: 0,
            is_complete: false,
            ms_a_pixel: 2e-4,
            full_ms: 0.0,
            began_ms,
        };
        while !painter.is_closed() {
            // Nothing comes of this in a tab that nobody sees; what arrives waits meanwhile.
            next_frame().await;
            if painter.is_closed() {
                break;
            }
            // To open a graphics device may take a second, which the first pictures do not wait for.
            if !is_asked && drawing.has_first_pictures(painter) {
                is_asked = true;
                let into = Rc::clone(&opened);
                spawn_local(async move {
                    let back_end = BackEnd::open("auto").await;
                    *into.borrow_mut() = back_end.ok();
                });
            }
            if let Some(back_end) = opened.take() {
                drawing.draw_with(back_end, status);
            }
            drawing.take(painter, wanted.layers, status)?;
            wanted.layers.with_untracked(|layers| {
                let shown = layers.iter().filter(|layer| layer.opacity > 0.0);
                shown.for_each(|layer| painter.ask_surface(&layer.name));
            });
            if wanted.view.with_untracked(Option::is_none)
                && let Some(first) = drawing.first_state()
            {
                wanted.view.set(Some(first));
            }
            let Some(view) = wanted.view.get_untracked() else {
                continue;
            };
            drawing.turn(painter, &view, wanted, status).await?;
        }
        Ok(())
    }

    /// Answers what was asked and draws what changed.
    async fn turn(
        &mut self,
        painter: &Rc<Painter>,
        view: &ViewState,
        wanted: Wanted,
        status: RwSignal<Status>,
    ) -> Result<(), String> {
        let layers = wanted.layers.get_untracked();
        let has_volume = wanted.volume_shown.get_untracked();
        self.look_through(view);
        for question in painter.questions() {
            self.answer(question, view, &layers, has_volume);
        }
        let mut canvases = painter.canvases();
        canvases.retain(|(_, canvas)| canvas.is_connected());
        let asking = canvases
            .iter()
            .filter(|(pane, _)| self.asks(*pane, painter, view));
        if asking.count() > 0 {
            // The questions leave before pictures are drawn, which takes a while.
            sleep(0).await;
        }
        let mut pictures = 0;
        for (pane, canvas) in canvases {
            let shown = self.now(pane, painter.size_of(pane), view, &layers, has_volume);
            let Some(shown) = shown else { continue };
            let is_drawn = match self.paint(pane, &canvas, shown).await {
                Ok(is_drawn) => is_drawn,
                Err(_) if self.back_end.is_lost() => {
                    self.reopen(status).await?;
                    false
                }
                Err(failure) => return Err(failure),
            };
            if is_drawn {
                pictures += 1;
                if pane == Pane::Space && status.with_untracked(|status| status.first_picture_ms.is_none()) {
                    let ms = now_ms() - self.began_ms;
                    status.update(|status| status.first_picture_ms = Some(ms));
                }
            }
        }
        if pictures > 0 {
            let levels = self
                .drawn
                .iter()
                .filter_map(|drawn| Some((drawn.pane, drawn.shown.level?)));
            let levels = levels.collect();
            status.update(|status| {
                status.pictures += pictures;
                status.levels = levels;
            });
        }
        Ok(())
    }

    /// Whether every pane has a picture, or has waited for one long enough.
    fn has_first_pictures(&self, painter: &Painter) -> bool {
        let canvases = painter.canvases();
        let awaited = canvases.iter().filter(|(_, canvas)| canvas.is_connected());
        let all = !self.drawn.is_empty() && self.drawn.len() >= awaited.count();
        all || now_ms() > self.began_ms + FIRST_MS
    }

    /// Whether the volume that is there as a whole is on the screen.
    fn is_seen(&self, painter: &Painter) -> bool {
        let in_space = self.drawn.iter().find(|drawn| drawn.pane == Pane::Space);
        let level = self.loading.level_in_space();
        let canvases = painter.canvases();
        let mut shown = canvases.iter().filter(|(_, canvas)| canvas.is_connected());
        self.has_first_pictures(painter)
            && (shown.all(|(pane, _)| *pane != Pane::Space)
                || in_space.is_none_or(|drawn| drawn.shown.level.is_none() || drawn.shown.level == level))
    }

    /// A graphics device went away, as after sleep or an update of its driver: another is opened, or the processor draws.
    async fn reopen(&mut self, status: RwSignal<Status>) -> Result<(), String> {
        sleep(REOPEN_MS).await;
        let back_end = BackEnd::open("auto").await.map_err(words)?;
        self.draw_with(back_end, status);
        Ok(())
    }

    /// Goes on with another back end, which draws everything anew unless both are the processor.
    fn draw_with(&mut self, back_end: BackEnd, status: RwSignal<Status>) {
        if matches!((&self.back_end, &back_end), (BackEnd::Cpu(_), BackEnd::Cpu(_))) {
            status.update(|status| self.back_end.name().clone_into(&mut status.back_end));
            return;
        }
        self.back_end = back_end;
        self.drawn.clear();
        status.update(|status| self.back_end.name().clone_into(&mut status.back_end));
    }

    fn bounds(&self) -> Option<Aabb> {
        let volume = self.loading.volume().filter(|volume| !volume.is_empty());
        let volume = volume.and(self.loading.grid()).map(GridGeometry::bounds_mm);
        let boxes = volume.into_iter().chain(self.surfaces_mm());
        let corners: Vec<DVec3> = boxes.flat_map(|bounds| [bounds.min, bounds.max]).collect();
        (!corners.is_empty()).then(|| Aabb::around(corners))
    }

    /// The box around the surfaces.
    fn surfaces_mm(&self) -> Option<Aabb> {
        let boxes = self.surfaces.iter().map(|(_, surface)| surface.bounds_mm());
        let corners: Vec<DVec3> = boxes.flat_map(|bounds| [bounds.min, bounds.max]).collect();
        (!corners.is_empty()).then(|| Aabb::around(corners))
    }

    /// The view as the item asks for it.
    fn first_state(&self) -> Option<ViewState> {
        let bounds = match &self.photo {
            Some(photo) => {
                let size = DVec3::new(f64::from(photo.full.width), f64::from(photo.full.height), 1.0);
                Aabb::around([DVec3::ZERO, size])
            }
            None => self.bounds()?,
        };
        Some(first_view(bounds, self.loading.head()))
    }

    /// Makes the transfer function that a view asks for.
    fn look_through(&mut self, view: &ViewState) {
        let is_same = |look: &Looked| look.name == view.preset && look.own == view.transfer;
        if self.look.as_ref().is_some_and(is_same) {
            return;
        }
        let (Some(head), Some(preset)) = (self.loading.head(), preset(&view.preset)) else {
            return;
        };
        let [low, high] = range_of(head);
        let own = view.transfer.clone();
        let transfer = own.clone().and_then(|points| TransferFunction::new(points).ok());
        self.look = Some(Looked {
            name: view.preset.clone(),
            own,
            transfer: transfer.unwrap_or_else(|| preset.transfer((low, high))),
            projection: preset.projection,
        });
    }

    fn answer(&mut self, question: Question, view: &ViewState, layers: &[Layer], has_volume: bool) {
        match question {
            Question::Pick(p, size, tell) => {
                let scales = scales(layers);
                let scene = self.scene(view, layers, &scales, has_volume);
                let ray = scene.camera.ray(p, size.width, size.height).ok();
                let hit = ray.and_then(|ray| pick(&scene, &ray));
                // What is still coarse has no values to tell.
                let known = |value| self.is_complete.then_some(value);
                tell(hit.map(|hit| (hit.p_in_patient_mm, hit.value.and_then(known))));
            }
            Question::Value(p, tell) => tell(self.loading.value_at_mm(p)),
            Question::Region(points, tell) => tell(self.loading.region_values(&points)),
        }
    }

    /// Asks for the planes that a pane needs; says whether that was not on its way before.
    fn asks(&self, pane: Pane, painter: &Rc<Painter>, view: &ViewState) -> bool {
        // The first volume, which is coarse, does not wait for planes, and slabs wait for bricks.
        if view.slab.mm > 0.0 || !self.loading.has_begun() {
            return false;
        }
        let plane = self.plane(pane, view, painter.size_of(pane));
        let section = plane.and_then(|plane| self.loading.section(&plane));
        section
            .filter(|section| !self.loading.has_section(*section))
            .is_some_and(|section| painter.ask_section(section))
    }

    /// What a pane shall show; `None` where it is too small to show anything.
    fn now(
        &self,
        pane: Pane,
        size: Size,
        view: &ViewState,
        layers: &[Layer],
        has_volume: bool,
    ) -> Option<Shown> {
        let plane = self.plane(pane, view, size);
        let sight = plane.and_then(|plane| self.loading.sight(&plane, view.slab.mm));
        let level = match pane {
            Pane::Space => self.loading.level_in_space().filter(|_| has_volume),
            _ => sight.map(|sight| sight.level),
        };
        let is_final = pane != Pane::Space && level.is_some() && level == self.loading.level();
        (size.width >= 8 && size.height >= 8).then(|| Shown {
            state: view.clone(),
            layers: layers.to_vec(),
            has_volume,
            size,
            source: sight.map_or(Source::Volume, |sight| sight.source),
            revision: (!is_final).then_some(self.revision),
            level,
        })
    }

    async fn paint(&mut self, pane: Pane, canvas: &HtmlCanvasElement, shown: Shown) -> Result<bool, String> {
        let now = now_ms();
        let before = self
            .drawn
            .iter()
            .find(|drawn| drawn.pane == pane && drawn.canvas == *canvas);
        let looks_as = before.is_some_and(|drawn| drawn.shown.looks_as(&shown, pane));
        let is_same = looks_as && before.is_some_and(|drawn| drawn.shown.is_from_the_same(&shown));
        if let Some(drawn) = before.filter(|_| looks_as && !is_same) {
            // Nothing of it is new while a finer volume is made.
            if shown.source == Source::Volume && self.loading.is_growing() {
                return Ok(false);
            }
            // Drawing leaves room for what arrives, and what was waited for is seen at once: planes, and a finer level.
            let pause = match (pane, shown.source) {
                (Pane::Space, _) if shown.level < drawn.shown.level => 0.0,
                (Pane::Space, _) => ARRIVING_MS.max(ARRIVING_SHARE * self.full_ms),
                (_, Source::Volume) => ARRIVING_MS,
                (_, Source::Section(_)) => 0.0,
            };
            if !self.is_complete && now - drawn.at_ms < pause {
                return Ok(false);
            }
        }
        if let Some(photo) = &self.photo {
            if pane != Pane::Space || is_same {
                return Ok(false);
            }
            photo.show(canvas, &shown.state, shown.size)?;
            self.keep(pane, canvas, shown, Grade::Fine);
            return Ok(true);
        }
        if pane != Pane::Space {
            if is_same {
                return Ok(false);
            }
            let Some(picture) = self.slice(pane, &shown).await? else {
                return Ok(false);
            };
            show(canvas, &picture)?;
            self.keep(pane, canvas, shown, Grade::Fine);
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
            // What arrives does not move.
            Some(_) if looks_as => Grade::Full,
            Some(_) => Grade::Moving,
            None => Grade::Full,
        };
        let Some(picture) = self.space(&shown, grade).await? else {
            return Ok(false);
        };
        show(canvas, &picture)?;
        let took = now_ms() - now;
        if grade != Grade::Fine {
            let pixels = f64::from(picture.width) * f64::from(picture.height);
            self.ms_a_pixel = self.ms_a_pixel * 0.6 + took / pixels * 0.4;
        }
        if grade == Grade::Full {
            self.full_ms = took;
        }
        self.keep(pane, canvas, shown, grade);
        Ok(true)
    }

    /// The picture in space: small while it moves, so that it follows the hand.
    async fn space(&mut self, shown: &Shown, grade: Grade) -> Result<Option<Picture>, String> {
        let Shown {
            size: css,
            layers,
            state: view,
            ..
        } = shown;
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
        let scales = scales(layers);
        let scene = scene_of(
            &self.loading,
            self.look.as_ref(),
            &self.surfaces,
            view,
            layers,
            &scales,
            shown.has_volume,
        );
        if scene.volumes.is_empty() && scene.surfaces.is_empty() {
            return Ok(None);
        }
        let picture = self.back_end.draw(&scene, width, height, quality).await;
        picture.map(Some).map_err(words)
    }

    fn keep(&mut self, pane: Pane, canvas: &HtmlCanvasElement, shown: Shown, grade: Grade) {
        self.drawn.retain(|drawn| drawn.pane != pane);
        self.drawn.push(Drawn {
            pane,
            canvas: canvas.clone(),
            shown,
            grade,
            at_ms: now_ms(),
        });
    }

    /// The plane that a pane shows; `None` for the one in space, and before it is known where the volume lies.
    fn plane(&self, pane: Pane, view: &ViewState, css: Size) -> Option<SlicePlane> {
        let density = device_pixels();
        let [width, height] = [css.width, css.height].map(|n| (f64::from(n) * density).round() as u32);
        view.plane(pane, self.loading.grid()?, Size { width, height })
    }

    async fn slice(&mut self, pane: Pane, shown: &Shown) -> Result<Option<Picture>, String> {
        let view = &shown.state;
        let Some(plane) = self.plane(pane, view, shown.size) else {
            return Ok(None);
        };
        let Some(sight) = self.loading.sight(&plane, view.slab.mm) else {
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
                ..SliceLayer::new(sight.volume, view.window())
            }],
            plane,
            slab: Slab {
                thickness_mm: view.slab.mm,
                projection: view.slab.projection,
            },
            clip: Clip::NONE,
            background: [0.0; 3],
        };
        let density = device_pixels();
        let [width, height] =
            [shown.size.width, shown.size.height].map(|n| (f64::from(n) * density).round() as u32);
        let back_end = match sight.source {
            Source::Section(_) => &mut self.processor,
            Source::Volume => &mut self.back_end,
        };
        let picture = back_end.draw_slice(&slice, width, height).await;
        picture.map(Some).map_err(words)
    }

    fn scene<'a>(
        &'a self,
        view: &ViewState,
        layers: &[Layer],
        scales: &'a [(String, ColorScale)],
        has_volume: bool,
    ) -> Scene<'a> {
        scene_of(
            &self.loading,
            self.look.as_ref(),
            &self.surfaces,
            view,
            layers,
            scales,
            has_volume,
        )
    }
}

fn words(error: JsError) -> String {
    let value = JsValue::from(error);
    let message = js_sys::Reflect::get(&value, &"message".into())
        .ok()
        .and_then(|text| text.as_string());
    message.unwrap_or_else(|| "the picture could not be drawn".to_owned())
}
