//! Draws the wiring: a tree of text for a terminal, SVG for everything else.

use std::fmt::Write as _;

use greentic_runner::{ExplainedChannel, ExplainedPlugin, ExplainedWire, Explanation, From};

/// Channels that are shown; a drawing of ten thousand helps nobody.
const SHOWN: usize = 50;

/// The wiring as a tree.
#[must_use]
pub fn text(explanation: &Explanation) -> String {
    let mut out = String::new();
    for channel in explanation.channels.iter().take(SHOWN) {
        let _ = writeln!(out, "channel {}", channel.channel);
        branches(&mut out, "", &leaves_of(channel));
    }
    more(&mut out, explanation);
    for plugin in &explanation.plugins {
        let _ = writeln!(out, "plugin {} ({})", plugin.name, plugin.world);
        let mut lines = vec![format!("granted: {}", granted(plugin))];
        let own: Vec<_> = plugin.wires.iter().collect();
        lines.extend(tree(&plugin.name, &own, 0));
        branches(&mut out, "", &lines);
    }
    out
}

fn granted(plugin: &ExplainedPlugin) -> String {
    if plugin.granted.is_empty() {
        "nothing".to_owned()
    } else {
        plugin.granted.join("; ")
    }
}

fn leaves_of(channel: &ExplainedChannel) -> Vec<String> {
    let mut lines = vec![format!("provider: {}", channel.provider)];
    for (flow, runs) in &channel.flows {
        lines.push(if flow == runs {
            format!("flow: {flow}")
        } else {
            format!("flow: {flow}, run by {runs}")
        });
    }
    if !channel.tools.is_empty() {
        lines.push(format!("tools: {}", channel.tools.join(", ")));
    }
    let backends = &channel.backends;
    lines.push(format!(
        "sessions: {}, state: {}, bus: {}",
        backends.sessions,
        backends.state.as_deref().unwrap_or("none"),
        backends.bus
    ));
    lines
}

/// Deepest nesting that is drawn; compositions have no cycles, and none that is sensible is so deep.
const DEEPEST: usize = 16;

/// The imports of one component, each with those of what is fused in for it below.
fn tree(importer: &str, wires: &[&ExplainedWire], depth: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for wire in wires.iter().filter(|wire| wire.importer == importer) {
        match &wire.from {
            From::Host => lines.push(format!("{} <- host", wire.interface)),
            From::Linked(provider, reason) => lines.push(format!(
                "{} <- {provider}, linked: {reason}",
                wire.interface
            )),
            From::Fused(provider) => {
                let mut inner = String::new();
                if depth < DEEPEST {
                    branches(&mut inner, "", &tree(provider, wires, depth + 1));
                }
                let mut line = format!("{} <- {provider}, fused", wire.interface);
                for below in inner.lines() {
                    let _ = write!(line, "\n{below}");
                }
                lines.push(line);
            }
        }
    }
    lines
}

/// Draws items below each other; an item of several lines keeps them together.
fn branches(out: &mut String, indent: &str, items: &[String]) {
    for (index, item) in items.iter().enumerate() {
        let last = index + 1 == items.len();
        for (line, text) in item.lines().enumerate() {
            let mark = match (line, last) {
                (0, false) => "├─ ",
                (0, true) => "└─ ",
                (_, false) => "│  ",
                (_, true) => "   ",
            };
            let _ = writeln!(out, "{indent}{mark}{text}");
        }
    }
}

fn more(out: &mut String, explanation: &Explanation) {
    let rest = explanation.channels.len().saturating_sub(SHOWN);
    if rest > 0 {
        let _ = writeln!(out, "and {rest} more channels");
    }
}

const WIDTH: f64 = 300.0;
const LINE: f64 = 18.0;
const GAP: f64 = 22.0;
const COLUMN: f64 = 420.0;
const MARGIN: f64 = 28.0;

const STYLE: &str = "\
.bg{fill:#fbfbfd}.ink{fill:#1d2330}.dim{fill:#5d677a}.line{fill:none;stroke:#7c879b;stroke-width:1.5}\
.fused{stroke:#2f8f57;stroke-width:2.5}.linked{stroke:#c98a10;stroke-dasharray:6 4;stroke-width:2}\
.box{stroke-width:1.5;fill:#e8f0fe;stroke:#3b6fd4}.channel{fill:#f2e9fb;stroke:#8449c0}\
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}.id{font-size:14px;font-weight:600}\
@media (prefers-color-scheme:dark){.bg{fill:#14171d}.ink{fill:#e9edf5}.dim{fill:#9aa5b8}.box{fill:#1c2b4a;stroke:#6f9bf0}\
.channel{fill:#302043;stroke:#b283e6}.line{stroke:#8793a8}.fused{stroke:#58bd85}.linked{stroke:#e2ab3f}}";

