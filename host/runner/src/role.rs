//! Which part of the work a process does. All of them share the bus and the stores; of each there may be any number.

use std::fmt;
use std::str::FromStr;

use crate::generation::Generation;

/// A part of the work, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Everything in one process.
    #[default]
    All,
    /// Takes requests and publishes their events; keeps the sockets; sets channels up with their platforms.
    Gateway,
    /// Runs turns; rings the alarms.
    Runner,
    /// Delivers what flows say.
    Egress,
}

/// A name that is none of the roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role: write all, gateway, runner or egress")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "all" => Ok(Self::All),
            "gateway" => Ok(Self::Gateway),
            "runner" => Ok(Self::Runner),
            "egress" => Ok(Self::Egress),
            other => Err(UnknownRole(other.to_owned())),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::All => "all",
            Self::Gateway => "gateway",
            Self::Runner => "runner",
            Self::Egress => "egress",
        })
    }
}

/// A process of one role could never hear of the others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`--role {role}` shares its work with other processes, and {what} `{plugin}` keeps what it has in this one: bind one that is shared (key `{key}`), or run every role in one process"
)]
pub struct NotShared {
    /// The role.
    pub role: Role,
    /// A bus or a store.
    pub what: &'static str,
    /// The plugin's name in the bundle.
    pub plugin: String,
    /// Where the bundle binds it.
    pub key: &'static str,
}

impl Role {
    /// Whether it takes requests.
    #[must_use]
    pub fn serves(self) -> bool {
        matches!(self, Self::All | Self::Gateway)
    }

    /// Whether it runs turns.
    #[must_use]
    pub fn runs_turns(self) -> bool {
        matches!(self, Self::All | Self::Runner)
    }

    /// Whether it delivers.
    #[must_use]
    pub fn delivers(self) -> bool {
        matches!(self, Self::All | Self::Egress)
    }

    /// Whether this role can do its work with the backends of a generation.
    ///
    /// # Errors
    /// [`NotShared`] for a part of the work over a bus or a store that is in this process alone.
    pub fn check(self, generation: &Generation) -> Result<(), NotShared> {
        if self == Self::All {
            return Ok(());
        }
        let fault = |what, plugin: &str, key| {
            Err(NotShared {
                role: self,
                what,
                plugin: plugin.to_owned(),
                key,
            })
        };
        for backends in &generation.backends {
            if !backends.bus.client().plugin().has_network() {
                return fault("bus", &backends.bus_name, "use.bus");
            }
            if !backends.store.plugin().has_network() {
                return fault("store", &backends.store_name, "use.sessions");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn every_part_of_the_work_is_done_by_one_role_and_all_of_it_by_all() {
        for role in [Role::Gateway, Role::Runner, Role::Egress] {
            let parts = [role.serves(), role.runs_turns(), role.delivers()];
            assert_eq!(parts.iter().filter(|part| **part).count(), 1, "{role}");
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!(Role::All.serves() && Role::All.runs_turns() && Role::All.delivers());
        let error = "runners".parse::<Role>().unwrap_err();
        assert!(error.to_string().contains("gateway, runner or egress"));
    }
}
