//! Many who look at one case and all point at once: how long it takes until each sees where the others point.
//!
//! A pointer says when it was sent. Of one who moves faster than others are told, the newest place counts; what is
//! left out is counted as well.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use domain::ItemId;
use geometry::DVec3;
use protocol::{Event, Pointed, Request, RoomEvent, RoomRequest};
use serde_json::json;

use crate::client::Server;
use crate::live::Socket;
use crate::uploads::open_set;

/// How often each points, and for how long; what is sent first is left out.
const EVERY: Duration = Duration::from_millis(50);
const LASTS: Duration = Duration::from_secs(12);
const WARM: Duration = Duration::from_secs(3);

/// Times a room of so many.
pub(crate) fn run(program: &Path, people: usize) -> Result<()> {
    let server = Server::start(program)?;
    let (mut client, practice) = server.practice()?;
    let (case, _) = open_set(&mut client, &practice)?;
    let cookie = client.cookie.as_deref().context("a cookie")?;
    let path = format!("/api/cases/{case}/live");
    let sockets: Vec<Socket> = (0..people)
        .map(|_| Socket::open(server.host(), &path, cookie))
        .collect::<Result<_>>()?;
    let mut senders: Vec<Socket> = sockets.iter().map(Socket::beside).collect::<Result<_>>()?;
    for sender in &mut senders {
        sender.send(&Request::Room(RoomRequest::Enter))?;
    }
    let cpu = server.cpu_secs()?;
    let began = Instant::now();
    let (sent, mut delays) = std::thread::scope(|scope| {
        let hearing: Vec<_> = sockets
            .into_iter()
            .map(|socket| scope.spawn(move || hear(socket, began)))
            .collect();
        let sent = point(senders, began)?;
        let mut delays = Vec::new();
        for one in hearing {
            let heard = one.join().map_err(|_| anyhow::anyhow!("somebody broke"))?;
            delays.extend(heard?);
        }
        Ok::<_, anyhow::Error>((sent, delays))
    })?;
    delays.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (delays.len().max(1) - 1) as f64 * share;
        delays
            .get(place.round() as usize)
            .map(|ms| (ms * 10.0).round() / 10.0)
    };
    let all = sent * people.saturating_sub(1);
    let line = json!({
        "task": "room", "people": people, "sent": sent,
        "delivered": delays.len(), "left_out": all.saturating_sub(delays.len()),
        "delivery_ms": { "median": at(0.5), "p95": at(0.95), "p99": at(0.99), "worst": at(1.0) },
        "cores_taken": (server.cpu_secs()? - cpu) / began.elapsed().as_secs_f64(),
    });
    println!("{line}");
    Ok(())
}

/// Everybody points, one after the other, again and again; tells how often after the beginning.
fn point(mut sockets: Vec<Socket>, began: Instant) -> Result<usize> {
    let count = sockets.len().max(1) as u32;
    let item = ItemId::from_random([7; 16]);
    let mut sent = 0;
    for turn in 0.. {
        for (n, socket) in sockets.iter_mut().enumerate() {
            let due = began + EVERY * turn + EVERY * n as u32 / count;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let now = began.elapsed();
            if now > LASTS {
                // Who hears stops by this.
                for socket in &mut sockets {
                    socket.send(&Request::Room(RoomRequest::Point { at: None }))?;
                }
                return Ok(sent);
            }
            sent += usize::from(now > WARM);
            let p_mm = DVec3::new(now.as_secs_f64() * 1e3, n as f64, 0.0);
            let at = Some(Pointed::Patient { item, p_mm });
            socket.send(&Request::Room(RoomRequest::Point { at }))?;
        }
    }
    Ok(sent)
}

/// How long each pointer of others has taken, milliseconds, until somebody points nowhere any more.
fn hear(mut socket: Socket, began: Instant) -> Result<Vec<f64>> {
    let mut delays = Vec::new();
    loop {
        let (_, bytes) = socket.read()?;
        let now_ms = began.elapsed().as_secs_f64() * 1e3;
        let Some(Event::Room(RoomEvent::Points { pointers })) =
            Event::parse(&String::from_utf8_lossy(&bytes))
        else {
            continue;
        };
        for (_, at) in pointers {
            match at {
                None => return Ok(delays),
                Some(Pointed::Patient { p_mm, .. }) if p_mm.x > WARM.as_secs_f64() * 1e3 => {
                    delays.push(now_ms - p_mm.x);
                }
                Some(_) => {}
            }
        }
    }
}
