//! Depth fusion on shapes with closed-form answers: distances, areas and poses are compared with the truth.

use geometry::{DAffine3, DMat3, DVec3, Pinhole};
use surface::fusion::{
    AccuracyCard, ColorImage, DepthFrame, DepthImage, Facing, Fused, Fusion, FusionError, PoseSource,
    PoseUse, Reach, Rejection, Survey, Unfit, orient,
};

const CAMERA: Pinhole = Pinhole {
    width: 320,
    height: 240,
    focal_px: [290.0, 295.0],
    center_px: [161.0, 117.5],
};

/// What is seen: a distance to the first hit along a ray.
trait Shape: Sync {
    fn hit(&self, from: DVec3, along: DVec3) -> Option<f64>;
}

struct Sphere {
    center: DVec3,
    radius: f64,
}

impl Shape for Sphere {
    fn hit(&self, from: DVec3, along: DVec3) -> Option<f64> {
        let off = from - self.center;
        let (a, b) = (along.length_squared(), off.dot(along));
        let left = b * b - a * (off.length_squared() - self.radius * self.radius);
        (left > 0.0).then(|| (-b - left.sqrt()) / a).filter(|t| *t > 0.0)
    }
}

struct Plane {
    normal: DVec3,
    offset: f64,
}

impl Shape for Plane {
    fn hit(&self, from: DVec3, along: DVec3) -> Option<f64> {
        Some((self.offset - self.normal.dot(from)) / self.normal.dot(along)).filter(|t| *t > 0.0)
    }
}

/// A head of spheres: round, with a nose below its middle, deep eyes and a chin, so that nothing can slide.
struct Head(Vec<Sphere>);

impl Head {
    fn new() -> Self {
        let ball = |x: f64, y: f64, z: f64, radius: f64| Sphere {
            center: DVec3::new(x, y, z),
            radius,
        };
        // Patient axes: the face looks along -y.
        Self(vec![
            ball(0.0, 0.0, 0.0, 80.0),
            ball(0.0, -72.0, 6.0, 16.0),
            ball(0.0, -76.0, -2.0, 16.0),
            ball(0.0, -82.0, -10.0, 14.0),
            ball(0.0, -40.0, -62.0, 38.0),
            ball(-76.0, 5.0, 4.0, 18.0),
            ball(76.0, 5.0, 4.0, 18.0),
            ball(-34.0, -62.0, 34.0, 22.0),
            ball(34.0, -62.0, 34.0, 22.0),
        ])
    }

    /// How far a point is from the skin: exact near the skin.
    fn distance(&self, p: DVec3) -> f64 {
        let distances = self.0.iter().map(|s| p.distance(s.center) - s.radius);
        distances.fold(f64::INFINITY, f64::min)
    }
}

impl Shape for Head {
    fn hit(&self, from: DVec3, along: DVec3) -> Option<f64> {
        self.0.iter().filter_map(|s| s.hit(from, along)).reduce(f64::min)
    }
}

struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A camera at `eye` that looks at `target` with z up.
fn looking(eye: DVec3, target: DVec3) -> DAffine3 {
    let z = (target - eye).normalize();
    let x = z.cross(DVec3::Z).normalize();
    DAffine3 {
        matrix3: DMat3::from_cols(x, z.cross(x), z),
        translation: eye,
    }
}

fn depth_of(shape: &dyn Shape, pose: &DAffine3, noise_mm: f64, seed: u64) -> Vec<f32> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut depth = Vec::with_capacity(CAMERA.pixel_count());
    for row in 0..CAMERA.height {
        for column in 0..CAMERA.width {
            let ray = CAMERA.point_mm(f64::from(column), f64::from(row), 1.0);
            let noise = noise_mm * random.normal();
            let hit = shape.hit(pose.translation, pose.matrix3 * ray);
            depth.push(hit.map_or(f32::NAN, |z| (z + noise) as f32));
        }
    }
    depth
}

/// Poses on an arc of the given angles around a head.
fn arc(frames: usize, degrees: f64) -> Vec<DAffine3> {
    (0..frames)
        .map(|k| {
            let t = k as f64 / (frames - 1).max(1) as f64;
            let yaw = (degrees * (t - 0.5)).to_radians();
            let pitch = (10.0 * (6.0 * t).sin()).to_radians();
            let direction = DVec3::new(yaw.sin() * pitch.cos(), -yaw.cos() * pitch.cos(), pitch.sin());
            looking(direction * 330.0, DVec3::new(3.0, 0.0, -4.0))
        })
        .collect()
}

