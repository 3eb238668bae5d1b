//! Passkeys (WebAuthn level 3): setting one up, and signing in with one, which needs neither an address nor a second
//! factor: the authenticator has checked who holds it.
//!
//! What a ceremony needs between its two steps is kept sealed in the catalog, so that another node can take the second.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::{Change, Credential, CredentialKind};
use data_encoding::BASE64URL_NOPAD;
use domain::{AccountState, CredentialId, Phi, SignInStrength, Timestamp, UserId};
use policy::act;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid as WebauthnUuid,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use super::accounts::{event, own};
use super::app::App;
use super::codes::refuse_weak_enrolment;
use super::extract::{Id, Input};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::{random_id, random_word, word_hash};
use super::signing::{SignedInBody, add_sign_in};
use super::who::{From, Who, set_cookie};

/// Where a passkey's name stands beside what it consists of.
const NAME: &str = "called";
/// How long a ceremony may take, milliseconds.
const CEREMONY_MS: i64 = 5 * 60_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(start))
        .routes(routes!(finish))
        .routes(routes!(rename))
        .routes(routes!(remove))
        .routes(routes!(start_sign_in))
        .routes(routes!(finish_sign_in))
}

/// What passkeys are bound to: the name by which the server is called from outside. None where that is an address,
/// which no passkey can be bound to.
pub(crate) fn relying_party(public_url: &str) -> Option<Webauthn> {
    let origin = Url::parse(public_url).ok()?;
    let name = origin.domain()?.to_owned();
    WebauthnBuilder::new(&name, &origin)
        .ok()?
        .rp_name("Vitrine")
        .build()
        .ok()
}

fn webauthn(app: &App) -> Answer<&Webauthn> {
    app.webauthn.as_ref().ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "no_passkeys",
            "Passkeys need a server that is called by a name, not by an address.",
        )
    })
}

/// The first step of a ceremony.
#[derive(Serialize, ToSchema)]
struct Ceremony {
    /// To be given back with the second step.
    #[schema(value_type = String)]
    ceremony: Phi<String>,
    /// What `navigator.credentials` takes.
    #[schema(value_type = Object)]
    options: Value,
}

/// The second step of a ceremony.
#[derive(Deserialize, ToSchema)]
struct Answered {
    /// What the first step gave.
    #[schema(value_type = String)]
    ceremony: Phi<String>,
    /// What `navigator.credentials` answered, binary values in base 64 (URL).
    #[schema(value_type = Object)]
    credential: Value,
}

impl Answered {
    fn credential<T: DeserializeOwned>(&self) -> Answer<T> {
        serde_json::from_value(self.credential.clone())
            .map_err(|_| Problem::invalid("This is no answer of an authenticator's."))
    }
}

fn refused() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "passkey",
        "The passkey was not accepted, or it took too long.",
    )
}

async fn begin(
    change: &mut Change,
    state: &impl Serialize,
    user: Option<UserId>,
    now: Timestamp,
) -> Answer<Phi<String>> {
    let word = random_word()?;
    let state = serde_json::to_value(state).map_err(|error| Problem::internal(&error))?;
    change
        .as_system()
        .await?
        .add_ceremony(
            &word_hash(word.reveal()),
            user,
            &state,
            now.plus_ms(CEREMONY_MS),
            now,
        )
        .await?;
    Ok(word)
}

async fn take<T: DeserializeOwned>(
    change: &mut Change,
    word: &Phi<String>,
    user: Option<UserId>,
    now: Timestamp,
) -> Answer<T> {
    let taken = change
        .as_system()
        .await?
        .take_ceremony(&word_hash(word.reveal()), user, now)
        .await?
        .ok_or_else(refused)?;
    serde_json::from_value(taken).map_err(|error| Problem::internal(&error))
}

fn passkey_of(credential: &Credential) -> Option<Passkey> {
    serde_json::from_value(credential.secret.reveal().clone()).ok()
}

/// One of one's passkeys.
#[derive(Serialize, ToSchema)]
struct PasskeyBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: CredentialId,
    /// What one calls it.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// When it was set up, RFC 3339.
    created: Option<String>,
    /// When it was used last.
    used: Option<String>,
}

/// One's passkeys.
#[utoipa::path(get, path = "/api/me/passkeys", tag = "accounts",
    responses((status = 200, body = Vec<PasskeyBody>), (status = "default", body = ProblemBody)))]
async fn list(State(app): State<App>, who: Who) -> Answer<Json<Vec<PasskeyBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let proof = turn.ask::<act::ReadAccount>(&own(&who))?;
        let all = turn.db.own_credentials(proof, CredentialKind::Passkey).await?;
        let body = |kept: Credential| PasskeyBody {
            id: kept.id,
            name: kept.secret.reveal()[NAME]
                .as_str()
                .map(|name| Phi::new(name.to_owned())),
            created: kept.confirmed.map(|moment| moment.to_rfc3339()),
            used: kept.used.map(|moment| moment.to_rfc3339()),
        };
        Ok(Json(all.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// Begin to set up a passkey.
#[utoipa::path(post, path = "/api/me/passkeys/start", tag = "accounts",
    responses((status = 200, body = Ceremony), (status = "default", body = ProblemBody)))]
