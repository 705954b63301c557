//! SVG, readable on light and dark backgrounds without help from outside.

use std::fmt::Write as _;

use super::layout::{Content, Layout, Line, Place, layout};
use crate::compile::{FlowView, ViewKind, ViewNode};

/// Space around the drawing.
const MARGIN: f64 = 36.0;
/// Space above the drawing for title and start.
const HEAD: f64 = 96.0;
/// Space between two lines that lead back.
const LANE: f64 = 18.0;
/// Space below the drawing for the legend.
const FOOT: f64 = 56.0;

const STYLE: &str = "\
.bg{fill:#fbfbfd}.ink{fill:#1d2330}.dim{fill:#5d677a}.label{fill:#3c4557;stroke:#fbfbfd;stroke-width:5px;paint-order:stroke}\
.line{fill:none;stroke:#7c879b;stroke-width:1.6}.bad{stroke:#c2453a;stroke-dasharray:5 4}.tip{fill:#7c879b}.tipbad{fill:#c2453a}\
.box{stroke-width:1.6}.say{fill:#e8f0fe;stroke:#3b6fd4}.wait{fill:#fff3d9;stroke:#c98a10}.call{fill:#e6f6ec;stroke:#2f8f57}\
.flow{fill:#f2e9fb;stroke:#8449c0}.data{fill:#eceff3;stroke:#66738a}.end{fill:none;stroke:#1d2330;stroke-width:1.6}\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\
.id{font-size:14px;font-weight:600}.op{font-size:11px}.de{font-size:11px;font-style:italic}.la{font-size:11px}.ti{font-size:17px;font-weight:600}\
@media (prefers-color-scheme:dark){.bg{fill:#14171d}.ink{fill:#e9edf5}.dim{fill:#9aa5b8}.label{fill:#c4ccda;stroke:#14171d}\
.line{stroke:#8793a8}.tip{fill:#8793a8}.bad{stroke:#f0776b}.tipbad{fill:#f0776b}.say{fill:#1c2b4a;stroke:#6f9bf0}.wait{fill:#3d2f10;stroke:#e2ab3f}\
.call{fill:#16352a;stroke:#58bd85}.flow{fill:#302043;stroke:#b283e6}.data{fill:#262b35;stroke:#8f9bb0}.end{stroke:#e9edf5}}";

/// The flow as an SVG document.
#[must_use]
pub fn svg(view: &FlowView) -> String {
    let laid = layout(view);
    let lanes = laid.lines.iter().filter(|line| line.back).count();
    let side =
        LANE * f64::from(u32::try_from(lanes).unwrap_or(0)) + if lanes > 0 { 140.0 } else { 0.0 };
    let width = (laid.width + 2.0 * MARGIN + side).max(560.0);
    let height = laid.height + HEAD + FOOT + MARGIN;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"Flow {}\"><style>{STYLE}</style>{MARKERS}\
         <rect class=\"bg\" width=\"100%\" height=\"100%\"/>",
        escape(&view.id)
    );
    let title = if view.title.is_empty() {
        &view.id
    } else {
        &view.title
    };
    let _ = write!(
        out,
        "<text class=\"ti ink\" x=\"{MARGIN}\" y=\"38\">{}</text>",
        escape(title)
    );
    let _ = write!(out, "<g transform=\"translate({MARGIN},{HEAD})\">");
    start(view, &laid, &mut out);
    let mut lane = 0;
    let mut labels = String::new();
    for line in &laid.lines {
        draw_line(line, view, &laid, &mut lane, &mut out, &mut labels);
    }
    for place in &laid.places {
        match place.content {
            Content::Node(index) => {
                if let Some(node) = view.nodes.get(index) {
                    draw_node(node, place, &mut out);
                }
            }
            Content::End => {
                let (x, y) = (place.x + place.width / 2.0, place.y + place.height / 2.0);
                let _ = write!(
                    out,
                    "<circle class=\"end\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"8\"/><circle class=\"ink\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>"
                );
            }
            Content::Pass => {}
        }
    }
    out.push_str(&labels);
    out.push_str("</g>");
    legend(height - FOOT / 2.0, &mut out);
    out.push_str("</svg>\n");
    out
}

