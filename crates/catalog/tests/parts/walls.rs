//! The second wall: what PostgreSQL lets through to a transaction that stands as somebody, whatever statement it runs.

use catalog::{
    Catalog, Database, Mark, MarkId, NewAccount, NewCase, Patient, Practice, PracticeSettings, SecondWall,
};
use domain::{
    AnnotationId, CaseId, Demographics, Hold, MemberRole, PatientId, Phi, PracticeId, Timestamp, UserId,
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use testkit::proofs::{Asker, act};

use crate::support::{Place, on_both};

on_both!(each_practice_keeps_its_own, a_role_past_the_walls_is_told);

const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);
/// Tables that each practice of the test has one row of.
const ONE_EACH: [&str; 8] = [
    "practices",
    "members",
    "patients",
    "care_team",
    "cases",
    "marks",
    "mark_versions",
    "users",
];

/// What a practice of the test consists of.
#[derive(Clone, Copy)]
struct Side {
    clinician: UserId,
    practice: PracticeId,
    patient: PatientId,
    case: CaseId,
}

/// A practice with a clinician, a patient and a marked case; what the clinician does is done with proofs.
async fn side(catalog: &Catalog, number: u8) -> Side {
    let bytes = |kind: u8| [kind * 16 + number; 16];
    let side = Side {
        clinician: UserId::from_random(bytes(1)),
        practice: PracticeId::from_random(bytes(2)),
        patient: PatientId::from_random(bytes(3)),
        case: CaseId::from_random(bytes(4)),
    };
    let (user, practice) = (side.clinician, side.practice);
    let mut change = catalog.change().await.unwrap();
    let mut system = change.as_system().await.unwrap();
    let account = NewAccount {
        id: user,
        name: Phi::new("Clinician".to_owned()),
        email: Phi::new(format!("{user}@example.org")),
        password: None,
    };
    system.create_account(&account, NOW).await.unwrap();
    let made = Practice {
        id: practice,
        name: Phi::new("Practice".to_owned()),
        settings: PracticeSettings::default(),
        created: NOW,
    };
    system.create_practice(&made).await.unwrap();
    system
        .put_member(practice, user, MemberRole::Clinician, "active", NOW)
        .await
        .unwrap();
    let asker = Asker::new(user, NOW);
    let demographics: Demographics = serde_json::from_value(serde_json::json!({ "name": "Roe" })).unwrap();
    let patient = Patient {
        id: side.patient,
        practice,
        created_by: user,
        demographics,
        version: 1,
        created: NOW,
        hold: Hold::None,
        deleted: None,
    };
    let proof = asker.practice::<act::CreatePatient>(practice);
    change.create_patient(proof, &patient).await.unwrap();
    let case = NewCase {
        id: side.case,
        practice,
        patient: side.patient,
        created_by: user,
        title: Phi::new("Case".to_owned()),
        date: None,
        retain_until: None,
        created: NOW,
    };
    let proof = asker.patient::<act::CreateCase>(side.patient);
    change.create_case(proof, &case).await.unwrap();
    let mark = Mark {
        id: MarkId::Annotation(AnnotationId::from_random(bytes(5))),
        case: side.case,
        item: None,
        parent: None,
        author: user,
        version: 1,
        created: NOW,
        withdrawn: None,
        body: serde_json::json!({}),
    };
    let proof = asker.case::<act::Annotate>(side.case);
    change.add_mark(proof, &mark).await.unwrap();
    change.commit().await.unwrap();
    side
}