/// A box of the drawing.
struct Box {
    name: String,
    class: &'static str,
    lines: Vec<String>,
    x: f64,
    y: f64,
}

impl Box {
    fn height(&self) -> f64 {
        LINE * (count(self.lines.len()) + 1.0) + 14.0
    }
}

/// The wiring as SVG: channels at the left, plugins beside them, lines for what uses what.
#[must_use]
pub fn svg(explanation: &Explanation) -> String {
    let (boxes, width, height) = boxes(explanation);
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         role=\"img\" aria-label=\"Wiring\"><style>{STYLE}</style><rect class=\"bg\" width=\"100%\" height=\"100%\"/>"
    );
    for (from, to, class, label) in lines(explanation) {
        let find = |name: &str| boxes.iter().find(|one| one.name == name);
        if let (Some(from), Some(to)) = (find(&from), find(&to)) {
            draw_line(&mut out, from, to, class, &label);
        }
    }
    for one in &boxes {
        let (x, y, height) = (one.x, one.y, one.height());
        let _ = write!(
            out,
            "<rect class=\"box {}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{WIDTH}\" height=\"{height:.1}\" rx=\"7\"/>\
             <text class=\"id ink\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            one.class,
            x + 12.0,
            y + 21.0,
            escape(one.name.trim_start_matches("channel "))
        );
        for (index, line) in one.lines.iter().enumerate() {
            let down = y + 21.0 + LINE * (count(index) + 1.0);
            let _ = write!(
                out,
                "<text class=\"dim\" x=\"{:.1}\" y=\"{down:.1}\">{}</text>",
                x + 12.0,
                escape(&shortened(line))
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn boxes(explanation: &Explanation) -> (Vec<Box>, f64, f64) {
    let channels = explanation.channels.iter().take(SHOWN).map(|channel| Box {
        name: format!("channel {}", channel.channel),
        class: "channel",
        lines: leaves_of(channel),
        x: 0.0,
        y: 0.0,
    });
    let provides = |name: &str| {
        let wires = explanation.plugins.iter().flat_map(|plugin| &plugin.wires);
        wires.into_iter().any(|wire| match &wire.from {
            From::Host => false,
            From::Fused(provider) | From::Linked(provider, _) => provider == name,
        })
    };
    let plugin = |plugin: &ExplainedPlugin| {
        let mut lines = vec![
            plugin.world.clone(),
            format!("granted: {}", granted(plugin)),
        ];
        let own = plugin
            .wires
            .iter()
            .filter(|wire| wire.from == From::Host && !wire.interface.starts_with("wasi:"));
        lines.extend(own.map(|wire| format!("{} <- host", wire.interface)));
        lines.dedup();
        Box {
            name: plugin.name.clone(),
            class: "plugin",
            lines,
            x: 0.0,
            y: 0.0,
        }
    };
    let (providers, users): (Vec<_>, Vec<_>) = explanation
        .plugins
        .iter()
        .partition(|plugin| provides(&plugin.name));
    let columns: [Vec<Box>; 3] = [
        channels.collect(),
        users.into_iter().map(plugin).collect(),
        providers.into_iter().map(plugin).collect(),
    ];
    let (mut all, mut height, mut x) = (Vec::new(), 0.0_f64, MARGIN);
    for column in columns.into_iter().filter(|column| !column.is_empty()) {
        let mut y = MARGIN;
        for mut one in column {
            (one.x, one.y) = (x, y);
            y += one.height() + GAP;
            all.push(one);
        }
        height = height.max(y);
        x += COLUMN;
    }
    let width = x - COLUMN + WIDTH + MARGIN;
    (all, width.max(WIDTH + 2.0 * MARGIN), height + MARGIN)
}

/// From, to, how it is drawn, what stands on it.
fn lines(explanation: &Explanation) -> Vec<(String, String, &'static str, String)> {
    let mut lines = Vec::new();
    for channel in explanation.channels.iter().take(SHOWN) {
        let from = format!("channel {}", channel.channel);
        let backends = &channel.backends;
        let mut to = vec![
            channel.provider.clone(),
            backends.sessions.clone(),
            backends.bus.clone(),
        ];
        to.extend(channel.flows.iter().map(|(_, runs)| runs.clone()));
        to.extend(channel.tools.iter().cloned());
        to.sort();
        to.dedup();
        lines.extend(
            to.into_iter()
                .map(|to| (from.clone(), to, "line", String::new())),
        );
    }
    for plugin in &explanation.plugins {
        for wire in &plugin.wires {
            let interface = wire.interface.clone();
            match &wire.from {
                From::Host => {}
                From::Fused(provider) => lines.push((
                    plugin.name.clone(),
                    provider.clone(),
                    "line fused",
                    format!("{interface} (fused)"),
                )),
                From::Linked(provider, _) => lines.push((
                    plugin.name.clone(),
                    provider.clone(),
                    "line linked",
                    format!("{interface} (linked)"),
                )),
            }
        }
    }
    lines
}

fn draw_line(out: &mut String, from: &Box, to: &Box, class: &str, label: &str) {
    let (x1, y1) = (from.x + WIDTH, from.y + from.height() / 2.0);
    let (x2, y2) = (to.x, to.y + to.height() / 2.0);
    let bend = ((x2 - x1) / 2.0).abs().max(40.0);
    let _ = write!(
        out,
        "<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}\"><title>{}</title></path>",
        x1 + bend,
        x2 - bend,
        escape(label)
    );
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// As much of a line as a box is wide.
fn shortened(line: &str) -> String {
    const MOST: usize = 44;
    if line.chars().count() <= MOST {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(MOST - 1).collect();
    short.push('…');
    short
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use greentic_runner::ExplainedBackends;

    fn example() -> Explanation {
        let backends = ExplainedBackends {
            sessions: "memory".into(),
            state: None,
            bus: "bus".into(),
        };
        let wire = |importer: &str, interface: &str, from| ExplainedWire {
            importer: importer.into(),
            interface: interface.into(),
            from,
        };
        let plugin = |name: &str, wires| ExplainedPlugin {
            name: name.into(),
            world: "flow".into(),
            granted: Vec::new(),
            wires,
        };
        Explanation {
            plugins: vec![
                plugin(
                    "ask",
                    vec![
                        wire("ask", "acme:a/x@1.0.0", From::Fused("pure".into())),
                        wire("pure", "acme:b/y@1.0.0", From::Fused("deep".into())),
                        wire("deep", "wasi:io/error@0.2.0", From::Host),
                        wire(
                            "ask",
                            "acme:c/<z>@1.0.0",
                            From::Linked("net".into(), "it may use http".into()),
                        ),
                    ],
                ),
                plugin("net", Vec::new()),
                plugin("pure", Vec::new()),
            ],
            backends: vec![backends.clone()],
            channels: vec![ExplainedChannel {
                channel: "t/x/c".into(),
                provider: "hook".into(),
                flows: vec![("p/f".into(), "ask".into())],
                tools: Vec::new(),
                backends,
            }],
        }
    }

    #[test]
    fn the_tree_shows_what_is_inside_what() {
        let tree = text(&example());
        let expected = "channel t/x/c\n├─ provider: hook\n├─ flow: p/f, run by ask\n└─ sessions: memory, state: none, bus: bus\n\
            plugin ask (flow)\n├─ granted: nothing\n├─ acme:a/x@1.0.0 <- pure, fused\n│  └─ acme:b/y@1.0.0 <- deep, fused\n\
            │     └─ wasi:io/error@0.2.0 <- host\n└─ acme:c/<z>@1.0.0 <- net, linked: it may use http\n\
            plugin net (flow)\n└─ granted: nothing\nplugin pure (flow)\n└─ granted: nothing\n";
        assert_eq!(tree, expected);
    }

    #[test]
    fn the_drawing_has_a_box_for_each_and_nothing_unescaped() {
        let drawing = svg(&example());
        assert_eq!(drawing.matches("<rect class=\"box").count(), 4);
        assert!(drawing.contains("line fused") && drawing.contains("line linked"));
        assert!(drawing.contains("acme:c/&lt;z&gt;@1.0.0"), "{drawing}");
        assert!(!drawing.contains("<z>"));
    }
}
