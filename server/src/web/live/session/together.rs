//! A session among others who look at the same case: what it asks of the room, and what it is told, as long as it may
//! see the case.

use catalog::Notice;
use domain::{CaseId, PersonColor};
use protocol::{CanLead, Event, RoomRequest, Said, Trouble};
use room::{Newcomer, Refused};

use super::super::rights::Refusal;
use super::super::rooms::Seat;
use super::{Over, Session};

impl Session {
    pub(super) async fn ask_room(&mut self, request: RoomRequest) -> Result<(), Over> {
        if request == RoomRequest::Enter && self.seat.is_none() {
            return self.enter_room().await;
        }
        let leads = matches!(
            request,
            RoomRequest::Lead | RoomRequest::Show { .. } | RoomRequest::HandOver { .. }
        );
        if leads && self.rights.can_lead(&self.app) == CanLead::No {
            // Who led and may only look by now leads no more; who did not is refused that too.
            let _ = self.seat.as_mut().map(|seat| seat.ask(RoomRequest::StopLeading));
            return self.trouble(Trouble::Refused, None).await;
        }
        match self.seat.as_mut().map(|seat| seat.ask(request)) {
            Some(Ok(())) => Ok(()),
            Some(Err(Refused::Meaningless)) => self.trouble(Trouble::Meaningless, None).await,
            Some(Err(_)) | None => self.trouble(Trouble::Refused, None).await,
        }
    }

    /// Joins the others who look at the case.
    async fn enter_room(&mut self) -> Result<(), Over> {
        let Some(case) = self.rights.case() else {
            return self.trouble(Trouble::Refused, None).await;
        };
        let newcomer = Newcomer {
            session: self.id,
            called: self.rights.called(&self.name),
            color: self.color(case).await.number(),
            can_lead: self.rights.can_lead(&self.app),
        };
        match self.app.live.rooms.enter(case, newcomer) {
            Ok(seat) => {
                self.seat = Some(seat);
                Ok(())
            }
            Err(_) => self.trouble(Trouble::Crowded, None).await,
        }
    }

    /// The color that one has in the case.
    async fn color(&mut self, case: CaseId) -> PersonColor {
        let (app, user) = (&self.app, self.rights.who.user());
        let taken = async {
            let known = app
                .catalog
                .reader()
                .await?
                .facts()
                .await?
                .person_colors(case)
                .await?;
            if let Some(color) = known.get(&user) {
                return Ok(*color);
            }
            let mut change = app.catalog.change().await?;
            let color = change.as_system().await?.person_color(case, user).await?;
            change.commit().await?;
            Ok::<_, catalog::CatalogError>(color)
        };
        taken.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "a color could not be kept");
            PersonColor::preferred(user)
        })
    }

    /// Remembers that something was said about the case; anything may have been where notices were missed.
    pub(super) fn note_said(&mut self, notice: Option<&Notice>) {
        let Some(seat) = &mut self.seat else { return };
        match notice {
            Some(notice) if notice.case == self.rights.case() => {
                if let Some(what) = said(&notice.what) {
                    seat.say(what);
                }
            }
            Some(_) => {}
            None => [Said::Marks, Said::Views]
                .into_iter()
                .for_each(|what| seat.say(what)),
        }
    }

    /// Tells what is new of the others, to who may still see the case.
    pub(super) async fn tell_room(&mut self) -> Result<(), Over> {
        match self.rights.check(&self.app) {
            Ok(()) => {}
            Err(Refusal::Unknown) => {
                if let Some(seat) = &mut self.seat {
                    seat.later();
                }
                return self.refresh().await;
            }
            Err(Refusal::Over(why)) => return Err(Over::Ended(why)),
        }
        for event in self.seat.as_mut().map(Seat::untold).unwrap_or_default() {
            self.wire.send(Event::Room(event)).await?;
        }
        Ok(())
    }
}

/// What has changed where this happened.
fn said(what: &str) -> Option<Said> {
    match what.split_once('.')?.0 {
        "annotation" | "comment" => Some(Said::Marks),
        "view" | "tour" => Some(Said::Views),
        _ => None,
    }
}

/// Until there may be something to be told of the others.
pub(super) async fn wait(seat: Option<&mut Seat>) {
    match seat {
        Some(seat) => seat.wait().await,
        None => std::future::pending().await,
    }
}
