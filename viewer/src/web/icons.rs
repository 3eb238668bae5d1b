//! The icons: strokes of 1.5 px on a grid of 24.

use leptos::prelude::*;

/// An icon by what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Back,
    FourUp,
    OneAndThree,
    Slices,
    Single,
    Pointer,
    Crosshair,
    Scroll,
    Pan,
    Zoom,
    Distance,
    Angle,
    Polyline,
    Region,
    Pin,
    Arrow,
    Text,
    Undo,
    Redo,
    FoldLeft,
    FoldRight,
    Help,
    Add,
    Eye,
    Delete,
    Play,
    Pause,
    Next,
    Close,
    Send,
    Compare,
    Lay,
    Straighten,
    Reset,
    Hand,
}

impl Name {
    fn path(self) -> &'static str {
        match self {
            Self::Back => "M15 5l-7 7 7 7",
            Self::FourUp => "M4 4h16v16H4zM12 4v16M4 12h16",
            Self::OneAndThree => "M4 4h16v16H4zM14 4v16M14 9.3h6M14 14.6h6",
            Self::Slices => "M4 4h16v16H4zM9.3 4v16M14.6 4v16",
            Self::Single => "M4 4h16v16H4z",
            Self::Pointer => "M6 4l12 8-5.5 1.2L10 19z",
            Self::Crosshair => "M12 3v7M12 14v7M3 12h7M14 12h7",
            Self::Scroll => "M12 3v18M8 7l4-4 4 4M8 17l4 4 4-4",
            Self::Pan => "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
            Self::Zoom => "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.5 15.5L20 20M10.5 8v5M8 10.5h5",
            Self::Distance => "M4 16L16 4l4 4L8 20zM8 12l2 2M11 9l2 2M14 6l2 2",
            Self::Angle => "M5 19L17 5M5 19h15M13 19a8 8 0 0 0-2.8-6",
            Self::Polyline => "M4 18l5-10 6 6 5-9",
            Self::Region => "M6 6l9-2 5 8-6 8-9-4z",
            Self::Pin => "M12 21s7-6.5 7-11a7 7 0 1 0-14 0c0 4.5 7 11 7 11zM12 8a2 2 0 1 0 0 4a2 2 0 1 0 0-4",
            Self::Arrow => "M5 19L19 5M11 5h8v8",
            Self::Text => "M5 6h14M12 6v13M9 19h6",
            Self::Undo => "M8 5L4 9l4 4M4 9h9a6 6 0 0 1 0 12h-3",
            Self::Redo => "M16 5l4 4-4 4M20 9h-9a6 6 0 0 0 0 12h3",
            Self::FoldLeft => "M4 5h16v14H4zM9 5v14",
            Self::FoldRight => "M4 5h16v14H4zM15 5v14",
            Self::Help => {
                "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.5v.5"
            }
            Self::Add => "M12 5v14M5 12h14",
            Self::Eye => "M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6zM12 10a2 2 0 1 0 0 4a2 2 0 1 0 0-4",
            Self::Delete => "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
            Self::Play => "M8 5l11 7-11 7z",
            Self::Pause => "M8 5v14M16 5v14",
            Self::Next => "M9 5l7 7-7 7",
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Send => "M4 12l16-7-6 15-3-6zM11 14l9-9",
            Self::Compare => "M4 5h16v14H4zM12 3v18M7 10h2M15 10h2",
            Self::Lay => "M3 9c6-5 12-5 18 0M3 15c6-5 12-5 18 0M12 17v4M10 19l2 2 2-2",
            Self::Straighten => "M12 3v18M3 12h18M6 6l2 2M18 18l-2-2",
            Self::Hand => {
                "M8 13V6a1.5 1.5 0 0 1 3 0v5M11 11V4.5a1.5 1.5 0 0 1 3 0V11M14 11V6a1.5 1.5 0 0 1 3 0v8a6 6 0 0 1-6 6c-3 0-4.500-1.500-6-5l-1-2.500a1.500 1.500 0 0 1 2.600-1.400L8 13"
            }
            Self::Reset => "M5 12a7 7 0 1 0 2.2-5.1M5 4v4h4",
        }
    }
}

#[component]
pub(crate) fn Icon(name: Name) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=name.path()/></svg>
    }
}
