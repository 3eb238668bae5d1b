//! Archives: good ones come out whole, hostile ones entry by entry with a reason.

use std::io::{Cursor, Write};

use intake::{Archive, ArchiveError, Budget, Entry, EntryError, budget};

const PLENTY: u64 = 1 << 30;

/// One entry as it will stand in the file, true or not.
#[derive(Clone)]
struct Part {
    name: Vec<u8>,
    content: Vec<u8>,
    method: u16,
    flags: u16,
    crc: u32,
    declared_len: u64,
    compressed_len: u64,
    /// Unix mode, in the upper half of the external attributes.
    mode: u32,
    /// Where the directory says that the entry begins; where it is, if `None`.
    offset: Option<u32>,
}

impl Part {
    fn stored(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            content: content.to_vec(),
            method: 0,
            flags: 0,
            crc: crc32(content),
            declared_len: content.len() as u64,
            compressed_len: content.len() as u64,
            mode: 0o100_644,
            offset: None,
        }
    }

    fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        let compressed = encoder.finish().unwrap();
        Self {
            method: 8,
            compressed_len: compressed.len() as u64,
            content: compressed,
            ..Self::stored(name, content)
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Lays the parts out as an archive; `declared_entries` is what its end record says.
fn lay_out_as(parts: &[Part], declared_entries: u16) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for part in parts {
        let offset = part.offset.unwrap_or(file.len() as u32);
        let mut common = Vec::new();
        for word in [45, part.flags, part.method, 0, 0x21] {
            common.extend_from_slice(&u16::to_le_bytes(word));
        }
        common.extend_from_slice(&part.crc.to_le_bytes());
        let wide = part.compressed_len > u64::from(u32::MAX) || part.declared_len > u64::from(u32::MAX);
        for len in [part.compressed_len, part.declared_len] {
            common.extend_from_slice(&(if wide { u32::MAX } else { len as u32 }).to_le_bytes());
        }
        let mut extra = Vec::new();
        if wide {
            extra.extend_from_slice(&[1, 0, 16, 0]);
            extra.extend_from_slice(&part.declared_len.to_le_bytes());
            extra.extend_from_slice(&part.compressed_len.to_le_bytes());
        }
        common.extend_from_slice(&(part.name.len() as u16).to_le_bytes());
        common.extend_from_slice(&(extra.len() as u16).to_le_bytes());
        file.extend_from_slice(b"PK\x03\x04");
        file.extend_from_slice(&common);
        file.extend_from_slice(&part.name);
        file.extend_from_slice(&extra);
        file.extend_from_slice(&part.content);

        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&[45, 3]);
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(part.mode << 16).to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(&part.name);
        directory.extend_from_slice(&extra);
    }
    let directory_start = file.len() as u32;
    file.extend_from_slice(&directory);
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    file.extend_from_slice(&declared_entries.to_le_bytes());
    file.extend_from_slice(&declared_entries.to_le_bytes());
    file.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    file.extend_from_slice(&directory_start.to_le_bytes());
    file.extend_from_slice(&[0, 0]);
    file
}

fn lay_out(parts: &[Part]) -> Vec<u8> {
    lay_out_as(parts, parts.len() as u16)
}

fn list(bytes: &[u8]) -> Archive {
    Archive::list(Cursor::new(bytes), PLENTY).unwrap()
}

fn extract(archive: &Archive, bytes: &[u8], entry: &Entry) -> Result<Vec<u8>, EntryError> {
    let mut out = Vec::new();
    let written = archive.extract(&mut Cursor::new(bytes), entry, &mut out)?;
    assert_eq!(written, out.len() as u64);
    Ok(out)
}

/// Extracts everything: name and content, or the error's text.
fn all(bytes: &[u8]) -> Vec<(String, Result<Vec<u8>, String>)> {
    let archive = list(bytes);
    let read = archive.entries().iter().map(|entry| {
        (
            entry.name().to_owned(),
            extract(&archive, bytes, entry).map_err(|e| e.to_string()),
        )
    });
    let refused = archive
        .refused()
        .iter()
        .map(|r| (r.name.clone(), Err(r.reason.to_string())));
    read.chain(refused).collect()
}