async fn start(State(app): State<App>, who: Who) -> Answer<Json<Ceremony>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EnrollFactor>(&own(&who))?;
        refuse_weak_enrolment(&mut turn, &who, proof).await?;
        let account = turn.db.own_account(proof).await?.ok_or_else(Problem::sign_in)?;
        let kept = turn.db.own_credentials(proof, CredentialKind::Passkey).await?;
        let known = kept
            .iter()
            .filter_map(passkey_of)
            .map(|key| key.cred_id().clone())
            .collect();
        let (options, state) = webauthn(&app)?
            .start_passkey_registration(
                WebauthnUuid::from_bytes(*who.user().as_bytes()),
                account.email.reveal(),
                account.name.reveal(),
                Some(known),
            )
            .map_err(|error| Problem::internal(&error))?;
        let mut options = serde_json::to_value(options).map_err(|error| Problem::internal(&error))?;
        // Signing in asks for no address: the passkey must know whose it is.
        let choice = &mut options["publicKey"]["authenticatorSelection"];
        choice["residentKey"] = "required".into();
        choice["requireResidentKey"] = true.into();
        let now = turn.now;
        let ceremony = begin(&mut turn.db, &state, Some(who.user()), now).await?;
        Ok(Json(Ceremony { ceremony, options }))
    }
    .await;
    turn.end(done).await
}

/// Finish setting up a passkey. The sign-in is strong from now on, under another cookie.
#[utoipa::path(post, path = "/api/me/passkeys/finish", tag = "accounts", request_body = Answered,
    responses((status = 201, body = SignedInBody), (status = "default", body = ProblemBody)))]
async fn finish(
    State(app): State<App>,
    who: Who,
    from: From,
    Input(input): Input<Answered>,
) -> Answer<Response> {
    let answered: RegisterPublicKeyCredential = input.credential()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EnrollFactor>(&own(&who))?;
        refuse_weak_enrolment(&mut turn, &who, proof).await?;
        let now = turn.now;
        let state: PasskeyRegistration = take(&mut turn.db, &input.ceremony, Some(who.user()), now).await?;
        let passkey = webauthn(&app)?
            .finish_passkey_registration(&answered, &state)
            .map_err(|_| refused())?;
        let handle = BASE64URL_NOPAD.encode(passkey.cred_id().as_ref());
        if turn
            .db
            .facts()
            .await?
            .owner_of_credential(&handle)
            .await?
            .is_some()
        {
            return Err(Problem::conflict("This passkey is set up already."));
        }
        let kept = Credential {
            id: CredentialId::from_random(random_id()?),
            kind: CredentialKind::Passkey,
            secret: Phi::new(serde_json::to_value(&passkey).map_err(|error| Problem::internal(&error))?),
            last_step: 0,
            confirmed: Some(now),
            used: None,
        };
        turn.db.add_credential(proof, &kept, Some(&handle)).await?;
        turn.db.end_sign_in(proof, who.sign_in).await?;
        let (word, _) = add_sign_in(&mut turn.db, who.user(), SignInStrength::Strong, &from, now).await?;
        Ok(word)
    }
    .await;
    let word = turn.end(done).await?;
    let body = SignedInBody {
        user: who.user(),
        strength: SignInStrength::Strong,
    };
    Ok((
        StatusCode::CREATED,
        [(header::SET_COOKIE, set_cookie(&word))],
        Json(body),
    )
        .into_response())
}

/// What one calls a passkey.
#[derive(Deserialize, ToSchema)]
struct Name {
    /// Such as the device that it is on.
    #[schema(value_type = String, max_length = 300)]
    name: Phi<String>,
}

/// Call a passkey something.
#[utoipa::path(put, path = "/api/me/passkeys/{passkey}", tag = "accounts", params(("passkey" = Uuid, Path)),
    request_body = Name,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn rename(
    State(app): State<App>,
    who: Who,
    Id(passkey): Id<CredentialId>,
    Input(input): Input<Name>,
) -> Answer<StatusCode> {
    let name = domain::text::line("The name", input.name.reveal())?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EditAccount>(&own(&who))?;
        let kept = turn.db.own_credentials(proof, CredentialKind::Passkey).await?;
        let kept = kept.into_iter().find(|kept| kept.id == passkey);
        let mut kept = kept.ok_or_else(Problem::not_found)?;
        kept.secret = named(&kept.secret, Some(name));
        turn.db.keep_credential(proof, &kept).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// A passkey with what its owner calls it beside what it consists of.
fn named(secret: &Phi<Value>, name: Option<String>) -> Phi<Value> {
    let mut secret = secret.reveal().clone();
    if let (Some(fields), Some(name)) = (secret.as_object_mut(), name) {
        fields.insert(NAME.to_owned(), name.into());
    }
    Phi::new(secret)
}

/// Remove a passkey.
#[utoipa::path(delete, path = "/api/me/passkeys/{passkey}", tag = "accounts", params(("passkey" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn remove(State(app): State<App>, who: Who, Id(passkey): Id<CredentialId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::RemoveFactor>(&own(&who))?;
        match turn.db.drop_credential(proof, passkey).await? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(Problem::not_found()),
        }
    }
    .await;
    turn.end(done).await
}

