//! The web client: built to wasm, and served to a browser for measuring.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::{shell, tools};

const TARGET: &str = "wasm32-unknown-unknown";
/// The smallest.
const PROFILE: &str = "web";

/// A part of the client that is a module of its own, so that the way in does not wait for the renderer.
struct Module {
    /// Feature of the crate `viewer`, and folder and beginning of the file names.
    name: &'static str,
    /// Profile that it is built with.
    profile: &'static str,
    /// How sources call its script and its wasm.
    words: [&'static str; 2],
}

/// All pages but the case viewer, and the case viewer.
const MODULES: [Module; 2] = [
    Module {
        name: "pages",
        profile: PROFILE,
        words: ["PAGES_MODULE", "PAGES_WASM"],
    },
    Module {
        name: "viewer",
        profile: "web-viewer",
        words: ["VIEWER_MODULE", "VIEWER_WASM"],
    },
];

/// Builds the stage, a volume alone on a canvas; gives the folder with its module.
pub(crate) fn build_stage() -> Result<PathBuf> {
    build_module("stage", PROFILE)
}

/// Builds the crate `viewer` with one feature; gives the folder with the module.
fn build_module(feature: &str, profile: &str) -> Result<PathBuf> {
    let mut cargo = tools::cargo_for_wasm(TARGET)?;
    shell::run(
        cargo
            // Every browser that has WebGPU has had these instructions for years. Components of one type make the code
            // of the pages smaller by an eighth.
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                "-Ctarget-feature=+simd128 --cfg=erase_components",
            )
            .args(["build", "--locked", "--package", "viewer", "--profile", profile])
            .args(["--no-default-features", "--features", feature])
            .args(["--target", TARGET]),
    )?;
    let wasm = shell::target().join(TARGET).join(profile).join("viewer.wasm");
    let folder = shell::target().join("client").join(feature);
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    shell::run(
        shell::cargo()
            .args(["run", "--quiet", "--locked", "--package", "bindgen", "--"])
            .arg(&wasm)
            .arg(&folder),
    )?;
    Ok(folder)
}

/// Builds the web client with its pages; gives the folder that `vitrine serve --client` takes. Every file but the page has
/// the hash of its content in its name, and all lie there compressed as well.
pub(crate) fn build_client() -> Result<PathBuf> {
    let sources = shell::root().join("assets/web");
    let folder = shell::target().join("web-client");
    let read = |path: PathBuf| std::fs::read(&path).with_context(|| format!("reading {}", path.display()));
    let mut files = Vec::new();
    let mut names: Vec<(&str, String)> = Vec::new();
    let mut put = |stem: &str, ending: &str, bytes: Vec<u8>| {
        let name = format!("{stem}-{}.{ending}", hash(&bytes));
        files.push((name.clone(), bytes));
        name
    };
    for module in &MODULES {
        let built = build_module(module.name, module.profile)?;
        let script = put(module.name, "js", uncommented(read(built.join("viewer.js"))?)?);
        let wasm = put(module.name, "wasm", read(built.join("viewer_bg.wasm"))?);
        names.extend([(module.words[0], script), (module.words[1], wasm)]);
    }
    for (word, language) in [("TEXTS_EN", "en"), ("TEXTS_DE", "de")] {
        let texts = read(shell::root().join(format!("assets/texts/{language}.tsv")))?;
        names.push((word, put(language, "tsv", texts)));
    }
    names.push(("STYLE", put("vitrine", "css", read(sources.join("vitrine.css"))?)));
    names.push((
        "VIEWER_STYLE",
        put("viewer", "css", read(sources.join("viewer.css"))?),
    ));
    names.push(("ICON", put("icon", "svg", read(sources.join("icon.svg"))?)));
    let start = named(read(sources.join("start.js"))?, &names)?;
    names.push(("START", put("start", "js", start)));
    let page = named(read(sources.join("index.html"))?, &names)?;
    files.push(("index.html".to_owned(), page));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in &files {
        write_compressed(&folder.join(name), bytes)?;
    }
    Ok(folder)
}

/// A script without the lines that only comment and without indentation; what is made of wasm has no text over several
/// lines.
fn uncommented(script: Vec<u8>) -> Result<Vec<u8>> {
    let script = String::from_utf8(script).context("a script is no UTF-8")?;
    let is_comment = |line: &str| ["/**", "*", "//"].iter().any(|mark| line.starts_with(mark));
    let lines = script.lines().map(str::trim);
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !is_comment(line))
        .collect();
    Ok(lines.join("\n").into_bytes())
}

/// A source with the names of built files in place of the words for them.
fn named(text: Vec<u8>, names: &[(&str, String)]) -> Result<Vec<u8>> {
    let text = String::from_utf8(text).context("a page is no UTF-8")?;
    let text = names.iter().fold(text, |text, (word, name)| {
        text.replace(&format!("\"/{word}\""), &format!("\"/{name}\""))
    });
    Ok(text.into_bytes())
}

/// Sixteen digits that differ where contents do (FNV-1a, 64 bits).
fn hash(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Writes a file, and beside it the same compressed: `.br` for browsers, `.gz` for the rest. Node brings the reference
/// implementation of Brotli, which makes about a kilobyte less of a module than others do.
fn write_compressed(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
    let script = shell::root().join("xtask/compress.mjs");
    shell::run(Command::new("node").arg(script).arg(path))?;
    shell::run(
        Command::new("gzip")
            .args(["--best", "--keep", "--no-name", "--force"])
            .arg(path),
    )
}

/// Files of a folder at a local address for as long as the program runs; nothing else is answered.
pub(crate) fn serve(folder: &Path) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let folder = Arc::new(folder.to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = Arc::clone(&folder);
            // A browser that goes away in the middle is no fault.
            std::thread::spawn(move || answer(&stream, &folder));
        }
    });
    Ok(address)
}

fn answer(stream: &TcpStream, folder: &Path) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next() {
        let request = request?;
        // The other headers say nothing that matters here.
        for header in lines.by_ref() {
            if header?.is_empty() {
                break;
            }
        }
        let path = request.split(' ').nth(1).unwrap_or("/");
        let (status, media, body) = match read(folder, path) {
            Ok((media, body)) => ("200 OK", media, body),
            Err(error) => ("404 Not Found", "text/plain", error.to_string().into_bytes()),
        };
        let mut out = stream;
        write!(
            out,
            "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n\r\n",
            body.len()
        )?;
        out.write_all(&body)?;
    }
    Ok(())
}

fn read(folder: &Path, path: &str) -> Result<(&'static str, Vec<u8>)> {
    let path = Path::new(path.trim_start_matches('/'));
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        bail!("no such file");
    }
    let media = match path.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    Ok((media, std::fs::read(folder.join(path))?))
}

/// The folder with the scripts that time other viewers in a browser and what they need, installed once.
pub(crate) fn browser_peers(scripts: &Path) -> Result<PathBuf> {
    let folder = shell::target().join("tools/browser");
    let done = folder.join("installed");
    if done.is_file() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(scripts).with_context(|| format!("reading {}", scripts.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    shell::run(
        Command::new("npm")
            .current_dir(&folder)
            .args(["install", "--silent"]),
    )?;
    std::fs::write(&done, "")?;
    Ok(folder)
}
