//! Two stored surfaces, before and after: compared, and kept as an artifact of the first.

use catalog::Artifact;
use domain::{ArtifactKind, IngestId, ItemId};
use serde::Serialize;
use serde_json::{Value, json};
use surface::compare::{Comparison, Local, Options, Region, Registration, Start, Statistics};
use surface::{Model, Scalars};
use vault::ObjectId;

use crate::IngestError;
use crate::export::MeshFormat;
use crate::place::Place;
use crate::report::FindingReport;
use crate::steps::process;
use crate::steps::record::artifact;

/// A surface of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurfaceOf {
    /// The item: its identifier or the beginning of it.
    pub item: String,
    /// Which of its surfaces; its only one, or its skin, without a name.
    pub surface: Option<String>,
}

/// What came of a comparison: the object that `vitrine compare --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct ComparisonReport {
    /// The first surface, which the comparison belongs to.
    pub a: SideReport,
    /// The second surface.
    pub b: SideReport,
    /// How the first was laid onto the second.
    pub registration: RegistrationReport,
    /// Distances over all of the first surface, positive where the second lies outward of it.
    pub everywhere: Option<StatisticsReport>,
    /// Distances over the stable region, where one was given.
    pub stable: Option<StatisticsReport>,
    /// Distances over everything else, where a stable region was given.
    pub elsewhere: Option<StatisticsReport>,
    /// The volume between the surfaces.
    pub volume: VolumeReport,
    /// Where the surface has moved farthest, in the region of the volume.
    pub peak: Option<PeakReport>,
    /// What limits the trust in these numbers.
    pub findings: Vec<FindingReport>,
    /// The artifact that holds the distances.
    pub artifact: ComparisonArtifact,
}

/// One of the two surfaces.
#[derive(Clone, Debug, Serialize)]
pub struct SideReport {
    /// Its item.
    pub item: ItemId,
    /// What people call the item.
    pub name: String,
    /// The name of the surface.
    pub surface: String,
}

/// How the first surface was laid onto the second.
#[derive(Clone, Debug, Serialize)]
pub struct RegistrationReport {
    /// Takes points of the first surface to the second, mm; 4 x 4 by rows.
    pub b_from_a: [f64; 16],
    /// The region said not to have changed, in the space of the first surface.
    pub stable_region: String,
    /// Root mean square distance of what agrees, mm.
    pub residual_mm: f64,
    /// The share of the stable region that agrees, 0 to 1.
    pub agreeing: f64,
    /// How firmly the stable region holds the surfaces to each other, 0 to 1.
    pub firmness: f64,
    /// Root mean square distance of the landmarks, mm, where there were any.
    pub landmarks_mm: Option<f64>,
}

/// What distances come to, by area.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StatisticsReport {
    /// Mean, with sign, mm.
    pub mean_mm: f64,
    /// Mean without sign, mm.
    pub mean_absolute_mm: f64,
    /// Root mean square, mm.
    pub rms_mm: f64,
    /// What 95 % of the area stay within, mm.
    pub percentile_95_mm: f64,
    /// The largest, without sign, mm.
    pub maximum_mm: f64,
    /// The area that was compared, mm^2.
    pub area_mm2: f64,
    /// Its share of the area, 0 to 1.
    pub compared: f64,
}

/// The volume between the surfaces in a region.
#[derive(Clone, Debug, Serialize)]
pub struct VolumeReport {
    /// Where it was measured, in the space of the first surface.
    pub region: String,
    /// Inside of the second surface only, mm^3.
    pub added_mm3: f64,
    /// Inside of the first surface only, mm^3.
    pub removed_mm3: f64,
    /// Added less removed, mm^3.
    pub net_mm3: f64,
}

/// The place that has moved farthest.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PeakReport {
    /// Where, on the first surface, mm.
    pub at_mm: [f64; 3],
    /// How far it has moved outward, along the normal of the surface there, mm.
    pub moved_mm: f64,
    /// The normal, unit.
    pub normal: [f64; 3],
    /// How far vertices around stray from that, root mean square, mm.
    pub scatter_mm: f64,
    /// Mean distance to the nearest points around, mm.
    pub mean_mm: f64,
}

/// The artifact that holds the distances.
#[derive(Clone, Debug, Serialize)]
pub struct ComparisonArtifact {
    /// Its name among the comparisons of the item.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Triangles of the surface.
    pub triangles: usize,
}

/// A comparison that is done.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What came of it.
    pub report: ComparisonReport,
    /// The first surface with its distances.
    model: Model,
    details: Value,
}

/// Values of the artifact: mm, 0 where nothing was compared, and 1 where something was, else 0.
const DISTANCE: &str = "distance";
const COMPARED: &str = "compared";
/// Positions in the artifact are off by at most this, mm.
const TOLERANCE_MM: f64 = 0.01;
/// Below these shares the numbers speak of less than most of the surface.
const MOST: f64 = 0.5;
/// Landmarks farther off than this are not the same points, mm.
const LANDMARKS_MM: f64 = 5.0;

