//! The WGSL of the renderer: files under `wgsl/`, assembled into the text of one shader module.
//!
//! WGSL has neither includes nor conditions, and a module for two 16-bit volumes differs from one for an 8-bit volume
//! in the types of its textures. So the files use directives, each alone on its line:
//!
//! - `#import "lib/light.wgsl"` puts that file here, once a module;
//! - `#include "lib/field.wgsl"` puts that file here each time, with the names of the repetition around it;
//! - `#if NAME`, `#if !NAME`, `#else`, `#endif` keep lines by whether a name is defined;
//! - `#repeat VOLUMES` to `#end` repeats lines for each entry of a list, with the names of the entry.
//!
//! `$NAME` is replaced by the value of a name. Nothing else is touched, and an unknown file, name or directive is an
//! error, so that a slip is found here and not by a driver.
//!
//! Files are embedded. Debug builds read them from the source tree where it is there, and [`revision`] tells when
//! they changed, so that a shader can be edited while the program runs.

mod assemble;
mod files;

pub use assemble::{AssembleError, Names};
pub use files::{entries, revision};

/// The text of the module that starts with file `entry` (such as `cast.wgsl`), under `names`.
///
/// # Errors
/// When a file or a name is missing or a directive is not understood.
pub fn assemble(entry: &str, names: &Names) -> Result<String, AssembleError> {
    assemble::assemble(entry, names, files::read)
}
