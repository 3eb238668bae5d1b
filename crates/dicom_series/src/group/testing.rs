//! Instances for tests, without files, and groups as text to compare.

use geometry::DVec3;

use super::{Group, GroupKind, RescalePolicy};
use crate::instance::*;

/// Directions of an oblique slice: exactly perpendicular unit vectors.
pub(super) const OBLIQUE: [f64; 6] = [0.8, 0.6, 0.0, -0.36, 0.48, 0.8];

/// Axial CT slices at these z, 7 columns of 0.6 mm, 5 rows of 0.9 mm, numbered in this order from 1.
pub(super) fn ct(z_mm: &[f64]) -> Vec<Instance> {
    (1..)
        .zip(z_mm)
        .map(|(number, &z)| {
            slice(
                number,
                DVec3::new(-10.0, -20.0, z),
                [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            )
        })
        .collect()
}

/// CT slices in any direction, one step after another along the normal or any other way.
pub(super) fn stack(count: i64, orientation: [f64; 6], step_mm: DVec3) -> Vec<Instance> {
    (0..count)
        .map(|n| {
            slice(
                n + 1,
                DVec3::new(11.0, -22.0, 33.0) + step_mm * n as f64,
                orientation,
            )
        })
        .collect()
}

/// One slice.
pub(super) fn slice(number: i64, position: DVec3, orientation: [f64; 6]) -> Instance {
    Instance {
        sop_class_uid: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        sop_instance_uid: format!("1.2.{number}.{}", position.z.to_bits()),
        transfer_syntax_uid: "1.2.840.10008.1.2.1".to_owned(),
        study_uid: Some("1.1".to_owned()),
        series_uid: Some("1.1.1".to_owned()),
        frame_of_reference_uid: Some("1.1.2".to_owned()),
        modality: Some("CT".to_owned()),
        series_number: Some(3),
        instance_number: Some(number),
        series_description: Some("Head 1.0".to_owned()),
        study_description: None,
        patient_name: Some("Muster^Erika".to_owned()),
        patient_id: Some("4711".to_owned()),
        manufacturer: None,
        content: Content::Image(Box::new(picture(position, orientation))),
        oddities: Vec::new(),
    }
}

fn picture(position: DVec3, orientation: [f64; 6]) -> Image {
    Image {
        pixels: PixelDescription {
            rows: 5,
            columns: 7,
            frames: 1,
            samples_per_pixel: 1,
            photometric: Photometric::Monochrome2,
            planar: Planar::ByPixel,
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            sign: Sign::Unsigned,
            padding: None,
            format: SampleFormat::Integer,
            byte_order: ByteOrder::Little,
            location: PixelLocation::Native {
                offset: 1000,
                len: 70,
            },
        },
        image_type: ["ORIGINAL", "PRIMARY", "AXIAL"].map(str::to_owned).to_vec(),
        lossy: false,
        acquisition_number: Some(1),
        gantry_tilt_degrees: None,
        patient_position: Some("HFS".to_owned()),
        unit: Some("HU".to_owned()),
        mosaic: None,
        suv: None,
        cine: false,
        frame_time_ms: None,
        imager_spacing_mm: None,
        lookup: LookupTables::default(),
        concatenation: None,
        frames: vec![FrameDescription {
            position_mm: Some(position.to_array()),
            orientation: Some(orientation),
            pixel_spacing_mm: Some([0.9, 0.6]),
            slice_thickness_mm: None,
            rescale: Some(Rescale {
                slope: 1.0,
                intercept: -1024.0,
            }),
            windows: vec![[40.0, 400.0]],
            ..FrameDescription::default()
        }],
    }
}

/// The picture of an instance.
pub(super) fn image(instance: &mut Instance) -> &mut Image {
    match &mut instance.content {
        Content::Image(image) => image,
        Content::Document(kind) => panic!("no picture but {kind:?}"),
    }
}

/// The first frame of an instance.
pub(super) fn frame(instance: &mut Instance) -> &mut FrameDescription {
    &mut image(instance).frames[0]
}

/// All instances as the frames of one, shared header from the first.
pub(super) fn multi_frame(mut instances: Vec<Instance>) -> Instance {
    let frames: Vec<_> = instances
        .iter_mut()
        .flat_map(|one| std::mem::take(&mut image(one).frames))
        .collect();
    let mut whole = instances.remove(0);
    image(&mut whole).pixels.frames = frames.len() as u32;
    image(&mut whole).frames = frames;
    whole
}

/// Groups as text: one line a group, one a finding.
pub(super) fn report(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        text += &format!("{}: {}\n", group.name, kind(group));
        for finding in group.findings() {
            text += &format!(
                "  {:?} {}: {}\n",
                finding.severity(),
                finding.code(),
                finding.message()
            );
        }
    }
    text
}

fn kind(group: &Group) -> String {
    match &group.kind {
        GroupKind::Volume(stack) => {
            let [columns, rows, planes] = stack.grid.dims();
            let [x, y, z] = stack.grid.spacing_mm().map(|mm| (mm * 1e4).round() / 1e4);
            let rescale = match &stack.rescale {
                RescalePolicy::Uniform(_) => "",
                RescalePolicy::PerSlice(_) => ", rescale each",
            };
            format!(
                "volume {columns} x {rows} x {planes} of {x} x {y} x {z} mm, {} acquired{rescale}",
                stack.slices.len()
            )
        }
        GroupKind::Frames(list) => format!(
            "{} pictures {} x {}, {} placed",
            list.frames.len(),
            list.columns,
            list.rows,
            list.frames.iter().filter(|frame| frame.plane.is_some()).count()
        ),
        GroupKind::Document(list) => format!("{} documents {:?}", list.instances.len(), list.kind),
    }
}

/// The only volume among groups.
pub(super) fn only_volume(groups: &[Group]) -> &super::Stack {
    let mut volumes = groups.iter().filter_map(|group| match &group.kind {
        GroupKind::Volume(stack) => Some(stack),
        _ => None,
    });
    let volume = volumes.next().expect("a volume");
    assert!(
        volumes.next().is_none(),
        "more than one volume:\n{}",
        report(groups)
    );
    volume
}
