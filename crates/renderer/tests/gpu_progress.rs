//! Pictures of windows: quick while they change, settled when they rest.
#![cfg(feature = "gpu")]

mod on_device;

use geometry::{DVec3, GridGeometry};
use on_device::{apart, on_device};
use renderer::cpu::Quality;
use renderer::gpu::{self, Effort, Progress, wgpu};
use renderer::{Camera, Clip, ControlPoint, Picture, ResidentVolume, Scene, TransferFunction, VolumeLayer};
use volume::{Rescale, Samples};

const SIZE: [u32; 2] = [96, 64];

/// A ball of 1000 in -1000 on a grid whose axes all differ.
fn ball() -> ResidentVolume {
    let dims = [131u32, 110, 75];
    let grid = GridGeometry::axis_aligned(dims, [0.8, 0.9, 1.4], DVec3::new(-52.0, -49.0, -52.0)).unwrap();
    let mut samples = Vec::new();
    for z in 0..dims[2] {
        for y in 0..dims[1] {
            for x in 0..dims[0] {
                let p = grid
                    .patient_from_voxel()
                    .transform_point3(DVec3::new(x.into(), y.into(), z.into()));
                samples.push((((35.0 - p.length()) / 3.0).clamp(-1.0, 1.0) * 1000.0) as i16);
            }
        }
    }
    ResidentVolume::dense(grid, Samples::I16(samples), Rescale::IDENTITY).unwrap()
}

fn transfer() -> TransferFunction {
    let point = |value, opacity| ControlPoint {
        value,
        color: [0.9, 0.7, 0.5],
        opacity,
    };
    TransferFunction::new(vec![point(-200.0, 0.0), point(600.0, 0.6)]).unwrap()
}

fn scene<'a>(volume: &'a ResidentVolume, transfer: &'a TransferFunction, turn: f64) -> Scene<'a> {
    let camera = Camera::from_direction(DVec3::new(0.2, -1.0, 0.3), volume.grid().bounds_mm(), 1.5);
    Scene {
        volumes: vec![VolumeLayer::new(volume, transfer)],
        surfaces: vec![],
        clip: Clip::NONE,
        camera: camera.turned(turn),
        background: [0.0; 3],
    }
}

/// A texture that stands for a window.
struct Window {
    texture: wgpu::Texture,
}

impl Window {
    fn new(device: &gpu::Renderer) -> Self {
        let texture = device
            .device()
            .wgpu_device()
            .create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d {
                    width: SIZE[0],
                    height: SIZE[1],
                    depth_or_array_layers: 1,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba8Unorm,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            });
        Self { texture }
    }

    fn draw(&self, device: &mut gpu::Renderer, scene: &Scene<'_>, effort: &Effort) -> Progress {
        let view = self.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let target = gpu::Target {
            view: &view,
            format: self.texture.format(),
            size: SIZE,
        };
        let progress = device.draw_to(scene, target, effort).unwrap();
        let device = device.device().wgpu_device();
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        progress
    }

    fn picture(&self, device: &gpu::Renderer) -> Picture {
        let (device, queue) = (device.device().wgpu_device(), device.device().wgpu_queue());
        let row = (SIZE[0] * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(row * SIZE[1]),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row),
                    rows_per_image: None,
                },
            },
            self.texture.size(),
        );
        queue.submit([encoder.finish()]);
        buffer.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        let bytes = buffer.get_mapped_range(..).unwrap().to_vec();
        let rows = bytes.chunks_exact(row as usize);
        Picture {
            width: SIZE[0],
            height: SIZE[1],
            rgba: rows
                .flat_map(|row| row[..SIZE[0] as usize * 4].to_vec())
                .collect(),
        }
    }
}

#[test]
fn a_picture_at_rest_settles_to_the_full_one() {
    let Some(mut device) = on_device() else { return };
    let (volume, transfer) = (ball(), transfer());
    let window = Window::new(&device);
    let effort = Effort::default();
    for turn in [0.0, 0.5] {
        let scene = scene(&volume, &transfer, turn);
        // Once quickly, then the four rays of each pixel.
        let progress: Vec<Progress> = (0..5)
            .map(|_| window.draw(&mut device, &scene, &effort))
            .collect();
        assert_eq!(progress[..4], [Progress::More; 4]);
        assert_eq!(progress[4], Progress::Settled);
        let settled = window.picture(&device);
        assert_eq!(window.draw(&mut device, &scene, &effort), Progress::Settled);
        assert_eq!(window.picture(&device), settled);
        let full = device.draw(&scene, SIZE[0], SIZE[1], Quality::FINE).unwrap();
        let (mean, far) = apart(&settled, &full);
        assert!(mean < 0.02 && far == 0.0, "mean difference {mean}, {far} far");
    }
}

#[test]
fn a_picture_that_moves_is_coarse_and_in_place() {
    let Some(mut device) = on_device() else { return };
    let (volume, transfer) = (ball(), transfer());
    let window = Window::new(&device);
    let scene = scene(&volume, &transfer, 0.3);
    assert_eq!(
        window.draw(&mut device, &scene, &Effort::default()),
        Progress::More
    );
    let quick = window.picture(&device);
    let full = device.draw(&scene, SIZE[0], SIZE[1], Quality::FINE).unwrap();
    let (mean, _) = apart(&quick, &full);
    assert!(mean < 6.0, "mean difference {mean}");
    let shows = |picture: &Picture| picture.rgba.chunks_exact(4).filter(|p| p[0] > 60).count() as f64;
    assert!((shows(&quick) / shows(&full) - 1.0).abs() < 0.1);
}

#[test]
fn what_streams_in_is_coarse_first_and_never_a_hole() {
    let Some(mut device) = on_device() else { return };
    let (volume, transfer) = (ball(), transfer());
    let scene = scene(&volume, &transfer, 0.0);
    let full = device.draw(&scene, SIZE[0], SIZE[1], Quality::FINE).unwrap();
    let Some(mut device) = on_device() else { return };
    let window = Window::new(&device);
    // Less than a slice at a time: pieces are whole slices.
    let effort = Effort {
        upload_bytes: 1,
        ..Effort::default()
    };
    assert_eq!(window.draw(&mut device, &scene, &effort), Progress::More);
    let first = window.picture(&device);
    let (mean, _) = apart(&first, &full);
    assert!(mean < 8.0, "mean difference {mean}");
    let settles = (0..200).any(|_| window.draw(&mut device, &scene, &effort) == Progress::Settled);
    assert!(settles);
    let (mean, far) = apart(&window.picture(&device), &full);
    assert!(mean < 0.02 && far == 0.0, "mean difference {mean}, {far} far");
    if device.device().tier().timestamps {
        let ms = device.frame_ms().unwrap();
        assert!(ms > 0.0 && ms < 60_000.0, "{ms} ms");
    }
}
