//! The pictures of the case viewer, from the server: one loop that says what is shown, asks what the server alone
//! knows, and puts on the screen what comes.
//!
//! It stands where the loop that draws stands for one's own uploads, and is reached the same way ([`Painter`]). What lies
//! over a picture is placed by the view state that the picture answers ([`Frames`]), so that nothing swims.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use geometry::DVec3;
use leptos::prelude::*;
use protocol::{
    Answer, Ask, Ending, Event, Exhibit, FrameHeader, Look, PixelSize, RegionTold, Request, Shown, Trouble,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap};

use super::marks::Marks;
use super::painter::{Layer, Painter, Question, Status, Wanted, next_frame, now_ms};
use crate::looks::{Content, Subject, first_view, look};
use crate::marking::RegionValues;
use crate::texts::t;
use crate::view_state::{Pane, Size, ViewState};
use crate::web::socket::{Incoming, Socket};

/// View states that are remembered until their frames come.
const REMEMBERED: usize = 64;
/// How long it is waited before a lost connection is tried again, milliseconds; twice as long each time.
pub(super) const AGAIN_MS: [f64; 2] = [500.0, 8_000.0];

/// The view state that each pane's picture answers.
pub(crate) type Frames = RwSignal<Vec<(Pane, ViewState)>>;

/// Where one looks.
#[derive(Clone)]
pub(crate) struct Scene {
    /// Where its socket is opened.
    pub(crate) path: String,
    pub(crate) item: domain::ItemId,
    pub(crate) marks: Marks,
}

/// What the loop keeps.
struct Live {
    scene: Scene,
    wanted: Wanted,
    status: RwSignal<Status>,
    frames: Frames,
    exhibit: Option<Exhibit>,
    sequence: u64,
    /// What was sent last.
    sent: Option<Sent>,
    /// View states by their numbers.
    remembered: VecDeque<(u64, ViewState)>,
    asked: HashMap<u32, Question>,
    number: u32,
    began_ms: f64,
}

/// What a view state was made of.
#[derive(Clone, PartialEq)]
struct Sent {
    view: ViewState,
    panes: Vec<(Pane, Size)>,
    content: Content,
    measured_mm: Vec<DVec3>,
}

