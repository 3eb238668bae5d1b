//! Pages of lists. The place of the next page is a word that the server gave; it holds a time and an identifier.

use catalog::After;
use data_encoding::BASE64URL_NOPAD;
use domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Answer, Problem};

/// Rows of a page, where nobody says how many, and at most.
const USUAL: u32 = 50;
const MOST: u32 = 200;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Give it as `after` to get the next page; none after the last.
    pub(crate) next: Option<String>,
}

/// How many rows a page has.
pub(crate) fn limit(asked: Option<u32>) -> Answer<u32> {
    match asked {
        None => Ok(USUAL),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(_) => Err(Problem::invalid(format!("A page has 1 to {MOST} rows."))),
    }
}

/// Where a page begins.
pub(crate) fn after(word: Option<&str>) -> Answer<Option<After>> {
    let Some(word) = word else { return Ok(None) };
    let wrong = || Problem::invalid("`after` is what the page before gave as `next`.");
    let bytes = BASE64URL_NOPAD.decode(word.as_bytes()).map_err(|_| wrong())?;
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    let (ms, id) = text.split_once(' ').ok_or_else(wrong)?;
    Ok(Some(After {
        created: Timestamp::from_ms(ms.parse().map_err(|_| wrong())?),
        id: id.to_owned(),
    }))
}

/// A page of rows of which one more than `limit` was asked for.
pub(crate) fn page<R, T>(
    mut rows: Vec<R>,
    limit: u32,
    place: impl Fn(&R) -> (Timestamp, String),
    body: impl FnMut(R) -> T,
) -> Page<T> {
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| has_more).map(|row| {
        let (created, id) = place(row);
        BASE64URL_NOPAD.encode(format!("{} {id}", created.ms()).as_bytes())
    });
    Page {
        items: rows.into_iter().map(body).collect(),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_page_leads_to_the_next() {
        let rows = vec![(5, "c"), (4, "b"), (3, "a")];
        let place = |row: &(i64, &str)| (Timestamp::from_ms(row.0), row.1.to_owned());
        let first = page(rows.clone(), 2, place, |row| row.1);
        assert_eq!(first.items, ["c", "b"]);
        let place_of_next = after(first.next.as_deref()).unwrap().unwrap();
        assert_eq!((place_of_next.created.ms(), place_of_next.id.as_str()), (4, "b"));
        assert_eq!(page(rows, 3, place, |row| row.1).next, None);
        assert!(after(Some("nonsense!")).is_err() && after(Some("bm9uc2Vuc2U")).is_err());
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err() && limit(None).is_ok());
    }
}
