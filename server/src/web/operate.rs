//! What the operator of the server does about accounts, from the command line. Each is in the audit trail, without an
//! actor.

use anyhow::{Context, Result, anyhow, ensure};
use catalog::{Account, Change, CredentialKind, Link, NewAccount, Practice, PracticeSettings};
use domain::{
    AccountState, Capacity, InvitationId, MemberRole, Operator, Phi, PracticeId, Timestamp, UserId,
};
use ledger::Object;

use super::accounts::{email as checked_email, event};
use super::app::{Config, now};
use super::problem::Problem;
use super::secrets::{random_id, random_word, word_hash};
use crate::store::Store;

/// How long a link is good that the operator was given, milliseconds.
const LINK_MS: i64 = 3_600_000;

/// Makes a practice with its first administrator; gives the link by which that one chooses a password.
///
/// # Errors
/// When the address has an account, or something cannot be kept.
pub(crate) async fn add_practice(config: Config, practice: &str, name: &str, email: &str) -> Result<String> {
    let store = Store::open(&config.place, config.database.as_ref()).await?;
    let email = checked_email(&Phi::new(email.to_owned())).map_err(said)?;
    let name = Phi::new(domain::text::line("the name", name)?);
    let practice_name = Phi::new(domain::text::line("the name of the practice", practice)?);
    let now = now();
    let mut change = store.catalog.change().await?;
    ensure!(
        change.facts().await?.account_by_email(&email).await?.is_none(),
        "this address has an account already"
    );
    let user = UserId::from_random(random_id().map_err(said)?);
    let practice = PracticeId::from_random(random_id().map_err(said)?);
    let account = NewAccount {
        id: user,
        name,
        email,
        password: None,
    };
    let mut system = change.as_system().await?;
    system.create_account(&account, now).await?;
    let made = Practice {
        id: practice,
        name: practice_name,
        settings: PracticeSettings::default(),
        created: now,
    };
    system.create_practice(&made).await?;
    system
        .put_member(practice, user, MemberRole::Administrator, "active", now)
        .await?;
    let link = way_back(&config, &mut change, user, now).await?;
    change
        .record(&[event(now, None, "OperatorAddPractice", "done", Some(practice))])
        .await?;
    end(store, change).await?;
    Ok(link)
}

/// Takes all factors but the password from an account and ends its sign-ins; gives a link to choose another password.
///
/// # Errors
/// When there is no such account in use, or something cannot be kept.
pub(crate) async fn reset(config: Config, email: &str) -> Result<String> {
    let (store, mut change, account) = find(&config, email).await?;
    ensure!(
        account.state != AccountState::Deactivated,
        "the account is closed"
    );
    for kind in [
        CredentialKind::Totp,
        CredentialKind::Recovery,
        CredentialKind::Passkey,
    ] {
        change
            .as_system()
            .await?
            .remove_credentials(account.id, kind)
            .await?;
    }
    change.as_system().await?.end_sign_ins(account.id).await?;
    let now = now();
    let link = way_back(&config, &mut change, account.id, now).await?;
    record(&mut change, "OperatorResetFactors", account.id, now).await?;
    end(store, change).await?;
    Ok(link)
}

/// Closes an account and ends its sign-ins.
///
/// # Errors
/// When there is no such account, or something cannot be kept.
pub(crate) async fn deactivate(config: Config, email: &str) -> Result<()> {
    let (store, mut change, account) = find(&config, email).await?;
    change.as_system().await?.deactivate_account(account.id).await?;
    change.as_system().await?.end_sign_ins(account.id).await?;
    record(&mut change, "OperatorDeactivate", account.id, now()).await?;
    end(store, change).await
}

/// Makes an account one of an operator, or no longer.
///
/// # Errors
/// When there is no such account, or something cannot be kept.
pub(crate) async fn set_operator(config: Config, email: &str, operator: Operator) -> Result<()> {
    let (store, mut change, account) = find(&config, email).await?;
    change
        .as_system()
        .await?
        .set_operator(account.id, operator)
        .await?;
    record(&mut change, "OperatorSet", account.id, now()).await?;
    end(store, change).await
}

async fn find(config: &Config, email: &str) -> Result<(Store, Change, Account)> {
    let store = Store::existing(&config.place, config.database.as_ref()).await?;
    let mut change = store.catalog.change().await?;
    let account = change
        .facts()
        .await?
        .account_by_email(&Phi::new(email.to_owned()))
        .await?;
    let account = account.context("no account has this address")?;
    Ok((store, change, account))
}

async fn record(change: &mut Change, action: &'static str, user: UserId, now: Timestamp) -> Result<()> {
    let mut done = event(now, None, action, "done", None);
    done.capacity = Capacity::Operator;
    done.object = Some(Object::new("Account", user.as_bytes()));
    Ok(change.record(&[done]).await?)
}

/// A link by which the owner of an account chooses another password.
async fn way_back(config: &Config, change: &mut Change, user: UserId, now: Timestamp) -> Result<String> {
    change.as_system().await?.void_links(user, "recover", now).await?;
    let word = random_word().map_err(said)?;
    let link = Link {
        id: InvitationId::from_random(random_id().map_err(said)?),
        purpose: "recover".to_owned(),
        user,
        terms: serde_json::Value::Null,
        created_by: None,
        expires: now.plus_ms(LINK_MS),
        used: None,
    };
    change
        .as_system()
        .await?
        .add_link(&word_hash(word.reveal()), &link, now)
        .await?;
    let base = match config.public_url.as_str() {
        "" => format!("http://localhost:{}", config.listen.port()),
        url => url.to_owned(),
    };
    Ok(format!("{base}/link/recover#{}", word.reveal()))
}

async fn end(store: Store, change: Change) -> Result<()> {
    change.commit().await?;
    store.catalog.close().await;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn said(problem: Problem) -> anyhow::Error {
    anyhow!("{problem}")
}
