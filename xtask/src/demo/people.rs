//! The practice of the demonstration, its people and its case, set up over the API as people would.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::client::{Server, id};

/// Who takes part: address, name, and what there is to see as this person.
pub(super) const PEOPLE: [(&str, &str, &str); 4] = [
    (
        SURGEON,
        "Dr. Berit Sund",
        "surgeon; uploaded the case, so sees it in full",
    ),
    (
        COLLEAGUE,
        "Dr. Karim Haddad",
        "colleague of another practice; may look at the case and mark it",
    ),
    (
        PATIENT,
        "Alma Lind",
        "patient; sees the case, which is shared with her",
    ),
    (
        ADMINISTRATOR,
        "Nils Falk",
        "administrator; manages the practice, is not in the care team",
    ),
];
const SURGEON: &str = "surgeon@demo.example";
const COLLEAGUE: &str = "colleague@demo.example";
const PATIENT: &str = "patient@demo.example";
const ADMINISTRATOR: &str = "administrator@demo.example";

/// A folder of files that go into the case together.
pub(super) struct Content<'a> {
    pub(super) folder: &'a Path,
    /// Whether it shows a face or a head from outside, as uploads say it.
    pub(super) biometric: &'static str,
}

/// Sets all of it up on an empty server.
pub(super) fn set_up(server: &Server, contents: &[Content<'_>]) -> Result<()> {
    let name = |email: &str| {
        PEOPLE
            .iter()
            .find(|person| person.0 == email)
            .map_or("", |person| person.1)
    };
    println!("\nsetting up a practice and its people");
    let mut administrator = server.sign_up("Fjord Clinic", name(ADMINISTRATOR), ADMINISTRATOR)?;
    let mut colleague = server.sign_up("Lakeside Surgery", name(COLLEAGUE), COLLEAGUE)?;
    let me = administrator.get("/api/me")?;
    let practice = me["memberships"][0]["practice"].as_str().context("a practice")?;
    let invited = administrator.post(
        &format!("/api/practices/{practice}/members"),
        &json!({ "email": SURGEON, "name": name(SURGEON), "role": "clinician" }),
    )?;
    let mut surgeon = server.accept(name(SURGEON), SURGEON, &invited["mailed"])?;

    let profile = surgeon.post(
        &format!("/api/practices/{practice}/patients"),
        &json!({ "name": "Lind, Alma", "born": "1991-04-17", "gender": "female", "sex": "F", "height_cm": 171 }),
    )?;
    let profile = id(&profile)?;
    let case = surgeon.post(
        &format!("/api/patients/{profile}/cases"),
        &json!({ "title": "Rhinoplasty", "date": "2027-02-11" }),
    )?;
    let case = id(&case)?;
    let invited = surgeon.post(
        &format!("/api/patients/{profile}/people"),
        &json!({ "email": PATIENT, "name": name(PATIENT) }),
    )?;
    let mut patient = server.accept(name(PATIENT), PATIENT, &invited["mailed"])?;
    patient.post(
        &format!("/api/patients/{profile}/releases"),
        &json!({ "version": 1, "scope": "collaboration", "name": name(PATIENT) }),
    )?;

    for content in contents {
        println!("uploading {}", content.folder.display());
        surgeon.upload(&case, content.biometric, &files_of(content.folder)?)?;
    }
    let granted = surgeon.post(
        &format!("/api/cases/{case}/grants"),
        &json!({ "email": COLLEAGUE, "right": "annotate", "until": "2099-12-31" }),
    )?;
    server.accept(name(COLLEAGUE), COLLEAGUE, &granted["mailed"])?;
    surgeon.put(&format!("/api/cases/{case}/sharing"))?;

    for person in [&mut surgeon, &mut colleague, &mut patient] {
        let items = person.get(&format!("/api/cases/{case}/items"))?;
        let count = items.as_array().map_or(0, Vec::len);
        ensure!(
            count >= contents.len(),
            "somebody sees {count} items of the case only"
        );
    }
    Ok(())
}

/// All files below a folder, with their paths from there.
fn files_of(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder.parent().unwrap_or(folder))?;
                let name = name.to_str().context("a name in UTF-8")?.to_owned();
                files.push((name, std::fs::read(&path)?));
            }
        }
    }
    files.sort();
    Ok(files)
}
