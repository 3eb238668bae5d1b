//! Includes, conditions and repetitions.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Names with their values, and lists of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Names {
    values: BTreeMap<&'static str, String>,
    lists: BTreeMap<&'static str, Vec<Names>>,
}

impl Names {
    /// Defines `name`, to be asked for by `#if` and replaced where `$name` stands.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.insert(name, value.into());
        self
    }

    /// Defines the list that `#repeat name` walks.
    #[must_use]
    pub fn with_list(mut self, name: &'static str, entries: Vec<Self>) -> Self {
        self.lists.insert(name, entries);
        self
    }
}

/// Why files make no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// A file is not there.
    #[error("there is no shader file {name}")]
    File {
        /// As it was asked for.
        name: String,
    },
    /// `$NAME` or a list that is not defined.
    #[error("{file}: line {line}: {name} is not defined")]
    Name {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// A directive that is unknown, or has no beginning or end.
    #[error("{file}: line {line}: `{text}` is no directive, or its beginning or end is missing")]
    Directive {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// The line.
        text: String,
    },
}

type Read = fn(&str) -> Option<Cow<'static, str>>;

pub(crate) fn assemble(entry: &str, names: &Names, read: Read) -> Result<String, AssembleError> {
    let mut assembly = Assembly {
        read,
        imported: BTreeSet::new(),
        text: String::new(),
    };
    assembly.file(entry, &[names])?;
    Ok(assembly.text)
}

struct Assembly {
    read: Read,
    imported: BTreeSet<String>,
    text: String,
}

/// Lines of a file with their numbers.
type Lines<'a> = [(usize, &'a str)];

impl Assembly {
    /// `scopes`: the names of the module, then those of each repetition around this file.
    fn file(&mut self, name: &str, scopes: &[&Names]) -> Result<(), AssembleError> {
        let text = (self.read)(name).ok_or_else(|| AssembleError::File {
            name: name.to_owned(),
        })?;
        let lines: Vec<(usize, &str)> = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
            .collect();
        self.lines(name, &lines, scopes)
    }

    fn lines(&mut self, file: &str, lines: &Lines<'_>, scopes: &[&Names]) -> Result<(), AssembleError> {
        let mut at = 0;
        while let Some(&(number, line)) = lines.get(at) {
            let wrong = || AssembleError::Directive {
                file: file.to_owned(),
                line: number,
                text: line.trim().to_owned(),
            };
            let Some(directive) = line.trim_start().strip_prefix('#') else {
                self.substitute(file, number, line, scopes)?;
                at += 1;
                continue;
            };
            let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
            let rest = rest.trim();
            match word.trim_end() {
                "import" => {
                    let name = rest.trim_matches('"');
                    if self.imported.insert(name.to_owned()) {
                        self.file(name, &scopes[..1])?;
                    }
                    at += 1;
                }
                "include" => {
                    self.file(rest.trim_matches('"'), scopes)?;
                    at += 1;
                }
                "if" => {
                    let (otherwise, end) = block(&lines[at..], "if", "endif").ok_or_else(wrong)?;
                    let (name, wanted) = rest.strip_prefix('!').map_or((rest, true), |name| (name, false));
                    let defined = scopes.iter().any(|names| names.values.contains_key(name));
                    let first_end = otherwise.unwrap_or(end);
                    if defined == wanted {
                        self.lines(file, &lines[at + 1..at + first_end], scopes)?;
                    } else if let Some(otherwise) = otherwise {
                        self.lines(file, &lines[at + otherwise + 1..at + end], scopes)?;
                    }
                    at += end + 1;
                }
                "repeat" => {
                    let (_, end) = block(&lines[at..], "repeat", "end").ok_or_else(wrong)?;
                    let list = scopes.iter().rev().find_map(|names| names.lists.get(rest));
                    let list = list.ok_or_else(|| AssembleError::Name {
                        file: file.to_owned(),
                        line: number,
                        name: rest.to_owned(),
                    })?;
                    for entry in list {
                        let inner: Vec<&Names> = scopes.iter().copied().chain([entry]).collect();
                        self.lines(file, &lines[at + 1..at + end], &inner)?;
                    }
                    at += end + 1;
                }
                _ => return Err(wrong()),
            }
        }
        Ok(())
    }

