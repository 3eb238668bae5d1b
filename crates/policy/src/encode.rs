//! Facts in the words of the policies (`assets/policy/vitrine.cedarschema`).

use std::collections::HashMap;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use domain::{
    Biometric, CareTeam, CaseState, Deletion, Grant, Guardianship, Hold, Keeping, MemberRole, NameDisclosure,
    Operator, PatientLink, Release, Sharing, Timestamp, UserId, Window,
};

use crate::facts::{
    AccountFacts, AuthoredFacts, CaptureFacts, CaseFacts, ConnectionFacts, Destination, IntakeFacts,
    InvitationFacts, ItemFacts, OriginalFacts, PatientFacts, PracticeFacts, SpaceFacts, Subject,
    TransferFacts, UploadFacts,
};

/// Facts that can be said in the words of the policies. Only this crate can implement it.
pub trait Encode {
    /// Says them.
    fn encode(&self, out: &mut Encoder);
}

/// Collects what is said about a thing, and about how the subject stands to it.
#[derive(Debug)]
pub struct Encoder {
    user_type: EntityTypeName,
    attributes: HashMap<String, RestrictedExpression>,
    standing: Standing,
    deleted: Option<Timestamp>,
    container_deleted: Option<Timestamp>,
    moments: Vec<Timestamp>,
}

#[derive(Debug, Default)]
struct Standing {
    role: Option<MemberRole>,
    is_in_care_team: bool,
    owns_profile: bool,
    guardian: Option<Guardianship>,
    grant: Option<Grant>,
    emergency: Option<Window>,
}

impl Encoder {
    pub(crate) fn new(user_type: EntityTypeName) -> Self {
        Self {
            user_type,
            attributes: HashMap::with_capacity(8),
            standing: Standing::default(),
            deleted: None,
            container_deleted: None,
            moments: Vec::new(),
        }
    }

    /// The span around `now` in which the answer cannot change. The policies compare `now` with moments of the facts
    /// and with nothing else, so that it runs from the latest of those that have come to the earliest that has not.
    pub(crate) fn validity(&self, now: Timestamp) -> Window {
        let moments = || self.moments.iter().copied();
        Window {
            from: moments()
                .filter(|moment| *moment <= now)
                .max()
                .unwrap_or(Timestamp::from_ms(i64::MIN)),
            until: moments()
                .filter(|moment| now < *moment)
                .min()
                .unwrap_or(Timestamp::from_ms(i64::MAX)),
        }
    }

    /// Attributes of the thing.
    pub(crate) fn take_attributes(&mut self) -> HashMap<String, RestrictedExpression> {
        let deletions = [
            ("deleted", self.deleted),
            ("container_deleted", self.container_deleted),
        ];
        for (name, moment) in deletions {
            if let Some(moment) = moment {
                self.long(name, moment);
            }
        }
        std::mem::take(&mut self.attributes)
    }

    /// How the subject stands to the thing, as the pairs of the context.
    pub(crate) fn context(&mut self, now: Timestamp) -> Vec<(String, RestrictedExpression)> {
        let standing = std::mem::take(&mut self.standing);
        let mut pairs = vec![
            ("now".to_owned(), RestrictedExpression::new_long(now.ms())),
            (
                "role".to_owned(),
                word(standing.role.map_or("none", MemberRole::word)),
            ),
            ("care_team".to_owned(), flag(standing.is_in_care_team)),
            ("own".to_owned(), flag(standing.owns_profile)),
        ];
        if let Some(guardian) = standing.guardian {
            let fields = [
                ("scope", word(guardian.scope.word())),
                ("from", self.moment(guardian.window.from)),
                ("until", self.moment(guardian.window.until)),
                ("majority", self.moment(guardian.majority)),
            ];
            pairs.extend(record(fields).map(|value| ("guardian".to_owned(), value)));
        }
        if let Some(grant) = standing.grant {
            let fields = [
                ("right", word(grant.right.word())),
                ("until", self.moment(grant.until)),
                ("revoked", flag(grant.revoked.is_some())),
            ];
            pairs.extend(record(fields).map(|value| ("grant".to_owned(), value)));
        }
        if let Some(window) = standing.emergency {
            let fields = [
                ("from", self.moment(window.from)),
                ("until", self.moment(window.until)),
            ];
            pairs.extend(record(fields).map(|value| ("emergency".to_owned(), value)));
        }
        pairs
    }

