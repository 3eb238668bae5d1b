//! `vitrine trace`: whose session a copy of a picture comes from.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use catalog::{Catalog, MarkedSession};
use ingest::guard::{Arena, Limits, MAX_PICTURE_BYTES, Pool};
use serde_json::{Value, json};
use watermark::hidden::{Key, Reader, Reading};

use super::StoreArguments;
use crate::print;

#[derive(clap::Args)]
#[command(
    after_help = "The picture may be a screenshot, a JPEG, a part, or be scaled. Nothing is said by chance: \
    a picture without a mark of this server names nobody."
)]
pub(crate) struct Arguments {
    /// PNG, JPEG, WebP, TIFF or HEIF file
    picture: PathBuf,
    #[command(flatten)]
    store: StoreArguments,
    /// Write what was found as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the threads")?;
    runtime.block_on(async {
        let store = arguments.store.open().await?;
        let secret = store.catalog.system().mark_secret().await?;
        let reading = read(&Key::new(secret), &arguments.picture)?;
        let found = match reading {
            Reading::Found { code, .. } => sessions(&store.catalog, code.0).await?,
            Reading::Faint | Reading::Nothing => Vec::new(),
        };
        match arguments.json {
            true => print::json(&report(&reading, &found))?,
            false => tell(&reading, &found),
        }
        store.catalog.close().await;
        Ok(())
    })
}

/// The picture comes from strangers: a worker decodes it.
fn read(key: &Key, picture: &PathBuf) -> Result<Reading> {
    let file = File::open(picture).with_context(|| format!("opening {}", picture.display()))?;
    let program = std::env::current_exe().context("finding this program, to start its workers")?;
    let pool = Pool::new(program, vec![ingest::WORKER_COMMAND.into()], Limits::default());
    let arena = Arena::new(MAX_PICTURE_BYTES)?;
    let facts = pool
        .with(|worker| worker.photo(&arena, &file))
        .with_context(|| format!("reading {}", picture.display()))?;
    let pixels = usize::try_from(facts.picture_bytes())
        .ok()
        .and_then(|count| arena.bytes().get(..count))
        .context("the picture is not complete")?;
    Ok(Reader::new(key).read(pixels, facts.columns, facts.rows))
}

/// A session with who looked.
struct Viewing {
    session: MarkedSession,
    /// Name and e-mail address, where the account still is.
    viewer: Option<(String, String)>,
}

async fn sessions(catalog: &Catalog, mark: u32) -> Result<Vec<Viewing>> {
    let mut db = catalog.reader().await?;
    let mut all = Vec::new();
    for session in catalog.system().sessions_marked(mark).await? {
        let account = match session.viewer {
            Some(user) => db.facts().await?.account(user).await?,
            None => None,
        };
        let viewer = account.map(|account| {
            let (name, email) = (account.name.reveal(), account.email.reveal());
            (name.clone(), email.clone())
        });
        all.push(Viewing { session, viewer });
    }
    Ok(all)
}

fn tell(reading: &Reading, found: &[Viewing]) {
    match reading {
        Reading::Found {
            code,
            scale,
            evidence,
        } => {
            println!(
                "A mark of this server: {:08x} (evidence {evidence:.0}, scale {scale:.2})",
                code.0
            );
            if found.is_empty() {
                println!("No session in the record begins with it.");
            }
            if found.len() > 1 {
                println!("More than one session in the record begins with it:");
            }
        }
        Reading::Faint => println!("A mark of this server, too faint to say of which session."),
        Reading::Nothing => println!("No mark of this server was found."),
    }
    for Viewing { session, viewer } in found {
        println!("session  {}", session.session);
        if let Some((name, email)) = viewer {
            println!("viewer   {name} <{email}>");
        }
        if let Some(user) = session.viewer {
            println!("account  {user}");
        }
        if let Some(case) = session.case {
            println!("case     {case}");
        }
        println!("from     {}", session.first.to_rfc3339());
        println!("until    {}", session.last.to_rfc3339());
    }
}

fn report(reading: &Reading, found: &[Viewing]) -> Value {
    let sessions: Vec<Value> = found
        .iter()
        .map(|Viewing { session, viewer }| {
            json!({
                "session": session.session,
                "user": session.viewer,
                "name": viewer.as_ref().map(|(name, _)| name),
                "email": viewer.as_ref().map(|(_, email)| email),
                "case": session.case,
                "from": session.first.to_rfc3339(),
                "until": session.last.to_rfc3339(),
            })
        })
        .collect();
    match reading {
        Reading::Found {
            code,
            scale,
            evidence,
        } => json!({
            "mark": format!("{:08x}", code.0), "scale": scale, "evidence": evidence, "sessions": sessions,
        }),
        Reading::Faint => json!({ "mark": "faint", "sessions": sessions }),
        Reading::Nothing => json!({ "mark": null, "sessions": sessions }),
    }
}
