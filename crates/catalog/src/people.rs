//! Accounts, what they sign in with, and the links that are sent to them.

use domain::{AccountState, CredentialId, InvitationId, Phi, Timestamp, UserId};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::cipher::Keyring;
use crate::database::{Change, Conn};
use crate::error::{CatalogError, unreadable};
use crate::right;
use crate::sql::{count, id, maybe_id, random, word};
use crate::standing::Facts;

/// The owner of the tokens by which e-mail addresses are found.
pub(crate) const DIRECTORY: &str = "directory";

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
pub(crate) struct UserSecrets {
    pub(crate) name: Phi<String>,
    pub(crate) email: Phi<String>,
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
    pub(crate) fn word(self) -> &'static str {
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

    /// One's own account.
    ///
    /// # Errors
    /// The database's.
    pub async fn own_account<A: right::OwnAccount>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Option<Account>, CatalogError> {
        let user = self.under(&proof, A::id).await?;
        account_of(self, user).await
    }

    /// What one signs in with, of one kind.
    ///
    /// # Errors
    /// The database's.
    pub async fn own_credentials<A: right::ReadFactors>(
        &mut self,
        proof: Authorized<A>,
        kind: CredentialKind,
    ) -> Result<Vec<Credential>, CatalogError> {
        let user = self.under(&proof, A::id).await?;
        credentials_of(self, user, kind).await
    }
}

