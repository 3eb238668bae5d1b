//! What tests of the back end on a graphics device share.

// No test uses all of it.
#![allow(dead_code)]

use renderer::cpu::{self, Quality};
use renderer::{Picture, Scene, gpu};

/// A renderer on whatever adapter is there.
pub(crate) fn on_device() -> Option<gpu::Renderer> {
    match gpu::Device::open_headless() {
        Ok(device) => Some(gpu::Renderer::new(device)),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

/// How far two pictures are apart, over all components: the mean, and the part of pixels more than 12 levels apart.
pub(crate) fn apart(a: &Picture, b: &Picture) -> (f64, f64) {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let differences = || a.rgba.iter().zip(&b.rgba).map(|(a, b)| a.abs_diff(*b));
    let mean = differences().map(f64::from).sum::<f64>() / a.rgba.len() as f64;
    let far = differences().collect::<Vec<_>>();
    let far = far.chunks_exact(4).filter(|p| p.iter().any(|&d| d > 12)).count();
    (mean, far as f64 / (a.rgba.len() / 4) as f64)
}

/// Compares both back ends, and that there is something to compare.
pub(crate) fn compare(what: &str, device: &mut gpu::Renderer, scene: &Scene<'_>, quality: Quality) {
    let ours = device.draw(scene, 130, 100, quality).unwrap();
    let twin = cpu::Renderer::new().draw(scene, 130, 100, quality).unwrap();
    keep(what, &ours, &twin);
    let background = ours.pixel(0, 0).unwrap();
    let drawn = ours.rgba.chunks_exact(4).filter(|p| **p != background).count();
    assert!(drawn > 800, "{what}: {drawn} pixels");
    let (mean, far) = apart(&ours, &twin);
    println!("{what}: mean difference {mean:.3}, far {far:.5}");
    // The twin encodes light by a table, which is a level off here and there. Adapters filter 8-bit textures with weights of 8 bits.
    let of_bytes = ["u8", "shadows", "ambient", "shadows cut"].contains(&what);
    let allowed = if of_bytes { 0.8 } else { 0.3 };
    assert!(
        mean < allowed && far < 0.004,
        "{what}: mean difference {mean}, {far} far"
    );
}

/// Keeps both pictures where VITRINE_KEEP names a folder, to be looked at.
pub(crate) fn keep(what: &str, ours: &Picture, twin: &Picture) {
    let Ok(folder) = std::env::var("VITRINE_KEEP") else {
        return;
    };
    let both = ours.beside(twin);
    let file = std::fs::File::create(format!("{folder}/{}.png", what.replace(' ', "-"))).unwrap();
    let mut encoder = png::Encoder::new(file, both.width, both.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&both.rgba)
        .unwrap();
}
