//! By which colors the people of a case are told apart.

use std::collections::BTreeMap;

use domain::{CaseId, PersonColor, UserId};
use sqlx::Row;

use crate::database::{Conn, Dialect};
use crate::error::{CatalogError, unreadable};
use crate::sql::id;
use crate::standing::{AsSystem, Facts};

impl Facts<'_> {
    /// The colors that people have in a case; who is not named has said nothing in it and not been there with others.
    ///
    /// # Errors
    /// The database's.
    pub async fn person_colors(
        &mut self,
        case: CaseId,
    ) -> Result<BTreeMap<UserId, PersonColor>, CatalogError> {
        colors_of(self.conn(), case).await
    }
}

async fn colors_of(conn: &mut Conn, case: CaseId) -> Result<BTreeMap<UserId, PersonColor>, CatalogError> {
    let rows = sqlx::query("SELECT user_id, color FROM person_colors WHERE case_id = $1")
        .bind(case.to_string())
        .fetch_all(conn.db())
        .await?;
    rows.iter()
        .map(|row| {
            let number = u8::try_from(row.try_get::<i64, _>(1)?).map_err(unreadable("color"))?;
            Ok((id(row, 0)?, PersonColor::of_number(number)))
        })
        .collect()
}

impl AsSystem<'_> {
    /// The color of a person in a case, which is taken where they have none yet: their own, or one that is free.
    ///
    /// # Errors
    /// The database's.
    pub async fn person_color(&mut self, case: CaseId, user: UserId) -> Result<PersonColor, CatalogError> {
        if let Some(color) = colors_of(self, case).await?.get(&user) {
            return Ok(*color);
        }
        // Two who come at once would take the same. SQLite has one writer anyway.
        if self.dialect == Dialect::Postgres {
            sqlx::query("SELECT id FROM cases WHERE id = $1 FOR UPDATE")
                .bind(case.to_string())
                .fetch_optional(self.db())
                .await?;
        }
        let taken = colors_of(self, case).await?;
        if let Some(color) = taken.get(&user) {
            return Ok(*color);
        }
        let taken: Vec<PersonColor> = taken.into_values().collect();
        let color = PersonColor::beside(user, &taken);
        sqlx::query("INSERT INTO person_colors (case_id, user_id, color) VALUES ($1, $2, $3)")
            .bind(case.to_string())
            .bind(user.to_string())
            .bind(i64::from(color.number()))
            .execute(self.db())
            .await?;
        Ok(color)
    }
}
