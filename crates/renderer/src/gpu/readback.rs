//! Bringing what a device wrote back to memory.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::DrawError;

/// A buffer on its way back.
#[derive(Debug)]
pub(super) struct Readback {
    buffer: wgpu::Buffer,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    done: Option<bool>,
    waker: Option<Waker>,
}

impl Readback {
    /// Asks for `buffer`, which everything submitted so far may write. The answer comes while the device is polled.
    pub(super) fn start(buffer: wgpu::Buffer) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            state.done = Some(result.is_ok());
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        });
        Self { buffer, state }
    }

    /// Whether the answer is there.
    pub(super) fn is_ready(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done.is_some()
    }

    /// The bytes of the buffer, if they are there.
    pub(super) fn now(self) -> Option<Vec<u8>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let there = state.done == Some(true);
        drop(state);
        let view = there.then(|| self.buffer.get_mapped_range(..).ok())??;
        Some(view.to_vec())
    }

    /// The bytes of the buffer.
    ///
    /// # Errors
    /// [`DrawError::Lost`] when the device went away meanwhile.
    pub(super) async fn bytes(self) -> Result<Vec<u8>, DrawError> {
        if !Mapped(&self.state).await {
            return Err(DrawError::Lost);
        }
        let view = self.buffer.get_mapped_range(..).map_err(|_| DrawError::Lost)?;
        Ok(view.to_vec())
    }
}

struct Mapped<'a>(&'a Mutex<State>);

impl Future for Mapped<'_> {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.done {
            Some(done) => Poll::Ready(done),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A row of pixels in a buffer is a multiple of this many bytes.
const ROW: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

/// A copy of a 2D texture of 4 bytes a pixel.
pub(super) struct TextureReadback {
    readback: Readback,
    row_bytes: u32,
    padded: u32,
}

/// The buffer that such a copy goes to, with the command that fills it.
pub(super) fn copy_texture(
    device: &wgpu::Device,
    encoder: &mut wgpu::CommandEncoder,
    texture: &wgpu::Texture,
) -> (wgpu::Buffer, u32) {
    let padded = (texture.width() * 4).next_multiple_of(ROW);
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("readback"),
        size: u64::from(padded) * u64::from(texture.height()),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(padded),
                rows_per_image: None,
            },
        },
        texture.size(),
    );
    (buffer, padded)
}

impl TextureReadback {
    /// Asks for what [`copy_texture`] wrote, after it was submitted.
    pub(super) fn start(buffer: wgpu::Buffer, padded: u32, width: u32) -> Self {
        Self {
            readback: Readback::start(buffer),
            row_bytes: width * 4,
            padded,
        }
    }

    /// `[row][column][byte]`, without the padding of rows.
    ///
    /// # Errors
    /// [`DrawError::Lost`] when the device went away meanwhile.
    pub(super) async fn bytes(self) -> Result<Vec<u8>, DrawError> {
        let Self {
            readback,
            row_bytes,
            padded,
        } = self;
        let bytes = readback.bytes().await?;
        if row_bytes == padded {
            return Ok(bytes);
        }
        let rows = bytes.chunks_exact(padded as usize);
        Ok(rows.flat_map(|row| &row[..row_bytes as usize]).copied().collect())
    }
}