impl Facts<'_> {
    /// The account with this e-mail address; upper and lower case are one.
    ///
    /// # Errors
    /// The database's.
    pub async fn account_by_email(&mut self, email: &Phi<String>) -> Result<Option<Account>, CatalogError> {
        let keys = self.conn().keyring(DIRECTORY).await?;
        let token = keys.token("email", &folded(email));
        let row = sqlx::query(
            "SELECT id, wrapped_key, sealed, password, state, verified_ms, failures, locked_until_ms FROM users \
             WHERE email_token = $1",
        )
        .bind(token)
        .fetch_optional(self.db())
        .await?;
        row.map(|row| account_from(self.conn(), &row)).transpose()
    }

    /// An account.
    ///
    /// # Errors
    /// The database's.
    pub async fn account(&mut self, user: UserId) -> Result<Option<Account>, CatalogError> {
        account_of(self.conn(), user).await
    }

    /// What others call a person.
    ///
    /// # Errors
    /// The database's.
    pub async fn name_of(&mut self, user: UserId) -> Result<Option<Phi<String>>, CatalogError> {
        Ok(self.account(user).await?.map(|account| account.name))
    }

    /// What a person signs in with, of one kind, for signing in.
    ///
    /// # Errors
    /// The database's.
    pub async fn credentials(
        &mut self,
        user: UserId,
        kind: CredentialKind,
    ) -> Result<Vec<Credential>, CatalogError> {
        credentials_of(self.conn(), user, kind).await
    }

    /// Who has the credential that this finds, such as the identifier of a passkey.
    ///
    /// # Errors
    /// The database's.
    pub async fn owner_of_credential(&mut self, handle: &str) -> Result<Option<UserId>, CatalogError> {
        let keys = self.conn().keyring(DIRECTORY).await?;
        let token = keys.token("credential", &Phi::new(handle.to_owned()));
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
    /// Changes what others call the owner of an account.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn rename_account(
        &mut self,
        proof: Authorized<act::EditAccount>,
        name: &Phi<String>,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let missing = CatalogError::Missing { what: "account" };
        let email = account_of(self, user).await?.ok_or(missing)?.email;
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

    /// Gives one's own account another password.
    ///
    /// # Errors
    /// The database's.
    pub async fn change_password(
        &mut self,
        proof: Authorized<act::EditAccount>,
        password: &Phi<String>,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        self.keep_password(user, None, password).await
    }

    pub(crate) async fn keep_password(
        &mut self,
        user: UserId,
        name: Option<&Phi<String>>,
        password: &Phi<String>,
    ) -> Result<(), CatalogError> {
        let account = account_of(self, user)
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

    /// Closes one's own account and ends its sessions everywhere.
    ///
    /// # Errors
    /// The database's.
    pub async fn close_account(&mut self, proof: Authorized<act::CloseAccount>) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        self.keep_deactivated(user).await
    }

    pub(crate) async fn keep_deactivated(&mut self, user: UserId) -> Result<(), CatalogError> {
        sqlx::query("UPDATE users SET state = $1 WHERE id = $2")
            .bind(AccountState::Deactivated.word())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        self.drop_sign_ins(user, None).await
    }

    /// Keeps something to sign in with. `handle` finds its owner, where it is asked for without one.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_credential(
        &mut self,
        proof: Authorized<act::EnrollFactor>,
        credential: &Credential,
        handle: Option<&str>,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
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

    /// Keeps what a credential consists of now, without saying that it was used.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_credential(
        &mut self,
        proof: Authorized<act::EditAccount>,
        credential: &Credential,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        let keys = self.keys_of_user(user).await?;
        sqlx::query("UPDATE credentials SET sealed = $1 WHERE id = $2 AND user_id = $3")
            .bind(keys.seal("credentials", credential.id.as_bytes(), &credential.secret)?)
            .bind(credential.id.to_string())
            .bind(user.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Takes a step of a credential of one's own that none was taken of at or after it; `false` where one was.
    ///
    /// # Errors
    /// The database's.
    pub async fn show_step(
        &mut self,
        proof: Authorized<act::EnrollFactor>,
        credential: CredentialId,
        step: i64,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        self.keep_step(user, credential, step, now).await
    }

    pub(crate) async fn keep_step(
        &mut self,
        user: UserId,
        credential: CredentialId,
        step: i64,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let taken = sqlx::query(
            "UPDATE credentials SET last_step = $1, used_ms = $2, confirmed_ms = COALESCE(confirmed_ms, $2) \
             WHERE id = $3 AND user_id = $4 AND last_step < $1",
        )
        .bind(step)
        .bind(now.ms())
        .bind(credential.to_string())
        .bind(user.to_string())
        .execute(self.db())
        .await?;
        Ok(taken.rows_affected() == 1)
    }

    /// Takes one of one's own credentials away; `false` where one has no such.
    ///
    /// # Errors
    /// The database's.
    pub async fn drop_credential<A: right::DropFactors>(
        &mut self,
        proof: Authorized<A>,
        credential: CredentialId,
    ) -> Result<bool, CatalogError> {
        let user = self.under(&proof, A::id).await?;
        self.delete_credential(user, credential).await
    }

    pub(crate) async fn delete_credential(
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

    /// Takes all of one's own credentials of a kind away.
    ///
    /// # Errors
    /// The database's.
    pub async fn drop_credentials(
        &mut self,
        proof: Authorized<act::EnrollFactor>,
        kind: CredentialKind,
    ) -> Result<(), CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        self.delete_credentials(user, kind).await
    }

    pub(crate) async fn delete_credentials(
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

    pub(crate) async fn keys_of_user(&mut self, user: UserId) -> Result<Keyring, CatalogError> {
        let row = sqlx::query("SELECT wrapped_key FROM users WHERE id = $1")
            .bind(user.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "account" })?;
        Keyring::open(&*self.cipher, *user.as_bytes(), row.try_get(0)?)
    }
}

pub(crate) async fn account_of(conn: &mut Conn, user: UserId) -> Result<Option<Account>, CatalogError> {
    let row = sqlx::query(
        "SELECT id, wrapped_key, sealed, password, state, verified_ms, failures, locked_until_ms FROM users \
         WHERE id = $1",
    )
    .bind(user.to_string())
    .fetch_optional(conn.db())
    .await?;
    row.map(|row| account_from(conn, &row)).transpose()
}

async fn credentials_of(
    conn: &mut Conn,
    user: UserId,
    kind: CredentialKind,
) -> Result<Vec<Credential>, CatalogError> {
    let rows = sqlx::query(
        "SELECT c.id, c.kind, c.sealed, c.last_step, c.confirmed_ms, c.used_ms, u.id, u.wrapped_key \
         FROM credentials c JOIN users u ON u.id = c.user_id WHERE c.user_id = $1 AND c.kind = $2 ORDER BY c.id",
    )
    .bind(user.to_string())
    .bind(kind.word())
    .fetch_all(conn.db())
    .await?;
    rows.iter().map(|row| credential_from(conn, row)).collect()
}

pub(crate) fn folded(email: &Phi<String>) -> Phi<String> {
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

pub(crate) fn link_from(row: &AnyRow) -> Result<Link, CatalogError> {
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
