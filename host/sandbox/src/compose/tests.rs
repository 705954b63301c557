//! Components here export functions that return a number made from what they import, so a wrong wire is a wrong number.

mod faults;

use super::*;
use crate::inspect::InterfaceName;
use std::fmt::Write as _;
use wasmtime::component::{Linker, Val};
use wasmtime::{Engine, Store};

/// A component that imports `f: func() -> u32` of each of `imports` and exports `f` as `export`, which returns `own` plus the sum
/// of what the imports return.
fn adder(imports: &[&str], export: &str, own: u32) -> Vec<u8> {
    let mut text = String::from("(component\n");
    for (index, import) in imports.iter().enumerate() {
        writeln!(
            text,
            "(import \"{import}\" (instance $i{index} (export \"f\" (func (result u32)))))
             (core func $l{index} (canon lower (func $i{index} \"f\")))"
        )
        .unwrap();
    }
    text.push_str("(core module $m\n");
    for index in 0..imports.len() {
        writeln!(
            text,
            "(import \"in\" \"f{index}\" (func $f{index} (result i32)))"
        )
        .unwrap();
    }
    writeln!(text, "(func (export \"f\") (result i32) i32.const {own}").unwrap();
    for index in 0..imports.len() {
        writeln!(text, "call $f{index} i32.add").unwrap();
    }
    text.push_str("))\n(core instance $c (instantiate $m (with \"in\" (instance\n");
    for index in 0..imports.len() {
        writeln!(text, "(export \"f{index}\" (func $l{index}))").unwrap();
    }
    writeln!(
        text,
        "))))
         (func $f (result u32) (canon lift (core func $c \"f\")))
         (instance $x (export \"f\" (func $f)))
         (export \"{export}\" (instance $x)))"
    )
    .unwrap();
    wat::parse_str(text).unwrap()
}

fn root_of(bytes: Vec<u8>) -> Root {
    let shape = Arc::new(Shape::of(&bytes).unwrap());
    Root {
        name: "root".into(),
        bytes: bytes.into(),
        shape,
        ambient: false,
    }
}

fn root(imports: &[&str]) -> Root {
    root_of(adder(imports, "acme:app/main@1.0.0", 1))
}

fn candidate_of(name: &str, bytes: Vec<u8>) -> Candidate {
    let shape = Arc::new(Shape::of(&bytes).unwrap());
    Candidate {
        name: name.into(),
        bytes: bytes.into(),
        shape,
        pure: true,
        force_link: false,
    }
}

fn candidate(name: &str, imports: &[&str], export: &str, own: u32) -> Candidate {
    candidate_of(name, adder(imports, export, own))
}

fn names(texts: &[&str]) -> Vec<InterfaceName> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// What the composed component answers, with `carried` returning a number for each import that is left.
fn answer(composition: &Composition, carried: &[(&str, u32)]) -> u32 {
    let engine = Engine::default();
    let component =
        wasmtime::component::Component::from_binary(&engine, &composition.bytes).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    for (name, number) in carried {
        let number = *number;
        linker
            .instance(name)
            .unwrap()
            .func_wrap("f", move |_, (): ()| Ok((number,)))
            .unwrap();
    }
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let export = instance
        .get_export_index(&mut store, None, "acme:app/main@1.0.0")
        .unwrap();
    let f = instance
        .get_export_index(&mut store, Some(&export), "f")
        .unwrap();
    let mut results = [Val::U32(0)];
    instance
        .get_func(&mut store, f)
        .unwrap()
        .call(&mut store, &[], &mut results)
        .unwrap();
    match results {
        [Val::U32(number)] => number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_component_that_needs_nobody_stays_as_it_is() {
    let root = root(&[]);
    let composition = compose(
        &root,
        &[candidate("other", &[], "acme:pricing/quote@1.0.0", 10)],
        &[],
    )
    .unwrap();
    assert!(Arc::ptr_eq(&composition.bytes, &root.bytes));
    assert!(
        composition.fused.is_empty()
            && composition.linked.is_empty()
            && composition.wires.is_empty()
    );
}

#[test]
fn a_pure_provider_is_fused_and_answers() {
    let root = root(&["acme:pricing/quote@1.0.0"]);
    assert!(
        root.shape.waits(),
        "alone, the call would leave the component"
    );
    let composition = compose(
        &root,
        &[candidate("prices", &[], "acme:pricing/quote@1.0.0", 10)],
        &[],
    )
    .unwrap();
    assert_eq!(composition.fused, ["prices"]);
    assert!(composition.shape.imports.is_empty());
    assert!(!composition.shape.waits(), "fused, nothing of it leaves");
    assert!(composition.shape.exports("acme:app/main").is_some());
    assert_eq!(answer(&composition, &[]), 11);
    assert_eq!(
        composition
            .wires
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["root <- acme:pricing/quote@1.0.0 <- prices (fused)"]
    );
}

#[test]
fn a_compatible_version_answers_and_the_exact_one_is_preferred() {
    let older = candidate("older", &[], "acme:pricing/quote@1.2.0", 10);
    let composition = compose(
        &root(&["acme:pricing/quote@1.0.0"]),
        std::slice::from_ref(&older),
        &[],
    )
    .unwrap();
    assert_eq!(answer(&composition, &[]), 11);
    let exact = candidate("exact", &[], "acme:pricing/quote@1.0.0", 20);
    let composition = compose(&root(&["acme:pricing/quote@1.0.0"]), &[older, exact], &[]).unwrap();
    assert_eq!(composition.fused, ["exact"]);
    assert_eq!(answer(&composition, &[]), 21);
}

#[test]
fn a_chain_and_a_diamond_are_fused_with_one_instance_each() {
    let candidates = [
        candidate(
            "left",
            &["acme:base/base@1.0.0"],
            "acme:left/left@1.0.0",
            10,
        ),
        candidate(
            "right",
            &["acme:base/base@1.0.0"],
            "acme:right/right@1.0.0",
            100,
        ),
        candidate("base", &[], "acme:base/base@1.0.0", 1000),
    ];
    let composition = compose(
        &root(&["acme:left/left@1.0.0", "acme:right/right@1.0.0"]),
        &candidates,
        &[],
    )
    .unwrap();
    assert_eq!(
        composition.fused,
        ["base", "left", "right"],
        "providers first, each once"
    );
    assert_eq!(answer(&composition, &[]), 1 + 10 + 100 + 2000);
    assert_eq!(composition.wires.len(), 4);
}

#[test]
fn what_holds_authority_is_linked_and_carried() {
    let networked = candidate(
        "prices",
        &["wasi:http/outgoing-handler@0.2.6"],
        "acme:pricing/quote@1.1.0",
        10,
    );
    let root = root(&["acme:pricing/quote@1.0.0"]);
    let composition = compose(&root, &[networked], &[]).unwrap();
    assert!(composition.fused.is_empty());
    assert!(Arc::ptr_eq(&composition.bytes, &root.bytes));
    let linked = &composition.linked[0];
    assert_eq!(
        (
            linked.import.to_string().as_str(),
            linked.export.to_string().as_str(),
            linked.provider.as_str()
        ),
        (
            "acme:pricing/quote@1.0.0",
            "acme:pricing/quote@1.1.0",
            "prices"
        )
    );
    assert_eq!(
        linked.reason,
        LinkReason::Authority(BTreeSet::from([Authority::Http]))
    );
    assert_eq!(answer(&composition, &[("acme:pricing/quote@1.0.0", 7)]), 8);
}

#[test]
fn a_flag_that_says_pure_does_not_fuse_authority() {
    let mut secretive = candidate(
        "prices",
        &["greentic:secrets/secret-store@0.1.0"],
        "acme:pricing/quote@1.0.0",
        10,
    );
    secretive.pure = true;
    let composition = compose(&root(&["acme:pricing/quote@1.0.0"]), &[secretive], &[]).unwrap();
    assert_eq!(composition.fused, Vec::<String>::new());
}

#[test]
fn grants_force_and_configuration_of_the_provider_keep_it_in_its_own_cell() {
    let reason = |change: fn(&mut Candidate), imports: &[&str]| {
        let mut prices = candidate("prices", imports, "acme:pricing/quote@1.0.0", 10);
        change(&mut prices);
        let offers = names(imports);
        compose(&root(&["acme:pricing/quote@1.0.0"]), &[prices], &offers)
            .unwrap()
            .linked[0]
            .reason
            .clone()
    };
    assert_eq!(reason(|c| c.force_link = true, &[]), LinkReason::Forced);
    assert_eq!(reason(|c| c.pure = false, &[]), LinkReason::OwnGrants);
    assert_eq!(
        reason(|_| (), &["wasi:config/store@0.2.0-rc.1"]),
        LinkReason::OwnGrants,
        "it would read the root's configuration"
    );
}

#[test]
fn a_granted_environment_is_not_shared_by_fusing() {
    let offers = names(&["wasi:cli/environment@0.2.6"]);
    let prices = candidate(
        "prices",
        &["wasi:cli/environment@0.2.6"],
        "acme:pricing/quote@1.0.0",
        10,
    );
    let mut root = root(&["acme:pricing/quote@1.0.0"]);
    assert_eq!(
        compose(&root, std::slice::from_ref(&prices), &offers)
            .unwrap()
            .fused,
        ["prices"]
    );
    root.ambient = true;
    assert_eq!(
        compose(&root, &[prices], &offers).unwrap().linked[0].reason,
        LinkReason::Ambient
    );
}

#[test]
fn a_fused_provider_may_need_a_linked_one() {
    let candidates = [
        candidate(
            "quotes",
            &["acme:rates/rates@1.0.0"],
            "acme:pricing/quote@1.0.0",
            10,
        ),
        candidate(
            "rates",
            &["wasi:http/outgoing-handler@0.2.6"],
            "acme:rates/rates@1.0.0",
            0,
        ),
    ];
    let composition = compose(&root(&["acme:pricing/quote@1.0.0"]), &candidates, &[]).unwrap();
    assert_eq!(composition.fused, ["quotes"]);
    assert_eq!(
        composition
            .linked
            .iter()
            .map(|l| (l.import.to_string(), l.provider.as_str()))
            .collect::<Vec<_>>(),
        [("acme:rates/rates@1.0.0".to_owned(), "rates")]
    );
    assert!(
        composition.shape.waits(),
        "a linked call leaves the composition"
    );
    assert_eq!(
        answer(&composition, &[("acme:rates/rates@1.0.0", 500)]),
        511
    );
}

#[test]
fn what_the_host_offers_is_the_hosts_alone() {
    let usurper = candidate("usurper", &[], "wasi:logging/logging@0.1.0-draft", 666);
    let composition = compose(
        &root(&["wasi:logging/logging@0.1.0-draft"]),
        &[usurper],
        &names(&["wasi:logging/logging@0.1.0-draft"]),
    )
    .unwrap();
    assert!(composition.fused.is_empty());
    assert_eq!(composition.wires[0].source, Source::Host);
}
