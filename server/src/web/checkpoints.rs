//! Checkpoints of the audit log where the database is not: the latest of each day, beside the objects. A database
//! that is put back to an older state, or whose end is cut off, is found out by them; and so is one whose past was
//! written anew, edge and all, and signed again by the server in good faith.

use catalog::System;
use ledger::Frontier;
use vault::Vault;

use super::problem::Answer;

/// Where they lie among the notes of the vault.
pub(crate) const FOLDER: &str = "checkpoints";

/// Keeps checkpoints.
#[derive(Default)]
pub(crate) struct Checkpoints {
    /// The edge of the log as this process has seen it last.
    seen: Frontier,
}

impl Checkpoints {
    /// Keeps the checkpoint over all events, if it has seen more than the one that is kept. One that does not
    /// continue what was kept is put beside it, so that an audit finds both.
    pub(crate) async fn keep(&mut self, catalog: &System, vault: &Vault) -> Answer<()> {
        let Some((head, text)) = catalog.checkpoint().await? else {
            return Ok(());
        };
        let day = head.at.date();
        let name = format!("{day}.txt");
        let kept = vault.note(FOLDER, &name).await?;
        let key = catalog.log_verifying_key().await?;
        let kept = match kept.map(|text| key.open(&text)) {
            None => None,
            Some(Ok(kept)) if kept.size >= head.size => return Ok(()),
            Some(Ok(kept)) => Some(kept),
            // A note that does not open is left to the audit, which reports it.
            Some(Err(_)) => return Ok(()),
        };
        if catalog.extends(&mut self.seen, kept.as_ref(), &head).await? {
            vault.put_note(FOLDER, &name, &text).await?;
        } else {
            tracing::error!(
                events = head.size,
                "the log does not continue what was signed before: audit it"
            );
            let beside = format!("{day}-{}.txt", head.size);
            vault.put_note(FOLDER, &beside, &text).await?;
        }
        Ok(vault.sync().await?)
    }
}
