//! `vitrine doctor`: whether a server would start here, and what it would run with.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use super::settings::Settings;
use crate::print;
use crate::web::{self, Config};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// What was looked at.
#[derive(Serialize)]
pub(crate) struct Finding {
    /// What.
    what: &'static str,
    /// Whether it is as it should be.
    ok: bool,
    /// What was found.
    found: String,
}

impl Finding {
    pub(crate) fn new(what: &'static str, found: Result<String>) -> Self {
        let (ok, found) = match found {
            Ok(found) => (true, found),
            Err(error) => (false, format!("{error:#}")),
        };
        Self { what, ok, found }
    }

    fn setting(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(what, Ok(found.into()))
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = arguments.settings.checked()?;
    let mut findings = settings(&config);
    findings.extend([
        Finding::new("clock", clock()),
        Finding::new("entropy", entropy()),
        Finding::new("disk", free_space(&config.place.data)),
        Finding::new("processor", processor()),
        Finding::new("keys apart", keys_apart(&config)),
    ]);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    findings.extend(runtime.block_on(web::look_after(config)));
    if arguments.json {
        print::json(&findings)?;
    } else {
        for finding in &findings {
            let mark = if finding.ok { "ok" } else { "WRONG" };
            println!("{mark:<6} {:<12} {}", finding.what, finding.found);
        }
    }
    match findings.iter().filter(|finding| !finding.ok).count() {
        0 => Ok(()),
        1 => bail!("one thing is not as it should be"),
        count => bail!("{count} things are not as they should be"),
    }
}

/// What the server would run with; passwords left out.
fn settings(config: &Config) -> Vec<Finding> {
    let place = &config.place;
    let objects = place.objects.clone();
    let catalog = match &config.database {
        // What stands before the host may be a password.
        Some(url) => format!(
            "postgres://{}",
            url.reveal().rsplit(['@', '/']).nth(1).unwrap_or_default()
        ),
        None => place.catalog_file().display().to_string(),
    };
    let tls = match &config.tls {
        Some(tls) => format!("certificates of {}", tls.certificate.display()),
        None => "none; where others reach it, a proxy must speak TLS".to_owned(),
    };
    let public_url = match config.public_url.as_str() {
        "" => "localhost and the port",
        url => url,
    };
    vec![
        Finding::setting("data", place.data.display().to_string()),
        Finding::setting("key file", place.key_file.display().to_string()),
        Finding::setting(
            "objects at",
            objects.unwrap_or_else(|| "the data folder".to_owned()),
        ),
        Finding::setting("catalog at", catalog),
        Finding::setting("listen", config.listen.to_string()),
        Finding::setting("public url", public_url),
        Finding::setting("tls", tls),
        Finding::setting("proxies", format!("{:?}", config.trusted_proxies)),
        Finding::setting("workers", config.workers.to_string()),
        Finding::setting("demo", format!("{:?}", config.demo)),
    ]
}

/// A clock that was never set shows the beginning of 1970: links and grants would end at once.
fn clock() -> Result<String> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = domain::Timestamp::from_ms(i64::try_from(since.as_millis())?);
    ensure!(
        now.date().year() >= 2026,
        "it shows {}, which has passed",
        now.to_rfc3339()
    );
    Ok(now.to_rfc3339())
}

/// Keys are drawn from the system's random numbers.
fn entropy() -> Result<String> {
    let (mut one, mut two) = ([0; 32], [0; 32]);
    getrandom::fill(&mut one).context("drawing random numbers")?;
    getrandom::fill(&mut two).context("drawing random numbers")?;
    ensure!(one != two, "the system gives the same random numbers twice");
    Ok("the system gives random numbers".to_owned())
}

fn processor() -> Result<String> {
    let threads = std::thread::available_parallelism()?;
    Ok(format!(
        "{threads} threads; pictures on the server are drawn by them"
    ))
}

/// A key beside what it opens is taken with it.
fn keys_apart(config: &Config) -> Result<String> {
    let folder = config.place.key_file.parent().unwrap_or(Path::new("."));
    ensure!(
        Some(folder) != config.place.data.parent() || folder == Path::new(""),
        "the key lies in the folder above the data: a copy of that folder has both"
    );
    Ok("the key lies in another folder than the data".to_owned())
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
    ensure!(free >= LEAST, "only {} MiB are free", free >> 20);
    Ok(format!("{} GiB free", free >> 30))
}
