//! What is where in the synthetic head.

use super::shape::{P, blend, capsule, carve, cone, ellipsoid, length, mirrored, rounded_box, sub};

const AIR_HU: f32 = -1000.0;
const EYE: P = [31.0, -68.0, 22.0];

/// Distance to the skin, mm, negative inside the head. Openings (nostrils, mouth, ear canals) count as outside.
pub fn skin_distance_mm(p: [f32; 3]) -> f32 {
    let m = mirrored(p);
    let mut d = ellipsoid(p, [0.0, 12.0, 58.0], [75.0, 94.0, 82.0]);
    d = blend(d, ellipsoid(p, [0.0, -28.0, 2.0], [62.0, 58.0, 84.0]), 24.0);
    d = blend(d, ellipsoid(p, [0.0, -44.0, -48.0], [50.0, 46.0, 38.0]), 20.0);
    d = blend(d, neck(p), 22.0);
    // Chin, cheeks, brow.
    d = blend(d, ellipsoid(p, [0.0, -84.0, -68.0], [16.0, 11.0, 11.0]), 14.0);
    d = blend(d, ellipsoid(m, [40.0, -62.0, -8.0], [20.0, 19.0, 20.0]), 18.0);
    d = blend(d, capsule(m, [8.0, -83.0, 40.0], [38.0, -71.0, 40.0], 6.0), 14.0);
    // Eyes: sockets, then lids over the balls.
    d = carve(d, ellipsoid(m, [31.0, -92.0, 21.0], [17.0, 14.0, 11.0]), 12.0);
    d = blend(
        d,
        ellipsoid(m, sub(EYE, [0.0, 3.0, 0.0]), [14.0, 13.0, 12.0]),
        5.0,
    );
    d = d.min(carve(
        d,
        capsule(m, [22.0, -86.0, 20.5], [41.0, -81.0, 20.0], 0.7),
        1.5,
    ));
    // Nose: bridge, tip, wings, nostrils.
    d = blend(d, cone(p, [0.0, -83.0, 30.0], [0.0, -103.0, -4.0], 6.5, 9.0), 9.0);
    d = blend(d, ellipsoid(m, [10.0, -93.0, -9.0], [8.0, 10.0, 7.5]), 6.0);
    d = carve(d, capsule(m, [6.0, -101.0, -17.0], [5.0, -90.0, -4.0], 3.4), 2.0);
    // Lips.
    d = blend(d, ellipsoid(p, [0.0, -88.0, -29.0], [23.0, 9.0, 5.5]), 6.0);
    d = blend(d, ellipsoid(p, [0.0, -87.0, -39.0], [20.0, 9.0, 6.0]), 6.0);
    d = carve(
        d,
        capsule(p, [-21.0, -92.0, -34.2], [21.0, -92.0, -34.2], 1.4),
        2.5,
    );
    blend(d, ear(m), 5.0)
}

fn neck(p: P) -> f32 {
    let axis = [0.0, 34.0 + p[2] * 0.12, p[2]];
    let q = sub(p, axis);
    let ring = (length([q[0] / 57.0, q[1] / 60.0, 0.0]) - 1.0) * 57.0;
    -blend(-ring, -(p[2] - 12.0), 60.0)
}

fn ear(m: P) -> f32 {
    // The ear leans outward: shear it before measuring.
    let q = [m[0] - 0.35 * (m[1] - 10.0), m[1], m[2]];
    let shell = ellipsoid(q, [76.0, 17.0, 6.0], [5.0, 16.0, 29.0]);
    let bowl = carve(shell, ellipsoid(q, [82.0, 14.0, 6.0], [6.0, 10.0, 19.0]), 3.0);
    carve(bowl, capsule(m, [90.0, 10.0, 0.0], [58.0, 10.0, 0.0], 3.2), 2.0)
}

/// Tissue at a point without noise or blur, HU.
pub fn tissue_hu(p: [f32; 3]) -> f32 {
    Slice::new(p[2], 1e-3).hu(p)
}

/// The head at one height: what can be told from the height alone is told once.
pub(super) struct Slice {
    z: f32,
    /// Half the width of the blur at an edge, mm.
    softness: f32,
}

impl Slice {
    pub(super) fn new(z: f32, softness: f32) -> Self {
        Self { z, softness }
    }

