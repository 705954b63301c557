//! The template that reaches somebody who wrote nothing in the last 24 hours.

use serde_json::{Map, Value, json};

use super::{Part, text};
use crate::limits::TEMPLATE_PARAMETER;
use crate::settings::Template;

/// The template as a message, and whether the text had to be cut.
pub fn part(template: &Template, whole: &str, name: Option<&str>) -> (Part, bool) {
    let mut cut = false;
    let parameters: Vec<Value> = template
        .parameters
        .iter()
        .enumerate()
        .map(|(at, pattern)| {
            let filled = one_line(&fill(pattern, whole, name));
            cut |= filled.chars().count() > TEMPLATE_PARAMETER;
            let mut parameter = Map::new();
            parameter.insert("type".to_owned(), "text".into());
            if let Some(name) = template.parameter_names.get(at) {
                parameter.insert("parameter_name".to_owned(), name.as_str().into());
            }
            parameter.insert(
                "text".to_owned(),
                text::cut(&filled, TEMPLATE_PARAMETER).into(),
            );
            Value::Object(parameter)
        })
        .collect();
    let mut body = json!({
        "name": template.name,
        "language": { "code": template.language },
    });
    if let Some(fields) = body.as_object_mut().filter(|_| !parameters.is_empty()) {
        let components = json!([{ "type": "body", "parameters": parameters }]);
        fields.insert("components".to_owned(), components);
    }
    (Part::new("template", body), cut)
}

/// `{text}`, `{name}` and `{name|whoever}` filled in. What is inserted is not looked through again.
fn fill(pattern: &str, whole: &str, name: Option<&str>) -> String {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((placeholder, behind)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        let (key, fallback) = placeholder.split_once('|').unwrap_or((placeholder, ""));
        match key {
            "text" => filled.push_str(whole),
            "name" => filled.push_str(name.unwrap_or(fallback)),
            _ => {
                filled.push('{');
                filled.push_str(placeholder);
                filled.push('}');
            }
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

/// A parameter takes no line breaks, no tabs and not more than four blanks in a row, and may not be empty.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        "-".to_owned()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(parameters: &[&str], names: &[&str]) -> Template {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Template {
            name: "follow_up".into(),
            language: "en_US".into(),
            parameters: owned(parameters),
            parameter_names: owned(names),
        }
    }

    #[test]
    fn parameters_are_filled_on_one_line_and_named_where_the_template_names_them() {
        let (sent, cut) = part(
            &template(&["{name|there}", "{text}", "{x} {"], &[]),
            "a\n\tb     c",
            None,
        );
        assert!(!cut);
        assert_eq!(
            sent.body,
            json!({
                "name": "follow_up",
                "language": {"code": "en_US"},
                "components": [{"type": "body", "parameters": [
                    {"type": "text", "text": "there"},
                    {"type": "text", "text": "a b c"},
                    {"type": "text", "text": "{x} {"},
                ]}],
            })
        );
        let (sent, _) = part(&template(&["{name}"], &["who"]), "", Some("{text}"));
        assert_eq!(
            sent.body["components"][0]["parameters"],
            json!([{"type": "text", "parameter_name": "who", "text": "{text}"}])
        );
        let (sent, _) = part(&template(&[], &[]), "x", None);
        assert_eq!(sent.body.get("components"), None);
        let (sent, _) = part(&template(&["{name}"], &[]), "x", None);
        assert_eq!(
            sent.body["components"][0]["parameters"][0]["text"], "-",
            "never empty"
        );
    }

    #[test]
    fn a_long_text_is_cut_and_that_is_said() {
        let (sent, cut) = part(&template(&["{text}"], &[]), &"ä".repeat(2000), None);
        assert!(cut);
        let text = sent.body["components"][0]["parameters"][0]["text"]
            .as_str()
            .unwrap();
        assert_eq!(text.chars().count(), TEMPLATE_PARAMETER);
        assert!(text.ends_with('…'));
    }
}
