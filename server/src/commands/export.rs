//! `vitrine export`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ingest::{MeshFormat, Packing, PyramidPart};

use super::PlaceArguments;

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["nifti", "surface", "pyramid"]))]
pub(crate) struct Arguments {
    /// The item: its identifier or the beginning of it
    #[arg(value_name = "ITEM")]
    item: String,
    #[command(flatten)]
    place: PlaceArguments,
    /// Write the volume as NIfTI-1: .nii, or .nii.gz to compress it
    #[arg(long, value_name = "FILE")]
    nifti: Option<PathBuf>,
    /// Write the pyramid as volume.head and volume.body into this folder
    #[arg(long, value_name = "DIR")]
    pyramid: Option<PathBuf>,
    /// Write this surface, such as bone, to --out
    #[arg(long, value_name = "NAME", requires = "out")]
    surface: Option<String>,
    /// Where the surface goes: .glb, .stl or .ply
    #[arg(long, value_name = "FILE", requires = "surface")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let place = arguments.place.open()?;
    let item = place.item(&arguments.item)?.id;
    if let Some(file) = &arguments.nifti {
        let packed = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
        let packing = if packed { Packing::Gzip } else { Packing::Plain };
        write_whole(file, |out| Ok(place.export_nifti(item, packing, out)?))?;
    }
    if let Some(folder) = &arguments.pyramid {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        for (name, part) in [
            ("volume.head", PyramidPart::Head),
            ("volume.body", PyramidPart::Body),
        ] {
            write_whole(&folder.join(name), |out| {
                Ok(place.export_pyramid(item, part, out)?)
            })?;
        }
    }
    if let (Some(name), Some(file)) = (&arguments.surface, &arguments.out) {
        let format = format_of(file)?;
        write_whole(file, |out| Ok(place.export_surface(item, name, format, out)?))?;
    }
    Ok(())
}

pub(crate) fn format_of(file: &Path) -> Result<MeshFormat> {
    let ending = file
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    Ok(match ending.as_str() {
        "glb" => MeshFormat::Glb,
        "stl" => MeshFormat::Stl,
        "ply" => MeshFormat::Ply,
        _ => bail!("{} must end in .glb, .stl or .ply", file.display()),
    })
}

/// Writes a file whole and says so.
pub(crate) fn write_whole(file: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    write_silently(file, write)?;
    println!("wrote {}", file.display());
    Ok(())
}

/// Writes beside the place first, so that a broken-off export leaves no half file under the name.
pub(crate) fn write_silently(file: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut name = file
        .file_name()
        .with_context(|| format!("{} is no file name", file.display()))?
        .to_owned();
    name.push(".partial");
    let partial = file.with_file_name(name);
    let fail = || format!("writing {}", file.display());
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&partial).with_context(fail)?);
    let written = write(&mut out).and_then(|()| out.flush().with_context(fail));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&partial);
        return Err(error);
    }
    std::fs::rename(&partial, file).with_context(fail)
}
