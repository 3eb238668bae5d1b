//! Who asks: the cookie of a sign-in, and where the request came from.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use domain::{AccountState, AgreementStanding, MemberRole, Phi, PracticeId, SignInId, Timestamp, UserId};
use policy::Subject;

use super::app::App;
use super::listen::Peer;
use super::problem::{Answer, Problem};
use super::secrets::word_hash;

/// The `__Host-` prefix binds it to this host, all of it, and to encrypted connections.
const COOKIE: &str = "__Host-vitrine";
/// A sign-in is noted as used at most so often, milliseconds.
const TOUCH_MS: i64 = 15_000;

/// A signed-in user.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) subject: Subject,
    pub(crate) sign_in: SignInId,
    /// When the sign-in was noted as used.
    seen: Timestamp,
    pub(crate) memberships: Vec<(PracticeId, MemberRole)>,
}

impl Who {
    pub(crate) fn user(&self) -> UserId {
        self.subject.user
    }
}

/// Where a request came from.
#[derive(Clone, Debug)]
pub(crate) struct From {
    pub(crate) address: IpAddr,
    pub(crate) agent: String,
}

impl From {
    pub(crate) fn origin(&self) -> Phi<catalog::Origin> {
        Phi::new(catalog::Origin {
            address: self.address.to_string(),
            agent: self.agent.clone(),
        })
    }
}

impl<S> FromRequestParts<S> for From
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<Peer>>()
            .map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.0.ip());
        let proxies = &App::from_ref(state).config.trusted_proxies;
        let address = asker(peer, proxies, &parts.headers);
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        Ok(Self {
            address,
            agent: agent.chars().take(200).collect(),
        })
    }
}

/// Who asks: the other end, unless that is a proxy which is believed. Then it is the last address that no such proxy
/// has; what stands before that anybody may have written.
fn asker(peer: IpAddr, proxies: &[IpAddr], headers: &HeaderMap) -> IpAddr {
    if !proxies.contains(&peer) {
        return peer;
    }
    let told: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    told.into_iter()
        .rev()
        .map_while(|text| text.trim().parse().ok())
        .find(|address| !proxies.contains(address))
        .unwrap_or(peer)
}

impl<S> FromRequestParts<S> for Who
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        match signed_in(&app, &parts.headers).await? {
            Some(who) => {
                app.limits.user.take(who.user(), Instant::now())?;
                Ok(who)
            }
            None => Err(Problem::sign_in()),
        }
    }
}

impl<S> OptionalFromRequestParts<S> for Who
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        signed_in(&App::from_ref(state), &parts.headers).await
    }
}

/// Who is signed in with the cookie of a request, which notes that the sign-in is used.
pub(crate) async fn signed_in(app: &App, headers: &HeaderMap) -> Answer<Option<Who>> {
    let who = recognized(app, headers).await?;
    if let Some(who) = &who {
        touch_if_due(app, who);
    }
    Ok(who)
}

/// Notes that a sign-in is used, unless that was noted just now.
pub(crate) fn touch_if_due(app: &App, who: &Who) {
    let now = app.now();
    if who.seen.plus_ms(TOUCH_MS) <= now {
        touch(app.clone(), who.sign_in, now);
    }
}

/// Who is signed in with the cookie of a request, whether or not they do anything with it.
pub(crate) async fn recognized(app: &App, headers: &HeaderMap) -> Answer<Option<Who>> {
    let Some(word) = cookie(headers) else {
        return Ok(None);
    };
    let now = app.now();
    let found = app
        .catalog
        .reader()
        .await?
        .facts()
        .await?
        .signed_in(&word_hash(word))
        .await?;
    let Some(found) =
        found.filter(|found| found.sign_in.is_live(now) && found.state != AccountState::Deactivated)
    else {
        return Ok(None);
    };
    let is_current = app.agreements.required().iter().all(|(kind, version)| {
        found
            .accepted
            .iter()
            .any(|(accepted, number)| accepted == kind.word() && number == version)
    });
    Ok(Some(Who {
        subject: Subject {
            user: found.sign_in.user,
            account: found.state,
            strength: found.sign_in.strength,
            agreements: match is_current {
                true => AgreementStanding::Current,
                false => AgreementStanding::Pending,
            },
            operator: found.operator,
        },
        sign_in: found.sign_in.id,
        seen: found.sign_in.seen,
        memberships: found.memberships,
    }))
}

/// Notes in the background that a sign-in was used.
fn touch(app: App, sign_in: SignInId, now: Timestamp) {
    tokio::spawn(async move {
        let touched = async {
            let mut change = app.catalog.change().await?;
            change.as_system().await?.touch_sign_in(sign_in, now).await?;
            change.commit().await
        };
        if let Err(error) = touched.await {
            tracing::warn!(%error, "a sign-in could not be noted as used");
        }
    });
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, word)| word)
}

/// The cookie that signs in, until the browser is closed.
pub(crate) fn set_cookie(word: &Phi<String>) -> HeaderValue {
    let text = format!(
        "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict",
        word.reveal()
    );
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// What takes the cookie away.
pub(crate) fn clear_cookie() -> HeaderValue {
    HeaderValue::from_static("__Host-vitrine=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_that_are_believed_say_who_asks() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (proxy, inner) = (address("10.0.0.1"), address("10.0.0.2"));
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("1.2.3.4, 5.6.7.8"));
        headers.append("x-forwarded-for", HeaderValue::from_static("10.0.0.2"));
        assert_eq!(asker(proxy, &[], &headers), proxy);
        assert_eq!(asker(address("9.9.9.9"), &[proxy], &headers), address("9.9.9.9"));
        assert_eq!(asker(proxy, &[proxy], &headers), inner);
        assert_eq!(asker(proxy, &[proxy, inner], &headers), address("5.6.7.8"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("nonsense"));
        assert_eq!(asker(proxy, &[proxy], &headers), proxy);
        headers.clear();
        assert_eq!(asker(proxy, &[proxy], &headers), proxy);
    }
}
