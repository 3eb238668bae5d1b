//! Which items lie in memory: each once, shared by all sessions, within a budget.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::ItemId;
use geometry::DAffine3;
use tokio::sync::OnceCell;

use crate::exhibit::Exhibited;

/// For how long something lies in memory that nobody looks at.
const IDLE: Duration = Duration::from_secs(600);

/// Why an item cannot be looked at.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// There is nothing in it to see.
    #[error("the item has nothing to look at")]
    Nothing,
    /// What is stored of it cannot be read.
    #[error("the item could not be read: {0}")]
    Broken(String),
}

type Cell = Arc<OnceCell<Arc<Exhibited>>>;

struct Entry {
    cell: Cell,
    used: Instant,
}

/// Something in memory: an item as it is, or its surfaces where a motion has brought them, told by the bits of its numbers.
type Key = (ItemId, Option<[u64; 16]>);

/// Items in memory.
pub struct Library {
    budget_bytes: u64,
    shelf: Mutex<HashMap<Key, Entry>>,
}

impl Library {
    /// One whose items take at most `budget_bytes`, and more only where sessions look at more at once.
    pub fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            shelf: Mutex::default(),
        }
    }

    /// An item, which `load` reads on a thread of its own where it does not lie here. Those who ask for the same item
    /// meanwhile wait for it.
    ///
    /// # Errors
    /// What `load` says; the next who asks tries again.
    pub async fn get(
        &self,
        item: ItemId,
        now: Instant,
        load: impl FnOnce() -> Result<Exhibited, LoadError> + Send + 'static,
    ) -> Result<Arc<Exhibited>, LoadError> {
        self.find((item, None), now, load).await
    }

    /// The surfaces of an item where `space_from_item` brings them, as [`Library::get`] gives items.
    ///
    /// # Errors
    /// What `load` says; the next who asks tries again.
    pub async fn get_beside(
        &self,
        item: ItemId,
        space_from_item: &DAffine3,
        now: Instant,
        load: impl FnOnce() -> Result<Exhibited, LoadError> + Send + 'static,
    ) -> Result<Arc<Exhibited>, LoadError> {
        let bits = domain::rows_of(space_from_item).map(f64::to_bits);
        self.find((item, Some(bits)), now, load).await
    }

    async fn find(
        &self,
        key: Key,
        now: Instant,
        load: impl FnOnce() -> Result<Exhibited, LoadError> + Send + 'static,
    ) -> Result<Arc<Exhibited>, LoadError> {
        let cell = {
            let mut shelf = self.lock();
            let entry = shelf.entry(key).or_insert_with(|| Entry {
                cell: Cell::default(),
                used: now,
            });
            entry.used = now;
            Arc::clone(&entry.cell)
        };
        let read = || async {
            let loaded = tokio::task::spawn_blocking(load).await;
            let loaded = loaded.map_err(|_| LoadError::Broken("reading it ended early".to_owned()))?;
            loaded.map(Arc::new)
        };
        let found = cell.get_or_try_init(read).await.map(Arc::clone);
        drop(cell);
        self.make_room(now);
        found
    }

    /// Takes what nobody looks at, the longest unused first, until the rest fits; and what nobody looked at for long.
    pub fn make_room(&self, now: Instant) {
        let mut shelf = self.lock();
        shelf.retain(|_, entry| entry.is_used() || now.saturating_duration_since(entry.used) < IDLE);
        let mut taken: u64 = shelf.values().map(Entry::bytes).sum();
        while taken > self.budget_bytes {
            let unused = shelf.iter().filter(|(_, entry)| !entry.is_used());
            let Some(oldest) = unused.min_by_key(|(_, entry)| entry.used).map(|(item, _)| *item) else {
                break;
            };
            if let Some(entry) = shelf.remove(&oldest) {
                taken = taken.saturating_sub(entry.bytes());
            }
        }
    }

    /// Lets go of an item, as when it was deleted; who looks at it keeps it until they may no more.
    pub fn forget(&self, item: ItemId) {
        self.lock().retain(|(known, _), _| *known != item);
    }

    /// Bytes that lie here.
    pub fn resident_bytes(&self) -> u64 {
        self.lock().values().map(Entry::bytes).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Whether somebody looks at it, or waits for it.
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.cell) > 1 || self.cell.get().is_some_and(|found| Arc::strong_count(found) > 1)
    }

    fn bytes(&self) -> u64 {
        self.cell.get().map_or(0, |found| found.resident_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exhibit::tests::ball;

    #[tokio::test]
    async fn items_are_read_once_and_the_oldest_unused_goes_first() {
        let one = ball(ItemId::from_random([1; 16])).resident_bytes();
        let library = Library::new(one * 5 / 2);
        let start = Instant::now();
        let item = |n: u8| ItemId::from_random([n; 16]);
        let get = async |n: u8, secs: u64| {
            let now = start + Duration::from_secs(secs);
            library.get(item(n), now, move || Ok(ball(item(n)))).await
        };
        let first = get(1, 0).await.unwrap();
        let is_same = async || {
            let again = library.get(item(1), start, || panic!("it is there"));
            Arc::ptr_eq(&first, &again.await.unwrap())
        };
        assert!(is_same().await);
        get(2, 1).await.unwrap();
        get(3, 2).await.unwrap();
        // The first is looked at, the second is not and is the oldest of those.
        assert_eq!(library.resident_bytes(), one * 2);
        assert!(is_same().await);
        drop(first);
        library.make_room(start + IDLE + Duration::from_secs(3));
        assert_eq!(library.resident_bytes(), 0);
    }

    #[tokio::test]
    async fn what_could_not_be_read_is_tried_again() {
        let library = Library::new(1 << 30);
        let item = ItemId::from_random([4; 16]);
        let now = Instant::now();
        assert!(library.get(item, now, || Err(LoadError::Nothing)).await.is_err());
        assert!(library.get(item, now, move || Ok(ball(item))).await.is_ok());
    }
}
