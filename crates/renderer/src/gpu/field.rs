//! The samples of a volume as a 3D texture.
//!
//! One texture serves slices and rays, so a volume takes its own size and no more: 16-bit samples are 16-bit normalized
//! where the adapter has that (exact when fetched, filtered by the hardware), and integers filtered by hand elsewhere.

use std::collections::VecDeque;

use geometry::GridGeometry;
use rayon::prelude::*;
use volume::{SampleType, Samples};

use super::{Device, Tier};
use crate::{ResidentVolume, SampleBox};

/// How the samples of one type lie in a texture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FieldKind {
    pub(super) format: wgpu::TextureFormat,
    /// Whether the hardware may filter it.
    pub(super) filtered: bool,
    sample_type: SampleType,
}

impl FieldKind {
    pub(super) fn of(sample_type: SampleType, tier: &Tier) -> Self {
        use wgpu::TextureFormat as Format;
        let wide = |integer| {
            if tier.unorm16 {
                (Format::R16Unorm, true)
            } else {
                (integer, false)
            }
        };
        let (format, filtered) = match sample_type {
            SampleType::U8 => (Format::R8Unorm, true),
            SampleType::I16 => wide(Format::R16Sint),
            SampleType::U16 => wide(Format::R16Uint),
            SampleType::I32 => (Format::R32Sint, false),
            SampleType::U32 => (Format::R32Uint, false),
            SampleType::F32 => (Format::R32Float, tier.float32_filtered),
        };
        Self {
            format,
            filtered,
            sample_type,
        }
    }

    /// The word of the shader for what a texel is.
    pub(super) fn texel(self) -> &'static str {
        match self.sample_kind() {
            wgpu::TextureSampleType::Sint => "i32",
            wgpu::TextureSampleType::Uint => "u32",
            _ => "f32",
        }
    }

    pub(super) fn sample_kind(self) -> wgpu::TextureSampleType {
        use wgpu::TextureFormat as Format;
        match self.format {
            Format::R16Sint | Format::R32Sint => wgpu::TextureSampleType::Sint,
            Format::R16Uint | Format::R32Uint => wgpu::TextureSampleType::Uint,
            _ => wgpu::TextureSampleType::Float {
                filterable: self.filtered,
            },
        }
    }

    /// Scale and offset from what the shader reads to stored values.
    pub(super) fn stored_from_texel(self) -> (f64, f64) {
        match (self.sample_type, self.format) {
            (SampleType::U8, _) => (255.0, 0.0),
            (SampleType::I16, wgpu::TextureFormat::R16Unorm) => (65_535.0, -32_768.0),
            (SampleType::U16, wgpu::TextureFormat::R16Unorm) => (65_535.0, 0.0),
            _ => (1.0, 0.0),
        }
    }

    /// Whether stored values come from the shader's by rounding.
    pub(super) fn is_normalized(self) -> bool {
        matches!(
            self.format,
            wgpu::TextureFormat::R8Unorm | wgpu::TextureFormat::R16Unorm
        )
    }

    pub(super) fn bytes_per_sample(self) -> u64 {
        self.sample_type.size() as u64
    }

    /// Samples with a place in the texture, as its bytes: rows of `place`, tightly packed.
    pub(super) fn texels(self, samples: &Samples, dims: [u32; 3], place: SampleBox) -> Vec<u8> {
        match samples {
            Samples::I16(v) if self.format == wgpu::TextureFormat::R16Unorm => {
                gather(v, dims, place, |s| (s as u16) ^ 0x8000)
            }
            Samples::F32(v) => {
                // What is not finite would spread over the picture: NaN is the lowest, as for every back end.
                gather(v, dims, place, |s| {
                    if s.is_nan() {
                        f32::MIN
                    } else {
                        s.clamp(f32::MIN, f32::MAX)
                    }
                })
            }
            Samples::U8(v) => gather(v, dims, place, |s| s),
            Samples::I16(v) => gather(v, dims, place, |s| s),
            Samples::U16(v) => gather(v, dims, place, |s| s),
            Samples::I32(v) => gather(v, dims, place, |s| s),
            Samples::U32(v) => gather(v, dims, place, |s| s),
        }
    }
}

fn gather<T: Copy + Sync, U: bytemuck::Pod + Send>(
    samples: &[T],
    dims: [u32; 3],
    place: SampleBox,
    convert: impl Fn(T) -> U + Sync,
) -> Vec<u8> {
    let [nx, ny, _] = dims.map(|n| n as usize);
    let (start, end) = (place.start.map(|n| n as usize), place.end.map(|n| n as usize));
    let (width, height, depth) = (end[0] - start[0], end[1] - start[1], end[2] - start[2]);
    let mut texels = vec![U::zeroed(); width * height * depth];
    texels
        .par_chunks_exact_mut(width)
        .enumerate()
        .for_each(|(row, out)| {
            let (y, z) = (start[1] + row % height, start[2] + row / height);
            let from = (z * ny + y) * nx + start[0];
            for (out, &sample) in out.iter_mut().zip(&samples[from..from + width]) {
                *out = convert(sample);
            }
        });
    bytemuck::cast_slice(&texels).to_vec()
}

