//! `vitrine compare`: what has changed between two items.

use geometry::DVec3;
use serde_json::Value;
use testkit::face::Face;

use crate::support::{Store, items, report, run};

const SHIFT_MM: f32 = 4.0;
/// Where the second scan lies from the first, mm.
const OFFSET_MM: DVec3 = DVec3::new(7.0, -4.0, 11.0);

/// A store with both scans, and the identifiers of their items.
fn before_and_after() -> (Store, [String; 2]) {
    let store = Store::new();
    let (before, after) = (store.input("before"), store.input("after"));
    for (folder, number, shift_mm, offset_mm) in
        [(&before, 1, 0.0, DVec3::ZERO), (&after, 2, SHIFT_MM, OFFSET_MM)]
    {
        Face::shifted(shift_mm)
            .write_ct(folder, number, &format!("Head {number}"), offset_mm)
            .expect("the series is written");
    }
    let report = store.ingest_with(&[&before, &after], &["--surface", "skin=-300"]);
    let id = |name: &str| {
        let item = items(&report).iter().find(|item| item["name"] == name);
        let id = item.and_then(|item| item["id"].as_str());
        id.expect("an item of this name").to_owned()
    };
    let ids = [id("Head 1"), id("Head 2")];
    (store, ids)
}

#[test]
fn a_moved_nose_is_measured_stored_and_drawn() {
    let (store, [before, after]) = before_and_after();
    let [x, y, z] = Face::default().tip_mm();
    let stable = format!("not:sphere:{x},{y},{z},30");
    let file = store.folder.path().join("distances.ply");
    let compare = || {
        report(&run(store
            .command(&["compare", &before[..9], &after, "--json", "--stable", &stable])
            .arg("--out")
            .arg(&file)))
    };
    let result = compare();
    let number = |path: &str| {
        let found = result.pointer(path).and_then(Value::as_f64);
        found.unwrap_or_else(|| panic!("{path} in {result}"))
    };
    for (at, expected) in [(3, OFFSET_MM.x), (7, OFFSET_MM.y), (11, OFFSET_MM.z)] {
        let moved = number(&format!("/registration/b_from_a/{at}"));
        assert!((moved - expected).abs() < 0.1, "{moved} {expected}");
    }
    assert!(
        (number("/peak/moved_mm") - f64::from(SHIFT_MM)).abs() < 0.3,
        "{}",
        result["peak"]
    );
    assert!((number("/peak/at_mm/1") - f64::from(y)).abs() < 4.0);
    assert!(number("/stable/mean_mm").abs() < 0.05, "{}", result["stable"]);
    assert!(
        number("/volume/added_mm3") > 2.0 * number("/volume/removed_mm3"),
        "{}",
        result["volume"]
    );
    assert_eq!(result["findings"], serde_json::json!([]));

    // It is kept with the first item, once.
    assert_eq!(compare()["artifact"], result["artifact"]);
    let listed = store.inspect();
    let item = items(&listed)
        .iter()
        .find(|item| item["id"] == before.as_str())
        .unwrap();
    let artifacts = item["artifacts"].as_array().unwrap();
    let kept: Vec<&Value> = artifacts.iter().filter(|a| a["kind"] == "comparison").collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["details"]["peak"], result["peak"]);
    let ply = std::fs::read(&file).unwrap();
    let head = String::from_utf8_lossy(&ply[..600]).into_owned();
    assert!(head.contains("property float distance_mm"), "{head}");

    let picture = store.folder.path().join("distances.png");
    run(store
        .command(&["render", &before, "--comparison", "--size", "64x64"])
        .arg("--png")
        .arg(&picture));
    assert!(picture.is_file());
    let table = run(&mut store.command(&["compare", &before, &after, "--stable", &stable]));
    let table = String::from_utf8(table.stdout).unwrap();
    for word in [
        "everywhere",
        "stable",
        "elsewhere",
        "moved most  +",
        "volume      +",
    ] {
        assert!(table.contains(word), "{table}");
    }
}

#[test]
fn what_cannot_be_compared_is_told_in_words() {
    let (store, [before, after]) = before_and_after();
    for (words, reason) in [
        (vec!["compare", &before, "ffff"], "no item ffff"),
        (
            vec!["compare", &before, &format!("{after}:bone")],
            "no surface bone; it has skin",
        ),
        (
            vec!["compare", &before, &after, "--stable", "sphere:900,0,0,5"],
            "has no area",
        ),
        (
            vec!["compare", &before, &after, "--stable", "nose"],
            "is no region",
        ),
        (
            vec!["compare", &before, &after, "--landmark", "1,2,3=4,5,6"],
            "three or more are needed",
        ),
        (vec!["compare", &before, &after, "--out", "x.obj"], "must end in"),
        (
            vec!["render", &before, "--comparison", "--png", "x.png"],
            "has not been compared",
        ),
    ] {
        let output = store.command(&words).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && told.contains(reason),
            "{words:?}: {told}"
        );
    }
}
