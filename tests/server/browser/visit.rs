//! A browser at a server with the web client, and what must hold of every page that it shows.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use testkit::dicom::SeriesSpec;

use super::super::client::{Client, PASSWORD, Server, files_as_sent, files_below};
use super::driver::{Browser, Scheme, key};

/// A browser at a server.
pub(crate) struct Visit {
    pub(crate) browser: Browser,
    pub(crate) server: Server,
    /// Address of the server by its name, which is where cookies and passkeys work.
    pub(crate) base: String,
}

/// The script that looks for what keeps people out, where `./x test` has fetched it.
static AXE: LazyLock<Option<String>> = LazyLock::new(|| {
    let found = std::env::var_os("VITRINE_AXE").and_then(|path| std::fs::read_to_string(path).ok());
    if found.is_none() {
        println!("skipped: there is no axe here, so pages are not checked for accessibility");
    }
    found
});

impl Visit {
    /// `None`, with a line that says so, where there is no browser or the client is not built.
    pub(crate) fn begin(options: &[&str]) -> Option<Self> {
        let Some(client) = std::env::var("VITRINE_CLIENT")
            .ok()
            .filter(|folder| Path::new(folder).is_dir())
        else {
            println!("skipped: VITRINE_CLIENT names no built web client");
            return None;
        };
        let browser = Browser::start()?;
        let server = Server::in_memory(&[options, &["--client", &client]].concat());
        let base = server.base.replace("127.0.0.1", "localhost");
        browser.size(1440, 900);
        browser.prefer(Scheme::Light);
        Some(Self {
            browser,
            server,
            base,
        })
    }

    /// A surgeon, and an empty case of hers.
    pub(crate) fn case(&self) -> (Client, String) {
        let (ada, practice) = self.server.practice("ada@example.org");
        let (_, case) = ada.patient_and_case(&practice);
        (ada, case)
    }

