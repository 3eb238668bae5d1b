//! As whom a transaction stands before the database: PostgreSQL lets through the rows that go with it
//! (`migrations/0009_walls.sql`), and none where it is not said. SQLite has no such wall.

use std::ops::{Deref, DerefMut};

use domain::UserId;
use sqlx::{AnyConnection, Row};

use crate::database::{Catalog, Change, Conn, Dialect};
use crate::error::CatalogError;

/// Whose rows a transaction sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// What deciding needs, to be read.
    Facts,
    /// Everything.
    System,
    /// What a person may know of.
    Person(UserId),
}

impl Standing {
    /// The word for it in `vitrine.who`.
    pub(crate) fn word(self) -> String {
        match self {
            Self::Facts => "facts".to_owned(),
            Self::System => "system".to_owned(),
            Self::Person(user) => user.to_string(),
        }
    }

    /// A statement that begins a transaction of PostgreSQL's, with what says whose rows it sees.
    pub(crate) fn begin(self, begin: &str) -> String {
        // Words and hexadecimal digits: nothing in them ends the text.
        format!("{begin}; SET LOCAL vitrine.who = '{}'", self.word())
    }
}

/// Reads what is known before a question is answered: how people stand to things, what they are called, who is signed
/// in. No content, and nothing is written.
pub struct Facts<'c>(&'c mut Conn);

impl<'c> Facts<'c> {
    pub(crate) fn over(conn: &'c mut Conn) -> Self {
        Self(conn)
    }

    pub(crate) fn conn(&mut self) -> &mut Conn {
        self.0
    }

    pub(crate) fn db(&mut self) -> &mut AnyConnection {
        self.0.db()
    }
}

impl std::fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Facts(..)")
    }
}

/// Writes what a person brings about beyond what the person may see, and what is done before anybody is known.
pub struct AsSystem<'c>(&'c mut Change);

impl<'c> AsSystem<'c> {
    pub(crate) fn over(change: &'c mut Change) -> Self {
        Self(change)
    }
}

impl Deref for AsSystem<'_> {
    type Target = Change;

    fn deref(&self) -> &Change {
        self.0
    }
}

impl DerefMut for AsSystem<'_> {
    fn deref_mut(&mut self) -> &mut Change {
        self.0
    }
}

impl std::fmt::Debug for AsSystem<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AsSystem(..)")
    }
}

/// Whether the database itself keeps people's rows apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondWall {
    /// SQLite: nobody but this program opens its file.
    NotNeeded,
    /// PostgreSQL does.
    Holds,
    /// PostgreSQL would, but not for a role that is a superuser or has `BYPASSRLS`.
    Bypassed,
}

impl Catalog {
    /// Whether the database keeps people's rows apart for the role that this program has there.
    ///
    /// # Errors
    /// The database's.
    pub async fn second_wall(&self) -> Result<SecondWall, CatalogError> {
        if self.dialect == Dialect::Sqlite {
            return Ok(SecondWall::NotNeeded);
        }
        let row = sqlx::query(
            "SELECT COUNT(*) FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(match row.try_get::<i64, _>(0)? {
            0 => SecondWall::Holds,
            _ => SecondWall::Bypassed,
        })
    }
}
