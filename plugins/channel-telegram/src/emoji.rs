//! The emoji Telegram takes as reactions (`ReactionTypeEmoji`, Bot API 10.1). Others are refused with `REACTION_INVALID`.

const ALLOWED: [&str; 73] = [
    "❤",
    "👍",
    "👎",
    "🔥",
    "🥰",
    "👏",
    "😁",
    "🤔",
    "🤯",
    "😱",
    "🤬",
    "😢",
    "🎉",
    "🤩",
    "🤮",
    "💩",
    "🙏",
    "👌",
    "🕊",
    "🤡",
    "🥱",
    "🥴",
    "😍",
    "🐳",
    "❤‍🔥",
    "🌚",
    "🌭",
    "💯",
    "🤣",
    "⚡",
    "🍌",
    "🏆",
    "💔",
    "🤨",
    "😐",
    "🍓",
    "🍾",
    "💋",
    "🖕",
    "😈",
    "😴",
    "😭",
    "🤓",
    "👻",
    "👨‍💻",
    "👀",
    "🎃",
    "🙈",
    "😇",
    "😨",
    "🤝",
    "✍",
    "🤗",
    "🫡",
    "🎅",
    "🎄",
    "☃",
    "💅",
    "🤪",
    "🗿",
    "🆒",
    "💘",
    "🙉",
    "🦄",
    "😘",
    "💊",
    "🙊",
    "😎",
    "👾",
    "🤷‍♂",
    "🤷",
    "🤷‍♀",
    "😡",
];

/// Says "show this as a picture", which Telegram leaves out.
const AS_EMOJI: char = '\u{FE0F}';

/// The reaction for an emoji, as Telegram writes it: without the variation selector and without a skin tone.
#[must_use]
pub fn reaction(emoji: &str) -> Option<&'static str> {
    let is_mark =
        |letter: char| letter == AS_EMOJI || ('\u{1F3FB}'..='\u{1F3FF}').contains(&letter);
    let bare: String = emoji.chars().filter(|letter| !is_mark(*letter)).collect();
    ALLOWED.iter().find(|allowed| **allowed == bare).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_known_with_and_without_its_marks() {
        assert_eq!(reaction("❤️"), Some("❤"));
        assert_eq!(reaction("❤"), Some("❤"));
        assert_eq!(reaction("👍🏽"), Some("👍"));
        assert_eq!(reaction("🤷🏽‍♀️"), Some("🤷‍♀"));
        assert_eq!(reaction("👨‍💻"), Some("👨‍💻"));
    }

    #[test]
    fn others_are_not() {
        for other in ["🍕", "", "thumbsup", "👍👍", "♥"] {
            assert_eq!(reaction(other), None, "{other}");
        }
    }

    #[test]
    fn the_list_is_free_of_marks_and_doubles() {
        for emoji in ALLOWED {
            assert_eq!(reaction(emoji), Some(emoji));
            assert_eq!(ALLOWED.iter().filter(|other| **other == emoji).count(), 1);
        }
    }
}
