//! Packs and plugins from a real registry: by tag and by digest, from the cache when it is gone, locked, and watched while people talk.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use greentic_test_servers::Server;
use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::{Checked, Host, built, check, eventually, run, run_with};
use serde_json::Value;

/// `me` with the password `let me in`.
const PASSWORDS: &str = "me:$2y$04$abcdefghijklmnopqrstuuTnc8amReAFiMHxaSoW9U22KarbWnkSm\n";

/// The demo with one more pack, which comes from a registry and whose flow the chat page has.
struct Bench {
    folder: Folder,
    registry: Server,
    /// Of this test and this run: what is in the cache is of nobody else.
    repository: String,
}

impl Bench {
    fn new(passwords: Option<&str>) -> Self {
        let registry = Server::registry(passwords);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let repository = format!("own/of-{}-{}", std::process::id(), now.as_nanos());
        let from = format!("oci://{}/{repository}", registry.address());
        let folder = Folder::demo()
            .but(
                "packs:\n  helpdesk:",
                &format!("packs:\n  own: {{ from: \"{from}:stable\" }}\n  helpdesk:"),
            )
            .but(
                "may-sign: [greentic/*, demo/*]",
                "may-sign: [greentic/*, demo/*, own/*]",
            )
            .but("flow: helpdesk/welcome ", "flow: own/welcome ")
            .but(
                "# admin: { listen: 127.0.0.1:8081, token: \"${GREENTIC_ADMIN_TOKEN}\" }",
                "admin: { listen: 127.0.0.1:0, token: \"${ADMIN_TOKEN}\" }",
            )
            .but(
                "trust:\n",
                &format!(
                    "registries: [{{ host: \"{}\", insecure: true }}]\ntrust:\n",
                    registry.address()
                ),
            );
        Self {
            folder,
            registry,
            repository,
        }
    }

    fn tool(&self, arguments: &[&str]) -> String {
        let done = Command::new(built::pack_tool())
            .args(arguments)
            .env("DOCKER_CONFIG", self.folder.file("docker"))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap()
    }

    fn reference(&self, tag: &str) -> String {
        format!(
            "oci://{}/{}:{tag}",
            self.registry.address(),
            self.repository
        )
    }

    /// Builds the pack in a version that says something, signed or not, and pushes it under a tag.
    fn push(&self, version: &str, says: &str, tag: &str, signed: bool) -> Value {
        self.folder.write(
            "own/pack.yaml",
            format!("id: own/pack\nversion: {version}\nname: Own\nkind: application\n"),
        );
        self.folder.write(
            "own/flows/welcome.ygtc",
            format!(
                "# {}\nid: welcome\ntype: messaging\ntitle: T\nschema_version: 2\nstart: a\nnodes:\n  a: {{ emit.response: {says}, routing: out }}\n",
                self.repository
            ),
        );
        let key = built::repository().join(".greentic/dev-key");
        let mut build = vec!["build", "own", "-o", "own.gtpack"];
        if signed {
            build.extend(["--key", key.to_str().unwrap()]);
        }
        self.tool(&build);
        let said = self.tool(&[
            "push",
            "own.gtpack",
            &self.reference(tag),
            "--insecure",
            "--json",
        ]);
        serde_json::from_str(&said).unwrap()
    }

    fn start(&self) -> Host {
        Host::start_with(&self.folder, |command| {
            command.env("GREENTIC_LISTEN", "127.0.0.1:0");
        })
    }
}

/// What the host's flow says to somebody who comes.
fn greeting(host: &Host) -> String {
    let mut chat = Chat::begin(&host.origin, "web", None);
    chat.say("hello");
    chat.hear_text()
}

#[track_caller]
fn refused(checked: &Checked, parts: &[&str]) {
    assert_eq!(checked.code, Some(1), "{}", checked.stderr);
    for part in parts {
        assert!(
            checked.stderr.contains(part),
            "`{part}` is not in:\n{}",
            checked.stderr
        );
    }
}

#[track_caller]
fn accepted(checked: &Checked) {
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}

fn cached(digest: &Value) -> PathBuf {
    let digits = digest.as_str().unwrap().trim_start_matches("sha256:");
    built::cache()
        .join("greentic-host/registry/sha256")
        .join(digits)
}

#[test]
fn packs_and_plugins_come_from_a_registry_by_tag_and_by_digest() {
    let bench = Bench::new(None);
    bench.push("1.0.0", "one", "stable", true);
    let tools = format!("oci://{}/tools:1", bench.registry.address());
    let pushed = bench.tool(&["push", "packs/tools.gtpack", &tools, "--insecure", "--json"]);
    let pushed: Value = serde_json::from_str(&pushed).unwrap();
    bench.folder.edit(
        "from: packs/tools.gtpack",
        &format!("from: \"{}\"", pushed["pinned"].as_str().unwrap()),
    );
    let host = bench.start();
    assert_eq!(greeting(&host), "one");
}

