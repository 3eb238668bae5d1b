//! How long the device takes for a picture.

use super::Device;
use super::readback::Readback;

/// Times pictures where the device can.
#[derive(Debug)]
pub(super) struct Timer {
    queries: wgpu::QuerySet,
    ticks: wgpu::Buffer,
    /// A measurement on its way back.
    coming: Option<Readback>,
    /// A measurement that is recorded but not sent.
    recorded: Option<wgpu::Buffer>,
    last_ms: Option<f64>,
}

/// Two 64-bit ticks.
const BYTES: u64 = 16;

impl Timer {
    /// `None` where the device tells no time.
    pub(super) fn new(device: &Device) -> Option<Self> {
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        device.tier().timestamps.then(|| Self {
            queries: device.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("begin and end"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            ticks: device.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("ticks"),
                size: BYTES,
                usage,
                mapped_at_creation: false,
            }),
            coming: None,
            recorded: None,
            last_ms: None,
        })
    }

    /// The time of the last picture that is known, ms.
    pub(super) fn last_ms(&self) -> Option<f64> {
        self.last_ms
    }

    /// Records the begin of a picture.
    pub(super) fn begin(&self, encoder: &mut wgpu::CommandEncoder) {
        self.write(encoder, Some(0), None);
    }

    /// Records the end of a picture, and takes note of an earlier one.
    pub(super) fn end(&mut self, device: &Device, encoder: &mut wgpu::CommandEncoder) {
        self.write(encoder, None, Some(1));
        self.update(device);
        if self.coming.is_some() {
            return;
        }
        let buffer = device.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("ticks for the processor"),
            size: BYTES,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        encoder.resolve_query_set(&self.queries, 0..2, &self.ticks, 0);
        encoder.copy_buffer_to_buffer(&self.ticks, 0, &buffer, 0, BYTES);
        self.recorded = Some(buffer);
    }

    /// What was recorded is on its way.
    pub(super) fn sent(&mut self) {
        if let Some(buffer) = self.recorded.take() {
            self.coming = Some(Readback::start(buffer));
        }
    }

    /// Takes note of a measurement that came.
    pub(super) fn update(&mut self, device: &Device) {
        if !self.coming.as_ref().is_some_and(Readback::is_ready) {
            return;
        }
        let bytes = self.coming.take().and_then(Readback::now);
        let ticks: Option<[u64; 2]> = bytes.and_then(|b| bytemuck::try_pod_read_unaligned(&b).ok());
        if let Some([begin, end]) = ticks {
            let ns = end.saturating_sub(begin) as f64 * f64::from(device.queue.get_timestamp_period());
            self.last_ms = Some(ns * 1e-6);
        }
    }

    fn write(&self, encoder: &mut wgpu::CommandEncoder, begin: Option<u32>, end: Option<u32>) {
        // A pass of nothing: only passes can be timed everywhere.
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("time"),
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.queries,
                beginning_of_pass_write_index: begin,
                end_of_pass_write_index: end,
            }),
        });
    }
}
