//! Adaptive Cards as Block Kit.
//!
//! What a card asks for stands in the message as inputs with the buttons that send them. A form whose values somebody has to check, one
//! that is too long for a message, and a card behind a button are shown as a modal when the button is pressed.

use greentic_sdk::card::{self, Action, ActionKind, ActionStyle, Element, Image, Input, TextBlock};
use greentic_sdk::channel::{DeliveryError, Downgrade};
use greentic_sdk::delivery::retry;
use greentic_sdk::downgrade::postback_data;
use greentic_sdk::markdown::{self, Block, Span};
use greentic_sdk::model::{Card, TextFormat};
use serde_json::Value;

use super::blocks::{self, Look, MODAL_BLOCKS, SECTION_CHARS};
use super::{Composed, downgrade, inputs, pages, rich, shorten, text};
use crate::dialog::Form;
use crate::press::{self, Press};

/// Most characters of a modal's title and of the button that sends it.
const MODAL_TITLE_CHARS: usize = 24;

/// Most characters of the text for notifications.
const SPOKEN_CHARS: usize = 3_000;

/// The messages of a card.
///
/// # Errors
/// `rejected` when there is nothing to show, `retry` when a form or a long value cannot be kept.
pub fn compose(card: &Card, delivery: &str) -> Result<Composed, DeliveryError> {
    let Ok(read) = card::parse(&card.json) else {
        let mut composed = text::compose(&card.fallback, TextFormat::Markdown);
        if composed.posts.is_empty() {
            return Err(DeliveryError::Rejected(
                "the JSON is no Adaptive Card and there is no text in its place".to_owned(),
            ));
        }
        composed.downgrades.push(downgrade(
            "cards",
            "the text was sent because the JSON is not an Adaptive Card",
        ));
        return Ok(composed);
    };
    let asked = card::inputs(&read);
    let in_modal = asked.iter().any(|input| inputs::needs_modal(input));
    let mut spoken = markdown::plain(&card.fallback);
    if spoken.trim().is_empty() {
        let lines = || markdown::plain(&card::lines(&read).join("\n\n"));
        spoken = read.fallback_text.clone().unwrap_or_else(lines);
    }
    let spoken = shorten(&spoken, SPOKEN_CHARS);
    let (posts, downgrades) = message(&read, delivery, in_modal, &spoken)?;
    // Inputs reach us only with a button of the same message, and a long menu is too large for any.
    let large = posts
        .iter()
        .flat_map(|post| &post.blocks)
        .any(|block| !text::is_small(block));
    let (posts, downgrades) = if (posts.len() > 1 || large) && !in_modal && !asked.is_empty() {
        message(&read, delivery, true, &spoken)?
    } else {
        (posts, downgrades)
    };
    if posts.is_empty() {
        let mut composed = text::compose(&card.fallback, TextFormat::Markdown);
        if composed.posts.is_empty() {
            return Err(DeliveryError::Rejected("the card shows nothing".to_owned()));
        }
        composed.downgrades = downgrades;
        return Ok(composed);
    }
    Ok(Composed { posts, downgrades })
}

fn message(
    read: &card::Card,
    delivery: &str,
    in_modal: bool,
    spoken: &str,
) -> Result<(Vec<super::Post>, Vec<Downgrade>), DeliveryError> {
    let mut drawing = Drawing {
        delivery,
        surface: if in_modal {
            Surface::Button
        } else {
            Surface::Message
        },
        form: card::inputs(read),
        title: heading(read),
        ..Drawing::default()
    };
    drawing.card(read).map_err(|reason| retry(reason, None))?;
    Ok((pages::pages(drawing.blocks, spoken), drawing.downgrades))
}

/// The card's first text, as the title of its form.
fn heading(read: &card::Card) -> String {
    card::lines(read)
        .first()
        .map(|line| markdown::plain(line))
        .unwrap_or_default()
}

/// Where the inputs of what is drawn stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Surface {
    /// In the message.
    #[default]
    Message,
    /// In a modal that a button of the message opens.
    Button,
    /// In the modal that is drawn.
    Modal,
}

