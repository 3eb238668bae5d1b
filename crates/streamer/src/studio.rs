//! Where pictures are drawn: on a bounded number of threads, in the order in which they were asked for.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::Semaphore;

/// Whether somebody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Something moves.
    Now,
    /// A better picture of what is at rest: never takes all threads.
    Later,
}

/// Threads that draw.
#[derive(Clone)]
pub struct Studio {
    pool: Arc<ThreadPool>,
    all: Arc<Semaphore>,
    later: Arc<Semaphore>,
}

impl Studio {
    /// One with `threads` threads, at least one.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let threads = threads.max(1);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|n| format!("draw-{n}"))
            .build()?;
        Ok(Self {
            pool: Arc::new(pool),
            all: Arc::new(Semaphore::new(threads)),
            later: Arc::new(Semaphore::new(threads.div_ceil(2))),
        })
    }

    /// Does `work` on these threads; `None` where it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _later = match urgency {
            Urgency::Later => Some(self.later.acquire().await.ok()?),
            Urgency::Now => None,
        };
        let _place = self.all.acquire().await.ok()?;
        let pool = Arc::clone(&self.pool);
        tokio::task::spawn_blocking(move || pool.install(work)).await.ok()
    }
}
