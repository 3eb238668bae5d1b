//! Storing: a folder of files over HTTP, encrypted and durable, and one large file.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::client::{Client, Server};

/// Files of one request, and clients that send them.
pub(crate) const FILES_TOGETHER: usize = 50;
const CLIENTS: usize = 2;
/// Bytes of a piece of a large file.
const PIECE_BYTES: usize = 16 << 20;

/// A new case, and an open set of uploads into it.
pub(crate) fn open_set(client: &mut Client, practice: &str) -> Result<(String, String)> {
    let id = |answer: serde_json::Value| answer["id"].as_str().map(str::to_owned).context("an id");
    let patients = format!("/api/practices/{practice}/patients");
    let patient = id(client.post(&patients, &json!({ "name": "Bench, Person" }))?)?;
    let case = id(client.post(
        &format!("/api/patients/{patient}/cases"),
        &json!({ "title": "Bench" }),
    )?)?;
    let set = id(client.post(
        &format!("/api/cases/{case}/upload-sets"),
        &json!({ "biometric": "no" }),
    )?)?;
    Ok((case, set))
}

/// Sends all files of a folder, by two clients over kept connections, into an empty store each time.
pub(crate) fn folder(program: &Path, folder: &Path, runs: usize) -> Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name in UTF-8")?;
        files.push((name, std::fs::read(entry.path())?));
    }
    files.sort();
    let bodies: Vec<Vec<u8>> = files.chunks(FILES_TOGETHER).map(framed).collect::<Result<_>>()?;
    let mut times = Vec::new();
    // The first run warms the caches.
    for run in 0..=runs {
        let server = Server::start(program)?;
        let (mut client, practice) = server.practice()?;
        let (_, set) = open_set(&mut client, &practice)?;
        let path = format!("/api/upload-sets/{set}/many");
        let mut clients = (0..CLIENTS)
            .map(|_| server.client(client.cookie.as_deref()))
            .collect::<Result<Vec<_>>>()?;
        let start = Instant::now();
        std::thread::scope(|scope| {
            let sending: Vec<_> = clients
                .iter_mut()
                .enumerate()
                .map(|(number, client)| {
                    let own = bodies.iter().skip(number).step_by(CLIENTS);
                    let path = &path;
                    scope.spawn(move || {
                        for body in own {
                            let kind = [("content-type", "application/vnd.vitrine.files")];
                            client.call("POST", path, &kind, body)?;
                        }
                        Ok(())
                    })
                })
                .collect();
            sending.into_iter().try_for_each(|client| {
                client
                    .join()
                    .unwrap_or_else(|_| Err(anyhow::anyhow!("a client broke")))
            })
        })?;
        if run > 0 {
            times.push(start.elapsed().as_secs_f64());
        }
        let seen = client.get(&format!("/api/upload-sets/{set}"))?;
        ensure!(seen["files"] == files.len(), "{seen}");
    }
    let bytes: usize = files.iter().map(|(_, content)| content.len()).sum();
    let extra = format!("\"files\": {}, \"bytes\": {bytes}", files.len());
    benches::report("store over HTTP", &mut times, &extra);
    Ok(())
}

/// Files as one request takes them.
pub(crate) fn framed(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for (name, content) in files {
        body.extend_from_slice(&u32::try_from(name.len())?.to_le_bytes());
        body.extend_from_slice(&(content.len() as u64).to_le_bytes());
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(content);
    }
    Ok(body)
}

/// Sends one file of so many GiB in pieces, and tells the most memory that the server has had.
pub(crate) fn memory(program: &Path, gib: usize) -> Result<()> {
    let server = Server::start(program)?;
    let (mut client, practice) = server.practice()?;
    let (_, set) = open_set(&mut client, &practice)?;
    let len = gib << 30;
    let announced = client.call(
        "POST",
        &format!("/api/upload-sets/{set}/files"),
        &[
            ("tus-resumable", "1.0.0"),
            ("upload-length", &len.to_string()),
            ("upload-metadata", "filename bGFyZ2UuYmlu"),
        ],
        b"",
    )?;
    let place = announced.header("location").context("where it is")?.to_owned();
    let mut piece = vec![0; PIECE_BYTES];
    let mut state = 1_u64;
    for byte in &mut piece {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *byte = (state >> 56) as u8;
    }
    let start = Instant::now();
    for offset in (0..len).step_by(PIECE_BYTES) {
        let headers = [
            ("tus-resumable", "1.0.0"),
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", &offset.to_string()),
        ];
        client.call("PATCH", &place, &headers, &piece)?;
    }
    let secs = start.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({
            "task": "memory during an upload", "gib": gib, "secs": secs,
            "mb_per_s": len as f64 / 1e6 / secs, "peak_mb": server.peak_bytes()? as f64 / 1e6,
        })
    );
    Ok(())
}
