//! Biometric releases, and connections of patients with doctors.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Change, Conn, Connection, Notice, SignedRelease, right};
use domain::{
    AccountState, AgreementKind, AgreementVersion, ConnectionId, ConnectionState, NewsKind, PatientId, Phi,
    Release, ReleaseId, ReleaseScope, UserId,
};
use policy::{AccountFacts, Authorized, ConnectionFacts, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::email;
use super::app::App;
use super::extract::{Id, Input};
use super::news::{Happened, tell};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::turn::Turn;
use super::who::Who;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(releases))
        .routes(routes!(sign))
        .routes(routes!(withdraw))
        .routes(routes!(connections))
        .routes(routes!(connect))
        .routes(routes!(answer))
        .routes(routes!(end))
}

/// A signed biometric release.
#[derive(Serialize, ToSchema)]
struct ReleaseBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ReleaseId,
    /// Who signed.
    #[schema(value_type = Uuid)]
    signed_by: UserId,
    /// The name that was signed with.
    #[schema(value_type = String)]
    name: Phi<String>,
    /// Version of the text.
    version: u32,
    /// `treatment` or `collaboration`.
    #[schema(value_type = String)]
    scope: ReleaseScope,
    /// When, RFC 3339.
    signed: String,
    /// When it was withdrawn.
    withdrawn: Option<String>,
}

/// The biometric releases of a patient, the latest first.
#[utoipa::path(get, path = "/api/patients/{patient}/releases", tag = "consent", params(("patient" = Uuid, Path)),
    responses((status = 200, body = Vec<ReleaseBody>), (status = "default", body = ProblemBody)))]
async fn releases(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
) -> Answer<Json<Vec<ReleaseBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.patient::<act::ReadReleases>(patient).await?;
        let all = turn.db.releases_of(proof).await?;
        Ok(Json(all.into_iter().map(release_body).collect()))
    }
    .await;
    turn.end(answer).await
}

fn release_body(signed: SignedRelease) -> ReleaseBody {
    ReleaseBody {
        id: signed.id,
        signed_by: signed.signed_by,
        name: signed.name,
        version: signed.release.version.0,
        scope: signed.release.scope,
        signed: signed.release.signed.to_rfc3339(),
        withdrawn: signed.release.withdrawn.map(|moment| moment.to_rfc3339()),
    }
}

/// A release to be signed.
#[derive(Deserialize, ToSchema)]
struct Sign {
    /// The version of the text that was read.
    version: u32,
    /// `treatment` or `collaboration`.
    #[schema(value_type = String)]
    scope: ReleaseScope,
    /// The name of who signs, typed as a signature.
    #[schema(value_type = String)]
    name: Phi<String>,
}

/// Sign the biometric release, as the patient or as a guardian.
#[utoipa::path(post, path = "/api/patients/{patient}/releases", tag = "consent", params(("patient" = Uuid, Path)),
    request_body = Sign,
    responses((status = 201, body = ReleaseBody), (status = "default", body = ProblemBody)))]
async fn sign(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
    Input(input): Input<Sign>,
) -> Answer<(StatusCode, Json<ReleaseBody>)> {
    let name = Phi::new(domain::text::line("The name", input.name.reveal())?);
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.patient::<act::SignRelease>(patient).await?;
        if input.version != app.agreements.version(AgreementKind::Release) {
            return Err(Problem::conflict("This is not the version in force."));
        }
        let signed = SignedRelease {
            id: ReleaseId::from_random(random_id()?),
            patient,
            signed_by: who.user(),
            name,
            release: Release {
                version: AgreementVersion(input.version),
                scope: input.scope,
                signed: turn.now,
                withdrawn: None,
            },
        };
        turn.db.add_release(proof, &signed).await?;
        Ok((StatusCode::CREATED, Json(release_body(signed))))
    }
    .await;
    turn.end(done).await
}

/// Withdraw the biometric release: no face or head capture is taken in any more.
#[utoipa::path(delete, path = "/api/patients/{patient}/releases", tag = "consent", params(("patient" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn withdraw(State(app): State<App>, who: Who, Id(patient): Id<PatientId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.patient::<act::WithdrawRelease>(patient).await?;
        let now = turn.now;
        match turn.db.withdraw_releases(proof, now).await? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(Problem::conflict("No release holds.")),
        }
    }
    .await;
    turn.end(done).await
}

/// A connection of a patient with a doctor.
#[derive(Serialize, ToSchema)]
struct ConnectionBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ConnectionId,
    /// Who started it.
    #[schema(value_type = Uuid)]
    patient: UserId,
    /// Whom it leads to.
    #[schema(value_type = Uuid)]
    doctor: UserId,
    /// What the other of the two is called.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// `asked`, `active`, `declined` or `ended`.
    #[schema(value_type = String)]
    state: ConnectionState,
    /// When it was started, RFC 3339.
    created: String,
}

/// A connection as one of the two sees it.
async fn connection_body(db: &mut Conn, me: UserId, connection: &Connection) -> Answer<ConnectionBody> {
    let facts = &connection.facts;
    let other = if facts.doctor == me {
        facts.patient
    } else {
        facts.doctor
    };
    let name = db.facts().await?.name_of(other).await?;
    Ok(ConnectionBody {
        id: facts.connection,
        patient: facts.patient,
        doctor: facts.doctor,
        name,
        state: facts.state,
        created: connection.created.to_rfc3339(),
    })
}

