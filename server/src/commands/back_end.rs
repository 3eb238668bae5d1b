//! What draws: the processor, or a graphics device.

use anyhow::Result;
use renderer::cpu::{self, Quality};
use renderer::gpu::{self, Device};
use renderer::{Picture, Scene, Slice};

/// What is asked to draw.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BackEndChoice {
    Cpu,
    Gpu,
    Auto,
}

/// What draws.
pub(crate) enum BackEnd {
    Cpu(cpu::Renderer),
    Gpu(Box<gpu::Renderer>),
}

impl BackEnd {
    /// The back end that is asked for. A graphics device that the processor plays is slower than the processor itself, so
    /// only a real one is taken where nobody asks.
    pub(crate) fn open(choice: BackEndChoice) -> Result<Self> {
        let on_device = |device| Self::Gpu(Box::new(gpu::Renderer::new(device)));
        Ok(match choice {
            BackEndChoice::Cpu => Self::Cpu(cpu::Renderer::new()),
            BackEndChoice::Gpu => on_device(Device::open_headless()?),
            BackEndChoice::Auto => match Device::open_headless() {
                Ok(device) if !device.tier().software => on_device(device),
                _ => Self::Cpu(cpu::Renderer::new()),
            },
        })
    }

    pub(crate) fn draw(
        &mut self,
        scene: &Scene<'_>,
        (width, height): (u32, u32),
        quality: Quality,
    ) -> Result<Picture> {
        Ok(match self {
            Self::Cpu(renderer) => renderer.draw(scene, width, height, quality)?,
            Self::Gpu(renderer) => renderer.draw(scene, width, height, quality)?,
        })
    }

    pub(crate) fn draw_slice(&mut self, slice: &Slice<'_>, (width, height): (u32, u32)) -> Result<Picture> {
        Ok(match self {
            Self::Cpu(renderer) => renderer.draw_slice(slice, width, height)?,
            Self::Gpu(renderer) => renderer.draw_slice(slice, width, height)?,
        })
    }

    /// The adapter and the interface to it.
    pub(crate) fn name(&self) -> (String, &'static str) {
        match self {
            Self::Cpu(_) => {
                let threads = std::thread::available_parallelism().map_or(1, usize::from);
                (format!("CPU, {threads} threads"), "cpu")
            }
            Self::Gpu(renderer) => {
                let tier = renderer.device().tier();
                (tier.adapter.clone(), tier.backend)
            }
        }
    }

    pub(crate) fn resident_bytes(&self) -> u64 {
        match self {
            Self::Cpu(renderer) => renderer.resident_bytes(),
            Self::Gpu(renderer) => renderer.resident_bytes(),
        }
    }
}