const MARKERS: &str = "<defs>\
<marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker>\
<marker id=\"b\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"tipbad\" d=\"M0 0L8 4L0 8z\"/></marker>\
</defs>";

fn start(view: &FlowView, laid: &Layout, out: &mut String) {
    let Some(place) = laid.places.get(view.start) else {
        return;
    };
    let x = place.x + place.width / 2.0;
    let top = place.y - 34.0;
    let _ = write!(
        out,
        "<circle class=\"ink\" cx=\"{x:.1}\" cy=\"{top:.1}\" r=\"6\"/><path class=\"line\" marker-end=\"url(#a)\" d=\"M{x:.1} {:.1}V{:.1}\"/>",
        top + 6.0,
        place.y - 1.0
    );
}

fn draw_line(
    line: &Line,
    view: &FlowView,
    laid: &Layout,
    lane: &mut u32,
    out: &mut String,
    labels: &mut String,
) {
    let Some(edge) = view
        .nodes
        .get(line.from)
        .and_then(|node| node.edges.get(line.edge))
    else {
        return;
    };
    let places: Vec<&Place> = line
        .through
        .iter()
        .filter_map(|index| laid.places.get(*index))
        .collect();
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return;
    };
    let (class, marker) = if edge.error {
        ("line bad", "b")
    } else {
        ("line", "a")
    };
    let mut path = String::new();
    let (label_x, label_y);
    if line.back {
        // Out at the bottom right, along the gap, up beside the drawing and in from above: no node is crossed.
        let right = laid.width + 24.0 + LANE * f64::from(*lane);
        *lane += 1;
        let (from_x, from_y) = (first.x + first.width - 18.0, first.y + first.height);
        let (to_x, to_y) = (last.x + last.width - 18.0, last.y);
        let (low, high) = (from_y + 18.0, to_y - 18.0);
        let _ = write!(
            path,
            "M{from_x:.1} {from_y:.1}V{:.1}Q{from_x:.1} {low:.1} {:.1} {low:.1}H{:.1}Q{right:.1} {low:.1} {right:.1} {:.1}\
             V{:.1}Q{right:.1} {high:.1} {:.1} {high:.1}H{:.1}Q{to_x:.1} {high:.1} {to_x:.1} {:.1}V{:.1}",
            low - 8.0,
            from_x + 8.0,
            right - 8.0,
            low - 8.0,
            high + 8.0,
            right - 8.0,
            to_x + 8.0,
            high + 8.0,
            to_y - 1.0
        );
        (label_x, label_y) = (from_x + 12.0, low - 4.0);
    } else {
        let (port, ports) = port(line, laid);
        let spread = (first.width * 0.5).min(26.0 * number(ports.saturating_sub(1)));
        let step = if ports > 1 {
            spread / number(ports - 1)
        } else {
            0.0
        };
        let mut at = (
            first.x + first.width / 2.0 - spread / 2.0 + step * number(port),
            first.y + first.height,
        );
        let _ = write!(path, "M{:.1} {:.1}", at.0, at.1);
        let next = places
            .get(1)
            .map_or(at, |place| (place.x + place.width / 2.0, place.y));
        // Labels of one node stand below each other; the leftmost is lowest, where the lines have parted most.
        // A line that leads back runs 18 below the node.
        let turns = laid
            .lines
            .iter()
            .any(|other| other.from == line.from && other.back);
        let base = if turns { 34.0 } else { 20.0 };
        let height = next.1 - at.1;
        let down = (height - 10.0).min(base + 14.0 * number(ports - 1 - port.min(ports - 1)));
        (label_x, label_y) = (
            on_curve(at.0, next.0, down / height.max(1.0)) + 6.0,
            at.1 + down,
        );
        for (index, place) in places.iter().enumerate().skip(1) {
            let tip = if index + 1 == places.len() { 1.0 } else { 0.0 };
            let to = (place.x + place.width / 2.0, place.y - tip);
            let middle = f64::midpoint(at.1, to.1);
            let _ = write!(
                path,
                "C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {:.1}",
                at.0, to.0, to.0, to.1
            );
            at = to;
        }
    }
    let _ = write!(
        out,
        "<path class=\"{class}\" marker-end=\"url(#{marker})\" d=\"{path}\"/>"
    );
    if !edge.label.is_empty() {
        let _ = write!(
            labels,
            "<text class=\"la label\" x=\"{label_x:.1}\" y=\"{label_y:.1}\">{}</text>",
            escape(&edge.label)
        );
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(0))
}

