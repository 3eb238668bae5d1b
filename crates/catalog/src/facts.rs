//! What the policy must know, in its own words: how a user stands to a practice, a profile, a case, an item.
//!
//! Each question is one statement. Nothing of content comes out here, so that facts can be read before the answer is
//! known; a thing that is not there has none.

use domain::{
    CareTeam, CaseId, CaseState, Deletion, Demographics, Grant, GrantRight, ItemId, Keeping, MemberRole,
    NameDisclosure, OriginalId, PatientId, PatientLink, PracticeId, Release, ReleaseScope, Timestamp, UserId,
    Window,
};
use policy::{CaseFacts, ItemFacts, OriginalFacts, PatientFacts, PracticeFacts};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::cases::sharing;
use crate::cipher::Keyring;
use crate::database::Conn;
use crate::error::{CatalogError, unreadable};
use crate::patients::hold;
use crate::people::moment;
use crate::practices::PracticeSettings;
use crate::sql::{id, word};
use crate::standing::Facts;

/// The operator of the machine, who is no user, as the uploader of what has none.
const NOBODY: [u8; 16] = [0; 16];

/// Columns 0 to 11, with the tables that they come from; `$1` is the thing, `$2` the user.
const PATIENT: &str = "p.practice_id, m.role, p.id, p.created_by, t.user_id, l.sealed, p.wrapped_key, p.sealed, \
                       r.settings, p.deleted_ms, p.undo_ms, p.hold";
const PATIENT_JOINS: &str = "JOIN practices r ON r.id = p.practice_id \
                             LEFT JOIN members m ON m.practice_id = p.practice_id AND m.user_id = $2 \
                             AND m.state = 'active' \
                             LEFT JOIN care_team t ON t.patient_id = p.id AND t.user_id = $2 \
                             LEFT JOIN patient_users l ON l.patient_id = p.id AND l.user_id = $2";
/// Emergency access that the user opened and nobody ended, by the names of its columns.
const EMERGENCY: &str = "(SELECT e.from_ms FROM emergencies e WHERE e.practice_id = r.id AND e.user_id = $2 \
                         AND e.ended_ms IS NULL ORDER BY e.until_ms DESC LIMIT 1) AS emergency_from, \
                         (SELECT e.until_ms FROM emergencies e WHERE e.practice_id = r.id AND e.user_id = $2 \
                         AND e.ended_ms IS NULL ORDER BY e.until_ms DESC LIMIT 1) AS emergency_until";
/// Columns 12 to 22.
const CASE: &str = "c.id, c.state, c.shared_ms, c.names, g.level, g.until_ms, g.revoked_ms, c.deleted_ms, c.undo_ms, \
                    c.hold, c.retain_until_ms";
const CASE_JOINS: &str = "JOIN patients p ON p.id = c.patient_id";
const GRANT_JOIN: &str = "LEFT JOIN grants g ON g.case_id = c.id AND g.user_id = $2";
/// Columns 23 to 26.
const ITEM: &str = "i.id, i.uploader, i.deleted_ms, i.undo_ms";
/// The grant that ends last, one that was not revoked before those that were.
const LATEST_GRANT: &str =
    "ORDER BY CASE WHEN g.revoked_ms IS NULL THEN 1 ELSE 0 END DESC, g.until_ms DESC LIMIT 1";

