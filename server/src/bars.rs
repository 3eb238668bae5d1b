//! Progress bars of a terminal.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use ingest::{Event, Progress, Step};

/// One line a step, drawn on standard error where that is a terminal.
pub(crate) struct Bars {
    all: MultiProgress,
    lines: Mutex<Vec<(Step, ProgressBar)>>,
}

impl Bars {
    pub(crate) fn new() -> Self {
        Self {
            all: MultiProgress::new(),
            lines: Mutex::default(),
        }
    }

    fn line(&self, step: Step) -> Option<ProgressBar> {
        let lines = self
            .lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        lines
            .iter()
            .find(|(known, _)| *known == step)
            .map(|(_, bar)| bar.clone())
    }

    fn start(&self, step: Step, count: u64, bytes: u64) {
        let mut lines = self
            .lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, bar)) = lines.iter().find(|(known, _)| *known == step) {
            bar.inc_length(bytes.max(count));
            return;
        }
        let bar = self.all.add(ProgressBar::new(bytes.max(count)));
        bar.set_style(style(if bytes > 0 {
            Measure::Bytes
        } else {
            Measure::Things
        }));
        bar.set_prefix(title(step));
        bar.enable_steady_tick(Duration::from_millis(120));
        lines.push((step, bar));
    }
}

impl Progress for Bars {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Started { step, count, bytes } => self.start(step, count, bytes),
            Event::Advanced { step, count, bytes } => {
                if let Some(bar) = self.line(step) {
                    bar.inc(if bytes > 0 { bytes } else { count });
                }
            }
            Event::Item { name } => {
                if let Some(bar) = self.line(Step::Build) {
                    bar.set_message(name.to_owned());
                }
            }
            Event::Refused { file, reason } => {
                // Nothing can be done about a terminal that is gone.
                let _ = self.all.println(format!("  refused {file}: {reason}"));
            }
            Event::Finished { step } => {
                if let Some(bar) = self.line(step) {
                    bar.finish();
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Measure {
    Bytes,
    Things,
}

fn style(measure: Measure) -> ProgressStyle {
    let template = match measure {
        Measure::Bytes => {
            "{prefix:>10} {bar:32.cyan/238} {bytes:>10} of {total_bytes:<10} {binary_bytes_per_sec:>12}  {eta:>4} left  {msg}"
        }
        Measure::Things => "{prefix:>10} {bar:32.cyan/238} {pos:>10} of {len:<10} {msg}",
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸━")
}

fn title(step: Step) -> &'static str {
    match step {
        Step::Find => "looking",
        Step::Read => "reading",
        Step::Group => "sorting",
        Step::Build => "building",
        Step::Surfaces => "surfaces",
        Step::Thumbnail => "thumbnails",
        Step::Record => "recording",
    }
}

/// Bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}