    /// HU at `p`, whose z is that of the slice; edges are as soft as a voxel is wide.
    pub(super) fn hu(&self, p: P) -> f32 {
        // A cheap bound: nothing of the head lies outside this cylinder.
        if p[0].abs() > 98.0 || p[1] < -118.0 || p[1] > 112.0 || self.z > 146.0 {
            return AIR_HU;
        }
        let skin = skin_distance_mm(p);
        if skin > self.softness * 2.0 {
            return AIR_HU;
        }
        let mut hu = AIR_HU;
        self.paint(&mut hu, skin, 15.0);
        if skin > -2.2 {
            return hu;
        }
        self.paint(&mut hu, skin + 2.2, -85.0);
        self.paint(&mut hu, skin + 4.5, muscle(p));
        self.inner(&mut hu, p, mirrored(p));
        hu
    }

    fn paint(&self, hu: &mut f32, distance: f32, tissue: f32) {
        let cover = (0.5 - distance / (2.0 * self.softness)).clamp(0.0, 1.0);
        *hu += (tissue - *hu) * cover;
    }

    fn inner(&self, hu: &mut f32, p: P, m: P) {
        let cranium = ellipsoid(p, [0.0, 12.0, 58.0], [68.5, 87.0, 75.5]);
        if self.z > -30.0 {
            self.skull(hu, p, m, cranium);
        }
        if self.z < 30.0 {
            self.face(hu, p, m);
        }
        self.spine(hu, p, m);
        self.airways(hu, p, m);
    }

    /// Vault, brain and eyes.
    fn skull(&self, hu: &mut f32, p: P, m: P, cranium: f32) {
        let base = -18.0 - 0.12 * (p[1] - 10.0);
        let vault = cranium.max(base - p[2]);
        let thickness = 6.3 + 0.9 * (p[1] * 0.07).sin() + 0.6 * (p[0] * 0.09 + p[2] * 0.05).cos();
        self.paint(hu, vault, bone(p, -cranium, thickness));
        let inside = ellipsoid(
            p,
            [0.0, 12.0, 58.0],
            [68.5 - thickness, 87.0 - thickness, 75.5 - thickness],
        );
        let floor = base + 5.0 + 12.0 * ((p[1] - 30.0) / 90.0).clamp(-1.0, 0.0).abs();
        self.paint(hu, inside.max(floor - p[2]), 12.0);
        self.paint(hu, (inside + 2.0).max(floor + 2.0 - p[2]), brain(p));
        self.paint(hu, ellipsoid(m, [9.0, 8.0, 68.0], [6.5, 30.0, 9.0]), 6.0);
        self.paint(hu, ellipsoid(m, [22.0, 38.0, 56.0], [5.0, 14.0, 8.0]), 6.0);
        self.paint(
            hu,
            rounded_box(p, [0.0, 12.0, 100.0], [0.8, 76.0, 40.0], 0.5).max(inside + 1.0),
            70.0,
        );
        // The brow holds the frontal sinuses.
        let brow = ellipsoid(m, [9.0, -69.0, 43.0], [17.0, 6.5, 14.0]);
        self.paint(hu, brow, bone(p, -brow, 2.6));
        // Petrous bones with their canals.
        self.paint(
            hu,
            cone(m, [58.0, 22.0, -4.0], [20.0, 2.0, 8.0], 13.0, 6.0),
            bone(p, 3.0, 9.0) + 250.0,
        );
        self.orbits(hu, m);
    }

    fn orbits(&self, hu: &mut f32, m: P) {
        let socket = cone(m, [32.0, -78.0, 22.0], [14.0, -34.0, 20.0], 20.5, 7.0);
        let frame = cone(m, [32.0, -76.0, 22.0], [14.0, -34.0, 20.0], 24.0, 9.0)
            .max(-socket)
            .max(-m[1] - 75.0);
        self.paint(hu, frame, bone(m, 2.0, 4.0));
        self.paint(hu, socket.max(-m[1] - 79.0), -75.0);
        self.paint(
            hu,
            capsule(m, [27.0, -58.0, 22.0], [13.0, -32.0, 20.0], 2.4),
            35.0,
        );
        let ball = length(sub(m, EYE)) - 12.0;
        self.paint(hu, ball, 60.0);
        self.paint(hu, ball + 1.2, 8.0);
        self.paint(hu, ellipsoid(m, [31.0, -75.5, 22.0], [4.5, 2.2, 4.5]), 85.0);
    }

