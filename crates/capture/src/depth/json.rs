//! JSON documents of captures: size and depth are bounded, numbers are finite.

use geometry::Pinhole;
use serde_json::Value;

use crate::CaptureError;

/// Reads a document of at most [`intake::budget::MAX_JSON_BYTES`]; deep nesting is refused by the reader.
pub(super) fn parse(format: &'static str, bytes: &[u8]) -> Result<Value, CaptureError> {
    intake::budget::check_json(bytes.len() as u64)?;
    serde_json::from_slice(bytes).map_err(|error| CaptureError::Malformed {
        format,
        what: format!("its JSON cannot be read: {error}"),
    })
}

pub(super) fn number(value: &Value, name: &str) -> Option<f64> {
    let value = value.get(name)?;
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    number.filter(|v| v.is_finite())
}

/// A size in pixels.
pub(super) fn size(value: &Value, name: &str) -> Option<u32> {
    let number = number(value, name)?;
    (number >= 1.0 && number <= intake::budget::MAX_FRAME_SIDE as f64).then_some(number as u32)
}

/// An array of exactly `N` finite numbers.
pub(super) fn numbers<const N: usize>(value: Option<&Value>) -> Option<[f64; N]> {
    let list: Option<Vec<f64>> = value?
        .as_array()
        .filter(|list| list.len() == N)?
        .iter()
        .map(|v| v.as_f64().filter(|v| v.is_finite()))
        .collect();
    list?.try_into().ok()
}

/// A camera in any of the spellings in use: a 3 x 3 matrix by columns (Open3D, Record3D) or rows, or single numbers.
///
/// Open3D's matrices put the center of the first pixel at (0.5, 0.5), as its ray caster and its voxel grids read them;
/// the others are taken to put it at (0, 0).
pub(super) fn camera(value: &Value) -> Option<Pinhole> {
    // Open3D nests the intrinsics of its viewpoints.
    let value = value.get("intrinsic").filter(|v| v.is_object()).unwrap_or(value);
    let width = size(value, "width").or_else(|| size(value, "w"))?;
    let height = size(value, "height").or_else(|| size(value, "h"))?;
    let of_open3d =
        matrix(value.get("intrinsic_matrix")).map(|[fx, fy, cx, cy]| [fx, fy, cx - 0.5, cy - 0.5]);
    let other = || {
        let names = ["K", "camera_matrix", "intrinsics"];
        names.iter().find_map(|name| matrix(value.get(name)))
    };
    let [fx, fy, cx, cy] = match of_open3d.or_else(other) {
        Some(found) => found,
        None => {
            let any = |names: [&str; 2]| names.iter().find_map(|name| number(value, name));
            let fx = any(["fx", "fl_x"])?;
            [
                fx,
                any(["fy", "fl_y"]).unwrap_or(fx),
                any(["cx", "ppx"])?,
                any(["cy", "ppy"])?,
            ]
        }
    };
    Some(Pinhole {
        width,
        height,
        focal_px: [fx, fy],
        center_px: [cx, cy],
    })
    .filter(Pinhole::is_usable)
}

/// Focal lengths and center of a 3 x 3 matrix, nested or flat, by rows or columns: the last row is (0, 0, 1).
pub(super) fn matrix(value: Option<&Value>) -> Option<[f64; 4]> {
    let flat: [f64; 9] = numbers(value).or_else(|| {
        let rows: Option<Vec<[f64; 3]>> = value?.as_array()?.iter().map(|row| numbers(Some(row))).collect();
        rows?.concat().try_into().ok()
    })?;
    let [fx, _, b, _, fy, d, e, f, _] = flat;
    let [cx, cy] = if b == 0.0 && d == 0.0 { [e, f] } else { [b, d] };
    Some([fx, fy, cx, cy])
}
