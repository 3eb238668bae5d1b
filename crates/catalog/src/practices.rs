//! Practices and who works in them.

use domain::{MemberRole, PatientId, Phi, PracticeId, Timestamp, UserId};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::cipher::Keyring;
use crate::database::{Change, Conn};
use crate::error::{CatalogError, unreadable};
use crate::people::Account;
use crate::right;
use crate::sql::{id, word};
use crate::standing::{AsSystem, Facts};

/// A practice.
#[derive(Clone, Debug, PartialEq)]
pub struct Practice {
    /// Its id.
    pub id: PracticeId,
    /// What it is called.
    pub name: Phi<String>,
    /// What it has chosen.
    pub settings: PracticeSettings,
    /// Since when it is here.
    pub created: Timestamp,
}

/// What a practice chooses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PracticeSettings {
    /// How long a case is kept at least, years from its creation; none where no law applies.
    pub retention_years: u8,
    /// How old a person is who is of age, years.
    pub majority_years: u8,
    /// Most bytes of originals that the practice may keep.
    pub quota_bytes: u64,
}

impl Default for PracticeSettings {
    fn default() -> Self {
        Self {
            retention_years: 0,
            majority_years: 18,
            quota_bytes: 1 << 40,
        }
    }
}

/// Someone who works in a practice.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: MemberRole,
    /// `invited`, `active` or `left`.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
}

impl Conn {
    /// A practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn practice<A: right::ReadPractice>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Option<Practice>, CatalogError> {
        let practice = self.under(&proof, A::id).await?;
        let row =
            sqlx::query("SELECT wrapped_key, sealed, settings, created_ms FROM practices WHERE id = $1")
                .bind(practice.to_string())
                .fetch_optional(self.db())
                .await?;
        row.map(|row| self.practice_from(practice, &row)).transpose()
    }

    /// A practice that one works in.
    ///
    /// # Errors
    /// The database's.
    pub async fn own_practice(
        &mut self,
        proof: Authorized<act::SeeSignIn>,
        practice: PracticeId,
    ) -> Result<Option<Practice>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let row = sqlx::query(
            "SELECT r.wrapped_key, r.sealed, r.settings, r.created_ms FROM practices r \
             JOIN members m ON m.practice_id = r.id AND m.state = 'active' WHERE r.id = $1 AND m.user_id = $2",
        )
        .bind(practice.to_string())
        .bind(user.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| self.practice_from(practice, &row)).transpose()
    }

    fn practice_from(&self, practice: PracticeId, row: &AnyRow) -> Result<Practice, CatalogError> {
        let keys = Keyring::open(&*self.cipher, *practice.as_bytes(), row.try_get(0)?)?;
        Ok(Practice {
            id: practice,
            name: keys.unseal("practices", practice.as_bytes(), row.try_get(1)?)?,
            settings: serde_json::from_str(row.try_get(2)?).map_err(unreadable("settings of a practice"))?,
            created: Timestamp::from_ms(row.try_get(3)?),
        })
    }

    /// Who works in a practice, with their accounts.
    ///
    /// # Errors
    /// The database's.
    pub async fn members<A: right::ReadMembers>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Vec<(Member, Account)>, CatalogError> {
        let practice = self.under(&proof, A::id).await?;
        let all = members_of(self, practice).await?;
        let mut members = Vec::with_capacity(all.len());
        // Others' accounts are out of a person's sight.
        let mut facts = self.facts().await?;
        for member in all {
            if let Some(account) = facts.account(member.user).await? {
                members.push((member, account));
            }
        }
        Ok(members)
    }

    /// Who belongs to which care team of a practice's profiles, by the time when the profiles were made.
    ///
    /// # Errors
    /// The database's.
    pub async fn care_teams(
        &mut self,
        proof: Authorized<act::ListCareTeams>,
    ) -> Result<Vec<(PatientId, UserId)>, CatalogError> {
        let practice = self.under(&proof, Authorized::on).await?;
        let rows = sqlx::query(
            "SELECT t.patient_id, t.user_id FROM patients p JOIN care_team t ON t.patient_id = p.id \
             WHERE p.practice_id = $1 AND p.deleted_ms IS NULL ORDER BY p.created_ms, p.id, t.since_ms, t.user_id",
        )
        .bind(practice.to_string())
        .fetch_all(self.db())
        .await?;
        rows.iter().map(|row| Ok((id(row, 0)?, id(row, 1)?))).collect()
    }

    /// The key of a practice's values.
    pub(crate) async fn keys_of_practice(&mut self, practice: PracticeId) -> Result<Keyring, CatalogError> {
        let row = sqlx::query("SELECT wrapped_key FROM practices WHERE id = $1")
            .bind(practice.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "practice" })?;
        Keyring::open(&*self.cipher, *practice.as_bytes(), row.try_get(0)?)
    }
}

