//! Times a depth capture to a surface: `capture_fusion FOLDER [RUNS] [known|disturbed|none] [MESH.ply] [VOXEL_MM]`.
//!
//! Files are read and decoded within the time, as the peers do. `disturbed` moves every pose by 2 mm and turns it by
//! 0.5 degrees, in fixed pseudo-random directions, and has them refined; `none` does not look at them at all and
//! moves the result to where the poses say it should be, once, as a whole. Prints a JSON line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use capture::NamedBytes;
use capture::depth::{Capture, Frame, FrameBytes, decode_frame, recognize};
use geometry::{DAffine3, DMat3, DVec3};
use rayon::prelude::*;
use surface::fusion::{
    AccuracyCard, ColorImage, DepthFrame, DepthImage, Fused, Fusion, PoseUse, Registration, Survey, orient,
};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |n: usize| arguments.get(n).map(String::as_str);
    let folder = PathBuf::from(argument(0).context("a folder with a capture")?);
    let runs: usize = argument(1).unwrap_or("1").parse()?;
    let mode = argument(2).unwrap_or("known");
    let voxel_mm = argument(4).map(str::parse).transpose()?;
    let mut seconds = Vec::new();
    let mut last = None;
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        let done = run(&folder, mode, voxel_mm)?;
        seconds.push(start.elapsed().as_secs_f64());
        last = Some(done);
    }
    seconds.sort_by(f64::total_cmp);
    let Some((fused, registration, card)) = last else {
        bail!("no run")
    };
    let mesh = &fused.surface.mesh;
    // A number that a mode does not have is null.
    let line = serde_json::json!({
        "task": format!("capture {mode}"),
        "median_s": seconds[seconds.len() / 2],
        "min_s": seconds[0],
        "triangles": mesh.triangles.len(),
        "frames_used": card.as_ref().map(|c| c.frames_used),
        "misfit_mm": registration.as_ref().map(|r| r.misfit_mm),
        "firmness": registration.as_ref().map(|r| r.firmness),
        "expected_error_mm": card.as_ref().map(|c| c.expected_error_mm),
    });
    println!("{line}");
    if let Some(registration) = &registration {
        let upright = orient(&fused, registration.gravity_in_world);
        eprintln!("{upright:#?}\n{card:#?}");
        for (i, f) in registration.frames.iter().enumerate() {
            eprintln!(
                "frame {i}: {:?} residual {:.3} agreement {:.3}",
                f.rejection, f.residual_mm, f.agreement
            );
        }
        if argument(5) == Some("upright") {
            let mut fused = fused.clone();
            fused.surface.transform(&upright.patient_from_world);
            write_ply(Path::new(argument(3).context("a place for the mesh")?), &fused)?;
            return Ok(());
        }
    }
    match argument(3) {
        Some(path) => write_ply(Path::new(path), &fused),
        None => Ok(()),
    }
}

type Done = (Fused, Option<Registration>, Option<AccuracyCard>);

fn run(folder: &Path, mode: &str, voxel_mm: Option<f64>) -> Result<Done> {
    let capture = plan(folder)?;
    let truth: Vec<Option<DAffine3>> = capture.frames.iter().map(|f| f.world_from_camera).collect();
    if mode == "known" {
        let mut fusion = Fusion::new(voxel_mm.unwrap_or(1.0), None)?;
        each_frame(folder, &capture, |_, frame| {
            let pose = frame.world_from_camera.context("a pose for every frame")?;
            Ok(fusion.integrate(&borrowed(frame), &pose)?)
        })?;
        return Ok((fusion.finish()?, None, None));
    }
    let (use_, shake) = match mode {
        "disturbed" => (PoseUse::Refined, true),
        "judged" => (PoseUse::Judged, false),
        "none" => (PoseUse::Ignored, false),
        other => bail!("{other}: known, disturbed, judged or none"),
    };
    let mut survey = Survey::new(use_, None);
    each_frame(folder, &capture, |n, frame| {
        if let Some(pose) = frame.world_from_camera.as_mut().filter(|_| shake) {
            *pose = disturbed(pose, n);
        }
        Ok(survey.add(&borrowed(frame))?)
    })?;
    let registration = survey.place()?;
    let mut fusion = Fusion::new(
        voxel_mm.unwrap_or_else(|| registration.suggested_voxel_mm()),
        Some(registration.reach),
    )?;
    let back = if mode == "none" {
        whole(&truth, &registration).unwrap_or(DAffine3::IDENTITY)
    } else {
        DAffine3::IDENTITY
    };
    each_frame(folder, &capture, |n, frame| {
        if let Some(pose) = registration.frames[n].world_from_camera {
            fusion.integrate(&borrowed(frame), &(back * pose))?;
        }
        Ok(())
    })?;
    let fused = fusion.finish()?;
    let card = AccuracyCard::of(&registration, &fused);
    Ok((fused, Some(registration), Some(card)))
}

