//! An item is opened: what was made of it comes from the server, in the order in which it is seen.

use std::ops::Range;
use std::rc::Rc;

use domain::ItemId;
use geometry::DAffine3;
use leptos::prelude::*;
use renderer::Picture;
use wasm_bindgen_futures::spawn_local;

use super::painter::{Arrival, Layer, Other, Painter, Status, Wanted, sleep};
use super::{Cine, Place, Room, Within, first_layout, live};
use crate::loading::nearest_run;
use crate::texts::t;
use crate::view_state::{Layout, Pane, Size, ViewState};
use crate::web::api::{self, Artifact, Item};

/// How often a piece of a volume is asked for again when the connection is lost, and how long it is waited before,
/// milliseconds.
const TRIES: u32 = 60;
const AGAIN_MS: i32 = 2_000;
/// A smaller piece, bytes, says that the line is slower than it is read: then it is waited until more has come,
/// milliseconds. Each piece leaves garbage, and over a slow line there were ten times as many.
const SMALL_BYTES: u64 = 64 << 10;
const GATHERING_MS: i32 = 32;

impl Room {
    /// Shows an item.
    pub(super) fn open(self, item: Item) {
        self.close();
        self.view.set(None);
        self.status.set(Status::default());
        self.layers.set(Vec::new());
        self.others.set(Vec::new());
        if self.place == Place::Left {
            self.laying.set(None);
        }
        self.volume_shown.set(true);
        self.frames.set(Vec::new());
        self.probe.set(None);
        self.cine.set(Cine::Still);
        if !matches!(self.layout.get_untracked(), Layout::Compare(_)) {
            self.layout.set(match item.kind.as_str() {
                "volume" => first_layout(),
                _ => Layout::Single(Pane::Space),
            });
            self.layout_before.set(None);
        }
        self.active.set(Pane::Space);
        let wanted = self.wanted();
        self.item.set(Some(item.clone()));
        self.is_live.set(false);
        let (false, Ok(id)) = (item.own, item.id.parse()) else {
            let painter = Painter::start(wanted, self.status);
            self.painter.set_value(Some(Rc::clone(&painter)));
            spawn_local(async move {
                if let Err(failure) = load(&painter, &item, wanted).await {
                    painter.push(Arrival::Failed(failure.title)).await;
                }
            });
            return;
        };
        // Of what somebody else uploaded, pictures come and nothing else.
        self.look_from_server(id);
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            view: self.view,
            layers: self.layers,
            volume_shown: self.volume_shown,
            others: self.others,
        }
    }

    /// Has the server draw what is open.
    fn look_from_server(&self, id: ItemId) {
        let scene = live::Scene {
            path: match self.within {
                Within::Case => format!("/api/cases/{}/live", self.case.get_value()),
                Within::Space => "/api/space/live".to_owned(),
            },
            item: id,
            marks: self.marks,
        };
        let painter = Painter::start_live(scene, self.wanted(), self.status, self.frames);
        self.painter.set_value(Some(painter));
        self.is_live.set(true);
    }

    /// Takes points of another item to where they are in the one that is open, where both lie in one space.
    pub(super) fn motion_from(&self, other: &Item) -> Option<DAffine3> {
        self.item.with(|shown| {
            let shown = shown.as_ref().filter(|shown| shown.id != other.id)?;
            // How it lies is told in the list, which may have been read anew.
            self.items.with(|items| {
                let listed = |item: &Item| items.iter().find(|known| known.id == item.id).cloned();
                let (from, to) = (listed(other), listed(shown));
                from.as_ref()
                    .unwrap_or(other)
                    .motion_to(to.as_ref().unwrap_or(shown))
            })
        })
    }

    /// Whether the surfaces of another item are among the pictures.
    pub(super) fn has_surfaces_of(&self, other: &Item) -> bool {
        let id = other.id.parse::<ItemId>().ok();
        self.others
            .with(|others| others.iter().any(|known| Some(known.item) == id))
    }

    /// No longer shows the surfaces of another item.
    pub(super) fn leave_surfaces(&self, other: &Item) {
        if let Ok(id) = other.id.parse() {
            self.wanted().leave(id);
        }
    }

    /// Shows the surfaces of an item that lies in the same space, where they lie.
    pub(super) fn add_surfaces(self, other: Item) {
        let (Some(motion), Ok(id)) = (untrack(|| self.motion_from(&other)), other.id.parse::<ItemId>())
        else {
            return;
        };
        let open = self.item.get_untracked();
        self.others.update(|others| {
            if !others.iter().any(|known| known.item == id) {
                others.push(Other {
                    item: id,
                    name: other.name.clone(),
                });
            }
        });
        // What somebody else uploaded is drawn by the server, and what one sees with it.
        if self.is_live.get_untracked() {
            return;
        }
        if let (false, Some(Ok(shown))) = (other.own, open.as_ref().map(|open| open.id.parse())) {
            self.close();
            self.status.set(Status::default());
            self.layers.update(|layers| {
                layers.retain(|layer| layer.distances_mm.is_none());
            });
            return self.look_from_server(shown);
        }
        spawn_local(async move {
            let path = format!("/api/items/{}/artifacts", other.id);
            let artifacts: Vec<Artifact> = match api::get(&path).await {
                Ok(artifacts) => artifacts,
                Err(failure) => return self.refused(failure.title),
            };
            if self.item.try_get_untracked() != Some(open) {
                return;
            }
            for surface in artifacts.iter().filter(|artifact| artifact.kind == "surface") {
                let layer = Layer::of_another(id, &other.name, &surface.name, Some(motion));
                let is_known = self
                    .layers
                    .with_untracked(|layers| layers.iter().any(|known| known.name == layer.name));
                if let Some(path) = read_at(surface, &other).filter(|_| !is_known) {
                    self.with_painter(|painter| painter.offer([(layer.name.clone(), path)]));
                    self.layers.update(|layers| layers.push(layer));
                }
            }
        });
    }

    pub(super) fn close(&self) {
        self.with_painter(Painter::close);
    }

    /// Lets go of the item.
    pub(super) fn empty(&self) {
        self.close();
        self.painter.set_value(None);
        self.item.set(None);
        self.view.set(None);
    }
}

