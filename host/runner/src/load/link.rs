//! From prepared components to linked plugins, with what the bundle says of each: limits, grants, policy, configuration.

use std::sync::Arc;

use greentic_config::limits::{PluginLimits, SupervisionLimits};
use greentic_config::{CellPolicy, Grants as Granted, Loaded, Plugin as Entry};
use greentic_diagnostics::{Diagnostics, Span};
use greentic_sandbox::client::Policy;
use greentic_sandbox::grants::{GrantTexts, Grants};
use greentic_sandbox::inspect::World;
use greentic_sandbox::limits::{Limits, Supervision};
use greentic_sandbox::plugin::{Plugin, Spec, Surroundings};
use serde_json::Value;

use super::components::Prepared;
use crate::fingerprint::{Fingerprint, Print};
use crate::generation::Generation;
use crate::loaded::LoadedPlugin;

/// A plugin that is linked.
pub(crate) struct Linked {
    pub plugin: Arc<Plugin>,
    pub worlds: Vec<World>,
    pub has_sockets: bool,
    pub has_lifecycle: bool,
    pub row: LoadedPlugin,
    pub policy: Policy,
    /// Of its code, limits, grants and policy.
    pub print: Fingerprint,
    /// Of its code alone.
    pub code: Fingerprint,
    /// Interfaces it takes from components in cells of their own.
    pub carried: Vec<Carry>,
}

/// An interface that is carried from one plugin to another.
#[derive(Debug, Clone)]
pub(crate) struct Carry {
    /// As the importing component names it.
    pub import: String,
    /// As the exporting one does.
    pub export: String,
    /// The plugin that exports it.
    pub provider: String,
}

impl Linked {
    /// Whether flows can call it by its name.
    pub(crate) fn is_node(&self) -> bool {
        self.worlds.contains(&World::Node) || self.worlds.contains(&World::MinimalNode)
    }
}

