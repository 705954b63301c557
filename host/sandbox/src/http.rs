//! HTTP from a guest: judged, pooled, bounded, and the only place where a secret's value meets a request.
//!
//! One [`HttpClient`] serves the whole process; each cell has its own [`Hooks`], which know whose requests they are. Of
//! every request, in this order:
//!
//! 1. scheme, host and port are judged by the plugin's `http` grants ([`crate::grants`]);
//! 2. a header that carries a credential (`authorization`, `proxy-authorization`, `cookie`) must hold a placeholder of a
//!    secret this plugin was given, or the plugin must have a `reveal` grant: a credential comes from the host, not from
//!    a component's code;
//! 3. placeholders in header values, path, query and body are replaced by the secrets they stand for. Bodies only of type
//!    `application/x-www-form-urlencoded`, `application/json` (and `+json`) and `text/*`, not encoded, and up to
//!    [`HttpClientConfig::max_replaced_body`]; such a body is read whole before it is sent, but only when the plugin was
//!    given a placeholder at all;
//! 4. each address the host resolves to is judged, and only those that pass are connected to (incident 26).
//!
//! Redirects are handed to the guest, whose next request is judged again. There are no cookies, no proxies and no way to
//! leave out the check of a certificate. A response, also its `location`, is handed on as it came.
//!
//! Connections are kept for all plugins together, and one is used again only for a request that may reach the same
//! addresses (the pools are keyed by [`crate::grants::Reach`], then scheme, host and port). Authentication that is bound to a
//! connection instead of a request (NTLM) is therefore not to be used through it.

mod body;
mod client;
mod connector;
mod failure;
mod hooks;
mod outgoing;
mod placeholder;

pub use client::{HttpClient, HttpClientConfig, HttpClientError};
pub use hooks::Hooks;
pub use placeholder::{NoPlaceholders, Placeholders};

#[cfg(test)]
mod tests;
