//! The description of the API where the macros on the handlers say less than is true: problems have a media type of
//! their own, and bytes are no arrays of numbers.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";
/// Media types of bytes.
const BYTES: [&str; 3] = [
    "application/octet-stream",
    "application/offset+octet-stream",
    "application/vnd.vitrine.files",
];

/// The document as it is served.
pub(crate) fn finished(document: OpenApi) -> OpenApi {
    let Ok(mut value) = serde_json::to_value(&document) else {
        return document;
    };
    let paths = value.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths
        .into_iter()
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    for operation in operations {
        finish(operation);
    }
    serde_json::from_value(value).unwrap_or(document)
}

fn finish(operation: &mut Value) {
    let problem = operation.pointer_mut("/responses/default/content");
    if let Some(content) = problem.and_then(Value::as_object_mut)
        && let Some(described) = content.remove(JSON)
    {
        content.insert(PROBLEM.to_owned(), described);
    }
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        finish_bytes(content);
    }
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    for response in responses.into_iter().flat_map(Map::values_mut) {
        if let Some(content) = response.get_mut("content") {
            finish_bytes(content);
        }
    }
}

fn finish_bytes(content: &mut Value) {
    for (kind, described) in content.as_object_mut().into_iter().flatten() {
        if BYTES.contains(&kind.as_str()) {
            described["schema"] = json!({ "type": "string", "format": "binary" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_and_bytes_are_described_as_what_they_are() {
        let operation = json!({
            "responses": {
                "200": { "description": "", "content": {
                    "application/octet-stream": { "schema": { "type": "array", "items": { "type": "integer" } } },
                    "application/json": { "schema": { "type": "boolean" } },
                } },
                "default": { "description": "", "content": { "application/json": { "schema": { "type": "null" } } } },
            },
            "requestBody": { "content": { "application/vnd.vitrine.files": { "schema": { "type": "array" } } } },
        });
        let document = json!({
            "openapi": "3.1.0", "info": { "title": "T", "version": "1" }, "paths": { "/a": { "post": operation } },
        });
        let finished = finished(serde_json::from_value(document).unwrap());
        let finished = serde_json::to_value(finished).unwrap();
        let at = |pointer: &str| finished.pointer(&format!("/paths/~1a/post{pointer}")).cloned();
        let binary = Some(json!("binary"));
        assert_eq!(
            at("/responses/200/content/application~1octet-stream/schema/format"),
            binary
        );
        assert_eq!(
            at("/requestBody/content/application~1vnd.vitrine.files/schema/format"),
            binary
        );
        assert!(at("/responses/200/content/application~1json").is_some());
        assert!(at("/responses/default/content/application~1json").is_none());
        assert!(at("/responses/default/content/application~1problem+json").is_some());
    }
}
