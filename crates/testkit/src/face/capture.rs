//! What a depth camera on its way around the face records.

use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::lattice::{HIGH, LOW, Lattice};
use super::{Face, TrueSurface, png};
use crate::head::{Noise, dot, length, sub};

/// Pixels of a frame.
const SIZE: [usize; 2] = [640, 480];
/// Focal length, pixels; the principal point is the middle of the picture.
const FOCAL: f32 = 580.0;
/// Distance of the camera from what it looks at, mm.
const DISTANCE_MM: f32 = 350.0;
/// What the camera looks at, patient mm.
const TARGET: [f32; 3] = [0.0, -8.0, 8.0];
/// How far the camera goes to either side, radians.
const SIDEWAYS: f32 = 65.0 * std::f32::consts::PI / 180.0;
/// How far it goes up and down, radians.
const UPWARD: f32 = 18.0 * std::f32::consts::PI / 180.0;
/// Units of a stored depth in a mm.
const UNITS_A_MM: f32 = 10.0;
/// Surfaces more askew than this cosine are not seen.
const LEAST_COSINE: f32 = 0.12;

/// A depth capture of the face, in the folder layout of Open3D.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceCapture {
    /// What is captured.
    pub face: Face,
    /// Frames.
    pub frames: usize,
    /// Standard deviation of the noise of a depth seen straight on, mm.
    pub noise_mm: f32,
    /// Seed of the noise.
    pub seed: u64,
}

/// A camera: where it is and which way its axes point (x right, y down, z forward), patient LPS, mm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Where it is.
    pub eye: [f32; 3],
    /// Its axes x, y and z, unit length.
    pub axes: [[f32; 3]; 3],
}

/// A recorded frame.
struct Frame {
    /// `[row][column]`, tenths of a mm along the line of sight; 0 where nothing was seen.
    depth: Vec<u16>,
    /// `[row][column][red, green, blue]`, sRGB.
    color: Vec<u8>,
}

impl FaceCapture {
    /// The camera of a frame: from one side of the face to the other, with a wave up and down.
    pub fn camera(&self, frame: usize) -> Camera {
        let t = frame as f32 / (self.frames.max(2) - 1) as f32;
        let yaw = SIDEWAYS * (2.0 * t - 1.0);
        let pitch = UPWARD * (std::f32::consts::TAU * t).sin();
        let out = [yaw.sin() * pitch.cos(), -yaw.cos() * pitch.cos(), pitch.sin()];
        let z = out.map(|v| -v);
        let x = unit(cross(z, [0.0, 0.0, 1.0]));
        Camera {
            eye: std::array::from_fn(|i| TARGET[i] + DISTANCE_MM * out[i]),
            axes: [x, cross(z, x), z],
        }
    }

