//! `vitrine serve` and `vitrine worker`.

use anyhow::{Context, Result};

use super::settings::Settings;
use crate::web;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = arguments.settings.checked()?;
    start()?.block_on(web::serve(config, |scheme, address| {
        println!("listening at {scheme}://{address}");
    }))
}

/// Takes jobs from the queue that a server elsewhere fills.
pub(crate) fn run_worker(arguments: &Arguments) -> Result<()> {
    let config = arguments.settings.checked()?;
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
