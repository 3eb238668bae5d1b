//! Folding SQLite's log of changes into the database beside those who write.
//!
//! Left to itself, SQLite folds its log inside the commit that makes it too long, and everybody who waits for the record
//! waits for that too. Here a connection of its own does so soon after commits, in the passive way, which waits for
//! nobody (<https://www.sqlite.org/c3ref/wal_checkpoint_v2.html>). The bound of [`PAGES`] stays for logs that outrun it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::AnyPool;
use tokio::sync::{Mutex, MutexGuard, mpsc};

use crate::database::Dialect;

/// Pages of the log, of 4096 bytes, at which a commit folds it itself.
pub(crate) const PAGES: u32 = 4096;

/// Commits that come within this time are folded together.
const PAUSE: Duration = Duration::from_millis(200);

/// Where commits are told; does nothing for PostgreSQL, which has no such log.
#[derive(Clone)]
pub(crate) struct Folding {
    told: Option<mpsc::Sender<()>>,
    /// SQLite refuses a second one at the same time.
    one: Arc<Mutex<()>>,
}

impl Folding {
    /// Starts to fold; ends when every clone of it is gone, or the pool is closed.
    pub(crate) fn start(pool: &AnyPool, dialect: Dialect) -> Self {
        let one = Arc::new(Mutex::new(()));
        if dialect == Dialect::Postgres {
            return Self { told: None, one };
        }
        let (told, mut commits) = mpsc::channel(1);
        let (pool, alone) = (pool.clone(), Arc::clone(&one));
        tokio::spawn(async move {
            while commits.recv().await.is_some() {
                tokio::time::sleep(PAUSE).await;
                if pool.is_closed() {
                    break;
                }
                let _alone = alone.lock().await;
                // What is not folded now is with the next commit, or when the database is closed.
                let folded = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                    .fetch_all(&pool)
                    .await;
                drop(folded);
            }
        });
        Self {
            told: Some(told),
            one,
        }
    }

    /// While this is held, nothing folds but its holder.
    pub(crate) async fn alone(&self) -> MutexGuard<'_, ()> {
        self.one.lock().await
    }

    /// Tells of a commit.
    pub(crate) fn tell(&self) {
        if let Some(told) = &self.told {
            // One that waits already speaks for this one too.
            let _: Result<_, _> = told.try_send(());
        }
    }
}
