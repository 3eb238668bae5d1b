//! What can go wrong with the catalog.

/// An error of the catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The database cannot be opened.
    #[error("cannot open the catalog {place}")]
    Open {
        /// The file, or the server without a password.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A later version of the program has changed the database.
    #[error(
        "the catalog has schema {found}, this program knows schemas up to {known}: use the version that wrote it, or a later one"
    )]
    Newer {
        /// Schema of the database.
        found: i64,
        /// Latest schema of this program.
        known: i64,
    },
    /// The database was written before its schema was settled.
    #[error(
        "the catalog was written by a version from before the first release: ingest the files again into another folder"
    )]
    Early,
    /// The schema cannot be brought up to date.
    #[error("cannot prepare the schema of the catalog")]
    Schema(#[source] sqlx::migrate::MigrateError),
    /// The data were written under another root key.
    #[error("these data belong to root key {expected}, but root key {actual} was given")]
    WrongRootKey {
        /// Fingerprint of the key that the data were written under.
        expected: String,
        /// Fingerprint of the key at hand.
        actual: String,
    },
    /// No item whose id is, or begins with, this.
    #[error("no item {0}")]
    NoItem(String),
    /// More than one item whose id begins with this.
    #[error("several items begin with {0}")]
    AmbiguousItem(String),
    /// Nothing of that identifier.
    #[error("no {what}")]
    Missing {
        /// What was looked for.
        what: &'static str,
    },
    /// Something of that name or state is there already, or was changed meanwhile.
    #[error("{0}")]
    Conflict(&'static str),
    /// A personal value cannot be sealed or opened.
    #[error("a personal value cannot be sealed or opened")]
    Cipher(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A value in the database is not what this program writes.
    #[error("the catalog holds an unreadable {what}")]
    Unreadable {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What writes events has ended.
    #[error("the catalog takes no more events")]
    Stopped,
    /// The database failed.
    #[error("the catalog's database failed")]
    Database(#[from] sqlx::Error),
}

/// Makes of a parser's error the error about the value named `what`.
pub(crate) fn unreadable<E>(what: &'static str) -> impl FnOnce(E) -> CatalogError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |source| CatalogError::Unreadable {
        what,
        source: source.into(),
    }
}
