//! The things of the matrix in their states, each for one person alone.

use std::collections::BTreeMap;

use catalog::{
    CaseGrant, Change, Connection, ItemOriginal, Mark, MarkId, NewArtifact, NewCase, NewItem, NewOriginal,
    NewUpload, ObjectRow, Patient, Registration, SignedRelease,
};
use domain::{
    AgreementVersion, AnnotationId, ArtifactId, ArtifactKind, Biometric, CaseId, CommentId, ConnectionId,
    ConnectionState, Date, Deletion, Demographics, Fit, Grant, GrantId, GrantRight, Hold, ItemId, ItemKind,
    MemberRole, NameDisclosure, OriginalId, PatientId, PatientLink, Phi, RegistrationId, Release, ReleaseId,
    ReleaseScope, Sharing, Timestamp, TourId, UploadId, UploadSetId, UserId, ViewId, rows_of,
};
use geometry::DAffine3;
use policy::{Action, ConnectionFacts, Kind};
use serde_json::json;
use testkit::proofs::{Asker, act};
use vault::{ObjectId, WrappedKey};

use super::Route;
use super::people::{Age, Person, Standing, Team};
use super::world::{World, random};

pub(super) const DAY: i64 = 24 * 3_600_000;

/// What a person meets: identifiers by the names that routes give them.
#[derive(Clone)]
pub(crate) struct Scene {
    /// The same state for the same person has the same key.
    pub(crate) key: String,
    pub(crate) ids: BTreeMap<&'static str, String>,
    pub(crate) biometric: Biometric,
    /// The cookie of who asks, where that is somebody who stands as the person does and has met nothing before: what
    /// belongs to a person alone, such as a space, is in one state at a time.
    pub(crate) double: Option<String>,
}

/// A state in its parts, which stand between commas.
pub(super) struct State<'a> {
    pub(super) is_own: bool,
    /// Of the case, without `case `.
    of_case: &'a str,
    /// Of the thing itself.
    pub(super) of_thing: &'a str,
    pub(super) parts: Vec<&'a str>,
}

fn parse(kind: Kind, state: &str) -> State<'_> {
    let parts: Vec<&str> = state.split(", ").collect();
    let of_case = match kind {
        Kind::Case => state,
        Kind::Intake | Kind::Upload => {
            let place = parts.iter().find(|part| part.starts_with("into ")).copied();
            match place {
                Some("into a closed case") => "closed",
                Some("into a deleted case") => "deleted",
                _ => "shared",
            }
        }
        _ => parts
            .iter()
            .find_map(|part| part.strip_prefix("case "))
            .unwrap_or("shared"),
    };
    let of_thing = parts.last().copied().unwrap_or_default();
    State {
        is_own: parts[0] == "own",
        of_case,
        of_thing,
        parts,
    }
}

fn kind(route: &Route) -> Kind {
    Action::from_name(&route.right).expect("an action").kind()
}

/// Whether a thing belongs to a person alone, or the account does not outlive the call.
fn is_alone(route: &Route, state: &State<'_>) -> bool {
    match kind(route) {
        Kind::Account => {
            route.path.contains("{passkey}") || route.method == "DELETE" && route.path == "/api/me"
        }
        Kind::Space | Kind::Capture | Kind::Transfer => true,
        Kind::Intake | Kind::Upload => state.parts.iter().any(|part| part.ends_with(" space")),
        _ => false,
    }
}

/// What tells one scene from another; `None` for what no request can meet: the accounts and spaces of others, which no
/// route names, and what the catalog does not keep, such as a hold on one item or uploads into a profile.
pub(crate) fn key(route: &Route, state: &str, person: &Person) -> Option<String> {
    let kind = kind(route);
    let parsed = parse(kind, state);
    let into = |place: &str| parsed.parts.contains(&place);
    let is_met = match kind {
        Kind::Account | Kind::Space => parsed.is_own,
        Kind::Patient => state != "retained",
        Kind::Item | Kind::Capture => !matches!(parsed.of_thing, "held" | "retained"),
        Kind::Intake if route.path == "/api/space/upload-sets" => into("into one's own space"),
        Kind::Intake => !into("into one's own space") && !into("into a profile"),
        Kind::Upload => !into("into a profile"),
        // Which of the two is asked for depends on which side one is; without a connection it is the patient's.
        Kind::Transfer => (route.right == "GiveCapture") == parsed.parts.contains(&"as the doctor"),
        _ => true,
    };
    let who = match is_alone(route, &parsed) {
        true => "alone",
        false => "",
    };
    is_met.then(|| format!("{} {state} {} {who}", kind.name(), person.name))
}

