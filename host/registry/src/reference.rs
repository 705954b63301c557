//! What a bundle and a command line call something in a registry.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::digest::Digest;

/// What a reference begins with.
pub const SCHEME: &str = "oci://";

/// `oci://registry/repository:tag` or `oci://registry/repository@sha256:…`, by the grammar of the distribution specification.
/// With both a tag and a digest, the digest decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The registry: a host with its port where it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in it, such as `greentic/channels`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, when it has one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest, when it has one.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same repository at one manifest.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            digest: Some(digest),
            tag: None,
            ..self.clone()
        }
    }

    /// What stands for it in the path of a request for its manifest.
    pub(crate) fn in_path(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.clone().unwrap_or_default(),
        }
    }
}

/// Whether this registry, a host with or without a port, is this machine.
#[must_use]
pub fn is_loopback(registry: &str) -> bool {
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => registry.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = String;

    /// Takes it with and without `oci://`. The error is a sentence.
    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let (registry, rest) = rest
            .split_once('/')
            .ok_or("it names no repository: write `oci://registry/repository:tag`")?;
        if !is_registry(registry) {
            return Err(format!(
                "`{registry}` is not a registry: write a host, and `:port` where it has one"
            ));
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if !is_repository(repository) {
            return Err(format!(
                "`{repository}` is not a repository: write small letters and digits, with `.`, `_` or `-` between them, in parts separated by `/`"
            ));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(format!(
                "`{tag}` is not a tag: write at most 128 letters, digits, `_`, `.` and `-`, beginning with none of the last two"
            ));
        }
        if tag.is_none() && digest.is_none() {
            return Err("it names no version: add a tag such as `:1.4`, or a digest".into());
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => {
                if address.parse::<std::net::Ipv6Addr>().is_err() {
                    return false;
                }
                (
                    "localhost",
                    port.strip_prefix(':').or((!port.is_empty()).then_some("x")),
                )
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253
        && host.split('.').all(label)
        && port.is_none_or(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        })
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/…)*`, at most 255 characters.
fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let separators_hold = part
            .split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit())
            .all(|gap| {
                matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|byte| byte == b'-')
            });
        separators_hold
            && part.bytes().next().is_some_and(plain)
            && part.bytes().last().is_some_and(plain)
    };
    text.len() <= 255 && text.split('/').all(part)
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_back_and_strangers_are_refused() {
        let digest = Digest::of(b"x");
        for right in [
            "oci://registry.example.com/greentic/channels:1.4".to_owned(),
            format!("oci://localhost:5000/a@{digest}"),
            format!("oci://127.0.0.1:5000/a/b-c/d__e.f:latest@{digest}"),
            "oci://[::1]:5000/a:1".to_owned(),
            "oci://[::1]/a:1".to_owned(),
        ] {
            let read: Reference = right.parse().unwrap();
            assert_eq!(read.to_string(), right);
            assert_eq!(right.replace("oci://", "").parse(), Ok(read));
        }
        for wrong in [
            "",
            "oci://",
            "oci://host",
            "oci://host/",
            "oci://host/name",
            "oci://host/Name:1",
            "oci://host/a..b:1",
            "oci://host/../b:1",
            "oci://host/a//b:1",
            "oci://host/a_:1",
            "oci://host/a___b:1",
            "oci://host/a:",
            "oci://host/a:.1",
            "oci://host/a:1:2",
            "oci://host/a@sha256:12",
            "oci://host/a@sha512:12",
            "oci://host/a:1?x",
            "oci://host:/a:1",
            "oci://host:99999/a:1",
            "oci://ho st/a:1",
            "oci://user@host/a:1",
            "oci://-host/a:1",
            "oci://[::1/a:1",
            "oci://[::x]/a:1",
            "oci://[::1]5/a:1",
            "https://host/a:1",
        ] {
            assert!(wrong.parse::<Reference>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn this_machine_is_told_from_others_that_look_like_it() {
        for own in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:5000",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "localhost.example.com",
            "127.0.0.1.example.com:1",
            "10.0.0.1",
            "[::2]:1",
            "registry",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
