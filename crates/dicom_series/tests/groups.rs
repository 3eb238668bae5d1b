//! Grouping of the test data against what is known of it: counts and findings, hashes of sorted volumes, and where
//! other programs place the same series (`reference/affines.json`, written by `reference/affines.py`).

mod data;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dicom_series::group::{GroupKind, SliceRef, Stack};
use dicom_series::pixels::{DataSet, PixelSamples};
use dicom_series::{Content, Group, Instance, group, read};
use expect_test::{Expect, expect};
use geometry::{DAffine3, DMat3, DVec3};
use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use testkit::dicom::{SeriesSpec, syntax};

/// The readable DICOM files below a folder.
struct Set {
    instances: Vec<Instance>,
    paths: Vec<PathBuf>,
}

impl Set {
    fn open(folder: &Path) -> Self {
        let mut paths = Vec::new();
        collect(folder, &mut paths);
        paths.sort();
        let read_all: Vec<_> = paths
            .into_par_iter()
            .filter_map(|path| Some((read(&std::fs::read(&path).unwrap()).ok()?, path)))
            .collect();
        let (instances, paths) = read_all.into_iter().unzip();
        Self { instances, paths }
    }

    fn groups(&self) -> Vec<Group> {
        group(&self.instances)
    }

    /// Stored values of one whole frame.
    fn stored(&self, at: SliceRef) -> Vec<i32> {
        let bytes = std::fs::read(&self.paths[at.instance]).unwrap();
        let instance = &self.instances[at.instance];
        let data_set = DataSet::open(&bytes, instance).unwrap();
        match data_set.decode_frame(instance, at.frame).unwrap().samples {
            PixelSamples::U8(samples) => samples.into_iter().map(i32::from).collect(),
            PixelSamples::U16(samples) => samples.into_iter().map(i32::from).collect(),
            PixelSamples::I16(samples) => samples.into_iter().map(i32::from).collect(),
            other => panic!("no stored values of a slice: {other:?}"),
        }
    }

    /// Stored values of a slice: of the tile, where it is one.
    fn slice(&self, at: SliceRef) -> Vec<i32> {
        let whole = self.stored(at);
        let Some(tile) = at.tile else { return whole };
        let Content::Image(image) = &self.instances[at.instance].content else {
            panic!("no image")
        };
        let rows = whole.chunks(image.pixels.columns as usize);
        let rows = rows.skip(tile.top as usize).take(tile.rows as usize);
        rows.flat_map(|row| row[tile.left as usize..][..tile.columns as usize].to_vec())
            .collect()
    }

