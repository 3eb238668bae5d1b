//! One-time codes as a second factor, and recovery codes in their place.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use catalog::{Change, Credential, CredentialKind};
use domain::{CredentialId, Phi, SignInStrength};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::own;
use super::app::App;
use super::extract::Input;
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::{Totp, folded_code, random_id, recovery_codes, word_hash};
use super::signing::add_sign_in;
use super::who::{From, Who, set_cookie};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start_totp))
        .routes(routes!(confirm_totp))
}

/// The secret of one-time codes, to be put into an application.
#[derive(Serialize, ToSchema)]
struct TotpSecret {
    /// The credential, to be confirmed.
    #[schema(value_type = Uuid)]
    credential: CredentialId,
    /// In base 32.
    #[schema(value_type = String)]
    secret: Phi<String>,
    /// As QR codes hold it.
    #[schema(value_type = String)]
    uri: Phi<String>,
}

/// Begin to set up one-time codes. They count when one was shown.
#[utoipa::path(post, path = "/api/me/totp", tag = "accounts",
    responses((status = 200, body = TotpSecret), (status = "default", body = ProblemBody)))]
async fn start_totp(State(app): State<App>, who: Who) -> Answer<Json<TotpSecret>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EnrollFactor>(&own(&who))?;
        let account = turn.db.own_account(proof).await?.ok_or_else(Problem::sign_in)?;
        refuse_weak_enrolment(&mut turn, &who, proof).await?;
        for old in turn.db.own_credentials(proof, CredentialKind::Totp).await? {
            if old.confirmed.is_none() {
                turn.db.drop_credential(proof, old.id).await?;
            }
        }
        let totp = Totp::random()?;
        let credential = Credential {
            id: CredentialId::from_random(random_id()?),
            kind: CredentialKind::Totp,
            secret: Phi::new(serde_json::Value::String(totp.text())),
            last_step: 0,
            confirmed: None,
            used: None,
        };
        turn.db.add_credential(proof, &credential, None).await?;
        Ok(Json(TotpSecret {
            credential: credential.id,
            secret: Phi::new(totp.text()),
            uri: Phi::new(totp.uri(&account.email)),
        }))
    }
    .await;
    turn.end(done).await
}

/// Who has a second factor must have shown it to add another: a stolen password must not be enough.
pub(crate) async fn refuse_weak_enrolment(
    turn: &mut super::turn::Turn<Change>,
    who: &Who,
    proof: Authorized<act::EnrollFactor>,
) -> Answer<()> {
    if who.subject.strength == SignInStrength::Strong {
        return Ok(());
    }
    let mut has_factor = !turn
        .db
        .own_credentials(proof, CredentialKind::Passkey)
        .await?
        .is_empty();
    for code in turn.db.own_credentials(proof, CredentialKind::Totp).await? {
        has_factor |= code.confirmed.is_some();
    }
    match has_factor {
        true => Err(Problem::forbidden()),
        false => Ok(()),
    }
}

/// A one-time code that shows that they work.
#[derive(Deserialize, ToSchema)]
struct Confirm {
    /// The credential.
    #[schema(value_type = Uuid)]
    credential: CredentialId,
    /// Its present code.
    #[schema(value_type = String)]
    code: Phi<String>,
}

/// What to keep in a safe place.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    /// Each is good once in place of a one-time code. They are shown only now.
    #[schema(value_type = Vec<String>)]
    codes: Vec<Phi<String>>,
}

/// Show that one-time codes work. The sign-in is strong from now on, under another cookie.
#[utoipa::path(post, path = "/api/me/totp/confirm", tag = "accounts", request_body = Confirm,
    responses((status = 200, body = RecoveryCodes), (status = "default", body = ProblemBody)))]
async fn confirm_totp(
    State(app): State<App>,
    who: Who,
    from: From,
    Input(input): Input<Confirm>,
) -> Answer<Response> {
    app.limits.account.take(who.user(), Instant::now())?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EnrollFactor>(&own(&who))?;
        refuse_weak_enrolment(&mut turn, &who, proof).await?;
        let now = turn.now;
        let all = turn.db.own_credentials(proof, CredentialKind::Totp).await?;
        let credential = all.iter().find(|kept| kept.id == input.credential);
        let step = credential
            .and_then(totp_of)
            .and_then(|totp| totp.step_of(input.code.reveal(), now));
        let is_taken = match step {
            Some(step) => turn.db.show_step(proof, input.credential, step, now).await?,
            None => false,
        };
        if !is_taken {
            return Err(Problem::invalid("The code is wrong or was used."));
        }
        turn.db.drop_credentials(proof, CredentialKind::Recovery).await?;
        let codes = recovery_codes()?;
        for code in &codes {
            let kept = Credential {
                id: CredentialId::from_random(random_id()?),
                kind: CredentialKind::Recovery,
                secret: Phi::new(serde_json::Value::String(hex(&word_hash(&folded_code(
                    code.reveal(),
                ))))),
                last_step: 0,
                confirmed: Some(now),
                used: None,
            };
            turn.db.add_credential(proof, &kept, None).await?;
        }
        // A sign-in that grows stronger gets another cookie: who had the old one gains nothing.
        turn.db.end_sign_in(proof, who.sign_in).await?;
        let (word, _) = add_sign_in(&mut turn.db, who.user(), SignInStrength::Strong, &from, now).await?;
        Ok((word, codes))
    }
    .await;
    let (word, codes) = turn.end(done).await?;
    Ok((
        [(header::SET_COOKIE, set_cookie(&word))],
        Json(RecoveryCodes { codes }),
    )
        .into_response())
}

/// The secret of a credential, where it has one-time codes.
pub(crate) fn totp_of(credential: &Credential) -> Option<Totp> {
    Totp::from_text(credential.secret.reveal().as_str()?)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
