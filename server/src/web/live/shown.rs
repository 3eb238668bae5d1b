//! Items as they lie in memory: read from the vault, once for all who look.

use std::sync::Arc;
use std::time::Instant;

use domain::UserId;
use geometry::DAffine3;
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
    let place = place(app, looking, uploader).await?;
    let load = move || {
        let options = options()?;
        let looked = place
            .look(item, SAMPLES, &options)
            .map_err(|error| broken(&error))?;
        Exhibited::new(item, looked).ok_or(LoadError::Nothing)
    };
    Ok(app.live.library.get(item, Instant::now(), load).await)
}

/// The surfaces of an item that one may look at, where they lie in the space of another.
pub(crate) async fn exhibited_beside(
    app: &App,
    looking: Looking,
    uploader: UserId,
    space_from_item: DAffine3,
) -> Answer<Result<Arc<Exhibited>, LoadError>> {
    let item = looking.item();
    let place = place(app, looking, uploader).await?;
    let load = move || {
        let options = options()?;
        let surfaces = place
            .look_at_surfaces(item, &options)
            .map_err(|error| broken(&error))?;
        Exhibited::beside(item, surfaces, &space_from_item).ok_or(LoadError::Nothing)
    };
    let library = &app.live.library;
    Ok(library
        .get_beside(item, &space_from_item, Instant::now(), load)
        .await)
}

fn broken(error: &dyn std::error::Error) -> LoadError {
    LoadError::Broken(error.to_string())
}

fn options() -> Result<Options, LoadError> {
    let program = std::env::current_exe().map_err(|error| broken(&error))?;
    Ok(Options::new(program))
}

/// Where what was made of an item lies.
async fn place(app: &App, looking: Looking, uploader: UserId) -> Answer<Place> {
    let (case, wrapped) = looking.key(&mut app.catalog.reader().await?).await?;
    let key = app.case_key(case, &wrapped)?;
    let runtime = tokio::runtime::Handle::current();
    Ok(Place::of_case(
        app.catalog.system(),
        app.vault.clone(),
        runtime,
        (case, key),
        uploader,
    ))
}
