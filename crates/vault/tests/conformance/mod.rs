//! What every store has to do under a vault, as functions over any store.

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use vault::{CaseKey, Damage, ObjectId, ObjectRef, RootKey, Vault, VaultError};

use crate::faults::FaultyStore;

const CHUNK: usize = 256 << 10;
const TAG: usize = 16;
const HEADER: usize = 32;

/// Runs the whole suite.
pub(crate) async fn conforms(store: Arc<dyn ObjectStore>) {
    what_is_written_is_read(&store).await;
    pieces_of_any_size_make_the_same_object(&store).await;
    ranges_are_read_alone(&store).await;
    objects_are_listed_and_deleted(&store).await;
    nothing_is_seen_before_the_end(&store).await;
    another_key_opens_nothing(&store).await;
    every_change_is_found(&store).await;
    parts_of_other_objects_are_found(&store).await;
    errors_leave_nothing_behind(&store).await;
    short_reads_are_found(&store).await;
}

/// Content that differs at every place and from seed to seed.
pub(crate) fn content(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 16).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub(crate) fn case_key() -> CaseKey {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let root = RootKey::load_or_create(&folder.path().join("root.key"), &data).unwrap();
    root.new_case_key([5; 16]).unwrap().0
}

async fn put(vault: &Vault, case: &CaseKey, bytes: &[u8]) -> ObjectRef {
    vault.put(case, ObjectId::random().unwrap(), bytes).await.unwrap()
}

async fn listed(vault: &Vault) -> Vec<ObjectId> {
    let mut ids: Vec<_> = vault
        .list()
        .map_ok(|object| object.id)
        .try_collect()
        .await
        .unwrap();
    ids.sort();
    ids
}

fn raw_path(id: ObjectId) -> Path {
    let name = id.to_string();
    Path::from(format!("{}/{name}", &name[..2]))
}

async fn raw(store: &Arc<dyn ObjectStore>, id: ObjectId) -> Vec<u8> {
    store
        .get(&raw_path(id))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap()
        .to_vec()
}

async fn overwrite(store: &Arc<dyn ObjectStore>, id: ObjectId, bytes: Vec<u8>) {
    store.put(&raw_path(id), bytes.into()).await.unwrap();
}

async fn what_is_written_is_read(store: &Arc<dyn ObjectStore>) {
    let (vault, case) = (Vault::over(store.clone()).await, case_key());
    // Around the ends of chunks and of the parts in which large objects travel.
    let part = 8 << 20;
    for len in [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK,
        part - 3000,
        part,
        2 * part + 12_345,
    ] {
        let bytes = content(len, len as u64);
        let object = put(&vault, &case, &bytes).await;
        assert_eq!(object.len, len as u64);
        let object = ObjectRef::from_bytes(&object.to_bytes()).unwrap();
        assert!(vault.get(&case, &object).await.unwrap() == bytes, "{len} bytes");
        let stored = raw(store, object.id).await;
        assert_eq!(stored.len(), len + HEADER + TAG * len.div_ceil(CHUNK).max(1));
        if len > 64 {
            let somewhere = &bytes[len / 2..len / 2 + 16];
            assert!(
                !stored.windows(16).any(|window| window == somewhere),
                "{len}: content is seen"
            );
        }
    }
}

async fn pieces_of_any_size_make_the_same_object(store: &Arc<dyn ObjectStore>) {
    let (vault, case) = (Vault::over(store.clone()).await, case_key());
    let bytes = content(9 * 1024 * 1024 + 77, 3);
    for piece in [1 << 20, CHUNK, CHUNK - 1, 100_003] {
        let mut writer = vault.writer(&case, ObjectId::random().unwrap()).unwrap();
        for piece in bytes.chunks(piece) {
            writer.append(piece).await.unwrap();
        }
        assert_eq!(writer.len(), bytes.len() as u64);
        let object = writer.finish().await.unwrap();
        assert!(
            vault.get(&case, &object).await.unwrap() == bytes,
            "pieces of {piece}"
        );
    }
}