fn frame(depth: &[f32], pose: Option<DAffine3>) -> DepthFrame<'_> {
    DepthFrame {
        depth: DepthImage {
            samples_mm: depth,
            camera: CAMERA,
        },
        color: None,
        world_from_camera: pose,
        gravity_in_camera: None,
    }
}

fn fuse(shape: &dyn Shape, poses: &[DAffine3], voxel_mm: f64, noise_mm: f64) -> Fused {
    let mut fusion = Fusion::new(voxel_mm, None).unwrap();
    for (n, pose) in poses.iter().enumerate() {
        let depth = depth_of(shape, pose, noise_mm, n as u64 + 1);
        fusion.integrate(&frame(&depth, None), pose).unwrap();
    }
    fusion.finish().unwrap()
}

/// Mean and root mean square of a value over the vertices.
fn statistics(fused: &Fused, value: impl Fn(DVec3) -> f64) -> (f64, f64) {
    let values: Vec<f64> = fused
        .surface
        .mesh
        .positions_mm
        .iter()
        .map(|p| value(DVec3::from_array(p.map(f64::from))))
        .collect();
    let count = values.len() as f64;
    let squares: f64 = values.iter().map(|v| v * v).sum();
    (values.iter().sum::<f64>() / count, (squares / count).sqrt())
}

#[test]
fn a_sphere_has_its_radius_from_every_side_and_is_closed() {
    let sphere = Sphere {
        center: DVec3::new(21.0, -13.0, 7.5),
        radius: 47.0,
    };
    let mut poses = Vec::new();
    for k in 0..16 {
        let z = 1.0 - (f64::from(k) + 0.5) / 8.0;
        let turn = f64::from(k) * 2.4;
        let across = (1.0f64 - z * z).sqrt();
        let direction = DVec3::new(across * turn.cos(), across * turn.sin(), z);
        poses.push(looking(sphere.center + direction * 210.0, sphere.center));
    }
    let fused = fuse(&sphere, &poses, 1.5, 0.0);
    let (mean, rms) = statistics(&fused, |p| p.distance(sphere.center) - sphere.radius);
    assert!(mean.abs() < 0.02 && rms < 0.03, "mean {mean}, RMS {rms}");
    let measures = fused.surface.mesh.measure();
    assert!(measures.is_watertight(), "{measures:?}");
    assert_eq!(measures.components, 1);
    let area = 4.0 * std::f64::consts::PI * sphere.radius.powi(2);
    assert!(
        (measures.area_mm2 / area - 1.0).abs() < 2e-3,
        "{}",
        measures.area_mm2
    );
    // Triangles and normals face the cameras.
    assert!(measures.volume_mm3 > 0.0);
    for (p, n) in fused
        .surface
        .mesh
        .positions_mm
        .iter()
        .zip(&fused.surface.mesh.normals)
    {
        let out = (DVec3::from_array(p.map(f64::from)) - sphere.center).normalize();
        assert!(out.dot(DVec3::from_array(n.map(f64::from))) > 0.99);
    }
}

#[test]
fn an_oblique_plane_lies_where_it_is_and_ends_where_nothing_was_seen() {
    let normal = DVec3::new(0.3, -0.9, 0.2).normalize();
    let plane = Plane { normal, offset: 12.0 };
    let poses: Vec<DAffine3> = (0..5)
        .map(|k| looking(DVec3::new(30.0 * f64::from(k) - 60.0, -300.0, 25.0), DVec3::ZERO))
        .collect();
    let fused = fuse(&plane, &poses, 2.0, 0.0);
    let (mean, rms) = statistics(&fused, |p| normal.dot(p) - plane.offset);
    assert!(mean.abs() < 0.01 && rms < 0.01, "mean {mean}, RMS {rms}");
    let measures = fused.surface.mesh.measure();
    assert_eq!(
        (
            measures.components,
            measures.non_manifold_edges,
            measures.misoriented_edges
        ),
        (1, 0, 0)
    );
    assert!(measures.boundary_edges > 100);
}

