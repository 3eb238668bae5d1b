//! What a name in a file means among the files of the upload.

use super::text::short;
use crate::{CaptureError, NamedBytes};

/// The files of an upload, seen from the one being read.
pub(super) struct Upload<'a> {
    files: &'a [NamedBytes<'a>],
    /// The folder of the file being read, with its last `/`; empty at the top.
    folder: &'a str,
}

impl<'a> Upload<'a> {
    pub(super) fn new(files: &'a [NamedBytes<'a>], main: &'a str) -> Self {
        let end = main.rfind('/').map_or(0, |at| at + 1);
        Self {
            files,
            folder: main.get(..end).unwrap_or_default(),
        }
    }

    /// The file that `reference` names: beside the one being read, without regard to case, or anywhere by its last part
    /// alone where only one file has it. `None` where there is none.
    ///
    /// # Errors
    /// [`CaptureError::Reference`] for addresses and for names that lead upward.
    pub(super) fn find(
        &self,
        format: &'static str,
        reference: &str,
    ) -> Result<Option<NamedBytes<'a>>, CaptureError> {
        let name = check_reference(format, reference)?;
        let parts: Vec<&str> = name
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        let Some(last) = parts.last() else {
            return Ok(None);
        };
        let beside = format!("{}{}", self.folder, parts.join("/"));
        let by = |same: &dyn Fn(&str) -> bool| self.files.iter().find(|file| same(file.name)).copied();
        let found = by(&|name| name == beside).or_else(|| by(&|name| name.eq_ignore_ascii_case(&beside)));
        if found.is_some() {
            return Ok(found);
        }
        let mut same_last = self.files.iter().filter(|file| {
            let own = file.name.rsplit('/').next().unwrap_or_default();
            own.eq_ignore_ascii_case(last)
        });
        let only = same_last.next();
        Ok(if same_last.next().is_some() {
            None
        } else {
            only.copied()
        })
    }
}

/// `reference` with `/` between its parts.
///
/// # Errors
/// [`CaptureError::Reference`] for addresses and for names that lead upward.
pub(super) fn check_reference(format: &'static str, reference: &str) -> Result<String, CaptureError> {
    let refuse = |why| CaptureError::Reference {
        format,
        reference: short(reference.as_bytes()),
        why,
    };
    let name = reference.trim().replace('\\', "/");
    if is_address(&name) {
        return Err(refuse("an address; only files of the upload are read"));
    }
    if name.split('/').any(|part| part == "..") {
        return Err(refuse(
            "which leads out of its folder; only files of the upload are read",
        ));
    }
    if name.contains('\0') {
        return Err(refuse("which is no name of a file"));
    }
    Ok(name)
}

/// Whether a name starts like `http:`. A single letter before the colon is a drive.
fn is_address(name: &str) -> bool {
    name.starts_with("//")
        || name.split_once(':').is_some_and(|(scheme, _)| {
            scheme.len() > 1
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        })
}

/// A URI's path with `%20` and the like as characters (RFC 3986 section 2.1).
pub(super) fn percent_decoded(uri: &str) -> String {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let code = after.get(..2).filter(|_| first == b'%').and_then(|digits| {
            let text = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(text, 16).ok()
        });
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &[&str], reference: &str) -> Result<Option<String>, CaptureError> {
        let files: Vec<NamedBytes> = names
            .iter()
            .map(|&name| NamedBytes { name, bytes: b"" })
            .collect();
        let upload = Upload::new(&files, "scan/face.obj");
        let found = upload.find("OBJ", reference)?;
        Ok(found.map(|file| file.name.to_owned()))
    }

    #[test]
    fn names_are_looked_up_in_the_upload_only() {
        let names = [
            "scan/face.obj",
            "scan/Tex/Skin.JPG",
            "other/a.png",
            "x/twice.png",
            "y/twice.png",
        ];
        for (reference, expected) in [
            ("Tex/Skin.JPG", Some("scan/Tex/Skin.JPG")),
            ("./tex\\skin.jpg", Some("scan/Tex/Skin.JPG")),
            ("skin.jpg", Some("scan/Tex/Skin.JPG")),
            ("C:\\Users\\someone\\a.png", Some("other/a.png")),
            ("/home/someone/a.png", Some("other/a.png")),
            ("twice.png", None),
            ("missing.png", None),
            ("", None),
        ] {
            assert_eq!(
                find(&names, reference).unwrap().as_deref(),
                expected,
                "{reference}"
            );
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for reference in [
            "http://example.org/a.png",
            "https:a.png",
            "file:///etc/passwd",
            "FILE:/etc/passwd",
            "../a.png",
            "Tex/../../a.png",
            "..\\a.png",
            "//server/share/a.png",
            "\\\\server\\share\\a.png",
            "a\0.png",
        ] {
            let error = find(&["scan/face.obj", "a.png"], reference).unwrap_err();
            assert!(
                matches!(error, CaptureError::Reference { .. }),
                "{reference}: {error}"
            );
        }
    }

    #[test]
    fn percent_codes_become_characters() {
        assert_eq!(percent_decoded("a%20b%C3%A4%2"), "a bä%2");
        assert_eq!(percent_decoded("%zz%"), "%zz%");
    }
}
