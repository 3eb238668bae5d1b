//! Questions about what is looked at: one point, one value, the values of one region.

use protocol::{Answer, Ask, Look, RegionTold};
use renderer::{Camera, pick, region_values};

use crate::draw::{Drawer, Seen};

/// The answer to a question. `look` is the newest view state: what it hides is not met.
pub fn answer<'a>(drawer: &mut Drawer, seen: impl Into<Seen<'a>>, look: &Look, ask: &Ask) -> Answer {
    let seen = seen.into();
    let exhibited = seen.exhibited;
    let volume = exhibited.volume.as_ref().map(|shown| &shown.volume);
    match ask {
        Ask::Value { p_mm } => volume
            .and_then(|volume| volume.value_at_mm(*p_mm))
            .map_or(Answer::Nothing, Answer::Value),
        Ask::Pick { camera, size, pixel } => {
            let eye = Camera {
                eye_mm: camera.eye_mm,
                target_mm: camera.target_mm,
                up: camera.up,
                field_of_view_radians: camera.field_of_view_radians,
            };
            let Ok(ray) = eye.ray(*pixel, size.width, size.height) else {
                return Answer::Nothing;
            };
            let hit = drawer.with_scene(seen, look, *camera, |scene| pick(scene, &ray));
            hit.map_or(Answer::Nothing, |hit| Answer::Point {
                p_mm: hit.p_in_patient_mm,
                value: hit.value,
            })
        }
        Ask::Region { points_mm } => {
            let told = volume.and_then(|volume| {
                let spacing = volume
                    .grid()
                    .spacing_mm()
                    .into_iter()
                    .fold(f64::INFINITY, f64::min);
                region_values(points_mm, spacing / 2.0, |p| volume.value_at_mm(p))
            });
            told.map_or(Answer::Nothing, |values| {
                Answer::Region(RegionTold {
                    mean: values.mean,
                    sd: values.sd,
                    min: values.min,
                    max: values.max,
                    count: values.count,
                })
            })
        }
    }
}
