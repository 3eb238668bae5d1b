//! A new user's way from an empty server to a marked case, counted; and how much the way in loads.

use std::path::Path;

use super::super::client::files_below;
use super::driver::key;
use super::visit::{Visit, phantom};

/// Clicks and keystroke groups that the way may take.
const MOST_ACTS: usize = 25;
/// Bytes over the wire until the sign-in page stands, and of all scripts, wasm and texts together.
const FIRST_VISIT_BYTES: u64 = 400_000;
const ALL_BYTES: u64 = 1_200_000;

#[test]
fn a_new_user_marks_a_case() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let folder = tempfile::tempdir().unwrap();
    let series = phantom(folder.path());

    visit.open("/");
    browser.wait_text("Sign up a practice");
    let first = browser.requests();
    let first_bytes: u64 = first.iter().map(|(_, bytes)| bytes).sum();

    browser.click("Sign up a practice");
    browser.fill_focused("Practice", &format!("Praxis am See{}", key::TAB));
    browser.fill_focused("Your name", &format!("Dr. Ada Berg{}", key::TAB));
    browser.fill_focused("E-mail address", &format!("ada@example.org{}", key::TAB));
    browser.fill_focused("Password", &format!("harbor lantern copper 42{}", key::ENTER));
    browser.click("open it");
    browser.click("Go to sign-in");
    browser.fill_focused("E-mail address", &format!("ada@example.org{}", key::TAB));
    browser.fill_focused("Password", &format!("harbor lantern copper 42{}", key::ENTER));
    browser.click("Accept");
    browser.click("New patient");
    browser.fill_focused("Name", &format!("Adler, Otto{}", key::ENTER));
    browser.fill_focused("Title", &format!("Mandible reconstruction{}", key::ENTER));
    browser.wait_text("Nothing is in this case yet");
    visit.is_clean("an empty case");
    browser.choose_files("input[webkitdirectory]", &[&series]);
    browser.wait(".progress[data-done=true]");
    browser.wait(".stage-card img");
    visit.look("case");
    browser.click("Open");
    browser.wait(".viewer[data-fraction='1.000']");
    browser.click("Distance");
    browser.click_at("[data-pane=axial]", 0.35, 0.5);
    browser.click_at("[data-pane=axial]", 0.65, 0.5);
    browser.wait(".mark-row[data-kind=distance]");
    browser.picture("marked");

    let acts = browser.acts();
    let all = code_bytes();
    println!(
        "{acts} clicks and keystroke groups; {first_bytes} bytes until the sign-in page, {all} of code in all"
    );
    assert!(acts <= MOST_ACTS, "{acts} clicks and keystroke groups");
    // Whichever language is spoken.
    let catalogs = sizes(&[".tsv.br"]);
    let spread = catalogs.iter().max().unwrap_or(&0) - catalogs.iter().min().unwrap_or(&0);
    assert!(catalogs.len() > 1, "{catalogs:?}");
    assert!(
        first_bytes + spread <= FIRST_VISIT_BYTES,
        "{first_bytes} and {spread} bytes: {first:?}"
    );
    assert!(all <= ALL_BYTES, "{all} bytes of code");
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

/// Bytes of all scripts, wasm and texts, compressed as browsers get them.
fn code_bytes() -> u64 {
    sizes(&[".js.br", ".wasm.br", ".tsv.br"]).into_iter().sum()
}

/// Bytes of the files of the client whose names end so.
fn sizes(endings: &[&str]) -> Vec<u64> {
    let folder = std::env::var("VITRINE_CLIENT").expect("a built client");
    let ends = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| endings.iter().any(|end| name.ends_with(end)))
    };
    files_below(Path::new(&folder))
        .into_iter()
        .filter(|path| ends(path))
        .map(|path| std::fs::metadata(path).expect("a file").len())
        .collect()
}
