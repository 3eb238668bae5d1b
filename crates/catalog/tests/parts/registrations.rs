//! Items laid onto others: proposals, what is kept, what goes with an item.

use catalog::{CatalogError, Due, NewAccount, Registration};
use domain::{CaseId, Deletion, Fit, IngestId, ItemId, Phi, RegistrationId, Timestamp, UserId};
use policy::Authorized;
use testkit::proofs::{Asker, act};

use crate::support::{Place, on_both};
use crate::{begun, bytes, item};

on_both!(
    registrations_are_proposed_kept_and_withdrawn,
    registrations_go_with_their_items,
);

const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);

fn user(number: u32) -> UserId {
    UserId::from_random(bytes(11, number))
}

fn id(number: u32) -> ItemId {
    ItemId::from_random(bytes(5, number))
}

fn registration(number: u32, author: UserId) -> Registration {
    Registration {
        id: RegistrationId::from_random(bytes(12, number)),
        item: id(1),
        onto: id(2),
        author,
        created: NOW.plus_ms(i64::from(number)),
        kept: None,
        withdrawn: None,
        fit: Fit {
            onto_from_item: std::array::from_fn(|i| 0.1 + i as f64 / 3.0),
            surface: "surface".to_owned(),
            onto_surface: "skin".to_owned(),
            residual_mm: 0.25,
            percentile_95_mm: 0.5,
            agreeing: 0.75,
            firmness: 0.125,
            landmarks_mm: Some(1.5),
            landmarks: vec![[[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]; 3],
        },
    }
}

fn edit(user: UserId) -> Authorized<act::EditItem> {
    Asker::new(user, NOW).item(id(1))
}

/// Two items, and two people who may see and lay them. The second wall is the matrix' to try.
async fn scene(place: &Place) -> catalog::Catalog {
    let database = match &place.database {
        catalog::Database::Postgres(url) => {
            catalog::Database::Postgres(testkit::postgres::Cluster::past_walls(url))
        }
        file => file.clone(),
    };
    drop(begun(place).await);
    let catalog = catalog::Catalog::open(&database, crate::support::cipher())
        .await
        .unwrap();
    for number in [1, 2] {
        let new = item(number, number * 10..number * 10 + 2);
        catalog.system().commit_item(&new).await.unwrap();
        let mut change = catalog.change().await.unwrap();
        let account = NewAccount {
            id: user(number),
            name: Phi::new("Clinician".to_owned()),
            email: Phi::new(format!("{number}@example.org")),
            password: None,
        };
        let mut system = change.as_system().await.unwrap();
        system.create_account(&account, NOW).await.unwrap();
        change.commit().await.unwrap();
    }
    catalog
}

async fn registrations_are_proposed_kept_and_withdrawn(place: Place) {
    let catalog = scene(&place).await;
    let (one, two) = (registration(1, user(1)), registration(2, user(2)));
    let seen = async |who: UserId| {
        let mut db = catalog.reader().await.unwrap();
        let case = Asker::new(who, NOW).case::<act::SeeCase>(CaseId::from_random(bytes(2, 0)));
        db.registrations_of(case).await.unwrap()
    };
    let history = async |who: UserId| {
        let mut db = catalog.reader().await.unwrap();
        let proof = Asker::new(who, NOW).item::<act::SeeItem>(id(1));
        db.registrations_of_item(proof).await.unwrap().len()
    };
    let mut change = catalog.change().await.unwrap();
    change.propose_registration(edit(user(1)), &one).await.unwrap();
    change.propose_registration(edit(user(2)), &two).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(seen(user(1)).await, std::slice::from_ref(&one));
    assert_eq!(seen(user(2)).await, std::slice::from_ref(&two));
    let mut change = catalog.change().await.unwrap();
    assert!(
        !change
            .keep_registration(edit(user(1)), two.id, NOW)
            .await
            .unwrap()
    );
    assert!(
        change
            .keep_registration(edit(user(1)), one.id, NOW)
            .await
            .unwrap()
    );
    assert!(
        !change
            .keep_registration(edit(user(1)), one.id, NOW)
            .await
            .unwrap()
    );
    change.commit().await.unwrap();
    let kept = Registration {
        kept: Some(NOW),
        ..one.clone()
    };
    assert_eq!(seen(user(1)).await, std::slice::from_ref(&kept));
    assert_eq!(seen(user(2)).await, [kept, two.clone()]);
    // What is kept goes before, and stays in the history.
    let mut change = catalog.change().await.unwrap();
    assert!(
        change
            .keep_registration(edit(user(2)), two.id, NOW)
            .await
            .unwrap()
    );
    change.commit().await.unwrap();
    assert_eq!(seen(user(1)).await.len(), 1);
    assert_eq!(seen(user(1)).await[0].id, two.id);
    assert_eq!(history(user(1)).await, 2);
    // A proposal takes the place of the one before.
    let mut change = catalog.change().await.unwrap();
    for number in [3, 4] {
        let next = registration(number, user(1));
        change.propose_registration(edit(user(1)), &next).await.unwrap();
    }
    let stranger = Asker::new(user(1), NOW).item::<act::EditItem>(id(9));
    let refused = change
        .propose_registration(stranger, &registration(5, user(1)))
        .await;
    assert!(matches!(refused, Err(CatalogError::NoItem(_))), "{refused:?}");
    let third = registration(3, user(1)).id;
    assert!(
        !change
            .withdraw_registration(edit(user(1)), third, NOW)
            .await
            .unwrap()
    );
    let fourth = registration(4, user(1)).id;
    assert!(
        !change
            .withdraw_registration(edit(user(2)), fourth, NOW)
            .await
            .unwrap()
    );
    assert!(
        change
            .withdraw_registration(edit(user(1)), fourth, NOW)
            .await
            .unwrap()
    );
    assert!(
        change
            .withdraw_registration(edit(user(1)), two.id, NOW)
            .await
            .unwrap()
    );
    change.commit().await.unwrap();
    assert_eq!(seen(user(1)).await, []);
    assert_eq!((history(user(1)).await, history(user(2)).await), (4, 2));
}

async fn registrations_go_with_their_items(place: Place) {
    let catalog = scene(&place).await;
    let mut change = catalog.change().await.unwrap();
    let one = registration(1, user(1));
    change.propose_registration(edit(user(1)), &one).await.unwrap();
    let gone = Asker::new(user(1), NOW).item::<act::DeleteItem>(id(2));
    let deletion = Deletion {
        at: NOW,
        undo_until: NOW,
    };
    change.mark_item_deleted(gone, Some(deletion)).await.unwrap();
    let mut system = change.as_system().await.unwrap();
    let run = IngestId::from_random(bytes(3, 0));
    system.destroy(Due::Item(id(2)), run).await.unwrap();
    change.commit().await.unwrap();
    let mut db = catalog.reader().await.unwrap();
    let proof = Asker::new(user(1), NOW).item::<act::SeeItem>(id(1));
    assert_eq!(db.registrations_of_item(proof).await.unwrap(), []);
}
