//! The Cedar policies, read once, and one question put to them.
//!
//! For each action the policies whose scope covers it are kept apart: the others cannot apply, and a frame of a stream
//! asks often. A policy that fails to evaluate would be left out by Cedar, a `forbid` as well; here any such failure
//! is a refusal.

use std::collections::HashMap;
use std::sync::LazyLock;

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision as Answer, Effect, Entities, Entity, EntityId,
    EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, Request,
};
use domain::{Timestamp, Window};

use crate::action::Action;
use crate::decide::{Denial, Existence, Reason, Verdict};
use crate::encode::{Encoder, subject_attributes, user_uid};
use crate::error::PolicyError;
use crate::facts::{Kind, Resource, Subject};

macro_rules! asset {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../assets/policy/", $name)))
    };
}

/// The files of `assets/policy/`.
pub(crate) const FILES: &[(&str, &str)] = &[
    asset!("00_gates.cedar"),
    asset!("10_accounts.cedar"),
    asset!("20_practices.cedar"),
    asset!("30_patients.cedar"),
    asset!("40_cases.cedar"),
    asset!("50_originals.cedar"),
    asset!("60_uploads.cedar"),
    asset!("70_captures.cedar"),
    asset!("80_connections.cedar"),
    asset!("90_states.cedar"),
    asset!("99_know.cedar"),
];

/// The action that asks whether a thing's existence may be known. No user asks for it.
const KNOW: &str = "Know";

pub(crate) static ENGINE: LazyLock<Result<Engine, PolicyError>> = LazyLock::new(|| Engine::read(FILES));

pub(crate) struct Engine {
    authorizer: Authorizer,
    user_type: EntityTypeName,
    /// By kind.
    resources: HashMap<Kind, EntityUid>,
    /// By the place of the action in [`Action::ALL`].
    slices: Vec<Slice>,
    know: Slice,
    reasons: HashMap<PolicyId, Reason>,
}

/// One action, and the policies that can apply to it.
struct Slice {
    action: EntityUid,
    policies: PolicySet,
}

