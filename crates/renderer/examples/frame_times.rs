//! Times frames of a turning head on the graphics device and on the processor, and says how far their pictures are apart.
//!
//! usage: frame_times [COLUMNSxSLICES] [WIDTHxHEIGHT] [FRAMES]
//!
//! One JSON line a back end. Times are those of a caller: from the scene to the picture in memory.

use std::time::Instant;

use geometry::DVec3;
use renderer::cpu::{self, Quality};
use renderer::{
    Camera, Clip, ControlPoint, Picture, ResidentVolume, Scene, TransferFunction, VolumeLayer, gpu,
};
use testkit::head::HeadCt;
use volume::{Rescale, Samples};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut pair = |or: [u32; 2]| {
        let text = arguments.next();
        let read = |text: &str| {
            let (a, b) = text.split_once('x')?;
            Some([a.parse().ok()?, b.parse().ok()?])
        };
        text.map_or(or, |text| read(&text).expect("two numbers with an x between"))
    };
    let ([size, slices], [width, height]) = (pair([256, 200]), pair([512, 512]));
    let frames = arguments
        .next()
        .map_or(12, |n| n.parse().expect("a number of frames"));
    let head = HeadCt {
        size,
        slices,
        noise_hu: 12.0,
        seed: 7,
    };
    let volume = ResidentVolume::dense(head.grid(), Samples::I16(head.volume()), Rescale::IDENTITY)
        .expect("as many samples as the grid has");
    let transfer = bone();
    let bounds = head.grid().bounds_mm();
    let start = Camera::from_direction(
        DVec3::new(0.3, -1.0, 0.15),
        bounds,
        f64::from(width) / f64::from(height),
    );
    let scenes: Vec<Scene<'_>> = (0..=frames)
        .map(|frame| Scene {
            volumes: vec![VolumeLayer::new(&volume, &transfer)],
            surfaces: vec![],
            clip: Clip::NONE,
            camera: start.turned(f64::from(frame) * 6f64.to_radians()),
            background: [0.0; 3],
        })
        .collect();

    let mut on_processor = cpu::Renderer::new();
    let twin = time("cpu", &scenes, |scene| {
        on_processor
            .draw(scene, width, height, Quality::QUICK)
            .expect("a camera that looks")
    });
    match gpu::Device::open_headless() {
        Ok(device) => {
            let name = format!("{} ({})", device.tier().adapter, device.tier().backend);
            let mut on_device = gpu::Renderer::new(device);
            let ours = time(&name, &scenes, |scene| {
                on_device
                    .draw(scene, width, height, Quality::QUICK)
                    .expect("a picture")
            });
            let differences = ours
                .rgba
                .iter()
                .zip(&twin.rgba)
                .map(|(a, b)| f64::from(a.abs_diff(*b)));
            let mean = differences.sum::<f64>() / ours.rgba.len() as f64;
            println!(
                r#"{{"mean_difference":{mean:.4},"resident_bytes":{}}}"#,
                on_device.resident_bytes()
            );
        }
        Err(error) => println!("skipped: {error}"),
    }
}

/// Bone as CT viewers like to show it.
fn bone() -> TransferFunction {
    let point = |value, color, opacity| ControlPoint {
        value,
        color,
        opacity,
    };
    TransferFunction::new(vec![
        point(-1000.0, [0.0; 3], 0.0),
        point(200.0, [0.83, 0.74, 0.55], 0.0),
        point(300.0, [0.9, 0.8, 0.6], 0.2),
        point(500.0, [0.91, 0.82, 0.65], 0.6),
        point(2000.0, [1.0; 3], 0.9),
    ])
    .expect("values rise")
}

fn time(name: &str, scenes: &[Scene<'_>], mut draw: impl FnMut(&Scene<'_>) -> Picture) -> Picture {
    let mut millis = Vec::with_capacity(scenes.len());
    let mut last = None;
    for scene in scenes {
        let start = Instant::now();
        last = Some(draw(scene));
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let first = millis.remove(0);
    millis.sort_by(f64::total_cmp);
    println!(
        r#"{{"adapter":"{name}","first_picture_ms":{first:.1},"frame_median_ms":{:.2},"frame_min_ms":{:.2}}}"#,
        millis[millis.len() / 2],
        millis[0]
    );
    last.expect("at least one scene")
}