async fn each_practice_keeps_its_own(place: Place) {
    let catalog = place.open().await;
    let (one, other) = (side(&catalog, 1).await, side(&catalog, 2).await);
    // With the right proof of the wrong case, PostgreSQL has nothing to give.
    let proof = Asker::new(one.clinician, NOW).case::<act::SeeCase>(other.case);
    let mut db = catalog.reader().await.unwrap();
    let found = db.case(proof).await.unwrap();
    let Database::Postgres(url) = &place.database else {
        return assert!(found.is_some(), "SQLite has one wall");
    };
    assert_eq!(found, None);
    let proof = Asker::new(one.clinician, NOW).case::<act::SeeCase>(one.case);
    assert!(db.case(proof).await.unwrap().is_some());
    drop(db);

    let mut past = AnyConnection::connect(url).await.unwrap();
    let who = one.clinician.to_string();
    for table in ONE_EACH {
        let count = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(counted(&mut past, None, &count).await, 0, "{table} to nobody");
        assert_eq!(counted(&mut past, Some(""), &count).await, 0, "{table} to nobody");
        assert_eq!(
            counted(&mut past, Some(&who), &count).await,
            1,
            "{table} to its own"
        );
        assert_eq!(
            counted(&mut past, Some("system"), &count).await,
            2,
            "{table} to the system"
        );
    }
    // Of others' rows none is changed or removed, whatever is asked for.
    for statement in [
        "UPDATE patients SET hold = 1",
        "UPDATE cases SET hold = 1",
        "DELETE FROM mark_versions",
    ] {
        assert_eq!(
            changed(&mut past, &who, statement).await.unwrap(),
            1,
            "{statement}"
        );
        let as_facts = changed(&mut past, "facts", statement).await;
        assert!(as_facts.map_or(true, |rows| rows == 0), "{statement} as facts");
    }
    let (
        user,
        Side {
            practice,
            patient,
            case,
            ..
        },
    ) = (one.clinician, other);
    for statement in [
        format!("INSERT INTO members VALUES ('{practice}', '{user}', 'administrator', 'active', 0)"),
        format!("INSERT INTO care_team VALUES ('{patient}', '{user}', 0)"),
        format!("INSERT INTO patient_users VALUES ('{patient}', '{user}', '')"),
        format!("INSERT INTO spaces VALUES ('{user}', '{case}')"),
        format!(
            "INSERT INTO grants (id, case_id, user_id, level, until_ms, granted_by, created_ms) \
             VALUES ('1', '{case}', '{user}', 'see', 9000000000000, '{user}', 0)"
        ),
        format!("UPDATE cases SET patient_id = '{patient}'"),
        "UPDATE users SET operator = 1".to_owned(),
    ] {
        assert!(changed(&mut past, &who, &statement).await.is_err(), "{statement}");
    }
    assert_eq!(
        counted(&mut past, Some("facts"), "SELECT COUNT(*) FROM mark_versions").await,
        0
    );
    assert_eq!(
        counted(&mut past, Some("facts"), "SELECT COUNT(*) FROM cases").await,
        2
    );

    // Every table is behind the wall, or known to hold nothing of anybody's.
    let open = "SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
                AND NOT (relrowsecurity AND relforcerowsecurity) AND relname NOT IN ('meta', 'keys', 'ingests', \
                'objects', 'pending_objects', 'ledger', '_sqlx_migrations')";
    assert_eq!(counted(&mut past, None, open).await, 0);
}

/// A count that a transaction sees which stands as `who`.
async fn counted(past: &mut AnyConnection, who: Option<&str>, sql: &str) -> i64 {
    let mut transaction = past.begin().await.unwrap();
    if let Some(who) = who {
        stand(&mut transaction, who).await;
    }
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(&mut *transaction)
        .await
        .unwrap()
}

/// How many rows a statement changes in a transaction that stands as `who` and is not kept.
async fn changed(past: &mut AnyConnection, who: &str, sql: &str) -> Result<u64, sqlx::Error> {
    let mut transaction = past.begin().await.unwrap();
    stand(&mut transaction, who).await;
    let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(&mut *transaction)
        .await;
    done.map(|done| done.rows_affected())
}

async fn stand(connection: &mut AnyConnection, who: &str) {
    sqlx::query("SELECT set_config('vitrine.who', $1, true)")
        .bind(who)
        .execute(connection)
        .await
        .unwrap();
}

async fn a_role_past_the_walls_is_told(place: Place) {
    let wall = place.open().await.second_wall().await.unwrap();
    let Database::Postgres(url) = &place.database else {
        return assert_eq!(wall, SecondWall::NotNeeded);
    };
    assert_eq!(wall, SecondWall::Holds);
    let past = Database::Postgres(testkit::postgres::Cluster::past_walls(url));
    let catalog = Catalog::open(&past, crate::support::cipher()).await.unwrap();
    assert_eq!(catalog.second_wall().await.unwrap(), SecondWall::Bypassed);
}
