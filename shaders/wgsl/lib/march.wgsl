// One ray through volume $K. Twin: cpu/raycast.rs.

#if FIRST
// Where one ray is in one volume.
struct Walk {
    // Of the eye, and of a mm along the ray; voxels.
    origin: vec3f,
    direction: vec3f,
    // Steps from the eye.
    index: f32,
    // Up to where the block is known to hold something, mm.
    known: f32,
    // Where the ray leaves the volume, mm.
    leave: f32,
    // Steps that are left, so that every loop ends.
    steps: u32,
    // Of a projected volume: what is seen of it, and where, mm.
    found: vec4f,
    // Of the lights where they were last looked after, and up to which step that holds.
    strengths: vec3f,
    lit: f32,
}

// What a ray meets at a step: where, mm, and linear color and opacity.
struct Met {
    t: f32,
    color: vec4f,
}

// Where a ray enters and leaves the box of sample centers, mm along the ray.
fn inside(origin: vec3f, direction: vec3f, last: vec3f) -> vec2f {
    let parallel = abs(direction) < vec3f(1e-9);
    let outside = parallel & ((origin < vec3f(0.0)) | (origin > last));
    if any(outside) {
        return vec2f(0.0, -1.0);
    }
    let a = -origin / direction;
    let b = (last - origin) / direction;
    let enter = select(min(a, b), vec3f(0.0), parallel);
    let leave = select(max(a, b), vec3f(INFINITY), parallel);
    return vec2f(
        max(0.0, max(enter.x, max(enter.y, enter.z))),
        min(leave.x, min(leave.y, leave.z)),
    );
}
#endif

#if PROJECTED
// The walk with what is seen of a volume that is one value a ray. Twin: cpu/surfaces/project.rs.
fn project_$K(ray: Ray, before: Walk, enter: f32) -> Walk {
    var walk = before;
    let step_mm = volume_$K.dims_and_step.w;
    let largest = volume_$K.projection == 1u;
    let mean = volume_$K.projection == 3u;
    let bounds_a_entry = 255.0 / volume_$K.table_last;
    var index = walk.index;
    var at = INFINITY;
    // Entries of the table.
    var best = 0.0;
    var count = 0.0;
    for (var n = 0u; n < volume_$K.most_steps; n++) {
        let t = (index + ray.jitter) * step_mm;
        if !(t <= walk.leave) {
            break;
        }
        let p = walk.direction * t + walk.origin;
        if !mean && at < INFINITY {
            // Blocks that cannot change what was found are leapt over: here the map holds what they reach.
            let block = min(vec3u(max(p, vec3f(0.0)) / BLOCK_$K), volume_$K.blocks.xyz - 1u);
            let bound = f32(textureLoad(distance_$K, block, 0).x);
            let found = best * bounds_a_entry;
            if select(bound >= found, bound <= found, largest) {
                let out = leaves_$K(block, 1.0, walk.origin, walk.direction);
                index = max(ceil(out / step_mm - ray.jitter), index + 1.0);
                continue;
            }
        }
        index += 1.0;
        let entry = sample_$K(p) * volume_$K.table_scale + volume_$K.table_offset;
        if mean {
            best += entry;
            count += 1.0;
            at = enter;
        } else if at >= INFINITY || select(best > entry, entry > best, largest) {
            best = entry;
            at = t;
        }
    }
    if at < INFINITY {
        let entry = select(best, best / max(count, 1.0), mean);
        let color = table_$K[u32(clamp(entry, 0.0, volume_$K.table_last) + 0.5)];
        walk.found = vec4f(color.rgb, at);
    } else {
        walk.steps = 0u;
    }
    return walk;
}
#else
// The color `t` mm along a ray, at the voxel position `p`, under the lights, by the gradient of the field there; unlit
// where the field is flat.
fn shade_$K(p: vec3f, t: f32, direction: vec3f, color: vec3f, walk: ptr<function, Walk>) -> vec3f {
    let gradient = vec3f(
        sample_$K(p + vec3f(1.0, 0.0, 0.0)) - sample_$K(p - vec3f(1.0, 0.0, 0.0)),
        sample_$K(p + vec3f(0.0, 1.0, 0.0)) - sample_$K(p - vec3f(0.0, 1.0, 0.0)),
        sample_$K(p + vec3f(0.0, 0.0, 1.0)) - sample_$K(p - vec3f(0.0, 0.0, 1.0)),
    );
    // Gradients over voxels become normals in view space by the transpose of voxel_from_view.
    let normal = vec3f(
        dot(volume_$K.voxel_from_view_x.xyz, gradient),
        dot(volume_$K.voxel_from_view_y.xyz, gradient),
        dot(volume_$K.voxel_from_view_z.xyz, gradient),
    );
    let steepness = length(normal);
    // Also false where it is NaN.
    if !(steepness > 0.0 && steepness < INFINITY) {
        return color;
    }
#if OCCLUDED
    // One step stands for the next three, too.
    if (*walk).index > (*walk).lit {
        let outward = normal * select(-1.0, 1.0, dot(normal, direction) < 0.0) / steepness;
        (*walk).strengths = strengths_$K(p, direction * t, outward);
        (*walk).lit = (*walk).index + 3.0;
    }
#endif
    return shade(color, -normal / steepness, direction, (*walk).strengths);
}
#endif

