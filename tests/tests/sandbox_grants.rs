//! A plugin has what the bundle grants it and nothing else, and what it is refused names the plugin and the line to add.

use greentic_interfaces::imports::greentic::channel::types::IngressError;
use greentic_interfaces::model::Header;
use greentic_sandbox::client::Policy;
use greentic_sandbox::grants::GrantTexts;
use greentic_sandbox::scope::CallScope;
use greentic_tests::sandbox::{Bench, Guest, Heard, Server, Wanders, binding, limits, secret};

fn http(grants: &[String]) -> GrantTexts {
    GrantTexts {
        http: grants.to_vec(),
        ..GrantTexts::default()
    }
}

#[tokio::test]
async fn without_a_grant_there_are_no_files() {
    let guest = Guest::of(
        &Bench::default().plugin("hostile_channel", limits()),
        "acme",
    )
    .await;
    for path in [
        "/etc/passwd",
        "../../etc/passwd",
        "Cargo.toml",
        "/proc/self/environ",
        ".",
    ] {
        for mode in ["read", "list", "write"] {
            let answer = guest
                .ask(&format!("/{mode}?path={path}"))
                .await
                .expect("no fault");
            assert!(answer.starts_with("denied: "), "{mode} {path}: {answer}");
        }
    }
    assert!(!std::path::Path::new("was here").exists());
}

#[tokio::test]
async fn a_granted_folder_is_all_there_is_and_cannot_be_left() {
    let base = tempfile::tempdir().expect("a folder");
    let folder = base.path().join("data");
    std::fs::create_dir(&folder).expect("a folder in it");
    std::fs::write(folder.join("mine"), "granted").expect("a file");
    std::fs::write(base.path().join("theirs"), "not granted").expect("a file");
    std::os::unix::fs::symlink("../theirs", folder.join("near")).expect("a link");
    std::os::unix::fs::symlink(base.path().join("theirs"), folder.join("far")).expect("a link");
    let grants = GrantTexts {
        read: vec![folder.clone()],
        ..GrantTexts::default()
    };
    let guest = Guest::of(
        &Bench::default().granted("hostile_channel", limits(), &grants),
        "acme",
    )
    .await;
    assert_eq!(
        guest.ask("/read?path=/data/mine").await,
        Ok("granted".into())
    );
    for path in [
        "/data/../theirs",
        "/data/near",
        "/data/far",
        "/theirs",
        "data/../../theirs",
    ] {
        let answer = guest
            .ask(&format!("/read?path={path}"))
            .await
            .expect("no fault");
        assert!(answer.starts_with("denied: "), "{path}: {answer}");
    }
    let written = guest.ask("/write?path=/data/new").await.expect("no fault");
    assert!(
        written.starts_with("denied: "),
        "a folder granted to read was written: {written}"
    );
    assert!(!folder.join("new").exists());
}

#[tokio::test]
async fn a_folder_of_one_plugin_is_not_anothers() {
    let base = tempfile::tempdir().expect("a folder");
    let folder = base.path().join("data");
    std::fs::create_dir(&folder).expect("a folder in it");
    let grants = GrantTexts {
        write: vec![folder.clone()],
        ..GrantTexts::default()
    };
    let bench = Bench::default();
    let ours = Guest::of(&bench.granted("hostile_channel", limits(), &grants), "acme").await;
    let theirs = Guest::of(&bench.plugin("hostile_channel", limits()), "acme").await;
    assert_eq!(
        ours.ask("/write?path=/data/new").await,
        Ok("written".into())
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("new")).ok().as_deref(),
        Some("was here")
    );
    let answer = theirs.ask("/read?path=/data/new").await.expect("no fault");
    assert!(answer.starts_with("denied: "), "{answer}");
}

#[tokio::test]
async fn the_hosts_environment_arguments_and_input_are_not_seen() {
    assert!(
        std::env::vars().next().is_some(),
        "the test itself has an environment"
    );
    let bench = Bench::default();
    let guest = Guest::of(&bench.plugin("hostile_channel", limits()), "acme").await;
    for mode in ["/env", "/args", "/stdin"] {
        assert_eq!(guest.ask(mode).await, Ok(String::new()), "{mode}");
    }
    let grants = GrantTexts {
        env: vec![("REGION".into(), "eu".into())],
        ..GrantTexts::default()
    };
    let granted = Guest::of(&bench.granted("hostile_channel", limits(), &grants), "acme").await;
    assert_eq!(granted.ask("/env").await, Ok("REGION=eu\n".into()));
}

