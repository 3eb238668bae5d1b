//! Which way of the patient a direction points.

use glam::DVec3;

/// One of the six directions of a patient lying in LPS space (PS3.3 C.7.6.1.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatientDirection {
    /// To the patient's left, +x.
    Left,
    /// To the patient's right, -x.
    Right,
    /// To the back, +y.
    Posterior,
    /// To the front, -y.
    Anterior,
    /// To the head, +z.
    Superior,
    /// To the feet, -z.
    Inferior,
}

impl PatientDirection {
    /// The unit vector of this direction in LPS.
    pub fn in_patient(self) -> DVec3 {
        match self {
            Self::Left => DVec3::X,
            Self::Right => DVec3::NEG_X,
            Self::Posterior => DVec3::Y,
            Self::Anterior => DVec3::NEG_Y,
            Self::Superior => DVec3::Z,
            Self::Inferior => DVec3::NEG_Z,
        }
    }

    /// The letter shown on the edge of a view.
    pub fn letter(self) -> char {
        match self {
            Self::Left => 'L',
            Self::Right => 'R',
            Self::Posterior => 'P',
            Self::Anterior => 'A',
            Self::Superior => 'S',
            Self::Inferior => 'I',
        }
    }
}

/// The letters of `direction_in_patient`, strongest first: "L", or "LA" for an oblique one. Parts under a tenth of
/// the length are left out; a zero vector has no letters.
pub fn orientation_letters(direction_in_patient: DVec3) -> String {
    let d = direction_in_patient.normalize_or_zero();
    let pick = |value: f64, positive, negative| if value > 0.0 { positive } else { negative };
    let mut parts = [
        (
            d.x.abs(),
            pick(d.x, PatientDirection::Left, PatientDirection::Right),
        ),
        (
            d.y.abs(),
            pick(d.y, PatientDirection::Posterior, PatientDirection::Anterior),
        ),
        (
            d.z.abs(),
            pick(d.z, PatientDirection::Superior, PatientDirection::Inferior),
        ),
    ];
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    parts
        .iter()
        .filter(|(length, _)| *length >= 0.1)
        .map(|(_, direction)| direction.letter())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_run_from_the_strongest_part() {
        assert_eq!(orientation_letters(DVec3::X), "L");
        assert_eq!(orientation_letters(DVec3::new(0.3, -0.9, 0.0)), "AL");
        assert_eq!(orientation_letters(DVec3::new(-0.05, 0.0, -1.0)), "I");
        assert_eq!(orientation_letters(DVec3::ZERO), "");
    }
}
