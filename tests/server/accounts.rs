//! Signing up, in and out.

use serde_json::json;
use ureq::http::Method;

use super::client::{PASSWORD, Server};

#[test]
fn without_a_second_factor_nothing_is_seen() {
    let server = Server::with(&[]);
    let visitor = server.visitor();
    let answer = visitor.post(
        "/api/practices",
        &json!({ "practice": "Praxis", "name": "A", "email": "a@example.org", "password": PASSWORD }),
    );
    assert_eq!((answer.status, answer.json), (202, json!({})));
    let refused = visitor.post(
        "/api/sign-in",
        &json!({ "email": "a@example.org", "password": PASSWORD }),
    );
    assert_eq!(
        (refused.status, &refused.json["code"]),
        (403, &json!("unverified"))
    );

    let word = server.mailed_word();
    assert_eq!(visitor.post("/api/verify", &json!({ "word": word })).status, 204);
    assert_eq!(visitor.post("/api/verify", &json!({ "word": word })).status, 410);

    let mut client = server.visitor();
    client.sign_in(&json!({ "email": "A@Example.org", "password": PASSWORD }));
    client.accept_terms();
    let me = client.get("/api/me");
    assert_eq!(me.json["strength"], "single");
    let practice = me.json["memberships"][0]["practice"].as_str().unwrap();
    let refused = client.get(&format!("/api/practices/{practice}/patients"));
    assert_eq!(
        (refused.status, &refused.json["code"]),
        (403, &json!("second_factor"))
    );

    // One-time codes are set up; each code is good once.
    let secret = client.call(Method::POST, "/api/me/totp", &[], Vec::new());
    assert_eq!(secret.status, 200, "{secret:?}");
    let confirm = |code: &str| {
        client.post(
            "/api/me/totp/confirm",
            &json!({ "credential": secret.json["credential"], "code": code }),
        )
    };
    assert_eq!(confirm("000000x").status, 422);
    let code = totp(secret.json["secret"].as_str().unwrap(), 0);
    let confirmed = confirm(&code);
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let codes = confirmed.json["codes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10);
    assert_eq!(client.get("/api/me").status, 401, "the cookie before has ended");
    let mut strong = server.visitor();
    strong.keep_cookie(&confirmed);
    assert_eq!(
        strong.get(&format!("/api/practices/{practice}/patients")).status,
        200
    );

    let again = |extra: serde_json::Value| {
        let mut proofs = json!({ "email": "a@example.org", "password": PASSWORD });
        proofs
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        visitor.post("/api/sign-in", &proofs)
    };
    assert_eq!(again(json!({})).json["code"], "second_factor_required");
    assert_eq!(again(json!({ "code": code })).json["code"], "wrong_code");
    let recovery = json!({ "recovery_code": codes[3] });
    assert_eq!(again(recovery.clone()).json["strength"], "strong");
    assert_eq!(again(recovery).json["code"], "wrong_code");

    // Ending the sign-in ends it.
    assert_eq!(
        strong.call(Method::POST, "/api/sign-out", &[], Vec::new()).status,
        204
    );
    assert_eq!(strong.get("/api/me").status, 401);
}

/// The one-time code of a secret, by an implementation of the test's own.
fn totp(secret: &str, later_steps: u64) -> String {
    let script = format!(
        "import base64,hmac,hashlib,struct,time\n\
         k=base64.b32decode('{secret}'+'='*(-len('{secret}')%8))\n\
         c=struct.pack('>Q',int(time.time())//30+{later_steps})\n\
         h=hmac.new(k,c,hashlib.sha1).digest();o=h[-1]&15\n\
         print('%06d'%((struct.unpack('>I',h[o:o+4])[0]&0x7fffffff)%10**6))"
    );
    let output = std::process::Command::new("python3")
        .args(["-c", &script])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn wrong_passwords_make_an_account_wait() {
    let server = Server::demo();
    server.practice("a@example.org");
    let visitor = server.visitor();
    let attempt = |password: &str| {
        visitor
            .post(
                "/api/sign-in",
                &json!({ "email": "a@example.org", "password": password }),
            )
            .status
    };
    let answers: Vec<u16> = (0..6).map(|_| attempt("not the right password")).collect();
    assert_eq!(answers[..5], [401; 5]);
    assert_eq!(answers[5], 429);
    assert_eq!(attempt(PASSWORD), 429);
    let nobody = visitor.post(
        "/api/sign-in",
        &json!({ "email": "x@example.org", "password": "not the right one" }),
    );
    assert_eq!((nobody.status, &nobody.json["code"]), (401, &json!("wrong")));
}

#[test]
fn other_sites_change_nothing() {
    let server = Server::demo();
    let (client, practice) = server.practice("a@example.org");
    let path = format!("/api/practices/{practice}/patients");
    for headers in [
        [
            ("sec-fetch-site", "cross-site"),
            ("content-type", "application/json"),
        ],
        [
            ("origin", "https://evil.example"),
            ("content-type", "application/json"),
        ],
    ] {
        let answer = client.call(Method::POST, &path, &headers, br#"{"name":"x"}"#.to_vec());
        assert_eq!((answer.status, &answer.json["code"]), (403, &json!("cross_site")));
    }
    let page = client.get("/api/me");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    assert_eq!(page.header("cache-control"), "no-store");
}

#[test]
fn a_newer_text_must_be_accepted_before_anything_else() {
    let mut server = Server::demo();
    let (client, practice) = server.practice("a@example.org");
    let patients = format!("/api/practices/{practice}/patients");
    let texts = server.visitor().get("/api/agreements");
    assert_eq!(texts.json.as_array().unwrap().len(), 3);
    let old = json!({ "kind": "terms", "version": 1 });
    assert_eq!(client.get(&patients).status, 200);
    server.stop();

    let folder = server.folder.path().join("agreements");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("terms.2.md"), "Be kind.").unwrap();
    server.option("--agreements");
    server.option(folder.to_str().unwrap());
    server.start();
    let client = client.at(&server);
    let refused = client.get(&patients);
    assert_eq!(
        (refused.status, &refused.json["code"]),
        (403, &json!("agreement_pending"))
    );
    assert_eq!(client.post("/api/me/agreements", &old).status, 409);
    client.accept_terms();
    assert_eq!(client.get(&patients).status, 200);
}

#[test]
fn the_pages_learn_who_looks_and_what_was_agreed_to() {
    let server = Server::demo();
    let nobody = server.visitor().get("/api/visitor");
    assert_eq!((nobody.status, &nobody.json), (200, &json!({ "me": null })));
    let (admin, practice) = server.practice("a@example.org");
    let me = admin.get("/api/visitor").json["me"].clone();
    assert_eq!(me, admin.get("/api/me").json);
    assert_eq!(me["memberships"][0]["name"], "Praxis am Park");
    assert_eq!(me["records"], json!([]));

    let (patient, _) = admin.patient_and_case(&practice);
    let invite = |guardian: serde_json::Value, email: &str| {
        let body = json!({ "email": email, "name": "N", "guardian": guardian });
        let invited = admin.post(&format!("/api/patients/{patient}/people"), &body);
        assert_eq!(invited.status, 201, "{invited:?}");
        server.accept(email, &invited.json["mailed"])
    };
    let own = invite(serde_json::Value::Null, "own@example.org");
    let record = json!([{ "patient": patient, "link": "own" }]);
    assert_eq!(own.get("/api/me").json["records"], record);

    // Terms and privacy were accepted; advertising is chosen and taken back.
    let agreed = |client: &super::client::Client| {
        let all = client.get("/api/me/agreements");
        assert_eq!(all.status, 200, "{all:?}");
        let rows = all.json.as_array().unwrap().clone();
        let mut rows: Vec<(String, bool)> = rows
            .iter()
            .map(|row| {
                (
                    row["kind"].as_str().unwrap().to_owned(),
                    row["withdrawn"].is_null(),
                )
            })
            .collect();
        rows.sort();
        rows
    };
    let row = |kind: &str, holds: bool| (kind.to_owned(), holds);
    assert_eq!(agreed(&own), [row("privacy", true), row("terms", true)]);
    let choice = |method| {
        own.call(method, "/api/me/marketing/surveys", &[], Vec::new())
            .status
    };
    assert_eq!((choice(Method::PUT), choice(Method::DELETE)), (204, 204));
    assert_eq!(
        agreed(&own),
        [row("privacy", true), row("surveys", false), row("terms", true)]
    );
}
