use greentic_sdk::channel::IngressError;
use greentic_sdk::native;
use serde_json::{Value, json};

use crate::testing::{
    NOW, Platform, activity, authorization, claims, ingress, install, keys, request, settings,
};

fn outcome(authorizations: &[&str], body: &str) -> Result<usize, String> {
    match crate::ingress::ingress(&settings(), &request(authorizations, body), NOW) {
        Ok(outcome) => Ok(outcome.events.len()),
        Err(IngressError::Unverified(reason)) => Err(reason),
        Err(error) => panic!("{error:?}"),
    }
}

fn with_claims(changes: Value) -> Result<usize, String> {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    outcome(&[&authorization(&claims)], &activity(json!({})).to_string())
}

#[test]
fn a_signed_activity_is_one_event() {
    install(Platform::default());
    assert_eq!(with_claims(json!({})), Ok(1));
}

#[test]
fn without_one_good_token_nothing_is_read() {
    install(Platform::default());
    let body = activity(json!({})).to_string();
    let good = authorization(&claims());
    let by_other_key = format!("Bearer {}", keys::sign(1, &keys::header("k1"), &claims()));
    for (authorizations, says) in [
        (vec![], "no bearer token"),
        (vec![""], "no bearer token"),
        (vec!["Basic abc"], "no bearer token"),
        (vec!["Bearer x"], "not a JSON Web Token"),
        (vec![&good[..good.len() - 42]], "signature"),
        (vec![by_other_key.as_str()], "signature"),
        (vec![good.as_str(), good.as_str()], "no bearer token"),
    ] {
        let refused = outcome(&authorizations, &body).unwrap_err();
        assert!(refused.contains(says), "{authorizations:?}: {refused}");
    }
}

#[test]
fn a_token_of_another_issuer_audience_or_time_is_refused() {
    install(Platform::default());
    let now = NOW / 1000;
    for (changes, says) in [
        (json!({"iss": "https://sts.windows.net/x/"}), "issuer"),
        (json!({"aud": "another"}), "audience"),
        (json!({"exp": now - 300}), "expired"),
        (json!({"nbf": now + 301}), "not valid yet"),
    ] {
        let refused = with_claims(changes).unwrap_err();
        assert!(refused.contains(says), "{refused}");
    }
    assert_eq!(with_claims(json!({"exp": now - 299})), Ok(1));
    assert_eq!(with_claims(json!({"nbf": now + 300})), Ok(1));
}

#[test]
fn the_service_url_is_the_tokens_and_on_a_trusted_host() {
    install(Platform::default());
    let trusted = "https://smba.trafficmanager.net/amer/";
    let evil = "https://smba.trafficmanager.net.evil.example/";
    for (claimed, written, taken) in [
        (json!(trusted), json!(trusted), true),
        (
            json!("https://smba.trafficmanager.net/emea/"),
            json!(trusted),
            false,
        ),
        (
            json!(trusted),
            json!("https://smba.trafficmanager.net/amer"),
            false,
        ),
        (json!(trusted), json!(null), false),
        (json!(null), json!(null), false),
        (json!(null), json!(trusted), false),
        (json!(trusted), json!(7), false),
        (json!(evil), json!(evil), false),
        (
            json!("https://smba.trafficmanager.net/?x"),
            json!("https://smba.trafficmanager.net/?x"),
            false,
        ),
        (
            json!("http://169.254.169.254/"),
            json!("http://169.254.169.254/"),
            false,
        ),
    ] {
        let mut claims = claims();
        claims["serviceurl"] = claimed.clone();
        let body = activity(json!({"serviceUrl": written}));
        let outcome = outcome(&[&authorization(&claims)], &body.to_string());
        assert_eq!(outcome.is_ok(), taken, "{claimed} {written}: {outcome:?}");
    }
    assert!(
        native::requests()
            .iter()
            .all(|call| !call.url.contains("evil") && !call.url.contains("169.")),
        "nothing of an untrusted address was called"
    );
}

#[test]
fn the_keys_endorsements_name_the_channel() {
    for (endorsements, channel, taken) in [
        (json!(["msteams"]), json!("msteams"), true),
        (json!(["webchat", "msteams"]), json!("msteams"), true),
        (json!(["webchat"]), json!("msteams"), false),
        (json!(["msteams"]), json!("webchat"), false),
        (json!(["msteams"]), json!(null), false),
        (json!([]), json!("msteams"), true),
        (json!(null), json!("msteams"), true),
    ] {
        install(Platform {
            endorsements: endorsements.clone(),
            ..Platform::default()
        });
        let body = activity(json!({"channelId": channel}));
        let outcome = outcome(&[&authorization(&claims())], &body.to_string());
        assert_eq!(
            outcome.is_ok(),
            taken,
            "{endorsements} {channel}: {outcome:?}"
        );
    }
}

#[test]
fn what_is_authentic_and_unreadable_is_acknowledged_and_kept() {
    install(Platform::default());
    for body in ["", "{", "[1,2", "\u{0}"] {
        let request = request(&[&authorization(&claims())], body);
        let outcome = crate::ingress::ingress(&settings(), &request, NOW).unwrap();
        assert_eq!(outcome.response.status, 200, "{body}");
        assert!(outcome.malformed.is_some(), "{body}");
    }
    for changes in [
        json!({"id": 7}),
        json!({"conversation": "c"}),
        json!({"type": null}),
        json!({"id": null}),
        json!({"text": "x".repeat(70_000)}),
    ] {
        let outcome = ingress(&activity(changes.clone())).unwrap();
        assert_eq!(
            (outcome.response.status, outcome.events.len()),
            (200, 0),
            "{changes:.40}"
        );
        assert!(outcome.malformed.is_some(), "{changes:.40}");
    }
}

#[test]
fn only_a_post_reaches_the_webhook() {
    install(Platform::default());
    let mut get = request(&[&authorization(&claims())], "");
    get.method = "GET".into();
    let outcome = crate::ingress::ingress(&settings(), &get, NOW).unwrap();
    assert_eq!(outcome.response.status, 405);
}
