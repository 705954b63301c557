//! Some of Slack's emoji by their short names, enough for what people react with in tests.

/// Short name and emoji.
const KNOWN: [(&str, &str); 24] = [
    ("+1", "👍"),
    ("-1", "👎"),
    ("heart", "❤️"),
    ("eyes", "👀"),
    ("tada", "🎉"),
    ("rocket", "🚀"),
    ("fire", "🔥"),
    ("joy", "😂"),
    ("smile", "😄"),
    ("thinking_face", "🤔"),
    ("cry", "😢"),
    ("clap", "👏"),
    ("pray", "🙏"),
    ("wave", "👋"),
    ("ok_hand", "👌"),
    ("raised_hands", "🙌"),
    ("white_check_mark", "✅"),
    ("x", "❌"),
    ("warning", "⚠️"),
    ("hourglass_flowing_sand", "⏳"),
    ("100", "💯"),
    ("star", "⭐"),
    ("bug", "🐛"),
    ("memo", "📝"),
];

fn bare(emoji: &str) -> String {
    emoji.chars().filter(|c| *c != '\u{fe0f}').collect()
}

/// The emoji of a name.
pub fn shown(name: &str) -> Option<&'static str> {
    let found = KNOWN.iter().find(|(known, _)| *known == name);
    found.map(|(_, emoji)| *emoji)
}

/// The name of an emoji.
pub fn name(emoji: &str) -> Option<&'static str> {
    let found = KNOWN.iter().find(|(_, known)| bare(known) == bare(emoji));
    found.map(|(name, _)| *name)
}
