//! What an adapter can do, decided once.
//!
//! Everything that differs between adapters is asked for here and nowhere else; passes read the answers.

use wgpu::{AdapterInfo, Backend, DeviceType, Features, Limits};

/// What the device behind a renderer can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The adapter by its maker's name.
    pub adapter: String,
    /// `vulkan`, `metal`, `dx12` or `webgpu`.
    pub backend: &'static str,
    /// Whether the processor plays the adapter.
    pub software: bool,
    /// The longest side of a 3D texture.
    pub volume_side: u32,
    /// The longest side of a 2D texture.
    pub picture_side: u32,
    /// The largest buffer and the largest part of one that a shader may see, bytes.
    pub buffer_bytes: u64,
    /// 16-bit samples are filtered by the hardware, exact when fetched.
    pub unorm16: bool,
    /// 32-bit floats are filtered by the hardware.
    pub float32_filtered: bool,
    /// Passes can be timed.
    pub timestamps: bool,
}

/// Names of adapters that run on the processor but do not say so.
const SOFTWARE: &[&str] = &["swiftshader", "llvmpipe", "lavapipe", "software", "basic render"];

impl Tier {
    /// The tier of an adapter, with the features and limits to ask it for.
    pub(super) fn decide(info: &AdapterInfo, offered: Features, limits: &Limits) -> (Self, Features, Limits) {
        let wanted = offered
            & (Features::TEXTURE_FORMAT_16BIT_NORM
                | Features::FLOAT32_FILTERABLE
                | Features::TIMESTAMP_QUERY);
        let name = info.name.to_lowercase();
        let tier = Self {
            adapter: info.name.clone(),
            backend: backend_name(info.backend),
            software: info.device_type == DeviceType::Cpu || SOFTWARE.iter().any(|s| name.contains(s)),
            volume_side: limits.max_texture_dimension_3d,
            picture_side: limits.max_texture_dimension_2d,
            buffer_bytes: limits.max_buffer_size.min(limits.max_storage_buffer_binding_size),
            unorm16: wanted.contains(Features::TEXTURE_FORMAT_16BIT_NORM),
            float32_filtered: wanted.contains(Features::FLOAT32_FILTERABLE),
            timestamps: wanted.contains(Features::TIMESTAMP_QUERY),
        };
        // What every WebGPU adapter has, and more where more helps.
        let asked = Limits {
            max_texture_dimension_2d: limits.max_texture_dimension_2d,
            max_texture_dimension_3d: limits.max_texture_dimension_3d,
            max_buffer_size: limits.max_buffer_size,
            max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
            ..Limits::defaults()
        };
        (tier, wanted, asked.or_worse_values_from(limits))
    }
}

fn backend_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Vulkan => "vulkan",
        Backend::Metal => "metal",
        Backend::Dx12 => "dx12",
        Backend::BrowserWebGpu => "webgpu",
        Backend::Gl => "gl",
        Backend::Noop => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, device_type: DeviceType) -> AdapterInfo {
        AdapterInfo {
            name: name.to_owned(),
            ..AdapterInfo::new(device_type, Backend::Vulkan)
        }
    }

    #[test]
    fn only_what_is_offered_is_asked_for() {
        let small = Limits {
            max_texture_dimension_3d: 1024,
            max_storage_buffer_binding_size: 1 << 27,
            ..Limits::defaults()
        };
        let offered = Features::TIMESTAMP_QUERY | Features::SHADER_F64;
        let (tier, features, limits) = Tier::decide(&info("GPU", DeviceType::DiscreteGpu), offered, &small);
        assert_eq!(features, Features::TIMESTAMP_QUERY);
        assert_eq!(limits.max_texture_dimension_3d, 1024);
        assert!(limits.check_limits(&small));
        assert_eq!(tier.buffer_bytes, 1 << 27);
        assert!(tier.timestamps && !tier.unorm16 && !tier.software);
    }

    #[test]
    fn large_limits_are_asked_for() {
        let large = Limits {
            max_buffer_size: 1 << 31,
            max_storage_buffer_binding_size: (1 << 31) - 4,
            ..Limits::defaults()
        };
        let (_, _, limits) = Tier::decide(&info("GPU", DeviceType::DiscreteGpu), Features::empty(), &large);
        assert_eq!(limits.max_buffer_size, 1 << 31);
        assert_eq!(limits.max_storage_buffer_binding_size, (1 << 31) - 4);
    }

    #[test]
    fn software_is_known_by_type_and_by_name() {
        let software = |name, device_type| {
            Tier::decide(&info(name, device_type), Features::empty(), &Limits::defaults())
                .0
                .software
        };
        assert!(software("anything", DeviceType::Cpu));
        assert!(software("Google SwiftShader", DeviceType::Other));
        assert!(!software("NVIDIA H100", DeviceType::DiscreteGpu));
    }
}
