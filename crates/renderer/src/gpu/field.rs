//! The samples of a volume as a 3D texture.
//!
//! One texture serves slices and rays, so a volume takes its own size and no more: 16-bit samples are 16-bit normalized
//! where the adapter has that (exact when fetched, filtered by the hardware), and integers filtered by hand elsewhere.
//! What does not fit lies in an [`Atlas`].

use std::collections::VecDeque;

use geometry::GridGeometry;
use parallel::prelude::*;
use volume::{Sample, SampleType, Samples};

use super::atlas::Atlas;
use super::{Device, Tier};
use crate::{ResidentVolume, SampleBox};

/// How the samples of one type lie in a texture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FieldKind {
    pub(super) format: wgpu::TextureFormat,
    /// Whether the hardware may filter it.
    pub(super) filtered: bool,
    /// Whether it lies in an atlas of bricks.
    pub(super) bricks: bool,
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
            bricks: false,
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
            Samples::F32(v) => gather(v, dims, place, finite),
            Samples::U8(v) => gather(v, dims, place, |s| s),
            Samples::I16(v) => gather(v, dims, place, |s| s),
            Samples::U16(v) => gather(v, dims, place, |s| s),
            Samples::I32(v) => gather(v, dims, place, |s| s),
            Samples::U32(v) => gather(v, dims, place, |s| s),
        }
    }
}

impl FieldKind {
    /// Means of samples as texels: along each axis, for each texel the indexes of the samples that it is the mean of.
    pub(super) fn means<T: Sample>(
        self,
        samples: &[T],
        dims: [u32; 3],
        [xs, ys, zs]: &[Vec<Vec<usize>>; 3],
    ) -> Vec<u8> {
        let [nx, ny, _] = dims.map(|n| n as usize);
        let size = self.bytes_per_sample() as usize;
        let mut texels = vec![0u8; xs.len() * ys.len() * zs.len() * size];
        let rows = texels.par_chunks_exact_mut(xs.len() * size).enumerate();
        rows.for_each(|(row, out)| {
            let (y, z) = (&ys[row % ys.len()], &zs[row / ys.len()]);
            for (x, out) in xs.iter().zip(out.chunks_exact_mut(size)) {
                let mut sum = 0.0;
                for (z, y, x) in z
                    .iter()
                    .flat_map(|z| y.iter().flat_map(move |y| x.iter().map(move |x| (z, y, x))))
                {
                    sum += samples[(z * ny + y) * nx + x].to_f64();
                }
                let mean = T::from_f64(sum / (x.len() * y.len() * z.len()) as f64);
                out.copy_from_slice(&self.texel_of(mean)[..size]);
            }
        });
        texels
    }

    /// One sample as a texel.
    fn texel_of<T: Sample>(self, sample: T) -> [u8; 4] {
        let mut texel = [0; 4];
        match T::TYPE {
            SampleType::I16 if self.format == wgpu::TextureFormat::R16Unorm => {
                let shifted = sample.to_f64() as i32 + 32_768;
                texel[..2].copy_from_slice(&(shifted as u16).to_le_bytes());
            }
            SampleType::F32 => texel = finite(sample.to_f32()).to_le_bytes(),
            _ => texel[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&sample)),
        }
        texel
    }
}

/// What is not finite would spread over the picture: NaN is the lowest, as for every back end.
fn finite(sample: f32) -> f32 {
    if sample.is_nan() {
        f32::MIN
    } else {
        sample.clamp(f32::MIN, f32::MAX)
    }
}

