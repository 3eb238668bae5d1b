//! The one place that writes to the socket of a session. It takes [`Outgoing`] and nothing else: an event, which has
//! no place for content, or a marked picture.

use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use protocol::{Event, MESSAGE_BYTES, Request};
use streamer::Outgoing;

use super::websocket::{Kind, Message, WebSocket};

/// A viewer who takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// That a connection closes as it should (RFC 6455, 7.4.1).
const NORMAL: [u8; 2] = 1000_u16.to_be_bytes();

/// What comes in.
pub(crate) enum Incoming {
    /// A request.
    Request(Box<Request>),
    /// What this server does not know.
    Unreadable,
    /// A question whether this side is there, to be answered with the same.
    Ping(Vec<u8>),
    /// The other side is there.
    Alive,
}

/// A session's socket.
pub(crate) struct Wire(WebSocket<TokioIo<Upgraded>>);

/// The other side is gone.
#[derive(Debug)]
pub(crate) struct Gone;

impl Wire {
    pub(crate) fn new(socket: WebSocket<TokioIo<Upgraded>>) -> Self {
        Self(socket.limited(MESSAGE_BYTES))
    }

    /// Sends.
    pub(crate) async fn send(&mut self, outgoing: impl Into<Outgoing>) -> Result<(), Gone> {
        match outgoing.into() {
            Outgoing::Event(event) => self.put(Kind::Text, event.text().as_bytes()).await,
            Outgoing::Frame(frame) => self.put(Kind::Binary, frame.bytes()).await,
        }
    }

    /// Asks whether the other side is still there.
    pub(crate) async fn ping(&mut self) -> Result<(), Gone> {
        self.put(Kind::Ping, &[]).await
    }

    /// Says that this side is.
    pub(crate) async fn pong(&mut self, asked: &[u8]) -> Result<(), Gone> {
        self.put(Kind::Pong, asked).await
    }

    async fn put(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Gone> {
        match tokio::time::timeout(PATIENCE, self.0.send(kind, payload)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// What comes next.
    pub(crate) async fn receive(&mut self) -> Result<Incoming, Gone> {
        match self.0.receive().await {
            Ok(Message::Text(text)) => Ok(Request::parse(&text).map_or(Incoming::Unreadable, |request| {
                Incoming::Request(Box::new(request))
            })),
            Ok(Message::Binary) => Ok(Incoming::Unreadable),
            Ok(Message::Ping(asked)) => Ok(Incoming::Ping(asked)),
            Ok(Message::Pong) => Ok(Incoming::Alive),
            Ok(Message::Close) | Err(_) => Err(Gone),
        }
    }

    /// Says why it is over, and closes.
    pub(crate) async fn end(mut self, event: Event) {
        // Who is gone needs no farewell.
        if self.send(event).await.is_ok() {
            drop(self.put(Kind::Close, &NORMAL).await);
        }
    }
}
