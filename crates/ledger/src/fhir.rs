//! Events as FHIR R4 AuditEvents after IHE BALP 1.1.3 (Basic Audit Log Patterns), one JSON object each: a line of
//! NDJSON.
//!
//! # Limits
//! BALP has profiles for what succeeded as a create, read, update or delete; those events name theirs in
//! `meta.profile`. Searches would need the query, which the log does not keep, and refusals have no profile: they are
//! plain AuditEvents in the same shape.

use domain::Verb;
use serde_json::{Value, json};

use crate::checkpoint::LogName;
use crate::event::{Detail, Event, Outcome};
use crate::report::Recorded;

/// Who observed the events: the log that they come from.
#[derive(Clone, Debug)]
pub struct Observer {
    /// Its name.
    pub log: LogName,
}

const PROFILES: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const BALP_ENTITY_TYPE: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";

/// An event as an AuditEvent.
pub fn audit_event(observer: &Observer, recorded: &Recorded) -> Value {
    let event = &recorded.event;
    let log = observer.log.as_str().trim_start_matches("vitrine/");
    let mut resource = json!({
        "resourceType": "AuditEvent",
        "id": format!("{log}.{}", recorded.sequence),
        "type": {
            "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
            "code": "rest",
            "display": "Restful Operation",
        },
        "subtype": [
            coding("http://hl7.org/fhir/restful-interaction", interaction(event.verb)),
            coding("urn:vitrine:action", event.action.as_str()),
        ],
        "action": action(event.verb),
        "recorded": event.at.to_rfc3339(),
        "outcome": outcome(&event.outcome),
        "agent": agents(observer, event),
        "source": {
            "observer": { "identifier": { "system": "urn:vitrine:log", "value": observer.log.as_str() } },
            "type": [coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4")],
        },
    });
    let entities = entities(event);
    if let Some(fields) = resource.as_object_mut() {
        if let Some(profile) = profile(event) {
            let meta = json!({ "profile": [format!("{PROFILES}{profile}")] });
            fields.insert("meta".to_owned(), meta);
        }
        if let Outcome::Refused(reason) | Outcome::Failed(reason) = &event.outcome {
            fields.insert("outcomeDesc".to_owned(), json!(reason.as_str()));
        }
        if !entities.is_empty() {
            fields.insert("entity".to_owned(), Value::Array(entities));
        }
    }
    resource
}

fn coding(system: &str, code: &str) -> Value {
    json!({ "system": system, "code": code })
}

fn interaction(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Read => "read",
        Verb::List => "search",
        Verb::Update => "update",
        Verb::Delete => "delete",
        Verb::Execute => "operation",
    }
}

/// `AuditEvent.action` (FHIR R4, value set audit-event-action).
fn action(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "C",
        Verb::Read => "R",
        Verb::Update => "U",
        Verb::Delete => "D",
        Verb::List | Verb::Execute => "E",
    }
}

/// `AuditEvent.outcome` (FHIR R4, value set audit-event-outcome): success, minor failure, serious failure.
fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed => "0",
        Outcome::Refused(_) => "4",
        Outcome::Failed(_) => "8",
    }
}

/// The profile of BALP that an event conforms to.
fn profile(event: &Event) -> Option<&'static str> {
    let has_data = event.object.is_some();
    if event.outcome != Outcome::Allowed || !has_data {
        return None;
    }
    match (event.verb, event.patient.is_some()) {
        (Verb::Create, false) => Some("IHE.BasicAudit.Create"),
        (Verb::Create, true) => Some("IHE.BasicAudit.PatientCreate"),
        (Verb::Read, false) => Some("IHE.BasicAudit.Read"),
        (Verb::Read, true) => Some("IHE.BasicAudit.PatientRead"),
        (Verb::Update, false) => Some("IHE.BasicAudit.Update"),
        (Verb::Update, true) => Some("IHE.BasicAudit.PatientUpdate"),
        (Verb::Delete, false) => Some("IHE.BasicAudit.Delete"),
        (Verb::Delete, true) => Some("IHE.BasicAudit.PatientDelete"),
        (Verb::List | Verb::Execute, _) => None,
    }
}

/// The user, the program that asked, and the server. The roles of source and destination say where data flowed
/// (DICOM PS3.16, CID 402).
fn agents(observer: &Observer, event: &Event) -> Vec<Value> {
    const SOURCE: (&str, &str) = ("110153", "Source Role ID");
    const DESTINATION: (&str, &str) = ("110152", "Destination Role ID");
    let (client, server) = match event.verb {
        Verb::Read => (DESTINATION, SOURCE),
        _ => (SOURCE, DESTINATION),
    };
    let role = |(code, display): (&str, &str)| {
        json!({ "coding": [{
            "system": "http://dicom.nema.org/resources/ontology/DCM", "code": code, "display": display,
        }] })
    };
    // A sign-in stands for the browser or program: addresses are personal data and not in the log.
    let program = event
        .sign_in
        .map_or("urn:vitrine:no-sign-in".to_owned(), |id| format!("urn:uuid:{id}"));
    let mut agents = vec![
        json!({
            "type": role(client),
            "who": { "identifier": { "value": program.as_str() } },
            "requestor": event.actor.is_none(),
            "network": { "address": program.as_str(), "type": "5" },
        }),
        json!({
            "type": role(server),
            "who": { "identifier": { "value": observer.log.as_str() } },
            "requestor": false,
            "network": { "address": format!("urn:{}", observer.log.as_str().replace('/', ":")), "type": "5" },
        }),
    ];
    if let Some(actor) = event.actor {
        agents.push(json!({
            "type": { "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                "code": "IRCP",
                "display": "information recipient",
            }] },
            "role": [{ "coding": [coding("urn:vitrine:capacity", event.capacity.word())] }],
            "who": { "identifier": { "system": "urn:ietf:rfc:3986", "value": format!("urn:uuid:{actor}") } },
            "requestor": true,
        }));
    }
    agents
}

