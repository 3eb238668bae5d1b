//! The wire audit: whole sessions of everybody who is not the uploader, over items of every kind, with every byte that
//! comes to them kept, and searched for what must never be among them: runs of the files, of samples as they are
//! stored, of vertices, of what tags say, and canaries that were planted.

use std::time::Duration;

use geometry::DVec3;
use protocol::{Ask, Exhibit, Grade, Pane, PaneLook, PixelSize};
use ureq::http::Method;

use super::super::client::{Client, Reply};
use super::Scene;
use super::forbidden::{Exhibition, first_file};
use super::socket::{Viewer, axial, space};

/// What somebody who is not the uploader can reach, whatever comes of it.
fn reach(client: &Client, scene: &Scene, items: &[String]) -> Vec<u8> {
    let mut came = Vec::new();
    let mut keep = |reply: Reply| {
        for (name, value) in &reply.headers {
            came.extend_from_slice(name.as_str().as_bytes());
            came.extend_from_slice(value.as_bytes());
        }
        came.extend_from_slice(&reply.body);
    };
    let case = &scene.case;
    for path in [
        "",
        "/items",
        "/annotations",
        "/views",
        "/tours",
        "/grants",
        "/live",
    ] {
        keep(client.get(&format!("/api/cases/{case}{path}")));
    }
    for item in items {
        for path in ["", "/originals", "/artifacts", "/thumbnail", "/sights"] {
            keep(client.get(&format!("/api/items/{item}{path}")));
            let part = [("range", "bytes=0-4095")];
            keep(client.call(
                Method::GET,
                &format!("/api/items/{item}{path}"),
                &part,
                Vec::new(),
            ));
        }
        for original in scene
            .admin
            .get(&format!("/api/items/{item}/originals"))
            .json
            .as_array()
            .unwrap()
        {
            let id = original["id"].as_str().unwrap();
            keep(client.get(&format!("/api/originals/{id}/content")));
        }
        for artifact in scene
            .admin
            .get(&format!("/api/items/{item}/artifacts"))
            .json
            .as_array()
            .unwrap()
        {
            let id = artifact["id"].as_str().unwrap();
            for part in artifact["parts"].as_array().unwrap() {
                let part = part["name"].as_str().unwrap();
                keep(client.get(&format!("/api/items/{item}/artifacts/{id}/{part}")));
            }
            for section in ["slice-0-4", "row-3-1", "column-3-1"] {
                keep(client.get(&format!("/api/items/{item}/artifacts/{id}/sections/{section}")));
            }
        }
    }
    came
}

/// Looks at an item from several sides, asks about it, and comes away with everything that came.
fn look(client: &Client, scene: &Scene, item: &str, round: u32) -> Vec<u8> {
    let mut viewer = Viewer::open(client, &scene.case).expect("a socket");
    let exhibit = viewer.look_at(item);
    let size = PixelSize {
        width: 160,
        height: 120,
    };
    for pane in sides(&exhibit, size, round) {
        let asked = viewer.ask_for(&exhibit, &[pane]);
        viewer.frame(asked, pane.pane, Grade::Moving);
    }
    let p_mm = exhibit.bounds_mm.center();
    viewer.question(Ask::Value { p_mm });
    viewer.question(Ask::Region {
        points_mm: [(0.0, 0.0), (6.0, 0.0), (6.0, 5.0)]
            .map(|(x, y)| p_mm + DVec3::new(x, y, 0.0))
            .to_vec(),
    });
    viewer.next(Duration::from_millis(30));
    viewer.bytes()
}

fn sides(exhibit: &Exhibit, size: PixelSize, round: u32) -> Vec<PaneLook> {
    let mut panes = Vec::new();
    for step in 0..4 {
        let turn = f64::from(round) * 0.7 + f64::from(step) * 1.3;
        let direction = DVec3::new(turn.sin(), -turn.cos(), 0.3);
        panes.push(space(exhibit, direction, size));
        if exhibit.grid.is_some() {
            let above_mm = f64::from(step) * 4.0 - f64::from(round % 7);
            let plane = axial(exhibit, above_mm, size);
            assert_eq!(plane.pane, Pane::Axial);
            panes.push(plane);
        }
    }
    panes
}

#[test]
fn nothing_but_marked_pictures_reaches_who_did_not_upload() {
    let sessions = match std::env::var_os("VITRINE_LONG") {
        Some(_) => 100,
        None => 20,
    };
    let Exhibition {
        scene,
        items: ids,
        forbidden,
    } = Exhibition::new();
    let collaborator = scene.collaborator("curie@example.net");
    let people = [
        ("collaborator", collaborator),
        ("patient", scene.person("quirina@example.com")),
        ("colleague", scene.colleague("noether@example.org")),
    ];
    let mut bytes = 0;
    let mut hits = Vec::new();
    for (who, client) in &people {
        let came = reach(client, &scene, &ids);
        bytes += came.len();
        let found = forbidden.hits(&came);
        hits.extend(found.into_iter().map(|hit| format!("{who}: {hit}")));
    }
    for session in 0..sessions {
        let (who, client) = &people[session % people.len()];
        let item = &ids[(session / people.len()) % ids.len()];
        let came = look(client, &scene, item, session as u32);
        bytes += came.len();
        let found = forbidden.hits(&came);
        hits.extend(
            found
                .into_iter()
                .map(|hit| format!("{who} in session {session}: {hit}")),
        );
    }
    println!(
        "{sessions} sessions, {bytes} bytes, {} runs: {} hits",
        forbidden.count(),
        hits.len()
    );
    assert!(hits.is_empty(), "{:?}", &hits[..hits.len().min(10)]);
    // The search finds what is there.
    let mut own = b"before ".to_vec();
    own.extend(first_file(&scene));
    assert!(!forbidden.hits(&own).is_empty());
}
