//! Depth pictures in one folder, and single photographs with depth.
//!
//! The unit of depth is that of the description, or of the data set that the name tells of.

use super::{Capture, DepthEncoding, Finding, Layout, PRIMESENSE, open3d};
use crate::{CaptureError, NamedBytes};

pub(super) fn read(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Capture, CaptureError> {
    let conventions = open3d::conventions(layout, files)?;
    let camera = open3d::camera(layout, files)?;
    let mut findings = Vec::new();
    if camera.is_none() {
        findings.push(Finding::AssumedIntrinsics);
    }
    let named = |word: &str| {
        layout.frames.first().is_some_and(|frame| {
            let file = frame.depth.rsplit('/').next().unwrap_or_default();
            let mut words = file.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|w| w.eq_ignore_ascii_case(word))
        })
    };
    let stated = conventions.unit_mm.or_else(|| camera.and_then(|(_, unit)| unit));
    let encoding = match stated {
        Some(unit_mm) => DepthEncoding::Png {
            unit_mm,
            offset_mm: conventions.offset_mm(),
        },
        None if named("sun") => DepthEncoding::SunPng,
        None => {
            // TUM's data sets have 5000 units a meter.
            let unit_mm = if named("tum") { 0.2 } else { 1.0 };
            findings.push(Finding::AssumedDepthUnit { unit_mm });
            DepthEncoding::Png {
                unit_mm,
                offset_mm: 0.0,
            }
        }
    };
    let camera = camera.map_or(PRIMESENSE, |(camera, _)| camera);
    open3d::plan(layout, files, &conventions, camera, encoding, findings)
}
