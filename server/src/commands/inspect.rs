//! `vitrine inspect`.

use anyhow::Result;

use super::PlaceArguments;
use crate::print;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this item: its identifier or the beginning of it
    #[arg(value_name = "ITEM")]
    item: Option<String>,
    #[command(flatten)]
    place: PlaceArguments,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let place = arguments.place.open()?;
    let items = match &arguments.item {
        Some(id) => vec![place.item(id)?],
        None => place.items()?,
    };
    if arguments.json {
        return print::json(&serde_json::json!({ "items": items }));
    }
    if items.is_empty() {
        println!("Nothing is stored here. `vitrine ingest PATH --data DIR` takes files in.");
    }
    for item in &items {
        print::item(item);
    }
    Ok(())
}
