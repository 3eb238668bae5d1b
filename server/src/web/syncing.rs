//! Waiting for the disk together: one sync covers everything that was written before it began.

use std::sync::Arc;

use tokio::sync::Mutex;
use vault::Vault;

use super::problem::{Answer, Problem};

/// Syncs a vault for many who wait.
pub(crate) struct Syncer {
    vault: Vault,
    /// How many syncs have begun and ended; whoever holds it syncs.
    turn: Arc<Mutex<u64>>,
    begun: std::sync::atomic::AtomicU64,
}

impl Syncer {
    pub(crate) fn new(vault: Vault) -> Self {
        Self {
            vault,
            turn: Arc::default(),
            begun: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// Returns when all that was written before survives loss of power. Who comes while another syncs waits for its
    /// end; the first of those syncs for all of them.
    pub(crate) async fn sync(&self) -> Answer<()> {
        use std::sync::atomic::Ordering::SeqCst;
        // A sync that begins from now on covers what was written; those that began before may not.
        let needed = self.begun.load(SeqCst) + 1;
        let mut ended = self.turn.lock().await;
        if *ended >= needed {
            return Ok(());
        }
        let number = self.begun.fetch_add(1, SeqCst) + 1;
        self.vault
            .sync()
            .await
            .map_err(|error| Problem::internal(&error))?;
        *ended = number;
        Ok(())
    }
}

impl std::fmt::Debug for Syncer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Syncer")
    }
}
