use geometry::DAffine3;
use volume::{Unit, Volume, resample};

use super::*;

/// A grid with three levels; no two axes alike.
fn layout() -> PyramidLayout {
    let grid =
        GridGeometry::axis_aligned([150, 90, 1], [0.5, 0.75, 2.0], DVec3::new(3.0, -7.0, 11.0)).unwrap();
    PyramidLayout::new(grid)
}

fn deep_layout() -> PyramidLayout {
    let grid =
        GridGeometry::axis_aligned([131, 70, 66], [0.5, 0.75, 2.0], DVec3::new(3.0, -7.0, 11.0)).unwrap();
    PyramidLayout::new(grid)
}

/// A value that differs everywhere, on one level.
fn filled(grid: &GridGeometry, seed: u32) -> Vec<i16> {
    (0..grid.len() as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 18) as i16)
        .collect()
}

fn streaming(layout: &PyramidLayout, budget: u64) -> ResidentVolume {
    ResidentVolume::streaming(layout, SampleType::I16, Rescale::IDENTITY, budget).unwrap()
}

fn brick(layout: &PyramidLayout, key: BrickKey, level: &[i16]) -> Samples {
    let dims = layout.grid(key.level).unwrap().dims().map(i64::from);
    let start = layout.core_start(key).map(i64::from);
    let core = layout.core(key).unwrap().map(i64::from);
    let along =
        |axis: usize| (start[axis] - 1..=start[axis] + core[axis]).map(move |i| i.clamp(0, dims[axis] - 1));
    let mut samples = Vec::new();
    for z in along(2) {
        for y in along(1) {
            for x in along(0) {
                samples.push(level[((z * dims[1] + y) * dims[0] + x) as usize]);
            }
        }
    }
    Samples::I16(samples)
}

#[test]
fn the_finest_level_that_fits_is_held() {
    let layout = layout();
    assert_eq!(streaming(&layout, 1 << 20).level(), 0);
    assert_eq!(streaming(&layout, 20_000).level(), 1);
    let refused = ResidentVolume::streaming(&layout, SampleType::I16, Rescale::IDENTITY, 100);
    assert!(matches!(refused, Err(ResidentError::Budget { needed, budget: 100 }) if needed > 38 * 23));
}

#[test]
fn a_coarse_level_fills_all_as_resampling_does() {
    for layout in [layout(), deep_layout()] {
        let mut held = streaming(&layout, 1 << 30);
        assert!(held.is_empty() && held.stored_at([0, 0, 0]).is_none());
        let level = layout.levels().len() as u32 - 1;
        let coarse = filled(layout.grid(level).unwrap(), 5);
        held.put_level(level, &Samples::I16(coarse.clone())).unwrap();
        assert!(!held.is_empty() && !held.is_complete());
        assert_eq!(held.resident_fraction(), 0.0);
        assert_eq!(held.level_at([1, 0, 0]), Some(level));
        let coarse = Volume::new(*layout.grid(level).unwrap(), Rescale::IDENTITY, coarse).unwrap();
        let expected = resample(&coarse, *layout.finest(), i16::MIN);
        // Halves may be rounded either way.
        let off = i16::of_samples(held.samples())
            .unwrap()
            .iter()
            .zip(expected.samples())
            .map(|(ours, theirs)| ours.abs_diff(*theirs));
        assert!(off.max().unwrap() <= 1);
    }
}