#[test]
fn noise_is_averaged_without_bias() {
    let head = Head::new();
    let poses = arc(24, 110.0);
    let fused = fuse(&head, &poses, 1.25, 0.6);
    let (mean, rms) = statistics(&fused, |p| head.distance(p));
    // Where spheres meet the skin has creases, which a voxel rounds.
    assert!(mean.abs() < 0.06 && rms < 0.2, "mean {mean}, RMS {rms}");
    let again = fuse(&head, &poses, 1.25, 0.6);
    assert_eq!(
        fused.surface.mesh, again.surface.mesh,
        "two runs give the same surface"
    );
}

fn survey(use_: PoseUse, depths: &[Vec<f32>], poses: &[Option<DAffine3>]) -> surface::fusion::Registration {
    let mut survey = Survey::new(use_, None);
    for (depth, pose) in depths.iter().zip(poses) {
        survey.add(&frame(depth, *pose)).unwrap();
    }
    survey.place().unwrap()
}

/// The largest error of a point of the head, relative to the first used frame, mm.
fn largest_drift(found: &surface::fusion::Registration, truth: &[DAffine3]) -> f64 {
    let first = found.frames[0].world_from_camera.unwrap();
    let back = truth[0] * first.inverse();
    let mut largest: f64 = 0.0;
    for (placement, truth) in found.frames.iter().zip(truth) {
        let Some(pose) = placement.world_from_camera else {
            continue;
        };
        let off = (back * pose) * truth.inverse();
        for corner in [DVec3::X, DVec3::Y, DVec3::Z, DVec3::NEG_X] {
            let p = corner * 80.0;
            largest = largest.max(off.transform_point3(p).distance(p));
        }
    }
    largest
}

#[test]
fn poses_are_found_from_the_shape_alone() {
    let head = Head::new();
    let truth = arc(16, 100.0);
    let depths: Vec<Vec<f32>> = truth
        .iter()
        .zip(1..)
        .map(|(p, n)| depth_of(&head, p, 0.4, n))
        .collect();
    let found = survey(PoseUse::Judged, &depths, &vec![None; truth.len()]);
    assert_eq!((found.source, found.used()), (PoseSource::Found, truth.len()));
    let drift = largest_drift(&found, &truth);
    assert!(drift < 0.6, "{drift} mm");
    assert!(found.misfit_mm < 0.15 && found.firmness > 0.002, "{found:?}");
}

#[test]
fn a_large_step_is_found_again() {
    let head = Head::new();
    let mut truth = arc(14, 90.0);
    // The camera jumps by 20 degrees in the middle.
    let turn = DAffine3::from_mat3(DMat3::from_rotation_z(0.35));
    for pose in &mut truth[7..] {
        *pose = turn * *pose;
    }
    let depths: Vec<Vec<f32>> = truth
        .iter()
        .zip(1..)
        .map(|(p, n)| depth_of(&head, p, 0.3, n))
        .collect();
    let found = survey(PoseUse::Judged, &depths, &vec![None; truth.len()]);
    assert_eq!(found.used(), truth.len());
    let drift = largest_drift(&found, &truth);
    assert!(drift < 1.0, "{drift} mm");
}

#[test]
fn a_frame_that_shows_something_else_is_left_out() {
    let head = Head::new();
    let truth = arc(14, 90.0);
    let mut depths: Vec<Vec<f32>> = truth
        .iter()
        .zip(1..)
        .map(|(p, n)| depth_of(&head, p, 0.3, n))
        .collect();
    let ball = Sphere {
        center: DVec3::ZERO,
        radius: 101.0,
    };
    depths[4] = depth_of(&ball, &truth[4], 0.3, 99);
    let found = survey(PoseUse::Judged, &depths, &vec![None; truth.len()]);
    let left_out: Vec<usize> = (0..truth.len())
        .filter(|&n| found.frames[n].world_from_camera.is_none())
        .collect();
    assert_eq!(left_out, [4]);
    assert!(matches!(
        found.frames[4].rejection,
        Some(Rejection::Moved | Rejection::Lost)
    ));
    let drift = largest_drift(&found, &truth);
    assert!(drift < 1.0, "{drift} mm");
}

