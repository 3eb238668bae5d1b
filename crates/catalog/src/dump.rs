//! All rows as bytes, and bytes as rows again: what a backup keeps of the catalog, the same for both databases.
//!
//! # Format
//! Frames, each its length as `u32` little endian and then a [`Frame`] in postcard's encoding. The head comes first;
//! each table that has rows is named with its columns before them; the end says how many rows there were, so that what
//! was cut off is noticed. Sealed values stay sealed. Sign-ins and half-done ceremonies are left out, and so are names
//! of objects that nothing refers to.

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{AssertSqlSafe, Row, TypeInfo, ValueRef};

use crate::database::{Change, SCHEMA, System};
use crate::error::{CatalogError, unreadable};
use crate::sql::{BATCH, now_ms, placeholders};
use crate::write::Values;

/// Version of the format.
const FORMAT: u32 = 1;

/// Every table that is kept, each after those that it refers to, and in which order its rows come.
pub const TABLES: &[(&str, &str)] = &[
    ("meta", ""),
    ("keys", ""),
    ("users", ""),
    ("credentials", ""),
    ("links", ""),
    ("practices", ""),
    ("members", ""),
    ("acceptances", ""),
    ("patients", ""),
    ("patient_tokens", ""),
    ("care_team", ""),
    ("patient_users", ""),
    ("cases", ""),
    ("case_tokens", ""),
    ("grants", ""),
    ("ingests", ""),
    ("objects", ""),
    ("originals", ""),
    ("items", ""),
    ("item_originals", ""),
    ("artifacts", ""),
    ("artifact_objects", ""),
    ("upload_sets", ""),
    ("uploads", ""),
    ("upload_parts", ""),
    ("jobs", ""),
    // Annotations before their comments.
    ("marks", " ORDER BY CASE WHEN parent_id IS NULL THEN 0 ELSE 1 END"),
    ("mark_versions", ""),
    ("connections", ""),
    ("releases", ""),
    ("spaces", ""),
    ("requests", ""),
    ("emergencies", ""),
    ("sights", ""),
    ("news", ""),
    ("person_colors", ""),
    ("registrations", ""),
    ("events", " ORDER BY seq"),
    ("ledger", ""),
];
/// Tables whose rows end with the process or with a browser, and are not kept.
pub const FLEETING: &[&str] = &["sessions", "ceremonies", "pending_objects"];
/// Under which name it stands how long nothing is swept, milliseconds since 1970.
const SWEEPS_PAUSED: &str = "sweeps_paused_until";

