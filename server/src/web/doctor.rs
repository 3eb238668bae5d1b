//! Looking after what a server needs before it starts.

use anyhow::{Context, Result, bail};
use catalog::SecondWall;
use domain::CaseId;
use vault::ObjectId;

use super::app::{App, Config};
use crate::commands::doctor::Finding;

/// Opens everything as a server would, and stores something and reads it back.
pub(crate) async fn look_after(config: Config) -> Vec<Finding> {
    let mut findings = vec![Finding::new(
        "policies",
        policy::self_check()
            .map(|()| "readable".to_owned())
            .map_err(|error| anyhow::anyhow!("{error}")),
    )];
    findings.push(Finding::new("mail", config.mail.check().await));
    let tls = config.tls.as_ref().map(|tls| {
        tls.read()
            .map(|_| "certificates and key belong together".to_owned())
    });
    findings.extend(tls.map(|tls| Finding::new("certificates", tls)));
    match App::open(config).await {
        Ok(app) => {
            let catalog = format!("{:?} under root key {}", app.catalog, app.root.fingerprint());
            findings.push(Finding::new("catalog", Ok(catalog)));
            findings.push(Finding::new("second wall", second_wall(&app).await));
            findings.push(Finding::new("objects", round_trip(&app).await));
            let ended = app.catalog.system().finish_ingest(app.names.run()).await;
            findings.push(Finding::new(
                "record",
                ended.map(|()| "writable".to_owned()).map_err(anyhow::Error::from),
            ));
        }
        Err(error) => findings.push(Finding::new("store", Err(error))),
    }
    findings
}

/// Whether the database itself keeps people's rows apart.
async fn second_wall(app: &App) -> Result<String> {
    match app.catalog.second_wall().await? {
        SecondWall::NotNeeded => Ok("SQLite: nobody but this program opens the catalog".to_owned()),
        SecondWall::Holds => Ok("PostgreSQL keeps the rows of people apart".to_owned()),
        SecondWall::Bypassed => bail!(
            "the role that connects is a superuser or has BYPASSRLS, so PostgreSQL does not keep the rows of people \
             apart: connect as an ordinary role that owns the database"
        ),
    }
}

/// Writes an object, makes it durable, reads it and removes it.
async fn round_trip(app: &App) -> Result<String> {
    let content = b"is anybody here";
    let id = ObjectId::random()?;
    let (key, _) = app
        .root
        .new_case_key(*CaseId::from_random(*id.as_bytes()).as_bytes())?;
    let stored = app.vault.put(&key, id, content).await?;
    app.vault.sync().await?;
    let read = app.vault.get(&key, &stored).await?;
    app.vault.delete(id).await?;
    (read == content)
        .then(|| "written, read and removed".to_owned())
        .context("what was read is not what was written")
}