/// Tells the other of the two.
async fn tell_other(app: &App, turn: &mut Turn<Change>, facts: &ConnectionFacts) -> Answer<()> {
    let by = turn.who().user();
    let happened = Happened {
        what: NewsKind::Connection,
        by,
        case: None,
        patient: None,
        at: turn.now,
    };
    let other = if facts.doctor == by {
        facts.patient
    } else {
        facts.doctor
    };
    tell(app, &mut turn.db, other, &happened).await
}

/// One's connections, the latest first.
#[utoipa::path(get, path = "/api/connections", tag = "consent",
    responses((status = 200, body = Vec<ConnectionBody>), (status = "default", body = ProblemBody)))]
async fn connections(State(app): State<App>, who: Who) -> Answer<Json<Vec<ConnectionBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let proof = turn.ask::<act::ListConnections>(&AccountFacts { owner: who.user() })?;
        let mut bodies = Vec::new();
        for connection in turn.db.connections_of(proof).await? {
            bodies.push(connection_body(&mut turn.db, who.user(), &connection).await?);
        }
        Ok(Json(bodies))
    }
    .await;
    turn.end(answer).await
}

/// Whom to connect with.
#[derive(Deserialize, ToSchema)]
struct Connect {
    /// The doctor's address.
    #[schema(value_type = String)]
    doctor: Phi<String>,
}

/// Ask a doctor for a connection, as the patient or a guardian.
#[utoipa::path(post, path = "/api/patients/{patient}/connections", tag = "consent",
    params(("patient" = Uuid, Path)), request_body = Connect,
    responses((status = 201, body = ConnectionBody), (status = "default", body = ProblemBody)))]
async fn connect(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
    Input(input): Input<Connect>,
) -> Answer<(StatusCode, Json<ConnectionBody>)> {
    let address = email(&input.doctor)?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.patient::<act::StartConnection>(patient).await?;
        let doctor = turn.db.facts().await?.account_by_email(&address).await?;
        let doctor = doctor.filter(|doctor| doctor.state == AccountState::Active && doctor.id != who.user());
        let doctor = doctor.ok_or_else(|| Problem::invalid("No doctor here has this address."))?;
        let connection = Connection {
            facts: ConnectionFacts {
                connection: ConnectionId::from_random(random_id()?),
                patient: who.user(),
                doctor: doctor.id,
                state: ConnectionState::Asked,
            },
            created: turn.now,
        };
        turn.db.start_connection(proof, &connection).await?;
        turn.db.notify(Notice::for_user("connection.asked", doctor.id));
        tell_other(&app, &mut turn, &connection.facts).await?;
        let body = connection_body(&mut turn.db, who.user(), &connection).await?;
        Ok((StatusCode::CREATED, Json(body)))
    }
    .await;
    turn.end(done).await
}

/// A doctor's answer.
#[derive(Deserialize, ToSchema)]
struct AnswerTo {
    /// Whether the doctor accepts.
    accept: bool,
}

/// Accept or decline a connection, as the doctor.
#[utoipa::path(post, path = "/api/connections/{connection}/answer", tag = "consent",
    params(("connection" = Uuid, Path)), request_body = AnswerTo,
    responses((status = 200, body = ConnectionBody), (status = "default", body = ProblemBody)))]
async fn answer(
    State(app): State<App>,
    who: Who,
    Id(connection): Id<ConnectionId>,
    Input(input): Input<AnswerTo>,
) -> Answer<Json<ConnectionBody>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let found = turn.db.facts().await?.connection(connection).await?;
        let facts = found.as_ref().map(|found| found.facts);
        let (proof, _) = turn.ask_of::<act::AnswerConnection>(facts, connection)?;
        let found = found.ok_or_else(Problem::not_found)?;
        let from = found.facts.state;
        let to = match input.accept {
            true => from.accept()?,
            false => from.decline()?,
        };
        step(&app, &mut turn, proof, (found, to)).await
    }
    .await;
    turn.end(done).await
}

/// End a connection, as either of the two.
#[utoipa::path(delete, path = "/api/connections/{connection}", tag = "consent", params(("connection" = Uuid, Path)),
    responses((status = 200, body = ConnectionBody), (status = "default", body = ProblemBody)))]
async fn end(
    State(app): State<App>,
    who: Who,
    Id(connection): Id<ConnectionId>,
) -> Answer<Json<ConnectionBody>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let found = turn.db.facts().await?.connection(connection).await?;
        let facts = found.as_ref().map(|found| found.facts);
        let (proof, _) = turn.ask_of::<act::EndConnection>(facts, connection)?;
        let found = found.ok_or_else(Problem::not_found)?;
        let to = found.facts.state.end()?;
        step(&app, &mut turn, proof, (found, to)).await
    }
    .await;
    turn.end(done).await
}

async fn step<A: right::ChangeConnection>(
    app: &App,
    turn: &mut Turn<Change>,
    proof: Authorized<A>,
    (found, to): (Connection, ConnectionState),
) -> Answer<Json<ConnectionBody>> {
    let now = turn.now;
    let facts = found.facts;
    turn.db.change_connection(proof, facts.state, to, now).await?;
    for user in [facts.patient, facts.doctor] {
        turn.db.notify(Notice::for_user("connection.changed", user));
    }
    tell_other(app, turn, &facts).await?;
    let facts = ConnectionFacts { state: to, ..facts };
    let me = turn.who().user();
    let body = connection_body(&mut turn.db, me, &Connection { facts, ..found }).await?;
    Ok(Json(body))
}
