//! Marks set by hand in the case viewer measure what is there: a box of known edges in millimeters and of known values.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::dicom::SeriesSpec;

use super::super::client::Client;
use super::driver::{Browser, key};
use super::visit::{Visit, as_sent};

/// Voxels of the series, and millimeters from one to the next; all differ.
const DIMS: [u32; 3] = [96, 80, 48];
const SPACING_MM: [f64; 3] = [0.9, 1.1, 1.7];
/// Columns and rows of the box: from the first to the one after the last.
const BOX: [[u32; 2]; 2] = [[30, 60], [25, 50]];
/// Value of the box, HU.
const INSIDE: f64 = 1000.0;
/// How much is taken off each edge for values, millimeters.
const INSET_MM: f64 = 3.0;

/// Where an edge of the box is from the middle of the volume, along columns (0) or rows (1), millimeters.
fn edge_mm(axis: usize, side: usize) -> f64 {
    (f64::from(BOX[axis][side]) - f64::from(DIMS[axis]) / 2.0) * SPACING_MM[axis]
}

/// The corners of the box about the middle of the volume, made smaller on each side, millimeters to the left and the back.
fn corners_mm(inset: f64) -> [[f64; 2]; 4] {
    let [[left, right], [top, bottom]] =
        [0, 1].map(|axis| [edge_mm(axis, 0) + inset, edge_mm(axis, 1) - inset]);
    [[left, top], [right, top], [right, bottom], [left, bottom]]
}

/// A series with the box in water.
fn boxed(folder: &Path) -> PathBuf {
    let place = folder.join("box");
    std::fs::create_dir_all(&place).expect("a folder");
    let mut spec = SeriesSpec::ct(DIMS, SPACING_MM);
    spec.rescale = [1.0, -1024.0];
    spec.write(&place, |z, pixels| {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (column, row) = (at as u32 % DIMS[0], at as u32 / DIMS[0]);
            let is_in = |axis: usize, n: u32| (BOX[axis][0]..BOX[axis][1]).contains(&n);
            let is_box = (10..38).contains(&z) && is_in(0, column) && is_in(1, row);
            *pixel = if is_box { 1024 + INSIDE as i16 } else { 1064 };
        }
    })
    .expect("a series");
    place
}

/// Opens the viewer on a case with one series, signed in as its owner.
fn opened(visit: &Visit, series: &Path) -> (Client, String) {
    let (ada, case) = visit.case();
    let set = ada.open_set(&case);
    assert_eq!(ada.send_many(&set, &as_sent(series)).status, 201);
    assert_eq!(ada.ingest(&set)["state"], "done");
    visit.sign_in("ada@example.org");
    visit.open(&format!("/cases/{case}/view"));
    visit.browser.wait(".viewer[data-fraction='1.000']");
    (ada, case)
}

/// How the axial picture lies on the screen: the pixel of the crosshair in the pane, and pixels a millimeter.
struct Scale {
    middle: [f64; 2],
    a_mm: f64,
}

impl Scale {
    fn of(browser: &Browser) -> Self {
        let read = browser.evaluate(
            "const pane = document.querySelector('[data-pane=axial]');
             const bar = pane.querySelector('.scale');
             return [parseFloat(pane.querySelector('line.cross.sagittal').getAttribute('x1')),
                parseFloat(pane.querySelector('line.cross.coronal').getAttribute('y1')),
                parseFloat(bar.querySelector('i').style.width) / parseFloat(bar.innerText)]",
            &Value::Null,
        );
        let number = |index: usize| read[index].as_f64().expect("a number");
        Self {
            middle: [number(0), number(1)],
            a_mm: number(2),
        }
    }

    /// Clicks at places about the middle of the volume.
    fn click(&self, browser: &Browser, places: &[[f64; 2]]) {
        for place in places {
            let at = [0, 1].map(|axis| self.middle[axis] + place[axis] * self.a_mm);
            browser.click_in("[data-pane=axial]", at);
        }
    }
}

