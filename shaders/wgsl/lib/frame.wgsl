// One picture: pixels to rays in view space (camera at the origin, x right, y up, looking along -z, mm).

struct Frame {
    // Pixels of the picture.
    size: vec2u,
    // Which of the `factor` x `factor` rays of a pixel this pass casts.
    sub: vec2u,
    factor: u32,
    // Clipping planes in use.
    planes: u32,
    // Fragments of transparent surfaces that were blended before.
    peel: u32,
    // 0 begins a picture; later passes add to it.
    pass_index: u32,
    // Rays a unit of tangent.
    scale: f32,
    // Added to the start of every ray, in steps.
    phase: f32,
    // Toward the fill light, unit length.
    fill: vec3f,
    // What is kept: dot(xyz, p) + w >= 0.
    clip: array<vec4f, 16>,
}

@group(0) @binding(0) var<uniform> frame: Frame;

const INFINITY: f32 = 3.0e38;
// Opacity at which a ray is finished.
const OPAQUE: f32 = 0.99;

struct Ray {
    // From the camera, unit length.
    direction: vec3f,
    // Depth along the line of sight for each mm of ray.
    cosine: f32,
    // The part of a step by which the ray starts late.
    jitter: f32,
    // What the clipping planes leave, mm along the ray.
    reach: vec2f,
    // The planes that it begins and ends at; `planes` for none.
    faces: vec2u,
}

fn ray_at(pixel: vec2u) -> Ray {
    let at = vec2f(pixel * frame.factor + frame.sub);
    let middle = vec2f(frame.size * frame.factor) * 0.5;
    let tangent = (at + 0.5 - middle) / frame.scale;
    let direction = normalize(vec3f(tangent.x, -tangent.y, -1.0));
    var ray = Ray(direction, -direction.z, jitter_at(at), vec2f(0.0, INFINITY), vec2u(frame.planes));
    for (var i = 0u; i < frame.planes; i++) {
        let plane = frame.clip[i];
        let slope = dot(plane.xyz, direction);
        let t = -plane.w / slope;
        if abs(slope) < 1e-9 {
            if plane.w < 0.0 {
                ray.reach.y = -1.0;
            }
        } else if slope > 0.0 && t > ray.reach.x {
            ray.reach.x = t;
            ray.faces.x = i;
        } else if slope < 0.0 && t < ray.reach.y {
            ray.reach.y = t;
            ray.faces.y = i;
        }
    }
    return ray;
}

// Interleaved gradient noise (Jimenez, "Next generation post processing in Call of Duty", 2014).
fn jitter_at(at: vec2f) -> f32 {
    let noise = fract(52.982918 * fract(0.06711056 * at.x + 0.00583715 * at.y));
    return fract(noise + frame.phase);
}
