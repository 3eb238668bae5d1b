//! What the words refuse.

/// A value or a change that the words of a case do not allow.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum DomainError {
    /// The calendar has no such day, or it is not written as `YYYY-MM-DD`.
    #[error("not a day of the years 1 to 9999, written as YYYY-MM-DD")]
    NoSuchDay,
    /// A text is longer than it may be.
    #[error("{what} is longer than {limit} bytes")]
    TooLong {
        /// What the text is.
        what: &'static str,
        /// Longest length, bytes of UTF-8.
        limit: usize,
    },
    /// A text that must say something is empty.
    #[error("{what} is empty")]
    Empty {
        /// What the text is.
        what: &'static str,
    },
    /// A text holds control characters.
    #[error("{what} holds control characters")]
    ControlCharacters {
        /// What the text is.
        what: &'static str,
    },
    /// A span of time ends before it begins.
    #[error("the end lies before the beginning")]
    EndBeforeBeginning,
    /// A change that the state at hand does not allow.
    #[error("cannot {change} what is {state}")]
    WrongState {
        /// The change, as a verb.
        change: &'static str,
        /// The state at hand, in its own word.
        state: &'static str,
    },
    /// The undo window has passed.
    #[error("it is too late to undo this")]
    TooLateToUndo,
    /// A legal hold forbids the change.
    #[error("a legal hold forbids this")]
    Held,
    /// The retention date has not come.
    #[error("the record must be kept until its retention date")]
    Retained,
    /// A coordinate is not a finite number, or lies out of bounds.
    #[error("a coordinate is not a finite number within {limit} of the origin")]
    Coordinate {
        /// Largest magnitude, in the unit of the space.
        limit: f64,
    },
    /// A geometry has too few or too many points.
    #[error("{kind} has {actual} points; it needs {least} to {most}")]
    PointCount {
        /// What it is.
        kind: &'static str,
        /// Points that it has.
        actual: usize,
        /// Fewest.
        least: usize,
        /// Most.
        most: usize,
    },
    /// A body height out of bounds.
    #[error("a body height is 20 to 280 centimeters")]
    Height,
}
