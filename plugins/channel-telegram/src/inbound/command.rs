//! Commands, and the bot's name at the beginning of a text.

use greentic_sdk::model::Command;

use crate::update::Entity;

/// What the beginning of a text is.
#[derive(Debug, PartialEq)]
pub enum Beginning {
    /// A command for this bot, or for any.
    Command(Command),
    /// A command for another bot of the group.
    Foreign,
    /// Anything else.
    Text,
}

/// Reads the beginning of a text. Telegram marks a command as an entity; where there is none, as in tests of other platforms'
/// tools, a text of a command's form is one.
#[must_use]
pub fn read(text: &str, entities: &[Entity], bot: &str) -> Beginning {
    let marked = entities
        .iter()
        .find(|entity| entity.kind == "bot_command" && entity.offset == 0);
    let Some(rest) = text.strip_prefix('/') else {
        return Beginning::Text;
    };
    let (head, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let head = match marked {
        // A command ends where its entity does, also before punctuation. It is ASCII: units of UTF-16 are bytes.
        Some(entity) => usize::try_from(entity.length)
            .ok()
            .and_then(|length| head.get(..length.checked_sub(1)?))
            .unwrap_or(head),
        None => head,
    };
    let (name, of) = head.split_once('@').unwrap_or((head, ""));
    let is_word = |word: &str| {
        word.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if name.is_empty() || name.len() > 32 || !is_word(name) || !is_word(of) {
        return Beginning::Text;
    }
    if marked.is_none() && !entities.is_empty() && entities.iter().any(|entity| entity.offset == 0)
    {
        return Beginning::Text;
    }
    if !of.is_empty() && !of.eq_ignore_ascii_case(bot) {
        return Beginning::Foreign;
    }
    let arguments = match marked {
        Some(_) => rest.get(head.len()..).unwrap_or(arguments),
        None => arguments,
    };
    Beginning::Command(Command {
        name: name.to_owned(),
        arguments: arguments.trim().to_owned(),
    })
}

/// A group's text without the mention by which the bot was called.
#[must_use]
pub fn without_mention<'a>(text: &'a str, bot: &str) -> &'a str {
    let Some((head, rest)) = text
        .strip_prefix('@')
        .and_then(|text| text.split_at_checked(bot.len()))
    else {
        return text;
    };
    let ends = rest
        .chars()
        .next()
        .is_none_or(|next| !next.is_alphanumeric() && next != '_');
    if bot.is_empty() || !head.eq_ignore_ascii_case(bot) || !ends {
        return text;
    }
    rest.trim_start_matches([',', ':']).trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(length: i64) -> Vec<Entity> {
        vec![Entity {
            kind: "bot_command".into(),
            offset: 0,
            length,
        }]
    }

    fn command(name: &str, arguments: &str) -> Beginning {
        Beginning::Command(Command {
            name: name.into(),
            arguments: arguments.into(),
        })
    }

    #[test]
    fn a_command_loses_its_slash_and_the_bots_name() {
        for (text, length, read_as) in [
            ("/start", 6, command("start", "")),
            ("/start ref_42", 6, command("start", "ref_42")),
            ("/help@shop_bot  now ", 14, command("help", "now")),
            ("/help@SHOP_BOT", 14, command("help", "")),
            ("/help\nplease", 5, command("help", "please")),
            ("/help, please", 5, command("help", ", please")),
            ("/help@other_bot", 15, Beginning::Foreign),
        ] {
            assert_eq!(read(text, &marked(length), "shop_bot"), read_as, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_command_is_a_text() {
        for text in ["/", "/ a", "/usr/bin", "//", "/größe", "a /b", "", "/a@b@c"] {
            assert_eq!(read(text, &[], "shop_bot"), Beginning::Text, "{text}");
        }
        let link = [Entity {
            kind: "url".into(),
            offset: 0,
            length: 5,
        }];
        assert_eq!(read("/path", &link, "shop_bot"), Beginning::Text);
    }

    #[test]
    fn without_marks_the_form_decides() {
        assert_eq!(read("/go 1", &[], "b"), command("go", "1"));
        assert_eq!(read("/go@c 1", &[], "b"), Beginning::Foreign);
    }

    #[test]
    fn an_entity_that_lies_about_its_length_does_no_harm() {
        for length in [-1, 0, 1, 2, 500, i64::MAX] {
            let _ = read("/go é", &marked(length), "b");
        }
        assert_eq!(read("/go x", &marked(900), "b"), command("go", "x"));
    }

    #[test]
    fn the_mention_that_called_the_bot_is_taken_off_and_no_other() {
        for (text, left) in [
            ("@shop_bot hello", "hello"),
            ("@Shop_Bot: hello", "hello"),
            ("@shop_bot", ""),
            ("@shop_bots hello", "@shop_bots hello"),
            ("@other hello", "@other hello"),
            ("hello @shop_bot", "hello @shop_bot"),
        ] {
            assert_eq!(without_mention(text, "shop_bot"), left, "{text}");
        }
        assert_eq!(without_mention("@ hello", ""), "@ hello");
    }
}
