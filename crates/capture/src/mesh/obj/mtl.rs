//! Material libraries: which material has which picture.

use std::collections::HashMap;

use super::super::text::{lines, words};
use super::after_word;

/// Materials by name, with the picture of their diffuse color.
#[derive(Default)]
pub(super) struct Materials {
    picture_of: HashMap<String, Option<usize>>,
    pictures: Vec<String>,
    known: HashMap<String, usize>,
}

/// Pictures that the materials of a file may name.
const MAX_PICTURES: usize = 256;

impl Materials {
    /// Takes the materials of a library; later ones of the same name win.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut current = None;
        for line in lines(bytes) {
            match words(line).next() {
                Some(b"newmtl") => {
                    let name = after_word(line);
                    self.picture_of.insert(name.clone(), None);
                    current = Some(name);
                }
                Some(b"map_Kd" | b"map_kd" | b"map_KD") => {
                    let picture = self.picture(without_options(&after_word(line)));
                    if let Some(entry) = current.as_ref().and_then(|name| self.picture_of.get_mut(name)) {
                        *entry = picture;
                    }
                }
                _ => {}
            }
        }
    }

    fn picture(&mut self, name: String) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        let next = self.pictures.len();
        if next == MAX_PICTURES && !self.known.contains_key(&name) {
            return None;
        }
        let number = *self.known.entry(name.clone()).or_insert(next);
        if number == next {
            self.pictures.push(name);
        }
        Some(number)
    }

    pub(super) fn picture_of(&self, material: &str) -> Option<usize> {
        self.picture_of.get(material).copied().flatten()
    }

    /// The pictures that triangles have, with how many, most first. `runs`: from which triangle on which picture was in
    /// use, in order; `triangles` in all.
    pub(super) fn by_use(&self, runs: &[(usize, Option<usize>)], triangles: usize) -> Vec<(String, usize)> {
        let mut used: Vec<(String, usize)> = self.pictures.iter().map(|name| (name.clone(), 0)).collect();
        let ends = runs.iter().skip(1).map(|(start, _)| *start).chain([triangles]);
        for (&(start, picture), end) in runs.iter().zip(ends) {
            if let Some((_, count)) = picture.and_then(|picture| used.get_mut(picture)) {
                *count += end - start;
            }
        }
        used.retain(|(_, count)| *count > 0);
        used.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        used
    }
}

/// The name of a picture behind its options, each a word with a hyphen and its values ("MTL Format", section "Options
/// for texture map statements").
fn without_options(text: &str) -> String {
    let mut rest = text.trim();
    while rest.starts_with('-') {
        let (option, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = after.trim_start();
        let (least, most) = match option {
            "-o" | "-s" | "-t" => (1, 3),
            "-mm" => (2, 2),
            "-blendu" | "-blendv" | "-boost" | "-cc" | "-clamp" | "-imfchan" | "-texres" | "-bm"
            | "-type" => (1, 1),
            _ => (0, 0),
        };
        for value in 0..most {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if value >= least && word.parse::<f64>().is_err() {
                break;
            }
            rest = after.trim_start();
        }
    }
    rest.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_before_a_name_are_passed_over() {
        for (text, name) in [
            ("skin.jpg", "skin.jpg"),
            ("my skin.jpg", "my skin.jpg"),
            ("-s 1 1 1 -o 0.5 a b.png", "a b.png"),
            ("-clamp on -mm 0 1 C:\\x y.png", "C:\\x y.png"),
            ("-s 2 2.png", "2.png"),
            ("-clamp on", ""),
            ("", ""),
        ] {
            assert_eq!(without_options(text), name, "{text}");
        }
    }

    #[test]
    fn pictures_come_by_their_use() {
        let mut materials = Materials::default();
        materials.add(b"newmtl a\nmap_Kd 1.jpg\nnewmtl b b\nmap_Kd 2.jpg\r\nnewmtl c\nKd 1 0 0\n");
        let runs = [
            (0, materials.picture_of("a")),
            (10, materials.picture_of("c")),
            (50, materials.picture_of("b b")),
        ];
        let used = materials.by_use(&runs, 61);
        assert_eq!(used, [("2.jpg".to_owned(), 11), ("1.jpg".to_owned(), 10)]);
        assert!(materials.by_use(&[(0, None)], 61).is_empty());
    }
}
