// A plane through volumes, exact to the stored value. Twin: cpu/slice.rs.

#import "lib/cover.wgsl"

struct Slice {
    // Pixels of the picture.
    size: vec2u,
    // What is made of the values through the slab: 0 maximum, 1 minimum, 2 mean.
    projection: u32,
    // Clipping planes in use.
    planes: u32,
    // Where there is nothing, sRGB.
    background: vec3f,
    // What is kept, by the place of a pixel from the middle: dot(xy, p) + w >= 0.
    clip: array<vec4f, 16>,
}

@group(0) @binding(0) var<uniform> slice: Slice;

// A value, or none.
struct Found {
    value: f32,
    is_there: bool,
}

fn is_kept(at: vec2f) -> bool {
    for (var i = 0u; i < slice.planes; i++) {
        if dot(slice.clip[i].xy, at) + slice.clip[i].w < 0.0 {
            return false;
        }
    }
    return true;
}

// The place of a pixel from the middle of the picture, in pixels.
fn from_middle(position: vec2f) -> vec2f {
    return position - vec2f(slice.size) * 0.5;
}

#repeat LAYERS
#include "lib/layer.wgsl"
#end

@fragment
fn slice_picture(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let at = from_middle(position.xy);
    var color = slice.background;
    if is_kept(at) {
#repeat LAYERS
        color = over_$K(project_$K(at), color);
#end
    }
    return vec4f(color, 1.0);
}

#if VALUES
// The bits of the value of the first layer; of NaN where there is none.
@fragment
fn slice_values(@builtin(position) position: vec4f) -> @location(0) vec4u {
    let at = from_middle(position.xy);
    let found = project_0(at);
    let is_seen = found.is_there && is_kept(at);
    return vec4u(select(0x7fc00000u, bitcast<u32>(found.value), is_seen), 0u, 0u, 0u);
}
#endif
