//! Pictures on a window: drawn by a graphics device right where they are shown, or by the processor and copied there.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use ingest::Stage;
use renderer::cpu::{self, Pace, Progressive, Quality};
use renderer::gpu::{self, Device, Effort, Progress, Target, wgpu};
use renderer::{Clip, Occlusion, Picture, Scene, Slab, annotate};
use winit::event_loop::OwnedDisplayHandle;
use winit::window::Window;

use super::controls::Controls;
use crate::commands::back_end::BackEndChoice;

/// Time for a picture while something moves.
const FRAME: Duration = Duration::from_millis(33);
/// How long nothing must have moved before a picture of the processor becomes finer: the best take longer than a frame.
const REST: Duration = Duration::from_millis(120);

/// When the next picture is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Now,
    At(Instant),
    /// When something happens.
    Never,
}

/// What is to be shown.
pub(super) struct Show<'a> {
    pub(super) stage: &'a Stage,
    pub(super) controls: &'a Controls,
    pub(super) shadows: bool,
    /// Whether anything changed since the last picture.
    pub(super) changed: bool,
}

impl Show<'_> {
    fn scene(&self) -> Scene<'_> {
        let mut scene = self.stage.scene(self.controls.camera(), Clip::NONE);
        if self.shadows {
            scene.occlude(Occlusion::FULL);
        }
        scene
    }

    /// What is no scene: a slice with letters and scale, or a photograph.
    fn flat(&self, renderer: &mut cpu::Renderer) -> Result<Option<Picture>> {
        let [width, height] = self.controls.size();
        if let Some(photo) = self.stage.photo() {
            return Ok(Some(fitted(photo, [width, height])));
        }
        let Some((plane, window)) = self.controls.slice() else {
            return Ok(None);
        };
        let slice = self.stage.slice(plane, Slab::THIN, Some(window), Clip::NONE);
        let mut picture = renderer.draw_slice(&slice, width, height)?;
        annotate::letters(&mut picture, &plane.letters());
        annotate::scale_bar(&mut picture, &plane.scale_bar(width));
        Ok(Some(picture))
    }
}

/// A window with what draws on it.
pub(super) enum Screen {
    Cpu(Box<Canvas>),
    Gpu(Box<Surface>),
}

impl Screen {
    /// # Errors
    /// When the window cannot be drawn on by what was asked for.
    pub(super) fn open(
        window: &Arc<Window>,
        display: OwnedDisplayHandle,
        choice: BackEndChoice,
    ) -> Result<Self> {
        if choice != BackEndChoice::Cpu {
            match Surface::open(window) {
                Ok(surface) if choice == BackEndChoice::Gpu || !surface.is_software() => {
                    return Ok(Self::Gpu(Box::new(surface)));
                }
                Err(error) if choice == BackEndChoice::Gpu => return Err(error),
                _ => {}
            }
        }
        Ok(Self::Cpu(Box::new(Canvas::open(window, display)?)))
    }

    /// Draws the next picture.
    pub(super) fn draw(&mut self, show: &Show<'_>) -> Result<Next> {
        match self {
            Self::Cpu(canvas) => canvas.draw(show),
            Self::Gpu(surface) => surface.draw(show),
        }
    }
}

/// Memory that a window shows, and what draws into it.
pub(super) struct Canvas {
    pixels: softbuffer::Surface<OwnedDisplayHandle, Arc<Window>>,
    renderer: cpu::Renderer,
    pace: Pace,
    coming: Option<Progressive>,
}

impl Canvas {
    fn open(window: &Arc<Window>, display: OwnedDisplayHandle) -> Result<Self> {
        let context = softbuffer::Context::new(display).map_err(|e| anyhow!("{e}"))?;
        Ok(Self {
            pixels: softbuffer::Surface::new(&context, Arc::clone(window)).map_err(|e| anyhow!("{e}"))?,
            renderer: cpu::Renderer::new(),
            pace: Pace::new(FRAME.as_secs_f64()),
            coming: None,
        })
    }

    fn draw(&mut self, show: &Show<'_>) -> Result<Next> {
        if let Some(picture) = show.flat(&mut self.renderer)? {
            self.coming = None;
            self.put(&picture)?;
            return Ok(Next::Never);
        }
        let [width, height] = show.controls.size();
        if show.changed || self.coming.is_none() {
            let divisor = self.pace.divisor();
            self.coming = Some(Progressive::new(width, height, Quality::FINE, divisor));
        }
        let Some(coming) = &mut self.coming else {
            return Ok(Next::Never);
        };
        let start = Instant::now();
        let picture = coming.refine(&mut self.renderer, &show.scene())?;
        if show.changed {
            self.pace.took(start.elapsed().as_secs_f64());
        }
        let next = match (coming.is_finished(), show.changed) {
            (true, _) => Next::Never,
            (false, true) => Next::At(Instant::now() + REST),
            (false, false) => Next::Now,
        };
        if let Some(picture) = picture {
            self.put(&picture)?;
        }
        Ok(next)
    }

    fn put(&mut self, picture: &Picture) -> Result<()> {
        let [Some(width), Some(height)] = [picture.width, picture.height].map(NonZeroU32::new) else {
            return Ok(());
        };
        self.pixels.resize(width, height).map_err(|e| anyhow!("{e}"))?;
        let mut out = self.pixels.buffer_mut().map_err(|e| anyhow!("{e}"))?;
        for (out, pixel) in out.iter_mut().zip(picture.rgba.chunks_exact(4)) {
            *out = u32::from_be_bytes([0, pixel[0], pixel[1], pixel[2]]);
        }
        out.present().map_err(|e| anyhow!("{e}"))
    }
}

