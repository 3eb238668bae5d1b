//! Which of the renderer's back ends draws.

use renderer::cpu::{self, Quality};
use renderer::gpu;
use renderer::{Picture, Scene, Slice};
use wasm_bindgen::prelude::*;

/// One of the renderer's back ends.
pub(crate) enum BackEnd {
    /// The processor: quicker than a graphics device that the processor plays.
    Cpu(cpu::Renderer),
    /// A graphics device.
    Gpu(Box<gpu::Renderer>),
}

impl BackEnd {
    /// The back end called `wanted` (`cpu` or `gpu`), or with `auto` the quicker one.
    pub(crate) async fn open(wanted: &str) -> Result<Self, JsError> {
        match wanted {
            "cpu" => return Ok(Self::processor()),
            "gpu" | "auto" => {}
            _ => return Err(JsError::new("the back ends are auto, cpu and gpu")),
        }
        match gpu::Device::open(gpu::Device::instance(), None).await {
            Ok(device) if wanted == "gpu" || !device.tier().software => {
                Ok(Self::Gpu(Box::new(gpu::Renderer::new(device))))
            }
            Err(error) if wanted == "gpu" => Err(JsError::from(error)),
            _ => Ok(Self::processor()),
        }
    }

    /// The one that is there at once.
    pub(crate) fn processor() -> Self {
        Self::Cpu(cpu::Renderer::new())
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Cpu(_) => "cpu",
            Self::Gpu(renderer) => renderer.device().tier().backend,
        }
    }

    /// Whether its device went away.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Self::Cpu(_) => false,
            Self::Gpu(renderer) => renderer.is_lost(),
        }
    }

    pub(crate) async fn draw(
        &mut self,
        scene: &Scene<'_>,
        width: u32,
        height: u32,
        quality: Quality,
    ) -> Result<Picture, JsError> {
        Ok(match self {
            Self::Cpu(renderer) => renderer.draw(scene, width, height, quality)?,
            Self::Gpu(renderer) => renderer.picture(scene, width, height, quality).await?,
        })
    }

    pub(crate) async fn draw_slice(
        &mut self,
        slice: &Slice<'_>,
        width: u32,
        height: u32,
    ) -> Result<Picture, JsError> {
        Ok(match self {
            Self::Cpu(renderer) => renderer.draw_slice(slice, width, height)?,
            Self::Gpu(renderer) => renderer.slice_picture(slice, width, height).await?,
        })
    }
}
