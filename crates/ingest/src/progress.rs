//! What the pipeline says while it works.

/// One step of the pipeline, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Looking through folders and archives.
    Find,
    /// Reading headers, hashing, keeping originals.
    Read,
    /// From instances to series with a verdict.
    Group,
    /// Decoding, the pyramid, the raw surfaces; encrypting and storing what is finished.
    Build,
    /// Joining and simplifying surfaces.
    Surfaces,
    /// Drawing thumbnails.
    Thumbnail,
    /// Recording finished items.
    Record,
}

impl Step {
    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Read => "read",
            Self::Group => "group",
            Self::Build => "build",
            Self::Surfaces => "surfaces",
            Self::Thumbnail => "thumbnail",
            Self::Record => "record",
        }
    }
}

/// Something a person who waits may want to see.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// A step starts; how many things and bytes it has to do, where that is known.
    Started {
        /// Which step.
        step: Step,
        /// Things: files for reading, slices for building.
        count: u64,
        /// Bytes to work through.
        bytes: u64,
    },
    /// More of a step is done.
    Advanced {
        /// Which step.
        step: Step,
        /// Things done since the last time.
        count: u64,
        /// Bytes done since the last time.
        bytes: u64,
    },
    /// An item is being built.
    Item {
        /// Its name.
        name: &'a str,
    },
    /// A file was refused; the rest goes on.
    Refused {
        /// The file.
        file: &'a str,
        /// Why, one sentence.
        reason: &'a str,
    },
    /// A step is over.
    Finished {
        /// Which step.
        step: Step,
    },
}

/// Who listens. Called from several threads.
pub trait Progress: Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// Nobody listens.
impl Progress for () {
    fn event(&self, _: Event<'_>) {}
}
