//! Names for objects that uploads write. Each must be on the catalog's list of pending objects before it is written,
//! and to put it there waits for the disk: so they are put there many at once, ahead of their use.

use catalog::System;
use domain::IngestId;
use tokio::sync::Mutex;
use vault::ObjectId;

use super::problem::Answer;
use super::secrets::random_id;

/// Names that are recorded at once.
const AT_ONCE: usize = 512;

/// Names of this process.
pub(crate) struct Names {
    /// The run that they are pending for.
    run: IngestId,
    free: Mutex<Vec<ObjectId>>,
}

impl Names {
    /// Begins a run: what it leaves behind when the process ends is swept by others.
    pub(crate) async fn begin(catalog: &System) -> anyhow::Result<Self> {
        let run = IngestId::from_random(*ObjectId::random()?.as_bytes());
        catalog.begin_ingest(run, &ingest::this_process()).await?;
        Ok(Self {
            run,
            free: Mutex::default(),
        })
    }

    /// The run.
    pub(crate) fn run(&self) -> IngestId {
        self.run
    }

    /// So many names that nothing has and that are on the list.
    pub(crate) async fn take(&self, catalog: &System, count: usize) -> Answer<Vec<ObjectId>> {
        let mut free = self.free.lock().await;
        if free.len() < count {
            let fresh = (0..count.max(AT_ONCE))
                .map(|_| ObjectId::random())
                .collect::<Result<Vec<_>, _>>()?;
            let names: Vec<String> = fresh.iter().map(ObjectId::to_string).collect();
            catalog.record_pending(self.run, &names).await?;
            free.extend(fresh);
        }
        let rest = free.len() - count;
        Ok(free.split_off(rest))
    }

    /// A new run for what is given up on the way.
    pub(crate) async fn finished_run(catalog: &System) -> Answer<IngestId> {
        let run = IngestId::from_random(random_id()?);
        catalog.begin_ingest(run, &ingest::this_process()).await?;
        Ok(run)
    }
}
