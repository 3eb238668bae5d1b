// Volume $K: its samples, what they look like and where there is nothing to see.

#if FIRST
struct Volume {
    // Voxel from view: the columns of the matrix, and where the camera stands.
    voxel_from_view_x: vec4f,
    voxel_from_view_y: vec4f,
    voxel_from_view_z: vec4f,
    eye_in_voxel: vec4f,
    // Samples along columns, rows and slices; w: step along a ray, mm.
    dims_and_step: vec4f,
    // Blocks along columns, rows and slices.
    blocks: vec4u,
    // From voxels, half a voxel added, to 0 to 1 over all cells of what keeps light away; w: length of a cell, mm.
    coverage: vec4f,
    // Texel to entry of the table, and the last entry.
    table_scale: f32,
    table_offset: f32,
    table_last: f32,
    // 1 where shaded.
    shaded: u32,
    // Steps that no ray through the volume passes, so that every loop ends.
    most_steps: u32,
    // 0 composite, 1 maximum, 2 minimum, 3 average.
    projection: u32,
    // 1 for shadows, 2 for ambient occlusion.
    occlusion: u32,
}

// Samples along each edge of a brick, and with its border.
const BRICK: u32 = 64u;
const EXTENT: f32 = 66.0;

// Linear between `a` and `b`, exactly `a` where they are equal: where a field is flat, its gradient is zero and no noise.
fn between(a: f32, b: f32, part: f32) -> f32 {
    return a + (b - a) * part;
}
#endif

// Samples along each edge of a block.
const BLOCK_$K: f32 = f32($CELL);

@group($GROUP) @binding(0) var<uniform> volume_$K: Volume;
@group($GROUP) @binding(1) var<storage, read> table_$K: array<vec4f>;
// For each block, how far (in blocks, by the largest axis) the nearest one lies that holds anything visible. Of a projected
// volume, the largest or smallest entry of the table that it reaches, of 255.
@group($GROUP) @binding(2) var distance_$K: texture_3d<u32>;
@group($GROUP) @binding(3) var field_$K: texture_3d<$TEXEL>;
#if FILTERED
@group($GROUP) @binding(4) var filter_$K: sampler;
#endif

#if BRICKS
// For each brick of the finest level: its slot along three axes and its level, 8 bits each.
@group($GROUP) @binding(5) var bricks_$K: texture_3d<u32>;

// Where a voxel position lies in the texture, texels.
fn place_$K(p: vec3f) -> vec3f {
    let dims = volume_$K.dims_and_step.xyz;
    let q = clamp(p, vec3f(0.0), dims - 1.0);
    let brick = vec3u(q) / BRICK;
    let entry = textureLoad(bricks_$K, brick, 0).x;
    let slot = vec3f(vec3u(entry, entry >> 8u, entry >> 16u) & vec3u(255u));
    let level = entry >> 24u;
    let scale = exp2(-f32(level));
    // A coarse sample lies in the middle of those that it stands for.
    let at = clamp((q + 0.5) * scale - 0.5, vec3f(0.0), ceil(dims * scale) - 1.0);
    return slot * EXTENT + at - vec3f((brick >> vec3u(level)) * BRICK) + 1.0;
}
#endif

// The field at a voxel position, linear between samples; the border goes on outside.
#if FILTERED
fn sample_$K(p: vec3f) -> f32 {
#if BRICKS
    let at = place_$K(p);
    let size = vec3f(textureDimensions(field_$K));
#else
    let at = p;
    let size = volume_$K.dims_and_step.xyz;
#endif
    return textureSampleLevel(field_$K, filter_$K, (at + 0.5) / size, 0.0).x;
}
#else
fn texel_$K(p: vec3i) -> f32 {
    return f32(textureLoad(field_$K, p, 0).x);
}

fn sample_$K(p: vec3f) -> f32 {
#if BRICKS
    let last = vec3f(textureDimensions(field_$K)) - 1.0;
    let q = place_$K(p);
#else
    let last = volume_$K.dims_and_step.xyz - 1.0;
    let q = clamp(p, vec3f(0.0), last);
#endif
    let a = vec3i(q);
    let b = min(a + 1, vec3i(last));
    let part = q - vec3f(a);
    let front = between(
        between(texel_$K(a), texel_$K(vec3i(b.x, a.y, a.z)), part.x),
        between(texel_$K(vec3i(a.x, b.y, a.z)), texel_$K(vec3i(b.x, b.y, a.z)), part.x),
        part.y,
    );
    let back = between(
        between(texel_$K(vec3i(a.x, a.y, b.z)), texel_$K(vec3i(b.x, a.y, b.z)), part.x),
        between(texel_$K(vec3i(a.x, b.y, b.z)), texel_$K(b), part.x),
        part.y,
    );
    return between(front, back, part.z);
}
#endif

// Linear color and opacity of one step at a field value.
fn look_up_$K(value: f32) -> vec4f {
    let at = value * volume_$K.table_scale + volume_$K.table_offset;
    // Written so that a NaN comes to the first entry.
    let clamped = select(0.0, min(at, volume_$K.table_last), at > 0.0);
    return table_$K[u32(clamped + 0.5)];
}

// Where a ray leaves the cube of `reach` blocks around one, mm.
fn leaves_$K(block: vec3u, reach: f32, origin: vec3f, direction: vec3f) -> f32 {
    let at = vec3f(block);
    let wall = select(max(at + 1.0 - reach, vec3f(0.0)), at + reach, direction > vec3f(0.0)) * BLOCK_$K;
    let out = select((wall - origin) / direction, vec3f(INFINITY), abs(direction) < vec3f(1e-9));
    return min(out.x, min(out.y, out.z));
}

// How many blocks around the one that holds this voxel position are empty, and where the ray leaves them, mm.
fn empty_$K(p: vec3f, origin: vec3f, direction: vec3f) -> vec2f {
    let block = min(vec3u(max(p, vec3f(0.0)) / BLOCK_$K), volume_$K.blocks.xyz - 1u);
    let empty = f32(textureLoad(distance_$K, block, 0).x);
    return vec2f(empty, leaves_$K(block, max(empty, 1.0), origin, direction));
}
