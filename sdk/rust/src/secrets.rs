//! World `secrets-provider`: implement [`Provider`] and export the type with `export_secrets!`.
//!
//! A component that *uses* secrets wants [`crate::secret`].

pub use crate::bindings::secrets::exports::greentic::secrets::provider::{
    Descriptor, Guest as Provider, SecretBytes,
};

/// Why a name cannot be a secret's, or `None` when it can: `[a-z0-9._/-]+` without `..`, at most 255 bytes, and no empty or
/// leading part, so that a name never means a place outside the backend's own.
#[must_use]
pub fn name_fault(name: &str) -> Option<&'static str> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase()
            || byte.is_ascii_digit()
            || matches!(byte, b'.' | b'_' | b'/' | b'-')
    };
    if name.is_empty() || name.len() > 255 {
        return Some("a secret's name has 1 to 255 bytes");
    }
    if !name.bytes().all(allowed) {
        return Some("a secret's name has only the characters a-z 0-9 . _ / -");
    }
    if name.contains("..") {
        return Some("a secret's name has no `..`");
    }
    if name.split('/').any(|part| part.is_empty() || part == ".") {
        return Some("a secret's name has no empty part and no part `.` between its slashes");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::name_fault;

    #[test]
    fn names_that_could_leave_the_backends_place_are_refused() {
        for name in ["webchat/signing-key", "a", "a.b_c-1/d"] {
            assert_eq!(name_fault(name), None, "{name}");
        }
        let long = "a".repeat(256);
        for name in [
            "",
            "..",
            "a/../b",
            "/etc/passwd",
            "a//b",
            "a/",
            "./a",
            "A",
            "a b",
            "a\\b",
            "a\0",
            "ä",
            long.as_str(),
        ] {
            assert!(name_fault(name).is_some(), "{name:?}");
        }
    }
}
