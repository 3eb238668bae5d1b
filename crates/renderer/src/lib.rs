//! Draws volumes and surfaces; knows no patient.
