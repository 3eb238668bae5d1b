//! Items laid onto others of their case, so that they are seen in one space: by their surfaces, and by points that are
//! the same on both. What is found is proposed to whoever asked, and seen by all once it is kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Artifact, Item, Notice, Registration};
use domain::{
    ArtifactKind, CaseId, Fit, ItemId, Laid, Lying, Phi, RegistrationId, Timestamp, UserId, from_rows,
    rows_of, spaces,
};
use geometry::DAffine3;
use ingest::{LayError, MOST_TRIANGLES, Place, SurfaceOf};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::CaseKey;

use super::app::App;
use super::extract::{Id, Ids, Input};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::turn::Turn;
use super::who::Who;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(lay))
        .routes(routes!(keep))
        .routes(routes!(withdraw))
}

/// Pairs of points at most.
const MOST_LANDMARKS: usize = 64;
/// Farther away from the middle of the patient's space nothing lies, mm.
const FARTHEST_MM: f64 = 1e6;
/// For how long somebody waits for a place, and for an answer.
const WAIT: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(60);

/// How many are laid at once: each takes all processors for a moment.
#[derive(Clone)]
pub(crate) struct Laying(Arc<Semaphore>);

impl Default for Laying {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// An item laid onto another of its case.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct RegistrationBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: RegistrationId,
    /// The item that was laid.
    #[schema(value_type = Uuid)]
    item: ItemId,
    /// The item that it was laid onto.
    #[schema(value_type = Uuid)]
    onto: ItemId,
    /// `proposed`: seen by its author alone; `kept`: seen by all; `withdrawn`.
    state: &'static str,
    /// Who made it.
    #[schema(value_type = Uuid)]
    author: UserId,
    /// When, RFC 3339.
    created: String,
    /// When it was kept, RFC 3339.
    kept: Option<String>,
    /// When it was withdrawn or replaced, RFC 3339.
    withdrawn: Option<String>,
    /// Who withdrew or replaced it.
    #[schema(value_type = Option<Uuid>)]
    withdrawn_by: Option<UserId>,
    /// Takes points of the item to where they are on the other, patient millimeters; 4 x 4 by rows.
    #[schema(value_type = Vec<f64>)]
    onto_from_item: [f64; 16],
    /// The surface of the item that was laid.
    surface: String,
    /// The surface that it was laid onto.
    onto_surface: String,
    /// Root mean square distance of the points that meet, mm.
    residual_mm: f64,
    /// What 95 % of the points that meet stay within, mm.
    percentile_95_mm: f64,
    /// The share of the smaller surface that meets the other, 0 to 1.
    agreeing: f64,
    /// Root mean square distance of the pairs of points, mm, where there were any.
    landmarks_mm: Option<f64>,
    /// The pairs of points that it started from: on the item and on the other, patient millimeters.
    #[schema(value_type = Vec<Vec<Vec<f64>>>)]
    landmarks: Vec<[[f64; 3]; 2]>,
}

/// In whose space an item lies, and where.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct SpaceBody {
    /// The item whose patient space it is; those with the same one can be seen in one scene.
    #[schema(value_type = Uuid)]
    item: ItemId,
    /// Takes points of the item into that space, millimeters; 4 x 4 by rows.
    #[schema(value_type = Vec<f64>)]
    from_item: [f64; 16],
}

impl From<Lying> for SpaceBody {
    fn from(lying: Lying) -> Self {
        Self {
            item: lying.space,
            from_item: rows_of(&lying.space_from_item),
        }
    }
}

fn body(registration: Registration) -> RegistrationBody {
    let state = match (&registration.withdrawn, registration.kept) {
        (Some(_), _) => "withdrawn",
        (None, Some(_)) => "kept",
        (None, None) => "proposed",
    };
    let Fit {
        onto_from_item,
        surface,
        onto_surface,
        residual_mm,
        percentile_95_mm,
        agreeing,
        landmarks_mm,
        landmarks,
        ..
    } = registration.fit;
    RegistrationBody {
        id: registration.id,
        item: registration.item,
        onto: registration.onto,
        state,
        author: registration.author,
        created: registration.created.to_rfc3339(),
        kept: registration.kept.map(Timestamp::to_rfc3339),
        withdrawn: registration.withdrawn.map(|(at, _)| at.to_rfc3339()),
        withdrawn_by: registration.withdrawn.map(|(_, by)| by),
        onto_from_item,
        surface,
        onto_surface,
        residual_mm,
        percentile_95_mm,
        agreeing,
        landmarks_mm,
        landmarks,
    }
}

/// How the items of a case lie to each other, as somebody sees it.
pub(crate) struct CaseSpaces {
    lying: BTreeMap<ItemId, Lying>,
    in_force: BTreeMap<ItemId, Registration>,
}

