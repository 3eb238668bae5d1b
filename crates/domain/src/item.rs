//! What a case holds.

use crate::word::words;

words! {
    /// What an item is.
    ItemKind {
        /// Slices on one grid in the patient.
        Volume = "volume",
        /// Pictures that are no grid: cine, color, a single slice.
        Frames = "frames",
        /// Content without a picture of its own.
        Document = "document",
        /// A surface from a mesh file.
        Mesh = "mesh",
        /// A surface fused from depth frames.
        Capture = "capture",
        /// A photograph.
        Photo = "photo",
    }
}

words! {
    /// What an artifact is.
    ArtifactKind {
        /// Brick pyramid of a volume.
        Pyramid = "pyramid",
        /// Losslessly compressed frames.
        FrameStack = "frame_stack",
        /// Triangle mesh in patient millimeters.
        Surface = "surface",
        /// A surface with its distances to another one.
        Comparison = "comparison",
        /// Small picture.
        Thumbnail = "thumbnail",
        /// Tiles of a photograph.
        Photo = "photo",
    }
}

words! {
    /// How far what was uploaded has come.
    ItemState {
        /// Bytes are arriving.
        Uploading = "uploading",
        /// The pipeline is at work, or waits to be.
        Ingesting = "ingesting",
        /// It can be looked at.
        Ready = "ready",
        /// The pipeline gave up; it says why.
        Failed = "failed",
    }
}

words! {
    /// How a piece of work in the queue stands.
    JobState {
        /// Waits for a worker.
        Queued = "queued",
        /// A worker has a lease on it.
        Running = "running",
        /// Done.
        Done = "done",
        /// Failed as often as it may; it says why.
        Failed = "failed",
    }
}
