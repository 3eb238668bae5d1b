//! Pictures by the real program: exact slices, turns, projections, files that are not stored.

use std::path::{Path, PathBuf};
use std::process::Command;

use geometry::DVec3;
use testkit::dicom::SeriesSpec;

use crate::support::{Store, data, items, report, run};

const DIMS: [u32; 3] = [46, 38, 21];

/// A series whose stored values differ from pixel to pixel, with square pixels.
fn pattern(folder: &Path, edit: impl FnOnce(&mut SeriesSpec)) {
    let mut spec = SeriesSpec::ct(DIMS, [0.8, 0.8, 1.7]);
    spec.rescale = [1.0, -1024.0];
    edit(&mut spec);
    spec.write(folder, |z, pixels| {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            *pixel = stored(at as u32 % DIMS[0], at as u32 / DIMS[0], z);
        }
    })
    .expect("the series is written");
}

fn stored(x: u32, y: u32, z: u32) -> i16 {
    (900 + (x * 3 + y * 7 + z * 11) % 240) as i16
}

/// Width, height and RGBA of a PNG.
fn png(file: &Path) -> (u32, u32, Vec<u8>) {
    let bytes = std::fs::read(file).expect("a picture");
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
        .read_info()
        .expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    (info.width, info.height, pixels)
}

fn out(store: &Store, name: &str) -> PathBuf {
    store.folder.path().join(name)
}

/// A window of 256 values puts each value on a byte of its own: the level becomes 128.
fn byte(value: f64, level: f64) -> u8 {
    (value - level + 128.0).clamp(0.0, 255.0) as u8
}

#[test]
fn slices_of_files_show_stored_values() {
    let ways: [fn(&mut SeriesSpec); 4] = [
        |_| {},
        // Sagittal, from the right to the left.
        |spec| (spec.row, spec.column, spec.step_mm) = (DVec3::Y, DVec3::NEG_Z, DVec3::X * 1.7),
        // A tilted gantry.
        |spec| spec.column = DVec3::new(0.0, 0.94, -(1.0 - 0.94f64 * 0.94).sqrt()),
        // Twice oblique.
        |spec| {
            spec.row = DVec3::new(0.8, 0.6, 0.0);
            spec.column = DVec3::new(-0.36, 0.48, -0.8);
            spec.step_mm = spec.row.cross(spec.column) * 1.7;
        },
    ];
    for (number, edit) in ways.into_iter().enumerate() {
        let store = Store::new();
        let input = store.input("series");
        pattern(&input, edit);
        let file = out(&store, "slice.png");
        for at in [0, 13] {
            let mut command = store.command(&["render"]);
            command
                .arg(&input)
                .args(["--slice", "acquired", "--at", &at.to_string()]);
            command.args([
                "--size",
                "46x38",
                "--window",
                "256/-4",
                "--plain",
                "--back-end",
                "cpu",
                "--png",
            ]);
            run(command.arg(&file));
            let (width, height, pixels) = png(&file);
            assert_eq!((width, height), (DIMS[0], DIMS[1]));
            // Slices run along their normal, which may be against the order of the files.
            let shows = |z: u32| {
                pixels.chunks_exact(4).enumerate().all(|(i, pixel)| {
                    let value = f64::from(stored(i as u32 % DIMS[0], i as u32 / DIMS[0], z)) - 1024.0;
                    pixel[0] == byte(value, -4.0) && pixel[3] == 255
                })
            };
            assert!(shows(at) || shows(DIMS[2] - 1 - at), "way {number}, slice {at}");
        }
    }
}