#[test]
fn good_poses_are_kept_and_shaken_ones_are_mended() {
    let head = Head::new();
    let truth = arc(12, 80.0);
    let depths: Vec<Vec<f32>> = truth
        .iter()
        .zip(1..)
        .map(|(p, n)| depth_of(&head, p, 0.3, n))
        .collect();
    let good: Vec<Option<DAffine3>> = truth.iter().copied().map(Some).collect();
    assert_eq!(survey(PoseUse::Judged, &depths, &good).source, PoseSource::Given);
    let mut random = Random(77);
    let mut direction = || DVec3::new(random.normal(), random.normal(), random.normal()).normalize();
    let shaken: Vec<Option<DAffine3>> = truth
        .iter()
        .map(|pose| {
            let turn = DMat3::from_axis_angle(direction(), 0.5f64.to_radians());
            Some(DAffine3 {
                matrix3: turn * pose.matrix3,
                translation: pose.translation + direction() * 2.0,
            })
        })
        .collect();
    let mended = survey(PoseUse::Judged, &depths, &shaken);
    assert_eq!(mended.source, PoseSource::Refined);
    let drift = largest_drift(&mended, &truth);
    assert!(drift < 0.6, "{drift} mm");
    assert_eq!(survey(PoseUse::Given, &depths, &shaken).source, PoseSource::Given);
}

#[test]
fn the_card_tells_a_good_capture_from_a_poor_one() {
    let head = Head::new();
    let truth = arc(20, 110.0);
    let depths: Vec<Vec<f32>> = truth
        .iter()
        .zip(1..)
        .map(|(p, n)| depth_of(&head, p, 0.5, n))
        .collect();
    let found = survey(PoseUse::Judged, &depths, &vec![None; truth.len()]);
    // In the axes of the phantom, so that the error can be measured.
    let back = truth[0] * found.frames[0].world_from_camera.unwrap().inverse();
    let mut fusion = Fusion::new(1.25, Some(found.reach)).unwrap();
    for (depth, placement) in depths.iter().zip(&found.frames) {
        fusion
            .integrate(
                &frame(depth, None),
                &(back * placement.world_from_camera.unwrap()),
            )
            .unwrap();
    }
    let fused = fusion.finish().unwrap();
    let card = AccuracyCard::of(&found, &fused);
    assert!(card.is_fit_for_measuring(), "{:?}", card.unfit);
    let (_, rms) = statistics(&fused, |p| head.distance(p));
    assert!(rms < 0.46, "{rms}");
    let ratio = card.expected_error_mm / rms;
    assert!(
        (0.3..3.0).contains(&ratio),
        "expected {}, true {rms}",
        card.expected_error_mm
    );
    assert!(
        (card.view_span_deg - 110.0).abs() < 15.0,
        "{}",
        card.view_span_deg
    );
    assert!((card.noise_mm.unwrap() - 0.5).abs() < 0.1, "{:?}", card.noise_mm);

    let single = survey(PoseUse::Judged, &depths[..1], &[None]);
    let mut fusion = Fusion::new(1.25, None).unwrap();
    fusion
        .integrate(&frame(&depths[0], None), &DAffine3::IDENTITY)
        .unwrap();
    let card = AccuracyCard::of(&single, &fusion.finish().unwrap());
    assert!(card.unfit.contains(&Unfit::SingleFrame), "{:?}", card.unfit);
    assert!(!card.is_fit_for_measuring());
}

#[test]
fn a_sphere_does_not_fix_poses_and_the_card_says_so() {
    let ball = Sphere {
        center: DVec3::ZERO,
        radius: 90.0,
    };
    let truth = arc(8, 60.0);
    let depths: Vec<Vec<f32>> = truth
        .iter()
        .zip(1..)
        .map(|(p, n)| depth_of(&ball, p, 0.3, n))
        .collect();
    let found = survey(PoseUse::Judged, &depths, &vec![None; truth.len()]);
    let mut fusion = Fusion::new(2.0, Some(found.reach)).unwrap();
    for (depth, placement) in depths.iter().zip(&found.frames) {
        if let Some(pose) = placement.world_from_camera {
            fusion.integrate(&frame(depth, None), &pose).unwrap();
        }
    }
    let card = AccuracyCard::of(&found, &fusion.finish().unwrap());
    assert!(card.unfit.contains(&Unfit::Sliding), "{card:?}");
}