/// Gives the value of an environment variable.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Links one component.
pub(crate) fn link(
    loaded: &Loaded,
    prepared: &Prepared,
    entry: Option<&Entry>,
    surroundings: &Surroundings,
    (env, earlier): (Environment<'_>, &[Arc<Generation>]),
    faults: &mut Diagnostics,
) -> Option<Linked> {
    let limits = limits(
        entry.map_or(&loaded.bundle.limits.plugin, |entry| &entry.limits),
        &loaded.bundle.limits.supervision,
    );
    let texts = entry
        .map(|entry| texts(&entry.grants, env))
        .unwrap_or_default();
    let grants = match Grants::parse(&texts, &loaded.bundle.base_dir) {
        Ok(grants) => Arc::new(grants),
        Err(errors) => {
            for error in errors {
                faults.push(loaded.error(prepared.span, "grant", error.to_string()));
            }
            return None;
        }
    };
    let shape = &prepared.composition.shape;
    let policy = policy(entry, &prepared.worlds);
    let print = Print::new("plugin")
        .text(&prepared.name)
        .part(&prepared.digest)
        .debug(&prepared.composition.linked)
        .debug(&limits)
        .debug(&texts)
        .text(policy_word(policy))
        .list(
            entry
                .iter()
                .flat_map(|entry| &entry.grants.tools)
                .map(|tool| tool.value.as_str()),
        )
        .done();
    let spec = Spec {
        name: prepared.name.as_str().into(),
        limits,
        grants: Arc::clone(&grants),
        carried: prepared
            .composition
            .linked
            .iter()
            .map(|linked| linked.import.to_string().into())
            .collect(),
    };
    let running = earlier
        .iter()
        .filter_map(|generation| generation.parts.plugins.get(&prepared.name))
        .find(|linked| linked.print == print)
        .map(|linked| Arc::clone(&linked.plugin));
    let plugin = match running {
        Some(plugin) => Ok(plugin),
        None => Plugin::link(&prepared.code.component, shape, spec, surroundings.clone()),
    };
    let plugin = match plugin {
        Ok(plugin) => plugin,
        Err(error) => {
            faults.push(loaded.error(prepared.span, "link", error.to_string()));
            return None;
        }
    };
    let mut granted = granted(&texts);
    if let Some(entry) = entry.filter(|entry| !entry.grants.tools.is_empty()) {
        let tools = entry.grants.tools.iter().map(|tool| tool.value.as_str());
        granted.push(format!("tools: {}", tools.collect::<Vec<_>>().join(", ")));
    }
    let row = LoadedPlugin {
        name: prepared.name.clone(),
        world: world_names(&prepared.worlds),
        version: String::new(),
        signer: prepared.signer.clone(),
        policy: policy_word(policy).to_owned(),
        calls: if plugin.waits() {
            "may wait"
        } else {
            "at once"
        }
        .to_owned(),
        granted,
        fused: prepared.composition.fused.clone(),
        code: if prepared.kept {
            "kept".to_owned()
        } else {
            format!("{:?} {:.0?}", prepared.code.outcome, prepared.code.took).to_lowercase()
        },
    };
    let has_sockets = shape.exports("greentic:channel/sockets").is_some();
    let has_lifecycle = shape.exports("greentic:channel/lifecycle").is_some();
    Some(Linked {
        plugin,
        worlds: prepared.worlds.clone(),
        has_sockets,
        has_lifecycle,
        row,
        policy,
        print,
        code: prepared.digest,
        carried: prepared
            .composition
            .linked
            .iter()
            .map(|linked| Carry {
                import: linked.import.to_string(),
                export: linked.export.to_string(),
                provider: linked.provider.clone(),
            })
            .collect(),
    })
}

fn world_names(worlds: &[World]) -> String {
    if worlds.is_empty() {
        return "a component's own".to_owned();
    }
    worlds
        .iter()
        .map(|world| world.name())
        .collect::<Vec<_>>()
        .join(", ")
}

fn policy(entry: Option<&Entry>, worlds: &[World]) -> Policy {
    match entry
        .and_then(|entry| entry.policy.as_ref())
        .map(|policy| policy.value)
    {
        Some(CellPolicy::PerTenant) => Policy::PerTenant,
        Some(CellPolicy::PerCall) => Policy::PerCall,
        Some(CellPolicy::Shared) => Policy::Shared,
        None if worlds.iter().any(|world| is_backend(*world)) => Policy::Shared,
        None => Policy::PerTenant,
    }
}

pub(crate) fn is_backend(world: World) -> bool {
    matches!(
        world,
        World::SessionStore | World::MessageBus | World::SecretsProvider
    )
}

fn policy_word(policy: Policy) -> &'static str {
    match policy {
        Policy::PerTenant => "per-tenant",
        Policy::PerCall => "per-call",
        Policy::Shared => "shared",
    }
}

/// The sandbox's limits from the bundle's.
pub(crate) fn limits(limits: &PluginLimits, supervision: &SupervisionLimits) -> Limits {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Limits {
        memory: size(limits.memory),
        table_elements: limits.table_elements,
        cpu_per_call: limits.cpu_per_call,
        call_timeout: limits.call_timeout,
        calls_in_flight: limits.calls_in_flight,
        instances: limits.instances,
        calls_waiting: limits.queue,
        queue_wait: limits.queue_wait,
        calls_per_instance: u32::try_from(limits.calls_per_instance).unwrap_or(u32::MAX),
        idle: limits.idle,
        host_call_bytes: size(limits.host_call_bytes),
        host_calls: u32::try_from(limits.host_calls).unwrap_or(u32::MAX),
        random: limits.random,
        supervision: Supervision {
            backoff_base: supervision.backoff_base,
            backoff_cap: supervision.backoff_cap,
            restarts: u32::try_from(supervision.restarts).unwrap_or(u32::MAX),
            window: supervision.window,
            strikes: u32::try_from(supervision.strikes).unwrap_or(u32::MAX),
            cut_off: supervision.cut_off,
        },
    }
}

fn texts(grants: &Granted, env: &dyn Fn(&str) -> Option<String>) -> GrantTexts {
    let strings = |list: &[greentic_diagnostics::Spanned<String>]| {
        list.iter()
            .map(|text| text.value.clone())
            .collect::<Vec<_>>()
    };
    GrantTexts {
        http: grants
            .http
            .iter()
            .map(|rule| rule.value.to_string())
            .collect(),
        tcp: grants
            .tcp
            .iter()
            .map(|rule| rule.value.to_string())
            .collect(),
        private_addresses: grants.private_addresses,
        read: grants.read.iter().map(|path| path.value.clone()).collect(),
        write: grants.write.iter().map(|path| path.value.clone()).collect(),
        env: grants
            .env
            .iter()
            .filter_map(|name| Some((name.value.clone(), env(&name.value)?)))
            .collect(),
        secrets: strings(&grants.secrets),
        reveal: strings(&grants.reveal),
    }
}

