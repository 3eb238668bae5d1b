//! Axis-aligned boxes.

use glam::DVec3;
use serde::{Deserialize, Serialize};

/// An axis-aligned box between two corners, in the space and unit of its corners.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aabb {
    /// The corner with the smallest coordinates.
    pub min: DVec3,
    /// The corner with the largest coordinates.
    pub max: DVec3,
}

impl Aabb {
    /// The box that holds nothing: any point grows it to that point.
    pub const EMPTY: Self = Self {
        min: DVec3::INFINITY,
        max: DVec3::NEG_INFINITY,
    };

    /// The smallest box around `points`; [`Aabb::EMPTY`] for none.
    pub fn around(points: impl IntoIterator<Item = DVec3>) -> Self {
        points.into_iter().fold(Self::EMPTY, Self::grown_to)
    }

    /// This box, grown to hold `point`.
    #[must_use]
    pub fn grown_to(self, point: DVec3) -> Self {
        Self {
            min: self.min.min(point),
            max: self.max.max(point),
        }
    }

    /// Whether the box holds no point.
    pub fn is_empty(&self) -> bool {
        self.min.cmpgt(self.max).any()
    }

    /// The middle of the box.
    pub fn center(&self) -> DVec3 {
        (self.min + self.max) * 0.5
    }

    /// The lengths of the box along the three axes.
    pub fn size(&self) -> DVec3 {
        self.max - self.min
    }
}
