//! What is asked of the server because it is looked at: planes of a volume that is still on its way, of which the newest
//! counts, and surfaces when they are shown first.

use std::rc::Rc;

use artifact::pyramid::Section;
use wasm_bindgen_futures::spawn_local;

use super::painter::{Arrival, Painter, sleep};
use crate::web::api;

/// How long it is waited before planes are asked for again when the connection is lost, milliseconds.
const AGAIN_MS: i32 = 2_000;

/// Where the parts of an item are read, and what of them is asked for.
#[derive(Default)]
pub(super) struct Asked {
    /// Where planes of the volume are read.
    sections_at: Option<String>,
    /// By the axis that they lie across.
    planes: [Wish; 3],
    /// Names of surfaces that nobody has looked at, and where they are read.
    surfaces: Vec<(String, String)>,
    /// Planes that came and were not taken yet.
    arrived: Vec<(Section, Vec<u8>)>,
}

#[derive(Default)]
struct Wish {
    next: Option<Section>,
    on_its_way: Option<Section>,
}

impl Painter {
    /// Says where planes of the volume are read.
    pub(super) fn offer_sections(&self, path: String) {
        self.asked.borrow_mut().sections_at = Some(path);
    }

    /// Says where surfaces are read, by their names.
    pub(super) fn offer(&self, surfaces: impl IntoIterator<Item = (String, String)>) {
        self.asked.borrow_mut().surfaces.extend(surfaces);
    }

    /// Asks for planes that a picture needs now; what was asked for before and is not on its way is not needed any more.
    /// Says whether they are asked for at once.
    pub(super) fn ask_section(self: &Rc<Self>, section: Section) -> bool {
        let mut asked = self.asked.borrow_mut();
        let has_come = asked.arrived.iter().any(|(known, _)| *known == section);
        let Some(path) = asked.sections_at.clone().filter(|_| !has_come) else {
            return false;
        };
        let wish = &mut asked.planes[section.across.axis()];
        if let Some(known) = wish.on_its_way {
            wish.next = Some(section).filter(|_| known != section);
            return false;
        }
        wish.on_its_way = Some(section);
        let painter = Rc::clone(self);
        spawn_local(async move { painter.fetch(section, &path).await });
        true
    }

    /// Fetches planes, and then those that were asked for last meanwhile.
    async fn fetch(&self, mut section: Section, path: &str) {
        while !self.is_closed() {
            let answer = api::bytes(&format!("{path}/{section}")).await;
            let is_lost = answer
                .as_ref()
                .is_err_and(|failure| matches!(failure.status, 0 | 429 | 500..));
            if is_lost {
                sleep(AGAIN_MS).await;
            }
            let mut asked = self.asked.borrow_mut();
            match answer {
                Ok(bytes) => asked.arrived.push((section, bytes)),
                Err(_) if is_lost => {}
                // The server has none: the bricks will come.
                Err(_) => asked.sections_at = None,
            }
            let wish = &mut asked.planes[section.across.axis()];
            wish.on_its_way = wish.next.take().or(is_lost.then_some(section));
            match wish.on_its_way {
                Some(next) => section = next,
                None => return,
            }
        }
    }

    /// Takes the planes that came.
    pub(super) fn sections(&self) -> Vec<(Section, Vec<u8>)> {
        std::mem::take(&mut self.asked.borrow_mut().arrived)
    }

    /// Fetches a surface that is shown and was not before.
    pub(super) fn ask_surface(self: &Rc<Self>, name: &str) {
        let mut asked = self.asked.borrow_mut();
        let Some(index) = asked.surfaces.iter().position(|(known, _)| known == name) else {
            return;
        };
        let (name, path) = asked.surfaces.swap_remove(index);
        let painter = Rc::clone(self);
        spawn_local(async move {
            let arrival = match api::bytes(&path).await {
                Ok(bytes) => Arrival::Surface { name, bytes },
                Err(failure) => Arrival::Failed(failure.title),
            };
            painter.push(arrival).await;
        });
    }
}
