//! The record taken out: as FHIR AuditEvents for an auditor's tools, as an accounting of disclosures for a patient.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use catalog::{Catalog, CatalogError, Conn, Scope};
use domain::{CaseId, PatientId, Phi, PracticeId, Timestamp, UserId};
use ledger::{Disclosure, Observer, Recorded, accounting_of_disclosures, audit_event};
use policy::{Authorized, act};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::Id;
use super::problem::{Answer, ProblemBody};
use super::who::Who;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(export))
        .routes(routes!(disclosures))
}

/// Events that are read at once.
const AT_ONCE: u32 = 1_000;

/// The audit trail of a practice as FHIR R4 AuditEvents (IHE BALP), one a line, the latest first.
#[utoipa::path(get, path = "/api/practices/{practice}/audit.ndjson", tag = "records",
    params(("practice" = Uuid, Path)),
    responses((status = 200, body = String, content_type = "application/fhir+ndjson"),
    (status = "default", body = ProblemBody)))]
async fn export(State(app): State<App>, who: Who, Id(practice): Id<PracticeId>) -> Answer<Response> {
    let mut turn = app.look(&who).await?;
    let asked = turn.practice::<act::ExportAudit>(practice).await;
    let (proof, _) = turn.end(asked).await?;
    let observer = Observer {
        log: app.catalog.log_name().await?,
    };
    // Page after page as they are taken: a trail of years is not held in memory.
    let pages =
        futures::stream::try_unfold((app.catalog.clone(), Some(u64::MAX)), move |(catalog, before)| {
            let observer = observer.clone();
            async move {
                let Some(before) = before else { return Ok(None) };
                let page = page(&catalog, proof, before).await?;
                let next = page.last().map(|last| last.sequence);
                let lines = lines(&observer, &page);
                Ok::<_, CatalogError>(next.map(|next| (lines, (catalog, Some(next)))))
            }
        });
    let body = axum::body::Body::from_stream(pages);
    Ok(([(header::CONTENT_TYPE, "application/fhir+ndjson")], body).into_response())
}

async fn page(
    catalog: &Catalog,
    proof: Authorized<act::ExportAudit>,
    before: u64,
) -> Result<Vec<Recorded>, CatalogError> {
    catalog.reader().await?.events(proof, Some(before), AT_ONCE).await
}

/// Events as lines of NDJSON.
pub(crate) fn lines(observer: &Observer, events: &[Recorded]) -> String {
    events
        .iter()
        .map(|event| format!("{}\n", audit_event(observer, event)))
        .collect()
}

/// One line of an accounting of disclosures: what one person outside of the practice got to see, and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct DisclosureBody {
    /// To whom.
    #[schema(value_type = Uuid)]
    recipient: UserId,
    /// What the person is called.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// The purpose: `treatment`, `patients_request` or `emergency`.
    #[schema(value_type = String)]
    basis: ledger::Basis,
    /// In which case.
    #[schema(value_type = Option<Uuid>)]
    case: Option<CaseId>,
    /// The first time, RFC 3339.
    first: String,
    /// The last time, RFC 3339.
    last: String,
    /// How many times.
    times: u64,
    /// What was done, in words of the policy.
    actions: Vec<String>,
    /// What was disclosed.
    objects: Vec<String>,
}

/// The accounting of disclosures of one patient's record over the last six years (45 CFR 164.528).
#[utoipa::path(get, path = "/api/patients/{patient}/disclosures", tag = "records",
    params(("patient" = Uuid, Path)),
    responses((status = 200, body = Vec<DisclosureBody>), (status = "default", body = ProblemBody)))]
async fn disclosures(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
) -> Answer<Json<Vec<DisclosureBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.patient::<act::AccountForDisclosures>(patient).await?;
        let now = turn.now;
        let mut shown = Shown::of(patient);
        while let Some(before) = shown.next {
            shown.take(turn.db.events(proof, Some(before), AT_ONCE).await?);
        }
        Ok(Json(account(&mut turn.db, &shown, now).await?))
    }
    .await;
    turn.end(answer).await
}

/// The accounting of one patient's record, as the operator of the machine has it made.
pub(crate) async fn account_by_system(
    catalog: &Catalog,
    patient: PatientId,
    now: Timestamp,
) -> Result<Vec<DisclosureBody>, CatalogError> {
    let (system, mut shown) = (catalog.system(), Shown::of(patient));
    while let Some(before) = shown.next {
        shown.take(
            system
                .events(Scope::Patient(patient), Some(before), AT_ONCE)
                .await?,
        );
    }
    account(&mut catalog.reader().await?, &shown, now).await
}

/// The events by which something of a patient was shown, gathered page by page, the latest first.
struct Shown {
    patient: PatientId,
    events: Vec<Recorded>,
    /// Before which place the next page ends; `None` after the last one.
    next: Option<u64>,
}

impl Shown {
    fn of(patient: PatientId) -> Self {
        Self {
            patient,
            events: Vec::new(),
            next: Some(u64::MAX),
        }
    }

    fn take(&mut self, page: Vec<Recorded>) {
        self.next = page.last().map(|last| last.sequence);
        let patient = self.patient;
        let is_shown = |event: &Recorded| ledger::shows(&event.event, patient);
        self.events.extend(page.into_iter().filter(is_shown));
    }
}

/// The accounting, with the names of those who got to see something.
async fn account(db: &mut Conn, shown: &Shown, now: Timestamp) -> Result<Vec<DisclosureBody>, CatalogError> {
    let lines = accounting_of_disclosures(&shown.events, shown.patient, now);
    let mut names: HashMap<UserId, Option<Phi<String>>> = HashMap::new();
    let mut bodies = Vec::with_capacity(lines.len());
    for line in lines {
        if let Entry::Vacant(place) = names.entry(line.recipient) {
            place.insert(db.facts().await?.name_of(line.recipient).await?);
        }
        let name = names.get(&line.recipient).cloned().flatten();
        bodies.push(body(line, name));
    }
    Ok(bodies)
}

fn body(line: Disclosure, name: Option<Phi<String>>) -> DisclosureBody {
    DisclosureBody {
        recipient: line.recipient,
        name,
        basis: line.basis,
        case: line.case,
        first: line.first.to_rfc3339(),
        last: line.last.to_rfc3339(),
        times: line.times,
        actions: line.actions.into_iter().map(String::from).collect(),
        objects: line.objects.into_iter().map(String::from).collect(),
    }
}
