//! x
#![allow(unsafe_code)]
use surface::*;
#[repr(C)]
struct Ts(i64, i64);
unsafe extern "C" {
    fn clock_gettime(c: i32, t: *mut Ts) -> i32;
}
fn cpu() -> f64 {
    let mut t = Ts(0, 0);
    unsafe { clock_gettime(2, &mut t) };
    t.0 as f64 * 1e3 + t.1 as f64 / 1e6
}
fn best<R>(mut f: impl FnMut() -> R) -> (f64, f64, R) {
    let mut b = (1e9f64, 1e9f64);
    let mut r = None;
    for _ in 0..60 {
        let t = cpu();
        let w = std::time::Instant::now();
        r = Some(f());
        b.0 = b.0.min(cpu() - t);
        b.1 = b.1.min(w.elapsed().as_secs_f64() * 1e3);
    }
    (b.0, b.1, r.unwrap())
}
fn main() {
    let raw = std::fs::read("/tmp/meshtime/vol.raw").unwrap();
    let v: Vec<i16> = raw.chunks(2).map(|c| i16::from_le_bytes([c[0], c[1]])).collect();
    let grid = geometry::GridGeometry::axis_aligned(
        [256, 256, 108],
        [0.957, 0.957, 1.5],
        geometry::DVec3::new(-122.0, -130.5, -700.25),
    )
    .unwrap();
    let full = isosurface(&grid, &v, 226.0, Closing::Closed).unwrap();
    let mut skin = isosurface(&grid, &v, -142.0, Closing::Closed).unwrap();
    let simple = simplify(
        &skin,
        Goal {
            triangles: 200_000,
            max_error_mm: 0.5,
        },
    )
    .mesh;
    let prov = serde_json::json!({"series": "1.2.3", "threshold_hu": 226});
    let report = |name: &str, mesh: &Mesh| {
        let ix = mesh.triangles.as_flattened();
        let n = mesh.positions_mm.len();
        let e = best(|| artifact::mesh::encode_surface(mesh, &prov, 0.1).unwrap());
        std::fs::write(format!("/tmp/meshtime/{name}.glb"), &e.2).unwrap();
        let r = best(|| artifact::mesh::read_surface(&e.2).unwrap());
        println!(
            "{name}: {} tri {n} vert; {} bytes = {:.2} B/tri; encode cpu {:.1} wall {:.1}, read {:.1} {:.1}",
            mesh.triangles.len(),
            e.2.len(),
            e.2.len() as f64 / mesh.triangles.len() as f64,
            e.0,
            e.1,
            r.0,
            r.1
        );
        std::fs::write(format!("/tmp/meshtime/{name}.glb"), &e.2).unwrap();
        let f = |x: &str| std::fs::File::create(format!("/tmp/meshtime/{name}{x}")).unwrap();
        artifact::mesh::write_plain_glb(mesh, &prov, &mut f("_plain.glb")).unwrap(); artifact::mesh::write_stl(mesh, &mut f(".stl")).unwrap(); artifact::mesh::write_ply(mesh, &mut f(".ply")).unwrap();
        let a = best(|| artifact::mesh::write_plain_glb(mesh, &prov, &mut std::io::sink()).unwrap()).0;
        let b = best(|| artifact::mesh::write_stl(mesh, &mut std::io::sink()).unwrap()).0;
        let c = best(|| artifact::mesh::write_ply(mesh, &mut std::io::sink()).unwrap()).0;
        println!("  glb {a:.1} stl {b:.1} ply {c:.1}");
        if n == 0 {
            return;
        }
        for (k, f) in [
            (
                "none",
                (|i: &[u32], _n: usize| i.to_vec()) as fn(&[u32], usize) -> Vec<u32>,
            ),
            ("vcache", meshopt::optimize_vertex_cache),
            ("fifo", |i, n| meshopt::optimize_vertex_cache_fifo(i, n, 16)),
            ("strip", meshopt::optimize_vertex_cache_strip),
        ] {
            let (t, w, ord) = best(|| f(ix, n));
            let mut idx = ord;
            let (t2, _, _) = best(|| {
                let mut m = vec![u32::MAX; n];
                let mut o = Vec::with_capacity(n);
                for i in &mut idx {
                    let s = &mut m[*i as usize];
                    if *s == u32::MAX {
                        *s = o.len() as u32;
                        o.push(*i)
                    }
                    *i = *s;
                }
                o
            });
            let mut idx = f(ix, n);
            let mut m = vec![u32::MAX; n];
            let mut o = Vec::with_capacity(n);
            for i in &mut idx {
                let s = &mut m[*i as usize];
                if *s == u32::MAX {
                    *s = o.len() as u32;
                    o.push(*i)
                }
                *i = *s;
            }
            let (t3, _, bi) = best(|| meshopt::encode_index_buffer(&idx, n).unwrap());
            let pos: Vec<[u16; 4]> = o
                .iter()
                .map(|&i| {
                    let p = mesh.positions_mm[i as usize];
                    let q = p.map(|v| ((v + 1000.0) / 0.0107421875) as u32 as u16);
                    [q[0], q[1], q[2], 0]
                })
                .collect();
            let (t4, _, bp) = best(|| meshopt::encode_vertex_buffer_level(&pos, 0, Some(0)).unwrap());
            let oct = |bits: u32| -> Vec<[i16; 4]> {
                let one = ((1 << (bits - 1)) - 1) as f32;
                o.iter()
                    .map(|&i| {
                        let [x, y, z] = mesh.normals[i as usize];
                        let s = x.abs() + y.abs() + z.abs();
                        let (x, y) = (x / s, y / s);
                        let (x, y) = if z < 0.0 {
                            ((1.0 - y.abs()).copysign(x), (1.0 - x.abs()).copysign(y))
                        } else {
                            (x, y)
                        };
                        [(x * one).round() as i16, (y * one).round() as i16, one as i16, 0]
                    })
                    .collect()
            };
            let b = |bits| {
                meshopt::encode_vertex_buffer_level(&oct(bits), 0, Some(0))
                    .unwrap()
                    .len()
            };
            let o12 = oct(12);
            let (t5, _, _) = best(|| meshopt::encode_vertex_buffer_level(&o12, 0, Some(0)).unwrap());
            let n8: Vec<[i8; 4]> = o
                .iter()
                .map(|&i| {
                    let n = mesh.normals[i as usize].map(|v| (v * 127.0).round() as i8);
                    [n[0], n[1], n[2], 0]
                })
                .collect();
            let b8 = meshopt::encode_vertex_buffer_level(&n8, 0, Some(0))
                .unwrap()
                .len();
            println!(
                "  {k}: order cpu {t:.1} wall {w:.1} first-use {t2:.1}; index {:.2} B/tri {t3:.1} ms; pos {:.2} B/v {t4:.1}; normals oct8 {:.2} oct10 {:.2} oct12 {:.2} i8 {:.2} B/v {t5:.1} ms",
                bi.len() as f64 / mesh.triangles.len() as f64,
                bp.len() as f64 / n as f64,
                b(8) as f64 / n as f64,
                b(10) as f64 / n as f64,
                b(12) as f64 / n as f64,
                b8 as f64 / n as f64
            );
        }
    };
    let mut m = skin.clone(); m.triangles.truncate(400_000); report("skin400k", &m); return;
    #[allow(unreachable_code)]
    report("skin", &skin);
    report("bone", &full);
    report("simple", &simple);
    for p in &mut skin.positions_mm {
        p[2] *= 5.0;
    }
    report("long", &skin);
    report("empty", &Mesh::default());
    let mut bare = full.clone(); bare.normals.clear(); report("bare", &bare);
}