/// Begin to sign in with a passkey.
#[utoipa::path(post, path = "/api/sign-in/passkey/start", tag = "accounts",
    responses((status = 200, body = Ceremony), (status = "default", body = ProblemBody)))]
async fn start_sign_in(State(app): State<App>, from: From) -> Answer<Json<Ceremony>> {
    app.limits.visitor.take(from.address, Instant::now())?;
    let (options, state) = webauthn(&app)?
        .start_discoverable_authentication()
        .map_err(|error| Problem::internal(&error))?;
    let mut options = serde_json::to_value(options).map_err(|error| Problem::internal(&error))?;
    if let Some(fields) = options.as_object_mut() {
        // Whether it is offered in a form or by a button is for the page to say.
        fields.remove("mediation");
    }
    let mut change = app.catalog.change().await?;
    let ceremony = begin(&mut change, &state, None, app.now()).await?;
    change.commit().await?;
    Ok(Json(Ceremony { ceremony, options }))
}

/// Finish signing in with a passkey. The cookie of the answer is the sign-in.
#[utoipa::path(post, path = "/api/sign-in/passkey/finish", tag = "accounts", request_body = Answered,
    responses((status = 200, body = SignedInBody), (status = "default", body = ProblemBody)))]
async fn finish_sign_in(
    State(app): State<App>,
    from: From,
    Input(input): Input<Answered>,
) -> Answer<Response> {
    app.limits.visitor.take(from.address, Instant::now())?;
    let answered: PublicKeyCredential = input.credential()?;
    let now = app.now();
    let mut change = app.catalog.change().await?;
    let state: DiscoverableAuthentication = take(&mut change, &input.ceremony, None, now).await?;
    let user = match proven(&app, &mut change, &answered, state, now).await? {
        Ok(user) => user,
        Err(claimed) => {
            // What was asked once is not asked again, and that it was tried is kept.
            change
                .record(&[event(now, claimed, "SignIn", "refused: passkey", None)])
                .await?;
            change.commit().await?;
            return Err(refused());
        }
    };
    let (word, sign_in) = add_sign_in(&mut change, user, SignInStrength::Strong, &from, now).await?;
    let mut done = event(now, Some(user), "SignIn", "passkey", None);
    done.sign_in = Some(sign_in);
    change.record(&[done]).await?;
    change.commit().await?;
    let body = SignedInBody {
        user,
        strength: SignInStrength::Strong,
    };
    Ok(([(header::SET_COOKIE, set_cookie(&word))], Json(body)).into_response())
}

/// Whose passkey answered, and that it is in use; else whose it claims to be, as far as that can be told.
async fn proven(
    app: &App,
    change: &mut Change,
    answered: &PublicKeyCredential,
    state: DiscoverableAuthentication,
    now: Timestamp,
) -> Answer<Result<UserId, Option<UserId>>> {
    let webauthn = webauthn(app)?;
    let Ok((user, handle)) = webauthn.identify_discoverable_authentication(answered) else {
        return Ok(Err(None));
    };
    let user = UserId::from_bytes(*user.as_bytes());
    // Nobody is named in the log who is nobody here.
    let Some(account) = change.facts().await?.account(user).await? else {
        return Ok(Err(None));
    };
    let kept = change
        .facts()
        .await?
        .credentials(user, CredentialKind::Passkey)
        .await?;
    let found = kept.into_iter().find_map(|kept| {
        let passkey = passkey_of(&kept)?;
        (passkey.cred_id().as_ref() as &[u8] == handle).then_some((kept, passkey))
    });
    let Some((kept, mut passkey)) = found else {
        return Ok(Err(Some(user)));
    };
    let Ok(result) = webauthn.finish_discoverable_authentication_v2(answered, state, &passkey) else {
        return Ok(Err(Some(user)));
    };
    if account.state != AccountState::Active || !result.user_verified() {
        return Ok(Err(Some(user)));
    }
    if passkey.update_credential(&result).is_some() {
        let secret = serde_json::to_value(&passkey).map_err(|error| Problem::internal(&error))?;
        let name = kept.secret.reveal()[NAME].as_str().map(str::to_owned);
        let kept = Credential {
            secret: named(&Phi::new(secret), name),
            ..kept
        };
        change
            .as_system()
            .await?
            .update_credential(user, &kept, now)
            .await?;
    }
    Ok(Ok(user))
}
