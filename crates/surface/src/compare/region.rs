//! Parts of space: where surfaces are said not to have changed, and where a volume is measured.

use std::fmt;
use std::str::FromStr;

use geometry::{Aabb, DVec3};

/// A part of space, in the space of the first surface, mm.
///
/// As text: `all`, `sphere:x,y,z,radius`, `box:x,y,z,x,y,z` (two corners), several joined by `+`, and `not:` before
/// all of it for everything else: `not:sphere:0,-110,-5,25+sphere:0,-80,-60,15`.
#[derive(Clone, Debug, PartialEq)]
pub enum Region {
    /// All of space.
    Everything,
    /// The inside of a sphere.
    Sphere {
        /// Its center, mm.
        center_mm: DVec3,
        /// Its radius, mm.
        radius_mm: f64,
    },
    /// The inside of an axis-aligned box, mm.
    Block(Aabb),
    /// What lies in any of these.
    AnyOf(Vec<Region>),
    /// What does not lie in this.
    Not(Box<Region>),
}

impl Region {
    /// Whether `p_mm` lies inside, the border included.
    pub fn contains(&self, p_mm: DVec3) -> bool {
        self.signed_distance_mm(p_mm) <= 0.0
    }

    /// Distance to the border of the region, mm, negative inside; infinite where there is no border. Exact for one
    /// sphere or box; for several that overlap, a lower bound of the distance inside of them.
    pub fn signed_distance_mm(&self, p_mm: DVec3) -> f64 {
        match self {
            Self::Everything => f64::NEG_INFINITY,
            Self::Sphere { center_mm, radius_mm } => p_mm.distance(*center_mm) - radius_mm,
            Self::Block(block) => {
                let beyond = (block.min - p_mm).max(p_mm - block.max);
                beyond.max(DVec3::ZERO).length() + beyond.max_element().min(0.0)
            }
            Self::AnyOf(parts) => parts
                .iter()
                .map(|part| part.signed_distance_mm(p_mm))
                .fold(f64::INFINITY, f64::min),
            Self::Not(part) => -part.signed_distance_mm(p_mm),
        }
    }

    /// A box that holds the region, if it has an end, mm.
    pub fn bounds_mm(&self) -> Option<Aabb> {
        match self {
            Self::Everything | Self::Not(_) => None,
            Self::Sphere { center_mm, radius_mm } => Some(Aabb {
                min: *center_mm - DVec3::splat(*radius_mm),
                max: *center_mm + DVec3::splat(*radius_mm),
            }),
            Self::Block(block) => Some(*block),
            Self::AnyOf(parts) => parts.iter().try_fold(Aabb::EMPTY, |all, part| {
                let part = part.bounds_mm()?;
                Some(all.grown_to(part.min).grown_to(part.max))
            }),
        }
    }

    /// Everything but this region.
    #[must_use]
    pub fn complement(&self) -> Self {
        match self {
            Self::Not(inner) => (**inner).clone(),
            other => Self::Not(Box::new(other.clone())),
        }
    }
}

/// A text that names no region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no region: {why}")]
pub struct RegionError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("not:") {
            return Ok(rest.parse::<Self>()?.complement());
        }
        let mut parts = text
            .split('+')
            .map(|part| one(part.trim()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Self::AnyOf(parts),
        })
    }
}

fn one(text: &str) -> Result<Region, RegionError> {
    let fail = |why| RegionError {
        text: text.to_owned(),
        why,
    };
    if text == "all" {
        return Ok(Region::Everything);
    }
    let (kind, numbers) = text
        .split_once(':')
        .ok_or_else(|| fail("it is all, sphere:x,y,z,radius, box:x,y,z,x,y,z, or not: before one"))?;
    let numbers = numbers
        .split(',')
        .map(|number| number.trim().parse::<f64>().ok().filter(|n| n.is_finite()))
        .collect::<Option<Vec<f64>>>()
        .ok_or_else(|| fail("after the colon come numbers in mm with commas between them"))?;
    match (kind, numbers.as_slice()) {
        ("sphere", &[x, y, z, radius_mm]) if radius_mm > 0.0 => Ok(Region::Sphere {
            center_mm: DVec3::new(x, y, z),
            radius_mm,
        }),
        ("sphere", _) => Err(fail("a sphere has three coordinates and a radius above 0")),
        ("box", &[x0, y0, z0, x1, y1, z1]) => Ok(Region::Block(Aabb::around([
            DVec3::new(x0, y0, z0),
            DVec3::new(x1, y1, z1),
        ]))),
        ("box", _) => Err(fail("a box has two corners of three coordinates")),
        ("not", _) => Err(fail("not: stands before all of a region, not within it")),
        _ => Err(fail("there are spheres and boxes")),
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => write!(f, "all"),
            Self::Sphere {
                center_mm: c,
                radius_mm,
            } => write!(f, "sphere:{},{},{},{radius_mm}", c.x, c.y, c.z),
            Self::Block(Aabb { min, max }) => write!(
                f,
                "box:{},{},{},{},{},{}",
                min.x, min.y, min.z, max.x, max.y, max.z
            ),
            Self::AnyOf(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if i == 0 { "" } else { "+" })?;
                }
                Ok(())
            }
            Self::Not(part) => write!(f, "not:{part}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_region_are_one() {
        for text in [
            "all",
            "sphere:1,-2.5,3,4",
            "box:-1,-2,-3,4,5,6",
            "not:sphere:0,-110,-5,25",
            "not:sphere:0,-110,-5,25+box:1,2,3,4,5,6",
        ] {
            assert_eq!(text.parse::<Region>().unwrap().to_string(), text);
        }
        let inner = "not:not:sphere:1,2,3,4".parse::<Region>().unwrap();
        assert_eq!(inner.to_string(), "sphere:1,2,3,4");
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for text in [
            "",
            "nose",
            "sphere:1,2,3",
            "sphere:1,2,3,0",
            "sphere:1,2,3,NaN",
            "box:1,2,3,4,5",
            "cone:1,2,3,4",
            "sphere:1,2,3,4+not:all",
            "sphere:1,2,3,inf",
        ] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }

    #[test]
    fn distances_to_the_border_are_signed() {
        let check = |text: &str, p: [f64; 3], expected: f64| {
            let region: Region = text.parse().unwrap();
            let distance = region.signed_distance_mm(DVec3::from_array(p));
            assert!((distance - expected).abs() < 1e-12, "{text} {p:?}: {distance}");
        };
        check("sphere:1,2,3,4", [1.0, 2.0, 10.0], 3.0);
        check("box:0,0,0,2,4,8", [5.0, 8.0, 4.0], 5.0);
        check("box:2,4,8,0,0,0", [1.0, 2.0, 7.5], -0.5);
        check("not:box:0,0,0,2,4,8", [1.0, 2.0, 7.5], 0.5);
        check("sphere:0,0,0,1+sphere:9,0,0,3", [5.0, 0.0, 0.0], 1.0);
        assert!(Region::Everything.contains(DVec3::splat(1e9)));
        assert_eq!("not:all".parse::<Region>().unwrap().bounds_mm(), None);
        let two: Region = "sphere:0,0,0,1+sphere:9,0,0,3".parse().unwrap();
        assert_eq!(two.bounds_mm().unwrap().size(), DVec3::new(13.0, 6.0, 6.0));
    }
}
