//! Which items were laid onto which. A registration is proposed, seen by its author alone, and kept or withdrawn; none is
//! ever overwritten.

use domain::{CaseId, Fit, ItemId, RegistrationId, Timestamp, UserId};
use policy::{Authorized, act};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::database::{Change, Conn};
use crate::error::CatalogError;
use crate::people::moment;
use crate::read::case_keys;
use crate::right;
use crate::sql::{id, maybe_id};

/// An item laid onto another.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Its id.
    pub id: RegistrationId,
    /// The item.
    pub item: ItemId,
    /// The item that it was laid onto.
    pub onto: ItemId,
    /// Who made it.
    pub author: UserId,
    /// When.
    pub created: Timestamp,
    /// Since when all see it; until then its author alone does.
    pub kept: Option<Timestamp>,
    /// When it was withdrawn or replaced, and by whom.
    pub withdrawn: Option<(Timestamp, UserId)>,
    /// The motion, and how well it fits.
    pub fit: Fit,
}

const COLUMNS: &str = "SELECT r.id, r.case_id, c.wrapped_key, r.item_id, r.onto_id, r.author, r.created_ms, r.kept_ms, \
                       r.withdrawn_ms, r.withdrawn_by, r.sealed FROM registrations r JOIN cases c ON c.id = r.case_id";
/// Proposals of others are nobody's to see.
const SEEN: &str = "(r.kept_ms IS NOT NULL OR r.author = $2)";

impl Conn {
    /// What is laid onto what in a case, as the user of the proof sees it: what was kept, and own proposals. The oldest
    /// first.
    ///
    /// # Errors
    /// The database's.
    pub async fn registrations_of(
        &mut self,
        proof: Authorized<act::SeeCase>,
    ) -> Result<Vec<Registration>, CatalogError> {
        let case = self.under(&proof, Authorized::on).await?;
        let condition = format!("r.case_id = $1 AND {SEEN} AND r.withdrawn_ms IS NULL");
        self.registrations(&condition, &case.to_string(), proof.user())
            .await
    }

    /// What an item was ever laid onto, as the user of the proof sees it, withdrawn or not. The oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn registrations_of_item<A: right::ReadItem>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Vec<Registration>, CatalogError> {
        let item = self.under(&proof, A::id).await?;
        let condition = format!("r.item_id = $1 AND {SEEN}");
        self.registrations(&condition, &item.to_string(), proof.user())
            .await
    }

    async fn registrations(
        &mut self,
        condition: &str,
        of: &str,
        user: UserId,
    ) -> Result<Vec<Registration>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE {condition} ORDER BY r.created_ms, r.id");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(of)
            .bind(user.to_string())
            .fetch_all(self.db())
            .await?;
        rows.iter().map(|row| registration_from(self, row)).collect()
    }
}

impl Change {
    /// Proposes where the item of the proof lies, in the name of its user and in place of what the user proposed before.
    ///
    /// # Errors
    /// [`CatalogError::NoItem`] where there is none to see, or the database's.
    pub async fn propose_registration(
        &mut self,
        proof: Authorized<act::EditItem>,
        registration: &Registration,
    ) -> Result<(), CatalogError> {
        let (item, user) = (self.under(&proof, Authorized::on).await?, proof.user());
        let row = sqlx::query(
            "SELECT c.id, c.wrapped_key FROM items i JOIN cases c ON c.id = i.case_id \
             WHERE i.id = $1 AND i.deleted_ms IS NULL",
        )
        .bind(item.to_string())
        .fetch_optional(self.db())
        .await?
        .ok_or_else(|| CatalogError::NoItem(item.to_string()))?;
        let case: CaseId = id(&row, 0)?;
        let keys = case_keys(&*self.cipher, &row, 0, 1)?;
        self.withdraw_where(
            "kept_ms IS NULL AND author = $2",
            item,
            user,
            registration.created,
        )
        .await?;
        sqlx::query(
            "INSERT INTO registrations (id, case_id, item_id, onto_id, author, created_ms, sealed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(registration.id.to_string())
        .bind(case.to_string())
        .bind(item.to_string())
        .bind(registration.onto.to_string())
        .bind(user.to_string())
        .bind(registration.created.ms())
        .bind(keys.seal("registrations", registration.id.as_bytes(), &registration.fit)?)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// From now on all see the item of the proof lie where its user proposed, and no longer where it lay; `false` where
    /// the user proposes no such thing.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where somebody else has kept another one in the same moment, or the database's.
    pub async fn keep_registration(
        &mut self,
        proof: Authorized<act::EditItem>,
        registration: RegistrationId,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let (item, user) = (self.under(&proof, Authorized::on).await?, proof.user());
        let proposed = sqlx::query(
            "SELECT id FROM registrations WHERE id = $1 AND item_id = $2 AND author = $3 AND kept_ms IS NULL \
             AND withdrawn_ms IS NULL",
        )
        .bind(registration.to_string())
        .bind(item.to_string())
        .bind(user.to_string())
        .fetch_optional(self.db())
        .await?;
        if proposed.is_none() {
            return Ok(false);
        }
        self.withdraw_where("kept_ms IS NOT NULL", item, user, now)
            .await?;
        let kept =
            sqlx::query("UPDATE registrations SET kept_ms = $1 WHERE id = $2 AND withdrawn_ms IS NULL")
                .bind(now.ms())
                .bind(registration.to_string())
                .execute(self.db())
                .await;
        match kept {
            Ok(kept) => Ok(kept.rows_affected() == 1),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Err(CatalogError::Conflict(
                "somebody else has laid this item meanwhile",
            )),
            Err(error) => Err(error.into()),
        }
    }

    /// Withdraws one of the registrations of the item of the proof: its row stays. `false` where there is none that its
    /// user sees in force.
    ///
    /// # Errors
    /// The database's.
    pub async fn withdraw_registration(
        &mut self,
        proof: Authorized<act::EditItem>,
        registration: RegistrationId,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let (item, user) = (self.under(&proof, Authorized::on).await?, proof.user());
        let withdrawn = sqlx::query(
            "UPDATE registrations SET withdrawn_ms = $4, withdrawn_by = $2 WHERE id = $1 AND item_id = $3 \
             AND withdrawn_ms IS NULL AND (kept_ms IS NOT NULL OR author = $2)",
        )
        .bind(registration.to_string())
        .bind(user.to_string())
        .bind(item.to_string())
        .bind(now.ms())
        .execute(self.db())
        .await?;
        Ok(withdrawn.rows_affected() == 1)
    }

    async fn withdraw_where(
        &mut self,
        condition: &str,
        item: ItemId,
        user: UserId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let sql = format!(
            "UPDATE registrations SET withdrawn_ms = $3, withdrawn_by = $2 WHERE item_id = $1 \
             AND withdrawn_ms IS NULL AND {condition}"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(item.to_string())
            .bind(user.to_string())
            .bind(now.ms())
            .execute(self.db())
            .await?;
        Ok(())
    }
}

fn registration_from(conn: &Conn, row: &AnyRow) -> Result<Registration, CatalogError> {
    let registration: RegistrationId = id(row, 0)?;
    let keys = case_keys(&*conn.cipher, row, 1, 2)?;
    let withdrawn = moment(row, 8)?.zip(maybe_id(row, 9)?);
    Ok(Registration {
        id: registration,
        item: id(row, 3)?,
        onto: id(row, 4)?,
        author: id(row, 5)?,
        created: Timestamp::from_ms(row.try_get(6)?),
        kept: moment(row, 7)?,
        withdrawn,
        fit: keys.unseal("registrations", registration.as_bytes(), row.try_get(10)?)?,
    })
}