impl CaseSpaces {
    /// Of these items; what somebody proposes goes before what was kept.
    pub(crate) fn of(items: &[Item], registrations: Vec<Registration>) -> Self {
        let mut in_force: BTreeMap<ItemId, Registration> = BTreeMap::new();
        for registration in registrations {
            let known = in_force.get(&registration.item);
            if known.is_none_or(|known| known.kept.is_some()) {
                in_force.insert(registration.item, registration);
            }
        }
        let frames: Vec<_> = items
            .iter()
            .map(|item| (item.id, item.details["frame_of_reference_uid"].as_str()))
            .collect();
        let laid: Vec<Laid> = in_force
            .values()
            .map(|registration| Laid {
                item: registration.item,
                onto: registration.onto,
                onto_from_item: from_rows(&registration.fit.onto_from_item),
            })
            .collect();
        in_force.retain(|_, registration| items.iter().any(|item| item.id == registration.onto));
        Self {
            lying: spaces(&frames, &laid),
            in_force,
        }
    }

    /// Where an item lies.
    pub(crate) fn space(&self, item: ItemId) -> Option<SpaceBody> {
        self.lying.get(&item).copied().map(SpaceBody::from)
    }

    /// Takes points of an item to where they are in another one's millimeters; nothing where the two do not lie in one
    /// space.
    pub(crate) fn motion(&self, from: ItemId, to: ItemId) -> Option<DAffine3> {
        let (from, to) = (self.lying.get(&from)?, self.lying.get(&to)?);
        (from.space == to.space).then(|| to.space_from_item.inverse() * from.space_from_item)
    }

    /// What an item was laid onto.
    pub(crate) fn registration(&self, item: ItemId) -> Option<RegistrationBody> {
        self.in_force.get(&item).cloned().map(body)
    }

    /// Whether two items lie in one space without what one of them was laid onto.
    fn are_together_without(&self, items: &[Item], (item, onto): (ItemId, ItemId)) -> bool {
        let others = self.in_force.values().filter(|known| known.item != item);
        let spaces = Self::of(items, others.cloned().collect());
        let space = |of: ItemId| spaces.lying.get(&of).map(|lying| lying.space);
        space(item).is_some() && space(item) == space(onto)
    }
}

/// What an item was ever laid onto, withdrawn or not; of what is proposed one's own only. The oldest first.
#[utoipa::path(get, path = "/api/items/{item}/registrations", tag = "items", params(("item" = Uuid, Path)),
    responses((status = 200, body = Vec<RegistrationBody>), (status = "default", body = ProblemBody)))]
async fn list(State(app): State<App>, who: Who, Id(item): Id<ItemId>) -> Answer<Json<Vec<RegistrationBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.item::<act::SeeItem>(item).await?;
        let all = turn.db.registrations_of_item(proof).await?;
        Ok(Json(all.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// What is to be laid onto what.
#[derive(Deserialize, ToSchema)]
struct Lay {
    /// The item of the same case that it is laid onto.
    #[schema(value_type = Uuid)]
    onto: ItemId,
    /// Which surface of the item; its only one, or its skin, where nothing is said.
    #[schema(value_type = Option<String>, max_length = 300)]
    surface: Option<Phi<String>>,
    /// Which surface it is laid onto; its only one, or its skin, where nothing is said.
    #[schema(value_type = Option<String>, max_length = 300)]
    onto_surface: Option<Phi<String>>,
    /// Three or more pairs of points that are the same on both, patient millimeters: on the item and on the other. Without
    /// any, the place is searched for.
    #[serde(default)]
    #[schema(value_type = Vec<Vec<Vec<f64>>>)]
    landmarks: Vec<[[f64; 3]; 2]>,
}

impl Lay {
    fn check(&self) -> Answer<()> {
        if !self.landmarks.is_empty() && !(3..=MOST_LANDMARKS).contains(&self.landmarks.len()) {
            return Err(Problem::invalid(format!(
                "Give 3 to {MOST_LANDMARKS} pairs of points, or none."
            )));
        }
        let mut numbers = self.landmarks.iter().flatten().flatten();
        match numbers.all(|number| number.is_finite() && number.abs() <= FARTHEST_MM) {
            true => Ok(()),
            false => Err(Problem::invalid("A point lies where nothing is.")),
        }
    }
}

/// What is read before anything is laid.
struct Asked {
    item: SurfaceOf,
    onto: SurfaceOf,
    place: (CaseId, CaseKey),
    uploader: UserId,
}

/// Lay an item onto another of its case, by their surfaces. What is found is proposed: only oneself sees it until it is
/// kept. Surfaces that do not meet well enough are refused, and nothing is stored.
#[utoipa::path(post, path = "/api/items/{item}/registrations", tag = "items", params(("item" = Uuid, Path)),
    request_body = Lay,
    responses((status = 201, body = RegistrationBody), (status = "default", body = ProblemBody)))]