/// Writes texels, tightly packed, to a box of a 3D texture.
pub(super) fn write_box(
    device: &Device,
    texture: &wgpu::Texture,
    [x, y, z]: [u32; 3],
    [width, height, depth]: [u32; 3],
    texels: &[u8],
    texel_bytes: u32,
) {
    device.queue.write_texture(
        wgpu::TexelCopyTextureInfo {
            texture,
            mip_level: 0,
            origin: wgpu::Origin3d { x, y, z },
            aspect: wgpu::TextureAspect::All,
        },
        texels,
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(width * texel_bytes),
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
    dims: [u32; 3],
    revision: Option<u64>,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    Whole(Whole),
    Bricks(Box<Atlas>),
}

/// A texture of the size of the volume.
#[derive(Debug)]
struct Whole {
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    /// What is older on the device than in memory.
    pending: VecDeque<SampleBox>,
    /// Whether everything was there once.
    is_filled: bool,
}

impl Field {
    /// An empty texture for a volume: of its size where the device and `budget_bytes` allow, else an atlas of bricks.
    pub(super) fn new(
        device: &Device,
        grid: &GridGeometry,
        sample_type: SampleType,
        budget_bytes: u64,
    ) -> Self {
        let mut kind = FieldKind::of(sample_type, device.tier());
        let dims = grid.dims();
        let is_too_long = dims.iter().any(|&n| n > device.tier().volume_side);
        kind.bricks = is_too_long || bytes_of(dims, kind) > budget_bytes;
        let storage = if kind.bricks {
            Storage::Bricks(Box::new(Atlas::new(device, dims, kind, budget_bytes)))
        } else {
            Storage::Whole(Whole::new(device, dims, kind))
        };
        Self {
            kind,
            dims,
            revision: None,
            storage,
        }
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        match &self.storage {
            Storage::Whole(_) => bytes_of(self.dims, self.kind),
            Storage::Bricks(atlas) => atlas.bytes(),
        }
    }

    /// The samples.
    pub(super) fn view(&self) -> &wgpu::TextureView {
        match &self.storage {
            Storage::Whole(whole) => &whole.view,
            Storage::Bricks(atlas) => &atlas.view,
        }
    }

    /// Where bricks lie, in an atlas.
    pub(super) fn table(&self) -> Option<&wgpu::TextureView> {
        match &self.storage {
            Storage::Whole(_) => None,
            Storage::Bricks(atlas) => Some(&atlas.table_view),
        }
    }

    /// Brings what changed to the device, at most about `allowance` bytes of it, which is lessened. An atlas brings the
    /// bricks that `wanted` asks for; see [`Atlas::serve`].
    pub(super) fn upload(
        &mut self,
        device: &Device,
        volume: &ResidentVolume,
        wanted: impl FnOnce([u32; 3]) -> Vec<u32>,
        allowance: &mut u64,
    ) {
        let changed = match self.revision {
            None => vec![SampleBox::all(self.dims)],
            Some(revision) => volume.changed_since(revision),
        };
        self.revision = Some(volume.revision());
        match &mut self.storage {
            Storage::Whole(whole) => {
                if changed.contains(&SampleBox::all(self.dims)) {
                    whole.pending.clear();
                }
                whole.pending.extend(changed);
                whole.upload(device, volume.samples(), (self.dims, self.kind), allowance);
            }
            Storage::Bricks(atlas) => {
                changed.into_iter().for_each(|place| atlas.forget(place));
                let wanted = wanted(atlas.bricks());
                atlas.serve(device, volume, &wanted, allowance);
            }
        }
    }

    /// Whether the device holds what the last picture asked for.
    pub(super) fn is_current(&self) -> bool {
        match &self.storage {
            Storage::Whole(whole) => whole.pending.is_empty(),
            Storage::Bricks(atlas) => atlas.is_complete(),
        }
    }

    /// Whether every place shows something of the volume.
    pub(super) fn is_filled(&self) -> bool {
        match &self.storage {
            Storage::Whole(whole) => whole.is_filled,
            Storage::Bricks(_) => true,
        }
    }
}

impl Whole {
    fn new(device: &Device, dims: [u32; 3], kind: FieldKind) -> Self {
        let [width, height, depth_or_array_layers] = dims;
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
            view: texture.create_view(&wgpu::TextureViewDescriptor::default()),
            texture,
            pending: VecDeque::new(),
            is_filled: false,
        }
    }

    fn upload(
        &mut self,
        device: &Device,
        samples: &Samples,
        (dims, kind): ([u32; 3], FieldKind),
        allowance: &mut u64,
    ) {
        while *allowance > 0 {
            let Some(next) = self.pending.pop_front() else {
                break;
            };
            let (piece, rest) = split(next, kind);
            if let Some(rest) = rest {
                self.pending.push_front(rest);
            }
            let size: [u32; 3] = std::array::from_fn(|axis| piece.end[axis] - piece.start[axis]);
            if size.contains(&0) {
                continue;
            }
            let texels = kind.texels(samples, dims, piece);
            let texel_bytes = kind.bytes_per_sample() as u32;
            write_box(device, &self.texture, piece.start, size, &texels, texel_bytes);
            *allowance = allowance.saturating_sub(texels.len() as u64);
        }
        self.is_filled |= self.pending.is_empty();
    }
}

/// The first slices of `place` that make a piece, and what is left.
fn split(place: SampleBox, kind: FieldKind) -> (SampleBox, Option<SampleBox>) {
    let area = u64::from(place.end[0] - place.start[0]) * u64::from(place.end[1] - place.start[1]);
    let slices = (PIECE_BYTES / (area * kind.bytes_per_sample()).max(1)).max(1);
    let cut = u64::from(place.start[2]).saturating_add(slices);
    if cut >= u64::from(place.end[2]) {
        return (place, None);
    }
    let (mut piece, mut rest) = (place, place);
    piece.end[2] = cut as u32;
    rest.start[2] = cut as u32;
    (piece, Some(rest))
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
