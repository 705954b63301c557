//! The DSSE envelope (Dead Simple Signing Envelope, version 1) around the statement.
//!
//! What is signed is the pre-authentication encoding of payload type and payload, so a signature made for another kind
//! of document never passes for a pack. `keyid` is the key's fingerprint; unlike in plain DSSE it is required, because
//! it says which key of the ring is asked, and signatures stand in its order. The envelope has one written form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use serde::{Deserialize, Serialize};

use crate::keys::fingerprint;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// The payload type of a pack's statement.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.greentic.pack-statement.v1+json";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WrittenSignature>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSignature {
    keyid: String,
    sig: String,
}

/// A well-formed envelope. Nothing in it has been verified.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    pub(crate) payload: Vec<u8>,
    pub(crate) signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Clone)]
pub(crate) struct EnvelopeSignature {
    pub(crate) keyid: String,
    pub(crate) signature: Signature,
}

impl Envelope {
    /// An envelope nobody has signed yet.
    pub(crate) fn around(payload: Vec<u8>) -> Self {
        Self {
            payload,
            signatures: Vec::new(),
        }
    }

    /// Adds a signature; one of the same key is replaced.
    pub(crate) fn sign(&mut self, key: &SigningKey) {
        let keyid = fingerprint(&key.verifying_key());
        let signature = key.sign(&self.signed_bytes());
        self.signatures.retain(|other| other.keyid != keyid);
        self.signatures.push(EnvelopeSignature { keyid, signature });
        self.signatures
            .sort_by(|one, other| one.keyid.cmp(&other.keyid));
    }

    /// The bytes that are signed.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(PAYLOAD_TYPE, &self.payload)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let written = Written {
            payload: STANDARD.encode(&self.payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: self
                .signatures
                .iter()
                .map(|one| WrittenSignature {
                    keyid: one.keyid.clone(),
                    sig: STANDARD.encode(one.signature.to_bytes()),
                })
                .collect(),
        };
        // Strings in vectors: there is no way to fail, and an empty envelope would be refused on reading.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, Refusal> {
        let bad = |reason: String| Refusal::BadEnvelope { reason };
        let written: Written =
            serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if written.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::ForeignPayload {
                found: written.payload_type.chars().take(100).collect(),
            });
        }
        if written.signatures.is_empty() {
            return Err(bad("it has no signature".to_owned()));
        }
        if written.signatures.len() > limits.signatures {
            return Err(Refusal::TooManySignatures {
                limit: limits.signatures,
            });
        }
        let payload = STANDARD
            .decode(&written.payload)
            .map_err(|_| bad("its payload is not base64".to_owned()))?;
        let mut signatures: Vec<EnvelopeSignature> = Vec::with_capacity(written.signatures.len());
        for one in &written.signatures {
            if signatures
                .last()
                .is_some_and(|last| last.keyid >= one.keyid)
            {
                return Err(Refusal::SignatureOrder);
            }
            let hex = one.keyid.strip_prefix("sha256:").unwrap_or_default();
            if hex.len() != 64
                || !hex
                    .bytes()
                    .all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
            {
                return Err(bad("a keyid is not the fingerprint of a key".to_owned()));
            }
            let signature = STANDARD
                .decode(&one.sig)
                .ok()
                .and_then(|raw| Signature::from_slice(&raw).ok())
                .ok_or_else(|| bad("a signature is not base64 of 64 bytes".to_owned()))?;
            signatures.push(EnvelopeSignature {
                keyid: one.keyid.clone(),
                signature,
            });
        }
        let envelope = Self {
            payload,
            signatures,
        };
        if envelope.encode() == bytes {
            Ok(envelope)
        } else {
            Err(bad("it is not in canonical form".to_owned()))
        }
    }
}

/// `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, lengths in decimal (DSSE protocol, version 1).
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_protocol_s_test_vector() {
        assert_eq!(
            pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn signatures_stand_in_order_of_key_whoever_signed_first() {
        let (one, two) = (
            SigningKey::from_bytes(&[1; 32]),
            SigningKey::from_bytes(&[2; 32]),
        );
        let mut forth = Envelope::around(b"x".to_vec());
        forth.sign(&one);
        forth.sign(&two);
        forth.sign(&one);
        let mut back = Envelope::around(b"x".to_vec());
        back.sign(&two);
        back.sign(&one);
        assert_eq!(forth.encode(), back.encode());
        assert_eq!(
            Envelope::decode(&forth.encode(), &Limits::default())
                .unwrap()
                .signatures
                .len(),
            2
        );
    }
}