pub(crate) fn make(world: &World, route: &Route, state: &str, person: &Person, key: String) -> Scene {
    let kind = kind(route);
    let parsed = parse(kind, state);
    let double = is_alone(route, &parsed).then(|| world.double(person));
    let person = double.as_ref().unwrap_or(person);
    let mut scene = Scene {
        key,
        ids: BTreeMap::new(),
        biometric: Biometric::No,
        double: double.as_ref().map(|double| double.cookie.clone()),
    };
    scene.put("practice", &world.practice);
    scene.put("choice", &"product_news");
    let place = world.change(async |change| {
        let mut maker = Maker {
            world,
            change,
            person,
            scene: &mut scene,
            now: world.now(),
        };
        maker.begin().await;
        maker.thing(kind, state, &parsed).await
    });
    if let Some(case) = place
        && matches!(kind, Kind::Item | Kind::Original | Kind::Capture | Kind::Transfer)
    {
        let uploader = match (parsed.is_own, parsed.of_thing) {
            (_, "from somebody") => world.somebody,
            (_, "from oneself") | (true, _) => person.user,
            (false, _) => world.somebody,
        };
        item(world, &mut scene, case, uploader);
        if kind == Kind::Item {
            proposal(world, &mut scene, person.user);
        }
        if matches!(kind, Kind::Item | Kind::Capture) {
            let deletion = deletion(parsed.of_thing, world.now());
            let item: ItemId = scene.ids["item"].parse().expect("an id");
            let proof = Asker::new(uploader, world.now()).item::<act::DeleteItem>(item);
            world.change(async |change| change.mark_item_deleted(proof, deletion).await.unwrap());
        }
    }
    scene
}

impl Scene {
    pub(super) fn put(&mut self, name: &'static str, id: &impl ToString) {
        self.ids.insert(name, id.to_string());
    }
}

/// The deletion that a state tells of.
fn deletion(state: &str, now: Timestamp) -> Option<Deletion> {
    let undo_until = match state {
        "deleted" => now.plus_ms(DAY),
        "past undo" => now.plus_ms(-1_000),
        _ => return None,
    };
    Some(Deletion {
        at: now.plus_ms(-60_000),
        undo_until,
    })
}

pub(super) struct Maker<'a> {
    pub(super) world: &'a World,
    pub(super) change: &'a mut Change,
    pub(super) person: &'a Person,
    pub(super) scene: &'a mut Scene,
    pub(super) now: Timestamp,
}

