//! Comparing surfaces whose distances and volumes are known.

use geometry::{DAffine3, DMat3, DVec3};
use surface::compare::{
    Comparison, Landmark, Onto, Options, Region, Registration, Start, Target, compare, distances, register,
};
use surface::{Mesh, SurfaceError};
use testkit::face::{Face, TrueSurface};

/// A closed mesh of `rings` x 2 `rings` with `radius_mm` in each direction (unit) from `center`.
fn star(center: DVec3, rings: u32, radius_mm: impl Fn(DVec3) -> f64) -> Mesh {
    let around = 2 * rings;
    let at = |d: DVec3| (center + d * radius_mm(d)).as_vec3().to_array();
    let mut positions_mm = vec![at(DVec3::Z), at(DVec3::NEG_Z)];
    for ring in 1..rings {
        for step in 0..around {
            let polar = std::f64::consts::PI * f64::from(ring) / f64::from(rings);
            let turn = std::f64::consts::TAU * f64::from(step) / f64::from(around);
            positions_mm.push(at(DVec3::new(
                polar.sin() * turn.cos(),
                polar.sin() * turn.sin(),
                polar.cos(),
            )));
        }
    }
    let vertex = |ring: u32, step: u32| match ring {
        0 => 0,
        r if r == rings => 1,
        r => 2 + (r - 1) * around + step % around,
    };
    let mut triangles = Vec::new();
    for ring in 0..rings {
        for step in 0..around {
            let [a, b] = [vertex(ring, step), vertex(ring + 1, step)];
            let [c, d] = [vertex(ring, step + 1), vertex(ring + 1, step + 1)];
            if ring > 0 {
                triangles.push([a, b, c]);
            }
            if ring + 1 < rings {
                triangles.push([c, b, d]);
            }
        }
    }
    Mesh {
        positions_mm,
        normals: Vec::new(),
        triangles,
    }
}

fn ball(radius_mm: f64) -> Mesh {
    star(DVec3::ZERO, 90, |_| radius_mm)
}

/// Radius of a head-like body: an ellipsoid of three axes with a nose that is `nose_mm` high, and an ear on one side
/// only, so that there is one way to lay it down.
fn head_mm(d: DVec3, nose_mm: f64) -> f64 {
    let body = 1.0 / (d / DVec3::new(75.0, 95.0, 115.0)).length();
    let bump = |toward: DVec3, width: f64, height: f64| {
        height * (-(d - toward.normalize()).length_squared() / (width * width)).exp()
    };
    body + bump(DVec3::new(0.0, -1.0, -0.1), 0.12, nose_mm)
        + bump(DVec3::new(0.3, -0.9, 0.2), 0.15, -6.0)
        + bump(DVec3::new(1.0, 0.2, 0.0), 0.2, 9.0)
        + bump(DVec3::new(0.1, -0.8, -0.7), 0.2, 8.0)
}

fn head(rings: u32, nose_mm: f64) -> Mesh {
    star(DVec3::ZERO, rings, |d| head_mm(d, nose_mm))
}

fn moved(mesh: &Mesh, motion: DAffine3) -> Mesh {
    let place = |p: &[f32; 3]| {
        let p = motion.transform_point3(DVec3::from_array(p.map(f64::from)));
        p.as_vec3().to_array()
    };
    Mesh {
        positions_mm: mesh.positions_mm.iter().map(place).collect(),
        ..mesh.clone()
    }
}

fn motion(turn: [f64; 3], shift: [f64; 3]) -> DAffine3 {
    let turn = DVec3::from_array(turn);
    let rotation = DMat3::from_axis_angle(turn.normalize_or(DVec3::X), turn.length());
    DAffine3::from_mat3_translation(rotation, DVec3::from_array(shift))
}

/// How far apart two motions take any point of `mesh`, at most, mm.
fn apart(mesh: &Mesh, a: DAffine3, b: DAffine3) -> f64 {
    let points = mesh
        .positions_mm
        .iter()
        .map(|p| DVec3::from_array(p.map(f64::from)));
    points
        .map(|p| a.transform_point3(p).distance(b.transform_point3(p)))
        .fold(0.0, f64::max)
}

fn found(a: &Mesh, b: &Mesh, stable: &Region, start: &Start) -> Result<Registration, SurfaceError> {
    register(a, b, &Target::new(b).unwrap(), stable, start)
}

