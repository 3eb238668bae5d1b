//! What repair drops, turns and counts.

use geometry::LengthUnit;
use proptest::prelude::*;

use super::*;
use crate::ImageMedia;
use crate::measure::tests::block;

fn mm() -> Options {
    Options {
        unit: Some(LengthUnit::Millimeter),
        ..Options::default()
    }
}

fn input(mesh: Mesh) -> Input {
    Input {
        positions: mesh.positions_mm,
        triangles: mesh.triangles,
        ..Input::default()
    }
}

/// Every triangle with corners of its own.
fn soup(mesh: &Mesh) -> Input {
    let positions = mesh
        .triangles
        .iter()
        .flatten()
        .map(|&v| mesh.positions_mm[v as usize])
        .collect();
    let triangles = (0..mesh.triangles.len() as u32)
        .map(|t| [3 * t, 3 * t + 1, 3 * t + 2])
        .collect();
    Input {
        positions,
        triangles,
        ..Input::default()
    }
}

fn fixed(input: Input) -> Repaired {
    repair(input, &mm()).unwrap()
}

fn joined(meshes: &[Mesh]) -> Mesh {
    let mut all = Mesh::default();
    for mesh in meshes {
        let start = all.positions_mm.len() as u32;
        all.positions_mm.extend_from_slice(&mesh.positions_mm);
        all.triangles
            .extend(mesh.triangles.iter().map(|t| t.map(|v| v + start)));
    }
    all
}

fn turn(mesh: &mut Mesh, triangles: impl IntoIterator<Item = usize>) {
    for t in triangles {
        mesh.triangles[t].swap(0, 1);
    }
}

#[test]
fn a_soup_becomes_a_closed_body() {
    let mesh = block([-1.0, 2.0, 3.0], [2.0, 7.0, 12.0]);
    let Repaired { model, report } = fixed(soup(&mesh));
    assert_eq!(
        (
            report.vertices_read,
            report.points,
            report.vertices,
            report.vertices_dropped
        ),
        (36, 8, 8, 28)
    );
    assert_eq!(
        (report.components, report.closed_components, report.holes),
        (1, 1, 0)
    );
    assert!(
        report.is_watertight() && report.findings().is_empty(),
        "{:?}",
        report.findings()
    );
    let measures = model.mesh.measure();
    assert!((measures.volume_mm3 - 135.0).abs() < 1e-9 && measures.is_watertight());
    assert_eq!(model.mesh.normals.len(), 8);
    // Normals at corners point away from the middle.
    for (p, n) in model.mesh.positions_mm.iter().zip(&model.mesh.normals) {
        let out = [p[0] - 0.5, p[1] - 4.5, p[2] - 7.5];
        assert!((0..3).all(|axis| out[axis] * n[axis] > 0.0));
    }
}

#[test]
fn zeros_of_both_signs_are_one_place() {
    let mut mesh = soup(&block([0.0; 3], [1.0, 2.0, 3.0]));
    for (i, v) in mesh.positions.as_flattened_mut().iter_mut().enumerate() {
        if *v == 0.0 && i % 2 == 0 {
            *v = -0.0;
        }
    }
    assert_eq!(fixed(mesh).report.points, 8);
}

#[test]
fn a_tolerance_closes_small_gaps() {
    let mut mesh = soup(&block([0.0; 3], [10.0, 20.0, 30.0]));
    for (i, p) in mesh.positions.iter_mut().enumerate() {
        p[i % 3] += (i % 7) as f32 * 1e-4;
    }
    assert!(fixed(mesh.clone()).report.holes > 0);
    let within = |tolerance| {
        let options = Options {
            weld: Weld::Within(tolerance),
            ..mm()
        };
        repair(mesh.clone(), &options)
    };
    let report = within(2e-3).unwrap().report;
    assert_eq!((report.points, report.holes, report.components), (8, 0, 1));
    for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(within(tolerance), Err(SurfaceError::Tolerance(_))));
    }
}

