//! Cases, and grants on them.

use domain::{
    CaseId, CaseState, Date, Deletion, Grant, GrantId, GrantRight, Hold, NameDisclosure, PatientId, Phi,
    PracticeId, Sharing, Timestamp, UserId,
};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::cipher::Keyring;
use crate::database::{Change, Conn, System};
use crate::error::CatalogError;
use crate::patients::After;
use crate::people::moment;
use crate::read::case_keys;
use crate::right;
use crate::sql::{count, id, signed, word};
use crate::standing::Facts;

/// A case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// Whose case it is.
    pub practice: PracticeId,
    /// Whom it is of.
    pub patient: PatientId,
    /// Who made it.
    pub created_by: UserId,
    /// What people call it.
    pub title: Phi<String>,
    /// The day that it is about, usually of surgery.
    pub date: Option<Phi<Date>>,
    /// Whether it goes on.
    pub state: CaseState,
    /// Goes up with every change.
    pub version: u64,
    /// When it was made.
    pub created: Timestamp,
    /// Whether the patient sees it.
    pub sharing: Sharing,
    /// Whether collaborators see whom it is of.
    pub names: NameDisclosure,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
}

/// A case to be made.
#[derive(Clone, Debug)]
pub struct NewCase {
    /// Its id, new.
    pub id: CaseId,
    /// Whose case it is.
    pub practice: PracticeId,
    /// Whom it is of.
    pub patient: PatientId,
    /// Who makes it.
    pub created_by: UserId,
    /// What people call it.
    pub title: Phi<String>,
    /// The day that it is about.
    pub date: Option<Phi<Date>>,
    /// Until when the law keeps it.
    pub retain_until: Option<Timestamp>,
    /// When it is made.
    pub created: Timestamp,
}

/// What is sealed of a case.
#[derive(Serialize, Deserialize)]
pub(crate) struct CaseSecrets {
    title: Phi<String>,
    date: Option<Phi<Date>>,
}

impl CaseSecrets {
    /// Of the case that belongs to nobody's practice.
    pub(crate) fn own() -> Self {
        Self {
            title: Phi::new("Local files".to_owned()),
            date: None,
        }
    }
}

/// A grant with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseGrant {
    /// Its id.
    pub id: GrantId,
    /// On which case.
    pub case: CaseId,
    /// Whose.
    pub user: UserId,
    /// What it allows, until when.
    pub grant: Grant,
    /// Who gave it.
    pub granted_by: UserId,
    /// When.
    pub created: Timestamp,
}

/// Which cases of a practice are asked for; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseSearch {
    /// Of one patient only.
    pub patient: Option<PatientId>,
    /// In one state only.
    pub state: Option<CaseState>,
    /// Whose title has words that begin so.
    pub search: Option<Phi<String>>,
}

/// Which cases of others are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseList {
    /// Those that the user was granted, now.
    Granted,
    /// Those that are shared with the user as a patient or guardian. Whether a guardian still is one is for the
    /// policy to say.
    AsPatient,
}

const COLUMNS: &str = "SELECT c.id, c.wrapped_key, c.practice_id, c.patient_id, c.created_by, c.sealed, c.state, \
                       c.version, c.created_ms, c.shared_ms, c.deleted_ms, c.names FROM cases c";