    /// The hash of the acquired slices, ascending, each sample as `bytes_of` writes it.
    fn hash(&self, stack: &Stack, bytes_of: impl Fn(i32) -> Vec<u8> + Sync) -> String {
        let planes: Vec<Vec<u8>> = stack
            .slices
            .par_iter()
            .map(|&at| self.stored(at).into_iter().flat_map(&bytes_of).collect())
            .collect();
        let digest = Sha256::digest(planes.concat());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn volumes(groups: &[Group]) -> impl Iterator<Item = &Stack> {
    groups.iter().filter_map(|group| match &group.kind {
        GroupKind::Volume(stack) => Some(stack.as_ref()),
        _ => None,
    })
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// One line a group: what it is, how large, and the codes of its findings with their first numbers.
fn summary(groups: &[Group]) -> String {
    let line = |group: &Group| {
        let what = match &group.kind {
            GroupKind::Volume(stack) => {
                let [columns, rows, planes] = stack.grid.dims();
                let gap = stack.grid.spacing_mm()[2];
                format!(
                    "{columns}x{rows}x{planes} every {gap:.3} mm, {} acquired",
                    stack.slices.len()
                )
            }
            GroupKind::Frames(list) => {
                format!("{} pictures {}x{}", list.frames.len(), list.columns, list.rows)
            }
            GroupKind::Document(list) => format!("{} {:?}", list.instances.len(), list.kind),
        };
        let codes: Vec<String> = group
            .findings()
            .iter()
            .map(|finding| match finding.values().first() {
                Some((name, value)) => format!("{} {name}={value:.2}", finding.code()),
                None => finding.code().to_owned(),
            })
            .collect();
        format!("{what} [{}]\n", codes.join(", "))
    };
    groups.iter().map(line).collect()
}

#[test]
fn traps_are_told_as_they_are() {
    let Some(root) = data::root() else { return };
    let root = root.join("geom-traps-a");
    let truth = json(&root.join("expected.json"));
    let mut text = String::new();
    // Whether a JSON object keeps its order depends on what else is built.
    let cases: BTreeMap<&String, &Value> = truth["cases"].as_object().unwrap().iter().collect();
    for (case, truth) in cases {
        let set = Set::open(&root.join(case));
        assert_eq!(
            set.instances.len() as u64,
            truth["files"].as_u64().unwrap(),
            "{case}"
        );
        let groups = set.groups();
        text += &format!("{case}\n{}", summary(&groups));
        if let Some(slices) = truth["slices"].as_u64() {
            let stack = volumes(&groups).next().unwrap();
            assert_eq!(stack.slices.len() as u64, slices, "{case}");
        }
        if let Some(hash) = truth["sha256_volume_u2le_ascending"].as_str() {
            let stack = volumes(&groups).next().unwrap();
            let got = set.hash(stack, |stored| (stored as u16).to_le_bytes().to_vec());
            assert_eq!(got, hash, "{case}");
        }
    }
    expect![[r#"
        baseline
        64x64x12 every 1.000 mm, 12 acquired []
        double-oblique
        64x64x12 every 1.000 mm, 12 acquired [oblique normal_degrees=15.00]
        duplicate-identical
        64x64x12 every 1.000 mm, 12 acquired [duplicate_instances count=2.00]
        duplicate-position-other-uid
        64x64x12 every 1.000 mm, 12 acquired [duplicate_position count=1.00]
        gantry-tilt-20
        64x64x12 every 1.000 mm, 12 acquired [gantry_tilt measured_degrees=20.00]
        jitter-within-tolerance
        64x64x12 every 1.000 mm, 12 acquired []
        missing-ipp-one
        64x64x12 every 1.000 mm, 11 acquired [missing_slices missing=1.00, missing_position count=1.00]
        1 pictures 64x64 [missing_position count=1.00]
        missing-one
        64x64x12 every 1.000 mm, 11 acquired [missing_slices missing=1.00]
        missing-three
        64x64x12 every 1.000 mm, 9 acquired [missing_slices missing=3.00]
        mixed-matrix-size
        64x64x12 every 1.000 mm, 11 acquired [missing_slices missing=1.00, mixed_matrix_size here=11.00]
        1 pictures 32x32 [mixed_matrix_size here=1.00, single_slice]
        mixed-orientations
        64x64x10 every 1.000 mm, 10 acquired [mixed_orientation here=10.00]
        64x64x2 every 1.000 mm, 2 acquired [mixed_orientation here=2.00]
        mixed-pixel-spacing
        64x64x6 every 1.000 mm, 6 acquired [mixed_pixel_spacing here=6.00]
        64x64x6 every 1.000 mm, 6 acquired [mixed_pixel_spacing here=6.00]
        mixed-series-one-folder
        64x64x12 every 1.000 mm, 12 acquired []
        64x64x12 every 1.000 mm, 12 acquired []
        non-orthonormal-iop
        12 pictures 64x64 [bad_orientation count=12.00]
        noncompliant-ds
        64x64x12 every 1.000 mm, 12 acquired [file_oddity count=12.00]
        per-slice-rescale
        64x64x12 every 1.000 mm, 12 acquired [rescale_varies min_slope=1.00]
        reversed-instance-numbers
        64x64x12 every 1.000 mm, 12 acquired [reused_uid count=1.00]
        sagittal
        64x64x12 every 1.000 mm, 12 acquired []
        signed-padding
        64x64x12 every 1.000 mm, 12 acquired [pixel_padding low=0.00]
        time-series-4d
        64x64x6 every 1.000 mm, 6 acquired [phase index=1.00]
        64x64x6 every 1.000 mm, 6 acquired [phase index=2.00]
        uneven-spacing
        64x64x15 every 1.000 mm, 12 acquired [uneven_spacing min_mm=1.00]
        zero-and-nan-spacing
        12 pictures 64x64 [bad_pixel_spacing count=6.00]
    "#]]
    .assert_eq(&text);
}

#[test]
fn sorted_volumes_hash_as_the_reference() {
    let Some(root) = data::root() else { return };
    let reference = json(&root.join("REFERENCE_VOLUMES.json"));
    for (name, series) in reference.as_object().unwrap() {
        let set = Set::open(&root.join(name));
        let groups = set.groups();
        for truth in series.as_array().unwrap() {
            // Of one slice: a scout, or a mosaic.
            if truth["slices"] == 1 {
                continue;
            }
            let uid = truth["series"].as_str();
            let group = groups.iter().find(|group| group.series_uid.as_deref() == uid);
            let stack = volumes(std::slice::from_ref(group.unwrap())).next().unwrap();
            assert_eq!(
                stack.slices.len() as u64,
                truth["slices"].as_u64().unwrap(),
                "{name}"
            );
            let hash = set.hash(stack, |stored| stored.to_le_bytes().to_vec());
            assert_eq!(hash, truth["sha256_volume_i32le"].as_str().unwrap(), "{name}");
            let last = f64::from(stack.grid.dims()[2] - 1);
            for (plane, position) in [(0.0, "first_ipp"), (last, "last_ipp")] {
                let got = stack.grid.patient_from_voxel().transform_point3(DVec3::Z * plane);
                let mm: Vec<f64> = truth[position].as_array().unwrap().iter().map(number).collect();
                assert!(
                    got.distance(DVec3::from_slice(&mm)) < 1e-6,
                    "{name}: {got} not {mm:?}"
                );
            }
        }
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn check(folder: &str, expected: &Expect) {
    if let Some(root) = data::root() {
        expected.assert_eq(&summary(&Set::open(&root.join(folder)).groups()));
    }
}

#[test]
fn sets_hold_what_their_readme_says() {
    check(
        "ct-head-phantom",
        &expect![[r#"
        1 pictures 512x256 []
        512x512x140 every 1.000 mm, 140 acquired []
    "#]],
    );
    check(
        "ct-gantry-tilt",
        &expect![[r#"
            512x512x54 every 2.500 mm, 54 acquired [gantry_tilt measured_degrees=-18.50]
        "#]],
    );
    check(
        "ct-head-cranium",
        &expect![[r#"
        256x256x108 every 1.500 mm, 108 acquired []
    "#]],
    );
    check(
        "mr-brain-mixed",
        &expect![[r#"
        192x192x176 every 1.000 mm, 175 acquired [missing_slices missing=1.00, oblique normal_degrees=4.57]
        64x64x12 every 6.000 mm, 12 acquired [slice_thickness_differs thickness_mm=5.00, oblique normal_degrees=7.92]
        64x64x12 every 6.000 mm, 12 acquired [slice_thickness_differs thickness_mm=5.00, oblique normal_degrees=7.92]
    "#]],
    );
    check(
        "objects-a/enhanced-mr",
        &expect![[r#"
        64x64x6 every 2.400 mm, 6 acquired [phase index=1.00]
        64x64x6 every 2.400 mm, 6 acquired [phase index=2.00]
        64x64x6 every 2.400 mm, 6 acquired [phase index=3.00]
        64x64x6 every 2.400 mm, 6 acquired [phase index=4.00]
        64x64x32 every 4.000 mm, 32 acquired [phase index=1.00]
        64x64x32 every 4.000 mm, 32 acquired [phase index=2.00]
    "#]],
    );
    check(
        "geom-a/failing",
        &expect![[r#"
        512x512x4 every 5.000 mm, 4 acquired [gantry_tilt measured_degrees=-14.00]
        288x288x2 every 3.300 mm, 2 acquired [mixed_orientation here=2.00, mixed_pixel_spacing here=2.00, oblique normal_degrees=2.39]
        288x288x2 every 4.400 mm, 2 acquired [mixed_orientation here=2.00, mixed_pixel_spacing here=2.00, oblique normal_degrees=14.31]
        256x256x2 every 1.000 mm, 2 acquired []
        512x512x5 every 0.778 mm, 4 acquired [missing_slices missing=1.00, gantry_tilt measured_degrees=-15.50]
    "#]],
    );
    check(
        "geom-a/orientation",
        &expect![[r#"
        64x64x25 every 3.300 mm, 25 acquired [slice_thickness_differs thickness_mm=3.00, phase index=1.00]
        64x64x25 every 3.300 mm, 25 acquired [slice_thickness_differs thickness_mm=3.00, phase index=2.00]
        64x64x35 every 3.200 mm, 35 acquired [reused_uid count=1.00, phase index=1.00, oblique normal_degrees=5.30, duplicate_instances count=1.00]
        64x64x35 every 3.200 mm, 35 acquired [reused_uid count=1.00, phase index=2.00, oblique normal_degrees=5.30, duplicate_instances count=1.00]
        64x64x35 every 3.600 mm, 35 acquired [slice_thickness_differs thickness_mm=3.00, oblique normal_degrees=6.20]
        64x64x35 every 3.600 mm, 35 acquired [slice_thickness_differs thickness_mm=3.00, oblique normal_degrees=6.20]
        64x64x36 every 3.600 mm, 36 acquired [slice_thickness_differs thickness_mm=3.00, oblique normal_degrees=6.20]
        64x64x36 every 3.600 mm, 36 acquired [slice_thickness_differs thickness_mm=3.00, oblique normal_degrees=8.80]
        64x64x35 every 3.600 mm, 35 acquired [slice_thickness_differs thickness_mm=3.00, oblique normal_degrees=8.80]
        64x64x36 every 3.600 mm, 36 acquired [slice_thickness_differs thickness_mm=3.00]
        64x64x36 every 3.600 mm, 36 acquired [slice_thickness_differs thickness_mm=3.00]
        64x64x35 every 3.600 mm, 35 acquired [slice_thickness_differs thickness_mm=3.00]
        86x86x36 every 3.600 mm, 36 acquired [slice_thickness_differs thickness_mm=3.00, phase index=1.00, oblique normal_degrees=10.30]
        86x86x36 every 3.600 mm, 36 acquired [slice_thickness_differs thickness_mm=3.00, phase index=2.00, oblique normal_degrees=10.30]
        64x64x36 every 3.600 mm, 36 acquired [slice_thickness_differs thickness_mm=3.00, phase index=1.00]
        64x64x36 every 3.600 mm, 36 acquired [slice_thickness_differs thickness_mm=3.00, phase index=2.00]
        64x64x25 every 3.300 mm, 25 acquired [slice_thickness_differs thickness_mm=3.00, phase index=1.00]
        64x64x25 every 3.300 mm, 25 acquired [slice_thickness_differs thickness_mm=3.00, phase index=2.00]
    "#]],
    );
}

/// What another program says of a volume.
struct Reference {
    folder: String,
    peer: String,
    dims: [u32; 3],
    patient_from_voxel: DAffine3,
    /// Sums of the stored values of slices, in their order there.
    slice_sums: Vec<i64>,
}

fn references() -> Vec<Reference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/affines.json");
    let parse = |entry: &Value| {
        let rows: Vec<f64> = entry["patient_from_voxel"]
            .as_array()
            .unwrap()
            .iter()
            .map(number)
            .collect();
        let column = |n: usize| DVec3::new(rows[n], rows[n + 4], rows[n + 8]);
        Reference {
            folder: entry["folder"].as_str().unwrap().to_owned(),
            peer: entry["peer"].as_str().unwrap().to_owned(),
            dims: [0, 1, 2].map(|axis| entry["dims"][axis].as_u64().unwrap() as u32),
            patient_from_voxel: DAffine3 {
                matrix3: DMat3::from_cols(column(0), column(1), column(2)),
                translation: column(3),
            },
            slice_sums: entry["slice_sums"]
                .as_array()
                .map(|sums| sums.iter().map(|sum| sum.as_i64().unwrap()).collect())
                .unwrap_or_default(),
        }
    };
    json(&path).as_array().unwrap().iter().map(parse).collect()
}

impl Reference {
    fn corners(&self) -> Vec<DVec3> {
        let end = |axis: usize, high: bool| if high { f64::from(self.dims[axis] - 1) } else { 0.0 };
        (0..8)
            .map(|bits| DVec3::new(end(0, bits & 1 > 0), end(1, bits & 2 > 0), end(2, bits & 4 > 0)))
            .map(|voxel| self.patient_from_voxel.transform_point3(voxel))
            .collect()
    }

    /// How far the corners are from those of `stack`, mm, whatever the order and direction of axes; infinity for
    /// grids of different size.
    fn distance_mm(&self, stack: &Stack) -> f64 {
        let map = stack.grid.patient_from_voxel();
        let dims = stack.grid.dims();
        let (mut ours, mut theirs) = (dims, self.dims);
        ours.sort_unstable();
        theirs.sort_unstable();
        if ours != theirs {
            return f64::INFINITY;
        }
        let ends = DVec3::from_array(dims.map(|n| f64::from(n - 1)));
        let nearest = |p_in_patient: DVec3| {
            let voxel = map.inverse().transform_point3(p_in_patient);
            let corner = (voxel / ends).round().clamp(DVec3::ZERO, DVec3::ONE) * ends;
            map.transform_point3(corner).distance(p_in_patient)
        };
        self.corners().into_iter().map(nearest).fold(0.0, f64::max)
    }
}

/// Sums of the stored values of the planes of `stack`, in the order in which `reference` has its slices.
fn sums_in_order_of(reference: &Reference, set: &Set, stack: &Stack) -> Vec<i64> {
    let [columns, rows, _] = stack.grid.dims().map(f64::from);
    let theirs_from_ours = reference.patient_from_voxel.inverse() * stack.grid.patient_from_voxel();
    let mut sums = vec![0; reference.slice_sums.len()];
    for (plane, &at) in stack.slices.iter().enumerate() {
        let center = DVec3::new((columns - 1.0) / 2.0, (rows - 1.0) / 2.0, plane as f64);
        let slice = theirs_from_ours.transform_point3(center).z.round() as usize;
        sums[slice] = set.slice(at).into_iter().map(i64::from).sum();
    }
    sums
}

#[test]
fn volumes_lie_where_other_programs_place_them() {
    let Some(root) = data::root() else { return };
    let references = references();
    let mut folders: Vec<&str> = references
        .iter()
        .map(|reference| reference.folder.as_str())
        .collect();
    folders.sort_unstable();
    folders.dedup();
    let (mut compared, mut slices_compared, mut alone) = (0, 0, Vec::new());
    for folder in folders {
        let set = Set::open(&root.join(folder));
        for stack in volumes(&set.groups()) {
            let here = references.iter().filter(|reference| reference.folder == folder);
            let distances: Vec<(f64, &Reference)> = here
                .map(|reference| (reference.distance_mm(stack), reference))
                .filter(|(mm, _)| mm.is_finite())
                .collect();
            let said: Vec<(f64, &str)> = distances.iter().map(|(mm, by)| (*mm, by.peer.as_str())).collect();
            let near: Vec<&Reference> = distances
                .iter()
                .filter(|(mm, _)| *mm < 1e-3)
                .map(|(_, by)| *by)
                .collect();
            if said.is_empty() {
                alone.push(format!("{folder} {:?}", stack.grid.dims()));
                continue;
            }
            assert!(!near.is_empty(), "{folder}: {said:?} mm away");
            compared += 1;
            // The references hold the first of several time points.
            let with_sums: Vec<&&Reference> = near.iter().filter(|by| !by.slice_sums.is_empty()).collect();
            if with_sums.is_empty() || stack.phases.iter().any(|phase| phase.index > 1) {
                continue;
            }
            let same = |by: &&&Reference| sums_in_order_of(by, &set, stack) == by.slice_sums;
            assert!(
                with_sums.iter().any(same),
                "{folder}: slices lie in another order"
            );
            slices_compared += 1;
        }
    }
    expect![[r#"
        68 placed, 17 with slices in order, alone: [
            "ct-gantry-tilt [512, 512, 54]",
            "geom-traps-a/mixed-pixel-spacing [64, 64, 6]",
            "geom-traps-a/mixed-pixel-spacing [64, 64, 6]",
            "mr-brain-mixed [192, 192, 176]",
        ]"#]]
    .assert_eq(&format!(
        "{compared} placed, {slices_compared} with slices in order, alone: {alone:#?}"
    ));
}

#[test]
fn written_series_come_back_as_they_were() {
    let rotation = DMat3::from_rotation_z(0.4) * DMat3::from_rotation_x(-0.3);
    let mut spec = SeriesSpec::ct([7, 5, 6], [0.625, 0.875, 1.75]).turned(rotation);
    let sample = |x: i32, y: i32, z: i32| (1000 * z - 100 * y + 7 * x - 2000) as i16;
    for transfer_syntax in [
        syntax::IMPLICIT_LITTLE,
        syntax::EXPLICIT_LITTLE,
        syntax::EXPLICIT_BIG,
        syntax::DEFLATED_LITTLE,
    ] {
        spec.transfer_syntax = transfer_syntax.to_owned();
        let files = spec.files(|z, plane| {
            for (index, stored) in (0..).zip(plane) {
                *stored = sample(index % 7, index / 7, z as i32);
            }
        });
        let instances: Vec<Instance> = files.iter().map(|file| read(&file.bytes).unwrap()).collect();
        let groups = group(&instances);
        let stack = volumes(&groups).next().unwrap();
        assert_eq!(stack.grid.dims(), [7, 5, 6]);
        for (z, at) in (0..).zip(&stack.slices) {
            let last = stack
                .grid
                .patient_from_voxel()
                .transform_point3(DVec3::new(6.0, 4.0, f64::from(z)));
            let expected = spec.origin_mm
                + spec.row * 6.0 * 0.625
                + spec.column * 4.0 * 0.875
                + spec.step_mm * f64::from(z);
            // Decimal strings hold 16 characters.
            assert!(
                last.distance(expected) < 1e-9,
                "{transfer_syntax}: {last} not {expected}"
            );
            let file = &files[at.instance].bytes;
            let instance = &instances[at.instance];
            let frame = DataSet::open(file, instance)
                .unwrap()
                .decode_frame(instance, 0)
                .unwrap();
            let plane: Vec<i16> = (0..35).map(|index| sample(index % 7, index / 7, z)).collect();
            assert_eq!(frame.samples, PixelSamples::I16(plane), "{transfer_syntax}");
        }
    }
}
