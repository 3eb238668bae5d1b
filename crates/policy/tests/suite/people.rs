//! The people and the states of the matrix.

use domain::{
    AccountState, AgreementStanding, AgreementVersion, AnnotationId, Biometric, CareTeam, CaseId, CaseState,
    CommentId, ConnectionId, ConnectionState, Deletion, Grant, GrantRight, GuardianScope, Guardianship, Hold,
    InvitationId, ItemId, Keeping, MemberRole, NameDisclosure, Operator, OriginalId, PatientId, PatientLink,
    PracticeId, Release, ReleaseScope, Sharing, SignInStrength, Timestamp, TourId, UploadId, UserId, ViewId,
    Window,
};
use policy::{
    AccountFacts, AuthoredFacts, CaptureFacts, CaseFacts, ConnectionFacts, Destination, IntakeFacts,
    InvitationFacts, ItemFacts, Kind, OriginalFacts, PatientFacts, PracticeFacts, Resource, SpaceFacts,
    Subject, TransferFacts, UploadFacts,
};

use crate::random::NOW;

const ME: UserId = UserId::from_bytes([1; 16]);
const SOMEBODY: UserId = UserId::from_bytes([2; 16]);
const HOUR: i64 = 3_600_000;

/// A user, and how they stand to the practice, the patient and the case of the matrix.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) subject: Subject,
    role: Option<MemberRole>,
    care_team: CareTeam,
    link: Option<PatientLink>,
    comes_of_age: Option<Timestamp>,
    grant: Option<Grant>,
    emergency: Option<Window>,
}

fn person(name: &'static str) -> Person {
    Person {
        name,
        subject: Subject {
            user: ME,
            account: AccountState::Active,
            strength: SignInStrength::Strong,
            agreements: AgreementStanding::Current,
            operator: Operator::No,
        },
        role: None,
        care_team: CareTeam::Outside,
        link: None,
        comes_of_age: None,
        grant: None,
        emergency: None,
    }
}

fn member(name: &'static str, role: MemberRole, care_team: CareTeam) -> Person {
    Person {
        role: Some(role),
        care_team,
        ..person(name)
    }
}

fn collaborator(name: &'static str, right: GrantRight) -> Person {
    Person {
        grant: Some(Grant {
            right,
            until: NOW.plus_ms(HOUR),
            revoked: None,
        }),
        ..person(name)
    }
}

fn guardian(name: &'static str, scope: GuardianScope, until: Timestamp, majority: Timestamp) -> Person {
    Person {
        link: Some(PatientLink::Guardian(Guardianship {
            scope,
            window: Window {
                from: NOW.plus_ms(-HOUR),
                until,
            },
            majority,
        })),
        comes_of_age: Some(majority),
        ..person(name)
    }
}

/// The columns of the matrix.
pub(crate) fn people() -> Vec<Person> {
    use CareTeam::{Member, Outside};
    use MemberRole::{Administrator, Clinician, Staff};
    let later = NOW.plus_ms(HOUR);
    let earlier = NOW.plus_ms(-1);
    let clinician = |name| member(name, Clinician, Member);
    let with_subject = |name, subject: fn(&mut Subject)| {
        let mut person = clinician(name);
        subject(&mut person.subject);
        person
    };
    let contributor = collaborator("collaborator: contribute", GrantRight::Contribute);
    let operator = |name, emergency| Person {
        subject: Subject {
            operator: Operator::Yes,
            ..person(name).subject
        },
        emergency,
        ..person(name)
    };
    vec![
        member("administrator", Administrator, Member),
        member("administrator outside", Administrator, Outside),
        clinician("clinician"),
        member("clinician outside", Clinician, Outside),
        member("staff", Staff, Member),
        member("staff outside", Staff, Outside),
        Person {
            role: None,
            ..clinician("former member")
        },
        person("stranger"),
        collaborator("collaborator: see", GrantRight::See),
        collaborator("collaborator: annotate", GrantRight::Annotate),
        contributor,
        Person {
            name: "collaborator: expired",
            grant: contributor.grant.map(|grant| Grant { until: NOW, ..grant }),
            ..contributor
        },
        Person {
            name: "collaborator: revoked",
            grant: contributor.grant.map(|grant| Grant {
                revoked: Some(earlier),
                ..grant
            }),
            ..contributor
        },
        Person {
            link: Some(PatientLink::Own),
            comes_of_age: Some(NOW),
            ..person("patient")
        },
        Person {
            link: Some(PatientLink::Own),
            comes_of_age: Some(later),
            ..person("minor patient")
        },
        guardian("guardian: look", GuardianScope::Look, later, later),
        guardian("guardian: act", GuardianScope::Act, later, later),
        guardian("guardian: past dates", GuardianScope::Act, NOW, later),
        guardian("guardian: past majority", GuardianScope::Act, later, NOW),
        operator("operator", None),
        operator(
            "operator in emergency",
            Some(Window {
                from: NOW,
                until: later,
            }),
        ),
        with_subject("clinician: agreement pending", |s| {
            s.agreements = AgreementStanding::Pending;
        }),
        with_subject("clinician: one factor", |s| s.strength = SignInStrength::Single),
        with_subject("clinician: demo", |s| s.strength = SignInStrength::WaivedForDemo),
        with_subject("clinician: unverified", |s| s.account = AccountState::Unverified),
        with_subject("clinician: deactivated", |s| {
            s.account = AccountState::Deactivated;
        }),
    ]
}

