//! Two signing keys that exist for tests only, and tokens signed with them.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PrivateKey};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

const PRIMES: [[&str; 2]; 2] = [
    [
        "-og-NpmnkP3QsY3lmMFwUEU2XvEx2hSD9bedTXC7fQz7Ifnk_qtrkFxRukrGPBxh2Nd5ZrEJbTTuDgtWw9V1sprXBgJ9mFKfZEYw94Klothot5ERoJ3Fkut_4PdQdhq5oH9ZQjqiUE7hIoku87zxzkBfM6ZlNnH7Q2CF-mBnENk",
        "3YqBmv2Cta0qxwzQ5RQscU5h4j5d_jpbQXGAIXRbBD5mOlLWI2XSQosiFV4AXAdWmHUIdqjbFX8E5ZPPeRfoV_pRihn-DthaDc0NHKpOI7Seqf4wY1Z_jPXRc75VICMw5ZWrcFt1ez1c9kd_iTMBciZhmu7gqoFeal8ReJGMu5U",
    ],
    [
        "43EfchR4cSUBgpCm23kjjhCiSB4VoyX55hqbXwInj5SohTANTXmGGE5Dg9mB3uu6MCknu_fruoirXdwssYNraM3GWrX-u7Rbw1hH3NMh1WyqvE5XG9-4aQm4ZVuBbAldNfsaRmQnbmnQbxH5KPq32xoySmctg8X3KqhR2saQxu8",
        "0jAls0Ig-Ymw0pKXfCbnqblZ9Q-1BCyBUKVXxNMkexUjdrBvRuYoo74ooOOy_motzabddrGcb6mjeuIAlVKFBY8m3fslkVGkgq4YmKoCos7b8aMr95XtJBSk1z1cQLUgAtX2tjaF-Pj0vmc2z3KgB66wwCllwqtJPvyc_Cz9wnM",
    ],
];

fn private(which: usize) -> &'static PrivateKey {
    static KEYS: OnceLock<Vec<PrivateKey>> = OnceLock::new();
    let number =
        |text: &str| BoxedUint::from_be_slice_vartime(&URL_SAFE_NO_PAD.decode(text).unwrap());
    &KEYS.get_or_init(|| {
        PRIMES
            .iter()
            .map(|[p, q]| {
                PrivateKey::from_p_q(number(p), number(q), BoxedUint::from(65537_u64)).unwrap()
            })
            .collect()
    })[which]
}

/// `n` and `e` of one of the two keys, as in a JSON Web Key.
pub fn public(which: usize) -> (String, String) {
    let key = private(which);
    (
        URL_SAFE_NO_PAD.encode(key.n().to_be_bytes_trimmed_vartime()),
        URL_SAFE_NO_PAD.encode(key.e().to_be_bytes_trimmed_vartime()),
    )
}

/// Signs a header and claims with one of the two keys, by the algorithm that the header names; RS256 where it names no RSA one.
pub fn sign(which: usize, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = private(which).clone();
    let message = signed.as_bytes();
    let signature = match header["alg"].as_str() {
        Some("RS384") => SigningKey::<Sha384>::new(key).sign(message).to_vec(),
        Some("RS512") => SigningKey::<Sha512>::new(key).sign(message).to_vec(),
        _ => SigningKey::<Sha256>::new(key).sign(message).to_vec(),
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An ordinary header for a key id.
pub fn header(kid: &str) -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": kid, "x5t": kid})
}