#[derive(Default)]
struct Drawing<'a> {
    delivery: &'a str,
    surface: Surface,
    /// Everything that can be filled in.
    form: Vec<&'a Input>,
    title: String,
    blocks: Vec<Value>,
    downgrades: Vec<Downgrade>,
    /// Counts buttons and inputs, so that each has a name of its own.
    number: usize,
}

impl<'a> Drawing<'a> {
    fn next(&mut self) -> usize {
        self.number += 1;
        self.number
    }

    fn note(&mut self, instead: &str) {
        let note = downgrade("cards", instead);
        if !self.downgrades.contains(&note) {
            self.downgrades.push(note);
        }
    }

    fn card(&mut self, read: &'a card::Card) -> Result<(), String> {
        self.elements(&read.body)?;
        self.actions(&read.actions)
    }

    fn elements(&mut self, elements: &'a [Element]) -> Result<(), String> {
        elements
            .iter()
            .try_for_each(|element| self.element(element))
    }

    fn element(&mut self, element: &'a Element) -> Result<(), String> {
        match element {
            Element::Text(block) => self.text(block),
            Element::Image(image) => return self.image(image),
            Element::Images(images) => {
                return images.iter().try_for_each(|image| self.image(image));
            }
            Element::Facts(facts) => self.facts(facts),
            Element::Container(items, select) => {
                self.elements(items)?;
                return self.select(select.as_ref());
            }
            Element::Columns(columns) => {
                if columns.len() > 1 {
                    self.note("columns are shown one below the other");
                }
                return columns.iter().try_for_each(|column| self.elements(column));
            }
            Element::Table { rows, .. } => {
                let alone = card::Card {
                    body: vec![element.clone()],
                    ..card::Card::default()
                };
                let lines = card::lines(&alone).join("\n\n");
                self.paragraphs(&lines);
                self.note("a table is shown as lines");
                let cells = rows.iter().flatten().flatten();
                let live: Vec<&Element> = cells.filter(|cell| is_live(cell)).collect();
                return live.into_iter().try_for_each(|cell| self.element(cell));
            }
            Element::Media(title, url) => {
                let title = shorten(title, blocks::BUTTON_CHARS);
                let span = Span::Link(vec![Span::Text(title)], url.clone());
                self.blocks.extend(drawn(&[span]));
                self.note("sound and film are a link");
            }
            Element::Input(input) => self.input(input),
            Element::Actions(actions) => return self.actions(actions),
        }
        Ok(())
    }

    fn paragraphs(&mut self, markdown: &str) {
        let parts = text::blocks(markdown, SECTION_CHARS, TextFormat::Markdown);
        self.blocks.extend(parts);
    }

    fn text(&mut self, block: &TextBlock) {
        let plain = markdown::plain(&block.text);
        if plain.trim().is_empty() {
            return;
        }
        if block.heading && blocks::is_header(&plain) {
            self.blocks.push(blocks::header(&plain));
            return;
        }
        let one = if block.subtle && plain.chars().count() <= SECTION_CHARS {
            Some(blocks::context(&[plain]))
        } else if block.bold || block.heading {
            rich::block(&embolden(markdown::parse(&block.text)))
        } else {
            None
        };
        match one.filter(text::is_small) {
            Some(one) => self.blocks.push(one),
            None => self.paragraphs(&block.text),
        }
    }

    fn image(&mut self, image: &'a Image) -> Result<(), String> {
        match blocks::image(&image.url, &image.alt, None) {
            Some(block) => self.blocks.push(block),
            None => {
                let named = text::blocks(&image.alt, SECTION_CHARS, TextFormat::Plain);
                self.blocks.extend(named);
                self.note("a picture without a web address is named by its text");
            }
        }
        self.select(image.select.as_deref())
    }

    /// What a press on a picture or a container does becomes a button, where it has a title.
    fn select(&mut self, action: Option<&'a Action>) -> Result<(), String> {
        match action.filter(|action| !action.title.trim().is_empty()) {
            Some(action) => self.actions(std::slice::from_ref(action)),
            None => Ok(()),
        }
    }