#[test]
fn a_face_is_turned_upright_in_patient_axes() {
    let head = Head::new();
    let truth = arc(16, 110.0);
    // The phantom stands in patient axes; the fusion sees it in a world turned anyhow.
    let world = DAffine3 {
        matrix3: DMat3::from_axis_angle(DVec3::new(0.4, -0.8, 0.2).normalize(), 2.1),
        translation: DVec3::new(300.0, -120.0, 40.0),
    };
    let poses: Vec<DAffine3> = truth.iter().map(|p| world * *p).collect();
    let mut fusion = Fusion::new(2.0, None).unwrap();
    for (n, pose) in truth.iter().enumerate() {
        let depth = depth_of(&head, pose, 0.2, n as u64 + 1);
        fusion.integrate(&frame(&depth, None), &poses[n]).unwrap();
    }
    let fused = fusion.finish().unwrap();
    let down = world.matrix3 * DVec3::NEG_Z;
    for (gravity, by) in [(Some(down), Facing::Gravity), (None, Facing::Shape)] {
        let upright = orient(&fused, gravity);
        assert_eq!((upright.up, upright.front), (by, Facing::Shape), "{upright:?}");
        assert!(upright.is_certain());
        let turn = upright.patient_from_world.matrix3 * world.matrix3;
        let left = (turn * DVec3::X).angle_between(DVec3::X).to_degrees();
        assert!(left < 2.0, "left is off by {left} degrees");
        let up = (turn * DVec3::Z).angle_between(DVec3::Z).to_degrees();
        assert!(
            up < if gravity.is_some() { 2.0 } else { 25.0 },
            "up is off by {up} degrees"
        );
    }
}

#[test]
fn an_even_ball_has_no_certain_up() {
    let ball = Sphere {
        center: DVec3::ZERO,
        radius: 90.0,
    };
    let fused = fuse(&ball, &arc(6, 60.0), 3.0, 0.0);
    let upright = orient(&fused, None);
    assert_eq!(upright.up, Facing::Camera);
    assert!(!upright.is_certain());
}

#[test]
fn colors_come_from_the_place_that_was_seen() {
    let ball = Sphere {
        center: DVec3::ZERO,
        radius: 60.0,
    };
    let poses = arc(4, 40.0);
    let camera = CAMERA.resized(200, 150);
    let mut fusion = Fusion::new(2.0, None).unwrap();
    for (n, pose) in poses.iter().enumerate() {
        let depth = depth_of(&ball, pose, 0.0, n as u64 + 1);
        // Red to one side of the world, blue to the other.
        let mut pixels = Vec::new();
        for row in 0..camera.height {
            for column in 0..camera.width {
                let ray = pose.matrix3 * camera.point_mm(f64::from(column), f64::from(row), 1.0);
                let hit = ball
                    .hit(pose.translation, ray)
                    .map(|t| pose.translation + ray * t);
                pixels.push(match hit {
                    Some(p) if p.x < 0.0 => [240, 20, 10],
                    _ => [10, 30, 200],
                });
            }
        }
        let colored = DepthFrame {
            color: Some(ColorImage {
                samples: &pixels,
                camera,
            }),
            ..frame(&depth, None)
        };
        fusion.integrate(&colored, pose).unwrap();
    }
    let surface = fusion.finish().unwrap().surface;
    for (p, color) in surface.mesh.positions_mm.iter().zip(&surface.colors) {
        if p[0] < -5.0 && p[0] > -40.0 {
            assert!(color[0] > 200 && color[2] < 60, "{p:?} {color:?}");
        } else if p[0] > 5.0 && p[0] < 40.0 {
            assert!(color[2] > 160 && color[0] < 60, "{p:?} {color:?}");
        }
    }
    let model = surface.into_model();
    assert_eq!(model.colors.len(), model.mesh.positions_mm.len());
}