impl Facts<'_> {
    /// How a user stands to a practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn practice_facts(
        &mut self,
        practice: PracticeId,
        user: UserId,
    ) -> Result<Option<PracticeFacts>, CatalogError> {
        let sql = format!(
            "SELECT r.id, m.role, {EMERGENCY} FROM practices r LEFT JOIN members m ON m.practice_id = r.id \
             AND m.user_id = $2 AND m.state = 'active' WHERE r.id = $1"
        );
        let row = self.fact(sql, practice, user).await?;
        row.map(|row| practice_from(&row)).transpose()
    }

    /// How a user stands to a patient profile.
    ///
    /// # Errors
    /// The database's.
    pub async fn patient_facts(
        &mut self,
        patient: PatientId,
        user: UserId,
    ) -> Result<Option<PatientFacts>, CatalogError> {
        let sql = format!("SELECT {PATIENT}, {EMERGENCY} FROM patients p {PATIENT_JOINS} WHERE p.id = $1");
        let row = self.fact(sql, patient, user).await?;
        row.map(|row| patient_from(self.conn(), user, &row)).transpose()
    }

    /// How a user stands to a case of a practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn case_facts(
        &mut self,
        case: CaseId,
        user: UserId,
    ) -> Result<Option<CaseFacts>, CatalogError> {
        let sql = format!(
            "SELECT {PATIENT}, {CASE}, {EMERGENCY} FROM cases c {CASE_JOINS} {PATIENT_JOINS} {GRANT_JOIN} \
             WHERE c.id = $1 {LATEST_GRANT}"
        );
        let row = self.fact(sql, case, user).await?;
        row.map(|row| case_from(self.conn(), user, &row)).transpose()
    }

    /// How a user stands to an item in a case of a practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn item_facts(
        &mut self,
        item: ItemId,
        user: UserId,
    ) -> Result<Option<ItemFacts>, CatalogError> {
        let sql = format!(
            "SELECT {PATIENT}, {CASE}, {ITEM}, {EMERGENCY} FROM items i JOIN cases c ON c.id = i.case_id {CASE_JOINS} \
             {PATIENT_JOINS} {GRANT_JOIN} WHERE i.id = $1 {LATEST_GRANT}"
        );
        let row = self.fact(sql, item, user).await?;
        row.map(|row| item_from(self.conn(), user, &row)).transpose()
    }

    /// How a user stands to a file and the first item that was made of it.
    ///
    /// # Errors
    /// The database's.
    pub async fn original_facts(
        &mut self,
        original: OriginalId,
        user: UserId,
    ) -> Result<Option<OriginalFacts>, CatalogError> {
        let sql = format!(
            "SELECT {PATIENT}, {CASE}, {ITEM}, o.id, o.uploader, {EMERGENCY} FROM originals o \
             JOIN items i ON i.id = (SELECT f.id FROM item_originals k JOIN items f ON f.id = k.item_id \
             WHERE k.original_id = o.id ORDER BY CASE WHEN f.deleted_ms IS NULL THEN 0 ELSE 1 END, f.id LIMIT 1) \
             JOIN cases c ON c.id = i.case_id {CASE_JOINS} {PATIENT_JOINS} {GRANT_JOIN} \
             WHERE o.id = $1 {LATEST_GRANT}"
        );
        let row = self.fact(sql, original, user).await?;
        row.map(|row| {
            Ok(OriginalFacts {
                original: id(&row, 27)?,
                uploader: uploader(&row, 28)?,
                item: item_from(self.conn(), user, &row)?,
            })
        })
        .transpose()
    }

    /// The latest biometric release of a patient, withdrawn or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn latest_release(&mut self, patient: PatientId) -> Result<Option<Release>, CatalogError> {
        let row = sqlx::query(
            "SELECT version, scope, signed_ms, withdrawn_ms FROM releases WHERE patient_id = $1 \
             ORDER BY signed_ms DESC, id DESC LIMIT 1",
        )
        .bind(patient.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| release_from(&row)).transpose()
    }

    async fn fact(
        &mut self,
        sql: String,
        thing: impl ToString,
        user: UserId,
    ) -> Result<Option<AnyRow>, CatalogError> {
        Ok(sqlx::query(AssertSqlSafe(sql))
            .bind(thing.to_string())
            .bind(user.to_string())
            .fetch_optional(self.db())
            .await?)
    }
}

/// Columns: version, scope, when it was signed and withdrawn.
pub(crate) fn release_from(row: &AnyRow) -> Result<Release, CatalogError> {
    let version: &str = row.try_get(0)?;
    Ok(Release {
        version: domain::AgreementVersion(version.parse().map_err(unreadable("version of a release"))?),
        scope: word(row, 1, ReleaseScope::from_word, "scope of a release")?,
        signed: Timestamp::from_ms(row.try_get(2)?),
        withdrawn: moment(row, 3)?,
    })
}

