//! Proofs for tests that put a catalog into a state by hand: each was given by the policy, asked about facts under which
//! the answer is yes.

use domain::{
    AccountState, AgreementStanding, Biometric, CareTeam, CaseId, CaseState, ConnectionId, ConnectionState,
    ItemId, Keeping, MemberRole, NameDisclosure, Operator, PatientId, PatientLink, PracticeId, Sharing,
    SignInStrength, Timestamp, UploadSetId, UserId,
};
pub use policy::act;
use policy::{
    AccountFacts, Act, AuthoredFacts, Authorized, CaseFacts, ConnectionFacts, Destination, Facts,
    IntakeFacts, ItemFacts, PatientFacts, PracticeFacts, SpaceFacts, Subject, UploadFacts,
};

/// Somebody who stands to everything as the policy wants it.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    subject: Subject,
    now: Timestamp,
}

impl Asker {
    /// Of this account, at this moment.
    pub fn new(user: UserId, now: Timestamp) -> Self {
        let subject = Subject {
            user,
            account: AccountState::Active,
            strength: SignInStrength::Strong,
            agreements: AgreementStanding::Current,
            operator: Operator::Yes,
        };
        Self { subject, now }
    }

    /// # Panics
    /// Where the policy says no.
    fn ask<A: Act>(&self, on: &A::On) -> Authorized<A> {
        match policy::decide::<A>(&self.subject, on, self.now).into_result() {
            Ok(proof) => proof,
            Err(denial) => panic!("{} is {denial}", A::ACTION),
        }
    }

    /// On one's own account.
    pub fn account<A: Act<On = AccountFacts>>(&self) -> Authorized<A> {
        let owner = self.subject.user;
        self.ask(&AccountFacts { owner })
    }

    /// On a practice, as an administrator and operator.
    pub fn practice<A: Act<On = PracticeFacts>>(&self, practice: PracticeId) -> Authorized<A> {
        self.ask(&practice_facts(practice))
    }

    /// On a profile, as its creator, of the care team, an administrator and the patient at once.
    pub fn patient<A: Act<On = PatientFacts>>(&self, patient: PatientId) -> Authorized<A> {
        self.ask(&self.patient_facts(patient))
    }

    /// On an open case of such a profile.
    pub fn case<A: Act<On = CaseFacts>>(&self, case: CaseId) -> Authorized<A> {
        self.ask(&self.case_facts(case))
    }

    /// On an item that one uploaded to such a case.
    pub fn item<A: Act<On = ItemFacts>>(&self, item: ItemId) -> Authorized<A> {
        self.ask(&ItemFacts {
            item,
            case: self.case_facts(CaseId::from_bytes(*item.as_bytes())),
            uploader: self.subject.user,
            deletion: None,
            keeping: Keeping::FREE,
        })
    }

    /// On something that one wrote in such a case.
    pub fn written<A: Act<On = AuthoredFacts<I>>, I>(&self, id: I) -> Authorized<A>
    where
        AuthoredFacts<I>: Facts,
    {
        self.ask(&AuthoredFacts {
            id,
            case: self.case_facts(CaseId::from_bytes([0; 16])),
            author: self.subject.user,
        })
    }

    /// To start an upload into such a case.
    pub fn intake(&self, case: CaseId) -> Authorized<act::StartUpload> {
        self.ask(&intake(Destination::Case(self.case_facts(case))))
    }

    /// To start an upload into one's own space.
    pub fn intake_of_space(&self) -> Authorized<act::StartUpload> {
        let owner = self.subject.user;
        self.ask(&intake(Destination::Space(SpaceFacts { owner })))
    }

    /// On a set of uploads of one's own.
    pub fn upload<A: Act<On = UploadFacts>>(&self, set: UploadSetId) -> Authorized<A> {
        self.ask(&UploadFacts {
            upload: domain::UploadId::from_bytes(*set.as_bytes()),
            creator: self.subject.user,
            intake: intake(Destination::Case(self.case_facts(CaseId::from_bytes([0; 16])))),
        })
    }

    /// On a connection that one was asked for as a doctor.
    pub fn connection<A: Act<On = ConnectionFacts>>(&self, connection: ConnectionId) -> Authorized<A> {
        self.ask(&ConnectionFacts {
            connection,
            patient: UserId::from_bytes([0; 16]),
            doctor: self.subject.user,
            state: ConnectionState::Asked,
        })
    }

    fn patient_facts(&self, patient: PatientId) -> PatientFacts {
        PatientFacts {
            patient,
            practice: practice_facts(PracticeId::from_bytes([0; 16])),
            creator: self.subject.user,
            care_team: CareTeam::Member,
            link: Some(PatientLink::Own),
            comes_of_age: None,
            deletion: None,
            keeping: Keeping::FREE,
        }
    }

    fn case_facts(&self, case: CaseId) -> CaseFacts {
        CaseFacts {
            case,
            patient: self.patient_facts(PatientId::from_bytes([0; 16])),
            state: CaseState::Open,
            sharing: Sharing::WithPatient,
            names: NameDisclosure::Shown,
            grant: None,
            deletion: None,
            keeping: Keeping::FREE,
        }
    }
}

fn practice_facts(practice: PracticeId) -> PracticeFacts {
    PracticeFacts {
        practice,
        role: Some(MemberRole::Administrator),
        emergency: None,
    }
}

fn intake(into: Destination) -> IntakeFacts {
    IntakeFacts {
        into,
        biometric: Biometric::No,
        release: None,
    }
}
