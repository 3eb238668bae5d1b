//! What an answer says when something could not be done: RFC 9457 problem details, with a stable code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request could not be answered.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: String,
    retry_after_secs: Option<u64>,
}

/// Problem details, as `application/problem+json`.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    /// HTTP status.
    status: u16,
    /// Stable name of the problem.
    code: &'static str,
    /// One sentence for people.
    title: String,
}

/// The result of a handler.
pub(crate) type Answer<T> = Result<T, Problem>;

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, title: impl Into<String>) -> Self {
        Self {
            status,
            code,
            title: title.into(),
            retry_after_secs: None,
        }
    }

    /// There is no such thing, or the asker may not know of it.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "You may not do this.")
    }

    pub(crate) fn sign_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign_in", "Sign in first.")
    }

    pub(crate) fn invalid(title: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", title)
    }

    pub(crate) fn conflict(title: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", title)
    }

    pub(crate) fn too_large(title: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", title)
    }

    pub(crate) fn too_many(retry_after_secs: u64) -> Self {
        Self {
            retry_after_secs: Some(retry_after_secs),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many",
                "That was too often. Wait a little.",
            )
        }
    }

    /// Something of the server's own went wrong: it goes to the log, and the asker learns only that it did.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            chain = format!("{chain}: {error}");
            cause = error.source();
        }
        tracing::error!(error = chain, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on the server.",
        )
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            status: self.status.as_u16(),
            code: self.code,
            title: self.title,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

impl From<catalog::CatalogError> for Problem {
    fn from(error: catalog::CatalogError) -> Self {
        match error {
            catalog::CatalogError::Conflict(what) => Self::conflict(sentence(what)),
            catalog::CatalogError::Missing { .. } | catalog::CatalogError::NoItem(_) => Self::not_found(),
            other => Self::internal(&other),
        }
    }
}

impl From<vault::VaultError> for Problem {
    fn from(error: vault::VaultError) -> Self {
        Self::internal(&error)
    }
}

impl From<domain::DomainError> for Problem {
    fn from(error: domain::DomainError) -> Self {
        use domain::DomainError as E;
        let text = sentence(&error.to_string());
        match error {
            E::WrongState { .. } | E::TooLateToUndo | E::Held | E::Retained => Self::conflict(text),
            _ => Self::invalid(text),
        }
    }
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => String::new(),
    }
}
