//! `vitrine doctor`: whether a server would start here, and what it would run with.

use std::path::Path;

use anyhow::{Result, bail};
use serde::Serialize;

use super::serve::CommonArguments;
use crate::print;
use crate::web::{self, Demo};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: CommonArguments,
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// What was looked at.
#[derive(Serialize)]
pub(crate) struct Finding {
    /// What.
    pub(crate) what: &'static str,
    /// Whether it is as it should be.
    pub(crate) ok: bool,
    /// What was found.
    pub(crate) found: String,
}

impl Finding {
    pub(crate) fn new(what: &'static str, found: Result<String>) -> Self {
        match found {
            Ok(found) => Self {
                what,
                ok: true,
                found,
            },
            Err(error) => Self {
                what,
                ok: false,
                found: format!("{error:#}"),
            },
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = arguments.common.config(String::new(), Demo::No)?;
    let mut findings = vec![
        Finding::new("data", Ok(config.place.data.display().to_string())),
        Finding::new("key", Ok(config.place.key_file.display().to_string())),
        Finding::new("outbox", Ok(config.outbox.display().to_string())),
        Finding::new("clock", clock()),
        Finding::new("disk", free_space(&config.place.data)),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    findings.extend(runtime.block_on(web::look_after(config)));
    if arguments.json {
        print::json(&findings)?;
    } else {
        for finding in &findings {
            let mark = if finding.ok { "ok" } else { "WRONG" };
            println!("{mark:<6} {:<10} {}", finding.what, finding.found);
        }
    }
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        1 => bail!("one thing is not as it should be"),
        count => bail!("{count} things are not as they should be"),
    }
}

/// A clock that was never set shows the beginning of 1970: links and grants would end at once.
fn clock() -> Result<String> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = domain::Timestamp::from_ms(i64::try_from(since.as_millis())?);
    if now.date().year() < 2026 {
        bail!("it shows {}, which has passed", now.to_rfc3339());
    }
    Ok(now.to_rfc3339())
}

/// Room on the disk of the data, or of the folder that they would be in.
fn free_space(data: &Path) -> Result<String> {
    const LEAST: u64 = 1 << 30;
    let there = data
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(there)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < LEAST {
        bail!("only {} MiB are free", free >> 20);
    }
    Ok(format!("{} GiB free", free >> 30))
}
