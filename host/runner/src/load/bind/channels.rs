//! Tools and channels of a team.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use greentic_config::{Channel as ChannelEntry, Team, Tenant};
use greentic_flow::RuleCondition;
use greentic_interfaces::imports::greentic::channel::types::Descriptor;
use greentic_mcp::{Catalogue, Server, Tool};
use greentic_sandbox::client::Client;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::inspect::World;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::{ChannelWorld, ToolWorld};
use greentic_types::{ChannelRef, Direction, Subject, TenantCtx};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::super::link::check_config;
use super::Binder;
use crate::channel::{ChannelMetrics, ChannelRuntime, UnknownOutcome};
use crate::pacing::Pace;
use crate::quota::Quota;
use crate::router::{Router, Rule};
use crate::team::{TeamRuntime, ToolGrant, ToolGrants};

impl Binder<'_> {
    pub(super) async fn tools(
        &mut self,
        place: &TenantCtx,
        tenant: &Tenant,
        team: &Team,
    ) -> Catalogue {
        let mut servers = Vec::new();
        let none = Value::Object(serde_json::Map::new());
        for name in tenant.tools.iter().chain(&team.tools) {
            let Some((plugin, policy)) = self.of_world(name, World::McpTool, "tools") else {
                continue;
            };
            let binding = self.team_binding(name.value.as_str(), place, None, &none);
            let client = match Client::<ToolWorld>::new(plugin, binding, policy, None).await {
                Ok(client) => client,
                Err(fault) => {
                    self.fault(name.span, "start", fault.to_string());
                    continue;
                }
            };
            let listed = async {
                let descriptor = client.describe(CallScope::default()).await?;
                let tools = client.list_tools(CallScope::default()).await?;
                Ok::<_, Fault>((descriptor, tools))
            };
            match listed.await {
                Ok((descriptor, described)) => {
                    self.check_shared(name, &descriptor.about);
                    let mut tools = Vec::new();
                    for tool in described {
                        match Tool::new(tool) {
                            Ok(tool) => tools.push(tool),
                            Err(reason) => self.fault(
                                name.span,
                                "tool",
                                format!("plugin `{}`: {reason}", name.value),
                            ),
                        }
                    }
                    let server = Arc::new(Server {
                        name: name.value.to_string(),
                        client,
                        tools,
                    });
                    servers.push(server);
                }
                Err(fault) => self.fault(name.span, "start", fault.to_string()),
            }
        }
        Catalogue::new(servers)
    }

    /// What each plugin of the bundle may call of a team's tools.
    pub(super) fn tool_grants(&mut self) -> Arc<ToolGrants> {
        if let Some(grants) = &self.tool_grants {
            return Arc::clone(grants);
        }
        let plugins = self.loaded.bundle.plugins.iter();
        let grants = plugins.map(|(name, entry)| {
            let worlds = self.plugins.get(name.as_str());
            let is_flow = worlds.is_some_and(|linked| linked.worlds.contains(&World::Flow));
            let named = entry.grants.tools.iter().map(|tool| tool.value.to_string());
            let named: Vec<String> = named.collect();
            let grant = if is_flow && named.is_empty() {
                ToolGrant::AllOfTeam
            } else {
                ToolGrant::Named(named)
            };
            (name.to_string(), grant)
        });
        let grants = Arc::new(ToolGrants(grants.collect()));
        self.tool_grants = Some(Arc::clone(&grants));
        grants
    }

    pub(super) async fn channel(
        &mut self,
        place: &TenantCtx,
        reference: ChannelRef,
        entry: &ChannelEntry,
        team: &Arc<TeamRuntime>,
        quota: &Arc<Quota>,
    ) -> Option<ChannelRuntime> {
        let flows = &team.flows;
        let (plugin, policy) =
            self.of_world(&entry.provider, World::ChannelProvider, "a channel")?;
        let provider = entry.provider.value.to_string();
        let (own, unknown_outcome) = self.own_settings(entry);
        let binding = self.team_binding(&provider, place, Some(reference.clone()), &own);
        let client = self
            .client::<ChannelWorld>(plugin, binding, policy, None, entry.provider.span)
            .await?;
        let descriptor = match self.described.get(&provider) {
            Some(descriptor) => descriptor.clone(),
            None => match client.describe(CallScope::default()).await {
                Ok(descriptor) => {
                    self.note_about(&provider, &descriptor.about);
                    self.described.insert(provider.clone(), descriptor.clone());
                    descriptor
                }
                Err(fault) => {
                    self.fault(entry.provider.span, "start", fault.to_string());
                    return None;
                }
            },
        };
        let whole = merged(&self.config_of(&provider), &own);
        check_config(
            self.loaded,
            entry.config.span,
            &format!("{provider}` of channel `{reference}"),
            &descriptor.about.config_schema,
            &whole,
            &mut self.faults,
        );
        let mut rules = Vec::new();
        for rule in &entry.rules {
            let condition = match &rule.condition {
                None => None,
                Some(text) => {
                    let source = &self.loaded.source;
                    match RuleCondition::compile(&text.value, text.span, source) {
                        Ok(condition) => Some(condition),
                        Err(faults) => {
                            self.faults.append(faults);
                            continue;
                        }
                    }
                }
            };
            let flow = flows.get(&rule.flow.value.to_string())?;
            rules.push(Rule {
                kind: rule.event.as_ref().map(|event| event.value),
                command: rule.command.as_ref().map(|command| command.value.clone()),
                condition,
                flow: Arc::clone(flow),
            });
        }
        let default = Arc::clone(flows.get(&entry.flow.value.to_string())?);
        let linked = self.plugins.get(&provider);
        let has_sockets = linked.is_some_and(|linked| linked.has_sockets);
        let has_lifecycle = linked.is_some_and(|linked| linked.has_lifecycle);
        let metrics = &self.foundation.metrics;
        let egress = self.loaded.bundle.limits.egress.clone();
        let rest = format!(
            "{provider}/{}/{}/{}",
            reference.tenant, reference.team, reference.channel
        );
        Some(ChannelRuntime {
            bases: [
                format!("/v1/messaging/ingress/{rest}"),
                format!("/v1/messaging/{rest}"),
                format!("/v1/web/{rest}"),
            ],
            ingress_subject: Subject::of(Direction::Ingress, &reference),
            egress_subject: Subject::of(Direction::Egress, &reference),
            pace: self.pace(&reference, &provider, &descriptor),
            retired: watch::channel(false).0,
            open: Arc::new(()),
            generation: AtomicU64::new(0),
            metrics: ChannelMetrics {
                received: metrics.messages.with([provider.as_str(), "in"]),
                sent: metrics.egress_attempts.with([provider.as_str(), "sent"]),
                turns: metrics.turns.with(["done"]),
                delivered: metrics.messages.with([provider.as_str(), "out"]),
                unverified: metrics.ingress_unverified.with([provider.as_str()]),
                ignored: metrics.ingress_ignored.with([provider.as_str()]),
                malformed: metrics.ingress_malformed.with([provider.as_str()]),
                egress_seconds: metrics.egress_seconds.with([provider.as_str()]),
                message_seconds: metrics.message_seconds.with([provider.as_str()]),
                over_quota: metrics.ingress_shed.with(["quota"]),
                throttled: metrics.egress_throttled.with([provider.as_str()]),
            },
            reference,
            provider,
            descriptor,
            client,
            has_sockets,
            lifecycle: has_lifecycle.then(Default::default),
            alias: entry.path.as_ref().map(|path| path.value.clone()),
            failure_text: entry.failure_text.clone(),
            locale: entry.locale.clone(),
            router: Router { rules, default },
            backends: Arc::clone(&team.backends),
            team: Arc::clone(team),
            quota: Arc::clone(quota),
            deliveries: Semaphore::new(egress.in_flight.max(1)),
            unknown_outcome,
            egress_limits: egress,
        })
    }

    /// The pace of a channel. The platform counts what it was sent before the edit too.
    fn pace(
        &self,
        reference: &ChannelRef,
        provider: &str,
        descriptor: &Descriptor,
    ) -> Arc<Mutex<Pace>> {
        let pace = ChannelRuntime::pace_of(descriptor);
        let subject = Subject::of(Direction::Egress, reference);
        let running = self
            .earlier
            .first()
            .and_then(|earlier| earlier.channel_of(subject.as_str()))
            .filter(|channel| channel.provider == provider)
            .map(|channel| Arc::clone(&channel.pace))
            .filter(|running| running.lock().has_rates_of(&pace));
        running.unwrap_or_else(|| Arc::new(Mutex::new(pace)))
    }

    /// The host's own settings of a channel are taken out of its configuration; the rest is the plugin's.
    pub(super) fn own_settings(&mut self, entry: &ChannelEntry) -> (Value, UnknownOutcome) {
        let mut config = entry.config.value.clone();
        let policy = config
            .as_object_mut()
            .and_then(|config| config.shift_remove("unknown-outcome"));
        let policy = match policy.as_ref().map(Value::as_str) {
            None | Some(Some("at-least-once")) => UnknownOutcome::AtLeastOnce,
            Some(Some("at-most-once")) => UnknownOutcome::AtMostOnce,
            Some(_) => {
                let fault = self
                    .loaded
                    .error(entry.config.span, "config", "`unknown-outcome` is `at-least-once` or `at-most-once`")
                    .help("`at-most-once` never sends twice and may lose a message into the dead letters; `at-least-once` is the opposite");
                self.faults.push(fault);
                UnknownOutcome::AtLeastOnce
            }
        };
        (config, policy)
    }
}

/// A configuration with another laid over it, key by key.
fn merged(base: &Value, over: &Value) -> Value {
    let mut merged = base.clone();
    if let (Some(merged), Some(over)) = (merged.as_object_mut(), over.as_object()) {
        for (key, value) in over {
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}