/// A state of a thing, in words, and the thing as this person meets it.
pub(crate) type State = (String, Box<dyn Fn(&Person) -> Resource>);

const UNDOABLE: Deletion = Deletion {
    at: NOW,
    undo_until: Timestamp::from_ms(NOW.ms() + 1),
};
const DESTROYED: Deletion = Deletion {
    at: NOW,
    undo_until: NOW,
};
const HELD: Keeping = Keeping {
    hold: Hold::Placed,
    retain_until: None,
};
const RETAINED: Keeping = Keeping {
    hold: Hold::None,
    retain_until: Some(Timestamp::from_ms(NOW.ms() + 1)),
};

fn practice(person: &Person) -> PracticeFacts {
    PracticeFacts {
        practice: PracticeId::from_bytes([1; 16]),
        role: person.role,
        emergency: person.emergency,
    }
}

fn patient(person: &Person, creator: UserId) -> PatientFacts {
    PatientFacts {
        patient: PatientId::from_bytes([1; 16]),
        practice: practice(person),
        creator,
        care_team: person.care_team,
        link: person.link,
        comes_of_age: person.comes_of_age,
        deletion: None,
        keeping: Keeping::FREE,
    }
}

fn case(person: &Person) -> CaseFacts {
    CaseFacts {
        case: CaseId::from_bytes([1; 16]),
        patient: patient(person, SOMEBODY),
        state: CaseState::Open,
        sharing: Sharing::WithPatient,
        names: NameDisclosure::Withheld,
        grant: person.grant,
        deletion: None,
        keeping: Keeping::FREE,
    }
}

