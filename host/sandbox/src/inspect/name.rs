//! Names of interfaces, which versions of one stand in for each other, and which one was probably meant.

use semver::Version;
use std::fmt;
use std::str::FromStr;

/// `namespace:package/interface@version`. An interface written inline in a world has only its own name: namespace and
/// package are empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceName {
    /// Such as `greentic`.
    pub namespace: String,
    /// Such as `channel`.
    pub package: String,
    /// Such as `channel`.
    pub interface: String,
    /// The package's version, where it has one.
    pub version: Option<Version>,
}

/// A text that is not an interface's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an interface name: expected `namespace:package/interface` or `namespace:package/interface@1.2.3`"
)]
pub struct NameError(String);

impl InterfaceName {
    /// Whether both name the same interface, whatever the version.
    #[must_use]
    pub fn same_interface(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.package == other.package
            && self.interface == other.interface
    }

    /// Whether one can be given where the other is wanted: the same interface in a compatible version.
    #[must_use]
    pub fn compatible(&self, other: &Self) -> bool {
        self.same_interface(other)
            && compatible_versions(self.version.as_ref(), other.version.as_ref())
    }

    /// The name without the version.
    #[must_use]
    pub fn path(&self) -> String {
        if self.namespace.is_empty() {
            self.interface.clone()
        } else {
            format!("{}:{}/{}", self.namespace, self.package, self.interface)
        }
    }

    /// Whether it is of that package, such as `("wasi", "http")`.
    #[must_use]
    pub fn is_of(&self, namespace: &str, package: &str) -> bool {
        self.namespace == namespace && self.package == package
    }
}

/// The component model's rule: the same major version, below 1.0 the same minor version, below 0.1 and for pre-releases
/// exactly the same version. Without a version on both sides they are the same; with one on one side only they are not.
#[must_use]
pub fn compatible_versions(a: Option<&Version>, b: Option<&Version>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) if a == b => true,
        (Some(a), Some(b)) if a.pre.is_empty() && b.pre.is_empty() => {
            if a.major > 0 || b.major > 0 {
                a.major == b.major
            } else {
                a.minor > 0 && a.minor == b.minor
            }
        }
        _ => false,
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

impl FromStr for InterfaceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError(text.to_owned());
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(Version::parse(version).map_err(|_| wrong())?)),
            None => (text, None),
        };
        let (package, interface) = path.split_once('/').ok_or_else(wrong)?;
        let (namespace, package) = package.split_once(':').ok_or_else(wrong)?;
        if [namespace, package, interface]
            .iter()
            .any(|part| !is_label(part))
        {
            return Err(wrong());
        }
        Ok(Self {
            namespace: namespace.into(),
            package: package.into(),
            interface: interface.into(),
            version,
        })
    }
}

fn is_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// The candidate that was probably meant: the same interface in another version, the nearest one first; otherwise the most
/// similar spelling, if any is similar at all.
#[must_use]
pub fn nearest<'a>(
    candidates: impl IntoIterator<Item = &'a InterfaceName>,
    wanted: &InterfaceName,
) -> Option<&'a InterfaceName> {
    let candidates: Vec<_> = candidates.into_iter().collect();
    let same = candidates
        .iter()
        .copied()
        .filter(|c| c.same_interface(wanted));
    if let Some(best) = same.min_by_key(|c| distance(c.version.as_ref(), wanted.version.as_ref())) {
        return Some(best);
    }
    // A third of the letters may differ: enough for a slip or two, too little to propose an unrelated interface.
    let path = wanted.path();
    candidates
        .into_iter()
        .map(|c| (strsim::osa_distance(&c.path(), &path), c))
        .filter(|(edits, _)| edits.saturating_mul(3) <= path.chars().count())
        .min_by_key(|(edits, c)| {
            (
                *edits,
                distance(c.version.as_ref(), wanted.version.as_ref()),
            )
        })
        .map(|(_, c)| c)
}