#[test]
fn bricks_replace_what_is_coarser_and_nothing_finer() {
    let layout = deep_layout();
    let levels: Vec<Vec<i16>> = layout
        .levels()
        .iter()
        .enumerate()
        .map(|(i, grid)| filled(grid, 77 * i as u32))
        .collect();
    let mut held = streaming(&layout, 1 << 30);
    let early = held.put_brick(
        BrickKey {
            level: 0,
            x: 0,
            y: 0,
            z: 0,
        },
        &brick(
            &layout,
            BrickKey {
                level: 0,
                x: 0,
                y: 0,
                z: 0,
            },
            &levels[0],
        ),
    );
    assert_eq!(early, Err(ResidentError::NothingToRefine));
    held.put_level(2, &Samples::I16(levels[2].clone())).unwrap();
    let first = held.revision();
    let fine = BrickKey {
        level: 0,
        x: 1,
        y: 0,
        z: 1,
    };
    held.put_brick(fine, &brick(&layout, fine, &levels[0])).unwrap();
    let [nx, ny, nz] = held.grid().dims();
    let at = |x: u32, y: u32, z: u32| f64::from(levels[0][((z * ny + y) * nx + x) as usize]);
    assert_eq!(held.stored_at([64, 63, 65]), Some(at(64, 63, 65)));
    assert_eq!(
        held.changed_since(first),
        [SampleBox {
            start: [64, 0, 64],
            end: [128, 64, 66]
        }]
    );
    // A brick of level 1 goes around it, and a whole level after it changes nothing there.
    for key in layout.bricks(1) {
        held.put_brick(key, &brick(&layout, key, &levels[1])).unwrap();
    }
    held.put_level(2, &Samples::I16(levels[2].clone())).unwrap();
    assert_eq!(held.stored_at([64, 63, 65]), Some(at(64, 63, 65)));
    assert_eq!(held.level_at([0, 0, 0]), Some(1));
    let middle = Volume::new(layout.levels()[1], Rescale::IDENTITY, levels[1].clone()).unwrap();
    let expected = resample(&middle, *layout.finest(), 0);
    for p in [[0, 0, 0], [63, 63, 63], [130, 69, 65], [128, 20, 40]] {
        assert_eq!(held.stored_at(p), expected.get(p).map(f64::from), "{p:?}");
    }
    for key in layout.bricks(0) {
        held.put_brick(key, &brick(&layout, key, &levels[0])).unwrap();
    }
    assert!(held.is_complete());
    assert_eq!(held.resident_fraction(), 1.0);
    assert_eq!(held.samples(), &Samples::I16(levels[0].clone()));
    assert_eq!(held.stored_at([nx, 0, 0]), None);
    assert_eq!(
        held.stored_at([nx - 1, ny - 1, nz - 1]),
        Some(at(nx - 1, ny - 1, nz - 1))
    );
    // The ranges of blocks are those of a volume that was there at once.
    let dense = ResidentVolume::dense(
        *layout.finest(),
        Samples::I16(levels[0].clone()),
        Rescale::IDENTITY,
    )
    .unwrap();
    assert!(held.blocks().iter().eq(dense.blocks().iter()));
    assert_ne!(held.id(), dense.id());
    assert_eq!(held.changed_since(held.revision()), []);
    assert_eq!(dense.changed_since(0), []);
}

