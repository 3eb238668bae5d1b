//! scratch
use dicom_series::*;
use std::path::Path;
fn walk(p: &Path, out: &mut Vec<std::path::PathBuf>) {
    let mut es: Vec<_> = std::fs::read_dir(p).unwrap().map(|e| e.unwrap().path()).collect();
    es.sort();
    for e in es {
        if e.is_dir() { walk(&e, out) } else { out.push(e) }
    }
}
#[test]
fn dump() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let mut text = String::new();
    let mut sets: Vec<std::path::PathBuf> = vec![];
    for s in std::fs::read_dir(&root).unwrap() {
        let s = s.unwrap().path();
        if !s.is_dir() {
            continue;
        }
        let n = s.file_name().unwrap().to_str().unwrap().to_owned();
        if n.starts_with("mesh") || n.starts_with("capture") || n.starts_with("malformed") {
            continue;
        }
        if n.starts_with("geom-traps") {
            for c in std::fs::read_dir(&s).unwrap() {
                let c = c.unwrap().path();
                if c.is_dir() {
                    sets.push(c)
                }
            }
        } else {
            sets.push(s)
        }
    }
    sets.sort();
    for set in sets {
        let mut files = vec![];
        walk(&set, &mut files);
        let mut inst = vec![];
        let mut names = vec![];
        for f in files {
            if let Ok(i) = read(&std::fs::read(&f).unwrap()) {
                inst.push(i);
                names.push(f);
            }
        }
        let t = std::time::Instant::now();
        let groups = group(&inst);
        text += &format!(
            "##### {} ({} files, {:?})\n",
            set.strip_prefix(&root).unwrap().display(),
            inst.len(),
            t.elapsed()
        );
        for g in &groups {
            let at = |i: usize| names[i].strip_prefix(&set).unwrap().display().to_string();
            match &g.kind {
                GroupKind::Volume(s) => {
                    text += &format!(
                        "V {} {:?} dims {:?} sp {:?} acq {} {:?} {:?} {:?}\n    {:?}\n   first {} last {}\n",
                        g.name,
                        g.modality,
                        s.grid.dims(),
                        s.grid.spacing_mm(),
                        s.slices.len(),
                        s.rescale.of(0),
                        s.unit,
                        s.layout,
                        s.grid.patient_from_voxel_rows(),
                        at(s.slices[0].instance),
                        at(s.slices.last().unwrap().instance)
                    )
                }
                GroupKind::Frames(l) => {
                    text += &format!(
                        "F {} {:?} {} x {}x{} spp{} {:?} {}\n",
                        g.name,
                        g.modality,
                        l.frames.len(),
                        l.columns,
                        l.rows,
                        l.samples_per_pixel,
                        l.layout,
                        at(l.frames[0].at.instance)
                    )
                }
                GroupKind::Document(d) => {
                    text += &format!("D {} {:?} {}\n", g.name, d.kind, d.instances.len())
                }
            }
            for f in g.findings() {
                text += &format!("     {:?} {}: {}\n", f.severity(), f.code(), f.message())
            }
        }
    }
    std::fs::write("/tmp/groups.txt", text).unwrap();
}
