//! Passkeys, with an authenticator of the test's own.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use ureq::http::Method;

use super::client::{PASSWORD, Server};

/// Present, verified, and with a new credential (WebAuthn level 3, section 6.1).
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// One credential of an authenticator.
struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    origin: String,
    user: Vec<u8>,
}

impl Authenticator {
    fn new(server: &Server) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            id: vec![0xC5; 32],
            origin: server.base.replace("127.0.0.1", "localhost"),
            user: Vec::new(),
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = &options["publicKey"]["challenge"];
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn data(flags: u8, counter: u32) -> Vec<u8> {
        let mut data = digest(&SHA256, b"localhost").as_ref().to_vec();
        data.push(flags);
        data.extend(counter.to_be_bytes());
        data
    }

    /// What `navigator.credentials.create` answers.
    fn create(&mut self, options: &Value) -> Value {
        let user = options["publicKey"]["user"]["id"].as_str().unwrap();
        self.user = BASE64URL_NOPAD.decode(user.as_bytes()).unwrap();
        let mut data = Self::data(PRESENT | VERIFIED | ATTESTED, 0);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        // The public key as COSE: EC2, ES256, P-256, x, y.
        let point = self.key.public_key().as_ref();
        data.extend([0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        // A map of fmt, attStmt and authData.
        let mut attestation = b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x59".to_vec();
        attestation.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        attestation.extend(&data);
        let client_data = self.client_data("webauthn.create", options);
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key", "extensions": {},
            "response": { "attestationObject": text(&attestation), "clientDataJSON": text(&client_data) },
        })
    }

    /// What `navigator.credentials.get` answers.
    fn get(&self, options: &Value, flags: u8, counter: u32) -> Value {
        let data = Self::data(flags, counter);
        let client_data = self.client_data("webauthn.get", options);
        let signed = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key", "extensions": {},
            "response": {
                "authenticatorData": text(&data), "clientDataJSON": text(&client_data),
                "signature": text(signature.as_ref()), "userHandle": text(&self.user),
            },
        })
    }
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

#[test]
fn a_passkey_signs_in_without_a_password() {
    let server = Server::with(&[]);
    let visitor = server.visitor();
    let signed_up = visitor.post(
        "/api/practices",
        &json!({ "practice": "Praxis", "name": "A", "email": "a@example.org", "password": PASSWORD }),
    );
    assert_eq!(signed_up.status, 202, "{signed_up:?}");
    let verified = visitor.post("/api/verify", &json!({ "word": server.mailed_word() }));
    assert_eq!(verified.status, 204);
    let client = server.sign_in("a@example.org");
    assert_eq!(client.get("/api/me").json["strength"], "single");

    let mut authenticator = Authenticator::new(&server);
    let begun = client.call(Method::POST, "/api/me/passkeys/start", &[], Vec::new());
    assert_eq!(begun.status, 200, "{begun:?}");
    let choice = &begun.json["options"]["publicKey"]["authenticatorSelection"];
    assert_eq!(
        (&choice["residentKey"], &choice["userVerification"]),
        (&json!("required"), &json!("required"))
    );
    let created = json!({
        "ceremony": begun.json["ceremony"],
        "credential": authenticator.create(&begun.json["options"]),
    });
    let finished = client.post("/api/me/passkeys/finish", &created);
    assert_eq!(
        (finished.status, &finished.json["strength"]),
        (201, &json!("strong")),
        "{finished:?}"
    );
    assert_eq!(client.get("/api/me").status, 401, "the cookie before has ended");

    let begin = || {
        visitor
            .call(Method::POST, "/api/sign-in/passkey/start", &[], Vec::new())
            .json
    };
    let finish = |ceremony: &Value, credential: Value| {
        visitor.post(
            "/api/sign-in/passkey/finish",
            &json!({ "ceremony": ceremony["ceremony"], "credential": credential }),
        )
    };
    let ceremony = begin();
    let answered = authenticator.get(&ceremony["options"], PRESENT | VERIFIED, 1);
    let signed_in = finish(&ceremony, answered.clone());
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    let mut client = server.visitor();
    client.keep_cookie(&signed_in);
    assert_eq!(client.get("/api/me").json["strength"], "strong");
    assert_eq!(client.get("/api/me/passkeys").json.as_array().unwrap().len(), 1);

    let recorded = || super::audit::verify(&server).1["events"].as_u64().unwrap();
    let before = recorded();
    // An answer is good once, for its own challenge, from the right place, by the right key, with the user verified.
    assert_eq!(finish(&ceremony, answered.clone()).status, 401);
    assert_eq!(finish(&begin(), answered).status, 401);
    let ceremony = begin();
    let unverified = authenticator.get(&ceremony["options"], PRESENT, 2);
    assert_eq!(finish(&ceremony, unverified).status, 401);
    let ceremony = begin();
    authenticator.origin = "http://evil.example".to_owned();
    let elsewhere = authenticator.get(&ceremony["options"], PRESENT | VERIFIED, 3);
    assert_eq!(finish(&ceremony, elsewhere).status, 401);
    let ceremony = begin();
    let mut thief = Authenticator::new(&server);
    thief.user.clone_from(&authenticator.user);
    let stolen = thief.get(&ceremony["options"], PRESENT | VERIFIED, 4);
    assert_eq!(finish(&ceremony, stolen).status, 401);
    // Each try is kept, but the first: of a challenge that was answered already nothing is known.
    assert_eq!(recorded(), before + 4);
}
