//! Series of single frames as volumes in memory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dicom_series::group::{GroupKind, Plane};
use dicom_series::pixels::decode_frame_into;
use dicom_series::{Instance, read};
use geometry::GridGeometry;
use rayon::prelude::*;

/// The one volume in a folder: where it lies, and its stored values, `[slice][row][column]`.
///
/// # Errors
/// When the folder holds no series, more than one, or one that is no volume without gaps.
pub fn load(folder: &Path) -> Result<(GridGeometry, Vec<u16>)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|e| Ok(e?.path()))
        .collect::<Result<_>>()?;
    paths.sort_unstable();
    let instances: Vec<Instance> = paths
        .par_iter()
        .map(|path| Ok(read(&std::fs::read(path)?)?))
        .collect::<Result<_>>()?;
    let groups = dicom_series::group::group(&instances);
    let [group] = groups.as_slice() else {
        bail!("{} series in the folder", groups.len())
    };
    let GroupKind::Volume(stack) = &group.kind else {
        bail!("the series is no volume")
    };
    let [columns, rows, slices] = stack.grid.dims();
    let plane = columns as usize * rows as usize;
    let mut samples = vec![0u16; plane * slices as usize];
    samples
        .par_chunks_exact_mut(plane)
        .zip(&stack.planes)
        .try_for_each(|(out, source)| {
            let Plane::Slice(index) = source else {
                bail!("the series has gaps")
            };
            let at = stack.slices[*index];
            let bytes = std::fs::read(&paths[at.instance])?;
            decode_frame_into(&bytes, &instances[at.instance], at.frame, out)?;
            Ok(())
        })?;
    Ok((stack.grid, samples))
}
