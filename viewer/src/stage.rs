//! A canvas that shows a volume.

use geometry::PatientDirection;
use renderer::cpu::Quality;
use renderer::{
    Camera, Clip, Picture, Scene, Slab, Slice, SliceLayer, SlicePlane, TransferFunction, VolumeLayer, Window,
    preset,
};
use wasm_bindgen::prelude::*;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use crate::back_end::BackEnd;
use crate::canvas;
use crate::loading::Loading;

/// Behind everything: the ground of the viewer, sRGB between 0 and 1.
const GROUND: [f32; 3] = [0.043, 0.055, 0.067];

/// A volume on a canvas.
#[wasm_bindgen]
pub struct Stage {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    loading: Loading,
    /// Bytes of the body that came so far.
    body_len: u64,
    back_end: BackEnd,
    transfer: Option<TransferFunction>,
    camera: Option<Camera>,
}

#[wasm_bindgen]
impl Stage {
    /// An empty stage whose volume may take `budget_mb` million bytes. `wanted` is the back end: `cpu`, `gpu`, or
    /// `auto` for a graphics device where there is one that is no software.
    ///
    /// # Errors
    /// When the canvas gives no context, or there is no such back end.
    pub async fn open(canvas: HtmlCanvasElement, budget_mb: f64, wanted: String) -> Result<Self, JsError> {
        let context = canvas::context(&canvas).map_err(|error| JsError::new(&error.to_string()))?;
        Ok(Self {
            canvas,
            context,
            loading: Loading::new((budget_mb * 1e6) as u64),
            body_len: 0,
            back_end: BackEnd::open(&wanted).await?,
            transfer: None,
            camera: None,
        })
    }

    /// What draws: `cpu`, or the name of the graphics interface.
    #[wasm_bindgen(getter, js_name = backEnd)]
    pub fn back_end(&self) -> String {
        self.back_end.name().to_owned()
    }

    /// Takes the next bytes of the pyramid's head; gives the number of bricks that became visible.
    ///
    /// # Errors
    /// When the bytes are damaged or the volume does not fit.
    #[wasm_bindgen(js_name = pushHead)]
    pub fn push_head(&mut self, bytes: &[u8]) -> Result<usize, JsError> {
        let placed = self.loading.push_head(bytes)?;
        while self.loading.refine()? {}
        Ok(placed)
    }

    /// Takes the next bytes of the pyramid's body; gives the number of bricks that became visible.
    ///
    /// # Errors
    /// When the bytes are damaged.
    #[wasm_bindgen(js_name = pushBody)]
    pub fn push_body(&mut self, bytes: &[u8]) -> Result<usize, JsError> {
        let placed = self.loading.push_body(self.body_len, bytes)?;
        self.body_len += bytes.len() as u64;
        Ok(placed)
    }

    /// Says that all bytes were given.
    ///
    /// # Errors
    /// When some are missing.
    pub fn finish(&self) -> Result<(), JsError> {
        Ok(self.loading.finish()?)
    }

    /// Shows the volume through the preset called `name`, from the front.
    ///
    /// # Errors
    /// When there is no such preset, or no volume yet.
    pub fn preset(&mut self, name: &str) -> Result<(), JsError> {
        let preset = preset(name).ok_or_else(|| JsError::new("there is no such preset"))?;
        let head = self
            .loading
            .head()
            .ok_or_else(|| JsError::new("nothing came yet"))?;
        let statistics = head.statistics();
        let rescale = head.rescale();
        let range = (rescale.value(statistics.min), rescale.value(statistics.max));
        self.transfer = Some(preset.transfer(range));
        let bounds = head.layout().finest().bounds_mm();
        let aspect = f64::from(self.canvas.width()) / f64::from(self.canvas.height().max(1));
        self.camera = Some(Camera::from_side(PatientDirection::Anterior, bounds, aspect));
        Ok(())
    }

    /// Turns the camera about the body axis.
    pub fn turn(&mut self, degrees: f64) {
        self.camera = self.camera.map(|camera| camera.turned(degrees.to_radians()));
    }

    /// Draws what there is.
    ///
    /// # Errors
    /// When there is no volume or no preset yet.
    pub async fn draw(&mut self) -> Result<(), JsError> {
        let (Some(volume), Some(transfer), Some(camera)) =
            (self.loading.volume(), &self.transfer, self.camera)
        else {
            return Err(JsError::new("nothing to draw yet"));
        };
        let scene = Scene {
            volumes: vec![VolumeLayer::new(volume, transfer)],
            surfaces: Vec::new(),
            clip: Clip::NONE,
            camera,
            background: GROUND,
        };
        let (width, height) = (self.canvas.width(), self.canvas.height());
        let picture = self.back_end.draw(&scene, width, height, Quality::QUICK).await?;
        self.show(&picture)
    }

    /// Draws the axial plane `offset_mm` above the middle of the volume, through a bone window.
    ///
    /// # Errors
    /// When there is no volume yet.
    #[wasm_bindgen(js_name = drawAxial)]
    pub async fn draw_axial(&mut self, offset_mm: f64) -> Result<(), JsError> {
        let volume = self
            .loading
            .volume()
            .ok_or_else(|| JsError::new("nothing to draw yet"))?;
        let (width, height) = (self.canvas.width(), self.canvas.height());
        let grid = volume.grid();
        let plane = SlicePlane::axial(grid.bounds_mm().center(), 1.0)
            .fitted(grid, width, height)
            .moved(-offset_mm);
        let slice = Slice {
            layers: vec![SliceLayer::new(volume, Window::new(480.0, 2500.0))],
            plane,
            slab: Slab::THIN,
            clip: Clip::NONE,
            background: [0.0; 3],
        };
        let picture = self.back_end.draw_slice(&slice, width, height).await?;
        self.show(&picture)
    }

    fn show(&self, picture: &Picture) -> Result<(), JsError> {
        canvas::put(&self.context, picture).map_err(|error| JsError::new(&error.to_string()))
    }
}
