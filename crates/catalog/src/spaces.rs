//! Users' own spaces of captures. A space is a case that no practice and no patient has: what belongs to it is kept as
//! in any case, under a key of its own, and no route to cases leads to it.

use domain::{
    CaseId, CaseState, ConnectionState, ItemId, Keeping, NameDisclosure, Release, Timestamp, UserId,
};
use policy::{Authorized, CaptureFacts, ConnectionFacts, Destination, SpaceFacts};
use sqlx::Row;

use crate::cases::CaseSecrets;
use crate::cipher::Keyring;
use crate::database::{Change, Conn};
use crate::error::{CatalogError, unreadable};
use crate::facts::{deletion, release_from, uploader};
use crate::right;
use crate::sql::{id, random, word};
use crate::standing::{AsSystem, Facts};

impl Facts<'_> {
    /// The case that is a user's space, where the user has one.
    ///
    /// # Errors
    /// The database's.
    pub async fn space_of(&mut self, user: UserId) -> Result<Option<CaseId>, CatalogError> {
        space_of(self.conn(), user).await
    }

    /// Whose space a case is, where it is one.
    ///
    /// # Errors
    /// The database's.
    pub async fn owner_of_space(&mut self, case: CaseId) -> Result<Option<UserId>, CatalogError> {
        let row = sqlx::query("SELECT user_id FROM spaces WHERE case_id = $1")
            .bind(case.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| id(&row, 0)).transpose()
    }

    /// What an upload into a case leads to, as it stands to a user: the case, or somebody's space; with the release of
    /// whom it shows.
    ///
    /// # Errors
    /// The database's.
    pub async fn destination(
        &mut self,
        case: CaseId,
        user: UserId,
    ) -> Result<Option<(Destination, Option<Release>)>, CatalogError> {
        if let Some(facts) = self.case_facts(case, user).await? {
            let release = self.latest_release(facts.patient.patient).await?;
            return Ok(Some((Destination::Case(facts), release)));
        }
        let Some(owner) = self.owner_of_space(case).await? else {
            return Ok(None);
        };
        let release = self.latest_release_by(owner).await?;
        Ok(Some((Destination::Space(SpaceFacts { owner }), release)))
    }

    /// The latest biometric release that a user has signed, withdrawn or not: it covers captures of the user's own.
    ///
    /// # Errors
    /// The database's.
    pub async fn latest_release_by(&mut self, user: UserId) -> Result<Option<Release>, CatalogError> {
        let row = sqlx::query(
            "SELECT version, scope, signed_ms, withdrawn_ms FROM releases WHERE signed_by = $1 \
             ORDER BY signed_ms DESC, id DESC LIMIT 1",
        )
        .bind(user.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| release_from(&row)).transpose()
    }

    /// A capture in somebody's space, deleted or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn capture_facts(&mut self, item: ItemId) -> Result<Option<CaptureFacts>, CatalogError> {
        let row = sqlx::query(
            "SELECT i.id, s.user_id, i.uploader, i.deleted_ms, i.undo_ms FROM items i \
             JOIN spaces s ON s.case_id = i.case_id WHERE i.id = $1",
        )
        .bind(item.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| {
            Ok(CaptureFacts {
                item: id(&row, 0)?,
                owner: id(&row, 1)?,
                uploader: uploader(&row, 2)?,
                deletion: deletion(&row, 3)?,
                keeping: Keeping::FREE,
            })
        })
        .transpose()
    }

    /// The connection between two users, whichever of them started it; one that is active before others.
    ///
    /// # Errors
    /// The database's.
    pub async fn connection_between(
        &mut self,
        one: UserId,
        other: UserId,
    ) -> Result<Option<ConnectionFacts>, CatalogError> {
        let row = sqlx::query(
            "SELECT id, patient_user, doctor, state FROM connections WHERE (patient_user = $1 AND doctor = $2) \
             OR (patient_user = $2 AND doctor = $1) \
             ORDER BY CASE WHEN state = 'active' THEN 0 ELSE 1 END, created_ms DESC LIMIT 1",
        )
        .bind(one.to_string())
        .bind(other.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| {
            Ok(ConnectionFacts {
                connection: id(&row, 0)?,
                patient: id(&row, 1)?,
                doctor: id(&row, 2)?,
                state: word(&row, 3, ConnectionState::from_word, "state of a connection")?,
            })
        })
        .transpose()
    }
}

