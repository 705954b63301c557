//! The reader and the schema know the same keys, and nothing an operator writes makes either panic.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use greentic_diagnostics::{Report, Source};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limits::{Limits, PluginLimits, QuotaLimits};
use crate::shape::Kind;

fn lookup(name: &str) -> Option<String> {
    (name == "ADMIN_TOKEN").then(|| "t0ken".to_owned())
}

/// The complete bundle with every limit written out.
fn complete() -> String {
    let mut text = include_str!("../../tests/bundles/complete.yaml").to_owned();
    let line = |rows: &[crate::limits::Limit]| {
        rows.iter()
            .map(|row| format!("{}: {}", row.key, row.unit.show(row.default)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    text = text.replace(
        "{ memory: 32MiB }",
        &format!("{{ {} }}", line(PluginLimits::ROWS)),
    );
    text = text.replace(
        "{ memory: 16MiB }",
        &format!("{{ {} }}", line(PluginLimits::ROWS)),
    );
    text = text.replace(
        "{ burst: 10 }",
        &format!("{{ {} }}", line(QuotaLimits::ROWS)),
    );
    text.push_str("limits:\n");
    let mut group = "";
    for (row, value) in Limits::default().rows() {
        if row.group != group {
            group = row.group;
            writeln!(text, "  {group}:").unwrap();
        }
        writeln!(text, "    {}: {}", row.key, row.unit.show(value)).unwrap();
    }
    text
}

fn keys_of(shape: &'static Shape, into: &mut BTreeSet<String>) {
    for field in shape.fields {
        let new = into.insert(format!("{}.{}", shape.name, field.key));
        if let (true, Kind::Table(inner) | Kind::Named(inner) | Kind::Tables(inner)) =
            (new, field.kind)
        {
            keys_of(inner, into);
        }
    }
}

#[test]
fn the_reader_asks_for_exactly_the_keys_that_are_declared() {
    let source = Source::new("complete.yaml", complete());
    let report = Report::new(&source);
    let seen = with_context(&report, Path::new("/b"), &lookup, |root, ctx| {
        let bundle = top::read(root, ctx);
        assert!(bundle.is_some());
        assert_eq!(
            ctx.undeclared.borrow().clone(),
            BTreeSet::new(),
            "asked for, but not declared as such"
        );
        Some(ctx.asked.borrow().clone())
    });
    let found = report.into_diagnostics();
    assert!(found.is_empty(), "{found}");
    let mut declared = BTreeSet::new();
    keys_of(BUNDLE, &mut declared);
    assert_eq!(seen.unwrap(), declared);
}

fn as_json() -> Value {
    greentic_diagnostics::yaml::parse(&Source::new("complete.yaml", complete()))
        .unwrap()
        .to_json()
}

fn refused_by_reader(value: &Value) -> bool {
    let source = Source::new("bundle.json", value.to_string());
    let report = Report::new(&source);
    bundle(&report, Path::new("/b"), &lookup);
    report.has_errors()
}

/// Every table of a value, as a JSON pointer, with its shape.
fn tables(value: &Value, shape: &'static Shape, at: &str, out: &mut Vec<(String, &'static Shape)>) {
    out.push((at.to_owned(), shape));
    for field in shape.fields {
        let Some(inner) = value.get(field.key) else {
            continue;
        };
        let here = format!("{at}/{}", field.key);
        match field.kind {
            Kind::Table(shape) => tables(inner, shape, &here, out),
            Kind::Named(shape) => {
                for (name, entry) in inner.as_object().unwrap() {
                    tables(entry, shape, &format!("{here}/{name}"), out);
                }
            }
            Kind::Tables(shape) => {
                for (index, entry) in inner.as_array().unwrap().iter().enumerate() {
                    tables(entry, shape, &format!("{here}/{index}"), out);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn reader_and_schema_accept_and_refuse_the_same_keys() {
    let schema = jsonschema::draft202012::new(&crate::schema()).unwrap();
    let good = as_json();
    assert_eq!(
        schema.validate(&good).map_err(|fault| fault.to_string()),
        Ok(())
    );
    assert!(!refused_by_reader(&good));
    let mut places = Vec::new();
    tables(&good, BUNDLE, "", &mut places);
    assert!(places.len() > 40, "{}", places.len());
    for (at, shape) in places {
        let mut bad = good.clone();
        bad.pointer_mut(&at)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .insert("zzz".to_owned(), json!(1));
        assert!(
            !schema.is_valid(&bad) && refused_by_reader(&bad),
            "unknown key at `{at}`"
        );
        for field in shape.fields {
            let mut changed = good.clone();
            let table = changed.pointer_mut(&at).unwrap().as_object_mut().unwrap();
            if table.remove(field.key).is_some() && field.required {
                assert!(
                    !schema.is_valid(&changed) && refused_by_reader(&changed),
                    "`{at}` without `{}`",
                    field.key
                );
            }
            // A list of lists fits no key at all.
            let mut changed = good.clone();
            let table = changed.pointer_mut(&at).unwrap().as_object_mut().unwrap();
            if table.contains_key(field.key) {
                table.insert(field.key.to_owned(), json!([[]]));
                assert!(
                    !schema.is_valid(&changed) && refused_by_reader(&changed),
                    "wrong type at `{at}/{}`",
                    field.key
                );
            }
        }
    }
}

#[test]
fn every_key_of_the_schema_has_a_description() {
    fn look(value: &Value) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                let text = property
                    .get("description")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                assert!(text.ends_with('.') || text.ends_with('1'), "{key}: {text}");
            }
        }
        for inner in value
            .get("$defs")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            look(inner.1);
        }
    }
    look(&crate::schema());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_damage_to_a_bundle_makes_the_reader_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, 0usize..12), 1..6),
    ) {
        let pieces = ["", "\n", ": ", "[", "{", "}", "\"", "${", "*", "é", "- ", "null"];
        let mut text: Vec<char> = include_str!("../../tests/bundles/complete.yaml").chars().collect();
        for (at, length, piece) in cuts {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, pieces[piece].chars());
        }
        let source = Source::new("damaged.yaml", text.into_iter().collect::<String>());
        let report = Report::new(&source);
        let read = bundle(&report, Path::new("/b"), &lookup);
        prop_assert!(read.is_some() || report.has_errors(), "refused without a reason");
        for one in &report.into_diagnostics() {
            prop_assert!(one.span.is_some());
            drop(one.render(false));
        }
    }

    #[test]
    fn no_value_under_any_key_makes_the_reader_panic(
        key in "(version|env|listen|admin|trust|plugins|use|packs|limits|tenants|cache|telemetry)",
        value in "[a-z0-9/.:*@${}\\[\\], -]{0,24}",
    ) {
        let source = Source::new("odd.yaml", format!("{key}: {value}\n"));
        let report = Report::new(&source);
        prop_assert!(bundle(&report, Path::new("/b"), &lookup).is_none());
        prop_assert!(report.has_errors());
    }
}
