//! Components for these tests are written in the text format, so that each shows the one thing it is about.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A component that imports these functions and does nothing. A name with `async ` before it is an `async func`.
fn importing(imports: &[(&str, &[&str])]) -> Shape {
    let mut text = String::from("(component\n");
    for (interface, functions) in imports {
        writeln!(text, "(import \"{interface}\" (instance").unwrap();
        let resources: BTreeSet<&str> = functions
            .iter()
            .filter_map(|f| f.strip_prefix("[method]"))
            .filter_map(|f| f.split('.').next())
            .collect();
        for resource in &resources {
            writeln!(
                text,
                "(export \"{resource}\" (type ${resource} (sub resource)))"
            )
            .unwrap();
        }
        for function in *functions {
            let (name, is_async) = function
                .strip_prefix("async ")
                .map_or((*function, ""), |name| (name, "async"));
            let own = name
                .strip_prefix("[method]")
                .and_then(|f| f.split('.').next());
            let parameter = own
                .map(|r| format!("(param \"self\" (borrow ${r}))"))
                .unwrap_or_default();
            writeln!(text, "(export \"{name}\" (func {is_async} {parameter}))").unwrap();
        }
        text.push_str("))\n");
    }
    text.push(')');
    shape(&text)
}

fn shape(text: &str) -> Shape {
    Shape::of(&wat::parse_str(text).unwrap()).unwrap()
}

/// What Rust 1.95 links into a component that formats text and nothing else.
const STANDARD: &[(&str, &[&str])] = &[
    ("wasi:io/poll@0.2.6", &["[method]pollable.block"]),
    ("wasi:io/error@0.2.6", &[]),
    (
        "wasi:io/streams@0.2.6",
        &[
            "[method]output-stream.check-write",
            "[method]output-stream.write",
            "[method]output-stream.blocking-flush",
            "[method]output-stream.subscribe",
        ],
    ),
    ("wasi:cli/environment@0.2.6", &["get-environment"]),
    ("wasi:cli/exit@0.2.6", &["exit"]),
    ("wasi:cli/stdin@0.2.6", &["get-stdin"]),
    ("wasi:cli/stdout@0.2.6", &["get-stdout"]),
    ("wasi:cli/stderr@0.2.6", &["get-stderr"]),
    ("wasi:cli/terminal-stdout@0.2.6", &["get-terminal-stdout"]),
    ("wasi:random/insecure-seed@0.2.6", &["insecure-seed"]),
];

