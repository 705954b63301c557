//! `push` and `pull` against a real registry: there and back, and what is said when something is wrong.

// A test says what is wrong by failing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod folder;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use folder::{component, write_shop};
use greentic_test_servers::{Authority, Server, TlsFront};
use serde_json::Value;
use tempfile::TempDir;

/// `me` with the password `let me in`.
const PASSWORDS: &str = "me:$2y$04$abcdefghijklmnopqrstuuTnc8amReAFiMHxaSoW9U22KarbWnkSm\n";

/// A folder with a pack and a component, and a registry.
struct Bench {
    dir: TempDir,
    registry: Server,
}

impl Bench {
    fn new(passwords: Option<&str>) -> Self {
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
            registry: Server::registry(passwords),
        };
        write_shop(&bench.path().join("shop"));
        std::fs::write(bench.path().join("quote.wasm"), component()).unwrap();
        std::fs::create_dir(bench.path().join("docker")).unwrap();
        bench.expect(0, &["build", "shop", "-o", "shop.gtpack"]);
        bench
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn reference(&self, rest: &str) -> String {
        format!("oci://{}/{rest}", self.registry.address())
    }

    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let path = std::env::var("PATH").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_greentic-pack"))
            .args(arguments)
            .current_dir(self.path())
            .env("DOCKER_CONFIG", self.path().join("docker"))
            .env("PATH", format!("{}:{path}", self.path().display()))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .concat();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{text}");
        text
    }

    /// Pushes a file and gives what `--json` says.
    #[track_caller]
    fn push(&self, file: &str, rest: &str) -> Value {
        let reference = self.reference(rest);
        let said = self.expect(0, &["push", file, &reference, "--insecure", "--json"]);
        serde_json::from_str(&said).unwrap()
    }

    #[track_caller]
    fn pull(&self, code: i32, reference: &str) -> String {
        self.expect(code, &["pull", reference, "-o", "got", "--insecure"])
    }

    #[track_caller]
    fn refuses(&self, reference: &str, parts: &[&str]) {
        let said = self.pull(1, reference);
        for part in parts.iter().chain(&[reference]) {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(!self.path().join("got").exists(), "nothing is written");
    }

    fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path().join(file)).unwrap()
    }

    fn docker(&self, config: &str) {
        std::fs::write(self.path().join("docker/config.json"), config).unwrap();
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("`{key}` of {value}"))
}

#[test]
fn a_lock_file_has_what_registries_have_with_its_manifest() {
    let bench = Bench::new(None);
    let pushed = bench.push("shop.gtpack", "acme/shop:1.0");
    let component = bench.push("quote.wasm", "acme/quote:1");
    let [shop, quote] = ["acme/shop:1.0", "acme/quote:1"].map(|rest| bench.reference(rest));
    let said = bench.expect(
        0,
        &["lock", "shop.gtpack", &shop, &quote, "--insecure", "--json"],
    );
    let begin = said.find('{').unwrap();
    let end = said.rfind('}').unwrap();
    let shown: Value = serde_json::from_str(&said[begin..=end]).unwrap();
    let written: Value = serde_json::from_slice(&bench.read("greentic.lock")).unwrap();
    assert_eq!(shown, written);
    let packs = &written["packs"];
    let (file, there) = (&packs["shop.gtpack"], &packs[&shop]);
    assert_eq!(file["digest"], there["digest"]);
    assert_eq!(
        (&there["manifest"], &there["version"]),
        (&pushed["manifest"], &"1.2.3".into())
    );
    assert!(file.get("manifest").is_none(), "{file}");
    assert_eq!(packs[&quote]["manifest"], component["manifest"]);
    let gone = bench.reference("acme/gone:1");
    let said = bench.expect(1, &["lock", &gone, "--insecure"]);
    assert!(
        said.contains(&gone) && said.contains("does not have it"),
        "{said}"
    );
}

