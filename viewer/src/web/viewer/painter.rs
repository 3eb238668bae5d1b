//! The way to the loop that draws the pictures of the case viewer: bytes through a queue that is bounded, questions with a
//! place for the answer, and the view state, of which the newest counts.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use domain::ItemId;
use geometry::{DAffine3, DVec2, DVec3, GridGeometry};
use leptos::prelude::*;
use renderer::Picture;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlCanvasElement;

use super::asking::Asked;
use super::drawing::Drawing;
use super::live;
use super::sized::Sized;
use crate::curve::Spread;
use crate::loading::{Needs, Run};
use crate::marking::RegionValues;
use crate::view_state::{Pane, Size, ViewState};

/// Bytes that wait to be taken, at most.
const QUEUED_BYTES: usize = 256 << 10;

/// What arrives.
pub(crate) enum Arrival {
    Head(Vec<u8>),
    /// Bytes of the body from `at` on.
    Body {
        at: u64,
        bytes: Vec<u8>,
    },
    Complete,
    Surface {
        name: String,
        bytes: Vec<u8>,
    },
    /// A photograph, and its full size.
    Photo(Picture, Size),
    Failed(String),
}

/// Where an answer goes.
pub(crate) type Told<T> = Box<dyn FnOnce(T)>;

/// What is asked of the scene.
pub(crate) enum Question {
    /// What a picture in space shows at a pixel, patient mm and value.
    Pick(DVec2, Size, Told<Option<(DVec3, Option<f64>)>>),
    /// The value at a point.
    Value(DVec3, Told<Option<f64>>),
    /// The values inside a closed line.
    Region(Vec<DVec3>, Told<Option<RegionValues>>),
}

/// A surface of the scene.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) opacity: f64,
    /// A color of one's choice, sRGB between 0 and 1; its own where there is none.
    pub(crate) color: Option<[f32; 3]>,
    /// Where it has measured distances: that of full color, mm.
    pub(crate) distances_mm: Option<f64>,
    /// Where it is of another item than the one that is shown.
    pub(crate) of: Option<OfAnother>,
}

/// A surface of another item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OfAnother {
    pub(crate) item: ItemId,
    /// Its name there.
    pub(crate) surface: String,
    /// Takes points of that item to where they are in the one that is shown, mm, where the browser does that.
    pub(crate) shown_from_item: Option<DAffine3>,
}

/// Another item that is to be seen in the same pictures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Other {
    pub(crate) item: ItemId,
    /// What it is called.
    pub(crate) name: String,
}

impl Layer {
    pub(crate) fn new(name: &str, opacity: f64) -> Self {
        Self {
            name: name.to_owned(),
            opacity,
            color: None,
            distances_mm: None,
            of: None,
        }
    }

    /// A surface of another item, by the name of that item and its own.
    pub(crate) fn of_another(
        item: ItemId,
        name: &str,
        surface: &str,
        shown_from_item: Option<DAffine3>,
    ) -> Self {
        Self {
            of: Some(OfAnother {
                item,
                surface: surface.to_owned(),
                shown_from_item,
            }),
            ..Self::new(&format!("{name} · {surface}"), 1.0)
        }
    }
}

/// What of an item is shown.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) view: RwSignal<Option<ViewState>>,
    pub(crate) layers: RwSignal<Vec<Layer>>,
    pub(crate) volume_shown: RwSignal<bool>,
    /// Other items in the same pictures.
    pub(crate) others: RwSignal<Vec<Other>>,
}

impl Wanted {
    /// Another item is seen no more.
    pub(crate) fn leave(&self, item: ItemId) {
        self.others
            .update(|others| others.retain(|other| other.item != item));
        let is_other = |layer: &Layer| layer.of.as_ref().is_none_or(|of| of.item != item);
        self.layers.update(|layers| layers.retain(is_other));
    }

    /// Other items that were not asked for yet; then they are.
    pub(crate) fn not_asked(&self, asked: &mut Vec<ItemId>) -> Vec<ItemId> {
        self.others.with_untracked(|others| {
            asked.retain(|item| others.iter().any(|other| other.item == *item));
            let items = others.iter().map(|other| other.item);
            let fresh: Vec<ItemId> = items.filter(|item| !asked.contains(item)).collect();
            asked.extend(&fresh);
            fresh
        })
    }
}