#[test]
fn bad_triangles_are_dropped_and_counted() {
    let mut mesh = block([0.0; 3], [1.0, 2.0, 3.0]);
    let [a, b, c] = mesh.triangles[4];
    mesh.triangles.insert(2, [a, a, b]);
    mesh.triangles.push([c, a, b]);
    mesh.triangles.push([b, a, c]);
    mesh.positions_mm
        .extend([[f32::NAN, 0.0, 0.0], [0.0, f32::INFINITY, 0.0], [9.0; 3]]);
    mesh.triangles.extend([[a, b, 8], [9, b, c]]);
    let Repaired { model, report } = fixed(input(mesh));
    assert_eq!((report.degenerate, report.duplicates), (1, 2));
    assert_eq!((report.vertices_undefined, report.triangles_undefined), (2, 2));
    assert_eq!(
        (report.triangles, report.vertices, report.vertices_dropped),
        (12, 8, 3)
    );
    assert!(report.is_watertight());
    assert!((model.mesh.volume_mm3() - 6.0).abs() < 1e-9);
}

#[test]
fn triangles_without_area_stay_where_they_close_the_surface() {
    // A side cut along a point in the middle of its edge: the thin triangle closes the gap.
    let mut mesh = block([0.0; 3], [2.0, 2.0, 2.0]);
    let [a, b, c] = mesh.triangles[0];
    let middle =
        [0, 1, 2].map(|i| (mesh.positions_mm[a as usize][i] + mesh.positions_mm[b as usize][i]) / 2.0);
    mesh.positions_mm.push(middle);
    mesh.triangles[0] = [a, 8, c];
    mesh.triangles.extend([[8, b, c], [a, b, 8]]);
    let report = fixed(input(mesh)).report;
    assert_eq!((report.flat, report.triangles, report.holes), (1, 14, 0));
    assert!(report.is_watertight());
}

#[test]
fn turned_triangles_are_turned_back() {
    for turned in [
        vec![0],
        vec![0, 3, 4, 11],
        (0..12).collect::<Vec<_>>(),
        (1..12).collect(),
    ] {
        let mut mesh = block([5.0; 3], [6.0, 7.0, 8.0]);
        turn(&mut mesh, turned.iter().copied());
        let Repaired { model, report } = fixed(input(mesh));
        assert_eq!(report.turned, turned.len() as u64);
        assert!((model.mesh.volume_mm3() - 6.0).abs() < 1e-6 && model.mesh.measure().is_watertight());
    }
}

#[test]
fn open_surfaces_keep_the_side_that_most_triangles_have() {
    let mut mesh = block([0.0; 3], [1.0, 2.0, 3.0]);
    mesh.triangles.truncate(10);
    let whole = mesh.clone();
    turn(&mut mesh, [1, 6]);
    let Repaired { model, report } = fixed(input(mesh));
    assert_eq!(
        (
            report.turned,
            report.holes,
            report.boundary_edges,
            report.closed_components
        ),
        (2, 1, 4, 0)
    );
    let normal_sum = |mesh: &Mesh| mesh.measure().volume_mm3;
    assert!((normal_sum(&model.mesh) - normal_sum(&whole)).abs() < 1e-9);
    assert_eq!(model.mesh.measure().misoriented_edges, 0);
}

#[test]
fn cavities_stay_cavities_and_bodies_face_outward() {
    let outer = block([0.0; 3], [10.0, 11.0, 12.0]);
    let mut inner = block([2.0; 3], [4.0, 5.0, 6.0]);
    turn(&mut inner, 0..12);
    let mut apart = block([20.0; 3], [21.0, 22.0, 23.0]);
    turn(&mut apart, 0..12);
    let right = joined(&[outer, inner, apart]);
    let Repaired { model, report } = fixed(input(right.clone()));
    assert_eq!(
        (report.components, report.closed_components, report.turned),
        (3, 3, 12)
    );
    let expected = 1320.0 - 24.0 + 6.0;
    assert!((model.mesh.volume_mm3() - expected).abs() < 1e-4);
    // Inside out as a whole, cavity and all.
    let mut wrong = right;
    turn(&mut wrong, 0..24);
    let Repaired { model, report } = fixed(input(wrong));
    assert_eq!(report.turned, 36);
    assert!((model.mesh.volume_mm3() - expected).abs() < 1e-4);
}

