//! Personal data that does not print itself.

use serde::{Deserialize, Serialize};

/// A value about a person (protected health information). `Debug` and `Display` print nothing of it, so that it
/// cannot slip into a log or an error text; reading it is an explicit act.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phi<T>(T);

impl<T> Phi<T> {
    /// Wraps a value about a person.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the eyes that may see it.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> std::fmt::Debug for Phi<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phi(..)")
    }
}

impl<T> std::fmt::Display for Phi<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[withheld]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_printed() {
        let name = Phi::new("Doe^Jane".to_owned());
        assert!(!format!("{name:?} {name}").contains("Doe"));
        assert_eq!(name.reveal(), "Doe^Jane");
    }
}