async fn lay(
    State(app): State<App>,
    who: Who,
    Id(item): Id<ItemId>,
    Input(input): Input<Lay>,
) -> Answer<(StatusCode, Json<RegistrationBody>)> {
    let onto = input.onto;
    let asked = asked(&app, &who, item, &input).await?;
    let fit = fitted(&app, asked, input.landmarks).await?;
    let mut turn = app.change(&who).await?;
    let done = async {
        // Laying took a while, in which a right can be taken back.
        let (proof, facts) = turn.item::<act::EditItem>(item).await?;
        turn.item::<act::LookAtItem>(item).await?;
        turn.item::<act::LookAtItem>(onto).await?;
        let now = turn.now;
        let registration = Registration {
            id: RegistrationId::from_random(random_id()?),
            item,
            onto,
            author: who.user(),
            created: now,
            kept: None,
            withdrawn: None,
            fit,
        };
        turn.db.propose_registration(proof, &registration).await?;
        turn.db
            .notify(Notice::in_case("item.laid", facts.case.case, item));
        Ok((StatusCode::CREATED, Json(body(registration))))
    }
    .await;
    turn.end(done).await
}

/// Asks whether one may, and reads where the surfaces are.
async fn asked(app: &App, who: &Who, item: ItemId, input: &Lay) -> Answer<Asked> {
    let onto = input.onto;
    let mut turn = app.look(who).await?;
    let answer = async {
        let (_, facts) = turn.item::<act::EditItem>(item).await?;
        input.check()?;
        let (looking, _) = turn.item::<act::LookAtItem>(item).await?;
        let (onto_looking, onto_facts) = turn.item::<act::LookAtItem>(onto).await?;
        if item == onto || onto_facts.case.case != facts.case.case {
            return Err(Problem::invalid(
                "An item is laid onto another one of the same case.",
            ));
        }
        let (proof, _) = turn.case::<act::SeeCase>(facts.case.case).await?;
        let items = turn.db.items_of(proof).await?;
        let known = turn.db.registrations_of(proof).await?;
        if CaseSpaces::of(&items, known).are_together_without(&items, (item, onto)) {
            return Err(Problem::conflict("The two lie in one space already."));
        }
        let surface = surface_of(&turn.db.artifacts(looking).await?, item, input.surface.as_ref())?;
        let onto_artifacts = turn.db.artifacts(onto_looking).await?;
        let onto = surface_of(&onto_artifacts, onto, input.onto_surface.as_ref())?;
        let (case, wrapped) = turn.db.key_of_item(looking).await?;
        Ok((surface, onto, case, wrapped, facts.uploader))
    }
    .await;
    let (item, onto, case, wrapped, uploader) = turn.end(answer).await?;
    Ok(Asked {
        item,
        onto,
        place: (case, app.case_key(case, &wrapped)?),
        uploader,
    })
}

/// The surface of an item that is meant.
fn surface_of(artifacts: &[Artifact], item: ItemId, wanted: Option<&Phi<String>>) -> Answer<SurfaceOf> {
    let surfaces: Vec<&Artifact> = artifacts
        .iter()
        .filter(|artifact| artifact.kind == ArtifactKind::Surface)
        .collect();
    let named = |name: &str| surfaces.iter().find(|surface| surface.name == name);
    let found = match (wanted, surfaces.as_slice()) {
        (Some(name), _) => named(name.reveal()),
        (None, [only]) => Some(only),
        (None, _) => named("skin"),
    };
    let found = found.ok_or_else(|| match surfaces.is_empty() {
        true => Problem::conflict("An item without a surface is laid onto nothing, and nothing onto it."),
        false => Problem::invalid("Say which surface of the item is meant."),
    })?;
    let triangles = found.details["triangles"].as_u64().unwrap_or_default();
    if triangles > MOST_TRIANGLES {
        return Err(unfit(&LayError::TooLarge(triangles)));
    }
    Ok(SurfaceOf {
        item: item.to_string(),
        surface: Some(found.name.clone()),
    })
}