    /// Writes `depth/NNNNN.png`, `color/NNNNN.png`, `camera_intrinsic.json`, `trajectory.log` (camera to world, meters)
    /// and `capture.json`, which says what they mean.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        for part in ["depth", "color"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        let lattice = Lattice::of(&self.face);
        let [columns, rows] = SIZE;
        (0..self.frames).into_par_iter().try_for_each(|at| {
            let frame = self.frame(&lattice, at);
            let depth: Vec<u8> = frame.depth.iter().flat_map(|v| v.to_be_bytes()).collect();
            let (depth, color) = rayon::join(
                || png::encode(columns, rows, png::Pixels::Gray16, &depth),
                || png::encode(columns, rows, png::Pixels::Rgb8, &frame.color),
            );
            std::fs::write(folder.join(format!("depth/{at:05}.png")), depth)?;
            std::fs::write(folder.join(format!("color/{at:05}.png")), color)
        })?;
        let (cx, cy) = principal();
        // Column by column, as Open3D has it, whose pixels have their centers at halves.
        let (cx, cy) = (cx + 0.5, cy + 0.5);
        let intrinsic = format!(
            "{{\"width\": {columns}, \"height\": {rows}, \"intrinsic_matrix\": \
             [{FOCAL:?}, 0.0, 0.0, 0.0, {FOCAL:?}, 0.0, {cx:?}, {cy:?}, 1.0]}}\n"
        );
        std::fs::write(folder.join("camera_intrinsic.json"), intrinsic)?;
        std::fs::write(folder.join("trajectory.log"), self.trajectory())?;
        let meaning = format!(
            "{{\"depth_unit_mm\": {:?}, \"depth_rounding\": \"nearest\", \"pose\": \"camera_to_world\", \"pose_unit\": \"m\", \"axes\": \"x right, y \
             down, z forward\", \"frames\": {}, \"noise_mm\": {:?}, \"nose_shift_mm\": {:?}}}\n",
            1.0 / UNITS_A_MM,
            self.frames,
            self.noise_mm,
            self.face.shift_mm
        );
        std::fs::write(folder.join("capture.json"), meaning)
    }

    /// Writes the true surface as PLY, mm.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_truth(&self, file: &Path) -> io::Result<()> {
        std::fs::write(file, TrueSurface::of(&self.face).to_ply())
    }

    fn trajectory(&self) -> String {
        use std::fmt::Write as _;
        let mut log = String::new();
        for at in 0..self.frames {
            let Camera { eye, axes: [x, y, z] } = self.camera(at);
            let _ = writeln!(log, "{at} {at} {}", at + 1);
            for i in 0..3 {
                let _ = writeln!(log, "{:.9} {:.9} {:.9} {:.9}", x[i], y[i], z[i], eye[i] / 1000.0);
            }
            log.push_str("0 0 0 1\n");
        }
        log
    }

    fn frame(&self, lattice: &Lattice, at: usize) -> Frame {
        let camera = self.camera(at);
        let [columns, rows] = SIZE;
        let (cx, cy) = principal();
        let mut frame = Frame {
            depth: vec![0; columns * rows],
            color: vec![0; columns * rows * 3],
        };
        frame
            .depth
            .par_chunks_mut(columns)
            .zip(frame.color.par_chunks_mut(columns * 3))
            .enumerate()
            .for_each(|(row, (depth, color))| {
                let mut noise = Noise::new(self.seed ^ ((at as u64) << 40) ^ ((row as u64) << 20) ^ 0x5EED);
                let pixels = depth.iter_mut().zip(color.chunks_exact_mut(3)).enumerate();
                for (column, (depth, color)) in pixels {
                    let [x, y, z] = camera.axes;
                    let (u, v) = ((column as f32 - cx) / FOCAL, (row as f32 - cy) / FOCAL);
                    let ray: [f32; 3] = std::array::from_fn(|i| x[i] * u + y[i] * v + z[i]);
                    let Some((t, p, normal)) = self.meet(lattice, camera.eye, ray) else {
                        continue;
                    };
                    let facing = -dot(normal, z);
                    if facing < LEAST_COSINE {
                        continue;
                    }
                    let noisy = t + noise.gaussian() * self.noise_mm / facing.max(0.3);
                    *depth = (noisy * UNITS_A_MM).round().clamp(0.0, 65_535.0) as u16;
                    let light = 0.25 + 0.75 * facing;
                    for (out, albedo) in color.iter_mut().zip(self.face.albedo(p)) {
                        *out = srgb(albedo * light);
                    }
                }
            });
        frame
    }

    /// Where a ray first meets the skin: how many times `ray` from `eye`, the point, and the normal there.
    fn meet(&self, lattice: &Lattice, eye: [f32; 3], ray: [f32; 3]) -> Option<(f32, [f32; 3], [f32; 3])> {
        let (mut t, end) = crossing(eye, ray)?;
        let per_mm = 1.0 / length(ray);
        let at = |t: f32| -> [f32; 3] { std::array::from_fn(|i| eye[i] + ray[i] * t) };
        let (mut outside, mut inside) = (t, None);
        while t < end {
            let (distance, _) = lattice.at(at(t));
            if distance <= 0.0 {
                inside = Some(t);
                break;
            }
            outside = t;
            // Blends are shorter than they say: a part of the way is safe.
            t += (distance * 0.7).max(0.4) * per_mm;
        }
        let mut inside = inside?;
        for _ in 0..5 {
            let middle = 0.5 * (outside + inside);
            if lattice.at(at(middle)).0 > 0.0 {
                outside = middle;
            } else {
                inside = middle;
            }
        }
        let (_, gradient) = lattice.at(at(inside));
        let slope = dot(gradient, ray);
        if slope >= 0.0 {
            return None;
        }
        // The lattice is a little off the skin itself.
        let mut t = inside;
        for _ in 0..3 {
            t -= (self.face.distance_mm(at(t)) / slope.min(-0.15 / per_mm)).clamp(-2.0, 2.0);
        }
        let p = at(t);
        (p[2] >= LOW[2]).then(|| (t, p, unit(lattice.at(p).1)))
    }
}