#[test]
fn a_pack_goes_there_and_back_by_tag_and_by_digest() {
    let bench = Bench::new(None);
    let pushed = bench.push("shop.gtpack", "acme/shop:1.0");
    assert_eq!(text(&pushed, "kind"), "pack");
    let by_tag = bench.pull(0, &bench.reference("acme/shop:1.0"));
    assert!(by_tag.contains("demo/shop 1.2.3"), "{by_tag}");
    assert_eq!(bench.read("got"), bench.read("shop.gtpack"));
    std::fs::remove_file(bench.path().join("got")).unwrap();
    bench.pull(0, text(&pushed, "pinned"));
    assert_eq!(bench.read("got"), bench.read("shop.gtpack"));
    // The same pack is the same artifact, under another tag and in another place.
    let again = bench.push("shop.gtpack", "other/place:2");
    assert_eq!(again["manifest"], pushed["manifest"]);
    // And pushing by the digest it has says nothing else.
    bench.push(
        "shop.gtpack",
        &format!("acme/shop@{}", text(&pushed, "manifest")),
    );
}

#[test]
fn a_component_goes_there_and_back_in_the_layout_of_the_wasm_artifact() {
    let bench = Bench::new(None);
    let pushed = bench.push("quote.wasm", "acme/quote:1");
    assert_eq!(text(&pushed, "kind"), "component");
    let manifest = std::fs::read(bench.registry.blob(text(&pushed, "manifest"))).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    let config = std::fs::read(bench.registry.blob(text(&manifest["config"], "digest"))).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["layerDigests"][0], pushed["digest"], "{config}");
    assert!(
        !config["component"]["exports"]
            .as_array()
            .unwrap()
            .is_empty(),
        "{config}"
    );
    bench.pull(0, &bench.reference("acme/quote:1"));
    assert_eq!(bench.read("got"), bench.read("quote.wasm"));
}

#[test]
fn what_was_changed_in_the_registry_is_refused_with_its_layer() {
    let bench = Bench::new(None);
    let pushed = bench.push("shop.gtpack", "acme/shop:1");
    let (tag, layer) = (bench.reference("acme/shop:1"), text(&pushed, "digest"));
    let file = bench.registry.blob(layer);
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &changed).unwrap();
    bench.refuses(
        &tag,
        &[layer, "was changed in the registry", "do not use it"],
    );
    std::fs::write(&file, whole.get(..whole.len() - 1).unwrap()).unwrap();
    bench.refuses(
        &tag,
        &[layer, &format!("its manifest says {}", whole.len())],
    );
    std::fs::write(&file, [whole.as_slice(), b"x"].concat()).unwrap();
    bench.refuses(
        &tag,
        &[layer, &format!("its manifest says {}", whole.len())],
    );
    std::fs::remove_file(&file).unwrap();
    bench.refuses(&tag, &[layer, "the registry does not have it"]);
    std::fs::write(&file, &whole).unwrap();
    bench.pull(0, &tag);
}

#[test]
fn a_manifest_that_is_not_the_one_asked_for_is_refused() {
    let bench = Bench::new(None);
    let pushed = bench.push("shop.gtpack", "acme/shop:1");
    let manifest = text(&pushed, "manifest").to_owned();
    let nobody = manifest
        .replace(|digit: char| digit.is_ascii_digit(), "f")
        .replace("shafff", "sha256");
    bench.refuses(
        &bench.reference(&format!("acme/shop@{nobody}")),
        &["manifest", "does not have it"],
    );
    bench.refuses(
        &bench.reference("acme/shop:2"),
        &["manifest", "MANIFEST_UNKNOWN"],
    );
    bench.refuses(&bench.reference("acme/none:1"), &["does not have it"]);
    // Another title: still a manifest, and not the same.
    let file = bench.registry.blob(&manifest);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("shop.gtpack", "ship.gtpack")).unwrap();
    bench.refuses(
        &bench.reference(&format!("acme/shop@{manifest}")),
        &["manifest"],
    );
}

