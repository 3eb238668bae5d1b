//! A viewer of a case without a browser: a WebSocket (RFC 6455) whose bytes are kept.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::client::Client;
use domain::ItemId;
use geometry::{DVec2, DVec3};
use protocol::{
    Ask, CameraLook, Event, Exhibit, FrameHeader, Grade, Layer, Look, Pane, PaneLook, PhotoLook, PixelSize,
    PlaneLook, Question, Request, Shows, WindowLook, frame,
};

/// What a viewer hears.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    Event(Event),
    Frame(FrameHeader, Vec<u8>),
    /// The socket was closed.
    Closed,
}

/// Somebody who looks at a case.
pub(crate) struct Viewer {
    stream: TcpStream,
    /// Everything that came.
    came: Vec<u8>,
    /// What of it was understood.
    read: usize,
    sequence: u64,
    numbers: u32,
    is_closed: bool,
}

/// How long a test waits for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

impl Viewer {
    /// Opens a socket; the status of the answer where it is none.
    pub(crate) fn open(client: &Client, case: &str) -> Result<Self, u16> {
        Self::open_from(client, case, None)
    }

    pub(crate) fn open_from(client: &Client, case: &str, origin: Option<&str>) -> Result<Self, u16> {
        Self::open_at(client, &format!("/api/cases/{case}/live"), origin)
    }

