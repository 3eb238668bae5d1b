//! A volume that does not fit as a whole: bricks of mixed levels in one texture.
//!
//! The volume is cut into bricks of 64 cubed samples. A table says for each of them where it lies in the texture and at
//! which level: the level that the picture asks for, or the finest coarser one that is there. One level is always there as a
//! whole, so nothing is ever a hole. What no picture asked for longest makes room.

use std::collections::{HashMap, HashSet};

use volume::{BRICK_SIDE, with_samples};

use super::Device;
use super::field::{FieldKind, write_box};
use crate::{ResidentVolume, SampleBox};

/// Samples of a brick with its border along each edge.
const EXTENT: u32 = BRICK_SIDE + 2;
/// Slots along an axis that an entry of the table can name.
const MOST_SLOTS: u32 = 255;

/// A brick of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    level: u32,
    place: [u32; 3],
}

#[derive(Clone, Copy, Debug)]
struct Resident {
    slot: u32,
    /// The last picture that asked for it.
    picture: u64,
}

/// Bricks in a texture, and the table over them.
#[derive(Debug)]
pub(super) struct Atlas {
    kind: FieldKind,
    dims: [u32; 3],
    texture: wgpu::Texture,
    pub(super) view: wgpu::TextureView,
    table: wgpu::Texture,
    pub(super) table_view: wgpu::TextureView,
    slots: [u32; 3],
    free: Vec<u32>,
    resident: HashMap<Key, Resident>,
    /// The level that is always there as a whole.
    base: u32,
    picture: u64,
    is_complete: bool,
}

impl Atlas {
    /// An empty atlas over `dims` samples within `budget_bytes`, but at least as large as a coarse level needs.
    pub(super) fn new(device: &Device, dims: [u32; 3], kind: FieldKind, budget_bytes: u64) -> Self {
        let brick_bytes = u64::from(EXTENT).pow(3) * kind.bytes_per_sample();
        let fit = (budget_bytes / brick_bytes).max(1);
        let base = base_level(dims, fit);
        let wanted = fit.max(count_of(dims, base)).min(all_bricks(dims));
        let slots = slots_for(wanted, device.tier().volume_side / EXTENT);
        let [width, height, depth_or_array_layers] = slots.map(|n| n * EXTENT);
        let texture = |label, size, format| {
            device.device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size,
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D3,
                format,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        };
        let bricks = texture(
            "bricks",
            wgpu::Extent3d {
                width,
                height,
                depth_or_array_layers,
            },
            kind.format,
        );
        let [x, y, z] = bricks_of(dims, 0);
        let table = texture(
            "table of bricks",
            wgpu::Extent3d {
                width: x,
                height: y,
                depth_or_array_layers: z,
            },
            wgpu::TextureFormat::R32Uint,
        );
        Self {
            kind,
            dims,
            view: bricks.create_view(&wgpu::TextureViewDescriptor::default()),
            texture: bricks,
            table_view: table.create_view(&wgpu::TextureViewDescriptor::default()),
            table,
            free: (0..slots.iter().product()).rev().collect(),
            slots,
            resident: HashMap::new(),
            base,
            picture: 0,
            is_complete: false,
        }
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        let slots: u64 = self.slots.iter().map(|&n| u64::from(n)).product();
        slots * u64::from(EXTENT).pow(3) * self.kind.bytes_per_sample() + all_bricks(self.dims) * 4
    }

    /// Whether the last picture had every brick at the level that it asked for.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Bricks of the finest level along columns, rows and slices.
    pub(super) fn bricks(&self) -> [u32; 3] {
        bricks_of(self.dims, 0)
    }

    /// Forgets the bricks that hold anything of `changed`.
    pub(super) fn forget(&mut self, changed: SampleBox) {
        let Self { resident, free, .. } = self;
        resident.retain(|key, held| {
            let side = BRICK_SIDE << key.level;
            let touches = (0..3).all(|axis| {
                let start = key.place[axis] * side;
                // With its border.
                let border = 1 << key.level;
                changed.start[axis] < start + side + border && changed.end[axis] + border > start
            });
            if touches {
                free.push(held.slot);
            }
            !touches
        });
    }

