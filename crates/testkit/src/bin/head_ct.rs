//! Writes the synthetic head as a folder of DICOM files:
//! `head_ct FOLDER [--size N] [--slices N] [--seed N] [--heads N]`.
//!
//! Several heads follow each other in one series, every second one upside down so that they join: the work a slice
//! stays the same however long the series gets.

use std::path::PathBuf;
use std::process::ExitCode;

use geometry::DVec3;
use testkit::dicom::SeriesSpec;
use testkit::head::HeadCt;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!(
                "head_ct: {message}\nusage: head_ct FOLDER [--size N] [--slices N] [--seed N] [--heads N]"
            );
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("a folder is needed")?);
    let mut head = HeadCt {
        size: 512,
        slices: 400,
        noise_hu: 11.0,
        seed: 1,
    };
    let mut heads = 1;
    while let Some(option) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{option} needs a number"))?;
        let number: u32 = value.parse().map_err(|_| format!("{value} is not a number"))?;
        match option.as_str() {
            "--size" => head.size = number.clamp(16, 2048),
            "--slices" => head.slices = number.clamp(2, 20_000),
            "--seed" => head.seed = number.into(),
            "--heads" => heads = number.clamp(1, 1000),
            _ => return Err(format!("there is no option {option}")),
        }
    }
    let grid = head.grid();
    let [columns, rows, slices] = grid.dims();
    let mut series = SeriesSpec::ct([columns, rows, slices * heads], grid.spacing_mm());
    series.origin_mm = grid.patient_from_voxel().transform_point3(DVec3::ZERO);
    series.rescale = [1.0, -1024.0];
    series.description = "Head, synthetic".to_owned();
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let fill = |z: u32, pixels: &mut [i16]| {
        let (nth, at) = (z / slices, z % slices);
        let at = if nth % 2 == 0 { at } else { slices - 1 - at };
        let head = HeadCt {
            seed: head.seed + u64::from(nth),
            ..head
        };
        for (pixel, hu) in pixels.iter_mut().zip(head.slice(at)) {
            *pixel = hu + 1024;
        }
    };
    series
        .write(&folder, fill)
        .map_err(|e| format!("{}: {e}", folder.display()))
}
