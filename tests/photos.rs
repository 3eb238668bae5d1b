//! Photographs through the real program: upright, stripped, in tiles, or refused with a reason.

use std::path::{Path, PathBuf};

use crate::support::{Store, codes, data, items, of_kind, run};

/// Must never come out of the store but with the original.
const CANARY: &[u8] = b"CANARY-48.20849N-16.37208E";

/// A PNG of two rows, the upper red and the lower blue, with an Exif block that says orientation 6 and more.
fn sideways(width: u32, height: u32) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend([0x0F, 0x01, 2, 0]);
    exif.extend((CANARY.len() as u32).to_le_bytes());
    exif.extend(38u32.to_le_bytes());
    exif.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
    exif.extend([0; 4]);
    exif.extend(CANARY);
    let mut text = b"Comment\0".to_vec();
    text.extend(CANARY);
    let mut xmp = b"XML:com.adobe.xmp\0\0\0\0\0".to_vec();
    xmp.extend(CANARY);
    let rows = (0..height).flat_map(|y| {
        let color = if y < height / 2 { [255, 0, 0] } else { [0, 0, 255] };
        std::iter::repeat_n(color, width as usize).flatten()
    });
    let pixels: Vec<u8> = rows.collect();
    png(
        width,
        height,
        &pixels,
        &[(b"eXIf", &exif), (b"tEXt", &text), (b"iTXt", &xmp)],
    )
}

/// A PNG of red, green and blue with chunks of the caller's before its pixels.
pub(crate) fn png(width: u32, height: u32, rgb: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    for (kind, body) in chunks {
        writer.write_chunk(png::chunk::ChunkType(**kind), body).unwrap();
    }
    writer.write_image_data(rgb).unwrap();
    writer.finish().unwrap();
    out
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Pixels of a PNG file, four bytes each, and its size.
fn pixels(file: &Path) -> (u32, u32, Vec<u8>) {
    let bytes = std::fs::read(file).unwrap();
    assert!(!contains(&bytes, CANARY));
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_photograph_becomes_an_item_without_its_secrets() {
    let store = Store::new();
    let input = store.input("pictures");
    write(&input, "Anna Muster at home.PNG", &sideways(1200, 700));
    let report = store.ingest(&[&input]);
    assert_eq!(report["failed"], serde_json::json!([]));
    let [item] = items(&report) else {
        panic!("one item: {report}")
    };
    assert_eq!(
        (&item["kind"], &item["state"]),
        (&"photo".into(), &"added".into())
    );
    assert_eq!(item["dims"], serde_json::json!([700, 1200, 1]));
    assert_eq!(codes(item), ["turned_upright"]);
    assert!(
        item["files"][0]
            .as_str()
            .unwrap()
            .ends_with("Anna Muster at home.PNG")
    );
    assert!(!item["name"].as_str().unwrap().contains("Anna"));
    let kinds: Vec<&str> = item["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["photo", "thumbnail"]);
    let listed = store.inspect();
    assert!(!listed.to_string().contains("Anna") && !contains(listed.to_string().as_bytes(), CANARY));

    // Turned clockwise, what was above is on the right.
    let picture = store.folder.path().join("picture.png");
    let id = item["id"].as_str().unwrap();
    run(store
        .command(&["render", id, "--size", "300x300"])
        .arg("--png")
        .arg(&picture));
    let (width, height, rgba) = pixels(&picture);
    assert_eq!((width, height), (175, 300));
    let at = |x: u32, y: u32| &rgba[((y * width + x) * 4) as usize..][..3];
    assert_eq!((at(10, 150), at(160, 150)), (&[0, 0, 255][..], &[255, 0, 0][..]));
}

#[test]
fn the_same_photograph_makes_no_second_copy() {
    let store = Store::new();
    let input = store.input("pictures");
    write(&input, "a.png", &sideways(40, 30));
    write(&input, "copy of a.png", &sideways(40, 30));
    let first = store.ingest(&[&input]);
    assert_eq!(items(&first).len(), 1);
    let second = store.ingest(&[&input]);
    assert_eq!(items(&second)[0]["id"], items(&first)[0]["id"]);
    assert_eq!(items(&second)[0]["state"], "already_there");
    assert_eq!(items(&store.inspect()).len(), 1);
}

#[test]
fn hostile_pictures_are_named_and_the_rest_goes_on() {
    let store = Store::new();
    let input = store.input("pictures");
    write(&input, "good.png", &sideways(64, 48));
    let whole = sideways(64, 48);
    write(&input, "cut.png", &whole[..whole.len() / 2]);
    // A header of 100,010,000 pixels, and one of as many as a header can say.
    for (name, width, height) in [
        ("large.png", 10_001u32, 10_000u32),
        ("huge.png", 0x7FFF_FFFF, 0x7FFF_FFFF),
    ] {
        let mut bytes = whole.clone();
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        write(&input, name, &bytes);
    }
    write(&input, "noise.jpg", b"\xff\xd8\xff\xe0 this is no picture at all");
    write(&input, "still.gif", b"GIF89a\x01\0\x01\0\0\0\0;");
    let report = store.ingest(&[&input]);
    assert_eq!(of_kind(&report, "photo").len(), 1, "{report}");
    let reason = |name: &str| {
        let failed = report["failed"].as_array().unwrap();
        let found = failed
            .iter()
            .find(|f| f["file"].as_str().unwrap().ends_with(name));
        found.unwrap_or_else(|| panic!("{name} is not named in {failed:?}"))["reason"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(reason("cut.png").contains("ends"), "{}", reason("cut.png"));
    for name in ["large.png", "huge.png"] {
        assert!(reason(name).contains("at most 100000000"), "{}", reason(name));
    }
    assert!(reason("noise.jpg").starts_with("JPEG"), "{}", reason("noise.jpg"));
    assert!(reason("still.gif").contains("GIF"), "{}", reason("still.gif"));
}

#[test]
fn every_picture_of_the_test_data_is_read() {
    let Some(mesh) = data("mesh-a") else { return };
    let Some(capture) = data("capture-truedepth-charuco-a") else {
        return;
    };
    let pictures = [
        (mesh.join("real/LeePerrySmith/color.jpg"), [1024, 1024, 1]),
        (mesh.join("trimesh/capsule0.jpg"), [2048, 1024, 1]),
        (mesh.join("assimp/OBJ/SpiderTex.jpg"), [249, 250, 1]),
        (capture.join("calib_board.png"), [1650, 1350, 1]),
    ];
    let store = Store::new();
    for (file, dims) in pictures {
        let report = store.ingest(&[&file]);
        let [item] = items(&report) else {
            panic!("{}: {report}", file.display())
        };
        assert_eq!(item["dims"], serde_json::json!(dims), "{}", file.display());
        assert_eq!(codes(item), [""; 0], "{}", file.display());
    }
}