    /// Opens a page of the server.
    pub(crate) fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.base));
    }

    /// Signs in with the password of all tests, in a browser where nobody is.
    pub(crate) fn sign_in(&self, email: &str) {
        self.open("/");
        self.browser
            .fill_focused("E-mail address", &format!("{email}{}", key::TAB));
        self.browser
            .fill_focused("Password", &format!("{PASSWORD}{}", key::ENTER));
        self.browser.wait(".frame");
    }

    /// Signs out.
    pub(crate) fn sign_out(&self) {
        self.browser.click("Sign out");
        self.browser.wait_text("Sign up a practice");
    }

    /// Nothing was complained of, loaded from elsewhere or downloaded since it was asked last.
    pub(crate) fn is_clean(&self, page: &str) {
        let complaints = self.browser.complaints();
        assert!(complaints.is_empty(), "{page}: {complaints:?}");
        let foreign: Vec<_> = self
            .browser
            .requests()
            .into_iter()
            .map(|(url, _)| url)
            .filter(|url| {
                !url.starts_with(&self.base) && !url.starts_with("blob:") && !url.starts_with("data:")
            })
            .collect();
        assert!(foreign.is_empty(), "{page} asks others: {foreign:?}");
        let downloaded = self.browser.downloaded();
        assert!(downloaded.is_empty(), "{page}: {downloaded:?}");
    }

    /// What axe finds on the page as it is.
    fn violations(&self) -> Vec<String> {
        let Some(axe) = &*AXE else { return Vec::new() };
        self.browser
            .evaluate(&format!("{axe}; window.axe = axe; return 1"), &Value::Null);
        let tags = json!([
            "wcag2a",
            "wcag2aa",
            "wcag21a",
            "wcag21aa",
            "wcag22aa",
            "best-practice"
        ]);
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, { runOnly: { type: 'tag', values: arguments[0] } }).then(found => done(
                found.violations.map(v => v.id + ': ' + v.help + ' — '
                    + v.nodes.slice(0, 4).map(n => n.html.slice(0, 160) + ' ' + (n.any[0] || n.all[0] || {message: ''}).message).join(' | '))));";
        let found = self
            .browser
            .post("/execute/async", &json!({ "script": script, "args": [tags] }));
        let texts = found.as_array().into_iter().flatten();
        texts
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect()
    }

    /// Keeps pictures of the case viewer, which is dark always, wide and narrow; nothing went wrong in it.
    pub(crate) fn look_at_viewer(&self, name: &str) {
        let mut found = Vec::new();
        for (width, height) in [(360, 740), (1440, 900)] {
            self.browser.size(width, height);
            self.browser.picture(&format!("{name}-{width}"));
            let violations = self.violations();
            found.extend(
                violations
                    .into_iter()
                    .map(|text| format!("{name} {width}: {text}")),
            );
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
        self.is_clean(name);
    }

    /// Looks at the page wide and narrow, light and dark; keeps pictures; nothing is found fault with.
    pub(crate) fn look(&self, name: &str) {
        let mut found = Vec::new();
        for (scheme, word) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
            self.browser.prefer(scheme);
            for (width, height) in [(1440, 900), (360, 740)] {
                self.browser.size(width, height);
                self.browser.picture(&format!("{name}-{width}-{word}"));
                let beyond = self.browser.evaluate(
                    "const e = document.scrollingElement; return e.scrollWidth - e.clientWidth",
                    &Value::Null,
                );
                if beyond.as_f64().unwrap_or(0.0) > 0.0 {
                    found.push(format!("{name} is {beyond} px too wide for {width} px"));
                }
                let violations = self.violations();
                found.extend(
                    violations
                        .into_iter()
                        .map(|text| format!("{name} {width} {word}: {text}")),
                );
            }
        }
        self.browser.size(1440, 900);
        self.browser.prefer(Scheme::Light);
        assert!(found.is_empty(), "{}", found.join("\n"));
        self.is_clean(name);
    }

    /// Every control of the page is reached with the tab key, has a name, and shows that it has the focus.
    pub(crate) fn by_keyboard(&self, page: &str) {
        let count = self.browser.evaluate(
            "const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex=\"0\"]')]
                .filter(e => !e.disabled && e.checkVisibility({ visibilityProperty: true }));
             window.unreached = new Set(all); document.activeElement.blur(); window.getSelection().removeAllRanges();
             document.body.tabIndex = -1; document.body.focus(); return all.length",
            &Value::Null,
        );
        let count = count.as_u64().unwrap_or(0);
        assert!(count > 0, "{page} has nothing to do");
        let mut faults = Vec::new();
        // Some fields, as those for days, take several steps.
        for _ in 0..count * 4 + 8 {
            if self
                .browser
                .evaluate("return window.unreached.size", &Value::Null)
                == 0
            {
                break;
            }
            self.browser.press(key::TAB);
            let fault = self.browser.evaluate(
                "const e = document.activeElement; window.unreached.delete(e);
                 if (e === document.body) return null;
                 const seen = [e, e.closest('label')].filter(Boolean)
                    .some(e => { const s = getComputedStyle(e); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1; });
                 return seen ? null : e.outerHTML.slice(0, 120)",
                &Value::Null,
            );
            if let Some(fault) = fault.as_str() {
                faults.push(fault.to_owned());
            }
        }
        let missed = self.browser.evaluate(
            "document.body.removeAttribute('tabindex');
             return [...window.unreached].map(e => e.outerHTML.slice(0, 120))",
            &Value::Null,
        );
        assert_eq!(missed, json!([]), "{page}: not reached with the tab key");
        assert!(faults.is_empty(), "{page}: the focus is not seen on {faults:?}");
    }
}

/// A phantom that looks like something: a shell of bone about soft tissue, with a dense rod off its center. All axes differ.
pub(crate) fn phantom(folder: &Path) -> PathBuf {
    let place = folder.join("phantom");
    std::fs::create_dir_all(&place).expect("a folder");
    let dims = [96, 80, 48];
    let mut spec = SeriesSpec::ct(dims, [0.9, 1.1, 1.7]);
    spec.rescale = [1.0, -1024.0];
    spec.description = "Phantom head".to_owned();
    spec.write(&place, |z, pixels| {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (column, row) = (at % dims[0] as usize, at / dims[0] as usize);
            let x = (column as f64 - 47.5) / 40.0;
            let y = (row as f64 - 39.5) / 34.0;
            let z = (z as f64 - 23.5) / 21.0;
            let r = (x * x + y * y + z * z).sqrt();
            let rod = ((x - 0.3).powi(2) + (y + 0.2).powi(2)).sqrt();
            *pixel = match (r, rod) {
                (r, rod) if r < 0.8 && rod < 0.12 => 2400,
                (r, _) if r < 0.8 => 1064,
                (r, _) if r < 0.92 => 2000,
                (r, _) if r < 1.0 => 1000,
                _ => 24,
            };
        }
    })
    .expect("a phantom");
    assert_eq!(files_below(&place).len(), dims[2] as usize);
    place
}

/// The files of a folder as a browser sends them: with the name of the folder before theirs.
pub(crate) fn as_sent(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let stem = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    files_as_sent(folder, stem)
}
