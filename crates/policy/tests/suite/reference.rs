//! Section 3 of the design once more, by hand, in plain Rust, from its table and not from the policies: which
//! capacities a user has toward a thing, and which of them an action needs.

use domain::{
    AccountState, AgreementStanding, Biometric, CareTeam, CaseState, ConnectionState, Deletion, GrantRight,
    GuardianScope, Hold, Keeping, MemberRole, NameDisclosure, Operator, PatientLink, Sharing, SignInStrength,
    Timestamp,
};
use policy::{
    Action, CaptureFacts, CaseFacts, Destination, IntakeFacts, ItemFacts, PatientFacts, Resource, Subject,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    Refused,
    NoSuchThing,
}

/// What a user is toward a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Capacity {
    /// It is the user's own: account, space, capture, invitation; the profile.
    Own,
    /// The profile is the user's own and the user is of age.
    OwnOfAge,
    Member,
    Administrator,
    /// Of the care team.
    Team,
    /// Of the care team, as a clinician or an administrator.
    Decider,
    /// Created the profile, and still is of its care team.
    Creator,
    GuardianLooking,
    GuardianActing,
    /// The patient or a guardian, of a case that is shared.
    Shared,
    Sees,
    Annotates,
    Contributes,
    SeesName,
    Emergency,
    Operator,
    /// Wrote it, and may still write such.
    Author,
    /// Uploaded it, and still may see it.
    Uploader,
    /// Started the upload.
    Starter,
    /// Started the upload, and may still start one there.
    Continues,
    PatientOfConnection,
    DoctorOfConnection,
    /// Would hand on over a live connection that the user is the patient of.
    Transfers,
    /// Would hand on over a live connection that the user is the doctor of.
    Gives,
    /// Nobody.
    InTime,
}

use Capacity as C;

pub(crate) fn answer(action: Action, subject: &Subject, thing: &Resource, now: Timestamp) -> Answer {
    let capacities = capacities(subject, thing, now);
    let has = |any: &[Capacity]| any.iter().any(|one| capacities.contains(one));
    let (deletions, keepings) = record_of(thing);
    let usable = subject.account == AccountState::Active
        && subject.agreements == AgreementStanding::Current
        && subject.strength != SignInStrength::Single;
    let first_steps = [
        Action::SeeSignIn,
        Action::SignOut,
        Action::AcceptAgreement,
        Action::EnrollFactor,
    ];
    let gate = match subject.account {
        AccountState::Deactivated => false,
        _ => usable || first_steps.contains(&action),
    };
    let undo = [
        Action::UndoDeleteProfile,
        Action::UndoDeleteCase,
        Action::UndoDeleteItem,
        Action::UndoDeleteCapture,
    ];
    let state_allows = if undo.contains(&action) {
        matches!(deletions.as_slice(), [Some(own), above @ ..]
            if now < own.undo_until && above.iter().all(Option::is_none))
    } else {
        deletions.iter().all(Option::is_none)
    };
    let kept = keepings
        .iter()
        .any(|k| k.hold == Hold::Placed || k.retain_until.is_some_and(|until| now.ms() < until.ms()));
    let deletes = [
        Action::DeleteProfile,
        Action::DeleteCase,
        Action::DeleteItem,
        Action::DeleteCapture,
    ];
    let is_kept = kept && deletes.contains(&action);
    let is_frozen = is_closed(thing) && changes_content(action);
    let special = !is_kept && !is_frozen && release_suffices(action, thing, now);
    if gate && state_allows && special && has(needed(action)) {
        return Answer::Yes;
    }
    if subject.account != AccountState::Deactivated && knows(thing, &capacities, &deletions, now) {
        Answer::Refused
    } else {
        Answer::NoSuchThing
    }
}

