//! What shaders read, as Rust lays it out. Tests compare every offset with the shader's own.

use bytemuck::{Pod, Zeroable};

/// Clipping planes that a pass can hold: those of a crop box and ten more.
pub(super) const MAX_PLANES: usize = 16;

/// `Frame` of `lib/frame.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Frame {
    pub(super) size: [u32; 2],
    pub(super) sub: [u32; 2],
    pub(super) factor: u32,
    pub(super) planes: u32,
    pub(super) peel: u32,
    pub(super) pass_index: u32,
    pub(super) scale: f32,
    pub(super) phase: f32,
    pub(super) _space: [u32; 2],
    pub(super) fill: [f32; 3],
    pub(super) _after: u32,
    pub(super) clip: [[f32; 4]; MAX_PLANES],
}

/// `Volume` of `lib/field.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Volume {
    pub(super) voxel_from_view_x: [f32; 4],
    pub(super) voxel_from_view_y: [f32; 4],
    pub(super) voxel_from_view_z: [f32; 4],
    pub(super) eye_in_voxel: [f32; 4],
    pub(super) dims_and_step: [f32; 4],
    pub(super) blocks: [u32; 4],
    pub(super) coverage: [f32; 4],
    pub(super) table_scale: f32,
    pub(super) table_offset: f32,
    pub(super) table_last: f32,
    pub(super) shaded: u32,
    pub(super) most_steps: u32,
    pub(super) projection: u32,
    pub(super) occlusion: u32,
    pub(super) _after: u32,
}

/// `Resolve` of `resolve.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Resolve {
    pub(super) source: [u32; 2],
    pub(super) size: [u32; 2],
    pub(super) background: [f32; 3],
    pub(super) weight: f32,
    pub(super) encode: u32,
    pub(super) _after: [u32; 3],
}

/// `Slice` of `slice.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Slice {
    pub(super) size: [u32; 2],
    pub(super) projection: u32,
    pub(super) planes: u32,
    pub(super) background: [f32; 3],
    pub(super) _after: u32,
    pub(super) clip: [[f32; 4]; MAX_PLANES],
}

/// `Layer` of `lib/layer.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Layer {
    pub(super) middle: [i32; 4],
    pub(super) rest: [f32; 4],
    pub(super) right: [f32; 4],
    pub(super) down: [f32; 4],
    pub(super) into: [f32; 4],
    pub(super) dims: [i32; 4],
    pub(super) stored_scale: f32,
    pub(super) stored_offset: f32,
    pub(super) value_scale: f32,
    pub(super) value_offset: f32,
    pub(super) window_center: f32,
    pub(super) window_width: f32,
    pub(super) window_function: u32,
    pub(super) inverted: u32,
    pub(super) interpolated: u32,
    pub(super) colors: u32,
    pub(super) opacity: f32,
    pub(super) rounded: u32,
    pub(super) depth: u32,
    pub(super) _after: [u32; 3],
}

/// `Surface` of `surface.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Surface {
    pub(super) view_from_surface_x: [f32; 4],
    pub(super) view_from_surface_y: [f32; 4],
    pub(super) view_from_surface_z: [f32; 4],
    pub(super) origin_in_view: [f32; 4],
    pub(super) normal_x: [f32; 4],
    pub(super) normal_y: [f32; 4],
    pub(super) normal_z: [f32; 4],
    pub(super) color: [f32; 4],
    pub(super) inside: [f32; 4],
    pub(super) texels: [f32; 2],
    pub(super) material: [f32; 2],
    pub(super) scale_low: f32,
    pub(super) scale_high: f32,
    pub(super) scale_colors: u32,
    pub(super) paint: u32,
    pub(super) smooth_shaded: u32,
    pub(super) mirrored: u32,
    pub(super) cap: u32,
    pub(super) order: f32,
}

/// `Outline` of `outline.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Outline {
    pub(super) color: [f32; 3],
    pub(super) layer: u32,
    pub(super) size: [u32; 2],
    pub(super) _after: [u32; 2],
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use shaders::{Names, assemble};

    use super::*;

    /// Names and offsets of the members of a Rust structure, without its padding.
    macro_rules! members {
        ($type:ty: $($member:ident),+ $(,)?) => {
            (stringify!($type), size_of::<$type>(), vec![$((stringify!($member), offset_of!($type, $member))),+])
        };
    }

    type Members = (&'static str, usize, Vec<(&'static str, usize)>);

    fn check(entry: &str, names: &Names, expected: &[Members]) {
        let module = naga::front::wgsl::parse_str(&assemble(entry, names).unwrap()).unwrap();
        for (name, size, members) in expected {
            let found = module
                .types
                .iter()
                .find(|(_, ty)| ty.name.as_deref() == Some(name));
            let Some((
                _,
                naga::Type {
                    inner:
                        naga::TypeInner::Struct {
                            members: of_shader,
                            span,
                        },
                    ..
                },
            )) = found
            else {
                panic!("{entry} has no structure {name}");
            };
            assert_eq!(*span as usize, *size, "{name}");
            let of_shader: Vec<(&str, usize)> = of_shader
                .iter()
                .map(|m| (m.name.as_deref().unwrap(), m.offset as usize))
                .collect();
            assert_eq!(of_shader, *members, "{name}");
        }
    }

    fn one(list: &'static str) -> Names {
        let first = Names::default()
            .with("K", "0")
            .with("GROUP", "1")
            .with("TEXEL", "f32")
            .with("CELL", "8")
            .with("FIRST", "");
        Names::default().with_list(list, vec![first])
    }

    #[test]
    fn structures_lie_as_shaders_read_them() {
        check(
            "cast.wgsl",
            &one("VOLUMES"),
            &[
                members!(Frame: size, sub, factor, planes, peel, pass_index, scale, phase, fill, clip),
                members!(
                    Volume: voxel_from_view_x, voxel_from_view_y, voxel_from_view_z, eye_in_voxel, dims_and_step, blocks,
                    coverage, table_scale, table_offset, table_last, shaded, most_steps, projection, occlusion
                ),
            ],
        );
        check(
            "resolve.wgsl",
            &Names::default(),
            &[members!(Resolve: source, size, background, weight, encode)],
        );
        check(
            "slice.wgsl",
            &one("LAYERS"),
            &[
                members!(Slice: size, projection, planes, background, clip),
                members!(
                    Layer: middle, rest, right, down, into, dims, stored_scale, stored_offset, value_scale, value_offset,
                    window_center, window_width, window_function, inverted, interpolated, colors, opacity, rounded, depth
                ),
            ],
        );
        check(
            "surface.wgsl",
            &Names::default(),
            &[members!(
                Surface: view_from_surface_x, view_from_surface_y, view_from_surface_z, origin_in_view, normal_x, normal_y,
                normal_z, color, inside, texels, material, scale_low, scale_high, scale_colors, paint, smooth_shaded,
                mirrored, cap, order
            )],
        );
        check(
            "outline.wgsl",
            &Names::default(),
            &[members!(Outline: color, layer, size)],
        );
    }
}
