//! Microsoft's two login services: the one whose keys sign what the bot is told, and the one that gives the bot its access token.
//!
//! The Bot Framework's documentation of authentication: OpenID metadata, a key set with endorsements, tokens signed with RS256.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, PrivateKey};
use serde_json::{Value, json};
use sha2::Sha256;

use super::super::{Answer, Call, Desk, Signing, Webhook};

/// The bot's app id.
pub const APP: &str = "b07a9f6e-0001-4000-8000-0000000000b0";
/// The tenant everybody belongs to.
pub const TENANT: &str = "7e4a47aa-0001-4000-8000-000000000007";
/// The bot's client secret.
pub const SECRET: &str = "simulated~client.secret";
/// Who issues what the bot is told.
pub const ISSUER: &str = "https://api.botframework.com";
/// What an access token has to be asked for.
const SCOPE: &str = "https://api.botframework.com/.default";
/// Life of a token, in seconds.
const LIFE_S: u64 = 3600;
/// Tolerance that a bot grants, in milliseconds.
const SKEW_MS: u64 = 300_000;

/// Primes of three keys that exist for simulations only: two of the platform's, and a stranger's.
const PRIMES: [[&str; 2]; 3] = [
    [
        "-9B1vAyi1mvtQGaGT1FifATGNwqYm7BhpyJd2vFflgRGDd1NKwzISiaH6fe2WeZn9MXMoBWtAZ7hXugyGsRFosOb6cUD2X6ADuJouMWBtm9xwg0U-ntlwtdtXZJ-EzUk8WpUXTl2xs_O4efh8vg2YLV-_bVxGGGnH55jEUb6VTU",
        "5fRqEzOT1qC1MSkoM364CzypSaubo1YzeQrEJoRCVGryvmGfiXZd0npEs0g4gDyrjFw1duzyX-6r6ZH8n884EQWsxZgd3fl1H0uZrjN4kPYZanaG9wEYdqa4VKsTENppE--44A9xMWfnrPPyqBSDamuBf9n94ra177_-NmVcANc",
    ],
    [
        "3cEmd2MCafkbD3uMbymQ7B6l7y0NmId55cK3kkCSlnOUF_iLxNzeDAYx9F_wOvMbAqCdbH7-Xwkb3A6sMA427VpbI8LlVafxNi2Gj-WEcZ7TML5_AjA2oLUe-z1VFr5EcEcR867BfeslIAFgPDg7HxRshe9ytZ8RxGR-1I2fNBs",
        "u1C3q2zK_SByeToni08kD5BJ7AEteyYjiAtt7vpbdca-0-g6vjX_KjKRmINqZeyNml_3oC-W5cCHeFfK-5oahYJbcWlnEj8m9oeGcruqnbLqhEse1qXxOKqxXAjX2Cs3ZRiw-XSI0S8HLSOphVn3t8bB-IcydErb7EM2zeehwIM",
    ],
    [
        "1VWWjk1Bfh-u3ObgrJTDYWLMmNUx1ZXfsOyv5HIETiBiIeOjR8XOahXeFFxwYE9TlP6FASiqXmE3fTUYZPcGibk9OD4kRSx5jBlaEJHyAkhySwGqfnASi5TX0yqJeIDlffQNe0DiI-KUBtMjr0K0LqfBJ3JGe8gC3UsNckSzbwM",
        "zTOewBUk4fXT3xoGHEZgbVdDLuEJBIRtf33S1qgTTUWvH40LTatp9lKnfCuURSdo7jkKqvdHJDkesbbeScmykrKKubLaC6QiZBw71aanPWhyNDndr3hxO9xIFItgyyXvrwvUbtgnAVKaaUrBsPQ684G6rWGM5gOfplcVh9q_GyU",
    ],
];

/// Whose key.
#[derive(Clone, Copy)]
enum Whose {
    /// The one that signs for Teams.
    Current = 0,
    /// One of the set that is endorsed for another channel only.
    Unendorsed = 1,
    /// Not of the set.
    Stranger = 2,
}