    /// Upper jaw, cheekbones, lower jaw and teeth.
    fn face(&self, hu: &mut f32, p: P, m: P) {
        let maxilla = ellipsoid(m, [17.0, -58.0, -8.0], [26.0, 27.0, 27.0]).max(-29.0 - m[2]);
        self.paint(hu, maxilla, bone(p, -maxilla, 3.4));
        self.paint(hu, (maxilla + 3.2).max(m[2] + 60.0), 40.0);
        let arch = cone(m, [40.0, -62.0, 4.0], [61.0, -38.0, 0.0], 7.0, 4.0);
        let arch = blend(arch, capsule(m, [61.0, -38.0, 0.0], [63.0, 2.0, 2.0], 3.6), 4.0);
        self.paint(hu, arch, bone(p, -arch, 2.0));
        self.paint(
            hu,
            cone(m, [4.0, -73.0, 32.0], [2.5, -89.0, 11.0], 6.0, 2.6),
            800.0,
        );
        self.mandible(hu, p, m);
        for (level, length_mm) in [(-28.0, 9.0), (-39.5, 8.5)] {
            self.teeth(hu, m, level, length_mm);
        }
    }

    fn mandible(&self, hu: &mut f32, p: P, m: P) {
        let body = horseshoe(m, 41.0, 52.0, -26.0).abs() - 6.0;
        let height = (m[2] + 56.0).abs() - 14.5;
        let body = blend(
            body.max(height).max(m[1] + 22.0),
            ellipsoid(m, [0.0, -77.0, -66.0], [14.0, 8.0, 9.0]),
            5.0,
        );
        let ramus = rounded_box(
            [m[0] - 0.10 * (m[2] + 30.0), m[1] - 0.22 * (m[2] + 30.0), m[2]],
            [44.0, -12.0, -32.0],
            [4.2, 15.0, 30.0],
            4.0,
        );
        let bone_here = blend(body, ramus, 7.0);
        let condyle = ellipsoid(m, [49.0, 4.0, 2.0], [9.0, 4.5, 5.5]);
        let all = blend(bone_here, condyle, 6.0);
        self.paint(hu, all, bone(p, -all, 2.6) + 120.0);
        // The canal of the nerve.
        let canal = capsule(m, [43.0, -14.0, -40.0], [34.0, -58.0, -61.0], 1.3);
        self.paint(hu, canal, 60.0);
    }

    fn teeth(&self, hu: &mut f32, m: P, level: f32, half_length: f32) {
        if (self.z - level).abs() > half_length + 6.0 {
            return;
        }
        let toward_bite = if level > -34.0 { -1.0 } else { 1.0 };
        for tooth in 0..7 {
            let angle = 0.10 + tooth as f32 * 0.215;
            let center = [37.0 * angle.sin(), -28.0 - 47.0 * angle.cos(), level];
            let width = [3.0, 3.2, 3.9, 3.7, 3.8, 4.9, 4.8][tooth];
            let crown = [center[0], center[1], level + toward_bite * 2.2];
            let root = [
                center[0] * 0.97,
                center[1] + 1.5,
                level - toward_bite * (half_length + 3.0),
            ];
            let dentin = cone(m, crown, root, width, 1.6);
            if dentin > 3.0 {
                continue;
            }
            self.paint(hu, dentin, 1650.0);
            let enamel = ellipsoid(m, crown, [width + 0.5, width + 0.3, 4.2]);
            self.paint(hu, enamel, 2750.0);
            self.paint(hu, ellipsoid(m, crown, [width - 1.1, width - 1.2, 3.0]), 1700.0);
            self.paint(hu, cone(m, crown, root, 0.9, 0.3), 150.0);
        }
    }

    fn spine(&self, hu: &mut f32, p: P, m: P) {
        if self.z > -14.0 {
            return;
        }
        let (level, forward) = (
            ((self.z + 100.0) / 19.0).fract() * 19.0 - 9.5,
            34.0 + self.z * 0.12,
        );
        let q = [p[0], p[1] - forward, level];
        let body = ellipsoid(q, [0.0, 0.0, 0.0], [13.5, 10.0, 9.2]).max(level.abs() - 7.6);
        self.paint(hu, body, bone(p, -body, 1.6));
        let ring = (length([q[0] / 1.15, q[1] - 20.0, 0.0]) - 11.5).abs() - 2.8;
        let ring = ring.max(level.abs() - 5.0);
        self.paint(hu, ring, bone(p, -ring, 1.5));
        let spur = capsule([m[0], q[1], level], [0.0, 31.0, -1.0], [0.0, 46.0, -4.0], 3.2);
        self.paint(hu, spur, bone(p, -spur, 1.4));
        let wing = capsule([m[0], q[1], level], [11.0, 4.0, 0.0], [24.0, 9.0, -1.0], 4.2);
        self.paint(hu, wing, bone(p, -wing, 1.6));
        self.paint(hu, length([q[0], q[1] - 20.0, 0.0]) - 6.0, 32.0);
    }

