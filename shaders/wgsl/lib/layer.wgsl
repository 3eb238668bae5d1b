// Layer $K of a slice.

#if FIRST
struct Layer {
    // Where the middle of the picture lies in the volume: whole voxels and the rest, so that no digits are lost.
    middle: vec4i,
    rest: vec4f,
    // Voxels a pixel to the right, a pixel down, and a step through the slab.
    right: vec4f,
    down: vec4f,
    into: vec4f,
    // Samples along columns, rows and slices.
    dims: vec4i,
    // Texel to stored value, rounded where `rounded` is 1, and stored value to value.
    stored_scale: f32,
    stored_offset: f32,
    value_scale: f32,
    value_offset: f32,
    window_center: f32,
    window_width: f32,
    // 0 LINEAR, 1 LINEAR_EXACT, 2 SIGMOID.
    window_function: u32,
    // 1 where low values are bright.
    inverted: u32,
    // 1 where values between samples are linear, 0 where they are the nearest sample's.
    interpolated: u32,
    // Entries of the table of colors, 0 for gray.
    colors: u32,
    opacity: f32,
    rounded: u32,
    // Steps through the slab before the plane, and as many behind it.
    depth: u32,
}

// Places closer to a sample than this part of a voxel are on it.
const GRAIN: f32 = 4096.0;

// PS3.3 C.11.2.1.2 and C.11.2.1.3.
fn brightness(value: f32, center: f32, width: f32, curve: u32) -> f32 {
    if curve == 0u {
        let c = center - 0.5;
        let half = (width - 1.0) * 0.5;
        if value <= c - half {
            return 0.0;
        }
        if value > c + half {
            return 1.0;
        }
        return (value - c) / (width - 1.0) + 0.5;
    }
    if curve == 1u {
        if value <= center - width * 0.5 {
            return 0.0;
        }
        if value > center + width * 0.5 {
            return 1.0;
        }
        return (value - center) / width + 0.5;
    }
    return 1.0 / (1.0 + exp(-4.0 * (value - center) / width));
}
#endif

@group($GROUP) @binding(0) var<uniform> layer_$K: Layer;
@group($GROUP) @binding(1) var samples_$K: texture_3d<$TEXEL>;
// sRGB color and opacity by brightness.
@group($GROUP) @binding(2) var<storage, read> colors_$K: array<vec4f>;

#if BRICKS
// For each brick of the finest level: its slot along three axes and its level, 8 bits each.
@group($GROUP) @binding(3) var bricks_$K: texture_3d<u32>;

// Where a sample lies in the texture: itself, or the coarse one that stands for it.
fn place_$K(voxel: vec3i) -> vec3i {
    let brick = vec3u(voxel) / 64u;
    let entry = textureLoad(bricks_$K, brick, 0).x;
    let slot = vec3i(vec3u(entry, entry >> 8u, entry >> 16u) & vec3u(255u));
    let level = vec3u(entry >> 24u);
    return slot * 66 + (voxel >> level) - vec3i((brick >> level) * 64u) + 1;
}
#else
fn place_$K(voxel: vec3i) -> vec3i {
    return voxel;
}
#endif

fn stored_$K(voxel: vec3i) -> f32 {
    let inside = clamp(voxel, vec3i(0), layer_$K.dims.xyz - 1);
    let texel = f32(textureLoad(samples_$K, place_$K(inside), 0).x);
    let scaled = texel * layer_$K.stored_scale;
    return select(scaled, round(scaled), layer_$K.rounded != 0u) + layer_$K.stored_offset;
}

// A neighbor without weight is not touched, so that what it holds stays its own.
fn between_$K(a: f32, b: f32, part: f32) -> f32 {
    return select(a + (b - a) * part, a, part == 0.0);
}

// The value at a pixel (from the middle of the picture) and a place in the slab.
fn value_$K(at: vec2f, step: f32) -> Found {
    let offset = layer_$K.rest.xyz + layer_$K.right.xyz * at.x + layer_$K.down.xyz * at.y
        + layer_$K.into.xyz * step;
    let snapped = round(offset * GRAIN) / GRAIN;
    let whole = floor(snapped);
    let voxel = layer_$K.middle.xyz + vec3i(whole);
    let part = snapped - whole;
    // Up to half a voxel beyond the outermost centers the value of the border holds.
    let last = layer_$K.dims.xyz - 1;
    let before = (voxel < vec3i(-1)) | ((voxel == vec3i(-1)) & (part < vec3f(0.5)));
    let behind = (voxel > last) | ((voxel == last) & (part > vec3f(0.5)));
    if any(before) || any(behind) {
        return Found(0.0, false);
    }
    var stored: f32;
    if layer_$K.interpolated == 0u {
        stored = stored_$K(voxel + vec3i(floor(part + 0.5)));
    } else {
        let next = voxel + 1;
        let near = between_$K(
            between_$K(stored_$K(voxel), stored_$K(vec3i(next.x, voxel.y, voxel.z)), part.x),
            between_$K(stored_$K(vec3i(voxel.x, next.y, voxel.z)), stored_$K(vec3i(next.x, next.y, voxel.z)), part.x),
            part.y,
        );
        let far = between_$K(
            between_$K(stored_$K(vec3i(voxel.x, voxel.y, next.z)), stored_$K(vec3i(next.x, voxel.y, next.z)), part.x),
            between_$K(stored_$K(vec3i(voxel.x, next.y, next.z)), stored_$K(next), part.x),
            part.y,
        );
        stored = between_$K(near, far, part.z);
    }
    return Found(stored * layer_$K.value_scale + layer_$K.value_offset, true);
}

// What is made of the values through the slab.
fn project_$K(at: vec2f) -> Found {
    var found = Found(0.0, false);
    var count = 0.0;
    for (var i = 0u; i <= layer_$K.depth * 2u; i++) {
        let next = value_$K(at, f32(i) - f32(layer_$K.depth));
        if !next.is_there {
            continue;
        }
        count += 1.0;
        if !found.is_there {
            found = next;
        } else if slice.projection == 0u {
            found.value = max(found.value, next.value);
        } else if slice.projection == 1u {
            found.value = min(found.value, next.value);
        } else {
            found.value += next.value;
        }
    }
    if slice.projection == 2u && found.is_there {
        found.value /= count;
    }
    return found;
}

// The layer over what lies behind it, sRGB.
fn over_$K(found: Found, behind: vec3f) -> vec3f {
    if !found.is_there {
        return behind;
    }
    var bright = brightness(
        found.value,
        layer_$K.window_center,
        layer_$K.window_width,
        layer_$K.window_function,
    );
    if layer_$K.inverted != 0u {
        bright = 1.0 - bright;
    }
    var color = vec3f(bright);
    var opacity = layer_$K.opacity;
    if layer_$K.colors > 0u {
        let entry = colors_$K[u32(bright * f32(layer_$K.colors - 1u) + 0.5)];
        color = entry.rgb;
        opacity *= entry.a;
    }
    return mix(behind, color, opacity);
}
