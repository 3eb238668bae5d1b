//! Pictures on canvases: what was drawn, and photographs with their zoom.

use renderer::Picture;
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use crate::canvas::{self, NoCanvas};
use crate::view_state::{Size, ViewState};

/// Pixels of the device that a pixel of the page is drawn with, at most.
const DENSEST: f64 = 2.0;

/// A photograph, ready to be laid on a canvas.
pub(super) struct Photo {
    pub(super) canvas: HtmlCanvasElement,
    pub(super) full: Size,
}

impl Photo {
    /// Lays the photograph on a canvas as the view says.
    pub(super) fn show(&self, canvas: &HtmlCanvasElement, view: &ViewState, css: Size) -> Result<(), String> {
        let density = device_pixels();
        let [width, height] = [css.width, css.height].map(|n| (f64::from(n) * density).round() as u32);
        if canvas.width() != width || canvas.height() != height {
            canvas.set_width(width);
            canvas.set_height(height);
        }
        let context = canvas::context(canvas).map_err(|error| error.to_string())?;
        context.clear_rect(0.0, 0.0, f64::from(width), f64::from(height));
        let place = view.photo.place(self.full, css);
        let origin = place.origin * density;
        let scale = place.scale * density;
        context
            .draw_image_with_html_canvas_element_and_dw_and_dh(
                &self.canvas,
                origin.x,
                origin.y,
                f64::from(self.full.width) * scale,
                f64::from(self.full.height) * scale,
            )
            .map_err(|_| NoCanvas.to_string())
    }
}

/// A canvas of its own that holds a picture.
pub(super) fn canvas_of(picture: &Picture) -> Result<HtmlCanvasElement, String> {
    let document = web_sys::window().and_then(|window| window.document());
    let canvas = document
        .and_then(|document| document.create_element("canvas").ok())
        .and_then(|canvas| canvas.dyn_into::<HtmlCanvasElement>().ok())
        .ok_or_else(|| NoCanvas.to_string())?;
    show(&canvas, picture)?;
    Ok(canvas)
}

pub(super) fn show(canvas: &HtmlCanvasElement, picture: &Picture) -> Result<(), String> {
    if canvas.width() != picture.width || canvas.height() != picture.height {
        canvas.set_width(picture.width);
        canvas.set_height(picture.height);
    }
    let context = canvas::context(canvas).map_err(|error| error.to_string())?;
    canvas::put(&context, picture).map_err(|error| error.to_string())
}

/// Pixels of the device a pixel of the page.
pub(super) fn device_pixels() -> f64 {
    let ratio = web_sys::window().map_or(1.0, |window| window.device_pixel_ratio());
    ratio.clamp(1.0, DENSEST)
}
