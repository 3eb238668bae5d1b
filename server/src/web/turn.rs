//! One request's dealings with the catalog: the policy is asked, and every answer of it is recorded, with what was
//! changed in the same transaction, before anybody learns of it.

use catalog::{Change, Conn, Event};
use domain::{CaseId, ItemId, OriginalId, PatientId, PracticeId, Timestamp};
use policy::{
    AccountFacts, Act, AuthoredFacts, Authorized, CaptureFacts, CaseFacts, ConnectionFacts, Destination,
    Existence, IntakeFacts, ItemFacts, OriginalFacts, PatientFacts, PracticeFacts, SpaceFacts, TransferFacts,
    UploadFacts,
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
}

/// Where something is, for the record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    practice: Option<PracticeId>,
    patient: Option<PatientId>,
    case: Option<CaseId>,
    object: Option<String>,
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
        }
    }
}

impl<C> Turn<C> {
    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// Asks the policy. The answer is recorded when the turn ends.
    pub(crate) fn ask<A: Act>(&mut self, on: &A::On) -> Answer<Authorized<A>>
    where
        A::On: Placed,
    {
        let decision = policy::decide::<A>(&self.who.subject, on, self.now).into_result();
        let outcome = match &decision {
            Ok(_) => "allowed".to_owned(),
            Err(denial) => format!("refused: {}", denial.reason.word()),
        };
        self.note(A::ACTION.name(), &outcome, on.place());
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
                let object = Some(id.to_string());
                let place = Place {
                    object,
                    ..Place::default()
                };
                self.note(A::ACTION.name(), "refused: missing", place);
                Err(Problem::not_found())
            }
        }
    }

    /// Records what is no question of the policy's.
    pub(crate) fn note(&mut self, action: &str, outcome: &str, place: Place) {
        self.events.push(Event {
            at: self.now,
            actor: Some(self.who.user()),
            sign_in: Some(self.who.sign_in),
            practice: place.practice,
            patient: place.patient,
            case: place.case,
            action: action.to_owned(),
            outcome: outcome.to_owned(),
            object: place.object,
        });
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
                let facts = self.db.$load(id, self.who.user()).await?;
                self.ask_of::<A>(facts, id)
            })*
        }

        impl Turn<Change> {
            $(pub(crate) async fn $name<A: Act<On = $facts>>(
                &mut self,
                id: $id,
            ) -> Answer<(Authorized<A>, $facts)> {
                let facts = self.db.$load(id, self.who.user()).await?;
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
        let facts = self.db.original_facts(id, self.who.user()).await?;
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
        Place {
            object: Some(self.owner.to_string()),
            ..Place::default()
        }
    }
}

impl Placed for PracticeFacts {
    fn place(&self) -> Place {
        Place {
            practice: Some(self.practice),
            ..Place::default()
        }
    }
}

impl Placed for PatientFacts {
    fn place(&self) -> Place {
        Place {
            patient: Some(self.patient),
            ..self.practice.place()
        }
    }
}

impl Placed for CaseFacts {
    fn place(&self) -> Place {
        Place {
            case: Some(self.case),
            ..self.patient.place()
        }
    }
}

impl Placed for ItemFacts {
    fn place(&self) -> Place {
        Place {
            object: Some(self.item.to_string()),
            ..self.case.place()
        }
    }
}

impl Placed for OriginalFacts {
    fn place(&self) -> Place {
        Place {
            object: Some(self.original.to_string()),
            ..self.item.place()
        }
    }
}

impl Placed for ConnectionFacts {
    fn place(&self) -> Place {
        Place {
            object: Some(self.connection.to_string()),
            ..Place::default()
        }
    }
}

impl Placed for SpaceFacts {
    fn place(&self) -> Place {
        Place {
            object: Some(self.owner.to_string()),
            ..Place::default()
        }
    }
}

impl Placed for CaptureFacts {
    fn place(&self) -> Place {
        Place {
            object: Some(self.item.to_string()),
            ..Place::default()
        }
    }
}

impl Placed for TransferFacts {
    fn place(&self) -> Place {
        self.capture.place()
    }
}

impl<I: ToString> Placed for AuthoredFacts<I> {
    fn place(&self) -> Place {
        Place {
            object: Some(self.id.to_string()),
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
            object: Some(self.upload.to_string()),
            ..self.intake.place()
        }
    }
}
