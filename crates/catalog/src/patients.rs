//! Patient profiles, their care teams, and the people who see them as patients or guardians.

use domain::{Demographics, Hold, PatientId, PatientLink, Phi, PracticeId, Timestamp, UserId};
use policy::{Authorized, act};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::cipher::Keyring;
use crate::database::{Change, Conn};
use crate::error::CatalogError;
use crate::people::moment;
use crate::right;
use crate::sql::{id, signed};
use crate::standing::Facts;
use crate::words::{beginnings, words};

/// A patient profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Patient {
    /// Its id.
    pub id: PatientId,
    /// Whose profile it is.
    pub practice: PracticeId,
    /// Who made it.
    pub created_by: UserId,
    /// Whom it is of.
    pub demographics: Demographics,
    /// Goes up with every change.
    pub version: u64,
    /// When it was made.
    pub created: Timestamp,
    /// Whether a legal hold lies on it.
    pub hold: Hold,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
}

/// Where a page of a list begins: after the row made then, with this identifier.
#[derive(Clone, Debug, PartialEq)]
pub struct After {
    /// When the last row of the page before was made.
    pub created: Timestamp,
    /// Its identifier.
    pub id: String,
}

impl After {
    pub(crate) fn or_start(after: Option<&Self>) -> (i64, String) {
        // Identifiers are hexadecimal: `g` comes after all of them.
        after.map_or((i64::MAX, "g".to_owned()), |after| {
            (after.created.ms(), after.id.clone())
        })
    }
}

const COLUMNS: &str = "SELECT p.id, p.practice_id, p.created_by, p.wrapped_key, p.sealed, p.version, p.created_ms, \
                       p.hold, p.deleted_ms FROM patients p";

impl Conn {
    /// A patient profile.
    ///
    /// # Errors
    /// The database's.
    pub async fn patient<A: right::ReadPatient>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Option<Patient>, CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        let row = sqlx::query(AssertSqlSafe(format!("{COLUMNS} WHERE p.id = $1")))
            .bind(patient.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| patient_from(self, &row)).transpose()
    }

    /// The profiles of a practice in whose care team the user is, the latest first; where `search` says something, those
    /// whose name has words that begin so.
    ///
    /// # Errors
    /// The database's.
    pub async fn patients_of(
        &mut self,
        proof: Authorized<act::ListPatients>,
        search: Option<&Phi<String>>,
        after: Option<&After>,
        limit: u32,
    ) -> Result<Vec<Patient>, CatalogError> {
        let (practice, user) = (self.under(&proof, Authorized::on).await?, proof.user());
        let tokens = self.search_tokens(practice, "patient.name", search).await?;
        let (created, last) = After::or_start(after);
        let mut sql = format!(
            "{COLUMNS} WHERE p.practice_id = $1 AND p.deleted_ms IS NULL AND (p.created_ms, p.id) < ($2, $3) \
             AND EXISTS (SELECT 1 FROM care_team t WHERE t.patient_id = p.id AND t.user_id = $4)"
        );
        for number in 0..tokens.len() {
            sql += &format!(
                " AND p.id IN (SELECT patient_id FROM patient_tokens WHERE practice_id = $1 AND token = ${})",
                number + 6
            );
        }
        sql += " ORDER BY p.created_ms DESC, p.id DESC LIMIT $5";
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(practice.to_string())
            .bind(created)
            .bind(last)
            .bind(user.to_string())
            .bind(i64::from(limit));
        for token in tokens {
            query = query.bind(token);
        }
        let rows = query.fetch_all(self.db()).await?;
        rows.iter().map(|row| patient_from(self, row)).collect()
    }

    /// The tokens of what is searched for; none where nothing is.
    pub(crate) async fn search_tokens(
        &mut self,
        practice: PracticeId,
        column: &str,
        search: Option<&Phi<String>>,
    ) -> Result<Vec<Vec<u8>>, CatalogError> {
        let Some(search) = search else {
            return Ok(Vec::new());
        };
        let keys = self.keys_of_practice(practice).await?;
        Ok(words(search.reveal())
            .into_iter()
            .map(|word| keys.token(column, &Phi::new(word)))
            .collect())
    }

    /// Who is in the care team of a profile, since when.
    ///
    /// # Errors
    /// The database's.
    pub async fn care_team<A: right::ReadTeam>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Vec<(UserId, Timestamp)>, CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        let rows = sqlx::query(
            "SELECT user_id, since_ms FROM care_team WHERE patient_id = $1 ORDER BY since_ms, user_id",
        )
        .bind(patient.to_string())
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| Ok((id(row, 0)?, Timestamp::from_ms(row.try_get(1)?))))
            .collect()
    }

    /// Who sees a profile as the patient or as a guardian.
    ///
    /// # Errors
    /// The database's.
    pub async fn patient_users<A: right::ReadPeople>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Vec<(UserId, PatientLink)>, CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        let rows = sqlx::query(
            "SELECT u.user_id, u.sealed, p.wrapped_key FROM patient_users u JOIN patients p ON p.id = u.patient_id \
             WHERE u.patient_id = $1 ORDER BY u.user_id",
        )
        .bind(patient.to_string())
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| {
                let keys = Keyring::open(&*self.cipher, *patient.as_bytes(), row.try_get(2)?)?;
                let user: UserId = id(row, 0)?;
                let link = keys.unseal("patient_users", user.as_bytes(), row.try_get(1)?)?;
                Ok((user, link))
            })
            .collect()
    }

    /// The profiles that a person sees as the patient or as a guardian; deleted ones are none.
    ///
    /// # Errors
    /// The database's.
    pub async fn records_of(
        &mut self,
        proof: Authorized<act::SeeSignIn>,
    ) -> Result<Vec<(PatientId, PatientLink)>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let rows = sqlx::query(
            "SELECT u.patient_id, u.sealed, p.wrapped_key FROM patient_users u JOIN patients p ON p.id = u.patient_id \
             WHERE u.user_id = $1 AND p.deleted_ms IS NULL ORDER BY u.patient_id",
        )
        .bind(user.to_string())
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| {
                let patient: PatientId = id(row, 0)?;
                let keys = Keyring::open(&*self.cipher, *patient.as_bytes(), row.try_get(2)?)?;
                let link = keys.unseal("patient_users", user.as_bytes(), row.try_get(1)?)?;
                Ok((patient, link))
            })
            .collect()
    }

    pub(crate) async fn keys_of_patient(&mut self, patient: PatientId) -> Result<Keyring, CatalogError> {
        let row = sqlx::query("SELECT wrapped_key FROM patients WHERE id = $1")
            .bind(patient.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "patient" })?;
        Keyring::open(&*self.cipher, *patient.as_bytes(), row.try_get(0)?)
    }
}

