//! A writer of ZIP archives for tests, which also writes what no honest tool would.

/// An entry: its name as it stands in the archive, and its content.
pub type Entry<'a> = (&'a str, &'a [u8]);

/// A ZIP archive of `entries`, stored without compression (APPNOTE 6.3.10, 4.3).
///
/// # Panics
/// When an entry or the archive is larger than 4 GiB.
pub fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in entries {
        let offset = u32::try_from(out.len()).expect("a test archive is small");
        let common = common_fields(name, content);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(content);
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(0o100_644u32 << 16).to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let start = u32::try_from(out.len()).expect("a test archive is small");
    let count = u16::try_from(entries.len()).expect("a test archive has few entries");
    let len = u32::try_from(directory.len()).expect("a test archive is small");
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out
}

/// What the local header and the directory share: version, flags (UTF-8 names), method, time, date, checksum, sizes,
/// name length, extra length.
fn common_fields(name: &str, content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let len = u32::try_from(content.len()).expect("a test entry is small");
    let mut fields = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0x5C];
    fields.extend_from_slice(&crc.sum().to_le_bytes());
    fields.extend_from_slice(&len.to_le_bytes());
    fields.extend_from_slice(&len.to_le_bytes());
    fields.extend_from_slice(&u16::try_from(name.len()).expect("a name is short").to_le_bytes());
    fields.extend_from_slice(&[0, 0]);
    fields
}
