//! Activities as they stand in a conversation's log, and as they go out again.
//!
//! An entry is the activity's JSON without its `id`: the id follows from where it stands in the log, `{conversation}|{position}`, the
//! form Direct Line's own ids have. So an id is never assigned twice and going out is two pieces of text put together. The
//! watermark is the position.

use serde_json::{Map, Value, json};

use crate::fields::{push_field, quoted};
use crate::host::{Entry, Host, HostError};
use crate::limits::{ANSWER_ACTIVITIES, ANSWER_BYTES, READ_ENTRIES};

/// How the hidden first entry of a conversation begins. Clients never send this type and never see it (Direct Line 3.0:
/// conversationUpdate is not sent to the client).
const OPENING: &str = r#"{"type":"conversationUpdate""#;

/// The id of the activity at a position.
pub fn activity_id(conversation: &str, position: u64) -> String {
    format!("{conversation}|{position:07}")
}

/// An activity with what the server says about it.
pub fn seal(mut activity: Map<String, Value>, conversation: &str, now_ms: u64) -> Vec<u8> {
    activity.insert("timestamp".into(), rfc3339(now_ms).into());
    activity.insert("channelId".into(), "webchat".into());
    activity.insert("conversation".into(), json!({"id": conversation}));
    Value::Object(activity).to_string().into_bytes()
}

