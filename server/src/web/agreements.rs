//! The texts that users accept and patients sign, in their versions. A version that is newer than what somebody
//! accepted must be accepted before anything else works.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::Acceptance;
use data_encoding::HEXLOWER;
use domain::AgreementKind;
use policy::{AccountFacts, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::Input;
use super::problem::{Answer, Problem, ProblemBody};
use super::who::Who;

/// The texts that come with the program: kind, version, text.
const OURS: &[(AgreementKind, u32, &str)] = &[
    (
        AgreementKind::Terms,
        1,
        include_str!("../../../assets/agreements/terms.1.md"),
    ),
    (
        AgreementKind::Privacy,
        1,
        include_str!("../../../assets/agreements/privacy.1.md"),
    ),
    (
        AgreementKind::Release,
        1,
        include_str!("../../../assets/agreements/release.1.md"),
    ),
];

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(accepted))
        .routes(routes!(agree))
}

/// One text in its version in force.
#[derive(Clone, Debug)]
struct Text {
    kind: AgreementKind,
    version: u32,
    text: String,
    sha256: [u8; 32],
}

/// The texts in force, one of each kind.
#[derive(Clone, Debug)]
pub(crate) struct Agreements {
    texts: Vec<Text>,
    /// Those that stop everything else until they are accepted.
    required: Vec<(AgreementKind, u32)>,
}

impl Agreements {
    /// The program's own texts, or in their place those of a folder: files named `KIND.VERSION.md`, of which the
    /// highest version of each kind is in force.
    ///
    /// # Errors
    /// When a file cannot be read or names no kind and version.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self> {
        let mut all: Vec<Text> = OURS
            .iter()
            .map(|&(kind, version, text)| Text::new(kind, version, text.to_owned()))
            .collect();
        if let Some(folder) = folder {
            let entries = std::fs::read_dir(folder)
                .with_context(|| format!("reading the agreements in {}", folder.display()))?;
            for entry in entries {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "md") {
                    let text = read(&path).with_context(|| format!("reading {}", path.display()))?;
                    all.push(text);
                }
            }
        }
        let texts: Vec<Text> = [
            AgreementKind::Terms,
            AgreementKind::Privacy,
            AgreementKind::Release,
        ]
        .into_iter()
        .filter_map(|kind| {
            let of_kind = all.iter().filter(|text| text.kind == kind);
            // Of one version, the operator's stands before the program's.
            of_kind.max_by_key(|text| text.version).cloned()
        })
        .collect();
        let required = texts
            .iter()
            .filter(|text| AgreementKind::REQUIRED.contains(&text.kind))
            .map(|text| (text.kind, text.version))
            .collect();
        Ok(Self { texts, required })
    }

    /// Those that stop everything else until they are accepted, with their versions in force.
    pub(crate) fn required(&self) -> &[(AgreementKind, u32)] {
        &self.required
    }

    /// The version of a kind that is in force.
    pub(crate) fn version(&self, kind: AgreementKind) -> u32 {
        let text = self.texts.iter().find(|text| text.kind == kind);
        text.map_or(0, |text| text.version)
    }
}

impl Text {
    fn new(kind: AgreementKind, version: u32, text: String) -> Self {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self {
            kind,
            version,
            text,
            sha256,
        }
    }
}

fn read(path: &Path) -> Result<Text> {
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .context("a name in UTF-8")?;
    let (kind, version) = name.split_once('.').context("a name like terms.2.md")?;
    let kind = AgreementKind::from_word(kind).context("terms, privacy or release")?;
    let version = version.parse().context("a version")?;
    ensure!(version > 0, "versions are counted from 1");
    Ok(Text::new(kind, version, std::fs::read_to_string(path)?))
}

/// A text in force.
#[derive(Serialize, ToSchema)]
struct TextBody {
    /// `terms`, `privacy` or `release`.
    kind: &'static str,
    /// Its version.
    version: u32,
    /// The text, as Markdown.
    text: String,
    /// SHA-256 of the text in UTF-8, hexadecimal: what an acceptance is kept with.
    sha256: String,
}

/// The texts in force, for everybody.
#[utoipa::path(get, path = "/api/agreements", tag = "accounts",
    responses((status = 200, body = Vec<TextBody>), (status = "default", body = ProblemBody)))]
async fn list(State(app): State<App>) -> Json<Vec<TextBody>> {
    let body = |text: &Text| TextBody {
        kind: text.kind.word(),
        version: text.version,
        text: text.text.clone(),
        sha256: HEXLOWER.encode(&text.sha256),
    };
    Json(app.agreements.texts.iter().map(body).collect())
}

/// What one accepted.
#[derive(Serialize, ToSchema)]
struct AcceptedBody {
    /// `terms`, `privacy`, or a choice about advertising: `product_news`, `surveys`.
    kind: String,
    /// Its version.
    version: String,
    /// When it was accepted, RFC 3339.
    accepted: String,
    /// When it was taken back.
    withdrawn: Option<String>,
}

/// Everything that one ever accepted, the latest first.
#[utoipa::path(get, path = "/api/me/agreements", tag = "accounts",
    responses((status = 200, body = Vec<AcceptedBody>), (status = "default", body = ProblemBody)))]
async fn accepted(State(app): State<App>, who: Who) -> Answer<Json<Vec<AcceptedBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let proof = turn.ask::<act::ReadAccount>(&AccountFacts { owner: who.user() })?;
        let body = |found: Acceptance| AcceptedBody {
            kind: found.agreement,
            version: found.version,
            accepted: found.accepted.to_rfc3339(),
            withdrawn: found.withdrawn.map(|moment| moment.to_rfc3339()),
        };
        let all = turn.db.acceptances(proof).await?;
        Ok(Json(all.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// A version of an agreement.
#[derive(Deserialize, ToSchema)]
struct Agree {
    /// `terms` or `privacy`.
    kind: String,
    /// The version that was read.
    version: u32,
}

/// Accept an agreement.
#[utoipa::path(post, path = "/api/me/agreements", tag = "accounts", request_body = Agree,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn agree(State(app): State<App>, who: Who, Input(input): Input<Agree>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::AcceptAgreement>(&AccountFacts { owner: who.user() })?;
        let text = app.agreements.texts.iter().find(|text| {
            text.kind.word() == input.kind
                && text.version == input.version
                && AgreementKind::REQUIRED.contains(&text.kind)
        });
        let text = text.ok_or_else(|| Problem::conflict("This is not the version in force."))?;
        let now = turn.now;
        turn.db
            .accept_agreement(proof, text.kind.word(), text.version, &text.sha256, now)
            .await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_is_in_force() {
        let ours = Agreements::load(None).unwrap();
        assert_eq!(
            ours.required(),
            [(AgreementKind::Terms, 1), (AgreementKind::Privacy, 1)]
        );
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), name).unwrap();
        for name in ["terms.2.md", "terms.10.md", "release.1.md", "notes.txt"] {
            write(name);
        }
        let all = Agreements::load(Some(folder.path())).unwrap();
        assert_eq!(
            all.required(),
            [(AgreementKind::Terms, 10), (AgreementKind::Privacy, 1)]
        );
        let release = all
            .texts
            .iter()
            .find(|text| text.kind == AgreementKind::Release)
            .unwrap();
        assert_eq!(release.text, "release.1.md");
        for name in ["terms.md", "terms.x.md", "terms.0.md", "thing.1.md"] {
            write(name);
            assert!(Agreements::load(Some(folder.path())).is_err(), "{name}");
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}
