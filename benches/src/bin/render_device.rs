//! What volumes take on a graphics device, and how long pictures of them do: one JSON line for a head of 512 x 512 x 400 and
//! one for 3,000 slices within a budget of 1 GiB.

use std::time::Instant;

use anyhow::{Context, Result};
use geometry::{DVec3, GridGeometry};
use renderer::cpu::Quality;
use renderer::gpu::{Device, Renderer};
use renderer::{Camera, Clip, ResidentVolume, Scene, VolumeLayer, preset};
use serde_json::json;
use testkit::head::HeadCt;
use volume::{Rescale, Samples};

const SIZE: u32 = 512;
const FRAMES: u32 = 5;
const BUDGET_BYTES: u64 = 1 << 30;

fn main() -> Result<()> {
    let head = HeadCt {
        size: 512,
        slices: 400,
        noise_hu: 12.0,
        seed: 7,
    };
    let (grid, samples) = (head.grid(), head.volume());
    time("512 x 512 x 400", grid, samples.clone(), None)?;
    // Heads one above the other.
    let slices = 3000;
    let tall = GridGeometry::new([512, 512, slices], grid.patient_from_voxel())?;
    let plane = 512 * 512;
    let mut many = Vec::with_capacity(plane * slices as usize);
    for slice in 0..slices as usize {
        many.extend_from_slice(&samples[slice % 400 * plane..][..plane]);
    }
    time("512 x 512 x 3000", tall, many, Some(BUDGET_BYTES))
}

fn time(task: &str, grid: GridGeometry, samples: Vec<i16>, budget_bytes: Option<u64>) -> Result<()> {
    let sample_bytes = samples.len() as u64 * 2;
    let volume = ResidentVolume::dense(grid, Samples::I16(samples), Rescale::IDENTITY)?;
    let transfer = preset("CT-Bone").context("a preset")?.transfer((-1024.0, 2500.0));
    let device = Device::open_headless()?;
    let adapter = device.tier().adapter.clone();
    let mut renderer = Renderer::new(device);
    if let Some(bytes) = budget_bytes {
        renderer.set_budget(bytes);
    }
    let front = Camera::from_direction(DVec3::new(0.3, -1.0, 0.15), grid.bounds_mm(), 1.0);
    let mut secs = Vec::new();
    for frame in 0..=FRAMES {
        let scene = Scene {
            volumes: vec![VolumeLayer::new(&volume, &transfer)],
            surfaces: vec![],
            clip: Clip::NONE,
            camera: front.turned(f64::from(frame) * 6f64.to_radians()),
            background: [0.0; 3],
        };
        let start = Instant::now();
        renderer.draw(&scene, SIZE, SIZE, Quality::QUICK)?;
        secs.push(start.elapsed().as_secs_f64());
    }
    let first = secs.remove(0);
    secs.sort_unstable_by(f64::total_cmp);
    let bytes = renderer.resident_bytes();
    let line = json!({
        "task": task,
        "adapter": adapter,
        "sample_bytes": sample_bytes,
        "device_bytes": bytes,
        "of_samples": (bytes as f64 / sample_bytes as f64 * 1e3).round() / 1e3,
        "budget_bytes": budget_bytes,
        "first_picture_s": first,
        "median_s": secs[secs.len() / 2],
    });
    println!("{line}");
    Ok(())
}
