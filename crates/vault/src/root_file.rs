//! The file of the root key: one line of text, readable by its owner only, never beside the data.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{RootKeyFault, VaultError};
use crate::key::{KeyBytes, RootKey, random_key};

/// What the line begins with; the key follows as 64 hexadecimal digits.
const LABEL: &str = "vitrine-root-key-1 ";

impl RootKey {
    /// Reads the root key from the file at `path`; where there is none, makes a random one and writes it there with
    /// permissions 600. Of several processes that do so at once, one makes the key and the others read it.
    ///
    /// # Errors
    /// [`VaultError::RootKey`]: the file lies inside `data_dir`, other users may read it, it is no root key, or it
    /// cannot be read or written.
    pub fn load_or_create(path: &Path, data_dir: &Path) -> Result<Self, VaultError> {
        let fault = |reason| VaultError::RootKey {
            path: path.to_owned(),
            reason,
        };
        refuse_inside(path, data_dir).map_err(fault)?;
        let bytes = match load(path) {
            Err(RootKeyFault::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                create(path, &random_key()?).map_err(|error| fault(error.into()))?;
                load(path)
            }
            loaded => loaded,
        };
        Self::from_key_bytes(&bytes.map_err(fault)?)
    }
}

/// A backup of the data must not carry the key that opens it.
fn refuse_inside(path: &Path, data_dir: &Path) -> Result<(), RootKeyFault> {
    let data = real_path(data_dir)?;
    if real_path(path)?.starts_with(&data) {
        Err(RootKeyFault::InsideData(data))
    } else {
        Ok(())
    }
}

/// The path without links, of which the last parts need not exist yet.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    match fs::canonicalize(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(real_path(parent)?.join(name)),
            // Ends in `..` below a folder that is not there: nothing can be created by such a path either.
            _ => Err(error),
        },
        other => other,
    }
}

fn load(path: &Path) -> Result<KeyBytes, RootKeyFault> {
    let mode = fs::metadata(path)?.mode();
    if mode & 0o007 != 0 {
        return Err(RootKeyFault::Open(mode & 0o777));
    }
    let text = Zeroizing::new(fs::read_to_string(path)?);
    let digits = text
        .trim_end()
        .strip_prefix(LABEL)
        .ok_or(RootKeyFault::Form)?
        .as_bytes();
    let mut key = KeyBytes::default();
    if digits.len() != key.len() * 2 {
        return Err(RootKeyFault::Form);
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16).ok_or(RootKeyFault::Form);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Ok(key)
}

/// Writes the key beside its place and links it there, so that nobody ever sees half a file, and an existing one
/// stays.
fn create(path: &Path, key: &KeyBytes) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut text = Zeroizing::new(String::with_capacity(LABEL.len() + 2 * key.len() + 1));
    text.push_str(LABEL);
    for byte in key.iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text.push('\n');
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(
        ".{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let placed = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
    fs::remove_file(&draft)?;
    placed?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Place {
        _folder: tempfile::TempDir,
        data: PathBuf,
        key: PathBuf,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        Place {
            data,
            key: folder.path().join("keys/root.key"),
            _folder: folder,
        }
    }

    fn fault(result: Result<RootKey, VaultError>) -> RootKeyFault {
        match result {
            Err(VaultError::RootKey { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let place = place();
        let made = RootKey::load_or_create(&place.key, &place.data).unwrap();
        let read = RootKey::load_or_create(&place.key, &place.data).unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        assert_eq!(fs::metadata(&place.key).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(place.key.parent().unwrap()).unwrap().count(), 1);
        let (_, wrapped) = made.new_case_key([3; 16]).unwrap();
        read.open_case_key([3; 16], &wrapped).unwrap();

        fs::remove_file(&place.key).unwrap();
        let other = RootKey::load_or_create(&place.key, &place.data).unwrap();
        assert_ne!(made.fingerprint(), other.fingerprint());
    }

    #[test]
    fn several_that_start_at_once_share_one_key() {
        let place = place();
        let mut prints: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| RootKey::load_or_create(&place.key, &place.data).unwrap()))
                .collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap().fingerprint().to_owned())
                .collect()
        });
        prints.dedup();
        assert_eq!(prints.len(), 1);
    }

    #[test]
    fn a_key_beside_the_data_is_refused() {
        let place = place();
        let inside = [
            place.data.join("root.key"),
            place.data.join("not/there/yet/root.key"),
            place.data.join("../data/root.key"),
        ];
        for path in inside {
            let reason = fault(RootKey::load_or_create(&path, &place.data));
            assert!(
                matches!(reason, RootKeyFault::InsideData(_)),
                "{path:?}: {reason}"
            );
            assert!(!path.exists());
        }
        // By way of a link, in either direction.
        let link = place.data.with_file_name("link");
        std::os::unix::fs::symlink(&place.data, &link).unwrap();
        let reason = fault(RootKey::load_or_create(&link.join("root.key"), &place.data));
        assert!(matches!(reason, RootKeyFault::InsideData(_)));
        let reason = fault(RootKey::load_or_create(&place.data.join("root.key"), &link));
        assert!(matches!(reason, RootKeyFault::InsideData(_)));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let place = place();
        RootKey::load_or_create(&place.key, &place.data).unwrap();
        for (mode, accepted) in [(0o604, false), (0o666, false), (0o640, true), (0o400, true)] {
            fs::set_permissions(&place.key, fs::Permissions::from_mode(mode)).unwrap();
            let result = RootKey::load_or_create(&place.key, &place.data);
            assert_eq!(result.is_ok(), accepted, "{mode:o}");
            if !accepted {
                assert!(matches!(fault(result), RootKeyFault::Open(m) if m == mode));
            }
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let place = place();
        RootKey::load_or_create(&place.key, &place.data).unwrap();
        let good = fs::read_to_string(&place.key).unwrap();
        for text in [
            "",
            "hello",
            &good[..good.len() - 2],
            &good.replace("key-1", "key-2"),
            &good.replace('\n', "0"),
        ] {
            fs::write(&place.key, text).unwrap();
            assert!(
                matches!(
                    fault(RootKey::load_or_create(&place.key, &place.data)),
                    RootKeyFault::Form
                ),
                "{text:?}"
            );
        }
    }
}
