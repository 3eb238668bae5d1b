//! `vitrine ingest`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use geometry::LengthUnit;
use ingest::{Options, SurfaceChoice, SurfaceRequest};

use super::PlaceArguments;
use crate::bars::Bars;
use crate::print;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Files, folders and ZIP archives
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    place: PlaceArguments,
    /// Make this surface instead of the default ones, at a rescaled value (HU for CT); may be given several times
    #[arg(long = "surface", value_name = "NAME=VALUE", value_parser = surface, allow_negative_numbers = true)]
    surfaces: Vec<SurfaceRequest>,
    /// Make no surfaces
    #[arg(long, conflicts_with = "surfaces")]
    no_surfaces: bool,
    /// The unit of mesh files: mm, cm, m or in [default: as they declare, else as their size tells]
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    unit: Option<LengthUnit>,
    /// Print one JSON object instead of a summary
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let place = arguments.place.open_or_create()?;
    let surfaces = match (arguments.no_surfaces, arguments.surfaces.as_slice()) {
        (true, _) => SurfaceChoice::None,
        (false, []) => SurfaceChoice::ByModality,
        (false, some) => SurfaceChoice::These(some.to_vec()),
    };
    let program = std::env::current_exe().context("finding this program, to start its workers")?;
    let options = Options {
        surfaces,
        unit: arguments.unit,
        ..Options::new(program)
    };
    let start = std::time::Instant::now();
    let report = if arguments.json {
        ingest::ingest(&place, &arguments.paths, &options, &())?
    } else {
        ingest::ingest(&place, &arguments.paths, &options, &Bars::new())?
    };
    if arguments.json {
        print::json(&report)
    } else {
        print::summary(&report, start.elapsed());
        Ok(())
    }
}

fn unit(text: &str) -> Result<LengthUnit> {
    LengthUnit::from_symbol(text).context("the units are mm, cm, m and in")
}

fn surface(text: &str) -> Result<SurfaceRequest> {
    let (name, value) = text
        .split_once('=')
        .context("a surface is given as NAME=VALUE, such as bone=300")?;
    if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    {
        bail!("the name of a surface is made of letters, digits, - and _");
    }
    let value: f64 = value
        .parse()
        .with_context(|| format!("{value} is not a number"))?;
    if !value.is_finite() {
        bail!("{value} is not a value that a surface can have");
    }
    Ok(SurfaceRequest {
        name: name.to_owned(),
        value,
    })
}