fn in_place(a: &Mesh, b: &Mesh, options: Options) -> Comparison {
    let options = Options {
        start: Start::Given(DAffine3::IDENTITY),
        ..options
    };
    compare(a, b, &options).unwrap()
}

#[test]
fn two_balls_differ_by_their_radii() {
    let (small, large) = (ball(20.0), ball(23.0));
    let result = in_place(&small, &large, Options::default());
    let all = result.everywhere.unwrap();
    for value in [
        all.mean_mm,
        all.mean_absolute_mm,
        all.rms_mm,
        all.percentile_95_mm,
        all.maximum_mm,
    ] {
        assert!((value - 3.0).abs() < 0.01, "{all:?}");
    }
    assert_eq!(all.compared, 1.0);
    let shell = 4.0 / 3.0 * std::f64::consts::PI * (23f64.powi(3) - 20f64.powi(3));
    let between = result.between;
    assert!(
        (between.added_mm3 / shell - 1.0).abs() < 0.004,
        "{between:?} of {shell}"
    );
    assert_eq!(between.removed_mm3, 0.0);
    assert!((result.peak.unwrap().moved_mm - 3.0).abs() < 0.02);

    let back = in_place(&large, &small, Options::default());
    assert!((back.everywhere.unwrap().mean_mm + 3.0).abs() < 0.01);
    assert!((back.between.removed_mm3 / shell - 1.0).abs() < 0.004);
    assert_eq!(back.between.added_mm3, 0.0);
}

#[test]
fn a_volume_is_only_taken_inside_the_region() {
    let inside: Region = "sphere:0,0,24,9".parse().unwrap();
    let options = Options {
        inside: Some(inside),
        ..Options::default()
    };
    let between = in_place(&ball(20.0), &ball(23.0), options).between;
    // Lenses of two balls that meet (Weisstein, "Sphere-sphere intersection").
    let lens = |radius: f64| {
        let (d, r) = (24.0, 9.0);
        std::f64::consts::PI
            * (radius + r - d).powi(2)
            * (d * d + 2.0 * d * (r + radius) - 3.0 * (r * r + radius * radius) + 6.0 * r * radius)
            / (12.0 * d)
    };
    let expected = lens(23.0) - lens(20.0);
    assert!(
        (between.added_mm3 / expected - 1.0).abs() < 0.01,
        "{between:?} of {expected}"
    );
    assert_eq!(between.removed_mm3, 0.0);
}

#[test]
fn shifted_planes_are_as_far_apart_everywhere_but_beyond_the_end() {
    let sheet = |size: [f32; 2], z: f32| Mesh {
        positions_mm: vec![
            [0.0, 0.0, z],
            [size[0], 0.0, z],
            [size[0], size[1], z],
            [0.0, size[1], z],
        ],
        normals: Vec::new(),
        triangles: vec![[0, 1, 2], [0, 2, 3]],
    };
    let options = Options {
        longest_edge_mm: 0.9,
        ..Options::default()
    };
    let result = in_place(&sheet([30.0, 20.0], 5.0), &sheet([24.0, 26.0], 6.25), options);
    let all = result.everywhere.unwrap();
    assert!(
        (all.mean_mm - 1.25).abs() < 1e-5 && (all.maximum_mm - 1.25).abs() < 1e-5,
        "{all:?}"
    );
    // 24 of 30 mm have a counterpart; vertices on and beside the ends do not.
    assert!((all.compared - 0.8).abs() < 0.06, "{all:?}");
    let beyond = result.refined.mesh.positions_mm.iter().zip(&result.distances.mm);
    for (p, mm) in beyond {
        assert!(p[0] < 24.0 || mm.is_nan(), "{p:?} {mm}");
    }
}

#[test]
fn a_turned_box_is_found_and_its_change_measured() {
    let block =
        |size: DVec3, rings: u32| star(DVec3::ZERO, rings, move |d| 1.0 / (d / size).abs().max_element());
    let a = block(DVec3::new(20.0, 33.0, 51.0), 40);
    let turn = motion([0.3, -0.2, 0.25], [4.0, -7.0, 2.0]);
    let b = moved(&a, turn);
    let result = found(&a, &b, &Region::Everything, &Start::Anywhere).unwrap();
    assert!(apart(&a, result.b_from_a, turn) < 0.01, "{result:?}");
    assert!(result.residual_mm < 1e-3 && result.agreeing > 0.95, "{result:?}");
}