// The walk of a ray between two places along it, mm.
fn begin_$K(ray: Ray, between: vec2f) -> Walk {
    let origin = volume_$K.eye_in_voxel.xyz;
    let direction = volume_$K.voxel_from_view_x.xyz * ray.direction.x
        + volume_$K.voxel_from_view_y.xyz * ray.direction.y
        + volume_$K.voxel_from_view_z.xyz * ray.direction.z;
    let within = inside(origin, direction, volume_$K.dims_and_step.xyz - 1.0);
    let enter = max(within.x, between.x);
    let index = max(ceil(enter / volume_$K.dims_and_step.w - ray.jitter), 0.0);
    let leave = min(within.y, between.y);
    let walk = Walk(origin, direction, index, -1.0, leave, volume_$K.most_steps, vec4f(0.0), PLAIN, -1.0);
#if PROJECTED
    return project_$K(ray, walk, enter);
#else
    return walk;
#endif
}

#if PROJECTED
// The one place where anything is seen, if it is not beyond `until` mm and was not met before.
fn next_$K(ray: Ray, walk: ptr<function, Walk>, until: f32) -> Met {
    let found = (*walk).found;
    if (*walk).steps == 0u || found.w > until {
        return Met(INFINITY, vec4f(0.0));
    }
    (*walk).steps = 0u;
    return Met(found.w, vec4f(found.rgb, 1.0));
}
#else
// The next step of a walk at which anything is visible, not beyond `until` mm.
fn next_$K(ray: Ray, walk: ptr<function, Walk>, until: f32) -> Met {
    let origin = (*walk).origin;
    let direction = (*walk).direction;
    let step_mm = volume_$K.dims_and_step.w;
    let leave = min(until, (*walk).leave);
    var index = (*walk).index;
    var known = (*walk).known;
    var steps = (*walk).steps;
    var met = Met(INFINITY, vec4f(0.0));
    var p = vec3f(0.0);
    loop {
        // Steps are counted from the eye, so that neighbors and successive segments sample the same shells.
        var t = (index + ray.jitter) * step_mm;
        p = direction * t + origin;
        // Neighbors that skip far wait here for each other, and then sample together.
        while t > known && t <= leave && steps > 0u {
            let empty = empty_$K(p, origin, direction);
            steps -= 1u;
            if empty.x > 0.0 {
                index = max(ceil(empty.y / step_mm - ray.jitter), index + 1.0);
                t = (index + ray.jitter) * step_mm;
                p = direction * t + origin;
            } else {
                // Rounding may find the wall before the place itself, which must not hold the ray there.
                known = max(empty.y, t);
            }
        }
        // Written so that a NaN ends the ray.
        if !(t <= leave) || steps == 0u {
            break;
        }
        steps -= 1u;
        index += 1.0;
        let found = look_up_$K(sample_$K(p));
        if found.a > 0.0 {
            met = Met(t, found);
            break;
        }
    }
    (*walk).index = index;
    (*walk).known = known;
    (*walk).steps = steps;
    if met.color.a > 0.0 && volume_$K.shaded != 0u {
        met.color = vec4f(shade_$K(p, met.t, ray.direction, met.color.rgb, walk), met.color.a);
    }
    return met;
}
#endif
