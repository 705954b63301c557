//! What the tree promises: places, bounds, and that no text panics.

use proptest::prelude::*;

use super::build::*;
use super::*;
use crate::{Report, Source};

fn tree(text: &str) -> Node {
    parse(&Source::new("t", text)).unwrap()
}

fn faults(text: &str) -> String {
    parse(&Source::new("t", text)).unwrap_err().to_string()
}

fn place(node: &Node) -> (usize, usize, usize, usize) {
    (
        node.span.start.line,
        node.span.start.column,
        node.span.end.line,
        node.span.end.column,
    )
}

#[test]
fn keys_and_values_know_their_places() {
    let root = tree("a: 1\ntable:\n  é: \"x y\"\n  list: [1, two]\nempty:\n\n# end\n");
    assert_eq!(place(&root), (1, 1, 5, 6));
    assert_eq!(place(root.get("a").unwrap()), (1, 4, 1, 5));
    let table = root.get("table").unwrap();
    assert_eq!(place(table), (3, 3, 4, 17));
    assert_eq!(place(table.get("é").unwrap()), (3, 6, 3, 11));
    assert_eq!(place(table.get("list").unwrap()), (4, 9, 4, 17));
    assert_eq!(
        place(&table.get("list").unwrap().as_sequence().unwrap()[1]),
        (4, 13, 4, 16)
    );
    assert_eq!(
        place(root.get("empty").unwrap()),
        (5, 1, 5, 6),
        "a missing value is at its key"
    );
    let entry = root.as_mapping().unwrap().get("table").unwrap();
    assert_eq!(
        (entry.key_span.start.line, entry.key_span.end.column),
        (2, 6)
    );
}

#[test]
fn a_block_text_ends_with_its_last_line() {
    let root = tree("text: |\n  one\n  two\n\nnext: 1\n");
    assert_eq!(root.get("text").unwrap().as_str(), Some("one\ntwo\n"));
    assert_eq!(root.get("text").unwrap().span.end.line, 3);
}

#[test]
fn json_is_read_and_written_back() {
    let text = r#"{"a": [1, 2.5, null, true], "b": {"c": "x\n"}, "d": "1"}"#;
    assert_eq!(
        tree(text).to_json(),
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    );
}

#[test]
fn aliases_repeat_values() {
    let root = tree("a: &x { k: [1] }\nb: *x\n");
    assert_eq!(root.get("a"), root.get("b"));
    assert_eq!(
        root.get("b").unwrap().span.start.line,
        1,
        "an alias points at what was written out"
    );
}

#[test]
fn faults_have_places() {
    for (text, expected) in [
        (
            "a: 1\nb: 2\na: 3\n",
            "t:3:1: error[duplicate-key]: the key `a` stands here twice",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "t:2:1: error[second-document]: a second document begins here",
        ),
        (
            "a: &x [*x]\n",
            "t:1:8: error[alias-loop]: this alias stands inside the value it repeats",
        ),
        (
            "? [a]\n: 1\n",
            "t:1:3: error[key-not-scalar]: a key must be a single word or text, not a list or a table",
        ),
        (
            "a: {{ x }}\n",
            "t:1:5: error[key-not-scalar]: a key must be a single word or text, not a list or a table",
        ),
        (
            "a: &x 1\n*x : 2\n",
            "t:2:1: error[key-not-scalar]: a key must be written out, not be an alias",
        ),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            "t:3:3: error[merge-key]: merge keys (`<<`) are not part of YAML 1.2",
        ),
        (
            "a: .inf\n",
            "t:1:4: error[not-finite]: `.inf` is not a finite number",
        ),
        (
            "é: !secret x\n",
            "t:1:4: error[unknown-tag]: the tag `!secret` has no meaning here",
        ),
    ] {
        assert_eq!(faults(text), expected, "{text}");
    }
    assert!(
        faults("a: [1\nb: 2\n").starts_with("t:2:"),
        "{}",
        faults("a: [1\nb: 2\n")
    );
    assert!(
        faults("a: *nobody\n").starts_with("t:1:4: error[syntax]"),
        "{}",
        faults("a: *nobody\n")
    );
}

#[test]
fn a_small_text_cannot_unfold_into_a_large_tree() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let before = format!("*a{}", level - 1);
        text.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            vec![before; 10].join(", ")
        ));
    }
    assert!(
        faults(&text).contains("more than 500000 values"),
        "{}",
        faults(&text)
    );
}

#[test]
fn depth_is_bounded_with_and_without_aliases() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(&Source::new("t", nested(MAX_DEPTH))).is_ok());
    assert!(faults(&nested(MAX_DEPTH + 1)).contains("too-deep"));
    assert!(!faults(&nested(100_000)).is_empty());
    let mut text = format!("a0: &a0 {}\n", nested(40));
    text.push_str("b: [[[[[[[[[[[[[[[[[[[[[[[[[ *a0 ]]]]]]]]]]]]]]]]]]]]]]]]]\n");
    assert!(faults(&text).contains("too-deep"), "{}", faults(&text));
}

#[test]
fn a_duplicate_key_does_not_hide_the_tree() {
    let source = Source::new("t", "a: 1\na: 2\nb: 3\n");
    let report = Report::new(&source);
    assert!(read(&report).unwrap().get("b").is_some());
    assert_eq!(report.count(), 1);
}

proptest! {
    #[test]
    fn no_text_panics_and_places_lie_inside(text in "[-a:é \\[\\]{}&*!|>'\"#,?\n\r\t%@0.<~]{0,80}") {
        let source = Source::new("t", text);
        match parse(&source) {
            Ok(node) => {
                prop_assert!(node.span.end.offset <= source.text().len());
                drop(node.to_json());
            }
            Err(found) => {
                for one in &found {
                    let span = one.span.unwrap();
                    prop_assert!(source.text().is_char_boundary(span.start.offset));
                    prop_assert!(span.end.offset <= source.text().len());
                    drop(one.render(false));
                }
            }
        }
    }

    #[test]
    fn json_trees_survive(value in json()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(tree(&text).to_json(), value);
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "[ -~é\n]{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
