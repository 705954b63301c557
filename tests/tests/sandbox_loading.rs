//! What stands between a component's bytes and its first call: imports nobody offers, and components that misbehave before it or
//! in ways no plugin of Rust does.

#![allow(clippy::expect_used, clippy::panic)] // In the helpers: where one fails the test has failed.

use std::sync::Arc;
use std::time::Duration;

use greentic_sandbox::cell::Exports;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::compose::{Root, compose};
use greentic_sandbox::fault::FaultKind;
use greentic_sandbox::grants::GrantTexts;
use greentic_sandbox::inspect::Shape;
use greentic_sandbox::limits::Limits;
use greentic_sandbox::plugin::Plugin;
use greentic_sandbox::scope::CallScope;
use greentic_tests::sandbox::{Bench, Heard, binding, built, client, compile, limits, wasm};
use wasmtime::Store;
use wasmtime::component::{Instance, TypedFunc};

#[test]
fn an_import_nobody_offers_is_named_with_its_version_and_the_nearest_there_is() {
    let bytes: Arc<[u8]> = wasm("needs_unknown_import").into();
    let root = Root {
        name: "needy".into(),
        shape: Arc::new(Shape::of(&bytes).expect("a component")),
        bytes,
        ambient: false,
    };
    let offers = [
        "greentic:channel/log@0.1.0",
        "greentic:secrets/secret-store@0.1.0",
        "greentic:flow/state@0.1.0",
    ];
    let offers = offers.map(|name| name.parse().expect("a name"));
    let said = compose(&root, &[], &offers)
        .expect_err("it was composed")
        .to_string();
    for line in [
        "`needy` needs `greentic:oracle/answers@0.3.0`, which nobody offers",
        "`needy` needs `greentic:channel-log/logs@0.1.0`, which nobody offers; the nearest is `greentic:channel/log@0.1.0`, offered by the host",
        "`needy` needs `greentic:secrets/secret-store@9.0.0`, which nobody offers; the nearest is `greentic:secrets/secret-store@0.1.0`, offered by the host",
    ] {
        assert!(said.contains(line), "{said}\ndoes not say: {line}");
    }
}

#[test]
fn a_component_with_such_an_import_is_not_linked_either() {
    let linked = Bench::default().link(
        "needy",
        &built("needs_unknown_import"),
        limits(),
        &GrantTexts::default(),
    );
    let said = linked.err().expect("it was linked").to_string();
    assert!(
        said.starts_with("plugin `needy` cannot be linked: ") && said.contains('@'),
        "{said}"
    );
}