    /// Opens the socket of a path.
    pub(crate) fn open_at(client: &Client, path: &str, origin: Option<&str>) -> Result<Self, u16> {
        let host = client.base.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(host).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream
            .set_read_timeout(Some(Duration::from_millis(20)))
            .expect("a timeout");
        let mut head = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        if let Some(cookie) = &client.cookie {
            head.push_str(&format!("Cookie: {cookie}\r\n"));
        }
        if let Some(origin) = origin {
            head.push_str(&format!("Origin: {origin}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("a request");
        let mut viewer = Self {
            stream,
            came: Vec::new(),
            read: 0,
            sequence: 0,
            numbers: 0,
            is_closed: false,
        };
        let start = Instant::now();
        while !viewer.came.windows(4).any(|end| end == b"\r\n\r\n") {
            assert!(start.elapsed() < PATIENCE && !viewer.is_closed, "an answer");
            viewer.fill();
        }
        let end = viewer.came.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        let answer = String::from_utf8_lossy(&viewer.came[..end]).into_owned();
        let status: u16 = answer[9..12].parse().expect("a status");
        if status != 101 {
            return Err(status);
        }
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        viewer.read = end;
        Ok(viewer)
    }

    /// Everything that came over the wire, as it came.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.came.clone()
    }

    pub(crate) fn send(&mut self, request: &Request) {
        self.send_text(&request.text());
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        let mut frame = vec![0x81, 0x80 | 127];
        frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        // A mask of zeros leaves everything as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        // A socket that the server has closed takes nothing; what comes in tells.
        let _ = self.stream.write_all(&frame);
    }

    /// Takes what has come, or waits a moment for it.
    fn fill(&mut self) {
        let mut piece = [0; 1 << 16];
        match self.stream.read(&mut piece) {
            Ok(0) => self.is_closed = true,
            Ok(read) => self.came.extend_from_slice(&piece[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.is_closed = true,
        }
    }

    /// The next whole frame of the socket: its opcode and what it holds.
    fn socket_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let bytes = &self.came[self.read..];
        let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
        let (len, head) = match second {
            126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
            len => (u64::from(len), 2),
        };
        let len = len as usize;
        let payload = bytes.get(head..head + len)?.to_vec();
        self.read += head + len;
        Some((first & 0x0f, payload))
    }

    /// What comes next, within a time. Frames are acknowledged.
    pub(crate) fn next(&mut self, within: Duration) -> Option<Heard> {
        let until = Instant::now() + within;
        loop {
            match self.socket_frame() {
                Some((1, text)) => {
                    let text = String::from_utf8(text).expect("text");
                    let event = Event::parse(&text).unwrap_or_else(|| panic!("an event: {text}"));
                    return Some(Heard::Event(event));
                }
                Some((2, bytes)) => {
                    let (header, picture) = frame::parse(&bytes).expect("a frame");
                    let heard = Heard::Frame(header, picture.to_vec());
                    self.send(&Request::Seen { frame: header.frame });
                    return Some(heard);
                }
                Some((8, _)) => self.is_closed = true,
                Some(_) => {}
                None if self.is_closed => return Some(Heard::Closed),
                None if Instant::now() > until => return None,
                None => self.fill(),
            }
        }
    }

    /// Waits for something.
    pub(crate) fn until<T>(&mut self, mut is_it: impl FnMut(&Heard) -> Option<T>) -> T {
        let start = Instant::now();
        let mut all = Vec::new();
        while start.elapsed() < PATIENCE {
            if let Some(heard) = self.next(Duration::from_millis(500)) {
                if let Some(found) = is_it(&heard) {
                    return found;
                }
                assert!(
                    !matches!(heard, Heard::Closed),
                    "the socket was closed after {all:?}"
                );
                if let Heard::Event(event) = heard {
                    all.push(event);
                }
            }
        }
        panic!("it did not come; there came {all:?}");
    }

    pub(crate) fn event<T>(&mut self, mut is_it: impl FnMut(&Event) -> Option<T>) -> T {
        self.until(|heard| match heard {
            Heard::Event(event) => is_it(event),
            _ => None,
        })
    }

    /// Looks at an item.
    pub(crate) fn look_at(&mut self, item: &str) -> Exhibit {
        let item: ItemId = item.parse().expect("an item");
        self.send(&Request::Open { item });
        self.event(|event| match event {
            Event::Opened(exhibit) => Some((**exhibit).clone()),
            _ => None,
        })
    }

    /// Asks for pictures; gives the number of the view state.
    pub(crate) fn ask_for(&mut self, exhibit: &Exhibit, panes: &[PaneLook]) -> u64 {
        self.sequence += 1;
        self.send(&Request::Look(look(exhibit, self.sequence, panes)));
        self.sequence
    }

    /// A picture of a view state, at least as good as `grade`.
    pub(crate) fn frame(&mut self, sequence: u64, pane: Pane, grade: Grade) -> (FrameHeader, Vec<u8>) {
        self.until(|heard| match heard {
            Heard::Frame(header, picture)
                if header.sequence == sequence && header.pane == pane && header.grade >= grade =>
            {
                Some((*header, picture.clone()))
            }
            _ => None,
        })
    }

    /// Asks a question and waits for its answer.
    pub(crate) fn question(&mut self, ask: Ask) -> Event {
        self.numbers += 1;
        let asked = self.numbers;
        self.send(&Request::Ask(Question { number: asked, ask }));
        self.event(|event| match event {
            Event::Answered { number, .. } if *number == asked => Some(event.clone()),
            Event::Trouble {
                number: Some(number), ..
            } if *number == asked => Some(event.clone()),
            _ => None,
        })
    }
}

/// A view state with everything else as the item is first seen.
pub(crate) fn look(exhibit: &Exhibit, sequence: u64, panes: &[PaneLook]) -> Look {
    let window = exhibit.window.unwrap_or(WindowLook {
        center: 40.0,
        width: 400.0,
    });
    Look {
        layers: exhibit
            .surfaces
            .iter()
            .map(|name| Layer {
                item: None,
                name: name.clone(),
                color: None,
                opacity: if exhibit.grid.is_some() { 0.0 } else { 1.0 },
            })
            .collect(),
        ..Look::new(sequence, panes.to_vec(), window, &exhibit.preset)
    }
}

/// The axial plane at a height above the middle of the item, as large as the item.
pub(crate) fn axial(exhibit: &Exhibit, above_mm: f64, size: PixelSize) -> PaneLook {
    let bounds = exhibit.bounds_mm;
    let across = bounds.size().x / f64::from(size.width);
    PaneLook {
        pane: Pane::Axial,
        size,
        shows: Shows::Plane(PlaneLook {
            center_mm: bounds.center() + DVec3::Z * above_mm,
            right: DVec3::X,
            down: DVec3::Y,
            mm_per_pixel: across.max(bounds.size().y / f64::from(size.height)).max(0.01),
        }),
    }
}

/// The item from a direction; of a photograph its middle.
pub(crate) fn space(exhibit: &Exhibit, direction: DVec3, size: PixelSize) -> PaneLook {
    let bounds = exhibit.bounds_mm;
    if exhibit.photo.is_some() {
        let zoom = 1.0 + direction.x.abs();
        let middle = DVec2::splat(0.5);
        return PaneLook {
            pane: Pane::Space,
            size,
            shows: Shows::Photo(PhotoLook { zoom, middle }),
        };
    }
    PaneLook {
        pane: Pane::Space,
        size,
        shows: Shows::Space(CameraLook {
            eye_mm: bounds.center() + direction.normalize() * bounds.size().length() * 2.0,
            target_mm: bounds.center(),
            up: DVec3::Z,
            field_of_view_radians: 0.6,
        }),
    }
}