/// A good entry beside a bad one comes out whole; the bad one's error says `reason`.
fn only_the_bad_one_fails(bad: Part, reason: &str) {
    let name = String::from_utf8_lossy(&bad.name).into_owned();
    for parts in [
        vec![bad.clone(), Part::deflated("good", b"content")],
        vec![Part::deflated("good", b"content"), bad],
    ] {
        let results = all(&lay_out(&parts));
        assert_eq!(results.len(), 2, "{results:?}");
        for (entry, result) in results {
            if entry == "good" {
                assert_eq!(result.as_deref(), Ok(&b"content"[..]), "{name}");
            } else {
                let error = result.unwrap_err();
                assert!(error.contains(reason), "{name}: {error}");
            }
        }
    }
}

#[test]
fn good_entries_come_out_whole() {
    let noise: Vec<u8> = (0..400_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let slow: Vec<u8> = (0..700_000_u32).map(|i| (i / 97) as u8).collect();
    let bytes = lay_out(&[
        Part::stored("CT/IM1", &noise),
        Part::deflated("CT/IM2", &noise),
        Part::deflated("MR\\IM3", &slow[..90_000]),
        Part::stored("empty", b""),
        Part::stored("folder/", b""),
        Part::stored("__MACOSX/CT/._IM1", b"resource fork"),
        Part::stored("CT/.DS_Store", b"x"),
        Part::stored("Thumbs.db", b"x"),
    ]);
    let archive = list(&bytes);
    assert_eq!((archive.skipped(), archive.refused().len()), (4, 0));
    assert!(archive.cut_short().is_none());
    let contents: Vec<_> = archive
        .entries()
        .iter()
        .map(|e| (e.name(), extract(&archive, &bytes, e).unwrap()))
        .collect();
    let names: Vec<_> = contents.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["CT/IM1", "CT/IM2", "MR/IM3", "empty"]);
    assert_eq!(contents[0].1, noise);
    assert_eq!(contents[1].1, noise);
    assert_eq!(contents[2].1, slow[..90_000]);
    assert!(contents[3].1.is_empty());
}

#[test]
fn several_threads_read_one_archive() {
    let parts: Vec<Part> = (0..64_u32)
        .map(|i| {
            Part::deflated(
                &format!("IM{i}"),
                &[i.to_le_bytes().as_slice(), b"some content"].concat(),
            )
        })
        .collect();
    let bytes = lay_out(&parts);
    let archive = list(&bytes);
    let (archive, bytes) = (&archive, &bytes[..]);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for entry in archive.entries().iter().skip(thread).step_by(4) {
                    let content = extract(archive, bytes, entry).unwrap();
                    let number = u32::from_le_bytes(content[..4].try_into().unwrap());
                    assert_eq!(entry.name(), format!("IM{number}"));
                }
            });
        }
    });
}

