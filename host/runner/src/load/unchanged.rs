//! What of a new bundle is what runs already: fingerprints of the bundle's own words.
//!
//! Each record is taken apart without `..`: a key that is added to the bundle and forgotten here does not compile, for an edit of
//! it would be taken for no change.

use greentic_config::{
    Bindings, Channel, Defaults, Rule, Team, Tenant, Threshold, Trust, TrustKey,
};
use greentic_diagnostics::Spanned;
use greentic_types::Id;

use crate::fingerprint::Print;

fn ids(items: &[Spanned<Id>]) -> impl Iterator<Item = &str> {
    items.iter().map(|item| item.value.as_str())
}

fn optional<T: std::fmt::Display>(value: Option<&Spanned<T>>) -> String {
    value.map_or_else(String::new, |value| format!("={}", value.value))
}

/// What a tenant says for all its teams.
pub(super) fn tenant(print: Print, tenant: &Tenant) -> Print {
    let Tenant {
        name,
        bindings: bound,
        teams: _,
        tools,
        plugin_limits,
        quota,
        trust: keys,
        defaults: texts,
    } = tenant;
    let print = print
        .text(name.value.as_str())
        .list(ids(tools))
        .debug(plugin_limits)
        .debug(quota);
    defaults(trust(bindings(print, bound), keys), texts)
}

/// What a team says.
pub(super) fn team(print: Print, team: &Team) -> Print {
    let Team {
        name,
        channels,
        tools,
    } = team;
    let mut print = print.text(name.value.as_str()).list(ids(tools));
    for one in channels.values() {
        print = channel(print, one);
    }
    print
}

fn channel(print: Print, channel: &Channel) -> Print {
    let Channel {
        name,
        provider,
        flow,
        rules,
        enabled,
        path,
        config,
        failure_text,
        locale,
    } = channel;
    let mut print = print
        .text("channel")
        .text(name.value.as_str())
        .text(provider.value.as_str())
        .text(&flow.value.to_string())
        .debug(enabled)
        .text(&optional(path.as_ref()))
        .text(&config.value.to_string())
        .text(failure_text)
        .text(locale);
    for one in rules {
        print = rule(print, one);
    }
    print
}

fn rule(print: Print, rule: &Rule) -> Print {
    let Rule {
        event,
        command,
        condition,
        flow,
    } = rule;
    print
        .text("rule")
        .text(&optional(event.as_ref()))
        .text(&optional(command.as_ref()))
        .text(&optional(condition.as_ref()))
        .text(&flow.value.to_string())
}

fn bindings(print: Print, bindings: &Bindings) -> Print {
    let Bindings {
        sessions,
        state,
        bus,
        secrets,
        flows,
    } = bindings;
    print
        .text(sessions.value.as_str())
        .text(&optional(state.as_ref()))
        .text(bus.value.as_str())
        .text(&optional(secrets.as_ref()))
        .text(&optional(flows.as_ref()))
}

fn defaults(print: Print, defaults: &Defaults) -> Print {
    let Defaults {
        failure_text,
        locale,
    } = defaults;
    print.text(failure_text).text(locale)
}

fn trust(print: Print, trust: &Trust) -> Print {
    let Trust {
        keys,
        require,
        allow_unsigned,
    } = trust;
    let mut print = print.debug(&allow_unsigned.as_ref().map(|allowed| allowed.value));
    for Threshold { packs, signatures } in require {
        print = print.text(&packs.value).debug(signatures);
    }
    for TrustKey {
        name,
        key,
        may_sign,
        not_before,
        not_after,
        revoked,
    } in keys.values()
    {
        print = print
            .text(name.value.as_str())
            .debug(&key.value)
            .debug(not_before)
            .debug(not_after)
            .text(&optional(revoked.as_ref()))
            .list(may_sign.iter().map(|pattern| pattern.value.as_str()));
    }
    print
}