/// Any of these is enough.
fn needed(action: Action) -> &'static [Capacity] {
    use Action as A;
    match action {
        A::SeeSignIn
        | A::SignOut
        | A::AcceptAgreement
        | A::EnrollFactor
        | A::ReadAccount
        | A::EditAccount
        | A::CloseAccount
        | A::RemoveFactor
        | A::ChooseMarketing
        | A::ListSignIns
        | A::EndSignIn
        | A::ListCases
        | A::ListConnections
        | A::CreatePractice
        | A::ListCaptures
        | A::LookAtCapture
        | A::FileCapture
        | A::DeleteCapture
        | A::UndoDeleteCapture => &[C::Own],
        A::AcceptInvitation => &[C::InTime],
        A::RenderCapture | A::DownloadCapture | A::RenderLocally | A::DownloadOriginal => &[C::Uploader],

        A::SeePractice | A::ListMembers | A::ListPatients | A::SearchCases | A::CreatePatient => &[C::Member],
        A::EditPractice
        | A::InviteMember
        | A::ChangeMember
        | A::RemoveMember
        | A::ListCareTeams
        | A::SetRetention
        | A::ReadAudit
        | A::ExportAudit
        | A::PlaceHold
        | A::LiftHold
        | A::PlaceCaseHold
        | A::LiftCaseHold
        | A::AccountForDisclosures => &[C::Administrator],
        A::OpenEmergencyAccess => &[C::Operator],
        A::EndEmergencyAccess => &[C::Operator, C::Administrator],

        A::ReadProfile | A::ListPatientCases | A::ReadReleases => &[C::Team, C::Own, C::GuardianLooking],
        A::EditProfile | A::CreateCase => &[C::Team],
        A::ReadCareTeam => &[C::Team, C::Administrator],
        A::ChangeCareTeam => &[C::Creator, C::Administrator],
        A::InvitePatient
        | A::InviteGuardian
        | A::EndPatientLink
        | A::AnswerAmendment
        | A::AnswerCopyRequest
        | A::DeleteProfile
        | A::UndoDeleteProfile => &[C::Decider],
        A::WhoLooked => &[C::Own, C::GuardianLooking],
        A::RequestAmendment | A::RequestCopy | A::WithdrawRelease | A::StartConnection => {
            &[C::Own, C::GuardianActing]
        }
        A::SignRelease => &[C::OwnOfAge, C::GuardianActing],

        A::SeeCase | A::SeeItem | A::LookAtItem => &[C::Team, C::Sees, C::Shared, C::Emergency],
        A::SeePatientName => &[C::Team, C::SeesName, C::Shared],
        A::SeeAnnotations => &[C::Team, C::Sees, C::Shared],
        A::ReadAnnotationHistory => &[C::Team, C::Sees],
        A::EditCase | A::EditItem | A::ReadGrants => &[C::Team],
        A::CloseCase
        | A::ReopenCase
        | A::ShareWithPatient
        | A::StopSharing
        | A::InviteCollaborator
        | A::ChangeGrant
        | A::RevokeGrant
        | A::DeleteCase
        | A::UndoDeleteCase
        | A::DeleteItem
        | A::UndoDeleteItem => &[C::Decider],
        A::Annotate | A::Comment | A::SaveView | A::SaveTour => &[C::Team, C::Annotates],
        A::AmendAnnotation | A::AmendComment | A::AmendView | A::AmendTour => &[C::Author],
        A::WithdrawAnnotation | A::WithdrawComment | A::DeleteView | A::DeleteTour => {
            &[C::Author, C::Decider]
        }

        A::StartUpload => &[C::Contributes],
        A::ContinueUpload | A::RetryIngest => &[C::Continues],
        A::SeeUpload | A::AbandonUpload => &[C::Starter],
        A::TransferCapture => &[C::Transfers],
        A::GiveCapture => &[C::Gives],
        A::SeeConnection | A::EndConnection => &[C::PatientOfConnection, C::DoctorOfConnection],
        A::AnswerConnection => &[C::DoctorOfConnection],
    }
}

fn knows(thing: &Resource, capacities: &[Capacity], deletions: &[Option<Deletion>], now: Timestamp) -> bool {
    let has = |any: &[Capacity]| any.iter().any(|one| capacities.contains(one));
    let gone = deletions
        .iter()
        .flatten()
        .any(|deletion| !deletion.is_undoable(now));
    let deleted = deletions.iter().any(Option::is_some);
    let may_undo = match thing {
        Resource::Capture(_) | Resource::Transfer(_) => has(&[C::Own]),
        _ => has(&[C::Decider]),
    };
    if gone || (deleted && !may_undo) {
        return false;
    }
    match thing {
        Resource::Account(_)
        | Resource::Invitation(_)
        | Resource::Space(_)
        | Resource::Capture(_)
        | Resource::Transfer(_) => has(&[C::Own]),
        Resource::Practice(_) => has(&[C::Member, C::Operator]),
        Resource::Patient(_) => has(&[C::Team, C::Administrator, C::Own, C::GuardianLooking]),
        Resource::Connection(_) => has(&[C::PatientOfConnection, C::DoctorOfConnection]),
        Resource::Upload(_) => has(&[C::Starter, C::Own]),
        Resource::Intake(intake) => match intake.into {
            Destination::Space(_) => has(&[C::Own]),
            Destination::Profile(_) => has(&[C::Team, C::Administrator]),
            Destination::Case(_) => has(&[C::Team, C::Administrator, C::Sees, C::Shared, C::Emergency]),
        },
        _ => has(&[C::Team, C::Administrator, C::Sees, C::Shared, C::Emergency]),
    }
}