/// The same for an activity that is written already but for its closing brace.
pub fn seal_text(mut activity: String, conversation: &str, now_ms: u64) -> Vec<u8> {
    push_field(&mut activity, "timestamp", &quoted(&rfc3339(now_ms)));
    push_field(&mut activity, "channelId", "\"webchat\"");
    push_field(
        &mut activity,
        "conversation",
        &format!(r#"{{"id":{}}}"#, quoted(conversation)),
    );
    activity.push('}');
    activity.into_bytes()
}

/// The entry that opens a conversation and keeps by which address it was reached.
pub fn opening(address: &str) -> Vec<u8> {
    json!({"type": "conversationUpdate", "channelData": {"address": address}})
        .to_string()
        .into_bytes()
}

/// The address of the channel's API, from the conversation's opening entry.
pub fn address(entry: &Entry) -> Option<String> {
    let value: Value = serde_json::from_slice(&entry.data).ok()?;
    entry.data.starts_with(OPENING.as_bytes()).then(|| {
        value
            .pointer("/channelData/address")?
            .as_str()
            .map(str::to_owned)
    })?
}

/// Appends an entry as JSON with its id; nothing for one that clients do not see.
fn write(out: &mut String, conversation: &str, entry: &Entry) -> bool {
    let Some(rest) = std::str::from_utf8(&entry.data)
        .ok()
        .filter(|text| !text.starts_with(OPENING))
        .and_then(|text| text.strip_prefix('{'))
    else {
        return false;
    };
    out.push_str(r#"{"id":"#);
    out.push_str(&Value::from(activity_id(conversation, entry.position)).to_string());
    out.push(',');
    out.push_str(rest);
    true
}

/// `{"activities":[…],"watermark":"…"}`, the form of a poll's answer and of a frame (Direct Line 3.0).
#[derive(Debug, PartialEq, Eq)]
pub struct ActivitySet {
    /// The JSON.
    pub json: String,
    /// The position up to which it goes.
    pub watermark: u64,
    /// How many activities are in it.
    pub activities: usize,
}

/// Puts entries together, several sets where one would be too large.
pub fn sets(conversation: &str, after: u64, entries: &[Entry]) -> Vec<ActivitySet> {
    let mut sets = Vec::new();
    let mut open = Open::new(after);
    for entry in entries {
        open.add(conversation, entry);
        if open.is_full() {
            sets.push(open.close());
            open = Open::new(entry.position);
        }
    }
    if open.activities > 0 {
        sets.push(open.close());
    }
    sets
}

/// What cannot be read again: one set without a watermark, which leaves the client's where it is.
pub fn transient_set(activity: &[u8]) -> Option<String> {
    std::str::from_utf8(activity)
        .ok()
        .map(|activity| format!(r#"{{"activities":[{activity}]}}"#))
}

/// Reads what came after a position, as much as goes into one answer.
///
/// # Errors
/// When the log cannot be read.
pub fn read(host: &impl Host, conversation: &str, after: u64) -> Result<ActivitySet, HostError> {
    let mut page = host.read(conversation, after, READ_ENTRIES)?;
    // A log that was kept no longer begins at 1 again: a watermark beyond its end is of the one before.
    let after = if after > page.last { 0 } else { after };
    if after == 0 && page.entries.is_empty() && page.last > 0 {
        page = host.read(conversation, 0, READ_ENTRIES)?;
    }
    let mut open = Open::new(after);
    loop {
        for entry in &page.entries {
            open.add(conversation, entry);
            if open.is_full() {
                return Ok(open.close());
            }
        }
        if page.entries.is_empty() || open.watermark >= page.last {
            return Ok(open.close());
        }
        page = host.read(conversation, open.watermark, READ_ENTRIES)?;
    }
}

struct Open {
    json: String,
    watermark: u64,
    activities: usize,
}

impl Open {
    fn new(watermark: u64) -> Self {
        Self {
            json: r#"{"activities":["#.to_owned(),
            watermark,
            activities: 0,
        }
    }

    fn add(&mut self, conversation: &str, entry: &Entry) {
        let before = self.json.len();
        if self.activities > 0 {
            self.json.push(',');
        }
        if write(&mut self.json, conversation, entry) {
            self.activities += 1;
        } else {
            self.json.truncate(before);
        }
        self.watermark = self.watermark.max(entry.position);
    }

    fn is_full(&self) -> bool {
        self.activities >= ANSWER_ACTIVITIES || self.json.len() >= ANSWER_BYTES
    }

    fn close(mut self) -> ActivitySet {
        self.json
            .push_str(&format!(r#"],"watermark":"{}"}}"#, self.watermark));
        ActivitySet {
            json: self.json,
            watermark: self.watermark,
            activities: self.activities,
        }
    }
}

/// RFC 3339 in UTC with milliseconds. A calendar crate would be the largest dependency of the plugin for these lines.
pub fn rfc3339(ms: u64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The proleptic Gregorian calendar from days since 1970, with years that begin in March (H. Hinnant, "chrono-compatible
    // low-level date algorithms").
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}.{ms:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryHost;

    fn entry(position: u64, json: &str) -> Entry {
        Entry {
            position,
            data: json.as_bytes().to_vec(),
        }
    }

    #[test]
    fn times_are_written_as_the_calendar_has_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    #[test]
    fn entries_go_out_with_the_id_of_their_place_and_the_opening_stays_inside() {
        let opening = Entry {
            position: 1,
            data: opening("https://a"),
        };
        assert_eq!(address(&opening).as_deref(), Some("https://a"));
        let entries = [
            opening,
            entry(2, r#"{"type":"message","text":"a"}"#),
            entry(3, r#"{"type":"message","text":"b"}"#),
        ];
        let sets = sets("c", 0, &entries);
        assert_eq!(sets.len(), 1);
        let value: Value = serde_json::from_str(&sets[0].json).unwrap();
        assert_eq!(
            value,
            json!({"activities": [{"id": "c|0000002", "type": "message", "text": "a"}, {"id": "c|0000003", "type": "message", "text": "b"}], "watermark": "3"})
        );
    }

    #[test]
    fn an_activity_of_a_person_cannot_pass_for_the_opening() {
        assert_eq!(
            address(&entry(
                1,
                r#"{"type":"message","channelData":{"address":"https://evil"}}"#
            )),
            None
        );
    }

    #[test]
    fn reading_goes_on_where_the_answer_before_stopped_until_all_was_seen_once() {
        let host = MemoryHost::at(0);
        for n in 0..470 {
            host.append(
                "c",
                &n.to_string(),
                format!(r#"{{"type":"message","text":"{n}"}}"#).as_bytes(),
            )
            .unwrap();
        }
        let (mut after, mut seen, mut answers) = (0, Vec::new(), 0);
        loop {
            let set = read(&host, "c", after).unwrap();
            let value: Value = serde_json::from_str(&set.json).unwrap();
            assert_eq!(value["watermark"], set.watermark.to_string());
            if set.activities == 0 {
                break;
            }
            seen.extend(
                value["activities"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|a| a["text"].as_str().unwrap().parse::<usize>().unwrap()),
            );
            after = set.watermark;
            answers += 1;
        }
        assert_eq!(seen, (0..470).collect::<Vec<_>>());
        assert!(
            answers >= 3,
            "no answer holds more than {ANSWER_ACTIVITIES}"
        );
    }

    #[test]
    fn a_long_log_goes_out_in_answers_of_bounded_size() {
        let host = MemoryHost::at(0);
        let text = "x".repeat(200 * 1024);
        for n in 0..20 {
            host.append(
                "c",
                &n.to_string(),
                format!(r#"{{"type":"message","text":"{text}"}}"#).as_bytes(),
            )
            .unwrap();
        }
        let set = read(&host, "c", 0).unwrap();
        assert!(set.json.len() < ANSWER_BYTES + 256 * 1024 && set.watermark < 20);
        let entries = host.read("c", 0, 100).unwrap().entries;
        let frames = sets("c", 0, &entries);
        assert!(
            frames
                .iter()
                .all(|set| set.json.len() < ANSWER_BYTES + 256 * 1024)
        );
        assert_eq!(frames.iter().map(|set| set.activities).sum::<usize>(), 20);
    }

    #[test]
    fn a_watermark_of_a_log_that_is_gone_reads_the_new_one_from_its_start() {
        let host = MemoryHost::at(0);
        host.append("c", "1", br#"{"type":"message"}"#).unwrap();
        let set = read(&host, "c", 500).unwrap();
        assert_eq!((set.activities, set.watermark), (1, 1));
        assert_eq!(read(&host, "other", 7).unwrap().watermark, 0);
    }

    #[test]
    fn what_is_transient_has_no_watermark() {
        assert_eq!(
            transient_set(br#"{"type":"typing"}"#).as_deref(),
            Some(r#"{"activities":[{"type":"typing"}]}"#)
        );
    }
}
