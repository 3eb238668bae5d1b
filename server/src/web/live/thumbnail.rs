//! The small picture of an item, for everybody who may look at it: marked with their name, as every picture is.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{ArtifactKind, ItemId, SessionId};
use policy::act;
use renderer::Picture;
use streamer::{Coding, Mark, Urgency, hidden_mark};
use vault::ObjectRef;

use super::super::app::App;
use super::super::extract::Id;
use super::super::problem::{Answer, Problem, ProblemBody};
use super::super::secrets::random_id;
use super::super::who::Who;

/// Pixels of a thumbnail at most; the pipeline makes none larger.
const MOST_PIXELS: u32 = 1024 * 1024;

/// The small picture of an item of a case or a capture of one's own space, marked with the name of who looks: JPEG.
#[utoipa::path(get, path = "/api/items/{item}/thumbnail", tag = "live", params(("item" = Uuid, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "image/jpeg"),
    (status = "default", body = ProblemBody)))]
pub(crate) async fn read(State(app): State<App>, who: Who, Id(item): Id<ItemId>) -> Answer<Response> {
    let session = SessionId::from_random(random_id()?);
    let mut turn = app.look(&who).await?;
    turn.in_session(session);
    let answer = async {
        let (_, looking) = turn.content::<act::LookAtItem, act::LookAtCapture>(item).await?;
        let all = looking.artifacts(&mut turn.db).await?;
        let found = all
            .iter()
            .find(|artifact| artifact.kind == ArtifactKind::Thumbnail);
        let object = found
            .and_then(|artifact| artifact.objects.first())
            .map(|(_, object)| object.clone());
        let object = object.ok_or_else(no_picture)?;
        let (case, wrapped) = looking.key(&mut turn.db).await?;
        let name = turn.db.facts().await?.name_of(who.user()).await?;
        Ok((case, object, wrapped, name.ok_or_else(Problem::not_found)?))
    }
    .await;
    let (case, object, wrapped, name) = turn.end(answer).await?;
    let secret = app.catalog.system().mark_secret().await?;
    let key = app.case_key(case, &wrapped)?;
    let png = app
        .vault
        .get(&key, &ObjectRef::from_bytes(&object.reference)?)
        .await?;
    let (viewer, now) = ((name, who.user()), app.now());
    let marked = move || {
        let mark = Mark::new(viewer, session, hidden_mark(secret, session), now);
        read_png(&png).map(|picture| mark.seal_still(&picture, Coding::FULL))
    };
    let still = app.live.studio.run(Urgency::Now, marked).await.flatten();
    let still = still.ok_or_else(|| {
        tracing::error!(%item, "a thumbnail is damaged");
        no_picture()
    })?;
    Ok((
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        still.into_bytes(),
    )
        .into_response())
}

fn no_picture() -> Problem {
    Problem::new(StatusCode::CONFLICT, "no_picture", "The item has no picture.")
}

/// A thumbnail as the pipeline makes them: PNG, eight bits, red, green, blue and opacity.
fn read_png(bytes: &[u8]) -> Option<Picture> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().ok()?;
    let (width, height) = (reader.info().width, reader.info().height);
    let is_fine = reader.output_color_type() == (png::ColorType::Rgba, png::BitDepth::Eight);
    if !is_fine || width.checked_mul(height)? > MOST_PIXELS {
        return None;
    }
    let mut rgba = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut rgba).ok()?;
    Some(Picture { width, height, rgba })
}
