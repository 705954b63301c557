//! "Did you mean": the nearest known word.

/// The candidate nearest to `word`, when near enough to be meant: at most a third of the word's letters differ, and
/// at least one edit is always allowed. `-` and `_` count as equal, and so does case.
pub fn suggest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let fold = |text: &str| text.to_lowercase().replace('_', "-");
    let wanted = fold(word);
    let allowed = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&wanted, &fold(candidate)),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            *distance <= allowed && *distance < candidate.chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn near_words_are_offered_and_far_ones_are_not() {
        let keys = ["provider", "flow", "enabled", "call-timeout"];
        assert_eq!(suggest("provder", keys), Some("provider"));
        assert_eq!(suggest("call_timeout", keys), Some("call-timeout"));
        assert_eq!(suggest("FLOW", keys), Some("flow"));
        assert_eq!(suggest("folw", keys), Some("flow"));
        assert_eq!(suggest("tenants", keys), None);
        assert_eq!(suggest("x", ["y"]), None, "one letter says nothing");
        assert_eq!(suggest("", keys), None);
    }
}
