//! Problems in the language of who asks. Each is told in one English sentence where it is found; here that becomes one of
//! another language, by a catalog, on the way out.

use std::sync::LazyLock;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

/// English sentences and what they are in German; `{}` stands for what differs from time to time. The first that fits
/// counts.
static GERMAN: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let lines = include_str!("../../../assets/texts/problems.de.tsv").lines();
    lines.filter_map(|line| line.split_once('\t')).collect()
});
/// Bytes of a problem at most.
const PROBLEM_BYTES: usize = 64 << 10;

/// Says what went wrong in German where that is preferred.
pub(crate) async fn worded(request: Request, next: Next) -> Response {
    let is_german = prefers_german(request.headers());
    let response = next.run(request).await;
    let of_type = response.headers().get(header::CONTENT_TYPE);
    let is_problem = of_type.is_some_and(|of_type| of_type == "application/problem+json");
    if !(is_german && is_problem) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, PROBLEM_BYTES).await.unwrap_or_default();
    let bytes = match in_german(&bytes) {
        Some(bytes) => {
            let language = HeaderValue::from_static("de");
            parts.headers.insert(header::CONTENT_LANGUAGE, language);
            parts.headers.remove(header::CONTENT_LENGTH);
            bytes
        }
        None => bytes.to_vec(),
    };
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether German comes first (RFC 9110, 12.5.4); weights are not compared, browsers list what they prefer first.
fn prefers_german(headers: &HeaderMap) -> bool {
    let text = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    let first = text.and_then(|text| text.split([',', ';', '-']).next());
    first.is_some_and(|first| first.trim().eq_ignore_ascii_case("de"))
}

fn in_german(problem: &[u8]) -> Option<Vec<u8>> {
    let mut problem: Value = serde_json::from_slice(problem).ok()?;
    let title = problem.get_mut("title")?;
    let german = translated(title.as_str()?)?;
    *title = Value::String(german);
    serde_json::to_vec(&problem).ok()
}

fn translated(title: &str) -> Option<String> {
    GERMAN.iter().find_map(|(english, german)| {
        let said = parts_of(title, english)?;
        let mut said = said.into_iter();
        let mut pieces = german.split("{}");
        let mut out = pieces.next()?.to_owned();
        for piece in pieces {
            out.push_str(said.next()?);
            out.push_str(piece);
        }
        Some(out)
    })
}

/// What stands in the places of a pattern; `None` where the text is another.
fn parts_of<'a>(text: &'a str, pattern: &str) -> Option<Vec<&'a str>> {
    let mut pieces = pattern.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut parts = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let at = match (piece, pieces.peek()) {
            ("", None) => rest.len(),
            (_, None) => rest.strip_suffix(piece)?.len(),
            _ => rest.find(piece)?,
        };
        parts.push(&rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty().then_some(parts)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn sentences_are_found_with_what_differs_in_them() {
        let check = |english: &str, german: Option<&str>| {
            assert_eq!(translated(english).as_deref(), german, "{english}");
        };
        check(
            "The item is not in this case.",
            Some("Der Eintrag ist nicht in diesem Fall."),
        );
        check(
            "A set has at most 5000 files and 16 GiB.",
            Some("Ein Satz hat höchstens 5000 Dateien und 16 GiB."),
        );
        check("The diagnosis is empty.", Some("The diagnosis ist leer."));
        check(
            "offset is missing or is no number.",
            Some("offset fehlt oder ist keine Zahl."),
        );
        check("Nobody has said this.", None);
        check("The item is not in this case. Really.", None);
    }

    #[test]
    fn german_is_preferred_where_it_comes_first() {
        let check = |accepted: &'static str, wanted: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
            assert_eq!(prefers_german(&headers), wanted, "{accepted}");
        };
        for german in ["de", "de-AT,de;q=0.9,en;q=0.8", "DE;q=0.5", " de , en"] {
            check(german, true);
        }
        for other in ["en,de", "den", "*", ""] {
            check(other, false);
        }
        assert!(!prefers_german(&HeaderMap::new()));
    }

    /// The sentences that problems are made with in a source file, as patterns.
    fn told_in(source: &str) -> Vec<String> {
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        let makers = ["Problem::invalid(", "Problem::conflict(", "Problem::too_large("];
        let begins = makers
            .iter()
            .flat_map(|maker| source.match_indices(maker).map(|(at, _)| at + maker.len()));
        begins
            .filter_map(|at| {
                let rest = source[at..].trim_start();
                let rest = rest.strip_prefix("format!(").unwrap_or(rest).trim_start();
                let (text, _) = rest.strip_prefix('"')?.split_once('"')?;
                let mut pieces = text.split('{');
                let mut pattern = pieces.next()?.to_owned();
                for piece in pieces {
                    pattern.push_str("{}");
                    pattern.push_str(piece.split_once('}')?.1);
                }
                Some(pattern)
            })
            .collect()
    }

    #[test]
    fn every_sentence_is_in_the_catalog() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web")];
        let (mut found, mut missing) = (0, Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let told = told_in(&std::fs::read_to_string(&path).unwrap());
                    found += told.len();
                    missing.extend(told.into_iter().filter(|told| translated(told).is_none()));
                }
            }
        }
        assert!(found > 40, "{found} sentences");
        assert!(
            missing.is_empty(),
            "not in assets/texts/problems.de.tsv: {missing:#?}"
        );
    }
}
