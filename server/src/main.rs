//! The `vitrine` program.
fn main() {}
