//! `response_url`: an interaction is answered without a token, five times within half an hour.

use serde_json::json;

use super::web_api::blank;
use super::workspace::{Message, Workspace};
use super::{block_kit, part};
use crate::platform::{Answer, Call, Desk};

/// Answers `POST /response/{id}`.
pub fn answer(desk: &Desk, workspace: &mut Workspace, call: &Call, id: &str) -> Answer {
    let refuse = |status, code: &str| Answer::json(status, &json!({"ok": false, "error": code}));
    if call.header("authorization").is_some() {
        desk.violation("token-leak", "a response_url takes no token");
    }
    let now = desk.now_ms();
    let Some(found) = workspace.answerable.get_mut(id) else {
        return refuse(404, "expired_url");
    };
    if now > found.made_ms.saturating_add(30 * 60 * 1_000) {
        return refuse(404, "expired_url");
    }
    if found.uses >= 5 {
        return refuse(404, "used_url");
    }
    let body = match call.json() {
        Ok(body) if body.is_object() => body,
        _ => return refuse(400, "invalid_json"),
    };
    let blocks = body.get("blocks").cloned().unwrap_or_else(|| json!([]));
    let faults = block_kit::faults(&blocks, block_kit::Surface::Message);
    if !faults.is_empty() {
        desk.violation("invalid-blocks", faults.join("; "));
        return Answer::json(
            400,
            &json!({"ok": false, "error": "invalid_blocks", "response_metadata": {"messages": faults}}),
        );
    }
    let text = part(&body, "/text").as_str().unwrap_or_default();
    if text.is_empty() && blocks.as_array().is_none_or(Vec::is_empty) {
        desk.violation("no-text", "");
        return refuse(400, "no_text");
    }
    found.uses += 1;
    let found = found.clone();
    if part(&body, "/delete_original") == true || part(&body, "/replace_original") == true {
        let original = found.message.as_deref();
        if let Some(message) = original.and_then(|ts| workspace.message(&found.channel, ts)) {
            message.deleted = part(&body, "/delete_original") == true;
            message.text = text.to_owned();
            message.blocks = blocks.as_array().cloned().unwrap_or_default();
            message.edited = true;
        }
        return ok();
    }
    let ts = workspace.ts(now);
    let message = Message {
        blocks: blocks.as_array().cloned().unwrap_or_default(),
        thread: part(&body, "/thread_ts").as_str().map(str::to_owned),
        only_for: (part(&body, "/response_type") != "in_channel").then(|| found.user.clone()),
        ..blank(&ts, &found.channel, text)
    };
    workspace.messages.push(message);
    ok()
}

fn ok() -> Answer {
    Answer::of(200, "text/html", b"ok".to_vec())
}
