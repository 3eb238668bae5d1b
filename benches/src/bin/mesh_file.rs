//! Mesh files of 5 million triangles to repaired surfaces in memory, and on to stored bytes, as one JSON line a format.
//!
//! `mesh_file make FOLDER` writes the files, once; `mesh_file FOLDER RUNS` times them; `mesh_file once FILE` reads,
//! repairs and stores one, for the memory watch.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use capture::NamedBytes;
use surface::Mesh;
use surface::repair::{Input, InputAxes, Options, Repaired, repair};

const FORMATS: [&str; 3] = ["stl", "ply", "glb"];
/// Rings and segments: twice their product is the number of triangles.
const RINGS: u32 = 1500;
const SEGMENTS: u32 = 1667;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["make", folder] => make(Path::new(folder)),
        ["once", file] => {
            let repaired = run(&std::fs::read(file)?, file)?;
            store(&repaired).map(drop)
        }
        [folder, runs] => time(Path::new(folder), runs.parse()?),
        _ => anyhow::bail!("usage: mesh_file make FOLDER | FOLDER RUNS | once FILE"),
    }
}

/// A bumpy ring of unequal radii, closed.
fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut mesh = Mesh::default();
    for ring in 0..RINGS {
        let around = std::f32::consts::TAU * ring as f32 / RINGS as f32;
        for segment in 0..SEGMENTS {
            let across = std::f32::consts::TAU * segment as f32 / SEGMENTS as f32;
            let thickness = 30.0 + 2.0 * (7.0 * around).sin() * (5.0 * across).cos();
            let radius = 80.0 + thickness * across.cos();
            mesh.positions_mm.push([
                radius * around.cos(),
                1.2 * radius * around.sin(),
                0.9 * thickness * across.sin(),
            ]);
        }
    }
    let vertex = |ring: u32, segment: u32| ring % RINGS * SEGMENTS + segment % SEGMENTS;
    for ring in 0..RINGS {
        for segment in 0..SEGMENTS {
            let [a, b] = [vertex(ring, segment), vertex(ring + 1, segment)];
            let [c, d] = [vertex(ring + 1, segment + 1), vertex(ring, segment + 1)];
            mesh.triangles.extend([[a, b, c], [a, c, d]]);
        }
    }
    let create = |name: &str| -> Result<_> { Ok(BufWriter::new(File::create(folder.join(name))?)) };
    artifact::mesh::write_stl(&mesh, &mut create("ring.stl")?)?;
    artifact::mesh::write_ply(&mesh, &mut create("ring.ply")?)?;
    artifact::mesh::write_plain_glb(&mesh, &serde_json::Value::Null, &mut create("ring.glb")?)?;
    Ok(())
}

fn run(bytes: &[u8], name: &str) -> Result<Repaired> {
    let file = capture::mesh::read(&[NamedBytes { name, bytes }], 0)?;
    let input = Input {
        positions: file.positions,
        origin: file.origin,
        triangles: file.triangles,
        colors: file.colors,
        unit: file.unit,
        axes: match file.axes {
            capture::mesh::Axes::YUp => InputAxes::YUp,
            _ => InputAxes::Patient,
        },
        ..Input::default()
    };
    Ok(repair(input, &Options::default())?)
}

fn store(repaired: &Repaired) -> Result<Vec<u8>> {
    Ok(artifact::mesh::encode_model(
        &repaired.model,
        &serde_json::Value::Null,
        0.01,
    )?)
}

fn time(folder: &Path, runs: usize) -> Result<()> {
    let peak = std::env::current_exe()?.with_file_name("peak");
    for format in FORMATS {
        let path = folder.join(format!("ring.{format}"));
        let name = path.to_string_lossy();
        let (mut secs, mut stored_secs) = (Vec::new(), Vec::new());
        let mut report = None;
        for _ in 0..runs {
            let start = Instant::now();
            let bytes = std::fs::read(&path)?;
            let repaired = run(&bytes, &name)?;
            drop(bytes);
            secs.push(start.elapsed().as_secs_f64());
            store(&repaired)?;
            stored_secs.push(start.elapsed().as_secs_f64());
            report = Some(repaired.report);
        }
        let watched = Command::new(&peak)
            .arg(std::env::current_exe()?)
            .args(["once", &name])
            .output();
        let peak_bytes = watched.ok().and_then(|output| {
            let line: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
            line["peak_bytes"].as_u64()
        });
        let report = report.context("at least one run")?;
        stored_secs.sort_by(f64::total_cmp);
        let extra = format!(
            "\"stored_median_s\": {:.4}, \"peak_bytes\": {}, \"file_bytes\": {}, \"vertices\": {}, \"triangles\": {}, \
             \"components\": {}, \"holes\": {}",
            stored_secs[runs / 2],
            peak_bytes.unwrap_or_default(),
            std::fs::metadata(&path)?.len(),
            report.vertices,
            report.triangles,
            report.components,
            report.holes,
        );
        benches::report(&format!("{format} file"), &mut secs, &extra);
    }
    Ok(())
}
