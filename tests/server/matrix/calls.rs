//! What is sent to each route: bodies that are fine as far as their form goes, so that the answer is about the right.

use domain::Biometric;
use serde_json::{Value, json};

use super::super::client::PASSWORD;
use super::Route;
use super::scene::Scene;
use super::world::random;

/// A request.
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// A request to `route` about what is in `scene`.
    pub(crate) fn new(route: &Route, scene: &Scene) -> Self {
        let mut path = route.path.clone();
        for (name, id) in &scene.ids {
            path = path.replace(&format!("{{{name}}}"), id);
        }
        let request = match route.right.as_str() {
            "AnswerAmendment" => "amendment",
            _ => "copy",
        };
        if let Some(id) = scene.ids.get(request) {
            path = path.replace("{request}", id);
        }
        if path == "/api/cases" {
            path.push_str("?as=collaborator");
        }
        assert!(!path.contains('{'), "{path} of {route:?}");
        Self::with(route, path, json_body(route, scene))
    }

    /// A request to a route that asks nobody who they are.
    pub(crate) fn of_visitor(route: &Route) -> Self {
        let email = format!("{}@example.org", name());
        let body = match route.path.as_str() {
            "/api/practices" => json!({ "practice": "P", "name": "N", "email": email, "password": PASSWORD }),
            "/api/recover" => json!({ "email": email }),
            "/api/sign-in" => json!({ "email": email, "password": PASSWORD }),
            "/api/reset" | "/api/accept" => json!({ "word": "no such word", "password": PASSWORD }),
            _ => json!({ "word": "no such word" }),
        };
        let body = (route.method != "GET").then_some(body);
        Self::with(route, route.path.clone(), body)
    }

    fn with(route: &Route, path: String, json: Option<Value>) -> Self {
        let mut call = Self {
            method: route.method.clone(),
            path,
            headers: Vec::new(),
            body: Vec::new(),
        };
        if let Some(json) = json {
            call.headers.push(("content-type", "application/json".to_owned()));
            call.body = json.to_string().into_bytes();
        }
        match (route.method.as_str(), route.path.as_str()) {
            ("POST", "/api/upload-sets/{set}/files") => {
                call.headers.push(("upload-length", "7".to_owned()));
                call.headers
                    .push(("upload-metadata", "filename YS5kY20=".to_owned()));
            }
            ("POST", "/api/upload-sets/{set}/many") => {
                call.headers
                    .push(("content-type", "application/vnd.vitrine.files".to_owned()));
            }
            ("PATCH", _) => {
                call.headers
                    .push(("content-type", "application/offset+octet-stream".to_owned()));
                call.headers.push(("upload-offset", "0".to_owned()));
                call.body = b"bytes".to_vec();
            }
            _ => {}
        }
        call
    }
}

fn name() -> String {
    random()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn json_body(route: &Route, scene: &Scene) -> Option<Value> {
    let geometry = json!({ "kind": "pin", "space": "patient", "points": [[3.0, 2.0, 1.0]] });
    let person = || json!({ "email": format!("{}@example.org", name()), "name": "N" });
    let body = match (route.right.as_str(), route.path.as_str()) {
        ("AcceptAgreement", _) => json!({ "kind": "terms", "version": 99 }),
        ("EnrollFactor", "/api/me/totp/confirm") => {
            json!({ "credential": "00000000-0000-4000-8000-000000000000", "code": "000000" })
        }
        ("InviteMember", _) => {
            let mut body = person();
            body["role"] = json!("staff");
            body
        }
        ("ChangeMember", _) => json!({ "role": "clinician" }),
        ("CreatePatient", _) => json!({ "name": "Roe" }),
        ("EditProfile", _) => json!({ "version": 1, "demographics": { "name": "Doe" } }),
        ("InvitePatient", _) => person(),
        ("InviteGuardian", _) => {
            let mut body = person();
            body["guardian"] = json!({ "scope": "look", "from": "2026-01-01", "until": "2030-01-01" });
            body
        }
        ("SignRelease", _) => json!({ "version": 1, "scope": "treatment", "name": "Roe" }),
        ("StartConnection", _) => json!({ "doctor": format!("{}@example.org", scene.ids["user"]) }),
        ("CreateCase", _) => json!({ "title": "Case" }),
        ("EditCase", _) => json!({ "version": 1, "title": "Other", "names": "withheld" }),
        ("InviteCollaborator", _) => {
            let mut body = person();
            body["right"] = json!("see");
            body["until"] = json!("2099-01-01");
            body
        }
        ("Annotate", _) => json!({ "geometry": geometry }),
        ("AmendAnnotation", _) => json!({ "geometry": geometry, "version": 1 }),
        ("Comment", _) => json!({ "text": "Words" }),
        ("AmendComment", _) => json!({ "text": "Other words", "version": 1 }),
        ("SaveView", _) => json!({ "caption": "View", "state": {} }),
        ("AmendView", _) => json!({ "caption": "Other", "state": {}, "version": 1 }),
        ("SaveTour", _) => json!({ "title": "Tour", "views": [scene.ids["view"]] }),
        ("AmendTour", _) => json!({ "title": "Other", "views": [scene.ids["view"]], "version": 1 }),
        ("StartUpload", _) => match scene.biometric {
            Biometric::No => json!({ "biometric": "no" }),
            Biometric::FaceOrHead => json!({ "biometric": "face_or_head" }),
        },
        ("AnswerConnection", _) => json!({ "accept": true }),
        ("AnswerAmendment" | "AnswerCopyRequest", _) => json!({ "granted": true, "text": "Words" }),
        ("TransferCapture" | "GiveCapture", _) => json!({ "to": scene.ids["user"] }),
        ("FileCapture", _) => json!({ "case": scene.ids["case"], "biometric": "no" }),
        ("EditAccount", "/api/me/password") => {
            json!({ "old": "not the present one", "new": "five other words of mine" })
        }
        ("EditItem", "/api/items/{item}/registrations") => json!({ "onto": scene.ids["item"] }),
        ("EditAccount" | "CreatePractice" | "EditPractice" | "EditItem", _) => json!({ "name": "N" }),
        ("EnrollFactor", "/api/me/passkeys/finish") => json!({ "ceremony": "none", "credential": {} }),
        ("SetRetention", _) => json!({ "retention_years": 0, "majority_years": 18 }),
        ("OpenEmergencyAccess", _) => json!({ "reason": "Fire", "minutes": 10 }),
        ("RequestAmendment", _) => json!({ "kind": "amendment", "text": "Words" }),
        ("RequestCopy", _) => json!({ "kind": "copy", "text": "Words" }),
        ("ChangeGrant", _) => json!({ "right": "see", "until": "2099-01-01" }),
        _ => return None,
    };
    Some(body)
}
