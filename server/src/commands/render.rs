//! `vitrine render`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use geometry::PatientDirection;
use ingest::{DrawOptions, What};

use super::{PlaceArguments, export::write_whole};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The item: its identifier or the beginning of it
    #[arg(value_name = "ITEM")]
    item: String,
    #[command(flatten)]
    place: PlaceArguments,
    /// Width and height of the picture
    #[arg(long, value_name = "WxH", default_value = "512x512", value_parser = size)]
    size: (u32, u32),
    /// Transfer function of the volume [default: by modality]
    #[arg(long, value_name = "NAME", conflicts_with = "surfaces")]
    preset: Option<String>,
    /// Draw the surfaces of the item instead of its volume
    #[arg(long)]
    surfaces: bool,
    /// Draw how far its surface lies from another one: outward red, inward blue; by name, or the last comparison
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["preset", "surfaces"])]
    comparison: Option<String>,
    /// Side to look from: anterior, posterior, left, right, superior or inferior
    #[arg(long, value_name = "SIDE", default_value = "anterior", value_parser = side)]
    view: PatientDirection,
    /// Turn about the body axis, counter-clockwise seen from the head
    #[arg(
        long,
        value_name = "DEGREES",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    turn_degrees: f64,
    /// Where the picture goes
    #[arg(long, value_name = "FILE")]
    png: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let place = arguments.place.open()?;
    let item = place.item(&arguments.item)?.id;
    let options = DrawOptions {
        size: arguments.size,
        what: if let Some(name) = &arguments.comparison {
            What::Comparison {
                name: Some(name.clone()).filter(|name| !name.is_empty()),
            }
        } else if arguments.surfaces {
            What::Surfaces
        } else {
            What::Volume {
                preset: arguments.preset.clone(),
            }
        },
        side: arguments.view,
        turn_radians: arguments.turn_degrees.to_radians(),
    };
    let png = place.draw(item, &options)?;
    write_whole(&arguments.png, |out| Ok(out.write_all(&png)?))
}

fn size(text: &str) -> Result<(u32, u32)> {
    let (width, height) = text
        .split_once('x')
        .context("a size is given as WxH, such as 512x512")?;
    let number = |text: &str| match text.parse::<u32>() {
        Ok(n @ 1..=8192) => Ok(n),
        _ => bail!("{text} is not between 1 and 8192"),
    };
    Ok((number(width)?, number(height)?))
}

fn side(text: &str) -> Result<PatientDirection> {
    Ok(match text {
        "anterior" => PatientDirection::Anterior,
        "posterior" => PatientDirection::Posterior,
        "left" => PatientDirection::Left,
        "right" => PatientDirection::Right,
        "superior" => PatientDirection::Superior,
        "inferior" => PatientDirection::Inferior,
        _ => bail!("the sides are anterior, posterior, left, right, superior and inferior"),
    })
}
