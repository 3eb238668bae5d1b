//! How well the hidden mark is found again in copies of pictures: the figures that the product promises.
//!
//! The ordinary run takes a sample; `VITRINE_LONG=1` takes all pictures and prints a table.

mod attacks;
mod pictures;

use std::collections::BTreeMap;
use std::time::Instant;

use attacks::Picture;
use pictures::{Look, Shown, heads, photographs};
use watermark::hidden::{Code, Key, Marker, Reader, Reading};

const KEY: [u8; 32] = [0x5a; 32];

fn is_long() -> bool {
    std::env::var_os("VITRINE_LONG").is_some()
}

/// The pictures of a run, 512 by 512.
fn pictures() -> Vec<Shown> {
    let size = (512, 512);
    let mut all = match is_long() {
        true => heads(
            &[
                Look::Surface(-300.0),
                Look::Surface(250.0),
                Look::Brightest,
                Look::Xray,
            ],
            10,
            60,
            size,
        ),
        false => heads(&[Look::Surface(250.0)], 1, 2, size),
    };
    all.extend(photographs(512, 1));
    all
}

fn code(n: usize) -> Code {
    Code((n as u32 + 1).wrapping_mul(0x9E37_79B9))
}

fn marked(picture: &Picture, n: usize) -> Picture {
    let mut marked = picture.clone();
    Marker::new(&Key::new(KEY), code(n)).apply(&mut marked.rgb, picture.width as u32, picture.height as u32);
    marked
}

/// Copies of a picture, by what was done to it.
fn copies(picture: &Picture) -> Vec<(&'static str, Picture)> {
    let (w, h) = (picture.width, picture.height);
    let mut all = vec![
        ("PNG", picture.clone()),
        ("JPEG q50", picture.through_jpeg(50)),
        ("half the width", picture.cropped(w / 7, 0, w / 2, h)),
        (
            "half the area",
            picture.cropped(w / 9, h / 5, w * 5 / 7, h * 5 / 7),
        ),
        (
            "a quarter of the area",
            picture.cropped(w / 3, h / 5, w / 2, h / 2),
        ),
    ];
    let scales = match is_long() {
        true => &[0.5, 0.57, 0.66, 0.75, 0.9, 1.1, 1.25, 1.5, 1.73, 2.0][..],
        false => &[0.5, 0.81, 2.0],
    };
    all.extend(scales.iter().map(|&by| ("scaled", picture.scaled(by))));
    all.push(("scaled, then JPEG q75", picture.scaled(0.8).through_jpeg(75)));
    all.push((
        "half the width, then JPEG q50",
        picture.cropped(w / 5, 0, w / 2, h).through_jpeg(50),
    ));
    all
}

#[test]
fn a_copy_names_its_session() {
    let reader = Reader::new(&Key::new(KEY));
    let mut rates: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut least_psnr = f64::MAX;
    for (n, shown) in pictures().iter().enumerate() {
        let picture = marked(&shown.picture, n);
        least_psnr = least_psnr.min(picture.psnr(&shown.picture));
        let mut evidence = String::new();
        for (attack, copy) in copies(&picture) {
            let began = Instant::now();
            let reading = reader.read(&copy.rgb, copy.width as u32, copy.height as u32);
            let rate = rates.entry(attack).or_default();
            rate.1 += 1;
            match reading {
                Reading::Found {
                    code: found,
                    evidence: clear,
                    ..
                } => {
                    assert_eq!(found, code(n), "{}, {attack}: the wrong session", shown.what);
                    rate.0 += 1;
                    evidence += &format!(" {clear:.0}");
                }
                other => {
                    evidence += &format!(" {other:?}({attack}, {:.1} s)", began.elapsed().as_secs_f64());
                }
            }
        }
        println!(
            "{} ({:.1} dB):{evidence}",
            shown.what,
            picture.psnr(&shown.picture)
        );
    }
    println!("least PSNR {least_psnr:.2} dB");
    for (attack, (found, all)) in &rates {
        println!("{attack}: {found} of {all}");
    }
    assert!(least_psnr >= 42.0, "{least_psnr} dB");
    let rate = |attack: &str| f64::from(rates[attack].0) / f64::from(rates[attack].1);
    assert!(rate("PNG") >= 0.99);
    for attack in ["JPEG q50", "scaled", "half the width", "half the area"] {
        assert!(rate(attack) >= 0.95, "{attack}");
    }
}

#[test]
fn a_picture_without_a_mark_names_nobody() {
    let pictures = pictures();
    let keys: u8 = if is_long() { 8 } else { 1 };
    for (n, shown) in pictures.iter().enumerate() {
        // Neither that of another server is one.
        let picture = if n % 2 == 0 {
            shown.picture.clone()
        } else {
            marked(&shown.picture, n)
        };
        for key in 0..keys {
            let reader = Reader::new(&Key::new([key; 32]));
            let reading = reader.read(&picture.rgb, picture.width as u32, picture.height as u32);
            assert_eq!(reading, Reading::Nothing, "{}", shown.what);
        }
    }
}

#[test]
fn a_picture_of_any_size_is_taken() {
    let reader = Reader::new(&Key::new(KEY));
    let marker = Marker::new(&Key::new(KEY), Code(77));
    for (width, height) in [(0, 0), (1, 1), (7, 300), (64, 64), (131, 97), (300, 8)] {
        let mut rgb = vec![90; (width * height * 3) as usize];
        marker.apply(&mut rgb, width, height);
        let _ = reader.read(&rgb, width, height);
    }
    marker.apply(&mut [1, 2, 3], 64, 64);
    assert_eq!(reader.read(&[1, 2, 3], 64, 64), Reading::Nothing);
}
