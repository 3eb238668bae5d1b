//! TrueDepth frames as Standard Cyborg's apps write them: one binary PLY a frame that holds a JSON document, linear
//! color and depth in meters.
//!
//! Intrinsics refer to the full picture of the sensor and are scaled; the tables of the lens are applied.

use geometry::{DVec3, Pinhole};
use serde_json::Value;

use super::frame::{Color, Frame};
use super::lens::Lens;
use super::{Capture, DepthEncoding, FramePlan, GravitySample, Layout, find, json, motion};
use crate::{CaptureError, NamedBytes};

const FORMAT: &str = "TrueDepth PLY";
/// A header is a few lines.
const MAX_HEADER: usize = 16 << 10;
/// Deeper samples, in meters, mean that nothing was measured.
const NOTHING_M: f32 = 100.0;

pub(super) fn read(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Capture, CaptureError> {
    let motion = layout
        .described("motion-data.json")
        .and_then(|name| find(files, name));
    let motion = motion.map(gravity).transpose()?.unwrap_or_default();
    let frames = layout
        .frames
        .iter()
        .take(super::MAX_FRAMES)
        .map(|files| FramePlan {
            files: files.clone(),
            encoding: DepthEncoding::TrueDepthPly,
            camera: None,
            depth_size: None,
            world_from_camera: None,
            gravity_in_camera: None,
            timestamp_secs: None,
        });
    Ok(Capture {
        frames: frames.collect(),
        motion,
        findings: Vec::new(),
    })
}

fn gravity(bytes: &[u8]) -> Result<Vec<GravitySample>, CaptureError> {
    let value = json::parse(FORMAT, bytes)?;
    let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let sample = |entry: &Value| {
        let axis = |name: &str| json::number(entry, name);
        let device = DVec3::new(axis("gravity_x")?, axis("gravity_y")?, axis("gravity_z")?);
        Some(GravitySample {
            timestamp_secs: axis("timestamp")?,
            gravity_in_camera: motion::in_front_camera(device),
        })
    };
    Ok(entries
        .iter()
        .filter_map(sample)
        .take(motion::MAX_SAMPLES)
        .collect())
}

/// An element of the header: its name, how many there are, and the types of its properties.
struct Element<'a> {
    name: &'a str,
    count: u64,
    properties: Vec<(&'a str, &'a str)>,
}

fn malformed(what: impl Into<String>) -> CaptureError {
    CaptureError::Malformed {
        format: FORMAT,
        what: what.into(),
    }
}

/// The elements of the header, and what follows it.
fn header(bytes: &[u8]) -> Result<(Vec<Element<'_>>, &[u8]), CaptureError> {
    let head = bytes.get(..bytes.len().min(MAX_HEADER)).unwrap_or_default();
    let end = head
        .windows(10)
        .position(|w| w == b"end_header")
        .ok_or_else(|| malformed("no end of its header"))?;
    let line_end = head
        .iter()
        .skip(end)
        .position(|&b| b == b'\n')
        .ok_or_else(|| malformed("no end of its header"))?;
    let text = std::str::from_utf8(head.get(..end).unwrap_or_default())
        .map_err(|_| malformed("its header is not text"))?;
    let mut lines = text.lines().map(str::trim);
    if lines.next() != Some("ply") {
        return Err(malformed("it does not begin with \"ply\""));
    }
    let mut elements: Vec<Element<'_>> = Vec::new();
    let mut is_little = false;
    for line in lines {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["format", "binary_little_endian", _] => is_little = true,
            ["element", name, count] => elements.push(Element {
                name,
                count: count
                    .parse()
                    .map_err(|_| malformed("the count of an element is no number"))?,
                properties: Vec::new(),
            }),
            ["property", kind, name] => {
                if let Some(element) = elements.last_mut() {
                    element.properties.push((kind, name));
                }
            }
            ["property", "list", ..] => {
                return Err(CaptureError::Unsupported {
                    format: FORMAT,
                    what: "a list in a depth frame".to_owned(),
                });
            }
            _ => {}
        }
    }
    if !is_little {
        return Err(CaptureError::Unsupported {
            format: FORMAT,
            what: "a depth frame that is not binary little endian".to_owned(),
        });
    }
    let body = end.saturating_add(line_end).saturating_add(1);
    Ok((elements, bytes.get(body..).unwrap_or_default()))
}

fn size_of(kind: &str) -> Option<u64> {
    match kind {
        "char" | "uchar" | "int8" | "uint8" => Some(1),
        "short" | "ushort" | "int16" | "uint16" => Some(2),
        "int" | "uint" | "float" | "int32" | "uint32" | "float32" => Some(4),
        "double" | "float64" => Some(8),
        _ => None,
    }
}

