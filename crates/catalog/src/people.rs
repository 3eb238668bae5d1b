//! Accounts, what they sign in with, and the links that are sent to them.

use domain::{AccountState, CredentialId, InvitationId, Phi, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::cipher::Keyring;
use crate::database::{Change, Conn};
use crate::error::{CatalogError, unreadable};
use crate::sql::{count, id, maybe_id, random, word};

/// The owner of the tokens by which e-mail addresses are found.
const DIRECTORY: &str = "directory";
/// For values that are found by a token, and so are bound to no row.
const NO_ROW: [u8; 16] = [0; 16];

/// One person's account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Whose.
    pub id: UserId,
    /// What others call the person.
    pub name: Phi<String>,
    /// Where mail goes.
    pub email: Phi<String>,
    /// How it stands.
    pub state: AccountState,
    /// When the e-mail address was verified.
    pub verified: Option<Timestamp>,
    /// Hash of the password, as its function wrote it.
    pub password: Option<Phi<String>>,
    /// Wrong passwords and codes since the last right one.
    pub failures: u64,
    /// Until when nothing is tried.
    pub locked_until: Timestamp,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its id, new.
    pub id: UserId,
    /// What others call the person.
    pub name: Phi<String>,
    /// Where mail goes.
    pub email: Phi<String>,
    /// Hash of the password.
    pub password: Option<Phi<String>>,
}

#[derive(Serialize, Deserialize)]
struct UserSecrets {
    name: Phi<String>,
    email: Phi<String>,
}

/// What kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// The secret of one-time codes.
    Totp,
    /// A recovery code, good once.
    Recovery,
    /// A passkey.
    Passkey,
}

impl CredentialKind {
    fn word(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Recovery => "recovery",
            Self::Passkey => "passkey",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Totp, Self::Recovery, Self::Passkey]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// Something that a person signs in with.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// What it is.
    pub kind: CredentialKind,
    /// What it consists of, in words of the server's.
    pub secret: Phi<serde_json::Value>,
    /// The last time step or counter that was taken.
    pub last_step: i64,
    /// When it was shown to work.
    pub confirmed: Option<Timestamp>,
    /// When it was used last.
    pub used: Option<Timestamp>,
}

/// What a link that was sent by mail is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Its id, for those who manage it.
    pub id: InvitationId,
    /// What it is for: `verify`, `recover`, `member`, `grant`, `patient` or `guardian`.
    pub purpose: String,
    /// Whom it was sent to.
    pub user: UserId,
    /// What accepting it gives, in words of the server's.
    pub terms: serde_json::Value,
    /// Who sent it.
    pub created_by: Option<UserId>,
    /// Until when it is good.
    pub expires: Timestamp,
    /// When it was used.
    pub used: Option<Timestamp>,
}

