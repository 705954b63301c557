//! Mentions in a message's text.
//!
//! In groups a bot hears what mentions it, and the mention stands in the text as markup. Which words are a mention is said by the
//! activity's entities and by nothing else: a person can write `<at>` too, and can be called anything.

use crate::activity::{Account, Entity};

/// The text without the mentions of `me`, and with the mentions of others as the names they show.
#[must_use]
pub fn strip(text: &str, entities: &[Entity], me: &Account) -> String {
    let mut text = text.to_owned();
    for entity in entities {
        let Some(mentioned) = entity
            .mentioned
            .as_ref()
            .filter(|_| entity.kind == "mention")
        else {
            continue;
        };
        let mine = mentioned.id == me.id;
        // Recorded messages have entities without `text`: then the markup is made of the name.
        let name = mentioned
            .name
            .as_deref()
            .or(me.name.as_deref().filter(|_| mine));
        let markup = match (entity.text.as_deref(), name) {
            (Some(markup), _) if !markup.is_empty() => markup.to_owned(),
            (_, Some(name)) => format!("<at>{name}</at>"),
            _ => continue,
        };
        let Some(at) = text.find(&markup) else {
            continue;
        };
        let (before, rest) = text.split_at(at);
        let after = rest.get(markup.len()..).unwrap_or_default();
        text = if mine {
            join(before, after)
        } else {
            format!("{before}@{}{after}", name.unwrap_or(&mentioned.id))
        };
    }
    trim(&text).to_owned()
}

/// Joins what stood around a mention, with one blank where there was one on both sides.
fn join(before: &str, after: &str) -> String {
    let after = after.strip_prefix("&nbsp;").unwrap_or(after);
    let after = if before.is_empty() || before.ends_with(char::is_whitespace) {
        after.trim_start_matches(' ')
    } else {
        after
    };
    format!("{before}{after}")
}

fn trim(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(rest) = text.strip_prefix("&nbsp;").or(text.strip_suffix("&nbsp;")) {
        text = rest.trim();
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::strip;
    use crate::activity::{Account, Entity};

    fn account(id: &str, name: &str) -> Account {
        Account {
            id: id.into(),
            name: Some(name.into()).filter(|name: &String| !name.is_empty()),
            ..Account::default()
        }
    }

    fn mention(id: &str, name: &str, text: Option<&str>) -> Entity {
        Entity {
            kind: "mention".into(),
            mentioned: Some(account(id, name)),
            text: text.map(str::to_owned),
        }
    }

    #[test]
    fn the_bots_own_mention_goes_and_everybody_elses_becomes_a_name() {
        let me = account("28:bot", "Help Desk");
        let mine = mention("28:bot", "Help Desk", Some("<at>Help Desk</at>"));
        for (text, entities, stripped) in [
            ("<at>Help Desk</at> hello", vec![mine.clone()], "hello"),
            ("hello <at>Help Desk</at>", vec![mine.clone()], "hello"),
            ("hey <at>Help Desk</at> you", vec![mine.clone()], "hey you"),
            ("<at>Help Desk</at>&nbsp;hello", vec![mine.clone()], "hello"),
            (
                "<at>Help Desk</at>\n/start  now ",
                vec![mine.clone()],
                "/start  now",
            ),
            ("<at>Help Desk</at>", vec![mine.clone()], ""),
            // Without `text` in the entity, and without a name in it.
            (
                "<at>Help Desk</at> Hey",
                vec![mention("28:bot", "Help Desk", None)],
                "Hey",
            ),
            (
                "<at>Help Desk</at> Hey",
                vec![mention("28:bot", "", Some(""))],
                "Hey",
            ),
            // One entity, one mention: what a person wrote stays.
            (
                "<at>Help Desk</at> what is <at>Help Desk</at>",
                vec![mine.clone()],
                "what is <at>Help Desk</at>",
            ),
            (
                "<at>Help Desk</at> <at>Help Desk</at> x",
                vec![mine.clone(), mine.clone()],
                "x",
            ),
            // Somebody who is called like the bot is not the bot.
            (
                "<at>Help Desk</at> hello",
                vec![mention("29:eve", "Help Desk", Some("<at>Help Desk</at>"))],
                "@Help Desk hello",
            ),
            (
                "<at>Help Desk</at> ask <at>Ada</at> please",
                vec![mine.clone(), mention("29:ada", "Ada", Some("<at>Ada</at>"))],
                "ask @Ada please",
            ),
            ("no mention at all", vec![mine.clone()], "no mention at all"),
            ("<at>Help Desk</at> x", vec![], "<at>Help Desk</at> x"),
            (
                "<at>Help Desk</at> x",
                vec![Entity {
                    kind: "clientInfo".into(),
                    ..mine.clone()
                }],
                "<at>Help Desk</at> x",
            ),
        ] {
            assert_eq!(strip(text, &entities, &me), stripped, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_entity_makes_it_fall(
            text in "(<at>[é ]{0,2}</at>|&nbsp;|[a-zé ]){0,8}",
            markup in proptest::option::of("(<at>)?[é a]{0,3}"),
            id in "a|b",
        ) {
            let me = account("a", "é");
            let _ = strip(&text, &[mention(&id, "é", markup.as_deref())], &me);
        }
    }
}
