//! What the buttons of a mouse and the fingers on a screen do: three sets of habits that people bring from other programs.

use geometry::DVec2;
use serde::{Deserialize, Serialize};

/// A set of habits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Habits {
    /// Left window, middle pan, right zoom, wheel slices.
    #[default]
    Radiology,
    /// Left goes through the slices, right changes the window.
    Archive,
    /// As 3D Slicer: shift and left pan too.
    Slicer,
}

impl Habits {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Radiology, Self::Archive, Self::Slicer];

    /// The word by which it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Self::Radiology => "radiology",
            Self::Archive => "archive",
            Self::Slicer => "slicer",
        }
    }

    /// The set called so; the first where there is none.
    pub fn named(word: &str) -> Self {
        let found = Self::ALL.into_iter().find(|habits| habits.word() == word);
        found.unwrap_or_default()
    }
}

/// A button of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// Left, or a finger or pen.
    Left,
    /// Middle.
    Middle,
    /// Right.
    Right,
}

impl Button {
    /// From the number that browsers give it.
    pub fn of_event(number: i16) -> Self {
        match number {
            1 => Self::Middle,
            2 => Self::Right,
            _ => Self::Left,
        }
    }
}

/// A key that is held meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// None.
    Nothing,
    /// Shift.
    Shift,
    /// Control or command.
    Control,
}

/// What is under the hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A plane.
    Plane,
    /// The picture in space.
    Space,
    /// A photograph.
    Photo,
}

/// What the hand does while it is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// What the chosen tool does.
    Tool,
    /// Changes the window.
    Window,
    /// Turns what is seen in space.
    Turn,
    /// Moves the picture.
    Pan,
    /// Makes it larger and smaller.
    Zoom,
    /// Goes through the slices.
    Scroll,
}

/// What a button does; the left one what the tool does.
pub fn act(habits: Habits, ground: Ground, button: Button, held: Held) -> Act {
    match (button, held) {
        (Button::Left, Held::Shift) | (Button::Middle, _) => Act::Pan,
        (Button::Left, Held::Control) => Act::Zoom,
        (Button::Left, Held::Nothing) => Act::Tool,
        (Button::Right, _) => match (habits, ground) {
            (Habits::Archive, Ground::Plane) => Act::Window,
            _ => Act::Zoom,
        },
    }
}

/// What the pointer does, the tool that is none.
pub fn pointer(habits: Habits, ground: Ground) -> Act {
    match (ground, habits) {
        (Ground::Space, _) => Act::Turn,
        (Ground::Photo, _) => Act::Pan,
        (Ground::Plane, Habits::Archive) => Act::Scroll,
        (Ground::Plane, Habits::Radiology | Habits::Slicer) => Act::Window,
    }
}

/// What one finger does in place of the pointer.
pub fn finger(ground: Ground) -> Act {
    match ground {
        Ground::Space => Act::Turn,
        Ground::Plane => Act::Scroll,
        Ground::Photo => Act::Pan,
    }
}

/// The fingers on a picture, CSS pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fingers {
    down: Vec<(i32, DVec2)>,
}

/// What two fingers did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pinch {
    /// How far their middle went.
    pub by: DVec2,
    /// How many times as far they are apart.
    pub factor: f64,
}

impl Fingers {
    /// A finger came down.
    pub fn put(&mut self, id: i32, at: DVec2) {
        self.lift(id);
        self.down.push((id, at));
    }

    /// A finger was lifted.
    pub fn lift(&mut self, id: i32) {
        self.down.retain(|(other, _)| *other != id);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.down.len()
    }

    /// A finger moved; what that means where there are two.
    pub fn moved(&mut self, id: i32, to: DVec2) -> Option<Pinch> {
        let before = self.span();
        let found = self.down.iter_mut().find(|(other, _)| *other == id)?;
        found.1 = to;
        let ((old_middle, old_length), (middle, length)) = (before?, self.span()?);
        Some(Pinch {
            by: middle - old_middle,
            factor: if old_length > 1.0 && length > 1.0 {
                length / old_length
            } else {
                1.0
            },
        })
    }

    /// The middle of two fingers and their distance.
    fn span(&self) -> Option<(DVec2, f64)> {
        match self.down.as_slice() {
            [(_, a), (_, b)] => Some(((*a + *b) * 0.5, a.distance(*b))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_do_what_they_do_elsewhere() {
        let plain = |habits, button| act(habits, Ground::Plane, button, Held::Nothing);
        for habits in Habits::ALL {
            assert_eq!(plain(habits, Button::Middle), Act::Pan);
            assert_eq!(plain(habits, Button::Left), Act::Tool);
            assert_eq!(pointer(habits, Ground::Space), Act::Turn);
            assert_eq!(
                act(habits, Ground::Space, Button::Right, Held::Nothing),
                Act::Zoom
            );
            assert_eq!(Habits::named(habits.word()), habits);
        }
        assert_eq!(plain(Habits::Radiology, Button::Right), Act::Zoom);
        assert_eq!(plain(Habits::Archive, Button::Right), Act::Window);
        assert_eq!(pointer(Habits::Archive, Ground::Plane), Act::Scroll);
        assert_eq!(pointer(Habits::Radiology, Ground::Plane), Act::Window);
        assert_eq!(
            act(Habits::Slicer, Ground::Plane, Button::Left, Held::Shift),
            Act::Pan
        );
        assert_eq!(finger(Ground::Plane), Act::Scroll);
        assert_eq!(Habits::named("nothing of ours"), Habits::Radiology);
        assert_eq!(Button::of_event(2), Button::Right);
    }

    #[test]
    fn two_fingers_pan_and_zoom() {
        let mut fingers = Fingers::default();
        fingers.put(7, DVec2::new(10.0, 10.0));
        assert_eq!(fingers.moved(7, DVec2::new(20.0, 10.0)), None);
        fingers.put(9, DVec2::new(60.0, 10.0));
        assert_eq!(fingers.count(), 2);
        let pinch = fingers.moved(9, DVec2::new(100.0, 10.0)).unwrap();
        assert_eq!(pinch.by, DVec2::new(20.0, 0.0));
        assert!((pinch.factor - 2.0).abs() < 1e-12);
        assert_eq!(fingers.moved(8, DVec2::ZERO), None);
        // On top of each other there is no distance to compare with.
        let pinch = fingers.moved(9, DVec2::new(20.0, 10.0)).unwrap();
        assert_eq!(pinch.factor, 1.0);
        fingers.lift(7);
        assert_eq!(fingers.moved(9, DVec2::new(70.0, 10.0)), None);
    }
}