impl Facts<'_> {
    /// Who is in the care team of a profile.
    ///
    /// # Errors
    /// The database's.
    pub async fn care_team(&mut self, patient: PatientId) -> Result<Vec<UserId>, CatalogError> {
        let rows =
            sqlx::query("SELECT user_id FROM care_team WHERE patient_id = $1 ORDER BY since_ms, user_id")
                .bind(patient.to_string())
                .fetch_all(self.db())
                .await?;
        rows.iter().map(|row| id(row, 0)).collect()
    }
}

impl Change {
    /// Makes a profile; its maker is the care team.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_patient(
        &mut self,
        proof: Authorized<act::CreatePatient>,
        patient: &Patient,
    ) -> Result<(), CatalogError> {
        let practice = self.under(&proof, Authorized::on).await?;
        let row = patient.id.as_bytes();
        let wrapped = self.cipher.new_key(*row).map_err(CatalogError::Cipher)?;
        let keys = Keyring::open(&*self.cipher, *row, &wrapped)?;
        sqlx::query(
            "INSERT INTO patients (id, practice_id, created_by, wrapped_key, sealed, version, created_ms, hold) \
             VALUES ($1, $2, $3, $4, $5, 1, $6, 0)",
        )
        .bind(patient.id.to_string())
        .bind(practice.to_string())
        .bind(proof.user().to_string())
        .bind(wrapped)
        .bind(keys.seal("patients", row, &patient.demographics)?)
        .bind(patient.created.ms())
        .execute(self.db())
        .await?;
        self.join_care_team(patient.id, proof.user(), patient.created)
            .await?;
        self.index_patient(practice, patient.id, &patient.demographics.name)
            .await
    }

    /// Writes down who the patient is, if `version` is still the present one.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where somebody else has changed the profile meanwhile.
    pub async fn update_patient(
        &mut self,
        proof: Authorized<act::EditProfile>,
        version: u64,
        demographics: &Demographics,
    ) -> Result<(), CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        let row = sqlx::query("SELECT wrapped_key, practice_id FROM patients WHERE id = $1")
            .bind(patient.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "patient" })?;
        let keys = Keyring::open(&*self.cipher, *patient.as_bytes(), row.try_get(0)?)?;
        let practice: PracticeId = id(&row, 1)?;
        let updated = sqlx::query(
            "UPDATE patients SET sealed = $1, version = version + 1 WHERE id = $2 AND version = $3",
        )
        .bind(keys.seal("patients", patient.as_bytes(), demographics)?)
        .bind(patient.to_string())
        .bind(signed(version))
        .execute(self.db())
        .await?;
        if updated.rows_affected() == 0 {
            return Err(CatalogError::Conflict("the profile was changed meanwhile"));
        }
        sqlx::query("DELETE FROM patient_tokens WHERE patient_id = $1")
            .bind(patient.to_string())
            .execute(self.db())
            .await?;
        self.index_patient(practice, patient, &demographics.name).await
    }

    async fn index_patient(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        name: &Phi<String>,
    ) -> Result<(), CatalogError> {
        let tokens = self.name_tokens(practice, "patient.name", name).await?;
        let (practice, patient) = (practice.to_string(), patient.to_string());
        self.insert(
            "INSERT INTO patient_tokens (practice_id, token, patient_id) VALUES ",
            3,
            &tokens,
            |query, token| {
                Ok(query
                    .bind(practice.clone())
                    .bind(token.clone())
                    .bind(patient.clone()))
            },
        )
        .await
    }

    /// Tokens of all beginnings of the words of a name.
    pub(crate) async fn name_tokens(
        &mut self,
        practice: PracticeId,
        column: &str,
        name: &Phi<String>,
    ) -> Result<Vec<Vec<u8>>, CatalogError> {
        let keys = self.keys_of_practice(practice).await?;
        Ok(beginnings(name.reveal())
            .into_iter()
            .map(|beginning| keys.token(column, &Phi::new(beginning)))
            .collect())
    }

    /// Adds a user to a care team.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_care_team(
        &mut self,
        proof: Authorized<act::ChangeCareTeam>,
        user: UserId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        self.join_care_team(patient, user, now).await
    }

    async fn join_care_team(
        &mut self,
        patient: PatientId,
        user: UserId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        sqlx::query(
            "INSERT INTO care_team (patient_id, user_id, since_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(patient.to_string())
        .bind(user.to_string())
        .bind(now.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Takes a user out of a care team; `false` where the user is not in it.
    ///
    /// # Errors
    /// The database's.
    pub async fn leave_care_team(
        &mut self,
        proof: Authorized<act::ChangeCareTeam>,
        user: UserId,
    ) -> Result<bool, CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        let left = sqlx::query("DELETE FROM care_team WHERE patient_id = $1 AND user_id = $2")
            .bind(patient.to_string())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(left.rows_affected() == 1)
    }

    /// Lets a user see a profile as the patient or as a guardian.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_patient_user<A: right::PutPeople>(
        &mut self,
        proof: Authorized<A>,
        user: UserId,
        link: &PatientLink,
    ) -> Result<(), CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        let keys = self.keys_of_patient(patient).await?;
        sqlx::query(
            "INSERT INTO patient_users (patient_id, user_id, sealed) VALUES ($1, $2, $3) \
             ON CONFLICT (patient_id, user_id) DO UPDATE SET sealed = excluded.sealed",
        )
        .bind(patient.to_string())
        .bind(user.to_string())
        .bind(keys.seal("patient_users", user.as_bytes(), link)?)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Ends a user's view of a profile; `false` where there was none.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_patient_user(
        &mut self,
        proof: Authorized<act::EndPatientLink>,
        user: UserId,
    ) -> Result<bool, CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        let removed = sqlx::query("DELETE FROM patient_users WHERE patient_id = $1 AND user_id = $2")
            .bind(patient.to_string())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(removed.rows_affected() == 1)
    }
}

pub(crate) fn patient_from(conn: &Conn, row: &AnyRow) -> Result<Patient, CatalogError> {
    let id: PatientId = id(row, 0)?;
    let keys = Keyring::open(&*conn.cipher, *id.as_bytes(), row.try_get(3)?)?;
    Ok(Patient {
        id,
        practice: crate::sql::id(row, 1)?,
        created_by: crate::sql::id(row, 2)?,
        demographics: keys.unseal("patients", id.as_bytes(), row.try_get(4)?)?,
        version: crate::sql::count(row, 5)?,
        created: Timestamp::from_ms(row.try_get(6)?),
        hold: hold(row, 7)?,
        deleted: moment(row, 8)?,
    })
}

/// The hold in a column.
pub(crate) fn hold(row: &AnyRow, column: usize) -> Result<Hold, CatalogError> {
    Ok(match row.try_get::<i64, _>(column)? {
        0 => Hold::None,
        _ => Hold::Placed,
    })
}
