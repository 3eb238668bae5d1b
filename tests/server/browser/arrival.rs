//! A large series over a line of 30 Mbit/s: it is shown from the first second on, gets sharp, and fits in the tab. What is
//! seen is sharp when every slice shows the stored values of level 0 and the picture in space the level before it; panes
//! say which level they show. How long it took is printed and not judged; the memory of the tab is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::dicom::SeriesSpec;

use super::driver::Browser;
use super::visit::{Visit, as_sent};

const DIMS: [u32; 3] = [512, 512, 400];
/// 30 Mbit/s, bytes a second, and how long a byte is on its way, milliseconds.
const LINE: (u64, u64) = (3_750_000, 20);
/// Memory of the tab when all of the series is there, for that of the samples, at most.
const MOST_TIMES_SAMPLES: f64 = 1.3;
/// How long the whole series may take on that line.
const PATIENCE: Duration = Duration::from_secs(240);

/// A head with noise, so that it compresses as real series do.
fn head(folder: &Path) -> PathBuf {
    let place = folder.join("head");
    std::fs::create_dir_all(&place).expect("a folder");
    let mut spec = SeriesSpec::ct(DIMS, [0.45, 0.45, 0.5]);
    spec.rescale = [1.0, -1024.0];
    spec.write(&place, |z, pixels| {
        let mut state = u64::from(z + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (f64::from(z) - 199.5) / 190.0;
        for (at, pixel) in pixels.iter_mut().enumerate() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // The sum of four bytes is near to a normal distribution, with a deviation of 148.
            let noise = state.to_le_bytes()[..4]
                .iter()
                .map(|byte| i32::from(*byte))
                .sum::<i32>()
                - 510;
            let (column, row) = (at % 512, at / 512);
            let x = (column as f64 - 255.5) / 190.0;
            let y = (row as f64 - 255.5) / 230.0;
            let value = match x * x + y * y + z * z {
                r if r < 0.68 => 1060,
                r if r < 0.83 => 1970,
                r if r < 1.0 => 1030,
                _ => 24,
            };
            *pixel = (value + noise * 12 / 148).max(0) as i16;
        }
    })
    .expect("a series");
    place
}

/// Waits until something holds in the page, and tells how long after `from` that was.
fn after(browser: &Browser, from: Instant, what: &str, holds: &str) -> Duration {
    while browser.evaluate(&format!("return Boolean({holds})"), &Value::Null) != true {
        assert!(from.elapsed() < PATIENCE, "{what}");
        // Every question leaves garbage in the tab.
        let ms = if from.elapsed().as_secs() < 8 { 15 } else { 250 };
        std::thread::sleep(Duration::from_millis(ms));
    }
    from.elapsed()
}

/// Memory of its own that the largest process below another has, bytes: that of the tab.
fn tab_bytes(driver: u32) -> Option<u64> {
    let processes: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut below = vec![driver];
    let mut at = 0;
    while at < below.len() {
        let parent = below[at];
        below.extend(
            processes
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        at += 1;
    }
    below
        .into_iter()
        .filter_map(|pid| {
            let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let is_tab = String::from_utf8_lossy(&arguments).contains("--type=renderer");
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
            let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
            is_tab.then_some(kib << 10)
        })
        .max()
}

#[test]
fn a_large_series_is_seen_at_once_and_gets_sharp() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let (ada, case) = visit.case();
    let folder = tempfile::tempdir().unwrap();
    let files = as_sent(&head(folder.path()));
    let set = ada.open_set(&case);
    for some in files.chunks(40) {
        assert_eq!(ada.send_many(&set, some).status, 201);
    }
    drop(files);
    assert_eq!(ada.ingest(&set)["state"], "done");
    visit.sign_in("ada@example.org");
    visit.open(&format!("/cases/{case}"));
    browser.wait(".stage-card img");
    // The module of the viewer comes in the background after the sign-in.
    std::thread::sleep(Duration::from_secs(2));
    let line = json!({ "offline": false, "latency": LINE.1, "downloadThroughput": LINE.0, "uploadThroughput": LINE.0 });
    // The tools for developers would keep what came in the memory of the tab, to show it.
    let keeping = json!({ "maxTotalBufferSize": 1, "maxResourceBufferSize": 1 });
    browser.devtools("Network.enable", &keeping);
    browser.devtools("Network.emulateNetworkConditions", &line);
    let begun = Instant::now();
    browser.click("Open");
    let viewer = "document.querySelector('.viewer')";
    let in_space = after(
        browser,
        begun,
        "a picture in space",
        &format!("{viewer}?.dataset.ready === 'true'"),
    );
    let all = after(
        browser,
        begun,
        "four pictures",
        &format!("{viewer}?.dataset.pictures >= 4"),
    );
    browser.picture("arriving");
    let levels = |in_space: u32| {
        format!(
            "['axial', 'coronal', 'sagittal', 'space'].every(name =>
                Number(document.querySelector(`[data-pane=${{name}}]`).dataset.level ?? 9) <= (name === 'space' ? {in_space} : 0))"
        )
    };
    let sharp = after(browser, begun, "what is seen is sharp", &levels(1));
    let of_all: f64 = browser
        .evaluate(&format!("return Number({viewer}.dataset.fraction)"), &Value::Null)
        .as_f64()
        .expect("a fraction");
    assert!(of_all < 0.5, "slices were exact before the volume was: {of_all}");
    browser.picture("sharp");
    let whole = after(
        browser,
        begun,
        "all of it",
        &format!("{viewer}?.dataset.fraction === '1.000'"),
    );
    after(browser, begun, "all panes show it", &levels(0));
    std::thread::sleep(Duration::from_secs(4));
    browser.picture("arrived");
    let samples = DIMS.iter().map(|n| u64::from(*n)).product::<u64>() * 2;
    let times_samples = || tab_bytes(browser.driver_id()).map(|bytes| bytes as f64 / samples as f64);
    let left = times_samples();
    browser.devtools("HeapProfiler.collectGarbage", &json!({}));
    std::thread::sleep(Duration::from_secs(1));
    let kept = times_samples();
    println!(
        "over 30 Mbit/s: in space after {in_space:.2?}, all four views after {all:.2?}, all detail of what is seen after \
         {sharp:.2?}, all of the volume after {whole:.2?}; memory of the tab {:.3} times the samples, {:.3} without garbage",
        left.unwrap_or(0.0),
        kept.unwrap_or(0.0)
    );
    assert!(
        kept.is_none_or(|times| times <= MOST_TIMES_SAMPLES),
        "the tab takes too much memory"
    );
    visit.is_clean("a large series");
}