impl Place {
    /// Compares two surfaces and keeps the distances as an artifact of the first item, in place of an earlier
    /// comparison of the same surfaces.
    ///
    /// # Errors
    /// When an item or surface is missing, they cannot be compared, or something cannot be stored.
    pub fn compare(&self, a: &SurfaceOf, b: &SurfaceOf, options: &Options) -> Result<Compared, IngestError> {
        let (side_a, model_a) = self.side(a)?;
        let (side_b, model_b) = self.side(b)?;
        let compared = surface::compare::compare(&model_a.mesh, &model_b.mesh, options);
        let comparison = compared.map_err(|source| IngestError::Surface {
            name: format!("comparison of {} with {}", side_a.name, side_b.name),
            source,
        })?;
        let name = format!("{}-{}-{}", side_a.surface, side_b.item, side_b.surface);
        let model = model_of(&comparison);
        let mut report = report(side_a, side_b, &comparison, options);
        report.artifact.name.clone_from(&name);
        let details = json!(report);
        let bytes = artifact::mesh::encode_model(&model, &details, TOLERANCE_MM)?;
        report.artifact.bytes = bytes.len() as u64;
        self.keep(report.a.item, &name, &json!(report), &bytes)?;
        Ok(Compared {
            report,
            model,
            details,
        })
    }

    /// Stores the bytes of a comparison and makes them visible.
    fn keep(&self, item: ItemId, name: &str, details: &Value, bytes: &[u8]) -> Result<(), IngestError> {
        let run = IngestId::from_random(*ObjectId::random()?.as_bytes());
        self.wait(self.catalog.begin_ingest(run, &process::this()))?;
        let kept = self.reserve_exactly(run, 1).and_then(|ids| {
            let id = ids.into_iter().next();
            let id = id.ok_or_else(|| IngestError::Broken("no name for an object".to_owned()))?;
            let object = self.put(id, bytes)?;
            self.wait(self.vault.sync())?;
            let kind = ArtifactKind::Comparison;
            let new = artifact(kind, name, details.clone(), vec![("glb", object)])?;
            Ok(self.wait(self.catalog.put_artifact(run, item, &new))?)
        });
        self.wait(self.catalog.finish_ingest(run))?;
        // What this replaced goes now, or what it stored in vain.
        self.sweep()?;
        kept
    }

    pub(crate) fn side(&self, wanted: &SurfaceOf) -> Result<(SideReport, Model), IngestError> {
        let item = self.item(&wanted.item)?;
        let artifacts = self.artifacts(item.id)?;
        let names: Vec<&str> = artifacts
            .iter()
            .filter(|a| a.kind == ArtifactKind::Surface)
            .map(|a| a.name.as_str())
            .collect();
        let name = match (&wanted.surface, names.as_slice()) {
            (Some(name), _) => name.clone(),
            (None, [only]) => (*only).to_owned(),
            (None, []) => {
                return Err(IngestError::Missing(format!("{} has no surface", item.name)));
            }
            (None, several) if several.contains(&"skin") => "skin".to_owned(),
            (None, several) => {
                return Err(IngestError::Missing(format!(
                    "{} has several surfaces: {}; name one as {}:NAME",
                    item.name,
                    several.join(", "),
                    wanted.item
                )));
            }
        };
        let (model, _) = self.surface(item.id, &name)?;
        let side = SideReport {
            item: item.id,
            name: item.name,
            surface: name,
        };
        Ok((side, model))
    }

    /// A comparison of an item, by name or the last by name.
    pub(crate) fn comparison(&self, item: ItemId, name: Option<&str>) -> Result<Model, IngestError> {
        let artifacts = self.artifacts(item)?;
        let mut found = artifacts
            .iter()
            .filter(|a| a.kind == ArtifactKind::Comparison && name.is_none_or(|name| a.name == name));
        let object = found.next_back().and_then(|a: &Artifact| a.object("glb"));
        let object = object
            .ok_or_else(|| IngestError::Missing("the item has not been compared like this".to_owned()))?;
        Ok(artifact::mesh::read_model(&self.read(object)?)?.0)
    }
}

impl Compared {
    /// Writes the first surface with its distances.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write(&self, format: MeshFormat, out: &mut dyn std::io::Write) -> Result<(), IngestError> {
        format.write(&self.model, &self.details, out)
    }
}

/// The first surface with its distances as values of its vertices.
fn model_of(comparison: &Comparison) -> Model {
    let mm = &comparison.distances.mm;
    let finite = |mm: &f32| if mm.is_finite() { *mm } else { 0.0 };
    let flag = |mm: &f32| f32::from(u8::from(mm.is_finite()));
    Model {
        scalars: vec![
            Scalars {
                name: DISTANCE.to_owned(),
                unit: "mm".to_owned(),
                values: mm.iter().map(finite).collect(),
            },
            Scalars {
                name: COMPARED.to_owned(),
                unit: String::new(),
                values: mm.iter().map(flag).collect(),
            },
        ],
        ..Model::from(comparison.refined.mesh.clone())
    }
}

