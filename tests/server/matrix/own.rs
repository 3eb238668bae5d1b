//! What belongs to a person alone: factors, requests, captures and a space for them.

use catalog::{Credential, CredentialKind, RecordRequest};
use domain::{
    CaseId, CredentialId, Grant, GrantRight, PatientId, Phi, RecordRequestId, RecordRequestKind,
    RecordRequestState,
};
use serde_json::json;
use testkit::proofs::act;

use super::scene::{DAY, Maker, State};
use super::world::random;

impl Maker<'_> {
    /// What an account has: a sign-in, and a passkey where it is no account of several scenes.
    pub(super) async fn account(&mut self) {
        let (_, sign_in) = self.world.add_sign_in(self.change, self.person).await;
        self.scene.put("sign_in", &sign_in);
        if self.scene.double.is_none() {
            return;
        }
        let passkey = Credential {
            id: CredentialId::from_random(random()),
            kind: CredentialKind::Passkey,
            secret: Phi::new(json!({})),
            last_step: 0,
            confirmed: Some(self.now),
            used: None,
        };
        let proof = self.asker(self.person.user).account();
        self.change
            .add_credential(proof, &passkey, Some(&passkey.id.to_string()))
            .await
            .unwrap();
        self.scene.put("passkey", &passkey.id);
    }

    /// One request of each kind, for the practice to answer.
    pub(super) async fn requests(&mut self, patient: PatientId) {
        for (name, kind) in [
            ("amendment", RecordRequestKind::Amendment),
            ("copy", RecordRequestKind::Copy),
        ] {
            let request = RecordRequest {
                id: RecordRequestId::from_random(random()),
                patient,
                asked_by: self.spare(),
                kind,
                state: RecordRequestState::Open,
                text: Phi::new("Words".to_owned()),
                answer: None,
                asked: self.now,
                answered_by: None,
                answered: None,
            };
            let proof = self.asker(self.spare()).patient::<act::RequestCopy>(patient);
            self.change.add_request(proof, &request).await.unwrap();
            self.scene.put(name, &request.id);
        }
    }

    /// Somebody's space for a capture, what connects the two, and a case that a capture can be filed in.
    pub(super) async fn capture(&mut self, state: &State<'_>) -> CaseId {
        let (own, other) = (self.person.user, self.spare());
        match state.parts.get(1).copied() {
            Some("as the patient") => self.connection(own, other, state.of_thing).await,
            Some("as the doctor") => self.connection(other, own, state.of_thing).await,
            _ => {}
        }
        let patient = self.patient(self.world.somebody).await;
        let case = self.empty_case(patient, None).await;
        let grant = Grant {
            right: GrantRight::Contribute,
            until: self.now.plus_ms(DAY),
            revoked: None,
        };
        self.grant(case, own, grant, "own_grant").await;
        let owner = if state.is_own { own } else { other };
        let mut system = self.change.as_system().await.unwrap();
        system.space_or_new(owner, self.now).await.unwrap()
    }

    /// An upload into somebody's space, and the release that its owner has signed.
    pub(super) async fn upload_into_space(&mut self, state: &State<'_>) {
        let (own, other) = (self.person.user, self.spare());
        let owner = match state.parts.contains(&"into one's own space") {
            true => own,
            false => other,
        };
        let creator = if state.is_own { own } else { other };
        let patient = self.patient(self.world.somebody).await;
        self.release(patient, owner, state).await;
        let mut system = self.change.as_system().await.unwrap();
        let space = system.space_or_new(owner, self.now).await.unwrap();
        self.scene.put("case", &space);
        self.upload(space, creator).await;
    }
}
