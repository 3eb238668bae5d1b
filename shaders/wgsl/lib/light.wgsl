// One light for surfaces and volumes: a headlight and a fill from above the viewer's left. Twin: cpu/light.rs.

const AMBIENT: f32 = 0.16;
const HEAD: f32 = 0.68;
const FILL: f32 = 0.26;
const GLOSS: f32 = 0.10;

// What a place of a volume of `color` (linear) with unit `normal` sends against `direction`, where the ambient light, the
// headlight and the fill are so strong. Both sides are lit.
fn shade(color: vec3f, normal: vec3f, direction: vec3f, strengths: vec3f) -> vec3f {
    let facing = abs(dot(normal, direction));
    let outward = select(normal, -normal, dot(normal, direction) > 0.0);
    let fill = max(dot(outward, frame.fill), 0.0);
    let diffuse = strengths.x + strengths.y * facing + strengths.z * fill;
    // The headlight's mirror direction is the line of sight itself, so the half vector is the head vector.
    let f2 = facing * facing;
    let f4 = f2 * f2;
    let f8 = f4 * f4;
    return color * diffuse + GLOSS * f8 * f8;
}

// What all but metals reflect when seen straight on.
const DIELECTRIC: f32 = 0.04;

// Of a light with the cosines `light` (to the normal), `half_way` and `view_half`: what is reflected of it for F0 = 0,
// and what F0 adds.
fn gloss(facing: f32, light: f32, half_way: f32, view_half: f32, squared: f32) -> vec2f {
    let d = half_way * half_way * (squared - 1.0) + 1.0;
    let lambda_light = sqrt(squared + (1.0 - squared) * light * light);
    let lambda_view = sqrt(squared + (1.0 - squared) * facing * facing);
    let visible = 0.5 / max(light * lambda_view + facing * lambda_light, 1e-4);
    let rest = max(1.0 - view_half, 0.0);
    let rest2 = rest * rest;
    return vec2f(squared / (d * d) * visible * light, rest2 * rest2 * rest);
}

// What a surface of `color` (linear) and a material (roughness, metallic) with unit `normal` sends against `direction`:
// Lambert and GGX (glTF 2.0 appendix B; Walter et al. 2007). Surfaces have two sides.
fn shade_surface(color: vec3f, normal: vec3f, direction: vec3f, material: vec2f) -> vec3f {
    let facing = max(abs(dot(normal, direction)), 1e-3);
    let outward = select(normal, -normal, dot(normal, direction) > 0.0);
    let metallic = clamp(material.y, 0.0, 1.0);
    let roughness = clamp(material.x, 0.08, 1.0);
    let squared = roughness * roughness * roughness * roughness;
    let head = gloss(facing, facing, facing, 1.0, squared);
    let fill_light = max(dot(outward, frame.fill), 0.0);
    let middle = frame.fill - direction;
    let size = max(length(middle), 1e-6);
    let fill = gloss(
        facing,
        fill_light,
        dot(outward, middle) / size,
        dot(-direction, middle) / size,
        squared,
    );
    let diffuse = AMBIENT + HEAD * facing + FILL * fill_light;
    let f0 = mix(vec3f(DIELECTRIC), color, metallic);
    let shine = HEAD * head.x * (f0 + (1.0 - f0) * head.y) + FILL * fill.x * (f0 + (1.0 - f0) * fill.y);
    return color * (1.0 - metallic) * diffuse + AMBIENT * metallic * f0 + shine;
}
