use greentic_sdk::channel::{Channel, IngressError, Lifecycle, memory};
use greentic_sdk::native::{self, Host};
use serde_json::json;

use crate::Teams;
use crate::testing::{NOW, Platform, activity, authorization, claims, install, request, settings};

/// A host whose session store is out.
struct WithoutMemory;

impl Host for WithoutMemory {}

#[test]
fn while_the_channels_memory_is_out_nothing_is_taken_and_nothing_refused() {
    native::install(WithoutMemory);
    let body = activity(json!({})).to_string();
    let request = request(&[&authorization(&claims())], body);
    let outcome = crate::ingress::ingress(&settings(), &request, NOW);
    assert!(
        matches!(outcome, Err(IngressError::Unavailable(_))),
        "{outcome:?}"
    );
}

#[test]
fn without_an_app_id_the_channel_takes_nothing() {
    install(Platform::default());
    let request = request(&[&authorization(&claims())], "{}");
    let outcome = Teams::ingress(request);
    assert!(
        matches!(&outcome, Err(IngressError::Internal(reason)) if reason.contains("app-id")),
        "{outcome:?}"
    );
    assert!(Teams::setup("https://bot.example.com/x".into()).is_err());
    assert_eq!(memory::get(crate::files::ADDRESS).unwrap(), None);
}

#[test]
fn the_description_asks_for_what_the_defaults_call() {
    let about = Teams::describe().about;
    assert_eq!(about.requests.secrets, ["teams/client-secret"]);
    for url in [
        settings().metadata_url,
        settings().login_url,
        settings().api_url,
    ] {
        let host = url.split('/').nth(2).unwrap().to_owned();
        assert!(about.requests.http.contains(&host), "{host}");
    }
    let schema: serde_json::Value = serde_json::from_str(&about.config_schema).unwrap();
    assert_eq!(schema["required"], json!(["app-id"]));
}