fn entities(event: &Event) -> Vec<Value> {
    let mut entities = Vec::new();
    if let Some(patient) = event.patient {
        entities.push(json!({
            "what": { "reference": format!("Patient/{patient}") },
            "type": coding(ENTITY_TYPE, "1"),
            "role": coding(OBJECT_ROLE, "1"),
        }));
    }
    if let Some(object) = &event.object {
        let details: Vec<Value> = event
            .details
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Detail::Number(number) => number.to_string(),
                    Detail::Word(word) => word.to_string(),
                };
                json!({ "type": name.as_str(), "valueString": value })
            })
            .collect();
        let mut data = json!({
            "what": { "identifier": {
                "system": format!("urn:vitrine:{}", object.kind),
                "value": object.id.as_str(),
            } },
            "type": coding(ENTITY_TYPE, "2"),
            "role": coding(OBJECT_ROLE, "4"),
        });
        if let Some(fields) = data.as_object_mut().filter(|_| !details.is_empty()) {
            fields.insert("detail".to_owned(), Value::Array(details));
        }
        entities.push(data);
    }
    if let Some(request) = event.request {
        entities.push(json!({
            "what": { "identifier": { "value": request.to_string() } },
            "type": coding(BALP_ENTITY_TYPE, "XrequestId"),
        }));
    }
    entities
}

#[cfg(test)]
mod tests {
    use domain::{Capacity, PatientId, RequestId, SignInId, Timestamp, UserId};

    use super::*;
    use crate::event::{Object, Word};

    fn word(text: &str) -> Word {
        Word::new(text).unwrap()
    }

    fn recorded(verb: Verb, outcome: Outcome) -> Recorded {
        let mut event = Event::new(
            Timestamp::from_ms(1_795_000_000_007),
            word("LookAtItem"),
            verb,
            outcome,
            Capacity::Collaborator,
        );
        event.actor = Some(UserId::from_bytes([7; 16]));
        event.patient = Some(PatientId::from_bytes([8; 16]));
        event.request = Some(RequestId::from_bytes([9; 16]));
        event.sign_in = Some(SignInId::from_bytes([10; 16]));
        event.object = Some(Object {
            id: word("an-item"),
            kind: word("Item"),
        });
        event.details.insert(word("frames"), Detail::Number(12));
        Recorded { sequence: 41, event }
    }

    fn observer() -> Observer {
        Observer {
            log: LogName::from_random([0xab; 16]),
        }
    }

    /// The elements that the profiles PatientRead and Read of BALP 1.1.3 require, by their slices.
    #[test]
    fn a_read_has_what_its_profile_requires() {
        let resource = audit_event(&observer(), &recorded(Verb::Read, Outcome::Allowed));
        assert_eq!(
            resource["meta"]["profile"][0],
            "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
        );
        assert_eq!(resource["type"]["code"], "rest");
        assert_eq!(resource["subtype"][0]["code"], "read");
        assert_eq!(
            (&resource["action"], &resource["outcome"]),
            (&json!("R"), &json!("0"))
        );
        assert_eq!(resource["recorded"], "2026-11-18T11:06:40.007Z");
        let agents = resource["agent"].as_array().unwrap();
        let of_type = |code: &str| {
            let mut found = agents
                .iter()
                .filter(|agent| agent["type"]["coding"][0]["code"] == code);
            let agent = found.next().unwrap();
            assert!(found.next().is_none(), "{code} twice");
            agent
        };
        for role in ["110152", "110153"] {
            assert!(of_type(role)["who"].is_object() && of_type(role)["network"].is_object());
        }
        let requestors = agents.iter().filter(|agent| agent["requestor"] == true);
        assert_eq!(requestors.count(), 1);
        assert_eq!(
            of_type("IRCP")["who"]["identifier"]["value"],
            "urn:uuid:07070707-0707-0707-0707-070707070707"
        );
        let entities = resource["entity"].as_array().unwrap();
        assert_eq!(
            entities[0]["what"]["reference"],
            "Patient/08080808-0808-0808-0808-080808080808"
        );
        let types: Vec<&Value> = entities.iter().map(|entity| &entity["type"]["code"]).collect();
        assert_eq!(types, ["1", "2", "XrequestId"]);
        assert_eq!(entities[1]["detail"][0]["valueString"], "12");
    }

    #[test]
    fn a_refusal_names_its_reason_and_no_profile() {
        let refused = Outcome::Refused(word("not_allowed"));
        let resource = audit_event(&observer(), &recorded(Verb::Read, refused));
        assert_eq!(resource["outcome"], "4");
        assert_eq!(resource["outcomeDesc"], "not_allowed");
        assert!(resource.get("meta").is_none());
        let failed = Outcome::Failed(word("disk_full"));
        let resource = audit_event(&observer(), &recorded(Verb::Create, failed));
        assert_eq!(
            (&resource["outcome"], &resource["action"]),
            (&json!("8"), &json!("C"))
        );
    }

    #[test]
    fn the_server_itself_may_act() {
        let mut recorded = recorded(Verb::Delete, Outcome::Allowed);
        recorded.event.actor = None;
        recorded.event.sign_in = None;
        recorded.event.capacity = Capacity::System;
        let resource = audit_event(&observer(), &recorded);
        let agents = resource["agent"].as_array().unwrap();
        assert_eq!(agents.len(), 2);
        assert_eq!(agents[0]["requestor"], true);
        assert_eq!(
            resource["meta"]["profile"][0],
            "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientDelete"
        );
    }
}
