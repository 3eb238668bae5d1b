//! Looking through the server: from what the hand does to the picture that answers it, for one viewer and for twenty.
//!
//! Times end when the whole frame has come, marked and coded; decoding and showing it is the browser's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use geometry::DVec3;
use protocol::{
    CameraLook, Event, Exhibit, Grade, Look, Pane, PaneLook, PixelSize, PlaneLook, Request, Shows,
    WindowLook, frame,
};
use serde_json::{Value, json};

use crate::client::{Client, Server};
use crate::uploads::{FILES_TOGETHER, framed, open_set};

const SIZE: PixelSize = PixelSize {
    width: 512,
    height: 512,
};
/// Pictures that are timed, and before that left out.
const TIMED: usize = 120;
const WARM: usize = 20;
/// Viewers of slices at once, how often each asks, and for how long.
const VIEWERS: usize = 20;
const EVERY: Duration = Duration::from_millis(200);
const LASTS: Duration = Duration::from_secs(12);
/// Slices and directions that are gone to and fro: fewer than what is noticed as a sweep.
const STATIONS: usize = 60;

/// Times pictures of the largest volume of a folder.
pub(crate) fn run(program: &Path, folder: &Path) -> Result<()> {
    let server = Server::start(program)?;
    let (mut client, practice) = server.practice()?;
    let (case, item) = store(&mut client, &practice, folder)?;
    let open = || Viewer::open(&server, &client, &case, &item);
    let mut viewer = open()?;
    let turning = viewer.times(Kind::Turning)?;
    let slices = viewer.times(Kind::Slices)?;
    drop(viewer);
    let cpu = server.cpu_secs()?;
    let began = Instant::now();
    let mut together: Vec<f64> = std::thread::scope(|scope| {
        let watching: Vec<_> = (0..VIEWERS)
            .map(|number| {
                scope.spawn(move || {
                    let mut viewer = open()?;
                    std::thread::sleep(EVERY.mul_f64(number as f64 / VIEWERS as f64));
                    viewer.at_a_rate(number)
                })
            })
            .collect();
        let mut all = Vec::new();
        for viewer in watching {
            let times = viewer.join().map_err(|_| anyhow::anyhow!("a viewer broke"))?;
            all.extend(times?);
        }
        Ok::<_, anyhow::Error>(all)
    })?;
    together.sort_unstable_by(f64::total_cmp);
    let line = json!({
        "task": "live",
        "turning_ms": told(&turning), "slices_ms": told(&slices),
        "viewers": VIEWERS, "pictures": together.len(), "together_ms": told(&together),
        "cores_taken": (server.cpu_secs()? - cpu) / began.elapsed().as_secs_f64(),
    });
    println!("{line}");
    Ok(())
}

/// Median, 95th percentile and worst of sorted times.
fn told(sorted: &[f64]) -> Value {
    let at = |share: f64| {
        let place = ((sorted.len().max(1) - 1) as f64 * share).round() as usize;
        sorted.get(place).copied().unwrap_or(f64::NAN).round()
    };
    json!({ "median": at(0.5), "p95": at(0.95), "worst": at(1.0) })
}

/// Uploads a folder; gives the case and its first volume.
pub(crate) fn store(client: &mut Client, practice: &str, folder: &Path) -> Result<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name in UTF-8")?;
        files.push((name, std::fs::read(entry.path())?));
    }
    let (case, set) = open_set(client, practice)?;
    for some in files.chunks(FILES_TOGETHER) {
        let kind = [("content-type", "application/vnd.vitrine.files")];
        client.call(
            "POST",
            &format!("/api/upload-sets/{set}/many"),
            &kind,
            &framed(some)?,
        )?;
    }
    client.call("POST", &format!("/api/upload-sets/{set}/close"), &[], b"")?;
    loop {
        let seen = client.get(&format!("/api/upload-sets/{set}"))?;
        match seen["job"]["state"].as_str() {
            Some("done") => break,
            Some("failed") => bail!("{seen}"),
            _ => std::thread::sleep(Duration::from_millis(200)),
        }
    }
    let items = client.get(&format!("/api/cases/{case}/items"))?;
    let volume = items
        .as_array()
        .into_iter()
        .flatten()
        .find(|item| item["kind"] == "volume");
    let item = volume.and_then(|item| item["id"].as_str()).context("a volume")?;
    Ok((case, item.to_owned()))
}

#[derive(Clone, Copy)]
enum Kind {
    Turning,
    Slices,
}

/// The client's side of a WebSocket (RFC 6455).
pub(crate) struct Socket(BufReader<TcpStream>);

impl Socket {
    pub(crate) fn open(host: &str, path: &str, cookie: &str) -> Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        let mut socket = Self(BufReader::with_capacity(64 << 10, stream));
        write!(
            socket.0.get_mut(),
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {cookie}\r\n\r\n"
        )?;
        let mut line = String::new();
        socket.0.read_line(&mut line)?;
        ensure!(line.contains(" 101 "), "{line}");
        while line.trim() != "" {
            line.clear();
            ensure!(socket.0.read_line(&mut line)? > 0, "the head of an answer");
        }
        Ok(socket)
    }

    /// The same connection, to send from another thread.
    pub(crate) fn beside(&self) -> Result<Self> {
        Ok(Self(BufReader::new(self.0.get_ref().try_clone()?)))
    }

    pub(crate) fn send(&mut self, request: &Request) -> Result<()> {
        let text = request.text();
        let mut frame = vec![0x81, 0x80 | 127];
        frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        // A mask of zeros leaves everything as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        Ok(self.0.get_mut().write_all(&frame)?)
    }

    /// The next frame: its opcode and what it holds.
    pub(crate) fn read(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                self.0.read_exact(&mut len)?;
                u64::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                self.0.read_exact(&mut len)?;
                u64::from_be_bytes(len)
            }
            len => u64::from(len),
        };
        let mut payload = vec![0; usize::try_from(len)?];
        self.0.read_exact(&mut payload)?;
        Ok((head[0] & 0x0f, payload))
    }
}