#[test]
fn a_known_motion_is_recovered_from_anywhere() {
    let a = head(60, 24.0);
    for (turn, shift) in [
        ([0.0, 0.0, 0.02], [0.5, -0.3, 0.2]),
        ([0.3, -0.4, 0.2], [30.0, -80.0, 12.0]),
        ([0.0, 3.0, 0.4], [-400.0, 20.0, 900.0]),
        ([-1.2, 0.5, 1.7], [3.0, 2.0, 1.0]),
    ] {
        let known = motion(turn, shift);
        let b = moved(&a, known);
        let result = found(&a, &b, &Region::Everything, &Start::Anywhere).unwrap();
        let error = apart(&a, result.b_from_a, known);
        assert!(error < 0.01, "{turn:?}: {error} mm, {result:?}");
        assert!(result.agreeing > 0.99 && result.firmness > Registration::LOOSE);
    }
}

#[test]
fn the_same_input_gives_the_same_bits() {
    let (a, b) = (
        head(40, 24.0),
        moved(&head(41, 27.0), motion([0.3, -0.4, 0.2], [30.0, -80.0, 12.0])),
    );
    let once = || compare(&a, &b, &Options::default()).unwrap();
    let (first, second) = (once(), once());
    assert_eq!(first.registration, second.registration);
    assert_eq!(first.between, second.between);
    assert_eq!(first.peak, second.peak);
    let bits = |c: &Comparison| c.distances.mm.iter().map(|mm| mm.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&first), bits(&second));
}

#[test]
fn triangles_need_not_be_the_same() {
    let (a, b) = (
        head(55, 24.0),
        moved(&head(83, 24.0), motion([0.2, 0.1, -0.3], [9.0, 5.0, -4.0])),
    );
    let result = found(&a, &b, &Region::Everything, &Start::Anywhere).unwrap();
    let error = apart(&a, result.b_from_a, motion([0.2, 0.1, -0.3], [9.0, 5.0, -4.0]));
    assert!(error < 0.05, "{error} mm: {result:?}");
}

#[test]
fn what_changed_or_is_missing_does_not_pull() {
    let known = motion([0.1, 0.2, -0.15], [12.0, -6.0, 3.0]);
    let a = head(150, 24.0);
    let mut b = moved(&head(150, 31.0), known);
    // The back of the head was not captured.
    let a_from_b = known.inverse();
    let is_seen = |v: u32| {
        let p = DVec3::from_array(b.positions_mm[v as usize].map(f64::from));
        a_from_b.transform_point3(p).y < 35.0
    };
    b.triangles = b
        .triangles
        .iter()
        .copied()
        .filter(|t| t.iter().all(|&v| is_seen(v)))
        .collect();
    let stable: Region = "not:sphere:0,-115,-12,32".parse().unwrap();
    for (stable, limit_mm) in [(Region::Everything, 0.01), (stable, 0.01)] {
        let result = found(&a, &b, &stable, &Start::Anywhere).unwrap();
        let error = apart(&a, result.b_from_a, known);
        assert!(error < limit_mm, "{error} mm: {result:?}");
    }
    let options = Options {
        stable: "not:sphere:0,-115,-12,32".parse().unwrap(),
        ..Options::default()
    };
    let result = compare(&a, &b, &options).unwrap();
    let (stable, peak) = (result.stable.unwrap(), result.peak.unwrap());
    assert!(stable.mean_mm.abs() < 0.01 && stable.rms_mm < 0.02, "{stable:?}");
    assert!((0.6..0.95).contains(&stable.compared), "{stable:?}");
    assert!((peak.moved_mm - 7.0).abs() < 0.25, "{peak:?}");
    assert!(
        peak.at_mm.distance(DVec3::new(0.0, -118.0, -12.0)) < 3.0,
        "{peak:?}"
    );
    assert!(
        result.between.added_mm3 > 100.0 * result.between.removed_mm3,
        "{:?}",
        result.between
    );
    let target = Target::new(&b).unwrap();
    let onto = Onto {
        target: &target,
        b_from_a: result.registration.b_from_a,
    };
    let local = |x, y, z| {
        let place = DVec3::new(x, y, z);
        result.distances.local(&result.refined.mesh, onto, place, 4.0)
    };
    let tip = local(0.0, -119.0, -12.0);
    assert!((tip.unwrap().moved_mm - 7.0).abs() < 0.25, "{tip:?}");
    assert_eq!(local(900.0, 900.0, 900.0), None);
}

