// Rays through volumes and surface fragments, blended front to back in linear light. Twin: cpu/mod.rs, `compose`.

#import "lib/frame.wgsl"
#import "lib/light.wgsl"

// Premultiplied linear light and opacity of each pixel as four half floats, added up over passes.
@group(0) @binding(1) var<storage, read_write> sums: array<vec2u>;
#if SURFACES
// One fragment a pixel: depth along the line of sight in mm (0 or 3e38 where there is none), and lit color with opacity.
@group(0) @binding(2) var surface_depths: texture_2d<f32>;
@group(0) @binding(3) var surface_colors: texture_2d<f32>;
#endif
#if STATES
// What is seen so far, and up to where, mm along the ray. Scalars, to lie close.
struct State {
    red: f32,
    green: f32,
    blue: f32,
    opacity: f32,
    from_mm: f32,
}

@group(0) @binding(4) var<storage, read_write> states: array<State>;
#endif

#repeat VOLUMES
#include "lib/field.wgsl"
#include "lib/occlusion.wgsl"
#include "lib/march.wgsl"
#end

// Puts what a ray meets behind what is seen.
fn over(seen: vec4f, behind: vec4f) -> vec4f {
    return seen + vec4f(behind.rgb, 1.0) * ((1.0 - seen.a) * behind.a);
}

@compute @workgroup_size(8, 8)
fn cast_rays(@builtin(global_invocation_id) id: vec3u) {
    if any(id.xy >= frame.size) {
        return;
    }
    let at = id.y * frame.size.x + id.x;
    let ray = ray_at(id.xy);
    var seen = vec4f(0.0);
    var reach = ray.reach;
#if STATES
    if frame.peel > 0u {
        let state = states[at];
        seen = vec4f(state.red, state.green, state.blue, state.opacity);
        reach.x = max(reach.x, state.from_mm);
    }
#endif
    #repeat VOLUMES
    var walk_$K = begin_$K(ray, reach);
    #end
#if SURFACES
    let depth = textureLoad(surface_depths, id.xy, 0).x;
    let hit_mm = select(INFINITY, depth / ray.cosine, depth > 0.0 && depth < 1e30);
#else
    let hit_mm = INFINITY;
#endif
#if PEEL
    // Up to the next fragment of transparent surfaces; what lies behind the last is for the pass that ends the picture.
    if hit_mm < INFINITY && seen.a <= OPAQUE {
        let until = hit_mm;
        #include "lib/blend.wgsl"
        seen = over(seen, textureLoad(surface_colors, id.xy, 0));
        reach.x = max(reach.x, hit_mm);
    }
    states[at] = State(seen.r, seen.g, seen.b, seen.a, reach.x);
#else
    for (var n = 0u; n < 2u; n++) {
        let until = select(INFINITY, hit_mm, n == 0u);
        #include "lib/blend.wgsl"
        if n > 0u || hit_mm >= INFINITY || seen.a > OPAQUE {
            break;
        }
#if SURFACES
        seen = over(seen, textureLoad(surface_colors, id.xy, 0));
#endif
    }
    if frame.pass_index > 0u {
        let sum = sums[at];
        seen += vec4f(unpack2x16float(sum.x), unpack2x16float(sum.y));
    }
    sums[at] = vec2u(pack2x16float(seen.rg), pack2x16float(seen.ba));
#endif
}