#[test]
fn real_slices_show_stored_values() {
    for set in ["ct-gantry-tilt", "mr-brain-mixed", "ct-head-cranium"] {
        let Some(folder) = data(set) else { continue };
        let store = Store::new();
        let ingested = store.ingest_with(&[&folder], &["--no-surfaces"]);
        let volumes = items(&ingested).iter().filter(|item| item["kind"] == "volume");
        let item = volumes
            .max_by_key(|item| item["dims"][0].as_u64())
            .expect("a volume");
        let id = item["id"].as_str().expect("an identifier");
        let nii = out(&store, "v.nii");
        run(store.command(&["export", id]).arg("--nifti").arg(&nii));
        let bytes = std::fs::read(&nii).expect("a volume");
        let float = |at: usize| f32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let (start, slope, intercept) = (float(108) as usize, float(112), float(116));
        let bits = i16::from_le_bytes([bytes[72], bytes[73]]);
        let kind = i16::from_le_bytes([bytes[70], bytes[71]]);
        assert_eq!(bits, 16, "{set}");
        let dims: Vec<usize> = serde_json::from_value(item["dims"].clone()).expect("dims");
        let value = |index: usize| {
            let pair = [bytes[start + 2 * index], bytes[start + 2 * index + 1]];
            // 512 is the code of unsigned samples.
            let stored = if kind == 512 {
                i32::from(u16::from_le_bytes(pair))
            } else {
                i32::from(i16::from_le_bytes(pair))
            };
            f64::from(stored) * f64::from(slope) + f64::from(intercept)
        };
        let z = dims[2] / 2;
        let file = out(&store, "slice.png");
        let size = format!("{}x{}", dims[0], dims[1]);
        let at = z.to_string();
        run(store
            .command(&["render", id, "--slice", "acquired", "--at", &at, "--size", &size])
            .args(["--window", "256/40", "--plain", "--back-end", "cpu", "--png"])
            .arg(&file));
        let (_, _, pixels) = png(&file);
        let wrong = pixels.chunks_exact(4).enumerate().filter(|(i, pixel)| {
            let value = value(z * dims[0] * dims[1] + i);
            // Bytes are rounded; values may be anything.
            (f64::from(pixel[0]) - (value - 40.0 + 128.0).clamp(0.0, 255.0)).abs() > 0.51
        });
        assert_eq!(wrong.count(), 0, "{set}");
    }
}

#[test]
fn a_turn_is_numbered_and_told() {
    let store = Store::new();
    let input = store.input("series");
    pattern(&input, |_| {});
    let output = run(store
        .command(&[
            "render",
            "--size",
            "60x50",
            "--back-end",
            "cpu",
            "--turn",
            "3",
            "--json",
            "--preset",
            "CT-MIP",
            "--quality",
            "quick",
        ])
        .arg(&input)
        .arg("--png")
        .arg(out(&store, "turn.png")));
    let told = report(&output);
    assert_eq!(told["backend"], "cpu");
    let number = |name: &str| told[name].as_f64().unwrap_or_default();
    // Which of two times is longer is up to whatever else runs.
    assert!(
        number("first_picture_ms") > 0.0 && number("frame_min_ms") > 0.0,
        "{told}"
    );
    assert!(number("frame_median_ms") >= number("frame_min_ms"));
    let samples: u32 = DIMS.iter().product();
    assert!(number("resident_bytes") >= f64::from(samples) * 2.0);
    assert!(told["adapter"].as_str().is_some_and(|name| name.contains("CPU")));
    assert_eq!(told["pictures"].as_array().map(Vec::len), Some(3));
    let frames: Vec<Vec<u8>> = (0..3)
        .map(|i| png(&out(&store, &format!("turn-00{i}.png"))).2)
        .collect();
    assert!(frames[0] != frames[1] && frames[1] != frames[2]);
    assert!(!out(&store, "turn.png").exists());
}

