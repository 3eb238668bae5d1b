//! The pipeline, readable as one list of steps.
