//! The true skin as triangles: surface nets on a fine lattice, every vertex moved onto the skin itself.

use std::collections::HashMap;

use rayon::prelude::*;

use super::Face;
use super::lattice::{HIGH, LOW, Lattice};

/// Distance between samples, mm.
const STEP: f32 = 1.0;
/// Skin farther than this from a sample by the coarse lattice is not looked for there, mm.
const BAND: f32 = 4.0;

/// The skin down to the neck, which is open below.
#[derive(Clone, Debug, PartialEq)]
pub struct TrueSurface {
    /// `[vertex][x, y, z]`, patient LPS, mm.
    pub positions_mm: Vec<[f32; 3]>,
    /// `[triangle][corner]`, counter-clockwise seen from outside.
    pub triangles: Vec<[u32; 3]>,
}

/// Distances, `[z][y][x]`, mm; exact only near the skin.
struct Samples {
    counts: [usize; 3],
    values: Vec<f32>,
}

impl Samples {
    fn of(face: &Face) -> Self {
        let coarse = Lattice::of(face);
        let counts: [usize; 3] = std::array::from_fn(|i| ((HIGH[i] - LOW[i]) / STEP).round() as usize + 1);
        let [columns, rows, slices] = counts;
        let values = (0..slices * rows)
            .into_par_iter()
            .flat_map_iter(|line| {
                let coarse = &coarse;
                (0..columns).map(move |x| {
                    let p = place([x, line % rows, line / rows]);
                    let (about, _) = coarse.at(p);
                    if about.abs() < BAND {
                        face.distance_mm(p)
                    } else {
                        about
                    }
                })
            })
            .collect();
        Self { counts, values }
    }

    fn at(&self, [x, y, z]: [usize; 3]) -> f32 {
        self.values[(z * self.counts[1] + y) * self.counts[0] + x]
    }
}

fn place(at: [usize; 3]) -> [f32; 3] {
    std::array::from_fn(|i| LOW[i] + at[i] as f32 * STEP)
}

impl TrueSurface {
    /// The skin of `face`, with edges of about a mm (Gibson, "Constrained elastic surface nets", 1998).
    pub fn of(face: &Face) -> Self {
        let samples = Samples::of(face);
        let [columns, rows, slices] = samples.counts;
        let found: Vec<([usize; 3], [f32; 3])> = (0..slices - 1)
            .into_par_iter()
            .flat_map_iter(|z| {
                let samples = &samples;
                (0..rows - 1).flat_map(move |y| {
                    (0..columns - 1).filter_map(move |x| Some(([x, y, z], vertex(samples, [x, y, z])?)))
                })
            })
            .collect();
        let numbers: HashMap<[usize; 3], u32> = found
            .iter()
            .zip(0..)
            .map(|((cell, _), number)| (*cell, number))
            .collect();
        let positions_mm = found.par_iter().map(|(_, p)| onto(face, *p)).collect();
        let triangles = found
            .par_iter()
            .flat_map_iter(|(cell, _)| faces(&samples, &numbers, *cell))
            .collect();
        Self {
            positions_mm,
            triangles,
        }
    }

    /// The surface as binary PLY.
    pub fn to_ply(&self) -> Vec<u8> {
        let mut bytes = format!(
            "ply\nformat binary_little_endian 1.0\ncomment patient LPS, mm\nelement vertex {}\nproperty float x\n\
             property float y\nproperty float z\nelement face {}\nproperty list uchar uint vertex_indices\nend_header\n",
            self.positions_mm.len(),
            self.triangles.len()
        )
        .into_bytes();
        for v in self.positions_mm.as_flattened() {
            bytes.extend(v.to_le_bytes());
        }
        for triangle in &self.triangles {
            bytes.push(3);
            triangle.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        }
        bytes
    }
}

/// The middle of where the skin crosses the edges of a cell, if it does.
fn vertex(samples: &Samples, [x, y, z]: [usize; 3]) -> Option<[f32; 3]> {
    let corner = |i: usize| [x + (i & 1), y + (i >> 1 & 1), z + (i >> 2)];
    let values: [f32; 8] = std::array::from_fn(|i| samples.at(corner(i)));
    let (mut sum, mut count) = ([0.0f32; 3], 0);
    for i in 0..8usize {
        for axis in 0..3 {
            let j = i | 1 << axis;
            if i == j || (values[i] > 0.0) == (values[j] > 0.0) {
                continue;
            }
            let t = values[i] / (values[i] - values[j]);
            let (a, b) = (place(corner(i)), place(corner(j)));
            for k in 0..3 {
                sum[k] += a[k] + (b[k] - a[k]) * t;
            }
            count += 1;
        }
    }
    (count > 0).then(|| sum.map(|v| v / count as f32))
}

