//! Which surface, and whose, a path means. Pure; matching allocates nothing.
//!
//! | path | meaning |
//! |---|---|
//! | `/healthz`, `/readyz`, `/metrics` | the gateway itself |
//! | `/v1/messaging/ingress/{provider}/{tenant}/{team}/{channel}[/rest]` | webhook |
//! | `/v1/messaging/{provider}/{tenant}/{team}/{channel}[/rest]` | the channel's API |
//! | `/v1/web/{provider}/{tenant}/{team}/{channel}[/rest]` | the channel's pages |
//!
//! The last three also without `/v1`, as the ecosystem's older addresses have it. The four names must be identifiers as the bundle
//! has them, byte for byte: nothing is decoded or normalised first, so no other spelling of a path reaches the same channel. What
//! follows them is the channel's and is passed on untouched.

use crate::channel::Surface;

/// What a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// The process lives.
    Health,
    /// Every needed plugin is up.
    Ready,
    /// Prometheus text.
    Metrics,
    /// A channel, if the bundle has it.
    Place(Place<'a>),
    /// None of these; perhaps an alias.
    Other,
}

/// A channel's place in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) surface: Surface,
    pub(crate) provider: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) team: &'a str,
    pub(crate) channel: &'a str,
    /// Bytes of the path that name the channel; the rest is empty or begins with a slash.
    pub(crate) base: usize,
}

pub(crate) fn find(path: &str) -> Route<'_> {
    match path {
        "/healthz" => Route::Health,
        "/readyz" => Route::Ready,
        "/metrics" => Route::Metrics,
        _ => place(path).map_or(Route::Other, Route::Place),
    }
}

fn place(path: &str) -> Option<Place<'_>> {
    let rest = path.strip_prefix("/v1").unwrap_or(path);
    // Each name is read after its slash, so the slash before the first stays.
    let (surface, rest) = if let Some(rest) = rest.strip_prefix("/messaging/ingress") {
        (Surface::Webhook, rest)
    } else if let Some(rest) = rest.strip_prefix("/messaging") {
        (Surface::Api, rest)
    } else {
        (Surface::Page, rest.strip_prefix("/web")?)
    };
    let (provider, after) = following(rest)?;
    let (tenant, after) = following(after)?;
    let (team, after) = following(after)?;
    let (channel, after) = following(after)?;
    Some(Place {
        surface,
        provider,
        tenant,
        team,
        channel,
        base: path.len() - after.len(),
    })
}

/// The name after a slash, and what follows it.
fn following(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.strip_prefix('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    is_identifier(name).then_some((name, after))
}

/// The alphabet of `greentic_types::Id`, checked without keeping the text.
fn is_identifier(name: &str) -> bool {
    let allowed = |byte: &u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
    };
    match name.as_bytes() {
        [] => false,
        [b'_' | b'-', ..] => false,
        bytes => bytes.len() <= 64 && bytes.iter().all(allowed),
    }
}

/// Whether every `%` of a path is followed by two hexadecimal digits (RFC 3986 section 2.1).
pub(crate) fn is_well_encoded(path: &str) -> bool {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut hex = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
            if !(hex() && hex()) {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(Surface, [&str; 4], &str, &str)> {
        match find(path) {
            Route::Place(place) => {
                let names = [place.provider, place.tenant, place.team, place.channel];
                let (base, rest) = path.split_at(place.base);
                Some((place.surface, names, base, rest))
            }
            _ => None,
        }
    }

    #[test]
    fn a_place_is_four_names_after_its_surface_and_the_rest_is_untouched() {
        let names = ["chat", "demo", "team-1", "web"];
        for (head, surface) in [
            ("/v1/messaging/ingress", Surface::Webhook),
            ("/messaging/ingress", Surface::Webhook),
            ("/v1/messaging", Surface::Api),
            ("/messaging", Surface::Api),
            ("/v1/web", Surface::Page),
            ("/web", Surface::Page),
        ] {
            for rest in [
                "",
                "/",
                "/a",
                "/a/b/",
                "//",
                "/%2e%2E/x",
                "/../../y",
                "/a%2Fb",
            ] {
                let base = format!("{head}/{}", names.join("/"));
                let path = format!("{base}{rest}");
                assert_eq!(
                    found(&path),
                    Some((surface, names, base.as_str(), rest)),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn no_other_spelling_of_a_place_is_one() {
        for path in [
            "",
            "/",
            "*",
            "/v1",
            "/v1/messaging",
            "/v1/messaging/",
            "/v1/messaging/chat/demo/team",
            "/v1/messaging/chat/demo/team/",
            "/v1/messaging/ingress/chat/demo/team",
            "/v1/web/chat/demo//web",
            "/v1//web/chat/demo/team/web",
            "/v1/web/../demo/team/web",
            "/v1/web/chat/demo/../web",
            "/v1/web/chat/de%6do/team/web",
            "/v1/web/chat/demo%2Fteam/web/x",
            "/v1/web/Chat/demo/team/web",
            "/v1/web/chat/demo/team/web.js",
            "/v1/web/chat/demo/team/-web",
            "/v2/web/chat/demo/team/web",
            "/v1/v1/web/chat/demo/team/web",
            "/v1web/chat/demo/team/web",
            "/webs/chat/demo/team/web",
            "/healthz/",
            "/HEALTHZ",
        ] {
            assert_eq!(find(path), Route::Other, "{path}");
        }
        // Four names after `ingress` are a webhook, three are not the API of a channel plugin called so.
        assert!(
            matches!(find("/v1/messaging/ingress/a/b/c/d"), Route::Place(p) if p.surface == Surface::Webhook)
        );
    }

    #[test]
    fn names_follow_the_rule_of_identifiers() {
        for name in [
            "a",
            "-a",
            "_a",
            "a-",
            "A",
            "a.b",
            "",
            "ä",
            "a b",
            &"x".repeat(64),
            &"x".repeat(65),
        ] {
            assert_eq!(
                is_identifier(name),
                greentic_types::Id::new(name).is_ok(),
                "{name}"
            );
        }
        for byte in 0..=127_u8 {
            for name in [String::from(byte as char), format!("a{}", byte as char)] {
                assert_eq!(
                    is_identifier(&name),
                    greentic_types::Id::new(&name).is_ok(),
                    "{name:?}"
                );
            }
        }
    }

    #[test]
    fn a_percent_sign_needs_two_digits() {
        for (path, good) in [
            ("/a", true),
            ("/%41", true),
            ("/%aF%00", true),
            ("/%", false),
            ("/%4", false),
            ("/%4g", false),
            ("/%%41", false),
        ] {
            assert_eq!(is_well_encoded(path), good, "{path}");
        }
    }
}