async fn ranges_are_read_alone(store: &Arc<dyn ObjectStore>) {
    let (vault, case) = (Vault::over(store.clone()).await, case_key());
    let len = 3 * CHUNK + 1000;
    let bytes = content(len, 4);
    let object = put(&vault, &case, &bytes).await;
    let ends = [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK + 7,
        3 * CHUNK,
        len - 1,
        len,
    ];
    for start in ends {
        for end in ends.into_iter().filter(|end| *end >= start) {
            let read = vault
                .get_range(&case, &object, start as u64..end as u64)
                .await
                .unwrap();
            assert!(read == bytes[start..end], "{start}..{end}");
        }
    }
    let past = object.len + 1;
    let backwards = std::ops::Range { start: 2, end: 1 };
    for range in [0..past, past..past, backwards, 0..u64::MAX] {
        assert!(matches!(
            vault.get_range(&case, &object, range).await,
            Err(VaultError::Range { .. })
        ));
    }
    // Damage elsewhere does not matter to a range, damage within does.
    let mut stored = raw(store, object.id).await;
    stored[HEADER + CHUNK + TAG + 5] ^= 1;
    overwrite(store, object.id, stored).await;
    let after = 2 * CHUNK as u64..len as u64;
    assert!(vault.get_range(&case, &object, after).await.unwrap() == bytes[2 * CHUNK..]);
    let within = CHUNK as u64 + 100..CHUNK as u64 + 101;
    assert_eq!(
        damage(vault.get_range(&case, &object, within).await),
        Damage::Chunk(1)
    );
}

async fn objects_are_listed_and_deleted(store: &Arc<dyn ObjectStore>) {
    let (vault, case) = (Vault::over(store.clone()).await, case_key());
    let before = listed(&vault).await;
    let object = put(&vault, &case, b"content").await;
    store.put(&Path::from("not/an-object"), "x".into()).await.unwrap();
    let mut expected = before.clone();
    expected.push(object.id);
    expected.sort();
    assert_eq!(listed(&vault).await, expected);
    vault.delete(object.id).await.unwrap();
    vault.delete(object.id).await.unwrap();
    assert_eq!(listed(&vault).await, before);
    assert!(matches!(vault.get(&case, &object).await, Err(VaultError::Missing(id)) if id == object.id));
    vault.sync().await.unwrap();
}

async fn nothing_is_seen_before_the_end(store: &Arc<dyn ObjectStore>) {
    let (vault, case) = (Vault::over(store.clone()).await, case_key());
    let before = listed(&vault).await;
    let mut writer = vault.writer(&case, ObjectId::random().unwrap()).unwrap();
    writer.append(&content(20 << 20, 5)).await.unwrap();
    assert_eq!(listed(&vault).await, before);
    drop(writer);
    assert_eq!(listed(&vault).await, before);
}

async fn another_key_opens_nothing(store: &Arc<dyn ObjectStore>) {
    let vault = Vault::over(store.clone()).await;
    let object = put(&vault, &case_key(), b"content").await;
    let result = vault.get(&case_key(), &object).await;
    assert!(matches!(result, Err(VaultError::Reference(id)) if id == object.id));
}

fn damage(result: Result<Vec<u8>, VaultError>) -> Damage {
    match result {
        Err(VaultError::Damaged { what, .. }) => what,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("damage was not found"),
    }
}

async fn every_change_is_found(store: &Arc<dyn ObjectStore>) {
    let (vault, case) = (Vault::over(store.clone()).await, case_key());
    let object = put(&vault, &case, &content(2 * CHUNK + 100, 6)).await;
    let good = raw(store, object.id).await;
    let sealed = CHUNK + TAG;
    let mut changes: Vec<(String, Vec<u8>)> = Vec::new();
    let places = (0..HEADER).chain([
        HEADER,
        HEADER + CHUNK,
        HEADER + sealed - 1,
        HEADER + sealed,
        good.len() - 1,
    ]);
    for place in places.chain((0..good.len()).step_by(100_003)) {
        let mut changed = good.clone();
        changed[place] ^= 1 << (place % 8);
        changes.push((format!("bit of byte {place} flipped"), changed));
    }
    for len in [
        0,
        1,
        HEADER,
        HEADER + sealed,
        HEADER + 2 * sealed,
        good.len() - TAG,
        good.len() - 1,
    ] {
        changes.push((format!("cut to {len}"), good[..len].to_vec()));
    }
    changes.push(("a byte more".to_owned(), [&good[..], &[0]].concat()));
    let (first, second) = (HEADER..HEADER + sealed, HEADER + sealed..HEADER + 2 * sealed);
    let swapped = [
        &good[..HEADER],
        &good[second.clone()],
        &good[first.clone()],
        &good[second.end..],
    ]
    .concat();
    changes.push(("chunks swapped".to_owned(), swapped));
    let twice = [
        &good[..HEADER],
        &good[first.clone()],
        &good[first],
        &good[second.end..],
    ]
    .concat();
    changes.push(("a chunk twice".to_owned(), twice));
    for (what, changed) in changes {
        overwrite(store, object.id, changed).await;
        let result = vault.get(&case, &object).await;
        assert!(
            matches!(result, Err(VaultError::Damaged { .. })),
            "{what}: {:?}",
            result.map(|b| b.len())
        );
    }
    overwrite(store, object.id, good).await;
    vault.get(&case, &object).await.unwrap();
}

