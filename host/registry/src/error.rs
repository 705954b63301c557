//! Why something in a registry could not be had or put there: which one, which part of it, the reason and the remedy.

use std::fmt;

use crate::digest::Digest;
use crate::reference::Reference;

/// A refusal or fault, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RegistryError {
    /// What was asked for.
    pub reference: Reference,
    /// The part of it.
    pub part: Part,
    /// The reason.
    pub reason: Reason,
}

/// The part of an artifact a fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it, or the registry itself.
    Whole,
    /// Its manifest.
    Manifest,
    /// A layer or configuration.
    Layer(Digest),
}

impl RegistryError {
    pub(crate) fn new(reference: &Reference, part: Part, reason: Reason) -> Self {
        Self {
            reference: reference.clone(),
            part,
            reason,
        }
    }

    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        self.reason.remedy(&self.reference)
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reference)?;
        match &self.part {
            Part::Whole => {}
            Part::Manifest => f.write_str(", manifest")?,
            Part::Layer(digest) => write!(f, ", layer {digest}")?,
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// No connection, or one that broke.
    #[error("the registry cannot be reached: {0}")]
    Unreachable(String),
    /// No answer, or a pause in it, longer than the limit.
    #[error(
        "the registry does not answer: {what} took longer than {seconds} s (key `limits.registry.{key}`)"
    )]
    TimedOut {
        /// What took so long.
        what: &'static str,
        /// The limit.
        seconds: u64,
        /// Its key.
        key: &'static str,
    },
    /// It wants other credentials, or some.
    #[error("the registry refuses access: {detail}; {shown}")]
    Unauthorized {
        /// What it says.
        detail: String,
        /// Which credentials were shown.
        shown: String,
    },
    /// Known, and not allowed to.
    #[error("the registry does not allow this: {detail}; {shown}")]
    Denied {
        /// What it says.
        detail: String,
        /// Which credentials were shown.
        shown: String,
    },
    /// It is not there.
    #[error("the registry does not have it: {0}")]
    NotFound(String),
    /// Another answer than was expected.
    #[error("the registry answers {status}: {detail}")]
    Status {
        /// The status.
        status: u16,
        /// What it says.
        detail: String,
    },
    /// An answer that breaks the specification.
    #[error("the registry's answer cannot be used: {0}")]
    BadAnswer(String),
    /// Sent somewhere it must not be sent.
    #[error("the registry redirects {0}")]
    Redirected(String),
    /// Larger than the limit.
    #[error("it is larger than {limit} bytes (key `{key}`)")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// Its key.
        key: &'static str,
    },
    /// Another length than the manifest says.
    #[error("it has {found} bytes, and its manifest says {stated}")]
    SizeDiffers {
        /// What the manifest says.
        stated: u64,
        /// What came.
        found: u64,
    },
    /// Other bytes than were asked for.
    #[error(
        "its bytes have digest {found}, and {expected} was asked for: it was changed in the registry or on the way"
    )]
    DigestDiffers {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// No manifest.
    #[error("it is not a manifest: {0}")]
    BadManifest(String),
    /// A manifest of something else.
    #[error("it holds no pack and no component: {0}")]
    Foreign(String),
    /// Credentials that cannot be had.
    #[error("credentials for the registry cannot be had: {0}")]
    Credentials(String),
    /// Offline, and not in the cache.
    #[error("it is not in the cache, and the network is not used (`--offline`)")]
    Offline,
    /// Plain HTTP to another machine.
    #[error(
        "plain http is for registries on this machine only (`localhost`, `127.0.0.1`, `[::1]`)"
    )]
    PlainElsewhere,
}

impl Reason {
    /// Whether the same may go well a moment later, or while the registry is gone.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut { .. } => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    fn remedy(&self, reference: &Reference) -> String {
        let registry = reference.registry();
        match self {
            Self::Unreachable(reason) if reason.contains("InvalidContentType") => format!(
                "`{registry}` speaks plain http where TLS is expected; if it is on this machine, say `insecure: true` for it under `registries` (`--insecure` on the command line)"
            ),
            Self::Unreachable(reason) if reason.contains("UnknownIssuer") => format!(
                "if `{registry}` has a certificate of your own authority, name that authority under `authorities` of `registries` (`--authorities` on the command line)"
            ),
            Self::Unreachable(_) | Self::TimedOut { .. } => format!(
                "check the name `{registry}` and the network; what was fetched once is in the cache and used with `--offline`"
            ),
            Self::Unauthorized { .. } | Self::Denied { .. } | Self::Credentials(_) => format!(
                "log in with `docker login {registry}`, or name `username` and `password` for it under `registries` of the bundle"
            ),
            Self::NotFound(_) => "check repository and tag, and whether it was pushed; some registries say this of what you may not see".into(),
            Self::Status { status: 429, .. } => "wait: the registry counts requests".into(),
            Self::Status { .. } | Self::BadAnswer(_) | Self::Redirected(_) => format!(
                "ask whoever runs `{registry}`; its own log has more"
            ),
            Self::TooLarge { key, .. } => format!("raise `{key}`, if it should be so large"),
            Self::SizeDiffers { .. } | Self::DigestDiffers { .. } => "do not use it; push it again from a copy you trust".into(),
            Self::BadManifest(_) | Self::Foreign(_) => "name a pack pushed with `greentic-pack push`, or a component in the layout of the wasm artifact".into(),
            Self::Offline => "fetch it once without `--offline`".into(),
            Self::PlainElsewhere => format!("take `insecure: true` away; `{registry}` must speak TLS"),
        }
    }
}
