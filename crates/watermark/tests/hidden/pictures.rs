//! Pictures as a case has them: renderings and slices of a synthetic head, photographs.

use std::path::{Path, PathBuf};

use testkit::head::HeadCt;

use crate::attacks::Picture;

/// A picture with what it shows.
pub(crate) struct Shown {
    pub(crate) what: String,
    pub(crate) picture: Picture,
}

/// What of the head is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Look {
    /// A lit surface at a value.
    Surface(f32),
    /// The brightest value of each ray.
    Brightest,
    /// The mean of each ray.
    Xray,
}

/// The head as a grid, `[slice][row][column]`, HU.
pub(crate) struct Head {
    size: [usize; 3],
    values: Vec<i16>,
}

impl Head {
    pub(crate) fn new() -> Self {
        let head = HeadCt {
            size: 160,
            slices: 144,
            noise_hu: 12.0,
            seed: 5,
        };
        Self {
            size: [160, 160, 144],
            values: head.volume(),
        }
    }

    /// The value between samples, of a place in samples; air outside.
    fn at(&self, p: [f32; 3]) -> f32 {
        let base = p.map(f32::floor);
        let inside = (0..3).all(|axis| base[axis] >= 0.0 && (base[axis] as usize) < self.size[axis] - 1);
        if !inside {
            return -1000.0;
        }
        let [x, y, z] = base.map(|v| v as usize);
        let part = [p[0] - base[0], p[1] - base[1], p[2] - base[2]];
        let mut sum = 0.0;
        for corner in 0..8_usize {
            let pick = |axis: usize| corner >> axis & 1;
            let weight: f32 = (0..3)
                .map(|axis| {
                    if pick(axis) == 1 {
                        part[axis]
                    } else {
                        1.0 - part[axis]
                    }
                })
                .product();
            let index = ((z + pick(2)) * self.size[1] + y + pick(1)) * self.size[0] + x + pick(0);
            sum += weight * f32::from(self.values[index]);
        }
        sum
    }

    /// A picture of parallel rays from a side, in warm gray on black.
    pub(crate) fn drawn(&self, look: Look, turn: f32, (width, height): (usize, usize)) -> Picture {
        let (sin, cos) = turn.sin_cos();
        let scale = 175.0 / width.min(height) as f32;
        let center = [80.0, 80.0, 72.0];
        let mut rgb = Vec::with_capacity(width * height * 3);
        for row in 0..height {
            for column in 0..width {
                let across = (column as f32 - width as f32 / 2.0) * scale;
                let up = (height as f32 / 2.0 - row as f32) * scale;
                let place = |depth: f32| {
                    [
                        center[0] + across * cos - depth * sin,
                        center[1] + across * sin + depth * cos,
                        center[2] + up,
                    ]
                };
                let depths = || (0..240).map(|n| n as f32 * 0.8 - 96.0);
                let light = match look {
                    Look::Surface(value) => depths()
                        .find(|&depth| self.at(place(depth)) > value)
                        .map_or(0.0, |depth| self.light(place(depth), [sin, -cos])),
                    Look::Brightest => {
                        let most = depths()
                            .map(|depth| self.at(place(depth)))
                            .fold(-1000.0, f32::max);
                        ((most + 100.0) / 1800.0).clamp(0.0, 1.0)
                    }
                    Look::Xray => {
                        let sum: f32 = depths().map(|depth| self.at(place(depth)) + 1000.0).sum();
                        (sum / 260_000.0).clamp(0.0, 1.0)
                    }
                };
                let tint = if matches!(look, Look::Surface(_)) {
                    [255.0, 226.0, 196.0]
                } else {
                    [255.0; 3]
                };
                rgb.extend(tint.map(|full| (light * full).round() as u8));
            }
        }
        Picture { width, height, rgb }
    }

    fn light(&self, p: [f32; 3], toward: [f32; 2]) -> f32 {
        let slope = |axis: usize| {
            let (mut low, mut high) = (p, p);
            low[axis] -= 1.0;
            high[axis] += 1.0;
            self.at(low) - self.at(high)
        };
        let n = [slope(0), slope(1), slope(2)];
        let length = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt().max(1.0);
        let facing = (n[0] * toward[0] + n[1] * toward[1]) / length;
        (0.12 + 0.8 * facing.max(0.0) + 0.1 * n[2] / length).clamp(0.0, 1.0)
    }