fn capacities(subject: &Subject, thing: &Resource, now: Timestamp) -> Vec<Capacity> {
    let me = subject.user;
    let mut all = Vec::new();
    let mut add = |condition: bool, capacity: Capacity| {
        if condition {
            all.push(capacity);
        }
    };
    add(subject.operator == Operator::Yes, C::Operator);
    match thing {
        Resource::Account(account) => add(account.owner == me, C::Own),
        Resource::Space(space) => add(space.owner == me, C::Own),
        Resource::Invitation(invitation) => {
            add(invitation.addressee == me, C::Own);
            add(invitation.addressee == me && now < invitation.until, C::InTime);
        }
        Resource::Practice(practice) => {
            add(practice.role.is_some(), C::Member);
            add(practice.role == Some(MemberRole::Administrator), C::Administrator);
        }
        Resource::Patient(patient) => {
            all.extend(toward_patient(subject, patient, now));
            if matches!(patient.link, Some(PatientLink::Own)) {
                all.push(C::Own);
            }
        }
        Resource::Case(case) => all.extend(toward_case(subject, case, now)),
        Resource::Item(ItemFacts { case, uploader, .. }) => {
            all.extend(toward_case(subject, case, now));
            if *uploader == me && sees(&all) {
                all.push(C::Uploader);
            }
        }
        Resource::Original(original) => {
            all.extend(toward_case(subject, &original.item.case, now));
            if original.uploader == me && sees(&all) {
                all.push(C::Uploader);
            }
        }
        Resource::Annotation(mark) => all.extend(authored(subject, &mark.case, mark.author == me, now)),
        Resource::Comment(mark) => all.extend(authored(subject, &mark.case, mark.author == me, now)),
        Resource::View(mark) => all.extend(authored(subject, &mark.case, mark.author == me, now)),
        Resource::Tour(mark) => all.extend(authored(subject, &mark.case, mark.author == me, now)),
        Resource::Intake(intake) => all.extend(toward_intake(subject, intake, now)),
        Resource::Upload(upload) => {
            let there = toward_intake(subject, &upload.intake, now);
            if upload.creator == me {
                all.push(C::Starter);
                if there.contains(&C::Contributes) {
                    all.push(C::Continues);
                }
            }
            all.extend(there.into_iter().filter(|c| matches!(c, C::Own | C::Decider)));
        }
        Resource::Capture(capture) => {
            add(capture.owner == me, C::Own);
            add(capture.owner == me && capture.uploader == me, C::Uploader);
        }
        Resource::Transfer(transfer) => {
            let owns = transfer.capture.owner == me;
            add(owns, C::Own);
            if let Some(connection) = transfer.connection {
                let live = owns && connection.state == ConnectionState::Active;
                add(live && connection.patient == me, C::Transfers);
                add(live && connection.doctor == me, C::Gives);
            }
        }
        Resource::Connection(connection) => {
            add(connection.patient == me, C::PatientOfConnection);
            add(connection.doctor == me, C::DoctorOfConnection);
        }
    }
    all
}

fn sees(capacities: &[Capacity]) -> bool {
    [C::Team, C::Sees, C::Shared]
        .iter()
        .any(|c| capacities.contains(c))
}

/// Without [`Capacity::Own`]: a case is not the patient's own as a profile is.
fn toward_patient(subject: &Subject, patient: &PatientFacts, now: Timestamp) -> Vec<Capacity> {
    let mut all = Vec::new();
    if let Some(role) = patient.practice.role {
        all.push(C::Member);
        if role == MemberRole::Administrator {
            all.push(C::Administrator);
        }
        if patient.care_team == CareTeam::Member {
            all.push(C::Team);
            if role != MemberRole::Staff {
                all.push(C::Decider);
            }
            if patient.creator == subject.user {
                all.push(C::Creator);
            }
        }
    }
    match patient.link {
        Some(PatientLink::Own) if patient.comes_of_age.is_none_or(|moment| now >= moment) => {
            all.push(C::OwnOfAge);
        }
        Some(PatientLink::Guardian(guardian)) if guardian.is_live(now) => {
            all.push(C::GuardianLooking);
            if guardian.scope == GuardianScope::Act {
                all.push(C::GuardianActing);
            }
        }
        _ => {}
    }
    all
}

fn toward_case(subject: &Subject, case: &CaseFacts, now: Timestamp) -> Vec<Capacity> {
    let mut all = toward_patient(subject, &case.patient, now);
    let acts_for_patient =
        all.contains(&C::GuardianLooking) || matches!(case.patient.link, Some(PatientLink::Own));
    if acts_for_patient && case.sharing == Sharing::WithPatient {
        all.push(C::Shared);
    }
    if let Some(grant) = case.grant.filter(|grant| grant.is_live(now)) {
        all.push(C::Sees);
        if case.names == NameDisclosure::Shown {
            all.push(C::SeesName);
        }
        if grant.right >= GrantRight::Annotate {
            all.push(C::Annotates);
        }
    }
    let emergency = case.patient.practice.emergency;
    if subject.operator == Operator::Yes && emergency.is_some_and(|window| window.contains(now)) {
        all.push(C::Emergency);
    }
    all
}