#[test]
fn ranges_hold_what_interpolation_meets() {
    let grid = GridGeometry::axis_aligned([19, 10, 9], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
    let samples = filled(&grid, 9);
    let volume = ResidentVolume::dense(grid, Samples::I16(samples.clone()), Rescale::IDENTITY).unwrap();
    let counts = volume.blocks().counts();
    assert_eq!(counts, [3, 2, 2]);
    for (index, [low, high]) in volume.blocks().iter().enumerate() {
        let block = [index % 3, index / 3 % 2, index / 6];
        let inside = |axis: usize, at: usize| (block[axis] * 8..=block[axis] * 8 + 8).contains(&at);
        let all = samples
            .iter()
            .enumerate()
            .filter(|(i, _)| inside(0, i % 19) && inside(1, i / 19 % 10) && inside(2, i / 190));
        let values: Vec<i16> = all.map(|(_, &v)| v).collect();
        assert_eq!(low, f32::from(*values.iter().min().unwrap()));
        assert_eq!(high, f32::from(*values.iter().max().unwrap()));
    }
}

#[test]
fn ranges_leave_nan_out_and_round_outward() {
    let grid = GridGeometry::axis_aligned([9, 1, 2], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
    let mut samples = vec![f32::NAN; 18];
    samples[8] = 3.0;
    samples[17] = f32::NEG_INFINITY;
    let volume = ResidentVolume::dense(grid, Samples::F32(samples), Rescale::IDENTITY).unwrap();
    assert_eq!(volume.blocks().len(), 2);
    let [first, second] = [0, 1].map(|block| volume.blocks().at(block));
    assert_eq!(first[0], f32::NEG_INFINITY);
    assert!(first[1] >= 3.0 && second[1] >= 3.0);
    let empty = ResidentVolume::dense(grid, Samples::F32(vec![f32::NAN; 18]), Rescale::IDENTITY).unwrap();
    assert!(empty.blocks().iter().all(|[low, high]| low > high));
    for samples in [
        Samples::U8([0, 255].repeat(9)),
        Samples::I16([i16::MIN, i16::MAX].repeat(9)),
        Samples::U16([0, u16::MAX].repeat(9)),
    ] {
        let held = [0, 1].map(|at| with_samples!(&samples, samples => samples[at].to_f32()));
        let narrow = ResidentVolume::dense(grid, samples, Rescale::IDENTITY).unwrap();
        assert!(narrow.blocks().iter().all(|range| range == held), "{held:?}");
    }
    let none = ResidentVolume::at_level(&layout(), 0, SampleType::U16, Rescale::IDENTITY).unwrap();
    assert!(none.blocks().iter().all(|[low, high]| low > high));
    let wide = Samples::I32([16_777_217, -16_777_217].repeat(9));
    let wide = ResidentVolume::dense(grid, wide, Rescale::IDENTITY).unwrap();
    let [low, high] = wide.blocks().at(0).map(f64::from);
    assert!(low <= -16_777_217.0 && high >= 16_777_217.0);
}

#[test]
fn values_are_read_between_samples() {
    let matrix = DAffine3::from_cols(
        DVec3::new(0.5, 0.1, 0.0),
        DVec3::new(-0.1, 0.7, 0.2),
        DVec3::new(0.0, -0.3, 2.5),
        DVec3::new(5.0, 6.0, 7.0),
    );
    let grid = GridGeometry::new([4, 3, 2], matrix).unwrap();
    let samples = (0..24)
        .map(|i| (i % 4 + 10 * (i / 4 % 3) + 100 * (i / 12)) as u16)
        .collect();
    let rescale = Rescale {
        slope: 2.0,
        intercept: -5.0,
        unit: Unit::Hu,
    };
    let volume = ResidentVolume::dense(grid, Samples::U16(samples), rescale).unwrap();
    let p = grid
        .patient_from_voxel()
        .transform_point3(DVec3::new(1.25, 0.5, 0.75));
    assert!((volume.value_at_mm(p).unwrap() - (2.0 * 81.25 - 5.0)).abs() < 1e-9);
    assert_eq!(volume.stored_at_voxel(DVec3::new(-0.51, 0.0, 0.0)), None);
    assert_eq!(volume.value_at_mm(DVec3::NAN), None);
}

#[test]
fn what_does_not_fit_is_refused() {
    let layout = layout();
    let mut held = streaming(&layout, 20_000);
    let wrong = held.put_level(1, &Samples::I16(vec![0; 3]));
    assert!(matches!(wrong, Err(ResidentError::WrongLength { actual: 3, .. })));
    let wrong = held.put_level(1, &Samples::U8(vec![0; 75 * 45]));
    assert!(matches!(wrong, Err(ResidentError::WrongType { .. })));
    let wrong = held.put_level(0, &Samples::I16(vec![0; 150 * 90]));
    assert_eq!(wrong, Err(ResidentError::TooFine { level: 0, held: 1 }));
    let wrong = held.put_level(9, &Samples::I16(vec![0; 1]));
    assert_eq!(wrong, Err(ResidentError::NoSuchPlace { level: 9 }));
    assert_eq!(held.revision(), 0);
}

#[test]
fn only_what_is_there_in_its_own_level_is_exact() {
    let layout = deep_layout();
    let levels: Vec<Vec<i16>> = (0..3)
        .map(|level| filled(&layout.levels()[level], level as u32))
        .collect();
    let mut held = streaming(&layout, 1 << 30);
    let everywhere = SampleBox::all(held.grid().dims());
    assert_eq!(held.coarsest_in(everywhere), None);
    held.put_level(2, &Samples::I16(levels[2].clone())).unwrap();
    let key = BrickKey {
        level: 0,
        x: 0,
        y: 0,
        z: 0,
    };
    held.put_brick(key, &brick(&layout, key, &levels[0])).unwrap();
    let place = |start: [u32; 3], end: [u32; 3]| SampleBox { start, end };
    assert_eq!(held.coarsest_in(everywhere), Some(2));
    assert_eq!(held.coarsest_in(place([0; 3], [64, 64, 64])), Some(0));
    assert_eq!(held.coarsest_in(place([63, 3, 5], [65, 4, 6])), Some(2));
    assert_eq!(held.coarsest_in(place([0; 3], [200, 1, 1])), None);
    let grid = *held.grid();
    let told =
        |p: [f64; 3]| held.exact_at_mm(grid.patient_from_voxel().transform_point3(DVec3::from_array(p)));
    let stored = f64::from(levels[0][(7 * 70 + 5) * 131 + 63]);
    assert!((told([63.0, 5.0, 7.0]).unwrap() - stored).abs() < 1e-3);
    assert!(told([-0.4, 5.0, 7.0]).is_some(), "half a voxel beyond the border");
    for not_there in [
        [63.4, 5.0, 7.0],
        [64.0, 5.0, 7.0],
        [5.0, 63.1, 7.0],
        [-0.6, 5.0, 7.0],
        [f64::NAN; 3],
    ] {
        assert_eq!(told(not_there), None, "{not_there:?}");
    }
}

#[test]
fn what_grows_is_as_if_its_level_had_come_into_the_finer_array() {
    let flat = GridGeometry::axis_aligned([70, 1, 131], [0.5, 0.75, 2.0], DVec3::ZERO).unwrap();
    let tall = GridGeometry::axis_aligned([66, 67, 300], [0.5, 0.75, 2.0], DVec3::ZERO).unwrap();
    for layout in [
        layout(),
        deep_layout(),
        PyramidLayout::new(flat),
        PyramidLayout::new(tall),
    ] {
        let last = layout.levels().len() as u32 - 1;
        for (level, finer) in [(1, 0), (last, 0), (last, 1)] {
            let coarse = filled(layout.grid(level).unwrap(), 3);
            let at_level =
                |level| ResidentVolume::at_level(&layout, level, SampleType::I16, Rescale::IDENTITY).unwrap();
            let mut expected = at_level(finer);
            expected.put_level(level, &Samples::I16(coarse.clone())).unwrap();
            let room = ResidentVolume::room(&layout, finer, SampleType::I16).unwrap();
            let mut volume = ResidentVolume::at_level_in(room, &layout, level, Rescale::IDENTITY).unwrap();
            if level == finer {
                assert!(matches!(volume.grow(finer), Err(ResidentError::NothingToRefine)));
                continue;
            }
            volume.put_level(level, &Samples::I16(coarse.clone())).unwrap();
            let place = |volume: &ResidentVolume| volume.samples().as_bytes().as_ptr();
            let (id, before) = (volume.id(), place(&volume));
            let mut growing = volume.grow(finer).unwrap();
            while growing.step(&mut volume) {
                assert_eq!((volume.id(), volume.level()), (id, level), "it is what it was");
                let own = volume.grid().len() as usize;
                assert_eq!(i16::of_samples(volume.samples()).unwrap()[..own], coarse);
            }
            assert_eq!(place(&volume), before, "no other memory is taken");
            assert_ne!(volume.id(), id);
            assert_eq!(volume.samples(), expected.samples());
            assert!(volume.blocks().iter().eq(expected.blocks().iter()));
            assert_eq!(volume.level(), finer);
            assert_eq!(volume.level_at([0, 0, 0]), Some(level));
            assert_eq!(volume.changed_since(0).len(), 1);
        }
    }
}

#[test]
fn only_what_is_there_grows_and_only_finer() {
    let layout = deep_layout();
    let empty = |level| ResidentVolume::at_level(&layout, level, SampleType::I16, Rescale::IDENTITY).unwrap();
    assert!(matches!(empty(1).grow(0), Err(ResidentError::NothingToRefine)));
    let filled = || {
        let mut volume = empty(1);
        let samples = filled(layout.grid(2).unwrap(), 8);
        volume.put_level(2, &Samples::I16(samples)).unwrap();
        volume
    };
    assert!(matches!(
        filled().grow(1),
        Err(ResidentError::TooFine { level: 1, held: 1 })
    ));
    assert!(matches!(
        filled().grow(9),
        Err(ResidentError::NoSuchPlace { level: 9 })
    ));
    let mut grown = filled();
    let mut growing = grown.grow(0).unwrap();
    while growing.step(&mut grown) {}
    assert_eq!(grown.level_at([0, 0, 0]), Some(2), "it knows how coarse it is");
}
