//! `vitrine compare`.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use geometry::DVec3;
use ingest::{ComparisonReport, StatisticsReport, SurfaceOf};
use surface::compare::{Landmark, Options, Region, Start};

use super::PlaceArguments;
use super::export::{format_of, write_silently};
use crate::print;

/// Lay one surface onto another and measure what has changed
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The item before: its identifier or the beginning of it; ITEM:NAME for one of several surfaces
    #[arg(value_name = "A", value_parser = surface_of)]
    a: SurfaceOf,
    /// The item after, likewise
    #[arg(value_name = "B", value_parser = surface_of)]
    b: SurfaceOf,
    #[command(flatten)]
    place: PlaceArguments,
    /// Where nothing has changed: the surfaces are laid onto each other there [default: all]
    #[arg(long, value_name = "REGION", default_value = "all", hide_default_value = true)]
    stable: Region,
    /// Where the volume between the surfaces is measured [default: what is not stable]
    #[arg(long, value_name = "REGION")]
    inside: Option<Region>,
    /// The same point on A and on B, mm; three or more start the registration
    #[arg(long = "landmark", value_name = "X,Y,Z=X,Y,Z", value_parser = landmark, allow_hyphen_values = true)]
    landmarks: Vec<Landmark>,
    /// Compare the surfaces as they lie, without laying them onto each other
    #[arg(long, conflicts_with = "landmarks")]
    in_place: bool,
    /// Points farther apart than this are not compared, mm
    #[arg(long, value_name = "MM", value_parser = positive)]
    reach: Option<f64>,
    /// Write A with its distances as well: .glb or .ply
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
A REGION is in the space of A, mm (LPS: x to the left, y to the back, z to the head):
  all                        everywhere
  sphere:X,Y,Z,RADIUS        inside a sphere
  box:X,Y,Z,X,Y,Z            inside a box between two corners
  REGION+REGION              in either
  not:REGION                 everywhere else; stands before all of it

Distances are positive where B lies outward of A. They are stored with A, for the viewer and for
`vitrine render A --comparison`.

Example: what a nose operation has changed, with all but the nose as stable:
  vitrine compare 3f2a 81c0 --stable not:sphere:0,-110,-5,32 --data DIR";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let format = arguments.out.as_deref().map(format_of).transpose()?;
    let options = Options {
        stable: arguments.stable.clone(),
        inside: arguments.inside.clone(),
        start: if arguments.in_place {
            Start::Given(geometry::DAffine3::IDENTITY)
        } else if arguments.landmarks.is_empty() {
            Start::Anywhere
        } else {
            Start::Landmarks(arguments.landmarks.clone())
        },
        reach_mm: arguments.reach.unwrap_or(f64::INFINITY),
        ..Options::default()
    };
    let place = arguments.place.open()?;
    let compared = place.compare(&arguments.a, &arguments.b, &options)?;
    if let (Some(file), Some(format)) = (&arguments.out, format) {
        write_silently(file, |out| Ok(compared.write(format, out)?))?;
    }
    if arguments.json {
        return print::json(&compared.report);
    }
    table(&compared.report);
    if let Some(file) = &arguments.out {
        println!("wrote {}", file.display());
    }
    Ok(())
}

fn table(report: &ComparisonReport) {
    let side = |side: &ingest::SideReport| format!("{}, {} ({})", side.name, side.surface, side.item);
    println!("A  {}", side(&report.a));
    println!("B  {}", side(&report.b));
    let registration = &report.registration;
    println!(
        "\nlaid onto each other by {}: {:.0} % agree within {:.3} mm",
        match registration.stable_region.as_str() {
            "all" => "what agrees",
            region => region,
        },
        registration.agreeing * 100.0,
        registration.residual_mm
    );
    println!("\nmm              mean  |mean|     rms     95 %     max   compared");
    let rows = [
        ("everywhere", report.everywhere),
        ("stable", report.stable),
        ("elsewhere", report.elsewhere),
    ];
    for (name, statistics) in rows {
        if let Some(statistics) = statistics {
            println!("{name:<11} {}", row(&statistics));
        }
    }
    if let Some(peak) = &report.peak {
        let [x, y, z] = peak.at_mm;
        println!(
            "\nmoved most  {:+.2} mm at ({x:.1}, {y:.1}, {z:.1}), scatter {:.2} mm",
            peak.moved_mm, peak.scatter_mm
        );
    }
    let volume = &report.volume;
    println!(
        "volume      {:+.3} ml, {:.3} added and {:.3} removed, in {}",
        volume.net_mm3 / 1000.0,
        volume.added_mm3 / 1000.0,
        volume.removed_mm3 / 1000.0,
        volume.region
    );
    for finding in &report.findings {
        println!("{:<11} {}", print::severity(finding.severity), finding.message);
    }
    println!("\nstored as the comparison {} of A", report.artifact.name);
}

fn row(of: &StatisticsReport) -> String {
    format!(
        "{:+8.3}{:8.3}{:8.3}{:9.3}{:8.3}   {:5.1} % of {:.0} mm2",
        of.mean_mm,
        of.mean_absolute_mm,
        of.rms_mm,
        of.percentile_95_mm,
        of.maximum_mm,
        of.compared * 100.0,
        of.area_mm2 / of.compared
    )
}

fn surface_of(text: &str) -> Result<SurfaceOf> {
    let (item, surface) = match text.split_once(':') {
        Some((item, surface)) => (item, Some(surface.to_owned())),
        None => (text, None),
    };
    ensure!(
        !item.is_empty(),
        "an item is given as its identifier or the beginning of it"
    );
    Ok(SurfaceOf {
        item: item.to_owned(),
        surface,
    })
}

fn landmark(text: &str) -> Result<Landmark> {
    let (a, b) = text
        .split_once('=')
        .context("a landmark is given as X,Y,Z=X,Y,Z: on A and on B")?;
    Ok(Landmark {
        a_mm: point(a)?,
        b_mm: point(b)?,
    })
}

fn point(text: &str) -> Result<DVec3> {
    let numbers = text
        .split(',')
        .map(|number| number.trim().parse::<f64>().ok().filter(|n| n.is_finite()))
        .collect::<Option<Vec<f64>>>();
    match numbers.as_deref() {
        Some(&[x, y, z]) => Ok(DVec3::new(x, y, z)),
        _ => anyhow::bail!("\"{text}\" is not three numbers with commas between them"),
    }
}

fn positive(text: &str) -> Result<f64> {
    let number: f64 = text.parse().with_context(|| format!("{text} is not a number"))?;
    ensure!(number > 0.0, "a reach is longer than 0 mm");
    Ok(number)
}