    /// Brings the bricks of a picture to the device: `levels` says for each brick of the finest level, columns first, the
    /// level that is wanted. At most about `allowance` bytes are brought, which is lessened; the base level always is.
    pub(super) fn serve(
        &mut self,
        device: &Device,
        volume: &ResidentVolume,
        levels: &[u32],
        allowance: &mut u64,
    ) {
        self.picture += 1;
        let base: Vec<Key> = keys_of(self.dims, self.base).collect();
        for key in &base {
            self.bring(device, volume, *key, &HashSet::new());
        }
        let capacity = self.slots.iter().product::<u32>() as usize;
        let (wanted, bias) = fitting(self.dims, levels, self.base, capacity);
        let mut missing: Vec<Key> = Vec::new();
        for key in &wanted {
            match self.resident.get_mut(key) {
                Some(held) => held.picture = self.picture,
                None => missing.push(*key),
            }
        }
        // Coarse ones first: they help more.
        missing.sort_unstable_by(|a, b| b.cmp(a));
        let brick_bytes = u64::from(EXTENT).pow(3) * self.kind.bytes_per_sample();
        let mut rest = missing.len();
        for key in missing {
            if *allowance == 0 {
                break;
            }
            *allowance = allowance.saturating_sub(brick_bytes);
            self.bring(device, volume, key, &wanted);
            rest -= 1;
        }
        self.is_complete = rest == 0;
        self.write_table(device, levels, bias);
    }

    /// Makes sure that a brick is on the device.
    fn bring(&mut self, device: &Device, volume: &ResidentVolume, key: Key, wanted: &HashSet<Key>) {
        let picture = self.picture;
        if let Some(held) = self.resident.get_mut(&key) {
            held.picture = picture;
            return;
        }
        let Some(slot) = self.free.pop().or_else(|| self.evict(wanted)) else {
            return;
        };
        let samples = self.samples(volume, key);
        let [nx, ny, _] = self.slots;
        let place = [slot % nx, slot / nx % ny, slot / nx / ny].map(|n| n * EXTENT);
        let size = [EXTENT; 3];
        write_box(
            device,
            &self.texture,
            place,
            size,
            &samples,
            self.kind.bytes_per_sample() as u32,
        );
        self.resident.insert(key, Resident { slot, picture });
    }

    /// Gives up the brick that was not asked for longest.
    fn evict(&mut self, wanted: &HashSet<Key>) -> Option<u32> {
        let idle = self
            .resident
            .iter()
            .filter(|(key, _)| key.level != self.base && !wanted.contains(key));
        let (key, _) = idle.min_by_key(|(key, held)| (held.picture, key.level))?;
        let key = *key;
        self.resident.remove(&key).map(|held| held.slot)
    }

    /// The texels of a brick with its border. A coarse sample is the mean of eight of those that it stands for.
    fn samples(&self, volume: &ResidentVolume, key: Key) -> Vec<u8> {
        let offsets: Vec<u32> = match key.level {
            0 => vec![0],
            level => vec![(1 << level) / 4, (3 << level) / 4],
        };
        let axis = |axis: usize| -> Vec<Vec<usize>> {
            let last = self.dims[axis] - 1;
            let coarse_last = last >> key.level;
            (0..EXTENT)
                .map(|i| {
                    let at = (key.place[axis] * BRICK_SIDE + i)
                        .saturating_sub(1)
                        .min(coarse_last);
                    let fine = |offset: &u32| ((at << key.level) + offset).min(last) as usize;
                    offsets.iter().map(fine).collect()
                })
                .collect()
        };
        let axes = [axis(0), axis(1), axis(2)];
        with_samples!(volume.samples(), samples => self.kind.means(samples, self.dims, &axes))
    }

    /// Writes where each brick lies: at the level that is wanted, or the finest coarser one that is there.
    fn write_table(&self, device: &Device, levels: &[u32], bias: u32) {
        let [bx, by, _] = self.bricks();
        let entries: Vec<u32> = levels
            .iter()
            .enumerate()
            .map(|(index, &level)| {
                let index = index as u32;
                let brick = [index % bx, index / bx % by, index / bx / by];
                let wanted = (level + bias).min(self.base);
                let found = (wanted..=self.base).chain((0..wanted).rev()).find_map(|level| {
                    let place = brick.map(|n| n >> level);
                    self.resident
                        .get(&Key { level, place })
                        .map(|held| (level, held.slot))
                });
                let (level, slot) = found.unwrap_or((self.base, 0));
                let [nx, ny, _] = self.slots;
                (slot % nx) | (slot / nx % ny) << 8 | (slot / nx / ny) << 16 | level << 24
            })
            .collect();
        let size = self.bricks();
        write_box(
            device,
            &self.table,
            [0; 3],
            size,
            bytemuck::cast_slice(&entries),
            4,
        );
    }
}

