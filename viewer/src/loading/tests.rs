use std::convert::Infallible;
use std::sync::Mutex;

use artifact::pyramid::{Across, BodySink, Description, PyramidWriter};
use geometry::{DVec3, GridGeometry};
use volume::{PyramidBuilder, Rescale, Samples};

use super::*;

/// A body in memory.
struct InMemory(Mutex<Vec<u8>>);

impl BodySink for InMemory {
    type Error = Infallible;

    fn append(&self, bytes: Vec<u8>) -> Result<u64, Infallible> {
        let mut body = self.0.lock().unwrap();
        let start = body.len() as u64;
        body.extend(bytes);
        Ok(start)
    }
}

/// Head and body of a volume of 150 x 90 x 70 samples, and its samples.
fn stored() -> (Vec<u8>, Vec<u8>, Vec<i16>) {
    stored_of([150, 90, 70])
}

fn stored_of(dims: [u32; 3]) -> (Vec<u8>, Vec<u8>, Vec<i16>) {
    let grid = GridGeometry::axis_aligned(dims, [0.5, 0.7, 1.1], DVec3::new(3.0, -4.0, 5.0)).unwrap();
    let samples: Vec<i16> = (0..dims.iter().product::<u32>() as i32)
        .map(|i| ((i % 7919) * 31 % 4001 - 1000) as i16)
        .collect();
    let writer = PyramidWriter::new(
        grid,
        Rescale::IDENTITY,
        Description::default(),
        InMemory(Mutex::new(Vec::new())),
    );
    let mut builder = PyramidBuilder::<i16, _>::new(grid, writer);
    builder.push_slices(&samples).unwrap();
    let (built, writer) = builder.finish().unwrap();
    let (head, body) = writer.finish(&built.statistics).unwrap();
    (head, body.0.into_inner().unwrap(), samples)
}

#[test]
fn pieces_of_any_size_give_the_volume() {
    let (head, body, samples) = stored();
    for piece in [97, 4096, usize::MAX] {
        let mut loading = Loading::new(1 << 30);
        let mut seen = None;
        for bytes in head.chunks(piece.min(head.len())) {
            loading.push_head(bytes).unwrap();
            if let Some(volume) = loading.volume().filter(|volume| !volume.is_empty()) {
                seen.get_or_insert(volume.resident_fraction());
            }
        }
        assert!(seen.is_some(), "a picture can be drawn before the body comes");
        let piece = piece.min(body.len());
        for (number, bytes) in body.chunks(piece).enumerate() {
            assert!(loading.finish().is_err());
            loading.push_body((number * piece) as u64, bytes).unwrap();
        }
        loading.finish().unwrap();
        let volume = loading.complete().unwrap();
        assert_eq!(volume.samples(), &Samples::I16(samples.clone()));
    }
}

#[test]
fn a_large_volume_is_coarse_first_and_never_a_hole() {
    let (head, body, samples) = stored_of([160, 130, 150]);
    let fill = |loading: &mut Loading| while loading.refine().unwrap() {};
    for body_first in [false, true] {
        let mut loading = Loading::new(1 << 30);
        loading.push_head(&head[..head.len() / 2]).unwrap();
        let needs = loading.needs().unwrap();
        assert!(needs.head_len <= head.len() as u64);
        assert_eq!(needs.body_len, body.len() as u64);
        loading
            .push_head(&head[head.len() / 2..needs.head_len as usize])
            .unwrap();
        assert_eq!(loading.volume().unwrap().level(), 1, "a volume of its own");
        assert!(loading.volume().unwrap().is_complete());
        assert!(loading.complete().is_none(), "but not what values are told of");
        assert!(loading.fraction() < 1e-9);
        if body_first {
            loading.push_body(0, &body).unwrap();
            assert_eq!(loading.volume().unwrap().level(), 1);
            fill(&mut loading);
        } else {
            fill(&mut loading);
            let volume = loading.volume().unwrap();
            assert_eq!(volume.level(), 0);
            assert!((0..3).all(|z| volume.level_at([0, 0, z]) == Some(1)));
            loading.push_body(0, &body).unwrap();
        }
        loading.finish().unwrap();
        assert!(loading.fraction() > 1.0 - 1e-9);
        assert_eq!(
            loading.complete().unwrap().samples(),
            &Samples::I16(samples.clone())
        );
    }
}