/// Somebody who looks at an item.
pub(crate) struct Viewer {
    socket: Socket,
    exhibit: Exhibit,
    sequence: u64,
    /// When it was told that it is slowed.
    slowed: Option<Instant>,
}

impl Viewer {
    pub(crate) fn open(server: &Server, client: &Client, case: &str, item: &str) -> Result<Self> {
        let cookie = client.cookie.as_deref().context("a cookie")?;
        let mut socket = Socket::open(server.host(), &format!("/api/cases/{case}/live"), cookie)?;
        socket.send(&Request::Open { item: item.parse()? })?;
        loop {
            let (_, bytes) = socket.read()?;
            match Event::parse(&String::from_utf8_lossy(&bytes)) {
                Some(Event::Opened(exhibit)) => {
                    return Ok(Self {
                        socket,
                        exhibit: *exhibit,
                        sequence: 0,
                        slowed: None,
                    });
                }
                Some(Event::Trouble { trouble, .. }) => bail!("{trouble:?}"),
                _ => {}
            }
        }
    }

    pub(crate) fn exhibit(&self) -> &Exhibit {
        &self.exhibit
    }

    pub(crate) fn slowed(&self) -> Option<Instant> {
        self.slowed
    }

    /// From one station to the next as soon as a picture came: sorted times, milliseconds.
    fn times(&mut self, kind: Kind) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for n in 0..WARM + TIMED {
            let ms = self.step(kind, n)?;
            if n >= WARM {
                times.push(ms);
            }
        }
        times.sort_unstable_by(f64::total_cmp);
        Ok(times)
    }

    /// Slices at a steady rate, whether pictures come in time or not.
    fn at_a_rate(&mut self, number: usize) -> Result<Vec<f64>> {
        let began = Instant::now();
        let mut times = Vec::new();
        for n in 0.. {
            let due = began + EVERY.mul_f64(f64::from(n));
            if due > began + LASTS {
                break;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            // What comes late counts from when it was due.
            let late = due.elapsed().as_secs_f64() * 1e3;
            times.push(self.step(Kind::Slices, n as usize + number * 3)? + late);
        }
        Ok(times)
    }

    /// Asks for the picture of a station and waits for it, milliseconds.
    fn step(&mut self, kind: Kind, n: usize) -> Result<f64> {
        let there = n % (STATIONS * 2);
        let station = there.min(STATIONS * 2 - there) as f64 / STATIONS as f64;
        let bounds = self.exhibit.bounds_mm;
        let (pane, shows) = match kind {
            Kind::Turning => {
                let turn = station * 2.0;
                let direction = DVec3::new(turn.sin(), -turn.cos(), 0.15);
                (
                    Pane::Space,
                    Shows::Space(CameraLook {
                        eye_mm: bounds.center() + direction * bounds.size().length() * 1.3,
                        target_mm: bounds.center(),
                        up: DVec3::Z,
                        field_of_view_radians: 0.6,
                    }),
                )
            }
            Kind::Slices => {
                let above_mm = (station - 0.5) * bounds.size().z * 0.8;
                (
                    Pane::Axial,
                    Shows::Plane(PlaneLook {
                        center_mm: bounds.center() + DVec3::Z * above_mm,
                        right: DVec3::X,
                        down: DVec3::Y,
                        mm_per_pixel: bounds.size().x / f64::from(SIZE.width),
                    }),
                )
            }
        };
        let pane = PaneLook {
            pane,
            size: SIZE,
            shows,
        };
        let window = self.exhibit.window.unwrap_or(WindowLook {
            center: 40.0,
            width: 400.0,
        });
        let began = Instant::now();
        self.picture(pane, window, Grade::Moving)?;
        ensure!(self.slowed.is_none(), "it is taken for a sweep");
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }

    /// Asks for a picture and waits for it, coded.
    pub(crate) fn picture(&mut self, pane: PaneLook, window: WindowLook, grade: Grade) -> Result<Vec<u8>> {
        self.sequence += 1;
        let look = Look::new(self.sequence, vec![pane], window, &self.exhibit.preset);
        self.socket.send(&Request::Look(look))?;
        loop {
            match self.socket.read()? {
                (2, bytes) => {
                    let (header, picture) = frame::parse(&bytes)?;
                    self.socket.send(&Request::Seen { frame: header.frame })?;
                    ensure!(!picture.is_empty(), "an empty picture");
                    if header.sequence == self.sequence && header.grade >= grade {
                        return Ok(picture.to_vec());
                    }
                }
                (1, text) => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    match Event::parse(&text) {
                        Some(Event::Slowed { .. }) => {
                            self.slowed.get_or_insert_with(Instant::now);
                        }
                        Some(Event::Ended { .. }) => bail!("{text}"),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }
}