impl Conn {
    /// What tells an item from others that are made of other files ([`crate::NewItem::content_key`]).
    ///
    /// # Errors
    /// [`CatalogError::NoItem`], or the database's.
    pub async fn content_key<A: right::CopyCapture>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<[u8; 32], CatalogError> {
        let item = self.under(&proof, A::id).await?;
        let row = sqlx::query("SELECT content_key FROM items WHERE id = $1")
            .bind(item.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or_else(|| CatalogError::NoItem(item.to_string()))?;
        row.try_get::<&[u8], _>(0)?
            .try_into()
            .map_err(unreadable("content key"))
    }
}

impl Change {
    /// The case that is the space of whom a capture is handed over to, made where there is none.
    ///
    /// # Errors
    /// [`CatalogError::Missing`] where there is no connection, or the database's.
    pub async fn space_of_other<A: right::HandOver>(
        &mut self,
        proof: Authorized<A>,
        now: Timestamp,
    ) -> Result<CaseId, CatalogError> {
        let (_, connection) = self.under(&proof, A::id).await?;
        let missing = CatalogError::Missing { what: "connection" };
        let connection = connection.ok_or(missing)?;
        let row = sqlx::query("SELECT patient_user, doctor FROM connections WHERE id = $1")
            .bind(connection.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "connection" })?;
        let (patient, doctor): (UserId, UserId) = (id(&row, 0)?, id(&row, 1)?);
        let other = if patient == proof.user() { doctor } else { patient };
        // The space of somebody else is out of the person's sight.
        self.as_system().await?.space_or_new(other, now).await
    }
}

impl AsSystem<'_> {
    /// The case that is a user's space, made where the user has none.
    ///
    /// # Errors
    /// The database's.
    pub async fn space_or_new(&mut self, user: UserId, now: Timestamp) -> Result<CaseId, CatalogError> {
        if let Some(case) = space_of(self, user).await? {
            return Ok(case);
        }
        let case = CaseId::from_random(random()?);
        let wrapped = self
            .cipher
            .new_key(*case.as_bytes())
            .map_err(CatalogError::Cipher)?;
        let keys = Keyring::open(&*self.cipher, *case.as_bytes(), &wrapped)?;
        sqlx::query(
            "INSERT INTO cases (id, created_by, wrapped_key, sealed, state, version, created_ms, hold, \
             retain_until_ms, names) VALUES ($1, $2, $3, $4, $5, 1, $6, 0, 0, $7)",
        )
        .bind(case.to_string())
        .bind(user.to_string())
        .bind(wrapped)
        .bind(keys.seal("cases", case.as_bytes(), &CaseSecrets::own())?)
        .bind(CaseState::Open.word())
        .bind(now.ms())
        .bind(NameDisclosure::Withheld.word())
        .execute(self.db())
        .await?;
        sqlx::query("INSERT INTO spaces (user_id, case_id) VALUES ($1, $2)")
            .bind(user.to_string())
            .bind(case.to_string())
            .execute(self.db())
            .await?;
        Ok(case)
    }
}

/// The case that is a user's space.
pub(crate) async fn space_of(conn: &mut Conn, user: UserId) -> Result<Option<CaseId>, CatalogError> {
    let row = sqlx::query("SELECT case_id FROM spaces WHERE user_id = $1")
        .bind(user.to_string())
        .fetch_optional(conn.db())
        .await?;
    row.map(|row| id(&row, 0)).transpose()
}