async fn parts_of_other_objects_are_found(store: &Arc<dyn ObjectStore>) {
    let (vault, case) = (Vault::over(store.clone()).await, case_key());
    let len = 2 * CHUNK + 100;
    let object = put(&vault, &case, &content(len, 7)).await;
    let other = put(&vault, &case, &content(len, 8)).await;
    let (good, strange) = (raw(store, object.id).await, raw(store, other.id).await);
    let sealed = CHUNK + TAG;
    // A chunk of another object at its own place, a whole other object, another object behind the right header.
    let second = HEADER + sealed..HEADER + 2 * sealed;
    let spliced = [
        &good[..second.start],
        &strange[second.clone()],
        &good[second.end..],
    ]
    .concat();
    let masked = [&good[..HEADER], &strange[HEADER..]].concat();
    for (bytes, expected) in [
        (spliced, Damage::Chunk(1)),
        (strange, Damage::Header),
        (masked, Damage::Chunk(0)),
    ] {
        overwrite(store, object.id, bytes).await;
        assert_eq!(damage(vault.get(&case, &object).await), expected);
    }
    // An older version under the same name, as a restored backup would bring it.
    overwrite(store, object.id, good).await;
    let newer = vault.put(&case, object.id, &content(len, 9)).await.unwrap();
    let newer_bytes = raw(store, object.id).await;
    vault.get(&case, &newer).await.unwrap();
    assert_eq!(damage(vault.get(&case, &object).await), Damage::Chunk(0));
    // References of two objects do not mix either.
    let mut mixed = object.to_bytes();
    mixed[25..].copy_from_slice(&other.to_bytes()[25..]);
    let mixed = ObjectRef::from_bytes(&mixed).unwrap();
    overwrite(store, object.id, newer_bytes).await;
    assert!(matches!(
        vault.get(&case, &mixed).await,
        Err(VaultError::Reference(_))
    ));
}

async fn errors_leave_nothing_behind(store: &Arc<dyn ObjectStore>) {
    let (plain, case) = (Vault::over(store.clone()).await, case_key());
    let before = listed(&plain).await;
    for len in [1000, 17 << 20] {
        let bytes = content(len, 10);
        let mut failures = 0;
        let object = loop {
            let faulty = Arc::new(FaultyStore::failing_at(store.clone(), failures));
            let vault = Vault::over(faulty).await;
            match vault.put(&case, ObjectId::random().unwrap(), &bytes).await {
                Ok(object) => break object,
                Err(VaultError::Store { .. }) => failures += 1,
                Err(other) => panic!("{other:?}"),
            }
            assert_eq!(listed(&plain).await, before, "call {failures} of {len} bytes");
        };
        // One call for a small object; beginning, three parts and completion for a large one.
        assert_eq!(failures, if len == 1000 { 1 } else { 5 });
        assert!(plain.get(&case, &object).await.unwrap() == bytes);
        let vault = Vault::over(Arc::new(FaultyStore::failing_at(store.clone(), 0))).await;
        assert!(matches!(
            vault.delete(object.id).await,
            Err(VaultError::Store { .. })
        ));
        plain.delete(object.id).await.unwrap();
    }
    writers_stay_broken(store, &case).await;
}

async fn writers_stay_broken(store: &Arc<dyn ObjectStore>, case: &CaseKey) {
    let faulty = Arc::new(FaultyStore::failing_at(store.clone(), 0));
    let vault = Vault::over(faulty).await;
    let mut writer = vault.writer(case, ObjectId::random().unwrap()).unwrap();
    let part = content(9 << 20, 11);
    writer.append(&part).await.unwrap_err();
    writer.append(&part).await.unwrap_err();
    writer.finish().await.unwrap_err();
}

async fn short_reads_are_found(store: &Arc<dyn ObjectStore>) {
    let (plain, case) = (Vault::over(store.clone()).await, case_key());
    let object = put(&plain, &case, &content(3 * CHUNK, 12)).await;
    for missing in [1, TAG, CHUNK, 3 * CHUNK] {
        let vault = Vault::over(Arc::new(FaultyStore::reading_short(store.clone(), missing))).await;
        assert!(matches!(
            damage(vault.get(&case, &object).await),
            Damage::Length { .. }
        ));
        let inner = CHUNK as u64..CHUNK as u64 + 1;
        assert!(matches!(
            damage(vault.get_range(&case, &object, inner).await),
            Damage::Length { .. }
        ));
    }
    let vault = Vault::over(Arc::new(FaultyStore::failing_at(store.clone(), 0))).await;
    assert!(matches!(
        vault.get(&case, &object).await,
        Err(VaultError::Store { .. })
    ));
}
