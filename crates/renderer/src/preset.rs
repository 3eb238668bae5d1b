//! Transfer functions by the names that the field knows, kept as data in `assets/presets/transfer.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::{ControlPoint, Projection, TransferFunction};

/// A named transfer function.
#[derive(Clone, Debug, Deserialize)]
pub struct Preset {
    /// The modality it is made for, such as `CT`.
    pub modality: String,
    /// Values are fractions of the data's own range rather than values with a unit.
    #[serde(default)]
    relative: bool,
    /// What a ray makes of the values that it meets.
    #[serde(default)]
    pub projection: Projection,
    points: Vec<ControlPoint>,
}

static PRESETS: LazyLock<BTreeMap<String, Preset>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../assets/presets/transfer.json"))
        .expect("a test reads every preset")
});

/// The preset called `name`, such as `CT-Bone`.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.get(name)
}

/// The names of all presets, in order.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    PRESETS.keys().map(String::as_str)
}

impl Preset {
    /// The transfer function over data whose meaningful values run from `range.0` to `range.1` (a relative preset
    /// is stretched over that range, others keep their values).
    pub fn transfer(&self, range: (f64, f64)) -> TransferFunction {
        let (low, high) = if range.1 > range.0 {
            range
        } else {
            (range.0, range.0 + 1.0)
        };
        let place = |value: f64| {
            if self.relative {
                low + value * (high - low)
            } else {
                value
            }
        };
        let points = self
            .points
            .iter()
            .map(|p| ControlPoint {
                value: place(p.value),
                ..*p
            })
            .collect();
        TransferFunction::new(points).expect("a test checks the points of every preset")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_makes_a_transfer_function() {
        for name in [
            "CT-AAA",
            "CT-Bone",
            "CT-Bones",
            "CT-Lung",
            "CT-Soft-Tissue",
            "CT-Skin",
            "CT-Muscle",
            "CT-Fat",
            "CT-Air",
            "CT-MIP",
            "CT-Cardiac",
            "CT-Chest-Contrast-Enhanced",
            "CT-Chest-Vessels",
            "CT-Coronary-Arteries",
            "CT-Liver-Vasculature",
            "CT-Pulmonary-Arteries",
            "MR-Default",
            "MR-Angio",
            "MR-MIP",
            "MR-T2-Brain",
            "US-Fetal",
        ] {
            assert!(preset(name).is_some(), "{name}");
        }
        assert_eq!(preset("CT-MIP").unwrap().projection, Projection::Maximum);
        assert_eq!(preset("CT-Bone").unwrap().projection, Projection::Composite);
        for name in preset_names() {
            let points = preset(name).unwrap().transfer((-5.0, 995.0)).points().to_vec();
            assert!(points.len() > 1, "{name}");
        }
        assert!(preset("CT-Nothing").is_none());
    }

    #[test]
    fn a_relative_preset_spans_the_data() {
        let points = preset("MR-Default")
            .unwrap()
            .transfer((-5.0, 995.0))
            .points()
            .to_vec();
        assert_eq!((points[0].value, points[points.len() - 1].value), (-5.0, 995.0));
        let flat = preset("MR-Default")
            .unwrap()
            .transfer((7.0, 7.0))
            .points()
            .to_vec();
        assert!(flat[0].value < flat[1].value);
    }
}
