//! `emit.*`: what a payload may have is checked at load as far as its text tells.

use greentic_diagnostics::{Node, Value as Yaml, suggest};

use super::names::Names;
use super::template;
use crate::ir::{EmitKind, Operation};
use crate::outbound::payload_keys;

/// Operation keys that send something.
pub const EMITS: [(&str, EmitKind); 11] = [
    ("emit.response", EmitKind::Response),
    ("emit.reply", EmitKind::Response),
    ("emit.message", EmitKind::Response),
    ("emit.text", EmitKind::Text),
    ("emit.card", EmitKind::Card),
    ("emit.quick-replies", EmitKind::QuickReplies),
    ("emit.attachment", EmitKind::Attachment),
    ("emit.typing", EmitKind::Typing),
    ("emit.edit", EmitKind::Edit),
    ("emit.delete", EmitKind::Delete),
    ("emit.reaction", EmitKind::Reaction),
];

/// Keys of which a response needs one.
const CONTENT: [&str; 5] = ["text", "card", "quick_replies", "attachment", "attachments"];

/// The kind an operation key sends; `_` and `-` are the same.
pub fn kind(key: &str) -> Option<EmitKind> {
    let key = key.replace('_', "-");
    EMITS
        .iter()
        .find(|(known, _)| *known == key)
        .map(|(_, kind)| *kind)
}

/// Lowers an `emit`.
pub fn lower(kind: EmitKind, payload: Option<&Node>, names: &Names<'_>) -> Operation {
    let Some(node) = payload else {
        return Operation::Emit(kind, Default::default());
    };
    check(kind, node, names);
    Operation::Emit(kind, template::payload(node, names))
}

/// Checks a message's payload: unknown keys, and what is missing for sure.
pub fn check(kind: EmitKind, node: &Node, names: &Names<'_>) {
    let keys = payload_keys(kind);
    let report = names.report;
    let need = |what: &str| {
        report.error(
            node.span,
            "bad-message",
            format!("the message has no {what}"),
        );
    };
    match &node.value {
        Yaml::Mapping(fields) => {
            let is_card = kind == EmitKind::Card && fields.get("type").is_some();
            if !is_card {
                for (key, entry) in fields.iter().filter(|(key, _)| !keys.contains(key)) {
                    let near = suggest(key, keys.iter().copied()).map_or_else(
                        || format!("; there are {}", keys.join(", ")),
                        |near| format!("; did you mean `{near}`?"),
                    );
                    report.error(
                        entry.key_span,
                        "unknown-key",
                        format!("unknown key `{key}`{near}"),
                    );
                }
            }
            let has = |key: &str| fields.get(key).is_some();
            match kind {
                EmitKind::Response if !CONTENT.iter().any(|key| has(key)) => {
                    need("text, card, quick_replies or attachment");
                }
                EmitKind::Text if !has("text") => need("`text`"),
                EmitKind::Card if !has("card") && !is_card => need("`card`"),
                EmitKind::QuickReplies
                    if !["replies", "options", "quick_replies"]
                        .iter()
                        .any(|key| has(key)) =>
                {
                    need("`replies`");
                }
                EmitKind::Attachment if !has("url") => need("`url`"),
                EmitKind::Edit if !has("message_id") || !has("text") => {
                    need("`message_id` and `text`")
                }
                EmitKind::Delete if !has("message_id") => need("`message_id`"),
                EmitKind::Reaction if !has("message_id") || !has("emoji") => {
                    need("`message_id` and `emoji`")
                }
                _ => {}
            }
            check_card(fields.get("card").map(|entry| &entry.node), names);
        }
        Yaml::Null if kind != EmitKind::Typing => need("content"),
        Yaml::String(text) if text.trim().is_empty() => {
            need("text, and channels refuse empty ones")
        }
        _ => {}
    }
}

fn check_card(card: Option<&Node>, names: &Names<'_>) {
    let Some(card) = card.filter(|card| card.as_mapping().is_some()) else {
        return;
    };
    if card.get("type").and_then(Node::as_str) != Some("AdaptiveCard") {
        names
            .report
            .error(card.span, "bad-card", "a card has `type: AdaptiveCard`")
            .help("the card is Adaptive Card JSON, version 1.5 or lower");
    }
}

/// Fields of the node's output: those of its payload.
pub fn fields(payload: Option<&Node>) -> Vec<String> {
    let mapping = payload.and_then(Node::as_mapping);
    mapping
        .into_iter()
        .flat_map(|mapping| mapping.iter())
        .map(|(key, _)| key.to_owned())
        .collect()
}
