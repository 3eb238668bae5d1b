//! One's own account: name, password, advertising, and the end of it.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{MarketingChoice, Phi};
use policy::act;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::own;
use super::app::App;
use super::extract::{Id, Input};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::check_password;
use super::who::{Who, clear_cookie};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(edit))
        .routes(routes!(change_password))
        .routes(routes!(close))
        .routes(routes!(marketing))
        .routes(routes!(choose))
        .routes(routes!(withdraw))
}

/// What others call one.
#[derive(Deserialize, ToSchema)]
struct Edit {
    /// The name.
    #[schema(value_type = String, max_length = 300)]
    name: Phi<String>,
}

/// Change what others call one.
#[utoipa::path(put, path = "/api/me", tag = "accounts", request_body = Edit,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn edit(State(app): State<App>, who: Who, Input(input): Input<Edit>) -> Answer<StatusCode> {
    let name = Phi::new(domain::text::line("The name", input.name.reveal())?);
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EditAccount>(&own(&who))?;
        turn.db.rename_account(proof, &name).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Another password.
#[derive(Deserialize, ToSchema)]
struct ChangePassword {
    /// The present one.
    #[schema(value_type = String)]
    old: Phi<String>,
    /// Twelve letters or more.
    #[schema(value_type = String, min_length = 12, max_length = 200)]
    new: Phi<String>,
}

/// Change one's password. All other sign-ins end.
#[utoipa::path(post, path = "/api/me/password", tag = "accounts", request_body = ChangePassword,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn change_password(
    State(app): State<App>,
    who: Who,
    Input(input): Input<ChangePassword>,
) -> Answer<StatusCode> {
    app.limits.account.take(who.user(), Instant::now())?;
    let account = app
        .catalog
        .reader()
        .await?
        .facts()
        .await?
        .account(who.user())
        .await?;
    let account = account.ok_or_else(Problem::sign_in)?;
    check_password(&input.new, &account.email)?;
    let is_right = app.hasher.verify(input.old, account.password).await?;
    let fresh = app.hasher.hash(input.new).await?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EditAccount>(&own(&who))?;
        if !is_right {
            return Err(Problem::invalid("The present password is another."));
        }
        turn.db.change_password(proof, &fresh).await?;
        turn.db.end_other_sign_ins(proof, who.sign_in).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Close one's account. It can do nothing from then on; what it uploaded stays where it is.
#[utoipa::path(delete, path = "/api/me", tag = "accounts",
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn close(State(app): State<App>, who: Who) -> Answer<Response> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::CloseAccount>(&own(&who))?;
        if turn.db.facts().await?.is_last_administrator(who.user()).await? {
            return Err(Problem::conflict(
                "A practice keeps one administrator at least: make another one first.",
            ));
        }
        turn.db.close_account(proof).await?;
        Ok(())
    }
    .await;
    turn.end(done).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, clear_cookie())]).into_response())
}

/// What one has chosen about advertising.
#[derive(Serialize, ToSchema)]
struct Choice {
    /// `product_news` or `surveys`.
    #[schema(value_type = String)]
    choice: MarketingChoice,
    /// Whether one wants it.
    on: bool,
}

/// One's choices about advertising: all are off until one turns them on.
#[utoipa::path(get, path = "/api/me/marketing", tag = "accounts",
    responses((status = 200, body = Vec<Choice>), (status = "default", body = ProblemBody)))]
async fn marketing(State(app): State<App>, who: Who) -> Answer<Json<Vec<Choice>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let proof = turn.ask::<act::ReadAccount>(&own(&who))?;
        let accepted = turn.db.accepted(proof).await?;
        let choices = MarketingChoice::ALL.iter().map(|&choice| Choice {
            choice,
            on: accepted.iter().any(|agreement| agreement == choice.word()),
        });
        Ok(Json(choices.collect()))
    }
    .await;
    turn.end(answer).await
}

/// A choice in a path.
struct Chosen(MarketingChoice);

impl std::str::FromStr for Chosen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        MarketingChoice::from_word(text).map(Self).ok_or(())
    }
}

/// Turn advertising of a kind on.
#[utoipa::path(put, path = "/api/me/marketing/{choice}", tag = "accounts", params(("choice" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn choose(State(app): State<App>, who: Who, Id(Chosen(choice)): Id<Chosen>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::ChooseMarketing>(&own(&who))?;
        let now = turn.now;
        turn.db.withdraw_acceptance(proof, choice.word(), now).await?;
        turn.db
            .accept_agreement(proof, choice.word(), 1, &[0; 32], now)
            .await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Turn advertising of a kind off again, with one click.
#[utoipa::path(delete, path = "/api/me/marketing/{choice}", tag = "accounts", params(("choice" = String, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn withdraw(State(app): State<App>, who: Who, Id(Chosen(choice)): Id<Chosen>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::ChooseMarketing>(&own(&who))?;
        let now = turn.now;
        turn.db.withdraw_acceptance(proof, choice.word(), now).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}