/// Lays it, on a thread of its own, and not beside others.
async fn fitted(app: &App, asked: Asked, landmarks: Vec<[[f64; 3]; 2]>) -> Answer<Fit> {
    let busy = || {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Other items are being laid. Try again in a moment.",
        )
    };
    let permit = tokio::time::timeout(WAIT, Arc::clone(&app.laying.0).acquire_owned()).await;
    let permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
    let place = Place::of_case(
        app.catalog.system(),
        app.vault.clone(),
        tokio::runtime::Handle::current(),
        asked.place,
        asked.uploader,
    );
    let work = tokio::task::spawn_blocking(move || {
        let fit = place.lay(&asked.item, &asked.onto, &landmarks);
        // Whoever gave up waiting leaves the place taken until the work is done.
        drop(permit);
        fit
    });
    let done = tokio::time::timeout(PATIENCE, work).await.map_err(|_| busy())?;
    done.map_err(|error| Problem::internal(&error))?
        .map_err(|error| unfit(&error))
}

/// Why an item was not laid, and what to do.
fn unfit(error: &LayError) -> Problem {
    let title = match error {
        LayError::Stored(error) => return Problem::internal(error),
        LayError::TooLarge(triangles) => format!(
            "The surface has {triangles} triangles; one of at most {MOST_TRIANGLES} can be laid. Upload a coarser one."
        ),
        LayError::TooSmall(size_mm) => format!(
            "A surface is only {size_mm:.2} mm large: it seems to be in another unit. Upload it in millimeters."
        ),
        LayError::Landmarks => {
            "The pairs of points lie on a line or in one place. Give three or more that lie apart.".to_owned()
        }
        LayError::NothingInCommon => {
            "The surfaces were not found to meet. Give three or more pairs of points.".to_owned()
        }
        LayError::TooLittle { agreeing } => format!(
            "Only {:.0} % of the surface meet the other. Give three or more pairs of points, or another surface.",
            agreeing * 100.0
        ),
        LayError::TooFar { residual_mm } => format!(
            "The surfaces lie {residual_mm:.1} mm apart where they meet. Give three or more pairs of points, or another surface."
        ),
        LayError::Loose => {
            "The surfaces can slide or turn on each other. Give three or more pairs of points, or a surface with more shape."
                .to_owned()
        }
        LayError::LandmarksApart { landmarks_mm } => format!(
            "The pairs of points are {landmarks_mm:.1} mm apart where the surfaces meet. Set them anew."
        ),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_fit", title)
}

/// Keep what one proposed: from now on all see it.
#[utoipa::path(put, path = "/api/items/{item}/registrations/{registration}", tag = "items",
    params(("item" = Uuid, Path), ("registration" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn keep(
    State(app): State<App>,
    who: Who,
    Ids(item, registration): Ids<ItemId, RegistrationId>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.item::<act::EditItem>(item).await?;
        refuse_circle(&mut turn, proof, facts.case.case, registration).await?;
        let now = turn.now;
        match turn.db.keep_registration(proof, registration, now).await? {
            true => told(&mut turn, facts.case.case, item),
            false => Err(Problem::not_found()),
        }
    }
    .await;
    turn.end(done).await
}

/// What others kept since it was proposed may have brought the two together.
async fn refuse_circle(
    turn: &mut Turn<catalog::Change>,
    proof: Authorized<act::EditItem>,
    case: CaseId,
    registration: RegistrationId,
) -> Answer<()> {
    let all = turn.db.registrations_of_item(proof).await?;
    let proposed = all.into_iter().find(|known| known.id == registration);
    let proposed = proposed.ok_or_else(Problem::not_found)?;
    let (proof, _) = turn.case::<act::SeeCase>(case).await?;
    let items = turn.db.items_of(proof).await?;
    let mut known = turn.db.registrations_of(proof).await?;
    known.retain(|known| known.kept.is_some());
    let ends = (proposed.item, proposed.onto);
    match CaseSpaces::of(&items, known).are_together_without(&items, ends) {
        true => Err(Problem::conflict("The two lie in one space already.")),
        false => Ok(()),
    }
}

/// Withdraw where an item lies: it lies by itself again. What was found is kept in its history.
#[utoipa::path(delete, path = "/api/items/{item}/registrations/{registration}", tag = "items",
    params(("item" = Uuid, Path), ("registration" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn withdraw(
    State(app): State<App>,
    who: Who,
    Ids(item, registration): Ids<ItemId, RegistrationId>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.item::<act::EditItem>(item).await?;
        let now = turn.now;
        match turn.db.withdraw_registration(proof, registration, now).await? {
            true => told(&mut turn, facts.case.case, item),
            false => Err(Problem::not_found()),
        }
    }
    .await;
    turn.end(done).await
}

fn told(turn: &mut Turn<catalog::Change>, case: CaseId, item: ItemId) -> Answer<StatusCode> {
    turn.db.notify(Notice::in_case("item.laid", case, item));
    Ok(StatusCode::NO_CONTENT)
}
