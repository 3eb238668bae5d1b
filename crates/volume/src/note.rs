//! What was found about a volume, in the form that travels with it.

use serde::{Deserialize, Serialize};

/// How much a finding matters to someone who measures or judges by the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing in the picture is less true for it.
    Info,
    /// Something in the picture is interpolated, missing or assumed.
    Caution,
    /// The picture must not be measured.
    Danger,
}

/// One finding as it is kept with a volume and shown to a person.
///
/// The rooms that find things have typed findings of their own; a note is their lasting form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Stable name in snake case, such as `missing_slices`.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence for a person, with numbers and units.
    pub message: String,
    /// The numbers behind the sentence by name, each with its unit in the name (`gap_mm`).
    pub values: Vec<(String, f64)>,
}
