//! What a script takes away that may look and nothing more: it scrolls through a volume and turns it, as fast as
//! pictures come, and puts together what it got.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use codec::Expected;
use geometry::{DVec3, GridGeometry};
use protocol::{CameraLook, Grade, Pane, PaneLook, PixelSize, PlaneLook, Shows, WindowLook};
use serde_json::{Value, json};

use crate::client::Server;
use crate::live::{Viewer, store};

/// What is told apart from the rest: what came in the first minute.
const MINUTE: Duration = Duration::from_secs(60);
/// Size of a picture in space.
const SPACE: PixelSize = PixelSize {
    width: 512,
    height: 512,
};

/// Takes for at most so many seconds what it can of the largest volume of a folder.
pub(crate) fn run(program: &Path, folder: &Path, secs: usize) -> Result<()> {
    let (grid, samples) = benches::series::load(folder)?;
    let server = Server::start(program)?;
    let (mut client, practice) = server.practice()?;
    let (case, item) = store(&mut client, &practice, folder)?;
    let open = || Viewer::open(&server, &client, &case, &item);
    let slices = scroll(&mut open()?, &grid, &samples, Duration::from_secs(secs as u64))?;
    let directions = turn(&mut open()?)?;
    let line = json!({
        "task": "take", "stored_bytes": samples.len() * 2, "slices": slices, "directions": directions,
    });
    println!("{line}");
    Ok(())
}

/// How well values are known from brightness: the best straight line between the two.
#[derive(Default)]
struct Fit {
    count: f64,
    gray: f64,
    value: f64,
    gray_gray: f64,
    gray_value: f64,
    value_value: f64,
}

impl Fit {
    fn add(&mut self, gray: u8, value: f64) {
        let gray = f64::from(gray);
        self.count += 1.0;
        self.gray += gray;
        self.value += value;
        self.gray_gray += gray * gray;
        self.gray_value += gray * value;
        self.value_value += value * value;
    }

    /// Root mean square of what the line leaves unknown, in the unit of the stored values.
    fn rms(&self) -> f64 {
        let mean = |sum: f64| sum / self.count;
        let spread = mean(self.gray_gray) - mean(self.gray).powi(2);
        let along = mean(self.gray_value) - mean(self.gray) * mean(self.value);
        let all = mean(self.value_value) - mean(self.value).powi(2);
        (all - along * along / spread).max(0.0).sqrt()
    }
}

/// Every slice, a pixel a sample, through the window that shows all values.
fn scroll(viewer: &mut Viewer, grid: &GridGeometry, samples: &[u16], most: Duration) -> Result<Value> {
    let [columns, rows, slices] = grid.dims();
    let plane = columns as usize * rows as usize;
    let size = PixelSize {
        width: columns,
        height: rows,
    };
    let axes = grid.patient_from_voxel().matrix3;
    let [low, high] = viewer.exhibit().range;
    let window = WindowLook {
        center: (low + high) * 0.5,
        width: high - low,
    };
    let began = Instant::now();
    let (mut taken, mut in_minute, mut bytes) = (0, 0, 0);
    let mut fit = Fit::default();
    for (slice, values) in (0..slices).zip(samples.chunks_exact(plane)) {
        let middle = DVec3::new(f64::from(columns), f64::from(rows), 0.0) * 0.5 - DVec3::new(0.5, 0.5, 0.0);
        let pane = PaneLook {
            pane: Pane::Axial,
            size,
            shows: Shows::Plane(PlaneLook {
                center_mm: grid
                    .patient_from_voxel()
                    .transform_point3(middle + DVec3::Z * f64::from(slice)),
                right: axes.x_axis.normalize(),
                down: axes.y_axis.normalize(),
                mm_per_pixel: axes.x_axis.length(),
            }),
        };
        let picture = viewer.picture(pane, window, Grade::Moving)?;
        if began.elapsed() > most {
            break;
        }
        taken += 1;
        in_minute += u32::from(began.elapsed() < MINUTE);
        bytes += picture.len();
        for (&gray, &value) in brightness(&picture, size)?.iter().zip(values) {
            fit.add(gray, f64::from(value.cast_signed()));
        }
    }
    Ok(json!({
        "of": slices, "taken": taken, "in_a_minute": in_minute, "secs": began.elapsed().as_secs_f64(),
        "noticed_after_s": noticed(viewer, began), "bytes": bytes, "rms_of_values": fit.rms(), "range": high - low,
    }))
}

/// From all sides, for a minute.
fn turn(viewer: &mut Viewer) -> Result<Value> {
    let bounds = viewer.exhibit().bounds_mm;
    let window = viewer.exhibit().window.unwrap_or(WindowLook {
        center: 40.0,
        width: 400.0,
    });
    let began = Instant::now();
    let mut taken = 0;
    while began.elapsed() < MINUTE {
        // A spiral over a sphere: each direction is another.
        let up = 1.0 - f64::from(taken % 2_000) / 1_000.0;
        let turn = f64::from(taken) * 2.4;
        let across = (1.0 - up * up).max(0.0).sqrt();
        let direction = DVec3::new(across * turn.cos(), across * turn.sin(), up);
        let pane = PaneLook {
            pane: Pane::Space,
            size: SPACE,
            shows: Shows::Space(CameraLook {
                eye_mm: bounds.center() + direction * bounds.size().length() * 1.3,
                target_mm: bounds.center(),
                up: direction.any_orthonormal_vector(),
                field_of_view_radians: 0.6,
            }),
        };
        viewer.picture(pane, window, Grade::Moving)?;
        taken += 1;
    }
    Ok(json!({ "in_a_minute": taken, "noticed_after_s": noticed(viewer, began) }))
}

fn noticed(viewer: &Viewer, began: Instant) -> Option<f64> {
    let noticed = viewer.slowed()?;
    Some(noticed.saturating_duration_since(began).as_secs_f64())
}

fn brightness(jpeg: &[u8], size: PixelSize) -> Result<Vec<u8>> {
    let decode = |channels: u16| {
        let expected = Expected {
            columns: size.width,
            rows: size.height,
            channels,
        };
        anyhow::Ok((codec::jpeg::decode(jpeg, expected)?, usize::from(channels)))
    };
    let (decoded, channels) = decode(1).or_else(|_| decode(3))?;
    match decoded.samples {
        codec::Samples::U8(samples) => Some(samples.into_iter().step_by(channels).collect()),
        _ => None,
    }
    .context("a picture of eight bits")
}