    fn set(&mut self, name: &str, value: RestrictedExpression) {
        self.attributes.insert(name.to_owned(), value);
    }

    fn user(&mut self, name: &str, user: UserId) {
        let value = RestrictedExpression::new_entity_uid(user_uid(&self.user_type, user));
        self.set(name, value);
    }

    /// A moment of the facts. Every one passes here.
    fn moment(&mut self, moment: Timestamp) -> RestrictedExpression {
        self.moments.push(moment);
        RestrictedExpression::new_long(moment.ms())
    }

    fn long(&mut self, name: &str, moment: Timestamp) {
        let value = self.moment(moment);
        self.set(name, value);
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.set(name, flag(value));
    }

    /// What keeps the thing, of its own and of what contains it: any hold, and the latest retention date.
    fn keeping(&mut self, keepings: &[Keeping]) {
        self.flag(
            "held",
            keepings.iter().any(|keeping| keeping.hold == Hold::Placed),
        );
        if let Some(until) = keepings.iter().filter_map(|keeping| keeping.retain_until).max() {
            self.long("retain_until", until);
        }
    }

    fn deleted(&mut self, deletion: Option<Deletion>) {
        self.deleted = deletion.map(|deletion| deletion.undo_until);
    }

    /// Something that contains the thing was deleted: what ends first counts.
    fn within_deleted(&mut self, deletion: Option<Deletion>) {
        let moment = deletion.map(|deletion| deletion.undo_until);
        self.container_deleted = self.container_deleted.into_iter().chain(moment).min();
    }

    fn in_practice(&mut self, practice: &PracticeFacts) {
        self.standing.role = practice.role;
        self.standing.emergency = practice.emergency;
    }

    fn of_patient(&mut self, patient: &PatientFacts) {
        self.in_practice(&patient.practice);
        self.standing.is_in_care_team = patient.care_team == CareTeam::Member;
        match patient.link {
            Some(PatientLink::Own) => self.standing.owns_profile = true,
            Some(PatientLink::Guardian(guardian)) => self.standing.guardian = Some(guardian),
            None => {}
        }
    }

    /// What every thing in a case says of the case.
    fn in_case(&mut self, case: &CaseFacts) {
        self.of_patient(&case.patient);
        self.standing.grant = case.grant;
        self.flag("closed", case.state == CaseState::Closed);
        self.flag("shared", case.sharing == Sharing::WithPatient);
        self.within_deleted(case.patient.deletion);
    }

    fn release(&mut self, release: Release) {
        let withdrawn = release.withdrawn.map(|moment| ("withdrawn", self.moment(moment)));
        let fields = [("signed", self.moment(release.signed))]
            .into_iter()
            .chain(withdrawn);
        if let Some(value) = record(fields) {
            self.set("release", value);
        }
    }
}

/// The four things to know about the subject.
pub(crate) fn subject_attributes(subject: &Subject) -> HashMap<String, RestrictedExpression> {
    HashMap::from([
        ("account".to_owned(), word(subject.account.word())),
        ("strength".to_owned(), word(subject.strength.word())),
        ("agreements".to_owned(), word(subject.agreements.word())),
        ("operator".to_owned(), flag(subject.operator == Operator::Yes)),
    ])
}

/// The name of a user in the policies.
pub(crate) fn user_uid(user_type: &EntityTypeName, user: UserId) -> EntityUid {
    EntityUid::from_type_name_and_id(user_type.clone(), EntityId::new(user.to_string()))
}

fn word(word: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(word.to_owned())
}

