//! Times a folder of DICOM to one sorted volume of stored samples in memory, and prints one JSON line as the scripts
//! of the peers do: `series_to_volume FOLDER [RUNS]`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use dicom_series::group::{GroupKind, Plane, Stack};
use dicom_series::pixels::decode_frame_into;
use dicom_series::{Instance, read};
use memmap2::{Advice, Mmap, MmapMut};
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
    let mut voxels = load(&folder)?.samples().len();
    for _ in 0..runs {
        let start = Instant::now();
        let mut volume = std::hint::black_box(load(&folder)?);
        secs.push(start.elapsed().as_secs_f64());
        voxels = volume.samples().len();
    }
    benches::report("series to volume", &mut secs, &format!("\"voxels\": {voxels}"));
    Ok(())
}

/// One sorted volume, `[slice][row][column]`, stored values; its rescale is that of the stack.
struct Samples {
    /// In large pages: most of the time would go into as many faults as there are small ones.
    memory: MmapMut,
}

impl Samples {
    fn of_length(samples: usize) -> Result<Self> {
        let memory = MmapMut::map_anon(samples * size_of::<u16>())?;
        // Without large pages it works as well.
        let _ = memory.advise(Advice::HugePage);
        Ok(Self { memory })
    }

    fn samples(&mut self) -> &mut [u16] {
        bytemuck::cast_slice_mut(&mut self.memory)
    }
}

fn load(folder: &Path) -> Result<Samples> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|e| Ok(e?.path()))
        .collect::<Result<_>>()?;
    paths.sort_unstable();
    // Headers are a few pages at the start of each file: the rest of a mapping costs nothing.
    let instances: Vec<Instance> = paths
        .par_iter()
        .map(|path| Ok(read(&file(path)?)?))
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

fn volume_of(stack: &Stack, paths: &[PathBuf], instances: &[Instance]) -> Result<Samples> {
    let [columns, rows, slices] = stack.grid.dims();
    let plane = columns as usize * rows as usize;
    let mut volume = Samples::of_length(plane * slices as usize)?;
    volume
        .samples()
        .par_chunks_exact_mut(plane)
        .zip(&stack.planes)
        .try_for_each(|(out, source)| {
            let Plane::Slice(index) = source else {
                bail!("the series has gaps")
            };
            let at = stack.slices[*index];
            let bytes = file(&paths[at.instance])?;
            decode_frame_into(&bytes, &instances[at.instance], at.frame, out)?;
            Ok(())
        })?;
    Ok(volume)
}

/// The bytes of a file, mapped.
fn file(path: &Path) -> Result<Mmap> {
    let file = std::fs::File::open(path)?;
    #[expect(
        unsafe_code,
        reason = "a mapping of a file of this benchmark's own, which nothing changes"
    )]
    // SAFETY: the file is part of the benchmark's data and is not written to while it is mapped.
    let bytes = unsafe { Mmap::map(&file) }?;
    Ok(bytes)
}
