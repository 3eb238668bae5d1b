//! What people add to a case: annotations with threads of comments, saved views, tours. Each is a chain of versions;
//! none is ever overwritten, and what is withdrawn keeps its history.

use domain::{AnnotationId, CaseId, CommentId, ItemId, Timestamp, TourId, UserId, ViewId};
use policy::{Authorized, act};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::database::{Change, Conn};
use crate::error::CatalogError;
use crate::people::moment;
use crate::read::case_keys;
use crate::right::{self, Spot};
use crate::sql::{count, id, maybe_id, signed};
use crate::standing::Facts;

/// Which mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarkId {
    /// An annotation.
    Annotation(AnnotationId),
    /// A comment in the thread of an annotation.
    Comment(CommentId),
    /// A saved view.
    View(ViewId),
    /// An ordered list of views.
    Tour(TourId),
}

/// What a mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// An annotation.
    Annotation,
    /// A comment in the thread of an annotation.
    Comment,
    /// A saved view.
    View,
    /// An ordered list of views.
    Tour,
}

impl MarkKind {
    fn word(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Comment => "comment",
            Self::View => "view",
            Self::Tour => "tour",
        }
    }
}

impl MarkId {
    /// What it is of.
    pub fn kind(self) -> MarkKind {
        match self {
            Self::Annotation(_) => MarkKind::Annotation,
            Self::Comment(_) => MarkKind::Comment,
            Self::View(_) => MarkKind::View,
            Self::Tour(_) => MarkKind::Tour,
        }
    }

    fn as_bytes(&self) -> &[u8; 16] {
        match self {
            Self::Annotation(id) => id.as_bytes(),
            Self::Comment(id) => id.as_bytes(),
            Self::View(id) => id.as_bytes(),
            Self::Tour(id) => id.as_bytes(),
        }
    }
}

impl std::fmt::Display for MarkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Annotation(id) => id.fmt(f),
            Self::Comment(id) => id.fmt(f),
            Self::View(id) => id.fmt(f),
            Self::Tour(id) => id.fmt(f),
        }
    }
}

/// A mark in its present version.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its id.
    pub id: MarkId,
    /// The case that it is in.
    pub case: CaseId,
    /// The item that it is on.
    pub item: Option<ItemId>,
    /// The annotation that a comment belongs to.
    pub parent: Option<AnnotationId>,
    /// Who made it.
    pub author: UserId,
    /// Goes up with every amendment, from 1.
    pub version: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was withdrawn.
    pub withdrawn: Option<Timestamp>,
    /// Geometry and words, in words of the server's.
    pub body: Value,
}

/// A version of a mark.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkVersion {
    /// Which, from 1.
    pub version: u64,
    /// Who wrote it.
    pub author: UserId,
    /// When.
    pub written: Timestamp,
    /// What it said.
    pub body: Value,
}

const COLUMNS: &str = "SELECT m.id, m.kind, m.case_id, c.wrapped_key, m.item_id, m.parent_id, m.author, m.version, \
                       m.created_ms, m.withdrawn_ms, v.sealed FROM marks m JOIN cases c ON c.id = m.case_id \
                       JOIN mark_versions v ON v.mark_id = m.id AND v.version = m.version";