/// Bricks of a level along columns, rows and slices.
fn bricks_of(dims: [u32; 3], level: u32) -> [u32; 3] {
    dims.map(|n| n.div_ceil(BRICK_SIDE << level))
}

fn count_of(dims: [u32; 3], level: u32) -> u64 {
    bricks_of(dims, level).iter().map(|&n| u64::from(n)).product()
}

/// Bricks of the finest level and of all coarser ones.
fn all_bricks(dims: [u32; 3]) -> u64 {
    (0..=coarsest(dims)).map(|level| count_of(dims, level)).sum()
}

/// The level of one brick.
fn coarsest(dims: [u32; 3]) -> u32 {
    (0..24).find(|&level| count_of(dims, level) == 1).unwrap_or(24)
}

fn keys_of(dims: [u32; 3], level: u32) -> impl Iterator<Item = Key> {
    let [nx, ny, nz] = bricks_of(dims, level);
    (0..nz).flat_map(move |z| {
        (0..ny).flat_map(move |y| {
            (0..nx).map(move |x| Key {
                level,
                place: [x, y, z],
            })
        })
    })
}

/// The finest level that takes an eighth of `fit` bricks.
fn base_level(dims: [u32; 3], fit: u64) -> u32 {
    let last = coarsest(dims);
    (0..=last)
        .find(|&level| count_of(dims, level) * 8 <= fit)
        .unwrap_or(last)
}

/// As many slots as come nearest to `wanted` without passing it, with `most` along an axis.
fn slots_for(wanted: u64, most: u32) -> [u32; 3] {
    let most = most.clamp(1, MOST_SLOTS);
    let mut best = [1; 3];
    for x in 1..=most {
        for y in x..=most {
            let z = (wanted / u64::from(x * y)).min(most.into()) as u32;
            if x * y * z > best.iter().product() {
                best = [x, y, z];
            }
        }
    }
    best
}

/// The bricks of a picture, made coarser by as many levels as they need to fit beside the base level, and that number.
fn fitting(dims: [u32; 3], levels: &[u32], base: u32, capacity: usize) -> (HashSet<Key>, u32) {
    let [bx, by, _] = bricks_of(dims, 0);
    let room = capacity.saturating_sub(count_of(dims, base) as usize);
    for bias in 0..base {
        let keys = levels.iter().enumerate().filter_map(|(index, &level)| {
            let level = level + bias;
            let index = index as u32;
            let brick = [index % bx, index / bx % by, index / bx / by];
            (level < base).then(|| Key {
                level,
                place: brick.map(|n| n >> level),
            })
        });
        let keys: HashSet<Key> = keys.collect();
        if keys.len() <= room {
            return (keys, bias);
        }
    }
    (HashSet::new(), base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMS: [u32; 3] = [512, 500, 3000];

    #[test]
    fn levels_are_chosen_to_fit() {
        assert_eq!(bricks_of(DIMS, 0), [8, 8, 47]);
        let levels = vec![0; 8 * 8 * 47];
        let base = base_level(DIMS, 1800);
        assert_eq!((base, count_of(DIMS, base)), (2, 48));
        // All at the finest level are too many; a level coarser they fit.
        let (keys, bias) = fitting(DIMS, &levels, base, 1800);
        assert_eq!((keys.len(), bias), (4 * 4 * 24, 1));
        assert!(keys.iter().all(|key| key.level == 1));
        let (keys, bias) = fitting(DIMS, &levels, base, 4000);
        assert_eq!((keys.len(), bias), (3008, 0));
        // Those that are not looked at cost nothing.
        let (keys, bias) = fitting(DIMS, &[vec![0; 64], vec![2; 64 * 46]].concat(), base, 200);
        assert_eq!((keys.len(), bias), (64, 0));
        assert_eq!(fitting(DIMS, &levels, base, 50).0.len(), 0);
    }

    #[test]
    fn slots_keep_to_the_budget_and_the_limit() {
        for wanted in [1, 7, 100, 1867, 30_000] {
            let slots = slots_for(wanted, 31);
            let count: u64 = slots.iter().map(|&n| u64::from(n)).product();
            assert!(slots.iter().all(|&n| (1..=31).contains(&n)));
            assert!(
                count <= wanted && count as f64 > wanted as f64 * 0.8,
                "{wanted}: {slots:?}"
            );
        }
    }
}
