//! Counts for those who run the server, in the text format of Prometheus (version 0.0.4). No path, name or identifier
//! is among them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;

/// Upper bounds of the classes of durations, seconds.
const BOUNDS: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// What is counted.
#[derive(Default)]
pub(crate) struct Metrics {
    /// Answers by the first digit of their status, from 1 to 5.
    answers: [AtomicU64; 5],
    /// Answers that took at most so long, and all.
    durations: [AtomicU64; BOUNDS.len() + 1],
    total_us: AtomicU64,
    /// Requests that are being answered.
    open: AtomicU64,
}

impl Metrics {
    fn answered(&self, status: u16, took: Duration) {
        if let Some(count) = self.answers.get(usize::from(status / 100).wrapping_sub(1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let secs = took.as_secs_f64();
        for (bound, count) in BOUNDS.iter().chain(&[f64::INFINITY]).zip(&self.durations) {
            if secs <= *bound {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.total_us.fetch_add(us, Ordering::Relaxed);
    }

    fn text(&self) -> String {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut text = String::from("# TYPE vitrine_http_answers_total counter\n");
        for (class, count) in (1..).zip(&self.answers) {
            line(
                &mut text,
                &format!("vitrine_http_answers_total{{status=\"{class}xx\"}}"),
                load(count),
            );
        }
        text.push_str("# TYPE vitrine_http_open gauge\n");
        line(&mut text, "vitrine_http_open", load(&self.open));
        text.push_str("# TYPE vitrine_http_seconds histogram\n");
        for (bound, count) in BOUNDS
            .iter()
            .map(f64::to_string)
            .chain(["+Inf".to_owned()])
            .zip(&self.durations)
        {
            line(
                &mut text,
                &format!("vitrine_http_seconds_bucket{{le=\"{bound}\"}}"),
                load(count),
            );
        }
        let all = self.durations.last().map(load).unwrap_or_default();
        line(&mut text, "vitrine_http_seconds_count", all);
        line(
            &mut text,
            "vitrine_http_seconds_sum",
            load(&self.total_us) as f64 / 1e6,
        );
        text
    }
}

fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    text.push_str(&format!("{name} {value}\n"));
}

/// Counts a request.
pub(crate) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    app.metrics.open.fetch_add(1, Ordering::Relaxed);
    let response = next.run(request).await;
    app.metrics.open.fetch_sub(1, Ordering::Relaxed);
    app.metrics.answered(response.status().as_u16(), start.elapsed());
    response
}

/// The counts.
pub(crate) async fn show(State(app): State<App>) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        app.metrics.text(),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_class_and_duration() {
        let metrics = Metrics::default();
        metrics.answered(204, Duration::from_millis(7));
        metrics.answered(404, Duration::from_secs(20));
        metrics.answered(0, Duration::ZERO);
        let text = metrics.text();
        for line in [
            "vitrine_http_answers_total{status=\"2xx\"} 1",
            "vitrine_http_answers_total{status=\"4xx\"} 1",
            "vitrine_http_answers_total{status=\"5xx\"} 0",
            "vitrine_http_seconds_bucket{le=\"0.005\"} 1",
            "vitrine_http_seconds_bucket{le=\"0.01\"} 2",
            "vitrine_http_seconds_bucket{le=\"10\"} 2",
            "vitrine_http_seconds_bucket{le=\"+Inf\"} 3",
            "vitrine_http_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