    fn substitute(
        &mut self,
        file: &str,
        number: usize,
        line: &str,
        scopes: &[&Names],
    ) -> Result<(), AssembleError> {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('$') {
            self.text.push_str(before);
            let end = after
                .find(|c: char| !c.is_ascii_uppercase())
                .unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            let value = scopes.iter().rev().find_map(|names| names.values.get(name));
            self.text.push_str(value.ok_or_else(|| AssembleError::Name {
                file: file.to_owned(),
                line: number,
                name: format!("${name}"),
            })?);
            rest = after;
        }
        self.text.push_str(rest);
        self.text.push('\n');
        Ok(())
    }
}

/// Where the block that begins with the first line has its `#else` and its end.
fn block(lines: &Lines<'_>, begin: &str, end: &str) -> Option<(Option<usize>, usize)> {
    let mut depth = 0usize;
    let mut otherwise = None;
    for (at, (_, line)) in lines.iter().enumerate() {
        let Some(directive) = line.trim_start().strip_prefix('#') else {
            continue;
        };
        let word = directive.split_whitespace().next().unwrap_or_default();
        if word == begin {
            depth += 1;
        } else if word == end {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some((otherwise, at));
            }
        } else if word == "else" && depth == 1 && begin == "if" {
            otherwise = Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Option<Cow<'static, str>> {
        let text = match name {
            "a" => "#import \"b\"\n#import \"b\"\nlet x = $VALUE;\n",
            "b" => "once\n",
            "if" => {
                "#if A\n  a\n  #if B\n  ab\n  #else\n  a only\n  #endif\n#else\nno a\n#endif\n#if !A\nnot a\n#endif\n"
            }
            "part" => "part $K\n",
            "repeat" => "#repeat ALL\n#include \"part\"\nlet v_$K = $VALUE;\n#if BIG\nbig\n#endif\n#end\n",
            "open" => "#if A\nno end\n",
            "odd" => "#define A\n",
            "gone" => "#import \"nowhere\"\n",
            _ => return None,
        };
        Some(Cow::Borrowed(text))
    }

    #[test]
    fn a_file_is_imported_once_and_names_are_replaced() {
        let names = Names::default().with("VALUE", "7");
        assert_eq!(assemble("a", &names, read).unwrap(), "once\nlet x = 7;\n");
        let undefined = assemble("a", &Names::default(), read).unwrap_err();
        assert_eq!(undefined.to_string(), "a: line 3: $VALUE is not defined");
    }

    #[test]
    fn lines_are_kept_by_names() {
        let text = |names: &Names| assemble("if", names, read).unwrap();
        let a = Names::default().with("A", "");
        assert_eq!(text(&Names::default()), "no a\nnot a\n");
        assert_eq!(text(&a), "  a\n  a only\n");
        assert_eq!(text(&a.with("B", "")), "  a\n  ab\n");
    }

    #[test]
    fn lines_are_repeated_for_each_entry() {
        let entry = |k: &str| Names::default().with("K", k);
        let names = Names::default()
            .with("VALUE", "f()")
            .with_list("ALL", vec![entry("0"), entry("1").with("BIG", "")]);
        assert_eq!(
            assemble("repeat", &names, read).unwrap(),
            "part 0\nlet v_0 = f();\npart 1\nlet v_1 = f();\nbig\n"
        );
    }

    #[test]
    fn slips_are_errors() {
        for (entry, message) in [
            (
                "open",
                "open: line 1: `#if A` is no directive, or its beginning or end is missing",
            ),
            (
                "odd",
                "odd: line 1: `#define A` is no directive, or its beginning or end is missing",
            ),
            ("gone", "there is no shader file nowhere"),
            ("repeat", "repeat: line 1: ALL is not defined"),
        ] {
            assert_eq!(
                assemble(entry, &Names::default(), read).unwrap_err().to_string(),
                message
            );
        }
    }
}
