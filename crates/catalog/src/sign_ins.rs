//! Signed-in browsers and programs. What the cookie holds is kept as its hash only.

use domain::{
    AccountState, MemberRole, Operator, Phi, PracticeId, SignInId, SignInStrength, Timestamp, UserId,
};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use sqlx::Row;

use crate::cipher::Keyring;
use crate::database::{Change, Conn};
use crate::error::CatalogError;
use crate::notice::Notice;
use crate::right;
use crate::sql::{id, word};
use crate::standing::{AsSystem, Facts};

/// A browser or program that a person has signed in with.
#[derive(Clone, Debug, PartialEq)]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// Who signed in.
    pub user: UserId,
    /// How strong the sign-in was.
    pub strength: SignInStrength,
    /// When.
    pub created: Timestamp,
    /// When it was used last, to about a quarter of a minute.
    pub seen: Timestamp,
    /// It ends after so much time without use, milliseconds.
    pub idle_ms: i64,
    /// It ends then at the latest.
    pub ends: Timestamp,
}

impl SignIn {
    /// Whether it holds at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.ends && now < self.seen.plus_ms(self.idle_ms)
    }
}

/// Where a sign-in came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Network address.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// A person who is signed in, and what the person is.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedIn {
    /// The sign-in.
    pub sign_in: SignIn,
    /// How the account stands.
    pub state: AccountState,
    /// Whether the person runs the server.
    pub operator: Operator,
    /// The practices that the person works in, as what.
    pub memberships: Vec<(PracticeId, MemberRole)>,
    /// Agreements that the person accepted, with their versions, and has not withdrawn.
    pub accepted: Vec<(String, u32)>,
}

/// An agreement, or a choice about advertising, that a person accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Its kind.
    pub agreement: String,
    /// Its version.
    pub version: String,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// When it was taken back, where it was.
    pub withdrawn: Option<Timestamp>,
}

const SIGN_IN: &str = "SELECT s.id, s.user_id, s.factors, s.created_ms, s.seen_ms, s.idle_ms, s.ends_ms";

impl Facts<'_> {
    /// Who is signed in with what has the hash `token`, ended or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn signed_in(&mut self, token: &[u8]) -> Result<Option<SignedIn>, CatalogError> {
        // One statement for all three: every request asks this.
        let rows = sqlx::query(
            "SELECT s.id, s.user_id, s.factors, s.created_ms, s.seen_ms, s.idle_ms, s.ends_ms, u.state, \
             'member' AS what, m.practice_id AS one, m.role AS two, u.operator \
             FROM sessions s JOIN users u ON u.id = s.user_id \
             LEFT JOIN members m ON m.user_id = s.user_id AND m.state = 'active' WHERE s.token = $1 \
             UNION ALL \
             SELECT s.id, s.user_id, s.factors, s.created_ms, s.seen_ms, s.idle_ms, s.ends_ms, u.state, \
             'agreement' AS what, a.agreement AS one, a.version AS two, u.operator \
             FROM sessions s JOIN users u ON u.id = s.user_id \
             JOIN acceptances a ON a.user_id = s.user_id AND a.withdrawn_ms IS NULL WHERE s.token = $1",
        )
        .bind(token)
        .fetch_all(self.db())
        .await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let mut signed_in = SignedIn {
            sign_in: sign_in_from(first)?,
            state: word(first, 7, AccountState::from_word, "account state")?,
            operator: match first.try_get::<i64, _>(11)? {
                0 => Operator::No,
                _ => Operator::Yes,
            },
            memberships: Vec::new(),
            accepted: Vec::new(),
        };
        for row in &rows {
            match (row.try_get(8)?, row.try_get::<Option<&str>, _>(9)?) {
                ("member", Some(_)) => signed_in
                    .memberships
                    .push((id(row, 9)?, word(row, 10, MemberRole::from_word, "role")?)),
                ("agreement", Some(agreement)) => {
                    let version: &str = row.try_get(10)?;
                    let version = version
                        .parse()
                        .map_err(crate::error::unreadable("agreement version"))?;
                    signed_in.accepted.push((agreement.to_owned(), version));
                }
                _ => {}
            }
        }
        Ok(Some(signed_in))
    }
}

impl Conn {
    /// What a person has accepted and not withdrawn, agreements and choices about advertising.
    ///
    /// # Errors
    /// The database's.
    pub async fn accepted(
        &mut self,
        proof: Authorized<act::ReadAccount>,
    ) -> Result<Vec<String>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let rows =
            sqlx::query("SELECT agreement FROM acceptances WHERE user_id = $1 AND withdrawn_ms IS NULL")
                .bind(user.to_string())
                .fetch_all(self.db())
                .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Everything that a person ever accepted, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn acceptances(
        &mut self,
        proof: Authorized<act::ReadAccount>,
    ) -> Result<Vec<Acceptance>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let rows = sqlx::query(
            "SELECT agreement, version, accepted_ms, withdrawn_ms FROM acceptances WHERE user_id = $1 \
             ORDER BY accepted_ms DESC, id",
        )
        .bind(user.to_string())
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Acceptance {
                    agreement: row.try_get(0)?,
                    version: row.try_get(1)?,
                    accepted: Timestamp::from_ms(row.try_get(2)?),
                    withdrawn: row.try_get::<Option<i64>, _>(3)?.map(Timestamp::from_ms),
                })
            })
            .collect()
    }

    /// The sign-ins of a person that have not been ended, with where they came from.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign_ins(
        &mut self,
        proof: Authorized<act::ListSignIns>,
        now: Timestamp,
    ) -> Result<Vec<(SignIn, Phi<Origin>)>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let sql = format!(
            "{SIGN_IN}, s.sealed, u.wrapped_key FROM sessions s JOIN users u ON u.id = s.user_id \
             WHERE s.user_id = $1 AND s.ends_ms > $2 ORDER BY s.created_ms DESC, s.id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(now.ms())
            .fetch_all(self.db())
            .await?;
        let mut sign_ins = Vec::with_capacity(rows.len());
        for row in &rows {
            let sign_in = sign_in_from(row)?;
            let keys = Keyring::open(&*self.cipher, *user.as_bytes(), row.try_get(8)?)?;
            let origin = keys.unseal("sessions", sign_in.id.as_bytes(), row.try_get(7)?)?;
            if sign_in.is_live(now) {
                sign_ins.push((sign_in, origin));
            }
        }
        Ok(sign_ins)
    }
}

