//! The conformance suite over memory, a folder, and a real S3 server.

mod conformance;
mod faults;
mod moto;

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use vault::{ObjectId, Vault};

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    conformance::conforms(Arc::new(InMemory::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::conforms(Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_conforms() {
    let Some(server) = moto::Server::start() else {
        return;
    };
    server.create_bucket("conformance");
    let bucket = AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .with_bucket_name("conformance")
        .build()
        .unwrap();
    conformance::conforms(Arc::new(bucket)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_opened_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("not/there/yet");
    let case = conformance::case_key();
    let vault = Vault::open(place.to_str().unwrap()).await.unwrap();
    let object = vault
        .put(&case, ObjectId::random().unwrap(), b"content")
        .await
        .unwrap();
    vault.sync().await.unwrap();
    let again = Vault::open(&format!("file://{}", place.display())).await.unwrap();
    assert_eq!(again.get(&case, &object).await.unwrap(), b"content");
    for place in ["http://localhost/bucket", "nonsense://x", "s3://", "gs://bucket"] {
        assert!(Vault::open(place).await.is_err(), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_leaves_in_a_folder_is_deleted_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open_folder(folder.path()).await.unwrap();
    let id = ObjectId::random().unwrap();
    let mut writer = vault.writer(&conformance::case_key(), id).unwrap();
    writer.append(&conformance::content(9 << 20, 1)).await.unwrap();
    // As if the process had ended here: nothing undoes what was written.
    std::mem::forget(writer);
    let shard = folder.path().join(&id.to_string()[..2]);
    assert_eq!(std::fs::read_dir(&shard).unwrap().count(), 1);
    vault.delete(id).await.unwrap();
    assert_eq!(std::fs::read_dir(&shard).unwrap().count(), 0);
}