#[test]
fn a_band_with_one_side_is_told() {
    // Moebius: the last square joins the first one upside down.
    let count = 12u32;
    let mut band = Input::default();
    for i in 0..count {
        let around = std::f32::consts::TAU * i as f32 / count as f32;
        for side in [-1.0, 1.0] {
            let width = side * (around / 2.0).cos();
            band.positions.push([
                (30.0 + width) * around.cos(),
                (30.0 + width) * around.sin(),
                side * (around / 2.0).sin(),
            ]);
        }
    }
    for i in 0..count {
        let [a, b] = [2 * i, 2 * i + 1];
        let [c, d] = if i + 1 == count {
            [1, 0]
        } else {
            [2 * i + 2, 2 * i + 3]
        };
        band.triangles.extend([[a, c, b], [b, c, d]]);
    }
    let report = fixed(band).report;
    assert_eq!((report.holes, report.components), (1, 1));
    assert!(report.one_sided_edges > 0 && !report.is_watertight());
}

#[test]
fn holes_pieces_and_fins_are_counted() {
    let mut holed = block([0.0; 3], [1.0, 2.0, 3.0]);
    // Two triangles of opposite sides.
    holed.triangles.remove(2);
    holed.triangles.remove(0);
    let report = fixed(input(holed)).report;
    assert_eq!((report.holes, report.boundary_edges), (2, 6));
    let mut fin = block([0.0; 3], [1.0, 2.0, 3.0]);
    fin.positions_mm.push([5.0; 3]);
    fin.triangles.push([0, 1, 8]);
    let report = fixed(input(fin)).report;
    assert_eq!(
        (report.non_manifold_edges, report.holes, report.components),
        (1, 1, 1)
    );
    // Touching in a vertex is not hanging together.
    let touching = joined(&[
        block([0.0; 3], [1.0, 2.0, 3.0]),
        block([1.0, 2.0, 3.0], [4.0, 6.0, 8.0]),
    ]);
    let report = fixed(input(touching)).report;
    assert_eq!((report.components, report.points), (2, 15));
}

#[test]
fn seams_of_a_texture_are_no_borders() {
    let mesh = block([0.0; 3], [10.0, 20.0, 30.0]);
    let mut textured = soup(&mesh);
    let corner = |i: usize| [(i % 3) as f32 / 2.0, (i % 2) as f32];
    textured.texture = Some(Texture {
        uv: (0..36).map(corner).collect(),
        media: ImageMedia::Png,
        image: Vec::new(),
    });
    textured.colors = vec![[1, 2, 3, 4]; 36];
    textured.colors[35] = [9; 4];
    textured.scalars = vec![Scalars {
        name: "a".to_owned(),
        unit: String::new(),
        values: vec![0.5; 36],
    }];
    let before = textured.clone();
    let Repaired { model, report } = fixed(textured);
    assert_eq!((report.points, report.holes, report.components), (8, 0, 1));
    assert!(report.is_watertight() && report.vertices > 8 && report.vertices < 36);
    let texture = model.texture.unwrap();
    assert_eq!(
        [
            texture.uv.len(),
            model.colors.len(),
            model.scalars[0].values.len()
        ],
        [report.vertices as usize; 3]
    );
    for (t, triangle) in model.mesh.triangles.iter().enumerate() {
        for (k, &v) in triangle.iter().enumerate() {
            assert_eq!(
                texture.uv[v as usize],
                before.texture.as_ref().unwrap().uv[3 * t + k]
            );
            assert_eq!(model.colors[v as usize], before.colors[3 * t + k]);
        }
    }
    // One normal a place, whatever the seams.
    for (a, p) in model.mesh.positions_mm.iter().enumerate() {
        for (b, q) in model.mesh.positions_mm.iter().enumerate() {
            if p == q {
                assert_eq!(model.mesh.normals[a], model.mesh.normals[b]);
            }
        }
    }
}

