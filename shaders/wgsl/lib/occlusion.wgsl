// Light that reaches the inside of volume $K past the rest of it. Twin: cpu/occluder.rs.

#if FIRST
// Strengths of the ambient light, the headlight and the fill, and the same where the fill throws shadows.
const PLAIN: vec3f = vec3f(AMBIENT, HEAD, FILL);
const SHADOWED: vec3f = vec3f(0.20, 0.42, 0.62);
// How much of the headlight goes where ambient light does not.
const HEAD_SHARE: f32 = 0.6;
// Depth behind which it is dark.
const DARK: f32 = 5.0;

// How far from a place what clipping leaves goes on, mm.
fn free_until(p: vec3f, direction: vec3f) -> f32 {
    var until = INFINITY;
    for (var i = 0u; i < frame.planes; i++) {
        let plane = frame.clip[i];
        let slope = dot(plane.xyz, direction);
        if slope < 0.0 {
            until = min(until, -(dot(plane.xyz, p) + plane.w) / slope);
        }
    }
    return until;
}
#endif

#if OCCLUDED
// The part of light that each cell stops.
@group($GROUP) @binding(6) var coverage_$K: texture_3d<f32>;
@group($GROUP) @binding(7) var coverage_filter_$K: sampler;

// Optical depth of a cell; below 0 outside of all.
fn depth_$K(at: vec3f, level: f32) -> f32 {
    if any(at < vec3f(0.0)) || any(at > vec3f(1.0)) {
        return -1.0;
    }
    let c = textureSampleLevel(coverage_$K, coverage_filter_$K, at, level).x;
    // Nearly -ln(1 - c), and finite at 1.
    return c * (1.0 + c * (0.5 + 1.2 * c * c));
}

// A cell along a direction of the view.
fn a_cell_$K(direction: vec3f) -> vec3f {
    let voxels = volume_$K.voxel_from_view_x.xyz * direction.x
        + volume_$K.voxel_from_view_y.xyz * direction.y
        + volume_$K.voxel_from_view_z.xyz * direction.z;
    return voxels * volume_$K.coverage.xyz * volume_$K.coverage.w;
}

// What the lights do at a place: in voxels, and in view space, with the normal on the side of the viewer.
fn strengths_$K(p: vec3f, p_in_view: vec3f, normal: vec3f) -> vec3f {
    let cell = volume_$K.coverage.w;
    let at = (p + 0.5) * volume_$K.coverage.xyz;
    let out = a_cell_$K(normal);
    let shadows = (volume_$K.occlusion & 1u) != 0u;
    var strengths = select(PLAIN, SHADOWED, shadows);
    if (volume_$K.occlusion & 2u) != 0u {
        let until = free_until(p_in_view, normal) / cell;
        var depth = 0.0;
        var away = 1.5;
        for (var level = 0u; level < 3u; level++) {
            if away < until {
                depth += max(depth_$K(at + out * away, f32(level)), 0.0);
            }
            away *= 2.3;
        }
        let reached = exp(-depth);
        strengths.x *= reached;
        strengths.y *= 1.0 - HEAD_SHARE * (1.0 - reached);
    }
    if shadows {
        let toward = a_cell_$K(frame.fill);
        let until = free_until(p_in_view + normal * cell, frame.fill) / cell;
        var depth = 0.0;
        var away = 1.0;
        // A cone that widens on its way.
        for (var i = 0u; i < 9u; i++) {
            let thickness = 0.3 * away + 0.7;
            if away >= until || depth >= DARK {
                break;
            }
            let here = depth_$K(at + out + toward * away, f32(i / 3u));
            if here < 0.0 {
                break;
            }
            depth += here * thickness;
            away += thickness;
        }
        strengths.z *= exp(-depth);
    }
    return strengths;
}
#endif