#[test]
fn what_lies_behind_the_subject_is_left_out() {
    struct Scene(Sphere, Plane);
    impl Shape for Scene {
        fn hit(&self, from: DVec3, along: DVec3) -> Option<f64> {
            self.0.hit(from, along).or_else(|| self.1.hit(from, along))
        }
    }
    let scene = Scene(
        Sphere {
            center: DVec3::ZERO,
            radius: 80.0,
        },
        Plane {
            normal: DVec3::Y,
            offset: 900.0,
        },
    );
    let fused = fuse(&scene, &arc(4, 30.0), 2.0, 0.0);
    assert!(fused.surface.mesh.positions_mm.iter().all(|p| p[1] < 90.0));
    assert_eq!(fused.surface.mesh.measure().components, 1);
}

#[test]
fn unusable_frames_are_refused_with_a_reason() {
    let depth = vec![300.0; CAMERA.pixel_count()];
    let mut fusion = Fusion::new(1.0, Some(Reach::ALL)).unwrap();
    let stretched = DAffine3::from_scale(DVec3::new(1.0, 1.1, 1.0));
    let mirrored = DAffine3::from_scale(DVec3::new(1.0, -1.0, 1.0));
    let nowhere = DAffine3::from_translation(DVec3::new(f64::NAN, 0.0, 0.0));
    let far = DAffine3::from_translation(DVec3::new(0.0, 1e300, 0.0));
    for pose in [stretched, mirrored, nowhere, far] {
        assert_eq!(
            fusion.integrate(&frame(&depth, None), &pose),
            Err(FusionError::Pose)
        );
    }
    let short = frame(&depth[1..], None);
    assert_eq!(
        fusion.integrate(&short, &DAffine3::IDENTITY),
        Err(FusionError::SampleCount {
            expected: CAMERA.pixel_count(),
            actual: CAMERA.pixel_count() - 1
        })
    );
    let mut blind = frame(&depth, None);
    blind.depth.camera.focal_px[1] = f64::INFINITY;
    assert_eq!(
        fusion.integrate(&blind, &DAffine3::IDENTITY),
        Err(FusionError::Camera)
    );
    assert!(matches!(fusion.finish(), Err(FusionError::Nothing)));
    for voxel in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(Fusion::new(voxel, None), Err(FusionError::Voxel(_))));
    }
}

#[test]
fn poison_in_depth_is_nothing_measured() {
    let poison = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        -5.0,
        0.0,
        f32::MAX,
        f32::MIN_POSITIVE,
    ];
    let depth: Vec<f32> = (0..CAMERA.pixel_count())
        .map(|i| poison[i % poison.len()])
        .collect();
    let mut survey = Survey::new(PoseUse::Judged, None);
    survey.add(&frame(&depth, None)).unwrap();
    assert!(matches!(survey.place(), Err(FusionError::Nothing)));
    let mut fusion = Fusion::new(1.0, Some(Reach::ALL)).unwrap();
    fusion
        .integrate(&frame(&depth, None), &DAffine3::IDENTITY)
        .unwrap();
    assert!(matches!(fusion.finish(), Err(FusionError::Nothing)));
    // A ball with one row of poison across it is still that ball.
    let ball = Sphere {
        center: DVec3::ZERO,
        radius: 70.0,
    };
    let poses = arc(5, 40.0);
    let mut fusion = Fusion::new(2.0, None).unwrap();
    for (n, pose) in poses.iter().enumerate() {
        let mut depth = depth_of(&ball, pose, 0.0, 1);
        let row = (60 + 9 * n) * CAMERA.width as usize;
        for (i, value) in depth[row..row + CAMERA.width as usize].iter_mut().enumerate() {
            *value = poison[i % poison.len()];
        }
        fusion.integrate(&frame(&depth, None), pose).unwrap();
    }
    let (mean, rms) = statistics(&fusion.finish().unwrap(), |p| p.length() - 70.0);
    assert!(mean.abs() < 0.03 && rms < 0.05, "mean {mean}, RMS {rms}");
}

#[test]
fn a_grid_beyond_its_budget_is_refused() {
    let mut fusion = Fusion::new(0.5, Some(Reach::ALL)).unwrap();
    // Every frame lies elsewhere, so every one needs blocks of its own.
    let result = (0..20).try_for_each(|n| {
        let depth = vec![6000.0 + 50.0 * n as f32; CAMERA.pixel_count()];
        fusion.integrate(&frame(&depth, None), &DAffine3::IDENTITY)
    });
    assert!(matches!(result, Err(FusionError::TooLarge { .. })), "{result:?}");
}
