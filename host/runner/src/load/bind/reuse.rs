//! Taking over from the running generation what has not changed.

use std::sync::Arc;

use greentic_config::{FlowRef, Team, Tenant};
use greentic_diagnostics::Spanned;
use greentic_interfaces::SecretUse;
use greentic_types::{Id, TenantCtx};

use super::super::parts::{Known, KnownTeam, Parts};
use super::super::unchanged;
use super::Binder;
use crate::backends::Backends;
use crate::fingerprint::{Fingerprint, Print};
use crate::quota::Quota;

impl Binder<'_> {
    /// The fingerprint of a plugin with its configuration and secrets; of nothing for one that is not there.
    pub(super) fn bound(&mut self, plugin: &str) -> Fingerprint {
        if let Some(print) = self.bound.get(plugin) {
            return *print;
        }
        let mut print = Print::new("bound").text(plugin);
        if let Some(linked) = self.plugins.get(plugin) {
            print = print.part(&linked.print);
        }
        print = print.text(&self.config_of(plugin).to_string());
        // A handle's placeholder is its own: a secret with a new value has a new handle.
        let secrets = self.secrets_of(None, plugin);
        print = print.list(secrets.iter().map(|cell| cell.placeholder()));
        let print = print.done();
        self.bound.insert(plugin.to_owned(), print);
        print
    }

    /// The running instance of a shared plugin, when nothing about it has changed. What it said of itself is judged again: what
    /// it asks for is the same, what it is granted is too.
    pub(super) fn running<T>(
        &mut self,
        name: &Spanned<Id>,
        print: Fingerprint,
        of: impl Fn(&Parts) -> &Known<T>,
    ) -> Option<Arc<T>> {
        let plugin = name.value.as_str();
        let (parts, found) = self.earlier.iter().find_map(|earlier| {
            let (known, found) = of(&earlier.parts).get(plugin)?;
            (*known == print).then(|| (&earlier.parts, Arc::clone(found)))
        })?;
        if let Some(about) = parts.abouts.get(plugin) {
            self.note_about(plugin, about);
        }
        Some(found)
    }

    /// What the running generation knows of plugins that have not changed, so that they need not be asked again.
    pub(super) fn remember(&mut self) {
        let mut known = Vec::new();
        for (name, linked) in &self.plugins {
            let unchanged = self.earlier.iter().find_map(|earlier| {
                let running = earlier.parts.plugins.get(name)?;
                (running.print == linked.print).then_some(&earlier.parts)
            });
            if let Some(parts) = unchanged {
                let (about, described) = (parts.abouts.get(name), parts.described.get(name));
                known.push((name.clone(), about.cloned(), described.cloned()));
            }
        }
        for (name, about, described) in known {
            if let Some(about) = about {
                self.note_about(&name, &about);
            }
            if let Some(described) = described {
                self.described.insert(name, described);
            }
        }
    }

    /// The quota of a tenant, with what it has used until now where it is the same.
    pub(super) fn quota(&mut self, id: &Id, tenant: &Tenant) -> Arc<Quota> {
        let running = self
            .earlier
            .first()
            .and_then(|earlier| earlier.parts.quotas.get(id))
            .filter(|quota| *quota.limits() == tenant.quota)
            .cloned();
        let quota = running.unwrap_or_else(|| Arc::new(Quota::new(&tenant.quota)));
        self.quotas.insert(id.clone(), Arc::clone(&quota));
        quota
    }

    /// The fingerprint of a team: its own words, its tenant's, and every plugin and pack that works for it.
    pub(super) fn team_print(
        &mut self,
        place: &TenantCtx,
        tenant: &Tenant,
        team: &Team,
    ) -> Fingerprint {
        let common = self.common_print();
        let print = Print::new("team").part(&common).text(place.env_id.as_str());
        let mut print = unchanged::team(unchanged::tenant(print, tenant), team);
        if let Some(own) = self.own_secrets_backend(tenant) {
            let mut secrets: Vec<_> = self
                .granted
                .iter()
                .filter(|((backend, _), _)| *backend == own)
                .flat_map(|(_, secrets)| secrets.iter().map(|cell| cell.placeholder()))
                .collect();
            secrets.sort();
            print = print.list(secrets);
        }
        let tools = tenant.tools.iter().chain(&team.tools);
        let engine = tenant.bindings.flows.as_ref();
        let providers = team.channels.values().map(|channel| &channel.provider);
        let plugins: Vec<Id> = tools
            .chain(engine)
            .chain(providers)
            .map(|name| name.value.clone())
            .collect();
        for plugin in plugins {
            print = print.part(&self.bound(plugin.as_str()));
        }
        for channel in team.channels.values() {
            let rules = channel.rules.iter().map(|rule| &rule.flow);
            for flow in std::iter::once(&channel.flow).chain(rules) {
                print = match &flow.value {
                    FlowRef::Plugin(plugin) => print.part(&self.bound(plugin.as_str())),
                    FlowRef::Pack { pack, .. } => print.part(&self.pack_print(pack)),
                };
            }
        }
        print.done()
    }

    /// A team of the running generation that is just so, on the same backends.
    pub(super) fn running_team(
        &self,
        place: &TenantCtx,
        print: Fingerprint,
        backends: &Arc<Backends>,
    ) -> Option<KnownTeam> {
        self.earlier.iter().find_map(|earlier| {
            let known = earlier.parts.teams.get(place)?;
            let same = known.print == print && Arc::ptr_eq(&known.team.backends, backends);
            same.then(|| KnownTeam {
                print,
                team: Arc::clone(&known.team),
                channels: known.channels.clone(),
            })
        })
    }

    /// The fingerprint of a pack with flows: of all its bytes, and of what is linked of its components.
    pub(super) fn pack_print(&mut self, pack: &Id) -> Fingerprint {
        let key = format!("{pack}/");
        if let Some(print) = self.bound.get(&key) {
            return *print;
        }
        let source = self
            .loaded
            .bundle
            .packs
            .get(pack)
            .and_then(|entry| self.packs.get(&entry.from.value));
        let mut print = Print::new("pack").text(pack.as_str());
        if let Some(source) = source {
            print = print.text(&source.digest());
        }
        let mut components: Vec<String> = self
            .plugins
            .keys()
            .filter(|name| name.starts_with(&key))
            .cloned()
            .collect();
        components.sort();
        for component in components {
            print = print.part(&self.bound(&component));
        }
        let print = print.done();
        self.bound.insert(key, print);
        print
    }

    /// What every team depends on: limits, and the plugins that any flow can call as a node.
    fn common_print(&mut self) -> Fingerprint {
        if let Some(print) = self.common {
            return print;
        }
        let mut nodes: Vec<String> = self
            .plugins
            .values()
            .filter(|linked| linked.is_node() || !linked.carried.is_empty())
            .map(|linked| linked.row.name.clone())
            .filter(|name| !name.contains('/'))
            .collect();
        nodes.sort();
        let mut print = Print::new("common").debug(&self.loaded.bundle.limits);
        let mut carried: Vec<String> = self
            .plugins
            .values()
            .flat_map(|linked| &linked.carried)
            .map(|carry| carry.provider.clone())
            .collect();
        carried.sort();
        for plugin in nodes.into_iter().chain(carried) {
            print = print.part(&self.bound(&plugin));
        }
        let print = print.done();
        self.common = Some(print);
        print
    }
}
