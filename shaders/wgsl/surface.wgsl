// Fragments of surfaces, lit. Twin: cpu/surfaces.
//
// Of opaque surfaces the nearest fragment counts. Of transparent ones every wall does: they are peeled off one after
// the other, nearest first. Where the clip cuts a capped surface open, a face lies in the plane of the cut; whether a
// ray is inside there is counted from the walls beyond.

#import "lib/frame.wgsl"
#import "lib/light.wgsl"

struct Surface {
    // View from surface: the columns of the matrix, and where the surface's origin lies.
    view_from_surface_x: vec4f,
    view_from_surface_y: vec4f,
    view_from_surface_z: vec4f,
    origin_in_view: vec4f,
    // Normals in view space from those of the surface: the columns of the inverse transpose.
    normal_x: vec4f,
    normal_y: vec4f,
    normal_z: vec4f,
    // Linear light, and opacity.
    color: vec4f,
    // Of what a cut through it is painted, linear.
    inside: vec4f,
    // Texels of the texture, as many as twice its columns and rows.
    texels: vec2f,
    // Roughness and metallic.
    material: vec2f,
    // The values at the ends of the scale.
    scale_low: f32,
    scale_high: f32,
    // Colors of the scale; one more follows them, for what was not measured.
    scale_colors: u32,
    // 0 one color, 1 vertices and texture, 2 values by the scale.
    paint: u32,
    // 1 where the mesh has normals.
    smooth_shaded: u32,
    // 1 where inner and outer sides are swapped.
    mirrored: u32,
    // Which counts tell whether a ray is inside.
    cap: u32,
    // Its place in the scene: of fragments at one depth, that of the first surface comes first.
    order: f32,
}

@group(1) @binding(0) var<uniform> surface: Surface;
@group(1) @binding(1) var picture: texture_2d<f32>;
@group(1) @binding(2) var picture_sampler: sampler;
// sRGB.
@group(1) @binding(3) var<storage, read> scale: array<vec4f>;
#if PEEL
// Depth and order of the fragments peeled before, and of the nearest opaque ones; 0 for none.
@group(2) @binding(0) var peeled: texture_2d<f32>;
@group(2) @binding(1) var opaque: texture_2d<f32>;
#endif
#if CAP
// Walls beyond where the kept part of the ray begins and ends: inner ones less outer ones.
@group(3) @binding(0) var counts: texture_2d_array<f32>;
#endif

// The nearest depth that is drawn, mm.
const NEAR: f32 = 0.1;

struct Corner {
    @builtin(position) position: vec4f,
    @location(0) p_in_view: vec3f,
    @location(1) normal: vec3f,
    // Linear light; and 1 where the corner has a value.
    @location(2) color: vec4f,
    @location(3) uv: vec2f,
    @location(4) value: f32,
}

// An sRGB component to linear light (IEC 61966-2-1).
fn decoded(srgb: vec3f) -> vec3f {
    return select(pow((srgb + 0.055) / 1.055, vec3f(2.4)), srgb / 12.92, srgb <= vec3f(0.04045));
}

@vertex
fn place(
    @location(0) position: vec3f,
    @location(1) normal: vec3f,
    @location(2) color: vec4f,
    @location(3) uv: vec2f,
    @location(4) value: f32,
) -> Corner {
    let p = surface.view_from_surface_x.xyz * position.x
        + surface.view_from_surface_y.xyz * position.y
        + surface.view_from_surface_z.xyz * position.z
        + surface.origin_in_view.xyz;
    // The ray of this pass goes through another part of each pixel than its middle.
    let rays = vec2f(frame.size * frame.factor);
    let shift = (vec2f(frame.sub) + 0.5 - 0.5 * f32(frame.factor)) * 2.0 / rays;
    let size = 2.0 * frame.scale / rays;
    let depth = -p.z;
    // Nearer is larger: near / depth keeps its digits far away.
    let clip = vec4f(p.x * size.x - depth * shift.x, p.y * size.y + depth * shift.y, NEAR, depth);
    let turned = surface.normal_x.xyz * normal.x
        + surface.normal_y.xyz * normal.y
        + surface.normal_z.xyz * normal.z;
    return Corner(clip, p, turned, vec4f(decoded(color.rgb), color.a), uv, value);
}

struct Fragment {
    // Along the line of sight, mm, and order.
    @location(0) place: vec2f,
    // Linear light, and opacity.
    @location(1) color: vec4f,
}

// Whether a fragment was peeled before, or lies behind what is opaque.
fn is_passed(pixel: vec2u, depth: f32) -> bool {
#if PEEL
    let before = textureLoad(peeled, pixel, 0).xy;
    let nearest = textureLoad(opaque, pixel, 0).xy;
    return depth < before.x || (depth == before.x && surface.order <= before.y)
        || (nearest.x > 0.0 && (depth > nearest.x || (depth == nearest.x && surface.order > nearest.y)));
#else
    return false;
#endif
}