#[test]
fn a_very_large_volume_is_one_in_between_that_grows() {
    let (head, body, samples) = stored_of([160, 130, 150]);
    // Level 2 first, then level 1.
    let steps = Steps {
        first: 100_000,
        middle: 500_000,
    };
    for is_patient in [true, false] {
        let mut loading = Loading::in_steps(1 << 30, steps);
        let needed = PyramidHead::parse(&head).unwrap().head_len_for_level(2) as usize;
        loading.push_head(&head[..needed]).unwrap();
        assert!(loading.has_begun() && !loading.takes_finest());
        assert_eq!(loading.level_in_space(), Some(2));
        assert!(loading.refine().unwrap());
        loading.push_head(&head[needed..]).unwrap();
        while !loading.is_sharp_in_space() && loading.refine().unwrap() {}
        assert_eq!(loading.level_in_space(), Some(1));
        assert_eq!(loading.volume().unwrap().level(), 1, "a volume of its own");
        assert!(loading.complete().is_none() && !loading.is_growing());
        if is_patient {
            loading.refine().unwrap();
            assert!(loading.is_growing() && !loading.takes_finest());
            assert_eq!(loading.level_in_space(), Some(1), "it is drawn meanwhile");
            while loading.refine().unwrap() {}
            assert_eq!(loading.level_in_space(), Some(1));
            assert!(loading.takes_finest() && !loading.is_growing());
        }
        assert!(loading.fraction() < 1e-9);
        for (number, bytes) in body.chunks(10_000).enumerate() {
            loading.push_body(number as u64 * 10_000, bytes).unwrap();
        }
        loading.finish().unwrap();
        let samples = Samples::I16(samples.clone());
        assert_eq!(loading.complete().unwrap().samples(), &samples);
        assert!(!loading.refine().unwrap());
    }
}

#[test]
fn a_small_budget_shows_a_coarser_level_without_the_body() {
    let (head, _, _) = stored();
    let mut loading = Loading::new(400_000);
    loading.push_head(&head).unwrap();
    assert_eq!(loading.level(), Some(1));
    assert_eq!(loading.needs().unwrap().body_len, 0);
    loading.finish().unwrap();
    assert_eq!(loading.complete().unwrap().level(), 1);
}

#[test]
fn what_is_cut_off_or_damaged_is_told() {
    let (mut head, body, _) = stored();
    let mut loading = Loading::new(1 << 30);
    loading.push_head(&head[..300]).unwrap();
    assert!(matches!(
        loading.finish(),
        Err(LoadingError::Short { object: "head", .. })
    ));
    let mut loading = Loading::new(1 << 30);
    loading.push_head(&head).unwrap();
    loading.push_body(0, &body[..body.len() - 1]).unwrap();
    assert!(matches!(
        loading.finish(),
        Err(LoadingError::Short { object: "body", .. })
    ));
    head[8] = 99;
    assert!(matches!(
        Loading::new(1 << 30).push_head(&head),
        Err(LoadingError::Artifact(_))
    ));
}

/// What the server sends for a section.
fn cut(head: &[u8], body: &[u8], section: Section) -> Vec<u8> {
    let head = PyramidHead::parse(head).unwrap();
    let read = |_, entry: &artifact::pyramid::BrickEntry| {
        assert_eq!(entry.object, BrickObject::Body);
        Ok::<_, Infallible>(&body[entry.offset as usize..][..entry.len as usize])
    };
    head.cut_section(section, read).unwrap()
}

#[test]
fn planes_are_exact_before_the_volume_is() {
    let (head, body, samples) = stored_of([160, 130, 150]);
    let grid = *PyramidHead::parse(&head).unwrap().layout().finest();
    let mut loading = Loading::new(1 << 30);
    loading.push_head(&head).unwrap();
    let at = |p: [f64; 3]| grid.patient_from_voxel().transform_point3(DVec3::from_array(p));
    let stored = |[x, y, z]: [usize; 3]| f64::from(samples[(z * 130 + y) * 160 + x]);
    // Between two slices, and on a row.
    let axial = SlicePlane::axial(at([80.0, 60.0, 70.25]), 0.5);
    let coronal = SlicePlane::coronal(at([80.0, 60.0, 70.0]), 0.5);
    let two = loading.section(&axial).unwrap();
    assert_eq!(two.to_string(), "slice-70-2");
    assert_eq!(loading.section(&coronal).unwrap().to_string(), "row-60-1");
    let coarse = loading.sight(&axial, 0.0).unwrap();
    assert_eq!((coarse.level, coarse.source), (1, Source::Volume));
    assert_eq!(
        loading.value_at_mm(at([3.0, 4.0, 70.0])),
        None,
        "nothing is told that is coarse"
    );
    loading.put_section(two, &cut(&head, &body, two)).unwrap();
    let sight = loading.sight(&axial, 0.0).unwrap();
    assert_eq!(sight.level, 0);
    assert!(matches!(sight.source, Source::Section(_)) && loading.has_section(two));
    assert_eq!(
        loading.sight(&axial, 3.0).unwrap().level,
        1,
        "slabs wait for the volume"
    );
    assert_eq!(loading.sight(&axial.moved(-1.1), 0.0).unwrap().level, 1);
    let told = loading.value_at_mm(at([3.0, 4.0, 70.0])).unwrap();
    assert!((told - stored([3, 4, 70])).abs() < 1e-6);
    let between = loading.value_at_mm(at([159.0, 129.0, 70.25])).unwrap();
    let mixed = stored([159, 129, 70]) * 0.75 + stored([159, 129, 71]) * 0.25;
    assert!((between - mixed).abs() < 1e-6);
    for outside in [69.75, 71.25, 149.0] {
        assert_eq!(loading.value_at_mm(at([3.0, 4.0, outside])), None, "{outside}");
    }
    // What the volume has by now needs no planes of its own.
    loading.push_body(0, &body).unwrap();
    assert!(!loading.has_section(two) && loading.section(&axial).is_none());
    assert_eq!(
        loading.value_at_mm(at([3.0, 4.0, 70.0])),
        Some(stored([3, 4, 70]))
    );
    while loading.refine().unwrap() {}
    let whole = loading.sight(&axial, 0.0).unwrap();
    assert_eq!((whole.level, whole.source), (0, Source::Volume));
    assert_eq!(loading.section(&axial.moved(5.0)), None);
}

