// The nearest fragment of a surface at each pixel, shaded. Twin: cpu/raster.rs.

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
    // Roughness and metallic.
    material: vec2f,
    // 1 where the colors of vertices are multiplied in.
    painted: u32,
    // 1 where the mesh has normals.
    smooth_shaded: u32,
}

@group(1) @binding(0) var<uniform> surface: Surface;

// The nearest depth that is drawn, mm.
const NEAR: f32 = 0.1;

struct Corner {
    @builtin(position) position: vec4f,
    @location(0) p_in_view: vec3f,
    @location(1) normal: vec3f,
    @location(2) color: vec3f,
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
) -> Corner {
    let p = surface.view_from_surface_x.xyz * position.x
        + surface.view_from_surface_y.xyz * position.y
        + surface.view_from_surface_z.xyz * position.z
        + surface.origin_in_view.xyz;
    // The ray of this pass goes through another part of each pixel than its middle.
    let rays = vec2f(frame.size * frame.factor);
    let shift = (vec2f(frame.sub) + 0.5 - 0.5 * f32(frame.factor)) * 2.0 / rays;
    let scale = 2.0 * frame.scale / rays;
    let depth = -p.z;
    // Nearer is larger: near / depth keeps its digits far away.
    let clip = vec4f(p.x * scale.x - depth * shift.x, p.y * scale.y + depth * shift.y, NEAR, depth);
    let turned = surface.normal_x.xyz * normal.x
        + surface.normal_y.xyz * normal.y
        + surface.normal_z.xyz * normal.z;
    return Corner(clip, p, turned, decoded(color.rgb));
}

struct Fragment {
    // Along the line of sight, mm.
    @location(0) depth: f32,
    // Linear light, and opacity.
    @location(1) color: vec4f,
}

@fragment
fn show(corner: Corner) -> Fragment {
    let p = corner.p_in_view;
    let flat = cross(dpdx(p), dpdy(p));
    for (var i = 0u; i < frame.planes; i++) {
        if dot(frame.clip[i].xyz, p) + frame.clip[i].w < 0.0 {
            discard;
        }
    }
    var normal = flat;
    if surface.smooth_shaded != 0u && dot(corner.normal, corner.normal) > 0.0 {
        normal = corner.normal;
    }
    var color = surface.color.rgb;
    if surface.painted != 0u {
        color *= corner.color;
    }
    let steepness = length(normal);
    let direction = normalize(p);
    if steepness > 0.0 && steepness < INFINITY {
        color = shade_surface(color, normal / steepness, direction, surface.material);
    }
    return Fragment(-p.z, vec4f(color, surface.color.a));
}