/// The distance of each vertex, mm; NaN where nothing was compared.
pub(crate) fn measured(model: &Model) -> Vec<f32> {
    let values = |name: &str| {
        model
            .scalars
            .iter()
            .find(|s| s.name == name)
            .map_or(&[][..], |s| s.values.as_slice())
    };
    let (mm, compared) = (values(DISTANCE), values(COMPARED));
    let of = |vertex: usize| match (mm.get(vertex), compared.get(vertex)) {
        (Some(mm), Some(compared)) if *compared >= 0.5 => *mm,
        _ => f32::NAN,
    };
    (0..model.mesh.positions_mm.len()).map(of).collect()
}

fn report(a: SideReport, b: SideReport, comparison: &Comparison, options: &Options) -> ComparisonReport {
    let Registration {
        residual_mm,
        agreeing,
        firmness,
        landmarks_mm,
        ..
    } = comparison.registration;
    ComparisonReport {
        a,
        b,
        registration: RegistrationReport {
            b_from_a: comparison.registration.b_from_a_rows(),
            stable_region: options.stable.to_string(),
            residual_mm,
            agreeing,
            firmness,
            landmarks_mm,
        },
        everywhere: comparison.everywhere.map(Into::into),
        stable: comparison.stable.map(Into::into),
        elsewhere: comparison.elsewhere.map(Into::into),
        volume: VolumeReport {
            region: comparison.inside.to_string(),
            added_mm3: comparison.between.added_mm3,
            removed_mm3: comparison.between.removed_mm3,
            net_mm3: comparison.between.net_mm3(),
        },
        peak: comparison.peak.map(Into::into),
        findings: findings(comparison, options),
        artifact: ComparisonArtifact {
            name: String::new(),
            bytes: 0,
            triangles: comparison.refined.mesh.triangles.len(),
        },
    }
}

impl From<Statistics> for StatisticsReport {
    fn from(from: Statistics) -> Self {
        let Statistics {
            mean_mm,
            mean_absolute_mm,
            rms_mm,
            percentile_95_mm,
            maximum_mm,
            area_mm2,
            compared,
        } = from;
        Self {
            mean_mm,
            mean_absolute_mm,
            rms_mm,
            percentile_95_mm,
            maximum_mm,
            area_mm2,
            compared,
        }
    }
}

impl From<Local> for PeakReport {
    fn from(from: Local) -> Self {
        Self {
            at_mm: from.at_mm.to_array(),
            moved_mm: from.moved_mm,
            normal: from.normal.to_array(),
            scatter_mm: from.scatter_mm,
            mean_mm: from.mean_mm,
        }
    }
}

/// What limits the trust in the numbers of a comparison.
fn findings(comparison: &Comparison, options: &Options) -> Vec<FindingReport> {
    use volume::{Note, Severity};
    let mut notes = Vec::new();
    let mut note = |code: &str, severity, message: String, values: &[(&str, f64)]| {
        notes.push(Note {
            code: code.to_owned(),
            severity,
            message,
            values: values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
        });
    };
    let registration = &comparison.registration;
    if registration.firmness < Registration::LOOSE {
        note(
            "loose_registration",
            Severity::Danger,
            "the stable region leaves the surfaces free to slide or turn: the distances may lack a part of the \
             motion"
                .to_owned(),
            &[("firmness", registration.firmness)],
        );
    }
    if registration.agreeing < MOST {
        note(
            "little_agreement",
            Severity::Danger,
            format!(
                "only {:.0} % of the stable region agree: the surfaces may be laid onto each other wrongly",
                registration.agreeing * 100.0
            ),
            &[("agreeing", registration.agreeing)],
        );
    }
    if let Some(off_mm) = registration.landmarks_mm.filter(|off| *off > LANDMARKS_MM) {
        note(
            "landmarks_off",
            Severity::Caution,
            format!("the landmarks are {off_mm:.1} mm apart after the registration"),
            &[("landmarks_mm", off_mm)],
        );
    }
    if options.stable == Region::Everything && !matches!(options.start, Start::Given(_)) {
        note(
            "stable_unknown",
            Severity::Info,
            "no stable region was given: what agrees among most of the surface is taken as unchanged"
                .to_owned(),
            &[],
        );
    }
    let compared = comparison.everywhere.map_or(0.0, |all| all.compared);
    if compared < MOST {
        note(
            "little_compared",
            Severity::Caution,
            format!(
                "{:.0} % of the first surface were compared; the rest has no counterpart on the second",
                compared * 100.0
            ),
            &[("compared", compared)],
        );
    }
    notes.iter().map(FindingReport::from).collect()
}
