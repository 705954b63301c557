//! What the client makes of a registry's answers: tokens, redirects, endless bodies, silence, and many at a time.
// A test says what is wrong by failing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scripted;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use greentic_registry::{
    Artifact, Cache, Client, Credentials, Digest, DockerConfig, Fetched, Fetcher, Limits, Reason,
    Reference, Registry, RegistryError,
};
use scripted::{Answer, Asked, Scripted, answer, endless};
use zeroize::Zeroizing;

fn pack() -> Artifact {
    let bytes = bytes::Bytes::from(vec![7; 3000]);
    Artifact::pack(bytes, "a.gtpack", BTreeMap::new()).unwrap()
}

/// What a registry with [`pack`] in it answers.
fn serve(asked: &Asked) -> Answer {
    let pack = pack();
    if asked.target.contains("/manifests/") {
        let kind = "content-type: application/vnd.oci.image.manifest.v1+json\r\n";
        return answer(200, kind, &pack.manifest);
    }
    let blob = pack
        .blobs
        .iter()
        .find(|(blob, _)| asked.target.ends_with(&blob.digest.to_string()));
    match blob {
        Some((_, bytes)) => answer(200, "", bytes),
        None => answer(404, "", b""),
    }
}

fn password() -> Credentials {
    Credentials::Password {
        username: "me".into(),
        password: Zeroizing::new("pw".into()),
    }
}

