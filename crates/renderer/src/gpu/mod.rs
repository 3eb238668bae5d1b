//! The back end on a graphics device: Vulkan, Metal and DX12 natively, WebGPU in a browser.
//!
//! Its passes have the names and the mathematics of the CPU's, which are its oracle. Textures and tables are kept by the
//! identity and revision of the data of a scene, so a device that is lost is replaced and filled again from the next
//! scene, and nobody has to be told.
//!
//! # Limits
//! At most three volumes in a picture, and sixteen clipping planes with those of a crop box. 32-bit integers beyond 2^24
//! are rounded, NaN is drawn as the lowest value.

mod atlas;
mod cast;
mod device;
mod field;
mod layout;
mod look;
mod pipelines;
mod placed;
mod progress;
mod readback;
mod slice;
mod slicing;
mod store;
mod surface;
mod tier;
mod timer;

pub use device::{Device, DeviceError};
pub use progress::{Effort, Progress};
pub use tier::Tier;
pub use wgpu;

use crate::camera::CameraError;
use crate::cpu::Quality;
use crate::{Picture, Scene, Slice, SliceError};
pub use cast::Target;
use cast::{Caster, Drawing};
use pipelines::Pipelines;
use progress::Pace;
use readback::{TextureReadback, copy_texture};
use store::Store;
use timer::Timer;

