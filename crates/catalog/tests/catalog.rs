//! The catalog as the pipeline uses it, over both databases: interrupted, and by several processes at once.

#[path = "parts/log.rs"]
mod log;
#[path = "parts/registrations.rs"]
mod registrations;
mod support;
#[path = "parts/walls.rs"]
mod walls;

use std::process::Command;

use catalog::{
    Artifact, Catalog, CatalogError, Committed, Database, ItemOriginal, NewArtifact, NewItem, NewOriginal,
    ObjectRow, OwnCase,
};
use domain::{ArtifactId, ArtifactKind, CaseId, IngestId, ItemId, ItemKind, OriginalId, Phi};
use geometry::{DAffine3, DMat3, DVec3, GridGeometry};
use support::{Place, cipher, on_both};

on_both!(
    what_is_committed_is_found_again,
    nothing_is_stored_twice,
    an_item_that_cannot_be_whole_is_not_there,
    an_interrupted_run_leaves_names_to_sweep,
    items_are_found_by_the_beginning_of_their_id,
    data_stay_with_their_root_key_and_case,
    several_processes_write_at_once,
    an_artifact_is_put_beside_others_and_replaced,
);

/// 16 bytes that differ for each pair of numbers.
pub(crate) fn bytes(kind: u8, number: u32) -> [u8; 16] {
    let mut bytes = [kind; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn hash(number: u32) -> [u8; 32] {
    let mut hash = [0xAB; 32];
    hash[28..].copy_from_slice(&number.to_be_bytes());
    hash
}

fn object(name: &str, number: u32) -> ObjectRow {
    ObjectRow {
        name: format!("{name}-{number}"),
        reference: vec![number as u8; 85],
        len: u64::from(number) + 1,
    }
}

fn original(number: u32) -> NewOriginal {
    NewOriginal {
        id: OriginalId::from_random(bytes(1, number)),
        sha256: hash(number),
        file_name: Phi::new(format!("Doe^Jane/IM{number}")),
        object: object("original", number),
    }
}

fn case() -> OwnCase {
    let id = CaseId::from_random(bytes(2, 0));
    OwnCase {
        id,
        wrapped_key: cipher().new_key(*id.as_bytes()).unwrap(),
    }
}

fn ingest(number: u32) -> IngestId {
    IngestId::from_random(bytes(3, number))
}

/// An item made of the originals whose numbers are `originals`, with a pyramid of two objects and a surface.
pub(crate) fn item(number: u32, originals: std::ops::Range<u32>) -> NewItem {
    let artifact = |kind, name: &str, parts: &[&str]| NewArtifact {
        id: ArtifactId::from_random(bytes(4, number * 16 + kind as u32)),
        kind,
        name: name.to_owned(),
        details: serde_json::json!({ "levels": 4 }),
        objects: parts
            .iter()
            .map(|part| ((*part).to_owned(), object(&format!("{name}-{part}"), number)))
            .collect(),
    };
    NewItem {
        id: ItemId::from_random(bytes(5, number)),
        case: CaseId::from_random(bytes(2, 0)),
        uploader: None,
        ingest: ingest(0),
        kind: ItemKind::Volume,
        name: "Head 1.0".to_owned(),
        modality: Some("CT".to_owned()),
        study_uid: Some("1.2.3".to_owned()),
        series_uid: None,
        content_key: hash(900_000 + number),
        grid: Some(sheared_grid()),
        findings: serde_json::json!([{ "kind": "gap", "mm": 2.0 }]),
        details: serde_json::json!({ "unit": "HU" }),
        originals: originals.map(|n| ItemOriginal::New(original(n))).collect(),
        artifacts: vec![
            artifact(ArtifactKind::Pyramid, "volume", &["level0", "head"]),
            artifact(ArtifactKind::Surface, "bone", &["mesh"]),
        ],
    }
}

/// Numbers that decimal text does not hold exactly.
fn sheared_grid() -> GridGeometry {
    let axes = DMat3::from_cols(
        DVec3::new(0.1 + 0.2, 1e-17, -0.0),
        DVec3::new(0.0, 1.0 / 3.0, 0.153_070_000_000_000_1),
        DVec3::new(0.0, -5e-324, 2.370_81),
    );
    let translation = DVec3::new(-123.456_789_012_345_67, 1e300, f64::MIN_POSITIVE);
    GridGeometry::new(
        [512, 511, 54],
        DAffine3 {
            matrix3: axes,
            translation,
        },
    )
    .unwrap()
}

fn object_names(item: &NewItem) -> Vec<String> {
    let originals = item.originals.iter().filter_map(|original| match original {
        ItemOriginal::New(original) => Some(original.object.name.clone()),
        ItemOriginal::Known(_) => None,
    });
    let artifacts = item
        .artifacts
        .iter()
        .flat_map(|artifact| artifact.objects.iter().map(|(_, o)| o.name.clone()));
    originals.chain(artifacts).collect()
}

/// A catalog with its default case and a run that has begun.
pub(crate) async fn begun(place: &Place) -> Catalog {
    let catalog = place.open().await;
    catalog.system().default_case_or(&case()).await.unwrap();
    catalog
        .system()
        .begin_ingest(ingest(0), "host/1/start")
        .await
        .unwrap();
    catalog
}

async fn what_is_committed_is_found_again(place: Place) {
    let catalog = begun(&place).await;
    let new = item(1, 0..2500);
    assert_eq!(catalog.system().commit_item(&new).await.unwrap(), Committed::New);
    catalog.close().await;

    let catalog = place.open().await;
    let [found] = catalog.system().items().await.unwrap().try_into().unwrap();
    assert_eq!((found.id, found.case, found.kind), (new.id, new.case, new.kind));
    assert_eq!(found.name, new.name);
    assert_eq!(
        (&found.modality, &found.study_uid, &found.series_uid),
        (&new.modality, &new.study_uid, &None)
    );
    assert_eq!((&found.findings, &found.details), (&new.findings, &new.details));
    let rows = |grid: GridGeometry| grid.patient_from_voxel_rows().map(f64::to_bits);
    assert_eq!(found.grid.map(rows), new.grid.map(rows));
    assert!(found.created.elapsed().unwrap().as_secs() < 600);

    let originals = catalog.system().originals(new.id).await.unwrap();
    assert_eq!(originals.len(), 2500);
    for (number, found) in (0..).zip(&originals) {
        let expected = original(number);
        assert_eq!(
            (found.id, found.sha256, &found.object),
            (expected.id, expected.sha256, &expected.object)
        );
        assert_eq!(found.file_name, expected.file_name);
    }
    let artifacts = catalog.system().artifacts(new.id).await.unwrap();
    assert_eq!(
        artifacts.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(),
        ["volume", "bone"]
    );
    assert_eq!(artifacts[0].object("head"), Some(&object("volume-head", 1)));
    assert_eq!(artifacts[0].object("tail"), None);
    assert_eq!(
        artifacts.iter().map(Artifact::size_bytes).collect::<Vec<_>>(),
        [4, 2]
    );
}

async fn nothing_is_stored_twice(place: Place) {
    let catalog = begun(&place).await;
    let first = item(1, 0..10);
    catalog.system().commit_item(&first).await.unwrap();
    let known = catalog
        .system()
        .known_originals(CaseId::from_random(bytes(2, 0)), None, &[hash(3), hash(99)])
        .await
        .unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [(hash(3), original(3).id)]);
    assert_eq!(
        catalog
            .system()
            .item_by_content_key(CaseId::from_random(bytes(2, 0)), None, &first.content_key)
            .await
            .unwrap(),
        Some(first.id)
    );
    assert_eq!(
        catalog
            .system()
            .item_by_content_key(CaseId::from_random(bytes(2, 0)), None, &hash(0))
            .await
            .unwrap(),
        None
    );

    // The same item again, under another id.
    let again = NewItem {
        id: ItemId::from_random(bytes(5, 77)),
        ..first.clone()
    };
    assert_eq!(
        catalog.system().commit_item(&again).await.unwrap(),
        Committed::AlreadyThere(first.id)
    );

    // Another item that shares files with it: one named as known, one stored again by somebody who did not know.
    let mut second = item(2, 20..22);
    let mut stored_again = original(4);
    stored_again.id = OriginalId::from_random(bytes(1, 1000));
    stored_again.object.name = "stored-again".to_owned();
    catalog
        .system()
        .record_pending(ingest(0), &["stored-again".to_owned()])
        .await
        .unwrap();
    second.originals.push(ItemOriginal::Known(original(3).id));
    second.originals.push(ItemOriginal::New(stored_again));
    // And one file twice in one item.
    second.originals.push(ItemOriginal::New(original(20)));
    catalog.system().commit_item(&second).await.unwrap();
    let ids: Vec<_> = catalog
        .system()
        .originals(second.id)
        .await
        .unwrap()
        .iter()
        .map(|o| o.id)
        .collect();
    assert_eq!(ids, [20, 21, 3, 4, 20].map(|number| original(number).id));
    assert_eq!(catalog.system().items().await.unwrap().len(), 2);
    catalog.system().finish_ingest(ingest(0)).await.unwrap();
    assert_eq!(
        catalog.system().abandoned_objects(|_| true).await.unwrap(),
        ["stored-again"]
    );
}

async fn an_item_that_cannot_be_whole_is_not_there(place: Place) {
    let catalog = begun(&place).await;
    let names = object_names(&item(1, 0..3));
    catalog.system().record_pending(ingest(0), &names).await.unwrap();
    // Its last step fails: two artifacts of one kind and name.
    let mut broken = item(1, 0..3);
    broken.artifacts.push(NewArtifact {
        id: ArtifactId::from_random(bytes(4, 9999)),
        ..broken.artifacts[1].clone()
    });
    assert!(matches!(
        catalog.system().commit_item(&broken).await,
        Err(CatalogError::Database(_))
    ));
    // Or it names what is not there.
    let mut dangling = item(1, 0..3);
    dangling.originals.push(ItemOriginal::Known(original(500).id));
    assert!(matches!(
        catalog.system().commit_item(&dangling).await,
        Err(CatalogError::Database(_))
    ));
    assert!(catalog.system().items().await.unwrap().is_empty());
    assert!(
        catalog
            .system()
            .known_originals(CaseId::from_random(bytes(2, 0)), None, &[hash(0)])
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        catalog.system().abandoned_objects(|_| false).await.unwrap().len(),
        names.len()
    );
    // Whole, it goes through.
    assert_eq!(
        catalog.system().commit_item(&item(1, 0..3)).await.unwrap(),
        Committed::New
    );
    assert!(
        catalog
            .system()
            .abandoned_objects(|_| false)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn an_interrupted_run_leaves_names_to_sweep(place: Place) {
    let catalog = begun(&place).await;
    catalog
        .system()
        .begin_ingest(ingest(1), "host/2/start")
        .await
        .unwrap();
    let (done, lost) = (item(1, 0..3), item(2, 10..1500));
    catalog
        .system()
        .record_pending(ingest(0), &object_names(&done))
        .await
        .unwrap();
    catalog
        .system()
        .record_pending(ingest(0), &object_names(&lost))
        .await
        .unwrap();
    catalog
        .system()
        .record_pending(ingest(1), &["of-another".to_owned()])
        .await
        .unwrap();
    catalog.system().commit_item(&done).await.unwrap();
    // The process ends here, without closing anything.
    std::mem::forget(catalog);

    let catalog = place.open().await;
    assert_eq!(catalog.system().items().await.unwrap().len(), 1);
    assert!(
        catalog
            .system()
            .abandoned_objects(|_| true)
            .await
            .unwrap()
            .is_empty()
    );
    let mut abandoned = catalog
        .system()
        .abandoned_objects(|process| process != "host/1/start")
        .await
        .unwrap();
    let mut expected = object_names(&lost);
    abandoned.sort();
    expected.sort();
    assert_eq!(abandoned, expected);
    catalog.system().forget_pending(&abandoned).await.unwrap();
    assert_eq!(
        catalog.system().abandoned_objects(|_| false).await.unwrap(),
        ["of-another"]
    );
    // The lost item can be made again.
    catalog.system().commit_item(&lost).await.unwrap();
}

async fn items_are_found_by_the_beginning_of_their_id(place: Place) {
    let catalog = begun(&place).await;
    for number in [0x1234_0000, 0x1234_5678] {
        let mut new = item(number & 0xFF, 0..0);
        new.id = ItemId::from_random(bytes(5, number));
        new.artifacts.clear();
        catalog.system().commit_item(&new).await.unwrap();
    }
    let id = |number| ItemId::from_random(bytes(5, number));
    assert_eq!(catalog.system().item("12345").await.unwrap().id, id(0x1234_5678));
    assert_eq!(
        catalog
            .system()
            .item(&id(0x1234_0000).to_string().to_uppercase())
            .await
            .unwrap()
            .id,
        id(0x1234_0000)
    );
    assert!(matches!(
        catalog.system().item("1234").await,
        Err(CatalogError::AmbiguousItem(_))
    ));
    for text in ["", "9", "%", "1234_", "12345'", "ä"] {
        assert!(
            matches!(catalog.system().item(text).await, Err(CatalogError::NoItem(_))),
            "{text:?}"
        );
    }
}

async fn data_stay_with_their_root_key_and_case(place: Place) {
    let catalog = place.open().await;
    catalog.system().bind_root_key("0123456789abcdef").await.unwrap();
    catalog.system().bind_root_key("0123456789abcdef").await.unwrap();
    let error = catalog
        .system()
        .bind_root_key("fedcba9876543210")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("0123456789abcdef") && error.contains("fedcba9876543210"),
        "{error}"
    );

    let first = case();
    assert_eq!(catalog.system().default_case_or(&first).await.unwrap(), first);
    let id = CaseId::from_random(bytes(2, 9));
    let other = OwnCase {
        id,
        wrapped_key: cipher().new_key(*id.as_bytes()).unwrap(),
    };
    assert_eq!(catalog.system().default_case_or(&other).await.unwrap(), first);
}

#[tokio::test]
async fn a_later_schema_and_strange_files_are_told() {
    let place = Place::sqlite();
    place.open().await.close().await;
    place
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (42, 'later', TRUE, x'00', 0)",
        )
        .await;
    let error = Catalog::open(&place.database, cipher()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Newer { found: 42, .. }), "{error}");

    let Database::Sqlite(path) = &place.database else {
        panic!("a file")
    };
    let strange = path.with_file_name("strange % ? name.db");
    std::fs::write(
        &strange,
        "this is no database, and long enough to be looked at as one, surely".repeat(100),
    )
    .unwrap();
    let missing = path.with_file_name("no/such/folder/catalog.db");
    for path in [strange, missing] {
        let opened = Catalog::open(&Database::Sqlite(path), cipher()).await;
        assert!(matches!(opened, Err(CatalogError::Open { .. })));
    }
    let odd = path.with_file_name("odd % ? #name.db");
    Catalog::open(&Database::Sqlite(odd.clone()), cipher())
        .await
        .unwrap()
        .close()
        .await;
    assert!(odd.is_file());
}

