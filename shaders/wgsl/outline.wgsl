// A line around a surface, from the share of each pixel that it covers. Twin: cpu/outline.rs.

#import "lib/cover.wgsl"

struct Outline {
    // sRGB.
    color: vec3f,
    // Which of the covered shares.
    layer: u32,
    // Pixels of the picture, which may be more than those that were drawn.
    size: vec2u,
}

@group(0) @binding(0) var<uniform> line: Outline;
@group(0) @binding(1) var shares: texture_2d_array<f32>;

// Pixels that the line is wide.
const WIDTH: i32 = 2;

@fragment
fn outline(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let drawn = textureDimensions(shares);
    let at = vec2i(position.xy * vec2f(drawn) / vec2f(line.size));
    let last = vec2i(drawn) - 1;
    let here = textureLoad(shares, at, line.layer, 0).x;
    var largest = 0.0;
    for (var y = -WIDTH; y <= WIDTH; y++) {
        for (var x = -WIDTH; x <= WIDTH; x++) {
            let place = at + vec2i(x, y);
            if x * x + y * y <= WIDTH * WIDTH && all(place >= vec2i(0)) && all(place <= last) {
                largest = max(largest, textureLoad(shares, place, line.layer, 0).x);
            }
        }
    }
    return vec4f(line.color, max(largest - here, 0.0));
}