/// Decodes one frame.
pub(super) fn decode(bytes: &[u8]) -> Result<Frame, CaptureError> {
    let (elements, mut rest) = header(bytes)?;
    let (mut metadata, mut color, mut depth) = (None, None, None);
    for element in &elements {
        let sizes: Option<u64> = element.properties.iter().map(|(kind, _)| size_of(kind)).sum();
        let stride = sizes.ok_or_else(|| malformed("a property of an unknown type"))?;
        let length = intake::budget::check_length(element.count.saturating_mul(stride), rest.len())?;
        let (part, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = after;
        let kinds: Vec<&str> = element.properties.iter().map(|(kind, _)| *kind).collect();
        match (element.name, &kinds[..]) {
            ("metadata", [_]) if stride == 1 => metadata = Some(part),
            ("color", ["float" | "float32", "float" | "float32", "float" | "float32"]) => color = Some(part),
            ("depth", ["float" | "float32"]) => depth = Some(part),
            _ => {}
        }
    }
    let metadata = metadata.ok_or_else(|| malformed("no metadata"))?;
    let depth = depth.ok_or_else(|| malformed("no depth"))?;
    let value = json::parse(FORMAT, metadata)?;
    let (camera, lens) = camera(&value)?;
    let pixels = intake::budget::check_frame(u64::from(camera.height), u64::from(camera.width), 1, 4)? / 4;
    if depth.len() as u64 != pixels.saturating_mul(4) {
        return Err(malformed(format!(
            "{} bytes of depth for {} x {} pixels",
            depth.len(),
            camera.width,
            camera.height
        )));
    }
    let (samples, _) = depth.as_chunks::<4>();
    let mut depth_mm: Vec<f32> = samples
        .iter()
        .map(|raw| f32::from_le_bytes(*raw))
        .map(|z| {
            if z > 0.0 && z < NOTHING_M {
                z * 1000.0
            } else {
                f32::NAN
            }
        })
        .collect();
    let mut color = color
        .filter(|part| part.len() as u64 == pixels.saturating_mul(12))
        .map(|part| Color {
            rgb: part.as_chunks::<12>().0.iter().map(srgb).collect(),
            camera,
        });
    if let Some(lens) = lens {
        depth_mm = lens.straighten_depth(&depth_mm, &camera);
        if let Some(color) = &mut color {
            lens.straighten_color(color);
        }
    }
    Ok(Frame {
        depth_mm,
        camera,
        color,
        world_from_camera: None,
        gravity_in_camera: None,
        timestamp_secs: json::number(&value, "timestamp"),
    })
}

/// The camera scaled to the depth, and its lens.
fn camera(value: &Value) -> Result<(Pinhole, Option<Lens>), CaptureError> {
    let missing = |what: &str| malformed(format!("its metadata has no {what}"));
    let inner = value
        .get("camera_intrinsics")
        .ok_or_else(|| missing("intrinsics"))?;
    let either = |name: &str| json::size(value, name).or_else(|| json::size(inner, name));
    let (width, height) = either("width")
        .zip(either("height"))
        .ok_or_else(|| missing("size of the depth"))?;
    let [fx, fy, cx, cy] =
        json::matrix(inner.get("intrinsic_matrix")).ok_or_else(|| missing("intrinsic matrix"))?;
    let reference = json::size(inner, "intrinsic_matrix_reference_dimensions_width")
        .zip(json::size(inner, "intrinsic_matrix_reference_dimensions_height"))
        .unwrap_or((width, height));
    let full = Pinhole {
        width: reference.0,
        height: reference.1,
        focal_px: [fx, fy],
        center_px: [cx, cy],
    };
    if !full.is_usable() {
        return Err(malformed("its intrinsics are not usable"));
    }
    let table: Option<Vec<f64>> = inner
        .get("lens_distortion_lookup_table")
        .and_then(Value::as_array)
        .filter(|list| (2..=4096).contains(&list.len()))
        .and_then(|list| list.iter().map(Value::as_f64).collect());
    let center =
        json::number(inner, "lens_distortion_center_x").zip(json::number(inner, "lens_distortion_center_y"));
    let lens = table
        .filter(|table| table.iter().all(|v| v.abs() < 0.5) && table.iter().any(|v| *v != 0.0))
        .zip(center)
        .map(|(table, (x, y))| Lens {
            table,
            center_px: [x, y],
            size: [f64::from(reference.0), f64::from(reference.1)],
        });
    Ok((full.resized(width, height), lens))
}

/// Linear red, green and blue to sRGB (IEC 61966-2-1).
fn srgb(raw: &[u8; 12]) -> [u8; 3] {
    let (channels, _) = raw.as_chunks::<4>();
    let encode = |raw: &[u8; 4]| {
        let linear = f32::from_le_bytes(*raw);
        let linear = if linear.is_finite() {
            linear.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let encoded = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    };
    match channels {
        [r, g, b] => [encode(r), encode(g), encode(b)],
        _ => [0; 3],
    }
}