/// Functions without parameters and results, by name; `None` where the component has none of that name.
struct Plain(Vec<(&'static str, Option<TypedFunc<(), ()>>)>);

const NAMES: [&str; 4] = ["grow", "try-to-grow", "trap", "print"];

impl Exports for Plain {
    const WORLD: &'static str = "plain";

    fn bind(
        store: &mut Store<greentic_sandbox::Ctx>,
        instance: &Instance,
    ) -> wasmtime::Result<Self> {
        Ok(Self(
            NAMES
                .iter()
                .map(|name| (*name, instance.get_typed_func(&mut *store, *name).ok()))
                .collect(),
        ))
    }
}

fn plugin(wat: &str, limits: Limits) -> Arc<Plugin> {
    let bytes = wat::parse_str(wat).expect("a component's text");
    Bench::default()
        .link("plain", &compile(&bytes), limits, &GrantTexts::default())
        .expect("a plugin that links")
}

async fn pool(wat: &str, limits: Limits) -> Client<Plain> {
    client(&plugin(wat, limits), binding("acme", []), Policy::PerTenant).await
}

async fn call(client: &Client<Plain>, name: &'static str) -> Result<(), FaultKind> {
    let select = move |exports: &Plain| {
        exports
            .0
            .iter()
            .find(|(other, _)| *other == name)
            .and_then(|(_, func)| *func)
    };
    client
        .call(CallScope::default(), name, select, ())
        .await
        .map_err(|fault| fault.kind)
}

const TABLES: &str = r#"(component
    (core module $m
        (table 1 funcref)
        (func (export "grow")
            (if (i32.eq (table.grow (ref.null func) (i32.const 100000)) (i32.const -1)) (then unreachable)))
        (func (export "try-to-grow") (drop (table.grow (ref.null func) (i32.const 100000))))
        (func (export "trap") unreachable))
    (core instance $i (instantiate $m))
    (func (export "grow") (canon lift (core func $i "grow")))
    (func (export "try-to-grow") (canon lift (core func $i "try-to-grow")))
    (func (export "trap") (canon lift (core func $i "trap"))))"#;

#[tokio::test]
async fn a_table_that_grows_beyond_the_limit_is_a_fault_of_its_own() {
    let limits = limits();
    let client = pool(TABLES, limits.clone()).await;
    for _ in 0..2 {
        assert_eq!(
            call(&client, "grow").await,
            Err(FaultKind::Table(limits.table_elements))
        );
    }
    let more = Limits {
        table_elements: 200_000,
        ..limits
    };
    assert_eq!(call(&pool(TABLES, more).await, "grow").await, Ok(()));
}

#[tokio::test]
async fn what_was_refused_and_lived_with_does_not_explain_a_later_trap() {
    let client = pool(TABLES, limits()).await;
    assert_eq!(call(&client, "try-to-grow").await, Ok(()));
    let kind = call(&client, "trap").await;
    assert!(matches!(kind, Err(FaultKind::Trap(_))), "{kind:?}");
}

const PRINTS: &str = r#"(component
    (import "wasi:io/error@0.2.6" (instance $error (export "error" (type (sub resource)))))
    (alias export $error "error" (type $err))
    (import "wasi:io/streams@0.2.6" (instance $streams
        (export "output-stream" (type $os (sub resource)))
        (alias outer 1 $err (type $e0))
        (export "error" (type $e (eq $e0)))
        (type $own (own $e))
        (type $se0 (variant (case "last-operation-failed" $own) (case "closed")))
        (export "stream-error" (type $se (eq $se0)))
        (export "[method]output-stream.blocking-write-and-flush"
            (func (param "self" (borrow $os)) (param "contents" (list u8)) (result (result (error $se)))))))
    (alias export $streams "output-stream" (type $os))
    (import "wasi:cli/stdout@0.2.6" (instance $stdout
        (alias outer 1 $os (type $o0))
        (export "output-stream" (type $o (eq $o0)))
        (export "get-stdout" (func (result (own $o))))))
    (core module $mem (memory (export "memory") 1) (data (i32.const 100) "hello from inside\n"))
    (core instance $mem (instantiate $mem))
    (alias core export $mem "memory" (core memory $memory))
    (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $memory)))
    (core func $get (canon lower (func $stdout "get-stdout")))
    (core func $drop (canon resource.drop $os))
    (core module $m
        (import "h" "write" (func $write (param i32 i32 i32 i32)))
        (import "h" "get" (func $get (result i32)))
        (import "h" "drop" (func $drop (param i32)))
        (func (export "print") (local $out i32)
            (local.set $out (call $get))
            (call $write (local.get $out) (i32.const 100) (i32.const 18) (i32.const 0))
            (call $drop (local.get $out))))
    (core instance $i (instantiate $m (with "h" (instance
        (export "write" (func $write)) (export "get" (func $get)) (export "drop" (func $drop))))))
    (func (export "print") (canon lift (core func $i "print"))))"#;

#[tokio::test]
async fn a_component_that_never_waits_may_print() {
    let plugin = plugin(PRINTS, limits());
    assert!(!plugin.waits(), "this is about a plugin that never waits");
    let client = client(&plugin, binding("acme", []), Policy::PerTenant).await;
    let heard = Heard::begin();
    assert_eq!(call(&client, "print").await, Ok(()));
    assert!(
        heard
            .of_plugins()
            .iter()
            .any(|line| line.contains("hello from inside")),
        "{}",
        heard.text()
    );
}

const LOOPS_AT_START: &str = r#"(component
    (core module $m (func $start (loop (br 0))) (start $start) (func (export "trap")))
    (core instance $i (instantiate $m))
    (func (export "trap") (canon lift (core func $i "trap"))))"#;

const SLEEPS_AT_START: &str = r#"(component
    (import "wasi:io/poll@0.2.6" (instance $poll
        (export "pollable" (type $p (sub resource)))
        (export "[method]pollable.block" (func (param "self" (borrow $p))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.6" (instance $clock
        (alias outer 1 $pollable (type $p0))
        (export "pollable" (type $p (eq $p0)))
        (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
    (core func $block (canon lower (func $poll "[method]pollable.block")))
    (core func $sub (canon lower (func $clock "subscribe-duration")))
    (core module $m
        (import "h" "sub" (func $sub (param i64) (result i32)))
        (import "h" "block" (func $block (param i32)))
        (func $start (call $block (call $sub (i64.const 3600000000000))))
        (start $start)
        (func (export "trap")))
    (core instance $i (instantiate $m (with "h" (instance (export "sub" (func $sub)) (export "block" (func $block))))))
    (func (export "trap") (canon lift (core func $i "trap"))))"#;

#[tokio::test]
async fn a_component_that_never_comes_up_is_given_up() {
    let limits = Limits {
        call_timeout: Duration::from_millis(400),
        ..limits()
    };
    let looping = pool(LOOPS_AT_START, limits.clone()).await;
    assert_eq!(
        call(&looping, "trap").await,
        Err(FaultKind::Cpu(limits.cpu_per_call))
    );
    let sleeping = pool(SLEEPS_AT_START, limits.clone()).await;
    let outcome = tokio::time::timeout(Duration::from_secs(5), call(&sleeping, "trap")).await;
    assert_eq!(outcome, Ok(Err(FaultKind::Timeout(limits.call_timeout))));
}
