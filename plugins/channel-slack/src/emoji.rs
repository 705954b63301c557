//! Slack names reactions by short names; the common model uses Unicode emoji.
//!
//! The table holds the emoji people react with. What it does not hold passes as Slack's own short name, which a flow may also use.

use std::borrow::Cow;

/// Short name and emoji. The first name of an emoji is the one used to send it.
const TABLE: &[(&str, &str)] = &[
    ("+1", "👍"),
    ("thumbsup", "👍"),
    ("-1", "👎"),
    ("thumbsdown", "👎"),
    ("heart", "❤️"),
    ("orange_heart", "🧡"),
    ("yellow_heart", "💛"),
    ("green_heart", "💚"),
    ("blue_heart", "💙"),
    ("purple_heart", "💜"),
    ("black_heart", "🖤"),
    ("white_heart", "🤍"),
    ("broken_heart", "💔"),
    ("two_hearts", "💕"),
    ("sparkling_heart", "💖"),
    ("heartpulse", "💗"),
    ("smile", "😄"),
    ("grinning", "😀"),
    ("smiley", "😃"),
    ("grin", "😁"),
    ("laughing", "😆"),
    ("satisfied", "😆"),
    ("joy", "😂"),
    ("rolling_on_the_floor_laughing", "🤣"),
    ("sweat_smile", "😅"),
    ("slightly_smiling_face", "🙂"),
    ("upside_down_face", "🙃"),
    ("wink", "😉"),
    ("blush", "😊"),
    ("innocent", "😇"),
    ("heart_eyes", "😍"),
    ("smiling_face_with_3_hearts", "🥰"),
    ("star-struck", "🤩"),
    ("kissing_heart", "😘"),
    ("yum", "😋"),
    ("stuck_out_tongue", "😛"),
    ("stuck_out_tongue_winking_eye", "😜"),
    ("hugging_face", "🤗"),
    ("thinking_face", "🤔"),
    ("face_with_raised_eyebrow", "🤨"),
    ("neutral_face", "😐"),
    ("expressionless", "😑"),
    ("unamused", "😒"),
    ("face_with_rolling_eyes", "🙄"),
    ("smirk", "😏"),
    ("relieved", "😌"),
    ("pensive", "😔"),
    ("sleepy", "😪"),
    ("sleeping", "😴"),
    ("mask", "😷"),
    ("exploding_head", "🤯"),
    ("partying_face", "🥳"),
    ("sunglasses", "😎"),
    ("nerd_face", "🤓"),
    ("confused", "😕"),
    ("worried", "😟"),
    ("slightly_frowning_face", "🙁"),
    ("white_frowning_face", "☹️"),
    ("open_mouth", "😮"),
    ("astonished", "😲"),
    ("flushed", "😳"),
    ("pleading_face", "🥺"),
    ("fearful", "😨"),
    ("cold_sweat", "😰"),
    ("cry", "😢"),
    ("sob", "😭"),
    ("scream", "😱"),
    ("confounded", "😖"),
    ("disappointed", "😞"),
    ("sweat", "😓"),
    ("weary", "😩"),
    ("tired_face", "😫"),
    ("triumph", "😤"),
    ("rage", "😡"),
    ("angry", "😠"),
    ("skull", "💀"),
    ("hankey", "💩"),
    ("poop", "💩"),
    ("robot_face", "🤖"),
    ("ghost", "👻"),
    ("alien", "👽"),
    ("clap", "👏"),
    ("raised_hands", "🙌"),
    ("open_hands", "👐"),
    ("handshake", "🤝"),
    ("pray", "🙏"),
    ("wave", "👋"),
    ("hand", "✋"),
    ("raised_hand", "✋"),
    ("ok_hand", "👌"),
    ("v", "✌️"),
    ("crossed_fingers", "🤞"),
    ("the_horns", "🤘"),
    ("call_me_hand", "🤙"),
    ("point_left", "👈"),
    ("point_right", "👉"),
    ("point_up_2", "👆"),
    ("point_down", "👇"),
    ("point_up", "☝️"),
    ("fist", "✊"),
    ("facepunch", "👊"),
    ("punch", "👊"),
    ("muscle", "💪"),
    ("saluting_face", "🫡"),
    ("eyes", "👀"),
    ("eye", "👁️"),
    ("brain", "🧠"),
    ("fire", "🔥"),
    ("100", "💯"),
    ("boom", "💥"),
    ("collision", "💥"),
    ("star", "⭐"),
    ("star2", "🌟"),
    ("sparkles", "✨"),
    ("zap", "⚡"),
    ("sunny", "☀️"),
    ("rainbow", "🌈"),
    ("snowflake", "❄️"),
    ("droplet", "💧"),
    ("tada", "🎉"),
    ("confetti_ball", "🎊"),
    ("balloon", "🎈"),
    ("gift", "🎁"),
    ("trophy", "🏆"),
    ("medal", "🏅"),
    ("first_place_medal", "🥇"),
    ("second_place_medal", "🥈"),
    ("third_place_medal", "🥉"),
    ("rocket", "🚀"),
    ("airplane", "✈️"),
    ("car", "🚗"),
    ("house", "🏠"),
    ("coffee", "☕"),
    ("beer", "🍺"),
    ("beers", "🍻"),
    ("pizza", "🍕"),
    ("cake", "🍰"),
    ("birthday", "🎂"),
    ("white_check_mark", "✅"),
    ("heavy_check_mark", "✔️"),
    ("ballot_box_with_check", "☑️"),
    ("x", "❌"),
    ("negative_squared_cross_mark", "❎"),
    ("heavy_plus_sign", "➕"),
    ("heavy_minus_sign", "➖"),
    ("question", "❓"),
    ("exclamation", "❗"),
    ("heavy_exclamation_mark", "❗"),
    ("bangbang", "‼️"),
    ("warning", "⚠️"),
    ("no_entry", "⛔"),
    ("no_entry_sign", "🚫"),
    ("octagonal_sign", "🛑"),
    ("rotating_light", "🚨"),
    ("construction", "🚧"),
    ("red_circle", "🔴"),
    ("large_yellow_circle", "🟡"),
    ("large_green_circle", "🟢"),
    ("large_blue_circle", "🔵"),
    ("hourglass", "⌛"),
    ("hourglass_flowing_sand", "⏳"),
    ("alarm_clock", "⏰"),
    ("watch", "⌚"),
    ("calendar", "📆"),
    ("date", "📅"),
    ("pushpin", "📌"),
    ("round_pushpin", "📍"),
    ("paperclip", "📎"),
    ("memo", "📝"),
    ("pencil", "📝"),
    ("pencil2", "✏️"),
    ("books", "📚"),
    ("book", "📖"),
    ("bookmark", "🔖"),
    ("clipboard", "📋"),
    ("file_folder", "📁"),
    ("email", "✉️"),
    ("envelope", "✉️"),
    ("phone", "☎️"),
    ("iphone", "📱"),
    ("computer", "💻"),
    ("bulb", "💡"),
    ("mag", "🔍"),
    ("lock", "🔒"),
    ("unlock", "🔓"),
    ("key", "🔑"),
    ("wrench", "🔧"),
    ("hammer", "🔨"),
    ("gear", "⚙️"),
    ("link", "🔗"),
    ("bell", "🔔"),
    ("no_bell", "🔕"),
    ("mega", "📣"),
    ("loudspeaker", "📢"),
    ("speech_balloon", "💬"),
    ("thought_balloon", "💭"),
    ("chart_with_upwards_trend", "📈"),
    ("chart_with_downwards_trend", "📉"),
    ("bar_chart", "📊"),
    ("moneybag", "💰"),
    ("dollar", "💵"),
    ("credit_card", "💳"),
    ("package", "📦"),
    ("truck", "🚚"),
    ("bug", "🐛"),
    ("dog", "🐶"),
    ("cat", "🐱"),
    ("see_no_evil", "🙈"),
    ("hear_no_evil", "🙉"),
    ("speak_no_evil", "🙊"),
    ("unicorn_face", "🦄"),
    ("turtle", "🐢"),
    ("snail", "🐌"),
    ("seedling", "🌱"),
    ("four_leaf_clover", "🍀"),
    ("rose", "🌹"),
    ("sunflower", "🌻"),
    ("earth_americas", "🌎"),
    ("earth_africa", "🌍"),
    ("globe_with_meridians", "🌐"),
    ("arrow_up", "⬆️"),
    ("arrow_down", "⬇️"),
    ("arrow_left", "⬅️"),
    ("arrow_right", "➡️"),
    ("arrows_counterclockwise", "🔄"),
    ("repeat", "🔁"),
    ("back", "🔙"),
    ("soon", "🔜"),
    ("new", "🆕"),
    ("ok", "🆗"),
    ("sos", "🆘"),
    ("one", "1️⃣"),
    ("two", "2️⃣"),
    ("three", "3️⃣"),
    ("four", "4️⃣"),
    ("five", "5️⃣"),
];

