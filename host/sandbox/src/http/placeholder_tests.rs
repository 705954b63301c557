//! Finding placeholders and writing values in their place.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const A: &str = "gtsec_0123456789abcdef0123456789abcdef";
const B: &str = "gtsec_ffffffffffffffffffffffffffffffff";

struct Table(HashMap<&'static str, Vec<u8>>);

impl Placeholders for Table {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn resolve(&self, token: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.0.get(token).cloned().map(Zeroizing::new)
    }
}

fn table(value: &[u8]) -> Table {
    Table(HashMap::from([(A, value.to_vec())]))
}

fn replaced(text: &str, place: Place, value: &str) -> Option<String> {
    let out = replace(text.as_bytes(), place, &table(value.as_bytes())).unwrap();
    out.map(|out| String::from_utf8(out.to_vec()).unwrap())
}

#[test]
fn a_value_is_written_as_its_place_needs_it() {
    for (place, value, written) in [
        (Place::Plain, "a b\"&/%", "a b\"&/%"),
        (Place::Path, "123456:AAH-x_y", "123456:AAH-x_y"),
        (Place::Path, "../a?b#c%d e", "..%2Fa%3Fb%23c%25d%20e"),
        (Place::Query, "a&b=c+d/é", "a%26b%3Dc%2Bd%2F%C3%A9"),
        (
            Place::Json,
            "a\"b\\c\nd\u{1}é",
            "a\\\"b\\\\c\\u000Ad\\u0001é",
        ),
    ] {
        assert_eq!(
            replaced(&format!("<{A}>"), place, value).unwrap(),
            format!("<{written}>"),
            "{place:?}"
        );
    }
}

#[test]
fn every_known_placeholder_is_replaced_and_everything_else_stays() {
    assert_eq!(
        replaced(&format!("{A}{A} {B} gtsec_xyz {A}!"), Place::Plain, "v").unwrap(),
        format!("vv {B} gtsec_xyz v!")
    );
    assert_eq!(
        replaced(&format!("gtsec_{A}"), Place::Plain, "v").unwrap(),
        "gtsec_v"
    );
    assert_eq!(
        replaced(&format!("{B}{A}{B}"), Place::Plain, "v").unwrap(),
        format!("{B}v{B}")
    );
    for text in ["", "gtsec_", "plain", B, &A[..37], &A.to_uppercase()] {
        assert_eq!(replaced(text, Place::Plain, "v"), None, "{text}");
    }
}

#[test]
fn a_value_that_holds_a_placeholder_is_not_replaced_again() {
    assert_eq!(replaced(A, Place::Plain, A).unwrap(), A);
}

#[test]
fn a_value_that_is_no_text_does_not_go_into_json() {
    assert_eq!(
        replace(A.as_bytes(), Place::Json, &table(&[0xff])),
        Err(Unfit)
    );
}

#[test]
fn basic_credentials_are_replaced_inside_their_encoding() {
    let given = format!("basic {}", STANDARD.encode(format!("user:{A}")));
    assert!(credentials_hold_known(given.as_bytes(), &table(b"pass")));
    let out = replace_in_credentials(given.as_bytes(), &table(b"pass"))
        .unwrap()
        .unwrap();
    assert_eq!(
        out.as_slice(),
        format!("Basic {}", STANDARD.encode("user:pass")).as_bytes()
    );
    let bearer = replace_in_credentials(format!("Bearer {A}").as_bytes(), &table(b"t"))
        .unwrap()
        .unwrap();
    assert_eq!(bearer.as_slice(), b"Bearer t");
    assert!(!credentials_hold_known(
        b"Basic dXNlcjpwYXNz",
        &table(b"pass")
    ));
    assert!(!credentials_hold_known(
        format!("Bearer {B}").as_bytes(),
        &table(b"t")
    ));
}

proptest! {
    #[test]
    fn a_json_string_with_any_value_in_it_reads_back_as_that_value(value in ".{0,40}") {
        let body = replaced(&format!("\"{A}\""), Place::Json, &value).unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(&body).unwrap(), value);
    }

    #[test]
    fn text_without_a_placeholder_is_never_touched(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        if !looks_like_one(&text) {
            prop_assert_eq!(replace(&text, Place::Plain, &table(b"v")), Ok(None));
        }
    }
}
