//! Times a folder of DICOM to one sorted volume of stored samples in memory, and prints one JSON line as the scripts
//! of the peers do: `series_to_volume FOLDER [RUNS]`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use dicom_series::group::{GroupKind, Plane, Stack};
use dicom_series::pixels::decode_frame_into;
use dicom_series::{Instance, read};
use rayon::prelude::*;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .context("usage: series_to_volume FOLDER [RUNS]")?,
    );
    let runs: usize = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let mut secs = Vec::new();
    let mut voxels = load(&folder)?.len();
    for _ in 0..runs {
        let start = Instant::now();
        voxels = std::hint::black_box(load(&folder)?).len();
        secs.push(start.elapsed().as_secs_f64());
    }
    benches::report("series to volume", &mut secs, &format!("\"voxels\": {voxels}"));
    Ok(())
}

/// One sorted volume, `[slice][row][column]`, stored values; its rescale is that of the stack.
fn load(folder: &Path) -> Result<Vec<u16>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|e| Ok(e?.path()))
        .collect::<Result<_>>()?;
    paths.sort_unstable();
    // Each thread keeps one buffer that stays in its cache; reading a file twice costs less than keeping it.
    let instances: Vec<Instance> = paths
        .par_iter()
        .map_init(Vec::new, |buffer, path| Ok(read(file(path, buffer)?)?))
        .collect::<Result<_>>()?;
    let groups = dicom_series::group::group(&instances);
    let [group] = groups.as_slice() else {
        bail!("{} series in the folder", groups.len())
    };
    let GroupKind::Volume(stack) = &group.kind else {
        bail!("the series is no volume")
    };
    volume_of(stack, &paths, &instances)
}

fn volume_of(stack: &Stack, paths: &[PathBuf], instances: &[Instance]) -> Result<Vec<u16>> {
    let [columns, rows, slices] = stack.grid.dims();
    let plane = columns as usize * rows as usize;
    let mut samples = vec![0u16; plane * slices as usize];
    samples
        .par_chunks_exact_mut(plane)
        .zip(&stack.planes)
        .try_for_each_init(Vec::new, |buffer, (out, source)| {
            let Plane::Slice(index) = source else {
                bail!("the series has gaps")
            };
            let at = stack.slices[*index];
            decode_frame_into(
                file(&paths[at.instance], buffer)?,
                &instances[at.instance],
                at.frame,
                out,
            )?;
            Ok(())
        })?;
    Ok(samples)
}

/// The bytes of a file, in a buffer that is used again.
fn file<'b>(path: &Path, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
    buffer.clear();
    std::fs::File::open(path)?.read_to_end(buffer)?;
    Ok(buffer)
}