fn authored(subject: &Subject, case: &CaseFacts, is_mine: bool, now: Timestamp) -> Vec<Capacity> {
    let mut all = toward_case(subject, case, now);
    if is_mine && (all.contains(&C::Team) || all.contains(&C::Annotates)) {
        all.push(C::Author);
    }
    all
}

fn toward_intake(subject: &Subject, intake: &IntakeFacts, now: Timestamp) -> Vec<Capacity> {
    let (mut all, contributes) = match &intake.into {
        Destination::Case(case) => {
            let all = toward_case(subject, case, now);
            let granted = case
                .grant
                .is_some_and(|grant| grant.is_live(now) && grant.right == GrantRight::Contribute);
            let contributes = granted || all.contains(&C::Team);
            (all, contributes)
        }
        Destination::Profile(patient) => {
            let all = toward_patient(subject, patient, now);
            let contributes = all.contains(&C::Team);
            (all, contributes)
        }
        Destination::Space(space) if space.owner == subject.user => (vec![C::Own], true),
        Destination::Space(_) => (Vec::new(), false),
    };
    if contributes {
        all.push(C::Contributes);
    }
    all
}

/// Deletions of the thing (first) and of what contains it; what keeps it.
fn record_of(thing: &Resource) -> (Vec<Option<Deletion>>, Vec<Keeping>) {
    let case_of = |case: &CaseFacts| {
        (
            vec![None, case.deletion, case.patient.deletion],
            vec![case.keeping, case.patient.keeping],
        )
    };
    let intake_of = |intake: &IntakeFacts| match &intake.into {
        Destination::Case(case) => case_of(case),
        Destination::Profile(patient) => (vec![None, patient.deletion], vec![]),
        Destination::Space(_) => (vec![], vec![]),
    };
    match thing {
        Resource::Patient(patient) => (vec![patient.deletion], vec![patient.keeping]),
        Resource::Case(case) => (
            vec![case.deletion, case.patient.deletion],
            vec![case.keeping, case.patient.keeping],
        ),
        Resource::Item(item) => (
            vec![item.deletion, item.case.deletion, item.case.patient.deletion],
            vec![item.keeping, item.case.keeping, item.case.patient.keeping],
        ),
        Resource::Original(original) => {
            let (mut deletions, keepings) = case_of(&original.item.case);
            deletions.push(original.item.deletion);
            (deletions, keepings)
        }
        Resource::Annotation(mark) => case_of(&mark.case),
        Resource::Comment(mark) => case_of(&mark.case),
        Resource::View(mark) => case_of(&mark.case),
        Resource::Tour(mark) => case_of(&mark.case),
        Resource::Intake(intake) => intake_of(intake),
        Resource::Upload(upload) => intake_of(&upload.intake),
        Resource::Capture(CaptureFacts {
            deletion, keeping, ..
        }) => (vec![*deletion], vec![*keeping]),
        Resource::Transfer(transfer) => (vec![None, transfer.capture.deletion], vec![]),
        _ => (vec![], vec![]),
    }
}

fn is_closed(thing: &Resource) -> bool {
    let case = match thing {
        Resource::Case(case) => case,
        Resource::Item(item) => &item.case,
        Resource::Original(original) => &original.item.case,
        Resource::Annotation(mark) => &mark.case,
        Resource::Comment(mark) => &mark.case,
        Resource::View(mark) => &mark.case,
        Resource::Tour(mark) => &mark.case,
        Resource::Intake(IntakeFacts {
            into: Destination::Case(case),
            ..
        }) => case,
        Resource::Upload(upload) => match &upload.intake.into {
            Destination::Case(case) => case,
            _ => return false,
        },
        _ => return false,
    };
    case.state == CaseState::Closed
}

fn changes_content(action: Action) -> bool {
    use Action as A;
    matches!(
        action,
        A::EditCase
            | A::EditItem
            | A::RetryIngest
            | A::StartUpload
            | A::ContinueUpload
            | A::Annotate
            | A::AmendAnnotation
            | A::WithdrawAnnotation
            | A::Comment
            | A::AmendComment
            | A::WithdrawComment
            | A::SaveView
            | A::AmendView
            | A::DeleteView
            | A::SaveTour
            | A::AmendTour
            | A::DeleteTour
    )
}

fn release_suffices(action: Action, thing: &Resource, now: Timestamp) -> bool {
    let intake = match (action, thing) {
        (Action::StartUpload, Resource::Intake(intake)) => intake,
        (Action::ContinueUpload | Action::RetryIngest, Resource::Upload(upload)) => &upload.intake,
        _ => return true,
    };
    intake.biometric == Biometric::No || intake.release.is_some_and(|release| release.is_live(now))
}