impl Conn {
    /// The marks of a kind in a case that were not withdrawn, the oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn marks_of(
        &mut self,
        proof: Authorized<act::SeeAnnotations>,
        kind: MarkKind,
    ) -> Result<Vec<Mark>, CatalogError> {
        let case = self.under(&proof, Authorized::on).await?;
        let sql = format!(
            "{COLUMNS} WHERE m.case_id = $1 AND m.kind = $2 AND m.withdrawn_ms IS NULL ORDER BY m.created_ms, m.id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(case.to_string())
            .bind(kind.word())
            .fetch_all(self.db())
            .await?;
        rows.iter().map(|row| mark_from(self, row)).collect()
    }

    /// A mark, withdrawn or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn mark<A: right::ReadMark>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Option<Mark>, CatalogError> {
        let mark = self.under(&proof, A::id).await?;
        let row = sqlx::query(AssertSqlSafe(format!(
            "{COLUMNS} WHERE m.id = $1 AND m.kind = $2"
        )))
        .bind(mark.to_string())
        .bind(mark.kind().word())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| mark_from(self, &row)).transpose()
    }

    /// A mark in the case that one may add marks to: one that was sent before.
    ///
    /// # Errors
    /// The database's.
    pub async fn added_mark<A: right::AddMark>(
        &mut self,
        proof: Authorized<A>,
        mark: MarkId,
    ) -> Result<Option<Mark>, CatalogError> {
        let spot = self.under(&proof, A::id).await?;
        let case = self.case_of_spot(spot).await?;
        let sql = format!("{COLUMNS} WHERE m.id = $1 AND m.kind = $2 AND m.case_id = $3");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(mark.to_string())
            .bind(mark.kind().word())
            .bind(case.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| mark_from(self, &row)).transpose()
    }

    /// The case that something is added to.
    async fn case_of_spot(&mut self, spot: Spot) -> Result<CaseId, CatalogError> {
        match spot {
            Spot::Case(case) => Ok(case),
            Spot::Thread(annotation) => {
                let row = sqlx::query("SELECT case_id FROM marks WHERE id = $1")
                    .bind(annotation.to_string())
                    .fetch_optional(self.db())
                    .await?
                    .ok_or(CatalogError::Missing { what: "annotation" })?;
                id(&row, 0)
            }
        }
    }

    /// All that a mark in a case ever said, the first version first.
    ///
    /// # Errors
    /// The database's.
    pub async fn mark_history(
        &mut self,
        proof: Authorized<act::ReadAnnotationHistory>,
        mark: MarkId,
    ) -> Result<Vec<MarkVersion>, CatalogError> {
        let case = self.under(&proof, Authorized::on).await?;
        self.versions(mark, Some(case)).await
    }

    /// All that a mark ever said, for who is about to amend it, the first version first.
    ///
    /// # Errors
    /// The database's.
    pub async fn mark_versions<A: right::AmendMark>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Vec<MarkVersion>, CatalogError> {
        let mark = self.under(&proof, A::id).await?;
        self.versions(mark, None).await
    }

    async fn versions(
        &mut self,
        mark: MarkId,
        case: Option<CaseId>,
    ) -> Result<Vec<MarkVersion>, CatalogError> {
        let rows = sqlx::query(
            "SELECT v.version, v.author, v.written_ms, v.sealed, m.case_id, c.wrapped_key FROM mark_versions v \
             JOIN marks m ON m.id = v.mark_id JOIN cases c ON c.id = m.case_id WHERE v.mark_id = $1 \
             AND m.case_id = COALESCE($2, m.case_id) ORDER BY v.version",
        )
        .bind(mark.to_string())
        .bind(case.map(|case| case.to_string()))
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| {
                let keys = case_keys(&*self.cipher, row, 4, 5)?;
                Ok(MarkVersion {
                    version: count(row, 0)?,
                    author: id(row, 1)?,
                    written: Timestamp::from_ms(row.try_get(2)?),
                    body: keys.unseal("marks", mark.as_bytes(), row.try_get(3)?)?,
                })
            })
            .collect()
    }
}

/// Where a mark is, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkPlace {
    /// The case that it is in.
    pub case: CaseId,
    /// Who made it.
    pub author: UserId,
    /// When it was withdrawn.
    pub withdrawn: Option<Timestamp>,
}

impl Facts<'_> {
    /// Where a mark is, and whose, withdrawn or not; nothing of what it says.
    ///
    /// # Errors
    /// The database's.
    pub async fn mark_place(&mut self, mark: MarkId) -> Result<Option<MarkPlace>, CatalogError> {
        let row = sqlx::query("SELECT case_id, author, withdrawn_ms FROM marks WHERE id = $1 AND kind = $2")
            .bind(mark.to_string())
            .bind(mark.kind().word())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| {
            Ok(MarkPlace {
                case: id(&row, 0)?,
                author: id(&row, 1)?,
                withdrawn: moment(&row, 2)?,
            })
        })
        .transpose()
    }
}

