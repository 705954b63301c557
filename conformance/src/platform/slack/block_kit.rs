//! Slack's checks of Block Kit: required fields, lengths, counts, and what may stand where
//! (docs.slack.dev/reference/block-kit/blocks and …/block-elements).

use std::collections::HashSet;

use serde_json::Value;

use super::part;

/// Where blocks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// In a message.
    Message,
    /// In a modal.
    Modal,
}

/// The faults of blocks, in the form of `response_metadata.messages`.
pub fn faults(blocks: &Value, surface: Surface) -> Vec<String> {
    let mut check = Check {
        surface,
        faults: Vec::new(),
    };
    let Some(list) = blocks.as_array() else {
        check.fault("/blocks", "must be an array");
        return check.faults;
    };
    let most = match surface {
        Surface::Message => 50,
        Surface::Modal => 100,
    };
    if list.len() > most {
        check.fault("/blocks", &format!("no more than {most} items allowed"));
    }
    let mut ids = HashSet::new();
    for (at, block) in list.iter().enumerate() {
        let place = format!("/blocks/{at}");
        if let Some(id) = block.get("block_id") {
            check.length(&place, block, "block_id", 255);
            if !ids.insert(id.to_string()) {
                check.fault(&place, "block_id must be unique");
            }
        }
        check.block(&place, block);
    }
    check.faults
}

/// Whether blocks have an input, so that a modal needs a button to send it.
pub fn has_inputs(blocks: &Value) -> bool {
    let blocks = blocks.as_array().map_or(&[][..], Vec::as_slice);
    blocks.iter().any(|block| part(block, "/type") == "input")
}

struct Check {
    surface: Surface,
    faults: Vec<String>,
}

/// The kinds of element an input may hold, and whether a message may show them.
const INPUTS: [(&str, bool); 13] = [
    ("plain_text_input", true),
    ("datepicker", true),
    ("timepicker", true),
    ("static_select", true),
    ("multi_static_select", true),
    ("radio_buttons", true),
    ("checkboxes", true),
    ("users_select", true),
    ("multi_users_select", true),
    ("number_input", false),
    ("email_text_input", false),
    ("url_text_input", false),
    ("file_input", false),
];

impl Check {
    fn fault(&mut self, place: &str, what: &str) {
        self.faults
            .push(format!("[ERROR] {what} [json-pointer:{place}]"));
    }

    fn length(&mut self, place: &str, owner: &Value, field: &str, most: usize) {
        let Some(value) = owner.get(field) else {
            return;
        };
        let place = format!("{place}/{field}");
        match value.as_str().map(|text| text.chars().count()) {
            None => self.fault(&place, "must be a string"),
            Some(0) => self.fault(&place, "must be more than 0 characters"),
            Some(length) if length > most => {
                self.fault(
                    &place,
                    &format!("must be less than {} characters", most + 1),
                );
            }
            Some(_) => {}
        }
    }

    fn needed(&mut self, place: &str, owner: &Value, field: &str, most: usize) {
        if owner.get(field).is_none() {
            self.fault(place, &format!("missing required field: {field}"));
        }
        self.length(place, owner, field, most);
    }

    /// A text object: `plain_text`, or `mrkdwn` where that is allowed.
    fn text(&mut self, place: &str, owner: &Value, field: &str, most: usize, marked: bool) {
        let place = format!("{place}/{field}");
        let Some(text) = owner.get(field) else {
            self.fault(&place, "missing required field");
            return;
        };
        match part(text, "/type").as_str() {
            Some("plain_text") => {}
            Some("mrkdwn") if marked => {}
            _ => self.fault(&place, "unsupported type of text object"),
        }
        self.needed(&place, text, "text", most);
    }

    fn optional_text(&mut self, place: &str, owner: &Value, field: &str, most: usize) {
        if owner.get(field).is_some() {
            self.text(place, owner, field, most, false);
        }
    }