fn key(whose: Whose) -> Option<&'static PrivateKey> {
    static KEYS: OnceLock<Vec<PrivateKey>> = OnceLock::new();
    let number = |text: &str| Some(BoxedUint::from_be_slice_vartime(&BASE64.decode(text).ok()?));
    let keys = KEYS.get_or_init(|| {
        let make = |[p, q]: &[&str; 2]| {
            PrivateKey::from_p_q(number(p)?, number(q)?, BoxedUint::from(65537_u64)).ok()
        };
        PRIMES.iter().filter_map(make).collect()
    });
    keys.get(whose as usize)
}

/// What the login services remember.
#[derive(Default)]
pub struct Identity {
    /// How often the platform changed its key.
    rotations: u32,
    /// Access tokens that were given, with their ends.
    tokens: Vec<(String, u64)>,
}

impl Identity {
    fn kid(&self, whose: Whose) -> String {
        match whose {
            Whose::Current => format!("signing-{}", self.rotations),
            Whose::Unendorsed => "webchat-only".into(),
            Whose::Stranger => "stranger".into(),
        }
    }

    /// The platform signs with a key of a new name from now on.
    pub fn rotate(&mut self) {
        self.rotations += 1;
    }

    /// The metadata of the keys (`/v1/.well-known/openidconfiguration`).
    pub fn metadata(origin: &str) -> Answer {
        Answer::json(
            200,
            &json!({
                "issuer": ISSUER,
                "authorization_endpoint": "https://invalid.botframework.com",
                "jwks_uri": format!("{origin}/v1/.well-known/keys"),
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"]
            }),
        )
    }

    /// The key set.
    pub fn keys(&self) -> Answer {
        let jwk = |whose, endorsements: &[&str]| {
            let key = key(whose)?;
            let kid = self.kid(whose);
            Some(json!({
                "kty": "RSA", "use": "sig", "kid": kid, "x5t": kid,
                "n": BASE64.encode(key.n().to_be_bytes_trimmed_vartime()),
                "e": BASE64.encode(key.e().to_be_bytes_trimmed_vartime()),
                "x5c": ["MIIB"],
                "endorsements": endorsements
            }))
        };
        let keys = [
            jwk(Whose::Unendorsed, &["webchat", "directline"]),
            jwk(Whose::Current, &["msteams", "skype", "emulator"]),
        ];
        let keys: Vec<_> = keys.into_iter().flatten().collect();
        Answer::json(200, &json!({ "keys": keys }))
    }

    /// Signs a webhook that names `service_url` in its body.
    pub fn sign(&self, webhook: &mut Webhook, signing: Signing, now_ms: u64, service_url: &str) {
        let at = now_ms.saturating_add_signed(signing.clock_offset_ms()) / 1000;
        let special = match signing {
            Signing::Special(name) => name,
            _ => "",
        };
        let mut claims = json!({
            "serviceurl": service_url, "nbf": at, "exp": at + LIFE_S, "iss": ISSUER, "aud": APP
        });
        let changed = match special {
            "wrong-audience" => Some(("aud", json!("00000000-0000-0000-0000-000000000000"))),
            "wrong-issuer" => Some(("iss", json!(format!("https://sts.windows.net/{TENANT}/")))),
            "wrong-service-url" => {
                Some(("serviceurl", json!("https://smba.trafficmanager.net/amer/")))
            }
            "no-service-url" => Some(("serviceurl", Value::Null)),
            _ => None,
        };
        if let (Some((name, value)), Some(fields)) = (changed, claims.as_object_mut()) {
            fields.insert(name.into(), value);
        }
        let (whose, kid) = match (signing, special) {
            // Under the platform's own name.
            (Signing::OtherKey, _) => (Whose::Stranger, self.kid(Whose::Current)),
            (_, "unknown-key") => (Whose::Stranger, self.kid(Whose::Stranger)),
            (_, "unendorsed-key") => (Whose::Unendorsed, self.kid(Whose::Unendorsed)),
            _ => (Whose::Current, self.kid(Whose::Current)),
        };
        let algorithm = match special {
            "no-algorithm" => "none",
            "shared-secret-algorithm" => "HS256",
            _ => "RS256",
        };
        let token = token(whose, algorithm, &kid, &claims);
        match signing {
            Signing::Missing => {}
            Signing::Garbage => webhook.set("authorization", "Bearer nothing"),
            Signing::EmptyKey => webhook.set("authorization", "Bearer "),
            Signing::Truncated => {
                let cut = token.len().saturating_sub(40);
                let token = token.get(..cut).unwrap_or_default();
                webhook.set("authorization", format!("Bearer {token}"));
            }
            _ => webhook.set("authorization", format!("Bearer {token}")),
        }
    }