#[test]
fn a_registry_that_wants_credentials_gets_those_of_the_docker_configuration() {
    let bench = Bench::new(Some(PASSWORDS));
    let tag = bench.reference("acme/shop:1");
    let push = |code| bench.expect(code, &["push", "shop.gtpack", &tag, "--insecure"]);
    let refused = push(1);
    for part in ["no credentials are known for it", "docker login"] {
        assert!(refused.contains(part), "{refused}");
    }
    let host = bench.registry.address();
    // `me:wrong`, then `me:let me in`.
    bench.docker(&format!(
        r#"{{"auths":{{"{host}":{{"auth":"bWU6d3Jvbmc="}}}}}}"#
    ));
    let refused = push(1);
    assert!(refused.contains("config.json were shown"), "{refused}");
    bench.docker(&format!(
        r#"{{"auths":{{"http://{host}/v1/":{{"auth":"bWU6bGV0IG1lIGlu"}}}}}}"#
    ));
    push(0);
    bench.pull(0, &tag);
    // A helper of the registry comes before what stands in the file.
    let helper = bench.path().join("docker-credential-tests");
    std::fs::write(&helper, "#!/bin/sh\nread server\necho \"$server\" > asked\necho '{\"Username\":\"me\",\"Secret\":\"let me in\"}'\n").unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    bench.docker(&format!(
        r#"{{"credHelpers":{{"{host}":"tests"}},"auths":{{"{host}":{{"auth":"bWU6d3Jvbmc="}}}}}}"#
    ));
    bench.pull(0, &tag);
    assert_eq!(String::from_utf8(bench.read("asked")).unwrap().trim(), host);
    bench.docker(r#"{"credsStore":"nobody-has-this"}"#);
    let refused = bench.pull(1, &tag);
    assert!(
        refused.contains("docker-credential-nobody-has-this cannot be run"),
        "{refused}"
    );
}

#[test]
fn a_registry_that_is_gone_or_speaks_otherwise_is_said_to_be() {
    let mut bench = Bench::new(None);
    let tag = bench.reference("acme/shop:1");
    bench.push("shop.gtpack", "acme/shop:1");
    let tls = bench.expect(1, &["pull", &tag, "-o", "got"]);
    assert!(
        tls.contains("speaks plain http where TLS is expected"),
        "{tls}"
    );
    let elsewhere = bench.expect(
        1,
        &[
            "pull",
            "oci://registry.invalid/a:1",
            "-o",
            "got",
            "--insecure",
        ],
    );
    assert!(
        elsewhere.contains("plain http is for registries on this machine only"),
        "{elsewhere}"
    );
    bench.registry.kill();
    bench.refuses(&tag, &["cannot be reached", "check the name"]);
    let wrong = bench.expect(2, &["pull", "oci://host/UPPER:1", "-o", "got"]);
    assert!(wrong.contains("not a repository"), "{wrong}");
}

#[test]
fn a_registry_with_a_certificate_of_ones_own_authority_is_trusted_by_that_authority_only() {
    let bench = Bench::new(None);
    let authority = Authority::new();
    std::fs::write(bench.path().join("authority.pem"), authority.pem()).unwrap();
    let front = TlsFront::before(bench.registry.port(), &authority.sign("localhost"));
    let tag = format!("oci://localhost:{}/acme/shop:1", front.port());
    let with = ["--authorities", "authority.pem"];
    bench.expect(
        0,
        &[&["push", "shop.gtpack", &tag], with.as_slice()].concat(),
    );
    let unknown = bench.expect(1, &["pull", &tag, "-o", "got"]);
    assert!(
        unknown.contains("UnknownIssuer") && unknown.contains("--authorities"),
        "{unknown}"
    );
    bench.expect(0, &[&["pull", &tag, "-o", "got"], with.as_slice()].concat());
    assert_eq!(bench.read("got"), bench.read("shop.gtpack"));
    let other = tag.replace("localhost", "127.0.0.1");
    let refused = bench.expect(
        1,
        &[&["pull", &other, "-o", "got"], with.as_slice()].concat(),
    );
    assert!(
        refused.contains("invalid peer certificate"),
        "of another name: {refused}"
    );
}