impl Conn {
    /// A key that belongs to no row. It is made when it is asked for first.
    pub(crate) async fn keyring(&mut self, name: &str) -> Result<Keyring, CatalogError> {
        let select = "SELECT owner, wrapped_key FROM keys WHERE name = $1";
        let mut row = sqlx::query(select).bind(name).fetch_optional(self.db()).await?;
        if row.is_none() {
            let owner = UserId::from_random(random()?);
            let wrapped = self
                .cipher
                .new_key(*owner.as_bytes())
                .map_err(CatalogError::Cipher)?;
            sqlx::query(
                "INSERT INTO keys (name, owner, wrapped_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(name)
            .bind(owner.to_string())
            .bind(wrapped)
            .execute(self.db())
            .await?;
            row = sqlx::query(select).bind(name).fetch_optional(self.db()).await?;
        }
        let row = row.ok_or(CatalogError::Missing { what: "key" })?;
        let owner: UserId = id(&row, 0)?;
        Keyring::open(&*self.cipher, *owner.as_bytes(), row.try_get(1)?)
    }

    /// The account with this e-mail address; upper and lower case are one.
    ///
    /// # Errors
    /// The database's.
    pub async fn account_by_email(&mut self, email: &Phi<String>) -> Result<Option<Account>, CatalogError> {
        let token = self.keyring(DIRECTORY).await?.token("email", &folded(email));
        let row = sqlx::query(
            "SELECT id, wrapped_key, sealed, password, state, verified_ms, failures, locked_until_ms FROM users \
             WHERE email_token = $1",
        )
        .bind(token)
        .fetch_optional(self.db())
        .await?;
        row.map(|row| account_from(self, &row)).transpose()
    }

    /// An account.
    ///
    /// # Errors
    /// The database's.
    pub async fn account(&mut self, user: UserId) -> Result<Option<Account>, CatalogError> {
        let row = sqlx::query(
            "SELECT id, wrapped_key, sealed, password, state, verified_ms, failures, locked_until_ms FROM users \
             WHERE id = $1",
        )
        .bind(user.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| account_from(self, &row)).transpose()
    }

    /// What a person signs in with, of one kind.
    ///
    /// # Errors
    /// The database's.
    pub async fn credentials(
        &mut self,
        user: UserId,
        kind: CredentialKind,
    ) -> Result<Vec<Credential>, CatalogError> {
        let rows = sqlx::query(
            "SELECT c.id, c.kind, c.sealed, c.last_step, c.confirmed_ms, c.used_ms, u.id, u.wrapped_key \
             FROM credentials c JOIN users u ON u.id = c.user_id WHERE c.user_id = $1 AND c.kind = $2 ORDER BY c.id",
        )
        .bind(user.to_string())
        .bind(kind.word())
        .fetch_all(self.db())
        .await?;
        rows.iter().map(|row| credential_from(self, row)).collect()
    }

    /// Who has the credential that this finds, such as the identifier of a passkey.
    ///
    /// # Errors
    /// The database's.
    pub async fn owner_of_credential(&mut self, handle: &str) -> Result<Option<UserId>, CatalogError> {
        let token = self
            .keyring(DIRECTORY)
            .await?
            .token("credential", &Phi::new(handle.to_owned()));
        let row = sqlx::query("SELECT user_id FROM credentials WHERE token = $1")
            .bind(token)
            .fetch_optional(self.db())
            .await?;
        row.map(|row| id(&row, 0)).transpose()
    }

    /// The link whose text has this hash, used or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn link(&mut self, token: &[u8]) -> Result<Option<Link>, CatalogError> {
        let row = sqlx::query(
            "SELECT id, purpose, user_id, terms, created_by, expires_ms, used_ms FROM links WHERE token = $1",
        )
        .bind(token)
        .fetch_optional(self.db())
        .await?;
        row.map(|row| link_from(&row)).transpose()
    }
}

