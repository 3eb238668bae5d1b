//! Who is let in: so many sessions draw at once, the rest wait in line and are told so.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Places for sessions.
#[derive(Clone)]
pub struct Places(Arc<Inner>);

struct Inner {
    most: usize,
    line: Mutex<Line>,
    left: Notify,
}

#[derive(Default)]
struct Line {
    /// Sessions that have a place.
    inside: usize,
    /// The next number of the line.
    next: u64,
    waiting: BTreeSet<u64>,
}

/// A number in the line. Who drops it leaves the line.
pub struct Ticket {
    places: Places,
    number: u64,
}

/// A place. It is free again when this is dropped.
pub struct Place(Places);

impl Places {
    /// So many.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most: most.max(1),
            line: Mutex::default(),
            left: Notify::new(),
        }))
    }

    /// Takes a number.
    pub fn line_up(&self) -> Ticket {
        let mut line = self.lock();
        let number = line.next;
        line.next += 1;
        line.waiting.insert(number);
        Ticket {
            places: self.clone(),
            number,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// A place, where there is one for this number.
    ///
    /// # Errors
    /// How many wait before this one, with the number itself.
    pub fn enter(self) -> Result<Place, (u32, Self)> {
        let mut line = self.places.lock();
        let ahead = line
            .waiting
            .iter()
            .take_while(|&&number| number < self.number)
            .count();
        if line.inside + ahead < self.places.0.most {
            line.inside += 1;
            line.waiting.remove(&self.number);
            drop(line);
            return Ok(Place(self.places.clone()));
        }
        drop(line);
        Err((u32::try_from(ahead).unwrap_or(u32::MAX), self))
    }

    /// Waits until somebody left, or until that may have been missed: then it is tried again.
    pub async fn wait(&self) {
        let patience = std::time::Duration::from_millis(500);
        // Whether it was woken or not, the next step is the same.
        drop(tokio::time::timeout(patience, self.places.0.left.notified()).await);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.places.lock().waiting.remove(&self.number);
        self.places.0.left.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
        self.0.0.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_kept_in_order() {
        let places = Places::new(2);
        let enter = Ticket::enter;
        let first = enter(places.line_up()).ok().unwrap();
        let _second = enter(places.line_up()).ok().unwrap();
        let (ahead, third) = enter(places.line_up()).err().unwrap();
        assert_eq!(ahead, 0);
        let (ahead, fourth) = enter(places.line_up()).err().unwrap();
        assert_eq!(ahead, 1);
        drop(first);
        // Nobody overtakes.
        let (_, fourth) = enter(fourth).err().unwrap();
        let third = enter(third).ok().unwrap();
        let (ahead, fourth) = enter(fourth).err().unwrap();
        assert_eq!(ahead, 0);
        drop(third);
        assert!(enter(fourth).is_ok());
    }
}
