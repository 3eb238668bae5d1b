//! A photograph through the server: who comes near sees the pixels of the original, as marked pictures.

use geometry::DVec2;
use protocol::{Grade, Pane, PaneLook, PhotoLook, PixelSize, Shows};

use super::socket::Viewer;
use super::{SIZE, Scene, brightness};
use crate::photos::png;

/// Larger than what is held of it as a whole, with unequal sides.
const LARGE: [u32; 2] = [2_500, 1_300];

#[test]
fn who_comes_near_to_a_photograph_sees_the_pixels_of_the_original() {
    let scene = Scene::new();
    // Every second column is white: at half the size all of it is gray.
    let row: Vec<u8> = (0..LARGE[0])
        .flat_map(|x| [if x % 2 == 0 { 0 } else { 255 }; 3])
        .collect();
    let picture = png(LARGE[0], LARGE[1], &row.repeat(LARGE[1] as usize), &[]);
    let set = scene.admin.open_set(&scene.case);
    let sent = scene
        .admin
        .send_many(&set, &[("photos/lines.png".to_owned(), picture)]);
    assert_eq!(sent.status, 201, "{sent:?}");
    assert_eq!(scene.admin.ingest(&set)["state"], "done");
    let items = scene.admin.get(&format!("/api/cases/{}/items", scene.case)).json;
    let item = items
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["kind"] == "photo");
    let item = item.expect("a photograph")["id"].as_str().unwrap().to_owned();

    let collaborator = scene.collaborator("curie@example.net");
    let mut viewer = Viewer::open(&collaborator, &scene.case).expect("a socket");
    let exhibit = viewer.look_at(&item);
    // Points of it are told in the pixels of the original, to everybody alike.
    let size = PixelSize {
        width: LARGE[0],
        height: LARGE[1],
    };
    assert_eq!(exhibit.photo, Some(size));
    let mut drawn = |zoom: f64| {
        let look = PhotoLook {
            zoom,
            middle: DVec2::new(0.7, 0.4),
        };
        let pane = PaneLook {
            pane: Pane::Space,
            size: SIZE,
            shows: Shows::Photo(look),
        };
        let asked = viewer.ask_for(&exhibit, &[pane]);
        let (header, picture) = viewer.frame(asked, Pane::Space, Grade::Fine);
        assert_eq!(header.coded, SIZE);
        brightness(&picture, SIZE)
    };
    // How much neighbors in a row differ, for the most part.
    let contrast = |bright: &[u8]| {
        let mut steps: Vec<u8> = bright
            .chunks_exact(SIZE.width as usize)
            .flat_map(|row| row.windows(2).map(|pair| pair[0].abs_diff(pair[1])))
            .collect();
        steps.sort_unstable();
        steps[steps.len() / 2]
    };
    let fit = (f64::from(SIZE.width) / f64::from(LARGE[0])).min(f64::from(SIZE.height) / f64::from(LARGE[1]));
    let (whole, near) = (contrast(&drawn(1.0)), contrast(&drawn(1.0 / fit)));
    println!("from one column to the next: {whole} of all of it, {near} near");
    assert!(whole < 40 && near > 150, "{whole}, {near}");
}
