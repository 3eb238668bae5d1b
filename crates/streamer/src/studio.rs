//! Where pictures are drawn: on a bounded number of threads, in the order in which they were asked for.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

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

    /// Does `work` on these threads; `None` where it panicked. It goes on whether or not somebody asks for what came of it,
    /// so that nobody who waits for a place waits for another's attention; what was not begun ends with the future.
    pub async fn run<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let studio = self.clone();
        let task = tokio::spawn(async move {
            let later = match urgency {
                Urgency::Later => Some(studio.later.acquire_owned().await.ok()?),
                Urgency::Now => None,
            };
            let place = studio.all.acquire_owned().await.ok()?;
            let work = move || {
                let done = studio.pool.install(work);
                drop((later, place));
                done
            };
            tokio::task::spawn_blocking(work).await.ok()
        });
        let _ended = Ended(task.abort_handle());
        task.await.ok().flatten()
    }
}

/// Ends a task with itself.
struct Ended(AbortHandle);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_anothers_attention() {
        let studio = Studio::new(1).unwrap();
        // Both want the one place, and neither is looked after again.
        let mut first = Box::pin(studio.run(Urgency::Now, || 1));
        let mut second = Box::pin(studio.run(Urgency::Later, || 2));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        let third = studio.run(Urgency::Later, || 3);
        let third = tokio::time::timeout(Duration::from_secs(60), third).await;
        assert_eq!(third, Ok(Some(3)));
        assert_eq!((first.await, second.await), (Some(1), Some(2)));
    }

    #[tokio::test]
    async fn what_panics_comes_to_nothing_and_the_rest_goes_on() {
        let studio = Studio::new(1).unwrap();
        assert_eq!(
            studio.run(Urgency::Now, || panic!("on purpose")).await,
            None::<()>
        );
        assert_eq!(studio.run(Urgency::Now, || 7).await, Some(7));
    }
}