/// What the pages learn of the loop.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Status {
    /// Where the volume lies, as soon as that is known.
    pub(crate) grid: Option<GridGeometry>,
    /// What of the volume is there, 0 to 1, in hundredths.
    pub(crate) fraction: f64,
    /// What of the bytes that are needed has come, 0 to 1, in hundredths.
    pub(crate) arrived: f64,
    /// The unit of its values.
    pub(crate) unit: String,
    /// How often which values occur.
    pub(crate) spread: Option<Arc<Spread>>,
    /// The least and the largest value.
    pub(crate) range: [f64; 2],
    /// The level of the pyramid that is shown; from 1 on, what is shown is coarser than what was uploaded.
    pub(crate) level: u32,
    /// The coarsest level that each pane shows now.
    pub(crate) levels: Vec<(Pane, u32)>,
    /// The size of a photograph.
    pub(crate) photo: Option<Size>,
    /// The box around the surfaces, patient mm.
    pub(crate) surfaces_mm: Option<geometry::Aabb>,
    /// What draws.
    pub(crate) back_end: String,
    /// What went wrong.
    pub(crate) failure: Option<String>,
    /// What one has to know meanwhile.
    pub(crate) notice: Option<&'static str>,
    /// How many pictures were drawn, by which tests know that one came.
    pub(crate) pictures: u32,
    /// When the first one in space was there, milliseconds after the viewer was opened.
    pub(crate) first_picture_ms: Option<f64>,
}

impl Status {
    /// The coarsest level that a pane shows now; `None` where that is no volume of the browser's own.
    pub(crate) fn level_of(&self, pane: Pane) -> Option<u32> {
        let found = self.levels.iter().find(|(known, _)| *known == pane);
        found.map(|(_, level)| *level)
    }
}

/// The way to the loop.
pub(crate) struct Painter {
    arrivals: RefCell<VecDeque<Arrival>>,
    questions: RefCell<Vec<Question>>,
    canvases: RefCell<Vec<(Pane, Sized)>>,
    is_closed: Cell<bool>,
    /// Which bytes of a volume are needed, once that is known.
    pub(super) needs: Cell<Option<Needs>>,
    /// The pieces of its body, known at the same time.
    pub(super) runs: RefCell<Vec<Run>>,
    /// What is asked for because it is looked at.
    pub(super) asked: RefCell<Asked>,
}

impl Painter {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            arrivals: RefCell::default(),
            questions: RefCell::default(),
            canvases: RefCell::default(),
            is_closed: Cell::new(false),
            needs: Cell::new(None),
            runs: RefCell::default(),
            asked: RefCell::default(),
        })
    }

    /// Begins to show pictures that the server draws.
    pub(crate) fn start_live(
        scene: live::Scene,
        wanted: Wanted,
        status: RwSignal<Status>,
        frames: live::Frames,
    ) -> Rc<Self> {
        let painter = Self::new();
        let loop_of = Rc::clone(&painter);
        spawn_local(async move { live::run(&loop_of, scene, wanted, status, frames).await });
        painter
    }

    /// Begins to draw.
    pub(crate) fn start(wanted: Wanted, status: RwSignal<Status>) -> Rc<Self> {
        let painter = Self::new();
        let loop_of = Rc::clone(&painter);
        spawn_local(async move {
            if let Err(failure) = Drawing::run(&loop_of, wanted, status).await {
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
        canvases.push((pane, Sized::new(canvas)));
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
            Arrival::Head(bytes) | Arrival::Body { bytes, .. } | Arrival::Surface { bytes, .. } => {
                bytes.len()
            }
            Arrival::Complete | Arrival::Photo(..) | Arrival::Failed(_) => 0,
        };
        self.arrivals.borrow().iter().map(size).sum()
    }

    pub(crate) fn ask(&self, question: Question) {
        self.questions.borrow_mut().push(question);
    }

    /// Takes what arrived; bytes of the body wait where they cannot be placed yet.
    pub(super) fn next_arrival(&self, takes_body: bool) -> Option<Arrival> {
        let mut arrivals = self.arrivals.borrow_mut();
        let is_taken = |arrival: &Arrival| takes_body || !matches!(arrival, Arrival::Body { .. });
        arrivals
            .front()
            .is_some_and(is_taken)
            .then(|| arrivals.pop_front())?
    }

    pub(super) fn questions(&self) -> Vec<Question> {
        self.questions.take()
    }

    /// Where panes are drawn now, and how large that is on the page.
    pub(super) fn panes(&self) -> Vec<(Pane, Size)> {
        let canvases = self.canvases.borrow();
        let shown = canvases.iter().filter(|(_, sized)| sized.canvas.is_connected());
        shown.map(|(pane, sized)| (*pane, sized.on_page())).collect()
    }

    pub(super) fn canvases(&self) -> Vec<(Pane, HtmlCanvasElement)> {
        let canvases = self.canvases.borrow();
        let each = canvases.iter().map(|(pane, sized)| (*pane, sized.canvas.clone()));
        each.collect()
    }

    /// How large the canvas of a pane is on the page.
    pub(super) fn size_of(&self, pane: Pane) -> Size {
        let canvases = self.canvases.borrow();
        let found = canvases.iter().find(|(known, _)| *known == pane);
        found.map_or(Size { width: 0, height: 0 }, |(_, sized)| sized.on_page())
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
pub(super) async fn next_frame() {
    let promise = js_sys::Promise::new(&mut |done, _| {
        if let Some(window) = web_sys::window() {
            drop(window.request_animation_frame(&done));
        }
    });
    drop(JsFuture::from(promise).await);
}
