//! Reads the whole log and says whether it is what was signed.

use ledger::{Audit, Findings, Where};

use crate::database::System;
use crate::error::CatalogError;

/// Events that are read at once.
const AT_ONCE: u32 = 5_000;

impl System {
    /// Audits the log against its own head and against checkpoints that were kept elsewhere, each with its name. They
    /// are read before this is called: what the log has grown by since is in the head.
    ///
    /// # Errors
    /// The database's, or that the key of the log does not open.
    pub async fn audit(&self, kept: &[(String, String)]) -> Result<Findings, CatalogError> {
        let key = self.log_verifying_key().await?;
        let mut db = self.snapshot().await?;
        let mut checkpoints = Vec::new();
        let mut forged = Vec::new();
        let head = db.log_head().await?;
        let of_database = head.iter().map(|text| (Where::Database, "of the database", text));
        let elsewhere = kept
            .iter()
            .map(|(name, text)| (Where::Elsewhere, name.as_str(), text));
        for (place, name, text) in elsewhere.chain(of_database) {
            match key.open(text) {
                Ok(checkpoint) => checkpoints.push((place, checkpoint)),
                Err(_) => forged.push(name),
            }
        }
        let mut audit = Audit::new(checkpoints);
        for name in forged {
            audit.forged_checkpoint(name);
        }
        let mut from = i64::MIN;
        loop {
            let leaves = db.leaves(from, AT_ONCE).await?;
            for leaf in &leaves {
                // No event has a place below none: this one takes the last, and all others are out of order.
                let sequence = u64::try_from(leaf.place).unwrap_or(u64::MAX);
                let event = audit.event(sequence, &leaf.bytes, leaf.hash);
                if event.is_some_and(|event| !leaf.is_index_of(&event)) || leaf.hash.is_none() {
                    audit.misindexed(sequence);
                }
            }
            match leaves.last().and_then(|last| last.place.checked_add(1)) {
                Some(next) => from = next,
                None => return Ok(audit.finish()),
            }
        }
    }
}
