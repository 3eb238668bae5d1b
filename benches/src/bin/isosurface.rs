//! Times the isosurface of a series with normals, and its simplification to a tenth, and prints one JSON line each as
//! the scripts of the peers do: `isosurface FOLDER [RUNS] [HU] [OUT]`. The meshes are kept in the folder OUT, for
//! `surface_check.py` to hold against those of VTK.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use dicom_series::group::{GroupKind, RescalePolicy};
use dicom_series::pixels::decode_frame_into;
use rayon::prelude::*;
use surface::{Closing, Goal, isosurface, simplify};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("usage: isosurface FOLDER [RUNS] [HU]")?);
    let runs: usize = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let hu: f64 = arguments.next().map_or(Ok(300.0), |hu| hu.parse())?;
    let out = arguments.next().map(PathBuf::from);

    let paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|e| Ok(e?.path()))
        .collect::<Result<_>>()?;
    let files: Vec<Vec<u8>> = paths
        .par_iter()
        .map(|path| Ok(std::fs::read(path)?))
        .collect::<Result<_>>()?;
    let instances: Vec<_> = files
        .par_iter()
        .map(|f| Ok(dicom_series::read(f)?))
        .collect::<Result<_>>()?;
    let groups = dicom_series::group::group(&instances);
    let Some(GroupKind::Volume(stack)) = groups.first().map(|g| &g.kind) else {
        bail!("the series is no volume")
    };
    let RescalePolicy::Uniform(rescale) = &stack.rescale else {
        bail!("the rescale varies")
    };
    let [columns, rows, slices] = stack.grid.dims();
    let plane = columns as usize * rows as usize;
    let mut stored = vec![0u16; plane * slices as usize];
    stored
        .par_chunks_exact_mut(plane)
        .zip(&stack.slices)
        .try_for_each(|(out, at)| {
            decode_frame_into(&files[at.instance], &instances[at.instance], at.frame, out).map(|_| ())
        })?;
    // The peers extract from HU in 16 bits.
    let hounsfield = |&s: &u16| (f64::from(s) * rescale.slope + rescale.intercept) as i16;
    let samples: Vec<i16> = stored.par_iter().map(hounsfield).collect();
    drop((stored, files));

    let mut secs = Vec::new();
    let mut mesh = isosurface(&stack.grid, &samples, hu, Closing::Open)?;
    for _ in 0..runs {
        let start = Instant::now();
        mesh = isosurface(&stack.grid, &samples, hu, Closing::Open)?;
        secs.push(start.elapsed().as_secs_f64());
    }
    let area = mesh.area_mm2();
    let extra = format!("\"triangles\": {}, \"area_mm2\": {area:.1}", mesh.triangles.len());
    benches::report("isosurface with normals", &mut secs, &extra);

    let mut secs = Vec::new();
    let goal = Goal {
        triangles: mesh.triangles.len() / 10,
        max_error_mm: f32::INFINITY,
    };
    let mut simplified = simplify(&mesh, goal);
    for _ in 0..runs {
        let start = Instant::now();
        simplified = simplify(&mesh, goal);
        secs.push(start.elapsed().as_secs_f64());
    }
    let deviation = simplified.deviation;
    let extra = format!(
        "\"triangles\": {}, \"mean_mm\": {:.5}, \"max_mm\": {:.4}",
        simplified.mesh.triangles.len(),
        deviation.mean_from_full_mm,
        deviation.max_mm()
    );
    benches::report("decimate by 90 %", &mut secs, &extra);
    if let Some(out) = out {
        std::fs::create_dir_all(&out)?;
        for (name, mesh) in [("full.ply", &mesh), ("simplified.ply", &simplified.mesh)] {
            let file = std::fs::File::create(out.join(name))?;
            artifact::mesh::write_ply(mesh, &mut std::io::BufWriter::new(file))?;
        }
    }
    Ok(())
}
