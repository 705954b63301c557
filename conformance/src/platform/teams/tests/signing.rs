//! Tokens: what is signed rightly, and what is wrong with each forgery.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::{BoxedUint, PublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{act, call, simulation};
use crate::platform::teams::identity::APP;
use crate::platform::{Action, Signing, Simulation, Webhook};

fn signed(simulation: &Simulation, signing: Signing) -> String {
    let mut webhook = Webhook::json("k", &json!({}));
    let now = simulation.desk().now_ms();
    simulation.platform().sign(&mut webhook, signing, now);
    let header = webhook.header("authorization").unwrap_or_default();
    header.trim_start_matches("Bearer ").to_owned()
}

fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

/// Whether a token is signed by the key of the published set that it names.
fn is_signed(simulation: &Simulation, token: &str) -> bool {
    let (_, metadata) = call(
        simulation,
        "GET /v1/.well-known/openidconfiguration",
        "",
        "",
    );
    let path = metadata["jwks_uri"]
        .as_str()
        .unwrap()
        .replace(simulation.desk().origin(), "");
    let (_, set) = call(simulation, &format!("GET {path}"), "", "");
    let kid = &part(token, 0)["kid"];
    let Some(key) = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == *kid)
    else {
        return false;
    };
    let number = |name: &str| {
        BoxedUint::from_be_slice_vartime(&BASE64.decode(key[name].as_str().unwrap()).unwrap())
    };
    let key = PublicKey::new(number("n"), number("e")).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = BASE64.decode(signature).unwrap_or_default();
    Signature::try_from(bytes.as_slice()).is_ok_and(|signature| {
        VerifyingKey::<Sha256>::new(key)
            .verify(signed.as_bytes(), &signature)
            .is_ok()
    })
}

#[test]
fn what_the_bot_is_told_is_signed_by_a_published_key_for_this_bot_and_address() {
    let simulation = simulation();
    let token = signed(&simulation, Signing::Honest);
    assert!(is_signed(&simulation, &token));
    let claims = part(&token, 1);
    assert_eq!(claims["aud"], APP);
    assert_eq!(claims["iss"], "https://api.botframework.com");
    assert_eq!(
        claims["serviceurl"],
        format!("{}/amer/", simulation.desk().origin())
    );
    let done = simulation
        .compose(&act(Action::Say("hello".into())))
        .unwrap();
    let activity: Value = serde_json::from_slice(&done.webhooks[0].body).unwrap();
    assert_eq!(activity["serviceUrl"], claims["serviceurl"]);
    assert_eq!(activity["text"], "hello");
    assert_eq!(activity["from"]["aadObjectId"], done.sender);
}

#[test]
fn each_forgery_is_wrong_in_its_own_way_only() {
    let simulation = simulation();
    for signing in simulation.platform().forgeries() {
        let token = signed(&simulation, signing);
        let right = token.split('.').count() == 3 && is_signed(&simulation, &token);
        let about = |name| part(&token, 1)[name].clone();
        let now = simulation.desk().now_ms() / 1000;
        let wrong = match signing.name() {
            "missing" | "wrong" | "truncated" | "other-key" | "empty-key" | "unknown-key"
            | "no-algorithm" => !right,
            "replayed" => right && about("exp").as_u64().unwrap() + 300 < now,
            "future-dated" => right && about("nbf").as_u64().unwrap() > now + 300,
            "wrong-audience" => right && about("aud") != APP,
            "wrong-issuer" => right && about("iss") != "https://api.botframework.com",
            "wrong-service-url" | "no-service-url" => {
                right && about("serviceurl") != format!("{}/amer/", simulation.desk().origin())
            }
            "unendorsed-key" => right && part(&token, 0)["kid"] == "webchat-only",
            "shared-secret-algorithm" => part(&token, 0)["alg"] == "HS256",
            other => panic!("{other}"),
        };
        assert!(wrong, "{}", signing.name());
    }
}

#[test]
fn after_a_rotation_a_key_of_another_name_signs_and_the_old_name_is_gone() {
    let simulation = simulation();
    let before = signed(&simulation, Signing::Honest);
    assert_eq!(
        call(&simulation, "POST /simulation/rotate-key", "", "").0,
        204
    );
    let after = signed(&simulation, Signing::Honest);
    assert_ne!(part(&before, 0)["kid"], part(&after, 0)["kid"]);
    assert!(is_signed(&simulation, &after));
    assert!(!is_signed(&simulation, &before));
}