    fn items<'a>(
        &mut self,
        place: &str,
        owner: &'a Value,
        field: &str,
        most: usize,
    ) -> &'a [Value] {
        let items = owner
            .get(field)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        if items.is_empty() || items.len() > most {
            self.fault(
                &format!("{place}/{field}"),
                &format!("must have 1 to {most} items and has {}", items.len()),
            );
        }
        items
    }

    fn block(&mut self, place: &str, block: &Value) {
        match part(block, "/type").as_str() {
            Some("divider") => {}
            Some("header") => self.text(place, block, "text", 150, false),
            Some("section") => self.section(place, block),
            Some("image") => self.image(place, block, true),
            Some("context") => {
                for (at, element) in self.items(place, block, "elements", 10).iter().enumerate() {
                    let place = format!("{place}/elements/{at}");
                    if part(element, "/type") == "image" {
                        self.image(&place, element, false);
                    } else {
                        let owner = serde_json::json!({ "text": element });
                        self.text(&place, &owner, "text", 3000, true);
                    }
                }
            }
            Some("actions") => {
                let elements = self.items(place, block, "elements", 25);
                let mut ids = HashSet::new();
                for (at, element) in elements.iter().enumerate() {
                    let place = format!("{place}/elements/{at}");
                    if !ids.insert(part(element, "/action_id").to_string()) {
                        self.fault(&place, "action_id must be unique within its block");
                    }
                    self.element(&place, element);
                }
            }
            Some("input") => {
                self.text(place, block, "label", 2000, false);
                self.optional_text(place, block, "hint", 2000);
                let element = part(block, "/element");
                let place = format!("{place}/element");
                let kind = part(element, "/type").as_str().unwrap_or_default();
                match INPUTS.iter().find(|(known, _)| *known == kind) {
                    None => self.fault(&place, &format!("unsupported type: {kind}")),
                    Some((_, false)) if self.surface == Surface::Message => {
                        self.fault(&place, &format!("{kind} is not supported in messages"));
                    }
                    Some(_) => self.element(&place, element),
                }
            }
            Some("rich_text") => self.rich_text(place, block),
            Some(other) => self.fault(place, &format!("unsupported type: {other}")),
            None => self.fault(place, "missing required field: type"),
        }
    }

    fn section(&mut self, place: &str, block: &Value) {
        if block.get("text").is_some() {
            self.text(place, block, "text", 3000, true);
        } else if block.get("fields").is_none() {
            self.fault(place, "missing required field: text");
        }
        if block.get("fields").is_some() {
            for (at, field) in self.items(place, block, "fields", 10).iter().enumerate() {
                let owner = serde_json::json!({ "text": field });
                self.text(&format!("{place}/fields/{at}"), &owner, "text", 2000, true);
            }
        }
        if let Some(accessory) = block.get("accessory") {
            let place = format!("{place}/accessory");
            if part(accessory, "/type") == "image" {
                self.image(&place, accessory, false);
            } else {
                self.element(&place, accessory);
            }
        }
    }

    fn image(&mut self, place: &str, image: &Value, titled: bool) {
        self.needed(place, image, "image_url", 3000);
        self.needed(place, image, "alt_text", 2000);
        if titled {
            self.optional_text(place, image, "title", 2000);
        }
        let url = part(image, "/image_url").as_str().unwrap_or_default();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            self.fault(place, "invalid image_url");
        }
    }

    fn element(&mut self, place: &str, element: &Value) {
        self.length(place, element, "action_id", 255);
        self.optional_text(place, element, "placeholder", 150);
        match part(element, "/type").as_str().unwrap_or_default() {
            "button" => {
                self.text(place, element, "text", 75, false);
                self.length(place, element, "value", 2000);
                self.length(place, element, "url", 3000);
                if let Some(style) = element.get("style")
                    && style != "primary"
                    && style != "danger"
                {
                    self.fault(place, "style must be primary or danger");
                }
            }
            "plain_text_input" => {
                self.number(place, element, "max_length", 1..=3000);
                self.number(place, element, "min_length", 0..=3000);
                self.length(place, element, "initial_value", 3000);
            }
            "number_input" => {
                if !part(element, "/is_decimal_allowed").is_boolean() {
                    self.fault(place, "missing required field: is_decimal_allowed");
                }
                for field in ["min_value", "max_value", "initial_value"] {
                    let value = element.get(field);
                    if value.is_some_and(|value| {
                        value
                            .as_str()
                            .is_none_or(|text| text.parse::<f64>().is_err())
                    }) {
                        self.fault(place, &format!("{field} must be a number in a string"));
                    }
                }
            }
            "datepicker" => self.shape(place, element, "initial_date", "dddd-dd-dd"),
            "timepicker" => self.shape(place, element, "initial_time", "dd:dd"),
            kind @ ("radio_buttons" | "checkboxes") => {
                let options = self.items(place, element, "options", 10);
                self.options(place, options);
                self.initial(place, element, kind == "checkboxes", options);
            }
            kind @ ("static_select" | "multi_static_select") => {
                let options = match part(element, "/option_groups").as_array() {
                    Some(_) => {
                        let mut all = Vec::new();
                        for group in self.items(place, element, "option_groups", 100) {
                            self.text(place, group, "label", 75, false);
                            all.extend_from_slice(self.items(place, group, "options", 100));
                        }
                        all
                    }
                    None => self.items(place, element, "options", 100).to_vec(),
                };
                self.options(place, &options);
                self.initial(place, element, kind == "multi_static_select", &options);
            }
            "email_text_input" | "url_text_input" | "file_input" | "users_select"
            | "multi_users_select" | "overflow" => {}
            other => self.fault(place, &format!("unsupported type: {other}")),
        }
    }

    fn options(&mut self, place: &str, options: &[Value]) {
        let mut values = HashSet::new();
        for (at, option) in options.iter().enumerate() {
            let place = format!("{place}/options/{at}");
            self.text(&place, option, "text", 75, true);
            self.needed(&place, option, "value", 150);
            if !values.insert(part(option, "/value").to_string()) {
                self.fault(&place, "option values must be unique");
            }
        }
    }

    /// An option chosen beforehand must be one of the options, whole.
    fn initial(&mut self, place: &str, element: &Value, many: bool, options: &[Value]) {
        let chosen = if many {
            element
                .get("initial_options")
                .map(|_| self.items(place, element, "initial_options", 100).to_vec())
        } else {
            element.get("initial_option").map(|one| vec![one.clone()])
        };
        if chosen
            .into_iter()
            .flatten()
            .any(|one| !options.contains(&one))
        {
            self.fault(place, "initial option is not among the options");
        }
    }

    fn number(
        &mut self,
        place: &str,
        element: &Value,
        field: &str,
        range: std::ops::RangeInclusive<u64>,
    ) {
        if let Some(value) = element.get(field)
            && !value.as_u64().is_some_and(|value| range.contains(&value))
        {
            self.fault(place, &format!("{field} is out of range"));
        }
    }

    /// A text of digits and other signs: `d` stands for a digit.
    fn shape(&mut self, place: &str, element: &Value, field: &str, shape: &str) {
        let fits = |text: &str| {
            text.len() == shape.len()
                && text.bytes().zip(shape.bytes()).all(|(byte, meant)| {
                    if meant == b'd' {
                        byte.is_ascii_digit()
                    } else {
                        byte == meant
                    }
                })
        };
        if let Some(value) = element.get(field)
            && !value.as_str().is_some_and(fits)
        {
            self.fault(place, &format!("{field} does not have the form {shape}"));
        }
    }

    fn rich_text(&mut self, place: &str, block: &Value) {
        let elements = self.items(place, block, "elements", usize::MAX);
        for (at, element) in elements.iter().enumerate() {
            let place = format!("{place}/elements/{at}");
            match part(element, "/type").as_str() {
                Some("rich_text_section" | "rich_text_preformatted" | "rich_text_quote") => {
                    self.rich_elements(&place, element);
                }
                Some("rich_text_list") => {
                    if part(element, "/style") != "bullet" && part(element, "/style") != "ordered" {
                        self.fault(&place, "style must be bullet or ordered");
                    }
                    for item in self.items(&place, element, "elements", usize::MAX) {
                        if part(item, "/type") != "rich_text_section" {
                            self.fault(&place, "a list holds sections");
                        }
                        self.rich_elements(&place, item);
                    }
                }
                _ => self.fault(&place, "unsupported type"),
            }
        }
    }

    fn rich_elements(&mut self, place: &str, owner: &Value) {
        let Some(elements) = part(owner, "/elements").as_array() else {
            self.fault(place, "missing required field: elements");
            return;
        };
        for element in elements {
            match part(element, "/type").as_str() {
                Some("text") => self.needed(place, element, "text", usize::MAX - 1),
                Some("link") => self.needed(place, element, "url", 3000),
                Some("user" | "channel" | "emoji" | "usergroup" | "broadcast" | "date") => {}
                _ => self.fault(place, "unsupported type"),
            }
            if let Some(style) = element.get("style") {
                let known = ["bold", "italic", "strike", "code", "underline"];
                let fits = style.as_object().is_some_and(|style| {
                    style
                        .iter()
                        .all(|(name, on)| known.contains(&name.as_str()) && on.is_boolean())
                });
                if !fits {
                    self.fault(place, "style has unknown members");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
