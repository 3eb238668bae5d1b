//! Opening an adapter, and knowing when it is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Tier;

/// Why no device can be had.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No adapter is there, or none of the wanted kind.
    #[error("there is no graphics adapter")]
    NoAdapter(#[source] wgpu::RequestAdapterError),
    /// The adapter refused.
    #[error("the graphics adapter gives no device")]
    Refused(#[source] wgpu::RequestDeviceError),
}

/// A device and the way to open it again.
#[derive(Debug)]
pub struct Device {
    instance: wgpu::Instance,
    adapter: wgpu::Adapter,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    tier: Tier,
    lost: Arc<AtomicBool>,
}

impl Device {
    /// The instance that every device here is opened from. `WGPU_BACKEND` narrows the choice.
    pub fn instance() -> wgpu::Instance {
        wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env())
    }

    /// Opens the fastest adapter of `instance` that can present on `surface`, if one is given.
    ///
    /// # Errors
    /// When there is no adapter, or it gives no device.
    pub async fn open(
        instance: wgpu::Instance,
        surface: Option<&wgpu::Surface<'_>>,
    ) -> Result<Self, DeviceError> {
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            compatible_surface: surface,
            ..wgpu::RequestAdapterOptions::default()
        };
        let adapter = instance
            .request_adapter(&options)
            .await
            .map_err(DeviceError::NoAdapter)?;
        let (tier, required_features, required_limits) =
            Tier::decide(&adapter.get_info(), adapter.features(), &adapter.limits());
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("vitrine"),
                required_features,
                required_limits,
                ..wgpu::DeviceDescriptor::default()
            })
            .await
            .map_err(DeviceError::Refused)?;
        let lost = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&lost);
        device.set_device_lost_callback(move |_, _| flag.store(true, Ordering::Release));
        Ok(Self {
            instance,
            adapter,
            device,
            queue,
            tier,
            lost,
        })
    }

    /// [`Device::open`] without a surface, waiting for it.
    ///
    /// # Errors
    /// As [`Device::open`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_headless() -> Result<Self, DeviceError> {
        pollster::block_on(Self::open(Self::instance(), None))
    }

    /// Opens a device like this one, from the same instance.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub async fn reopen(&self) -> Result<Self, DeviceError> {
        Self::open(self.instance.clone(), None).await
    }

    /// What the device can do.
    pub fn tier(&self) -> &Tier {
        &self.tier
    }

    /// The instance it was opened from, for surfaces.
    pub fn wgpu_instance(&self) -> &wgpu::Instance {
        &self.instance
    }

    /// How `surface` shows pictures of `size` pixels of this device; `None` where it cannot.
    pub fn surface_configuration(
        &self,
        surface: &wgpu::Surface<'_>,
        size: [u32; 2],
    ) -> Option<wgpu::SurfaceConfiguration> {
        surface.get_default_config(&self.adapter, size[0], size[1])
    }

    /// The device itself, for those who own a window or a canvas.
    pub fn wgpu_device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The queue of the device, for those who own a window or a canvas.
    pub fn wgpu_queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// Whether the device is gone: everything on it is, too.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Gives up the device, as a driver that resets does. The next picture opens another.
    pub fn destroy(&self) {
        self.device.destroy();
        self.lost.store(true, Ordering::Release);
    }
}