/// Brings an item to the painter: the volume coarse to fine, then its surfaces.
async fn load(painter: &Rc<Painter>, item: &Item, wanted: Wanted) -> api::Answer<()> {
    let artifacts: Vec<Artifact> = api::get(&format!("/api/items/{}/artifacts", item.id)).await?;
    if let Some(photo) = artifacts.iter().find(|artifact| artifact.kind == "photo") {
        return load_photo(painter, item, photo).await;
    }
    let of_kind = |kind: &'static str| artifacts.iter().filter(move |artifact| artifact.kind == kind);
    let pyramid = of_kind("pyramid").next();
    // Beside a volume, surfaces are shown when they are asked for; measured distances lie on the same surface again.
    let opacity = if pyramid.is_some() { 0.0 } else { 1.0 };
    let surfaces = of_kind("surface").map(|surface| (surface, opacity));
    let compared = of_kind("comparison").map(|surface| (surface, 0.0));
    let surfaces: Vec<(&Artifact, f64)> = surfaces.chain(compared).collect();
    let layer = |(surface, opacity): &(&Artifact, f64)| Layer::new(&surface.name, *opacity);
    wanted.layers.set(surfaces.iter().map(layer).collect());
    let read_at = surfaces.iter().filter_map(|(surface, _)| {
        let name = surface.name.clone();
        Some((name, read_at(surface, item)?))
    });
    painter.offer(read_at);
    if let Some(pyramid) = pyramid {
        painter.offer_sections(pyramid.path(&item.id, "sections"));
    }
    if let Some(pyramid) = pyramid {
        let mut taken = 0;
        api::stream(&pyramid.path(&item.id, "head"), None, async |piece| {
            taken += piece.len() as u64;
            painter.push(Arrival::Head(piece)).await;
            let is_enough = painter.needs.get().is_some_and(|needs| taken >= needs.head_len);
            !is_enough && !painter.is_closed()
        })
        .await?;
        // What came last may not be read yet.
        while painter.needs.get().is_none() && !painter.is_closed() {
            sleep(8).await;
        }
        if painter.needs.get().is_some_and(|needs| needs.body_len > 0) {
            load_body(painter, &pyramid.path(&item.id, "body"), wanted.view).await?;
        }
    }
    painter.push(Arrival::Complete).await;
    Ok(())
}

