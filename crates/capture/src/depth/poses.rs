//! Poses as text, and the axes they refer to.

use geometry::{DAffine3, DMat3, DVec3};

use crate::CaptureError;

/// Whether a map keeps lengths and handedness, within what rounded text gives.
pub(super) fn is_rigid(map: &DAffine3) -> bool {
    let off = map.matrix3.transpose() * map.matrix3 - DMat3::IDENTITY;
    map.is_finite()
        && map.translation.abs().max_element() < 1e8
        && off.to_cols_array().iter().all(|v| v.abs() < 1e-3)
        && map.matrix3.determinant() > 0.0
}

/// A map from 16 numbers by rows.
pub(super) fn from_rows(rows: &[f64; 16], unit_mm: f64) -> DAffine3 {
    let [a, b, c, x, d, e, f, y, g, h, i, z, ..] = *rows;
    DAffine3 {
        matrix3: DMat3::from_cols(DVec3::new(a, d, g), DVec3::new(b, e, h), DVec3::new(c, f, i)),
        translation: DVec3::new(x, y, z) * unit_mm,
    }
}

/// The rotation of a quaternion of any length but zero, and a place.
pub(super) fn from_quaternion([x, y, z, w]: [f64; 4], place_mm: DVec3) -> Option<DAffine3> {
    let length = (x * x + y * y + z * z + w * w).sqrt();
    if !(length > 1e-6 && length.is_finite()) {
        return None;
    }
    let [x, y, z, w] = [x, y, z, w].map(|v| v / length);
    let matrix3 = DMat3::from_cols(
        DVec3::new(
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y + z * w),
            2.0 * (x * z - y * w),
        ),
        DVec3::new(
            2.0 * (x * y - z * w),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z + x * w),
        ),
        DVec3::new(
            2.0 * (x * z + y * w),
            2.0 * (y * z - x * w),
            1.0 - 2.0 * (x * x + y * y),
        ),
    );
    Some(DAffine3 {
        matrix3,
        translation: place_mm,
    })
}

/// A pose of a camera that looks along -z with y up (ARKit, OpenGL) as one that looks along z with y down.
pub(super) fn from_arkit(world_from_camera: &DAffine3) -> DAffine3 {
    let m = &world_from_camera.matrix3;
    DAffine3 {
        matrix3: DMat3::from_cols(m.x_axis, -m.y_axis, -m.z_axis),
        translation: world_from_camera.translation,
    }
}

/// Which way is down in camera axes, for a world whose y points up.
pub(super) fn gravity_of_y_up(world_from_camera: &DAffine3) -> DVec3 {
    world_from_camera.matrix3.transpose() * DVec3::NEG_Y
}

/// One entry of a trajectory: the numbers of its head line, and the matrix by rows.
pub(super) struct Entry {
    pub(super) frame: i64,
    pub(super) rows: [f64; 16],
}

/// Open3D's trajectory: groups of a line of three integers and four lines of a matrix, spaced as one likes.
pub(super) fn trajectory(format: &'static str, bytes: &[u8]) -> Result<Vec<Entry>, CaptureError> {
    let text = text(format, bytes)?;
    let mut numbers = text.split_ascii_whitespace();
    let mut entries = Vec::new();
    let bad = |entries: &Vec<Entry>, what: &str| CaptureError::Malformed {
        format,
        what: format!("entry {} of the trajectory {what}", entries.len()),
    };
    while let Some(head) = numbers.next() {
        if entries.len() >= super::MAX_FRAMES {
            return Err(bad(&entries, "is more than the frames that are accepted"));
        }
        let frame = head
            .parse::<i64>()
            .map_err(|_| bad(&entries, "does not begin with a frame number"))?;
        let mut rows = [0.0; 16];
        let mut next = || numbers.next().and_then(|word| word.parse::<f64>().ok());
        if next().is_none() || next().is_none() {
            return Err(bad(&entries, "has no three integers"));
        }
        for value in &mut rows {
            *value = next().ok_or_else(|| bad(&entries, "has no 4 x 4 matrix"))?;
        }
        entries.push(Entry { frame, rows });
    }
    Ok(entries)
}

/// Text within the budget for a description.
pub(super) fn text<'a>(format: &'static str, bytes: &'a [u8]) -> Result<&'a str, CaptureError> {
    // Lists of tens of thousands of lines are usual; sixteen megabytes are more than any capture has.
    intake::Budget::DeclaredLength.check(bytes.len() as u64, 16 << 20)?;
    std::str::from_utf8(bytes).map_err(|error| CaptureError::Malformed {
        format,
        what: format!("not text at byte {}", error.valid_up_to()),
    })
}

/// The inverse of a rigid map.
pub(super) fn inverse(map: &DAffine3) -> DAffine3 {
    let matrix3 = map.matrix3.transpose();
    DAffine3 {
        matrix3,
        translation: -(matrix3 * map.translation),
    }
}