/// What is said of something once it is there; a row is made anew when the server has taken its mark.
fn read(browser: &Browser, css: &str, name: &str) -> String {
    browser.wait(css);
    let found = browser.evaluate(
        "return document.querySelector(arguments[0][0])?.getAttribute(arguments[0][1])",
        &json!([css, name]),
    );
    found.as_str().unwrap_or_default().to_owned()
}

/// The number that a mark of a kind says.
fn told(browser: &Browser, kind: &str) -> f64 {
    let words = read(browser, &format!(".mark-row[data-kind={kind}]"), "data-measure");
    let digits: String = words
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    digits.parse().unwrap_or_else(|_| panic!("{kind}: {words}"))
}

/// Deletes the mark that is selected, which is the last that was set.
fn delete(browser: &Browser) {
    browser.press(key::DELETE);
    browser.wait_until("the mark is gone", || !browser.has(".mark-row"));
}

#[test]
fn marks_measure_a_known_box() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let folder = tempfile::tempdir().unwrap();
    let (ada, case) = opened(&visit, &boxed(folder.path()));
    browser.click_at("[data-pane=axial]", 0.1, 0.1);
    browser.press("d");
    browser.wait_until("the axial picture is alone", || {
        !browser.has("[data-pane=coronal]")
    });
    for _ in 0..4 {
        browser.press("+");
    }
    let scale = Scale::of(browser);
    assert!(scale.a_mm > 15.0, "{} pixels a millimeter", scale.a_mm);
    let corners = corners_mm(0.0);
    let [a, b, c, d] = corners;
    let (width, height) = (b[0] - a[0], c[1] - b[1]);

    browser.press("m");
    scale.click(browser, &[a, c]);
    let diagonal = told(browser, "distance");
    let true_diagonal = width.hypot(height);
    assert!(
        (diagonal - true_diagonal).abs() <= 0.1,
        "{diagonal} mm, not {true_diagonal}"
    );
    browser.picture("box-distance");
    delete(browser);

    browser.press("a");
    scale.click(browser, &[a, d, b]);
    let angle = told(browser, "angle");
    let true_angle = (width / height).atan().to_degrees();
    assert!(
        (angle - true_angle).abs() <= 0.1,
        "{angle} degrees, not {true_angle}"
    );
    delete(browser);

    browser.press("o");
    scale.click(browser, &[a, b, c, d]);
    browser.press(key::ENTER);
    let length = told(browser, "polyline");
    let true_length = 2.0 * width + height;
    assert!(
        (length - true_length).abs() <= 0.2,
        "{length} mm, not {true_length}"
    );
    delete(browser);

    browser.press("g");
    scale.click(browser, &corners);
    browser.press(key::ENTER);
    let area = told(browser, "region");
    assert!(
        (area / (width * height) - 1.0).abs() <= 0.005,
        "{area} mm2, not {}",
        width * height
    );
    delete(browser);

    // Values inside, and the mark is the same when the page comes back.
    browser.press("g");
    scale.click(browser, &corners_mm(INSET_MM));
    browser.press(key::ENTER);
    let smaller = (width - 2.0 * INSET_MM) * (height - 2.0 * INSET_MM);
    let area = told(browser, "region");
    assert!((area / smaller - 1.0).abs() <= 0.005, "{area} mm2, not {smaller}");
    let values = || {
        ["data-mean", "data-min", "data-max", "data-sd"].map(|name| {
            read(browser, ".region-values", name)
                .parse::<f64>()
                .expect("a number")
        })
    };
    let inside = values();
    for (value, known) in inside.into_iter().zip([INSIDE, INSIDE, INSIDE, 0.0]) {
        assert!((value - known).abs() <= 1.0, "{inside:?}");
    }
    browser.picture("box-region");
    browser.wait_until("the mark is stored", || {
        let stored = ada.get(&format!("/api/cases/{case}/annotations")).json;
        stored.as_array().is_some_and(|all| all.len() == 1)
    });
    browser.post("/refresh", &json!({}));
    browser.wait(".viewer[data-fraction='1.000']");
    assert_eq!(told(browser, "region"), area);
    assert_eq!(values(), inside);
    visit.is_clean("marks");
}