    /// Sinuses, nasal cavity, mouth, throat and ear canals.
    fn airways(&self, hu: &mut f32, p: P, m: P) {
        let maxillary = ellipsoid(m, [26.0, -52.0, -6.0], [11.5, 15.5, 15.0]);
        self.paint(hu, maxillary, AIR_HU);
        self.paint(hu, ellipsoid(m, [9.0, -69.5, 44.0], [7.0, 2.4, 8.0]), AIR_HU);
        self.paint(hu, ellipsoid(m, [8.0, -26.0, 12.0], [7.0, 10.0, 8.0]), AIR_HU);
        let cells = ellipsoid(m, [8.0, -55.0, 20.0], [5.5, 16.0, 9.0]);
        let walls = (p[1] * 0.75).sin().max((p[2] * 0.8).sin()) * 2.0 - 1.3;
        self.paint(hu, cells.max(walls), AIR_HU);
        let cavity = ellipsoid(m, [5.0, -58.0, -2.0], [9.0, 32.0, 19.0]).max(1.2 - m[0]);
        let turbinates = ellipsoid(m, [9.0, -56.0, -10.0], [4.2, 22.0, 4.2]).min(ellipsoid(
            m,
            [8.5, -54.0, 3.0],
            [3.4, 19.0, 3.8],
        ));
        self.paint(hu, carve(cavity, turbinates, 1.0), AIR_HU);
        self.paint(
            hu,
            capsule(m, [5.5, -99.0, -16.0], [5.0, -82.0, -6.0], 3.2),
            AIR_HU,
        );
        let throat = cone(p, [0.0, -12.0, -6.0], [0.0, -4.0, -95.0], 8.0, 9.5);
        let throat = blend(
            throat,
            capsule(p, [0.0, -32.0, -4.0], [0.0, -12.0, -8.0], 7.0),
            6.0,
        );
        self.paint(hu, throat, AIR_HU);
        self.paint(hu, ellipsoid(p, [0.0, -52.0, -32.5], [20.0, 22.0, 2.4]), AIR_HU);
        self.paint(hu, capsule(m, [90.0, 10.0, 0.0], [52.0, 10.0, 0.0], 3.0), AIR_HU);
        let mastoid = ellipsoid(m, [58.0, 26.0, -12.0], [8.0, 11.0, 13.0]);
        let honeycomb = (p[0] * 1.3).sin() * (p[1] * 1.2).sin() * (p[2] * 1.25).sin() - 0.12;
        self.paint(hu, mastoid.max(-honeycomb * 4.0), -650.0);
    }
}

/// Distance from the middle line of a horseshoe that opens to the back, in the axial plane, mm.
fn horseshoe(m: P, half_width: f32, depth: f32, back: f32) -> f32 {
    let q = [m[0] / half_width, (m[1] - back) / depth];
    (q[0].hypot(q[1].min(0.0)) - 1.0) * half_width
}

/// Cortical outside, trabecular within: `depth` mm below the surface of a bone `thickness` mm thick.
fn bone(p: P, depth: f32, thickness: f32) -> f32 {
    let middle = (1.0 - (2.0 * depth / thickness - 1.0).abs()).clamp(0.0, 1.0);
    let trabeculae = 90.0 * (p[0] * 1.9).sin() * (p[1] * 2.1).sin() * (p[2] * 1.7).sin();
    1250.0 - 780.0 * (middle * 1.6).min(1.0) + trabeculae
}

fn muscle(p: P) -> f32 {
    52.0 + 6.0 * (p[0] * 0.5).sin() * (p[2] * 0.35 + p[1] * 0.2).sin()
}

/// White matter within gray, with folds.
fn brain(p: P) -> f32 {
    let fold = (p[0] * 0.33 + 1.7 * (p[2] * 0.21).sin()).sin()
        * (p[1] * 0.30 + 1.4 * (p[0] * 0.19).sin()).sin()
        + 0.5 * (p[2] * 0.37 + p[1] * 0.11).sin();
    let core = ellipsoid(mirrored(p), [26.0, 10.0, 62.0], [26.0, 58.0, 44.0]);
    let gray = if core < 0.0 { 29.0 } else { 37.0 };
    if core > 4.0 && fold > 0.95 {
        14.0
    } else {
        gray + 2.0 * fold
    }
}
