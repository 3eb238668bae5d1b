//! Random questions, thick around the borders: moments just before, at and just after now, few people, few rights.

use domain::{
    AccountState, AgreementStanding, AgreementVersion, Biometric, CareTeam, CaseId, CaseState, CommentId,
    ConnectionId, ConnectionState, Deletion, Grant, GrantRight, GuardianScope, Guardianship, Hold,
    InvitationId, ItemId, Keeping, MemberRole, NameDisclosure, Operator, OriginalId, PatientId, PatientLink,
    PracticeId, Release, ReleaseScope, Sharing, SignInStrength, Timestamp, TourId, UploadId, UserId, ViewId,
    Window,
};
use policy::{
    AccountFacts, AuthoredFacts, CaptureFacts, CaseFacts, ConnectionFacts, Destination, IntakeFacts,
    InvitationFacts, ItemFacts, Kind, OriginalFacts, PatientFacts, PracticeFacts, Resource, SpaceFacts,
    Subject, TransferFacts, UploadFacts,
};

pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.next() % from.len() as u64) as usize]
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    fn maybe<T>(&mut self, times: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.once_in(times).then(|| make(self))
    }

    fn user(&mut self) -> UserId {
        UserId::from_bytes([self.pick(&[1, 1, 2, 3]); 16])
    }

    fn moment(&mut self) -> Timestamp {
        let ms = self.pick(&[-86_400_000, -1, 0, 1, 86_400_000, i64::MAX / 2, i64::MIN / 2]);
        NOW.plus_ms(ms)
    }

    fn bytes(&mut self) -> [u8; 16] {
        [self.next() as u8; 16]
    }

    pub(crate) fn subject(&mut self) -> Subject {
        let mostly_good = !self.once_in(6);
        Subject {
            user: UserId::from_bytes([1; 16]),
            account: if mostly_good {
                AccountState::Active
            } else {
                self.pick(AccountState::ALL)
            },
            strength: if mostly_good {
                SignInStrength::Strong
            } else {
                self.pick(SignInStrength::ALL)
            },
            agreements: if mostly_good {
                AgreementStanding::Current
            } else {
                self.pick(AgreementStanding::ALL)
            },
            operator: if self.once_in(6) {
                Operator::Yes
            } else {
                Operator::No
            },
        }
    }

    fn practice(&mut self) -> PracticeFacts {
        PracticeFacts {
            practice: PracticeId::from_bytes(self.bytes()),
            role: self.maybe(2, |r| r.pick(MemberRole::ALL)),
            emergency: self.maybe(4, Self::window),
        }
    }

    fn window(&mut self) -> Window {
        Window {
            from: self.moment(),
            until: self.moment(),
        }
    }

    fn deletion(&mut self) -> Option<Deletion> {
        self.maybe(8, |r| Deletion {
            at: r.moment(),
            undo_until: r.moment(),
        })
    }

    fn keeping(&mut self) -> Keeping {
        Keeping {
            hold: if self.once_in(6) { Hold::Placed } else { Hold::None },
            retain_until: self.maybe(4, Self::moment),
        }
    }

    fn patient(&mut self) -> PatientFacts {
        PatientFacts {
            patient: PatientId::from_bytes(self.bytes()),
            practice: self.practice(),
            creator: self.user(),
            care_team: self.pick(CareTeam::ALL),
            link: self.maybe(3, |r| {
                if r.once_in(2) {
                    PatientLink::Own
                } else {
                    PatientLink::Guardian(Guardianship {
                        scope: r.pick(GuardianScope::ALL),
                        window: Window {
                            from: NOW.plus_ms(r.pick(&[-1_000, -1, 0, 1])),
                            until: NOW.plus_ms(r.pick(&[0, 1, 1_000])),
                        },
                        majority: NOW.plus_ms(r.pick(&[0, 1, 1_000, 1_000])),
                    })
                }
            }),
            comes_of_age: self.maybe(2, Self::moment),
            deletion: self.deletion(),
            keeping: self.keeping(),
        }
    }

    fn case(&mut self) -> CaseFacts {
        CaseFacts {
            case: CaseId::from_bytes(self.bytes()),
            patient: self.patient(),
            state: self.pick(&[CaseState::Open, CaseState::Open, CaseState::Closed]),
            sharing: self.pick(Sharing::ALL),
            names: self.pick(NameDisclosure::ALL),
            grant: self.maybe(2, |r| Grant {
                right: r.pick(GrantRight::ALL),
                until: NOW.plus_ms(r.pick(&[-1, 0, 1, 1_000, 1_000])),
                revoked: r.maybe(4, Self::moment),
            }),
            deletion: self.deletion(),
            keeping: self.keeping(),
        }
    }

    fn item(&mut self) -> ItemFacts {
        ItemFacts {
            item: ItemId::from_bytes(self.bytes()),
            case: self.case(),
            uploader: self.user(),
            deletion: self.deletion(),
            keeping: self.keeping(),
        }
    }

    fn authored<I>(&mut self, id: fn([u8; 16]) -> I) -> AuthoredFacts<I> {
        AuthoredFacts {
            id: id(self.bytes()),
            case: self.case(),
            author: self.user(),
        }
    }

    fn intake(&mut self) -> IntakeFacts {
        IntakeFacts {
            into: match self.next() % 4 {
                0 => Destination::Profile(self.patient()),
                1 => Destination::Space(SpaceFacts { owner: self.user() }),
                _ => Destination::Case(self.case()),
            },
            biometric: self.pick(Biometric::ALL),
            release: self.maybe(2, |r| Release {
                version: AgreementVersion(1),
                scope: ReleaseScope::Treatment,
                signed: NOW.plus_ms(r.pick(&[-1_000, -1, 0, 1])),
                withdrawn: r.maybe(2, Self::moment),
            }),
        }
    }

    fn capture(&mut self) -> CaptureFacts {
        CaptureFacts {
            item: ItemId::from_bytes(self.bytes()),
            owner: self.user(),
            uploader: self.user(),
            deletion: self.deletion(),
            keeping: self.keeping(),
        }
    }

    fn connection(&mut self) -> ConnectionFacts {
        ConnectionFacts {
            connection: ConnectionId::from_bytes(self.bytes()),
            patient: self.user(),
            doctor: self.user(),
            state: self.pick(ConnectionState::ALL),
        }
    }

    pub(crate) fn resource(&mut self, kind: Kind) -> Resource {
        match kind {
            Kind::Account => Resource::Account(AccountFacts { owner: self.user() }),
            Kind::Invitation => Resource::Invitation(InvitationFacts {
                invitation: InvitationId::from_bytes(self.bytes()),
                addressee: self.user(),
                until: self.moment(),
            }),
            Kind::Practice => Resource::Practice(self.practice()),
            Kind::Patient => Resource::Patient(self.patient()),
            Kind::Case => Resource::Case(self.case()),
            Kind::Item => Resource::Item(self.item()),
            Kind::Original => Resource::Original(OriginalFacts {
                original: OriginalId::from_bytes(self.bytes()),
                item: self.item(),
                uploader: self.user(),
            }),
            Kind::Annotation => Resource::Annotation(self.authored(domain::AnnotationId::from_bytes)),
            Kind::Comment => Resource::Comment(self.authored(CommentId::from_bytes)),
            Kind::View => Resource::View(self.authored(ViewId::from_bytes)),
            Kind::Tour => Resource::Tour(self.authored(TourId::from_bytes)),
            Kind::Intake => Resource::Intake(self.intake()),
            Kind::Upload => Resource::Upload(UploadFacts {
                upload: UploadId::from_bytes(self.bytes()),
                creator: self.user(),
                intake: self.intake(),
            }),
            Kind::Space => Resource::Space(SpaceFacts { owner: self.user() }),
            Kind::Capture => Resource::Capture(self.capture()),
            Kind::Transfer => Resource::Transfer(TransferFacts {
                capture: self.capture(),
                connection: self.maybe(2, Self::connection),
            }),
            Kind::Connection => Resource::Connection(self.connection()),
        }
    }
}
