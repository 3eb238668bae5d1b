//! A real head against the surface volumes that InVesalius found in it.

use std::path::PathBuf;

use geometry::{DVec3, GridGeometry};
use surface::{Closing, IslandRule, Reduction, SurfacePlan};

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("VITRINE_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = shared.join("ct-head-cranium");
    folder.is_dir().then_some(folder)
}

/// The text of a decimal string element with an explicit length, found by its tag and type.
fn decimals(file: &[u8], tag: [u8; 6]) -> Vec<f64> {
    let at = file.windows(6).position(|w| w == tag).unwrap();
    let length = usize::from(u16::from_le_bytes([file[at + 6], file[at + 7]]));
    let text = std::str::from_utf8(&file[at + 8..at + 8 + length]).unwrap();
    text.split('\\')
        .map(|part| part.trim().parse().unwrap())
        .collect()
}

/// `[slice][row][column]`, HU, from head to foot or the other way round: by position, which is all that volumes need.
fn read() -> Option<Vec<i16>> {
    let mut slices: Vec<(f64, Vec<i16>)> = Vec::new();
    for entry in std::fs::read_dir(folder()?).ok()? {
        let path = entry.ok()?.path();
        if path.extension().is_some_and(|e| e == "dcm") {
            let file = std::fs::read(path).ok()?;
            let position = decimals(&file, [0x20, 0, 0x32, 0, b'D', b'S']);
            let start = file
                .windows(6)
                .rposition(|w| w == [0xE0, 0x7F, 0x10, 0, b'O', b'W'])?
                + 12;
            let pixels = file[start..start + 256 * 256 * 2].as_chunks::<2>().0;
            slices.push((
                position[2],
                pixels.iter().map(|b| i16::from_le_bytes(*b)).collect(),
            ));
        }
    }
    slices.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(slices.into_iter().flat_map(|slice| slice.1).collect())
}

#[test]
fn bone_and_skin_have_the_volumes_that_invesalius_measured() {
    let Some(samples) = read() else {
        println!("skipped: no ct-head-cranium in the test data");
        return;
    };
    let grid =
        GridGeometry::axis_aligned([256, 256, 108], [0.957_031_2, 0.957_031_2, 1.5], DVec3::ZERO).unwrap();
    assert_eq!(samples.len() as u64, grid.len());
    assert_eq!(
        samples.iter().filter(|v| (226..=3071).contains(*v)).count(),
        475_759
    );
    for (threshold, expected_mm3) in [(226.0, 657_705.6), (-142.0, 3_161_711.5)] {
        let mut plan = SurfacePlan {
            grid,
            threshold,
            closing: Closing::Closed,
            islands: IslandRule::KEEP_ALL,
            reduction: None,
        };
        let full = plan.surface(&samples).unwrap().mesh.measure();
        println!("at {threshold}: {full:?}");
        assert!(full.is_watertight());
        let off = (full.volume_mm3 - expected_mm3).abs() / expected_mm3;
        assert!(off < 0.02, "{} mm^3 instead of {expected_mm3}", full.volume_mm3);
        plan.reduction = Some(Reduction {
            share: 0.1,
            max_error_mm: 0.5,
        });
        let reduced = plan.surface(&samples).unwrap();
        let measures = reduced.mesh.measure();
        println!("reduced by {} mm: {measures:?}", reduced.error_mm);
        assert!(measures.is_watertight());
        assert_eq!(measures.components, full.components);
        assert!((measures.volume_mm3 - full.volume_mm3).abs() < 0.01 * full.volume_mm3);
    }
}