#[test]
fn cameras_cuts_and_slabs_are_obeyed() {
    let store = Store::new();
    let input = store.input("series");
    pattern(&input, |_| {});
    let ingested = store.ingest_with(&[&input], &["--no-surfaces"]);
    let id = items(&ingested)[0]["id"]
        .as_str()
        .expect("an identifier")
        .to_owned();
    let file = out(&store, "p.png");
    let draw = |options: &[&str]| {
        let mut command = store.command(&["render", &id, "--size", "64x48"]);
        run(command.args(options).arg("--png").arg(&file));
        png(&file).2
    };
    let whole = draw(&["--preset", "CT-MIP"]);
    let from_behind = draw(&["--preset", "CT-MIP", "--view", "posterior"]);
    let cut = draw(&["--preset", "CT-MIP", "--clip", "left=-20"]);
    let camera = r#"{"eye_mm":[0,-400,30],"target_mm":[-20,-45,30],"up":[0,0,1],"field_of_view_degrees":9}"#;
    let elsewhere = draw(&["--preset", "CT-MIP", "--camera", camera]);
    assert!(whole != from_behind && whole != cut && whole != elsewhere);
    let brightness = |pixels: &[u8]| pixels.iter().map(|&b| u64::from(b)).sum::<u64>();
    assert!(brightness(&cut) < brightness(&whole));
    let slice = ["--slice", "coronal", "--window", "300/0", "--plain"];
    let thin = draw(&slice);
    let thick = draw(&[&slice[..], &["--slab", "8:max"]].concat());
    let thinnest = draw(&[&slice[..], &["--slab", "8:min"]].concat());
    assert!(brightness(&thick) > brightness(&thin) && brightness(&thinnest) < brightness(&thin));
    let lettered = draw(&["--slice", "coronal", "--window", "300/0"]);
    assert!(lettered != thin);
}

#[test]
fn what_cannot_be_drawn_is_told() {
    let store = Store::new();
    let input = store.input("series");
    pattern(&input, |_| {});
    let file = out(&store, "p.png");
    let told = |options: &[&str], path: &Path| -> String {
        let output = store
            .command(&["render"])
            .arg(path)
            .args(options)
            .arg("--png")
            .arg(&file)
            .output()
            .expect("the program starts");
        assert!(!output.status.success(), "{options:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(told(&["--preset", "CT-Nothing"], &input).contains("CT-Bone"));
    assert!(told(&["--slice", "axial", "--window", "0/40"], &input).contains("wide"));
    assert!(told(&["--camera", "{}"], &input).contains("eye_mm"));
    assert!(told(&["--clip", "up=3"], &input).contains("sides"));
    assert!(told(&["--at", "3"], &input).contains("--slice"));
    let text = store.input("text").join("a.txt");
    std::fs::write(&text, "no picture").expect("a file");
    assert!(told(&[], &text).contains("a.txt"));
    assert!(!file.exists());
    assert!(!out(&store, "data").exists(), "drawing files stores nothing");
}

#[test]
fn files_are_drawn_without_a_store_and_shadows_darken() {
    let store = Store::new();
    let input = store.input("series");
    // A block in air, with a trench that the light does not reach to the ground of.
    SeriesSpec::ct(DIMS, [0.8, 0.8, 1.7])
        .write(&input, |z, pixels| {
            for (at, pixel) in pixels.iter_mut().enumerate() {
                let (x, y) = (at as u32 % DIMS[0], at as u32 / DIMS[0]);
                let is_block = (4..42).contains(&x) && (6..34).contains(&y) && (2..19).contains(&z);
                let is_trench = (18..26).contains(&x) && y < 26;
                *pixel = if is_block && !is_trench { 2200 } else { 0 };
            }
        })
        .expect("the series is written");
    let draw = |options: &[&str]| -> u64 {
        let file = out(&store, "p.png");
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
        command.env_remove("VITRINE_DATA").arg("render").arg(&input);
        command.args(["--preset", "CT-Bone", "--back-end", "cpu", "--size", "120x90"]);
        run(command.args(options).arg("--png").arg(&file));
        let (_, _, pixels) = png(&file);
        // In the middle, which is the ground of the trench.
        let row = &pixels[45 * 120 * 4..][..120 * 4];
        row[58 * 4..62 * 4].iter().map(|&b| u64::from(b)).sum()
    };
    let (plain, shadowed) = (draw(&[]), draw(&["--shadows"]));
    assert!(shadowed * 10 < plain * 9, "{shadowed} and {plain}");
}

#[test]
fn a_window_needs_a_screen() {
    let store = Store::new();
    let input = store.input("series");
    pattern(&input, |_| {});
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .arg("view")
        .arg(&input)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the program starts");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("screen"), "{told}");
}