/// Bytes that are brought to the device at a time.
const PIECE_BYTES: u64 = 8 << 20;

/// The samples of one volume on the device.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) kind: FieldKind,
    pub(super) view: wgpu::TextureView,
    texture: wgpu::Texture,
    dims: [u32; 3],
    revision: Option<u64>,
    /// What is older on the device than in memory.
    pending: VecDeque<SampleBox>,
}

impl Field {
    pub(super) fn new(device: &Device, grid: &GridGeometry, sample_type: SampleType) -> Self {
        let kind = FieldKind::of(sample_type, device.tier());
        let [width, height, depth_or_array_layers] = grid.dims();
        let texture = device.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("field"),
            size: wgpu::Extent3d {
                width,
                height,
                depth_or_array_layers,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D3,
            format: kind.format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        Self {
            kind,
            view: texture.create_view(&wgpu::TextureViewDescriptor::default()),
            texture,
            dims: grid.dims(),
            revision: None,
            pending: VecDeque::new(),
        }
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        bytes_of(self.dims, self.kind)
    }

    /// Brings what changed to the device, at most about `allowance` bytes of it, which is lessened.
    pub(super) fn upload(&mut self, device: &Device, volume: &ResidentVolume, allowance: &mut u64) {
        let changed = match self.revision {
            None => vec![SampleBox::all(self.dims)],
            Some(revision) => volume.changed_since(revision),
        };
        if changed.contains(&SampleBox::all(self.dims)) {
            self.pending.clear();
        }
        self.pending.extend(changed);
        self.revision = Some(volume.revision());
        while *allowance > 0 {
            let Some(next) = self.pending.pop_front() else {
                return;
            };
            let (piece, rest) = self.split(next);
            if let Some(rest) = rest {
                self.pending.push_front(rest);
            }
            let bytes = self.write(device, volume.samples(), piece);
            *allowance = allowance.saturating_sub(bytes);
        }
    }

    /// The first slices of `place` that make a piece, and what is left.
    fn split(&self, place: SampleBox) -> (SampleBox, Option<SampleBox>) {
        let area = u64::from(place.end[0] - place.start[0]) * u64::from(place.end[1] - place.start[1]);
        let slices = (PIECE_BYTES / (area * self.kind.bytes_per_sample()).max(1)).max(1);
        let cut = u64::from(place.start[2]).saturating_add(slices);
        if cut >= u64::from(place.end[2]) {
            return (place, None);
        }
        let (mut piece, mut rest) = (place, place);
        piece.end[2] = cut as u32;
        rest.start[2] = cut as u32;
        (piece, Some(rest))
    }

    fn write(&self, device: &Device, samples: &Samples, place: SampleBox) -> u64 {
        let [width, height, depth] = std::array::from_fn(|axis| place.end[axis] - place.start[axis]);
        if width == 0 || height == 0 || depth == 0 {
            return 0;
        }
        let texels = self.kind.texels(samples, self.dims, place);
        let [x, y, z] = place.start;
        device.queue.write_texture(
            wgpu::TexelCopyTextureInfo {
                texture: &self.texture,
                mip_level: 0,
                origin: wgpu::Origin3d { x, y, z },
                aspect: wgpu::TextureAspect::All,
            },
            &texels,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(width * self.kind.bytes_per_sample() as u32),
                rows_per_image: Some(height),
            },
            wgpu::Extent3d {
                width,
                height,
                depth_or_array_layers: depth,
            },
        );
        // Sent at once, so that what waits to be sent stays small.
        device.queue.submit(None);
        texels.len() as u64
    }
}

/// Bytes of a texture of `dims` samples.
pub(super) fn bytes_of(dims: [u32; 3], kind: FieldKind) -> u64 {
    dims.iter().map(|&n| u64::from(n)).product::<u64>() * kind.bytes_per_sample()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_gathered_row_by_row() {
        let dims = [3, 4, 2];
        let samples: Vec<u8> = (0..24).collect();
        let place = SampleBox {
            start: [1, 2, 0],
            end: [3, 4, 2],
        };
        assert_eq!(
            gather(&samples, dims, place, |s| s),
            [7, 8, 10, 11, 19, 20, 22, 23]
        );
    }
}