/// Why a picture is not drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The camera looks in no direction.
    #[error(transparent)]
    Camera(#[from] CameraError),
    /// The device went away while it drew. The next picture opens another.
    #[error("the graphics device was lost")]
    Lost,
    /// No device could be opened in place of the one that was lost.
    #[error("the graphics device was lost, and no other can be had")]
    Gone(#[source] DeviceError),
    /// More volumes than a picture can hold.
    #[error("a picture holds at most {MAX_VOLUMES} volumes, not {volumes}")]
    Volumes {
        /// Volumes of the scene.
        volumes: usize,
    },
    /// More surfaces with a cut or a line than a picture can hold.
    #[error("a picture holds at most 32 surfaces that are cut, and 32 with a line")]
    Surfaces,
    /// More clipping planes than a picture can hold.
    #[error(
        "a picture holds at most {} clipping planes with those of a crop box",
        layout::MAX_PLANES
    )]
    Planes,
    /// More pixels than the device can draw.
    #[error("{width} x {height} pixels are more than the graphics device draws")]
    Size {
        /// Pixels along a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A slice that cannot be drawn.
    #[error(transparent)]
    Slice(#[from] SliceError),
    /// The shader files make no module: they were edited.
    #[error(transparent)]
    Shader(#[from] shaders::AssembleError),
}

/// Volumes that a picture can hold.
pub const MAX_VOLUMES: usize = 3;

/// Bytes of volumes on a device that nobody said another number for.
const DEFAULT_BUDGET_BYTES: u64 = 4 << 30;

/// Draws scenes on a graphics device.
#[derive(Debug)]
pub struct Renderer {
    device: Device,
    parts: Parts,
}

/// All that is on the device, and lost with it.
#[derive(Debug)]
struct Parts {
    pipelines: Pipelines,
    caster: Caster,
    store: Store,
    timer: Option<Timer>,
    pace: Pace,
}

impl Parts {
    fn new(device: &Device, budget_bytes: u64) -> Self {
        Self {
            pipelines: Pipelines::new(device),
            caster: Caster::default(),
            store: Store::new(budget_bytes),
            timer: Timer::new(device),
            pace: Pace::new(device.tier().software),
        }
    }
}

impl Renderer {
    /// A renderer on `device`, with nothing on it yet.
    pub fn new(device: Device) -> Self {
        let parts = Parts::new(&device, DEFAULT_BUDGET_BYTES);
        Self { device, parts }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether the device is gone. The next picture opens another and fills it again.
    pub fn is_lost(&self) -> bool {
        self.device.is_lost()
    }

    /// Bytes that are kept on the device.
    pub fn resident_bytes(&self) -> u64 {
        self.parts.caster.bytes() + self.parts.store.bytes()
    }

    /// Gives up what the last picture did not show.
    pub fn forget_unused(&mut self) {
        self.parts.store.forget_unused();
    }

    /// Whether the last picture showed everything as it asked for, and nothing coarser in its place.
    pub fn is_current(&self) -> bool {
        self.parts.store.is_current()
    }

    /// Sets how many bytes of volumes may lie on the device, with what is made of them to draw them.
    pub fn set_budget(&mut self, bytes: u64) {
        self.parts.store.budget_bytes = bytes;
    }

    /// How long the device took for a picture not long ago, ms; `None` where it does not tell.
    pub fn frame_ms(&self) -> Option<f64> {
        self.parts.timer.as_ref()?.last_ms()
    }

    /// Opens another device where the one in use is lost.
    ///
    /// # Errors
    /// [`DrawError::Gone`] when none can be had.
    pub async fn recover(&mut self) -> Result<(), DrawError> {
        if self.device.is_lost() {
            self.device = self.device.reopen().await.map_err(DrawError::Gone)?;
            self.parts = Parts::new(&self.device, self.parts.store.budget_bytes);
        }
        Ok(())
    }

    /// Draws `scene` as a picture of `width` x `height` pixels, waiting for it.
    ///
    /// # Errors
    /// When the camera looks in no direction, the scene holds more than a picture can, or the device is lost and none
    /// can be had in its place.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn draw(
        &mut self,
        scene: &Scene<'_>,
        width: u32,
        height: u32,
        quality: Quality,
    ) -> Result<Picture, DrawError> {
        pollster::block_on(self.picture(scene, width, height, quality))
    }

    /// Draws `scene` as a picture of `width` x `height` pixels.
    ///
    /// # Errors
    /// As `draw`.
    pub async fn picture(
        &mut self,
        scene: &Scene<'_>,
        width: u32,
        height: u32,
        quality: Quality,
    ) -> Result<Picture, DrawError> {
        self.recover().await?;
        let picture = self.begin(scene, width, height, quality)?;
        #[cfg(not(target_arch = "wasm32"))]
        self.wait();
        picture.finish().await
    }

    /// Draws `scene` to a target of the device, such as that of a window: quickly while it changes, one ray of each pixel
    /// more with each picture when it does not. Nothing waits for the device.
    ///
    /// # Errors
    /// [`DrawError::Lost`] when the device is lost: [`Renderer::recover`] opens another, whose targets must be made anew.
    /// Else as `draw`.
    pub fn draw_to(
        &mut self,
        scene: &Scene<'_>,
        target: Target<'_>,
        effort: &Effort,
    ) -> Result<Progress, DrawError> {
        if let (Some(timer), false) = (&mut self.parts.timer, self.device.is_lost()) {
            timer.update(&self.device);
            if let Some(ms) = timer.last_ms() {
                self.parts.pace.learn(ms, effort.frame_ms);
            }
        }
        let pace = self.parts.pace;
        self.send(target.size, |caster, drawing| {
            caster.refine(drawing, scene, effort, pace, target)
        })
    }

    /// Draws `slice` to a target of the device.
    ///
    /// # Errors
    /// As [`Renderer::draw_to`] and `draw_slice`.
    pub fn draw_slice_to(&mut self, slice: &Slice<'_>, target: Target<'_>) -> Result<(), DrawError> {
        self.send(target.size, |_, drawing| slice::draw(drawing, slice, target))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn wait(&self) {
        // A device that is lost meanwhile tells the readback.
        let _ = self.device.device.poll(wgpu::PollType::wait_indefinitely());
    }

    fn begin(
        &mut self,
        scene: &Scene<'_>,
        width: u32,
        height: u32,
        quality: Quality,
    ) -> Result<ComingPicture, DrawError> {
        let size = [width.max(1), height.max(1)];
        self.record(
            size,
            wgpu::TextureFormat::Rgba8Unorm,
            |caster, drawing, target| caster.draw(drawing, scene, quality, target),
        )
    }

    /// Sends what `draw` records, with a copy of the target on its way back.
    fn record(
        &mut self,
        size: [u32; 2],
        format: wgpu::TextureFormat,
        draw: impl FnOnce(&mut Caster, Drawing<'_>, Target<'_>) -> Result<(), DrawError>,
    ) -> Result<ComingPicture, DrawError> {
        let [width, height] = size;
        let side = self.device.tier().picture_side;
        if width > side || height > side {
            return Err(DrawError::Size { width, height });
        }
        let target = self.device.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("picture"),
            size: wgpu::Extent3d {
                width,
                height,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let view = target.create_view(&wgpu::TextureViewDescriptor::default());
        let (buffer, padded) = self.send(size, |caster, drawing| {
            let Drawing {
                device,
                pipelines,
                store,
                encoder,
            } = drawing;
            let drawing = Drawing {
                device,
                pipelines,
                store,
                encoder: &mut *encoder,
            };
            draw(
                caster,
                drawing,
                Target {
                    view: &view,
                    format,
                    size,
                },
            )?;
            Ok(copy_texture(&device.device, encoder, &target))
        })?;
        Ok(ComingPicture {
            width,
            height,
            readback: TextureReadback::start(buffer, padded, width),
        })
    }

    /// Sends what `draw` records.
    fn send<T>(
        &mut self,
        [width, height]: [u32; 2],
        draw: impl FnOnce(&mut Caster, Drawing<'_>) -> Result<T, DrawError>,
    ) -> Result<T, DrawError> {
        if self.device.is_lost() {
            return Err(DrawError::Lost);
        }
        let side = self.device.tier().picture_side;
        if width.max(height) > side || width == 0 || height == 0 {
            return Err(DrawError::Size { width, height });
        }
        let mut encoder = self
            .device
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let Parts {
            pipelines,
            caster,
            store,
            timer,
            ..
        } = &mut self.parts;
        pipelines.refresh();
        if let Some(timer) = timer {
            timer.begin(&mut encoder);
        }
        let drawing = Drawing {
            device: &self.device,
            pipelines,
            store,
            encoder: &mut encoder,
        };
        let drawn = draw(caster, drawing)?;
        if let Some(timer) = timer {
            timer.end(&self.device, &mut encoder);
        }
        self.device.queue.submit([encoder.finish()]);
        if let Some(timer) = timer {
            timer.sent();
        }
        Ok(drawn)
    }
}

/// A picture on its way back from the device.
struct ComingPicture {
    width: u32,
    height: u32,
    readback: TextureReadback,
}

impl ComingPicture {
    async fn finish(self) -> Result<Picture, DrawError> {
        Ok(Picture {
            width: self.width,
            height: self.height,
            rgba: self.readback.bytes().await?,
        })
    }
}
