//! `.gtpack` archives: build, sign, verify, read.
//!
//! A pack carries components, flows and assets from the one who made them to the hosts that run them, and the proof
//! that nothing was changed on the way. One scheme, strict by default: the SHA-256 of every file stands in a statement,
//! the statement under ed25519 signatures in a DSSE envelope, and nothing else of a pack is looked into before both
//! hold. This crate knows no sandbox and runs no code of a pack.
//!
//! ```
//! use greentic_pack::{Keyring, PackBuilder, PackKind, Policy, Pack, TrustedKey, keys, sign};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut builder = PackBuilder::new("demo/hello".parse()?, "1.0.0".parse()?, PackKind::Library);
//! builder.asset("hello.txt", "hello");
//! let key = keys::generate()?;
//! let signed = sign(builder.build()?.bytes, &key)?;
//!
//! let mut ring = Keyring::new();
//! ring.add(TrustedKey::new("demo", key.verifying_key(), vec!["demo/*".parse()?]))?;
//! let pack = Pack::open(signed, &Policy::strict(ring))?;
//! assert_eq!(pack.asset("hello.txt").as_deref(), Some(b"hello".as_slice()));
//! assert!(pack.trust().is_trusted());
//! # Ok(())
//! # }
//! ```

mod archive;
mod build;
mod component;
#[cfg(test)]
mod corpus;
mod diff;
mod dsse;
mod flow;
pub mod keys;
mod layout;
mod limits;
mod lock;
mod manifest;
mod pack;
mod pack_id;
mod path;
mod refusal;
#[cfg(test)]
mod sample;
mod sbom;
mod sign;
mod statement;
mod trust;

pub use build::{BuildError, BuildOptions, Built, ComponentSource, PackBuilder, build_dir};
pub use component::{ComponentError, Shape, shape};
pub use diff::{Change, diff};
pub use ed25519_dalek::{SigningKey, VerifyingKey};
pub use limits::Limits;
pub use lock::{LOCK_FILE, Lock, LockError, LockFault, LockedPack};
pub use manifest::{ComponentEntry, FlowEntry, Manifest, PackKind, Requests, SecretRequirement};
pub use pack::Pack;
pub use pack_id::{IdError, IdPattern, PackId};
pub use refusal::{PackError, Refusal};
pub use sign::sign;
pub use trust::{Keyring, KeyringError, Policy, Signer, Trust, TrustedKey};