impl Change {
    /// Ends a sign-in of a person; `false` where the person has no such.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_sign_in<A: right::EndSignIns>(
        &mut self,
        proof: Authorized<A>,
        sign_in: SignInId,
    ) -> Result<bool, CatalogError> {
        let user = self.under(&proof, A::id).await?;
        let ended = sqlx::query("DELETE FROM sessions WHERE id = $1 AND user_id = $2")
            .bind(sign_in.to_string())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        self.notify(Notice::for_user("sign_in.ended", user));
        Ok(ended.rows_affected() == 1)
    }

    /// Ends all of one's sign-ins but one, after one has chosen another password.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_other_sign_ins(
        &mut self,
        proof: Authorized<act::EditAccount>,
        but: SignInId,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        self.drop_sign_ins(user, Some(but)).await
    }

    pub(crate) async fn drop_sign_ins(
        &mut self,
        user: UserId,
        but: Option<SignInId>,
    ) -> Result<(), CatalogError> {
        sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
            .bind(user.to_string())
            .bind(but.map(|id| id.to_string()).unwrap_or_default())
            .execute(self.db())
            .await?;
        self.notify(Notice::for_user("sign_in.ended", user));
        Ok(())
    }

    /// Accepts a version of an agreement.
    ///
    /// # Errors
    /// The database's.
    pub async fn accept_agreement<A: right::Accept>(
        &mut self,
        proof: Authorized<A>,
        agreement: &str,
        version: u32,
        sha256: &[u8; 32],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, A::id).await?;
        let acceptance = domain::AcceptanceId::from_random(crate::sql::random()?);
        sqlx::query(
            "INSERT INTO acceptances (id, user_id, agreement, version, sha256, accepted_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(acceptance.to_string())
        .bind(user.to_string())
        .bind(agreement)
        .bind(version.to_string())
        .bind(&sha256[..])
        .bind(now.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Takes an acceptance back, as of a choice about advertising.
    ///
    /// # Errors
    /// The database's.
    pub async fn withdraw_acceptance(
        &mut self,
        proof: Authorized<act::ChooseMarketing>,
        agreement: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        sqlx::query(
            "UPDATE acceptances SET withdrawn_ms = $1 \
             WHERE user_id = $2 AND agreement = $3 AND withdrawn_ms IS NULL",
        )
        .bind(now.ms())
        .bind(user.to_string())
        .bind(agreement)
        .execute(self.db())
        .await?;
        Ok(())
    }
}

impl AsSystem<'_> {
    /// Signs a person in: what the cookie holds has the hash `token`.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_sign_in(
        &mut self,
        token: &[u8],
        sign_in: &SignIn,
        origin: &Phi<Origin>,
    ) -> Result<(), CatalogError> {
        let row = sqlx::query("SELECT wrapped_key FROM users WHERE id = $1")
            .bind(sign_in.user.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "account" })?;
        let keys = Keyring::open(&*self.cipher, *sign_in.user.as_bytes(), row.try_get(0)?)?;
        sqlx::query(
            "INSERT INTO sessions (token, id, user_id, factors, created_ms, seen_ms, idle_ms, ends_ms, sealed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(token)
        .bind(sign_in.id.to_string())
        .bind(sign_in.user.to_string())
        .bind(sign_in.strength.word())
        .bind(sign_in.created.ms())
        .bind(sign_in.seen.ms())
        .bind(sign_in.idle_ms)
        .bind(sign_in.ends.ms())
        .bind(keys.seal("sessions", sign_in.id.as_bytes(), origin)?)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Notes that a sign-in was used.
    ///
    /// # Errors
    /// The database's.
    pub async fn touch_sign_in(&mut self, sign_in: SignInId, now: Timestamp) -> Result<(), CatalogError> {
        sqlx::query("UPDATE sessions SET seen_ms = $1 WHERE id = $2 AND seen_ms < $1")
            .bind(now.ms())
            .bind(sign_in.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Ends all sign-ins of a person.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_sign_ins(&mut self, user: UserId) -> Result<(), CatalogError> {
        self.drop_sign_ins(user, None).await
    }
}

fn sign_in_from(row: &sqlx::any::AnyRow) -> Result<SignIn, CatalogError> {
    Ok(SignIn {
        id: id(row, 0)?,
        user: id(row, 1)?,
        strength: word(row, 2, SignInStrength::from_word, "strength of a sign-in")?,
        created: Timestamp::from_ms(row.try_get(3)?),
        seen: Timestamp::from_ms(row.try_get(4)?),
        idle_ms: row.try_get(5)?,
        ends: Timestamp::from_ms(row.try_get(6)?),
    })
}
