//! One request's dealings with the catalog: the policy is asked, and every answer of it is recorded, with what was
//! changed in the same transaction, before anybody learns of it.

use catalog::{Change, Conn};
use domain::{
    Capacity, CareTeam, CaseId, ItemId, MemberRole, OriginalId, PatientId, PatientLink, PracticeId,
    SessionId, Timestamp, Verb,
};
use ledger::{Event, Object, Outcome, Word};
use policy::{
    AccountFacts, Act, AuthoredFacts, Authorized, CaptureFacts, CaseFacts, ConnectionFacts, Destination,
    Existence, Facts, IntakeFacts, ItemFacts, Kind, OriginalFacts, PatientFacts, PracticeFacts, SpaceFacts,
    TransferFacts, UploadFacts,
};

use super::app::App;
use super::problem::{Answer, Problem};
use super::who::Who;

/// One request's dealings with the catalog, over a [`Conn`] that looks or a [`Change`] that writes. It must be ended.
pub(crate) struct Turn<C> {
    pub(crate) db: C,
    pub(crate) now: Timestamp,
    who: Who,
    app: App,
    events: Vec<Event>,
    /// The session of looking that it belongs to.
    session: Option<SessionId>,
}

/// Where something is, and what whoever asks is to it, for the record.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    capacity: Capacity,
    practice: Option<PracticeId>,
    patient: Option<PatientId>,
    case: Option<CaseId>,
    object: Option<Object>,
}

impl Place {
    /// Of nothing but the thing itself.
    fn of(capacity: Capacity, kind: Kind, id: &impl ToString) -> Self {
        Self {
            capacity,
            practice: None,
            patient: None,
            case: None,
            object: object(kind, id),
        }
    }
}

/// A thing as the record names it.
fn object(kind: Kind, id: &impl ToString) -> Option<Object> {
    let id = Word::new(&id.to_string()).ok()?;
    Some(Object {
        id,
        kind: Word::fixed(kind.name()),
    })
}

/// Facts that say where their thing is.
pub(crate) trait Placed {
    /// Where.
    fn place(&self) -> Place;
}

impl App {
    /// Begins to look.
    pub(crate) async fn look(&self, who: &Who) -> Answer<Turn<Conn>> {
        let db = self.catalog.reader().await?;
        Ok(self.turn(who, db))
    }

    /// Begins to change.
    pub(crate) async fn change(&self, who: &Who) -> Answer<Turn<Change>> {
        let db = self.catalog.change().await?;
        Ok(self.turn(who, db))
    }

    fn turn<C>(&self, who: &Who, db: C) -> Turn<C> {
        Turn {
            db,
            now: self.now(),
            who: who.clone(),
            app: self.clone(),
            events: Vec::new(),
            session: None,
        }
    }
}

impl<C> Turn<C> {
    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// What is asked from now on is asked in a session of looking.
    pub(crate) fn in_session(&mut self, session: SessionId) {
        self.session = Some(session);
    }

    /// Asks the policy. The answer is recorded when the turn ends.
    pub(crate) fn ask<A: Act>(&mut self, on: &A::On) -> Answer<Authorized<A>>
    where
        A::On: Placed,
    {
        let decision = policy::decide::<A>(&self.who.subject, on, self.now).into_result();
        let outcome = match &decision {
            Ok(_) => Outcome::Allowed,
            Err(denial) => Outcome::refused(denial.reason.word()),
        };
        self.note(A::ACTION, outcome, on.place());
        decision.map_err(|denial| match denial.existence {
            Existence::Hidden => Problem::not_found(),
            Existence::Visible => refusal(denial.reason),
        })
    }

    /// As [`Turn::ask`], of a thing that may not be there: then it is as if it were hidden.
    pub(crate) fn ask_of<A: Act>(
        &mut self,
        on: Option<A::On>,
        id: impl ToString + Copy,
    ) -> Answer<(Authorized<A>, A::On)>
    where
        A::On: Placed,
    {
        match on {
            Some(on) => Ok((self.ask(&on)?, on)),
            None => {
                let place = Place::of(Capacity::Stranger, A::On::KIND, &id);
                self.note(A::ACTION, Outcome::refused("missing"), place);
                Err(Problem::not_found())
            }
        }
    }

