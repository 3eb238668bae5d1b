//! `vitrine audit`: whether the record is what it was, and the record taken out.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use catalog::{Catalog, Scope};
use domain::{PatientId, PracticeId};
use ledger::{Findings, Observer};
use vault::Vault;

use super::StoreArguments;
use crate::store::Store;
use crate::web::{CHECKPOINTS, account_for_disclosures, fhir_lines, now};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Read the whole record and say whether any event was changed, removed, reordered or inserted, and whether the
    /// database is an older one than it was
    Verify {
        #[command(flatten)]
        store: StoreArguments,
        /// Write what was found as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a practice's audit trail as FHIR AuditEvents (IHE BALP), one a line, the latest first
    Export {
        #[command(flatten)]
        store: StoreArguments,
        /// The practice
        #[arg(long, value_name = "ID")]
        practice: PracticeId,
        /// File to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Account for the disclosures of one patient's record over the last six years (45 CFR 164.528), as JSON
    Disclosures {
        #[command(flatten)]
        store: StoreArguments,
        /// The patient
        #[arg(long, value_name = "ID")]
        patient: PatientId,
    },
}

/// Events that are read at once.
const AT_ONCE: u32 = 5_000;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the threads")?;
    runtime.block_on(async {
        match &arguments.command {
            Command::Verify { store, json } => {
                let Store { catalog, vault, .. } = store.open().await?;
                verify(&catalog, &vault, *json).await
            }
            Command::Export { store, practice, out } => {
                let Store { catalog, .. } = store.open().await?;
                export(&catalog, *practice, out.as_deref()).await
            }
            Command::Disclosures { store, patient } => {
                let Store { catalog, .. } = store.open().await?;
                let lines = account_for_disclosures(&catalog, *patient, now()).await?;
                println!("{}", serde_json::to_string_pretty(&lines)?);
                Ok(())
            }
        }
    })
}

async fn verify(catalog: &Catalog, vault: &Vault, is_json: bool) -> Result<()> {
    let kept = vault.notes(CHECKPOINTS).await?;
    let findings = catalog.system().audit(&kept).await?;
    report(&findings, &catalog.log_verifying_key().await?.to_text(), is_json)
}

fn report(findings: &Findings, key: &str, is_json: bool) -> Result<()> {
    if is_json {
        let faults: Vec<String> = findings.faults.iter().map(ToString::to_string).collect();
        println!(
            "{}",
            serde_json::json!({
                "events": findings.events,
                "checkpoints": findings.checkpoints,
                "root": findings.root.to_string(),
                "key": key,
                "faults": faults,
            })
        );
    } else {
        println!("events       {}", findings.events);
        println!("checkpoints  {} agree", findings.checkpoints);
        println!("root         {}", findings.root);
        println!("key          {key}");
        for fault in &findings.faults {
            println!("FAULT        {fault}");
        }
    }
    match findings.faults.len() {
        0 => Ok(()),
        count => bail!("the record is not what was signed: {count} faults"),
    }
}

async fn export(catalog: &Catalog, practice: PracticeId, out: Option<&Path>) -> Result<()> {
    let observer = Observer {
        log: catalog.log_name().await?,
    };
    let mut out: Box<dyn Write> = match out {
        Some(path) => Box::new(std::io::BufWriter::new(
            std::fs::File::create(path).with_context(|| format!("making {}", path.display()))?,
        )),
        None => Box::new(std::io::stdout().lock()),
    };
    let system = catalog.system();
    let mut before = u64::MAX;
    loop {
        let page = system
            .events(Scope::Practice(practice), Some(before), AT_ONCE)
            .await?;
        let Some(last) = page.last() else { break };
        before = last.sequence;
        out.write_all(fhir_lines(&observer, &page).as_bytes())?;
    }
    out.flush().context("writing the trail")
}
