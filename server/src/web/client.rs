//! The web client: files that were built, served from memory as they are.
//!
//! Every file but the page itself has the hash of its content in its name and is kept by browsers for a year; a file
//! `NAME.br` or `NAME.gz` is the same compressed. Addresses that name no file are pages of the client.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

const PAGE: &str = "index.html";

/// The files of the client by their names.
pub(crate) struct Client {
    files: HashMap<String, File>,
    page: File,
}

#[derive(Clone)]
struct File {
    media: &'static str,
    plain: Bytes,
    /// Compressed, by the names of the codings in the order of preference.
    coded: Vec<(&'static str, Bytes)>,
}

/// Codings (RFC 9110, section 8.4.1; RFC 7932) with the endings of their files, the smallest first.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

impl Client {
    /// Reads a folder as `./x build` makes it.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let mut files = HashMap::new();
        let list = std::fs::read_dir(folder)
            .with_context(|| format!("reading the web client in {}", folder.display()))?;
        for entry in list {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if CODINGS.iter().any(|(_, ending)| name.ends_with(ending)) || !path.is_file() {
                continue;
            }
            let read = |path: &Path| {
                std::fs::read(path)
                    .map(Bytes::from)
                    .with_context(|| format!("reading {}", path.display()))
            };
            let mut coded = Vec::new();
            for (coding, ending) in CODINGS {
                let compressed = path.with_file_name(format!("{name}{ending}"));
                if compressed.is_file() {
                    coded.push((coding, read(&compressed)?));
                }
            }
            let file = File {
                media: media(name),
                plain: read(&path)?,
                coded,
            };
            files.insert(name.to_owned(), file);
        }
        ensure!(
            files.contains_key(PAGE),
            "{} holds no {PAGE}; build the web client with ./x build",
            folder.display()
        );
        let page = files.remove(PAGE).context("the page was there")?;
        Ok(Self { files, page })
    }
}

fn media(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("tsv") => "text/tab-separated-values; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

/// Answers what no route does: with a file or a page of the client where there is one.
pub(crate) fn answer(client: Option<&Client>, request: &Request) -> Response {
    let path = request.uri().path();
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD)
        && path != "/api"
        && !path.starts_with("/api/");
    let Some(client) = client.filter(|_| is_page) else {
        return Problem::not_found().into_response();
    };
    let name = path.trim_start_matches('/');
    let (file, keep) = match client.files.get(name) {
        Some(file) => (file, "public, max-age=31536000, immutable"),
        // What has an ending is a file, and missing.
        None if name.rsplit('/').next().is_some_and(|last| last.contains('.')) => {
            return Problem::not_found().into_response();
        }
        // A page that the browser keeps when it is left would show who is ill to whoever goes back after a sign-out, and
        // takes the memory of the next one.
        None => (&client.page, "no-store"),
    };
    let accepted = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let takes = |coding: &str| {
        accepted.split(',').any(|one| {
            let mut parts = one.split(';').map(str::trim);
            parts.next() == Some(coding) && !parts.any(|weight| weight == "q=0")
        })
    };
    let chosen = file.coded.iter().find(|(coding, _)| takes(coding));
    let (body, coding) = match chosen {
        Some((coding, bytes)) => (bytes.clone(), Some(*coding)),
        None => (file.plain.clone(), None),
    };
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if is_viewer(path) {
        headers.insert(
            HeaderName::from_static("cross-origin-embedder-policy"),
            HeaderValue::from_static("require-corp"),
        );
    }
    response
}

/// Whether a page is the case viewer. A browser gives a page that is isolated a process of its own (HTML standard,
/// "cross-origin opener policies"): a series has all of its memory, and what the page before it took is given back.
fn is_viewer(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("cases"), Some(_), of_case) => of_case == Some("view"),
        (Some("captures"), Some(capture), _) => !capture.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(client: &Client, method: Method, path: &str, coding: Option<&'static str>) -> Response {
        let mut request = Request::new(axum::body::Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        if let Some(coding) = coding {
            let value = HeaderValue::from_static(coding);
            request.headers_mut().insert(header::ACCEPT_ENCODING, value);
        }
        answer(Some(client), &request)
    }

    #[test]
    fn files_are_kept_pages_are_not_and_the_rest_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("index.html", "<!doctype html>"),
            ("a-1.js", "1"),
            ("a-1.js.gz", "z"),
            ("a-1.js.br", "b"),
            ("b-2.js", "2"),
            ("b-2.js.gz", "z"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let client = Client::read(folder.path()).unwrap();
        let kept = asked(&client, Method::GET, "/a-1.js", None);
        assert_eq!(
            kept.headers()[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert!(!kept.headers().contains_key(header::CONTENT_ENCODING));
        for (path, taken, coding) in [
            ("/a-1.js", "gzip, deflate, br, zstd", Some("br")),
            ("/a-1.js", "br;q=0, gzip", Some("gzip")),
            ("/b-2.js", "br, gzip;q=0.5", Some("gzip")),
            ("/b-2.js", "zstd", None),
        ] {
            let small = asked(&client, Method::GET, path, Some(taken));
            let got = small.headers().get(header::CONTENT_ENCODING);
            assert_eq!(got.map(|value| value.to_str().unwrap()), coding, "{path} {taken}");
        }
        for page in ["/", "/cases/5", "/link/verify"] {
            let answer = asked(&client, Method::GET, page, None);
            assert_eq!(answer.status(), StatusCode::OK, "{page}");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        }
        for (method, path) in [
            (Method::GET, "/api/nothing"),
            (Method::GET, "/b.js"),
            (Method::GET, "/a-1.js.gz"),
            (Method::POST, "/"),
        ] {
            assert_eq!(
                asked(&client, method, path, None).status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
        assert!(Client::read(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn the_viewer_is_isolated_and_no_other_page() {
        for (path, is_isolated) in [
            ("/", false),
            ("/cases/a", false),
            ("/cases/a/items", false),
            ("/captures", false),
            ("/captures/", false),
            ("/cases/a/view", true),
            ("/cases/a/view/b", true),
            ("/captures/a", true),
        ] {
            assert_eq!(is_viewer(path), is_isolated, "{path}");
        }
    }
}