    /// Every wrong way that must be noticed. The body is not under the signature.
    pub fn forgeries() -> Vec<Signing> {
        let beyond = SKEW_MS + 5_000;
        vec![
            Signing::Missing,
            Signing::Garbage,
            Signing::Truncated,
            Signing::OtherKey,
            Signing::EmptyKey,
            Signing::Old(LIFE_S * 1000 + beyond),
            Signing::Ahead(beyond),
            Signing::Special("wrong-audience"),
            Signing::Special("wrong-issuer"),
            Signing::Special("wrong-service-url"),
            Signing::Special("no-service-url"),
            Signing::Special("unknown-key"),
            Signing::Special("unendorsed-key"),
            Signing::Special("no-algorithm"),
            Signing::Special("shared-secret-algorithm"),
        ]
    }

    /// The token endpoint of Entra (client credentials).
    pub fn grant(&mut self, desk: &Desk, tenant: &str, call: &Call) -> Answer {
        let form = call.form();
        let field = |name: &str| {
            let found = form.iter().find(|(other, _)| other == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let deny = |status, error: &str, code: u32, text: &str| {
            desk.violation("token-request", text.to_owned());
            Answer::json(
                status,
                &json!({"error": error, "error_description": format!("AADSTS{code}: {text}"), "error_codes": [code]}),
            )
        };
        if tenant != TENANT {
            return deny(400, "invalid_request", 90002, "Tenant not found.");
        }
        if field("grant_type") != "client_credentials" {
            return deny(
                400,
                "unsupported_grant_type",
                70003,
                "The grant type is not supported.",
            );
        }
        if field("client_id") != APP {
            return deny(
                400,
                "unauthorized_client",
                700_016,
                "Application was not found.",
            );
        }
        if field("client_secret") != SECRET {
            return deny(
                401,
                "invalid_client",
                7_000_215,
                "Invalid client secret provided.",
            );
        }
        if field("scope") != SCOPE {
            return deny(
                400,
                "invalid_scope",
                70011,
                "The provided value for scope is not valid.",
            );
        }
        let token = format!("eyJ.simulated-access-{}", self.tokens.len() + 1);
        let ends = desk.now_ms().saturating_add(LIFE_S * 1000);
        self.tokens.push((token.clone(), ends));
        Answer::json(
            200,
            &json!({"token_type": "Bearer", "expires_in": LIFE_S, "ext_expires_in": LIFE_S, "access_token": token}),
        )
    }

    /// Whether a call carries a token that is still good.
    pub fn admits(&self, call: &Call, now_ms: u64) -> bool {
        call.bearer().is_some_and(|bearer| {
            self.tokens
                .iter()
                .any(|(token, ends)| token == bearer && now_ms < *ends)
        })
    }
}

fn token(whose: Whose, algorithm: &str, kid: &str, claims: &Value) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let header = json!({"alg": algorithm, "kid": kid, "typ": "JWT", "x5t": kid});
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = key(whose)
        .filter(|_| algorithm != "none")
        .map(|key| SigningKey::<Sha256>::new(key.clone()).sign(signed.as_bytes()))
        .map(|signature| signature.to_vec())
        .unwrap_or_default();
    format!("{signed}.{}", BASE64.encode(signature))
}
