//! `vitrine serve` and `vitrine worker`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::PlaceArguments;
use crate::web::{self, Config, Demo};

/// What the server and its workers are told.
#[derive(clap::Args)]
pub(crate) struct CommonArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// A postgres:// URL of the catalog, in place of a file in the data folder
    #[arg(long, value_name = "URL", env = "VITRINE_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Folder for mails, which nobody sends [default: the data folder's name and -outbox, beside it]
    #[arg(long, value_name = "DIR", env = "VITRINE_OUTBOX")]
    outbox: Option<PathBuf>,
    /// Jobs that this process works on at once; 0 where `vitrine worker` does
    #[arg(long, value_name = "COUNT", env = "VITRINE_WORKERS", default_value_t = 1)]
    workers: usize,
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: CommonArguments,
    /// Address and port to listen at; port 0 takes any that is free
    #[arg(
        long,
        value_name = "ADDR:PORT",
        env = "VITRINE_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,
    /// What the server is called from outside, such as `https://vitrine.example.org` [default: `http://localhost` and the port]
    #[arg(long, value_name = "URL", env = "VITRINE_PUBLIC_URL")]
    public_url: Option<String>,
    /// Show what it would be like: one factor is enough to sign in, and links of mails are shown
    #[arg(long, env = "VITRINE_DEMO")]
    demo: bool,
}

#[derive(clap::Args)]
pub(crate) struct WorkerArguments {
    #[command(flatten)]
    common: CommonArguments,
}

impl CommonArguments {
    pub(crate) fn config(&self, public_url: String, demo: Demo) -> Result<Config> {
        let place = self.place.config()?;
        let outbox = match &self.outbox {
            Some(folder) => folder.clone(),
            None => beside(&place.data)?,
        };
        Ok(Config {
            place,
            database: self.database.clone(),
            public_url,
            demo,
            outbox,
            workers: self.workers,
        })
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let public_url = arguments.public_url.as_deref().unwrap_or_default();
    let public_url = public_url.trim_end_matches('/').to_owned();
    let demo = if arguments.demo { Demo::Yes } else { Demo::No };
    let config = arguments.common.config(public_url, demo)?;
    start()?.block_on(web::serve(config, arguments.listen, |address| {
        println!("listening at http://{address}");
    }))
}

/// Takes jobs from the queue that a server elsewhere fills.
pub(crate) fn run_worker(arguments: &WorkerArguments) -> Result<()> {
    let config = arguments.common.config(String::new(), Demo::No)?;
    start()?.block_on(web::work(config))
}

/// The log on standard error, and the threads.
fn start() -> Result<tokio::runtime::Runtime> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("VITRINE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the threads of the server")
}

fn beside(data: &std::path::Path) -> Result<PathBuf> {
    let mut name = data
        .file_name()
        .context("the data folder has no name; say where mails go with --outbox")?
        .to_owned();
    name.push("-outbox");
    Ok(data.with_file_name(name))
}
