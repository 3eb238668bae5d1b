//! Emergency access: an operator of the server, who sees no content otherwise, looks at a practice's pictures for a
//! while. It is recorded, ends by itself, and the practice is told.

use domain::{EmergencyId, Operator, Phi, PracticeId, Timestamp, UserId, Window};
use policy::{Authorized, act};
use sqlx::Row;

use crate::database::{Change, Conn};
use crate::error::CatalogError;
use crate::people::moment;
use crate::sql::id;
use crate::standing::{AsSystem, Standing};

/// One time that an operator had access.
#[derive(Clone, Debug, PartialEq)]
pub struct Emergency {
    /// Its id.
    pub id: EmergencyId,
    /// Which practice's pictures.
    pub practice: PracticeId,
    /// Who.
    pub user: UserId,
    /// Why, in the operator's words.
    pub reason: Phi<String>,
    /// From when until when at the latest.
    pub window: Window,
    /// When it was ended before that.
    pub ended: Option<Timestamp>,
}

impl Conn {
    /// All emergency access to a practice, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn emergencies_of(
        &mut self,
        proof: Authorized<act::ReadAudit>,
    ) -> Result<Vec<Emergency>, CatalogError> {
        let practice = self.under(&proof, Authorized::on).await?;
        let keys = self.keys_of_practice(practice).await?;
        let rows = sqlx::query(
            "SELECT id, user_id, sealed, from_ms, until_ms, ended_ms FROM emergencies WHERE practice_id = $1 \
             ORDER BY from_ms DESC, id DESC",
        )
        .bind(practice.to_string())
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| {
                let emergency: EmergencyId = id(row, 0)?;
                Ok(Emergency {
                    id: emergency,
                    practice,
                    user: id(row, 1)?,
                    reason: keys.unseal("emergencies", emergency.as_bytes(), row.try_get(2)?)?,
                    window: Window {
                        from: Timestamp::from_ms(row.try_get(3)?),
                        until: Timestamp::from_ms(row.try_get(4)?),
                    },
                    ended: moment(row, 5)?,
                })
            })
            .collect()
    }
}

impl Change {
    /// Opens emergency access.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_emergency(
        &mut self,
        proof: Authorized<act::OpenEmergencyAccess>,
        emergency: &Emergency,
    ) -> Result<(), CatalogError> {
        // Until it is open, the practice is out of the operator's sight.
        self.stand(Standing::Facts).await?;
        let keys = self.keys_of_practice(proof.on()).await?;
        let practice = self.under(&proof, Authorized::on).await?;
        sqlx::query(
            "INSERT INTO emergencies (id, practice_id, user_id, sealed, from_ms, until_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(emergency.id.to_string())
        .bind(practice.to_string())
        .bind(proof.user().to_string())
        .bind(keys.seal("emergencies", emergency.id.as_bytes(), &emergency.reason)?)
        .bind(emergency.window.from.ms())
        .bind(emergency.window.until.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Ends all emergency access to a practice; tells how many there were that went on.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_emergencies(
        &mut self,
        proof: Authorized<act::EndEmergencyAccess>,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let practice = self.under(&proof, Authorized::on).await?;
        let ended = sqlx::query(
            "UPDATE emergencies SET ended_ms = $1 WHERE practice_id = $2 AND ended_ms IS NULL AND until_ms > $1",
        )
        .bind(now.ms())
        .bind(practice.to_string())
        .execute(self.db())
        .await?;
        Ok(ended.rows_affected())
    }
}

impl AsSystem<'_> {
    /// Makes a user an operator of the server, or no longer.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_operator(&mut self, user: UserId, operator: Operator) -> Result<(), CatalogError> {
        sqlx::query("UPDATE users SET operator = $1 WHERE id = $2")
            .bind(i64::from(operator == Operator::Yes))
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