/// Runs until the painter is closed or the session is over.
pub(super) async fn run(
    painter: &Rc<Painter>,
    scene: Scene,
    wanted: Wanted,
    status: RwSignal<Status>,
    frames: Frames,
) {
    let mut live = Live {
        scene,
        wanted,
        status,
        frames,
        exhibit: None,
        sequence: 0,
        sent: None,
        remembered: VecDeque::new(),
        asked: HashMap::new(),
        number: 0,
        began_ms: now_ms(),
    };
    status.update(|status| "live".clone_into(&mut status.back_end));
    let mut pause_ms = AGAIN_MS[0];
    while !painter.is_closed() {
        let began = now_ms();
        if live.session(painter).await == Over::ForGood {
            return;
        }
        if now_ms() - began > AGAIN_MS[1] {
            pause_ms = AGAIN_MS[0];
        }
        live.note("live.lost");
        let until = now_ms() + pause_ms;
        pause_ms = (pause_ms * 2.0).min(AGAIN_MS[1]);
        while now_ms() < until && !painter.is_closed() {
            next_frame().await;
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Over {
    /// The connection was lost.
    Lost,
    ForGood,
}

impl Live {
    /// One connection, from its beginning to its end.
    async fn session(&mut self, painter: &Rc<Painter>) -> Over {
        let Some(socket) = Socket::open(&self.scene.path).map(Rc::new) else {
            return Over::Lost;
        };
        let screen = Rc::new(Screen::default());
        let mut asked = Vec::new();
        self.sent = None;
        self.exhibit = None;
        for question in std::mem::take(&mut self.asked).into_values() {
            unanswered(question);
        }
        loop {
            next_frame().await;
            if painter.is_closed() {
                return Over::ForGood;
            }
            while let Some(incoming) = socket.next() {
                match incoming {
                    Incoming::Open => socket.send(&Request::Open {
                        item: self.scene.item,
                    }),
                    Incoming::Frame(bytes) => self.show(painter, &socket, &screen, &bytes),
                    Incoming::Event(event) => {
                        if self.heard(painter, event) == Some(Over::ForGood) {
                            return Over::ForGood;
                        }
                    }
                }
            }
            if socket.is_over() {
                return Over::Lost;
            }
            for question in painter.questions() {
                self.ask(&socket, question);
            }
            if self.exhibit.is_some() {
                for item in self.wanted.not_asked(&mut asked) {
                    socket.send(&Request::Add { item });
                }
            }
            self.say(painter, &socket);
        }
    }

    fn note(&self, text: &'static str) {
        self.status.update(|status| status.notice = Some(t(text)));
    }

    fn heard(&mut self, painter: &Painter, event: Event) -> Option<Over> {
        match event {
            // Others are met over a socket of its own.
            Event::Welcome { .. } | Event::Room(_) => {}
            Event::Queued { .. } => self.note("live.queued"),
            Event::Admitted => self.status.update(|status| status.notice = None),
            Event::Opened(exhibit) => self.opened(*exhibit),
            Event::Added { item, surfaces, .. } => self.added(item, &surfaces),
            Event::Apart { item } => self.apart(item),
            Event::Answered { number, answer } => {
                if let Some(question) = self.asked.remove(&number) {
                    answered(question, answer);
                }
            }
            Event::Trouble {
                number: Some(number), ..
            } => {
                if let Some(question) = self.asked.remove(&number) {
                    unanswered(question);
                }
            }
            Event::Trouble {
                trouble,
                number: None,
            } => match trouble {
                Trouble::NotFound => self.fail(painter, "live.not_found"),
                Trouble::NothingToSee => self.fail(painter, "live.nothing"),
                Trouble::Broken => self.fail(painter, "live.broken"),
                Trouble::Unreadable
                | Trouble::Meaningless
                | Trouble::TooOften
                | Trouble::Crowded
                | Trouble::Refused => {}
            },
            Event::Slowed { .. } => self.note("live.slowed"),
            Event::Ended { why } => {
                match why {
                    Ending::SignedOut => self.fail(painter, "live.signed_out"),
                    Ending::Revoked => self.fail(painter, "live.revoked"),
                    // It comes back.
                    Ending::Stopped => return Some(Over::Lost),
                }
                return Some(Over::ForGood);
            }
        }
        None
    }

    /// Says why there is no picture; what was shown is not left on the screen.
    fn fail(&self, painter: &Painter, text: &'static str) {
        for (_, canvas) in painter.canvases() {
            // Taking a size, even the same one, empties a canvas.
            canvas.set_width(canvas.width());
        }
        self.frames.set(Vec::new());
        self.wanted.view.set(None);
        self.status
            .update(|status| status.failure = Some(t(text).to_owned()));
    }

    fn opened(&mut self, exhibit: Exhibit) {
        let photo = exhibit.photo.map(size_of);
        let has_surfaces = exhibit.grid.is_none() && photo.is_none();
        self.status.update(|status| {
            status.grid = exhibit.grid;
            (status.fraction, status.arrived) = (1.0, 1.0);
            exhibit.unit.symbol().clone_into(&mut status.unit);
            status.range = exhibit.range;
            status.level = exhibit.level;
            status.photo = photo;
            status.surfaces_mm = has_surfaces.then_some(exhibit.bounds_mm);
        });
        if self.wanted.layers.with_untracked(Vec::is_empty) {
            let opacity = if exhibit.grid.is_some() { 0.0 } else { 1.0 };
            let layers = exhibit.surfaces.iter().map(|name| Layer::new(name, opacity));
            self.wanted.layers.set(layers.collect());
        }
        if self.wanted.view.with_untracked(Option::is_none) {
            self.wanted.view.set(Some(first_view(&exhibit)));
        }
        self.exhibit = Some(exhibit);
    }

    /// Surfaces of another item can be seen.
    fn added(&self, item: domain::ItemId, surfaces: &[String]) {
        let name = self.wanted.others.with_untracked(|others| {
            let found = others.iter().find(|other| other.item == item);
            found.map(|other| other.name.clone())
        });
        let Some(name) = name else { return };
        self.wanted.layers.update(|layers| {
            for surface in surfaces {
                let layer = Layer::of_another(item, &name, surface, None);
                if !layers.iter().any(|known| known.name == layer.name) {
                    layers.push(layer);
                }
            }
        });
    }

    /// Another item does not lie in the same space, or no longer.
    fn apart(&self, item: domain::ItemId) {
        self.wanted.leave(item);
    }

    /// Says what is shown, where that is something else than before.
    fn say(&mut self, painter: &Painter, socket: &Socket) {
        let Some(view) = self.wanted.view.get_untracked() else {
            return;
        };
        let Some(exhibit) = &self.exhibit else { return };
        let panes = painter.panes();
        let volume = match self.wanted.volume_shown.get_untracked() {
            true => Shown::Yes,
            false => Shown::No,
        };
        let content = content_of(self.wanted.layers.get_untracked(), volume);
        let measured_mm = self.scene.marks.measured_mm(protocol::MOST_MEASURED);
        let now = Sent {
            view,
            panes,
            content,
            measured_mm,
        };
        if self.sent.as_ref() == Some(&now) {
            return;
        }
        self.sequence += 1;
        let subject = Subject {
            grid: exhibit.grid.as_ref(),
            photo: exhibit.photo.map(size_of),
        };
        let look = Look {
            measured_mm: now.measured_mm.clone(),
            ..look(self.sequence, subject, &now.view, &now.panes, &now.content)
        };
        socket.send(&Request::Look(look));
        if self.remembered.len() >= REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back((self.sequence, now.view.clone()));
        self.sent = Some(now);
    }

    fn ask(&mut self, socket: &Socket, question: Question) {
        let ask = match &question {
            Question::Value(p_mm, _) => Some(Ask::Value { p_mm: *p_mm }),
            Question::Region(points, _) => Some(Ask::Region {
                points_mm: points.clone(),
            }),
            Question::Pick(pixel, size, _) => self.wanted.view.with_untracked(|view| {
                let camera = view.as_ref()?.camera;
                Some(Ask::Pick {
                    camera: protocol::CameraLook {
                        eye_mm: camera.eye_mm,
                        target_mm: camera.target_mm,
                        up: camera.up,
                        field_of_view_radians: camera.field_of_view_radians,
                    },
                    size: PixelSize {
                        width: size.width,
                        height: size.height,
                    },
                    pixel: *pixel,
                })
            }),
        };
        // A hand that moves asks all the time: what was asked before is answered first.
        let is_idle = matches!(question, Question::Region(..)) || self.asked.len() < 2;
        let Some(ask) = ask.filter(|ask| ask.check().is_ok() && is_idle && self.exhibit.is_some()) else {
            unanswered(question);
            return;
        };
        self.number = self.number.wrapping_add(1);
        self.asked.insert(self.number, question);
        socket.send(&Request::Ask(protocol::Question {
            number: self.number,
            ask,
        }));
    }

    /// Puts a frame on the screen.
    fn show(&self, painter: &Rc<Painter>, socket: &Rc<Socket>, screen: &Rc<Screen>, bytes: &[u8]) {
        let Ok((header, picture)) = protocol::frame::parse(bytes) else {
            return;
        };
        let pane = header.pane;
        let canvas = painter.canvases().into_iter().find(|(known, _)| *known == pane);
        let view = self
            .remembered
            .iter()
            .find(|(sequence, _)| *sequence == header.sequence);
        let (Some((_, canvas)), Some((_, view))) = (canvas, view.cloned()) else {
            socket.send(&Request::Seen { frame: header.frame });
            return;
        };
        let (socket, screen) = (Rc::clone(socket), Rc::clone(screen));
        let (status, frames, began_ms) = (self.status, self.frames, self.began_ms);
        let wanted_view = self.wanted.view;
        let picture = picture.to_vec();
        spawn_local(async move {
            let decoded = decoded(&header, &picture).await;
            // A later one may have been decoded first, and what may not be seen any more is not put back.
            let may_be_seen = wanted_view.try_with_untracked(Option::is_some) == Some(true);
            if let Some(bitmap) =
                decoded.filter(|_| may_be_seen && screen.is_newest(header.pane, header.frame))
                && put(&canvas, &bitmap).is_some()
            {
                frames.update(|frames| {
                    frames.retain(|(known, _)| *known != pane);
                    frames.push((pane, view));
                });
                status.update(|status| {
                    status.pictures += 1;
                    if pane == Pane::Space && status.first_picture_ms.is_none() {
                        status.first_picture_ms = Some(now_ms() - began_ms);
                    }
                });
            }
            socket.send(&Request::Seen { frame: header.frame });
        });
    }
}

fn size_of(size: PixelSize) -> Size {
    Size {
        width: size.width,
        height: size.height,
    }
}

/// What of an item is shown, as it is asked for.
pub(super) fn content_of(layers: Vec<Layer>, volume: Shown) -> Content {
    let layers = layers.into_iter();
    Content {
        volume,
        layers: layers
            .map(|layer| {
                let (item, name) = match layer.of {
                    Some(of) => (Some(of.item), of.surface),
                    None => (None, layer.name),
                };
                protocol::Layer {
                    item,
                    name,
                    opacity: layer.opacity,
                    color: layer.color,
                }
            })
            .collect(),
    }
}

/// Which frame is on the screen in each pane.
#[derive(Default)]
struct Screen {
    newest: RefCell<[Option<u64>; Pane::ALL.len()]>,
}

impl Screen {
    /// Whether no later frame is on the screen; then this one is.
    fn is_newest(&self, pane: Pane, frame: u64) -> bool {
        let newest = &mut self.newest.borrow_mut()[pane.index()];
        let is_newest = newest.is_none_or(|known| known < frame);
        if is_newest {
            *newest = Some(frame);
        }
        is_newest
    }
}

/// The picture of a frame, decoded by the browser.
async fn decoded(header: &FrameHeader, picture: &[u8]) -> Option<ImageBitmap> {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(picture));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(header.codec.media_type());
    let blob = web_sys::Blob::new_with_u8_array_sequence_and_options(&parts, &options).ok()?;
    let promise = web_sys::window()?.create_image_bitmap_with_blob(&blob).ok()?;
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

/// Draws a picture over all of a canvas, whose size it takes.
fn put(canvas: &HtmlCanvasElement, bitmap: &ImageBitmap) -> Option<()> {
    if canvas.width() != bitmap.width() || canvas.height() != bitmap.height() {
        canvas.set_width(bitmap.width());
        canvas.set_height(bitmap.height());
    }
    let context = canvas.get_context("2d").ok().flatten()?;
    let context: CanvasRenderingContext2d = context.dyn_into().ok()?;
    context.draw_image_with_image_bitmap(bitmap, 0.0, 0.0).ok()?;
    bitmap.close();
    Some(())
}

fn answered(question: Question, answer: Answer) {
    match (question, answer) {
        (Question::Value(_, tell), Answer::Value(value)) => tell(Some(value)),
        (Question::Pick(_, _, tell), Answer::Point { p_mm, value }) => tell(Some((p_mm, value))),
        (Question::Region(_, tell), Answer::Region(told)) => tell(Some(region(told))),
        (question, _) => unanswered(question),
    }
}

fn unanswered(question: Question) {
    match question {
        Question::Value(_, tell) => tell(None),
        Question::Pick(_, _, tell) => tell(None),
        Question::Region(_, tell) => tell(None),
    }
}

fn region(told: RegionTold) -> RegionValues {
    RegionValues {
        mean: told.mean,
        sd: told.sd,
        min: told.min,
        max: told.max,
        count: told.count,
    }
}