#[test]
fn a_component_in_the_layout_of_the_wasm_artifact_is_a_plugin_where_unsigned_ones_are_allowed() {
    let bench = Bench::new(None);
    bench.push("1.0.0", "one", "stable", true);
    let file = built::plugins().join("tool_tickets.wasm");
    let tool = format!("oci://{}/tickets:1", bench.registry.address());
    bench.tool(&["push", file.to_str().unwrap(), &tool, "--insecure"]);
    bench.folder.edit(
        "from: packs/tools.gtpack\n    component: tool-tickets",
        &format!("from: \"{tool}\""),
    );
    refused(&check(&bench.folder), &[&tool, "which nobody has signed"]);
    accepted(&run(&bench.folder, &["--check", "--allow-unsigned"]));
}

#[test]
fn what_is_wrong_in_a_registry_is_told_with_its_line_layer_and_remedy() {
    let bench = Bench::new(None);
    let tag = bench.reference("stable");
    refused(
        &check(&bench.folder),
        &[&tag, "MANIFEST_UNKNOWN", "bundle.yaml:"],
    );
    let pushed = bench.push("1.0.0", "one", "stable", true);
    let layer = pushed["digest"].as_str().unwrap();
    let file = bench.registry.blob(layer);
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[100] ^= 1;
    std::fs::write(&file, changed).unwrap();
    refused(
        &check(&bench.folder),
        &[
            &tag,
            layer,
            "was changed in the registry",
            "do not use it",
            "bundle.yaml:",
        ],
    );
    std::fs::remove_file(&file).unwrap();
    refused(
        &check(&bench.folder),
        &[&tag, layer, "the registry does not have it"],
    );
    assert!(
        !cached(&pushed["digest"]).exists(),
        "nothing wrong was kept"
    );
    std::fs::write(&file, whole).unwrap();
    accepted(&check(&bench.folder));
    // A registry vouches for nobody: whose signature is missing is refused wherever it comes from.
    bench.push("1.1.0", "two", "stable", false);
    refused(&check(&bench.folder), &[&tag, "is not signed"]);
}

#[test]
fn a_registry_that_is_gone_stops_only_what_was_never_fetched() {
    let mut bench = Bench::new(None);
    let offline = |bench: &Bench| run(&bench.folder, &["--check", "--offline"]);
    let pushed = bench.push("1.0.0", "one", "stable", true);
    refused(
        &offline(&bench),
        &["not in the cache", "without `--offline`"],
    );
    accepted(&check(&bench.folder));
    bench.push("1.1.0", "two", "other", true);
    bench.registry.kill();
    let gone = bench.start();
    gone.logs("what the tag had when it was last seen is used");
    assert_eq!(greeting(&gone), "one");
    accepted(&offline(&bench));
    // What is damaged in the cache is not used, and fetched again when it can be.
    std::fs::write(cached(&pushed["digest"]), "damaged").unwrap();
    refused(&offline(&bench), &["not in the cache"]);
    refused(&check(&bench.folder), &["cannot be reached"]);
    bench.registry.restart();
    accepted(&check(&bench.folder));
    accepted(&offline(&bench));
    bench.registry.kill();
    bench.folder.edit(":stable", ":other");
    refused(
        &check(&bench.folder),
        &["cannot be reached", ":other", "bundle.yaml:"],
    );
}

#[test]
fn credentials_come_from_the_bundle_or_from_the_docker_configuration() {
    let bench = Bench::new(Some(PASSWORDS));
    let host = bench.registry.address();
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"bWU6bGV0IG1lIGlu"}}}}}}"#);
    bench.folder.write("docker/config.json", config);
    bench.push("1.0.0", "one", "stable", true);
    let checked = |config: &str, password: &str| {
        run_with(&bench.folder, &["--check"], |command| {
            command
                .env("DOCKER_CONFIG", bench.folder.file(config))
                .env("REGISTRY_PASSWORD", password);
        })
    };
    refused(
        &checked("none", ""),
        &[
            "refuses access",
            "no credentials are known for it",
            "docker login",
            "bundle.yaml:",
        ],
    );
    accepted(&checked("docker", ""));
    bench.folder.edit(
        "insecure: true",
        "insecure: true, username: me, password: \"${REGISTRY_PASSWORD}\"",
    );
    let wrong = checked("docker", "a guess");
    refused(&wrong, &["refuses access", "those named for it were shown"]);
    assert!(!wrong.stderr.contains("a guess"), "{}", wrong.stderr);
    accepted(&checked("none", "let me in"));
}