fn practice_from(row: &AnyRow) -> Result<PracticeFacts, CatalogError> {
    let role = match row.try_get::<Option<&str>, _>(1)? {
        Some(_) => Some(word(row, 1, MemberRole::from_word, "role")?),
        None => None,
    };
    let from: Option<i64> = row.try_get("emergency_from")?;
    let until: Option<i64> = row.try_get("emergency_until")?;
    Ok(PracticeFacts {
        practice: id(row, 0)?,
        role,
        emergency: from.zip(until).map(|(from, until)| Window {
            from: Timestamp::from_ms(from),
            until: Timestamp::from_ms(until),
        }),
    })
}

fn patient_from(conn: &Conn, user: UserId, row: &AnyRow) -> Result<PatientFacts, CatalogError> {
    let patient: PatientId = id(row, 2)?;
    let settings: PracticeSettings =
        serde_json::from_str(row.try_get(8)?).map_err(unreadable("settings of a practice"))?;
    let keys = Keyring::open(&*conn.cipher, *patient.as_bytes(), row.try_get(6)?)?;
    let link: Option<PatientLink> = match row.try_get::<Option<&[u8]>, _>(5)? {
        Some(sealed) => Some(keys.unseal("patient_users", user.as_bytes(), sealed)?),
        None => None,
    };
    let demographics: Demographics = keys.unseal("patients", patient.as_bytes(), row.try_get(7)?)?;
    Ok(PatientFacts {
        patient,
        practice: practice_from(row)?,
        creator: id(row, 3)?,
        care_team: match row.try_get::<Option<&str>, _>(4)? {
            Some(_) => CareTeam::Member,
            None => CareTeam::Outside,
        },
        link,
        comes_of_age: demographics
            .born
            .map(|born| born.reveal().plus_years(settings.majority_years).start()),
        deletion: deletion(row, 9)?,
        keeping: Keeping {
            hold: hold(row, 11)?,
            retain_until: None,
        },
    })
}

fn case_from(conn: &Conn, user: UserId, row: &AnyRow) -> Result<CaseFacts, CatalogError> {
    let grant = match row.try_get::<Option<&str>, _>(16)? {
        Some(_) => Some(Grant {
            right: word(row, 16, GrantRight::from_word, "right of a grant")?,
            until: Timestamp::from_ms(row.try_get(17)?),
            revoked: moment(row, 18)?,
        }),
        None => None,
    };
    let retain_until: i64 = row.try_get(22)?;
    Ok(CaseFacts {
        case: id(row, 12)?,
        patient: patient_from(conn, user, row)?,
        state: word(row, 13, CaseState::from_word, "case state")?,
        sharing: sharing(row, 14)?,
        names: word(row, 15, NameDisclosure::from_word, "disclosure of names")?,
        grant,
        deletion: deletion(row, 19)?,
        keeping: Keeping {
            hold: hold(row, 21)?,
            retain_until: (retain_until > 0).then(|| Timestamp::from_ms(retain_until)),
        },
    })
}

fn item_from(conn: &Conn, user: UserId, row: &AnyRow) -> Result<ItemFacts, CatalogError> {
    Ok(ItemFacts {
        item: id(row, 23)?,
        case: case_from(conn, user, row)?,
        uploader: uploader(row, 24)?,
        deletion: deletion(row, 25)?,
        keeping: Keeping::FREE,
    })
}

pub(crate) fn uploader(row: &AnyRow, column: usize) -> Result<UserId, CatalogError> {
    Ok(crate::sql::maybe_id(row, column)?.unwrap_or(UserId::from_bytes(NOBODY)))
}

/// The deletion in two columns.
pub(crate) fn deletion(row: &AnyRow, first: usize) -> Result<Option<Deletion>, CatalogError> {
    Ok(moment(row, first)?
        .zip(moment(row, first + 1)?)
        .map(|(at, undo_until)| Deletion { at, undo_until }))
}