type Change<T> = (&'static str, fn(&mut T));

const CASE_STATES: &[Change<CaseFacts>] = &[
    ("shared", |_| {}),
    ("private", |case| case.sharing = Sharing::Private),
    ("closed", |case| case.state = CaseState::Closed),
    ("names shown", |case| case.names = NameDisclosure::Shown),
    ("held", |case| case.keeping = HELD),
    ("retained", |case| case.keeping = RETAINED),
    ("patient held", |case| case.patient.keeping = HELD),
    ("deleted", |case| case.deletion = Some(UNDOABLE)),
    ("past undo", |case| case.deletion = Some(DESTROYED)),
    ("patient deleted", |case| case.patient.deletion = Some(UNDOABLE)),
];

const CONTENT_STATES: &[Change<CaseFacts>] = &[
    ("case shared", |_| {}),
    ("case private", |case| case.sharing = Sharing::Private),
    ("case closed", |case| case.state = CaseState::Closed),
    ("case held", |case| case.keeping = HELD),
    ("case deleted", |case| case.deletion = Some(UNDOABLE)),
    ("case past undo", |case| case.deletion = Some(DESTROYED)),
];

const OWNERS: &[(&str, UserId)] = &[("own", ME), ("another's", SOMEBODY)];

/// The states in which a kind of thing is asked about.
pub(crate) fn states(kind: Kind) -> Vec<State> {
    match kind {
        Kind::Account => owned(|owner| Resource::Account(AccountFacts { owner })),
        Kind::Space => owned(|owner| Resource::Space(SpaceFacts { owner })),
        Kind::Invitation => invitations(),
        Kind::Practice => vec![state("", |person| Resource::Practice(practice(person)))],
        Kind::Patient => patients(),
        Kind::Case => CASE_STATES
            .iter()
            .map(|&(name, change)| {
                state(name, move |person| {
                    let mut case = case(person);
                    change(&mut case);
                    Resource::Case(case)
                })
            })
            .collect(),
        Kind::Item => items(),
        Kind::Original => content(|case, uploader| {
            Resource::Original(OriginalFacts {
                original: OriginalId::from_bytes([1; 16]),
                item: item(case, SOMEBODY),
                uploader,
            })
        }),
        Kind::Annotation => content(|case, author| {
            Resource::Annotation(authored(AnnotationId::from_bytes([1; 16]), case, author))
        }),
        Kind::Comment => {
            content(|case, author| Resource::Comment(authored(CommentId::from_bytes([1; 16]), case, author)))
        }
        Kind::View => {
            content(|case, author| Resource::View(authored(ViewId::from_bytes([1; 16]), case, author)))
        }
        Kind::Tour => {
            content(|case, author| Resource::Tour(authored(TourId::from_bytes([1; 16]), case, author)))
        }
        Kind::Intake => intakes()
            .into_iter()
            .map(|(name, intake)| state(&name, move |person| Resource::Intake(intake(person))))
            .collect(),
        Kind::Upload => intakes()
            .into_iter()
            .flat_map(|(name, intake)| {
                OWNERS.iter().map(move |&(whose, creator)| {
                    let intake = intake.clone();
                    state(&format!("{whose}, {name}"), move |person| {
                        Resource::Upload(UploadFacts {
                            upload: UploadId::from_bytes([1; 16]),
                            creator,
                            intake: intake(person),
                        })
                    })
                })
            })
            .collect(),
        Kind::Capture => captures(),
        Kind::Transfer => transfers(),
        Kind::Connection => connections(),
    }
}

fn state(name: &str, make: impl Fn(&Person) -> Resource + 'static) -> State {
    (name.to_owned(), Box::new(make))
}

fn owned(make: fn(UserId) -> Resource) -> Vec<State> {
    OWNERS
        .iter()
        .map(|&(whose, owner)| state(whose, move |_| make(owner)))
        .collect()
}

fn invitations() -> Vec<State> {
    [
        ("own", ME, NOW.plus_ms(1)),
        ("own, expired", ME, NOW),
        ("another's", SOMEBODY, NOW.plus_ms(1)),
    ]
    .map(|(name, addressee, until)| {
        state(name, move |_| {
            Resource::Invitation(InvitationFacts {
                invitation: InvitationId::from_bytes([1; 16]),
                addressee,
                until,
            })
        })
    })
    .into()
}

fn patients() -> Vec<State> {
    let changes: [Change<PatientFacts>; 6] = [
        ("", |_| {}),
        ("created by oneself", |patient| patient.creator = ME),
        ("held", |patient| patient.keeping = HELD),
        ("retained", |patient| patient.keeping = RETAINED),
        ("deleted", |patient| patient.deletion = Some(UNDOABLE)),
        ("past undo", |patient| patient.deletion = Some(DESTROYED)),
    ];
    changes
        .map(|(name, change)| {
            state(name, move |person| {
                let mut patient = patient(person, SOMEBODY);
                change(&mut patient);
                Resource::Patient(patient)
            })
        })
        .into()
}

fn item(case: CaseFacts, uploader: UserId) -> ItemFacts {
    ItemFacts {
        item: ItemId::from_bytes([1; 16]),
        case,
        uploader,
        deletion: None,
        keeping: Keeping::FREE,
    }
}

fn items() -> Vec<State> {
    let mut all = content(|case, uploader| Resource::Item(item(case, uploader)));
    let changes: [Change<ItemFacts>; 4] = [
        ("held", |item| item.keeping = HELD),
        ("retained", |item| item.keeping = RETAINED),
        ("deleted", |item| item.deletion = Some(UNDOABLE)),
        ("past undo", |item| item.deletion = Some(DESTROYED)),
    ];
    for &(whose, uploader) in OWNERS {
        all.extend(changes.map(|(name, change)| {
            state(&format!("{whose}, {name}"), move |person| {
                let mut item = item(case(person), uploader);
                change(&mut item);
                Resource::Item(item)
            })
        }));
    }
    all
}

fn authored<I>(id: I, case: CaseFacts, author: UserId) -> AuthoredFacts<I> {
    AuthoredFacts { id, case, author }
}

fn content(make: fn(CaseFacts, UserId) -> Resource) -> Vec<State> {
    OWNERS
        .iter()
        .flat_map(|&(whose, owner)| {
            CONTENT_STATES.iter().map(move |&(name, change)| {
                state(&format!("{whose}, {name}"), move |person| {
                    let mut case = case(person);
                    change(&mut case);
                    make(case, owner)
                })
            })
        })
        .collect()
}

type Place = (&'static str, fn(&Person) -> Destination);
type MakeIntake = std::rc::Rc<dyn Fn(&Person) -> IntakeFacts>;

fn intakes() -> Vec<(String, MakeIntake)> {
    let destinations: [Place; 6] = [
        ("into a case", |person| Destination::Case(case(person))),
        ("into a closed case", |person| {
            Destination::Case(CaseFacts {
                state: CaseState::Closed,
                ..case(person)
            })
        }),
        ("into a deleted case", |person| {
            Destination::Case(CaseFacts {
                deletion: Some(UNDOABLE),
                ..case(person)
            })
        }),
        ("into a profile", |person| {
            Destination::Profile(patient(person, SOMEBODY))
        }),
        ("into one's own space", |_| {
            Destination::Space(SpaceFacts { owner: ME })
        }),
        ("into another's space", |_| {
            Destination::Space(SpaceFacts { owner: SOMEBODY })
        }),
    ];
    let signed = Release {
        version: AgreementVersion(1),
        scope: ReleaseScope::Treatment,
        signed: NOW,
        withdrawn: None,
    };
    let withdrawn = Release {
        withdrawn: Some(NOW),
        ..signed
    };
    let contents = [
        ("", Biometric::No, None),
        (", face, release signed", Biometric::FaceOrHead, Some(signed)),
        (", face, no release", Biometric::FaceOrHead, None),
        (
            ", face, release withdrawn",
            Biometric::FaceOrHead,
            Some(withdrawn),
        ),
    ];
    let mut all: Vec<(String, MakeIntake)> = Vec::new();
    for (place, into) in destinations {
        for (what, biometric, release) in contents {
            let make = move |person: &Person| IntakeFacts {
                into: into(person),
                biometric,
                release,
            };
            all.push((format!("{place}{what}"), std::rc::Rc::new(make)));
        }
    }
    all
}

fn capture(owner: UserId, uploader: UserId) -> CaptureFacts {
    CaptureFacts {
        item: ItemId::from_bytes([1; 16]),
        owner,
        uploader,
        deletion: None,
        keeping: Keeping::FREE,
    }
}

fn captures() -> Vec<State> {
    let own = capture(ME, ME);
    [
        ("own", own),
        ("own, from somebody", capture(ME, SOMEBODY)),
        ("another's, from oneself", capture(SOMEBODY, ME)),
        ("another's", capture(SOMEBODY, SOMEBODY)),
        ("own, held", CaptureFacts { keeping: HELD, ..own }),
        (
            "own, retained",
            CaptureFacts {
                keeping: RETAINED,
                ..own
            },
        ),
        (
            "own, deleted",
            CaptureFacts {
                deletion: Some(UNDOABLE),
                ..own
            },
        ),
        (
            "own, past undo",
            CaptureFacts {
                deletion: Some(DESTROYED),
                ..own
            },
        ),
    ]
    .map(|(name, capture)| state(name, move |_| Resource::Capture(capture)))
    .into()
}

fn connection(patient: UserId, doctor: UserId, state: ConnectionState) -> ConnectionFacts {
    ConnectionFacts {
        connection: ConnectionId::from_bytes([1; 16]),
        patient,
        doctor,
        state,
    }
}

fn connections() -> Vec<State> {
    let parties = [
        ("as its patient", ME, SOMEBODY),
        ("as its doctor", SOMEBODY, ME),
        ("of others", SOMEBODY, UserId::from_bytes([3; 16])),
    ];
    parties
        .iter()
        .flat_map(|&(who, patient, doctor)| {
            ConnectionState::ALL.iter().map(move |&how| {
                state(&format!("{who}, {}", how.word()), move |_| {
                    Resource::Connection(connection(patient, doctor, how))
                })
            })
        })
        .collect()
}

fn transfers() -> Vec<State> {
    let mut all = Vec::new();
    for &(whose, owner) in OWNERS {
        let bare = TransferFacts {
            capture: capture(owner, owner),
            connection: None,
        };
        all.push(state(&format!("{whose}, no connection"), move |_| {
            Resource::Transfer(bare)
        }));
        for (who, patient, doctor) in [("as the patient", ME, SOMEBODY), ("as the doctor", SOMEBODY, ME)] {
            for &how in ConnectionState::ALL {
                let transfer = TransferFacts {
                    connection: Some(connection(patient, doctor, how)),
                    ..bare
                };
                all.push(state(&format!("{whose}, {who}, {}", how.word()), move |_| {
                    Resource::Transfer(transfer)
                }));
            }
        }
    }
    all
}
