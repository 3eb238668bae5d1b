//! What is done about accounts before anybody is known, or for others than who asks: signing up, links that are mailed,
//! trying passwords and codes, ceremonies of passkeys.

use domain::{AccountState, CredentialId, Phi, Timestamp, UserId};
use sqlx::Row;

use crate::cipher::Keyring;
use crate::error::CatalogError;
use crate::people::{
    Credential, CredentialKind, DIRECTORY, Link, NewAccount, UserSecrets, folded, link_from,
};
use crate::standing::AsSystem;

/// For values that are found by a token, and so are bound to no row.
const NO_ROW: [u8; 16] = [0; 16];

impl AsSystem<'_> {
    /// Makes an account whose e-mail address is not verified yet.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where the address has an account.
    pub async fn create_account(&mut self, account: &NewAccount, now: Timestamp) -> Result<(), CatalogError> {
        let token = self
            .keyring(DIRECTORY)
            .await?
            .token("email", &folded(&account.email));
        let row = account.id.as_bytes();
        let wrapped = self.cipher.new_key(*row).map_err(CatalogError::Cipher)?;
        let keys = Keyring::open(&*self.cipher, *row, &wrapped)?;
        let secrets = UserSecrets {
            name: account.name.clone(),
            email: account.email.clone(),
        };
        let password = match &account.password {
            Some(hash) => Some(keys.seal("users.password", row, hash)?),
            None => None,
        };
        let made = sqlx::query(
            "INSERT INTO users (id, wrapped_key, email_token, sealed, password, state, failures, locked_until_ms, \
             created_ms) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7) ON CONFLICT DO NOTHING",
        )
        .bind(account.id.to_string())
        .bind(wrapped)
        .bind(token)
        .bind(keys.seal("users", row, &secrets)?)
        .bind(password)
        .bind(AccountState::Unverified.word())
        .bind(now.ms())
        .execute(self.db())
        .await?;
        if made.rows_affected() == 0 {
            return Err(CatalogError::Conflict("the address has an account"));
        }
        Ok(())
    }

    /// The e-mail address was verified; the account may be used.
    ///
    /// # Errors
    /// The database's.
    pub async fn verify_account(&mut self, user: UserId, now: Timestamp) -> Result<(), CatalogError> {
        sqlx::query("UPDATE users SET state = $1, verified_ms = $2 WHERE id = $3 AND state <> $4")
            .bind(AccountState::Active.word())
            .bind(now.ms())
            .bind(user.to_string())
            .bind(AccountState::Deactivated.word())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Closes an account and ends its sessions everywhere.
    ///
    /// # Errors
    /// The database's.
    pub async fn deactivate_account(&mut self, user: UserId) -> Result<(), CatalogError> {
        self.keep_deactivated(user).await
    }

    /// Gives an account a name and a password, as one who was invited chooses them.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_password(
        &mut self,
        user: UserId,
        name: Option<&Phi<String>>,
        password: &Phi<String>,
    ) -> Result<(), CatalogError> {
        self.keep_password(user, name, password).await
    }

    /// Counts a wrong password or code; nothing is tried again before `locked_until`.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_failure(&mut self, user: UserId, locked_until: Timestamp) -> Result<(), CatalogError> {
        sqlx::query("UPDATE users SET failures = failures + 1, locked_until_ms = $1 WHERE id = $2")
            .bind(locked_until.ms())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Forgets wrong passwords and codes.
    ///
    /// # Errors
    /// The database's.
    pub async fn clear_failures(&mut self, user: UserId) -> Result<(), CatalogError> {
        sqlx::query("UPDATE users SET failures = 0, locked_until_ms = 0 WHERE id = $1 AND failures > 0")
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Takes a step of a credential of a person that none was taken of at or after it; `false` where one was.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_step(
        &mut self,
        user: UserId,
        credential: CredentialId,
        step: i64,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        self.keep_step(user, credential, step, now).await
    }

    /// Keeps what a credential consists of now, such as the counter of a passkey.
    ///
    /// # Errors
    /// The database's.
    pub async fn update_credential(
        &mut self,
        user: UserId,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let keys = self.keys_of_user(user).await?;
        sqlx::query("UPDATE credentials SET sealed = $1, used_ms = $2 WHERE id = $3 AND user_id = $4")
            .bind(keys.seal("credentials", credential.id.as_bytes(), &credential.secret)?)
            .bind(now.ms())
            .bind(credential.id.to_string())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Takes a credential away; `false` where the user has no such.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_credential(
        &mut self,
        user: UserId,
        credential: CredentialId,
    ) -> Result<bool, CatalogError> {
        self.delete_credential(user, credential).await
    }

    /// Takes all credentials of a kind away.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_credentials(
        &mut self,
        user: UserId,
        kind: CredentialKind,
    ) -> Result<(), CatalogError> {
        self.delete_credentials(user, kind).await
    }

    /// Keeps a link whose text has the hash `token`.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_link(&mut self, token: &[u8], link: &Link, now: Timestamp) -> Result<(), CatalogError> {
        sqlx::query(
            "INSERT INTO links (token, id, purpose, user_id, terms, created_by, created_ms, expires_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(token)
        .bind(link.id.to_string())
        .bind(link.purpose.clone())
        .bind(link.user.to_string())
        .bind(link.terms.to_string())
        .bind(link.created_by.map(|user| user.to_string()))
        .bind(now.ms())
        .bind(link.expires.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Uses a link up; `None` where there is none, it was used or its time has passed.
    ///
    /// # Errors
    /// The database's.
    pub async fn use_link(&mut self, token: &[u8], now: Timestamp) -> Result<Option<Link>, CatalogError> {
        let used = sqlx::query(
            "UPDATE links SET used_ms = $1 WHERE token = $2 AND used_ms IS NULL AND expires_ms > $1 \
             RETURNING id, purpose, user_id, terms, created_by, expires_ms, used_ms",
        )
        .bind(now.ms())
        .bind(token)
        .fetch_optional(self.db())
        .await?;
        used.map(|row| link_from(&row)).transpose()
    }

    /// Makes links of one purpose to one person worthless.
    ///
    /// # Errors
    /// The database's.
    pub async fn void_links(
        &mut self,
        user: UserId,
        purpose: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        sqlx::query("UPDATE links SET used_ms = $1 WHERE user_id = $2 AND purpose = $3 AND used_ms IS NULL")
            .bind(now.ms())
            .bind(user.to_string())
            .bind(purpose)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Keeps what the second step of a ceremony needs; what has expired is forgotten.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_ceremony(
        &mut self,
        token: &[u8],
        user: Option<UserId>,
        state: &serde_json::Value,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        sqlx::query("DELETE FROM ceremonies WHERE expires_ms <= $1")
            .bind(now.ms())
            .execute(self.db())
            .await?;
        let sealed = self
            .keyring(DIRECTORY)
            .await?
            .seal("ceremonies", &NO_ROW, state)?;
        sqlx::query("INSERT INTO ceremonies (token, user_id, sealed, expires_ms) VALUES ($1, $2, $3, $4)")
            .bind(token)
            .bind(user.map(|user| user.to_string()).unwrap_or_default())
            .bind(sealed)
            .bind(expires.ms())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Takes what the first step of a ceremony of the same user kept; each is taken once.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_ceremony(
        &mut self,
        token: &[u8],
        user: Option<UserId>,
        now: Timestamp,
    ) -> Result<Option<serde_json::Value>, CatalogError> {
        let row = sqlx::query(
            "DELETE FROM ceremonies WHERE token = $1 AND user_id = $2 AND expires_ms > $3 RETURNING sealed",
        )
        .bind(token)
        .bind(user.map(|user| user.to_string()).unwrap_or_default())
        .bind(now.ms())
        .fetch_optional(self.db())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let keys = self.keyring(DIRECTORY).await?;
        Ok(Some(keys.unseal("ceremonies", &NO_ROW, row.try_get(0)?)?))
    }
}