impl Facts<'_> {
    /// What a practice has chosen.
    ///
    /// # Errors
    /// The database's.
    pub async fn practice_settings(
        &mut self,
        practice: PracticeId,
    ) -> Result<Option<PracticeSettings>, CatalogError> {
        let row = sqlx::query("SELECT settings FROM practices WHERE id = $1")
            .bind(practice.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| serde_json::from_str(row.try_get(0)?).map_err(unreadable("settings of a practice")))
            .transpose()
    }

    /// Who works in a practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn members(&mut self, practice: PracticeId) -> Result<Vec<Member>, CatalogError> {
        members_of(self.conn(), practice).await
    }

    /// What a user is in a practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn member(
        &mut self,
        practice: PracticeId,
        user: UserId,
    ) -> Result<Option<Member>, CatalogError> {
        let row = sqlx::query(
            "SELECT user_id, role, state, since_ms FROM members WHERE practice_id = $1 AND user_id = $2",
        )
        .bind(practice.to_string())
        .bind(user.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| member_from(&row)).transpose()
    }

    /// Whether a user works in any practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn works_somewhere(&mut self, user: UserId) -> Result<bool, CatalogError> {
        let row = sqlx::query("SELECT user_id FROM members WHERE user_id = $1 AND state = 'active' LIMIT 1")
            .bind(user.to_string())
            .fetch_optional(self.db())
            .await?;
        Ok(row.is_some())
    }

    /// Whether a practice would be left without an administrator if this one went.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_last_administrator(&mut self, user: UserId) -> Result<bool, CatalogError> {
        let row = sqlx::query(
            "SELECT m.practice_id FROM members m WHERE m.user_id = $1 AND m.state = 'active' AND m.role = $2 \
             AND NOT EXISTS (SELECT 1 FROM members o WHERE o.practice_id = m.practice_id AND o.user_id <> $1 \
             AND o.state = 'active' AND o.role = $2) LIMIT 1",
        )
        .bind(user.to_string())
        .bind(MemberRole::Administrator.word())
        .fetch_optional(self.db())
        .await?;
        Ok(row.is_some())
    }
}

impl Change {
    /// Makes a practice, whose administrator its maker is.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_practice(
        &mut self,
        proof: Authorized<act::CreatePractice>,
        practice: &Practice,
    ) -> Result<(), CatalogError> {
        let (user, role) = (proof.on(), MemberRole::Administrator);
        // It is in nobody's sight before somebody works in it.
        let mut system = self.as_system().await?;
        system.create_practice(practice).await?;
        system
            .put_member(practice.id, user, role, "active", practice.created)
            .await
    }

    /// Keeps what a practice is called and has chosen.
    ///
    /// # Errors
    /// The database's.
    pub async fn update_practice<A: right::ChangePractice>(
        &mut self,
        proof: Authorized<A>,
        practice: &Practice,
    ) -> Result<(), CatalogError> {
        let id = self.under(&proof, A::id).await?;
        let keys = self.keys_of_practice(id).await?;
        let settings = serde_json::to_string(&practice.settings).map_err(unreadable("settings"))?;
        sqlx::query("UPDATE practices SET sealed = $1, settings = $2 WHERE id = $3")
            .bind(keys.seal("practices", id.as_bytes(), &practice.name)?)
            .bind(settings)
            .bind(id.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Lets a user work in a practice, or changes as what; `state` is `invited`, `active` or `left`.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_member<A: right::PutMember>(
        &mut self,
        proof: Authorized<A>,
        user: UserId,
        role: MemberRole,
        state: &'static str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let practice = self.under(&proof, A::id).await?;
        self.keep_member(practice, user, role, state, now).await
    }

    async fn keep_member(
        &mut self,
        practice: PracticeId,
        user: UserId,
        role: MemberRole,
        state: &'static str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        sqlx::query(
            "INSERT INTO members (practice_id, user_id, role, state, since_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (practice_id, user_id) DO UPDATE SET role = excluded.role, state = excluded.state",
        )
        .bind(practice.to_string())
        .bind(user.to_string())
        .bind(role.word())
        .bind(state)
        .bind(now.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }
}

impl AsSystem<'_> {
    /// Makes a practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_practice(&mut self, practice: &Practice) -> Result<(), CatalogError> {
        let row = practice.id.as_bytes();
        let wrapped = self.cipher.new_key(*row).map_err(CatalogError::Cipher)?;
        let keys = Keyring::open(&*self.cipher, *row, &wrapped)?;
        let settings = serde_json::to_string(&practice.settings).map_err(unreadable("settings"))?;
        sqlx::query(
            "INSERT INTO practices (id, wrapped_key, sealed, settings, created_ms) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(practice.id.to_string())
        .bind(wrapped)
        .bind(keys.seal("practices", row, &practice.name)?)
        .bind(settings)
        .bind(practice.created.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Lets a user work in a practice, or changes as what; `state` is `invited`, `active` or `left`.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_member(
        &mut self,
        practice: PracticeId,
        user: UserId,
        role: MemberRole,
        state: &'static str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.keep_member(practice, user, role, state, now).await
    }
}

async fn members_of(conn: &mut Conn, practice: PracticeId) -> Result<Vec<Member>, CatalogError> {
    let rows = sqlx::query(
        "SELECT user_id, role, state, since_ms FROM members WHERE practice_id = $1 ORDER BY since_ms, user_id",
    )
    .bind(practice.to_string())
    .fetch_all(conn.db())
    .await?;
    rows.iter().map(member_from).collect()
}

fn member_from(row: &AnyRow) -> Result<Member, CatalogError> {
    Ok(Member {
        user: id(row, 0)?,
        role: word(row, 1, MemberRole::from_word, "role")?,
        state: row.try_get(2)?,
        since: Timestamp::from_ms(row.try_get(3)?),
    })
}