fn flag(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

/// `None` only where a name stands twice, which nothing here does.
fn record(
    fields: impl IntoIterator<Item = (&'static str, RestrictedExpression)>,
) -> Option<RestrictedExpression> {
    RestrictedExpression::new_record(fields.into_iter().map(|(name, value)| (name.to_owned(), value))).ok()
}

impl Encode for AccountFacts {
    fn encode(&self, out: &mut Encoder) {
        out.user("owner", self.owner);
    }
}

impl Encode for InvitationFacts {
    fn encode(&self, out: &mut Encoder) {
        out.user("addressee", self.addressee);
        out.long("until", self.until);
    }
}

impl Encode for PracticeFacts {
    fn encode(&self, out: &mut Encoder) {
        out.in_practice(self);
    }
}

impl Encode for PatientFacts {
    fn encode(&self, out: &mut Encoder) {
        out.of_patient(self);
        out.user("creator", self.creator);
        if let Some(moment) = self.comes_of_age {
            out.long("comes_of_age", moment);
        }
        out.keeping(&[self.keeping]);
        out.deleted(self.deletion);
    }
}

impl Encode for CaseFacts {
    fn encode(&self, out: &mut Encoder) {
        out.in_case(self);
        out.flag("names_shown", self.names == NameDisclosure::Shown);
        out.keeping(&[self.keeping, self.patient.keeping]);
        out.deleted(self.deletion);
    }
}

impl Encode for ItemFacts {
    fn encode(&self, out: &mut Encoder) {
        out.in_case(&self.case);
        out.user("uploader", self.uploader);
        out.keeping(&[self.keeping, self.case.keeping, self.case.patient.keeping]);
        out.deleted(self.deletion);
        out.within_deleted(self.case.deletion);
    }
}

impl Encode for OriginalFacts {
    fn encode(&self, out: &mut Encoder) {
        out.in_case(&self.item.case);
        out.user("uploader", self.uploader);
        out.within_deleted(self.item.case.deletion);
        out.within_deleted(self.item.deletion);
    }
}

impl<I> Encode for AuthoredFacts<I> {
    fn encode(&self, out: &mut Encoder) {
        out.in_case(&self.case);
        out.user("author", self.author);
        out.within_deleted(self.case.deletion);
    }
}

impl Encode for IntakeFacts {
    fn encode(&self, out: &mut Encoder) {
        let into = match &self.into {
            Destination::Case(case) => {
                out.in_case(case);
                out.within_deleted(case.deletion);
                "case"
            }
            Destination::Profile(patient) => {
                out.of_patient(patient);
                out.within_deleted(patient.deletion);
                "profile"
            }
            Destination::Space(space) => {
                out.user("owner", space.owner);
                "space"
            }
        };
        if !matches!(self.into, Destination::Case(_)) {
            out.flag("closed", false);
            out.flag("shared", false);
        }
        out.set("into", word(into));
        out.flag("biometric", self.biometric == Biometric::FaceOrHead);
        if let Some(release) = self.release {
            out.release(release);
        }
    }
}

impl Encode for UploadFacts {
    fn encode(&self, out: &mut Encoder) {
        self.intake.encode(out);
        out.user("creator", self.creator);
    }
}

impl Encode for SpaceFacts {
    fn encode(&self, out: &mut Encoder) {
        out.user("owner", self.owner);
    }
}

impl Encode for CaptureFacts {
    fn encode(&self, out: &mut Encoder) {
        out.user("owner", self.owner);
        out.user("uploader", self.uploader);
        out.keeping(&[self.keeping]);
        out.deleted(self.deletion);
    }
}

impl Encode for TransferFacts {
    fn encode(&self, out: &mut Encoder) {
        out.user("owner", self.capture.owner);
        out.within_deleted(self.capture.deletion);
        if let Some(connection) = self.connection {
            let [patient, doctor] = [connection.patient, connection.doctor]
                .map(|user| RestrictedExpression::new_entity_uid(user_uid(&out.user_type, user)));
            let fields = [
                ("patient", patient),
                ("doctor", doctor),
                ("state", word(connection.state.word())),
            ];
            if let Some(value) = record(fields) {
                out.set("connection", value);
            }
        }
    }
}

impl Encode for ConnectionFacts {
    fn encode(&self, out: &mut Encoder) {
        out.user("patient", self.patient);
        out.user("doctor", self.doctor);
        out.set("state", word(self.state.word()));
    }
}
