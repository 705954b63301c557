//! Files: a place for the bytes, the bytes, and the sharing; and reading them again.

use serde_json::{Value, json};

use super::{Method, Outcome, Refused, blank, refused};
use crate::platform::slack::workspace::{Message, Stored, Workspace};
use crate::platform::slack::{TOKEN, part};
use crate::platform::{Answer, Call, Desk, File};

impl Method<'_> {
    pub(super) fn upload_place(&mut self) -> Outcome {
        let name = self.needed("filename")?;
        let length: usize = self.needed("length")?.parse().unwrap_or(0);
        if length == 0 {
            self.desk.violation("file-length", "0");
            return Err(refused("invalid_arguments"));
        }
        let id = format!("F{}", self.workspace.next());
        let stored = Stored {
            file: File {
                name,
                content_type: "application/octet-stream".to_owned(),
                bytes: Vec::new(),
            },
            uploaded: false,
            announced: length,
            shared: false,
        };
        self.workspace.files.insert(id.clone(), stored);
        Ok(json!({"upload_url": format!("{}/upload/v1/{id}", self.desk.origin()), "file_id": id}))
    }

    pub(super) fn complete_upload(&mut self) -> Outcome {
        let files = self.arguments.get("files").cloned().unwrap_or_default();
        let files = match files {
            Value::String(text) => serde_json::from_str(&text).unwrap_or_default(),
            other => other,
        };
        let ids: Vec<String> = files
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|file| part(file, "/id").as_str().map(str::to_owned))
            .collect();
        let channel = match self.text("channel_id") {
            Some(id) if self.workspace.places.contains_key(&id) => Some(id),
            Some(_) => return Err(refused("channel_not_found")),
            None => None,
        };
        if ids.is_empty() {
            self.desk.violation("field-missing", "files");
            return Err(refused("invalid_arguments"));
        }
        for id in &ids {
            match self.workspace.files.get_mut(id) {
                Some(stored) if stored.uploaded && !stored.shared => stored.shared = true,
                _ => {
                    self.desk.violation("file-not-uploaded", id.clone());
                    return Err(refused("file_not_found"));
                }
            }
        }
        if let Some(channel) = channel {
            let thread = self.thread(&channel);
            let ts = self.workspace.ts(self.desk.now_ms());
            let comment = self.text("initial_comment").unwrap_or_default();
            let message = Message {
                files: ids.clone(),
                thread,
                ..blank(&ts, &channel, &comment)
            };
            self.workspace.messages.push(message);
        }
        // Where a file was shared is known only a little later.
        let told: Vec<Value> = ids
            .iter()
            .map(|id| json!({"id": id, "title": id}))
            .collect();
        Ok(json!({ "files": told }))
    }

    pub(super) fn file_info(&mut self) -> Outcome {
        let id = self.needed("file")?;
        let stored = self.workspace.files.get(&id);
        let stored = stored.ok_or_else(|| refused("file_not_found"))?;
        Ok(json!({ "file": told(self.desk, &id, stored) }))
    }

    pub(super) fn delete_file(&mut self) -> Outcome {
        let id = self.needed("file")?;
        match self.workspace.files.remove(&id) {
            Some(_) => Ok(json!({})),
            None => Err(Refused("file_not_found", json!({}))),
        }
    }
}

/// A file as events and `files.info` tell it.
pub fn told(desk: &Desk, id: &str, stored: &Stored) -> Value {
    let url = format!(
        "{}/files-pri/{id}/{}",
        desk.origin(),
        stored.file.name.replace(' ', "_")
    );
    json!({
        "id": id, "name": stored.file.name, "title": stored.file.name, "mimetype": stored.file.content_type,
        "size": stored.file.bytes.len(), "mode": "hosted", "is_external": false,
        "url_private": url, "url_private_download": url,
    })
}

/// `POST /upload/v1/{id}`: the bytes, raw or as the file of a form.
pub fn upload(desk: &Desk, workspace: &mut Workspace, call: &Call, id: &str) -> Answer {
    if call.header("authorization").is_some() {
        desk.violation("token-leak", "the place of an upload takes no token");
    }
    let Some(stored) = workspace.files.get_mut(id) else {
        return Answer::empty(404);
    };
    let content_type = call.header("content-type").unwrap_or_default().to_owned();
    let bytes = if content_type.starts_with("multipart/form-data") {
        let parts = call.multipart().unwrap_or_default();
        parts
            .into_iter()
            .next()
            .map(|part| part.bytes)
            .unwrap_or_default()
    } else {
        call.body.clone()
    };
    if bytes.len() != stored.announced {
        desk.violation(
            "file-length",
            format!("{} announced, {} came", stored.announced, bytes.len()),
        );
        return Answer::empty(400);
    }
    stored.file.content_type = content_type;
    stored.file.bytes = bytes;
    stored.uploaded = true;
    Answer::of(
        200,
        "text/plain",
        format!("OK - {}", stored.announced).into_bytes(),
    )
}

/// `GET /files-pri/{id}/…`: the bytes for who shows the token, a page to sign in for everybody else.
pub fn download(workspace: &Workspace, call: &Call, id: &str) -> Answer {
    if call.bearer() != Some(TOKEN) {
        return Answer::of(
            200,
            "text/html; charset=utf-8",
            b"<html>Sign in</html>".to_vec(),
        );
    }
    match workspace.files.get(id) {
        Some(stored) => Answer::of(200, &stored.file.content_type, stored.file.bytes.clone()),
        None => Answer::empty(404),
    }
}