impl Change {
    /// Adds a mark in its first version, to the case or the thread of the proof and in the name of its user.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where there is one with its id.
    pub async fn add_mark<A: right::AddMark>(
        &mut self,
        proof: Authorized<A>,
        mark: &Mark,
    ) -> Result<(), CatalogError> {
        let spot = self.under(&proof, A::id).await?;
        let case = self.case_of_spot(spot).await?;
        let parent = match spot {
            Spot::Case(_) => mark.parent,
            Spot::Thread(annotation) => Some(annotation),
        };
        let added = sqlx::query(
            "INSERT INTO marks (id, case_id, item_id, kind, parent_id, author, version, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, 1, $7) ON CONFLICT DO NOTHING",
        )
        .bind(mark.id.to_string())
        .bind(case.to_string())
        .bind(mark.item.map(|item| item.to_string()))
        .bind(mark.id.kind().word())
        .bind(parent.map(|parent| parent.to_string()))
        .bind(proof.user().to_string())
        .bind(mark.created.ms())
        .execute(self.db())
        .await?;
        if added.rows_affected() == 0 {
            return Err(CatalogError::Conflict("there is one with this id"));
        }
        self.add_version(mark.id, 1, proof.user(), mark.created, &mark.body)
            .await
    }

    /// Amends a mark, if `version` is still the present one.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where somebody else has amended or withdrawn it meanwhile.
    pub async fn amend_mark<A: right::AmendMark>(
        &mut self,
        proof: Authorized<A>,
        version: u64,
        body: &Value,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mark = self.under(&proof, A::id).await?;
        let amended = sqlx::query(
            "UPDATE marks SET version = version + 1 WHERE id = $1 AND version = $2 AND withdrawn_ms IS NULL",
        )
        .bind(mark.to_string())
        .bind(signed(version))
        .execute(self.db())
        .await?;
        if amended.rows_affected() == 0 {
            return Err(CatalogError::Conflict("it was amended or withdrawn meanwhile"));
        }
        self.add_version(mark, version + 1, proof.user(), now, body).await
    }

    /// Withdraws a mark; `false` where it was withdrawn before.
    ///
    /// # Errors
    /// The database's.
    pub async fn withdraw_mark<A: right::WithdrawMark>(
        &mut self,
        proof: Authorized<A>,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mark = self.under(&proof, A::id).await?;
        let withdrawn =
            sqlx::query("UPDATE marks SET withdrawn_ms = $1 WHERE id = $2 AND withdrawn_ms IS NULL")
                .bind(now.ms())
                .bind(mark.to_string())
                .execute(self.db())
                .await?;
        Ok(withdrawn.rows_affected() == 1)
    }

    async fn add_version(
        &mut self,
        mark: MarkId,
        version: u64,
        author: UserId,
        now: Timestamp,
        body: &Value,
    ) -> Result<(), CatalogError> {
        let row = sqlx::query(
            "SELECT c.id, c.wrapped_key FROM marks m JOIN cases c ON c.id = m.case_id WHERE m.id = $1",
        )
        .bind(mark.to_string())
        .fetch_optional(self.db())
        .await?
        .ok_or(CatalogError::Missing { what: "mark" })?;
        let keys = case_keys(&*self.cipher, &row, 0, 1)?;
        sqlx::query(
            "INSERT INTO mark_versions (mark_id, version, author, written_ms, sealed) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(mark.to_string())
        .bind(signed(version))
        .bind(author.to_string())
        .bind(now.ms())
        .bind(keys.seal("marks", mark.as_bytes(), body)?)
        .execute(self.db())
        .await?;
        Ok(())
    }
}

fn mark_from(conn: &Conn, row: &AnyRow) -> Result<Mark, CatalogError> {
    let id = match row.try_get::<&str, _>(1)? {
        "annotation" => MarkId::Annotation(id(row, 0)?),
        "comment" => MarkId::Comment(id(row, 0)?),
        "view" => MarkId::View(id(row, 0)?),
        _ => MarkId::Tour(id(row, 0)?),
    };
    let keys = case_keys(&*conn.cipher, row, 2, 3)?;
    Ok(Mark {
        id,
        case: crate::sql::id(row, 2)?,
        item: maybe_id(row, 4)?,
        parent: maybe_id(row, 5)?,
        author: crate::sql::id(row, 6)?,
        version: count(row, 7)?,
        created: Timestamp::from_ms(row.try_get(8)?),
        withdrawn: moment(row, 9)?,
        body: keys.unseal("marks", id.as_bytes(), row.try_get(10)?)?,
    })
}
