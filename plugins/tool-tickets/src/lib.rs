//! The tickets of a small help desk, as two tools: look one up, open one.
//!
//! It starts with the same four tickets every time. What is opened is kept in the instance's memory, the newest 256, and is
//! forgotten with it: the demo has no database.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use greentic_sdk::model::{About, Error};
use greentic_sdk::tool::{Annotations, Descriptor, Tool, ToolResult, Tools};
use serde::{Deserialize, Serialize};

mod date;

/// Most tickets kept of those that were opened.
const KEPT: usize = 256;

const LOOKUP_INPUT: &str = r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["id"],
  "properties": { "id": { "type": "string", "minLength": 1, "maxLength": 32, "description": "Such as T-1001" } }
}"#;

const CREATE_INPUT: &str = r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["title", "description", "email"],
  "properties": {
    "title": { "type": "string", "minLength": 1, "maxLength": 200 },
    "description": { "type": "string", "maxLength": 4000 },
    "email": { "type": "string", "minLength": 3, "maxLength": 254, "pattern": "^[^@\\s]+@[^@\\s]+$" }
  }
}"#;

const TICKET: &str = r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["id", "title", "status", "owner", "updated"],
  "properties": {
    "id": { "type": "string" },
    "title": { "type": "string" },
    "status": { "enum": ["open", "waiting", "solved"] },
    "owner": { "type": "string" },
    "updated": { "type": "string", "description": "A date, such as 2026-03-14" }
  }
}"#;

#[derive(Clone, Serialize)]
struct Ticket {
    id: String,
    title: String,
    status: &'static str,
    owner: String,
    updated: String,
}

/// The tickets there are from the start.
const KNOWN: [(&str, &str, &str, &str, &str); 4] = [
    (
        "T-1001",
        "Laptop does not start after the update",
        "open",
        "Mira Keller",
        "2026-03-14",
    ),
    (
        "T-1002",
        "VPN drops every few minutes",
        "waiting",
        "Jonas Frei",
        "2026-03-12",
    ),
    (
        "T-1003",
        "New badge for the Basel office",
        "solved",
        "Mira Keller",
        "2026-02-27",
    ),
    (
        "T-1004",
        "Printer on floor 3 prints blank pages",
        "open",
        "Amadou Ba",
        "2026-03-15",
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lookup {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    title: String,
    description: String,
    email: String,
}

thread_local! {
    static OPENED: RefCell<VecDeque<Ticket>> = const { RefCell::new(VecDeque::new()) };
}

/// The component.
pub struct Tickets;

impl Tools for Tickets {
    fn describe() -> Descriptor {
        let text = "Tickets of a small help desk: looks them up and opens them";
        Descriptor {
            about: About::new("tool-tickets", env!("CARGO_PKG_VERSION"), text),
        }
    }

    fn list_tools() -> Vec<Tool> {
        vec![
            Tool {
                name: "lookup_ticket".into(),
                title: Some("Look up a ticket".into()),
                description: "Finds a ticket of the help desk by its id and tells its title, status, owner and last change.".into(),
                input_schema: LOOKUP_INPUT.into(),
                output_schema: Some(TICKET.into()),
                annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: false },
            },
            Tool {
                name: "create_ticket".into(),
                title: Some("Open a ticket".into()),
                description: "Opens a ticket at the help desk and returns it with its new id.".into(),
                input_schema: CREATE_INPUT.into(),
                output_schema: Some(TICKET.into()),
                annotations: Annotations { read_only: false, destructive: false, idempotent: true, open_world: false },
            },
        ]
    }

    fn call_tool(name: String, arguments: String) -> Result<ToolResult, Error> {
        match name.as_str() {
            "lookup_ticket" => lookup(&read::<Lookup>(&arguments)?),
            "create_ticket" => create(&read::<Create>(&arguments)?),
            _ => Err(Error::NotFound),
        }
    }
}

greentic_sdk::export_tools!(Tickets);

fn read<'text, T: Deserialize<'text>>(arguments: &'text str) -> Result<T, Error> {
    serde_json::from_str(arguments).map_err(|error| Error::Invalid(format!("arguments: {error}")))
}

fn answer(ticket: &Ticket) -> Result<ToolResult, Error> {
    let json = serde_json::to_string(ticket).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(ToolResult::structured(json))
}

fn find(id: &str) -> Option<Ticket> {
    let opened = OPENED.with_borrow(|opened| {
        opened
            .iter()
            .find(|ticket| ticket.id.eq_ignore_ascii_case(id))
            .cloned()
    });
    opened.or_else(|| {
        let (id, title, status, owner, updated) = KNOWN
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(id))?;
        Some(Ticket {
            id: (*id).into(),
            title: (*title).into(),
            status,
            owner: (*owner).into(),
            updated: (*updated).into(),
        })
    })
}