    fn facts(&mut self, facts: &[(String, String)]) {
        let mut spans: Vec<Span> = Vec::new();
        for (title, value) in facts {
            let mut fact = Vec::new();
            let title = title.trim_end_matches([':', ' ']);
            if !title.is_empty() {
                fact.push(Span::Strong(vec![Span::Text(title.to_owned())]));
                fact.push(Span::Text(": ".to_owned()));
            }
            match markdown::parse(value).as_slice() {
                [Block::Paragraph(value)] => fact.extend(value.iter().cloned()),
                _ => fact.push(Span::Text(markdown::plain(value))),
            }
            let mut whole = spans.clone();
            if !whole.is_empty() {
                whole.push(Span::Break);
            }
            whole.extend(fact.iter().cloned());
            if drawn(&whole).as_ref().is_none_or(text::is_small) {
                spans = whole;
                continue;
            }
            // What does not fit into the block begins one of its own, and what fits into none is a text.
            self.blocks.extend(drawn(&std::mem::take(&mut spans)));
            if drawn(&fact).as_ref().is_none_or(text::is_small) {
                spans = fact;
            } else {
                self.paragraphs(&format!("{title}: {value}"));
            }
        }
        self.blocks.extend(drawn(&spans));
    }

    fn input(&mut self, input: &Input) {
        if self.surface == Surface::Button {
            return;
        }
        let number = self.next();
        let modal = self.surface == Surface::Modal;
        self.blocks.push(inputs::block(input, number, modal));
    }

    fn actions(&mut self, actions: &'a [Action]) -> Result<(), String> {
        let mut buttons = Vec::new();
        for action in actions {
            buttons.extend(self.button(action)?);
        }
        self.blocks.extend(blocks::actions(&buttons));
        Ok(())
    }

    fn button(&mut self, action: &'a Action) -> Result<Option<Value>, String> {
        let number = self.next();
        let name = format!("{}.{number}", self.delivery);
        let title = match (action.title.trim(), &action.kind) {
            ("", ActionKind::OpenUrl(url)) => url,
            ("", _) => "OK",
            (title, _) => title,
        };
        if title.chars().count() > blocks::BUTTON_CHARS {
            self.note("titles of buttons were shortened to 75 characters");
        }
        let look = match action.style {
            ActionStyle::Default => Look::Usual,
            ActionStyle::Positive => Look::Primary,
            ActionStyle::Destructive => Look::Danger,
        };
        match &action.kind {
            ActionKind::OpenUrl(url) if blocks::is_address(url) => {
                Ok(Some(blocks::link(number, title, url)))
            }
            ActionKind::OpenUrl(url) => {
                let named = format!("{title}: {url}");
                let named = text::blocks(&named, SECTION_CHARS, TextFormat::Plain);
                self.blocks.extend(named);
                self.note("an address that is none of the web is named in the text");
                Ok(None)
            }
            ActionKind::Toggle => {
                self.note("buttons that show and hide parts of the card are left out");
                Ok(None)
            }
            ActionKind::ShowCard(inner) => {
                self.behind(title, inner, &name)?;
                let value = press::pack(&name, &name)?;
                Ok(Some(blocks::button(
                    Press::Open,
                    number,
                    title,
                    &value,
                    look,
                )))
            }
            ActionKind::Submit(_) | ActionKind::Execute { .. } => {
                let data = postback_data(&action.kind).unwrap_or_default();
                let with_inputs = action.inputs && !self.form.is_empty();
                if with_inputs && self.surface == Surface::Button {
                    self.form_of(title, data, &name)?;
                    let value = press::pack(&name, &name)?;
                    return Ok(Some(blocks::button(
                        Press::Open,
                        number,
                        title,
                        &value,
                        look,
                    )));
                }
                let press = if with_inputs {
                    Press::Send
                } else {
                    Press::Plain
                };
                let value = press::pack(&data.to_string(), &name)?;
                Ok(Some(blocks::button(press, number, title, &value, look)))
            }
        }
    }