fn standard_and(more: &[(&'static str, &'static [&'static str])]) -> Shape {
    importing(&[STANDARD, more].concat())
}

#[test]
fn a_plain_standard_library_neither_waits_nor_has_authority() {
    let shape = importing(STANDARD);
    assert_eq!(shape.waits_for(), Vec::<String>::new());
    assert!(!shape.waits());
    assert!(shape.is_pure());
    assert!(
        shape.reads_ambient(),
        "it asks for the environment, which fusing would share"
    );
}

#[test]
fn whatever_can_make_a_call_wait_is_found() {
    let cases: &[(&'static str, &'static [&'static str])] = &[
        // thread::sleep of Rust, which shows in nothing but where the pollable comes from
        ("wasi:clocks/monotonic-clock@0.2.6", &["subscribe-duration"]),
        (
            "wasi:clocks/monotonic-clock@0.2.6",
            &["now", "subscribe-instant"],
        ),
        ("wasi:clocks/monotonic-clock@0.3.0", &["async wait-until"]),
        ("wasi:random/random@0.3.0", &["get-random-u64"]),
        ("wasi:http/outgoing-handler@0.2.6", &["handle"]),
        ("wasi:http/client@0.3.0", &["async send"]),
        (
            "wasi:sockets/tcp@0.2.6",
            &["[method]tcp-socket.start-connect"],
        ),
        (
            "wasi:filesystem/types@0.2.6",
            &["[method]descriptor.sync-data"],
        ),
        ("greentic:flow/state@0.1.0", &["async get"]),
        // sync by type, and carried by the host to another cell
        ("acme:pricing/quote@1.0.0", &["quote"]),
        // an interface of WASI nobody here knows
        ("wasi:keyvalue/store@0.2.0", &["open"]),
        // harmless in 0.2, unknown in a version that does not exist yet
        ("wasi:cli/environment@0.4.0", &["get-environment"]),
        ("greentic:secrets/secret-store@0.1.0", &["async open"]),
    ];
    for case in cases {
        let shape = standard_and(&[*case]);
        assert!(shape.waits(), "{case:?} may wait");
        assert!(
            shape.waits_for().iter().all(|w| w.starts_with(case.0)),
            "only {case:?} is to blame: {:?}",
            shape.waits_for()
        );
    }
    for function in ["blocking-read", "blocking-skip", "subscribe"] {
        let name = format!("[method]input-stream.{function}");
        let shape = importing(&[("wasi:io/streams@0.2.6", &[name.as_str()])]);
        assert!(shape.waits(), "{name} may wait");
    }
    for function in ["splice", "blocking-splice"] {
        let name = format!("[method]output-stream.{function}");
        assert!(
            importing(&[("wasi:io/streams@0.2.6", &[name.as_str()])]).waits(),
            "{name} may wait"
        );
    }
}

#[test]
fn what_returns_at_once_does_not_count_as_waiting() {
    let cases: &[(&'static str, &'static [&'static str])] = &[
        ("wasi:clocks/monotonic-clock@0.2.6", &["now", "resolution"]),
        ("wasi:clocks/wall-clock@0.2.6", &["now"]),
        ("wasi:random/random@0.2.6", &["get-random-bytes"]),
        ("wasi:config/store@0.2.0-rc.1", &["get"]),
        ("wasi:logging/logging@0.1.0-draft", &["log"]),
        (
            "greentic:secrets/secret-store@0.1.0",
            &["[method]secret.hmac-sha256", "open"],
        ),
        // types only: nothing of it can be called
        ("wasi:http/types@0.2.6", &[]),
        ("wasi:sockets/network@0.2.6", &[]),
    ];
    for case in cases {
        let shape = standard_and(&[*case]);
        assert_eq!(shape.waits_for(), Vec::<String>::new(), "{case:?}");
    }
}

#[test]
fn a_stream_in_a_result_waits_though_the_function_is_not_async() {
    let shape = shape(
        r#"(component
            (import "wasi:config/store@0.2.0-rc.1" (instance
                (type $s (stream u8))
                (type $r (result $s))
                (type $o (option $r))
                (export "get" (func (result $o))))))"#,
    );
    assert!(shape.imports[0].functions[0].streams);
    assert!(shape.waits());
}

#[test]
fn an_async_lift_waits_whatever_it_imports() {
    let text = |lift: &str, result: &str| {
        format!(
            r#"(component
                (core module $m
                    (func (export "run") {result})
                    (func (export "back") (param i32 i32 i32) (result i32) unreachable))
                (core instance $i (instantiate $m))
                (func $run async (canon lift (core func $i "run") {lift}))
                (export "run" (func $run)))"#
        )
    };
    let lifted = shape(&text(
        r#"async (callback (func $i "back"))"#,
        "(result i32) unreachable",
    ));
    assert!(
        lifted.lifts_async && lifted.waits(),
        "the engine refuses a synchronous call of it"
    );
    let plain = shape(&text("", ""));
    assert!(plain.root_exports[0].is_async, "the type is the same");
    assert!(
        !plain.lifts_async && !plain.waits(),
        "lifted synchronously it can be called so"
    );
}

#[test]
fn an_async_lift_inside_a_composition_is_found() {
    let inner = r#"(component $inner
        (core module $m
            (func (export "run") (result i32) unreachable)
            (func (export "back") (param i32 i32 i32) (result i32) unreachable))
        (core instance $i (instantiate $m))
        (func $run async (canon lift (core func $i "run") async (callback (func $i "back"))))
        (export "run" (func $run)))"#;
    assert!(shape(&format!("(component {inner} (instance $x (instantiate $inner)) (export \"run\" (func $x \"run\")))")).lifts_async);
}

#[test]
fn authority_is_what_is_imported_to_be_called() {
    let one = |name: &str, functions: &[&str]| {
        importing(&[(name, functions)])
            .authority()
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        one("wasi:http/outgoing-handler@0.2.6", &["handle"]),
        [Authority::Http]
    );
    assert_eq!(
        one("wasi:http/client@0.3.0", &["async send"]),
        [Authority::Http]
    );
    assert_eq!(
        one("wasi:http/types@0.2.6", &[]),
        [],
        "types alone reach nothing"
    );
    assert_eq!(
        one("wasi:sockets/ip-name-lookup@0.2.6", &["resolve-addresses"]),
        [Authority::Sockets]
    );
    assert_eq!(
        one("greentic:secrets/secret-store@0.1.0", &["open"]),
        [Authority::Secrets]
    );
    assert_eq!(
        one("greentic:secrets/provider@0.1.0", &["async fetch"]),
        [Authority::Secrets]
    );
    assert_eq!(
        one("greentic:channel/log@0.1.0", &["async append"]),
        [Authority::ChannelLog]
    );
    assert_eq!(
        one("greentic:flow/nodes@0.1.0", &["async invoke"]),
        [Authority::Nodes]
    );
    assert_eq!(
        one("greentic:flow/tools@0.1.0", &["async call"]),
        [Authority::Tools]
    );
    assert_eq!(
        one("greentic:flow/state@0.1.0", &["async get"]),
        [Authority::State]
    );
    assert_eq!(
        one("greentic:session/store@0.1.0", &["async get"]),
        [Authority::Store]
    );
    assert_eq!(
        one("greentic:bus/bus@0.1.0", &["async publish"]),
        [Authority::Bus]
    );
    assert!(
        matches!(
            one("wasi:nn/inference@0.2.0", &["compute"])[..],
            [Authority::Other(_)]
        ),
        "unknown WASI is not harmless"
    );
    assert!(matches!(
        one("greentic:billing/charge@0.1.0", &["charge"])[..],
        [Authority::Other(_)]
    ));
    assert_eq!(
        one("wasi:filesystem/preopens@0.2.6", &["get-directories"]),
        []
    );
    assert_eq!(one("acme:pricing/quote@1.0.0", &["quote"]), []);
    assert_eq!(
        one("greentic:component/component", &["execute"]),
        [],
        "a node is another component"
    );
}

#[test]
fn a_component_with_a_configuration_of_its_own_is_not_pure() {
    assert!(!importing(&[("wasi:config/store@0.2.0-rc.1", &["get"])]).is_pure());
    assert!(importing(&[("wasi:logging/logging@0.1.0-draft", &["log"])]).is_pure());
}

#[test]
fn worlds_are_told_by_their_exports_and_versions() {
    let exporting = |name: &str, function: &str| {
        shape(&format!(
            r#"(component
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f")))
                (instance $x (export "{function}" (func $f)))
                (export "{name}" (instance $x)))"#
        ))
    };
    for world in World::ALL {
        let shape = exporting(&world.interface().to_string(), "execute");
        assert_eq!(shape.worlds(), [world]);
        assert!(shape.unserved_worlds().is_empty());
    }
    assert_eq!(
        exporting("greentic:channel/channel@0.1.7", "describe").worlds(),
        [World::ChannelProvider]
    );
    let newer = exporting("greentic:channel/channel@0.2.0", "describe");
    assert!(newer.worlds().is_empty(), "0.2 is another contract");
    let unserved: Vec<_> = newer
        .unserved_worlds()
        .into_iter()
        .map(|(w, n)| (w, n.to_string()))
        .collect();
    assert_eq!(
        unserved,
        [(
            World::ChannelProvider,
            "greentic:channel/channel@0.2.0".to_owned()
        )]
    );
    assert!(
        exporting("greentic:component/component", "other")
            .worlds()
            .is_empty(),
        "without execute it is not the smallest node"
    );
    assert!(newer.exports("greentic:channel/channel").is_some());
    assert!(newer.exports("greentic:channel/channel@0.2.5").is_some());
    assert!(newer.exports("greentic:channel/channel@0.1.0").is_none());
}

#[test]
fn execute_at_the_root_is_the_smallest_node() {
    let shape = shape(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (export "execute" (func $f)))"#,
    );
    assert_eq!(shape.worlds(), [World::MinimalNode]);
}

#[test]
fn resources_and_handles_are_seen_through_names_and_containers() {
    let shape = shape(
        r#"(component
            (import "acme:db/types@1.0.0" (instance $types (export "row" (type (sub resource)))))
            (alias export $types "row" (type $row))
            (import "acme:db/query@1.0.0" (instance
                (alias outer 1 $row (type $outer))
                (export "row" (type $r (eq $outer)))
                (type $own (own $r))
                (type $rows (list $own))
                (export "run" (func (result $rows)))
                (export "count" (func (result u32))))))"#,
    );
    let query = shape.imports("acme:db/query").unwrap();
    assert_eq!(query.resources, ["row"]);
    assert_eq!(
        query
            .functions
            .iter()
            .map(|f| (f.name.as_str(), f.handles))
            .collect::<Vec<_>>(),
        [("run", true), ("count", false)]
    );
    assert!(
        !shape.imports[0].is_types_only(),
        "a resource type has to come from somebody"
    );
}

#[test]
fn what_is_not_a_component_is_told_by_what_it_is() {
    let not_wasm = |bytes: &[u8], part: &str| match Shape::of(bytes) {
        Err(InspectError::NotWasm { found }) => assert!(found.contains(part), "{found}"),
        other => panic!("{other:?}"),
    };
    not_wasm(b"", "0 bytes");
    not_wasm(b"hello, world", "unknown bytes");
    not_wasm(b"  (component)", "wasm-tools parse");
    not_wasm(b"\x1f\x8b\x08\0\0\0\0\0", "gzip");
    not_wasm(b"PK\x03\x04....", "zip");
    let module = wat::parse_str("(module (func (export \"run\")))").unwrap();
    assert_eq!(Shape::of(&module), Err(InspectError::CoreModule));
    assert!(
        InspectError::CoreModule
            .to_string()
            .contains("wasm32-wasip2")
    );
    assert_eq!(
        Shape::of(b"\0asm\x0e\0\x01\0"),
        Err(InspectError::Encoding {
            found: 0x0e,
            known: 0x0d
        }),
        "a later encoding is not called damage"
    );
    assert!(matches!(
        Shape::of(b"\0asm\x0d\0"),
        Err(InspectError::Invalid { .. })
    ));
    assert!(matches!(
        Shape::of(b"\0asm\x0d\0\x02\0"),
        Err(InspectError::Invalid { .. })
    ));
}

#[test]
fn a_wit_package_and_a_foreign_import_are_refused_by_name() {
    let package = wat::parse_str(
        r#"(component
            (type $w (component (export "a:b/w" (component))))
            (export "w" (type $w)))"#,
    )
    .unwrap();
    assert_eq!(Shape::of(&package), Err(InspectError::WitPackage));
    let module = wat::parse_str(r#"(component (import "libc" (core module)))"#).unwrap();
    assert_eq!(
        Shape::of(&module),
        Err(InspectError::ForeignImport {
            name: "libc".into(),
            kind: "core module"
        })
    );
}

#[test]
fn an_import_of_an_inner_component_is_not_taken_for_an_import_of_the_whole() {
    let shape = shape(
        r#"(component (component (import "m" (core module)) (import "wasi:http/handler@0.2.0" (instance (export "f" (func))))))"#,
    );
    assert!(shape.imports.is_empty());
}

proptest! {
    /// Bytes from a pack reach the decoder as they are.
    #[test]
    fn no_bytes_make_it_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend(tail);
        let _ = Shape::of(&bytes);
    }

    /// A component damaged anywhere is judged or refused, and never crashes the reader.
    #[test]
    fn no_damaged_component_makes_it_panic(at in 0_usize..4096, value in any::<u8>()) {
        let mut bytes = wat::parse_str(
            r#"(component
                (import "acme:db/types@1.0.0" (instance (export "row" (type (sub resource)))))
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f")))
                (instance $x (export "execute" (func $f)))
                (export "greentic:component/component" (instance $x)))"#,
        ).unwrap();
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = Shape::of(&bytes);
    }
}
