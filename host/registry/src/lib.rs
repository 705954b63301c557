//! OCI registries: where packs and components come from when they do not lie in a file.
//!
//! [`Client`] speaks the distribution specification, [`Fetcher`] adds the cache by digest and fetches several at a time. Every byte that
//! is handed out has the digest it was asked for by. What a pack is worth is not judged here: a signature says who made it, a digest
//! only that it is the same.

mod access;
mod answer;
mod artifact;
mod cache;
mod call;
mod client;
mod credentials;
mod digest;
mod error;
mod fetch;
mod http;
mod limits;
mod progress;
mod reference;

pub use artifact::{
    Artifact, Descriptor, Interfaces, Kind, Manifest, PACK, PACK_LAYER, WASM_CONFIG, WASM_LAYER,
};
pub use cache::Cache;
pub use client::{Client, Registry};
pub use credentials::{Credentials, DockerConfig};
pub use digest::Digest;
pub use error::{Part, Reason, RegistryError};
pub use fetch::{Fetched, Fetcher};
pub use limits::Limits;
pub use progress::{Tell, size_of};
pub use reference::{Reference, SCHEME, is_loopback};
