//! The policies against a model written apart from them, and against the table that people read.

mod differential;
mod matrix;
mod people;
mod random;
mod reference;
mod speed;
