//! What patients and guardians ask a practice for by law: an amendment of the record (45 CFR 164.526) or a copy of it
//! (45 CFR 164.524). The practice answers; what was asked and answered stays.

use domain::{PatientId, Phi, RecordRequestId, RecordRequestKind, RecordRequestState, Timestamp, UserId};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::cipher::Keyring;
use crate::database::{Change, Conn};
use crate::error::CatalogError;
use crate::people::moment;
use crate::right;
use crate::sql::{id, maybe_id, word};
use crate::standing::Facts;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRequest {
    /// Its id.
    pub id: RecordRequestId,
    /// Whose record it is about.
    pub patient: PatientId,
    /// Who asked.
    pub asked_by: UserId,
    /// For what.
    pub kind: RecordRequestKind,
    /// How it stands.
    pub state: RecordRequestState,
    /// In which words.
    pub text: Phi<String>,
    /// What the practice answered.
    pub answer: Option<Phi<String>>,
    /// When it was asked.
    pub asked: Timestamp,
    /// Who answered.
    pub answered_by: Option<UserId>,
    /// When.
    pub answered: Option<Timestamp>,
}

/// What is sealed of a request, under the patient's key.
#[derive(Serialize, Deserialize)]
struct Words {
    text: Phi<String>,
    answer: Option<Phi<String>>,
}

const COLUMNS: &str = "SELECT r.id, r.patient_id, r.asked_by, r.kind, r.state, r.sealed, r.asked_ms, r.answered_by, \
                       r.answered_ms, p.wrapped_key FROM requests r JOIN patients p ON p.id = r.patient_id";

impl Conn {
    /// The requests about a patient's record, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn requests_of(
        &mut self,
        proof: Authorized<act::ReadProfile>,
    ) -> Result<Vec<RecordRequest>, CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        let sql = format!("{COLUMNS} WHERE r.patient_id = $1 ORDER BY r.asked_ms DESC, r.id DESC");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(patient.to_string())
            .fetch_all(self.db())
            .await?;
        rows.iter().map(|row| request_from(self, row)).collect()
    }

    /// A request about the patient's record that is to be answered.
    ///
    /// # Errors
    /// The database's.
    pub async fn request<A: right::AnswerPatient>(
        &mut self,
        proof: Authorized<A>,
        request: RecordRequestId,
    ) -> Result<Option<RecordRequest>, CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        let sql = format!("{COLUMNS} WHERE r.id = $1 AND r.patient_id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(request.to_string())
            .bind(patient.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| request_from(self, &row)).transpose()
    }
}

impl Facts<'_> {
    /// Whose record a request is about, and for what it is.
    ///
    /// # Errors
    /// The database's.
    pub async fn request(
        &mut self,
        request: RecordRequestId,
    ) -> Result<Option<(PatientId, RecordRequestKind)>, CatalogError> {
        let row = sqlx::query("SELECT patient_id, kind FROM requests WHERE id = $1")
            .bind(request.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| {
            let kind = word(&row, 1, RecordRequestKind::from_word, "kind of a request")?;
            Ok((id(&row, 0)?, kind))
        })
        .transpose()
    }
}

impl Change {
    /// Keeps a request.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_request<A: right::AskPractice>(
        &mut self,
        proof: Authorized<A>,
        request: &RecordRequest,
    ) -> Result<(), CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        let sealed = self.sealed_words(patient, request).await?;
        sqlx::query(
            "INSERT INTO requests (id, patient_id, asked_by, kind, state, sealed, asked_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(request.id.to_string())
        .bind(patient.to_string())
        .bind(proof.user().to_string())
        .bind(request.kind.word())
        .bind(request.state.word())
        .bind(sealed)
        .bind(request.asked.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Keeps the answer to a request that was open.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where it was answered before.
    pub async fn answer_request<A: right::AnswerPatient>(
        &mut self,
        proof: Authorized<A>,
        request: &RecordRequest,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        let sealed = self.sealed_words(patient, request).await?;
        let answered = sqlx::query(
            "UPDATE requests SET state = $1, sealed = $2, answered_by = $3, answered_ms = $4 \
             WHERE id = $5 AND state = $6 AND patient_id = $7",
        )
        .bind(request.state.word())
        .bind(sealed)
        .bind(proof.user().to_string())
        .bind(now.ms())
        .bind(request.id.to_string())
        .bind(RecordRequestState::Open.word())
        .bind(patient.to_string())
        .execute(self.db())
        .await?;
        match answered.rows_affected() {
            0 => Err(CatalogError::Conflict("the request was answered before")),
            _ => Ok(()),
        }
    }

    async fn sealed_words(
        &mut self,
        patient: PatientId,
        request: &RecordRequest,
    ) -> Result<Vec<u8>, CatalogError> {
        let keys = self.keys_of_patient(patient).await?;
        let words = Words {
            text: request.text.clone(),
            answer: request.answer.clone(),
        };
        keys.seal("requests", request.id.as_bytes(), &words)
    }
}

fn request_from(conn: &Conn, row: &AnyRow) -> Result<RecordRequest, CatalogError> {
    let id: RecordRequestId = id(row, 0)?;
    let patient: PatientId = crate::sql::id(row, 1)?;
    let keys = Keyring::open(&*conn.cipher, *patient.as_bytes(), row.try_get(9)?)?;
    let words: Words = keys.unseal("requests", id.as_bytes(), row.try_get(5)?)?;
    Ok(RecordRequest {
        id,
        patient,
        asked_by: crate::sql::id(row, 2)?,
        kind: word(row, 3, RecordRequestKind::from_word, "kind of a request")?,
        state: word(row, 4, RecordRequestState::from_word, "state of a request")?,
        text: words.text,
        answer: words.answer,
        asked: Timestamp::from_ms(row.try_get(6)?),
        answered_by: maybe_id(row, 7)?,
        answered: moment(row, 8)?,
    })
}
