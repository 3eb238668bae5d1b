//! The pages in a real browser, as a person uses them.

mod arrival;
mod driver;
mod laid;
mod marks;
mod mentions;
mod pages;
mod passkeys;
mod path;
mod patients;
mod people;
mod uploads;
mod visit;
