//! `vitrine view`: a window of this machine.

mod controls;
mod screen;
mod window;

use anyhow::Result;
use ingest::{SurfaceChoice, What};

use super::PlaceArguments;
use super::back_end::BackEndChoice;
use super::source::{Source, drawing_options};

/// Show an item in a window. Of a volume in space: drag to turn, middle or shift to move, right drag or wheel to zoom. Of
/// slices: drag for window and level, wheel to go through them, middle or shift to move, right drag to zoom. Keys: 1
/// volume, 2 axial, 3 coronal, 4 sagittal, R as it was, Esc close.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Items, by their identifiers or the beginnings of them; or files and folders, which are read into a temporary place
    #[arg(required = true, value_name = "ITEM|FILE")]
    items: Vec<String>,
    #[command(flatten)]
    place: PlaceArguments,
    /// Transfer function of the volume [default: by modality]
    #[arg(long, value_name = "NAME", conflicts_with = "surfaces")]
    preset: Option<String>,
    /// Show the surfaces of the item instead of its volume
    #[arg(long)]
    surfaces: bool,
    /// Soft shadows and ambient occlusion in volumes
    #[arg(long)]
    shadows: bool,
    /// What draws: the processor, a graphics device, or auto for a real graphics device where there is one
    #[arg(long, value_name = "WHAT", default_value = "auto")]
    back_end: BackEndChoice,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let options = drawing_options(if arguments.surfaces {
        SurfaceChoice::ByModality
    } else {
        SurfaceChoice::None
    })?;
    // Kept until the window closes.
    let source = Source::open(&arguments.items, &arguments.place, &options)?;
    let what = if arguments.surfaces {
        What::Surfaces
    } else {
        What::Volume {
            preset: arguments.preset.clone(),
        }
    };
    let stage = source
        .place
        .stage(&source.items, &what, window::FIRST_SIZE, &options)?;
    window::show(&stage, arguments)
}