fn color_of(corner: Corner, level: f32) -> vec3f {
    if surface.paint == 1u {
        return corner.color.rgb * textureSampleLevel(picture, picture_sampler, corner.uv, level).rgb;
    }
    if surface.paint == 2u {
        if corner.color.a < 0.999 {
            return decoded(scale[surface.scale_colors].rgb);
        }
        let last = surface.scale_colors - 1u;
        let part = (corner.value - surface.scale_low) / (surface.scale_high - surface.scale_low);
        let at = clamp(part, 0.0, 1.0) * f32(last);
        let low = min(u32(at), last - 1u);
        return decoded(mix(scale[low].rgb, scale[low + 1u].rgb, at - f32(low)));
    }
    return surface.color.rgb;
}

@fragment
fn show(corner: Corner) -> Fragment {
    let p = corner.p_in_view;
    let side = cross(dpdx(p), dpdy(p));
    let right = dpdx(corner.uv) * surface.texels;
    let down = dpdy(corner.uv) * surface.texels;
    let rays = f32(frame.factor * frame.factor);
    let texels_a_ray = max(abs(right.x * down.y - right.y * down.x) / rays, 1.0);
    let level = floor(0.5 * log2(texels_a_ray) + 0.3);

    let pixel = vec2u(corner.position.xy);
    let ray = ray_at(pixel);
    let depth = -p.z;
    let reach = ray.reach * ray.cosine;
    if depth < reach.x || depth > reach.y || is_passed(pixel, depth) {
        discard;
    }
    var normal = side;
    if surface.smooth_shaded != 0u && dot(corner.normal, corner.normal) > 0.0 {
        normal = corner.normal;
    }
    var color = color_of(corner, level);
    let steepness = length(normal);
    if steepness > 0.0 && steepness < INFINITY {
        color = shade_surface(color, normal / steepness, ray.direction, surface.material);
    }
    return Fragment(vec2f(depth, surface.order), vec4f(color, surface.color.a));
}

// One for each wall beyond where the kept part of the ray begins, and where it ends.
@fragment
fn count(corner: Corner, @builtin(front_facing) is_front: bool) -> @location(0) vec2f {
    let ray = ray_at(vec2u(corner.position.xy));
    let is_outer = is_front == (surface.mirrored == 0u);
    let beyond = vec2f(-corner.p_in_view.z) > ray.reach * ray.cosine;
    return select(vec2f(0.0), vec2f(select(1.0, -1.0, is_outer)), beyond);
}

struct Covered {
    // The same for all, so that a pixel is covered once.
    @builtin(frag_depth) once: f32,
    @location(0) share: vec4f,
}

// The share of a pixel that a surface covers, hidden or not.
@fragment
fn cover_share(corner: Corner) -> Covered {
    let ray = ray_at(vec2u(corner.position.xy));
    let depth = -corner.p_in_view.z;
    let reach = ray.reach * ray.cosine;
    if depth < reach.x || depth > reach.y {
        discard;
    }
    return Covered(0.5, vec4f(1.0 / f32(frame.factor * frame.factor)));
}

#if CAP
struct CapCorner {
    @builtin(position) position: vec4f,
    // 0 where the kept part of the ray begins, 1 where it ends.
    @location(0) @interpolate(flat) end: u32,
}

@vertex
fn place_cap(@builtin(vertex_index) index: u32, @builtin(instance_index) end: u32) -> CapCorner {
    let corner = vec2f(f32(index & 1u), f32(index >> 1u)) * 4.0 - 1.0;
    return CapCorner(vec4f(corner, 0.0, 1.0), end);
}

struct CapFragment {
    @builtin(frag_depth) nearness: f32,
    @location(0) place: vec2f,
    @location(1) color: vec4f,
}

@fragment
fn show_cap(corner: CapCorner) -> CapFragment {
    let pixel = vec2u(corner.position.xy);
    let ray = ray_at(pixel);
    let depth = ray.reach[corner.end] * ray.cosine;
    let count = textureLoad(counts, pixel, surface.cap, 0)[corner.end];
    let face = ray.faces[corner.end];
    if abs(count) < 0.5 || ray.reach.x > ray.reach.y || depth <= NEAR || face >= frame.planes
        || is_passed(pixel, depth) {
        discard;
    }
    let color = shade_surface(surface.inside.rgb, -frame.clip[face].xyz, ray.direction, surface.material);
    return CapFragment(NEAR / depth, vec2f(depth, surface.order), vec4f(color, surface.color.a));
}
#endif
