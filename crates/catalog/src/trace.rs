//! Whom a marked picture was shown to: the key that hidden marks are drawn from, and the sessions that a mark names.
//!
//! A mark says the first four bytes of a session's id. Sessions are in the log of events with who looked and when, so
//! that what a mark names is as sure as the log is.

use domain::{CaseId, SessionId, Timestamp, UserId};
use sqlx::Row;

use crate::database::System;
use crate::error::{CatalogError, unreadable};
use crate::sql::{id, maybe_id};

/// The name of the marks' key among those that belong to no row.
const KEY: &str = "marks";

/// A session whose pictures carry a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedSession {
    /// Which.
    pub session: SessionId,
    /// Who looked.
    pub viewer: Option<UserId>,
    /// The case that was looked at, where it was one.
    pub case: Option<CaseId>,
    /// Its first event.
    pub first: Timestamp,
    /// Its last one.
    pub last: Timestamp,
}

impl System {
    /// The secret that hidden marks are drawn from. It is under the root key, and made when it is asked for first.
    ///
    /// # Errors
    /// The database's, or that the root key is another.
    pub async fn mark_secret(&self) -> Result<[u8; 32], CatalogError> {
        let known = sqlx::query("SELECT name FROM keys WHERE name = $1")
            .bind(KEY)
            .fetch_optional(self.reader().await?.db())
            .await?;
        let keys = match known {
            Some(_) => self.reader().await?.keyring(KEY).await?,
            None => {
                let mut change = self.change().await?;
                let keys = change.keyring(KEY).await?;
                change.commit().await?;
                keys
            }
        };
        let halves = [&b"seed 1"[..], b"seed 2"].map(|part| keys.secret(b"hidden marks", part));
        halves
            .concat()
            .try_into()
            .map_err(|_| unreadable("key of the marks")("a secret has 32 bytes"))
    }

    /// The sessions whose ids begin with these four bytes, the latest first: one, unless two begin alike by chance.
    ///
    /// # Errors
    /// The database's.
    pub async fn sessions_marked(&self, mark: u32) -> Result<Vec<MarkedSession>, CatalogError> {
        let rows = sqlx::query(
            "SELECT session, actor, case_id, MIN(at_ms), MAX(at_ms) FROM events WHERE session LIKE $1 \
             GROUP BY session, actor, case_id ORDER BY 5 DESC",
        )
        .bind(format!("{mark:08x}-%"))
        .fetch_all(self.reader().await?.db())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(MarkedSession {
                    session: id(row, 0)?,
                    viewer: maybe_id(row, 1)?,
                    case: maybe_id(row, 2)?,
                    first: Timestamp::from_ms(row.try_get(3)?),
                    last: Timestamp::from_ms(row.try_get(4)?),
                })
            })
            .collect()
    }
}
