//! What panes show, by which it is known when they have to be drawn anew.

use web_sys::HtmlCanvasElement;

use super::painter::Layer;
use crate::loading::Source;
use crate::view_state::{Pane, Size, ViewState};

/// What a pane shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) state: ViewState,
    pub(super) layers: Vec<Layer>,
    pub(super) has_volume: bool,
    pub(super) size: Size,
    /// What of the patient it is drawn from.
    pub(super) source: Source,
    /// How much of that had come; none where nothing more comes of it.
    pub(super) revision: Option<u64>,
    /// The coarsest level that it shows of a volume.
    pub(super) level: Option<u32>,
}

/// How well a picture in space is drawn.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) enum Grade {
    Moving,
    Full,
    Fine,
}

/// A picture that is on the screen.
pub(super) struct Drawn {
    pub(super) pane: Pane,
    /// Where; a pane that comes back has another one, which is empty.
    pub(super) canvas: HtmlCanvasElement,
    pub(super) shown: Shown,
    pub(super) grade: Grade,
    pub(super) at_ms: f64,
}

impl Shown {
    /// Whether a pane would look the same from the same samples.
    pub(super) fn looks_as(&self, other: &Self, pane: Pane) -> bool {
        if self.size != other.size {
            return false;
        }
        let (x, y) = (&self.state, &other.state);
        match pane.plane_index() {
            None => {
                // A photograph lies as the first plane does.
                x.camera == y.camera
                    && x.preset == y.preset
                    && x.transfer == y.transfer
                    && x.clip_mm == y.clip_mm
                    && x.photo == y.photo
                    && self.layers == other.layers
                    && self.has_volume == other.has_volume
            }
            Some(index) => {
                x.cross_mm == y.cross_mm
                    && x.axes[index] == y.axes[index]
                    && x.zoom[index] == y.zoom[index]
                    && x.pan_mm[index] == y.pan_mm[index]
                    && x.window() == y.window()
                    && x.inverted == y.inverted
                    && x.slab == y.slab
            }
        }
    }

    /// Whether it is drawn from the same samples.
    pub(super) fn is_from_the_same(&self, other: &Self) -> bool {
        self.source == other.source && self.revision == other.revision
    }
}
