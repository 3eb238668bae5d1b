//! The inverse component transforms (ISO/IEC 15444-1 annex G): luminance and two differences to red, green, blue.

use super::component::Plane;

/// Undoes the transform that belongs to the planes' wavelet. `None` when the planes differ in that.
pub(super) fn undo(planes: &mut [Plane; 3]) -> Option<()> {
    match planes {
        [Plane::Whole(a), Plane::Whole(b), Plane::Whole(c)] => {
            for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
                // Equations G-6 to G-8.
                let green = a.wrapping_sub(b.wrapping_add(*c) >> 2);
                (*a, *b, *c) = (c.wrapping_add(green), green, b.wrapping_add(green));
            }
        }
        [Plane::Real(a), Plane::Real(b), Plane::Real(c)] => {
            for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
                // Equations G-12 to G-14.
                let red = *a + 1.402 * *c;
                let green = *a - 0.344_136 * *b - 0.714_136 * *c;
                (*a, *b, *c) = (red, green, *a + 1.772 * *b);
            }
        }
        _ => return None,
    }
    Some(())
}