const CHILD: &str = "VITRINE_TEST_CATALOG_CHILD";
const CHILDREN: u32 = 4;
const ITEMS_A_CHILD: u32 = 12;

/// Each process opens the same new database, commits items of its own and tries one that all of them have.
async fn several_processes_write_at_once(place: Place) {
    if let Ok(number) = std::env::var(CHILD) {
        return write_as_child(number.parse().unwrap(), &place).await;
    }
    // The first has the key of the case that all write into.
    begun(&place).await.close().await;
    let test = match &place.database {
        Database::Sqlite(_) => "sqlite::several_processes_write_at_once",
        Database::Postgres(_) => "postgres::several_processes_write_at_once",
    };
    let children: Vec<_> = (1..=CHILDREN)
        .map(|number| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test])
                .env(CHILD, number.to_string())
                .envs(place.for_children())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let catalog = place.open().await;
    let items = catalog.system().items().await.unwrap();
    assert_eq!(items.len() as u32, CHILDREN * ITEMS_A_CHILD + 1);
    for item in items {
        assert_eq!(catalog.system().artifacts(item.id).await.unwrap().len(), 2);
        assert!(!catalog.system().originals(item.id).await.unwrap().is_empty());
    }
    place.check_integrity().await;
}

async fn write_as_child(number: u32, place: &Place) {
    let catalog = place.open().await;
    catalog
        .system()
        .begin_ingest(ingest(number), &format!("host/{number}"))
        .await
        .unwrap();
    for count in 0..ITEMS_A_CHILD {
        let own = number * 100 + count;
        let new = NewItem {
            ingest: ingest(number),
            ..item(own, own * 10..own * 10 + 5)
        };
        catalog
            .system()
            .record_pending(ingest(number), &object_names(&new))
            .await
            .unwrap();
        assert_eq!(catalog.system().commit_item(&new).await.unwrap(), Committed::New);
    }
    let shared = NewItem {
        id: ItemId::from_random(bytes(5, number)),
        ingest: ingest(number),
        ..item(1, 1..3)
    };
    match catalog.system().commit_item(&shared).await {
        Ok(Committed::New | Committed::AlreadyThere(_)) => {}
        // On PostgreSQL two can find the item missing at once: one of them is told to try again.
        Err(CatalogError::Database(_)) if matches!(place.database, Database::Postgres(_)) => {
            let again = catalog.system().commit_item(&shared).await.unwrap();
            assert!(matches!(again, Committed::AlreadyThere(_)));
        }
        Err(error) => panic!("{error}"),
    }
    catalog.system().finish_ingest(ingest(number)).await.unwrap();
}

