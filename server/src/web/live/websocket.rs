//! The server's side of WebSocket (RFC 6455), as small as a session needs it: no extensions, messages of a bounded
//! length. Of its own because what can be written is decided one layer above, in [`super::wire`], and nothing here
//! offers another way.

use std::convert::Infallible;
use std::future::Future;
use std::io;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use data_encoding::BASE64;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What the key of a handshake is answered with (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a control frame at most (RFC 6455, 5.5).
const CONTROL_BYTES: usize = 125;

/// A request that opens a WebSocket.
pub(crate) struct Handshake {
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

/// A handshake where the request is one.
pub(crate) struct MaybeHandshake(pub(crate) Option<Handshake>);

impl<S: Send + Sync> FromRequestParts<S> for MaybeHandshake {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        let accept = accept(&parts.method, &parts.headers);
        Ok(Self(
            accept
                .zip(upgrade)
                .map(|(accept, upgrade)| Handshake { accept, upgrade }),
        ))
    }
}

/// What a handshake is answered with; `None` for what is none (RFC 6455, 4.2.1).
fn accept(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    let has = |name: HeaderName, word: &str| {
        let values = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let is_one = method == Method::GET
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|_| is_one)?
        .to_str()
        .ok()?;
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    HeaderValue::from_str(&BASE64.encode(hash.as_ref())).ok()
}

impl Handshake {
    /// Answers it, and hands the socket to `run`.
    pub(crate) fn answer<F>(
        self,
        run: impl FnOnce(WebSocket<TokioIo<Upgraded>>) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        tokio::spawn(async move {
            // Who went away meanwhile needs no socket.
            if let Ok(upgraded) = self.upgrade.await {
                run(WebSocket::new(TokioIo::new(upgraded))).await;
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        response
    }
}

/// A message, or a frame that controls the connection.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    Text(String),
    Binary,
    Ping(Vec<u8>),
    Pong,
    Close,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// An open connection.
pub(crate) struct WebSocket<T> {
    stream: T,
    /// What has come and was not yet understood.
    came: Vec<u8>,
    /// The beginning of a message of several frames: its kind and its bytes.
    begun: Option<(u8, Vec<u8>)>,
    limit: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    fn new(stream: T) -> Self {
        Self {
            stream,
            came: Vec::new(),
            begun: None,
            limit: usize::MAX,
        }
    }

    /// From now on messages may have so many bytes.
    pub(crate) fn limited(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// The next message. What has come is kept where this is given up while it waits.
    pub(crate) async fn receive(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.understand()? {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.came).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends one frame.
    pub(crate) async fn send(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let mut head = vec![0x80 | kind as u8];
        match payload.len() {
            len @ 0..=125 => head.push(len as u8),
            len @ 126..=0xffff => {
                head.push(126);
                head.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                head.push(127);
                head.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        head.extend_from_slice(payload);
        self.stream.write_all(&head).await?;
        self.stream.flush().await
    }

    /// The next whole message of what has come.
    fn understand(&mut self) -> io::Result<Option<Message>> {
        while let Some((is_last, opcode, payload)) = self.frame()? {
            match opcode {
                8 => return Ok(Some(Message::Close)),
                9 => return Ok(Some(Message::Ping(payload))),
                10 => return Ok(Some(Message::Pong)),
                _ => {}
            }
            let (kind, bytes) = match (self.begun.take(), opcode) {
                (None, 1 | 2) => (opcode, payload),
                (Some((kind, mut bytes)), 0) => {
                    bytes.extend_from_slice(&payload);
                    (kind, bytes)
                }
                _ => return Err(wrong("a frame out of place")),
            };
            if bytes.len() > self.limit {
                return Err(wrong("a message that is too long"));
            }
            if !is_last {
                self.begun = Some((kind, bytes));
                continue;
            }
            return match kind {
                1 => match String::from_utf8(bytes) {
                    Ok(text) => Ok(Some(Message::Text(text))),
                    Err(_) => Err(wrong("text that is none")),
                },
                _ => Ok(Some(Message::Binary)),
            };
        }
        Ok(None)
    }

    /// The next whole frame of what has come: whether it is the last of its message, its opcode, and what it holds
    /// (RFC 6455, 5.2).
    fn frame(&mut self) -> io::Result<Option<(bool, u8, Vec<u8>)>> {
        let Some((&[first, second], rest)) = self.came.split_first_chunk::<2>() else {
            return Ok(None);
        };
        if first & 0x70 != 0 || second & 0x80 == 0 {
            return Err(wrong("an extension, or a frame of a client without a mask"));
        }
        let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
        let (len, rest) = match second & 0x7f {
            126 => match rest.split_first_chunk::<2>() {
                Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((len, rest)) => (u64::from_be_bytes(*len), rest),
                None => return Ok(None),
            },
            len => (u64::from(len), rest),
        };
        let len = usize::try_from(len).map_err(|_| wrong("a frame that is too long"))?;
        let is_control = opcode >= 8;
        if !matches!(opcode, 0..=2 | 8..=10)
            || len > self.limit
            || (is_control && (len > CONTROL_BYTES || !is_last))
        {
            return Err(wrong("a frame that is none or too long"));
        }
        let Some((mask, rest)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let Some(masked) = rest.get(..len) else {
            return Ok(None);
        };
        let payload = masked
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        let taken = self.came.len() - (rest.len() - len);
        self.came.drain(..taken);
        Ok(Some((is_last, opcode, payload)))
    }
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            len @ 0..=125 => bytes.push(0x80 | len as u8),
            len => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        let mask = [7, 0, 255, 33];
        bytes.extend_from_slice(&mask);
        bytes.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        bytes
    }

    async fn told(bytes: &[u8], piece: usize) -> Vec<io::Result<Message>> {
        let (mut client, server) = duplex(1 << 16);
        let mut socket = WebSocket::new(server).limited(1000);
        for piece in bytes.chunks(piece) {
            client.write_all(piece).await.unwrap();
        }
        drop(client);
        let mut all = Vec::new();
        loop {
            let message = socket.receive().await;
            let is_over = message.is_err();
            all.push(message);
            if is_over {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn messages_are_understood_in_pieces_of_any_size() {
        let long = "x".repeat(700);
        let bytes = [
            frame(0x81, "grüße".as_bytes()),
            frame(0x01, b"in "),
            frame(0x89, b"there?"),
            frame(0x00, b"three "),
            frame(0x80, b"parts"),
            frame(0x81, long.as_bytes()),
            frame(0x82, b"bytes"),
            frame(0x8a, b""),
            frame(0x88, &[3, 232]),
        ]
        .concat();
        for piece in [1, 3, 4096] {
            let all = told(&bytes, piece).await;
            let known: Vec<&Message> = all.iter().filter_map(|message| message.as_ref().ok()).collect();
            assert_eq!(
                known,
                [
                    &Message::Text("grüße".to_owned()),
                    &Message::Ping(b"there?".to_vec()),
                    &Message::Text("in three parts".to_owned()),
                    &Message::Text(long.clone()),
                    &Message::Binary,
                    &Message::Pong,
                    &Message::Close,
                ]
            );
        }
    }

    #[tokio::test]
    async fn what_breaks_the_rules_ends_the_connection() {
        let unmasked = vec![0x81, 2, b'h', b'i'];
        let huge = vec![
            0x82,
            0x80 | 127,
            255,
            255,
            255,
            255,
            255,
            255,
            255,
            255,
            0,
            0,
            0,
            0,
        ];
        let many = [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 600])].concat();
        let cases = [
            unmasked,
            huge,
            many,
            frame(0x81, &[0xff, 0xfe]),
            frame(0x80, b"out of place"),
            frame(0xc1, b"extension"),
            frame(0x83, b"unknown"),
            frame(0x09, b"a ping in parts"),
            frame(0x89, &[0; 126]),
            frame(0x81, &[b'x'; 1001]),
        ];
        for bytes in cases {
            let all = told(&bytes, 4096).await;
            let error = all
                .last()
                .and_then(|message| message.as_ref().err())
                .map(io::Error::kind);
            assert_eq!(
                (all.len(), error),
                (1, Some(io::ErrorKind::InvalidData)),
                "{bytes:02x?}"
            );
        }
        let cut = told(&frame(0x81, b"whole")[..7], 4096).await;
        let error = cut[0].as_ref().err().map(io::Error::kind);
        assert_eq!(error, Some(io::ErrorKind::UnexpectedEof));
    }

    #[tokio::test]
    async fn frames_are_written_as_the_standard_says() {
        for (len, head) in [(5, 2), (200, 4), (70_000, 10)] {
            let (client, mut server) = duplex(1 << 20);
            let mut socket = WebSocket::new(client);
            socket.send(Kind::Binary, &vec![9; len]).await.unwrap();
            drop(socket);
            let mut bytes = Vec::new();
            server.read_to_end(&mut bytes).await.unwrap();
            assert_eq!((bytes.len(), bytes[0]), (head + len, 0x82));
        }
    }

    #[test]
    fn a_handshake_is_answered_as_the_standard_says() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONNECTION,
            HeaderValue::from_static("keep-alive, Upgrade"),
        );
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        // The example of RFC 6455, 1.3.
        headers.insert(
            header::SEC_WEBSOCKET_KEY,
            HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="),
        );
        let answered = accept(&Method::GET, &headers);
        assert_eq!(answered.unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(accept(&Method::POST, &headers).is_none());
        for name in [header::CONNECTION, header::UPGRADE, header::SEC_WEBSOCKET_VERSION] {
            let mut headers = headers.clone();
            headers.remove(name);
            assert!(accept(&Method::GET, &headers).is_none());
        }
    }
}