fn principal() -> (f32, f32) {
    (SIZE[0] as f32 * 0.5 - 0.5, SIZE[1] as f32 * 0.5 - 0.5)
}

/// Where a ray enters and leaves the box of the lattice.
fn crossing(eye: [f32; 3], ray: [f32; 3]) -> Option<(f32, f32)> {
    let (mut enter, mut leave) = (0.0f32, f32::INFINITY);
    for i in 0..3 {
        let (a, b) = ((LOW[i] - eye[i]) / ray[i], (HIGH[i] - eye[i]) / ray[i]);
        enter = enter.max(a.min(b));
        leave = leave.min(a.max(b));
    }
    (enter < leave).then_some((enter, leave))
}

pub(super) fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(super) fn unit(v: [f32; 3]) -> [f32; 3] {
    let length = length(sub(v, [0.0; 3])).max(f32::MIN_POSITIVE);
    v.map(|c| c / length)
}

/// Linear light to an sRGB byte (IEC 61966-2-1).
fn srgb(linear: f32) -> u8 {
    let v = linear.clamp(0.0, 1.0);
    let encoded = if v <= 0.003_130_8 {
        12.92 * v
    } else {
        1.055 * v.powf(1.0 / 2.4) - 0.055
    };
    (encoded * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_those_of_the_skin() {
        let capture = FaceCapture {
            face: Face::shifted(3.0),
            frames: 3,
            noise_mm: 0.0,
            seed: 1,
        };
        let lattice = Lattice::of(&capture.face);
        for at in 0..3 {
            let frame = capture.frame(&lattice, at);
            let camera = capture.camera(at);
            let (cx, cy) = principal();
            let (mut seen, mut worst) = (0, 0.0f32);
            let mut squares = 0.0f64;
            for (i, &depth) in frame.depth.iter().enumerate().filter(|(_, d)| **d > 0) {
                let (u, v) = (
                    ((i % SIZE[0]) as f32 - cx) / FOCAL,
                    ((i / SIZE[0]) as f32 - cy) / FOCAL,
                );
                let z = f32::from(depth) / UNITS_A_MM;
                let p = std::array::from_fn(|k| {
                    camera.eye[k] + z * (camera.axes[0][k] * u + camera.axes[1][k] * v + camera.axes[2][k])
                });
                let off = capture.face.distance_mm(p).abs();
                worst = worst.max(off);
                squares += f64::from(off).powi(2);
                seen += 1;
            }
            assert!(seen > 60_000, "frame {at} sees {seen} pixels");
            let rms = (squares / f64::from(seen)).sqrt();
            assert!(rms < 0.06, "frame {at}: {rms} mm, {worst} at worst");
        }
    }

    #[test]
    fn cameras_look_at_the_face_from_both_sides() {
        let capture = FaceCapture {
            face: Face::default(),
            frames: 5,
            noise_mm: 0.5,
            seed: 2,
        };
        let cameras = [0, 2, 4].map(|at| capture.camera(at));
        assert!(cameras[0].eye[0] < -200.0 && cameras[2].eye[0] > 200.0);
        assert!(cameras[1].eye[1] < -300.0);
        for camera in cameras {
            let [x, y, z] = camera.axes;
            assert!(dot(x, y).abs() < 1e-5 && dot(cross(x, y), z) > 0.999);
            assert!(y[2] < -0.9, "down in the picture is toward the feet");
        }
    }
}