#[test]
fn the_volume_of_a_part_is_that_of_the_two_bodies() {
    let (a, b) = (head(110, 24.0), head(110, 31.0));
    let expected = b.volume_mm3() - a.volume_mm3();
    for inside in ["sphere:0,-115,-12,45", "all"] {
        let options = Options {
            inside: Some(inside.parse().unwrap()),
            ..Options::default()
        };
        let between = in_place(&a, &b, options).between;
        assert!(
            (between.net_mm3() / expected - 1.0).abs() < 0.02,
            "{inside}: {between:?} of {expected}"
        );
        assert!(between.removed_mm3 < 0.01 * expected);
    }
}

#[test]
fn landmarks_start_a_registration_and_are_judged() {
    let known = motion([0.0, 3.0, 0.5], [100.0, 200.0, -300.0]);
    let a = head(50, 24.0);
    let b = moved(&a, known);
    let landmarks = |error: f64| {
        let points = [
            [0.0, -119.0, -12.0],
            [75.0, 0.0, 0.0],
            [0.0, 0.0, 115.0],
            [-75.0, 0.0, 0.0],
        ];
        let pair = |(i, p): (usize, [f64; 3])| {
            let a_mm = DVec3::from_array(p);
            let off = DVec3::new(error, -error, 0.0) * if i % 2 == 0 { 1.0 } else { -1.0 };
            Landmark {
                a_mm,
                b_mm: known.transform_point3(a_mm) + off,
            }
        };
        points.into_iter().enumerate().map(pair).collect::<Vec<_>>()
    };
    let result = found(&a, &b, &Region::Everything, &Start::Landmarks(landmarks(3.0))).unwrap();
    assert!(apart(&a, result.b_from_a, known) < 0.01, "{result:?}");
    assert!(
        (result.landmarks_mm.unwrap() - 18f64.sqrt()).abs() < 0.05,
        "{result:?}"
    );
    let rows = result.b_from_a_rows();
    let p = result.b_from_a.transform_point3(DVec3::new(1.0, 2.0, 3.0));
    assert!((rows[4] + 2.0 * rows[5] + 3.0 * rows[6] + rows[7] - p.y).abs() < 1e-9);
    assert_eq!(rows[12..], [0.0, 0.0, 0.0, 1.0]);

    let two = landmarks(0.0)[..2].to_vec();
    let refused = found(&a, &b, &Region::Everything, &Start::Landmarks(two));
    assert_eq!(refused, Err(SurfaceError::Landmarks { count: 2 }));
}

#[test]
fn what_can_turn_is_said_to_be_loose() {
    let result = found(
        &ball(20.0),
        &ball(20.0),
        &Region::Everything,
        &Start::Near(DAffine3::IDENTITY),
    );
    assert!(result.unwrap().firmness < Registration::LOOSE);
}

#[test]
fn what_has_no_area_or_no_counterpart_is_refused() {
    let a = head(20, 24.0);
    let far: Region = "sphere:900,0,0,5".parse().unwrap();
    assert!(matches!(
        found(&a, &a, &far, &Start::Anywhere),
        Err(SurfaceError::Nothing(_))
    ));
    let empty = Mesh::default();
    for (a, b) in [(&empty, &a), (&a, &empty)] {
        assert!(matches!(
            compare(a, b, &Options::default()),
            Err(SurfaceError::Nothing(_))
        ));
    }
    let mut inside_out = a.clone();
    inside_out.triangles.iter_mut().for_each(|t| t.swap(0, 1));
    let refused = found(
        &a,
        &inside_out,
        &Region::Everything,
        &Start::Near(DAffine3::IDENTITY),
    );
    assert_eq!(refused, Err(SurfaceError::NothingInCommon));
}