/// How far apart two versions are, by major, then minor, then patch. No version is farthest from any version.
fn distance(a: Option<&Version>, b: Option<&Version>) -> (u64, u64, u64) {
    match (a, b) {
        (Some(a), Some(b)) => (
            a.major.abs_diff(b.major),
            a.minor.abs_diff(b.minor),
            a.patch.abs_diff(b.patch),
        ),
        (None, None) => (0, 0, 0),
        _ => (u64::MAX, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_read_and_written_alike() {
        for text in [
            "wasi:io/poll@0.2.6",
            "greentic:component/component",
            "wasi:config/store@0.2.0-rc.1",
        ] {
            assert_eq!(text.parse::<InterfaceName>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "wasi",
            "wasi:io",
            "io/poll",
            "wasi:io/poll@1",
            "wasi:io/poll@",
            ":a/b",
            "a:/b",
            "a:b/",
            "a:b/c/d",
            "a b:c/d",
        ] {
            assert!(text.parse::<InterfaceName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn versions_are_compatible_as_the_component_model_says() {
        let version = |text: &str| (text != "-").then(|| text.parse::<Version>().unwrap());
        for (a, b, expected) in [
            ("-", "-", true),
            ("-", "0.1.0", false),
            ("1.0.0", "1.9.3", true),
            ("1.0.0", "2.0.0", false),
            ("0.2.0", "0.2.6", true),
            ("0.2.0", "0.3.0", false),
            ("0.2.0", "1.2.0", false),
            ("0.0.1", "0.0.1", true),
            ("0.0.1", "0.0.2", false),
            ("0.2.0-rc.1", "0.2.0-rc.1", true),
            ("0.2.0-rc.1", "0.2.0", false),
            ("0.2.0-rc.1", "0.2.0-rc.2", false),
        ] {
            assert_eq!(
                compatible_versions(version(a).as_ref(), version(b).as_ref()),
                expected,
                "{a} {b}"
            );
            assert_eq!(
                compatible_versions(version(b).as_ref(), version(a).as_ref()),
                expected,
                "{b} {a}"
            );
        }
    }

    #[test]
    fn the_nearest_candidate_is_another_version_first_and_then_another_spelling() {
        let names = |texts: &[&str]| {
            texts
                .iter()
                .map(|t| t.parse().unwrap())
                .collect::<Vec<InterfaceName>>()
        };
        let near = |candidates: &[&str], wanted: &str| {
            nearest(&names(candidates), &wanted.parse().unwrap()).map(ToString::to_string)
        };
        assert_eq!(
            near(
                &[
                    "acme:pricing/quota@2.0.0",
                    "acme:pricing/quote@0.9.0",
                    "acme:pricing/quote@1.4.0"
                ],
                "acme:pricing/quote@2.0.0"
            )
            .as_deref(),
            Some("acme:pricing/quote@1.4.0")
        );
        assert_eq!(
            near(
                &[
                    "greentic:secrets/secret-store@0.1.0",
                    "greentic:flow/state@0.1.0"
                ],
                "greentic:secret/secret-store@0.1.0"
            )
            .as_deref(),
            Some("greentic:secrets/secret-store@0.1.0")
        );
        assert_eq!(
            near(&["wasi:io/poll@0.2.6"], "acme:pricing/quote@1.0.0"),
            None,
            "no proposal is better than a wrong one"
        );
    }

    proptest! {
        #[test]
        fn compatibility_is_symmetric(a in (0_u64..3, 0_u64..3, 0_u64..3), b in (0_u64..3, 0_u64..3, 0_u64..3)) {
            let a = Version::new(a.0, a.1, a.2);
            let b = Version::new(b.0, b.1, b.2);
            prop_assert_eq!(compatible_versions(Some(&a), Some(&b)), compatible_versions(Some(&b), Some(&a)));
        }
    }
}
