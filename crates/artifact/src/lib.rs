//! The versioned bytes of pyramids, surfaces and thumbnails.
