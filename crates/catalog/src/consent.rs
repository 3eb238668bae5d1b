//! Biometric releases that were signed, and connections that patients started.

use domain::{
    AgreementVersion, ConnectionId, ConnectionState, Hold, PatientId, Phi, Release, ReleaseId, ReleaseScope,
    Timestamp, UserId,
};
use policy::{Authorized, ConnectionFacts, act};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::cipher::Keyring;
use crate::database::{Change, Conn};
use crate::error::{CatalogError, unreadable};
use crate::people::moment;
use crate::right;
use crate::sql::{id, word};
use crate::standing::Facts;

/// A release as it was signed.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedRelease {
    /// Its id.
    pub id: ReleaseId,
    /// Whom it concerns.
    pub patient: PatientId,
    /// Who signed: the patient or a guardian.
    pub signed_by: UserId,
    /// The name that was signed with.
    pub name: Phi<String>,
    /// Version, scope, when it was signed and withdrawn.
    pub release: Release,
}

/// A link between a patient and a doctor.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// What decides on it: identifier, patient, doctor, state.
    pub facts: ConnectionFacts,
    /// When the patient started it.
    pub created: Timestamp,
}

const CONNECTIONS: &str = "SELECT id, patient_user, doctor, state, created_ms FROM connections";

impl Conn {
    /// The releases of a patient, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn releases_of(
        &mut self,
        proof: Authorized<act::ReadReleases>,
    ) -> Result<Vec<SignedRelease>, CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        let rows = sqlx::query(
            "SELECT r.id, r.signed_by, r.sealed, r.version, r.scope, r.signed_ms, r.withdrawn_ms, p.wrapped_key \
             FROM releases r JOIN patients p ON p.id = r.patient_id WHERE r.patient_id = $1 \
             ORDER BY r.signed_ms DESC, r.id DESC",
        )
        .bind(patient.to_string())
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| {
                let keys = Keyring::open(&*self.cipher, *patient.as_bytes(), row.try_get(7)?)?;
                let id: ReleaseId = id(row, 0)?;
                let version: &str = row.try_get(3)?;
                Ok(SignedRelease {
                    id,
                    patient,
                    signed_by: crate::sql::id(row, 1)?,
                    name: keys.unseal("releases", id.as_bytes(), row.try_get(2)?)?,
                    release: Release {
                        version: AgreementVersion(
                            version.parse().map_err(unreadable("version of a release"))?,
                        ),
                        scope: word(row, 4, ReleaseScope::from_word, "scope of a release")?,
                        signed: Timestamp::from_ms(row.try_get(5)?),
                        withdrawn: moment(row, 6)?,
                    },
                })
            })
            .collect()
    }

    /// The connections of a user, as the patient or as the doctor, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn connections_of(
        &mut self,
        proof: Authorized<act::ListConnections>,
    ) -> Result<Vec<Connection>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let sql =
            format!("{CONNECTIONS} WHERE patient_user = $1 OR doctor = $1 ORDER BY created_ms DESC, id DESC");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.to_string())
            .fetch_all(self.db())
            .await?;
        rows.iter().map(connection_from).collect()
    }
}

impl Facts<'_> {
    /// A connection.
    ///
    /// # Errors
    /// The database's.
    pub async fn connection(&mut self, connection: ConnectionId) -> Result<Option<Connection>, CatalogError> {
        let row = sqlx::query(AssertSqlSafe(format!("{CONNECTIONS} WHERE id = $1")))
            .bind(connection.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| connection_from(&row)).transpose()
    }
}

impl Change {
    /// Keeps a release that was signed.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_release(
        &mut self,
        proof: Authorized<act::SignRelease>,
        release: &SignedRelease,
    ) -> Result<(), CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        let keys = self.keys_of_patient(patient).await?;
        sqlx::query(
            "INSERT INTO releases (id, patient_id, signed_by, version, scope, sealed, signed_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(release.id.to_string())
        .bind(patient.to_string())
        .bind(proof.user().to_string())
        .bind(release.release.version.0.to_string())
        .bind(release.release.scope.word())
        .bind(keys.seal("releases", release.id.as_bytes(), &release.name)?)
        .bind(release.release.signed.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Withdraws all releases of a patient that hold; `false` where there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn withdraw_releases(
        &mut self,
        proof: Authorized<act::WithdrawRelease>,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let patient = self.under(&proof, Authorized::on).await?;
        let withdrawn = sqlx::query(
            "UPDATE releases SET withdrawn_ms = $1 WHERE patient_id = $2 AND withdrawn_ms IS NULL",
        )
        .bind(now.ms())
        .bind(patient.to_string())
        .execute(self.db())
        .await?;
        Ok(withdrawn.rows_affected() > 0)
    }

    /// Starts a connection, or starts it anew where an earlier one of the two was declined or ended.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where one was asked for or is active.
    pub async fn start_connection(
        &mut self,
        proof: Authorized<act::StartConnection>,
        connection: &Connection,
    ) -> Result<(), CatalogError> {
        self.under(&proof, Authorized::on).await?;
        let facts = ConnectionFacts {
            patient: proof.user(),
            ..connection.facts
        };
        sqlx::query(
            "DELETE FROM connections WHERE patient_user = $1 AND doctor = $2 AND state IN ('declined', 'ended')",
        )
        .bind(facts.patient.to_string())
        .bind(facts.doctor.to_string())
        .execute(self.db())
        .await?;
        let started = sqlx::query(
            "INSERT INTO connections (id, patient_user, doctor, state, created_ms, changed_ms) \
             VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
        )
        .bind(facts.connection.to_string())
        .bind(facts.patient.to_string())
        .bind(facts.doctor.to_string())
        .bind(facts.state.word())
        .bind(connection.created.ms())
        .execute(self.db())
        .await?;
        match started.rows_affected() {
            0 => Err(CatalogError::Conflict("there is a connection already")),
            _ => Ok(()),
        }
    }

    /// Changes how a connection stands, if it still stands as `from`.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where it does not.
    pub async fn change_connection<A: right::ChangeConnection>(
        &mut self,
        proof: Authorized<A>,
        from: ConnectionState,
        to: ConnectionState,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let connection = self.under(&proof, A::id).await?;
        let changed =
            sqlx::query("UPDATE connections SET state = $1, changed_ms = $2 WHERE id = $3 AND state = $4")
                .bind(to.word())
                .bind(now.ms())
                .bind(connection.to_string())
                .bind(from.word())
                .execute(self.db())
                .await?;
        match changed.rows_affected() {
            0 => Err(CatalogError::Conflict("the connection was changed meanwhile")),
            _ => Ok(()),
        }
    }

    /// Places a hold on a profile, and so on all of its cases, or lifts it.
    ///
    /// # Errors
    /// The database's.
    pub async fn hold_patient<A: right::HoldPatient>(
        &mut self,
        proof: Authorized<A>,
        hold: Hold,
    ) -> Result<(), CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        sqlx::query("UPDATE patients SET hold = $1 WHERE id = $2")
            .bind(i64::from(hold == Hold::Placed))
            .bind(patient.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }
}

fn connection_from(row: &AnyRow) -> Result<Connection, CatalogError> {
    Ok(Connection {
        facts: ConnectionFacts {
            connection: id(row, 0)?,
            patient: id(row, 1)?,
            doctor: id(row, 2)?,
            state: word(row, 3, ConnectionState::from_word, "state of a connection")?,
        },
        created: Timestamp::from_ms(row.try_get(4)?),
    })
}
