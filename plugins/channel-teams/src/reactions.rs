//! Reactions by Teams' names and as emoji.

/// The names the schema has, with what clients show for them.
const NAMES: [(&str, &str); 7] = [
    ("like", "👍"),
    ("heart", "❤️"),
    ("laugh", "😆"),
    ("surprised", "😮"),
    ("sad", "😢"),
    ("angry", "😠"),
    ("plusOne", "➕"),
];

/// The emoji of a name; the name itself where it is another one.
#[must_use]
pub fn emoji(name: &str) -> &str {
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(name, |(_, emoji)| emoji)
}

/// The name of an emoji, or of what is a name already (`like`, `1f440_eyes`); `None` for an emoji Teams has no name for.
#[must_use]
pub fn name(emoji: &str) -> Option<&str> {
    // U+FE0F only asks for the coloured form.
    let plain = |text: &str| text.trim_end_matches('\u{fe0f}').to_owned();
    NAMES
        .iter()
        .find(|(_, known)| plain(known) == plain(emoji))
        .map(|(name, _)| *name)
        .or_else(|| {
            let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            (!emoji.is_empty() && emoji.bytes().all(named)).then_some(emoji)
        })
}

#[cfg(test)]
mod tests {
    use super::{NAMES, emoji, name};

    #[test]
    fn a_name_and_its_emoji_are_each_others() {
        for (known, shown) in NAMES {
            assert_eq!(emoji(known), shown);
            assert_eq!(name(shown), Some(known));
        }
        assert_eq!(name("❤"), Some("heart"), "without U+FE0F");
        assert_eq!(emoji("1f440_eyes"), "1f440_eyes");
        assert_eq!(name("1f440_eyes"), Some("1f440_eyes"));
        assert_eq!(name("🦀"), None);
        assert_eq!(name(""), None);
        assert_eq!(name("../x"), None);
    }
}