    /// A slice across an axis at a share of it, through a window of HU.
    pub(crate) fn slice(
        &self,
        axis: usize,
        share: f32,
        (center, width_hu): (f32, f32),
        size: (usize, usize),
    ) -> Picture {
        let (columns, rows) = match axis {
            0 => (1, 2),
            1 => (0, 2),
            _ => (0, 1),
        };
        let (width, height) = size;
        let scale = 165.0 / width.min(height) as f32;
        let mut rgb = Vec::with_capacity(width * height * 3);
        for row in 0..height {
            for column in 0..width {
                let mut p = [0.0; 3];
                p[axis] = share * self.size[axis] as f32;
                p[columns] = (column as f32 - width as f32 / 2.0) * scale + self.size[columns] as f32 / 2.0;
                p[rows] = (row as f32 - height as f32 / 2.0) * scale + self.size[rows] as f32 / 2.0;
                if rows == 2 {
                    p[2] = self.size[2] as f32 - p[2];
                }
                let shown = ((self.at(p) - center) / width_hu + 0.5).clamp(0.0, 1.0);
                rgb.extend([(shown * 255.0).round() as u8; 3]);
            }
        }
        Picture { width, height, rgb }
    }
}

/// Renderings and slices of a head.
pub(crate) fn heads(looks: &[Look], turns: usize, slices: usize, size: (usize, usize)) -> Vec<Shown> {
    let head = Head::new();
    let mut all = Vec::new();
    for &look in looks {
        for turn in 0..turns {
            all.push(Shown {
                what: format!("{look:?}, turn {turn}"),
                picture: head.drawn(look, turn as f32 * 1.13 + 0.3, size),
            });
        }
    }
    let windows = [(40.0, 400.0), (300.0, 1500.0), (35.0, 80.0)];
    for n in 0..slices {
        let share = 0.3 + 0.4 * n as f32 / slices as f32;
        all.push(Shown {
            what: format!("slice {n}"),
            picture: head.slice(n % 3, share, windows[n / 3 % 3], size),
        });
    }
    all
}

/// PNG photographs of the shared data and of the folder `VITRINE_PICTURES`, in parts of `side` by `side`; none where there
/// are none.
pub(crate) fn photographs(side: usize, most: usize) -> Vec<Shown> {
    let data = std::env::var_os("VITRINE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let captured = data.join("capture-truedepth-charuco-a/iPhone11Pro_iOS14");
    let mut files = vec![captured.join("rgb_1233681.png")];
    if let Some(folder) = std::env::var_os("VITRINE_PICTURES") {
        let entries = std::fs::read_dir(folder).expect("the folder of pictures");
        files.extend(entries.map(|entry| entry.expect("an entry of the folder").path()));
        files.sort();
    }
    let mut all = Vec::new();
    for file in files {
        let Ok(opened) = std::fs::File::open(&file) else {
            println!("skipped: {} is not there", file.display());
            continue;
        };
        let picture = decoded(std::io::BufReader::new(opened));
        let (across, down) = (picture.width / side, picture.height / side);
        for part in 0..(across * down).min(most) {
            let (x, y) = (part % across * side, part / across * side);
            let name = file.file_name().unwrap_or_default().display();
            all.push(Shown {
                what: format!("{name}, part {part}"),
                picture: picture.cropped(x, y, side, side),
            });
        }
    }
    all
}

fn decoded(file: impl std::io::BufRead + std::io::Seek) -> Picture {
    let mut decoder = png::Decoder::new(file);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().expect("a PNG file");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size that fits")];
    let info = reader.next_frame(&mut bytes).expect("a whole PNG file");
    let samples = info.color_type.samples();
    let rgb = bytes[..info.buffer_size()]
        .chunks_exact(samples)
        .flat_map(|p| {
            if samples < 3 {
                [p[0]; 3]
            } else {
                [p[0], p[1], p[2]]
            }
        })
        .collect();
    Picture {
        width: info.width as usize,
        height: info.height as usize,
        rgb,
    }
}
