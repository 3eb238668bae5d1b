//! The columns of the matrix as accounts of the server.

use domain::{
    Grant, GrantRight, GuardianScope, Guardianship, MemberRole, PatientLink, SignInStrength, Timestamp,
    UserId, Window,
};

use super::world::World;

const HOUR: i64 = 3_600_000;

/// A person of the matrix. Those who run the server are left out: it has no route for them.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) user: UserId,
    pub(crate) cookie: String,
    pub(crate) strength: SignInStrength,
    pub(crate) account: Account,
    pub(crate) standing: Standing,
}

/// How a person stands to the practice, the patient and the case.
#[derive(Clone, Copy)]
pub(crate) enum Standing {
    /// Works in the practice, in the patient's care team or not.
    Member(MemberRole, Team),
    /// Worked there.
    Former,
    /// Has nothing to do with it.
    Stranger,
    /// Has a grant on the case.
    Grant(Grant),
    /// Is the patient or a guardian; of a minor or not.
    Link(PatientLink, Age),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Team {
    Inside,
    Outside,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Minor,
    Adult,
}

/// What is unusual about an account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    Usual,
    Pending,
    Unverified,
    Deactivated,
}

pub(crate) fn people(world: &World) -> Vec<Person> {
    use MemberRole::{Administrator, Clinician, Staff};
    use SignInStrength::{Single, Strong, WaivedForDemo};
    use Team::{Inside, Outside};
    let now = world.now();
    let clinician = Standing::Member(Clinician, Inside);
    let grant = |right, until: Timestamp, revoked| {
        Standing::Grant(Grant {
            right,
            until,
            revoked,
        })
    };
    let (later, earlier) = (now.plus_ms(24 * HOUR), now.plus_ms(-HOUR));
    let guardian = |scope, until, majority, age| {
        let window = Window {
            from: now.plus_ms(-2 * HOUR),
            until,
        };
        Standing::Link(
            PatientLink::Guardian(Guardianship {
                scope,
                window,
                majority,
            }),
            age,
        )
    };
    let contribute = GrantRight::Contribute;
    let usual = [
        ("administrator", Standing::Member(Administrator, Inside)),
        ("administrator outside", Standing::Member(Administrator, Outside)),
        ("clinician", clinician),
        ("clinician outside", Standing::Member(Clinician, Outside)),
        ("staff", Standing::Member(Staff, Inside)),
        ("staff outside", Standing::Member(Staff, Outside)),
        ("former member", Standing::Former),
        ("stranger", Standing::Stranger),
        ("collaborator: see", grant(GrantRight::See, later, None)),
        ("collaborator: annotate", grant(GrantRight::Annotate, later, None)),
        ("collaborator: contribute", grant(contribute, later, None)),
        ("collaborator: expired", grant(contribute, earlier, None)),
        ("collaborator: revoked", grant(contribute, later, Some(earlier))),
        ("patient", Standing::Link(PatientLink::Own, Age::Adult)),
        ("minor patient", Standing::Link(PatientLink::Own, Age::Minor)),
        (
            "guardian: look",
            guardian(GuardianScope::Look, later, later, Age::Minor),
        ),
        (
            "guardian: act",
            guardian(GuardianScope::Act, later, later, Age::Minor),
        ),
        (
            "guardian: past dates",
            guardian(GuardianScope::Act, earlier, later, Age::Minor),
        ),
        (
            "guardian: past majority",
            guardian(GuardianScope::Act, later, earlier, Age::Adult),
        ),
    ];
    let unusual = [
        ("clinician: agreement pending", Strong, Account::Pending),
        ("clinician: one factor", Single, Account::Usual),
        ("clinician: demo", WaivedForDemo, Account::Usual),
        ("clinician: unverified", Strong, Account::Unverified),
        ("clinician: deactivated", Strong, Account::Deactivated),
    ];
    usual
        .into_iter()
        .map(|(name, standing)| world.person(name, standing, Strong, Account::Usual))
        .chain(unusual.map(|(name, strength, account)| world.person(name, clinician, strength, account)))
        .collect()
}
