//! What people are told of: that something has happened which concerns them. It is kept until they have seen it, and
//! a while longer; what was said or seen stands where it always does, and is read there by who may.

use domain::{CaseId, NewsId, NewsKind, PatientId, Timestamp, UserId};
use policy::{Authorized, act};
use sqlx::Row;

use crate::database::{Change, Conn};
use crate::error::CatalogError;
use crate::people::moment;
use crate::sql::{count, id, maybe_id, random, word};
use crate::standing::AsSystem;

/// How long it is kept, milliseconds.
const KEPT_MS: i64 = 90 * 24 * 3_600_000;

/// Something that a person is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Who is told.
    pub user: UserId,
    /// What it is.
    pub what: NewsKind,
    /// Who brought it about, where somebody did.
    pub by: Option<UserId>,
    /// The case that it is about, where it is about one.
    pub case: Option<CaseId>,
    /// The patient whose record it is about, where it is about one.
    pub patient: Option<PatientId>,
    /// When it happened.
    pub at: Timestamp,
    /// When the person saw it.
    pub seen: Option<Timestamp>,
}

impl Conn {
    /// What a user was told of, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn news_of(
        &mut self,
        proof: Authorized<act::ReadAccount>,
        limit: u32,
    ) -> Result<Vec<News>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let rows = sqlx::query(
            "SELECT user_id, what, by_user, case_id, patient_id, created_ms, seen_ms FROM news WHERE user_id = $1 \
             ORDER BY created_ms DESC, id DESC LIMIT $2",
        )
        .bind(user.to_string())
        .bind(i64::from(limit))
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(News {
                    user: id(row, 0)?,
                    what: word(row, 1, NewsKind::from_word, "kind of news")?,
                    by: maybe_id(row, 2)?,
                    case: maybe_id(row, 3)?,
                    patient: maybe_id(row, 4)?,
                    at: Timestamp::from_ms(row.try_get(5)?),
                    seen: moment(row, 6)?,
                })
            })
            .collect()
    }
}

impl AsSystem<'_> {
    /// Keeps news; how many the user had not seen before it.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_news(&mut self, news: &News) -> Result<u64, CatalogError> {
        let user = news.user.to_string();
        sqlx::query("DELETE FROM news WHERE user_id = $1 AND created_ms < $2")
            .bind(&user)
            .bind(news.at.plus_ms(-KEPT_MS).ms())
            .execute(self.db())
            .await?;
        let unseen = sqlx::query("SELECT COUNT(*) FROM news WHERE user_id = $1 AND seen_ms IS NULL")
            .bind(&user)
            .fetch_one(self.db())
            .await?;
        let key = NewsId::from_random(random()?);
        sqlx::query(
            "INSERT INTO news (id, user_id, what, by_user, case_id, patient_id, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(key.to_string())
        .bind(&user)
        .bind(news.what.word())
        .bind(news.by.map(|user| user.to_string()))
        .bind(news.case.map(|case| case.to_string()))
        .bind(news.patient.map(|patient| patient.to_string()))
        .bind(news.at.ms())
        .execute(self.db())
        .await?;
        count(&unseen, 0)
    }
}

impl Change {
    /// A user has seen all news so far.
    ///
    /// # Errors
    /// The database's.
    pub async fn see_news(
        &mut self,
        proof: Authorized<act::EditAccount>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        sqlx::query("UPDATE news SET seen_ms = $1 WHERE user_id = $2 AND seen_ms IS NULL")
            .bind(now.ms())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