impl Maker<'_> {
    /// The thing of a kind in a state; where it is in a case or a space, that.
    async fn thing(&mut self, kind: Kind, state: &str, parsed: &State<'_>) -> Option<CaseId> {
        match kind {
            Kind::Account => {
                self.account().await;
                None
            }
            Kind::Practice | Kind::Space => None,
            Kind::Patient => {
                let creator = match state {
                    "created by oneself" => self.person.user,
                    _ => self.world.somebody,
                };
                let patient = self.patient(creator).await;
                self.requests(patient).await;
                self.patient_state(patient, state).await;
                None
            }
            Kind::Connection => {
                let (own, other) = (self.person.user, self.spare());
                let (patient, doctor) = match parsed.parts[0] {
                    "as its patient" => (own, other),
                    "as its doctor" => (other, own),
                    _ => (self.world.somebody, other),
                };
                self.connection(patient, doctor, parsed.of_thing).await;
                None
            }
            Kind::Capture | Kind::Transfer => Some(self.capture(parsed).await),
            _ if parsed.parts.iter().any(|part| part.ends_with(" space")) => {
                self.upload_into_space(parsed).await;
                None
            }
            _ => Some(self.case(kind, parsed).await),
        }
    }

    /// Who may do what the scene needs, in the name of somebody.
    pub(super) fn asker(&self, user: UserId) -> Asker {
        Asker::new(user, self.now)
    }

    /// The other person of the scene.
    pub(super) fn spare(&self) -> UserId {
        self.scene.ids["user"].parse().expect("an id")
    }

    /// A member to change, and a doctor to connect to.
    async fn begin(&mut self) {
        let user = self.world.account(self.change).await;
        let mut system = self.change.as_system().await.unwrap();
        system
            .put_member(self.world.practice, user, MemberRole::Staff, "active", self.now)
            .await
            .unwrap();
        self.scene.put("user", &user);
    }

    pub(super) async fn patient(&mut self, creator: UserId) -> PatientId {
        let born = match self.person.standing {
            Standing::Link(_, Age::Minor) => Some(2020),
            Standing::Link(_, Age::Adult) => Some(1980),
            _ => None,
        };
        let demographics: Demographics = serde_json::from_value(json!({
            "name": "Roe",
            "born": born.map(|year| Date::new(year, 2, 3).unwrap()),
        }))
        .unwrap();
        let patient = Patient {
            id: PatientId::from_random(random()),
            practice: self.world.practice,
            created_by: creator,
            demographics,
            version: 1,
            created: self.now,
            hold: Hold::None,
            deleted: None,
        };
        let asker = self.asker(creator);
        let proof = asker.practice(self.world.practice);
        self.change.create_patient(proof, &patient).await.unwrap();
        let (id, person) = (patient.id, self.person);
        let spare = self.spare();
        let team = asker.patient::<act::ChangeCareTeam>(id);
        let people = asker.patient::<act::InvitePatient>(id);
        self.change.put_care_team(team, spare, self.now).await.unwrap();
        self.change
            .put_patient_user(people, spare, &PatientLink::Own)
            .await
            .unwrap();
        match person.standing {
            Standing::Member(_, Team::Inside) | Standing::Former => {
                self.change
                    .put_care_team(team, person.user, self.now)
                    .await
                    .unwrap();
            }
            Standing::Link(link, _) => self
                .change
                .put_patient_user(people, person.user, &link)
                .await
                .unwrap(),
            _ => {}
        }
        let is_inside = matches!(
            person.standing,
            Standing::Member(_, Team::Inside) | Standing::Former
        );
        if creator == person.user && !is_inside {
            self.change.leave_care_team(team, creator).await.unwrap();
        }
        self.scene.put("patient", &id);
        id
    }

    async fn patient_state(&mut self, patient: PatientId, state: &str) {
        let asker = self.asker(self.world.somebody);
        if state == "held" {
            let proof = asker.patient::<act::PlaceHold>(patient);
            self.change.hold_patient(proof, Hold::Placed).await.unwrap();
        }
        let deletion = deletion(state, self.now);
        let proof = asker.patient::<act::DeleteProfile>(patient);
        self.change.mark_patient_deleted(proof, deletion).await.unwrap();
    }

    pub(super) async fn connection(&mut self, patient: UserId, doctor: UserId, state: &str) {
        let connection = Connection {
            facts: ConnectionFacts {
                connection: ConnectionId::from_random(random()),
                patient,
                doctor,
                state: ConnectionState::from_word(state).expect("a state"),
            },
            created: self.now,
        };
        let proof = self.asker(patient).patient(PatientId::from_random(random()));
        self.change.start_connection(proof, &connection).await.unwrap();
        self.scene.put("connection", &connection.facts.connection);
    }

    pub(super) async fn empty_case(&mut self, patient: PatientId, retain_until: Option<Timestamp>) -> CaseId {
        let case = NewCase {
            id: CaseId::from_random(random()),
            practice: self.world.practice,
            patient,
            created_by: self.world.somebody,
            title: Phi::new("Case".to_owned()),
            date: None,
            retain_until,
            created: self.now,
        };
        let proof = self.asker(self.world.somebody).patient(patient);
        self.change.create_case(proof, &case).await.unwrap();
        self.scene.put("case", &case.id);
        case.id
    }

    /// A case in its state with all that is in one.
    async fn case(&mut self, kind: Kind, state: &State<'_>) -> CaseId {
        let patient = self.patient(self.world.somebody).await;
        let retain_until = (state.of_case == "retained").then(|| self.now.plus_ms(DAY));
        let case = self.empty_case(patient, retain_until).await;
        self.grants(case).await;
        let owner = if state.is_own {
            self.person.user
        } else {
            self.world.somebody
        };
        self.marks(case, owner).await;
        if matches!(kind, Kind::Intake | Kind::Upload) {
            self.release(patient, self.world.somebody, state).await;
            self.upload(case, owner).await;
        }
        self.case_state(case, patient, state.of_case).await;
        case
    }

    async fn grants(&mut self, case: CaseId) {
        let spare = Grant {
            right: GrantRight::See,
            until: self.now.plus_ms(DAY),
            revoked: None,
        };
        self.grant(case, self.spare(), spare, "grant").await;
        if let Standing::Grant(grant) = self.person.standing {
            self.grant(case, self.person.user, grant, "own_grant").await;
        }
    }

    pub(super) async fn grant(&mut self, case: CaseId, user: UserId, grant: Grant, name: &'static str) {
        let put = CaseGrant {
            id: GrantId::from_random(random()),
            case,
            user,
            grant,
            granted_by: self.world.somebody,
            created: self.now,
        };
        let asker = self.asker(self.world.somebody);
        let proof = asker.case::<act::InviteCollaborator>(case);
        self.change.put_grant(proof, &put).await.unwrap();
        if let Some(revoked) = grant.revoked {
            let proof = asker.case(case);
            assert!(self.change.revoke_grant(proof, put.id, revoked).await.unwrap());
        }
        self.scene.put(name, &put.id);
    }

    async fn marks(&mut self, case: CaseId, author: UserId) {
        let annotation = AnnotationId::from_random(random());
        let geometry = json!({ "kind": "pin", "space": "patient", "points": [[1.0, 2.0, 3.0]] });
        let view = ViewId::from_random(random());
        let all = [
            (
                "annotation",
                MarkId::Annotation(annotation),
                json!({ "geometry": geometry, "label": null }),
            ),
            (
                "comment",
                MarkId::Comment(CommentId::from_random(random())),
                json!({ "text": "Words" }),
            ),
            (
                "view",
                MarkId::View(view),
                json!({ "caption": "View", "state": {} }),
            ),
            (
                "tour",
                MarkId::Tour(TourId::from_random(random())),
                json!({ "title": "Tour", "views": [view] }),
            ),
        ];
        for (name, id, body) in all {
            let mark = Mark {
                id,
                case,
                item: None,
                parent: matches!(id, MarkId::Comment(_)).then_some(annotation),
                author,
                version: 1,
                created: self.now,
                withdrawn: None,
                body,
            };
            let asker = self.asker(author);
            let added = match id {
                MarkId::Comment(_) => {
                    let proof = asker.written::<act::Comment, _>(annotation);
                    self.change.add_mark(proof, &mark).await
                }
                _ => {
                    self.change
                        .add_mark(asker.case::<act::Annotate>(case), &mark)
                        .await
                }
            };
            added.unwrap();
            self.scene.put(name, &id);
        }
    }

    pub(super) async fn release(&mut self, patient: PatientId, signed_by: UserId, state: &State<'_>) {
        let has = |part: &str| state.parts.contains(&part);
        if has("face") {
            self.scene.biometric = Biometric::FaceOrHead;
        }
        if has("release signed") || has("release withdrawn") {
            let release = SignedRelease {
                id: ReleaseId::from_random(random()),
                patient,
                signed_by,
                name: Phi::new("Roe".to_owned()),
                release: Release {
                    version: AgreementVersion(1),
                    scope: ReleaseScope::Treatment,
                    signed: self.now.plus_ms(-DAY),
                    withdrawn: None,
                },
            };
            let proof = self.asker(signed_by).patient(patient);
            self.change.add_release(proof, &release).await.unwrap();
        }
        if has("release withdrawn") {
            let then = self.now.plus_ms(-1_000);
            let proof = self.asker(signed_by).patient(patient);
            assert!(self.change.withdraw_releases(proof, then).await.unwrap());
        }
    }

    pub(super) async fn upload(&mut self, case: CaseId, creator: UserId) {
        let (set, upload) = (
            UploadSetId::from_random(random()),
            UploadId::from_random(random()),
        );
        let biometric = self.scene.biometric;
        self.change
            .create_upload_set(
                Asker::new(creator, self.now).intake(case),
                set,
                biometric,
                self.now,
            )
            .await
            .unwrap();
        let file = NewUpload {
            id: upload,
            path: Phi::new("a.dcm".to_owned()),
            len: 5,
            part: None,
        };
        let proof = self.asker(creator).upload(set);
        self.change.add_uploads(proof, &[file], self.now).await.unwrap();
        self.scene.put("set", &set);
        self.scene.put("upload", &upload);
    }

    async fn case_state(&mut self, case: CaseId, patient: PatientId, state: &str) {
        let asker = self.asker(self.world.somebody);
        if state != "private" {
            self.change
                .share_case(
                    asker.case::<act::ShareWithPatient>(case),
                    Sharing::WithPatient,
                    self.now,
                )
                .await
                .unwrap();
        }
        let mut present = self
            .change
            .case(asker.case::<act::SeeCase>(case))
            .await
            .unwrap()
            .expect("the case");
        match state {
            "closed" => present.state = present.state.close().unwrap(),
            "names shown" => present.names = NameDisclosure::Shown,
            "held" => {
                let proof = asker.case::<act::PlaceCaseHold>(case);
                self.change.hold_case(proof, Hold::Placed).await.unwrap();
            }
            "patient held" => {
                let proof = asker.patient::<act::PlaceHold>(patient);
                self.change.hold_patient(proof, Hold::Placed).await.unwrap();
            }
            "patient deleted" => {
                let deletion = deletion("deleted", self.now);
                let proof = asker.patient::<act::DeleteProfile>(patient);
                self.change.mark_patient_deleted(proof, deletion).await.unwrap();
            }
            _ => {}
        }
        if matches!(state, "closed" | "names shown") {
            let proof = asker.case::<act::EditCase>(case);
            self.change.update_case(proof, &present).await.unwrap();
        }
        let deletion = deletion(state, self.now);
        let proof = asker.case::<act::DeleteCase>(case);
        self.change.mark_case_deleted(proof, deletion).await.unwrap();
    }
}