#[test]
fn units_and_axes_become_patient_millimeters() {
    let mut meters = input(block([0.0; 3], [0.1, 0.2, 0.15]));
    meters.unit = Some(LengthUnit::Meter);
    meters.axes = InputAxes::YUp;
    meters.origin = [1.0, 2.0, 3.0];
    let Repaired { model, report } = repair(meters.clone(), &Options::default()).unwrap();
    let size = model.mesh.measure().bounds_mm;
    assert!((size.size() - geometry::DVec3::new(100.0, 150.0, 200.0)).length() < 1e-4);
    assert!((size.min.y + 150.0).abs() < 1e-4 && size.max.z > 199.0);
    assert_eq!(report.origin, [1000.0, -3000.0, 2000.0]);
    assert_eq!(report.unit.source, UnitSource::Declared);
    assert!((model.mesh.volume_mm3() - 3e6).abs() < 1.0);

    let given = repair(
        meters,
        &Options {
            unit: Some(LengthUnit::Inch),
            ..Options::default()
        },
    )
    .unwrap()
    .report;
    assert_eq!(
        (given.unit.unit, given.unit.source),
        (LengthUnit::Inch, UnitSource::Given)
    );
    assert!(
        given
            .findings()
            .iter()
            .any(|f| matches!(f, RepairFinding::SizeImplausible { .. }))
    );

    let inferred = repair(input(block([0.0; 3], [15.0, 24.0, 20.0])), &Options::default()).unwrap();
    assert_eq!(
        (inferred.report.unit.unit, inferred.report.unit.source),
        (LengthUnit::Centimeter, UnitSource::Inferred)
    );
    assert_eq!(
        inferred.report.findings()[0].to_string(),
        "The file gives no unit; by its size it is in cm, 240 mm long. It would be 24 mm if in mm, 610 mm if in in."
    );
}

#[test]
fn clouds_and_nothing_pass_through() {
    let cloud = Input {
        positions: vec![[1.0, 2.0, 3.0], [f32::NAN; 3], [1.0, 2.0, 3.0]],
        colors: vec![[1; 4], [2; 4], [3; 4]],
        ..Input::default()
    };
    let Repaired { model, report } = fixed(cloud);
    assert_eq!(
        (model.mesh.positions_mm.len(), model.colors, report.points),
        (2, vec![[1; 4], [3; 4]], 1)
    );
    assert!(model.mesh.normals.is_empty());
    let nothing = fixed(Input::default());
    assert_eq!(nothing.report.findings(), []);
    let undefined = Input {
        positions: vec![[f32::NAN; 3]; 3],
        triangles: vec![[0, 1, 2]],
        ..Input::default()
    };
    let report = fixed(undefined).report;
    assert_eq!(
        (report.vertices, report.triangles, report.triangles_undefined),
        (0, 0, 1)
    );
}

#[test]
fn impossible_input_is_refused() {
    let good = input(block([0.0; 3], [1.0; 3]));
    let poisoned = |poison: fn(&mut Input)| {
        let mut input = good.clone();
        poison(&mut input);
        repair(input, &mm()).map(drop).unwrap_err()
    };
    assert!(matches!(
        poisoned(|i| i.triangles[3][1] = 8),
        SurfaceError::Index {
            index: 8,
            vertices: 8
        }
    ));
    assert!(matches!(
        poisoned(|i| i.colors.push([0; 4])),
        SurfaceError::AttributeCount {
            expected: 8,
            actual: 1
        }
    ));
    assert!(matches!(
        poisoned(|i| i.texture = Some(Texture {
            uv: Vec::new(),
            media: ImageMedia::Jpeg,
            image: Vec::new()
        })),
        SurfaceError::AttributeCount { actual: 0, .. }
    ));
}

proptest! {
    /// Any triangles give a surface whose own counts are those reported, and repairing it again changes nothing.
    #[test]
    fn repair_is_honest_and_done_once(
        places in prop::collection::vec(prop::array::uniform3(-2i8..3), 1..12),
        corners in prop::collection::vec(prop::array::uniform3(any::<prop::sample::Index>()), 0..40),
    ) {
        let raw = Input {
            positions: places.iter().map(|p| p.map(f32::from)).collect(),
            triangles: corners.iter().map(|t| t.map(|v| v.index(places.len()) as u32)).collect(),
            ..Input::default()
        };
        let is_cloud = raw.triangles.is_empty();
        let Repaired { model, report } = fixed(raw);
        let measures = model.mesh.measure();
        prop_assert_eq!(measures.boundary_edges as u64, report.boundary_edges);
        prop_assert_eq!(measures.non_manifold_edges as u64, report.non_manifold_edges);
        prop_assert_eq!(measures.misoriented_edges as u64, report.one_sided_edges);
        prop_assert!(measures.components as u64 <= report.components);
        prop_assert_eq!(report.triangles_read, report.triangles + report.degenerate + report.duplicates);
        if is_cloud {
            return Ok(());
        }
        let again = fixed(input(model.mesh.clone()));
        prop_assert_eq!(&again.model.mesh.triangles, &model.mesh.triangles);
        prop_assert_eq!(again.report.turned + again.report.degenerate + again.report.duplicates, 0);
    }
}
