//! Starting and stopping.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::app::{App, Config, Demo};
use super::client::Client;
use super::listen::{Peer, PlainListener, TlsFiles, TlsListener};
use super::problem::Problem;
use super::{
    accounts, agreements, artifacts, cases, client, codes, consent, describe, emergencies, events, exports,
    front, grants, guard, invitations, items, keeper, live, marks, metrics, news, own, passkeys, patients,
    practices, records, registrations, requests, signing, spaces, uploads, wording, worker,
};

/// JSON has at most a mebibyte; uploads have limits of their own.
const JSON_BYTES: usize = 1 << 20;
/// How long what is under way may take when the server stops.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(OpenApi)]
#[openapi(info(
    title = "Vitrine",
    description = "Medical imaging cases: everyone may look, only the uploader may obtain a file. \
                   Signing in sets a cookie; every change is checked for where it comes from."
))]
struct Document;

/// All routes, with the document that describes them.
fn api() -> (Router<App>, utoipa::openapi::OpenApi) {
    let small = OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(agreements::routes())
        .merge(own::routes())
        .merge(practices::routes())
        .merge(requests::routes())
        .merge(emergencies::routes())
        .merge(spaces::routes())
        .merge(signing::routes())
        .merge(codes::routes())
        .merge(passkeys::routes())
        .merge(invitations::routes())
        .merge(patients::routes())
        .merge(cases::routes())
        .merge(grants::routes())
        .merge(items::routes())
        .merge(registrations::routes())
        .merge(artifacts::routes())
        .merge(live::routes())
        .merge(marks::routes())
        .merge(news::routes())
        .merge(consent::routes())
        .merge(records::routes())
        .merge(exports::routes())
        .merge(events::routes())
        .layer(DefaultBodyLimit::max(JSON_BYTES));
    let large = uploads::routes().layer(DefaultBodyLimit::disable());
    let (routes, document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(small)
        .merge(large)
        .split_for_parts();
    (routes, describe::finished(document))
}

fn router(app: App, client: Option<Client>) -> Router {
    let (routes, document) = api();
    let routes = match &client {
        Some(_) => routes,
        None => routes.merge(front::home(app.config.demo)),
    };
    let client = client.map(Arc::new);
    routes
        .merge(front::pages(&document))
        .route(
            "/api/openapi.json",
            get(move || std::future::ready(Json(document.clone()))),
        )
        .route("/health", get(|| std::future::ready(StatusCode::NO_CONTENT)))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics::show))
        .fallback(move |request: Request| std::future::ready(client::answer(client.as_deref(), &request)))
        .method_not_allowed_fallback(|| {
            std::future::ready(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "This route does not take this method.",
            ))
        })
        .layer(middleware::from_fn_with_state(app.clone(), metrics::count))
        .layer(middleware::from_fn(guard::guard))
        .layer(middleware::from_fn(wording::worded))
        .with_state(app)
}

/// Whether the catalog answers.
async fn ready(State(app): State<App>) -> StatusCode {
    match app.catalog.reader().await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Serves until the process is told to stop. `told` is called once with the address that is listened at.
pub(crate) async fn serve(mut config: Config, told: impl FnOnce(&str, SocketAddr)) -> Result<()> {
    policy::self_check().context("reading the policies")?;
    let tls = config.tls.as_ref().map(TlsFiles::read).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listen = config.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening at {listen}"))?;
    let address = listener.local_addr()?;
    if config.public_url.is_empty() {
        // Browsers trust this name as they trust an encrypted connection.
        config.public_url = format!("{scheme}://localhost:{}", address.port());
    }
    let workers = config.workers;
    let demo = config.demo;
    let client = config.client.as_deref().map(Client::read).transpose()?;
    let app = App::open(config).await.context("opening the data")?;
    let (stopper, stop) = watch::channel(false);
    let mut working: Vec<_> = (0..workers)
        .map(|number| tokio::spawn(worker::work(app.clone(), number, stop.clone())))
        .collect();
    working.push(tokio::spawn(keeper::keep(app.clone(), stop.clone())));
    working.push(tokio::spawn(live::keep_rooms(app.clone(), stop.clone())));
    if demo == Demo::Yes {
        tracing::warn!(
            "this is a demonstration: one factor is enough to sign in, and links of mails are shown"
        );
    }
    told(scheme, address);
    let service = router(app.clone(), client).into_make_service_with_connect_info::<Peer>();
    let mut ending = stop.clone();
    let over = async move {
        // Nobody tells when the sender is gone: then it is over as well.
        drop(ending.wait_for(|stop| *stop).await);
    };
    let serving = match tls {
        None => {
            let serving = axum::serve(PlainListener(listener), service).with_graceful_shutdown(over);
            tokio::spawn(serving.into_future())
        }
        Some(tls) => {
            let listener = TlsListener::over(listener, tls)?;
            let serving = axum::serve(listener, service).with_graceful_shutdown(over);
            tokio::spawn(serving.into_future())
        }
    };
    asked_to_stop().await?;
    tracing::info!("stopping");
    stopper.send_replace(true);
    app.live.stop(PATIENCE).await;
    // Who listens to events stays for ever: the rest has time.
    drop(tokio::time::timeout(PATIENCE, serving).await);
    for work in working {
        drop(tokio::time::timeout(PATIENCE, work).await);
    }
    end(app).await
}

/// Works on jobs until the process is told to stop, and serves nobody.
pub(crate) async fn work(config: Config) -> Result<()> {
    let workers = config.workers.max(1);
    let app = App::open(config).await.context("opening the data")?;
    let (stopper, stop) = watch::channel(false);
    let working: Vec<_> = (0..workers)
        .map(|number| tokio::spawn(worker::work(app.clone(), number, stop.clone())))
        .collect();
    println!("working");
    asked_to_stop().await?;
    stopper.send_replace(true);
    for work in working {
        drop(tokio::time::timeout(PATIENCE, work).await);
    }
    end(app).await
}

async fn end(app: App) -> Result<()> {
    app.catalog.system().finish_ingest(app.names.run()).await?;
    app.catalog.clone().close().await;
    Ok(())
}

async fn asked_to_stop() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
