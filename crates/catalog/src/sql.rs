//! What the statements share: lists of placeholders, identifiers and words in columns, time.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::any::AnyRow;
use sqlx::{ColumnIndex, Row};

use crate::error::{CatalogError, unreadable};

/// Rows of one statement. SQLite looks each numbered parameter up among all of them: with a thousand rows it would be
/// busy with nothing else.
pub(crate) const BATCH: usize = 64;

/// `($1, $2), ($3, $4)` for two rows of two columns.
pub(crate) fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    let mut number = 1;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                text.push_str(", ");
            }
            text.push_str(&format!("${number}"));
            number += 1;
        }
        text.push(')');
    }
    text
}

/// `$3, $4, $5` for three from the third on.
pub(crate) fn list(first: usize, count: usize) -> String {
    let numbers: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    numbers.join(", ")
}

/// The identifier in a column.
pub(crate) fn id<T>(row: &AnyRow, column: impl ColumnIndex<AnyRow>) -> Result<T, CatalogError>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.try_get::<&str, _>(column)?.parse().map_err(unreadable("id"))
}

/// The identifier in a column that may be empty.
pub(crate) fn maybe_id<T>(row: &AnyRow, column: impl ColumnIndex<AnyRow>) -> Result<Option<T>, CatalogError>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match row.try_get::<Option<&str>, _>(column)? {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(unreadable("id")),
    }
}

/// The word in a column.
pub(crate) fn word<T>(
    row: &AnyRow,
    column: impl ColumnIndex<AnyRow>,
    from: fn(&str) -> Option<T>,
    what: &'static str,
) -> Result<T, CatalogError> {
    let word: &str = row.try_get(column)?;
    from(word).ok_or_else(|| unreadable(what)(format!("unknown word {word:?}")))
}

/// A length or count in a column.
pub(crate) fn count(row: &AnyRow, column: impl ColumnIndex<AnyRow>) -> Result<u64, CatalogError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(unreadable("count"))
}

/// A length or count for a column. SQL knows signed numbers only; nothing is that long.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970 in UTC.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time_from_ms(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// 16 random bytes.
pub(crate) fn random() -> Result<[u8; 16], CatalogError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| CatalogError::Cipher(error.into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_through() {
        assert_eq!(placeholders(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(list(3, 2), "$3, $4");
    }
}
