//! Pictures on a canvas of the page.

use renderer::Picture;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

/// The browser gives no canvas to draw on, or takes no picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoCanvas;

impl std::fmt::Display for NoCanvas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this browser gives no canvas to draw on")
    }
}

/// What pictures are put on a canvas with.
pub(crate) fn context(canvas: &HtmlCanvasElement) -> Result<CanvasRenderingContext2d, NoCanvas> {
    let context = canvas.get_context("2d").ok().flatten().ok_or(NoCanvas)?;
    context.dyn_into().map_err(|_| NoCanvas)
}

/// Puts a picture at the upper left corner.
pub(crate) fn put(context: &CanvasRenderingContext2d, picture: &Picture) -> Result<(), NoCanvas> {
    ImageData::new_with_u8_clamped_array_and_sh(Clamped(&picture.rgba), picture.width, picture.height)
        .and_then(|data| context.put_image_data(&data, 0.0, 0.0))
        .map_err(|_| NoCanvas)
}
