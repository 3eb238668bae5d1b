//! What repair found and did.

use std::fmt;

use geometry::LengthUnit;
use serde::{Deserialize, Serialize};

use super::unit::{UnitSource, infer_unit, is_plausible};

/// The unit that a file's numbers were taken to be in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitChoice {
    /// The unit.
    pub unit: LengthUnit,
    /// Where it comes from.
    pub source: UnitSource,
    /// Longest side of the mesh's box in the file's numbers.
    pub longest: f64,
}

impl UnitChoice {
    /// The unit given, else the one declared, else the one that fits a longest side of `longest` numbers.
    pub fn choose(given: Option<LengthUnit>, declared: Option<LengthUnit>, longest: f64) -> Self {
        let (unit, source) = match (given, declared) {
            (Some(unit), _) => (unit, UnitSource::Given),
            (None, Some(unit)) => (unit, UnitSource::Declared),
            (None, None) => (infer_unit(longest), UnitSource::Inferred),
        };
        Self {
            unit,
            source,
            longest,
        }
    }

    /// Longest side of the mesh's box, mm.
    pub fn longest_mm(&self) -> f64 {
        self.longest * self.unit.mm()
    }

    /// Other units in which the size could be that of something of a person.
    pub fn alternatives(&self) -> Vec<LengthUnit> {
        let others = LengthUnit::ALL.into_iter().filter(|unit| *unit != self.unit);
        others
            .filter(|unit| is_plausible(self.longest * unit.mm()))
            .collect()
    }
}

impl Default for UnitChoice {
    fn default() -> Self {
        Self::choose(None, None, 0.0)
    }
}

/// What repair found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RepairReport {
    /// Vertices of the file as read.
    pub vertices_read: u64,
    /// Triangles of the file as read.
    pub triangles_read: u64,
    /// Vertices with a coordinate that is not finite.
    pub vertices_undefined: u64,
    /// Triangles dropped with them.
    pub triangles_undefined: u64,
    /// Different places of vertices as read: what is left when those at one place are one.
    pub points: u64,
    /// Vertices that went: the same as others, undefined, or not used by a triangle.
    pub vertices_dropped: u64,
    /// Triangles dropped because two of their corners are one.
    pub degenerate: u64,
    /// Triangles dropped because another has the same three corners, whichever way round.
    pub duplicates: u64,
    /// Triangles kept that have no area though their corners differ.
    pub flat: u64,
    /// Triangles turned over.
    pub turned: u64,
    /// Vertices of the repaired surface; those on seams of a texture count once for each side.
    pub vertices: u64,
    /// Triangles of the repaired surface.
    pub triangles: u64,
    /// Pieces whose triangles hang together by edges.
    pub components: u64,
    /// Pieces without holes and flaws.
    pub closed_components: u64,
    /// Borders. An open surface such as a face has one at the least; borders that touch count as one.
    pub holes: u64,
    /// Edges with one triangle.
    pub boundary_edges: u64,
    /// Edges with three triangles or more.
    pub non_manifold_edges: u64,
    /// Edges whose triangles cannot agree about the outside, however they are turned.
    pub one_sided_edges: u64,
    /// The unit of the file.
    pub unit: UnitChoice,
    /// `[x, y, z]`, mm: what was taken off all positions of a file that lies far from its origin; else zero.
    pub origin: [f64; 3],
}

impl RepairReport {
    /// Whether every edge has two triangles that agree about the outside.
    pub fn is_watertight(&self) -> bool {
        self.boundary_edges == 0 && self.non_manifold_edges == 0 && self.one_sided_edges == 0
    }

    /// What a person should know, most important first.
    pub fn findings(&self) -> Vec<RepairFinding> {
        let mut findings = Vec::new();
        let longest_mm = self.unit.longest_mm();
        let unit = self.unit.unit;
        if self.vertices > 0 {
            if self.unit.source == UnitSource::Inferred {
                findings.push(RepairFinding::UnitInferred {
                    unit,
                    longest_mm,
                    alternatives: self.unit.alternatives(),
                });
            }
            if !is_plausible(longest_mm) {
                findings.push(RepairFinding::SizeImplausible { unit, longest_mm });
            }
        }
        let counted = [
            (
                self.vertices_undefined,
                RepairFinding::Undefined {
                    vertices: self.vertices_undefined,
                    triangles: self.triangles_undefined,
                },
            ),
            (
                self.one_sided_edges,
                RepairFinding::OneSided {
                    edges: self.one_sided_edges,
                },
            ),
            (
                self.non_manifold_edges,
                RepairFinding::NonManifold {
                    edges: self.non_manifold_edges,
                },
            ),
            (
                self.holes,
                RepairFinding::Holes {
                    holes: self.holes,
                    edges: self.boundary_edges,
                },
            ),
            (
                self.components.saturating_sub(1),
                RepairFinding::Pieces {
                    pieces: self.components,
                },
            ),
            (
                self.degenerate,
                RepairFinding::Degenerate {
                    triangles: self.degenerate,
                },
            ),
            (
                self.duplicates,
                RepairFinding::Duplicates {
                    triangles: self.duplicates,
                },
            ),
            (
                self.turned,
                RepairFinding::Turned {
                    triangles: self.turned,
                },
            ),
            (self.flat, RepairFinding::Flat { triangles: self.flat }),
        ];
        findings.extend(
            counted
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(_, finding)| finding),
        );
        if self.origin != [0.0; 3] {
            findings.push(RepairFinding::Moved {
                origin_mm: self.origin,
            });
        }
        findings
    }
}