impl Conn {
    /// A case of a practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn case<A: right::ReadCase>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Option<Case>, CatalogError> {
        let case = self.under(&proof, A::id).await?;
        self.case_row(case).await
    }

    async fn case_row(&mut self, case: CaseId) -> Result<Option<Case>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE c.id = $1 AND c.practice_id IS NOT NULL");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(case.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| case_from(self, &row)).transpose()
    }

    /// The cases of a profile that are not deleted, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn cases_of_patient<A: right::ReadCases>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Vec<Case>, CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        let sql = format!(
            "{COLUMNS} WHERE c.patient_id = $1 AND c.deleted_ms IS NULL ORDER BY c.created_ms DESC, c.id DESC"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(patient.to_string())
            .fetch_all(self.db())
            .await?;
        rows.iter().map(|row| case_from(self, row)).collect()
    }

    /// A page of the cases of a practice in whose patients' care teams the user is, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn cases_of_practice(
        &mut self,
        proof: Authorized<act::SearchCases>,
        search: &CaseSearch,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<Case>, CatalogError> {
        let practice = self.under(&proof, Authorized::on).await?;
        let mut values = vec![Value::Text(practice.to_string())];
        let mut sql =
            "c.practice_id = $5 AND EXISTS (SELECT 1 FROM care_team t WHERE t.patient_id = c.patient_id \
                       AND t.user_id = $1)"
                .to_owned();
        let mut add = |value| {
            values.push(value);
            format!("${}", values.len() + 4)
        };
        if let Some(patient) = search.patient {
            sql += &format!(" AND c.patient_id = {}", add(Value::Text(patient.to_string())));
        }
        if let Some(state) = search.state {
            sql += &format!(" AND c.state = {}", add(Value::Text(state.word().to_owned())));
        }
        let words = search.search.as_ref();
        for token in self.search_tokens(practice, "case.title", words).await? {
            sql += &format!(
                " AND c.id IN (SELECT case_id FROM case_tokens WHERE practice_id = $5 AND token = {})",
                add(Value::Bytes(token))
            );
        }
        self.page_of_cases(proof.user(), sql, values, after, limit).await
    }

    /// A page of the cases of others that a user may know of, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn cases_of(
        &mut self,
        proof: Authorized<act::ListCases>,
        list: CaseList,
        after: Option<&After>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Case>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let (sql, values) = match list {
            CaseList::Granted => (
                "EXISTS (SELECT 1 FROM grants g WHERE g.case_id = c.id AND g.user_id = $1 \
                 AND g.revoked_ms IS NULL AND g.until_ms > $5)",
                vec![Value::Number(now.ms())],
            ),
            CaseList::AsPatient => (
                "c.shared_ms IS NOT NULL AND c.patient_id IN (SELECT patient_id FROM patient_users \
                 WHERE user_id = $1)",
                Vec::new(),
            ),
        };
        self.page_of_cases(user, sql.to_owned(), values, after, limit)
            .await
    }

    /// A page of the cases of which `whose` is true. Of its values, user, the place of the page and how many come first.
    async fn page_of_cases(
        &mut self,
        user: UserId,
        whose: String,
        values: Vec<Value>,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<Case>, CatalogError> {
        let (created, last) = After::or_start(after);
        let mut sql =
            format!("{COLUMNS} WHERE c.deleted_ms IS NULL AND (c.created_ms, c.id) < ($2, $3) AND {whose}");
        sql += " ORDER BY c.created_ms DESC, c.id DESC LIMIT $4";
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .bind(created)
            .bind(last)
            .bind(i64::from(limit));
        for value in values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
                Value::Number(number) => query.bind(number),
            };
        }
        let rows = query.fetch_all(self.db()).await?;
        rows.iter().map(|row| case_from(self, row)).collect()
    }

    /// The grants on a case that were not revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn grants_of(
        &mut self,
        proof: Authorized<act::ReadGrants>,
    ) -> Result<Vec<CaseGrant>, CatalogError> {
        let case = self.under(&proof, Authorized::on).await?;
        grants_on(self, case).await
    }

    /// A grant on a case, revoked or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn grant<A: right::ReadGrant>(
        &mut self,
        proof: Authorized<A>,
        grant: GrantId,
    ) -> Result<Option<CaseGrant>, CatalogError> {
        let case = self.under(&proof, A::id).await?;
        let row = sqlx::query(
            "SELECT id, case_id, user_id, level, until_ms, revoked_ms, granted_by, created_ms \
             FROM grants WHERE id = $1 AND case_id = $2",
        )
        .bind(grant.to_string())
        .bind(case.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| grant_from(&row)).transpose()
    }
}

impl Facts<'_> {
    /// The grants on a case that were not revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn grants_of(&mut self, case: CaseId) -> Result<Vec<CaseGrant>, CatalogError> {
        grants_on(self.conn(), case).await
    }
}

impl System {
    /// The key of a case, encrypted under the root key.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn wrapped_case_key(&self, case: CaseId) -> Result<Vec<u8>, CatalogError> {
        let row = sqlx::query("SELECT wrapped_key FROM cases WHERE id = $1")
            .bind(case.to_string())
            .fetch_optional(self.reader().await?.db())
            .await?
            .ok_or(CatalogError::Missing { what: "case" })?;
        Ok(row.try_get(0)?)
    }
}