/// The line's place among the lines that leave its node downwards, from left to right by where they lead.
fn port(line: &Line, laid: &Layout) -> (usize, usize) {
    let middle = |line: &Line| {
        let next = line
            .through
            .get(1)
            .and_then(|index| laid.places.get(*index));
        next.map_or(0.0, |place| place.x + place.width / 2.0)
    };
    let mut beside: Vec<&Line> = laid
        .lines
        .iter()
        .filter(|other| other.from == line.from && !other.back)
        .collect();
    beside.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
    (
        beside
            .iter()
            .position(|other| other.edge == line.edge)
            .unwrap_or(0),
        beside.len().max(1),
    )
}

/// Where the curve between two places is when it has gone this share of the way down.
fn on_curve(from: f64, to: f64, down: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..20 {
        let t = f64::midpoint(low, high);
        if 1.5 * t * (1.0 - t) + t * t * t < down {
            low = t;
        } else {
            high = t;
        }
    }
    from + (to - from) * low * low * (3.0 - 2.0 * low)
}

fn draw_node(node: &ViewNode, place: &Place, out: &mut String) {
    let (x, y, w, h) = (place.x, place.y, place.width, place.height);
    let class = class(node.kind);
    let _ = match node.kind {
        ViewKind::Flow => write!(
            out,
            "<path class=\"box {class}\" d=\"M{:.1} {y:.1}H{:.1}L{:.1} {:.1}L{:.1} {:.1}H{:.1}L{x:.1} {:.1}z\"/>",
            x + 14.0,
            x + w - 14.0,
            x + w,
            y + h / 2.0,
            x + w - 14.0,
            y + h,
            x + 14.0,
            y + h / 2.0
        ),
        kind => {
            let radius = match kind {
                ViewKind::Wait => h / 2.0,
                ViewKind::Say => 10.0,
                _ => 2.0,
            };
            write!(
                out,
                "<rect class=\"box {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"{radius:.1}\"/>"
            )
        }
    };
    if node.kind == ViewKind::Call {
        let _ = write!(
            out,
            "<path class=\"box {class}\" d=\"M{:.1} {y:.1}v{h:.1}M{:.1} {y:.1}v{h:.1}\"/>",
            x + 7.0,
            x + w - 7.0
        );
    }
    let middle = x + w / 2.0;
    let lines = [
        ("id ink", &node.id),
        ("op dim", &node.operation),
        ("de dim", &node.detail),
    ];
    let mut baseline = y + 21.0;
    for (class, text) in lines.iter().filter(|(_, text)| !text.is_empty()) {
        let _ = write!(
            out,
            "<text class=\"{class}\" x=\"{middle:.1}\" y=\"{baseline:.1}\" text-anchor=\"middle\">{}</text>",
            escape(text)
        );
        baseline += 17.0;
    }
}

fn class(kind: ViewKind) -> &'static str {
    match kind {
        ViewKind::Say => "say",
        ViewKind::Wait => "wait",
        ViewKind::Call => "call",
        ViewKind::Flow => "flow",
        ViewKind::Data => "data",
    }
}

fn legend(y: f64, out: &mut String) {
    let kinds = [
        (ViewKind::Say, "says"),
        (ViewKind::Wait, "waits"),
        (ViewKind::Call, "calls"),
        (ViewKind::Flow, "another flow"),
        (ViewKind::Data, "remembers"),
    ];
    let mut x = MARGIN;
    for (kind, name) in kinds {
        let _ = write!(
            out,
            "<rect class=\"box {}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"16\" height=\"12\" rx=\"3\"/><text class=\"la dim\" x=\"{:.1}\" y=\"{y:.1}\">{name}</text>",
            class(kind),
            y - 10.0,
            x + 22.0
        );
        x += 46.0 + 6.5 * f64::from(u32::try_from(name.len()).unwrap_or(0));
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