#[derive(Serialize, Deserialize)]
enum Frame {
    Head { format: u32, schema: i64 },
    Table { name: String, columns: Vec<String> },
    Row(Vec<Cell>),
    End { rows: u64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl System {
    /// Gives all rows, as they are at one moment, to `write` piece by piece, and tells the names of all objects that
    /// they refer to. Others go on meanwhile.
    ///
    /// # Errors
    /// The database's, or what `write` says.
    pub async fn dump<E: From<CatalogError>>(
        &self,
        mut write: impl AsyncFnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<Vec<String>, E> {
        let failed = |error: sqlx::Error| E::from(CatalogError::from(error));
        let mut moment = self.snapshot().await?;
        write(framed(&Frame::Head {
            format: FORMAT,
            schema: SCHEMA,
        })?)
        .await?;
        let (mut objects, mut count) = (Vec::new(), 0);
        for (table, order) in TABLES {
            let sql = format!("SELECT * FROM {table}{order}");
            let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(moment.db());
            let mut is_first = true;
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                if std::mem::take(&mut is_first) {
                    let columns = row
                        .columns()
                        .iter()
                        .map(|column| sqlx::Column::name(column).to_owned());
                    write(framed(&Frame::Table {
                        name: (*table).to_owned(),
                        columns: columns.collect(),
                    })?)
                    .await?;
                }
                if *table == "objects" {
                    objects.push(row.try_get("name").map_err(failed)?);
                }
                let cells = (0..row.len()).map(|column| cell(&row, column));
                write(framed(&Frame::Row(cells.collect::<Result<_, _>>()?))?).await?;
                count += 1;
            }
        }
        write(framed(&Frame::End { rows: count })?).await?;
        Ok(objects)
    }

    /// Begins to take what [`System::dump`] gave into a catalog that has nothing yet.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where it has something, or the database's.
    pub async fn load(&self) -> Result<Load, CatalogError> {
        let mut change = self.change().await?;
        for table in ["users", "cases", "objects", "events"] {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(change.db()).await?;
            if row.try_get::<i64, _>(0)? > 0 {
                return Err(CatalogError::Conflict(
                    "there is something in the catalog already",
                ));
            }
        }
        for (table, _) in TABLES.iter().rev() {
            let sql = format!("DELETE FROM {table}");
            sqlx::query(AssertSqlSafe(sql)).execute(change.db()).await?;
        }
        Ok(Load {
            change,
            bytes: Vec::new(),
            table: None,
            rows: Vec::new(),
            count: 0,
            has_head: false,
            end: None,
        })
    }

    /// Lets [`System::abandoned_objects`] name none for so long: a backup copies what it has seen referred to.
    ///
    /// # Errors
    /// The database's.
    pub async fn pause_sweeps(&self, ms: i64) -> Result<(), CatalogError> {
        let mut change = self.change().await?;
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(SWEEPS_PAUSED)
        .bind((now_ms() + ms).to_string())
        .execute(change.db())
        .await?;
        change.commit().await
    }

    /// Whether sweeps pause.
    pub(crate) async fn sweeps_pause(&self) -> Result<bool, CatalogError> {
        let row = sqlx::query("SELECT value FROM meta WHERE name = $1")
            .bind(SWEEPS_PAUSED)
            .fetch_optional(self.reader().await?.db())
            .await?;
        let until = match row {
            Some(row) => row.try_get::<&str, _>(0)?.parse().unwrap_or(0),
            None => 0,
        };
        Ok(now_ms() < until)
    }
}

fn framed(frame: &Frame) -> Result<Vec<u8>, CatalogError> {
    let bytes = postcard::to_stdvec(frame).map_err(unreadable("row"))?;
    let len = u32::try_from(bytes.len()).map_err(unreadable("row"))?;
    Ok([&len.to_le_bytes()[..], &bytes].concat())
}

fn cell(row: &AnyRow, column: usize) -> Result<Cell, CatalogError> {
    let value = row.try_get_raw(column)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let kind = value.type_info().into_owned();
    Ok(match kind.kind() {
        AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt => {
            Cell::Number(row.try_get(column)?)
        }
        AnyTypeInfoKind::Text => Cell::Text(row.try_get(column)?),
        AnyTypeInfoKind::Blob => Cell::Bytes(row.try_get(column)?),
        _ => return Err(unreadable("column")(format!("a value of type {}", kind.name()))),
    })
}

/// Takes rows in. Nothing of them is there before [`Load::finish`].
pub struct Load {
    change: Change,
    /// What has come of a frame that is not whole.
    bytes: Vec<u8>,
    table: Option<(String, Vec<String>)>,
    /// Rows that wait to be inserted together.
    rows: Vec<Vec<Cell>>,
    count: u64,
    has_head: bool,
    end: Option<u64>,
}

impl Load {
    /// Takes the next piece, cut anywhere.
    ///
    /// # Errors
    /// [`CatalogError::Unreadable`] for what [`System::dump`] did not give, [`CatalogError::Newer`] for what a later
    /// version gave, or the database's.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), CatalogError> {
        self.bytes.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((len, rest)) = self.bytes[at..].split_first_chunk::<4>() {
            let len = u32::from_le_bytes(*len) as usize;
            let Some(frame) = rest.get(..len) else { break };
            let frame = postcard::from_bytes(frame).map_err(unreadable("backup"))?;
            at += 4 + len;
            self.take(frame).await?;
        }
        self.bytes.drain(..at);
        Ok(())
    }

    async fn take(&mut self, frame: Frame) -> Result<(), CatalogError> {
        let wrong = |what: &str| Err(unreadable("backup")(what.to_owned()));
        if self.end.is_some() {
            return wrong("there is something behind its end");
        }
        match frame {
            Frame::Head { format, schema } if !self.has_head => {
                if format > FORMAT || schema > SCHEMA {
                    let (found, known) = (schema, SCHEMA);
                    return Err(CatalogError::Newer { found, known });
                }
                if schema < SCHEMA {
                    return Err(CatalogError::Early);
                }
                self.has_head = true;
            }
            Frame::Table { name, columns } if self.has_head => {
                self.flush().await?;
                let is_plain = |word: &String| {
                    word.bytes()
                        .all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b))
                };
                if !TABLES.iter().any(|(known, _)| *known == name) || !columns.iter().all(is_plain) {
                    return wrong("it names a table or column that there is not");
                }
                self.table = Some((name, columns));
            }
            Frame::Row(row) => {
                let columns = self.table.as_ref().map_or(0, |(_, columns)| columns.len());
                if row.len() != columns || columns == 0 {
                    return wrong("a row does not fit its table");
                }
                // Rows that are empty in the same columns are inserted together: an empty value has no type.
                let differs = |last: &Vec<Cell>| {
                    let mut pairs = last.iter().zip(&row);
                    pairs.any(|(a, b)| (*a == Cell::Null) != (*b == Cell::Null))
                };
                if self.rows.len() == BATCH || self.rows.last().is_some_and(differs) {
                    self.flush().await?;
                }
                self.rows.push(row);
                self.count += 1;
            }
            Frame::End { rows } => self.end = Some(rows),
            Frame::Head { .. } | Frame::Table { .. } => return wrong("its head is not where it should be"),
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), CatalogError> {
        let rows = std::mem::take(&mut self.rows);
        let (Some(first), Some((table, columns))) = (rows.first(), &self.table) else {
            return Ok(());
        };
        let full: Vec<&str> = columns
            .iter()
            .zip(first)
            .filter(|(_, cell)| **cell != Cell::Null)
            .map(|(column, _)| column.as_str())
            .collect();
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES {}",
            full.join(", "),
            placeholders(rows.len(), full.len())
        );
        let mut query: Values = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for cell in rows.into_iter().flatten() {
            query = match cell {
                Cell::Null => query,
                Cell::Number(number) => query.bind(number),
                Cell::Text(text) => query.bind(text),
                Cell::Bytes(bytes) => query.bind(bytes),
            };
        }
        query.execute(self.change.db()).await?;
        Ok(())
    }

    /// Names of the objects that the rows refer to.
    ///
    /// # Errors
    /// The database's.
    pub async fn objects(&mut self) -> Result<Vec<String>, CatalogError> {
        self.flush().await?;
        let rows = sqlx::query("SELECT name FROM objects")
            .fetch_all(self.change.db())
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Makes all rows last, if all have come.
    ///
    /// # Errors
    /// [`CatalogError::Unreadable`] where some are missing, or the database's.
    pub async fn finish(mut self) -> Result<u64, CatalogError> {
        if self.end != Some(self.count) || !self.bytes.is_empty() {
            return Err(unreadable("backup")("it does not end where it should".to_owned()));
        }
        self.flush().await?;
        let count = self.count;
        self.change.commit().await?;
        Ok(count)
    }
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Load({} rows)", self.count)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_table_is_kept_or_known_to_be_fleeting() {
        let made: BTreeSet<&str> = crate::database::MIGRATIONS
            .iter()
            .flat_map(|(_, _, sql)| sql.lines())
            .filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split([' ', '(']).next())
            .collect();
        let kept = TABLES.iter().map(|(table, _)| *table);
        let known: BTreeSet<&str> = kept.chain(FLEETING.iter().copied()).collect();
        assert_eq!(made, known);
    }
}
