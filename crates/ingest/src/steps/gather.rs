//! Step 3 for files that are no DICOM: which of them belong together, and what nothing was made of.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use catalog::ItemOriginal;

use super::build::Workshop;
use super::build::capture::CaptureFiles;
use super::find::{Part, failure};
use super::read::{Hash, Kept, Leftover, Role, Understood};
use crate::IngestError;
use crate::guard::{GuardError, Pool};
use crate::progress::{Event, Progress};
use crate::report::Failure;

/// Files beside a mesh that it may use, at most.
const MAX_COMPANIONS: usize = 128;

/// Which files are taken by an item made of several.
#[derive(Debug, Default)]
pub(crate) struct Taken(HashSet<(String, String)>);

impl Taken {
    pub(crate) fn take(&mut self, part: &Part) {
        self.0.insert((part.tree.to_string(), part.path.clone()));
    }

    pub(crate) fn has(&self, part: &Part) -> bool {
        self.0.contains(&(part.tree.to_string(), part.path.clone()))
    }
}

/// The captures among the files, told from their names within each folder or archive; all their files are then taken.
/// A capture of which a file cannot be kept is refused.
///
/// # Errors
/// The catalog's and the vault's.
pub(crate) fn captures(
    workshop: &Workshop<'_>,
    all: &mut Understood,
    taken: &mut Taken,
) -> Result<(Vec<CaptureFiles>, Vec<Failure>), IngestError> {
    let mut trees: BTreeMap<Arc<str>, HashMap<String, Part>> = BTreeMap::new();
    for part in parts(all) {
        let tree = trees.entry(Arc::clone(&part.tree)).or_default();
        tree.insert(part.path.clone(), part.clone());
    }
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for (tree, parts) in trees {
        for layout in capture::depth::recognize(parts.keys().map(String::as_str)) {
            let label = if layout.root.is_empty() {
                tree.to_string()
            } else {
                format!("{tree}/{}", layout.root)
            };
            match keep(workshop, all, &layout, &parts, taken)? {
                Ok(files) => found.push(CaptureFiles { layout, label, files }),
                Err((part, reason)) => failed.push(refuse(&part, reason, workshop.progress)),
            }
        }
    }
    Ok((found, failed))
}

type CapturedFiles = HashMap<String, (Part, Hash, ItemOriginal)>;

fn keep(
    workshop: &Workshop<'_>,
    all: &mut Understood,
    layout: &capture::depth::Layout,
    parts: &HashMap<String, Part>,
    taken: &mut Taken,
) -> Result<Result<CapturedFiles, (Part, String)>, IngestError> {
    let mut files = HashMap::new();
    for name in layout.names() {
        let Some(part) = parts.get(name) else { continue };
        taken.take(part);
        match all.originals.add(workshop.place, workshop.run, part)? {
            Ok((hash, original)) => {
                files.insert(name.to_owned(), (part.clone(), hash, original));
            }
            Err(reason) => return Ok(Err((part.clone(), reason))),
        }
    }
    Ok(Ok(files))
}

/// The meshes among the files that are not taken, each content once.
pub(crate) fn meshes(files: &[Kept], taken: &Taken) -> Vec<Kept> {
    of_role(files, taken, Role::Mesh)
}

/// The photographs among the files that are not taken, each content once.
pub(crate) fn photos(files: &[Kept], taken: &Taken) -> Vec<Kept> {
    of_role(files, taken, Role::Photo)
}

fn of_role(files: &[Kept], taken: &Taken, role: Role) -> Vec<Kept> {
    let mut seen: HashSet<Hash> = HashSet::new();
    files
        .iter()
        .filter(|file| file.role == role && !taken.has(&file.part) && seen.insert(file.hash))
        .cloned()
        .collect()
}

/// Files of the same folder or archive that a mesh, or a material library of it, names. Names are compared by their last
/// part without regard to case, and files below the mesh's own folder go before others: what names mean is for the reader
/// to say, who gets no other file.
///
/// # Errors
/// Only that no worker is to be had; what is wrong with a file shows when it is read.
pub(crate) fn companions(mesh: &Part, all: &Understood, pool: &Pool) -> Result<Vec<Part>, IngestError> {
    let beside: Vec<&Part> = parts(all)
        .filter(|part| part.tree == mesh.tree && part.path != mesh.path)
        .collect();
    let mut found: Vec<Part> = Vec::new();
    if beside.is_empty() {
        return Ok(found);
    }
    let folder = mesh.path.rfind('/').map_or("", |end| &mesh.path[..=end]);
    let mut asked = 0;
    let mut next = Some(mesh.clone());
    while let Some(part) = next {
        for name in names(&part, pool)? {
            for part in named(&name, &beside, folder) {
                let is_new = !found.iter().any(|known| known.path == part.path);
                if is_new && found.len() < MAX_COMPANIONS {
                    found.push(part.clone());
                }
            }
        }
        // Only material libraries name files of their own.
        let library = found
            .iter()
            .enumerate()
            .skip(asked)
            .find(|(_, part)| intake::name::extension(&part.file_name) == "mtl");
        next = library.map(|(at, part)| {
            asked = at + 1;
            part.clone()
        });
    }
    Ok(found)
}

/// The files of this name: those below `folder`, or else all.
fn named<'p>(name: &str, parts: &[&'p Part], folder: &str) -> Vec<&'p Part> {
    let all = parts.iter().copied();
    let mut found: Vec<&Part> = all
        .filter(|part| part.file_name.eq_ignore_ascii_case(name))
        .collect();
    if found.iter().any(|part| part.path.starts_with(folder)) {
        found.retain(|part| part.path.starts_with(folder));
    }
    found
}

fn names(part: &Part, pool: &Pool) -> Result<Vec<String>, IngestError> {
    let Ok(file) = part.open() else {
        return Ok(Vec::new());
    };
    match pool.with(|worker| worker.references(&file)) {
        Ok(names) => Ok(names),
        Err(GuardError::Refused(_) | GuardError::Died(_)) => Ok(Vec::new()),
        Err(error @ GuardError::Spawn { .. }) => Err(error.into()),
    }
}

/// All files that are no DICOM.
fn parts(all: &Understood) -> impl Iterator<Item = &Part> {
    let kept = all.files.iter().map(|file| &file.part);
    kept.chain(all.rest.iter().map(|left| &left.part))
}

/// What nothing was made of, with the reasons.
pub(crate) fn refused(rest: Vec<Leftover>, taken: &Taken, progress: &dyn Progress) -> Vec<Failure> {
    rest.into_iter()
        .filter(|left| !taken.has(&left.part))
        .map(|left| refuse(&left.part, left.reason, progress))
        .collect()
}

/// Tells that a file was refused.
pub(crate) fn refuse(part: &Part, reason: String, progress: &dyn Progress) -> Failure {
    progress.event(Event::Refused {
        file: &part.label,
        reason: &reason,
    });
    failure(&part.label, reason)
}
