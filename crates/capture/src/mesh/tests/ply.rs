//! PLY: all types and orders, strips, textures, and files that lie.

use super::*;

#[test]
fn ply_of_all_types_and_orders_is_the_same() {
    let header = "element other 2\nproperty list ushort double skipped\nproperty char c\n\
        element vertex 4\nproperty uchar red\nproperty double z\nproperty short y\nproperty list uchar int extra\nproperty int x\nproperty uchar blue\nproperty uchar green\n\
        element face 2\nproperty uchar flags\nproperty list int ushort vertex_index\n";
    let points = [[0i32, 0, 0], [7, 0, 1], [9, 5, 2], [0, 6, 3]];
    let mut text = String::from("2 1.5 2.5 7\n0 7\n");
    let (mut little, mut big) = (Vec::new(), Vec::new());
    macro_rules! put { ($($value:expr),*) => { $( little.extend($value.to_le_bytes()); big.extend($value.to_be_bytes()); )* } }
    put!(2u16, 1.5f64, 2.5f64, 7i8, 0u16, 7i8);
    for (i, [x, y, z]) in points.iter().enumerate() {
        text += &format!("{i} {z} {y} 1 99 {x} 3 2\n");
        put!(i as u8, f64::from(*z), *y as i16, 1u8, 99i32, *x, 3u8, 2u8);
    }
    text += "0 4 0 1 2 3\n1 3 0 2 3";
    put!(0u8, 4i32, 0u16, 1u16, 2u16, 3u16, 1u8, 3i32, 0u16, 2u16, 3u16);
    let expected = read_one("a", &ply("ascii", header, text.as_bytes())).unwrap();
    assert_eq!(expected.positions[2], [9.0, 5.0, 2.0]);
    assert_eq!(expected.colors[3], [3, 2, 3, 255]);
    assert_eq!(expected.triangles, [[0, 1, 2], [0, 2, 3], [0, 2, 3]]);
    for (encoding, body) in [("binary_little_endian", &little), ("binary_big_endian", &big)] {
        assert_eq!(
            read_one("a", &ply(encoding, header, body)).unwrap(),
            expected,
            "{encoding}"
        );
    }
}

#[test]
fn ply_fast_and_slow_ways_agree() {
    let header =
        format!("{VERTEX}element face 2\nproperty list uchar int vertex_indices\nproperty uchar flags\n");
    let mut body: Vec<u8> = [0f32, 0., 0., 1., 0., 0.5, 0., 2., 0.]
        .iter()
        .flat_map(|v| v.to_be_bytes())
        .collect();
    for triangle in [[0i32, 1, 2], [2, 1, 0]] {
        body.push(3);
        body.extend(triangle.iter().flat_map(|v| v.to_be_bytes()));
        body.push(9);
    }
    let fast = read_one("a", &ply("binary_big_endian", &header, &body)).unwrap();
    // One list more takes the slow way.
    let slow_header = header.replace("element face", "property list uchar int none\nelement face");
    let mut slow_body = Vec::new();
    for row in body[..36].chunks(12) {
        slow_body.extend(row);
        slow_body.push(0);
    }
    slow_body.extend(&body[36..]);
    let slow = read_one("a", &ply("binary_big_endian", &slow_header, &slow_body)).unwrap();
    assert_eq!(fast, slow);
    assert_eq!(fast.triangles, [[0, 1, 2], [2, 1, 0]]);
    body.extend([0; 5]);
    let longer = read_one("a", &ply("binary_big_endian", &header, &body)).unwrap();
    assert_eq!(longer.findings, [MeshFinding::Trailing { bytes: 5 }]);
}

#[test]
fn ply_strips_turn_every_second_triangle() {
    let header = VERTEX.replace('3', "5") + "element tristrips 1\nproperty list int int vertex_indices\n";
    let body = b"0 0 0\n1 0 0\n1 1 0\n2 0 0\n2 2 0\n8  0 1 2 3 -1 1 3 4";
    let mesh = read_one("a", &ply("ascii", &header, body)).unwrap();
    assert_eq!(mesh.triangles, [[0, 1, 2], [2, 1, 3], [1, 3, 4]]);
}

#[test]
fn ply_wedges_split_vertices_where_their_picture_is_there() {
    let header = format!(
        "comment TextureFile a b.jpg\n{VERTEX}element face 2\nproperty list uchar int vertex_indices\nproperty list uchar float texcoord\n"
    );
    let body = b"0 0 0\n1 0 0\n1 1 0\n3 0 1 2 6 0 0 1 0 1 1\n3 0 2 1 6 0.5 0 1 1 1 0";
    let bytes = ply("ascii", &header, body);
    let mesh = read_with(("s.ply", &bytes), &[("A b.jpg", JPEG)]).unwrap();
    assert_eq!(
        (mesh.positions.len(), &mesh.triangles[..]),
        (4, &[[0, 1, 2], [3, 2, 1]][..])
    );
    assert_eq!(
        mesh.texture.unwrap().uv,
        [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.5, 1.0]]
    );
    let bare = read_one("s.ply", &bytes).unwrap();
    assert_eq!((bare.positions.len(), bare.texture), (3, None));
}

#[test]
fn ply_that_lies_is_refused() {
    let faces = "element face 1\nproperty list uchar int vertex_indices\n";
    let points = "0 0 0\n1 0 0 9 9\n0 1 0\n";
    for (header, body, expected) in [
        (
            format!("{VERTEX}{faces}"),
            format!("{points}3 0 1 3"),
            "beyond the 3 vertices",
        ),
        (
            format!("{VERTEX}{faces}"),
            format!("{points}3 0 1 -1"),
            "beyond the 3 vertices",
        ),
        (
            format!("{VERTEX}{faces}"),
            format!("{points}3 0 1 nan"),
            "beyond the 3 vertices",
        ),
        (format!("{VERTEX}{faces}"), format!("{points}-1"), "a list of -1"),
        (
            format!("{VERTEX}{faces}"),
            format!("{points}3 0 1"),
            "a number of a row is missing",
        ),
        (
            VERTEX.replace('3', "99999999"),
            "0 0 0".to_owned(),
            "99999999 vertex",
        ),
        (
            VERTEX.replace("float y", "float w"),
            points.to_owned(),
            "no property \"y\"",
        ),
        (
            VERTEX.replace("float y", "list int int y"),
            points.to_owned(),
            "no property \"y\"",
        ),
        (
            format!("{faces}{VERTEX}"),
            points.to_owned(),
            "a face before all vertices",
        ),
        ("element vertex -3\n".to_owned(), String::new(), "no usable count"),
        (
            "property float x\n".to_owned(),
            String::new(),
            "before any element",
        ),
        (
            "element vertex 1\nproperty quux x\n".to_owned(),
            String::new(),
            "is no property",
        ),
        (
            "element vertex 1\nproperty list float int x\n".to_owned(),
            String::new(),
            "is no property",
        ),
    ] {
        let message = message(read_one("a.ply", &ply("ascii", &header, body.as_bytes())));
        assert!(message.contains(expected), "{message}, not {expected}");
    }
    assert!(
        message(read_one("a", b"ply\nformat ascii 1.0\nelement vertex 3\n")).contains("end of the header")
    );
    let nothing = "element vertex 18446744073709551615\n";
    assert!(read_one("a", &ply("ascii", nothing, b"")).is_err());
    let empty_rows = "element x 4000000000000000000\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\n";
    assert_eq!(
        read_one("a", &ply("ascii", empty_rows, b"")).unwrap().findings,
        [MeshFinding::Empty]
    );
}
