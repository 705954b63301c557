//! Signing a pack that is built: only the envelope changes, every other byte stays.

use std::collections::BTreeMap;

use bytes::Bytes;
use ed25519_dalek::SigningKey;

use crate::archive::write_archive;
use crate::dsse::Envelope;
use crate::layout::{ENVELOPE, STATEMENT};
use crate::limits::Limits;
use crate::pack::Pack;
use crate::refusal::{Fault, PackError};
use crate::trust::{Keyring, Policy};

/// Adds a key's signature to a pack; signatures of other keys stay, so that a threshold can be met one by one.
///
/// The pack is read as a host would read it, except for trust: what is damaged is not signed.
///
/// # Errors
/// A [`PackError`] when the pack is not sound, or would have more signatures than a reader accepts.
pub fn sign(bytes: impl Into<Bytes>, key: &SigningKey) -> Result<Vec<u8>, PackError> {
    let limits = Limits::default();
    let pack = Pack::open(bytes, &Policy::allow_unsigned(Keyring::new()))?;
    let name = format!("{} {}", pack.id(), pack.version());
    let refused = |fault: Fault| fault.in_pack(&name);
    let mut files: BTreeMap<String, Bytes> = pack
        .paths()
        .filter_map(|path| Some((path.to_owned(), pack.file(path)?)))
        .collect();
    let mut envelope = match files.get(ENVELOPE) {
        Some(old) => Envelope::decode(old, &limits)
            .map_err(|refusal| refused(Fault::at(ENVELOPE, refusal)))?,
        None => Envelope::around(
            files
                .get(STATEMENT)
                .map(|bytes| bytes.to_vec())
                .unwrap_or_default(),
        ),
    };
    envelope.sign(key);
    let envelope = envelope.encode();
    Envelope::decode(&envelope, &limits)
        .map_err(|refusal| refused(Fault::at(ENVELOPE, refusal)))?;
    files.insert(ENVELOPE.to_owned(), envelope.into());
    write_archive(&files, &limits).map_err(refused)
}