#[test]
fn poisoned_vertices_are_not_compared() {
    let mut a = head(30, 24.0);
    a.positions_mm[40] = [f32::NAN, 0.0, f32::INFINITY];
    a.positions_mm[90] = [f32::MAX, 0.0, 0.0];
    let b = head(30, 24.0);
    let target = Target::new(&b).unwrap();
    let onto = Onto {
        target: &target,
        b_from_a: DAffine3::IDENTITY,
    };
    let result = distances(&a, onto, 10.0);
    assert!(result.mm[40].is_nan() && result.mm[90].is_nan());
    let all = result.statistics(&a, &Region::Everything).unwrap();
    assert!(all.rms_mm.is_finite());
    let result = compare(&a, &b, &Options::default()).unwrap();
    assert!(result.registration.residual_mm.is_finite());
}

/// The phantom's skin with the noise of a capture: smooth over about 2 mm, `noise_mm` root mean square.
fn captured(shift_mm: f32, noise_mm: f64, phase: f64) -> Mesh {
    let skin = TrueSurface::of(&Face::shifted(shift_mm));
    let face = Face::shifted(shift_mm);
    let positions_mm = skin.positions_mm.iter().map(|&p| {
        let q = DVec3::from_array(p.map(f64::from));
        let waves = [(2.9, 0.3, 1.1), (0.4, 3.1, 0.9), (1.0, 0.6, 2.7), (2.1, 2.3, 0.2)];
        let noise: f64 = waves
            .iter()
            .zip(1..)
            .map(|(&(a, b, c), k)| (q.dot(DVec3::new(a, b, c)) + phase * f64::from(k)).sin())
            .sum();
        // Four waves have a root mean square of the root of two.
        let off = (noise_mm / 2f64.sqrt() * noise) as f32;
        let n = face.normal(p);
        std::array::from_fn(|i| p[i] + n[i] * off)
    });
    Mesh {
        positions_mm: positions_mm.collect(),
        normals: Vec::new(),
        triangles: skin.triangles,
    }
}

#[test]
fn a_nose_tip_moved_by_three_mm_is_reported_as_three() {
    let known = motion([0.02, -0.03, 0.05], [4.0, -2.0, 3.0]);
    let (a, b) = (captured(0.0, 0.1, 0.7), moved(&captured(3.0, 0.1, 4.1), known));
    let [x, y, z] = Face::default().tip_mm();
    for stable in ["all".to_owned(), format!("not:sphere:{x},{y},{z},30")] {
        let options = Options {
            stable: stable.parse().unwrap(),
            ..Options::default()
        };
        let result = compare(&a, &b, &options).unwrap();
        let (peak, all) = (result.peak.unwrap(), result.everywhere.unwrap());
        println!("{stable}: {peak:?} {:?} {all:?}", result.stable);
        assert!((peak.moved_mm - 3.0).abs() < 0.2, "{peak:?}");
        let tip = DVec3::new(x.into(), y.into(), z.into());
        assert!(peak.at_mm.distance(tip) < 9.5, "{peak:?} {tip}");
        let unchanged = result.stable.unwrap_or(all);
        assert!(unchanged.mean_mm.abs() < 0.1, "{unchanged:?}");
        assert!(apart(&a, result.registration.b_from_a, known) < 0.1);
    }
}

#[test]
fn a_part_is_laid_onto_the_whole_either_way() {
    let known = motion([0.2, -0.1, 0.3], [40.0, -20.0, 10.0]);
    let whole = head(70, 24.0);
    let mut part = moved(&whole, known);
    let whole_from_part = known.inverse();
    let is_seen = |v: u32| {
        let p =
            whole_from_part.transform_point3(DVec3::from_array(part.positions_mm[v as usize].map(f64::from)));
        p.y < -10.0 && p.z > -60.0
    };
    part.triangles = part
        .triangles
        .iter()
        .copied()
        .filter(|t| t.iter().all(|&v| is_seen(v)))
        .collect();
    assert!(part.area_mm2() < 0.45 * whole.area_mm2());
    for (a, b, known) in [(&whole, &part, known), (&part, &whole, whole_from_part)] {
        let result = found(a, b, &Region::Everything, &Start::Anywhere).unwrap();
        let error = apart(a, result.b_from_a, known);
        assert!(error < 0.02 && result.agreeing > 0.9, "{error} mm: {result:?}");
    }
}