#[tokio::test]
async fn a_secret_that_was_not_granted_cannot_be_opened() {
    let plugin = Bench::default().plugin("hostile_channel", limits());
    let ours = Guest::bound(
        &plugin,
        binding("acme", [secret("k", b"value", false)]),
        Policy::PerTenant,
    )
    .await;
    let theirs = Guest::of(&plugin, "globex").await;
    assert_eq!(ours.ask("/secret?name=k").await, Ok("1".into()));
    for (guest, name) in [(&ours, "other"), (&theirs, "k")] {
        let answer = guest
            .ask(&format!("/secret?name={name}"))
            .await
            .expect("no fault");
        for part in [
            "denied: ",
            "plugin `hostile_channel`",
            &format!("`{name}`"),
            "`plugins.hostile_channel.grants.secrets`",
        ] {
            assert!(answer.contains(part), "{answer} does not say {part}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_used_without_being_seen_unless_that_is_granted_too() {
    let plugin = Bench::default().plugin("hostile_channel", limits());
    let guest = Guest::bound(
        &plugin,
        binding(
            "acme",
            [
                secret("k", b"by handle", false),
                secret("r", b"to be seen", true),
            ],
        ),
        Policy::PerTenant,
    )
    .await;
    let answer = guest.ask("/reveal?name=k").await.expect("no fault");
    assert!(
        answer.starts_with("denied: plugin `hostile_channel`")
            && answer.contains("`plugins.hostile_channel.grants.reveal`"),
        "{answer}"
    );
    assert_eq!(guest.ask("/reveal?name=r").await, Ok("to be seen".into()));
}

#[tokio::test]
async fn host_calls_for_secrets_are_counted_for_each_call_anew() {
    let plugin = Bench::default().plugin("hostile_channel", limits());
    let guest = Guest::bound(
        &plugin,
        binding("acme", [secret("k", b"value", false)]),
        Policy::PerTenant,
    )
    .await;
    for _ in 0..3 {
        assert_eq!(guest.ask("/secret-flood?n=90").await, Ok("done".into()));
        assert_eq!(guest.ask("/secret?name=k").await, Ok("1".into()));
    }
    assert_eq!(guest.started(), 1);
}

/// RFC 4231, test case 2: an HMAC that was computed by others.
const KEY: &str = "Jefe";
const BODY: &str = "what do ya want for nothing?";
const TAG: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

#[tokio::test]
async fn a_webhook_is_verified_through_the_handle_and_the_value_is_written_nowhere() {
    let heard = Heard::begin();
    let plugin = Bench::default().plugin("echo_channel", limits());
    let cell = secret("signing-key", KEY.as_bytes(), false);
    let bound = binding("acme", [std::sync::Arc::clone(&cell)]);
    let debug = format!("{bound:?} {cell:?}");
    let guest = Guest::bound(&plugin, bound, Policy::PerTenant).await;
    let signed = |tag: &str| {
        vec![Header {
            name: "x-signature".into(),
            value: tag.into(),
        }]
    };
    let right = guest
        .send(CallScope::default(), "", signed(TAG), BODY)
        .await
        .expect("no fault");
    assert!(
        right
            .as_ref()
            .is_ok_and(|outcome| outcome.malformed.is_some()),
        "a body with the right signature was not read: {right:?}"
    );
    let wrong = guest
        .send(
            CallScope::default(),
            "",
            signed(&TAG.replace('5', "6")),
            BODY,
        )
        .await
        .expect("no fault");
    assert!(
        matches!(wrong, Err(IngressError::Unverified(_))),
        "{wrong:?}"
    );
    let unsigned = Guest::of(&plugin, "globex")
        .await
        .send(CallScope::default(), "", signed(TAG), BODY)
        .await
        .expect("no fault");
    assert!(
        matches!(&unsigned, Err(IngressError::Unavailable(text)) if text.contains("grants.secrets")),
        "{unsigned:?}"
    );
    let all = format!("{debug} {right:?} {wrong:?} {unsigned:?} {}", heard.text());
    assert!(
        !all.contains(KEY) && !all.contains("4a656665"),
        "the secret's value was written"
    );
}

#[tokio::test]
async fn a_host_that_was_not_granted_is_not_reached_by_name_nor_by_address() {
    let server = Server::start();
    let port = server.port();
    let names = Wanders::default().and("api.example", "127.0.0.1");
    let plugin = Bench::with_names(names).plugin("hostile_network", limits());
    let guest = Guest::of(&plugin, "acme").await;
    let urls = [
        format!("http://api.example:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://localhost:{port}/"),
    ];
    for url in urls {
        let answers = guest.steps(&[&format!("http GET {url}")]).await;
        assert!(
            answers.len() == 1 && answers.iter().all(|answer| answer.starts_with("denied: ")),
            "{url}: {answers:?}"
        );
        let refusals: Vec<_> = plugin
            .refusals()
            .take()
            .iter()
            .map(ToString::to_string)
            .collect();
        let said = refusals.join("\n");
        assert!(
            said.starts_with("plugin `hostile_network` was refused http http://"),
            "{url}: {said}"
        );
        assert!(
            said.contains("add under `plugins.hostile_network`: grants: { http: ["),
            "{url}: {said}"
        );
    }
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn a_granted_host_is_reached_and_the_grant_is_the_plugins_own() {
    let server = Server::start();
    let url = format!("127.0.0.1:{}", server.port());
    let bench = Bench::default();
    let granted = Guest::of(
        &bench.granted(
            "hostile_network",
            limits(),
            &http(std::slice::from_ref(&url)),
        ),
        "acme",
    )
    .await;
    let other = Guest::of(&bench.plugin("hostile_network", limits()), "acme").await;
    let step = format!("http GET http://{url}/");
    assert_eq!(granted.steps(&[&step]).await, ["200 reached"]);
    assert!(
        other
            .steps(&[&step])
            .await
            .iter()
            .all(|answer| answer.starts_with("denied: "))
    );
    assert_eq!(granted.steps(&[&step]).await, ["200 reached"]);
    assert_eq!(server.served(), 2);
}

#[tokio::test]
async fn a_redirect_grants_nothing() {
    let (open, closed) = (Server::start(), Server::start());
    let names = Wanders::default().and("inside.example", "127.0.0.1");
    let plugin = Bench::with_names(names).granted(
        "hostile_network",
        limits(),
        &http(&[format!("127.0.0.1:{}", open.port())]),
    );
    let guest = Guest::of(&plugin, "acme").await;
    for place in [
        format!("http://127.0.0.1:{}/", closed.port()),
        format!("http://inside.example:{}/", closed.port()),
        "http://169.254.169.254/".to_owned(),
    ] {
        let answers = guest
            .steps(&[&format!(
                "http GET http://127.0.0.1:{}/to/{place}",
                open.port()
            )])
            .await;
        assert!(
            answers.len() == 1 && answers.iter().all(|answer| answer.starts_with("denied: ")),
            "{place}: {answers:?}"
        );
        assert_eq!(plugin.refusals().take().len(), 1, "{place}");
    }
    assert_eq!((open.served(), closed.served()), (3, 0));
}

#[tokio::test]
async fn a_granted_name_that_leads_to_this_machine_is_not_followed_there() {
    let server = Server::start();
    let port = server.port();
    let names = Wanders::default()
        .and("api.example", "127.0.0.1")
        .and("rebound.example", "169.254.169.254");
    let grants = http(&[
        format!("http://api.example:{port}"),
        format!("http://rebound.example:{port}"),
    ]);
    let plugin = Bench::with_names(names).granted("hostile_network", limits(), &grants);
    let guest = Guest::of(&plugin, "acme").await;
    for (name, address) in [
        ("api.example", "127.0.0.1"),
        ("rebound.example", "169.254.169.254"),
    ] {
        let answers = guest
            .steps(&[&format!("http GET http://{name}:{port}/")])
            .await;
        assert!(
            answers.iter().all(|answer| answer.starts_with("denied: ")),
            "{name}: {answers:?}"
        );
        let refusals: Vec<_> = plugin
            .refusals()
            .take()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            refusals
                .iter()
                .any(|said| said.contains(name) && said.contains(address)),
            "{name}: {refusals:?}"
        );
    }
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn a_socket_needs_a_grant_of_its_own() {
    let server = Server::start();
    let address = format!("127.0.0.1:{}", server.port());
    let bench = Bench::default();
    let over_http = Guest::of(
        &bench.granted(
            "hostile_network",
            limits(),
            &http(std::slice::from_ref(&address)),
        ),
        "acme",
    )
    .await;
    let answers = over_http.steps(&[&format!("tcp {address}")]).await;
    assert!(
        answers.iter().all(|answer| answer.starts_with("denied: ")),
        "{answers:?}"
    );
    let grants = GrantTexts {
        tcp: vec![address.clone()],
        ..GrantTexts::default()
    };
    let over_tcp = Guest::of(&bench.granted("hostile_network", limits(), &grants), "acme").await;
    assert_eq!(
        over_tcp.steps(&[&format!("tcp {address}")]).await,
        ["connected"]
    );
    let answers = over_tcp
        .steps(&["tcp 127.0.0.1:1", &format!("http GET http://{address}/")])
        .await;
    assert!(
        answers.iter().all(|answer| answer.starts_with("denied: ")),
        "{answers:?}"
    );
}

#[tokio::test]
async fn a_secret_reaches_the_granted_host_through_its_placeholder_only() {
    let server = Server::start();
    let address = format!("127.0.0.1:{}", server.port());
    let heard = Heard::begin();
    let plugin = Bench::default().granted(
        "hostile_network",
        limits(),
        &http(std::slice::from_ref(&address)),
    );
    let guest = Guest::bound(
        &plugin,
        binding("acme", [secret("k", b"sesame-opens", false)]),
        Policy::PerTenant,
    )
    .await;
    let own = guest
        .steps(&[&format!(
            "http+authorization: Bearer my-own GET http://{address}/"
        )])
        .await;
    assert!(
        own.iter().all(|answer| answer.starts_with("denied: ")),
        "a credential from the component's own code was sent: {own:?}"
    );
    let answers = guest
        .steps(&[&format!(
            "http+authorization: Bearer {{secret}} GET http://{address}/"
        )])
        .await;
    assert_eq!(answers, ["200 reached"]);
    assert_eq!(
        server
            .heads()
            .iter()
            .filter(|line| line.eq_ignore_ascii_case("authorization: bearer sesame-opens"))
            .count(),
        1
    );
    assert!(!heard.of_plugins().concat().contains("sesame-opens"));
}