#[test]
fn the_password_of_a_registry_may_be_a_secret_of_a_backend_that_is_a_file() {
    let bench = Bench::new(Some(PASSWORDS));
    let host = bench.registry.address();
    let config = format!(r#"{{"auths":{{"{host}":{{"auth":"bWU6bGV0IG1lIGlu"}}}}}}"#);
    bench.folder.write("docker/config.json", config);
    bench.push("1.0.0", "one", "stable", true);
    bench.folder.edit(
        "insecure: true",
        "insecure: true, username: me, secret: registry/robot",
    );
    let checked = || {
        run_with(&bench.folder, &["--check"], |command| {
            command.env("DOCKER_CONFIG", bench.folder.file("none"));
        })
    };
    refused(
        &checked(),
        &[
            "the secret `registry/robot` of a registry cannot be had from `secret-files`",
            "bundle.yaml:",
        ],
    );
    bench.folder.write("secrets/registry/robot", "a guess");
    let wrong = checked();
    refused(&wrong, &["refuses access", "those named for it were shown"]);
    assert!(!wrong.stderr.contains("a guess"), "{}", wrong.stderr);
    bench.folder.write("secrets/registry/robot", "let me in\n");
    accepted(&checked());
    // It cannot be asked for what its own place needs.
    let backends = bench.tool(&[
        "push",
        "packs/backends.gtpack",
        &format!("oci://{host}/backends:1"),
        "--insecure",
        "--json",
    ]);
    let backends: Value = serde_json::from_str(&backends).unwrap();
    bench.folder.edit(
        "secret-files:\n    from: packs/backends.gtpack",
        &format!(
            "secret-files:\n    from: \"{}\"",
            backends["pinned"].as_str().unwrap()
        ),
    );
    refused(
        &checked(),
        &[
            "comes from a registry itself",
            "take the secrets backend from a file",
        ],
    );
}

#[test]
fn what_is_locked_is_loaded_wherever_its_tag_has_gone() {
    let bench = Bench::new(None);
    let first = bench.push("1.0.0", "one", "stable", true);
    assert_eq!(run(&bench.folder, &["--lock"]).code, Some(0));
    let lock = std::fs::read_to_string(bench.folder.file("greentic.lock")).unwrap();
    let lock: Value = serde_json::from_str(&lock).unwrap();
    let locked = &lock["packs"][bench.reference("stable")];
    assert_eq!(locked["digest"], first["digest"], "{lock}");
    assert_eq!(locked["manifest"], first["manifest"], "{lock}");
    bench.push("2.0.0", "two", "stable", true);
    let greeting_of = |arguments: &[&str]| {
        let host = Host::start_with(&bench.folder, |command| {
            command
                .env("GREENTIC_LISTEN", "127.0.0.1:0")
                .args(arguments);
        });
        greeting(&host)
    };
    assert_eq!(greeting_of(&["--locked"]), "one");
    assert_eq!(greeting_of(&[]), "two");
    // Back under the tag comes nothing older than what is locked.
    assert_eq!(run(&bench.folder, &["--lock"]).code, Some(0));
    bench.push("1.5.0", "older", "stable", true);
    refused(
        &check(&bench.folder),
        &["own/pack 1.5.0, and 2.0.0 was seen before"],
    );
}

#[test]
fn a_new_version_under_a_watched_tag_is_taken_over_while_people_talk() {
    let bench = Bench::new(None);
    bench.push("1.0.0", "one", "stable", true);
    bench.folder.edit(":stable\" }", ":stable\", watch: 1s }");
    let host = bench.start();
    assert_eq!(greeting(&host), "one");
    bench.push("1.1.0", "two", "stable", true);
    host.serves(2);
    assert_eq!(greeting(&host), "two");
    let line = host.logs("generation 2 serves");
    assert!(
        line.contains(&format!("a new version of {}", bench.reference("stable"))),
        "{line}"
    );
    // A version nobody signed leaves the running one, and says why.
    bench.push("1.2.0", "three", "stable", false);
    host.reaches(
        "greentic_generation_swaps_total",
        &[("outcome", "refused")],
        1.0,
    );
    assert_eq!((host.generation(), greeting(&host).as_str()), (2, "two"));
    let listed = host.administer("GET", "/generations").json();
    let why = listed["refused"].as_str().unwrap();
    assert!(
        why.contains("is not signed") && why.contains("generation 2 goes on"),
        "{why}"
    );
    // An older one is refused too, and so is none that is newer.
    bench.push("1.0.5", "four", "stable", true);
    host.logs("1.0.5, and 1.1.0 was seen before");
    bench.push("1.3.0", "five", "stable", true);
    host.serves(3);
    assert_eq!(greeting(&host), "five");
    let back = host.administer("POST", "/generations/rollback");
    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(greeting(&host), "two");
}

#[test]
fn a_registry_that_goes_while_its_tag_is_watched_changes_nothing_and_is_asked_again() {
    let mut bench = Bench::new(None);
    bench.push("1.0.0", "one", "stable", true);
    bench.folder.edit(":stable\" }", ":stable\", watch: 1s }");
    let host = bench.start();
    bench.registry.kill();
    host.logs("what runs goes on, and it is asked again");
    assert_eq!((host.generation(), greeting(&host).as_str()), (1, "one"));
    bench.registry.restart();
    bench.push("1.1.0", "two", "stable", true);
    eventually("the new version serves", || {
        (host.generation() == 2).then_some(())
    });
    assert_eq!(greeting(&host), "two");
}
