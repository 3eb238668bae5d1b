//! Emergency access of operators of the server: recorded, for minutes, and the practice is told at once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Emergency, Notice};
use domain::{EmergencyId, MemberRole, Phi, PracticeId, UserId, Window};
use policy::act;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Id, Input};
use super::mail::Letter;
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::who::Who;

/// Longest time, minutes.
const MOST_MINUTES: u16 = 120;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(open))
        .routes(routes!(end))
}

/// One time that an operator had access.
#[derive(Serialize, ToSchema)]
struct EmergencyBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: EmergencyId,
    /// Who.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// Why, in the operator's words.
    #[schema(value_type = String)]
    reason: Phi<String>,
    /// From when, RFC 3339.
    from: String,
    /// Until when at the latest.
    until: String,
    /// When it was ended before that.
    ended: Option<String>,
}

fn body(emergency: Emergency) -> EmergencyBody {
    EmergencyBody {
        id: emergency.id,
        user: emergency.user,
        reason: emergency.reason,
        from: emergency.window.from.to_rfc3339(),
        until: emergency.window.until.to_rfc3339(),
        ended: emergency.ended.map(|moment| moment.to_rfc3339()),
    }
}

/// All emergency access to a practice, the latest first, for its administrators.
#[utoipa::path(get, path = "/api/practices/{practice}/emergencies", tag = "practices",
    params(("practice" = Uuid, Path)),
    responses((status = 200, body = Vec<EmergencyBody>), (status = "default", body = ProblemBody)))]
async fn list(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
) -> Answer<Json<Vec<EmergencyBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.practice::<act::ReadAudit>(practice).await?;
        let all = turn.db.emergencies_of(proof).await?;
        Ok(Json(all.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// What an operator needs.
#[derive(Deserialize, ToSchema)]
struct Open {
    /// Why; the practice reads it.
    #[schema(value_type = String, max_length = 10_000)]
    reason: Phi<String>,
    /// For how many minutes, 1 to 120.
    minutes: u16,
}

/// Open emergency access to the pictures of a practice, as an operator of the server. Its administrators get a mail.
#[utoipa::path(post, path = "/api/practices/{practice}/emergencies", tag = "practices",
    params(("practice" = Uuid, Path)), request_body = Open,
    responses((status = 201, body = EmergencyBody), (status = "default", body = ProblemBody)))]
async fn open(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
    Input(input): Input<Open>,
) -> Answer<(StatusCode, Json<EmergencyBody>)> {
    let reason = Phi::new(domain::text::lines("The reason", input.reason.reveal())?);
    if !(1..=MOST_MINUTES).contains(&input.minutes) {
        return Err(Problem::invalid("Emergency access lasts 1 to 120 minutes."));
    }
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.practice::<act::OpenEmergencyAccess>(practice).await?;
        let emergency = Emergency {
            id: EmergencyId::from_random(random_id()?),
            practice,
            user: who.user(),
            reason,
            window: Window {
                from: turn.now,
                until: turn.now.plus_ms(i64::from(input.minutes) * 60_000),
            },
            ended: None,
        };
        turn.db.open_emergency(proof, &emergency).await?;
        let mut told = Vec::new();
        for (member, account) in turn.db.members(proof).await? {
            if member.state == "active" && member.role == MemberRole::Administrator {
                turn.db.notify(Notice::for_user("emergency.opened", member.user));
                told.push(account.email);
            }
        }
        Ok((emergency, told))
    }
    .await;
    let (emergency, told) = turn.end(done).await?;
    for to in told {
        let letter = Letter {
            to,
            subject: "An operator has opened emergency access",
            text: format!(
                "An operator of the server may look at pictures of your practice until {}. The reason is in the list \
                 of emergency access, where you can end it.",
                emergency.window.until.to_rfc3339()
            ),
            link: None,
        };
        app.mail.send(letter).await?;
    }
    Ok((StatusCode::CREATED, Json(body(emergency))))
}

/// End all emergency access to a practice, as the operator or an administrator.
#[utoipa::path(delete, path = "/api/practices/{practice}/emergencies", tag = "practices",
    params(("practice" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn end(State(app): State<App>, who: Who, Id(practice): Id<PracticeId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.practice::<act::EndEmergencyAccess>(practice).await?;
        let now = turn.now;
        match turn.db.end_emergencies(proof, now).await? {
            0 => Err(Problem::conflict("There is none that goes on.")),
            _ => Ok(StatusCode::NO_CONTENT),
        }
    }
    .await;
    turn.end(done).await
}