/// Something about a repaired mesh that its reader should know. `Display` gives a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RepairFinding {
    /// The file gives no unit; its size told.
    UnitInferred {
        /// The unit taken.
        unit: LengthUnit,
        /// Longest side in it, mm.
        longest_mm: f64,
        /// Other units that would be possible.
        alternatives: Vec<LengthUnit>,
    },
    /// Nothing of a person is so small or so large.
    SizeImplausible {
        /// The unit taken.
        unit: LengthUnit,
        /// Longest side in it, mm.
        longest_mm: f64,
    },
    /// Vertices had coordinates that are no numbers.
    Undefined {
        /// How many.
        vertices: u64,
        /// Triangles that went with them.
        triangles: u64,
    },
    /// The surface has one side only.
    OneSided {
        /// Edges whose triangles do not agree.
        edges: u64,
    },
    /// More than two triangles meet at an edge.
    NonManifold {
        /// How many edges.
        edges: u64,
    },
    /// The surface is open.
    Holes {
        /// Borders.
        holes: u64,
        /// Edges along them.
        edges: u64,
    },
    /// The surface has several pieces.
    Pieces {
        /// How many.
        pieces: u64,
    },
    /// Triangles with two corners at one place were dropped.
    Degenerate {
        /// How many.
        triangles: u64,
    },
    /// Triangles that were there twice were dropped.
    Duplicates {
        /// How many.
        triangles: u64,
    },
    /// Triangles looked inward and were turned.
    Turned {
        /// How many.
        triangles: u64,
    },
    /// Triangles have no area.
    Flat {
        /// How many.
        triangles: u64,
    },
    /// Positions are relative to a point far from the file's origin.
    Moved {
        /// `[x, y, z]`, mm.
        origin_mm: [f64; 3],
    },
}

impl fmt::Display for RepairFinding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnitInferred {
                unit,
                longest_mm,
                alternatives,
            } => {
                write!(
                    out,
                    "The file gives no unit; by its size it is in {unit}, {longest_mm:.0} mm long."
                )?;
                let factor = unit.mm();
                let others: Vec<String> = alternatives
                    .iter()
                    .map(|other| format!("{:.0} mm if in {other}", longest_mm / factor * other.mm()))
                    .collect();
                if others.is_empty() {
                    Ok(())
                } else {
                    write!(out, " It would be {}.", others.join(", "))
                }
            }
            Self::SizeImplausible { unit, longest_mm } => write!(
                out,
                "In {unit} the model is {longest_mm} mm long, which nothing of a person is."
            ),
            Self::Undefined { vertices, triangles } => write!(
                out,
                "{vertices} vertices without a position were dropped, with {triangles} triangles."
            ),
            Self::OneSided { edges } => {
                write!(
                    out,
                    "The surface has no outside: at {edges} edges its triangles cannot agree."
                )
            }
            Self::NonManifold { edges } => write!(out, "More than two triangles meet at {edges} edges."),
            Self::Holes { holes, edges } => {
                write!(out, "The surface is open: {holes} borders of {edges} edges.")
            }
            Self::Pieces { pieces } => write!(out, "The surface has {pieces} separate pieces."),
            Self::Degenerate { triangles } => {
                write!(
                    out,
                    "{triangles} triangles with two corners at one place were dropped."
                )
            }
            Self::Duplicates { triangles } => {
                write!(out, "{triangles} triangles that were there twice were dropped.")
            }
            Self::Turned { triangles } => write!(out, "{triangles} triangles looked inward and were turned."),
            Self::Flat { triangles } => write!(out, "{triangles} triangles have no area; they were kept."),
            Self::Moved { origin_mm: [x, y, z] } => write!(
                out,
                "The file lies far from its origin: positions are relative to ({x:.1}, {y:.1}, {z:.1}) mm."
            ),
        }
    }
}
