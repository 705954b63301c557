//! A card as lines of text, and what of it can be pressed, seen and filled in.

use super::{Action, ActionKind, Card, Element, Image, Input, InputKind};

/// The card as lines of the common Markdown, without its buttons. Pictures are named where they have a text of their own, inputs are
/// asked for. Empty for a card that shows nothing.
#[must_use]
pub fn lines(card: &Card) -> Vec<String> {
    let mut lines = Vec::new();
    card.body
        .iter()
        .for_each(|element| draw(element, &mut lines));
    lines
}

fn draw(element: &Element, lines: &mut Vec<String>) {
    match element {
        Element::Text(block) => {
            let text = block.text.trim();
            let marked = text.starts_with("**") || text.contains('\n') || text.is_empty();
            if (block.bold || block.heading) && !marked {
                lines.push(format!("**{text}**"));
            } else if !text.is_empty() {
                lines.push(text.to_owned());
            }
        }
        Element::Image(image) => of_image(image, lines),
        Element::Images(images) => images.iter().for_each(|image| of_image(image, lines)),
        Element::Facts(facts) => {
            lines.extend(facts.iter().map(
                |(title, value)| match title.trim_end_matches([':', ' ']) {
                    "" => value.clone(),
                    title => format!("**{title}:** {value}"),
                },
            ))
        }
        Element::Container(items, _) => items.iter().for_each(|item| draw(item, lines)),
        Element::Columns(columns) => beside(columns, lines),
        Element::Table { rows, header } => {
            for (at, row) in rows.iter().enumerate() {
                let cells: Vec<_> = row.iter().map(|cell| one_line(cell)).collect();
                let line = cells.join(" | ");
                lines.push(if at == 0 && *header && !line.contains("**") {
                    format!("**{line}**")
                } else {
                    line
                });
            }
        }
        Element::Media(title, url) => lines.push(match title.as_str() {
            "" => url.clone(),
            title => format!("[{title}]({url})"),
        }),
        Element::Input(input) => lines.push(asked(input)),
        Element::Actions(_) => {}
    }
}

fn of_image(image: &Image, lines: &mut Vec<String>) {
    if !image.alt.trim().is_empty() {
        lines.push(format!("[{}]", image.alt.trim()));
    }
}

/// Columns of equally many lines are read across, as pairs and tables are written with columns; others one after the other.
fn beside(columns: &[Vec<Element>], lines: &mut Vec<String>) {
    let drawn: Vec<Vec<String>> = columns
        .iter()
        .map(|column| {
            let mut lines = Vec::new();
            column.iter().for_each(|element| draw(element, &mut lines));
            lines
        })
        .filter(|lines| !lines.is_empty())
        .collect();
    let longest = drawn.iter().map(Vec::len).max().unwrap_or(0);
    if drawn.iter().all(|column| column.len() == longest) {
        for at in 0..longest {
            let row: Vec<_> = drawn.iter().filter_map(|column| column.get(at)).collect();
            let row: Vec<_> = row.iter().map(|cell| cell.as_str()).collect();
            lines.push(row.join("  "));
        }
    } else {
        lines.extend(drawn.into_iter().flatten());
    }
}

fn one_line(cell: &[Element]) -> String {
    let mut lines = Vec::new();
    cell.iter().for_each(|element| draw(element, &mut lines));
    lines.join(" ").replace('\n', " ")
}

fn asked(input: &Input) -> String {
    let label = input.label.trim_end_matches([':', ' ']);
    let options = match &input.kind {
        InputKind::Choices { choices, .. } => choices
            .iter()
            .map(|(title, _)| title.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        InputKind::Toggle { title, .. } if title != &input.label => title.clone(),
        _ => String::new(),
    };
    if options.is_empty() {
        format!("{label}: …")
    } else {
        format!("{label}: {options}")
    }
}

/// Everything that can be pressed, in the order in which it is seen, those of cards behind a button included. What is pressed itself
/// instead of having a button (a picture, a container) is among it where it has a title.
#[must_use]
pub fn actions(card: &Card) -> Vec<&Action> {
    let mut found = Vec::new();
    of_card(card, &mut found);
    found
}

fn of_card<'a>(card: &'a Card, found: &mut Vec<&'a Action>) {
    for element in &card.body {
        of_element(element, found);
    }
    card.actions.iter().for_each(|action| add(action, found));
}

fn of_element<'a>(element: &'a Element, found: &mut Vec<&'a Action>) {
    let mut select = |action: Option<&'a Action>| {
        if let Some(action) = action.filter(|action| !action.title.is_empty()) {
            add(action, found);
        }
    };
    match element {
        Element::Image(image) => select(image.select.as_deref()),
        Element::Images(images) => images
            .iter()
            .for_each(|image| select(image.select.as_deref())),
        Element::Container(items, action) => {
            select(action.as_ref());
            items.iter().for_each(|item| of_element(item, found));
        }
        Element::Columns(columns) => columns
            .iter()
            .flatten()
            .for_each(|item| of_element(item, found)),
        Element::Table { rows, .. } => rows
            .iter()
            .flatten()
            .flatten()
            .for_each(|item| of_element(item, found)),
        Element::Actions(actions) => actions.iter().for_each(|action| add(action, found)),
        Element::Text(_) | Element::Facts(_) | Element::Media(..) | Element::Input(_) => {}
    }
}

fn add<'a>(action: &'a Action, found: &mut Vec<&'a Action>) {
    match &action.kind {
        ActionKind::ShowCard(card) => of_card(card, found),
        ActionKind::Toggle => {}
        _ => found.push(action),
    }
}

/// Everything that can be filled in, in the order in which it is seen, cards behind a button left out.
#[must_use]
pub fn inputs(card: &Card) -> Vec<&Input> {
    leaves(card)
        .into_iter()
        .filter_map(|element| match element {
            Element::Input(input) => Some(input),
            _ => None,
        })
        .collect()
}

/// Every picture, in the order in which it is seen.
#[must_use]
pub fn images(card: &Card) -> Vec<&Image> {
    leaves(card)
        .into_iter()
        .flat_map(|element| match element {
            Element::Image(image) => std::slice::from_ref(image),
            Element::Images(images) => images.as_slice(),
            _ => &[],
        })
        .collect()
}

/// The elements that hold no others.
fn leaves(card: &Card) -> Vec<&Element> {
    let mut found = Vec::new();
    let mut open: Vec<&Element> = card.body.iter().rev().collect();
    while let Some(element) = open.pop() {
        match element {
            Element::Container(items, _) => open.extend(items.iter().rev()),
            Element::Columns(columns) => open.extend(columns.iter().flatten().rev()),
            Element::Table { rows, .. } => open.extend(rows.iter().flatten().flatten().rev()),
            leaf => found.push(leaf),
        }
    }
    found
}
