//! What stands around every route: who may change things from where, and what browsers may do with answers.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Sent with every answer. Pages may load nothing but what this server has.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; \
         font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=31536000; includeSubDomains",
    ),
];

/// What is read of the body of a request that is refused.
const DRAINED_BYTES: usize = 64 << 10;
const DRAINED_WITHIN: Duration = Duration::from_secs(1);

/// Refuses changes that another site's page asks for, and answers with [`HEADERS`].
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let mut response = if is_cross_site_change(request.method(), request.headers()) {
        // A connection that closes on what was not read yet may take the answer with it.
        let drained = axum::body::to_bytes(request.into_body(), DRAINED_BYTES);
        let _ = tokio::time::timeout(DRAINED_WITHIN, drained).await;
        Problem::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "Another site's page asked for this.",
        )
        .into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser says that the page which asks for a change is not this server's. Programs say neither where they
/// come from; they carry no cookie that they were not given.
fn is_cross_site_change(method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return false;
    }
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return !matches!(site, "same-origin" | "none");
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").map(|(_, origin)| origin) != Some(host),
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_from_own_pages_only() {
        let cases = [
            (Method::GET, vec![("sec-fetch-site", "cross-site")], false),
            (Method::POST, vec![("sec-fetch-site", "cross-site")], true),
            (Method::POST, vec![("sec-fetch-site", "same-site")], true),
            (Method::POST, vec![("sec-fetch-site", "same-origin")], false),
            (
                Method::DELETE,
                vec![("origin", "https://a.example"), ("host", "a.example")],
                false,
            ),
            (
                Method::DELETE,
                vec![("origin", "https://b.example"), ("host", "a.example")],
                true,
            ),
            (Method::PUT, vec![("origin", "null"), ("host", "a.example")], true),
            (Method::PATCH, vec![("host", "a.example")], false),
        ];
        for (method, pairs, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in &pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(
                is_cross_site_change(&method, &headers),
                expected,
                "{method} {pairs:?}"
            );
        }
    }
}
