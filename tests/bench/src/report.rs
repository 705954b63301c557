//! The figures as a table for people and as JSON for scripts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::backends;
use crate::channels;
use crate::growth::Growth;
use crate::idle::Idle;
use crate::load::CONNECTIONS;
use crate::machine::Machine;
use crate::message::{Durable, Measured, Messages, SYSTEMS, System};
use crate::startup::Startup;
use crate::statistics::Spread;

/// A whole run.
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Seconds of each load.
    pub seconds: u64,
    /// Rounds of each system.
    pub repeats: u64,
    /// Messages.
    pub message: Option<Messages>,
    /// Messages on backends that keep them.
    pub durable: Option<Vec<Durable>>,
    /// Starts.
    pub start: Option<Startup>,
    /// Tenants at rest.
    pub idle: Option<Vec<Idle>>,
    /// Channels.
    pub channels: Option<Vec<channels::Measured>>,
    /// Backends.
    pub backends: Option<Vec<backends::Measured>>,
    /// Sessions and tenants as they grow.
    pub growth: Option<Growth>,
}

impl Report {
    /// As JSON; times are microseconds for messages, milliseconds for starts; memory is KiB.
    pub fn json(&self) -> Value {
        json!({
            "machine": self.machine,
            "seconds": self.seconds,
            "repeats": self.repeats,
            "connections": CONNECTIONS,
            "message": self.message,
            "durable": self.durable,
            "start": self.start,
            "idle": self.idle,
            "channels": self.channels,
            "backends": self.backends,
            "growth": self.growth,
        })
    }

    /// As text.
    pub fn table(&self) -> String {
        let machine = &self.machine;
        let mut out = String::new();
        let _ = writeln!(
            out,
            "\n{}\n{} UTC, {} cores of {}, Linux {}, {}, load {} before and {} after",
            machine.command,
            machine.date,
            machine.cores,
            machine.cpu,
            machine.kernel,
            machine.rustc,
            machine.load_before,
            machine.load_after,
        );
        if let Some(messages) = &self.message {
            self.messages(&mut out, messages);
        }
        if let Some(durable) = &self.durable {
            self.durable(&mut out, durable);
        }
        if let Some(start) = &self.start {
            let _ = writeln!(out, "\nStart to ready, ms: median (least to most) of 5");
            row(&mut out, "everything to compile", &start.cold, 0);
            row(&mut out, "everything compiled", &start.warm, 0);
            row(&mut out, "--check, compiled", &start.check, 0);
        }
        if let Some(idle) = &self.idle {
            let _ = writeln!(
                out,
                "\nTenants that do not talk\n  {:>8}  {:>10}  {:>12}  {:>14}",
                "tenants", "ready, ms", "memory, MiB", "KiB per tenant"
            );
            for row in idle {
                let memory = row.memory as f64 / 1024.0;
                let per_tenant = row
                    .per_tenant
                    .map_or_else(|| "-".to_owned(), |kib| format!("{kib:.1}"));
                let _ = writeln!(
                    out,
                    "  {:>8}  {:>10.0}  {memory:>12.1}  {per_tenant:>14}",
                    row.tenants, row.ready
                );
            }
        }
        if let Some(channels) = &self.channels {
            self.channels(&mut out, channels);
        }
        if let Some(backends) = &self.backends {
            let _ = writeln!(
                out,
                "\nBackends, operations per second: median (least to most)\n  {:<36}  ratio to native",
                "64 in flight, on the same servers"
            );
            for work in backends {
                let _ = writeln!(out, "  {:<36}  {:.2}", work.work, work.ratio);
                row(&mut out, "  native client", &work.native, 0);
                row(&mut out, "  component", &work.component, 0);
            }
        }
        if let Some(growth) = &self.growth {
            self.growth(&mut out, growth);
        }
        out
    }

    fn growth(&self, out: &mut String, growth: &Growth) {
        let _ = writeln!(
            out,
            "\nA store as sessions grow, median (least to most) of {} rounds of {} s, 64 turns in flight\n  {:>14}{:>10}{:>30}{:>18}{:>18}",
            self.repeats,
            self.seconds,
            "",
            "sessions",
            "claim and commit, a second",
            "bytes a session",
            "opened again, ms"
        );
        for row in &growth.sessions {
            let reopened = row.reopened.map(|ms| format!("{ms:.0}"));
            let _ = writeln!(
                out,
                "  {:>14}{:>10}{:>30}{:>18.0}{:>18}",
                row.store,
                row.sessions,
                shown(&row.turns, 0),
                row.bytes_per_session,
                reopened.unwrap_or_default()
            );
        }
        let _ = writeln!(
            out,
            "\nThe host as tenants that talk grow, in memory\n  {:>10}{:>26}{:>28}",
            "tenants", "CPU a message, µs", "messages a second"
        );
        for row in &growth.tenants {
            let (cpu, rate) = (shown(&row.cpu, 1), shown(&row.rate, 0));
            let _ = writeln!(out, "  {:>10}{cpu:>26}{rate:>28}", row.tenants);
        }
    }

