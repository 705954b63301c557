use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Algorithm, Expected, Refused, Token, check, key};
use crate::testing::keys;

const NOW: u64 = 1_800_000_000;
const SKEW: u64 = 300;

fn claims() -> Value {
    json!({
        "serviceurl": "https://smba.trafficmanager.net/amer/", "nbf": NOW - 60, "exp": NOW + 3540,
        "iss": "https://api.botframework.com", "aud": "app"
    })
}

fn verify_at(token: &str, now: u64) -> Result<Option<String>, Refused> {
    let (n, e) = keys::public(0);
    let expected = Expected {
        issuer: "https://api.botframework.com",
        audience: "app",
        now_ms: now * 1000,
        skew_ms: SKEW * 1000,
    };
    let authorization = format!("Bearer {token}");
    Token::parse(&authorization)?
        .verify(&n, &e, &expected)
        .map(|claims| claims.serviceurl)
}

fn verify(token: &str) -> Result<Option<String>, Refused> {
    verify_at(token, NOW)
}

fn with(changes: Value) -> String {
    let mut all = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    keys::sign(0, &keys::header("k"), &all)
}

#[test]
fn the_example_of_rfc_7515_appendix_a_2_is_signed_by_its_key() {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let signed = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let signature =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature)
            .unwrap();
    let by = |algorithm, signed: &str, signature: &[u8]| {
        check(
            algorithm,
            key(n, "AQAB").unwrap(),
            signed.as_bytes(),
            signature,
        )
    };
    assert_eq!(by(Algorithm::Rs256, signed, &signature), Ok(()));
    assert_eq!(
        by(Algorithm::Rs384, signed, &signature),
        Err(Refused::Signature)
    );
    assert_eq!(
        by(
            Algorithm::Rs256,
            &signed.replace("joe", "moe")[1..],
            &signature
        ),
        Err(Refused::Signature)
    );
}

#[test]
fn a_token_is_taken_by_each_of_the_three_algorithms() {
    for alg in ["RS256", "RS384", "RS512"] {
        let token = keys::sign(0, &json!({"alg": alg, "kid": "k"}), &claims());
        assert_eq!(
            verify(&token),
            Ok(Some("https://smba.trafficmanager.net/amer/".into())),
            "{alg}"
        );
    }
}

