//! Items as they lie in memory: read from the vault, once for all who look.

use std::sync::Arc;
use std::time::Instant;

use domain::UserId;
use ingest::{Options, Place};
use streamer::{Exhibited, LoadError};

use super::super::app::App;
use super::super::content::Looking;
use super::super::problem::Answer;

/// Samples of a volume that are held at most: 512 x 512 x 1,024. A larger one is shown from a coarser level.
const SAMPLES: u64 = 1 << 28;

/// An item that one may look at.
pub(crate) async fn exhibited(
    app: &App,
    looking: Looking,
    uploader: UserId,
) -> Answer<Result<Arc<Exhibited>, LoadError>> {
    let item = looking.item();
    let (case, wrapped) = looking.key(&mut app.catalog.reader().await?).await?;
    let key = app.case_key(case, &wrapped)?;
    let runtime = tokio::runtime::Handle::current();
    let place = Place::of_case(
        app.catalog.system(),
        app.vault.clone(),
        runtime,
        (case, key),
        uploader,
    );
    let load = move || {
        let broken = |error: &dyn std::error::Error| LoadError::Broken(error.to_string());
        let program = std::env::current_exe().map_err(|error| broken(&error))?;
        let looked = place
            .look(item, SAMPLES, &Options::new(program))
            .map_err(|error| broken(&error))?;
        Exhibited::new(item, looked).ok_or(LoadError::Nothing)
    };
    Ok(app.live.library.get(item, Instant::now(), load).await)
}
