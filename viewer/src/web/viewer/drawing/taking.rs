//! What arrived is taken between two pictures, and the pages are told of it.

use std::sync::Arc;

use leptos::prelude::*;

use super::super::painter::{Arrival, Layer, Painter, Status, now_ms};
use super::super::photo::{Photo, canvas_of};
use super::super::scene::{range_of, surface, unit_word};
use super::Drawing;
use crate::curve::Spread;

/// How long bytes are taken before the next picture, milliseconds.
const TAKING_MS: f64 = 24.0;

impl Drawing {
    /// Takes what arrived, for a while.
    pub(super) fn take(
        &mut self,
        painter: &Painter,
        layers: RwSignal<Vec<Layer>>,
        status: RwSignal<Status>,
    ) -> Result<(), String> {
        let until = now_ms() + TAKING_MS;
        let mut is_changed = false;
        // What is there as a whole is drawn before a finer volume is made of it, which then is done a step at a time.
        if self.loading.is_growing() || self.is_seen(painter) {
            while self.loading.refine().map_err(|e| e.to_string())? {
                is_changed = true;
                self.revision += 1;
                if now_ms() > until {
                    break;
                }
            }
        }
        for (section, bytes) in painter.sections() {
            self.loading
                .put_section(section, &bytes)
                .map_err(|e| e.to_string())?;
            is_changed = true;
        }
        while now_ms() < until {
            let Some(arrival) = painter.next_arrival(self.loading.takes_finest()) else {
                break;
            };
            is_changed = true;
            match arrival {
                Arrival::Head(bytes) => {
                    self.revision += self.loading.push_head(&bytes).map_err(|e| e.to_string())? as u64;
                    if painter.needs.get().is_none() {
                        painter.runs.replace(self.loading.runs());
                        painter.needs.set(self.loading.needs());
                    }
                }
                Arrival::Body { at, bytes } => {
                    self.revision += self.loading.push_body(at, &bytes).map_err(|e| e.to_string())? as u64;
                }
                Arrival::Complete => {
                    self.is_complete = true;
                    self.revision += 1;
                }
                Arrival::Surface { name, bytes } => {
                    let (surface, distances_mm) = surface(&bytes)?;
                    let motion = layers.with_untracked(|layers| {
                        let layer = layers.iter().find(|layer| layer.name == name)?;
                        layer.of.as_ref()?.shown_from_item
                    });
                    let surface = match motion {
                        Some(shown_from_item) => surface.moved(&shown_from_item),
                        None => surface,
                    };
                    layers.update(|layers| {
                        for layer in layers.iter_mut().filter(|layer| layer.name == name) {
                            layer.distances_mm = distances_mm;
                        }
                    });
                    self.surfaces.push((name, surface));
                    self.revision += 1;
                }
                Arrival::Photo(picture, full) => {
                    self.photo = Some(Photo {
                        canvas: canvas_of(&picture)?,
                        full,
                    });
                    self.revision += 1;
                }
                Arrival::Failed(failure) => return Err(failure),
            }
        }
        if is_changed {
            self.tell(status);
        }
        Ok(())
    }

    /// Says what is there.
    fn tell(&self, status: RwSignal<Status>) {
        let surfaces_mm = self.surfaces_mm();
        let is_whole = self.is_complete && self.loading.complete().is_some();
        let parts = [self.loading.fraction(), self.loading.arrived()];
        let [fraction, arrived] = parts.map(|part| if is_whole { 1.0 } else { hundredths(part) });
        let photo = self.photo.as_ref().map(|photo| photo.full);
        let head = self.loading.head();
        let is_known = status.with_untracked(|status| status.spread.is_some());
        let spread = head
            .filter(|_| !is_known)
            .map(|head| Arc::new(Spread::of(&head.statistics().histogram, head.rescale())));
        let mut told = status.get_untracked();
        {
            let status = &mut told;
            status.fraction = fraction;
            status.arrived = arrived;
            status.photo = photo;
            status.surfaces_mm = surfaces_mm;
            status.level = self.loading.level().unwrap_or(0);
            if let Some(head) = head {
                status.grid = Some(*head.layout().finest());
                unit_word(&head.rescale().unit).clone_into(&mut status.unit);
                status.range = range_of(head);
            }
            if spread.is_some() {
                status.spread = spread;
            }
        }
        // Pieces come many times a second, and most change nothing that is shown beside the pictures.
        if status.with_untracked(|before| *before != told) {
            status.set(told);
        }
    }
}

/// Full hundredths of a part of 1.
fn hundredths(part: f64) -> f64 {
    (part * 100.0 + 1e-9).floor() / 100.0
}
