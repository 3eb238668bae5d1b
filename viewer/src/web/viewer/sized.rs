//! How large a canvas is on the page. The browser lays the page out when it is asked, and keeps what it needed for that
//! until it collects garbage: so it is asked when it says that the size changed, and not with every picture.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use crate::view_state::Size;

#[wasm_bindgen]
extern "C" {
    /// Tells when the sizes of elements change (CSSWG, Resize Observer).
    type ResizeObserver;

    #[wasm_bindgen(constructor, catch)]
    fn new(changed: &Closure<dyn FnMut()>) -> Result<ResizeObserver, JsValue>;

    #[wasm_bindgen(method)]
    fn observe(this: &ResizeObserver, element: &HtmlCanvasElement);

    #[wasm_bindgen(method)]
    fn disconnect(this: &ResizeObserver);
}

/// A canvas and its size.
pub(super) struct Sized {
    pub(super) canvas: HtmlCanvasElement,
    /// None where it has to be asked for.
    size: Rc<Cell<Option<Size>>>,
    observer: Option<ResizeObserver>,
    _changed: Closure<dyn FnMut()>,
}

impl Sized {
    pub(super) fn new(canvas: HtmlCanvasElement) -> Self {
        let size = Rc::new(Cell::new(None));
        let known = Rc::clone(&size);
        let changed = Closure::<dyn FnMut()>::new(move || known.set(None));
        let observer = ResizeObserver::new(&changed).ok();
        if let Some(observer) = &observer {
            observer.observe(&canvas);
        }
        Self {
            canvas,
            size,
            observer,
            _changed: changed,
        }
    }

    /// How large it is on the page.
    pub(super) fn on_page(&self) -> Size {
        if let Some(size) = self.size.get() {
            return size;
        }
        let side = |side: i32| side.max(0) as u32;
        let size = Size {
            width: side(self.canvas.client_width()),
            height: side(self.canvas.client_height()),
        };
        if self.observer.is_some() {
            self.size.set(Some(size));
        }
        size
    }
}

impl Drop for Sized {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            observer.disconnect();
        }
    }
}
