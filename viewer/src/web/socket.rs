//! A WebSocket of the session: what comes in waits in a queue until the loop takes it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use protocol::{Event, Request};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, MessageEvent, WebSocket};

/// What came in.
pub(crate) enum Incoming {
    /// It can be written to.
    Open,
    Event(Event),
    /// A frame, whole.
    Frame(Vec<u8>),
}

/// What is called when it opens, when something comes in, and when it closes.
type Listeners = (
    Closure<dyn FnMut()>,
    Closure<dyn FnMut(MessageEvent)>,
    Closure<dyn FnMut()>,
);

/// A WebSocket. It is closed with this.
pub(crate) struct Socket {
    socket: WebSocket,
    queue: Rc<RefCell<VecDeque<Incoming>>>,
    is_over: Rc<Cell<bool>>,
    /// Kept for as long as the browser calls them.
    _listeners: Listeners,
}

impl Socket {
    /// Opens one at a path of the server; `None` where the browser has none.
    pub(crate) fn open(path: &str) -> Option<Self> {
        let location = web_sys::window()?.location();
        let scheme = match location.protocol().ok()?.as_str() {
            "https:" => "wss",
            _ => "ws",
        };
        let socket = WebSocket::new(&format!("{scheme}://{}{path}", location.host().ok()?)).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let queue = Rc::new(RefCell::new(VecDeque::new()));
        let is_over = Rc::new(Cell::new(false));
        let opened = {
            let queue = Rc::clone(&queue);
            Closure::new(move || queue.borrow_mut().push_back(Incoming::Open))
        };
        let heard = {
            let queue = Rc::clone(&queue);
            Closure::new(move |message: MessageEvent| {
                let data = message.data();
                let incoming = match data.as_string() {
                    Some(text) => Event::parse(&text).map(Incoming::Event),
                    None => Some(Incoming::Frame(js_sys::Uint8Array::new(&data).to_vec())),
                };
                queue.borrow_mut().extend(incoming);
            })
        };
        let closed = {
            let is_over = Rc::clone(&is_over);
            Closure::new(move || is_over.set(true))
        };
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Some(Self {
            socket,
            queue,
            is_over,
            _listeners: (opened, heard, closed),
        })
    }

    pub(crate) fn send(&self, request: &Request) {
        // One that is closed meanwhile is opened anew, and what counts is sent again.
        drop(self.socket.send_with_str(&request.text()));
    }

    pub(crate) fn next(&self) -> Option<Incoming> {
        self.queue.borrow_mut().pop_front()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        drop(self.socket.close());
    }
}