#[test]
fn planes_that_no_section_gives_are_not_asked_for() {
    let (head, ..) = stored_of([160, 130, 150]);
    let grid = *PyramidHead::parse(&head).unwrap().layout().finest();
    let mut loading = Loading::new(1 << 30);
    loading.push_head(&head).unwrap();
    let middle = grid.bounds_mm().center();
    let oblique = SlicePlane::oblique(middle, DVec3::new(0.01, 1.0, 0.0), DVec3::Z, 0.5).unwrap();
    assert_eq!(loading.section(&oblique), None);
    assert_eq!(loading.sight(&oblique, 0.0).unwrap().level, 1);
    let beside = SlicePlane::sagittal(grid.bounds_mm().max + 2.0, 0.5);
    assert_eq!(loading.section(&beside), None);
    // On the outer half of the last voxel there is one plane to ask for.
    let edge = SlicePlane::sagittal(grid.bounds_mm().max - 0.1, 0.5);
    let last = Section {
        across: Across::Columns,
        first: 159,
        count: 1,
    };
    assert_eq!(loading.section(&edge), Some(last));
    let nowhere = SlicePlane::axial(DVec3::NAN, 0.5);
    assert_eq!(loading.section(&nowhere), None);
    let mut small = Loading::new(1_000_000);
    small.push_head(&head).unwrap();
    assert_eq!(
        small.section(&edge),
        None,
        "where level 0 has no room, slices are as coarse as all else"
    );
}

#[test]
fn runs_hold_all_of_the_body_and_the_nearest_comes_first() {
    let (head, body, samples) = stored_of([160, 130, 150]);
    let mut loading = Loading::new(1 << 30);
    loading.push_head(&head).unwrap();
    let mut runs = loading.runs();
    let all: u64 = runs.iter().map(|run| run.bytes.end - run.bytes.start).sum();
    assert_eq!(all, body.len() as u64);
    let whole = loading.runs();
    // As if bricks were asked for one by one.
    runs = whole
        .iter()
        .flat_map(|run| {
            let step = (run.bytes.end - run.bytes.start) / 3;
            let [a, b] = [run.bytes.start + step, run.bytes.start + 2 * step];
            [run.bytes.start..a, a..b, b..run.bytes.end].map(|bytes| Run { bytes, ..run.clone() })
        })
        .collect();
    runs.rotate_left(1);
    let taken: Vec<Run> = std::iter::from_fn(|| nearest_run(&mut runs, DVec3::ZERO)).collect();
    assert_eq!(taken.len(), whole.len() * 3);
    // Only what follows on itself gives bricks; what was cut comes again.
    for run in &taken {
        loading
            .push_body(
                run.bytes.start,
                &body[run.bytes.start as usize..run.bytes.end as usize],
            )
            .unwrap();
    }
    for run in loading.runs() {
        for piece in body[run.bytes.start as usize..run.bytes.end as usize].chunks(5000) {
            let at = piece.as_ptr() as usize - body.as_ptr() as usize;
            loading.push_body(at as u64, piece).unwrap();
        }
    }
    loading.finish().unwrap();
    while loading.refine().unwrap() {}
    assert_eq!(loading.complete().unwrap().samples(), &Samples::I16(samples));
    let run = |start: u64, x: f64| Run {
        bytes: start..start + 1,
        middles_mm: vec![DVec3::X * x, DVec3::Y * 90.0],
    };
    let mut runs = vec![run(0, 50.0), run(1, -20.0), run(2, 30.0)];
    let order: Vec<u64> = std::iter::from_fn(|| nearest_run(&mut runs, DVec3::X * 35.0))
        .map(|run| run.bytes.start)
        .collect();
    assert_eq!(order, [2, 0, 1]);
}