impl Engine {
    pub(crate) fn read(files: &[(&'static str, &str)]) -> Result<Self, PolicyError> {
        let policies = policies(files)?;
        let mut reasons = HashMap::new();
        for policy in policies.iter().filter(|policy| policy.effect() == Effect::Forbid) {
            let reason = policy.annotation("reason").and_then(Reason::from_word);
            match reason {
                Some(reason) => {
                    reasons.insert(policy.id().clone(), reason);
                }
                // What is hidden needs no reason: that of the refusal before it stands.
                None if policy.action_constraint() == ActionConstraint::Eq(action_uid(KNOW)?) => {}
                None => {
                    return Err(PolicyError::NoReason {
                        id: policy.id().to_string(),
                    });
                }
            }
        }
        let slices = Action::ALL
            .iter()
            .map(|action| slice(&policies, action.name()))
            .collect::<Result<_, _>>()?;
        let resources = Action::ALL
            .iter()
            .map(|action| action.kind())
            .map(|kind| {
                Ok((
                    kind,
                    EntityUid::from_type_name_and_id(type_name(kind.name())?, EntityId::new("it")),
                ))
            })
            .collect::<Result<_, PolicyError>>()?;
        Ok(Self {
            authorizer: Authorizer::new(),
            user_type: type_name("User")?,
            resources,
            slices,
            know: slice(&policies, KNOW)?,
            reasons,
        })
    }

    /// Puts one question; the answer holds for a while. `None` where the question cannot be put, or a policy fails:
    /// that is a refusal.
    pub(crate) fn judge(
        &self,
        action: Action,
        subject: &Subject,
        thing: &Resource,
        now: Timestamp,
    ) -> Option<(Verdict, Window)> {
        let mut encoder = Encoder::new(self.user_type.clone());
        thing.encode(&mut encoder);
        let principal = user_uid(&self.user_type, subject.user);
        let resource = self.resources.get(&thing.kind())?.clone();
        let entities = Entities::from_entities(
            [
                Entity::new(principal.clone(), subject_attributes(subject), Default::default()).ok()?,
                Entity::new(resource.clone(), encoder.take_attributes(), Default::default()).ok()?,
            ],
            None,
        )
        .ok()?;
        let context = Context::from_pairs(encoder.context(now)).ok()?;
        let validity = encoder.validity(now);
        let slice = self.slices.get(action as usize)?;
        let ask = |slice: &Slice, context: Context| {
            let (principal, resource) = (principal.clone(), resource.clone());
            let request = Request::new(principal, slice.action.clone(), resource, context, None).ok()?;
            let response = self
                .authorizer
                .is_authorized(&request, &slice.policies, &entities);
            let has_failed = response.diagnostics().errors().next().is_some();
            (!has_failed).then_some(response)
        };
        let response = ask(slice, context.clone())?;
        if response.decision() == Answer::Allow {
            return Some((Verdict::Allow, validity));
        }
        let reason = response
            .diagnostics()
            .reason()
            .filter_map(|id| self.reasons.get(id).copied())
            .min()
            .unwrap_or(Reason::NotAllowed);
        let existence = match ask(&self.know, context)?.decision() {
            Answer::Allow => Existence::Visible,
            Answer::Deny => Existence::Hidden,
        };
        Some((Verdict::Deny(Denial { existence, reason }), validity))
    }
}

/// Every policy, under the name of its `@id`.
pub(crate) fn policies(files: &[(&'static str, &str)]) -> Result<Vec<Policy>, PolicyError> {
    let mut all = Vec::new();
    for (file, text) in files {
        let set: PolicySet = text.parse().map_err(|source| PolicyError::Unreadable {
            file,
            source: Box::new(source),
        })?;
        for policy in set.policies() {
            let id = policy
                .annotation("id")
                .ok_or(PolicyError::NoId { file, source: None })?;
            all.push(policy.new_id(PolicyId::new(id)));
        }
    }
    Ok(all)
}

fn slice(policies: &[Policy], action: &str) -> Result<Slice, PolicyError> {
    let action = action_uid(action)?;
    let covers = |policy: &&Policy| match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::In(actions) => actions.contains(&action),
        ActionConstraint::Eq(only) => only == action,
    };
    let policies = PolicySet::from_policies(policies.iter().filter(covers).cloned()).map_err(|source| {
        PolicyError::NoId {
            file: "assets/policy",
            source: Some(Box::new(source)),
        }
    })?;
    Ok(Slice { action, policies })
}

pub(crate) fn action_uid(name: &str) -> Result<EntityUid, PolicyError> {
    Ok(EntityUid::from_type_name_and_id(
        type_name("Action")?,
        EntityId::new(name),
    ))
}

fn type_name(name: &str) -> Result<EntityTypeName, PolicyError> {
    name.parse().map_err(|source| PolicyError::Name {
        name: name.to_owned(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cedar_policy::{Schema, ValidationMode, Validator};

    use super::*;

    const SCHEMA: &str = include_str!("../../../assets/policy/vitrine.cedarschema");

    fn schema() -> Schema {
        Schema::from_cedarschema_str(SCHEMA).unwrap().0
    }

    #[test]
    fn every_policy_keeps_to_the_schema() {
        let set = PolicySet::from_policies(policies(FILES).unwrap()).unwrap();
        let result = Validator::new(schema()).validate(&set, ValidationMode::Strict);
        let errors: Vec<String> = result.validation_errors().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let warnings: Vec<String> = result.validation_warnings().map(ToString::to_string).collect();
        assert!(warnings.is_empty(), "{warnings:#?}");
    }

    #[test]
    fn the_schema_and_the_program_have_the_same_actions_on_the_same_kinds() {
        let schema = schema();
        let named: BTreeSet<String> = schema
            .actions()
            .map(|action| action.id().unescaped().to_owned())
            .collect();
        let mut ours: BTreeSet<String> = Action::ALL
            .iter()
            .map(|action| action.name().to_owned())
            .collect();
        ours.insert(KNOW.to_owned());
        assert_eq!(named, ours);
        for action in Action::ALL {
            let uid = action_uid(action.name()).unwrap();
            let kinds: Vec<String> = schema
                .resources_for_action(&uid)
                .unwrap()
                .map(ToString::to_string)
                .collect();
            assert_eq!(kinds, [action.kind().name()], "{action}");
        }
    }

    #[test]
    fn the_program_sends_the_facts_that_the_schema_names() {
        let schema = schema();
        let engine = ENGINE.as_ref().unwrap();
        for (fullness, things) in [("all", samples::full()), ("few", samples::bare())] {
            for thing in things {
                let subject = samples::subject();
                let mut encoder = Encoder::new(engine.user_type.clone());
                thing.encode(&mut encoder);
                let resource = engine.resources[&thing.kind()].clone();
                let entities = [
                    Entity::new(
                        user_uid(&engine.user_type, subject.user),
                        subject_attributes(&subject),
                        Default::default(),
                    )
                    .unwrap(),
                    Entity::new(resource.clone(), encoder.take_attributes(), Default::default()).unwrap(),
                ];
                Entities::from_entities(entities, Some(&schema))
                    .unwrap_or_else(|error| panic!("{fullness} of {:?}: {error:?}", thing.kind()));
                Request::new(
                    user_uid(&engine.user_type, subject.user),
                    engine.know.action.clone(),
                    resource,
                    Context::from_pairs(encoder.context(Timestamp::from_ms(1))).unwrap(),
                    Some(&schema),
                )
                .unwrap_or_else(|error| panic!("{fullness} of {:?}: {error:?}", thing.kind()));
            }
        }
    }

    #[test]
    fn a_policy_that_fails_refuses() {
        let broken = [
            ("permit", "@id(\"all\") permit (principal, action, resource);"),
            (
                "forbid",
                "@id(\"bad\") @reason(\"held\") forbid (principal, action, resource) when { resource.no_such };",
            ),
        ];
        let ask = |files: &[(&'static str, &str)]| {
            let engine = Engine::read(files).unwrap();
            let thing = samples::bare().remove(0);
            let action = *Action::ALL
                .iter()
                .find(|action| action.kind() == thing.kind())
                .unwrap();
            let answer = engine.judge(action, &samples::subject(), &thing, Timestamp::from_ms(1));
            answer.map(|(verdict, _)| verdict)
        };
        assert_eq!(ask(&broken[..1]), Some(Verdict::Allow));
        assert_eq!(ask(&broken), None);
    }

    #[test]
    fn policies_without_a_name_or_a_reason_are_refused() {
        let read = |text| {
            Engine::read(&[("a file", text)])
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(
            read("permit (principal, action, resource);").unwrap(),
            "a policy in a file has no id of its own"
        );
        assert_eq!(
            read("@id(\"a\") forbid (principal, action, resource);").unwrap(),
            "the policy a forbids without a reason"
        );
        assert_eq!(
            read("@id(\"a\") permit (principal);").unwrap(),
            "the policies in a file cannot be read"
        );
        let twice = "@id(\"a\") permit (principal, action, resource); @id(\"a\") permit (principal, action, resource);";
        assert!(read(twice).is_some());
    }

    /// One thing of each kind, once with every fact that may be absent, once without.
    mod samples {
        use domain::{
            AccountState, AgreementStanding, AgreementVersion, AnnotationId, Biometric, CareTeam, CaseId,
            CaseState, CommentId, ConnectionId, ConnectionState, Deletion, Grant, GrantRight, GuardianScope,
            Guardianship, Hold, InvitationId, ItemId, Keeping, MemberRole, NameDisclosure, Operator,
            OriginalId, PatientId, PatientLink, PracticeId, Release, ReleaseScope, Sharing, SignInStrength,
            Timestamp, TourId, UploadId, UserId, ViewId, Window,
        };

        use crate::facts::{
            AccountFacts, AuthoredFacts, CaptureFacts, CaseFacts, ConnectionFacts, Destination, IntakeFacts,
            InvitationFacts, ItemFacts, OriginalFacts, PatientFacts, PracticeFacts, Resource, SpaceFacts,
            Subject, TransferFacts, UploadFacts,
        };

        const ID: [u8; 16] = [1; 16];
        const USER: UserId = UserId::from_bytes(ID);
        const AT: Timestamp = Timestamp::from_ms(2);
        const WINDOW: Window = Window { from: AT, until: AT };
        const DELETION: Deletion = Deletion {
            at: AT,
            undo_until: AT,
        };

        pub(super) fn subject() -> Subject {
            Subject {
                user: USER,
                account: AccountState::Active,
                strength: SignInStrength::Strong,
                agreements: AgreementStanding::Current,
                operator: Operator::No,
            }
        }

        pub(super) fn full() -> Vec<Resource> {
            things(true)
        }

        pub(super) fn bare() -> Vec<Resource> {
            things(false)
        }

        fn things(is_full: bool) -> Vec<Resource> {
            let deletion = is_full.then_some(DELETION);
            let keeping = Keeping {
                hold: Hold::None,
                retain_until: is_full.then_some(AT),
            };
            let practice = PracticeFacts {
                practice: PracticeId::from_bytes(ID),
                role: is_full.then_some(MemberRole::Staff),
                emergency: is_full.then_some(WINDOW),
            };
            let guardian = PatientLink::Guardian(Guardianship {
                scope: GuardianScope::Act,
                window: WINDOW,
                majority: AT,
            });
            let patient = PatientFacts {
                patient: PatientId::from_bytes(ID),
                practice,
                creator: USER,
                care_team: CareTeam::Member,
                link: Some(if is_full { guardian } else { PatientLink::Own }),
                comes_of_age: is_full.then_some(AT),
                deletion,
                keeping,
            };
            let case = CaseFacts {
                case: CaseId::from_bytes(ID),
                patient,
                state: CaseState::Open,
                sharing: Sharing::Private,
                names: NameDisclosure::Shown,
                grant: is_full.then_some(Grant {
                    right: GrantRight::See,
                    until: AT,
                    revoked: None,
                }),
                deletion,
                keeping,
            };
            let item = ItemFacts {
                item: ItemId::from_bytes(ID),
                case,
                uploader: USER,
                deletion,
                keeping,
            };
            let intake = IntakeFacts {
                into: Destination::Case(case),
                biometric: Biometric::FaceOrHead,
                release: is_full.then_some(Release {
                    version: AgreementVersion(1),
                    scope: ReleaseScope::Treatment,
                    signed: AT,
                    withdrawn: Some(AT),
                }),
            };
            let into_profile = IntakeFacts {
                into: Destination::Profile(patient),
                ..intake
            };
            let into_space = IntakeFacts {
                into: Destination::Space(SpaceFacts { owner: USER }),
                ..intake
            };
            let capture = CaptureFacts {
                item: ItemId::from_bytes(ID),
                owner: USER,
                uploader: USER,
                deletion,
                keeping,
            };
            let connection = ConnectionFacts {
                connection: ConnectionId::from_bytes(ID),
                patient: USER,
                doctor: USER,
                state: ConnectionState::Active,
            };
            let upload = |intake| {
                Resource::Upload(UploadFacts {
                    upload: UploadId::from_bytes(ID),
                    creator: USER,
                    intake,
                })
            };
            vec![
                Resource::Practice(practice),
                Resource::Account(AccountFacts { owner: USER }),
                Resource::Invitation(InvitationFacts {
                    invitation: InvitationId::from_bytes(ID),
                    addressee: USER,
                    until: AT,
                }),
                Resource::Patient(patient),
                Resource::Case(case),
                Resource::Item(item),
                Resource::Original(OriginalFacts {
                    original: OriginalId::from_bytes(ID),
                    item,
                    uploader: USER,
                }),
                Resource::Annotation(authored(AnnotationId::from_bytes(ID), case)),
                Resource::Comment(authored(CommentId::from_bytes(ID), case)),
                Resource::View(authored(ViewId::from_bytes(ID), case)),
                Resource::Tour(authored(TourId::from_bytes(ID), case)),
                Resource::Intake(intake),
                Resource::Intake(into_profile),
                Resource::Intake(into_space),
                upload(intake),
                upload(into_profile),
                upload(into_space),
                Resource::Space(SpaceFacts { owner: USER }),
                Resource::Capture(capture),
                Resource::Transfer(TransferFacts {
                    capture,
                    connection: is_full.then_some(connection),
                }),
                Resource::Connection(connection),
            ]
        }

        fn authored<I>(id: I, case: CaseFacts) -> AuthoredFacts<I> {
            AuthoredFacts {
                id,
                case,
                author: USER,
            }
        }
    }
}
