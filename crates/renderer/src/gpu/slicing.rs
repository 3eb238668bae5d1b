//! Planes through volumes, from the caller's side.

use super::{ComingPicture, DrawError, Renderer, slice};
use crate::{Picture, Slice};

impl Renderer {
    /// Draws `slice` as a picture of `width` x `height` pixels, waiting for it.
    ///
    /// # Errors
    /// When the plane, a window or the slab is not usable, the slice holds more than a picture can, or the device is lost
    /// and none can be had in its place.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn draw_slice(&mut self, slice: &Slice<'_>, width: u32, height: u32) -> Result<Picture, DrawError> {
        pollster::block_on(self.slice_picture(slice, width, height))
    }

    /// Draws `slice` as a picture of `width` x `height` pixels.
    ///
    /// # Errors
    /// As `draw_slice`.
    pub async fn slice_picture(
        &mut self,
        slice: &Slice<'_>,
        width: u32,
        height: u32,
    ) -> Result<Picture, DrawError> {
        self.recover().await?;
        let picture = self.begin_slice(slice, width, height)?;
        #[cfg(not(target_arch = "wasm32"))]
        self.wait();
        picture.finish().await
    }

    /// The meaningful values on a plane: `[layer][row][column]`, in the unit of each volume; NaN where a volume has none.
    ///
    /// # Errors
    /// As `draw_slice`.
    pub async fn slice_values(
        &mut self,
        slice: &Slice<'_>,
        width: u32,
        height: u32,
    ) -> Result<Vec<f32>, DrawError> {
        self.recover().await?;
        slice.check()?;
        let size = [width.max(1), height.max(1)];
        let volumes = slice.layers.iter().map(|layer| layer.volume);
        self.parts.store.begin(volumes, u64::MAX);
        let mut values = Vec::new();
        for layer in &slice.layers {
            if layer.volume.is_empty() {
                values.resize(values.len() + size[0] as usize * size[1] as usize, f32::NAN);
                continue;
            }
            let coming = self.record(size, wgpu::TextureFormat::R32Uint, |_, drawing, target| {
                slice::draw_values(drawing, slice, layer, target)
            })?;
            #[cfg(not(target_arch = "wasm32"))]
            self.wait();
            let bytes = coming.readback.bytes().await?;
            let bits = bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            values.extend(bits);
        }
        Ok(values)
    }

    fn begin_slice(
        &mut self,
        slice: &Slice<'_>,
        width: u32,
        height: u32,
    ) -> Result<ComingPicture, DrawError> {
        let size = [width.max(1), height.max(1)];
        self.record(size, wgpu::TextureFormat::Rgba8Unorm, |_, drawing, target| {
            slice::draw(drawing, slice, target)
        })
    }
}