#[test]
fn entries_of_one_name_are_all_kept() {
    let bytes = lay_out(&[Part::stored("IM1", b"first"), Part::stored("IM1", b"second")]);
    let contents: Vec<_> = all(&bytes)
        .into_iter()
        .map(|(_, content)| content.unwrap())
        .collect();
    assert_eq!(contents, [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn names_are_made_safe() {
    let mut old = Part::stored("x", b"1");
    old.name = b"Sch\x84del\x00.dcm".to_vec();
    let bytes = lay_out(&[
        Part::stored("../../etc/passwd", b"2"),
        Part::stored("C:\\a\\b", b"3"),
        Part::stored("Größe/IM1", b"4"),
        old,
    ]);
    let names: Vec<_> = all(&bytes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["etc/passwd", "a/b", "Größe/IM1", "Schädel_.dcm"]);
}

#[test]
fn archives_within_archives_are_refused() {
    only_the_bad_one_fails(
        Part::stored("inner.zip", b"anything"),
        "a .zip file inside an archive",
    );
    only_the_bad_one_fails(Part::stored("scan.nii.GZ", b"anything"), "a .gz file");
    // By their content, whatever they are called.
    let inner = lay_out(&[Part::stored("a", b"b")]);
    only_the_bad_one_fails(Part::stored("IM1", &inner), "a ZIP archive inside an archive");
    only_the_bad_one_fails(
        Part::deflated("IM1.dcm", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03"),
        "a gzip archive",
    );
    // DICOM may begin like one.
    let mut dicom = vec![0; 128];
    dicom[..4].copy_from_slice(b"PK\x03\x04");
    dicom.extend_from_slice(b"DICM rest");
    assert_eq!(
        all(&lay_out(&[Part::stored("IM1", &dicom)]))[0]
            .1
            .as_ref()
            .unwrap(),
        &dicom
    );
}

#[test]
fn links_and_special_files_are_refused() {
    let with_mode = |mode| Part {
        mode,
        ..Part::stored("bad", b"/etc/passwd")
    };
    only_the_bad_one_fails(with_mode(0o120_777), "links are not followed");
    only_the_bad_one_fails(with_mode(0o020_644), "not a regular file");
    only_the_bad_one_fails(with_mode(0o010_644), "not a regular file");
    let untyped = lay_out(&[with_mode(0o644)]);
    assert!(all(&untyped)[0].1.is_ok());
}

#[test]
fn encrypted_and_unknown_methods_are_refused() {
    only_the_bad_one_fails(
        Part {
            flags: 1,
            ..Part::stored("bad", b"0123456789abcdef")
        },
        "encrypted",
    );
    only_the_bad_one_fails(
        Part {
            method: 99,
            flags: 1,
            ..Part::stored("bad", b"0123456789abcdef")
        },
        "encrypted",
    );
    only_the_bad_one_fails(
        Part {
            method: 14,
            ..Part::stored("bad", b"x")
        },
        "is not read",
    );
}

#[test]
fn damage_is_that_entry_s_alone() {
    let good = Part::deflated("bad", b"0123456789 0123456789 0123456789");
    only_the_bad_one_fails(
        Part {
            crc: good.crc ^ 1,
            ..good.clone()
        },
        "damaged",
    );
    let mut content = good.content.clone();
    content[0] = 0xFF;
    only_the_bad_one_fails(
        Part {
            content,
            ..good.clone()
        },
        "damaged",
    );
    only_the_bad_one_fails(
        Part {
            crc: 7,
            ..Part::stored("bad", b"stored")
        },
        "damaged",
    );
}

#[test]
fn lengths_that_lie_are_found() {
    let good = Part::deflated("bad", &b"0123456789".repeat(20));
    only_the_bad_one_fails(
        Part {
            declared_len: 199,
            ..good.clone()
        },
        "damaged",
    );
    only_the_bad_one_fails(
        Part {
            declared_len: 201,
            ..good.clone()
        },
        "holds 200 bytes, the directory says 201",
    );
    // Sizes of ZIP64 beyond the file, and beyond any file.
    for compressed_len in [1 << 40, u64::MAX - 1, u64::MAX] {
        only_the_bad_one_fails(
            Part {
                compressed_len,
                ..good.clone()
            },
            "",
        );
    }
    only_the_bad_one_fails(
        Part {
            declared_len: u64::MAX,
            ..good
        },
        "expanded data",
    );
}

#[test]
fn entries_do_not_share_bytes() {
    // Quoting: the first entry's data hold the whole of the second, as in overlapping bombs.
    let inner = Part::stored("inner", b"content");
    let quoted = lay_out(std::slice::from_ref(&inner));
    let header_len = 30 + "outer".len() as u32;
    let quoted_len = 30 + "inner".len() + b"content".len();
    let outer = Part::stored("outer", &quoted[..quoted_len]);
    // The inner entry's own bytes are not laid out again; the directory leads into the outer one.
    let mut bytes = lay_out(&[
        outer,
        Part {
            offset: Some(header_len),
            ..inner
        },
    ]);
    let results = all(&bytes);
    assert!(
        results[0].1.as_ref().unwrap_err().contains("overlaps"),
        "{results:?}"
    );
    assert_eq!(results[1].1.as_deref(), Ok(&b"content"[..]));

    // Two names for the same bytes.
    let one = Part::stored("same", b"content");
    bytes = lay_out(&[
        one.clone(),
        Part {
            offset: Some(0),
            ..one
        },
    ]);
    let results = all(&bytes);
    assert_eq!(results.iter().filter(|(_, result)| result.is_ok()).count(), 1);
}

#[test]
fn an_entry_expands_up_to_its_ratio() {
    // The claim is judged before anything is expanded, at the exact limit.
    let compressed = Part::deflated("x", &[0; 300]).compressed_len;
    for (claim, accepted) in [(199, true), (200, true), (201, false)] {
        let part = Part {
            declared_len: claim * compressed,
            ..Part::deflated("x", &[0; 300])
        };
        let bytes = lay_out(&[part]);
        let archive = list(&bytes);
        let result = extract(&archive, &bytes, &archive.entries()[0]);
        match result.unwrap_err() {
            EntryError::Size { .. } => assert!(accepted),
            EntryError::Budget(error) => {
                assert!(!accepted);
                assert_eq!((error.actual, error.limit), (201 * compressed, 200 * compressed));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn output_is_counted_whatever_is_claimed() {
    let bomb = Part::deflated("bomb", &vec![0; 40 << 20]);
    let limit = budget::expansion_limit(bomb.compressed_len);
    assert!(limit < 40 << 20);
    let bytes = lay_out(std::slice::from_ref(&bomb));
    let archive = list(&bytes);
    let mut out = Vec::new();
    let error = archive
        .extract(&mut Cursor::new(&bytes), &archive.entries()[0], &mut out)
        .unwrap_err();
    assert!(matches!(error, EntryError::Budget(e) if e.budget == Budget::Expansion));
    assert!(out.is_empty(), "the claim alone was enough");

    let bytes = lay_out(&[Part {
        declared_len: 1000,
        ..bomb
    }]);
    let archive = list(&bytes);
    let error = archive
        .extract(&mut Cursor::new(&bytes), &archive.entries()[0], &mut out)
        .unwrap_err();
    assert!(matches!(error, EntryError::Damaged(_)), "{error}");
    assert!(out.len() as u64 <= 1000);
}

#[test]
fn entries_share_one_budget() {
    let parts: Vec<Part> = (0..4_u8)
        .map(|i| Part::stored(&format!("IM{i}"), &[i; 1000]))
        .collect();
    let bytes = lay_out(&parts);
    for (limit, good) in [(2999, 2), (3000, 3), (3001, 3), (4000, 4)] {
        let archive = Archive::list(Cursor::new(&bytes), limit).unwrap();
        let results: Vec<_> = archive
            .entries()
            .iter()
            .map(|e| extract(&archive, &bytes, e))
            .collect();
        assert_eq!(results.iter().take_while(|r| r.is_ok()).count(), good, "{limit}");
        for error in results.into_iter().skip(good) {
            assert!(matches!(error, Err(EntryError::Budget(e)) if e.budget == Budget::ArchiveBytes));
        }
    }
}

#[test]
fn an_archive_has_at_most_50_000_entries() {
    let parts: Vec<Part> = (0..50_001_u32)
        .map(|i| Part::stored(&format!("{i}"), b""))
        .collect();
    for count in [49_999, 50_000] {
        assert_eq!(list(&lay_out(&parts[..count])).entries().len(), count);
    }
    match Archive::list(Cursor::new(lay_out(&parts)), PLENTY) {
        Err(ArchiveError::Budget(error)) => assert_eq!((error.actual, error.limit), (50_001, 50_000)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_broken_directory_is_told() {
    for bytes in [&b""[..], b"PK\x03\x04", b"not an archive at all", b"PK\x05\x06"] {
        assert!(matches!(
            Archive::list(Cursor::new(bytes), PLENTY),
            Err(ArchiveError::Directory(_))
        ));
    }
    // The second header of the directory is damaged: the first entry is known, the rest is not.
    let mut bytes = lay_out(&[Part::stored("one", b"1"), Part::stored("two", b"2")]);
    let second = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    bytes[second] = b'X';
    let archive = list(&bytes);
    assert_eq!(archive.entries().len(), 1);
    assert!(archive.cut_short().is_some());
    assert_eq!(extract(&archive, &bytes, &archive.entries()[0]).unwrap(), b"1");
}

#[test]
fn no_damage_makes_it_panic_or_run_away() {
    let good = lay_out(&[
        Part::deflated("a/one", &b"some text ".repeat(40)),
        Part::stored("two", b"stored"),
        Part {
            declared_len: 1 << 33,
            ..Part::deflated("three", b"zip64")
        },
    ]);
    for position in 0..good.len() {
        for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
            let mut bytes = good.clone();
            bytes[position] = value;
            let Ok(archive) = Archive::list(Cursor::new(&bytes), 10_000) else {
                continue;
            };
            let mut total = 0;
            for entry in archive.entries() {
                let mut out = Vec::new();
                drop(archive.extract(&mut Cursor::new(&bytes), entry, &mut out));
                total += out.len();
            }
            assert!(total <= 10_000, "byte {position} = {value}");
        }
    }
    for len in 0..good.len() {
        drop(Archive::list(Cursor::new(&good[..len]), 10_000));
    }
}