/// Where a surface of an item is read.
fn read_at(surface: &Artifact, item: &Item) -> Option<String> {
    let part = surface.parts.first()?;
    Some(surface.path(&item.id, &part.name))
}

/// Brings the finest level, what is near to the crosshair first.
async fn load_body(painter: &Rc<Painter>, path: &str, view: RwSignal<Option<ViewState>>) -> api::Answer<()> {
    let mut runs = painter.runs.take();
    loop {
        let view = view.try_get_untracked().flatten();
        let cross_mm = view.map(|view| view.cross_mm).unwrap_or_default();
        let Some(run) = nearest_run(&mut runs, cross_mm) else {
            return Ok(());
        };
        load_run(painter, path, run.bytes).await?;
        if painter.is_closed() {
            return Ok(());
        }
    }
}

/// Brings some bytes of the finest level, and goes on where the connection was lost.
async fn load_run(painter: &Rc<Painter>, path: &str, mut bytes: Range<u64>) -> api::Answer<()> {
    for left in (0..TRIES).rev() {
        let answer = api::stream(path, Some(bytes.clone()), async |piece| {
            let (at, len) = (bytes.start, piece.len() as u64);
            bytes.start += len;
            painter.push(Arrival::Body { at, bytes: piece }).await;
            if len < SMALL_BYTES && !bytes.is_empty() {
                sleep(GATHERING_MS).await;
            }
            !painter.is_closed()
        });
        match answer.await {
            _ if painter.is_closed() => return Ok(()),
            Ok(()) if bytes.is_empty() => return Ok(()),
            Err(failure) if failure.status != 0 || left == 0 => return Err(failure),
            _ => sleep(AGAIN_MS).await,
        }
    }
    Ok(())
}

/// Pixels of a photograph that are shown at most.
const PHOTO_PIXELS: u64 = 16_000_000;

async fn load_photo(painter: &Rc<Painter>, item: &Item, artifact: &Artifact) -> api::Answer<()> {
    let broken = || api::Failure {
        status: 0,
        code: "damaged".to_owned(),
        title: t("failure.photo").to_owned(),
    };
    let head = api::bytes(&artifact.path(&item.id, "head")).await?;
    let head = artifact::photo::PhotoHead::parse(&head).map_err(|_| broken())?;
    let body = api::bytes(&artifact.path(&item.id, "body")).await?;
    let levels = head.levels();
    let pixels = |level: &artifact::photo::Level| u64::from(level.columns) * u64::from(level.rows);
    let index = levels
        .iter()
        .position(|level| pixels(level) <= PHOTO_PIXELS)
        .unwrap_or(levels.len() - 1);
    let level = &levels[index];
    let full = Size {
        width: levels[0].columns,
        height: levels[0].rows,
    };
    let mut rgb = vec![0; pixels(level) as usize * 3];
    let (columns, rows) = level.tiles();
    for row in 0..rows {
        for column in 0..columns {
            let range = head.byte_range(index as u32, column, row).ok_or_else(broken)?;
            let bytes = body
                .get(range.start as usize..range.end as usize)
                .ok_or_else(broken)?;
            let tile = head
                .decode_tile((index as u32, column, row), bytes)
                .map_err(|_| broken())?;
            level.place_tile((column, row), &tile, &mut rgb);
        }
    }
    let rgba = rgb
        .chunks_exact(3)
        .flat_map(|p| [p[0], p[1], p[2], 255])
        .collect();
    painter
        .push(Arrival::Photo(
            Picture {
                width: level.columns,
                height: level.rows,
                rgba,
            },
            full,
        ))
        .await;
    painter.push(Arrival::Complete).await;
    Ok(())
}