fn lookup(arguments: &Lookup) -> Result<ToolResult, Error> {
    match find(arguments.id.trim()) {
        Some(ticket) => answer(&ticket),
        None => Ok(ToolResult::failure(format!(
            "There is no ticket {}.",
            arguments.id.trim()
        ))),
    }
}

/// The same request opens the same ticket: its id comes from what was asked, so a repeated call opens no second one.
fn create(arguments: &Create) -> Result<ToolResult, Error> {
    let title = arguments.title.trim();
    if title.is_empty() {
        return Ok(ToolResult::failure("A ticket needs a title."));
    }
    if !arguments
        .email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
    {
        return Ok(ToolResult::failure(format!(
            "{} is no e-mail address.",
            arguments.email
        )));
    }
    let id = format!(
        "T-{}",
        10_000 + print(&[title, &arguments.description, &arguments.email]) % 90_000
    );
    if let Some(ticket) = find(&id).filter(|ticket| ticket.title == title) {
        return answer(&ticket);
    }
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let ticket = Ticket {
        id,
        title: title.into(),
        status: "open",
        owner: "Help desk".into(),
        updated: date::of_day(seconds / 86_400),
    };
    OPENED.with_borrow_mut(|opened| {
        opened.push_front(ticket.clone());
        opened.truncate(KEPT);
    });
    answer(&ticket)
}

/// FNV-1a, with each text ended by a byte that stands in none.
fn print(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::Tickets;
    use greentic_sdk::model::Error;
    use greentic_sdk::tool::{ToolResult, Tools};
    use serde_json::Value;

    fn call(name: &str, arguments: &str) -> ToolResult {
        Tickets::call_tool(name.into(), arguments.into()).unwrap()
    }

    fn structured(result: &ToolResult) -> Value {
        serde_json::from_str(result.structured.as_deref().unwrap()).unwrap()
    }

    #[test]
    fn a_known_ticket_is_found_by_its_id_in_any_case() {
        for id in ["T-1002", "t-1002", " T-1002 "] {
            let result = call("lookup_ticket", &format!(r#"{{"id":"{id}"}}"#));
            let ticket = structured(&result);
            assert_eq!(
                (ticket["id"].as_str(), ticket["status"].as_str()),
                (Some("T-1002"), Some("waiting"))
            );
            assert!(!result.is_error);
        }
    }

    #[test]
    fn an_unknown_ticket_is_a_failure_the_caller_can_read() {
        let result = call("lookup_ticket", r#"{"id":"T-9"}"#);
        assert!(result.is_error && result.structured.is_none());
    }

    #[test]
    fn a_new_ticket_is_found_afterwards_and_asking_again_opens_no_second_one() {
        let arguments = r#"{"title":"Mouse","description":"broken","email":"a@b.ch"}"#;
        let first = structured(&call("create_ticket", arguments));
        assert_eq!(first, structured(&call("create_ticket", arguments)));
        let id = first["id"].as_str().unwrap();
        assert_eq!(
            first,
            structured(&call("lookup_ticket", &format!(r#"{{"id":"{id}"}}"#)))
        );
        let other = structured(&call(
            "create_ticket",
            r#"{"title":"Mouse","description":"lost","email":"a@b.ch"}"#,
        ));
        assert_ne!(first["id"], other["id"]);
        assert!(
            call(
                "create_ticket",
                r#"{"title":" ","description":"","email":"a@b"}"#
            )
            .is_error
        );
        assert!(
            call(
                "create_ticket",
                r#"{"title":"x","description":"","email":"ab"}"#
            )
            .is_error
        );
    }

    #[test]
    fn wrong_arguments_and_unknown_tools_are_errors() {
        for arguments in ["", "{}", r#"{"id":1}"#, r#"{"id":"x","more":1}"#] {
            let outcome = Tickets::call_tool("lookup_ticket".into(), arguments.into());
            assert!(matches!(outcome, Err(Error::Invalid(_))), "{arguments}");
        }
        assert!(matches!(
            Tickets::call_tool("delete_ticket".into(), "{}".into()),
            Err(Error::NotFound)
        ));
    }

    #[test]
    fn schemas_are_json_and_name_what_the_answers_have() {
        for tool in Tickets::list_tools() {
            let input: Value = serde_json::from_str(&tool.input_schema).unwrap();
            assert_eq!(input["type"], "object");
            let output: Value =
                serde_json::from_str(tool.output_schema.as_deref().unwrap()).unwrap();
            let ticket = structured(&call("lookup_ticket", r#"{"id":"T-1001"}"#));
            let keys: Vec<_> = ticket.as_object().unwrap().keys().cloned().collect();
            assert_eq!(
                output["required"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|key| key.as_str().unwrap())
                    .collect::<Vec<_>>(),
                keys
            );
        }
    }
}