    fn note(&mut self, action: policy::Action, outcome: Outcome, place: Place) {
        let act = (Word::fixed(action.name()), action.verb());
        self.events.push(Event {
            session: self.session,
            ..about(&self.who, place, self.now, act, outcome)
        });
    }
}

fn about(who: &Who, place: Place, now: Timestamp, act: (Word, Verb), outcome: Outcome) -> Event {
    Event {
        actor: Some(who.user()),
        sign_in: Some(who.sign_in),
        practice: place.practice,
        patient: place.patient,
        case: place.case,
        object: place.object,
        ..Event::new(now, act.0, act.1, outcome, place.capacity)
    }
}

/// Something that was done to a thing outside of any turn, such as what ended or was noticed in a session of looking.
pub(crate) fn event_of(
    who: &Who,
    on: &impl Placed,
    now: Timestamp,
    act: (&'static str, Verb),
    session: SessionId,
) -> Event {
    Event {
        session: Some(session),
        ..about(
            who,
            on.place(),
            now,
            (Word::fixed(act.0), act.1),
            Outcome::Allowed,
        )
    }
}

/// What can be asked about things by their identifiers, over either kind of turn.
macro_rules! asks {
    ($($name:ident($id:ident) -> $facts:ident by $load:ident;)*) => {
        impl Turn<Conn> {
            $(pub(crate) async fn $name<A: Act<On = $facts>>(
                &mut self,
                id: $id,
            ) -> Answer<(Authorized<A>, $facts)> {
                let facts = self.db.facts().await?.$load(id, self.who.user()).await?;
                self.ask_of::<A>(facts, id)
            })*
        }

        impl Turn<Change> {
            $(pub(crate) async fn $name<A: Act<On = $facts>>(
                &mut self,
                id: $id,
            ) -> Answer<(Authorized<A>, $facts)> {
                let facts = self.db.facts().await?.$load(id, self.who.user()).await?;
                self.ask_of::<A>(facts, id)
            })*
        }
    };
}
asks! {
    practice(PracticeId) -> PracticeFacts by practice_facts;
    patient(PatientId) -> PatientFacts by patient_facts;
    case(CaseId) -> CaseFacts by case_facts;
    item(ItemId) -> ItemFacts by item_facts;
}

impl Turn<Conn> {
    pub(crate) async fn original<A: Act<On = OriginalFacts>>(
        &mut self,
        id: OriginalId,
    ) -> Answer<(Authorized<A>, OriginalFacts)> {
        let facts = self.db.facts().await?.original_facts(id, self.who.user()).await?;
        self.ask_of::<A>(facts, id)
    }

    /// Records what was asked; only then is the answer given.
    pub(crate) async fn end<T>(self, answer: Answer<T>) -> Answer<T> {
        let Self { db, app, events, .. } = self;
        // The record is written over a connection of its own: this one goes back first.
        drop(db);
        if !events.is_empty() {
            app.catalog.record(events).await?;
        }
        answer
    }
}

impl Turn<Change> {
    /// Makes the change last with the record of it; where it was refused, only the record.
    pub(crate) async fn end<T>(self, answer: Answer<T>) -> Answer<T> {
        let Self {
            mut db, app, events, ..
        } = self;
        match answer {
            Ok(done) => {
                db.record(&events).await?;
                db.commit().await?;
                Ok(done)
            }
            Err(problem) => {
                drop(db);
                if !events.is_empty() {
                    app.catalog.record(events).await?;
                }
                Err(problem)
            }
        }
    }
}

/// What a refusal says to those who may know what it is about.
fn refusal(reason: policy::Reason) -> Problem {
    use axum::http::StatusCode;
    use policy::Reason as R;
    let title = match reason {
        R::Deactivated => "This account is closed.",
        R::Unverified => "Confirm your e-mail address first.",
        R::AgreementPending => "Accept the present terms first.",
        R::SecondFactor => "Sign in with a second factor or a passkey first.",
        R::Deleted => "This was deleted.",
        R::Closed => "The case is closed.",
        R::Held => "A legal hold forbids this.",
        R::Retained => "The record must be kept until its retention date.",
        R::NoRelease => "A biometric release must be signed first.",
        R::NotAllowed => "You may not do this.",
    };
    Problem::new(StatusCode::FORBIDDEN, reason.word(), title)
}

impl Placed for AccountFacts {
    fn place(&self) -> Place {
        Place::of(Capacity::Owner, Self::KIND, &self.owner)
    }
}

impl Placed for PracticeFacts {
    fn place(&self) -> Place {
        let capacity = self.role.map_or(Capacity::Stranger, Capacity::from);
        Place {
            practice: Some(self.practice),
            ..Place::of(capacity, Self::KIND, &self.practice)
        }
    }
}

impl Placed for PatientFacts {
    fn place(&self) -> Place {
        Place {
            practice: Some(self.practice.practice),
            patient: Some(self.patient),
            ..Place::of(toward_patient(self), Self::KIND, &self.patient)
        }
    }
}

impl Placed for CaseFacts {
    fn place(&self) -> Place {
        let capacity = match toward_patient(&self.patient) {
            Capacity::Stranger if self.grant.is_some() => Capacity::Collaborator,
            Capacity::Stranger if self.patient.practice.emergency.is_some() => Capacity::Operator,
            capacity => capacity,
        };
        Place {
            case: Some(self.case),
            capacity,
            object: object(Self::KIND, &self.case),
            ..self.patient.place()
        }
    }
}

/// What a user is to a patient: a member who sees the profile or administers the practice, the patient, a guardian.
fn toward_patient(patient: &PatientFacts) -> Capacity {
    match (patient.practice.role, patient.link) {
        (Some(role), _) if patient.care_team == CareTeam::Member || role == MemberRole::Administrator => {
            role.into()
        }
        (_, Some(PatientLink::Own)) => Capacity::Patient,
        (_, Some(PatientLink::Guardian(_))) => Capacity::Guardian,
        _ => Capacity::Stranger,
    }
}

impl Placed for ItemFacts {
    fn place(&self) -> Place {
        Place {
            object: object(Self::KIND, &self.item),
            ..self.case.place()
        }
    }
}

impl Placed for OriginalFacts {
    fn place(&self) -> Place {
        Place {
            object: object(Self::KIND, &self.original),
            ..self.item.place()
        }
    }
}

impl Placed for ConnectionFacts {
    fn place(&self) -> Place {
        Place::of(Capacity::Owner, Self::KIND, &self.connection)
    }
}

impl Placed for SpaceFacts {
    fn place(&self) -> Place {
        Place::of(Capacity::Owner, Self::KIND, &self.owner)
    }
}

impl Placed for CaptureFacts {
    fn place(&self) -> Place {
        Place::of(Capacity::Owner, Self::KIND, &self.item)
    }
}

impl Placed for TransferFacts {
    fn place(&self) -> Place {
        self.capture.place()
    }
}

impl<I: ToString> Placed for AuthoredFacts<I>
where
    Self: Facts,
{
    fn place(&self) -> Place {
        Place {
            object: object(Self::KIND, &self.id),
            ..self.case.place()
        }
    }
}

impl Placed for IntakeFacts {
    fn place(&self) -> Place {
        match &self.into {
            Destination::Case(case) => case.place(),
            Destination::Profile(patient) => patient.place(),
            Destination::Space(space) => space.place(),
        }
    }
}

impl Placed for UploadFacts {
    fn place(&self) -> Place {
        Place {
            object: object(Self::KIND, &self.upload),
            ..self.intake.place()
        }
    }
}
