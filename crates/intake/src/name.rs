//! File names as strangers write them, made safe to show and to keep.

/// Bytes of one component of a path: what common file systems take.
const MAX_COMPONENT_BYTES: usize = 255;
/// Bytes of a whole path.
const MAX_PATH_BYTES: usize = 1024;
/// Stands for a name of which nothing is left.
const UNNAMED: &str = "unnamed";

/// A relative path with `/` between components, made from any name.
///
/// Backslashes separate too; drive letters, roots, `.`, `..` and empty components are dropped; control and
/// bidirectional formatting characters (which let a name show as another) become `_`; components of more than 255
/// bytes lose their middle, keeping the extension; a path of more than 1024 bytes loses its first components. Never
/// empty: what has nothing left is `unnamed`.
///
/// The result is for people and records. Nothing is written to a place that such a name chooses.
pub fn clean_path(name: &str) -> String {
    let components: Vec<String> = name
        .split(['/', '\\'])
        .map(without_drive)
        .filter(|component| !matches!(component.trim(), "" | "." | ".."))
        .map(clean_component)
        .collect();
    let mut budget = MAX_PATH_BYTES;
    let kept = components
        .iter()
        .rev()
        .take_while(
            |component| match budget.checked_sub(component.len().saturating_add(1)) {
                Some(rest) => {
                    budget = rest;
                    true
                }
                None => false,
            },
        )
        .count();
    let path = components
        .iter()
        .skip(components.len().saturating_sub(kept))
        .map(String::as_str)
        .collect::<Vec<_>>();
    if path.is_empty() {
        UNNAMED.to_owned()
    } else {
        path.join("/")
    }
}

/// The last component of a path made by [`clean_path`].
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The extension of a path in lower case, without the dot; empty where it has none.
pub fn extension(path: &str) -> String {
    match file_name(path).rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension.to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// Whether a path is what operating systems leave behind in folders and archives, and holds nothing a person put
/// there.
pub fn is_clutter(path: &str) -> bool {
    let name = file_name(path);
    path.split('/').any(|component| component == "__MACOSX")
        || name.starts_with("._")
        || [".DS_Store", "Thumbs.db", "desktop.ini"]
            .iter()
            .any(|clutter| name.eq_ignore_ascii_case(clutter))
}

/// `C:name` without its drive.
fn without_drive(component: &str) -> &str {
    match component.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => component.get(2..).unwrap_or_default(),
        _ => component,
    }
}

fn clean_component(component: &str) -> String {
    let clean: String = component
        .trim()
        .chars()
        .map(|c| if is_deceptive(c) { '_' } else { c })
        .collect();
    shorten(&clean, MAX_COMPONENT_BYTES)
}

/// Control characters, and those that change the direction or visibility of what follows (Unicode TR 36, 2.3).
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Cuts the middle out of a name that is too long, so that its extension stays.
fn shorten(name: &str, max_bytes: usize) -> String {
    if name.len() <= max_bytes {
        return name.to_owned();
    }
    let tail_start = name.ceil_char_boundary(name.len().saturating_sub(max_bytes / 4));
    let tail = name.get(tail_start..).unwrap_or_default();
    let head_end = name.floor_char_boundary(max_bytes.saturating_sub(tail.len()).saturating_sub(1));
    format!("{}~{tail}", name.get(..head_end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_root() {
        for (name, expected) in [
            ("CT/head/IM0001", "CT/head/IM0001"),
            ("../../etc/passwd", "etc/passwd"),
            ("a/../../b", "a/b"),
            ("/etc/shadow", "etc/shadow"),
            ("//server/share/x", "server/share/x"),
            ("C:\\Users\\x\\IM1.dcm", "Users/x/IM1.dcm"),
            ("C:IM1.dcm", "IM1.dcm"),
            ("..\\..\\windows\\x", "windows/x"),
            ("C:../C:x", "x"),
            ("./a//b/.", "a/b"),
            (" .. /x", "x"),
            ("", "unnamed"),
            ("../..", "unnamed"),
            ("C:\\", "unnamed"),
            ("Schädel/Köpf.dcm", "Schädel/Köpf.dcm"),
        ] {
            assert_eq!(clean_path(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_name_shows_what_it_is() {
        assert_eq!(clean_path("a\0b\n\u{1b}[2J.dcm"), "a_b__[2J.dcm");
        assert_eq!(clean_path("photo\u{202e}gpj.exe"), "photo_gpj.exe");
        assert_eq!(clean_path("\u{feff}a"), "_a");
    }

    #[test]
    fn overlong_names_keep_their_end() {
        let name = clean_path(&format!("{}.dcm", "ä".repeat(4000)));
        assert!(
            name.len() <= MAX_COMPONENT_BYTES && name.ends_with("ä.dcm"),
            "{} {name}",
            name.len()
        );
        let at_limit = "x".repeat(MAX_COMPONENT_BYTES);
        assert_eq!(clean_path(&at_limit), at_limit);
        let path = clean_path(&format!("{}last.dcm", "folder/".repeat(9000)));
        assert!(path.len() <= MAX_PATH_BYTES && path.ends_with("folder/last.dcm"));
    }

    #[test]
    fn clutter_is_told_from_content() {
        for path in [
            "__MACOSX/._a.dcm",
            "x/.DS_Store",
            "THUMBS.DB",
            "a/._b.dcm",
            "Desktop.ini",
        ] {
            assert!(is_clutter(path), "{path}");
        }
        for path in ["a.dcm", "MACOSX/a", ".hidden", "DS_Store"] {
            assert!(!is_clutter(path), "{path}");
        }
    }

    #[test]
    fn extensions_are_lower_case() {
        assert_eq!(extension("a.b/Scan.TAR.GZ"), "gz");
        assert_eq!(extension("a.b/IM1"), "");
        assert_eq!(extension(".gz"), "");
    }
}