impl Change {
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
        sqlx::query("UPDATE users SET state = $1 WHERE id = $2")
            .bind(AccountState::Deactivated.word())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        self.end_sign_ins(user, None).await
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
        let account = self
            .account(user)
            .await?
            .ok_or(CatalogError::Missing { what: "account" })?;
        let keys = self.keys_of_user(user).await?;
        let row = user.as_bytes();
        let secrets = UserSecrets {
            name: name.cloned().unwrap_or(account.name),
            email: account.email,
        };
        sqlx::query(
            "UPDATE users SET sealed = $1, password = $2, failures = 0, locked_until_ms = 0 WHERE id = $3",
        )
        .bind(keys.seal("users", row, &secrets)?)
        .bind(keys.seal("users.password", row, password)?)
        .bind(user.to_string())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Changes what others call the owner of an account.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn rename_account(&mut self, user: UserId, name: &Phi<String>) -> Result<(), CatalogError> {
        let missing = CatalogError::Missing { what: "account" };
        let email = self.account(user).await?.ok_or(missing)?.email;
        let keys = self.keys_of_user(user).await?;
        let secrets = UserSecrets {
            name: name.clone(),
            email,
        };
        sqlx::query("UPDATE users SET sealed = $1 WHERE id = $2")
            .bind(keys.seal("users", user.as_bytes(), &secrets)?)
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(())
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

    /// Keeps something to sign in with. `handle` finds its owner, where it is asked for without one.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_credential(
        &mut self,
        user: UserId,
        credential: &Credential,
        handle: Option<&str>,
    ) -> Result<(), CatalogError> {
        let keys = self.keys_of_user(user).await?;
        let token = match handle {
            Some(handle) => Some(
                self.keyring(DIRECTORY)
                    .await?
                    .token("credential", &Phi::new(handle.to_owned())),
            ),
            None => None,
        };
        sqlx::query(
            "INSERT INTO credentials (id, user_id, kind, sealed, token, last_step, confirmed_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(credential.id.to_string())
        .bind(user.to_string())
        .bind(credential.kind.word())
        .bind(keys.seal("credentials", credential.id.as_bytes(), &credential.secret)?)
        .bind(token)
        .bind(credential.last_step)
        .bind(credential.confirmed.map(Timestamp::ms))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Takes a step of a credential that none was taken of at or after it; `false` where one was.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_step(
        &mut self,
        credential: CredentialId,
        step: i64,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let taken = sqlx::query(
            "UPDATE credentials SET last_step = $1, used_ms = $2, confirmed_ms = COALESCE(confirmed_ms, $2) \
             WHERE id = $3 AND last_step < $1",
        )
        .bind(step)
        .bind(now.ms())
        .bind(credential.to_string())
        .execute(self.db())
        .await?;
        Ok(taken.rows_affected() == 1)
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

    /// Keeps what a credential consists of now, without saying that it was used.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_credential(
        &mut self,
        user: UserId,
        credential: &Credential,
    ) -> Result<(), CatalogError> {
        let keys = self.keys_of_user(user).await?;
        sqlx::query("UPDATE credentials SET sealed = $1 WHERE id = $2 AND user_id = $3")
            .bind(keys.seal("credentials", credential.id.as_bytes(), &credential.secret)?)
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
        let removed = sqlx::query("DELETE FROM credentials WHERE id = $1 AND user_id = $2")
            .bind(credential.to_string())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(removed.rows_affected() == 1)
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
        sqlx::query("DELETE FROM credentials WHERE user_id = $1 AND kind = $2")
            .bind(user.to_string())
            .bind(kind.word())
            .execute(self.db())
            .await?;
        Ok(())
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

    async fn keys_of_user(&mut self, user: UserId) -> Result<Keyring, CatalogError> {
        let row = sqlx::query("SELECT wrapped_key FROM users WHERE id = $1")
            .bind(user.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "account" })?;
        Keyring::open(&*self.cipher, *user.as_bytes(), row.try_get(0)?)
    }
}

fn folded(email: &Phi<String>) -> Phi<String> {
    Phi::new(email.reveal().trim().to_lowercase())
}

fn account_from(conn: &Conn, row: &AnyRow) -> Result<Account, CatalogError> {
    let id: UserId = id(row, 0)?;
    let keys = Keyring::open(&*conn.cipher, *id.as_bytes(), row.try_get(1)?)?;
    let secrets: UserSecrets = keys.unseal("users", id.as_bytes(), row.try_get(2)?)?;
    let password = match row.try_get::<Option<&[u8]>, _>(3)? {
        Some(sealed) => Some(keys.unseal("users.password", id.as_bytes(), sealed)?),
        None => None,
    };
    Ok(Account {
        id,
        name: secrets.name,
        email: secrets.email,
        state: word(row, 4, AccountState::from_word, "account state")?,
        verified: moment(row, 5)?,
        password,
        failures: count(row, 6)?,
        locked_until: Timestamp::from_ms(row.try_get(7)?),
    })
}

fn credential_from(conn: &Conn, row: &AnyRow) -> Result<Credential, CatalogError> {
    let id: CredentialId = id(row, 0)?;
    let owner: UserId = crate::sql::id(row, 6)?;
    let keys = Keyring::open(&*conn.cipher, *owner.as_bytes(), row.try_get(7)?)?;
    Ok(Credential {
        id,
        kind: word(row, 1, CredentialKind::from_word, "credential kind")?,
        secret: keys.unseal("credentials", id.as_bytes(), row.try_get(2)?)?,
        last_step: row.try_get(3)?,
        confirmed: moment(row, 4)?,
        used: moment(row, 5)?,
    })
}

fn link_from(row: &AnyRow) -> Result<Link, CatalogError> {
    Ok(Link {
        id: id(row, 0)?,
        purpose: row.try_get(1)?,
        user: id(row, 2)?,
        terms: serde_json::from_str(row.try_get(3)?).map_err(unreadable("terms of a link"))?,
        created_by: maybe_id(row, 4)?,
        expires: Timestamp::from_ms(row.try_get(5)?),
        used: moment(row, 6)?,
    })
}

/// The moment in a column that may be empty.
pub(crate) fn moment(row: &AnyRow, column: usize) -> Result<Option<Timestamp>, CatalogError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_ms))
}
