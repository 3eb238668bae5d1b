//! How long an answer takes: `cargo bench -p policy`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use domain::{
    AccountState, AgreementStanding, CareTeam, CaseId, CaseState, Grant, GrantRight, ItemId, Keeping,
    MemberRole, NameDisclosure, Operator, PatientId, PracticeId, Sharing, SignInStrength, Timestamp, UserId,
};
use policy::{CaseFacts, ItemFacts, PatientFacts, PracticeFacts, Subject, act, decide};

const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);

fn item(role: Option<MemberRole>, care_team: CareTeam, grant: Option<Grant>) -> ItemFacts {
    ItemFacts {
        item: ItemId::from_bytes([1; 16]),
        case: CaseFacts {
            case: CaseId::from_bytes([2; 16]),
            patient: PatientFacts {
                patient: PatientId::from_bytes([3; 16]),
                practice: PracticeFacts {
                    practice: PracticeId::from_bytes([4; 16]),
                    role,
                    emergency: None,
                },
                creator: UserId::from_bytes([5; 16]),
                care_team,
                link: None,
                comes_of_age: None,
                deletion: None,
                keeping: Keeping::FREE,
            },
            state: CaseState::Open,
            sharing: Sharing::Private,
            names: NameDisclosure::Withheld,
            grant,
            deletion: None,
            keeping: Keeping::FREE,
        },
        uploader: UserId::from_bytes([6; 16]),
        deletion: None,
        keeping: Keeping::FREE,
    }
}

fn benches(c: &mut Criterion) {
    let subject = Subject {
        user: UserId::from_bytes([7; 16]),
        account: AccountState::Active,
        strength: SignInStrength::Strong,
        agreements: AgreementStanding::Current,
        operator: Operator::No,
    };
    let grant = Grant {
        right: GrantRight::See,
        until: NOW.plus_ms(1),
        revoked: None,
    };
    let cases = [
        (
            "clinician looks",
            item(Some(MemberRole::Clinician), CareTeam::Member, None),
        ),
        ("collaborator looks", item(None, CareTeam::Outside, Some(grant))),
        ("stranger is refused", item(None, CareTeam::Outside, None)),
    ];
    for (name, item) in cases {
        c.bench_function(name, |b| {
            b.iter(|| decide::<act::LookAtItem>(black_box(&subject), black_box(&item), NOW));
        });
    }
}

criterion_group!(all, benches);
criterion_main!(all);