/// A window that belongs to a graphics device.
pub(super) struct Surface {
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    renderer: gpu::Renderer,
    /// Slices are quick anyhow, and letters are put on pictures in memory.
    slices: cpu::Renderer,
}

impl Surface {
    fn open(window: &Arc<Window>) -> Result<Self> {
        let instance = Device::instance();
        let surface = instance.create_surface(Arc::clone(window))?;
        let device = pollster::block_on(Device::open(instance, Some(&surface)))?;
        let size = window.inner_size();
        let mut config = device
            .surface_configuration(&surface, [size.width.max(1), size.height.max(1)])
            .context("the graphics device cannot show pictures on this window")?;
        config.present_mode = wgpu::PresentMode::AutoVsync;
        config.usage |= wgpu::TextureUsages::COPY_DST;
        surface.configure(device.wgpu_device(), &config);
        Ok(Self {
            surface,
            config,
            renderer: gpu::Renderer::new(device),
            slices: cpu::Renderer::new(),
        })
    }

    fn is_software(&self) -> bool {
        self.renderer.device().tier().software
    }

    fn draw(&mut self, show: &Show<'_>) -> Result<Next> {
        if self.renderer.is_lost() {
            pollster::block_on(self.renderer.recover())?;
            self.configure();
        }
        let size = show.controls.size();
        if [self.config.width, self.config.height] != size {
            [self.config.width, self.config.height] = size;
            self.configure();
        }
        use wgpu::CurrentSurfaceTexture as Current;
        let texture = match self.surface.get_current_texture() {
            Current::Success(texture) | Current::Suboptimal(texture) => texture,
            Current::Timeout => return Ok(Next::Now),
            Current::Outdated | Current::Lost => {
                self.configure();
                return Ok(Next::Now);
            }
            // It is hidden, or something is wrong that the next picture tells.
            _ => return Ok(Next::Never),
        };
        let next = match show.flat(&mut self.slices)? {
            Some(picture) => {
                self.put(&picture, &texture.texture);
                Next::Never
            }
            None => {
                let view = texture
                    .texture
                    .create_view(&wgpu::TextureViewDescriptor::default());
                let target = Target {
                    view: &view,
                    format: self.config.format,
                    size,
                };
                let effort = Effort {
                    frame_ms: FRAME.as_secs_f64() * 500.0,
                    ..Effort::default()
                };
                match self.renderer.draw_to(&show.scene(), target, &effort) {
                    Ok(Progress::Settled) => Next::Never,
                    // The next picture opens another device.
                    Ok(Progress::More) | Err(gpu::DrawError::Lost) => Next::Now,
                    Err(error) => return Err(error.into()),
                }
            }
        };
        self.renderer.device().wgpu_queue().present(texture);
        Ok(next)
    }

    fn configure(&self) {
        self.surface
            .configure(self.renderer.device().wgpu_device(), &self.config);
    }

    fn put(&self, picture: &Picture, texture: &wgpu::Texture) {
        use wgpu::TextureFormat as Format;
        let mut bytes = picture.rgba.clone();
        if matches!(self.config.format, Format::Bgra8Unorm | Format::Bgra8UnormSrgb) {
            bytes.chunks_exact_mut(4).for_each(|pixel| pixel.swap(0, 2));
        }
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(picture.width * 4),
            rows_per_image: None,
        };
        let size = wgpu::Extent3d {
            width: picture.width,
            height: picture.height,
            depth_or_array_layers: 1,
        };
        let queue = self.renderer.device().wgpu_queue();
        queue.write_texture(texture.as_image_copy(), &bytes, layout, size);
        queue.submit(None);
    }
}

/// A picture in the middle of another of `size`, as large as it fits.
fn fitted(picture: &Picture, [width, height]: [u32; 2]) -> Picture {
    let scale = (f64::from(width) / f64::from(picture.width.max(1)))
        .min(f64::from(height) / f64::from(picture.height.max(1)));
    let side = |n: u32, most: u32| ((f64::from(n) * scale).round() as u32).clamp(1, most.max(1));
    let inner = picture.stretched(side(picture.width, width), side(picture.height, height));
    let mut rgba = [0, 0, 0, 255].repeat(width as usize * height as usize);
    let (left, top) = ((width - inner.width) / 2, (height - inner.height) / 2);
    for (row, line) in inner.rgba.chunks_exact(inner.width as usize * 4).enumerate() {
        let start = ((top as usize + row) * width as usize + left as usize) * 4;
        rgba[start..start + line.len()].copy_from_slice(line);
    }
    Picture { width, height, rgba }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photograph_is_shown_whole_in_the_middle() {
        let photo = Picture {
            width: 4,
            height: 2,
            rgba: [9, 8, 7, 255].repeat(8),
        };
        let shown = fitted(&photo, [9, 8]);
        assert_eq!((shown.width, shown.height, shown.rgba.len()), (9, 8, 288));
        // Twice and a quarter as large, in whole pixels; a row above and two below.
        assert_eq!(shown.pixel(0, 1), Some([9, 8, 7, 255]));
        assert_eq!(shown.pixel(8, 5), Some([9, 8, 7, 255]));
        assert_eq!(shown.pixel(4, 0), Some([0, 0, 0, 255]));
        assert_eq!(shown.pixel(4, 6), Some([0, 0, 0, 255]));
    }
}