/// The one motion that brings found poses to the true ones, by their mean.
fn whole(truth: &[Option<DAffine3>], registration: &Registration) -> Option<DAffine3> {
    let pairs: Vec<DAffine3> = truth
        .iter()
        .zip(&registration.frames)
        .filter_map(|(t, f)| Some(t.as_ref()? * f.world_from_camera?.inverse()))
        .collect();
    let count = pairs.len() as f64;
    let sum = pairs.iter().fold(DMat3::ZERO, |sum, p| sum + p.matrix3);
    let x = sum.x_axis.try_normalize()?;
    let y = (sum.y_axis - x * x.dot(sum.y_axis)).try_normalize()?;
    let matrix3 = DMat3::from_cols(x, y, x.cross(y));
    // The middle of what the first camera sees, in the found world.
    let ahead = registration.frames.iter().flat_map(|f| f.world_from_camera);
    let places: Vec<DVec3> = ahead
        .map(|p| p.transform_point3(DVec3::new(0.0, 0.0, registration.distance_mm[1] + 60.0)))
        .collect();
    let middle = places.iter().sum::<DVec3>() / places.len() as f64;
    let target = pairs.iter().map(|p| p.transform_point3(middle)).sum::<DVec3>() / count;
    Some(DAffine3 {
        matrix3,
        translation: target - matrix3 * middle,
    })
}

/// The pose 2 mm and half a degree off, the same way every time.
fn disturbed(pose: &DAffine3, n: usize) -> DAffine3 {
    let mut seed = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(n as u64 + 1);
    let mut direction = || loop {
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        let v = DVec3::new(next(), next(), next());
        if (0.01..1.0).contains(&v.length_squared()) {
            return v.normalize();
        }
    };
    let turn = DMat3::from_axis_angle(direction(), 0.5f64.to_radians());
    DAffine3 {
        matrix3: turn * pose.matrix3,
        translation: pose.translation + direction() * 2.0,
    }
}

fn borrowed(frame: &Frame) -> DepthFrame<'_> {
    DepthFrame {
        depth: DepthImage {
            samples_mm: &frame.depth_mm,
            camera: frame.camera,
        },
        color: frame.color.as_ref().map(|color| ColorImage {
            samples: &color.rgb,
            camera: color.camera,
        }),
        world_from_camera: frame.world_from_camera,
        gravity_in_camera: frame.gravity_in_camera,
    }
}

/// Decodes frames a few ahead of their use, in order.
fn each_frame(
    folder: &Path,
    capture: &Capture,
    mut visit: impl FnMut(usize, &mut Frame) -> Result<()>,
) -> Result<()> {
    for (n, plans) in capture.frames.chunks(4).enumerate() {
        let decoded: Vec<Result<Frame>> = plans
            .par_iter()
            .map(|plan| {
                let read =
                    |name: &Option<String>| name.as_ref().map(|n| std::fs::read(folder.join(n))).transpose();
                let depth = std::fs::read(folder.join(&plan.files.depth))?;
                let (color, confidence) = (read(&plan.files.color)?, read(&plan.files.confidence)?);
                let bytes = FrameBytes {
                    depth: &depth,
                    color: color.as_deref(),
                    confidence: confidence.as_deref(),
                };
                Ok(decode_frame(plan, &bytes)?)
            })
            .collect();
        for (i, frame) in decoded.into_iter().enumerate() {
            let mut frame = frame?;
            if frame.gravity_in_camera.is_none() {
                frame.gravity_in_camera = frame.timestamp_secs.and_then(|t| capture.gravity_at(t));
            }
            visit(4 * n + i, &mut frame)?;
        }
    }
    Ok(())
}

fn plan(folder: &Path) -> Result<Capture> {
    let mut names = Vec::new();
    list(folder, "", &mut names)?;
    let layouts = recognize(names.iter().map(String::as_str));
    let layout = layouts
        .iter()
        .max_by_key(|layout| layout.frames.len())
        .context("no depth capture was recognized")?;
    let mut contents = Vec::new();
    for name in &layout.description {
        contents.push((name.as_str(), std::fs::read(folder.join(name))?));
    }
    let files: Vec<NamedBytes<'_>> = contents
        .iter()
        .map(|(name, bytes)| NamedBytes { name, bytes })
        .collect();
    let capture = layout.read(&files)?;
    for finding in &capture.findings {
        eprintln!("{:?}: {finding}", layout.kind);
    }
    Ok(capture)
}

fn list(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

fn write_ply(path: &Path, fused: &Fused) -> Result<()> {
    let surface = &fused.surface;
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n\
         property float nx\nproperty float ny\nproperty float nz\n\
         property uchar red\nproperty uchar green\nproperty uchar blue\nelement face {}\n\
         property list uchar int vertex_indices\nend_header\n",
        surface.mesh.positions_mm.len(),
        surface.mesh.triangles.len()
    )?;
    for ((p, n), color) in surface
        .mesh
        .positions_mm
        .iter()
        .zip(&surface.mesh.normals)
        .zip(&surface.colors)
    {
        for v in p.iter().chain(n) {
            out.write_all(&v.to_le_bytes())?;
        }
        out.write_all(color)?;
    }
    for triangle in &surface.mesh.triangles {
        out.write_all(&[3])?;
        for v in triangle {
            out.write_all(&v.to_le_bytes())?;
        }
    }
    Ok(out.flush()?)
}
