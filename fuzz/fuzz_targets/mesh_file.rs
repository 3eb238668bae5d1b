#![no_main]

use capture::NamedBytes;
use libfuzzer_sys::fuzz_target;

/// The format is told from the bytes but for these.
const NAMES: [&str; 4] = ["scan/a.obj", "scan/a.xyz", "scan/a.stl", "scan/a"];

// The first byte chooses a name, the second how much of the rest is the mesh; what is left is the file that it may name.
fuzz_target!(|input: &[u8]| {
    let [choice, share, rest @ ..] = input else { return };
    let (mesh, other) = rest.split_at(rest.len() * usize::from(*share) / 255);
    let name = NAMES[usize::from(*choice) % NAMES.len()];
    let files = [
        NamedBytes { name, bytes: mesh },
        NamedBytes { name: "scan/a.mtl", bytes: other },
        NamedBytes { name: "scan/a.bin", bytes: other },
    ];
    let Ok(mesh) = capture::mesh::read(&files, 0) else { return };
    let vertices = mesh.positions.len();
    assert!(mesh.triangles.as_flattened().iter().all(|&v| (v as usize) < vertices));
    assert!(mesh.colors.is_empty() || mesh.colors.len() == vertices);
    assert!(mesh.texture.is_none_or(|texture| texture.uv.len() == vertices));
});