async fn an_artifact_is_put_beside_others_and_replaced(place: Place) {
    let catalog = begun(&place).await;
    let new = item(1, 0..3);
    catalog.system().commit_item(&new).await.unwrap();
    catalog.system().finish_ingest(ingest(0)).await.unwrap();
    catalog
        .system()
        .begin_ingest(ingest(1), "host/1/start")
        .await
        .unwrap();
    let version = |number: u32| NewArtifact {
        id: ArtifactId::from_random(bytes(7, number)),
        kind: ArtifactKind::Comparison,
        name: "after".to_owned(),
        details: serde_json::json!({ "version": number }),
        objects: vec![("glb".to_owned(), object("comparison", number))],
    };
    for number in [1, 2] {
        let name = version(number).objects[0].1.name.clone();
        catalog.system().record_pending(ingest(1), &[name]).await.unwrap();
        catalog
            .system()
            .put_artifact(ingest(1), new.id, &version(number))
            .await
            .unwrap();
        let artifacts = catalog.system().artifacts(new.id).await.unwrap();
        assert_eq!(artifacts.len(), 3);
        let found = artifacts
            .iter()
            .find(|a| a.kind == ArtifactKind::Comparison)
            .unwrap();
        assert_eq!(found.details["version"], number);
        assert_eq!(found.object("glb"), Some(&object("comparison", number)));
    }
    // The object of the first version is garbage now, that of the second is not.
    let garbage = catalog.system().abandoned_objects(|_| false).await.unwrap();
    assert_eq!(garbage, ["comparison-1"]);
    let nobody = ItemId::from_random(bytes(5, 99));
    assert!(matches!(
        catalog
            .system()
            .put_artifact(ingest(1), nobody, &version(3))
            .await,
        Err(CatalogError::NoItem(_))
    ));
}
