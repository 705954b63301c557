//! The real binary: what an author and an operator do with it, and what it says when they err.

// A test says what is wrong by failing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod folder;

use std::path::Path;
use std::process::{Command, Output};

use folder::{component, write_shop};
use greentic_pack::{Keyring, Pack, Policy, TrustedKey, keys};
use tempfile::TempDir;

/// A folder with the binary run in it.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_greentic-pack"))
            .args(arguments.split(' '))
            .current_dir(self.path())
            .output()
            .unwrap()
    }

    /// Runs and expects an exit code; gives what was printed, output before errors.
    #[track_caller]
    fn expect(&self, code: i32, arguments: &str) -> String {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .concat();
        assert_eq!(output.status.code(), Some(code), "{arguments}\n{text}");
        assert!(!text.contains('\x1b'), "colour in a pipe: {text:?}");
        text
    }

    /// A folder `shop` and keys `demo` and `other`.
    fn with_shop() -> Self {
        let bench = Self::new();
        write_shop(&bench.path().join("shop"));
        bench.expect(0, "keygen --out demo");
        bench.expect(0, "keygen --out other");
        bench
    }
}

#[test]
fn a_pack_is_built_signed_and_verified_and_a_stranger_s_key_does_not_verify_it() {
    let bench = Bench::with_shop();
    let built = bench.expect(0, "build shop -o shop.gtpack --key demo");
    assert!(built.contains("signed by sha256:"), "{built}");
    let verified = bench.expect(0, "verify shop.gtpack --key demo.pub");
    assert!(
        verified.contains("verified demo/shop 1.2.3: signed by `demo.pub`"),
        "{verified}"
    );
    let refused = bench.expect(1, "verify shop.gtpack --key other.pub");
    for part in [
        "shop.gtpack",
        "signatures/pack.dsse.json",
        "not trusted here",
        "trust.keys",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
}

#[test]
fn an_unsigned_pack_says_so_when_built_and_is_refused_until_signed() {
    let bench = Bench::with_shop();
    let built = bench.expect(0, "build shop -o shop.gtpack");
    assert!(built.contains("UNSIGNED"), "{built}");
    let refused = bench.expect(1, "verify shop.gtpack --key demo.pub");
    assert!(
        refused.contains("is not signed") && refused.contains("greentic-pack sign"),
        "{refused}"
    );
    bench.expect(0, "sign shop.gtpack --key demo");
    bench.expect(0, "verify shop.gtpack --key demo.pub");
    bench.expect(
        1,
        "verify shop.gtpack --key demo.pub --key other.pub --threshold 2",
    );
    bench.expect(0, "sign shop.gtpack --key other");
    bench.expect(
        0,
        "verify shop.gtpack --key demo.pub --key other.pub --threshold 2",
    );
}

#[test]
fn signing_while_building_and_signing_later_give_the_same_bytes() {
    let bench = Bench::with_shop();
    bench.expect(0, "build shop -o one.gtpack --key demo --key other");
    bench.expect(0, "build shop -o two.gtpack");
    bench.expect(0, "sign two.gtpack --key other");
    bench.expect(0, "sign two.gtpack --key demo");
    let read = |name: &str| std::fs::read(bench.path().join(name)).unwrap();
    assert_eq!(read("one.gtpack"), read("two.gtpack"));
}

#[test]
fn a_key_is_never_overwritten() {
    let bench = Bench::with_shop();
    let before = std::fs::read(bench.path().join("demo")).unwrap();
    let refused = bench.expect(1, "keygen --out demo");
    assert!(refused.contains("never overwritten"), "{refused}");
    assert_eq!(std::fs::read(bench.path().join("demo")).unwrap(), before);
}

#[test]
fn the_line_keygen_prints_for_a_bundle_is_the_key_the_library_trusts() {
    let bench = Bench::with_shop();
    bench.expect(0, "build shop -o shop.gtpack --key demo");
    let line = std::fs::read_to_string(bench.path().join("demo.pub")).unwrap();
    assert!(
        line.starts_with("MCowBQYDK2VwAyEA") && line.lines().count() == 1,
        "{line}"
    );
    let mut ring = Keyring::new();
    let key = keys::parse_public(&line).unwrap();
    ring.add(TrustedKey::new(
        "demo",
        key,
        vec!["demo/*".parse().unwrap()],
    ))
    .unwrap();
    let pack = Pack::open_file(&bench.path().join("shop.gtpack"), &Policy::strict(ring)).unwrap();
    assert_eq!(pack.component_bytes("pricing").unwrap(), component());
    assert_eq!(
        pack.component("pricing").unwrap().exports,
        ["acme:shop/quote@1.2.0"]
    );
}

#[test]
fn inspect_shows_what_a_pack_holds_and_asks_for_and_that_nobody_vouches_for_it() {
    let bench = Bench::with_shop();
    bench.expect(0, "build shop -o shop.gtpack --key demo");
    let table = bench.expect(0, "inspect shop.gtpack");
    for part in [
        "demo/shop 1.2.3",
        "NOT TRUSTED",
        "pricing 2.0.0",
        "exports   acme:shop/quote@1.2.0",
        "requests  http: api.example.com",
        "shop/token",
        "greentic/backends",
        "assets/logo.svg",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let judged = bench.expect(0, "inspect shop.gtpack --key demo.pub");
    assert!(judged.contains("signed by `demo.pub`"), "{judged}");
    let json: serde_json::Value =
        serde_json::from_str(&bench.expect(0, "inspect shop.gtpack --json")).unwrap();
    assert_eq!(json["manifest"]["id"], "demo/shop");
    assert_eq!(
        json["manifest"]["components"][0]["exports"][0],
        "acme:shop/quote@1.2.0"
    );
    assert_eq!(json["trust"]["trusted"], false);
}

#[test]
fn diff_tells_a_new_request_a_changed_file_and_ends_with_one() {
    let bench = Bench::with_shop();
    bench.expect(0, "build shop -o one.gtpack --key demo");
    let same = bench.expect(0, "diff one.gtpack one.gtpack");
    assert_eq!(same, "no difference\n");
    let yaml = bench.path().join("shop/pack.yaml");
    let text = std::fs::read_to_string(&yaml).unwrap();
    let text = text
        .replace("1.2.3", "1.3.0")
        .replace("[api.example.com]", "[api.example.com, evil.example]");
    std::fs::write(&yaml, text).unwrap();
    std::fs::write(
        bench.path().join("shop/assets/logo.svg"),
        "<svg width='1'/>",
    )
    .unwrap();
    std::fs::write(bench.path().join("shop/assets/more.txt"), "more").unwrap();
    bench.expect(0, "build shop -o two.gtpack");
    let changes = bench.expect(1, "diff one.gtpack two.gtpack");
    for part in [
        "~ pack version: 1.2.3 → 1.3.0",
        "+ request pricing http evil.example",
        "~ file assets/logo.svg",
        "+ file assets/more.txt",
    ] {
        assert!(changes.contains(part), "{part}: {changes}");
    }
    assert_eq!(changes.lines().count(), 4, "{changes}");
}

#[test]
fn all_faults_of_a_folder_are_told_at_once_with_their_places_and_nothing_is_written() {
    let bench = Bench::with_shop();
    let yaml = "id: Demo Shop\nversion: one\nkind: aplication\nnmae: x\ncomponents:\n  pricing:\n    requsts: {}\n  gone:\n";
    std::fs::write(bench.path().join("shop/pack.yaml"), yaml).unwrap();
    let told = bench.expect(1, "build shop -o shop.gtpack");
    for part in [
        "pack.yaml:1:5",
        "pack.yaml:2:10",
        "did you mean `application`?",
        "did you mean `name`?",
        "did you mean `requests`?",
        "5 errors",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!bench.path().join("shop.gtpack").exists());
}

#[test]
fn a_component_that_is_missing_or_none_is_told_at_its_name() {
    let bench = Bench::with_shop();
    std::fs::write(
        bench.path().join("shop/components/core.wasm"),
        b"\0asm\x01\0\0\0",
    )
    .unwrap();
    let yaml = "id: demo/shop\nversion: 1.0.0\ncomponents:\n  pricing:\n  core:\n  gone:\n";
    std::fs::write(bench.path().join("shop/pack.yaml"), yaml).unwrap();
    let told = bench.expect(1, "build shop -o shop.gtpack");
    assert!(
        told.contains("pack.yaml:5:3") && told.contains("core module"),
        "{told}"
    );
    assert!(
        told.contains("pack.yaml:6:3") && told.contains("gone.wasm"),
        "{told}"
    );
    assert!(told.contains("2 errors"), "{told}");
}

#[test]
fn the_folder_that_new_makes_builds_with_its_flow_compiled() {
    let bench = Bench::new();
    bench.expect(0, "new hello");
    bench.expect(0, "build hello -o hello.gtpack");
    let pack = Pack::open_file(
        &bench.path().join("hello.gtpack"),
        &Policy::allow_unsigned(Keyring::new()),
    )
    .unwrap();
    assert_eq!(pack.id().as_str(), "local/hello");
    let source = std::fs::read(bench.path().join("hello/flows/welcome.ygtc")).unwrap();
    assert_eq!(pack.flow_source("welcome").unwrap(), source);
    let definition: greentic_flow::ir::Definition =
        ciborium::from_reader(pack.flow_definition().unwrap().as_ref()).unwrap();
    assert_eq!(definition.flows[0].id, "welcome");
    bench.expect(1, "new hello");
}

#[test]
fn a_fault_in_a_flow_is_told_with_those_of_the_folder() {
    let bench = Bench::new();
    bench.expect(0, "new hello");
    let flow = "id: welcome\ntype: messaging\nschema_version: 2\nstart: gret\nnodes:\n  greet:\n    emit.response: {text: hi}\n    routing: out\n";
    std::fs::write(bench.path().join("hello/flows/welcome.ygtc"), flow).unwrap();
    std::fs::create_dir(bench.path().join("hello/components")).unwrap();
    std::fs::write(bench.path().join("hello/components/x.wasm"), "no wasm").unwrap();
    let told = bench.expect(1, "build hello -o hello.gtpack");
    assert!(
        told.contains("welcome.ygtc:4:8") && told.contains("`greet`"),
        "{told}"
    );
    assert!(told.contains("is not WebAssembly"), "{told}");
}

#[test]
fn a_component_may_come_from_where_the_build_put_it() {
    let bench = Bench::with_shop();
    std::fs::rename(
        bench.path().join("shop/components/pricing.wasm"),
        bench.path().join("fresh.wasm"),
    )
    .unwrap();
    bench.expect(1, "build shop -o shop.gtpack");
    bench.expect(
        0,
        "build shop -o shop.gtpack --component pricing=fresh.wasm",
    );
    let told = bench.expect(
        1,
        "build shop -o shop.gtpack --component pricing=fresh.wasm --component x=fresh.wasm",
    );
    assert!(told.contains("`x`"), "{told}");
}

#[test]
fn wrong_use_ends_with_two_and_a_missing_pack_with_one() {
    let bench = Bench::new();
    bench.expect(2, "verify shop.gtpack");
    bench.expect(2, "buld shop");
    let told = bench.expect(1, "inspect gone.gtpack");
    assert!(
        told.contains("gone.gtpack") && told.contains("check the path"),
        "{told}"
    );
    let told = bench.expect(1, "inspect .");
    assert!(told.contains("not a regular file"), "{told}");
}
