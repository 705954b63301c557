//! Cards, which the platform does not have: texts with buttons, and forms as questions.

use greentic_sdk::card::{self, ActionStyle, Element};
use greentic_sdk::downgrade::{self, Button, Press};
use greentic_sdk::model::Card;
use serde_json::{Value, json};

use super::buttons::{self, Offer};
use super::{Part, Rendered, form, marks, text};
use crate::choice::Meant;
use crate::limits::INTERACTIVE_BODY;
use crate::settings::Settings;

/// A card as what the platform has.
///
/// # Errors
/// When neither the card nor its fallback shows anything.
pub fn render(rendered: &mut Rendered, settings: &Settings, card: &Card) -> Result<(), String> {
    let Ok(read) = card::parse(&card.json) else {
        rendered.downgrade(
            "cards",
            "sent as its fallback text: the card cannot be read",
        );
        return fallback(rendered, &card.fallback);
    };
    let inputs = card::inputs(&read);
    let sends_inputs: Vec<bool> = card::actions(&read)
        .iter()
        .map(|action| action.inputs)
        .collect();
    let mut primary = None;
    let (mut submits, mut links) = (Vec::new(), Vec::new());
    for (button, inputs) in downgrade::buttons(&read).into_iter().zip(sends_inputs) {
        if matches!(button.press, Press::Url(_)) {
            links.push(button);
            continue;
        }
        // The button of the form: the one that is marked, else the first that sends what was filled in and is not a warning.
        let rank = match button.style {
            _ if !inputs => None,
            ActionStyle::Positive => Some(2),
            ActionStyle::Default => Some(1),
            ActionStyle::Destructive => None,
        };
        if let Some(rank) = rank
            && primary.is_none_or(|(best, _)| rank > best)
        {
            primary = Some((rank, submits.len()));
        }
        submits.push(button);
    }
    let shown = card::Card {
        body: without_inputs(&read.body),
        ..card::Card::default()
    };
    let mut lines: Vec<String> = card::lines(&shown)
        .iter()
        .map(|line| marks::of_markdown(line))
        .collect();
    if lines.is_empty() && inputs.is_empty() && submits.is_empty() && links.is_empty() {
        rendered.downgrade("cards", "sent as its fallback text: the card shows nothing");
        let own = read.fallback_text.unwrap_or_default();
        return fallback(
            rendered,
            if card.fallback.trim().is_empty() {
                &own
            } else {
                &card.fallback
            },
        );
    }
    rendered.downgrade("cards", "sent as text and buttons");
    let picture = card::images(&read)
        .into_iter()
        .map(|image| image.url.as_str())
        .find(|url| is_picture(url));
    let submit = primary.and_then(|(_, at)| submits.get(at));
    if let Some(submit) = submit.filter(|_| !inputs.is_empty()) {
        let others: Vec<Offer> = submits
            .iter()
            .filter(|button| *button != submit)
            .map(offer)
            .collect();
        lines.extend(links.iter().map(link_line));
        let data = match &submit.press {
            Press::Data(data) => data,
            Press::Url(_) => &Value::Null,
        };
        form::ask(rendered, settings, lines, &inputs, data, others);
        return Ok(());
    }
    match (submits.as_slice(), links.as_slice()) {
        (
            [],
            [
                Button {
                    title,
                    press: Press::Url(url),
                    ..
                },
            ],
        ) if is_address(url) => {
            let over = lines.join("\n");
            buttons::link(rendered, settings, &over, title, url);
            rendered.plain = with_line(&over, &format!("{title}: {url}"));
        }
        _ => {
            if !links.is_empty() {
                lines.extend(links.iter().map(link_line));
                rendered.downgrade("buttons", "links named in the text");
            }
            let over = lines.join("\n");
            let offers: Vec<Offer> = submits.iter().map(offer).collect();
            match picture.filter(|_| offers.is_empty() && over.chars().count() <= INTERACTIVE_BODY)
            {
                Some(url) => rendered
                    .parts
                    .push(Part::new("image", json!({ "link": url, "caption": over }))),
                None => buttons::choices(rendered, settings, &over, &offers),
            }
            rendered.plain = over;
        }
    }
    if let Some(url) = picture {
        head(rendered, url);
    }
    Ok(())
}

fn fallback(rendered: &mut Rendered, said: &str) -> Result<(), String> {
    text::push(rendered, &marks::literal(said));
    if rendered.parts.is_empty() {
        return Err("the card shows nothing and has no fallback".to_owned());
    }
    said.clone_into(&mut rendered.plain);
    Ok(())
}

fn offer(button: &Button) -> Offer {
    Offer {
        title: button.title.clone(),
        meant: match &button.press {
            Press::Data(data) => Meant::Data(data.to_string()),
            Press::Url(url) => Meant::Text(url.clone()),
        },
    }
}

fn link_line(button: &Button) -> String {
    match &button.press {
        Press::Url(url) if *url != button.title => format!("{}: {url}", button.title),
        _ => button.title.clone(),
    }
}

fn with_line(over: &str, line: &str) -> String {
    if over.is_empty() {
        line.to_owned()
    } else {
        format!("{over}\n{line}")
    }
}

fn is_address(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// A picture the platform surely takes: it refuses the whole message for another.
fn is_picture(url: &str) -> bool {
    let path = url
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    url.starts_with("https://")
        && [".jpg", ".jpeg", ".png"]
            .iter()
            .any(|end| path.ends_with(end))
}

/// Puts a picture over reply buttons or a link button; lists take none.
fn head(rendered: &mut Rendered, url: &str) {
    let fields = rendered
        .parts
        .last_mut()
        .filter(|part| part.kind == "interactive")
        .and_then(|part| part.body.as_object_mut());
    if let Some(fields) = fields
        && fields
            .get("type")
            .is_some_and(|kind| kind == "button" || kind == "cta_url")
    {
        fields.insert(
            "header".to_owned(),
            json!({ "type": "image", "image": { "link": url } }),
        );
    }
}

/// What a card shows beside what can be filled in, which is asked otherwise.
fn without_inputs(elements: &[Element]) -> Vec<Element> {
    elements
        .iter()
        .filter_map(|element| {
            Some(match element {
                Element::Input(_) => return None,
                Element::Container(items, action) => {
                    Element::Container(without_inputs(items), action.clone())
                }
                Element::Columns(columns) => Element::Columns(
                    columns
                        .iter()
                        .map(|column| without_inputs(column))
                        .collect(),
                ),
                other => other.clone(),
            })
        })
        .collect()
}