/// U+FE0F asks for the coloured form of a character; people and programs leave it out as they like.
const COLOURED: char = '\u{fe0f}';

fn bare(emoji: &str) -> impl Iterator<Item = char> {
    emoji
        .chars()
        // A skin tone is Slack's `::skin-tone-N`, which a reaction does not need.
        .filter(|c| *c != COLOURED && !('\u{1f3fb}'..='\u{1f3ff}').contains(c))
}

/// The emoji of a short name as events carry it (`+1`, `wave::skin-tone-3`), or the name itself where there is none.
pub fn of_name(name: &str) -> Cow<'_, str> {
    let plain = name.split("::").next().unwrap_or(name);
    TABLE
        .iter()
        .find(|(known, _)| *known == plain)
        .map_or(Cow::Borrowed(plain), |(_, emoji)| Cow::Borrowed(*emoji))
}

/// The short name to react with: of an emoji, or of a short name with or without its colons. `None` when it is neither.
pub fn name_of(emoji: &str) -> Option<&str> {
    let trimmed = emoji.trim();
    if let Some((name, _)) = TABLE
        .iter()
        .find(|(_, known)| bare(known).eq(bare(trimmed)))
    {
        return Some(name);
    }
    let name = trimmed.strip_prefix(':').unwrap_or(trimmed);
    let name = name.strip_suffix(':').unwrap_or(name);
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'+')
    };
    // Names have at most 100 characters (the limit for custom emoji).
    (!name.is_empty() && name.len() <= 100 && name.bytes().all(allowed)).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{TABLE, name_of, of_name};

    #[test]
    fn every_emoji_of_the_table_goes_there_and_back() {
        for (name, emoji) in TABLE {
            assert_eq!(of_name(name), *emoji);
            let sent = name_of(emoji).unwrap();
            assert_eq!(of_name(sent), *emoji, "{name}");
        }
    }

    #[test]
    fn no_short_name_stands_twice() {
        let mut seen = HashSet::new();
        for (name, _) in TABLE {
            assert!(seen.insert(name), "{name}");
        }
    }

    #[test]
    fn forms_people_write_are_understood() {
        for (given, name) in [
            ("❤", "heart"),
            ("❤️", "heart"),
            ("👍🏽", "+1"),
            (" 👍 ", "+1"),
            (":party_parrot:", "party_parrot"),
            ("thumbsup", "thumbsup"),
            (":+1:", "+1"),
        ] {
            assert_eq!(name_of(given), Some(name), "{given}");
        }
        for given in ["", "::", "🦩", "Two Words", "a:b", "ÄÖ"] {
            assert_eq!(name_of(given), None, "{given}");
        }
        assert_eq!(of_name("wave::skin-tone-3"), "👋");
        assert_eq!(of_name("party_parrot"), "party_parrot");
        assert_eq!(of_name(""), "");
    }
}