struct Asking {
    limits: Limits,
    credentials: Option<Credentials>,
    cache: Option<Cache>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Asking {
    fn new() -> Self {
        Self {
            limits: Limits::default(),
            credentials: None,
            cache: None,
            said: Arc::default(),
        }
    }

    fn client(&self, host: &str) -> Arc<Client> {
        let registry = Registry {
            host: host.to_owned(),
            insecure: true,
            credentials: self.credentials.clone(),
            authorities: None,
        };
        let docker = DockerConfig::default();
        Arc::new(Client::new(self.limits.clone(), vec![registry], docker).unwrap())
    }

    fn fetcher(&self, host: &str) -> Fetcher {
        let said = Arc::clone(&self.said);
        let tell = Arc::new(move |line: &str| said.lock().unwrap().push(line.to_owned()));
        Fetcher::new(self.client(host), self.cache.clone(), false, tell)
    }

    async fn fetch(&self, server: &Scripted) -> Result<Fetched, RegistryError> {
        self.fetcher(&server.address)
            .fetch(&reference(server, "1"))
            .await
    }
}

fn reference(server: &Scripted, tag: &str) -> Reference {
    format!("{}/a/b:{tag}", server.address).parse().unwrap()
}

/// Wants a token from a service at `realm`, and takes `abc`.
fn guarded(asked: &Asked, realm: &str) -> Answer {
    if asked.access.as_deref() == Some("Bearer abc") {
        return serve(asked);
    }
    let challenge = format!(
        "www-authenticate: Bearer realm=\"{realm}\",service=\"tests\",scope=\"repository:a/b:pull\"\r\n"
    );
    answer(401, &challenge, b"")
}

#[tokio::test]
async fn a_token_is_fetched_from_the_service_that_is_named_and_used_on() {
    let server = Scripted::start(|asked, own| {
        if asked.target.starts_with("/token") {
            return answer(200, "", br#"{"token":"abc","expires_in":60}"#);
        }
        guarded(asked, &format!("http://{own}/token"))
    });
    let anonymous = Asking::new().fetch(&server).await.unwrap();
    assert_eq!(anonymous.bytes.len(), 3000);
    let tokens = server.asked("/token");
    assert_eq!(tokens.len(), 1, "once for manifest and layer: {tokens:?}");
    assert!(
        tokens[0]
            .target
            .contains("service=tests&scope=repository%3Aa%2Fb%3Apull"),
        "{tokens:?}"
    );
    assert_eq!(tokens[0].access, None);
    let mut asking = Asking::new();
    asking.credentials = Some(password());
    asking.fetch(&server).await.unwrap();
    let tokens = server.asked("/token");
    assert_eq!(tokens[1].access.as_deref(), Some("Basic bWU6cHc="));
    asking.credentials = Some(Credentials::Identity(Zeroizing::new("long lived".into())));
    asking.fetch(&server).await.unwrap();
    let exchanged = &server.asked("/token")[2];
    assert_eq!(
        (exchanged.method.as_str(), exchanged.target.as_str()),
        ("POST", "/token")
    );
    assert!(
        exchanged
            .body
            .contains("grant_type=refresh_token&refresh_token=long+lived"),
        "{exchanged:?}"
    );
    asking.credentials = Some(Credentials::Bearer(Zeroizing::new("abc".into())));
    asking.fetch(&server).await.unwrap();
    assert_eq!(
        server.asked("/token").len(),
        3,
        "this one is shown as it is"
    );
}

#[tokio::test]
async fn name_and_password_go_to_no_token_service_in_the_clear_elsewhere() {
    let server = Scripted::start(|asked, _| guarded(asked, "http://tokens.invalid/token"));
    let mut asking = Asking::new();
    asking.credentials = Some(password());
    let refused = asking.fetch(&server).await.unwrap_err();
    assert!(
        matches!(&refused.reason, Reason::BadAnswer(why) if why.contains("does not speak TLS")),
        "{refused}"
    );
    let refusing = Scripted::start(|asked, own| {
        if asked.target.starts_with("/token") {
            return answer(
                401,
                "",
                br#"{"errors":[{"code":"DENIED","message":"no such user"}]}"#,
            );
        }
        guarded(asked, &format!("http://{own}/token"))
    });
    let refused = asking.fetch(&refusing).await.unwrap_err();
    assert!(
        matches!(&refused.reason, Reason::Unauthorized { detail, .. } if detail.contains("no such user")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_layer_may_lie_elsewhere_and_is_asked_for_there_without_credentials() {
    let elsewhere = Scripted::start(|asked, _| serve(asked));
    let place = elsewhere.address.clone();
    let server = Scripted::start(move |asked, _| match asked.access.as_deref() {
        Some("Basic bWU6cHc=") if asked.target.contains("/blobs/") => {
            let target = &asked.target;
            answer(307, &format!("location: http://{place}{target}\r\n"), b"")
        }
        Some("Basic bWU6cHc=") => serve(asked),
        _ => answer(401, "www-authenticate: Basic realm=\"x\"\r\n", b""),
    });
    let mut asking = Asking::new();
    asking.credentials = Some(password());
    asking.fetch(&server).await.unwrap();
    let asked = elsewhere.asked("/blobs/");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].access, None, "credentials are the registry's own");
}

#[tokio::test]
async fn redirects_that_nobody_should_follow_are_not_followed() {
    for (what, location, said) in [
        ("/blobs/", "http://storage.invalid/x", "does not speak TLS"),
        ("/blobs/", "file:///etc/passwd", "which is no address"),
        ("/blobs/", "/v2/a/b/blobs/again", "more than 5 times"),
        ("/manifests/", "/v2/a/b/manifests/2", "no redirect (307)"),
    ] {
        let server = Scripted::start(move |asked, _| {
            if asked.target.contains(what) {
                return answer(307, &format!("location: {location}\r\n"), b"");
            }
            serve(asked)
        });
        let refused = Asking::new().fetch(&server).await.unwrap_err();
        assert!(refused.to_string().contains(said), "{location}: {refused}");
        assert!(server.asked(what).len() <= 6, "{location}");
    }
}

#[tokio::test]
async fn bodies_without_an_end_are_not_read_to_it() {
    for what in ["/manifests/", "/blobs/"] {
        let server = Scripted::start(move |asked, _| {
            if asked.target.contains(what) {
                endless(200)
            } else {
                serve(asked)
            }
        });
        let refused = Asking::new().fetch(&server).await.unwrap_err();
        let fits = match &refused.reason {
            Reason::TooLarge { limit, key } => {
                (*limit, *key) == (4 * 1024 * 1024, "limits.registry.manifest")
            }
            Reason::SizeDiffers { stated, .. } => *stated == 3000,
            _ => false,
        };
        assert!(fits, "{refused}");
    }
    let failing = Scripted::start(|_, _| endless(404));
    let refused = Asking::new().fetch(&failing).await.unwrap_err();
    assert!(matches!(refused.reason, Reason::NotFound(_)), "{refused}");
    let mut small = Asking::new();
    small.limits.layer = 2999;
    let server = Scripted::start(|asked, _| serve(asked));
    let refused = small.fetch(&server).await.unwrap_err();
    assert!(
        matches!(refused.reason, Reason::TooLarge { limit: 2999, .. }),
        "{refused}"
    );
    assert!(
        server.asked("/blobs/").is_empty(),
        "it is not even asked for"
    );
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_silence_ends() {
    let count = AtomicUsize::new(0);
    let busy = Scripted::start(move |asked, _| {
        if count.fetch_add(1, Ordering::SeqCst) < 2 {
            answer(503, "", b"busy")
        } else {
            serve(asked)
        }
    });
    Asking::new().fetch(&busy).await.unwrap();
    assert_eq!(busy.asked("/manifests/").len(), 3);
    let silent = Scripted::start(|_, _| {
        std::thread::sleep(Duration::from_secs(30));
        Answer::new()
    });
    let mut asking = Asking::new();
    asking.limits.answer = Duration::from_millis(50);
    let begun = Instant::now();
    let refused = asking.fetch(&silent).await.unwrap_err();
    assert!(
        matches!(refused.reason, Reason::TimedOut { .. }),
        "{refused}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn several_are_fetched_at_a_time_and_no_more_than_allowed() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, highest) = (Arc::clone(&now), Arc::clone(&most));
    let server = Scripted::start(move |asked, _| {
        if asked.target.contains("/blobs/") {
            highest.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(300));
            counted.fetch_sub(1, Ordering::SeqCst);
        }
        serve(asked)
    });
    let references: Vec<_> = (0..9)
        .map(|tag| reference(&server, &tag.to_string()))
        .collect();
    let mut asking = Asking::new();
    asking.limits.parallel = 3;
    let fetched = asking.fetcher(&server.address).fetch_all(&references).await;
    assert!(fetched.iter().all(Result::is_ok));
    let order: Vec<_> = fetched
        .iter()
        .flatten()
        .map(|one| one.reference.clone())
        .collect();
    assert_eq!(order, references);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_takes_long_says_how_far_it_is_and_what_is_quick_says_nothing() {
    let server = Scripted::start(|asked, _| serve(asked));
    let asking = Asking::new();
    asking.fetch(&server).await.unwrap();
    assert_eq!(*asking.said.lock().unwrap(), Vec::<String>::new());
    // Half of the layer, and the rest after more than a second.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                let _ = stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 3000\r\n\r\n");
                for _ in 0..3 {
                    let _ = stream.write_all(&[7; 1000]);
                    std::thread::sleep(Duration::from_millis(1200));
                }
            });
        }
    });
    let server = Scripted::start(move |asked, _| {
        if asked.target.contains("/blobs/") {
            let target = &asked.target;
            return answer(307, &format!("location: http://{slow}{target}\r\n"), b"");
        }
        serve(asked)
    });
    asking.fetch(&server).await.unwrap();
    let said = asking.said.lock().unwrap().clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("a/b:1: 1 KiB of 2 KiB"), "{said:?}");
}

