//! What was seen of items: by whom, on which day, how much of it. For whoever owns an item.

use std::collections::BTreeSet;

use domain::{Timestamp, UserId};
use policy::{Authorized, act};
use sqlx::Row;

use crate::database::{Change, Conn, Dialect};
use crate::error::{CatalogError, unreadable};
use crate::right;
use crate::sql::{count, id, signed};

/// What somebody has seen of an item since it was last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSights {
    /// When it is told; its day in UTC is the one that it is added to.
    pub at: Timestamp,
    /// Numbers of distinct slices.
    pub slices: BTreeSet<u32>,
    /// Numbers of distinct directions.
    pub directions: BTreeSet<u32>,
    /// Pictures.
    pub frames: u64,
    /// Answered questions.
    pub questions: u64,
    /// Sweeps that were noticed.
    pub sweeps: u64,
    /// For how long, milliseconds.
    pub looked_ms: u64,
}

/// What somebody saw of an item on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sights {
    /// Who.
    pub viewer: UserId,
    /// The day in UTC, such as `2026-11-22`.
    pub day: String,
    /// When it was told first and last.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// For how long, milliseconds.
    pub looked_ms: u64,
    /// Pictures.
    pub frames: u64,
    /// Answered questions.
    pub questions: u64,
    /// Sweeps that were noticed.
    pub sweeps: u64,
    /// Distinct slices.
    pub slices: u64,
    /// Distinct directions.
    pub directions: u64,
}

impl Conn {
    /// What was seen of an item, the latest day first.
    ///
    /// # Errors
    /// The database's.
    pub async fn sights_of(
        &mut self,
        proof: Authorized<act::RenderLocally>,
        limit: u32,
    ) -> Result<Vec<Sights>, CatalogError> {
        let item = self.under(&proof, Authorized::on).await?;
        let rows = sqlx::query(
            "SELECT viewer, day, first_ms, last_ms, looked_ms, frames, questions, sweeps, slices, directions \
             FROM sights WHERE item_id = $1 ORDER BY day DESC, last_ms DESC, viewer LIMIT $2",
        )
        .bind(item.to_string())
        .bind(i64::from(limit))
        .fetch_all(self.db())
        .await?;
        let distinct = |bytes: &[u8]| (bytes.len() / 4) as u64;
        rows.iter()
            .map(|row| {
                Ok(Sights {
                    viewer: id(row, 0)?,
                    day: row.try_get(1)?,
                    first: Timestamp::from_ms(row.try_get(2)?),
                    last: Timestamp::from_ms(row.try_get(3)?),
                    looked_ms: count(row, 4)?,
                    frames: count(row, 5)?,
                    questions: count(row, 6)?,
                    sweeps: count(row, 7)?,
                    slices: distinct(row.try_get(8)?),
                    directions: distinct(row.try_get(9)?),
                })
            })
            .collect()
    }
}

impl Change {
    /// Adds what was seen. What was seen before that day counts once.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_sights<A: right::Look>(
        &mut self,
        proof: Authorized<A>,
        seen: &NewSights,
    ) -> Result<(), CatalogError> {
        let item = self.under(&proof, A::id).await?;
        let (item, viewer, day) = (
            item.to_string(),
            proof.user().to_string(),
            seen.at.date().to_string(),
        );
        sqlx::query(
            "INSERT INTO sights (item_id, viewer, day, first_ms, last_ms, looked_ms, frames, questions, sweeps, slices, \
             directions) VALUES ($1, $2, $3, $4, $4, 0, 0, 0, 0, $5, $5) ON CONFLICT DO NOTHING",
        )
        .bind(&item)
        .bind(&viewer)
        .bind(&day)
        .bind(seen.at.ms())
        .bind(&[][..])
        .execute(self.db())
        .await?;
        let known = "SELECT slices, directions FROM sights WHERE item_id = $1 AND viewer = $2 AND day = $3";
        // SQLite has one writer anyway.
        let statement = match self.dialect {
            Dialect::Sqlite => known.to_owned(),
            Dialect::Postgres => format!("{known} FOR UPDATE"),
        };
        let row = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(&item)
            .bind(&viewer)
            .bind(&day)
            .fetch_one(self.db())
            .await?;
        let slices = joined(row.try_get(0)?, &seen.slices)?;
        let directions = joined(row.try_get(1)?, &seen.directions)?;
        sqlx::query(
            "UPDATE sights SET last_ms = $4, looked_ms = looked_ms + $5, frames = frames + $6, \
             questions = questions + $7, sweeps = sweeps + $8, slices = $9, directions = $10 \
             WHERE item_id = $1 AND viewer = $2 AND day = $3",
        )
        .bind(item)
        .bind(viewer)
        .bind(day)
        .bind(seen.at.ms())
        .bind(signed(seen.looked_ms))
        .bind(signed(seen.frames))
        .bind(signed(seen.questions))
        .bind(signed(seen.sweeps))
        .bind(slices)
        .bind(directions)
        .execute(self.db())
        .await?;
        Ok(())
    }
}

/// Numbers that are kept, with others among them, in order.
fn joined(kept: &[u8], more: &BTreeSet<u32>) -> Result<Vec<u8>, CatalogError> {
    let (numbers, rest) = kept.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(unreadable("numbers of what was seen")(
            "they have four bytes each",
        ));
    }
    let mut all: BTreeSet<u32> = numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
    all.extend(more);
    Ok(all.into_iter().flat_map(u32::to_le_bytes).collect())
}