/// What somebody proposes the item to be laid onto.
fn proposal(world: &World, scene: &mut Scene, author: UserId) {
    let item: ItemId = scene.ids["item"].parse().expect("an id");
    let registration = Registration {
        id: RegistrationId::from_random(random()),
        item,
        onto: item,
        author,
        created: world.now(),
        kept: None,
        withdrawn: None,
        fit: Fit {
            onto_from_item: rows_of(&DAffine3::IDENTITY),
            surface: "skin".to_owned(),
            onto_surface: "skin".to_owned(),
            residual_mm: 0.5,
            percentile_95_mm: 1.0,
            agreeing: 0.75,
            firmness: 0.5,
            landmarks_mm: None,
            landmarks: Vec::new(),
        },
    };
    let proof = Asker::new(author, world.now()).item::<act::EditItem>(item);
    world.change(async |change| {
        change.propose_registration(proof, &registration).await.unwrap();
    });
    scene.put("registration", &registration.id);
}

/// An item with one original and one artifact, whose bytes are there.
fn item(world: &World, scene: &mut Scene, case: CaseId, owner: UserId) {
    let system = world.catalog.system();
    let wrapped = world.runtime.block_on(system.wrapped_case_key(case)).unwrap();
    let key = world
        .root
        .open_case_key(*case.as_bytes(), &WrappedKey::from_bytes(&wrapped).unwrap())
        .unwrap();
    let (item, original) = (ItemId::from_random(random()), OriginalId::from_random(random()));
    let artifact = ArtifactId::from_random(random());
    world.runtime.block_on(async {
        let stored = async || {
            let mut writer = world.vault.writer(&key, ObjectId::random().unwrap()).unwrap();
            writer.append(b"bytes").await.unwrap();
            let object = writer.finish().await.unwrap();
            ObjectRow {
                name: object.id.to_string(),
                reference: object.to_bytes().to_vec(),
                len: object.len,
            }
        };
        let original = NewOriginal {
            id: original,
            sha256: [7; 32],
            file_name: Phi::new("a.dcm".to_owned()),
            object: stored().await,
        };
        let thumbnail = NewArtifact {
            id: artifact,
            kind: ArtifactKind::Thumbnail,
            name: "thumbnail".to_owned(),
            details: json!({}),
            objects: vec![("png".to_owned(), stored().await)],
        };
        let new = NewItem {
            id: item,
            case,
            uploader: Some(owner),
            ingest: world.run,
            kind: ItemKind::Volume,
            name: "Item".to_owned(),
            modality: None,
            study_uid: None,
            series_uid: None,
            content_key: [9; 32],
            grid: None,
            findings: json!([]),
            details: json!({}),
            originals: vec![ItemOriginal::New(original)],
            artifacts: vec![thumbnail],
        };
        world.catalog.system().commit_item(&new).await.unwrap();
    });
    scene.put("item", &item);
    scene.put("capture", &item);
    scene.put("original", &original);
    scene.put("artifact", &artifact);
    scene.put("part", &"png");
    scene.put("section", &"slice-0-1");
}