#[tokio::test]
async fn a_digest_in_the_cache_asks_nobody_and_a_tag_asks_for_its_manifest_only() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::start(|asked, _| serve(asked));
    let mut asking = Asking::new();
    asking.cache = Some(Cache::open(folder.path()).unwrap());
    let first = asking.fetch(&server).await.unwrap();
    assert!(!first.cached);
    asking.fetch(&server).await.unwrap();
    assert_eq!(server.asked("/blobs/").len(), 1);
    assert_eq!(server.asked("/manifests/").len(), 2);
    let pinned = reference(&server, "1").at(first.manifest);
    let again = asking
        .fetcher(&server.address)
        .fetch(&pinned)
        .await
        .unwrap();
    assert!(again.cached && again.bytes == first.bytes);
    assert_eq!(server.asked("").len(), 3);
}

#[tokio::test]
async fn a_registry_that_does_not_say_a_digest_is_asked_for_the_manifest() {
    let server = Scripted::start(|asked, _| match asked.method.as_str() {
        "HEAD" => b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n".to_vec(),
        _ => serve(asked),
    });
    let client = Asking::new().client(&server.address);
    let digest = client.digest_of(&reference(&server, "1")).await.unwrap();
    assert_eq!(digest, pack().digest());
    let lying = Scripted::start(|asked, _| {
        let other = format!("docker-content-digest: {}\r\n", Digest::of(b"other"));
        assert_eq!(asked.method, "GET");
        answer(200, &other, &pack().manifest)
    });
    let refused = Asking::new().fetch(&lying).await.unwrap_err();
    assert!(
        matches!(refused.reason, Reason::DigestDiffers { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_layer_with_other_bytes_of_the_same_length_is_refused_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::start(|asked, _| match asked.target.contains("/blobs/") {
        true => answer(200, "", &[8; 3000]),
        false => serve(asked),
    });
    let mut asking = Asking::new();
    asking.cache = Some(Cache::open(folder.path()).unwrap());
    let refused = asking.fetch(&server).await.unwrap_err();
    assert!(
        matches!(refused.reason, Reason::DigestDiffers { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("layer sha256:"), "{refused}");
    let kept = std::fs::read_dir(folder.path().join("sha256")).unwrap();
    assert_eq!(kept.count(), 1, "the manifest and nothing else");
}
