//! Which unit a file without one is in.

use geometry::LengthUnit;
use serde::{Deserialize, Serialize};

/// Where the unit of a mesh comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnitSource {
    /// Whoever uploads said so.
    Given,
    /// The file or its format says so.
    Declared,
    /// The file says nothing; the size tells.
    Inferred,
}

/// Longest sides that things in a case have, mm: from a tooth to a tall person.
const PLAUSIBLE_MM: std::ops::RangeInclusive<f64> = 8.0..=2500.0;

/// Whether something with this longest side (mm) can be of a person.
pub(super) fn is_plausible(longest_mm: f64) -> bool {
    PLAUSIBLE_MM.contains(&longest_mm)
}

/// The unit in which a mesh with a longest side of `longest` numbers is most likely.
///
/// - From 30 on it is millimeters: an arch of teeth has 60, a face 200, a femur 450.
/// - From 2.5 to 30 it is centimeters: a face has 20, a mandible 12. A crown or an implant of less than 30 mm is taken
///   for something ten times its size: the finding says so.
/// - Below it is meters: a face has 0.2, a tall person 2.2.
///
/// Inches are never inferred, as no size tells them from centimeters.
pub fn infer_unit(longest: f64) -> LengthUnit {
    if longest >= 30.0 || !longest.is_finite() {
        LengthUnit::Millimeter
    } else if longest >= 2.5 {
        LengthUnit::Centimeter
    } else if longest > 0.0 {
        LengthUnit::Meter
    } else {
        LengthUnit::Millimeter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_bones_and_jaws_are_known_in_all_metric_units() {
        // Longest sides: face, mandible, arch of teeth, femur, whole head with neck.
        for longest_mm in [190.0, 120.0, 62.0, 452.0, 310.0] {
            for unit in [LengthUnit::Millimeter, LengthUnit::Meter] {
                assert_eq!(infer_unit(longest_mm / unit.mm()), unit, "{longest_mm} mm");
            }
        }
        for longest_mm in [190.0, 120.0, 62.0] {
            assert_eq!(infer_unit(longest_mm / 10.0), LengthUnit::Centimeter);
        }
    }

    #[test]
    fn thresholds_and_poison_are_decided() {
        for (longest, unit) in [
            (30.0, LengthUnit::Millimeter),
            (29.999, LengthUnit::Centimeter),
            (2.5, LengthUnit::Centimeter),
            (2.499, LengthUnit::Meter),
            (0.0, LengthUnit::Millimeter),
            (f64::INFINITY, LengthUnit::Millimeter),
            (f64::NAN, LengthUnit::Millimeter),
        ] {
            assert_eq!(infer_unit(longest), unit, "{longest}");
        }
    }
}
