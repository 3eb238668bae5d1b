#![no_main]

use artifact::pyramid::PyramidHead;
use libfuzzer_sys::fuzz_target;

// What lies in the store is trusted no more than what was uploaded.
fuzz_target!(|input: &[u8]| {
    if let Ok((model, _)) = artifact::mesh::read_model(input) {
        let vertices = model.mesh.positions_mm.len();
        assert!(model.mesh.triangles.as_flattened().iter().all(|&v| (v as usize) < vertices));
    }
    let Ok(head) = PyramidHead::parse(input) else { return };
    for level in 0..head.layout().levels().len() as u32 {
        for key in head.layout().bricks(level).take(4) {
            let _ = head.decode_brick(key, input);
        }
    }
});