fn granted(texts: &GrantTexts) -> Vec<String> {
    let mut all = Vec::new();
    let mut list = |key: &str, items: Vec<String>| {
        if !items.is_empty() {
            all.push(format!("{key}: {}", items.join(", ")));
        }
    };
    let paths = |paths: &[std::path::PathBuf]| {
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
    };
    list("http", texts.http.clone());
    list("tcp", texts.tcp.clone());
    list("read", paths(&texts.read));
    list("write", paths(&texts.write));
    list(
        "env",
        texts.env.iter().map(|(name, _)| name.clone()).collect(),
    );
    list("secrets", texts.secrets.clone());
    list("reveal", texts.reveal.clone());
    if texts.private_addresses {
        all.push("private-addresses".to_owned());
    }
    all
}

/// A configuration as `wasi:config/store` gives it: a text as it stands, anything else as JSON, nested keys joined with a dot.
pub(crate) fn flatten(configs: &[&Value]) -> Vec<(String, String)> {
    let mut flat: Vec<(String, String)> = Vec::new();
    for config in configs {
        flatten_into(&mut flat, "", config);
    }
    flat
}

fn flatten_into(flat: &mut Vec<(String, String)>, prefix: &str, value: &Value) {
    if !prefix.is_empty() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        match flat.iter_mut().find(|(key, _)| key == prefix) {
            Some((_, old)) => *old = text,
            None => flat.push((prefix.to_owned(), text)),
        }
    }
    if let Value::Object(fields) = value {
        for (key, value) in fields {
            let path = if prefix.is_empty() {
                key.clone()
            } else {
                format!("{prefix}.{key}")
            };
            flatten_into(flat, &path, value);
        }
    }
}

/// Checks a configuration against the schema a component gives for it.
pub(crate) fn check_config(
    loaded: &Loaded,
    span: Span,
    who: &str,
    schema: &str,
    config: &Value,
    faults: &mut Diagnostics,
) {
    if schema.is_empty() {
        if config.as_object().is_some_and(|config| !config.is_empty()) {
            faults.push(
                loaded
                    .error(span, "config", format!("`{who}` takes no configuration"))
                    .help("take `config` away"),
            );
        }
        return;
    }
    let parsed: Value = match serde_json::from_str(schema) {
        Ok(parsed) => parsed,
        Err(error) => {
            faults.push(loaded.error(
                span,
                "config",
                format!("the configuration schema of `{who}` is not JSON: {error}"),
            ));
            return;
        }
    };
    match jsonschema::validator_for(&parsed) {
        Ok(validator) => {
            for error in validator.iter_errors(config) {
                let place = error.instance_path().to_string();
                let place = if place.is_empty() {
                    String::new()
                } else {
                    format!(" at `{}`", place.trim_start_matches('/'))
                };
                let keys = parsed
                    .get("properties")
                    .and_then(Value::as_object)
                    .map(|keys| keys.keys().cloned().collect::<Vec<_>>().join(", "));
                let mut fault = loaded.error(
                    span,
                    "config",
                    format!("the configuration of `{who}`{place}: {error}"),
                );
                if let Some(keys) = keys {
                    fault = fault.help(format!("it takes {keys}"));
                }
                faults.push(fault);
            }
        }
        Err(error) => faults.push(loaded.error(
            span,
            "config",
            format!("the configuration schema of `{who}` is no JSON Schema: {error}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_flat_and_the_channels_own_wins_over_the_plugins() {
        let flat = flatten(&[
            &json!({"url": "a", "deep": {"x": 1, "y": [1, 2]}}),
            &json!({"url": "b", "on": true}),
        ]);
        let get = |key: &str| {
            flat.iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(get("url"), Some("b"));
        assert_eq!(get("deep.x"), Some("1"));
        assert_eq!(get("deep.y"), Some("[1,2]"));
        assert_eq!(get("deep"), Some(r#"{"x":1,"y":[1,2]}"#));
        assert_eq!(get("on"), Some("true"));
        assert_eq!(flat.len(), 5);
    }
}
