//! Plain pages for people who open the server in a browser: what runs here, and its API as a list. They load nothing
//! but their style and run no script.

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;

use super::app::{App, Demo};

/// What a server without the web client shows first.
pub(crate) fn home(demo: Demo) -> Router<App> {
    let home = page("Vitrine", &greeting(demo));
    Router::new().route("/", get(move || std::future::ready(Html(home.clone()))))
}

/// The pages of a server with this API.
pub(crate) fn pages(document: &OpenApi) -> Router<App> {
    let api = page("API of Vitrine", &list(document));
    Router::new()
        .route("/api", get(move || std::future::ready(Html(api.clone()))))
        .route("/style.css", get(style))
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

const STYLE: &str = "\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 3rem auto; padding: 0 1rem; color: #1c2430 }
h2 { margin-top: 2.5rem }
dt { font-family: ui-monospace, monospace; margin-top: .75rem }
dd { margin: 0 0 0 4.5rem; color: #4a5566 }
b { display: inline-block; width: 4.5rem; font-weight: 600 }
.demo { background: #fff3cd; padding: .75rem 1rem; border-radius: .5rem }
@media (prefers-color-scheme: dark) {
  body { background: #14181f; color: #e4e8ee } dd { color: #aab4c3 } a { color: #8ab4f8 }
  .demo { background: #4a3b00 }
}
";

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/style.css\">\
         <h1>{title}</h1>{body}</html>"
    )
}

fn greeting(demo: Demo) -> String {
    let notice = match demo {
        Demo::Yes => {
            "<p class=\"demo\">This is a demonstration: one factor is enough to sign in, and links of mails are \
             shown. Put nothing into it that is about a person.</p>"
        }
        Demo::No => "",
    };
    format!(
        "{notice}<p>Medical imaging cases: everyone may look, only the uploader may obtain a file.</p>\
         <p>For planning and communication, not for primary diagnosis.</p>\
         <ul><li><a href=\"/api\">What this server can be asked</a>\
         <li><a href=\"/api/openapi.json\">The same for programs (OpenAPI)</a>\
         <li><a href=\"/metrics\">How it is doing</a></ul>\
         <p>Version {}</p>",
        env!("CARGO_PKG_VERSION")
    )
}

/// All routes with their summaries, by their tags.
fn list(document: &OpenApi) -> String {
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut sections: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, described) in methods.as_object().into_iter().flatten() {
            let Some(summary) = described["summary"].as_str() else {
                continue;
            };
            let tag = described["tags"][0].as_str().unwrap_or("other");
            let row = format!(
                "<dt><b>{}</b> {}</dt><dd>{}</dd>",
                escaped(&method.to_uppercase()),
                escaped(path),
                escaped(summary)
            );
            match sections.iter_mut().find(|(name, _)| name == tag) {
                Some((_, rows)) => rows.push_str(&row),
                None => sections.push((tag.to_owned(), row)),
            }
        }
    }
    let sections = sections
        .iter()
        .map(|(tag, rows)| format!("<h2>{}</h2><dl>{rows}</dl>", escaped(tag)));
    format!(
        "<p>Signing in sets a cookie. Every answer that says no has a code and a sentence. Details are in the \
         <a href=\"/api/openapi.json\">OpenAPI document</a>.</p>{}",
        sections.collect::<String>()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
