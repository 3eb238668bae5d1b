// From sums of linear light to a picture. Twin: picture.rs, `LinearPicture::finish`.

#import "lib/cover.wgsl"

struct Resolve {
    // Pixels of the sums and of the picture.
    source: vec2u,
    size: vec2u,
    // Behind everything, linear.
    background: vec3f,
    // One over the number of passes.
    weight: f32,
    // 1 where the target does not encode sRGB itself.
    encode: u32,
}

@group(0) @binding(0) var<uniform> picture: Resolve;
@group(0) @binding(1) var<storage, read> sums: array<vec2u>;

fn sum_at(at: vec2u) -> vec4f {
    let inside = min(at, picture.source - 1u);
    let sum = sums[inside.y * picture.source.x + inside.x];
    return vec4f(unpack2x16float(sum.x), unpack2x16float(sum.y)) * picture.weight;
}

// Linear light to sRGB (IEC 61966-2-1).
fn encoded(linear: vec3f) -> vec3f {
    let l = clamp(linear, vec3f(0.0), vec3f(1.0));
    return select(1.055 * pow(l, vec3f(1.0 / 2.4)) - 0.055, l * 12.92, l <= vec3f(0.0031308));
}

@fragment
fn resolve_sums(@builtin(position) position: vec4f) -> @location(0) vec4f {
    var seen: vec4f;
    if all(picture.source == picture.size) {
        seen = sum_at(vec2u(position.xy));
    } else {
        let at = max(position.xy * vec2f(picture.source) / vec2f(picture.size) - 0.5, vec2f(0.0));
        let low = vec2u(at);
        let part = at - vec2f(low);
        let above = mix(sum_at(low), sum_at(low + vec2u(1u, 0u)), part.x);
        let below = mix(sum_at(low + vec2u(0u, 1u)), sum_at(low + vec2u(1u, 1u)), part.x);
        seen = mix(above, below, part.y);
    }
    let color = seen.rgb + picture.background * (1.0 - seen.a);
    if picture.encode != 0u {
        return vec4f(encoded(color), 1.0);
    }
    return vec4f(color, 1.0);
}