#[test]
fn an_algorithm_that_is_not_in_the_list_is_refused_whatever_the_signature_is() {
    for alg in [
        "none", "None", "HS256", "HS512", "ES256", "PS256", "rs256", "",
    ] {
        let token = keys::sign(0, &json!({"alg": alg, "kid": "k"}), &claims());
        assert_eq!(verify(&token), Err(Refused::Algorithm), "{alg}");
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(
            verify(&format!("{signed}.")),
            Err(Refused::Algorithm),
            "{alg}, unsigned"
        );
    }
    // The algorithm of the header is under the signature: another one of the list does not fit it.
    let token = keys::sign(0, &keys::header("k"), &claims());
    let other = keys::sign(0, &json!({"alg": "RS512", "kid": "k"}), &claims());
    let (signed, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(
        verify(&format!("{signed}.{signature}")),
        Err(Refused::Signature)
    );
    // An extension that has to be understood is not.
    let critical = json!({"alg": "RS256", "kid": "k", "crit": ["exp"]});
    assert_eq!(
        verify(&keys::sign(0, &critical, &claims())),
        Err(Refused::Algorithm)
    );
}

#[test]
fn what_is_signed_by_another_key_or_altered_or_cut_is_refused() {
    let token = keys::sign(0, &keys::header("k"), &claims());
    assert_eq!(
        verify(&keys::sign(1, &keys::header("k"), &claims())),
        Err(Refused::Signature)
    );
    let parts: Vec<_> = token.split('.').collect();
    let other = keys::sign(
        0,
        &keys::header("k"),
        &json!({"iss": "x", "aud": "app", "exp": 1}),
    );
    let foreign: Vec<_> = other.split('.').collect();
    assert_eq!(
        verify(&format!("{}.{}.{}", parts[0], foreign[1], parts[2])),
        Err(Refused::Signature),
        "the claims of another token"
    );
    for cut in 1..token.len() {
        assert!(verify(&token[..cut]).is_err(), "cut after {cut}");
    }
    assert_eq!(
        verify(&format!("{token}=")),
        Err(Refused::Malformed),
        "padding"
    );
    assert!(verify(&format!("{token}A")).is_err(), "longer");
    assert_eq!(verify(&"a".repeat(9000)), Err(Refused::Malformed));
}

#[test]
fn each_claim_is_compared() {
    for (changes, refused) in [
        (json!({"iss": "https://evil.example"}), Refused::Issuer),
        (
            json!({"iss": "https://api.botframework.com/"}),
            Refused::Issuer,
        ),
        (json!({"iss": null}), Refused::Malformed),
        (json!({"aud": "another app"}), Refused::Audience),
        (json!({"aud": ""}), Refused::Audience),
        (json!({"aud": null}), Refused::Malformed),
        (json!({"aud": ["app", "other"]}), Refused::Malformed),
        (json!({"exp": NOW - SKEW}), Refused::Expired),
        (json!({"exp": 0}), Refused::Expired),
        (json!({"exp": null}), Refused::Malformed),
        (json!({"exp": "never"}), Refused::Malformed),
        (json!({"exp": -1}), Refused::Malformed),
        (json!({"nbf": NOW + SKEW + 1}), Refused::Early),
        (json!({"nbf": u64::MAX}), Refused::Early),
    ] {
        assert_eq!(verify(&with(changes.clone())), Err(refused), "{changes}");
    }
    for changes in [
        json!({"exp": NOW - SKEW + 1}),
        json!({"nbf": NOW + SKEW}),
        json!({"nbf": null}),
        json!({"exp": u64::MAX}),
        json!({"unheard-of": {"a": 1}}),
    ] {
        assert!(verify(&with(changes.clone())).is_ok(), "{changes}");
    }
    assert_eq!(verify(&with(json!({"serviceurl": null}))), Ok(None));
}

#[test]
fn a_token_lives_from_its_beginning_to_its_end_and_five_minutes_on_either_side() {
    let token = keys::sign(0, &keys::header("k"), &claims());
    for (now, outcome) in [
        (NOW - 60 - SKEW - 1, Some(Refused::Early)),
        (NOW - 60 - SKEW, None),
        (NOW + 3540 + SKEW - 1, None),
        (NOW + 3540 + SKEW, Some(Refused::Expired)),
    ] {
        assert_eq!(verify_at(&token, now).err(), outcome, "{now}");
    }
}

#[test]
fn only_a_bearer_token_in_three_parts_is_read() {
    let token = keys::sign(0, &keys::header("k"), &claims());
    for (authorization, refused) in [
        (String::new(), Refused::Missing),
        (token.clone(), Refused::Missing),
        (format!("Basic {token}"), Refused::Missing),
        ("Bearer ".into(), Refused::Malformed),
        ("Bearer a.b".into(), Refused::Malformed),
        ("Bearer ..".into(), Refused::Malformed),
        ("Bearer e30.e30.".into(), Refused::Malformed),
        (format!("Bearer  {token}"), Refused::Malformed),
        (format!("Bearer {token}.x"), Refused::Malformed),
    ] {
        assert_eq!(
            Token::parse(&authorization).err(),
            Some(refused),
            "{authorization:.20}"
        );
    }
    assert!(Token::parse(&format!("bearer {token}")).is_ok());
}

#[test]
fn a_key_of_the_wrong_size_or_shape_verifies_nothing() {
    let (n, e) = keys::public(0);
    for (modulus, exponent) in [
        ("", "AQAB"),
        ("AQAB", "AQAB"),
        (&n[..170], "AQAB"),
        (n.as_str(), ""),
        (n.as_str(), "AQ"),
        (n.as_str(), "Ag"),
        (n.as_str(), "A"),
        (n.as_str(), n.as_str()),
        ("!", e.as_str()),
    ] {
        assert_eq!(
            key(modulus, exponent).err(),
            Some(Refused::Key),
            "{modulus:.8} {exponent:.8}"
        );
    }
    assert_eq!(key(&n.repeat(8), &e).err(), Some(Refused::Key));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fall(text in "(Bearer )?[A-Za-z0-9_.=+/ -]{0,200}") {
        let _ = Token::parse(&text);
    }

    #[test]
    fn a_token_with_one_character_changed_is_never_taken(at in 0_usize..600, to in "[A-Za-z0-9_.-]") {
        let token = keys::sign(0, &keys::header("k"), &claims());
        let at = at % token.len();
        let mut altered = token.clone();
        altered.replace_range(at..=at, &to);
        // The last character of a part carries bits that belong to no byte; the decoder takes none but zeros there.
        prop_assert!(altered == token || verify(&altered).is_err());
    }
}