/// Two triangles for each edge from the first corner of a cell that crosses the skin.
fn faces(
    samples: &Samples,
    numbers: &HashMap<[usize; 3], u32>,
    cell: [usize; 3],
) -> impl Iterator<Item = [u32; 3]> {
    let mut out = Vec::new();
    let here = samples.at(cell) > 0.0;
    for axis in 0..3 {
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        let mut next = cell;
        next[axis] += 1;
        if cell[u] == 0 || cell[v] == 0 || here == (samples.at(next) > 0.0) {
            continue;
        }
        let number = |du: usize, dv: usize| {
            let mut other = cell;
            other[u] -= du;
            other[v] -= dv;
            numbers.get(&other).copied()
        };
        let (Some(a), Some(b), Some(c), Some(d)) = (number(1, 1), number(0, 1), number(0, 0), number(1, 0))
        else {
            continue;
        };
        // Where the edge leaves the head, the triangles face along it.
        out.extend(if here {
            [[a, c, b], [a, d, c]]
        } else {
            [[a, b, c], [a, c, d]]
        });
    }
    out.into_iter()
}

/// The point of the skin near `p`, along its gradient.
fn onto(face: &Face, mut p: [f32; 3]) -> [f32; 3] {
    const H: f32 = 0.02;
    for _ in 0..4 {
        let value = face.distance_mm(p);
        let gradient: [f32; 3] = std::array::from_fn(|i| {
            let (mut ahead, mut behind) = (p, p);
            ahead[i] += H;
            behind[i] -= H;
            (face.distance_mm(ahead) - face.distance_mm(behind)) / (2.0 * H)
        });
        let squared: f32 = gradient.iter().map(|g| g * g).sum();
        if squared < 0.05 {
            break;
        }
        let step = (value / squared).clamp(-0.5, 0.5);
        p = std::array::from_fn(|i| p[i] - gradient[i] * step);
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertices_lie_on_the_skin_and_edges_join() {
        let face = Face::shifted(3.0);
        let surface = TrueSurface::of(&face);
        assert!(surface.positions_mm.len() > 100_000);
        let off = surface
            .positions_mm
            .iter()
            .filter(|p| face.distance_mm(**p).abs() > 0.01);
        assert!(off.count() * 1000 < surface.positions_mm.len());
        let foremost = surface.positions_mm.iter().map(|p| p[1]).fold(f32::MAX, f32::min);
        assert!((foremost - face.tip_mm()[1]).abs() < 0.05);

        // Outward: the volume by the divergence theorem, measured from the open end, is that of a head.
        let volume: f64 = surface
            .triangles
            .iter()
            .map(|t| {
                let [a, b, c] = t.map(|v| {
                    let p = surface.positions_mm[v as usize].map(f64::from);
                    [p[0], p[1], p[2] - f64::from(LOW[2])]
                });
                (a[0] * (b[1] * c[2] - b[2] * c[1])
                    + a[1] * (b[2] * c[0] - b[0] * c[2])
                    + a[2] * (b[0] * c[1] - b[1] * c[0]))
                    / 6.0
            })
            .sum();
        assert!((3e6..6e6).contains(&volume), "{volume} mm^3");

        let mut edges: HashMap<(u32, u32), i32> = HashMap::new();
        for &[a, b, c] in &surface.triangles {
            for (a, b) in [(a, b), (b, c), (c, a)] {
                *edges.entry((a.min(b), a.max(b))).or_default() += if a < b { 1 } else { -1 };
            }
        }
        let open = edges.iter().filter(|(_, turns)| **turns != 0);
        let below = LOW[2] + 2.0 * STEP;
        for ((a, b), _) in open {
            let z = [a, b].map(|v| surface.positions_mm[*v as usize][2]);
            assert!(z[0] < below && z[1] < below, "an open edge at {z:?}");
        }
    }
}