    fn channels(&self, out: &mut String, channels: &[channels::Measured]) {
        let _ = writeln!(
            out,
            "\nA webhook of each channel, signed by its simulated platform, µs: median (least to most) of {}\n  {:10}{:>24}{:>24}{:>8}{:>26}{:>24}{:>24}",
            self.repeats,
            "",
            "read natively",
            "read in the sandbox",
            "ratio",
            "host, webhook to commit",
            "ack p50, half load",
            "ack p99, half load"
        );
        for row in channels {
            let _ = writeln!(
                out,
                "  {:10}{:>24}{:>24}{:>8.2}{:>26}{:>24}{:>24}",
                row.channel,
                shown(&row.native, 1),
                shown(&row.sandbox, 1),
                row.sandbox.median / row.native.median,
                shown(&row.host, 1),
                shown(&row.p50, 0),
                shown(&row.p99, 0)
            );
        }
    }

    fn durable(&self, out: &mut String, durable: &[Durable]) {
        let _ = writeln!(
            out,
            "\nA message on backends that keep it, webhook to delivered reply: {} s each, median (least to most) of {} rounds in alternation.\nCPU is that of the host's process, not of the servers",
            self.seconds, self.repeats
        );
        let _ = writeln!(
            out,
            "  {:26}{:>24}{:>26}{:>26}{:>26}",
            "",
            "CPU a message, µs",
            "messages a second",
            "ack p50, half load, µs",
            "ack p99, half load, µs"
        );
        for Durable { backing, messages } in durable {
            for of in &messages.systems {
                let title = format!("{}, {}", backing.name(), name(of.system));
                let _ = writeln!(
                    out,
                    "  {title:26}{:>24}{:>26}{:>26}{:>26}",
                    shown(&of.cpu, 1),
                    shown(&of.rate, 0),
                    shown(&of.p50, 0),
                    shown(&of.p99, 0)
                );
            }
            let median = |system, value: fn(&Measured) -> &Spread| {
                messages.of(system).map_or(f64::NAN, |of| value(of).median)
            };
            let _ = writeln!(
                out,
                "    host to native: {:.2} times the CPU, {:.2} of the messages a second",
                median(System::Host, |of| &of.cpu) / median(System::Native, |of| &of.cpu),
                median(System::Host, |of| &of.rate) / median(System::Native, |of| &of.rate)
            );
        }
    }

    fn messages(&self, out: &mut String, messages: &Messages) {
        let _ = writeln!(
            out,
            "\nA message, webhook to delivered reply: {} s each, {CONNECTIONS} connections, load from the same cores,\nmedian (least to most) of {} rounds in alternation",
            self.seconds, self.repeats
        );
        let _ = write!(out, "  {:32}", "");
        for system in SYSTEMS {
            let _ = write!(out, "{:>26}", name(system));
        }
        let _ = writeln!(out);
        let mut line = |title: &str, value: fn(&Measured) -> &Spread, digits: usize| {
            let _ = write!(out, "  {title:32}");
            for system in SYSTEMS {
                let cell = messages
                    .of(system)
                    .map_or_else(String::new, |measured| shown(value(measured), digits));
                let _ = write!(out, "{cell:>26}");
            }
            let _ = writeln!(out);
        };
        line("CPU a message, full load, µs", |m| &m.cpu, 1);
        line("CPU a message, half load, µs", |m| &m.cpu_at_half, 1);
        line("messages a second", |m| &m.rate, 0);
        line("ack p50 at half load, µs", |m| &m.p50, 0);
        line("ack p99 at half load, µs", |m| &m.p99, 0);
        let cpu = |system| messages.of(system).map_or(f64::NAN, |m| m.cpu.median);
        let (floor, native, host) = (cpu(System::Floor), cpu(System::Native), cpu(System::Host));
        let _ = writeln!(
            out,
            "  CPU: host is {:.2} times native, {:.2} times the floor; native is {:.2} times the floor",
            host / native,
            host / floor,
            native / floor
        );
        if messages.stages.is_empty() {
            return;
        }
        let _ = writeln!(
            out,
            "\nWhere the host's time goes at full load: wall time by its own histograms, waiting included\n  {:24}{:>15}{:>16}{:>17}",
            "", "a message has", "mean of it, µs", "a message, µs"
        );
        for stage in &messages.stages {
            let _ = writeln!(
                out,
                "  {:24}{:>15.3}{:>16.1}{:>17.1}",
                stage.name,
                stage.per_message,
                stage.mean,
                stage.per_message * stage.mean
            );
        }
    }
}

fn name(system: System) -> &'static str {
    match system {
        System::Floor => "floor",
        System::Native => "native",
        System::Host => "host",
    }
}

fn row(out: &mut String, title: &str, spread: &Spread, digits: usize) {
    let _ = writeln!(out, "  {title:32}{:>26}", shown(spread, digits));
}

fn shown(spread: &Spread, digits: usize) -> String {
    format!(
        "{:.digits$} ({:.digits$} to {:.digits$})",
        spread.median, spread.least, spread.most
    )
}

#[cfg(test)]
mod tests {
    use super::shown;
    use crate::statistics::Spread;

    #[test]
    fn a_figure_is_never_shown_without_its_spread() {
        let spread = Spread::of([3.12, 1.0, 9.96]);
        assert_eq!(shown(&spread, 1), "3.1 (1.0 to 10.0)");
    }
}
