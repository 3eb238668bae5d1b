// Rays through volumes and surface fragments, blended front to back in linear light. Twin: cpu/mod.rs, `compose`.

#import "lib/frame.wgsl"
#import "lib/light.wgsl"

// Premultiplied linear light and opacity of each pixel as four half floats, added up over passes.
@group(0) @binding(1) var<storage, read_write> sums: array<vec2u>;
#if SURFACES
// Fragments of each layer: depth along the line of sight in mm (0 where there is none), and shaded color with
// opacity.
@group(0) @binding(2) var surface_depths: texture_2d_array<f32>;
@group(0) @binding(3) var surface_colors: texture_2d_array<f32>;
#endif

#repeat VOLUMES
#include "lib/field.wgsl"
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
    let ray = ray_at(id.xy);
    var seen = vec4f(0.0);
    #repeat VOLUMES
    var walk_$K = begin_$K(ray, ray.reach);
    #end
#if SURFACES
    var blended = 0u;
    for (var n = 0u; n <= frame.layers && seen.a <= OPAQUE; n++) {
        // The nearest fragment that is not blended yet.
        var nearest = INFINITY;
        var layer = frame.layers;
        for (var l = 0u; l < frame.layers; l++) {
            let depth = textureLoad(surface_depths, id.xy, l, 0).x;
            if (blended & (1u << l)) == 0u && depth > 0.0 && depth < nearest {
                nearest = depth;
                layer = l;
            }
        }
        let until = nearest / ray.cosine;
        #include "lib/blend.wgsl"
        if layer == frame.layers || seen.a > OPAQUE {
            break;
        }
        blended |= 1u << layer;
        seen = over(seen, textureLoad(surface_colors, id.xy, layer, 0));
    }
#else
    let until = INFINITY;
    #include "lib/blend.wgsl"
#endif
    let at = id.y * frame.size.x + id.x;
    if frame.pass_index > 0u {
        let sum = sums[at];
        seen += vec4f(unpack2x16float(sum.x), unpack2x16float(sum.y));
    }
    sums[at] = vec2u(pack2x16float(seen.rg), pack2x16float(seen.ba));
}
