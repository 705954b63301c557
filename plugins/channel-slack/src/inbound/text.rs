//! What a person wrote, out of Slack's markup.
//!
//! In `text` of an event `&`, `<` and `>` stand escaped, and `<…>` holds a mention or a link
//! (docs.slack.dev/messaging/formatting-message-text). A flow gets the plain text: a mention of the bot goes away, other mentions
//! keep their name or id, a link shows its label with the address behind it.

/// The plain text. `own` is the bot's user id: mentions of it are addressing, not content.
pub fn plain(text: &str, own: Option<&str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let (before, after) = rest.split_at(open);
        unescape(before, &mut out);
        let inner = after.get(1..).unwrap_or_default();
        let Some((token, beyond)) = inner.split_once('>').filter(|(token, _)| {
            // A person's own `<` arrives as `&lt;`; one that opens no token on its line is kept as it stands.
            !token.contains(['<', '\n'])
        }) else {
            out.push('<');
            rest = inner;
            continue;
        };
        rest = beyond;
        if is_mention(token, own) {
            // One blank of the two around it is enough.
            if (out.is_empty() || out.ends_with(char::is_whitespace)) && rest.starts_with(' ') {
                rest = rest.get(1..).unwrap_or_default();
            }
            continue;
        }
        push_token(token, &mut out);
    }
    unescape(rest, &mut out);
    if own.is_some() && text.contains('<') {
        return out.trim().to_owned();
    }
    out
}

fn is_mention(token: &str, own: Option<&str>) -> bool {
    let user = token.strip_prefix('@').map(|rest| rest.split('|').next());
    user.is_some() && user.flatten() == own && own.is_some()
}

fn push_token(token: &str, out: &mut String) {
    let (target, label) = match token.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (token, None),
    };
    if target.starts_with('@') || target.starts_with('#') {
        let sign = target.get(..1).unwrap_or_default();
        out.push_str(sign);
        unescape(
            label.unwrap_or_else(|| target.get(1..).unwrap_or_default()),
            out,
        );
        return;
    }
    if let Some(special) = target.strip_prefix('!') {
        match label {
            // `<!date^…|fallback>` and `<!subteam^S1|@group>` carry what to show.
            Some(label) => unescape(label, out),
            None => {
                out.push('@');
                unescape(special.split('^').next().unwrap_or(special), out);
            }
        }
        return;
    }
    let address = target.strip_prefix("mailto:").unwrap_or(target);
    let address = address.strip_prefix("tel:").unwrap_or(address);
    match label {
        // Slack labels what it linked by itself (`example.com`, an e-mail address) with the very text that was typed.
        Some(label) if !is_same_address(address, label) => {
            unescape(label, out);
            out.push_str(" (");
            unescape(address, out);
            out.push(')');
        }
        Some(label) => unescape(label, out),
        None => unescape(address, out),
    }
}

fn is_same_address(address: &str, label: &str) -> bool {
    let bare = |text: &str| {
        let text = text.strip_prefix("https://").unwrap_or(text);
        let text = text.strip_prefix("http://").unwrap_or(text);
        text.trim_end_matches('/').to_owned()
    };
    bare(address) == bare(label)
}

/// Exactly the three entities Slack makes; anything else is the person's.
fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let found = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
            .into_iter()
            .find_map(|(entity, meant)| after.strip_prefix(entity).map(|rest| (meant, rest)));
        let (meant, beyond) = found.unwrap_or(('&', after.get(1..).unwrap_or_default()));
        out.push(meant);
        rest = beyond;
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::plain;

    #[test]
    fn markup_becomes_the_text_a_person_meant() {
        for (text, meant) in [
            ("hello", "hello"),
            ("<@UBOT> Hey", "Hey"),
            ("Hey <@UBOT>", "Hey"),
            ("Hey <@UBOT> you", "Hey you"),
            ("<@UBOT|bot>: hi", ": hi"),
            ("<@U2> and <@U3|ada>", "@U2 and @ada"),
            ("see <#C1|general> or <#C2>", "see #general or #C2"),
            ("<!here> <!channel>", "@here @channel"),
            ("<!subteam^S1|@team>", "@team"),
            ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
            (
                "<https://x.example/a?b=1&amp;c=2>",
                "https://x.example/a?b=1&c=2",
            ),
            ("<https://x.example|docs>", "docs (https://x.example)"),
            ("<http://x.example|x.example>", "x.example"),
            ("<mailto:a@x.example|a@x.example>", "a@x.example"),
            ("<tel:+411234567|+411234567>", "+411234567"),
            ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
            ("&nbsp; & &", "&nbsp; & &"),
            ("1 < 2\n3 > 2", "1 < 2\n3 > 2"),
            ("<", "<"),
            ("<>", ""),
            ("<|>", ""),
            ("<@>", "@"),
            ("*bold* _it_", "*bold* _it_"),
        ] {
            assert_eq!(plain(text, Some("UBOT")), meant, "{text}");
        }
    }

    #[test]
    fn without_the_bots_id_nothing_is_taken_away() {
        assert_eq!(plain("<@UBOT> hi", None), "@UBOT hi");
        assert_eq!(plain("  keeps blanks ", Some("UBOT")), "  keeps blanks ");
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[<>@#!|&;a-z \n\u{e4}]{0,40}") {
            let _ = plain(&text, Some("a"));
        }

        #[test]
        fn what_slack_escapes_comes_back_as_it_was_written(text in "[^<>&]{0,20}[<>&][^<>&]{0,20}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            prop_assert_eq!(plain(&escaped, Some("UBOT")), text);
        }
    }
}