    /// Keeps the message's inputs as a form that this button opens and sends.
    fn form_of(&mut self, title: &str, data: Value, name: &str) -> Result<(), String> {
        let numbered: Vec<(usize, &Input)> = (1..).zip(self.form.iter().copied()).collect();
        let heading = if self.title.trim().is_empty() {
            title
        } else {
            &self.title
        };
        let form = Form {
            title: shorten(heading, MODAL_TITLE_CHARS),
            submit: shorten(title, MODAL_TITLE_CHARS),
            blocks: numbered
                .iter()
                .take(MODAL_BLOCKS)
                .map(|(number, input)| inputs::block(input, *number, true))
                .collect(),
            data,
            checks: numbered
                .iter()
                .map(|(number, input)| inputs::check(input, *number))
                .collect(),
        };
        if numbered.len() > MODAL_BLOCKS {
            self.note("the form's end is left out: Slack shows 100 parts");
        }
        form.keep(name)
    }

    /// Keeps a card behind a button as a modal. Its first button that sends something is the modal's own, the others stand in it.
    fn behind(&mut self, title: &str, inner: &'a card::Card, name: &str) -> Result<(), String> {
        let sends = |action: &&Action| {
            matches!(
                action.kind,
                ActionKind::Submit(_) | ActionKind::Execute { .. }
            )
        };
        let main = inner.actions.iter().find(sends);
        let rest: Vec<Action> = inner
            .actions
            .iter()
            .filter(|action| !main.is_some_and(|main| std::ptr::eq(main, *action)))
            .cloned()
            .collect();
        let mut modal = Drawing {
            delivery: name,
            surface: Surface::Modal,
            form: card::inputs(inner),
            title: heading(inner),
            ..Drawing::default()
        };
        modal.elements(&inner.body)?;
        let checks = modal.form.iter().copied();
        // The blocks were numbered in the order in which they were drawn, which is that of the inputs.
        let drawn = modal.blocks.iter().filter(|block| block["type"] == "input");
        let checks = drawn
            .zip(checks)
            .map(|(block, input)| crate::dialog::Check {
                block: crate::fields::text(block, "/block_id")
                    .unwrap_or_default()
                    .to_owned(),
                ..inputs::check(input, 0)
            })
            .collect();
        let mut others = Drawing {
            delivery: name,
            surface: Surface::Modal,
            form: modal.form.clone(),
            number: modal.number,
            ..Drawing::default()
        };
        let (blocks, notes) = {
            others.actions(&rest)?;
            (others.blocks, others.downgrades)
        };
        modal.blocks.extend(blocks);
        for note in modal.downgrades.into_iter().chain(notes) {
            self.note(&note.instead);
        }
        if modal.blocks.len() > MODAL_BLOCKS {
            modal.blocks.truncate(MODAL_BLOCKS);
            self.note("the form's end is left out: Slack shows 100 parts");
        }
        if modal.blocks.is_empty() {
            modal
                .blocks
                .extend(rich::literal(&shorten(title, SECTION_CHARS)));
        }
        let submit = main.map(|main| {
            if main.title.trim().is_empty() {
                "OK"
            } else {
                main.title.as_str()
            }
        });
        Form {
            title: shorten(title, MODAL_TITLE_CHARS),
            submit: shorten(submit.unwrap_or_default(), MODAL_TITLE_CHARS),
            blocks: modal.blocks,
            data: main
                .and_then(|main| postback_data(&main.kind))
                .unwrap_or_default(),
            checks,
        }
        .keep(name)
    }
}

fn drawn(spans: &[Span]) -> Option<Value> {
    rich::block(&[Block::Paragraph(spans.to_vec())])
}

/// Whether an element does more than show something.
fn is_live(element: &Element) -> bool {
    matches!(element, Element::Input(_) | Element::Actions(_))
}

fn embolden(parsed: Vec<Block>) -> Vec<Block> {
    parsed
        .into_iter()
        .map(|block| match block {
            Block::Paragraph(spans) => Block::Paragraph(vec![Span::Strong(spans)]),
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests;