async fn grants_on(conn: &mut Conn, case: CaseId) -> Result<Vec<CaseGrant>, CatalogError> {
    let rows = sqlx::query(
        "SELECT id, case_id, user_id, level, until_ms, revoked_ms, granted_by, created_ms \
         FROM grants WHERE case_id = $1 AND revoked_ms IS NULL ORDER BY created_ms, id",
    )
    .bind(case.to_string())
    .fetch_all(conn.db())
    .await?;
    rows.iter().map(grant_from).collect()
}

enum Value {
    Text(String),
    Bytes(Vec<u8>),
    Number(i64),
}

impl Change {
    /// Makes a case with a key of its own, of the patient of the proof and in that one's practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_case(
        &mut self,
        proof: Authorized<act::CreateCase>,
        case: &NewCase,
    ) -> Result<Case, CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        let missing = || CatalogError::Missing { what: "patient" };
        let found = sqlx::query("SELECT practice_id FROM patients WHERE id = $1")
            .bind(patient.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or_else(missing)?;
        let practice: PracticeId = id(&found, 0)?;
        let row = case.id.as_bytes();
        let wrapped = self.cipher.new_key(*row).map_err(CatalogError::Cipher)?;
        let keys = Keyring::open(&*self.cipher, *row, &wrapped)?;
        let secrets = CaseSecrets {
            title: case.title.clone(),
            date: case.date.clone(),
        };
        sqlx::query(
            "INSERT INTO cases (id, practice_id, patient_id, created_by, wrapped_key, sealed, state, version, \
             created_ms, hold, retain_until_ms, names) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, 0, $9, $10)",
        )
        .bind(case.id.to_string())
        .bind(practice.to_string())
        .bind(patient.to_string())
        .bind(proof.user().to_string())
        .bind(wrapped)
        .bind(keys.seal("cases", row, &secrets)?)
        .bind(CaseState::Open.word())
        .bind(case.created.ms())
        .bind(case.retain_until.map_or(0, Timestamp::ms))
        .bind(NameDisclosure::Withheld.word())
        .execute(self.db())
        .await?;
        self.index_case(practice, case.id, &case.title).await?;
        self.case_row(case.id).await?.ok_or_else(missing)
    }

    /// Gives a case a title, a day and a state, if `case.version` is still the present one.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where somebody else has changed the case meanwhile.
    pub async fn update_case<A: right::ChangeCase>(
        &mut self,
        proof: Authorized<A>,
        case: &Case,
    ) -> Result<(), CatalogError> {
        let key = self.under(&proof, A::id).await?;
        let wrapped = sqlx::query("SELECT id, wrapped_key, practice_id FROM cases WHERE id = $1")
            .bind(key.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "case" })?;
        let keys = case_keys(&*self.cipher, &wrapped, 0, 1)?;
        let secrets = CaseSecrets {
            title: case.title.clone(),
            date: case.date.clone(),
        };
        let updated = sqlx::query(
            "UPDATE cases SET sealed = $1, state = $2, names = $5, version = version + 1 WHERE id = $3 AND version = $4",
        )
        .bind(keys.seal("cases", key.as_bytes(), &secrets)?)
        .bind(case.state.word())
        .bind(key.to_string())
        .bind(signed(case.version))
        .bind(case.names.word())
        .execute(self.db())
        .await?;
        if updated.rows_affected() == 0 {
            return Err(CatalogError::Conflict("the case was changed meanwhile"));
        }
        sqlx::query("DELETE FROM case_tokens WHERE case_id = $1")
            .bind(key.to_string())
            .execute(self.db())
            .await?;
        self.index_case(id(&wrapped, 2)?, key, &case.title).await
    }

    async fn index_case(
        &mut self,
        practice: PracticeId,
        case: CaseId,
        title: &Phi<String>,
    ) -> Result<(), CatalogError> {
        let tokens = self.name_tokens(practice, "case.title", title).await?;
        let (practice, case) = (practice.to_string(), case.to_string());
        self.insert(
            "INSERT INTO case_tokens (practice_id, token, case_id) VALUES ",
            3,
            &tokens,
            |query, token| {
                Ok(query
                    .bind(practice.clone())
                    .bind(token.clone())
                    .bind(case.clone()))
            },
        )
        .await
    }

    /// Shares a case with its patient, or no longer.
    ///
    /// # Errors
    /// The database's.
    pub async fn share_case<A: right::ShareCase>(
        &mut self,
        proof: Authorized<A>,
        sharing: Sharing,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let case = self.under(&proof, A::id).await?;
        let shared = match sharing {
            Sharing::Private => None,
            Sharing::WithPatient => Some(now.ms()),
        };
        sqlx::query("UPDATE cases SET shared_ms = $1, version = version + 1 WHERE id = $2")
            .bind(shared)
            .bind(case.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Places a hold on a case, or lifts it.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold_case<A: right::HoldCase>(
        &mut self,
        proof: Authorized<A>,
        hold: Hold,
    ) -> Result<(), CatalogError> {
        let case = self.under(&proof, A::id).await?;
        sqlx::query("UPDATE cases SET hold = $1 WHERE id = $2")
            .bind(i64::from(hold == Hold::Placed))
            .bind(case.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Notes that a case is to be deleted, or no longer.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn mark_case_deleted<A: right::EndCase>(
        &mut self,
        proof: Authorized<A>,
        deletion: Option<Deletion>,
    ) -> Result<(), CatalogError> {
        let case = self.under(&proof, A::id).await?;
        self.mark_deleted(
            "UPDATE cases SET deleted_ms = $1, undo_ms = $2, version = version + 1 WHERE id = $3",
            case,
            deletion,
        )
        .await
    }

    /// Grants; an earlier grant of the user on the case is revoked.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_grant<A: right::PutGrant>(
        &mut self,
        proof: Authorized<A>,
        grant: &CaseGrant,
    ) -> Result<(), CatalogError> {
        let case = self.under(&proof, A::id).await?;
        sqlx::query(
            "UPDATE grants SET revoked_ms = $1 WHERE case_id = $2 AND user_id = $3 AND revoked_ms IS NULL",
        )
        .bind(grant.created.ms())
        .bind(case.to_string())
        .bind(grant.user.to_string())
        .execute(self.db())
        .await?;
        sqlx::query(
            "INSERT INTO grants (id, case_id, user_id, level, until_ms, granted_by, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(grant.id.to_string())
        .bind(case.to_string())
        .bind(grant.user.to_string())
        .bind(grant.grant.right.word())
        .bind(grant.grant.until.ms())
        .bind(proof.user().to_string())
        .bind(grant.created.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Revokes a grant; `false` where it was revoked before.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_grant(
        &mut self,
        proof: Authorized<act::RevokeGrant>,
        grant: GrantId,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let case = self.under(&proof, Authorized::on).await?;
        let revoked = sqlx::query(
            "UPDATE grants SET revoked_ms = $1 WHERE id = $2 AND case_id = $3 AND revoked_ms IS NULL",
        )
        .bind(now.ms())
        .bind(grant.to_string())
        .bind(case.to_string())
        .execute(self.db())
        .await?;
        Ok(revoked.rows_affected() == 1)
    }
}

fn case_from(conn: &Conn, row: &AnyRow) -> Result<Case, CatalogError> {
    let id: CaseId = id(row, 0)?;
    let keys = case_keys(&*conn.cipher, row, 0, 1)?;
    let secrets: CaseSecrets = keys.unseal("cases", id.as_bytes(), row.try_get(5)?)?;
    Ok(Case {
        id,
        practice: crate::sql::id(row, 2)?,
        patient: crate::sql::id(row, 3)?,
        created_by: crate::sql::id(row, 4)?,
        title: secrets.title,
        date: secrets.date,
        state: word(row, 6, CaseState::from_word, "case state")?,
        version: count(row, 7)?,
        created: Timestamp::from_ms(row.try_get(8)?),
        sharing: sharing(row, 9)?,
        deleted: moment(row, 10)?,
        names: word(row, 11, NameDisclosure::from_word, "disclosure of names")?,
    })
}

pub(crate) fn sharing(row: &AnyRow, column: usize) -> Result<Sharing, CatalogError> {
    Ok(match moment(row, column)? {
        Some(_) => Sharing::WithPatient,
        None => Sharing::Private,
    })
}

fn grant_from(row: &AnyRow) -> Result<CaseGrant, CatalogError> {
    Ok(CaseGrant {
        id: id(row, 0)?,
        case: id(row, 1)?,
        user: id(row, 2)?,
        grant: Grant {
            right: word(row, 3, GrantRight::from_word, "right of a grant")?,
            until: Timestamp::from_ms(row.try_get(4)?),
            revoked: moment(row, 5)?,
        },
        granted_by: id(row, 6)?,
        created: Timestamp::from_ms(row.try_get(7)?),
    })
}
