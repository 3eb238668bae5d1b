//! Writes a depth capture of the synthetic head in Open3D's folder layout:
//! `face_capture FOLDER [--frames N] [--noise-mm N] [--shift-mm N] [--seed N] [--truth FILE.ply]`.

use std::path::PathBuf;
use std::process::ExitCode;

use testkit::face::{Face, FaceCapture, MAX_SHIFT_MM};

const USAGE: &str =
    "face_capture FOLDER [--frames N] [--noise-mm N] [--shift-mm N] [--seed N] [--truth FILE.ply]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("face_capture: {message}\nusage: {USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("a folder is needed")?);
    let mut truth = folder.join("truth.ply");
    let mut capture = FaceCapture {
        face: Face::default(),
        frames: 40,
        noise_mm: 0.6,
        seed: 1,
    };
    while let Some(option) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{option} needs a value"))?;
        let number = || {
            let number = value.parse::<f32>().ok().filter(|n| n.is_finite());
            number.ok_or_else(|| format!("{value} is not a number"))
        };
        match option.as_str() {
            "--frames" => capture.frames = number()?.clamp(1.0, 10_000.0) as usize,
            "--noise-mm" => capture.noise_mm = number()?.clamp(0.0, 50.0),
            "--seed" => capture.seed = number()?.max(0.0) as u64,
            "--shift-mm" => {
                let shift_mm = number()?;
                if shift_mm.abs() > MAX_SHIFT_MM {
                    return Err(format!("the nose moves by at most {MAX_SHIFT_MM} mm"));
                }
                capture.face = Face::shifted(shift_mm);
            }
            "--truth" => truth = PathBuf::from(&value),
            _ => return Err(format!("there is no option {option}")),
        }
    }
    let fail = |e| format!("{}: {e}", folder.display());
    capture.write(&folder).map_err(fail)?;
    capture.write_truth(&truth).map_err(fail)
}
