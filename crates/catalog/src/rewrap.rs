//! Another root key: every key that the catalog keeps is wrapped anew. No value and no object is touched.

use sqlx::{AssertSqlSafe, Row};

use crate::cipher::CipherError;
use crate::database::System;
use crate::error::{CatalogError, unreadable};

/// Tables with wrapped keys, and the column that names each key's owner.
const WRAPPED: &[(&str, &str)] = &[
    ("keys", "owner"),
    ("users", "id"),
    ("practices", "id"),
    ("patients", "id"),
    ("cases", "id"),
];

impl System {
    /// Has every wrapped key wrapped anew by `wrap`, which is given the owner and the present bytes, and binds the
    /// catalog to the root key with this fingerprint. All of it or nothing; tells how many keys there are.
    ///
    /// No process may have the catalog open under the old root key: it would go on wrapping with it.
    ///
    /// # Errors
    /// What `wrap` says, or the database's.
    pub async fn rewrap(
        &self,
        fingerprint: &str,
        mut wrap: impl FnMut([u8; 16], &[u8]) -> Result<Vec<u8>, CipherError>,
    ) -> Result<u64, CatalogError> {
        let mut change = self.change().await?;
        let mut count = 0;
        for (table, owner) in WRAPPED {
            let sql = format!("SELECT {owner}, wrapped_key FROM {table}");
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(change.db()).await?;
            for row in &rows {
                let id: domain::UserId = crate::sql::id(row, 0)?;
                let fresh = wrap(*id.as_bytes(), row.try_get(1)?).map_err(CatalogError::Cipher)?;
                let sql = format!("UPDATE {table} SET wrapped_key = $1 WHERE {owner} = $2");
                sqlx::query(AssertSqlSafe(sql))
                    .bind(fresh)
                    .bind(id.to_string())
                    .execute(change.db())
                    .await?;
                count += 1;
            }
        }
        let bound = sqlx::query("UPDATE meta SET value = $1 WHERE name = $2")
            .bind(fingerprint)
            .bind(crate::write::ROOT_KEY)
            .execute(change.db())
            .await?;
        if bound.rows_affected() != 1 {
            return Err(unreadable("root key")("the catalog is bound to none".to_owned()));
        }
        change.commit().await?;
        Ok(count)
    }

    /// Whether a process that is alive has the catalog open, as far as its runs tell.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_in_use(&self, is_alive: impl Fn(&str) -> bool) -> Result<bool, CatalogError> {
        let rows = sqlx::query("SELECT DISTINCT process FROM ingests WHERE finished_ms IS NULL")
            .fetch_all(self.reader().await?.db())
            .await?;
        for row in &rows {
            if is_alive(row.try_get(0)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
