//! What a channel says of itself.

use greentic_interfaces::imports::greentic::channel::types::{Descriptor, Surfaces};
use greentic_sandbox::scope::CallScope;

use super::talk::Bench;
use crate::case::{Stop, Verdict, ensure};

crate::cases::cases! {
    "channel.describe.pure", "`describe` says the same on every call and in every instance, whatever it is given.", pure;
    "channel.describe.bounded", "Name, version, headers, limits and configuration schema of `describe` are what the contract allows.", bounded;
    "channel.describe.requests", "`describe` asks for every secret the channel opens, and for its platform's hosts.", requests;
}

fn pure(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let first = format!("{:?}", talk.descriptor);
    for _ in 0..3 {
        let again = talk
            .wait(talk.client.describe(CallScope::default()))
            .map_err(|fault| Stop::Failed(fault.to_string()))?;
        ensure(format!("{again:?}") == first, || {
            "a second call says something else".into()
        })?;
    }
    let bare = bench.talk_as(|given, _| {
        given.config.clear();
        given.secrets.clear();
        given.http.clear();
    })?;
    ensure(format!("{:?}", bare.descriptor) == first, || {
        "without configuration and secrets it says something else".into()
    })
}

fn bounded(bench: &Bench<'_>) -> Verdict {
    let descriptor = bench.talk()?.descriptor;
    let about = &descriptor.about;
    let name_like = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    ensure(name_like(&about.name), || {
        format!("the name is `{}`", about.name)
    })?;
    ensure(about.version.split('.').count() == 3, || {
        format!("the version is `{}` and not semantic", about.version)
    })?;
    ensure(
        !about.description.is_empty() && !about.description.contains('\n'),
        || "the description is not one line".into(),
    )?;
    if !about.config_schema.is_empty() {
        let schema = serde_json::from_str::<serde_json::Value>(&about.config_schema);
        ensure(schema.is_ok_and(|schema| schema.is_object()), || {
            "the configuration's schema is no JSON object".into()
        })?;
    }
    for header in &descriptor.headers {
        ensure(name_like(header), || {
            format!("the header `{header}` is not in lower case")
        })?;
    }
    ensure(descriptor.surfaces != Surfaces::empty(), || {
        "it serves no surface".into()
    })?;
    limits(&descriptor)
}

fn limits(descriptor: &Descriptor) -> Verdict {
    let limits = &descriptor.limits;
    ensure(limits.max_text > 0, || {
        "the longest text has no characters".into()
    })?;
    for rate in limits.per_conversation.iter().chain(&limits.per_channel) {
        ensure(rate.messages > 0 && rate.per_ms > 0, || {
            format!(
                "{} messages in {} ms is no rate",
                rate.messages, rate.per_ms
            )
        })?;
    }
    let paths = descriptor.upload_paths.iter();
    for path in paths {
        ensure(path.starts_with('/'), || {
            format!("the upload path `{path}` has no slash")
        })?;
    }
    Ok(())
}

fn requests(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let requests = &talk.descriptor.about.requests;
    for (name, _) in &talk.simulation.profile().secrets {
        ensure(requests.secrets.contains(name), || {
            format!(
                "the secret `{name}` is not asked for; asked for are {:?}",
                requests.secrets
            )
        })?;
    }
    ensure(talk.descriptor.surfaces.contains(Surfaces::WEBHOOK), || {
        "the surface `webhook` is not declared".into()
    })
}
